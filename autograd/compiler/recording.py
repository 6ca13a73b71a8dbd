"""Recording: from a graph of Values, or a function, to a list of instructions."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
import sys
import warnings
from collections import Counter
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, contextmanager, nullcontext
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Any, NoReturn

from autograd.collector import collector_paused
from autograd.compiler.chance import Draws
from autograd.compiler.instructions import (
    CONSTANT,
    GATE,
    Code,
    CodeRecorder,
    CompileError,
    Term,
)
from autograd.compiler.rules import ROWS, every_branch
from autograd.custom import is_derived
from autograd.functional import explained, is_array, of_arrays
from autograd.graph import reached
from autograd.modes import Setting, ieee, in_effect, recording
from autograd.operation import Operation
from autograd.ops import ALIAS, ANSWER, GIVEN, ONCE, TABLE, choice
from autograd.source import in_library, is_ours, shown, users_place
from autograd.value import Value, as_value, describe, record
from autograd.wording import counted


def from_graph(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
) -> tuple[Code, list[int]]:
    """The instructions of a recorded graph, and the positions of its outputs.

    Leaves that are neither inputs nor parameters keep the number they have now. Warns
    of such a number that Python took from what the program computes anew.
    """
    _check_leaves(inputs, "inputs")
    _check_leaves(parameters, "parameters")
    with collector_paused():
        code, positions = _instructions(outputs, inputs, parameters)
        frozen = _frozen(code, positions, outputs)
    if frozen:
        warnings.warn_explicit(frozen, RuntimeWarning, *users_place())
    return code, [positions[output] for output in outputs]


def _instructions(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
) -> tuple[Code, dict[Value, int]]:
    """The instructions, and of the nodes in their order the positions."""
    code = Code(leaves=(len(inputs), len(parameters)))
    positions = _leaves(inputs, parameters)
    _append(code, outputs, positions)
    return code, positions


ADD, MUL = TABLE["add"], TABLE["mul"]
DIGITS = 10  # of a number that is hardly written by hand, and not met twice by chance


def _frozen(
    code: Code, positions: Mapping[Value, int], outputs: Sequence[Value]
) -> str:
    """What a recorded graph keeps of a question that Python answered; or nothing.

    It can be known of a True or False, and of a constant that is, to the last bit, what
    a node was that depends on the leaves: `max(v.data for v in values)` leaves one. (An
    operation that selects hands on a constant; then it is no coincidence.)
    """
    leaves = sum(code.leaves)
    fixed = {node for node in itertools.islice(positions, leaves, None) if not node.op}
    long = {node.data for node in fixed if len(repr(abs(node.data))) > DIGITS}
    if not long and all(node.operation is not ANSWER for node in fixed):
        return ""
    depends, made = code.depends(range(leaves)), dict[float, Value]()
    every = dict.fromkeys([*positions, *reached(outputs)[0]])
    for node in [each for each in every if each.data in long or each in fixed]:
        if node not in positions or depends[positions[node]]:
            if not (node.op and node.operation.selects):
                made.setdefault(node.data, node)
        elif node.op:
            continue
        elif node.operation is ANSWER:
            return (
                f"the program keeps the {node.data == 1} that is a condition in this "
                f"graph: if it answered a question such as x > 0, then for the numbers "
                f"of the recording. {FUNCTION}; for an answer that stays, write 1.0 or "
                "0.0"
            )
        elif node.data in made:
            source = describe(made[node.data])
            return (
                f"the program keeps the number {node.data!r}, which was that of "
                f"{source} when the graph was recorded: where it was read by .data, as "
                f"for a largest one, the program can't find it anew. {FUNCTION}"
            )
    return ""


FUNCTION = (
    "Give compile the function instead of its graph, with autograd's where, maximum, "
    "minimum or logsumexp for what depends on numbers"
)


def _append(code: Code, outputs: Sequence[Value], positions: dict[Value, int]) -> None:
    """Add the nodes of a graph that have no position yet, and their positions.

    What is inside a dot has none.
    """
    names: dict[Operation, str] = {}
    at, add = positions.__getitem__, code.add
    order = list(itertools.filterfalse(positions.__contains__, reached(outputs)[0]))
    dots, inside = written_at_once(order, outputs)
    for place, node in enumerate(order):
        if place in inside:
            continue
        name = names.get(node.operation)
        if place in dots:
            pairs = [order[product].parents for product in dots[place][::2]]
            lefts, rights = zip(*pairs, strict=True)
            positions[node] = add("dot", tuple(map(at, lefts + rights)))
            begin = order[dots[place][1]]
            if begin.operation is ADD and not _is_zero(begin.parents[0]):
                both = positions[node], at(begin.parents[0])
                positions[node] = add("add", both)
        elif name is not None:
            positions[node] = add(name, tuple(map(at, node.parents)))
        else:
            positions[node] = _instruction(code, node, positions)
            if is_plain(node.operation):
                names[node.operation] = code.name(node.operation)


def written_at_once(
    order: Sequence[Value], outputs: Iterable[Value]
) -> tuple[dict[int, list[int]], set[int]]:
    """Sums of products of which nothing else is made, each one after the other.

    That is what `sum((w * x for ...), b)` records, node after node, where b is a leaf.
    Found here, it is never instructions. What is added to a sum later on, as in a loop,
    is not of this kind.

    Returns for the places of their last additions those of the products and the others
    by turns, and the places of all that is inside. Where there is no b, the first
    product stands for its addition, too.
    """
    parents = list(map(operator.attrgetter("parents"), order))
    kinds = list(map(operator.attrgetter("operation"), order))
    chains: dict[int, list[int]] = {}  # products, and the additions but the last
    late: list[tuple[Value, Value]] = []
    last = before = -1
    for place in itertools.compress(range(len(order)), parents):
        if kinds[place] is ADD:
            total, term = parents[place]
            at_once = kinds[before] is MUL and term is order[before]
            if at_once and total is order[last]:
                if last in chains:
                    chains[place] = terms = chains.pop(last)
                    terms += (last, before)
                elif kinds[last] is MUL:
                    chains[place] = [last, last, before]
            elif at_once and not total.parents:
                chains[place] = [before]
            elif term.operation is MUL:
                late.append((total, term))
        last, before = before, place
    chains = {place: terms for place, terms in chains.items() if len(terms) > 3}
    if not chains:
        return {}, set()
    uses = Counter(itertools.chain.from_iterable([*parents, outputs]))
    longer = {total for total, term in late if uses[total] == uses[term] == 1}
    once = [uses[node] == 1 for node in order]
    found = {
        place: terms
        for place, terms in chains.items()
        if order[place] not in longer and all(map(once.__getitem__, terms))
    }
    inside = set(itertools.chain.from_iterable(found.values()))
    return found, inside


def _is_zero(node: Value) -> bool:
    return node.constant and node.data == 0.0


def is_plain(row: Operation) -> bool:
    """Whether a node of this row is an instruction of its name, and nothing else."""
    special = row in (GATE, GIVEN, ALIAS, choice) or ROWS.get(row.name) is row
    return bool(row.name) and not special and not is_derived(row)


def listed(values: Any, what: str) -> list[Any]:
    """A list of what was given, or TypeError where that is one thing alone."""
    try:
        return list(values)
    except TypeError:
        raise TypeError(
            f"{what} is {values!r} of type {type(values).__name__}; pass a list of "
            "Values"
        ) from None


def _check_leaves(values: Sequence[Value], what: str) -> None:
    for index, value in enumerate(values):
        if not isinstance(value, Value):
            raise TypeError(
                f"{what}[{index}] is {value!r} of type {type(value).__name__}; pass "
                "the leaf Values of the graph"
            )
        if value.op:
            raise ValueError(
                f"{what}[{index}], {describe(value)}, is not a leaf: it was computed "
                "from other Values. Pass those, or use its detach() in the graph"
            )


def _leaves(inputs: Sequence[Value], parameters: Sequence[Value]) -> dict[Value, int]:
    """Where the leaves are: inputs, then parameters, stand first."""
    leaves = [*inputs, *parameters]
    positions = dict(zip(leaves, itertools.count(), strict=False))
    if len(positions) < len(leaves):
        counts = Counter(leaves)
        twice = next(value for value in leaves if counts[value] > 1)
        raise ValueError(
            f"{describe(twice)} is given twice; a leaf is one input or one parameter"
        )
    return positions


def _instruction(code: Code, node: Value, positions: dict[Value, int]) -> int:
    if not node.op:
        return code.add(CONSTANT, (), node.data)
    if node.operation is GIVEN:
        raise CompileError(ONCE)
    if node.operation is ALIAS:
        return positions[node.parents[0]]
    args = tuple([positions[parent] for parent in node.parents])
    if node.operation in (GATE, choice, ROWS.get(node.op)):
        return code.add(node.op, args)
    if is_derived(node.operation):
        # What it does is recorded; a rule for the program to call would do the same.
        return written_out(code, node.operation, args)
    return code.add(code.name(node.operation), args)


def written_out(code: Code, row: Operation, args: Sequence[int]) -> int:
    """What a row's forward function returns, recorded as the operations it uses.

    It is called with terms, for which it may branch, and if it takes none, as the
    reductions do, with Values. Raises CompileError where it takes neither.
    """
    function = getattr(row.forward, "__wrapped__", row.forward)
    recorder = CodeRecorder(code)
    try:
        terms = [Term(recorder, arg) for arg in args]
        found: int = recorder.term(recorder.every_branch(function, terms)).index
        return found
    except Exception:  # whatever a user's own function raises
        pass
    stand_ins = [Value(math.nan, f"argument {n}") for n in range(1, len(args) + 1)]
    try:
        with ieee(), _guarded(stand_ins):
            output = as_value(function(*stand_ins))
    except Exception as error:
        raise CompileError(
            f"the forward function of {row.name!r} can't be recorded: {error}"
        ) from None
    positions = dict(zip(stand_ins, args, strict=True))
    _append(code, [output], positions)
    return positions[output]


# ---- functions, on stand-ins ---------------------------------------------------------


def from_function(
    function: Callable[..., Any], inputs: int, parameters: Sequence[Value]
) -> tuple[Code, list[int], tuple[int, ...]]:
    """The instructions of function(x1, ..., xn), and the shape of what it returned.

    It is called twice, with Values whose number is nan. Deciding something in Python by
    what depends on them, or on the parameters, raises CompileError, because the program
    would keep for all numbers what was decided for these; so does drawing at random,
    and what else makes a second recording another one.
    """
    if inputs < 0:
        raise ValueError(f"a function takes 0 arguments or more; got inputs={inputs}")
    _check_leaves(parameters, "parameters")
    _check_arguments(function, inputs)
    stand_ins = [Value(math.nan, f"x{i + 1}") for i in range(inputs)]
    made = _from_call(_without_draws, function, stand_ins, parameters)
    if len(made[0]) <= TWICE:
        again = _from_call(_called, function, stand_ins, parameters)
        _check_same(made[0], again[0])
    return made


TWICE = 20_000  # instructions: for more, a second recording takes too long


def _from_call(
    call: Callable[..., Any],
    function: Callable[..., Any],
    stand_ins: Sequence[Value],
    parameters: Sequence[Value],
) -> tuple[Code, list[int], tuple[int, ...]]:
    with recording(), ieee(), _quiet(), _guarded([*stand_ins, *parameters]):
        found, shape = flattened(call(function, stand_ins))
        outputs = [_output(x) for x in found]
    if not outputs:
        raise ValueError("the function returned no outputs; return a Value or several")
    with collector_paused():
        code, positions = _instructions(outputs, stand_ins, parameters)
    return code, [positions[output] for output in outputs], shape


def _output(x: Any) -> Value:
    try:
        return as_value(x)
    except TypeError:
        raise TypeError(
            f"the function returned {x!r:.60} of type {type(x).__name__}; return a "
            "Value, or a list, tuple or array of Values, which may be nested"
        ) from None


def _quiet() -> AbstractContextManager[Any]:
    """NumPy's functions of objects would warn of nan, the number of a stand-in."""
    try:
        import numpy as np
    except ImportError:  # as in a browser
        return nullcontext()
    return np.errstate(invalid="ignore")


def _check_same(code: Code, again: Code) -> None:
    """CompileError where two recordings have other numbers, or other operations.

    In which order is no matter: a set of nodes has another each time.
    """
    one, other = map(_ingredients, (code, again))
    for op, number in sorted(one - other or other - one):
        what = f"number {number}" if op == CONSTANT else f"operation {op}"
        raise CompileError(
            "the function computes something else each time it is called, such as the "
            f"{what} in one call alone, and the program would keep it for every row "
            "and every call. Draw, count or measure outside, and pass that as an input"
        )


def _ingredients(code: Code) -> Counter[tuple[str, str]]:
    return Counter((op, repr(number)) for op, _, number in code.instructions)


def required(function: Callable[..., Any]) -> int:
    """How many arguments a function requires; TypeError where it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # Python does not know it
        parameters = None
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise TypeError(
            f"{getattr(function, '__name__', 'the function')}() takes any number of "
            "arguments: say how many, as in compile(f, inputs=2)"
        )
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def _check_arguments(function: Callable[..., Any], inputs: int) -> None:
    """TypeError for a function that can't be called with so many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Python does not know it
        return
    try:
        signature.bind(*[None] * inputs)
    except TypeError as error:
        name = getattr(function, "__name__", "f")
        raise TypeError(
            f"with inputs={inputs}, compile calls the function with "
            f"{counted(inputs, 'Value')} as arguments; it is {name}{signature}: "
            f"{error}. {LISTED}"
        ) from None


LISTED = (
    "Every input is an argument of its own, and inputs= says how many there are: write "
    "compile(lambda *xs: f(xs), inputs=...) for a function f of one list"
)


def _without_draws(function: Callable[..., Any], stand_ins: Sequence[Value]) -> Any:
    """What the function returns, called again where something was drawn meanwhile.

    The second time, weights that a first call draws are there, and another thread, that
    may have drawn them, is done.
    """
    for _ in range(2):
        draws = Draws(function)
        result = _called(function, stand_ins)
        source = draws.source()
        if not source:
            return result
    raise CompileError(
        f"the function draws random numbers, from {source}: the program would keep "
        "these for every row and every call. Draw outside and pass them as inputs"
    )


def _called(function: Callable[..., Any], stand_ins: Sequence[Value]) -> Any:
    try:
        return function(*stand_ins)
    except CompileError:
        raise
    except (AttributeError, ValueError) as error:
        explained(error)
        raise
    except (TypeError, IndexError) as error:
        better = _no_number(error)
        if better is None:  # not in the function: it takes other arguments, say
            raise
        raise better from error


def flattened(result: Any) -> tuple[list[Any], tuple[int, ...]]:
    """What nested lists, tuples and arrays hold, in order, and their shape.

    >>> flattened([[1, 2, 3], (4, 5, 6)]), flattened(7)
    (([1, 2, 3, 4, 5, 6], (2, 3)), ([7], ()))
    """
    if is_array(result):
        result = result.tolist()
    if not isinstance(result, (list, tuple)):
        return [result], ()
    parts = [flattened(part) for part in result]
    shapes = {shape for _, shape in parts}
    if len(shapes) > 1:
        raise ValueError(
            "outputs in lists have to be a table, with as many in every row; got parts "
            f"of the shapes {', '.join(map(str, sorted(shapes)))}"
        )
    inside = shapes.pop() if shapes else ()
    return [x for found, _ in parts for x in found], (len(parts), *inside)


@contextmanager
def _guarded(leaves: Iterable[Value]) -> Iterator[None]:
    """Raise where Python asks for the number of what depends on one of the leaves.

    The derivatives that `grad` records meanwhile follow every branch of the rules.
    """
    guard = Guard(leaves, in_effect("guard"))
    with every_branch(), Setting("guard", guard, True):
        yield


class Guard:
    """Knows which nodes depend on a stand-in, and what may be done with those.

    leaves: the stand-ins, and parameters, whose numbers may be others later.
    outer: the guard of a recording inside which this one happens, if there is one.
    """

    def __init__(self, leaves: Iterable[Value], outer: Guard | None) -> None:
        self.outer = outer
        self._known: dict[Value, bool] = dict.fromkeys(leaves, True)
        self._conditions: set[Value] = set()

    def __call__(self, value: Value, how: str) -> None:
        """Refuse where Python code asks for the number of a stand-in."""
        if self.stands_in(value):
            _refuse(how)

    def stands_in(self, value: Value) -> bool:
        """Whether a node depends on one of the leaves, here or further out."""
        if self.outer is not None and self.outer.stands_in(value):
            return True
        stack = [value]
        while stack:
            node = stack[-1]
            missing = [parent for parent in node.parents if parent not in self._known]
            stack += missing
            if not missing:
                self._known.setdefault(node, any(map(self._known.get, node.parents)))
                stack.pop()
        return self._known[value]

    def condition(self, name: str, x: Any, y: Any) -> Value | None:
        """The comparison as a node, 1 or 0, where it is about a stand-in."""
        if any(isinstance(arg, Value) and self.stands_in(arg) for arg in (x, y)):
            return self._condition(ROWS[name], (x, y))
        return None

    def joined(self, sign: str, x: Any, y: Any) -> Value | None:
        """Two conditions as one, where both are some: `&`, `|`, or `~` of the first."""
        if not (self.is_condition(x) and self.is_condition(y)):
            return None
        cases = {"&": (y, 0.0), "|": (1.0, y), "~": (0.0, 1.0)}
        return self._condition(TABLE["where"], (x, *cases[sign]))

    def is_condition(self, x: Any) -> bool:
        """Whether x is True, False, or a comparison of stand-ins."""
        if isinstance(x, bool) or x in self._conditions:
            return True
        return self.outer is not None and self.outer.is_condition(x)

    def _condition(self, row: Operation, args: Sequence[Any]) -> Value:
        made = record(row, args)
        self._conditions.add(made)
        return made

    def located(self, error: Exception) -> Exception:
        """The same error with the user's line, for what happens while recording."""
        return type(error)(f"{_line(walk_stack(sys._getframe()))}{error}")

    def described(self, value: Value) -> str:
        """What a stand-in is called: `<stand-in for x1>`, `<stand-in for mul(...)>`."""
        return f"<stand-in for {value.label or value.op + '(...)'}>"


CASES = (
    "Write both cases and choose between them: where(x > 0, a, b) is a for x > 0 and "
    "otherwise b; (x > 0) & (x < 1), | and ~ are for Python's and, or and not, and "
    "maximum(x, y) and minimum(x, y) for its max and min"
)


PLACE = (
    "In a function that is compiled, x stands for a number that differs from row to "
    "row, and is no place in a list and no count: take(values, x) is the value at it"
)


def _refuse(how: str) -> NoReturn:
    raise CompileError(
        f"{_line(walk_stack(sys._getframe()))}{how} asks for a number that differs "
        f"from row to row, and the program would keep one answer for all. {CASES}"
    )


def _no_number(error: TypeError | IndexError) -> CompileError | None:
    """What Python says of a stand-in where it needs a number, with the user's line."""
    line = _line(reversed(list(walk_tb(error.__traceback__))))
    is_place = any(word in str(error) for word in ("indices", "as an integer"))
    if not line or (isinstance(error, IndexError) and not is_place):
        return None
    if is_place:
        return CompileError(f"{line}{error}.\n{PLACE}")
    if any(w in str(error) for w in ("subscript", "iterable", "len()", "takes a list")):
        return CompileError(f"{line}{error}.\n{LISTED}")
    return CompileError(
        f"{line}{error}.\nIn a function that is compiled, x stands for a number that "
        f"differs from row to row. {of_arrays(error) or CASES}"
    )


def _line(frames: Iterable[tuple[FrameType, int]]) -> str:
    """The innermost line of the user's, as `model.py, line 12: if x > 0: `.

    That is one outside this package and, where there is such a line, the libraries.
    """
    outside = [
        (frame.f_code.co_filename, number)
        for frame, number in frames
        if not is_ours(frame.f_code.co_filename)
    ]
    theirs = [place for place in outside if not in_library(place[0])]
    return f"{shown((theirs or outside)[0])}\n" if outside else ""
