"""Straight-line code: one instruction of the list after the other."""

from __future__ import annotations

from collections.abc import Iterable

from autograd.compiler.instructions import COMPARISONS, CONSTANT
from autograd.compiler.llvm.layout import Layout, length
from autograd.compiler.llvm.operations import Operations
from autograd.compiler.llvm.text import Function, Unit

LARGE = 4000  # instructions: beyond, they are not optimized, see `Unit.add`


class Chunk:
    """Emits instructions that run one after the other, on rows or once."""

    def __init__(self, layout: Layout, lanes: int, base: str, numbers: str) -> None:
        self.layout = layout
        self.made: dict[int, str] = {}
        self.base = base
        self.numbers = numbers
        self.body = Function(lanes)
        self.operations = Operations(self.body)

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
        op, args, number = layout.code.instructions[index]
        if op == CONSTANT:
            return body.number(number)
        if op in COMPARISONS:
            return self.operations.apply(op, [self.value(arg) for arg in args])
        if not layout.code.varies[index]:
            place = 8 * layout.numbers[index]
            return body.splat(body.load("double", self.numbers, place))
        return body.load(body.double, self.base, 8 * body.lanes * layout.slots[index])

    def condition(self, index: int) -> str:
        """A comparison, or any other result not being 0, as truths."""
        op, args, _ = self.layout.code.instructions[index]
        if op in COMPARISONS:
            x, y = self.value(args[0]), self.value(args[1])
            return self.operations.compare(op, x, y)
        return self.operations.truth(self.value(index))

    def _operation(self, index: int) -> str:
        op, args, _ = self.layout.code.instructions[index]
        if op == "where":
            x, y = self.value(args[1]), self.value(args[2])
            return self.operations.select(self.condition(args[0]), x, y)
        values = [self.value(arg) for arg in args]
        if op == "dot":
            ones = [self.layout.code.is_constant(arg, 1.0) for arg in args]
            return self.operations.dot(values, ones)
        return self.operations.apply(op, values)


def add_once(unit: Unit, layout: Layout) -> list[str]:
    """Functions for what is the same for every row, one per chunk; their names.

    Where nothing else is computed, four times as many are worth an optimized form: 3342
    instructions took 0.2 s longer to compile, and run in 2.3 us and not in 3.1.
    """
    plain = length(layout.once) > (LARGE // 4 if layout.chunks else LARGE)
    names = [f"once{n}" for n in range(len(layout.once))]
    for name, indices in zip(names, layout.once, strict=True):
        chunk = Chunk(layout, 1, "", "%numbers")
        chunk.emit(indices)
        unit.add(chunk.body, name, "ptr %numbers", plain)
    return names
