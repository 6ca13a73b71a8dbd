"""Sums over rows, without the factors that are the same for every row.

The sum of 2 * v * m over the rows, where only m differs from row to row, is 2 * v times
the sum of m, which is computed once for every v that it is multiplied by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from autograd.compiler.instructions import LEAVES, Kernel, Sums
from autograd.compiler.passes import better, prune

LESS = 1 / 10  # of what is computed for every row, at least, is saved
DEPTH = 20  # operations inside each other that are searched for factors


class Part(NamedTuple):
    """What a mean over the rows adds to a target: itself times the mean of a factor.

    The factor is the same for every row, and so its mean.

    masked: whether the factor is multiplied where rows choose it: 0 where none does.
    """

    target: int
    mean: int
    factor: int
    masked: bool


class Factored(NamedTuple):
    """A kernel whose sums are no targets, what they are added up to, and their number.

    No parts: the sums are the targets.
    """

    kernel: Kernel
    parts: list[Part]
    sums: int


class Split(NamedTuple):
    """A result without the factors that are leaves and the same for every row."""

    rest: int
    factors: tuple[int, ...] = ()
    masked: bool = False


def factored(kernel: Kernel) -> Factored:
    """The kernel with factors taken out of its sums, where that saves enough."""
    same = Factored(kernel, [], kernel.targets)
    if not kernel.targets or not any(kernel.code.varies):
        return same
    found = _Factors(kernel).factored()
    before, after = [each.kernel.code.varies.count(True) for each in (same, found)]
    return found if before - after >= LESS * before else same


class _Factors:
    """Takes the sums of one kernel apart."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.code = kernel.code.copy()
        self.uses = kernel.code.uses(kernel.needed())
        self.one = self.code.constant(1.0)

    def factored(self) -> Factored:
        """The sums of what is left, then the factors, each a sum of its own."""
        groups: dict[tuple[int, int, bool], list[tuple[int, int]]] = {}
        for target, a, b in self.kernel.sums.each():
            pair, factor, masked = self._share(a, b)
            groups.setdefault((target, factor, masked), []).append(pair)
        sums: dict[tuple[tuple[int, int], ...], int] = {}
        for pairs in groups.values():
            sums.setdefault(tuple(pairs), len(sums))
        factors: dict[int, int] = {}
        for _, factor, _ in groups:
            factors.setdefault(factor, len(sums) + len(factors))
        parts = [
            Part(target, sums[tuple(pairs)], factors[factor], masked)
            for (target, factor, masked), pairs in groups.items()
        ]
        each = [(n, *pair) for pairs, n in sums.items() for pair in pairs]
        each += [(n, factor, self.one) for factor, n in factors.items()]
        columns = Sums(*[tuple([share[n] for share in each]) for n in range(3)])
        kernel = self.kernel._replace(code=self.code, sums=columns)
        return Factored(prune(kernel)[0], parts, len(sums) + len(factors))

    def _share(self, a: int, b: int) -> tuple[tuple[int, int], int, bool]:
        """Two results to multiply, the factor of that, and whether it is masked."""
        varies = self.code.varies
        if not (varies[a] or varies[b]):
            return (a, b), self.one, False
        if self.one in (a, b):
            a = b if a == self.one else a
            op, args, _ = self.code.instructions[a]
            a, b = args if op == "mul" and self._alone(a) else (a, self.one)
        one, other = self._split(a), self._split(b)
        factor = self.one
        for each in (*one.factors, *other.factors):
            factor = better(self.code, "mul", (factor, each))
        pair = min(one.rest, other.rest), max(one.rest, other.rest)
        return pair, factor, one.masked or other.masked

    def _alone(self, index: int) -> bool:
        """Whether a result has one use."""
        return index < len(self.uses) and self.uses[index] == 1

    def _split(self, index: int, depth: int = 0) -> Split:
        """A result without its factors, as far as they are not too deep in it."""
        code = self.code
        op, args, _ = code.instructions[index]
        if op in LEAVES and not code.varies[index]:
            return Split(self.one, (index,) if index != self.one else ())
        if not self._alone(index) or depth > DEPTH:
            return Split(index)
        if op == "neg":
            rest, factors, masked = self._split(args[0], depth + 1)
            return Split(rest, (code.constant(-1.0), *factors), masked)
        if op == "mul":
            parts = [self._split(arg, depth + 1) for arg in args]
        elif op == "where" and self._zeros(args[1:]) == 1:
            cases = [self._case(arg, depth + 1) for arg in args[1:]]
            parts = [Split(args[0]), *cases]
        else:
            return Split(index)
        factors = tuple([each for part in parts for each in part.factors])
        if not factors:
            return Split(index)
        rest = better(code, op, tuple([part.rest for part in parts]))
        masked = op == "where" or any(part.masked for part in parts)
        return Split(rest, factors, masked)

    def _zeros(self, cases: Sequence[int]) -> int:
        return sum([self.code.is_constant(case, 0.0) for case in cases])

    def _case(self, index: int, depth: int) -> Split:
        """The same of a case of a choice; 0 stays."""
        return Split(index) if self._zeros([index]) else self._split(index, depth)
