"""LLVM in text: a module, and functions with addresses, loads and stores, loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from autograd.compiler.llvm import vector_math
from autograd.compiler.llvm.vector_math import Lanes

RUN: Final = {
    "X": "ptr",
    "start": "i64",
    "stop": "i64",
    "total": "i64",
    "space": "ptr",
    "outputs": "ptr",
}
"""The arguments of a call: the rows, the first and the last, all, memory, outputs."""

INTRINSICS: Final = {"fma": 3, "copysign": 2, "sqrt": 1, "fabs": 1, "rint": 1}
"""LLVM's own functions that are called, and how many arguments they take."""


class Function(Lanes):
    """The body of one function, with loops."""

    def __init__(self, lanes: int, prefix: str = "l") -> None:
        super().__init__(lanes)
        self.label = "entry"
        self.lines.append("entry:")
        self._loops = 0

    def whole_op(self, op: str, x: str | int, y: str | int) -> str:
        """One operation on whole numbers."""
        return self.emit(f"{op} i64 {x}, {y}")

    def address(self, base: str, offset: str | int) -> str:
        """The pointer so many bytes after another."""
        return self.emit(f"getelementptr i8, ptr {base}, i64 {offset}")

    def load(self, kind: str, base: str, offset: str | int = 0, align: int = 0) -> str:
        """What is stored so many bytes after a pointer."""
        align = align or (8 * self.lanes if kind == self.double else 8)
        return self.emit(
            f"load {kind}, ptr {self.address(base, offset)}, align {align}"
        )

    def store(
        self,
        kind: str,
        value: str,
        base: str,
        offset: str | int = 0,
        align: int = 0,
    ) -> None:
        """Store so many bytes after a pointer."""
        align = align or (8 * self.lanes if kind == self.double else 8)
        at = self.address(base, offset)
        self.lines.append(f"  store {kind} {value}, ptr {at}, align {align}")

    def entry(self, table: str, index: str | int) -> str:
        """A whole number of a table."""
        return self.load("i64", table, self.whole_op("shl", index, 3))

    def splat(self, x: str) -> str:
        """One number in all lanes."""
        if self.lanes == 1:
            return x
        one = self.emit(f"insertelement {self.double} poison, double {x}, i64 0")
        return self.emit(
            f"shufflevector {self.double} {one}, {self.double} poison, "
            f"<{self.lanes} x i32> zeroinitializer"
        )

    def vector(self, numbers: Sequence[str]) -> str:
        """A number in each lane."""
        found = "poison"
        for lane, x in enumerate(numbers):
            found = self.emit(
                f"insertelement {self.double} {found}, double {x}, i64 {lane}"
            )
        return found

    def transposed(self, vectors: Sequence[str]) -> list[str]:
        """For as many vectors as there are lanes, those of their lanes."""
        found, half = list(vectors), self.lanes // 2
        while half:
            for n in range(self.lanes):
                if not n & half:
                    pair = found[n], found[n + half]
                    found[n] = self._exchanged(*pair, half, 0)
                    found[n + half] = self._exchanged(*pair, half, half)
            half //= 2
        return found

    def _exchanged(self, x: str, y: str, half: int, first: int) -> str:
        """Of every 2 * half lanes half of x, then half of y."""
        lanes = [
            n + first + (self.lanes - half if n & half else 0)
            for n in range(self.lanes)
        ]
        return self._shuffled(x, y, lanes)

    def _shuffled(self, x: str, y: str, lanes: Sequence[int]) -> str:
        places = ", ".join([f"i32 {lane}" for lane in lanes])
        kind = f"<{self.lanes} x i32>"
        vectors = f"{self.double} {x}, {self.double} {y}"
        return self.emit(f"shufflevector {vectors}, {kind} <{places}>")

    def backward(self, x: str) -> str:
        """The lanes of a vector from the last to the first."""
        return self._shuffled(x, x, range(self.lanes - 1, -1, -1))

    def totals(self, vectors: Sequence[str]) -> str:
        """For as many vectors as there are lanes, the sum over the lanes of each."""
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self._neighbors(x, y) for x, y in pairs]
        return vectors[0]

    def _neighbors(self, x: str, y: str) -> str:
        """x1 + x2, x3 + x4, ..., y1 + y2, y3 + y4, ..."""
        parts = [
            self._shuffled(x, y, range(first, 2 * self.lanes, 2)) for first in (0, 1)
        ]
        return self.emit(f"fadd {self.double} {parts[0]}, {parts[1]}")

    def fma(self, x: str, y: str, z: str) -> str:
        """x * y + z."""
        return self.intrinsic("fma", x, y, z)

    def over_lanes(self, how: str, x: str) -> str:
        """One number from the lanes of a vector: their "sum" or the "largest"."""
        name, start = {"sum": ("fadd", "double -0.0, "), "largest": ("fmax", "")}[how]
        callee = f"@llvm.vector.reduce.{name}.{self.suffix}"
        return self.emit(f"call double {callee}({start}{self.double} {x})")

    def call_void(self, name: str, args: str) -> None:
        """Call a function for its effect."""
        self.lines.append(f"  call void @{name}({args})")

    def loop(
        self,
        start: str | int,
        stop: str | int,
        body: Callable[..., Sequence[str] | None],
        step: str | int = 1,
        first: Sequence[str] = (),
    ) -> list[str]:
        """Run body(i, *carried) for i from start; what it carries over is returned.

        first: what is carried into the first turn, vectors; the body returns what it
        hands to the next.
        """
        self._loops += 1
        head, inside, done = [
            f"{part}{self._loops}" for part in ("head", "body", "done")
        ]
        before = self.label
        index = f"%i{self._loops}"
        carried = [f"%c{self._loops}.{n}" for n in range(len(first))]
        self.lines += [f"  br label %{head}", f"{head}:"]
        place = len(self.lines)
        test = self.emit(f"icmp slt i64 {index}, {stop}")
        self.lines += [f"  br i1 {test}, label %{inside}, label %{done}", f"{inside}:"]
        self.label = inside
        after = body(index, *carried) or ()
        following = self.whole_op("add", index, step)
        self.lines += [f"  br label %{head}", f"{done}:"]
        known = [("i64", index, start, following)]
        for name, x, y in zip(carried, first, after, strict=True):
            known.append((self.double, name, x, y))
        self.lines[place:place] = [
            f"  {name} = phi {kind} [ {x}, %{before} ], [ {y}, %{self.label} ]"
            for kind, name, x, y in known
        ]
        self.label = done
        return carried

    def text(self, name: str, args: str) -> list[str]:
        """The whole function."""
        return [
            f"define internal void @{name}({args}) #0 {{",
            *self.lines,
            "  ret void",
            "}",
        ]


class Unit:
    """One module: functions, the tables they read, and the mathematics they call.

    MEMORY: the names of the arrays that a call works in, the numbers that it is given
        and its answers among them.
    """

    MEMORY: tuple[str, ...] = ()

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.kinds = {1, lanes}  # how many numbers there are in its vectors
        self.lines: list[str] = []
        self._calls: set[tuple[str, int]] = set()
        self._tables: dict[tuple[int | str, ...], str] = {}
        self._heads: dict[str, int] = {}

    def text(self) -> str:
        """The module."""
        raise NotImplementedError

    def arrays(self) -> dict[str, Any]:
        """New ones for the memory, by their names."""
        raise NotImplementedError

    def begun(self) -> Function:
        """The function of a call, in which the memory's arrays have their names."""
        body = Function(self.lanes)
        for n, name in enumerate(self.MEMORY):
            at = body.address("%space", 8 * n)
            body.lines.append(f"  %{name} = load ptr, ptr {at}")
        return body

    def table(self, numbers: Sequence[int | str]) -> str:
        """The name of a table of whole numbers, or of what LLVM finds to be one."""
        key = tuple(numbers)
        if key not in self._tables:
            self._tables[key] = f"@table{len(self._tables)}"
        return self._tables[key]

    def add(self, body: Function, name: str, args: str, plain: bool = False) -> None:
        """Add a function; a plain one is translated as `plain` says."""
        self.calls_of(body)
        self._heads[name] = len(self.lines)
        self.lines += body.text(name, args)
        if plain:
            self.plain(name)

    def calls_of(self, body: Function) -> None:
        """Have the functions in the module that are called."""
        self._calls |= {(call, body.lanes) for call in body.calls}

    def plain(self, name: str) -> None:
        """Have a function translated instruction by instruction.

        LLVM's optimizing code generator takes time more than in proportion to the
        length of straight-line code: 30 000 instructions took 1.9 s, and plainly 0.5 s.
        They ran equally fast, because the passes here leave little to improve.
        """
        head = self._heads[name]
        self.lines[head] = self.lines[head].replace("#0", "#1")

    def add_entry(self, body: Function, name: str, args: str) -> None:
        """Add the function that is called from outside."""
        text = body.text(name, args)
        self.lines += [text[0].replace("define internal", "define"), *text[1:]]

    def add_run(self, body: Function) -> None:
        """Add the function of a call, and `again`, which finds its arguments listed."""
        args = [
            f"{kind}{' noalias' * (name in ('X', 'outputs'))} %{name}"
            for name, kind in RUN.items()
        ]
        self.add_entry(body, "run", ", ".join(args))
        again = Function(1)
        given = [
            f"{kind} {again.load(kind, '%listed', 8 * n)}"
            for n, kind in enumerate(RUN.values())
        ]
        again.call_void("run", ", ".join(given))
        self.add_entry(again, "again", "ptr %listed")

    def finished(self) -> str:
        """The whole module."""
        self._mathematics()
        return "\n".join([*self._declarations(), *self.lines])

    def _mathematics(self) -> None:
        """The functions that are called, and those that they call."""
        waiting, done = sorted(self._calls), set()
        while waiting:
            name, lanes = waiting.pop()
            if (name, lanes) not in done:
                done.add((name, lanes))
                lines, calls = vector_math.definition(name, lanes)
                self.lines += lines
                waiting += [(call, lanes) for call in sorted(calls)]

    def _declarations(self) -> list[str]:
        lines = []
        for numbers, name in self._tables.items():
            entries = ", ".join([f"i64 {n}" for n in numbers])
            kind = f"[{len(numbers)} x i64]"
            lines.append(f"{name} = internal constant {kind} [{entries}], align 64")
        for lanes in sorted(self.kinds):
            kind, suffix = Lanes(lanes).double, Lanes(lanes).suffix
            for name, count in INTRINSICS.items():
                args = ", ".join([kind] * count)
                lines.append(f"declare {kind} @llvm.{name}.{suffix}({args})")
        for lanes in sorted(self.kinds - {1}):
            kind, suffix, reduce = (
                Lanes(lanes).double,
                f"v{lanes}",
                "@llvm.vector.reduce",
            )
            lines += [
                f"declare i1 {reduce}.or.{suffix}i1(<{lanes} x i1>)",
                f"declare double {reduce}.fadd.{suffix}f64(double, {kind})",
                f"declare double {reduce}.fmax.{suffix}f64({kind})",
            ]
        lines += [
            "declare double @sin(double)",
            "declare double @cos(double)",
            "declare double @tan(double)",
        ]
        width = 64 * max(self.kinds)
        features = f'nounwind "min-legal-vector-width"="{width}" '
        features += f'"prefer-vector-width"="{width}" "no-trapping-math"="true"'
        lines.append(f"attributes #0 = {{ {features} }}")
        lines.append(f"attributes #1 = {{ noinline optnone {features} }}")
        return lines
