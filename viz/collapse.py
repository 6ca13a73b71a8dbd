"""Where a sigmoid or a softmax meets cross-entropy: the gradient is ŷ - y.

Recognized are the loss of a sigmoid's output, of its logit, and of the logits of a
softmax, as `nn.losses` records them and as they are written out with log, sigmoid and
softmax. In each, the output of the graph is a weighted sum of logarithms of
probabilities, and of each logit nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograd.graph import Node
from autograd.ops import TABLE
from viz.notation import DIV, SIGMOID, Apply, Expression, Symbol, few, plus

Consumers = Mapping[int, Sequence[tuple[int, int]]]
"""For each node the nodes that use it, and as which operand."""

FARTHEST = 1000  # nodes from a logarithm to the output


@dataclass(frozen=True, slots=True)
class Collapse:
    """A derivative by a logit that is scale * (prediction - target).

    logits: the name of the logit of a sigmoid; of all logits of a softmax.
    prediction: the probability, by the name of the sigmoid's output where there is
        one, else as the sigmoid or the softmax of the logits.
    predicted, target, scale: numbers; the scale is 1, or 1/n in a mean over n samples.
    """

    logit: str
    logits: tuple[str, ...]
    prediction: Expression
    predicted: float
    target: float
    scale: float
    adjoint: float

    @property
    def words(self) -> str:
        """What meets here, as the start of a sentence."""
        if len(self.logits) > 1:
            return "A softmax with cross-entropy"
        return "A sigmoid with binary cross-entropy"


@dataclass(frozen=True, slots=True)
class Found:
    """A logit in a loss: its probability, and how each side of it is weighted.

    ends: the nodes that are logarithms of probabilities.
    right, wrong: the weight of the logarithms of this probability, and of the others.
    """

    logits: tuple[int, ...]
    prediction: Expression
    predicted: float
    ends: tuple[int, ...]
    right: float
    wrong: float


class Finder:
    """Looks for logits in a described graph with its names and adjoints.

    sure: whether the output is known to be a loss. A softplus(z) alone is the loss of
        a logit whose target is 0, but may be anything else as well, and is left out
        where that is not known.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        names: Sequence[str],
        adjoints: Sequence[float],
        consumers: Consumers,
        sure: bool = False,
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.adjoints = adjoints
        self.consumers = consumers
        self.sure = sure

    def __call__(self, index: int) -> Collapse | None:
        """The shortcut at a node, where it is a logit."""
        for look in (self._sigmoid, self._logit, self._class, self._softmax):
            found = look(index)
            if found is not None and self._adds_up(index, found):
                scale = found.right + found.wrong
                return Collapse(
                    self.names[index],
                    tuple(self.names[i] for i in found.logits),
                    found.prediction,
                    found.predicted,
                    found.right / scale,
                    scale,
                    self.adjoints[index],
                )
        return None

    def _adds_up(self, index: int, found: Found) -> bool:
        scale = found.right + found.wrong
        if not (found.right >= 0 and found.wrong >= 0 and 0 < scale < math.inf):
            return False
        adjoint, shorter = self.adjoints[index], scale * found.predicted - found.right
        close = abs(shorter - adjoint) <= 1e-9 * max(abs(adjoint), scale * 1e-6)
        return close and self._is_weighted_sum(found.ends)

    # ---- one logit -------------------------------------------------------------------

    def _sigmoid(self, index: int) -> Found | None:
        """log(p) and log(1 - p) of p = sigmoid(z)."""
        users = self._users(index)
        if len(users) != 1 or self._op(users[0]) != "sigmoid":
            return None
        (p,) = users
        if not self._users(p):
            return None
        ends = {True: list[int](), False: list[int]()}
        for user, position in self.consumers[p]:
            straight = not self._is_one_minus(user, position)
            for each in [user] if straight else self._users(user):
                ends[straight] += self._past_clamp(each)
        if not self._all("log", [*ends[True], *ends[False]]):
            return None
        prediction, predicted = Symbol(self.names[p]), self._data(p)
        return self._found(index, prediction, predicted, -1, ends[True], ends[False])

    def _logit(self, index: int) -> Found | None:
        """softplus(-z) = -log(sigmoid(z)) and softplus(z) = -log(1 - sigmoid(z))."""
        if self._op(index) == "neg":  # its operand is the logit
            return None
        users = self._users(index)
        negated = [user for user in users if self._op(user) == "neg"]
        one = [end for user in negated for end in self._users(user)]
        zero = [user for user in users if user not in negated]
        if not self._all("softplus", [*one, *zero]):
            return None
        if not (one or self.sure or any(map(self._is_among_losses, zero))):
            return None
        prediction = Apply(SIGMOID, (Symbol(self.names[index]),))
        predicted = SIGMOID.forward(self._data(index))
        return self._found(index, prediction, predicted, 1, one, zero)

    def _found(
        self,
        index: int,
        prediction: Expression,
        predicted: float,
        sign: int,
        one: Sequence[int],
        zero: Sequence[int],
    ) -> Found:
        right, wrong = (sign * self._flow(ends) for ends in (one, zero))
        ends = (*one, *zero)
        return Found((index,), prediction, predicted, ends, right, wrong)

    def _is_one_minus(self, index: int, position: int) -> bool:
        first = self.nodes[self.nodes[index].parents[0]].value
        one = first.constant and first.data == 1.0
        return self._op(index) == "sub" and position == 1 and one

    def _past_clamp(self, index: int) -> list[int]:
        """The users of maximum(p, tiny), which keeps a logarithm finite; else p's."""
        node = self.nodes[index]
        if node.value.op != "maximum" or node.partials != (1.0, 0.0):
            return [index]
        return self._users(index)

    def _is_among_losses(self, index: int) -> bool:
        """Whether the mean over samples has a softplus(-z) as well."""
        return any(
            self._op(other) == "softplus"
            and self._op(self.nodes[other].parents[0]) == "neg"
            for user in self._users(index)
            if self._op(user) == "mean"
            for other in self.nodes[user].parents
        )

    # ---- the logits of a softmax -----------------------------------------------------

    def _class(self, index: int) -> Found | None:
        """softplus(logsumexp(others) - z), which is -log(softmax(...)) of z's class."""
        users = self._users(index)
        if len(users) == 1 and self._op(users[0]) == "logsumexp":
            users = self._users(users[0])
        if len(users) != 1 or self._op(users[0]) != "sub":
            return None
        (difference,) = users
        total, z = self.nodes[difference].parents
        ends = self._users(difference)
        if self._op(total) != "logsumexp" or not self._all("softplus", ends):
            return None
        logits = (*self.nodes[total].parents, z)
        if logits.count(index) != 1:
            return None
        weights = {True: self._flow(ends), False: 0.0}
        return self._among(
            index, logits, ends, weights[z == index], weights[z != index]
        )

    def _softmax(self, index: int) -> Found | None:
        """logsumexp(zs) - z, or log(exp(z - logsumexp(zs))), for some or all of zs."""
        totals = [user for user in self._users(index) if self._op(user) == "logsumexp"]
        if len(totals) != 1:
            return None
        (total,) = totals
        logits = self.nodes[total].parents
        differences = self._users(total)
        others = [user for user in self._users(index) if user != total]
        if logits.count(index) != 1 or not set(others) <= set(differences):
            return None
        ends: list[int] = []
        weights = {True: 0.0, False: 0.0}
        for difference in differences:
            if self._op(difference) != "sub":
                return None
            first, second = self.nodes[difference].parents
            z, sign = (second, 1) if first == total else (first, -1)
            if z not in logits:
                return None
            logs = self._logs(difference) if sign < 0 else [difference]
            weights[z == index] += sign * self._flow(logs)
            ends += logs
        return self._among(index, logits, ends, weights[True], weights[False])

    def _logs(self, index: int) -> list[int]:
        """The nodes log(exp(d)) of a difference d; itself where there are none.

        softmax divides exp(d) by the sum of all of them, which is 1; see `softmax`.
        """
        exps = self._users(index)
        uses = [use for exp in exps for use in self._users(exp)]
        sums = [use for use in uses if self._op(use) == "sum"]
        shares = [use for use in uses if use not in sums]
        logs = [
            log
            for share in shares
            for log in (self._users(share) if self._op(share) == "div" else [share])
        ]
        if not self._all("exp", exps) or not (sums or logs):
            return [index]
        return logs if all(self._op(log) == "log" for log in logs) else [index]

    def _among(
        self,
        index: int,
        logits: Sequence[int],
        ends: Sequence[int],
        right: float,
        wrong: float,
    ) -> Found:
        ordered = sorted(logits, key=lambda i: (len(self.names[i]), self.names[i]))
        exps = [Apply(TABLE["exp"], (Symbol(self.names[i]),)) for i in ordered]
        mine = exps[ordered.index(index)]
        prediction = Apply(DIV, (mine, plus(*few(tuple(exps)))))
        largest = max(map(self._data, logits))
        parts = [math.exp(self._data(i) - largest) for i in ordered]
        predicted = parts[ordered.index(index)] / math.fsum(parts)
        return Found(tuple(ordered), prediction, predicted, tuple(ends), right, wrong)

    # ---- what all share --------------------------------------------------------------

    def _is_weighted_sum(self, ends: Sequence[int]) -> bool:
        """Whether the output is linear in these nodes."""
        reached, waiting = set(ends), list(ends)
        while waiting:
            for user in self._users(waiting.pop()):
                if user not in reached:
                    reached.add(user)
                    waiting.append(user)
            if len(reached) > FARTHEST:
                return False
        return all(self._is_linear(i, reached) for i in reached.difference(ends))

    def _is_linear(self, index: int, reached: set[int]) -> bool:
        inside = [parent in reached for parent in self.nodes[index].parents]
        match self._op(index):
            case "add" | "sub" | "neg" | "sum" | "mean":
                return True
            case "mul":
                return not all(inside)
            case "div":
                return not inside[1]
            case "dot":
                half = len(inside) // 2
                pairs = zip(inside[:half], inside[half:], strict=True)
                return not any(x and y for x, y in pairs)
        return False

    def _flow(self, ends: Sequence[int]) -> float:
        return math.fsum(self.adjoints[end] for end in dict.fromkeys(ends))

    def _all(self, op: str, indices: Sequence[int]) -> bool:
        return bool(indices) and all(self._op(index) == op for index in indices)

    def _op(self, index: int) -> str:
        value = self.nodes[index].value
        return value.op if TABLE.get(value.op) is value.operation else ""

    def _data(self, index: int) -> float:
        return self.nodes[index].value.data

    def _users(self, index: int) -> list[int]:
        return [consumer for consumer, _ in self.consumers.get(index, [])]
