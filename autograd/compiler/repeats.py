"""Loops found again: instructions that repeat, as turns of one body over a memory.

A simulation that takes 200 equal steps is recorded as 200 copies of its step. Here the
copies become one `Loop`: the step once, and for each of its arguments where in a memory
it lies at every turn. What stands between loops is a loop of one turn. A result has a
cell of the memory where another turn reads it; the others are of their turn alone.

The derivatives of such a list are lists of the same kind: `backward` adds for every
loop one that goes through its turns from the last to the first and adds to the cells of
the adjoints, and `along` computes beside every number its tangent. So they can follow
each other, and the time that all of this takes does not depend on the number of turns.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autograd.compiler.instructions import (
    CONSTANT,
    INPUT,
    PARAMETER,
    Code,
    CodeRecorder,
    Instruction,
    Kernel,
)
from autograd.compiler.matrices import Group
from autograd.compiler.passes import differentiate, optimize, tangents, total_of

GRAM = 6  # instructions in a row that have to be there again
LATER = 48  # places at which they are looked for
TURNS = 4  # of a loop, at least
SAVED = 100  # instructions that a loop saves, at least
MANY = 8  # distant readers of what is computed before all steps, at least
LESS, WIDE = 4, 8  # times shorter than the list; instructions at once, on average
WIDEST = 64  # instructions at once, from which on they run as arrays in any case
ROW = 8  # arguments of a dot that may be one of a matrix
LATE = 200  # times in a row that instructions wait, from which on loops are looked for
LONG = 2000  # instructions of a list, from which on loops are looked for


class Cells(NamedTuple):
    """Where in the memory something lies at every turn: start + turn * stride.

    table: the cells one by one, where no start and stride say them.
    """

    start: int
    stride: int = 0
    table: tuple[int, ...] = ()

    def moved(self, by: int) -> Cells:
        """So many cells further."""
        return Cells(self.start + by, self.stride, tuple([c + by for c in self.table]))

    @property
    def alone(self) -> bool:
        """Whether it is the same cell at every turn."""
        return not self.table and not self.stride

    def each(self, turns: int) -> Sequence[int]:
        """The cells one by one."""
        if self.table or not self.stride:
            return self.table or (self.start,) * turns
        return range(self.start, self.start + turns * self.stride, self.stride)

    def reversed(self, turns: int) -> Cells:
        """The same from the last turn to the first."""
        last = self.start + (turns - 1) * self.stride
        return Cells(last, -self.stride, self.table[::-1])


def cells_of(places: Sequence[int]) -> Cells:
    """The cells of every turn.

    >>> cells_of([4, 6, 8]), cells_of([4, 6, 7])
    (Cells(start=4, stride=2, table=()), Cells(start=0, stride=0, table=(4, 6, 7)))
    """
    if steady(places):
        return Cells(places[0], places[1] - places[0] if len(places) > 1 else 0)
    return Cells(0, 0, tuple(places))


def steady(numbers: Sequence[int]) -> bool:
    """Whether each is as far from the next as the others are."""
    return len(set(map(operator.sub, numbers[1:], numbers))) <= 1


class Write(NamedTuple):
    """A result of the body that goes into the memory, or is added to what is there."""

    position: int
    cells: Cells
    adds: bool = False


class Loop(NamedTuple):
    """A body that runs a number of times. Its inputs are what it reads of the memory.

    No turn reads a cell that it writes itself.
    """

    turns: int
    body: Code
    reads: tuple[Cells, ...]
    writes: tuple[Write, ...]

    @property
    def handed(self) -> list[tuple[int, int]]:
        """Of reads and writes the pairs where a turn reads what the one before wrote.

        No other write is to these cells.
        """
        found = []
        cells = [write.cells for write in self.writes]
        for n, each in enumerate(cells):
            before = each.moved(-each.stride)
            if each.stride and not each.table and before in self.reads:
                mine = set(each.each(self.turns))
                others = [x.each(self.turns) for m, x in enumerate(cells) if m != n]
                if all(map(mine.isdisjoint, others)):
                    found.append((self.reads.index(before), n))
        return found

    @property
    def apart(self) -> bool:
        """Whether no turn needs another one, so that several can run at once."""
        written: set[int] = set()
        for write in self.writes:
            cells = set(write.cells.each(self.turns))
            if len(cells) < self.turns and not (write.adds and write.cells.alone):
                return False
            written |= cells
        asked = [made for made in self.body.instructions if made.op == INPUT]
        reads = [self.reads[int(made.number)] for made in asked]
        return all(written.isdisjoint(each.each(self.turns)) for each in reads)

    def optimized(self) -> Loop:
        """The same with a better body."""
        outputs = tuple([write.position for write in self.writes])
        given = Kernel(self.body, len(self.reads), 0, outputs)
        kernel, _ = optimize(given)
        places = zip(self.writes, kernel.outputs, strict=True)
        writes = [write._replace(position=position) for write, position in places]
        return self._replace(body=kernel.code, writes=tuple(writes))


class Rolled(NamedTuple):
    """A program as loops over a memory of `size` cells.

    The first cells are those of the inputs, then of the parameters.

    constants: the cells of numbers, with these. All other cells are 0 in the beginning.
    outputs: the cells of the results.
    """

    loops: tuple[Loop, ...]
    size: int
    inputs: int
    parameters: int
    constants: tuple[tuple[int, float], ...]
    outputs: tuple[int, ...]

    @property
    def length(self) -> int:
        """How many instructions there are, each turn of a loop not counted."""
        return sum([len(loop.body) for loop in self.loops])


# ---- finding -------------------------------------------------------------------------


class Region(NamedTuple):
    """Instructions from `start` on: so many turns of so many."""

    start: int
    period: int
    turns: int


def regions(keys: Sequence[object]) -> list[Region]:
    """Cut a list into what repeats and what does not, one region after the other.

    Every place looks at a few later ones that begin alike, so that this takes time in
    proportion to the list.

    >>> regions([*"xy", *"abcdefgh" * 30, "z"])
    [Region(start=0, period=2, turns=1), Region(start=2, period=8, turns=30), \
Region(start=242, period=1, turns=1)]
    """
    found: list[Region] = []
    following = _following(keys)
    ends: dict[int, int] = {}
    place = straight = 0
    while place < len(keys):
        best = _best(keys, place, following, ends)
        if best.turns < TURNS:
            place += 1
            continue
        if straight < place:
            found.append(Region(straight, place - straight, 1))
        found.append(best)
        place = straight = place + best.period * best.turns
    if straight < place:
        found.append(Region(straight, place - straight, 1))
    return found


def _following(keys: Sequence[object]) -> list[int]:
    """For each place the next that begins alike; 0 where there is none."""
    seen: dict[object, int] = {}
    following = [0] * len(keys)
    for place in range(len(keys) - GRAM, -1, -1):
        gram = tuple(keys[place : place + GRAM])
        following[place] = seen.get(gram, 0)
        seen[gram] = place
    return following


def _best(
    keys: Sequence[object], place: int, following: list[int], ends: dict[int, int]
) -> Region:
    """The repetition that begins at a place and saves most instructions.

    ends: for a period, how far what repeats with it was followed already.
    """
    best, most, later = Region(place, 0, 0), SAVED, following[place]
    for _ in range(LATER):
        if not later:
            break
        period = later - place
        if ends.get(period, 0) <= later:
            ends[period] = _end(keys, place, later)
        turns = (ends[period] - place) // period
        if turns >= TURNS and (turns - 1) * period > most:
            best, most = Region(place, period, turns), (turns - 1) * period
        later = following[later]
    return best


def _end(keys: Sequence[object], place: int, later: int) -> int:
    """Where two places that begin alike differ, counted from the later one."""
    while later < len(keys) and keys[place] == keys[later]:
        place, later = place + 1, later + 1
    return later


# ---- from instructions to loops ------------------------------------------------------


def rolled(code: Code, outputs: Sequence[int], inputs: int, parameters: int) -> Rolled:
    """A list as loops over a memory, as far as there is something to be rolled up."""
    code, ends = opened(code, outputs)
    return _Roller(code, ends, inputs, parameters).found()


def opened(code: Code, outputs: Sequence[int]) -> tuple[Code, list[int]]:
    """Sums and dots of many terms as one addition after the other, which repeat.

    >>> code = Code()
    >>> xs = [code.add(INPUT, (), n) for n in range(3)]
    >>> [made.op for made in opened(code, [code.add("sum", (*xs,))])[0].instructions]
    ['input', 'input', 'input', 'add', 'add']
    """
    if code.operations().isdisjoint(("sum", "dot")):
        return code, list(outputs)
    made, positions = code.begun()
    varies = itertools.islice(code.varies, sum(code.leaves), None)
    for (op, args, number), varied in zip(code.rest(), varies, strict=True):
        moved = tuple([positions[arg] for arg in args])
        if op in ("sum", "dot") and len(args) > 2:
            positions.append(_chained(made, op, moved))
        else:
            positions.append(made.append(op, moved, number, varied))
    return made, [positions[output] for output in outputs]


def _chained(code: Code, op: str, args: tuple[int, ...]) -> int:
    """Term after term, each computed just before it is added."""
    half = len(args) // 2 if op == "dot" else len(args)
    total = -1
    for n in range(half):
        pair = (args[n], args[half + n]) if op == "dot" else ()
        term = code.add("mul", pair) if pair else args[n]
        total = term if total < 0 else code.add("add", (total, term))
    return total


Column = tuple[int, ...]
"""What one argument is, turn by turn: the place in the list without leaves of the
instruction that it reads; of a leaf the complement of its number."""


def _even(column: Column) -> bool:
    """Whether a place, or a leaf, is as far from the next at every turn."""
    return steady(column) and (column[0] < 0) == (column[-1] < 0)


def _order(code: Code) -> list[int]:
    """The instructions but leaves; first what is read all along, and what it needs.

    That is computed once, where the first of equal steps needs it, which would differ
    from the others.
    """
    early, far = [0] * len(code), len(code) // 8
    for index, (_, args, _) in enumerate(code.instructions):
        for arg in args:
            early[arg] += index - arg > far
    for index in range(len(code) - 1, -1, -1):
        if early[index] > MANY:
            for arg in code.instructions[index].args:
                early[arg] = len(code)
    order = [n for n, made in enumerate(code.instructions) if made.args]
    return sorted(order, key=lambda n: early[n] <= MANY)


class _Roller:
    """Gives what other turns read its cells, and writes the bodies."""

    def __init__(
        self, code: Code, outputs: Sequence[int], inputs: int, parameters: int
    ) -> None:
        self.code = code
        self.inputs = inputs
        self.parameters = parameters
        self.order = _order(code)
        places = [~n for n in range(len(code))]
        for place, number in enumerate(self.order):
            places[number] = place
        self.args: list[Column] = [
            tuple([places[arg] for arg in code.instructions[n].args])
            for n in self.order
        ]
        self.ends = [places[output] for output in outputs]
        self.cells: dict[int, int] = {}
        self.size = inputs + parameters
        self.constants: list[tuple[int, float]] = []

    def found(self) -> Rolled:
        """The loops."""
        ops = [self.code.instructions[n].op for n in self.order]
        kinds: dict[tuple[str, int], int] = {}
        keys = [
            kinds.setdefault(kind, len(kinds))  # numbers are compared fast
            for kind in zip(ops, map(len, self.args), strict=True)
        ]
        parts = list(self._parts(regions(keys)))
        columns = [self._columns(part) for part in parts]
        totals = list(map(self._totals, parts, columns))
        kept = set(self.ends)
        for part, found, sums in zip(parts, columns, totals, strict=True):
            for slot, args in enumerate(found):
                for side, column in enumerate(args):
                    if sums.get(slot) == side:
                        kept.add(column[0])
                    elif self._own(part, column) is None:
                        kept.update(column)
        stored = list(map(self._stored, parts, totals, itertools.repeat(kept)))
        for place in sorted(place for place in kept if place < 0):
            self._place_leaf(~place)
        made = map(self._loops, parts, columns, totals, stored)
        loops = tuple(itertools.chain.from_iterable(made))
        ends = tuple([self.cells[place] for place in self.ends])
        return Rolled(
            loops, self.size, self.inputs, self.parameters, tuple(self.constants), ends
        )

    def _columns(self, part: Region) -> list[list[Column]]:
        """For each instruction of the body its arguments."""
        stop = part.start + part.period * part.turns
        first = range(part.start, part.start + part.period)
        return [
            list(zip(*self.args[place : stop : part.period], strict=True))
            for place in first
        ]

    def _totals(self, part: Region, columns: list[list[Column]]) -> dict[int, int]:
        """Additions to what the turn before has added up, and which argument that is.

        Nothing else asks for what there is in between.
        """
        found = {}
        for slot, args in enumerate(columns if part.turns > 1 else ()):
            place = part.start + slot
            stop = place + part.period * (part.turns - 1)
            before = tuple(range(place, stop, part.period))
            op = self.code.instructions[self.order[place]].op
            sides = [n for n, column in enumerate(args) if column[1:] == before]
            adds = op == "add" and len(sides) == 1
            if adds and all(self._uses[each] == 1 for each in before):
                found[slot] = sides[0]
        return found

    @functools.cached_property
    def _uses(self) -> Counter[int]:
        """How often each place is read, by instructions and as an output."""
        return Counter(itertools.chain(self.ends, *self.args))

    def _own(self, part: Region, column: Column) -> int | None:
        """Which instruction of the same turn it is; None for one of another turn."""
        place = column[0] - part.start
        return place if 0 <= place < part.period else None

    # ---- regions that are loops ----

    def _parts(self, found: Sequence[Region]) -> Iterator[Region]:
        """The regions that are loops, and what stands between them as one."""
        waiting = Region(0, 0, 1)
        for part in itertools.chain.from_iterable(map(self._sound, found)):
            if part.turns == 1:
                waiting = waiting._replace(period=waiting.period + part.period)
                continue
            if waiting.period:
                yield waiting
            yield part
            waiting = Region(part.start + part.period * part.turns, 0, 1)
        if waiting.period:
            yield waiting

    def _sound(self, part: Region) -> list[Region]:
        """The same; where the first turn begins with something else, without that."""
        first = part._replace(turns=1)
        rest = Region(part.start + part.period, part.period, part.turns - 1)
        if part.turns == 1 or self._fits(part):
            return [part]
        if self._fits(rest) or (self._repeats(rest) and not self._repeats(part)):
            return [first, rest]
        if self._repeats(part):
            return [part]
        return [part._replace(period=part.period * part.turns, turns=1)]

    def _repeats(self, part: Region) -> bool:
        """Whether all turns read the same of what they computed themselves."""
        columns = itertools.chain(*self._columns(part))
        return all(self._same(part, column) for column in columns)

    def _fits(self, part: Region) -> bool:
        """Whether the first turn is like the others in what it reads of others, too."""
        columns = list(itertools.chain(*self._columns(part)))
        late = any(steady(each[1:]) and not _even(each) for each in columns)
        return not late and all(self._same(part, column) for column in columns)

    def _same(self, part: Region, column: Column) -> bool:
        """Whether it is the same of every turn, or of none."""
        first, stop = column[0], column[0] + part.period * part.turns
        if column == tuple(range(first, stop, part.period)):  # as most, and fast
            return True
        own = {
            max(place - part.start - part.period * turn, -1)
            for turn, place in enumerate(column)
        }
        return len(own) == 1

    # ---- the memory ----

    def _place_leaf(self, number: int) -> None:
        """The cell of an input, a parameter or a constant."""
        op, _, which = self.code.instructions[number]
        if op == CONSTANT:
            self.constants.append((self.size, which))
            self.cells[~number] = self.size
            self.size += 1
        else:
            self.cells[~number] = int(which) + self.inputs * (op == PARAMETER)

    def _stored(
        self, part: Region, totals: dict[int, int], kept: set[int]
    ) -> list[int]:
        """Which results of the body are kept, turn after turn; a total has one cell."""
        stop = part.start + part.period * part.turns
        there = kept.intersection(range(part.start, stop))
        slots = sorted({(place - part.start) % part.period for place in there})
        for slot in totals:
            self.cells[stop - part.period + slot] = self.size
            self.size += 1
        slots = [slot for slot in slots if slot not in totals]
        for turn in range(part.turns):
            for n, slot in enumerate(slots):
                place = part.start + turn * part.period + slot
                self.cells[place] = self.size + turn * len(slots) + n
        self.size += part.turns * len(slots)
        return slots

    # ---- bodies ----

    def _loops(
        self,
        part: Region,
        columns: list[list[Column]],
        totals: dict[int, int],
        stored: list[int],
    ) -> Iterator[Loop]:
        """The loop, and before it one that begins each total."""
        body = Code(self.code.own)
        reads: dict[Cells, int] = {}
        made: list[int] = []
        writes = []
        last = part.start + part.period * (part.turns - 1)
        for slot, found in enumerate(columns):
            if slot not in totals:
                op = self.code.instructions[self.order[part.start + slot]].op
                args = [self._argument(part, each, body, reads, made) for each in found]
                made.append(body.add(op, tuple(args)))
                continue
            first, total = found[totals[slot]][0], Cells(self.cells[last + slot])
            term = found[1 - totals[slot]]
            made.append(self._argument(part, term, body, reads, made))
            writes.append(Write(made[slot], total, True))
            begun = Code(self.code.own)
            start = Write(begun.add(INPUT, (), 0), total, True)
            yield Loop(1, begun, (Cells(self.cells[first]),), (start,))
        writes += [
            Write(made[slot], Cells(self.cells[part.start + slot], len(stored)))
            for slot in stored
        ]
        yield Loop(part.turns, body, tuple(reads), tuple(writes))

    def _argument(
        self,
        part: Region,
        column: Column,
        body: Code,
        reads: dict[Cells, int],
        made: Sequence[int],
    ) -> int:
        """The position of an argument in the body."""
        own = self._own(part, column)
        if own is not None:
            return made[own]
        number = self.code.number(~column[0]) if column[0] < 0 else None
        if number is not None and len(set(column)) == 1:
            return body.constant(number)
        cells = cells_of([self.cells[place] for place in column])
        return body.add(INPUT, (), reads.setdefault(cells, len(reads)))


def narrow(code: Code, outputs: Sequence[int]) -> bool:
    """Whether instructions wait for each other, few for many or many times in a row.

    Where they don't, or where matrices do, arrays of them say it better than loops.
    """
    steps, rows = _steps(code, outputs)
    late = steps > LATE and steps * WIDEST > len(code) and rows < steps
    return late or steps * WIDE > len(code)


def _steps(code: Code, outputs: Sequence[int]) -> tuple[int, int]:
    """About how many steps arrays would take, and how many dots may be of a matrix.

    As where chains are joined, an addition is one with the sums and products that it
    alone adds; joining them takes four times as long.
    """
    counts, made = code.uses(outputs), code.instructions
    levels, terms = [0] * len(code), [1] * len(code)
    steps, rows = set[Group](), 0
    for index, (op, args, _) in enumerate(code.rest(), sum(code.leaves)):
        if op == "add":
            parts = [x for x in args if counts[x] == 1 and made[x].op in ("add", "mul")]
            level = max([levels[x] + (x not in parts) for x in args])
            terms[index] = sum([terms[x] if x in parts else 1 for x in args])
            rows += terms[index] == ROW // 2
        elif args:
            level = 1 + max(map(levels.__getitem__, args))
            rows += op == "dot" and len(args) >= ROW
        else:
            continue
        levels[index] = level
        steps.add((level, op, code.varies[index]))
    return len(steps), rows


def pays(given: Rolled, code: Code) -> bool:
    """Whether loops say much less than the list that they come from."""
    return given.length * LESS <= len(code)


def described(given: Rolled) -> str:
    """The loops as text.

    >>> described(Rolled((Loop(9, Code(), (), ()),), 0, 0, 0, (), ()))
    '9 turns of 0 instructions'
    """
    loops = [loop for loop in given.loops if loop.turns > 1]
    counts = [sum([len(x.args) > 0 for x in loop.body.instructions]) for loop in loops]
    turns = zip(loops, counts, strict=True)
    return ", ".join([f"{loop.turns} turns of {n} instructions" for loop, n in turns])


def stored(given: Rolled) -> tuple[Rolled, list[int]]:
    """The same, where what is the first to be added to a cell is put there.

    Beside it the cells that are added to all the same, and so have to be made anew
    before another row.
    """
    constants = {cell for cell, _ in given.constants}
    touched: set[int] = set()
    added: set[int] = set()
    loops = []
    for loop in given.loops:
        cells = [write.cells.each(loop.turns) for write in loop.writes]
        uses = Counter(itertools.chain(*map(set, cells)))
        writes = []
        for write, each in zip(loop.writes, cells, strict=True):
            there = set(each)
            once = len(there) == len(each) and all(uses[cell] == 1 for cell in there)
            first = once and touched.isdisjoint(there) and constants.isdisjoint(there)
            adds = write.adds and not first
            writes.append(write._replace(adds=adds))
            added.update(there - touched if adds else ())
        touched.update(uses)
        loops.append(loop._replace(writes=tuple(writes)))
    return given._replace(loops=tuple(loops)), sorted(added)


# ---- derivatives ---------------------------------------------------------------------


def backward(given: Rolled, gated: bool = False) -> Rolled:
    """The loops, then the same backward: the adjoint of a cell is `size` cells further.

    That of the output is 1. gated: whether this will be differentiated again.
    """
    constants = {cell for cell, _ in given.constants}
    turned = [_turned(loop, given.size, constants, gated) for loop in given.loops[::-1]]
    start = given.size + given.outputs[0]
    return given._replace(
        loops=(*given.loops, *turned),
        size=2 * given.size,
        constants=(*given.constants, (start, 1.0)),
    )


def _turned(loop: Loop, size: int, constants: set[int], gated: bool) -> Loop:
    """What hands the adjoints of all results on to what they were made of.

    Numbers that are always the same get none. Results that are in the memory are read.
    """
    body, count = loop.body.copy(), len(loop.reads)
    results = [write.position for write in loop.writes]
    seeds = [body.add(INPUT, (), count + n) for n in range(len(results))]
    total = total_of(CodeRecorder(body), list(zip(seeds, results, strict=True)))
    wanted = {
        body.add(INPUT, (), n): cells.reversed(loop.turns).moved(size)
        for n, cells in enumerate(loop.reads)
        if not constants.issuperset(cells.table or (cells.start,))
    }
    shares = differentiate(body, total, wanted, gated)
    recorder = CodeRecorder(body)
    writes = [
        Write(total_of(recorder, shares[position]), cells, True)
        for position, cells in wanted.items()
        if position in shares
    ]
    back = [write.cells.reversed(loop.turns) for write in loop.writes]
    ends = [cells.moved(size) for cells in back]
    reads = [cells.reversed(loop.turns) for cells in loop.reads]
    there = {
        write.position: Instruction(INPUT, (), count + len(back) + n)
        for n, write in enumerate(loop.writes)
        if not write.adds and loop.body.instructions[write.position].args
    }
    body, at = body.only([1] * len(body), there)
    writes = [write._replace(position=at[write.position]) for write in writes]
    return Loop(loop.turns, body, (*reads, *ends, *back), tuple(writes))


def along(given: Rolled) -> Rolled:
    """The loops with a tangent for every number, `size` cells further."""
    return given._replace(
        loops=tuple([_doubled(loop, given.size) for loop in given.loops]),
        size=2 * given.size,
    )


def _doubled(loop: Loop, size: int) -> Loop:
    """What computes the tangents too."""
    body, count = loop.body.copy(), len(loop.reads)
    given = {
        body.add(INPUT, (), n): body.add(INPUT, (), count + n) for n in range(count)
    }
    found = tangents(body, given)
    more = [
        Write(found[write.position], write.cells.moved(size), write.adds)
        for write in loop.writes
        if write.position in found
    ]
    reads = [cells.moved(size) for cells in loop.reads]
    return Loop(loop.turns, body, (*loop.reads, *reads), (*loop.writes, *more))
