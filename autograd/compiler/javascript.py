"""The array program as a JavaScript module, for pages that train in the browser.

Each array is a typed array, each step a loop over it, and a row goes through all of
them before the next one comes. An operation is one statement, translated from its
row's form on arrays: what `np.exp` is there, `Math.exp` is here.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

from autograd.compiler.array_text import form, of_many
from autograd.compiler.instructions import CONSTANT, INPUT, CompileError, Kernel
from autograd.compiler.llvm.vector_math import ERF, ERFC
from autograd.compiler.matrices import found, fused
from autograd.compiler.names import identifiers, notable
from autograd.compiler.numpy_backend import SUMS
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

SAME: Final = """abs cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 sign
    sin sinh sqrt tan tanh"""
INVERSE: Final = "cos cosh sin sinh tan tan2 tanh"
MATH: Final = {
    **{name: f"Math.{name}" for name in SAME.split()},
    **{f"arc{name}": f"Math.a{name}" for name in INVERSE.split()},
    "minimum": "Math.min",
    "maximum": "Math.max",
    "exp2": "exp2",
    "power": "power",
    "square": "square",
    "mod": "mod",
    "floor_divide": "floorDivide",
    "logaddexp": "logAddExp",
    "erf": "erf",
    "erfc": "erfc",
}
"""NumPy's functions in the rows' forms, by what they are called in JavaScript."""

HELPERS: Final = {
    "exp2": "(x) => Math.pow(2, x)",
    "power": """(x, y) =>
  // C's answer is 1 where JavaScript's is NaN.
  x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y)""",
    "square": "(x) => x * x",
    "mod": """(x, y) => {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 !== y < 0 ? rest + y : rest;
}""",
    "floorDivide": """(x, y) => {
  if (y === 0) return x / y;
  const rest = x % y;
  const quotient = (x - rest) / y - (rest !== 0 && rest < 0 !== y < 0 ? 1 : 0);
  const whole = Math.floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}""",
    "logAddExp": """(x, y) =>
  x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))""",
    "polynomial": """(x, factors) =>
  factors.reduce((sum, factor) => sum * x + factor, 0)""",
    "tail": f"""(x) => {{
  // erfc from 1/2; e ** (-x * x) from a square that is exact, and what is left of it.
  const short = Math.fround(x);
  const decay = Math.exp(-short * short) * Math.exp((short - x) * (short + x));
  const factors = {list(ERFC)};
  return (decay * polynomial((x - 3.75) / (x + 3.75), factors)) / (2 * x + 1);
}}""",
    "near": f"(x) => x * polynomial(x * x, {list(ERF)})",
    "erf": """(x) => {
  const size = Math.abs(x);
  if (size < 0.5) return near(x);
  return Math.sign(x) * (size > 28 ? 1 : 1 - tail(size));
}""",
    "erfc": """(x) => {
  if (Math.abs(x) < 0.5) return 1 - near(x);
  if (Math.abs(x) > 28) return x < 0 ? 2 : 0;
  return x < 0 ? 2 - tail(-x) : tail(x);
}""",
    "counted": """(X, inputs, parameters, count) => {
  if (parameters.length !== count)
    throw new RangeError(`got ${parameters.length} parameters, need ${count}`);
  if (inputs && X.length % inputs)
    throw new RangeError(`X has ${X.length} numbers; a row takes ${inputs}`);
  return inputs ? X.length / inputs : 1;
}""",
}
"""What JavaScript lacks, each in terms of those above it."""

WORDS: Final = """X parameters PARAMETERS rows row at i j k b sum outputs totals Math
    Float64Array Int32Array Infinity NaN undefined RangeError arguments eval static enum
    await var let const function new this typeof void switch case default do instanceof
    export super catch throw delete extends implements interface package private
    protected public debugger null true false"""
TAKEN: Final = frozenset({*WORDS.split(), *HELPERS})
"""Names that mean something else in the text; its own others have a $."""


class Function(NamedTuple):
    """A function of the module: what is compiled, and what it returns.

    result: an expression of `outputs` and `totals`. text: what is said about it.
    """

    kernel: Kernel
    result: str
    text: str


def module(functions: Mapping[str, Function], numbers: Sequence[float]) -> str:
    """The text of a module that exports the functions by their names."""
    parts = [Writer(made).function(name) for name, made in functions.items()]
    values = ", ".join([literal(each) for each in numbers])
    parts.insert(0, f"export const PARAMETERS = Float64Array.of({values});\n")
    body = "\n".join(parts)
    wanted: list[str] = []
    for name, text in reversed(HELPERS.items()):
        if re.search(rf"\b{name}\(", "\n".join([body, *wanted])):
            wanted.insert(0, f"const {name} = {text};\n")
    head = "// Made by chainrule: a compiled program. See `Program.to_javascript`.\n"
    return "\n".join([head, *wanted, body])


def has_form(op: str) -> bool:
    """Whether an instruction is written in JavaScript."""
    return op in SUMS or op in (CONSTANT, INPUT, "parameter") or bool(form(op))


# ---- operations ----------------------------------------------------------------------


def statement(op: str, args: Sequence[str]) -> str:
    """An operation on arguments, as an expression.

    >>> statement("sigmoid", ["x"])
    'Math.exp(Math.min(x, 0.0)) / (1 + Math.exp(-Math.abs(x)))'
    """
    many = of_many(op, args, lambda x, y: statement(op, [x, y]))
    if many is not None:
        return many
    holders = [f"_{n}" for n in range(len(args))]
    text = _translated(form(op).format(*holders))
    return re.sub(r"\b_(\d+)\b", lambda found: args[int(found[1])], text)


@functools.cache
def _translated(text: str) -> str:
    """A form on arrays in JavaScript."""
    return _written(ast.parse(text, mode="eval").body)


SIGNS: Final = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "===",
    ast.NotEq: "!==",
}


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{_part(node.operand)}"
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        left, right = _part(node.left, type(node.op)), _part(node.right)
        return f"{left} {SIGNS[type(node.op)]} {right}"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SIGNS:
        left, right = _part(node.left), _part(node.comparators[0])
        return f"{left} {SIGNS[type(node.ops[0])]} {right}"
    if isinstance(node, ast.Call):
        return _called(node)
    raise CompileError(f"{ast.unparse(node)!r} has no form in JavaScript")


def _called(node: ast.Call) -> str:
    name = ast.unparse(node.func).removeprefix("np.")
    args = [_written(arg) for arg in node.args]
    if name == "where":
        condition, yes, no = [_part(arg) for arg in node.args]
        return f"{condition} ? {yes} : {no}"
    if name not in MATH:
        raise CompileError(f"NumPy's {name} has no form in JavaScript")
    return f"{MATH[name]}({', '.join(args)})"


def _part(node: ast.expr, beside: type[ast.operator] | None = None) -> str:
    """A part of a formula, in parentheses unless it is clear without."""
    text = _written(node)
    is_choice = isinstance(node, ast.Call) and " ? " in text
    atom = isinstance(node, (ast.Name, ast.Constant, ast.Call)) and not is_choice
    product = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div))
    goes_on = product and beside in (ast.Mult, ast.Div, ast.Add, ast.Sub)
    return text if atom or goes_on else f"({text})"


def literal(x: float) -> str:
    """A number as JavaScript reads it back, exactly, as a part of a formula."""
    if not isfinite(x):
        return "NaN" if x != x else "Infinity" if x > 0 else "(-Infinity)"
    text = repr(float(x)).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


# ---- steps ---------------------------------------------------------------------------

BEFORE, EACH, AFTER = range(3)
"""When an array is made: once before the rows, for every row, once after them."""


class Writer:
    """Writes a function: for every array the lines that make it, and when."""

    def __init__(self, function: Function) -> None:
        self.made = function
        whole = found(function.kernel)
        known = notable(whole)
        self.program = fused(whole, known)
        self.names = identifiers(self.program, known, TAKEN)
        self.space: list[str] = []
        self.blocks: tuple[list[list[str]], ...] = ([], [], [])
        self.when = [BEFORE] * len(self.program.arrays)
        self._tables: dict[tuple[int, ...], str] = {}
        self._scratch = 0
        for number, array in self.program.made():
            self._array(number, array)

    def function(self, name: str) -> str:
        """The function as an exported constant, with what it keeps between calls."""
        inputs, count = self.program.inputs, self.program.parameters
        columns = self.program.outputs.dims[0]
        lines = [f"const rows = counted(X, {inputs}, parameters, {count});"]
        if columns:
            size = _index(0, [("rows", columns)])
            lines.append(f"const outputs = new Float64Array({size});")
        kept = self._filled("outputs", self.program.outputs, columns)
        sums = self._filled("totals", self.program.totals, 0)
        parts: list[str] = []
        calls = [self._calls(when, parts) for when in (BEFORE, EACH, AFTER)]
        loop = [f"const at = {_index(0, [('row', inputs)])};", *calls[EACH], *kept]
        lines += calls[BEFORE]
        lines += _for("row", "rows", loop) if calls[EACH] or kept else []
        lines += calls[AFTER]
        if sums:
            lines.append(f"const totals = new Float64Array({count + 1});")
            lines += [*sums, "if (rows === 0) totals.fill(NaN);"]
        lines.append(f"return {self.made.result};")
        main = ["return (X, parameters = PARAMETERS) => {", *_indented(lines), "};"]
        whole = _indented([*self.space, *parts, *main])
        text = [f"/** {self.made.text} */", f"export const {name} = (() => {{"]
        return "\n".join([*text, *whole, "})();", ""])

    def _calls(self, when: int, parts: list[str]) -> list[str]:
        """The calls of the functions, added to the parts, in which the blocks are."""
        name = ("before", "each", "after")[when]
        calls = []
        for n, lines in enumerate(_gathered(self.blocks[when])):
            head = f"{name}${n + 1}"
            arguments = ("parameters", "X, at, parameters", "rows, parameters")[when]
            parts += [f"const {head} = ({arguments}) => {{", *_indented(lines), "};"]
            calls.append(f"{head}({arguments});")
        return calls

    def _filled(self, name: str, read: Read, columns: int) -> list[str]:
        """Lines that copy what is asked for; columns: how many there are for a row."""
        (size,) = read.dims
        if not size:
            return []
        place = _index(0, [("row", columns)] * bool(columns) + [(_i(size), 1)])
        line = f"{name}[{place}] = {self._flat(read, size)};"
        return _loop([("i", size)], [line])

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
                values = ", ".join([literal(x) for x in step.numbers])
                self.space.append(f"const {name} = Float64Array.of({values});")
        elif not _is_run(step.numbers):
            self.when[number] = EACH if step.kind == INPUT else BEFORE
            self._space(name, array.size)
            table = self._table([int(n) for n in step.numbers])
            source = "X[at + {}]" if step.kind == INPUT else "parameters[{}]"
            line = f"{name}[i] = {source.format(f'{table}[i]')};"
            self.blocks[self.when[number]].append(_loop([("i", array.size)], [line]))

    def _space(self, name: str, size: int) -> None:
        self.space.append(f"const {name} = new Float64Array({size});")

    def _made(self, step: Step, name: str, size: int, when: int) -> None:
        """Write a step whose results go to an array of that name."""
        self._space(name, size)
        if isinstance(step, (Product, Reduce)) and step.rows:
            self.blocks[BEFORE].append([f"{name}.fill(0);"])
            self.blocks[EACH].append(self._lines(step, name, "+="))
            mean = _loop([("i", size)], [f"{name}[{_i(size)}] /= rows;"])
            self.blocks[AFTER].append(mean)
        elif isinstance(step, Apply):
            lines: list[str] = []
            result = self._applied(step, size, lines, when)
            lines.append(f"{name}[{_i(size)}] = {result};")
            self.blocks[when].append(_loop([("i", size)], lines))
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
            line = f"{name}[{_index(first, [(_i(size), 1)])}] = "
            lines += _loop([("i", size)], [f"{line}{self._flat(part, size)};"])
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
                args.append(f"${len(lines)}")
                lines.append(f"const ${len(lines)} = {inner};")
            else:
                self._scratch += 1
                name = f"scratch${self._scratch}"
                self._made(arg, name, size, when)
                args.append(f"{name}[{_i(size)}]")
        return statement(step.op, args)

    def _reduced(self, step: Reduce, name: str, sign: str) -> list[str]:
        size, count = step.read.dims
        loops = [("i", size), ("k", count)]
        here = self._element(step.read, loops)
        if count == 1:
            return _loop(loops, [f"{name}[{_i(size)}] {sign} {here};"])
        two = statement(step.op, ["sum", here])
        first = self._element(step.read, [("i", size), ("0", count)])
        inner = _for("k", str(count), [f"sum = {two};"], 1)
        lines = [f"let sum = {first};", *inner, f"{name}[{_i(size)}] {sign} sum;"]
        return _loop([("i", size)], lines)

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
            return _loop(outer, [f"{name}[{place}] {sign} {left} * {right};"])
        inner = _for("k", str(count), [f"sum += {left} * {right};"])
        lines = ["let sum = 0;", *inner, f"{name}[{place}] {sign} sum;"]
        return _loop(outer, lines)

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
            return f"{self.names[array]}[{_index(start, terms)}]"
        if leaf.kind == CONSTANT:
            same = len(set(map(repr, leaf.numbers))) == 1 or not terms
            if same:
                return literal(leaf.numbers[0 if terms else start])
        elif _is_run(leaf.numbers):
            start += int(leaf.numbers[0])
            if leaf.kind == INPUT:
                return f"X[{_index(start, [('at', 1), *terms])}]"
            return f"parameters[{_index(start, terms)}]"
        return f"{self.names[array]}[{_index(start, terms)}]"

    def _table(self, places: list[int]) -> str:
        """The name of a table of places."""
        key = tuple(places)
        if key not in self._tables:
            name = self._tables[key] = f"table${len(self._tables) + 1}"
            self.space.append(f"const {name} = new Int32Array({places});")
        return self._tables[key]


def _over_rows(step: Step) -> bool:
    """Whether a mean over the rows is part of a step."""
    if isinstance(step, Apply):
        return any(map(_over_rows, step.args))
    return isinstance(step, (Product, Reduce)) and step.rows


def _is_run(numbers: Collection[float]) -> bool:
    """Whether leaves follow each other."""
    first = next(iter(numbers), 0)
    return list(numbers) == [first + n for n in range(len(numbers))]


def _index(start: int, terms: Sequence[tuple[str, int]]) -> str:
    """A sum of variables times strides.

    >>> _index(3, [("i", 4), ("k", 1)]), _index(0, [])
    ('3 + i * 4 + k', '0')
    """
    texts = [name if stride == 1 else f"{name} * {stride}" for name, stride in terms]
    texts = [text for text in texts if text != "0"]
    return " + ".join([str(start)] * bool(start or not texts) + texts)


def _place(loops: Sequence[tuple[str, int]]) -> str:
    """The place in a box, whole and in order, by the variables of its sides."""
    steps = contiguous([side for _, side in loops])
    pairs = [(name, s) for (name, _), s in zip(loops, steps, strict=True) if s]
    return _index(0, [pair for pair in pairs if pair[0] != "0"])


def _i(size: int) -> str:
    """The place of a loop over so many."""
    return "i" if size > 1 else "0"


def _for(variable: str, stop: str, lines: list[str], start: int = 0) -> list[str]:
    head = f"for (let {variable} = {start}; {variable} < {stop}; {variable}++) {{"
    return [head, *_indented(lines), "}"]


def _loop(sides: Sequence[tuple[str, int]], lines: list[str]) -> list[str]:
    """The lines for every place of a box, its last side innermost."""
    for variable, size in reversed(sides):
        if size > 1:
            lines = _for(variable, str(size), lines)
    many = len(sides) > 0 and all(size == 1 for _, size in sides)
    return ["{", *_indented(lines), "}"] if many and len(lines) > 1 else lines


def _gathered(blocks: Sequence[list[str]]) -> list[list[str]]:
    """The blocks in parts that are not too long."""
    parts: list[list[str]] = []
    for block in blocks:
        if not parts or len(parts[-1]) + len(block) > LONG:
            parts.append([])
        parts[-1] += block
    return parts


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
