"""What the columns of a table mean.

>>> from nn.reading import read
>>> sheet = read({"size": [1.0, 2.0, 4.0, 1.5], "kind": ["a", "b", "b", "a"]})
>>> [understood(Cells(sheet, name)).kind for name in sheet.names]
['number', 'category']

A column is a *number*, a *category*, a *date*, or of no use: an *identifier* or a *row
number*, *constant* or *empty*. `understood` decides, says why, and can be told
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autograd.wording import cut
from nn.arguments import unknown
from nn.cells import (
    COMPACT,
    ENOUGH,
    MISSING,
    PERHAPS,
    date_format,
    dates,
    decimal_sign,
    is_code,
    is_missing,
    numbers,
    unit_of,
    without,
)
from nn.hints import Array
from nn.reading import Sheet

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
            raise ValueError(unknown("task", self.task, TASKS))
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"decimal is . or , and not {self.decimal!r}")
        seen: dict[str, str] = {}
        for said, names in self.columns().items():
            for name in names:
                if seen.setdefault(name, said) != said:
                    raise ValueError(
                        f"{said}: column {name!r} is among {seen[name]} already; say "
                        "one of them"
                    )

    def columns(self) -> dict[str, tuple[str, ...]]:
        """What is said of columns, and of which."""
        said = ("numbers", "categories", "ignore")
        return {name: getattr(self, name) for name in said}

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


def texts_in(text: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """The texts in `a,b`, or in a list; None where nothing is said.

    >>> texts_in("?, -999"), texts_in(None)
    (('?', '-999'), None)
    """
    return None if text is None else names_in(text, ())


# ---- a column ------------------------------------------------------------------------

LEARNED = ("number", "category", "date")
"""The kinds of column that are learned from."""


@dataclass(frozen=True)
class Column:
    """A column and what it means.

    kind: one of `LEARNED`, or what is not learned from: "row number", "identifier",
        "constant", "empty" or "ignored". why: what told it.
    values: numbers, with nan where one is missing; of a category the index of each
        label, -1 where it is missing. labels: the texts of a category, in order.
    spelling: the sign before decimals, or the format of dates. strange: how many texts
        count as missing because all others are numbers, or dates. unit: what stands
        behind each number, such as cm.
    """

    name: str
    kind: str
    why: str
    values: Any
    labels: tuple[str, ...] = ()
    spelling: str = ""
    strange: str = ""
    unit: str = ""

    @property
    def useful(self) -> bool:
        """Whether it is learned from."""
        return self.kind in LEARNED

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return int(gaps_in(self.values).sum())

    def rows(self, indices: Any) -> Column:
        """The column in these rows alone."""
        return replace(self, values=self.values[indices])


def gaps_in(values: Any) -> Any:
    """Where there is no value: nan among numbers, -1 among the indices of labels."""
    import numpy as np

    return values < 0 if values.dtype.kind == "i" else np.isnan(values)


@dataclass(frozen=True)
class Cells:
    """A column's texts, where nothing stands, and how it can be said where one is.

    usual: what stands before decimals in other columns of the file, "" if nobody knows.
    known: the unit of its numbers, "" for none; None to find out.
    """

    sheet: Sheet
    name: str
    told: Told = Told()
    usual: str = ""
    known: str | None = None

    @cached_property
    def plain(self) -> pl.Series | None:
        """The numbers, where there is one in each row, and none needs a second look."""

        if any(x.isdigit() for x in "".join(self.told.words)) or self.usual == ",":
            return None
        found = self.sheet.numbers(self.name)
        return None if found is None or not found.is_finite().all() else found

    @property
    def texts(self) -> pl.Series:
        """The cells."""
        return self.sheet.column(self.name)

    @cached_property
    def gaps(self) -> pl.Series:
        """Where nothing stands, or a word for it."""
        import polars as pl

        if self.plain is not None:
            return pl.repeat(False, len(self.sheet), eager=True)
        gaps = is_missing(self.texts, self.told.words)
        return gaps & ~_meant(self.texts, gaps) if self.told.missing is None else gaps

    @property
    def present(self) -> pl.Series:
        """The texts that are there."""
        whole = self.plain is not None or not self.gaps.any()
        return self.texts if whole else self._filled

    @property
    def count(self) -> int:
        """How many texts are there."""
        return len(self.sheet if self.plain is not None else self.present)

    @cached_property
    def _filled(self) -> pl.Series:
        return self.texts.filter(~self.gaps)

    @cached_property
    def unit(self) -> str:
        """What stands behind each number, such as cm, or ""."""
        if self.plain is not None:
            return ""
        return unit_of(self.present) if self.known is None else self.known

    @cached_property
    def digits(self) -> pl.Series:
        """The texts without the unit, "" where there is another one."""
        return without(self.texts, self.unit).fill_null("") if self.unit else self.texts

    @cached_property
    def decimal(self) -> str:
        """What stands before the decimals."""
        if self.plain is not None:
            return "."
        texts = self.digits if self.unit else self.present
        return self.told.decimal or decimal_sign(texts, self.usual) or "."

    @cached_property
    def numbers(self) -> pl.Series:
        """The number in each row, or null."""
        if self.plain is not None:
            return self.plain
        return numbers(self.digits, self.decimal).set(self.gaps, None)

    @cached_property
    def coded(self) -> bool:
        """Whether these are codes: 007, 02134."""
        found = self.plain
        if found is not None and not (found == found.floor()).all():
            return False
        return is_code(self.digits if self.unit else self.present)

    def but_one_word(self, found: pl.Series) -> bool:
        """Whether most are numbers, and all others the same text, such as * or \\N.

        Then it means that there is no value, unless the numbers are few different ones.
        """
        if found.count() <= 0.5 * self.count or found.n_unique() <= 20:
            return False
        words = self.texts.filter(~self.gaps & found.is_null()).unique()
        return len(words) < 2 and not words.str.contains("[0-9]").any()  # as <5 is

    def place(self, where: pl.Series) -> tuple[str, str]:
        """The first text of those marked, and its place in words."""
        row = int(where.arg_true()[0])
        return self.texts[row], self.sheet.place(row, self.name)

    def check(self, found: pl.Series, what: str) -> None:
        """Raise ValueError where more than a few texts are not what they should be."""
        odd = ~self.gaps & found.is_null()
        right = self.count - int(odd.sum())
        if right < ENOUGH * self.count and not self.but_one_word(found):
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


def understood(cells: Cells) -> Column:
    """What a column is, by its name where somebody says so, else by its texts."""
    name, told = cells.name, cells.told
    if name in told.ignore:
        return _useless(cells, "ignored", "as you say")
    if name in told.categories:
        return category_column(cells, "as you say")
    if name in told.numbers:
        return number_column(cells, all_numbers(cells), "as you say")
    return _found_out(cells)


def _found_out(cells: Cells) -> Column:
    found, rows, count = cells.numbers, len(cells.sheet), cells.count
    if not count:
        return _useless(cells, "empty", "no row has a value")
    numeric = found.count() >= ENOUGH * count or cells.but_one_word(found)
    if numeric and not cells.coded:
        return _as_compact_dates(cells, found) or _as_number(cells, found)
    different = cells.present.n_unique()
    if different == 1 and count == rows:
        return _useless(cells, "constant", f"always {cut(cells.present[0], 20)!r}")
    if form := date_format(cells.present):
        return date_column(cells, form)
    if different > 20 and different > count / 2:
        why = f"{different} different texts in {rows} rows" + _partly(cells, found)
        return _useless(cells, "identifier", why)
    return category_column(cells, "codes, with zeros before" if cells.coded else "")


def _as_compact_dates(cells: Cells, found: pl.Series) -> Column | None:
    """Dates that are written as whole numbers, 20210305; None where these are none."""
    low, high = found.min(), found.max()
    if not 19_000_101 <= low < high < 21_000_000 or cells.unit:  # type: ignore[operator]
        return None
    days = dates(cells.present, COMPACT).count()
    return date_column(cells, COMPACT) if days >= ENOUGH * cells.count else None


def _partly(cells: Cells, found: pl.Series) -> str:
    """How many numbers are among a column's texts, where most are."""
    if cells.coded or found.count() <= 0.5 * cells.count:
        return ""
    text, _ = cells.place(~cells.gaps & found.is_null())
    return f"; {found.count()} are numbers, but not {cut(text, 20)!r}"


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
        why += written(cells, found)
    if len(values) < len(cells.sheet):
        return number_column(cells, found, why)
    if low == high:
        return _useless(cells, "constant", f"always {low:.6g}")
    named = cells.name in cells.sheet.unnamed or IDENTIFIERS.match(cells.name)
    counting = named or COUNTERS.match(cells.name)
    if _counts(values, in_any_order=bool(counting)):
        why = f"counts {values[0]:.0f} to {values[-1]:.0f}"
        if (np.abs(np.diff(values)) != 1).any():
            why = f"counts {low:.0f} to {high:.0f}, in another order"
        if counting:
            return _useless(cells, "row number", why)
        why += "; a row number has to be ignored"
    elif named and _all_differ(values):
        return _useless(cells, "identifier", "another whole number in each row")
    return number_column(cells, found, why)


def _counts(values: Array, in_any_order: bool) -> bool:
    """Whether they are 0, 1, 2 or 1, 2, 3 and so on, or backwards."""
    import numpy as np

    values = np.sort(values) if in_any_order else values
    values = values[::-1] if values[0] > values[-1] else values
    counting = values[0] in (0, 1) and len(values) > 2
    return bool(counting and (np.diff(values) == 1).all())


def _all_differ(values: Array) -> bool:
    """Whether they are whole numbers, none of which comes twice."""
    import numpy as np

    whole = (values == np.floor(values)).all()
    return bool(whole) and len(np.unique(values)) == len(values)


def written(cells: Cells, found: pl.Series) -> str:
    """How a number is written that a programmer would write in another way.

    Of numbers with several marks, such as $5 and 6 €, the first of each.
    """
    import polars as pl

    if cells.unit:
        return f", in {cells.unit}"
    dressed = cells.texts.filter(found.is_not_null())
    dressed = dressed.filter(dressed.cast(pl.Float64, strict=False).is_null())
    marks = dressed.str.replace_all(UNMARKED, "")
    firsts = dressed.filter(marks.is_first_distinct() & (marks != ""))
    firsts = firsts if len(firsts) else dressed
    count = min(3, (marks != "").any() * len(firsts) or 1)
    shown = " and as ".join(cut(text, 20) for text in firsts[:count])
    return f", written as {shown}" if len(dressed) else ""


UNMARKED = r"[0-9.,'’\s()+−-]|[eE][-+]?[0-9]"
"""What is no mark, such as $ or %, in a number as people write it."""


def number_column(cells: Cells, found: pl.Series, why: str) -> Column:
    """A column of the numbers found, null where there is none."""
    import numpy as np

    values = found.to_numpy()
    if values.dtype != np.float64:  # all are missing
        values = values.astype(np.float64)
    strange = ""
    if cells.plain is None:
        strange = _strange(cells, ~cells.gaps & found.is_null())
    form = cells.decimal, strange, cells.unit
    return Column(cells.name, "number", why, values, (), *form)


def _strange(cells: Cells, odd: pl.Series) -> str:
    if not (count := int(odd.sum())):
        return ""
    text, place = cells.place(odd)
    return f"{count} x text, such as {cut(text, 20)!r} in {place.split(', ')[-2]}"


def all_numbers(cells: Cells) -> pl.Series:
    """A column that has to be numbers. Raises ValueError that names the first other."""
    odd = ~cells.gaps & cells.numbers.is_null()
    if odd.any():
        text, place = cells.place(odd)
        raise ValueError(
            f"{place}: {cut(text)!r} is not a number; where it means that there is "
            f"none, say missing={text!r} (--missing {text!r})"
        )
    return cells.numbers


def date_column(cells: Cells, form: str) -> Column:
    """A column of dates that are written so."""
    import numpy as np

    found = dates(cells.texts, form).set(cells.gaps, None)
    values = np.array(found.to_numpy(), dtype=np.float64)
    odd = ~cells.gaps & found.is_null()
    why = f"written as {form.strip()}"
    return Column(cells.name, "date", why, values, (), form, _strange(cells, odd))


def category_column(cells: Cells, why: str, gaps: pl.Series | None = None) -> Column:
    """A column of texts. gaps: where none is, if other than the usual."""
    texts = plainly(cells.texts)
    gaps = cells.gaps if gaps is None else gaps
    labels = texts.filter(~gaps).unique().sort().to_list()
    shown = cut(", ".join(cut(label, 15) for label in labels), 40)
    kind = why or f"{len(labels)} texts: {shown}{alike(labels)}"
    return Column(
        cells.name, "category", kind, _codes(texts, gaps, labels), tuple(labels)
    )


def alike(labels: Sequence[str]) -> str:
    """What is to be told of labels that differ in capitals alone.

    >>> alike(["YES", "Yes", "no"]), alike(["yes", "no"])
    ('; YES and Yes differ in capitals alone', '')
    """
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(label.casefold(), label)
        if other != label:
            return f"; {cut(other, 15)} and {cut(label, 15)} differ in capitals alone"
    return ""


def plainly(texts: pl.Series) -> pl.Series:
    """Texts of a category; a whole number is written without decimals."""
    return texts.str.replace(r"^([-+]?[0-9]+)\.0*$", "$1")


def _codes(texts: pl.Series, gaps: pl.Series, labels: Sequence[str]) -> Any:
    """The index of each label, -1 where there is none."""
    import polars as pl

    known = texts.set(gaps, None).cast(pl.Enum(labels), strict=False)
    return known.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
