"""Large graphs: folded into the neurons or layers of a network, or summed up.

A network is recognized by the labels of its parameters, `W1[2,3]` and `b1[2]`: layer 1,
neuron 2. A weighted sum of such weights, its bias and its activation, which is any
operation of the sum alone, are the neuron. What leads to neurons is input, what no
neuron needs is loss, and what comes between, in a layer of one's own or a function, is
told by the layer that it comes after. Where there are no such labels, `w1`, `w2` ...
with `b` are those of a lone neuron. Where two parameters have the same label, as in
models of several parts that each count from 1, labels don't tell what is a layer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

from autograd.value import Value
from autograd.wording import counted
from nn.formulas import losses_in, whole_of
from nn.module import ACTIVATIONS
from viz import style
from viz.digits import short
from viz.render import Graph, visible

WEIGHT: Final = re.compile(r"W(\d*)\[(\d+),\d+\]")
BIAS: Final = re.compile(r"b(\d*)\[(\d+)\]")
PAST: Final = re.compile(r"U\d*\[\d+,\d+\]")  # a recurrent layer's, of its own outputs
MATRIX: Final = re.compile(r"[^\W\d]+\d*\[\d+,\d+\]")  # of any other module
LONE: Final = re.compile(r"w\d+|b")
ARITHMETIC: Final = frozenset(("add", "sub", "mul", "div", "neg"))
"""Operations that no neuron ends with: a loss begins with them."""
MOST_NEURONS: Final = 24  # more are folded into their layers
MOST_ROWS: Final = 8
LARGEST: Final = (
    2000  # nodes shown one by one; more take minutes, and nobody reads them
)

# A neuron's layer and number (0 for all of the layer), or one of the places below.
Place = tuple[int, int]
ALONE: Final = (0, 1)
INPUT: Final = (-3, 0)
AFTER: Final = -2  # with the number of the layer, for what comes after it
LOSS: Final = (-1, 0)
NONE: Final = -1  # the number of no layer
KEYS: Final = {INPUT: "input", LOSS: "loss"}

# How far a node is on the way through its neuron.
PARAMETER, PRODUCT, BIASED, FIRED = range(4)


@dataclass(slots=True, eq=False)
class Part:
    """A node on its way into the picture.

    uses: how often it is an operand. neuron: the one that it is part of, if it is.
    stage: how far on the way through the neuron it is. place: where it is shown.
    behind: the last layer that it depends on. marked: what a walk found out about it.
    predicted: whether a loss of `nn` is of it. after_all: whether it is part of one.
    """

    node: Value
    operands: list[Part]
    uses: int = 0
    neuron: Place | None = None
    stage: int = PARAMETER
    place: Place = LOSS
    behind: int = NONE
    marked: bool = False
    predicted: bool = False
    after_all: bool = False

    @property
    def is_sum(self) -> bool:
        """Whether it is a neuron's sum, with or without its bias."""
        return self.neuron is not None and self.stage in (PRODUCT, BIASED)


@dataclass(slots=True)
class Flow:
    """The arrows from one group to another, as one: what flows back along them."""

    count: int = 0
    size: float = 0.0
    total: float = 0.0


@dataclass(slots=True)
class Group:
    """The nodes that a picture shows as one box."""

    place: Place
    ops: Counter[str] = field(default_factory=Counter)
    leaves: int = 0
    constants: int = 0
    neurons: set[Place] = field(default_factory=set)
    parameters: list[float] = field(default_factory=list)  # their gradients
    outputs: list[Value] = field(default_factory=list)
    activation: str = ""
    holds_weights: bool = False
    incoming: dict[Place, Flow] = field(default_factory=dict)

    @property
    def norm(self) -> float:
        """The length of the vector of the parameters' gradients."""
        return math.hypot(*self.parameters)

    def receive(self, tail: Place, gradient: float) -> None:
        """Count an arrow from another group."""
        flow = self.incoming.get(tail)
        if flow is None:
            flow = self.incoming[tail] = Flow()
        flow.count += 1
        flow.size += abs(gradient)
        flow.total += gradient


def fold(
    order: list[Value], detail: str | None, digits: int, key: bool = True
) -> Graph | None:
    """A picture of the network in a graph; None where there is no network in it.

    order: the nodes in topological order.
    detail: "neuron" or "layer"; None chooses by how many neurons there are.
    key: whether to say below the picture what its signs mean.
    """
    parameters = _parameters(order)
    if not parameters:
        return None
    parts = _neurons(order, parameters)
    places = {part.neuron for part in parts if part.neuron and part.node.op}
    if not places:
        return None
    if detail is None:
        detail = "neuron" if len(places) <= MOST_NEURONS else "layer"
    _place(parts)
    if detail == "layer":
        for part in parts:
            part.place = _layer(part.place)
    known = differentiated(order)
    folded = _Folded(_groups(parts), digits, known, whole_of(order[-1]))
    if key:
        flows = [f for g in folded.groups.values() for f in g.incoming.values()]
        colored = any(flow.count == 1 and flow.total for flow in flows)
        label = style.fold_key(folded.forms(), known, colored)
        folded.picture.attr(label=label)
    return folded.picture


# ---- which node is part of which neuron ----------------------------------------------


def _neurons(order: list[Value], parameters: dict[Value, Place]) -> list[Part]:
    """Each node as a part, with the neuron that it belongs to."""
    known: dict[int, Part] = {}  # by id, which is twice as fast here
    for node in order:
        part = Part(node, [known[id(parent)] for parent in node.parents])
        known[id(node)] = part
        for operand in part.operands:
            operand.uses += 1
        if not part.operands and not node.constant:
            part.neuron = parameters.get(node)
    parts = list(known.values())
    losses = losses_in(order[-1])
    for prediction in {p for element in losses for p in element.predictions}:
        known[id(prediction)].predicted = True
    for part in parts:
        part.after_all = any(p.predicted or p.after_all for p in part.operands)
        if part.operands and not part.after_all:
            _join(part)
    _let_go(parts)
    _let_strangers_go(parts)
    _let_sums_go(parts)
    return parts


def _let_go(parts: list[Part]) -> None:
    """Give back what looks like an activation but is not that of each of its sums.

    Such is the softplus of a loss, which a linear output meets for one of two classes.
    """
    for part in parts:
        part.marked = False
    for part in parts:
        if part.neuron is not None and part.stage in (PRODUCT, BIASED):
            for operand in part.operands:
                operand.marked = True
    sums: Counter[Place | None] = Counter()
    fired: Counter[tuple[Place | None, str]] = Counter()
    for part in parts:
        if part.stage == FIRED:
            fired[part.neuron, part.node.op] += 1
        elif not part.marked and part.is_sum:
            sums[part.neuron] += 1
    for part in parts:
        key = part.neuron, part.node.op
        if part.stage == FIRED and fired[key] != sums[part.neuron]:
            part.neuron = None


def _let_strangers_go(parts: list[Part]) -> None:
    """Give back what a loss of one's own begins with, as log(z) or z^2.

    It is no activation by its name, comes after the last layer, and no neuron of
    another layer ends with it, nor is a loss of `nn` of it.
    """
    last = max([part.neuron[0] for part in parts if part.neuron], default=NONE)
    fired = [part for part in parts if part.stage == FIRED and part.neuron]
    known = {p.node.op for p in fired if p.neuron and p.neuron[0] != last}
    for part in fired:
        if not part.predicted and part.node.op not in (*ACTIVATIONS, *known):
            part.neuron = None


def _let_sums_go(parts: list[Part]) -> None:
    """Give back the `0 + v` that no neuron uses: Python's `sum` over neurons' outputs.

    Inside a neuron, where its products are added up, it is part of the neuron.
    """
    for part in parts:
        part.marked = False
    for part in reversed(parts):
        neuron = part.neuron
        if neuron is None:
            continue
        if not part.marked and _starts_a_sum(part.node):
            part.neuron = None
            continue
        for operand in part.operands:
            if operand.neuron == neuron:
                operand.marked = True


def _starts_a_sum(node: Value) -> bool:
    return node.op == "add" and any(parent.constant for parent in node.parents)


def _join(part: Part) -> None:
    """Find the neuron that a node belongs to, seen from its operands."""
    op, operands = part.node.op, part.operands
    if op == "dot":
        _weigh(part, operands[0], operands[len(operands) // 2])
    elif op == "mul":
        _weigh(part, *operands)
    elif op in ("add", "sum"):
        _add(part)
    elif op not in ARITHMETIC and part.node.operation.arity:
        _fire(part)


def _fire(part: Part) -> None:
    """A function of a neuron's sum, and of nothing else that uses it."""
    moving = [p for p in part.operands if not p.node.constant]
    if len(moving) == 1 and moving[0].is_sum and moving[0].uses == 1:
        part.neuron, part.stage = moving[0].neuron, FIRED


def _parameters(order: list[Value]) -> dict[Value, Place]:
    """The weights and biases by their labels, and the neuron of each.

    None of them where a label names more than one, or outputs lead back into a layer.
    """
    labeled = [node for node in order if not node.op and node.label]
    found = {
        node: (int(match[1] or 1), int(match[2]))
        for node in labeled
        if (match := WEIGHT.fullmatch(node.label) or BIAS.fullmatch(node.label))
    }
    if any(PAST.fullmatch(node.label) for node in labeled):
        return {}
    if len({node.label for node in found}) < len(found):
        return {}
    if not found and {"w1", "b"} <= {node.label for node in labeled}:
        return {node: ALONE for node in labeled if LONE.fullmatch(node.label)}
    return found


def _weigh(part: Part, x: Part, y: Part) -> None:
    """A weight times what is no weight; a weight's square is part of the loss."""
    weights = [p for p in (x, y) if p.stage == PARAMETER and p.neuron is not None]
    if len(weights) == 1:
        part.neuron, part.stage = weights[0].neuron, PRODUCT


def _add(part: Part) -> None:
    """Products and one bias of the same neuron, and the 0 that a sum starts from."""
    terms = [p for p in part.operands if not p.node.constant]
    neurons = {p.neuron for p in terms}
    if len(neurons) != 1 or None in neurons or any(p.stage == FIRED for p in terms):
        return
    biases = sum(p.stage in (PARAMETER, BIASED) for p in terms)
    products = any(p.is_sum for p in terms)
    if biases <= 1 and (products or len(part.operands) == 2):
        (part.neuron,) = neurons
        part.stage = BIASED if biases else PRODUCT


def _place(parts: list[Part]) -> None:
    """A place for every node: its neuron, or input, or loss, or after a layer."""
    for part in parts:
        part.marked = part.neuron is not None
    for part in reversed(parts):  # what is needed by a neuron
        if part.marked:
            for operand in part.operands:
                operand.marked = True
    for part in parts:
        if part.operands:
            part.behind = max([operand.behind for operand in part.operands])
        if part.neuron is not None:
            part.place = part.neuron
            if part.operands:
                part.behind = max(part.behind, part.neuron[0])
        elif part.marked:
            part.place = INPUT if part.behind == NONE else (AFTER, part.behind)
    _keep_together(parts)


def _keep_together(parts: list[Part]) -> None:
    """Put a leaf that is only used after a layer, such as a scale, where it is used."""
    uses: Counter[tuple[int, Place]] = Counter()
    for part in parts:
        if part.place[0] == AFTER:
            for operand in part.operands:
                if operand.place == INPUT and not operand.operands:
                    key = id(operand), part.place
                    uses[key] += 1
                    if uses[key] == operand.uses:
                        operand.place = part.place


def _layer(place: Place) -> Place:
    return place if place[0] < 0 else (place[0], 0)


# ---- what a group holds, and what flows between groups -------------------------------


def _groups(parts: list[Part]) -> dict[Place, Group]:
    groups: dict[Place, Group] = {}
    for part in parts:
        node, group = part.node, groups.get(part.place)
        if group is None:
            group = groups[part.place] = Group(part.place)
        if node.op:
            group.ops[node.op] += 1
        elif node.constant:
            group.constants += 1
        elif part.neuron is not None or part.place[0] == AFTER:
            group.parameters.append(node.grad)
        else:
            group.leaves += 1
            own = part.place == INPUT and MATRIX.fullmatch(node.label)
            group.holds_weights |= bool(own)
        if part.neuron is not None:
            group.neurons.add(part.neuron)
            if part.stage == FIRED:
                group.activation = node.op
    _leave(groups, parts)
    return groups


def _leave(groups: dict[Place, Group], parts: list[Part]) -> None:
    """Note the values that leave each group, and what flows between groups."""
    for part in parts:
        part.marked = part is parts[-1]
    for part in parts:
        if not part.operands:
            continue
        here, grad = groups[part.place], part.node.grad
        for operand, partial in zip(part.operands, part.node.partials, strict=True):
            if operand.place != part.place:
                here.receive(operand.place, grad * partial)
                operand.marked = True
    for part in parts:
        if part.marked and part.node.op:
            groups[part.place].outputs.append(part.node)


# ---- the picture ---------------------------------------------------------------------


class _Folded:
    """The picture of the groups, with a key that has the layers in matrix form.

    known: whether a `backward()` has come by. loss: what the loss is in mathematics.
    """

    def __init__(
        self, groups: dict[Place, Group], digits: int, known: bool, loss: str
    ) -> None:
        self.groups, self.digits = groups, digits
        self.known, self.loss = known, loss
        self.last = max(place[0] for place in groups)
        self.picture = style.sheet("network", ranksep="0.7", nodesep="0.15")
        largest = style.largest_of([group.norm for group in groups.values()])
        for place in sorted(groups):
            group = groups[place]
            bar = style.meter(group.norm, largest) if group.parameters and known else ""
            label = style.box(self.rows(group), _title(group), bar)
            self.picture.add(_key(place), label, title=_tip(group))
        inner = [place for place in sorted(groups) if place[0] > 0 < place[1]]
        _columns(self.picture, inner)
        _arrows(self.picture, groups)

    def rows(self, group: Group) -> list[tuple[str, str]]:
        """What a box says; a layer its matrix form, the loss its formula."""
        rows = _rows(group, self.digits, self.known)
        if group.place == LOSS and self.loss:
            return [(f"L = {self.loss}", ""), *rows]
        if group.neurons and not group.place[1]:
            return [(" = ".join(self.form(group.place[0])), ""), *rows]
        return rows

    def forms(self) -> list[str]:
        """The matrix form of each layer, for a picture that has its neurons."""
        layers = sorted({place[0] for place in self.groups if place[0] > 0})
        by_neuron = any(place[1] for place in self.groups if place[0] > 0)
        forms = [" = ".join(self.form(layer)) for layer in layers] if by_neuron else []
        return [*forms, f"L = {self.loss}"] if forms and self.loss else forms

    def form(self, layer: int) -> tuple[str, str]:
        """A layer's outputs, and what they are: `a1`, `tanh(W1 x + b1)`."""
        groups = [g for place, g in self.groups.items() if place[0] == layer]
        tails = {
            tail[0] if tail[0] > 0 else tail for g in groups for tail in g.incoming
        }
        names = sorted(self.name(tail) for tail in tails if tail != layer)
        inputs = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        number = str(layer or "")
        return self.name(layer), style.matrix_form(
            f"W{number}", inputs if names else "x", f"b{number}", groups[0].activation
        )

    def name(self, tail: int | Place) -> str:
        """What the outputs of a layer, or what else leads to one, are called."""
        if isinstance(tail, tuple):
            if tail == INPUT and self.groups[INPUT].holds_weights:
                return "s0"
            return f"s{tail[1]}" if tail[0] == AFTER else "x"
        return "ŷ" if tail == self.last and LOSS in self.groups else f"a{tail or ''}"


def differentiated(order: list[Value]) -> bool:
    """Whether `backward()` began here or later; what others left is none of it."""
    return bool(order[-1].grad)


def _columns(picture: Graph, places: list[Place]) -> None:
    """The neurons of a layer below one another, in their order."""
    for _, column in groupby(places, key=itemgetter(0)):
        keys = [_key(place) for place in column]
        with picture.subgraph() as rank:
            rank.attr(rank="same")
            for above, below in pairwise(keys):
                rank.edge(above, below, style="invis")


def _arrows(picture: Graph, groups: dict[Place, Group]) -> None:
    flows = [
        (tail, group.place, flow)
        for group in groups.values()
        for tail, flow in group.incoming.items()
    ]
    largest = style.largest_of([flow.size for _, _, flow in flows])
    by_neuron = any(place > (0, 0) and place[1] for place in groups)
    for tail, head, flow in flows:
        one, operands = flow.count == 1, counted(flow.count, "operand")
        picture.arrow(
            _key(tail),
            _key(head),
            f"{_key(tail)}-{_key(head)}",
            f"{operands}; sum of |gradient| flowing back {flow.size!r}",
            color=style.hue(flow.total) if one else style.QUIET,
            penwidth=style.width(flow.size, largest),
            label=style.small(f"{flow.count} ×") if not by_neuron and not one else "",
        )


def _rows(group: Group, digits: int, known: bool) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    whole = group.place[0] < 0 or not group.place[1]
    if group.neurons:
        rows += [("neurons", str(len(group.neurons)))] * whole
    if group.parameters:
        rows.append(("parameters", str(len(group.parameters))))
    rows += [("variables", str(group.leaves))] * bool(group.leaves)
    rows += [("constants", str(group.constants))] * bool(group.constants)
    if whole:
        rows += counts(group.ops)
    if len(group.outputs) == 1:
        (output,) = group.outputs
        rows.append(("value", short(output.data, digits)))
        rows.append(("gradient", style.known(output.grad if known else None, digits)))
    if group.parameters:
        norm = style.known(group.norm if known else None, digits)
        rows.append(("‖gradient‖", norm))
    return rows


def counts(ops: Counter[str]) -> list[tuple[str, str]]:
    """How often each operation occurs, the most frequent first."""
    common = ops.most_common(MOST_ROWS)
    others = ops.total() - sum(count for _, count in common)
    rows = [(op, str(count)) for op, count in common]
    return rows + [("others", str(others))] * bool(others)


def _title(group: Group) -> str:
    layer, neuron = group.place
    if group.place == LOSS:
        return visible(group.outputs[-1].label) or "loss"
    if layer == AFTER:
        return f"after layer {neuron}" if neuron else "after the neuron"
    if group.holds_weights:
        return "before layer 1"
    if layer < 0:
        return _key(group.place)
    if not layer:
        return "neuron"
    return f"layer {layer}, neuron {neuron}" if neuron else f"layer {layer}"


def _tip(group: Group) -> str:
    ops = ", ".join(f"{count} {op}" for op, count in group.ops.most_common())
    return f"{_title(group)}: {ops or 'numbers'}"


def _key(place: Place) -> str:
    if place[0] == AFTER:
        return f"after{place[1]}"
    return KEYS.get(place) or f"L{place[0]}N{place[1]}"


# ---- a graph with no network in it ---------------------------------------------------


def summary(order: list[Value], names: list[str], digits: int) -> Graph:
    """A picture of what a graph consists of, and how to see a part of it.

    names: what each node is called.
    """
    ops = Counter(node.op for node in order if node.op)
    leaves = [
        (name, node)
        for name, node in zip(names, order, strict=True)
        if not node.op and not node.constant
    ]
    picture = style.sheet("summary", ranksep="0.6", label=_advice(len(order)))
    picture.add("leaves", style.box(_largest(leaves, digits), _leaves(len(leaves))))
    rows = [*counts(ops), ("depth", str(_depth(order)))]
    picture.add("operations", style.box(rows, f"{ops.total()} operations"))
    output = order[-1]
    known = differentiated(order)
    rows = [
        ("value", short(output.data, digits)),
        ("gradient", style.known(output.grad if known else None, digits)),
    ]
    picture.add("output", style.box(rows, visible(names[-1])))
    picture.arrow("leaves", "operations", "leaves-operations")
    picture.arrow("operations", "output", "operations-output")
    return picture


def _advice(count: int) -> str:
    whole = ', draw(v, detail="op") all of them' if count <= LARGEST else ""
    return style.caption(
        f"{count} nodes, summed up. draw(v, depth=4) shows the last operations, "
        f"draw(v, around=node) those near a node{whole}."
    )


def _leaves(count: int) -> str:
    if count > MOST_ROWS:
        return f"{count} variables; largest gradients:"
    return f"{counted(count, 'variable')}, with gradients"


def _largest(leaves: list[tuple[str, Value]], digits: int) -> list[tuple[str, str]]:
    """The leaves with the largest gradients, in the order of the size."""
    ranked = sorted(leaves, key=lambda pair: -_size(pair[1].grad))
    return [(visible(name), short(x.grad, digits)) for name, x in ranked[:MOST_ROWS]]


def _size(gradient: float) -> float:
    return math.inf if math.isnan(gradient) else abs(gradient)


def _depth(order: list[Value]) -> int:
    """How many operations the longest way from a leaf to the output has."""
    depths: dict[int, int] = {}
    for node in order:
        parents = node.parents
        depths[id(node)] = 1 + max(depths[id(p)] for p in parents) if parents else 0
    return depths[id(order[-1])]
