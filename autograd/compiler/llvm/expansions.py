"""Which operations there are in machine code, and the others by those.

Functions of e ** -|x| share that power with their slopes: it is an instruction of its
own here, `decay`, so that tanh and tanh' take it once.
"""

from __future__ import annotations

from collections.abc import Callable

from autograd.compiler.instructions import COMPARISONS, LEAVES, Code, Kernel
from autograd.compiler.llvm.vector_math import FUNCTIONS


def expanded(kernel: Kernel) -> Kernel:
    """The same, every instruction one that `operations` has a form of."""
    if EXPANSIONS.keys().isdisjoint(kernel.code.operations()):
        return kernel
    return kernel.over(*kernel.code.rewritten(_expanded))


def _expanded(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    if op in EXPANSIONS:
        return EXPANSIONS[op](code, *args)
    return _slope(code, *args) if op == "mul" else None


def _size(code: Code, x: int) -> int:
    """|x|, the same instruction for x and -x, for 2x and -2x."""
    op, args, _ = code.instructions[x]
    if op == "neg":
        return _size(code, args[0])
    factor = code.number(args[0]) if op == "mul" else None
    if factor is not None:
        return code.add("mul", (code.constant(abs(factor)), _size(code, args[1])))
    return code.add("abs", (x,))


def _logistic(code: Code, size: int) -> tuple[int, int]:
    """e ** -|x| and 1 / (1 + e ** -|x|)."""
    one = code.constant(1.0)
    power = code.add("decay", (size,))
    return power, code.add("div", (one, code.add("add", (one, power))))


def _negative(code: Code, x: int) -> int:
    return code.add("less", (x, code.constant(0.0)))


def _sigmoid(code: Code, x: int) -> int:
    power, share = _logistic(code, _size(code, x))
    low = code.add("mul", (power, share))
    return code.add("where", (_negative(code, x), low, share))


def _slope(code: Code, x: int, y: int) -> int | None:
    """sigmoid(x) * sigmoid(-x) needs no choice between the two; None for the rest."""
    one, two = code.instructions[x], code.instructions[y]
    if one.op == "mul" and code.number(one.args[0]) is not None:
        product = _slope(code, one.args[1], y)
        return None if product is None else code.add("mul", (one.args[0], product))
    if not one.op == two.op == "where" or one.args[1:] != two.args[1:]:
        return None
    low = code.instructions[one.args[1]]
    if low.op != "mul" or code.instructions[low.args[0]].op != "decay":
        return None
    xs = [code.instructions[made.args[0]].args[0] for made in (one, two)]
    opposite = _sign(code, xs[0]) != _sign(code, xs[1])
    return code.add("mul", one.args[1:]) if opposite else None


def _sign(code: Code, x: int) -> bool:
    """Whether `_size` took a minus away."""
    op, args, _ = code.instructions[x]
    if op == "neg":
        return not _sign(code, args[0])
    factor = code.number(args[0]) if op == "mul" else None
    return False if factor is None else (factor < 0) != _sign(code, args[1])


def _density(code: Code, x: int) -> int:
    power, share = _logistic(code, _size(code, x))
    return code.add("mul", (code.add("mul", (power, share)), share))


def _silu(code: Code, x: int) -> int:
    return code.add("mul", (x, _sigmoid(code, x)))


def _softplus(code: Code, x: int) -> int:
    power, _ = _logistic(code, _size(code, x))
    rest = code.add("log1p", (power,))
    positive = code.add("less", (code.constant(0.0), x))
    return code.add("where", (positive, code.add("add", (x, rest)), rest))


def _tanh(code: Code, x: int) -> int:
    """(1 - e ** -2|x|) / (1 + e ** -2|x|) with the sign of x."""
    size = code.add("mul", (code.constant(2.0), _size(code, x)))
    _, share = _logistic(code, size)
    result = code.add("mul", (code.add("decay_less_1", (size,)), share))
    positive = code.add("less", (code.constant(0.0), x))
    return code.add("where", (positive, code.add("neg", (result,)), result))


def _sign_of(code: Code, x: int) -> int:
    """1 or -1; x where it is 0 or nan."""
    one, zero = code.constant(1.0), code.constant(0.0)
    other = code.add("where", (_negative(code, x), code.constant(-1.0), x))
    return code.add("where", (code.add("less", (zero, x)), one, other))


def _clip(code: Code, x: int, low: int, high: int) -> int:
    return code.add("minimum", (code.add("maximum", (x, low)), high))


def _inverse_part(code: Code, x: int, y: int) -> int:
    """x over the square of the distance from 0; 0 there."""
    size, zero = code.add("hypot", (x, y)), code.constant(0.0)
    share = code.add("div", (code.add("div", (x, size)), size))
    return code.add("where", (code.add("equal", (size, zero)), zero, share))


EXPANSIONS: dict[str, Callable[..., int]] = {
    "clip": _clip,
    "inverse_part": _inverse_part,
    "logistic_density": _density,
    "sign": _sign_of,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "softplus": _softplus,
    "tanh": _tanh,
}

NATIVE = LEAVES | COMPARISONS.keys() | FUNCTIONS.keys() | EXPANSIONS.keys()
NATIVE |= {"add", "sub", "mul", "div", "neg", "sum", "dot", "abs", "sqrt"}
NATIVE |= {"minimum", "maximum", "where", "relu", "leaky_relu"}


def native(op: str) -> bool:
    """Whether the machine code backend has a form of an operation."""
    return op in NATIVE
