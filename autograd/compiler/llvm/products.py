"""Loops that every kernel shares: matrix products, reductions, sums over rows.

Each is a function of the memory and of a list of whole numbers, the offsets, strides
and counts of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograd.compiler.llvm.operations import Operations
from autograd.compiler.llvm.text import Function, Unit
from autograd.compiler.steps import Read

DOWN, ACROSS = 4, 2  # rows, and vectors, of a tile of a product that is in registers
PADDING = 8  # numbers behind every array, as many as a vector has at most
ARGUMENTS = "ptr %numbers, ptr %d, ptr %tables, i64 %rows"


class Products(Unit):
    """A module with these functions, each written when it is first asked for.

    size, reach: how many numbers the memory has, and how many may be read behind them.
    """

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes)
        self.size = 0
        self.reach = PADDING
        self.words: list[int] = []
        self._known_words: dict[tuple[int, ...], int] = {}
        self._functions: dict[str, str] = {}

    def words_at(self, words: Sequence[int]) -> int:
        """Where whole numbers are in the list of all."""
        key = tuple(words)
        if key not in self._known_words:
            self._known_words[key] = len(self.words)
            self.words += key
        return self._known_words[key]

    def shared(self, body: Function, name: str) -> str:
        """The name of a function with this body."""
        key = "\n".join(body.lines)
        if key not in self._functions:
            made = self._functions[key] = f"{name}{len(self._functions)}"
            self.add(body, made, ARGUMENTS)
        return self._functions[key]

    def function(self, name: str, op: str = "") -> str:
        """One of the functions below."""
        write = getattr(self, f"_{name}")
        return self.written(name + op, lambda body: write(body, *[op] * bool(op)))

    def written(self, name: str, write: Callable[[Function], None]) -> str:
        """The name of a function, written when it is first asked for."""
        if name not in self._functions:
            body = Function(self.lanes)
            write(body)
            made = self._functions[name] = f"{name}.{len(self._functions)}"
            self.add(body, made, ARGUMENTS)
        return self._functions[name]

    def room(self, count: int) -> int:
        """Where so many numbers have their place in the memory."""
        raise NotImplementedError

    def copied(self, read: Read) -> Read:
        """What is read, copied in the order in which it is."""
        raise NotImplementedError

    def call(self, function: str, words: Sequence[int]) -> None:
        """Let a function run with its numbers, now."""
        raise NotImplementedError

    # ---- products ----

    def product(self, pair: tuple[Read, Read], at: int) -> None:
        """At (b, i, j) the sum over k of one (b, i, k) times the other (b, j, k)."""
        one, other = pair
        if other.dims[1] == 1:
            one, other = other, one
        blocks, down, depth = one.dims
        across = other.dims[1]
        if across == 1:
            self._dots_of(one, other, at)
            return
        one = self.copied(one) if one.table else one
        direct = not other.table and other.strides[1] == 1
        other = other.turned(0, 2, 1)
        other = other if direct else self.copied(other)
        words = [8 * one.start, 8 * other.start, 8 * at, blocks, down, across, depth]
        words += [8 * n for n in (*one.strides, *other.strides[:2])]
        self.call(self.function("product"), words)

    def _dots_of(self, one: Read, other: Read, at: int) -> None:
        one, other = [self._in_order(side) for side in (one, other)]
        blocks, _, depth = one.dims
        words = [8 * one.start, 8 * other.start, 8 * at, blocks, depth]
        words += [8 * one.strides[0], 8 * other.strides[0]]
        self.call(self.function("dots"), words)

    def _in_order(self, read: Read) -> Read:
        """The same with neighbors next to each other."""
        good = not read.table and (read.strides[-1] == 1 or read.dims[-1] == 1)
        return read if good else self.copied(read)

    def _product(self, body: Function) -> None:
        """Block after block, panel after panel of the result."""
        made = Tiles(body)
        vectors = body.whole_op("add", made.across, self.lanes - 1)
        vectors = body.whole_op("udiv", vectors, self.lanes)
        wide = body.whole_op("udiv", vectors, ACROSS)
        narrow = body.whole_op("urem", vectors, ACROSS)
        first = body.whole_op("mul", wide, ACROSS)
        size = body.whole_op("mul", made.down, made.row)

        def block(b: str) -> None:
            steps = zip(made.starts, (*made.blocks, size), strict=True)
            starts = [body.address(x, body.whole_op("mul", b, y)) for x, y in steps]

            def last(n: str) -> None:
                made.panel(1, body.whole_op("add", first, n), *starts)

            def others(n: str) -> None:
                n = body.whole_op("sub", body.whole_op("sub", wide, 1), n)
                made.panel(ACROSS, body.whole_op("mul", n, ACROSS), *starts)

            # From the last panel to the first: a vector may write into the next row.
            body.loop(0, narrow, last)
            body.loop(0, wide, others)

        body.loop(0, made.count, block)

    def _dots(self, body: Function) -> None:
        """Dots of neighbors: vectors of products, added up at the end."""
        d = [body.load("i64", "%d", 8 * n) for n in range(7)]
        one, other, result = [body.address("%numbers", place) for place in d[:3]]
        blocks, depth, step, other_step = d[3:]
        lanes = self.lanes
        whole = body.whole_op("mul", body.whole_op("udiv", depth, lanes), lanes)

        def dot(b: str) -> None:
            x = body.address(one, body.whole_op("mul", b, step))
            y = body.address(other, body.whole_op("mul", b, other_step))

            def vector(k: str, total: str) -> list[str]:
                at = body.whole_op("shl", k, 3)
                pair = [body.load(body.double, side, at, align=8) for side in (x, y)]
                return [body.fma(pair[0], pair[1], total)]

            zero = [body.number(0.0)]
            (found,) = body.loop(0, whole, vector, first=zero, step=lanes)
            at = body.address(result, body.whole_op("shl", b, 3))
            body.store("double", body.over_lanes("sum", found), at)

            def rest(k: str) -> None:
                place = body.whole_op("shl", k, 3)
                u, v = [body.load("double", side, place) for side in (x, y)]
                known = body.load("double", at)
                args = f"double {u}, double {v}, double {known}"
                total = body.emit(f"call double @llvm.fma.f64({args})")
                body.store("double", total, at)

            body.loop(whole, depth, rest)

        body.loop(0, blocks, dot)

    # ---- what is made of many ----

    def _across(self, body: Function, op: str) -> None:
        """Of vectors at the same distance from each other, one."""
        d = [body.load("i64", "%d", 8 * n) for n in range(5)]
        source, target = [body.address("%numbers", place) for place in d[:2]]
        outs, count, step = d[2:]

        def vector(n: str) -> None:
            at = body.whole_op("shl", n, 3)
            first = body.address(source, at)
            start = [body.load(body.double, first, align=8)]

            def fold(k: str, total: str) -> list[str]:
                place = body.whole_op("mul", k, step)
                x = body.load(body.double, first, place, align=8)
                return [folded_with(body, op, total, x)]

            (found,) = body.loop(1, count, fold, first=start)
            body.store(body.double, found, target, at, align=8)

        body.loop(0, outs, vector, step=self.lanes)

    def _along(self, body: Function, op: str) -> None:
        """Of neighbors, one: vectors first, then their lanes, then what is left."""
        d = [body.load("i64", "%d", 8 * n) for n in range(5)]
        source, target = [body.address("%numbers", place) for place in d[:2]]
        outs, count, step = d[2:]
        lanes = self.lanes
        whole = body.whole_op("mul", body.whole_op("udiv", count, lanes), lanes)

        def one(n: str) -> None:
            first = body.address(source, body.whole_op("mul", n, step))
            to = body.address(target, body.whole_op("shl", n, 3))
            body.store("double", body.load("double", first), to)

            def vector(k: str, total: str) -> list[str]:
                x = body.load(body.double, first, body.whole_op("shl", k, 3), align=8)
                return [folded_with(body, op, total, x)]

            def lanes_of(_: str) -> None:
                start = [body.load(body.double, first, align=8)]
                (found,) = body.loop(lanes, whole, vector, first=start, step=lanes)
                body.store("double", _over(body, op, found), to)

            body.loop(0, whole, lanes_of, step=whole)

            def rest(k: str) -> None:
                x = body.load("double", first, body.whole_op("shl", k, 3))
                known = body.load("double", to)
                body.store("double", _two_single(body, op, known, x), to)

            some = body.emit(f"icmp sgt i64 {whole}, 0")
            begin = body.emit(f"select i1 {some}, i64 {whole}, i64 1")
            body.loop(begin, count, rest)

        body.loop(0, outs, one)

    # ---- over the rows ----

    def _accumulate(self, body: Function) -> None:
        """Add numbers to others."""
        d = [body.load("i64", "%d", 8 * n) for n in range(3)]
        source, target = [body.address("%numbers", place) for place in d[:2]]

        def vector(n: str) -> None:
            at = body.whole_op("shl", n, 3)
            x, y = [
                body.load(body.double, side, at, align=8) for side in (target, source)
            ]
            total = body.emit(f"fadd {body.double} {x}, {y}")
            body.store(body.double, total, target, at, align=8)

        body.loop(0, d[2], vector, step=self.lanes)

    def _average(self, body: Function) -> None:
        """Divide numbers by how many rows there are."""
        d = [body.load("i64", "%d", 8 * n) for n in range(4)]
        source, target, place = [body.address("%numbers", d[n]) for n in (0, 1, 3)]
        rows = body.splat(body.load("double", place))

        def vector(n: str) -> None:
            at = body.whole_op("shl", n, 3)
            x = body.load(body.double, source, at, align=8)
            mean = body.emit(f"fdiv {body.double} {x}, {rows}")
            body.store(body.double, mean, target, at, align=8)

        body.loop(0, d[2], vector, step=self.lanes)


class Tiles:
    """Writes a product as tiles of rows times vectors, their sums in registers."""

    def __init__(self, body: Function) -> None:
        self.body = body
        words = [body.load("i64", "%d", 8 * n) for n in range(12)]
        self.starts = [body.address("%numbers", place) for place in words[:3]]
        self.count, self.down, self.across, self.depth = words[3:7]
        self.blocks = words[7], words[10]
        self.left_down, self.left_along, self.right_along = (
            words[8],
            words[9],
            words[11],
        )
        self.row = body.whole_op("shl", self.across, 3)
        self.tiles = body.whole_op("udiv", self.down, DOWN)

    def panel(self, count: int, vector: str, left: str, right: str, to: str) -> None:
        """All rows of so many vectors of the result."""
        body = self.body
        at = body.whole_op("mul", vector, 8 * body.lanes)
        right, to = body.address(right, at), body.address(to, at)

        def several(t: str) -> None:
            self._tile(DOWN, count, body.whole_op("mul", t, DOWN), left, right, to)

        body.loop(0, self.tiles, several)
        rest = body.whole_op("mul", self.tiles, DOWN)
        body.loop(rest, self.down, lambda i: self._tile(1, count, i, left, right, to))

    def _tile(
        self, rows: int, count: int, i: str, left: str, right: str, to: str
    ) -> None:
        body, width = self.body, 8 * self.body.lanes
        lefts = [body.address(left, body.whole_op("mul", i, self.left_down))]
        targets = [body.address(to, body.whole_op("mul", i, self.row))]
        for _ in range(rows - 1):
            lefts.append(body.address(lefts[-1], self.left_down))
            targets.append(body.address(targets[-1], self.row))

        def term(k: str, *sums: str) -> list[str]:
            at = body.address(right, body.whole_op("mul", k, self.right_along))
            ys = [body.load(body.double, at, width * n, align=8) for n in range(count)]
            along = body.whole_op("mul", k, self.left_along)
            new: list[str] = []
            for x in lefts:
                x = body.splat(body.load("double", x, along))
                new += [body.fma(x, y, sums[len(new) + n]) for n, y in enumerate(ys)]
            return new

        zeros = [body.number(0.0)] * (rows * count)
        found = body.loop(0, self.depth, term, first=zeros)
        for n, total in enumerate(found):
            r, vector = divmod(n, count)
            body.store(body.double, total, targets[r], width * vector, align=8)


def folded_with(body: Function, op: str, x: str, y: str) -> str:
    """One of two, as a chain of this operation does it."""
    return Operations(body).apply("add" if op == "sum" else op, [x, y])


def _over(body: Function, op: str, vector: str) -> str:
    """One number of the lanes of a vector."""
    if op == "sum":
        return body.over_lanes("sum", vector)
    numbers = [
        body.emit(f"extractelement {body.double} {vector}, i64 {lane}")
        for lane in range(body.lanes)
    ]
    total = numbers[0]
    for number in numbers[1:]:
        total = _two_single(body, op, total, number)
    return total


def _two_single(body: Function, op: str, x: str, y: str) -> str:
    """The operation on two single numbers, in the lanes of vectors."""
    pair = [body.splat(each) for each in (x, y)]
    made = folded_with(body, op, *pair)
    return body.emit(f"extractelement {body.double} {made}, i64 0")
