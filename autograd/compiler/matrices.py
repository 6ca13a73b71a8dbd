"""From instructions to arrays: the matrices of the network that a graph came from.

Instructions of one operation that are as far from the leaves as each other don't need
each other, and become one step over arrays. Where they are dots, those that take every
row of a table with every column of another are one matrix product. What a step reads
is a box of places wherever that can be, for results are placed in the order of what
they are made from. Every stage is a function below, and all take linear time, but for
sorting.

>>> from autograd import Value, dot, tanh
>>> from autograd.compiler.recording import from_function
>>> w = [Value(0.1, f"w[{i},{j}]") for i in range(3) for j in range(2)]
>>> layer = lambda *x: [tanh(dot(w[2 * i : 2 * i + 2], x)) for i in range(3)]
>>> code, outputs, _ = from_function(layer, 2, w)
>>> program = found(Kernel(code, 2, 6, tuple(outputs), ()))
>>> [(type(array.step).__name__, array.size) for _, array in program.made()]
[('Leaf', 2), ('Leaf', 6), ('Leaf', 0), ('Product', 3), ('Apply', 3)]
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from autograd.compiler.chains import folded, in_turn
from autograd.compiler.instructions import (
    CONSTANT,
    INPUT,
    LEAVES,
    PARAMETER,
    ROW_DOT,
    ROW_MEAN,
    Code,
    CodeRecorder,
    Kernel,
)
from autograd.compiler.passes import total_of
from autograd.compiler.steps import (
    Apply,
    Array,
    ArrayProgram,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
    Step,
    contiguous,
    reads,
)

FEW = 4
"""Terms up to which a sum of what is in several arrays is written as additions."""

DEEP = 16
"""Operations up to which steps that are used once become part of the next."""

NAMES = 256
"""Leaves with more names than these are taken for one long array."""


def found(kernel: Kernel) -> ArrayProgram:
    """The array program of a kernel.

    Inputs, and parameters, whose labels share a name but for the index, as W1[1,2] and
    W1[2,1] do, are an array of their own.
    """
    code, outputs, totals = over_rows(kernel)
    code, moved = folded(code, [*outputs, *totals])
    finder = Finder(code)
    finder.leaves(kernel)
    for (_, op, _), members in groups(code).items():
        finder.add(op, members)
    outputs, totals = [[moved[i] for i in each] for each in (outputs, totals)]
    kept, means = [finder.read(each, (len(each),)) for each in (outputs, totals)]
    return ArrayProgram(
        arrays=finder.described({new: old for old, new in enumerate(moved)}),
        outputs=kept,
        totals=means,
        inputs=kernel.inputs,
        parameters=kernel.parameters,
        gradients=tuple(finder.gradients(totals)),
    )


# ---- sums over the rows --------------------------------------------------------------


def over_rows(kernel: Kernel) -> tuple[Code, list[int], list[int]]:
    """The kernel's sums as instructions: means over the rows, and what they add up to.

    Of a product of which one factor is the same for every row, the other's mean is
    taken, so that a mean is of what varies alone.
    """
    code = kernel.code.copy()
    pairs: list[list[tuple[int, int]]] = [[] for _ in range(kernel.targets)]
    for target, a, b in kernel.sums:
        pairs[target].append((a, b))
    totals = [_mean_total(code, each) for each in pairs]
    return code, list(kernel.outputs), totals


def _mean_total(code: Code, pairs: list[tuple[int, int]]) -> int:
    """The mean over the rows of the sum of the pairs' products."""
    varies = code.varies
    if len(pairs) == 1 and varies[pairs[0][0]] and varies[pairs[0][1]]:
        return code.add(ROW_DOT, pairs[0])  # of most weights, in no time
    one = code.constant(1.0)
    both = [(a, b) for a, b in pairs if varies[a] and varies[b]]
    alone = [
        (a, b) if varies[a] else (b, a) for a, b in pairs if varies[a] != varies[b]
    ]
    fixed = [(a, b) for a, b in pairs if not (varies[a] or varies[b])]
    plain = tuple([a for a, b in alone if b == one])
    fixed += [(code.add(ROW_MEAN, (a,)), b) for a, b in alone if b != one]
    means = []
    if both:
        means.append(code.add(ROW_DOT, tuple([p[n] for n in (0, 1) for p in both])))
    if plain:
        means.append(code.add(ROW_MEAN, plain))
    if fixed or not means:
        means.append(total_of(CodeRecorder(code), fixed))
    return in_turn(code, means)


# ---- what can be one step ------------------------------------------------------------

Group = tuple[int, str, bool]


def groups(code: Code) -> dict[Group, list[int]]:
    """The instructions by level, operation and whether they vary, lower levels first.

    The level is the longest way from a leaf: those of a level don't need each other.
    """
    levels: list[int] = []
    together: dict[Group, list[int]] = {}
    for index, (op, args, _) in enumerate(code.instructions):
        level = 1 + max([levels[arg] for arg in args], default=-1)
        levels.append(level)
        if op not in LEAVES:
            together.setdefault((level, op, code.varies[index]), []).append(index)
    return {group: together[group] for group in sorted(together, key=lambda g: g[0])}


def named(labels: Sequence[str], count: int) -> dict[str, list[int]]:
    """Leaves by what they are called without their index.

    >>> named(["W1[1,1]", "W1[1,2]", "w1", "w2", "rate2"], 5)
    {'W1': [0, 1], 'w': [2, 3], 'rate2': [4]}
    """
    found: dict[str, list[int]] = {}
    whole = [label.partition("[")[0] for label in labels] or [""] * count
    for number, label in enumerate(whole):
        indexed = labels and "[" in labels[number]
        name = label if indexed else label.rstrip("0123456789")
        found.setdefault(name, []).append(number)
    found = {
        whole[numbers[0]] if len(numbers) == 1 else name: numbers
        for name, numbers in found.items()
    }
    return found if len(found) <= NAMES else {"": list(range(count))}


# ---- boxes ---------------------------------------------------------------------------


def boxed(array: int, places: list[int], dims: tuple[int, ...]) -> Read:
    """A read of these places as a box with these sides, or as a table.

    >>> boxed(0, [5, 7, 15, 17], (2, 2)).strides, boxed(0, [5, 7, 8], (3,)).table
    ((10, 2), (5, 7, 8))
    """
    if len(places) <= 1:
        return Read(array, sum(places), dims, (0,) * len(dims))
    steps = zip(dims, contiguous(dims), strict=True)
    strides = [places[step] - places[0] if side > 1 else 0 for side, step in steps]
    read = Read(array, places[0], dims, tuple(strides))
    if min(strides, default=0) >= 0 and read.places() == places:
        return read
    return Read(array, 0, dims, (), tuple(places))


def sides(columns: Iterable[Sequence[int]], count: int) -> tuple[int, ...]:
    """Sides of a box in which each of the columns of places can be a box.

    >>> sides([[0, 1, 2, 3, 4, 5], [7, 7, 8, 8, 9, 9]], 6)
    (3, 2)
    """
    if count == 1:
        return (1,)
    sizes = {1, count}
    for places in columns:
        sizes.update(_blocks(places))
    ordered = sorted(sizes, reverse=True)
    pairs = list(itertools.pairwise(ordered))
    if any(large % small for large, small in pairs):
        return (count,)
    return tuple([large // small for large, small in pairs]) or (count,)


def _blocks(places: Sequence[int]) -> list[int]:
    """After how many places their steps change, from the inside out."""
    found, size = [], 1
    while len(places) > 1:
        step, run = places[1] - places[0], 2
        while run < len(places) and places[run] - places[run - 1] == step:
            run += 1
        if len(places) % run:
            return []
        size *= run
        found.append(size)
        places = places[::run]
    return found


# ---- steps ---------------------------------------------------------------------------


Vector = tuple[int, ...]
Cells = dict[tuple[Vector, Vector], int]
"""Dots by their two vectors."""


class Grid(NamedTuple):
    """Dots of vectors on the left with vectors on the right, each with each or most."""

    lefts: list[Vector]
    rights: list[Vector]
    cells: Cells

    @property
    def turned(self) -> bool:
        """Whether neighbors in the instruction list differ in the left vector."""
        if len(self.lefts) == 1 or len(self.rights) == 1:
            return False
        (one, other), (first, second) = self.lefts[:2], self.rights[:2]
        start, down, across = [
            self.cells.get(cell, 0)
            for cell in ((one, first), (other, first), (one, second))
        ]
        return abs(down - start) < abs(across - start)

    def members(self) -> list[int]:
        """The dots in the order of the result; -1 where there is none."""
        pairs = [(a, b) for a in self.lefts for b in self.rights]
        if self.turned:
            pairs = [(a, b) for b in self.rights for a in self.lefts]
        return [self.cells.get(pair, -1) for pair in pairs]


class Finder:
    """Makes arrays group by group, and knows where every result is."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.arrays: list[Array] = []
        self._same = list(range(len(code)))
        self._array = [-1] * len(code)
        self._place = [-1] * len(code)
        self._order = [-1] * len(code)  # by array, then by place
        self._sides: dict[int, tuple[Vector, Vector]] = {}
        self._rank = [
            2 * varies + (made.op != PARAMETER)
            for made, varies in zip(code.instructions, code.varies, strict=True)
        ]
        self._joins: dict[tuple[int, ...], tuple[int, dict[int, int]]] = {}

    def leaves(self, kernel: Kernel) -> None:
        """An array for the leaves of each name, and one for all constants."""
        made = self.code.instructions
        position = {(m.op, m.number): i for i, m in enumerate(made) if m.op in LEAVES}
        counts = (kernel.inputs, kernel.parameters)
        for kind, labels, count in zip(
            (INPUT, PARAMETER), kernel.labels, counts, strict=True
        ):
            for name, numbers in named(labels, count).items():
                members = [position.get((kind, number), -1) for number in numbers]
                self._made(Leaf(kind, tuple(numbers), name), members, kind == INPUT)
        constants = [index for index, m in enumerate(made) if m.op == CONSTANT]
        values = tuple([made[index].number for index in constants])
        self._made(Leaf(CONSTANT, values), constants, False)

    def add(self, op: str, members: list[int]) -> None:
        """Make the arrays of a group, of dots that differ in order alone only one."""
        of = self._vectors if op in ("dot", ROW_DOT) else self._args
        first: dict[object, int] = {}
        for member in members:
            self._same[member] = first.setdefault(of(member), member)
        self._steps(op, list(first.values()))
        for member in members:
            same = self._same[member]
            if same != member:
                self._put(member, self._array[same], self._place[same])

    def _steps(self, op: str, members: list[int]) -> None:
        if op in ("dot", ROW_DOT):
            self._dots(op, members)
        elif op in ("sum", ROW_MEAN):
            self._sums(op, members)
        elif self.code.folds(op):
            self._elements(op, [m for m in members if len(self._args(m)) == 2])
            self._sums(op, [m for m in members if len(self._args(m)) > 2])
        else:
            self._elements(op, members)

    def read(self, members: Sequence[int], dims: tuple[int, ...]) -> Read:
        """What reads these results, as a box with these sides."""
        arrays = {self._array[member] for member in members}
        if len(arrays) > 1:
            members = [self._same[member] for member in members]
            array, place = self._joined(members)
            return boxed(array, [place[member] for member in members], dims)
        places = [self._place[member] for member in members]
        return boxed(arrays.pop() if arrays else 0, places, dims)

    def _args(self, index: int) -> Vector:
        return tuple(map(self._same.__getitem__, self.code.instructions[index].args))

    def _made(self, step: Step, members: Sequence[int], varies: bool) -> int:
        number = len(self.arrays)
        for place, member in enumerate(members):
            if member >= 0:
                self._put(member, number, place)
        self.arrays.append(Array(step, varies, tuple(members)))
        return number

    def _put(self, index: int, array: int, place: int) -> None:
        self._array[index], self._place[index] = array, place
        self._order[index] = (array << 40) + place

    def _joined(self, members: Sequence[int]) -> tuple[int, dict[int, int]]:
        """An array of all that is there of these results, and where in it they are."""
        by_array: dict[int, set[int]] = {}
        for member in members:
            by_array.setdefault(self._array[member], set()).add(member)
        order = [
            m
            for each in by_array.values()
            for m in sorted(each, key=self._place.__getitem__)
        ]
        key = tuple(order)
        if key not in self._joins:
            parts = [self._part(array, each) for array, each in by_array.items()]
            varies = any(self.arrays[array].varies for array in by_array)
            self.arrays.append(Array(Join(tuple(parts)), varies, key))
            places = {member: place for place, member in enumerate(order)}
            self._joins[key] = len(self.arrays) - 1, places
        return self._joins[key]

    def _part(self, array: int, members: Iterable[int]) -> Read:
        places = sorted([self._place[member] for member in members])
        return boxed(array, places, (len(places),))

    def described(self, known: Mapping[int, int]) -> tuple[Array, ...]:
        """The arrays, each with what all its results are noted to be.

        known: by its position here the position of an instruction in the kernel.
        """
        return tuple(
            [
                array._replace(
                    scalars=tuple([known.get(scalar, -1) for scalar in array.scalars]),
                    adjoint=self._adjoint(array),
                    slope=self._slope(array),
                )
                for array in self.arrays
            ]
        )

    def _adjoint(self, array: Array) -> tuple[int, ...]:
        """By which arrays all results of one are the derivatives."""
        notes = [
            self.code.adjoints.get(each, ()) for each in array.scalars if each >= 0
        ]
        if isinstance(array.step, (Leaf, Join)) or not notes:
            return ()
        each_of = [{self._array[of] for of in note} for note in notes]
        common = set.intersection(*each_of)
        sizes = {number: self.arrays[number].size for number in common}
        return tuple(sorted([n for n in common if sizes[n] == array.size]))

    def _slope(self, array: Array) -> tuple[str, int]:
        """Of which operation, at which array, all results are the slopes."""
        found = {self.code.slopes.get(each) for each in array.scalars if each >= 0}
        if isinstance(array.step, (Leaf, Join)) or not found or None in found:
            return "", -1
        about = {(note[0], self._array[note[1]]) for note in found if note}
        op, target = about.pop()
        same = not about and self.arrays[target].size == array.size
        return (op, target) if same else ("", -1)

    def gradients(self, totals: Sequence[int]) -> Iterable[tuple[int, int]]:
        """The arrays of parameters with those of their derivatives."""
        for number, array in enumerate(self.arrays):
            if isinstance(array.step, Leaf) and array.step.kind == PARAMETER and totals:
                wanted = [totals[int(p)] for p in array.step.numbers]
                found = {self._array[each] for each in wanted}
                if len(found) == 1 and self.arrays[min(found)].size == array.size:
                    yield number, min(found)

    # ---- element by element ----

    def _elements(self, op: str, members: list[int]) -> None:
        for each in self._by_sources(members, self._args):
            columns = list(zip(*[self._args(member) for member in each], strict=True))
            dims = sides([self._places(c) for c in columns], len(each))
            args = tuple([self.read(column, dims) for column in columns])
            self._made(Apply(op, args, dims), each, self.code.varies[each[0]])

    def _by_sources(
        self, members: Iterable[int], args: Callable[[int], Sequence[int]]
    ) -> Iterable[list[int]]:
        """Those that read of the same arrays, in the order of what they read."""
        together: dict[tuple[int, ...], list[int]] = {}
        for member in members:
            sources = tuple([self._array[arg] for arg in args(member)])
            together.setdefault(sources, []).append(member)
        parts = [
            part for each in together.values() for part in self._by_number(each, args)
        ]

        def order(member: int) -> tuple[list[int], list[int]]:
            made = [
                (self.code.number(arg) is not None, self._place[arg])
                for arg in args(member)
            ]
            return [p for fixed, p in made if not fixed], [p for _, p in made]

        return [sorted(part, key=order) for part in parts]

    def _by_number(
        self, members: list[int], args: Callable[[int], Sequence[int]]
    ) -> Iterable[list[int]]:
        """Those with the same constants apart from the others, unless all differ."""
        together: dict[tuple[int, ...], list[int]] = {}
        for member in members:
            fixed = [arg for arg in args(member) if self.code.number(arg) is not None]
            together.setdefault(tuple(fixed), []).append(member)
        return together.values() if len(together) <= FEW else [members]

    def _places(self, members: Iterable[int]) -> list[int]:
        return [self._place[member] for member in members]

    # ---- sums, and what is folded ----

    def _sums(self, op: str, members: list[int]) -> None:
        """Along a side where the terms are in one array or many; else as additions."""
        together: dict[tuple[int, frozenset[int]], list[int]] = {}
        for member in members:
            args = self._args(member)
            sources = frozenset([self._array[arg] for arg in args])
            together.setdefault((len(args), sources), []).append(member)
        for (count, sources), each in together.items():
            if len(sources) > 1 and count <= FEW and op != ROW_MEAN:
                self._elements(op, each)
            else:
                self._reduced(op, each, count)

    def _reduced(self, op: str, members: list[int], count: int) -> None:
        members.sort(key=lambda member: self._places(self._args(member)))
        terms = [arg for member in members for arg in self._args(member)]
        step = Reduce(
            "sum" if op == ROW_MEAN else op,
            self.read(terms, (len(members), count)),
            op == ROW_MEAN,
        )
        self._made(step, members, self.code.varies[members[0]])

    # ---- matrix products ----

    def _dots(self, op: str, members: list[int]) -> None:
        batches: dict[object, list[Grid]] = {}
        for grid in self._grids({self._vectors(m): m for m in members}):
            batches.setdefault(self._shape(grid), []).append(grid)
        for grids in batches.values():
            if op != ROW_DOT and self._is_formula(grids[0]):
                self._elements(op, [m for grid in grids for m in grid.members()])
            else:
                self._product(sorted(grids, key=self._first), op == ROW_DOT)

    def _grids(self, cells: Cells) -> list[Grid]:
        """The dots as grids, each as large as can be and at least half full."""
        by_matrix: dict[object, Cells] = {}
        for cell, dot in cells.items():
            # Parameters of other names are other matrices. What they are multiplied
            # with is one even if it is in many arrays, as of positions: from here on
            # the positions are in one array.
            fixed = self.code.instructions[cell[0][0]].op == PARAMETER
            matrix = self._sources(cell[:1]) if fixed else None
            by_matrix.setdefault(matrix, {})[cell] = dot
        grids: list[Grid] = []
        for part in [part for each in by_matrix.values() for part in connected(each)]:
            whole = self._grid(part)
            full = len(part) * 2 >= len(whole.lefts) * len(whole.rights)
            grids += [whole] if full else map(self._grid, rectangles(part))
        return grids

    def _vectors(self, member: int) -> tuple[Vector, Vector]:
        """The two sides of a dot: parameters, and what is fixed, on the left."""
        known = self._sides.get(member)
        if known is None:
            args, rank, order = self._args(member), self._rank, self._order
            half = len(args) // 2
            pairs = [
                (order[b], order[a], a, b)
                if rank[a] <= rank[b]
                else (order[a], order[b], b, a)
                for a, b in zip(args[:half], args[half:], strict=True)
            ]
            pairs.sort()
            known = tuple([p[2] for p in pairs]), tuple([p[3] for p in pairs])
            self._sides[member] = known
        return known

    def _grid(self, cells: Cells) -> Grid:
        lefts = sorted({left for left, _ in cells}, key=self._places)
        rights = sorted({right for _, right in cells}, key=self._places)
        return Grid(lefts, rights, cells)

    def _first(self, grid: Grid) -> list[int]:
        return self._places([*grid.lefts[0], *grid.rights[0]])

    def _sources(self, vectors: Iterable[Vector]) -> frozenset[int]:
        return frozenset([self._array[i] for vector in vectors for i in vector])

    def _shape(self, grid: Grid) -> object:
        """What grids have in common that can be one step."""
        sizes = len(grid.lefts), len(grid.rights), len(grid.lefts[0]), grid.turned
        return sizes, self._sources(grid.lefts), self._sources(grid.rights)

    def _is_formula(self, grid: Grid) -> bool:
        """Whether a dot is better written out: short, and of several arrays."""
        few = len(grid.lefts) == len(grid.rights) == 1 and len(grid.lefts[0]) <= FEW
        sources = [self._sources(side) for side in (grid.lefts, grid.rights)]
        return few and max(map(len, sources)) > 1

    def _product(self, grids: list[Grid], rows: bool) -> None:
        one = grids[0]
        lefts = [i for grid in grids for left in grid.lefts for i in left]
        rights = [i for grid in grids for right in grid.rights for i in right]
        count = len(one.lefts[0])
        step = Product(
            self.read(lefts, (len(grids), len(one.lefts), count)),
            self.read(rights, (len(grids), len(one.rights), count)),
            one.turned,
            rows,
        )
        members = [member for grid in grids for member in grid.members()]
        varies = self.code.varies[max(members)]
        self._made(step, members, varies)


def connected(cells: Cells) -> list[Cells]:
    """The dots in parts that have no vector in common."""
    by_vector: dict[tuple[int, Vector], list[tuple[Vector, Vector]]] = {}
    for cell in cells:
        for side in (0, 1):
            by_vector.setdefault((side, cell[side]), []).append(cell)
    parts: list[Cells] = []
    for vector in list(by_vector):
        part, stack = {}, by_vector.pop(vector, [])
        while stack:
            cell = stack.pop()
            part[cell] = cells[cell]
            for side in (0, 1):
                stack += by_vector.pop((side, cell[side]), [])
        if part:
            parts.append(part)
    return parts


def rectangles(cells: Cells) -> list[Cells]:
    """The dots in full grids: those whose left vectors have the same right ones."""
    rights: dict[Vector, list[Vector]] = {}
    for left, right in cells:
        rights.setdefault(left, []).append(right)
    together: dict[frozenset[Vector], list[Vector]] = {}
    for left, each in rights.items():
        together.setdefault(frozenset(each), []).append(left)
    return [
        {(left, right): cells[left, right] for left in lefts for right in rights[left]}
        for lefts in together.values()
    ]


# ---- fusion --------------------------------------------------------------------------


def fused(
    program: ArrayProgram,
    keep: Collection[int] = (),
    inlines: Callable[[str, int], bool] = lambda op, n: True,
) -> ArrayProgram:
    """The program, where an array that one operation takes whole is a part of that.

    keep: arrays that stay. inlines: whether an operation takes its nth argument once.
    """
    arrays = program.arrays
    taken = Counter([r.array for _, each in program.made() for r in reads(each.step)])
    taken.update([program.outputs.array, program.totals.array, *keep, *keep])
    new, sizes = list(arrays), [0] * len(arrays)

    def inside(step: Step, varies: bool, room: int) -> Step:
        """The step, or what it reads in its place."""
        if not isinstance(step, Read) or taken[step.array] != 1:
            return step
        array, size = new[step.array], sizes[step.array]
        fits = array is not None and array.varies == varies and 0 < size < room
        if array is None or not fits or not step.is_all_of(array.size):
            return step
        new[step.array] = None
        return array.step

    for number, array in program.made():
        if isinstance(array.step, Apply):
            args, room = [], DEEP
            for n, arg in enumerate(array.step.args):
                taken_once = inlines(array.step.op, n)
                args.append(inside(arg, array.varies, room if taken_once else 0))
                if args[-1] is not arg:
                    room -= operations(args[-1])
            step = array.step._replace(args=tuple(args))
            new[number], sizes[number] = array._replace(step=step), DEEP + 1 - room
        elif isinstance(array.step, (Product, Reduce)):
            sizes[number] = 1
    return program._replace(arrays=tuple(new))


def operations(step: Step) -> int:
    """How many steps a step is made of.

    >>> operations(Apply("exp", (Apply("neg", (Read(0, 0, (2,), (1,)),), (2,)),), (2,)))
    2
    """
    if isinstance(step, Apply):
        return 1 + sum([operations(arg) for arg in step.args])
    return int(isinstance(step, (Product, Reduce)))
