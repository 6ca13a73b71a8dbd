"""The types that nn's signatures are written in.

`Any` is left for what no type can tell: the parameter of a function that a user hands
over, and what is inside nested lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, TypedDict

from autograd.value import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"
"""Numbers in NumPy, which is imported only where it is used."""

Integers: TypeAlias = "NDArray[np.int_]"
"""The same for whole numbers: classes, and rows of a table."""

Indices: TypeAlias = "Sequence[int] | Integers"
"""Which rows of a table, in their order; a range where it is that of the table."""

Number: TypeAlias = Value | float
"""What is computed with: a Value is recorded, a float is not."""


class ArrayLike(Protocol):
    """What NumPy can read: its own arrays, a pandas table, a torch tensor."""

    def __array__(self) -> NDArray[np.generic]: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


Row: TypeAlias = Number | Sequence[Number] | ArrayLike
"""What a network takes in one call; one input needs no brackets."""

Rows: TypeAlias = Sequence[Sequence[float] | ArrayLike] | ArrayLike
"""A table of inputs, N rows of I numbers."""

Label: TypeAlias = str | int
"""What a class is called."""

Target: TypeAlias = Label | float
"""What one row is to give: a class, or a number to come close to."""

Targets: TypeAlias = Sequence[Target] | Sequence[Sequence[float]] | ArrayLike
"""A target for each row, or a row of numbers where there are several outputs."""

Values: TypeAlias = Value | Sequence[Value] | Sequence[Sequence[Value]]
"""What a loss judges: a Value, or a row of them, for each sample; or one alone."""

Floats: TypeAlias = float | Sequence[float] | Sequence[Sequence[float]] | ArrayLike
"""The same in plain numbers."""

Predictions: TypeAlias = Values | Floats
"""Either of them."""

Wanted: TypeAlias = Row | Sequence[Sequence[Number]]
"""What they should have been, in the same shape."""

Tensor: TypeAlias = Value | list["Tensor"]
"""One Value, or (nested) lists of them: what one name in a state dict stands for."""

Numbers: TypeAlias = float | list["Numbers"]
"""The same shape, filled with floats."""

if TYPE_CHECKING:

    class Output(Value, list[Value]):  # type: ignore[misc]
        """See below."""

else:
    Output = Any
"""What a network returns: a Value or, where it has several outputs, a list of them.

Which one, its sizes tell and not its type. So that nobody has to ask for it, a type
checker takes it for both: it knows `model(x).data` and `model(x)[0].data`.
"""

Hidden: TypeAlias = list[list[Value]]
"""A row for each position: what a module of sequences returns."""

Stage: TypeAlias = Callable[[Any], Any]
"""A part of a network: what it takes is what the part before it returns."""

Activation: TypeAlias = Callable[[Value], Value]
"""What a neuron applies to its weighted sum."""


class OptimizerState(TypedDict):
    """What an optimizer remembers: its steps, and numbers for each parameter."""

    steps: int
    memory: dict[str, list[float]]


class TrainingState(TypedDict):
    """What a training needs to go on.

    best: a loss, its epoch, and the numbers then. arguments: what the training was
    called with, as far as it decides the result; each in words.
    """

    seed: int
    epoch: int
    numbers: list[float] | None
    optimizer: OptimizerState
    history: dict[str, list[float]]
    best: tuple[float, int, list[float]] | None
    arguments: dict[str, str]


class Operand(Protocol):
    """What an optimizer's rule computes with: an array of all parameters, or a Value.

    The other operand is one of the same, or a float.
    """

    def __add__(self, other: Any, /) -> Self: ...
    def __radd__(self, other: Any, /) -> Self: ...
    def __sub__(self, other: Any, /) -> Self: ...
    def __rsub__(self, other: Any, /) -> Self: ...
    def __mul__(self, other: Any, /) -> Self: ...
    def __rmul__(self, other: Any, /) -> Self: ...
    def __truediv__(self, other: Any, /) -> Self: ...
    def __rtruediv__(self, other: Any, /) -> Self: ...
    def __pow__(self, other: Any, /) -> Self: ...
    def __rpow__(self, other: Any, /) -> Self: ...
    def __neg__(self) -> Self: ...
