"""Training a GPT of microgpt's size, one document after the other, with Adam."""

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

from workloads import transformer
from workloads.models import Transformer
from workloads.programs import CHECKED, peak_memory

COUNT = 200  # documents
LR, MEAN, SQUARE, LITTLE = 0.01, 0.9, 0.99, 1e-8  # of Adam


class Documents(Transformer):
    """Words of 3 to 12 letters, token 0 before and after each."""

    def rows(self) -> list[list[int]]:
        """Their tokens."""
        rng = random.Random(0)
        letters = range(1, transformer.CHARACTERS)
        lengths = [rng.randint(3, 12) for _ in range(COUNT)]
        return [[0, *rng.choices(letters, k=n), 0] for n in lengths]

    def padded(self) -> Any:
        """A row for each: its tokens, what comes after them, and their weights."""
        import numpy as np

        table = np.zeros((COUNT, 3, transformer.CONTEXT))
        for line, tokens in zip(table, self.rows(), strict=True):
            places = len(tokens) - 1
            line[:, :places] = tokens[:-1], tokens[1:], [1 / places] * places
        return table.reshape(COUNT, -1)

    def padded_loss(self, w: Any, row: Any) -> Any:
        """The mean surprise of such a row, in scalars."""
        from autograd import dot

        n = transformer.CONTEXT
        tokens, after, weights = row[:n], row[n : 2 * n], row[2 * n :]
        found = transformer.surprises(w, tokens, after, transformer.Dots())
        return dot(found, weights)


def adam(w: Any, g: Any, m: Any, v: Any, t: int) -> tuple[Any, Any, Any]:
    """The next weights and both running means, as numbers or as arrays."""
    m = MEAN * m + (1 - MEAN) * g
    v = SQUARE * v + (1 - SQUARE) * g * g
    first, second = m / (1 - MEAN**t), v / (1 - SQUARE**t)
    return w - LR * first / (second**0.5 + LITTLE), m, v


def in_scalars(Value: Callable[[float], Any], workload: Documents) -> Any:
    """A step on any class of scalars: the program as its users have it."""
    arrays = {name: array.tolist() for name, array in workload.arrays().items()}
    model = {
        name: [[Value(x) for x in r] for r in rows] for name, rows in arrays.items()
    }
    learned = transformer.parameters(model)
    memory = [(0.0, 0.0)] * len(learned)
    documents, count = itertools.cycle(workload.rows()), itertools.count(1)

    def step() -> float:
        total, t = transformer.loss(model, next(documents)), next(count)
        total.backward()
        for n, p in enumerate(learned):
            p.data, *both = adam(p.data, p.grad, *memory[n], t)
            memory[n], p.grad = tuple(both), 0.0
        return float(total.data)

    return step


class Session:
    """The training that one engine is at."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.step: Callable[[], float] | None = None

    def setup(self) -> dict[str, Any] | None:
        """CPU seconds until the first step is done, and the first losses."""
        begin = time.process_time()
        self.step = self.engine.gpt(Documents(transformer.CONTEXT))
        if self.step is None:
            return None
        losses = [self.step()]
        seconds = self.engine.import_s + time.process_time() - begin
        losses += [self.step() for _ in range(CHECKED)]
        return {"seconds": seconds, "losses": losses, "peak_mb": peak_memory()}

    def run(self, seconds: float) -> float:
        """CPU seconds of one step, the mean over as many as fit into the time."""
        assert self.step, "nothing is set up"
        begin, count = time.process_time(), 0
        while (taken := time.process_time() - begin) < seconds or not count:
            self.step()
            count += 1
        return taken / count
