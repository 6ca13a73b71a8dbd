"""Random graphs over every operation of the table, and what eager says of them."""

from __future__ import annotations

import random

from autograd import ops
from autograd.graph import gradients
from autograd.modes import ieee
from autograd.ops import TABLE
from autograd.reductions import dot, logsumexp, mean, norm, prod, softmax, sum
from autograd.value import Value

NARY = (sum, mean, prod, logsumexp, norm)
JUMPS = ("sign", "floor", "ceil", "floordiv", "mod")  # where a last digit decides
ROWS = [row for row in TABLE.values() if row.arity and row.name not in JUMPS]


def into(x, span):
    """x moved smoothly into a span: what keeps random graphs inside the domains."""
    low, high = span
    return (low + high) / 2 + ops.sin(x) * ((high - low) / 2)


def squeezed(x):
    """x at a size that no chain of operations can blow up."""
    return x / (1 + abs(x))


def grow(rng, leaves, steps):
    """A random expression over the leaves."""
    pool = list(leaves)
    for _ in range(steps):
        pool.append(squeezed(one_more(rng, pool)))
    return sum(pool[-3:]) + pool[-1] * rng.choice(pool)


def one_more(rng, pool):
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(NARY)(rng.choices(pool, k=rng.randint(1, 5)))
    if kind < 0.2:
        n = rng.randint(1, 5)
        return dot(rng.choices(pool, k=n), rng.choices(pool, k=n))
    if kind < 0.25:
        return rng.choice(softmax(rng.choices(pool, k=3)))
    if kind < 0.3:
        return rng.choice(pool) ** rng.choice([2, 3, -1, 0.5, 0, 1, 4, -2])
    row = rng.choice(ROWS)
    args = [rng.choice(pool) for _ in range(row.arity)]
    if row.name == "where":
        return row(ops.relu(args[0]), args[1], args[2])
    if rng.random() < 0.5:
        args = [into(x, span) for x, span in zip(args, row.box, strict=True)]
    return row(*args)


def example(seed, rows, inputs=2, parameters=3, steps=12):
    """A recorded graph, its leaves, and a batch for it."""
    rng = random.Random(seed)
    xs = [Value(rng.uniform(-2, 2), f"x{i}") for i in range(inputs)]
    ws = [Value(rng.uniform(-2, 2), f"w{i}") for i in range(parameters)]
    with ieee():
        output = grow(rng, [*xs, *ws], steps)
    batch = [[rng.uniform(-3, 3) for _ in xs] for _ in range(rows)]
    return output, xs, ws, batch


def eager(output, xs, ws, batch, gradients=gradients):
    """Value, gradient by the inputs, gradient by the parameters, for every row."""
    found = []
    with ieee():
        for row in batch:
            for x, number in zip(xs, row, strict=True):
                x.data = number
            output.recompute()
            slopes = gradients(output, [*xs, *ws])
            found.append((output.data, slopes[: len(xs)], slopes[len(xs) :]))
    return found
