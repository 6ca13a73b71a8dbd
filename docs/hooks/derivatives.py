"""Write the page of the derivative table from the operation table's rows.

    python docs/hooks/derivatives.py

A test holds the page in the repository equal to what this writes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from autograd import Value
from autograd.ops import TABLE, Operation
from autograd.value import ieee, record
from viz.notation import LATEX, Rules, Symbol, applied, show

PAGE: Final = Path(__file__).parent.parent / "derivatives.md"

INTRODUCTION: Final = """\
# The derivative table

<!-- Written by docs/hooks/derivatives.py from the rows of autograd/ops.py. -->

Every operation is one row of one table, and this page is made from it. The result is
called $y$. Where a derivative has several forms, each comes with a point at which it is
the one used: because the operation has a kink, or because each form keeps its digits
where another would lose them.
"""

ARGUMENTS: Final = {
    1: ["x"],
    2: ["x", "z"],
    3: ["x_1", "x_2", "x_3"],
    4: ["x_1", "x_2", "z_1", "z_2"],
}

# Arguments that have a name of their own.
NAMED: Final = {
    "leaky_relu": ["x", "a"],
    "elu": ["x", "a"],
    "atan2": ["z", "x"],
    "where": ["c", "x", "z"],
}


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
    yield "| operation | formula | derivatives | domain | at kinks |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        names = _names(row)
        formula = show(applied(row, [Symbol(name) for name in names]), LATEX)
        cells = [f"`{row.name}`", _math(formula), _derivatives(row, names)]
        yield f"| {' | '.join([*cells, _plain(row.domain), _plain(row.kink)])} |"


def _names(row: Operation) -> list[str]:
    count = row.arity or (4 if row.name == "dot" else 3)
    return NAMED.get(row.name, ARGUMENTS[count])


def _derivatives(row: Operation, names: list[str]) -> str:
    """One line per argument; the forms that a rule takes at different points."""
    points = list(_points(row, len(names)))
    lines = []
    for position, name in enumerate(names):
        forms: dict[str, tuple[float, ...]] = {}
        for point in points:
            forms.setdefault(_form(row, names, point, position), point)
        slope = rf"\frac{{\partial y}}{{\partial {name}}}"
        shown = [
            _math(f"{slope} = {form}" if index == 0 else form)
            + (f" at {_at(names, point)}" if len(forms) > 1 else "")
            for index, (form, point) in enumerate(forms.items())
        ]
        lines.append(", ".join(shown))
    return "<br>".join(lines)


def _points(row: Operation, count: int) -> Iterator[tuple[float, ...]]:
    """Where to look for the forms: a grid over the middle of the row's box."""
    if not row.box:
        yield (0.5, 1.5, 2.5, 3.5)[:count]
        return
    shares = [[0.53, 0.75, 0.1], *[[0.6, 0.2]] * (count - 1)]
    if row.name == "where":
        shares[0] = [1.0, 0.0]
    spans = [
        [_round(low + share * (high - low)) for share in some]
        for some, (low, high) in zip(shares, row.box, strict=True)
    ]
    yield from itertools.product(*spans)


def _round(x: float) -> float:
    return float(f"{x:.2g}")


def _form(
    row: Operation, names: list[str], point: tuple[float, ...], position: int
) -> str:
    with ieee():
        node = record(row, [Value(x) for x in point])
    rule = Rules(node, "y", [Symbol(name) for name in names])[position]
    if rule is None:
        raise ValueError(f"the derivative of {row.name} is too long to print")
    return show(rule, LATEX)


def _at(names: list[str], point: tuple[float, ...]) -> str:
    pairs = zip(names, point, strict=True)
    return _math(", ".join(f"{name} = {x:g}" for name, x in pairs))


def _math(latex: str) -> str:
    """A formula inside a table's cell, where a bar would end the cell."""
    return f"${latex.replace('|', chr(92) + 'vert ')}$"


def _plain(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
