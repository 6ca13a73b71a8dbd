"""numpy's functions, called with a Value among their arguments.

Of objects, numpy asks operators and methods: `np.exp(x)` is `x.exp()`. Numbers beside
a Value have no methods, and some functions take no objects at all. This stands in
between; of an array numpy asks the items alone, so that these are to be all Values.
Where it refuses such an array, `advice` says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from traceback import walk_tb
from typing import Any, Final

from autograd import ops
from autograd.numeric import is_number, number

OURS: Final[Mapping[str, Callable[..., Any]]] = {
    "arctan2": ops.atan2,
    "divmod": divmod,
    "float_power": ops.pow_,
    "hypot": ops.hypot,
    "logaddexp": ops.logsumexp,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "sign": ops.sign,
}
"""By numpy's names: functions that are taken element by element."""

QUESTIONS: Final = frozenset({"isfinite", "isinf", "isnan", "signbit"})
"""What is answered about the number."""

DECISIONS: Final = frozenset(
    {"logical_and", "logical_not", "logical_or", "logical_xor"}
)
"""What is answered about whether the number is 0."""

INSTEAD: Final[Mapping[str, str]] = {
    "bitwise_count": "it is about whole numbers, such as int(x.data)",
    "copysign": "write where(y < 0, -abs(x), abs(x))",
    "fmod": "write x % y, which has the sign of y",
    "frexp": "it is about the digits of a number, x.data",
    "gcd": "it is about whole numbers, such as int(x.data)",
    "heaviside": "write where(x > 0, 1.0, 0.0), whose slope is 0",
    "lcm": "it is about whole numbers, such as int(x.data)",
    "ldexp": "write x * 2.0**n",
    "logaddexp2": "write log2(exp2(x) + exp2(y))",
    "modf": "write floor(x) and x - floor(x)",
    "nextafter": "it is about the digits of a number, x.data",
    "spacing": "it is about the digits of a number, x.data",
}
"""By numpy's names: what to write in place of a function that has no slope, or none of
two numbers."""


def applied(
    function: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]
) -> Any:
    """What a function of numpy's, or a method of it such as `reduce`, gives.

    inputs: with a Value among them. options: those by name.

    Raises TypeError where numpy has the function for plain numbers alone; it says what
    to write.
    """
    name = function.__name__
    if name in INSTEAD:
        raise TypeError(f"np.{name} takes no Values: {INSTEAD[name]}")
    if name in QUESTIONS:
        return function(*[x.data for x in inputs], **options)
    if name in DECISIONS and method == "__call__":
        return function(*[_decided(x) for x in inputs], **options)
    for array in options.get("out", ()):
        if array is not None and array.dtype.kind != "O":
            raise TypeError(
                f"an array of {array.dtype} can't hold Values: write a new one, as in "
                f"a = a * x for a *= x, or begin with np.array(a, dtype=object)"
            )
    objects = [_as_object(x) for x in inputs]
    if name in OURS and method == "__call__" and not options:
        import numpy as np

        each = np.frompyfunc(OURS[name], function.nin, function.nout)
        with np.errstate(all="ignore"):  # nan is an answer, and no invalid number
            return each(*objects)
    return getattr(function, method)(*objects, **options)


def _decided(x: Any) -> Any:
    return bool(x) if hasattr(x, "_apply") else x


def _as_object(x: Any) -> Any:
    """A Value as an array without dimensions, of which numpy asks the Value.

    A scalar of numpy's becomes a float, which leaves the operator to the Value.
    """
    if not hasattr(x, "_apply"):
        return number(x) if hasattr(x, "dtype") and is_number(x) else x
    import numpy as np

    array = np.empty((), dtype=object)
    array[()] = x
    return array


# ---- what numpy's functions say of arrays of Values ----------------------------------

# An array's items are never asked before numpy has looked at the array, so that what it
# says of one of objects is its own. The transforms and `compile`, which call a user's
# function, add to it what to write.

_NUMBERS = "where no gradient is wanted, give it the numbers, [v.data for v in x]"
_ELIMINATED = (
    "what solves a linear system of Values, and so inverts a matrix and gives its "
    "determinant, is in the book, under Errors, in a few lines"
)

OF_ARRAYS: Final[Mapping[str, str]] = {
    "angle": "write np.arctan2(y, x)",
    "array_equal": _NUMBERS,
    "corrcoef": "of the covariance c write c / np.sqrt(np.outer(c.diagonal(), "
    "c.diagonal())), and for c what np.cov says",
    "cov": "with d = x - x.mean(axis=1, keepdims=True), "
    "write d @ d.T / (d.shape[1] - 1)",
    "det": _ELIMINATED,
    "float_power": "write x ** y",
    "gradient": "write the differences, (y[2:] - y[:-2]) / (x[2:] - x[:-2])",
    "interp": "for each x, of the i with xs[i-1] <= x < xs[i] write "
    "ys[i-1] + (x - xs[i-1]) * (ys[i] - ys[i-1]) / (xs[i] - xs[i-1])",
    "inv": _ELIMINATED,
    "logaddexp": "write [logsumexp([a, b]) for a, b in zip(x, y)]",
    "lstsq": _ELIMINATED,
    "normal": "write mean + deviation * z, z being a number from normal(0, 1)",
    "percentile": "take from np.sort(x) the two that it lies between, and mix them",
    "pinv": _ELIMINATED,
    "polyfit": _ELIMINATED,
    "quantile": "take from np.sort(x) the two that it lies between, and mix them",
    "round": "write np.floor(x + 0.5), whose slope is 0",
    "slogdet": _ELIMINATED,
    "solve": _ELIMINATED,
}
"""By numpy's names: what to write in place of a function that takes no objects."""

_OBJECTS = re.compile(
    r"dtype\('O'\)|object_|not supported for the input types|\bValue\b|"
    r"'(?:float|int)' object has no attribute"
)
_MIXED = re.compile(
    r"argument \d+ of type (float|int) which has no callable (\w+) method"
)


def advice(error: Exception) -> str:
    """What to write, where numpy refused an array with Values in it; otherwise "".

    >>> import numpy as np
    >>> from autograd import Value
    >>> try:
    ...     np.isnan(np.array([Value(1.0)]))
    ... except TypeError as error:
    ...     print(advice(error)[:45])
    np.isnan takes no Values: where no gradient i
    """
    text = str(error)
    mixed = _MIXED.search(text)
    if mixed:
        return (
            f"The array for np.{mixed[2]} holds Values and numbers: make all of it "
            "Values, as in np.array([x, Value(2.0)])"
        )
    if not _OBJECTS.search(text):
        return ""
    for frame, _ in walk_tb(error.__traceback__):
        room, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if room.partition(".")[0] == "numpy":
            return _of_function(name.rpartition(".")[2], room.split(".")[1])
    ufunc = re.search(r"ufunc '(\w+)'", text)
    return _of_function(ufunc[1]) if ufunc else ""


def _of_function(name: str, room: str = "") -> str:
    known = OF_ARRAYS.get(name) or INSTEAD.get(name) or _NUMBERS
    room = f"{room}." if room in ("fft", "linalg", "random") else ""
    return f"np.{room}{name} takes no Values: {known}"
