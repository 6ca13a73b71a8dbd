"""The array program as loops over arrays and rows, many rows at a time.

The rows are one more side of every array that depends on them, the last one, and the
lanes of a vector are rows next to each other. The rows of a call go through in blocks.
A result that varies is `apart` numbers in the memory, as many as a block has rows and
some more, so that neighbors don't share a set of the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from autograd.compiler.llvm.loops import ROW, Box, Loop, Loops, aligned, over_rows
from autograd.compiler.llvm.products import PADDING, folded_with
from autograd.compiler.llvm.text import Function
from autograd.compiler.llvm.tiles import HIGH, TALL, Meeting, Tiles, added, heights
from autograd.compiler.steps import (
    Join,
    Product,
    Read,
    Reduce,
    contiguous,
)

BLOCK_BYTES = 512 * 1024  # of results of a block, beside what every block goes through
LARGER_BYTES = 2048 * 1024  # the same, where the block would be shorter than LEAST
LEAST, MOST = 3, 64  # vectors of rows in a block; rows of it


class Rows(Loops):
    """The text of all functions of one kernel, and what its memory holds."""

    block: int

    def numbers_apart(self) -> int:
        """In how many numbers a result that varies has its place."""
        self._ended: set[int] = set()
        arrays = self.program.made()
        made = [a.size for n, a in arrays if n in self._kept and a.varies]
        line = 8 * PADDING * max(1, sum(made))
        fits = (BLOCK_BYTES + 16 * self.kernel.parameters) // line
        least = LEAST if LEAST * line <= LARGER_BYTES else 1
        lines = max(least, min(MOST // PADDING, fits))
        self.block = lines * PADDING
        return (lines if lines < 4 else lines | 1) * PADDING

    def moved(self, read: Read) -> Read:
        """The read by places in the memory."""
        at, apart = self._places[read.array], 1
        if self._varies(read):
            apart = self.apart
        return read._replace(
            start=at + apart * read.start,
            strides=tuple([apart * stride for stride in read.strides]),
            table=tuple([at + apart * n for n in read.table]),
        )

    def _varies(self, read: Read) -> bool:
        return self._array(read.array).varies

    def input_places(self, numbers: Sequence[float]) -> list[int]:
        """Where inputs are in the memory."""
        return [self.inputs + self.apart * int(number) for number in numbers]

    # ---- element by element ----

    def loop_over(self, given: Sequence[Read], size: int) -> Loop:
        """A loop over so many elements, for which this is read."""
        if self._now != ROW:
            return super().loop_over(given, size)
        dims, boxes = aligned(given, size, 1)
        return RowLoop(self, dims, boxes, [self._varies(read) for read in given])

    def _join(self, step: Join, at: int) -> None:
        """Part after part."""
        if self._now != ROW:
            super()._join(step, at)
            return
        for part in step.parts:
            self.copy(self.moved(part), at)
            at += self.apart * prod(part.dims)

    def copied(self, read: Read) -> Read:
        """What is read, copied in the order in which it is."""
        if not self._varies(read):
            return super().copied(read)
        if (ROW, read) not in self._copies:
            start = self.space(prod(read.dims), True)
            self.copy(read, start)
            strides = tuple([self.apart * each for each in contiguous(read.dims)])
            self._copies[ROW, read] = Read(read.array, start, read.dims, strides)
        return self._copies[ROW, read]

    # ---- products ----

    def product(self, pair: tuple[Read, Read], at: int) -> None:
        """At (b, i, j) the sum over k of one (b, i, k) times the other (b, j, k)."""
        if self._now != ROW:
            super().product(pair, at)
            return
        across = pair[1].dims[1]
        sides = [(pair[0], across), (pair[1], 1)]
        if not self._varies(pair[1]):
            sides.reverse()
        (one, down), (other, along) = [(self._box(side), n) for side, n in sides]
        blocks, count, depth = one.dims
        steps = [self.apart * n for n in (count * other.dims[1], down, along)]
        for height, first, tiles in heights(count, HIGH):
            starts = one.start + first * one.strides[1], other.start
            words = [*starts, at + first * steps[1], *one.strides, *other.strides]
            words = [8 * n for n in (*words, *steps)]
            words += [blocks, tiles, other.dims[1], depth]
            self.call(self._tile(height, self._varies(one)), words)

    def _box(self, read: Read) -> Read:
        return self.copied(read) if read.table else read

    def _summed(self, number: int) -> None:
        """What a step makes; its mean over the rows, where it is that."""
        step, at = self._array(number).step, self._places[number]
        if not over_rows(step):
            super()._summed(number)
            return
        total = self._sums[number] = self.room(self._array(number).size)
        if isinstance(step, Product):
            self._over_rows(self._sides(step), total)
        elif isinstance(step, Reduce):
            self._all_of(self.moved(step.read), total)
        self.average(number, at)

    def _over_rows(self, pair: tuple[Read, Read], total: int) -> None:
        """Add to (b, i, j) the sum over k and all rows of one times the other."""
        one, other = [self._ending(self._box(side)) for side in pair]
        blocks, down, depth = one.dims
        across = other.dims[1]
        whole = across // self.lanes * self.lanes
        columns = [(self.lanes, 0, whole // self.lanes), (across - whole, whole, 1)]
        for width, left, panels in columns if across > whole else columns[:1]:
            for height, first, tiles in heights(down, TALL) if panels else ():
                words = [one.start + first * one.strides[1]]
                words += [other.start + left * other.strides[1]]
                words += [total + first * across + left, *one.strides, *other.strides]
                words += [down * across, across, 1]
                words = [8 * n for n in words]
                words += [blocks, tiles, panels, depth]
                self.call(self._meeting(height, width), words)

    def _ending(self, read: Read) -> Read:
        """The same; behind the last row there are zeros from now on."""
        at, size = self._region(read)
        if at not in self._ended:
            self._ended.add(at)
            self.call(self.function("ending_of"), [8 * at, 8 * self.apart, size])
        return read

    def _region(self, read: Read) -> tuple[int, int]:
        """Where all results are that a box may be read of, and how many they are."""
        at, size = self._places[read.array], self._array(read.array).size
        if at <= read.start < at + size * self.apart:
            return at, size
        return read.start, prod(read.dims)

    # ---- sums, and what is folded ----

    def _reduce(self, step: Reduce, at: int) -> None:
        """Along the last side."""
        if self._now != ROW:
            super()._reduce(step, at)
            return
        self._folded(self.function("fold", step.op), self.moved(step.read), at)

    def _all_of(self, read: Read, total: int) -> None:
        self._folded(self.function("all"), read, total, ends=True)

    def _folded(self, function: str, read: Read, at: int, ends: bool = False) -> None:
        """Call a function that makes one result of each line of a box."""
        outs, count = prod(read.dims[:-1]), read.dims[-1]
        read = self._box(read)
        starts = Read(0, 0, read.dims[:-1], read.strides[:-1]).places()
        step = starts[1] - starts[0] if outs > 1 else 0
        if starts != [n * step for n in range(outs)]:
            read = self.copied(read)
            step = self.apart * count
        read = self._ending(read) if ends else read
        words = [8 * n for n in (read.start, at, step, read.strides[-1])]
        self.call(function, [*words, outs, count])

    def _fold(self, body: Function, op: str) -> None:
        """Of the results of a line, one."""
        words = [body.load("i64", "%d", 8 * n) for n in range(6)]

        def line(source: str, target: str) -> None:
            def rows(c: str) -> None:
                at = body.address(source, body.whole_op("shl", c, 3))
                first = [body.load(body.double, at, align=8)]

                def one(k: str, total: str) -> list[str]:
                    place = body.whole_op("mul", k, words[3])
                    x = body.load(body.double, at, place, align=8)
                    return [folded_with(body, op, total, x)]

                (found,) = body.loop(1, words[5], one, first=first)
                place = body.whole_op("shl", c, 3)
                body.store(body.double, found, target, place, align=8)

            body.loop(0, "%rows", rows, step=self.lanes)

        self._lines(body, words, 8 * self.apart, line)

    def _all(self, body: Function) -> None:
        """To a number for each line, add its sum over all rows."""
        words = [body.load("i64", "%d", 8 * n) for n in range(6)]
        zero = [body.number(0.0)]

        def line(source: str, target: str) -> None:
            def one(k: str, total: str) -> list[str]:
                at = body.address(source, body.whole_op("mul", k, words[3]))

                def rows(c: str, known: str) -> list[str]:
                    place = body.whole_op("shl", c, 3)
                    x = body.load(body.double, at, place, align=8)
                    return [body.emit(f"fadd {body.double} {known}, {x}")]

                return body.loop(0, "%rows", rows, first=[total], step=self.lanes)

            (found,) = body.loop(0, words[5], one, first=zero)
            added(body, body.over_lanes("sum", found), target)

        self._lines(body, words, 8, line)

    def _lines(
        self,
        body: Function,
        words: Sequence[str],
        apart: int,
        line: Callable[[str, str], None],
    ) -> None:
        source, target = [body.address("%numbers", place) for place in words[:2]]

        def one(n: str) -> None:
            first = body.address(source, body.whole_op("mul", n, words[2]))
            line(first, body.address(target, body.whole_op("mul", n, apart)))

        body.loop(0, words[4], one)

    def _ending_of(self, body: Function) -> None:
        """Zeros in what the last vector holds behind the last row."""
        at, apart, count = [body.load("i64", "%d", 8 * n) for n in range(3)]
        first = body.address("%numbers", at)
        more = body.whole_op("add", "%rows", self.lanes - 1)
        end = body.whole_op("mul", body.whole_op("udiv", more, self.lanes), self.lanes)

        def one(n: str) -> None:
            line = body.address(first, body.whole_op("mul", n, apart))

            def zero(r: str) -> None:
                body.store("double", "0.0", line, body.whole_op("shl", r, 3))

            body.loop("%rows", end, zero)

        body.loop(0, count, one)

    def _tile(self, height: int, varies: bool) -> str:
        """The function of a product, for a height of its tiles."""
        name = f"tile{height}{'rows' if varies else ''}"
        return self.written(name, lambda body: Tiles(body, height, varies).write())

    def _meeting(self, height: int, width: int) -> str:
        """The function of a sum over rows, for a height and a width of its tiles."""
        return self.written(
            f"meeting{height}x{width}",
            lambda body: Meeting(body, height, width).write(),
        )

    # ---- the whole call ----

    def _over(self, body: Function) -> None:
        """Block after block of rows."""

        def block(start: str) -> None:
            left = body.whole_op("sub", "%stop", start)
            shorter = body.emit(f"icmp slt i64 {left}, {self.block}")
            rows = body.emit(f"select i1 {shorter}, i64 {left}, i64 {self.block}")
            self._gather(body, start, rows)
            self._emit_calls(body, ROW, rows)
            self._scatter(body, start, rows)

        body.loop("%start", "%stop", block, step=self.block)

    def _gather(self, body: Function, start: str, rows: str) -> None:
        """The inputs of a block, input after input. Some rows at a time, for the cache.

        Behind the last row it is taken again.
        """
        width, last = self.kernel.inputs, body.whole_op("sub", "%stop", 1)
        first = body.address("%numbers", 8 * self.inputs)
        lanes, apart = self.lanes, 8 * self.apart
        whole = width // lanes * lanes

        def some(r: str) -> None:
            target = body.address(first, body.whole_op("shl", r, 3))
            sources = []
            for n in range(PADDING):
                row = body.whole_op("add", body.whole_op("add", start, r), n)
                inside = body.emit(f"icmp slt i64 {row}, {last}")
                row = body.emit(f"select i1 {inside}, i64 {row}, i64 {last}")
                sources.append(body.address("%X", body.whole_op("mul", row, 8 * width)))

            def several(i: str) -> None:
                at = body.whole_op("shl", i, 3)
                to = body.address(target, body.whole_op("mul", i, apart))
                for n in range(0, PADDING, lanes):
                    vectors = [
                        body.load(body.double, source, at, align=8)
                        for source in sources[n : n + lanes]
                    ]
                    for column, x in enumerate(body.transposed(vectors)):
                        place = apart * column + 8 * n
                        body.store(body.double, x, to, place, align=8)

            def one(i: str) -> None:
                at = body.whole_op("shl", i, 3)
                to = body.address(target, body.whole_op("mul", i, apart))
                found = [body.load("double", source, at) for source in sources]
                for n in range(0, PADDING, lanes):
                    x = body.vector(found[n : n + lanes])
                    body.store(body.double, x, to, 8 * n, align=8)

            body.loop(0, whole, several, step=lanes)
            body.loop(whole, width, one)

        if width:
            body.loop(0, rows, some, step=PADDING)

    def _scatter(self, body: Function, start: str, rows: str) -> None:
        """The outputs of a block, row after row."""
        outputs = self.moved(self.program.outputs)
        places = outputs.places()
        if not places:
            return
        at = self.words_at([8 * place for place in places])
        table = body.address("%tables", 8 * at)
        apart = 8 if self._varies(outputs) else 0

        def row(r: str) -> None:
            width = body.whole_op(
                "mul", body.whole_op("add", start, r), 8 * len(places)
            )
            to = body.address("%outputs", width)
            source = body.address("%numbers", body.whole_op("mul", r, apart))

            def column(k: str) -> None:
                x = body.load("double", source, body.entry(table, k))
                body.store("double", x, to, body.whole_op("shl", k, 3))

            body.loop(0, len(places), column)

        body.loop(0, rows, row)


class RowLoop(Loop):
    """Loops over elements, and for each over the rows.

    varies: for each of the boxes, whether it has a number for every row.
    """

    def __init__(
        self,
        unit: Rows,
        dims: tuple[int, ...],
        boxes: Sequence[Box],
        varies: Sequence[bool],
    ) -> None:
        self._varies = varies
        self._apart = unit.apart
        super().__init__(unit, dims, boxes)

    def stride(self, level: int, stride: int) -> str:
        """How far the elements are apart along one side; nothing for 0."""
        return self.word(8 * stride) if stride else ""

    def _nest(self, level: int, pointers: list[str], flat: str) -> None:
        if level == len(self.dims):
            self._inner(level, pointers, flat)
        else:
            self._turn(level, pointers, flat)

    def _inner(self, level: int, pointers: list[str], flat: str) -> None:
        body = self.body
        starts = [
            body.address(
                "%numbers", body.load("i64", pointer, body.whole_op("shl", flat, 3))
            )
            if box.table
            else pointer
            for box, pointer in zip(self.boxes, pointers, strict=True)
        ]
        same = {
            n: body.splat(body.load("double", starts[n]))
            for n, varies in enumerate(self._varies)
            if not varies
        }
        at = body.whole_op("mul", flat, 8 * self._apart)
        targets = [body.address(target, at) for target in self.targets]

        def rows(c: str) -> None:
            place = body.whole_op("shl", c, 3)
            loaded = [
                same.get(n) or body.load(body.double, start, place, align=8)
                for n, start in enumerate(starts)
            ]
            values = self._elements(loaded)
            for target, value in zip(targets, values, strict=True):
                body.store(body.double, value, target, place, align=8)

        body.loop(0, "%rows", rows, step=body.lanes)
