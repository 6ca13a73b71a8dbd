"""Files that are there in full or not at all: see `autograd.files`."""

from autograd.files import Path

__all__ = ["Path"]
