"""What the arrays of a program are called: by their labels, and as in study notes.

A matrix of parameters W1 times something, plus what there is to add, is z1; a function
of that is a1, and δ1 is the derivative of the output by z1. L is the output of which
the gradient is taken, y another. What has no such part is v1, v2, and so on.
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterable, Mapping

from autograd.compiler.instructions import CONSTANT, INPUT, PARAMETER
from autograd.compiler.steps import (
    Apply,
    Array,
    ArrayProgram,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
)
from autograd.ops import TABLE

TAKEN = frozenset(
    {"X", "parameters", "PARAMETERS", "rows", "np", "math", "functools", "erf", "erfc"}
)
"""Names that mean something else in the text of a program."""


VALUE, GRADIENT = "value", "gradient"
"""What there is one of for all rows."""


def notable(program: ArrayProgram) -> dict[int, str]:
    """The arrays that have a name of their own; each is a line where it is shown."""
    found: dict[int, str] = {}
    weighted, whole = _weighted(program)
    for number, array in program.made():
        adjoint = [found.get(whole.get(n, n), "") for n in array.adjoint]
        of = max(adjoint, default="", key=lambda name: name[:1])  # z before a
        name = _leaf(array) or _in_layer(number, array, of, weighted, found)
        if name and not (name[0] == "a" and name in found.values()):
            found[number] = _free(name, found)
    return found | _results(program, found)


def names(program: ArrayProgram, known: Mapping[int, str]) -> list[str]:
    """A name for every array that is there: those that are known, and v1, v2, ..."""
    made = [_known(known, number, array) for number, array in program.made()]
    return _each(program, made, ())


def identifiers(
    program: ArrayProgram, known: Mapping[int, str], taken: Iterable[str] = ()
) -> list[str]:
    """The names, made such that Python takes them in any text."""
    made = []
    for number, array in program.made():
        name = _known(known, number, array).replace("δ", "delta").replace("∂L/∂", "d")
        name = "".join([c if f"_{c}".isidentifier() else "_" for c in name])
        name = name if name.isidentifier() else f"_{name}"
        made.append(f"{name}_" if keyword.iskeyword(name) else name)
    return _each(program, made, {*taken, *TAKEN})


def _known(known: Mapping[int, str], number: int, array: Array) -> str:
    constant = isinstance(array.step, Leaf) and array.step.kind == CONSTANT
    return known.get(number, "constants" if constant else "v")


# ---- what an array is ----------------------------------------------------------------


def _leaf(array: Array) -> str:
    step = array.step
    if not isinstance(step, Leaf) or step.kind == CONSTANT:
        return ""
    return step.name or ("x" if step.kind == INPUT else "p")


def _weighted(program: ArrayProgram) -> tuple[dict[int, int], dict[int, int]]:
    """For products with a matrix of parameters, plus parameters or not, that matrix.

    And for products to which parameters are added the sum.
    """
    steps = {number: array.step for number, array in program.made()}

    def is_parameter(number: int) -> bool:
        step = steps[number]
        return isinstance(step, Leaf) and step.kind == PARAMETER

    found: dict[int, int] = {}
    whole: dict[int, int] = {}
    scaled: dict[int, int] = {}  # by one number each
    for number, step in steps.items():
        if (
            isinstance(step, Product)
            and not step.rows
            and is_parameter(step.left.array)
        ):
            found[number] = step.left.array
        if isinstance(step, Apply) and step.op == "mul":
            arrays = [arg.array for arg in step.args if isinstance(arg, Read)]
            of = [is_parameter(n) for n in arrays]
            if of.count(True) == of.count(False) == 1:
                scaled[number] = arrays[of.index(True)]
        if isinstance(step, Apply) and step.op == "add":
            arrays = [arg.array for arg in step.args if isinstance(arg, Read)]
            sums = [each for each in arrays if each in found or each in scaled]
            if len(sums) == 1 and all(is_parameter(n) for n in arrays if n != sums[0]):
                found[number] = found.pop(sums[0], scaled.get(sums[0], -1))
                whole[sums[0]] = number
    return found, whole


def _in_layer(
    number: int,
    array: Array,
    of: str,
    weighted: Mapping[int, int],
    found: Mapping[int, str],
) -> str:
    """z of W1 is z1, a function of that a1, and the adjoint of that δ1."""
    if number in weighted and not array.adjoint:
        return f"z{_digits(found[weighted[number]])}"
    if of.startswith("z"):
        return f"δ{_digits(of)}"
    step = array.step
    if of.startswith("a") and isinstance(step, Apply) and not _is_weight(step, found):
        return f"∂L/∂{of}"
    if not isinstance(step, Apply) or len(step.args) != 1 or array.slope[0]:
        return ""
    if step.op in TABLE and not TABLE[step.op].symbol.isalpha():  # a sign
        return ""
    (arg,) = step.args
    z = found.get(arg.array, "") if isinstance(arg, Read) else ""
    return f"a{_digits(z)}" if z.startswith("z") else ""


def _is_weight(step: Apply, found: Mapping[int, str]) -> bool:
    """Whether this is what a single δ hands back through its weights."""
    return step.op == "mul" and any(
        found.get(arg.array, "").startswith("δ")
        for arg in step.args
        if isinstance(arg, Read)
    )


def _digits(name: str) -> str:
    return name[len(name.rstrip("0123456789")) :]


def _free(name: str, found: Mapping[int, str]) -> str:
    """The name, or with the first number at which no other array has it."""
    taken, new, n = set(found.values()), name, 1
    while new in taken:
        n += 1
        new = f"{name}{n}" if name == name.rstrip("0123456789") else f"{name}_{n}"
    return new


def _results(program: ArrayProgram, found: Mapping[int, str]) -> dict[int, str]:
    """L or y for the output, where it is an array of its own, and the gradients."""
    made: dict[int, str] = {}
    for leaf, number in program.gradients:
        step = _step(program, number)
        if number not in found and not isinstance(step, (Leaf, Join)):
            made[number] = f"∂L/∂{found[leaf]}"
    number = _output(program)
    if number >= 0 and number not in found:
        made[number] = "y"
    number = _source(program, program.totals)
    if number >= 0:
        made[number] = VALUE
        step = _step(program, number)
        rows = step.read.array if isinstance(step, Reduce) and step.rows else number
        if rows not in found:
            made[rows] = "L"
    if isinstance(_step(program, program.totals.array), Join):
        made[program.totals.array] = GRADIENT
    return {number: _free(name, found) for number, name in made.items()}


def _output(program: ArrayProgram) -> int:
    """The array of all outputs, or of the only one; -1 where there is none."""
    read = program.outputs
    if read.dims[0] <= 1:
        return _source(program, read)
    array = program.arrays[read.array]
    leaf = array is None or isinstance(array.step, Leaf)
    return read.array if not leaf and read.is_all_of(array.size if array else 0) else -1


def _source(program: ArrayProgram, read: Read) -> int:
    """The array of one number that is the last that is read; -1 where there is none."""
    if not read.dims[0]:
        return -1
    number, place = read.array, read.places()[-1]
    step = _step(program, number)
    if isinstance(step, Join):
        number = [part.array for part in step.parts for _ in part.places()][place]
    array = program.arrays[number]
    fits = array is not None and array.size == 1 and not isinstance(array.step, Leaf)
    return number if fits else -1


def _step(program: ArrayProgram, number: int) -> object:
    array = program.arrays[number]
    return None if array is None else array.step


# ---- each name once ------------------------------------------------------------------


def _each(program: ArrayProgram, made: list[str], taken: Iterable[str]) -> list[str]:
    """For every array its own name; an empty one for what is not there."""
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
