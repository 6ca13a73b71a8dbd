"""The walk through the forward and the backward pass, as a look for the picture.

The picture stays the same at every step; a style sheet of a few rules, written into the
SVG, hides what is not known yet and marks what is being computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from autograd.graph import Node
from viz import style
from viz.explain import Derivation
from viz.stepper import Plan

LIT: Final = "#ffe9a8"
EDGE: Final = "#8a5a00"
DIGITS: Final = 6
HOW: Final = (
    "Each box shows its value, and its gradient: how much out changes per unit of "
    "change in it. The button ▶ walks through the steps, with their arithmetic.",
)


@dataclass(frozen=True)
class Stop:
    """One step: its title, its arithmetic line by line, and the rules of its look."""

    title: str
    lines: tuple[str, ...]
    css: str


class Walk:
    """Every step over one graph, first the forward and then the backward pass."""

    def __init__(self, nodes: list[Node]) -> None:
        self.graph = nodes

    def __len__(self) -> int:
        """The start, a step for each operation, and one for each gradient."""
        shown = [node for node in self.graph if not node.value.constant]
        return 1 + sum(bool(node.parents) for node in shown) + len(shown)

    @cached_property
    def told(self) -> Derivation:
        """The graph in words."""
        wanted = [node.value for node in self.graph if not node.value.constant]
        return Derivation(self.graph, wanted or [self.graph[-1].value])

    @cached_property
    def plan(self) -> Any:
        """The nodes and the steps, as the page of `stepper` has them."""
        return Plan(self.told, DIGITS).data()

    @property
    def nodes(self) -> Any:
        """What is told of each node."""
        return self.plan["nodes"]

    @property
    def steps(self) -> Any:
        """What happens at each step."""
        return self.plan["steps"]

    def stop(self, step: int | None) -> Stop:
        """The step with this number, at most the last; for None the whole walk."""
        last = len(self) - 1
        if step is None:
            return Stop(f"The forward and the backward pass, all {last} steps", HOW, "")
        number = min(max(step, 0), last)
        return Stop(
            f"Step {number} of {last}: {self.steps[number]['title']}",
            tuple(self._lines(number)),
            "".join(self._rules(number)),
        )

    def about(self, step: int | None) -> str:
        """The id of the node that a step is about; "" where it is about them all."""
        node = None if step is None else self.steps[min(step, len(self) - 1)]["node"]
        return "" if node is None else f"n{node}"

    def _lines(self, number: int) -> Iterator[str]:
        step = self.steps[number]
        if step["node"] is not None:
            yield from self.nodes[step["node"]][f"{step['phase']}Lines"]
        if "words" in step:
            yield step["words"]

    def _rules(self, number: int) -> Iterator[str]:
        for index, node in enumerate(self.nodes):
            if node["kind"] == "constant":
                continue
            if node["forward"] > number:
                yield f"#n{index},#o{index}{{opacity:.3}}"
                yield f"#n{index} text:nth-last-of-type(3){{visibility:hidden}}"
            if node["backward"] > number:
                yield from self._without_gradient(index)
        yield from self._lit(self.steps[number])

    def _without_gradient(self, index: int) -> Iterator[str]:
        yield f"#n{index} text:last-of-type{{visibility:hidden}}"
        bars = (
            f'#n{index} polygon[fill="{c}"]' for c in (style.POSITIVE, style.NEGATIVE)
        )
        yield f"{','.join(bars)}{{fill:{style.TROUGH}}}"
        if self.graph[index].parents:
            edges = [f"#o{index}-out", *self._into(index)]
            yield from _arrows(edges, style.NEUTRAL, 0.8)

    def _into(self, index: int) -> list[str]:
        """The arrows from a node's operands, but for constants, which have none."""
        parents = enumerate(self.graph[index].parents)
        kinds = [(k, self.nodes[parent]["kind"]) for k, parent in parents]
        return [f"#o{index}-{k}" for k, kind in kinds if kind != "constant"]

    def _lit(self, step: dict[str, Any]) -> Iterator[str]:
        """The node of the step, and the arrows that bring it its number."""
        index = step["node"]
        if index is None:
            return
        yield f"#n{index} path:first-of-type{{fill:{LIT}}}"
        yield f'#n{index} path[fill="none"]{{stroke:{EDGE};stroke-width:3}}'
        edges = self._into(index)
        if step["phase"] == "backward":
            uses = self.told.consumers.get(index, [])
            edges = [f"#o{consumer}-{position}" for consumer, position in uses]
        yield from _arrows(edges, EDGE, 3)


def _arrows(edges: list[str], color: str, width: float) -> Iterator[str]:
    """Rules that draw these arrows alike."""
    if edges:
        lines, heads = (
            ",".join(f"{e} {t}" for e in edges) for t in ("path", "polygon")
        )
        yield f"{lines}{{stroke:{color};stroke-width:{width:g}}}"
        yield f"{heads}{{fill:{color};stroke:{color}}}"


def dressed(svg: str, css: str) -> str:
    """The picture with a style sheet of its own."""
    if not css:
        return svg
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}\n<style>{css}</style>{svg[start:]}"
