"""Random numbers that a function draws, by what they leave: another state.

A program keeps what was drawn while it was recorded, so a recording has to be without.
Two recordings may be equal by luck, where a layer drops one value in twenty; but a
generator from which something was drawn is never as it was.
"""

from __future__ import annotations

import gc
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from autograd.source import in_library, is_ours
from autograd.value import Value

ATOMS = (float, int, str, bytes, type(None), Value, ModuleType)
"""What holds no generator. (A module does; but it is asked for by name.)"""


class Draws:
    """The random generators that a function may draw from, and their states by now."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._generators = [*_everybodys(), *_held(function)]
        self._states = [_state(generator) for _, generator in self._generators]

    def source(self) -> str:
        """The first generator that something was drawn from since; or nothing."""
        for (name, generator), state in zip(
            self._generators, self._states, strict=True
        ):
            if _state(generator) != state:
                return name
        return ""


def _state(generator: Any) -> object:
    """What decides the next draws; where it can't be read, never the same again."""
    try:
        return pickle.dumps(generator)
    except Exception:  # SystemRandom has no state, and a subclass may be anything
        return object()


def _everybodys() -> Iterator[tuple[str, Any]]:
    """The generators behind the functions of `random` and of `numpy.random`."""
    yield "Python's random", random.random.__self__  # type: ignore[attr-defined]
    if "numpy.random" in sys.modules:
        yield "numpy.random", sys.modules["numpy.random"].rand.__self__


def _held(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The generators that a function reaches: by closures, attributes and names.

    Of functions in libraries and in these packages, the names are not looked up.
    """
    kinds = _kinds()
    stack: list[Any] = [function]
    seen: set[int] = set()
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, ATOMS):
            continue
        seen.add(id(thing))
        if isinstance(thing, kinds):
            yield f"a {type(thing).__name__}", thing
        elif isinstance(thing, FunctionType):
            stack += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
            stack += [vars(thing), *_named(thing)]
        elif not (isinstance(thing, type) and _foreign(thing)):
            held = gc.get_referents(thing)
            stack += [x for x in held if type(x) is not Value]  # of many, most are


def _kinds() -> tuple[type, ...]:
    kinds: tuple[type, ...] = (random.Random,)
    if "numpy.random" in sys.modules:
        made = sys.modules["numpy.random"]
        kinds += (made.Generator, made.RandomState, made.BitGenerator)
    return kinds


def _named(function: FunctionType) -> Iterator[Any]:
    """What a function calls by name in its module, and in modules named there."""
    path = function.__code__.co_filename
    if is_ours(path) or in_library(path):
        return
    names = set(_names(function.__code__))
    found = [function.__globals__[name] for name in names & set(function.__globals__)]
    yield from found
    for module in found:
        if isinstance(module, ModuleType):
            yield from [vars(module)[name] for name in names & set(vars(module))]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # a function or a comprehension inside
            yield from _names(constant)


def _foreign(kind: type) -> bool:
    """Whether a class is of Python's own, of a library, or of these packages."""
    module = sys.modules.get(kind.__module__)
    path = getattr(module, "__file__", None)
    return path is None or is_ours(path) or in_library(path)
