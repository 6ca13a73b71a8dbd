"""The table: every operation declared once.

A row says what an operation is called, how it computes a float, what its partial
derivatives are, how it looks in a picture and in LaTeX, and where it is defined.
The engine, higher derivatives, the compiler, the pictures, the documentation and the
generated tests all read the same row.

The partials are polymorphic. They are written with ordinary operators and with the
rows of this table, so that called with floats they give a float, and called with
nodes they record a graph: the derivative of the derivative needs no second rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from autograd.hints import Any, Final
from autograd.operation import ANY, ATOM, POWER, PRODUCT, SIGN, SUM, Operation, row
from autograd.operation import TABLE as TABLE

INFINITY: Final = math.inf
NAN: Final = math.nan
LEAST: Final = 2.2250738585072014e-308  # a normal number, for XLA takes less for 0
SQRT_HALF: Final = math.sqrt(0.5)
SQRT_HALF_HIGH: Final = 0.7071067839860916  # the leading 27 bits of the 53
SQRT_HALF_LOW: Final = SQRT_HALF - SQRT_HALF_HIGH
SQRT_HALF_REST: Final = -4.833646656726457e-17  # of the exact number beyond 53 bits
ONE_OVER_ROOT_2_PI: Final = 1 / math.sqrt(2 * math.pi)
LN_2: Final = math.log(2.0)
LN_10: Final = math.log(10.0)
TWO_OVER_ROOT_PI: Final = 2 / math.sqrt(math.pi)

# ---- a leaf, and a number that a user wrote into an expression -----------------------

LEAF: Final = Operation("", lambda: NAN)
CONSTANT: Final = Operation("", lambda: NAN)
ANSWER: Final = Operation("", lambda: NAN)
"""A constant that is True or False: the answer, it may be, to a question about a Value,
which `recompute()` can't ask again."""

# ---- a node whose local derivatives the caller gave as numbers -----------------------

ONCE: Final = (
    "Value(data, parents, partials) knows its derivatives as numbers only, and can be "
    "neither computed anew nor differentiated twice; declare the function with "
    "@operation, which takes its derivatives as functions"
)


def _given(*args: Any) -> Any:
    raise TypeError(ONCE)


GIVEN: Final = Operation(
    "given",
    _given,
    all_partials=_given,
    latex=r"\operatorname{{given}}\left({0}\right)",
    tame=True,
)

# ---- what a transform hands to a function in place of a node -------------------------

ALIAS: Final = Operation(
    "alias",
    lambda x: x,
    partials=(lambda x, out: 1.0,),
    symbol="=",
    batch="{0}",
    latex="{0}",
    binds=ANY,
    needs=(ANY,),
    doc="x, as a node of its own",
    tame=True,
)

# ---- arithmetic ----------------------------------------------------------------------


def _quotient_limit(x: float, y: float) -> float:
    """x / 0 in IEEE arithmetic: infinite with the sign of both, or nan for 0 / 0."""
    if x == 0 or x != x:
        return NAN
    return math.copysign(INFINITY, x) * math.copysign(1.0, y)


def _power(x: float, y: float) -> float:
    """x ** y where it is a real number; math.pow refuses a negative base's root."""
    if x == 0 and y < 0:
        raise ZeroDivisionError("0 ** a negative number")
    if y == 1:  # what the slope of a square asks for
        return x
    if y == 2 and -1e150 < x < 1e150:  # the commonest, in a fifth of the time
        return x * x
    return math.pow(x, y)


def _power_limit(x: float, y: float) -> float:
    """The answer of C's pow where `_power` raises."""
    if math.isinf(y):
        return INFINITY  # 0 ** -infinity
    odd = y == math.floor(y) and math.fmod(y, 2.0) != 0.0
    sign = math.copysign(1.0, x) if odd else 1.0
    if x == 0 or y == math.floor(y) or x > 0:
        return sign * INFINITY
    return NAN


def _power_by_base(x: Any, y: Any, out: Any) -> Any:
    if getattr(y, "constant", False):
        y = y.data  # so that x ** 1 has the slope 1 * x ** 0, and then a plain 0
        if not y:
            return 0.0
    if not y and not (x <= -LEAST or x >= LEAST):
        return 0.0  # x ** 0 is 1 everywhere, so its slope is 0 at 0 and nan too
    return y * pow_(x, y - 1)  # Python's ** is complex at a negative base


def _power_by_exponent(x: Any, y: Any, out: Any) -> Any:
    if x < 0:
        # x ** y is real at whole y alone, and has no slope in y. (The quotient has a
        # slope in both that is never 0, so that every further derivative is nan too.)
        return NAN * out / x
    if not x and not y < 0:
        # 0 ** y is 0 for every y > 0: a 0, with the slopes in x that taking the three
        # derivatives the other way round gives, those of y * x ** (y - 1) by y.
        return x if y == 1 else 1.5 * x * x if y == 2 else out - out
    return out * log(x)


def _power_unchosen(x: Any, y: Any) -> tuple[Any, Any]:
    return y == 0, False


add: Final[Operation] = row(
    "add",
    lambda x, y: x + y,
    partials=(lambda x, y, out: 1.0, lambda x, y, out: 1.0),
    symbol="+",
    batch="{0} + {1}",
    latex="{0} + {1}",
    binds=SUM,
    needs=(SUM, SUM),
    tame=True,
    box=((-10.0, 10.0), (-10.0, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.25), (1e308, -1e308)),
    doc="x + y",
)

sub: Final[Operation] = row(
    "sub",
    lambda x, y: x - y,
    partials=(lambda x, y, out: 1.0, lambda x, y, out: -1.0),
    symbol="-",
    batch="{0} - {1}",
    latex="{0} - {1}",
    binds=SUM,
    needs=(SUM, PRODUCT),
    tame=True,
    box=((-10.0, 10.0), (-10.0, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.25), (0.0, 0.0)),
    doc="x - y",
)

mul: Final[Operation] = row(
    "mul",
    lambda x, y: x * y,
    partials=(lambda x, y, out: y, lambda x, y, out: x),
    symbol="*",
    batch="{0} * {1}",
    latex=r"{0} \cdot {1}",
    binds=PRODUCT,
    needs=(PRODUCT, PRODUCT),
    tame=True,
    box=((-10.0, 10.0), (-10.0, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.25), (0.0, -4.0)),
    doc="x * y",
)

div: Final[Operation] = row(
    "div",
    lambda x, y: x / y,
    partials=(lambda x, y, out: 1 / y, lambda x, y, out: -out / y),
    symbol="/",
    limit=_quotient_limit,
    batch="{0} / {1}",
    latex=r"\frac{{{0}}}{{{1}}}",
    binds=PRODUCT,
    needs=(ANY, ANY),
    domain="a divisor other than 0",
    raises=(ZeroDivisionError,),
    advice="Keep the divisor away from 0, as x / where(y, y, 1.0) does.",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.25), (0.0, -4.0)),
    doc="x / y",
)

floordiv: Final[Operation] = row(
    "floordiv",
    lambda x, y: x // y,
    partials=(lambda x, y, out: 0.0, lambda x, y, out: 0.0),
    symbol="//",
    selects=True,
    limit=_quotient_limit,
    batch="np.floor_divide({0}, {1})",
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    needs=(ANY, ANY),
    domain="a divisor other than 0",
    raises=(ZeroDivisionError,),
    advice="Keep the divisor away from 0, as x // where(y, y, 1.0) does.",
    kink="0 everywhere, at the jumps too",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.4), (7.5, -2.0)),
    doc="x // y, the largest whole number that is not above x / y",
)

mod: Final[Operation] = row(
    "mod",
    lambda x, y: x % y,
    partials=(lambda x, y, out: 1.0, lambda x, y, out: -floordiv(x, y)),
    symbol="%",
    batch="np.mod({0}, {1})",
    latex=r"{0} \bmod {1}",
    binds=PRODUCT,
    needs=(PRODUCT, SIGN),
    domain="a divisor other than 0",
    raises=(ZeroDivisionError,),
    advice="Keep the divisor away from 0, as x % where(y, y, 1.0) does.",
    kink="as beside the jumps",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((2.0, 3.0), (-1.5, 0.4), (7.5, -2.0)),
    doc="x % y, the rest x - (x // y) * y, with the sign of y",
)

pow_: Final[Operation] = row(
    "pow",
    _power,
    partials=(_power_by_base, _power_by_exponent),
    symbol="**",
    limit=_power_limit,
    batch="np.power({0}, {1})",
    latex=r"{{{0}}}^{{{1}}}",
    binds=POWER,
    needs=(ATOM, ANY),
    domain="a positive base, or a whole exponent (not below 0 where the base is 0)",
    raises=(ValueError, ZeroDivisionError, OverflowError),
    selects=_power_unchosen,
    advice=(
        "Write abs(x) ** y for the size of the root, or keep the base positive with "
        "maximum(x, 1e-12)."
    ),
    kink=(
        "by x, 0 at x = 0 where y = 0; by y, nan for x < 0, and 0 at x = 0 unless y < 0"
    ),
    box=((0.1, 5.0), (-3.0, 3.0)),
    samples=((2.0, 3.0), (0.5, -1.5), (-2.0, 3.0), (3.0, 0.0), (1.0, 7.5)),
    doc="x ** y",
)

neg: Final[Operation] = row(
    "neg",
    lambda x: -x,
    partials=(lambda x, out: -1.0,),
    symbol="-",
    batch="-{0}",
    latex="-{0}",
    binds=SIGN,
    needs=(SIGN,),
    tame=True,
    box=((-10.0, 10.0),),
    samples=((2.0,), (-0.5,)),
    doc="-x",
)

# ---- exponentials and logarithms -----------------------------------------------------


exp: Final[Operation] = row(
    "exp",
    math.exp,
    doc="""The exponential, e ** x.

    >>> exp(1.0)
    2.718281828459045
    """,
    partials=(lambda x, out: out,),
    batch="np.exp({0})",
    latex=r"e^{{{0}}}",
    binds=POWER,
    domain="x up to 709.78",
    raises=(OverflowError,),
    advice=(
        "Subtract the largest term first, or use logsumexp, softmax, sigmoid or "
        "softplus, which do that themselves."
    ),
    box=((-20.0, 20.0),),
    samples=((0.0,), (1.0,), (-2.5,), (700.0,)),
)

expm1: Final[Operation] = row(
    "expm1",
    math.expm1,
    doc="""e ** x - 1, exact also where x is near 0.

    >>> expm1(1e-12)
    1.0000000000005e-12
    """,
    partials=(lambda x, out: exp(x),),
    batch="np.expm1({0})",
    latex=r"e^{{{0}}} - 1",
    binds=SUM,
    domain="x up to 709.78",
    raises=(OverflowError,),
    advice="Keep the argument below 709.78; expm1 grows like exp.",
    box=((-20.0, 20.0),),
    samples=((0.0,), (1e-10,), (-2.5,), (-1000.0,)),
)

log: Final[Operation] = row(
    "log",
    math.log,
    doc="""The natural logarithm of x.

    >>> log(2.0)
    0.6931471805599453
    """,
    partials=(lambda x, out: 1 / x,),
    limit=lambda x: -INFINITY if x == 0 else NAN,
    batch="np.log({0})",
    latex=r"\ln\left({0}\right)",
    domain="x > 0",
    raises=(ValueError,),
    advice="Keep x positive with maximum(x, 1e-12), or use log1p(x) for log(1 + x).",
    box=((1e-3, 1e3),),
    samples=((1.0,), (2.5,), (1e-300,)),
)

log1p: Final[Operation] = row(
    "log1p",
    math.log1p,
    doc="""log(1 + x), exact also where x is near 0.

    >>> log1p(1e-12)
    9.999999999995e-13
    """,
    partials=(lambda x, out: 1 / (1 + x),),
    limit=lambda x: -INFINITY if x == -1 else NAN,
    batch="np.log1p({0})",
    latex=r"\ln\left(1 + {0}\right)",
    needs=(SUM,),
    domain="x > -1",
    raises=(ValueError,),
    advice="Keep x above -1 with maximum(x, -1 + 1e-12).",
    box=((-0.99, 100.0),),
    samples=((0.0,), (1e-10,), (-0.5,), (1000.0,)),
)

sqrt: Final[Operation] = row(
    "sqrt",
    math.sqrt,
    doc="""The square root of x.

    >>> sqrt(2.0)
    1.4142135623730951
    """,
    partials=(lambda x, out: 0.5 / out,),
    batch="np.sqrt({0})",
    latex=r"\sqrt{{{0}}}",
    domain="x >= 0",
    raises=(ValueError,),
    advice="Keep x at 0 or above with maximum(x, 0), or take sqrt(abs(x)).",
    kink="infinite at 0",
    box=((1e-3, 1e3),),
    samples=((1.0,), (2.0,), (1e-300,), (1e300,)),
)

exp2: Final[Operation] = row(
    "exp2",
    math.exp2,
    doc="""2 ** x.

    >>> exp2(3.0)
    8.0
    """,
    partials=(lambda x, out: LN_2 * out,),
    batch="np.exp2({0})",
    latex=r"2^{{{0}}}",
    binds=POWER,
    domain="x below 1024",
    raises=(OverflowError,),
    advice="Keep the argument below 1024; exp2 grows like exp.",
    box=((-20.0, 20.0),),
    samples=((0.0,), (1.0,), (-2.5,), (1000.0,)),
)

log2: Final[Operation] = row(
    "log2",
    math.log2,
    doc="""The logarithm of x to the base 2.

    >>> log2(8.0)
    3.0
    """,
    partials=(lambda x, out: 1 / LN_2 / x,),
    limit=lambda x: -INFINITY if x == 0 else NAN,
    batch="np.log2({0})",
    latex=r"\log_{{2}}\left({0}\right)",
    domain="x > 0",
    raises=(ValueError,),
    advice="Keep x positive with maximum(x, 1e-12).",
    box=((1e-3, 1e3),),
    samples=((1.0,), (2.5,), (1e-300,)),
)

log10: Final[Operation] = row(
    "log10",
    math.log10,
    doc="""The logarithm of x to the base 10.

    >>> log10(1000.0)
    3.0
    """,
    partials=(lambda x, out: 1 / LN_10 / x,),
    limit=lambda x: -INFINITY if x == 0 else NAN,
    batch="np.log10({0})",
    latex=r"\log_{{10}}\left({0}\right)",
    domain="x > 0",
    raises=(ValueError,),
    advice="Keep x positive with maximum(x, 1e-12).",
    box=((1e-3, 1e3),),
    samples=((1.0,), (2.5,), (1e-300,)),
)

cbrt: Final[Operation] = row(
    "cbrt",
    math.cbrt,
    doc="""The cube root of x, negative where x is.

    >>> cbrt(27.0), cbrt(-27.0)
    (3.0, -3.0)
    """,
    partials=(lambda x, out: 1 / 3 / out / out,),
    batch="np.cbrt({0})",
    latex=r"\sqrt[3]{{{0}}}",
    kink="infinite at 0",
    box=((1e-3, 1e3),),
    samples=((1.0,), (-2.0,), (1e-300,), (1e300,)),
)

# ---- trigonometry --------------------------------------------------------------------


sin: Final[Operation] = row(
    "sin",
    math.sin,
    doc="""The sine of x in radians.

    >>> sin(1.0)
    0.8414709848078965
    """,
    partials=(lambda x, out: cos(x),),
    batch="np.sin({0})",
    latex=r"\sin\left({0}\right)",
    domain="every finite number",
    raises=(ValueError,),
    advice="An infinite angle has no sine; look where it became infinite.",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-4.0,)),
)

cos: Final[Operation] = row(
    "cos",
    math.cos,
    doc="""The cosine of x in radians.

    >>> cos(1.0)
    0.5403023058681398
    """,
    partials=(lambda x, out: -sin(x),),
    batch="np.cos({0})",
    latex=r"\cos\left({0}\right)",
    domain="every finite number",
    raises=(ValueError,),
    advice="An infinite angle has no cosine; look where it became infinite.",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-4.0,)),
)

tan: Final[Operation] = row(
    "tan",
    math.tan,
    doc="""The tangent of x in radians.

    >>> tan(1.0)
    1.5574077246549023
    """,
    partials=(lambda x, out: 1 + out * out,),
    batch="np.tan({0})",
    latex=r"\tan\left({0}\right)",
    domain="every finite number",
    raises=(ValueError,),
    advice="An infinite angle has no tangent; look where it became infinite.",
    box=((-1.5, 1.5),),
    samples=((0.0,), (1.0,), (-0.7,)),
)


def _one_minus_square(x: Any) -> Any:
    """1 - x*x, in the form that keeps its digits there, as does its own slope, -2x."""
    if 0.5 < abs_(x) < 1:
        return (1 - x) * (1 + x)
    return 1 - x * x


asin: Final[Operation] = row(
    "asin",
    math.asin,
    doc="""The angle in [-pi/2, pi/2] whose sine is x.

    >>> asin(1.0)
    1.5707963267948966
    """,
    partials=(lambda x, out: 1 / sqrt(_one_minus_square(x)),),
    batch="np.arcsin({0})",
    latex=r"\arcsin\left({0}\right)",
    domain="-1 <= x <= 1",
    raises=(ValueError,),
    advice="Keep x between -1 and 1 with clip(x, -1, 1).",
    kink="infinite at -1 and 1",
    box=((-0.999, 0.999),),
    samples=((0.0,), (0.5,), (-0.999,)),
)

acos: Final[Operation] = row(
    "acos",
    math.acos,
    doc="""The angle in [0, pi] whose cosine is x.

    >>> acos(0.0)
    1.5707963267948966
    """,
    partials=(lambda x, out: -1 / sqrt(_one_minus_square(x)),),
    batch="np.arccos({0})",
    latex=r"\arccos\left({0}\right)",
    domain="-1 <= x <= 1",
    raises=(ValueError,),
    advice="Keep x between -1 and 1 with clip(x, -1, 1).",
    kink="minus infinity at -1 and 1",
    box=((-0.999, 0.999),),
    samples=((0.0,), (0.5,), (-0.999,)),
)


def _atan_slope(x: Any, out: Any) -> Any:
    if abs_(x) > 1e8:  # the same, without a square that overflows
        inverse = 1 / x
        return inverse * inverse / (1 + inverse * inverse)
    return 1 / (1 + x * x)


atan: Final[Operation] = row(
    "atan",
    math.atan,
    doc="""The angle in (-pi/2, pi/2) whose tangent is x.

    >>> atan(1.0)
    0.7853981633974483
    """,
    partials=(_atan_slope,),
    batch="np.arctan({0})",
    latex=r"\arctan\left({0}\right)",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-4.0,)),
)


atan2: Final[Operation] = row(
    "atan2",
    math.atan2,
    doc="""The angle of the point (x, y), in [-pi, pi]. Mind the order: y first.

    >>> atan2(1.0, -1.0)
    2.356194490192345
    """,
    partials=(
        lambda y, x, out: inverse_part(x, y),
        lambda y, x, out: -inverse_part(y, x),
    ),
    names=("y", "x"),
    batch="np.arctan2({0}, {1})",
    latex=r"\operatorname{{atan2}}\left({0}, {1}\right)",
    kink="by y 0 and by x -0 at (0, 0)",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((1.0, 1.0), (-2.0, 0.5), (3.0, -4.0)),
)


def _inverse_part(x: float, y: float) -> float:
    size = math.hypot(x, y)
    return x / size / size if size else 0.0


inverse_part: Final[Operation] = row(
    "inverse_part",
    _inverse_part,
    doc="""x / (x*x + y*y), the real part of 1 / (x + iy); 0 at (0, 0).

    It is a row so that the further slopes of atan2 are products of it, with a sum and a
    difference, where those of the quotient are differences of terms that overflow.

    >>> inverse_part(3.0, 4.0)
    0.12
    """,
    partials=(
        lambda x, y, out: (inverse_part(y, x) - out) * (inverse_part(y, x) + out),
        lambda x, y, out: -2 * out * inverse_part(y, x),
    ),
    batch=(
        "np.where(np.hypot({0}, {1}) == 0, 0.0, "
        "{0} / np.hypot({0}, {1}) / np.hypot({0}, {1}))"
    ),
    latex=r"\frac{{{0}}}{{{{{0}}}^2 + {{{1}}}^2}}",
    needs=(ATOM, ATOM),
    kink="0 at (0, 0)",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((3.0, 4.0), (-1.0, 2.0), (0.25, -2.0)),
)


def _hypot_slope(x: Any, y: Any, out: Any) -> Any:
    """x / hypot(x, y), so written that its own slopes keep their digits.

    By x, the slope of x / out is 1 / out - x*x / out**3, all cancellation where y is
    small; that of sqrt(1 - (y/out)**2), the same number, has none there.
    """
    if abs_(x) <= abs_(y):
        return x / out
    share = y / out
    size = sqrt(1 - share * share)
    return size if x > 0 else -size


hypot: Final[Operation] = row(
    "hypot",
    math.hypot,
    doc="""sqrt(x*x + y*y) without overflow on the way.

    >>> hypot(3.0, 4.0)
    5.0
    """,
    partials=(
        lambda x, y, out: _hypot_slope(x, y, out),
        lambda x, y, out: _hypot_slope(y, x, out),
    ),
    batch="np.hypot({0}, {1})",
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    needs=(ATOM, ATOM),
    kink="both nan at (0, 0)",
    box=((-10.0, 10.0), (0.1, 10.0)),
    samples=((3.0, 4.0), (-1.0, 2.0), (1e200, 1e200)),
)

# ---- hyperbolic functions ------------------------------------------------------------


sinh: Final[Operation] = row(
    "sinh",
    math.sinh,
    doc="""The hyperbolic sine, (e**x - e**-x) / 2.

    >>> sinh(1.0)
    1.1752011936438014
    """,
    partials=(lambda x, out: cosh(x),),
    limit=lambda x: math.copysign(INFINITY, x),
    batch="np.sinh({0})",
    latex=r"\sinh\left({0}\right)",
    domain="x between -710.47 and 710.47",
    raises=(OverflowError,),
    advice="Keep the argument smaller; sinh grows like exp.",
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-3.0,)),
)

cosh: Final[Operation] = row(
    "cosh",
    math.cosh,
    doc="""The hyperbolic cosine, (e**x + e**-x) / 2.

    >>> cosh(1.0)
    1.5430806348152437
    """,
    partials=(lambda x, out: sinh(x),),
    batch="np.cosh({0})",
    latex=r"\cosh\left({0}\right)",
    domain="x between -710.47 and 710.47",
    raises=(OverflowError,),
    advice="Keep the argument smaller; cosh grows like exp.",
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-3.0,)),
)


def _asinh_slope(x: Any, out: Any) -> Any:
    return 1 / hypot(x, 1.0)


asinh: Final[Operation] = row(
    "asinh",
    math.asinh,
    doc="""The number whose hyperbolic sine is x.

    >>> asinh(1.0)
    0.881373587019543
    """,
    partials=(_asinh_slope,),
    batch="np.arcsinh({0})",
    latex=r"\operatorname{{arsinh}}\left({0}\right)",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((0.0,), (1.0,), (-3.0,)),
)


def _acosh_slope(x: Any, out: Any) -> Any:
    if x > 1:
        return 1 / (sqrt(x - 1) * sqrt(x + 1))
    return 1 / sqrt(x * x - 1)  # whose own slope at 1 is -inf, and not nan


acosh: Final[Operation] = row(
    "acosh",
    math.acosh,
    doc="""The number from 0 whose hyperbolic cosine is x.

    >>> acosh(2.0)
    1.3169578969248166
    """,
    partials=(_acosh_slope,),
    batch="np.arccosh({0})",
    latex=r"\operatorname{{arcosh}}\left({0}\right)",
    domain="x >= 1",
    raises=(ValueError,),
    advice="Keep x at 1 or above with maximum(x, 1).",
    kink="infinite at 1",
    box=((1.1, 100.0),),
    samples=((1.5,), (3.0,), (1000.0,)),
)

atanh: Final[Operation] = row(
    "atanh",
    math.atanh,
    doc="""The number whose hyperbolic tangent is x.

    >>> atanh(0.5)
    0.5493061443340549
    """,
    partials=(lambda x, out: 1 / _one_minus_square(x),),
    limit=lambda x: x * INFINITY if abs(x) == 1 else NAN,
    batch="np.arctanh({0})",
    latex=r"\operatorname{{artanh}}\left({0}\right)",
    domain="-1 < x < 1",
    raises=(ValueError,),
    advice="Keep x inside with clip(x, -1 + 1e-12, 1 - 1e-12).",
    box=((-0.99, 0.99),),
    samples=((0.0,), (0.5,), (-0.75,)),
)


def _tanh_slope(x: Any, out: Any) -> Any:
    """1 - tanh(x)**2, which far from 0 loses its digits in the subtraction."""
    if -0.9 < out < 0.9:
        return 1 - out * out
    return 4 * sigmoid(2 * x) * sigmoid(-2 * x)


tanh: Final[Operation] = row(
    "tanh",
    math.tanh,
    doc="""The hyperbolic tangent, in [-1, 1].

    >>> tanh(0.5)
    0.46211715726000974
    """,
    partials=(_tanh_slope,),
    batch="np.tanh({0})",
    latex=r"\tanh\left({0}\right)",
    tame=True,
    box=((-15.0, 15.0),),
    samples=((0.0,), (0.5,), (-2.0,), (1000.0,), (-1000.0,)),
)

# ---- activations ---------------------------------------------------------------------


def _sigmoid(x: float) -> float:
    if x < 0:
        power = math.exp(x)
        return power / (1 + power)
    return 1 / (1 + math.exp(-x))


def _sigmoid_slope(x: Any, out: Any) -> Any:
    """out * (1 - out), which far above 0 loses its digits in the subtraction."""
    if isinstance(x, float):
        return out * _sigmoid(-x)  # a fifth of the time of recording it goes here
    return logistic_density(x)


sigmoid: Final[Operation] = row(
    "sigmoid",
    _sigmoid,
    doc="""The logistic function, 1 / (1 + e**-x), in [0, 1].

    >>> sigmoid(0.51)
    0.6248064744684293
    """,
    partials=(_sigmoid_slope,),
    batch="np.exp(np.minimum({0}, 0.0)) / (1 + np.exp(-np.abs({0})))",
    latex=r"\sigma\left({0}\right)",
    tame=True,
    box=((-30.0, 30.0),),
    samples=((0.0,), (0.51,), (-3.0,), (1000.0,), (-1000.0,)),
)


logistic_density: Final[Operation] = row(
    "logistic_density",
    lambda x: _sigmoid(x) * _sigmoid(-x),
    doc="""sigmoid(x) * sigmoid(-x), the slope of sigmoid, in [0, 1/4].

    It is a row so that its own slope keeps its digits near 0, where that of the product
    is a difference of two nearly equal numbers.

    >>> logistic_density(0.0)
    0.25
    """,
    partials=(lambda x, out: -out * tanh(0.5 * x),),
    batch="np.exp(-np.abs({0})) / np.square(1 + np.exp(-np.abs({0})))",
    latex=r"\sigma\left({0}\right) \cdot \sigma\left(-{0}\right)",
    binds=PRODUCT,
    needs=(PRODUCT,),
    tame=True,
    box=((-30.0, 30.0),),
    samples=((0.0,), (0.51,), (-3.0,), (1000.0,), (-1000.0,)),
)


def _relu(x: float) -> float:
    return 0.0 if x < 0 else x


relu: Final[Operation] = row(
    "relu",
    _relu,
    doc="""The rectifier, the larger of 0 and x.

    >>> relu(-2.0), relu(3.0)
    (0.0, 3.0)
    """,
    partials=(lambda x, out: 0.0 if x <= 0 else 1.0,),
    selects=True,
    symbol="ReLU",
    batch="np.where({0} < 0, 0.0, {0})",
    latex=r"\operatorname{{ReLU}}\left({0}\right)",
    kink="0 at 0",
    tame=True,
    box=((-5.0, 5.0),),
    samples=((1.5,), (-2.0,), (0.0,)),
)


def _leaky_relu(x: float, slope: float) -> float:
    return x if x > 0 else slope * x


def _leaky_unchosen(x: Any, slope: Any) -> tuple[Any, Any]:
    flat = slope == 0
    return (x <= 0) * flat if flat is not False else False, x > 0


leaky_relu: Final[Operation] = row(
    "leaky_relu",
    _leaky_relu,
    doc="""x for x > 0, slope * x below.

    >>> leaky_relu(-2.0), leaky_relu(3.0), leaky_relu(-2.0, slope=0.5)
    (-0.02, 3.0, -1.0)
    """,
    partials=(
        lambda x, slope, out: 1.0 if x > 0 else slope,
        lambda x, slope, out: 0.0 if x > 0 else x,
    ),
    names=("x", "slope"),
    selects=_leaky_unchosen,
    batch="np.where({0} > 0, {0}, {1} * {0})",
    latex=r"\operatorname{{LeakyReLU}}_{{{1}}}\left({0}\right)",
    kink="by x, slope at x = 0; by slope, 0 there",
    tame=True,
    box=((-5.0, 5.0), (0.01, 0.5)),
    samples=((1.5, 0.01), (-2.0, 0.01), (-2.0, 0.2)),
    defaults=(0.01,),
)


def _elu(x: float, alpha: float) -> float:
    return x if x > 0 else alpha * math.expm1(x)


def _elu_slope(x: Any, alpha: Any, out: Any) -> Any:
    if x > 0:
        return 1.0
    return alpha * exp(x) if x < 0 else alpha  # at 0 with the slope 0, as in torch


def _elu_unchosen(x: Any, alpha: Any) -> tuple[Any, Any]:
    return False, x > 0


elu: Final[Operation] = row(
    "elu",
    _elu,
    doc="""x for x > 0, alpha * (e**x - 1) below.

    >>> elu(-1.0), elu(3.0)
    (-0.6321205588285577, 3.0)
    """,
    partials=(
        _elu_slope,
        lambda x, alpha, out: 0.0 if x > 0 else expm1(x),
    ),
    names=("x", "alpha"),
    selects=_elu_unchosen,
    batch="np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0.0)))",
    latex=r"\operatorname{{ELU}}_{{{1}}}\left({0}\right)",
    kink="by x, alpha at x = 0, and again by x, 0; by alpha, 0 there",
    tame=True,
    box=((-5.0, 5.0), (0.5, 2.0)),
    samples=((1.5, 1.0), (-2.0, 1.0), (-1000.0, 0.5)),
    defaults=(1.0,),
)


def _softplus(x: float) -> float:
    if x > 0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


softplus: Final[Operation] = row(
    "softplus",
    _softplus,
    doc="""log(1 + e**x), a smooth relu, without overflow.

    >>> softplus(0.0), softplus(1000.0)
    (0.6931471805599453, 1000.0)
    """,
    partials=(lambda x, out: sigmoid(x),),
    batch="np.logaddexp({0}, 0.0)",
    latex=r"\operatorname{{softplus}}\left({0}\right)",
    tame=True,
    box=((-30.0, 30.0),),
    samples=((0.0,), (1.5,), (-2.0,), (1000.0,), (-1000.0,)),
)


def _silu(x: float) -> float:
    if x < 0:
        power = math.exp(x)
        return x * power / (1 + power)
    return x / (1 + math.exp(-x))


silu: Final[Operation] = row(
    "silu",
    _silu,
    doc="""x * sigmoid(x), also called swish.

    >>> silu(1.0)
    0.7310585786300049
    """,
    partials=(lambda x, out: sigmoid(x) + x * logistic_density(x),),
    batch="{0} * np.exp(np.minimum({0}, 0.0)) / (1 + np.exp(-np.abs({0})))",
    latex=r"\operatorname{{SiLU}}\left({0}\right)",
    tame=True,
    box=((-30.0, 30.0),),
    samples=((0.0,), (1.5,), (-2.0,), (700.0,), (-700.0,)),
)


def _bell(half: float, x: Any) -> Any:
    """exp(-half * x * x), a plain 0 where x is so large that nothing else is left."""
    return 0.0 if abs_(x) > 40 else exp(-half * x * x)


def _gelu(x: float) -> float:
    """x/2 * erfc(-x / sqrt(2)), corrected for the rounding of that quotient.

    Far below 0, erfc turns a rounding of its argument z into one 2*z*z times as large,
    50 units in the last place at x = -8.
    """
    z = -x * SQRT_HALF
    tail = math.erfc(z)
    if -40.0 < x < 0.0:
        tail -= TWO_OVER_ROOT_PI * math.exp(-z * z) * _rounding(-x)
    return 0.5 * x * tail


def _rounding(x: float) -> float:
    """The exact x * sqrt(1/2) minus its rounded value, after Dekker (1971)."""
    shifted = 134217729.0 * x  # 2**27 + 1 splits a float into two halves
    high = shifted - (shifted - x)
    low = x - high
    product = x * SQRT_HALF
    lost = high * SQRT_HALF_HIGH - product + high * SQRT_HALF_LOW + low * SQRT_HALF_HIGH
    return lost + low * SQRT_HALF_LOW + x * SQRT_HALF_REST


gelu: Final[Operation] = row(
    "gelu",
    _gelu,
    doc="""x times the chance that a standard normal number is below x (exact form).

    >>> gelu(1.0)
    0.841344746068543
    """,
    partials=(
        lambda x, out: (
            0.5 * erfc(-x * SQRT_HALF) + x * ONE_OVER_ROOT_2_PI * _bell(0.5, x)
        ),
    ),
    batch="0.5 * {0} * erfc(-{0} * 0.7071067811865476)",
    latex=r"\operatorname{{GELU}}\left({0}\right)",
    tame=True,
    box=((-8.0, 8.0),),
    samples=((0.0,), (1.5,), (-2.0,), (1000.0,), (-1000.0,)),
)

erf: Final[Operation] = row(
    "erf",
    math.erf,
    doc="""The error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x.

    >>> erf(1.0)
    0.8427007929497149
    """,
    partials=(lambda x, out: TWO_OVER_ROOT_PI * _bell(1, x),),
    batch="erf({0})",
    latex=r"\operatorname{{erf}}\left({0}\right)",
    tame=True,
    box=((-5.0, 5.0),),
    samples=((0.0,), (0.5,), (-2.0,), (1000.0,)),
)

erfc: Final[Operation] = row(
    "erfc",
    math.erfc,
    doc="""1 - erf(x), exact also where erf(x) is near 1.

    >>> erfc(1.0)
    0.15729920705028513
    """,
    partials=(lambda x, out: -TWO_OVER_ROOT_PI * _bell(1, x),),
    batch="erfc({0})",
    latex=r"\operatorname{{erfc}}\left({0}\right)",
    box=((-5.0, 5.0),),
    samples=((0.0,), (0.5,), (-2.0,), (20.0,)),
)


# ---- pieces --------------------------------------------------------------------------


abs_: Final[Operation] = row(
    "abs",
    math.fabs,
    doc="""The absolute value.

    >>> abs(-3.0)
    3.0
    """,
    partials=(lambda x, out: 1.0 if x > 0 else -1.0 if x < 0 else 0.0,),
    batch="np.abs({0})",
    latex=r"\left|{0}\right|",
    kink="0 at 0",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((2.0,), (-3.0,), (0.0,)),
)


def _sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else x


sign: Final[Operation] = row(
    "sign",
    _sign,
    doc="""1 for a positive x, -1 for a negative one, 0 for 0.

    >>> sign(-3.0), sign(0.0)
    (-1.0, 0.0)
    """,
    partials=(lambda x, out: 0.0,),
    selects=True,
    batch="np.sign({0})",
    latex=r"\operatorname{{sgn}}\left({0}\right)",
    kink="0 everywhere, at the jump too",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((2.0,), (-3.0,), (0.5,)),
)


def _floor(x: float) -> float:
    return math.floor(x) + 0.0 if math.isfinite(x) else x


floor: Final[Operation] = row(
    "floor",
    _floor,
    doc="""The largest whole number that is not above x.

    >>> floor(2.5), floor(-2.5)
    (2.0, -3.0)
    """,
    partials=(lambda x, out: 0.0,),
    selects=True,
    batch="np.floor({0})",
    latex=r"\left\lfloor {0} \right\rfloor",
    kink="0 everywhere, at the jumps too",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((2.5,), (-3.25,), (0.5,)),
)


def _ceil(x: float) -> float:
    return math.ceil(x) + 0.0 if math.isfinite(x) else x


ceil: Final[Operation] = row(
    "ceil",
    _ceil,
    doc="""The smallest whole number that is not below x.

    >>> ceil(2.5), ceil(-2.5)
    (3.0, -2.0)
    """,
    partials=(lambda x, out: 0.0,),
    selects=True,
    batch="np.ceil({0})",
    latex=r"\left\lceil {0} \right\rceil",
    kink="0 everywhere, at the jumps too",
    tame=True,
    box=((-10.0, 10.0),),
    samples=((2.5,), (-3.25,), (0.5,)),
)


def _minimum(x: float, y: float) -> float:
    return y if y < x or y != y else x  # of 0.0 and -0.0 the first, as torch


minimum: Final[Operation] = row(
    "minimum",
    _minimum,
    doc="""The smaller of two; nan if either is nan.

    >>> minimum(2.0, 3.0)
    2.0
    """,
    partials=(
        lambda x, y, out: 0.0 if x > y else 0.5 if x >= y else 1.0,
        lambda x, y, out: 0.0 if y > x else 0.5 if y >= x else 1.0,
    ),
    selects=True,
    folds=True,
    batch="np.minimum({1}, {0})",  # NumPy hands back the second of two equal ones
    latex=r"\min\left({0}, {1}\right)",
    kink="half for each in a tie",
    tame=True,
    box=((-10.0, 10.0), (-10.0, 10.0)),
    samples=((2.0, 3.0), (3.0, 2.0), (1.0, 1.0)),
)


def _maximum(x: float, y: float) -> float:
    return y if y > x or y != y else x


maximum: Final[Operation] = row(
    "maximum",
    _maximum,
    doc="""The larger of two; nan if either is nan.

    >>> maximum(2.0, 3.0)
    3.0
    """,
    partials=(
        lambda x, y, out: 0.0 if x < y else 0.5 if x <= y else 1.0,
        lambda x, y, out: 0.0 if y < x else 0.5 if y <= x else 1.0,
    ),
    selects=True,
    folds=True,
    batch="np.maximum({1}, {0})",
    latex=r"\max\left({0}, {1}\right)",
    kink="half for each in a tie",
    tame=True,
    box=((-10.0, 10.0), (-10.0, 10.0)),
    samples=((2.0, 3.0), (3.0, 2.0), (1.0, 1.0)),
)


def _where(condition: float, x: float, y: float) -> float:
    return x if condition else y


where: Final[Operation] = row(
    "where",
    _where,
    doc="""x where the condition holds (is not 0), otherwise y.

    Both x and y are computed; only the chosen one gets a gradient.

    >>> where(True, 2.0, 3.0)
    2.0
    """,
    partials=(
        lambda condition, x, y, out: 0.0,
        lambda condition, x, y, out: 1.0 if condition else 0.0,
        lambda condition, x, y, out: 0.0 if condition else 1.0,
    ),
    names=("condition", "x", "y"),
    selects=True,
    batch="np.where({0} != 0, {1}, {2})",
    latex=r"\begin{{cases}}{1} & {0} \ne 0\\{2} & {0} = 0\end{{cases}}",
    needs=(SUM, ANY, ANY),
    kink="by the condition, 0 everywhere",
    tame=True,
    box=((0.0, 1.0), (-10.0, 10.0), (-10.0, 10.0)),
    samples=((1.0, 2.0, 3.0), (0.0, 2.0, 3.0)),
)


choice: Final[Operation] = Operation(
    where.name, where.forward, partials=where.partials, selects=True, tame=True
)
"""`where` in a derivative of a program: between what rules gave, by the row chosen.

Eager derivatives hold nothing of a formula that was not chosen. So what comes after a
choice is to be 0 for the rows that it is not for, whatever its slopes are; after a
`where` of the user's, 0 times an infinite slope is nan as anywhere.
"""


def _clip(x: float, low: float, high: float) -> float:
    return _minimum(_maximum(x, low), high)


clip: Final[Operation] = row(
    "clip",
    _clip,
    doc="""x, but low where it is below low, and high where it is above high.

    >>> clip(-2.0, 0.0, 1.0), clip(0.5, 0.0, 1.0), clip(3.0, 0.0, 1.0)
    (0.0, 0.5, 1.0)
    """,
    partials=(
        lambda x, low, high, out: 1.0 if low <= x <= high else 0.0,
        lambda x, low, high, out: 1.0 if x < low < high else 0.0,
        lambda x, low, high, out: 1.0 if high < x or high < low else 0.0,
    ),
    names=("x", "low", "high"),
    selects=True,
    batch="np.minimum({2}, np.maximum({1}, {0}))",
    latex=r"\operatorname{{clip}}\left({0}, {1}, {2}\right)",
    kink="by x, 1 at low and at high",
    tame=True,
    box=((-10.0, 10.0), (-9.0, -6.0), (5.0, 8.0)),
    defaults=(-INFINITY, INFINITY),
    samples=((0.25, -1.0, 1.0), (-2.0, -1.0, 1.0), (3.0, -1.0, 1.0), (2.0, 1.0, 0.5)),
)

# ---- any number of arguments ---------------------------------------------------------


def _total(xs: Iterable[Any]) -> Any:
    """Left to right, so that the result never depends on the Python version."""
    total: Any = 0.0
    for x in xs:
        total = total + x
    return total


def _product_partials(xs: Sequence[Any], out: Any) -> list[Any]:
    """All products but one factor, from running products of both ends.

    No division, so a factor of 0 is no special case.
    """
    before: list[Any] = [1.0]
    for x in xs[:-1]:
        before.append(before[-1] * x)
    after: Any = 1.0
    partials: list[Any] = []
    for index in range(len(xs) - 1, -1, -1):
        partials.append(before[index] * after)
        after = after * xs[index]
    partials.reverse()
    return partials


def _product(*xs: float) -> float:
    product = 1.0
    for x in xs:
        product *= x
    return product


def _dot(*terms: float) -> float:
    half = len(terms) // 2
    total = 0.0
    for index in range(half):
        total += terms[index] * terms[half + index]
    return total


def _logsumexp(*xs: float) -> float:
    largest = max(xs)
    if math.isinf(largest):
        return NAN if any(x != x for x in xs) else largest
    return largest + math.log(_total([math.exp(x - largest) for x in xs]))


def _softmax(xs: Sequence[Any], out: Any) -> list[Any]:
    """e ** x over the sum of all of them.

    Divided by what they add up to, and not by e ** out alone, whose rounding grows with
    the size of out.
    """
    powers = [exp(x - out) for x in xs]
    total = sum_(*powers)
    return [power / total for power in powers]


def _directions(xs: Sequence[Any], out: Any) -> list[Any]:
    """Each number over the length of all; 0 at 0, where there is no direction."""
    if len(xs) == 1:
        return [sign(xs[0])]
    if out:
        return [x / out for x in xs]
    return [0.0] * len(xs)


def _take(index: float, *xs: float) -> float:
    if not (0 <= index < len(xs) and index == math.floor(index)):
        raise ValueError("no such place")
    return xs[int(index)]


def _take_slopes(args: Sequence[Any], out: Any) -> list[Any]:
    """1 at the place, 0 elsewhere and by the index."""
    index = args[0]
    return [0.0, *[_one_where(index == place) for place in range(len(args) - 1)]]


def _one_where(condition: Any) -> Any:
    return where(condition, 1.0, 0.0)


sum_: Final[Operation] = row(
    "sum",
    lambda *xs: _total(xs),
    all_partials=lambda xs, out: [1.0] * len(xs),
    latex=r"\sum\left({0}\right)",
    tame=True,
    samples=((2.0, 3.0, 4.0), (1.0,), (1.0, -1.0, 0.5, 8.0)),
    doc="x1 + x2 + ..., from left to right",
)

mean: Final[Operation] = row(
    "mean",
    lambda *xs: _total(xs) / len(xs),
    all_partials=lambda xs, out: [1 / len(xs)] * len(xs),
    latex=r"\operatorname{{mean}}\left({0}\right)",
    domain="at least one number",
    raises=(ValueError,),
    tame=True,
    samples=((2.0, 3.0, 4.0), (1.0,), (1.0, -1.0, 0.5, 8.0)),
    doc="(x1 + x2 + ... + xn) / n",
)

prod: Final[Operation] = row(
    "prod",
    _product,
    all_partials=_product_partials,
    latex=r"\prod\left({0}\right)",
    tame=True,
    samples=((2.0, 3.0, 4.0), (1.0,), (0.0, -1.0, 0.5), (0.0, 2.0, 0.0)),
    doc="x1 * x2 * ..., from left to right",
)

dot: Final[Operation] = row(
    "dot",
    _dot,
    all_partials=lambda xs, out: [*xs[len(xs) // 2 :], *xs[: len(xs) // 2]],
    latex=r"\operatorname{{dot}}\left({0}\right)",
    domain="two sequences of the same length",
    raises=(ValueError,),
    tame=True,
    samples=((2.0, 3.0, 4.0, 5.0), (1.0, -2.0), (1.0, 2.0, 3.0, -1.0, 0.5, 0.0)),
    doc="x1*y1 + x2*y2 + ..., the arguments being x1 ... xn y1 ... yn",
)

logsumexp: Final[Operation] = row(
    "logsumexp",
    _logsumexp,
    all_partials=_softmax,
    latex=r"\operatorname{{logsumexp}}\left({0}\right)",
    domain="at least one number",
    raises=(ValueError,),
    tame=True,
    samples=((2.0, 3.0, 4.0), (1.0,), (1000.0, 999.0), (-1000.0, -1001.0)),
    doc="log(e**x1 + e**x2 + ...), without overflow",
)

norm: Final[Operation] = row(
    "norm",
    lambda *xs: math.hypot(*xs),
    all_partials=_directions,
    latex=r"\operatorname{{norm}}\left({0}\right)",
    kink="0 where all numbers are 0",
    samples=((3.0, 4.0), (-2.0,), (1.0, -1.0, 0.5, 8.0), (1e200, -2e200, 2e200)),
    doc="sqrt(x1*x1 + x2*x2 + ...), without overflow on the way",
)

take: Final[Operation] = row(
    "take",
    _take,
    all_partials=_take_slopes,
    selects=True,
    latex=r"\operatorname{{take}}\left({0}\right)",
    domain="an index that is a whole number, from 0 and less than there are numbers",
    raises=(ValueError,),
    advice="Keep the index inside with clip(floor(i), 0, n - 1).",
    kink="by the index, 0 everywhere",
    tame=True,
    samples=((1.0, 2.0, 3.0, 4.0), (0.0, 5.0), (2.0, 1.0, -1.0, 0.5, 8.0)),
    doc="the number at a place: the index first, then the numbers",
)
