"""Why does it not learn? What the numbers of a network and its training say.

>>> from nn import MLP, data, fit
>>> X, y = data.moons(rows=100, seed=0)
>>> model = MLP(2, [8, 1], seed=0)
>>> history = fit(model, X, y, seed=0)
>>> diagnose(model, X, y, history=history)
Diagnosis: nothing wrong was found

Each finding has the number that shows it and what to try. The first is the cause; those
after it may follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograd.wording import expect
from nn.data import Dataset
from nn.evidence import (
    LayerState,
    guessing,
    layer_states,
    loss_over,
    most_frequent,
    telling_column,
)
from nn.extras import require
from nn.hints import Array, Rows, Targets
from nn.history import History
from nn.losses import Loss
from nn.metrics import accuracy
from nn.module import MLP, Module
from nn.tasks import task_for, weighed
from nn.training import fit

TOO_LARGE = "the learning rate is too large"

ENOUGH = 0.35
"""A loss this near to that of a plain network, in parts of guessing's, is as good."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its cause in a few words, what shows it, what to try."""

    cause: str
    shown: str
    advice: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.shown}. Try: {self.advice}."


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the cause first; true where there is something.

    layers: activations and deltas of every layer, as they were measured.
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerState, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __repr__(self) -> str:
        if not self.findings:
            return "Diagnosis: nothing wrong was found"
        return "\n".join(map(str, self.findings))


def diagnose(
    model: Module,
    X: Rows | Dataset,
    y: Targets | None = None,
    *,
    history: History | None = None,
    validation: tuple[Rows, Targets] | None = None,
    loss: str | Loss = "auto",
    features: Sequence[str] = (),
) -> Diagnosis:
    """Say why a model does not learn, or learns what it should not.

    X, y: the rows it was trained on, as `fit` takes them. history: what `fit` returned;
    with it the loss over the epochs is looked at as well. validation: other rows, which
    tell learning from learning by heart. loss: that of the training; found from y, or
    the history, where it is left out. features: what the columns are called.

    The model is left as it is. Where its loss is far from what is possible, a plain
    network is trained for comparison, which takes about a second.
    """
    require("numpy")
    expect(model, Module, "diagnose(model, X, y)")
    if isinstance(X, Dataset):
        X, y = X
    if y is None:
        raise TypeError(
            "y is missing: diagnose(model, X, y), or diagnose(model, dataset)"
        )
    if history is not None and loss == "auto" and history.loss_name:
        loss = history.loss_name
    case = _Case(model, X, y, loss, history, validation, features)
    findings = tuple(finding for rule in RULES for finding in rule(case))
    return Diagnosis(findings, case.layers)


class _Case:
    """What is known of a model and its training; measured when a rule asks."""

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        loss: str | Loss,
        history: History | None,
        validation: tuple[Rows, Targets] | None,
        features: Sequence[str],
    ) -> None:
        import numpy as np

        self.model, self.history, self.given = model, history, validation
        self.task, self.labels = task_for(model, X, y, loss)
        self.weights = history.class_weights if history else None
        self.task = weighed(self.task, self.labels, self.weights)
        self.y, self.features = y, features
        self.loss_name = str(getattr(self.task.loss, "__name__", ""))
        with np.errstate(all="ignore"):
            self.loss, self.outputs = loss_over(model, self.task)
        self.guess = guessing(
            self.loss_name, self.task.targets, self.labels, self.task.weights
        )

    @property
    def X(self) -> Array:
        return self.task.X

    @cached_property
    def layers(self) -> tuple[LayerState, ...]:
        """The layers, but for the values that are inf or nan."""
        if not math.isfinite(self.loss):
            return ()
        return layer_states(self.model, self.task.loss, self.X, self.task.targets)

    @cached_property
    def accuracy(self) -> float:
        """The share of the rows that is right; nan for numbers."""
        if self.labels is None:
            return math.nan
        return accuracy(self.labels)(self.outputs, self.task.targets)

    @cached_property
    def plain(self) -> Mapping[str, list[float]]:
        """What the training of a plain network measured, on other rows, too."""
        return _plain_network(self)

    @cached_property
    def possible(self) -> tuple[float, float]:
        """Loss and accuracy of a plain network on rows that it did not see."""
        return self.plain["validation_loss"][-1], self._told_at(-1)

    @cached_property
    def best_possible(self) -> tuple[float, float]:
        """The same after the epoch in which it was best."""
        losses = self.plain["validation_loss"]
        best = min(range(len(losses)), key=losses.__getitem__)
        return losses[best], self._told_at(best)

    def _told_at(self, epoch: int) -> float:
        found = self.plain.get("validation_accuracy")
        return found[epoch] if found else math.nan

    @cached_property
    def learned(self) -> bool:
        """Whether the loss is as low as a plain network's on rows it did not see."""
        if not math.isfinite(self.loss):
            return False
        if math.isnan(self.guess):
            return True
        if self.trained["loss"] < 0.1 * self.guess or self.accuracy >= 0.98:
            return True
        return self.loss < self.possible[0] + ENOUGH * self.guess and not self.no_better

    @cached_property
    def trained(self) -> dict[str, float]:
        """Loss and accuracy on the rows trained on, without those held out, if any."""
        if self.history and "validation_loss" in self.history.columns:
            return self.history.last()
        return {"loss": self.loss, "accuracy": self.accuracy}

    @cached_property
    def odd_inputs(self) -> tuple[float, float] | None:
        """The smallest and the largest size of a column, where they are odd."""
        import numpy as np

        sizes = np.sqrt((self.X**2).mean(axis=0))[np.ptp(self.X, axis=0) > 0]
        if len(sizes) and 0.05 <= sizes.max() <= 20:
            return None
        return (float(sizes.min()), float(sizes.max())) if len(sizes) else (0.0, 0.0)

    @cached_property
    def nothing_there(self) -> bool:
        """Whether a plain network, too, guesses on rows that it did not see."""
        loss, right = self.best_possible
        if self.labels is not None:
            usual = most_frequent(self.task.targets)
            if right > usual + max(0.05, 0.2 * (1 - usual)):
                return False
        return loss > 0.93 * self.guess

    @cached_property
    def no_better(self) -> bool:
        """Whether guessing is as good."""
        if self.labels is not None:
            usual = most_frequent(self.task.targets)
            if self.accuracy > usual + max(0.03, 0.2 * (1 - usual)):
                return False
        return not self.loss < 0.9 * self.guess


def _plain_network(case: _Case) -> Mapping[str, list[float]]:
    """Trained by the recipe on three quarters of the rows, measured on the others."""
    import numpy as np

    rows = np.random.RandomState(0).permutation(len(case.X))[:2000]
    cut = max(1, len(rows) // 4)
    labels = case.y.tolist() if hasattr(case.y, "tolist") else list(case.y)
    outside, inside = rows[:cut], rows[cut:]
    last = "sigmoid" if case.loss_name == "binary_cross_entropy" else None
    model = MLP(case.X.shape[1], [16, 16, case.task.outputs], "relu", last, seed=0)
    try:
        history = fit(
            model, case.X[inside], [labels[row] for row in inside], case.task.loss,
            seed=0, progress=False, patience=20, class_weights=case.weights,
            validation=(case.X[outside], [labels[row] for row in outside]),
        )  # fmt: skip
    except (ValueError, ArithmeticError):
        return {"validation_loss": [math.inf]}
    return history.columns


# ---- the rules, causes before what follows from them ---------------------------------


def _leak(case: _Case) -> Iterator[Finding]:
    place = telling_column(case.X, case.task.targets, case.labels is not None)
    if place is not None:
        name = case.features[place] if case.features else str(place + 1)
        yield Finding(
            "a leak",
            f"column {name} alone tells the target of every row",
            "leave it out, if it is not known where the network is to be used",
        )


def _nothing_moves(case: _Case) -> Iterator[Finding]:
    every = sum(1 for _ in _parameters(case.model))
    moved = case.history.moved if case.history else len(case.task.parameters)
    if not case.learned and moved < every / 2:
        yield Finding(
            "most parameters are frozen",
            f"{moved} of {every} are trained",
            "model.unfreeze(), or give the optimizer all of model.parameters()",
        )


def _parameters(model: Module) -> Iterator[object]:
    for entry in model.entries():
        yield from entry.values


def _out_of_reach(case: _Case) -> Iterator[Finding]:
    """The last activation has no room for the targets."""
    if case.learned or not case.layers or case.loss_name == "binary_cross_entropy":
        return
    last, name = case.layers[-1], case.layers[-1].activation
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if (low, high) == (-math.inf, math.inf):
        return
    if case.labels is not None and last.neurons == case.outputs.shape[1]:
        yield Finding(
            "the last activation",
            f"{name} keeps what should be a logit between {low:g} and {high:g}",
            "output_activation=None; the loss makes probabilities of logits itself",
        )
        return
    outside = (case.task.targets < low) | (case.task.targets > high)
    if outside.mean() > 0.1:
        yield Finding(
            "the last activation",
            f"{name} gives {low:g} to {high:g}, and {outside.mean():.0%} of the "
            "targets lie outside",
            "output_activation=None, or targets scaled into that range",
        )


RANGES = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
}


def _grew(case: _Case) -> Iterator[Finding]:
    """The loss ended above where it began, or above guessing."""
    column = case.history.columns.get("loss", []) if case.history else []
    diverged = case.history is not None and case.history.stopped == "diverged"
    if diverged or not math.isfinite(case.loss):
        yield _too_large("the training diverged", case)
    elif column and not case.learned and column[-1] > 1.1 * column[0]:
        what = f"it was {column[0]:.3g} in the first epoch and {column[-1]:.3g} in the"
        yield _too_large(f"the loss grew: {what} last", case)
    elif case.learned or case.odd_inputs or _far(case):
        return
    elif column and max(column) > _most_expected(column) * case.guess:
        what = f"{max(column):.3g} in epoch {column.index(max(column)) + 1}"
        what += f", where guessing has {case.guess:.3g}"
        yield _too_large(f"the loss was up to {what}", case)
    elif case.loss > 3 * case.guess:
        what = f"it is {case.loss:.3g}, and guessing has {case.guess:.3g}"
        yield _too_large(f"the loss is far above guessing: {what}", case)


def _most_expected(column: Sequence[float]) -> float:
    """How many times guessing's loss an epoch may have had, with a rate that is right.

    In the first there are the first weights, of which some are unlucky.
    """
    return 10.0 if max(column) == column[0] else 3.0


def _too_large(shown: str, case: _Case) -> Finding:
    rates = case.history.columns.get("lr", []) if case.history else []
    rate = f", with a learning rate of {max(rates):.3g}" if rates else ""
    return Finding(
        TOO_LARGE,
        shown + rate,
        "a tenth of it; --find-lr or nn.find_lr measures one; clip=1.0 helps, too",
    )


def _far(case: _Case) -> bool:
    """Whether targets are numbers far from what an untrained network gives."""
    import numpy as np

    if case.labels is not None or case.loss_name not in ("mse", "mae", "huber"):
        return False
    size = float(np.abs(case.task.targets).mean())
    spread = float(np.std(case.task.targets))
    return size > 20 or 0 < spread < 0.02


def _target(case: _Case) -> Iterator[Finding]:
    if not case.learned and _far(case):
        import numpy as np

        middle = float(np.mean(case.task.targets))
        spread = float(np.std(case.task.targets))
        yield Finding(
            "the target's scale",
            f"targets are {middle:.3g}, give or take {spread:.3g}, where a network's "
            "first outputs are about 0, give or take 1",
            "scale them: nn.data.Scaling, nn.recipe.learn, or fit without an optimizer",
        )


def _inputs(case: _Case) -> Iterator[Finding]:
    if not case.learned and case.odd_inputs:
        least, most = case.odd_inputs
        yield Finding(
            "the inputs' scale",
            f"columns have sizes from {least:.3g} to {most:.3g}",
            "nn.data.Scaling.fit(X), or fit without an optimizer, which scales them",
        )


def _alike(case: _Case) -> Iterator[Finding]:
    for layer in case.layers:
        if layer.alike and not case.learned:
            yield Finding(
                "all neurons are alike",
                f"the {layer.neurons} neurons of {layer.name} have the same weights, "
                "so they get the same gradient",
                "first weights drawn at random, as nn.MLP draws them",
            )
            return


def _dead(case: _Case) -> Iterator[Finding]:
    worst = max(case.layers, key=lambda layer: layer.dead, default=None)
    if worst and worst.dead >= 0.5 and not case.learned:
        yield Finding(
            "dead neurons",
            f"{worst.dead:.0%} of {worst.name} are 0 for every row, and so is their "
            "gradient",
            "a smaller learning rate, scaled inputs, or activation='leaky_relu'",
        )


def _saturated(case: _Case) -> Iterator[Finding]:
    hidden = case.layers[:-1]
    worst = max(hidden, key=lambda layer: layer.saturated, default=None)
    if worst and worst.saturated >= 0.5 and not case.learned:
        yield Finding(
            "saturated neurons",
            f"{worst.saturated:.0%} of {worst.name} are on the flat part of "
            f"{worst.activation}, where the slope is about 0",
            "scaled inputs, smaller first weights, or activation='relu'",
        )


def _deltas(case: _Case) -> Iterator[Finding]:
    if case.learned or len(case.layers) < 3:
        return
    first, last = case.layers[0].delta, case.layers[-1].delta
    told = f"mean |δ| is {first:.2g} in the first layer and {last:.2g} in the last"
    if first < 1e-3 * last:
        yield Finding(
            "vanishing gradients", told, "fewer layers, activation='relu' or 'tanh'"
        )
    elif first > 1e3 * last > 0:
        yield Finding("exploding gradients", told, "smaller first weights, clip=1.0")


def _decay(case: _Case) -> Iterator[Finding]:
    """Weights near 0, and not because the loss itself has them there."""
    small = max((layer.weight for layer in case.layers), default=1.0)
    at_rest = len(case.layers) == 1 and case.layers[0].pull < 0.05 * case.guess
    if not case.learned and small < 0.02 and not at_rest:
        yield Finding(
            "the weights are pulled to 0",
            f"the mean size of a weight is {small:.2g} at most",
            "less weight_decay",
        )


def _too_small(case: _Case) -> Iterator[Finding]:
    """It has hardly moved, or was still on its way."""
    column = case.history.columns.get("loss", []) if case.history else []
    if case.learned or len(column) < 2:
        return
    fallen = column[0] - column[-1]
    late = column[-1 - max(1, len(column) // 5)] - column[-1]
    rate = max(case.history.columns.get("lr", [0.0])) if case.history else 0.0
    if abs(fallen) < 0.05 * abs(column[0]) and rate < 1e-3:
        yield Finding(
            "the learning rate is too small",
            f"the loss went from {column[0]:.4g} to {column[-1]:.4g} in {len(column)} "
            f"epochs, with a learning rate of {rate:.3g}",
            "ten times as much; --find-lr or nn.find_lr measures one",
        )
    elif late > 0.05 * column[-1] or (late > 0 and len(column) < 10):
        yield Finding(
            "the training was too short",
            f"in the last fifth of the {len(column)} epochs the loss still fell by "
            f"{late:.2g}, to {column[-1]:.4g}",
            "more epochs, or a larger learning rate",
        )


def _nothing_to_learn(case: _Case) -> Iterator[Finding]:
    if math.isnan(case.guess) or (case.learned and not case.no_better):
        return
    possible = case.possible[0]
    if not possible < 0.95 * case.guess and not case.loss < 0.5 * case.guess:
        yield Finding(
            "no better than guessing",
            f"the loss is {case.loss:.4g}, guessing has {case.guess:.4g}, and a plain "
            f"network reaches {possible:.4g} on rows that it did not see",
            "other inputs: these say little of the target; are rows and targets in the "
            "same order?",
        )
    elif not case.learned and case.no_better:
        yield Finding(
            "no better than guessing",
            f"the loss is {case.loss:.4g}, guessing has {case.guess:.4g}; a plain "
            f"network of 16 and 16 neurons reaches {possible:.4g}",
            "the network and the settings of nn.recipe",
        )


def _too_simple(case: _Case) -> Iterator[Finding]:
    if not case.learned and not case.no_better:
        yield Finding(
            "it has not learned what can be learned",
            f"its loss is {case.loss:.4g}; a plain network of 16 and 16 neurons "
            f"reaches {case.possible[0]:.4g} on rows that it did not see",
            "more neurons, a hidden layer more, or more epochs",
        )


def _no_hidden_layer(case: _Case) -> Iterator[Finding]:
    if (
        len(case.layers) == 1
        and not case.learned
        and case.possible[0] < 0.7 * case.loss
    ):
        yield Finding(
            "the network is too simple",
            f"without a hidden layer its loss is {case.loss:.4g}; one with 16 and 16 "
            f"neurons reaches {case.possible[0]:.4g} on rows that it did not see",
            "a hidden layer, such as nn.MLP(inputs, [16, outputs])",
        )


def _by_heart(case: _Case) -> Iterator[Finding]:
    """Training and validation part."""
    own, other = case.trained["loss"], math.nan
    if not own < 0.9 * case.guess:
        return
    right, told = case.trained.get("accuracy", math.nan), math.nan
    if case.given is not None:
        task, labels = task_for(case.model, *case.given, case.task.loss)
        task = weighed(task, labels, case.weights)
        other, outputs = loss_over(case.model, task)
        if case.labels is not None:
            told = accuracy(case.labels)(outputs, task.targets)
    elif case.history and "validation_loss" in case.history.columns:
        last = case.history.last()
        other, told = last["validation_loss"], last.get("validation_accuracy", math.nan)
    elif (own < 0.5 * case.guess and case.accuracy >= 0.9) or (
        own < 0.75 * case.guess and case.nothing_there
    ):
        other, told = case.possible
    worse = other > own + 0.25 * case.guess
    if worse and (other > case.guess or not right - told < 0.12):
        shares = "" if math.isnan(told) else f", {right:.3f} right against {told:.3f}"
        yield Finding(
            "it learns by heart",
            f"the loss is {own:.3g} on the training rows and {other:.3g} on others"
            + shares,
            "more rows, fewer neurons, weight_decay, or early stopping with patience",
        )


RULES: tuple[Callable[[_Case], Iterator[Finding]], ...] = (
    _leak,
    _nothing_moves,
    _out_of_reach,
    _grew,
    _target,
    _inputs,
    _alike,
    _dead,
    _saturated,
    _deltas,
    _decay,
    _too_small,
    _no_hidden_layer,
    _by_heart,
    _nothing_to_learn,
    _too_simple,
)
"""In the order in which causes are told."""
