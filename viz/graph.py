"""draw(): one picture of a recorded graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from autograd.graph import Node, graph, topological_order
from autograd.operation import Operation
from autograd.value import Value, describe
from viz import style
from viz.digits import check_digits, short, typed
from viz.fold import LARGEST, fold, summary
from viz.render import Graph, is_tangle, layout_for, markup, visible

SYMBOLS: Final = {"mul": "×", "sub": "−", "neg": "−", "sum": "+", "prod": "×"}
DETAILS: Final = ("op", "neuron", "layer")

READABLE: Final = 150  # nodes; what one looks at without searching


def draw(
    value: Value,
    names: Mapping[str, Any] | None = None,
    *,
    detail: str | None = None,
    depth: int | None = None,
    around: Value | None = None,
    expand: bool = False,
    digits: int = 4,
) -> Graph:
    """A picture of the graph that led to `value`: every number, every derivative.

    A box is a value, with its label, number and gradient; a circle is the operation
    that made it. On each arrow stands the local derivative, ∂ of the operation by that
    operand. A gradient's bar goes right and is blue where it is positive, left and
    orange where it is negative; the wider an arrow, the more gradient flows back
    through it. Constants are bare numbers. Gradients are those that `backward()` left.

    names: names for values without a label, such as `globals()`.
    detail: "op" shows each operation; "neuron" and "layer" fold a network's operations
        into its neurons or layers, which they find by the labels of its parameters.
        Without it, graphs of up to 150 nodes show each operation, and larger or very
        tangled ones are folded, or summed up where there is no network to see in them.
    depth: show only what is at most so many operations from `value`, or from `around`.
    around: show only the neighborhood of this node of the graph.
    expand: show each product of a dot product as an operation of its own.
    digits: how many significant digits the numbers have.

    Raises ValueError where each operation is asked for and there are more than 2000.

    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y, {"y": y}).svg.startswith("<svg")
    True
    """
    _check(value, detail, depth, around)
    check_digits(digits)
    named = names_of(names or {})
    if depth is not None or around is not None:
        nodes = _nearby(value, value if around is None else around, depth)
        return _picture(_boxes(nodes, named, expand), digits)
    order = topological_order(value)
    if detail == "op" or (detail is None and len(order) <= READABLE):
        if len(order) > LARGEST:
            raise ValueError(_too_large(len(order)))
        boxes = _boxes(graph(value), named, expand)
        if detail == "op" or not is_tangle(_arrows(boxes)):
            return _picture(boxes, digits)
    return fold(order, detail, digits) or summary(order, named, digits)


def _check(
    value: Any,
    detail: str | None,
    depth: int | None,
    around: Value | None,
) -> None:
    for item in (value, around):
        if not isinstance(item, Value) and (item is not None or item is value):
            raise TypeError(f"draw() takes a Value; got {item!r}")
    if detail is not None and detail not in DETAILS:
        raise ValueError(f"detail is {', '.join(DETAILS)} or None; got {detail!r}")
    if depth is not None and (not isinstance(depth, int) or depth < 1):
        raise ValueError(f"depth is a whole number from 1; got {depth!r}")


def _too_large(count: int) -> str:
    return (
        f"a picture holds at most {LARGEST} nodes, and this graph has {count}: draw a "
        "part of it with draw(v, depth=4) or draw(v, around=node), or fold it with "
        'detail="neuron" or detail="layer"'
    )


# ---- which nodes ---------------------------------------------------------------------


def _nearby(output: Value, center: Value, depth: int | None) -> list[Node]:
    """The nodes within so many steps of one of them."""
    order = topological_order(output)
    index = {node: i for i, node in enumerate(order)}
    if center not in index:
        raise ValueError(f"{describe(center)} is no part of the graph of this output")
    children = {} if center is output else _children(order)
    near = _within(center, children, depth or 2)
    if len(near) > LARGEST:
        raise ValueError(
            f"a picture holds at most {LARGEST} nodes, and {len(near)} are so near: "
            "choose a smaller depth"
        )
    return [
        Node(
            i, order[i], tuple([index[p] for p in order[i].parents]), order[i].partials
        )
        for i in sorted([index[node] for node in near])
    ]


def _children(order: list[Value]) -> dict[Value, list[Value]]:
    children: dict[Value, list[Value]] = {}
    for node in order:
        for parent in node.parents:
            children.setdefault(parent, []).append(node)
    return children


def _within(
    center: Value, children: dict[Value, list[Value]], depth: int
) -> set[Value]:
    near, edge = {center}, {center}
    for _ in range(depth):
        steps = [(*node.parents, *children.get(node, ())) for node in edge]
        edge = {node for step in steps for node in step} - near
        near |= edge
    return near


# ---- each operation ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A value as the picture shows it, and the operation that made it.

    key: its name in the picture: "n7" for node 7 of the graph.
    operands: for each, its key and the local derivative; empty for a leaf.
    more: whether the graph goes on to operands that the picture leaves out.
    """

    key: str
    name: str
    data: float
    grad: float
    op: str = ""
    symbol: str = ""
    operands: tuple[tuple[str, float], ...] = ()
    constant: bool = False
    more: bool = False


def _boxes(nodes: list[Node], names: dict[Value, str], expand: bool) -> list[Box]:
    shown = {node.index for node in nodes}
    boxes: list[Box] = []
    for node in nodes:
        if expand and node.value.op == "dot" and shown.issuperset(node.parents):
            boxes += _expanded(node, names)
        else:
            boxes.append(_box(node, names, shown))
    return boxes


def _picture(boxes: list[Box], digits: int) -> Graph:
    picture = Picture(boxes, digits, **layout_for(_arrows(boxes)))
    for box in boxes:
        picture.add(box)
    return picture.graph


def _arrows(boxes: list[Box]) -> list[tuple[str, str]]:
    return [(operand, box.key) for box in boxes for operand, _ in box.operands]


def _box(node: Node, names: dict[Value, str], shown: set[int]) -> Box:
    value = node.value
    operands = zip(node.parents, node.partials, strict=True)
    kept = tuple((f"n{p}", partial) for p, partial in operands if p in shown)
    return Box(
        key=f"n{node.index}",
        name=value.label or names.get(value, ""),
        data=value.data,
        grad=value.grad,
        op=value.op,
        symbol=symbol_of(value.operation),
        operands=kept,
        constant=value.constant,
        more=len(kept) < len(node.parents),
    )


def _expanded(node: Node, names: dict[Value, str]) -> list[Box]:
    """A dot product as products and their sum."""
    value, count = node.value, len(node.parents) // 2
    products = [
        Box(
            key=f"n{node.index}p{i + 1}",
            name="",
            data=node.partials[i] * node.partials[count + i],
            grad=value.grad,
            op="mul",
            symbol=SYMBOLS["mul"],
            operands=tuple(
                (f"n{node.parents[k]}", node.partials[k]) for k in (i, count + i)
            ),
        )
        for i in range(count)
    ]
    total = Box(
        key=f"n{node.index}",
        name=value.label or names.get(value, ""),
        data=value.data,
        grad=value.grad,
        op="sum",
        symbol=SYMBOLS["sum"],
        operands=tuple((product.key, 1.0) for product in products),
    )
    return [*products, total]


class Picture:
    """Adds boxes to a graph, one by one.

    The operation that made the value `n7` is the node `o7`.
    """

    def __init__(self, boxes: Iterable[Box], digits: int, **attributes: str) -> None:
        self.digits = digits
        self.boxes = {box.key: box for box in boxes}
        self.largest = style.largest_of([box.grad for box in self.boxes.values()])
        self.graph = style.sheet("gradients", **attributes)

    def add(self, box: Box) -> None:
        """The value's box, its operation, and the arrows between them."""
        if box.constant:
            self._constant(box)
            return
        self._value(box)
        if box.op:
            self._operation(box)

    def _constant(self, box: Box) -> None:
        self.graph.add(
            box.key,
            typed(box.data, self.digits),
            title=f"the constant {box.data!r}",
            fontcolor=style.QUIET,
            fontsize="9",
        )

    def _value(self, box: Box) -> None:
        rows = [
            ("data", short(box.data, self.digits)),
            ("grad", short(box.grad, self.digits)),
        ]
        label = style.box(
            rows,
            visible(box.name),
            style.bar(box.grad, self.largest),
            style.PAPER if box.op else style.LEAF,
        )
        name = visible(box.name, longest=500) or box.op or "a value"
        self.graph.add(
            box.key, label, title=f"{name}: data {box.data!r}, grad {box.grad!r}"
        )

    def _operation(self, box: Box) -> None:
        name = "o" + box.key[1:]
        self.graph.add(
            name,
            f"<{markup(visible(box.symbol))}>",
            title=visible(box.op),
            shape="ellipse" if len(box.symbol) > 1 else "circle",
            margin="0.02",
            width="0.3",
            height="0.3",
            color=style.QUIET,
        )
        self._arrow(name, box.key, box.grad, f"{name}-out", f"gradient {box.grad!r}")
        for position in range(len(box.operands)):
            self._flow(box, position)
        if box.more:
            self.graph.add(f"{name}_more", "⋯", title="more", fontcolor=style.QUIET)
            self.graph.edge(f"{name}_more", name, style="dotted", arrowhead="none")

    def _flow(self, box: Box, position: int) -> None:
        """The arrow from an operand, which the gradient flows back along."""
        operand, partial = box.operands[position]
        name = "o" + box.key[1:]
        if self.boxes[operand].constant:
            self.graph.edge(operand, name, style="dotted", arrowhead="none")
            return
        back = box.grad * partial
        title = f"{box.grad!r} × {partial!r} = {back!r} flows back"
        label = style.small(f"∂ {short(partial, self.digits)}")
        self._arrow(operand, name, back, f"{name}-{position}", title, label=label)

    def _arrow(
        self,
        tail: str,
        head: str,
        gradient: float,
        id: str,
        title: str,
        **attributes: str,
    ) -> None:
        self.graph.arrow(
            tail,
            head,
            id,
            title,
            color=style.hue(gradient),
            penwidth=style.width(gradient, self.largest),
            **attributes,
        )


# ---- what things are called ----------------------------------------------------------


def symbol_of(operation: Operation) -> str:
    """The operation's sign: what a picture shows in its circle."""
    return SYMBOLS.get(operation.name, operation.symbol)


def names_of(names: Mapping[str, Any]) -> dict[Value, str]:
    """Names for values, from a mapping such as `globals()`; the first name counts.

    A list of values names them `w[0]`, `w[1]`. Names that start with _ are left out, as
    a notebook keeps its past results under such names.
    """
    if not isinstance(names, Mapping):
        raise TypeError(
            f"names is a mapping from names to values, such as globals(); got {names!r}"
        )
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
