"""The desk: an expression and its numbers, as data for the page.

The page holds the state; each function here takes it and gives what is to be shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from autograd.graph import Node
from autograd.modes import ieee
from viz.digits import short
from viz.explain import Derivation, explain, sections
from viz.graph import READABLE, draw
from viz.notation import Style, names_of
from viz.play import files
from viz.play.chart import LEFT, RIGHT, WIDTH, Line, Panel, chart
from viz.play.expression import EXAMPLES, Numbers, Recorded, curve, record
from viz.play.folding import FoldedPlan, Folding
from viz.play.mathml import marked, told
from viz.stepper import stepper
from viz.style import NEGATIVE

DIGITS: Final = 4  # of a number in the picture
ROOM: Final = 10  # columns, for numbers that change
EXACT: Final = 6  # digits in a formula


def examples() -> list[dict[str, Any]]:
    """What there is to pick: a name, a text, and the numbers it starts with."""
    return [
        {"name": name, "text": text, "numbers": numbers}
        for name, (text, numbers) in EXAMPLES.items()
    ]


def recorded(text: str, numbers: Numbers) -> tuple[Recorded, str]:
    """The expression with these numbers, and what is wrong with them, or "".

    Outside an operation's domain there is nan or inf in it. Raises ParseError where the
    text can't be read.
    """
    try:
        return record(text, numbers), ""
    except (ValueError, ArithmeticError) as error:
        with ieee():
            return record(text, numbers), str(error)


# ---- the picture ---------------------------------------------------------------------


def graph(
    text: str,
    numbers: Numbers,
    drawn: bool = False,
    folded: Sequence[int] | None = None,
    turned: int | None = None,
) -> dict[str, Any]:
    """All numbers of the graph, and its picture unless the page has drawn it already.

    folded: the nodes that are folded; None for what is best. turned: a node to fold or
    to unfold now. Raises ValueError where this text can't be read, or so much of it
    not be unfolded.

    >>> graph("w*x", {"w": 2.0, "x": 3.0}, drawn=True)["names"][0]
    {'name': 'w', 'node': 0, 'number': 2.0, 'slope': 3.0, 'gradient': '3'}
    """
    shown, error = recorded(text, numbers)
    folding = Folding(shown.nodes, folded, turned)
    found: dict[str, Any] = {
        "text": text,
        "error": error,
        "out": repr(shown.output.data) if shown.defined else "–",
        "names": list(_names(shown, bool(error))),
    }
    plan = _plan(shown, folding)
    nodes = [plan.node(node.index) for node in shown.nodes]
    edges = list(plan.edges())
    if error:  # there is no gradient, and none flows
        nodes = [{**node, "gradient": "–", "bar": 0.0} for node in nodes]
        edges = [{**edge, "flow": 0, "width": 1.2} for edge in edges]
    found |= {"nodes": nodes, "edges": edges, "folded": sorted(folding.folded)}
    if not drawn:
        picture = _layout(text, tuple(found["folded"]))
        found |= {"steps": list(plan.steps()), "picture": picture}
        found["large"] = len(nodes) > READABLE
    return found


def _names(shown: Recorded, wrong: bool) -> Iterator[dict[str, Any]]:
    places = {node.value: node.index for node in shown.nodes}
    for name, leaf in shown.leaves.items():
        yield {
            "name": name,
            "node": places[leaf],
            "number": leaf.data,
            "slope": leaf.grad if shown.defined and abs(leaf.grad) < 1e300 else None,
            "gradient": "–" if wrong else short(leaf.grad, EXACT),
        }


def _plan(shown: Recorded, folding: Folding) -> FoldedPlan:
    with ieee():
        return FoldedPlan(_derivation(shown), DIGITS, ROOM, folding)


def _derivation(shown: Recorded) -> Derivation:
    wanted = [node.value for node in shown.nodes if not node.value.constant]
    return Derivation(shown.nodes, wanted or [shown.output])


@lru_cache(maxsize=32)
def _layout(text: str, folded: tuple[int, ...]) -> str:
    """The places of the boxes and the arrows, which do not depend on the numbers."""
    shown = recorded(text, {})[0]
    return _plan(shown, Folding(shown.nodes, folded)).picture().svg


# ---- the words -----------------------------------------------------------------------


def derivation(text: str, numbers: Numbers, by: str = "") -> dict[str, Any]:
    """The derivation by a name, and what it leaves out.

    Formulas are MathML in which names and derivatives say which nodes they are about.
    Outside an operation's domain there is nothing to derive.
    """
    shown, error = recorded(text, numbers)
    if error or not shown.defined:
        return {"lines": [], "notes": []}
    style = _marked(shown.nodes)
    derived = explain(shown.output, shown.leaves.get(by))
    lines = [told(section, style) for section in sections(derived, style, EXACT)]
    return {"lines": lines, "notes": list(derived.notes)}


def words(
    text: str,
    numbers: Numbers,
    step: int | None = None,
    node: int | None = None,
    folded: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The arithmetic of a step, and all about a node, as in `derivation`.

    folded: see `graph`; the steps go over the boxes.
    """
    shown, error = recorded(text, numbers)
    if error or not shown.defined:
        return {"step": [], "node": []}
    every, style = _derivation(shown), _marked(shown.nodes)
    return {
        "step": _step(every, style, step, folded),
        "node": _about(every, style, node, forward=True, backward=True),
    }


def _marked(nodes: Sequence[Node]) -> Style:
    names = names_of([node.value for node in nodes])
    return marked({name: index for index, name in enumerate(names)})


def _step(
    every: Derivation, style: Style, step: int | None, folded: Sequence[int] | None
) -> list[dict[str, Any]]:
    if step is None:
        return []
    plan = FoldedPlan(every, EXACT, 0, Folding(every.nodes, folded))
    steps = list(plan.steps())
    if not 0 < step < len(steps):
        return []
    node: Any = steps[step]["node"]
    back = steps[step]["phase"] == "backward"
    return _about(every, style, node, forward=not back, backward=back)


def _about(
    every: Derivation, style: Style, node: int | None, forward: bool, backward: bool
) -> list[dict[str, Any]]:
    if node is None or not 0 <= node < len(every.nodes):
        return []
    part = every.about(node, forward, backward)
    return [told(section, style) for section in sections(part, style, EXACT)]


# ---- the plot ------------------------------------------------------------------------


def plot(
    text: str, numbers: Numbers, by: str, low: float, high: float
) -> dict[str, Any]:
    """The output and its slope along one name, with the tangent, as SVG.

    left, right: where in the picture, 0 to 1 across it, low and high are.
    """
    shown, _ = recorded(text, numbers)
    svg = plot_svg(shown, by, low, high)
    return {"svg": svg, "left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH}


def plot_svg(shown: Recorded, by: str, low: float, high: float) -> str:
    """The picture of `plot`; ValueError for a name that the expression has not."""
    if by not in shown.leaves:
        raise ValueError(f"the expression has no name {by!r} to be plotted along")
    leaf = shown.leaves[by]
    x, y, slope = leaf.data, shown.output.data, leaf.grad
    along = curve(shown, by, low, high)
    ends = [(end, y + slope * (end - x)) for end in (low, high)]
    tangent, there = "", ""
    if not any(map(math.isfinite, along.ys)):
        tangent = f" has no value from {short(low)} to {short(high)}"
    if shown.defined:
        tangent = f", and its tangent at {by} = {short(x)}"
        there = f": {short(slope, EXACT)} there"
    return chart(
        Panel(
            f"out{tangent}",
            [
                Line(list(zip(along.xs, along.ys, strict=True))),
                Line(ends, NEGATIVE, dashed=True),
            ],
            [(x, y)],
        ),
        Panel(
            f"∂out/∂{by}, the slope{there}",
            [Line(list(zip(along.xs, along.slopes, strict=True)))],
            [(x, slope)],
            by,
        ),
    )


# ---- files ---------------------------------------------------------------------------

KINDS: Final = {
    "SVG": ("graph.svg", "image/svg+xml"),
    "HTML": ("expression.html", "text/html"),
    "LaTeX": ("derivation.tex", "application/x-tex"),
    "Python": ("expression.py", "text/x-python"),
    "Steps": ("steps.html", "text/html"),
}
"""By what the page calls it, the name of a file and its media type."""


def file(
    kind: str, text: str, numbers: Numbers, by: str, low: float, high: float
) -> dict[str, str]:
    """What is on the screen as a file, in one of `KINDS`.

    Raises ValueError for a derivation or its steps outside an operation's domain.
    """
    name, type = KINDS[kind]
    shown, error = recorded(text, numbers)
    if error and kind in ("LaTeX", "Steps"):
        raise ValueError(error)
    by = by if by in shown.leaves else ""
    makers: dict[str, Callable[[], str]] = {
        "SVG": lambda: _graph_svg(shown),
        "HTML": lambda: _page(shown, by, low, high),
        "LaTeX": lambda: files.expression_latex(shown, by),
        "Python": lambda: files.expression_python(shown, by),
        "Steps": lambda: stepper(shown.output).html,
    }
    return {"name": name, "type": type, "text": makers[kind]()}


def _graph_svg(shown: Recorded) -> str:
    detail = "op" if len(shown.nodes) <= READABLE else None
    return draw(shown.output, shown.names, detail=detail).svg


def _page(shown: Recorded, by: str, low: float, high: float) -> str:
    lines = [f"out = {shown.output.data!r}"]
    lines += [f"{n} = {v.data!r}, grad {v.grad!r}" for n, v in shown.leaves.items()]
    texts = ["\n".join(lines)]
    svgs = [_graph_svg(shown)]
    if shown.defined:
        texts.append(str(explain(shown.output, shown.leaves.get(by))))
    if by:
        svgs.append(plot_svg(shown, by, low, high))
    return files.page(shown.text, texts, svgs)


CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "expression.examples": examples,
    "expression.graph": graph,
    "expression.derivation": derivation,
    "expression.words": words,
    "expression.plot": plot,
    "expression.file": file,
}
"""What the page can ask of the desk."""
