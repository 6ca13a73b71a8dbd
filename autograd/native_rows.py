"""The rows of the table in C, for the compiled engine: each is asked to write itself.

A row's functions are called with texts in place of numbers, and what they do with them
is the C: `lambda x, out: 1 - out * out` gives `(1.0 - (out * out))`. Where a function
asks a question, such as `x < 0`, it is called once for each answer. So there is no
second statement of what an operation is. Written for the build; see setup.py.

>>> print(forward(TABLE["tanh"]))
static double row_tanh(double x0) { return tanh(x0); }
>>> print(expression(TABLE["relu"].partials[0], ["x", "out"]))
((x <= (0x0.0p+0)) ? (0x0.0p+0) : (0x1.0000000000000p+0))
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from autograd import ops
from autograd.operation import Operation
from autograd.ops import TABLE

SAME_IN_C: Final = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "copysign"),
    *("cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor"),
    *("isfinite", "log", "log10", "log1p", "log2", "pow", "sin", "sinh", "sqrt", "tan"),
    *("tanh", "trunc"),
)
"""Functions of `math` that hand a finite float to C's of the same name, and hand back
what it gives."""

PYTHONS: Final = {"hypot": "python_hypot", "atan2": "python_atan2"}
"""Those of which Python has its own, which C calls; see recording.h."""


class UnwritableError(Exception):
    """A row that does something C has no words for here; it is run by Python."""


class Question(BaseException):
    """A function asks something; not an Exception, so that no row handles it."""


class Text:
    """A C expression where a row expects a number."""

    def __init__(self, text: str, answers: Iterator[bool]) -> None:
        self.text = text
        self.answers = answers

    def of(self, form: str, *others: Any) -> Text:
        """An expression of this one, as {0}, and of others."""
        return Text(form.format(self.text, *map(as_c, others)), self.answers)

    def called(self, name: str, args: Sequence[Any]) -> Text:
        """A call of a C function."""
        return Text(f"{name}({', '.join(map(as_c, args))})", self.answers)

    def _apply(self, operation: Operation, args: Sequence[Any]) -> Text:
        return self.called(f"row_{operation.name}", args)

    def __bool__(self) -> bool:
        for answer in self.answers:
            return answer
        raise Question(self.text)

    def __add__(self, other: Any) -> Text:
        return self.of("({0} + {1})", other)

    def __radd__(self, other: Any) -> Text:
        return self.of("({1} + {0})", other)

    def __sub__(self, other: Any) -> Text:
        return self.of("({0} - {1})", other)

    def __rsub__(self, other: Any) -> Text:
        return self.of("({1} - {0})", other)

    def __mul__(self, other: Any) -> Text:
        return self.of("({0} * {1})", other)

    def __rmul__(self, other: Any) -> Text:
        return self.of("({1} * {0})", other)

    def __truediv__(self, other: Any) -> Text:
        return self.of("({0} / {1})", other)

    def __rtruediv__(self, other: Any) -> Text:
        return self.of("({1} / {0})", other)

    def __mod__(self, other: Any) -> Text:
        return self.of("python_mod({0}, {1})", other)

    def __floordiv__(self, other: Any) -> Text:
        return self.of("python_floordiv({0}, {1})", other)

    def __neg__(self) -> Text:
        return self.of("(-{0})")

    def __lt__(self, other: Any) -> Any:
        return self.of("({0} < {1})", other)

    def __le__(self, other: Any) -> Any:
        return self.of("({0} <= {1})", other)

    def __gt__(self, other: Any) -> Any:
        return self.of("({0} > {1})", other)

    def __ge__(self, other: Any) -> Any:
        return self.of("({0} >= {1})", other)

    def __eq__(self, other: object) -> Any:
        return self.of("({0} == {1})", other)

    def __ne__(self, other: object) -> Any:
        return self.of("({0} != {1})", other)

    __hash__ = None  # type: ignore[assignment]


class MathInC:
    """In place of the module `math`, while rows write themselves."""

    def __getattr__(self, name: str) -> Callable[..., Text]:
        if name not in SAME_IN_C and name not in PYTHONS:
            raise UnwritableError(f"math.{name}")

        def call(*args: Any) -> Any:
            for arg in args:
                if isinstance(arg, Text):
                    return arg.called(PYTHONS.get(name, name), args)
            return getattr(math, name)(*args)

        return call


@contextmanager
def math_in_c() -> Iterator[None]:
    """Let the functions of the table find C's names where they look for `math`."""
    try:
        vars(ops)["math"] = MathInC()
        yield
    finally:
        vars(ops)["math"] = math


def as_c(x: Any) -> str:
    """A number or an expression, to the last bit."""
    if isinstance(x, Text):
        return x.text
    if not math.isfinite(x):
        return "NAN" if x != x else "INFINITY" if x > 0 else "(-INFINITY)"
    return f"({float(x).hex()})"


def expression(
    function: Callable[..., Any], names: Sequence[str], known: tuple[bool, ...] = ()
) -> str:
    """What a function gives, as C; `known` are answers to what it asks first."""
    answers = iter(known)
    try:
        return as_c(function(*[Text(name, answers) for name in names]))
    except Question as question:
        yes, no = (
            expression(function, names, (*known, also)) for also in (True, False)
        )
        return f"({question} ? {yes} : {no})"
    except (ValueError, ZeroDivisionError, OverflowError):
        return "ask()"  # for the error, or for what is to be in its place
    except (AttributeError, TypeError) as error:
        raise UnwritableError(str(error)) from None


def forward(row: Operation) -> str:
    """A row's forward function in C."""
    names = [f"x{place}" for place in range(row.arity)]
    function: Callable[..., Any] = row.forward
    if getattr(function, "__module__", "") == "math":
        function = getattr(MathInC(), function.__name__)
    arguments = ", ".join(f"double {name}" for name in names)
    text = expression(function, names)
    return f"static double row_{row.name}({arguments}) {{ return {text}; }}"


def with_partials(row: Operation) -> str:
    """A row's forward function and its local derivatives, in one C function."""
    names = [f"x{place}" for place in range(row.arity)]
    lines = [f"double {name} = x[{place}];" for place, name in enumerate(names)]
    lines.append(f"double out = row_{row.name}({', '.join(names)});")
    for place, partial in enumerate(row.partials):
        lines.append(f"d[{place}] = {expression(partial, [*names, 'out'])};")
    body = " ".join([*lines, "return out;"])
    return f"static double all_{row.name}(const double *x, double *d) {{ {body} }}"


def in_c() -> tuple[str, dict[str, str]]:
    """The C of all rows that can be written, and why the others can't be."""
    forwards: dict[str, str] = {}
    whole: dict[str, str] = {}
    reasons: dict[str, str] = {}
    with math_in_c():
        for row in TABLE.values():
            try:
                if not row.arity:
                    raise UnwritableError("it takes any number of arguments")
                forwards[row.name] = forward(row)
                whole[row.name] = with_partials(row)
            except UnwritableError as reason:
                reasons[row.name] = str(reason)
    for name, text in list(whole.items()):
        for called in re.findall(r"row_(\w+)\(", text):
            if called not in forwards:
                reasons[name] = f"it needs {called}"
                whole.pop(name, None)
    ahead = [text.partition(" {")[0] + ";" for text in forwards.values()]
    rows = [f'{{"{name}", {TABLE[name].arity}, all_{name}}},' for name in whole]
    table = ["static const Kernel kernels[] = {", *rows, "};"]
    of_one = [f"each({name})" for name in whole if TABLE[name].arity == 1]
    table.append(f"#define ROWS_OF_ONE(each) {' '.join(of_one)}")
    lines = [*ahead, *forwards.values(), *whole.values(), *table]
    return "\n".join(lines) + "\n", reasons
