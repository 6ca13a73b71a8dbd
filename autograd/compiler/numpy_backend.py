"""The reference backend: one NumPy operation for each instruction.

The rows go through in blocks, and an array is let go after its last use, so that the
memory is a few blocks whatever the batch, not a copy of the batch per instruction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd.compiler.arrays import numpy
from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    INPUT,
    LEAVES,
    PARAMETER,
    Code,
    Kernel,
)
from autograd.modes import ieee
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.value import forward

BLOCK = 4096  # rows; 32 KiB per array, so that a handful stays in the fast caches
SPECIAL = {"fma": "{0} * {1} + {2}"}


def form(op: str) -> str:
    """An instruction as text over the array module `np`, `{0}` its first argument.

    Empty where there is none: sum, dot, and the operations that users declare.
    """
    if op in COMPARISONS:
        return COMPARISONS[op][1]
    return SPECIAL.get(op) or (TABLE[op].batch if op in TABLE else "")


def has_form(op: str) -> bool:
    """Whether an instruction is written with array operations alone."""
    return op in LEAVES or op in REDUCTIONS or bool(form(op))


def special_functions() -> dict[str, Any]:
    """erf and erfc, which NumPy lacks: Python's own, number by number."""
    np = numpy()
    return {
        "erf": np.vectorize(math.erf, otypes=[float]),
        "erfc": np.vectorize(math.erfc, otypes=[float]),
    }


def _total(*terms: Any) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _dot(*terms: Any) -> Any:
    half = len(terms) // 2
    total = terms[0] * terms[half]
    for index in range(1, half):
        total = total + terms[index] * terms[half + index]
    return total


REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": _total, "dot": _dot}


def functions(code: Code, names: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Each operation as a function of arrays, made from its form in the table.

    names: the array module as `np`, and its functions erf and erfc.
    """
    ops = {made.op for made in code.instructions} - LEAVES
    return {
        op: function(op, names) if has_form(op) else _by_number(code.row(op))
        for op in ops
    }


def function(op: str, names: dict[str, Any]) -> Callable[..., Any]:
    """An operation that has a form on arrays, as a function of them."""
    if op in REDUCTIONS:
        return REDUCTIONS[op]
    arity = 3 if op in SPECIAL else 2 if op in COMPARISONS else TABLE[op].arity
    args = [f"x{i}" for i in range(arity)]
    source = f"lambda {', '.join(args)}: {form(op).format(*args)}"
    made: Callable[..., Any] = eval(source, names)  # the table's text, not a user's
    return made


def _by_number(row: Operation) -> Callable[..., Any]:
    """An operation without a form on arrays: its forward function, row by row."""

    def one(*numbers: float) -> float:
        with ieee():
            return forward(row, [float(x) for x in numbers], ())

    made: Callable[..., Any] = numpy().vectorize(one, otypes=[float])
    return made


class NumpyKernel:
    """A kernel ready to run on arrays."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        code = kernel.code
        names = {"np": numpy(), **special_functions()}
        self._functions = functions(code, names)
        self._row = [i for i in range(len(code)) if code.varies[i]]
        self._once = [i for i in range(len(code)) if not code.varies[i]]
        self._last = self._last_uses()

    def _last_uses(self) -> dict[int, list[int]]:
        """After which instruction which results of the row's are needed no more."""
        code = self.kernel.code
        needed = {p for _, a, b in self.kernel.sums for p in (a, b)}
        needed.update(self.kernel.outputs)
        last: dict[int, list[int]] = {}
        seen = set(needed)
        for index in reversed(self._row):
            for arg in dict.fromkeys(code.instructions[index].args):
                if code.varies[arg] and arg not in seen:
                    seen.add(arg)
                    last.setdefault(index, []).append(arg)
        return last

    def run(self, X: Any, parameters: Any, threads: int = 1) -> tuple[Any, Any]:
        """The outputs (N, K) and the sums (P + 1,), each divided by N."""
        np = numpy()
        rows = len(X)
        outputs = np.empty((rows, len(self.kernel.outputs)))
        sums = np.zeros(self.kernel.targets)
        with np.errstate(all="ignore"):
            once = self._uniform(parameters)
            for start in range(0, rows, BLOCK):
                stop = min(start + BLOCK, rows)
                self._block(once, X[start:stop], outputs[start:stop], sums)
            return outputs, sums / rows if rows else sums * math.nan

    def _uniform(self, parameters: Any) -> dict[int, Any]:
        """What is the same for every row, computed once."""
        np = numpy()
        values: dict[int, Any] = {}
        for index in self._once:
            op, args, number = self.kernel.code.instructions[index]
            if op == CONSTANT:
                values[index] = np.float64(number)
            elif op == PARAMETER:
                values[index] = parameters[int(number)]
            else:
                values[index] = self._functions[op](*[values[arg] for arg in args])
        return values

    def _block(self, once: dict[int, Any], X: Any, outputs: Any, sums: Any) -> None:
        values = dict(once)
        for index in self._row:
            op, args, number = self.kernel.code.instructions[index]
            if op == INPUT:
                values[index] = X[:, int(number)]
            else:
                values[index] = self._functions[op](*[values[arg] for arg in args])
            for done in self._last.get(index, ()):
                del values[done]
        for column, position in enumerate(self.kernel.outputs):
            outputs[:, column] = values[position]
        for target, a, b in self.kernel.sums:
            sums[target] += (values[a] * values[b] * numpy().ones(len(X))).sum()
