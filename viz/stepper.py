"""Backpropagation as a page: the forward and the backward pass, node by node.

The page is one file without a connection to anything. Graphviz places the nodes; all
text comes from the data and is put in as text, never as markup.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from autograd.compiler.instructions import CompileError
from autograd.files import write_whole
from autograd.graph import Node, graph
from autograd.ops import ANSWER
from autograd.value import Value
from autograd.wording import cut, width
from viz import style
from viz.explain import (
    Derivation,
    Mathematics,
    Record,
    Share,
    Step,
    derivation,
    shortcut,
)
from viz.notation import (
    TEXT,
    Expression,
    Number,
    Slope,
    Symbol,
    defined,
    places,
    show,
    times,
)
from viz.pages.bundle import bundled, digest, embedded, resource
from viz.pages.replay import Places, is_given, replayed
from viz.render import Graph, layout_for

MOST_NODES = 500

# Points that a character of the picture's text, and the space around it, take.
CHARACTER = 7.3
MARGIN = 18.0
HEIGHT = 70.0
KEPT = "A True or False in this graph stays as it was when it was recorded."
PARTIAL = 4  # significant digits of a local derivative on its arrow


@dataclass(frozen=True, slots=True)
class Stepper:
    """A page that plays a graph: `save` it, or let a notebook show it.

    html: the whole page, which needs no network.
    """

    html: str

    def __post_init__(self) -> None:
        if not isinstance(self.html, str):
            raise TypeError(
                "a Stepper is what stepper(output) returns: write "
                f"viz.stepper(output); got {cut(repr(self.html))}"
            )

    def __repr__(self) -> str:
        size = len(self.html.encode()) // 1000
        return f"<Stepper, a page of {size} kB: .save('backward.html') and open it>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, whole or not at all, and return its path.

        path: ends in .html. Raises ValueError for another ending, and OSError where
        the file can't be written.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(
                f"a stepper is a page for the browser: end the name in .html; got "
                f"{str(path)!r}"
            )
        write_whole(path, self.html.encode())
        return path

    def _repr_html_(self) -> str:
        """The page in a frame of its own, apart from the notebook around it."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" '
            'title="Backpropagation, step by step" width="100%" height="760" '
            'style="border:0"></iframe>'
        )


def stepper(
    output: Value, names: Mapping[str, Any] | None = None, digits: int = 6
) -> Stepper:
    """A page that plays the forward and the backward pass over the graph of `output`.

    names: names for nodes without a label, such as `globals()`.
    digits: significant digits of each number.

    The leaves can be changed on the page, which then computes every number anew, as
    `output.recompute()` would; an operation of a user's own that has no form in
    JavaScript keeps it from that, and the page says so.

    The gradients are those of this output; no `.grad` is read or changed. Raises
    ValueError for more than 500 nodes, and RuntimeError where the data of a leaf was
    changed after recording.

    >>> x = Value(3.0, label="x")
    >>> stepper(x * x).html.startswith("<!DOCTYPE html>")
    True
    """
    nodes = graph(output)
    if len(nodes) > MOST_NODES:
        raise ValueError(
            f"a stepper holds at most {MOST_NODES} nodes, and this graph has "
            f"{len(nodes)}: step through a part of it, stepper(node) of a node on the "
            "way, or see the whole with draw(output)"
        )
    wanted = [node.value for node in nodes if not node.value.constant]
    told = Derivation(nodes, wanted or [output], names)
    return Stepper(_page(Plan(told, digits, digits + 6)))


def _page(plan: Plan) -> str:
    scripts = ("picture.js", "numbers.js", "stepper.js")
    modules = {name: resource(name) for name in scripts}
    modules["program.js"], why = _program(plan.told.nodes)
    script = bundled(modules, "stepper")
    look = resource("looks.css") + resource("stepper.css")
    policy = (
        f"default-src 'none'; img-src data:; script-src {digest(script)}; "
        f"style-src {digest(look)}"
    )
    return Template(resource("stepper.html")).substitute(
        policy=policy,
        style=look,
        script=script,
        picture=plan.picture().svg,
        data=embedded(plan.data() | {"told": why}),
    )


def _program(nodes: Sequence[Node]) -> tuple[str, str]:
    """The program of `replayed`, and what is to be said of it, or why there is none."""
    decided = any(node.value.operation is ANSWER for node in nodes)
    try:
        return replayed(nodes), KEPT if decided else ""
    except CompileError as error:
        return "export const program = null;\n", str(error)


@dataclass(frozen=True, slots=True)
class Arrow:
    """From an operand, with the local derivative by it."""

    id: str
    tail: int
    partial: float


class Plan:
    """What the page shows: nodes, edges and steps as plain data, and the picture.

    room: columns that every number gets at least, for a picture whose numbers change.
    shown: the nodes that are shown; all but bare numbers by default.
    """

    def __init__(
        self,
        told: Derivation,
        digits: int,
        room: int = 0,
        shown: Sequence[int] | None = None,
    ) -> None:
        self.told = told
        self.digits = digits
        self.room = room
        self.partial_digits = min(digits, PARTIAL)
        self.output = told.names[told.end]
        every = [n.index for n in told.nodes if not n.value.constant]
        self.shown = every if shown is None else [*shown]
        made = [i for i in self.shown if told.nodes[i].parents]
        self.largest = style.largest_of(list(told.adjoints))
        self.forward = {index: k for k, index in enumerate(made, 1)}
        turn = len(made) + 1
        self.backward = {i: k for k, i in enumerate(reversed(self.shown), turn)}

    def data(self) -> dict[str, object]:
        """Everything that the script reads."""
        nodes = self.told.nodes
        return {
            "nodes": [self.node(n.index) | self.lines(n.index) for n in nodes],
            "edges": list(self.edges()),
            "steps": list(self.steps()),
            "leaves": [[n.index, repr(n.value.data)] for n in nodes if is_given(n)],
            "partials": [
                [node.index, node.value.operation.selects is not False]
                for node in nodes
                for _ in node.parents
            ],
            "open": [*self.open_lines()],
            "digits": [self.digits, self.partial_digits],
        }

    def open_lines(self) -> Iterator[list[list[str]]]:
        """For each node its lines with places for numbers: see `viz.pages.replay`.

        Those of its value, those of its gradient, and one for each share of that.
        """
        places = Places(self.told)
        for node in self.told.nodes:
            yield [] if node.value.constant else [*self._open(places, node.index)]

    def _open(self, places: Places, index: int) -> Iterator[list[str]]:
        value, step = places.record(index), places.step(index)
        name, slope = Symbol(value.name), Slope(self.output, step.name)
        for line in (
            [name, value.formula, value.numbers, Number(value.value)],
            [slope, *derivation(self.output, step)],
        ):
            yield [places.text(part) for part in line if part is not None]
        yield [self.contribution(share, places.text) for share in step.shares]

    def node(self, index: int) -> dict[str, object]:
        """One node: what it is called, its numbers, and when they are known."""
        value = self.told.nodes[index].value
        if value.constant:  # the formulas have it
            return {"kind": "constant"}
        gradient = self.told.adjoints[index]
        size = style.share(gradient, self.largest)
        return {
            "kind": "inner" if value.op else "leaf",
            "name": self.text(Symbol(self.told.names[index])),
            "title": self.title(index),
            "value": self.text(Number(value.data)),
            "gradient": self.text(Number(gradient)),
            "bar": size if gradient > 0 else -size,
            "forward": self.forward.get(index, 0),
            "backward": self.backward[index],
        }

    def lines(self, index: int) -> dict[str, object]:
        """The arithmetic of a node, line by line."""
        if self.told.nodes[index].value.constant:
            return {}
        step = self.told.step(index)
        return {
            "forwardLines": self.forward_lines(
                self.told.record(index), self.told.mathematics(index)
            ),
            "backwardLines": self.backward_lines(index, step),
            "contributions": [self.contribution(s, self.text) for s in step.shares],
        }

    def columns(self, index: int) -> int:
        """How wide the first line of a box is."""
        return width(self.title(index))

    def title(self, index: int) -> str:
        """The name with the formula, where that is short enough for a box."""
        node = self.told.nodes[index]
        name = self.text(Symbol(self.told.names[index]))
        formula = defined(node.value, [self.told.symbol(p) for p in node.parents])
        return f"{name} = {formula}" if formula else name

    def forward_lines(self, record: Record, loss: Mathematics | None) -> list[str]:
        """How a node's value comes about, line by line; a loss in mathematics too."""
        name = self.text(Symbol(record.name))
        lines = [record.formula, record.numbers, Number(record.value)]
        return _stack(name, lines, self) + self.mathematics(loss)

    def backward_lines(self, index: int, step: Step) -> list[str]:
        """How a node's gradient comes about, line by line."""
        left = self.text(Slope(self.output, step.name))
        lines = _stack(left, list(derivation(self.output, step)), self)
        slope, collapse = self.told.slope(index), self.told.collapse(index)
        if slope is None and collapse is not None:
            lines.append(f"{collapse.words} collapses to")
            lines += _stack(left, list(shortcut(collapse)), self)
        lines += self.mathematics(slope)
        return lines

    def mathematics(self, told: Mathematics | None) -> list[str]:
        """A loss, or its slope, by the formula that a textbook has."""
        if told is None:
            return []
        lines = [f"By the formula of {told.loss}"]
        for line in told.lines:
            lines += _stack(self.text(line.left), list(line.rights), self)
            lines[-1] += f", {line.words}" if line.words else ""
        return lines

    def contribution(self, share: Share, text: Callable[[Expression], str]) -> str:
        """One line: through which node, adjoint x local derivative, the share."""
        through = self.text(Symbol(share.consumer))
        factors = times(Number(share.adjoint), Number(share.partial))
        return f"through {through}: {text(factors)} = {text(Number(share.product))}"

    def text(self, expression: Expression) -> str:
        """An expression as plain text."""
        return show(expression, TEXT, self.digits)

    def edges(self) -> Iterator[dict[str, object]]:
        """From each operand but bare numbers to what it is an operand of.

        flow: the sign of the gradient that goes back along it. width: of the line that
        carries so much.
        """
        for head in self.shown:
            for arrow in self.arrows(head):
                back = self.told.adjoints[head] * arrow.partial
                yield {
                    "id": arrow.id,
                    "tail": arrow.tail,
                    "head": head,
                    "partial": self.partial(arrow),
                    "flow": (back > 0) - (back < 0),
                    "width": float(style.width(back, self.largest)),
                }

    def arrows(self, index: int) -> list[Arrow]:
        """Those into a node, in the order of its formula; none from bare numbers."""
        node = self.told.nodes[index]
        return [
            Arrow(f"e{index}_{place}", node.parents[place], node.partials[place])
            for place in places(node.value)
            if not node.value.parents[place].constant
        ]

    def partial(self, arrow: Arrow) -> str:
        """A local derivative as it stands on its arrow."""
        return show(Number(arrow.partial), TEXT, self.partial_digits)

    def steps(self) -> Iterator[dict[str, object]]:
        """The start, the forward pass, the backward pass."""
        yield {
            "phase": "start",
            "node": None,
            "title": "The leaves are given",
            "words": "The forward pass computes a value for each node, from the leaves "
            "to the output. The backward pass then gives each node its gradient: how "
            "much the output changes per unit of change in that node.",
        }
        for index in self.forward:
            name = self.text(Symbol(self.told.names[index]))
            yield {
                "phase": "forward",
                "node": index,
                "title": f"Forward: the value of {name}",
            }
        for index in self.backward:
            name = self.text(Symbol(self.told.names[index]))
            yield {
                "phase": "backward",
                "node": index,
                "title": f"Backward: the gradient of {name}",
                "words": self.words(index),
            }

    def words(self, index: int) -> str:
        """What a backward step does, in words."""
        count = len(self.told.consumers.get(index, []))
        if not count:
            return "The derivative of the output by itself is 1."
        if count == 1:
            return "Gradient of the node that uses it × local derivative."
        return f"The sum over its {count} uses: gradient × local derivative."

    def picture(self) -> Graph:
        """The places of nodes and edges; the page puts in the text."""
        into = {index: self.arrows(index) for index in self.shown}
        operands = {f"n{i}": [f"n{a.tail}" for a in into[i]] for i in self.shown}
        ways = [(tail, name) for name, tails in operands.items() for tail in tails]
        picture = style.sheet(
            "steps", bgcolor="transparent", ordering="in", **layout_for(ways)
        )
        for index, arrows in into.items():
            self.place(picture, index, len(arrows))
            for k, arrow in enumerate(arrows):
                head = f"n{index}:p{k}:w" if len(arrows) > 1 else f"n{index}"
                label = f"∂ {self.partial(arrow)}".ljust(self.room, "0")
                picture.arrow(f"n{arrow.tail}", head, arrow.id, label=label)
        style.in_order(picture, operands)
        return picture

    def place(self, picture: Graph, index: int, operands: int) -> None:
        """An empty box of the size that the node's text will take."""
        value, gradient = self.told.nodes[index].value.data, self.told.adjoints[index]
        rows = (("value", value), ("gradient", gradient))
        texts = [f"{word} {self.text(Number(x))}" for word, x in rows]
        longest = max(9 + self.room, self.columns(index), *map(width, texts))
        size = longest * CHARACTER + MARGIN, HEIGHT
        picture.add(f"n{index}", style.frame(*size, max(1, operands)))


def _stack(left: str, rights: list[Expression | None], plan: Plan) -> list[str]:
    """A left side and its right sides under one another, repeated ones once."""
    texts = [plan.text(right) for right in rights if right is not None]
    different = [t for k, t in enumerate(texts) if k == 0 or t != texts[k - 1]]
    indent = " " * width(left)
    return [f"{left if k == 0 else indent} = {t}" for k, t in enumerate(different)]
