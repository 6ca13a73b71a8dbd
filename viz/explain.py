"""The chain rule, written out for one graph, with its symbols and its numbers.

    >>> from autograd import Value
    >>> x, y = Value(2.0, label="x"), Value(3.0, label="y")
    >>> print(explain(x * y + x, x))
    Forward
      x   = 2
      y   = 3
      v1  = x·y    = 2·3   = 6
      out = v1 + x = 6 + 2 = 8
    <BLANKLINE>
    Backward
      ∂out/∂out = 1
    <BLANKLINE>
      ∂out/∂v1 = 1
    <BLANKLINE>
      ∂out/∂x = 1 + ∂out/∂v1·∂v1/∂x
              = 1 + ∂out/∂v1·y
              = 1 + 1·3
              = 1 + 3
              = 4
    <BLANKLINE>
    2 paths from x to out, each the product of the local derivatives along it
      x → out:      1
      x → v1 → out: 3·1   = 3
      ∂out/∂x       = 1 + 3 = 4
    <BLANKLINE>
    Result
      ∂out/∂x = 4

The steps are data (`Explanation.steps` and the rest); the three printed forms are made
from them, and so can others be.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, zip_longest
from typing import Any

from autograd.graph import Node, adjoints, graph
from autograd.modes import ieee
from autograd.ops import GIVEN
from autograd.value import Value, chosen, describe
from autograd.value import forward as computed
from autograd.wording import width
from nn.formulas import FORMULAS, Element, losses_in
from viz.digits import short
from viz.loss import Collapse, Finder, Line, Losses, Written
from viz.notation import (
    ASCII,
    LATEX,
    SUB,
    TEXT,
    Apply,
    Expression,
    Number,
    Rules,
    Slope,
    Style,
    Symbol,
    clean,
    escape_latex,
    few,
    formula,
    names_of,
    pad,
    plus,
    show,
    symbol,
    times,
    with_numbers,
)

MOST_STEPS = 200
MOST_RECORDS = 400
MOST_STARTS = 12
MOST_LOSSES = 12
WEIGHT = re.compile(r"W\d*\[")
MOST_PATHS = 12
LONGEST_PATH = 40

# ---- the steps, as data --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """One node of the forward pass.

    formula, numbers: its operation applied to its parents' names, and to their
        numbers; both None for a leaf.
    """

    name: str
    formula: Expression | None
    numbers: Expression | None
    value: float


@dataclass(frozen=True, slots=True)
class Share:
    """What one consumer of a node adds to the node's adjoint.

    slope: the local derivative as a symbol, such as ∂c/∂a.
    rule, numbers: the local derivative written out with names, and with numbers.
    adjoint, partial, product: the consumer's adjoint, the local derivative, and the
        share that they make.
    direct: whether the consumer is the output itself, whose adjoint is 1.
    """

    consumer: str
    slope: Slope
    rule: Expression
    numbers: Expression
    adjoint: float
    partial: float
    product: float
    direct: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the backward pass: its adjoint is the sum of the shares.

    The output has no shares; its adjoint is 1.
    """

    name: str
    shares: tuple[Share, ...]
    adjoint: float


@dataclass(frozen=True, slots=True)
class Path:
    """One path from a node to the output, and the product of its local derivatives."""

    names: tuple[str, ...]
    partials: tuple[float, ...]
    product: float


@dataclass(frozen=True, slots=True)
class Paths:
    """All the paths from one node to the output; `listed` is empty for too many.

    count: how many there are; None where there are more than a million.
    """

    start: str
    end: str
    listed: tuple[Path, ...]
    count: int | None
    total: float


@dataclass(frozen=True, slots=True)
class Mathematics:
    """A loss of `nn` in the graph, as a textbook writes it, or its slope.

    loss: which one. at: the node that it is, or by which the slope is.
    inside: the nodes by which it is computed, where that is not how it is written.
    """

    loss: str
    at: str
    lines: tuple[Line, ...]
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A derivation: print it, or let a notebook show it.

    forward: the recorded nodes that matter, parents first.
    losses: the losses among them in mathematics, where it is known that they are some.
    slopes: the derivatives by predictions, as the formulas of their losses have them.
    steps: the backward pass over the nodes between `wrt` and the output, in its order.
    gradients: each node asked for by name, with the derivative of the output by it.
    notes: what was left out, and how to see it.
    """

    output: str
    forward: tuple[Record, ...]
    losses: tuple[Mathematics, ...]
    steps: tuple[Step, ...]
    slopes: tuple[Mathematics, ...]
    collapses: tuple[Collapse, ...]
    paths: tuple[Paths, ...]
    gradients: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return self.text()

    def text(self, digits: int = 6, ascii: bool = False) -> str:
        """The derivation as plain text, numbers at so many significant digits."""
        return _text(self, ASCII if ascii else TEXT, digits)

    def markdown(self, digits: int = 6) -> str:
        """The derivation as Markdown with LaTeX formulas."""
        return _markdown(self, digits)

    def latex(self, digits: int = 6) -> str:
        """The derivation as LaTeX (with amsmath), one displayed formula."""
        return _latex(self, digits)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"


# ---- from a graph to the steps -------------------------------------------------------


def explain(
    output: Value,
    wrt: Value | Iterable[Value] | None = None,
    names: Mapping[str, Any] | None = None,
) -> Explanation:
    """The chain rule written out for the derivative of `output` by `wrt`.

    wrt: one node or several, leaves or not; None for every leaf that is no bare
        number. The derivative by a node that `output` does not depend on is 0.
    names: a mapping such as `globals()`, for nodes without a label.

    Of a long derivation the first 200 steps are written out; a note says what is left
    out. Raises RuntimeError where the data of a leaf was changed after recording: the
    numbers would not fit together. No `.grad` is read or changed.

    >>> x = Value(3.0, label="x")
    >>> found = explain(x * x, x)
    >>> found.gradients
    (('x', 6.0),)
    >>> print(*str(found).splitlines()[7:10], sep="\\n")
      ∂out/∂x = x + x
              = 3 + 3
              = 6
    """
    nodes = graph(output)
    wanted = _wanted(nodes, wrt)
    return Derivation(nodes, wanted, names).explanation()


def _wanted(nodes: list[Node], wrt: Value | Iterable[Value] | None) -> list[Value]:
    if wrt is None:
        leaves = [n.value for n in nodes if not n.parents and not n.value.constant]
        return leaves or [nodes[-1].value]
    wanted = [wrt] if isinstance(wrt, Value) else list(dict.fromkeys(wrt))
    if not wanted:
        raise ValueError("wrt is empty; pass a Value, a list of them, or None for all")
    for value in wanted:
        if not isinstance(value, Value):
            raise TypeError(
                f"explain differentiates by Values; got {value!r}: pass the Value "
                "itself, or a list of them"
            )
    return wanted


class Derivation:
    """A graph with names, consumers and adjoints, from which the steps are made."""

    def __init__(
        self,
        nodes: list[Node],
        wanted: Sequence[Value],
        names: Mapping[str, Any] | None = None,
    ) -> None:
        self.nodes = nodes
        self.wanted = wanted
        self.names = names_of([node.value for node in nodes], names)
        self.end = len(nodes) - 1
        self.adjoints = list(adjoints(nodes[-1].value).values())
        self.index = {node.value: node.index for node in nodes}
        self.starts = [self.index[v] for v in wanted if v in self.index]
        self.on_the_way = _reached(nodes, self.starts)
        self.consumers = _consumers(nodes, self.on_the_way)
        self._rules: dict[int, Rules] = {}
        self._lines: dict[Value, Line | None] = {}

    @cached_property
    def of_numbers(self) -> set[int]:
        """The nodes that are computed of bare numbers alone."""
        found: set[int] = set()
        for node in self.nodes:
            if node.parents and all(
                p in found or self.nodes[p].value.constant for p in node.parents
            ):
                found.add(node.index)
        return found

    def explanation(self) -> Explanation:
        """All the steps, of a long derivation the first ones."""
        order = [n.index for n in reversed(self.nodes) if n.index in self.on_the_way]
        shown = order[:MOST_STEPS]
        needed = {i for s in shown for i in (s, *self.nodes[s].parents)}
        for i in sorted(self.of_numbers, reverse=True):  # consumers first
            needed.update(self.nodes[i].parents if i in needed else ())
        told = [i for i in sorted(needed) if not self.nodes[i].value.constant]
        starts = [i for i in self.starts if i != self.end]
        slopes = {i: self.slope(i) for i in shown}
        collapses = (self.collapse(i) for i in shown)
        losses = (self.mathematics(i) for i in reversed(shown))
        return Explanation(
            self.names[self.end],
            tuple(self.record(i) for i in told[-MOST_RECORDS:]),
            tuple(m for m in losses if m is not None)[-MOST_LOSSES:],
            tuple(self.step(i) for i in shown),
            tuple(m for m in slopes.values() if m is not None),
            tuple(c for c in collapses if c is not None),
            tuple(self.paths(i) for i in starts if len(starts) <= MOST_STARTS),
            tuple(self._result(v) for v in self.wanted),
            tuple(self._notes(len(order), len(told), len(starts))),
        )

    def _result(self, value: Value) -> tuple[str, float]:
        index = self.index.get(value)
        if index is None:
            return _outsider(value), 0.0
        return self.names[index], self.adjoints[index]

    def _notes(self, steps: int, records: int, starts: int) -> Iterator[str]:
        """Sentences on what the derivation does not show."""
        for value in self.wanted:
            if value not in self.index:
                yield (
                    f"{self.names[self.end]} does not depend on {_outsider(value)}, so "
                    "that derivative is 0."
                )
        if steps > MOST_STEPS:
            yield (
                f"The backward pass has {steps} steps; the first {MOST_STEPS} are "
                "written out. To see others, explain a node nearer to them: "
                "explain(node, wrt)."
            )
        if records > MOST_RECORDS:
            yield (
                f"Of the {records} values that take part, the last {MOST_RECORDS} are "
                "written out."
            )
        if starts > MOST_STARTS:
            yield (
                f"The paths are listed for up to {MOST_STARTS} nodes at a time: name "
                "them in explain(output, wrt)."
            )

    def about(self, index: int, forward: bool, backward: bool) -> Explanation:
        """One node's part: how its value comes about, how its gradient does."""
        loss = self.mathematics(index) if forward else None
        slope, collapse = self.slope(index), self.collapse(index)
        whole = forward and backward and index != self.end
        return Explanation(
            output=self.names[self.end],
            forward=(self.record(index),) if forward else (),
            losses=(loss,) if loss else (),
            steps=(self.step(index),) if backward else (),
            slopes=(slope,) if backward and slope else (),
            collapses=(collapse,) if backward and collapse else (),
            paths=(self.paths(index),) if whole else (),
            gradients=(),
            notes=(),
        )

    # ---- the pieces ------------------------------------------------------------------

    def symbol(self, index: int) -> Expression:
        """The name of a node, or the number itself for a bare number."""
        return symbol(self.nodes[index].value, self.names[index])

    def record(self, index: int) -> Record:
        """The forward step of a node; what no `wrt` leads to is taken as given.

        Unless it is computed of bare numbers alone, such as the exponent in x^(1/3).
        """
        node = self.nodes[index]
        name, data = self.names[index], node.value.data
        if not node.parents or index not in self.on_the_way | self.of_numbers:
            return Record(name, None, None, data)
        _check_current(node)
        symbols = formula(node.value, [self.symbol(p) for p in node.parents])
        numbers = formula(
            node.value, [Number(self.nodes[p].value.data) for p in node.parents]
        )
        return Record(name, symbols, numbers, data)

    def step(self, index: int) -> Step:
        """The backward step of a node: one share for each operand it is."""
        shares = tuple(
            self.share(index, consumer, position)
            for consumer, position in self.consumers.get(index, [])
        )
        return Step(self.names[index], shares, self.adjoints[index])

    def share(self, index: int, consumer: int, position: int) -> Share:
        """What a node's consumer, of which it is operand `position`, adds."""
        node = self.nodes[consumer]
        name = self.names[consumer]
        again = node.parents.count(index) > 1
        slope = Slope(name, self.names[index], position + 1 if again else 0)
        partial, adjoint = node.partials[position], self.adjoints[consumer]
        known = self.rules(consumer)[position]
        rule: Expression = slope if known is None else known
        numbers: Expression = Number(partial)
        if known is not None:
            numbers = with_numbers(known, self._data_around(consumer))
        direct = consumer == self.end
        product = adjoint * partial
        if product != product:
            product = chosen(node.value, position, product)
        return Share(name, slope, rule, numbers, adjoint, partial, product, direct)

    def rules(self, index: int) -> Rules:
        """The symbolic local derivatives of a node, once for all its operands."""
        if index not in self._rules:
            node = self.nodes[index]
            _check_current(node)
            parents = [self.symbol(p) for p in node.parents]
            self._rules[index] = Rules(node.value, self.names[index], parents)
        return self._rules[index]

    def _data_around(self, index: int) -> dict[str, float]:
        around = (index, *self.nodes[index].parents)
        return {self.names[i]: self.nodes[i].value.data for i in around}

    # ---- paths -----------------------------------------------------------------------

    def paths(self, start: int) -> Paths:
        """Each path from a node to the output, where they are few and short."""
        count = self.path_counts[start]
        listed = tuple(self._listed(start)) if count <= MOST_PATHS else ()
        return Paths(
            self.names[start],
            self.names[self.end],
            listed,
            count if count <= 1_000_000 else None,
            self.adjoints[start],
        )

    @cached_property
    def path_counts(self) -> dict[int, int]:
        """For each node how many paths lead from it to the output, up to a million."""
        counts = {self.end: 1}
        for index in range(self.end - 1, -1, -1):
            count = sum(counts[c] for c, _ in self.consumers.get(index, []))
            counts[index] = min(count, 1_000_001)
        return counts

    def _listed(self, start: int) -> Iterator[Path]:
        """Depth first, in the order of the consumers; nothing where one is long."""
        found: list[Path] = []
        waiting: list[tuple[tuple[int, ...], tuple[float, ...]]] = [((start,), ())]
        while waiting:
            way, partials = waiting.pop()
            if way[-1] == self.end:
                found.append(self._path(way, partials))
                continue
            if len(way) > LONGEST_PATH:
                return
            waiting += [
                ((*way, c), (*partials, self.nodes[c].partials[k]))
                for c, k in reversed(self.consumers[way[-1]])
            ]
        yield from found

    def _path(self, way: tuple[int, ...], partials: tuple[float, ...]) -> Path:
        product = 1.0
        for partial in reversed(partials):  # as the backward pass multiplies
            product *= partial
        return Path(tuple(self.names[i] for i in way), partials, product)

    # ---- losses in mathematics -------------------------------------------------------

    @cached_property
    def losses(self) -> Losses:
        """The losses of `nn` that the graph ends with, with the names of this view."""
        output = self.nodes[self.end].value
        found = losses_in(output)
        others = {element.name for element in found if not element.bare}
        return Losses(
            output,
            self.names[self.end],
            [element for element in found if self._is_loss(element, others)],
            lambda value: self.adjoints[self.index[value]],
            lambda value: self.symbol(self.index[value]),
            taken=self.names,
        )

    def _is_loss(self, element: Element, others: Collection[str]) -> bool:
        """Whether it is no formula that but looks like a loss.

        others: the names of those that are; a softplus alone is one where it is of ŷ,
            or there are others of its kind.
        """
        if element.certain or any(p.label[:1] == "ŷ" for p in element.predictions):
            return True
        if element.bare:
            return element.name in others
        return self.has_weights

    @cached_property
    def has_weights(self) -> bool:
        """Whether there are weights of a network in the graph."""
        return any(WEIGHT.match(node.value.label) for node in self.nodes)

    @cached_property
    def written(self) -> dict[Value, Written]:
        """The losses by the nodes that they are."""
        return {each.element.node: each for each in self.losses.elements}

    def mathematics(self, index: int) -> Mathematics | None:
        """The loss that a node is, as a textbook writes it."""
        each = self.written.get(self.nodes[index].value)
        if each is None or not self._counts(each):
            return None
        name = self.names[index]
        inside = tuple(self.names[i] for i in self._inside(each.element))
        return Mathematics(each.words, name, tuple(each.lines(Symbol(name))), inside)

    def _counts(self, each: Written) -> bool:
        """Whether the slope by a prediction is told, which is made of it."""
        slopes = map(self._slope_line, each.element.predictions)
        return self.adjoints[self.index[each.element.node]] != 0 and any(slopes)

    def _inside(self, element: Element) -> Iterator[int]:
        """The nodes of a loss that is computed in another way than it is written.

        And those that are computed from it.
        """
        if FORMULAS[element.name].remark:
            yield from _reached(self.nodes, [self.index[element.node]])
            waiting, seen = [element.node], {element.node, *element.predictions}
            while waiting:
                node = waiting.pop()
                yield self.index[node]
                new = [p for p in node.parents if p not in seen]
                seen.update(new)
                waiting += new

    def slope(self, index: int) -> Mathematics | None:
        """The derivative by a prediction, as the formula of its loss has it."""
        value = self.nodes[index].value
        line = self._slope_line(value)
        if line is None:
            return None
        ((each, _), *_) = self.losses.shares[value]
        alone = self.losses.slope(value) is not None
        words = each.words if alone else f"{each.words}, and of what is added"
        return Mathematics(words, self.names[index], (line,))

    def _slope_line(self, prediction: Value) -> Line | None:
        """The derivative by a prediction, of its losses and of what else it is in."""
        if prediction not in self._lines:
            found = [each.element for each in self.losses.elements]
            told = [v for e in found for v in (e.node, *e.predictions)]
            names = {v: Symbol(self.names[self.index[v]]) for v in told}
            line = self.losses.slope(prediction) or self.losses.mixed(prediction, names)
            self._lines[prediction] = line
        return self._lines[prediction]

    # ---- a sigmoid or a softmax with cross-entropy -----------------------------------

    def collapse(self, index: int, sure: bool = False) -> Collapse | None:
        """The shortcut at a logit, where it meets cross-entropy."""
        parts = self.nodes, self.names, self.adjoints, self.consumers
        return Finder(*parts, sure=sure)(index)


def _outsider(value: Value) -> str:
    """What a node is called that is not in the graph."""
    return clean(value.label) or f"the value {short(value.data)}"


def collapses(
    nodes: list[Node], logits: Sequence[Value], names: Mapping[str, Value], sure: bool
) -> dict[Value, Collapse]:
    """The nodes where a sigmoid or softmax meets cross-entropy, with the shortcut.

    sure: whether the output is known to be such a loss; see `viz.loss.Finder`.
    """
    derivation = Derivation(nodes, logits, names)
    found = {z: derivation.collapse(derivation.index[z], sure) for z in logits}
    return {z: collapse for z, collapse in found.items() if collapse is not None}


def _reached(nodes: Sequence[Node], starts: Iterable[int]) -> set[int]:
    """The starts and every node that depends on one of them."""
    reached = set(starts)
    for node in nodes:
        if any(p in reached for p in node.parents):
            reached.add(node.index)
    return reached


def _consumers(
    nodes: Sequence[Node], on_the_way: set[int]
) -> dict[int, list[tuple[int, int]]]:
    """For each node its consumers and which operand of them it is, nearest the output
    first: the order in which the backward pass adds their shares."""
    consumers: dict[int, list[tuple[int, int]]] = {}
    for node in reversed(nodes):
        for position, parent in enumerate(node.parents):
            if parent in on_the_way:
                consumers.setdefault(parent, []).append((node.index, position))
    return consumers


def _check_current(node: Node) -> None:
    """That a node still is its operation applied to its parents."""
    value = node.value
    if value.operation is GIVEN:  # whose number nobody can compute
        return
    numbers = [parent.data for parent in value.parents]
    with ieee():
        now = computed(value.operation, numbers, value.parents)
    if now != value.data and (now == now or value.data == value.data):
        raise RuntimeError(
            f"the data of a leaf changed after {describe(value)} was recorded, so its "
            "numbers no longer fit together; call recompute() on the output first"
        )


# ---- printing: sections, and what each form makes of them ----------------------------


@dataclass(frozen=True, slots=True)
class Equation:
    """A left side and what it is equal to, one after the other, all printed.

    joint: what stands between the left side and the first right side.
    """

    left: str
    rights: tuple[str, ...]
    joint: str = "="


@dataclass(frozen=True, slots=True)
class Section:
    """A title, of words and names, and equations.

    stacked: whether the right sides stand under one another.
    """

    title: tuple[str | Symbol, ...]
    equations: tuple[Equation, ...]
    stacked: bool = False


Shown = Callable[[Expression], str]


def sections(told: Explanation, style: Style, digits: int) -> Iterator[Section]:
    """An explanation as titled equations, printed in a style."""

    def shown(expression: Expression) -> str:
        return show(expression, style, digits)

    inside = {name for each in told.losses for name in each.inside}
    early = [record for record in told.forward if record.name not in inside]
    late = [record for record in told.forward if record.name in inside]
    if early:
        records = tuple(_forward(record, shown) for record in early)
        yield Section(("Forward",), records)
    for each in told.losses:
        lines = tuple(_equation(line, style, shown) for line in each.lines)
        yield Section((f"The loss, {each.loss}",), lines)
    if late:
        records = tuple(_forward(record, shown) for record in late)
        yield Section(("The same, as it is computed: exact at any size",), records)
    yield from _backward_sections(told, style, shown)
    for paths in told.paths:
        yield _path_section(paths, style, shown)
    if told.gradients:
        yield Section(("Result",), tuple(_results(told, shown)))


def _forward(record: Record, shown: Shown) -> Equation:
    value = shown(Number(record.value))
    if record.formula is None or record.numbers is None:
        return Equation(shown(Symbol(record.name)), (value,))
    rights = (shown(record.formula), shown(record.numbers), value)
    return Equation(shown(Symbol(record.name)), rights)


def _equation(line: Line, style: Style, shown: Shown) -> Equation:
    """A line of a loss, with its words after the number."""
    *rights, value = _different(map(shown, line.rights))
    if line.words:
        value += style.words(f", {line.words}")
    return Equation(shown(line.left), (*rights, value))


def _backward_sections(
    told: Explanation, style: Style, shown: Shown
) -> Iterator[Section]:
    slopes = {slope.at: slope for slope in told.slopes}
    collapses = {collapse.logit: collapse for collapse in told.collapses}
    title: tuple[str, ...] = ("Backward",)
    for step in told.steps:
        left = shown(Slope(told.output, step.name))
        rights = _different(map(shown, derivation(told.output, step)))
        yield Section(title, (Equation(left, rights),), stacked=True)
        title = ()
        slope, collapse = slopes.get(step.name), collapses.get(step.name)
        if slope is None and collapse is None:
            continue
        words = f"{collapse.words}: the product collapses to" if collapse else ""
        lines: list[Equation] = []
        if collapse:
            lines = [Equation(left, tuple(map(shown, shortcut(collapse))))]
        if slope:
            words = words or f"By the formula of {slope.loss}"
            lines = [_equation(line, style, shown) for line in slope.lines]
        yield Section((words,), tuple(lines), stacked=True)


def derivation(output: str, step: Step) -> Iterator[Expression]:
    """The lines of one step, from the chain rule to the number."""
    if step.shares:
        yield _total(step, lambda s: _chained(output, s, s.slope))
        yield _total(step, lambda s: _chained(output, s, s.rule))
        yield _total(step, lambda s: _counted(s, s.numbers))
        yield _total(step, lambda s: _counted(s, Number(s.partial)))
        yield _total(step, lambda s: Number(s.product))
    yield Number(step.adjoint)


def _total(step: Step, term: Callable[[Share], Expression]) -> Expression:
    return plus(*few(tuple(term(share) for share in step.shares)))


def _chained(output: str, share: Share, local: Expression) -> Expression:
    """Adjoint x local derivative; the output's adjoint, 1, is left out."""
    if share.direct:
        return share.rule
    return times(Slope(output, share.consumer), local)


def _counted(share: Share, local: Expression) -> Expression:
    return local if share.direct else times(Number(share.adjoint), local)


def shortcut(collapse: Collapse, target: str = "target") -> Iterator[Expression]:
    """The lines of the shortcut: with names, with numbers, the number."""
    scale = [] if collapse.scale == 1.0 else [Number(collapse.scale)]
    yield times(*scale, Apply(SUB, (collapse.prediction, Symbol(target))))
    numbers = Number(collapse.predicted), Number(collapse.target)
    yield times(*scale, Apply(SUB, numbers))
    yield Number(collapse.adjoint)


def _path_section(paths: Paths, style: Style, shown: Shown) -> Section:
    start, end = Symbol(paths.start), Symbol(paths.end)
    if not paths.listed:
        many = "More than a million" if paths.count is None else f"{paths.count:,}"
        return Section((f"{many} paths from ", start, " to ", end, _NOT_LISTED), ())
    count = "One path" if paths.count == 1 else f"{paths.count} paths"
    title = (f"{count} from ", start, " to ", end, _LISTED)
    equations = [_path_equation(path, style, shown) for path in paths.listed]
    if len(equations) > 1:
        total = plus(*(Number(path.product) for path in paths.listed))
        rights = (shown(total), shown(Number(paths.total)))
        equations.append(Equation(shown(Slope(paths.end, paths.start)), rights))
    return Section(title, tuple(equations))


def _path_equation(path: Path, style: Style, shown: Shown) -> Equation:
    way = style.arrow.join(style.symbol(name) for name in path.names)
    factors = times(*(Number(partial) for partial in path.partials))
    rights = _different((shown(factors), shown(Number(path.product))))
    return Equation(way, rights, ":")


def _results(told: Explanation, shown: Shown) -> Iterator[Equation]:
    for name, gradient in told.gradients:
        left = shown(Slope(told.output, name))
        yield Equation(left, (shown(Number(gradient)),))


_LISTED = ", each the product of the local derivatives along it"
_NOT_LISTED = ": too many or too long to list; the sums above add them all up"


def _different(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines without those that repeat the one before."""
    return tuple(line for line, _ in groupby(lines))


# ---- as text -------------------------------------------------------------------------

WIDEST_COLUMN = 36


def _text(told: Explanation, style: Style, digits: int) -> str:
    parts = [_section_text(s, style) for s in sections(told, style, digits)]
    notes = [_ascii(n) if style is ASCII else n for n in told.notes]
    return "\n\n".join([*parts, *notes])


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _section_text(section: Section, style: Style) -> str:
    title = "".join(
        style.symbol(part.name) if isinstance(part, Symbol) else part
        for part in section.title
    )
    lay = _stacked if section.stacked else _in_columns
    lines = [f"  {line}" for line in lay(section.equations)]
    return "\n".join([title, *lines] if title else lines)


def _stacked(equations: Sequence[Equation]) -> Iterator[str]:
    for equation in equations:
        left = equation.left
        for right in equation.rights:
            yield f"{left} = {right}"
            left = " " * width(equation.left)


def _in_columns(equations: Sequence[Equation]) -> Iterator[str]:
    """Each on a line of its own, the same places under one another."""
    lefts = _column([e.left + _joint(e) for e in equations])
    columns = zip_longest(*(e.rights[:-1] for e in equations))
    padded = [_column(column) for column in columns]
    for row, equation in enumerate(equations):
        count = len(equation.rights) - 1
        cells = [column[row] for column in padded[:count]]
        joint = " " if equation.joint == ":" else " = "
        yield lefts[row] + joint + " = ".join([*cells, equation.rights[-1]])


def _joint(equation: Equation) -> str:
    return ":" if equation.joint == ":" else ""


def _column(cells: Sequence[str | None]) -> list[str]:
    """The cells padded to the widest that is not too wide."""
    widths = [width(cell) for cell in cells if cell is not None]
    widest = max((w for w in widths if w <= WIDEST_COLUMN), default=0)
    return [pad(cell or "", widest) for cell in cells]


# ---- as Markdown and LaTeX -----------------------------------------------------------


NEW_ROW = " \\\\[0.4em]\n"  # with room between fractions


def _markdown(told: Explanation, digits: int) -> str:
    parts = [_section_markdown(s) for s in sections(told, LATEX, digits)]
    return "\n\n".join([*parts, *map(_escape_markdown, told.notes)])


def _section_markdown(section: Section) -> str:
    title = "".join(
        f"${LATEX.symbol(part.name)}$" if isinstance(part, Symbol) else part
        for part in section.title
    )
    head = [f"**{title}**" if len(section.title) == 1 else title] if title else []
    rows = NEW_ROW.join(_rows(section))
    body = [f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$"] if rows else []
    return "\n\n".join([*head, *body])


def _escape_markdown(text: str) -> str:
    """Every mark of Markdown and HTML as the character itself."""
    return re.sub(
        r"([\\`*_{}\[\]()#+\-.!|$~])", r"\\\1", html.escape(text, quote=False)
    )


def _latex(told: Explanation, digits: int) -> str:
    rows = [
        row
        for section in sections(told, LATEX, digits)
        for row in (*_title_row(section), *_rows(section))
    ]
    rows += [rf"&{escape_latex(note)}" for note in told.notes]
    return "\\begin{aligned}\n" + NEW_ROW.join(rows) + "\n\\end{aligned}"


def _title_row(section: Section) -> Iterator[str]:
    if section.title:
        yield "&" + "".join(
            LATEX.symbol(part.name) if isinstance(part, Symbol) else rf"\text{{{part}}}"
            for part in section.title
        )


def _rows(section: Section) -> Iterator[str]:
    """The equations, stacked or on one line each, with & where they align."""
    for equation in section.equations:
        joint = ":\\;" if equation.joint == ":" else "="
        if section.stacked:
            yield f"{equation.left} &{joint} {equation.rights[0]}"
            yield from (f"&= {right}" for right in equation.rights[1:])
        else:
            yield f"{equation.left} &{joint} {' = '.join(equation.rights)}"
