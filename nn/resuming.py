"""What a training was called with, so that one that goes on knows what has changed.

The same arguments give the same bits. Of those that differ some can't be: other rows or
another loss make the numbers so far mean something else, and are refused. The others
are told in a warning, and hold from here on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from autograd.source import users_level
from nn.engine import Task
from nn.hints import TrainingState
from nn.optim import Optimizer

SAME = (
    "seed", "data", "validation", "loss", "class_weights", "optimizer", "parameters",
    "units", "metrics",
)  # fmt: skip
"""The arguments with which a training has to go on."""


def hold(
    saved: TrainingState, now: Mapping[str, str], rate: Callable[[int], float]
) -> None:
    """Hold a training to the one that it goes on from.

    now: its arguments, in words. rate: the learning rate that an epoch would have.

    Raises ValueError for what can't have changed, and warns of what has.
    """
    before = saved["arguments"]
    changed = [name for name in now if before.get(name, now[name]) != now[name]]
    for name in changed:
        if name in SAME:
            raise ValueError(f"resume {_refused(name, before, now)}")
    told = [f"{name} was {before[name]} and is {now[name]}" for name in changed]
    told += _other_rate(saved["history"].get("lr", []), rate)
    if told:
        warnings.warn(
            f"resumed with other arguments: {'; '.join(told)}. They hold from here on, "
            "and the result is not that of an unbroken training.",
            stacklevel=users_level(),
        )


def _refused(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if name in ("data", "validation"):
        rows = "rows" if name == "data" else "validation rows"
        return f"needs the {rows} of the training that it goes on from; these differ"
    return (
        f"needs the same {name} as before, {before[name]}; got {now[name]}. To go on "
        "in another way, load the model and train it anew"
    )


def _other_rate(rates: Sequence[float], rate: Callable[[int], float]) -> list[str]:
    """The first epoch that is done and would now have had another learning rate."""
    for epoch, was in enumerate(rates):
        now = rate(epoch)
        if now != was:
            return [
                f"the learning rate of epoch {epoch + 1} was {was:.6g} and would now "
                f"be {now:.6g} (lr, schedule, or the number of epochs that it is for)"
            ]
    return []


def sum_of(task: Task | None) -> str:
    """A few letters that are others for other rows."""
    if task is None:
        return "none"
    import numpy as np

    found = blake2b(digest_size=8)
    for array in (task.X, task.targets):
        found.update(repr(array.shape).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def in_words(optimizer: Optimizer, task: Task) -> dict[str, str]:
    """The optimizer, its settings but for lr, and which parameters it moves."""
    settings = {k: v for k, v in optimizer.settings().items() if k != "lr"}
    moved = set(task.parameters)
    groups = []
    for entry in task.model.entries():
        count = sum(map(moved.__contains__, entry.values))
        groups += [f"{count} of {entry.name}"] if count else []
    return {
        "optimizer": type(optimizer).__name__,
        "parameters": ", ".join(groups),
        "settings": ", ".join(f"{k}={v}" for k, v in settings.items()),
    }
