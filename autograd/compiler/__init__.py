"""Recorded graphs as programs over a batch."""

from autograd.compiler.code import CompileError
from autograd.compiler.program import Program, compile

__all__ = ["CompileError", "Program", "compile"]
