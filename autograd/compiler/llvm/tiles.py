"""Products over many rows, in tiles whose sums stay in registers.

How many tiles of which height there are is known before a line is written, and a tile
of each height is a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from autograd.compiler.llvm.text import Function

HIGH, WIDE = 5, 2  # of a tile of a product: results, times vectors of rows
TALL = 3  # of a tile of a sum over rows: results, times as many as there are lanes


def heights(count: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Tiles of about the same height: how high, which is the first, how many of these.

    >>> list(heights(50, 6)), list(heights(4, 6))
    ([(6, 0, 5), (5, 30, 4)], [(4, 0, 1)])
    """
    tiles = -(-count // most)
    small, larger = divmod(count, tiles)
    if larger:
        yield small + 1, 0, larger
    if larger < tiles:
        yield small, larger * (small + 1), tiles - larger


class Sums:
    """Two boxes, and where the sums of their products go.

    one, other: where the two are. steps: how far apart their places are along (b, i, k)
    and (b, j, k), and those of the result along (b, i, j).
    """

    def __init__(self, body: Function) -> None:
        self.body = body
        words = [body.load("i64", "%d", 8 * n) for n in range(16)]
        self.starts = [body.address("%numbers", place) for place in words[:3]]
        self.steps = words[3:6], words[6:9], words[9:12]
        self.blocks, self.tiles, self.across, self.depth = words[12:]

    def moved(self, pointer: str, n: str, step: str, times: int = 1) -> str:
        """The pointer n steps further, of so many places each."""
        step = self.body.whole_op("mul", step, times) if times > 1 else step
        return self.body.address(pointer, self.body.whole_op("mul", n, step))

    def lines(self, pointer: str, step: str, count: int) -> list[str]:
        """The pointer, and those one step further each."""
        found = [pointer]
        for _ in range(count - 1):
            found.append(self.body.address(found[-1], step))
        return found


class Tiles(Sums):
    """A product for every row: tiles of results, times vectors of rows."""

    def __init__(self, body: Function, height: int, varies: bool) -> None:
        super().__init__(body)
        self.height, self.varies = height, varies

    def write(self) -> None:
        """Block, then column, then some rows, then tile after tile."""
        body, wide = self.body, WIDE * self.body.lanes
        more = body.whole_op("add", "%rows", body.lanes - 1)
        vectors = body.whole_op("udiv", more, body.lanes)
        panels = body.whole_op("udiv", vectors, WIDE)
        whole = body.whole_op("mul", panels, wide)

        def block(b: str) -> None:
            one, other, to = [
                self.moved(start, b, steps[0])
                for start, steps in zip(self.starts, self.steps, strict=True)
            ]

            def column(j: str) -> None:
                right = self.moved(other, j, self.steps[1][1])
                target = self.moved(to, j, self.steps[2][2])
                body.loop(0, whole, self._panel(one, right, target, WIDE), step=wide)
                rest = self._panel(one, right, target, 1)
                body.loop(whole, "%rows", rest, step=body.lanes)

            body.loop(0, self.across, column)

        body.loop(0, self.blocks, block)

    def _panel(
        self, one: str, other: str, to: str, count: int
    ) -> Callable[[str], None]:
        """All tiles of so many vectors of rows."""
        body = self.body

        def panel(c: str) -> None:
            at = body.whole_op("shl", c, 3)
            left = body.address(one, at) if self.varies else one
            right, target = body.address(other, at), body.address(to, at)

            def tile(t: str) -> None:
                first = self.moved(left, t, self.steps[0][1], self.height)
                result = self.moved(target, t, self.steps[2][1], self.height)
                self._tile(first, right, result, count)

            body.loop(0, self.tiles, tile)

        return panel

    def _tile(self, left: str, right: str, to: str, count: int) -> None:
        body, width = self.body, 8 * self.body.lanes
        lefts = self.lines(left, self.steps[0][1], self.height)
        targets = self.lines(to, self.steps[2][1], self.height)

        def term(k: str, *sums: str) -> list[str]:
            at = self.moved(right, k, self.steps[1][2])
            ys = [body.load(body.double, at, width * n, align=8) for n in range(count)]
            along = body.whole_op("mul", k, self.steps[0][2])
            new: list[str] = []
            for line in lefts:
                xs = self._left(body.address(line, along), count)
                pairs = zip(xs, ys, sums[len(new) : len(new) + count], strict=True)
                new += [body.fma(x, y, total) for x, y, total in pairs]
            return new

        zeros = [body.number(0.0)] * (self.height * count)
        found = body.loop(0, self.depth, term, first=zeros)
        for n, total in enumerate(found):
            line, vector = divmod(n, count)
            body.store(body.double, total, targets[line], width * vector, align=8)

    def _left(self, at: str, count: int) -> list[str]:
        body = self.body
        if not self.varies:
            return [body.splat(body.load("double", at))] * count
        width = 8 * body.lanes
        return [body.load(body.double, at, width * n, align=8) for n in range(count)]


class Meeting(Sums):
    """A product over all rows: tiles of numbers, each the sum of a vector's lanes."""

    def __init__(self, body: Function, height: int, width: int) -> None:
        super().__init__(body)
        self.height, self.width = height, width

    def write(self) -> None:
        """Block, then some columns, then tile after tile."""
        body = self.body

        def block(b: str) -> None:
            one, other, to = [
                self.moved(start, b, steps[0])
                for start, steps in zip(self.starts, self.steps, strict=True)
            ]

            def panel(p: str) -> None:
                right = self.moved(other, p, self.steps[1][1], self.width)
                target = self.moved(to, p, self.steps[2][2], self.width)
                rights = self.lines(right, self.steps[1][1], self.width)

                def tile(t: str) -> None:
                    left = self.moved(one, t, self.steps[0][1], self.height)
                    result = self.moved(target, t, self.steps[2][1], self.height)
                    self._tile(left, rights, result)

                body.loop(0, self.tiles, tile)

            body.loop(0, self.across, panel)

        body.loop(0, self.blocks, block)

    def _tile(self, left: str, rights: Sequence[str], to: str) -> None:
        body = self.body
        lefts = self.lines(left, self.steps[0][1], self.height)

        def term(k: str, *sums: str) -> list[str]:
            along = [body.whole_op("mul", k, self.steps[n][2]) for n in (0, 1)]
            ones = [body.address(line, along[0]) for line in lefts]
            others = [body.address(line, along[1]) for line in rights]

            def rows(c: str, *sums: str) -> list[str]:
                at = body.whole_op("shl", c, 3)
                xs = [body.load(body.double, line, at, align=8) for line in ones]
                new = list(sums)
                for n, line in enumerate(others):
                    y = body.load(body.double, line, at, align=8)
                    for m, x in enumerate(xs):
                        place = m * self.width + n
                        new[place] = body.fma(x, y, sums[place])
                return new

            return body.loop(0, "%rows", rows, first=sums, step=body.lanes)

        zeros = [body.number(0.0)] * (self.height * self.width)
        found = body.loop(0, self.depth, term, first=zeros)
        for line, target in enumerate(self.lines(to, self.steps[2][1], self.height)):
            self._add(found[line * self.width : (line + 1) * self.width], target)

    def _add(self, vectors: Sequence[str], to: str) -> None:
        """Add the sum over the lanes of each to numbers next to each other."""
        body = self.body
        if len(vectors) == body.lanes:
            known = body.load(body.double, to, align=8)
            total = body.emit(f"fadd {body.double} {known}, {body.totals(vectors)}")
            body.store(body.double, total, to, align=8)
            return
        for n, vector in enumerate(vectors):
            added(body, body.over_lanes("sum", vector), to, 8 * n)


def added(body: Function, x: str, to: str, offset: int = 0) -> None:
    """Add a number to one in the memory."""
    total = body.emit(f"fadd double {body.load('double', to, offset)}, {x}")
    body.store("double", total, to, offset)
