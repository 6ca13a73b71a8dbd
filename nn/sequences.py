"""Sequences of tokens as a table that any engine can train on.

A row holds a sequence, padded with zeros to the length of the longest, then the tokens
to tell at its positions, then the weights of these in the loss, which are 0 for what is
padding. One program so serves every length, and padding changes no number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from autograd.numeric import is_number
from autograd.reductions import dot, logsumexp, mean, take
from autograd.value import Value, number_of
from autograd.wording import cut
from nn.data import split_rows
from nn.dropout import given
from nn.engine import Task
from nn.extras import require
from nn.hints import Array, Number
from nn.losses import cross_entropy
from nn.module import Module


@dataclass(frozen=True)
class Sequences:
    """Sequences of tokens and what is to be told of them; unpacks as `X, y`.

    X: N lists of tokens, whole numbers from 0. y: for each token of these the one to
    tell there, or None for nothing. length: to which they are padded at least.

    >>> X, y = Sequences([[0, 3, 1]], [[3, 1, 0]])
    >>> y
    [[3, 1, 0]]
    """

    X: Sequence[Sequence[int]]
    y: Sequence[Sequence[int | None]]
    length: int = 0

    def __post_init__(self) -> None:
        for one in (self.X, self.y):
            if not hasattr(one, "__len__"):
                raise TypeError(
                    "sequences are lists of tokens, as in Sequences([[0, 3, 1]], "
                    f"[[3, 1, 0]]); got {cut(repr(one))}"
                )
        if len(self.X) != len(self.y) or not len(self.X):
            raise ValueError(
                f"there are {len(self.X)} sequences and {len(self.y)} of what is to be "
                "told; give as many of both, and at least one"
            )
        for number, (tokens, wanted) in enumerate(zip(self.X, self.y, strict=True), 1):
            if len(tokens) != len(wanted) or not len(tokens):
                raise ValueError(
                    f"sequence {number} has {len(tokens)} tokens, and {len(wanted)} to "
                    "tell; every token needs one, or None"
                )
            if _are_whole(tokens) and _are_whole(wanted):
                continue
            for token in [*tokens, *(t for t in wanted if t is not None)]:
                if not is_number(token) or token < 0 or token % 1 != 0:
                    raise ValueError(
                        f"a token is a whole number from 0; sequence {number} has "
                        f"{token!r}"
                    )

    def __iter__(self) -> Iterator[Any]:
        yield self.X
        yield self.y

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        return f"Sequences: {len(self)}, with {self.tokens} tokens to tell"

    @property
    def tokens(self) -> int:
        """How many there are to tell."""
        return sum(len(wanted) - list(wanted).count(None) for wanted in self.y)

    @property
    def longest(self) -> int:
        """The length of the longest sequence, or that to which they are padded."""
        return max(self.length, *map(len, self.X))

    def rows(self, indices: Sequence[int]) -> Sequences:
        """These sequences alone, padded to the same length."""
        X, y = ([part[i] for i in indices] for part in self)
        return Sequences(X, y, self.longest)

    def split(self, part: float, seed: int) -> tuple[Sequences, Sequences]:
        """Sequences to train on, and a part of them, set aside."""
        if 0 < part < 1 and not 0 < round(len(self) * part) < len(self):
            raise ValueError(
                f"sequences: {len(self)} are too few to keep a part of {part} aside; "
                "give a text with more items, or a longer one"
            )
        labels = [i + 0.5 for i in range(len(self))]  # numbers, no classes
        inside, outside = split_rows(labels, part, seed, "test")
        return self.rows(inside), self.rows(outside)

    def table(self, length: int) -> Array:
        """A row for each: tokens, what to tell, and weights, `length` of each.

        The mean over the rows of the losses, each a sum over its tokens with these
        weights, is the loss per token.
        """
        require("numpy")
        import numpy as np

        numbers = chain.from_iterable(self.lines(length))
        table: Array = np.fromiter(numbers, float, 3 * length * len(self))
        return table.reshape(len(self), -1)

    def lines(self, length: int) -> Iterator[list[float]]:
        """The rows of `table`, as lists.

        >>> [*Sequences([[0, 3]], [[3, None]]).lines(3)]
        [[0, 3, 0, 3, 0, 0, 1.0, 0.0, 0.0]]
        """
        if not self.tokens:
            raise ValueError("there is no token to tell in any of the sequences")
        share = len(self) / self.tokens
        for tokens, wanted in zip(self.X, self.y, strict=True):
            rest = length - len(tokens)
            told: list[Any] = [*wanted]
            weights = [share] * len(told)
            if None in wanted:
                told = [t or 0 for t in wanted]
                weights = [share * (t is not None) for t in wanted]
            zeros = [0] * rest
            yield [*tokens, *zeros, *told, *zeros, *weights, *[0.0] * rest]


def _are_whole(tokens: Sequence[Any]) -> bool:
    """Whether they all are whole numbers from 0, plain ones, which is quickly seen."""
    return {*map(type, tokens)} == {int} and min(tokens) >= 0


class TokenLoss(Module):
    """A model of sequences as a model of such rows, which gives the loss of each."""

    def __init__(self, model: Module, length: int) -> None:
        self.model, self.length = model, length

    def __call__(self, x: Sequence[Any]) -> Any:
        """The sum of -log(probability) of the tokens to tell, with their weights."""
        n = self.length
        tokens, wanted, weights = x[:n], x[n : 2 * n], x[2 * n :]
        used = n if given() else _used(weights)
        logits = zip(self.model(tokens[:used]), wanted[:used], strict=True)
        return dot(weights[:used], [_surprise(row, t) for row, t in logits])


def _used(weights: Sequence[Number]) -> int:
    """How many positions count; all where the weights are not numbers yet."""
    for used in range(len(weights), 1, -1):
        weight = weights[used - 1]
        if isinstance(weight, Value) or weight != 0:
            return used
    return 1


def _surprise(row: Sequence[Any], token: Number) -> Any:
    """-log(softmax(row)[token])."""
    if isinstance(token, Value):
        return logsumexp(row) - take(row, token)
    return cross_entropy([row], [token])


def loss_per_token(predictions: Any, targets: object) -> Any:
    """The mean of what `TokenLoss` gave."""
    return mean(predictions)


# ---- for fit -------------------------------------------------------------------------


def sequences_of(model: Module, X: Any, y: Any) -> Sequences | None:
    """What `fit` was given as sequences; None where it is a table."""
    if isinstance(X, Sequences):
        return X
    X, y = _lists(X), _lists(y)
    if not (_is_tokens(X) and _is_tokens(y)):
        return None
    if len(X[0]) != len(y[0]) and len(set(map(len, X))) == 1:
        return None  # a table, and several targets for a row
    outs = model(X[0])
    several = isinstance(outs, (list, tuple)) and len(outs) == len(X[0])
    if not several or not all(isinstance(row, (list, tuple)) for row in outs):
        return None
    return Sequences(X, y)


def _sequences(given: Sequences | tuple[Any, Any]) -> Sequences:
    if isinstance(given, Sequences):
        return given
    if not isinstance(given, Sequence) or len(given) != 2:
        raise TypeError(
            "validation is a part such as 0.2, or sequences and what to tell of them, "
            f"(X, y); got {cut(repr(given))}"
        )
    return Sequences(*given)


def _lists(X: Any) -> Any:
    """A table of whole numbers as lists; anything else as it is."""
    whole = getattr(X, "ndim", 0) == 2 and X.dtype.kind in "iu"
    return X.tolist() if whole else X


def _is_tokens(X: Any) -> bool:
    """Whether the first of these is a list of tokens."""
    if not isinstance(X, (list, tuple)) or not X or not isinstance(X[0], (list, tuple)):
        return False
    return bool(X[0]) and all(t is None or type(t) is int for t in X[0])


def token_tasks(
    model: Module,
    loss: object,
    parameters: list[Value],
    data: Sequences,
    validation: float | Sequences | tuple[Any, Any] | None,
    seed: int,
) -> tuple[Task, Task | None]:
    """The task, and the same for the validation."""
    if loss not in ("auto", "cross_entropy", cross_entropy):
        raise ValueError(
            f"sequences are trained by the cross_entropy of their tokens; got {loss!r}"
        )
    inside, outside = data, None
    if isinstance(validation, (float, int)):
        inside, outside = data.split(validation, seed)
    elif validation is not None:
        outside = _sequences(validation)
    length = max(part.longest for part in (inside, outside) if part)
    inside, outside = _padded(inside, length), outside and _padded(outside, length)
    _check_forward(model, inside, length)
    reader = TokenLoss(model, length)
    task = token_task(reader, parameters, inside)
    return task, None if outside is None else token_task(reader, parameters, outside)


def _padded(data: Sequences, length: int) -> Sequences:
    return data if data.longest == length else replace(data, length=length)


def token_task(reader: Module, parameters: list[Value], data: Sequences) -> Task:
    """The task of sequences, whose table has the length that the reader takes."""
    import numpy as np

    X, y = data.table(data.longest), np.zeros(len(data))
    return Task(reader, loss_per_token, parameters, X, y, 1)


def _check_forward(model: Module, data: Sequences, length: int) -> None:
    """Padding may change nothing before it, so a model has to read forward."""
    _, short = min((len(tokens), list(tokens)) for tokens in data.X)
    if len(short) == length:
        return
    alone, padded = model(short), model(short + [0] * (length - len(short)))
    for one, other in zip(alone, padded, strict=False):
        for a, b in zip(one, other, strict=True):
            if abs(number_of(a) - number_of(b)) > 1e-9 * (1 + abs(number_of(a))):
                raise ValueError(
                    "the model's output at a position depends on positions after it, "
                    "so that shorter sequences can't be padded; use causal attention, "
                    "or sequences of one length"
                )
