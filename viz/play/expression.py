"""The expression that the playground shows: its text, its numbers, its derivatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from autograd import expression
from autograd.graph import Node, graph
from autograd.modes import ieee
from autograd.value import Value
from viz.notation import names_of

MOST_NAMES: Final = 40
START: Final = 1.0  # of a name that has no number yet

Numbers = Mapping[str, float]

EXAMPLES: Final[Mapping[str, tuple[str, Numbers]]] = {
    "a neuron": (
        "tanh(w1*x1 + w2*x2 + b)",
        {"w1": 0.5, "x1": 2.0, "w2": -1.0, "x2": 0.5, "b": 0.1},
    ),
    "sigmoid with cross-entropy": (
        "-(y*log(sigmoid(z)) + (1 - y)*log(1 - sigmoid(z)))",
        {"y": 1.0, "z": 0.5},
    ),
    "softmax": (
        "exp(z1) / (exp(z1) + exp(z2) + exp(z3))",
        {"z1": 2.0, "z2": 1.0, "z3": -1.0},
    ),
    "Rosenbrock's valley": ("(1 - x)**2 + 100*(y - x**2)**2", {"x": -1.2, "y": 1.0}),
    "the worked example": (
        "-log(sigmoid(sigmoid(w11*x1 + w12*x2 + b1)*u1"
        " + sigmoid(w21*x1 + w22*x2 + b2)*u2 + c))",
        {
            "x1": 1.0,
            "x2": 2.0,
            "w11": 0.1,
            "w12": 0.2,
            "b1": 0.01,
            "w21": 0.3,
            "w22": 0.4,
            "b2": 0.02,
            "u1": 0.5,
            "u2": 0.6,
            "c": 0.05,
        },
    ),
}
"""What there is to pick: a text and the numbers it starts with."""


@dataclass(frozen=True)
class Recorded:
    """A text recorded with numbers and differentiated; leaves in order of the text."""

    text: str
    leaves: Mapping[str, Value]
    output: Value

    @property
    def defined(self) -> bool:
        """Whether the output is a number, so that it has gradients."""
        return math.isfinite(self.output.data)

    @cached_property
    def nodes(self) -> list[Node]:
        """The graph's description."""
        return graph(self.output)

    @cached_property
    def names(self) -> dict[str, Value]:
        """Every node but the bare numbers, by the name the derivation gives it."""
        values = [node.value for node in self.nodes]
        pairs = zip(names_of(values), values, strict=True)
        return {name: value for name, value in pairs if not value.constant}

    @property
    def values(self) -> dict[str, float]:
        """The number of each name."""
        return {name: leaf.data for name, leaf in self.leaves.items()}


def record(text: str, numbers: Numbers) -> Recorded:
    """The expression with these numbers, and the gradient in every node.

    A name without a number gets 1. Raises ParseError where the text is wrong, asks for
    more than 40 names, or is outside an operation's domain at these numbers.

    >>> record("w*x", {"w": 2.0, "x": 3.0}).leaves["w"].grad
    3.0
    """
    names = expression.names(text)
    if len(names) > MOST_NAMES:
        raise expression.ParseError(
            f"the expression has {len(names)} names; there is room for {MOST_NAMES} "
            "sliders"
        )
    leaves = {name: Value(numbers.get(name, START), label=name) for name in names}
    shown = Recorded(text, leaves, expression.parse(text, **leaves))
    shown.output.backward(1.0 if shown.defined else math.nan)
    return shown


# ---- the output along one name -------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """The output and its slope at points along one name, nan outside the domain."""

    xs: list[float]
    ys: list[float]
    slopes: list[float]


def curve(
    shown: Recorded, name: str, low: float, high: float, count: int = 81
) -> Curve:
    """The output as one name goes from low to high and the others stay.

    >>> curve(record("x**2", {"x": 1.0}), "x", -1.0, 1.0, count=3)
    Curve(xs=[-1.0, 0.0, 1.0], ys=[1.0, 0.0, 1.0], slopes=[-2.0, 0.0, 2.0])
    """
    xs = [low + (high - low) * i / (count - 1) for i in range(count)]
    with ieee():
        copy = record(shown.text, shown.values)
        leaf = copy.leaves[name]
        points = [_at(copy, leaf, x) for x in xs]
    return Curve(xs, [y for y, _ in points], [slope for _, slope in points])


def _at(copy: Recorded, leaf: Value, x: float) -> tuple[float, float]:
    leaf.data = x
    leaf.grad = 0.0
    copy.output.recompute()
    copy.output.backward()
    return copy.output.data, leaf.grad if copy.defined else math.nan
