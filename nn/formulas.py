"""What each loss is in mathematics: its formula and its slope, a row for each.

A row says how a textbook writes a loss, in text that `autograd.parse` reads; how
`nn.losses` computes it, so that nothing overflows, may look different. `flow`,
`explain`, the stepper and `network` show what stands here, and no view knows a loss of
its own. `losses_in` finds the losses that a graph ends with.

    >>> FORMULAS["mse"].cases[0].loss, FORMULAS["mse"].cases[0].slope
    ('(ŷ - y)^2', '2·(ŷ - y)')
    >>> ŷ = Value(0.25, label="ŷ")
    >>> (found,) = losses_in(LOSSES["binary_cross_entropy"](ŷ, 1))
    >>> found.name, found.targets, found.chosen[0].slope
    ('binary_cross_entropy', (1.0,), '-1 / ŷ')
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from autograd.expression import parse
from autograd.graph import graph
from autograd.modes import Setting, ieee, recording
from autograd.value import Value, number_of
from nn.losses import LOSSES

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


JOINTS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "maximum": max,
    "sum": math.fsum,
}


@dataclass(frozen=True, slots=True)
class Case:
    """How a loss is written for one prediction ŷ with its target y, in one branch.

    loss, slope: the loss, and its derivative by ŷ.
    steps: what is computed before: a name, the formula, and what the name stands for
        where that is more than a name, as q stands for 1 - p.
    target: the target that this is the short form for; None for any.
    when: what decides between branches, how it compares, and with what.
    words: what the branch means, where that is worth a line.
    """

    loss: str
    slope: str
    steps: tuple[tuple[str, str, str], ...] = ()
    target: float | None = None
    when: tuple[str, str, str] | None = None
    words: str = ""

    def holds(self, known: Mapping[str, float]) -> bool:
        """Whether this is the branch, for ŷ, y and what else has a name."""
        if self.target is not None and known["y"] != self.target:
            return False
        if self.when is None:
            return True
        left, sign, right = self.when
        data = self.after(known)
        return COMPARE[sign](value_of(left, data), value_of(right, data))

    def after(self, known: Mapping[str, float]) -> dict[str, float]:
        """What is known when the steps are done."""
        data = dict(known)
        for name, text, _ in self.steps:
            data[name] = value_of(text, data)
        return data


@dataclass(frozen=True, slots=True)
class Formula:
    """The row of a loss: its cases, of which the first that holds counts.

    row: what is computed of all predictions of a sample, each with a name, the formula
        and what is made of its values: their `maximum`, their `sum`, or one for `each`
        prediction. What has no row is a loss of each prediction alone; else a sample's
        loss is minus the sum.
    small: the same for predictions that are too far from 0 for the other.
    whole: the loss of all predictions at once, as a picture of a network has it.
    remark: why it is computed in another way than it is written here.
    everyday: whether other formulas look just like it.
    """

    cases: tuple[Case, ...]
    row: tuple[tuple[str, str, str], ...] = ()
    small: Formula | None = None
    whole: str = ""
    remark: str = ""
    everyday: bool = False


ANY_SIZE: Final = "which is exact for a logit of any size"
CLAMPED: Final = "as in torch, no logarithm is below -100"
TINY: Final = "exp(-100)"
UNDERFLOW: Final = "1e-300"
P: Final = ("p", "sigmoid(ŷ)", "p")
Q: Final = ("q", "sigmoid(-ŷ)", "1 - p")
REST: Final = ("q", "1 - ŷ", "1 - ŷ")

FORMULAS: Final[Mapping[str, Formula]] = {
    "mse": Formula(
        (Case("(ŷ - y)^2", "2·(ŷ - y)"),), whole="mean((ŷ - y)^2)", everyday=True
    ),
    "mae": Formula(
        (Case("abs(ŷ - y)", "sign(ŷ - y)"),), whole="mean(abs(ŷ - y))", everyday=True
    ),
    "huber": Formula(
        (
            Case(
                "(ŷ - y)^2 / 2",
                "ŷ - y",
                when=("abs(ŷ - y)", "<=", "delta"),
                words="a parabola here",
            ),
            Case(
                "delta·(abs(ŷ - y) - delta / 2)",
                "delta·sign(ŷ - y)",
                when=("abs(ŷ - y)", ">", "delta"),
                words="a straight line here",
            ),
        ),
        whole="mean(huber(ŷ - y))",
    ),
    "hinge": Formula(
        (
            Case(
                "maximum(0, 1 - y·ŷ)",
                "-y",
                when=("1 - y·ŷ", ">", "0"),
                words="inside the margin",
            ),
            Case(
                "maximum(0, 1 - y·ŷ)",
                "0",
                when=("1 - y·ŷ", "<=", "0"),
                words="beyond the margin",
            ),
        ),
        whole="mean(maximum(0, 1 - y·ŷ))",
    ),
    "binary_cross_entropy": Formula(
        (
            Case("100", "0", target=1, when=("ŷ", "<", TINY), words=CLAMPED),
            Case("-log(ŷ)", "-1 / ŷ", target=1),
            Case("100", "0", target=0, when=("1 - ŷ", "<", TINY), words=CLAMPED),
            Case("-log(q)", "1 / q", (REST,), target=0),
            Case(
                "100·y - (1 - y)·log(q)",
                "(1 - y) / q",
                (REST,),
                when=("ŷ", "<", TINY),
                words=CLAMPED,
            ),
            Case(
                "-y·log(ŷ) + 100·(1 - y)",
                "-y / ŷ",
                when=("1 - ŷ", "<", TINY),
                words=CLAMPED,
            ),
            Case(
                "-y·log(ŷ) - (1 - y)·log(q)",
                "(1 - y) / q - y / ŷ",
                (REST,),
            ),
        ),
        whole="-mean(y·log(ŷ) + (1 - y)·log(1 - ŷ))",
    ),
    "binary_cross_entropy_with_logits": Formula(
        (
            Case("-ŷ", "p - y", (P,), 1, ("p", "<", UNDERFLOW), "its log is the logit"),
            Case("-log(p)", "p - y", (P,), 1),
            Case(
                "ŷ",
                "p - y",
                (P, Q),
                0,
                ("q", "<", UNDERFLOW),
                "its log is minus the logit",
            ),
            Case("-log(q)", "p - y", (P, Q), 0),
            Case(
                "-y·ŷ",
                "p - y",
                (P, Q),
                when=("p", "<", UNDERFLOW),
                words="its log is the logit",
            ),
            Case(
                "(1 - y)·ŷ",
                "p - y",
                (P, Q),
                when=("q", "<", UNDERFLOW),
                words="its log is minus the logit",
            ),
            Case("-y·log(p) - (1 - y)·log(q)", "p - y", (P, Q)),
        ),
        whole="-mean(y·log(p) + (1 - y)·log(1 - p)), p = sigmoid(ŷ)",
        remark=ANY_SIZE,
    ),
    "cross_entropy": Formula(
        (Case("y·log(p)", "p - y", (("p", "exp(ŷ) / S", "p"),)),),
        row=(("S", "exp(ŷ)", "sum"),),
        small=Formula(
            (
                Case(
                    "y·(d - log(S))",
                    "p - y",
                    (("p", "exp(d) / S", "p"),),
                    when=("p", "<", UNDERFLOW),
                ),
                Case("y·log(p)", "p - y", (("p", "exp(d) / S", "p"),)),
            ),
            row=(
                ("m", "ŷ", "maximum"),
                ("d", "ŷ - m", "each"),
                ("S", "exp(d)", "sum"),
            ),
        ),
        whole="-sum(y·log(p)), p = softmax(ŷ)",
        remark=ANY_SIZE,
    ),
}
"""The losses by their names in `nn.losses`; `delta` is huber's."""

FAR: Final = 64.0  # from 0: the exponentials of such logits are written without units


def graph_of(text: str, known: Mapping[str, float]) -> Value:
    """A formula of this table as a graph, whose leaves are labeled with its names.

    >>> graph_of("2·(ŷ - y)", {"ŷ": 1.5, "y": 1.0}).data
    1.0
    """
    leaves = {name: Value(x) for name, x in known.items()}
    with ieee(), recording(), Setting("watcher", None, False):
        return parse(text, **leaves)


def value_of(text: str, known: Mapping[str, float]) -> float:
    """The number of a formula of this table."""
    return graph_of(text, known).data


# ---- the losses of a graph -----------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """A loss of one sample that was found in a graph, or of one output of it.

    node: what it comes to. predictions: what it is a loss of, each with its target, a
    number or a Value. options: huber's `delta`.
    """

    name: str
    node: Value
    predictions: tuple[Value, ...]
    targets: tuple[float | Value, ...]
    options: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def formula(self) -> Formula:
        """The row of this loss, or what it says of predictions far from 0."""
        row = FORMULAS[self.name]
        far = max(abs(p.data) for p in self.predictions) > FAR
        return row.small if far and row.small else row

    @cached_property
    def known(self) -> list[dict[str, float]]:
        """For each prediction the numbers that its formulas begin with, by name."""
        pairs = zip(self.predictions, self.targets, strict=True)
        every = [
            {**self.options, "ŷ": prediction.data, "y": number_of(target)}
            for prediction, target in pairs
        ]
        for name, text, joint in self.formula.row:
            values = [value_of(text, known) for known in every]
            if joint != "each":
                values = [JOINTS[joint](values)] * len(values)
            for known, value in zip(every, values, strict=True):
                known[name] = value
        return every

    @cached_property
    def chosen(self) -> tuple[Case, ...]:
        """The case of each prediction."""
        return tuple(
            next(case for case in self.formula.cases if case.holds(known))
            for known in self.known
        )

    @property
    def certain(self) -> bool:
        """Whether nothing else looks like this loss."""
        return not FORMULAS[self.name].everyday and not self.bare

    @property
    def bare(self) -> bool:
        """Whether it is a softplus alone, the loss of a logit whose target is 0."""
        return self.node.op == "softplus" and self.node.parents == self.predictions


def losses_in(output: Value) -> list[Element]:
    """The losses that a graph ends with, if it ends with a weighted sum of such.

    A loss is recognized by what `nn.losses` records for it, to the last constant. They
    come in the order of the graph.

    >>> from nn.losses import mse
    >>> ŷ = [Value(0.25), Value(1.5)]
    >>> [(found.name, found.targets) for found in losses_in(mse(ŷ, [1, 2]))]
    [('mse', (1.0,)), ('mse', (2.0,))]
    """
    found: list[Element] = []
    waiting, seen = [output], {output}
    while waiting:
        node = waiting.pop()
        element = element_at(node)
        if element is not None:
            found.append(element)
            continue
        new = [p for p in reversed(_terms(node)) if p not in seen]
        seen.update(new)
        waiting += new
    return found


def whole_of(output: Value) -> str:
    """The loss of all predictions at once, as a picture of a network has it.

    Empty where the output is no loss of `nn`, or more than that, such as a loss with
    a penalty or two losses.

    >>> from nn.losses import mse
    >>> loss = mse([Value(0.25), Value(1.5)], [1, 2])
    >>> whole_of(loss), whole_of(2 * loss)
    ('mean((ŷ - y)^2)', '')
    """
    found = losses_in(output)
    if len({element.name for element in found}) != 1:
        return ""
    mean = math.fsum(element.node.data for element in found) / len(found)
    if mean != output.data and not math.isclose(mean, output.data, rel_tol=1e-9):
        return ""
    formula = found[0].formula
    if not formula.row or len(found) == 1:
        return formula.whole
    sample, comma, rest = formula.whole.partition(", ")
    return f"mean({sample}){comma}{rest}"


def _terms(node: Value) -> list[Value]:
    """The operands that a node is linear in, each for itself."""
    moving = [parent for parent in node.parents if not parent.constant]
    match node.op:
        case "add" | "sub" | "neg" | "sum" | "mean":
            return moving
        case "mul" if len(moving) == 1:
            return moving
        case "div" if node.parents[1].constant:
            return moving
    return []


def element_at(node: Value) -> Element | None:
    """The loss that a node is, if it is one."""
    if node.op not in ENDS:
        return None
    for sketch in _sketches(node):
        found = sketch.match(node)
        if found is not None:
            return found
    return None


STAND_IN: Final = 0.5  # a prediction that every loss takes
ODD: Final = 0.3125  # and a target that nothing else in a graph is
EDGE: Final = 0.8125  # and a distance
TARGETS: Final = (1.0, 0.0, -1.0, ODD)
ENDS: Final = frozenset(("mul", "abs", "relu", "neg", "add", "softplus", "dot"))


@dataclass(frozen=True, slots=True)
class Sketch:
    """A loss recorded with stand-ins, to lay a graph upon.

    targets: what stands in for targets: a Value for any, else the number.
    """

    name: str
    output: Value
    predictions: tuple[Value, ...]
    targets: Any

    def match(self, node: Value) -> Element | None:
        """The loss that a node is, where it is built like this, to its constants."""
        found = _laid_upon(node, self.output, exact=False)
        if found is None:
            return None
        predictions = tuple(found[hole] for hole in self.predictions)
        numbers = {a.data: b.data for a, b in found.items() if a.constant}
        options = {"delta": numbers[EDGE]} if EDGE in numbers else {}
        targets = self._targets(node, found, numbers)
        named = [t for t in targets if isinstance(t, Value)]
        if any(value.constant for value in (*predictions, *named)):
            return None
        element = Element(self.name, node, predictions, targets, options)
        return element if _is_exact(element) else None

    def _targets(
        self, node: Value, found: Mapping[Value, Value], numbers: Mapping[float, float]
    ) -> tuple[float | Value, ...]:
        count = len(self.predictions)
        if isinstance(self.targets, int):  # a class
            return tuple(float(k == self.targets) for k in range(count))
        if isinstance(self.targets, list):  # probabilities
            given = node.parents[:count]
            return tuple(t.data if t.constant else t for t in given)
        target = self.targets
        if isinstance(target, Value):
            return (found[target],)
        return (numbers.get(ODD, ODD) if target == ODD else target,)


def _recorded(name: str, predictions: Any, targets: Any, options: Any) -> Value | None:
    """A loss as `nn.losses` records it; None where it takes no such target."""
    with ieee(), recording(), Setting("watcher", None, False):
        try:
            result: Value = LOSSES[name](predictions, targets, **options)
        except ValueError:
            return None
    return result


@lru_cache(maxsize=1)
def _of_one() -> tuple[Sketch, ...]:
    """The losses of one prediction, for each kind of target, the largest first.

    What is a part of another, as softplus(z) is of softplus(-z), comes after it.
    """
    found = []
    for name, formula in FORMULAS.items():
        options = {"delta": EDGE} if name == "huber" else {}
        for target in (*TARGETS, Value(ODD)):
            if formula.row:
                continue
            hole = Value(STAND_IN)
            output = _recorded(name, [hole], [target], options)
            if output is not None:
                found.append(Sketch(name, output, (hole,), target))
    return tuple(sorted(found, key=lambda sketch: -len(graph(sketch.output))))


@lru_cache(maxsize=64)
def _of_row(count: int) -> tuple[Sketch, ...]:
    """The losses of a row of so many predictions, far from 0 and near it."""
    found = []
    targets: list[Any] = [0, [ODD] * count, [Value(ODD) for _ in range(count)]]
    for scale, target in ((s, t) for s in (4 * FAR, 1.0) for t in targets):
        holes = tuple(Value(STAND_IN * scale) for _ in range(count))
        output = _recorded("cross_entropy", [list(holes)], [target], {})
        if output is not None:
            found.append(Sketch("cross_entropy", output, holes, target))
    return tuple(found)


def _sketches(node: Value) -> Iterator[Sketch]:
    """The sketches that a node may be built like."""
    if node.op == "dot":
        yield from _of_row(len(node.parents) // 2)
    if node.op == "softplus" and node.parents[0].op == "sub":
        yield from _of_row(len(node.parents[0].parents[0].parents) + 1)
    yield from (sketch for sketch in _of_one() if sketch.output.op == node.op)


def _laid_upon(node: Value, sketch: Value, exact: bool) -> dict[Value, Value] | None:
    """For each node of a sketch the one of the graph; None where they differ.

    A leaf of the sketch that is no constant stands for any node.
    exact: whether constants have to be the same numbers.
    """
    found: dict[Value, Value] = {}
    waiting = [(node, sketch)]
    while waiting:
        here, there = waiting.pop()
        if found.setdefault(there, here) is not here:
            if not (there.constant and here.data == found[there].data):
                return None
        elif there.constant:
            if not here.constant or (exact and here.data != there.data):
                return None
        elif there.op:
            same = here.operation is there.operation
            if not same or len(here.parents) != len(there.parents):
                return None
            waiting += zip(here.parents, there.parents, strict=True)
    return found


def _is_exact(element: Element) -> bool:
    """Whether the loss, recorded once more with these numbers, is the same graph."""
    holes = [Value(p.data) for p in element.predictions]
    targets = [Value(t.data) if isinstance(t, Value) else t for t in element.targets]
    given: Any = targets
    if FORMULAS[element.name].row and element.node.op == "softplus":
        given = targets.index(1.0)
    row = bool(FORMULAS[element.name].row)
    again = _recorded(
        element.name, [holes] if row else holes, [given] if row else given,
        element.options,
    )  # fmt: skip
    if again is None:
        return False
    found = _laid_upon(element.node, again, exact=True) or {}
    pairs = zip(holes, element.predictions, strict=True)
    return all(found.get(hole) is p for hole, p in pairs)
