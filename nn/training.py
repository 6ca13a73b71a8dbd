"""Training: `fit` moves a model's parameters until its outputs meet the targets.

>>> from nn import MLP, Adam
>>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
>>> model = MLP(2, [4, 1], activation="tanh", seed=0)
>>> history = fit(model, X, y, optimizer=Adam(lr=0.05), epochs=100, seed=0)
>>> history["accuracy"][-1]
1.0
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn

from autograd.files import Path
from autograd.value import Value, describe
from autograd.wording import expect
from nn.arguments import with_names
from nn.checkpoint import Context, load_checkpoint, save, with_labels
from nn.choices import (
    OPTIMIZER,
    SCHEDULE,
    batch_for,
    decay_for,
    epochs_for,
    usual,
)
from nn.data import Dataset
from nn.dropout import Masked, Noise, noise_of
from nn.engine import (
    Eager,
    Engine,
    Epoch,
    Pace,
    Task,
    first_bad_node,
    taken,
    write,
)
from nn.evidence import guessing
from nn.hints import (
    Array,
    Indices,
    Integers,
    Label,
    Rows,
    Targets,
    TrainingState,
)
from nn.history import History, progress_bar
from nn.losses import Loss
from nn.metrics import hits
from nn.module import Module
from nn.optim import Optimizer, above_zero, from_zero
from nn.resuming import hold, in_words, sum_of
from nn.schedules import Schedule
from nn.schedules import schedule as _schedule
from nn.sequences import Sequences, loss_per_token
from nn.targets import (
    Labels,
    squeezed,
    weights_of,
)
from nn.tasks import tasks_of, weighed
from nn.units import Units

Metric = Callable[[list[Any], list[Any]], float]
"""Outputs and targets, each a list with a number or a list of them per row."""


ENGINES = ("auto", "compiled", "eager")


class DivergenceError(ArithmeticError):
    """The loss or a gradient became inf or nan.

    epoch, batch: where, counted from 1. node: the first bad node, in words.
    history: the epochs before; None where `fit` did not raise it.
    """

    history: History | None = None

    def __init__(self, what: str, epoch: int, batch: int, node: str) -> None:
        super().__init__(
            f"{what} in epoch {epoch}, batch {batch}; the first bad node is {node}. "
            "What usually helps: a smaller lr, scaled inputs, clip=1.0, or a loss "
            "that takes logits. The model is as it was before this epoch."
        )
        self.epoch, self.batch, self.node = epoch, batch, node


@with_names("fit")
def fit(
    model: Module,
    X: Rows | Dataset | Sequences,
    y: Targets | Sequence[Sequence[int | None]] | None = None,
    loss: str | Loss = "auto",
    optimizer: str | Optimizer = "auto",
    epochs: int | None = None,
    batch_size: int | str | None = "auto",
    validation: float | Dataset | Sequences | tuple[Rows, Targets] | None = None,
    seed: int | None = None,
    engine: str | Callable[[Task], Engine] = "auto",
    progress: bool = True,
    *,
    schedule: str | Schedule | None = "auto",
    class_weights: str | Mapping[Any, float] | None = None,
    clip: float | None = None,
    patience: int | None = None,
    tolerance: float = 0.0,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Callable[[Training], object]] = (),
    checkpoint: Path | None = None,
    resume: Path | None = None,
    context: Context | None = None,
) -> History:
    """Train a model on a table, and return what happened.

    X: the inputs, N rows of I numbers: lists or an array, every number finite. Or a
        `Dataset`, which has the targets as well. For a model of sequences N lists of
        tokens of any length, or `Sequences`.
    y: one target per row: numbers, or classes as texts or whole numbers. For sequences
        a list with a token for each token, or None where nothing is to be told.
    loss: a name (see `nn.losses.LOSSES`), a function (predictions, targets) -> Value,
        or "auto", which looks at y and the number of outputs.
    optimizer: an optimizer such as `SGD(lr=0.1)`, or a name ("sgd", "adam", "adamw",
        "rmsprop"; "auto" for the one that suits most tables), which leaves the rest to
        the choices that `chainrule train` makes (`nn.choices`): its learning rate, the
        schedule, and the units. A network that begins with a layer is then trained on
        columns scaled to mean 0 and deviation 1, and one that ends with a layer
        without activation on numbers scaled likewise; afterwards its weights are those
        that do the same to the table as it is (`nn.units`). What is moved is all that
        the model trains; by an optimizer that was given parameters, such as
        `SGD(model.layers[-1].parameters())`, those and no others.
    epochs: how often all rows are seen; None for what suits so many (`nn.choices`):
        200 times up to 1000 rows, 100 times up to 10 000, else 30 times.
    batch_size: rows per step, shuffled anew in each epoch; "auto" for 16, or 64 of more
        than 10 000; None for all rows at once.
    validation: rows to measure on and not to train on: a fraction of the rows between
        0 and 1, a `Dataset`, or (X, y).
    seed: for the validation split and the shuffling; the same seed gives the same bits.
    engine: "compiled" for a program that runs a batch at a time, "eager" for a graph
        recorded anew for each, "auto" for the first where it is possible and otherwise
        the second (`History.engine` says which, and why), or a function from a `Task`.
        An llvmlite that is there but broken raises BackendError.
    progress: show a bar, where a terminal is watching.
    schedule: a name or a function from the epoch (from 0) to a factor on the lr; None
        for none, "auto" for a cosine where the optimizer is a name, else none.
    class_weights: how much a row of each class counts, by class, such as {"yes": 5}
        (1 where a class is left out); "balanced" for as much as makes all classes count
        alike in all, "root" for the root of that; None for 1. They are brought to a
        mean of 1 over the rows, and `History.class_weights` has them.
    clip: the longest gradient allowed; a longer one is shortened to it.
    patience: stop after so many epochs without a better loss (the validation's where
        there is one), and go back to the best weights.
    tolerance: how much lower a loss has to be to count as better.
    metrics: more columns for the history, each a function (outputs, targets) -> float
        of two lists with an entry per row.
    callbacks: each is called after every epoch with the `Training`; one that returns
        True ends it, and a text that one returns is shown and kept (`History.told`).
    checkpoint: a file to write at the end, at Ctrl-C, and every second meanwhile; from
        it `resume` continues.
    resume: a file that a training with the same arguments wrote; it goes on from there
        up to `epochs`, with the same bits as if it had never stopped. Other rows, and
        another seed, loss, optimizer or set of parameters raise ValueError; what else
        differs, such as lr, is told in a warning, and holds from there on.
    context: what the inputs mean, to be written into the checkpoint; where the targets
        are scaled, the error is told in their own unit.

    Ctrl-C returns the history so far, the model as it was after the last full epoch.
    Raises DivergenceError where the loss or a gradient becomes inf or nan, and
    ValueError for tables, labels and settings that can't be right.
    """
    expect(model, Module, "fit(model, X, y)")
    saved = _read(resume, model)
    seed = _seed(seed, saved)
    choice = OPTIMIZER if optimizer == "auto" else optimizer
    ours, optimizer = isinstance(choice, str), _optimizer(choice, model)
    task, labels, held_out = tasks_of(model, X, y, loss, optimizer, validation, seed)
    if isinstance(choice, str) and task.loss is not loss_per_token:  # no columns
        optimizer.weight_decay = decay_for(choice, *task.X.shape)
    weights = weights_of(class_weights, labels, task.targets)
    task = weighed(task, labels, weights)
    held_out = held_out and weighed(held_out, labels, weights)
    units = Units(task, scaled=ours)
    epochs, size = _counts(epochs, batch_size, len(task.X))
    inner = units.task(replace(task, size=size))
    noise = noise_of(inner.model, inner.X)
    return Training(
        model=model,
        task=task,
        engine=_engine(engine, _with_noise(inner, noise, noise.drawn(seed, 0))),
        units=units,
        noise=noise,
        optimizer=optimizer,
        schedule=_schedule(_chosen_schedule(schedule, ours), epochs),
        history=_new_history(seed, labels, task, weights),
        epochs=epochs,
        batch_size=size,
        validation=held_out,
        metrics=dict(metrics or {}),
        clip=_clip(clip),
        patience=_patience(patience),
        tolerance=from_zero(tolerance, "tolerance"),
        callbacks=_functions(callbacks),
        checkpoint=checkpoint,
        context=context,
    ).run(progress, saved)


@dataclass
class Training:
    """A training on its way: what callbacks see, and what a checkpoint keeps.

    epoch: how many epochs are done. numbers: the parameters' numbers after them, in
    the order of `task.parameters` and in the engine's units; `units` leads from there
    to those of the table, in which `task` is, and `model` between epochs.
    best: (loss, epoch, numbers) of the best epoch, with early stopping. The other
    attributes: see `fit`.
    """

    model: Module
    task: Task
    engine: Engine
    units: Units
    noise: Noise
    optimizer: Optimizer
    schedule: Schedule
    history: History
    epochs: int
    batch_size: int
    validation: Task | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    clip: float | None = None
    patience: int | None = None
    tolerance: float = 0.0
    callbacks: list[Callable[[Training], object]] = field(default_factory=list)
    checkpoint: Path | None = None
    context: Context | None = None
    epoch: int = 0
    best: tuple[float, int, Array] | None = None

    def __post_init__(self) -> None:
        self._first = _numbers_of(self.task)
        self._held = None if self.validation is None else self._own(self.validation)
        self.numbers = self.units.engine_numbers(self._first)
        self._saved_at = time.perf_counter()
        self.history.engine = self.engine.name

    # ---- the loop ----

    def run(self, progress: bool, saved: TrainingState | None = None) -> History:
        """Epoch after epoch until the last, an early stop, or Ctrl-C.

        saved: the state to go on from, if there is one.
        """
        if saved:
            self.go_on_from(saved)
        started = time.perf_counter()
        self.history.stopped = "finished"
        try:
            if not self.epoch:
                self.numbers = self.units.start(
                    self.engine, self._first, self.history.guess
                )
            with progress_bar(self.epochs, self.epoch, progress) as show:
                while self.epoch < self.epochs and not self._stops_early():
                    if not self._epochs_at_once():
                        self._one_epoch()
                    told = self.history.told[-1:]
                    show(self.epoch, self.history.last(), "".join(told))
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
        except DivergenceError as error:
            self.history.stopped, error.history = "diverged", self.history
            raise
        finally:
            self.history.engine = self.engine.name
            self.history.seconds += time.perf_counter() - started
            self._leave()
        return self.history

    def _one_epoch(self) -> None:
        """All batches and the measurements, or nothing; then the callbacks."""

        def compute() -> tuple[Array, dict[str, list[float]]]:
            numbers, row = self._pass()
            row.update(self._validate(numbers))
            return numbers, {name: [number] for name, number in row.items()}

        self._advance(compute)
        self._report()

    def _epochs_at_once(self) -> bool:
        """Many epochs in one call, where nothing between them needs Python.

        Whether there were any: none where the next one diverges.
        """
        if self.batch_size < len(self.task.X) or self.noise.parts or self._looks_on():
            return False
        pace = self._pace(1.0)
        until = self.epoch + self.engine.at_once(pace, self.numbers)
        epochs = range(self.epoch, min(self.epochs, until))
        factors = [self.schedule(epoch) for epoch in epochs]

        def compute() -> tuple[Array, dict[str, list[float]]]:
            done = self.engine.epochs(self.numbers, pace, factors)
            count, rows = len(done.losses), len(self.task.X)
            # As `_mean` computes it, of one batch.
            losses, norms = ((rows * x / rows).tolist() for x in done[1:3])
            told = done.outputs, self.task.targets, factors[:count]
            return done.numbers, self._columns(losses, norms, *told) if count else {}

        before = self.epoch
        if len(factors) > 1:
            self._advance(compute)
        return self.epoch > before

    def _looks_on(self) -> bool:
        """Whether something wants to see the parameters after each epoch."""
        return bool(
            self.callbacks
            or self.checkpoint is not None
            or self.validation is not None
            or self.patience is not None
        )

    def _advance(
        self, compute: Callable[[], tuple[Array, dict[str, list[float]]]]
    ) -> None:
        """Go on by epochs that are computed, numbers and columns, or not at all."""
        import numpy as np

        memory = self.optimizer.steps, dict(self.optimizer.memory)
        try:
            with np.errstate(all="ignore"):  # inf and nan are looked for in `_check`
                numbers, columns = compute()
            best = self._best_with(columns, numbers)
            self.history.extend(columns)
            count = len(columns.get("loss", []))
            self.numbers, self.best, self.epoch = numbers, best, self.epoch + count
        except BaseException:  # Ctrl-C may come at any moment
            self.optimizer.steps, self.optimizer.memory = memory
            self.history.cut(self.epoch)
            raise

    def _pass(self) -> tuple[Array, dict[str, float]]:
        """The parameters after one epoch, and what was measured on the way."""
        factor, rows = self.schedule(self.epoch), self.order()
        if self.noise.parts:
            self.engine.renew(self.noise.drawn(self.history.seed, self.epoch))
        done = self.engine.epoch(self.numbers, rows, self._pace(factor))
        self._check(done, rows)
        means = [self._mean(done.losses)], [self._mean(done.norms)]
        targets = taken(self.task.targets, rows)
        columns = self._columns(*means, done.outputs, targets, [factor])
        return done.numbers, {name: one for name, (one,) in columns.items()}

    def _columns(
        self,
        losses: list[float],
        norms: list[float],
        outputs: Array,
        targets: Array | Integers,
        factors: list[float],
    ) -> dict[str, list[float]]:
        """What the history keeps, of each epoch a number in every column."""
        return {
            "loss": [loss * self.units.factor for loss in losses],
            **self._metrics(outputs, targets, len(losses)),
            "gradient_norm": norms,
            "lr": [self.optimizer.lr * factor for factor in factors],
        }

    def _pace(self, factor: float) -> Pace:
        clip = math.inf if self.clip is None else self.clip
        return Pace(self.batch_size, self.optimizer, factor, clip)

    def order(self) -> Indices:
        """This epoch's rows in their order, which follows from the seed and the epoch.

        They are the key of a generator that counts, so that none has to be set up anew,
        and it is shuffled in a way that NumPy keeps as it is: the same bits everywhere.
        """
        rows = range(len(self.task.X))
        if self.batch_size >= len(rows):
            return rows
        import numpy as np

        counter = np.random.Philox(key=(self.history.seed % 2**64, self.epoch))
        return np.random.RandomState(counter).permutation(len(rows))

    # ---- what is measured ----

    def _mean(self, by_batch: Array) -> float:
        """The mean over the rows of what was measured batch by batch."""
        rows, size = len(self.task.X), self.batch_size
        *whole, last = by_batch.tolist()
        left = rows - size * len(whole)
        return math.fsum([*[size * number for number in whole], left * last]) / rows

    def _metrics(
        self, outputs: Array, targets: Array | Integers, epochs: int
    ) -> dict[str, list[float]]:
        """How good the outputs are: by labels or as numbers, then as the user wants.

        outputs: of the same rows, epoch after epoch. Each list has a number for each.
        """
        import numpy as np

        labels, outputs = self.history.labels, squeezed(self.units.outputs(outputs))
        found: dict[str, list[float]]
        if self.task.loss is loss_per_token:
            mean_losses = outputs.reshape(epochs, -1).mean(axis=1)
            found = {"perplexity": np.exp(mean_losses).tolist()}
        elif labels:
            right = hits(labels, outputs, np.concatenate([targets] * epochs))
            counts = np.count_nonzero(right.reshape(epochs, -1), axis=1)
            found = {"accuracy": (counts / len(targets)).tolist()}
        else:
            away = np.abs(outputs - np.concatenate([targets] * epochs))
            unit = self.context.unit if self.context else 1.0
            found = {"error": (unit * away.reshape(epochs, -1).mean(axis=1)).tolist()}
        if self.metrics:
            lists = [part.tolist() for part in np.split(outputs, epochs)]
            wanted = targets.tolist()
            for name, metric in self.metrics.items():
                found[name] = [float(metric(part, wanted)) for part in lists]
        return found

    def loss_over(self, task: Task) -> float:
        """The loss of the model as it is now, over other rows with the same columns."""
        numbers = self.units.engine_numbers(_numbers_of(task))
        return self.engine.measure(numbers, self._own(task))[0] * self.units.factor

    def _own(self, task: Task) -> Task:
        """Rows that are not trained on, as the engine takes them."""
        held = self.units.task(task)
        return _with_noise(held, self.noise, self.noise.none(held.X))

    def _validate(self, numbers: Array) -> dict[str, float]:
        """The same measurements on the rows that are not trained on."""
        if self.validation is None or self._held is None:
            return {}
        loss, outputs = self.engine.measure(numbers, self._held)
        if not math.isfinite(loss):
            what = f"the validation loss became {loss!r}"
            last = math.ceil(len(self.task.X) / self.batch_size)
            rows = range(len(self._held.X))
            self._diverged(what, self._held, numbers, rows, last)
        loss *= self.units.factor
        measured = self._metrics(outputs, self.validation.targets, 1)
        row = {"loss": loss, **{name: of_one for name, (of_one,) in measured.items()}}
        return {f"validation_{name}": number for name, number in row.items()}

    def _check(self, done: Epoch, rows: Indices) -> None:
        """Raise where the last batch's loss or gradient, or a parameter, went bad."""
        batch, loss = len(done.losses), float(done.losses[-1])
        what = "" if math.isfinite(loss) else f"the loss became {loss!r}"
        if not what and not math.isfinite(done.norms[-1]):
            what = "a gradient became inf or nan"
        if what:
            part = rows[(batch - 1) * self.batch_size : batch * self.batch_size]
            self._diverged(what, self.engine.task, done.numbers, part, batch)
        self._check_numbers(done.numbers, batch)

    def _diverged(
        self, what: str, task: Task, numbers: Array, rows: Indices, batch: int
    ) -> NoReturn:
        node = first_bad_node(task, numbers, rows)
        raise DivergenceError(what, self.epoch + 1, batch, node)

    def _check_numbers(self, numbers: Array, batch: int) -> None:
        """A relu can hide a weight of -inf from the loss."""
        import numpy as np

        if np.isfinite(numbers).all():
            return
        for parameter, number in zip(
            self.task.parameters, numbers.tolist(), strict=True
        ):
            if not math.isfinite(number):
                node = f"{parameter.label or 'a parameter'} = {number!r}"
                what = f"a parameter became {number!r}"
                raise DivergenceError(what, self.epoch + 1, batch, node)

    # ---- after an epoch ----

    def _best_with(
        self, columns: Mapping[str, list[float]], numbers: Array
    ) -> tuple[float, int, Array] | None:
        """The best epoch so far, an epoch with these measurements being the latest."""
        if self.patience is None:
            return None
        (score,) = columns.get("validation_loss", columns["loss"])
        if self.best is None or score < self.best[0] - self.tolerance:
            return score, self.epoch + 1, numbers
        return self.best

    def _stops_early(self) -> bool:
        if self.patience is None or self.best is None:
            return False
        if self.epoch - self.best[1] >= self.patience:
            self.history.stopped = "early"
        return self.history.stopped == "early"

    def _report(self) -> None:
        """Callbacks and the checkpoint, with the model as it is after this epoch."""
        if not self.callbacks and self.checkpoint is None:
            return
        self.write()
        if self.checkpoint and time.perf_counter() - self._saved_at > 1.0:
            self._save()
        for callback in self.callbacks:
            found = callback(self)
            if found is True:
                self.epochs = self.epoch
            elif isinstance(found, str):
                self.history.told.append(found)

    def _leave(self) -> None:
        """Hand the model back: its numbers written, its gradients 0."""
        numbers = self.numbers
        if self.best is not None:
            numbers, self.history.best_epoch = self.best[2], self.best[1]
        self.write(numbers)
        self.model.zero_grad()
        if not self.checkpoint:
            return
        why = sys.exc_info()[1]
        try:
            self._save()
        except (OSError, ValueError) as error:
            if why is None:
                raise
            why.add_note(f"the checkpoint could not be written: {error}")

    def write(self, numbers: Array | None = None) -> None:
        """Give the model what the engine is at, or was, in the table's units."""
        numbers = self.numbers if numbers is None else numbers
        found = self.units.model_numbers(numbers) if self.epoch else self._first
        write(found, self.task.parameters)

    def _save(self) -> None:
        self.save(self.checkpoint or "")
        self._saved_at = time.perf_counter()

    # ---- to be continued ----

    def save(self, path: Path) -> None:
        """Write the model and the state of this training into a file."""
        context = with_labels(self.context, self.history.labels)
        save(self.model, path, context=context, training=self.state_dict())

    def state_dict(self) -> TrainingState:
        """All that it takes to go on with the same bits."""
        best = self.best
        apart = best is not None or not self.units.own
        return {
            "seed": self.history.seed,
            "epoch": self.epoch,
            # Left out where the model itself holds them, with every bit.
            "numbers": self.numbers.tolist() if apart else None,
            "optimizer": self.optimizer.state_dict(),
            "history": self.history.columns,
            "best": best and (best[0], best[1], best[2].tolist()),
            "arguments": self.arguments(),
        }

    @cached_property
    def _rows(self) -> dict[str, str]:
        """Which rows there are: in words once, for they are many and stay the same."""
        return {"data": sum_of(self.task), "validation": sum_of(self.validation)}

    def arguments(self) -> dict[str, str]:
        """What decides the result, each in words; the rates are in the history."""
        return {
            "seed": str(self.history.seed),
            **self._rows,
            "loss": self.history.loss_name,
            "class_weights": str(self.history.class_weights),
            "units": "the table's own" if self.units.own else "scaled",
            **in_words(self.optimizer, self.task),
            "metrics": ", ".join(self.metrics) or "none",
            "batch_size": str(self.batch_size),
            "clip": str(self.clip),
            "patience": str(self.patience),
            "tolerance": str(self.tolerance),
            "engine": self.engine.name.partition(",")[0],
        }

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        return self.optimizer.lr * self.schedule(epoch)

    def go_on_from(self, state: TrainingState) -> None:
        """Take up a training that had the same arguments; see `nn.resuming`."""
        hold(state, self.arguments(), self.rate)
        self.load_state_dict(state)

    def load_state_dict(self, state: TrainingState) -> None:
        """Go on from what `state_dict()` gave."""
        import numpy as np

        numbers = self.numbers
        if state["numbers"] is not None:
            numbers = np.array(state["numbers"], dtype=np.float64)
        if numbers.shape != self.numbers.shape:
            raise ValueError(
                f"the checkpoint trained {numbers.size} parameters, but this training "
                f"moves {self.numbers.size}"
            )
        self.numbers, self.epoch = numbers, state["epoch"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.history.columns = {k: list(v) for k, v in state["history"].items()}
        if state["best"] and self.patience is not None:
            score, epoch, best = state["best"]
            self.best = (score, epoch, np.array(best, dtype=np.float64))


# ---- what fit was given --------------------------------------------------------------


def _functions(
    callbacks: Iterable[Callable[[Training], object]],
) -> list[Callable[[Training], object]]:
    """Callbacks as a list; TypeError for what can't be called after an epoch."""
    if callable(callbacks):
        raise TypeError("callbacks is a list of functions: write callbacks=[f]")
    listed = list(callbacks)
    for callback in listed:
        if not callable(callback):
            raise TypeError(
                f"a callback is a function of the Training; got {callback!r}"
            )
    return listed


def _with_noise(task: Task, noise: Noise, X: Array) -> Task:
    """The task with a column for each number that Dropout may leave out.

    X: the task's inputs with these columns.
    """
    if not noise.parts:
        return task
    return replace(task, model=Masked(task.model, task.X.shape[1]), X=X)


def _seed(given: int | None, saved: TrainingState | None) -> int:
    """The one that was given, or that of the training to go on with, or any."""
    if given is not None:
        return given
    return saved["seed"] if saved else random.getrandbits(53)


def _optimizer(choice: str | Optimizer, model: Module) -> Optimizer:
    """An optimizer that moves the model's parameters, or those that it was given."""
    if isinstance(choice, str):
        choice = usual(choice)
    elif not isinstance(choice, Optimizer):
        raise TypeError(
            "optimizer is a name or an Optimizer, such as nn.Adam(lr=0.01); got "
            f"{choice!r}"
        )
    choice.bind(_chosen(choice, model) if choice.given else model.parameters())
    return choice


def check(options: Mapping[str, Any]) -> None:
    """Raise what `fit` raises of such options, whatever the table is.

    options: epochs, batch_size, schedule, clip, patience, engine.
    """
    _counts(options["epochs"], options["batch_size"], 1)
    _schedule(_chosen_schedule(options["schedule"], ours=True), 1)
    _clip(options["clip"])
    _patience(options["patience"])
    _check_engine(options["engine"])


def _clip(given: float | None) -> float | None:
    return None if given is None else above_zero(given, "clip")


def _patience(given: int | None) -> int | None:
    return None if given is None else _whole(given, "patience", 1)


def _chosen_schedule(choice: str | Schedule | None, ours: bool) -> Any:
    """What "auto" stands for; ours: whether the optimizer is left to us, too."""
    usual_one = SCHEDULE if ours else None
    return usual_one if choice == "auto" else choice


def _counts(
    epochs: int | None, batch_size: int | str | None, rows: int
) -> tuple[int, int]:
    """How often all rows are seen, and how many there are for each step."""
    epochs = epochs_for(rows) if epochs is None else _whole(epochs, "epochs", 0)
    if batch_size is None:
        return epochs, rows
    if batch_size == "auto":
        return epochs, batch_for(rows)
    return epochs, _whole(batch_size, "batch_size", 1)


def _chosen(optimizer: Optimizer, model: Module) -> list[Value]:
    """What an optimizer was given, without what is frozen."""
    ours = {value for entry in model.entries() for value in entry.values}
    for value in optimizer.parameters:
        if value not in ours:
            raise ValueError(
                f"the optimizer was given {describe(value)}, which is no parameter of "
                "the model that is trained; give it some of model.parameters(), or "
                "none, and it moves them all"
            )
    trained = set(model.parameters())
    return [value for value in optimizer.parameters if value in trained]


def _engine(choice: str | Callable[[Task], Engine], task: Task) -> Engine:
    _check_engine(choice)
    if choice == "eager":
        return Eager(task)
    if callable(choice):
        return choice(task)
    from nn.compiled import Compiled, fastest

    return fastest(task) if choice == "auto" else Compiled(task)


def _check_engine(choice: str | Callable[[Task], Engine]) -> None:
    if not callable(choice) and choice not in ENGINES:
        raise ValueError(f"unknown engine {choice!r}; choose auto, compiled or eager")


def _new_history(
    seed: int,
    labels: Labels | None,
    task: Task,
    weights: dict[Label, float] | None,
) -> History:
    name = str(getattr(task.loss, "__name__", "loss"))
    moved = len(task.parameters)
    alone = guessing(name, task.targets, labels, task.weights)
    return History(
        seed=seed,
        labels=labels,
        loss_name=name,
        moved=moved,
        guess=alone if math.isfinite(alone) else None,
        class_weights=weights,
    )


def _numbers_of(task: Task) -> Array:
    import numpy as np

    return np.array([parameter.data for parameter in task.parameters])


def _whole(count: object, name: str, least: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < least:
        raise ValueError(f"{name} is a whole number from {least}; got {count!r}")
    return count


def _read(path: Path | None, model: Module) -> TrainingState | None:
    """The training state in a checkpoint, its weights loaded into the model."""
    if path is None:
        return None
    checkpoint = load_checkpoint(path, into=model)
    if checkpoint.training is None:
        raise ValueError(f"{path} holds a model alone, no training to go on with")
    return checkpoint.training
