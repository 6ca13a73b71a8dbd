"""Transforms of functions: from a function to its derivatives.

Each takes a plain Python function of numbers, or of (nested) lists, tuples, dicts,
dataclasses or numpy arrays of numbers, and calls it with nodes in the same shape.
Python's control flow is followed, because the function simply runs.

Numbers in, numbers out. Where an argument holds a Value, or the result depends on a
Value that the function reaches in another way, the results are Values again, connected
to what they depend on: so a derivative may be part of a loss, and transforms nest to
any order.

    >>> grad(grad(grad(lambda x: x**4)))(2.0)
    48.0
    >>> w = Value(3.0)
    >>> slope = grad(lambda x: w * x**3)(2.0)
    >>> slope.backward()
    >>> slope.data, w.grad
    (36.0, 12.0)
"""

from __future__ import annotations

import copy
import inspect
import operator
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, is_dataclass
from functools import WRAPPER_ASSIGNMENTS
from itertools import islice
from numbers import Number
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from autograd.graph import (
    forward_is_shorter,
    pulled,
    pulled_as_nodes,
    pushed,
    pushed_as_nodes,
    reached,
)
from autograd.modes import MODE, no_grad_is_on, recording
from autograd.numeric import is_number, number
from autograd.ops import ALIAS
from autograd.value import Value, as_value, from_now_on, record
from autograd.wording import counted

T = TypeVar("T")
Function = Callable[..., Any]
Argnums = int | str | Sequence[int | str]


@overload
def grad(
    f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False
) -> Gradient: ...
@overload
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function: ...
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that computes the gradient of f.

    f: returns one number.
    argnums: which argument to differentiate by, by position or by name; a sequence of
        them gives a tuple of gradients.
    has_aux: f returns a pair, the number and something besides, such as predictions;
        then so does the gradient.

    The gradient has the shape of the argument: a number for a number, a list for a
    list. What is no number in it, such as a text, is passed on as it is. Raises
    TypeError where f does not return one number, or an argument to differentiate by is
    no number and holds none.

    >>> grad(lambda x, y: x * y**2)(3.0, 2.0)
    4.0
    >>> grad(lambda v: v[0] * v[1])([3.0, 2.0])
    [2.0, 3.0]
    >>> grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
    (4.0, 12.0)
    >>> grad(lambda x, y: x * y**2, argnums="y")(3.0, y=2.0)
    12.0
    >>> grad(lambda x: (x**2, {"cube": x**3}), has_aux=True)(2.0)
    (4.0, {'cube': 8.0})
    """
    return Gradient(f, argnums, has_aux)


@overload
def value_and_grad(
    f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False
) -> ValueAndGradient: ...
@overload
def value_and_grad(
    f: Function, argnums: Argnums = 0, has_aux: bool = False
) -> Function: ...
def value_and_grad(
    f: Function, argnums: Argnums = 0, has_aux: bool = False
) -> Function:
    """The function that computes f and its gradient in one pass; see `grad`.

    With `has_aux` the value is the pair that f returned.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return ValueAndGradient(f, argnums, has_aux)


def jacobian(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that computes all derivatives of all outputs of f.

    f: returns a number, or a (nested) list of numbers.
    argnums, has_aux: as for `grad`; a sequence gives a tuple of jacobians.

    The jacobian has the shape of the output, with the shape of the argument in place
    of each number: row i holds the derivatives of output i. f runs once. Then the chain
    rule goes backward from each output, or forward from each input where that is less.

    >>> jacobian(lambda v: [v[0] * v[1], v[0] + 3 * v[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 3.0]]
    """
    return Jacobian(f, argnums, has_aux)


def hessian(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that computes all second derivatives of f.

    f: returns one number.
    argnums, has_aux: as for `grad`; a sequence gives blocks: element [i][j] is by
        argument i, then by argument j.

    >>> hessian(lambda v: v[0] ** 2 * v[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    return Hessian(f, argnums, has_aux)


def jvp(f: Function, x: Any, v: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """f(x), and its derivative in the direction v: the jacobian times v.

    x: the argument of f. v: the direction, in the shape of x. The derivative has the
    shape of f(x). Costs one pass forward, whatever the number of inputs. For many
    directions at one point see `linearize`. has_aux: as for `grad`; what f returned
    besides comes third.

    >>> jvp(lambda v: [v[0] * v[1], v[0]], [2.0, 5.0], [1.0, 10.0])
    ([10.0, 2.0], [25.0, 1.0])
    """
    run = _Run(f, 0, (x,), {}, has_aux)
    order = run.look_around()
    direction = _matching(v, x, "v", "x")
    run.as_nodes = run.as_nodes or _holds_values(direction)
    return run.value(), run.along(direction, order), *run.aux()


def linearize(f: Function, x: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """f(x), and the function from v to the jacobian times v.

    x: the argument of f. That function takes v in the shape of x, and returns a result
    in the shape of f(x). f runs once; each call costs one pass forward over what it
    recorded. has_aux: as for `jvp`.

    >>> value, product = linearize(lambda v: [v[0] * v[1], v[0]], [2.0, 5.0])
    >>> value, product([1.0, 0.0]), product([1.0, 10.0])
    ([10.0, 2.0], [5.0, 1.0], [25.0, 1.0])
    """
    run = _Run(f, 0, (x,), {}, has_aux)
    order = run.look_around()

    def product(v: Any) -> Any:
        return run.along(_matching(v, x, "v", "x"), order)

    return run.value(), product, *run.aux()


def vjp(f: Function, x: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """f(x), and the function from w to w times the jacobian.

    x: the argument of f. That function takes w in the shape of f(x), and returns a
    result in the shape of x; each call costs one pass backward, whatever the number of
    outputs. has_aux: as for `jvp`.

    >>> value, back = vjp(lambda v: [v[0] * v[1], v[0]], [2.0, 5.0])
    >>> value, back([1.0, 100.0])
    ([10.0, 2.0], [105.0, 2.0])
    """
    run = _Run(f, 0, (x,), {}, has_aux)
    run.look_around()

    def back(w: Any) -> Any:
        weights = _matching(w, run.result, "w", "the result of f")
        as_nodes = run.as_nodes or _holds_values(weights)
        products = run.pulled(run.outputs, weights, as_nodes)
        return _rebuilt(x, iter(products))

    return run.value(), back, *run.aux()


def hvp(f: Function, x: Any, v: Any, has_aux: bool = False) -> Any:
    """The hessian of f at x times v, without the hessian.

    f: returns one number. v: in the shape of x, as is the result. It is the gradient
    of (gradient times v), and costs a small constant times one gradient, however many
    inputs there are. For many v at one point: `linearize(grad(f), x)`. has_aux: as for
    `grad`.

    >>> hvp(lambda v: v[0] ** 2 * v[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    run = _Run(f, 0, (x,), {}, has_aux)
    direction = _matching(v, x, "v", "x")
    run.as_nodes = run.as_nodes or _holds_values(direction)
    output = run.single()
    with _recording():
        slopes = pulled_as_nodes([output], [1.0], run.inputs, run.since)
    product = run.shaped(run.pulled(slopes, direction))
    return (product, *run.aux()) if has_aux else product


# ---- the functions that the transforms return ----------------------------------------


class Transform:
    """A function made from another, f, with the same arguments, name and signature.

    It is also a method where it stands in a class, and can be pickled where f can.
    """

    what = ""

    def __init__(self, f: Function, argnums: Argnums, has_aux: bool) -> None:
        if not callable(f):
            raise TypeError(
                f"this takes a function, as in grad(f)(x); got {f!r:.60} of type "
                f"{type(f).__name__}"
                + ": its derivatives are gradients(y, [x])"
                * _is_value(f)
            )
        _check_argnums(argnums)
        self.f = self.__wrapped__ = f
        self.__module__ = getattr(f, "__module__", "")
        name = getattr(f, "__name__", "") or type(f).__name__
        self.__doc__ = f"The {self.what} of {name}(), with the same arguments."
        self.argnums = argnums
        self.has_aux = has_aux
        self.names = _parameter_names(f)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The derivatives at these arguments."""
        return self._found(
            _Run(self.f, self.argnums, args, options, self.has_aux, self.names)
        )

    def _found(self, run: _Run) -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """What f has, and a wrapper of it: its name, and attributes of its own."""
        f = vars(self).get("f")
        if name in WRAPPER_ASSIGNMENTS or name in getattr(f, "__dict__", ()):
            return getattr(f, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __repr__(self) -> str:
        return f"<{self.what} of {_name(self.f)}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = getattr(self, "__qualname__", "")
        module = sys.modules.get(getattr(self, "__module__", ""))
        if name and getattr(module, name, None) is self:
            return str(name)  # as a decorator of f it has f's own name
        return type(self), (self.f, self.argnums, self.has_aux)


class Gradient(Transform):
    """What `grad` returns: by the first argument, the gradient is of the same kind."""

    what = "gradient"

    if TYPE_CHECKING:  # at run time it is the one above, without a call in between

        @overload
        def __call__(self, x: float, /, *args: Any, **options: Any) -> float: ...
        @overload
        def __call__(
            self, x: list[float], /, *args: Any, **options: Any
        ) -> list[float]: ...
        @overload
        def __call__(self, x: T, /, *args: Any, **options: Any) -> T: ...
        @overload
        def __call__(self, *args: Any, **options: Any) -> Any: ...
        def __call__(self, *args: Any, **options: Any) -> Any:
            """The gradient at these arguments."""

    def _found(self, run: _Run) -> Any:
        slope = run.shaped(run.pulled([run.single()], ONE))
        return (slope, *run.aux()) if self.has_aux else slope


class ValueAndGradient(Transform):
    """What `value_and_grad` returns."""

    what = "value and gradient"

    if TYPE_CHECKING:  # at run time it is the one above, without a call in between

        @overload
        def __call__(
            self, x: float, /, *args: Any, **options: Any
        ) -> tuple[float, float]: ...
        @overload
        def __call__(
            self, x: list[float], /, *args: Any, **options: Any
        ) -> tuple[float, list[float]]: ...
        @overload
        def __call__(self, x: T, /, *args: Any, **options: Any) -> tuple[Any, T]: ...
        @overload
        def __call__(self, *args: Any, **options: Any) -> Any: ...
        def __call__(self, *args: Any, **options: Any) -> Any:
            """The value and the gradient at these arguments."""

    def _found(self, run: _Run) -> Any:
        output = run.single()
        slope = run.shaped(run.pulled([output], ONE))
        (value,) = _delivered([output], run.as_nodes)
        return ((value, *run.aux()) if self.has_aux else value), slope


class Jacobian(Transform):
    """What `jacobian` returns."""

    what = "jacobian"

    def _found(self, run: _Run) -> Any:
        order = run.look_around()
        if forward_is_shorter(run.outputs, len(run.inputs), order, run.since):
            rows = run.rows_forward(order)
        else:
            rows = [run.pulled([output], ONE) for output in run.outputs]
        blocks = run.blocks(rows)
        return (blocks, *run.aux()) if self.has_aux else blocks


class Hessian(Transform):
    """What `hessian` returns."""

    what = "hessian"

    def __init__(self, f: Function, argnums: Argnums, has_aux: bool) -> None:
        super().__init__(f, argnums, has_aux)
        self.parts = [
            Jacobian(Gradient(f, first, has_aux), argnums, has_aux)
            for first in _listed(argnums)
        ]

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The second derivatives at these arguments."""
        found = [part(*args, **options) for part in self.parts]
        if not _several(self.argnums):
            return found[0]
        if self.has_aux:
            return tuple(block for block, _ in found), found[0][1]
        return tuple(found)


# ---- one call of the function --------------------------------------------------------

NOTHING: Final = nullcontext()
ONE: Final = [1.0]
PLAIN: Final = (float, int)


def _recording() -> AbstractContextManager[None]:
    """Record also inside `no_grad`."""
    return NOTHING if MODE.observer is None else recording()


def of_arrays(error: Exception) -> str:
    """What to write where numpy refused an array of Values inside a function."""
    if "numpy" not in sys.modules:
        return ""
    from autograd.ufuncs import advice

    return advice(error)


def explained(error: Exception) -> None:
    """Add that to what numpy said."""
    if text := of_arrays(error):
        error.add_note(text)


class _Run:
    """One call of a function with nodes in place of the chosen arguments.

    arguments: the chosen arguments, as given.
    inputs: the nodes that stood in for their numbers, in the same order.
    argnums: which those are.
    result: what the function returned, without what it returned besides, which is
        `besides`; outputs: the numbers of the result, as nodes.
    as_nodes: whether the results are to be Values.
    is_plain: whether it is of one number alone, by that, as it is nearly always.
    since: when it began. A node that is older comes from outside.
    """

    __slots__ = (
        "argnums",
        "arguments",
        "as_nodes",
        "besides",
        "f",
        "has_aux",
        "inputs",
        "is_plain",
        "outputs",
        "result",
        "since",
    )

    def __init__(
        self,
        f: Function,
        argnums: Argnums,
        args: tuple[Any, ...],
        options: dict[str, Any],
        has_aux: bool = False,
        names: tuple[str, ...] | None = None,
    ) -> None:
        self.f = f
        self.has_aux = has_aux
        self.argnums = argnums
        self.since = from_now_on()
        names = _parameter_names(f) if names is None else names
        self.is_plain = (
            len(args) == 1
            and type(args[0]) in PLAIN
            and argnums == 0
            and names != ()
            and not options
            and not has_aux
            and MODE.observer is None
        )
        if self.is_plain:  # nearly always, and in half the time
            node = Value(args[0], names[0])
            self.arguments: list[Any] = [args[0]]
            self.inputs: list[Value] = [node]
            self.as_nodes = False
            try:
                self.result = result = f(node)
            except (TypeError, AttributeError, ValueError) as error:
                explained(error)
                raise
            self.outputs = [result] if type(result) is Value else self._outputs()
            return
        self.arguments = []
        self.inputs = []
        given = (*args, *options.values()) if options else args
        self.as_nodes = _any_values(given)
        if argnums == 0 and args and names:
            chosen: list[tuple[int | str, str]] = [(0, names[0])]
        else:
            chosen = _chosen(argnums, len(args), options, names)
        if MODE.observer is None:
            self._call(chosen, list(args), options)
        else:
            with recording():
                self._call(chosen, list(args), options)

    def _call(
        self,
        chosen: list[tuple[int | str, str]],
        args: list[Any],
        options: dict[str, Any],
    ) -> None:
        for key, name in chosen:
            holder: Any = options if type(key) is str else args
            argument = holder[key]
            self.arguments.append(argument)
            if type(argument) is float:
                holder[key] = node = Value(argument, name)
                self.inputs.append(node)
            else:
                holder[key] = self._stand_in(argument, name)
        self.result = self._returned(args, options)
        if self.has_aux:
            self.result, self.besides = _pair(self.result, self.f)
        single = type(self.result) is Value
        self.outputs = [self.result] if single else self._outputs()

    def _returned(self, args: list[Any], options: dict[str, Any]) -> Any:
        try:
            return self.f(*args, **options)
        except (TypeError, AttributeError, ValueError) as error:
            explained(error)
            if type(error) is TypeError and len(args) == 1 and type(args[0]) is tuple:
                error.add_note(
                    f"{_name(self.f)} was called with one argument, a tuple. For a "
                    "function of several write lambda v: f(*v), such as "
                    "jvp(lambda v: f(*v), (x, y), (v, w))"
                )
            raise

    def _stand_in(self, argument: Any, name: str) -> Any:
        """An argument with nodes in place of its numbers."""
        if _is_flat(argument):
            made = [Value(x, f"{name}[{index}]") for index, x in enumerate(argument)]
            self.inputs += made
            return made
        nodes = [_stand_in(where, x) for where, x in _numbers(argument, name)]
        self.inputs += nodes
        return _rebuilt(argument, iter(nodes))

    def _outputs(self) -> list[Value]:
        try:
            return [as_value(x) for _, x in _numbers(self.result, "result")]
        except TypeError as error:
            raise TypeError(f"{_name(self.f)} returned {error}") from None

    def single(self) -> Value:
        """The only output, or an error that says what to use for several."""
        result = self.result
        if type(result) is Value:
            return result
        if len(self.outputs) == 1 and (is_array(result) or not _is_container(result)):
            return self.outputs[0]
        count = len(self.outputs)
        raise TypeError(
            f"{_name(self.f)} returned {counted(count, 'number')} in a "
            f"{type(self.result).__name__}; a gradient is of one number: return "
            "that number, or use jacobian() for all of them"
        )

    # ---- the chain rule ----

    def look_around(self) -> list[Value]:
        """The order of the outputs; whether they come from outside is known then."""
        order, met = reached(self.outputs, self.since)
        self.as_nodes = self.as_nodes or met
        return order

    def pulled(
        self, outputs: list[Value], seeds: list[Any], as_nodes: bool = False
    ) -> list[Any]:
        """The derivatives of seeds times outputs by all inputs."""
        if not (as_nodes or self.as_nodes):
            found = pulled(outputs, seeds, self.inputs, self.since)
            if found is not None:
                return found
            self.as_nodes = True
        with _recording():
            slopes = pulled_as_nodes(outputs, seeds, self.inputs, self.since)
        return _delivered(slopes, True)

    def pushed(self, directions: list[list[Any]], order: list[Value]) -> list[Any]:
        """The derivatives of all outputs along each direction."""
        if not (self.as_nodes or _holds_values(directions)):
            return pushed(self.outputs, self.inputs, directions, order)
        with _recording():
            rows = [
                pushed_as_nodes(self.outputs, self._parts(v), order) for v in directions
            ]
        return [_delivered(row, True) for row in rows]

    def _parts(self, direction: list[Any]) -> dict[Value, Any]:
        pairs = zip(self.inputs, direction, strict=True)
        return {x: part for x, part in pairs if part is not None}

    def along(self, direction: list[Any], order: list[Value]) -> Any:
        """The derivative of the result along one direction."""
        (slopes,) = self.pushed([direction], order)
        return _rebuilt(self.result, iter(slopes))

    def rows_forward(self, order: list[Value]) -> list[list[Any]]:
        """The derivatives of each output by all inputs, found input by input."""
        places = range(len(self.inputs))
        alone = [[1.0 if i == j else None for j in places] for i in places]
        columns = self.pushed(alone, order)
        if not columns:
            return [[] for _ in self.outputs]
        return [list(row) for row in zip(*columns, strict=True)]

    # ---- what the caller gets ----

    def value(self) -> Any:
        return _rebuilt(self.result, iter(_delivered(self.outputs, self.as_nodes)))

    def aux(self) -> tuple[Any, ...]:
        """What f returned besides, without nodes that come from the inputs alone."""
        if not self.has_aux:
            return ()
        values = [x for _, x in _numbers(self.besides, "aux", True) if _is_value(x)]
        if self.as_nodes or reached(values, self.since)[1]:
            return (self.besides,)
        return (_as_numbers(self.besides),)

    def shaped(self, row: list[Any]) -> Any:
        """One derivative by all inputs in the shape of the arguments."""
        if self.is_plain:
            return row[0]
        slopes = iter(row)
        if not _several(self.argnums):
            return _rebuilt(self.arguments[0], slopes)
        return tuple([_rebuilt(argument, slopes) for argument in self.arguments])

    def blocks(self, rows: list[list[Any]]) -> Any:
        """One such derivative in place of each number of the result."""
        shaped = [iter(row) for row in rows]
        blocks = []
        for argument in self.arguments:
            parts = [_rebuilt(argument, slopes) for slopes in shaped]
            blocks.append(_rebuilt(self.result, iter(parts)))
        return tuple(blocks) if _several(self.argnums) else blocks[0]


def _delivered(row: Sequence[Any], as_nodes: bool) -> list[Any]:
    """Results as the caller gets them: floats, or Values without history."""
    if not as_nodes:
        return [x if type(x) is float else _data(x) for x in row]
    if no_grad_is_on():
        return [Value(_data(x)) for x in row]
    return [as_value(x) for x in row]


def _pair(result: Any, f: Function) -> tuple[Any, Any]:
    if isinstance(result, tuple) and len(result) == 2:
        return result
    raise TypeError(
        f"with has_aux=True a function returns a pair, its result and something "
        f"besides; {_name(f)} returned {result!r:.60} of type {type(result).__name__}"
    )


def _stand_in(label: str, x: Any) -> Value:
    """The node that the function gets in place of a number.

    For a Value, a node of its own with that Value as the parent: what the function
    reaches in another way, such as from an enclosing function, is a constant to this
    transform, even where it is the same Value.
    """
    if not isinstance(x, Value):
        return Value(x, label)
    node = record(ALIAS, (x,))
    node.label = x.label
    return node


def _data(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _matching(given: Any, model: Any, name: str, model_name: str) -> list[Any]:
    """The numbers of a direction, which has the shape of what it goes with."""
    numbers = dict(_numbers(given, name))
    wanted = [where for where, _ in _numbers(model, name)]
    if numbers.keys() != set(wanted):
        odd = next((where for where in wanted if where not in numbers), "")
        lacks = f", without {odd}" if odd and odd != name else ""
        raise ValueError(
            f"{name} needs the shape of {model_name}, "
            f"{'one number' if wanted == [name] else counted(len(wanted), 'number')}; "
            f"got {given!r:.80}{lacks}"
        )
    found = [numbers[where] for where in wanted]
    return [x if _is_value(x) else number(x) for x in found]


# ---- which arguments -----------------------------------------------------------------


def _several(argnums: Any) -> bool:
    if type(argnums) is int:  # nearly always
        return False
    return not isinstance(argnums, (int, str)) and isinstance(argnums, Iterable)


def _check_argnums(argnums: Any) -> None:
    if _several(argnums) or isinstance(argnums, (int, str)):
        return
    try:
        operator.index(argnums)
    except TypeError:
        raise TypeError(
            f"argnums are whole numbers or names; got {argnums!r:.60}: what to "
            "differentiate at comes after, as in grad(f)(x)"
        ) from None


def _listed(argnums: Any) -> list[Any]:
    return list(argnums) if _several(argnums) else [argnums]


def _chosen(
    argnums: Any, count: int, options: dict[str, Any], names: tuple[str, ...]
) -> list[tuple[int | str, str]]:
    """The places of the arguments to differentiate by in a call, and their names.

    count: of the arguments by position. options: those by name.
    """
    wanted = _listed(argnums)
    keys = [
        _named(one, count, options, names)
        if isinstance(one, str)
        else _placed(one, count)
        for one in wanted
    ]
    if len(set(keys)) < len(keys):
        raise ValueError(f"argnums {tuple(wanted)} names an argument twice")
    if not keys:
        raise ValueError("argnums is empty; name at least one argument")
    return [(key, _label(key, names)) for key in keys]


def _label(key: int | str, names: tuple[str, ...]) -> str:
    if isinstance(key, str):
        return key
    return names[key] if key < len(names) else f"argument{key + 1}"


def _placed(wanted: Any, count: int) -> int:
    try:
        position = operator.index(wanted)
    except TypeError:
        raise TypeError(f"argnums are whole numbers or names; got {wanted!r}") from None
    if not -count <= position < count:
        raise ValueError(
            f"argnums asks for positional argument {position}, but the function "
            f"was called with {count}; the first is number 0, and those given by "
            "name do not count: write their names, as in argnums='x'"
        )
    return position % count


def _named(
    name: str, count: int, options: dict[str, Any], names: tuple[str, ...]
) -> int | str:
    if name in options:
        return name
    if name in names[:count]:
        return names.index(name)
    given = [_label(index, names) for index in range(count)] + list(options)
    raise ValueError(
        f"argnums asks for {name!r}, but the function was called with "
        f"{', '.join(given) or 'no arguments'}; pass it, also where it has a default"
    )


# ---- shapes: containers of numbers ---------------------------------------------------


def is_array(x: Any) -> bool:
    """Whether x is an array of numpy's or of its like, not a scalar of its."""
    return hasattr(x, "dtype") and getattr(x, "shape", ()) != ()


def _is_record(x: Any) -> bool:
    return is_dataclass(x) and not isinstance(x, type)


def _is_container(x: Any) -> bool:
    """Whether x is a container whose items are differentiated by.

    An array of texts or of dates is not: it is passed on as it is.
    """
    if isinstance(x, (list, tuple, dict, deque, range)) or _is_record(x):
        return True
    return is_array(x) and getattr(x.dtype, "kind", "f") not in "USMmV"


def _is_value(x: Any) -> bool:
    return isinstance(x, Value)


def _bare(x: Any) -> Any:
    """The object in an array without dimensions, such as np.dot makes of Values."""
    return x.item() if _holds_objects(x) and x.shape == () else x


def _holds_objects(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") == "O"


def _items(container: Any) -> Iterable[tuple[str, Any]]:
    """What a container holds, with the places: `[0]`, `['w']`, `.w`."""
    if isinstance(container, dict):
        return [(f"[{key!r}]", item) for key, item in container.items()]
    if _is_record(container):
        names = [field.name for field in fields(container)]
        return [(f".{name}", getattr(container, name)) for name in names]
    if type(container).__name__ in ("matrix", "MaskedArray"):
        raise TypeError(
            f"a {type(container).__name__} of numpy's computes otherwise than an array "
            "of Values: pass np.asarray(x)"
        )
    return [(f"[{index}]", item) for index, item in enumerate(container)]


def _numbers(
    structure: Any, where: str, inside: bool = False
) -> Iterator[tuple[str, Any]]:
    """Every number or Value of a structure, with its place, such as `x[0][1]`.

    inside: whether the structure is part of one. There, what is no number, such as a
    text, is left out; alone it is an error.
    """
    if isinstance(structure, Value):
        yield where, structure
        return
    if type(structure) is not float and _is_container(structure):
        for place, item in _items(structure):
            yield from _numbers(item, where + place, True)
        return
    x = _bare(structure)
    if _is_number(x):
        yield where, x
    elif not inside or isinstance(x, (Number, set, frozenset)):
        try:
            number(x)
        except TypeError as error:
            raise TypeError(f"{where}: {error}") from None


def _is_number(x: Any) -> bool:
    return isinstance(x, Value) or is_number(x)


def _is_flat(structure: Any) -> bool:
    """Whether it is a list of floats, as it is nearly always where it is no float."""
    return type(structure) is list and set(map(type, structure)) == {float}


def _rebuilt(structure: Any, items: Iterator[Any]) -> Any:
    """A structure of the same shape, with other items in place of its numbers."""
    if type(structure) is float or isinstance(structure, Value):
        return next(items)
    if _is_flat(structure):
        return list(islice(items, len(structure)))
    if not _is_container(structure):
        return next(items) if _is_number(_bare(structure)) else structure
    if is_array(structure):
        return _array(structure, items)
    return _filled(structure, [_rebuilt(item, items) for _, item in _items(structure)])


def _filled(container: Any, parts: list[Any]) -> Any:
    """A container of the same kind, with other parts in place of its items."""
    if type(container) in (list, range):
        return parts
    if isinstance(container, tuple):
        return tuple.__new__(type(container), parts)
    made = copy.copy(container)
    if _is_record(container):
        for field, part in zip(fields(container), parts, strict=True):
            object.__setattr__(made, field.name, part)  # also where it is frozen
        return made
    keys = list(container) if isinstance(container, dict) else range(len(parts))
    for key, part in zip(keys, parts, strict=True):
        made[key] = part
    return made


def _array(structure: Any, items: Iterator[Any]) -> Any:
    """A numpy array of the same shape: of floats, or of Values as objects.

    Where the items are arrays or lists themselves, as in a jacobian, they become its
    last axes.
    """
    import numpy as np

    if _holds_objects(structure):
        flat = [_rebuilt(x, items) for x in structure.flat]
    else:
        flat = list(islice(items, structure.size))
    if all(type(x) is float for x in flat):
        return np.array(flat, dtype=float).reshape(structure.shape)
    made = np.array(flat, dtype=object)
    if all(type(x) is float for x in made.flat):
        made = made.astype(float)
    return made.reshape(structure.shape + made.shape[1:])


def _any_values(items: Iterable[Any]) -> bool:
    for item in items:  # a call of any() takes four times as long
        if type(item) is not float and not _is_flat(item) and _holds_values(item):
            return True
    return False


def _holds_values(structure: Any) -> bool:
    if isinstance(structure, Value):
        return True
    if _holds_objects(structure):
        return _any_values(structure.flat)
    if hasattr(structure, "dtype") or not _is_container(structure):
        return False
    return _any_values(item for _, item in _items(structure))


def _as_numbers(structure: Any) -> Any:
    """The same structure with the numbers of its Values."""
    if not _holds_values(structure):
        return structure
    if not _is_container(structure):
        return _data(_bare(structure))
    if is_array(structure):
        return _array(structure, iter([_data(x) for x in structure.flat]))
    parts = [_as_numbers(item) for _, item in _items(structure)]
    return _filled(structure, parts)


# ---- names ---------------------------------------------------------------------------


def _name(f: Function) -> str:
    return f"{getattr(f, '__name__', '') or type(f).__name__}()"


def _parameter_names(f: Function) -> tuple[str, ...]:
    """The names of a function's positional parameters, for labels and errors."""
    if type(f) is FunctionType and not f.__dict__:  # nearly always
        plain = f.__code__
        return plain.co_varnames[: plain.co_argcount]
    inner = f
    bound = hasattr(f, "__self__")
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    if code is None:
        return _compiled_names(inner)
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return names[1:] if bound or hasattr(inner, "__self__") else names


def _compiled_names(f: Function) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(f).parameters)
    except (ValueError, TypeError):  # some functions written in C tell no signature
        return ()
