"""Transforms of functions: from a function to its derivatives.

Each takes a plain Python function of numbers, or of (nested) lists, tuples, dicts or
numpy arrays of numbers, and calls it with nodes in the same shape. Python's control
flow is followed, because the function simply runs.

Numbers in, numbers out. Where an argument holds a Value, or where the call happens
inside the function of another transform, the results are Values again, connected to
what they depend on, so that transforms nest to any order:

    >>> grad(grad(grad(lambda x: x**4)))(2.0)
    48.0
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any

from autograd import reductions
from autograd.graph import gradients, joined_order, tangents
from autograd.numeric import is_number, number
from autograd.ops import ALIAS, LEAF, OPEN_ALIAS, OPEN_LEAF
from autograd.value import Value, as_value, no_grad_is_on, record, recording

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0) -> Function:
    """The function that computes the gradient of f.

    f: returns one number.
    argnums: which positional argument to differentiate by; a sequence of them gives a
        tuple of gradients.

    The gradient has the shape of the argument: a number for a number, a list for a
    list. Raises TypeError where f does not return one number, or an argument to
    differentiate by holds something else than numbers.

    >>> grad(lambda x, y: x * y**2)(3.0, 2.0)
    4.0
    >>> grad(lambda v: v[0] * v[1])([3.0, 2.0])
    [2.0, 3.0]
    >>> grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
    (4.0, 12.0)
    """

    @_like(f, "gradient")
    def gradient(*args: Any, **options: Any) -> Any:
        return _value_and_grad(f, argnums, args, options)[1]

    return gradient


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """The function that computes f and its gradient in one pass; see `grad`.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """

    @_like(f, "value and gradient")
    def value_and_gradient(*args: Any, **options: Any) -> Any:
        return _value_and_grad(f, argnums, args, options)

    return value_and_gradient


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that computes all derivatives of all outputs of f.

    f: returns a number, or a (nested) list of numbers.
    argnums: as for `grad`; a sequence gives a tuple of jacobians.

    The jacobian has the shape of the output, with the shape of the argument in place
    of each number: row i holds the derivatives of output i.

    >>> jacobian(lambda v: [v[0] * v[1], v[0] + 3 * v[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 3.0]]
    """

    @_like(f, "jacobian")
    def all_derivatives(*args: Any, **options: Any) -> Any:
        with recording():
            run = _Run(f, argnums, args, options)
            rows = [run.gradients(output) for output in run.outputs]
        rows = run.delivered(rows)
        blocks = []
        for argument, span in zip(run.arguments, run.spans, strict=True):
            parts = [_rebuilt(argument, iter(row[span])) for row in rows]
            blocks.append(_rebuilt(run.result, iter(parts)))
        return tuple(blocks) if run.several else blocks[0]

    return all_derivatives


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that computes all second derivatives of f.

    f: returns one number.
    argnums: as for `grad`; a sequence gives blocks: element [i][j] is by argument i,
        then by argument j.

    >>> hessian(lambda v: v[0] ** 2 * v[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    if not isinstance(argnums, Iterable):
        return _like(f, "hessian")(jacobian(grad(f, argnums), argnums))
    several = tuple(argnums)

    @_like(f, "hessian")
    def blocks(*args: Any, **options: Any) -> Any:
        return tuple(
            jacobian(grad(f, first), several)(*args, **options) for first in several
        )

    return blocks


def jvp(f: Function, x: Any, v: Any) -> tuple[Any, Any]:
    """f(x), and its derivative in the direction v: the jacobian times v.

    x: the argument of f. v: the direction, in the shape of x. The derivative has the
    shape of f(x). Costs one pass forward, whatever the number of inputs.

    >>> jvp(lambda v: [v[0] * v[1], v[0]], [2.0, 5.0], [1.0, 10.0])
    ([10.0, 2.0], [25.0, 1.0])
    """
    with recording():
        run = _Run(f, 0, (x,), {}, beside=(v,))
        seeds = dict(zip(run.inputs, _matching(v, x, "v", "x"), strict=True))
        slopes = tangents(run.outputs, seeds, run.as_nodes)
    value, slope = run.delivered([run.outputs, slopes])
    return _rebuilt(run.result, iter(value)), _rebuilt(run.result, iter(slope))


def vjp(f: Function, x: Any) -> tuple[Any, Function]:
    """f(x), and the function from w to w times the jacobian.

    x: the argument of f. That function takes w in the shape of f(x), and returns a
    result in the shape of x; each call costs one pass backward, whatever the number of
    outputs.

    >>> value, back = vjp(lambda v: [v[0] * v[1], v[0]], [2.0, 5.0])
    >>> value, back([1.0, 100.0])
    ([10.0, 2.0], [105.0, 2.0])
    """
    with recording():
        run = _Run(f, 0, (x,), {})
    (value,) = run.delivered([run.outputs])

    def back(w: Any) -> Any:
        weights = _matching(w, run.result, "w", "the result of f")
        with recording():
            run.as_nodes = run.as_nodes or _holds_values(weights)
            total = as_value(reductions.dot(weights, run.outputs))
            products = run.gradients(total)
        (products,) = run.delivered([products])
        return _rebuilt(x, iter(products))

    return _rebuilt(run.result, iter(value)), back


def hvp(f: Function, x: Any, v: Any) -> Any:
    """The hessian of f at x times v, without the hessian.

    f: returns one number. v: in the shape of x, as is the result. It is the gradient
    of (gradient times v), and costs a small constant times one gradient, however many
    inputs there are.

    >>> hvp(lambda v: v[0] ** 2 * v[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    with recording():
        run = _Run(f, 0, (x,), {}, beside=(v,))
        direction = _matching(v, x, "v", "x")
        slopes = gradients(run.single(), run.inputs, create_graph=True)
        along = as_value(reductions.dot(direction, slopes))
        products = run.gradients(along)
    (products,) = run.delivered([products])
    return _rebuilt(x, iter(products))


# ---- one call of the function --------------------------------------------------------


def _value_and_grad(
    f: Function, argnums: Argnums, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, Any]:
    with recording():
        run = _Run(f, argnums, args, options)
        output = run.single()
        slopes = run.gradients(output)
    value, slopes = run.delivered([[output], slopes])
    parts = [
        _rebuilt(argument, iter(slopes[span]))
        for argument, span in zip(run.arguments, run.spans, strict=True)
    ]
    return value[0], tuple(parts) if run.several else parts[0]


class _Run:
    """One call of a function with nodes in place of the chosen arguments.

    arguments: the chosen arguments, as given.
    inputs: the nodes that stood in for their numbers; `spans` tells whose is which.
    result: what the function returned; outputs: its numbers, as nodes.
    as_nodes: whether the results are to be Values.
    """

    def __init__(
        self,
        f: Function,
        argnums: Argnums,
        args: tuple[Any, ...],
        options: dict[str, Any],
        beside: tuple[Any, ...] = (),
    ) -> None:
        self.f = f
        self.several = isinstance(argnums, Iterable)
        self.arguments: list[Any] = []
        self.inputs: list[Value] = []
        self.spans: list[slice] = []
        called = list(args)
        names = _parameter_names(f)
        for index in _positions(argnums, len(args)):
            name = names[index] if index < len(names) else f"argument{index + 1}"
            start = len(self.inputs)
            for where, x in _numbers(args[index], name):
                self.inputs.append(_stand_in(where, x))
            self.arguments.append(args[index])
            self.spans.append(slice(start, len(self.inputs)))
            called[index] = _rebuilt(args[index], iter(self.inputs[start:]))
        self.result = f(*called, **options)
        self.outputs = [as_value(x) for x in self._outputs()]
        self.as_nodes = _holds_values([args, options, beside]) or self._inside_another()
        for node in self.inputs:
            node._operation = ALIAS if node.operation is OPEN_ALIAS else LEAF

    def _outputs(self) -> list[Any]:
        try:
            return [x for _, x in _numbers(self.result, "result")]
        except TypeError as error:
            raise TypeError(f"{_name(self.f)} returned {error}") from None

    def _inside_another(self) -> bool:
        """Whether a result depends on an argument of a function still being run.

        Then the call is part of another transform's function, and floats would cut the
        graph that one needs.
        """
        own = set(self.inputs)
        return any(
            node.operation in (OPEN_LEAF, OPEN_ALIAS) and node not in own
            for node in joined_order(self.outputs)
        )

    def single(self) -> Value:
        """The only output, or an error that says what to use for several."""
        if len(self.outputs) == 1 and not _is_container(self.result):
            return self.outputs[0]
        count = len(self.outputs)
        raise TypeError(
            f"{_name(self.f)} returned {count} number{'s'[: count != 1]} in a "
            f"{type(self.result).__name__}; a gradient is of one number: return "
            "that number, or use jacobian() for all of them"
        )

    def gradients(self, output: Value) -> list[Any]:
        return gradients(output, self.inputs, create_graph=self.as_nodes)

    def delivered(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Results as the caller gets them: floats, or Values without history."""
        if not self.as_nodes:
            return [[float(_data(x)) for x in row] for row in rows]
        if no_grad_is_on():
            return [[Value(_data(x)) for x in row] for row in rows]
        return [[as_value(x) for x in row] for row in rows]


def _stand_in(label: str, x: Any) -> Value:
    """The node that the function gets in place of a number.

    For a Value, a node of its own with that Value as the parent: what the function
    reaches in another way, such as from an enclosing function, is a constant to this
    transform, even where it is the same Value.
    """
    if not isinstance(x, Value):
        leaf = Value(x, label)
        leaf._operation = OPEN_LEAF
        return leaf
    node = record(OPEN_ALIAS, (x,))
    node.label = x.label
    return node


def _data(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _positions(argnums: Argnums, count: int) -> list[int]:
    chosen = list(argnums) if isinstance(argnums, Iterable) else [argnums]
    positions = []
    for wanted in chosen:
        try:
            position = operator.index(wanted)
        except TypeError:
            raise TypeError(f"argnums are whole numbers; got {wanted!r}") from None
        if not -count <= position < count:
            raise ValueError(
                f"argnums asks for positional argument {position}, but the function "
                f"was called with {count}; the first is number 0, and those given by "
                "name do not count"
            )
        positions.append(position % count)
    if len(set(positions)) < len(positions):
        raise ValueError(f"argnums {tuple(chosen)} names an argument twice")
    if not positions:
        raise ValueError("argnums is empty; name at least one argument")
    return positions


def _matching(given: Any, model: Any, name: str, model_name: str) -> list[Any]:
    """The numbers of a direction, which has the shape of what it goes with."""
    numbers = list(_numbers(given, name))
    wanted = [where for where, _ in _numbers(model, name)]
    if [where for where, _ in numbers] != wanted:
        raise ValueError(
            f"{name} needs the shape of {model_name}, with {len(wanted)} numbers; got "
            f"{len(numbers)}: {given!r:.80}"
        )
    return [x for _, x in numbers]


# ---- shapes: lists, tuples, dicts and numpy arrays of numbers ------------------------


def is_array(x: Any) -> bool:
    """Whether x is an array of numpy's or of its like, not a scalar of its."""
    return hasattr(x, "dtype") and getattr(x, "shape", ()) != ()


def _is_container(x: Any) -> bool:
    return isinstance(x, (list, tuple, dict)) or is_array(x)


def _numbers(structure: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Every number or Value of a structure, with its place, such as `x[0][1]`."""
    if isinstance(structure, dict):
        for key, item in structure.items():
            yield from _numbers(item, f"{where}[{key!r}]")
    elif isinstance(structure, (list, tuple)) or is_array(structure):
        for index, item in enumerate(structure):
            yield from _numbers(item, f"{where}[{index}]")
    elif isinstance(structure, Value) or is_number(structure):
        yield where, structure
    else:
        try:
            number(structure)
        except TypeError as error:
            raise TypeError(f"{where}: {error}") from None


def _rebuilt(structure: Any, items: Iterator[Any]) -> Any:
    """A structure of the same shape, with other items in place of its numbers."""
    if isinstance(structure, dict):
        return {key: _rebuilt(item, items) for key, item in structure.items()}
    if isinstance(structure, list):
        return [_rebuilt(item, items) for item in structure]
    if isinstance(structure, tuple):
        parts = [_rebuilt(item, items) for item in structure]
        named = hasattr(structure, "_fields")
        return type(structure)(*parts) if named else tuple(parts)
    if is_array(structure):
        return _array(structure, items)
    return next(items)


def _array(structure: Any, items: Iterator[Any]) -> Any:
    """A numpy array of the same shape: of floats, or of Values as objects.

    Where the items are structures themselves, as in a jacobian, a list of them.
    """
    import numpy as np

    flat = [next(items) for _ in range(structure.size)]
    if any(isinstance(x, Value) for x in flat):
        made = np.empty(structure.size, dtype=object)
        made[:] = flat
        return made.reshape(structure.shape)
    made = np.array(flat, dtype=float)
    return made.reshape(structure.shape + made.shape[1:])


def _holds_values(structure: Any) -> bool:
    if isinstance(structure, Value):
        return True
    if isinstance(structure, dict):
        return any(_holds_values(item) for item in structure.values())
    if isinstance(structure, (list, tuple)):
        return any(_holds_values(item) for item in structure)
    if is_array(structure) and structure.dtype == object:
        return any(_holds_values(item) for item in structure.flat)
    return False


# ---- names ---------------------------------------------------------------------------


def _name(f: Function) -> str:
    return f"{getattr(f, '__name__', type(f).__name__)}()"


def _parameter_names(f: Function) -> tuple[str, ...]:
    """The names of a function's positional parameters, for labels and errors."""
    inner = f
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    if code is None:
        return _compiled_names(inner)
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return names[1:] if hasattr(inner, "__self__") else names


def _compiled_names(f: Function) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(f).parameters)
    except (ValueError, TypeError):  # some functions written in C tell no signature
        return ()


def _like(f: Function, what: str) -> Callable[[Function], Function]:
    """Give a transformed function the name and signature of the original."""

    def dressed(transformed: Function) -> Function:
        if not callable(f):
            raise TypeError(
                f"this takes a function, as in grad(f)(x); got {f!r:.60} of type "
                f"{type(f).__name__}"
            )
        result = wraps(f)(transformed)
        result.__doc__ = f"The {what} of {_name(f)}, with the same arguments."
        return result

    return dressed
