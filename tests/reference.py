"""The operations once more in mpmath, independent of the package: tests' reference."""

from __future__ import annotations

import itertools
from functools import reduce

import mpmath
from mpmath import mp, mpf

DIGITS = 140  # differences at a step of 1e-20 keep 140 - 3 * 20 digits in the third

ZERO = mpf(0)


def _erfc(x):
    """mpmath's own converts x to a float."""
    return mp.erfc(x) if abs(x) < 1e100 else mpf(0 if x > 0 else 2)


def _where(condition, x, y):
    return x if condition else y


REFERENCE = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": lambda x, y: mp.floor(x / y),
    "mod": lambda x, y: x - mp.floor(x / y) * y,
    "pow": lambda x, y: mp.power(x, y),
    "neg": lambda x: -x,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "sqrt": mp.sqrt,
    "exp2": lambda x: mp.power(2, x),
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": mp.log10,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "sign": mp.sign,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "inverse_part": lambda x, y: x / (x * x + y * y),
    "hypot": mp.hypot,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "logistic_density": lambda x: mp.sech(x / 2) ** 2 / 4,
    "relu": lambda x: max(x, ZERO),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x)),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * _erfc(-x / mp.sqrt(2)) / 2,
    "erf": mp.erf,
    "erfc": _erfc,
    "abs": abs,
    "minimum": lambda x, y: min(x, y),
    "maximum": lambda x, y: max(x, y),
    "where": _where,
    "clip": lambda x, low, high: min(max(x, low), high),
    "sum": lambda *xs: mp.fsum(xs),
    "mean": lambda *xs: mp.fsum(xs) / len(xs),
    "prod": lambda *xs: mp.fprod(xs),
    "norm": lambda *xs: mp.norm(xs),
    "take": lambda index, *xs: xs[int(mp.nint(index))],
    "dot": lambda *xs: mp.fdot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
    "logsumexp": lambda *xs: (
        mp.log(mp.fsum([mp.exp(x - max(xs)) for x in xs])) + max(xs)
    ),
}

# Central differences: how often to step, and the weight of the value there.
STENCILS = {
    0: ((0, 1),),
    1: ((-1, mpf(-1) / 2), (1, mpf(1) / 2)),
    2: ((-1, 1), (0, -2), (1, 1)),
    3: ((-2, mpf(-1) / 2), (-1, 1), (1, -1), (2, mpf(1) / 2)),
}


def derivatives(
    name: str, point: tuple[float, ...], orders, digits: int = DIGITS
) -> dict[tuple, mpf]:
    """Derivatives at so many digits, by orders, each so often by each argument.

    From differences at a step of 1e-20, whose own error is about 1e-40.
    """
    f = REFERENCE[name]
    with mp.workdps(digits):
        center = [mpf(x) for x in point]
        most = 1 if digits > DIGITS else mp.inf  # periods, too, are short beside 1e300
        steps = [mpf("1e-20") * min(abs(x) or 1, most) for x in center]
        known: dict[tuple[int, ...], mpf] = {}

        def at(shift: tuple[int, ...]) -> mpf:
            if shift not in known:
                known[shift] = f(
                    *[x + k * h for x, k, h in zip(center, shift, steps, strict=True)]
                )
            return known[shift]

        found = {}
        for order in orders:
            total = ZERO
            for terms in itertools.product(*[STENCILS[k] for k in order]):
                weight = reduce(lambda a, b: a * b, [w for _, w in terms], mpf(1))
                total += weight * at(tuple(k for k, _ in terms))
            for k, h in zip(order, steps, strict=True):
                total /= h**k
            found[order] = total
        return found


def ulps(x: float, exact: mpf) -> float:
    """How far x is from the exact number, in units of its last place."""
    import math

    nearest = float(exact)
    if x == nearest:
        return 0.0
    with mp.workdps(DIGITS):
        return float(abs(mpf(x) - exact) / mpf(math.ulp(nearest)))


__all__ = ["DIGITS", "REFERENCE", "derivatives", "mpmath", "ulps"]
