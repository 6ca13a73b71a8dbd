"""Walking a recorded graph: its order, its description, and its gradients as values.

Nothing here writes to a node; only `Value.backward()` sets `.grad`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from autograd import ops
from autograd.hints import Any, final
from autograd.value import (
    LOCK,
    MODE,
    THREAD,
    Terms,
    Value,
    _sorted,
    constant,
    describe,
    evaluate,
    ieee,
    node_of,
    number_of,
    recorded_partials,
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
        return _sorted(node_of(output))


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
    if MODE.observer is not None:
        watch_backward(output, 1.0)
    order = topological_order(output)
    if create_graph:
        with ieee():
            return _gradients_as_nodes(output, order, wanted)
    guard = MODE.guard
    if guard is not None:
        guard(output, "gradients() without create_graph")
    adjoints = _adjoints(output, order)
    return [adjoints.get(x, 0.0) for x in wanted]


def _adjoints(output: Value, order: list[Value]) -> dict[Value, float]:
    """The derivative of `output` by every node: the chain rule, node by node."""
    adjoints: dict[Value, float] = dict.fromkeys(order, 0.0)
    adjoints[output] = 1.0
    for node in reversed(order):
        adjoint = adjoints[node]
        for parent, partial in zip(node.parents, recorded_partials(node), strict=True):
            adjoints[parent] += adjoint * partial
    return adjoints


def _gradients_as_nodes(
    output: Value, order: list[Value], wanted: list[Value]
) -> list[Any]:
    """The same walk, with the local derivatives recorded as nodes of their own.

    Products with a plain 0 are left out, where they are 0: not at a pole, where the
    walk in floats comes to 0 * inf, which is nan.
    """
    on_the_way = _leading_from(order, wanted)
    adjoints: dict[Value, Value] = {output: constant(1.0)}
    for node in reversed(order):
        if node not in on_the_way:
            continue
        adjoint = adjoints.get(node)
        if adjoint is None:
            if all(map(math.isfinite, recorded_partials(node))):
                continue
            adjoint = constant(0.0)
        for parent, partial in _local_derivatives(node):
            if parent in on_the_way and not _vanishes(partial, adjoint):
                share = adjoint * partial if not _is_one(partial) else adjoint
                known = adjoints.get(parent)
                adjoints[parent] = share if known is None else known + share
    return [adjoints[x] if x in adjoints else constant(0.0) for x in wanted]


def joined_order(outputs: Sequence[Value]) -> list[Value]:
    """The topological order of several outputs together."""
    if len(outputs) == 1:
        return topological_order(outputs[0])
    top = Value(0.0)
    top._operation = ops.sum_
    top._right = Terms(tuple(outputs), [1.0] * len(outputs))
    return topological_order(top)[:-1]


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
    known: dict[Value, Any] = dict(seeds)
    with ieee():
        for node in joined_order(outputs):
            if node not in known and any(p in known for p in node.parents):
                known[node] = _tangent(node, known, create_graph)
    return [known.get(output, 0.0) for output in outputs]


def _tangent(node: Value, known: dict[Value, Any], create_graph: bool) -> Any:
    pairs = zip(node.parents, recorded_partials(node), strict=True)
    local = _local_derivatives(node) if create_graph else pairs
    total: Any = None
    for parent, partial in local:
        if parent in known and not _vanishes(partial, known[parent]):
            share = known[parent] * partial if not _is_one(partial) else known[parent]
            total = share if total is None else total + share
    return 0.0 if total is None else total


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
