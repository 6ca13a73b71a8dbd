"""Random programs in layers, as networks are: what the array program is found in."""

from __future__ import annotations

import random

from autograd import ops
from autograd.reductions import dot, logsumexp, softmax, sum
from autograd.value import Value

ACTIVATIONS = (ops.tanh, ops.sigmoid, ops.relu, ops.gelu, lambda x: x, abs)


class Maker:
    """Makes weights, and layers of positions times features.

    sums: write sums of products as Python's `sum` does, not as a dot.
    """

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.weights = []
        self.sums = self.rng.random() < 0.5

    def weight(self, name):
        self.weights.append(Value(self.rng.uniform(-1, 1), name))
        return self.weights[-1]

    def matrix(self, down, across):
        name = f"W{len(self.weights)}" if self.rng.random() < 0.8 else ""
        return [
            [self.weight(name and f"{name}[{i},{j}]") for j in range(across)]
            for i in range(down)
        ]

    def vector(self, size):
        return [self.weight(f"b{len(self.weights)}") for _ in range(size)]

    def dot(self, xs, ys):
        if not self.sums:
            return dot(xs, ys)
        total = 0
        for x, y in zip(xs, ys, strict=True):
            total = total + x * y
        return total

    def total(self, xs):
        return sum(xs) if self.rng.random() < 0.5 else added(xs)

    # ---- layers: from rows of features, one per position, to such rows ----

    def dense(self, rows):
        """The same weights at every position."""
        W, width = self.rng.randint(1, 4), len(rows[0])
        matrix, bias = self.matrix(W, width), self.vector(W)
        f = self.rng.choice(ACTIVATIONS)
        return [
            [f(self.dot(w, row) + b) for w, b in zip(matrix, bias, strict=True)]
            for row in rows
        ]

    def residual(self, rows):
        width = len(rows[0])
        matrix = self.matrix(width, width)
        return [
            [x + self.dot(w, row) for x, w in zip(row, matrix, strict=True)]
            for row in rows
        ]

    def normal(self, rows):
        """Root mean square, at every position."""
        scaled = []
        for row in rows:
            size = self.total([x * x for x in row]) / len(row) + 1e-3
            scaled.append([x * size**-0.5 for x in row])
        return scaled

    def attention(self, rows):
        """Of each position to itself and those before it, in one head or two."""
        width = len(rows[0])
        heads = 2 if width % 2 == 0 else 1
        size = width // heads
        made = [self.matrix(width, width) for _ in range(3)]
        q, k, v = [
            [[self.dot(w, row) for w in matrix] for row in rows] for matrix in made
        ]
        out = []
        for t in range(len(rows)):
            row = []
            for h in range(0, width, size):
                part = slice(h, h + size)
                scores = [self.dot(q[t][part], k[s][part]) / 2 for s in range(t + 1)]
                shares = softmax(scores)
                row += [
                    self.dot(shares, [v[s][h + j] for s in range(t + 1)])
                    for j in range(size)
                ]
            out.append(row)
        return out

    def recurrence(self, rows):
        """A state that goes from position to position."""
        width = len(rows[0])
        into, back = self.matrix(width, width), self.matrix(width, width)
        state, out = [0.1 * x for x in rows[0]], []
        for row in rows:
            state = [
                ops.tanh(self.dot(w, row) + self.dot(u, state))
                for w, u in zip(into, back, strict=True)
            ]
            out.append(state)
        return out

    def convolution(self, rows):
        """The same few weights over neighbors, and fewer of them at the edges."""
        width = len(rows[0])
        kernel = [self.matrix(width, width) for _ in range(3)]
        out = []
        for t in range(len(rows)):
            near = [(n, t + n - 1) for n in range(3) if 0 <= t + n - 1 < len(rows)]
            out.append(
                [
                    self.total([self.dot(kernel[n][i], rows[s]) for n, s in near])
                    for i in range(width)
                ]
            )
        return out

    def pooled(self, rows):
        """The largest of two neighbors."""
        pairs = zip(rows, rows[1:] or rows, strict=False)
        return [
            [ops.maximum(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs
        ]

    def loss(self, rows):
        kind = self.rng.randrange(3)
        if kind == 0:
            return self.total([logsumexp(row) - row[0] for row in rows])
        if kind == 1:
            return self.total([x * x for row in rows for x in row]) / len(rows)
        penalty = 0.01 * self.total([w * w for w in self.weights] or [0.0])
        return ops.tanh(self.total([x for row in rows for x in row])) + penalty


def added(xs):
    total = 0
    for x in xs:
        total = total + x
    return total


LAYERS = (
    Maker.dense,
    Maker.residual,
    Maker.normal,
    Maker.attention,
    Maker.recurrence,
    Maker.convolution,
    Maker.pooled,
)


def layered(seed):
    """A program's output, its inputs and weights; positions and features vary."""
    maker = Maker(seed)
    rng = maker.rng
    positions, width = rng.randint(1, 5), rng.randint(1, 4)
    xs = [Value(rng.uniform(-1, 1), f"x{i}") for i in range(positions * width)]
    rows = [xs[t * width : (t + 1) * width] for t in range(positions)]
    for _ in range(rng.randint(1, 4)):
        rows = rng.choice(LAYERS)(maker, rows)
    return maker.loss(rows), xs, maker.weights
