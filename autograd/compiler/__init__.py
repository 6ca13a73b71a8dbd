"""Recorded graphs as programs over a batch."""

from autograd.compiler.program import Program, compile
from autograd.compiler.trace import CannotCompile

__all__ = ["CannotCompile", "Program", "compile"]
