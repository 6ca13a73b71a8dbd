"""Recorded graphs as programs over a batch.

The modules in the order in which they are best read:

    code            the list of instructions, and calculating with them
    trace           from a graph, or a function, to such a list
    rules           derivatives that a function takes while it is recorded
    passes          gradient, simplification, fusion: from a list to a better one
    numpy_backend   a list run on arrays
    program         what a user holds: `compile` and `Program`
    storage, export keeping a program, and taking it elsewhere
    layout          the llvm backend's plan: what is a loop, what goes where
    vector_math     exp, sin and the others on vectors
    llvm_text, llvm_chunk, llvm_module   the plan written in LLVM's language
    llvm_backend    that text compiled, and called
    llvm_descent    an epoch of training: batches, and the optimizer's update
"""

from autograd.compiler.code import CompileError
from autograd.compiler.program import Program, compile

__all__ = ["CompileError", "Program", "compile"]
