"""Losses: one number for how wrong predictions are, the mean over samples.

Predictions are what a model returned: a list with one Value per sample, or with one
list of Values per sample. Targets are numbers in the same shape (for `cross_entropy`,
one class number per sample). A single prediction with a single target will do as well.

    >>> mse([Value(0.5), Value(2.0)], [1.0, 2.0]).data
    0.125
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from autograd.numeric import is_number
from autograd.ops import abs_, log, maximum, minimum, relu, softplus
from autograd.reductions import dot, logsumexp, mean
from autograd.value import Value, number_of
from autograd.wording import counted
from nn.arguments import with_names
from nn.hints import Floats, Number, Predictions, Values, Wanted

Loss = Callable[[Any, Any], Any]
"""A function of predictions and targets, each a list with an entry for each sample.

What the entries are, the model and the table tell; of Values it returns a Value.
"""

SMALLEST = math.exp(-100)
"""The probability below which a logarithm stays at -100, as in torch."""


# ---- how far off ---------------------------------------------------------------------


@overload
def mse(predictions: Values, targets: Wanted) -> Value: ...
@overload
def mse(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def mse(predictions: Predictions, targets: Wanted) -> Number:
    """The mean of (p - t)**2 over samples and outputs.

    >>> mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return _mean_over(_square, predictions, targets)


@overload
def mae(predictions: Values, targets: Wanted) -> Value: ...
@overload
def mae(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def mae(predictions: Predictions, targets: Wanted) -> Number:
    """The mean of |p - t| over samples and outputs; outliers weigh less than in mse.

    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return _mean_over(lambda p, t: abs_(p - t), predictions, targets)


@overload
def huber(predictions: Values, targets: Wanted, delta: float = 1.0) -> Value: ...
@overload
def huber(predictions: Floats, targets: Floats, delta: float = 1.0) -> float: ...
@with_names("loss")
def huber(predictions: Predictions, targets: Wanted, delta: float = 1.0) -> Number:
    """(p - t)**2 / 2 up to a distance of delta, from there on a straight line.

    >>> huber([1.0, 2.0], [1.5, 4.0])
    0.8125
    """
    if not delta > 0:
        raise ValueError(f"delta is a distance above 0; got {delta!r}")
    return _mean_over(lambda p, t: _huber(p, t, delta), predictions, targets)


def _square(p: Number, t: Number) -> Number:
    error = p - t
    return error * error


def _huber(p: Number, t: Number, delta: float) -> Any:
    # No branch on the numbers, so that a recorded graph holds for other samples too.
    distance = abs_(p - t)
    near = minimum(distance, delta)
    return near * (distance - 0.5 * near)


# ---- which of two classes ------------------------------------------------------------


@overload
def hinge(predictions: Values, targets: Wanted) -> Value: ...
@overload
def hinge(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def hinge(predictions: Predictions, targets: Wanted) -> Number:
    """The mean of max(0, 1 - t*p), for targets of -1 and 1.

    >>> hinge([0.5, -3.0], [1, -1])
    0.25
    """
    return _mean_over(_hinge, predictions, targets)


@overload
def binary_cross_entropy(predictions: Values, targets: Wanted) -> Value: ...
@overload
def binary_cross_entropy(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def binary_cross_entropy(predictions: Predictions, targets: Wanted) -> Number:
    """The mean of -t*log(p) - (1 - t)*log(1 - p), p and t between 0 and 1.

    As in torch, no logarithm is below -100: a prediction of exactly 0 or 1 that is
    wrong costs 100, with the slope 0. A network that ends in a sigmoid gets there; let
    it end without one and use `binary_cross_entropy_with_logits`, which learns on.

    >>> binary_cross_entropy([0.5, 1.0], [1, 1])
    0.34657359027997264
    """
    return _mean_over(_binary_cross_entropy, predictions, targets)


@overload
def binary_cross_entropy_with_logits(predictions: Values, targets: Wanted) -> Value: ...
@overload
def binary_cross_entropy_with_logits(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def binary_cross_entropy_with_logits(
    predictions: Predictions, targets: Wanted
) -> Number:
    """`binary_cross_entropy` of sigmoid(p), exact for a logit p of any size.

    >>> binary_cross_entropy_with_logits([0.0, 1000.0], [1, 1])
    0.34657359027997264
    """
    return _mean_over(_with_logits, predictions, targets)


def _hinge(p: Number, t: Number) -> Any:
    if not isinstance(t, Value) and t not in (-1, 1):
        raise ValueError(f"hinge needs targets of -1 and 1, got {t!r}")
    return relu(1 - t * p)


def _binary_cross_entropy(p: Number, t: Number) -> Number:
    _check_probability(t)
    if number_of(p) < 0 or number_of(p) > 1:
        raise ValueError(
            f"binary_cross_entropy needs predictions between 0 and 1, got "
            f"{number_of(p)!r}; end the network with output_activation='sigmoid', or "
            "use binary_cross_entropy_with_logits"
        )
    return _weighted(t, lambda: -_safe_log(p), lambda: -_safe_log(1 - p))


def _with_logits(p: Number, t: Number) -> Number:
    _check_probability(t)
    return _weighted(t, lambda: softplus(-p), lambda: softplus(p))


def _weighted(
    t: Number, one: Callable[[], Number], zero: Callable[[], Number]
) -> Number:
    """t * one + (1 - t) * zero, without the part whose factor is the number 0."""
    if not isinstance(t, Value):
        if t == 1:
            return one()
        if t == 0:
            return zero()
    return t * one() + (1 - t) * zero()


def _safe_log(p: Number) -> Any:
    return log(maximum(p, SMALLEST))


def _check_probability(t: Number) -> None:
    if not isinstance(t, Value) and not 0 <= t <= 1:
        raise ValueError(
            f"binary cross-entropy needs targets between 0 and 1 (0 and 1 for two "
            f"classes), got {t!r}"
        )


# ---- which of many classes -----------------------------------------------------------


@overload
def cross_entropy(predictions: Values, targets: Wanted) -> Value: ...
@overload
def cross_entropy(predictions: Floats, targets: Floats) -> float: ...
@with_names("loss")
def cross_entropy(predictions: Predictions, targets: Wanted) -> Number:
    """The mean of -log(softmax(row)[t]), exact for logits of any size.

    predictions: one list of logits per sample, as long as there are classes.
    targets: one class number per sample, counted from 0; or one list of probabilities
        per sample (1 for the class and 0 elsewhere, for example).

    >>> cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [1, 0])
    0.34657359027997264
    """
    rows, wanted = _list(predictions), _plain(targets)
    if rows and not isinstance(rows[0], (list, tuple)):
        rows, wanted = [rows], [wanted]  # one sample
    _check_lengths(rows, wanted)
    return _mean([_cross_entropy(row, t) for row, t in zip(rows, wanted, strict=True)])


def _cross_entropy(row: Sequence[Number], t: Any) -> Any:
    row = _near_0(row)
    if isinstance(t, (list, tuple)):
        _check_lengths(row, t)
        total = logsumexp(row)
        return dot(t, [total - z for z in row])
    right, others = _split(row, t)
    # log(1 + sum of e**(z - right)): keeps its digits where the sum is near 0.
    return softplus(logsumexp(others) - right)


LARGE = 64.0


def _near_0(row: Sequence[Number]) -> Sequence[Number]:
    """The logits, all less the largest where that is so large that sums would round.

    Whatever is taken from all of them, the loss is the same, and differences of large
    numbers are exact where it matters, near a tie. A logit of nan may be a stand-in for
    any number.
    """
    numbers = [number_of(z) for z in row]
    if len(row) > 1 and any(map(math.isnan, numbers)):
        largest: Number = maximum(*row)
    elif LARGE < abs(max(numbers, default=0.0)) < math.inf:
        largest = max(numbers)
    else:
        return row
    return [z - largest for z in row]


def _split(row: Sequence[Number], t: Any) -> tuple[Number, list[Number]]:
    """The logit of class t, and those of the others."""
    if len(row) < 2:
        raise ValueError(
            "cross_entropy needs one logit for each class, at least two; for one "
            "logit use binary_cross_entropy_with_logits"
        )
    if not is_number(t) or t != int(t) or not 0 <= t < len(row):
        raise ValueError(
            f"a class is a whole number from 0 to {len(row) - 1} here, got {t!r}"
        )
    index = int(t)
    return row[index], [z for k, z in enumerate(row) if k != index]


# ---- over all samples ----------------------------------------------------------------


def _mean_over(
    each: Callable[[Number, Number], Number], predictions: Predictions, targets: Wanted
) -> Number:
    ps, ts = _flat(_list(predictions)), _flat(_list(_plain(targets)))
    _check_numbers(ts)
    _check_lengths(ps, ts)
    return _mean([each(p, t) for p, t in zip(ps, ts, strict=True)])


def _mean(losses: list[Number]) -> Number:
    if not losses:
        raise ValueError("a loss of no samples is not defined; pass at least one")
    return losses[0] if len(losses) == 1 else mean(losses)


# What is in nested lists no type tells; the losses tell what is wrong with it.


def _plain(x: object) -> Any:
    return x.tolist() if hasattr(x, "tolist") else x


def _list(x: object) -> list[Any]:
    x = _plain(x)
    return list(x) if isinstance(x, Iterable) and not isinstance(x, str) else [x]


def _flat(items: Iterable[object]) -> list[Any]:
    """The items of all rows, where there are rows."""
    items = list(items)
    if set(map(type, items)) <= {float}:  # told at a glance, also of a million
        return items
    return [z for item in items for z in (_list(item) if _is_row(item) else [item])]


def _is_row(item: object) -> bool:
    return isinstance(item, (list, tuple)) or bool(getattr(item, "shape", ()))


def _check_numbers(targets: Sequence[object]) -> None:
    if {str, type(None)}.isdisjoint(map(type, targets)):
        return
    wrong = next(t for t in targets if t is None or isinstance(t, str))
    raise TypeError(
        f"a target of this loss is a number, got {wrong!r}: classes are numbered, "
        "0 and 1, or with cross_entropy 0, 1, 2 ..."
    )


def _check_lengths(predictions: Sequence[object], targets: object) -> None:
    count = len(targets) if isinstance(targets, (list, tuple)) else 1
    if len(predictions) != count:
        classes = "; of outputs that are one per class, the loss is cross_entropy"
        many = len(predictions) > count > 0 == len(predictions) % count
        raise ValueError(
            "every prediction needs its target: got "
            f"{counted(len(predictions), 'prediction')} and "
            f"{counted(count, 'target')}" + classes * many
        )


_EVERY: tuple[Loss, ...] = (
    mse,
    mae,
    huber,
    hinge,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
)
LOSSES: Mapping[str, Loss] = {loss.__name__: loss for loss in _EVERY}
"""The losses by name."""
