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

Where a file is not plain, with line breaks or comments among its cells, Python's own
`csv` reads it: slower, and it can say in which line what is.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING, Any

from autograd.files import reading
from autograd.wording import cut
from nn.cells import MISSING
from nn.extras import require

if TYPE_CHECKING:
    import polars as pl

DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
"""What a person can hardly type at a command line."""

CANDIDATES = ",;\t|"
"""What may separate columns where nobody says it; the first wins a tie."""

SAMPLE = 2**16
"""Bytes of the beginning from which delimiter and header are told."""

CHUNK = 2**22
"""Bytes, or cells, that are looked at in one go."""


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

    def numbers(self, name: str) -> pl.Series:
        """The number that each of one column's texts is, or null."""
        import polars as pl

        if isinstance(self.columns, _Portions):
            return self.columns.numbers(name)
        return self.columns[name].cast(pl.Float64, strict=False)

    def check_has(self, names: Iterable[str]) -> None:
        """Raise ValueError, with all columns listed, unless these are among them."""
        for name in names:
            if name not in self.columns:
                known = ", ".join(self.names[:20])
                spaced = len(self.names) == 1 and name in known.split()
                advice = "; are they separated by blanks? Say delimiter='space'"
                raise ValueError(
                    f"{self.name} has no column {name!r}; it has: {known}"
                    + f"{advice} (--delimiter space)" * spaced
                )

    def place(self, row: int, name: str) -> str:
        """Where a cell is, in words: the file, the line, the column."""
        return f"{self.name}, {self.row} {self.lines[row]}, column {name!r}"


def read(source: Any, name: str = "", delimiter: str | None = None) -> Sheet:
    """The columns of a file, of its bytes, or of a table in memory.

    source: a path ("-" is standard input), bytes, or something with named columns: a
        mapping, a DataFrame of pandas or polars. name: what messages call it.
    delimiter: what separates columns, a character or "tab"; None to look for it.

    Raises ValueError, in a line that says what to do, for what is no table.
    """
    require("polars")
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        return _in_memory(source, name or "the table")
    delimiter = _delimiter(delimiter)
    if isinstance(source, bytes):
        return _parsed(source, name or "the table", delimiter)
    path = os.fspath(source)
    name = name or ("standard input" if path == "-" else path)
    return _parsed(_content(path), name, delimiter)


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    found = DELIMITERS.get(given, given)
    if len(found) != 1 or found in '"\r\n#' or not found.isascii():
        raise ValueError(
            f"a delimiter is one character; got {given!r}; without one it is looked for"
        )
    return found


def _content(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with reading(path), open(path, "rb") as file:
        return file.read()


def _parsed(data: bytes, name: str, delimiter: str | None) -> Sheet:
    data = _unpacked(data, name)
    for begins, reader in FORMATS.items():
        if data.startswith(begins):
            return reader(data, name)
    data, notes = _as_utf8(data, name)
    if data[:SAMPLE].lstrip()[:1] in (b"{", b"["):
        return _json(data, name)
    for begins, what in MARKUP.items():
        if data[:SAMPLE].lstrip().lower().startswith(begins):
            raise ValueError(f"{name} is {what}; save the table in it as CSV")
    return _separated(*_spaced(data, delimiter), name, notes)


MARKUP = {
    b"<": "a web page or XML",
    b"|": "a table in Markdown",
    b"@relation": "a file of Weka (ARFF)",
    b"%pdf": "a PDF",
}
"""What texts begin with that hold a table in other words."""


# ---- from bytes to UTF-8 -------------------------------------------------------------


def _unpacked(data: bytes, name: str) -> bytes:
    """The bytes inside a compressed file. A file may be packed twice, as in .tar.gz."""
    import bz2
    import gzip
    import lzma

    packed = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ\0": lzma}
    try:
        for begins, library in packed.items():
            if data.startswith(begins):
                found: bytes = library.decompress(data)
                return found
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise ValueError(f"{name} is a damaged compressed file: {error}") from None
    return _from_zip(data, name) if data.startswith(b"PK\x03\x04") else data


def _from_zip(data: bytes, name: str) -> bytes:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            inside = [
                entry.filename
                for entry in archive.infolist()
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
            ]
            if any(n in ("[Content_Types].xml", "mimetype") for n in inside):
                raise ValueError(
                    f"{name} is a workbook or a document; save the sheet as CSV, in "
                    "Excel with: File, Save As, CSV UTF-8"
                )
            if len(inside) != 1:
                raise ValueError(
                    f"{name} holds {len(inside)} files ({cut(', '.join(inside))}); "
                    "unpack it and give the one that is the table"
                )
            return archive.read(inside[0])
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{name} is a zip file that can't be read: {error}") from None


MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""What a file may begin with to say its encoding; the longer ones first."""


def _as_utf8(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The same text in UTF-8 with line feeds, and what had to be guessed for that."""
    data, notes = _in_utf8(data, name)
    if b"\0" in data:
        raise ValueError(
            f"{name} is not a table in a text file: it holds bytes of 0; save the "
            "table as CSV in UTF-8"
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data, notes


def _in_utf8(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding, name), ()
    for encoding, zeros in (("utf-16-le", data[1:200:2]), ("utf-16-be", data[:200:2])):
        if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros):
            return _decoded(data, encoding, name), ()
    try:
        _check_utf8(data)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        note = "it is not in UTF-8 and was read as Latin-1 (Windows-1252)"
        return text.encode(), (note,)
    return data, ()


def _decoded(data: bytes, encoding: str, name: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        raise ValueError(
            f"{name} says that it is in {encoding.upper()} and is not: {error}; save "
            "it as CSV in UTF-8"
        ) from None


def _check_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError for another encoding; without a copy of it all."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, len(data), CHUNK):
        decoder.decode(data[begin : begin + CHUNK])
    decoder.decode(b"", final=True)


# ---- texts with delimiters -----------------------------------------------------------


@dataclass(frozen=True)
class _Head:
    """How a file's text is built, as its beginning tells.

    names: as the first line has them, one for each column. lines: how many come before
    the first row. commented: whether comments stand above the names. title: a line
    above them that is no comment. units: a line below them that is no row.
    """

    names: list[str]
    delimiter: str
    lines: int
    commented: bool
    title: str = ""
    units: str = ""


def _separated(
    data: bytes, delimiter: str | None, name: str, notes: tuple[str, ...]
) -> Sheet:
    head = _head(data, name, delimiter)
    names, unnamed, more = _unique(head.names)
    if head.title:
        more.append(f"the first line, {cut(head.title, 40)!r}, is a title, no row")
    if head.units:
        more.append(f"the line below the names, {cut(head.units, 40)!r}, is no row")
    named: Mapping[str, pl.Series] | None = None
    if _is_plain(data, head):
        named = _by_polars(data, head, names)
    if named is not None:
        first = head.lines + 1
        lines: Sequence[int] = range(first, first + _length(named))
    else:
        columns, lines = _by_csv(data, name, head)
        named = dict(zip(names, columns, strict=True))
    if len(names) > 1 and names[-1] in unnamed and not (named[names[-1]] != "").any():
        named = {name: named[name] for name in names[:-1]}  # each line ends in a mark
    told = (*notes, *more)
    return _checked(Sheet(name, named, lines, unnamed, told, delimiter=head.delimiter))


def _length(columns: Mapping[str, pl.Series]) -> int:
    if isinstance(columns, _Portions):
        return columns.rows
    return len(next(iter(columns.values()), ()))


def _checked(sheet: Sheet) -> Sheet:
    if not sheet.columns or not len(sheet):
        raise ValueError(f"{sheet.name} has no rows below its first line")
    return sheet


def _head(data: bytes, name: str, asked: str | None) -> _Head:
    sample = _sample(data)
    if not sample.strip():
        raise ValueError(f"{name} is empty")
    delimiter = asked or _sniffed(sample) or _sniffed(sample, 1) or CANDIDATES[0]
    rows = list(_records(sample, delimiter))
    usual = _usual([len(row) for row, _ in rows])
    skipped = 0
    while skipped + 1 < len(rows) and _is_remark(rows[skipped : skipped + 2], usual):
        skipped += 1
    title = ""
    if _is_title([row for row, _ in rows[skipped:]], usual):
        title = "".join(rows[skipped][0]).strip()
        skipped += 1
    row, lines = rows[skipped]
    names = [text.strip() for text in row]
    names[0] = names[0].lstrip("#").strip()
    below = [row for row, _ in rows[skipped + 1 :]]
    _check_header(names, below, delimiter, name, asked)
    if below and {len(row) for row in below} == {len(names) + 1}:
        ended = not any(row[-1] for row in below)  # each row by a delimiter
        names = [*names, ""] if ended else ["", *names]
    units = ""
    if _are_units(below):
        units, lines = delimiter.join(below[0]), rows[skipped + 1][1]
    return _Head(names, delimiter, lines, skipped > bool(title), title, units)


def _sample(data: bytes) -> str:
    """The first lines, whole ones."""
    size = SAMPLE
    while size < len(data) and data.count(b"\n", 0, size) < 3:
        size *= 4
    text = data[:size].decode("utf-8", "ignore")
    return text if size >= len(data) else text[: text.rfind("\n") + 1]


def _records(text: str, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The rows that are not blank, each with the number of its last line."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if not _is_blank(row):
                yield row, reader.line_num
    except csv.Error:  # reading it all will tell
        return


def _is_blank(row: Sequence[str]) -> bool:
    return len(row) < 2 and not "".join(row).strip()


def _usual(counts: Sequence[int]) -> int:
    return max(set(counts), key=lambda count: (counts.count(count), count), default=0)


def _is_remark(rows: Sequence[tuple[list[str], int]], usual: int) -> bool:
    """Whether the first of two rows is a comment, and not names that begin with #."""
    (first, _), (second, _) = rows
    return _has_sign(first) and (len(first) != usual or _has_sign(second))


def _has_sign(row: Sequence[str]) -> bool:
    return row[0].lstrip().startswith("#")


def _is_title(rows: Sequence[Sequence[str]], usual: int) -> bool:
    """Whether the first row is a line above the names.

    A single cell, or Excel's `sep=;`, above a row of texts alone, with numbers below.
    A table of R, whose first line has a name less, has numbers in its second.
    """
    if usual < 2 or len(rows) < 3 or len(rows[1]) != usual:
        return False
    alone = _is_alone(rows[0])
    if alone and rows[0][0].startswith("sep="):
        return True
    below = any(_is_number(text) for row in rows[2:] for text in row)
    return alone and below and not any(map(_is_number, rows[1]))


def _are_units(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row below the names has units, or names once more.

    Each is in brackets, (cm) or [kg]; or there are columns that are numbers in all
    other rows and none in this one, whose texts come nowhere else.
    """
    first, *others = [[text.strip() for text in row] for row in rows] or [[]]
    if len(others) < 3 or any(map(_is_number, first)):
        return False
    if any(map(_in_brackets, first)):
        return all(_in_brackets(text) or text in ("", "-") for text in first)
    columns = list(zip(*[row for row in others if len(row) == len(first)], strict=True))
    numeric = [all(map(_is_number, filter(None, column))) for column in columns]
    told = [text for text, is_number in zip(first, numeric, strict=False) if is_number]
    fresh = all(x not in column for x, column in zip(first, columns, strict=False) if x)
    words = all(text and text.lower() not in MISSING for text in told)
    return len(told) > 1 and fresh and words


def _in_brackets(text: str) -> bool:
    return bool(re.fullmatch(r"\([^()0-9]+\)|\[[^][]+\]", text))


def _is_alone(row: Sequence[str]) -> bool:
    return sum(bool(text.strip()) for text in row) == 1


def _spaced(data: bytes, asked: str | None) -> tuple[bytes, str | None]:
    """The text and its delimiter, where any number of blanks is one.

    That is so where nothing else separates the columns: then runs of blanks become a
    single one.
    """
    if asked not in (None, " "):
        return data, asked
    sample = _sample(data)
    if asked is None and _sniffed(sample):
        return data, asked
    single = _single_spaced(sample.encode())
    counts = {len(row) for row, _ in _records(single.decode(), " ")}
    if asked or (counts and 1 < max(counts) <= min(counts) + 1):
        return _single_spaced(data), " "
    return data, asked


def _single_spaced(data: bytes) -> bytes:
    """Blanks outside quotes once each, and none at a line's ends."""
    data = re.sub(rb'("(?:[^"]|"")*")| +', lambda found: found[1] or b" ", data)
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", data)


def _sniffed(sample: str, above: int = 0) -> str | None:
    """The delimiter that cuts the first lines into the same number of cells, or most.

    None where none does. above: how many lines at the beginning are no part of it.

    >>> _sniffed("a;b\\n1,5;2,5\\n"), _sniffed("a,b\\n1;2,3\\n"), _sniffed("a\\n1\\n")
    (';', ',', None)
    """

    def score(delimiter: str) -> tuple[bool, float, int]:
        rows = (row for row, _ in _records(sample, delimiter) if not _has_sign(row))
        counts = [len(row) for row in islice(rows, above, 50)] or [1]
        usual = _usual(counts)
        fits = counts[0] > 1 and usual - counts[0] in (0, 1)
        return fits, fits * counts.count(usual) / len(counts), fits * usual

    best = max(CANDIDATES, key=score)
    return best if score(best)[0] else None


def _check_header(
    names: Sequence[str],
    below: Sequence[Sequence[str]],
    delimiter: str,
    name: str,
    asked: str | None,
) -> None:
    if len(names) == 1 and asked:
        for other in CANDIDATES:
            if other != delimiter and other in names[0]:
                raise ValueError(
                    f"{name} has a single column with the delimiter {delimiter!r}; its "
                    f"columns seem to be separated by {other!r}: leave out delimiter "
                    "(--delimiter), and it is looked for"
                )
    if all(map(_is_number, names)):
        raise ValueError(
            f"{name} starts with numbers; its first line has to name the columns"
        )
    if any(map(_is_number, names)) and _is_row(names, below):
        raise ValueError(
            f"{name} starts with a row, {cut(delimiter.join(names), 40)!r}; its first "
            "line has to name the columns"
        )


def _is_row(names: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a first line looks like those below: one of its texts comes again."""
    columns = zip(*[row for row in below if len(row) == len(names)], strict=True)
    return any(
        name in column
        for name, column in zip(names, columns, strict=False)
        if name and not _is_number(name)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unique(
    header: Sequence[str],
) -> tuple[list[str], frozenset[str], list[str]]:
    """A name for each column, those of them that had none, and what is to be told."""
    names: list[str] = []
    notes: list[str] = []
    for number, text in enumerate(header, 1):
        plain = name = text or f"column {number}"
        count = 1
        while name in names or (name != text and name in header):
            count += 1
            name = f"{plain} ({count})"
        if text and name != text:
            notes.append(f"two columns are named {text!r}; the later is {name!r} here")
        names.append(name)
    unnamed = [name for name, text in zip(names, header, strict=True) if not text]
    return names, frozenset(unnamed), notes


# ---- the rows ------------------------------------------------------------------------


def _is_plain(data: bytes, head: _Head) -> bool:
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


def _is_grid(lines: bytes, head: _Head) -> bool:
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


class _Portions(Mapping[str, "pl.Series"]):
    """The columns of a plain file, read some at a time: as texts they are large."""

    def __init__(self, data: bytes, head: _Head, names: Sequence[str]) -> None:
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
    data: bytes, head: _Head, places: list[int] | None, *, numbers: bool = False
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
    data: bytes, head: _Head, names: Sequence[str]
) -> Mapping[str, pl.Series] | None:
    """The cells; None where a quote stands in an odd place."""
    import polars as pl

    if b'"' not in data:
        return _Portions(data, head, names)
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
    data: bytes, name: str, head: _Head
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


def _rows(data: bytes, name: str, head: _Head) -> Iterator[tuple[int, list[str]]]:
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
            remark = bool(row) and _has_sign(row)
            if _is_blank(row) or (remark and (head.commented or len(row) != columns)):
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


def _ragged(name: str, line: int, row: Sequence[str], head: _Head) -> str:
    cells = f"{len(row)} column{'s' * (len(row) != 1)}"
    advice = "; where that is no row, take it out or begin it with #"
    if len(row) > len(head.names):
        advice = f"; a text that holds {head.delimiter!r} has to stand in quotes"
    return (
        f"{name}, line {line}: {cells} where the first line names "
        f"{len(head.names)}{advice}"
    )


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
    rows = range(1, _length(columns) + 1)
    return _checked(Sheet(name, columns, rows, row="row"))
