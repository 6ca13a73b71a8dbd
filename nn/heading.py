"""How a text table is built, as its beginning tells: its delimiter and its names.

>>> head = head_of(b"# of 2024\\nsize;kind\\n1,5;cat\\n2;dog\\n", "pets.csv", None)
>>> head.names, head.delimiter, head.lines, head.commented
(['size', 'kind'], ';', 2, True)
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from autograd.wording import counted, cut
from nn.cells import MISSING

CANDIDATES = ",;\t|"
"""What may separate columns where nobody says it; the first wins a tie."""

SAMPLE = 2**16
"""Bytes of the beginning from which delimiter and header are told."""

NONE = "none"
"""In place of names: the columns are numbered."""

GIVEN = "names (--names) gives"
OR_SAY = "; if they have no names, say names (--names a,b,c, or --names none)"


@dataclass(frozen=True)
class Head:
    """How a file's text is built, as its beginning tells.

    names: as the first line has them, one for each column. lines: how many come before
    the first row. commented: whether comments stand above the names. title: a line
    above them that is no comment. units: a line below them that is no row. said: where
    the names are from, in words.
    """

    names: list[str]
    delimiter: str
    lines: int
    commented: bool
    title: str = ""
    units: str = ""
    said: str = "the first line names"


def head_of(
    data: bytes, name: str, asked: str | None, given: Sequence[str] | None = None
) -> Head:
    """What the beginning of a file tells.

    name: what messages call the file. asked: its delimiter, None to look for it.
    given: what the columns are called, where the first line is a row.

    Raises ValueError for an empty file and for one whose first line is no names.
    """
    sample = _sample(data)
    if not sample.strip():
        raise ValueError(
            f"{name} is empty; a table has a line of names, and a line for each row"
        )
    delimiter = asked or _sniffed(sample) or _sniffed(sample, 1) or CANDIDATES[0]
    rows = list(_records(sample, delimiter))
    usual = _usual([len(row) for row, _ in rows])
    skipped = 0
    while skipped + 1 < len(rows) and _is_remark(rows[skipped : skipped + 2], usual):
        skipped += 1
    if given is not None:
        lines = rows[skipped - 1][1] if skipped else 0
        all_names = _all_named(given, usual, name)
        return Head(all_names, delimiter, lines, skipped > 0, said=GIVEN)
    title = ""
    if _is_title([row for row, _ in rows[skipped:]], usual):
        title = "".join(rows[skipped][0]).strip()
        skipped += 1
    row, lines = rows[skipped]
    names = [re.sub(r"\s*\n\s*", " ", text.strip()) for text in row]
    names[0] = names[0].lstrip("#").strip()
    below = [row for row, _ in rows[skipped + 1 :]]
    _check_header(names, below, delimiter, name, asked)
    if below and {len(row) for row in below} == {len(names) + 1}:
        ended = not any(row[-1] for row in below)  # each row by a delimiter
        names = [*names, ""] if ended else ["", *names]
    units = ""
    if _are_units(below):
        units, lines = delimiter.join(below[0]), rows[skipped + 1][1]
    return Head(names, delimiter, lines, skipped > bool(title), title, units)


def _all_named(given: Sequence[str], columns: int, name: str) -> list[str]:
    """The names that were given, as many as there are columns; "" for each by none."""
    if [*given] == [NONE]:
        return [""] * columns
    if len(given) != columns:
        raise ValueError(
            f"{name} has {counted(columns, 'column')}; {GIVEN} {len(given)}: "
            f"{', '.join(given)}"
        )
    return [*given]


def _sample(data: bytes) -> str:
    """The first lines, whole ones."""
    size = SAMPLE
    while size < len(data) and data.count(b"\n", 0, size) < 3:
        size *= 4
    text = data[:size].decode("utf-8", "ignore")
    return text if size >= len(data) else text[: text.rfind("\n") + 1]


def _records(
    text: str, delimiter: str, quote: str = '"'
) -> Iterator[tuple[list[str], int]]:
    """The rows that are not blank, each with the number of its last line."""
    stream = StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, quotechar=quote)
    try:
        for row in reader:
            if not is_blank(row):
                yield row, reader.line_num
    except csv.Error:  # reading it all will tell
        return


def is_blank(row: Sequence[str]) -> bool:
    """Whether nothing stands in a line, other than a cell of nothing in quotes."""
    return len(row) < 2 and row != [""] and not "".join(row).strip()


def _usual(counts: Sequence[int]) -> int:
    return max(set(counts), key=lambda count: (counts.count(count), count), default=0)


def _is_remark(rows: Sequence[tuple[list[str], int]], usual: int) -> bool:
    """Whether the first of two rows is a comment, and not names that begin with #."""
    (first, _), (second, _) = rows
    return has_sign(first) and (len(first) != usual or has_sign(second))


def has_sign(row: Sequence[str]) -> bool:
    """Whether a line begins as a comment does."""
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


def spaced(data: bytes, asked: str | None) -> tuple[bytes, str | None]:
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


def double_quoted(data: bytes, asked: str | None) -> bytes:
    """The same text, but quoted by " where it is by '.

    That is so where the rows are even only then, or every text of a column stands in '.

    >>> double_quoted(b"a,b\\n'x, y',1\\n'it''s',2\\n", None)
    b'a,b\\n"x, y",1\\n"it\\'s",2\\n'
    """
    sample = _sample(data)
    if "'" not in sample:
        return data
    for mark in asked or CANDIDATES:
        as_written, unquoted = (
            [row for row, _ in _records(sample, mark, quote) if not has_sign(row)]
            for quote in "\"'"
        )
        if not _are_even(unquoted):
            continue
        rows = as_written if _are_even(as_written) else []
        columns = [*rows[:1], *zip(*rows[1:], strict=True)]
        if not rows or any(map(_in_quotes, columns)):
            edge = re.escape(mark.encode())
            cell = rb"(?m)(?:(?<=%b)|^)'((?:[^'\r\n]|'')*)'(?=%b|\r?$)" % (edge, edge)
            return re.sub(cell, _in_double_quotes, data)
    return data


def _are_even(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all rows have as many cells, and more than one."""
    return len(counts := {len(row) for row in rows}) == 1 < max(counts)


def _in_quotes(column: Sequence[str]) -> bool:
    """Whether what is neither a number nor missing stands in single quotes."""
    cells = [text.strip() for text in column]
    texts = [x for x in cells if x.lower() not in MISSING and not _is_number(x)]
    return len(texts) > 1 and all(re.fullmatch("'.*'", text) for text in texts)


def _in_double_quotes(cell: re.Match[bytes]) -> bytes:
    return b'"%b"' % cell[1].replace(b"''", b"'").replace(b'"', b'""')


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
        rows = (row for row, _ in _records(sample, delimiter) if not has_sign(row))
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
            + OR_SAY
        )
    if any(map(_is_number, names)) and _is_row(names, below):
        raise ValueError(
            f"{name} starts with a row, {cut(delimiter.join(names), 40)!r}; its first "
            f"line has to name the columns{OR_SAY}"
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


def unique(
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
