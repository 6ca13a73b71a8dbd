"""Random graphs over every operation, against mpmath at 50 digits.

A graph is plain data: leaves, and steps that name an operation and point at earlier
results. The same data is computed with Values and with mpmath's numbers. Along a
random direction v, differences of the 50-digit function give v·gradient and
v·hessian·v, to which every component of both contributes.

Results are moved into the operations' spans by mid + half * x / (1 + |x|), which tames
large numbers without magnifying rounding errors, so that 1e-9 is a fair demand.
"""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from reference import REFERENCE

from autograd import reductions
from autograd.graph import gradients, topological_order
from autograd.ops import TABLE
from autograd.reductions import dot
from autograd.value import Value, as_value

TOLERANCE = 1e-9
STEP = mpf("1e-15")
NARY = {
    name: getattr(reductions, name) for name in ("sum", "mean", "prod", "logsumexp")
}
NAMES = [*(name for name, row in TABLE.items() if row.arity), *NARY, "dot", "powers"]


@dataclass(frozen=True)
class Step:
    """An operation on earlier results (int, counted back) and constants (float)."""

    name: str
    args: tuple[int | float, ...]


@dataclass(frozen=True)
class Graph:
    leaves: tuple[float, ...]
    direction: tuple[float, ...]
    steps: tuple[Step, ...]


def span(name: str, index: int) -> tuple[float, float]:
    """Where an argument should lie: the row's box, but no further out than 3."""
    row = TABLE.get(name)
    if row is None or not row.box:
        return -3.0, 3.0
    low, high = row.box[index]
    return max(low, -3.0), min(high, 3.0)


def into(x, where: tuple[float, float]):
    low, high = where
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * (x / (1 + abs(x)))


def compute(graph: Graph, leaves, apply):
    """The last result, all earlier unused ones added, so that every step counts."""
    pool = list(leaves)
    used: set[int] = set()
    for step in graph.steps:
        args = []
        for index, arg in enumerate(step.args):
            if isinstance(arg, int):
                position = len(pool) - 1 - arg % len(pool)
                used.add(position)
                args.append(into(pool[position], span(step.name, index)))
            else:
                args.append(arg)
        pool.append(apply(step.name, args))
    total = pool[-1]
    for position in range(len(pool) - 1):
        if position not in used:
            total = total + pool[position]
    return total


def with_values(name: str, args):
    if name == "powers":
        return args[0] ** 2 - args[0] ** 3 / 8 + args[0] ** 0
    if name == "dot":
        half = len(args) // 2
        return dot(args[:half], args[half : 2 * half])
    return NARY[name](args) if name in NARY else TABLE[name](*args)


def with_mpmath(name: str, args):
    args = [mpf(x) for x in args]
    if name == "powers":
        return args[0] ** 2 - args[0] ** 3 / 8 + 1
    if name == "dot":
        args = args[: len(args) // 2 * 2]
    return REFERENCE[name](*args)


def by_differences(graph: Graph) -> tuple[float, float, float]:
    """The value, and the first and second derivative along the direction."""
    with mp.workdps(50):
        values = []
        for shift in (-STEP, mpf(0), STEP):
            pairs = zip(graph.leaves, graph.direction, strict=True)
            leaves = [mpf(x) + shift * mpf(v) for x, v in pairs]
            values.append(compute(graph, leaves, with_mpmath))
        below, here, above = values
        return (
            float(here),
            float((above - below) / (2 * STEP)),
            float((above - 2 * here + below) / STEP**2),
        )


def mismatch(graph: Graph) -> str:
    """What is wrong with the engine's answers for a graph; nothing if all is well."""
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(graph.leaves)]
    output = as_value(compute(graph, leaves, with_values))
    slopes = gradients(output, leaves, create_graph=True)
    output.backward()
    for leaf, slope in zip(leaves, slopes, strict=True):
        if leaf.grad != slope.data and not close(leaf.grad, slope.data, abs(leaf.grad)):
            return f"backward() says {leaf.grad}, gradients() says {slope.data}"
    along = dot(slopes, list(graph.direction))
    products = gradients(along, leaves)
    firsts = [s.data * v for s, v in zip(slopes, graph.direction, strict=True)]
    seconds = [p * v for p, v in zip(products, graph.direction, strict=True)]
    ours = (output.data, math.fsum(firsts), math.fsum(seconds))
    theirs = by_differences(graph)
    scales = (1.0, sum(map(abs, firsts)), sum(map(abs, seconds)))
    for order, (a, b, scale) in enumerate(zip(ours, theirs, scales, strict=True)):
        if not close(a, b, scale):
            return f"derivative {order}: the engine says {a!r}, mpmath says {b!r}"
    return ""


def close(a: float, b: float, scale: float) -> bool:
    # A sum of parts with both signs is measured against the size of its parts, and
    # derivatives that vanish against the size of the numbers they come from, 1.
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), scale, 1e-3)


# ---- graphs from a seed, and shrinking them ------------------------------------------


def from_seed(seed: int, most: int) -> Graph:
    """A random graph that comes to at most about `most` recorded nodes."""
    rng = random.Random(seed)
    count = rng.randint(1, 4)
    steps = [random_step(rng) for _ in range(rng.randint(1, max(1, most // 16)))]
    return Graph(
        tuple(rng.uniform(-3, 3) for _ in range(count)),
        tuple(rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) for _ in range(count)),
        tuple(steps),
    )


def random_step(rng: random.Random) -> Step:
    name = rng.choice(NAMES)
    args: list[int | float] = []
    for index in range(arity(name, rng.randint(1, 4))):
        if rng.random() < 0.15:
            args.append(rng.uniform(*span(name, index)))
        else:
            args.append(rng.randrange(6) if rng.random() < 0.7 else rng.randrange(200))
    return Step(name, tuple(args))


def arity(name: str, free: int) -> int:
    if name == "dot":
        return 2 * free
    return 1 if name == "powers" else TABLE[name].arity or free


def shrunken(graph: Graph) -> Graph:
    """Steps dropped one by one, as long as the mismatch stays."""
    position = 0
    while position < len(graph.steps):
        rest = graph.steps[:position] + graph.steps[position + 1 :]
        fewer = replace(graph, steps=rest)
        if rest and mismatch(fewer):
            graph = fewer
        else:
            position += 1
    return graph


def search(seeds: range, most: int) -> int:
    """Fail with the seed and the shrunken graph; return the largest graph's size."""
    for seed in seeds:
        graph = from_seed(seed, most)
        problem = mismatch(graph)
        if problem:
            small = shrunken(graph)
            pytest.fail(f"seed {seed}: {problem}; shrunken: {mismatch(small)}\n{small}")
    return len(seeds)


# ---- the tests -----------------------------------------------------------------------


@st.composite
def graphs(draw, most: int = 10):
    number = st.floats(-3, 3, allow_subnormal=False)
    leaves = draw(st.lists(number, min_size=1, max_size=3))
    steps = []
    for _ in range(draw(st.integers(1, most))):
        name = draw(st.sampled_from(NAMES))
        free = draw(st.integers(1, 3))
        args = [
            draw(st.one_of(st.integers(0, 20), st.floats(*span(name, index))))
            for index in range(arity(name, free))
        ]
        steps.append(Step(name, tuple(args)))
    direction = [(-1.0) ** i * (1 + 0.25 * i) for i in range(len(leaves))]
    return Graph(tuple(leaves), tuple(direction), tuple(steps))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(graphs())
def test_graphs_drawn_by_hypothesis(graph):
    if not on_a_kink(graph):
        assert mismatch(graph) == ""


def on_a_kink(graph: Graph) -> bool:
    """Whether a step takes its derivative at a kink, where differences mean nothing.

    Hypothesis likes 0 and equal numbers; random graphs never come there.
    """
    leaves = [Value(x) for x in graph.leaves]
    kinks = {"relu", "abs", "leaky_relu", "elu", "maximum", "minimum", "hypot", "where"}
    for node in topological_order(as_value(compute(graph, leaves, with_values))):
        numbers = [parent.data for parent in node.parents]
        small = [abs(x) < 1e-9 for x in numbers[:1]]
        tie = len(numbers) == 2 and abs(numbers[0] - numbers[1]) < 1e-9
        if node.op in kinks and (any(small) or tie):
            return True
    return False


def test_random_graphs():
    assert search(range(2000), most=200) == 2000


def test_the_seeds_reach_every_operation_and_200_nodes():
    graphs_ = [from_seed(seed, 200) for seed in range(300)]
    assert {step.name for graph in graphs_ for step in graph.steps} == set(NAMES)
    sizes = []
    for graph in graphs_[:100]:
        leaves = [Value(x) for x in graph.leaves]
        sizes.append(
            len(topological_order(as_value(compute(graph, leaves, with_values))))
        )
    assert 150 <= max(sizes) <= 250


def test_a_wrong_derivative_is_found_and_shrunk(monkeypatch):
    monkeypatch.setitem(REFERENCE, "tanh", lambda x: mp.tanh(x) + x**2 / 10**6)
    found = [seed for seed in range(100) if mismatch(from_seed(seed, 200))]
    assert found
    small = shrunken(from_seed(found[0], 200))
    assert mismatch(small)
    assert "tanh" in {step.name for step in small.steps}
    assert len(small.steps) <= 3


@pytest.mark.slow
def test_many_random_graphs():
    count = int(os.environ.get("CHAINRULE_GRAPHS", "100000"))
    assert search(range(1_000_000, 1_000_000 + count), most=200) == count
