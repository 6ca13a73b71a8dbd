"""The passes: each reads a list of instructions and writes a better one.

`differentiate` appends the gradient: the chain rule over the list, with the local
derivatives of the operation table's rows. `simplify` rewrites instruction by
instruction with the rules below it, keeping equal ones once. `prune` drops what nothing
needs then.
"""

from __future__ import annotations

import functools
import heapq
import math
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from autograd.compiler.gates import Made, behind_gates
from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    GATE,
    INPUT,
    LEAVES,
    PARAMETER,
    Code,
    CodeRecorder,
    CompileError,
    Instruction,
    Kernel,
    Rewrite,
    Sums,
    Term,
    compare,
)
from autograd.compiler.places import taken
from autograd.compiler.recording import written_out
from autograd.modes import ieee
from autograd.ops import TABLE, take
from autograd.value import forward


class Report(NamedTuple):
    """What a pass did, for `Program.explain()`."""

    name: str
    before: int
    after: int
    notes: str


# ---- what a program can be asked for -------------------------------------------------


def forward_kernel(
    code: Code, outputs: Sequence[int], inputs: int, parameters: int
) -> Kernel:
    """The outputs, for every row."""
    return Kernel(code.copy(), inputs, parameters, tuple(outputs))


def gradient_kernel(code: Code, output: int, inputs: int, parameters: int) -> Kernel:
    """The sums over the rows of the output and of its gradient by the parameters."""
    code = code.copy()
    wanted = _leaves(code, PARAMETER, parameters)
    shares = differentiate(code, output, wanted)
    one, recorder, varies = code.constant(1.0), CodeRecorder(code), code.varies
    targets, pairs = [parameters], [(output, one)]
    for p, position in enumerate(wanted):
        each = shares.get(position, [])
        if len(each) > 1:
            fixed = [(a, b) for a, b in each if not (varies[a] or varies[b])]
            if fixed:
                each = [(a, b) for a, b in each if varies[a] or varies[b]]
                each.append((total_of(recorder, fixed), one))
        targets += (p,) if len(each) == 1 else [p] * len(each)
        pairs += each
    lefts, rights = [tuple(map(operator.itemgetter(n), pairs)) for n in (0, 1)]
    sums = Sums(tuple(targets), lefts, rights)
    return Kernel(code, inputs, parameters, (), sums)


def input_kernel(code: Code, output: int, inputs: int, parameters: int) -> Kernel:
    """The output and its derivative by every input, for every row."""
    code = code.copy()
    found = _slopes(code, output, _leaves(code, INPUT, inputs))
    return Kernel(code, inputs, parameters, (output, *found))


def jacobian_kernel(
    code: Code, outputs: Sequence[int], inputs: int, parameters: int
) -> Kernel:
    """The derivative of every output by every parameter, for every row."""
    code = code.copy()
    wanted = _leaves(code, PARAMETER, parameters)
    active = code.depends(wanted, COMPARISONS)
    shares = [_back(code, output, active) for output in outputs]
    found = [slope for each in shares for slope in _totals(code, each, wanted)]
    return Kernel(code, inputs, parameters, tuple(found))


def hvp_kernel(code: Code, output: int, inputs: int, parameters: int) -> Kernel:
    """The gradient of the gradient's product with a vector, summed over the rows.

    The vector's numbers are parameters too, as many as there are and after them.
    """
    code = code.copy()
    wanted = _leaves(code, PARAMETER, 2 * parameters)
    found = _slopes(code, output, wanted[:parameters], gated=True)
    shares = list(zip(found, wanted[parameters:], strict=True))
    along = total_of(CodeRecorder(code), shares)
    code.adjoints.clear()
    kernel = gradient_kernel(code, along, inputs, 2 * parameters)
    asked = [each for each in kernel.sums.each() if each[0] < 2 * parameters]
    columns = Sums(*[tuple([each[n] for each in asked]) for n in range(3)])
    return kernel._replace(sums=columns)


def _leaves(code: Code, op: str, count: int) -> list[int]:
    """The positions of all inputs, or of all parameters."""
    first = min(count, code.leaves[op == PARAMETER])
    start = code.leaf(op, 0)
    more = [code.add(op, (), number) for number in range(first, count)]
    return [*range(start, start + first), *more]


def _slopes(
    code: Code, output: int, wanted: Sequence[int], gated: bool = False
) -> list[int]:
    """Append the derivatives of an output by each of `wanted`; their positions."""
    return _totals(code, differentiate(code, output, wanted, gated), wanted)


def _totals(code: Code, shares: Shares, wanted: Sequence[int]) -> list[int]:
    """What each of `wanted` adds up to."""
    recorder = CodeRecorder(code)
    return [total_of(recorder, shares.get(position, [])) for position in wanted]


def tangent_kernel(op: str, arity: int) -> Kernel:
    """One operation's result, and what each argument's tangent adds to the result's.

    The inputs are the arguments, then their tangents.
    """
    code = Code()
    inputs = [code.add(INPUT, (), n) for n in range(2 * arity)]
    recorder = CodeRecorder(code)
    output = code.add(op, tuple(inputs[:arity]))
    found = _asked(recorder, output, inputs[arity:], linear=True)
    shares = [_product(code, *pair) for pair in found]
    return Kernel(code, 2 * arity, 0, (output, *shares))


# ---- the gradient --------------------------------------------------------------------

Shares = dict[int, list[tuple[int, int]]]
"""For a position: the pairs (adjoint, local derivative) whose products it adds up."""


def differentiate(
    code: Code, output: int, wanted: Iterable[int], gated: bool = False
) -> Shares:
    """Append the derivative of `output`; what each of `wanted` adds up to is returned.

    gated: whether the derivative will be differentiated, so that formulas which are
        not chosen have to stand behind gates.

    The chain rule, from the output back: the adjoint of an instruction is the sum over
    its uses of the user's adjoint times the local derivative, one `dot`.
    """
    return _back(code, output, code.depends(wanted, COMPARISONS), gated)


def _back(
    code: Code, output: int, active: Sequence[bool], gated: bool = False
) -> Shares:
    """The same, where it is known what depends on the wanted ones, and has a slope.

    It takes the time of what the output is made of, however long the list is.
    """
    recorder, first = CodeRecorder(code, gated), sum(code.leaves)
    one = code.constant(1.0)
    shown = _behind_gates(recorder, output) if gated else {}
    shares: Shares = {output: [(one, one)]} if active[output] else {}
    waiting = [-index for index in shares]
    while waiting:
        index = -heapq.heappop(waiting)
        instruction = code.instructions[index]
        if instruction.op in LEAVES:
            continue
        adjoint = total_of(recorder, shares.pop(index))
        if adjoint > output:
            known = code.adjoints.get(adjoint, ())
            code.adjoints[adjoint] = (*known, index)
        args = instruction.args
        found = _shares(recorder, shown.get(index, index), [adjoint] * len(args))
        for arg, share in zip(args, found, strict=True):
            if arg in shares:
                shares[arg].append(share)
            elif active[arg]:
                shares[arg] = [share]
                if arg >= first:
                    heapq.heappush(waiting, -arg)
    return shares


def _behind_gates(recorder: CodeRecorder, output: int) -> dict[int, int]:
    """For instructions that only branches use, the same behind gates."""
    code = recorder.code
    made = [
        Made(index, code.row(op), args)
        for index, (op, args, _) in enumerate(code.instructions)
        if args and op not in COMPARISONS
    ]
    return behind_gates(recorder, made, [output])[0]


def tangents(code: Code, given: Mapping[int, int]) -> dict[int, int]:
    """Append the derivatives along a direction; where each instruction's is.

    given: for inputs and parameters where theirs is. What is not in the result is 0.
    """
    recorder, found = CodeRecorder(code), dict(given)
    for index in range(len(code)):
        op, args, _ = code.instructions[index]
        if op in COMPARISONS or found.keys().isdisjoint(args):
            continue
        factors = [found.get(arg, arg) for arg in args]
        pairs = zip(args, _shares(recorder, index, factors), strict=True)
        shares = [share for arg, share in pairs if arg in found]
        found[index] = total_of(recorder, shares)
    return found


def _shares(
    recorder: CodeRecorder, index: int, factors: Sequence[int]
) -> list[tuple[int, int]]:
    """For each argument of an instruction, a pair to multiply.

    factors: for each argument what its local derivative is multiplied by, the adjoint
        of the instruction, or a tangent. Where another argument was chosen, the product
        is 0 whatever the factor is.
    """
    code = recorder.code
    op, args, _ = code.instructions[index]
    if op not in TABLE:
        return _asked(recorder, index, factors)
    if op == "dot":  # which most arguments are of: the slope of one is the other
        half = len(args) // 2
        return list(zip(factors, args[half:] + args[:half], strict=True))
    given = ("",) * len(args)
    if not code.constants.isdisjoint(args):
        numbers = map(code.number, args)
        given = tuple(["" if x is None else repr(x) for x in numbers])
    known, (more, lefts, rights) = len(code), _recorded(op, given, recorder.gated)
    at = [*args, *factors, index]
    place = at.__getitem__
    for each, of, number in more:
        at.append(code.add(each, tuple([at[n] for n in of]), number))
    shares = list(zip(map(place, lefts), map(place, rights), strict=True))
    if len(shares) == 1 and shares[0][1] >= known and not TABLE[op].selects:
        code.slopes.setdefault(shares[0][1], (op, args[0]))
    return shares


@functools.lru_cache(1000)
def _recorded(
    op: str, given: tuple[str, ...], gated: bool
) -> tuple[list[Instruction], list[int], list[int]]:
    """What `_asked` appends for an operation, and the pairs: one of each, the other.

    given: for each argument its number; nothing where it is none. The positions are
    those of the arguments, of the factors, of the operation, and of what is appended.
    """
    code, count = Code(), len(given)
    for n, number in enumerate(given):
        code.append(CONSTANT if number else INPUT, (), float(number or n), not number)
    factors = [code.add(INPUT, (), n) for n in range(count, 2 * count)]
    output = code.append(op, tuple(range(count)), 0.0, True)
    recorder = CodeRecorder(code, gated)
    pairs = _asked(recorder, output, factors)
    return code.instructions[output + 1 :], [a for a, _ in pairs], [b for _, b in pairs]


def _asked(
    recorder: CodeRecorder, index: int, factors: Sequence[int], linear: bool = False
) -> list[tuple[int, int]]:
    """The same from the row, whose rules may look at numbers.

    linear: whether nothing may be decided by the factors, as in a rule for JAX.
    """
    op, args, _ = recorder.code.instructions[index]
    row, terms = recorder.code.row(op), [recorder.at[arg] for arg in args]
    known = len(recorder.code)
    partials = recorder.partials(row, terms, recorder.at[index])
    if not row.selects:
        slopes = [
            p.index if type(p) is Term else recorder.term(p).index for p in partials
        ]
        if len(slopes) == 1 and slopes[0] >= known:
            recorder.code.slopes.setdefault(slopes[0], (op, args[0]))
        return list(zip(factors, slopes, strict=True))
    one = recorder.code.constant(1.0)
    found = []
    masks = recorder.masks(row, terms)
    for position, slope, mask in zip(factors, partials, masks, strict=True):
        factor, partial = recorder.at[position], recorder.term(slope)
        again = recorder.gated and not linear  # it has slopes by other arguments
        if type(mask) is Term and again:
            partial = _unless_infinite(recorder, mask, factor, partial)
        share = _masked(recorder, factor, partial)
        if type(mask) is Term and not again:
            share = recorder.record("where", mask, 0.0, share)
        found.append((recorder.term(0.0 if mask is True else share).index, one))
    return found


def _unless_infinite(
    recorder: CodeRecorder, mask: Term, factor: Term, partial: Term
) -> Term:
    """A local derivative, a plain 0 where its factor is infinite and the mask holds.

    Under the mask it is 0 for any factor, but has slopes by other arguments, as that of
    x**y by x has by y where y is 0.
    """
    finite = recorder.record("equal", factor - factor, 0.0)
    hidden = recorder.record("where", finite, 0.0, mask)
    return recorder.record("where", hidden, 0.0, partial)


def _masked(recorder: CodeRecorder, factor: Term, partial: Term) -> Term:
    """The product with a local derivative, 0 where that is a plain 0 of the rule."""
    cases = [recorder.code.number(case) for case in _cases(recorder.code, partial)]
    if None not in cases:
        return _where_chosen(recorder, factor, partial, True)
    if 0.0 in cases:
        factor = _where_chosen(recorder, factor, partial, False)
    product = _product(recorder.code, factor.index, partial.index)
    return Term(recorder, product)


def _cases(code: Code, partial: Term) -> list[int]:
    """What a choice between instructions is between."""
    cases = [partial.index]
    while any(code.instructions[case].op == "where" for case in cases):
        cases = [
            inner
            for case in cases
            for inner in (
                code.instructions[case].args[1:]
                if code.instructions[case].op == "where"
                else (case,)
            )
        ]
    return cases


def _where_chosen(
    recorder: CodeRecorder, factor: Term, partial: Term, times: bool
) -> Term:
    """The factor, but 0 where the case is 0; times the case where that is asked for."""
    code = recorder.code
    op, args, _ = code.instructions[partial.index]
    if op == "where":
        condition, *cases = [Term(recorder, arg) for arg in args]
        found = [_where_chosen(recorder, factor, case, times) for case in cases]
        return recorder.record("where", condition, *found)
    if code.is_constant(partial.index, 0.0):
        return partial
    if not times:
        return factor
    return Term(recorder, _product(code, factor.index, partial.index))


def total_of(recorder: CodeRecorder, shares: list[tuple[int, int]]) -> int:
    """The sum of the products of the pairs."""
    code = recorder.code
    if not shares:
        return code.constant(0.0)
    if len(shares) > 1:
        shares = _counted(code, shares)
    if len(shares) == 1:
        return _product(code, *shares[0])
    adjoints, partials = zip(*shares, strict=True)
    one = partials[0]
    if code.is_constant(one, 1.0) and partials.count(one) == len(partials):
        return code.add("sum", adjoints)
    return code.add("dot", adjoints + partials)


def _counted(code: Code, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs, those that are there several times as one with that factor."""
    if len(set(pairs)) == len(pairs):
        return pairs
    times = Counter(pairs)
    return [
        (a, b) if n == 1 else _scaled(code, a, b, float(n))
        for (a, b), n in times.items()
    ]


def _scaled(code: Code, a: int, b: int, factor: float) -> tuple[int, int]:
    """The factors of a product times a number, which overflows where that does."""
    for number, other in ((a, b), (b, a)):
        if code.number(number) is not None:
            return better(code, "mul", (code.constant(factor), number)), other
    return _product(code, a, b), code.constant(factor)


def _product(code: Code, x: int, y: int) -> int:
    if code.is_constant(y, 1.0):
        return x
    if x in code.constants and y in code.constants:
        return _folded(code, "mul", (x, y))
    return y if code.is_constant(x, 1.0) else code.add("mul", (x, y))


# ---- rewriting -----------------------------------------------------------------------


def simplify(kernel: Kernel) -> tuple[Kernel, Report]:
    """Rewrite every instruction by the first of the rules that knows a better one."""
    done = Counter[str]()
    code, positions = kernel.code.rewritten(functools.partial(_better, done=done))
    done["common subexpressions"] = code.shared
    notes = ", ".join(f"{name} {n}" for name, n in sorted(done.items()) if n)
    report = Report("simplify", len(kernel.code), len(code), notes or "nothing")
    return _moved(kernel, code, positions), report


def better(code: Code, op: str, args: tuple[int, ...]) -> int:
    """An instruction, or what a rule has in its place."""
    return _better(code, op, args, Counter[str]())


def _better(code: Code, op: str, args: tuple[int, ...], done: Counter[str]) -> int:
    if code.constants.issuperset(args):
        done["constants folded"] += 1
        return _folded(code, op, args)
    if op in ARITHMETIC and code.constants.isdisjoint(args):
        return code.add(op, args)
    for name, rule in RULES.get(op, ()):
        found = rule(code, op, args)
        if found is not None:
            done[name] += 1
            return found
    return code.add(op, args)


def _folded(code: Code, op: str, args: tuple[int, ...]) -> int:
    """An operation on numbers alone is a number."""
    numbers = [code.instructions[arg].number for arg in args]
    if op in COMPARISONS:
        return code.constant(float(compare(op, *numbers)))
    with ieee():
        return code.constant(forward(code.row(op), numbers, ()))


NEUTRAL: dict[str, float] = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0}


def _neutral(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    """x + 0, x - 0, x * 1, x / 1, --x and a sum or product of one are x.

    Never x * 0, which is nan where x is not finite.
    """
    x, y = args[0], args[-1]
    if op in NEUTRAL:
        if code.is_constant(y, NEUTRAL[op]):
            return x
        turns = op in ("add", "mul")
        return y if turns and code.is_constant(x, NEUTRAL[op]) else None
    if op == "neg":
        inner = code.instructions[x]
        return inner.args[0] if inner.op == "neg" else None
    return x if len(args) == 1 else None


def _chosen(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    """A choice whose condition is known, or whose cases are the same, is no choice."""
    condition, x, y = args
    if x == y:
        return x
    known = code.number(condition)
    return None if known is None else x if known else y


def _cheaper(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    """Strength reduction: small powers as products, a power of 2 as divisor, signs."""
    if op == "pow":
        exponent = code.number(args[1])
        return None if exponent is None else _power(code, args[0], exponent)
    if op == "div":
        return _quotient(code, *args)
    if op == "mul" and code.is_constant(args[1], -1.0):
        return code.add("neg", (args[0],))
    if op == "mul" and code.is_constant(args[0], -1.0):
        return code.add("neg", (args[1],))
    return None


def _power(code: Code, x: int, exponent: float) -> int | None:
    if exponent == 1.0:
        return x
    if exponent == 0.0:
        return code.constant(1.0)
    if exponent == 0.5:  # unlike the root, the power of -infinity is infinity
        least = code.add("equal", (x, code.constant(-math.inf)))
        root = code.add("sqrt", (x,))
        return code.add("where", (least, code.constant(math.inf), root))
    if exponent in (-1.0, -2.0):
        x = code.add("div", (code.constant(1.0), x))
    if exponent in (2.0, -2.0):
        return code.add("mul", (x, x))
    if exponent == 3.0:
        return code.add("mul", (code.add("mul", (x, x)), x))
    return x if exponent == -1.0 else None


def _quotient(code: Code, x: int, y: int) -> int | None:
    """x / 2 is exactly x * 0.5."""
    divisor = code.number(y)
    if divisor is None or abs(math.frexp(divisor)[0]) != 0.5:
        return None
    inverse = 1 / divisor
    if not math.isfinite(inverse) or abs(math.frexp(inverse)[0]) != 0.5:
        return None
    return code.add("mul", (x, code.constant(inverse)))


LOWERED = frozenset({"mean", "prod", "norm", "logsumexp", "take"})
"""Operations that no program keeps."""


def _lowered(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    """mean, prod, norm and logsumexp by simpler ones; dot and sum of few terms."""
    if op == "mean":
        count = code.constant(float(len(args)))
        total = better(code, "sum", args)
        return better(code, "div", (total, count))
    if op == "prod":
        return _chain(code, "mul", args)
    if op == "norm":
        return _norm(code, args)
    if op == "sum" and len(args) == 2:
        return better(code, "add", args)
    if op == "dot" and len(args) == 2:
        return better(code, "mul", args)
    return _logsumexp(code, args) if op == "logsumexp" else None


def _chain(code: Code, op: str, args: tuple[int, ...]) -> int:
    result = args[0]
    for arg in args[1:]:
        result = better(code, op, (result, arg))
    return result


def _norm(code: Code, args: tuple[int, ...]) -> int:
    """hypot again and again; where all are 0 of ones, as its slopes at 0 are nan."""
    sizes = [better(code, "abs", (x,)) for x in args]
    largest = _chain(code, "maximum", tuple(sizes))
    one, zero = code.constant(1.0), code.constant(0.0)
    safe = [better(code, "where", (largest, x, one)) for x in sizes]
    return better(code, "where", (largest, _chain(code, "hypot", tuple(safe)), zero))


def _logsumexp(code: Code, args: tuple[int, ...]) -> int:
    """m + log(sum of e ** (x - m)), m being the largest where that is finite."""
    largest = _chain(code, "maximum", args)
    size = better(code, "abs", (largest,))
    finite = code.add("less", (size, code.constant(math.inf)))
    shift = better(code, "where", (finite, largest, code.constant(0.0)))
    powers = [better(code, "exp", (better(code, "sub", (x, shift)),)) for x in args]
    total = better(code, "sum", tuple(powers))
    log = better(code, "log", (total,))
    return better(code, "add", (shift, log))


def _opened(code: Code, op: str, args: tuple[int, ...]) -> int | None:
    """A gate is for derivatives, and when this pass runs they are there."""
    return args[1]


TRIED: tuple[tuple[str, Rewrite, frozenset[str]], ...] = (
    ("gates", _opened, frozenset({GATE.name})),
    (
        "neutral operations",
        _neutral,
        frozenset({*NEUTRAL, "neg", "sum", "mean", "prod"}),
    ),
    ("choices", _chosen, frozenset({"where"})),
    ("strength reduced", _cheaper, frozenset({"pow", "div", "mul"})),
    ("lowered", _lowered, LOWERED | {"sum", "dot"}),
)
"""What is tried in turn where not all arguments are numbers, for which operations."""

ARITHMETIC = frozenset({"add", "sub", "mul", "div", "pow"})
"""Operations for which the rules look for a number among the arguments."""

RULES = {
    op: [(name, rule) for name, rule, ops in TRIED if op in ops]
    for op in frozenset().union(*[ops for _, _, ops in TRIED])
}
"""The rules for an operation."""


# ---- dead code -----------------------------------------------------------------------


def prune(kernel: Kernel) -> tuple[Kernel, Report]:
    """Drop every instruction that no result needs."""
    size, uses = len(kernel.code), kernel.code.uses(kernel.needed())
    if not all(uses):
        kernel = _moved(kernel, *kernel.code.only(uses))
    left = len(kernel.code)
    return kernel, Report("prune", size, left, f"dropped {size - left}")


def _moved(kernel: Kernel, code: Code, positions: Sequence[int]) -> Kernel:
    """The kernel over the new list."""
    code.carry_notes(kernel.code, positions)
    return kernel.over(code, positions)


# ---- operations that a backend lacks -------------------------------------------------

DEPTH = 20  # forward functions that call each other


def write_out(kernel: Kernel, known: Callable[[str], bool]) -> Kernel:
    """Replace every operation that is not known by what its forward function does.

    Raises CompileError where that can't be recorded.
    """
    for _ in range(DEPTH):
        ops = kernel.code.operations()
        lacking = {op for op in ops if not known(op)}
        if not lacking:
            return kernel
        written = functools.partial(_written, lacking=lacking)
        kernel = _moved(kernel, *kernel.code.rewritten(written))
    raise CompileError("the forward function of an operation leads back to itself")


def _written(
    code: Code, op: str, args: tuple[int, ...], lacking: Collection[str]
) -> int | None:
    if op not in lacking:
        return None
    if op == take.name:
        return taken(code, args, products=False)
    return written_out(code, code.row(op), args)


def optimize(kernel: Kernel) -> tuple[Kernel, list[Report]]:
    """All passes in order: simplify, prune."""
    kernel, simplified = simplify(kernel)
    kernel, pruned = prune(kernel)
    return kernel, [simplified, pruned]
