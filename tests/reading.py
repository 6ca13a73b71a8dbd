"""Reads the numbers back out of printed derivations, independently of the printers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MATH = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos")
MORE = ("atan", "atan2", "hypot", "sinh", "cosh", "tanh", "erf", "erfc")
FUNCTIONS = {name: getattr(math, name) for name in (*MATH, *MORE)} | {
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
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


# ---- a training step, read line by line ----------------------------------------------

SYMBOL = re.compile(
    r"∂L/∂[^\W\d]\w*(?:\[[\d,·]+\])?"
    r"|f'\([^\W\d]\w*(?:\[\d+\])?\)"
    r"|[^\W\d]\w*(?:\[[\d,·]+\])?(?:#\d+)?"
)


class Vector(list):
    """Numbers in brackets, with the arithmetic that a training step needs."""

    def __rmul__(self, factor):
        return Vector(factor * x for x in self)

    def __add__(self, other):
        return Vector(x + y for x, y in zip(self, other, strict=True))

    def __sub__(self, other):
        return Vector(x - y for x, y in zip(self, other, strict=True))


def computed(text, known):
    """A right side, from its own numbers and what earlier lines said."""

    def name(match):
        every = match[0].replace("·", "\1")  # of a row's name, no product
        return every if every in FUNCTIONS else f"known[{every!r}]"

    for whole in (left for left in known if left.startswith("1 - ")):
        text = text.replace(f"({whole})", f"({known[whole]!r})")  # 1 - p has a line
    text = re.sub(r"(?<=\d)e(?=[+-]?\d)", "\0", text)
    code = _with_vectors(text, name)
    code = code.replace("\0", "e").replace("·", "*").replace("^", "**")
    code = code.replace("\\x01", "·")
    names = {**FUNCTIONS, "known": known, "Vector": Vector}
    return eval(code, {"__builtins__": {}}, names)


def _with_vectors(text, name):
    """The text as Python, with numbers in brackets that are no index as a Vector."""
    parts = re.split(r"(?<![\w'])(\[[^\]]*\])", text)
    return "".join(
        f"Vector(({part[1:-1]},))" if i % 2 else SYMBOL.sub(name, part)
        for i, part in enumerate(parts)
    )


def told(known, left, value):
    """Note what a line says, also of the parts of it and the whole that it is in."""
    known[left] = value
    whole, _, index = left.partition("[")
    index = index.rstrip("]").removesuffix(",·")
    if isinstance(value, Vector):
        row = f"{index}," if "·" in left else "1," if left[0] == "W" else ""
        known |= {f"{whole}[{row}{j}]": x for j, x in enumerate(value, 1)}
    elif left[0] == "W":
        known[f"{whole}[{index or 1},1]"] = value
    elif index.isdigit():
        items = known.get(whole)
        if not isinstance(items, Vector) or int(index) > len(items) + 1:
            items = known[whole] = Vector()
        items[int(index) - 1 : int(index)] = [value]


def missing(text):
    """The right sides of a training step that no line up to there gives, as text."""
    known, found = {}, []
    given = re.compile(r"(x|y|[Wb]\d*(\[\d+,·\])?)$")
    title, parts = "", []
    for line in text.splitlines():
        if line[:1] not in (" ", ""):
            title = line
        elif "=" in line:
            parts.append((title, line))
    for title, line in parts:
        ((left, rights),) = equations(line)
        last = re.match(r"\[.*?\]|[^,]*", rights[-1])[0]
        if "ᵀ" in line:
            continue  # a rule, whose numbers follow
        value = computed(last, known)
        firm = bool(rights[1:]) or ", " in rights[-1].removeprefix(last)
        firm = firm or known.get(left) == value or (value == 1 and "∂L/∂" in left)
        if not (firm or (given.match(left) and title[:5] in ("Input", "Layer"))):
            found.append(f"{title}: {left} = {last}, out of nothing")
        for right in rights[:-1]:
            if not re.search("^class |∂[^L]\\w*/|… ", right):  # of "… 6 more …"
                got = computed(right, known)
                if not _alike(got, value):
                    found.append(f"{title}: {left} = {right} is {got}, not {last}")
        told(known, left, value)
    return found


def _alike(got, value):
    many = value if isinstance(value, Vector) else [value]
    if not isinstance(got, Vector):
        got = [got] * len(many)
    return len(got) == len(many) and all(
        math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-13)
        for x, y in zip(got, many, strict=True)
    )
