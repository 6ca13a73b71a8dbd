"""The two ways in which a function of many numbers is prepared and differentiated.

Each method returns a function without arguments, which is what gets timed. `f` takes a
list of numbers, with `row` a row of the table beside it.
"""

from builtins import sum as sum_of
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from evals import slopes, turns

import autograd
from autograd import Value, compile, grad, hvp, jacobian, jvp, where

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

    def looped(
        self, f: Callable[..., Any], modes: Sequence[str], start: Numbers
    ) -> Sequence[Callable[..., Any]]:
        """f(x, loop) as a function of x, and its derivatives in each of the modes."""

        def value(x: Sequence[Any]) -> Any:
            return f(list(x), turns)

        return [value, *[partial(slopes, mode, value) for mode in modes]]


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

    def looped(
        self, f: Callable[..., Any], modes: Sequence[str], start: Numbers
    ) -> Sequence[Callable[..., Any]]:
        """f(x, loop) as a function of x, and its derivatives in each of the modes."""
        loop = Looped(f, start)
        return [loop.value, *[getattr(loop, WAYS[mode])() for mode in modes]]


TURNS = 48  # of a loop, in a program
WAYS = {"f": "forward", "r": "backward"}


class ReachedError(Exception):
    """Leaves a function at its loop."""


class Looped:
    """A function with a loop: programs of what is before, of some turns, and after.

    A program has the same instructions for all numbers, so that it can take only so
    many turns, of which those after the end change nothing. It runs again and again
    until the end. The derivatives are the chain rule over these runs.
    """

    def __init__(self, f: Callable[..., Any], start: Numbers) -> None:
        self.f = f
        self.size = len(start)
        self.start = Part(self.begin, self.size)
        self.width = len(self.start(start))
        self.some = Part(self.turned, self.size, self.width)
        self.end = Part(self.result, self.size, self.width)
        self.at: list[float] = []
        self.states: list[Any] = []

    # ---- the parts, as they are recorded ----

    def begin(self, x: Sequence[Any]) -> list[Any]:
        """The state before the first turn."""
        return self._inside(x, lambda turn, state, ended: list(state))

    def turned(self, x: Sequence[Any], state: Sequence[Any]) -> list[Any]:
        """The state after some turns, and whether that is the end."""

        def some(turn: Any, _: Any, ended: Any) -> list[Any]:
            after = state
            for _ in range(TURNS):
                known, over = after, ended(after)
                pairs = zip(known, turn(known), strict=True)
                after = [where(over, old, new) for old, new in pairs]
            return [*after, where(ended(after), 1.0, 0.0)]

        return self._inside(x, some)

    def _inside(self, x: Sequence[Any], made: Callable[..., Any]) -> list[Any]:
        """What is made of the loop, with nothing of what follows it."""

        def loop(*given: Any) -> Any:
            raise ReachedError(made(*given))

        try:
            self.f(x, loop)
        except ReachedError as reached:
            found: list[Any] = reached.args[0]
            return found
        raise ValueError("the function has no loop")

    def result(self, x: Sequence[Any], state: Sequence[Any]) -> list[Any]:
        """What comes of the last state."""
        found = self.f(x, lambda turn, begin, ended: state)
        return found if isinstance(found, list) else [found]

    # ---- running ----

    def run(self, x: Any) -> Any:
        """The state in the end; all states before runs are kept, and what x was."""
        if x.tolist() != self.at:
            self.at, self.states = x.tolist(), []
            some, (given, state) = self.some, self.some.given
            made, over = some.found[:-1], some.found[-1:]
            given[:], state[:] = x, self.start(x)
            over[:] = False
            while not over[0]:
                self.states.append(state.copy())
                some.run()
                state[:] = made
            self.states.append(state.copy())
        return self.states[-1]

    def value(self, x: Numbers) -> Any:
        """f at x, a number or a list."""
        at = _array(x)
        found = self.end(at, self.run(at)).tolist()
        return found if len(found) > 1 else found[0]

    def backward(self) -> Callable[..., Any]:
        """Derivatives from the end to the beginning."""
        size, width = self.size, self.width
        end = Part(back(self.result), size, width, 1)
        some = Part(back(lambda *at: self.turned(*at)[:-1]), size, width, width)
        start = Part(back(self.begin), size, width)
        (given, state, slopes), found = some.given, some.found

        def derivatives(x: Numbers) -> list[float]:
            at = _array(x)
            last = end(at, self.run(at), 1.0)
            total = last[:size].copy()
            given[:], slopes[:] = at, last[size:]
            for before in self.states[-2::-1]:
                state[:] = before
                some.run()
                total += found[:size]
                slopes[:] = found[size:]
            total += start(at, slopes)
            return list(total.tolist())

        return derivatives

    def forward(self) -> Callable[..., Any]:
        """Derivatives from the beginning to the end, once for each number."""
        size, width = self.size, self.width
        start = Part(along(self.begin), size, size)
        some = Part(self.turned_along, size, size, 2 * width)
        end = Part(along(self.result), size, width, size, width)
        (given, way, state), made, over = some.given, some.found[:-1], some.found[-1:]

        def one(at: Any, direction: Any) -> float:
            given[:], way[:], state[:] = at, direction, start(at, direction)
            over[:] = False
            while not over[0]:
                some.run()
                state[:] = made
            return float(end(at, state[:width], direction, state[width:])[-1])

        ways = _array([[float(i == j) for j in range(size)] for i in range(size)])
        return lambda x: [one(_array(x), direction) for direction in ways]

    def turned_along(
        self, x: Sequence[Any], way: Sequence[Any], both: Sequence[Any]
    ) -> list[Any]:
        """The state after some turns and its tangent, and whether that is the end."""
        state, slopes = both[: self.width], both[self.width :]
        found = along(self.turned)(x, state, way, slopes)
        end = self.width
        return [*found[:end], *found[end + 1 : -1], found[end]]


class Part:
    """A program of lists: where its numbers are given, and found after it has run."""

    def __init__(self, f: Callable[..., Any], *sizes: int) -> None:
        leaves = [Value(0.5) for _ in range(sum_of(sizes))]
        parts = in_parts(leaves, sizes)
        call = compile(lambda: f(*parts), parameters=leaves).prepared("forward")
        self.run = call
        self.given = in_parts(call.parameters, sizes)
        self.found = call.outputs[0]

    def __call__(self, *given: Any) -> Any:
        """Its result, which the next call overwrites."""
        for part, numbers in zip(self.given, given, strict=True):
            part[:] = numbers
        self.run()
        return self.found


def in_parts(every: Any, sizes: Sequence[int]) -> list[Any]:
    """A list in parts of these sizes."""
    stops = [sum_of(sizes[: n + 1]) for n in range(len(sizes))]
    return [every[b - n : b] for n, b in zip(sizes, stops, strict=True)]


def back(f: Callable[..., Any]) -> Callable[..., Any]:
    """Of f(x, ...), a list, the derivatives of its product with the last argument."""

    def derivatives(*given: Sequence[Any]) -> list[Any]:
        *at, factors = given
        sizes = [len(each) for each in at]

        def product(every: Sequence[Any]) -> Any:
            return autograd.dot(f(*in_parts(every, sizes)), factors)

        return list(grad(product)([x for each in at for x in each]))

    return derivatives


def along(f: Callable[..., Any]) -> Callable[..., Any]:
    """Of f(x, ...), a list, that and the tangent, for as many further arguments."""

    def both(*given: Sequence[Any]) -> list[Any]:
        half = len(given) // 2
        found, tangents = jvp(lambda at: f(*at), given[:half], given[half:])
        return [*found, *tangents]

    return both


def _array(numbers: Any) -> Any:
    import numpy as np

    return np.array(numbers, dtype=float)


ENGINES = {"eager": Eager, "compiled": Compiled}
