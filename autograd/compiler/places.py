"""`take` by simpler instructions: a sum of choices, or a product of matrices.

Of parameters, as of an embedding, it is a dot with a 1 at the place, which becomes a
product of matrices. Only 0 times what is infinite or nan is not 0: a program that finds
such a number asks for choices in place of products, and computes once more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autograd.compiler.instructions import PARAMETER, Code, CodeRecorder, Term
from autograd.ops import take


def of_parameters(code: Code) -> bool:
    """Whether something is taken of parameters alone."""
    return take.name in code.operations() and any(
        op == take.name and _are_parameters(code, args[1:])
        for op, args, _ in code.rest()
    )


def without_places(
    code: Code, outputs: Sequence[int], products: bool
) -> tuple[Code, list[int]]:
    """The same without `take`, and where the outputs are.

    products: whether what is taken of parameters alone may be a product.
    """
    if take.name not in code.operations():
        return code, list(outputs)

    def rule(new: Code, op: str, args: tuple[int, ...]) -> int | None:
        return taken(new, args, products) if op == take.name else None

    new, positions = code.rewritten(rule)
    new.shared += code.shared
    return new, [positions[output] for output in outputs]


def taken(code: Code, args: Sequence[int], products: bool) -> int:
    """The value at a place; nan where there is no such place.

    args: the place, then the values.
    """
    recorder = CodeRecorder(code)
    record = recorder.record
    place, *values = [Term(recorder, arg) for arg in args]
    ones = [place == number for number in range(len(values))]
    if products and _are_parameters(code, args[1:]):
        found = record("dot", *ones, *values)
    else:
        pairs = zip(ones, values, strict=True)
        found = record("sum", *[record("where", one, x, 0.0) for one, x in pairs])
    last = float(len(values) - 1)
    # Not `clip`, for which the machine code backend would write every list anew.
    nearest = record("minimum", record("maximum", record("floor", place), 0.0), last)
    inside = place == nearest
    position: int = (found + record("where", inside, 0.0, math.nan)).index
    return position


def _are_parameters(code: Code, values: Sequence[int]) -> bool:
    return all(code.instructions[x].op == PARAMETER for x in values)
