"""The arrays that programs take and return, and the one place that imports NumPy."""

from __future__ import annotations

import functools
from typing import Any

from autograd.value import Value
from autograd.wording import article


@functools.cache
def numpy() -> Any:
    """The module numpy, or an ImportError with the command that installs it."""
    try:
        import numpy
    except ImportError:
        raise ImportError(
            'compiled programs need numpy: python -m pip install "chainrule[fast]"'
        ) from None
    return numpy


def table(X: Any, columns: int) -> Any:
    """X as a float64 array of shape (N, columns), or an error that says what is wrong.

    A list of rows is converted; so are whole numbers and single precision. A program
    of one input also takes a plain sequence of N numbers. nan and inf are numbers. None
    is the one row of a program without inputs.
    """
    np = numpy()
    if X is None and not columns:
        return np.zeros((1, 0))
    if X is None:
        raise TypeError(f"this program has inputs: pass X of shape (N, {columns})")
    if type(X) is np.ndarray and X.dtype == np.float64 and X.shape[1:] == (columns,):
        return X if X.flags.c_contiguous else np.ascontiguousarray(X)
    array = _converted(X, "X", f"an array of shape (N, {columns})")
    if array.ndim == 1 and columns == 1:
        array = array[:, None]
    if array.ndim == 1 and array.size == 0:
        if not columns:
            raise ValueError("X has no rows, and this program no inputs: leave X out")
        array = array.reshape(0, columns)
    check_table(array, columns)
    return np.ascontiguousarray(array)


def zeros(count: int) -> Any:
    """Zeros that begin at a cache line, as vectors of 64 bytes need."""
    array = numpy().zeros(count + 8)
    start = -array.ctypes.data % 64 // 8
    return array[start : start + count]


def finite(*arrays: Any) -> bool:
    """Whether no number in them is infinite or nan."""
    return all(bool(numpy().isfinite(array).all()) for array in arrays)


def check_table(array: Any, columns: int) -> None:
    """ValueError for an array, of whatever kind, that is not of shape (N, columns)."""
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(
            f"X has the shape {array.shape}; this program takes (N, {columns}): one "
            f"row per sample, one column per input{_hint(array, columns)}"
        )


def vector(parameters: Any, count: int) -> Any:
    """The parameters as a float64 array of shape (count,)."""
    np = numpy()
    given = parameters
    if not (type(given) is np.ndarray and given.dtype == np.float64):
        given = _converted(given, "parameters", f"{count} numbers")
    check_vector(given, count)
    return given


def check_vector(array: Any, count: int) -> None:
    """ValueError for an array, of whatever kind, that is not of shape (count,)."""
    if array.shape != (count,):
        raise ValueError(
            f"parameters have the shape {array.shape}; this program takes ({count},), "
            "one number per parameter in the order given to compile()"
        )


def _converted(given: Any, name: str, wanted: str) -> Any:
    np = numpy()
    if isinstance(given, np.ma.MaskedArray) and given.dtype.kind in "biuf":
        given = given.astype(np.float64).filled(np.nan)  # what it hides is missing
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError(
            f"{name} has rows of different lengths; pass {wanted}"
        ) from None
    if array.dtype.kind not in "biuf" and array.size:
        raise TypeError(
            f"{name} holds {_held(array)}, not real numbers; pass {wanted} of float64"
        )
    return array.astype(np.float64)


def _held(array: Any) -> str:
    if array.dtype.kind in "US":
        return f"texts such as {str(array.flat[0])!r:.40}"
    if array.dtype != object:
        return str(array.dtype)
    first = array.flat[0]
    number = "Values, which have them in x.data"
    return number if isinstance(first, Value) else article(type(first).__name__)


def _hint(array: Any, columns: int) -> str:
    if array.shape == (columns,):
        return "; for a single row write X[None, :]"
    if array.ndim == 2 and array.shape[0] == columns:
        return "; transposed, X.T would fit"
    return ""
