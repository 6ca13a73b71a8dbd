"""What training looked like, epoch by epoch, and the progress bar that shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape

from autograd.wording import cut, printable, width
from nn.display import bar_in_notebook, curves, in_notebook
from nn.hints import Label
from nn.targets import Labels

FEW = 5  # epochs that say nothing of a trend

Show = Callable[[int, Mapping[str, float], str], None]
"""Takes how many epochs are done, what was measured, and what a callback told."""


@dataclass
class History:
    """The measurements of a training, one number per epoch and column.

    columns: `loss` always; `accuracy` for classes or `error` (the mean distance) for
        numbers; the same with `validation_` before the name where there is validation;
        `gradient_norm` and `lr`. The training columns are of the epoch's outputs, each
        computed before its batch's step; loss and norm are means over its rows.
    seed: what shuffled the rows and chose the validation.
    stopped: why it ended: "finished", "early" or "interrupted".
    best_epoch: with early stopping, the epoch (from 1) whose weights were restored.
    seconds: how long the epochs of this call took.
    engine, loss_name: what computed, and what was minimized.
    labels: how outputs become classes; None for numbers.
    told: the texts that callbacks returned in this call, such as what a language model
        writes after each epoch; the checkpoint does not keep them.
    moved: how many parameters were trained.
    guess: the loss of the best answer that is the same for every row, where known.
    class_weights: how much a row of each class counted; None where all count alike.

    Each column is an attribute as well.

    >>> history = History(columns={"loss": [0.5, 0.25]})
    >>> history["loss"][-1], history.loss, len(history)
    (0.25, [0.5, 0.25], 2)
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    seed: int = 0
    stopped: str = ""
    best_epoch: int | None = None
    seconds: float = 0.0
    engine: str = ""
    loss_name: str = ""
    labels: Labels | None = None
    told: list[str] = field(default_factory=list)
    moved: int = 0
    guess: float | None = None
    class_weights: dict[Label, float] | None = None

    def __getitem__(self, name: str) -> list[float]:
        """One column. Raises KeyError that lists those there are."""
        if name not in self.columns:
            known = ", ".join(self.columns) or "none yet"
            raise KeyError(f"no column {name!r} in this history; there are: {known}")
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns.get("loss", []))

    def __getattr__(self, name: str) -> list[float]:
        columns: dict[str, list[float]] = vars(self).get("columns", {})
        if name in columns:
            return columns[name]
        known = f"; its columns are: {', '.join(columns)}" if columns else ""
        raise AttributeError(
            f"History has no attribute {name!r}{known}", name=name, obj=self
        )

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.columns})

    @property
    def loss(self) -> list[float]:
        """The training loss, epoch by epoch."""
        return self["loss"]

    def extend(self, columns: Mapping[str, list[float]]) -> None:
        """Append the numbers of one or more epochs."""
        for name, numbers in columns.items():
            self.columns.setdefault(name, []).extend(numbers)

    def cut(self, epochs: int) -> None:
        """Leave out what was measured after so many epochs."""
        self.columns = {k: column[:epochs] for k, column in self.columns.items()}

    def last(self) -> dict[str, float]:
        """The latest epoch's numbers; of the best epoch where that was restored."""
        index = (self.best_epoch or len(self)) - 1
        return {name: column[index] for name, column in self.columns.items() if column}

    @property
    def remarks(self) -> list[str]:
        """What the loss says: that it grew, was still falling, or is a guess's.

        >>> History({"loss": [4.0, 3.0, 2.5, 2.0, 1.5]}).remarks
        ['the loss was still falling, from 2 to 1.5: more epochs, or a larger lr']
        >>> History({"loss": [0.7] * 5}, guess=0.69).remarks
        ['no better than guessing, whose loss is 0.69: see nn.diagnose']
        """
        losses = self.columns.get("loss", [])
        if len(losses) < FEW:
            return []
        first, late, last = losses[0], losses[-1 - len(losses) // 5], losses[-1]
        found = []
        if last > 1.1 * first:
            found.append(f"the loss grew, from {first:.3g} to {last:.3g}: a smaller lr")
        elif late - last > 0.05 * late and last > 0.1 * (self.guess or 0.0):
            found.append(
                f"the loss was still falling, from {late:.3g} to {last:.3g}: more "
                "epochs, or a larger lr"
            )
        if self.guess is not None and last > 0.98 * self.guess:
            found.append(
                f"no better than guessing, whose loss is {self.guess:.3g}: see "
                "nn.diagnose"
            )
        return found

    def __repr__(self) -> str:
        remarks = "".join(f"\n{remark}" for remark in self.remarks)
        return self._in_a_line() + remarks

    def _in_a_line(self) -> str:
        epochs = f"History of {len(self)} epoch{'' if len(self) == 1 else 's'}"
        shown = ", ".join(f"{k} {v:.4g}" for k, v in self.last().items() if k != "lr")
        state = self.stopped or ("running" if shown else "")
        epochs += f" ({state})" if state else ""
        return f"{epochs}: {shown}" if shown else epochs

    def _repr_html_(self) -> str:
        return f"{escape(repr(self))}<br>{curves(self.columns)}"


# ---- the progress bar ----------------------------------------------------------------


@contextmanager
def progress_bar(epochs: int, done: int, wanted: bool) -> Iterator[Show]:
    """A function that shows an epoch, on a terminal or in a notebook, else nowhere."""
    if wanted and in_notebook():
        with bar_in_notebook(epochs, done) as move:
            yield lambda epoch, row, told: move(epoch, _described(row, told))
        return
    if not (wanted and sys.stdout.isatty()):
        yield lambda epoch, row, told: None
        return
    from rich import get_console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    wide = get_console().width
    narrow = wide < NARROW
    counted = TextColumn("epoch {task.completed:.0f}/{task.total:.0f}")
    shown = TextColumn("{task.description}", markup=False)
    left = TimeRemainingColumn(), TextColumn("left")
    columns = (counted, shown) if narrow else (counted, BarColumn(), shown, *left)
    room = wide - len(f"epoch {epochs}/{epochs} ") - (0 if narrow else BESIDE)
    with Progress(*columns) as bar:
        task = bar.add_task("", total=epochs, completed=done)
        yield lambda epoch, row, told: bar.update(
            task, completed=epoch, description=_described(row, told, room)
        )


BESIDE = 27  # columns that a short bar and the time left take
TOLD = 24  # characters
NARROW = 72  # columns of a terminal: where the bar and the time left have no room


def _described(row: Mapping[str, float], told: str, room: int = 0) -> str:
    """The measurements and, on the same line, the beginning of what was told.

    room: the columns that there are; what has none is left out, whole. 0 for any.
    """
    parts = [*_measured(row), cut(printable(told), TOLD)]
    while room and len(parts) > 1 and width("  ".join(parts).rstrip()) > room:
        parts.pop()
    return "  ".join(parts).rstrip()


def summary(row: Mapping[str, float]) -> str:
    """`loss 0.0123  accuracy 0.990`, with validation where there is some."""
    return "  ".join(_measured(row))


def _measured(row: Mapping[str, float]) -> list[str]:
    parts = []
    for name in ("loss", "accuracy", "error", "perplexity"):
        for key in (name, f"validation_{name}"):
            if key in row:
                digits = ".3f" if name == "accuracy" else ".4g"
                parts.append(f"{key.replace('_', ' ')} {row[key]:{digits}}")
    return parts
