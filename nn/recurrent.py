"""Recurrent networks: a state that goes from position to position.

Each takes a sequence, a list of rows of numbers, and returns a list of hidden rows, one
for each position. Names, layouts and formulas are torch's, of one layer and direction;
put several into a `Sequential` for more.

>>> model = Sequential(GRU(1, 3, seed=0), PerPosition(Layer(3, 2, None, seed=1)))
>>> outs = model([[0.5], [1.0], [-1.0]])
>>> len(outs), len(outs[0])
(3, 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from autograd.ops import sigmoid, tanh
from autograd.reductions import dot
from autograd.value import Value
from nn.attention import matrix, vector
from nn.hints import Hidden, Number
from nn.module import Layer as Layer
from nn.module import Module, generator, positive
from nn.module import Sequential as Sequential
from nn.shapes import rows_of, sizes_of

Row = list[Any]


class Recurrent(Module):
    """What the three kinds have in common: gates, linear in the input and the state.

    inputs: numbers per position. hidden: numbers in the state, which begins as zeros.

    weight_ih_l0, of shape (gates * hidden, inputs), and bias_ih_l0 make what the input
    adds to each gate, weight_hh_l0 and bias_hh_l0 what the state adds.
    """

    GATES = 1

    def __init__(
        self, inputs: int, hidden: int, *, seed: int | Random | None = None
    ) -> None:
        self.inputs = positive(inputs, "inputs")
        self.hidden = positive(hidden, "hidden")
        rng, bound, rows = generator(seed), hidden**-0.5, self.GATES * hidden
        draw = lambda: rng.uniform(-bound, bound)  # noqa: E731
        self.weight_ih_l0 = matrix("W", rows, inputs, draw)
        self.weight_hh_l0 = matrix("U", rows, hidden, draw)
        self.bias_ih_l0 = vector("b", rows)
        self.bias_hh_l0 = vector("c", rows)

    def __call__(self, x: Sequence[Any]) -> Hidden:
        """The hidden row after each row of a sequence."""
        state = self._start()
        hidden = []
        for row in [] if sizes_of(x) == (0,) else rows_of(x, self.inputs, self):
            state = self._next(row, state)
            hidden.append(state[0])
        return hidden

    def _start(self) -> tuple[Row, ...]:
        return ([0.0] * self.hidden,)

    def _next(self, x: Row, state: tuple[Row, ...]) -> tuple[Row, ...]:
        raise NotImplementedError

    def _gates(self, x: Row, h: Row) -> tuple[list[Row], list[Row]]:
        """For each gate what the input adds and what the state adds."""
        given = _linear(self.weight_ih_l0, x, self.bias_ih_l0)
        kept = _linear(self.weight_hh_l0, h, self.bias_hh_l0)
        return _parts(given, self.hidden), _parts(kept, self.hidden)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inputs}, {self.hidden})"


def _linear(weight: list[list[Value]], x: Sequence[Number], bias: list[Value]) -> Row:
    return [dot(row, x) + b for row, b in zip(weight, bias, strict=True)]


def _parts(numbers: Row, size: int) -> list[Row]:
    return [numbers[i : i + size] for i in range(0, len(numbers), size)]


class RNN(Recurrent):
    """h = tanh(W x + b + U h' + c), with h' the state before. Elman (1990).

    >>> [len(h) for h in RNN(1, 2, seed=0)([[1.0], [2.0]])]
    [2, 2]
    """

    def _next(self, x: Row, state: tuple[Row, ...]) -> tuple[Row, ...]:
        (given,), (kept,) = self._gates(x, state[0])
        return ([tanh(a + b) for a, b in zip(given, kept, strict=True)],)


class GRU(Recurrent):
    """The state moves to n by the part 1 - z: h = (1 - z) n + z h'. Cho et al. (2014).

    r = sigmoid(W_r x + b_r + U_r h' + c_r), z likewise, and
    n = tanh(W_n x + b_n + r (U_n h' + c_n)); rows of r, z and n in this order.

    >>> [len(h) for h in GRU(1, 2, seed=0)([[1.0], [2.0]])]
    [2, 2]
    """

    GATES = 3

    def _next(self, x: Row, state: tuple[Row, ...]) -> tuple[Row, ...]:
        (h,) = state
        given, kept = self._gates(x, h)
        r, z = ([sigmoid(a + b) for a, b in _pairs(given[i], kept[i])] for i in (0, 1))
        n = [
            tanh(a + gate * b) for a, gate, b in zip(given[2], r, kept[2], strict=True)
        ]
        parts = zip(z, n, h, strict=True)
        return ([(1.0 - gate) * new + gate * old for gate, new, old in parts],)


class LSTM(Recurrent):
    """A cell c that gates write and read: c = f c' + i g, h = o tanh(c).

    i, f and o are sigmoid(W x + b + U h' + c) and g is tanh of such a sum, with rows of
    i, f, g and o in this order. Hochreiter and Schmidhuber (1997), Gers et al. (2000).

    >>> [len(h) for h in LSTM(1, 2, seed=0)([[1.0], [2.0]])]
    [2, 2]
    """

    GATES = 4

    def _start(self) -> tuple[Row, ...]:
        return [0.0] * self.hidden, [0.0] * self.hidden

    def _next(self, x: Row, state: tuple[Row, ...]) -> tuple[Row, ...]:
        h, cell = state
        given, kept = self._gates(x, h)
        sums = [[a + b for a, b in _pairs(*gate)] for gate in _pairs(given, kept)]
        i, f, o = ([sigmoid(z) for z in sums[k]] for k in (0, 1, 3))
        g = [tanh(z) for z in sums[2]]
        gates = zip(f, cell, i, g, strict=True)
        cell = [keep * old + write * new for keep, old, write, new in gates]
        return [gate * tanh(c) for gate, c in _pairs(o, cell)], cell


def _pairs(xs: list[Any], ys: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(xs, ys, strict=True))


class PerPosition(Module):
    """A part of a network, applied to each position of a sequence.

    >>> len(PerPosition(Layer(2, 3, seed=0))([[1.0, 2.0], [0.0, 1.0]]))
    2
    """

    def __init__(self, each: Module) -> None:
        if not callable(each):
            raise TypeError(f"PerPosition takes a module for each row; got {each!r}")
        self.each = each

    def __call__(self, x: Sequence[Any]) -> Hidden:
        """What the part returns for each row, always as a list."""
        outs = [self.each(row) for row in x]
        return [out if isinstance(out, list) else [out] for out in outs]

    def __repr__(self) -> str:
        return f"PerPosition({self.each!r})"
