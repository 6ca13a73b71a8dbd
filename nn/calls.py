"""Which parts of a model a row went through: what each took in, and what came out.

Every call of a `Module` is told to whoever watches, those of one's own classes as well,
which is how pictures and texts know a layer that they have never seen.

>>> from nn.module import Layer, Sequential
>>> model = Sequential(Layer(2, 3, seed=0), sum)
>>> with watching() as top:
...     y = model([1.0, 2.0])
>>> [call.name for call in top.inner[0].inner]
['0', '1']
>>> top.inner[0].inner[1].output is y
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from inspect import CO_VARARGS
from typing import Any, TypeVar, cast

from autograd.numeric import is_number
from autograd.value import Value
from autograd.wording import cut

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Call:
    """One call of a part of a model.

    part: a module or a function; None for the watching itself.
    name: what the part is called among the stages of the module that called it, where
        it is one of them.
    inputs: the arguments. output: what it returned.
    inner: the calls that it made, in their order.
    """

    part: Any
    name: str = ""
    inputs: tuple[object, ...] = ()
    output: object = None
    inner: list[Call] = field(default_factory=list)


_CURRENT: ContextVar[Call | None] = ContextVar("call", default=None)
"""The call that is going on, where someone watches; each task has its own."""


@contextmanager
def watching() -> Iterator[Call]:
    """Collect the calls made inside a `with` block, each with those it made itself."""
    top = Call(None)
    token = _CURRENT.set(top)
    try:
        yield top
    finally:
        _CURRENT.reset(token)


def applied(name: str, part: Callable[[T], R], x: T) -> R:
    """part(x), told to whoever watches under that name."""
    if _CURRENT.get() is None:
        return part(x)
    return _told(Call(part, name, (x,)), lambda: part(x))


def observed(function: Callable[..., R]) -> Callable[..., R]:
    """A module's `__call__`, told to whoever watches.

    What a subclass calls of the class it comes from is part of its own call.
    """

    code = getattr(function, "__code__", None)
    most = math.inf if code is None or code.co_flags & CO_VARARGS else code.co_argcount

    @wraps(function)
    def call(self: object, *inputs: object, **named: object) -> R:
        if len(inputs) >= most:
            raise _too_many(self, inputs)
        outer = _CURRENT.get()
        if outer is None or outer.part is self:
            return _whole(function(self, *inputs, **named))
        told = Call(self, "", (*inputs, *named.values()))
        return _told(told, lambda: function(self, *inputs, **named))

    return call


def _too_many(module: object, inputs: tuple[object, ...]) -> TypeError:
    row = cut(", ".join(map(repr, inputs)))
    return TypeError(
        f"{type(module).__name__} takes a row, which is one argument, a list: write "
        f"model([{row}]); got {len(inputs)} arguments"
    )


def _told(call: Call, compute: Callable[[], R]) -> R:
    outer = _CURRENT.get()
    token = _CURRENT.set(call)
    try:
        call.output = output = _whole(compute())
    finally:
        _CURRENT.reset(token)
    if outer is not None:
        outer.inner.append(call)
    return output


def _whole(output: R) -> R:
    """What a call returned; a list of what would come one by one, after the call."""
    if type(output) is Value or type(output) is list:  # quick, for nearly all
        return output
    return cast(R, [*output]) if isinstance(output, Iterator) else output


def values_in(x: Any) -> Iterator[Any]:
    """The Values and numbers in (nested) lists, tuples and arrays, in their order.

    >>> list(values_in([1.0, (2.0, [3.0])]))
    [1.0, 2.0, 3.0]
    """
    if getattr(x, "ndim", 0):
        x = x.tolist()
    if isinstance(x, Value) or is_number(x):
        yield x
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from values_in(item)
