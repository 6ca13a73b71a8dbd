"""Operations over any number of Values and numbers, each recorded as a single node.

With numbers alone they return a float, as the functions of one argument do.
"""

from __future__ import annotations

from collections.abc import Iterable

from autograd import ops
from autograd.hints import Any, overload
from autograd.numeric import COMPILED, number
from autograd.operation import Operation
from autograd.value import (
    Value,
    as_value,
    constant,
    describe,
    forward,
    local_partials,
    many,
)
from autograd.wording import cut

if COMPILED:
    from autograd.native import record_list


@overload
def sum(terms: Iterable[float], start: float = 0.0) -> float: ...  # type: ignore[overload-overlap]
@overload
def sum(terms: Iterable[Value | float], start: Value | float = 0.0) -> Value: ...
def sum(terms: Iterable[Value | float], start: Any = None) -> Value | float:
    """The sum, from left to right; 0.0 for nothing. With a start, as Python's, from it.

    >>> sum([Value(1.0), 2.0, Value(3.0)]).data
    6.0
    >>> w, x, b = [0.5, -1.0], [Value(2.0), Value(3.0)], Value(0.25)
    >>> sum((wi * xi for wi, xi in zip(w, x, strict=True)), b).data
    -1.75
    """
    values = _listed(terms, "sum")
    return _reduce(ops.sum_, values if start is None else [start, *values])


@overload
def mean(terms: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def mean(terms: Iterable[Value | float]) -> Value: ...
def mean(terms: Iterable[Value | float]) -> Value | float:
    """The sum divided by how many there are. Raises ValueError for nothing.

    >>> mean([Value(1.0), 2.0, Value(6.0)]).data
    3.0
    """
    return _reduce(ops.mean, _some(terms, "mean"))


@overload
def prod(factors: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def prod(factors: Iterable[Value | float]) -> Value: ...
def prod(factors: Iterable[Value | float]) -> Value | float:
    """The product, from left to right; 1.0 for nothing.

    >>> prod([Value(2.0), 3.0, Value(4.0)]).data
    24.0
    """
    return _reduce(ops.prod, _listed(factors, "prod"))


@overload
def dot(xs: Iterable[float], ys: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def dot(xs: Iterable[Value | float], ys: Iterable[Value | float]) -> Value: ...
def dot(xs: Iterable[Value | float], ys: Iterable[Value | float]) -> Value | float:
    """x1*y1 + x2*y2 + ..., from left to right; 0.0 for nothing.

    Raises ValueError where one has more numbers than the other.

    >>> dot([Value(1.0), Value(2.0)], [3.0, 4.0]).data
    11.0
    """
    left: list[Any] = xs if type(xs) is list else _listed(xs, "dot")
    right: list[Any] = ys if type(ys) is list else _listed(ys, "dot")
    if len(left) != len(right):
        raise ValueError(
            f"dot needs two sequences of the same length, got {len(left)} and "
            f"{len(right)} numbers"
        )
    try:
        return _reduce(ops.dot, left + right)
    except TypeError:
        for values in (left, right):
            _flat(values, "dot")  # which tells of rows, if it is that
        raise


@overload
def logsumexp(terms: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def logsumexp(terms: Iterable[Value | float]) -> Value: ...
def logsumexp(terms: Iterable[Value | float]) -> Value | float:
    """log(e**x1 + e**x2 + ...) without overflow. Raises ValueError for nothing.

    >>> logsumexp([Value(1000.0), Value(1000.0)]).data
    1000.6931471805599
    """
    return _reduce(ops.logsumexp, _some(terms, "logsumexp"))


@overload
def softmax(terms: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]
@overload
def softmax(terms: Iterable[Value | float]) -> list[Value]: ...
def softmax(terms: Iterable[Value | float]) -> list[Value] | list[float]:
    """e**xi / (e**x1 + e**x2 + ...) for each xi: from 0 to 1, with sum 1.

    Raises ValueError for nothing.

    >>> [p.data for p in softmax([Value(0.0), Value(0.0)])]
    [0.5, 0.5]
    """
    values = _some(terms, "softmax")
    total = _reduce(ops.logsumexp, values)
    powers = [ops.exp(x - total) for x in values]
    together = sum(powers)  # 1, but for the rounding of a large total
    return [power / together for power in powers]


@overload
def norm(xs: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def norm(xs: Iterable[Value | float]) -> Value: ...
def norm(xs: Iterable[Value | float]) -> Value | float:
    """The length sqrt(x1*x1 + x2*x2 + ...), without overflow; 0.0 for nothing.

    Where it is 0 its derivatives are 0, as torch's are.

    >>> norm([Value(3.0), 4.0]).data, grad(norm)([3.0, 4.0]), grad(norm)([0.0, 0.0])
    (5.0, [0.6, 0.8], [0.0, 0.0])
    """
    return _reduce(ops.norm, _listed(xs, "norm"))


@overload
def take(values: Iterable[float], index: float) -> float: ...  # type: ignore[overload-overlap]
@overload
def take(values: Iterable[Value | float], index: Value | float) -> Value: ...
def take(values: Iterable[Value | float], index: Any) -> Value | float:
    """The value at a place, counted from 0, that may differ from row to row.

    values: Values and numbers, at least one.
    index: a whole number. As a Value, such as an input of a program, it may be another
        whenever the result is computed anew. Its own derivative is 0.

    The value at that place gets the whole gradient, and the others 0. Raises ValueError
    where the index is not whole, or is not from 0 to one less than there are values; in
    a program the result is then nan.

    >>> row = [Value(2.0), Value(3.0), Value(5.0)]
    >>> token = Value(2.0)
    >>> y = take(row, token)
    >>> y.backward()
    >>> y.data, [value.grad for value in row]
    (5.0, [0.0, 0.0, 1.0])
    >>> token.data = 0.0
    >>> y.recompute()
    >>> y.data
    2.0
    """
    listed = _some(values, "take")
    return _reduce(ops.take, [index, *listed])


def _any_value(values: list[Any]) -> bool:
    if set(map(type, values)) <= {float}:  # told at a glance, also of a million
        return False
    return any(isinstance(x, Value) for x in values)


def _listed(terms: Any, name: str) -> list[Any]:
    if isinstance(terms, dict):
        given = f"a dict: write {name}(d.values())"
    elif isinstance(terms, (Value, float, int)):
        given = f"{describe(terms)} alone"
    elif hasattr(terms, "__iter__") or hasattr(terms, "__getitem__"):
        return _flat(list(terms), name)
    else:
        given = f"{cut(repr(terms))} of type {type(terms).__name__}"
    raise TypeError(
        f"{name} takes a list of Values and numbers, such as [x, y]; got {given}"
    )


def _some(terms: Any, name: str) -> list[Any]:
    values = _listed(terms, name)
    if not values:
        raise ValueError(f"{name} of no numbers is not defined; pass at least one")
    return values


def _flat(values: list[Any], name: str) -> list[Any]:
    """The same; TypeError where there are rows in it, found by the first."""
    first = values[0] if values else 0.0
    if isinstance(first, (Value, float)):
        return values  # as nearly always; to ask a Value for a shape takes its time
    if isinstance(first, (list, tuple)) or getattr(first, "shape", ()) != ():
        others = {"dot": ", x", "take": ", index"}.get(name, "")
        raise TypeError(
            f"{name} takes a list of Values and numbers, such as [x, y]; got rows: of "
            f"each write [{name}(row{others}) for row in rows], and what they all hold "
            "is [x for row in rows for x in row]"
        )
    return values


def _reduce(operation: Operation, values: list[Any]) -> Value | float:
    if COMPILED and (node := record_list(operation, values)) is not None:
        return node
    if not _any_value(values):
        return _compute(operation, values)
    parents = tuple([as_value(x) for x in values])
    numbers = [parent._data for parent in parents]
    data = forward(operation, numbers, parents)
    return many(operation, parents, data, local_partials(operation, numbers, data))


def _compute(operation: Operation, values: list[Any]) -> float:
    plain = set(map(type, values)) <= {float}
    numbers = values if plain else [number(x) for x in values]
    try:
        return float(operation.forward(*numbers))
    except (ValueError, ZeroDivisionError, OverflowError):  # say which numbers
        return forward(operation, numbers, [constant(x) for x in numbers])
