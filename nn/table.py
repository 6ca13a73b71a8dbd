"""What the columns of a table mean, and how they become numbers.

>>> table = read({"size": [1.0, 2.0, 4.0, 1.5], "kind": ["a", "b", "b", "a"],
...     "pet": ["cat", "dog", "dog", "cat"]}, "pet")
>>> [(column.name, column.kind) for column in table.columns]
[('size', 'number'), ('kind', 'category')]
>>> encoding = table.encoding()
>>> encoding.features
('size', 'kind = a', 'kind = b')
>>> encoding.dataset(table).X.tolist()[0]
[1.0, 1.0, 0.0]

A column is a *number*, a *category*, a *date*, or of no use: an *identifier* or a *row
number*, *constant* or *empty*. `read` decides, says why, and can be told otherwise. How
each becomes numbers is learned from some rows alone, those to train on, and kept as
plain data: an `Encoding`, which then reads other tables, their columns in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from autograd.wording import cut, word
from nn.cells import (
    DAY,
    ENOUGH,
    MISSING,
    PERHAPS,
    date_format,
    dates,
    decimal_sign,
    is_code,
    is_missing,
    numbers,
)
from nn.data import Dataset, Scaling, split_rows
from nn.hints import Array, Label, Target
from nn.reading import Sheet
from nn.reading import read as read_sheet

if TYPE_CHECKING:
    import polars as pl

TASKS = ("auto", "classes", "number")


# ---- what can be said about a table --------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What a person says of a table; what is not said is found out.

    numbers, categories, ignore: names of columns to take so, and to leave out.
    task: whether the target is one of "classes" or a "number", or "auto".
    missing: the texts that mean that there is no value; None for the usual ones.
    decimal: what stands before decimals, "." or ","; None to find out.
    """

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    task: str = "auto"
    missing: tuple[str, ...] | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(
                f"unknown task {self.task!r}; choose one of {', '.join(TASKS)}"
            )
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"decimal is . or , and not {self.decimal!r}")

    @property
    def words(self) -> tuple[str, ...]:
        """The texts that mean that there is no value, in small letters."""
        if self.missing is None:
            return MISSING
        return ("", *(word.strip().lower() for word in self.missing))


def names_in(text: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names in `a,b`, or in a list. A name that holds a comma is one all the same.

    >>> names_in("a, b", ["a", "b"]), names_in("a, b", ["a, b"])
    (('a', 'b'), ('a, b',))
    """
    if not isinstance(text, str):
        return tuple(text)
    if not text.strip():
        return ()
    return (text,) if text in known else tuple(n.strip() for n in text.split(","))


# ---- a column ------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column and what it means.

    kind: "number", "category" or "date", or what is not learned from: "row number",
        "identifier", "constant", "empty" or "ignored". why: what told it.
    values: numbers, with nan where one is missing; of a category the index of each
        label, -1 where it is missing. labels: the texts of a category, in order.
    spelling: the sign before decimals, or the format of dates. strange: how many texts
        count as missing because all others are numbers, or dates.
    """

    name: str
    kind: str
    why: str
    values: Any
    labels: tuple[str, ...] = ()
    spelling: str = ""
    strange: str = ""

    @property
    def useful(self) -> bool:
        """Whether it is learned from."""
        return self.kind in FIELDS

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return int(_gaps(self.values).sum())

    def rows(self, indices: Any) -> Column:
        """The column in these rows alone."""
        return replace(self, values=self.values[indices])


def _gaps(values: Any) -> Any:
    import numpy as np

    return values < 0 if values.dtype.kind == "i" else np.isnan(values)


@dataclass(frozen=True)
class Cells:
    """A column's texts, where nothing stands, and how it can be said where one is.

    usual: what stands before decimals in other columns of the file, "" if nobody knows.
    """

    sheet: Sheet
    name: str
    told: Told = Told()
    usual: str = ""

    @cached_property
    def plain(self) -> pl.Series | None:
        """The numbers, where there is one in each row, and none needs a second look."""
        import polars as pl

        if any(x.isdigit() for x in "".join(self.told.words)) or self.usual == ",":
            return None
        found = self.sheet.columns[self.name].cast(pl.Float64, strict=False)
        return None if found.null_count() or not found.is_finite().all() else found

    @cached_property
    def texts(self) -> pl.Series:
        """The cells, without blanks around them."""
        return self.sheet.column(self.name)

    @cached_property
    def gaps(self) -> pl.Series:
        """Where nothing stands, or a word for it."""
        import polars as pl

        if self.plain is not None:
            return pl.repeat(False, len(self.texts), eager=True)
        gaps = is_missing(self.texts, self.told.words)
        return gaps & ~_meant(self.texts, gaps) if self.told.missing is None else gaps

    @cached_property
    def present(self) -> pl.Series:
        """The texts that are there."""
        return self.texts if self.plain is not None else self.texts.filter(~self.gaps)

    @cached_property
    def decimal(self) -> str:
        """What stands before the decimals."""
        if self.plain is not None:
            return "."
        return self.told.decimal or decimal_sign(self.present, self.usual) or "."

    @cached_property
    def numbers(self) -> pl.Series:
        """The number in each row, or null."""
        if self.plain is not None:
            return self.plain
        return numbers(self.texts, self.decimal).set(self.gaps, None)

    @cached_property
    def coded(self) -> bool:
        """Whether these are codes: 007, 02134."""
        found = self.plain
        if found is not None and not (found == found.floor()).all():
            return False
        return is_code(self.present)

    def place(self, where: pl.Series) -> tuple[str, str]:
        """The first text of those marked, and its place in words."""
        row = int(where.arg_true()[0])
        return self.texts[row], self.sheet.place(row, self.name)

    def check(self, found: pl.Series, what: str) -> None:
        """Raise ValueError where more than a few texts are not what they should be."""
        odd = ~self.gaps & found.is_null()
        if odd.sum() > (1 - ENOUGH) * len(self.present):
            text, place = self.place(odd)
            raise ValueError(f"{place}: {cut(text)!r} is not a {what}")


def _meant(texts: pl.Series, gaps: pl.Series) -> pl.Series:
    """Where a word such as none or NA is a value like the others: none, mild, severe.

    That is in a column of texts, for `none` in any, and for `NA` among others of two
    capital letters, as EU and AS.
    """
    words = texts.str.to_lowercase()
    others = texts.filter(~gaps).head(1000)
    if not len(others) or numbers(others).count() > 0.5 * len(others):
        return texts != texts
    like = words.is_in(["none"])
    if others.str.contains("^[A-Z]{2}$").all():
        like |= texts == "NA"
    return like & words.is_in(list(PERHAPS))


def _understood(cells: Cells) -> Column:
    """What a column is, by its name where somebody says so, else by its texts."""
    name, told = cells.name, cells.told
    if name in told.ignore:
        return _useless(cells, "ignored", "as you say")
    if name in told.categories:
        return _category(cells, "as you say")
    if name in told.numbers:
        return _number(cells, _all_numbers(cells), "as you say")
    return _found_out(cells)


def _found_out(cells: Cells) -> Column:
    found, rows = cells.numbers, len(cells.texts)
    count = rows if cells.plain is not None else len(cells.present)
    if not count:
        return _useless(cells, "empty", "no row has a value")
    if found.count() >= ENOUGH * count and not cells.coded:
        return _as_number(cells, found)
    different = cells.present.n_unique()
    if different == 1 and count == rows:
        return _useless(cells, "constant", f"always {cut(cells.present[0], 20)!r}")
    if form := date_format(cells.present):
        return _date(cells, form)
    if different > 20 and different > count / 2:
        why = f"{different} different texts in {rows} rows"
        return _useless(cells, "identifier", why)
    return _category(cells, "codes, with zeros before" if cells.coded else "")


def _useless(cells: Cells, kind: str, why: str) -> Column:
    import numpy as np

    return Column(cells.name, kind, why, np.where(cells.gaps.to_numpy(), -1, 0))


IDENTIFIERS = re.compile(
    r"(?i)^(id|key|(uu|gu)id|serial|idx|index|rownames|unnamed.*|"
    r".*[ _.-](id|key|index|number|no|nr|uuid|guid))$|.*(?-i:[a-z]I[dD])$"
)
"""How columns are called that only tell rows apart, by whole numbers in any order."""

COUNTERS = re.compile(
    r"(?i)^(rows?[ _.-]?(names?|num(ber)?|id|no)?|no|nr|num|number|#|(?-i:X)|n|i|"
    r"obs(ervation)?|case|record|sample|line)$"
)
"""How columns are called that do where they count the rows."""


def _as_number(cells: Cells, found: pl.Series) -> Column:
    import numpy as np

    values = found.drop_nulls().to_numpy()
    low, high = float(values.min()), float(values.max())
    why = f"numbers from {low:.6g} to {high:.6g}"
    if cells.plain is None:
        why += _written(cells, found)
    if len(values) < len(cells.texts):
        return _number(cells, found, why)
    if low == high:
        return _useless(cells, "constant", f"always {low:.6g}")
    named = cells.name in cells.sheet.unnamed or IDENTIFIERS.match(cells.name)
    if values[0] in (0, 1) and len(values) > 2 and (np.diff(values) == 1).all():
        why = f"counts {low:.0f} to {high:.0f}"
        if named or COUNTERS.match(cells.name):
            return _useless(cells, "row number", why)
        why += "; a row number has to be ignored"
    elif named and _all_differ(values):
        return _useless(cells, "identifier", "another whole number in each row")
    return _number(cells, found, why)


def _all_differ(values: Array) -> bool:
    """Whether they are whole numbers, none of which comes twice."""
    import numpy as np

    whole = (values == np.floor(values)).all()
    return bool(whole) and len(np.unique(values)) == len(values)


def _written(cells: Cells, found: pl.Series) -> str:
    """How a number is written that a programmer would write in another way."""
    import polars as pl

    dressed = cells.texts.filter(found.is_not_null())
    dressed = dressed.filter(dressed.cast(pl.Float64, strict=False).is_null())
    return f", written as {cut(dressed[0], 20)}" if len(dressed) else ""


def _number(cells: Cells, found: pl.Series, why: str) -> Column:
    import numpy as np

    values = found.to_numpy()
    if values.dtype != np.float64:  # all are missing
        values = values.astype(np.float64)
    strange = ""
    if cells.plain is None:
        strange = _strange(cells, ~cells.gaps & found.is_null())
    return Column(cells.name, "number", why, values, (), cells.decimal, strange)


def _strange(cells: Cells, odd: pl.Series) -> str:
    if not (count := int(odd.sum())):
        return ""
    text, place = cells.place(odd)
    return f"{count} x text, such as {cut(text, 20)!r} in {place.split(', ')[-2]}"


def _all_numbers(cells: Cells) -> pl.Series:
    """A column that has to be numbers. Raises ValueError that names the first other."""
    odd = ~cells.gaps & cells.numbers.is_null()
    if odd.any():
        text, place = cells.place(odd)
        raise ValueError(
            f"{place}: {cut(text)!r} is not a number; where it means that there is "
            f"none, say missing={text!r} (--missing {text!r})"
        )
    return cells.numbers


def _date(cells: Cells, form: str) -> Column:
    import numpy as np

    found = dates(cells.texts, form).set(cells.gaps, None)
    values = np.array(found.to_numpy(), dtype=np.float64)
    odd = ~cells.gaps & found.is_null()
    why = f"written as {form.strip()}"
    return Column(cells.name, "date", why, values, (), form, _strange(cells, odd))


def _category(cells: Cells, why: str, gaps: pl.Series | None = None) -> Column:
    texts = _plain(cells.texts)
    gaps = cells.gaps if gaps is None else gaps
    labels = texts.filter(~gaps).unique().sort().to_list()
    shown = cut(", ".join(cut(label, 15) for label in labels), 40)
    kind = why or f"{len(labels)} texts: {shown}"
    return Column(
        cells.name, "category", kind, _codes(texts, gaps, labels), tuple(labels)
    )


def _plain(texts: pl.Series) -> pl.Series:
    """Texts of a category; a whole number is written without decimals."""
    return texts.str.replace(r"^([-+]?[0-9]+)\.0*$", "$1")


def _codes(texts: pl.Series, gaps: pl.Series, labels: Sequence[str]) -> Any:
    """The index of each label, -1 where there is none."""
    import polars as pl

    known = texts.set(gaps, None).cast(pl.Enum(labels), strict=False)
    return known.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()


# ---- the target ----------------------------------------------------------------------


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


def _goal(cells: Cells) -> tuple[Goal, list[Target]]:
    """What the target is, and its values in the rows that have one."""
    present = cells.present
    if not len(present):
        raise ValueError(
            f"{cells.sheet.name}: no row has a value of {cells.name!r}; choose another "
            "target"
        )
    if (present == present[0]).all():
        raise ValueError(
            f"{cells.sheet.name}: every row has the {cells.name} {word(present[0])}; "
            "there is nothing to learn from one class alone"
        )
    task = cells.told.task
    if cells.name in cells.told.numbers:
        task = "number"
    if cells.name in cells.told.categories:
        task = "classes"
    if task == "number":
        return _number_goal(
            cells, _all_numbers(cells).filter(~cells.gaps), "as you say"
        )
    found = cells.numbers.filter(~cells.gaps)
    if task == "auto" and not cells.coded:
        _check_nearly_numbers(cells, found)
    if cells.coded or found.null_count():
        return _text_goal(cells, task)
    return _whole_goal(cells, found, task)


def _check_nearly_numbers(cells: Cells, found: pl.Series) -> None:
    """Raise ValueError where all but a few texts are numbers: which is meant?"""
    if not 0 < found.null_count() <= (1 - ENOUGH) * len(found):
        return
    text, place = cells.place(~cells.gaps & cells.numbers.is_null())
    raise ValueError(
        f"{place}: {cut(text)!r} is not a number, while {found.count()} of "
        f"{len(found)} values are; for a row without a value say missing={text!r} "
        f"(--missing {text!r}), for classes task='classes' (--task classes)"
    )


def _number_goal(cells: Cells, found: pl.Series, why: str) -> tuple[Goal, list[Target]]:
    y: list[Target] = found.to_list()
    return Goal(cells.name, (), why, cells.decimal), y


def _text_goal(cells: Cells, task: str) -> tuple[Goal, list[Target]]:
    y = _plain(cells.present).to_list()
    classes = tuple(sorted(set(y)))
    if task == "auto" and len(classes) > max(20, len(y) / 2):
        raise ValueError(
            f"{cells.sheet.name}: the target {cells.name!r} has {len(classes)} "
            f"different texts in {len(y)} rows, too many to be classes; choose another "
            "target, or say task='classes' (--task classes)"
        )
    return Goal(cells.name, classes, _counted(len(classes), "text")), y


def _counted(count: int, what: str) -> str:
    return f"{count} different {what}s"


def _whole_goal(cells: Cells, found: pl.Series, task: str) -> tuple[Goal, list[Target]]:
    """Numbers are classes where they are few whole ones that look like codes."""
    different = found.unique().sort().to_list()
    whole = all(x == int(x) and abs(x) < 2**53 for x in different)
    count = len(different)
    amounts = cells.plain is None and _written(cells, cells.numbers)  # as $20.00
    coded = _like_classes(different, len(found)) and not amounts
    if not whole or (task == "auto" and not coded):
        if task == "classes":  # numbers such as 0.5 name classes too
            return _text_goal(cells, task)
        return _number_goal(cells, found, _counted(count, "number"))
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


# ---- a table -------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """The columns of a table and what they mean, the target apart.

    columns: all but the target, in their order. goal: what the target is. y: its value
    in each row. told: what was said beforehand. notes: what was left out or guessed.
    """

    name: str
    columns: tuple[Column, ...]
    goal: Goal
    y: Sequence[Target]
    told: Told = Told()
    notes: tuple[str, ...] = ()

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

    def rows(self, indices: Any) -> Table:
        """The table of these rows alone."""
        import numpy as np

        places = np.asarray(indices)
        columns = tuple(column.rows(places) for column in self.columns)
        return replace(self, columns=columns, y=[self.y[i] for i in indices])

    def split(
        self, test: float = 0.25, seed: int = 0, name: str = "test"
    ) -> tuple[Table, Table]:
        """Rows to train on and rows to test on, each class shared out evenly.

        name: what an error calls the part.
        """
        inside, outside = split_rows(self.y, test, seed, name, bool(self.classes))
        return self.rows(inside), self.rows(outside)

    def encoding(self) -> Encoding:
        """How columns become numbers, learned from these rows.

        Raises ValueError where no column is left to learn from.
        """
        fields = [FIELDS[c.kind].learned(c) for c in self.columns if c.useful]
        found = tuple(field for field in fields if field is not None)
        if not found:
            told = "; ".join(f"{c.name!r} is {c.kind} ({c.why})" for c in self.columns)
            raise ValueError(
                f"{self.name} has no column to learn from but the target "
                f"{self.target!r}: {cut(told, 200)}"
                if told
                else f"{self.name} has no column but the target {self.target!r}"
            )
        return Encoding(found, self.told.words, self.goal.decimal)

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "a number"
        useful = sum(column.useful for column in self.columns)
        return (
            f"Table of {len(self)} rows: {self.target} ({what}) from {useful} columns"
        )


def read(
    source: Any,
    target: str,
    told: Told | None = None,
    delimiter: str | None = None,
) -> Table:
    """The table in a file or in memory, and what its columns mean.

    source: a path ("-" is standard input), bytes, a mapping of names to columns, or a
        DataFrame; or a `Sheet`, read already. target: the column to tell from the
        others. told: what is known of the table. delimiter: a character or "tab";
        None to find out.

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
        source = read_sheet(source, delimiter=delimiter)
    sheet = source
    sheet.check_has([target, *told.numbers, *told.categories, *told.ignore])
    columns, goal, y, cells = _meaning_of(sheet, target, told)
    notes = list(sheet.notes)
    if cells.gaps.any():
        present = (~cells.gaps).to_numpy()
        columns = [column.rows(present) for column in columns]
        count = int(cells.gaps.sum())
        text, place = cells.place(cells.gaps)
        notes.append(
            f"{count} row{'s' * (count > 1)} without a value of {target!r} left out: "
            f"{text!r} in {place.split(', ')[-2]}"
        )
    return Table(sheet.name, tuple(columns), goal, y, told, tuple(notes))


def _meaning_of(
    sheet: Sheet, target: str, told: Told
) -> tuple[list[Column], Goal, list[Target], Cells]:
    """All columns but the target; what that is, its values, and its cells."""
    every = [Cells(sheet, name, told) for name in sheet.names]
    if usual := told.decimal or _usual_decimal(every, sheet.delimiter):
        every = [replace(cells, usual=usual) for cells in every]
    (goal_cells,) = (cells for cells in every if cells.name == target)
    goal, y = _goal(goal_cells)
    others = [cells for cells in every if cells.name != target]
    columns = [_understood(cells) for cells in others]
    if not any(column.useful for column in columns):
        columns = [_last_resort(*pair) for pair in zip(columns, others, strict=True)]
    return columns, goal, y, goal_cells


def _usual_decimal(every: Iterable[Cells], delimiter: str) -> str:
    """What stands before the decimals in the columns that tell."""
    signs = {decimal_sign(cells.texts) for cells in every if cells.plain is None}
    if "." in signs:
        return ""
    return "," if "," in signs or (signs and delimiter == ";") else ""


def _last_resort(column: Column, cells: Cells) -> Column:
    """Where there is nothing else, a column that counts the rows is a number."""
    if column.kind != "row number":
        return column
    return _number(cells, cells.numbers, "the only column")


# ---- how columns become numbers ------------------------------------------------------


@dataclass(frozen=True)
class NumberField:
    """A column of numbers.

    median: what stands for a missing one; None where none may be missing. missing:
    whether a second input says that there was none. decimal: as in `Told`.
    """

    kind: ClassVar[str] = "number"
    scaled: ClassVar[int] = 1
    """How many of the inputs, the first, are numbers of any size."""

    name: str
    median: float | None
    missing: bool = False
    decimal: str = "."

    @classmethod
    def learned(cls, column: Column) -> NumberField | None:
        """From some rows; None where they are all the same."""
        import numpy as np

        gaps = _gaps(column.values)
        present = column.values[~gaps]
        if not len(present) or (present.min() == present.max() and not gaps.any()):
            return None
        median = float(np.median(present))
        return cls(column.name, median, bool(gaps.any()), column.spelling or ".")

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each input is called."""
        return (self.name, f"{self.name} is missing")[: 1 + self.missing]

    def encoded(self, column: Column) -> list[Array]:
        """Each input, a number per row."""
        import numpy as np

        gaps = np.isnan(column.values)
        filled = np.where(gaps, self.median, column.values) if gaps.any() else None
        first = column.values if filled is None else filled
        return [first, gaps.astype(np.float64)][: 1 + self.missing]

    def read(self, cells: Cells) -> Column:
        """The column in another table. Raises ValueError where it is no number."""
        cells = replace(cells, usual=self.decimal if self.decimal == "," else "")
        found = cells.numbers
        cells.check(found, "number")
        if self.median is None and cells.gaps.any():
            _, place = cells.place(cells.gaps)
            raise ValueError(
                f"{place}: the value is missing; fill it in, or leave out the row"
            )
        return _number(cells, found, "")


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
        return _date(cells, form or self.form)


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
        meant = _plain(cells.texts).is_in(list(known))
        column = _category(cells, "", cells.gaps & ~meant)
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
        import numpy as np

        pairs = list(zip(self.fields, columns, strict=True))
        X = np.empty((len(pairs[0][1].values), len(self.features)))
        place = 0
        for field, column in pairs:
            for values in field.encoded(column):
                X[:, place] = values
                place += 1
        return X

    def dataset(self, table: Table) -> Dataset:
        """A table as numbers, before they are scaled."""
        by_name = {column.name: column for column in table.columns}
        X = self.inputs(by_name[name] for name in self.columns)
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

    def read(self, source: Any, delimiter: str | None = None) -> Reading:
        """Another table, with these columns in any order, among others or not.

        source: as for `nn.table.read`; or rows, each with a value for each of
            `columns`. Raises ValueError for a column that is not there, or not what it
            was in the training.
        """
        sheet = read_sheet(self._named(source), delimiter=delimiter)
        sheet.check_has(self.columns)
        told = Told(missing=self.missing)
        cells = [Cells(sheet, name, told) for name in self.columns]
        columns = [f.read(c) for f, c in zip(self.fields, cells, strict=True)]
        new = [_surprise(c, f) for c, f in zip(columns, self.fields, strict=True)]
        return Reading(self.inputs(columns), sheet, (*sheet.notes, *filter(None, new)))

    def _named(self, source: Any) -> Any:
        """Rows as columns by name; anything else as it is."""
        if isinstance(source, str | bytes | Mapping) or hasattr(source, "columns"):
            return source
        if not hasattr(source, "__len__"):
            return source
        rows = [list(row) for row in source]
        for row in rows:
            if len(row) != len(self.fields):
                raise ValueError(
                    f"a row has {len(row)} values; the columns are "
                    f"{', '.join(self.columns)}"
                )
        return dict(zip(self.columns, zip(*rows, strict=True), strict=True))


def _surprise(column: Column, field: Field) -> str:
    """What another table has in a column that the training had not, in words."""
    if column.strange:
        return f"{column.name!r}: {column.strange}"
    if column.missing and not field.missing:
        return (
            f"{column.name!r}: {column.missing} missing, and none was in the training"
        )
    return ""


@dataclass(frozen=True)
class Reading:
    """Another table as inputs. notes: what was new in it, or guessed, in words."""

    X: Array
    sheet: Sheet
    notes: tuple[str, ...] = ()


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
    count = len(field.inputs)
    becomes = f"{count} input{'s' * (count > 1)}"
    return Meaning(column.name, column.kind, why, becomes, missing)
