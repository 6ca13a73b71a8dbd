"""A table, what its columns mean, and what of it is learned from.

>>> table = read({"size": [1.0, 2.0, 4.0, 1.5], "kind": ["a", "b", "b", "a"],
...     "pet": ["cat", "dog", "dog", "cat"]}, "pet")
>>> [(column.name, column.kind) for column in table.columns]
[('size', 'number'), ('kind', 'category')]
>>> encoding = table.encoding()
>>> encoding.features
('size', 'kind = a', 'kind = b')
>>> encoding.dataset(table).X.tolist()[0]
[1.0, 1.0, 0.0]

What a column means is found in `nn.columns`, what the target is in `nn.goal`, and how
columns become numbers in `nn.encoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autograd.wording import counted, cut
from nn.cells import decimal_sign
from nn.columns import Cells, Column, Told, number_column, understood
from nn.data import set_aside, targets_of
from nn.encoding import FIELDS, Encoding, Field
from nn.goal import Goal, goal_of
from nn.hints import Integers, Label, Target
from nn.reading import Sheet
from nn.reading import read as read_sheet


@dataclass(frozen=True)
class Table:
    """The columns of a table and what they mean, the target apart.

    whole: all columns but the target, in their order. goal: what the target is. y: its
    value in each row. told: what was said beforehand. notes: what was left out or
    guessed. places: which rows of the whole columns are the table's; None for all.
    """

    name: str
    whole: tuple[Column, ...]
    goal: Goal
    y: Sequence[Target]
    told: Told = field(default_factory=Told)
    notes: tuple[str, ...] = ()
    places: Integers | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def target(self) -> str:
        """The name of what is to be told."""
        return self.goal.name

    @property
    def classes(self) -> tuple[Label, ...]:
        """The labels in order; empty where the target is a number to come close to."""
        return self.goal.classes

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns but the target, in their order."""
        return tuple(map(self.here, self.whole))

    def here(self, column: Column) -> Column:
        """A column in the rows of this table; made anew, as it may be a large one."""
        return column if self.places is None else column.rows(self.places)

    def rows(self, indices: Any) -> Table:
        """The table of these rows alone."""
        import numpy as np

        places = np.asarray(indices)
        if self.places is not None:
            places = self.places[places]
        return replace(self, places=places, y=targets_of(self.y, indices))

    def split(
        self, test: float = 0.25, seed: int = 0, name: str = "test"
    ) -> tuple[Table, Table]:
        """Rows to train on and rows to test on, each class shared out evenly.

        name: what an error calls the part.
        """
        inside, outside = set_aside(self.y, test, seed, name, bool(self.classes))
        return self.rows(inside), self.rows(outside)

    def encoding(self) -> Encoding:
        """How columns become numbers, learned from these rows.

        Raises ValueError where no column is left to learn from.
        """
        useful = [column for column in self.whole if column.useful]
        fields = [FIELDS[c.kind].learned(self.here(c)) for c in useful]
        found = tuple(field for field in fields if field is not None)
        if not found:
            told = "; ".join(f"{c.name!r} is {c.kind} ({c.why})" for c in self.whole)
            raise ValueError(
                f"{self.name} has no column to learn from but the target "
                f"{self.target!r}: {cut(told, 200)}"
                if told
                else f"{self.name} has no column but the target {self.target!r}"
            )
        return Encoding(found, self.told.words, self.goal.decimal)

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "a number"
        useful = sum(column.useful for column in self.whole)
        return (
            f"Table of {len(self)} rows: {self.target} ({what}) from {useful} columns"
        )


def read(
    source: Any,
    target: str,
    told: Told | None = None,
    delimiter: str | None = None,
    names: Sequence[str] | None = None,
) -> Table:
    """The table in a file or in memory, and what its columns mean.

    source: a path ("-" is standard input), bytes, a mapping of names to columns, or a
        DataFrame; or a `Sheet`, read already. target: the column to tell from the
        others. told: what is known of the table. delimiter: a character or "tab";
        None to find out. names: what the columns are called, where the first line is
        a row; ["none"] to number them.

    Rows without a target are left out. Raises ValueError, in a line that says what to
    do, for what is no table, and for a target that could mean two things.

    >>> table = read(b"id,size,kind\\n1,3.5,a\\n2,4,b\\n3,,a\\n4,4.5,a\\n", "kind")
    >>> for column in table.columns:
    ...     print(column.name, column.kind, column.missing)
    id row number 0
    size number 1
    """
    told = told or Told()
    if not isinstance(source, Sheet):
        source = read_sheet(source, delimiter=delimiter, names=names)
    sheet = source
    sheet.check_has([target], "target")
    for said, columns_told in told.columns().items():
        sheet.check_has(columns_told, said)
    if target in told.ignore:
        raise ValueError(
            f"ignore: {target!r} is the target, which is what is told from the others"
        )
    columns, goal, y, cells = _meaning_of(sheet, target, told)
    notes = list(sheet.notes)
    if cells.gaps.any():
        present = (~cells.gaps).to_numpy()
        columns = [column.rows(present) for column in columns]
        count = int(cells.gaps.sum())
        text, place = cells.place(cells.gaps)
        notes.append(
            f"{counted(count, 'row')} without a value of {target!r} left out: "
            f"{text!r} in {place.split(', ')[-2]}"
        )
    return Table(sheet.name, tuple(columns), goal, y, told, tuple(notes))


def _meaning_of(
    sheet: Sheet, target: str, told: Told
) -> tuple[list[Column], Goal, Sequence[Target], Cells]:
    """All columns but the target; what that is, its values, and its cells."""
    every = [Cells(sheet, name, told) for name in sheet.names]
    usual = told.decimal or _usual_decimal(every, sheet.delimiter)

    def fresh(cells: Cells) -> Cells:
        """What is not plain numbers is looked at anew: its texts need not be kept."""
        plain = not usual and cells.plain is not None
        return cells if plain else replace(cells, usual=usual)

    others = [cells for cells in every if cells.name != target]
    columns = [understood(fresh(cells)) for cells in others]
    if not any(column.useful for column in columns):
        columns = [
            _last_resort(c, fresh(cells))
            for c, cells in zip(columns, others, strict=True)
        ]
    (goal_cells,) = (fresh(cells) for cells in every if cells.name == target)
    goal, y = goal_of(goal_cells)
    return columns, goal, y, goal_cells


def _usual_decimal(every: Sequence[Cells], delimiter: str) -> str:
    """What stands before the decimals in the columns that tell."""
    signs = {decimal_sign(cells.digits) for cells in every if cells.plain is None}
    if "." in signs:
        return ""
    if signs and delimiter == ";" and not any(map(_has_points, every)):
        return ","
    return "," if "," in signs else ""


def _has_points(cells: Cells) -> bool:
    """Whether numbers that need no second look have decimals: these have a point."""
    return cells.plain is not None and bool((cells.plain % 1 != 0).any())


def _last_resort(column: Column, cells: Cells) -> Column:
    """Where there is nothing else, a column that counts the rows is a number."""
    if column.kind != "row number":
        return column
    return number_column(cells, cells.numbers, "the only column")


# ---- in words ------------------------------------------------------------------------


@dataclass(frozen=True)
class Meaning:
    """What a column was taken for, in words: a line of the table that is printed."""

    name: str
    kind: str
    why: str
    becomes: str
    missing: str


def meanings(table: Table, encoding: Encoding) -> list[Meaning]:
    """What was understood of each column, the target first."""
    goal = table.goal
    what = f"{len(goal.classes)} classes" if goal.classes else "a number"
    shown = cut(", ".join(map(str, goal.classes)), 40)
    other = "number" if goal.classes else "classes"
    certain = bool(goal.classes) and isinstance(goal.classes[0], str)
    why = goal.why if certain else f"{goal.why}; if not: --task {other}"
    first = Meaning(goal.name, f"target: {what}", why, shown, "")
    fields = {field.name: field for field in encoding.fields}
    return [first, *(_meaning(c, fields.get(c.name)) for c in table.columns)]


def _meaning(column: Column, field: Field | None) -> Meaning:
    missing = str(column.missing or "")
    why = "; ".join(filter(None, (column.why, column.strange)))
    if field is None:
        reason = "left out" if not column.useful else "left out: no two rows differ"
        return Meaning(column.name, column.kind, why, reason, missing)
    becomes = counted(len(field.inputs), "input")
    return Meaning(column.name, column.kind, why, becomes, missing)
