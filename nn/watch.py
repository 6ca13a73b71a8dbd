"""Callbacks for `fit` that look inside: sizes in every layer, and past weights.

>>> from nn import MLP, fit
>>> watch = Watch()
>>> history = fit(MLP(2, [3, 1], seed=0), [[0, 1], [1, 0]], [0, 1], epochs=2,
...               callbacks=[watch])
>>> list(watch.gradients)
['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
>>> len(watch.gradients["layers.0.weight"])
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from autograd.value import ieee
from nn.engine import as_list, write
from nn.module import MLP, Layer, Module, Sequential, named

if TYPE_CHECKING:
    from nn.training import Training

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Watch:
    """Measures every layer after every epoch: are gradients vanishing or exploding?

    rows: how many of the training rows to measure on.

    gradients: for each group of parameters, by its name, one list per epoch with the
        quantiles (see `QUANTILES`) of the gradients' absolute values.
    activations: for each layer, by its name, the quantiles of the layer's outputs.
    """

    def __init__(self, rows: int = 64) -> None:
        self.rows = rows
        self.gradients: dict[str, list[list[float]]] = {}
        self.activations: dict[str, list[list[float]]] = {}

    def __call__(self, training: Training) -> None:
        """Measure; `fit` calls this after each epoch."""
        task = training.task
        rows = range(min(self.rows, len(task.X)))
        gradient = training.engine.step(training.numbers, rows).gradient
        slopes = dict(zip(task.parameters, abs(gradient).tolist(), strict=True))
        for entry in task.model.entries():
            if not entry.frozen:
                part = [slopes[value] for _, value in named(entry.tensor)]
                self.gradients.setdefault(entry.name, []).append(_quantiles(part))
        write(training.numbers, task.parameters)
        for name, outputs in _by_layer(task.model, task.X[: len(rows)].tolist()):
            self.activations.setdefault(name, []).append(_quantiles(outputs))


class Snapshots:
    """Keeps the parameters after every few epochs, for instance to animate them.

    epochs: which epochs were kept, 0 being the state before this training if it is
        given to `keep` beforehand. states: the model's `state_dict()` of each.
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every is a number of epochs from 1; got {every!r}")
        self.every = every
        self.epochs: list[int] = []
        self.states: list[dict[str, Any]] = []

    def __call__(self, training: Training) -> None:
        """Keep this epoch if its turn has come; `fit` calls this after each."""
        if training.epoch % self.every == 0 or training.epoch == training.epochs:
            self.keep(training.epoch, training.model)

    def keep(self, epoch: int, model: Module) -> None:
        """Keep the model's parameters as they are now."""
        self.epochs.append(epoch)
        self.states.append(model.state_dict())


def _by_layer(model: Module, rows: list[Any]) -> Iterator[tuple[str, Any]]:
    """What each step of a model returns for the rows, one list per step."""
    with ieee():
        for name, step in _steps(model):
            rows = [step(row) for row in rows]
            yield name, [value.data for row in rows for value in as_list(row)]


def _steps(model: Module) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    if isinstance(model, MLP):
        yield from ((f"layers.{i}", layer) for i, layer in enumerate(model.layers))
    elif isinstance(model, Sequential):
        for i, step in enumerate(model.applied()):
            yield str(i), step
    else:
        yield "layer" if isinstance(model, Layer) else "output", model


def _quantiles(numbers: Any) -> list[float]:
    import numpy as np

    found: list[float] = np.quantile(numbers, QUANTILES).tolist()
    return found
