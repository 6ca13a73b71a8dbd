"""The target of a table: classes, or a number to come close to.

>>> from nn.reading import read
>>> sheet = read({"pet": ["cat", "dog", "cat"], "price": [1.5, 20.0, 3.0]})
>>> goal_of(Cells(sheet, "pet"))[0].classes, goal_of(Cells(sheet, "price"))[0].classes
(('cat', 'dog'), ())
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd.wording import cut, word
from nn.cells import ENOUGH, date_format
from nn.columns import Cells, alike, all_numbers, plainly, written
from nn.hints import Label, Target

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Goal:
    """What is to be told of each row.

    classes: in order, texts or whole numbers; empty for a number to come close to.
    why: what told it. decimal: the sign before the decimals of numbers.
    """

    name: str
    classes: tuple[Label, ...]
    why: str
    decimal: str = "."


def goal_of(cells: Cells) -> tuple[Goal, Sequence[Target]]:
    """What the target is, and its values in the rows that have one."""
    present = cells.present if cells.plain is None else cells.plain
    if not len(present):
        raise ValueError(
            f"{cells.sheet.name}: no row has a value of {cells.name!r}; choose another "
            "target"
        )
    if (present == present[0]).all():
        raise ValueError(
            f"{cells.sheet.name}: every row has the {cells.name} "
            f"{word(cells.present[0])}; there is nothing to learn from one class alone"
        )
    task = cells.told.task
    if cells.name in cells.told.numbers:
        task = "number"
    if cells.name in cells.told.categories:
        task = "classes"
    if task == "number":
        return _number_goal(cells, all_numbers(cells).filter(~cells.gaps), "as you say")
    found = cells.numbers.filter(~cells.gaps)
    if task == "auto" and not cells.coded:
        _check_nearly_numbers(cells, found)
    if cells.coded or found.null_count():
        return _text_goal(cells, task)
    return _whole_goal(cells, found, task)


def _check_nearly_numbers(cells: Cells, found: pl.Series) -> None:
    """Raise ValueError where all but a few texts are numbers: which is meant?"""
    few = found.count() >= ENOUGH * len(found) or cells.but_one_word(cells.numbers)
    if not found.null_count() or not few:
        return
    text, place = cells.place(~cells.gaps & cells.numbers.is_null())
    raise ValueError(
        f"{place}: {cut(text)!r} is not a number, while {found.count()} of "
        f"{len(found)} values are; for a row without a value say missing={text!r} "
        f"(--missing {text!r}), for classes task='classes' (--task classes)"
    )


def _number_goal(
    cells: Cells, found: pl.Series, why: str
) -> tuple[Goal, Sequence[Target]]:
    y = array("d", found.to_numpy().tobytes())  # a quarter of a list's memory
    return Goal(cells.name, (), why, cells.decimal), y


def _text_goal(cells: Cells, task: str) -> tuple[Goal, Sequence[Target]]:
    y = plainly(cells.present).to_list()
    classes = tuple(sorted(set(y)))
    if task == "auto" and (form := date_format(cells.present)):
        raise ValueError(
            f"{cells.sheet.name}: the target {cells.name!r} holds dates or times, "
            f"written as {form.strip()}; these can tell of others, but not be told: "
            "choose another target, or say task='classes' (--task classes)"
        )
    if task == "auto" and len(classes) > max(20, len(y) / 2):
        raise ValueError(
            f"{cells.sheet.name}: the target {cells.name!r} has {len(classes)} "
            f"different texts in {len(y)} rows, too many to be classes; choose another "
            "target, or say task='classes' (--task classes)"
        )
    why = _counted(len(classes), "text") + alike(classes)
    return Goal(cells.name, classes, why), y


def _amounts(cells: Cells, count: int) -> str:
    return _counted(count, "number") + (f", in {cells.unit}" if cells.unit else "")


def _counted(count: int, what: str) -> str:
    return f"{count} different {what}s"


def _whole_goal(
    cells: Cells, found: pl.Series, task: str
) -> tuple[Goal, Sequence[Target]]:
    """Numbers are classes where they are few whole ones that look like codes."""
    count = found.n_unique()
    whole = bool(((found == found.floor()) & (found.abs() < 2**53)).all())
    if not whole and task != "classes":
        return _number_goal(cells, found, _amounts(cells, count))
    different = found.unique().sort().to_list()
    amounts = cells.plain is None and written(cells, cells.numbers)  # as $20.00
    coded = _like_classes(different, len(found)) and not amounts
    if not whole or (task == "auto" and not coded):
        if task == "classes":  # numbers such as 0.5 name classes too
            return _text_goal(cells, task)
        return _number_goal(cells, found, _amounts(cells, count))
    y: list[Target] = [int(x) for x in found.to_list()]
    classes = tuple(int(x) for x in different)
    return Goal(cells.name, classes, _counted(count, "whole number")), y


def _like_classes(different: Sequence[float], rows: int) -> bool:
    """Whether sorted whole numbers are few, near to one another, and often repeated.

    Two always are; up to 10 with 5 rows each; those that count from 0 or 1 also with 2
    rows each, up to 5, or with 10 rows each, up to 100.
    """
    count, each = len(different), rows / len(different)
    close = different[-1] - different[0] < 3 * count
    gapless = different[0] in (0, 1) and different[-1] - different[0] == count - 1
    few = (count <= 10 and each >= 5 and close) or (
        gapless and count <= 5 and each >= 2
    )
    return count == 2 or few or (gapless and count <= 100 and each >= 10)
