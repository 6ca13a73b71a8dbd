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
>>> program = found(Kernel(code, 2, 6, tuple(outputs)))
>>> [(type(array.step).__name__, array.size) for _, array in program.made()]
[('Leaf', 2), ('Leaf', 6), ('Leaf', 0), ('Product', 3), ('Apply', 3)]
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from autograd.compiler.chains import folded, in_turn
from autograd.compiler.instructions import (
    CONSTANT,
    INPUT,
    PARAMETER,
    ROW_DOT,
    ROW_MEAN,
    Code,
    CodeRecorder,
    Kernel,
    Sums,
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

Group = tuple[int, str, bool]
"""What a step's instructions have in common: level, operation, whether they vary."""


class Leveled(NamedTuple):
    """Instructions with sums over the rows among them, and what can be one step.

    totals: where the means over the rows are.
    """

    code: Code
    totals: list[int]
    groups: dict[Group, list[int]]


def leveled(kernel: Kernel) -> Leveled:
    """The instructions of a kernel in groups that can be one step each."""
    code = folded(kernel.code, kernel.needed())
    code, totals = over_rows(code, kernel.sums, kernel.targets)
    return Leveled(code, totals, groups(code))


def found(kernel: Kernel, given: Leveled | None = None) -> ArrayProgram:
    """The array program of a kernel.

    Inputs, and parameters, whose labels share a name but for the index, as W1[1,2] and
    W1[2,1] do, are an array of their own.

    given: what `leveled` makes of it, where that is known.
    """
    code, totals, together = given or leveled(kernel)
    finder = Finder(code)
    finder.leaves(kernel)
    for (_, op, _), members in together.items():
        finder.add(op, members)
    wanted = (kernel.outputs, totals)
    kept, means = [finder.read(each, (len(each),)) for each in wanted]
    return ArrayProgram(
        arrays=finder.described(len(kernel.code)),
        outputs=kept,
        totals=means,
        inputs=kernel.inputs,
        parameters=kernel.parameters,
        gradients=tuple(finder.gradients(totals)),
    )


# ---- sums over the rows --------------------------------------------------------------


def over_rows(code: Code, sums: Sums, targets: int) -> tuple[Code, list[int]]:
    """A kernel's sums as instructions: means over the rows, and what they add up to.

    Of a product of which one factor is the same for every row, the other's mean is
    taken, so that a mean is of what varies alone.
    """
    code = code.copy()
    varies, times, totals = code.varies, Counter(sums.targets), [-1] * targets
    rest: dict[int, list[tuple[int, int]]] = {}
    dots: list[tuple[int, int]] = []
    start = len(code)
    for target, a, b in sums.each():
        if varies[a] and varies[b] and times[target] == 1:  # as for most weights
            totals[target] = start + len(dots)
            dots.append((a, b))
        else:
            rest.setdefault(target, []).append((a, b))
    code.extend(ROW_DOT, dots)
    for target in range(targets):
        if totals[target] < 0:
            totals[target] = _total(code, rest.get(target, []))
    return code, totals


def _total(code: Code, pairs: list[tuple[int, int]]) -> int:
    """The mean over the rows of the sum of the pairs' products."""
    varies, one = code.varies, code.constant(1.0)
    if not any(varies[a] or varies[b] for a, b in pairs):
        return total_of(CodeRecorder(code), pairs)
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


def groups(code: Code) -> dict[Group, list[int]]:
    """The instructions by level, operation and whether they vary, lower levels first.

    The level is the longest way from a leaf: those of a level don't need each other.
    """
    first = sum(code.leaves)
    levels, varies = [0] * first, code.varies
    together: dict[Group, list[int]] = defaultdict(list)
    level_of = levels.__getitem__
    for index, (op, args, _) in enumerate(code.rest(), first):
        if not args:
            levels.append(0)
            continue
        if len(args) == 2:  # most, and max takes three times as long
            one, other = levels[args[0]], levels[args[1]]
            level = 1 + (one if one > other else other)
        else:
            level = 1 + max(map(level_of, args))
        levels.append(level)
        together[level, op, varies[index]].append(index)
    return {group: together[group] for group in sorted(together, key=lambda g: g[0])}


def named(labels: Sequence[str], count: int) -> dict[str, list[int]]:
    """Leaves by what they are called without their index.

    >>> named(["W1[1,1]", "W1[1,2]", "w1", "w2", "rate2"], 5)
    {'W1': [0, 1], 'w': [2, 3], 'rate2': [4]}
    """
    found: dict[str, list[int]] = {}
    begin, members = tuple[str, ...](), list[int]()
    for number, label in enumerate(labels or [""] * count):
        if not label.startswith(begin):
            whole, index, _ = label.partition("[")
            name = whole if index else whole.rstrip("0123456789")
            begin, members = (name + "[",), found.setdefault(name, [])
        members.append(number)
    if len(found) > NAMES:
        return {"": list(range(count))}
    return {
        labels[numbers[0]].partition("[")[0]
        if labels and len(numbers) == 1
        else name: numbers
        for name, numbers in found.items()
    }


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
Cells = dict[tuple[int, int], int]
"""Dots by what stands for their two vectors."""


class Side(NamedTuple):
    """A vector that dots are made of, and what stands for it.

    lowest, highest: of the ranks of its results.
    places: which comes first, second, ...; nothing where they are in order.
    repeats: whether a result is in it twice; then the other vector decides, too.
    """

    vector: Vector
    number: int
    lowest: int
    highest: int
    places: list[int]
    repeats: bool


class Grid(NamedTuple):
    """Dots of vectors on the left with vectors on the right, each with each or most."""

    lefts: list[int]
    rights: list[int]
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
        pairs: Iterable[tuple[int, int]] = itertools.product(self.lefts, self.rights)
        if self.turned:
            pairs = [(a, b) for b in self.rights for a in self.lefts]
        return list(map(self.cells.get, pairs, itertools.repeat(-1)))


class Finder:
    """Makes arrays group by group, and knows where every result is."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.arrays: list[Array] = []
        self._same = list(range(len(code)))
        self._merged = False
        self._array = [-1] * len(code)
        self._place = [-1] * len(code)
        self._order = [-1] * len(code)  # by array, then by place
        # Parameters, which are 0, then what is the same for every row, then the others.
        self._rank = [2 * varies + 1 for varies in code.varies]
        inputs, parameters = code.leaves
        self._rank[inputs : inputs + parameters] = [0] * parameters
        self._known: dict[Vector, Side] = {}
        self._long: list[Vector] = []
        self._constants: set[int] = set()
        self._joins: dict[tuple[int, ...], int] = {}

    def leaves(self, kernel: Kernel) -> None:
        """An array for the leaves of each name, and one for all constants."""
        code = self.code
        every = enumerate(code.rest(), sum(code.leaves))
        rest = [(at, made) for at, made in every if not made.args]
        position = {(made.op, made.number): at for at, made in rest}
        counts = (kernel.inputs, kernel.parameters)
        for kind, labels, count in zip(
            (INPUT, PARAMETER), kernel.labels, counts, strict=True
        ):
            first, start = code.leaves[kind == PARAMETER], code.leaf(kind, 0)
            for name, numbers in named(labels, count).items():
                members = [
                    start + n if n < first else position.get((kind, n), -1)
                    for n in numbers
                ]
                self._made(Leaf(kind, tuple(numbers), name), members, kind == INPUT)
        for at in [at for at, made in rest if made.op == PARAMETER]:
            self._rank[at] = 0
        constants = [at for at, made in rest if made.op == CONSTANT]
        self._constants.update(constants)
        values = tuple([code.instructions[at].number for at in constants])
        self._made(Leaf(CONSTANT, values), constants, False)

    def add(self, op: str, members: list[int]) -> None:
        """Make the arrays of a group, of dots that differ in order alone only one."""
        dots = op in ("dot", ROW_DOT)
        given = self._all_args(members)
        keys: list[Any] = list(self._cells(given)) if dots else given
        first: dict[Any, int] = dict(zip(keys, members, strict=True))
        others = []
        if len(first) < len(members):
            first = {}
            for member, key in zip(members, keys, strict=True):
                same = first.setdefault(key, member)
                if same != member:
                    self._same[member] = same
                    others.append(member)
            self._merged = True
        if dots:
            self._dots(op, first)
        else:
            self._steps(op, list(first.values()))
        for member in others:
            same = self._same[member]
            self._put([member], self._array[same], self._place[same])

    def _steps(self, op: str, members: list[int]) -> None:
        if op in ("sum", ROW_MEAN):
            self._sums(op, members)
        elif self.code.folds(op):
            self._elements(op, [m for m in members if len(self._args(m)) == 2])
            self._sums(op, [m for m in members if len(self._args(m)) > 2])
        else:
            self._elements(op, members)

    def read(self, members: Sequence[int], dims: tuple[int, ...]) -> Read:
        """What reads these results, as a box with these sides."""
        arrays = set(map(self._array.__getitem__, members))
        if len(arrays) > 1:
            return self._of_several(list(map(self._same.__getitem__, members)), dims)
        return boxed(arrays.pop() if arrays else 0, self._places(members), dims)

    def _args(self, index: int) -> Vector:
        args = self.code.instructions[index].args
        return tuple(map(self._same.__getitem__, args)) if self._merged else args

    def _all_args(self, members: Sequence[int]) -> list[Vector]:
        made, same = self.code.instructions, self._same.__getitem__
        found = [made[member].args for member in members]
        return [tuple(map(same, args)) for args in found] if self._merged else found

    def _made(self, step: Step, members: Sequence[int], varies: bool) -> int:
        self._put(members, len(self.arrays))
        self.arrays.append(Array(step, varies, tuple(members)))
        return len(self.arrays) - 1

    def _put(self, members: Sequence[int], array: int, first: int = 0) -> None:
        """Say where the members are: in an array, one after the other."""
        arrays, places, order = self._array, self._place, self._order
        count, start = len(members), min(members, default=-1)
        stop, begin = start + count, (array << 40) + first
        if start >= 0 and list(members) == list(range(start, stop)):  # as a matrix
            arrays[start:stop] = [array] * count
            places[start:stop] = range(first, first + count)
            order[start:stop] = range(begin, begin + count)
            return
        for place, member in enumerate(members, first):
            if member >= 0:
                arrays[member], places[member] = array, place
                order[member] = (array << 40) + place

    def _of_several(self, members: list[int], dims: tuple[int, ...]) -> Read:
        """What reads results of several arrays, which an array of all these has."""
        by_array: dict[int, list[int]] = defaultdict(list)
        found = dict.fromkeys(members)
        for array, run in itertools.groupby(found, self._array.__getitem__):
            by_array[array] += run
        for each in by_array.values():
            each.sort(key=self._place.__getitem__)
        key = tuple(itertools.chain.from_iterable(by_array.values()))
        if key not in self._joins:
            parts = [self._part(array, each) for array, each in by_array.items()]
            varies = any(self.arrays[array].varies for array in by_array)
            self._joins[key] = len(self.arrays)
            self.arrays.append(Array(Join(tuple(parts)), varies, key))
        if members == list(key):
            return Read(self._joins[key], 0, dims, contiguous(dims))
        place = dict(zip(key, itertools.count(), strict=False))
        return boxed(self._joins[key], [place[member] for member in members], dims)

    def _part(self, array: int, members: Iterable[int]) -> Read:
        places = sorted(self._places(members))
        return boxed(array, places, (len(places),))

    def described(self, count: int) -> tuple[Array, ...]:
        """The arrays, each with what all its results are noted to be.

        count: of instructions in the kernel, behind which are those over the rows.
        """
        return tuple(
            [
                array._replace(
                    scalars=array.scalars
                    if max(array.scalars, default=-1) < count
                    else tuple([n if n < count else -1 for n in array.scalars]),
                    adjoint=self._adjoint(array),
                    slope=self._slope(array),
                )
                for array in self.arrays
            ]
        )

    def _adjoint(self, array: Array) -> tuple[int, ...]:
        """By which arrays all results of one are the derivatives."""
        if isinstance(array.step, (Leaf, Join)):
            return ()
        notes = []
        for each in array.scalars:
            if each >= 0:
                notes.append(self.code.adjoints.get(each, ()))
                if not notes[-1]:
                    return ()
        if not notes:
            return ()
        each_of = [{self._array[of] for of in note} for note in notes]
        common = set.intersection(*each_of)
        sizes = {number: self.arrays[number].size for number in common}
        return tuple(sorted([n for n in common if sizes[n] == array.size]))

    def _slope(self, array: Array) -> tuple[str, int]:
        """Of which operation, at which array, all results are the slopes."""
        slopes = self.code.slopes
        members = (each for each in array.scalars if each >= 0)
        noted = not isinstance(array.step, (Leaf, Join))
        if not noted or not all(map(slopes.__contains__, members)):
            return "", -1
        found = {slopes[each] for each in array.scalars if each >= 0}
        about = {(op, self._array[at]) for op, at in found}
        op, target = about.pop()
        same = not about and self.arrays[target].size == array.size
        return (op, target) if same else ("", -1)

    def gradients(self, totals: Sequence[int]) -> Iterable[tuple[int, int]]:
        """The arrays of parameters with those of their derivatives."""
        for number, array in enumerate(self.arrays):
            if isinstance(array.step, Leaf) and array.step.kind == PARAMETER and totals:
                wanted = map(totals.__getitem__, map(int, array.step.numbers))
                found = set(map(self._array.__getitem__, wanted))
                if len(found) == 1 and self.arrays[min(found)].size == array.size:
                    yield number, min(found)

    # ---- element by element ----

    def _elements(self, op: str, members: list[int]) -> None:
        args = {member: self._args(member) for member in members}
        for each in self._by_sources(args):
            columns = list(zip(*[args[member] for member in each], strict=True))
            dims = sides([self._places(c) for c in columns], len(each))
            reads = tuple([self.read(column, dims) for column in columns])
            self._made(Apply(op, reads, dims), each, self.code.varies[each[0]])

    def _by_sources(self, args: Mapping[int, Vector]) -> Iterable[list[int]]:
        """Those that read of the same arrays, in the order of what they read."""
        array, place, constants = self._array, self._place, self._constants
        together: dict[tuple[int, ...], list[int]] = {}
        for member, read in args.items():
            sources = tuple([array[arg] for arg in read])
            together.setdefault(sources, []).append(member)

        def order(member: int) -> tuple[list[int], list[int]]:
            read = args[member]
            moving = [place[arg] for arg in read if arg not in constants]
            return moving, [place[arg] for arg in read]

        for each in together.values():
            for part in self._by_number(each, args):
                yield sorted(part, key=order)

    def _by_number(
        self, members: list[int], args: Mapping[int, Vector]
    ) -> Iterable[list[int]]:
        """Those with the same constants apart from the others, unless all differ."""
        constants = self._constants
        together: dict[tuple[int, ...], list[int]] = {}
        for member in members:
            fixed = tuple([arg for arg in args[member] if arg in constants])
            together.setdefault(fixed, []).append(member)
        return together.values() if len(together) <= FEW else [members]

    def _places(self, members: Iterable[int]) -> list[int]:
        return list(map(self._place.__getitem__, members))

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

    def _dots(self, op: str, cells: Cells) -> None:
        batches: dict[object, list[Grid]] = {}
        for grid in self._grids(cells):
            batches.setdefault(self._shape(grid), []).append(grid)
        for grids in batches.values():
            if op != ROW_DOT and self._is_formula(grids[0]):
                self._elements(op, [m for grid in grids for m in grid.members()])
            else:
                self._product(sorted(grids, key=self._first), op == ROW_DOT)

    def _grids(self, cells: Cells) -> list[Grid]:
        """The dots as grids, each as large as can be and at least half full."""
        matrices: dict[int, object] = {}
        for left in {left for left, _ in cells}:
            # Parameters of other names are other matrices. What they are multiplied
            # with is one even if it is in many arrays, as of positions: from here
            # on the positions are in one array.
            first = self._vector(left)[0]
            fixed = self.code.instructions[first].op == PARAMETER
            matrices[left] = self._sources([left]) if fixed else None
        by_matrix: dict[object, Cells] = {}
        if len(set(matrices.values())) == 1:
            by_matrix[None] = cells
        else:
            for cell, dot in cells.items():
                by_matrix.setdefault(matrices[cell[0]], {})[cell] = dot
        grids: list[Grid] = []
        for each in by_matrix.values():
            parts = rectangles(each)
            if overlap(parts):
                parts = connected(each)
            for part in parts:
                whole = self._grid(part)
                full = len(part) * 2 >= len(whole.lefts) * len(whole.rights)
                grids += [whole] if full else map(self._grid, rectangles(part))
        return grids

    def _cells(self, given: Iterable[Vector]) -> Iterator[tuple[int, int]]:
        """The two sides of each dot: parameters, and what is fixed, on the left."""
        rank = self._rank
        for args in given:
            if len(args) == 2:
                a, b = args
                yield args if rank[a] <= rank[b] else (b, a)
            else:
                half = len(args) // 2
                yield self._sides(self._side(args[:half]), self._side(args[half:]))

    def _sides(self, left: Side, right: Side) -> tuple[int, int]:
        """The sides of a long dot, in the order of what is on the right."""
        if left.lowest > right.highest:
            left, right = right, left
        if left.highest > right.lowest:
            rank = self._rank
            pairs = [
                (a, b) if rank[a] <= rank[b] else (b, a)
                for a, b in zip(left.vector, right.vector, strict=True)
            ]
            left, right = map(self._side, zip(*pairs, strict=True))
        if right.repeats:
            order = self._order
            pairs = list(zip(left.vector, right.vector, strict=True))
            pairs.sort(key=lambda pair: (order[pair[1]], order[pair[0]]))
            left, right = map(self._side, zip(*pairs, strict=True))
        elif right.places:
            arranged = operator.itemgetter(*right.places)
            left, right = [self._side(arranged(x.vector)) for x in (left, right)]
        return left.number, right.number

    def _side(self, vector: Vector) -> Side:
        """What is known of a vector; most are a side of many dots."""
        side = self._known.get(vector)
        if side is None:
            ranks = set(map(self._rank.__getitem__, vector))
            keys = list(map(self._order.__getitem__, vector))
            places, repeats = [], False
            if not all(map(operator.lt, keys, itertools.islice(keys, 1, None))):
                places = sorted(range(len(keys)), key=keys.__getitem__)
                repeats = len(set(keys)) < len(keys)
            number = ~len(self._long)
            side = Side(vector, number, min(ranks), max(ranks), places, repeats)
            self._known[vector] = side
            self._long.append(vector)
        return side

    def _vector(self, number: int) -> Vector:
        return (number,) if number >= 0 else self._long[~number]

    def _grid(self, cells: Cells) -> Grid:
        lefts = sorted({left for left, _ in cells}, key=self._places_of)
        rights = sorted({right for _, right in cells}, key=self._places_of)
        return Grid(lefts, rights, cells)

    def _places_of(self, vector: int) -> list[int]:
        return self._places(self._vector(vector))

    def _first(self, grid: Grid) -> list[int]:
        return [*self._places_of(grid.lefts[0]), *self._places_of(grid.rights[0])]

    def _sources(self, vectors: Iterable[int]) -> frozenset[int]:
        array = self._array
        return frozenset([array[i] for each in vectors for i in self._vector(each)])

    def _length(self, grid: Grid) -> int:
        """How many products each dot adds up."""
        return len(self._vector(grid.lefts[0]))

    def _shape(self, grid: Grid) -> object:
        """What grids have in common that can be one step."""
        sizes = len(grid.lefts), len(grid.rights), self._length(grid), grid.turned
        return sizes, self._sources(grid.lefts), self._sources(grid.rights)

    def _is_formula(self, grid: Grid) -> bool:
        """Whether a dot is better written out: short, and of several arrays."""
        few = len(grid.lefts) == len(grid.rights) == 1 and self._length(grid) <= FEW
        sources = [self._sources(side) for side in (grid.lefts, grid.rights)]
        return few and max(map(len, sources)) > 1

    def _product(self, grids: list[Grid], rows: bool) -> None:
        one = grids[0]
        lefts = [i for grid in grids for v in grid.lefts for i in self._vector(v)]
        rights = [i for grid in grids for v in grid.rights for i in self._vector(v)]
        count = self._length(one)
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
    by_vector: dict[tuple[int, int], list[tuple[int, int]]] = {}
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
    rights: dict[int, list[int]] = {}
    for left, right in cells:
        rights.setdefault(left, []).append(right)
    together: dict[frozenset[int], list[int]] = {}
    for left, each in rights.items():
        together.setdefault(frozenset(each), []).append(left)
    if len(together) == 1:
        return [cells]
    return [
        {(left, right): cells[left, right] for left in lefts for right in rights[left]}
        for lefts in together.values()
    ]


def overlap(parts: Sequence[Cells]) -> bool:
    """Whether two full grids have a vector on the right in common."""
    if len(parts) == 1:
        return False
    rights = [{right for _, right in part} for part in parts]
    return len(set().union(*rights)) < sum(map(len, rights))


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
