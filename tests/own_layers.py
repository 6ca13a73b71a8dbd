"""Modules as users write them: with nothing but `__init__` and `__call__`.

`OWN` holds a way to make each model, all of two inputs; `x + inner(x)`, parameters of
one's own, none at all, functions, modules in modules, weights that are used twice, and
the parts for sequences and images that come with nn.
"""

import numpy as np

from autograd import Value
from autograd.value import number_of
from nn import (
    MLP,
    RNN,
    Conv1d,
    Flatten,
    Layer,
    LayerNorm,
    Module,
    Neuron,
    PerPosition,
    Reshape,
    RMSNorm,
    SelfAttention,
    Sequential,
)


class Residual(Module):
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, x):
        return [a + b for a, b in zip(x, self.inner(x), strict=True)]


class Scale(Module):
    def __init__(self, count):
        self.g = [Value(1.0 + i / 4) for i in range(count)]

    def __call__(self, x):
        return [g * a for g, a in zip(self.g, x, strict=True)]


class Square(Module):
    def __call__(self, x):
        return [a * a for a in x]


class Holder(Module):
    def __init__(self):
        self.mlp = MLP(2, [3, 2], "tanh", seed=3)

    def __call__(self, x):
        return self.mlp(x)


class Features(Module):
    """Computes before its layer, and hands on an input as it is."""

    def __init__(self):
        self.inner = Layer(3, 2, "tanh", seed=1)

    def __call__(self, x):
        return [*self.inner([x[0], x[1], x[0] * x[1]]), x[0]]


class Neurons(Module):
    """Calls its neurons one by one."""

    def __init__(self):
        self.parts = [Neuron(2, "relu", seed=i) for i in range(3)]

    def __call__(self, x):
        return [part(x) for part in self.parts]


class Doubled(Layer):
    def __call__(self, x):
        return [2 * v for v in super().__call__(x)]


class Whole(Module):
    """Takes numbers alone."""

    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return [self.w * int(number_of(v)) for v in x]


class Total(Module):
    def __call__(self, x):
        return sum(x)


class Pick(Module):
    def __init__(self):
        self.layer = Layer(2, 3, "tanh", seed=0)

    def __call__(self, x):
        return self.layer(x)[1]


class OneByOne(Module):
    """Hands its outputs on as they are asked for."""

    def __init__(self, inner):
        self.inner = inner
        self.gain = Value(0.5)

    def __call__(self, x):
        return (value * self.gain for value in self.inner(x))


class Array(Module):
    """Weights in an array of objects, and outputs that are one."""

    def __init__(self):
        self.W = [[Value(0.1 * i - 0.2 * j) for j in range(2)] for i in range(2)]

    def __call__(self, x):
        return np.array(self.W) @ np.array(x)


def hidden(activation="tanh", seed=0):
    return Layer(2, 2, activation, seed=seed)


def last(count=2):
    return Layer(count, 1, None, seed=7)


def twice(layer):
    return Sequential(layer, layer, last())


OWN = {
    "residual": lambda: Sequential(hidden(), Residual(hidden(seed=1)), last()),
    "residuals": lambda: Sequential(
        hidden(), Residual(hidden(seed=1)), Residual(hidden("relu", 2)), last()
    ),
    "residual first": lambda: Sequential(Residual(hidden()), last()),
    "residual last": lambda: Sequential(hidden(), Residual(hidden(None, 1)), Total()),
    "residual of a network": lambda: Residual(MLP(2, [4, 2], "tanh", seed=0)),
    "scale": lambda: Sequential(hidden(), Scale(2), last()),
    "square": lambda: Sequential(hidden(), Square(), last()),
    "holder": lambda: Sequential(Holder(), last()),
    "nested": lambda: Sequential(Sequential(hidden(), Scale(2)), "relu", last()),
    "features": lambda: Sequential(Features(), last(3)),
    "neurons": lambda: Sequential(Neurons(), last(3)),
    "subclass": lambda: Sequential(Doubled(2, 2, "tanh", seed=0), last()),
    "numbers": lambda: Sequential(Whole(), last()),
    "pick": Pick,
    "one by one": lambda: Sequential(OneByOne(hidden()), last()),
    "array": lambda: Sequential(hidden(), Array(), last()),
    "shared": lambda: twice(hidden()),
    "shared inside": lambda: Sequential(Residual(hidden()), twice(hidden(seed=4))),
    "alone": lambda: Scale(2),
    "norm": lambda: Sequential(hidden(), LayerNorm(2), last()),
    "recurrent": lambda: Sequential(
        Reshape(2, 1), RNN(1, 1, seed=0), Flatten(), last()
    ),
    "block": lambda: Sequential(
        Reshape(2, 1),
        PerPosition(Layer(1, 2, None, seed=0)),
        RMSNorm(2),
        SelfAttention(2, 2, seed=1),
        Flatten(),
        last(4),
    ),
    "convolution": lambda: Sequential(
        Reshape(1, 2), Conv1d(1, 2, 2, seed=0), Flatten(), "relu", last()
    ),
}
