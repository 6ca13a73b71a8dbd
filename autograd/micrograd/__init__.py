"""micrograd's own names and numbers, for code and lectures written for it.

With `autograd.micrograd` in place of `micrograd` in its import lines, a program runs as
it is, and after `random.seed` it starts from the same weights, so that it prints the
same numbers. For anything new there is `nn`, with seeds of its own.

    >>> from autograd.micrograd.engine import Value
    >>> from autograd.micrograd.nn import MLP
    >>> len(MLP(2, [16, 16, 1]).parameters())
    337
"""

from autograd.micrograd.engine import Value
from autograd.micrograd.nn import MLP, Layer, Module, Neuron

__all__ = ["MLP", "Layer", "Module", "Neuron", "Value"]
