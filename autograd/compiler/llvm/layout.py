"""Where everything goes: how the llvm backend cuts a kernel that has no arrays.

What does not depend on the row runs once per call, on single numbers, and is kept in
one array, the parameters first. What does, runs over vectors of rows, as straight-line
code in chunks of bounded length, so that compiling takes time in proportion to the
program. What one chunk hands to another is kept in slots, one vector each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from autograd.compiler.arrays import zeros
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


class Layout(NamedTuple):
    """A kernel as the backend emits it.

    code, outputs: the instructions, and which results are kept for every row.
    once: chunks of the instructions that do not depend on the row.
    chunks: of those that do, which run for every vector of rows, in this order.
    slots: for a result that is handed from chunk to chunk, its slot.
    numbers: for a result that is the same for every row, its place in their array.
    fixed: where in that array what is the same for every row is added to the means, one
        number per sum; `copies` lists (from, to) for those computed elsewhere.
    constants: the numbers in that array that no call changes, by their places.
    size: how many numbers there are.
    pairs: the sums over rows: to sum n the product of two results.
    one: the number 1, by which what is no product is multiplied.
    sums, parts: how many sums there are, and what their means add to targets; none
        where sums and targets are the same.
    """

    code: Code
    outputs: tuple[int, ...]
    once: list[list[int]]
    chunks: list[list[int]]
    slots: dict[int, int]
    numbers: dict[int, int]
    fixed: int
    copies: list[tuple[int, int]]
    constants: dict[int, float]
    size: int
    pairs: list[tuple[int, int, int]]
    one: int
    sums: int
    parts: list[Part]


def plan(kernel: Kernel) -> Layout:
    """Cut a kernel into chunks and give every result its place."""
    kernel, parts, count = factored(expanded(kernel))
    kernel = kernel.over(*kernel.code.rewritten(_cut))
    code = kernel.code
    kernel = kernel.over(code, {at: _kept(code, at) for at in kernel.needed()})
    one = code.constant(1.0)
    pairs, fixed = _row_sums(kernel, one)
    once = [i for i in range(len(code)) if not code.varies[i]]
    calculated = [i for i in once if calculates(code, i)]
    each = [i for i in range(len(code)) if code.varies[i] and calculates(code, i)]
    chunks = _chunks(code, each)
    start = _up(kernel.parameters)
    numbers, copies = _fixed(fixed, calculated, start)
    free = start + _up(count)
    free = _numbers(code, once, numbers, free)
    summed = {i for _, a, b in pairs for i in (a, b)} - {one}
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
        chunks=chunks,
        slots=_slots(code, chunks, {*summed, *kernel.outputs}, kernel.inputs),
        numbers=numbers,
        fixed=start,
        copies=places,
        constants=constants,
        size=free,
        pairs=pairs,
        one=one,
        sums=count,
        parts=parts,
    )


def numbers(layout: Layout) -> Any:
    """The array of what is the same for every row, the constants in their places."""
    made = zeros(layout.size)
    for place, number in layout.constants.items():
        made[place] = number
    for source, place in layout.copies:
        made[place] = made[source]
    return made


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


def _cut(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    return _in_pieces(code, op, args) if op in ("sum", "dot") else None


def _in_pieces(code: Code, op: str, args: tuple[int, ...]) -> int:
    """A sum or a dot, added up from pieces where it is long."""
    terms = len(args) // 2 if op == "dot" else len(args)
    if terms <= TERMS:
        return code.add(op, args)
    sides = args[:terms], args[terms:]
    pieces = [
        code.add(op, sum([side[start : start + TERMS] for side in sides], ()))
        for start in range(0, terms, TERMS)
    ]
    return _in_pieces(code, "sum", tuple(pieces))


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


CHEAP = frozenset({"add", "sub", "mul", "div", "neg", "where", "relu", "abs", "sqrt"})


def _cost(code: Code, index: int) -> int:
    op, args, _ = code.instructions[index]
    return len(args) if op in ("sum", "dot") else 1 if op in CHEAP else 4


# ---- places --------------------------------------------------------------------------


def _slots(
    code: Code, chunks: Sequence[list[int]], kept: Iterable[int], free: int
) -> dict[int, int]:
    """A slot for every input, and for every result that leaves its chunk."""
    leaves = set(kept)
    for chunk in chunks:
        made = set(chunk)
        for index in chunk:
            for source in sources(code, index):
                if code.varies[source] and source not in made:
                    leaves.add(source)
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
