"""Where everything goes: how the llvm backend cuts a kernel into stages.

What does not depend on the row runs once per call, on single numbers, and is kept in
one array, the parameters first. What does, runs over vectors of rows, and what one
stage hands to another is kept in slots, one vector each.

Straight-line code is cut into chunks of bounded length, so that compiling takes time in
proportion to the program, however large. Two patterns are not written out but run as
loops over tables of slots: many dots of one vector of values with different numbers,
which is a layer (or its reverse), and the products of a few values with each of many
others, which is a layer's gradient. A scalar graph holds the matrices of the network
that it came from, and this finds them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    INPUT,
    PARAMETER,
    Code,
    Kernel,
)
from autograd.compiler.llvm.expansions import expanded
from autograd.compiler.llvm.factors import Part, factored

CHUNK = 400  # instructions, a function of the math library counting as 4
TERMS = 128  # of a sum or a dot; a longer one is added up from pieces
LOOP_ROWS, LOOP_SIZE = 4, 64  # a layer is run as a loop from so many dots and products


class Layer(NamedTuple):
    """Dots of the same values with rows of numbers."""

    values: tuple[int, ...]
    dots: list[int]
    rows: list[tuple[int, ...]]


class Stage(NamedTuple):
    """Straight-line chunks, then layers that need their results."""

    chunks: list[list[int]]
    layers: list[Layer]


class Grid(NamedTuple):
    """Every product of one of `lefts` with one of `rights`, added to its own sum."""

    lefts: list[int]
    rights: tuple[int, ...]
    targets: list[tuple[int, ...]]


class Layout(NamedTuple):
    """A kernel as the backend emits it.

    code, outputs: the instructions, and which results are kept for every row.
    once: chunks of the instructions that do not depend on the row.
    stages: what runs for every vector of rows, in this order.
    slots: for a result that is handed from stage to stage, its slot.
    numbers: for a result that is the same for every row, its place in their array.
    fixed: where in that array what is the same for every row is added to the means, one
        number per sum; `copies` lists (from, to) for those computed elsewhere.
    constants: the numbers in that array that no call changes, by their places.
    size: how many numbers there are.
    grids, pairs: the sums over rows, as products of two results.
    sums, parts: how many sums there are, and what their means add to targets; none
        where sums and targets are the same.
    """

    code: Code
    outputs: tuple[int, ...]
    once: list[list[int]]
    stages: list[Stage]
    slots: dict[int, int]
    numbers: dict[int, int]
    fixed: int
    copies: list[tuple[int, int]]
    constants: dict[int, float]
    size: int
    grids: list[Grid]
    pairs: list[tuple[int, int, int]]
    sums: int
    parts: list[Part]


def plan(kernel: Kernel) -> Layout:
    """Cut a kernel into stages and give every result its place."""
    kernel, parts, count = factored(expanded(kernel))
    code, found = _cut(kernel)
    kernel = kernel.over(code, found)
    kernel = kernel.over(code, {at: _kept(code, at) for at in kernel.needed()})
    one = code.constant(1.0)
    sums, fixed = _row_sums(kernel, one)
    grids, pairs = _grids(sums)
    layers = _layers(code)
    stages = _stages(code, layers)
    once = [i for i in range(len(code)) if not code.varies[i]]
    calculated = [i for i in once if calculates(code, i)]
    start = _up(kernel.parameters)
    numbers, copies = _fixed(fixed, calculated, start)
    free = start + _up(count)
    free = _numbers(code, once, numbers, free)
    kept = {i for _, a, b in sums for i in (a, b)} | set(kernel.outputs)
    places = [(numbers[index], place) for index, place in copies]
    constants = {
        place: code.instructions[index].number
        for index, place in numbers.items()
        if code.instructions[index].op == CONSTANT
    }
    return Layout(
        code=code,
        outputs=kernel.outputs,
        once=_chunks(code, calculated),
        stages=stages,
        slots=_slots(code, stages, [*sorted(kept), one], kernel.inputs),
        numbers=numbers,
        fixed=start,
        copies=places,
        constants=constants,
        size=free,
        grids=grids,
        pairs=pairs,
        sums=count,
        parts=parts,
    )


def calculates(code: Code, index: int) -> bool:
    """Whether an instruction is one to emit: comparisons are, where they are used."""
    op = code.instructions[index].op
    return op not in (INPUT, PARAMETER, CONSTANT) and op not in COMPARISONS


def _kept(code: Code, index: int) -> int:
    """A result that is wanted as a number: of a comparison, which is none, 1 or 0."""
    if code.instructions[index].op not in COMPARISONS:
        return index
    return code.add("where", (index, code.constant(1.0), code.constant(0.0)))


def sources(code: Code, index: int) -> Iterable[int]:
    """The results an instruction reads; those of a comparison where it has one."""
    for arg in code.instructions[index].args:
        if code.instructions[arg].op in COMPARISONS:
            yield from code.instructions[arg].args
        else:
            yield arg


def _cut(kernel: Kernel) -> tuple[Code, list[int]]:
    """The same instructions, long sums and dots in pieces."""
    code, positions = kernel.code.begun()
    for op, args, number in kernel.code.rest():
        moved = tuple([positions[arg] for arg in args])
        if op == "dot":  # a layer may take it, from slots
            moved = tuple([_kept(code, arg) for arg in moved])
        if op == "sum" and len(moved) > TERMS:
            positions.append(_long_sum(code, moved))
        elif op == "dot" and len(moved) > 2 * TERMS and not _matrix_row(code, moved):
            positions.append(_long_dot(code, moved))
        else:
            positions.append(code.add(op, moved, number))
    return code, positions


def _long_sum(code: Code, args: tuple[int, ...]) -> int:
    pieces = [
        code.add("sum", args[start : start + TERMS])
        for start in range(0, len(args), TERMS)
    ]
    return _total(code, pieces)


def _long_dot(code: Code, args: tuple[int, ...]) -> int:
    half = len(args) // 2
    xs, ys = args[:half], args[half:]
    pieces = [
        code.add("dot", xs[start : start + TERMS] + ys[start : start + TERMS])
        for start in range(0, half, TERMS)
    ]
    return _total(code, pieces)


def _total(code: Code, pieces: list[int]) -> int:
    if len(pieces) == 1:
        return pieces[0]
    args = tuple(pieces)
    return _long_sum(code, args) if len(args) > TERMS else code.add("sum", args)


# ---- sums over rows ------------------------------------------------------------------


def _row_sums(
    kernel: Kernel, one: int
) -> tuple[list[tuple[int, int, int]], dict[int, int]]:
    """Products of two results that vary (or `one`), and for targets what is fixed."""
    code = kernel.code
    sums: list[tuple[int, int, int]] = []
    fixed: dict[int, int] = {}
    for target, a, b in kernel.sums.each():
        if code.varies[a] and code.varies[b]:
            sums.append((target, a, b))
            continue
        if a == one:
            a, b = b, a
        product = a if b == one else code.add("mul", (a, b))
        if code.varies[product]:
            sums.append((target, product, one))
        elif target in fixed:
            fixed[target] = code.add("add", (fixed[target], product))
        else:
            fixed[target] = product
    return sums, fixed


def _grids(
    sums: Sequence[tuple[int, int, int]],
) -> tuple[list[Grid], list[tuple[int, int, int]]]:
    """The products grouped into full grids of at least 2 by 2, and the rest."""
    by_left: dict[int, list[tuple[int, int]]] = {}
    for target, a, b in sums:
        by_left.setdefault(a, []).append((b, target))
    by_rights: dict[tuple[int, ...], list[int]] = {}
    for a, entries in by_left.items():
        by_rights.setdefault(tuple([b for b, _ in entries]), []).append(a)
    grids, pairs = [], []
    for rights, lefts in by_rights.items():
        targets = [tuple([t for _, t in by_left[a]]) for a in lefts]
        if len(rights) >= 2 and len(lefts) >= 2:
            grids.append(Grid(lefts, rights, targets))
        else:
            for a, row in zip(lefts, targets, strict=True):
                pairs += [(t, a, b) for t, b in zip(row, rights, strict=True)]
    return grids, pairs


# ---- layers --------------------------------------------------------------------------


def _matrix_row(code: Code, args: tuple[int, ...]) -> list[tuple[int, int]]:
    """A dot as pairs (value, number); empty unless every pair has one of each."""
    half = len(args) // 2
    pairs = []
    for x, y in zip(args[:half], args[half:], strict=True):
        if code.varies[x] == code.varies[y]:
            return []
        pairs.append((x, y) if code.varies[x] else (y, x))
    return pairs


def _layers(code: Code) -> list[Layer]:
    """The dots that share their values, where there are enough of them."""
    found: dict[tuple[int, ...], Layer] = {}
    for index, (op, args, _) in enumerate(code.instructions):
        if op == "dot" and code.varies[index]:
            pairs = _matrix_row(code, args)
            if pairs:
                values = tuple([value for value, _ in pairs])
                layer = found.setdefault(values, Layer(values, [], []))
                layer.dots.append(index)
                layer.rows.append(tuple([number for _, number in pairs]))
    return [
        layer
        for layer in found.values()
        if len(layer.dots) >= LOOP_ROWS
        and len(layer.dots) * len(layer.values) >= LOOP_SIZE
    ]


def _stages(code: Code, layers: Sequence[Layer]) -> list[Stage]:
    """Every instruction in the first stage in which all that it reads is there."""
    in_layer = {dot: layer for layer in layers for dot in layer.dots}
    first = [0] * len(code)
    stages: dict[int, tuple[list[int], list[Layer]]] = {}
    for index in range(len(code)):
        if not code.varies[index]:
            continue
        args = code.instructions[index].args
        stage = max([first[arg] for arg in args], default=0)
        made = stages.setdefault(stage, ([], []))
        layer = in_layer.get(index)
        if layer is not None:
            first[index] = stage + 1
            if layer.dots[0] == index:
                made[1].append(layer)
            continue
        first[index] = stage
        if calculates(code, index):
            made[0].append(index)
    return [
        Stage(_chunks(code, stages[stage][0]), stages[stage][1])
        for stage in sorted(stages)
    ]


def _chunks(code: Code, indices: Sequence[int]) -> list[list[int]]:
    """Consecutive pieces of bounded cost."""
    chunks: list[list[int]] = []
    room = 0
    for index in indices:
        cost = _cost(code, index)
        if cost > room or not chunks:
            chunks.append([])
            room = max(CHUNK, cost)
        chunks[-1].append(index)
        room -= cost
    return chunks


def length(chunks: Iterable[Sequence[int]]) -> int:
    """How many instructions there are in all chunks."""
    return sum([len(chunk) for chunk in chunks])


CHEAP = frozenset(
    {"add", "sub", "mul", "div", "neg", "fma", "where", "relu", "abs", "sqrt"}
)


def _cost(code: Code, index: int) -> int:
    op, args, _ = code.instructions[index]
    return len(args) if op in ("sum", "dot") else 1 if op in CHEAP else 4


# ---- places --------------------------------------------------------------------------


def _slots(
    code: Code, stages: list[Stage], kept: Iterable[int], free: int
) -> dict[int, int]:
    """A slot for every input, and for every result that leaves its chunk."""
    made_in: dict[int, int] = {}
    leaves: set[int] = set(kept)
    number = 0
    for stage in stages:
        for chunk in stage.chunks:
            number += 1
            made_in.update(dict.fromkeys(chunk, number))
            for index in chunk:
                for source in sources(code, index):
                    if code.varies[source] and made_in.get(source) != number:
                        leaves.add(source)
        for layer in stage.layers:
            leaves.update(layer.values)
            leaves.update(layer.dots)
    inputs = [i for i, made in enumerate(code.instructions) if made.op == INPUT]
    slots = {index: int(code.instructions[index].number) for index in inputs}
    for index in sorted(leaves):
        if index not in slots:
            slots[index] = free
            free += 1
    return slots


def _up(count: int) -> int:
    """To whole vectors of the widest kind."""
    return -(-count // 8) * 8


def _fixed(
    fixed: dict[int, int], calculated: Iterable[int], start: int
) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """The places of fixed results, and which are to be copied into theirs."""
    movable = set(calculated)
    numbers: dict[int, int] = {}
    copies = []
    for target, index in fixed.items():
        if index in movable and index not in numbers:
            numbers[index] = start + target
        else:
            copies.append((index, start + target))
    return numbers, copies


def _numbers(
    code: Code, once: Iterable[int], numbers: dict[int, int], free: int
) -> int:
    """Give all else that does not vary its place, parameters the first ones."""
    for index in once:
        op, _, number = code.instructions[index]
        if op == PARAMETER:
            numbers[index] = int(number)
        elif index not in numbers:
            numbers[index] = free
            free += 1
    return free
