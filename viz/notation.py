"""Mathematics as data, and its printed forms: plain text, ASCII and LaTeX.

An expression is a small tree. It is made from recorded nodes or from the rules of the
operation table, and printed by one engine with one style per form. No rule is stated
here: a local derivative is the table's own, run on stand-ins and read off.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograd.expression import PLAIN_NAME
from autograd.graph import topological_order
from autograd.modes import Setting, ieee, recording
from autograd.naming import numbered
from autograd.operation import ANY, ATOM, POWER, PRODUCT, SIGN, SUM, Operation
from autograd.ops import ALIAS, TABLE
from autograd.value import Value, constant, evaluate, number_of
from autograd.wording import width
from viz.digits import short, typed

LONGEST_NAME = 40
LONGEST_RULE = 60
MOST_TERMS = 12
WIDEST = 40  # columns of a formula in a box: that of a neuron with three inputs

# ---- expressions ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Symbol:
    """A node by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of the table applied to expressions."""

    operation: Operation
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative of the node `of` by the node `by`.

    operand: where `by` is an operand of `of` more than once: which one, from 1.
    """

    of: str
    by: str
    operand: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Terms or factors left out of a long sum or product."""

    count: int


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of notation that is printed as it stands, such as f'(z)."""

    text: str


Expression = Symbol | Number | Apply | Slope | Gap | Word

ADD, MUL, DIV, POW, NEG = (TABLE[n] for n in ("add", "mul", "div", "pow", "neg"))
SUB, EXP, SIGMOID = (TABLE[n] for n in ("sub", "exp", "sigmoid"))
DENSITY = TABLE["logistic_density"]


def plus(*terms: Expression) -> Expression:
    """The sum of the terms; of one term, the term."""
    return terms[0] if len(terms) == 1 else Apply(ADD, terms)


def times(*factors: Expression) -> Expression:
    """The product of the factors; of one factor, the factor."""
    return factors[0] if len(factors) == 1 else Apply(MUL, factors)


# ---- from nodes to expressions -------------------------------------------------------


def own_name(operation: Operation) -> str:
    """The name of a row of the table; empty for an operation of a user's own."""
    return operation.name if TABLE.get(operation.name) is operation else ""


def applied(operation: Operation, arguments: Sequence[Expression]) -> Expression:
    """The operation written out: a dot product as the sum it stands for."""
    args = tuple(arguments)
    if operation is ALIAS:
        return args[0]
    match own_name(operation):
        case "sum" if args:
            return plus(*few(args))
        case "prod" if args:
            return times(*few(args))
        case "mean":
            return Apply(DIV, (plus(*few(args)), Number(float(len(args)))))
        case "dot" if args:
            half = len(args) // 2
            pairs = zip(args[:half], args[half:], strict=True)
            return plus(*few(tuple(times(x, y) for x, y in pairs)))
        case "inverse_part":
            squares = [Apply(POW, (arg, Number(2.0))) for arg in args]
            return Apply(DIV, (args[0], plus(*squares)))
    return Apply(operation, args)


def few(
    terms: tuple[Expression, ...], most: int = MOST_TERMS
) -> tuple[Expression, ...]:
    """At most so many terms: the first ones, a gap, the last one."""
    if len(terms) <= most:
        return terms
    shown = most - 2
    return (*terms[:shown], Gap(len(terms) - shown - 1), terms[-1])


def formula(node: Value, parents: Sequence[Expression]) -> Expression:
    """A node as its operation applied to its parents."""
    return applied(node.operation, parents)


def places(node: Value) -> list[int]:
    """The operands by their positions, in the order in which the formula has them.

    A dot product has all its first factors before all its second ones.
    """
    found = list(range(len(node.parents)))
    if own_name(node.operation) == "dot":
        half = len(found) // 2
        found[::2], found[1::2] = found[:half], found[half:]
    return found


def symbol(value: Value, name: str) -> Expression:
    """A node as an operand: its name, or the number itself for a bare number."""
    bare = value.constant and not value.label
    return Number(value.data) if bare else Symbol(name)


def defined(node: Value, parents: Sequence[Expression], widest: int = WIDEST) -> str:
    """What stands after `v2 = ` in a box or a table: `w·x`, or `mean(…)` if long."""
    if not node.parents:
        return ""
    return shorter(formula(node, parents), node.op, widest)


def shorter(expression: Expression, op: str, widest: int = WIDEST) -> str:
    """An expression as text, or where that is too wide, its operation."""
    whole = show(expression, AS_TYPED)
    return whole if width(whole) <= widest else f"{op}(…)"


class Rules:
    """The symbolic local derivatives of a node, by the position of the operand.

    The table's own rule is run on stand-ins that carry the nodes' numbers, because a
    rule may branch on them, and what it recorded is read off: None where it is too
    long to print.

    >>> x = Value(0.5)
    >>> show(Rules(x.tanh(), "y", [Symbol("x")])[0], TEXT)
    '1 - y^2'
    """

    def __init__(self, node: Value, name: str, parents: Sequence[Expression]) -> None:
        pairs = zip(node.parents, parents, strict=True)
        stand_ins = [_stand_in(parent.data, shown) for parent, shown in pairs]
        out = Value(node.data)
        self.name = Symbol(name)
        self.names = dict(zip(stand_ins, parents, strict=True)) | {out: self.name}
        self.results: list[Any] = []
        try:
            # Recorded in any mode of the caller's, and watched by none.
            with ieee(), recording(), Setting("watcher", None, False):
                self.results = list(evaluate(node.operation, stand_ins, out))
        except TypeError:  # a rule of a user's own that works on floats alone
            self.results = [None] * len(stand_ins)
        self.itself = applied(node.operation, parents)

    def __getitem__(self, position: int) -> Expression | None:
        result = self.results[position]
        if result is None:
            return None
        return _read_off(result, self.names, self.itself, self.name)


def _stand_in(data: float, expression: Expression) -> Value:
    return constant(data) if isinstance(expression, Number) else Value(data)


def _read_off(
    result: Any, names: Mapping[Value, Expression], itself: Expression, name: Symbol
) -> Expression | None:
    """The expression that a rule recorded over the stand-ins, if it is short enough."""
    if not isinstance(result, Value):
        return Number(number_of(result))
    known: dict[Value, Expression] = dict(names)
    sizes: dict[Value, int] = dict.fromkeys(names, 1)
    for node in topological_order(result):
        sizes[node] = sizes.get(node, 1 + sum(sizes[p] for p in node.parents))
        if sizes[node] > LONGEST_RULE:
            return None
        if node not in known and not node.parents:
            known[node] = Number(node.data)
        elif node not in known:
            parents = [known[p] for p in node.parents]
            short = simplified(node.operation, parents, node.data)
            known[node] = name if short == itself else _by_name(short, itself, name)
    return known[result]


def _by_name(short: Expression, itself: Expression, name: Symbol) -> Expression:
    """sigmoid(-x) is 1 - sigmoid(x), and says so with the node's own name if it can."""
    match short:
        case Apply(operation, (argument,)) if operation is DENSITY:
            sigmoid = Apply(SIGMOID, (argument,))
            share = name if sigmoid == itself else sigmoid
            return Apply(MUL, (share, Apply(SUB, (Number(1.0), share))))
        case Apply(operation, (Apply(inner, (argument,)),)) if (
            operation is SIGMOID and inner is NEG
        ):
            positive = Apply(SIGMOID, (argument,))
            return Apply(SUB, (Number(1.0), name if positive == itself else positive))
    return short


def written(
    output: Value, names: Mapping[Value, Expression], longest: int = 400
) -> Expression | None:
    """A node as one expression in the named nodes; None where it is too long.

    The bound that only keeps a logarithm finite, as in log(maximum(p, 1e-44)), is left
    out where it has no effect.
    """
    known: dict[Value, Expression] = dict(names)
    sizes: dict[Value, int] = dict.fromkeys(names, 1)
    stack = [output]
    while stack:
        node = stack[-1]
        missing = [p for p in node.parents if p not in known]
        if missing and node not in known:
            stack += reversed(missing)
            continue
        stack.pop()
        if node not in known:
            sizes[node] = 1 + sum(sizes[p] for p in node.parents)
            if sizes[node] > longest:
                return None
            known[node] = _written(node, [known[p] for p in node.parents])
    return known[output]


def _written(node: Value, parents: Sequence[Expression]) -> Expression:
    if not parents:
        return Number(node.data)
    if node.op == "maximum" and node.partials == (1.0, 0.0):
        match parents[1]:
            case Number(bound) if 0 < bound < 1e-40:
                return parents[0]
    if node.operation is DIV and (softmax := _unshifted(*parents)):
        return softmax
    return simplified(node.operation, parents, node.data)


def _unshifted(power: Expression, powers: Expression) -> Expression | None:
    """exp(x - s) / (exp(x - s) + exp(y - s) + ...) without s, as a softmax is written.

    It is computed with s, lest a power be too large. None for any other quotient.
    """
    terms = [power, *_terms(powers)]
    found = [known for known in map(_shift, terms) if known]
    if len(found) < len(terms) or len({shift for _, shift in found if shift}) != 1:
        return None
    mine, *every = [bare for bare, _ in found]
    return Apply(DIV, (mine, plus(*every)))


def _terms(total: Expression) -> list[Expression]:
    match total:
        case Apply(operation, arguments) if operation is ADD:
            return [term for argument in arguments for term in _terms(argument)]
    return [total]


def _shift(term: Expression) -> tuple[Expression, Expression | None] | None:
    """Of exp(x - s) the term exp(x), and s; a gap as it is; None for any other."""
    match term:
        case Gap():
            return term, None
        case Apply(outer, (Apply(inner, (x, shift)),)) if (outer, inner) == (EXP, SUB):
            return Apply(EXP, (x,)), shift
    return None


def simplified(
    operation: Operation, args: Sequence[Expression], data: float
) -> Expression:
    """The same without factors of 1, terms of 0 and arithmetic on bare numbers."""
    if all(isinstance(arg, Number) for arg in args):
        return Number(data)
    match own_name(operation), tuple(args):
        case "mul", (Number(1.0), x):
            return x
        case (("mul" | "div" | "pow"), (x, Number(1.0))):
            return x
        case "log", (Symbol("e"),) if data == 1.0:
            return Number(1.0)  # so that e^x is its own derivative
        case "mul", (Number(-1.0), x):
            return Apply(NEG, (x,))
        case "add", (Number(0.0), x) | (x, Number(0.0)):
            return x
        case "mul", (x, y) if x == y:
            return Apply(POW, (x, Number(2.0)))
        case "neg", (Apply(inner, (x,)),) if inner is NEG:
            return x
        case "sub", (x, Apply(inner, (y,))) if inner is NEG:
            return plus(x, y)
        case "div", (x, y) if x == y and data == 1.0:
            return Number(1.0)
        case "logsumexp", (x,):
            return x
        case (("mul" | "div"), (Number(x), _)) if math.isnan(x):
            return Number(x)  # what has no slope there
    return applied(operation, args)


def tidied(expression: Expression) -> Expression:
    """The same with equal terms of a sum taken together, and a product's bare numbers.

    >>> x, y = Symbol("x"), Symbol("y")
    >>> half = times(Number(0.5), x)
    >>> show(tidied(plus(half, times(y, Number(-1.0)), half)), TEXT)
    'x - y'
    """
    match expression:
        case Apply(operation, arguments):
            args = tuple(tidied(a) for a in arguments)
            if operation is ADD:
                return _collected(_terms(Apply(ADD, args)))
            return _multiple(*_factored(Apply(operation, args)))
    return expression


def _factored(term: Expression) -> tuple[float, Expression]:
    """The product of a term's bare numbers, and the rest of it."""
    factor, factors = 1.0, list[Expression]()
    waiting = [term]
    while waiting:
        match waiting.pop():
            case Apply(operation, arguments) if operation is MUL:
                waiting += reversed(arguments)
            case Apply(operation, (x,)) if operation is NEG:
                factor = -factor
                waiting.append(x)
            case Number(value):
                factor *= value
            case other:
                factors.append(other)
    return factor, times(*factors) if factors else Number(1.0)


def _multiple(factor: float, rest: Expression) -> Expression:
    match factor, rest:
        case 1.0, _:
            return rest
        case -1.0, _:
            return Apply(NEG, (rest,))
        case _, Number(value):
            return Number(factor * value)
        case _, Apply(operation, factors) if operation is MUL:
            return times(Number(factor), *factors)
    return times(Number(factor), rest)


def _collected(terms: Sequence[Expression]) -> Expression:
    """The sum of the terms, each once."""
    counts: dict[Expression, float] = {}
    for term in terms:
        factor, rest = _factored(term)
        counts[rest] = counts.get(rest, 0.0) + factor
    every = [_multiple(factor, rest) for rest, factor in counts.items() if factor]
    return signed(every) if every else Number(0.0)


def signed(terms: Sequence[Expression]) -> Expression:
    """The sum of terms, in which a negative one is subtracted.

    >>> show(signed([Symbol("x"), Apply(NEG, (Symbol("y"),))]), TEXT)
    'x - y'
    """
    total, *others = [one for term in terms for one in _terms(term)]
    for term in others:
        factor, rest = _factored(term)
        if factor < 0:
            total = Apply(SUB, (total, _multiple(-factor, rest)))
        else:
            total = plus(*_terms(total), term)
    return total


def with_numbers(expression: Expression, data: Mapping[str, float]) -> Expression:
    """The same with each symbol replaced by its number."""
    return replaced(expression, {name: Number(x) for name, x in data.items()})


def replaced(expression: Expression, known: Mapping[str, Expression]) -> Expression:
    """The same with each symbol that is known replaced."""
    match expression:
        case Symbol(name):
            return known.get(name, expression)
        case Apply(operation, arguments):
            return Apply(operation, tuple(replaced(a, known) for a in arguments))
    return expression


# ---- names ---------------------------------------------------------------------------


def names_of(
    order: Sequence[Value], names: Mapping[str, Any] | None = None
) -> list[str]:
    """A name of its own for each node, in the order of the graph.

    The label; else the variable in `names` (such as `globals()`) that holds the node;
    else `out` for the last node, and v1, v2, v3 for those that were computed. A bare
    number goes by its digits, any other leaf is leaf1, leaf2. A name met again becomes
    `x#2`. Every view names nodes by this.

    >>> x = Value(3.0, label="x")
    >>> names_of(topological_order((x - 1) * x.sin() + x))
    ['x', '1', 'v1', 'v2', 'v3', 'out']
    """
    held = variables(names or {})
    taken: dict[str, int] = {}
    given = [clean(value.label or held.get(value, "")) for value in order]
    given = [_unique(name, taken) if name else "" for name in given]
    if order and not given[-1]:
        given[-1] = _unique("out", taken)
    computed, leaves = (numbered(kind, taken) for kind in ("v", "leaf"))
    for index, value in enumerate(order):
        if given[index]:
            continue
        if value.constant:
            given[index] = _unique(typed(value.data, 6), taken)
        else:
            given[index] = next(computed if value.op else leaves)
    return given


def variables(names: Mapping[str, Any]) -> dict[Value, str]:
    """Names for values, from a mapping such as `globals()`; the first name counts.

    A list of values names them `w[0]`, `w[1]`. Names that start with _ are left out, as
    a notebook keeps its past results under such names.
    """
    if not isinstance(names, Mapping):
        raise TypeError(
            f"names is a mapping from names to values, such as globals(); got {names!r}"
        )
    found: dict[Value, str] = {}
    for name, item in list(names.items()):
        if name.startswith("_"):
            continue
        if isinstance(item, Value):
            found.setdefault(item, name)
        elif isinstance(item, (list, tuple)):
            for i, entry in enumerate(item):
                if isinstance(entry, Value):
                    found.setdefault(entry, f"{name}[{i}]")
    return found


def _unique(name: str, taken: dict[str, int]) -> str:
    """The name, or name#2, name#3 where it is taken."""
    while name in taken:
        taken[name] += 1
        name = f"{name}#{taken[name]}"
    taken[name] = 1
    return name


def clean(label: str) -> str:
    """A label on one line, not too long, with what can't be seen written as escapes."""
    pieces = [_visible(c) for c in label[: LONGEST_NAME + 1]]
    if len("".join(pieces)) <= LONGEST_NAME:
        return "".join(pieces)
    while len("".join(pieces)) >= LONGEST_NAME:
        pieces.pop()
    return "".join(pieces) + "…"


def _visible(character: str) -> str:
    """Control characters and those that turn the reading direction, as escapes."""
    if unicodedata.category(character) in ("Cc", "Cs", "Cn", "Zl", "Zp") or (
        unicodedata.bidirectional(character) in _TURNING
    ):
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")
    return character


_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")

# ---- printing ------------------------------------------------------------------------

Form = tuple[str, float]
"""A printed expression, and how tightly it binds."""

Template = tuple[str, float, tuple[float, ...]]
"""An operation's printed form, how tightly it binds, and how tightly its arguments
have to bind to go without parentheses."""

QUOTIENT = (SUM + PRODUCT) / 2  # as a factor on one line, a / b gets parentheses


@dataclass(frozen=True, slots=True)
class Style:
    """How one printed form writes the pieces."""

    number: Callable[[float, int], str]
    symbol: Callable[[str], str]
    slope: Callable[[str, str, int], str]
    gap: Callable[[int], str]
    template: Callable[[Operation], Template]
    joints: tuple[str, str]
    parentheses: tuple[str, str]
    arrow: str
    words: Callable[[str], str] = str


def show(expression: Expression, style: Style, digits: int = 6) -> str:
    """The expression in one of the styles TEXT, ASCII and LATEX."""
    return _form(expression, style, digits)[0]


def _form(
    expression: Expression, style: Style, digits: int, inside: bool = False
) -> Form:
    """The printed form and how tightly it binds.

    inside: whether it is a term that others come before, so that a product begins with
        no sign: 1 + (-2)·3.
    """
    match expression:
        case Symbol(name):
            return style.symbol(name), ATOM
        case Number(value):
            shown = style.number(value, digits)
            return shown, SIGN if shown.startswith("-") else _number_binds(shown)
        case Slope(of, by, operand):
            return style.slope(of, by, operand), PRODUCT
        case Gap(count):
            return style.gap(count), ATOM
        case Word(text):
            return text, ATOM
        case Apply(operation, arguments):
            later = operation is ADD, operation is MUL and inside
            forms = [
                _form(a, style, digits, later[i == 0]) for i, a in enumerate(arguments)
            ]
            return _applied(operation, forms, style, inside)


def _number_binds(shown: str) -> float:
    return PRODUCT if "^" in shown else ATOM


def _applied(
    operation: Operation, forms: list[Form], style: Style, inside: bool
) -> Form:
    if operation is ADD or operation is MUL:
        binds = float(SUM if operation is ADD else PRODUCT)
        joint = style.joints[operation is MUL]
        inside = inside and operation is MUL
        parts = [
            _fit(f, binds, style, not i and not inside) for i, f in enumerate(forms)
        ]
        return joint.join(parts), binds
    template, binds, needs = style.template(operation)
    if len(needs) < len(forms) and operation.all_partials is not None:
        return template.format(", ".join(f for f, _ in forms)), binds
    needs = needs + (ANY,) * (len(forms) - len(needs))
    starts = template.startswith("{0}")
    parts = [
        _fit(form, need, style, starts and not i)
        for i, (form, need) in enumerate(zip(forms, needs, strict=True))
    ]
    return template.format(*parts), binds


def _fit(form: Form, need: float, style: Style, first: bool) -> str:
    """In parentheses where it binds less than needed, or has a sign inside a line."""
    shown, binds = form
    hidden_sign = need > ANY and not first and shown.startswith("-")
    if binds < need or hidden_sign:
        return shown.join(style.parentheses)
    return shown


# ---- plain text ----------------------------------------------------------------------

INFIX: Mapping[str, Template] = {
    "sub": ("{0} - {1}", SUM, (SUM, QUOTIENT)),
    "div": ("{0} / {1}", QUOTIENT, (QUOTIENT, POWER)),
    "pow": ("{0}^{1}", POWER, (ATOM, ATOM)),
    "neg": ("-{0}", SIGN, (SIGN,)),
}


def _symbol_text(name: str) -> str:
    shown = name if PLAIN_NAME.fullmatch(name) else f"“{name}”"
    return f"\u2068{shown}\u2069" if _right_to_left(name) else shown


def _right_to_left(name: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in name)


def _symbol_ascii(name: str) -> str:
    shown = name if PLAIN_NAME.fullmatch(name) else f'"{name}"'
    return shown.encode("ascii", "backslashreplace").decode("ascii")


def _slope_text(of: str, by: str, operand: int) -> str:
    which = f"[{operand}]" if operand else ""
    return f"∂{_symbol_text(of)}/∂{_symbol_text(by)}{which}"


def _slope_ascii(of: str, by: str, operand: int) -> str:
    which = f"[{operand}]" if operand else ""
    return f"d{_symbol_ascii(of)}/d{_symbol_ascii(by)}{which}"


def _template_text(operation: Operation) -> Template:
    """Arithmetic in infix form, everything else as name(arguments)."""
    if own_name(operation) in INFIX:
        return INFIX[operation.name]
    name = operation.name.replace("{", "{{").replace("}", "}}")
    slots = ", ".join(f"{{{i}}}" for i in range(operation.arity)) or "{0}"
    return f"{name}({slots})", ATOM, ()


TEXT = Style(
    short,
    _symbol_text,
    _slope_text,
    lambda count: f"… {count} more …",
    _template_text,
    (" + ", "·"),
    ("(", ")"),
    " → ",
)

ASCII = Style(
    short,
    _symbol_ascii,
    _slope_ascii,
    lambda count: f"... {count} more ...",
    _template_text,
    (" + ", "*"),
    ("(", ")"),
    " -> ",
)

AS_TYPED = replace(TEXT, number=lambda value, _: typed(value, 6))
"""Plain text whose numbers are as a person wrote them."""


def pad(text: str, columns: int) -> str:
    """The text with spaces after it, up to so many columns."""
    return text + " " * (columns - width(text))


# ---- LaTeX ---------------------------------------------------------------------------

GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi"),
    "omega",
)
INDEXED = re.compile(r"([A-Za-z]+|ŷ)(\d*)\[(\d+(?:,\d+)*)\]")
NUMBERED = re.compile(r"([A-Za-z]+)_?(\d+)")
SPECIAL: Mapping[str, str] = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"{\wedge}",
    "~": r"{\sim}",
    "<": "{<}",
    ">": "{>}",
    "`": r"{\backprime}",
    '"': r"\text{''}",
    "|": r"\vert ",
}


def number_latex(value: float, digits: int = 6) -> str:
    r"""A number at so many significant digits, with a power of ten where it needs one.

    >>> number_latex(-1.5e-10)
    '-1.5 \\times 10^{-10}'
    """
    if math.isnan(value):
        return r"\mathrm{nan}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    mantissa, _, exponent = short(value, digits).partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def symbol_latex(name: str) -> str:
    r"""A name as mathematics: indices as indices, everything odd as upright text.

    >>> symbol_latex("W1[1,2]"), symbol_latex("x2"), symbol_latex("loss")
    ('W^{(1)}_{1,2}', 'x_{2}', '\\mathit{loss}')
    """
    base, _, again = name.rpartition("#")
    if base and again.isdigit():
        return rf"{{{symbol_latex(base)}}}^{{\#{again}}}"
    if indexed := INDEXED.fullmatch(name):
        letters, layer, indices = indexed.groups()
        raised = f"^{{({layer})}}" if layer else ""
        return f"{_letters(letters)}{raised}_{{{indices}}}"
    if numbered := NUMBERED.fullmatch(name):
        return f"{_letters(numbered[1])}_{{{numbered[2]}}}"
    return _letters(name) if re.fullmatch("[A-Za-z]+|ŷ", name) else escape_latex(name)


def _letters(letters: str) -> str:
    if letters == "ŷ":
        return r"\hat{y}"
    if letters in GREEK:
        return f"\\{letters}"
    return letters if len(letters) == 1 else rf"\mathit{{{letters}}}"


def escape_latex(text: str) -> str:
    r"""Any text as upright text inside mathematics, for LaTeX, MathJax and KaTeX.

    What would be markup is written in mathematics, because the three disagree on how
    to escape it inside \text.

    >>> escape_latex("50%_a")
    '\\text{50}\\%\\_\\text{a}'
    """
    parts = re.split(r'([\\{}$&#%_^~<>`"|])', text)
    return "".join(SPECIAL.get(p, rf"\text{{{p}}}") for p in parts if p)


def _slope_latex(of: str, by: str, operand: int) -> str:
    top, bottom = symbol_latex(of), symbol_latex(by)
    which = rf"\Big|_{{{operand}}}" if operand else ""
    return rf"\frac{{\partial {top}}}{{\partial {bottom}}}{which}"


def _template_latex(operation: Operation) -> Template:
    return operation.latex, operation.binds, operation.needs


LATEX = Style(
    number_latex,
    symbol_latex,
    _slope_latex,
    lambda count: rf"\cdots\text{{({count} more)}}\cdots",
    _template_latex,
    (" + ", r" \cdot "),
    (r"\left(", r"\right)"),
    r" \to ",
    escape_latex,
)
