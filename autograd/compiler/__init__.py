"""Recorded graphs as programs over a batch."""

from autograd.compiler.program import Program, compile
from autograd.compiler.trace import CompileError

__all__ = ["CompileError", "Program", "compile"]
