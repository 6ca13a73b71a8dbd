"""Chains of one operation as what they are: `a + b + c + ...` is one sum.

Whoever writes Python's `sum`, a loop, or a line of additions gets the same program as
with `autograd.sum` and `autograd.dot`. `joined` runs before the gradient is appended,
so that the gradient is as short. `folded` runs after it, and joins what the table says
is taken two by two: `maximum(maximum(a, b), c)` is one maximum of three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from autograd.compiler.instructions import Code

LONG = 8
"""Terms from which on a sum with some products in it is taken apart."""

ADDITIONS = {"add": "sum", "sum": "sum"}

Chains = dict[int, list[int]]
"""For the last link of a chain, its terms in the order in which they are taken."""


def uses(code: Code, needed: Iterable[int]) -> list[int]:
    """How often each result is taken, by instructions and as one of `needed`."""
    counts = [0] * len(code)
    for instruction in code.instructions:
        for arg in instruction.args:
            counts[arg] += 1
    for index in needed:
        counts[index] += 1
    return counts


def joined(code: Code, outputs: Sequence[int]) -> tuple[Code, list[int]]:
    """The same with every chain of additions as a sum, and of products as a dot.

    Where there are products and other terms, the products come first.

    >>> code = Code()
    >>> w, x, v, y, b = [code.add("parameter", (), n) for n in range(5)]
    >>> one, two = code.add("mul", (w, x)), code.add("mul", (v, y))
    >>> total = code.add("add", (code.add("add", (one, two)), b))
    >>> better, (output,) = joined(code, [total])
    >>> [made.op for made in better.instructions if made.args]
    ['mul', 'mul', 'dot', 'add']
    """
    counts, made = uses(code, outputs), code.instructions
    factors = {
        i: m.args for i, m in enumerate(made) if m.op == "mul" and counts[i] == 1
    }

    def total(new: Code, op: str, terms: list[int], moved: list[int]) -> int:
        terms = [t for t in terms if not code.is_constant(t, 0.0)] or terms[:1]
        products = [factors[term] for term in terms if term in factors]
        rest = [moved[term] for term in terms if term not in factors]
        mixed = 0 < len(products) <= len(rest)
        if len(terms) <= 2 or (mixed and len(terms) < LONG):
            return in_turn(new, [moved[term] for term in terms])
        sides = [moved[pair[side]] for side in (0, 1) for pair in products]
        parts = [_of(new, "dot", "mul", sides)] if products else []
        parts += [_of(new, "sum", "add", rest)] if rest else []
        return in_turn(new, parts)

    new, moved = _rewritten(code, _chains(code, counts, ADDITIONS), total)
    return new, [moved[output] for output in outputs]


def folded(code: Code, needed: Sequence[int]) -> tuple[Code, list[int]]:
    """The same with chains of what the table folds as one instruction of many.

    Returns the list, and where each instruction is in it; -1 inside a chain.
    """
    folds = {op: op for op in {m.op for m in code.instructions} if code.folds(op)}

    def together(new: Code, op: str, terms: list[int], moved: list[int]) -> int:
        return new.add(op, tuple([moved[term] for term in terms]))

    chains = _chains(code, uses(code, needed), folds)
    if not any(len(terms) > 2 for terms in chains.values()):
        return code, list(range(len(code)))
    return _rewritten(code, chains, together)


def _chains(code: Code, counts: Sequence[int], kinds: dict[str, str]) -> Chains:
    """The chains of each of the kinds. A link but the last has no other use.

    A chain is handed from link to link, not copied, so that this takes linear time.
    """
    chains: Chains = {}
    for index, (op, args, _) in enumerate(code.instructions):
        if op not in kinds or not args:
            continue
        spines = [
            arg
            for arg in (args if len(args) == 2 else args[:1])
            if arg in chains
            and counts[arg] == 1
            and kinds[code.instructions[arg].op] == kinds[op]
        ]
        terms = chains.pop(spines[0]) if spines else []
        terms += [arg for arg in args if arg not in spines[:1]]
        chains[index] = terms
    return chains


def _rewritten(
    code: Code,
    chains: Chains,
    together: Callable[[Code, str, list[int], list[int]], int],
) -> tuple[Code, list[int]]:
    """The list with chains put together, and where each instruction is in it."""
    new, moved = Code(code.own), [-1] * len(code)
    new.shared = code.shared
    kinds = {code.instructions[last].op for last in chains}
    for index, (op, args, number) in enumerate(code.instructions):
        terms = chains.get(index)
        if terms is not None and (len(terms) > 2 or terms != list(args)):
            moved[index] = together(new, op, terms, moved)
        elif terms is not None or op not in kinds or not args:
            moved[index] = new.add(op, tuple([moved[arg] for arg in args]), number)
    new.carry_notes(code, moved)
    return new, moved


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
