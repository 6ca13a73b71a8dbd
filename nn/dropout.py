"""Dropout: numbers left out at random while a network is trained.

`fit` draws what is left out as columns of its table, anew for each epoch, so that one
program, recorded once, serves every draw, and both engines compute the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar, cast

from autograd.modes import MODE
from autograd.numeric import is_number, number
from autograd.value import Value
from nn.hints import Array
from nn.module import Module, generator

Given = TypeVar("Given")
Source = Callable[[float], Any]
"""From the part that is left out, p, the next factor: 0, or 1 / (1 - p)."""

_SOURCE: ContextVar[Source | None] = ContextVar("dropout", default=None)
"""Where the factors of the model that runs come from; None for its own generators."""


class Dropout(Module):
    """Each number is 0 with probability p, in training, and otherwise x / (1 - p).

    After `eval()`, as after `fit` and `load`, and in `predict` it changes nothing.

    p: from 0 to less than 1. seed: for the draws of calls of one's own; those of `fit`
        follow from the seed and the epoch of the training.

    A call takes a Value, or (nested) lists of them. Srivastava et al. (2014).

    >>> layer = Dropout(0.5, seed=1)
    >>> layer([1.0, 1.0, 1.0, 1.0])
    [0.0, 2.0, 2.0, 0.0]
    >>> layer.eval()([1.0, 1.0])
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, seed: int | Random | None = None) -> None:
        if not is_number(p) or not 0 <= p < 1:
            raise ValueError(f"p, the part left out, is from 0 to below 1; got {p!r}")
        self.p = float(p)
        self.random = generator(seed)

    def __call__(self, x: Given) -> Given:
        """The numbers, some of them 0 in training."""
        source = _SOURCE.get()
        if not self.p or (source is None and not self.training):
            return x
        return cast("Given", _multiplied(x, lambda: (source or self._draw)(self.p)))

    def _draw(self, p: float) -> float:
        if MODE.guard is not None:
            from autograd.compiler import CompileError

            raise CompileError(
                "Dropout in training draws anew in each call, and a program would keep "
                "one draw for all; compile the model after model.eval(), or let fit "
                "train it, which draws for its programs"
            )
        return 0.0 if self.random.random() < p else 1.0 / (1.0 - p)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


def _multiplied(x: Any, factor: Callable[[], Any]) -> Any:
    if isinstance(x, Value) or is_number(x):
        return x * factor()
    if not isinstance(x, (list, tuple)) and not hasattr(x, "tolist"):
        number(x)  # says what it takes
    return [_multiplied(item, factor) for item in x]


@contextmanager
def drawn_from(source: Source) -> Iterator[None]:
    """Let the Dropouts that are called meanwhile take their factors from there."""
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)


def in_use() -> AbstractContextManager[None]:
    """Let the Dropouts that are called meanwhile leave nothing out."""
    return drawn_from(lambda p: 1.0)


def given() -> bool:
    """Whether factors are given at the moment, one for each place in its order."""
    return _SOURCE.get() is not None


class Masked(Module):
    """A model whose row has the factors of its Dropouts behind the inputs."""

    def __init__(self, model: Module, columns: int) -> None:
        self.model, self.columns = model, columns

    def __call__(self, x: Sequence[Any]) -> Any:
        """What the model returns for the inputs, with these factors."""
        factors = iter(x[self.columns :])
        with drawn_from(lambda p: next(factors)):
            return self.model(x[: self.columns])


@dataclass(frozen=True)
class Noise:
    """The factors of a model's Dropouts, as columns behind those of a table.

    X: the table. parts: the part left out, p, at each place of a call, in their order.
    """

    X: Array
    parts: tuple[float, ...]

    def none(self, X: Array) -> Array:
        """A table like it, with columns that leave nothing out."""
        import numpy as np

        if not self.parts:
            return X
        return np.hstack([X, np.ones((len(X), len(self.parts)))])

    def drawn(self, seed: int, epoch: int) -> Array:
        """The table with the columns of an epoch, which follow from the seed."""
        import numpy as np

        if not self.parts:
            return self.X
        # Far away from what shuffles the rows of the same epoch.
        counter = np.random.Philox(key=(seed % 2**64, epoch)).jumped()
        p = np.array(self.parts)
        draws = np.random.RandomState(counter).random_sample((len(self.X), len(p)))
        return np.hstack([self.X, np.where(draws < p, 0.0, 1.0 / (1.0 - p))])


def noise_of(model: Module, X: Array) -> Noise:
    """The places at which a call of the model leaves numbers out, tried on one row."""
    parts: list[float] = []

    def source(p: float) -> float:
        parts.append(p)
        return 1.0

    if any(isinstance(module, Dropout) for module in model.modules()):
        with drawn_from(source):
            model(X[0].tolist())
    return Noise(X, tuple(parts))
