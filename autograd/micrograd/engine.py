"""micrograd's Value, by the name of the module that has it there: it is ours."""

from autograd.value import Value

__all__ = ["Value"]
