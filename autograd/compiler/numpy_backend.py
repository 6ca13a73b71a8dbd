"""The reference backend: the array program as a Python function, run with NumPy.

There is one call for each step, whatever the arrays hold. The rows go through in
blocks, so that the memory is in proportion to a block whatever the batch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from autograd.compiler.array_text import ArrayText, form, taken_once
from autograd.compiler.arrays import numpy
from autograd.compiler.instructions import LEAVES, OVER_ROWS, Kernel
from autograd.compiler.matrices import found, fused
from autograd.compiler.prepared import Prepared
from autograd.compiler.steps import Array
from autograd.modes import ieee
from autograd.operation import Operation
from autograd.value import forward

BLOCK = 4096  # rows: 32 KiB per result, so that a handful stays in the fast caches
NUMBERS = 1 << 18  # that all results of a block hold: 2 MiB
LEAST = 64  # rows of a block, whatever they take
SUMS = frozenset({"sum", "dot"}) | OVER_ROWS


def has_form(op: str) -> bool:
    """Whether an instruction is written with array operations alone."""
    return op in LEAVES or op in SUMS or bool(form(op))


def special_functions() -> dict[str, Any]:
    """erf and erfc, which NumPy lacks: Python's own, number by number."""
    np = numpy()
    return {
        "erf": np.vectorize(math.erf, otypes=[float]),
        "erfc": np.vectorize(math.erfc, otypes=[float]),
    }


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
        np = numpy()
        self.kernel = kernel
        self.program = fused(found(kernel), inlines=taken_once)
        ops = sorted(kernel.code.operations())
        own = {op: f"own{n}" for n, op in enumerate(ops) if not has_form(op)}
        text = ArrayText(
            self.program, [f"v{n}" for n in range(len(self.program.arrays))], own
        )
        names: dict[str, Any] = {
            "np": np,
            "functools": functools,
            **special_functions(),
        }
        names.update(
            {name: _by_number(kernel.code.row(op)) for op, name in own.items()}
        )
        source = text.function("run")
        for name, (numbers, dims) in text.tables.items():
            names[name] = np.array(numbers).reshape(dims)
        exec(source, names)  # made of the table's texts and numbers, not of a user's
        self._function = names["run"]
        self._block = self._rows_at_once()

    def _rows_at_once(self) -> int:
        def results(array: Array) -> int:
            return array.size if array.varies else 0

        total = sum([results(array) for _, array in self.program.made()])
        return max(LEAST, min(BLOCK, NUMBERS // max(1, total)))

    def prepared(self, X: Any, shape: tuple[int, ...]) -> Prepared:
        """A call over what X holds at that time. shape: of the outputs."""
        np = numpy()
        parameters = np.zeros(self.kernel.parameters)
        outputs, means = np.empty(shape), np.empty(self.kernel.targets)

        def run() -> None:
            found, means[:] = self.run(X, parameters)
            outputs[...] = found.reshape(shape)

        return Prepared(X, parameters, outputs, means, run)

    def run(self, X: Any, parameters: Any, threads: int = 1) -> tuple[Any, Any]:
        """The outputs (N, K) and the means (P + 1,)."""
        np = numpy()
        rows = len(X)
        outputs = np.empty((rows, len(self.kernel.outputs)))
        means = np.zeros(self.kernel.targets)
        with np.errstate(all="ignore"):
            for start in range(0, rows, self._block):
                part = X[start : start + self._block]
                columns, share = self._function(part, parameters)
                outputs[start : start + len(part)] = columns
                means += share if len(part) == rows else share * (len(part) / rows)
        return outputs, means if rows else means * math.nan
