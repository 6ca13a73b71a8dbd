"""From a model and a table to what is to be trained: the rows, the loss, the targets.

>>> from nn.module import MLP
>>> task, labels = task_for(MLP(2, [1], seed=0), [[0, 0], [1, 1]], ["no", "yes"])
>>> task.loss.__name__, task.targets.tolist(), labels.classes
('binary_cross_entropy_with_logits', [0.0, 1.0], ('no', 'yes'))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from autograd.numeric import is_number
from autograd.value import Value
from autograd.wording import cut
from nn.data import Dataset, split_rows, table, targets_of
from nn.engine import Task, answers, as_list
from nn.hints import Array, Label, Rows, Target, Targets
from nn.losses import Loss
from nn.module import Module
from nn.optim import Optimizer
from nn.sequences import sequences_of, token_tasks
from nn.targets import (
    Labels,
    are_floats,
    choose_loss,
    class_numbers,
    encode,
    find_labels,
    threshold_of,
    unmasked,
)

Part: TypeAlias = tuple[Array, Targets]


def tasks_of(
    model: Module,
    X: Any,
    y: Any,
    loss: str | Loss,
    optimizer: Optimizer,
    validation: Any,
    seed: int,
) -> tuple[Task, Labels | None, Task | None]:
    """The task, how its outputs are read, and the task of the validation.

    optimizer: moves the parameters that are trained. The others: see `nn.fit`.
    """
    sequences, moved = sequences_of(model.eval(), X, y), optimizer.parameters
    if sequences is not None:
        inside, outside = token_tasks(model, loss, moved, sequences, validation, seed)
        return inside, None, outside
    return _task(model, loss, moved, *_divide(*_rows_of(X, y), validation, seed))


def task_for(
    model: Module,
    X: Rows | Dataset,
    y: Targets | None = None,
    loss: str | Loss = "auto",
) -> tuple[Task, Labels | None]:
    """What `fit` makes of a model and a table: the task, and how outputs are read."""
    inside, _ = _divide(*_rows_of(X, y), None, 0)
    task, labels, _ = _task(model, loss, model.parameters(), inside, None)
    return task, labels


def weighed(
    task: Task, labels: Labels | None, weights: Mapping[Label, float] | None
) -> Task:
    """The task with the weight of each row's class, if there are any."""
    if labels is None or not weights:
        return task
    import numpy as np

    by_class = np.array([weights[label] for label in labels.classes])
    return replace(task, weights=by_class[class_numbers(task.targets)])


def _rows_of(X: Rows | Dataset, y: Targets | None) -> Part:
    """The table and its targets, which a `Dataset` has in one."""
    if isinstance(X, Dataset):
        if isinstance(y, Dataset):
            raise TypeError("another Dataset is to measure on: validation=dataset")
        if y is not None:
            raise TypeError("a Dataset has its own targets: fit(model, dataset)")
        return table(X.X), X.y
    if y is None and isinstance(X, tuple) and {*map(type, X)} == {Dataset}:
        raise TypeError("that is two sets: train, test = data.split(), and then one")
    if y is None:
        raise TypeError("y is missing: fit(model, X, y), or fit(model, dataset)")
    return table(X), unmasked(y)


def _divide(
    X: Array,
    y: Targets,
    validation: float | Dataset | tuple[Rows, Targets] | None,
    seed: int,
) -> tuple[Part, Part | None]:
    """The rows to train on, and those to measure on."""
    labels: Any = y
    if not are_floats(y):
        labels = y.tolist() if hasattr(y, "tolist") else list(y)
    if len(labels) != len(X):
        raise ValueError(f"X has {len(X)} rows, but y has {len(labels)}")
    if validation is None:
        return (X, labels), None
    if isinstance(validation, (float, int)):
        inside, outside = split_rows(labels, float(validation), seed, "validation")
        return _rows(X, labels, inside), _rows(X, labels, outside)
    pair = isinstance(validation, Sequence) and len(validation) == 2
    if not (pair or isinstance(validation, Dataset)):
        raise TypeError(
            "validation is a part such as 0.2, or rows and their targets, (X, y); "
            f"got {cut(repr(validation))}"
        )
    inputs, others = validation
    return (X, labels), (table(inputs), others)


def _rows(X: Array, labels: Sequence[Target], rows: list[int]) -> Part:
    return X[rows], targets_of(labels, rows)


def _check_outputs(model: Module, first: Sequence[object]) -> None:
    """TypeError unless a model gave numbers for a row, as Values mostly."""
    for output in first:
        if isinstance(output, (list, tuple)):
            raise TypeError(
                "a model that returns a row for each place learns from sequences, "
                "lists of whole numbers, and for each as many to tell: X and y are "
                "[[0, 2, 1], [0, 3]] and [[2, 1, 0], [3, 0]], say"
            )
        if not isinstance(output, Value) and not is_number(output):
            raise TypeError(
                f"a call of {type(model).__name__} returns a Value for a row, or a "
                f"list of them; got {cut(repr(output))} of type "
                f"{type(output).__name__}"
            )


def _task(
    model: Module,
    loss: str | Loss,
    parameters: list[Value],
    inside: Part,
    outside: Part | None,
) -> tuple[Task, Labels | None, Task | None]:
    """The task, how its outputs are read, and the same for the validation."""
    X, y = inside
    first = as_list(answers(model, [X[0].tolist()])[0])
    _check_outputs(model, first)
    outputs, threshold = len(first), threshold_of(first)
    chosen = choose_loss(loss, y, outputs, threshold)
    labels = find_labels(chosen, y, outputs, threshold)
    targets = encode(y, labels, chosen, outputs)
    task = Task(model, chosen, parameters, X, targets, outputs)
    if outside is None:
        return task, labels, None
    others = encode(outside[1], labels, chosen, outputs)
    return task, labels, replace(task, X=outside[0], targets=others)
