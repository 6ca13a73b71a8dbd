"""draw(): one picture of a recorded graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from autograd.graph import Node, graph
from autograd.ops import Operation
from autograd.value import Value, describe
from viz import style
from viz.numbers import short
from viz.render import Graph, visible

SYMBOLS: Final = {"mul": "×", "sub": "−", "neg": "−"}


def draw(
    value: Value, names: Mapping[str, Any] | None = None, *, digits: int = 4
) -> Graph:
    """A picture of the graph that led to `value`: every number, every derivative.

    A box is a value, with its label, number and gradient; a circle is the operation
    that made it. On each arrow stands the local derivative, ∂ of the operation by that
    operand. A gradient's bar goes right and is blue where it is positive, left and
    orange where it is negative; the wider an arrow, the more gradient flows back
    through it. Constants are bare numbers. Gradients are those that `backward()` left.

    names: names for values without a label, such as `globals()`.
    digits: how many significant digits the numbers have.

    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y, {"y": y}).svg.startswith("<svg")
    True
    """
    if not isinstance(value, Value):
        raise TypeError(f"draw() takes a Value; got {value!r}")
    nodes = graph(value)
    picture = Picture(nodes, names_of(names or {}), digits)
    for node in nodes:
        picture.add(node)
    return picture.graph


class Picture:
    """Adds described nodes to a graph, one by one.

    A value is the node `n` and its index, its operation `o` and the same index.
    """

    def __init__(self, nodes: list[Node], names: dict[Value, str], digits: int) -> None:
        self.nodes = nodes
        self.names = names
        self.digits = digits
        self.largest = style.largest_of([node.value.grad for node in nodes])
        self.graph = Graph(
            name="gradients",
            graph_attr=style.GRAPH_ATTRIBUTES,
            node_attr=style.NODE_ATTRIBUTES,
            edge_attr=style.EDGE_ATTRIBUTES,
        )

    def add(self, node: Node) -> None:
        """The value's box, its operation, and the arrows between them."""
        if node.value.constant:
            self._constant(node)
            return
        self._value(node)
        if node.parents:
            self._operation(node)

    def _constant(self, node: Node) -> None:
        name = f"n{node.index}"
        number = short(node.value.data, self.digits)
        self.graph.node(
            name, number, id=name, fontcolor=style.QUIET, margin="0.03", fontsize="10"
        )
        self.graph.titles[name] = f"the constant {node.value.data!r}"

    def _value(self, node: Node) -> None:
        name, value = f"n{node.index}", node.value
        rows = [
            ("data", short(value.data, self.digits)),
            ("grad", short(value.grad, self.digits)),
        ]
        fill = style.PAPER if node.parents else style.PARAMETER
        label = style.box(
            rows, self.name(value), style.bar(value.grad, self.largest), fill
        )
        self.graph.node(name, label, id=name)
        self.graph.titles[name] = self._title(value)

    def _operation(self, node: Node) -> None:
        name, grad = f"o{node.index}", node.value.grad
        symbol = symbol_of(node.value.operation)
        self.graph.node(
            name,
            label=symbol,
            id=name,
            shape="ellipse" if len(symbol) > 1 else "circle",
            margin="0.02",
            width="0.3",
            height="0.3",
            color=style.QUIET,
        )
        self.graph.titles[name] = node.value.op
        self._arrow(name, f"n{node.index}", grad, f"gradient {grad!r}")
        for position, parent in enumerate(node.parents):
            self._flow(node, position, parent)

    def _flow(self, node: Node, position: int, parent: int) -> None:
        """The arrow from an operand, which the gradient flows back along."""
        partial, grad = node.partials[position], node.value.grad
        back = grad * partial
        title = f"{grad!r} × {partial!r} = {back!r} of the gradient"
        label = style.local(partial, self.digits)
        tail = f"n{parent}"
        if self.nodes[parent].value.constant:
            self.graph.edge(tail, f"o{node.index}", style="dotted", arrowhead="none")
        else:
            self._arrow(tail, f"o{node.index}", back, title, label=label)

    def _arrow(
        self, tail: str, head: str, gradient: float, title: str, **attributes: str
    ) -> None:
        self.graph.edge(
            tail,
            head,
            color=style.hue(gradient),
            penwidth=style.width(gradient, self.largest),
            **attributes,
        )
        self.graph.titles[f"{tail}->{head}"] = title

    def name(self, value: Value) -> str:
        """What the picture calls a value: its label, or its name, or nothing."""
        return visible(value.label or self.names.get(value, ""))

    def _title(self, value: Value) -> str:
        full = visible(value.label or self.names.get(value, ""), longest=500)
        name = full or value.op or "a value"
        return f"{name}: data {value.data!r}, grad {value.grad!r}"


def symbol_of(operation: Operation) -> str:
    """The operation's sign: what a picture shows in its circle."""
    return SYMBOLS.get(operation.name, operation.symbol)


def names_of(names: Mapping[str, Any]) -> dict[Value, str]:
    """Names for values, from a mapping such as `globals()`; the first name counts.

    A list of values names them `w[0]`, `w[1]`. Names that start with _ are left out, as
    a notebook keeps its past results under such names.
    """
    found: dict[Value, str] = {}
    for name, item in list(names.items()):
        if name.startswith("_"):
            continue
        if isinstance(item, Value):
            found.setdefault(item, name)
        elif isinstance(item, (list, tuple)):
            for i, entry in enumerate(item):
                if isinstance(entry, Value):
                    found.setdefault(entry, f"{name}[{i}]")
    return found
