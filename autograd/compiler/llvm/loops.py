"""The array program as small loops over arrays, for one row after the other.

Arrays lie in one memory, one number after the other: the parameters first, then the
inputs of a row, then what the steps make. The lanes of a vector are neighbors in an
array. Whatever an array's size, its step is a call of a loop, and loops of the same
form are one function, which finds offsets, strides and tables of places in a list of
whole numbers. So compiling takes time in proportion to the kinds of steps alone.

A vector may write beyond the end of what it computes: what is there is written after
it, or nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, Final, NamedTuple

from autograd.compiler.arrays import numpy, zeros
from autograd.compiler.instructions import COMPARISONS, CONSTANT, INPUT, Kernel
from autograd.compiler.llvm.operations import Operations
from autograd.compiler.llvm.products import PADDING, Products
from autograd.compiler.llvm.text import Function
from autograd.compiler.steps import (
    Apply,
    Array,
    ArrayProgram,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
    Step,
    contiguous,
    reads,
)

LONGEST: Final = 48  # operations in one loop
SHORT: Final = 48  # numbers of a part of a join that are worth no loop of their own
SELDOM: Final = 32  # of so many turns of loops one may be of a loop translated plainly
SIDES: Final = 3  # of the boxes that a loop runs over; others are read by tables

ONCE, ROW, AFTER = range(3)
"""When a step runs: before the rows, for every row, or when means are known."""


# ---- what is one loop ----------------------------------------------------------------


def loops(program: ArrayProgram) -> list[tuple[int, ...]]:
    """The arrays that are made together: element by element, one from the other."""
    units: list[list[int]] = []
    unit_of: dict[int, int] = {}
    when = phases(program)
    for number, _ in program.made():
        unit = _joins(program, units, unit_of, number)
        if unit >= 0 and when[units[unit][0]] == when[number]:
            units[unit].append(number)
        else:
            unit = len(units)
            units.append([number])
        unit_of[number] = unit
    return [tuple(unit) for unit in units]


def _joins(
    program: ArrayProgram,
    units: Sequence[Sequence[int]],
    unit_of: dict[int, int],
    number: int,
) -> int:
    """The loop that an array can be part of, or -1.

    That is the last of what it reads, if it is read whole and in order.
    """
    array = program.arrays[number]
    assert array is not None
    sources = list(reads(array.step))
    if not isinstance(array.step, Apply) or not sources:
        return -1
    last = max([unit_of[read.array] for read in sources])
    first = program.arrays[units[last][0]]
    assert first is not None
    inside = [read for read in sources if unit_of[read.array] == last]
    whole = isinstance(first.step, Apply) and first.size == array.size
    fits = whole and len(units[last]) < LONGEST
    return last if fits and all(r.is_all_of(array.size) for r in inside) else -1


def phases(program: ArrayProgram) -> dict[int, int]:
    """When the step of each array runs."""
    found: dict[int, int] = {}
    for number, array in program.made():
        if array.varies or over_rows(array.step):
            found[number] = ROW
        else:
            before = [found[read.array] for read in reads(array.step)]
            found[number] = AFTER if any(before) else ONCE
    return found


def over_rows(step: Step) -> bool:
    """Whether a step adds up over the rows."""
    return isinstance(step, (Product, Reduce)) and step.rows


def totals(program: ArrayProgram) -> tuple[list[Read], int]:
    """What the means are read of, part after part, and the array of that, or -1."""
    wanted = program.totals
    array = program.arrays[wanted.array]
    if not prod(wanted.dims):
        return [], -1
    assert array is not None
    alone = [read.array for _, made in program.made() for read in reads(made.step)]
    alone.append(program.outputs.array)
    whole = isinstance(array.step, Join) and wanted.is_all_of(array.size)
    if whole and wanted.array not in alone:
        assert isinstance(array.step, Join)
        return list(array.step.parts), wanted.array
    return [wanted], -1


def kept(program: ArrayProgram, units: Sequence[tuple[int, ...]]) -> set[int]:
    """The arrays that another loop reads."""
    unit_of = {number: unit for unit in units for number in unit}
    parts, joined = totals(program)
    found = {program.outputs.array}
    for part in parts:
        array = program.arrays[part.array]
        assert array is not None
        if not (over_rows(array.step) and part.is_all_of(array.size)):
            found.add(part.array)
    for number, array in program.made():
        if number == joined:
            continue
        sources = [read.array for read in reads(array.step)]
        found.update([n for n in sources if unit_of[n] is not unit_of[number]])
    return found


# ---- boxes of the same sides ---------------------------------------------------------


class Box(NamedTuple):
    """What a loop reads at (i, j, ...): start + i*s + j*t + ..., or by a table."""

    start: int
    strides: tuple[int, ...]
    table: tuple[int, ...] = ()


def aligned(
    given: Sequence[Read], size: int, lanes: int
) -> tuple[tuple[int, ...], list[Box]]:
    """Sides that all boxes have in common, as few as can be, and the boxes with them.

    >>> whole, row = Read(0, 0, (6,), (1,)), Read(1, 4, (2, 3), (0, 1))
    >>> aligned([whole, whole], 6, 4)
    ((6,), [Box(start=0, strides=(1,), table=()), Box(start=0, strides=(1,), table=())])
    >>> aligned([whole, row], 6, 2)[0]
    (2, 3)
    """
    edges = {1, size}
    for read in given:
        if not read.table:
            edges.update(_edges(read.dims))
    ordered = sorted(edges, reverse=True)
    fits = all(a % b == 0 for a, b in itertools.pairwise(ordered))
    dims = [a // b for a, b in itertools.pairwise(ordered)] if fits else []
    strides = [
        [] if read.table or not dims else [_stride(read, edge) for edge in ordered[1:]]
        for read in given
    ]
    boxes = [each for each in strides if each]
    for n in range(len(dims) - 2, -1, -1):
        if all(each[n] == each[n + 1] * dims[n + 1] for each in boxes):
            dims[n : n + 2] = [dims[n] * dims[n + 1]]
            for each in boxes:
                del each[n]
    if len(dims) > SIDES or not dims or (len(dims) > 1 and dims[-1] < lanes):
        return (size,), [_flat(read, size) for read in given]
    return tuple(dims), [
        Box(read.start, tuple(each), read.table)
        for read, each in zip(given, strides, strict=True)
    ]


def _edges(dims: Sequence[int]) -> Iterator[int]:
    step = 1
    for side in reversed(dims):
        yield step
        step *= side


def _stride(read: Read, edge: int) -> int:
    """How far from each other the places are that are so many steps apart."""
    step = 1
    for side, stride in zip(reversed(read.dims), reversed(read.strides), strict=True):
        if edge < step * side:
            return stride * (edge // step)
        step *= side
    return 0


def _flat(read: Read, size: int) -> Box:
    """The box as a line, by a table where it is none."""
    places = read.places()
    step = places[1] - places[0] if size > 1 else 0
    if places == list(range(places[0], places[0] + step * size, step or 1))[:size]:
        return Box(places[0], (step,))
    if step == 0 and len(set(places)) == 1:
        return Box(places[0], (0,))
    return Box(0, (), tuple(places))


# ---- the module ----------------------------------------------------------------------


class Loops(Products):
    """The text of all functions of one kernel, and what its memory holds."""

    MEMORY = ("numbers", "answers", "tables")

    def __init__(self, kernel: Kernel, program: ArrayProgram, lanes: int) -> None:
        super().__init__(lanes)
        self.kernel = kernel
        self.program = program
        self.constants: list[tuple[int, tuple[float, ...]]] = []
        self._places: dict[int, int] = {}
        self._sums: dict[int, int] = {}
        self._when = phases(program)
        self._now = ONCE
        self._copies: dict[tuple[int, Read], Read] = {}
        self._turns: Counter[str] = Counter()
        self._made: tuple[list[tuple[str, int]], ...] = ([], [], [])
        self._totals, joined = totals(program)
        self._units = [unit for unit in loops(program) if unit != (joined,)]
        self._kept = kept(program, self._units)
        self.apart = self.numbers_apart()
        self.room(kernel.parameters)
        self.inputs = self.space(kernel.inputs, True)
        self.rows = self.room(3)  # here, in all, and the share of these
        self.answers = self.room(kernel.targets)

    def arrays(self) -> dict[str, Any]:
        """Everything in one array, of which the answers are a part; whole numbers."""
        made = zeros(self.size + self.reach)
        for place, constants in self.constants:
            made[place : place + len(constants)] = constants
        return {
            "numbers": made,
            "answers": made[self.answers :],
            "tables": numpy().array([*self.words, 0], dtype=numpy().int64),
        }

    def numbers_apart(self) -> int:
        """In how many numbers a result that varies has its place."""
        return 1

    def room(self, count: int) -> int:
        """Where so many numbers have their place in the memory."""
        start = self.size
        self.size += -(-count // PADDING) * PADDING + PADDING
        return start

    def space(self, count: int, varies: bool) -> int:
        """Where so many results have their place."""
        return self.room(count * self.apart if varies else count)

    def text(self) -> str:
        """The module."""
        for unit in self._units:
            self._now = self._when[unit[0]]
            self._unit(unit)
        self._now = AFTER
        at = self.answers
        for part in self._totals:
            self._answer(part, at)
            at += prod(part.dims)
        self._run()
        self._plainly()
        return self.finished()

    def _plainly(self) -> None:
        """Translate plainly the loops that hardly ever run.

        A transformer of 8 tokens is machine code after 172 ms in place of 284, of 16
        tokens after 234 in place of 322, and runs as fast.
        """
        left = self._turns.total() // SELDOM
        for name, turns in sorted(self._turns.items(), key=lambda each: each[1]):
            left -= turns
            if left < 0:
                break
            self.plain(name)

    def _array(self, number: int) -> Array:
        array = self.program.arrays[number]
        assert array is not None, "what is read is there"
        return array

    def call(self, function: str, words: Sequence[int]) -> None:
        """Let a function run with its numbers, now."""
        self._made[self._now].append((function, 8 * self.words_at(words)))

    def _unit(self, unit: tuple[int, ...]) -> None:
        number = unit[0]
        step = self._array(number).step
        if isinstance(step, Leaf):
            self._leaf(number, step)
            return
        for each in unit:
            array = self._array(each)
            if each in self._kept or not isinstance(array.step, Apply):
                self._places[each] = self.space(array.size, array.varies)
        if isinstance(step, Apply):
            self._together(unit)
        elif isinstance(step, Join):
            self._join(step, self._places[number])
        else:
            self._summed(number)

    def _join(self, step: Join, at: int) -> None:
        """Part after part where they are long, else number after number."""
        parts = [self.moved(part) for part in step.parts]
        size = prod(step.dims)
        if size < SHORT * len(parts):
            places = [place for part in parts for place in part.places()]
            parts = [Read(parts[0].array, 0, (size,), (), tuple(places))]
        for part in parts:
            self.copy(part, at)
            at += prod(part.dims)

    def _leaf(self, number: int, leaf: Leaf) -> None:
        """Inputs and parameters where they are, if they are in order there."""
        if leaf.kind == CONSTANT:
            at = self._places[number] = self.room(len(leaf.numbers))
            self.constants.append((at, leaf.numbers))
            return
        inputs = leaf.kind == INPUT
        numbers = [int(each) for each in leaf.numbers]
        places = self.input_places(numbers) if inputs else numbers
        first, count = numbers[0] if numbers else 0, len(numbers)
        self._places[number] = places[0] if numbers else 0
        if numbers != list(range(first, first + count)):
            self._places[number] = self.space(count, inputs)
            read = Read(number, 0, (count,), (), tuple(places))
            self.copy(read, self._places[number])

    def input_places(self, numbers: Sequence[int]) -> list[int]:
        """Where inputs are in the memory."""
        return [self.inputs + number for number in numbers]

    def moved(self, read: Read) -> Read:
        """The read by places in the memory."""
        at = self._places[read.array]
        if read.table:
            return read._replace(table=tuple([at + n for n in read.table]))
        return read._replace(start=at + read.start)

    def _sides(self, step: Product) -> tuple[Read, Read]:
        """First what the slower side of the result counts."""
        left, right = self.moved(step.left), self.moved(step.right)
        return (right, left) if step.turned else (left, right)

    def copied(self, read: Read) -> Read:
        """What is read, copied in the order in which it is."""
        now = self._now
        if self._when[read.array] == ONCE:
            self._now = ONCE
        if (self._now, read) not in self._copies:
            start = self.room(prod(read.dims))
            self.copy(read, start)
            new = Read(read.array, start, read.dims, contiguous(read.dims))
            self._copies[self._now, read] = new
        found = self._copies[self._now, read]
        self._now = now
        return found

    def _summed(self, number: int) -> None:
        """What a step makes; its mean over the rows, where it is that."""
        array, at = self._array(number), self._places[number]
        share = self.room(array.size) if over_rows(array.step) else at
        if isinstance(array.step, Product):
            self.product(self._sides(array.step), share)
        elif isinstance(array.step, Reduce):
            self._reduce(array.step, share)
        if share != at:
            total = self._sums[number] = self.room(array.size)
            words = [8 * share, 8 * total, array.size]
            self.call(self.function("accumulate"), words)
            self.average(number, at)

    def average(self, number: int, at: int) -> None:
        """The mean over the rows, from the sum, where more is made of it."""
        if number in self._kept:
            self._now = AFTER
            self._mean(number, at, self.rows)

    def _mean(self, number: int, at: int, count: int) -> None:
        """A sum divided by the number of rows that is at a place."""
        words = [8 * self._sums[number], 8 * at, self._array(number).size, 8 * count]
        self.call(self.function("average"), words)

    def _answer(self, part: Read, at: int) -> None:
        """The means over all rows, of which these are a share."""
        array = self._array(part.array)
        if over_rows(array.step) and part.is_all_of(array.size):
            self._mean(part.array, at, self.rows + 1)
            return
        loop = self.loop_over([self.moved(part)], prod(part.dims))
        place = loop.body.address("%numbers", 8 * (self.rows + 2))
        share = loop.body.splat(loop.body.load("double", place))
        kind = loop.body.double
        loop.write(
            1, lambda loaded: [loop.body.emit(f"fmul {kind} {loaded[0]}, {share}")]
        )
        self.call(self.shared(loop.body, "share"), [*loop.words, 8 * at])

    # ---- element by element ----

    def loop_over(self, given: Sequence[Read], size: int) -> Loop:
        """A loop over so many elements, for which this is read."""
        dims, boxes = aligned(given, size, self.lanes)
        return Loop(self, dims, boxes)

    def copy(self, read: Read, at: int) -> None:
        """Copy what is read to a place in the memory."""
        loop = self.loop_over([read], prod(read.dims))
        loop.write(1, list)
        self._looped(loop, prod(read.dims), [8 * at])

    def _together(self, unit: tuple[int, ...]) -> None:
        """One loop that makes several arrays."""
        size = self._array(unit[0]).size
        inside = set(unit)
        found: dict[Read, int] = {}
        for each in unit:
            for read in reads(self._array(each).step):
                if read.array not in inside:
                    found.setdefault(read, len(found))
        kept = [each for each in unit if each in self._kept]
        loop = self.loop_over([self.moved(r) for r in found], size)

        def elements(loaded: Sequence[str]) -> list[str]:
            formula = Formula(self.program, loop.body, inside, found, loaded)
            return [formula.value(each) for each in kept]

        loop.write(len(kept), elements)
        targets = [8 * self._places[each] for each in kept]
        self._looped(loop, size, targets)

    def _looped(self, loop: Loop, size: int, targets: Sequence[int]) -> None:
        """Call a loop over so many elements."""
        name = self.shared(loop.body, "loop")
        self._turns[name] += -(-size // self.lanes)
        self.call(name, [*loop.words, *targets])

    # ---- sums, and what is folded ----

    def _reduce(self, step: Reduce, at: int) -> None:
        """Along the last side, or across it where the others are next to each other."""
        read = self.moved(step.read)
        count, outs = read.dims[-1], prod(read.dims[:-1])
        if outs >= self.lanes:
            order = [len(read.dims) - 1, *range(len(read.dims) - 1)]
            read = read.turned(*order)
            dims, (box,) = aligned([read], count * outs, 1)
            if dims != (count, outs) or box.table or box.strides[1] != 1:
                box = Box(self.copied(read).start, (outs, 1))
            words = [8 * box.start, 8 * at, outs, count, 8 * box.strides[0]]
            self.call(self.function("across", step.op), words)
            return
        if read.table or read.strides[-1] != 1 or len(read.dims) > 2:
            read = self.copied(read)._replace(strides=(count, 1))
        words = [8 * read.start, 8 * at, outs, count, 8 * read.strides[0]]
        self.call(self.function("along", step.op), words)

    # ---- the whole call ----

    def _run(self) -> None:
        body = self.begun()
        mine = body.whole_op("sub", "%stop", "%start")
        rows = body.emit(f"sitofp i64 {mine} to double")
        whole = body.emit("sitofp i64 %total to double")
        share = body.emit(f"fdiv double {rows}, {whole}")
        for n, x in enumerate((rows, whole, share)):
            body.store("double", x, "%numbers", 8 * (self.rows + n))
        self._emit_calls(body, ONCE)
        for number, total in self._sums.items():
            self._clear(body, total, self._array(number).size)
        self._over(body)
        self._emit_calls(body, AFTER)
        self.add_run(body)

    def _over(self, body: Function) -> None:
        """Row after row."""
        body.loop("%start", "%stop", lambda row: self._one_row(body, row))

    def _emit_calls(self, body: Function, when: int, rows: str = "1") -> None:
        """Call one function after the other, in a loop: written out, it is long."""
        made = self._made[when]
        functions = self.table([f"ptrtoint (ptr @{name} to i64)" for name, _ in made])
        places = self.table([at for _, at in made])

        def one(n: str) -> None:
            words = body.address("%tables", body.entry(places, n))
            function = body.emit(f"inttoptr i64 {body.entry(functions, n)} to ptr")
            args = f"ptr %numbers, ptr {words}, ptr %tables, i64 {rows}"
            body.lines.append(f"  call void {function}({args})")

        if made:
            body.loop(0, len(made), one)

    def _clear(self, body: Function, start: int, size: int) -> None:
        zero = body.number(0.0)

        def vector(n: str) -> None:
            at = body.address("%numbers", body.whole_op("shl", n, 3))
            body.store(body.double, zero, at, 8 * start, align=8)

        body.loop(0, size, vector, step=self.lanes)

    def _one_row(self, body: Function, row: str) -> None:
        width = 8 * self.kernel.inputs
        source = body.address("%X", body.whole_op("mul", row, width))

        def column(n: str) -> None:
            at = body.whole_op("shl", n, 3)
            target = body.address("%numbers", 8 * self.inputs)
            body.store("double", body.load("double", source, at), target, at)

        body.loop(0, self.kernel.inputs, column)
        self._emit_calls(body, ROW)
        outputs = self.moved(self.program.outputs).places()
        if outputs:
            width = 8 * len(outputs)
            target = body.address("%outputs", body.whole_op("mul", row, width))
            self._picked(body, outputs, target)

    def _picked(self, body: Function, places: Sequence[int], target: str) -> None:
        """Numbers of the memory, one after the other."""
        at = self.words_at([8 * place for place in places])
        table = body.address("%tables", 8 * at)

        def one(k: str) -> None:
            x = body.load("double", "%numbers", body.entry(table, k))
            body.store("double", x, target, body.whole_op("shl", k, 3))

        body.loop(0, len(places), one)


class Formula:
    """The operations of one loop on the vectors that it has loaded."""

    def __init__(
        self,
        program: ArrayProgram,
        body: Function,
        inside: set[int],
        found: dict[Read, int],
        loaded: Sequence[str],
    ) -> None:
        self.program = program
        self.inside = inside
        self.found = found
        self.loaded = loaded
        self.made: dict[int, str] = {}
        self.operations = Operations(body)

    def value(self, number: int) -> str:
        """The name of what an array is made of."""
        if number not in self.made:
            self.made[number] = self._made(self._step(number))
        return self.made[number]

    def _step(self, number: int) -> Apply:
        array = self.program.arrays[number]
        assert array is not None
        assert isinstance(array.step, Apply)
        return array.step

    def _made(self, step: Apply) -> str:
        if step.op == "where":
            truth = self._truth(step.args[0])
            return self.operations.select(truth, *map(self._read, step.args[1:]))
        values = [self._read(arg) for arg in step.args]
        if step.op in ("minimum", "maximum"):
            total = values[0]
            for value in values[1:]:
                total = self.operations.apply(step.op, [total, value])
            return total
        return self.operations.apply(step.op, values)

    def _read(self, read: Step) -> str:
        assert isinstance(read, Read)
        if read.array in self.inside:
            return self.value(read.array)
        return self.loaded[self.found[read]]

    def _truth(self, read: Step) -> str:
        assert isinstance(read, Read)
        if read.array in self.inside:
            step = self._step(read.array)
            if step.op in COMPARISONS:
                x, y = map(self._read, step.args)
                return self.operations.compare(step.op, x, y)
        return self.operations.truth(self._read(read))


class Loop:
    """Loops around vectors that are loaded, calculated with, and stored in order."""

    def __init__(
        self, unit: Products, dims: tuple[int, ...], boxes: Sequence[Box]
    ) -> None:
        self.body = Function(unit.lanes)
        self.dims = dims
        self.boxes = boxes
        self.words: list[int] = list(dims)
        self._sides = [self._word(n) for n in range(len(dims))]
        self._pointers: list[str] = []
        self._strides: list[list[str]] = []
        for box in boxes:
            self._described(box, unit)

    def _word(self, n: int) -> str:
        return self.body.load("i64", "%d", 8 * n)

    def word(self, number: int) -> str:
        """One more number of this loop."""
        self.words.append(number)
        return self._word(len(self.words) - 1)

    def _described(self, box: Box, unit: Products) -> None:
        if box.table:
            at = 8 * unit.words_at([*[8 * n for n in box.table], *[0] * PADDING])
            self._pointers.append(self.body.address("%tables", self.word(at)))
            self._strides.append([])
            return
        start = self.word(8 * box.start)
        self._pointers.append(self.body.address("%numbers", start))
        unit.reach = max(unit.reach, PADDING * box.strides[-1])
        self._strides.append([self.stride(*each) for each in enumerate(box.strides)])

    def stride(self, level: int, stride: int) -> str:
        """How far the elements are apart along one side; nothing for neighbors."""
        neighbors = stride == 1 and level == len(self.dims) - 1
        return self.word(8 * stride) if stride and not neighbors else ""

    def write(
        self, count: int, elements: Callable[[Sequence[str]], Sequence[str]]
    ) -> None:
        """Write the loops around elements(loaded), the `count` vectors to be stored."""
        self._elements = elements
        words = range(len(self.words), len(self.words) + count)
        places = [self._word(n) for n in words]
        self.targets = [self.body.address("%numbers", place) for place in places]
        self._nest(0, self._pointers, "0")

    def _nest(self, level: int, pointers: list[str], flat: str) -> None:
        if level == len(self.dims) - 1:
            self._inner(level, pointers, flat)
        else:
            self._turn(level, pointers, flat)

    def _turn(self, level: int, pointers: list[str], flat: str) -> None:
        """A loop along one side."""
        body = self.body
        below = "1"
        for side in self._sides[level + 1 :]:
            below = body.whole_op("mul", below, side)

        def one(i: str) -> None:
            moved = []
            for pointer, strides in zip(pointers, self._strides, strict=True):
                if strides and strides[level]:
                    offset = body.whole_op("mul", i, strides[level])
                    pointer = body.address(pointer, offset)
                moved.append(pointer)
            start = body.whole_op("add", flat, body.whole_op("mul", i, below))
            self._nest(level + 1, moved, start)

        body.loop(0, self._sides[level], one)

    def _inner(self, level: int, pointers: list[str], flat: str) -> None:
        body = self.body
        same = {
            n: body.splat(body.load("double", pointers[n]))
            for n, box in enumerate(self.boxes)
            if not box.table and not box.strides[level]
        }

        def vector(c: str) -> None:
            place = body.whole_op("shl", body.whole_op("add", flat, c), 3)
            loaded = [
                same.get(n) or self._loaded(n, pointers[n], level, c, place)
                for n in range(len(self.boxes))
            ]
            values = self._elements(loaded)
            for target, value in zip(self.targets, values, strict=True):
                body.store(body.double, value, target, place, align=8)

        body.loop(0, self._sides[level], vector, step=body.lanes)

    def _loaded(self, n: int, pointer: str, level: int, c: str, place: str) -> str:
        body = self.body
        box = self.boxes[n]
        if box.table:
            at = body.address(pointer, place)
            places = [body.load("i64", at, 8 * lane) for lane in range(body.lanes)]
            return body.vector([body.load("double", "%numbers", p) for p in places])
        if box.strides[level] == 1:
            return body.load(body.double, pointer, body.whole_op("shl", c, 3), align=8)
        stride = self._strides[n][level]
        at = body.address(pointer, body.whole_op("mul", c, stride))
        numbers = []
        for lane in range(body.lanes):
            numbers.append(body.load("double", at))
            if lane < body.lanes - 1:
                at = body.address(at, stride)
        return body.vector(numbers)
