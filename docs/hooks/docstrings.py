"""The reference's docstrings: this project writes them plain, and the book as Markdown.

An argument is a line `name: what it is`, an example is an indented block of `>>>`.
Here these become a list and a block of code.
"""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

ARGUMENT: Final = re.compile(r"^(?P<names>\*{0,2}[a-zA-Z_]\w*(?:, \w+)*): (?P<text>.+)")
EXAMPLE: Final = re.compile(r"^\s*>>> ")


class PlainDocstrings(griffe.Extension):
    """Rewrites each docstring as Markdown before it is rendered."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring, where there is one."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A plain docstring as Markdown.

    >>> print(as_markdown("Do.\\n\\nx, y: numbers\\n    from 0.\\n\\n`a*b`, a*b."))
    Do.
    <BLANKLINE>
    - `x`, `y`: numbers from 0.
    <BLANKLINE>
    `a*b`, a&#42;b.
    """
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n\n".join(_joined(map(_paragraph, paragraphs)))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if EXAMPLE.match(lines[0]):
        return _example(lines)
    if ARGUMENT.match(lines[0]):
        return "\n".join(_arguments(lines))
    return _without_markup(text)


def _example(lines: list[str]) -> str:
    indent = len(lines[0]) - len(lines[0].lstrip())
    body = "\n".join(line[indent:] for line in lines)
    return f"```pycon\n{body}\n```"


def _joined(paragraphs: Any) -> list[str]:
    """Examples that follow one another as a single block."""
    found: list[str] = []
    for paragraph in paragraphs:
        if found and paragraph.startswith("```pycon") and found[-1].endswith("```"):
            start = found.pop().removesuffix("```")
            paragraph = f"{start}\n{paragraph.removeprefix('```pycon')[1:]}"
        found.append(paragraph)
    return found


def _arguments(lines: list[str]) -> list[str]:
    """One list item for each argument; what is indented belongs to the one above."""
    items: list[str] = []
    for line in lines:
        match = ARGUMENT.match(line)
        if match:
            names = ", ".join(f"`{name}`" for name in match["names"].split(", "))
            items.append(f"- {names}: {_without_markup(match['text'])}")
        else:
            items[-1] += f" {_without_markup(line.strip())}"
    return items


def _without_markup(text: str) -> str:
    """Text in which * and [ are signs, not emphasis and links; `code` stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    quiet = (re.sub(r"[*_<|$\[]", _as_entity, part) for part in parts[::2])
    return "".join(a + b for a, b in zip(quiet, [*parts[1::2], ""], strict=True))


def _as_entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
