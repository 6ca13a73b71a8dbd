"""Straight-line code: one instruction of the list after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autograd.compiler.instructions import COMPARISONS, CONSTANT
from autograd.compiler.llvm import vector_math
from autograd.compiler.llvm.layout import Layout, length
from autograd.compiler.llvm.text import Function, Unit

LARGE = 4000  # instructions: beyond, they are not optimized, see `Unit.add`
MANY_TERMS = 32  # from so many on, a sum is added up in four chains
LESS = {"less": "olt", "at_most": "ole", "equal": "oeq", "differs": "une"}
ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}


class Chunk:
    """Emits instructions that run one after the other, on rows or once."""

    def __init__(self, layout: Layout, lanes: int, base: str, numbers: str) -> None:
        self.layout = layout
        self.made: dict[int, str] = {}
        self.decays: dict[int, tuple[vector_math.X, vector_math.X]] = {}
        self.base = base
        self.numbers = numbers
        self.body = Function(lanes)

    def emit(self, indices: Iterable[int]) -> None:
        """Emit each and store it where it is wanted later."""
        layout, body = self.layout, self.body
        for index in indices:
            name = self.made[index] = self._operation(index)
            if not layout.code.varies[index]:
                body.store("double", name, self.numbers, 8 * layout.numbers[index])
            elif index in layout.slots:
                offset = 8 * body.lanes * layout.slots[index]
                body.store(body.double, name, self.base, offset)

    def value(self, index: int) -> str:
        """The name of a result, loaded if another chunk made it."""
        if index not in self.made:
            self.made[index] = self._found(index)
        return self.made[index]

    def _found(self, index: int) -> str:
        layout, body = self.layout, self.body
        op, _, number = layout.code.instructions[index]
        if op == CONSTANT:
            return body.number(number)
        if op in COMPARISONS:
            truth = self.condition(index)
            return self._select(truth, body.number(1.0), body.number(0.0))
        if not layout.code.varies[index]:
            place = 8 * layout.numbers[index]
            return body.splat(body.load("double", self.numbers, place))
        return body.load(body.double, self.base, 8 * body.lanes * layout.slots[index])

    def condition(self, index: int) -> str:
        """A comparison, or any other result not being 0, as truths."""
        op, args, _ = self.layout.code.instructions[index]
        if op in COMPARISONS:
            x, y = self.value(args[0]), self.value(args[1])
            return self._compare(LESS[op], x, y)
        return self._compare("une", self.value(index), self.body.number(0.0))

    def _compare(self, how: str, x: str, y: str) -> str:
        return self.body.emit(f"fcmp {how} {self.body.double} {x}, {y}")

    def _select(self, truth: str, x: str, y: str) -> str:
        body = self.body
        kinds = f"{body.double} {x}, {body.double} {y}"
        return body.emit(f"select {body.truth} {truth}, {kinds}")

    def _operation(self, index: int) -> str:
        op, args, _ = self.layout.code.instructions[index]
        body = self.body
        if op == "where":
            x, y = self.value(args[1]), self.value(args[2])
            return self._select(self.condition(args[0]), x, y)
        values = [self.value(arg) for arg in args]
        if op in ARITHMETIC:
            return body.emit(f"{ARITHMETIC[op]} {body.double} {values[0]}, {values[1]}")
        if op in ("sum", "dot"):
            return self._sum(values) if op == "sum" else self._dot(args, values)
        if op in vector_math.FUNCTIONS:
            return body.call(op, *values)
        if op in vector_math.DECAYS:
            return self._decay(op, args[0])
        return self._small(op, values)

    def _decay(self, op: str, size: int) -> str:
        """e ** -size, or that minus 1; most of the work serves both."""
        if size not in self.decays:
            given = vector_math.X(self.body, self.value(size))
            self.decays[size] = vector_math.decay_parts(given)
        return vector_math.DECAYS[op](*self.decays[size]).name

    def _small(self, op: str, values: list[str]) -> str:
        """The operations of an instruction or two."""
        body, x = self.body, values[0]
        if op == "neg":
            return body.emit(f"fneg {body.double} {x}")
        if op == "fma":
            return body.fma(*values)
        if op in ("sqrt", "abs"):
            return body.intrinsic("fabs" if op == "abs" else op, x)
        if op in ("minimum", "maximum"):
            y = values[1]
            better = self._compare("olt" if op == "minimum" else "ogt", x, y)
            nan = self._compare("uno", x, x)
            return self._select(nan, x, self._select(better, x, y))
        if op == "relu":
            zero = body.number(0.0)
            return self._select(self._compare("olt", x, zero), zero, x)
        slope = body.emit(f"fmul {body.double} {values[1]}, {x}")  # leaky_relu
        return self._select(self._compare("ogt", x, body.number(0.0)), x, slope)

    def _sum(self, values: list[str]) -> str:
        """From left to right; many terms in several chains that don't wait in turn."""
        return self._chains(len(values), lambda n, total: self._plus(total, values[n]))

    def _dot(self, args: tuple[int, ...], values: list[str]) -> str:
        body, code = self.body, self.layout.code
        half = len(values) // 2

        def term(n: int, total: str) -> str:
            x, y = values[n], values[half + n]
            if code.is_constant(args[n], 1.0):
                return self._plus(total, y)
            if code.is_constant(args[half + n], 1.0):
                return self._plus(total, x)
            if total:
                return body.fma(x, y, total)
            return body.emit(f"fmul {body.double} {x}, {y}")

        return self._chains(half, term)

    def _plus(self, total: str, x: str) -> str:
        return self.body.emit(f"fadd {self.body.double} {total}, {x}") if total else x

    def _chains(self, count: int, add: Callable[[int, str], str]) -> str:
        totals = [""] * (1 if count < MANY_TERMS else 4)
        for n in range(count):
            totals[n % len(totals)] = add(n, totals[n % len(totals)])
        result = totals[0]
        for total in totals[1:]:
            result = self._plus(result, total)
        return result


def add_once(unit: Unit, layout: Layout) -> list[str]:
    """Functions for what is the same for every row, one per chunk; their names."""
    plain = length(layout.once) > LARGE // 4
    names = [f"once{n}" for n in range(len(layout.once))]
    for name, indices in zip(names, layout.once, strict=True):
        chunk = Chunk(layout, 1, "", "%numbers")
        chunk.emit(indices)
        unit.add(chunk.body, name, "ptr %numbers", plain)
    return names
