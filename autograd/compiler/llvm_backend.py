"""The machine code backend: several rows per vector, straight from the graph.

The text of a module (see `llvm_module`) is turned into machine code for this processor
by llvmlite, and called through ctypes, which releases the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from autograd.compiler.code import CONSTANT, Kernel
from autograd.compiler.layout import plan
from autograd.compiler.llvm_module import Module
from autograd.compiler.numbers import numpy

THREAD_ROWS = 2048  # a thread is not worth starting for fewer


# ---- the processor -------------------------------------------------------------------


@functools.cache
def _processor() -> tuple[str, str, int]:
    """Its name, its features, and how many doubles a vector of it has."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features()
    lanes = 8 if features.get("avx512f") else 4 if features.get("avx") else 2
    return binding.get_host_cpu_name(), features.flatten(), lanes


def _engine(text: str) -> Any:
    """The machine code of a module. The engine owns what it is made of."""
    from llvmlite import binding

    name, features, _ = _processor()
    target = binding.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=2, jit=True
    )
    engine = binding.create_mcjit_compiler(binding.parse_assembly(text), target)
    engine.finalize_object()
    return engine


# ---- running -------------------------------------------------------------------------

POINTER, WHOLE = ctypes.c_void_p, ctypes.c_int64
RUN: Final = ctypes.CFUNCTYPE(None, POINTER, WHOLE, WHOLE, WHOLE, *[POINTER] * 6)


class Workspace:
    """The memory of one call at a time: slots, numbers, packed numbers, sums."""

    def __init__(self, module: Module) -> None:
        layout = module.layout
        numbers = max(layout.numbers.values(), default=-1) + 1
        self.numbers = _aligned(max(numbers, module.kernel.parameters))
        for index, place in layout.numbers.items():
            op, _, number = layout.code.instructions[index]
            if op == CONSTANT:
                self.numbers[place] = number
        self.values = _aligned((module.block + 2) * module.stride // 8)
        self.packed = _aligned(len(module.packed))
        self.sums = _aligned((module.kernel.targets + 1) * module.lanes)
        self.answers = _aligned(module.kernel.targets)
        self.parameters = self.numbers[: module.kernel.parameters]
        arrays = (self.numbers, self.values, self.packed, self.sums, self.answers)
        self.pointers = [array.ctypes.data for array in arrays]


def _aligned(count: int) -> Any:
    """Zeros that begin at a cache line, as vectors of 64 bytes need."""
    array = numpy().zeros(count + 8)
    start = -array.ctypes.data % 64 // 8
    return array[start : start + count]


class LlvmKernel:
    """A kernel as machine code."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._module = Module(kernel, plan(kernel), _processor()[2])
        self._engine = _engine(self._module.text())
        self._run = RUN(self._engine.get_function_address("run"))
        self._free: list[Workspace] = []

    def run(self, X: Any, parameters: Any, threads: int = 1) -> tuple[Any, Any]:
        """The outputs (N, K) and the sums (P + 1,), each divided by N."""
        np = numpy()
        rows = len(X)
        outputs = np.empty((rows, len(self.kernel.outputs)))
        if not rows:
            return outputs, np.full(self.kernel.targets, np.nan)
        parts = min(threads, -(-rows // THREAD_ROWS))
        if parts <= 1:
            return outputs, self._part(X, 0, rows, parameters, outputs)
        edges = [rows * n // parts for n in range(parts + 1)]
        with ThreadPoolExecutor(parts) as pool:
            waiting = [
                pool.submit(self._part, X, start, stop, parameters, outputs)
                for start, stop in itertools.pairwise(edges)
            ]
        # In the order of the rows, so that the sums don't depend on who is first.
        return outputs, sum([part.result() for part in waiting])

    def _part(
        self, X: Any, start: int, stop: int, parameters: Any, outputs: Any
    ) -> Any:
        """Some of the rows: their outputs into the array, their share of the sums."""
        space = self._free.pop() if self._free else Workspace(self._module)
        space.parameters[:] = parameters
        target = outputs.ctypes.data if self.kernel.outputs else None
        self._run(X.ctypes.data, start, stop, len(X), *space.pointers, target)
        answers = space.answers.copy()
        self._free.append(space)
        return answers
