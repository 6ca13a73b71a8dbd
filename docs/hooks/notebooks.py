"""Chapters as notebooks: the same text and the same code, to run and to change.

`python docs/hooks/notebooks.py` writes docs/notebooks/*.ipynb anew from the pages; a
test holds them to the pages and runs them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

import cells

DOCS: Final = Path(__file__).parents[1]
CHAPTERS: Final = ("index", "backpropagation", "pictures", "training")
LINK: Final = re.compile(r"\]\((?P<page>[\w/-]+\.(?:md|ipynb)(?:#[\w-]+)?)\)")
ANSWER: Final = re.compile(r"</?data[^>]*>")
METADATA: Final = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def notebook(page: Iterable[cells.Cell]) -> dict[str, Any]:
    """A page that has run as a notebook, without outputs; run it to get them."""
    pieces = [piece for cell in page for piece in _pieces(cell)]
    for number, piece in enumerate(pieces, 1):
        piece["id"] = f"cell-{number}"
    return {
        "cells": pieces,
        "metadata": METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _pieces(cell: cells.Cell) -> list[dict[str, Any]]:
    if cell.language == "python":
        tags = ["raises-exception"] if "raises" in cell.options else []
        return [_piece("code", cell.body, tags)]
    if not cell.info:
        return [_piece("markdown", cell.body, [])] if cell.body.strip() else []
    return [_piece("markdown", f"```{cell.language}\n{cell.body}```", [])]


def _piece(kind: str, source: str, tags: list[str]) -> dict[str, Any]:
    text = source.strip("\n")
    if kind == "markdown":
        text = ANSWER.sub("", LINK.sub(r"](../\g<page>)", text))
    piece: dict[str, Any] = {
        "cell_type": kind,
        "metadata": {"tags": tags} if tags else {},
        "source": text.splitlines(keepends=True),
    }
    if kind == "code":
        piece |= {"execution_count": None, "outputs": []}
    return piece


def text_of(page: Iterable[cells.Cell]) -> str:
    """The text of a notebook's file."""
    return json.dumps(notebook(page), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for chapter in CHAPTERS:
        page = (DOCS / f"{chapter}.md").read_text(encoding="utf-8")
        path = DOCS / "notebooks" / f"{chapter}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(cells.run(page, path.name)), encoding="utf-8")
        print(path.relative_to(DOCS.parent))
