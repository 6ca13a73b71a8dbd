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

from collections.abc import Iterator
from typing import TYPE_CHECKING

from autograd.modes import ieee
from autograd.numeric import is_number
from autograd.value import number_of
from nn.calls import Call, values_in, watching
from nn.hints import Numbers
from nn.module import Layer, Module, title

if TYPE_CHECKING:
    from nn.training import Training

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Watch:
    """Measures every layer after every epoch: are gradients vanishing or exploding?

    rows: how many of the training rows to measure on.

    gradients: for each group of parameters, by its name, one list per epoch with the
        quantiles (see `QUANTILES`) of the gradients' absolute values.
    activations: for each part that a row goes through, by its name, the quantiles of
        its outputs: layers, functions, modules of one's own and what is inside them.
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
        training.write()  # the step left the engine's numbers in the model
        slopes = dict(zip(task.parameters, abs(gradient).tolist(), strict=True))
        for entry in task.model.entries():
            if part := [slopes[value] for value in entry.values if value in slopes]:
                self.gradients.setdefault(entry.name, []).append(_quantiles(part))
        for name, outputs in _by_layer(
            task.model, task.X[: len(rows)].tolist()
        ).items():
            self.activations.setdefault(name, []).append(_quantiles(outputs))


class Snapshots:
    """Keeps the parameters after every few epochs, for instance to animate them.

    epochs: which epochs were kept, 0 being the state before this training if it is
        given to `keep` beforehand. states: the model's `state_dict()` of each.
    """

    def __init__(self, every: int = 1) -> None:
        if not is_number(every) or every < 1:
            raise ValueError(f"every is a number of epochs from 1; got {every!r}")
        self.every = every
        self.epochs: list[int] = []
        self.states: list[dict[str, Numbers]] = []

    def __call__(self, training: Training) -> None:
        """Keep this epoch if its turn has come; `fit` calls this after each."""
        if training.epoch % self.every == 0 or training.epoch == training.epochs:
            self.keep(training.epoch, training.model)

    def keep(self, epoch: int, model: Module) -> None:
        """Keep the model's parameters as they are now."""
        self.epochs.append(epoch)
        self.states.append(model.state_dict())


def _by_layer(model: Module, rows: list[list[float]]) -> dict[str, list[float]]:
    """What each part of a model returns for the rows, by the part's name.

    A module that hands on what its last part returned is not told apart from it.
    """
    found: dict[str, list[float]] = {}
    with ieee():
        for row in rows:
            with watching() as top:
                model(row)
            for name, output in _outputs(top, ""):
                numbers = map(number_of, values_in(output))
                found.setdefault(name or _alone(model), []).extend(numbers)
    return found


def _outputs(outer: Call, path: str) -> Iterator[tuple[str, object]]:
    """The names and outputs of all calls inside one, the inner ones first."""
    for call in outer.inner:
        inside = ".".join(filter(None, (path, _name(outer, call))))
        yield from _outputs(call, inside)
        if not (call.inner and call.inner[-1].output is call.output):
            yield inside, call.output


def _name(outer: Call, call: Call) -> str:
    """What a part is called in the module that called it; nothing for the model."""
    if call.name or not isinstance(outer.part, Module):
        return call.name
    names = (name for name, part in outer.part.stages() if part is call.part)
    return next(names, title(call.part))


def _alone(model: Module) -> str:
    return "layer" if isinstance(model, Layer) else "output"


def _quantiles(numbers: list[float]) -> list[float]:
    import numpy as np

    found: list[float] = np.quantile(numbers, QUANTILES).tolist()
    return found
