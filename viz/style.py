"""How pictures look: colors, widths and the boxes that values are shown in.

Blue is a positive gradient, orange a negative one: the pair that color-blind readers
tell apart. Without color, a bar to the right of the middle is positive and one to the
left negative, and a wide line carries much gradient.
"""

from __future__ import annotations

import math
from typing import Final

from viz.render import FONT, Graph, markup

POSITIVE: Final = "#1f6fb4"
NEGATIVE: Final = "#c04f08"
NEUTRAL: Final = "#9aa5b1"
INK: Final = "#1d2733"
QUIET: Final = "#5f6b79"
PAPER: Final = "#ffffff"
LEAF: Final = "#eef4fb"
TROUGH: Final = "#e4e8ed"

# Graphviz rounds the width of each character to a pixel; at this size that makes digits
# a little wider and no text much narrower than it is.
SIZE: Final = "10.5"
BOLD: Final = 7.2  # points; the width of most bold characters at this size
BAR: Final = 34  # points from the middle of a gradient's bar to its end

GRAPH: Final = {
    "rankdir": "LR",
    "bgcolor": PAPER,
    "pad": "0.15",
    "nodesep": "0.22",
    "ranksep": "0.28",
    "fontname": FONT,
}
NODE: Final = {
    "fontname": FONT,
    "fontsize": SIZE,
    "fontcolor": INK,
    "shape": "plain",
}
EDGE: Final = {
    "fontname": FONT,
    "fontsize": "9",
    "fontcolor": QUIET,
    "color": NEUTRAL,
    "arrowsize": "0.6",
}


def sheet(name: str, engine: str = "dot", **attributes: str) -> Graph:
    """An empty picture with this look, from left to right."""
    return Graph(
        name=name,
        engine=engine,
        graph_attr={**GRAPH, **attributes},
        node_attr=NODE,
        edge_attr=EDGE,
    )


def hue(gradient: float) -> str:
    """The color of a gradient's sign."""
    if gradient > 0:
        return POSITIVE
    return NEGATIVE if gradient < 0 else NEUTRAL


def share(gradient: float, largest: float) -> float:
    """The size of a gradient against the largest of the picture, from 0 to 1."""
    if not gradient or math.isnan(gradient):
        return 0.0
    size = abs(gradient)
    return 1.0 if size >= largest else size / largest


def width(gradient: float, largest: float) -> str:
    """The width of a line that carries this gradient; its area grows with the size."""
    return f"{0.8 + 3.2 * math.sqrt(share(gradient, largest)):.2f}"


def largest_of(gradients: list[float]) -> float:
    """The size of the largest finite one, or 1 where there is none."""
    return max((abs(g) for g in gradients if g and math.isfinite(g)), default=1.0)


def box(
    rows: list[tuple[str, str]], title: str = "", bar: str = "", fill: str = PAPER
) -> str:
    """A Graphviz label: a rounded box with a title, rows of name and number, a bar."""
    cells = [
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{QUIET}">{markup(name)}</FONT></TD>'
        f'<TD WIDTH="6"></TD><TD ALIGN="RIGHT">{markup(number)}</TD></TR>'
        for name, number in rows
    ]
    cells.insert(0, '<TR><TD COLSPAN="3" CELLPADDING="0" HEIGHT="2"></TD></TR>')
    if title:
        room = round(BOLD * len(title))
        cells.insert(
            0,
            f'<TR><TD COLSPAN="3" CELLPADDING="1" WIDTH="{room}">'
            f"<B>{markup(title)}</B></TD></TR>",
        )
    if bar:
        cells.append(
            f'<TR><TD COLSPAN="3" CELLPADDING="3" ALIGN="CENTER">{bar}</TD></TR>'
        )
    return (
        f'<<TABLE STYLE="ROUNDED" BORDER="1" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="2" COLOR="{QUIET}" BGCOLOR="{fill}">{"".join(cells)}</TABLE>>'
    )


def bar(gradient: float, largest: float, half: int = BAR) -> str:
    """A gradient as a bar: from the middle to the right, or to the left below 0."""
    length = _length(gradient, largest, half)
    left, right = (length, 0) if gradient < 0 else (0, length)
    cells = [(half - left, ""), (left, NEGATIVE), (2, QUIET), (right, POSITIVE)]
    return _bar([*cells, (half - right, "")])


def meter(size: float, largest: float) -> str:
    """A size without a sign as a bar that starts at the left."""
    length = _length(size, largest, 2 * BAR)
    return _bar([(length, QUIET), (2 * BAR - length, "")])


def _length(gradient: float, largest: float, whole: int) -> int:
    if not gradient or math.isnan(gradient):
        return 0
    return max(2, round(whole * share(gradient, largest)))


def _bar(cells: list[tuple[int, str]]) -> str:
    drawn = "".join(_cell(width, color) for width, color in cells if width)
    whole = sum(width for width, _ in cells)
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
        f'FIXEDSIZE="TRUE" WIDTH="{whole}" HEIGHT="5"><TR>{drawn}</TR></TABLE>'
    )


def _cell(width: int, color: str) -> str:
    fill = color or TROUGH
    return f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="5" BGCOLOR="{fill}"></TD>'


def lines(rows: list[tuple[str, str]], bar: str = "") -> str:
    """A Graphviz label of names with numbers and a bar, without a box."""
    cells = [
        f'<TR><TD ALIGN="RIGHT"><FONT COLOR="{QUIET}">{markup(name)}</FONT></TD>'
        f'<TD WIDTH="3"></TD><TD ALIGN="LEFT">{markup(number)}</TD></TR>'
        for name, number in rows
    ]
    if bar:
        cells.append(f'<TR><TD COLSPAN="3" ALIGN="CENTER">{bar}</TD></TR>')
    return _table("".join(cells)) if cells else ""


def heading(text: str, below: str) -> str:
    """A Graphviz label of two lines, the upper one bold."""
    return (
        f"<<B>{markup(text)}</B><BR/>"
        f'<FONT COLOR="{QUIET}">{markup(below) or "&#160;"}</FONT>>'
    )


def patch(text: str) -> str:
    """A Graphviz label that covers the lines it stands on."""
    return _table(f"<TR><TD>{markup(text)}</TD></TR>", 1, PAPER)


def small(text: str) -> str:
    """A Graphviz label for an arrow, kept clear of a wide line and of its head."""
    below = '<TR><TD CELLPADDING="0" HEIGHT="4"></TD></TR>'
    return _table(f"<TR><TD>{markup(text)}</TD></TR>{below}", 2)


def _table(rows: str, padding: int = 1, fill: str = "") -> str:
    background = f' BGCOLOR="{fill}"' if fill else ""
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="{padding}"{background}>{rows}</TABLE>>'
    )


def legend(arrows: list[str]) -> str:
    """A Graphviz label below a picture: what its arrows and its colors mean."""
    signs = (
        f'<FONT COLOR="{POSITIVE}">■ positive</FONT>',
        f'<FONT COLOR="{NEGATIVE}">■ negative</FONT>',
        "the wider, the larger",
    )
    gap = "&#160;" * 5
    text = "<BR/>".join((gap.join(map(markup, arrows)), gap.join(signs)))
    return f'<<FONT POINT-SIZE="9" COLOR="{QUIET}">{text}</FONT>>'


def caption(text: str) -> str:
    """A Graphviz label for the line below a picture."""
    return f'<<FONT POINT-SIZE="10" COLOR="{QUIET}">{markup(text)}</FONT>>'
