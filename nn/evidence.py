"""What can be measured of a network that does not learn: the numbers behind `diagnose`.

Activations and deltas (the derivative of the loss by a neuron's sum) come from backward
passes of the engine itself, row by row; how good guessing is, and how good a plain
network is on the same rows, say what can be expected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from autograd.modes import ieee
from nn.calls import Call, values_in, watching
from nn.engine import Task, loss_of, predict
from nn.hints import Array, Integers, Numbers
from nn.losses import Loss
from nn.module import ACTIVATIONS, Layer, Module
from nn.targets import Labels

ROWS = 200
"""On so many rows activations and deltas are measured."""

FLAT = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}
"""Beyond these an activation's slope is below a fiftieth of its largest."""


@dataclass(frozen=True)
class LayerState:
    """A layer over the rows.

    neurons: how many. activation: its name. dead: the share of neurons that are 0 for
    every row. saturated: the share of neurons whose output is on the flat part of its
    activation for nearly every row. delta: the mean size of dL/dz. alike: whether all
    neurons do the same. weight: the mean size of a weight.
    pull: the mean size of the derivative of the mean loss by a weight.
    """

    name: str
    neurons: int
    activation: str
    dead: float
    saturated: float
    delta: float
    alike: bool
    weight: float
    pull: float


def layer_states(
    model: Module, loss: Loss, X: Array, targets: Array | Integers
) -> tuple[LayerState, ...]:
    """What goes on in every layer, first to last; `.grad` is left alone."""
    kept = [(value, value.grad) for entry in model.entries() for value in entry.values]
    for value, _ in kept:
        value.grad = 0.0
    seen: dict[Layer, list[tuple[list[float], list[float]]]] = {}
    ops: dict[Layer, str] = {}
    try:
        for row, target in zip(X[:ROWS].tolist(), targets[:ROWS].tolist(), strict=True):
            for layer, op, outputs, deltas in _pass(model, loss, row, target):
                seen.setdefault(layer, []).append((outputs, deltas))
                ops[layer] = op
        pulls = {layer: _pull(layer) / min(ROWS, len(X)) for layer in seen}
    finally:
        for value, grad in kept:
            value.grad = grad
    return tuple(
        _state(layer, number, ops[layer], rows, pulls[layer])
        for number, (layer, rows) in enumerate(seen.items(), 1)
    )


def _pull(layer: Layer) -> float:
    """The mean size of its weights' gradients, as they have added up."""
    return fmean(abs(w.grad) for neuron in layer.neurons for w in neuron.w)


def _pass(
    model: Module, loss: Loss, row: list[float], target: Any
) -> Iterator[tuple[Layer, str, list[float], list[float]]]:
    """Each layer that a row goes through: activation, outputs and deltas."""
    with ieee():
        with watching() as top:
            out = model(row)
        found: Any = loss([out], [target])
        found.backward()
    for call in _calls(top):
        if isinstance(call.part, Layer):
            outputs = list(values_in(call.output))
            op = outputs[0].op if outputs[0].op in ACTIVATIONS else "linear"
            sums = [a.parents[0] if op != "linear" else a for a in outputs]
            yield call.part, op, [a.data for a in outputs], [z.grad for z in sums]


def _calls(outer: Call) -> Iterator[Call]:
    for call in outer.inner:
        yield call
        yield from _calls(call)


def _state(
    layer: Layer,
    number: int,
    op: str,
    rows: Sequence[tuple[list[float], list[float]]],
    pull: float,
) -> LayerState:
    import numpy as np

    outputs = np.array([a for a, _ in rows])
    deltas = np.array([d for _, d in rows])
    low, high = FLAT.get(op, (-math.inf, math.inf))
    flat = ((outputs < low) | (outputs > high)).mean(axis=0)
    weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
    return LayerState(
        name=f"layer {number}",
        neurons=len(layer.neurons),
        activation=op,
        dead=float((outputs == 0).all(axis=0).mean()) if op == "relu" else 0.0,
        saturated=float((flat > 0.9).mean()),
        delta=float(np.abs(deltas).mean()),
        alike=len(weights) > 1 and np.allclose(weights, weights[0], 1e-9, 0.0),
        weight=float(np.abs(weights).mean()),
        pull=pull,
    )


# ---- what can be expected ------------------------------------------------------------


def guessing(
    loss: str,
    targets: Array | Integers,
    labels: Labels | None,
    weights: Array | None = None,
) -> float:
    """The loss of the best answer that is the same for every row; nan if not known.

    weights: how much each row counts; None for all alike.
    """
    import numpy as np

    if loss in ("mse", "mae"):
        middle = targets.mean(axis=0) if loss == "mse" else np.median(targets, axis=0)
        off = targets - middle
        return float((off * off if loss == "mse" else np.abs(off)).mean())
    if loss == "huber":
        off = np.abs(targets - _huber_middle(targets))
        near = np.minimum(off, 1.0)
        return float((near * (off - 0.5 * near)).mean())
    if labels is None:
        return math.nan
    counts = np.bincount(np.unique(targets, return_inverse=True)[1], weights)
    shares = counts / counts.sum()
    if loss == "hinge":
        return float(2 * shares.min()) if len(shares) == 2 else 0.0
    return float(-(shares * np.log(shares)).sum())


def _huber_middle(targets: Array | Integers) -> Array:
    """The number from which the huber loss of the targets is smallest, by halving."""
    import numpy as np

    low, high = targets.min(axis=0).astype(float), targets.max(axis=0).astype(float)
    for _ in range(60):
        middle = (low + high) / 2
        more = np.clip(targets - middle, -1, 1).mean(axis=0) > 0
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    found: Array = (low + high) / 2
    return found


def most_frequent(targets: Array | Integers) -> float:
    """The share of the rows that the most frequent class has."""
    import numpy as np

    _, counts = np.unique(targets, return_counts=True)
    return float(counts.max() / counts.sum())


def loss_over(model: Module, task: Task) -> tuple[float, Array]:
    """The model's loss over a task's rows, and its outputs, a row for each."""
    outputs = predict(model, task.X).reshape(len(task.X), -1)
    return loss_of(task.loss, outputs, task.targets, task.weights), outputs


def telling_column(X: Array, targets: Array | Integers, classes: bool) -> int | None:
    """The column that alone tells the target of every row; None where none does.

    For numbers one that rises or falls with them in every pair of rows or is in
    proportion; for classes one that is another for each class, in as few pieces.
    """
    import numpy as np

    if X.shape[1] < 2 or len(X) < 10 or targets.ndim > 1:
        return None
    told = [
        place
        for place in range(X.shape[1])
        if np.ptp(X[:, place]) > 0 and _tells(X[:, place], targets, classes)
    ]
    return told[0] if told else None


def _tells(column: Array, targets: Array | Integers, classes: bool) -> bool:
    import numpy as np

    if not classes:
        if np.ptp(targets) == 0:
            return False
        return bool(abs(np.corrcoef(column, targets)[0, 1]) > 0.9999)
    order = np.argsort(column, kind="stable")
    sides, values = targets[order], column[order]
    changes = np.flatnonzero(sides[1:] != sides[:-1])
    apart = bool((values[changes + 1] != values[changes]).all())
    return apart and len(changes) == len(np.unique(targets)) - 1


def numbers_of(numbers: Numbers) -> list[float]:
    """All numbers of nested lists."""
    if not isinstance(numbers, list):
        return [numbers]
    return [leaf for item in numbers for leaf in numbers_of(item)]
