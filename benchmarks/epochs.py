"""What an epoch costs where all rows are one batch: `nn.fit`, its program, and NumPy.

    python benchmarks/run.py epochs [--rounds 7]

Two moons of 100 rows, a network 2-16-16-1 of relu, gradient descent by 0.1, in CPU
time on one core. fit is what a training takes that has ten times 2 000 epochs more than
another, so that what both compile is left out; it keeps loss, accuracy, length of the
gradient and rate of each epoch. The program is loss and gradient alone, as
`autograd.compile` prepares a call: no step, no history. NumPy is forward, backward and
step written out. They take turns; a figure is the median over the rounds. Before that,
fit and NumPy have to come to the same loss.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
import report
from autograd import compile
from nn.losses import binary_cross_entropy_with_logits
from worker import one_core

EPOCHS, RATE, SIZES = 2_000, 0.1, [16, 16, 1]
TIMES = 10  # so that what compiling varies by is little of what fit takes
FIT, PROGRAM, NUMPY = "nn.fit", "loss and gradient alone", "NumPy by hand"


def model() -> nn.MLP:
    """The network, always with the same weights."""
    return nn.MLP(2, SIZES, activation="relu", seed=0)


def fitted(data: nn.data.Dataset, epochs: int) -> nn.History:
    """The training through `fit`."""
    rule = nn.SGD(lr=RATE)
    settings: dict[str, Any] = {"batch_size": None, "seed": 0, "progress": False}
    return nn.fit(model(), data, optimizer=rule, epochs=epochs, **settings)


def by_hand(data: nn.data.Dataset, epochs: int) -> float:
    """The training in NumPy: the loss in the last epoch."""
    X, y = data.X, np.array(data.y, dtype=float)[:, None]
    layers = [
        [np.array([[w.data for w in n.w] for n in layer.neurons]).T,
         np.array([n.b.data for n in layer.neurons])]
        for layer in model().layers
    ]  # fmt: skip
    loss = math.nan
    for _ in range(epochs):
        inner = [X]
        for W, b in layers[:-1]:
            inner.append(np.maximum(inner[-1] @ W + b, 0.0))
        W, b = layers[-1]
        z = inner[-1] @ W + b
        loss = float((np.logaddexp(0.0, z) - z * y).mean())
        delta = (1 / (1 + np.exp(-z)) - y) / len(y)
        for layer, a in zip(reversed(layers), reversed(inner), strict=True):
            W, b = layer
            below = (delta @ W.T) * (a > 0) if a is not X else delta
            layer[:] = W - RATE * (a.T @ delta), b - RATE * delta.sum(axis=0)
            delta = below
    return loss


def alone(data: nn.data.Dataset) -> Callable[[], None]:
    """A call of the program: loss and gradient over all rows."""
    network = model()

    def loss(*row: Any) -> Any:
        return binary_cross_entropy_with_logits([network(row[:-1])], [row[-1]])

    table = np.column_stack([data.X, data.y])
    program = compile(loss, inputs=3, parameters=network.parameters())
    return program.prepared("gradient", table)


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measured(rounds: int) -> dict[str, float]:
    """Microseconds for an epoch of each: medians over rounds, by turns."""
    data = nn.data.moons(rows=100, seed=0)
    losses = fitted(data, 100)["loss"][-1], by_hand(data, 100)
    if not math.isclose(*losses, rel_tol=1e-9):
        raise ValueError(f"fit and NumPy come to the losses {losses}")
    call = alone(data)
    calls = {
        FIT: lambda: (
            (
                seconds(lambda: fitted(data, TIMES * EPOCHS + 1))
                - seconds(lambda: fitted(data, 1))
            )
            / TIMES
        ),
        PROGRAM: lambda: seconds(lambda: [call() for _ in range(EPOCHS)]),
        NUMPY: lambda: seconds(lambda: by_hand(data, EPOCHS)),
    }
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, one in calls.items():
            found[name].append(one() / EPOCHS * 1e6)
    return {name: statistics.median(times) for name, times in found.items()}


def main(argv: list[str]) -> None:
    """Measure, print, and say what was to be reached."""
    parser = argparse.ArgumentParser(prog="run.py epochs")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(argv)
    one_core()
    found = measured(options.rounds)
    shown = report.table(f"an epoch of {EPOCHS:,}", "", "us", "times the program")
    for name, time_of in found.items():
        shown.add_row(name, f"{time_of:.1f}", f"{time_of / found[PROGRAM]:.2f}")
    report.console(80).print(shown)
    fit = found[FIT]
    targets = [
        report.Target("fit, of the program", 1.45, fit / found[PROGRAM], "times"),
        report.Target("NumPy, of fit", 4, found[NUMPY] / fit, "times", at_most=False),
    ]
    print("\n".join(report.lines(targets)))
