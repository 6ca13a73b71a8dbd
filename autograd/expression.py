"""Text to a recorded expression, safely: a grammar of its own, nothing else runs.

    sum      = product { ("+" | "-") product }
    product  = sign { ("*" | "/" | "//" | "%") sign }
    sign     = { "-" | "+" } power
    power    = atom [ "**" sign ]
    atom     = number | name | function "(" sum { "," sum } ")" | "(" sum ")" | "√" atom

These are Python's rules: `-x**2` is `-(x**2)`, `-2*x` is `(-2)*x`, and `2**3**2` is
`2**9`. What pictures and derivations print is read as well: `^` for `**`, `·` and `×`
for `*`, `÷` for `/`, `−` for `-`; `√x` is `sqrt(x)`, of the number, name or parentheses
that follow; and names that have a value are read as they are printed, `W1[1,2]` and
`x#2` too.

The text is read into steps in postfix order first; only a text that is right to its end
is then computed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from typing import Any, Final

from autograd import habits, reductions
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.value import Value, constant, domain_error
from autograd.wording import printable, quoted, width, word

MAX_LENGTH: Final = 10_000
"""The longest text that is read, in characters."""

VALUES: Final = ("name", "number")  # kinds of tokens
MAX_DEPTH: Final = 100
"""How many parentheses, signs and powers may be open inside one another."""

CONSTANTS: Final = {"pi": math.pi, "π": math.pi, "e": math.e}


class ParseError(ValueError):
    """What is wrong with an expression's text, and where.

    reason: one sentence.
    text, position: the text and the index of the character that is wrong.

    >>> try:
    ...     parse("2 * (x + 1", x=1.0)
    ... except ParseError as error:
    ...     print(error)
    this ( is never closed; write the ) too
      2 * (x + 1
          ^
    """

    def __init__(self, reason: str, text: str = "", position: int = 0) -> None:
        super().__init__(reason, text, position)
        self.reason = reason
        self.text = text
        self.position = position

    def __str__(self) -> str:
        if not self.text.strip():
            return self.reason
        shown, column = _window(self.text, self.position)
        return f"{self.reason}\n  {shown}\n  {' ' * column}^"


def parse(text: str, /, **values: Value | float) -> Value:
    """The expression that a text states, recorded with the given values.

    text: numbers, names, `+ - * / // % **`, parentheses, the constants `pi` and `e`,
        and the functions of this package by their names (`functions()` lists them).
        `^ · × ÷ − √` mean what pictures and derivations print with them. Names that
        are none in Python are read where they have a value, as they are printed:
        `W1[1,2]`, `x#2`, `“my x”`.
        At most 10 000 characters, and 100 levels of nesting.
    values: a number or a Value for each name. A number becomes a leaf labeled with
        its name, and a Value stays the same node, so that you can differentiate by it;
        a leaf without a label gets the name. A name that comes twice is one leaf. A
        value wins over a constant of the same name.

    Raises ParseError, a ValueError, whose message points at the character that is
    wrong; also where the numbers are outside an operation's domain. TypeError where a
    value is not a number. Nothing in the text is run as Python.

    >>> y = parse("tanh(w*x + b)", w=0.5, x=2.0, b=0.1)
    >>> y.data
    0.8004990217606297
    >>> x = Value(3.0)
    >>> parse("x**2 / 2", x=x).backward()
    >>> x.grad
    3.0
    """
    steps = _read(text, values)
    leaves = {name: _leaf(name, value) for name, value in values.items()}
    for step in steps:
        if step.name and step.count is None:
            _check_known(step, text, leaves)
    return _compute(steps, text, leaves)


def names(text: str) -> list[str]:
    """The names that a text needs values for, in order of appearance.

    Raises ParseError where `parse` would find the text itself wrong.

    >>> names("tanh(w*x + b) + w*pi")
    ['w', 'x', 'b']
    """
    steps = [step for step in _read(text) if step.name and step.count is None]
    in_order = sorted(steps, key=lambda step: step.position)
    return list(dict.fromkeys(s.name for s in in_order if s.name not in CONSTANTS))


def functions() -> list[str]:
    """The functions that a text may call, in alphabetical order.

    >>> [name for name in functions() if name.startswith("s")]
    ['sigmoid', 'sign', 'silu', 'sin', 'sinh', 'softplus', 'sqrt', 'sub', 'sum']
    """
    return sorted(FUNCTIONS)


# ---- what a text can call ------------------------------------------------------------


@dataclass(frozen=True)
class Function:
    """How a text calls an operation: with at least and at most so many arguments."""

    apply: Callable[..., Any]
    least: int
    most: float


def _row(row: Operation) -> Function:
    return Function(row, row.arity - len(row.defaults), row.arity)


def _folded(row: Operation) -> Function:
    return Function(lambda *xs: reduce(row, xs), 2, math.inf)


def _gathered(reduction: Callable[[list[Any]], Any]) -> Function:
    return Function(lambda *xs: reduction(list(xs)), 1, math.inf)


FUNCTIONS: Final[Mapping[str, Function]] = {
    **{name: _row(row) for name, row in TABLE.items() if row.arity},
    "ln": _row(TABLE["log"]),
    **dict.fromkeys(("max", "maximum"), _folded(TABLE["maximum"])),
    **dict.fromkeys(("min", "minimum"), _folded(TABLE["minimum"])),
    "sum": _gathered(reductions.sum),
    "mean": _gathered(reductions.mean),
    "prod": _gathered(reductions.prod),
    "norm": _gathered(reductions.norm),
    "take": Function(lambda i, *xs: reductions.take(xs, i), 2, math.inf),
    "logsumexp": _gathered(reductions.logsumexp),
}

OPERATORS: Final = {
    **{"+": "add", "-": "sub", "*": "mul", "/": "div"},
    **{"//": "floordiv", "%": "mod", "**": "pow"},
}

PRINTED: Final = {"^": "**", "·": "*", "×": "*", "÷": "/", "−": "-"}
"""Signs as pictures and derivations print them, and what they mean."""

# ---- from text to tokens -------------------------------------------------------------

TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d])
      | (?P<sign>\*\*|//|[-+*/%(),^·×÷−√])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


PLAIN_NAME: Final = re.compile(
    r"[^\W\d](\w|[\u0300-\u036f])*(\[\w+(,\w+)*\])?'*(#\d+)?"
)
"""Names that are printed without quotes; any other is printed in them."""


@dataclass(frozen=True)
class Token:
    """A number, a name, a sign or the end, and where it starts.

    typed: as it stands there; `text` is what it means, such as ** for ^.
    """

    kind: str
    text: str
    position: int
    typed: str


def _tokens(text: str, given: Iterable[str]) -> Iterator[Token]:
    odd = sorted((name for name in given if not name.isidentifier()), key=len)[::-1]
    position = 0
    while True:
        if odd and (token := _odd_name(text, position, odd)):
            position = token.position + len(token.typed)
            yield token
            continue
        match = TOKEN.match(text, position)
        kind = str(match.lastgroup) if match else ""
        start = match.start(kind) if match else position
        position = match.end() if match else position
        if kind == "name":
            position = _end_of_name(text, start)
        if match is None or (kind == "name" and position == start):
            raise _stranger(text, start)
        found = text[start:position]
        yield Token(kind, PRINTED.get(found, found), start, found)
        if kind == "end":
            return


def _odd_name(text: str, position: int, names: Sequence[str]) -> Token | None:
    """One of the names that are none in Python, if it stands there, also in quotes."""
    while text[position : position + 1].isspace():
        position += 1
    for name in names:
        plain = [name] * bool(PLAIN_NAME.fullmatch(name))
        for typed in (f"“{name}”", f'"{name}"', *plain):
            if text.startswith(typed, position):
                return Token("name", name, position, typed)
    return None


def _end_of_name(text: str, start: int) -> int:
    """Where the longest name that Python would take ends; `start` where none begins."""
    end = start
    first = ""
    while end < len(text) and text[end] != "·" and (first + text[end]).isidentifier():
        first = "x"
        end += 1
    return end


def _stranger(text: str, position: int) -> ParseError:
    while text[position].isspace():
        position += 1
    hint = habits.advice(text, position)
    hint = hint or "write numbers, names, + - * / ^ ( ) and functions"
    reason = f"{quoted(text[position])} is not part of an expression: {hint}"
    return ParseError(reason, text, position)


# ---- from tokens to steps ------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One step in postfix order.

    A number, a name (count is None), or a call of the function `name` on the latest
    `count` results.
    """

    position: int
    name: str = ""
    count: int | None = None
    number: float = math.nan


def _read(text: str, given: Iterable[str] = ()) -> list[Step]:
    if not isinstance(text, str):
        raise TypeError(
            f"parse reads a text, got {text!r} of type {type(text).__name__}"
        )
    if len(text) > MAX_LENGTH:
        raise ParseError(
            f"the expression has {len(text)} characters; the limit is {MAX_LENGTH}"
        )
    if not text.strip():
        raise ParseError("the expression is empty; write for instance tanh(w*x + b)")
    return _Reader(text, given).whole()


class _Reader:
    """Recursive descent, one method per line of the grammar; limited in depth."""

    def __init__(self, text: str, given: Iterable[str]) -> None:
        self.text = text
        self.given = frozenset(given)
        self.tokens = list(_tokens(text, self.given))
        self.at = 0
        self.depth = 0
        self.steps: list[Step] = []

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self, *signs: str) -> Token | None:
        """The next token if it is one of these signs."""
        token = self.next
        if token.kind != "sign" or token.text not in signs:
            return None
        self.at += 1
        return token

    def fail(self, reason: str, token: Token) -> ParseError:
        return ParseError(reason, self.text, token.position)

    def call(self, name: str, count: int, token: Token) -> None:
        self.steps.append(Step(token.position, name, count))

    def whole(self) -> list[Step]:
        self.sum()
        token = self.next
        if token.text == ")":
            raise self.fail("this ) closes nothing; leave it out", token)
        if token.text == ",":
            raise self.stray_comma(token)
        if token.kind != "end":
            raise self.fail(self.no_operator(token), token)
        return self.steps

    def stray_comma(self, token: Token) -> ParseError:
        hint = habits.advice(self.text, token.position)
        reason = f"a comma belongs between a function's arguments; {hint}"
        return self.fail(reason, token)

    def no_operator(self, token: Token) -> str:
        before = self.tokens[self.at - 1]
        hint = ""
        if habit := habits.advice(self.text, token.position):
            hint = f"; {habit}"
        elif (name := habits.here(before.text)) in FUNCTIONS and token.kind in VALUES:
            hint = f"; write {name}({self.following(name)})"
        elif self.at > 1 and self.tokens[self.at - 2].text == "/":
            hint = f"; below / write ({word(before.text)} * {word(token.text)})"
        elif before.text == ")" or before.kind in ("number", "name"):
            hint = f"; for a product write {word(before.text)} * {word(token.text)}"
        return f"an operator is missing before {quoted(token.typed)}{hint}"

    def following(self, name: str) -> str:
        """What stands behind a function without parentheses: `2 * x` of `sin 2x`."""
        several = FUNCTIONS[name].most > 1
        parts: list[list[str]] = [[]]
        for token in self.tokens[self.at : self.at + 9]:
            if several and token.text == ",":
                parts.append([])
            elif token.kind in VALUES and token.text not in FUNCTIONS:
                whole = word(token.text)
                pi = whole[:1] == "π" and whole[1:].isidentifier()
                parts[-1] += ["π", whole[1:]] if pi else [whole]
            else:
                break
        return ", ".join(" * ".join(part) for part in parts if part)

    def sum(self) -> None:
        self.product()
        while token := self.take("+", "-"):
            self.product()
            self.call(OPERATORS[token.text], 2, token)

    def product(self) -> None:
        self.sign()
        while token := self.take("*", "/", "//", "%"):
            self.sign()
            self.call(OPERATORS[token.text], 2, token)

    def sign(self) -> None:
        token = self.take("-", "+")
        if token is None:
            return self.power()
        self.deeper(token)
        before = len(self.steps)
        self.sign()
        self.depth -= 1
        if token.text == "-" and not self.turned(before, token):
            self.call("neg", 1, token)

    def turned(self, before: int, token: Token) -> bool:
        """Whether a bare number alone was read, which now has the minus itself."""
        last = self.steps[-1]
        if len(self.steps) > before + 1 or last.name:
            return False
        self.steps[-1] = Step(token.position, number=-last.number)
        return True

    def power(self) -> None:
        self.atom()
        if token := self.take("**"):
            self.deeper(token)
            self.sign()
            self.depth -= 1
            self.call("pow", 2, token)

    def atom(self) -> None:
        token = self.next
        self.at += 1
        if token.kind == "number":
            self.number(token)
        elif token.kind == "name":
            self.name(token)
        elif token.text == "(":
            self.deeper(token)
            self.sum()
            self.close(token)
        elif token.text == "√":
            self.deeper(token)
            self.atom()
            self.depth -= 1
            self.call("sqrt", 1, token)
        else:
            raise self.fail(self.no_operand(token), token)

    def no_operand(self, token: Token) -> str:
        what = "number, a name or a function"
        habit = habits.advice(self.text, token.position)
        hint = f"; {habit}" if habit else ""
        if token.kind == "end":
            return f"the expression ends where a {what} should follow{hint}"
        return f"a {what} should stand before {quoted(token.typed)}{hint}"

    def number(self, token: Token) -> None:
        number = float(token.text)
        if math.isinf(number):
            raise self.fail("this number is beyond the largest float, 1.8e308", token)
        self.steps.append(Step(token.position, number=number))

    def name(self, token: Token) -> None:
        # Python reads µ and μ, two characters, as the same name; so does this.
        name = unicodedata.normalize("NFKC", token.text)
        name = token.text if token.text in self.given else name
        opening = self.take("(")
        if opening is None:
            self.steps.append(Step(token.position, name))
        else:
            self.function(name, token, opening)

    def function(self, name: str, token: Token, opening: Token) -> None:
        if name not in FUNCTIONS:
            raise self.fail(_unknown_function(name), token)
        self.deeper(opening)
        count = 0
        if self.next.text != ")":
            self.sum()
            count = 1
            while self.take(","):
                self.sum()
                count += 1
        self.close(opening)
        self.check_count(name, count, token)
        self.call(name, count, token)

    def check_count(self, name: str, count: int, token: Token) -> None:
        function = FUNCTIONS[name]
        if function.least <= count <= function.most:
            return
        takes = str(function.least)
        if function.most > function.least:
            infinite = function.most == math.inf
            takes = f"at least {takes}" if infinite else f"{takes} or {function.most}"
        plural = "" if takes.endswith("1") else "s"
        example = habits.COUNTS.get((name, count), "")
        example = example or f"{name}({', '.join('abcdefg'[: max(function.least, 1)])})"
        takes = f"{name} takes {takes} argument{plural}, not {count}"
        raise self.fail(f"{takes}: write {example}", token)

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} levels inside one another", token)

    def close(self, opening: Token) -> None:
        if self.take(")"):
            self.depth -= 1
            return
        token = self.next
        if token.kind == "end":
            raise self.fail("this ( is never closed; write the ) too", opening)
        if token.text == ",":
            raise self.stray_comma(token)
        raise self.fail(self.no_operator(token), token)


# ---- from steps to values ------------------------------------------------------------


def _leaf(name: str, value: object) -> Value:
    if isinstance(value, Value):
        if not value.label and not value.op:
            value.label = name
        return value
    try:
        return Value(value, label=name)
    except TypeError as error:
        raise TypeError(f"the value of {word(name)}: {error}") from None


def _check_known(step: Step, text: str, leaves: Mapping[str, Value]) -> None:
    if step.name in leaves or step.name in CONSTANTS:
        return
    if step.name in FUNCTIONS:
        reason = f"{step.name} is a function: write {step.name}(...)"
        raise ParseError(reason, text, step.position)
    given = ", ".join(word(name) for name in list(leaves)[:20]) or "none"
    reason = f"no value for the name {quoted(step.name)}; names given: {given}"
    raise ParseError(reason, text, step.position)


def _compute(steps: list[Step], text: str, leaves: Mapping[str, Value]) -> Value:
    results: list[Value] = []
    known = _constants() | dict(leaves)
    for step in steps:
        if step.count is None:
            results.append(known[step.name] if step.name else constant(step.number))
            continue
        first = len(results) - step.count
        try:
            result = FUNCTIONS[step.name].apply(*results[first:])
        except (ValueError, ArithmeticError) as error:
            reason = _numbered(error, step, results)
            raise ParseError(reason, text, step.position) from error
        results[first:] = [result]
    return results[0]


def _numbered(error: Exception, step: Step, results: list[Value]) -> str:
    """What an error says, with nodes by their numbers in the whole expression."""
    row, operands = FUNCTIONS[step.name].apply, results[-(step.count or 1) :]
    if isinstance(row, Operation):
        alone = domain_error(row, operands, error, operands)
        if str(alone) == str(error):
            return str(domain_error(row, operands, error, results))
    return str(error)


def _constants() -> dict[str, Value]:
    """A node for each number that has a name, however often a text names it."""
    nodes = {name: constant(number) for name, number in CONSTANTS.items()}
    for name, node in nodes.items():
        node.label = name
    return nodes


# ---- what errors show ----------------------------------------------------------------


def _unknown_function(name: str) -> str:
    hint = habits.instead_of(name)
    if not hint:
        near = get_close_matches(name[:40].lower(), FUNCTIONS, n=1)
        product = f"for a product write {word(name)} * (...)"
        hint = f"did you mean {near[0]}?" if near else product
    return f"there is no function {quoted(name)}; {hint}"


def _window(text: str, position: int) -> tuple[str, int]:
    """The part of the text around a position, on one line, and the column there.

    Columns are those of a terminal, where 変 takes two and a combining accent none.
    """
    start = max(0, position - 50)
    end = min(len(text), position + 30)
    part = text[start:end]
    shown = printable("".join(" " if c.isspace() else c for c in part))
    before = "..." if start else ""
    after = "..." if end < len(text) else ""
    column = len(before) + width(shown[: position - start])
    return f"{before}{shown}{after}".rstrip(), column
