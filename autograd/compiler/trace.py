"""Recording: from a graph of Values, or a function, to a list of instructions."""

from __future__ import annotations

import linecache
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from autograd.compiler.code import CONSTANT, INPUT, PARAMETER, Code
from autograd.graph import topological_order
from autograd.ops import ALIAS, OPEN_ALIAS, TABLE
from autograd.value import MODE, Value, as_value, describe, ieee

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class CompileError(TypeError):
    """A computation that no program can stand for; the text says why."""


def from_graph(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
) -> tuple[Code, list[int]]:
    """The instructions of a recorded graph, and the positions of its outputs.

    Leaves that are neither inputs nor parameters keep the number they have now.
    """
    _check_leaves(inputs, "inputs")
    _check_leaves(parameters, "parameters")
    code = Code()
    positions = _leaves(code, inputs, parameters)
    for output in outputs:
        for node in topological_order(output):
            if node not in positions:
                positions[node] = _instruction(code, node, positions)
    return code, [positions[output] for output in outputs]


def _check_leaves(values: Sequence[Value], what: str) -> None:
    for index, value in enumerate(values):
        if not isinstance(value, Value):
            raise TypeError(
                f"{what}[{index}] is {value!r} of type {type(value).__name__}; pass "
                "the leaf Values of the graph"
            )
        if value.op:
            raise ValueError(
                f"{what}[{index}], {describe(value)}, is not a leaf: it was computed "
                "from other Values. Pass those, or use its detach() in the graph"
            )


def _leaves(
    code: Code, inputs: Sequence[Value], parameters: Sequence[Value]
) -> dict[Value, int]:
    positions: dict[Value, int] = {}
    for op, values in ((INPUT, inputs), (PARAMETER, parameters)):
        for number, value in enumerate(values):
            if value in positions:
                raise ValueError(
                    f"{describe(value)} is given twice; a leaf is one input or one "
                    "parameter"
                )
            positions[value] = code.add(op, (), number)
    return positions


def _instruction(code: Code, node: Value, positions: dict[Value, int]) -> int:
    if not node.op:
        return code.add(CONSTANT, (), node.data)
    if node.operation in (ALIAS, OPEN_ALIAS):
        return positions[node.parents[0]]
    if TABLE.get(node.op) is not node.operation:
        raise CompileError(
            f"{describe(node)} was made by the operation {node.op!r}, which is not in "
            "autograd's table, so there is no form of it for a batch; write it with "
            "the table's operations"
        )
    return code.add(node.op, tuple([positions[parent] for parent in node.parents]))


# ---- functions, on stand-ins ---------------------------------------------------------


def from_function(
    function: Callable[..., Any], inputs: int, parameters: Sequence[Value]
) -> tuple[Code, list[int], bool]:
    """The instructions of function(x1, ..., xn), and whether it returned one output.

    The arguments are Values whose number is nan. Deciding something in Python by what
    depends on them, or on the parameters, raises CompileError, because the program
    would keep for all numbers what was decided for these.
    """
    stand_ins = [Value(math.nan, f"x{i + 1}") for i in range(inputs)]
    with ieee(), _guarded([*stand_ins, *parameters]):
        result = function(*stand_ins)
        outputs, single = _outputs(result)
    code, positions = from_graph(outputs, stand_ins, parameters)
    return code, positions, single


def _outputs(result: Any) -> tuple[list[Value], bool]:
    """What a function returned as a list of Values, and whether it was bare."""
    single = not isinstance(result, (list, tuple))
    outputs = [as_value(x) for x in ([result] if single else result)]
    if not outputs:
        raise ValueError("the function returned no outputs; return a Value or several")
    return outputs, single


@contextmanager
def _guarded(leaves: Iterable[Value]) -> Iterator[None]:
    """Raise where Python asks for the number of what depends on one of the leaves."""
    forbidden = frozenset(leaves)
    before = MODE.guard

    def guard(value: Value, how: str) -> None:
        if before is not None:
            before(value, how)
        if not forbidden.isdisjoint(topological_order(value)):
            _refuse(how)

    MODE.guard = guard
    try:
        yield
    finally:
        MODE.guard = before


def _refuse(how: str) -> NoReturn:
    raise CompileError(
        f"{_users_line()}{how} asks for a number that differs from row to row, and "
        "the program would keep one answer for all. Write both cases and choose "
        "between them: where(relu(x), a, b) is a for x > 0 and otherwise b; "
        "maximum(x, y) and minimum(x, y) are the larger and the smaller"
    )


def _users_line() -> str:
    """The innermost line outside this package, as `model.py, line 12: if x > 0: `."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        path = frame.f_code.co_filename
        if not os.path.abspath(path).startswith(PACKAGE + os.sep):
            text = linecache.getline(path, frame.f_lineno).strip()
            where = f"{os.path.basename(path)}, line {frame.f_lineno}"
            return f"{where}: {text}\n" if text else f"{where}: "
    return ""
