"""How formulas are written elsewhere, and what to write in an expression instead.

>>> advice("sin^2(x)", 5)
'write sin(...)^2'
>>> advice("x + y", 2)
''
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from autograd.hints import Final
from autograd.ops import TABLE

_CALLED = "|".join(name for name, row in TABLE.items() if row.arity == 1)
_NUMBER = r"\d+(?:\.\d+)?"
_TO_CHOOSE = "to choose write where(condition, a, b)"
_ALONE = "write the formula alone; values stand apart from it, as in x=2"
_DERIVED = "write the formula alone; its derivatives come with it"

HABITS: Final = (
    (r"\b(?:def|return|print|import)\b|->", _ALONE),
    (r"\bfor\b.*\bin\b", "write each term, as in x1 + x2 + x3"),
    (r"(?:\bsum|[ΣS∑])_\w*|Σ\s*", "write sum(a, b, c)"),
    (r"\b[A-Za-z]\w*\.(?:PI|Pi|pi)\b", "write pi"),
    (r"\b[A-Za-z]\w*\.[Ee]\b", "write e"),
    (r"\blambda\b[^:]*:?", _ALONE),
    (r"\bmod\b\s*", "write %"),
    (r"\bdiv\b\s*", "write //"),
    (r"\b(?:if|else|and|or|not|is|in|for|while)\b\s*", _TO_CHOOSE),
    (r"\b(\w+)\.([a-z]\w*)\(\)", r"write \2(\1)"),
    (r"\)\s*\.([a-z]\w*)\(\)", r"write \1(...)"),
    (r"\b[^\W\d]\w*\.([a-z]\w*)\s*\(", r"write \1(...)"),
    (r"\b(?:math|np|numpy|torch)\.(\w+)", r"write \1"),
    (r"\\[dt]?frac\b", "write a / b"),
    (r"\\(?:cdot|times|ast)\b", "write *"),
    (r"\\(?:left|right)\b", "leave it out"),
    (r"\\([A-Za-z]+)", r"write \1 without the backslash"),
    (
        r"\b((?:sin|cos|tan)h?)\s*(?:\^|\*\*)\s*\(?\s*[-−]\s*1\s*\)?\s*\(",
        r"write a\1(...)",
    ),
    (rf"\b({_CALLED})(?:\^|\*\*)(\d+)\s*(?:\(|(?=[^\W\d]))", r"write \1(...)^\2"),
    (rf"\b({_CALLED})([⁻⁰¹²³⁴-⁹]+)", r"write \1(...)^\2"),
    (r"([⁻⁰¹²³⁴-⁹]+)", r"write ^\1"),
    (r"([^\W\d])([₀-₉]+)", r"write \1\2"),
    (r"([½⅓⅔¼¾⅕⅛])", r"write \1"),
    (r"\bd\s*/\s*d([^\W\d]\w*)\s*", _DERIVED),
    (r"\w['′’]+(?!\w)", _DERIVED),
    (r"\b(\d+)['’](\d{3})\b", r"write \1\2"),
    (r"\w\s*:\s*(?=\w)", "for a quotient write /"),
    (r"(['\"])(\w+)\1", r"write \2 without quotes"),
    (r"\d\.\d+,\d+", "write a point before decimals, and nothing between thousands"),
    (r"\b(\d+),(\d+)", r"write \1.\2 for a number with decimals"),
    (r"\b(\d+)_(\d+)", r"write \1\2"),
    (r"\w\([^()]*;", "write a comma between a function's arguments"),
    (r",\s*\Z", "leave it out"),
    (r",", "write one formula at a time"),
    (r"\d+\.\d+(?:\.\d+)+", "write one point in a number"),
    (rf"({_NUMBER})\s*(?:°|deg\b|degrees\b)", r"write \1 * pi / 180"),
    (rf"({_NUMBER})\s*%\s*(?=\Z|[-+*/)])", r"write \1 / 100"),
    (r"(\w+)\[(\d+)\]", r"write \1\2"),
    (r"(?<=\w)\.(?=[^\W\d])", "for a product write *"),
    (r"!=", "write where(x - y, a, b) for a where they differ"),
    (
        r"==",
        "an expression has no =; write where(x - y, a, b) for b where they are equal",
    ),
    (
        r"\A\s*[^\W\d]\w*(?:\([^()]*\))?\s*=(?=.*[^\W\d])",
        "an expression has no =; write what stands after it",
    ),
)
"""Patterns, and what to write for what they find; the first that fits holds."""

SIGNS: Final[Mapping[str, str]] = {
    "=": "an expression has no =; give values apart from it, as in x=2",
    **dict.fromkeys("[{", "write ( and )"),
    "|": "for the size of x write abs(x)",
    ":": _ALONE,
    "!": "for 3! write 3 * 2 * 1",
    **dict.fromkeys(
        "<≤",
        "write minimum, maximum, or where(relu(y - x), a, b) for a where x < y: "
        "comparisons are no part of it",
    ),
    **dict.fromkeys(
        ">≥",
        "write minimum, maximum, or where(relu(x - y), a, b) for a where x > y: "
        "comparisons are no part of it",
    ),
    "≠": "write where(x - y, a, b) for a where they differ",
    "∑": "write sum(a, b, c)",
    "∏": "write prod(a, b, c)",
    "∞": "give it to a name, as in x=inf",
    **dict.fromkeys("∂∫∇", _DERIVED),
    **dict.fromkeys("&?∧∨¬", _TO_CHOOSE),
    **dict.fromkeys("@⋅∗⊙⊗•", "write *"),
    **dict.fromkeys("–—‐", "write -"),
    **dict.fromkeys("⁄∕", "write /"),
    **dict.fromkeys("‖∥", "write norm(a, b)"),
    **dict.fromkeys("⌊⌋", "write floor(x)"),
    **dict.fromkeys("⌈⌉", "write ceil(x)"),
    **dict.fromkeys("⟨⟩〈〉", "write a*x + b*y"),
    **dict.fromkeys("±∓", "write one formula with + and another with -"),
    **dict.fromkeys("→↦⇒", _ALONE),
    "∛": "write x^(1/3)",
    ";": "write one formula at a time",
    **dict.fromkeys("#$", _ALONE),
}
"""By a sign that no expression has."""

NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sigma", "σ", "logistic", "expit"), "sigmoid"),
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2")},
    **{f"arc{name}h": f"a{name}h" for name in ("sin", "cos", "tan")},
    **{f"ar{name}h": f"a{name}h" for name in ("sin", "cos", "tan")},
    **{"tg": "tan", "arctg": "atan", "lg": "log10", "log_10": "log10"},
    **dict.fromkeys(("avg", "average"), "mean"),
    "total": "sum",
    "product": "prod",
    "power": "pow",
    "clamp": "clip",
    "swish": "silu",
    "lse": "logsumexp",
    **dict.fromkeys(("sgn", "signum"), "sign"),
    **dict.fromkeys(("absolute", "fabs", "size"), "abs"),
    **dict.fromkeys(("trunc", "int"), "floor"),
    **dict.fromkeys(("fmod", "modulo"), "mod"),
    **dict.fromkeys(("if", "ifelse", "cond", "select", "choose"), "where"),
}
"""What other houses call a function, and its name here."""

FORMULAS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("cot", "ctg", "cotan"), "1 / tan(x)"),
    "sec": "1 / cos(x)",
    **dict.fromkeys(("csc", "cosec"), "1 / sin(x)"),
    "square": "x^2",
    "cube": "x^3",
    **dict.fromkeys(("root", "nthroot", "nroot"), "x^(1/3)"),
    "rsqrt": "1 / sqrt(x)",
    **dict.fromkeys(("reciprocal", "inv", "inverse"), "1 / x"),
    "logit": "log(x / (1 - x))",
    "softmax": "exp(x) / (exp(x) + exp(y))",
    "dot": "a*x + b*y",
    **dict.fromkeys(("step", "heaviside"), "where(relu(x), 1, 0)"),
    "round": "floor(x + 0.5)",
    **dict.fromkeys(("fact", "factorial"), "3 * 2 * 1"),
    "relu6": "clip(x, 0, 6)",
    "sinc": "sin(x) / x",
    **dict.fromkeys(("rad", "radians", "deg2rad"), "x * pi / 180"),
    **dict.fromkeys(("deg", "degrees", "rad2deg"), "x * 180 / pi"),
    **dict.fromkeys(("normcdf", "ncdf"), "(1 + erf(x / sqrt(2))) / 2"),
}
"""A function that is none here, written by those that are."""

_TO_BASE = "log(x) / log(b) for the base b, or log2(x) or log10(x)"

COUNTS: Final[Mapping[tuple[str, int], str]] = {
    **dict.fromkeys((("log", 2), ("ln", 2)), _TO_BASE),
    ("sqrt", 2): "x^(1/n) for the root n",
    ("exp", 2): "b^x for the base b",
    ("pow", 3): "x^y % z",
    ("pow", 1): "x^y",
    ("atan", 2): "atan2(y, x)",
}
"""What is meant by a function of so many arguments, which takes another number."""

AROUND: Final = 40
"""How far from the place a habit is looked for; a text may have 10 000 characters."""

DERIVATIVES: Final = ("diff", "derivative", "grad", "gradient", "D", "partial")


def advice(text: str, position: int) -> str:
    """What to write for a habit that a text shows at the place where it goes wrong."""
    first, last = max(0, position - AROUND), position + AROUND
    for pattern, instead in HABITS:
        for found in re.compile(pattern).finditer(text, first, last):
            if found.start() <= position <= found.end():
                plain = unicodedata.normalize("NFKC", found.expand(instead))
                return plain.replace("⁄", "/")
    sign = text[position : position + 1]
    plain = unicodedata.normalize("NFKC", sign)  # ( of the full width of a 字
    return SIGNS.get(sign, f"write {plain}" if sign != plain else "")


def here(name: str) -> str:
    """What a function is called here that may have another name elsewhere.

    >>> here("arcsin"), here("sin"), here("x")
    ('asin', 'sin', 'x')
    """
    return NAMES.get(name.lower(), name)


def instead_of(name: str) -> str:
    """What to write for a function that there is elsewhere; empty for another name."""
    small = name.lower()
    if small in NAMES:
        return f"write {NAMES[small]}(...)"
    if small in FORMULAS:
        return f"write {FORMULAS[small]}"
    return _DERIVED if name in DERIVATIVES else ""
