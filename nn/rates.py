"""The learning rate by trying: a short range test (Smith, 2015).

>>> from nn import MLP, data
>>> X, y = data.moons(rows=60, seed=0)
>>> found = find_lr(MLP(2, [8, 1], seed=0), X, y, seed=0)
>>> 0.001 < found.suggestion < 1
True
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

from nn.choices import decay_for, usual
from nn.data import Dataset
from nn.engine import Pace
from nn.extras import require
from nn.hints import Rows, Targets
from nn.losses import Loss
from nn.module import Module
from nn.optim import Optimizer
from nn.tasks import task_for

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 90
WINDOW = 4  # steps to each side over which a fall is measured
TRIED = 300  # rows on which the loss is measured


@dataclass(frozen=True)
class RateTest:
    """The loss over a few steps with a rate that grows from step to step.

    rates, losses: of each step the rate, and the loss after it. suggestion: a third
    of the rate at which the loss falls fastest; with much larger ones it grows.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float

    def __repr__(self) -> str:
        return (
            f"RateTest: lr={self.suggestion:.2g}, of {self.rates[0]:.2g} to "
            f"{self.rates[-1]:.2g}"
        )


def find_lr(
    model: Module,
    X: Rows | Dataset,
    y: Targets | None = None,
    loss: str | Loss = "auto",
    optimizer: str | Optimizer = "adamw",
    batch_size: int = 16,
    seed: int = 0,
) -> RateTest:
    """Try rates from 0.000001 to 10 on a copy of the model, which stays as it was.

    Each step takes the next batch, with a rate a fifth larger than the one before, and
    the test ends where the loss over a part of the rows has grown fourfold. The rows
    and their targets may be a `Dataset`, as in `find_lr(model, dataset)`.
    """
    require("numpy")
    import numpy as np

    from nn.compiled import fastest

    task, _ = task_for(deepcopy(model), X, y, loss)
    if isinstance(optimizer, str):
        rule = usual(optimizer, decay=decay_for(optimizer, *task.X.shape))
    else:
        rule = deepcopy(optimizer)
    rule.bind(task.parameters)
    engine = fastest(task)
    numbers = np.array([value.data for value in task.parameters])
    growth = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))
    order = np.random.RandomState(seed).permutation(len(task.X))
    few = replace(task, X=task.X[order[:TRIED]], targets=task.targets[order[:TRIED]])
    rates, losses = [LOWEST / growth], [engine.measure(numbers, few)[0]]
    for step in range(STEPS):
        rule.lr = LOWEST * growth**step
        at = np.arange(step * batch_size, (step + 1) * batch_size) % len(order)
        with np.errstate(all="ignore"):
            numbers = engine.epoch(numbers, order[at], Pace(batch_size, rule)).numbers
            after = engine.measure(numbers, few)[0]
        if not after < 4 * min(losses):  # nan, too
            break
        rates.append(rule.lr)
        losses.append(after)
    return RateTest(tuple(rates), tuple(losses), _steepest(rates, losses))


def _steepest(rates: list[float], losses: list[float]) -> float:
    """A third of the rate at which the loss falls most: to be kept for many steps."""
    lowest = losses.index(min(losses))
    falls = [
        losses[max(0, i - WINDOW)] - losses[min(i + WINDOW, lowest)]
        for i in range(lowest + 1)
    ]
    return rates[falls.index(max(falls))] / 3
