"""network(): a network as neurons in columns, with activations and deltas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import hypot, sqrt
from typing import Any, Final

from autograd import reductions
from autograd.value import Value
from autograd.wording import counted
from nn.arguments import meant
from nn.attention import (
    Embedding,
    LayerNorm,
    RMSNorm,
    SelfAttention,
    softmax_rows,
    weighted_values,
)
from nn.calls import values_in
from nn.convolution import AvgPool2d, Conv1d, Conv2d, MaxPool2d
from nn.formulas import losses_in, whole_of
from nn.losses import Loss
from nn.module import Layer, Module, Neuron, title
from nn.recurrent import GRU, LSTM, RNN
from viz import style
from viz.digits import check_digits, short
from viz.layers import (
    Part,
    Pass,
    Stage,
    activation_of,
    calls_of,
    flows_back,
    numbered,
    parts_of,
    record_pass,
)
from viz.loss import Losses
from viz.notation import TEXT, Expression, Number, Symbol, show
from viz.render import Graph, visible

GAP: Final = (1.55, 0.25)  # inches between neurons, across and down
ROOM: Final = 0.34  # inches of a neuron's diameter that aren't text,
DIGIT: Final = 0.09  # and those that each character takes
INPUT: Final = 0.75  # of a neuron's diameter, that of an input
BAR: Final = 20  # points from the middle of the bar of δ to its end
LANE: Final = 0.16  # inches from an arrow forward to the one back, beside it
FEW: Final = 12  # arrows between two columns that have one back beside them
NUMBERED: Final = 24  # and that have numbers
LINE: Final = 0.16  # inches that a line of small print needs
SMALL: Final = 0.08  # and that each of its characters takes
HEAD: Final = 0.1  # inches that an arrow's head takes
CLEAR: Final = 0.08  # inches from a neuron to a number beside it
ASIDE: Final = 0.12  # inches from the middle of a neuron to that of its bias

FEW_TARGETS: Final = 3  # that the box of the loss has room for

SHOWN: Final = ("weight", "gradient")
DETAILS: Final = ("neuron", "part")
MOST_COLUMNS: Final = 10  # that can be read on a slide


def network(
    model: Module,
    x: Sequence[float | Value] | None = None,
    y: Any = None,
    *,
    loss: Loss | str | None = None,
    show: str = "weight",
    most: int = 8,
    digits: int = 3,
    caption: str = "",
    target: str = "",
    detail: str | None = None,
    key: bool = True,
) -> Graph:
    """A picture of a network: neurons in columns, from the inputs to the loss.

    In each neuron stand its sum z, its activation a and δ, the derivative of the loss
    by z. Solid arrows lead forward; blue is a positive weight and orange a negative
    one, and the wider the arrow the larger it is. Dashed arrows beside them lead back:
    what flows along one is the weight times the δ that it comes from. Where there are
    more than 12 between two layers, one below stands for all; numbers stand on arrows
    where there is room for them, and in every arrow's tooltip.

    A module of your own that is no layer, or a function between layers, has a column
    with its outputs; gray arrows lead there from all that they are made of.

    What has more than 10 columns, such as a transformer, is folded: a box for each part
    with its matrix form, and how the derivatives come back through it. There ∂x is the
    derivative of the loss by x, which adds up where several arrows leave x.

    model: any `Module`, such as an `MLP` or a `Sequential`.
    x: one row of inputs; without it the picture shows the weights alone.
    y: the target of that row; without it there is no loss and no δ.
    loss: a loss by name, or a function of the outputs and y. By default
        `binary_cross_entropy` where the outputs come from a sigmoid, otherwise `mse`.
    show: "weight", or "gradient" to let arrows show the weights' gradients.
    most: how many neurons of a layer to draw; the middle of a wider one is left out.
    digits: how many significant digits the numbers have.
    caption: a line below the picture, such as which row it shows.
    target: what the target is called, such as the name of a class.
    detail: "neuron" shows neurons, "part" is folded; None chooses.
    key: whether to say below the picture what its signs mean.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], "tanh", "sigmoid", seed=0)
    >>> network(model, [1.0, 2.0], 1.0).svg.count("<ellipse")
    6
    """
    if show not in SHOWN:
        wrong = f"show is {' or '.join(SHOWN)}; got {show!r}"
        raise ValueError(wrong + meant(show, SHOWN))
    if not isinstance(most, int) or most < 3:
        raise ValueError(f"most is a whole number from 3; got {most!r}")
    if y is None and target != "":
        raise ValueError(
            "target is what the target y of a row is called, and there is no y: write "
            f"network(model, x, {target!r})"
        )
    if y is None and show == "gradient":
        raise ValueError("gradients follow from a loss: pass a row x and its target y")
    check_digits(digits)
    if detail not in (None, *DETAILS):
        wrong = f"detail is {' or '.join(DETAILS)}, or None; got {detail!r}"
        raise ValueError(wrong + meant(detail, DETAILS))
    told = _record(model, x, y, loss)
    wide = len(told.stages) > MOST_COLUMNS and show == "weight" and x is not None
    if detail == "part" or (detail is None and wide):
        return _Folded(told, y is not None, digits, caption, key).graph
    words = visible(target, longest=20)
    drawing = _Drawing(told, x is not None, y is not None, show, most, digits, words)
    below = drawing.legend(visible(caption, longest=120), key)
    if below:
        drawing.graph.attr(label=below)
    return drawing.graph


def _record(model: Module, x: Any, y: Any, loss: Loss | str | None) -> Pass:
    """The pass to draw; what x and y are needed for is left out where they are."""
    if x is None:
        if y is not None:
            raise ValueError("a target y needs the row x that it belongs to")
        x = [0.0] * _inputs_of(model)
    if y is None:
        return record_pass(model, x, y, lambda outputs, _: _total(outputs))
    return record_pass(model, x, y, loss)


def _inputs_of(model: Module) -> int:
    """How many numbers the first layer takes in, which is what the model does, too."""
    for part in model.modules() if isinstance(model, Module) else ():
        if isinstance(part, Layer):
            return part.nin
        if isinstance(part, Neuron):
            return len(part.w)
    raise TypeError(
        f"network() draws networks of layers, such as nn.MLP; got {model!r:.60}; where "
        "there are none inside, pass a row x"
    )


def _depends(out: Value, value: Value, others: Sequence[Value]) -> bool:
    """Whether a node is made of a value on a way that leads through no other."""
    stop, waiting, seen = set(others), [out], {out}
    while waiting:
        for parent in waiting.pop().parents:
            if parent is value:
                return True
            if parent not in seen and parent not in stop:
                seen.add(parent)
                waiting.append(parent)
    return out is value


def _total(outputs: Any) -> Any:
    alone = isinstance(outputs, Value)
    return +outputs if alone else reductions.sum([*values_in(outputs)])


# ---- where things stand --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spot:
    """Something in a column: neuron or input number `index`, or None for the gap."""

    index: int | None
    x: float
    y: float

    @property
    def pos(self) -> str:
        """The place as Graphviz reads it, pinned."""
        return f"{self.x:.4f},{self.y:.4f}!"


def _column(count: int, most: int, x: float, down: float) -> list[Spot]:
    """The spots of a column from the top, around the height 0."""
    shown: list[int | None] = list(range(count))
    if count > most:
        shown = [*range(most - 2), None, count - 1]
    top = (len(shown) - 1) / 2
    return [Spot(index, x, (top - i) * down) for i, index in enumerate(shown)]


def _best_place(
    tails: list[Spot],
    heads: list[Spot],
    radius: float,
    word: float,
    taken: float | None = None,
) -> float | None:
    """How far along the arrows numbers have most room; None where they would touch.

    radius, word: of a neuron the radius, of a number the width, in inches.
    taken: a place that other numbers have.
    """

    def apart(place: float) -> float:
        heights = sorted(
            tail.y + place * (head.y - tail.y) for tail in tails for head in heads
        )
        return min((b - a for a, b in pairwise(heights)), default=LINE)

    across = heads[0].x - tails[0].x
    near = (radius + CLEAR + word / 2) / across
    far = 1 - near - HEAD / across
    places = [near + (far - near) * step / 8 for step in range(9)]
    if taken is not None:
        places = [place for place in places if abs(place - taken) * across > word]
    best = max(places, key=apart, default=0.0)
    return best if places and apart(best) >= LINE else None


def _between(tail: Spot, head: Spot, place: float) -> Spot:
    """The spot so far along the way from one to another."""
    x, y = tail.x + place * (head.x - tail.x), tail.y + place * (head.y - tail.y)
    return Spot(None, x, y)


def _beside(tail: Spot, head: Spot, radii: tuple[float, float]) -> tuple[Spot, Spot]:
    """The ends of an arrow back between two circles, one lane below the straight line.

    radii: of the circles at the tail and at the head.
    """
    length = hypot(head.x - tail.x, head.y - tail.y)
    right, up = (head.x - tail.x) / length, (head.y - tail.y) / length
    starts, ends = (sqrt(max(radius**2 - LANE**2, 0.0)) for radius in radii)
    first, last = (
        Spot(None, tail.x + right * way - up * LANE, tail.y + up * way + right * LANE)
        for way in (starts, length - ends)
    )
    return first, last


# ---- the drawing ---------------------------------------------------------------------


class _Drawing:
    """The picture of one pass, column by column."""

    def __init__(
        self,
        told: Pass,
        values: bool,
        deltas: bool,
        show: str,
        most: int,
        digits: int,
        target: str = "",
    ) -> None:
        self.told = told
        self.target = target
        self.values, self.deltas = values, deltas
        self.show = show
        self.digits = digits
        self.graph = style.sheet(
            "network", engine="neato", splines="line", outputorder="edgesfirst"
        )
        given: list[tuple[Value, ...]] = [told.inputs]
        given += [stage.outs for stage in told.stages]
        sizes = [len(column) for column in given]
        self.diameter = ROOM + DIGIT * max(digits + 5, self._longest())
        self.word = SMALL * (digits + 4)
        across, down = (self.diameter + gap for gap in GAP)
        skips = any(
            not set(stage.inputs) <= {*column}
            for stage, column in zip(told.stages, given, strict=False)
        )
        down += LINE * skips  # room for arrows between a bias and the next neuron
        across += max(0.0, 2 * self.word + 5 * CLEAR - GAP[0])
        tallest = min(max(sizes), most)
        across = max(across, 0.45 * down * tallest)  # steep arrows are hard to follow
        self.columns = [_column(n, most, k * across, down) for k, n in enumerate(sizes)]
        self.down = down
        self.places: dict[Value, tuple[int, int]] = {}
        for k, column in enumerate(given):
            for i, value in enumerate(column):
                self.places.setdefault(value, (k, i))
        self.end = (len(sizes) - 1) * across + self.diameter + GAP[0]
        self.edge = tallest / 2 * down + 0.2  # the heights of what is above and below
        zs = [z for stage in told.stages for z in stage.zs]
        self.largest = style.largest_of([self._adjoint(z) for z in zs])
        self._draw(given)

    def _draw(self, given: list[tuple[Value, ...]]) -> None:
        self._inputs()
        for k, stage in enumerate(self.told.stages):
            self._neurons(k + 1, stage)
            if not stage.title and stage.inputs == given[k]:
                self._arrows(k, stage)
            else:
                self._links(k + 1, stage)
        if self.deltas:
            self._loss()

    def _longest(self) -> int:
        """How many characters the longest number inside a neuron has."""
        stages = self.told.stages
        shown = [x.data for stage in stages for x in (*stage.zs, *stage.outs)]
        deltas = [self._adjoint(z) for stage in stages for z in stage.zs]
        numbers = shown * self.values + deltas * self.deltas
        return max(map(len, map(self._number, numbers)), default=0)

    def legend(self, caption: str, key: bool) -> str:
        """The caption, the formulas, and what the arrows and the colors mean."""
        shown = "weight" if self.show == "weight" else "∂loss/∂weight"
        arrows = [f"→ forward: {shown}"]
        if any(stage.title for stage in self.told.stages):
            arrows.append("→ gray: takes part")
        if self.deltas:
            arrows.append("⇠ back: weight × δ")
        if self.deltas:
            arrows.append("δ = ∂loss/∂z")
        return style.legend(arrows if key else [], caption, self._forms())

    def _forms(self) -> list[tuple[str, ...]]:
        """Each layer in matrix form, with its δ; then the loss."""
        found: list[tuple[str, ...]] = []
        for k, stage in enumerate(self.told.stages):
            if not stage.title:
                number = stage.name
                left, inputs = self._whole(stage.outs), self._whole(stage.inputs)
                weights = f"W{number}", inputs, f"b{number}"
                form = f"{left} = {style.matrix_form(*weights, stage.activation)}"
                back = [self._back_form(k)] * self.deltas
                found.append((form, *back))
            elif known := self._own_form(stage):
                found.append((known,))
        if self.deltas and (whole := whole_of(self.told.loss)):
            found.append((f"L = {whole}",))
        return found

    def _own_form(self, stage: Stage) -> str:
        """The matrix form of what is no layer of neurons; empty where none is known."""
        for call in calls_of(self.told.call):
            form = form_of(call.part)
            of_one = form is not None and "{1}" not in form.ahead
            if form and of_one and tuple(values_in(call.output)) == stage.outs:
                inputs = self._whole(stage.inputs)
                return f"{self._whole(stage.outs)} = {form.ahead.format(inputs)}"
        return ""

    def _back_form(self, k: int) -> str:
        """How the δ of a layer follows from what comes after it."""
        stage = self.told.stages[k]
        behind = f"∂L/∂{self._whole(stage.outs)}"
        if stage.direct:
            after = self.told.stages[k + 1].name
            behind = f"W{after}ᵀ δ{after}"
        if stage.activation:
            behind = f"({behind})" if stage.direct else behind
            behind += f" ⊙ {stage.activation}'(z{stage.name})"
        return f"δ{stage.name} = {behind}"

    def _whole(self, values: tuple[Value, ...]) -> str:
        """What the outputs of a stage, or the inputs, are called as a whole."""
        if values == self.told.inputs:
            return "x"
        for k, stage in enumerate(self.told.stages):
            if values == stage.outs:
                last = k == len(self.told.stages) - 1
                return "ŷ" if last else f"{'s' if stage.title else 'a'}{stage.name}"
        return "[…]"

    def _adjoint(self, value: Value) -> float:
        return self.told.adjoints.get(value, 0.0)

    def _number(self, x: float) -> str:
        return short(x, self.digits)

    # ---- columns ----

    def _heading(
        self, column: int, x: float, text: str, below: str, title: str = ""
    ) -> None:
        label, place = style.heading(text, below), f"{x:.4f},{self.edge:.4f}!"
        self.graph.add(f"h{column}", label, title or text, pos=place)

    def _gap(self, column: int, spot: Spot, count: int) -> None:
        hidden = count - len(self.columns[column]) + 1
        self.graph.add(
            f"c{column}gap",
            "⋮",
            f"{hidden} more",
            pos=spot.pos,
            fontsize="22",
            fontcolor=style.QUIET,
        )

    def _inputs(self) -> None:
        inputs = self.told.inputs
        many = counted(len(inputs), "number")
        self._heading(0, 0.0, "input", many)
        names = [
            visible(value.label, longest=24) or f"x{n}"
            for n, value in enumerate(inputs, 1)
        ]
        numbers = [self._number(value.data) * self.values for value in inputs]
        beside = any(  # where there is no room inside for each
            len(name) > 4 or DIGIT * len(name + number) > INPUT * self.diameter
            for name, number in zip(names, numbers, strict=True)
        )
        for spot in self.columns[0]:
            if spot.index is None:
                self._gap(0, spot, len(inputs))
                continue
            value, name = inputs[spot.index], names[spot.index]
            number = numbers[spot.index]
            rows = [(number or "–", "")] if beside else [(name, number)]
            key, title = f"c0i{spot.index}", f"{name} = {value.data!r}"
            radius = self._circle(key, spot, rows, title)
            if beside:
                left = spot.x - radius - 0.08 - SMALL * len(name) / 2
                pos = f"{left:.4f},{spot.y:.4f}!"
                self.graph.add(f"{key}-name", name, title, pos=pos, fontsize="9")

    def _neurons(self, column: int, stage: Stage) -> None:
        spots, count = self.columns[column], len(stage.zs)
        name = visible(stage.title, longest=20) or f"layer {stage.name}".rstrip()
        folded = f"{count} {'values' if stage.title else 'neurons'}" * (
            len(spots) < count
        )
        kind = stage.size if stage.title else stage.activation or "linear"
        below = ", ".join(filter(None, (folded, kind)))
        own = [f"{visible(n)} = {value.data!r}" for n, value in stage.parameters]
        title = ", ".join([name, *own])
        self._heading(column, spots[0].x, name, below, title)
        for spot in spots:
            if spot.index is None:
                self._gap(column, spot, count)
            else:
                self._neuron(column, stage, spot, spot.index)

    def _neuron(self, column: int, stage: Stage, spot: Spot, i: int) -> None:
        z, out = stage.zs[i], stage.outs[i]
        delta = self._adjoint(z) if self.deltas else None
        rows = [("z", z.data), ("a", out.data)][bool(stage.title) :]
        rows = rows if self.values else []
        rows += [("δ", delta)] if delta is not None else []
        title = ", ".join(f"{name} = {x!r}" for name, x in rows)
        texts = [(name, self._number(x)) for name, x in rows]
        name = f"c{column}i{i}"
        radius = self._circle(name, spot, texts, title, delta)
        if not stage.title:
            self._bias(name, spot, radius, stage.biases[i])

    def _bias(self, name: str, spot: Spot, radius: float, bias: Value) -> None:
        """A bias below its neuron, aside from where the heads of arrows come in."""
        shown, sign = self._shown(bias)
        self.graph.add(
            f"{name}-b",
            style.patch(f"{sign}b {self._number(shown)}"),
            f"{sign}{visible(bias.label) or 'b'} = {shown!r}",
            pos=f"{spot.x + ASIDE:.4f},{spot.y - radius - 0.13:.4f}!",
            fontsize="9",
            fontcolor=style.QUIET,
        )

    def _circle(
        self,
        name: str,
        spot: Spot,
        rows: list[tuple[str, str]],
        title: str,
        delta: float | None = None,
    ) -> float:
        """A neuron or an input; returns the radius in inches."""
        diameter = self.diameter * (1.0 if len(rows) > 1 else INPUT)
        self.graph.add(
            name,
            style.lines(
                rows, "" if delta is None else style.bar(delta, self.largest, BAR)
            ),
            title,
            pos=spot.pos,
            shape="circle",
            fixedsize="shape",
            width=f"{diameter:.3f}",
            style="filled",
            fillcolor=style.PAPER if spot.x else style.LEAF,
            color=style.QUIET if delta is None else style.hue(delta),
            penwidth="1.2" if delta is None else style.width(delta, self.largest),
        )
        return diameter / 2

    # ---- arrows ----

    def _shown(self, parameter: Value) -> tuple[float, str]:
        """The number that the picture shows for a parameter, and a sign before it."""
        if self.show == "weight":
            return parameter.data, ""
        return self._adjoint(parameter), "∂"

    def _arrows(self, column: int, stage: Stage) -> None:
        """Everything between a column and the next."""
        tails = [spot for spot in self.columns[column] if spot.index is not None]
        heads = [spot for spot in self.columns[column + 1] if spot.index is not None]
        count = len(tails) * len(heads)
        sizes = self.diameter / 2, self.word
        place = _best_place(tails, heads, *sizes) if count <= NUMBERED else None
        both = place is not None and 1 in (len(tails), len(heads))
        back = _best_place(tails, heads, *sizes, place) if both else None
        shown = [self._shown(w)[0] for row in stage.weights for w in row]
        largest = style.largest_of(shown)
        for head, tail in product(heads, tails):
            self._weight(column, stage, tail, head, largest, place)
            if self.deltas and column and count <= FEW:
                self._back(column, stage, tail, head, back)
        if self.deltas and column and count > FEW:
            self._all_back(column)

    def _weight(
        self,
        column: int,
        stage: Stage,
        tail: Spot,
        head: Spot,
        largest: float,
        place: float | None,
    ) -> None:
        weight = stage.weights[head.index or 0][tail.index or 0]
        shown, sign = self._shown(weight)
        left, right = f"c{column}i{tail.index}", f"c{column + 1}i{head.index}"
        title = f"{sign}{visible(weight.label) or 'w'} = {shown!r}"
        self.graph.arrow(
            left,
            right,
            f"{left}-{right}",
            title,
            color=style.hue(shown),
            penwidth=style.width(shown, largest),
        )
        if place is not None:
            spot = _between(tail, head, place)
            self._patch(f"{left}-{right}-number", spot, shown, title)

    def _patch(self, name: str, spot: Spot, number: float, title: str) -> None:
        """A number that stands on an arrow."""
        self.graph.add(
            name,
            style.patch(self._number(number)),
            title,
            pos=spot.pos,
            fontsize="9",
            fontcolor=style.hue(number) if number else style.QUIET,
        )

    def _links(self, column: int, stage: Stage) -> None:
        """What a column is made of where that is not just the column before."""
        tails = [(k, v, self._spot(v)) for k, v in enumerate(stage.inputs)]
        for head in self.columns[column]:
            i = head.index
            for k, value, tail in tails:
                if i is None or tail is None:
                    continue
                if stage.weights:
                    shown, sign = self._shown(stage.weights[i][k])
                    largest = [self._shown(w)[0] for w in stage.weights[i]]
                    title = visible(stage.weights[i][k].label) or "w"
                    look = {
                        "title": f"{sign}{title} = {shown!r}",
                        "color": style.hue(shown),
                        "penwidth": style.width(shown, style.largest_of(largest)),
                    }
                    self._link(self.places[value], tail, column, head, look)
                elif _depends(stage.outs[i], value, stage.inputs):
                    look = {"title": "takes part", "color": style.QUIET}
                    self._link(self.places[value], tail, column, head, look)

    def _spot(self, value: Value) -> Spot | None:
        """Where a value stands in the picture, if it is shown."""
        column, index = self.places.get(value, (0, -1))
        return next((s for s in self.columns[column] if s.index == index), None)

    def _link(
        self,
        place: tuple[int, int],
        tail: Spot,
        column: int,
        head: Spot,
        look: dict[str, str],
    ) -> None:
        """An arrow from one place to a later column, around what stands between."""
        start, index = place
        last = f"c{start}i{index}"
        key = f"{last}-c{column}i{head.index}"
        for k in range(start + 1, column):
            straight = _between(tail, head, (k - start) / (column - start))
            point = f"{key}-{k}"
            self._point(point, self._gap_near(k, straight))
            self.graph.arrow(last, point, f"{key}-to-{k}", arrowhead="none", **look)
            last = point
        self.graph.arrow(last, f"c{column}i{head.index}", key, **look)

    def _gap_near(self, column: int, spot: Spot) -> Spot:
        """The place between two circles of a column that is nearest to a spot."""
        top = self.columns[column][0]
        steps = round((top.y + self.down / 2 - spot.y) / self.down)
        steps = min(max(steps, 0), len(self.columns[column]))
        height = top.y + (self.down - LINE) / 2 - steps * self.down  # below a bias
        return Spot(None, top.x, height)

    def _point(self, name: str, spot: Spot) -> None:
        """A place where arrows may begin and end, which is not seen."""
        self.graph.node(name, "", shape="point", width="0", style="invis", pos=spot.pos)

    def _back(
        self, column: int, stage: Stage, tail: Spot, head: Spot, place: float | None
    ) -> None:
        """What flows back along a weight: the weight times δ."""
        weight = stage.weights[head.index or 0][tail.index or 0].data
        delta = self._adjoint(stage.zs[head.index or 0])
        left, right = f"c{column}i{tail.index}", f"c{column + 1}i{head.index}"
        flow = weight * delta
        title = f"{weight!r} × {delta!r} = {flow!r} flows back"
        radius = self.diameter / 2
        ends = _beside(head, tail, (radius, radius))
        self._dashed(f"{right}-{left}", ends, flow, title)
        if place is not None:
            spot = _between(*ends, 1 - place)
            self._patch(f"{right}-{left}-number", spot, flow, title)

    def _dashed(
        self, name: str, ends: tuple[Spot, Spot], back: float, title: str
    ) -> None:
        """A dashed arrow from one place to another."""
        tail, head = (f"{name}-from", f"{name}-to")
        for end, spot in zip((tail, head), ends, strict=True):
            self._point(end, spot)
        self.graph.arrow(
            tail,
            head,
            name,
            title,
            style="dashed",
            color=style.hue(back),
            penwidth="1.2",
        )

    def _all_back(self, column: int) -> None:
        """One arrow below for what flows back along many weights."""
        for k in (column, column + 1):
            place = f"{self.columns[k][0].x:.4f},{-self.edge:.4f}!"
            name = self.told.stages[k - 1]
            whole = name.title or f"layer {name.name}"
            self.graph.add(f"d{k}", style.patch("δ"), f"all δ of {whole}", pos=place)
        title = "each δ flows back along its weights"
        self.graph.arrow(
            f"d{column + 1}", f"d{column}", f"d{column}-back", title, style="dashed"
        )

    def _loss(self) -> None:
        told = self.told
        name = told.loss_name.replace("_", " ")
        rows = [("loss", self._number(told.loss.data))]
        wanted = self.target or ", ".join(map(self._number, told.targets[:FEW_TARGETS]))
        if wanted and len(told.targets) <= FEW_TARGETS:
            rows.append(("target", wanted))
        outs = told.stages[-1].outs
        if len(outs) == 1:
            rows.append(("∂L/∂ŷ", self._number(self._adjoint(outs[0]))))
        longest = max(len(name) + len(text) for name, text in rows)
        wide = max(self.diameter + 0.25, SMALL * longest + 0.45)
        self._heading(len(self.columns), self.end, "loss", name)
        spots = self.columns[-1]
        tall = max(0.24 + 0.26 * len(rows), spots[0].y - spots[-1].y + self.diameter)
        self.graph.add(
            "loss",
            style.lines(rows),
            f"{name} = {told.loss.data!r}",
            pos=f"{self.end:.4f},0!",
            shape="box",
            fixedsize="true",
            width=f"{wide:.3f}",
            height=f"{tall:.3f}",
            style="rounded,filled",
            fillcolor=style.PAPER,
            color=style.QUIET,
        )
        for spot in spots:
            if spot.index is not None:
                self._into_loss(spot, spot.index, Spot(0, self.end - wide / 2, spot.y))

    def _into_loss(self, spot: Spot, i: int, entry: Spot) -> None:
        """The arrow from an output to the loss beside it, and the one back."""
        neuron = f"c{len(self.columns) - 1}i{i}"
        self._point(f"loss-{i}", entry)
        self.graph.arrow(neuron, f"loss-{i}", f"{neuron}-loss", color=style.QUIET)
        ends = _beside(entry, spot, (0.0, self.diameter / 2))
        delta = self._adjoint(self.told.stages[-1].zs[i])
        self._dashed(f"loss-{neuron}", ends, delta, f"δ = {delta!r}{self._slope(i)}")

    def _slope(self, i: int) -> str:
        """The derivative of the loss by an output, as its formula has it."""
        outs, told = self.told.stages[-1].outs, self.told
        names = dict(zip(outs, map(Symbol, numbered("ŷ", len(outs))), strict=True))

        def name(value: Value) -> Expression:
            return names.get(value) or Number(value.data)

        losses = Losses(told.loss, "L", losses_in(told.loss), self._adjoint, name)
        line = losses.slope(outs[i])
        if line is None:
            return ""
        sides = (show(side, TEXT) for side in (line.left, *line.rights))
        return f", {' = '.join(sides)}"


# ---- folded --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """A part in matrix form, and how derivatives come back through it.

    ahead, back: patterns; `{0}`, `{1}` are what it is made of, in the order in which
        that was computed, and `{y}` is its result. `{size}` is how many numbers a row
        of what it takes has.
    symbol: what its result is called; by default `h` and a number.
    """

    ahead: str
    back: tuple[str, ...] = ()
    symbol: str = "h"


FORMS: Final[dict[Any, Form]] = {
    SelfAttention.queries: Form("{0} Qᵀ + bq", ("∂{0} = ∂{y} Q",), "q"),
    SelfAttention.keys: Form("{0} Kᵀ + bk", ("∂{0} = ∂{y} K",), "k"),
    SelfAttention.values: Form("{0} Vᵀ + bv", ("∂{0} = ∂{y} V",), "v"),
    SelfAttention.scores: Form(
        "{0} {1}ᵀ / √{size}",
        ("∂{0} = ∂{y} {1} / √{size}", "∂{1} = ∂{y}ᵀ {0} / √{size}"),
        "s",
    ),
    softmax_rows: Form(
        "softmax({0}), row by row",
        ("∂{0} = {y} ⊙ (∂{y} - sum of each row of {y} ⊙ ∂{y})",),
        "p",
    ),
    weighted_values: Form("{1} {0}", ("∂{1} = ∂{y} {0}ᵀ", "∂{0} = {1}ᵀ ∂{y}"), "m"),
    LayerNorm: Form(
        "g ⊙ n + b, n = ({0} - mean) / deviation",
        ("∂{0} = (u - mean(u) - n mean(n ⊙ u)) / deviation, u = g ⊙ ∂{y}",),
    ),
    RMSNorm: Form(
        "g ⊙ n, n = {0} / root of mean({0} ⊙ {0})",
        ("∂{0} = (u - n mean(n ⊙ u)) / root, u = g ⊙ ∂{y}",),
    ),
    Embedding: Form("rows of E"),
    SelfAttention: Form("softmax(q kᵀ / √d) v Wᵀ + b, with q, k, v of {0}"),
    RNN: Form("tanh({0} Wᵀ + b + h' Uᵀ + c), h' the row before"),
    GRU: Form("(1 - z) ⊙ n + z ⊙ h', n = tanh({0} Wᵀ + b + r ⊙ (h' Uᵀ + c))"),
    LSTM: Form("o ⊙ tanh(s), s = f ⊙ s' + i ⊙ g, g = tanh({0} Wᵀ + b + h' Uᵀ + c)"),
    Conv1d: Form("W · part + b, for each part of {0}"),
    Conv2d: Form("W · square + b, for each square of {0}"),
    MaxPool2d: Form("the largest of each square of {0}"),
    AvgPool2d: Form("the mean of each square of {0}"),
}
"""The parts that are no layers of neurons, by their classes or functions."""


def form_of(part: Any) -> Form | None:
    """The matrix form of a part that is no layer of neurons, if it has one here."""
    function = getattr(part, "__func__", part)
    return FORMS.get(type(part)) or (
        FORMS.get(function) if callable(function) else None
    )


def _layer_form(activation: str, rows: bool) -> Form:
    """A layer of neurons, of a row or of several below one another."""
    total = "{0} Wᵀ + b" if rows else "W {0} + b"
    slope = f"(∂{{y}} ⊙ {activation}')" if activation else "∂{y}"
    back = f"∂{{0}} = {slope} W" if rows else f"∂{{0}} = Wᵀ {slope}"
    return Form(f"{activation}({total})" if activation else total, (back,))


class _Folded:
    """The picture of one pass, a box for each part."""

    def __init__(
        self, told: Pass, deltas: bool, digits: int, caption: str, key: bool
    ) -> None:
        self.told, self.deltas, self.digits = told, deltas, digits
        parts = parts_of(told)
        self.parts = [part for part in parts if deltas or not self._is_loss(part)]
        self.names: dict[Part, str] = {}
        self.graph = style.sheet("network", direction="down", ranksep="0.2")
        self.flows = flows_back(told, self.parts) if deltas else {}
        self.largest = style.largest_of(list(self.flows.values()))
        for part in self.parts:
            self._box(part)
        several = any(" of " in part.size for part in self.parts)
        lines = [
            "a row for each position; ⊙: number by number; ‖x‖: length of all of x",
            *["2 of 3 × 4: a matrix for each call, such as a head's"] * several,
            *["∂x: derivative of the loss by x, summed over x's arrows"] * deltas,
            *["the wider an arrow, the more gradient flows back along it"] * deltas,
        ]
        shown = visible(caption, longest=120)
        below = [*[shown] * bool(shown), *(lines if key else ())]
        if below:
            self.graph.attr(label=style.small_print(below))

    def _key(self, part: Part) -> str:
        return f"p{self.parts.index(part)}"

    def _box(self, part: Part) -> None:
        form = self._form(part)
        name = self.names[part] = self._name(form.symbol)
        made = [self.names[source] for source in part.sources]
        words = {"y": name, "size": str(self._width(part))}
        rows = [(f"{part.kind}, {part.size}", self._lengths(part, name))]
        for n, line in enumerate(form.back if self.deltas else ()):
            rows.append(("" if n else "back", line.format(*made, **words)))
        fill = style.PAPER if part.sources else style.LEAF
        ahead = form.ahead.format(*made, **words)
        label = style.box(rows, name, fill=fill, formula=ahead)
        self.graph.add(self._key(part), label, self._numbers(part))
        for tail in part.sources:
            self._arrow(tail, part)

    def _name(self, symbol: str) -> str:
        """The symbol, with a number where that is one of several."""
        taken = sum(name.rstrip("0123456789") == symbol for name in self.names.values())
        return f"{symbol}{taken + 1}" if taken or symbol == "h" else symbol

    def _form(self, part: Part) -> Form:
        inside = ", ".join(f"{{{n}}}" for n in range(len(part.sources)))
        if part.call is self.parts[0].call:
            return Form("", (), "x")
        if self._is_loss(part):
            return Form(f"{self.told.loss_name}({inside}, y)", (), "L")
        if part.is_sum:
            return Form("{0} + {1}", ("∂{0} = ∂{1} = ∂{y}",))
        named = part.call.part
        if type(named) is Layer and not part.own:
            return _layer_form(activation_of(named.neurons[0]), part.times > 1)
        return form_of(named) or Form(f"{visible(title(named), longest=24)}({inside})")

    def _is_loss(self, part: Part) -> bool:
        return bool(part.call.part == self.told.loss_name)

    def _width(self, part: Part) -> int:
        """How many numbers a row of what a part takes has."""
        rows: Any = part.call.inputs[0] if part.call.inputs else 0
        while isinstance(rows, (list, tuple)) and rows:
            if not isinstance(rows[0], (list, tuple)):
                return len(rows)
            rows = rows[0]
        return 1

    def _lengths(self, part: Part, name: str) -> str:
        """How large the result is, and the derivative of the loss by it."""
        if self._is_loss(part):
            return short(self.told.loss.data, self.digits)
        columns = {name: [v.data for v in part.outs]}
        if self.deltas:
            columns[f"∂{name}"] = [self.told.adjoints.get(v, 0.0) for v in part.outs]
        sizes = {key: hypot(*numbers) for key, numbers in columns.items()}
        return "  ".join(f"‖{k}‖ {short(x, self.digits)}" for k, x in sizes.items())

    def _numbers(self, part: Part) -> str:
        """The first numbers, for where the mouse rests."""
        told = ", ".join(short(v.data, self.digits) for v in part.outs[:MOST_TOLD])
        return told + " …" * (len(part.outs) > MOST_TOLD)

    def _arrow(self, tail: Part, part: Part) -> None:
        start, end = self._key(tail), self._key(part)
        size = self.flows.get((tail, part), 0.0)
        told = f"length of what flows back: {size!r}" if size else "takes part"
        look = {"penwidth": style.width(size, self.largest)} if size else {}
        self.graph.arrow(start, end, f"{start}-{end}", told, **look)


MOST_TOLD: Final = 48
