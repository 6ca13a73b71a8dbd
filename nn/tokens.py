"""Text as tokens: whole numbers that stand for characters or for words.

>>> text = Text.of(["anna", "nina"])
>>> text.vocabulary.encode("ana"), text.vocabulary.decode([1, 3, 1])
([1, 3, 1], 'ana')
>>> X, y = text.sequences(context=8)
>>> X[0], y[0]
([0, 1, 3, 3, 1], [1, 3, 3, 1, 0])

Token 0 is where an item begins, and where it ends; the others are numbered in the order
of their symbols.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path as FilePath

from autograd.files import Path, reading
from autograd.wording import cut
from nn.arguments import meant
from nn.sequences import Sequences
from nn.utf8 import MARKS, unpacked

UNITS = ("characters", "words")
LAYOUTS = ("auto", "lines", "running")
LONGEST_LINE, FEWEST_LINES = 64, 20
"""A file with a line of more characters, or with an empty one among fewer lines, is
running text."""


@dataclass(frozen=True)
class Vocabulary:
    """What the tokens 1, 2, 3 ... stand for.

    symbols: a character each, or a word. unit: which of the two.

    >>> Vocabulary(("a", "b")).encode("ba")
    [2, 1]
    """

    symbols: tuple[str, ...]
    unit: str = "characters"

    def __len__(self) -> int:
        return len(self.symbols) + 1

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols, 1)}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text. Raises ValueError for a symbol that is not known."""
        if not isinstance(text, str):
            raise TypeError(f"tokens are made of a text; got {cut(repr(text))}")
        numbers = self._numbers
        parts = parts_of(text, self.unit)
        for part in parts:
            if part not in numbers:
                known = cut(" ".join(self.symbols))
                raise ValueError(
                    f"{part!r} is not among the {self.unit} that were learned: {known}"
                )
        return [numbers[part] for part in parts]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens, what is 0 left out."""
        between, tokens = "" if self.unit == "characters" else " ", list(tokens)
        for token in tokens:
            if not isinstance(token, int) or not 0 <= token <= len(self.symbols):
                raise ValueError(
                    f"a token is a whole number from 0 to {len(self.symbols)} here, "
                    f"got {token!r}"
                )
        return between.join(self.symbols[token - 1] for token in tokens if token)


def parts_of(text: str, unit: str) -> list[str]:
    """A text's characters, or its words, which spaces separate."""
    return list(text) if unit == "characters" else text.split()


@dataclass(frozen=True)
class Text:
    """Items of a text, such as names, and the vocabulary of their symbols.

    items: one alone for running text. taken_for: which of the two a file was taken for,
    and why.
    """

    items: tuple[str, ...]
    vocabulary: Vocabulary
    taken_for: str = ""

    @classmethod
    def of(cls, items: Sequence[str], unit: str = "characters") -> Text:
        """Items with the vocabulary that they need, in the order of the symbols."""
        if unit not in UNITS:
            told = f"unit is one of {', '.join(UNITS)}; got {unit!r}"
            raise ValueError(told + meant(unit, UNITS))
        if isinstance(items, str) or not isinstance(items, Iterable):
            raise TypeError(f"items are a list of texts; got {cut(repr(items))}")
        items = list(items)
        for item in items:
            if not isinstance(item, str):
                raise TypeError(f"an item is a text; got {cut(repr(item))}")
        found = sorted({part for item in items for part in parts_of(item, unit)})
        if not found:
            raise ValueError("there is no text to learn from")
        return cls(tuple(items), Vocabulary(tuple(found), unit))

    def rows(self, indices: Sequence[int]) -> Text:
        """These items alone, with the vocabulary of all."""
        return Text(tuple(self.items[i] for i in indices), self.vocabulary)

    def sequences(self, context: int) -> Sequences:
        """What a model of sequences learns: at each token to tell the next.

        Items that are longer than the context are cut into parts of its length.
        """
        if isinstance(context, bool) or not isinstance(context, int) or context < 1:
            raise ValueError(f"context is a whole number from 1; got {context!r}")
        X, y = [], []
        for item in self.items:
            tokens = [0, *self.vocabulary.encode(item), 0]
            for start in range(0, len(tokens) - 1, context):
                part = tokens[start : start + context + 1]
                X.append(part[:-1])
                y.append(part[1:])
        return Sequences(X, y)

    def __repr__(self) -> str:
        symbols = f"{len(self.vocabulary.symbols)} {self.vocabulary.unit}"
        return f"Text of {len(self.items)} items in {symbols}"


NO_TEXTS = {
    b"%PDF": "a PDF",
    b"{\\rtf": "a document in RTF",
    b"PK\x03\x04": "a document or an archive",
}
"""What is no text, by what it begins with."""


def read_text(path: Path, unit: str = "characters", layout: str = "auto") -> Text:
    """The text in a file, in UTF-8, or in what a mark at its beginning says.

    It may be packed by gzip, bzip2 or xz.

    layout: "lines" for one item per line, "running" for one text; "auto" takes short
        lines with hardly an empty one between them for items.

    Raises ValueError for a file that is no text, or an empty one.
    """
    if layout not in LAYOUTS:
        told = f"layout is one of {', '.join(LAYOUTS)}; got {layout!r}"
        raise ValueError(told + meant(layout, LAYOUTS))
    with reading(path):
        data = FilePath(path).read_bytes()
    for begins, what in NO_TEXTS.items():
        if data.startswith(begins):
            raise ValueError(f"{path} is {what}; save what it says as a text in UTF-8")
    data = unpacked(data, str(path))
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    try:
        text = data[len(mark) :].decode(MARKS.get(mark, "utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text in UTF-8: the byte at {error.start} can't be read; "
            "save it in UTF-8, as editors and spreadsheets do on request"
        ) from None
    if "\0" in text:
        raise ValueError(f"{path} is not a text: it holds bytes of 0; give a text file")
    if not text.strip():
        raise ValueError(f"{path} is empty")
    lines = [line.strip() for line in text.strip().splitlines()]
    asked = {"lines": "", "running": "asked"}
    why = asked[layout] if layout in asked else _why_running(lines)
    if not why:
        items = [line for line in lines if line]
        return replace(
            Text.of(items, unit), taken_for=f"{len(items)} items, one on each line"
        )
    return replace(Text.of([text.strip()], unit), taken_for=f"running text, as {why}")


def _why_running(lines: list[str]) -> str:
    """Why these lines are no items; nothing where they are."""
    longest, empty = max(map(len, lines)), lines.count("")
    if len(lines) == 1:
        return "it is one line"
    if longest > LONGEST_LINE:
        return f"a line has {longest} characters, more than {LONGEST_LINE}"
    if FEWEST_LINES * empty > len(lines):
        return f"{empty} of {len(lines)} lines {'is' if empty == 1 else 'are'} empty"
    return ""


def words() -> Text:
    """2 795 words of 3 to 10 letters, from the names of the characters of Unicode 3.2.

    Python brings these names with it, in `unicodedata.ucd_3_2_0`, and they never
    change: alpha, biblical, comma ... Names that only count are left out (CJK, Hangul,
    Yi).

    >>> len(words().items), words().items[::700]
    (2795, ('aabaafili', 'father', 'may', 'shadda'))
    """
    found: set[str] = set()
    for code in range(0x30000):
        name = unicodedata.ucd_3_2_0.name(chr(code), "")
        if not name.startswith(("CJK", "HANGUL SYL", "YI SYL")):
            found.update(re.findall("[A-Z]+", name))
    return Text.of(sorted(word.lower() for word in found if 3 <= len(word) <= 10))
