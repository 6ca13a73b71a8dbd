"""The transcendental functions on vectors of numbers, out of elementary operations.

Each is written once over `Lanes`, which turns Python's operators into LLVM's
instructions on one number or on several at a time. No lane branches: every case is
computed and the right one chosen. The relative error is below 1e-15 for most of them
and a few 1e-15 for the rest; the tests measure it against mpmath. nan, inf and 0 give
what Python's math gives, without its exceptions.

Reductions and rational forms follow Cody and Waite, "Software Manual for the
Elementary Functions" (1980), Moshier's Cephes (1989) for the arc tangent and Sun's
fdlibm (1993) for sine, cosine and arc sine. The other polynomials are minimax fits of
our own: of (e**r - 1 - r) / r**2 in r, of erf(x) / x in x * x, and of
(1 + 2x) * e**(x*x) * erfc(x) in (x - 3.75) / (x + 3.75).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

MAGIC = (
    6755399441055744.0  # 1.5 * 2**52: adding it leaves a whole number in the low bits
)
MAGIC_BITS = 0x4338000000000000
LN2_HIGH = 6.93147180369123816490e-01  # 33 bits, so that k * LN2_HIGH is exact
LN2_LOW = 1.90821492927058770002e-10
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)

SINE = (
    1.58969099521155010221e-10,
    -2.50507602534068634195e-08,
    2.75573137070700676789e-06,
    -1.98412698298579493134e-04,
    8.33333333332248946124e-03,
    -1.66666666666666324348e-01,
)
COSINE = (
    -1.13596475577881948265e-11,
    2.08757232129817482790e-09,
    -2.75573143513906633035e-07,
    2.48015872894767294178e-05,
    -1.38888888888741095749e-03,
    4.16666666666666019037e-02,
)
ARC_SINE = (
    (
        3.47933107596021167570e-05,
        7.91534994289814532176e-04,
        -4.00555345006794114027e-02,
        2.01212532134862925881e-01,
        -3.25565818622400915405e-01,
        1.66666666666666657415e-01,
    ),
    (
        7.70381505559019352791e-02,
        -6.88283971605453293030e-01,
        2.02094576023350569471e00,
        -2.40339491173441421878e00,
        1.0,
    ),
)
ARC_TANGENT = (
    (
        -8.750608600031904122785e-01,
        -1.615753718733365076637e01,
        -7.500855792314704667340e01,
        -1.228866684490136173410e02,
        -6.485021904942025371773e01,
    ),
    (
        1.0,
        2.485846490142306297962e01,
        1.650270098316988542046e02,
        4.328810604912902668951e02,
        4.853903996359136964868e02,
        1.945506571482613964425e02,
    ),
)
ERF = (
    -1.462091340945175e-07,
    1.637123442577e-06,
    -1.4923003368152099e-05,
    0.00012055286202005714,
    -0.0008548326510724796,
    0.0052239776220169365,
    -0.02686617064499972,
    0.1128379167095487,
    -0.3761263890318375,
    1.1283791670955126,
)
ERFC = (
    -2.819125663086401e-09,
    2.4650884795239513e-08,
    2.2156361551057863e-08,
    -2.405381553661818e-07,
    -5.658053403353585e-08,
    1.7380461262457937e-06,
    -9.7368428239226e-07,
    -1.1437767278950732e-05,
    2.2384180644872092e-05,
    5.164717365417525e-05,
    -0.0002901540353336165,
    0.0002937140375272005,
    0.0017556258398018613,
    -0.009746579602513314,
    0.028362277420937457,
    -0.05869339858656682,
    0.09230432116022246,
    -0.1088039301418558,
    0.08227673849015059,
    0.0035854154854658496,
    -0.14024059858554702,
    1.2375126308378275,
)


# ---- operators that write LLVM -------------------------------------------------------


class Lanes:
    """Writes instructions on `lanes` numbers at a time; 1 is a plain number."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.lines: list[str] = []
        self.calls: set[str] = set()
        self.double = self._type("double")
        self.bits = self._type("i64")
        self.truth = self._type("i1")
        self.suffix = "f64" if lanes == 1 else f"v{lanes}f64"
        self._count = 0

    def _type(self, element: str) -> str:
        return element if self.lanes == 1 else f"<{self.lanes} x {element}>"

    def emit(self, text: str) -> str:
        """Append one instruction; the name of its result."""
        self._count += 1
        self.lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def number(self, x: float) -> str:
        """The text of a number, the same in all lanes."""
        return self._all(
            "double", f"0x{struct.unpack('>Q', struct.pack('>d', x))[0]:016X}"
        )

    def whole(self, x: int) -> str:
        """The text of a whole number, the same in all lanes."""
        return self._all("i64", str(x))

    def _all(self, element: str, text: str) -> str:
        if self.lanes == 1:
            return text
        return "<" + ", ".join([f"{element} {text}"] * self.lanes) + ">"

    def intrinsic(self, name: str, *args: str) -> str:
        """A call of one of LLVM's own functions, such as fma or sqrt."""
        typed = ", ".join([f"{self.double} {arg}" for arg in args])
        return self.emit(f"call {self.double} @llvm.{name}.{self.suffix}({typed})")

    def call(self, name: str, *args: str) -> str:
        """A call of one of the functions below."""
        self.calls.add(name)
        typed = ", ".join([f"{self.double} {arg}" for arg in args])
        return self.emit(f"call {self.double} @{name}.{self.lanes}({typed})")


class X:
    """Numbers in lanes, with Python's operators."""

    __slots__ = ("lanes", "name")

    def __init__(self, lanes: Lanes, name: str) -> None:
        self.lanes = lanes
        self.name = name

    def _of(self, other: X | float) -> str:
        return other.name if isinstance(other, X) else self.lanes.number(other)

    def _op(self, op: str, x: str, y: str) -> X:
        return X(self.lanes, self.lanes.emit(f"{op} {self.lanes.double} {x}, {y}"))

    def __add__(self, other: X | float) -> X:
        return self._op("fadd", self.name, self._of(other))

    def __radd__(self, other: float) -> X:
        return self._op("fadd", self._of(other), self.name)

    def __sub__(self, other: X | float) -> X:
        return self._op("fsub", self.name, self._of(other))

    def __rsub__(self, other: float) -> X:
        return self._op("fsub", self._of(other), self.name)

    def __mul__(self, other: X | float) -> X:
        return self._op("fmul", self.name, self._of(other))

    def __rmul__(self, other: float) -> X:
        return self._op("fmul", self._of(other), self.name)

    def __truediv__(self, other: X | float) -> X:
        return self._op("fdiv", self.name, self._of(other))

    def __rtruediv__(self, other: float) -> X:
        return self._op("fdiv", self._of(other), self.name)

    def __neg__(self) -> X:
        return X(self.lanes, self.lanes.emit(f"fneg {self.lanes.double} {self.name}"))

    def __abs__(self) -> X:
        return X(self.lanes, self.lanes.intrinsic("fabs", self.name))

    def __lt__(self, other: X | float) -> Truth:
        return self._compare("olt", other)

    def __gt__(self, other: X | float) -> Truth:
        return self._compare("ogt", other)

    def _compare(self, how: str, other: X | float) -> Truth:
        text = f"fcmp {how} {self.lanes.double} {self.name}, {self._of(other)}"
        return Truth(self.lanes, self.lanes.emit(text))

    def equals(self, other: X | float) -> Truth:
        """Where both are the same number."""
        return self._compare("oeq", other)

    def differs(self, other: X | float) -> Truth:
        """Where they are not the same number; true for nan."""
        return self._compare("une", other)

    def bits(self) -> Bits:
        """The 64 bits of each number."""
        text = f"bitcast {self.lanes.double} {self.name} to {self.lanes.bits}"
        return Bits(self.lanes, self.lanes.emit(text))


class Truth(X):
    """A truth in each lane."""

    __slots__ = ()

    def __and__(self, other: Truth) -> Truth:
        text = f"and {self.lanes.truth} {self.name}, {other.name}"
        return Truth(self.lanes, self.lanes.emit(text))

    def __or__(self, other: Truth) -> Truth:
        text = f"or {self.lanes.truth} {self.name}, {other.name}"
        return Truth(self.lanes, self.lanes.emit(text))


class Bits:
    """64 bits in each lane."""

    __slots__ = ("lanes", "name")

    def __init__(self, lanes: Lanes, name: str) -> None:
        self.lanes = lanes
        self.name = name

    def op(self, op: str, other: Bits | int) -> Bits:
        """One of LLVM's operations on whole numbers: add, sub, and, or, shl, lshr."""
        y = other.name if isinstance(other, Bits) else self.lanes.whole(other)
        text = f"{op} {self.lanes.bits} {self.name}, {y}"
        return Bits(self.lanes, self.lanes.emit(text))

    def number(self) -> X:
        """The number with these bits."""
        text = f"bitcast {self.lanes.bits} {self.name} to {self.lanes.double}"
        return X(self.lanes, self.lanes.emit(text))

    def small(self) -> X:
        """These bits, a whole number of at most 50 bits, as a number."""
        return self.op("add", MAGIC_BITS).number() - MAGIC

    def odd(self) -> Truth:
        """Where the lowest bit is set."""
        one = self.op("and", 1)
        text = f"icmp ne {self.lanes.bits} {one.name}, {self.lanes.whole(0)}"
        return Truth(self.lanes, self.lanes.emit(text))


def choose(condition: Truth, x: X | float, y: X | float) -> X:
    """x where the condition holds, otherwise y."""
    lanes = condition.lanes
    one = x.name if isinstance(x, X) else lanes.number(x)
    two = y.name if isinstance(y, X) else lanes.number(y)
    text = f"select {lanes.truth} {condition.name}, {lanes.double} {one}, "
    return X(lanes, lanes.emit(text + f"{lanes.double} {two}"))


def fma(x: X, y: X | float, z: X | float) -> X:
    """x * y + z, rounded once."""
    return X(x.lanes, x.lanes.intrinsic("fma", x.name, x._of(y), x._of(z)))


def sqrt(x: X) -> X:
    """The square root."""
    return X(x.lanes, x.lanes.intrinsic("sqrt", x.name))


def rint(x: X) -> X:
    """The nearest whole number."""
    return X(x.lanes, x.lanes.intrinsic("rint", x.name))


def floor(x: X) -> X:
    """The whole number at or below."""
    return X(x.lanes, x.lanes.intrinsic("floor", x.name))


def ceil(x: X) -> X:
    """The whole number at or above."""
    return X(x.lanes, x.lanes.intrinsic("ceil", x.name))


def copysign(x: X, sign: X) -> X:
    """The size of x with the sign of the other."""
    return X(x.lanes, x.lanes.intrinsic("copysign", x.name, sign.name))


def polynomial(x: X, coefficients: Sequence[float]) -> X:
    """Horner's rule, the highest power first."""
    total = fma(x, coefficients[0], coefficients[1])
    for coefficient in coefficients[2:]:
        total = fma(total, x, coefficient)
    return total


def _call(name: str, *args: X) -> X:
    lanes = args[0].lanes
    return X(lanes, lanes.call(name, *[arg.name for arg in args]))


# ---- exponentials --------------------------------------------------------------------

EXP = (
    2.510038549551032e-08,
    2.7620088445409746e-07,
    2.7557268459997064e-06,
    2.4801521295954376e-05,
    0.00019841269863053618,
    0.0013888888917213717,
    0.008333333333330062,
    0.04166666666662413,
    0.16666666666666669,
    0.5,
)
"""(e**r - 1 - r) / r**2 for |r| < 0.35, to 2e-17 of e**r."""


def _reduced(x: X) -> tuple[Bits, X, X]:
    """x = k ln 2 + r with |r| < 0.35: the bits of k, k, r."""
    shifted = fma(x, 1 / math.log(2), MAGIC)
    k = shifted - MAGIC
    r = fma(k, -LN2_LOW, fma(k, -LN2_HIGH, x))
    return shifted.bits(), k, r


def _power_of_2(k: Bits, offset: int = 0) -> X:
    """2 ** (k + offset), from the low 11 bits of k."""
    return k.op("add", 1023 + offset).op("shl", 52).number()


def exp(x: X) -> X:
    """2**k * e**r; the power in two halves, because 2**k alone may overflow."""
    k, _, r = _reduced(x)
    power = fma(polynomial(r, (*EXP, 1.0)), r, 1.0)
    half = k.op("lshr", 1)
    result = power * _power_of_2(half) * _power_of_2(k.op("sub", half))
    result = choose(x > 709.782712893384, math.inf, result)
    return choose(x < -745.1332191019412, 0.0, result)


def expm1(x: X) -> X:
    """2 * (s * (e**r - 1) + (s - 1/2)) with s = 2**(k-1)."""
    k, _, r = _reduced(choose(x < -50.0, -50.0, x))
    rest = fma(polynomial(r, EXP) * r, r, r)
    scale = _power_of_2(k, -1)
    result = 2.0 * fma(scale, rest, scale - 0.5)
    return choose(x > 709.782712893384, math.inf, result)


def decay_parts(size: X) -> tuple[X, X]:
    """e ** -size as s * (1 + rest), s a power of 2, for a size of at least 0."""
    k, _, r = _reduced(-choose(size > 746.0, 746.0, size))
    rest = fma(polynomial(r, EXP) * r, r, r)
    half = k.op("lshr", 1)
    return _power_of_2(half) * _power_of_2(k.op("sub", half)), rest


DECAYS: dict[str, Callable[[X, X], X]] = {
    "decay": lambda s, rest: fma(s, rest, s),
    "decay_less_1": lambda s, rest: fma(s, rest, s - 1.0),
}
"""e ** -size and e ** -size - 1, from the parts."""


# ---- logarithms ----------------------------------------------------------------------

ATANH = tuple([2 / (2 * n + 1) for n in range(10, 0, -1)])
"""log((1 + s) / (1 - s)) = 2s + s**3 (2/3 + 2/5 s**2 + ...), |s| < 0.172."""


def _mantissa(x: X) -> tuple[X, X]:
    """x = 2**k * m with m between sqrt(1/2) and sqrt(2): k and m."""
    tiny = x < 2.2250738585072014e-308
    bits = choose(tiny, x * 2.0**54, x).bits()
    # The sum of the exponent's bits and of a mantissa beyond sqrt(2) carries over.
    exponent = bits.op("sub", 0x3FE6A09E667F3BCD).op("add", 1 << 62).op("lshr", 52)
    k = exponent.op("sub", 1 << 10)
    m = bits.op("sub", k.op("shl", 52)).number()
    return k.small() + choose(tiny, -54.0, 0.0), m


def _log_limits(x: X, result: X) -> X:
    result = choose(x < math.inf, result, x)
    result = choose(x.equals(0.0), -math.inf, result)
    return choose(x < 0.0, math.nan, result)


def log(x: X) -> X:
    """k ln 2 + log m."""
    k, m = _mantissa(x)
    f = m - 1.0
    s = f / (m + 1.0)
    z = s * s
    rest = fma(k, LN2_LOW, s * z * polynomial(z, ATANH))
    return _log_limits(x, fma(k, LN2_HIGH, 2.0 * s + rest))


def log1p(x: X) -> X:
    """log(u) for u = 1 + x rounded, and what the rounding lost, divided by u."""
    u = 1.0 + x
    result = _call("log", u) + (x - (u - 1.0)) / u
    result = choose(x.equals(math.inf), math.inf, result)
    return choose(x.equals(-1.0), -math.inf, result)


def power(x: X, y: X) -> X:
    """e ** (y log |x|), the logarithm in two parts, and the sign of x for odd y."""
    size = abs(x)
    high, low = _log_in_two(size)
    product = y * high
    rest = fma(y, high, -product) + y * low
    rest = choose(abs(product) < 800.0, rest, 0.0)
    root = _call("exp", product)
    result = fma(root, rest, root)
    result = choose(root < math.inf, result, root)
    return _power_limits(x, y, size, result)


def _log_in_two(x: X) -> tuple[X, X]:
    """log x as a sum of two numbers, exact to about 2**-64 of it."""
    k, m = _mantissa(x)
    f, d = m - 1.0, m + 1.0
    lost = m - (d - 1.0)
    s = f / d
    rest = fma(-s, d, f) - s * lost
    z = s * s
    tail = fma(k, LN2_LOW, s * z * polynomial(z, ATANH)) + 2.0 * (rest / d)
    first = k * LN2_HIGH
    high = first + 2.0 * s
    error = (first - high) + 2.0 * s  # exact where k is not 0, and 0 where it is
    error = choose(k.equals(0.0), 0.0, error)
    total = high + (tail + error)
    low = (high - total) + (tail + error)
    limit = choose(x.equals(0.0), -math.inf, x)
    plain = (x > 0.0) & (x < math.inf)
    return choose(plain, total, limit), choose(plain, low, 0.0)


def _power_limits(x: X, y: X, size: X, result: X) -> X:
    whole = rint(y).equals(y)
    half = y * 0.5
    odd = whole & rint(half).differs(half)
    result = choose(odd, copysign(result, x), result)
    fraction = (x < 0.0) & rint(y).differs(y) & (size < math.inf)
    result = choose(fraction, math.nan, result)
    unit = size.equals(1.0) & (abs(y).equals(math.inf) | (x > 0.0))
    return choose(unit | y.equals(0.0), 1.0, result)


# ---- trigonometry --------------------------------------------------------------------

FAR = 1e5  # beyond, the reduction below loses digits, and the system's library answers


def _quadrant(x: X) -> tuple[Bits, X, X]:
    """The nearest multiple of pi/2, and sine and cosine of the distance from it."""
    shifted = fma(x, 2 / math.pi, MAGIC)
    n = shifted - MAGIC
    r = fma(n, -HALF_PI[2], fma(n, -HALF_PI[1], fma(n, -HALF_PI[0], x)))
    z = r * r
    sine = fma(z * r, polynomial(z, SINE), r)
    half = 0.5 * z
    near = 1.0 - half
    cosine = near + fma(z * z, polynomial(z, COSINE), (1.0 - near) - half)
    return shifted.bits(), sine, cosine


def _signed(x: X, bits: Bits) -> X:
    """x, negated where bit 1 is set."""
    sign = bits.op("and", 2).op("shl", 62)
    flipped = x.bits().op("xor", sign)
    return flipped.number()


def sin(x: X) -> X:
    """The sine or cosine of the distance from a multiple of pi/2, by quadrant."""
    n, sine, cosine = _quadrant(x)
    return _signed(choose(n.odd(), cosine, sine), n)


def cos(x: X) -> X:
    """The same, a quadrant further."""
    n, sine, cosine = _quadrant(x)
    return _signed(choose(n.odd(), sine, cosine), n.op("add", 1))


def tan(x: X) -> X:
    """sin / cos, or -cos / sin in odd quadrants."""
    n, sine, cosine = _quadrant(x)
    odd = n.odd()
    return choose(odd, -cosine, sine) / choose(odd, sine, cosine)


def _arc(x: X) -> tuple[Truth, X]:
    """|x| < 1/2, and asin: of x there, else of sqrt((1 - |x|) / 2)."""
    size = abs(x)
    small = size < 0.5
    z = choose(small, x * x, fma(size, -0.5, 0.5))
    s = choose(small, x, sqrt(z))
    return small, fma(s * z, polynomial(z, ARC_SINE[0]) / polynomial(z, ARC_SINE[1]), s)


def asin(x: X) -> X:
    """pi/2 - 2 asin(sqrt((1 - x) / 2)) for large x."""
    small, arc = _arc(x)
    large = HALF_PI[0] - (2.0 * arc - HALF_PI[1])
    return choose(small, arc, copysign(large, x))


def acos(x: X) -> X:
    """pi/2 - asin x, or by the half angle, exact also near 1."""
    small, arc = _arc(x)
    middle = HALF_PI[0] - (arc - HALF_PI[1])
    left = 2.0 * (HALF_PI[0] - (arc - HALF_PI[1]))
    return choose(small, middle, choose(x < 0.0, left, 2.0 * arc))


def _arc_tangent(numerator: X, denominator: X) -> X:
    """atan of a quotient of two numbers of at least 0."""
    steep = numerator > 2.414213562373095 * denominator
    middle = numerator > 0.66 * denominator
    top = choose(
        steep, -denominator, choose(middle, numerator - denominator, numerator)
    )
    base = choose(
        steep, numerator, choose(middle, numerator + denominator, denominator)
    )
    q = top / base
    z = q * q
    ratio = polynomial(z, ARC_TANGENT[0]) / polynomial(z, ARC_TANGENT[1])
    arc = fma(q * z, ratio, q)
    turn = choose(steep, HALF_PI[0], choose(middle, HALF_PI[0] / 2, 0.0))
    lost = choose(steep, HALF_PI[1], choose(middle, HALF_PI[1] / 2, 0.0))
    return turn + (arc + lost)


def atan(x: X) -> X:
    """From pi/2, from pi/4 or from 0, whichever is near."""
    size = abs(x)
    one = X(x.lanes, x.lanes.number(1.0))
    arc = choose(size.equals(math.inf), HALF_PI[0], _arc_tangent(size, one))
    return copysign(arc, x)


def atan2(y: X, x: X) -> X:
    """atan(|y| / |x|) in the quadrant of the signs."""
    across, up = abs(x), abs(y)
    low, high = choose(up < across, up, across), choose(up < across, across, up)
    # Both by the same power of 2, so that no sum of the two overflows.
    scale = choose(high > 1e300, 2.0**-600, choose(high < 1e-290, 2.0**600, 1.0))
    arc = _arc_tangent(low * scale, high * scale)
    arc = choose(high.equals(math.inf), 0.0, arc)
    arc = choose(low.equals(math.inf), HALF_PI[0] / 2, arc)
    arc = choose(high.equals(0.0), 0.0, arc)
    arc = choose(up < across, arc, HALF_PI[0] - (arc - HALF_PI[1]))
    arc = choose(up.equals(across) & high.equals(0.0), 0.0, arc)
    one = X(x.lanes, x.lanes.number(1.0))
    behind = 2.0 * HALF_PI[0] - (arc - 2.0 * HALF_PI[1])
    arc = copysign(choose(copysign(one, x) < 0.0, behind, arc), y)
    return choose(x.differs(x) | y.differs(y), math.nan, arc)


def hypot(x: X, y: X) -> X:
    """The larger times sqrt(1 + the square of the quotient)."""
    one, two = abs(x), abs(y)
    low, high = choose(one < two, one, two), choose(one < two, two, one)
    q = low / high
    result = high * sqrt(fma(q, q, 1.0))
    result = choose((one + two).equals(0.0), 0.0, result)
    infinite = one.equals(math.inf) | two.equals(math.inf)
    return choose(infinite, math.inf, result)


# ---- hyperbolic functions and activations --------------------------------------------


def sinh(x: X) -> X:
    """(t + t / (t + 1)) / 2 with t = e**|x| - 1."""
    size = abs(x)
    t = _call("expm1", size)
    half = _call("exp", 0.5 * size)
    result = choose(size > 700.0, 0.5 * half * half, 0.5 * (t + t / (t + 1.0)))
    return copysign(result, x)


def cosh(x: X) -> X:
    """(e**|x| + e**-|x|) / 2."""
    size = abs(x)
    half = _call("exp", 0.5 * size)
    e = half * half
    large = 0.5 * half * half
    return choose(size > 700.0, large, 0.5 * e + 0.5 / e)


def exp2(x: X) -> X:
    """2 ** x."""
    return power(X(x.lanes, x.lanes.number(2.0)), x)


def log2(x: X) -> X:
    """The logarithm to the base 2."""
    return log(x) * (1 / math.log(2.0))


def log10(x: X) -> X:
    """The logarithm to the base 10."""
    return log(x) * (1 / math.log(10.0))


def cbrt(x: X) -> X:
    """A power of a third, and one of Newton's steps, for the digits that it lost."""
    size = abs(x)
    root = exp(log(size) * (1 / 3))
    better = root - (root * root * root - size) / (3.0 * root * root)
    plain = size.equals(0.0) | size.equals(math.inf)
    return choose(plain, x, copysign(better, x))


def asinh(x: X) -> X:
    """log(|x| + sqrt(x*x + 1)) with the sign of x."""
    size = abs(x)
    square = size * size
    near = log1p(size + square / (1.0 + sqrt(1.0 + square)))
    far = log(size) + math.log(2.0)
    return copysign(choose(size > 1e8, far, near), x)


def acosh(x: X) -> X:
    """log(x + sqrt(x*x - 1)), from the distance to 1."""
    above = x - 1.0
    near = log1p(above + sqrt(above) * sqrt(x + 1.0))  # nan below 1
    return choose(x > 1e8, log(x) + math.log(2.0), near)


def atanh(x: X) -> X:
    """log((1 + |x|) / (1 - |x|)) / 2 with the sign of x."""
    size = abs(x)
    return copysign(0.5 * log1p(2.0 * size / (1.0 - size)), x)


def elu(x: X, alpha: X) -> X:
    """x, or alpha * (e**x - 1) below 0."""
    return choose(x > 0.0, x, alpha * _call("expm1", x))


def erf(x: X) -> X:
    """x times a polynomial near 0, 1 - erfc elsewhere."""
    size = abs(x)
    near = x * polynomial(x * x, ERF)
    far = copysign(1.0 - _tail(size), x)
    return choose(size < 0.5, near, far)


def erfc(x: X) -> X:
    """1 - erf near 0; the tail, or 2 - the tail for negative x."""
    size = abs(x)
    tail = _tail(size)
    far = choose(x < 0.0, 2.0 - tail, tail)
    return choose(size < 0.5, 1.0 - x * polynomial(x * x, ERF), far)


def _tail(x: X) -> X:
    """erfc for x from 1/2."""
    x = choose(x > 28.0, 28.0, x)
    square = x * x
    lost = fma(x, x, -square)
    e = exp(-square)
    e = fma(e, -lost, e)
    return e * polynomial((x - 3.75) / (x + 3.75), ERFC) / fma(x, 2.0, 1.0)


def gelu(x: X) -> X:
    """x erfc(-x / sqrt 2) / 2."""
    return 0.5 * x * _call("erfc", -x * math.sqrt(0.5))


FUNCTIONS: dict[str, Callable[..., X]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "pow": power,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "asin": asin,
    "acos": acos,
    "atan": atan,
    "atan2": atan2,
    "hypot": hypot,
    "sinh": sinh,
    "cosh": cosh,
    "elu": elu,
    "erf": erf,
    "erfc": erfc,
    "gelu": gelu,
    "exp2": exp2,
    "log2": log2,
    "log10": log10,
    "cbrt": cbrt,
    "asinh": asinh,
    "acosh": acosh,
    "atanh": atanh,
    "floor": floor,
    "ceil": ceil,
}

PERIODIC = ("sin", "cos", "tan")


def arity(name: str) -> int:
    """How many arguments a function takes."""
    return 2 if name in ("pow", "atan2", "hypot", "elu") else 1


def definition(name: str, lanes: int) -> tuple[list[str], set[str]]:
    """The text of one function, and the names of those it calls."""
    body = Lanes(lanes)
    names = [f"%a{i}" for i in range(arity(name))]
    args = [X(body, arg) for arg in names]
    typed = ", ".join([f"{body.double} {arg}" for arg in names])
    result = FUNCTIONS[name](*args)
    head = f"define internal {body.double} @{name}.{lanes}({typed}) #0 {{"
    if name not in PERIODIC:
        return [
            head,
            *body.lines,
            f"  ret {body.double} {result.name}",
            "}",
        ], body.calls
    return [head, *_with_far(name, body, result), "}"], body.calls


def _with_far(name: str, near: Lanes, result: X) -> list[str]:
    """The function, with the system's own where an argument is far from 0."""
    test = Lanes(near.lanes)
    test._count = near._count
    size = abs(X(test, "%a0"))
    far = (size > FAR).name
    if near.lanes > 1:
        far = test.emit(
            f"call i1 @llvm.vector.reduce.or.v{near.lanes}i1({test.truth} {far})"
        )
    slow = Lanes(near.lanes)
    slow._count = test._count
    answer = _one_by_one(name, slow)
    return [
        *test.lines,
        f"  br i1 {far}, label %far, label %near",
        "far:",
        *slow.lines,
        f"  ret {slow.double} {answer}",
        "near:",
        *near.lines,
        f"  ret {near.double} {result.name}",
    ]


def _one_by_one(name: str, lanes: Lanes) -> str:
    """The system library's function of each lane."""
    if lanes.lanes == 1:
        return lanes.emit(f"call double @{name}(double %a0)")
    result = "poison"
    for i in range(lanes.lanes):
        one = lanes.emit(f"extractelement {lanes.double} %a0, i64 {i}")
        answer = lanes.emit(f"call double @{name}(double {one})")
        result = lanes.emit(
            f"insertelement {lanes.double} {result}, double {answer}, i64 {i}"
        )
    return result
