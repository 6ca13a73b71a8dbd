"""Random graphs over every operation, against mpmath at 90 digits.

A graph is plain data: leaves, and steps that name an operation and point at earlier
results. The same data is computed with Values and with mpmath's numbers. Differences of
the 90-digit function give its value, every component of its gradient and every entry
of its hessian; no derivative rule is involved in that.

Where an argument is outside the span of its operation, it is moved in by
mid + half * x / (1 + |x|), which tames large numbers without magnifying rounding
errors, so that 1e-9 is a fair demand of each number.
"""

from __future__ import annotations

import itertools
import os
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from random_graphs import JUMPS
from reference import REFERENCE

from autograd import reductions
from autograd.graph import gradients, topological_order
from autograd.ops import TABLE
from autograd.reductions import dot, take
from autograd.value import Value, as_value

TOLERANCE = 1e-9
DIGITS = 90
STEP = mpf("1e-25")
NARY = {
    name: getattr(reductions, name)
    for name in ("sum", "mean", "prod", "logsumexp", "norm")
}
SMOOTH = [name for name, row in TABLE.items() if row.arity and name not in JUMPS]
NAMES = [*SMOOTH, *NARY, "dot", "take", "powers"]


@dataclass(frozen=True)
class Step:
    """An operation on earlier results (int, counted back) and constants (float)."""

    name: str
    args: tuple[int | float, ...]


@dataclass(frozen=True)
class Graph:
    leaves: tuple[float, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """A line for each leaf and each step, as one would write it."""
        names = [f"x{i}" for i in range(len(self.leaves))]
        lines = [f"{x} = {n!r}" for x, n in zip(names, self.leaves, strict=True)]
        for step in self.steps:
            args = [
                names[position(arg, len(names))] if isinstance(arg, int) else repr(arg)
                for arg in step.args
            ]
            names.append(f"v{len(names)}")
            lines.append(f"{names[-1]} = {step.name}({', '.join(args)})")
        return "\n".join(lines)


def position(back: int, size: int) -> int:
    return size - 1 - back % size


NARROW = {"clip": ((-3.0, 3.0), (-1.0, -0.25), (0.25, 1.0))}
"""Boxes in place of a row's, so that small numbers come to lie beyond both bounds."""


def span(name: str, index: int) -> tuple[float, float]:
    """Where an argument should lie: the row's box, but no further out than 3."""
    row = TABLE.get(name)
    if name in NARROW:
        return NARROW[name][index]
    if row is None or not row.box:
        return -3.0, 3.0
    low, high = row.box[index]
    return max(low, -3.0), min(high, 3.0)


def into(x, where: tuple[float, float]):
    low, high = where
    # As a float in both computations, so that both decide alike.
    if low <= (x.data if isinstance(x, Value) else float(x)) <= high:
        return x
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
                at = position(arg, len(pool))
                used.add(at)
                args.append(into(pool[at], span(step.name, index)))
            else:
                args.append(arg)
        pool.append(apply(step.name, args))
    total = pool[-1]
    for at in range(len(pool) - 1):
        if at not in used:
            total = total + pool[at]
    return total


def with_values(name: str, args):
    if name == "powers":
        return args[0] ** 2 - args[0] ** 3 / 8 + args[0] ** 0
    if name == "dot":
        half = len(args) // 2
        return dot(args[:half], args[half : 2 * half])
    if name == "take":
        return take(args, len(args) - 1)
    return NARY[name](args) if name in NARY else TABLE[name](*args)


def with_mpmath(name: str, args):
    args = [mpf(x) for x in args]
    if name == "powers":
        return args[0] ** 2 - args[0] ** 3 / 8 + 1
    if name == "dot":
        args = args[: len(args) // 2 * 2]
    if name == "take":
        return args[-1]
    return REFERENCE[name](*args)


def by_differences(graph: Graph) -> dict[tuple[int, ...], float]:
    """The value (), first derivatives (i,) and second derivatives (i, j), i <= j."""
    count = len(graph.leaves)
    with mp.workdps(DIGITS):

        def at(*moved: int) -> mpf:
            steps = [STEP * moved.count(i) for i in range(count)]
            leaves = [mpf(x) + h for x, h in zip(graph.leaves, steps, strict=True)]
            return compute(graph, leaves, with_mpmath)

        here, beside = at(), [at(i) for i in range(count)]
        found = {(): here}
        for i, j in pairs(count):
            found[i,] = (beside[i] - here) / STEP
            found[i, j] = (at(i, j) - beside[i] - beside[j] + here) / STEP**2
        return {which: float(x) for which, x in found.items()}


def pairs(count: int):
    return itertools.combinations_with_replacement(range(count), 2)


def by_the_engine(graph: Graph) -> dict[tuple[int, ...], float]:
    leaves, output = recorded(graph)
    slopes = gradients(output, leaves, create_graph=True)
    bends = [gradients(slope, leaves) for slope in slopes]
    output.backward()
    found = {(): output.data}
    for i, j in pairs(len(leaves)):
        found[i,] = leaves[i].grad
        assert close(leaves[i].grad, slopes[i].data)
        found[i, j] = bends[i][j]
        assert close(bends[i][j], bends[j][i])
    return found


def recorded(graph: Graph) -> tuple[list[Value], Value]:
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(graph.leaves)]
    return leaves, as_value(compute(graph, leaves, with_values))


def mismatch(graph: Graph) -> str:
    """What is wrong with the engine's answers for a graph; nothing if all is well."""
    ours, theirs = by_the_engine(graph), by_differences(graph)
    for which, x in theirs.items():
        if not close(ours[which], x):
            by = " ".join(f"x{i}" for i in which)
            what = f"the derivative by {by}" if by else "the value"
            return f"{what}: the engine says {ours[which]!r}, mpmath says {x!r}"
    return ""


def close(a: float, b: float) -> bool:
    # What cancels to less than a thousandth is measured against that: the numbers that
    # canceled are of size 1.
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1e-3)


# ---- graphs from a seed, and shrinking them ------------------------------------------


def from_seed(seed: int, most: int) -> Graph:
    """A random graph of at most so many recorded nodes."""
    rng = random.Random(seed)
    leaves = tuple(rng.uniform(-3, 3) for _ in range(rng.randint(1, 4)))
    steps = tuple(random_step(rng) for _ in range(rng.randint(1, most // 4)))
    while size(Graph(leaves, steps)) > most:
        steps = steps[:-1]
    return Graph(leaves, steps)


def size(graph: Graph) -> int:
    return len(topological_order(recorded(graph)[1]))


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
    at = 0
    while at < len(graph.steps):
        fewer = replace(graph, steps=graph.steps[:at] + graph.steps[at + 1 :])
        if fewer.steps and mismatch(fewer):
            graph, at = fewer, 0
        else:
            at += 1
    return graph


def search(seeds: range, most: int = 200) -> None:
    """Fail with the seed and the shrunken graph where one is wrong."""
    for seed in seeds:
        graph = from_seed(seed, most)
        problem = mismatch(graph)
        if problem:
            small = shrunken(graph)
            pytest.fail(f"seed {seed}: {problem}\nshrunken: {mismatch(small)}\n{small}")


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
    return Graph(tuple(leaves), tuple(steps))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(graphs())
def test_graphs_drawn_by_hypothesis(graph):
    if not on_a_kink(graph):
        assert mismatch(graph) == "", str(graph)


def on_a_kink(graph: Graph) -> bool:
    """Whether a step takes its derivative at a kink, where differences mean nothing.

    Hypothesis likes 0 and equal numbers; random graphs never come there.
    """
    kinks = {
        "relu",
        "abs",
        "leaky_relu",
        "elu",
        "maximum",
        "minimum",
        "hypot",
        "norm",
        "where",
    }
    for node in topological_order(recorded(graph)[1]):
        numbers = [parent.data for parent in node.parents]
        small = [abs(x) < 1e-9 for x in numbers[:1]]
        tie = len(numbers) == 2 and abs(numbers[0] - numbers[1]) < 1e-9
        if node.op in kinks and (any(small) or tie):
            return True
    return False


def test_random_graphs():
    search(range(250))


def test_the_seeds_reach_every_operation_and_200_nodes():
    graphs_ = [from_seed(seed, 200) for seed in range(300)]
    assert {step.name for graph in graphs_ for step in graph.steps} == set(NAMES)
    sizes = sorted(map(size, graphs_))
    assert sizes[-1] in range(195, 201)
    assert sizes[150] > 50
    assert max(len(graph.steps) for graph in graphs_) > 35


def cut(x, out):
    """Right as a number; as a graph it says that its own slope is 0."""
    return 1 - out.data**2 if isinstance(out, Value) else 1 - out * out


WRONG = {
    "first": lambda x, out: (1 - out * out) * 1.000001,
    "second": cut,
}


@pytest.mark.parametrize("rule", WRONG.values(), ids=WRONG)
def test_a_wrong_derivative_is_found_and_shrunk(monkeypatch, rule):
    monkeypatch.setattr(TABLE["tanh"], "partials", (rule,))
    monkeypatch.setattr(TABLE["tanh"], "kernel", 0)  # the machine code has its own
    with pytest.raises(pytest.fail.Exception) as caught:
        search(range(100))
    report = str(caught.value)
    assert report.startswith("seed ")
    _, shown = report.split("shrunken: ")
    # The slope of the logistic density is written with tanh.
    assert "tanh(" in shown or "logistic_density(" in shown
    assert shown.count("\nv") <= 3


ROWS = [
    (name, i)
    for name, row in TABLE.items()
    for i in range(max(row.arity, 1))
    if (name, i) != ("where", 0) and name not in JUMPS  # these are 0
]


@pytest.mark.parametrize(("name", "wrong"), ROWS)
def test_a_ten_millionth_in_any_partial_would_be_found(monkeypatch, name, wrong):
    """Of each row and argument, within the seeds that the ordinary run goes through."""
    row = TABLE[name]

    def off(rule):
        return lambda *args: rule(*args) * (1 + 1e-7)

    def all_off(xs, out):
        return [slope * (1 + 1e-7) for slope in rule_of_all(xs, out)]

    monkeypatch.setattr(row, "kernel", 0)
    if row.arity:
        rules = [off(p) if i == wrong else p for i, p in enumerate(row.partials)]
        monkeypatch.setattr(row, "partials", tuple(rules))
    else:
        rule_of_all = row.all_partials
        monkeypatch.setattr(row, "all_partials", all_off)
    graphs_ = (from_seed(seed, 200) for seed in range(500))
    assert any(differs(graph) for graph in graphs_)


def differs(graph: Graph) -> bool:
    try:
        return bool(mismatch(graph))
    except (AssertionError, RuntimeError):  # the engine itself noticed
        return True


def test_a_graph_is_printed_as_one_would_write_it():
    graph = Graph((0.5, -1.0), (Step("mul", (0, 1)), Step("hypot", (0, 2.5))))
    assert str(graph) == "x0 = 0.5\nx1 = -1.0\nv2 = mul(x1, x0)\nv3 = hypot(v2, 2.5)"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_random_graphs(part):
    share = int(os.environ.get("CHAINRULE_GRAPHS", "100000")) // 20
    start = 1_000_000 + part * share
    search(range(start, start + share))
