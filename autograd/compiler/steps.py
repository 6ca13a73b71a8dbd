"""The array program: what a scalar program computes, as steps over arrays.

An array holds results of the instruction list, one after the other; where they depend
on the row, each is one number per row. A step makes one array from others:

    Apply       an operation, element by element; its arguments are steps themselves
    Product     a matrix product, or several of the same shape
    Reduce      a sum, or a maximum of many, along the last side of what is read
    Join        what several arrays hold, in one

and `Read` is the part of an array that a step takes: a box of its places, or a table.
Everything is a tuple, small and printable. `matrices` finds the steps; backends and
printers read them and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple


class Read(NamedTuple):
    """Numbers of an array, as a box whose place (i, j, ...) is start + i*s + j*t + ...

    dims: the sides of the box. strides: s, t, ...; a side of stride 0 repeats.
    table: the places one by one, where no start and strides say them.
    """

    array: int
    start: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    table: tuple[int, ...] = ()

    def places(self) -> list[int]:
        """The place in the array of every number that is read, the last side fastest.

        >>> Read(0, 4, (2, 3), (0, 1)).places()
        [4, 5, 6, 4, 5, 6]
        """
        if self.table:
            return list(self.table)
        found = [self.start]
        for side, stride in zip(self.dims, self.strides, strict=True):
            steps = range(0, side * stride, stride) if stride else [0] * side
            found = [place + step for place in found for step in steps]
        return found

    def is_all_of(self, size: int) -> bool:
        """Whether this is an array of that size, whole and in order."""
        whole = not self.table and self.start == 0 and prod(self.dims) == size
        return whole and self.strides == contiguous(self.dims)

    def turned(self, *order: int) -> Read:
        """The same box with its sides in another order; -1 makes a side of length 1.

        >>> Read(0, 0, (2, 3), (3, 1)).turned(1, -1, 0)
        Read(array=0, start=0, dims=(3, 1, 2), strides=(1, 0, 3), table=())
        """
        dims = tuple([1 if side < 0 else self.dims[side] for side in order])
        if not self.table:
            strides = [0 if side < 0 else self.strides[side] for side in order]
            return self._replace(dims=dims, strides=tuple(strides))
        steps = contiguous(self.dims)
        strides = [0 if side < 0 else steps[side] for side in order]
        places = Read(0, 0, dims, tuple(strides)).places()
        return self._replace(dims=dims, table=tuple([self.table[n] for n in places]))


class Apply(NamedTuple):
    """An operation on every element. Its arguments fill its box, or repeat in it."""

    op: str
    args: tuple[Step, ...]
    dims: tuple[int, ...]


class Product(NamedTuple):
    """For every block b: at (b, i, j) the sum over k of left (b, i, k) right (b, j, k).

    turned: whether the results are in the order (b, j, i).
    rows: whether the sum goes over the rows too, and is then divided by their number.
    """

    left: Read
    right: Read
    turned: bool
    rows: bool

    @property
    def dims(self) -> tuple[int, ...]:
        """Of the result."""
        blocks, down, across = (*self.left.dims[:2], self.right.dims[1])
        return (blocks, across, down) if self.turned else (blocks, down, across)


class Reduce(NamedTuple):
    """The sum, or what `op` makes of many, along the last side of what is read.

    rows: whether it goes over the rows too, and is then divided by their number.
    """

    op: str
    read: Read
    rows: bool

    @property
    def dims(self) -> tuple[int, ...]:
        """Of the result."""
        return self.read.dims[:-1]


class Join(NamedTuple):
    """What is read of several arrays, one after the other."""

    parts: tuple[Read, ...]

    @property
    def dims(self) -> tuple[int, ...]:
        """Of the result: one long side."""
        return (sum([prod(part.dims) for part in self.parts]),)


class Leaf(NamedTuple):
    """Inputs or parameters, by their numbers, or numbers that are always the same.

    name: what a user calls them together, without the index; empty where nothing.
    """

    kind: str
    numbers: tuple[float, ...]
    name: str = ""

    @property
    def dims(self) -> tuple[int, ...]:
        """One long side."""
        return (len(self.numbers),)


Step = Read | Apply | Product | Reduce | Join | Leaf


class Array(NamedTuple):
    """The results that one step makes.

    step: how they are made.
    varies: whether they depend on the row.
    scalars: for every place the instruction that it stands for; -1 for a place that is
        computed along with the others and that nobody reads.
    adjoint: by which arrays this is the derivative of the output, where it is one.
    slope: of which operation, at which array, this is the derivative.
    """

    step: Step
    varies: bool
    scalars: tuple[int, ...]
    adjoint: tuple[int, ...] = ()
    slope: tuple[str, int] = ("", -1)

    @property
    def size(self) -> int:
        """How many results there are."""
        return len(self.scalars)


class ArrayProgram(NamedTuple):
    """Arrays in the order in which they are made, and what is asked for.

    arrays: by their numbers; None for one that became part of another step.
    outputs: what is kept for every row, one number per output.
    gradients: for the arrays of parameters, the array of the output's derivatives by
        them, where that is one.
    totals: what is the same for every row: the gradient, then the value; or nothing.
    """

    arrays: tuple[Array | None, ...]
    outputs: Read
    totals: Read
    inputs: int
    parameters: int
    gradients: tuple[tuple[int, int], ...] = ()

    def made(self) -> Iterator[tuple[int, Array]]:
        """The arrays that are there, with their numbers."""
        for number, array in enumerate(self.arrays):
            if array is not None:
                yield number, array


def contiguous(dims: Sequence[int]) -> tuple[int, ...]:
    """The strides of a box without gaps; 0 for a side of length 1.

    >>> contiguous((4, 1, 3))
    (3, 0, 1)
    """
    strides, step = [], 1
    for side in reversed(dims):
        strides.append(step if side > 1 else 0)
        step *= side
    return tuple(reversed(strides))


def reads(step: Step) -> Iterator[Read]:
    """Everything that a step reads."""
    if isinstance(step, Read):
        yield step
    elif isinstance(step, Product):
        yield from (step.left, step.right)
    elif isinstance(step, Reduce):
        yield step.read
    elif isinstance(step, Join):
        yield from step.parts
    elif isinstance(step, Apply):
        for arg in step.args:
            yield from reads(arg)
