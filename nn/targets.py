"""From the labels a user has to the numbers a loss wants, and back to labels."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from autograd.source import users_level
from autograd.value import Value
from autograd.wording import counted
from nn.arguments import unknown
from nn.hints import Array, Integers, Label, Target, Targets
from nn.losses import LOSSES, Loss

BINARY = ("hinge", "binary_cross_entropy", "binary_cross_entropy_with_logits")


@dataclass(frozen=True)
class Labels:
    """How outputs are read as classes.

    classes: the labels, in the order of the model's outputs; for a single output the
        second of two is the one that a large output means.
    threshold: for a single output, where the second class begins.
    """

    classes: tuple[Label, ...]
    threshold: float = 0.0

    def decide(self, outputs: Array) -> Integers:
        """The index of the class for each row of outputs, of shape (N,).

        outputs: of shape (N, K), or (N,) for a single one, as `predict` gives them.
        """
        outputs = outputs.reshape(len(outputs), -1)
        if outputs.shape[1] == 1:
            return (outputs[:, 0] > self.threshold).astype(int)
        found: Integers = outputs.argmax(axis=1)
        return found

    def name(self, outputs: Array) -> list[Label]:
        """The label for each row of outputs."""
        return [self.classes[index] for index in self.decide(outputs).tolist()]

    def probabilities(self, outputs: Array) -> Array:
        """How likely each class is, of shape (N, classes).

        outputs: of shape (N, K), or (N,) for a single one. The softmax of several; of a
        single one, z, the shares 1 - p and p with p = sigmoid(z), or p = z where a
        sigmoid is in the model.
        """
        import numpy as np

        outputs = outputs.reshape(len(outputs), -1)
        if outputs.shape[1] == 1:
            z = np.clip(outputs, -700, 700)
            p = outputs if self.threshold else 1 / (1 + np.exp(-z))
            return np.concatenate([1 - p, p], axis=1)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def index(self, y: Targets) -> Integers:
        """The index of each label. Raises ValueError for a label not among them."""
        import numpy as np

        position: dict[object, int] = {label: i for i, label in enumerate(self.classes)}
        found = [position.get(label, -1) for label in plain(y)]
        if -1 in found:
            strange = plain(y)[found.index(-1)]
            known = ", ".join(map(repr, self.classes[:10]))
            raise ValueError(f"the label {strange!r} is not among the classes {known}")
        return np.array(found, dtype=int)


def plain(y: Targets) -> list[Target]:
    """Labels as Python's own numbers and texts; 2.0 becomes 2 where all are whole."""
    items: list[Any] = y.tolist() if hasattr(y, "tolist") else list(y)
    if _kinds(items) in ({int}, {str}):  # told at a glance, also of a million rows
        return items
    if items and all(_whole(item) for item in items):
        return [int(item) for item in items]
    return items


def are_floats(y: Targets) -> TypeGuard[Array]:
    """Whether they are an array of them, which need not be looked at one by one."""
    return getattr(getattr(y, "dtype", None), "kind", "") == "f"


def _whole(x: Any) -> bool:
    if isinstance(x, (str, list, tuple)) or x is None:
        return False
    return bool(x == x) and abs(x) < 2**53 and x == int(x)


def choose_loss(loss: str | Loss, y: Targets, outputs: int, threshold: float) -> Loss:
    """The function for a loss's name; "auto" looks at the labels and the outputs.

    Texts and whole numbers with several outputs mean classes; texts, nothing but 0 and
    1 (or -1 and 1), or two whole numbers, each of several rows, with one output mean
    two classes; anything else is a number to come close to. Where that could have been
    meant otherwise, three to 20 whole numbers, each of several rows, with one output,
    it is told in a warning.
    """
    if callable(loss):
        return loss
    if loss in LOSSES:
        return LOSSES[loss]
    if loss != "auto":
        raise ValueError(unknown("loss", loss, ["auto", *LOSSES]))
    labels = plain(y)
    if not _are_classes(labels):
        return LOSSES["mse"]
    if outputs > 1:
        return LOSSES["cross_entropy"]
    rows = Counter(labels)
    repeated = min(rows.values(), default=0) > 1
    if _has_text(labels) or set(rows) in PAIRS or (repeated and len(rows) == 2):
        name = "binary_cross_entropy" + ("" if threshold else "_with_logits")
        return LOSSES[name]
    if repeated and 2 < len(rows) <= FEW:
        warnings.warn(
            f"y holds {len(rows)} different whole numbers, and the model has one "
            "output, so they are numbers to come close to: say loss='mse' if they are; "
            f"for classes end the model with {len(rows)} outputs",
            stacklevel=users_level(),
        )
    return LOSSES["mse"]


FEW = 20
"""So many different whole numbers may be classes."""

PAIRS: list[set[Label]] = [{0, 1}, {-1, 1}, {0}, {1}, {-1}]
"""Whole numbers that are classes, however few the rows."""


def _are_classes(labels: Sequence[Target]) -> TypeGuard[Sequence[Label]]:
    return all(issubclass(kind, (str, int)) for kind in _kinds(labels))


def _has_text(labels: Sequence[Target]) -> bool:
    return any(issubclass(kind, str) for kind in _kinds(labels))


def _kinds(items: Sequence[Target]) -> set[type]:
    return set(map(type, items))


def threshold_of(outputs: Sequence[Value]) -> float:
    """Where a single output means the second class: 0.5 after a sigmoid, else 0.

    outputs: what a model returned for a row.
    """
    last = outputs[-1] if outputs else None
    return 0.5 if isinstance(last, Value) and last.op == "sigmoid" else 0.0


def find_labels(
    loss: Loss, y: Targets, outputs: int, threshold: float
) -> Labels | None:
    """The classes that the labels name, or None where they are numbers to fit."""
    name = getattr(loss, "__name__", "")
    if are_floats(y) and name not in ("cross_entropy", *BINARY):
        return None
    labels = plain(y)
    if name == "cross_entropy" or (name in BINARY and _are_classes(labels)):
        return _labels(labels, outputs, threshold, name)
    if _has_text(labels):
        if name in LOSSES:
            raise ValueError(
                f"{name} needs numbers, but y holds the text "
                f"{next(x for x in labels if isinstance(x, str))!r}; for classes use "
                "cross_entropy or binary_cross_entropy_with_logits"
            )
        return _labels(labels, outputs, threshold, name)
    return None


def _labels(
    labels: Sequence[Target], outputs: int, threshold: float, loss: str
) -> Labels:
    if not _are_classes(labels):
        raise ValueError(
            f"{loss} needs classes, texts or whole numbers, one per row; got "
            f"{next(x for x in labels if not isinstance(x, (str, int)))!r}"
        )
    if len({issubclass(kind, str) for kind in _kinds(labels)}) > 1:
        raise ValueError("y mixes texts and numbers; make all labels the same kind")
    found: list[Label] = sorted(set(labels))
    if len(found) == 1:
        raise ValueError(
            f"every row has the class {found[0]!r}; there is nothing to learn from one "
            "class alone"
        )
    return Labels(_fitting(found, outputs), 0.5 if loss == BINARY[1] else threshold)


def _fitting(found: list[Label], outputs: int) -> tuple[Label, ...]:
    """The classes, one for each output (two for a single one)."""
    room = max(outputs, 2)
    if len(found) > room:
        raise ValueError(
            f"y has {len(found)} classes but the model "
            f"{counted(outputs, 'output')}; end it with {len(found)} outputs and use "
            "cross_entropy"
        )
    if len(found) < room:
        if set(found) <= set(range(outputs)):
            return tuple(range(outputs))  # a class that no row here has
        raise ValueError(
            f"y has {len(found)} classes but the model {outputs} outputs; end it with "
            f"{len(found)}"
        )
    return tuple(found)


def encode(
    y: Targets, labels: Labels | None, loss: Loss, outputs: int
) -> Array | Integers:
    """Targets as the loss wants them: class numbers, -1 and 1, or floats."""
    import numpy as np

    if labels is None:
        return _floats(y, outputs)
    index = labels.index(y)
    if getattr(loss, "__name__", "") == "hinge":
        return 2.0 * index.astype(np.float64) - 1.0
    return index if outputs > 1 else index.astype(np.float64)


def class_numbers(targets: Any) -> Integers:
    """The number of each row's class, of targets as a loss wants them."""
    import numpy as np

    numbers = np.asarray(targets)
    if numbers.dtype.kind == "f":
        numbers = numbers > 0.5  # 0 and 1, or -1 and 1 for hinge
    found: Integers = numbers.astype(int)
    return found


def weights_of(
    asked: str | Mapping[Any, float] | None,
    labels: Labels | None,
    targets: Array | Integers,
) -> dict[Label, float] | None:
    """How much a row of each class counts, with a mean of 1 over the rows.

    asked: as in `fit`. Raises ValueError where there are no classes, for a class that
    is not among them, and for a weight that is no number above 0.

    >>> import numpy as np
    >>> labels, targets = Labels(("no", "yes")), np.array([0.0, 0.0, 0.0, 1.0])
    >>> weights_of("balanced", labels, targets)
    {'no': 0.6666666666666666, 'yes': 2.0}
    >>> weights_of({"yes": 3}, labels, targets)
    {'no': 0.6666666666666666, 'yes': 2.0}
    """
    import numpy as np

    if asked is None:
        return None
    if labels is None:
        raise ValueError("class_weights are for classes, and the target is a number")
    classes = labels.classes
    counts = np.bincount(class_numbers(targets), minlength=len(classes))
    if isinstance(asked, str):
        if asked not in POWERS:
            raise ValueError(
                f"class_weights are {' or '.join(POWERS)}, or a weight by class, such "
                f"as {{{classes[-1]!r}: 5}}; got {asked!r}"
            )
        given = np.maximum(counts, 1) ** -POWERS[asked]
    else:
        given = np.array([_weight(asked.get(label, 1.0), label) for label in classes])
        labels.index(list(asked))
    mean = (counts * given).sum() / counts.sum()
    return dict(zip(classes, (given / mean).tolist(), strict=True))


POWERS = {"balanced": 1.0, "root": 0.5}
"""By which power of its rows' number a class counts less."""


def _weight(number: Any, label: Label) -> float:
    counts = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not counts or not 0 < number < math.inf:
        raise ValueError(f"the weight of {label!r} is a number above 0; got {number!r}")
    return float(number)


def unmasked(y: Targets) -> Targets:
    """The same, of a masked array a list with None in place of what it hides."""
    hides: Any = y if hasattr(y, "mask") and hasattr(y, "filled") else None
    return y if hides is None else hides.tolist()


def _floats(y: Targets, outputs: int) -> Array:
    import numpy as np

    try:
        numbers = np.array(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"y has to be numbers; got {_strange(y)!r} among them"
        ) from None
    if not np.isfinite(numbers).all():
        where = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise ValueError(f"y is missing or infinite in row {where + 1}")
    if numbers.ndim == 2 and outputs == 1 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    width = numbers.shape[1] if numbers.ndim == 2 else 1
    if numbers.ndim not in (1, 2) or width != outputs:
        raise ValueError(
            f"y has the shape {numbers.shape}, but the model returns "
            f"{counted(outputs, 'output')} per row"
        )
    return numbers


def _strange(y: Targets) -> object:
    return next((x for x in y if not isinstance(x, (int, float))), y)


def squeezed(outputs: Array) -> Array:
    """Outputs with one number per row as (N,), others as they are, (N, K)."""
    found: Array = outputs[:, 0] if outputs.shape[1:] == (1,) else outputs
    return found


def as_predictions(outputs: Array) -> list[Any]:
    """Outputs as a loss expects them: numbers where a row has one, otherwise rows."""
    rows: list[Any] = squeezed(outputs).tolist()
    return rows
