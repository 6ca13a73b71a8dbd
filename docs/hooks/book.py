"""The book's build: pages run their code, formulas become MathML, nothing is fetched.

mkdocs calls the `on_...` functions; `cells` says what the blocks of a page mean.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

import alive
import cells
import notebooks
import sources
from latex2mathml.converter import convert

from viz.play.export import export

FORMULA: Final = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?P<latex>.*?)</(?P=tag)>', re.DOTALL
)
NATURAL_WIDTH: Final = re.compile(r'<svg[^>]* width="([0-9.]+)pt"')
ROW_SPACE: Final = re.compile(r"\\\\\s*\[[\d.]+e[mx]\]")
HELD: Final = re.compile(r'<div data-held="(\d+)"></div>')
BOX: Final = re.compile(r'<g id="[^"]*" class="node">\s*<title>([^<]* [^<]*)</title>')
WRITTEN: Final = re.compile(r"<!-- (.+?) -->")  # beside the shapes of the letters
MENTIONED: Final[set[str]] = set()  # sources, over all pages
MOST: Final = 30  # boxes that are told
WIDE: Final = ("derivatives.md",)  # these need the room that the contents take
DOWNLOAD: Final = (
    '<p class="notebook"><a href="notebooks/{}.ipynb" download>'
    "This chapter as a notebook</a></p>"
)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Run the page's code, and put the results below each block."""
    held = page.meta.setdefault("held", [])
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    pieces = cells.run(markdown, page.file.src_uri)
    text = "".join(_as_markdown(cell, held) for cell in pieces)
    chapter = page.file.src_uri.removesuffix(".md")
    if chapter not in notebooks.CHAPTERS:
        return text
    title, rest = text.split("\n", 1)
    return f"{title}\n\n{DOWNLOAD.format(chapter)}\n\n{rest}"


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Put the pictures in, and turn formulas into MathML."""
    held = page.meta["held"]
    content = FORMULA.sub(lambda match: mathml(match["latex"]), content)
    to_root = "../" * page.url.count("/")
    content = sources.linked(content, to_root, MENTIONED)
    return HELD.sub(lambda match: held[int(match[1])], content)


def on_post_build(config: Any, **_: Any) -> None:
    """Put what pages link to beside them: sources, and the playground if it can be."""
    site = Path(config["site_dir"])
    sources.write(site, MENTIONED)
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    offline = site / "search" / "search_index.js"  # what the theme loads from a file
    offline.write_text(f"var __index = {index}", encoding="utf-8")
    if alive.possible():
        export(site / "play", alive.PACKAGES)


def mathml(latex: str) -> str:
    r"""MathML for `\(...\)` in a line, or for `\[...\]` on lines of its own."""
    latex = html.unescape(latex).strip()
    block = latex.startswith(r"\[")
    known = latex[2:-2].replace("{aligned}", "{align*}")  # what the converter calls it
    known = known.replace(r"\operatorname{", r"\text{")
    known = ROW_SPACE.sub(r"\\\\", known)  # which it does not know; see book.css
    formula = convert(known, display="block" if block else "inline")
    return f'<div class="formula">{formula}</div>' if block else formula


# ---- a cell as Markdown --------------------------------------------------------------


def _as_markdown(cell: cells.Cell, held: list[str]) -> str:
    if not cell.info:
        return cell.body
    source = f"```{cell.language}\n{cell.body}```\n"
    if "hide" in cell.options:
        source = ""
    return source + "".join(_result(r, held) for r in cell.results) + "\n"


def _result(result: cells.Result, held: list[str]) -> str:
    """A result as Markdown; `held` keeps what Markdown must not touch."""
    if result.kind in ("markdown", "latex"):
        return f"\n{result.text}\n\n"
    if result.kind in ("svg", "html"):
        number = len(held)
        made = _picture if result.kind == "svg" else _frame
        held.append(made(result.text, number) + alive.link(result.about))
        return f'\n<div data-held="{number}"></div>\n\n'
    if not result.text:
        return ""
    return f"\n``` {{ .text .{result.kind}-output }}\n{result.text}\n```\n"


def _picture(svg: str, number: int) -> str:
    """An SVG whose ids are its own, so that several fit on a page."""
    svg = svg[svg.index("<svg") :]
    for reference in ('\\bid="', r"url\(#", 'href="#'):
        svg = re.sub(f"({reference})", rf"\1p{number}-", svg)
    width = NATURAL_WIDTH.search(svg)
    least = 0.62 * float(width[1]) if width else 0.0  # below, its letters are too small
    held = f'<div style="min-width: {least:.0f}pt">{svg}</div>'
    text = html.escape(in_words(svg), quote=True)
    said = f'role="img" aria-label="{text}"'
    return f'<figure class="picture" tabindex="0" {said}>{held}</figure>'


def in_words(svg: str) -> str:
    """What a picture says, for those who can't see it.

    Of a graph its boxes with their numbers, of a plot what is written in it.
    """
    boxes = [html.unescape(box) for box in BOX.findall(svg)]
    if boxes:
        more = f"; and {len(boxes) - MOST} more" if len(boxes) > MOST else ""
        return f"A graph. {'; '.join(boxes[:MOST])}{more}"
    words = [word for word in WRITTEN.findall(svg) if any(map(str.isalpha, word))]
    return f"A plot. {', '.join(dict.fromkeys(words))}"


def _frame(page: str, number: int) -> str:
    """A page of its own inside the page, or a piece of HTML as it is."""
    if "<html" not in page[:200].lower():
        return f'<div class="piece">{page}</div>'
    inside = html.escape(page, quote=True)
    return f'<iframe class="frame" title="result {number}" srcdoc="{inside}"></iframe>'
