"""draw(): one picture of a recorded graph."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from autograd.compiler import Program
from autograd.graph import Node, graph, topological_order
from autograd.operation import Operation
from autograd.value import Value, describe
from nn.arguments import meant, with_names
from nn.module import Module
from viz import style
from viz.digits import check_digits, short, typed
from viz.fold import LARGEST, differentiated, fold, summary
from viz.notation import (
    MUL,
    Expression,
    Symbol,
    defined,
    names_of,
    own_name,
    places,
    plus,
    shorter,
    symbol,
    times,
)
from viz.render import CLEAR, Graph, is_tangle, layout_for, visible

DETAILS: Final = ("op", "neuron", "layer")

READABLE: Final = 150  # nodes; what one looks at without searching
FULL_ROW: Final = 6  # operations; more, one after the other, are small on a slide


@with_names("draw")
def draw(
    value: Value | Program,
    names: Mapping[str, Any] | None = None,
    *,
    detail: str | None = None,
    depth: int | None = None,
    around: Value | None = None,
    expand: bool = False,
    constants: bool = False,
    digits: int = 4,
    direction: str = "right",
    wrap: int | None = None,
    key: bool = True,
    blank: bool = False,
) -> Graph:
    """A picture of the graph that led to `value`: every number, every derivative.

    A program, of `compile`, is drawn as the arrays in it: a box is a matrix, with its
    formula and its sides, and arrows lead to it from those that it is made of. Tinted
    boxes are derivatives. `direction` and `key` are for such a picture, too.

    A box is a value, with its name, its formula, its number and its gradient; a circle
    is the operation that made it, with the bare numbers that it takes in. The first
    operand comes in above the second. On each arrow stands the local derivative, ∂ of
    the operation by that operand. A gradient's bar goes right and is blue where it is
    positive, left and orange where it is negative; the wider an arrow, the more
    gradient flows back through it. Gradients are those that `backward()` left; before
    it a dash stands in their place.

    Values without a label are named v1, v2, v3 in the order of computing, and the last
    one out, as in `explain` and every other view.

    names: names for values without a label, such as `globals()`.
    detail: "op" shows each operation; "neuron" and "layer" fold a network's operations
        into its neurons or layers, which they find by the labels of its parameters.
        Without it, graphs of up to 150 nodes show each operation, and larger or very
        tangled ones are folded, or summed up where there is no network to see in them.
    depth: show only what is at most so many operations from `value`, or from `around`.
    around: show only the neighborhood of this node of the graph.
    expand: show each product of a dot product as an operation of its own.
    constants: show bare numbers apart from the circles.
    digits: how many significant digits the numbers have.
    direction: "right", or "down" for a picture from top to bottom.
    wrap: break the picture after so many operations into another row (going down:
        column); what a row takes from another stands there again by its name. Without
        it a picture to the right has rows of up to 6 operations, as a slide has room
        for; 0 keeps all in one row.
    key: whether to say below the picture what its signs mean.
    blank: leave gradients and local derivatives open, to be filled in by hand. Such a
        picture shows every operation.

    Raises ValueError where each operation is asked for and there are more than 2000.

    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y, {"y": y}).svg.startswith("<svg")
    True
    """
    look = Look(digits, direction, wrap, key, blank)
    _check_look(look)
    if isinstance(value, Program):
        return _arrays(value, direction, key)
    _check(value, detail, depth, around)
    check_digits(digits)
    detail = detail or ("op" if blank else None)
    order = topological_order(value)
    boxes = Boxes(order, names, digits, expand, constants)
    if depth is not None or around is not None:
        near = _nearby(order, value if around is None else around, depth)
        return _picture(boxes.of(near), look)
    if detail == "op" or (detail is None and len(order) <= READABLE):
        if len(order) > LARGEST:
            raise ValueError(_too_large(len(order)))
        shown = boxes.of(graph(value))
        if detail == "op" or not is_tangle(_arrows(shown)):
            return _picture(shown, look)
    return fold(order, detail, digits, key) or summary(order, boxes.names, digits)


def _arrays(program: Program, direction: str, key: bool) -> Graph:
    """A program as a small graph of matrices."""
    lines = program.arrays()
    keys = {line.name: f"a{n}" for n, line in enumerate(lines)}
    graph = style.sheet("arrays", direction=direction)
    for line in lines:
        name = visible(line.name)
        fill = style.LEAF if not line.formula else style.PAPER
        fill = style.BACK if line.back else fill
        rows = [("sides" if "×" in line.size else "numbers", line.size)]
        formula = visible(line.formula, longest=60)
        kind = line.formula or line.part
        label = style.box(rows if line.size != "1" else [], name, "", fill, formula)
        graph.add(keys[line.name], label, title=f"{line.name}: {kind}")
    for line in lines:
        for source in line.of:
            tail, head = keys[source], keys[line.name]
            title = f"{source} is part of {line.name}"
            color = style.NEGATIVE if line.back else style.NEUTRAL
            graph.arrow(tail, head, f"{tail}-{head}", title, color=color)
    if key:
        graph.attr(label=style.program_key(any(line.back for line in lines)))
    return graph


def _check(
    value: Any,
    detail: str | None,
    depth: int | None,
    around: Value | None,
) -> None:
    for item in (value, around):
        if not isinstance(item, Value) and (item is not None or item is value):
            raise TypeError(
                f"draw() takes a Value; got {item!r}"
                + ": for a network write viz.network(model)" * isinstance(item, Module)
            )
    if detail is not None and detail not in DETAILS:
        raise ValueError(
            f"detail is {', '.join(DETAILS)} or None; got {detail!r}"
            + meant(detail, DETAILS)
        )
    if depth is not None and (not isinstance(depth, int) or depth < 1):
        raise ValueError(f"depth is a whole number from 1; got {depth!r}")


def _check_look(look: Look) -> None:
    if look.direction not in style.DIRECTIONS:
        raise ValueError(
            f"direction is {' or '.join(style.DIRECTIONS)}; got {look.direction!r}"
            + meant(look.direction, style.DIRECTIONS)
        )
    if look.wrap is not None and (not isinstance(look.wrap, int) or look.wrap < 0):
        raise ValueError(
            "wrap is a whole number of operations from 1, or 0 for all in one row; got "
            f"{look.wrap!r}"
        )


def _too_large(count: int) -> str:
    return (
        f"a picture holds at most {LARGEST} nodes, and this graph has {count}: draw a "
        "part of it with draw(v, depth=4) or draw(v, around=node), or fold it with "
        'detail="neuron" or detail="layer"'
    )


# ---- which nodes ---------------------------------------------------------------------


def _nearby(order: list[Value], center: Value, depth: int | None) -> list[Node]:
    """The nodes within so many steps of one of them."""
    output = order[-1]
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
class Operand:
    """What an operation takes in: the key of its box, and the local derivative.

    place: which of the operands it is, from 0.
    label: the name of a constant, or its digits; empty for any other value.
    """

    key: str
    place: int
    partial: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A value as the picture shows it, and the operation that made it.

    key: its name in the picture: "n7" for node 7 of the graph.
    formula: what it was computed from, by name. sign: what stands in the circle.
    grad: None where no `backward()` has come by.
    operands: those that arrows come from, in the order of the formula; empty for a
        leaf.
    more: whether the graph goes on to operands that the picture leaves out.
    """

    key: str
    name: str
    data: float
    grad: float | None
    formula: str = ""
    op: str = ""
    sign: str = ""
    operands: tuple[Operand, ...] = ()
    constant: bool = False
    more: bool = False


class Boxes:
    """Makes the boxes of a graph, each named as in every view.

    order: the whole graph, of which a picture may show a part.
    expand: whether a dot product is shown as products and their sum.
    constants: whether bare numbers stand apart, not in the circles.
    """

    def __init__(
        self,
        order: list[Value],
        names: Mapping[str, Any] | None,
        digits: int,
        expand: bool,
        constants: bool,
    ) -> None:
        self.order = order
        self.variables = names
        self.digits = digits
        self.expand = expand
        self.constants = constants

    @cached_property
    def names(self) -> list[str]:
        """What each node of the graph is called."""
        return names_of(self.order, self.variables)

    @cached_property
    def differentiated(self) -> bool:
        """Whether there are gradients to show."""
        return differentiated(self.order)

    def of(self, nodes: list[Node]) -> list[Box]:
        """The boxes of these nodes, and of the numbers that stand apart."""
        shown = {node.index for node in nodes}
        boxes: list[Box] = []
        for node in nodes:
            if self.expand and node.value.op == "dot" and shown >= {*node.parents}:
                boxes += self._expanded(node)
            else:
                boxes.append(self._box(node, shown))
        used = {operand.key for box in boxes for operand in box.operands}
        return [box for box in boxes if not box.constant or box.key in used]

    def _box(self, node: Node, shown: set[int]) -> Box:
        value = node.value
        kept = [o for o in self._operands(node) if int(o.key[1:]) in shown]
        labels = [operand.label for operand in kept]
        whole = len(kept) == len(node.parents)
        sign = ""
        if any(labels) and whole and not self.constants:
            sign = sign_with(value.operation, labels)
            kept = [operand for operand in kept if not (sign and operand.label)]
        return Box(
            key=f"n{node.index}",
            name=self.names[node.index],
            data=value.data,
            grad=value.grad if self.differentiated else None,
            formula=defined(value, [self._symbol(p) for p in node.parents]),
            op=value.op,
            sign=sign or sign_of(value.operation),
            operands=tuple(kept),
            constant=value.constant,
            more=not whole,
        )

    def _symbol(self, index: int) -> Expression:
        return symbol(self.order[index], self.names[index])

    def _operands(self, node: Node) -> list[Operand]:
        """What a node was computed from, in the order of the formula."""
        return [self._operand(node, place) for place in places(node.value)]

    def _operand(self, node: Node, place: int) -> Operand:
        index = node.parents[place]
        value = self.order[index]
        shown = value.label or typed(value.data, self.digits)
        label = shown if value.constant else ""
        return Operand(f"n{index}", place, node.partials[place], label)

    def _expanded(self, node: Node) -> list[Box]:
        """A dot product as products and their sum."""
        whole = self._box(node, {*node.parents})
        factors = self._operands(node)
        pairs = list(zip(factors[::2], factors[1::2], strict=True))
        products = [self._product(node, i, pair) for i, pair in enumerate(pairs)]
        names = [Symbol(product.name) for product in products]
        total = replace(
            whole,
            formula=shorter(plus(*names), "sum"),
            op="sum",
            sign="+",
            operands=tuple(Operand(p.key, i, 1.0) for i, p in enumerate(products)),
        )
        return [*products, total]

    def _product(self, node: Node, i: int, pair: tuple[Operand, Operand]) -> Box:
        half = len(node.parents) // 2
        x, y = (node.parents[i], node.parents[half + i])
        labels = [factor.label for factor in pair]
        sign = sign_with(MUL, labels) if any(labels) and not self.constants else ""
        return Box(
            key=f"n{node.index}p{i + 1}",
            name=f"{self.names[node.index]}[{i + 1}]",
            data=self.order[x].data * self.order[y].data,
            grad=node.value.grad if self.differentiated else None,
            formula=shorter(times(self._symbol(x), self._symbol(y)), "mul"),
            op="mul",
            sign=sign or sign_of(MUL),
            operands=tuple(
                replace(factor, place=place)
                for place, factor in enumerate(pair)
                if not (sign and factor.label)
            ),
        )


SIGNS: Final = {
    **{"sub": "−", "neg": "−", "mul": "·", "prod": "·", "sum": "+", "pow": "^"},
    "relu": "relu",
}
INFIX: Final = ("add", "sub", "mul", "div", "pow")
PLACE: Final = "□"
OPEN: Final = "____"
LONGEST_SIGN: Final = 24


def sign_of(operation: Operation) -> str:
    """What a picture shows in an operation's circle."""
    return SIGNS.get(own_name(operation), operation.symbol)


def sign_with(operation: Operation, labels: Sequence[str]) -> str:
    """The same with numbers written in, such as `2 ·` or `^2`; empty if too long.

    labels: of the operands in order, empty for those that come in by an arrow.
    """
    sign, name = sign_of(operation), own_name(operation)
    labels = [f"({x})" if i and x[:1] == "-" else x for i, x in enumerate(labels)]
    if name == "pow":
        return f"{labels[0]}^{labels[1]}"
    if name in INFIX:
        return f"{labels[0]} {sign} {labels[1]}".strip()
    places = [label or PLACE for label in labels]
    if name == "dot":
        pairs = zip(places[::2], places[1::2], strict=True)
        text = " + ".join(f"{x}·{y}" for x, y in pairs)
    elif name in ("sum", "prod"):
        text = f" {sign} ".join(places)
    else:
        text = f"{sign}({', '.join(places)})"
    return text if len(text) <= LONGEST_SIGN else ""


# ---- the picture ---------------------------------------------------------------------


MOST_PORTS: Final = 3  # that a circle has; of more operands each has a place of its own


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture lies on the page; see `draw`."""

    digits: int = 4
    direction: str = "right"
    wrap: int | None = None
    key: bool = True
    blank: bool = False

    def port(self, position: int, count: int) -> str:
        """Where an operand comes in: the first above, or left of, the second.

        From the left, the second of two comes in the middle: from below the middle an
        arrow that runs level would have to bend its head.
        """
        if count == 1:
            return ""
        if count > MOST_PORTS:
            return f":p{position}:{'w' if self.direction == 'right' else 'n'}"
        right = ("nw", "w", "sw")
        down = ("nw", "ne") if count == 2 else ("nw", "n", "ne")
        return f":{(right if self.direction == 'right' else down)[position]}"

    @property
    def exit(self) -> str:
        """Where a value's arrows leave its box; elsewhere they'd turn around others."""
        return ":e" if self.direction == "right" else ":s"


def _picture(boxes: list[Box], look: Look) -> Graph:
    if look.blank:
        boxes = [replace(box, grad=None) for box in boxes]
    picture = Picture(boxes, look, layout_for(_arrows(boxes)))
    for box in picture.in_order():
        picture.add(box)
    return picture.finished()


def _arrows(boxes: list[Box]) -> list[tuple[str, str]]:
    return [(operand.key, box.key) for box in boxes for operand in box.operands]


class Picture:
    """Adds boxes to a graph, one by one.

    The operation that made the value `n7` is the node `o7`. Where the picture is
    broken into rows, what a row takes from another stands in it again by its name.
    """

    def __init__(
        self, boxes: Iterable[Box], look: Look, attributes: Mapping[str, str]
    ) -> None:
        self.look = look
        self.tangled = bool(attributes)
        self.boxes = {box.key: box for box in boxes}
        grads = [box.grad for box in self.boxes.values() if box.grad is not None]
        self.largest = style.largest_of(grads)
        self.graph = style.sheet(
            CLEAR,
            direction=look.direction,
            ordering="in",
            ranksep=style.APART,
            **attributes,
        )
        self.rows = _rows(list(self.boxes.values()), look)
        self.repeated: list[str] = []
        self.operands: dict[str, list[str]] = {}

    def in_order(self) -> list[Box]:
        """The boxes as Graphviz wants them: what comes first is the lowest row."""
        rows = sorted(self.boxes.values(), key=lambda box: self.rows[box.key])
        return rows[::-1] if self.look.direction == "right" else rows

    def add(self, box: Box) -> None:
        """The value's box, its operation, and the arrows between them."""
        self.operands[box.key] = []
        if box.constant:
            self._constant(box)
            return
        if box.op:
            self._operation(box)
        self._value(box)

    def finished(self) -> Graph:
        """The picture with its key, its operands in order, its rows in theirs."""
        rows: dict[int, list[str]] = {}
        for key, row in self.rows.items():
            more = [f"o{key[1:]}_more"] * self.boxes[key].more
            circle = ["o" + key[1:]] * bool(self.boxes[key].op)
            rows.setdefault(row, []).extend([key, *circle, *more])
        for name in self.repeated:
            rows[int(name.rpartition("r")[2])].append(name)
        starts = [self._start(row) for row in sorted(rows)]
        alike = [*self._alike(), *self._next_to()] if len(rows) > 1 else []
        upwards = bool(alike) and self.look.direction == "right"
        beside = [] if len(rows) > 1 or self.tangled else [*self._beside()]
        style.in_order(self.graph, self.operands, alike or beside, upwards)
        style.stack(self.graph, [rows[row] for row in sorted(rows)], starts)
        if alike:  # another round of untangling would forget the order in a row
            self.graph.attr(remincross="false")
        if self.look.key:
            boxes = self.boxes.values()
            known = any(box.grad is not None for box in boxes)
            label = style.key(known, any(box.op for box in boxes), self.look.blank)
            self.graph.attr(label=label)
        return self.graph

    def _beside(self) -> Iterator[tuple[str, str]]:
        """Neighbors among the operands of an operation that fit into one column.

        And the circles before them, which would cross their arrows in another order.
        """
        columns = style.Columns(self.operands)
        for box in self.boxes.values():
            for first, second in pairwise(self._computed(box)):
                if columns.join(first, second):
                    yield first, second
                    yield f"o{first[1:]}", f"o{second[1:]}"

    def _alike(self) -> Iterator[tuple[str, str]]:
        """Pairs to keep in the order of the formula, in each row that shows both.

        They are neighbors among the operands of an operation that were computed in as
        many steps, and what these were computed from, likewise, and so on back.
        """
        depths = _depths(self.boxes.values())
        waiting = [
            pair
            for box in self.boxes.values()
            for pair in pairwise(self._computed(box))
        ]
        seen: set[tuple[str, str]] = set()
        while waiting:
            pair = first, second = waiting.pop(0)
            if first == second or depths[first] != depths[second] or pair in seen:
                continue
            seen.add(pair)
            yield pair
            for row in set(self.rows.values()):
                again = f"{first}r{row}", f"{second}r{row}"
                if {*again} <= {*self.repeated}:
                    yield again
            sides = (self._computed(self.boxes[key]) for key in pair)
            waiting += zip(*sides, strict=False)

    def _next_to(self) -> Iterator[tuple[str, str]]:
        """Leaves of one use, each with the computed operand above or below it."""
        depths = _depths(self.boxes.values())
        uses = Counter(name for names in self.operands.values() for name in names)
        for names in self.operands.values():
            deepest = max([depths[n] for n in names if self.operands[n]], default=0)
            for pair in pairwise(names):
                made = [n for n in pair if self.operands[n]]
                leaf = [n for n in pair if not self.operands[n] and uses[n] == 1]
                if made and leaf and depths[made[0]] == deepest:
                    yield pair

    def _computed(self, box: Box) -> list[str]:
        """Those of its operands that have operands themselves."""
        return [x.key for x in box.operands if self.boxes[x.key].op]

    def _start(self, row: int) -> str:
        """Where the longest way through a row begins, which is at its side."""
        depths: dict[str, int] = {}
        for key in self.boxes:
            if self.rows[key] == row:
                before = [depths.get(operand, 0) for operand in self.operands[key]]
                depths[key] = max(before, default=-1) + 1
        name = max(depths, key=lambda key: depths[key])
        while self.operands[name]:
            name = max(self.operands[name], key=lambda key: depths.get(key, 0))
        return name

    def _constant(self, box: Box) -> None:
        self.graph.add(
            box.key,
            typed(box.data, self.look.digits),
            title=f"the constant {box.data!r}",
            fontcolor=style.QUIET,
            fontsize="9",
        )

    def _value(self, box: Box) -> None:
        known = style.known(box.grad, self.look.digits)
        rows = [
            ("value", short(box.data, self.look.digits)),
            ("gradient", OPEN if self.look.blank else known),
        ]
        label = style.box(
            rows,
            visible(box.name),
            style.bar(box.grad or 0.0, self.largest),
            style.PAPER if box.op else style.LEAF,
            visible(box.formula, longest=60),
        )
        name = visible(box.name, longest=500)
        grad = "not known" if box.grad is None else repr(box.grad)
        self.graph.add(
            box.key, label, title=f"{name}: value {box.data!r}, gradient {grad}"
        )

    def _operation(self, box: Box) -> None:
        name = "o" + box.key[1:]
        count = len(box.operands)
        sign, title = visible(box.sign), visible(box.op)
        if count > MOST_PORTS:
            self.graph.add(name, style.gate(sign, count, self.look.direction), title)
        else:
            self.graph.add(name, title=title, **style.circle(sign, count))
        grad = box.grad or 0.0
        self._arrow(
            name, box.key, grad, f"{name}-out", f"gradient {box.grad!r}", weight="4"
        )
        for position in range(count):
            self._flow(box, position)
        if box.more:
            self.graph.add(f"{name}_more", "⋯", title="more", fontcolor=style.QUIET)
            self.graph.edge(f"{name}_more", name, style="dotted", arrowhead="none")

    def _flow(self, box: Box, position: int) -> None:
        """The arrow from an operand, which the gradient flows back along."""
        operand = box.operands[position]
        name = "o" + box.key[1:]
        head = name + self.look.port(position, len(box.operands))
        if operand.label:
            look = {"style": "dotted", "arrowhead": "none"}
            told = f"the constant {operand.label}"
            self.graph.arrow(operand.key, head, f"{name}-{operand.place}", told, **look)
            return
        tail = self._again(operand.key, self.rows[box.key])
        self.operands[box.key].append(tail)
        back = (box.grad or 0.0) * operand.partial
        title = f"{box.grad!r} × {operand.partial!r} = {back!r} flows back"
        if box.grad is None:
            title = f"local derivative {operand.partial!r}"
        number = short(operand.partial, self.look.digits)
        if self.look.blank:
            title, number = "local derivative", OPEN
        label = style.small(f"∂ {number}", self.look.direction)
        tail += self.look.exit
        self._arrow(tail, head, back, f"{name}-{operand.place}", title, label=label)

    def _again(self, key: str, row: int) -> str:
        """A value in a row: its box, or where that is in another row, its name."""
        if self.rows[key] == row:
            return key
        name, box = f"{key}r{row}", self.boxes[key]
        if name not in self.repeated:
            self.repeated.append(name)
            self.operands[name] = []
            text = f"{visible(box.name)} = {short(box.data, self.look.digits)}"
            self.graph.add(name, style.tag(text), title=f"{box.name}, from above")
        return name

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


def _rows(boxes: list[Box], look: Look) -> dict[str, int]:
    """The row of each box; a leaf stands in the first row that it is used in."""
    depths = _depths(boxes)
    wrap = _usual_wrap(depths, look) if look.wrap is None else look.wrap
    rows: dict[str, int] = {}
    for box in boxes:
        depth = depths[box.key]
        if box.op or len(boxes) == 1:
            rows[box.key] = row = (depth - 1) // wrap if wrap and depth else 0
            for operand in box.operands:
                rows.setdefault(operand.key, row)
    return rows


def _usual_wrap(depths: Mapping[str, int], look: Look) -> int:
    """How many operations a row has where nobody says; 0 for one row."""
    longest = max(depths.values(), default=0)
    if look.direction == "down" or longest <= FULL_ROW or len(depths) > READABLE:
        return 0
    return math.ceil(longest / math.ceil(longest / FULL_ROW))


def _depths(boxes: Iterable[Box]) -> dict[str, int]:
    """How many operations one after the other lead to each box; operands come first."""
    depths: dict[str, int] = {}
    for box in boxes:
        before = [depths[operand.key] for operand in box.operands]
        depths[box.key] = max(before, default=0) + bool(box.op)
    return depths
