"""The cells of a text table, column by column.

A plain file is read by polars, some columns at a time; where line breaks or comments
stand among its cells Python's own `csv` reads it: slower, and it can say in which line
what is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING, Any

from nn.heading import Head, has_sign, is_blank

if TYPE_CHECKING:
    import polars as pl

CHUNK = 2**22
"""Bytes, or cells, that are looked at in one go."""


def columns_of(
    data: bytes, name: str, head: Head, names: Sequence[str]
) -> tuple[Mapping[str, pl.Series], Sequence[int]]:
    """The columns of a table by name, and in which line each row begins.

    Raises ValueError for a row that has another number of cells than there are columns.
    """
    named = _by_polars(data, head, names) if _is_plain(data, head) else None
    if named is not None:
        first = head.lines + 1
        return named, range(first, first + length(named))
    columns, lines = _by_csv(data, name, head)
    return dict(zip(names, columns, strict=True)), lines


def length(columns: Mapping[str, pl.Series]) -> int:
    """How many rows there are."""
    if isinstance(columns, Portions):
        return columns.rows
    return len(next(iter(columns.values()), ()))


def _is_plain(data: bytes, head: Head) -> bool:
    """Whether every line is a row with a cell for each column.

    Then no cell holds a line break, and no line is blank or a comment.
    """
    begin = 0
    for _ in range(head.lines):
        begin = data.find(b"\n", begin) + 1 or len(data)
    plain = begin < len(data) and b"\r" not in data[:begin].replace(b"\r\n", b"")
    while plain and begin < len(data):
        end = data.rfind(b"\n", begin, begin + CHUNK) + 1
        end = end or data.find(b"\n", begin) + 1 or len(data)
        plain = _is_grid(data[begin:end], head)
        begin = end
    return plain


def _is_grid(lines: bytes, head: Head) -> bool:
    """The same of some whole lines: every so many marks, and no other, ends a line."""
    lines = lines if lines.endswith(b"\n") else lines + b"\n"
    if lines.startswith(b"#") or (b"#" in lines and b"\n#" in lines):
        return False
    if b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n"):
        return False
    if len(head.names) == 1 and re.search(rb"(?m)^\r?$", lines[:-1]):
        return False  # a blank line, which has as many marks as any other
    rows = lines.count(b"\n")
    bare = re.sub(rb'"[^"]*"', b"", lines) if b'"' in lines else lines
    if b'"' in bare or bare.count(b"\n") != rows:
        return False
    mark = head.delimiter.encode()
    others = bytes(range(256)).translate(None, mark + b"\n")
    return bare.translate(None, others) == (mark * (len(head.names) - 1) + b"\n") * rows


PORTION = 2**24
"""Bytes of columns that are read in one go, or an eighth of all."""


class Portions(Mapping[str, "pl.Series"]):
    """The columns of a plain file, read some at a time: as texts they are large."""

    def __init__(self, data: bytes, head: Head, names: Sequence[str]) -> None:
        self._data, self._head = data, head
        self._places = {name: place for place, name in enumerate(names)}
        self._texts: dict[int, pl.Series] = {}
        self._numbers: dict[int, pl.Series] = {}
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        self.rows = lines - head.lines

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places  # without the column, which `Mapping` would ask for

    def __getitem__(self, name: str) -> pl.Series:
        return _bare(self._column(name, self._texts, numbers=False))

    def numbers(self, name: str) -> pl.Series:
        """The number that each text is, or null: a number is read in half the time."""
        return self._column(name, self._numbers, numbers=True)

    def _column(
        self, name: str, held: dict[int, pl.Series], *, numbers: bool
    ) -> pl.Series:
        place, cell = self._places[name], 8 if numbers else 16
        if place not in held:
            held.clear()
            size = max(PORTION // cell // self.rows, len(self) // 8, 1)
            begin = place - place % size
            places = [*range(begin, min(begin + size, len(self)))]
            found = _read(self._data, self._head, places, numbers=numbers)
            held.update(zip(places, found, strict=True))
        return held[place]


def _read(
    data: bytes, head: Head, places: list[int] | None, *, numbers: bool = False
) -> list[pl.Series]:
    """The cells of these columns, of all where none are said; as texts, or numbers."""
    import polars as pl

    kind = pl.Float64() if numbers else pl.String()
    return pl.read_csv(
        data,
        has_header=False,
        separator=head.delimiter,
        skip_lines=head.lines,
        schema={str(place): kind for place in range(len(head.names))},
        ignore_errors=numbers,
        columns=places,
    ).get_columns()


def _by_polars(
    data: bytes, head: Head, names: Sequence[str]
) -> Mapping[str, pl.Series] | None:
    """The cells; None where a quote stands in an odd place."""
    import polars as pl

    if b'"' not in data:
        return Portions(data, head, names)
    try:
        columns = _read(data, head, None)
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
    for some in _portions(_rows(data, name, head), CHUNK // 64 // len(head.names) + 1):
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
    cells = f"{len(row)} column{'s' * (len(row) != 1)}"
    advice = "; where that is no row, take it out or begin it with #"
    if len(row) > len(head.names):
        advice = f"; a text that holds {head.delimiter!r} has to stand in quotes"
    return (
        f"{name}, line {line}: {cells} where the first line names "
        f"{len(head.names)}{advice}"
    )
