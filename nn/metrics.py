"""How good a network is, beside its accuracy or its error: what to compare these with.

>>> found = classes(["cat", "cat", "dog", "cat"], ["cat", "dog", "dog", "cat"], "cat")
>>> found.accuracy, found.baseline
(0.75, 0.75)
>>> found.classes[1]
ClassScore(label='dog', rows=1, precision=0.5, recall=1.0)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from nn.engine import as_list, predict, recorded
from nn.extras import require
from nn.hints import Array, Rows, Target, Targets
from nn.module import Module
from nn.targets import Labels, class_numbers

BINS = 10
SHUFFLES = 3


@dataclass(frozen=True)
class ClassScore:
    """One class.

    rows: how many there are. precision: of those told to be it, the share that is.
    recall: of those that are, the share that was told. nan where there are none.
    """

    label: Target
    rows: int
    precision: float
    recall: float


@dataclass(frozen=True)
class Bin:
    """Rows that are told with a like probability.

    rows: how many. told: their mean probability. right: the share that was right.
    """

    rows: int
    told: float
    right: float


@dataclass(frozen=True)
class ClassReport:
    """How well classes are told.

    accuracy: the share of rows that is right. baseline: that of always telling the
    class that is most frequent in the training. classes: each by itself. confusion: how
    many rows of each class (down) were told as each (across).
    """

    accuracy: float
    baseline: float
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class NumberReport:
    """How well numbers are told.

    error: the mean distance. baseline: that of always telling the training's mean.
    r2: the share of the variance that is explained; 1 at best, 0 for always the mean.
    bias, spread: mean and deviation of what was told less what is true.
    """

    error: float
    baseline: float
    r2: float
    bias: float
    spread: float


def classes(
    truth: Sequence[Target], found: Sequence[Target], usual: Target
) -> ClassReport:
    """Measure what was told of classes; usual: the training's most frequent one."""
    require("sklearn")
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    every = sorted({*truth, *found}, key=lambda label: (str(type(label)), label))
    places = {label: place for place, label in enumerate(every)}
    told = [[places[label] for label in labels] for labels in (truth, found)]
    order = range(len(every))
    precision, recall, _, rows = precision_recall_fscore_support(
        *told, labels=order, zero_division=float("nan")
    )
    numbers = zip(rows.tolist(), precision.tolist(), recall.tolist(), strict=True)
    counts = confusion_matrix(*told, labels=order).tolist()
    return ClassReport(
        accuracy=fmean(a == b for a, b in zip(truth, found, strict=True)),
        baseline=fmean(label == usual for label in truth),
        classes=tuple(map(ClassScore, every, *zip(*numbers, strict=True))),
        confusion=tuple(map(tuple, counts)),
    )


def numbers(
    truth: Sequence[float], found: Sequence[float], mean: float
) -> NumberReport:
    """Measure what was told of numbers; mean: that of the training's.

    >>> numbers([1.0, 2.0, 3.0], [1.0, 2.5, 2.5], mean=2.0).r2
    0.75
    """
    require("sklearn")
    import numpy as np
    from sklearn.metrics import mean_absolute_error, r2_score

    # Divided by a power of 2, so that no square overflows or becomes 0.
    power = int(np.frexp(max(map(abs, (*truth, *found, mean))))[1])
    true, told, guess = (np.ldexp(x, -power) for x in (truth, found, [mean]))
    off = told - true

    def whole(part: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.ldexp(part, power))

    return NumberReport(
        error=whole(mean_absolute_error(true, told)),
        baseline=whole(mean_absolute_error(true, guess.repeat(len(true)))),
        r2=float(r2_score(true, told)) if len(true) > 1 else float("nan"),
        bias=whole(off.mean()),
        spread=whole(off.std()),
    )


def most_frequent(labels: Sequence[Target]) -> Target:
    """The class with the most rows; of several the first in the table."""
    return Counter(labels).most_common(1)[0][0]


def calibration(
    probabilities: Array, labels: Sequence[Target], truth: Sequence[Target]
) -> tuple[Bin, ...]:
    """Whether what is told with 80 % is right in 80 of 100 cases, in bins of a tenth.

    probabilities: of shape (N, classes). labels: the classes. Of each row it is the
    class that is told, and its probability. Bins without rows are left out.
    """
    import numpy as np

    sure = probabilities.max(axis=1)
    found = [labels[place] for place in probabilities.argmax(axis=1).tolist()]
    right = np.array([a == b for a, b in zip(found, truth, strict=True)])
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(int(own.sum()), float(sure[own].mean()), float(right[own].mean()))
        for own in (bins == number for number in range(BINS))
        if own.any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance of what is told from what is right, over all rows."""
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.told - each.right) for each in bins) / rows


# ---- which inputs matter -------------------------------------------------------------


@dataclass(frozen=True)
class Importance:
    """How much a column matters to a network.

    slope: mean |d output / d input| times the column's deviation: how far the outputs
        move as it does, all else being equal. The network's own view.
    shuffled: by how much the loss grows where the column's numbers are shuffled among
        the rows. The data's view; about 0 for what does not help.
    """

    column: str
    slope: float
    shuffled: float


Measure = Callable[[Array], float]
"""The loss of a table of inputs, of which all but one column is as it was."""


def importance(
    model: Module,
    X: Rows,
    loss: Measure,
    columns: Sequence[tuple[str, Sequence[int]]] | None = None,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """How much each column matters, the one that does most first.

    X: rows as the model takes them. loss: of the model's outputs for rows like these.
    columns: the names of columns, with the places of the inputs that they became; one
    input each where they are left out. Both measures are in the docstring of
    `Importance`.

    >>> class Sum(Module):
    ...     def __call__(self, x): return 3.0 * x[0] + 0.0 * x[1]
    >>> X = [[0.0, 1.0], [2.0, 5.0], [1.0, 3.0]]
    >>> measure = lambda outputs: float(((outputs - [0.0, 6.0, 3.0]) ** 2).mean())
    >>> [(each.column, round(each.slope, 3)) for each in importance(Sum(), X, measure)]
    [('x1', 2.449), ('x2', 0.0)]
    """
    import numpy as np

    rows = np.array(X, dtype=np.float64)
    names = columns or [(f"x{i}", [i - 1]) for i in range(1, rows.shape[1] + 1)]
    slopes = mean_slopes(model, rows) * rows.std(axis=0)
    tell = teller(model, rows)
    before, rng = loss(tell(rows)), np.random.default_rng(seed)
    found = []
    for name, places in names:
        after = []
        for _ in range(SHUFFLES):
            other, moved = rows.copy(), rng.permutation(len(rows))
            for place in places:
                other[:, place] = rows[moved, place]
            after.append(loss(tell(other)))
        slope = float(np.linalg.norm(slopes[list(places)]))
        found.append(Importance(name, slope, fmean(after) - before))
    return tuple(sorted(found, key=lambda each: -each.shuffled))


def teller(model: Module, rows: Array) -> Callable[[Array], Array]:
    """What gives a model's outputs for rows: compiled once, where that can be."""
    program = _compiled(model, rows.shape[1], choosing=False)
    if program is None:
        return lambda X: predict(model, X)

    def tell(X: Array) -> Array:
        found: Array = program(X)
        return found[:, 0] if found.shape[1:] == (1,) else found

    return tell


def mean_slopes(model: Module, rows: Array) -> Array:
    """Mean |d output / d input| over rows and outputs, for each input."""
    import numpy as np

    outputs = len(as_list(model(rows[0].tolist())))
    program = _compiled(model, rows.shape[1], choosing=True)
    if program is None:
        return _slopes_of_graphs(model, rows[:200])
    total = np.zeros(rows.shape[1])
    for place in range(outputs):
        chosen = np.tile(np.eye(outputs)[place], (len(rows), 1))
        _, slopes = program.input_grad(np.hstack([rows, chosen]))
        total += np.abs(slopes[:, : rows.shape[1]]).mean(axis=0)
    return total / outputs


def _slopes_of_graphs(model: Module, rows: Array) -> Array:
    import numpy as np

    from autograd import Value, gradients

    total = np.zeros(rows.shape[1])
    for row in rows.tolist():
        x = [Value(number) for number in row]
        outputs = as_list(model(x))
        for output in outputs:
            total += np.abs(gradients(output, x)) / len(outputs)
    return total / len(rows)


def _compiled(model: Module, columns: int, *, choosing: bool) -> Any:
    """The outputs as a program; choosing: their sum, each times a further input."""
    from autograd.compiler import CompileError
    from autograd.reductions import dot

    outputs = len(as_list(model([0.0] * columns))) if choosing else 0

    def function(*row: Any) -> Any:
        found = as_list(model(list(row[:columns])))
        return [dot(found, list(row[columns:]))] if choosing else found

    try:
        return recorded(function, columns + outputs, model.parameters())
    except CompileError:
        return None


# ---- while it trains -----------------------------------------------------------------


def accuracy(labels: Labels) -> Callable[[Targets, Targets], float]:
    """The fraction of rows whose class was found."""

    def measure(outputs: Targets, targets: Targets) -> float:
        right = hits(labels, outputs, targets)
        return int(right.sum()) / len(right)

    return measure


def hits(labels: Labels, outputs: Targets, targets: Targets) -> Array:
    """For each row, whether its class was found."""
    import numpy as np

    found = labels.decide(np.asarray(outputs))
    right: Array = found == class_numbers(targets)
    return right


def mean_error(outputs: Targets, targets: Targets) -> float:
    """The mean distance of outputs from targets."""
    import numpy as np

    return float(np.abs(np.asarray(outputs) - np.asarray(targets)).mean())
