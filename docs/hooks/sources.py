"""The sources that pages mention: `name` in `autograd/value.py` leads to its line.

A file that is mentioned becomes a page of the book, in `source/`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename

ROOT: Final = Path(__file__).parents[2]
MENTION: Final = re.compile(
    r"(?:<code>(?P<name>\w+)</code>(?P<between>\s+in\s+))?"
    r"<code>(?P<path>(?:autograd|nn|viz)/[\w/]+\.(?:py|c|h))</code>"
)
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{path} - chainrule</title>
<style>
body {{ margin: 1rem auto; max-width: 56rem; padding: 0 1rem }}
body {{ background: #fff; color: #111 }}
h1 {{ font: bold 1.1rem system-ui, sans-serif; overflow-wrap: anywhere }}
pre {{ overflow-x: auto; font: 0.85rem/1.45 ui-monospace, Menlo, Consolas, monospace }}
span:target {{ background: #ffec99 }}
{style}
</style>
</head>
<body><main><h1>{path}</h1>
{code}</main></body>
</html>
"""


def linked(content: str, to_root: str, found: set[str]) -> str:
    """A page's HTML with links where it mentions a file; `found` gets their names."""

    def link(match: re.Match[str]) -> str:
        path, name = match["path"], match["name"]
        found.add(path)
        line = f"#line-{line_of(path, name)}" if name else ""
        start = f'<a href="{to_root}source/{path}.html{line}"><code>'
        if name:
            return f"{start}{name}</code></a>{match['between']}<code>{path}</code>"
        return f"{start}{path}</code></a>"

    return MENTION.sub(link, content)


def line_of(path: str, name: str) -> int:
    """The line in which a file defines a name, from 1; ValueError where none does."""
    text = (ROOT / path).read_text(encoding="utf-8")
    place = re.search(rf"^[ \w*]*\b{re.escape(name)}(?=\(|:|\[| =)", text, re.MULTILINE)
    if place is None:
        raise ValueError(f"a page mentions {name} in {path}, which does not define it")
    return text.count("\n", 0, place.start()) + 1


def write(site: Path, paths: Iterable[str]) -> None:
    """Write a page for each of these files."""
    form = HtmlFormatter(style="bw", linespans="line", wrapcode=True)
    for path in paths:
        text = (ROOT / path).read_text(encoding="utf-8")
        code = highlight(text, get_lexer_for_filename(path), form)
        code = code.replace("<pre>", '<pre tabindex="0">', 1)
        target = site / "source" / f"{path}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        style = form.get_style_defs(".highlight")
        shown = PAGE.format(path=html.escape(path), style=style, code=code)
        target.write_text(shown, encoding="utf-8")
