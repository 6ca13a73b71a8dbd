"""Floats that answer inf and nan, as IEEE 754 has it, where Python raises an error."""

from __future__ import annotations

import math

from autograd import ops
from autograd.hints import final
from autograd.numeric import number
from autograd.operation import Operation


def limit(operation: Operation, numbers: list[float], error: Exception) -> float:
    """The answer of IEEE 754 where an operation is not defined, or overflows."""
    if operation.limit is not None:
        return operation.limit(*numbers)
    return math.inf if isinstance(error, OverflowError) else math.nan


@final
class Quiet:
    """A number whose operations answer inf and nan where floats raise an error.

    For local derivatives at a pole: nothing is recorded, so that the derivative of
    1 / y at 0 does not ask for the derivative of that, and so on without end.
    """

    __slots__ = ("number",)

    def __init__(self, x: object) -> None:
        self.number: float = x.number if isinstance(x, Quiet) else number(x)

    def _apply(self, operation: Operation, args: tuple[object, ...]) -> Quiet:
        numbers = [Quiet(arg).number for arg in args]
        try:
            return Quiet(float(operation.forward(*numbers)))
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            return Quiet(limit(operation, numbers, error))

    def __float__(self) -> float:
        return self.number

    def __bool__(self) -> bool:
        return self.number != 0.0

    def __lt__(self, other: object) -> bool:
        return self.number < Quiet(other).number

    def __le__(self, other: object) -> bool:
        return self.number <= Quiet(other).number

    def __gt__(self, other: object) -> bool:
        return self.number > Quiet(other).number

    def __ge__(self, other: object) -> bool:
        return self.number >= Quiet(other).number

    def __eq__(self, other: object) -> bool:
        return self.number == Quiet(other).number

    def __ne__(self, other: object) -> bool:
        return self.number != Quiet(other).number

    def __neg__(self) -> Quiet:
        return Quiet(-self.number)

    def __add__(self, other: object) -> Quiet:
        return self._apply(ops.add, (self, other))

    def __radd__(self, other: object) -> Quiet:
        return self._apply(ops.add, (other, self))

    def __sub__(self, other: object) -> Quiet:
        return self._apply(ops.sub, (self, other))

    def __rsub__(self, other: object) -> Quiet:
        return self._apply(ops.sub, (other, self))

    def __mul__(self, other: object) -> Quiet:
        return self._apply(ops.mul, (self, other))

    def __rmul__(self, other: object) -> Quiet:
        return self._apply(ops.mul, (other, self))

    def __truediv__(self, other: object) -> Quiet:
        return self._apply(ops.div, (self, other))

    def __rtruediv__(self, other: object) -> Quiet:
        return self._apply(ops.div, (other, self))

    def __pow__(self, other: object) -> Quiet:
        return self._apply(ops.pow_, (self, other))

    def __rpow__(self, other: object) -> Quiet:
        return self._apply(ops.pow_, (other, self))
