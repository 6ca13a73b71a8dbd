"""Large graphs: folded into the neurons or layers of a network, or summed up.

A network is recognized by the labels of its parameters, `W1[2,3]` and `b1[2]`: layer 1,
neuron 2. A weighted sum of such weights, its bias and its activation are the neuron;
what leads to neurons is input, and what no neuron needs is loss. Where there are no
such labels, `w1`, `w2` ... with `b` are those of a lone neuron.
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
from viz import style
from viz.digits import short
from viz.render import Graph, visible

WEIGHT: Final = re.compile(r"W(\d*)\[(\d+),\d+\]")
BIAS: Final = re.compile(r"b(\d*)\[(\d+)\]")
LONE: Final = re.compile(r"w\d+|b")
ACTIVATIONS: Final = frozenset(
    ("relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "tanh", "sigmoid", "sin")
)
MOST_NEURONS: Final = 24  # more are folded into their layers
MOST_ROWS: Final = 8
LARGEST: Final = (
    2000  # nodes shown one by one; more take minutes, and nobody reads them
)

# A neuron's layer and number (0 for all of the layer), or one of the places below.
Place = tuple[int, int]
ALONE: Final = (0, 1)
INPUT: Final = (-3, 0)
BETWEEN: Final = (-2, 0)
LOSS: Final = (-1, 0)
KEYS: Final = {INPUT: "input", LOSS: "loss", BETWEEN: "between"}

# How far a node is on the way through its neuron.
PARAMETER, PRODUCT, BIASED, FIRED = range(4)


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


def fold(order: list[Value], detail: str | None, digits: int) -> Graph | None:
    """A picture of the network in a graph; None where there is no network in it.

    order: the nodes in topological order.
    detail: "neuron" or "layer"; None chooses by how many neurons there are.
    """
    parameters = _parameters(order)
    if not parameters:
        return None
    parents = _parents(order)
    neurons = _neurons(order, parents, parameters)
    places = {at for at, node in zip(neurons, order, strict=True) if at and node.op}
    if not places:
        return None
    if detail is None:
        detail = "neuron" if len(places) <= MOST_NEURONS else "layer"
    everywhere = _everywhere(parents, neurons)
    if detail == "layer":
        everywhere = [_layer(place) for place in everywhere]
    groups = _groups(order, parents, everywhere, neurons)
    return _picture(groups, digits)


def _parents(order: list[Value]) -> list[list[int]]:
    """The operands of each node, by position. By id, which is twice as fast here."""
    index = {id(node): i for i, node in enumerate(order)}
    return [[index[id(parent)] for parent in node.parents] for node in order]


# ---- which node is part of which neuron ----------------------------------------------


def _neurons(
    order: list[Value], parents: list[list[int]], parameters: dict[Value, Place]
) -> list[Place | None]:
    """For each node its neuron, or None."""
    neurons: list[Place | None] = [None] * len(order)
    stages = [PARAMETER] * len(order)
    uses = [0] * len(order)
    for operands in parents:
        for parent in operands:
            uses[parent] += 1
    for i, node in enumerate(order):
        if not node.op:
            neurons[i] = parameters.get(node)
            continue
        found = _join(node, parents[i], neurons, stages, uses)
        if found is not None:
            neurons[i], stages[i] = found
    _let_go(parents, neurons, stages)
    _let_sums_go(order, parents, neurons)
    return neurons


def _let_go(
    parents: list[list[int]], neurons: list[Place | None], stages: list[int]
) -> None:
    """Give back what looks like an activation but follows only some of a neuron's sums.

    Such is the softplus of a loss, which a linear output meets for one of two classes.
    """
    summed = [stage in (PRODUCT, BIASED) for stage in stages]
    inner = {p for i, operands in enumerate(parents) if summed[i] for p in operands}
    sums: Counter[Place | None] = Counter()
    fired: Counter[Place | None] = Counter()
    for i, place in enumerate(neurons):
        if stages[i] == FIRED:
            fired[place] += 1
        elif summed[i] and i not in inner:
            sums[place] += 1
    for i, place in enumerate(neurons):
        if stages[i] == FIRED and fired[place] != sums[place]:
            neurons[i] = None


def _let_sums_go(
    order: list[Value], parents: list[list[int]], neurons: list[Place | None]
) -> None:
    """Give back the `0 + v` that no neuron uses: Python's `sum` over neurons' outputs.

    Inside a neuron, where its products are added up, it is part of the neuron.
    """
    used = [False] * len(order)
    for i in range(len(order) - 1, -1, -1):
        if neurons[i] is None:
            continue
        if not used[i] and _starts_a_sum(order[i]):
            neurons[i] = None
            continue
        for operand in parents[i]:
            used[operand] = used[operand] or neurons[operand] == neurons[i]


def _starts_a_sum(node: Value) -> bool:
    return node.op == "add" and any(parent.constant for parent in node.parents)


def _join(
    node: Value,
    operands: list[int],
    neurons: list[Place | None],
    stages: list[int],
    uses: list[int],
) -> tuple[Place, int] | None:
    """The neuron that a node belongs to, seen from its operands."""
    op, first = node.op, operands[0]
    if op in ACTIVATIONS:
        place = neurons[first]
        alone = place is not None and stages[first] in (PRODUCT, BIASED)
        return (place, FIRED) if alone and place and uses[first] == 1 else None
    if op == "dot":
        middle = operands[len(operands) // 2]
        return _weighted(first, middle, neurons, stages)
    if op == "mul":
        return _weighted(first, operands[1], neurons, stages)
    if op in ("add", "sum"):
        return _added(node, operands, neurons, stages)
    return None


def _parameters(order: list[Value]) -> dict[Value, Place]:
    """The weights and biases by their labels, and the neuron of each."""
    labeled = [node for node in order if not node.op and node.label]
    found = {
        node: (int(match[1] or 1), int(match[2]))
        for node in labeled
        if (match := WEIGHT.fullmatch(node.label) or BIAS.fullmatch(node.label))
    }
    if not found and {"w1", "b"} <= {node.label for node in labeled}:
        return {node: ALONE for node in labeled if LONE.fullmatch(node.label)}
    return found


def _weighted(
    x: int, y: int, neurons: list[Place | None], stages: list[int]
) -> tuple[Place, int] | None:
    """A weight times what is no weight; a weight's square is part of the loss."""
    by_x = neurons[x] if stages[x] == PARAMETER else None
    by_y = neurons[y] if stages[y] == PARAMETER else None
    if (by_x is None) == (by_y is None):
        return None
    place = by_x or by_y
    return (place, PRODUCT) if place else None


def _added(
    node: Value, operands: list[int], neurons: list[Place | None], stages: list[int]
) -> tuple[Place, int] | None:
    """Products and one bias of the same neuron, and the 0 that a sum starts from."""
    place, biases, products = None, 0, 0
    for operand, value in zip(operands, node.parents, strict=True):
        if value.constant:
            continue
        here, stage = neurons[operand], stages[operand]
        if here is None or stage == FIRED or (place is not None and here != place):
            return None
        place = here
        biases += stage in (PARAMETER, BIASED)
        products += stage in (PRODUCT, BIASED)
    if place is None or biases > 1 or not (products or len(operands) == 2):
        return None
    return place, BIASED if biases else PRODUCT


def _everywhere(parents: list[list[int]], neurons: list[Place | None]) -> list[Place]:
    """A place for every node: its neuron, or input, or loss, or between layers."""
    needed = [False] * len(parents)  # by a neuron
    behind = [False] * len(parents)  # a neuron
    for i in range(len(parents) - 1, -1, -1):
        if neurons[i] is not None or needed[i]:
            for parent in parents[i]:
                needed[parent] = True
    places: list[Place] = []
    for i, place in enumerate(neurons):
        if place is None:
            behind[i] = any(behind[parent] for parent in parents[i])
            place = (BETWEEN if behind[i] else INPUT) if needed[i] else LOSS
        else:
            behind[i] = bool(parents[i])
        places.append(place)
    return places


def _layer(place: Place) -> Place:
    return place if place[0] < 0 else (place[0], 0)


# ---- what a group holds, and what flows between groups -------------------------------


def _groups(
    order: list[Value],
    parents: list[list[int]],
    places: list[Place],
    neurons: list[Place | None],
) -> dict[Place, Group]:
    groups: dict[Place, Group] = {}
    for node, place, neuron in zip(order, places, neurons, strict=True):
        group = groups.get(place)
        if group is None:
            group = groups[place] = Group(place)
        if node.op:
            group.ops[node.op] += 1
        elif neuron is not None:
            group.parameters.append(node.grad)
        elif not node.constant:
            group.leaves += 1
        else:
            group.constants += 1
        if neuron is not None:
            group.neurons.add(neuron)
    _leave(groups, order, parents, places)
    return groups


def _leave(
    groups: dict[Place, Group],
    order: list[Value],
    parents: list[list[int]],
    places: list[Place],
) -> None:
    """Note the values that leave each group, and what flows between groups."""
    left: set[int] = set()
    for i, node in enumerate(order):
        here, grad = groups[places[i]], node.grad
        for parent, partial in zip(parents[i], node.partials, strict=True):
            there = places[parent]
            if there != here.place:
                here.receive(there, grad * partial)
                left.add(parent)
    for i in sorted(left | {len(order) - 1}):
        if order[i].op:
            groups[places[i]].outputs.append(order[i])


# ---- the picture ---------------------------------------------------------------------


def _picture(groups: dict[Place, Group], digits: int) -> Graph:
    picture = style.sheet("network", ranksep="0.7", nodesep="0.15")
    largest = style.largest_of([group.norm for group in groups.values()])
    for place in sorted(groups):
        group = groups[place]
        bar = style.meter(group.norm, largest) if group.parameters else ""
        label = style.box(_rows(group, digits), _title(group), bar)
        picture.add(_key(place), label, title=_tip(group))
    _columns(picture, [place for place in sorted(groups) if place[1]])
    _arrows(picture, groups)
    return picture


def _columns(picture: Graph, places: list[Place]) -> None:
    """The neurons of a layer below one another, in their order."""
    for layer, column in groupby(places, key=itemgetter(0)):
        keys = [_key(place) for place in column if layer > 0]
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
        one = flow.count == 1
        picture.arrow(
            _key(tail),
            _key(head),
            f"{_key(tail)}-{_key(head)}",
            f"{flow.count} operands; sum of |gradient| flowing back {flow.size!r}",
            color=style.hue(flow.total) if one else style.QUIET,
            penwidth=style.width(flow.size, largest),
            label=style.small(f"{flow.count} ×") if not by_neuron and not one else "",
        )


def _rows(group: Group, digits: int) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if group.neurons:
        rows += [("neurons", str(len(group.neurons)))] * (not group.place[1])
        rows.append(("parameters", str(len(group.parameters))))
    rows += [("variables", str(group.leaves))] * bool(group.leaves)
    rows += [("constants", str(group.constants))] * bool(group.constants)
    if not group.place[1]:
        rows += counts(group.ops)
    if len(group.outputs) == 1:
        (output,) = group.outputs
        rows.append(("data", short(output.data, digits)))
        rows.append(("grad", short(output.grad, digits)))
    if group.parameters:
        rows.append(("‖grad‖", short(group.norm, digits)))
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
    if layer < 0:
        return _key(group.place)
    if not layer:
        return "neuron"
    return f"layer {layer}, neuron {neuron}" if neuron else f"layer {layer}"


def _tip(group: Group) -> str:
    ops = ", ".join(f"{count} {op}" for op, count in group.ops.most_common())
    return f"{_title(group)}: {ops or 'numbers'}"


def _key(place: Place) -> str:
    return KEYS.get(place) or f"L{place[0]}N{place[1]}"


# ---- a graph with no network in it ---------------------------------------------------


def summary(order: list[Value], names: dict[Value, str], digits: int) -> Graph:
    """A picture of what a graph consists of, and how to see a part of it."""
    ops = Counter(node.op for node in order if node.op)
    leaves = [node for node in order if not node.op and not node.constant]
    picture = style.sheet("summary", ranksep="0.6", label=_advice(len(order)))
    picture.add("leaves", style.box(_largest(leaves, names, digits), _leaves(leaves)))
    rows = [*counts(ops), ("depth", str(_depth(order)))]
    picture.add("operations", style.box(rows, f"{ops.total()} operations"))
    output = order[-1]
    rows = [("data", short(output.data, digits)), ("grad", short(output.grad, digits))]
    name = visible(output.label or names.get(output, "")) or "output"
    picture.add("output", style.box(rows, name))
    picture.arrow("leaves", "operations", "leaves-operations")
    picture.arrow("operations", "output", "operations-output")
    return picture


def _advice(count: int) -> str:
    whole = ', draw(v, detail="op") all of them' if count <= LARGEST else ""
    return style.caption(
        f"{count} nodes, summed up. draw(v, depth=4) shows the last operations, "
        f"draw(v, around=node) those near a node{whole}."
    )


def _leaves(leaves: list[Value]) -> str:
    if len(leaves) > MOST_ROWS:
        return f"{len(leaves)} variables; largest gradients:"
    return f"{len(leaves)} variable{'s' * (len(leaves) != 1)}, with gradients"


def _largest(
    leaves: list[Value], names: dict[Value, str], digits: int
) -> list[tuple[str, str]]:
    """The leaves with the largest gradients, in the order of the size."""
    ranked = sorted(enumerate(leaves), key=lambda pair: (-_size(pair[1].grad), pair[0]))
    return [
        (
            visible(leaf.label or names.get(leaf, "") or "unnamed"),
            short(leaf.grad, digits),
        )
        for _, leaf in ranked[:MOST_ROWS]
    ]


def _size(gradient: float) -> float:
    return math.inf if math.isnan(gradient) else abs(gradient)


def _depth(order: list[Value]) -> int:
    """How many operations the longest way from a leaf to the output has."""
    depths: dict[int, int] = {}
    for node in order:
        parents = node.parents
        depths[id(node)] = 1 + max(depths[id(p)] for p in parents) if parents else 0
    return depths[id(order[-1])]
