"""The array program as mathematics: formulas over matrices, with the users' labels.

What is a line, and what goes into the line that reads it, is decided as in study notes:
z1, a1 and δ1 are lines, and the slope of a function is written f'(z1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograd.compiler.instructions import COMPARISONS, CONSTANT, PARAMETER
from autograd.compiler.matrices import fused
from autograd.compiler.names import GRADIENT, VALUE, names, notable
from autograd.compiler.steps import (
    Apply,
    ArrayProgram,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
    Step,
    reads,
)
from autograd.operation import ANY, ATOM, POWER, PRODUCT, SIGN, SUM
from autograd.ops import TABLE

ONCE, ROWS, MEANS = "once", "for every row", "the mean over the rows"
PARTS = (ONCE, ROWS, MEANS)
COLUMN = 48  # at most so far to the right are the sides of arrays
FORMS = ("text", "markdown", "latex")
SIGNS = {"<=": "≤", "!=": "≠", "==": "="}
SHOWN = 6  # numbers, or parts of an array, that a formula lists


@dataclass(frozen=True)
class Line:
    """A formula: what is made, of what, its sides, when, and whether it comes first.

    of: the names of the arrays that the formula reads. back: whether it is a derivative
    of the output, or made of one. A leaf has no formula, and its kind as its part.
    """

    name: str
    formula: str
    size: str
    part: str
    first: bool = False
    of: tuple[str, ...] = ()
    back: bool = False


def leaves(program: ArrayProgram) -> list[Line]:
    """A line for the inputs, and for the parameters of every name."""
    known = notable(program)
    called = names(program, known)
    return [
        Line(called[number], "", _sides(program, number), array.step.kind)
        for number, array in program.made()
        if isinstance(array.step, Leaf) and array.step.kind != CONSTANT
    ]


def lines(program: ArrayProgram, latex: bool = False) -> list[Line]:
    """A line for each array that is not part of another."""
    known = notable(program)
    writer = (Latex if latex else Text)(program, known)
    return list(writer.lines())


def document(program: ArrayProgram, form: str = "text") -> list[list[str]]:
    """The parts of an array program as lines of text, Markdown or LaTeX.

    The first part names the leaves; the others are what is computed once, for every
    row, and as a mean over the rows.
    """
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}; choose {', '.join(FORMS)}")
    made = lines(program, latex=form != "text")
    made.sort(key=lambda line: not line.first)
    parts = {part: [line for line in made if line.part == part] for part in PARTS}
    titles = [part for part in PARTS if parts[part]]
    if form == "text":
        texts = [_aligned(title, parts[title]) for title in titles]
    else:
        texts = [_formulas(title, parts[title], form) for title in titles]
    return [_leaf_lines(program)] * (form == "text") + texts


def _leaf_lines(program: ArrayProgram) -> list[str]:
    """What goes in: a line for the inputs, and for the parameters of every name."""
    made = leaves(program)
    width = max([len(line.name) for line in made], default=0)
    return [
        f"{line.name:{width}}  {line.size} {line.part}{'' if line.size == '1' else 's'}"
        for line in made
    ]


def _sides(program: ArrayProgram, number: int) -> str:
    """How large an array is; as a matrix, where a product takes it for one."""
    array = program.arrays[number]
    size = 0 if array is None else array.size
    for _, each in program.made():
        step = each.step
        read = step.left if isinstance(step, Product) else None
        if read is not None and read.array == number and read.is_all_of(size):
            return " × ".join([str(side) for side in read.dims[1:]])
    return str(size)


def _aligned(title: str, made: Sequence[Line]) -> list[str]:
    formulas = [f"  {line.name} = {line.formula}" for line in made]
    width = min(COLUMN, max(map(len, formulas)))
    sized = [
        text if line.size == "1" else f"{text:{width}}   {line.size}"
        for text, line in zip(formulas, made, strict=True)
    ]
    return [f"{title}:", *sized]


def _formulas(title: str, made: Sequence[Line], form: str) -> list[str]:
    rows = [rf"{line.name} &= {line.formula} \\" for line in made]
    block = [r"\begin{aligned}", *rows, r"\end{aligned}"]
    if form == "latex":
        return [f"% {title}", *block]
    return [f"**{title[0].upper()}{title[1:]}**", "", "$$", *block, "$$", ""]


class Text:
    """Writes formulas as plain text."""

    elementwise, times, minus = " ⊙ ", " · ", "-"

    def __init__(self, program: ArrayProgram, known: Mapping[int, str]) -> None:
        self.slopes = {
            number: array.slope
            for number, array in program.made()
            if known.get(array.slope[1], "").startswith("z")
        }
        hidden = dict.fromkeys(self.slopes, "slope")
        self.known = hidden | dict(known)
        self.program = _needed(fused(program, self.known), self.slopes)
        self.names = names(self.program, self.known)

    def lines(self) -> Iterator[Line]:
        """The lines in the order in which they are computed, leaves left out."""
        means, back_again = _means(self.program), _back(self.program)
        for number, array in self.program.made():
            if isinstance(array.step, Leaf) or self._is_hidden(number):
                continue
            part = ROWS if array.varies else MEANS if number in means else ONCE
            formula, _ = self.step(array.step)
            if number in self.slopes:
                op, at = self.slopes[number]
                formula = self.slope(op, self.name(at))
            value = self.known.get(number) == VALUE
            of = tuple(dict.fromkeys(self.sources(number)))
            size, back = _size(array.step), number in back_again
            yield Line(self.name(number), formula, size, part, value, of, back)

    def sources(self, number: int) -> Iterator[str]:
        """The names of the arrays that a line reads; of f'(z) that is z."""
        if number in self.slopes:
            yield self.name(self.slopes[number][1])
            return
        array = self.program.arrays[number]
        for read in reads(array.step) if array is not None else ():
            source = self.program.arrays[read.array]
            if source is None or self._is_hidden(read.array):
                yield from self.sources(read.array)
            elif not isinstance(source.step, Leaf) or source.step.kind != CONSTANT:
                yield self.name(read.array)

    def _is_hidden(self, number: int) -> bool:
        """Whether no line is needed: of f'(z), and of all gradients in one."""
        if self.known.get(number) == GRADIENT:
            leaves = [array.step for _, array in self.program.made()]
            kinds = [step.kind for step in leaves if isinstance(step, Leaf)]
            return kinds.count(PARAMETER) == len(self.program.gradients)
        return self.known.get(number) == "slope"

    def name(self, number: int) -> str:
        """An array's name."""
        if self.known.get(number) == "slope":
            op, at = self.slopes[number]
            return self.slope(op, self.name(at))
        return self.names[number]

    def slope(self, op: str, at: str) -> str:
        """The derivative of an operation of one argument there."""
        return f"{op}'({at})"

    def step(self, step: Step) -> tuple[str, int]:
        """What makes an array, and how tightly it binds."""
        if isinstance(step, Read):
            return self.read(step)
        if isinstance(step, Apply):
            return self.applied(step)
        if isinstance(step, Product):
            return self.product(step), PRODUCT
        if isinstance(step, Reduce):
            return self.reduced(step)
        parts = (
            [self.read(part)[0] for part in step.parts]
            if isinstance(step, Join)
            else []
        )
        return self.joined(parts), ATOM

    def joined(self, parts: list[str]) -> str:
        """Several arrays in one."""
        return f"[{', '.join(_abridged(parts, '…'))}]"

    def within(self, step: Step, binds: int) -> str:
        """An argument, in parentheses where it binds less."""
        text, own = self.step(step)
        return text if own >= binds else self.parentheses(text)

    def parentheses(self, text: str) -> str:
        """The text in parentheses."""
        return f"({text})"

    # ---- what is read ----

    def read(self, read: Read) -> tuple[str, int]:
        """An array, or a part of it. Numbers that repeat are written once."""
        array = self.program.arrays[read.array]
        step = None if array is None else array.step
        if isinstance(step, Leaf) and step.kind == CONSTANT:
            return self.numbers([step.numbers[place] for place in read.places()])
        name, places = self.name(read.array), list(dict.fromkeys(read.places()))
        if not read.table:
            places.sort()  # of a box, columns before rows are a transpose
        if array is None or places == list(range(array.size)):
            return name, ATOM
        return self.part(name, [place + 1 for place in places]), ATOM

    def part(self, name: str, places: Sequence[int]) -> str:
        """Some places of an array, counted from one."""
        first, last = places[0], places[-1]
        if len(places) == 1:
            return f"{name}[{first}]"
        if list(places) == list(range(first, last + 1)):
            return f"{name}[{first}..{last}]"
        return f"{name}[{', '.join(_abridged(list(map(str, places)), '…'))}]"

    def numbers(self, numbers: Sequence[float]) -> tuple[str, int]:
        """A number, or a list of them."""
        texts = [f"{number:.6g}" for number in numbers]
        if len(set(texts)) == 1:
            return texts[0], SIGN if texts[0].startswith("-") else ATOM
        return self.joined(texts), ATOM

    # ---- operations ----

    def applied(self, step: Apply) -> tuple[str, int]:
        """An operation: as a sum, a product, a sign, or a function's name."""
        op, args = step.op, step.args
        if op in COMPARISONS:
            sign = COMPARISONS[op][0]
            x, y = [self.within(arg, SUM) for arg in args]
            return self.comparison(x, SIGNS.get(sign, sign), y), ANY
        if op == "dot":
            half = len(args) // 2
            pairs = zip(args[:half], args[half:], strict=True)
            return self.sum([self.pair(x, y, step.dims) for x, y in pairs]), SUM
        if op == "sum":
            return self.sum(args), SUM
        return self.operation(step)

    def sum(self, terms: Sequence[Step]) -> str:
        """Terms with signs between them."""
        first, *rest = [self.within(term, SUM) for term in terms]
        signed = [f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in rest]
        return "".join([first, *signed])

    def pair(self, x: Step, y: Step, dims: tuple[int, ...]) -> Step:
        """A product; by 1 or -1, what remains of it."""
        for one, other in ((x, y), (y, x)):
            factor = self.number(one)
            if factor is not None and abs(factor) == 1.0:
                return other if factor > 0 else Apply("neg", (other,), dims)
        return Apply("mul", (x, y), dims)

    def number(self, step: Step) -> float | None:
        """The number that a step reads, where it is always the same."""
        if not isinstance(step, Read):
            return None
        array = self.program.arrays[step.array]
        if (
            array is None
            or not isinstance(array.step, Leaf)
            or array.step.kind != CONSTANT
        ):
            return None
        numbers = {array.step.numbers[place] for place in step.places()}
        return numbers.pop() if len(numbers) == 1 else None

    def comparison(self, x: str, sign: str, y: str) -> str:
        """Two sides of a comparison."""
        return f"{x} {sign} {y}"

    def operation(self, step: Apply) -> tuple[str, int]:
        """A row of the table."""
        row = TABLE.get(step.op)
        symbol = row.symbol if row else step.op
        if row is None or symbol[:1].isalpha() or len(step.args) > 2:
            args = [self.step(arg)[0] for arg in step.args]
            return f"{step.op}({', '.join(args)})", ATOM
        needs = row.needs or (ATOM, ATOM)
        if step.op == "div":
            needs = (PRODUCT, SIGN)
        args = [
            self.within(arg, need) for arg, need in zip(step.args, needs, strict=True)
        ]
        if len(args) == 1:
            return f"{symbol}{args[0]}", row.binds
        if step.op == "pow":
            return (
                f"{self.within(step.args[0], ATOM)}^{self.within(step.args[1], ATOM)}",
                POWER,
            )
        if step.op == "mul":
            return self._multiplied(step), PRODUCT
        return f"{args[0]} {symbol} {args[1]}", min(row.binds, PRODUCT)

    def _multiplied(self, step: Apply) -> str:
        x, y = [self.within(arg, PRODUCT) for arg in step.args]
        weights = self._through_weights(step)
        if weights:
            return weights
        if x == y and isinstance(step.args[0], Read):
            return self.squared(x)
        if all(_is_wide(arg) for arg in step.args):
            x, y = [
                self.parentheses(text) if self._is_product(arg) else text
                for arg, text in zip(step.args, (x, y), strict=True)
            ]
            return f"{x}{self.elementwise}{y}"
        return f"{x}{self.times}{y}"

    def _is_product(self, step: Step) -> bool:
        weights = isinstance(step, Apply) and step.op == "mul"
        return isinstance(step, Product) or (
            weights and isinstance(step, Apply) and bool(self._through_weights(step))
        )

    def _through_weights(self, step: Apply) -> str:
        """One number times a row of weights: it goes back through them, as Wᵀ δ."""
        for weights, other in (step.args, step.args[::-1]):
            if not isinstance(weights, Read) or not isinstance(other, Read):
                continue
            array = self.program.arrays[weights.array]
            leaf = None if array is None else array.step
            source = self.program.arrays[other.array]
            if source is None or not source.adjoint:
                continue
            one = len(set(other.places())) == 1 and self.number(other) is None
            if (
                one
                and isinstance(leaf, Leaf)
                and leaf.kind == PARAMETER
                and _is_wide(weights)
            ):
                return f"{self.transposed(self.read(weights)[0])} {self.read(other)[0]}"
        return ""

    def squared(self, x: str) -> str:
        """x times x."""
        return f"{x}²"

    # ---- products and sums ----

    def product(self, step: Product) -> str:
        """A matrix times a matrix, or a vector."""
        left, right = self.side(step.left), self.side(step.right)
        down, across = step.left.dims[1], step.right.dims[1]
        if (down, across) == (1, 1) and left == right:
            return self.norm(left)
        if step.rows or not (across == 1 or self._is_shared(step)):
            return f"{left} {self.transposed(right)}"
        return f"{left} {right}"

    def _is_shared(self, step: Product) -> bool:
        """Whether one matrix, the same for all rows, is applied at many positions."""
        left, right = [self.program.arrays[r.array] for r in (step.left, step.right)]
        return bool(left and right) and isinstance(left and left.step, Leaf)

    def side(self, read: Read) -> str:
        """A side of a product; transposed, where columns are read as rows."""
        text = self.read(read)[0]
        _, down, across = read.strides or (0, 0, 0)
        return self.transposed(text) if 0 < down < across else text

    def transposed(self, text: str) -> str:
        """The transpose."""
        return f"{text}ᵀ"

    def norm(self, text: str) -> str:
        """A vector times itself."""
        return f"‖{text}‖²"

    def reduced(self, step: Reduce) -> tuple[str, int]:
        """A sum, or what is made of many. That it is over rows too is not written."""
        text = self.read(step.read)[0]
        if step.read.dims[-1] == 1:
            return text, ATOM
        return f"{self.function(step.op)}({text})", ATOM

    def function(self, name: str) -> str:
        """A name as a function's."""
        return name


class Latex(Text):
    """Writes formulas as LaTeX."""

    elementwise, times = r" \odot ", r" \cdot "

    def name(self, number: int) -> str:
        """A letter with its index, or upright text."""
        if self.known.get(number) == "slope":
            return super().name(number)
        return _latex_name(self.names[number])

    def slope(self, op: str, at: str) -> str:
        """As an upright name with a prime."""
        return rf"\operatorname{{{_escaped(op)}}}'\left({at}\right)"

    def parentheses(self, text: str) -> str:
        """Of the size of what is in them."""
        return rf"\left({text}\right)"

    def joined(self, parts: list[str]) -> str:
        """In brackets."""
        return rf"\left[{', '.join(_abridged(parts, chr(92) + 'dots'))}\right]"

    def part(self, name: str, places: Sequence[int]) -> str:
        """The places as an index."""
        text = (
            Text.part(self, "", places)[1:-1]
            .replace("…", r"\dots")
            .replace("..", r" \dots ")
        )
        return f"{{{name}}}_{{[{text}]}}"

    def comparison(self, x: str, sign: str, y: str) -> str:
        """With LaTeX's signs."""
        signs = {"≤": r"\le", "≠": r"\ne"}
        return f"{x} {signs.get(sign, sign)} {y}"

    def squared(self, x: str) -> str:
        """With a raised 2."""
        return f"{x}^{{2}}"

    def transposed(self, text: str) -> str:
        """With a raised top."""
        return rf"{text}^{{\top}}"

    def norm(self, text: str) -> str:
        """Between double bars."""
        return rf"\left\|{text}\right\|^{{2}}"

    def function(self, name: str) -> str:
        """Upright."""
        return rf"\operatorname{{{_escaped(name)}}}"

    def operation(self, step: Apply) -> tuple[str, int]:
        """By the row's own form."""
        row = TABLE.get(step.op)
        if row is None or not row.latex or len(step.args) != row.arity:
            args = [self.step(arg)[0] for arg in step.args]
            return f"{self.function(step.op)}{self.parentheses(', '.join(args))}", ATOM
        if step.op == "mul":
            return self._multiplied(step), PRODUCT
        needs = row.needs or (ANY,) * row.arity
        args = [
            self.within(arg, need) for arg, need in zip(step.args, needs, strict=True)
        ]
        return row.latex.format(*args), row.binds


# ---- helpers -------------------------------------------------------------------------


def _needed(
    program: ArrayProgram, slopes: Mapping[int, tuple[str, int]]
) -> ArrayProgram:
    """Without the arrays that only slopes need, which are written as f'(z)."""
    needed = {program.outputs.array, program.totals.array}
    arrays = list(program.arrays)
    for number in reversed(range(len(arrays))):
        array = arrays[number]
        if number not in needed or array is None:
            arrays[number] = None
        elif number in slopes:
            needed.add(slopes[number][1])
        else:
            needed.update([read.array for read in reads(array.step)])
    return program._replace(arrays=tuple(arrays))


def _means(program: ArrayProgram) -> set[int]:
    """The arrays that are means over the rows, or made of such."""
    found: set[int] = set()
    for number, array in program.made():
        sources = {read.array for read in reads(array.step)}
        if not array.varies and (_is_mean(array.step) or sources & found):
            found.add(number)
    return found


def _back(program: ArrayProgram) -> set[int]:
    """The arrays that are derivatives of the output, or made of such."""
    found: set[int] = set()
    for number, array in program.made():
        sources = {read.array for read in reads(array.step)}
        if array.adjoint or sources & found:
            found.add(number)
    return found


def _is_mean(step: Step) -> bool:
    if isinstance(step, Apply):
        return any(map(_is_mean, step.args))
    return isinstance(step, (Product, Reduce)) and step.rows


def _is_wide(step: Step) -> bool:
    """Whether a step gives more than one number, and not one that repeats."""
    if isinstance(step, Read):
        return len(set(step.places())) > 1
    return not isinstance(step, Apply) or any(map(_is_wide, step.args))


def _size(step: Step) -> str:
    dims = [side for side in step.dims if side > 1] or [1]
    return " × ".join(map(str, dims))


def _abridged(parts: list[str], dots: str) -> list[str]:
    return parts if len(parts) <= SHOWN else [*parts[: SHOWN - 1], dots]


def _latex_name(name: str) -> str:
    if name.startswith("∂L/∂"):
        return rf"\frac{{\partial L}}{{\partial {_latex_name(name[4:])}}}"
    match = re.fullmatch(r"([A-Za-zδ])(\d*)", name)
    if not match:
        return rf"\mathrm{{{_escaped(name)}}}"
    letter = match[1].replace("δ", r"\delta")
    return f"{letter}_{{{match[2]}}}" if match[2] else letter


def _escaped(text: str) -> str:
    r"""User text that LaTeX shows as it is.

    >>> _escaped("a_b")
    'a\\_b'
    """
    text = text.replace("\\", r"\backslash ")
    return re.sub(r"([_{}$&#%])", r"\\\1", text).replace("^", r"\hat{}")
