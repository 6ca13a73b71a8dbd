"""The machine code backend: several rows per vector, straight from the graph.

The text of a module (see `llvm.module`) is turned into machine code for this processor
by llvmlite, and called through ctypes, which releases the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from autograd.compiler.arrays import numpy
from autograd.compiler.instructions import CONSTANT, BackendError, Kernel
from autograd.compiler.llvm.expansions import expanded
from autograd.compiler.llvm.layout import Layout, plan
from autograd.compiler.llvm.loops import Loops, loops
from autograd.compiler.llvm.module import WORKSPACE, Module
from autograd.compiler.llvm.products import PADDING
from autograd.compiler.matrices import found, groups

SMALL, LARGE = 1000, 4000  # instructions that are compiled one by one
COMPACT = 8  # results in a loop over an array, on average, for which loops are taken
THREAD_ROWS = 2048  # a thread is not worth starting for fewer


# ---- the processor -------------------------------------------------------------------


@contextmanager
def _llvm() -> Iterator[Any]:
    """What llvmlite offers; its failures inside as an error that names it."""
    try:
        from llvmlite import binding

        yield binding
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise BackendError(
            f"llvmlite {_version()} is broken, or does not suit chainrule or this "
            f"computer ({type(error).__name__}: {said}). Install one that does: "
            "python -m pip install --upgrade --force-reinstall 'chainrule[fast]'. "
            'Without it: compile(..., backend="numpy"), fit(..., engine="eager")'
        ) from error


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("llvmlite")
    except metadata.PackageNotFoundError:
        return "of no known version"


@functools.cache
def processor() -> tuple[str, str, int]:
    """Its name, its features, and how many doubles a vector of it has."""
    with _llvm() as binding:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        features = binding.get_host_cpu_features()
        lanes = 8 if features.get("avx512f") else 4 if features.get("avx") else 2
        return binding.get_host_cpu_name(), features.flatten(), lanes


def machine_code(text: str) -> Any:
    """The machine code of a module, and what owns it. Raises BackendError."""
    name, features, _ = processor()
    with _llvm() as binding:
        target = binding.Target.from_default_triple().create_target_machine(
            cpu=name, features=features, opt=2, jit=True
        )
        engine = binding.create_mcjit_compiler(binding.parse_assembly(text), target)
        engine.finalize_object()
    return engine


# ---- running -------------------------------------------------------------------------

POINTER, WHOLE = ctypes.c_void_p, ctypes.c_int64
RUN: Final = ctypes.CFUNCTYPE(None, POINTER, WHOLE, WHOLE, WHOLE, POINTER, POINTER)


class Workspace:
    """The memory of one call at a time: slots, numbers, packed numbers, sums."""

    def __init__(self, module: Module) -> None:
        self.numbers = numbers(module.layout)
        self.values = aligned((module.block + 2) * module.stride // 8)
        self.packed = aligned(len(module.packed))
        # One more target, where what belongs to no sum goes, and whole vectors.
        targets = module.kernel.targets + 1 + module.lanes
        self.sums = aligned(targets * module.lanes)
        self.answers = aligned(targets)
        self.means = self.answers[: module.kernel.targets]
        self.parameters = self.numbers[: module.kernel.parameters]
        arrays = [getattr(self, name) for name in WORKSPACE]
        self.places = numpy().array([array.ctypes.data for array in arrays])
        self.address = self.places.ctypes.data


def numbers(layout: Layout) -> Any:
    """The array of what is the same for every row, the constants in their places."""
    made = aligned(layout.size)
    for index, place in layout.numbers.items():
        op, _, number = layout.code.instructions[index]
        if op == CONSTANT:
            made[place] = number
    return made


def aligned(count: int) -> Any:
    """Zeros that begin at a cache line, as vectors of 64 bytes need."""
    array = numpy().zeros(count + 8)
    start = -array.ctypes.data % 64 // 8
    return array[start : start + count]


def address(array: Any) -> int:
    """Where the numbers of an array are; `array.ctypes.data` takes 4 times as long."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # an array that is read-only, or without numbers
        return int(array.ctypes.data)


class LoopWorkspace:
    """The memory of one call at a time of loops over arrays."""

    def __init__(self, module: Loops) -> None:
        kernel = module.kernel
        self.numbers = aligned(module.size + module.reach)
        self.tables = numpy().array([*module.words, 0], dtype=numpy().int64)
        self.answers = aligned(kernel.targets + PADDING)
        for place, constants in module.constants:
            self.numbers[place : place + len(constants)] = constants
        self.means = self.answers[: kernel.targets]
        self.parameters = self.numbers[: kernel.parameters]
        arrays = [self.numbers, self.tables, self.answers, self.answers, self.answers]
        self.places = numpy().array([array.ctypes.data for array in arrays])
        self.address = self.places.ctypes.data


def _module(kernel: Kernel, lanes: int) -> Module | Loops:
    """As loops over arrays where that pays, else instruction by instruction."""
    if wants_loops(kernel):
        larger = expanded(kernel)
        # A chain of maxima is many groups, and one step.
        if 2 * len(groups(larger.code)) <= len(larger.code) or not COMPACT:
            program = found(larger)
            if COMPACT * len(loops(program)) <= len(larger.code):
                return Loops(kernel, program, lanes)
    return Module(kernel, plan(kernel), lanes)


def wants_loops(kernel: Kernel) -> bool:
    """Whether there is more straight-line code than can be compiled quickly.

    Rows are the lanes then no longer, but neighbors in an array. Without inputs there
    is only one row, and less is enough.
    """
    code = kernel.code
    length = 0
    for (op, args, _), varies in zip(code.instructions, code.varies, strict=True):
        half = len(args) // 2
        first = code.varies[args[0]] if op == "dot" else varies
        if op == "dot" and first != code.varies[args[half]]:
            continue  # a row of a matrix, most likely
        length += half if op == "dot" else len(args) > 0
    return length > (LARGE if any(code.varies) else SMALL)


class LlvmKernel:
    """A kernel as machine code."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._module: Module | Loops = _module(kernel, processor()[2])
        self._compile(self._module.text(), len(kernel.outputs), kernel.targets)

    def _compile(self, text: str, outputs: int, targets: int) -> None:
        """outputs, targets: how many are kept for every row, and summed over them."""
        self._outputs = outputs
        self._targets = targets
        self._engine = machine_code(text)
        self.entry: int = self._engine.get_function_address("run")
        self._run = RUN(self.entry)
        self._free: list[Any] = []

    def workspace(self) -> Any:
        """Memory for one call at a time."""
        if isinstance(self._module, Loops):
            return LoopWorkspace(self._module)
        return Workspace(self._module)

    def run(self, X: Any, parameters: Any, threads: int = 1) -> tuple[Any, Any]:
        """The outputs (N, K) and the sums (P + 1,), each divided by N."""
        np = numpy()
        rows = len(X)
        outputs = np.empty((rows, self._outputs))
        if not rows:
            return outputs, np.full(self._targets, np.nan)
        if threads == 1 or rows <= THREAD_ROWS:
            return outputs, self._part(X, 0, rows, parameters, outputs)
        parts = min(threads, -(-rows // THREAD_ROWS))
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
        space = self._free.pop() if self._free else self.workspace()
        space.parameters[:] = parameters
        target = address(outputs) if self._outputs else None
        self._run(address(X), start, stop, len(X), space.address, target)
        answers = space.means.copy()
        self._free.append(space)
        return answers
