"""The instruction list: what every pass reads and writes, and every backend runs.

A graph becomes a list of instructions, parents before children, each naming its
arguments by their positions. `Term` is a handle on one instruction with Python's
operators, so that the rows of the operation table, whose partial derivatives are
polymorphic, can be called with it and append the gradient to the list.
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from types import MappingProxyType
from typing import Any, NamedTuple

from autograd.operation import Operation
from autograd.ops import TABLE

INPUT, PARAMETER, CONSTANT = "input", "parameter", "constant"
LEAVES = frozenset({INPUT, PARAMETER, CONSTANT})

BRANCHES = 8  # questions in a row that a rule may ask, each with two answers

COMPARISONS = {
    "less": ("<", "np.where({0} < {1}, 1.0, 0.0)"),
    "at_most": ("<=", "np.where({0} <= {1}, 1.0, 0.0)"),
    "equal": ("==", "np.where({0} == {1}, 1.0, 0.0)"),
    "differs": ("!=", "np.where({0} != {1}, 1.0, 0.0)"),
}
"""Instructions beside the table's: their symbol, and their form on arrays."""


GATE = Operation(
    "gate",
    lambda condition, x: x,
    partials=(
        lambda condition, x, out: 0.0,
        lambda condition, x, out: 1.0 if condition else 0.0,
    ),
    selects=True,
    tame=True,
)
"""x, whose derivative is handed on where the condition holds alone.

Behind one stands every argument of a formula that is chosen under that condition, so
that where it is not, an infinite slope in it hands on 0.
"""

NOTHING: Mapping[int, Any] = MappingProxyType({})

INSIDE = "inside"
"""In the place of an instruction that became part of another."""

ROW_DOT, ROW_MEAN = "row_dot", "row_mean"
"""Means over the rows: of a dot, and of a sum. They are the same for every row."""

OVER_ROWS = frozenset({ROW_DOT, ROW_MEAN})
RESERVED = frozenset({*TABLE, *COMPARISONS, *LEAVES, *OVER_ROWS, GATE.name, INSIDE})


class CompileError(TypeError):
    """A computation that no program can stand for; the text says why."""


class BackendError(RuntimeError):
    """A library that runs programs is broken; the text names it, and what to do."""


class Instruction(NamedTuple):
    """An operation's name and the positions of its arguments.

    number: of an input or a parameter which one, of a constant its number.
    """

    op: str
    args: tuple[int, ...] = ()
    number: float = 0.0


made = tuple.__new__  # an Instruction in half the time that Python's call takes


Rewrite = Callable[["Code", str, tuple[int, ...]], "int | None"]
"""What a list has in the place of an operation on arguments; None for the same."""


class Code:
    """Instructions in the order in which they run; equal ones are kept once.

    own: the operations in it that users declared, by the names they have here.
    leaves: how many inputs, and parameters, stand first, in order; others may follow.
    varies: for each instruction, whether it depends on an input, that is, on the row.
    varied: whether there is an input at all.
    shared: how often an instruction was asked for that was there already.
    adjoints: for an instruction of a gradient, by which others it is the derivative.
    slopes: for the slope of an operation of one argument, its name and that argument.
    constants: where the numbers are.
    """

    def __init__(
        self, own: dict[str, Operation] | None = None, leaves: tuple[int, int] = (0, 0)
    ) -> None:
        self.own: dict[str, Operation] = {} if own is None else own
        self.leaves = leaves
        self.instructions: list[Instruction] = [
            made(Instruction, (op, (), number))
            for op, count in zip((INPUT, PARAMETER), leaves, strict=True)
            for number in range(count)
        ]
        self.varies: list[bool] = [True] * leaves[0] + [False] * leaves[1]
        self.varied = leaves[0] > 0
        self.shared = 0
        self.adjoints: dict[int, tuple[int, ...]] = {}
        self.slopes: dict[int, tuple[str, int]] = {}
        self.constants: set[int] = set()
        self._known = defaultdict[str, dict[object, int]](dict)

    def __len__(self) -> int:
        return len(self.instructions)

    def add(self, op: str, args: tuple[int, ...] = (), number: float = 0.0) -> int:
        """The position of this instruction, appended unless it is there."""
        if not args:
            return self._leaf(op, number)
        position = len(self.instructions)
        known = self._known[op].setdefault(args, position)
        if known < position:
            self.shared += 1
            return known
        varies = self.varied and any(map(self.varies.__getitem__, args))
        self.instructions.append(made(Instruction, (op, args, number)))
        self.varies.append(varies and op not in OVER_ROWS)
        return position

    def _leaf(self, op: str, number: float) -> int:
        """The position of an input, a parameter or a number."""
        if op != CONSTANT and number < self.leaves[op == PARAMETER]:
            self.shared += 1
            return self.leaf(op, int(number))
        # The text of a number tells 0.0 from -0.0, and finds nan again.
        known = self._known[op].get(repr(number))
        if known is None:
            return self.append(op, (), number, op == INPUT)
        self.shared += 1
        return known

    def append(
        self, op: str, args: tuple[int, ...], number: float, varies: bool
    ) -> int:
        """As `add`, for what is not there yet and will not be asked for again.

        It takes a third of the time. Numbers are found again all the same.
        """
        position = len(self.instructions)
        if not args:
            self._known[op][repr(number)] = position
            if op == CONSTANT:
                self.constants.add(position)
            self.varied |= varies
        self.instructions.append(made(Instruction, (op, args, number)))
        self.varies.append(varies)
        return position

    def extend(self, op: str, each: Iterable[tuple[int, ...]]) -> int:
        """Append one after the other means over the rows; where the first is."""
        start = len(self.instructions)
        self.instructions += [made(Instruction, (op, args, 0.0)) for args in each]
        self.varies += [False] * (len(self.instructions) - start)
        return start

    def leaf(self, op: str, number: int) -> int:
        """Where one of the leaves that stand first is."""
        return number + self.leaves[0] if op == PARAMETER else number

    def begun(self) -> tuple[Code, list[int]]:
        """An empty list with the leaves that stand first here, and where these are."""
        count, new = sum(self.leaves), Code(self.own)
        new.leaves = self.leaves
        new.instructions = self.instructions[:count]
        new.varies = self.varies[:count]
        new.varied = self.leaves[0] > 0
        return new, list(range(count))

    def rest(self) -> Iterator[Instruction]:
        """What comes after the leaves that stand first."""
        return itertools.islice(self.instructions, sum(self.leaves), None)

    def operations(self) -> set[str]:
        """What operations there are."""
        return set(map(operator.itemgetter(0), self.rest())) - LEAVES

    def row(self, op: str) -> Operation:
        """What declares an operation: the table's row, or the user's own."""
        if op == GATE.name:
            return GATE
        return TABLE[op] if op in TABLE else self.own[op]

    def folds(self, op: str) -> bool:
        """Whether chains of an operation are one of many arguments, see its row."""
        return op in TABLE and TABLE[op].folds

    def name(self, row: Operation) -> str:
        """What an operation is called here; two of the same name are told apart."""
        name = row.name
        if row is GATE:
            return name
        while TABLE.get(name) is not row and self.own.get(name) is not row:
            if name not in self.own and name not in RESERVED:
                self.own[name] = row
            else:
                name += "'"
        return name

    def constant(self, number: float) -> int:
        """The position of a number."""
        return self.add(CONSTANT, (), number)

    def is_constant(self, index: int, number: float) -> bool:
        """Whether this instruction is that number."""
        instruction = self.instructions[index]
        return instruction.op == CONSTANT and instruction.number == number

    def number(self, index: int) -> float | None:
        """The number that a constant is; None for any other instruction."""
        instruction = self.instructions[index]
        return instruction.number if instruction.op == CONSTANT else None

    def depends(self, on: Iterable[int], but: Collection[str] = ()) -> list[bool]:
        """For each instruction, whether it is made of one of these.

        but: operations that nothing is said to be made of.
        """
        found = [False] * len(self)
        for index in on:
            found[index] = True
        for index, (op, args, _) in enumerate(self.rest(), sum(self.leaves)):
            if args and not found[index] and op not in but:
                for arg in args:
                    if found[arg]:
                        found[index] = True
                        break
        return found

    def only(
        self, wanted: Sequence[int], instead: Mapping[int, Instruction] = NOTHING
    ) -> tuple[Code, list[int]]:
        """Those that are wanted, and where each is among them; -1 for the others.

        instead: what stands for some of them.
        """
        code = Code(self.own)
        positions: list[int] = []
        if all(wanted[: sum(self.leaves)]):
            code, positions = self.begun()
        first = len(positions)
        positions += [-1] * (len(self) - first)
        for index in itertools.compress(range(first, len(self)), wanted[first:]):
            op, args, number = instead.get(index) or self.instructions[index]
            moved = tuple([positions[arg] for arg in args])
            positions[index] = code.append(op, moved, number, self.varies[index])
        return code, positions

    def rewritten(self, rule: Rewrite) -> tuple[Code, list[int]]:
        """A list made instruction by instruction, and where each is in it.

        rule: of the new list, an operation and its arguments there the position of what
            stands for it; None where it stays. Leaves do.
        """
        code, positions = self.begun()
        for op, args, number in self.rest():
            moved = tuple([positions[arg] for arg in args])
            found = rule(code, op, moved) if args else None
            positions.append(code.add(op, moved, number) if found is None else found)
        return code, positions

    def copy(self) -> Code:
        """The same instructions in a list of its own."""
        other = Code(self.own)
        other.leaves = self.leaves
        other.instructions = list(self.instructions)
        other.varies = list(self.varies)
        other.varied = self.varied
        other.adjoints = dict(self.adjoints)
        other.slopes = dict(self.slopes)
        other.constants = set(self.constants)
        for op, each in self._known.items():
            other._known[op] = dict(each)
        return other

    def uses(self, needed: Iterable[int]) -> list[int]:
        """How often each result is taken, by what is needed; 0 for what is not."""
        counts = [0] * len(self)
        for index, times in Counter(needed).items():
            counts[index] = times
        for index in range(len(self) - 1, sum(self.leaves) - 1, -1):
            if counts[index]:
                for arg in self.instructions[index].args:
                    counts[arg] += 1
        return counts

    def carry_notes(self, old: Code, positions: Sequence[int]) -> None:
        """Take over what is noted in another list; -1 is the position of what is gone.

        What the pass found to be a leaf, or an instruction that has a note, is that.
        """

        def kept(position: int) -> bool:
            return position >= 0 and bool(self.instructions[position].args)

        for index, of in old.adjoints.items():
            there = tuple([positions[each] for each in of if positions[each] >= 0])
            if there and kept(positions[index]):
                self.adjoints.setdefault(positions[index], there)
        for index, (op, at) in old.slopes.items():
            if positions[at] >= 0 and kept(positions[index]):
                self.slopes.setdefault(positions[index], (op, positions[at]))


class Sums(NamedTuple):
    """What is added up over all rows: to sum targets[n] lefts[n] times rights[n]."""

    targets: tuple[int, ...] = ()
    lefts: tuple[int, ...] = ()
    rights: tuple[int, ...] = ()

    def each(self) -> Iterator[tuple[int, int, int]]:
        """One after the other: a sum, and the two whose product is added to it."""
        return zip(*self, strict=True)


class Kernel(NamedTuple):
    """What a backend compiles: instructions, and what to do with their results.

    outputs: positions of the results kept for every row.
    sums: the products of results that are added up over the rows.
    labels: what users call the inputs, and the parameters; or nothing.
    """

    code: Code
    inputs: int
    parameters: int
    outputs: tuple[int, ...]
    sums: Sums = Sums()
    labels: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def targets(self) -> int:
        """How many sums there are: one per parameter, then the output's own."""
        return self.parameters + 1 if self.sums.targets else 0

    def needed(self) -> list[int]:
        """The results that it is asked for."""
        return [*self.outputs, *self.sums.lefts, *self.sums.rights]

    def over(self, code: Code, positions: Sequence[int] | dict[int, int]) -> Kernel:
        """The same over another list, in which its results are at these positions."""
        outputs, lefts, rights = [
            tuple(map(positions.__getitem__, each))
            for each in (self.outputs, self.sums.lefts, self.sums.rights)
        ]
        sums = Sums(self.sums.targets, lefts, rights)
        return self._replace(code=code, outputs=outputs, sums=sums)


# ---- lines of text -------------------------------------------------------------------


def listing(code: Code, numbered: Iterable[int] | None = None) -> list[str]:
    """One line of text for each instruction."""
    wanted = range(len(code)) if numbered is None else numbered
    return [f"%{i} = {_spelled(code.instructions[i])}" for i in wanted]


def _spelled(instruction: Instruction) -> str:
    if instruction.op == CONSTANT:
        return repr(instruction.number)
    if instruction.op in LEAVES:
        return f"{instruction.op} {int(instruction.number)}"
    args = [f"%{arg}" for arg in instruction.args]
    if instruction.op == "dot":
        half = len(args) // 2
        return f"dot [{' '.join(args[:half])}] [{' '.join(args[half:])}]"
    return f"{instruction.op} {' '.join(args)}"


# ---- terms: instructions that can be calculated with ---------------------------------


class _UndecidedError(Exception):
    """A rule branches on a term whose number only the row decides."""

    def __init__(self, condition: Any) -> None:
        self.condition = condition


class Recorder:
    """Records what is done with its terms, and follows every branch of it.

    decided: the conditions that hold, or don't, in the branch that is followed.
    gated: whether formulas stand behind gates, as those do that are differentiated.
    """

    def __init__(self, gated: bool = True) -> None:
        self.decided: dict[Any, bool] = {}
        self.gated = gated
        self._answers: list[bool] = []
        self._replayed: Iterator[bool] | None = None

    def term(self, x: Any) -> Term:
        """x itself if it is a term, otherwise one that stands for it."""
        raise NotImplementedError

    def record(self, op: str, *args: Any) -> Term:
        """Record an operation of the table, or a comparison, on terms and numbers."""
        raise NotImplementedError

    def apply(self, operation: Operation, args: Sequence[Any]) -> Term:
        """Record an operation that may be a user's own."""
        raise NotImplementedError

    def truth(self, condition: Any) -> bool | None:
        """Whether a condition holds, where that is the same for all rows."""
        raise NotImplementedError

    def number(self, index: Any) -> float | None:
        """The number that a term is for all rows; None for any other."""
        raise NotImplementedError

    def same(self, x: Any, y: Any) -> bool:
        """Whether two terms are the same one, by their indices."""
        return bool(x == y)

    def decide(self, condition: Any) -> bool:
        """The truth of a term in Python: known, decided for this call, or asked for."""
        if self._replayed is not None:
            return next(self._replayed)
        outcome = self.truth(condition)
        if outcome is None:
            outcome = self.decided.get(condition)
        if outcome is None:
            raise _UndecidedError(condition)
        self._answers.append(outcome)
        return outcome

    def partials(self, row: Operation, args: list[Term], out: Term) -> Sequence[Any]:
        """The local derivatives as the row states them: terms and numbers."""
        try:
            if row.all_partials is None:
                return [self.every_branch(p, (*args, out)) for p in row.partials]
            found: Sequence[Any] = self.every_branch(row.all_partials, (args, out))
        except Exception as error:  # whatever a user's own function raises
            raise CompileError(
                f"a partial derivative of {row.name!r} can't be recorded: {error}. "
                "Write it with operators and autograd's functions"
            ) from None
        return found

    def masks(self, row: Operation, args: Sequence[Term]) -> list[Any]:
        """For each argument, where a 0 of its local derivative means: not chosen.

        True, False, or a term. Only rows that say so by a function have terms.
        """
        if not callable(row.selects):
            return [False] * len(args)
        given = [self.number(arg.index) for arg in args]
        pairs = zip(args, given, strict=True)
        known = [arg if x is None else x for arg, x in pairs]
        found: tuple[Any, ...] = row.selects(*known)
        return [self._settled(mask) if type(mask) is Term else mask for mask in found]

    def _settled(self, mask: Term) -> Any:
        """A condition as a bool, where it is the same for all rows."""
        outcome = self.truth(mask.index)
        return mask if outcome is None else outcome

    def every_branch(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """The result of a function that may branch on its arguments in Python.

        It is called once for every outcome of its conditions, and the results are put
        together with `where`. So a row may say `1.0 if x > 0 else 0.0`, and the
        program takes the right branch for every row of the batch.
        """
        self._answers = []
        try:
            return self._behind_gates(function, args, function(*args))
        except _UndecidedError as undecided:
            condition = undecided.condition
        if len(self.decided) == BRANCHES:
            raise CompileError(
                f"a rule asks more than {BRANCHES} questions about numbers that "
                "differ from row to row, as a loop does that ends when they are small"
            )
        results = []
        for outcome in (True, False):
            self.decided[condition] = outcome
            results.append(self.every_branch(function, args))
        del self.decided[condition]
        return self._where(condition, results[0], results[1])

    def _behind_gates(
        self, function: Callable[..., Any], args: Sequence[Any], found: Any
    ) -> Any:
        """What a branch found, with its arguments behind gates.

        The function is called once more for that, and its questions get the same
        answers. A number needs no gate.
        """
        if not self.gated or not self.decided or self.is_number(found):
            return found
        self._replayed = iter(self._answers)
        try:
            return function(*[self._gated(arg) for arg in args])
        finally:
            self._replayed = None

    def _gated(self, arg: Any) -> Any:
        if isinstance(arg, list):
            return [self._gated(each) for each in arg]
        for condition, holds in self.decided.items():
            if not self.is_number(arg):
                wanted = Term(self, condition)
                arg = self.apply(GATE, (wanted if holds else wanted == 0.0, arg))
        return arg

    def is_number(self, x: Any) -> bool:
        """Whether x is the same number for all rows, or a list of such."""
        if isinstance(x, list):
            return all(map(self.is_number, x))
        return type(x) is not Term or self.truth(x.index) is not None

    def _where(self, condition: Any, yes: Any, no: Any) -> Any:
        if isinstance(yes, list):
            pairs = zip(yes, no, strict=True)
            return [self._where(condition, one, other) for one, other in pairs]
        one, other = self.term(yes), self.term(no)
        if self.same(one.index, other.index):
            return yes
        return self.record("where", Term(self, condition), one, other)


class Terms(dict[int, "Term"]):
    """The terms of a recorder by their indices, each made when it is first taken."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __missing__(self, index: int) -> Term:
        self[index] = made = Term(self.recorder, index)
        return made


class CodeRecorder(Recorder):
    """Appends to a list of instructions; a term's index is its position there.

    at: the terms by their indices.
    """

    def __init__(self, code: Code, gated: bool = True) -> None:
        super().__init__(gated)
        self.code = code
        self.at = Terms(self)

    def term(self, x: Any) -> Term:
        """x itself if it is a term, otherwise a constant."""
        return x if type(x) is Term else Term(self, self.code.constant(float(x)))

    def record(self, op: str, *args: Any) -> Term:
        """Append an instruction on terms and numbers."""
        positions = tuple([self.term(arg).index for arg in args])
        return Term(self, self.code.add(op, positions))

    def apply(self, operation: Operation, args: Sequence[Any]) -> Term:
        """Append a row of the table, or an operation of a user's own."""
        return self.record(self.code.name(operation), *args)

    def number(self, index: int) -> float | None:
        """The number of a constant."""
        return self.code.number(index)

    def truth(self, condition: int) -> bool | None:
        """The truth of a constant, and of a comparison of two."""
        op, args, number = self.code.instructions[condition]
        if op == CONSTANT:
            return number != 0.0
        if op not in COMPARISONS:
            return None
        x, y = [self.code.number(arg) for arg in args]
        return None if x is None or y is None else compare(op, x, y)


class Term:
    """A handle for calculations: `a * b` records a multiplication.

    index: what the recorder knows it by: an instruction's position, or a node.
    """

    __slots__ = ("index", "recorder")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recorder: Recorder, index: Any) -> None:
        self.recorder = recorder
        self.index = index

    def _apply(self, operation: Operation, args: tuple[Any, ...]) -> Term:
        return self.recorder.apply(operation, args)

    def __add__(self, other: Any) -> Term:
        return self.recorder.record("add", self, other)

    def __radd__(self, other: Any) -> Term:
        return self.recorder.record("add", other, self)

    def __sub__(self, other: Any) -> Term:
        return self.recorder.record("sub", self, other)

    def __rsub__(self, other: Any) -> Term:
        return self.recorder.record("sub", other, self)

    def __mul__(self, other: Any) -> Term:
        return self.recorder.record("mul", self, other)

    def __rmul__(self, other: Any) -> Term:
        return self.recorder.record("mul", other, self)

    def __truediv__(self, other: Any) -> Term:
        return self.recorder.record("div", self, other)

    def __rtruediv__(self, other: Any) -> Term:
        return self.recorder.record("div", other, self)

    def __floordiv__(self, other: Any) -> Term:
        return self.recorder.record("floordiv", self, other)

    def __rfloordiv__(self, other: Any) -> Term:
        return self.recorder.record("floordiv", other, self)

    def __mod__(self, other: Any) -> Term:
        return self.recorder.record("mod", self, other)

    def __rmod__(self, other: Any) -> Term:
        return self.recorder.record("mod", other, self)

    def __pow__(self, other: Any) -> Term:
        return self.recorder.record("pow", self, other)

    def __rpow__(self, other: Any) -> Term:
        return self.recorder.record("pow", other, self)

    def __neg__(self) -> Term:
        return self.recorder.record("neg", self)

    def __pos__(self) -> Term:
        return self

    def __abs__(self) -> Term:
        return self.recorder.record("abs", self)

    def __lt__(self, other: Any) -> Term:
        return self.recorder.record("less", self, other)

    def __gt__(self, other: Any) -> Term:
        return self.recorder.record("less", other, self)

    def __le__(self, other: Any) -> Term:
        return self.recorder.record("at_most", self, other)

    def __ge__(self, other: Any) -> Term:
        return self.recorder.record("at_most", other, self)

    def __eq__(self, other: Any) -> Term:  # type: ignore[override]
        return self.recorder.record("equal", self, other)

    def __ne__(self, other: Any) -> Term:  # type: ignore[override]
        return self.recorder.record("differs", self, other)

    def __bool__(self) -> bool:
        return self.recorder.decide(self.index)


def compare(op: str, x: float, y: float) -> bool:
    """The comparison instructions on numbers; false where one is nan, but `differs`."""
    if op == "less":
        return x < y
    if op == "at_most":
        return x <= y
    return x == y if op == "equal" else x != y
