"""Write the page of the derivative table from the operation table's rows.

    python docs/hooks/derivatives.py

A test holds the page in the repository equal to what this writes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from autograd import Value
from autograd.modes import ieee
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.value import record
from viz.notation import LATEX, Rules, Symbol, applied, show, symbol_latex

PAGE: Final = Path(__file__).parent.parent / "derivatives.md"

INTRODUCTION: Final = """\
# The derivative table

<!-- Written by docs/hooks/derivatives.py from the rows of autograd/ops.py. -->

Every operation is one row of one table, and this page is made from it. The arguments
have the names by which a call may give them, and the result is called $f$. Where a
derivative has several forms, because the operation has a kink, or because each form
keeps its digits where another would lose them, each says where it is the one used.
Outside a domain the operation raises the error named there.
"""

FREE: Final = {"dot": ["x_1", "x_2", "y_1", "y_2"]}

Where = Callable[[dict[str, float]], bool]


def page() -> str:
    """The page's Markdown."""
    fixed = [row for row in TABLE.values() if row.arity]
    free = [row for row in TABLE.values() if not row.arity]
    return "\n".join(
        [
            INTRODUCTION,
            *_table(fixed),
            "",
            "## Any number of arguments",
            "",
            "Shown for three; `dot` for two vectors of two.",
            "",
            *_table(free),
            "",
        ]
    )


def _table(rows: list[Operation]) -> Iterator[str]:
    yield "| operation | formula | derivatives | domain | at kinks and poles |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        names = list(row.names) or FREE.get(row.name, ["x_1", "x_2", "x_3"])
        cells = [f"`{row.name}`", _formula(row, names), _derivatives(row, names)]
        yield f"| {' | '.join([*cells, _domain(row), _plain(row.kink)])} |"


def _formula(row: Operation, names: list[str]) -> str:
    """The operation as it is printed; with a word on it where that is but its name."""
    formula = _math(show(applied(row, [Symbol(name) for name in names]), LATEX))
    if r"\left(" not in row.latex:
        return formula
    first, _, _ = row.__doc__.partition("\n")
    return f"{formula}<br>{_plain(first)}"


def _domain(row: Operation) -> str:
    kinds = ", ".join(f"`{kind.__name__}`" for kind in row.raises)
    return _plain(row.domain) + (f"<br>{kinds}" if kinds else "")


def _derivatives(row: Operation, names: list[str]) -> str:
    """One line per argument and form, with the condition under which it is used."""
    points = list(_points(row, len(names)))
    lines = []
    for position, name in enumerate(names):
        forms: dict[str, list[tuple[float, ...]]] = {}
        for point in points:
            forms.setdefault(_form(row, names, point, position), []).append(point)
        slope = rf"\frac{{\partial f}}{{\partial {symbol_latex(name)}}}"
        for form, used in forms.items():
            line = _math(f"{slope} = {form}")
            if len(forms) > 1:
                line += f" for {_math(_condition(row, names, points, used))}"
            lines.append(line)
    return "<br>".join(lines)


def _points(row: Operation, count: int) -> Iterator[tuple[float, ...]]:
    """Where to look for the forms: a grid over the row's box, on both sides of 0.

    Where derivatives of a row have kinks, the grid keeps off them.
    """
    if not row.box:
        yield (0.5, 1.5, 2.5, 3.5)[:count]
        return
    shares = (
        [0.83, 0.37, 0.11] if count > 1 else [step / 20 for step in range(19, 0, -1)]
    )
    axes = []
    for index, (low, high) in enumerate(row.box):
        if (row.name, index) == ("where", 0):
            axes.append([1.0, 0.0])
            continue
        if not row.raises and row.name not in ("leaky_relu", "elu", "clip"):
            low = -high
        moved = [share + 0.013 * (index + 1) for share in shares]
        axes.append([_round(low + share * (high - low)) for share in moved])
    yield from itertools.product(*axes)


def _condition(
    row: Operation,
    names: list[str],
    points: list[tuple[float, ...]],
    used: list[tuple[float, ...]],
) -> str:
    """The first condition that holds at those points of all at which a form is used."""
    for text, holds in _conditions(names):
        found = []
        for point in points:
            result = {"f": row.forward(*point)}
            if holds(dict(zip(names, point, strict=True)) | result):
                found.append(point)
        if found == used:
            return text
    raise ValueError(f"no condition known for a form of a derivative of {row.name}")


def _conditions(names: list[str]) -> Iterator[tuple[str, Where]]:
    """Conditions in LaTeX, and as functions of the numbers by name."""
    for a in names:
        shown = symbol_latex(a)
        yield rf"{shown} \ne 0", lambda at, a=a: at[a] != 0
        yield f"{shown} = 0", lambda at, a=a: at[a] == 0
        yield f"{shown} > 0", lambda at, a=a: at[a] > 0
        yield f"{shown} < 0", lambda at, a=a: at[a] < 0
    for a, b in itertools.permutations(names, 2):
        x, y = symbol_latex(a), symbol_latex(b)
        yield f"{x} > {y}", lambda at, a=a, b=b: at[a] > at[b]
        yield f"{x} < {y}", lambda at, a=a, b=b: at[a] < at[b]
        smaller = rf"\left|{a}\right| \le \left|{b}\right|"
        yield smaller, lambda at, a=a, b=b: abs(at[a]) <= abs(at[b])
        yield rf"{a} > \left|{b}\right|", lambda at, a=a, b=b: at[a] > abs(at[b])
        yield rf"{a} < -\left|{b}\right|", lambda at, a=a, b=b: at[a] < -abs(at[b])
    if len(names) == 1:
        yield rf"\left|{names[0]}\right| > 0.5", lambda at: abs(at[names[0]]) > 0.5
        yield rf"\left|{names[0]}\right| \le 0.5", lambda at: abs(at[names[0]]) <= 0.5
    for a, b, c in itertools.permutations(names, 3):
        x, low, high = [symbol_latex(name) for name in (a, b, c)]
        yield (
            rf"{low} \le {x} \le {high}",
            lambda at, a=a, b=b, c=c: at[b] <= at[a] <= at[c],
        )
        yield (
            rf"{x} < {low} \text{{ or }} {x} > {high}",
            lambda at, a=a, b=b, c=c: at[a] < at[b] or at[a] > at[c],
        )
    yield r"\left|f\right| < 0.9", lambda at: abs(at["f"]) < 0.9
    yield r"\left|f\right| \ge 0.9", lambda at: abs(at["f"]) >= 0.9


def _round(x: float) -> float:
    return float(f"{x:.2g}")


def _form(
    row: Operation, names: list[str], point: tuple[float, ...], position: int
) -> str:
    with ieee():
        node = record(row, [Value(x) for x in point])
    rule = Rules(node, "f", [Symbol(name) for name in names])[position]
    if rule is None:
        raise ValueError(f"the derivative of {row.name} is too long to print")
    return show(rule, LATEX)


def _math(latex: str) -> str:
    """A formula inside a table's cell, where a bar would end the cell."""
    return f"${latex.replace('|', chr(92) + 'vert ').strip()}$"


def _plain(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
