"""The loss that a graph ends with: its mathematics, and where that collapses to ŷ - y.

`Losses` writes the losses of `nn` as the rows of `nn.formulas` have them, with the
names and numbers of a view.

`Finder` tells where a sigmoid or a softmax meets cross-entropy. Recognized are the loss
of a sigmoid's output, of its logit, and of the logits of a softmax, as `nn.losses`
records them and as they are written out with log, sigmoid and softmax. In each, the
output of the graph is a weighted sum of logarithms of probabilities, and of each logit
nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograd.graph import Node, gradients, topological_order
from autograd.modes import Setting, ieee, recording
from autograd.ops import TABLE
from autograd.value import Value, number_of, record
from nn.formulas import FORMULAS, Element, graph_of
from viz.notation import (
    DIV,
    MOST_TERMS,
    NEG,
    SIGMOID,
    Apply,
    Expression,
    Number,
    Slope,
    Symbol,
    few,
    plus,
    replaced,
    signed,
    tidied,
    times,
    with_numbers,
    written,
)

# ---- the loss in mathematics ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """An equation: what stands left, what it is equal to, and words after that."""

    left: Expression
    rights: tuple[Expression, ...]
    words: str = ""


Target = Callable[[Value, float | Value], Expression | None]


class Losses:
    """The losses that a graph ends with, written with the names of a view.

    output: the last node of the graph, and what the view calls it, its title.
    elements: the losses to tell; see `nn.formulas.losses_in`.
    adjoint: the derivative of the output by a node.
    name: what the view calls a node: its name, or the number for a bare number.
    target: a name for the target of a prediction, if it is the one that is given; None
        has the number stand there.
    most: how many terms a sum may have before its middle is left out.
    taken: names that the view has for something else.
    """

    def __init__(
        self,
        output: Value,
        title: str,
        elements: Sequence[Element],
        adjoint: Callable[[Value], float],
        name: Callable[[Value], Expression],
        target: Target = lambda prediction, given: None,
        most: int = MOST_TERMS,
        taken: Collection[str] = (),
    ) -> None:
        self.output = output
        self.title = title
        self.adjoint = adjoint
        self.name = name
        self.most = most
        self.elements: list[Written] = []
        owners: dict[str, object] = dict.fromkeys(taken)
        for element in elements:
            each = Written(element, name, target, most, owners)
            if each.is_true:
                self.elements.append(each)
                owners.update(dict.fromkeys(each.names, each.owner))
        self.shares: dict[Value, list[tuple[Written, int]]] = {}
        for each in self.elements:
            for place, prediction in enumerate(each.element.predictions):
                self.shares.setdefault(prediction, []).append((each, place))

    def slope(self, prediction: Value) -> Line | None:
        """The derivative of the output by a prediction, as the rows have it.

        None where it has none there, or others add to it.
        """
        shares = self.shares.get(prediction, [])
        terms = [self._share(*share, numbers=False) for share in shares]
        numbers = [self._share(*share, numbers=True) for share in shares]
        total = math.fsum(
            self.adjoint(each.element.node) * each.slope_data(place)
            for each, place in shares
        )
        adjoint = self.adjoint(prediction)
        if not shares or not _close(total, adjoint, 1.0):
            return None
        name = self.name(prediction)
        left = Slope(self.title, name.name if isinstance(name, Symbol) else "ŷ")
        rights = [plus(*terms), plus(*numbers), Number(adjoint)]
        cases = [each.cases[place] for each, place in shares]
        branch = cases[0].words if cases[0].slope == "0" and len(cases) == 1 else ""
        return Line(left, tuple(rights), branch)

    def mixed(
        self, prediction: Value, names: Mapping[Value, Symbol], longest: int = 60
    ) -> Line | None:
        """The derivative by a prediction that more than its losses depends on.

        The slope of each loss, times that of the output by it, and what there is
        besides. None where that is long, or there is no loss of it.

        names: of the predictions and of the losses.
        """
        shares = self.shares.get(prediction, [])
        losses = [each.element.node for each, _ in shares]
        inputs = [*losses, prediction] if shares else []
        found = slopes_upon(self.output, inputs, names, longest)
        outer = [slope for slope, _ in found if slope is not None]
        if not found or len(outer) < len(found):
            return None
        data = {name.name: node.data for node, name in names.items()}
        *factors, rest = outer
        whole = signed([HERE, rest]) if rest != Number(0.0) else HERE
        sides = []
        for known in ({}, data):
            terms = [
                _product(
                    with_numbers(factor, known),
                    each.expression(each.cases[k].slope, k, bool(known)),
                )
                for (each, k), factor in zip(shares, factors, strict=True)
            ]
            shown = with_numbers(whole, known)
            sides.append(replaced(shown, {HERE.name: plus(*terms)}))
        left = Slope(self.title, names[prediction].name)
        return Line(left, (*sides, Number(self.adjoint(prediction))))

    def total(self, names: Mapping[Value, Symbol]) -> Iterator[Expression]:
        """The output as the sum of its losses, or their mean, if it is no more.

        With their names, and with their numbers.
        """
        nodes = [each.element.node for each in self.elements]
        factors = {self.adjoint(node) for node in nodes}
        if len(factors) != 1 or nodes == [self.output]:
            return
        (factor,) = factors
        data = [node.data for node in nodes]
        if _close(factor * math.fsum(data), self.output.data, 0.0):
            for terms in ([names[node] for node in nodes], map(Number, data)):
                yield scaled(plus(*few(tuple(terms), self.most)), factor)

    def _share(self, each: Written, place: int, numbers: bool) -> Expression:
        slope = each.expression(each.cases[place].slope, place, numbers)
        return scaled(slope, self.adjoint(each.element.node))


HERE = Symbol("\0")  # stands for the losses' part of a slope


def _product(factor: Expression, slope: Expression) -> Expression:
    if isinstance(factor, Number):
        return scaled(slope, factor.value)
    return times(factor, slope)


def slopes_upon(
    output: Value,
    inputs: Sequence[Value],
    names: Mapping[Value, Symbol],
    longest: int = 60,
) -> list[tuple[Expression | None, float]]:
    """The derivatives of the output by nodes, as if the named ones were leaves.

    Written, or None where that is longer, and as numbers; empty where there is no
    graph of them.
    """
    if output in names or not inputs:
        return []
    known = {node: Value(node.data) for node in names}
    leaves = {known[node]: name for node, name in names.items()}
    order = topological_order(output)
    needed = {output}
    for node in reversed(order):
        if node in needed and node not in known:
            needed.update(node.parents)
    try:
        with ieee(), recording(), Setting("watcher", None, False):
            for node in order:
                if node in needed and node not in known:
                    parents = [known[parent] for parent in node.parents]
                    known[node] = record(node.operation, parents) if parents else node
            by = [known[node] for node in inputs]
            slopes = gradients(known[output], by, create_graph=True)
    except (TypeError, ValueError, RuntimeError, ArithmeticError):
        return []  # an operation of one's own that has no second derivative
    found = [written(slope, leaves, longest) for slope in slopes]
    every = [each if each is None else tidied(each) for each in found]
    return list(zip(every, map(number_of, slopes), strict=True))


def scaled(expression: Expression, factor: float) -> Expression:
    """An expression times a number, over n where that is 1/n: a mean of n."""
    if factor == 1.0 or expression == Number(0.0):
        return expression
    count = round(1 / factor) if 0 < factor < 1 and math.isfinite(1 / factor) else 0
    if count and math.isclose(count * factor, 1.0, rel_tol=1e-12):
        return Apply(DIV, (expression, Number(float(count))))
    return times(Number(factor), expression)


class Written:
    """One loss of one sample in mathematics, with the names of a view.

    owners: what has a name already. Steps of another loss of the same predictions have
        the same names, and are told there.
    """

    def __init__(
        self,
        element: Element,
        name: Callable[[Value], Expression],
        target: Target,
        most: int,
        owners: Mapping[str, object],
    ) -> None:
        self.element = element
        self.most = most
        self.cases = element.chosen
        self.owner = element.name, frozenset(element.predictions)
        shown = [name(p) for p in element.predictions]
        own = _own_names([s.name if isinstance(s, Symbol) else "" for s in shown])
        self.symbols: list[dict[str, Expression]] = []
        row = element.formula.row
        each = [name for name, _, joint in row if joint == "each"]
        steps = {name for case in self.cases for name, _, _ in case.steps}
        each += ["p"] * ("p" in steps)
        self.names: list[str] = []
        together = [name for name, _, joint in row if joint != "each"]
        again = self._again(together, owners)
        one = self._again([name + end for name in each for end in own], owners)
        self.told = {name for name in self.names if name in owners}
        for place, (prediction, given) in enumerate(
            zip(element.predictions, element.targets, strict=True)
        ):
            known: dict[str, Expression] = {
                "ŷ": shown[place],
                "y": target(prediction, given) or _target(given, name),
                "p": Symbol(f"p{own[place]}{one}"),
                **{
                    name: Symbol(
                        name + (own[place] + one if joint == "each" else again)
                    )
                    for name, _, joint in row
                },
                **{option: Number(x) for option, x in element.options.items()},
            }
            for step, _, stands_for in self.cases[place].steps:
                known.setdefault(step, self._stands_for(stands_for, known))
            self.symbols.append(known)
        pairs = enumerate(self.cases)
        self.data = [case.after(element.known[place]) for place, case in pairs]

    def _again(self, names: Sequence[str], owners: Mapping[str, object]) -> str:
        """What tells these names of its steps from those that something else has."""
        again, number = "", 1
        while any(owners.get(n + again, self.owner) != self.owner for n in names):
            number += 1
            again = f"#{number}"
        self.names += [name + again for name in names]
        return again

    def _stands_for(self, text: str, known: Mapping[str, Expression]) -> Expression:
        return replaced(template(text, dict.fromkeys(known, 0.5)), known)

    @property
    def order(self) -> list[int]:
        """The places of the predictions in the order of their names."""
        places = range(len(self.symbols))
        return sorted(places, key=lambda k: _natural(self.symbols[k]["ŷ"]))

    @property
    def kept(self) -> list[int]:
        """Those that are written out: all, or the first ones and the last."""
        if len(self.order) <= self.most:
            return self.order
        return [*self.order[: self.most - 2], self.order[-1]]

    @property
    def is_true(self) -> bool:
        """Whether the formulas give what was recorded."""
        return _close(self._total(), self.element.node.data, 1.0)

    def _total(self) -> float:
        if not self.element.formula.row:
            return self._data(self.cases[0].loss, 0)
        terms = [self._data(self.cases[k].loss, k) for k in self._told()]
        return -math.fsum(terms)

    def _told(self) -> list[int]:
        """The places whose targets are not 0, which alone are part of the loss."""
        return [k for k in self.order if self.data[k]["y"] != 0]

    def _data(self, text: str, place: int) -> float:
        return graph_of(text, self.data[place]).data

    def slope_data(self, place: int) -> float:
        """The derivative of this loss by a prediction, as the row has it."""
        return self._data(self.cases[place].slope, place)

    # ---- lines -----------------------------------------------------------------------

    def shared(self) -> Iterator[Line]:
        """What all predictions share, such as the sum of their exponentials."""
        for name, text, joint in self.element.formula.row:
            if joint == "each":
                for place in self.kept:
                    yield self._line(self.symbols[place][name], text, place)
                continue
            terms, numbers = (
                [self.expression(text, place, side) for place in self.order]
                for side in (False, True)
            )
            total, left = Number(self.data[0][name]), self.symbols[0][name]
            if joint == "maximum":
                largest = terms[numbers.index(total)]
                yield Line(left, (largest, total), "the largest, taken from all")
            else:
                both = [plus(*few(tuple(ts), self.most)) for ts in (terms, numbers)]
                yield Line(left, (*both, total))

    def steps(self, place: int) -> Iterator[Line]:
        """What decides the branch of a prediction, and what is computed before."""
        case = self.cases[place]
        for name, text, _ in case.steps:
            yield self._line(self.symbols[place][name], text, place)
        if case.when is not None and case.words:
            left, sign, right = case.when
            shown = self.expression(left, place, False)
            bound = graph_of(right, self.data[place]).data
            words = f"{WORDS[sign]} {bound:.6g}: {case.words}"
            line = self._line(shown, left, place)
            yield Line(line.left, line.rights, words)

    def loss(self, left: Expression) -> Line:
        """What the loss comes to."""
        sides: list[Expression] = []
        for numbers in (False, True):
            if self.element.formula.row:
                terms = [self._term(place, numbers) for place in self._told()]
                sides.append(Apply(NEG, (plus(*few(tuple(terms), self.most)),)))
            else:
                sides.append(self.expression(self.cases[0].loss, 0, numbers))
        words = self.cases[0].words if isinstance(sides[0], Number) else ""
        return Line(left, (*sides, Number(self.element.node.data)), words)

    def _term(self, place: int, numbers: bool) -> Expression:
        """One class's part of the loss; a target of 1 is no factor."""
        text = self.cases[place].loss
        if self.data[place]["y"] == 1:
            text = text.removeprefix("y·")
        return self.expression(text, place, numbers)

    def lines(self, left: Expression) -> Iterator[Line]:
        """All of it: what is shared, the steps of each prediction, the loss."""
        steps = [*self.shared()]
        for place in self.kept:
            steps += self.steps(place)
        for line in steps:
            if not (isinstance(line.left, Symbol) and line.left.name in self.told):
                yield line
        yield self.loss(left)

    @property
    def words(self) -> str:
        """What the loss is called."""
        return self.element.name.replace("_", " ")

    def remark(self, names: Mapping[Value, Expression]) -> Expression | None:
        """How it is computed, where that is not how it is written.

        names: of the nodes that may stand there.
        """
        if not FORMULAS[self.element.name].remark:
            return None
        return written(self.element.node, names)

    def _line(self, left: Expression, text: str, place: int) -> Line:
        sides = [self.expression(text, place, numbers) for numbers in (False, True)]
        value = Number(graph_of(text, self.data[place]).data)
        rights = [side for side in sides if side != left]
        return Line(left, (*rights, value))

    def expression(self, text: str, place: int, numbers: bool) -> Expression:
        """A formula of the row with the names of the view, or with their numbers."""
        data = self.data[place]
        found = template(text, data, self.element.options)
        if not numbers:
            return replaced(found, self.symbols[place])
        return with_numbers(found, data)


def template(
    text: str, known: Mapping[str, float], fixed: Collection[str] = ()
) -> Expression:
    """A formula of `nn.formulas` as an expression in its names.

    fixed: names that numbers stand for.
    """
    node = graph_of(text, known)
    names = set(known).difference(fixed)
    leaves = {v: Symbol(v.label) for v in topological_order(node) if v.label in names}
    found = written(node, leaves)
    return Number(node.data) if found is None else found


def chained(
    output: Value, by: Value, names: Mapping[Value, Expression], longest: int = 60
) -> Expression | None:
    """The derivative of any output by a node, by the chain rule, if it is short.

    names: of the nodes that it may be written with.
    """
    try:
        (slope,) = gradients(output, [by], create_graph=True)
    except (TypeError, ValueError, RuntimeError, ArithmeticError):
        return None  # an operation of one's own that has no second derivative
    found = written(slope, names, longest)
    return None if found is None else tidied(found)


WORDS: Mapping[str, str] = {
    "<": "below",
    "<=": "no more than",
    ">": "above",
    ">=": "no less than",
}
SUFFIX = re.compile(r"(\[[^\]]*\]|\d+)?(#\d+)?$")


def _own_names(names: Sequence[str]) -> list[str]:
    """What tells the names of predictions apart: [2] of ŷ[2], 7 of v7."""
    ends = [match[0] if (match := SUFFIX.search(name)) else "" for name in names]
    if len(set(ends)) == len(names):
        return ends
    return [f"[{k + 1}]" for k in range(len(names))]


def _natural(name: Expression) -> tuple[int, str]:
    text = name.name if isinstance(name, Symbol) else ""
    return len(text), text


def _target(given: float | Value, name: Callable[[Value], Expression]) -> Expression:
    return name(given) if isinstance(given, Value) else Number(number_of(given))


def _close(x: float, y: float, size: float) -> bool:
    return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12 * size)


# ---- where it collapses to ŷ - y -----------------------------------------------------

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
