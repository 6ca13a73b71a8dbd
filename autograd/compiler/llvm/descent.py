"""Gradient descent as machine code: many batches in one call.

A `Descent` joins two kernels. The first runs over the rows of a batch and sums up the
loss and its gradient. The second is the update rule and runs over the parameters: its
inputs are w, g and what the rule remembers of each parameter, its own parameters are lr
and t, and its outputs the next w and what to remember. Between the two, the gradient is
measured, and shortened where it is longer than it may be.

The parameters, their gradients and each thing remembered are a column each, padded to
whole vectors, and the rule runs down the columns in one loop.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final

from autograd.compiler.arrays import numpy, zeros
from autograd.compiler.instructions import INPUT, Kernel
from autograd.compiler.llvm.backend import (
    POINTER,
    WHOLE,
    LlvmKernel,
    Machine,
    address,
    machine_code,
    processor,
)
from autograd.compiler.llvm.chunks import LARGE, Chunk, add_once
from autograd.compiler.llvm.layout import Layout, calculates, numbers, plan
from autograd.compiler.llvm.module import Module
from autograd.compiler.llvm.text import Function, Unit
from autograd.compiler.llvm.vector_math import Lanes

W, G = 0, 1  # the columns: parameters, gradients, then what is remembered
LR, T = 0, 1  # the rule's own parameters
MOST_WORK = 5e7  # instructions times rows in one call, about 20 ms: Ctrl-C waits for it
LITTLE: Final = Lanes(1).number(1e-6)  # as in torch.nn.utils.clip_grad_norm_
LARGE_SCALE: Final = Lanes(1).number(2.0**1022)
EXPONENT: Final = 0x7FF << 52  # the bits of a float that tell its power of 2

NUMBER = ctypes.c_double
ARGUMENTS: Final = {
    "run": POINTER,  # the first kernel's function
    "X": POINTER,  # the table, row by row
    "rows": WHOLE,
    "size": WHOLE,  # rows per batch; the last one may have fewer
    "space": POINTER,  # the first kernel's workspace
    "outputs": POINTER,  # of every row
    "state": POINTER,  # the columns
    "numbers": POINTER,  # what the rule computes once per step, from lr and t
    "rates": POINTER,  # lr, for every batch
    "clip": NUMBER,  # the longest gradient
    "losses": POINTER,  # of every batch
    "norms": POINTER,  # the lengths of the gradients
}
DESCEND: Final = ctypes.CFUNCTYPE(None, *ARGUMENTS.values())
TYPES: Final = {POINTER: "ptr", WHOLE: "i64", NUMBER: "double"}


class DescentUnit(Unit):
    """The text of the rule, and of the loop over batches around both kernels."""

    def __init__(self, layout: Layout, parameters: int, lanes: int) -> None:
        super().__init__(lanes)
        self.layout = layout
        self.parameters = parameters
        self.width = 8 * lanes
        self.vectors = -(-parameters // lanes)

    def column(self, number: int) -> int:
        """Where a column begins, in bytes."""
        return number * self.vectors * self.width

    def text(self) -> str:
        """The module."""
        once = add_once(self, self.layout)
        self._update()
        self._measure()
        self._descend(once)
        return self.finished()

    # ---- the rule ----

    def _update(self) -> None:
        """The rule, from columns to columns."""
        code, outputs = self.layout.code, self.layout.outputs
        slots = {
            index: int(made.number) * self.vectors
            for index, made in enumerate(code.instructions)
            if made.op == INPUT
        }
        chunk = Chunk(self.layout._replace(slots=slots), self.lanes, "", "%numbers")
        body = chunk.body
        wanted = [i for i in range(len(code)) if code.varies[i] and calculates(code, i)]

        def vector(n: str) -> None:
            chunk.base = body.address("%state", body.whole_op("mul", n, self.width))
            chunk.emit(wanted)
            w, *memory = [chunk.value(index) for index in outputs]
            for number, name in [(W, w), *enumerate(memory, G + 1)]:
                body.store(body.double, name, chunk.base, self.column(number))

        body.loop(0, self.vectors, vector)
        args = "ptr noalias %state, ptr noalias %numbers"
        self.add(body, "update", args, plain=len(wanted) > LARGE)

    # ---- the gradient ----

    def _measure(self) -> None:
        """The gradient into its column, shortened where need be, and its length.

        Squares are taken of numbers near 1: no length overflows that is a float itself.
        """
        body = Function(self.lanes)
        self._copy(body, "%answers", "%gradient")
        for n in range(self.parameters, self.vectors * self.lanes):
            body.store("double", "0.0", "%gradient", 8 * n)
        largest = self._down(body, lambda x, most: _larger(body, x, most))
        scale = self._scale(body, body.over_lanes("largest", largest))
        factor = body.splat(scale)
        squares = self._down(body, lambda x, sum: _square(body, x, factor, sum))
        root = body.over_lanes("sum", squares)
        root = body.emit(f"call double @llvm.sqrt.f64(double {root})")
        norm = body.emit(f"fdiv double {root}, {scale}")
        body.store("double", norm, "%norm")
        self._shorten(body, norm)
        args = "ptr noalias %answers, ptr noalias %gradient, double %clip, ptr %norm"
        self.add(body, "measure", args)

    def _copy(self, body: Function, source: str, target: str) -> None:
        """A column's length of numbers."""

        def vector(n: str) -> None:
            at = body.whole_op("mul", n, self.width)
            body.store(body.double, body.load(body.double, source, at), target, at)

        body.loop(0, self.vectors, vector)

    def _down(self, body: Function, step: Callable[[str, str], str]) -> str:
        """What step(vector, result so far) makes of the gradient's column."""

        def vector(n: str, result: str) -> list[str]:
            at = body.whole_op("mul", n, self.width)
            return [step(body.load(body.double, "%gradient", at), result)]

        (found,) = body.loop(0, self.vectors, vector, first=[body.number(0.0)])
        return found

    def _scale(self, body: Function, largest: str) -> str:
        """1 over the power of 2 in a number; a large one where it has none."""
        bits = body.emit(f"bitcast double {largest} to i64")
        bits = body.whole_op("and", bits, EXPONENT)
        power = body.emit(f"bitcast i64 {bits} to double")
        scale = body.emit(f"fdiv double 1.0, {power}")
        none = body.emit(f"icmp eq i64 {bits}, 0")
        return body.emit(f"select i1 {none}, double {LARGE_SCALE}, double {scale}")

    def _shorten(self, body: Function, norm: str) -> None:
        """The gradient times clip / norm, where that is below 1."""
        divisor = body.emit(f"fadd double {norm}, {LITTLE}")
        factor = body.emit(f"fdiv double %clip, {divisor}")
        longer = body.emit(f"fcmp olt double {factor}, 1.0")
        stop = body.emit(f"select i1 {longer}, i64 {self.vectors}, i64 0")
        many = body.splat(factor)

        def vector(n: str) -> None:
            at = body.whole_op("mul", n, self.width)
            x = body.load(body.double, "%gradient", at)
            x = body.emit(f"fmul {body.double} {x}, {many}")
            body.store(body.double, x, "%gradient", at)

        body.loop(0, stop, vector)

    # ---- batch after batch ----

    def _descend(self, once: Sequence[str]) -> None:
        body = Function(self.lanes)
        places = [8 * Module.MEMORY.index(name) for name in ("numbers", "answers")]
        theirs, answers = [body.load("ptr", "%space", place) for place in places]
        gradient = body.address("%state", self.column(G))

        def batch(start: str) -> None:
            left = body.whole_op("sub", "%rows", start)
            last = body.emit(f"icmp slt i64 {left}, %size")
            count = body.emit(f"select i1 {last}, i64 {left}, i64 %size")
            stop = body.whole_op("add", start, count)
            place = body.whole_op("shl", body.whole_op("udiv", start, "%size"), 3)
            self._copy(body, "%state", theirs)
            body.lines.append(
                f"  call void %run(ptr %X, i64 {start}, i64 {stop}, i64 {count}, "
                "ptr %space, ptr %outputs)"
            )
            loss = body.load("double", answers, 8 * self.parameters)
            body.store("double", loss, "%losses", place)
            norm = body.address("%norms", place)
            body.call_void(
                "measure",
                f"ptr {answers}, ptr {gradient}, double %clip, ptr {norm}",
            )
            rate = body.load("double", "%rates", place)
            body.store("double", rate, "%numbers", 8 * LR)
            self._next_step(body, once)

        body.loop(0, "%rows", batch, step="%size")
        typed = [f"{TYPES[kind]} %{name}" for name, kind in ARGUMENTS.items()]
        self.add_entry(body, "descend", ", ".join(typed))

    def _next_step(self, body: Function, once: Sequence[str]) -> None:
        t = body.load("double", "%numbers", 8 * T)
        body.store("double", body.emit(f"fadd double {t}, 1.0"), "%numbers", 8 * T)
        for name in once:
            body.call_void(name, "ptr %numbers")
        body.call_void("update", "ptr %state, ptr %numbers")


def _larger(body: Function, x: str, most: str) -> str:
    size = body.intrinsic("fabs", x)
    larger = body.emit(f"fcmp ogt {body.double} {size}, {most}")
    kinds = f"{body.double} {size}, {body.double} {most}"
    return body.emit(f"select {body.truth} {larger}, {kinds}")


def _square(body: Function, x: str, factor: str, total: str) -> str:
    x = body.emit(f"fmul {body.double} {x}, {factor}")
    return body.fma(x, x, total)


class Descent:
    """Steps of an update rule over batches. Used by one thread at a time.

    kernel: sums up loss and gradient over the rows of a batch.
    rule: from (w, g, *memory), with the parameters (lr, t), to the next (w, *memory).
    """

    def __init__(self, kernel: LlvmKernel, rule: Kernel) -> None:
        layout, lanes = plan(rule), processor()[2]
        self._unit = DescentUnit(layout, kernel.kernel.parameters, lanes)
        self._code = machine_code(self._unit.text())
        self._descend = DESCEND(self._code.get_function_address("descend"))
        self._kernel = kernel
        self._spaces: dict[Machine, Any] = {}
        self._numbers = numbers(layout)
        self._columns = zeros(rule.inputs * self._unit.vectors * lanes)
        self._state = self._columns.reshape(-1, self._unit.vectors * lanes)
        self._work = len(kernel.kernel.code), len(rule.code)

    def run(
        self,
        X: Any,
        rows: Any,
        size: int,
        state: Sequence[Any],
        rates: Any,
        t: int,
        clip: float,
    ) -> tuple[list[Any], Any, Any, Any]:
        """One step per batch of `size` of a table's rows, in their order.

        rows: indices, or a range; no more of a table is copied than a call takes.
        state: the parameters' numbers, then what the rule remembers, each (P,). rates:
        lr for every batch (B,). t: how many steps there were before. clip: the longest
        gradient, or infinity.

        Returns the state after the last step; the outputs (N, K) of the N rows and the
        losses (B,), each computed before its batch's step; and the lengths of the
        gradients (B,).
        """
        np = numpy()
        places = [place for place in range(len(state) + 1) if place != G]
        count = self._unit.parameters
        for place, column in zip(places, state, strict=True):
            self._state[place, :count] = column
        self._numbers[T] = t
        outputs = np.empty((len(rows), len(self._kernel.kernel.outputs)))
        losses, norms = np.empty((2, -(-len(rows) // size)))
        rates = np.ascontiguousarray(rates, dtype=np.float64)
        machine = self._kernel.machine(size)
        if machine not in self._spaces:
            self._spaces[machine] = machine.memory()
        piece = self.batches_in_a_call(size) * size
        for start in range(0, len(rows), piece):
            part, batches = slice(start, start + piece), slice(start // size, None)
            by_batch = rates[batches], losses[batches], norms[batches]
            taken = _taken(X, rows[part])
            self._call(machine, taken, size, outputs[part], clip, *by_batch)
        state = [self._state[place, :count].copy() for place in places]
        return state, outputs, losses, norms

    def _call(
        self,
        machine: Machine,
        X: Any,
        size: int,
        outputs: Any,
        clip: float,
        rates: Any,
        losses: Any,
        norms: Any,
    ) -> None:
        self._descend(
            machine.entry,
            address(X),
            len(X),
            size,
            self._spaces[machine].address,
            address(outputs) if outputs.size else None,
            address(self._columns),
            address(self._numbers),
            address(rates),
            clip,
            address(losses),
            address(norms),
        )

    def batches_in_a_call(self, size: int) -> int:
        """So many that their work takes a moment."""
        per_row, per_parameter = self._work
        work = size * per_row + self._unit.parameters * per_parameter
        return max(1, int(MOST_WORK / work))


def _taken(X: Any, rows: Any) -> Any:
    """These rows of a table; without a copy where they are a range."""
    return X[rows.start : rows.stop] if isinstance(rows, range) else X[rows]
