"""Transformers: what tokens mean, where they stand, and what each looks at.

A token is a whole number, counted from 0; a sequence is a list of tokens, or of rows of
numbers, one for each position. Names and layouts of parameters are torch's, where torch
has the same module: a `Block` is its `TransformerEncoderLayer` with `norm_first=True`.

>>> model = GPT(tokens=5, width=4, heads=2, layers=1, context=3, seed=0)
>>> logits = model([2, 0, 1])
>>> len(logits), len(logits[0])
(3, 5)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import Any, overload

from autograd.numeric import is_number
from autograd.ops import sqrt
from autograd.reductions import dot, mean, softmax, take
from autograd.value import Value
from autograd.wording import counted, cut
from nn.calls import applied
from nn.dropout import Dropout
from nn.hints import Activation, ArrayLike, Hidden, Number
from nn.module import Layer, Module, generator, positive, xavier
from nn.optim import from_zero
from nn.shapes import plain, rows_of, sizes_of, tokens_of

Rows = list[list[Any]]
"""A row of numbers, or of Values, for each position."""


class Embedding(Module):
    """A row of numbers to learn for each token: `weight[token]`.

    tokens: how many there are. width: the length of a row. seed: for the first weights.
    deviation: how far these are spread around 0.

    A call takes a token, or a list of them, and returns its row, or a list of rows. A
    token may be a Value, as in a program that serves every token.

    >>> embedding = Embedding(3, 2, seed=0)
    >>> embedding(1) == embedding.weight[1]
    True
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        *,
        seed: int | Random | None = None,
        deviation: float = 1.0,
    ) -> None:
        self.tokens, self.width = positive(tokens, "tokens"), positive(width, "width")
        rng = generator(seed)
        self.weight = matrix("E", tokens, width, lambda: rng.gauss(0.0, deviation))

    @overload
    def __call__(self, x: Number) -> list[Value]: ...
    @overload
    def __call__(self, x: Sequence[Number] | ArrayLike) -> Hidden: ...
    def __call__(self, x: Any) -> list[Any]:
        """The row of a token; of each token in a list."""
        if isinstance(x, Value):
            return [take(column, x) for column in zip(*self.weight, strict=True)]
        if is_number(x):
            return self.weight[self._index(x)]
        if not hasattr(x, "__iter__") or isinstance(x, (str, bytes)):
            self._index(x)
        return [self(token) for token in x]

    def _index(self, token: Any) -> int:
        if not is_number(token):
            raise TypeError(
                f"a token is a whole number from 0 to {self.tokens - 1} here, got "
                f"{cut(repr(token))}; nn.tokens makes tokens of a text"
            )
        if not 0 <= token < self.tokens or token != int(token):
            raise ValueError(
                f"a token is a whole number from 0 to {self.tokens - 1} here, got "
                f"{token!r}"
            )
        return int(token)

    def __repr__(self) -> str:
        return f"Embedding({self.tokens}, {self.width})"


def matrix(
    label: str, rows: int, columns: int, draw: Callable[[], float]
) -> list[list[Value]]:
    """Parameters labeled `E[1,1]`, `E[1,2]` and so on, drawn row by row."""
    return [
        [Value(draw(), f"{label}[{i + 1},{j + 1}]") for j in range(columns)]
        for i in range(rows)
    ]


def vector(label: str, count: int, data: float = 0.0) -> list[Value]:
    """Parameters labeled `b[1]`, `b[2]` and so on."""
    return [Value(data, f"{label}[{i + 1}]") for i in range(count)]


# ---- norms ---------------------------------------------------------------------------


class _Norm(Module):
    """What brings a row, or each of a list of rows, to one size; then scales it."""

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        self.width, self.eps = positive(width, "width"), from_zero(eps, "eps")
        self.weight = vector("g", width, 1.0)

    @overload
    def __call__(self, x: Sequence[Number]) -> list[Value]: ...
    @overload
    def __call__(self, x: Sequence[Sequence[Number]]) -> Hidden: ...
    @overload
    def __call__(self, x: ArrayLike) -> list[Any]: ...
    def __call__(self, x: Any) -> list[Any]:
        """The row, or each of the rows, in the new size."""
        x = plain(x)
        if len(sizes_of(x)) == 1 and len(x) == self.width:
            return self._scaled(x)
        return [self._scaled(row) for row in rows_of(x, self.width, self)]

    def _scaled(self, x: Sequence[Number]) -> list[Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.width})"


class RMSNorm(_Norm):
    """weight * x / sqrt(mean(x**2) + eps): a row of length 1 per number, then scaled.

    width: the length of a row. A call takes a row, or a list of rows.

    Zhang and Sennrich (2019).

    >>> [round(y.data, 3) for y in RMSNorm(2)([3.0, 4.0])]
    [0.849, 1.131]
    """

    def _scaled(self, x: Sequence[Number]) -> list[Any]:
        scale = 1.0 / sqrt(dot(x, x) / self.width + self.eps)
        return [g * (a * scale) for g, a in zip(self.weight, x, strict=True)]


class LayerNorm(_Norm):
    """weight * (x - mean) / sqrt(variance + eps) + bias, mean and variance the row's.

    width: the length of a row. A call takes a row, or a list of rows.

    Ba, Kiros and Hinton (2016).

    >>> [round(y.data, 3) for y in LayerNorm(2)([3.0, 4.0])]
    [-1.0, 1.0]
    """

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        super().__init__(width, eps=eps)
        self.bias = vector("b", width)

    def _scaled(self, x: Sequence[Number]) -> list[Any]:
        middle = mean(x)
        away = [a - middle for a in x]
        scale = 1.0 / sqrt(dot(away, away) / self.width + self.eps)
        parts = zip(self.weight, away, self.bias, strict=True)
        return [g * (d * scale) + b for g, d, b in parts]


# ---- attention -----------------------------------------------------------------------


class SelfAttention(Module):
    """Each position sums up what it finds at others, weighted by how well they fit it.

    width: the length of a row. heads: how many weightings, each of its own part of the
        row; they divide the width. causal: whether a position sees only itself and
        those before it. dropout: the part of the weights left out in training.

    In a head, with query q, key k and value v linear in a row x, position t gives

        sum over s of softmax over s of (q[t] . k[s] / sqrt(len(q))) * v[s]

    Parameters are those of torch's `MultiheadAttention`: `in_proj_weight` has the rows
    of q, k and v one below the other, heads side by side in each.

    Vaswani et al. (2017).

    >>> attention = SelfAttention(4, heads=2, seed=0)
    >>> y = attention([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    >>> len(y), len(y[0])
    (2, 4)
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        *,
        causal: bool = True,
        dropout: float = 0.0,
        seed: int | Random | None = None,
    ) -> None:
        self.width, self.heads = positive(width, "width"), positive(heads, "heads")
        if width % heads:
            fit = [str(n) for n in range(1, width + 1) if width % n == 0]
            raise ValueError(
                f"heads has to divide the width: {heads} do not divide {width}, but "
                f"{', '.join(fit[:8])} do"
            )
        self.causal, rng = bool(causal), generator(seed)
        draw = lambda: xavier(rng, width, 3 * width)  # noqa: E731
        self.in_proj_weight = [
            row for name in "QKV" for row in matrix(name, width, width, draw)
        ]
        self.in_proj_bias = [b for name in "qkv" for b in vector("b" + name, width)]
        self.out_proj = Layer(width, width, None, seed=rng)
        self.dropout = Dropout(dropout, seed=rng)

    def __call__(self, x: Rows) -> Hidden:
        """For a list of rows as many rows, made of those that each may see."""
        heads = [
            applied("", weighted_values, (self.dropout(weights), values))
            for weights, values in self._heads(x)
        ]
        joined = [list(chain(*parts)) for parts in zip(*heads, strict=True)]
        return fired(self.out_proj, joined)

    def weights(self, x: Rows) -> list[Rows]:
        """What each head looks at: for each position how much at which.

        Of each head a row per position, its sum 1; where it is causal, row t has t + 1
        numbers.
        """
        return [weights for weights, _ in self._heads(x)]

    def _heads(self, x: Rows) -> Iterator[tuple[Rows, Rows]]:
        """Of each head the weights, and the values that are to be weighted."""
        size, x = self.width // self.heads, rows_of(x, self.width, self)
        parts = self.queries, self.keys, self.values
        projected: list[Rows] = [applied("", part, x) for part in parts]
        for start in range(0, self.width, size):
            q, k, v = (
                [row[start : start + size] for row in part] for part in projected
            )
            yield applied("", softmax_rows, applied("", self.scores, (q, k))), v

    def queries(self, x: Rows) -> Rows:
        """What each position looks for, of all heads, one after another."""
        return self._projected(x, 0)

    def keys(self, x: Rows) -> Rows:
        """What each position is, of all heads, one after another."""
        return self._projected(x, self.width)

    def values(self, x: Rows) -> Rows:
        """What each position has to say, of all heads, one after another."""
        return self._projected(x, 2 * self.width)

    def _projected(self, x: Rows, first: int) -> Rows:
        """Each row by so many rows of the projection, from this one on."""
        part = slice(first, first + self.width)
        lines = list(
            zip(self.in_proj_weight[part], self.in_proj_bias[part], strict=True)
        )
        return [[dot(w, row) + b for w, b in lines] for row in x]

    def scores(self, rows: tuple[Rows, Rows]) -> Rows:
        """How well each position's query fits the keys of those that it sees."""
        queries, keys = rows
        scale = len(queries[0]) ** -0.5
        return [
            [dot(q, k) * scale for k in keys[: self._seen(t, len(keys))]]
            for t, q in enumerate(queries)
        ]

    def _seen(self, position: int, count: int) -> int:
        return position + 1 if self.causal else count

    def __repr__(self) -> str:
        return f"SelfAttention({self.width}, {counted(self.heads, 'head')})"


def softmax_rows(scores: Rows) -> Rows:
    """How much each position looks at each of those that it sees: softmax."""
    return [softmax(row) for row in scores]


def weighted_values(rows: tuple[Rows, Rows]) -> Rows:
    """For each row of weights the sum of so many of the values, weighted with them."""
    weights, values = rows
    return [
        [dot(row, column) for column in zip(*values[: len(row)], strict=True)]
        for row in weights
    ]


def fired(layer: Layer, rows: Rows) -> Rows:
    """The layer's outputs for each row, also those of one neuron as a list."""
    outs = [layer(row) for row in rows]
    return [out if isinstance(out, list) else [out] for out in outs]


class Block(Module):
    """x + attention(norm(x)), then x + a layer of neurons there and back of norm(x).

    width, heads, causal: see `SelfAttention`. activation: of the neurons, of which
        there are four times the width. dropout: the part of what is added, and of the
        weights of attention, left out in training.

    Parameters are those of torch's `TransformerEncoderLayer` with `norm_first=True`.

    >>> block = Block(4, heads=2, seed=0)
    >>> [name for name in block.state_dict() if "weight" in name]  # doctest: +ELLIPSIS
    ['norm1.weight', 'self_attn.in_proj_weight', ..., 'linear2.weight']
    """

    def __init__(
        self,
        width: int,
        heads: int = 1,
        *,
        activation: str | Activation | None = "gelu",
        causal: bool = True,
        dropout: float = 0.0,
        seed: int | Random | None = None,
    ) -> None:
        rng = generator(seed)
        self.norm1 = LayerNorm(width)
        self.self_attn = SelfAttention(
            width, heads, causal=causal, dropout=dropout, seed=rng
        )
        self.dropout1 = Dropout(dropout, seed=rng)
        self.norm2 = LayerNorm(width)
        self.linear1 = Layer(width, 4 * width, activation, seed=rng)
        self.dropout = Dropout(dropout, seed=rng)
        self.linear2 = Layer(4 * width, width, None, seed=rng)
        self.dropout2 = Dropout(dropout, seed=rng)

    def __call__(self, x: Rows) -> Hidden:
        """For a list of rows as many rows."""
        x = rows_of(x, self.norm1.width, self)
        x = _sums(x, self.dropout1(self.self_attn(self.norm1(x))))
        inner = self.dropout(fired(self.linear1, self.norm2(x)))
        return _sums(x, self.dropout2(fired(self.linear2, inner)))

    def __repr__(self) -> str:
        return f"Block({self.norm1.width}, {counted(self.self_attn.heads, 'head')})"


def _sums(xs: Rows, ys: Rows) -> Rows:
    return [
        [a + b for a, b in zip(x, y, strict=True)] for x, y in zip(xs, ys, strict=True)
    ]


# ---- the whole -----------------------------------------------------------------------


class GPT(Module):
    """A transformer that tells, at each position of a text, which token comes next.

    tokens: how many there are. width: numbers for each position. heads, layers: of the
        attention, and how many blocks. context: the longest sequence. seed: for the
        first weights. dropout: see `Block`. tied: whether the rows of `head.weight`,
        which score the tokens, are those of `token.weight`, which say what they mean.

    A call takes a list of tokens and returns a list of logits, one per token that there
    is, for each position; it depends on the tokens up to there alone.

    Radford et al. (2019), GPT-2.

    >>> model = GPT(tokens=27, width=16, heads=4, layers=1, context=16, seed=0)
    >>> model
    GPT of 1 x Block(16, 4 heads) (4459 parameters)
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        heads: int,
        layers: int,
        context: int,
        seed: int | Random | None = None,
        *,
        dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        rng = generator(seed)
        positive(context, "context")
        self.token = Embedding(tokens, width, seed=rng, deviation=0.1)
        self.position = Embedding(context, width, seed=rng, deviation=0.1)
        self.dropout = Dropout(dropout, seed=rng)
        self.blocks = [
            Block(width, heads, dropout=dropout, seed=rng)
            for _ in range(positive(layers, "layers"))
        ]
        self.norm = LayerNorm(width)
        self.head = Layer(width, tokens, None, seed=rng)
        if tied:
            for neuron, row in zip(self.head.neurons, self.token.weight, strict=True):
                neuron.w = row

    @property
    def context(self) -> int:
        """The longest sequence."""
        return self.position.tokens

    def __call__(self, x: Sequence[Number]) -> Hidden:
        """A list of logits for each token of a sequence."""
        *_, rows = self._rows(x)
        return fired(self.head, self.norm(rows))

    def attention(self, x: Sequence[Number]) -> list[list[Rows]]:
        """What each head of each block looks at; see `SelfAttention.weights`."""
        stages = zip(self.blocks, self._rows(x), strict=False)
        return [block.self_attn.weights(block.norm1(rows)) for block, rows in stages]

    def _rows(self, x: Sequence[Number]) -> Iterator[Rows]:
        """A row for each position: as the first block takes it, and after each."""
        x = tokens_of(x, self.token.tokens, self)
        if not 0 < len(x) <= self.context:
            raise ValueError(
                f"this GPT takes 1 to {self.context} tokens, its context; got {len(x)}"
            )
        rows = _sums(self.token(x), self.position(range(len(x))))
        yield (rows := self.dropout(rows))
        for block in self.blocks:
            yield (rows := block(rows))

    def __repr__(self) -> str:
        return f"GPT of {len(self.blocks)} x {self.blocks[0]!r} ({self._count()})"
