"""A plain Python Value without closures: slots, parents, local derivatives.

What a careful reader of micrograd would write next, and the yardstick for how much of
our speed is more than that. Same interface as micrograd's, plus exp and log.
"""

import math

from engines.interface import Engine
from workloads.microgpt import in_scalars


class Value:
    """A number, its parents, and its local derivative by each."""

    __slots__ = ("data", "grad", "parents", "partials")

    def __init__(self, data, parents=(), partials=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.partials = partials

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1)
        return Value(self.data**exponent, (self,), (slope,))

    def exp(self):
        """e ** x."""
        out = math.exp(self.data)
        return Value(out, (self,), (out,))

    def log(self):
        """The natural logarithm."""
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        """The larger of 0 and x."""
        positive = self.data > 0
        return Value(self.data if positive else 0.0, (self,), (float(positive),))

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1

    def backward(self):
        """Depth first without recursion, then the chain rule in reverse."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        self.grad = 1.0
        for node in reversed(order):
            for parent, partial in zip(node.parents, node.partials, strict=True):
                parent.grad += partial * node.grad


class PlainValue(Engine):
    """The class above."""

    Value = Value

    def gpt(self, workload):
        """In scalars."""
        return in_scalars(Value, workload)


ENGINES = {"plain Value": PlainValue}
