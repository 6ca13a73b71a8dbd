"""The two ways in which a function of many numbers is prepared and differentiated.

Each method returns a function without arguments, which is what gets timed. `f` takes a
list of numbers, with `row` a row of the table beside it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import autograd
from autograd import Value, compile, grad, hvp, jacobian

Numbers = Sequence[float]
Run = Callable[[], Any]


def nothing(w: Sequence[Any]) -> Any:
    """What does not depend on the row, where there is nothing of the kind."""
    return 0.0


class Eager:
    """Recorded anew at every run."""

    def value(self, f: Callable[..., Any], w: Numbers) -> Run:
        """f(w)."""
        return lambda: f(list(w))

    def gradient(self, f: Callable[..., Any], w: Numbers) -> Run:
        """The derivatives of f(w), a single number."""
        return lambda: grad(f)(list(w))

    def jacobian(self, f: Callable[..., Any], w: Numbers) -> Run:
        """Those of every number in f(w), which is a list."""
        return lambda: jacobian(f)(list(w))

    def total(
        self,
        f: Callable[..., Any],
        w: Numbers,
        rows: Sequence[Numbers],
        rest: Any = nothing,
    ) -> Run:
        """The sum of f(w, row) over the rows, and of rest(w)."""
        whole = _whole(f, rows, rest)
        return lambda: float(whole(list(w)))

    def total_gradient(
        self,
        f: Callable[..., Any],
        w: Numbers,
        rows: Sequence[Numbers],
        rest: Any = nothing,
    ) -> Run:
        """The derivatives of that by w."""
        return self.gradient(_whole(f, rows, rest), w)

    def newton(self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers]) -> Run:
        """The gradient of the sum, divided by the sums of the Hessian's rows."""
        whole = _whole(f, rows, nothing)

        def run() -> list[float]:
            slopes = grad(whole)(list(w))
            curved = hvp(whole, list(w), [1.0] * len(w))
            return [a / b for a, b in zip(slopes, curved, strict=True)]

        return run

    def each(self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers]) -> Run:
        """For every row the list f(w, row)."""
        return lambda: [f(list(w), list(row)) for row in rows]

    def each_jacobian(
        self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers], own: int
    ) -> Run:
        """The derivatives of these by the row's first numbers, `own`, and by w."""
        slopes = _slopes(f, own)
        return lambda: [slopes(list(w), list(row)) for row in rows]


def _whole(f: Callable[..., Any], rows: Sequence[Numbers], rest: Any) -> Any:
    return lambda w: autograd.sum([f(w, row) for row in rows]) + rest(w)


def _slopes(f: Callable[..., Any], own: int) -> Any:
    """What has the derivatives of f(w, row) by the row's first numbers and by w."""

    def slopes(w: Sequence[Any], row: Sequence[Any]) -> Any:
        def moved(x: Sequence[Any]) -> Any:
            return f(x[own:], [*x[:own], *row[own:]])

        return jacobian(moved)([*row[:own], *w])

    return slopes


class Compiled:
    """A program, compiled when it is prepared."""

    def value(self, f: Callable[..., Any], w: Numbers) -> Run:
        """f(w)."""
        return self._alone("forward", f, w)

    def gradient(self, f: Callable[..., Any], w: Numbers) -> Run:
        """The derivatives of f(w), a single number."""
        return self._alone("gradient", f, w)

    def jacobian(self, f: Callable[..., Any], w: Numbers) -> Run:
        """Those of every number in f(w), which is a list."""
        return self._alone("jacobian", f, w)

    def _alone(self, kind: str, f: Callable[..., Any], w: Numbers) -> Run:
        """A prepared call of f, a program of parameters alone."""
        leaves = [Value(x) for x in w]
        call = compile(lambda: f(leaves), parameters=leaves).prepared(kind)
        slopes = call.means[:-1]

        def run() -> Any:
            call()
            return slopes if kind == "gradient" else call.outputs[0]

        return run

    def _totals(
        self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers], rest: Any
    ) -> tuple[Any, Any, Any]:
        leaves, n = [Value(x) for x in w], len(rows)
        program = compile(
            lambda *row: f(leaves, row) + rest(leaves) * (1 / n), len(rows[0]), leaves
        )
        return program, _array(rows), _array(w)

    def total(
        self,
        f: Callable[..., Any],
        w: Numbers,
        rows: Sequence[Numbers],
        rest: Any = nothing,
    ) -> Run:
        """The sum of f(w, row) over the rows, and of rest(w)."""
        program, X, _ = self._totals(f, w, rows, rest)
        call = program.prepared("forward", X)

        def run() -> float:
            call()
            return float(call.outputs.sum())

        return run

    def total_gradient(
        self,
        f: Callable[..., Any],
        w: Numbers,
        rows: Sequence[Numbers],
        rest: Any = nothing,
    ) -> Run:
        """The derivatives of that by w."""
        program, X, _ = self._totals(f, w, rows, rest)
        call = program.prepared("gradient", X)

        def run() -> Any:
            call()
            return call.means[:-1] * len(X)

        return run

    def newton(self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers]) -> Run:
        """The gradient of the sum, divided by the sums of the Hessian's rows."""
        program, X, numbers = self._totals(f, w, rows, nothing)
        call, count = program.prepared("hvp", X, numbers), len(numbers)
        call.parameters[count:] = 1.0

        def run() -> Any:
            call()
            return call.means[count : 2 * count] / call.means[:count]

        return run

    def each(self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers]) -> Run:
        """For every row the list f(w, row)."""
        leaves = [Value(x) for x in w]
        program = compile(lambda *row: f(leaves, list(row)), len(rows[0]), leaves)
        call = program.prepared("forward", _array(rows))

        def run() -> Any:
            call()
            return call.outputs

        return run

    def each_jacobian(
        self, f: Callable[..., Any], w: Numbers, rows: Sequence[Numbers], own: int
    ) -> Run:
        """The derivatives of these by the row's first numbers, `own`, and by w."""
        return self.each(_slopes(f, own), w, rows)


def _array(numbers: Any) -> Any:
    import numpy as np

    return np.array(numbers, dtype=float)


ENGINES = {"eager": Eager, "compiled": Compiled}
