"""Recorded graphs as programs over a batch.

The modules in the order in which they are best read:

    instructions    the list of instructions, and calculating with them
    recording       from a graph, or a function, to such a list
    rules           derivatives that a function takes while it is recorded
    passes          gradient, simplification, fusion: from a list to a better one
    arrays          what programs take and return
    numpy_backend   a list run on arrays
    program         what a user holds: `compile` and `Program`
    storage, export keeping a program, and taking it elsewhere
    llvm            a list as machine code
"""

from autograd.compiler.instructions import BackendError, CompileError
from autograd.compiler.program import Program, compile

__all__ = ["BackendError", "CompileError", "Program", "compile"]
