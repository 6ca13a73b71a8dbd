"""Training in other units than the table's: what `fit` does where all is left to it.

A network learns well from columns of mean 0 and deviation 1, and a table has columns
like 0.3 and 1500. Where the first step is a `Layer`, the one is as good as the other:

    sum_j u_j (x_j - m_j) / s_j + c  =  sum_j w_j x_j + b
    with  w_j = u_j / s_j  and  b = c - sum_j u_j m_j / s_j

So the engine trains u and c on scaled columns, and the model is given w and b, which do
the same to the table's own. Likewise for a last layer without an activation and targets
that are numbers: from y = m + s z follow w = s u and b = m + s c.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from autograd.value import Value
from nn.data import Scaling
from nn.engine import Engine, Task
from nn.hints import Array, Integers
from nn.losses import mae, mse
from nn.module import MLP, Layer, Module, Sequential, identity

POWERS: Mapping[object, int] = {mse: 2, mae: 1}
"""Losses that a scale of the targets multiplies, by its power."""

TRIED = 200  # rows on which first weights are tried


class Places(NamedTuple):
    """Where the weights (neurons, inputs) and biases (neurons,) of a layer are."""

    weights: Integers
    biases: Integers


class Units:
    """The units in which a task is trained, and the way back to the table's own."""

    def __init__(self, task: Task, *, scaled: bool) -> None:
        self._inputs: Scaling | None = None
        self._middle: Array | float = 0.0
        self._spread = 1.0
        self._first: Places | None = None
        self._last: Places | None = None
        if scaled:
            self._choose(task)
        self.factor = self._spread ** POWERS.get(task.loss, 0)
        self.own = self._first is self._last is None

    def _choose(self, task: Task) -> None:
        first, last = _ends(task.model)
        self._first = _places(first, task)
        if self._first:
            self._inputs = Scaling.of(task.X)
        if task.loss in POWERS and (found := _places(last, task)):
            spread = float((task.targets - task.targets.mean(axis=0)).std())
            self._last, self._middle = found, task.targets.mean(axis=0)
            self._spread = spread if spread > 0 else 1.0

    def task(self, task: Task) -> Task:
        """The task in these units."""
        X = self._inputs(task.X) if self._inputs else task.X
        if self._last is None:
            return replace(task, X=X)
        numbers = task.targets.astype(float)
        return replace(task, X=X, targets=(numbers - self._middle) / self._spread)

    def outputs(self, outputs: Array) -> Array:
        """Outputs in the table's own unit."""
        if self._last is None:
            return outputs
        return outputs * self._spread + self._middle

    def model_numbers(self, numbers: Array) -> Array:
        """The model's parameters, from those that the engine trains."""
        found = numbers.copy()
        if self._first and self._inputs:
            weights, biases = self._first
            found[weights] /= self._inputs.deviation
            found[biases] -= found[weights] @ self._inputs.mean
        if self._last:
            weights, biases = self._last
            found[weights] *= self._spread
            found[biases] = found[biases] * self._spread + self._middle
        return found

    def engine_numbers(self, numbers: Array) -> Array:
        """The parameters that the engine trains, from the model's."""
        found = numbers.copy()
        if self._last:
            weights, biases = self._last
            found[weights] /= self._spread
            found[biases] = (found[biases] - self._middle) / self._spread
        if self._first and self._inputs:
            weights, biases = self._first
            found[biases] += found[weights] @ self._inputs.mean
            found[weights] *= self._inputs.deviation
        return found

    def start(self, engine: Engine, numbers: Array, guess: float | None) -> Array:
        """What the engine starts from.

        The model as it is, in these units; but first weights are drawn for inputs of
        deviation 1. Taken as weights of scaled columns they are of the right size, and
        that is where the training starts if the loss is smaller there, or where the
        model as it is knows no more than a guess, whose loss is `guess`.
        """
        exact = self.engine_numbers(numbers)
        if self.own:
            return exact
        task = engine.task
        few = task.first(TRIED)
        losses = [engine.measure(at, few)[0] for at in (exact, numbers)]
        known, drawn = (x if math.isfinite(x) else math.inf for x in losses)
        learned = guess is None or known * self.factor < guess
        return exact if learned and known <= drawn else numbers


def _ends(model: Module) -> tuple[Layer | None, Layer | None]:
    """The layers that see the inputs and give the outputs, where there are such."""
    stages = [step for _, step in model.stages()] if _in_a_row(model) else []
    steps = [model] if isinstance(model, Layer) else stages
    first = steps[0] if steps else None
    last = steps[-1] if steps else None
    linear = isinstance(last, Layer) and last.activation in (None, identity)
    return (
        first if isinstance(first, Layer) else None,
        last if isinstance(last, Layer) and linear else None,
    )


def _in_a_row(model: Module) -> bool:
    """Whether its stages are all it does, one after another."""
    return type(model) in (MLP, Sequential)


def _places(layer: Layer | None, task: Task) -> Places | None:
    """Where its parameters are among the task's; None unless all are, and unshared."""
    import numpy as np

    if layer is None:
        return None
    where = {value: place for place, value in enumerate(task.parameters)}
    uses = Counter[Value]()
    for entry in task.model.entries():
        uses.update(entry.values)
    rows = [[*neuron.w, neuron.b] for neuron in layer.neurons]
    if any(uses[v] != 1 or v not in where for row in rows for v in row):
        return None
    places = np.array([[where[value] for value in row] for row in rows])
    return Places(places[:, :-1], places[:, -1])
