"""How the columns of a table become a network's inputs.

>>> import numpy as np
>>> column = Column("size", "number", "", np.array([1.0, 3.0, np.nan, 2.0]))
>>> field = NumberField.learned(column)
>>> field.inputs, [values.tolist() for values in field.encoded(column)]
(('size', 'size is missing'), [[1.0, 3.0, 2.0, 2.0], [0.0, 0.0, 1.0, 0.0]])

It is learned from some rows alone, those to train on, and kept as plain data: an
`Encoding`, which then reads other tables, their columns in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from autograd.wording import cut
from nn.cells import DAY, ENOUGH, MISSING, date_format, dates
from nn.columns import (
    Cells,
    Column,
    Told,
    category_column,
    date_column,
    gaps_in,
    number_column,
    plainly,
)
from nn.data import Dataset, Scaling
from nn.hints import Array
from nn.reading import Sheet
from nn.reading import read as read_sheet

if TYPE_CHECKING:
    from nn.table import Table


@dataclass(frozen=True)
class NumberField:
    """A column of numbers.

    median: what stands for a missing one; None where none may be missing. missing:
    whether a second input says that there was none. decimal: as in `Told`. unit: what
    stands behind each number, where that is not "".
    """

    kind: ClassVar[str] = "number"
    scaled: ClassVar[int] = 1
    """How many of the inputs, the first, are numbers of any size."""

    name: str
    median: float | None
    missing: bool = False
    decimal: str = "."
    unit: str = ""

    @classmethod
    def learned(cls, column: Column) -> NumberField | None:
        """From some rows; None where they are all the same."""
        import numpy as np

        gaps = gaps_in(column.values)
        present = column.values[~gaps]
        if not len(present) or (present.min() == present.max() and not gaps.any()):
            return None
        median = float(np.median(present, overwrite_input=True))
        form = column.spelling or ".", column.unit
        return cls(column.name, median, bool(gaps.any()), *form)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each input is called."""
        return (self.name, f"{self.name} is missing")[: 1 + self.missing]

    def encoded(self, column: Column) -> list[Array]:
        """Each input, a number per row."""
        import numpy as np

        gaps, first = np.isnan(column.values), column.values
        if gaps.any():
            first = np.where(gaps, self.median, first)
        return [first, gaps.astype(np.float64)] if self.missing else [first]

    def read(self, cells: Cells) -> Column:
        """The column in another table. Raises ValueError where it is no number."""
        usual = self.decimal if self.decimal == "," else ""
        cells = replace(cells, usual=usual, known=self.unit)
        found = cells.numbers
        cells.check(found, f"number of {self.unit}" if self.unit else "number")
        if self.median is None and cells.gaps.any():
            _, place = cells.place(cells.gaps)
            raise ValueError(
                f"{place}: the value is missing; fill it in, or leave out the row"
            )
        return number_column(cells, found, "")


CYCLES = {"time of day": DAY, "day of week": 7 * DAY, "time of year": 365.2425 * DAY}
"""What comes again with dates, and after how many seconds."""


@dataclass(frozen=True)
class DateField:
    """A column of dates: days, and the place in each cycle that the rows went through.

    form: how dates are written. median, missing: as of a number, in seconds.
    """

    kind: ClassVar[str] = "date"
    scaled: ClassVar[int] = 1

    name: str
    median: float
    missing: bool
    form: str
    cycles: tuple[str, ...] = ()

    @classmethod
    def learned(cls, column: Column) -> DateField | None:
        """From some rows; None where they are all the same."""
        import numpy as np

        field = NumberField.learned(column)
        if field is None or field.median is None:
            return None
        present = column.values[~np.isnan(column.values)]
        went = {
            name: np.ptp(present) >= length or name == "time of day"
            for name, length in CYCLES.items()
            if np.ptp(present % length) > 0
        }
        cycles = tuple(name for name, through in went.items() if through)
        return cls(column.name, field.median, field.missing, column.spelling, cycles)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each input is called."""
        turns = [f"{self.name}: {c} ({f})" for c in self.cycles for f in ("sin", "cos")]
        return (self.name, *turns, *[f"{self.name} is missing"] * self.missing)

    def encoded(self, column: Column) -> list[Array]:
        """Each input, a number per row."""
        import numpy as np

        gaps = np.isnan(column.values)
        filled = np.where(gaps, self.median, column.values)
        turns = [2 * np.pi * filled / CYCLES[name] for name in self.cycles]
        circles = [function(turn) for turn in turns for function in (np.sin, np.cos)]
        return [filled / DAY, *circles, *[gaps.astype(np.float64)] * self.missing]

    def read(self, cells: Cells) -> Column:
        """The column in another table. Raises ValueError where it is no date."""
        found = dates(cells.texts, self.form).set(cells.gaps, None)
        few = found.count() < ENOUGH * len(cells.present)
        form = date_format(cells.present) if few else ""  # written in another way
        if not form:
            cells.check(found, "date")
        return date_column(cells, form or self.form)


MOST = 30
"""Values of a category that get an input of their own; the others are rare."""


@dataclass(frozen=True)
class CategoryField:
    """A column of few texts: an input of 0 or 1 for each of them.

    values: those with an input. rare: those that share one, being few in the training.
    missing: whether an input says that there was none.
    """

    kind: ClassVar[str] = "category"
    scaled: ClassVar[int] = 0

    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...] = ()
    missing: bool = False

    @classmethod
    def learned(cls, column: Column) -> CategoryField | None:
        """From some rows; None where they are all the same.

        A value is rare with fewer than 2 rows, or half a percent of them, up to 50.
        """
        import numpy as np

        codes = column.values
        counts = np.bincount(codes[codes >= 0], minlength=len(column.labels)).tolist()
        least = min(max(2, len(codes) // 200), 50)
        seen = [i for i, count in enumerate(counts) if count]
        often = sorted(seen, key=lambda i: (-counts[i], i))[:MOST]
        kept = {i for i in often if counts[i] >= least}
        missing = bool((codes < 0).any())
        if len(seen) + missing < 2 or not kept:
            return None
        values = tuple(column.labels[i] for i in seen if i in kept)
        rare = tuple(column.labels[i] for i in seen if i not in kept)
        return cls(column.name, values, rare, missing)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each input is called."""
        shared = [f"{self.name}: rare"] * bool(self.rare)
        last = [f"{self.name} is missing"] * self.missing
        return (*(f"{self.name} = {value}" for value in self.values), *shared, *last)

    def encoded(self, column: Column) -> list[Array]:
        """Each input, a 0 or 1 per row. A value that is new counts as a rare one."""
        import numpy as np

        last = len(self.values)
        place = {value: i for i, value in enumerate(self.values)}
        places = [*(place.get(label, last) for label in column.labels), last + 1]
        found = np.array(places)[column.values]
        wanted = [*range(last), *[last] * bool(self.rare), *[last + 1] * self.missing]
        return [(found == i).astype(np.float64) for i in wanted]

    def read(self, cells: Cells) -> Column:
        """The column in another table."""
        known = {*self.values, *self.rare}
        meant = plainly(cells.texts).is_in(list(known))
        column = category_column(cells, "", cells.gaps & ~meant)
        if new := [label for label in column.labels if label not in known]:
            shown = cut(", ".join(map(repr, new)), 60)
            column = replace(column, strange=f"new, as if rare: {shown}")
        return column


Field = NumberField | DateField | CategoryField
FIELDS: Mapping[str, type[Field]] = {
    field.kind: field for field in (NumberField, DateField, CategoryField)
}
"""What can be learned from, by the kind of a column."""


@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become a network's inputs, as plain data.

    fields: what is done to each column. missing: the texts that mean that there is no
    value. decimal: the sign before the decimals of a target that is a number.
    """

    fields: tuple[Field, ...]
    missing: tuple[str, ...] = MISSING
    decimal: str = "."

    @classmethod
    def of_numbers(cls, names: Iterable[str]) -> Encoding:
        """That of columns that are all numbers, none of them missing."""
        return cls(tuple(NumberField(name, None) for name in names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the table's columns."""
        return tuple(field.name for field in self.fields)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(name for field in self.fields for name in field.inputs)

    def inputs(self, columns: Iterable[Column]) -> Array:
        """The inputs, of shape (rows, features); columns: one for each field."""
        both = zip(self.fields, columns, strict=True)
        arrays = (values for field, column in both for values in field.encoded(column))
        return _side_by_side(arrays, len(self.features))

    def dataset(self, table: Table) -> Dataset:
        """A table as numbers, before they are scaled."""
        by_name = {column.name: column for column in table.whole}
        X = self.inputs(table.here(by_name[name]) for name in self.columns)
        return Dataset(X, table.y, self.features, table.target, table.classes)

    def scaling(self, data: Dataset) -> Scaling:
        """That of the rows to train on; what is 0 or 1 stays so.

        Raises ValueError that names a column whose numbers are too large.
        """
        free = [i < f.scaled for f in self.fields for i in range(len(f.inputs))]
        return Scaling.fit(data.X, data.features, free)

    def plain(self) -> dict[str, object]:
        """All of it in texts, numbers and lists, as a file can hold it."""
        fields = [{"kind": f.kind, **asdict(f)} for f in self.fields]
        return {
            "missing": list(self.missing),
            "decimal": self.decimal,
            "fields": fields,
        }

    def read(
        self,
        source: Any,
        delimiter: str | None = None,
        names: Sequence[str] | None = None,
    ) -> Reading:
        """Another table, with these columns in any order, among others or not.

        source: as for `nn.table.read`; or rows, each with a value for each of
            `columns`. delimiter, names: as there.

        Raises ValueError for a column that is not there, or not what it was in the
        training.
        """
        sheet = read_sheet(self._named(source), delimiter=delimiter, names=names)
        sheet.check_has(self.columns)
        told, notes = Told(missing=self.missing), list(sheet.notes)

        cells = [Cells(sheet, name, told) for name in self.columns]
        columns = [f.read(c) for f, c in zip(self.fields, cells, strict=True)]
        for column, field in zip(columns, self.fields, strict=True):
            notes.extend(_surprises(column, field))
        return Reading(self, tuple(columns), sheet, tuple(notes))

    def _named(self, source: Any) -> Any:
        """Rows as columns by name; anything else as it is."""
        if isinstance(source, str | bytes | Mapping) or hasattr(source, "columns"):
            return source
        if not hasattr(source, "__len__"):
            return source
        rows = [list(row) for row in source]
        if not rows:
            raise ValueError("there are no rows; pass a list with at least one")
        for row in rows:
            if len(row) != len(self.fields):
                raise ValueError(
                    f"a row has {len(row)} values; the columns are "
                    f"{', '.join(self.columns)}"
                )
        return dict(zip(self.columns, zip(*rows, strict=True), strict=True))


ROWS = 2**16
"""Rows of a large table that are inputs at the same time."""

TILE = 2**12, 16
"""So much of a table is written in one go that it stays in a processor's cache."""


def _side_by_side(arrays: Iterator[Array], count: int) -> Array:
    """So many columns as a table, row by row in memory."""
    import numpy as np

    X, done, (few, columns) = np.empty((0, 0)), 0, TILE
    while some := list(islice(arrays, columns)):
        if not done:
            X = np.empty((len(some[0]), count))
        for begin in range(0, len(X), few):
            rows = slice(begin, begin + few)
            for place, values in enumerate(some, done):
                X[rows, place] = values[rows]
        done += len(some)
    return X


def _surprises(column: Column, field: Field) -> Iterator[str]:
    """What another table has in a column that the training had not, in words."""
    if column.strange:
        yield f"{column.name!r}: {column.strange}"
    elif column.missing and not field.missing:
        yield f"{column.name!r}: {column.missing} missing, and none was in the training"


@dataclass(frozen=True)
class Reading:
    """Another table, as `encoding` reads it.

    columns: one for each of its fields. notes: what was new in the table, or guessed,
    in words.
    """

    encoding: Encoding
    columns: tuple[Column, ...]
    sheet: Sheet
    notes: tuple[str, ...] = ()

    @property
    def X(self) -> Array:
        """All of its rows as inputs."""
        return self.encoding.inputs(self.columns)

    def parts(self) -> Iterator[Array]:
        """The same some rows at a time, about as many in each part."""
        count = len(self.sheet)
        parts = -(-count // ROWS)
        edges = [count * part // parts for part in range(parts + 1)]
        for begin, end in pairwise(edges):
            rows = slice(begin, end)
            yield self.encoding.inputs(column.rows(rows) for column in self.columns)
