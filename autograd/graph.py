"""Walking a recorded graph: its order, its description, and its gradients as values.

Nothing here writes to a node; only `Value.backward()` sets `.grad`.

What takes a Value is declared to take Any as well, or in overloads: compiled, a bare
type would refuse anything else before `node_of` can say what to write.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from autograd import ops
from autograd.hints import Any, Literal, final, i64, overload
from autograd.modes import MODE, Setting, ieee, in_effect
from autograd.value import (
    ALWAYS,
    CLOCK,
    LOCK,
    Since,
    Terms,
    Value,
    as_value,
    constant,
    derivatives,
    describe,
    evaluate,
    in_order,
    masks,
    node_of,
    number_of,
    put_back,
    recorded_partials,
    taken,
    watch_backward,
)


def topological_order(output: Value | Any) -> list[Value]:
    """Every node that led to `output`, parents before children, `output` last.

    Depth first, the first operand before the second, so that the same graph always
    gives the same order. No recursion: a chain of a million nodes is fine.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label or node.op for node in topological_order(a * b + a)]
    ['a', 'b', 'mul', 'add']
    """
    with LOCK:
        return in_order([node_of(output)])[0]


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


def graph(output: Value | Any) -> list[Node]:
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


@overload
def gradients(
    output: Value, inputs: Iterable[Value], create_graph: Literal[False] = False
) -> list[float]: ...
@overload
def gradients(
    output: Value, inputs: Iterable[Value], create_graph: Literal[True]
) -> list[Value]: ...
@overload
def gradients(
    output: Value, inputs: Iterable[Value], create_graph: bool
) -> list[Any]: ...
def gradients(output: Any, inputs: Any, create_graph: bool = False) -> list[Any]:
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
        raise TypeError(f"inputs is a list of Values: write [{inputs.label or 'x'}]")
    wanted: list[Any] = list(inputs)
    for x in wanted:
        if type(x) is not Value:
            node_of(x)
    outputs = [node_of(output)]
    if create_graph:
        return pulled_as_nodes(outputs, [1.0], wanted)
    guard = MODE.guard
    if guard is not None:
        guard(output, "gradients() without create_graph")
    found: list[Any] | None = pulled(outputs, [1.0], wanted)
    return [] if found is None else found


def adjoints(output: Value | Any) -> dict[Value, float]:
    """The derivative of `output` by every node that led to it, parents first.

    For describing a graph: no `.grad` is touched, and `detect_anomaly` is not asked.

    >>> x = Value(3.0)
    >>> list(adjoints(x * x).values())
    [6.0, 1.0]
    """
    order = topological_order(output)
    with Setting("backward_watcher", None, False):
        return dict(zip(order, gradients(output, order), strict=True))


# ---- backward ------------------------------------------------------------------------


def pulled(
    outputs: list[Value],
    seeds: list[float],
    inputs: list[Value],
    since: Since = ALWAYS,
) -> list[float] | None:
    """The derivative of seeds times outputs by each input: one walk back, in floats.

    since: a moment before which no input was made; the walk goes no further back.

    None where it comes to such an older node: it has a part in the derivatives, so
    that these are to be nodes.
    """
    if MODE.observer is not None:
        _watch(outputs, seeds)
    with LOCK:
        return derivatives(outputs, seeds, inputs, since)


def pulled_as_nodes(
    outputs: Sequence[Value],
    seeds: Sequence[Any],
    inputs: Sequence[Value],
    since: Since = ALWAYS,
) -> list[Any]:
    """The same walk, with the local derivatives recorded as nodes of their own.

    Products with a plain 0 are left out, where they are 0: not at a pole, where the
    walk in floats comes to 0 * inf, which is nan, unless the 0 is a branch not taken.
    """
    if MODE.observer is not None:
        _watch(outputs, seeds)
    order = _led_to(outputs, reached(outputs, since)[0])
    on_the_way = _leading_from(order, inputs)
    adjoints: dict[Value, Value] = {}
    lost: set[Value] = set()
    with ieee():
        shown, chosen = _shown(order, outputs)
        for output, seed in zip(outputs, seeds, strict=True):
            _add(adjoints, output, seed)
        for node in reversed(order):
            if node in on_the_way:
                if node in lost or node not in adjoints:
                    _lose(node, lost)
                seen = shown.get(node, node)
                _hand_on(node, seen, chosen.get(node), adjoints, on_the_way)
        for x in lost.intersection(inputs):
            _add(adjoints, x, math.nan)
    return [adjoints[x] if x in adjoints else constant(0.0) for x in inputs]


def _lose(node: Value, lost: set[Value]) -> None:
    """Note the parents to which the walk in floats hands nan from what nothing chose.

    That is 0 times an infinite slope. Here it is a number, which has no slopes.
    """
    slopes = recorded_partials(node)
    if _traced() or (node not in lost and all(map(math.isfinite, slopes))):
        return
    for place, parent in enumerate(node.parents):
        slope = slopes[place]
        is_pole = node in lost or not math.isfinite(slope)
        if is_pole and not masks(node, place, slope):
            lost.add(parent)


def _hand_on(
    node: Value,
    shown: Value,
    chosen: Value | None,
    adjoints: dict[Value, Value],
    on_the_way: set[Value],
) -> None:
    """Add to the adjoints of a node's parents.

    shown: what stands for the node. chosen: the rows of a program that it is for, where
    its slopes for others may be infinite, and are to be multiplied by nothing.
    """
    adjoint = adjoints.get(node)
    if adjoint is None:
        if not _traced() or all(map(math.isfinite, recorded_partials(node))):
            return
        adjoint = constant(0.0)
    for place, (parent, partial) in enumerate(_local_derivatives(node, shown)):
        if parent not in on_the_way or _vanishes(partial, adjoint):
            continue
        if not _unchosen(shown, place, partial, adjoint):
            factors = _if_chosen(shown, place, adjoint, partial)
            share = _share(shown, *factors)
            if chosen is not None and isinstance(partial, Value):
                share = ops.choice(chosen, share, 0.0)
            _add(adjoints, parent, share)


def _add(adjoints: dict[Value, Value], node: Value, share: Any) -> None:
    known = adjoints.get(node)
    adjoints[node] = as_value(share) if known is None else known + share


def _watch(outputs: Sequence[Value], seeds: Sequence[Any]) -> None:
    for output, seed in zip(outputs, seeds, strict=True):
        watch_backward(output, number_of(seed))


def reached(
    outputs: Sequence[Value], since: Since = ALWAYS
) -> tuple[list[Value], bool]:
    """The topological order of several outputs together, as far back as a moment.

    And whether it came to a node that was made before: not all of those are listed.
    """
    with LOCK:
        return in_order(list(outputs), since)


# ---- forward -------------------------------------------------------------------------


def pushed(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    directions: Sequence[Sequence[Any]],
    order: list[Value],
) -> list[list[float]]:
    """The derivative of each output along each direction: walks forward, in floats.

    directions: each a number for every input, or None where that has no part in it:
        unlike 0, None times an infinite slope is 0. Nodes that the inputs may come from
        are taken as fixed.
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
                    part = direction[index]
                    x._mark = known - 1 if part is None else known
                    x._adjoint = 0.0 if part is None else part
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
    """The derivative of a node along the direction; its mark, whether it has one.

    It has none where no parent with one was chosen: an infinite slope after it then
    changes nothing.
    """
    total = 0.0
    mark = known - 1
    left, right = node._left, node._right
    if left is not None:
        if left._mark == known and _has_say(node, 0, node._left_partial):
            mark = known
            total = left._adjoint * node._left_partial
        if (
            isinstance(right, Value)
            and right._mark == known
            and _has_say(node, 1, node._right_partial)
        ):
            mark = known
            total += right._adjoint * node._right_partial
    elif isinstance(right, Terms):
        partials = recorded_partials(node)
        for index, parent in enumerate(right.parents):
            if parent._mark == known and _has_say(node, index, partials[index]):
                mark = known
                total += parent._adjoint * partials[index]
    node._mark = mark
    return total


def _has_say(node: Value, place: int, partial: float) -> bool:
    """Whether a parent was chosen: of one that was not, no tangent says anything."""
    return partial != 0.0 or not masks(node, place, partial)


def forward_is_shorter(
    outputs: Sequence[Value], inputs: int, order: list[Value], since: Since
) -> bool:
    """Whether a walk forward for each input is less than one back for each output.

    A walk back goes over what leads to its output alone, and takes twice the time for
    each node: it finds their order first.
    """
    if inputs > len(outputs):
        return False
    left = inputs * len(order)
    for output in outputs:
        left -= 2 * len(reached([output], since)[0])
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
        shown = _shown(order, outputs)[0]
        for node in order:
            if node not in known and any(p in known for p in node.parents):
                slope = _tangent(node, shown.get(node, node), known)
                if slope is not None:
                    known[node] = slope
    return [known.get(output, 0.0) for output in outputs]


def _tangent(node: Value, shown: Value, known: dict[Value, Any]) -> Any:
    """The derivative of a node along the direction; shown: what stands for the node.

    None where no parent that has one was chosen: nothing comes from there, and an
    infinite slope after it changes nothing.
    """
    total: Any = None
    for place, (parent, partial) in enumerate(_local_derivatives(node, shown)):
        if parent not in known or _unchosen(shown, place, partial, known[parent]):
            continue
        share: Any = 0.0
        if not _vanishes(partial, known[parent]):
            share = _carried(shown, known[parent], partial)
        total = share if total is None else _together(total, share)
    return total


def _together(one: Any, other: Any) -> Any:
    """The sum of two tangents; in a program still a choice where both are choices."""
    total = one + other
    if not (_traced() and _is_choice(one) and _is_choice(other)):
        return total
    chosen, too = one.parents[0], other.parents[0]
    either = chosen if chosen is too else ops.choice(chosen, 1.0, too)
    return ops.choice(either, total, 0.0)


def _is_choice(tangent: Any) -> bool:
    """Whether a tangent is `where(chosen, tangent, 0)`."""
    if not isinstance(tangent, Value) or tangent.operation is not ops.choice:
        return False
    return _is_zero(tangent.parents[2])


def _carried(node: Value, tangent: Any, partial: Any) -> Any:
    """The product with a tangent, which may be a choice: what was 0 then stays 0.

    In a program, whose rows choose differently, no node is there for some rows alone:
    a tangent of others is `where(chosen, tangent, 0)`, and so is the product with it.
    """
    chosen: Any = None
    if _is_choice(tangent):
        chosen, tangent, _ = tangent.parents
    if _selects_by_nodes(node, partial):
        here = _where_chosen(node, 1.0, partial, False)
        chosen = here if chosen is None else ops.choice(chosen, here, 0.0)
    if chosen is None:
        return _product(tangent, partial)
    if isinstance(partial, Value):
        partial = ops.choice(chosen, partial, 0.0)
    return ops.choice(chosen, _product(tangent, partial), 0.0)


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


def _led_to(outputs: Sequence[Value], order: list[Value]) -> list[Value]:
    """In a program, the nodes that outputs come from other than by a comparison.

    Elsewhere all: there a comparison is an answer, and no node.
    """
    rules = in_effect("rules")
    found: list[Value] = order if rules is None else rules.led_to(outputs, order)
    return found


def _shown(
    order: list[Value], outputs: Sequence[Value]
) -> tuple[dict[Value, Value], dict[Value, Value]]:
    """In a program, for nodes that only branches use what stands for them.

    And for some of them, the condition under which a rule has chosen them.
    """
    rules = in_effect("rules")
    if rules is None:
        return {}, {}
    found: tuple[dict[Value, Value], dict[Value, Value]] = rules.shown(order, outputs)
    return found


def _local_derivatives(node: Value, shown: Value) -> list[tuple[Value, Any]]:
    """The parents, each with the derivative by it of what stands for the node."""
    parents = node.parents
    if not parents:
        return []
    rules = in_effect("rules")
    rule = evaluate if rules is None else rules.partials
    partials = list(rule(shown.operation, shown.parents, shown))
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


def _unchosen(node: Value, place: int, partial: Any, factor: Any) -> bool:
    """Whether a parent has no say, whatever the adjoint or the tangent is.

    A local derivative that is a node, such as a slope that happens to be 0, may have
    derivatives by the other parents, and gives way only to a factor that is not finite.
    """
    if not isinstance(partial, Value) or partial.constant:
        return masks(node, place, number_of(partial))
    if _traced():
        return False
    others = [p for at, p in enumerate(node.parents) if at != place]
    if math.isfinite(number_of(factor)) and not all(p.constant for p in others):
        return False
    return masks(node, place, number_of(partial))


def _traced() -> bool:
    """Whether a program is recorded, so that the numbers of nodes mean nothing."""
    return in_effect("rules") is not None


def _share(node: Value, factor: Any, partial: Any) -> Any:
    """The product of an adjoint or a tangent with a local derivative of a node.

    Where the row chooses, and its rule is a choice between nodes, so is the factor: a
    0 that is chosen then stays 0 whatever the factor is.
    """
    if not _selects_by_nodes(node, partial):
        return _product(factor, partial)
    if all(case.constant for case in _cases(node, partial)):
        return _where_chosen(node, factor, partial, True)
    product = _where_chosen(node, factor, partial, False) * partial
    return _where_chosen(node, product, partial, False)


def _if_chosen(node: Value, place: int, factor: Any, partial: Any) -> tuple[Any, Any]:
    """Adjoint and local derivative, both 0 in the rows where `_unchosen` would hold.

    It decides by numbers; a program, for which this is, decides for each of its rows.
    """
    selects = node.operation.selects
    if not _traced() or not callable(selects):
        return factor, partial
    parents = [p.data if p.constant else p for p in node.parents]
    unchosen, infinite = selects(*parents)[place], factor - factor != 0.0
    if unchosen is False or infinite is False:
        return factor, partial
    hidden = ops.choice(infinite, unchosen, 0.0)
    return ops.choice(hidden, 0.0, factor), ops.choice(hidden, 0.0, partial)


def _product(factor: Any, partial: Any) -> Any:
    is_one = not isinstance(partial, Value) and partial == 1.0
    return factor if is_one else factor * partial


def _selects_by_nodes(node: Value, partial: Any) -> bool:
    """Whether a local derivative is a choice between nodes, one of them a plain 0."""
    if not node.operation.selects or not isinstance(partial, Value):
        return False
    return any(map(_is_zero, _cases(node, partial)))


def _cases(node: Value, partial: Value) -> list[Value]:
    """What a choice between nodes is between; a slope given by a user is one case."""
    if partial.operation is not ops.choice or _is_given(node, partial):
        return [partial]
    _, yes, no = partial.parents
    return [*_cases(node, yes), *_cases(node, no)]


def _is_given(node: Value, partial: Value) -> bool:
    return any(partial is parent for parent in node.parents)


def _where_chosen(node: Value, factor: Any, partial: Value, times: bool) -> Any:
    """The factor, but 0 where the case is 0; times the case where that is asked for."""
    if partial.operation is ops.choice and not _is_given(node, partial):
        condition, *cases = partial.parents
        found = [_where_chosen(node, factor, case, times) for case in cases]
        return ops.choice(condition, *found)
    if _is_zero(partial):
        return 0.0
    return factor * partial.data if times and partial.data != 1.0 else factor


def _is_zero(x: Value) -> bool:
    return x.constant and x.data == 0.0
