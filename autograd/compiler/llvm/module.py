"""A kernel's layout as the text of one LLVM module.

One call goes through the rows in blocks. For each block it copies the inputs into their
slots, runs the chunks, and adds the products to the sums. The sums are kept lane by
lane and added up at the end. The lanes of the last vector beyond the last row compute
with that row again, and are set to 0 before they would be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from autograd.compiler.arrays import zeros
from autograd.compiler.instructions import Kernel
from autograd.compiler.llvm.chunks import LARGE, Chunk, add_once
from autograd.compiler.llvm.factors import Part
from autograd.compiler.llvm.layout import Layout, length, numbers
from autograd.compiler.llvm.text import Function, Unit
from autograd.compiler.llvm.tiles import added

BLOCK_BYTES = 192 * 1024  # of slots that go through the stages together
SUMMED_BYTES = 32 * 1024  # the same where sums read them again, from the nearest cache
BLOCK_VECTORS = 64
TILE: Final = 16  # sums at a time, in registers


class Module(Unit):
    """The text of all functions and tables of one kernel."""

    MEMORY = ("numbers", "answers", "values", "sums")

    def __init__(self, kernel: Kernel, layout: Layout, lanes: int) -> None:
        super().__init__(lanes)
        self.kernel = kernel
        self.layout = layout
        self._plain_rows = length(layout.chunks) > LARGE
        # Inputs have theirs even where nothing reads them.
        self.slots = max([kernel.inputs, *[n + 1 for n in layout.slots.values()]])
        # An odd number of cache lines apart, so that a slot's vectors spread over sets.
        self.stride = (self.slots | 1) * lanes * 8
        fits = (SUMMED_BYTES if layout.pairs else BLOCK_BYTES) // self.stride
        self.block = max(4, min(BLOCK_VECTORS, fits))

    def arrays(self) -> dict[str, Any]:
        """What is the same for every row, answers, slots, and sums lane by lane."""
        more = self.lanes  # what is read of sums, and written of answers, is vectors
        return {
            "numbers": numbers(self.layout),
            "answers": zeros(self.kernel.targets + more),
            "values": zeros(self.block * self.stride // 8),
            "sums": zeros((self.layout.sums + more) * self.lanes),
        }

    def offset(self, index: int) -> int:
        """Of a result's slot, in bytes."""
        return self.layout.slots[index] * self.lanes * 8

    def text(self) -> str:
        """The module."""
        once = add_once(self, self.layout)
        chunks = [self._chunk(chunk) for chunk in self.layout.chunks]
        self._run(once, chunks, self._sums())
        return self.finished()

    def _chunk(self, indices: list[int]) -> str:
        name = f"chunk{len(self.lines)}"
        chunk = Chunk(self.layout, self.lanes, "", "%numbers")
        body = chunk.body

        def rows(s: str) -> None:
            offset = body.whole_op("mul", s, self.stride)
            chunk.base = body.address("%values", offset)
            chunk.emit(indices)

        body.loop(0, "%vectors", rows)
        args = "ptr noalias %values, ptr noalias %numbers, i64 %vectors"
        self.add(body, name, args, self._plain_rows)
        return name

    # ---- sums over rows ----

    def _sums(self) -> list[str]:
        """Functions that add products of two results to sums; their names.

        What several products are made of is loaded once.
        """
        pairs, names = self.layout.pairs, []
        for start in range(0, len(pairs), TILE):
            names.append(f"sums{start}")
            body = self._summed(pairs[start : start + TILE])
            args = "ptr noalias %values, ptr noalias %sums, i64 %vectors"
            self.add(body, names[-1], args, self._plain_rows)
        return names

    def _summed(self, pairs: Sequence[tuple[int, int, int]]) -> Function:
        body, one = Function(self.lanes), self.layout.one

        def rows(s: str, *sums: str) -> list[str]:
            at = body.address("%values", body.whole_op("mul", s, self.stride))
            found = {
                index: body.load(body.double, at, self.offset(index))
                for index in sorted({n for _, *pair in pairs for n in pair} - {one})
            }
            return [
                body.fma(found[a], found[b], total)
                if b != one
                else body.emit(f"fadd {body.double} {found[a]}, {total}")
                for (_, a, b), total in zip(pairs, sums, strict=True)
            ]

        first = [body.number(0.0)] * len(pairs)
        made = body.loop(0, "%vectors", rows, first=first)
        for (target, _, _), total in zip(pairs, made, strict=True):
            place = target * self.lanes * 8
            known = body.load(body.double, "%sums", place)
            total = body.emit(f"fadd {body.double} {known}, {total}")
            body.store(body.double, total, "%sums", place)
        return body

    # ---- the whole call ----

    def _run(
        self, once: Sequence[str], chunks: Sequence[str], sums: Sequence[str]
    ) -> None:
        body = self.begun()
        self._begin(body, once)
        step = self.block * self.lanes

        def block(start: str) -> None:
            left = body.whole_op("sub", "%stop", start)
            shorter = body.emit(f"icmp slt i64 {left}, {step}")
            rows = body.emit(f"select i1 {shorter}, i64 {left}, i64 {step}")
            more = body.whole_op("add", rows, self.lanes - 1)
            vectors = body.whole_op("udiv", more, self.lanes)
            self._gather(body, start, vectors)
            for name in chunks:
                body.call_void(name, f"ptr %values, ptr %numbers, i64 {vectors}")
            if sums:
                self._mask(body, rows, vectors)
            for name in sums:
                body.call_void(name, f"ptr %values, ptr %sums, i64 {vectors}")
            if self.kernel.outputs:
                self._scatter(body, start, rows)

        body.loop("%start", "%stop", block, step=step)
        if self.kernel.targets:
            self._finish(body)
        self.add_run(body)

    def _begin(self, body: Function, once: Sequence[str]) -> None:
        """What happens once: numbers computed, sums at 0."""
        for name in once:
            body.call_void(name, "ptr %numbers")
        if self.layout.pairs:
            width = self.lanes * 8

            def clear(n: str) -> None:
                at = body.whole_op("mul", n, width)
                body.store(body.double, body.number(0.0), "%sums", at)

            body.loop(0, self.layout.sums, clear)
        self._fill(body)

    def _fill(self, body: Function) -> None:
        """The slots of results that are the same for every row."""
        layout = self.layout
        same = [i for i in layout.slots if not layout.code.varies[i]]
        if not same:
            return

        def rows(s: str) -> None:
            at = body.address("%values", body.whole_op("mul", s, self.stride))
            for index in same:
                number = body.load("double", "%numbers", 8 * layout.numbers[index])
                body.store(body.double, body.splat(number), at, self.offset(index))

        body.loop(0, self.block, rows)

    def _gather(self, body: Function, start: str, vectors: str) -> None:
        """Copy the inputs of a block into their slots, one vector per input."""
        width = self.kernel.inputs
        if not width:
            return
        last = body.whole_op("sub", "%stop", 1)

        def rows(s: str) -> None:
            at = body.address("%values", body.whole_op("mul", s, self.stride))
            first = body.whole_op("add", start, body.whole_op("mul", s, self.lanes))
            sources = []
            for lane in range(self.lanes):
                row = body.whole_op("add", first, lane)
                inside = body.emit(f"icmp slt i64 {row}, {last}")
                row = body.emit(f"select i1 {inside}, i64 {row}, i64 {last}")
                sources.append(body.address("%X", body.whole_op("mul", row, 8 * width)))

            def column(i: str) -> None:
                offset = body.whole_op("shl", i, 3)
                vector = "poison"
                for lane, source in enumerate(sources):
                    x = body.load("double", source, offset)
                    vector = body.emit(
                        f"insertelement {body.double} {vector}, double {x}, i64 {lane}"
                    )
                body.store(
                    body.double, vector, at, body.whole_op("mul", i, self.lanes * 8)
                )

            body.loop(0, width, column)

        body.loop(0, vectors, rows)

    def _mask(self, body: Function, rows: str, vectors: str) -> None:
        """Set the lanes beyond the last row to 0 in every slot."""
        whole = body.whole_op("udiv", rows, self.lanes)
        tail = body.whole_op("urem", rows, self.lanes)
        count = ", ".join([f"i64 {n}" for n in range(self.lanes)])
        one = body.emit(f"insertelement {body.bits} poison, i64 {tail}, i64 0")
        limit = body.emit(
            f"shufflevector {body.bits} {one}, {body.bits} poison, "
            f"<{self.lanes} x i32> zeroinitializer"
        )
        mask = body.emit(f"icmp slt {body.bits} <{count}>, {limit}")
        zero = body.number(0.0)

        def partial(s: str) -> None:
            at = body.address("%values", body.whole_op("mul", s, self.stride))

            def slot(n: str) -> None:
                place = body.whole_op("mul", n, self.lanes * 8)
                x = body.load(body.double, at, place)
                kinds = f"{body.double} {x}, {body.double} {zero}"
                kept = body.emit(f"select {body.truth} {mask}, {kinds}")
                body.store(body.double, kept, at, place)

            body.loop(0, self.slots, slot)

        body.loop(whole, vectors, partial)  # the last vector, unless it is full

    def _scatter(self, body: Function, start: str, rows: str) -> None:
        """Copy the outputs of a block to their rows."""
        outputs = self.kernel.outputs
        table = self.table([self.offset(i) for i in self.layout.outputs])

        def row(r: str) -> None:
            s, lane = (
                body.whole_op("udiv", r, self.lanes),
                body.whole_op("urem", r, self.lanes),
            )
            at = body.address("%values", body.whole_op("mul", s, self.stride))
            at = body.address(at, body.whole_op("shl", lane, 3))
            target = body.whole_op("add", start, r)
            to = body.address(
                "%outputs", body.whole_op("mul", target, 8 * len(outputs))
            )

            def column(k: str) -> None:
                x = body.load("double", at, body.entry(table, k))
                body.store("double", x, to, body.whole_op("shl", k, 3))

            body.loop(0, len(outputs), column)

        body.loop(0, rows, row)

    def _finish(self, body: Function) -> None:
        """Sums to means: added up over the lanes, divided by the number of rows.

        Where targets are made of several, the means are put where the sums begin.
        """
        made = self.layout.parts
        width, to = self.lanes * 8, "%sums" if made else "%answers"
        self._copy_fixed(body)
        total = body.emit("sitofp i64 %total to double")
        mine = body.whole_op("sub", "%stop", "%start")
        mine = body.emit(f"sitofp i64 {mine} to double")
        share = body.splat(body.emit(f"fdiv double {mine}, {total}"))
        count = body.splat(total)
        fixed = body.address("%numbers", 8 * self.layout.fixed)

        def means_from(n: str) -> None:
            at = body.whole_op("shl", n, 3)
            mean = body.number(0.0)
            if self.layout.pairs:
                first = body.address("%sums", body.whole_op("mul", n, width))
                parts = [
                    body.load(body.double, first, width * i) for i in range(self.lanes)
                ]
                mean = body.emit(f"fdiv {body.double} {body.totals(parts)}, {count}")
            mean = body.fma(body.load(body.double, fixed, at), share, mean)
            body.store(body.double, mean, to, at)

        body.loop(0, self.layout.sums, means_from, step=self.lanes)
        if made:
            self._put_together(body, made)

    def _put_together(self, body: Function, parts: Sequence[Part]) -> None:
        """Targets, as means times factors."""

        def clear(n: str) -> None:
            body.store("double", "0.0", "%answers", body.whole_op("shl", n, 3))

        body.loop(0, self.kernel.targets, clear)
        for masked in (False, True):
            some = [part for part in parts if part.masked is masked]
            if some:
                self._add_parts(body, some)

    def _add_parts(self, body: Function, parts: Sequence[Part]) -> None:
        """Means times factors to targets, all of them masked or none."""
        first = self.layout.fixed
        columns = [(part.target, part.mean, first + part.factor) for part in parts]
        tables = [
            self.table([8 * n for n in each]) for each in zip(*columns, strict=True)
        ]

        def add(n: str) -> None:
            target, mean, factor = [body.entry(table, n) for table in tables]
            x = body.load("double", "%sums", mean)
            y = body.load("double", "%numbers", factor)
            product = body.emit(f"fmul double {x}, {y}")
            if parts[0].masked:
                none = body.emit(f"fcmp oeq double {x}, 0.0")
                product = body.emit(f"select i1 {none}, double {x}, double {product}")
            added(body, product, body.address("%answers", target))

        body.loop(0, len(parts), add)

    def _copy_fixed(self, body: Function) -> None:
        layout = self.layout
        copies = [pair for pair in layout.copies if pair[0] not in layout.constants]
        if not copies:
            return
        sources = self.table([8 * source for source, _ in copies])
        places = self.table([8 * place for _, place in copies])

        def copy(n: str) -> None:
            number = body.load("double", "%numbers", body.entry(sources, n))
            body.store("double", number, "%numbers", body.entry(places, n))

        body.loop(0, len(copies), copy)
