"""The array program as C, for those who embed it: one header that needs nothing else.

The text is C99 but for `_Thread_local`, by which two threads may call it at once; where
a compiler lacks that, define CHAINRULE_LOCAL as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from autograd.compiler.instructions import Kernel
from autograd.compiler.loop_text import (
    AFTER,
    BEFORE,
    EACH,
    Language,
    Writer,
    called,
    indented,
    index,
)

SAME: Final = """cbrt ceil cos cosh erf erfc exp exp2 expm1 floor hypot log log10 log1p
    log2 sin sinh sqrt tan tanh"""
INVERSE: Final = "cos cosh sin sinh tan tan2 tanh"
FUNCTIONS: Final = {
    **{name: name for name in SAME.split()},
    **{f"arc{name}": f"a{name}" for name in INVERSE.split()},
    "abs": "fabs",
    "power": "pow",
    "minimum": "chainrule_least",
    "maximum": "chainrule_most",
    "sign": "chainrule_sign",
    "square": "chainrule_square",
    "mod": "chainrule_mod",
    "floor_divide": "chainrule_floor_divide",
    "logaddexp": "chainrule_log_add_exp",
}
"""NumPy's functions in the rows' forms, by what they are called in C."""

HELPERS: Final = {
    "chainrule_least(double x, double y)": "return y != y || y < x ? y : x;",
    "chainrule_most(double x, double y)": "return y != y || y > x ? y : x;",
    "chainrule_sign(double x)": "return x != x ? x : (x > 0) - (x < 0);",
    "chainrule_square(double x)": "return x * x;",
    "chainrule_mod(double x, double y)": """\
double rest = fmod(x, y);
  if (rest == 0) return copysign(0.0, y);
  return (rest < 0) != (y < 0) ? rest + y : rest;""",
    "chainrule_floor_divide(double x, double y)": """\
if (y == 0) return x / y;
  double rest = fmod(x, y);
  double quotient = (x - rest) / y;
  if (rest != 0 && (rest < 0) != (y < 0)) quotient -= 1;
  double whole = floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;""",
    "chainrule_log_add_exp(double x, double y)": """\
double larger = chainrule_most(x, y);
  return x == y ? x + log(2.0) : larger + log1p(exp(-fabs(x - y)));""",
}
"""What C lacks."""

WORDS: Final = """X gradient memcpy NULL parameters
    rows row at i j k b sum outputs totals auto break case char
    const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while main errno NAN INFINITY y0 y1 yn j0 j1 jn gamma signgam
    abs div exit free index memset remove rename signal time abort atoi calloc malloc
    pow fmod fabs copysign fmin fmax ldexp frexp modf round trunc rint logb nan labs"""
TAKEN: Final = frozenset({*WORDS.split(), *FUNCTIONS.values()})


def literal(x: float) -> str:
    """A number as C reads it back, exactly, as a part of a formula.

    >>> literal(1.0), literal(-0.1), literal(float("inf"))
    ('1.0', '(-0.1)', 'INFINITY')
    """
    if not isfinite(x):
        return "NAN" if x != x else "INFINITY" if x > 0 else "(-INFINITY)"
    return f"({x!r})" if repr(x).startswith("-") else repr(float(x))


C: Final = Language(
    name="C",
    numbers="static const double {name}[] = {{{values}}};",
    places="static const int {name}[] = {{{places}}};",
    room="static CHAINRULE_LOCAL double {name}[{size}];",
    value="const double {name} = {text};",
    total="double sum = {text};",
    clear="memset({name}, 0, sizeof {name});",
    counter="size_t",
    mark="_t",
    functions=FUNCTIONS,
    equal="==",
    differs="!=",
    literal=literal,
    taken=TAKEN,
)

TEXTS: Final = {
    "forward": "What is computed for every row: {outputs} numbers.",
    "gradient": (
        "The mean of the output over the rows, which is returned, and its derivatives\n"
        " * by the {parameters} parameters."
    ),
}


def header(kernels: Mapping[str, Kernel], numbers: Sequence[float], name: str) -> str:
    """The text of a header with a function for each pass: NAME and NAME_gradient."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is None or name in TAKEN:
        raise ValueError(f"a function's name is an identifier of C; got {name!r}")
    guard = f"{name.upper()}_H"
    parts = [_Source(kernel, name, kind).text() for kind, kernel in kernels.items()]
    values = ", ".join(map(literal, numbers)) or "0.0"
    parts.insert(0, f"static const double {name}_PARAMETERS[] = {{{values}}};\n")
    body = "\n".join(parts)
    helpers = {head.split("(")[0]: _once(head, x) for head, x in HELPERS.items()}
    return "\n".join(
        [
            HEAD.format(guard=guard),
            *called(helpers, body),
            body,
            f"#endif /* {guard} */",
            "",
        ]
    )


def _once(head: str, lines: str) -> str:
    """A function that another header may have brought already."""
    guard = head.split("(")[0].upper()
    text = f"static inline double {head} {{\n  {lines}\n}}"
    return f"#ifndef {guard}\n#define {guard}\n{text}\n#endif\n"


HEAD: Final = """/* Made by chainrule: a compiled program. See `Program.to_c`. */
#ifndef {guard}
#define {guard}

#include <math.h>
#include <stddef.h>
#include <string.h>

#ifndef CHAINRULE_LOCAL
#define CHAINRULE_LOCAL _Thread_local
#endif
"""


class _Source(Writer):
    """Writes one function, and what it keeps."""

    def __init__(self, kernel: Kernel, name: str, kind: str) -> None:
        super().__init__(kernel, C)
        self.kind = kind
        self.own = name if kind == "forward" else f"{name}_{kind}"

    def text(self) -> str:
        """What it keeps, its parts, and the function."""
        inputs, count = self.program.inputs, self.program.parameters
        columns = self.program.outputs.dims[0]
        kept = self.filled("outputs", self.program.outputs, columns)
        sums = self.filled("totals", self.program.totals, 0)
        blocks = [
            [line for part in self.blocks[when] for line in part]
            for when in (BEFORE, EACH, AFTER)
        ]
        loop = [f"const size_t at = {index(0, [('row', inputs)])};", "(void)at;"]
        lines = blocks[BEFORE]
        if blocks[EACH] or kept:
            lines += self.turns("row", "rows", [*loop, *blocks[EACH], *kept])
        lines += [*blocks[AFTER], *sums]
        result, to = "void", "outputs"
        if self.kind == "gradient":
            result, to = "double", "gradient"
            lines.insert(0, f"double totals[{count + 1}];")
            copy = f"memcpy(gradient, totals, {count} * sizeof *gradient);"
            lines += [f"if (gradient) {copy}", f"return rows ? totals[{count}] : NAN;"]
        about = TEXTS[self.kind].format(outputs=columns, parameters=count)
        space = [line for line in self.space if _used(line, lines)]
        return "\n".join(
            [
                f"/* {about}",
                f" * X: rows of {inputs} numbers each, one after the other. */",
                f"static inline {result} {self.own}(const double *X, size_t rows, "
                f"const double *parameters, double *{to}) {{",
                *indented([*space, "(void)X;", "(void)parameters;", *lines]),
                "}",
                "",
            ]
        )


def _used(line: str, lines: Sequence[str]) -> bool:
    """Whether the array that a line declares is read or written in the others."""
    found = re.search(r"(\w+)\[", line)
    return found is None or any(re.search(rf"\b{found[1]}\b", x) for x in lines)
