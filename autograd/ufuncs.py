"""numpy's functions, called with a Value among their arguments.

Of objects, numpy asks operators and methods: `np.exp(x)` is `x.exp()`. Numbers beside
a Value have no methods, and some functions take no objects at all. This stands in
between; of an array numpy asks the items alone, so that these are to be all Values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
