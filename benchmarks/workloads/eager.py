"""Recording and differentiating node by node.

Every workload is written once, with operators alone, so that each engine runs the same
code. Building inputs is not timed; recording, going backward and freeing are. What a
workload measures it also answers for: `answer` gives its numbers, to be compared before
anything is timed.
"""

import itertools
import random
import resource
import time
import timeit
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from workloads import difference
from workloads import transformer as words

TURNS = 5  # of alternatives, of each of which the best counts


def timed(*phases: Callable[[], Any]) -> list[float]:
    """Seconds of each phase, run one after the other."""
    seconds = []
    for phase in phases:
        start = time.perf_counter()
        phase()
        seconds.append(time.perf_counter() - start)
    return seconds


def number(value: Any) -> float:
    """What a node holds."""
    return float(value.data)


def slope(leaf: Any) -> float:
    """What `backward()` left in a leaf; engines with arrays may leave None."""
    return 0.0 if leaf.grad is None else float(leaf.grad)


class Recorded:
    """A graph: the seconds to record it, to go backward, and to free it."""

    def __init__(self, record: Callable[[], Any], leaves: Sequence[Any]) -> None:
        self.record, self.leaves = record, leaves

    def measure(self) -> list[float]:
        """The three phases."""
        held: list[Any] = []
        return timed(
            lambda: held.append(self.record()),
            lambda: held[0].backward(),
            held.clear,
        )

    def answer(self) -> list[float]:
        """The output, and its derivative by every leaf."""
        output = self.record()
        output.backward()
        return [number(output), *map(slope, self.leaves)]


class Stepped:
    """Steps of a training, each as a whole."""

    def __init__(
        self, step: Callable[[], float], parameters: Sequence[Any], times: int = 1
    ) -> None:
        self.step, self.parameters, self.times = step, parameters, times

    def measure(self) -> list[float]:
        """Each step."""
        return timed(*[self.step] * self.times)

    def answer(self) -> list[float]:
        """The loss, and what the parameters are after the step."""
        return [self.step(), *map(number, self.parameters)]


class Alternatives:
    """Ways to the same numbers, timed in turns, each at its best; first untimed."""

    def __init__(self, *ways: Callable[[], Sequence[Any]]) -> None:
        self.ways = ways

    def measure(self) -> list[float]:
        """Each way."""
        for way in self.ways:
            way()
        turns = [timed(*self.ways) for _ in range(TURNS)]
        return [min(seconds) for seconds in zip(*turns, strict=True)]

    def answer(self) -> list[float]:
        """The numbers of all ways; each has to have the first one's."""
        first, *others = [[float(x) for x in way()] for way in self.ways]
        for other in others:
            assert not difference(other, first), difference(other, first)
        return first


class Called:
    """A statement, n times, as `timeit` has it; the cyclic collector is on."""

    def __init__(
        self, statement: str, n: int, names: dict[str, Any], leaves: Sequence[Any] = ()
    ) -> None:
        self.statement, self.n, self.names, self.leaves = statement, n, names, leaves

    def measure(self) -> list[float]:
        """All of them."""
        collecting = "import gc; gc.enable()"  # which timeit has switched off
        return [
            timeit.timeit(self.statement, collecting, number=self.n, globals=self.names)
        ]

    def answer(self) -> list[float]:
        """The value of the expression, and its derivative by every leaf."""
        output = eval(self.statement, self.names)
        if not self.leaves:
            return [float(output)]
        output.backward()
        return [number(output), *map(slope, self.leaves)]


class Grown:
    """Bytes that a node takes, from the growth of the process; not seconds."""

    def __init__(self, record: Callable[[], Any], n: int) -> None:
        self.record, self.n = record, n

    def measure(self) -> list[float]:
        """Of each node."""
        before = resident()
        held = self.record()
        grown = resident() - before
        del held
        return [grown / self.n]

    def answer(self) -> list[float]:
        """The output."""
        return [number(self.record())]


def chain(engine: Any, n: int) -> Recorded:
    """x = x*a; x = x+b, n nodes in a row."""
    a, b, start = engine.Value(1.0000001), engine.Value(1e-7), engine.Value(1.0)

    def record() -> Any:
        x = start
        for _ in range(n // 2):
            x = x * a
            x = x + b
        return x

    return Recorded(record, [a, b, start])


def wide(engine: Any, n: int) -> Recorded:
    """The sum of n leaves, by Python's own sum."""
    leaves = [engine.Value(1.0 / (i + 1)) for i in range(n)]
    return Recorded(lambda: sum(leaves), leaves)


def random_graph(engine: Any, n: int) -> Recorded:
    """n operations on nodes picked at random among all before."""
    rng = random.Random(0)
    plan = [(rng.randrange(4), rng.random(), rng.random()) for _ in range(n)]
    leaves = [engine.Value(rng.uniform(-1, 1)) for _ in range(10)]

    def record() -> Any:
        nodes = list(leaves)
        for kind, i, j in plan:
            x, y = nodes[int(i * len(nodes))], nodes[int(j * len(nodes))]
            if kind == 0:
                nodes.append((x + y) * 0.5)
            elif kind == 1:
                nodes.append(x * y)
            elif kind == 2:
                nodes.append(x - y)
            else:
                nodes.append(x.relu() * 0.5)
        return sum(nodes[-100:])

    return Recorded(record, leaves)


def network(engine: Any, n: int) -> Recorded:
    """The squared loss of an 8-32-32-1 network over n samples, written with lists."""
    rng = random.Random(0)
    sizes = [8, 32, 32, 1]
    layers = [
        [[engine.Value(rng.uniform(-0.5, 0.5)) for _ in range(a + 1)] for _ in range(b)]
        for a, b in itertools.pairwise(sizes)
    ]
    rows = [[rng.uniform(-1, 1) for _ in range(8)] for _ in range(n)]

    def predict(x: list[Any]) -> Any:
        for weights in layers:
            x = [
                sum((w * xi for w, xi in zip(row, x, strict=False)), row[-1]).relu()
                for row in weights
            ]
        return x[0]

    leaves = [w for weights in layers for row in weights for w in row]
    return Recorded(lambda: sum((predict(x) - 1.0) ** 2 for x in rows), leaves)


def moons(engine: Any, n: int) -> Stepped:
    """One step of micrograd's moons demo: its network, data, loss and update."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=n, noise=0.1, random_state=1)
    y = y * 2 - 1
    Value, model = engine.Value, engine.MLP(2, [16, 16, 1])
    rng = random.Random(1337)
    neurons = [neuron for layer in model.layers for neuron in layer.neurons]
    parameters = [p for neuron in neurons for p in (*neuron.w, neuron.b)]
    for p in parameters:
        p.data = rng.uniform(-1, 1)

    def step() -> float:
        inputs = [list(map(Value, row)) for row in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * s).relu() for yi, s in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total = data_loss + reg_loss
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        return number(total)

    return Stepped(step, parameters)


def transformer(engine: Any, n: int) -> Stepped:
    """n training steps of the character-level transformer."""
    model = words.new_model(engine.Value)
    return Stepped(lambda: words.step(model), words.parameters(model), n)


def memory(engine: Any, n: int) -> Grown:
    """n nodes in a row, held."""
    start = engine.Value(1.0)

    def record() -> Any:
        x = start
        for _ in range(n):
            x = x * start
        return x

    return Grown(record, n)


def resident() -> int:
    """Bytes of memory that the process holds now, or where unknown held at most."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# ---- one operation -------------------------------------------------------------------

TERMS = 100
OPERATIONS = (
    "x * y",
    "x * 2.0",
    "x / y",
    "x ** 2",
    "x ** y",
    "x.relu()",
    "x.exp()",
    "x.tanh()",
    "sin(x)",
    "maximum(x, y)",
    "dot(xs, ys)",
    "sum(a * b for a, b in zip(xs, ys))",
)
"""Statements; `xs` and `ys` are lists of `TERMS` leaves."""


def operation(engine: Any, n: int, statement: str) -> Called:
    """One operation, n times: recorded, and freed."""
    x, y = engine.Value(0.7), engine.Value(1.3)
    xs = [engine.Value(1 / (i + 2)) for i in range(TERMS)]
    ys = [engine.Value(i / TERMS) for i in range(TERMS)]
    names = {"x": x, "y": y, "xs": xs, "ys": ys, **engine.functions}
    return Called(statement, n, names, [x, y, *xs, *ys])


def small_call(engine: Any, n: int) -> Called:
    """The derivative of a function so short that the call itself is what costs."""
    names = {"grad": engine.grad, "square": lambda x: x * x}
    return Called("grad(square)(3.0)", n, names)


# ---- two ways to the same numbers ----------------------------------------------------


def gradients(engine: Any, n: int) -> Alternatives:
    """`y.backward()`, and `gradients(y, xs)`, on a chain of n operations."""
    return both_ways(engine, chain(engine, n))


def gradients_of_all(engine: Any, n: int) -> Alternatives:
    """The same on the sum of n leaves, by each of them."""
    return both_ways(engine, wide(engine, n))


def both_ways(engine: Any, graph: Recorded) -> Alternatives:
    """The derivatives of a recorded graph by its leaves: in these, and as a list."""
    output = graph.record()

    def backward() -> list[float]:
        for leaf in graph.leaves:
            leaf.grad = 0.0
        output.backward()
        return [slope(leaf) for leaf in graph.leaves]

    return Alternatives(backward, lambda: engine.gradients(output, graph.leaves))


def recompute(engine: Any, n: int) -> Alternatives:
    """The transformer's loss recorded, and replayed after a parameter has changed."""
    model = words.new_model(engine.Value)
    recorded = words.loss(model)
    words.parameters(model)[0].data += 0.1

    def replay() -> list[float]:
        recorded.recompute()
        return [number(recorded)]

    return Alternatives(lambda: [number(words.loss(model))], replay)


def sensitivities(engine: Any, n: int) -> Alternatives:
    """Two `jvp`s, and `jacobian`, of a trajectory of n states by its 2 parameters."""

    def trajectory(parameters: Sequence[Any]) -> list[Any]:
        rate, drive = parameters
        states, x = [], 1.0
        for _ in range(n):
            x = x + 0.01 * (drive - rate * x * x)
            states.append(x)
        return states

    at = [0.7, 0.2]

    def forward() -> list[float]:
        columns = [engine.jvp(trajectory, at, v)[1] for v in ([1.0, 0.0], [0.0, 1.0])]
        return [x for row in zip(*columns, strict=True) for x in row]

    def whole() -> list[float]:
        return [x for row in engine.jacobian(trajectory)(at) for x in row]

    return Alternatives(forward, whole)


WORKLOADS: dict[str, Callable[[Any, int], Any]] = {
    f.__name__: f
    for f in (
        *(chain, wide, random_graph, network, moons, transformer, memory),
        *(small_call, gradients, gradients_of_all, recompute, sensitivities),
    )
} | {statement: partial(operation, statement=statement) for statement in OPERATIONS}


class Session:
    """The workloads of one engine."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def measure(self, name: str, n: int) -> list[float]:
        """The figures of a workload of size n."""
        figures: list[float] = WORKLOADS[name](self.engine, n).measure()
        return figures

    def answer(self, name: str, n: int) -> list[float]:
        """The numbers that a workload of size n comes to."""
        numbers: list[float] = WORKLOADS[name](self.engine, n).answer()
        return numbers
