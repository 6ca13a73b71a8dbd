"""Walking a recorded graph: its order, its description, and its gradients as values.

Nothing here writes to a node; only `Value.backward()` sets `.grad`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from autograd import ops
from autograd.hints import Any, final, i64
from autograd.value import (
    ALWAYS,
    CLOCK,
    LOCK,
    MODE,
    THREAD,
    Since,
    Terms,
    Value,
    Walk,
    _count_uses,
    _sorted,
    _sweep,
    as_value,
    constant,
    describe,
    evaluate,
    ieee,
    node_of,
    number_of,
    put_back,
    recorded_partials,
    taken,
    watch_backward,
)


def topological_order(output: Value) -> list[Value]:
    """Every node that led to `output`, parents before children, `output` last.

    Depth first, the first operand before the second, so that the same graph always
    gives the same order. No recursion: a chain of a million nodes is fine.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label or node.op for node in topological_order(a * b + a)]
    ['a', 'b', 'mul', 'add']
    """
    with LOCK:
        return _sorted(node_of(output), Walk(ALWAYS, False))


@final
class Node:
    """One node of a described graph; parents are indices into the description."""

    __slots__ = ("index", "parents", "partials", "value")

    def __init__(
        self,
        index: int,
        value: Value,
        parents: tuple[int, ...],
        partials: tuple[float, ...],
    ) -> None:
        self.index = index
        self.value = value
        self.parents = parents
        self.partials = partials


def graph(output: Value) -> list[Node]:
    """The graph as data: nodes in topological order, each named by its index.

    Every picture, table and text is made from this description, which is why they
    agree, and why they are the same from run to run.

    >>> x = Value(3.0, label="x")
    >>> [(n.index, n.value.op, n.parents, n.partials) for n in graph(x * x)]
    [(0, '', (), ()), (1, 'mul', (0, 0), (3.0, 3.0))]
    """
    order = topological_order(output)
    index = {node: i for i, node in enumerate(order)}
    return [
        Node(i, node, tuple([index[p] for p in node.parents]), recorded_partials(node))
        for i, node in enumerate(order)
    ]


def gradients(
    output: Value, inputs: Iterable[Value], create_graph: bool = False
) -> list[Any]:
    """The derivatives of `output` by each of `inputs`; every `.grad` stays untouched.

    inputs: nodes of the graph, leaves or not. One that `output` does not depend on has
        the derivative 0.
    create_graph: return Values that are themselves differentiable, for higher
        derivatives, rather than floats.

    Raises TypeError where an output or input is a plain number or text, and
    RuntimeError where `create_graph` is asked for and the data of a leaf was
    changed after recording: call `output.recompute()` first.

    >>> x = Value(2.0)
    >>> (slope,) = gradients(x**3, [x], create_graph=True)
    >>> slope.data, gradients(slope, [x])
    (12.0, [12.0])
    """
    if isinstance(inputs, Value):
        raise TypeError(f"inputs is a list of Values: write [{describe(inputs)!s:.40}]")
    wanted = [node_of(x) for x in inputs]
    outputs = [node_of(output)]
    if create_graph:
        return pulled_as_nodes(outputs, [1.0], wanted)
    guard = MODE.guard
    if guard is not None:
        guard(output, "gradients() without create_graph")
    found: list[Any] | None = pulled(outputs, [1.0], wanted)
    return [] if found is None else found


# ---- backward ------------------------------------------------------------------------


def pulled(
    outputs: Sequence[Value],
    seeds: Sequence[float],
    inputs: Sequence[Value],
    since: Since = ALWAYS,
) -> list[float] | None:
    """The derivative of seeds times outputs by each input: one walk back, in floats.

    since: a moment before which no input was made; the walk goes no further back.

    None where it comes to such an older node: it has a part in the derivatives, so
    that these are to be nodes.
    """
    if MODE.observer is not None:
        _watch(outputs, seeds)
    top = _joined(outputs, list(seeds))
    with LOCK:
        passed: list[Value] = []
        walk = Walk(since, True, passed)
        _count_uses(top, walk)
        if walk.met:
            return None
        before = taken(passed)
        try:
            base = walk.base
            _sweep(top, 1.0, base, False)
            return [x._adjoint if x._mark == base else 0.0 for x in inputs]
        finally:
            put_back(passed, before)


def pulled_as_nodes(
    outputs: Sequence[Value],
    seeds: Sequence[Any],
    inputs: Sequence[Value],
    since: Since = ALWAYS,
) -> list[Any]:
    """The same walk, with the local derivatives recorded as nodes of their own.

    Products with a plain 0 are left out, where they are 0: not at a pole, where the
    walk in floats comes to 0 * inf, which is nan.
    """
    if MODE.observer is not None:
        _watch(outputs, seeds)
    order = reached(outputs, since)[0]
    on_the_way = _leading_from(order, inputs)
    adjoints: dict[Value, Value] = {}
    with ieee():
        for output, seed in zip(outputs, seeds, strict=True):
            _add(adjoints, output, as_value(seed))
        for node in reversed(order):
            if node in on_the_way:
                _hand_on(node, adjoints, on_the_way)
    return [adjoints[x] if x in adjoints else constant(0.0) for x in inputs]


def _hand_on(node: Value, adjoints: dict[Value, Value], on_the_way: set[Value]) -> None:
    adjoint = adjoints.get(node)
    if adjoint is None:
        if all(map(math.isfinite, recorded_partials(node))):
            return
        adjoint = constant(0.0)
    for parent, partial in _local_derivatives(node):
        if parent in on_the_way and not _vanishes(partial, adjoint):
            share = adjoint * partial if not _is_one(partial) else adjoint
            _add(adjoints, parent, share)


def _add(adjoints: dict[Value, Value], node: Value, share: Value) -> None:
    known = adjoints.get(node)
    adjoints[node] = share if known is None else known + share


def _watch(outputs: Sequence[Value], seeds: Sequence[Any]) -> None:
    for output, seed in zip(outputs, seeds, strict=True):
        watch_backward(output, number_of(seed))


def _joined(outputs: Sequence[Value], seeds: list[float]) -> Value:
    """A node above several outputs: seeds times outputs."""
    top = Value(0.0)
    top._operation = ops.sum_
    top._right = Terms(tuple(outputs), seeds)
    return top


def reached(
    outputs: Sequence[Value], since: Since = ALWAYS
) -> tuple[list[Value], bool]:
    """The topological order of several outputs together, as far back as a moment.

    And whether it came to a node that was made before: not all of those are listed.
    """
    with LOCK:
        walk = Walk(since, False)
        order = _sorted(_joined(outputs, [1.0] * len(outputs)), walk)
        order.pop()
        return order, walk.met


# ---- forward -------------------------------------------------------------------------


def pushed(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    directions: Sequence[Sequence[float]],
    order: list[Value],
) -> list[list[float]]:
    """The derivative of each output along each direction: walks forward, in floats.

    directions: each a number for every input. Nodes that the inputs may come from are
        taken as fixed.
    order: of the outputs, as from `reached`.

    Returns a row for each direction.
    """
    with LOCK:
        known = CLOCK.tick + 1
        CLOCK.tick = known + 1
        way = _marked_way(order, inputs, known)
        touched = [*order, *set(inputs).difference(order)]
        before = taken(touched)
        rows: list[list[float]] = []
        try:
            for direction in directions:
                for index, x in enumerate(inputs):
                    x._adjoint = direction[index]
                for node in way:
                    node._adjoint = _slope_along(node, known)
                rows.append([x._adjoint if x._mark == known else 0.0 for x in outputs])
        finally:
            put_back(touched, before)
        return rows


def _marked_way(order: list[Value], inputs: Sequence[Value], mark: i64) -> list[Value]:
    """The nodes that depend on an input, marked, as the inputs are."""
    for x in inputs:
        x._mark = mark
    way: list[Value] = []
    for node in order:
        if node._mark != mark:
            for parent in node.parents:
                if parent._mark == mark:
                    node._mark = mark
                    way.append(node)
                    break
    return way


def _slope_along(node: Value, known: i64) -> float:
    total = 0.0
    left, right = node._left, node._right
    if left is not None:
        if left._mark == known:
            total = left._adjoint * node._left_partial
        if isinstance(right, Value) and right._mark == known:
            total += right._adjoint * node._right_partial
    elif isinstance(right, Terms):
        partials = right.partials
        for index, parent in enumerate(right.parents):
            if parent._mark == known:
                total += parent._adjoint * partials[index]
    return total


def forward_is_shorter(
    outputs: Sequence[Value], inputs: int, order: list[Value], since: Since
) -> bool:
    """Whether a walk forward for each input is less than one back for each output.

    A walk back goes over what leads to its output alone, and takes twice the time for
    each node: it counts the uses first.
    """
    if inputs > len(outputs):
        return False
    left = inputs * len(order)
    for output in outputs:
        with LOCK:
            walk = Walk(since, False)
            left -= _count_uses(output, walk)
        if left < 0:
            return True
    return False


def tangents(
    outputs: Sequence[Value], seeds: Mapping[Value, Any], create_graph: bool = False
) -> list[Any]:
    """The derivative of each output along a direction: the chain rule forward.

    seeds: the direction's component for each input, a number or a Value. Other nodes
        the inputs may come from are taken as fixed.
    create_graph: return Values that are themselves differentiable.

    >>> x, y = Value(3.0), Value(4.0)
    >>> tangents([x * y, x + y], {x: 1.0, y: 10.0})
    [34.0, 11.0]
    """
    order = reached(outputs)[0]
    if create_graph:
        return pushed_as_nodes(outputs, seeds, order)
    direction = [number_of(seed) for seed in seeds.values()]
    found: list[Any] = pushed(outputs, list(seeds), [direction], order)[0]
    return found


def pushed_as_nodes(
    outputs: Sequence[Value], seeds: Mapping[Value, Any], order: list[Value]
) -> list[Any]:
    """The derivatives along one direction as nodes; plain numbers where they are."""
    known: dict[Value, Any] = dict(seeds)
    with ieee():
        for node in order:
            if node not in known and any(p in known for p in node.parents):
                known[node] = _tangent(node, known)
    return [known.get(output, 0.0) for output in outputs]


def _tangent(node: Value, known: dict[Value, Any]) -> Any:
    total: Any = None
    for parent, partial in _local_derivatives(node):
        if parent in known and not _vanishes(partial, known[parent]):
            share = known[parent] * partial if not _is_one(partial) else known[parent]
            total = share if total is None else total + share
    return 0.0 if total is None else total


# ---- pieces --------------------------------------------------------------------------


def _leading_from(order: list[Value], wanted: Sequence[Value]) -> set[Value]:
    """The nodes that depend on one of `wanted`; no other needs an adjoint."""
    found = set(wanted)
    for node in order:
        for parent in node.parents:
            if parent in found:
                found.add(node)
                break
    return found


def _local_derivatives(node: Value) -> list[tuple[Value, Any]]:
    parents = node.parents
    if not parents:
        return []
    rules = getattr(THREAD, "rules", None) or evaluate
    partials = list(rules(node.operation, parents, node))
    for partial, recorded in zip(partials, recorded_partials(node), strict=True):
        now = number_of(partial)
        if now != recorded and not (now != now and recorded != recorded):
            raise RuntimeError(
                f"the data of a leaf changed after {describe(node)} was recorded, so "
                "its derivative can no longer be written as a graph; call recompute() "
                "on the output first"
            )
    return list(zip(parents, partials, strict=True))


def _vanishes(partial: Any, factor: Any) -> bool:
    is_zero = not isinstance(partial, Value) and partial == 0.0
    return is_zero and math.isfinite(number_of(factor))


def _is_one(partial: Any) -> bool:
    return not isinstance(partial, Value) and partial == 1.0
