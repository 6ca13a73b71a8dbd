"""Tables as people have them, read as columns of texts.

>>> sheet = read(b"size;kind\\n1,5;cat\\n2;dog\\n", "pets.csv")
>>> sheet.names, sheet.column("size").to_list(), sheet.place(1, "kind")
(('size', 'kind'), ['1,5', '2'], "pets.csv, line 3, column 'kind'")

What the texts mean is no matter of this module; `nn.table` asks `nn.cells` for it.

A file is unpacked (.gz, .bz2, .xz, .zip), its encoding found, its delimiter and its
first line looked at, and its cells handed over by polars. That was chosen over pandas
by trying both: it has a million rows of 9 columns as texts after 0.4 s and in 230 MB,
pandas after 7 s and in 710 MB, and only from texts can be told what stood in a file:
007, none, 1,234. It gives every number to its last bit, and reads parquet and JSON as
well. It is imported in 0.2 s, pandas in 0.3, and takes more room on the disk: 180 MB,
pandas 90.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from io import BytesIO
from typing import TYPE_CHECKING, Any

from autograd.files import reading
from autograd.wording import cut
from nn.extras import require
from nn.heading import SAMPLE, Head, double_quoted, head_of, spaced, unique
from nn.rows import Portions, columns_of, length
from nn.utf8 import as_utf8, unpacked

if TYPE_CHECKING:
    import polars as pl

DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
"""What a person can hardly type at a command line."""


@dataclass(frozen=True)
class Sheet:
    """The cells of a table, as texts.

    name: what messages call it. columns: by name; each a polars Series of texts without
    blanks around them, "" where nothing stands. lines: in which line of the file each
    row begins. unnamed: columns that the first line does not name. notes: what had to
    be guessed, in words. row: what `lines` counts. delimiter: what separates cells.
    """

    name: str
    columns: Mapping[str, pl.Series]
    lines: Sequence[int]
    unnamed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    row: str = "line"
    delimiter: str = ","

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> pl.Series:
        """One column's texts.

        Raises ValueError that lists the columns for a name that is not among them.
        """
        self.check_has([name])
        return self.columns[name]

    def numbers(self, name: str) -> pl.Series | None:
        """The numbers of a column whose texts all are such; None of another."""
        import polars as pl

        if isinstance(self.columns, Portions):
            return self.columns.numbers(name)
        found = self.columns[name].cast(pl.Float64, strict=False)
        return None if found.null_count() else found.rechunk()

    def check_has(self, names: Iterable[str], said: str = "") -> None:
        """Raise ValueError, with all columns listed, unless these are among them.

        said: the argument that names them.
        """
        for name in names:
            if name not in self.columns:
                known = ", ".join(self.names[:20])
                spaced = len(self.names) == 1 and name in known.split()
                advice = "; are they separated by blanks? Say delimiter='space'"
                near = _nearest(name, self.names)
                raise ValueError(
                    f"{said}: " * bool(said)
                    + f"{self.name} has no column {name!r}; it has: {known}"
                    + f"{advice} (--delimiter space)" * spaced
                    + f"; did you mean {near!r}?" * bool(near)
                )

    def place(self, row: int, name: str) -> str:
        """Where a cell is, in words: the file, the line, the column."""
        return f"{self.name}, {self.row} {self.lines[row]}, column {name!r}"


def read(
    source: Any,
    name: str = "",
    delimiter: str | None = None,
    names: Sequence[str] | None = None,
) -> Sheet:
    """The columns of a file, of its bytes, or of a table in memory.

    source: a path ("-" is standard input), bytes, or something with named columns: a
        mapping, a DataFrame of pandas or polars. name: what messages call it.
    delimiter: what separates columns, a character or "tab"; None to look for it.
    names: what the columns are called, for a text whose first line is a row; ["none"]
        for column 1, column 2 and so on. None where the first line names them.

    Raises ValueError, in a line that says what to do, for what is no table.
    """
    require("polars")
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        return _named_already(_in_memory(source, name or "the table"), names)
    delimiter = _delimiter(delimiter)
    if isinstance(source, bytes):
        return _parsed(source, name or "the table", delimiter, names)
    path = os.fspath(source)
    name = name or ("standard input" if path == "-" else path)
    return _parsed(_content(path), name, delimiter, names)


def _named_already(sheet: Sheet, names: Sequence[str] | None) -> Sheet:
    if names is not None:
        raise ValueError(f"the columns of {sheet.name} have names: leave out names")
    return sheet


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that this one is a part of, or nearly is, whatever its capitals."""
    small = {known.lower(): known for known in reversed(names)}
    parts = [known for known in small if len(name) > 2 and name.lower() in known]
    near = parts[-1:] or get_close_matches(name.lower(), small, n=1)
    return small[near[0]] if near else None


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    found = DELIMITERS.get(given, given)
    if len(found) != 1 or found in '"\r\n#' or not found.isascii():
        raise ValueError(
            f"delimiter is one character; got {given!r}; without one it is looked for"
        )
    return found


def _content(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with reading(path), open(path, "rb") as file:
        return file.read()


def _parsed(
    data: bytes, name: str, delimiter: str | None, names: Sequence[str] | None
) -> Sheet:
    data = unpacked(data, name)
    for begins, reader in FORMATS.items():
        if data.startswith(begins):
            return _named_already(reader(data, name), names)
    data, notes = as_utf8(data, name)
    if data[:SAMPLE].lstrip()[:1] in (b"{", b"["):
        return _named_already(_json(data, name), names)
    for begins, what in MARKUP.items():
        if data[:SAMPLE].lstrip().lower().startswith(begins):
            raise ValueError(f"{name} is {what}; save the table in it as CSV")
    data = double_quoted(data, delimiter)
    return _separated(*spaced(data, delimiter), name, notes, names)


MARKUP = {
    b"<": "a web page or XML",
    b"|": "a table in Markdown",
    b"@relation": "a file of Weka (ARFF)",
    b"%pdf": "a PDF",
}
"""What texts begin with that hold a table in other words."""


# ---- texts with delimiters -----------------------------------------------------------


def _separated(
    data: bytes,
    delimiter: str | None,
    name: str,
    notes: tuple[str, ...],
    given: Sequence[str] | None,
) -> Sheet:
    head = head_of(data, name, delimiter, given)
    names, unnamed, more = unique(head.names)
    if head.title:
        more.append(f"the first line, {cut(head.title, 40)!r}, is a title, no row")
    if head.units:
        more.append(f"the line below the names, {cut(head.units, 40)!r}, is no row")
    if given is None:
        data, head, again = _named_once(data, head)
        more += again
    if total := _total(data, head.delimiter):
        more.append(
            f"the last row begins with {total!r}: if it sums up the others, cut it"
        )
    named, lines = columns_of(data, name, head, names)
    if len(names) > 1 and names[-1] in unnamed and not (named[names[-1]] != "").any():
        named = {name: named[name] for name in names[:-1]}  # each line ends in a mark
    told = (*notes, *more)
    return _checked(Sheet(name, named, lines, unnamed, told, delimiter=head.delimiter))


def _named_once(data: bytes, head: Head) -> tuple[bytes, Head, list[str]]:
    """Where the names come again, as in files joined, that line a comment; and told."""
    above = data.split(b"\n", head.lines)[: head.lines]
    names = above[-2 if head.units else -1 :][:1]
    line = names[0].strip() if names else b""
    begin = sum(map(len, above)) + len(above)
    marks = line.count(head.delimiter.encode())
    is_row = marks == len(head.names) - 1 > 0  # not one of several lines of names
    if not is_row or data.find(b"\n" + line, begin - 1) < 0:
        return data, head, []
    lines = data.split(b"\n")
    again = [n for n in range(len(above), len(lines)) if lines[n].strip() == line]
    if not again or (not head.commented and b"\n#" in data[begin - 1 :]):
        return data, head, []
    for number in again:
        lines[number] = b"#" + lines[number]
    told = f"line {again[0] + 1} has the names again, and is no row"
    if len(again) > 1:
        told = f"{len(again)} lines have the names again, and are no rows"
    return b"\n".join(lines), replace(head, commented=True), [told]


TOTALS = ("total", "totals", "grand total", "sum", "average", "mean", "overall")
"""What a row begins with that sums up those above."""


def _total(data: bytes, delimiter: str) -> str:
    """How the last line begins, if it is a row that sums up the others; else empty."""
    tail = data[-SAMPLE:].rstrip()
    line = tail.rpartition(b"\n")[2]
    begins = line.split(delimiter.encode())[0].decode("utf-8", "replace").strip('" ')
    once = tail.count(begins.encode()) == 1  # no category among others
    return begins if begins.rstrip(":").lower() in TOTALS and once else ""


def _checked(sheet: Sheet) -> Sheet:
    if not sheet.columns or not len(sheet):
        raise ValueError(
            f"{sheet.name} has no rows below its first line; where that is a row, name "
            "the columns with names (--names)"
        )
    return sheet


# ---- tables that are no texts --------------------------------------------------------


def _parquet(data: bytes, name: str) -> Sheet:
    import polars as pl

    try:
        return _from_frame(pl.read_parquet(BytesIO(data)), name)
    except pl.exceptions.PolarsError as error:
        reason = cut(str(error).splitlines()[0])
        raise ValueError(f"{name} is a damaged parquet file: {reason}") from None


def _json(data: bytes, name: str) -> Sheet:
    """A list of objects with the same names, or such an object in each line."""
    import polars as pl

    if data[:80].lstrip().startswith(b"{") and b'"chainrule model"' in data[:80]:
        raise ValueError(
            f"{name} is a trained model, no table; train --resume goes on with it, and "
            f"chainrule predict {name} new.csv uses it"
        )
    read_json = pl.read_json if data.lstrip().startswith(b"[") else pl.read_ndjson
    try:
        frame = read_json(BytesIO(data), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        reason = cut(str(error).splitlines()[0])
        raise ValueError(
            f"{name} is JSON, but no list of objects that have the same names, such as "
            f'[{{"size": 1, "kind": "cat"}}]: {reason}; write it so, or as CSV'
        ) from None
    return _from_frame(frame, name)


def _workbook(data: bytes, name: str) -> Sheet:
    raise ValueError(
        f"{name} is a workbook of Excel; save the sheet as CSV, in Excel with: File, "
        "Save As, CSV UTF-8"
    )


def _other(data: bytes, name: str) -> Sheet:
    raise ValueError(
        f"{name} is a file of a database or a program; write the table as CSV"
    )


FORMATS: Mapping[bytes, Callable[[bytes, str], Sheet]] = {
    b"PAR1": _parquet,
    b"\xd0\xcf\x11\xe0": _workbook,
    b"SQLite format 3": _other,
    b"\x89HDF": _other,
    b"ARROW1": _other,
    b"\x28\xb5\x2f\xfd": _other,
}
"""What files of other kinds begin with."""


def _in_memory(source: Any, name: str) -> Sheet:
    """A mapping of names to columns, or a DataFrame."""
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return _from_frame(source, name)
    names = list(source if isinstance(source, Mapping) else source.columns)
    columns = {}
    for one in names:
        values = source[one]
        items = values.tolist() if hasattr(values, "tolist") else list(values)
        texts = pl.Series(map(_as_text, items), dtype=pl.String)
        columns[str(one)] = texts.str.strip_chars()
    lengths = {one: len(column) for one, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of {name} are not all as long: {lengths}")
    return _numbered(name, columns)


def _as_text(value: Any) -> str:
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _from_frame(frame: pl.DataFrame, name: str) -> Sheet:
    import polars as pl

    columns = {}
    for column in frame.get_columns():
        if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
            raise ValueError(
                f"{name}: the column {column.name!r} holds lists or objects; a table "
                "has one text or number in a cell"
            )
        if column.dtype.is_float():
            column = column.fill_nan(None)
        texts = column.cast(pl.String).fill_null("")
        columns[column.name] = texts.str.strip_chars()
    return _numbered(name, columns)


def _numbered(name: str, columns: Mapping[str, pl.Series]) -> Sheet:
    """A sheet whose rows are counted, where there are no lines of a file."""
    rows = range(1, length(columns) + 1)
    return _checked(Sheet(name, columns, rows, row="row"))
