"""Steps of whole tables: networks, a training, a graph of its own, option prices.

A workload gives its numbers, the same to every engine, and knows which method of an
engine prepares it. A worker prepares it, and then steps through it when asked.
"""

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workloads.models import MODELS, Trained

RATE, DECAY = 1e-4, 1e-4
BATCH, EPOCHS = 16, 10  # of a training
SHOWN = 1000  # rows of option prices whose derivatives are added up and compared
CHECKED = 2  # steps that are compared before timing: the second needs the gradient


@dataclass(frozen=True)
class Network:
    """A training step on n rows."""

    label: str
    sizes: tuple[int, ...]
    activation: str
    n: int
    loss: str = "hinge"
    by: str = "dots"  # what it is written with in scalars

    @property
    def name(self) -> str:
        """As the tables have it."""
        return f"{self.label} {self.activation} N={self.n:,}"

    def prepared(self, engine: Any) -> Any:
        """A step of an engine; None where it has none."""
        return engine.network(self)

    def tiny(self) -> "Network":
        """The same with few rows and no wide layer: no engine takes long over it."""
        sizes = tuple([min(size, 64) for size in self.sizes])
        return replace(self, sizes=sizes, n=min(self.n, 8))

    def data(self) -> tuple[Any, Any]:
        """Inputs and targets."""
        import numpy as np

        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.n, self.sizes[0]))
        if self.loss == "hinge":
            return X, np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
        return X, rng.integers(0, self.sizes[-1], self.n)

    def weights(self) -> list[tuple[Any, Any]]:
        """A matrix and a vector per layer."""
        import numpy as np

        rng = np.random.default_rng(1)
        return [
            (rng.uniform(-1, 1, (out, into)) / into**0.5, np.zeros(out))
            for into, out in itertools.pairwise(self.sizes)
        ]

    def flops(self) -> int | None:
        """Of a step: 2 per weight and row forward, twice that backward."""
        products = [a * b for a, b in itertools.pairwise(self.sizes)]
        return (6 * sum(products) - 2 * products[0]) * self.n


@dataclass(frozen=True)
class Training(Network):
    """Epochs of shuffled batches, with Adam."""

    def prepared(self, engine: Any) -> Any:
        """Some epochs of an engine."""
        return engine.training(self)

    def tiny(self) -> "Training":
        """Two batches."""
        return replace(self, n=2 * BATCH)

    def data(self) -> tuple[Any, Any]:
        """Inputs, and the classes 0 and 1."""
        X, y = super().data()
        return X, (y > 0) * 1.0

    def flops(self) -> None:
        """Not counted: an epoch is more than its products."""


@dataclass(frozen=True)
class Graph:
    """One graph without repetition, for one row."""

    name: str
    size: int
    n: int = 1

    def prepared(self, engine: Any) -> Any:
        """One evaluation of an engine."""
        return engine.graph(self)

    def tiny(self) -> "Graph":
        """A few hundred operations."""
        return replace(self, size=300)

    def data(self) -> tuple[Any, None]:
        """Ten inputs."""
        import numpy as np

        return np.random.default_rng(0).uniform(-1, 1, (self.n, 10)), None

    def numbers(self) -> list[float]:
        """Ten weights."""
        return [0.1 * i for i in range(1, 11)]

    def flops(self) -> None:
        """Not counted."""


@dataclass(frozen=True)
class Call:
    """The gradient of a neuron of two inputs for one row: what a call costs.

    ready: whether ours is a prepared call.
    """

    name: str
    ready: bool
    n: int = 1

    def prepared(self, engine: Any) -> Any:
        """One call of an engine."""
        return engine.call(self)

    def tiny(self) -> "Call":
        """The same."""
        return self

    def data(self) -> tuple[Any, None]:
        """A row."""
        import numpy as np

        return np.array([[0.5, -0.25]]), None

    def numbers(self) -> list[float]:
        """Two weights and a bias."""
        return [0.5, -1.0, 0.1]

    def flops(self) -> None:
        """Not counted."""


@dataclass(frozen=True)
class Options:
    """Prices of options after Black and Scholes, and their five derivatives."""

    name: str
    n: int

    def prepared(self, engine: Any) -> Any:
        """All derivatives of an engine."""
        return engine.options(self)

    def tiny(self) -> "Options":
        """A handful of options."""
        return replace(self, n=8)

    def data(self) -> tuple[Any, None]:
        """Price, strike, years, interest and volatility."""
        import numpy as np

        low, high = [80, 80, 0.2, 0.0, 0.1], [120, 120, 2.0, 0.1, 0.5]
        return np.random.default_rng(0).uniform(low, high, (self.n, 5)), None

    def flops(self) -> None:
        """Not counted."""


@dataclass(frozen=True)
class Simulation:
    """Hares and lynxes in equal steps of Runge and Kutta, and four derivatives."""

    name: str
    steps: int

    def prepared(self, engine: Any) -> Any:
        """One run of an engine, forward and back."""
        return engine.simulation(self)

    def tiny(self) -> "Simulation":
        """A few steps."""
        return replace(self, steps=5)

    def numbers(self) -> list[float]:
        """How fast the ones are born and eaten, and the others fed and dying."""
        return [1.1, 0.4, 0.1, 0.4]

    def flops(self) -> None:
        """Not counted."""


def moved(state: Sequence[Any], rates: Sequence[Any]) -> list[Any]:
    """The state one step later, and what is added to the total."""
    a, b, c, d = rates
    x, y = state
    h = 0.05

    def change(x: Any, y: Any) -> tuple[Any, Any]:
        return a * x - b * x * y, c * x * y - d * y

    k, m = change(x, y)
    p, q = change(x + h / 2 * k, y + h / 2 * m)
    r, s = change(x + h / 2 * p, y + h / 2 * q)
    t, u = change(x + h * r, y + h * s)
    x = x + h / 6 * (k + 2 * p + 2 * r + t)
    y = y + h / 6 * (m + 2 * q + 2 * s + u)
    return [x, y, (x - 5) ** 2 + (y - 3) ** 2]


def simulated(rates: Sequence[Any], steps: int) -> Any:
    """The total after so many steps, in a plain loop."""
    x, y, total = 10.0, 5.0, 0.0
    for _ in range(steps):
        x, y, more = moved((x, y), rates)
        total = total + more
    return total


Workload = Network | Graph | Call | Options | Simulation | Trained

DIGITS = Network("784-50-10", (784, 50, 10), "relu", 64, "cross-entropy")
WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        *[
            Network("moons 2-16-16-1", (2, 16, 16, 1), activation, n)
            for activation in ("relu", "tanh", "sigmoid")
            for n in (1, 100, 10_000)
        ],
        Network("2-64-64-1", (2, 64, 64, 1), "relu", 100),
        Network("digits 64-32-10", (64, 32, 10), "relu", 100, "cross-entropy"),
        Training("training 2-16-16-1", (2, 16, 16, 1), "tanh", 400),
        DIGITS,
        replace(DIGITS, label="784-50-10 by sums", by="sums"),
        Network("784-128-10", (784, 128, 10), "relu", 64, "cross-entropy"),
        Simulation("simulation of 200 steps", 200),
        Graph("graph of 10,000, one row", 10_000),
        Call("call for one row", ready=False),
        Call("call made ready", ready=True),
        *MODELS,
        Options("Black-Scholes N=1,000,000", 1_000_000),
    )
}


def batches(n: int, epoch: int) -> list[Any]:
    """The rows of each batch of an epoch, in the order that `fit` draws with seed 0."""
    import numpy as np

    counter = np.random.Philox(key=(0, epoch))
    rows = np.random.RandomState(counter).permutation(n)
    return [rows[start : start + BATCH] for start in range(0, n, BATCH)]


def epochs(one: Callable[[int], float]) -> Callable[[], float]:
    """A step that goes through some epochs, and gives the mean loss of the last."""
    counter = itertools.count()

    def step() -> float:
        for epoch in itertools.islice(counter, EPOCHS):
            value = one(epoch)
        return float(value)

    return step


def operations(xs: Sequence[Any], ws: Sequence[Any], size: int, relu: Any) -> Any:
    """A random graph of `size` operations that every engine can record."""
    rng = random.Random(0)
    pool = [*xs, *ws]
    count = 0
    while count < size - 50:
        a, b = rng.choice(pool[-200:]), rng.choice(pool[-200:])
        kind = rng.randrange(4)
        made = (a + b) * 0.5 if kind == 0 else a * b if kind == 1 else relu(a - b)
        pool.append(relu(a) if kind == 2 else made)
        count += {0: 2, 1: 1, 2: 1, 3: 2}[kind]
    total = pool[-1]
    for made in pool[-50:-1]:
        total = total + made
    return total


class Session:
    """The workload that one engine is at."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.step: Callable[[], Any] | None = None

    def answer(self, name: str) -> list[float] | None:
        """What the first steps of the tiny workload give; None where there is none."""
        step = WORKLOADS[name].tiny().prepared(self.engine)
        return step and list(flat([step() for _ in range(CHECKED)]))

    def setup(self, name: str) -> dict[str, Any] | None:
        """CPU seconds until the first result, and that; None where there is none."""
        self.engine.draw(WORKLOADS[name])
        begin = time.process_time()
        self.step = WORKLOADS[name].prepared(self.engine)
        if self.step is None:
            return None
        result = self.step()
        return {
            "seconds": time.process_time() - begin,
            "value": next(flat(result)),
            "peak_mb": peak_memory(),
        }

    def run(self, seconds: float) -> float:
        """CPU seconds of one step, the best of what fits into the time."""
        assert self.step, "nothing is set up"
        return best(self.step, seconds)


def peak_memory() -> float | None:
    """Megabytes that this process had at most; None where the system does not say."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit / 1e6


def flat(result: Any) -> Iterator[float]:
    """The numbers of a result, however it holds them."""
    if isinstance(result, list | tuple) or getattr(result, "ndim", 0):
        for part in result:
            yield from flat(part)
    else:
        yield float(result)


def best(step: Callable[[], Any], seconds: float) -> float:
    """CPU seconds of one step: the best of repeats, each long enough to be timed."""
    begin = time.process_time()
    step()
    once = time.process_time() - begin
    inner = max(1, int(0.02 / max(once, 1e-7)))
    taken = [once]
    while sum(taken) * inner < seconds and len(taken) < 50:
        begin = time.process_time()
        for _ in range(inner):
            step()
        taken.append((time.process_time() - begin) / inner)
    return min(taken)
