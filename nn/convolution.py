"""Convolutions and pooling, for signals and small images.

An image is a list of channels, each a list of rows of numbers; a signal is a list of
channels, each a list of numbers. Names and layouts of parameters are torch's.

>>> model = Sequential(
...     Reshape(1, 8, 8),
...     Conv2d(1, 4, 3, seed=0),
...     "relu",
...     MaxPool2d(2),
...     Flatten(),
...     Layer(36, 10, None, seed=1),
... )
>>> len(model([0.0] * 64))
10
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, TypeVar, overload

from autograd.ops import maximum
from autograd.reductions import dot, mean
from autograd.value import Value
from nn.attention import vector
from nn.calls import values_in
from nn.hints import Hidden, Number
from nn.module import Layer as Layer
from nn.module import Module, generator, positive
from nn.module import Sequential as Sequential
from nn.shapes import channels_of, check_number

Kind = TypeVar("Kind", Value, float)
Signal = list[Any]
Image = list[Signal]


class Reshape(Module):
    """The numbers of a row in nested lists: a row of 64 as `Reshape(1, 8, 8)`.

    sizes: how many there are inside each other, as in numpy's reshape.

    >>> Reshape(1, 2, 2)([1, 2, 3, 4])
    [[[1, 2], [3, 4]]]
    """

    def __init__(self, *sizes: int) -> None:
        self.sizes = [positive(size, "a size") for size in sizes]

    def __call__(self, x: Any) -> list[Any]:
        """The numbers in their order, in lists of these sizes."""
        found, count = _numbers(x), math.prod(self.sizes)
        if len(found) != count:
            raise ValueError(f"this {self!r} takes {count} numbers, got {len(found)}")
        for size in reversed(self.sizes[1:]):
            found = [found[i : i + size] for i in range(0, len(found), size)]
        return found

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.sizes))})"


def _numbers(x: Any) -> list[Any]:
    found = list(values_in(x))
    if not found and not isinstance(x, (list, tuple)):
        check_number(x)
    return found


class Flatten(Module):
    """All numbers of nested lists in one row.

    >>> Flatten()([[[1, 2], [3, 4]]])
    [1, 2, 3, 4]
    """

    @overload
    def __call__(self, x: Sequence[Kind]) -> list[Kind]: ...
    @overload
    def __call__(self, x: Sequence[Sequence[Kind]]) -> list[Kind]: ...
    @overload
    def __call__(self, x: Sequence[Sequence[Sequence[Kind]]]) -> list[Kind]: ...
    def __call__(self, x: Any) -> list[Any]:
        """The numbers in their order."""
        return _numbers(x)

    def __repr__(self) -> str:
        return "Flatten()"


class Convolution(Module):
    """What convolutions have in common: a neuron that sees a part, at every place.

    channels, filters: of the input and of the output. kernel: the length of the part in
        each direction. stride: from place to place. padding: zeros around the input.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        seed: int | Random | None = None,
    ) -> None:
        self.channels = positive(channels, "channels")
        self.filters = positive(filters, "filters")
        self.kernel, self.stride = (
            positive(kernel, "kernel"),
            positive(stride, "stride"),
        )
        self.padding = padding and positive(padding, "padding that is not 0")
        self.bias = vector("b", filters)
        rng = generator(seed)
        bound = (6.0 / self._seen()) ** 0.5  # kaiming, for relu
        self._filters = [
            [
                Value(rng.uniform(-bound, bound), f"W[{i + 1},{j + 1}]")
                for j in range(self._seen())
            ]
            for i in range(filters)
        ]

    def _seen(self) -> int:
        """How many numbers a neuron sees."""
        raise NotImplementedError

    def members(self) -> Iterator[tuple[str, object]]:
        """`weight`, a kernel for each filter and channel, and `bias`."""
        yield "weight", [self._kernels(row) for row in self._filters]
        yield "bias", self.bias

    def _kernels(self, row: list[Value]) -> list[Any]:
        """The weights of a filter, channel by channel."""
        size = len(row) // self.channels
        return [row[i : i + size] for i in range(0, len(row), size)]

    def _fire(self, parts: list[list[Number]]) -> list[list[Any]]:
        """What each filter makes of each part."""
        pairs = list(zip(self._filters, self.bias, strict=True))
        return [[dot(w, part) + b for part in parts] for w, b in pairs]

    def __repr__(self) -> str:
        sizes = f"{self.channels}, {self.filters}, {self.kernel}"
        return f"{type(self).__name__}({sizes})"


class Conv1d(Convolution):
    """A neuron that sees `kernel` neighbors of every channel, moved along a signal.

    For channels of n numbers each filter gives (n + 2 padding - kernel) // stride + 1.

    >>> len(Conv1d(1, 2, 3, seed=0)([[1.0, 2.0, 3.0, 4.0]])[0])
    2
    """

    def __call__(self, x: Sequence[Sequence[Number]]) -> Hidden:
        """A list of numbers for each filter."""
        x = channels_of(x, self.channels, 2, self)
        padded = [_padded(channel, self.padding, 0.0) for channel in x]
        steps = places(len(padded[0]), self.kernel, self.stride)
        parts = [
            [number for channel in padded for number in channel[i : i + self.kernel]]
            for i in steps
        ]
        return self._fire(parts)

    def _seen(self) -> int:
        return self.channels * self.kernel


class Conv2d(Convolution):
    """A neuron that sees a square of every channel, moved over an image.

    An image of h x w numbers gives (h + 2 padding - kernel) // stride + 1 rows, and
    columns alike, for each filter.

    >>> image = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]
    >>> out = Conv2d(1, 2, 2, seed=0)(image)
    >>> len(out), len(out[0]), len(out[0][0])
    (2, 2, 2)
    """

    def __call__(self, x: Sequence[Sequence[Sequence[Number]]]) -> list[Hidden]:
        """A list of rows for each filter."""
        x = channels_of(x, self.channels, 3, self)
        padded = [_framed(channel, self.padding) for channel in x]
        parts = squares(padded, self.kernel, self.stride)
        width = len(places(len(padded[0][0]), self.kernel, self.stride))
        return [
            [row[i : i + width] for i in range(0, len(row), width)]
            for row in self._fire([list(values_in(part)) for part in parts])
        ]

    def _seen(self) -> int:
        return self.channels * self.kernel**2

    def _kernels(self, row: list[Value]) -> list[Any]:
        k = self.kernel
        return [
            [kernel[i : i + k] for i in range(0, k * k, k)]
            for kernel in super()._kernels(row)
        ]


def places(length: int, kernel: int, stride: int) -> range:
    """Where the parts begin. Raises ValueError where there is room for none."""
    if length < kernel:
        raise ValueError(f"a kernel of {kernel} does not fit into {length}")
    return range(0, length - kernel + 1, stride)


def squares(image: Sequence[Image], size: int, stride: int) -> list[list[Image]]:
    """The squares of an image, row by row, each with all channels."""
    rows, columns = len(image[0]), len(image[0][0])
    return [
        [[row[j : j + size] for row in channel[i : i + size]] for channel in image]
        for i in places(rows, size, stride)
        for j in places(columns, size, stride)
    ]


def _padded(items: Sequence[Any], count: int, filler: Any) -> list[Any]:
    return [*[filler] * count, *items, *[filler] * count]


def _framed(channel: Sequence[Sequence[Number]], count: int) -> Image:
    rows = [_padded(row, count, 0.0) for row in channel]
    return _padded(rows, count, [0.0] * len(rows[0]))


# ---- pooling -------------------------------------------------------------------------


class Pool(Module):
    """One number for each square of `size` x `size` in each channel, side by side."""

    def __init__(self, size: int) -> None:
        self.size = positive(size, "size")

    def __call__(self, x: Sequence[Sequence[Sequence[Kind]]]) -> list[list[list[Kind]]]:
        """A channel for each channel; rows and columns that fill no square are left."""
        return [self._channel(channel) for channel in channels_of(x, None, 3, self)]

    def _channel(self, channel: Image) -> Image:
        parts = squares([channel], self.size, self.size)
        pooled = [self._pooled(list(values_in(part))) for part in parts]
        width = len(channel[0]) // self.size
        return [pooled[i : i + width] for i in range(0, len(pooled), width)]

    def _pooled(self, numbers: list[Any]) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size})"


class MaxPool2d(Pool):
    """The largest number of each square.

    >>> MaxPool2d(2)([[[1.0, 2.0], [3.0, 4.0]]])
    [[[4.0]]]
    """

    def _pooled(self, numbers: list[Any]) -> Any:
        return maximum(*numbers) if len(numbers) > 1 else numbers[0]


class AvgPool2d(Pool):
    """The mean of each square.

    >>> AvgPool2d(2)([[[1.0, 2.0], [3.0, 4.0]]])
    [[[2.5]]]
    """

    def _pooled(self, numbers: list[Any]) -> Any:
        return mean(numbers)
