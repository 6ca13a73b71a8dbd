"""What only a branch uses, as that branch sees it: behind gates.

A derivative holds the slopes of formulas that were not chosen, multiplied by 0. Where
it is differentiated again, so are their own slopes; and where one of these is infinite,
0 times that is nan. So slopes are those of the formula written once more, with a gate
before whatever it uses, which hands nothing on where the formula was not chosen. When
all derivatives are there, gates are opened, and the two formulas are one again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from autograd.compiler.instructions import GATE, Recorder, Term
from autograd.operation import Operation
from autograd.ops import choice


class Made(NamedTuple):
    """What a recorder knows a result by, the row that computed it, and from what."""

    index: Any
    row: Operation
    args: Sequence[Any]


def behind_gates(
    recorder: Recorder, made: Sequence[Made], outputs: Sequence[Any]
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """For results that only branches use, the same behind gates.

    For those that need it: what can have infinite slopes, and what it is made of, or
    is made of it; what is made of numbers alone stays. made: in topological order.

    And of these, for what can have infinite slopes and only rules choose, the condition
    under which they do: elsewhere nothing is to be multiplied by such a slope.
    """
    wanted = _in_danger(made, outputs)
    if not wanted:
        return {}, {}
    masks = _masks(recorder, made, outputs, wanted)
    found: dict[Any, Any] = {}
    for index, row, args in made:
        if index in wanted and any(recorder.number(arg) is None for arg in args):
            mask = masks.get(index, False)
            seen = [_seen(recorder, arg, mask, masks, found) for arg in args]
            found[index] = recorder.apply(row, seen).index
    steep = {index for index, row, _ in made if index in wanted and not row.tame}
    chosen = _masks(recorder, made, outputs, steep, choice)
    named = [(index, chosen.get(index)) for index in steep]
    return found, {x: mask.index for x, mask in named if type(mask) is Term}


def _in_danger(made: Sequence[Made], outputs: Sequence[Any]) -> set[Any]:
    """What only branches use, and is on one way with what can have infinite slopes."""
    everywhere = set(outputs)
    for index, row, args in reversed(made):
        if index in everywhere and row.selects is not True:
            everywhere.update(args)
    there = [x for x in made if x.index not in everywhere]
    after = {x.index for x in there if not x.row.tame}
    before = set(after)
    for index, _, args in there if after else ():
        if not after.isdisjoint(args):
            after.add(index)
    for index, _, args in reversed(there) if before else ():
        if index in before:
            before.update(args)
    return {x.index for x in there if x.index in after or x.index in before}


def _masks(
    recorder: Recorder,
    made: Sequence[Made],
    outputs: Sequence[Any],
    wanted: set[Any],
    only: Operation | None = None,
) -> dict[Any, Any]:
    """Where these, and what is made of them, are chosen: True, False or a condition.

    only: the one row whose choices count.
    """
    concerned = set(wanted)
    for index, _, args in made:
        if not concerned.isdisjoint(args):
            concerned.add(index)
    masks: dict[Any, Any] = dict.fromkeys(outputs, True)
    for index, row, args in reversed(made):
        if index not in masks or concerned.isdisjoint(args):
            continue
        chosen = [True] * len(args)
        if only is None or row is only:
            chosen = _chosen(recorder, row, args, index)
        for arg, where in zip(args, chosen, strict=True):
            if arg in concerned:
                both = _both(recorder, masks[index], where)
                masks[arg] = _either(recorder, masks.get(arg, False), both)
    return masks


def _chosen(
    recorder: Recorder, row: Operation, args: Sequence[Any], index: Any
) -> list[Any]:
    """Where each argument is chosen, which is where its local derivative is not 0."""
    if row.selects is not True:
        return [True] * len(args)
    terms = [Term(recorder, arg) for arg in args]
    partials = recorder.partials(row, terms, Term(recorder, index))
    return [p if type(p) is Term else p != 0 for p in partials]


def _both(recorder: Recorder, one: Any, other: Any) -> Any:
    if one is True or other is False or _same(recorder, one, other):
        return other
    if other is True or one is False:
        return one
    return recorder.record("where", one, other, 0.0)


def _either(recorder: Recorder, one: Any, other: Any) -> Any:
    if one is True or other is False or _same(recorder, one, other):
        return one
    if other is True or one is False:
        return other
    return recorder.record("where", one, 1.0, other)


def _same(recorder: Recorder, one: Any, other: Any) -> bool:
    if type(one) is Term and type(other) is Term:
        return recorder.same(one.index, other.index)
    return one is other


def _seen(
    recorder: Recorder,
    arg: Any,
    mask: Any,
    masks: Mapping[Any, Any],
    found: Mapping[Any, Any],
) -> Term:
    """An argument as what has this mask sees it."""
    seen = Term(recorder, found.get(arg, arg))
    if recorder.number(arg) is not None:
        return seen
    if arg in found and _same(recorder, mask, masks.get(arg, False)):
        return seen
    return recorder.apply(GATE, (mask, seen))
