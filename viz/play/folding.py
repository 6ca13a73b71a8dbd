"""Folding: a node of a large graph as one box, with all in it that leads to it alone.

The weights of a neuron lead to it alone, and so do its products and its sum; its inputs
lead to other neurons too, and stay outside. An arrow into a folded box has the
derivative of the box by what comes in, over all paths inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Final

from autograd.graph import Node
from viz.explain import Derivation
from viz.graph import READABLE
from viz.notation import Expression, Symbol, formula, shorter
from viz.stepper import MOST_NODES, Arrow, Plan

MOST_BOXES: Final = 16
"""Boxes that one takes in at a glance: a large graph starts with no more of them."""
MOST_INSIDE: Final = 8
"""Operations in a folded box that are written out as one formula."""
WIDEST: Final = 34  # columns of that formula


class Folding:
    """What of a graph can be folded, and which of it is.

    nodes: the graph, parents first. folded: the nodes that are boxes; None for what is
        best to begin with: nothing, or in a large graph all but the last operations.
    turned: a node that is to be unfolded, if it is folded, or else folded.

    Raises ValueError where the picture would have more than 500 boxes.

    >>> from autograd import expression, Value
    >>> from autograd.graph import graph
    >>> folding = Folding(graph(expression.parse("tanh(a + b) * a", a=1.0, b=2.0)), [3])
    >>> folding.boxes  # b and a + b are in the box of the tanh
    [0, 3, 3, 3, 4]
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        folded: Collection[int] | None = None,
        turned: int | None = None,
    ) -> None:
        self.nodes = nodes
        given = self.begun() if folded is None else {*folded} & {*self.inside}
        self.folded = self._turned(given, turned)
        boxes = self.boxes
        self.folded = {i for i in self.folded if boxes[i] == i}
        if len(self.shown) > MOST_NODES:
            raise ValueError(
                f"a picture holds at most {MOST_NODES} boxes, and unfolded so far it "
                f"would have {len(self.shown)}: fold another part first"
            )

    @cached_property
    def owners(self) -> list[int]:
        """For each node the next one that all paths from it to the output go through.

        The immediate dominators of Cooper, Harvey and Kennedy (2001), in one pass,
        since the order is topological; the output is its own.
        """
        end = len(self.nodes) - 1
        owners = [-1] * end + [end]
        for node in reversed(self.nodes):
            for parent in node.parents:
                known = owners[parent]
                owners[parent] = (
                    node.index if known < 0 else _meeting(owners, known, node.index)
                )
        return owners

    @cached_property
    def inside(self) -> dict[int, int]:
        """How many operations and leaves a fold would hide, by the node that is folded.

        A node can be folded where an operation leads to it alone; the output can't.
        """
        count, made = Counter[int](), Counter[int]()
        for node, owner in zip(self.nodes[:-1], self.owners, strict=False):
            count[owner] += count[node.index] + (not node.value.constant)
            made[owner] += made[node.index] + bool(node.parents)
        return {n.index: count[n.index] for n in self.nodes[:-1] if made[n.index]}

    @property
    def boxes(self) -> list[int]:
        """For each node the one whose box shows it."""
        boxes = [*range(len(self.nodes))]
        for index in reversed(boxes[:-1]):
            owner = self.owners[index]
            if owner in self.folded or boxes[owner] != owner:
                boxes[index] = boxes[owner]
        return boxes

    @property
    def shown(self) -> list[int]:
        """The nodes that have a box, in order."""
        pairs = zip(self.nodes, self.boxes, strict=True)
        return [n.index for n, box in pairs if n.index == box and not n.value.constant]

    def begun(self) -> set[int]:
        """The folds to begin with: none in a graph that can be read as it is."""
        if len(self.nodes) <= READABLE:
            return set()
        return self._opened(len(self.nodes) - 1, MOST_BOXES)

    def _turned(self, folded: set[int], turned: int | None) -> set[int]:
        if turned is None or turned not in self.inside:
            return folded
        if turned not in folded:
            return folded | {turned}
        return (folded - {turned}) | self._opened(turned, MOST_BOXES)

    def _opened(self, index: int, most: int) -> set[int]:
        """The folds inside a node so that about so many boxes are seen there.

        The largest is opened first, as long as there is room for what is in it.
        """
        folds, room = set[int](), most
        waiting = [index]
        while waiting:
            box = max(waiting, key=lambda i: (self.inside.get(i, 0), i))
            waiting.remove(box)
            children = self._owned.get(box, [])
            if box != index and len(children) > room:
                folds.add(box)
                continue
            room -= len(children)
            waiting += [child for child in children if child in self.inside]
        return folds

    @cached_property
    def _owned(self) -> dict[int, list[int]]:
        owned: dict[int, list[int]] = {}
        for node, owner in zip(self.nodes[:-1], self.owners, strict=False):
            if not node.value.constant:
                owned.setdefault(owner, []).append(node.index)
        return owned


def _meeting(owners: Sequence[int], one: int, other: int) -> int:
    """The first node on both ways to the output."""
    while one != other:
        if one < other:
            one = owners[one]
        else:
            other = owners[other]
    return one


class FoldedPlan(Plan):
    """The plan of a graph of which some nodes are folded: it walks over the boxes."""

    def __init__(
        self, told: Derivation, digits: int, room: int, folding: Folding
    ) -> None:
        self.folding = folding
        self.boxes = folding.boxes
        super().__init__(told, digits, room, folding.shown)

    def node(self, index: int) -> dict[str, object]:
        """One node; a hidden one says which box it is in."""
        box = self.boxes[index]
        if box != index:
            return {"kind": "hidden", "box": box}
        found = super().node(index)
        if index in self.folding.inside:
            found["inside"] = self.folding.inside[index]
            found["folded"] = index in self.folding.folded
        return found

    def columns(self, index: int) -> int:
        """Beside the title, which is in the middle, stands how many are in the box."""
        count = self.folding.inside.get(index)
        return super().columns(index) + (2 * len(f" +{count}") if count else 0)

    def title(self, index: int) -> str:
        """A folded box has the formula of all that is in it, where that is short."""
        if index not in self.folding.folded:
            return super().title(index)
        inner = [i for i, box in enumerate(self.boxes) if box == index]
        name = self.text(Symbol(self.told.names[index]))
        value = self.told.nodes[index].value
        if sum(bool(self.told.nodes[i].parents) for i in inner) > MOST_INSIDE:
            return f"{name} = {value.op}(…)"
        return f"{name} = {shorter(self._whole(inner), value.op, WIDEST)}"

    def _whole(self, inner: Sequence[int]) -> Expression:
        """The node of a box by what comes into it."""
        known: dict[int, Expression] = {}
        for index in inner:
            node = self.told.nodes[index]
            if not node.parents:
                continue
            operands = [known.get(p) or self.told.symbol(p) for p in node.parents]
            known[index] = formula(node.value, operands)
        return known[inner[-1]]

    def arrows(self, index: int) -> list[Arrow]:
        """Into a folded box comes one arrow from each node outside."""
        if index not in self.folding.folded:
            return super().arrows(index)
        return self._incoming[index]

    @cached_property
    def _incoming(self) -> dict[int, list[Arrow]]:
        """The arrows into every folded box, in one pass back."""
        slopes = {(box, box): 1.0 for box in self.folding.folded}
        for node in reversed(self.told.nodes):
            box = self.boxes[node.index]
            slope = slopes.get((box, node.index))
            if slope is None or not node.parents:
                continue
            for parent, partial in zip(node.parents, node.partials, strict=True):
                key = box, parent
                slopes[key] = slopes.get(key, 0.0) + slope * partial
        found: dict[int, list[Arrow]] = {box: [] for box in self.folding.folded}
        for (box, index), slope in sorted(slopes.items()):
            outside = self.boxes[index] != box
            if outside and not self.told.nodes[index].value.constant:
                arrow = Arrow(f"e{box}_f{index}", self.boxes[index], slope)
                found[box].append(arrow)
        return found
