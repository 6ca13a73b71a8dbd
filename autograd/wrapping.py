"""A function with a mode on while it runs, whatever kind of function it is.

Never compiled: a generator that suspends itself inside the mode's block needs a frame
of Python's, by which it is known that it is suspended; see `autograd.modes`.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

Function = Callable[..., Any]
Mode = Callable[[], AbstractContextManager[None]]


def inside(mode: Mode, function: Function) -> Function:
    """The function, inside a block of the mode, a new one for each call.

    A generator or coroutine function is inside while what it returns runs.
    """
    if inspect.iscoroutinefunction(function):
        return _coroutine(mode, function)
    if inspect.isgeneratorfunction(function):
        return _generator(mode, function)
    if inspect.isasyncgenfunction(function):
        return _asynchronous_generator(mode, function)

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        with mode():
            return function(*args, **options)

    return called


def _coroutine(mode: Mode, function: Function) -> Function:
    @wraps(function)
    async def called(*args: Any, **options: Any) -> Any:
        with mode():
            return await function(*args, **options)

    return called


def _generator(mode: Mode, function: Function) -> Function:
    @wraps(function)
    def called(*args: Any, **options: Any) -> Generator[Any, Any, Any]:
        with mode():
            return (yield from function(*args, **options))

    return called


def _asynchronous_generator(mode: Mode, function: Function) -> Function:
    @wraps(function)
    async def called(*args: Any, **options: Any) -> AsyncIterator[Any]:
        with mode():
            made = function(*args, **options)
            try:
                async for item in made:
                    yield item
            finally:
                await made.aclose()

    return called
