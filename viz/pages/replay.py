"""A graph whose leaves can be changed on a page: its program, and its lines with gaps.

The numbers of a graph, in order: the values of its nodes, the derivatives of the output
by them, every local derivative, and the products that go back along the arrows. A page
computes them anew, and puts them where the lines have their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from autograd.compiler.instructions import CompileError
from autograd.compiler.program import compile
from autograd.compiler.rules import local_derivatives
from autograd.graph import Node, gradients
from autograd.modes import ieee, recording
from autograd.ops import GIVEN
from autograd.value import Value, constant, record
from viz.explain import Derivation, Record, Share, Step
from viz.notation import (
    TEXT,
    Expression,
    Number,
    Rules,
    formula,
    own_name,
    show,
    with_numbers,
)


def replayed(nodes: Sequence[Node]) -> str:
    """A JavaScript module whose `program` computes a graph from its leaves.

    It takes the numbers of the leaves that are no bare numbers, in their order, and
    returns the values, the derivatives of the output by every node, and the local
    derivatives. Raises CompileError for an operation that has no form in JavaScript.
    """
    leaves = [node.index for node in nodes if is_given(node)]
    if any(node.value.operation is GIVEN for node in nodes):
        raise CompileError(
            "a value whose derivatives were given as numbers has none for others"
        )

    def numbers(*given: Value) -> list[Any]:
        made = dict(zip(leaves, given, strict=True))
        for node in nodes:
            if node.parents:
                parents = [made[parent] for parent in node.parents]
                made[node.index] = record(node.value.operation, parents)
            elif node.index not in made:
                made[node.index] = constant(node.value.data)
        values = [made[node.index] for node in nodes]
        partials = [
            partial
            for node in nodes
            if node.parents
            for partial in local_derivatives(
                node.value.operation, values[node.index].parents, values[node.index]
            )
        ]
        return [*values, *gradients(values[-1], values, create_graph=True), *partials]

    program = compile(numbers, inputs=len(leaves), backend="numpy")
    return program.to_javascript(("program",))


def is_given(node: Node) -> bool:
    """Whether a node is a leaf that can be changed."""
    return not node.parents and not node.value.constant


# ---- lines with places for numbers ---------------------------------------------------


class Place(float):
    """Which of the numbers of a graph stands there."""


def _number(value: float, digits: int) -> str:
    """A place has a sign, so that it gets parentheses wherever one needs them."""
    is_place = isinstance(value, Place)
    return f"-\3{int(value)}\3" if is_place else TEXT.number(value, digits)


PLACES = replace(TEXT, number=_number, parentheses=("\1", "\2"))
"""Plain text whose numbers are yet to come."""


class Places:
    """The lines of a derivation, with places where the numbers will be."""

    def __init__(self, told: Derivation) -> None:
        self.told = told
        counts = [len(node.parents) for node in told.nodes]
        self.edges = sum(counts)
        self.first = [*accumulate(counts, initial=2 * len(counts))]
        self._others: dict[int, list[Rules]] = {}

    def text(self, expression: Expression) -> str:
        """An expression as text with places."""
        return show(expression, PLACES)

    def record(self, index: int) -> Record:
        """How a value comes about, its number and those of the operands being open."""
        known = self.told.record(index)
        node = self.told.nodes[index]
        if known.formula is None:
            return Record(known.name, None, None, Place(index))
        operands = [
            Number(value.data if value.constant else Place(parent))
            for value, parent in zip(node.value.parents, node.parents, strict=True)
        ]
        return Record(
            known.name, known.formula, formula(node.value, operands), Place(index)
        )

    def step(self, index: int) -> Step:
        """How a gradient comes about, its numbers being open."""
        consumers = self.told.consumers.get(index, [])
        shares = [self._share(index, *consumer) for consumer in consumers]
        return Step(self.told.names[index], tuple(shares), self._adjoint(index))

    def _adjoint(self, index: int) -> Place:
        return Place(len(self.told.nodes) + index)

    def _share(self, index: int, consumer: int, position: int) -> Share:
        known = self.told.share(index, consumer, position)
        partial = Place(self.first[consumer] + position)
        open = replace(
            known,
            rule=known.slope,
            numbers=Number(partial),
            adjoint=self._adjoint(consumer),
            partial=partial,
            product=Place(partial + self.edges),
        )
        if not self._holds_for_all(known.rule, consumer, position):
            return open
        around = (consumer, *self.told.nodes[consumer].parents)
        places = {self.told.names[i]: Place(i) for i in around}
        return replace(open, rule=known.rule, numbers=with_numbers(known.rule, places))

    def _holds_for_all(self, rule: Expression, index: int, position: int) -> bool:
        """Whether a local derivative reads the same on either side of 0."""
        operation = self.told.nodes[index].value.operation
        if operation.selects is True or not own_name(operation):
            return False
        return all(other[position] == rule for other in self._elsewhere(index))

    def _elsewhere(self, index: int) -> list[Rules]:
        """The local derivatives of a node as they read for other numbers."""
        if index not in self._others:
            node = self.told.nodes[index]
            symbols = [self.told.symbol(p) for p in node.parents]
            self._others[index] = [
                Rules(_moved(node.value, x), self.told.names[index], symbols)
                for x in (0.75, -0.75)
            ]
        return self._others[index]


def _moved(node: Value, x: float) -> Value:
    """The same operation on other numbers, no two of them equal."""
    numbers = [
        Value(parent.data if parent.constant else x * (1 + place / 8))
        for place, parent in enumerate(node.parents)
    ]
    with ieee(), recording():
        return record(node.operation, numbers)
