"""Functions of LLVM in text: addresses, loads and stores, loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograd.compiler.vector_math import Lanes


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

    def load(self, kind: str, base: str, offset: str | int = 0) -> str:
        """What is stored so many bytes after a pointer."""
        align = 8 if kind in ("double", "i64") else self.lanes * 8
        return self.emit(
            f"load {kind}, ptr {self.address(base, offset)}, align {align}"
        )

    def store(self, kind: str, value: str, base: str, offset: str | int = 0) -> None:
        """Store so many bytes after a pointer."""
        align = 8 if kind in ("double", "i64") else self.lanes * 8
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

    def totals(self, vectors: Sequence[str]) -> str:
        """For as many vectors as there are lanes, the sum over the lanes of each."""
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self._neighbors(x, y) for x, y in pairs]
        return vectors[0]

    def _neighbors(self, x: str, y: str) -> str:
        """x1 + x2, x3 + x4, ..., y1 + y2, y3 + y4, ..."""
        parts = []
        for first in (0, 1):
            places = [f"i32 {n}" for n in range(first, 2 * self.lanes, 2)]
            parts.append(
                self.emit(
                    f"shufflevector {self.double} {x}, {self.double} {y}, "
                    f"<{self.lanes} x i32> <{', '.join(places)}>"
                )
            )
        return self.emit(f"fadd {self.double} {parts[0]}, {parts[1]}")

    def fma(self, x: str, y: str, z: str) -> str:
        """x * y + z."""
        return self.intrinsic("fma", x, y, z)

    def call_void(self, name: str, args: str) -> None:
        """Call a function for its effect."""
        self.lines.append(f"  call void @{name}({args})")

    def loop(
        self,
        start: str | int,
        stop: str | int,
        body: Callable[..., Sequence[str] | None],
        step: int = 1,
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
