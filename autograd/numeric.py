"""What counts as a number, and what to say where something else was given."""

from __future__ import annotations

from numbers import Complex, Number, Real
from types import FunctionType

from autograd.hints import Final
from autograd.wording import cut


def is_number(x: object) -> bool:
    """Whether x is one real number: int, float, bool, fraction or numpy scalar."""
    if isinstance(x, (float, int)):
        return True
    if isinstance(x, (str, bytes)):
        return False
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    if kind == "m":  # a span of time, which numpy takes for a whole number
        return False
    return isinstance(x, Real) or (kind in tuple("biuf") and _shape(x) == ())


def is_numeric(x: object) -> bool:
    """Whether x is a number of any kind: also one that has to be converted first."""
    return is_number(x) or isinstance(x, Number)


def number(x: object) -> float:
    """x as a Python float, or a TypeError that says what to pass."""
    if type(x) is float:
        return x
    if not is_number(x):
        raise TypeError(f"expected one real number, got {_what(x)}")
    try:
        return float(x)  # type: ignore[arg-type]
    except OverflowError:
        raise OverflowError(
            "this integer is too large for a float; the largest is about 1.8e308"
        ) from None


COMPILED: Final = not isinstance(number, FunctionType)
"""Whether these files run as machine code (compiled by mypyc) or as plain Python."""


def _shape(x: object) -> object:
    return getattr(x, "shape", None)


def _what(x: object) -> str:
    shown, address, _ = repr(x).partition(" at 0x")  # which differs from run to run
    text = cut(shown + ">" if address else shown)
    return f"{text} of type {type(x).__name__}: {_advice(x)}"


def _advice(x: object) -> str:
    if hasattr(x, "_apply"):
        return "use it as it is, or .data or .detach() for its number alone"
    if isinstance(x, str):
        return "convert text with float(text), or read an expression with parse(text)"
    if x is None:
        return "did a function forget its return?"
    if isinstance(x, type):
        return "pass an int or a float"
    if hasattr(x, "__code__") or hasattr(x, "__self__"):
        return "that is a function: call it, as in f(x)"
    if getattr(getattr(x, "dtype", None), "kind", "") in tuple("mM"):
        return "a time has a unit: divide by one, such as x / np.timedelta64(1, 's')"
    if isinstance(x, Complex):
        return "pass its .real and .imag as two Values"
    if str(getattr(x, "dtype", "")) == "object":
        return "for an array of Values write numpy's function, such as np.tanh(array)"
    if isinstance(x, (list, tuple, set, dict)) or _shape(x) not in (None, ()):
        advice = "make one Value per number, as in [Value(x) for x in numbers]"
        more = "; of an array the functions are numpy's, such as np.tanh(array)"
        return advice + more * hasattr(x, "dtype")
    if hasattr(x, "parameters"):
        return "of a model write gradients(loss, model.parameters())"
    if hasattr(x, "keys"):
        return "write a dict of numbers, as dict(x) may be"
    if hasattr(x, "__iter__") and not isinstance(x, bytes):
        return "write a list of numbers, as list(x) may be"
    if hasattr(x, "__await__"):
        return "did you forget await?"
    if hasattr(x, "__float__") and not hasattr(x, "dtype"):
        return "convert it with float(), which may round"
    if hasattr(x, "__dict__") and not isinstance(x, type):
        return "pass an int or a float, or a dict of them, as vars(x) may be"
    return "pass an int or a float"
