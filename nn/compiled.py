"""The engine that runs batches as a compiled program.

Model and loss are recorded once, on stand-ins for one row and its target, and the
program runs that graph and its gradient over the rows of every batch. The loss of a
batch has to be the mean of the losses of its rows; whether it is, and whether the model
does the same for every row, is tried on the first rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autograd.compiler import CompileError, compile
from autograd.value import Value
from nn.engine import Eager, Step, Task, as_list
from nn.losses import cross_entropy

if TYPE_CHECKING:
    from nn.optim import Array

TRIED = 5  # rows on which the program is held to the recorded graph
TOLERANCE = 1e-9


class Compiled:
    """Batches as a program. Raises CompileError where one would not be faithful."""

    name = "compiled"

    def __init__(self, task: Task, backend: str = "auto") -> None:
        self.task = task
        self.columns = task.X.shape[1]
        targets = _target_columns(task)
        self.table = _beside(task.X, targets)
        self._bare = task.targets.ndim == 1 and targets.shape[1] == 1
        self.program = compile(
            self._loss_and_outputs,
            self.table.shape[1],
            task.parameters,
            backend=backend,
        )
        self._kernel = self.program.kernel("training")
        self._forward: Any = None
        self._try()

    def _loss_and_outputs(self, *row: Value) -> list[Any]:
        """What is recorded: the loss of one row, then the model's outputs."""
        inputs, wanted = list(row[: self.columns]), list(row[self.columns :])
        prediction = self.task.model(inputs)
        loss = self.task.loss([prediction], wanted if self._bare else [wanted])
        return [loss, *as_list(prediction)]

    def step(self, numbers: Array, rows: Sequence[int]) -> Step:
        """Loss, gradient and outputs for these rows of the task's table."""
        batch = self.table[rows]
        outputs, sums = self._kernel.run(batch, numbers)
        return Step(float(sums[-1]), sums[:-1], outputs)

    def outputs(self, numbers: Array, X: Array) -> Array:
        """The model's outputs for any table (M, I): float64 of shape (M, outputs)."""
        if self._forward is None:
            self._forward = compile(
                lambda *row: as_list(self.task.model(list(row))),
                self.columns,
                self.task.parameters,
                backend=self.program.backend,
            )
        found: Array = self._forward(X, numbers)
        return found

    def _try(self) -> None:
        """Hold the program to the eager engine on the first rows."""
        import numpy as np

        rows = range(min(TRIED, len(self.task.X)))
        numbers = self.program.numbers()
        eager, mine = Eager(self.task).step(numbers, rows), self.step(numbers, rows)
        for one, other in zip(eager, mine, strict=True):
            if not np.allclose(
                np.asarray(one), np.asarray(other), TOLERANCE, TOLERANCE, equal_nan=True
            ):
                raise CompileError(
                    "the loss of a batch is not the mean of the losses of its rows, or "
                    "the model does not compute the same for every row"
                )


def _target_columns(task: Task) -> Array:
    """The targets as columns of numbers; a class becomes a 1 among zeros."""
    import numpy as np

    if task.loss is cross_entropy and task.targets.ndim == 1:
        columns: Array = np.eye(task.outputs)[task.targets]
        return columns
    targets = np.asarray(task.targets, dtype=np.float64)
    return targets[:, None] if targets.ndim == 1 else targets


def _beside(X: Array, targets: Array) -> Array:
    import numpy as np

    return np.ascontiguousarray(np.hstack([X, targets]))


def fastest(task: Task) -> Compiled | Eager:
    """The compiled engine; the eager one, which then says why, where that can't be."""
    try:
        return Compiled(task)
    except Exception as error:  # whatever a model of one's own raises on stand-ins
        eager = Eager(task)
        eager.name = f"eager, because it can't be compiled: {error}"
        return eager
