"""The array program as Python text over an array module, one line for each array.

The numpy backend runs this text, `to_numpy_source` shows it, and `to_jax` runs it with
jax.numpy. An array with `size` results is there of shape (size, N) where it depends on
the row, and of shape (size,) where it does not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite, prod
from types import MappingProxyType

from autograd.compiler.instructions import COMPARISONS, CONSTANT, INPUT
from autograd.compiler.steps import (
    Apply,
    Array,
    ArrayProgram,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
    Step,
)
from autograd.ops import TABLE


def form(op: str) -> str:
    """An operation as text over the array module `np`, `{0}` its first argument.

    Empty where there is none: for sum and dot, and what users declare.
    """
    if op in COMPARISONS:
        return COMPARISONS[op][1]
    return TABLE[op].batch if op in TABLE else ""


def taken_once(op: str, n: int) -> bool:
    """Whether the form of an operation has its nth argument once."""
    return form(op).count(f"{{{n}}}") <= 1


def number_text(x: float) -> str:
    """A number as Python reads it back, exactly."""
    if isfinite(x):
        return repr(float(x))
    return "np.nan" if x != x else "np.inf" if x > 0 else "(-np.inf)"


def of_many(
    op: str, args: Sequence[str], pair: Callable[[str, str], str]
) -> str | None:
    """A sum, a dot, or more arguments than the operation has, as an expression.

    pair: writes the operation of two. None for an operation of its own arguments.

    >>> of_many("dot", ["a", "b", "x", "y"], max), of_many("sin", ["x"], max)
    ('a * x + b * y', None)
    """
    if op == "sum":
        return " + ".join(args)
    if op == "dot":
        half = len(args) // 2
        pairs = zip(args[:half], args[half:], strict=True)
        return " + ".join([f"{x} * {y}" for x, y in pairs])
    if op in TABLE and len(args) > TABLE[op].arity > 0:  # folded
        return functools.reduce(pair, args)
    return None


class ArrayText:
    """Writes the lines. `tables` are the arrays of numbers that they name.

    names: of the arrays. functions: the names of operations that are called, where
        they are not written by their form.
    """

    def __init__(
        self,
        program: ArrayProgram,
        names: Sequence[str],
        functions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.program = program
        self.names = names
        self.functions = functions
        self.tables: dict[str, tuple[tuple[float, ...], tuple[int, ...]]] = {}
        self._known: dict[object, str] = {}

    def lines(self) -> list[str]:
        """An assignment for each array; X, parameters and rows are there before."""
        return [
            f"{self.names[number]} = {self._value(array)}"
            for number, array in self.program.made()
            if not (isinstance(array.step, Leaf) and array.step.kind == CONSTANT)
        ]

    def function(self, name: str) -> str:
        """A function of X and parameters that returns outputs (N, K) and totals."""
        lines = [f"def {name}(X, parameters):", "    rows = len(X)"]
        lines += [f"    {line}" for line in self.lines()]
        lines += [f"    return {self.outputs()}, {self.totals()}", ""]
        return "\n".join(lines)

    def outputs(self) -> str:
        """What is asked for of every row, of shape (N, K)."""
        read = self.program.outputs
        if not read.dims[0]:
            return "np.empty((rows, 0))"
        text = self._view(read, self._array(read).varies, strict=True)
        if self._array(read).varies:
            return f"{text if _is_atom(text) else f'({text})'}.T"
        return f"np.broadcast_to({text}, (rows, {read.dims[0]}))"

    def output(self) -> str:
        """The only one of the outputs, of shape (N,)."""
        read = self.program.outputs
        number = self._view(read, self._array(read).varies, strict=True)
        if self._array(read).varies:
            return f"{self.names[read.array]}[{read.start}]"
        return f"np.full(rows, {number})"

    def totals(self) -> str:
        """What is asked for that is the same for every row."""
        read = self.program.totals
        return self._view(read, False, strict=True) if read.dims[0] else "np.empty(0)"

    def _array(self, read: Read) -> Array:
        array = self.program.arrays[read.array]
        assert array is not None, "what is read is there"
        return array

    def _value(self, array: Array) -> str:
        if isinstance(array.step, Leaf):
            return self._leaf(array.step)
        text, shape = self._text(array.step, array.varies)
        return self._fitted(text, shape, (array.size,), array.varies)

    def _leaf(self, leaf: Leaf) -> str:
        place = _slice([int(number) for number in leaf.numbers])
        if leaf.kind == INPUT:
            columns = self.program.inputs
            return "X.T" if place == f"0:{columns}" else f"X.T[{place}]"
        count = self.program.parameters
        return "parameters" if place == f"0:{count}" else f"parameters[{place}]"

    def _fitted(
        self, text: str, shape: Sequence[int], dims: Sequence[int], varies: bool
    ) -> str:
        """A text of some shape, made one of another shape."""
        if tuple(shape) == tuple(dims):
            return text
        sizes = [str(side) for side in dims] + ["-1"] * varies
        return f"({text}).reshape({', '.join(sizes)})"

    def _text(self, step: Step, varies: bool) -> tuple[str, tuple[int, ...]]:
        """What makes the result, and its shape but for the rows."""
        if isinstance(step, Read):
            return self._view(step, varies), step.dims
        if isinstance(step, Apply):
            return self._applied(step, varies), step.dims
        if isinstance(step, Reduce):
            return self._reduced(step), step.dims
        if isinstance(step, Product):
            return self._product(step)
        assert isinstance(step, Join), "a leaf is not part of a step"
        parts = [self._part(part, varies) for part in step.parts]
        return f"np.concatenate([{', '.join(parts)}])", step.dims

    def _part(self, read: Read, varies: bool) -> str:
        """A part of a join, for every row where the whole is."""
        text = self._view(read, varies, strict=True)
        if not varies or self._array(read).varies:
            return text
        return f"np.broadcast_to({text}, ({read.dims[0]}, rows))"

    # ---- element by element ----

    def _applied(self, step: Apply, varies: bool) -> str:
        text = form(step.op)
        for n, arg in enumerate(step.args):
            truth = f"{{{n}}} != 0"
            if not isinstance(arg, Apply) or arg.dims != step.dims:
                continue
            if truth in text and arg.op in COMPARISONS:
                x, y = self._arguments(arg, varies)
                text = text.replace(truth, f"{x} {COMPARISONS[arg.op][0]} {y}")
        return self._call(step.op, self._arguments(step, varies), text)

    def _arguments(self, step: Apply, varies: bool) -> list[str]:
        """Each as a text that goes into a formula."""
        args = []
        for arg in step.args:
            text, shape = self._text(arg, varies)
            if not isinstance(arg, Read):
                text = self._fitted(text, shape, step.dims, varies)
            args.append(text if _is_atom(text) else f"({text})")
        return args

    def _call(self, op: str, args: list[str], text: str = "") -> str:
        """An operation as a text."""
        many = of_many(op, args, lambda x, y: self._call(op, [x, y]))
        if many is not None:
            return many
        if op in self.functions:
            return f"{self.functions[op]}({', '.join(args)})"
        return (text or form(op)).format(*args)

    def _reduced(self, step: Reduce) -> str:
        varies = self._array(step.read).varies
        count = step.read.dims[-1]
        text = self._view(step.read, varies, strict=True)
        text = text if _is_atom(text) else f"({text})"
        if step.rows:
            if count == 1:
                text = self._view(step.read.turned(0), varies, strict=True)
            axis = "(1, 2)" if count > 1 else "1"
            return f"{text}.sum(axis={axis}) / rows"
        if step.op == "sum":
            return f"{text}.sum(axis=1)"
        whole = re.fullmatch(r"(np\.\w+)\(\{[01]\}, \{[01]\}\)", form(step.op))
        if whole and step.op not in self.functions:
            return f"{whole[1]}.reduce({text}, axis=1)"
        two = self._call(step.op, ["x", "y"])
        return f"functools.reduce(lambda x, y: {two}, np.moveaxis({text}, 1, 0))"

    # ---- products ----

    def _product(self, step: Product) -> tuple[str, tuple[int, ...]]:
        """As `@` wherever that can be, or np.einsum."""
        blocks, down, _ = step.left.dims
        across = step.right.dims[1]
        left, right = self._array(step.left).varies, self._array(step.right).varies
        if step.rows:
            return self._over_rows(step)
        if left:
            return self._row_by_row(step)
        if right:
            return self._times_rows(step)
        one, other, order = step.left, step.right, (blocks, down, across)
        if step.turned:
            one, other, order = step.right, step.left, (blocks, across, down)
        if blocks == 1:
            x = self._matrix(one.turned(1, 2))
            if other.dims[1] == 1:
                return f"{x} @ {self._matrix(other.turned(2))}", order[1:2]
            return f"{x} @ {self._matrix(other.turned(2, 1))}", order[1:]
        return f"{self._matrix(one)} @ {self._matrix(other.turned(0, 2, 1))}", order

    def _times_rows(self, step: Product) -> tuple[str, tuple[int, ...]]:
        """A matrix that is the same for every row, times what depends on it."""
        blocks, down, _ = step.left.dims
        across = step.right.dims[1]
        if across == 1 and blocks == 1:
            x, y = step.left.turned(1, 2), step.right.turned(2)
            return f"{self._matrix(x)} @ {self._matrix(y)}", (down,)
        if across == 1:
            x, y = step.left, step.right.turned(0, 2)
            return f"{self._matrix(x)} @ {self._matrix(y)}", (blocks, down)
        if blocks == 1:
            x, y = step.left.turned(1, 2), step.right.turned(1, 2)
        else:
            x, y = step.left.turned(0, -1, 1, 2), step.right
        text = f"{self._matrix(x)} @ {self._matrix(y)}"
        if step.turned or down == 1:
            return text, (blocks, across, down)
        axes = "0, 1" if blocks == 1 else "1, 2"
        return f"({text}).swapaxes({axes})", (blocks, down, across)

    def _row_by_row(self, step: Product) -> tuple[str, tuple[int, ...]]:
        """Both sides depend on the row: a small product for each of them."""
        x, y = step.left, step.right
        letters = "bjin" if step.turned else "bijn"
        text = f'"bikn, bjkn -> {letters}", {self._matrix(x)}, {self._matrix(y)}'
        return f"np.einsum({text})", step.dims

    def _over_rows(self, step: Product) -> tuple[str, tuple[int, ...]]:
        """The mean over the rows of products: a product in which they are summed up."""
        one, other = step.left, step.right
        if step.turned:
            one, other = other, one
        blocks, down, count = one.dims
        across = other.dims[1]
        if blocks > 1:
            text = f'"bikn, bjkn -> bij", {self._matrix(one)}, {self._matrix(other)}'
            return f"np.einsum({text}) / rows", (blocks, down, across)
        if count == 1:
            x, y = self._matrix(one.turned(1)), self._matrix(other.turned(1))
        else:
            x = f"{self._matrix(one.turned(1, 2))}.reshape({down}, -1)"
            y = f"{self._matrix(other.turned(1, 2))}.reshape({across}, -1)"
        return f"{x} @ {y}.T / rows", (down, across)

    def _matrix(self, read: Read) -> str:
        """A side of a product: every side as long as it says."""
        text = self._view(read, self._array(read).varies, strict=True)
        return text if _is_atom(text) else f"({text})"

    # ---- what is read ----

    def _view(self, read: Read, varies: bool, strict: bool = False) -> str:
        """The numbers that are read, for a step that depends on the row or doesn't.

        strict: whether every side has to be as long as it says; where numbers repeat,
            arithmetic repeats them by itself.
        """
        array = self._array(read)
        lift = varies and not array.varies
        if isinstance(array.step, Leaf) and array.step.kind == CONSTANT:
            return self._constants(read, array.step.numbers, lift, strict)
        name = self.names[read.array]
        repeats = any(
            s == 0 < d - 1
            for d, s in zip(read.dims, read.strides, strict=not read.table)
        )
        if read.table or (strict and repeats):
            return self._gathered(name, read, lift)
        if repeats and not any(read.strides):
            return f"{name}[{read.start}]"
        return _box(name, read, array.size, array.varies, lift) or self._gathered(
            name, read, lift
        )

    def _gathered(self, name: str, read: Read, lift: bool) -> str:
        text = f"{name}[{self._table(tuple(read.places()), read.dims)}]"
        return f"{text}[..., None]" if lift else text

    def _constants(
        self, read: Read, numbers: tuple[float, ...], lift: bool, strict: bool
    ) -> str:
        found = tuple([numbers[place] for place in read.places()])
        texts = {number_text(number) for number in found}
        if len(texts) == 1 and not strict:
            return texts.pop()
        name = self._table(found, read.dims)
        return f"{name}[..., None]" if lift else name

    def _table(self, numbers: tuple[float, ...], dims: tuple[int, ...]) -> str:
        """The name of an array of numbers."""
        key = (tuple(map(repr, numbers)), dims)
        if key not in self._known:
            self._known[key] = name = f"table{len(self.tables) + 1}"
            self.tables[name] = (numbers, dims)
        return self._known[key]


def _box(name: str, read: Read, size: int, varies: bool, lift: bool) -> str:
    """A box as slices of an array; empty where it takes more than that."""
    order = sorted(
        [side for side, stride in enumerate(read.strides) if stride],
        key=lambda side: -read.strides[side],
    )
    text = _sliced(name, read, order, size, varies)
    if not text:
        return ""
    if order != sorted(order):
        axes = [sorted(order).index(side) for side in order]
        back = [axes.index(n) for n in range(len(axes))]
        back += [len(axes)] * varies
        text = f"{text}.transpose({', '.join(map(str, back))})"
    shape = [":" if stride else "None" for stride in read.strides]
    if not order:
        shape = [":"] + ["None"] * (len(read.dims) - 1)
    if "None" not in shape and not lift:
        return text
    return f"{text}[{', '.join(shape + ['None'] * lift)}]"


def _sliced(name: str, read: Read, order: list[int], size: int, varies: bool) -> str:
    """The sides in the order of their strides, the longest stride first."""
    dims = [read.dims[side] for side in order]
    strides = [read.strides[side] for side in order]
    count = prod(dims)
    if len(order) <= 1:
        step = strides[0] if strides else 1
        return _cut(name, read.start, count, step, size)
    steps = [dims[n + 1] * strides[n + 1] for n in range(len(dims) - 1)] + [1]
    if strides == steps:
        sizes = ", ".join([str(side) for side in dims] + ["-1"] * varies)
        return f"{_cut(name, read.start, count, 1, size)}.reshape({sizes})"
    whole = [size, *strides]
    if any(large % small for large, small in zip(whole, strides, strict=False)):
        return ""
    parts, cuts, left = [], [], read.start
    for large, stride, side in zip(whole, strides, dims, strict=False):
        first, left = divmod(left, stride)
        if first + side > large // stride:
            return ""
        parts.append(str(large // stride))
        cuts.append(":" if side == large // stride else f"{first}:{first + side}")
    if strides[-1] > 1:
        parts.append(str(strides[-1]))
        cuts.append(str(left))
    parts += ["-1"] * varies
    return f"{name}.reshape({', '.join(parts)})[{', '.join(cuts)}]"


def _cut(name: str, start: int, count: int, step: int, size: int) -> str:
    """Part of an array; the whole by its name."""
    if (start, count, step) == (0, size, 1):
        return name
    stop = start + (count - 1) * step + 1
    return f"{name}[{start}:{stop}]" if step == 1 else f"{name}[{start}:{stop}:{step}]"


def _slice(numbers: list[int]) -> str:
    """What takes these places: a slice, or a list."""
    first, count = numbers[0] if numbers else 0, len(numbers)
    if numbers == list(range(first, first + count)):
        return f"{first}:{first + count}"
    return repr(numbers)


def _is_atom(text: str) -> bool:
    """Whether a text goes into a formula without parentheses."""
    return re.fullmatch(r"[\w.]+(\[[^\[\]()]*\])*", text) is not None
