"""The array program as loops of text, for languages that are read like C.

Each array is a row of numbers, each step a loop over it, and a row of the table goes
through all of them before the next one comes. An operation is one statement, translated
from its row's form on arrays: what `np.exp` is there, `Math.exp` or `exp` is here. What
differs between the languages is in `Language`.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autograd.compiler.array_text import form, of_many
from autograd.compiler.instructions import CONSTANT, INPUT, CompileError, Kernel
from autograd.compiler.matrices import found, fused
from autograd.compiler.names import identifiers, notable
from autograd.compiler.steps import (
    Apply,
    Array,
    Join,
    Leaf,
    Product,
    Read,
    Reduce,
    Step,
    contiguous,
    reads,
)

LONG: Final = 150  # lines of a function; engines don't optimize very long ones


@dataclass(frozen=True)
class Language:
    """How a language says what the loops need.

    numbers, places: constant arrays of numbers, and of whole ones. room: an array to be
    filled. value, total: a name for a number that stays, and for one that grows.
    clear: an array set to 0. counter: what a variable of a loop is. mark: what is in
    the text's own names and in no other. functions: what NumPy's are called. equal,
    differs: signs. literal: a number. taken: names that mean something else.
    """

    name: str
    numbers: str
    places: str
    room: str
    value: str
    total: str
    clear: str
    counter: str
    mark: str
    functions: Mapping[str, str]
    equal: str
    differs: str
    literal: Callable[[float], str]
    taken: frozenset[str]

    def __hash__(self) -> int:
        return hash(self.name)


# ---- operations ----------------------------------------------------------------------


def statement(op: str, args: Sequence[str], language: Language) -> str:
    """An operation on arguments, as an expression."""
    many = of_many(op, args, lambda x, y: statement(op, [x, y], language))
    if many is not None:
        return many
    holders = [f"_{n}" for n in range(len(args))]
    text = _translated(form(op).format(*holders), language)
    return re.sub(r"\b_(\d+)\b", lambda found: args[int(found[1])], text)


@functools.cache
def _translated(text: str, language: Language) -> str:
    """A form on arrays in another language."""
    return _Translation(language).written(ast.parse(text, mode="eval").body)


SIGNS: Final = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class _Translation:
    """Writes a formula of Python's in another language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.signs = SIGNS | {ast.Eq: language.equal, ast.NotEq: language.differs}

    def written(self, node: ast.expr) -> str:
        """The formula."""
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return f"-{self._part(node.operand)}"
        if isinstance(node, ast.BinOp) and type(node.op) in self.signs:
            left = self._part(node.left, type(node.op))
            return f"{left} {self.signs[type(node.op)]} {self._part(node.right)}"
        if isinstance(node, ast.Compare) and type(node.ops[0]) in self.signs:
            left, right = self._part(node.left), self._part(node.comparators[0])
            return f"{left} {self.signs[type(node.ops[0])]} {right}"
        if isinstance(node, ast.Call):
            return self._called(node)
        what = f"{ast.unparse(node)!r} has no form in {self.language.name}"
        raise CompileError(what)

    def _called(self, node: ast.Call) -> str:
        name = ast.unparse(node.func).removeprefix("np.")
        args = [self.written(arg) for arg in node.args]
        if name == "where":
            condition, yes, no = [self._part(arg) for arg in node.args]
            return f"{condition} ? {yes} : {no}"
        if name not in self.language.functions:
            raise CompileError(f"NumPy's {name} has no form in {self.language.name}")
        return f"{self.language.functions[name]}({', '.join(args)})"

    def _part(self, node: ast.expr, beside: type[ast.operator] | None = None) -> str:
        """A part of a formula, in parentheses unless it is clear without."""
        text = self.written(node)
        is_choice = isinstance(node, ast.Call) and " ? " in text
        atom = isinstance(node, (ast.Name, ast.Constant, ast.Call)) and not is_choice
        sign = node.op if isinstance(node, ast.BinOp) else None
        product = isinstance(sign, (ast.Mult, ast.Div))
        goes_on = product and beside in (ast.Mult, ast.Div, ast.Add, ast.Sub)
        return text if atom or goes_on else f"({text})"


# ---- steps ---------------------------------------------------------------------------

BEFORE, EACH, AFTER = range(3)
"""When an array is made: once before the rows, for every row, once after them."""


class Writer:
    """Writes a function: for every array the lines that make it, and when."""

    def __init__(self, kernel: Kernel, language: Language) -> None:
        self.language = language
        whole = found(kernel)
        known = notable(whole)
        self.program = fused(whole, known)
        self.names = identifiers(self.program, known, language.taken)
        self.mark = language.mark
        while any(self.mark in name for name in self.names):
            self.mark += "_"
        self.space: list[str] = []
        self.blocks: tuple[list[list[str]], ...] = ([], [], [])
        self.when = [BEFORE] * len(self.program.arrays)
        self._tables: dict[tuple[int, ...], str] = {}
        self._scratch = 0
        for number, array in self.program.made():
            self._array(number, array)

    def filled(self, name: str, read: Read, columns: int) -> list[str]:
        """Lines that copy what is asked for; columns: how many there are for a row."""
        (size,) = read.dims
        if not size:
            return []
        place = index(0, [("row", columns)] * bool(columns) + [(_i(size), 1)])
        line = f"{name}[{place}] = {self._flat(read, size)};"
        return self.loop([("i", size)], [line])

    def _array(self, number: int, array: Array) -> None:
        """Write what makes an array, unless it is read where it is."""
        step, name = array.step, self.names[number]
        if not isinstance(step, Leaf):
            later = any(self.when[read.array] == AFTER for read in reads(step))
            later = later or _over_rows(step)
            self.when[number] = EACH if array.varies else AFTER if later else BEFORE
            self._made(step, name, array.size, self.when[number])
        elif step.kind == CONSTANT:
            if len(set(map(repr, step.numbers))) > 1:
                values = ", ".join(map(self.language.literal, step.numbers))
                line = self.language.numbers.format(name=name, values=values)
                self.space.append(line)
        elif not _is_run(step.numbers):
            self.when[number] = EACH if step.kind == INPUT else BEFORE
            self._space(name, array.size)
            table = self._table([int(n) for n in step.numbers])
            source = "X[at + {}]" if step.kind == INPUT else "parameters[{}]"
            line = f"{name}[i] = {source.format(f'{table}[i]')};"
            self.blocks[self.when[number]].append(
                self.loop([("i", array.size)], [line])
            )

    def _space(self, name: str, size: int) -> None:
        self.space.append(self.language.room.format(name=name, size=size))

    def _made(self, step: Step, name: str, size: int, when: int) -> None:
        """Write a step whose results go to an array of that name."""
        self._space(name, size)
        if isinstance(step, (Product, Reduce)) and step.rows:
            self.blocks[BEFORE].append([self.language.clear.format(name=name)])
            self.blocks[EACH].append(self._lines(step, name, "+="))
            mean = self.loop([("i", size)], [f"{name}[{_i(size)}] /= rows;"])
            self.blocks[AFTER].append(mean)
        elif isinstance(step, Apply):
            lines: list[str] = []
            result = self._applied(step, size, lines, when)
            lines.append(f"{name}[{_i(size)}] = {result};")
            self.blocks[when].append(self.loop([("i", size)], lines))
        else:
            self.blocks[when].append(self._lines(step, name, "="))

    def _lines(self, step: Step, name: str, sign: str) -> list[str]:
        if isinstance(step, Product):
            return self._product(step, name, sign)
        if isinstance(step, Reduce):
            return self._reduced(step, name, sign)
        assert isinstance(step, Join), "a read is part of another step"
        lines, first = [], 0
        for part in step.parts:
            (size,) = part.dims
            line = f"{name}[{index(first, [(_i(size), 1)])}] = "
            lines += self.loop([("i", size)], [f"{line}{self._flat(part, size)};"])
            first += size
        return lines

    # ---- element by element ----

    def _applied(self, step: Apply, size: int, lines: list[str], when: int) -> str:
        """The expression of an operation; those in it are lines before."""
        args = []
        for arg in step.args:
            if isinstance(arg, Read):
                args.append(self._flat(arg, size))
            elif isinstance(arg, Apply):
                inner = self._applied(arg, size, lines, when)
                name = f"{self.mark}{len(lines)}"
                args.append(name)
                lines.append(self.language.value.format(name=name, text=inner))
            else:
                self._scratch += 1
                name = f"scratch{self.mark}{self._scratch}"
                self._made(arg, name, size, when)
                args.append(f"{name}[{_i(size)}]")
        return statement(step.op, args, self.language)

    def _reduced(self, step: Reduce, name: str, sign: str) -> list[str]:
        size, count = step.read.dims
        loops = [("i", size), ("k", count)]
        here = self._element(step.read, loops)
        if count == 1:
            return self.loop(loops, [f"{name}[{_i(size)}] {sign} {here};"])
        two = statement(step.op, ["sum", here], self.language)
        first = self._element(step.read, [("i", size), ("0", count)])
        inner = self.turns("k", str(count), [f"sum = {two};"], 1)
        lines = [
            self.language.total.format(text=first),
            *inner,
            f"{name}[{_i(size)}] {sign} sum;",
        ]
        return self.loop([("i", size)], lines)

    # ---- products ----

    def _product(self, step: Product, name: str, sign: str) -> list[str]:
        blocks, down, count = step.left.dims
        across = step.right.dims[1]
        outer = [("b", blocks), ("i", down), ("j", across)]
        if step.turned:
            outer = [outer[0], outer[2], outer[1]]
        place = _place(outer)
        ends = [("b", blocks), ("i", down), ("k", count)]
        left = self._element(step.left, ends)
        right = self._element(step.right, [ends[0], ("j", across), ends[2]])
        if count == 1:
            return self.loop(outer, [f"{name}[{place}] {sign} {left} * {right};"])
        inner = self.turns("k", str(count), [f"sum += {left} * {right};"])
        lines = [
            self.language.total.format(text=0),
            *inner,
            f"{name}[{place}] {sign} sum;",
        ]
        return self.loop(outer, lines)

    # ---- what is read ----

    def _flat(self, read: Read, size: int) -> str:
        """The number at place i of what is read, in its order."""
        places = read.places()
        step = places[1] - places[0] if size > 1 else 0
        if places == [places[0] + n * step for n in range(size)]:
            return self._at(read.array, places[0], [("i", step)] if step else [])
        return self._at(read.array, 0, [(f"{self._table(places)}[i]", 1)])

    def _element(self, read: Read, loops: Sequence[tuple[str, int]]) -> str:
        """The number at a place of the box, by the variables of the loops around."""
        if read.table:
            place = f"{self._table(list(read.table))}[{_place(loops)}]"
            return self._at(read.array, 0, [(place, 1)])
        terms = [
            (variable, stride)
            for (variable, side), stride in zip(loops, read.strides, strict=True)
            if side > 1 and stride and variable != "0"
        ]
        return self._at(read.array, read.start, terms)

    def _at(self, array: int, start: int, terms: list[tuple[str, int]]) -> str:
        """A number of an array; input and parameters are read where they are."""
        step = self.program.arrays[array]
        assert step is not None, "what is read is there"
        leaf = step.step
        if not isinstance(leaf, Leaf):
            return f"{self.names[array]}[{index(start, terms)}]"
        if leaf.kind == CONSTANT:
            same = len(set(map(repr, leaf.numbers))) == 1 or not terms
            if same:
                return self.language.literal(leaf.numbers[0 if terms else start])
        elif _is_run(leaf.numbers):
            start += int(leaf.numbers[0])
            if leaf.kind == INPUT:
                return f"X[{index(start, [('at', 1), *terms])}]"
            return f"parameters[{index(start, terms)}]"
        return f"{self.names[array]}[{index(start, terms)}]"

    def _table(self, places: list[int]) -> str:
        """The name of a table of places."""
        key = tuple(places)
        if key not in self._tables:
            name = self._tables[key] = f"table{self.mark}{len(self._tables) + 1}"
            text = ", ".join(map(str, places))
            self.space.append(self.language.places.format(name=name, places=text))
        return self._tables[key]

    # ---- loops ----

    def turns(
        self, variable: str, stop: str, lines: list[str], start: int = 0
    ) -> list[str]:
        """The lines for every number from start to stop."""
        first = f"{self.language.counter} {variable} = {start}"
        head = f"for ({first}; {variable} < {stop}; {variable}++) {{"
        return [head, *indented(lines), "}"]

    def loop(self, sides: Sequence[tuple[str, int]], lines: list[str]) -> list[str]:
        """The lines for every place of a box, its last side innermost."""
        for variable, size in reversed(sides):
            if size > 1:
                lines = self.turns(variable, str(size), lines)
        many = len(sides) > 0 and all(size == 1 for _, size in sides)
        return ["{", *indented(lines), "}"] if many and len(lines) > 1 else lines


def _over_rows(step: Step) -> bool:
    """Whether a mean over the rows is part of a step."""
    if isinstance(step, Apply):
        return any(map(_over_rows, step.args))
    return isinstance(step, (Product, Reduce)) and step.rows


def _is_run(numbers: Collection[float]) -> bool:
    """Whether leaves follow each other."""
    first = next(iter(numbers), 0)
    return list(numbers) == [first + n for n in range(len(numbers))]


def index(start: int, terms: Sequence[tuple[str, int]]) -> str:
    """A sum of variables times strides.

    >>> index(3, [("i", 4), ("k", 1)]), index(0, [])
    ('3 + i * 4 + k', '0')
    """
    texts = [name if stride == 1 else f"{name} * {stride}" for name, stride in terms]
    texts = [text for text in texts if text != "0"]
    return " + ".join([str(start)] * bool(start or not texts) + texts)


def _place(loops: Sequence[tuple[str, int]]) -> str:
    """The place in a box, whole and in order, by the variables of its sides."""
    steps = contiguous([side for _, side in loops])
    pairs = [(name, s) for (name, _), s in zip(loops, steps, strict=True) if s]
    return index(0, [pair for pair in pairs if pair[0] != "0"])


def _i(size: int) -> str:
    """The place of a loop over so many."""
    return "i" if size > 1 else "0"


def gathered(blocks: Sequence[list[str]]) -> list[list[str]]:
    """The blocks in parts that are not too long."""
    parts: list[list[str]] = []
    for block in blocks:
        if not parts or len(parts[-1]) + len(block) > LONG:
            parts.append([])
        parts[-1] += block
    return parts


def called(helpers: dict[str, str], body: str) -> list[str]:
    """The texts of those helpers that a body calls, and of those that these call.

    helpers: by name, in an order in which each calls earlier ones alone.
    """
    wanted: list[str] = []
    for name, text in reversed(helpers.items()):
        if re.search(rf"\b{name}\(", "\n".join([body, *wanted])):
            wanted.insert(0, text)
    return wanted


def indented(lines: Sequence[str]) -> list[str]:
    """A step to the right."""
    return [f"  {line}" for line in lines]
