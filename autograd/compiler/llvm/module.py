"""A kernel's layout as the text of one LLVM module.

One call goes through the rows in blocks. For each block it copies the inputs into their
slots, runs the stages, and adds the products to the sums. The sums are kept lane by
lane and added up at the end. The lanes of the last vector beyond the last row compute
with that row again, and are set to 0 before they would be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autograd.compiler.instructions import Kernel
from autograd.compiler.llvm.chunks import LARGE, Chunk, add_once
from autograd.compiler.llvm.factors import Part
from autograd.compiler.llvm.layout import Grid, Layer, Layout, length
from autograd.compiler.llvm.text import Function, Unit
from autograd.compiler.llvm.tiles import added

BLOCK_BYTES = 192 * 1024  # of slots that go through the stages together
SUMMED_BYTES = 32 * 1024  # the same where sums read them again, from the nearest cache
BLOCK_VECTORS = 64
WORKSPACE: Final = ("numbers", "values", "packed", "sums", "answers")
TILE: Final = 4  # left and right results in one step of a grid; sums at a time


class Module(Unit):
    """The text of all functions and tables of one kernel."""

    def __init__(self, kernel: Kernel, layout: Layout, lanes: int) -> None:
        super().__init__(lanes)
        self.kernel = kernel
        self.layout = layout
        self.tile_rows = 8 if lanes == 8 else 4
        self.packed: list[int] = []
        self._plain_rows = sum([length(s.chunks) for s in layout.stages]) > LARGE
        self._added_up = bool(layout.grids or layout.pairs)
        slots = max(layout.slots.values(), default=-1) + 1
        self.trash = slots
        # An odd number of cache lines apart, so that a slot's vectors spread over sets.
        self.stride = ((slots + 1) | 1) * lanes * 8
        fits = (SUMMED_BYTES if self._added_up else BLOCK_BYTES) // self.stride
        self.block = max(4, min(BLOCK_VECTORS, fits) // 2 * 2)

    def offset(self, index: int) -> int:
        """Of a result's slot, in bytes."""
        return self.layout.slots[index] * self.lanes * 8

    def text(self) -> str:
        """The module."""
        layout = self.layout
        once = add_once(self, layout)
        stages = []
        for stage in layout.stages:
            names = [self._chunk(chunk) for chunk in stage.chunks]
            stages.append((names, [self._layer(layer) for layer in stage.layers]))
        self._kernels()
        self._run(once, stages)
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

    # ---- layers ----

    def _layer(self, layer: Layer) -> str:
        """The arguments of @layer: tables of slots, and where its numbers are."""
        rows, values = self.tile_rows, len(layer.values)
        tiles = -(-len(layer.dots) // rows)
        start = len(self.packed)
        place = self.layout.numbers
        for tile in range(tiles):
            part = layer.rows[tile * rows : (tile + 1) * rows]
            part += [layer.rows[0]] * (rows - len(part))
            self.packed += [place[row[j]] for j in range(values) for row in part]
        results = [self.offset(dot) for dot in layer.dots]
        results += [self.trash * self.lanes * 8] * (tiles * rows - len(results))
        sources = self.table([self.offset(value) for value in layer.values])
        return (
            f"ptr {sources}, i64 {values}, ptr {self.table(results)}, i64 {tiles}, "
            f"i64 {8 * start}"
        )

    def _kernels(self) -> None:
        if any(stage.layers for stage in self.layout.stages):
            self._layer_loop()
        if self.layout.grids:
            self._grid_loop()
        if self.layout.pairs:
            self._pair_loop()

    def _layer_loop(self) -> None:
        """A tile of dots times two vectors of rows at a time, sums in registers."""
        body, rows = Function(self.lanes), self.tile_rows
        zeros = [body.number(0.0)] * (2 * rows)

        def tile(t: str) -> None:
            length = body.whole_op("mul", "%count", 8 * rows)
            start = body.whole_op("mul", t, length)
            weights = body.address("%weights", body.whole_op("add", start, "%first"))
            results = body.address("%results", body.whole_op("mul", t, 8 * rows))

            def pair(s: str) -> None:
                one = body.address("%values", body.whole_op("mul", s, self.stride))
                two = body.address(one, self.stride)

                def term(j: str, *sums: str) -> list[str]:
                    slot = body.entry("%sources", j)
                    x, y = (
                        body.load(body.double, one, slot),
                        body.load(body.double, two, slot),
                    )
                    at = body.address(weights, body.whole_op("mul", j, 8 * rows))
                    new: list[str] = []
                    for r in range(rows):
                        w = body.splat(body.load("double", at, 8 * r))
                        new.append(body.fma(w, x, sums[2 * r]))
                        new.append(body.fma(w, y, sums[2 * r + 1]))
                    return new

                sums = body.loop(0, "%count", term, first=zeros)
                for r in range(rows):
                    slot = body.entry(results, r)
                    body.store(body.double, sums[2 * r], one, slot)
                    body.store(body.double, sums[2 * r + 1], two, slot)

            body.loop(0, "%vectors", pair, step=2)

        body.loop(0, "%tiles", tile)
        self.add(
            body,
            "layer",
            "ptr noalias %values, ptr noalias %weights, i64 %vectors, "
            "ptr %sources, i64 %count, ptr %results, i64 %tiles, i64 %first",
        )

    # ---- sums over rows ----

    def _grid(self, grid: Grid) -> str:
        """The arguments of @grid."""
        lefts = [self.offset(left) for left in grid.lefts]
        rights = [self.offset(right) for right in grid.rights]
        lefts += lefts[:1] * (-len(lefts) % TILE)
        rights += rights[:1] * (-len(rights) % TILE)
        down, across = len(lefts) // TILE, len(rights) // TILE
        targets = [
            self._target(grid, TILE * i + a, TILE * j + b)
            for i in range(down)
            for j in range(across)
            for a in range(TILE)
            for b in range(TILE)
        ]
        return (
            f"ptr {self.table(lefts)}, i64 {down}, ptr {self.table(rights)}, "
            f"i64 {across}, ptr {self.table(targets)}"
        )

    def _target(self, grid: Grid, left: int, right: int) -> int:
        inside = left < len(grid.lefts) and right < len(grid.rights)
        target = grid.targets[left][right] if inside else self.layout.sums
        return target * self.lanes * 8

    def _grid_loop(self) -> None:
        """A tile of 4 by 4 products at a time, their sums in registers."""
        body = Function(self.lanes)
        zeros = [body.number(0.0)] * (TILE * TILE)

        def down(i: str) -> None:
            lefts = self._slots_of(body, "%lefts", i)
            row = body.whole_op("mul", i, "%across")

            def across(j: str) -> None:
                rights = self._slots_of(body, "%rights", j)

                def rows(s: str, *sums: str) -> list[str]:
                    at = body.address("%values", body.whole_op("mul", s, self.stride))
                    xs = [body.load(body.double, at, left) for left in lefts]
                    ys = [body.load(body.double, at, right) for right in rights]
                    pairs = [(x, y) for x in xs for y in ys]
                    return [
                        body.fma(x, y, z) for (x, y), z in zip(pairs, sums, strict=True)
                    ]

                found = body.loop(0, "%vectors", rows, first=zeros)
                tile = body.whole_op("add", row, j)
                place = body.whole_op("mul", tile, 8 * TILE * TILE)
                targets = body.address("%targets", place)
                for n, total in enumerate(found):
                    self._add_to(body, body.load("i64", targets, 8 * n), total)

            body.loop(0, "%across", across)

        body.loop(0, "%down", down)
        self.add(
            body,
            "grid",
            "ptr noalias %values, ptr noalias %sums, i64 %vectors, ptr %lefts, "
            "i64 %down, ptr %rights, i64 %across, ptr %targets",
        )

    def _slots_of(self, body: Function, table: str, tile: str) -> list[str]:
        at = body.address(table, body.whole_op("mul", tile, 8 * TILE))
        return [body.load("i64", at, 8 * n) for n in range(TILE)]

    def _add_to(self, body: Function, target: str, x: str) -> None:
        known = body.load(body.double, "%sums", target)
        total = body.emit(f"fadd {body.double} {known}, {x}")
        body.store(body.double, total, "%sums", target)

    def _pair_loop(self) -> None:
        """The products that are part of no grid, some sums at a time."""
        body = Function(self.lanes)
        zeros = [body.number(0.0)] * TILE

        def tile(n: str) -> None:
            lefts, rights, targets = [
                self._slots_of(body, table, n)
                for table in ("%lefts", "%rights", "%targets")
            ]

            def rows(s: str, *sums: str) -> list[str]:
                at = body.address("%values", body.whole_op("mul", s, self.stride))
                return [
                    body.fma(
                        body.load(body.double, at, left),
                        body.load(body.double, at, right),
                        total,
                    )
                    for left, right, total in zip(lefts, rights, sums, strict=True)
                ]

            sums = body.loop(0, "%vectors", rows, first=zeros)
            for target, total in zip(targets, sums, strict=True):
                self._add_to(body, target, total)

        body.loop(0, "%tiles", tile)
        self.add(
            body,
            "pairs",
            "ptr noalias %values, ptr noalias %sums, i64 %vectors, ptr %lefts, "
            "ptr %rights, ptr %targets, i64 %tiles",
        )

    # ---- the whole call ----

    def _run(
        self, once: Sequence[str], stages: Sequence[tuple[list[str], list[str]]]
    ) -> None:
        body = Function(self.lanes)
        for n, name in enumerate(WORKSPACE):
            at = body.address("%space", 8 * n)
            body.lines.append(f"  %{name} = load ptr, ptr {at}")
        self._begin(body, once)
        step = self.block * self.lanes

        def block(start: str) -> None:
            left = body.whole_op("sub", "%stop", start)
            shorter = body.emit(f"icmp slt i64 {left}, {step}")
            rows = body.emit(f"select i1 {shorter}, i64 {left}, i64 {step}")
            more = body.whole_op("add", rows, self.lanes - 1)
            vectors = body.whole_op("udiv", more, self.lanes)
            self._gather(body, start, vectors)
            for chunks, layers in stages:
                for name in chunks:
                    args = f"ptr %values, ptr %numbers, i64 {vectors}"
                    body.call_void(name, args)
                for arguments in layers:
                    head = f"ptr %values, ptr %packed, i64 {vectors}, "
                    body.call_void("layer", head + arguments)
            if self._added_up:
                self._accumulate(body, rows, vectors)
            if self.kernel.outputs:
                self._scatter(body, start, rows)

        body.loop("%start", "%stop", block, step=step)
        if self.kernel.targets:
            self._finish(body)
        self.add_run(body)

    def _begin(self, body: Function, once: Sequence[str]) -> None:
        """What happens once: numbers computed and packed, sums at 0."""
        for name in once:
            body.call_void(name, "ptr %numbers")
        if self.packed:
            sources = self.table([8 * place for place in self.packed])

            def pack(n: str) -> None:
                number = body.load("double", "%numbers", body.entry(sources, n))
                body.store("double", number, "%packed", body.whole_op("shl", n, 3))

            body.loop(0, len(self.packed), pack)
        if self._added_up:
            width = self.lanes * 8

            def clear(n: str) -> None:
                at = body.whole_op("mul", n, width)
                body.store(body.double, body.number(0.0), "%sums", at)

            body.loop(0, self.layout.sums + 1, clear)
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

    def _accumulate(self, body: Function, rows: str, vectors: str) -> None:
        self._mask(body, rows, vectors)
        head = f"ptr %values, ptr %sums, i64 {vectors}, "
        for grid in self.layout.grids:
            body.call_void("grid", head + self._grid(grid))
        pairs = self.layout.pairs
        if pairs:
            spare = self.layout.sums, *pairs[0][1:]
            pairs = [*pairs, *[spare] * (-len(pairs) % TILE)]
            lefts = self.table([self.offset(a) for _, a, _ in pairs])
            rights = self.table([self.offset(b) for _, _, b in pairs])
            targets = self.table([t * self.lanes * 8 for t, _, _ in pairs])
            tiles = len(pairs) // TILE
            tables = f"ptr {lefts}, ptr {rights}, ptr {targets}, i64 {tiles}"
            body.call_void("pairs", head + tables)

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

            body.loop(0, self.trash, slot)

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
            if self._added_up:
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
