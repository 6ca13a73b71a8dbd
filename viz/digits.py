"""Numbers as people read them: one form for every picture, table and text."""

from __future__ import annotations

from math import isfinite


def short(x: float, digits: int = 4) -> str:
    """A number with `digits` significant digits; a whole one below a million exactly.

    There is no negative zero, and `float()` reads every form back.

    >>> [short(x) for x in (0.88137358, -2.0, 12345.0, -0.0, 1.5e-7, 6.02214e23)]
    ['0.8814', '-2', '12345', '0', '1.5e-7', '6.022e23']
    """
    if isfinite(x) and x == round(x) and abs(x) < 1e6:
        return str(round(x))
    mantissa, _, exponent = f"{x:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def typed(x: float, digits: int = 4) -> str:
    """A number that a person wrote: as it was written, unless that is long.

    >>> typed(1.00001), typed(0.1), typed(3.141592653589793)
    ('1.00001', '0.1', '3.142')
    """
    exact = repr(x).removesuffix(".0")
    return exact if len(exact) <= 8 else short(x, digits)


def check_digits(digits: int) -> None:
    """Raise ValueError where this is no number of significant digits."""
    if not isinstance(digits, int) or not 1 <= digits <= 17:
        raise ValueError(f"digits is a whole number from 1 to 17; got {digits!r}")
