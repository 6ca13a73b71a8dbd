"""Checks for users' own functions: derivatives by differences, and the first NaN.

`gradcheck` compares what the engine says with what differences of the function say.
`detect_anomaly` stops where the first NaN or infinity appears.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

from autograd import source
from autograd.functional import _numbers, _parameter_names, _rebuilt, jacobian
from autograd.graph import graph, topological_order
from autograd.hints import Decorated
from autograd.modes import Setting, block_or_decorated, in_effect, no_grad
from autograd.numeric import is_number
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.value import Value, as_value, describe, names_among
from autograd.wrapping import Function, inside

# ---- gradcheck -----------------------------------------------------------------------

# Steps halve from a tenth of the argument's size: 14 of them reach from the scale on
# which smooth functions bend to where a kink close by no longer matters. A function
# that bends faster gets up to 12 more. Steps that leave the domain do not count.
STEPS: Final = 14
MOST_STEPS: Final = 26
HALVINGS: Final = 60


@dataclass(frozen=True)
class Entry:
    """One derivative, by the engine and by differences.

    output, argument: which, as in `result[0]` and `x[1]`. error: how far off the
    differences may be by their own account, and rounding: how much of that comes from
    the last place of the function's values. allowed: the difference accepted.
    """

    output: str
    argument: str
    analytic: float
    numeric: float
    error: float
    rounding: float
    allowed: float

    @property
    def excess(self) -> float:
        """The difference in units of what is allowed; above 1 is a failure."""
        if not math.isfinite(self.analytic):
            return math.inf
        if self.analytic == self.numeric:
            return 0.0
        ratio = abs(self.analytic - self.numeric) / self.allowed
        return math.inf if math.isnan(ratio) else ratio

    def __str__(self) -> str:
        return (
            f"d {self.output} / d {self.argument}: the engine says {self.analytic!r}, "
            f"differences say {self.numeric!r}"
        )


@dataclass(frozen=True)
class Report:
    """What `gradcheck` compared: every entry, the worst one, and its likely cause."""

    entries: tuple[Entry, ...]
    cause: str = ""

    @property
    def worst(self) -> Entry:
        """The entry that is furthest off."""
        return max(self.entries, key=lambda entry: entry.excess)

    def __str__(self) -> str:
        wrong = sum(entry.excess > 1 for entry in self.entries)
        shown = f"{self._verdict(wrong)}:\n  {self.worst}"
        return f"{shown}\nlikely cause: {self.cause}" if wrong else shown

    def _verdict(self, wrong: int) -> str:
        count = len(self.entries)
        if count == 1:
            return "the derivative is wrong" if wrong else "the derivative agrees"
        if not wrong:
            return f"{count} derivatives agree; the worst"
        verb = "is" if wrong == 1 else "are"
        return f"{wrong} of {count} derivatives {verb} wrong; the worst"


class GradcheckError(AssertionError):
    """Derivatives disagree; `report` holds every entry.

    >>> try:
    ...     gradcheck(relu, 0.0)
    ... except GradcheckError as error:
    ...     print(error.report.worst.analytic, error.report.worst.numeric)
    0.0 0.5
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def gradcheck(
    f: Callable[..., Any], args: Any, *, rtol: float = 1e-6, atol: float = 1e-8
) -> Report:
    """Compare the derivatives of f with central differences.

    f: a function of numbers or (nested) lists or dicts of numbers, returning a number
        or a (nested) list of numbers.
    args: its arguments, as in f(*args); a single number may be given bare. Arguments
        that hold no numbers are passed on as they are.
    rtol, atol: a derivative may be off by rtol times its size plus atol.

    The step is chosen for each argument: differences at many steps are extrapolated to
    step 0, and the combination with the smallest error estimate counts. f runs a few
    dozen times per argument.

    Returns a Report. Raises GradcheckError, an AssertionError, that names the worst
    entry, both numbers and the likely cause; ValueError where an argument is not
    finite, or where there is none to differentiate by.

    >>> print(gradcheck(lambda x, y: x * y**2, (3.0, 2.0)))
    2 derivatives agree; the worst:
      d result / d x: the engine says 4.0, differences say 4.0
    """
    if not callable(f):
        raise TypeError(
            "gradcheck takes a function and its arguments, as in gradcheck(f, (1.0, "
            f"2.0)); got {f!r:.60} of type {type(f).__name__}"
        )
    trial = _Trial(f, tuple(args) if isinstance(args, (list, tuple)) else (args,))
    entries = tuple(trial.entries(rtol, atol))
    report = Report(entries)
    if not entries:
        raise ValueError("there is nothing to check: f has no numbers as arguments")
    if report.worst.excess <= 1:
        return report
    raise GradcheckError(Report(entries, trial.cause(report.worst)))


class _Trial:
    """A function at one point, by the engine and by differences."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        self.args = args
        names = _parameter_names(f)
        self.chosen = [i for i, arg in enumerate(args) if _holds_numbers(arg)]
        self.inputs: list[tuple[str, float]] = []
        for i in self.chosen:
            name = names[i] if i < len(names) else f"argument{i + 1}"
            for where, x in _numbers(args[i], name):
                self.inputs.append((where, _finite(where, _float(x))))
        self.point = [x for _, x in self.inputs]
        self.here, self.outputs = self.at(self.point)

    def at(self, point: Sequence[float]) -> tuple[list[float], list[str]]:
        """The results of f at another point, and their names."""
        numbers = iter([Value(x) for x in point])
        called = list(self.args)
        for i in self.chosen:
            called[i] = _rebuilt(self.args[i], numbers)
        with no_grad():
            result = list(_numbers(self.f(*called), "result"))
        return [_float(x) for _, x in result], [where for where, _ in result]

    def entries(self, rtol: float, atol: float) -> Iterator[Entry]:
        numeric = [self.differences(i) for i in range(len(self.inputs))]
        for j, (name, row) in enumerate(
            zip(self.outputs, self.analytic(), strict=True)
        ):
            for i, analytic in enumerate(row):
                column = numeric[i][j]
                allowed = column.allowed(analytic, rtol, atol)
                found = (column.slope, column.error, column.rounding, allowed)
                yield Entry(name, self.inputs[i][0], analytic, *found)

    def analytic(self) -> list[list[float]]:
        if not self.inputs:
            return [[] for _ in self.outputs]
        blocks = jacobian(self.f, self.chosen)(*self.args)
        columns = [
            [_float(x) for _, x in _numbers(block, "result")] for block in blocks
        ]
        count = len(self.outputs)
        rows: list[list[float]] = [[] for _ in range(count)]
        for column in columns:
            width = len(column) // count
            for j in range(count):
                rows[j] += column[j * width : (j + 1) * width]
        return rows

    def shifted(self, index: int, step: float) -> list[float]:
        point = list(self.point)
        point[index] += step
        return self.at(point)[0]

    def sides(self, index: int, j: int, step: float) -> tuple[float, float]:
        """The slopes of one output on the left and on the right of an argument."""
        above, below = self.shifted(index, step)[j], self.shifted(index, -step)[j]
        return (self.here[j] - below) / step, (above - self.here[j]) / step

    def differences(self, index: int) -> list[_Column]:
        """For each output: its slope in one argument."""
        largest = 0.1 * max(abs(self.point[index]), 0.1)
        columns = [_Column() for _ in self.outputs]
        for halving in range(HALVINGS):
            # A power of two is added and taken away again without rounding.
            step = 2.0 ** (math.floor(math.log2(largest)) - halving)
            try:
                above, below = self.shifted(index, step), self.shifted(index, -step)
            except (ValueError, ArithmeticError):
                continue  # outside the domain of f; a smaller step may be inside
            for column, up, down in zip(columns, above, below, strict=True):
                column.add(up, down, step)
            count = len(columns[0].last) if columns else STEPS
            if count >= MOST_STEPS or (
                count >= STEPS and all(column.settled for column in columns)
            ):
                break
        return columns

    # ---- why ----

    def cause(self, entry: Entry) -> str:
        """What most likely makes this entry wrong."""
        if [_exact(x) for x in self.at(self.point)[0]] != [
            _exact(x) for x in self.here
        ]:
            return (
                "f gives different results for the same arguments; does it draw random "
                "numbers, or change something outside?"
            )
        return (
            self.undefined(entry)
            or _drowned(entry)
            or self.own_operation()
            or self.kink(entry)
            or _pole(entry)
            or _cut(entry)
            or _factor(entry)
            or "a partial derivative, or arithmetic on bare numbers inside f"
        )

    def undefined(self, entry: Entry) -> str:
        value = self.here[self.outputs.index(entry.output)]
        if math.isfinite(value):
            return ""
        return f"{entry.output} itself is {value!r}; detect_anomaly() finds where from"

    def own_operation(self) -> str:
        """The first of a user's own operations whose partials are wrong."""
        nodes = iter([Value(x, where) for where, x in self.inputs])
        called = list(self.args)
        for i in self.chosen:
            called[i] = _rebuilt(self.args[i], nodes)
        for _, output in _numbers(self.f(*called), "result"):
            for node in graph(as_value(output)):
                row = node.value.operation
                if node.parents and TABLE.get(row.name) is not row:
                    numbers = [parent.data for parent in node.value.parents]
                    found = _wrong_partial(row, numbers, node.partials)
                    if found:
                        return found
        return ""

    def kink(self, entry: Entry) -> str:
        index = [where for where, _ in self.inputs].index(entry.argument)
        j = self.outputs.index(entry.output)
        step = 2.0 ** math.floor(math.log2(1e-6 * max(abs(self.point[index]), 1.0)))
        try:
            left, right = self.sides(index, j, step / 64)
            further = self.sides(index, j, step)
        except (ValueError, ArithmeticError):
            return (
                f"{entry.argument} = {self.point[index]!r} is at the edge of where f "
                "is defined, so there are no differences around it"
            )
        # The two slopes of a smooth function come together as the step shrinks.
        gap = abs(right - left)
        if gap <= max(
            1e-3 * max(abs(right), abs(left)), 0.5 * abs(further[1] - further[0])
        ):
            return ""
        argument = f"{entry.argument} = {self.point[index]!r}"
        place = f"at {argument}"
        if self.point[index] and self.straight(index, j):
            place = f"so close to {argument} that differences reach over it"
            left, right = self.beyond(index, j, step)
        return (
            f"f has a kink {place}: its slope is {left:.6g} on the left and "
            f"{right:.6g} on the right; check at another point"
        )

    def straight(self, index: int, j: int) -> bool:
        """Whether there is no kink as close to the argument as floats reach."""
        left, right = self.sides(index, j, 2.0**-40 * abs(self.point[index]))
        return abs(right - left) <= 1e-3 * max(abs(right), abs(left))

    def beyond(self, index: int, j: int, step: float) -> tuple[float, float]:
        """The slopes on either side, a step away from the argument."""
        near = [self.shifted(index, side * step)[j] for side in (-1, 1)]
        far = [self.shifted(index, 2 * side * step)[j] for side in (-1, 1)]
        return (near[0] - far[0]) / step, (far[1] - near[1]) / step


class _Column:
    """Central differences of one output at steps that halve, and their limit.

    Ridders' method (Advances in Engineering Software 4, 1982): each further difference
    cancels one more even power of the step, and the entry that differs least from its
    neighbors is taken. The rounding of the function's values counts as a difference.

    slope, error: the best so far, and its error estimate; rounding: the part of that
        which comes from rounding.
    """

    def __init__(self) -> None:
        self.slope = math.nan
        self.error = math.inf
        self.rounding = math.inf
        self.last: list[float] = []

    def add(self, up: float, down: float, step: float) -> None:
        row = [(up - down) / (2 * step)]
        if self.error == math.inf:
            self.slope = row[0]
        rounding = (math.ulp(up) + math.ulp(down)) / (2 * step)
        for k, coarse in enumerate(self.last):
            factor = 4.0 ** (k + 1)
            row.append((factor * row[k] - coarse) / (factor - 1))
            doubt = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - coarse), rounding)
            if doubt < self.error:
                self.slope, self.error, self.rounding = row[k + 1], doubt, rounding
        self.last = row

    @property
    def settled(self) -> bool:
        """Whether smaller steps are not needed."""
        return self.error <= 1e-6 * abs(self.slope) + 1e-9

    def contradicts(self, partial: float) -> bool:
        """Whether a derivative is none that these differences could come from."""
        if not math.isfinite(partial):
            return self.settled
        return not abs(partial - self.slope) <= self.allowed(partial, 1e-6, 1e-8)

    def allowed(self, analytic: float, rtol: float, atol: float) -> float:
        """By how much a derivative may differ from these differences.

        What they say of their own error counts up to a thousandth, so that a kink is no
        excuse; what comes from rounding, as in 1e10 + x / 1000, up to a tenth.
        """
        size = max(abs(analytic), abs(self.slope))
        doubt = min(2 * self.error, 1e-3 * size) + min(4 * self.rounding, 0.1 * size)
        return rtol * size + atol + doubt


def _wrong_partial(
    row: Operation, numbers: list[float], partials: Sequence[float]
) -> str:
    def result(*args: Value) -> float:
        return float(row.forward(*[x.data for x in args]))

    trial = _Trial(result, tuple(numbers))
    for index, partial in enumerate(partials):
        (column,) = trial.differences(index)
        if column.contradicts(partial):
            operands = ", ".join(repr(x) for x in numbers)
            return (
                f"partial {index + 1} of the operation {row.name}({operands}) is "
                f"{partial!r}; differences of its forward function say "
                f"{column.slope!r}"
            )
    return ""


def _drowned(entry: Entry) -> str:
    if not math.isfinite(entry.analytic) or entry.rounding == math.inf:
        return ""
    if entry.rounding <= 0.025 * max(abs(entry.numeric), abs(entry.analytic)):
        return ""
    return (
        f"{entry.output} is so large that its last place hides what {entry.argument} "
        "does, and differences say nothing; leave the large part out"
    )


def _pole(entry: Entry) -> str:
    if math.isfinite(entry.analytic):
        return ""
    return "the derivative has a pole here; detect_anomaly() finds the operation"


def _cut(entry: Entry) -> str:
    if entry.analytic != 0:
        return ""
    return (
        f"the graph is cut between {entry.argument} and the result: look for .data, "
        "detach(), no_grad() or a number computed outside the package's functions"
    )


def _factor(entry: Entry) -> str:
    ratio = entry.analytic / entry.numeric if entry.numeric else math.inf
    if abs(ratio + 1) < 1e-4:
        return "the sign of a partial derivative"
    for factor in range(2, 11):
        for wrong in (factor, 1 / factor):
            if abs(abs(ratio) / wrong - 1) < 1e-4:
                return f"a factor: the engine's number is {ratio:.6g} times the other"
    return ""


def _holds_numbers(x: Any) -> bool:
    if isinstance(x, dict):
        return any(_holds_numbers(item) for item in x.values())
    if isinstance(x, (list, tuple)):
        return any(_holds_numbers(item) for item in x)
    return isinstance(x, Value) or is_number(x) or hasattr(x, "dtype")


def _float(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def _finite(where: str, x: float) -> float:
    if math.isfinite(x):
        return x
    raise ValueError(f"{where} is {x!r}; check the derivatives at a finite number")


def _exact(x: float) -> str:
    return x.hex()


# ---- anomalies -----------------------------------------------------------------------

# So many nodes are kept, with the lines that made them, for errors of a later pass
# backward; older ones are let go, so that a long loop runs in bounded memory.
REMEMBERED: Final = 200_000


class AnomalyError(FloatingPointError):
    """A NaN or an infinity appeared; `node` is the operation that made it.

    >>> try:
    ...     with detect_anomaly():
    ...         y = Value(1e200) * 1e200
    ... except AnomalyError as error:
    ...     print(error.node.op, error.node.data)
    mul inf
    """

    def __init__(self, message: str, node: Value) -> None:
        super().__init__(message)
        self.node = node


@overload
def detect_anomaly() -> Detection: ...
@overload
def detect_anomaly(function: Decorated, /) -> Decorated: ...
def detect_anomaly(function: Function | None = None, /) -> Any:
    """Stop at the first NaN or infinity, forward or backward, and say where it arose.

    Inside the block, in this task, every operation is checked when it is recorded, and
    every pass backward before it changes a gradient. AnomalyError names the operation,
    its operands with labels and values, the line of your program that recorded it, and
    the chain that leads there. Recording is several times slower inside, and no slower
    outside. Written above a function, as `@detect_anomaly`, it holds inside that.

    >>> x = Value(1e200, label="x")
    >>> with detect_anomaly():
    ...     y = x * x
    Traceback (most recent call last):
    autograd.check.AnomalyError: mul(x = 1e+200, x = 1e+200) gave inf...
    """
    return block_or_decorated(Detection(), function)


class Detection:
    """The block of `detect_anomaly`."""

    def __init__(self) -> None:
        lines = _Lines()
        self.forward = Setting("watcher", lines.check_forward, True)
        self.backward = Setting("backward_watcher", lines.check_backward, False)

    def __enter__(self) -> None:
        if in_effect("watcher") is None:  # else a block around this one watches already
            self.forward.__enter__()
            self.backward.__enter__()

    def __exit__(self, *error: object) -> None:
        self.backward.__exit__()
        self.forward.__exit__()

    def __call__(self, function: Function) -> Function:
        """The function, watched while it runs."""
        return inside(detect_anomaly, function)


class _Lines:
    """The lines that made the latest nodes."""

    def __init__(self) -> None:
        self.places: dict[Value, tuple[str, int]] = {}
        self.oldest: deque[Value] = deque()

    def check_forward(self, node: Value) -> None:
        self.remember(node, source.users_place())
        if math.isfinite(node.data):
            return
        names = names_among(node.parents)
        raise AnomalyError(
            f"{_call(node, names)} gave {node.data!r}{self.where(node)}"
            f"\n  from: {_trail(_ancestors(node), names)}",
            node,
        )

    def remember(self, node: Value, place: tuple[str, int]) -> None:
        if node in self.places:
            return
        self.places[node] = place
        self.oldest.append(node)
        if len(self.oldest) > REMEMBERED:
            del self.places[self.oldest.popleft()]

    def where(self, node: Value) -> str:
        place = self.places.get(node)
        return f"\n  at: {source.shown(place)}" if place else ""

    def check_backward(self, output: Value, seed: float) -> None:
        """The pass backward on paper: nothing is written to a node."""
        adjoints = {output: seed}
        user_of: dict[Value, Value] = {}
        for node in reversed(topological_order(output)):
            adjoint = adjoints.get(node, 0.0)
            for parent, partial in zip(node.parents, node.partials, strict=True):
                if parent.constant:
                    continue  # nobody asks for the gradient of a bare number
                total = adjoints.get(parent, 0.0) + adjoint * partial
                if not math.isfinite(total):
                    raise self.backward_error(node, parent, adjoint, partial, user_of)
                adjoints[parent] = total
                user_of.setdefault(parent, node)

    def backward_error(
        self,
        node: Value,
        parent: Value,
        adjoint: float,
        partial: float,
        user_of: dict[Value, Value],
    ) -> AnomalyError:
        way = [node]
        while way[-1] in user_of:
            way.append(user_of[way[-1]])
        names = names_among(way[-1].parents)
        return AnomalyError(
            f"going backward, {_call(node, names)} gives {describe(parent, names)} a "
            f"gradient that is not finite: its own gradient {adjoint!r} times the "
            f"local derivative {partial!r}{self.where(node)}"
            f"\n  back from: {_trail(way[::-1], names)}",
            node,
        )


def _call(node: Value, names: Mapping[Value, str]) -> str:
    """The operation with its first four operands, and others that are not finite."""
    first, others = node.parents[:4], node.parents[4:]
    operands = [describe(parent, names) for parent in first]
    bad = [parent for parent in others if not math.isfinite(parent.data)][:4]
    operands += ["...", *[describe(parent, names) for parent in bad]] if bad else []
    if others and not (bad and others[-1] is bad[-1]):
        operands.append("...")
    return f"{node.op}({', '.join(operands)})"


def _ancestors(node: Value) -> list[Value]:
    """The chain of operands with the largest share in the result, eldest first."""
    chain = [node]
    while chain[-1].parents:
        pairs = zip(chain[-1].parents, chain[-1].partials, strict=True)
        shares = [(_share(parent, partial), parent) for parent, partial in pairs]
        chain.append(max(shares, key=lambda share: share[0])[1])
    return chain[::-1]


def _share(parent: Value, partial: float) -> float:
    if parent.constant:
        return -1.0
    share = abs(parent.data * partial)
    return math.inf if math.isnan(share) else share


def _trail(nodes: list[Value], names: Mapping[Value, str]) -> str:
    """Labels where there are some, operations where not; the middle is left out."""
    told = [node.label[:40] or _numbered_operation(node, names) for node in nodes]
    if len(told) > 12:
        told[6:-6] = ["..."]
    return " -> ".join(told)


def _numbered_operation(node: Value, names: Mapping[Value, str]) -> str:
    """`v2: mul`, as the error calls it elsewhere; `mul` for where it arose."""
    if not node.op:
        return repr(node.data)
    number = names[node].partition(" = ")[0] if node in names else ""
    return f"{number}: {node.op}" if number else node.op
