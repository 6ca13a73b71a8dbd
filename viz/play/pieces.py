"""Pieces of the playground's page as HTML; everything typed is escaped here.

Formatting a control gives marimo's own markup for it, which goes in as it is.
"""

from __future__ import annotations

import html
import re
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from viz.render import FONT

SHARE = (
    '<span class="cr-quiet">or share it: the address of this page holds all of it, for '
    "everyone who runs chainrule play.</span>"
)


def header(tabs: object) -> str:
    """The page's name, its tabs, and what it is for."""
    return (
        '<header class="cr-head"><div class="cr-title" role="heading" aria-level="1">'
        f"chainrule</div>{tabs}"
        "<p>Type an expression or train a network, and see every gradient.</p></header>"
    )


def row(*controls: object, kind: str = "") -> str:
    """Controls in a line that wraps where it has to."""
    return f'<div class="cr-row {kind}">{"".join(f"{c}" for c in controls)}</div>'


def buttons(controls: Iterable[object]) -> str:
    """Buttons in a line."""
    return f'<div class="cr-row cr-buttons">{"".join(f"{c}" for c in controls)}</div>'


def labeled(label: str, control: object, kind: str = "") -> str:
    """A control with a word before it."""
    return (
        f'<div class="cr-labeled {kind}"><span>{html.escape(label)}</span>'
        f'<div class="cr-control">{control}</div></div>'
    )


def notice(error: str) -> str:
    """An error as it was raised, with its lines kept; nothing where there is none."""
    if not error:
        return '<div class="cr-error" role="alert" hidden></div>'
    return f'<pre class="cr-error" role="alert">{html.escape(error)}</pre>'


def text(lines: Iterable[str], kind: str = "", title: str = "") -> str:
    """Lines of text in one width, under a title."""
    heading = f'<div role="heading" aria-level="2">{html.escape(title)}</div>'
    heading = heading if title else ""
    body = html.escape("\n".join(lines))
    return f'<section class="cr-text {kind}">{heading}<pre>{body}</pre></section>'


def picture(svg: str, kind: str, stale: bool = False) -> str:
    """An SVG picture of our own that scrolls where it is too wide.

    stale: whether it is of another text than was typed, and is to be faded.
    """
    return figure(fitted(svg), kind, stale)


def figure(content: str, kind: str, stale: bool = False) -> str:
    """The frame of a picture; `stale` as for pictures."""
    return f'<figure class="cr-picture {kind}{_faded(stale)}">{content}</figure>'


SIZE = re.compile(r'width="([\d.]+)(pt|)"')
SMALLEST = 0.5  # of its own size, at which small print can still be read


def fitted(svg: str) -> str:
    """An SVG picture of our own, as wide as there is room, but never unreadable."""
    drawn = svg[svg.index("<svg") :].replace(f' font-family="{FONT}"', "")
    found = SIZE.search(svg)
    if found is None:
        return drawn
    width = float(found[1]) * (4 / 3 if found[2] else 1.0)
    style = (
        f"display:block;margin:0 auto;font-family:{FONT};width:100%;height:auto;"
        f"max-width:{width:.0f}px;min-width:{SMALLEST * width:.0f}px"
    )
    return drawn.replace("<svg ", f'<svg style="{style}" ', 1)


def slot(name: str) -> str:
    """A place for what `fill` brings; it stays as it is while the page around changes.

    The script in `page/head.html` says why.
    """
    return f'<cr-slot name="{name}"></cr-slot>'


def fill(name: str, content: str, about: str = "") -> str:
    """HTML for the slot by this name, wherever on the page that is.

    about: the id of the element to bring into view, when it becomes another one.
    """
    packed = b64encode(zlib.compress(content.encode(), 1)).decode()
    about = html.escape(about)
    return f'<cr-fill name="{name}" about="{about}" content="{packed}"></cr-fill>'


def image(svg: str, description: str, kind: str) -> str:
    """An SVG picture apart from the page, so that its ids meet no others."""
    data = b64encode(svg.encode()).decode()
    return (
        f'<figure class="cr-picture {kind}"><img alt="{html.escape(description)}" '
        f'src="data:image/svg+xml;base64,{data}"></figure>'
    )


def numbers(
    names: Sequence[str],
    sliders: Mapping[str, Any],
    boxes: Mapping[str, Any],
    gradients: Mapping[str, str],
) -> str:
    """A slider, a number box and the gradient for each name."""
    if not names:
        return '<p class="cr-quiet">No free names in this expression.</p>'
    rows = [
        f'<div class="cr-name"><b title="{html.escape(name)}">{html.escape(name)}</b>'
        f"{sliders[name]}{boxes[name]}"
        f'<span class="cr-grad" data-name="{html.escape(name)}">grad '
        f"{html.escape(gradients[name])}</span></div>"
        for name in names
    ]
    return f'<section class="cr-names" aria-label="Numbers">{"".join(rows)}</section>'


def result(number: str) -> str:
    """What the expression comes to."""
    return f'<p class="cr-result">out = <output>{number}</output></p>'


def columns(left: Iterable[str], right: Iterable[str]) -> str:
    """Two columns, which come one under the other where there is little room."""
    return (
        f'<div class="cr-columns"><div>{"".join(left)}</div>'
        f"<div>{''.join(right)}</div></div>"
    )


def side_by_side(pieces: Iterable[str], stale: bool = False) -> str:
    """Pieces as wide as one another; `stale` as for pictures."""
    return f'<div class="cr-texts{_faded(stale)}">{"".join(pieces)}</div>'


def _faded(stale: bool) -> str:
    return " cr-stale" if stale else ""
