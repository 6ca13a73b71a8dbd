"""How pictures look: colors, widths and the boxes that values are shown in.

Blue is a positive gradient, orange a negative one: the pair that color-blind readers
tell apart. Without color, a bar to the right of the middle is positive and one to the
left negative, and a wide line carries much gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Final

from viz.digits import short
from viz.render import FONT, Graph, markup

POSITIVE: Final = "#1f6fb4"
NEGATIVE: Final = "#c04f08"
NEUTRAL: Final = "#9aa5b1"
INK: Final = "#1d2733"
QUIET: Final = "#5f6b79"
PAPER: Final = "#ffffff"
LEAF: Final = "#eef4fb"
BACK: Final = "#fdf3ea"
TROUGH: Final = "#e4e8ed"
SPACE: Final = "&#160;"  # for a text that Graphviz does not take empty
RAISED: Final = (
    '<FONT POINT-SIZE="3">&#160;</FONT><SUP><FONT POINT-SIZE="8">{}</FONT></SUP>'
)
ENTRY: Final = 32  # points between the arrows into an operation of many operands

# Graphviz rounds the width of each character to a pixel; at this size that makes digits
# a little wider and no text much narrower than it is.
SIZE: Final = "10.5"
BOLD: Final = 7.2  # points; the width of most bold characters at this size
PLAIN: Final = 6.4  # and of most others
LONG: Final = 16  # characters
MARGIN: Final = 3  # points between a box and what stands in it
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
APART: Final = "0.6"  # inches; with less, arrows cross on one another's heads
EDGE: Final = {
    "fontname": FONT,
    "fontsize": "9",
    "fontcolor": QUIET,
    "color": NEUTRAL,
    "arrowsize": "0.6",
}


DIRECTIONS: Final = {"right": "LR", "down": "TB"}


def sheet(
    name: str, engine: str = "dot", direction: str = "right", **attributes: str
) -> Graph:
    """An empty picture with this look, from left to right or top to bottom."""
    return Graph(
        name=name,
        engine=engine,
        graph_attr={**GRAPH, "rankdir": DIRECTIONS[direction], **attributes},
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
    rows: list[tuple[str, str]],
    title: str = "",
    bar: str = "",
    fill: str = PAPER,
    formula: str = "",
) -> str:
    """A Graphviz label: a rounded box with a title, rows of name and number, a bar.

    rows: each a name and a number; without a number a line of its own.
    formula: what stands after the title and an equals sign.
    """
    longest = max((len(number) for _, number in rows), default=0)
    # A browser's letters are a little wider, which is seen in a long line.
    spare = f'<TD WIDTH="{longest // 8}"></TD>' if longest > LONG else ""
    span = 3 + bool(spare)
    cells = [
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{QUIET}">{markup(name) or SPACE}</FONT>'
        f'</TD><TD WIDTH="6"></TD><TD ALIGN="RIGHT">{_raised(number)}</TD>'
        f"{spare}</TR>"
        if number
        else f'<TR><TD COLSPAN="{span}" WIDTH="{round(PLAIN * len(name))}">'
        f"{_raised(name)}</TD></TR>"
        for name, number in rows
    ]
    cells.insert(0, f'<TR><TD COLSPAN="{span}" CELLPADDING="0" HEIGHT="2"></TD></TR>')
    if title:
        raised = 2 * PLAIN * ("ᵀ" in formula)
        equals = 2.5 * PLAIN * bool(formula)
        room = round(BOLD * len(title) + equals + PLAIN * len(formula) + raised)
        rest = f" = {_raised(formula)}" if formula else ""
        cells.insert(
            0,
            f'<TR><TD COLSPAN="{span}" CELLPADDING="0" WIDTH="{room}">'
            f"<B>{markup(title)}</B>{rest}</TD></TR>",
        )
    if bar:
        cells.append(
            f'<TR><TD COLSPAN="{span}" CELLPADDING="3" ALIGN="CENTER">{bar}</TD></TR>'
        )
    inside = _table("".join(cells), 2)[1:-1]
    return (
        f'<<TABLE STYLE="ROUNDED" BORDER="1" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="{MARGIN}" COLOR="{QUIET}" BGCOLOR="{fill}">'
        f"<TR><TD>{inside}</TD></TR></TABLE>>"
    )


def _raised(text: str) -> str:
    """Markup of a text; not every font has a sign for the T of a transpose."""
    return markup(text).replace("ᵀ", RAISED.format("T"))


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
        f'<FONT COLOR="{QUIET}">{markup(below) or SPACE}</FONT>>'
    )


def patch(text: str) -> str:
    """A Graphviz label that covers the lines it stands on."""
    return _table(f"<TR><TD>{markup(text)}</TD></TR>", 1, PAPER)


def small(text: str, direction: str = "right") -> str:
    """A Graphviz label for an arrow, kept clear of a wide line and of its head.

    Graphviz puts it above the line, or going down to the right of it.
    """
    if direction == "down":
        aside = '<TD CELLPADDING="0" WIDTH="3"></TD>'
        return _table(f"<TR>{aside}<TD>{markup(text)}</TD>{aside}</TR>", 2)
    below = '<TR><TD CELLPADDING="0" HEIGHT="4"></TD></TR>'
    return _table(f"<TR><TD>{markup(text)}</TD></TR>{below}", 2)


def _table(rows: str, padding: int = 1, fill: str = "") -> str:
    background = f' BGCOLOR="{fill}"' if fill else ""
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="{padding}"{background}>{rows}</TABLE>>'
    )


def circle(sign: str, operands: int = 1) -> dict[str, str]:
    """The attributes of an operation's circle; a long sign makes it an ellipse.

    It is larger where three arrows come in, for their heads.
    """
    size = "0.3" if operands < 3 else "0.44"
    return {
        "label": f"<{markup(sign)}>",
        "shape": "ellipse" if len(sign) > 1 else "circle",
        "margin": "0.02",
        "width": size,
        "height": size,
        "color": QUIET,
    }


def gate(sign: str, operands: int, direction: str) -> str:
    """A Graphviz label for an operation of many operands, each with its own entry."""
    ports = [f'<TD PORT="p{i}" CELLPADDING="0"></TD>' for i in range(operands)]
    text = f'<TD {{}}SPAN="{operands}" CELLPADDING="4">{markup(sign)}</TD>'
    if direction == "right":
        first, *others = (
            port.replace("<TD", f'<TD HEIGHT="{ENTRY}"') for port in ports
        )
        rows = f"<TR>{first}{text.format('ROW')}</TR>"
        rows += "".join(f"<TR>{port}</TR>" for port in others)
    else:
        cells = "".join(port.replace("<TD", f'<TD WIDTH="{ENTRY}"') for port in ports)
        rows = f"<TR>{cells}</TR><TR>{text.format('COL')}</TR>"
    return (
        '<<TABLE STYLE="ROUNDED" BORDER="1" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="0" COLOR="{QUIET}">{rows}</TABLE>>'
    )


def frame(width: float, height: float, operands: int) -> str:
    """A Graphviz label: an empty rounded box of this size, with an entry each."""
    part = f'FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height / operands:.0f}"'
    rows = "".join(f'<TR><TD PORT="p{i}" {part}></TD></TR>' for i in range(operands))
    return (
        '<<TABLE STYLE="ROUNDED" BORDER="1" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="0">{rows}</TABLE>>'
    )


def tag(text: str) -> str:
    """A Graphviz label for a value that stands elsewhere as a box."""
    return (
        '<<TABLE STYLE="ROUNDED,DASHED" BORDER="1" CELLBORDER="0" CELLSPACING="0" '
        f'CELLPADDING="3" COLOR="{QUIET}"><TR><TD>{markup(text)}</TD></TR></TABLE>>'
    )


def known(gradient: float | None, digits: int) -> str:
    """A gradient as text; a dash where no `backward()` has come by."""
    return "–" if gradient is None else short(gradient, digits)


def stack(picture: Graph, rows: list[list[str]], starts: list[str]) -> None:
    """Put the rows of a picture below one another, going down beside one another.

    starts: of each row what begins at the same side as those of the others.
    """
    if len(rows) < 2:
        return
    picture.attr(newrank="true")
    for number, names in enumerate(rows):
        with picture.subgraph(name=f"cluster_{number}") as row:
            row.attr(peripheries="0", margin="12")
            for name in names:
                row.node(name)
    with picture.subgraph() as first:  # all begin at the same side
        first.attr(rank="same")
        for name in starts:
            first.node(name)


def in_order(
    picture: Graph,
    operands: Mapping[str, Sequence[str]],
    alike: Iterable[tuple[str, str]] = (),
    upwards: bool = False,
) -> None:
    """Put a leaf above, going down to the left of, one that is the next operand.

    operands: for each node's name those of its operands, in order; empty for a leaf.
    alike: more pairs in the same column, of which the first is to stand above.
        Of pairs that contradict one another the first counts.
    upwards: whether columns are counted from below, as Graphviz does inside a cluster
        of a picture from left to right.
    """
    later: dict[str, list[str]] = {}
    pairs = (pair for names in operands.values() for pair in pairwise(names))
    leaves = ((a, b) for a, b in pairs if not (operands[a] or operands[b]))
    for first, second in chain(leaves, alike):
        if not _leads(later, second, first):
            later.setdefault(first, []).append(second)
            with picture.subgraph() as column:
                column.attr(rank="same")
                ends = (second, first) if upwards else (first, second)
                column.edge(*ends, style="invis")


class Columns:
    """Which values stand in one column, before all that is made of any of them.

    operands: for each value's name those of its operands.
    """

    def __init__(self, operands: Mapping[str, Sequence[str]]) -> None:
        self.operands = operands
        self.column = {name: number for number, name in enumerate(operands)}
        self.names = {number: [name] for name, number in self.column.items()}

    def join(self, first: str, second: str) -> bool:
        """Put the columns of two together; False where one is made of the other."""
        one, other = self.column[first], self.column[second]
        if one == other:
            return True
        if self._is_made_of(one, other) or self._is_made_of(other, one):
            return False
        joining = self.names.pop(other)
        self.names[one] += joining
        self.column.update(dict.fromkeys(joining, one))
        return True

    def _is_made_of(self, column: int, source: int) -> bool:
        """Whether a way leads back from one column to another."""
        waiting, seen = [column], {column}
        while waiting:
            names = self.names[waiting.pop()]
            before = {self.column[x] for name in names for x in self.operands[name]}
            waiting += before - seen
            seen |= before
        return source in seen


def _leads(later: Mapping[str, list[str]], start: str, end: str) -> bool:
    """Whether there is a way from one name to another, or none is needed."""
    seen, waiting = {start}, [start]
    while waiting and end not in seen:
        new = [name for name in later.get(waiting.pop(), ()) if name not in seen]
        seen.update(new)
        waiting += new
    return end in seen


def key(known: bool, operations: bool, blank: bool = False) -> str:
    """A Graphviz label below a picture of a graph: what its signs mean."""
    lines = []
    if operations:
        lines.append("∂ on an arrow: derivative of the operation by that operand")
    if known or blank:
        lines.append("gradient: derivative of the output by that value")
    if known:
        lines.append(
            f'bar: <FONT COLOR="{POSITIVE}">■ to the right positive</FONT>, '
            f'<FONT COLOR="{NEGATIVE}">■ to the left negative</FONT>'
        )
        lines.append("the wider an arrow, the more gradient flows back along it")
    elif not blank:
        lines.append("–: no gradient yet, before backward()")
    return _below(lines)


def _below(lines: Iterable[str], size: float = 8.5) -> str:
    """Lines of markup below a picture, apart from it and from one another."""
    rows = [
        f'<TR><TD><FONT POINT-SIZE="{size}" COLOR="{QUIET}">{line}</FONT></TD></TR>'
        for line in lines
    ]
    return _table('<TR><TD HEIGHT="4"></TD></TR>' + "".join(rows))


def small_print(lines: Iterable[str]) -> str:
    """A Graphviz label below a picture: what its signs mean, line by line."""
    return _below(map(markup, lines))


def program_key(back: bool) -> str:
    """A Graphviz label below a picture of a program: what its signs mean."""
    lines = ["a box: a matrix or a row of numbers, its formula, and how large it is"]
    if back:
        lines.append(
            f'<FONT COLOR="{NEGATIVE}">■</FONT> derivatives of L, which go back'
        )
    text = "<BR/>".join(lines)
    return f'<<FONT POINT-SIZE="8.5" COLOR="{QUIET}">{text}</FONT>>'


def matrix_form(weights: str, inputs: str, bias: str, activation: str) -> str:
    """A layer of neurons at once, such as tanh(W1 x + b1).

    >>> matrix_form("W1", "x", "b1", "tanh"), matrix_form("W2", "a1", "b2", "")
    ('tanh(W1 x + b1)', 'W2 a1 + b2')
    """
    total = f"{weights} {inputs} + {bias}"
    return f"{activation}({total})" if activation else total


def fold_key(forms: list[str], known: bool, colored: bool) -> str:
    """A Graphviz label below a folded picture: matrix forms, and what signs mean.

    known: whether there are gradients. colored: whether arrows have their signs.
    """
    lines = [f'<FONT COLOR="{INK}">{markup(form)}</FONT>' for form in forms]
    if not forms:
        lines.append("n × on an arrow: operands that come from there")
    if known:
        lines.append("‖gradient‖ and bar: length of the vector of gradients")
        if colored:
            lines.append(
                "an arrow of one operand: "
                f'<FONT COLOR="{POSITIVE}">■ positive</FONT>, '
                f'<FONT COLOR="{NEGATIVE}">■ negative</FONT> gradient'
            )
        lines.append("the wider an arrow, the more gradient flows back along it")
    else:
        lines.append("–: no gradient yet, before backward()")
    return _below(lines)


def legend(
    arrows: list[str], caption: str = "", forms: Sequence[Sequence[str]] = ()
) -> str:
    """A Graphviz label below a picture: a line on what it shows, formulas, and what its
    arrows and its colors mean; empty where there is none of these.

    arrows: without them nothing is said of colors either.
    forms: of each line one formula, or two that stand in columns.
    """
    signs = (
        f'<FONT COLOR="{POSITIVE}">■ positive</FONT>',
        f'<FONT COLOR="{NEGATIVE}">■ negative</FONT>',
        "the wider, the larger",
    )
    gap = "&#160;" * 5
    above = [f'<FONT COLOR="{INK}">{markup(caption)}</FONT>'] * bool(caption)
    if forms:
        above.append(_table("".join(map(_columns, forms)))[1:-1])
    below = [gap.join(map(markup, arrows)), gap.join(signs)] if arrows else []
    return _below((*above, *below), 9) if (*above, *below) else ""


def _columns(forms: Sequence[str]) -> str:
    """A row of a table: a formula across it, or one in each of its two columns."""
    texts = [f'<FONT COLOR="{INK}">{_raised(form)}</FONT>' for form in forms]
    if len(texts) == 1:
        return f'<TR><TD COLSPAN="3">{texts[0]}</TD></TR>'
    # A raised letter makes its line higher, so one that is not seen stands in each.
    cells = [f'<TD ALIGN="LEFT">{text}{RAISED.format(SPACE)}</TD>' for text in texts]
    gap = '<TD WIDTH="12"></TD>'
    return f"<TR>{gap.join(cells)}</TR>"


def caption(text: str) -> str:
    """A Graphviz label for the line below a picture."""
    return f'<<FONT POINT-SIZE="10" COLOR="{QUIET}">{markup(text)}</FONT>>'
