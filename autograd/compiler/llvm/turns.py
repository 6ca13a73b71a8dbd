"""Loops over a memory as machine code: one function for each, called one after another.

The memory holds vectors, a cell one number for each of as many rows as there are lanes.
One call goes through the rows vector by vector: the memory is made as it is in the
beginning, the inputs are put into their cells, the loops run, and what is asked for is
taken out. A program without inputs has one row, and vectors of one number.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from autograd.compiler.arrays import numpy, zeros
from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    INPUT,
    CompileError,
    Kernel,
)
from autograd.compiler.llvm.backend import LlvmKernel, processor
from autograd.compiler.llvm.expansions import expanded, native
from autograd.compiler.llvm.operations import Operations
from autograd.compiler.llvm.packs import Wide, fill, packs
from autograd.compiler.llvm.text import Function, Unit
from autograd.compiler.llvm.tiles import added
from autograd.compiler.passes import write_out
from autograd.compiler.repeats import (
    Cells,
    Loop,
    Rolled,
    Write,
    along,
    backward,
    stored,
)

LARGE: Final = 2000  # instructions of a body: beyond, it is not optimized
LONG: Final = 500  # instructions of a body that runs many times: as beyond LARGE
RUNS: Final = 16  # of cells next to each other, up to which each has loops of its own


class Asked(NamedTuple):
    """What is put into the memory beside the inputs, and what is taken out.

    numbers: cells for what a call is given as parameters. outputs: cells that are kept
    for every row. sums: cells whose means over the rows are wanted.
    """

    numbers: Sequence[int]
    outputs: tuple[int, ...]
    sums: tuple[int, ...]


class Turns(Unit):
    """The text of all loops, and what their memory is in the beginning."""

    MEMORY = ("memory", "first", "tables", "numbers", "answers")

    def __init__(self, rolled: Rolled, asked: Asked) -> None:
        super().__init__(processor()[2] if rolled.inputs else 1)
        self.rolled, self.anew = stored(rolled)
        self.asked = asked
        self.width = 8 * self.lanes
        self.words: list[int] = []
        self._tables_of: dict[Cells, int] = {}
        self._called: list[str] = []

    def text(self) -> str:
        """The module."""
        for n, loop in enumerate(self.rolled.loops):
            self._loop(f"loop{n}", _written(loop))
        self._run()
        return self.finished()

    def arrays(self) -> dict[str, Any]:
        """The memory, what it is in the beginning, and what goes in and out."""
        lanes, count = self.lanes, self.rolled.size * self.lanes
        memory = zeros(count + processor()[2])  # read beyond
        first = zeros(count)
        for cell, number in self.rolled.constants:
            first[cell * lanes : (cell + 1) * lanes] = number
        memory[:count] = first
        return {
            "memory": memory,
            "first": first,
            "tables": numpy().array([*self.words, 0], dtype=numpy().int64),
            "numbers": zeros(len(self.asked.numbers) + 1),
            "answers": zeros(len(self.asked.sums) + 1),
        }

    def _words_at(self, words: Sequence[int]) -> int:
        """Where whole numbers stand in the table of all, in bytes."""
        self.words += words
        return 8 * (len(self.words) - len(words))

    # ---- one loop ----

    def _loop(self, name: str, loop: Loop) -> None:
        """Turns side by side where they are apart, and the others one by one."""
        wide = processor()[2]
        whole = loop.turns // wide * wide
        if self.lanes > 1 or not whole or not loop.apart:
            self._turns(name, loop, 0)
            return
        self.kinds.add(wide)
        body = Function(wide)
        totals = [write for write in loop.writes if write.cells.alone]

        def turn(t: str, *sums: str) -> list[str]:
            at = functools.partial(self._at, body, t=t)
            return Across(body, loop, at, sums).written()

        zeros = [body.number(0.0)] * len(totals)
        sums = body.loop(0, whole, turn, step=wide, first=zeros)
        for write, total in zip(totals, sums, strict=True):
            at = self._at(body, write.cells, "0")
            added(body, body.over_lanes("sum", total), at)
        self._add_loop(name, body, len(loop.body) > LONG)
        if whole < loop.turns:
            self._turns(f"{name}.rest", loop, whole)

    def _turns(self, name: str, loop: Loop, first: int) -> None:
        """The turns from the first on, one by one."""
        body, wide = Function(self.lanes), processor()[2]
        found = packs(loop.body, loop.reads, wide) if self.lanes == 1 else []
        packed = fill(found)
        self.kinds |= {wide} if packed else set()
        over = Wide(body, wide)
        pairs = [] if packed or loop.turns == 1 else loop.handed

        def turn(t: str, *known: str) -> list[str]:
            at = functools.partial(self._at, body, t=t)
            if packed:
                Packed(body, loop, at, over).write(found)
                return []
            handed = dict(zip([read for read, _ in pairs], known, strict=True))
            kept = Body(body, loop, at, handed).write()
            return [kept[write] for _, write in pairs]

        if loop.turns > 1:
            known = [
                body.load(body.double, self._at(body, loop.reads[read], str(first)))
                for read, _ in pairs
            ]
            body.loop(first, loop.turns, turn, first=known)
        else:
            turn("0")
        self.calls_of(over)
        long = len(found) if packed else len(loop.body)
        self._add_loop(name, body, long > (LARGE if loop.turns == 1 else LONG))

    def _add_loop(self, name: str, body: Function, plain: bool) -> None:
        self.add(body, name, "ptr %memory, ptr noalias %tables", plain)
        self._called.append(name)

    def _at(self, body: Function, cells: Cells, t: str, lane: int = 0) -> str:
        """The address of what lies there at a turn, or so many turns after it."""
        if cells.table:
            if cells not in self._tables_of:
                words = [self.width * cell for cell in cells.table]
                self._tables_of[cells] = self._words_at(words)
            table = body.address("%tables", self._tables_of[cells] + 8 * lane)
            return body.address("%memory", body.entry(table, t))
        first = cells.start + lane * cells.stride
        start = body.address("%memory", self.width * first)
        if not cells.stride or t == "0":
            return start
        return body.address(start, body.whole_op("mul", t, self.width * cells.stride))

    # ---- the whole call ----

    def _run(self) -> None:
        body = self.begun()
        count = len(self.asked.sums)

        def clear(over: Function, at: str) -> None:
            over.store(over.double, over.number(0.0), "%answers", at, align=8)

        def share(over: Function, at: str) -> None:
            total = over.load(over.double, "%answers", at, align=8)
            mean = over.emit(f"fdiv {over.double} {total}, {over.splat(rows)}")
            over.store(over.double, mean, "%answers", at, align=8)

        self._along(body, count, clear)
        body.loop("%start", "%stop", lambda r: self._rows(body, r), self.lanes)
        rows = body.emit("sitofp i64 %total to double")
        self._along(body, count, share)
        self.add_run(body)

    def _along(
        self, body: Function, count: int, work: Callable[[Function, str], None]
    ) -> None:
        """Work on numbers in order, by their offsets: vectors, then what is left."""
        wide = processor()[2]
        whole = count // wide * wide
        for lanes, start, stop in ((wide, 0, whole), (1, whole, count)):
            over = Wide(body, lanes)
            self.kinds.add(lanes)

            def one(n: str, over: Function = over) -> None:
                work(over, body.whole_op("shl", n, 3))

            if start < stop:
                body.loop(start, stop, one, step=lanes)

    def _listed(
        self,
        body: Function,
        cells: Sequence[int],
        work: Callable[[Function, str, str], None],
    ) -> None:
        """Work on cells one by one, by the offsets in the list and in the memory.

        Of numbers, as many at a time as there are lanes, where they are neighbors.
        """
        runs = _runs(cells)
        if self.lanes > 1 or len(runs) > RUNS:
            at = self._words_at([self.width * cell for cell in cells])
            table, one = body.address("%tables", at), Wide(body, 1)

            def single(n: str) -> None:
                work(one, body.whole_op("shl", n, 3), body.entry(table, n))

            body.loop(0, len(cells), single)
            return
        for first, count in runs:
            at, start = 8 * first, 8 * cells[first]

            def several(
                over: Function, n: str, at: int = at, start: int = start
            ) -> None:
                offsets = [body.whole_op("add", n, more) for more in (at, start)]
                work(over, *offsets)

            self._along(body, count, several)

    def _rows(self, body: Function, row: str) -> None:
        """As many rows as there are lanes; the last one again where there are fewer."""
        self._begin(body, row)
        for name in self._called:
            body.call_void(name, "ptr %memory, ptr %tables")
        count = len(self.asked.outputs)
        left = body.whole_op("sub", "%stop", row)
        fewer = body.emit(f"icmp slt i64 {left}, {self.lanes}")
        lanes = body.emit(f"select i1 {fewer}, i64 {left}, i64 {self.lanes}")

        def lane(n: str) -> None:
            place = body.address("%memory", body.whole_op("shl", n, 3))
            width = body.whole_op("mul", body.whole_op("add", row, n), 8 * count)
            target = body.address("%outputs", width)

            def output(over: Function, at: str, cell: str) -> None:
                x = over.load(over.double, place, cell, align=8)
                over.store(over.double, x, target, at, align=8)

            def total(over: Function, at: str, cell: str) -> None:
                x = over.load(over.double, place, cell, align=8)
                known = over.load(over.double, "%answers", at, align=8)
                x = over.emit(f"fadd {over.double} {known}, {x}")
                over.store(over.double, x, "%answers", at, align=8)

            self._listed(body, self.asked.outputs, output)
            self._listed(body, self.asked.sums, total)

        body.loop(0, lanes, lane)

    def _begin(self, body: Function, row: str) -> None:
        """The memory before the loops: what it is first, inputs, parameters."""
        rolled = self.rolled

        def same(over: Function, _: str, cell: str) -> None:
            over = over if self.lanes == 1 else body
            x = over.load(over.double, "%first", cell, align=8)
            over.store(over.double, x, "%memory", cell, align=8)

        def parameter(over: Function, at: str, cell: str) -> None:
            x = over.load(over.double, "%numbers", at, align=8)
            if self.lanes > 1:
                over, x = body, body.splat(x)
            over.store(over.double, x, "%memory", cell, align=8)

        self._listed(body, self.anew, same)
        self._listed(body, self.asked.numbers, parameter)
        last = body.whole_op("sub", "%stop", 1)
        for lane in range(self.lanes if rolled.inputs else 0):
            wanted = body.whole_op("add", row, lane)
            beyond = body.emit(f"icmp sgt i64 {wanted}, {last}")
            found = body.emit(f"select i1 {beyond}, i64 {last}, i64 {wanted}")
            source = body.address("%X", body.whole_op("mul", found, 8 * rolled.inputs))
            target = body.address("%memory", 8 * lane)

            def column(n: str, source: str = source, target: str = target) -> None:
                x = body.load("double", source, body.whole_op("shl", n, 3))
                body.store("double", x, target, body.whole_op("mul", n, self.width))

            body.loop(0, rolled.inputs, column)


class Body:
    """The instructions of one turn; of a comparison only its choices are written.

    at: writes the address of what lies in some cells.
    handed: what is known, without the memory, of what is read.
    """

    def __init__(
        self,
        function: Function,
        loop: Loop,
        at: Callable[..., str],
        handed: Mapping[int, str] | None = None,
    ) -> None:
        self.function = function
        self.loop = loop
        self.at = at
        self.code = loop.body
        self.handed = handed or {}
        self.made: dict[int, str] = {}
        self.operations = Operations(function)

    def write(self) -> list[str]:
        """All of them, then what goes into the memory, which is returned."""
        for index, (op, _, _) in enumerate(self.code.instructions):
            if op == INPUT:
                self.value(index)
        for index in range(len(self.code)):
            self.emit(index)
        return list(map(self.keep, self.loop.writes))

    def emit(self, index: int) -> None:
        """Write one instruction."""
        op, args, _ = self.code.instructions[index]
        if op == "where":
            cases = map(self.value, args[1:])
            self.made[index] = self.operations.select(self._truth(args[0]), *cases)
        elif op not in COMPARISONS:
            self.value(index)

    def keep(self, write: Write) -> str:
        """Put a result into the memory, or add it to what is there."""
        body, at = self.function, self.at(write.cells)
        x = self.value(write.position)
        if write.adds:
            x = body.emit(f"fadd {body.double} {body.load(body.double, at)}, {x}")
        body.store(body.double, x, at)
        return x

    def value(self, index: int) -> str:
        """The name of a result."""
        if index not in self.made:
            self.made[index] = self.found(index)
        return self.made[index]

    def found(self, index: int) -> str:
        """Write what makes a result; its name."""
        op, args, number = self.code.instructions[index]
        if op == CONSTANT:
            return self.function.number(number)
        if op == INPUT and int(number) in self.handed:
            return self.handed[int(number)]
        if op == INPUT:
            return self.read(self.loop.reads[int(number)])
        return self.operations.apply(op, [self.value(arg) for arg in args])

    def read(self, cells: Cells) -> str:
        """Write what loads from the memory; its name."""
        return self.function.load(self.function.double, self.at(cells))

    def _truth(self, index: int) -> str:
        op, args, _ = self.code.instructions[index]
        if op in COMPARISONS:
            return self.operations.compare(op, *[self.value(arg) for arg in args])
        return self.operations.truth(self.value(index))


class Across(Body):
    """The same for as many turns at once as there are lanes.

    sums: what has been added up for each write that is to one cell at all turns.
    """

    def __init__(
        self,
        function: Function,
        loop: Loop,
        at: Callable[..., str],
        sums: Sequence[str],
    ) -> None:
        super().__init__(function, loop, at)
        self.known = list(sums)
        self.sums: list[str] = []

    def written(self) -> list[str]:
        """Write all; what is added up now."""
        self.write()
        return self.sums

    def read(self, cells: Cells) -> str:
        """A vector from one cell, from neighbors, or from anywhere."""
        body = self.function
        if cells.alone:
            return body.splat(body.load("double", self.at(cells)))
        if not cells.table and abs(cells.stride) == 1:
            x = body.load(body.double, self._lowest(cells), align=8)
            return x if cells.stride == 1 else body.backward(x)
        places = [self.at(cells, lane=lane) for lane in range(body.lanes)]
        return body.vector([body.load("double", place) for place in places])

    def keep(self, write: Write) -> str:
        """Put a vector where its turns want it."""
        body, cells, x = self.function, write.cells, self.value(write.position)
        if cells.alone:
            known = self.known[len(self.sums)]
            self.sums.append(body.emit(f"fadd {body.double} {known}, {x}"))
        elif not cells.table and abs(cells.stride) == 1:
            at = self._lowest(cells)
            x = x if cells.stride == 1 else body.backward(x)
            if write.adds:
                known = body.load(body.double, at, align=8)
                x = body.emit(f"fadd {body.double} {known}, {x}")
            body.store(body.double, x, at, align=8)
        else:
            for lane in range(body.lanes):
                at = self.at(cells, lane=lane)
                one = body.emit(f"extractelement {body.double} {x}, i64 {lane}")
                added(body, one, at) if write.adds else body.store("double", one, at)
        return x

    def _lowest(self, cells: Cells) -> str:
        """The address of the first of the neighbors."""
        return self.at(cells, lane=0 if cells.stride == 1 else self.function.lanes - 1)


class Packed(Body):
    """The same, several instructions at a time."""

    def __init__(
        self, function: Function, loop: Loop, at: Callable[[Cells], str], wide: Wide
    ) -> None:
        super().__init__(function, loop, at)
        self.wide = wide
        self.together = Operations(wide)
        self.lane_of: dict[int, tuple[str, int]] = {}
        self.vectors: dict[tuple[int, ...], str] = {}

    def write(self, found: Sequence[Sequence[int]] = ()) -> list[str]:
        """All packs, then what goes into the memory."""
        for pack in found:
            if len(pack) == 1:
                self.emit(pack[0])
            elif self.code.instructions[pack[0]].op not in COMPARISONS:
                name = self._pack(pack)
                self.lane_of |= {index: (name, n) for n, index in enumerate(pack)}
        writes = sorted(self.loop.writes, key=lambda w: (w.adds, w.cells))
        while writes:
            part = writes[: self.wide.lanes]
            if len(part) < self.wide.lanes or not _side_by_side(part):
                self.keep(writes.pop(0))
                continue
            del writes[: self.wide.lanes]
            self._keep_all(part)
        return []

    def _keep_all(self, part: Sequence[Write]) -> None:
        wide, at = self.wide, self.at(part[0].cells)
        x = self.vector([write.position for write in part])
        if part[0].adds:
            known = wide.load(wide.double, at, align=8)
            x = wide.emit(f"fadd {wide.double} {known}, {x}")
        wide.store(wide.double, x, at, align=8)

    def _pack(self, pack: Sequence[int]) -> str:
        op = self.code.instructions[pack[0]].op
        args = [self.code.instructions[index].args for index in pack]
        columns = list(zip(*args, strict=True))
        if op != "where":
            return self.together.apply(op, list(map(self.vector, columns)))
        asked = [self.code.instructions[index] for index in columns[0]]
        if len({made.op for made in asked}) == 1 and asked[0].op in COMPARISONS:
            sides = zip(*[made.args for made in asked], strict=True)
            truth = self.together.compare(asked[0].op, *map(self.vector, sides))
        else:
            truth = self.together.truth(self.vector(columns[0]))
        return self.together.select(truth, *map(self.vector, columns[1:]))

    def vector(self, members: Sequence[int]) -> str:
        """The name of several results; lanes beyond them hold what they may."""
        key = tuple(members)
        if key not in self.vectors:
            self.vectors[key] = self._vector(key)
        return self.vectors[key]

    def _vector(self, members: tuple[int, ...]) -> str:
        name, _ = self.lane_of.get(members[0], ("", 0))
        if all(self.lane_of.get(i) == (name, n) for n, i in enumerate(members)):
            return name
        if len(set(members)) == 1:
            return self.wide.splat(self.value(members[0]))
        instructions = [self.code.instructions[index] for index in members]
        if all(made.op == INPUT for made in instructions):
            cells = [self.loop.reads[int(made.number)] for made in instructions]
            if _neighbors(cells):
                return self.wide.load(self.wide.double, self.at(cells[0]), align=8)
        return self.wide.vector([self.value(index) for index in members])

    def found(self, index: int) -> str:
        """Write what makes a result, or take it out of its vector."""
        if index not in self.lane_of:
            return super().found(index)
        name, lane = self.lane_of[index]
        kind = self.wide.double
        return self.function.emit(f"extractelement {kind} {name}, i64 {lane}")


def _runs(cells: Sequence[int]) -> list[tuple[int, int]]:
    """Of cells that follow each other in a list, where the first is, and how many."""
    starts = [n for n, cell in enumerate(cells) if not n or cells[n - 1] + 1 != cell]
    return [(a, b - a) for a, b in itertools.pairwise([*starts, len(cells)])]


def _neighbors(cells: Sequence[Cells]) -> bool:
    """Whether they are next to each other at every turn."""
    first = cells[0]
    return not first.table and all(
        each == first.moved(n) for n, each in enumerate(cells)
    )


def _side_by_side(writes: Sequence[Write]) -> bool:
    same = len({write.adds for write in writes}) == 1
    return same and _neighbors([write.cells for write in writes])


def _written(loop: Loop) -> Loop:
    """The same in operations of machine code; CompileError where there are none."""
    loop = loop.optimized()
    outputs = tuple([write.position for write in loop.writes])
    kernel = Kernel(loop.body, len(loop.reads), 0, outputs)
    kernel = expanded(write_out(kernel, native))
    places = zip(loop.writes, kernel.outputs, strict=True)
    writes = [write._replace(position=position) for write, position in places]
    return loop._replace(body=kernel.code, writes=tuple(writes))


def turns_kernel(rolled: Rolled, kind: str) -> TurnsKernel | None:
    """What runs one kind of request; None where its operations are no machine code.

    kind: as in `Program.kernel`. Others than these have no loops.
    """
    if kind not in ASKED:
        return None
    made, asked = ASKED[kind](rolled)
    try:
        return TurnsKernel(made, asked)
    except CompileError:
        return None


def _forward(rolled: Rolled) -> tuple[Rolled, Asked]:
    return rolled, Asked(_parameters(rolled), rolled.outputs, ())


def _gradient(rolled: Rolled) -> tuple[Rolled, Asked]:
    slopes = _parameters(rolled, rolled.size)
    asked = Asked(_parameters(rolled), (), (*slopes, rolled.outputs[0]))
    return backward(rolled), asked


def _input_grad(rolled: Rolled) -> tuple[Rolled, Asked]:
    slopes = range(rolled.size, rolled.size + rolled.inputs)
    asked = Asked(_parameters(rolled), (rolled.outputs[0], *slopes), ())
    return backward(rolled), asked


def _jacobian(rolled: Rolled) -> tuple[Rolled, Asked]:
    """The gradient of every row, not added up."""
    slopes = _parameters(rolled, rolled.size)
    return backward(rolled), Asked(_parameters(rolled), tuple(slopes), ())


def _hvp(rolled: Rolled) -> tuple[Rolled, Asked]:
    """The tangents of the gradient, along those of the parameters; the gradient."""
    made = backward(rolled, gated=True)
    numbers = [*_parameters(rolled), *_parameters(rolled, made.size)]
    further = rolled.size + made.size, rolled.size
    slopes = [cell for start in further for cell in _parameters(rolled, start)]
    return along(made), Asked(numbers, (), tuple(slopes))


def _parameters(rolled: Rolled, further: int = 0) -> range:
    """The cells of the parameters, or of what lies so much further."""
    start = rolled.inputs + further
    return range(start, start + rolled.parameters)


ASKED: Final[dict[str, Callable[[Rolled], tuple[Rolled, Asked]]]] = {
    "forward": _forward,
    "gradient": _gradient,
    "input": _input_grad,
    "jacobian": _jacobian,
    "hvp": _hvp,
}


class TurnsKernel(LlvmKernel):
    """Loops over a memory as machine code."""

    def __init__(self, rolled: Rolled, asked: Asked) -> None:
        self.module = Turns(rolled, asked)
        self.outputs, self.targets = len(asked.outputs), len(asked.sums)
        self.parameters = len(asked.numbers)
