"""Schedules: what the learning rate is multiplied by, epoch by epoch.

A schedule is a function of the epoch, counted from 0, that returns a factor; `fit`
takes any such function.

    >>> schedule = warm_up(2, then=cosine(4))
    >>> [round(schedule(epoch), 3) for epoch in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from nn.arguments import unknown

Schedule = Callable[[int], float]


def constant() -> Schedule:
    """Always 1."""
    return lambda epoch: 1.0


def step(every: int, factor: float = 0.1) -> Schedule:
    """Times `factor` after each `every` epochs.

    >>> [step(2, factor=0.5)(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    _check_epochs(every, "every")
    return lambda epoch: factor ** (epoch // every)


def cosine(epochs: int, end: float = 0.0) -> Schedule:
    """From 1 down to `end` over `epochs`, along half a cosine wave."""
    _check_epochs(epochs, "epochs")

    def factor(epoch: int) -> float:
        done = min(epoch, epochs) / epochs
        return end + (1 - end) * (1 + math.cos(math.pi * done)) / 2

    return factor


def linear(epochs: int, end: float = 0.0) -> Schedule:
    """From 1 down to `end` over `epochs`, along a straight line.

    >>> [linear(4)(epoch) for epoch in range(5)]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    _check_epochs(epochs, "epochs")
    return lambda epoch: 1 + (end - 1) * min(epoch, epochs) / epochs


def warm_up(epochs: int, then: Schedule | None = None) -> Schedule:
    """Up to 1 over the first `epochs` in equal steps, then on with another schedule."""
    _check_epochs(epochs, "epochs")
    after = then or constant()
    return lambda e: (e + 1) / epochs if e < epochs else after(e - epochs)


SCHEDULES: Mapping[str, Callable[[int], Schedule]] = {
    "constant": lambda epochs: constant(),
    "step": lambda epochs: lambda epoch: 0.1 ** min(2, 3 * epoch // epochs),
    "cosine": cosine,
    "linear": linear,
    "warm-up": lambda epochs: warm_up(
        max(1, epochs // 10), then=cosine(max(1, epochs - epochs // 10))
    ),
}
"""Schedules by name, each made for a number of epochs: `step` divides by 10 twice, at
the second and at the last third, `warm-up` rises over the first tenth and then follows
the cosine."""


def schedule(choice: str | Schedule | None, epochs: int) -> Schedule:
    """The schedule for a name (see `SCHEDULES`), a function, or None for constant."""
    if choice is None:
        return constant()
    if isinstance(choice, str) and choice in SCHEDULES:
        return SCHEDULES[choice](max(1, epochs))
    if callable(choice):
        return choice
    raise ValueError(
        unknown("schedule", choice, SCHEDULES, "a function from the epoch to a factor")
    )


def _check_epochs(epochs: int, name: str) -> None:
    if epochs < 1:
        raise ValueError(f"{name} is a number of epochs from 1; got {epochs!r}")
