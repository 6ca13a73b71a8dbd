"""An expression as tables: every node, and the derivative by each name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autograd.graph import Node, gradients, graph
from autograd.value import Value
from viz.digits import short
from viz.notation import defined, names_of, symbol

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 60  # columns of a formula


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found out about an expression.

    nodes: the graph, each node with its gradient.
    first: the derivative by each name; second: by two names, where asked for.
    """

    nodes: Sequence[Node]
    first: Mapping[str, float]
    second: Mapping[str, Mapping[str, float]]

    @cached_property
    def names(self) -> list[str]:
        """What each node is called, here as in every view."""
        return names_of([node.value for node in self.nodes])

    def formula(self, node: Node) -> str:
        """What a node was computed from, by name; empty for a leaf."""
        operands = [symbol(self.nodes[p].value, self.names[p]) for p in node.parents]
        return defined(node.value, operands, WIDEST)

    @property
    def value(self) -> float:
        """The value of the expression."""
        return self.nodes[-1].value.data

    def as_json(self) -> dict[str, Any]:
        """The same as plain data; nan and infinities as text, which JSON lacks."""
        result = {
            "value": _plain(self.value),
            "derivatives": _plain(self.first),
            "nodes": [self._node_as_json(node) for node in self.nodes],
        }
        return result | ({"second": _plain(self.second)} if self.second else {})

    def _node_as_json(self, node: Node) -> dict[str, Any]:
        return {
            "index": node.index,
            "name": self.names[node.index],
            "label": node.value.label,
            "operation": node.value.op,
            "formula": self.formula(node),
            "parents": list(node.parents),
            "value": _plain(node.value.data),
            "gradient": _plain(node.value.grad),
            "partials": [_plain(partial) for partial in node.partials],
        }

    def tables(self) -> list[Table]:
        """The same as rich tables, for a terminal."""
        tables = [self._node_table()]
        if self.first:
            tables.append(self._derivative_table())
        if self.second:
            tables.append(self._second_table())
        return tables

    def _node_table(self) -> Table:
        heads = ["node", "formula", "value", "gradient", "local derivatives"]
        rows = [self._row(node) for node in self.nodes if not node.value.constant]
        return _table("nodes, operands first", heads, rows, left={0, 1})

    def _row(self, node: Node) -> list[str]:
        """A node with all that is told of it."""
        local = [
            f"by {self.names[parent]}: {_short(partial)}"
            for parent, partial in zip(node.parents, node.partials, strict=True)
            if not self.nodes[parent].value.constant
        ]
        return [
            self.names[node.index],
            self.formula(node),
            _short(node.value.data),
            _short(node.value.grad),
            _list(local, "\n"),
        ]

    def _derivative_table(self) -> Table:
        rows = [[name, _short(slope)] for name, slope in self.first.items()]
        return _table("derivatives", ["by", "derivative"], rows)

    def _second_table(self) -> Table:
        rows = [
            [name, *[_short(x) for x in row.values()]]
            for name, row in self.second.items()
        ]
        return _table("second derivatives", ["by", *self.second], rows)


def evaluate(
    output: Value, leaves: Mapping[str, Value], second: bool = False
) -> Evaluation:
    """Differentiate an expression by its leaves, and describe every node.

    leaves: by which to differentiate, by name. second: second derivatives as well.

    >>> x = Value(3.0, label="x")
    >>> evaluate(x**2, {"x": x}, second=True).second
    {'x': {'x': 2.0}}
    """
    output.zero_grad()
    output.backward()
    inputs = list(leaves.values())
    first = dict(zip(leaves, gradients(output, inputs), strict=True))
    twice: dict[str, dict[str, float]] = {}
    if second:
        slopes = gradients(output, inputs, create_graph=True)
        for name, slope in zip(leaves, slopes, strict=True):
            twice[name] = dict(zip(leaves, gradients(slope, inputs), strict=True))
    return Evaluation(graph(output), first, twice)


def _plain(x: Any) -> Any:
    if isinstance(x, Mapping):
        return {key: _plain(item) for key, item in x.items()}
    return x if math.isfinite(x) else repr(x)


def _short(x: float) -> str:
    return short(x, 10)


def _list(items: list[str], separator: str = ", ") -> str:
    shown = items if len(items) <= 8 else [*items[:7], "..."]
    return separator.join(shown)


def _table(
    title: str, heads: list[str], rows: list[list[str]], left: set[int] | None = None
) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        at_left = index in (left or {0})
        side: Any = "left" if at_left else "right"
        table.add_column(Text(head), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    return table


def print_table(table: Table, width: int = 0) -> None:
    """Print a table, or where it is wider than there is room, a list of its rows.

    width: the columns there are; 0 means the terminal's. No word and no number is
    broken.
    """
    from rich.console import Console
    from rich.measure import Measurement

    from viz.usage import fitted

    console = Console(width=width or None)
    needed = Measurement.get(console, console.options.update(max_width=10_000), table)
    if needed.minimum <= console.width:
        console.print(table)
        return
    print(table.title)
    heads = [str(column.header) for column in table.columns]
    for row in zip(*[column.cells for column in table.columns], strict=True):
        print()
        for head, cell in zip(heads, row, strict=True):
            if str(cell):
                line = f"{head}: {str(cell).replace(chr(10), ', ')}"
                print(fitted(line, console.width))
