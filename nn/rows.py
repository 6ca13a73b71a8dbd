"""The cells of a text table, column by column.

A plain file is read by polars, some columns at a time; where line breaks or comments
stand among its cells Python's own `csv` reads it: slower, and it can say in which line
what is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING, Any

from autograd.wording import counted
from nn.heading import Head, has_sign, is_blank

if TYPE_CHECKING:
    import polars as pl

BLOCK = 2**18
"""Bytes that are looked at in one go: so many stay in a processor's cache."""

LINES = 2**22
"""Bytes of lines that are read as numbers in one go."""

CELLS = 2**16
"""Cells that Python's `csv` hands over in one go."""


def columns_of(
    data: bytes, name: str, head: Head, names: Sequence[str]
) -> tuple[Mapping[str, pl.Series], Sequence[int]]:
    """The columns of a table by name, and in which line each row begins.

    Raises ValueError for a row that has another number of cells than there are columns.
    """
    count = _plain_rows(data, head)
    named = _by_polars(data, head, names, count) if count else None
    if named is not None:
        return named, range(head.lines + 1, head.lines + 1 + count)
    columns, lines = _by_csv(data, name, head)
    return dict(zip(names, columns, strict=True)), lines


def length(columns: Mapping[str, pl.Series]) -> int:
    """How many rows there are."""
    if isinstance(columns, Portions):
        return columns.rows
    return len(next(iter(columns.values()), ()))


def _plain_rows(data: bytes, head: Head) -> int:
    """How many rows there are if every line is one, with a cell for each column.

    Then no cell holds a line break, and no line is blank or a comment; else 0.
    """
    begin, count = _first(data, head), 0
    if b"\r" in data[:begin].replace(b"\r\n", b""):
        return 0
    for lines in _blocks(data, begin, BLOCK):
        rows = _rows_in(lines, head)
        if not rows:
            return 0
        count += rows
    return count


def _first(data: bytes, head: Head) -> int:
    """Where the first row begins."""
    begin = 0
    for _ in range(head.lines):
        begin = data.find(b"\n", begin) + 1 or len(data)
    return begin


def _blocks(data: bytes, begin: int, size: int) -> Iterator[bytes]:
    """The lines from there on, about so many bytes at a time."""
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + size) + 1
        end = end or data.find(b"\n", begin) + 1 or len(data)
        yield data[begin:end]
        begin = end


def _rows_in(lines: bytes, head: Head) -> int:
    """The same of some whole lines: every so many marks, and no other, ends a line."""
    lines = lines if lines.endswith(b"\n") else lines + b"\n"
    if lines.startswith(b"#") or (b"#" in lines and b"\n#" in lines):
        return 0
    if b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n"):
        return 0
    if len(head.names) == 1 and re.search(rb"(?m)^\r?$", lines[:-1]):
        return 0  # a blank line, which has as many marks as any other
    bare = lines
    if b'"' in lines:
        bare = re.sub(rb'"[^"]*"', b"", lines)
        if b'"' in bare or bare.count(b"\n") != lines.count(b"\n"):
            return 0
    mark = head.delimiter.encode()
    marks = bare.translate(None, bytes(range(256)).translate(None, mark + b"\n"))
    row = mark * (len(head.names) - 1) + b"\n"
    rows = len(marks) // len(row)
    return rows if marks == row * rows else 0


PORTION = 2**24
"""Bytes of texts that are read in one go, or an eighth of all columns."""


class Portions(Mapping[str, "pl.Series"]):
    """The columns of a plain file: as texts, which are large, some at a time."""

    def __init__(
        self, data: bytes, head: Head, names: Sequence[str], rows: int
    ) -> None:
        self._data, self._head, self.rows = data, head, rows
        self._places = {name: place for place, name in enumerate(names)}
        self._texts: dict[int, pl.Series] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places  # without the column, which `Mapping` would ask for

    def __getitem__(self, name: str) -> pl.Series:
        place = self._places[name]
        if place not in self._texts:
            self._texts.clear()
            size = max(PORTION // 16 // self.rows, len(self) // 8, 1)
            begin = place - place % size
            places = [*range(begin, min(begin + size, len(self)))]
            found = _read(self._data, self._head, places, skip=self._head.lines)
            self._texts.update(zip(places, found, strict=True))
        return _bare(self._texts[place])

    def numbers(self, name: str) -> pl.Series | None:
        """The numbers of a column whose texts all are such."""
        return self._numbers.get(self._places[name])

    @cached_property
    def _numbers(self) -> dict[int, pl.Series]:
        """Those columns: numbers are read in half the time of texts.

        Some lines at a time, so that polars holds few; a column with a text in one of
        them is not read any further.
        """
        import numpy as np
        import polars as pl

        found = {place: np.empty(self.rows) for place in range(len(self))}
        done = 0
        for lines in _blocks(self._data, _first(self._data, self._head), LINES):
            if not found:
                break
            columns = _read(lines, self._head, [*found], numbers=True)
            rows = slice(done, done := done + len(columns[0]))
            for place, column in zip([*found], columns, strict=True):
                if column.null_count():
                    del found[place]
                else:
                    found[place][rows] = column.to_numpy()
        return {place: pl.Series(numbers) for place, numbers in found.items()}


def _read(
    lines: bytes,
    head: Head,
    places: list[int] | None,
    *,
    skip: int = 0,
    numbers: bool = False,
) -> list[pl.Series]:
    """The cells of these columns, of all where none are said; as texts, or numbers.

    skip: how many of the lines are no rows.
    """
    import polars as pl

    kind = pl.Float64() if numbers else pl.String()
    return pl.read_csv(
        lines,
        has_header=False,
        separator=head.delimiter,
        skip_lines=skip,
        schema={str(place): kind for place in range(len(head.names))},
        ignore_errors=numbers,
        columns=places,
    ).get_columns()


def _by_polars(
    data: bytes, head: Head, names: Sequence[str], rows: int
) -> Mapping[str, pl.Series] | None:
    """The cells; None where a quote stands in an odd place."""
    import polars as pl

    if b'"' not in data:
        return Portions(data, head, names, rows)
    try:
        columns = _read(data, head, None, skip=head.lines)
    except pl.exceptions.PolarsError:
        return None
    if len(columns) != len(names):
        return None
    return dict(zip(names, map(_bare, columns), strict=True))


def _bare(column: pl.Series) -> pl.Series:
    """Texts without blanks around them, "" for none; the same where there are none."""
    column = column.fill_null("") if column.null_count() else column
    blank = column.str.contains(r"^\s|\s$").any()
    return column.str.strip_chars() if blank else column


def _by_csv(
    data: bytes, name: str, head: Head
) -> tuple[list[pl.Series], Sequence[int]]:
    """The cells, and the line of each row."""
    from array import array

    import polars as pl

    lines = array("q")
    parts: list[list[pl.Series]] = [
        [pl.Series([], dtype=pl.String)] for _ in head.names
    ]
    for some in _portions(_rows(data, name, head), CELLS // len(head.names) + 1):
        lines.extend(line for line, _ in some)
        cells = zip(*[row for _, row in some], strict=True)
        for part, column in zip(parts, cells, strict=True):
            part.append(pl.Series(column, dtype=pl.String))
    return [_bare(pl.concat(part)) for part in parts], lines


def _portions(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rows = iter(rows)
    while some := list(islice(rows, size)):
        yield some


def _rows(data: bytes, name: str, head: Head) -> Iterator[tuple[int, list[str]]]:
    """Each row and the line that it begins in.

    Raises ValueError for one that has another number of cells than there are columns.
    """
    stream = TextIOWrapper(BytesIO(data), "utf-8", newline="")
    reader = csv.reader(
        islice(stream, head.lines, None), delimiter=head.delimiter, strict=True
    )
    columns, line = len(head.names), head.lines + 1
    try:
        for row in reader:
            remark = bool(row) and has_sign(row)
            if is_blank(row) or (remark and (head.commented or len(row) != columns)):
                line = head.lines + reader.line_num + 1
                continue
            if len(row) != columns:
                raise ValueError(_ragged(name, line, row, head))
            yield line, row
            line = head.lines + reader.line_num + 1
    except csv.Error as error:
        open_end = "unexpected end" in str(error)
        reason = "a quote is opened and not closed" if open_end else error
        raise ValueError(f"{name} is not a CSV file: line {line}: {reason}") from None


def _ragged(name: str, line: int, row: Sequence[str], head: Head) -> str:
    cells = counted(len(row), "column")
    advice = "; where that is no row, take it out or begin it with #"
    if len(row) > len(head.names):
        advice = f"; a text that holds {head.delimiter!r} has to stand in quotes"
    return f"{name}, line {line}: {cells} where {head.said} {len(head.names)}{advice}"
