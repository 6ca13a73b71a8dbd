"""Programs as data: a dictionary of numbers and names, kept as JSON.

What is read is checked line by line, so a file can describe a program or be refused,
and nothing in it is ever executed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from autograd.compiler.instructions import COMPARISONS, LEAVES, Code
from autograd.files import write_whole
from autograd.operation import Operation
from autograd.ops import TABLE

FORMAT = "chainrule program 1"


def described(
    code: Code,
    outputs: Sequence[int],
    shape: Sequence[int],
    inputs: int,
    parameters: Sequence[tuple[float, str]],
    threads: int,
    labels: Sequence[str],
) -> dict[str, Any]:
    """The program as plain data. labels: of the inputs, or none."""
    return {
        "format": FORMAT,
        "inputs": inputs,
        "labels": list(labels),
        "outputs": list(outputs),
        "shape": list(shape),
        "threads": threads,
        "parameters": [[_plain(data), label] for data, label in parameters],
        "instructions": [
            [made.op, _plain(made.number) if made.op in LEAVES else list(made.args)]
            for made in code.instructions
        ],
    }


def _plain(number: float) -> float | str:
    """JSON has no nan and no infinity; they go as text."""
    return number if math.isfinite(number) else repr(number)


def _is_number(x: Any) -> bool:
    if isinstance(x, str):
        return x in ("nan", "inf", "-inf")
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def write(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write as JSON, whole or not at all."""
    import json

    write_whole(path, json.dumps(state, allow_nan=False).encode())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check what `write` wrote."""
    import json

    with open(path, encoding="utf-8") as file:
        try:
            state = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not a saved program: {error}") from None
    return checked(state)


def checked(state: Any, own: Mapping[str, Operation] | None = None) -> dict[str, Any]:
    """The same data, or ValueError for what is not a program.

    own: the operations beside the table's that may be in it.
    """
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"this is not a saved program of the format {FORMAT!r}")
    try:
        _check(state, {**TABLE, **(own or {})})
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"this saved program is damaged: {error}") from None
    return state


def code(state: dict[str, Any], own: dict[str, Operation] | None = None) -> Code:
    """The instruction list of checked data."""
    made = Code(own)
    for op, rest in state["instructions"]:
        if op in LEAVES:
            made.add(op, (), float(rest) if op == "constant" else int(rest))
        else:
            made.add(op, tuple(rest))
    return made


def _check(state: dict[str, Any], rows: Mapping[str, Operation]) -> None:
    counts = {"input": state["inputs"], "parameter": len(state["parameters"])}
    _need(_index(state["inputs"], None), "inputs")
    _need(_index(state["threads"], None) and state["threads"] >= 1, "threads")
    named = len(state["labels"]) in (0, state["inputs"])
    _need(named and all(isinstance(x, str) for x in state["labels"]), "labels")
    for data, label in state["parameters"]:
        _need(_is_number(data) and isinstance(label, str), "parameters")
        float(data)
    for position, (op, rest) in enumerate(state["instructions"]):
        fits = _instruction(op, rest, position, counts, rows)
        _need(fits, f"instruction {position}")
    size = len(code(state))
    _need(size == len(state["instructions"]), "instructions, some twice")
    count = len(state["outputs"])
    _need(all(_index(size, None) for size in state["shape"]), "shape")
    _need(count == math.prod(state["shape"]) > 0, "outputs")
    for output in state["outputs"]:
        _need(_index(output, size), "outputs")


def _instruction(
    op: Any,
    rest: Any,
    position: int,
    counts: dict[str, int],
    rows: Mapping[str, Operation],
) -> bool:
    if op == "constant":
        return _is_number(rest)
    if op in counts:
        return int(rest) == rest and bool(0 <= rest < counts[op])
    if not all(_index(arg, position) for arg in rest):
        return False
    if op in COMPARISONS:
        return len(rest) == 2
    arity = rows[op].arity
    odd = op == "dot" and len(rest) % 2
    return len(rest) == arity if arity else not odd


def _index(x: Any, size: int | None) -> bool:
    whole = isinstance(x, int) and not isinstance(x, bool)
    return whole and x >= 0 and (size is None or x < size)


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)
