"""A training step of a network as text: a flow chart, or a diagram of boxes.

Both are printed from the same parts. Every number is a node's value or gradient in one
recorded graph; the words and sums around them are all that is made here.
"""

from __future__ import annotations

import copy
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain, groupby
from typing import Any, Literal, TypeVar

from autograd.graph import gradients, graph
from autograd.modes import ieee
from autograd.value import Value, number_of
from autograd.wording import width as columns
from nn.formulas import FORMULAS, Element, losses_in
from nn.losses import Loss
from nn.module import Module
from viz.boxes import GUTTER, Part, Parts, diagram
from viz.digits import typed
from viz.explain import Derivation, derivation, shortcut
from viz.layers import Pass, Stage, inner_names, numbered, record_pass
from viz.loss import Line, Losses, Written, chained, slopes_upon
from viz.notation import (
    ASCII,
    MUL,
    TEXT,
    Apply,
    Expression,
    Gap,
    Number,
    Rules,
    Slope,
    Style,
    Symbol,
    Word,
    own_name,
    plus,
    replaced,
    show,
    times,
    with_numbers,
    written,
)

MOST_NEURONS = 8
ROW = Symbol("\0")  # stands for each weight of a row
MOST_CHAIN = 24  # nodes of a loss of one's own that are written out

T = TypeVar("T")

# ---- parts: titles with lines, fitted to a width -------------------------------------

Right = Expression | str
"""What stands after an equals sign: an expression, or a vector already printed."""


class _Writer:
    """Writes a pass as parts whose lines are at most `room` columns wide."""

    def __init__(self, told: Pass, room: int, style: Style, digits: int) -> None:
        self.told = told
        self.room = room
        self.style = style
        self.digits = digits
        self.last = len(told.stages) - 1
        self.homes = _homes(told.stages)
        self.delta_letter = "d" if style is ASCII else "δ"
        self.output = "yhat" if style is ASCII else "ŷ"
        self.every = ":" if style is ASCII else "·"
        names, outs = self.names("a", self.last), told.stages[-1].outs
        self.outputs_by_name = dict(zip(outs, map(Symbol, names), strict=True))
        self.found = losses_in(told.loss)
        self.losses = Losses(
            told.loss,
            "L",
            self.found,
            self.adjoint,
            self.symbol_of,
            self.target_symbol,
            MOST_NEURONS,
        )
        nodes = [each.element.node for each in self.losses.elements]
        titles = ["L"] if nodes == [told.loss] else numbered("L", len(nodes) + 1)
        self.elements = dict(zip(nodes, map(Symbol, titles), strict=False))

    # ---- forward ---------------------------------------------------------------------

    def input(self) -> Part:
        """The inputs and the target."""
        x = self.vector_line("x", _data(self.told.inputs))
        y = self.goals
        if self.classes:
            (number,) = map(self.shown, map(Number, self.told.targets))
            known = [f"class {number}, counted from 0", self.vector("y", y)]
            return Part("Input", (*x, *self.line("y", known)))
        return Part("Input", (*x, *(self.vector_line("y", y) if y else [])))

    def forward(self, k: int) -> Part:
        """A layer's weights, each z as its sum written out, each activation.

        Weights that an earlier layer has as well are told there.
        """
        lines: list[str] = []
        for left, values in self.parameters(k):
            lines += self.vector_line(left, _data(values))
        return Part(self.title(k), (*lines, *self.values(k)))

    def parameters(self, k: int) -> list[tuple[str, Sequence[Value]]]:
        """The rows of a stage's parameters with their names, the wide layer's middle
        left out."""
        stage = self.told.stages[k]
        if self.home(k) != k:
            return []
        rows: list[tuple[str, Sequence[Value]]]
        if stage.title:
            rows = [
                (self.shown(Symbol(name)), [value]) for name, value in stage.parameters
            ]
            return rows if len(rows) <= MOST_NEURONS else [*rows[:FEW], rows[-1]]
        rows = [(self.row("W", k, i), stage.weights[i]) for i in self.rows(stage)]
        return [*rows, (f"b{stage.name}", stage.biases)]

    def values(self, k: int) -> list[str]:
        """What a stage computes from its inputs."""
        if self.told.stages[k].title:
            return self.outputs(k)
        return self.sums(k) + self.activations(k)

    def outputs(self, k: int) -> list[str]:
        """Each output of what is no layer, written out where that is short."""
        stage, lines = self.told.stages[k], list[str]()
        known = self.known(k)
        symbols = {value: Symbol(name) for value, name in known.items()}
        data = {name: value.data for value, name in known.items()}
        for i in self.rows(stage):
            short = written(stage.outs[i], symbols, 40)
            right = [*self.both(short, data), Number(stage.outs[i].data)]
            lines += self.line(self.names("a", k)[i], right)
        return lines + self.gap(stage)

    def known(self, k: int) -> dict[Value, str]:
        """The names of all that a stage may be made of."""
        x = self.told.inputs
        known = dict(zip(x, numbered("x", len(x)), strict=True))
        for j, stage in enumerate(self.told.stages[:k]):
            known |= zip(stage.zs, self.names("z", j), strict=True)
            known |= zip(stage.outs, self.names("a", j), strict=True)
        return known | {value: name for name, value in self.told.stages[k].parameters}

    def sums(self, k: int) -> list[str]:
        """Each z of a layer as its sum written out with numbers."""
        stage, names = self.told.stages[k], self.names("z", k)
        lines: list[str] = []
        for i in self.rows(stage):
            weights, inputs = _data(stage.weights[i]), _data(stage.inputs)
            pairs = zip(weights, inputs, strict=True)
            terms = [times(Number(w), Number(x)) for w, x in pairs]
            terms.append(Number(stage.biases[i].data))
            total = self.fitted(names[i], terms, lambda shown: plus(*shown))
            lines += self.line(names[i], [total, Number(stage.zs[i].data)])
        return lines + self.gap(stage)

    def activations(self, k: int) -> list[str]:
        """Each activation of a layer, where it has one; else z is the output."""
        stage = self.told.stages[k]
        lines: list[str] = []
        for i in self.rows(stage):
            z, out = self.names("z", k)[i], self.names("a", k)[i]
            short = written(stage.outs[i], {stage.zs[i]: Symbol(z)}, 20)
            value = Number(stage.outs[i].data)
            data = {z: stage.zs[i].data}
            lines += self.line(out, [*self.both(short, data), value])
        return lines + self.gap(stage)

    def loss(self) -> Part:
        """The loss in mathematics, and its derivative by each output."""
        name = self.told.loss_name.replace("_", " ")
        title = f"Loss: {'a function' if '<' in name else name}"
        return Part(title, (*self.loss_lines(), *self.loss_slopes()))

    def loss_lines(self) -> list[str]:
        """The loss as its row in `nn.formulas` has it; of another its own formula."""
        if not self.losses.elements:
            return self.line("L", [*self.own_loss(), Number(self.told.loss.data)])
        every, lines = self.losses.elements, list[str]()
        total = [*self.losses.total(self.elements)]
        whole = self.told.loss in self.elements or total
        shown = self.kept(every) if whole or len(every) > MOST_CHAIN else every
        for each in shown:
            lines += self.element(each)
        if len(shown) < len(every):
            lines += self.omitted(every, "terms")
        if self.told.loss in self.elements:
            return lines
        if not total and len(shown) == len(every):
            total = self.own_loss()
        return lines + self.line("L", [*total, Number(self.told.loss.data)])

    def element(self, each: Written) -> list[str]:
        """The loss of one sample, or of one output: its steps, and what it comes to."""
        *steps, loss = each.lines(self.elements[each.element.node])
        lines = [text for line in steps for text in self.equation(line)]
        lines += self.omitted(each.order, "classes")
        return lines + self.equation(loss)

    def own_loss(self) -> list[Expression]:
        """The loss of outputs and terms, by name and by number, where that fits."""
        every = {**self.outputs_by_name, **self.elements}
        for names in ({**every, **self.named_parameters}, every):
            data = {name.name: value.data for value, name in names.items()}
            found = self.both(written(self.told.loss, names), data)
            fitting = [e for e in found if columns(self.shown(e)) <= 2 * self.room]
            if fitting:
                return fitting
        return []

    def remarks(self) -> list[str]:
        """How the loss is computed, where that is not how it is written."""
        for each in self.losses.elements[:1]:
            found = each.remark(self.outputs_by_name)
            if found is not None:
                text = f"computed as {self.shown(found)}"
                why = FORMULAS[each.element.name].remark
                if columns(text) <= self.room:
                    return self.wrapped("", f"{text}, {why}")
        return []

    def loss_slopes(self) -> list[str]:
        """The derivative of the loss by each output: where the way back begins."""
        stage, lines = self.told.stages[-1], self.remarks()
        slopes = [self.loss_slope(stage.outs[i]) for i in self.rows(stage)]
        if not all(slopes):
            return lines + self.chain()
        return [*lines, *chain.from_iterable(slopes), *self.gap(stage)]

    def loss_slope(self, out: Value) -> list[str]:
        """By one output: as its row has it, or by the chain rule in one formula."""
        names = self.outputs_by_name
        every = {**names, **self.elements}
        line = self.losses.slope(out) or self.losses.mixed(out, every)
        if line is not None:
            return self.equation(line)
        data = {name.name: value.data for value, name in names.items()}
        found = chained(self.told.loss, out, names)
        left, value = Slope("L", names[out].name), Number(self.adjoint(out))
        if found is None:
            return []
        return self.line(self.shown(left), [*self.both(found, data), value])

    def chain(self) -> list[str]:
        """The chain rule through a loss that has no row and no short derivative.

        Node by node, as in `explain`; where they are many, what they come to.
        """
        stage, names = self.told.stages[-1], self.outputs_by_name
        outs = [stage.outs[i] for i in self.rows(stage)]
        told = Derivation(graph(self.told.loss), outs, {})
        own = iter(range(1, len(told.nodes)))
        for index in sorted(told.on_the_way):
            node = told.nodes[index].value
            known = node in names
            told.names[index] = names[node].name if known else f"v{next(own)}"
        told.names[told.end] = "L"
        others: dict[str, float] = {}
        for index in {*told.index.values()} - told.on_the_way:  # numbers, here
            told.names[index] = f"\0{index}"
            others[told.names[index]] = told.nodes[index].value.data
        found, lines = told.explanation(), list[str]()
        if len(found.steps) > MOST_CHAIN:
            words = f"after the chain rule through {len(found.steps)} nodes"
            for out in outs:
                left = self.shown(Slope("L", names[out].name))
                value = self.shown(Number(self.adjoint(out)))
                lines += self.line(left, [f"{value}, {words}"])
            return lines + self.gap(stage)
        for record in found.forward:
            outer = {*others, *(name.name for name in names.values())}
            inside = record.name not in outer
            if record.formula and record.numbers and inside:
                formula = with_numbers(record.formula, others)
                rights = [formula, record.numbers, Number(record.value)]
                lines += self.line(self.shown(Symbol(record.name)), rights)
        for step in found.steps:
            left = self.shown(Slope("L", step.name))
            rights = [with_numbers(e, others) for e in derivation("L", step)]
            lines += self.line(left, rights)
        return lines + self.gap(stage)

    # ---- backward --------------------------------------------------------------------

    def backward(self, k: int) -> Part:
        """The deltas of a layer, and the gradients of its weights and biases."""
        if self.told.stages[k].title:
            lines = [*self.slopes(k), *self.own_gradients(k)]
        else:
            lines = [*self.rule(k), *self.deltas(k), *self.gradients(k)]
        return Part(f"Backward through {self.layer(k)}", tuple(lines))

    def slopes(self, k: int) -> list[str]:
        """The derivative of the loss by each output of what is no layer."""
        stage, lines = self.told.stages[k], list[str]()
        if k == self.last:
            return []  # told with the loss
        for i in self.rows(stage):
            left = self.shown(Slope("L", self.names("a", k)[i]))
            terms = self.behind(k, i) if stage.direct else ()
            rights = [self.fitted(left, t, partial(_weighted, [])) for t in terms]
            lines += self.line(left, [*rights, Number(self.adjoint(stage.outs[i]))])
        return lines + self.gap(stage)

    def own_gradients(self, k: int) -> list[str]:
        """The derivative of the loss by each parameter of what is no layer."""
        d, lines = "d" if self.style is ASCII else "∂", list[str]()
        for name, (value,) in self.parameters(k):
            lines += self.line(f"{d}L/{d}{name}", [Number(self.adjoint(value))])
        return lines

    def rule(self, k: int) -> list[str]:
        """How the deltas of a hidden layer follow from those of the next, in short."""
        stage = self.told.stages[k]
        if not stage.direct:
            return []
        weights = self.weights(k + 1)
        delta, later = (self.letter(self.delta_letter, j) for j in (k, k + 1))
        if self.style is ASCII:
            behind, each = f"{weights}^T*{later}", "*"
        else:
            behind, each = f"{weights}ᵀ·{later}", "⊙"
        if stage.outs[0] is stage.zs[0]:
            return [f"{delta} = {behind}"]
        return [f"{delta} = ({behind}) {each} f'(z{stage.name})"]

    def deltas(self, k: int) -> list[str]:
        """Each delta of a layer: its activation's slope times what comes back to it."""
        stage = self.told.stages[k]
        lines: list[str] = []
        for i in self.rows(stage):
            lines += self.slope_line(k, i) + self.delta(k, i)
        return lines + self.gap(stage)

    def slope_line(self, k: int, i: int) -> list[str]:
        """f'(z): the local derivative of the activation, from the table's rule."""
        stage = self.told.stages[k]
        z, out = stage.zs[i], stage.outs[i]
        if out is z:
            return []
        name, z_name = self.names("a", k)[i], self.names("z", k)[i]
        symbols = {z: Symbol(z_name), out: Symbol(name)}
        rule = chained(out, z, symbols)
        if out.parents == (z,):
            rule = Rules(out, name, [Symbol(z_name)])[0]
        rights = self.both(rule, {name: out.data, z_name: z.data})
        if out.parents != (z,):  # one of one's own, which may be long
            room = self.room - columns(z_name) - 7
            rights = [r for r in rights if columns(self.shown(r)) <= room]
        value, slope = self.shown(Number(_slope(stage, i))), f"f'({z_name})"
        if isinstance(rule, Number) and _has_branches(out):
            sign = ">" if z.data > 0 else "<" if z.data < 0 else "is"
            value += f", as {z_name} {sign} 0"
        return self.line(slope, [*rights, value])

    def delta(self, k: int, i: int) -> list[str]:
        """delta = (W^T delta) * f'(z); where no layer comes next dL/da * f'(z)."""
        stage, left = self.told.stages[k], self.names(self.delta_letter, k)[i]
        local: list[list[Expression]] = [[], []]
        if stage.outs[i] is not stage.zs[i]:
            slope = Word(f"f'({self.names('z', k)[i]})")
            local = [[slope], [Number(_slope(stage, i))]]
        rights: list[Right] = [
            self.fitted(left, terms, partial(_weighted, own))
            for terms, own in zip(self.behind(k, i), local, strict=True)
        ]
        value = Number(self.adjoint(stage.zs[i]))
        lines = self.line(left, [*rights, value])
        collapse = self.told.collapses.get(stage.zs[i])
        if collapse is not None and not self.losses.slope(stage.zs[i]):
            named = replace(collapse, prediction=self.named(collapse.prediction))
            lines += self.line(left, [*shortcut(named, self.target_name(i))])
        return lines

    def named(self, prediction: Expression) -> Expression:
        """The prediction of a shortcut with the names of the last layer's neurons."""
        stages = self.told.stages
        layer = max(k for k, stage in enumerate(stages) if not stage.title)
        known: dict[str, Expression] = {}
        for letter, k in (("a", self.last), ("z", layer)):
            values = stages[k].outs if letter == "a" else stages[k].zs
            inner = inner_names(letter, values)
            known |= zip(inner, map(Symbol, self.names(letter, k)), strict=True)
        return replaced(prediction, known)

    def target_name(self, i: int) -> str:
        """What an output's target is called, where each has one of its own."""
        count = len(self.told.stages[-1].outs)
        return numbered("y", count)[i] if len(self.goals) == count else "target"

    @cached_property
    def classes(self) -> Element | None:
        """The loss of the outputs where the target, one number, is a class."""
        if len(self.found) != 1 or len(self.told.targets) != 1:
            return None
        return self.found[0] if self.found[0].formula.row else None

    @cached_property
    def goals(self) -> list[float]:
        """The target's numbers; a class as a probability for each class."""
        if self.classes is None:
            return self.told.targets
        pairs = zip(self.classes.predictions, self.classes.targets, strict=True)
        wanted = dict(pairs)
        return [number_of(wanted.get(out, 0.0)) for out in self.outputs_by_name]

    def symbol_of(self, value: Value) -> Expression:
        """What an output is called; anything else is a number."""
        return self.outputs_by_name.get(value) or Number(value.data)

    def target_symbol(
        self, prediction: Value, given: float | Value
    ) -> Expression | None:
        """What the target of an output is called; None where none is its own."""
        outs = list(self.outputs_by_name)
        if len(self.goals) != len(outs) or prediction not in outs:
            return None
        place = outs.index(prediction)
        own = self.goals[place] == number_of(given)
        return Symbol(numbered("y", len(outs))[place]) if own else None

    def behind(self, k: int, i: int) -> tuple[list[Expression], list[Expression]]:
        """What comes back to a neuron's output: terms with names, and with numbers."""
        stage = self.told.stages[k]
        if not stage.direct:
            slope = Slope("L", self.names("a", k)[i])
            return [slope], [Number(self.adjoint(stage.outs[i]))]
        after = self.told.stages[k + 1]
        names = self.names(self.delta_letter, k + 1)
        symbols: list[Expression] = []
        numbers: list[Expression] = []
        for j, z in enumerate(after.zs):
            weight = Symbol(f"{self.weights(k + 1)}[{j + 1},{i + 1}]")
            symbols.append(times(weight, Symbol(names[j])))
            delta = Number(self.adjoint(z))
            numbers.append(times(Number(after.weights[j][i].data), delta))
        return symbols, numbers

    def gradients(self, k: int) -> list[str]:
        """The gradients of the weights, row by row, and of the biases."""
        stage, d = self.told.stages[k], "d" if self.style is ASCII else "∂"
        if self.home(k) != k:
            return [f"{d}L/{d}{self.weights(k)} comes with {self.layer(self.home(k))}"]
        lines: list[str] = []
        for i in self.rows(stage):
            left = f"{d}L/{d}{self.row('W', k, i)}"
            slopes = self.vector(left, [self.adjoint(w) for w in stage.weights[i]])
            lines += self.line(left, [*self.products(k, i, left), slopes])
        lines += self.gap(stage)
        left = f"{d}L/{d}b{stage.name}"
        biases = self.vector(left, [self.adjoint(b) for b in stage.biases])
        deltas = [self.letter(self.delta_letter, j) for j in self.uses(k)]
        rights = [" + ".join(deltas)] * self.all_uses(k, stage.biases)
        more = self.added(stage.biases, left, f"b{stage.name}")
        if more and len(deltas) == 1:
            slopes = self.vector(left, [self.adjoint(z) for z in stage.zs])
            sides = zip((*deltas, slopes), more, strict=True)
            rights = [one + other for one, other in sides if other]
        return lines + self.line(left, [*rights, biases])

    def products(self, k: int, i: int, left: str) -> list[str]:
        """A row of weights' gradient as delta times inputs, where it is nothing else.

        Weights that several layers share get a product from each.
        """
        stage, uses = self.told.stages[k], self.uses(k)
        weights = stage.weights[i]
        more = self.added(weights, left, self.row("W", k, i))
        if not self.all_uses(k, weights) and (not more or len(uses) > 1):
            return []
        names = [
            f"{self.names(self.delta_letter, j)[i]}{self.dot}{self.inputs(j)}"
            for j in uses
        ]
        if len(uses) > 1:
            return [" + ".join(names)]
        delta = self.shown(Number(self.adjoint(stage.zs[i]))) + self.dot
        sides = [*names, self.vector(left, _data(stage.inputs), before=delta)]
        return [a + b for a, b in zip(sides, more, strict=True) if b] if more else sides

    @cached_property
    def named_parameters(self) -> dict[Value, Symbol]:
        """The weights and biases that the loss names itself."""
        found: dict[Value, Symbol] = {}
        for k, stage in enumerate(self.told.stages):
            if stage.title:
                continue
            names = numbered(f"b{stage.name}", len(stage.biases))
            every = dict(zip(stage.biases, names, strict=True))
            for i, row in enumerate(stage.weights, 1):
                every |= {
                    weight: f"{self.weights(k)}[{i},{j}]"
                    for j, weight in enumerate(row, 1)
                }
            own = [value for value in every if not self.all_uses(k, [value])]
            found |= {value: Symbol(every[value]) for value in own}
        return found

    @cached_property
    def penalties(self) -> dict[Value, tuple[Expression | None, float]]:
        """The slope of the loss by each weight and bias that it names itself."""
        own = self.named_parameters
        names = {**self.outputs_by_name, **self.elements, **own}
        slopes = slopes_upon(self.told.loss, [*own], names)
        everywhere = {name.name: ROW for name in own.values()}
        return {
            value: (slope and replaced(slope, everywhere), number)
            for value, (slope, number) in zip(own, slopes, strict=bool(slopes))
        }

    def added(self, values: Sequence[Value], left: str, row: str) -> list[str]:
        """What the loss adds to the slopes by a row of weights, or by biases, itself.

        By name, or "" where that is not the same for each, and in numbers. Empty where
        it adds nothing, or what is not told.
        """
        if self.penalties.keys().isdisjoint(values):
            return []
        found = [self.penalties.get(v, (Number(0.0), 0.0)) for v in values]
        shown = {expression for expression, _ in found}
        match [*shown]:
            case [Apply(operation, (Number(factor), rest))] if (
                operation is MUL and rest == ROW and factor > 0
            ):
                before = self.shown(Number(factor)) + self.dot
                numbers = self.vector(left, _data(values), before=before)
                return [f" + {before}{row}", f" + {numbers}"]
        return ["", f" + {self.vector(left, [number for _, number in found])}"]

    def home(self, k: int) -> int:
        """The first layer with the weights and biases of this one."""
        return self.homes[k]

    def uses(self, k: int) -> list[int]:
        """The layers that have this one's weights and biases."""
        return [j for j, home in enumerate(self.homes) if home == self.homes[k]]

    def all_uses(self, k: int, parameters: Sequence[Value]) -> bool:
        """Whether the layers with this one's weights are all that use these."""
        count, users = len(self.uses(k)), self.told.users
        return all(len(users.get(value, ())) == count for value in parameters)

    def update(self, after: _Writer, lr: float) -> Part:
        """Every weight and bias minus the learning rate times its gradient.

        after: the writer of the second pass, which has the new numbers.
        """
        lines: list[str] = []
        for k, stage in enumerate(self.told.stages):
            pairs = zip(self.parameters(k), after.parameters(k), strict=True)
            steps = [self.step(left, old, new, lr) for (left, old), (_, new) in pairs]
            if steps and not stage.title:
                steps.insert(-1, self.gap(stage))
            lines += chain.from_iterable(steps)
        rate = typed(lr, self.digits)
        return Part(f"Update: minus {rate} times the gradient", tuple(lines))

    def step(
        self, left: str, old: Sequence[Value], new: Sequence[Value], lr: float
    ) -> list[str]:
        """One row of parameters before and after the update."""
        before = self.vector(left, _data(old))
        if self.told.trained.isdisjoint(old):
            return self.line(left, [f"{before}, frozen"])
        factor = f"- {self.shown(Number(lr))}{self.dot}"
        slopes = self.vector(left, [self.adjoint(p) for p in old], before=factor)
        after = self.vector(left, _data(new))
        whole = f"{left} = {before} {slopes} = {after}"
        if columns(whole) <= self.room:
            return [whole]
        indent = " " * columns(left)
        heads = (f"{left} = ", f"{indent}   ", f"{indent} = ")
        return [
            line
            for head, text in zip(heads, (before, slopes, after), strict=True)
            for line in self.wrapped(head, text)
        ]

    # ---- names -----------------------------------------------------------------------

    def names(self, letter: str, k: int) -> list[str]:
        """The names of a layer's neurons, such as z1[1], z1[2]; the outputs are ŷ.

        What is no layer gives s[1], s[2] and so on.
        """
        stage = self.told.stages[k]
        if letter == "a" and k == self.last:
            return numbered(self.output, len(stage.outs))
        return numbered(self.letter(letter, k), len(stage.outs))

    def letter(self, letter: str, k: int) -> str:
        """The name of a layer's numbers as a whole."""
        stage = self.told.stages[k]
        return ("s" if stage.title else letter) + stage.name

    def weights(self, k: int) -> str:
        """The name of a layer's weights as a whole: that of the first that has them."""
        return self.letter("W", self.home(k))

    def row(self, letter: str, k: int, i: int) -> str:
        """The name of a row of weights."""
        whole = self.letter(letter, self.home(k))
        count = len(self.told.stages[k].zs)
        return whole if count == 1 else f"{whole}[{i + 1},{self.every}]"

    def inputs(self, k: int) -> str:
        """The name of what a layer takes in; all its names where it takes in parts."""
        stages, inputs = self.told.stages, self.told.stages[k].inputs
        if inputs == self.told.inputs:
            return "x"
        for j in range(k):
            if inputs == stages[j].outs:
                return self.letter("a", j)
        known = self.known(k)
        return f"[{', '.join(known.get(value, '?') for value in inputs)}]"

    def sources(self, k: int) -> list[str]:
        """The names of all that a stage takes from, each as a whole."""
        found = [("x", self.told.inputs)]
        for j, stage in enumerate(self.told.stages[:k]):
            found.append((self.letter("a", j), stage.outs))
            if stage.outs != stage.zs:
                found.append((self.letter("z", j), stage.zs))
        taken = set(self.told.stages[k].inputs)
        return [name for name, values in found if not taken.isdisjoint(values)]

    def made(self, k: int) -> str:
        """The name of a stage's outputs as a whole."""
        return self.output if k == self.last else self.letter("a", k)

    def layer(self, k: int) -> str:
        """What a stage is called in a title."""
        stage = self.told.stages[k]
        if stage.title:
            return self.shown(Symbol(stage.title))
        return f"layer {stage.name}" if stage.name else "the layer"

    def title(self, k: int) -> str:
        """A stage with its size, and a layer with its activation."""
        stage = self.told.stages[k]
        if stage.title:
            sources = ", ".join(self.sources(k))
            made = (f"{sources}{self.style.arrow}" if sources else "") + self.made(k)
            return ", ".join(filter(None, (f"{self.layer(k)}: {made}", stage.size)))
        sizes = f"{len(stage.inputs)}{self.style.arrow}{len(stage.outs)}"
        kind = stage.activation or "linear"
        if self.home(k) != k:
            kind += f", the weights of {self.layer(self.home(k))}"
        return f"Layer {stage.name}".rstrip() + f": {sizes}, {kind}"

    # ---- fitting ---------------------------------------------------------------------

    @property
    def dot(self) -> str:
        return self.style.joints[1]

    def adjoint(self, node: Value) -> float:
        """The derivative of the loss by a node; 0 where the loss does not use it."""
        return self.told.adjoints.get(node, 0.0)

    def rows(self, stage: Stage) -> list[int]:
        """The neurons to write out: all, or the first ones and the last."""
        return self.kept(range(len(stage.zs)))

    def kept(self, items: Sequence[T]) -> list[T]:
        """All of them, or the first ones and the last."""
        if len(items) <= MOST_NEURONS:
            return list(items)
        return [*items[: MOST_NEURONS - 2], items[-1]]

    def gap(self, stage: Stage) -> list[str]:
        """The line that stands for the neurons not written out."""
        return self.omitted(stage.zs, "neurons")

    def omitted(self, items: Sequence[object], what: str) -> list[str]:
        """The line that stands for what is not written out."""
        hidden = len(items) - len(self.kept(items))
        dots = "..." if self.style is ASCII else "⋮"
        return [f"{dots} {hidden} more {what} likewise"] if hidden else []

    def equation(self, line: Line) -> list[str]:
        """A line of the loss as it is printed."""
        *rights, value = (text for text, _ in groupby(map(self.shown, line.rights)))
        words = f", {line.words}" if line.words else ""
        return self.line(self.shown(line.left), [*rights, value + words])

    def shown(self, right: Right) -> str:
        """A right side as it is printed."""
        if isinstance(right, str):
            return right
        return show(right, self.style, self.digits)

    def both(
        self, symbols: Expression | None, data: Mapping[str, float]
    ) -> list[Expression]:
        """An expression with names and with numbers; nothing for no expression."""
        if symbols is None or isinstance(symbols, Number):
            return []
        return [symbols, with_numbers(symbols, data)]

    def line(self, left: str, rights: Sequence[Right]) -> list[str]:
        """An equation on one line, or where that is too long, on one per right side."""
        texts = [text for text, _ in groupby(self.shown(right) for right in rights)]
        whole = " = ".join([left, *texts])
        if columns(whole) <= self.room:
            return [whole]
        lefts = [left, *[" " * columns(left)] * (len(texts) - 1)]
        return [
            line
            for head, text in zip(lefts, texts, strict=True)
            for line in self.wrapped(f"{head} = ", text)
        ]

    def wrapped(self, head: str, text: str) -> list[str]:
        """A right side over several lines, broken after a comma or before a sign."""
        indent = " " * columns(head)
        first, *rest = BREAKS.split(text)
        lines = [head + first]
        for space, piece in zip(rest[::2], rest[1::2], strict=True):
            longer = lines[-1] + space + piece
            if columns(longer) <= self.room:
                lines[-1] = longer
            else:
                lines.append(indent + piece)
        return [part for line in lines for part in self.cut(line, len(indent))]

    def cut(self, line: str, indent: int) -> list[str]:
        """A line that is still too long, broken before a factor or after a parenthesis.

        Where there is no such place either, it is broken where the room ends.
        """
        if columns(line) <= self.room:
            return [line]
        least = min(indent + 8, self.room)
        found = (m.start() for m in CUTS.finditer(line, least, self.room + 1))
        place = max((place for place in found if place <= self.room), default=self.room)
        rest = " " * min(indent, self.room - 8) + line[place:].lstrip()
        return [line[:place], *self.cut(rest, indent)]

    def fitted(
        self,
        left: str,
        terms: Sequence[Expression],
        build: Callable[[Sequence[Expression]], Right],
    ) -> Right:
        """What `build` makes of the terms, with a gap where they are too many.

        A few terms may take a second line.
        """
        one_line = self.room - columns(left) - 3
        count = len(terms)
        room = 2 * one_line - 8 if count <= FEW else one_line
        kept = range(3, min(count, room // 2 + 3) + 1)
        fitting = bisect_right(
            kept, room, key=lambda k: columns(self.shown(build(_gapped(terms, k))))
        )
        return build(_gapped(terms, 2 + fitting))

    def vector(self, left: str, numbers: Sequence[float], before: str = "") -> str:
        """Numbers in brackets, as many as fit; one number without brackets."""
        if len(numbers) == 1:
            shown = self.shown(Number(numbers[0]))
            return before + (f"({shown})" if before and shown[0] == "-" else shown)
        terms = [Number(number) for number in numbers]

        def build(shown: Sequence[Expression]) -> str:
            return before + "[" + ", ".join(self.shown(item) for item in shown) + "]"

        return self.shown(self.fitted(left, terms, build))

    def vector_line(self, left: str, numbers: Sequence[float]) -> list[str]:
        return self.line(left, [self.vector(left, numbers)])


FEW = 6
BREAKS = re.compile(r"((?<=,) | (?=[+-] )|(?<=\))(?=[·*]))")
"""Where a long right side may go on in the next line; the space there is dropped."""
CUTS = re.compile(r"(?=[·*/^ ])|(?<=\()")
"""Where it may if there is no better place."""


def _homes(stages: Sequence[Stage]) -> list[int]:
    """For each stage the first layer that has its weights and biases, or itself."""
    found: dict[tuple[tuple[Value, ...], ...], int] = {}
    return [
        k if stage.title else found.setdefault((*stage.weights, stage.biases), k)
        for k, stage in enumerate(stages)
    ]


def _weighted(factors: list[Expression], terms: Sequence[Expression]) -> Expression:
    """The sum of the terms, times the factors."""
    return times(plus(*terms), *factors)


def _gapped(terms: Sequence[Expression], kept: int) -> list[Expression]:
    """The first terms and the last one, with a gap for the others."""
    hidden = len(terms) - kept
    if hidden <= 1:  # one term takes no more room than the gap would
        return list(terms)
    return [*terms[: kept - 1], Gap(hidden), terms[-1]]


def _data(values: Sequence[Value]) -> list[float]:
    return [value.data for value in values]


def _slope(stage: Stage, i: int) -> float:
    """The derivative of a neuron's output by its z."""
    z, out = stage.zs[i], stage.outs[i]
    if out.parents == (z,):
        return out.partials[0]
    (slope,) = gradients(out, [z])
    return float(slope)


def _has_branches(out: Value) -> bool:
    """Whether an activation has another slope on the other side of 0."""
    x, *others = (parent.data for parent in out.parents)
    partials, sides = out.operation.partials, set[float]()
    if own_name(out.operation) and partials:
        with ieee():
            for side in (x, abs(x) or 1.0, -abs(x) or -1.0):
                y = out.operation.forward(side, *others)
                sides.add(float(partials[0](side, *others, y)))
    return len(sides) > 1


# ---- the whole flow ------------------------------------------------------------------


class Flow(str):
    """A printed flow: a text that also shows itself as it is, not in quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def flow(
    model: Module,
    x: Any,
    y: Any,
    lr: float = 0.1,
    loss: Loss | str | None = None,
    *,
    style: Literal["text", "boxes"] = "text",
    width: int = 80,
    ascii: bool = False,
    digits: int | None = None,
) -> Flow:
    """One training step of a network, with every number: forward, backward, update.

    model: an MLP, Sequential, Layer or Neuron. It is not changed, nor any `.grad`.
    x, y: one row of inputs, and its target as the loss takes it.
    lr: the learning rate of the update.
    loss: a function of (prediction, target) or its name; by default
        `binary_cross_entropy` where the output is a sigmoid, else `mse`.
    style: "text" for a flow chart, "boxes" for a diagram with the forward pass down
        the left side and the backward pass up the right side.
    width: columns to fit, at least 40 (boxes: 70); long sums, vectors and layers are
        abbreviated, and say by how much.
    ascii: use nothing but ASCII characters.
    digits: significant digits of each number; by default 6, and 4 in boxes.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, activation=None)
    >>> neuron.load_state_dict({"w": [2.0], "b": 1.0})
    >>> print(flow(neuron, [3.0], 5.0).splitlines()[8])
      z = 2·3 + 1 = 7
    """
    _check(style, width, lr)
    told = record_pass(model, x, y, loss)
    after = record_pass(_updated(model, told, lr), x, y, loss)
    boxes = style == "boxes"
    form = ASCII if ascii else TEXT
    places = digits or (4 if boxes else 6)
    whole = width - 4 if boxes else width - 2
    half = (width - GUTTER) // 2 - 4 if boxes else whole
    narrow, wide, second = (
        _Writer(what, room, form, places)
        for what, room in ((told, half), (told, whole), (after, whole))
    )
    parts = Parts(
        narrow.input(),
        tuple(narrow.forward(k) for k in range(len(told.stages))),
        wide.loss(),
        tuple(narrow.backward(k) for k in range(len(told.stages))),
        wide.update(second, lr),
        _second(second, told.loss.data),
    )
    return Flow(diagram(parts, width, ascii) if boxes else _chart(parts, ascii))


def _check(style: str, width: int, lr: float) -> None:
    if not 0 < lr < math.inf:
        raise ValueError(f"lr is a number above 0; got {lr!r}")
    if style not in NARROWEST:
        raise ValueError(f"unknown style {style!r}; choose {' or '.join(NARROWEST)}")
    if width < NARROWEST[style]:
        raise ValueError(
            f"width needs {NARROWEST[style]} columns or more for the style {style!r}; "
            f"got {width}"
        )


NARROWEST: Mapping[str, int] = {"text": 40, "boxes": 70}


def _updated(model: Module, told: Pass, lr: float) -> Module:
    """A copy of the model after one step of gradient descent."""
    changed = copy.deepcopy(model)
    pairs = zip(model.parameters(), changed.parameters(), strict=True)
    for parameter, copied in pairs:
        copied.data = parameter.data - lr * told.adjoints.get(parameter, 0.0)
    return changed


def _second(writer: _Writer, before: float) -> Part:
    """The forward pass with the new weights, and how the loss changed."""
    lines: list[str] = []
    for k in range(len(writer.told.stages)):
        lines += writer.values(k)
    lines += writer.loss_lines()
    loss = writer.told.loss.data
    now, was = writer.shown(Number(loss)), writer.shown(Number(before))
    by = writer.shown(Number(abs(loss - before)))
    change = "down" if loss < before else "up"
    told = f"{now}, {change} by {by} from {was}" if loss != before else now
    lines += writer.wrapped("L = ", told)
    return Part("Second pass, with the new weights", tuple(lines))


# ---- the flow chart ------------------------------------------------------------------


def _chart(parts: Parts, ascii: bool) -> str:
    """Parts under one another, joined by arrows."""
    arrow = ["   |", "   v"] if ascii else ["   │", "   ▼"]
    every = [
        parts.input,
        *parts.forward,
        parts.loss,
        *reversed(parts.backward),
        parts.update,
        parts.second,
    ]
    lines: list[str] = []
    for part in every:
        lines += [part.title, *(f"  {line}" for line in part.lines), *arrow]
    return "\n".join(lines[:-2])
