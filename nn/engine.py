"""What computes for `fit`: losses, gradients, the model's outputs, and the steps.

`fit` itself chooses the rows and keeps the history; it never looks inside a model. All
the work on numbers goes through an `Engine`, an epoch at a time, so that another way of
computing the same thing changes nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from autograd.collector import collector_paused
from autograd.graph import topological_order
from autograd.modes import ieee
from autograd.reductions import mean
from autograd.value import Value, constant, describe, names_among, number_of
from autograd.wording import expect
from nn.data import Dataset, rows_of
from nn.dropout import in_use
from nn.hints import Array, Indices, Integers, Output, Rows
from nn.losses import LOSSES, Loss, cross_entropy
from nn.module import Module
from nn.targets import as_predictions, squeezed

if TYPE_CHECKING:
    from autograd.compiler import Program
    from nn.optim import Optimizer

Table = TypeVar("Table", "Array", "Integers", "Array | Integers")


@dataclass(frozen=True)
class Task:
    """What is to be trained: all that an engine needs to know.

    model: any Module; a call takes one row, a list of floats, and returns a Value or
        a list of them.
    loss: a function (predictions, targets) -> Value, the mean over the samples.
    parameters: the Values that training moves, in the order of every array of
        numbers and of gradients. Other parameters of the model are frozen.
    X: the table of inputs, float64 of shape (N, I), all finite.
    targets: one per row, as the loss wants them: floats of shape (N,) or (N, K), or
        whole numbers (N,) for `cross_entropy`.
    outputs: how many Values the model returns for a row.
    weights: how much each row counts, (N,), their mean about 1; None for all alike.
    size: how many rows a batch has, where that is known.
    """

    model: Module
    loss: Loss
    parameters: list[Value]
    X: Array
    targets: Array | Integers
    outputs: int
    weights: Array | None = None
    size: int | None = None

    def first(self, count: int) -> Task:
        """The task of the first rows alone."""
        weights = None if self.weights is None else self.weights[:count]
        return replace(
            self, X=self.X[:count], targets=self.targets[:count], weights=weights
        )


class Step(NamedTuple):
    """What one batch gave.

    loss: the loss over the batch's rows.
    gradient: its derivative by each parameter, float64 of shape (P,).
    outputs: the model's outputs for the rows, float64 of shape (rows, outputs).
    """

    loss: float
    gradient: Array
    outputs: Array


class Pace(NamedTuple):
    """How the steps of an epoch are made.

    size: rows for each step. optimizer: moves the numbers, and remembers.
    factor: of its learning rate. clip: the longest gradient; a longer one is shortened
    to it.
    """

    size: int
    optimizer: Optimizer
    factor: float = 1.0
    clip: float = math.inf


class Epoch(NamedTuple):
    """What one pass over the rows gave.

    numbers: the parameters' numbers after the last step, float64 of shape (P,).
    losses, norms: of each batch the loss and the length of the gradient, (B,).
    outputs: the model's outputs for the rows in the order in which they were taken,
        float64 of shape (rows, outputs), each computed before its batch's step.

    Where a loss or a gradient is inf or nan, the pass ends: that batch is the last one
    in `losses`, and `numbers` are those that it was computed with.
    """

    numbers: Array
    losses: Array
    norms: Array
    outputs: Array


class Engine:
    """The work on numbers; made from a `Task`. One of your own needs `step`.

    numbers: the parameters' numbers, float64 of shape (P,), in the order of
        `task.parameters`. An engine computes with these, whatever the Values hold,
        and must not change the array. What it leaves in the Values is of no
        concern: `fit` writes them after each epoch and at the end.

    Outside an operation's domain the answer is inf or nan, as in IEEE 754, never an
    error: `fit` looks at what comes back, and explains.
    """

    name = "engine"

    def __init__(self, task: Task) -> None:
        self.task = task

    def step(self, numbers: Array, rows: Indices) -> Step:
        """Loss, gradient and outputs for these rows of the task's table."""
        raise NotImplementedError

    def renew(self, X: Array) -> None:
        """Go on with other numbers in the table of inputs, of the same shape."""
        self.task = replace(self.task, X=X)

    def epoch(self, numbers: Array, rows: Indices, pace: Pace) -> Epoch:
        """One step for every `pace.size` of the rows, in their order."""
        import numpy as np

        losses, norms, outputs = [], [], []
        for start in range(0, len(rows), pace.size):
            step = self.step(numbers, rows[start : start + pace.size])
            norm = math.hypot(*step.gradient.tolist())
            losses.append(step.loss)
            norms.append(norm)
            outputs.append(step.outputs)
            if not (math.isfinite(step.loss) and math.isfinite(norm)):
                break
            # As torch's clip_grad_norm_ computes it.
            gradient = step.gradient * min(1.0, pace.clip / (norm + 1e-6))
            numbers = pace.optimizer.update(numbers, gradient, pace.factor)
        return Epoch(
            numbers, np.array(losses), np.array(norms), np.concatenate(outputs)
        )

    def at_once(self, pace: Pace, numbers: Array) -> int:
        """How many epochs of one step over all rows `epochs` can run; 0 for none."""
        return 0

    def epochs(self, numbers: Array, pace: Pace, factors: list[float]) -> Epoch:
        """Epochs of one step over all rows, with these factors: an entry for each.

        Its outputs are those of all rows, epoch after epoch. It ends before the first
        epoch in which something is inf or nan.
        """
        raise NotImplementedError

    def measure(self, numbers: Array, task: Task) -> tuple[float, Array]:
        """The loss over another table, and the model's outputs for its rows.

        task: the engine's own but for X and targets.
        """
        write(numbers, task.parameters)
        outputs = _outputs(task.model, task.X)
        return loss_of(task.loss, outputs, task.targets, task.weights), outputs


class Eager(Engine):
    """The engine that records each batch as one graph and calls `backward()`."""

    name = "eager"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.table = task.X.tolist()
        self.targets = task.targets.tolist()

    def renew(self, X: Array) -> None:
        """Go on with other numbers in the table of inputs, of the same shape."""
        super().renew(X)
        self.table = X.tolist()

    def step(self, numbers: Array, rows: Indices) -> Step:
        """Loss, gradient and outputs for these rows of the task's table."""
        import numpy as np

        parameters = self.task.parameters
        write(numbers, parameters)
        for parameter in parameters:
            parameter.grad = 0.0
        with collector_paused(), ieee():
            predictions, loss = self.record(rows)
            loss.backward()
        gradient = np.array([parameter.grad for parameter in parameters])
        return Step(loss.data, gradient, _numbers(predictions))

    def record(self, rows: Indices) -> tuple[list[list[Value]], Value]:
        """The graph of a batch: its predictions and its loss."""
        outputs = answers(self.task.model, [self.table[row] for row in rows])
        weights = None if self.task.weights is None else self.task.weights[rows]
        loss = _mean_loss(
            self.task.loss, outputs, [self.targets[row] for row in rows], weights
        )
        if not isinstance(loss, Value):
            raise TypeError(
                f"the loss has to be a Value made from the predictions, got {loss!r}"
            )
        return [as_list(output) for output in outputs], loss


def _mean_loss(
    loss: Loss, outputs: list[Any], targets: list[Any], weights: Array | None
) -> Any:
    """The loss of a batch: the mean of the rows', each times its weight, if any."""
    if weights is None:
        return loss(outputs, targets)
    rows = zip(outputs, targets, weights.tolist(), strict=True)
    return mean([weight * loss([out], [target]) for out, target, weight in rows])


def taken(table: Table, rows: Indices) -> Table:
    """These rows of an array; without a copy where they are all, in their order."""
    return table if isinstance(rows, range) and len(rows) == len(table) else table[rows]


def answers(model: Module, rows: list[list[float]]) -> list[Output]:
    """What a model returns for each row.

    It gets plain numbers. One that can't do with those, because it asks for derivatives
    by its inputs, as in `gradients(y, x, create_graph=True)`, gets constants.
    """
    try:
        return [model(row) for row in rows]
    except (TypeError, AttributeError):
        return [model([constant(x) for x in row]) for row in rows]


def as_list(output: Output) -> list[Value]:
    """A model's outputs for one row as a list, also where it is a bare Value."""
    several = isinstance(output, (list, tuple)) or getattr(output, "ndim", 0)
    return [*output] if several else [output]


def loss_of(
    loss: Loss,
    outputs: Array,
    targets: Array | Integers,
    weights: Array | None = None,
) -> float:
    """The loss of outputs that are already known, of shape (N, K).

    targets, weights: as in `Task`. Of many rows a loss of `nn.losses` is a program.
    """
    if len(outputs) > MANY_LOSSES and loss in LOSSES.values():
        return _loss_of_many(loss, outputs, targets, weights)
    told = as_predictions(outputs)
    with ieee():
        return float(number_of(_mean_loss(loss, told, targets.tolist(), weights)))


MANY_LOSSES = 5_000  # rows whose losses take longer one by one than as a program
PORTION = 2**15
"""Rows whose losses are computed in one go."""


def _loss_of_many(
    loss: Loss, outputs: Array, targets: Array | Integers, weights: Array | None
) -> float:
    """The mean of the losses of the rows, by a program that NumPy runs."""
    import numpy as np

    count = outputs.shape[1]

    def of_row(*row: Value) -> list[Value]:
        told, meant = list(row[:count]), list(row[count:])
        return [loss(told, meant) if count == 1 else loss([told], [meant])]

    wanted = target_columns(loss, targets[:1], count).shape[1]
    program = recorded(of_row, count + wanted, [], "numpy")
    sums = []
    for start in range(0, len(outputs), PORTION):
        part = slice(start, start + PORTION)
        columns = target_columns(loss, targets[part], count)
        losses = program(np.hstack([outputs[part], columns]))[:, 0]
        sums.append(
            float((losses if weights is None else losses * weights[part]).sum())
        )
    return math.fsum(sums) / len(outputs)


def target_columns(loss: Loss, targets: Array | Integers, outputs: int) -> Array:
    """Targets as columns of numbers; a class becomes a 1 among zeros."""
    import numpy as np

    if loss is cross_entropy and targets.ndim == 1:
        columns: Array = np.eye(outputs)[targets]
        return columns
    found = np.asarray(targets, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found


def predict(model: Module, X: Rows | Dataset) -> Array:
    """A model's outputs for a table: shape (N,) for one output, otherwise (N, K).

    X: N rows of as many numbers as the model takes, or a `Dataset` of them.

    >>> from nn.module import MLP
    >>> predict(MLP(2, [3, 1], seed=0), [[0.0, 0.0], [0.5, 1.0]]).shape
    (2,)
    """
    expect(model, Module, "predict(model, X)")
    return squeezed(outputs_of(model, rows_of(X), MANY))


def answering(model: Module) -> Callable[[Array], Array]:
    """`predict` for several tables, for which the model is compiled once at most."""
    once = cache(partial(_program, model))
    return lambda X: squeezed(outputs_of(model, X, MANY, once))


def predict_parts(model: Module, parts: Iterable[Array]) -> Array:
    """`predict` for a table that comes some rows at a time, and is never whole."""
    import numpy as np

    return np.concatenate([*map(answering(model), parts)])


def outputs_of(
    model: Module,
    X: Array,
    many: int,
    program: Callable[[int], Program | None] | None = None,
) -> Array:
    """The outputs, (N, K), in use; by a compiled program from so many rows on.

    program: what makes it for so many inputs, or has it already.
    """
    with in_use():
        if len(X) > many:
            made = program(X.shape[1]) if program else _program(model, X.shape[1])
            found = None if made is None else _outputs_by(made, model, X)
            if found is not None:
                return found
        return _outputs(model, X)


def _outputs(model: Module, X: Array) -> Array:
    """The model's outputs, row by row."""
    with collector_paused(), ieee():
        return _numbers([as_list(answer) for answer in answers(model, X.tolist())])


MANY = 500  # rows from which on compiling the model takes less time than it saves


def _program(model: Module, inputs: int) -> Program | None:
    """The model compiled; None where it can't be."""
    from autograd.compiler import CompileError

    def outputs(*row: Value) -> list[Value]:
        return as_list(model(list(row)))

    try:
        return recorded(outputs, inputs, model.parameters())
    except CompileError:
        return None


def _outputs_by(program: Program, model: Module, X: Array) -> Array | None:
    """The outputs by a program; None where it is not faithful."""
    import numpy as np

    found: Array = program(X)
    tried = predict(model, X[:5])
    same = np.allclose(found[:5].ravel(), tried.ravel(), 1e-9, 1e-9, equal_nan=True)
    return found.reshape(len(X), -1) if same else None


def recorded(
    function: Callable[..., list[Value]],
    inputs: int,
    parameters: list[Value],
    backend: str = "auto",
) -> Program:
    """`compile(function, ...)`; what the function itself raises is a CompileError.

    That is what `fit` and `predict` go on without; a backend that is broken is told.
    """
    from autograd.compiler import CompileError, compile

    raised: list[Exception] = []

    def watched(*row: Value) -> list[Value]:
        try:
            return function(*row)
        except Exception as error:
            raised.append(error)
            raise

    try:
        return compile(watched, inputs, parameters, backend=backend)
    except Exception as error:
        if not raised or isinstance(error, CompileError):
            raise
        raise CompileError(str(error) or type(error).__name__) from error


def write(numbers: Array, parameters: list[Value]) -> None:
    """Give every parameter its number."""
    for parameter, number in zip(parameters, numbers.tolist(), strict=True):
        parameter.data = number


def _numbers(predictions: list[list[Value]]) -> Array:
    import numpy as np

    if predictions and isinstance(predictions[0][0], list):
        raise TypeError(
            "a model that returns a row for each place is no model of a table; call "
            "it, a sequence at a time: [model(tokens) for tokens in X]"
        )

    return np.array([[value.data for value in row] for row in predictions])


# ---- where it went wrong -------------------------------------------------------------


def first_bad_node(task: Task, numbers: Array, rows: Indices) -> str:
    """The first node of the batch's graph that is inf or nan, or has such a slope."""
    write(numbers, task.parameters)
    with ieee():
        _, loss = Eager(task).record(rows)
    order, names = topological_order(loss), names_among(loss.parents)
    for node in order:
        if not math.isfinite(node.data):
            return _sentence(node, names)
    for node in order:
        if not all(math.isfinite(partial) for partial in node.partials):
            slope = next(p for p in node.partials if not math.isfinite(p))
            return f"{_sentence(node, names)}, with the slope {slope!r}"
    return "a gradient added up beyond the largest float"


def _sentence(node: Value, names: Mapping[Value, str]) -> str:
    """`mul(W1[1,2] = 1e+200, 1e+200) = inf`."""
    if not node.op:
        return describe(node)
    operands = ", ".join(describe(parent, names) for parent in node.parents[:4])
    more = ", ..." if len(node.parents) > 4 else ""
    return f"{node.op}({operands}{more}) = {node.data!r}"
