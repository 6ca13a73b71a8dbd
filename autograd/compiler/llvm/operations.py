"""Operations as LLVM's instructions, on one number or on several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograd.compiler.instructions import COMPARISONS
from autograd.compiler.llvm import vector_math
from autograd.compiler.llvm.text import Function

MANY_TERMS = 32  # from so many on, a sum is added up in four chains
LESS = {"less": "olt", "at_most": "ole", "equal": "oeq", "differs": "une"}
ARITHMETIC = {
    "add": "fadd contract",
    "sub": "fsub",
    "mul": "fmul contract",
    "div": "fdiv",
}
"""A product that is added and not used elsewhere may be added without rounding it."""


class Operations:
    """Writes operations into a function. Names of results go in and come out."""

    def __init__(self, body: Function) -> None:
        self.body = body
        self._decays: dict[str, tuple[vector_math.X, vector_math.X]] = {}

    def apply(self, op: str, values: list[str]) -> str:
        """An operation; a comparison and a condition as numbers, 1 and 0."""
        body = self.body
        if op in COMPARISONS:
            truth = self.compare(op, *values)
            return self.select(truth, body.number(1.0), body.number(0.0))
        if op == "where":
            return self.select(self.truth(values[0]), *values[1:])
        if op in ARITHMETIC:
            return body.emit(f"{ARITHMETIC[op]} {body.double} {values[0]}, {values[1]}")
        if op in ("sum", "dot"):
            plain = [False] * len(values)
            return self.sum(values) if op == "sum" else self.dot(values, plain)
        if op in vector_math.FUNCTIONS:
            return body.call(op, *values)
        if op in vector_math.DECAYS:
            return self._decay(op, values[0])
        return self._small(op, values)

    def compare(self, op: str, x: str, y: str) -> str:
        """Where a comparison holds."""
        return self.body.emit(f"fcmp {LESS[op]} {self.body.double} {x}, {y}")

    def truth(self, x: str) -> str:
        """Where a number is not 0."""
        return self.compare("differs", x, self.body.number(0.0))

    def select(self, truth: str, x: str, y: str) -> str:
        """x where it holds, y elsewhere."""
        body = self.body
        kinds = f"{body.double} {x}, {body.double} {y}"
        return body.emit(f"select {body.truth} {truth}, {kinds}")

    def _decay(self, op: str, size: str) -> str:
        """e ** -size, or that minus 1; most of the work serves both."""
        if size not in self._decays:
            given = vector_math.X(self.body, size)
            self._decays[size] = vector_math.decay_parts(given)
        return vector_math.DECAYS[op](*self._decays[size]).name

    def _small(self, op: str, values: list[str]) -> str:
        """The operations of an instruction or two."""
        body, x = self.body, values[0]
        if op == "neg":
            return body.emit(f"fneg {body.double} {x}")
        if op in ("sqrt", "abs"):
            return body.intrinsic("fabs" if op == "abs" else op, x)
        if op in ("minimum", "maximum"):
            y = values[1]
            pair = (y, x) if op == "minimum" else (x, y)
            nan = body.emit(f"fcmp uno {body.double} {y}, {y}")
            return self.select(nan, y, self.select(self.compare("less", *pair), y, x))
        if op == "relu":
            zero = body.number(0.0)
            return self.select(self.compare("less", x, zero), zero, x)
        slope = body.emit(f"fmul {body.double} {values[1]}, {x}")  # leaky_relu
        return self.select(self.compare("less", body.number(0.0), x), x, slope)

    def sum(self, values: Sequence[str]) -> str:
        """From left to right; many terms in several chains that don't wait in turn."""
        return self._chains(len(values), lambda n, total: self._plus(total, values[n]))

    def dot(self, values: Sequence[str], ones: Sequence[bool]) -> str:
        """The first half times the second. ones: which of them are 1."""
        body, half = self.body, len(values) // 2

        def term(n: int, total: str) -> str:
            x, y = values[n], values[half + n]
            if ones[n] or ones[half + n]:
                return self._plus(total, y if ones[n] else x)
            if total:
                return body.fma(x, y, total)
            return body.emit(f"fmul {body.double} {x}, {y}")

        return self._chains(half, term)

    def _plus(self, total: str, x: str) -> str:
        return self.apply("add", [total, x]) if total else x

    def _chains(self, count: int, add: Callable[[int, str], str]) -> str:
        totals = [""] * (1 if count < MANY_TERMS else 4)
        for n in range(count):
            totals[n % len(totals)] = add(n, totals[n % len(totals)])
        result = totals[0]
        for total in totals[1:]:
            result = self._plus(result, total)
        return result
