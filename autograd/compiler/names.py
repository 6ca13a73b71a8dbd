"""What the arrays of a program are called: by their labels, and else by letters."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable

from autograd.compiler.instructions import CONSTANT, INPUT
from autograd.compiler.steps import Array, ArrayProgram, Leaf

TAKEN = frozenset(
    {"X", "parameters", "PARAMETERS", "rows", "np", "math", "functools", "erf", "erfc"}
)
"""Names that mean something else in the text of a program."""


def names(program: ArrayProgram) -> list[str]:
    """x for inputs, p for parameters without labels, v1, v2, ... for what is computed.

    An array that is not there has no name.
    """
    return _each(program, [_named(array) for _, array in program.made()], ())


def _named(array: Array) -> str:
    step = array.step
    if isinstance(step, Leaf) and step.kind != CONSTANT:
        return step.name or ("x" if step.kind == INPUT else "p")
    return "constants" if isinstance(step, Leaf) else "v"


def identifiers(program: ArrayProgram, taken: Iterable[str] = ()) -> list[str]:
    """The names, made such that Python takes them."""
    given = names(program)
    made = [re.sub(r"\W", "_", given[number]) for number, _ in program.made()]
    made = [f"_{name}" if not name.isidentifier() else name for name in made]
    made = [f"{name}_" if keyword.iskeyword(name) else name for name in made]
    return _each(program, made, {*taken, *TAKEN})


def _each(program: ArrayProgram, made: list[str], taken: Iterable[str]) -> list[str]:
    """For every array its own name."""
    found = [""] * len(program.arrays)
    for (number, _), name in zip(program.made(), _apart(made, taken), strict=True):
        found[number] = name
    return found


def _apart(given: list[str], taken: Iterable[str]) -> list[str]:
    """The names, each once; those that are there several times are numbered.

    >>> _apart(["v", "w", "v", "v2"], {"w"})
    ['v1', 'w1', 'v3', 'v2']
    """
    times, used, numbers = Counter(given), set(taken), Counter[str]()
    alone = {name for name in given if times[name] == 1 and name not in used}
    used |= alone
    found = []
    for name in given:
        new = name if name in alone else f"{name}{numbers[name] + 1}"
        numbers[name] += 1
        while new in used and name not in alone:
            numbers[name] += 1
            new = f"{name}{numbers[name]}"
        used.add(new)
        found.append(new)
    return found
