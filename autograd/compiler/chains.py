"""Chains of one operation as what they are: `a + b + c + ...` is one sum.

Whoever writes Python's `sum`, a loop, or a line of additions gets the same program as
with `autograd.sum` and `autograd.dot`. `joined` runs before the gradient is appended,
so that the gradient is as short. `folded` runs after it, and joins what the table says
is taken two by two: `maximum(maximum(a, b), c)` is one maximum of three.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet

from autograd.compiler.instructions import INSIDE, Code, Instruction

LONG = 8
"""Terms from which on a sum with some products in it is taken apart."""

ADDITIONS = {"add": "sum", "sum": "sum"}

Chains = dict[int, list[int]]
"""For the last link of a chain, its terms in the order in which they are taken."""


def joined(code: Code, outputs: Sequence[int]) -> tuple[Code, list[int]]:
    """The same with every chain of additions as a sum, and of products as a dot.

    Where there are products and other terms, the products come first.

    >>> code = Code()
    >>> w, x, v, y, b = [code.add("parameter", (), n) for n in range(5)]
    >>> one, two = code.add("mul", (w, x)), code.add("mul", (v, y))
    >>> total = code.add("add", (code.add("add", (one, two)), b))
    >>> better, (output,) = joined(code, [total])
    >>> [made.op for made in better.instructions if made.args]
    ['dot', 'add']
    """
    counts = code.uses(outputs)
    products = {
        at: args
        for at, (op, args, _) in enumerate(code.rest(), sum(code.leaves))
        if op == "mul" and counts[at] == 1
    }
    zeros = {at for at in code.constants if code.is_constant(at, 0.0)}
    chains = _chains(code, counts, ADDITIONS, products.keys(), zeros)
    factors = {
        term: products[term]
        for terms in chains.values()
        if len(terms) > 2
        for term in terms
        if term in products
    }

    def total(new: Code, op: str, terms: list[int], moved: list[int]) -> int:
        pairs = [factors[term] for term in terms if term in factors]
        mixed = 0 < len(pairs) <= len(terms) - len(pairs)
        if len(terms) <= 2 or (mixed and len(terms) < LONG):
            for term in terms:
                if moved[term] < 0:
                    moved[term] = new.add("mul", _moved(factors[term], moved))
            return in_turn(new, [moved[term] for term in terms])
        sides = [moved[pair[side]] for side in (0, 1) for pair in pairs]
        parts = [_of(new, "dot", "mul", sides)] if pairs else []
        rest = [moved[term] for term in terms if term not in factors]
        parts += [_of(new, "sum", "add", rest)] if rest else []
        return in_turn(new, parts)

    new, moved = _rewritten(code, chains, total, factors)
    return new, [moved[output] for output in outputs]


def folded(code: Code, needed: Sequence[int]) -> Code:
    """The same with chains of what the table folds as one instruction of many.

    That is where the last of the chain is, and the others are INSIDE.
    """
    folds = {op: op for op in code.operations() if code.folds(op)}

    chains = _chains(code, code.uses(needed), folds) if folds else {}
    if not any(len(terms) > 2 for terms in chains.values()):
        return code
    code = code.copy()
    for index, (op, _, _) in enumerate(code.rest(), sum(code.leaves)):
        if op in folds:
            terms = chains.get(index, ())
            made = Instruction(op, tuple(terms)) if terms else Instruction(INSIDE)
            code.instructions[index] = made
    return code


def _chains(
    code: Code,
    counts: Sequence[int],
    kinds: dict[str, str],
    products: AbstractSet[int] = frozenset(),
    left_out: Collection[int] = (),
) -> Chains:
    """The chains of each of the kinds. A link but the last has no other use.

    A chain of three products or more ends before what is none, as a dot would. A chain
    is handed from link to link, not copied, so that this takes linear time.

    left_out: what is no term, where there is another.
    """
    chains: Chains = {}
    dots: set[int] = set()
    made = code.instructions
    for index, (op, args, _) in enumerate(code.rest(), sum(code.leaves)):
        kind = kinds.get(op)
        if kind is None or not args:
            continue
        for n, arg in enumerate(args if len(args) == 2 else args[:1]):
            if arg in chains and counts[arg] == 1 and kinds[made[arg].op] == kind:
                others = [x for x in args[:n] + args[n + 1 :] if x not in left_out]
                if arg in dots and not products >= {*others}:
                    continue
                chains[index] = terms = chains.pop(arg)
                terms += others
                if arg in dots or (len(terms) == 3 and products >= {*terms}):
                    dots.add(index)
                break
        else:
            chains[index] = [x for x in args if x not in left_out] or [args[0]]
    return chains


def _rewritten(
    code: Code,
    chains: Chains,
    together: Callable[[Code, str, list[int], list[int]], int],
    inside: Collection[int] = (),
) -> tuple[Code, list[int]]:
    """The list with chains put together, and where each instruction is in it.

    inside: what `together` writes where it is needed.
    """
    new, moved = code.begun()
    new.shared = code.shared
    first = len(moved)
    moved += [-1] * (len(code) - first)
    kinds = {code.instructions[last].op for last in chains}
    for index, (op, args, number) in enumerate(code.rest(), first):
        terms = chains.get(index)
        if terms is not None and (len(terms) > 2 or terms != list(args)):
            moved[index] = together(new, op, terms, moved)
        elif index in inside:
            continue
        elif terms is not None or op not in kinds or not args:
            moved[index] = new.add(op, _moved(args, moved), number)
    new.carry_notes(code, moved)
    return new, moved


def _moved(args: Sequence[int], moved: Sequence[int]) -> tuple[int, ...]:
    return tuple([moved[arg] for arg in args])


def _of(code: Code, op: str, short: str, args: list[int]) -> int:
    """An instruction of many, or its short form for two arguments, or the one."""
    if len(args) == 1:
        return args[0]
    return code.add(op if len(args) > 2 else short, tuple(args))


def in_turn(code: Code, terms: list[int]) -> int:
    """The terms added up one by one, from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = code.add("add", (total, term))
    return total
