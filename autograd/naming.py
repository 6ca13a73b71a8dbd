"""What nodes without a label are called: v1, v2, v3, in pictures and errors alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count

from autograd.hints import Any, Final

MOST: Final = 2_000
"""An error of a larger graph numbers no nodes; no picture shows one either."""

SHOWN: Final = 4  # operands of a formula in an error

JOINTS: Final = {"add": " + ", "sub": " - ", "mul": "·", "div": " / ", "pow": "^"}


def numbered(letters: str, taken: Collection[str]) -> Iterator[str]:
    """v1, v2, v3 and so on without those that are labels.

    >>> names = numbered("v", {"v2"})
    >>> next(names), next(names)
    ('v1', 'v3')
    """
    every = (f"{letters}{number}" for number in count(1))
    return (name for name in every if name not in taken)


def called(ends: Sequence[Any], number: Callable[[Any], str]) -> dict[Any, str]:
    """What errors call the computed nodes that led to some, such as `v2 = v1 - 3`.

    They are numbered as in a picture of what uses these in their order. Nobody is
    called anything where there are more than MOST.

    number: a leaf's number, as text.
    """
    order = _order(ends)
    names = {node: node.label for node in order if node.label}
    free = numbered("v", set(names.values()))
    for node in order:
        if node not in names:
            names[node] = next(free) if node.op else number(node)
    own = [node for node in order if node.op and not node.label]
    return {node: f"{names[node]} = {_formula(node, names)}" for node in own}


def _order(ends: Sequence[Any]) -> list[Any]:
    """The nodes before some, operands first and in order: see `topological_order`."""
    order: list[Any] = []
    entered: set[Any] = set()
    open_nodes = [(end, False) for end in reversed(ends)]
    while open_nodes:
        node, done = open_nodes.pop()
        if done:
            order.append(node)
        elif node not in entered:
            entered.add(node)
            if len(entered) > MOST:
                return []
            open_nodes.append((node, True))
            open_nodes += [(parent, False) for parent in reversed(node.parents)]
    return order


def _formula(node: Any, names: dict[Any, str]) -> str:
    """A node as its operation of its operands, as tables and pictures write it."""
    operands = [names[parent] for parent in node.parents]
    joint = JOINTS.get(node.op)
    if node.op == "neg":
        return f"-{operands[0]}"
    if joint is None or len(operands) != 2:
        short = len(operands) <= SHOWN and node.op != "dot"
        return f"{node.op}({', '.join(operands) if short else '…'})"
    left, right = operands
    return f"{_base(left, node.op)}{joint}{_in_line(right)}"


def _base(operand: str, op: str) -> str:
    """The first operand: -2 + x, but (-2)^x."""
    return _in_line(operand) if op == "pow" else operand


def _in_line(operand: str) -> str:
    return f"({operand})" if operand.startswith("-") else operand
