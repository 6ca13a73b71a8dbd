"""The engine that runs epochs as compiled programs.

Model and loss are recorded once, on stand-ins for one row and its target, and the
program runs that graph and its gradient over the rows of every batch. The loss of a
batch has to be the mean of the losses of its rows; whether it is, and whether the model
does the same for every row, is tried on the first rows.

The optimizer's rule is recorded too, on stand-ins for one parameter, and an epoch is
one call of machine code. Where that can't be, because there is no llvmlite or because
a rule is not the same for every parameter, these move in NumPy after each batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd.compiler import CompileError, Program
from autograd.value import Value, describe
from nn.engine import (
    Eager,
    Engine,
    Epoch,
    Pace,
    Step,
    Task,
    as_list,
    recorded,
    target_columns,
)
from nn.hints import Array, Indices
from nn.optim import Optimizer

if TYPE_CHECKING:
    from autograd.compiler.llvm.descent import Descent

TRIED = 5  # rows on which the program is held to the recorded graph
TOLERANCE = 1e-9


class Compiled(Engine):
    """Epochs as programs. Raises CompileError where they would not be faithful."""

    name = "compiled"

    def __init__(self, task: Task, backend: str = "auto") -> None:
        super().__init__(task)
        self.columns = task.X.shape[1]
        self._bare = target_columns(task.loss, task.targets[:1], task.outputs).size == 1
        self._bare = self._bare and task.targets.ndim == 1
        self.program = recorded(
            self._loss_and_outputs, _Table(task)[:1].shape[1], task.parameters, backend
        )
        self._kernel = self.program.kernel("training")
        self._rule = ""  # the optimizer that the descent is of, in words
        self._descent: Descent | None = None
        self._measured: tuple[Task, Array] | None = None
        self._try()

    def _loss_and_outputs(self, *row: Value) -> list[Value]:
        """What is recorded: the loss of one row, then the model's outputs."""
        inputs, wanted = list(row[: self.columns]), list(row[self.columns :])
        weight = wanted.pop() if self.task.weights is not None else None
        prediction = self.task.model(inputs)
        loss = self.task.loss([prediction], wanted if self._bare else [wanted])
        return [loss if weight is None else weight * loss, *as_list(prediction)]

    def step(self, numbers: Array, rows: Indices) -> Step:
        """Loss, gradient and outputs for these rows of the task's table."""
        batch = _Table(self.task)[rows]
        outputs, sums = self._kernel.run(batch, numbers)
        return Step(float(sums[-1]), sums[:-1], outputs)

    def epoch(self, numbers: Array, rows: Indices, pace: Pace) -> Epoch:
        """One step for every `pace.size` of the rows, in their order."""
        descent = self._descent_of(pace.optimizer, numbers)
        if descent is None:
            return super().epoch(numbers, rows, pace)
        table, size = _Table(self.task), pace.size
        factors = [pace.factor] * -(-len(rows) // size)
        done, state = self._descend(descent, table, rows, numbers, pace, factors)
        steps = _fine(done)
        if steps < len(factors):  # again, as far as all is well
            well, rates = rows[: steps * size], factors[:steps]
            _, state = self._descend(descent, table, well, numbers, pace, rates)
        _keep(pace.optimizer, state, steps)
        seen = slice(steps + 1)
        outputs = done.outputs[: (steps + 1) * size]
        return Epoch(state[0], done.losses[seen], done.norms[seen], outputs)

    def at_once(self, pace: Pace, numbers: Array) -> int:
        """How many epochs of one step over all rows `epochs` can run; 0 for none."""
        descent = self._descent_of(pace.optimizer, numbers)
        return descent.batches_in_a_call(len(self.task.X)) if descent else 0

    def epochs(self, numbers: Array, pace: Pace, factors: list[float]) -> Epoch:
        """Epochs of one step over all rows: the table as often, in one descent."""
        import numpy as np

        descent = self._descent_of(pace.optimizer, numbers)
        assert descent is not None
        table = np.tile(_Table(self.task)[:], (len(factors), 1))
        every = range(len(table))
        done, state = self._descend(descent, table, every, numbers, pace, factors)
        fine = _fine(done)
        if fine == len(factors) and not np.isfinite(state[0]).all():
            fine = len(factors) // 2
        if fine < len(factors):
            return self.epochs(numbers, pace, factors[:fine])
        _keep(pace.optimizer, state, fine)
        return done

    def _descend(
        self,
        descent: Descent,
        table: Array | _Table,
        rows: Indices,
        numbers: Array,
        pace: Pace,
        factors: list[float],
    ) -> tuple[Epoch, list[Array]]:
        """A step for each factor; what the steps gave, and the state after the last."""
        optimizer = pace.optimizer
        start = [numbers, *optimizer.remembered(numbers)]
        rates = [optimizer.lr * factor for factor in factors]
        state, outputs, losses, norms = descent.run(
            table, rows, pace.size, start, rates, optimizer.steps, pace.clip
        )
        return Epoch(state[0], losses, norms, outputs), state

    def _descent_of(self, optimizer: Optimizer, numbers: Array) -> Descent | None:
        """What runs an epoch; None where only batches can be run."""
        settings = {**optimizer.settings(), "lr": None}
        rule = f"{type(optimizer)} {settings}"
        if rule != self._rule:
            self._rule, self._descent, self.name = rule, None, Compiled.name
            if why_not := self.program.why_not("training"):
                self.name += f", but in NumPy: {why_not}"
            elif self.program.backend == "llvm":
                self._compile_rule(optimizer, numbers)
        return self._descent

    def _compile_rule(self, optimizer: Optimizer, numbers: Array) -> None:
        try:
            self._descent = self.program.descent(_recorded(optimizer, numbers))
        except CompileError as error:
            self.name += f", but for {type(optimizer).__name__}, which runs in NumPy: "
            self.name += str(error)

    def measure(self, numbers: Array, task: Task) -> tuple[float, Array]:
        """The loss over another table, and the model's outputs for its rows."""
        if self._measured is None or self._measured[0] is not task:
            self._measured = task, _Table(task)[:]
        # The kernel that trains gives both, and is compiled already.
        outputs, sums = self._kernel.run(self._measured[1], numbers)
        return float(sums[-1]), outputs

    def _try(self) -> None:
        """Hold the program to the eager engine on the first rows."""
        few, numbers = self.task.first(TRIED), self.program.numbers()
        rows = range(len(few.X))
        mine, graph = self._in_batches(numbers, rows), Eager(few).step(numbers, rows)
        found = (
            _difference("the outputs", mine.outputs, graph.outputs, SAME)
            or _difference("the loss", mine.loss, graph.loss, MEAN)
            or self._other_gradient(mine.gradient, graph.gradient)
        )
        if found:
            raise CompileError(found)

    def _in_batches(self, numbers: Array, rows: range) -> Step:
        """A step over rows by no larger batches than there will be.

        What runs a few rows may be another program than what runs many, and only the
        one that is used is to be compiled, and tried.
        """
        import numpy as np

        size = self.task.size or len(rows)
        parts = [rows[start : start + size] for start in rows[::size]]
        steps = [self.step(numbers, part) for part in parts]
        shares = np.array([len(part) / len(rows) for part in parts])
        return Step(
            float(shares @ [step.loss for step in steps]),
            shares @ np.array([step.gradient for step in steps]),
            np.concatenate([step.outputs for step in steps]),
        )

    def _other_gradient(self, mine: Array, graph: Array) -> str:
        """Where loss and outputs are the same, but a gradient is not."""
        place = _apart(mine, graph)
        if place is None:
            return ""
        parameter = describe(self.task.parameters[place])
        what = f"the gradient by {parameter}, though not on the loss"
        return _difference(what, mine[place], graph[place], CUT)


def _fine(done: Epoch) -> int:
    """How many steps there were before the first whose loss or gradient went bad."""
    import numpy as np

    fine = np.isfinite(done.losses) & np.isfinite(done.norms)
    return len(fine) if fine.all() else int(fine.argmin())


def _keep(optimizer: Optimizer, state: list[Array], steps: int) -> None:
    """Let the optimizer remember what it does after so many steps more."""
    optimizer.steps += steps
    optimizer.memory = dict(zip(optimizer.keeps, state[1:], strict=True))


SAME = "the model does not compute the same for every row"
MEAN = "the loss of a batch is not the mean of the losses of its rows"
CUT = "the graph is cut, or one of them has it wrong; gradcheck tells which"


def _difference(what: str, mine: float | Array, graph: float | Array, why: str) -> str:
    """What to say of a program's numbers and a graph's; nothing where they agree."""
    import numpy as np

    one, other = np.atleast_1d(mine).ravel(), np.atleast_1d(graph).ravel()
    place = _apart(one, other)
    if place is None:
        return ""
    return (
        f"the program and the recorded graph disagree on {what}: {one[place]:.9g} and "
        f"{other[place]:.9g}; {why}"
    )


def _apart(one: Array, other: Array) -> int | None:
    """Where two arrays first differ by more than rounding does."""
    import numpy as np

    same = np.isclose(one, other, TOLERANCE, TOLERANCE, equal_nan=True)
    return None if same.all() else int(same.argmin())


class _Table:
    """Inputs and targets side by side, and what each row counts, where that differs.

    They are put together for the rows that are asked for: of a large table never all.
    """

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getitem__(self, rows: Indices | slice) -> Array:
        import numpy as np

        task = self._task
        # `take` needs a third of the time of X[rows].
        X = task.X[rows] if isinstance(rows, slice) else task.X.take(rows, axis=0)
        parts = [X, target_columns(task.loss, task.targets[rows], task.outputs)]
        if task.weights is not None:
            parts.append(task.weights[rows][:, None])
        return np.concatenate(parts, axis=1)


def _recorded(optimizer: Optimizer, numbers: Array) -> Program:
    """The optimizer's rule as a program of (w, g, *memory), its parameters (lr, t)."""
    if getattr(optimizer.update, "__func__", None) is not Optimizer.update:
        raise CompileError("it has a method `update` of its own")
    bare = optimizer.bare()
    before = dict(vars(bare))
    lr, t = Value(optimizer.lr, "lr"), Value(1.0, "t")

    def rule(w: Value, g: Value, *memory: Value) -> list[Value]:
        return list(bare.apply(w, g, lr, t, *memory))

    inputs = 2 + len(optimizer.keeps)
    program = recorded(rule, inputs, [lr, t], "numpy")
    _try_rule(bare, program, optimizer.lr, numbers)
    for name, value in vars(bare).items():
        if before.get(name, program) is not value:
            raise CompileError(f"its rule changes its attribute {name!r}")
    return program


def _try_rule(bare: Optimizer, program: Program, lr: float, w: Array) -> None:
    """Hold the program to the rule on all parameters, for two steps."""
    import numpy as np

    memory = [np.zeros_like(w) for _ in bare.keeps]
    for t in (1.0, 2.0):
        g = np.sin(np.arange(len(w)) + t)
        found = program(np.column_stack([w, g, *memory]), [lr, t])
        w, *memory = bare.apply(w, g, lr, t, *memory)
        if not np.allclose(found.T, [w, *memory], TOLERANCE, TOLERANCE):
            raise CompileError("its rule does not do the same for every parameter")


def fastest(task: Task) -> Compiled | Eager:
    """The compiled engine; the eager one, which then says why, where that can't be.

    Raises BackendError where the library that would run it is broken.
    """
    try:
        return Compiled(task)
    except CompileError as error:
        eager = Eager(task)
        eager.name = f"eager, because it can't be compiled: {error}"
        return eager
