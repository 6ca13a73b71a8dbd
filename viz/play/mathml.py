r"""The formulas of `viz.notation` as MathML, which a browser sets without a library.

It reads the LaTeX that `notation` writes and no more than that. A name and a derivative
carry the numbers of their nodes, so that the page can show where in the graph they are.

    >>> mathml(r"\frac{a}{2}")
    '<mfrac><mi>a</mi><mn>2</mn></mfrac>'
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from viz.explain import Equation, Section
from viz.notation import GREEK, LATEX, Style, Symbol

TOKEN: Final = re.compile(
    r"\\(?:text|mathrm|mathit|operatorname)\{(?P<text>[^{}]*)\}"
    r"|\\(?P<mark>node|slope)\{(?P<which>[\d-]+)\}"
    r"|\\(?P<side>left|right|Big)(?P<fence>\\[a-zA-Z]+|\\?.)"
    r"|(?P<macro>\\(?:begin|end)\{cases\}|\\[a-zA-Z]+|\\.)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<sign>\S)"
)
SIGNS: Final = {
    **dict.fromkeys("+=,:;|()[]/<>'!", ""),
    "-": "−",
    r"\cdot": "⋅",
    r"\times": "×",
    r"\partial": "∂",
    r"\cdots": "⋯",
    r"\to": "→",
    r"\ne": "≠",
    r"\bmod": "mod",
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\lceil": "⌈",
    r"\rceil": "⌉",
    r"\vert": "|",
    r"\wedge": "∧",
    r"\sim": "~",
    r"\backprime": "`",
    r"\backslash": "\\",
    r"\sum": "∑",
    r"\prod": "∏",
}
LETTERS: Final = dict(zip(GREEK, "αβγδϵζηθκλμνξπρστϕχψω", strict=True))
CLOSING: Final = (r"\right)", r"\right|", r"\right\rfloor", r"\right\rceil")
SPACE: Final = 'xmlns="http://www.w3.org/1998/Math/MathML"'
SPACES: Final = (r"\,", r"\;", r"\!", r"\ ", r"\quad")


def mathml(latex: str) -> str:
    """A formula in our LaTeX as the inside of a `<math>` element."""
    return "".join(_Reader(latex).row())


class _Reader:
    """Goes through the tokens of a formula once, from left to right."""

    def __init__(self, latex: str) -> None:
        self.tokens = list(TOKEN.finditer(latex))
        self.at = 0

    def next(self) -> str:
        """What the next token is as it was written; empty at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def row(self, *ends: str) -> list[str]:
        """The elements up to one of these tokens, which is passed over."""
        found: list[str] = []
        while self.next() and self.next() not in ends:
            if self.next() in ("^", "_"):
                found.append(self.scripts(found.pop() if found else "<mrow></mrow>"))
            elif self.next() == "-" and (not found or found[-1].startswith("<mo")):
                self.at += 1
                found.append('<mo form="prefix">−</mo>')
            else:
                found.append(self.atom())
        self.at += 1
        return found

    def scripts(self, base: str) -> str:
        """An element with what stands below and above it."""
        below = above = ""
        while self.next() in ("^", "_"):
            self.at += 1
            if self.tokens[self.at - 1][0] == "^":
                above = self.atom()
            else:
                below = self.atom()
        kind = "msubsup" if below and above else "msub" if below else "msup"
        return f"<{kind}>{base}{below}{above}</{kind}>"

    def atom(self) -> str:
        """One element: a letter, a number, a sign, a group, a macro with its own."""
        token = self.tokens[self.at]
        self.at += 1
        if token["text"] is not None:
            kind = "mi" if token[0][1] != "t" else "mtext"
            return f"<{kind}>{html.escape(token['text'])}</{kind}>"
        if token["mark"]:
            return f'<mrow data-{token["mark"]}="{token["which"]}">{self.atom()}</mrow>'
        if token["number"]:
            return f"<mn>{token[0]}</mn>"
        if token["side"] == "left":
            return self.fenced(token["fence"])
        if token["side"]:
            return _sign(token["fence"])
        return self.made(token[0])

    def fenced(self, opening: str) -> str:
        """What stands between two brackets, which grow with a fraction alone."""
        inside = "".join(self.row(*CLOSING))
        closing = self.tokens[self.at - 1]["fence"]
        grows = "" if "<mfrac" in inside or "<mtable" in inside else ' stretchy="false"'
        left, right = (
            _sign(fence).replace("<mo", f"<mo{grows}") for fence in (opening, closing)
        )
        return f"<mrow>{left}<mrow>{inside}</mrow>{right}</mrow>"

    def made(self, written: str) -> str:
        """The element that a sign or a macro makes."""
        match written:
            case "{":
                return _one(self.row("}"))
            case r"\frac":
                return f"<mfrac>{self.atom()}{self.atom()}</mfrac>"
            case r"\hat":
                return f'<mover accent="true">{self.atom()}<mo>^</mo></mover>'
            case r"\sqrt" if self.next() == "[":
                self.at += 1
                degree = _one(self.row("]"))
                return f"<mroot>{self.atom()}{degree}</mroot>"
            case r"\sqrt":
                return f"<msqrt>{self.atom()}</msqrt>"
            case r"\begin{cases}":
                return self.cases()
            case r"\infty":
                return "<mi>∞</mi>"
        if written in SPACES:
            return '<mspace width="0.3em"></mspace>'
        return _sign(written)

    def cases(self) -> str:
        """Rows of cells behind a brace."""
        rows, end = [""], r"\end{cases}"
        while self.tokens[self.at - 1][0] != end:
            if self.tokens[self.at - 1][0] == r"\\":
                rows.append("")
            cell = _one(self.row("&", r"\\", end))
            rows[-1] += f"<mtd>{cell}</mtd>"
        table = "".join(f"<mtr>{row}</mtr>" for row in rows)
        return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"


def _one(elements: Sequence[str]) -> str:
    """Elements as one."""
    return elements[0] if len(elements) == 1 else f"<mrow>{''.join(elements)}</mrow>"


def _sign(written: str) -> str:
    """An operator, a bracket, a letter, or the name of a function."""
    if written in SIGNS:
        return f"<mo>{html.escape(SIGNS[written] or written)}</mo>"
    name = written.removeprefix("\\")
    return f"<mi>{html.escape(LETTERS.get(name, name))}</mi>"


# ---- a derivation --------------------------------------------------------------------


def marked(nodes: Mapping[str, int]) -> Style:
    """LATEX, with the number of the node at each name and at each derivative."""

    def symbol(name: str) -> str:
        shown = LATEX.symbol(name)
        return rf"\node{{{nodes[name]}}}{{{shown}}}" if name in nodes else shown

    def slope(of: str, by: str, operand: int) -> str:
        which = rf"\Big|_{{{operand}}}" if operand else ""
        shown = rf"{{\frac{{\partial {symbol(of)}}}{{\partial {symbol(by)}}}{which}}}"
        known = of in nodes and by in nodes
        return rf"\slope{{{nodes[of]}-{nodes[by]}}}{shown}" if known else shown

    return replace(LATEX, symbol=symbol, slope=slope)


def told(section: Section, style: Style) -> dict[str, Any]:
    """A section as data: its title in pieces, its equations as a `<math>` element.

    A piece of the title is a name, as another `<math>` element, or words.
    """
    title = [
        {"math": f"<math {SPACE}>{mathml(style.symbol(piece.name))}</math>"}
        if isinstance(piece, Symbol)
        else {"words": piece}
        for piece in section.title
    ]
    return {"title": title, "lines": _table(section)}


def _table(section: Section) -> str:
    rows = (row for equation in section.equations for row in _rows(equation, section))
    return f'<math {SPACE} display="block"><mtable>{"".join(rows)}</mtable></math>'


def _rows(equation: Equation, section: Section) -> Iterator[str]:
    if not section.stacked:
        yield _row(mathml(equation.left), equation.joint, " = ".join(equation.rights))
        return
    left = mathml(equation.left)
    for right in equation.rights:
        yield _row(left, equation.joint, right)
        left = ""


def _row(left: str, joint: str, right: str) -> str:
    cells = left, f"<mo>{joint}</mo>", mathml(right)
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>"
