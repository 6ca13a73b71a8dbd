"""The array program as a JavaScript module, for pages that train in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

from autograd.compiler.instructions import Kernel
from autograd.compiler.llvm.vector_math import ERF, ERFC
from autograd.compiler.loop_text import (
    AFTER,
    BEFORE,
    EACH,
    Language,
    Writer,
    called,
    gathered,
    indented,
    index,
)

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
    parts = [_Script(made).function(name) for name, made in functions.items()]
    values = ", ".join([literal(each) for each in numbers])
    parts.insert(0, f"export const PARAMETERS = Float64Array.of({values});\n")
    body = "\n".join(parts)
    helpers = {name: f"const {name} = {text};\n" for name, text in HELPERS.items()}
    head = "// Made by chainrule: a compiled program. See `Program.to_javascript`.\n"
    return "\n".join([head, *called(helpers, body), body])


def literal(x: float) -> str:
    """A number as JavaScript reads it back, exactly, as a part of a formula."""
    if not isfinite(x):
        return "NaN" if x != x else "Infinity" if x > 0 else "(-Infinity)"
    text = repr(float(x)).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


JAVASCRIPT: Final = Language(
    name="JavaScript",
    numbers="const {name} = Float64Array.of({values});",
    places="const {name} = new Int32Array([{places}]);",
    room="const {name} = new Float64Array({size});",
    value="const {name} = {text};",
    total="let sum = {text};",
    clear="{name}.fill(0);",
    counter="let",
    mark="$",
    functions=MATH,
    equal="===",
    differs="!==",
    literal=literal,
    taken=TAKEN,
)


class _Script(Writer):
    """Writes a function of the module."""

    def __init__(self, function: Function) -> None:
        super().__init__(function.kernel, JAVASCRIPT)
        self.made = function

    def function(self, name: str) -> str:
        """The function as an exported constant, with what it keeps between calls."""
        inputs, count = self.program.inputs, self.program.parameters
        columns = self.program.outputs.dims[0]
        lines = [f"const rows = counted(X, {inputs}, parameters, {count});"]
        if columns:
            size = index(0, [("rows", columns)])
            lines.append(f"const outputs = new Float64Array({size});")
        kept = self.filled("outputs", self.program.outputs, columns)
        sums = self.filled("totals", self.program.totals, 0)
        parts: list[str] = []
        calls = [self._calls(when, parts) for when in (BEFORE, EACH, AFTER)]
        loop = [f"const at = {index(0, [('row', inputs)])};", *calls[EACH], *kept]
        lines += calls[BEFORE]
        lines += self.turns("row", "rows", loop) if calls[EACH] or kept else []
        lines += calls[AFTER]
        if sums:
            lines.append(f"const totals = new Float64Array({count + 1});")
            lines += [*sums, "if (rows === 0) totals.fill(NaN);"]
        lines.append(f"return {self.made.result};")
        main = ["return (X, parameters = PARAMETERS) => {", *indented(lines), "};"]
        whole = indented([*self.space, *parts, *main])
        text = [f"/** {self.made.text} */", f"export const {name} = (() => {{"]
        return "\n".join([*text, *whole, "})();", ""])

    def _calls(self, when: int, parts: list[str]) -> list[str]:
        """The calls of the functions, added to the parts, in which the blocks are."""
        name = ("before", "each", "after")[when]
        calls = []
        for n, lines in enumerate(gathered(self.blocks[when])):
            head = f"{name}${n + 1}"
            arguments = ("parameters", "X, at, parameters", "rows, parameters")[when]
            parts += [f"const {head} = ({arguments}) => {{", *indented(lines), "};"]
            calls.append(f"{head}({arguments});")
        return calls
