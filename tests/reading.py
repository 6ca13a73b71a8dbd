"""Reads the numbers back out of printed derivations, independently of the printers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MATH = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos")
MORE = ("atan", "atan2", "hypot", "sinh", "cosh", "tanh", "erf", "erfc")
FUNCTIONS = {name: getattr(math, name) for name in (*MATH, *MORE)} | {
    "abs": abs,
    "floordiv": lambda x, y: x // y,
    "maximum": max,
    "minimum": min,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x),
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x, a: x if x > 0 else a * x,
    "elu": lambda x, a: x if x > 0 else a * math.expm1(x),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: 0.5 * x * math.erfc(-x * math.sqrt(0.5)),
    "where": lambda c, x, y: x if c else y,
    "logsumexp": lambda *xs: math.log(sum(map(math.exp, xs))),
    "inf": math.inf,
    "nan": math.nan,
}
NAME = re.compile(r"[^\W\d]\w*")


def evaluate(text: str) -> float:
    """The number of a printed expression that has no names of nodes left in it."""
    code = text.replace("·", "*").replace("^", "**")
    code = re.sub(r"(\d)e([+-]?\d)", r"\1E\2", code)
    return eval(code, {"__builtins__": {}}, FUNCTIONS)


def is_numeric(text: str) -> bool:
    """Whether every name in a printed expression is a function's."""
    if "…" in text or "∂" in text or "[" in text:
        return False
    plain = re.sub(r"(\d)e([+-]?\d)", r"\1\2", text)
    return all(name in FUNCTIONS for name in NAME.findall(plain))


def equations(text: str) -> list[tuple[str, list[str]]]:
    """Each left side with its right sides, whether in a row or under one another."""
    return _gathered(line.partition("= ") for line in text.splitlines())


def _gathered(lines: Iterable[tuple[str, str, str]]) -> list[tuple[str, list[str]]]:
    """Lines as (left, sign, rest); those without a left side go on with the last."""
    found: list[tuple[str, list[str]]] = []
    for left, sign, rest in lines:
        if not sign:
            continue
        rights = [right.strip() for right in rest.split(" = ")]
        if left.strip():
            found.append((left.strip(), rights))
        else:
            found[-1][1].extend(rights)
    return found


def latex_number(text: str) -> float:
    """A number as LaTeX writes it."""
    plain = text.strip().replace(r"\infty", "inf").replace(r"\mathrm{nan}", "nan")
    return float(re.sub(r" \\times 10\^\{(-?\d+)\}", r"e\1", plain))


def latex_equations(text: str) -> list[tuple[str, list[str]]]:
    """The same for the rows of LaTeX's `aligned`, whose left sides end with &."""
    return _gathered(map(_latex_row, text.splitlines()))


def _latex_row(row: str) -> tuple[str, str, str]:
    left, sign, rest = row.removesuffix(r" \\[0.4em]").partition("&=")
    return (left, sign, rest) if sign else left.partition(r"&:\;")


def unboxed(text: str) -> str:
    """What stands in the boxes of a diagram: titles, and lines with an indent."""
    boxes: dict[int, list[str]] = {}
    done: list[str] = []
    for line in text.splitlines():
        for match in re.finditer(r"[╭╰].*?[╮╯]|│ .*? │(?= |$)", line):
            column, piece = match.start(), match[0]
            if piece[0] == "╭":
                boxes[column] = [piece.strip("╭╮─┴ ")]
            elif piece[0] == "╰":
                done += boxes.pop(column)
            elif column in boxes:
                boxes[column].append("  " + piece[2:-2].rstrip())
    return "\n".join(done)
