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
from math import prod
from typing import Any, Final

from autograd.compiler.arrays import numpy
from autograd.compiler.instructions import BackendError, Kernel
from autograd.compiler.llvm.expansions import expanded
from autograd.compiler.llvm.layout import plan
from autograd.compiler.llvm.loops import Loops, loops
from autograd.compiler.llvm.module import Module
from autograd.compiler.llvm.rows import Rows
from autograd.compiler.llvm.text import RUN, Unit
from autograd.compiler.matrices import found, leveled
from autograd.compiler.prepared import Prepared
from autograd.compiler.steps import Array, Product

SMALL, LARGE = 1000, 4000  # instructions that are compiled one by one
LONG = 2000  # instructions from which on few rows have machine code of their own
COMPACT = 8  # results in a loop over an array, on average, for which loops are taken
WIDE = 64  # the same where none is of a matrix: what is random has short ones by chance
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
KINDS: Final = {"ptr": POINTER, "i64": WHOLE}
CALL: Final = ctypes.CFUNCTYPE(None, *[KINDS[kind] for kind in RUN.values()])
AGAIN: Final = ctypes.CFUNCTYPE(None, POINTER)
ADDRESS: Final = ctypes.addressof
BYTE: Final = ctypes.c_char.from_buffer


class Memory:
    """The arrays in which one call at a time works, and where they are.

    parameters, means: those of the numbers that are given, and of the answers.
    """

    def __init__(self, unit: Unit, parameters: int, means: int) -> None:
        self.arrays = unit.arrays()
        self.parameters = self.arrays["numbers"][:parameters]
        self.means = self.arrays["answers"][:means]
        found = [self.arrays[name].ctypes.data for name in unit.MEMORY]
        self._places = numpy().array(found)
        self.address = self._places.ctypes.data


def address(array: Any) -> int:
    """Where the numbers of an array are; `array.ctypes.data` takes 4 times as long."""
    try:
        return ADDRESS(BYTE(array))
    except (TypeError, ValueError):  # an array that is read-only, or without numbers
        return int(array.ctypes.data)


def _module(kernel: Kernel, lanes: int) -> Module | Loops:
    """As loops over arrays where there are arrays, else instruction by instruction."""
    larger = expanded(kernel)
    given = leveled(larger)
    if COMPACT * len(given.groups) <= 4 * len(larger.code):
        program = found(larger, given)
        matrix = any(map(_is_matrix, program.arrays))
        least = COMPACT if matrix else WIDE
        varies = any(larger.code.varies)
        long = len(larger.code) > (LARGE if varies else SMALL)
        if (long or matrix) and least * len(loops(program)) <= len(larger.code):
            return (Rows if varies else Loops)(kernel, program, lanes)
    return Module(kernel, plan(kernel), lanes)


def _is_matrix(array: Array | None) -> bool:
    """Whether an array is a product worth a loop, in which something is read twice."""
    step = None if array is None else array.step
    if not isinstance(step, Product) or step.left.dims[1] * step.right.dims[1] == 1:
        return False
    return prod((*step.left.dims, *step.right.dims)) > 64


class Machine:
    """A unit's text as machine code, and memory for its calls."""

    def __init__(self, unit: Unit, parameters: int, means: int) -> None:
        self.memory = functools.partial(Memory, unit, parameters, means)
        self._engine = machine_code(unit.text())
        self.entry: int = self._engine.get_function_address("run")
        self.run = CALL(self.entry)
        self.again = AGAIN(self._engine.get_function_address("again"))
        self.free: list[Memory] = []


class LlvmKernel:
    """A kernel as machine code; a long one for few rows, when it is called so, too."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.outputs, self.targets = len(kernel.outputs), kernel.targets
        self.parameters = kernel.parameters
        self.module: Unit = _module(kernel, processor()[2])

    @functools.cached_property
    def many(self) -> Machine:
        """For many rows, which are the lanes where any result varies."""
        return Machine(self.module, self.parameters, self.targets)

    @functools.cached_property
    def few(self) -> Machine:
        """For a row or two: the lanes are neighbors in arrays, where these are many."""
        module = self.module
        if not isinstance(module, Rows) or len(self.kernel.code) < LONG:
            return self.many
        loops = Loops(module.kernel, module.program, module.lanes)
        return Machine(loops, self.parameters, self.targets)

    def run(self, X: Any, parameters: Any, threads: int = 1) -> tuple[Any, Any]:
        """The outputs (N, K) and the sums (P + 1,), each divided by N."""
        np = numpy()
        rows = len(X)
        outputs = np.empty((rows, self.outputs))
        if not rows:
            return outputs, np.full(self.targets, np.nan)
        if threads == 1 or rows <= THREAD_ROWS:
            machine = self.machine(rows)
            return outputs, self._part(machine, X, 0, rows, parameters, outputs)
        parts = min(threads, -(-rows // THREAD_ROWS))
        edges = [rows * n // parts for n in range(parts + 1)]
        with ThreadPoolExecutor(parts) as pool:
            waiting = [
                pool.submit(self._part, self.many, X, start, stop, parameters, outputs)
                for start, stop in itertools.pairwise(edges)
            ]
        # In the order of the rows, so that the sums don't depend on who is first.
        return outputs, sum([part.result() for part in waiting])

    def machine(self, rows: int) -> Machine:
        """What runs so many rows, in one thread."""
        return self.few if 2 * rows <= processor()[2] else self.many

    def prepared(self, X: Any, shape: tuple[int, ...]) -> Prepared:
        """A call over what X, which has one row at least, holds at that time.

        shape: of the outputs.
        """
        rows, outputs = len(X), numpy().empty(shape)
        machine = self.machine(rows)
        space = machine.memory()
        given = (address(X), 0, rows, rows, space.address, address(outputs))
        # One argument takes a third of the time of six.
        listed = numpy().array(given, dtype=numpy().int64)
        run = functools.partial(machine.again, POINTER(listed.ctypes.data))
        kept = machine, space, listed
        return Prepared(X, space.parameters, outputs, space.means, run, kept)

    def _part(
        self,
        machine: Machine,
        X: Any,
        start: int,
        stop: int,
        parameters: Any,
        outputs: Any,
    ) -> Any:
        """Some of the rows: their outputs into the array, their share of the sums."""
        space = machine.free.pop() if machine.free else machine.memory()
        space.parameters[:] = parameters
        target = address(outputs) if self.outputs else None
        machine.run(address(X), start, stop, len(X), space.address, target)
        answers = space.means.copy()
        machine.free.append(space)
        return answers
