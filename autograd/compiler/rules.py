"""Derivatives by nodes while a function is traced.

`grad` inside a function that is compiled records the chain rule as nodes, and asks
each operation's row for its local derivatives. A row may decide by a number, with
`if x > 0`; but here x stands for any. So the row is called with terms that stand for
the nodes, once for every answer, and the results are joined by `where`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from autograd.compiler.gates import Made, behind_gates
from autograd.compiler.instructions import COMPARISONS, Recorder, Term, compare
from autograd.custom import is_derived
from autograd.modes import Setting
from autograd.operation import Operation
from autograd.ops import TABLE, choice
from autograd.value import Value, constant, evaluate, number_of, record


def _comparison(name: str) -> Operation:
    return Operation(
        name,
        lambda x, y: float(compare(name, x, y)),
        partials=(lambda x, y, out: 0.0, lambda x, y, out: 0.0),
        tame=True,
    )


ROWS: Final = {name: _comparison(name) for name in COMPARISONS}
"""Comparisons as operations, whose results are 1 and 0."""


class NodeRecorder(Recorder):
    """Records nodes, equal ones once; a term's index is its node."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[object, Value] = {}

    def term(self, x: Any) -> Term:
        """x itself if it is a term, otherwise its node, or a constant."""
        if type(x) is Term:
            return x
        if isinstance(x, Value):
            return Term(self, x)
        return Term(self, self._once(repr(float(x)), lambda: constant(x)))

    def record(self, op: str, *args: Any) -> Term:
        """Record a row of the table, or a comparison."""
        return self.apply(ROWS[op] if op in ROWS else TABLE[op], args)

    def apply(self, operation: Operation, args: Sequence[Any]) -> Term:
        """Record an operation on terms and numbers."""
        operation = choice if operation is TABLE["where"] else operation
        nodes = tuple([self.term(arg).index for arg in args])
        found = self._once((operation, nodes), lambda: record(operation, nodes))
        if all(node.constant for node in nodes):
            return self.term(found.data)
        return Term(self, found)

    def number(self, index: Value) -> float | None:
        """The number of a constant."""
        return index.data if index.constant else None

    def same(self, x: Value, y: Value) -> bool:
        """Whether two nodes are one."""
        return x is y

    def truth(self, condition: Value) -> bool | None:
        """The truth of a constant, and of a comparison of two."""
        compares = ROWS.get(condition.op) is condition.operation
        sources = condition.parents if compares else (condition,)
        known = all(source.constant for source in sources)
        return number_of(condition) != 0.0 if known else None

    def _once(self, key: object, make: Callable[[], Value]) -> Value:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def local_derivatives(
    row: Operation, parents: Sequence[Value], node: Value
) -> Sequence[Any]:
    """The partial derivatives of a node as nodes and numbers, every branch of them."""
    if is_derived(row):
        return list(evaluate(row, parents, node))
    recorder = NodeRecorder()
    terms = [recorder.term(parent) for parent in parents]
    found = recorder.partials(row, terms, recorder.term(node))
    masks = recorder.masks(row, terms)
    return [
        0.0 if mask is True else partial.index if type(partial) is Term else partial
        for partial, mask in zip(found, masks, strict=True)
    ]


class EveryBranch:
    """How the chain rule is recorded as nodes while a function is traced."""

    def partials(
        self, row: Operation, parents: Sequence[Value], node: Value
    ) -> Sequence[Any]:
        """The partial derivatives of a node, every branch of them."""
        return local_derivatives(row, parents, node)

    def led_to(self, outputs: Sequence[Value], order: list[Value]) -> list[Value]:
        """The nodes that outputs come from other than by a comparison."""
        found = set(outputs)
        for node in reversed(order):
            if node in found and ROWS.get(node.op) is not node.operation:
                found.update(node.parents)
        return [node for node in order if node in found]

    def shown(
        self, order: Sequence[Value], outputs: Sequence[Value]
    ) -> tuple[dict[Value, Value], dict[Value, Value]]:
        """For nodes that only branches use, the same behind gates; see there."""
        made = [Made(x, x.operation, x.parents) for x in order if x.parents]
        return behind_gates(NodeRecorder(), made, outputs)


def every_branch() -> Setting:
    """Let this thread's derivatives by nodes follow every branch."""
    return Setting("rules", EveryBranch(), False)
