"""Equal operations side by side within one turn of a loop, as many as there are lanes.

A turn of a simulation of one row is numbers, not vectors. But a cell of sixteen numbers
is sixteen equal formulas: instructions of one operation that wait for as many others,
and read what lies side by side, are one instruction on vectors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from autograd.compiler.instructions import CONSTANT, INPUT, Code
from autograd.compiler.llvm.text import Function
from autograd.compiler.repeats import Cells


class Wide(Function):
    """Writes instructions on vectors into a function of numbers."""

    def __init__(self, body: Function, lanes: int) -> None:
        super().__init__(lanes)
        self.body = body
        self.lines = body.lines

    def emit(self, text: str) -> str:
        """Append one instruction; the name of its result."""
        return self.body.emit(text)


def packs(code: Code, reads: Sequence[Cells], lanes: int) -> list[list[int]]:
    """The instructions but leaves in an order in which they can run, in packs.

    Those of a pack have the same operation; of each argument, they read the same or
    what is one after the other in a pack, or in the memory.

    >>> code = Code()
    >>> x, y, z = [code.add(INPUT, (), n) for n in range(3)]
    >>> for left in (x, y):
    ...     last = code.add("exp", (code.add("mul", (left, z)),))
    >>> packs(code, [Cells(4), Cells(5), Cells(9)], 4)
    [[3, 5], [4, 6]]
    """
    return list(_Order(code, reads, lanes).packs())


class _Order:
    """Gives every result a kind, and a place that is next to its neighbors'."""

    def __init__(self, code: Code, reads: Sequence[Cells], lanes: int) -> None:
        self.code = code
        self.lanes = lanes
        self.kinds: list[object] = [0] * len(code)
        self.places = [0] * len(code)
        self.levels: list[list[int]] = []
        self._last = 0
        level_of = [0] * len(code)
        for index, (op, args, number) in enumerate(code.instructions):
            if op == INPUT:
                cells = reads[int(number)]
                self.kinds[index] = bool(cells.table), cells.stride
                self.places[index] = int(number) if cells.table else cells.start
            elif op == CONSTANT:
                self.kinds[index], self.places[index] = CONSTANT, 2 * index
            else:
                level_of[index] = 1 + max([level_of[arg] for arg in args])
                while len(self.levels) < level_of[index]:
                    self.levels.append([])
                self.levels[level_of[index] - 1].append(index)

    def packs(self) -> Iterator[list[int]]:
        """Level after level."""
        for level in self.levels:
            alike: dict[object, list[int]] = {}
            for index in level:
                op, args, _ = self.code.instructions[index]
                key = op, *[self.kinds[arg] for arg in args]
                alike.setdefault(key, []).append(index)
            for members in alike.values():
                for run in self._runs(members):
                    for start in range(0, len(run), self.lanes):
                        yield run[start : start + self.lanes]

    def _runs(self, members: list[int]) -> Iterable[list[int]]:
        """The members in order, parted where they don't read on side by side."""
        read = {m: self._places(self.code.instructions[m].args) for m in members}
        different = [len(set(column)) for column in zip(*read.values(), strict=True)]
        first = sorted(range(len(different)), key=lambda n: -different[n])
        members.sort(key=lambda m: [read[m][n] for n in first])
        runs, steps = [members[:1]], None
        for one, other in itertools.pairwise(members):
            step = [b - a for a, b in zip(read[one], read[other], strict=True)]
            if step != (steps or step):
                runs.append([])
                steps = None
            else:
                steps = step
            runs[-1].append(other)
        runs = self._merged(runs)
        kind = object()
        for run in runs:
            for index in run:
                self._last += 1
                self.kinds[index], self.places[index] = kind, self._last
            self._last += 1
        return runs

    def _merged(self, runs: Sequence[list[int]]) -> list[list[int]]:
        """Short runs one after the other as one."""
        found: list[list[int]] = []
        for run in runs:
            if found and max(len(found[-1]), len(run)) < self.lanes:
                found[-1] += run
            else:
                found.append(run)
        return found

    def _places(self, args: Sequence[int]) -> list[int]:
        return [self.places[arg] for arg in args]


def fill(found: Sequence[Sequence[int]]) -> bool:
    """Whether packs are worth it: of one and a half on average, and there are some."""
    return 0 < 3 * len(found) <= 2 * sum(map(len, found))
