"""Recorded graphs as programs over a batch.

The modules in the order in which they are best read:

    instructions    the list of instructions, and calculating with them
    recording       from a graph, or a function, to such a list
    rules           derivatives that a function takes while it is recorded
    chains          a + b + c + ... as one sum, whichever way it was written
    places          `take`, as choices or as a product of matrices
    passes          gradient, simplification: from a list to a better one
    repeats         equal steps, one after the other, as loops
    steps           the array program: what it is
    matrices        from a list to the arrays in it
    names           what the arrays are called
    mathematics     the array program as formulas
    array_text      the array program as Python text
    arrays          what programs take and return
    numpy_backend   that text, run
    prepared        a call that has everything made ready
    program         what a user holds: `compile` and `Program`
    storage, export keeping a program, and taking it elsewhere
    llvm            a list as machine code
    loop_text       the array program as loops of text
    javascript      those as a module for the browser
    c_source        those as a header for C
"""

from autograd.compiler.instructions import BackendError, CompileError
from autograd.compiler.program import Program, compile

__all__ = ["BackendError", "CompileError", "Program", "compile"]
