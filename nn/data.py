"""Tables to learn from: toy sets, real sets that come with scikit-learn, files.

>>> X, y = xor(rows=8, seed=0)
>>> X.shape, y
((8, 2), [0, 1, 1, 0, 0, 1, 1, 0])
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeGuard

from autograd.files import Path
from autograd.numeric import is_number
from autograd.wording import article, cut
from nn import display
from nn.cells import MISSING, is_code, is_missing, numbers
from nn.extras import require
from nn.hints import Array, Integers, Label, Rows, Target
from nn.reading import Sheet, read
from nn.targets import FEW, plain

__all__ = [
    "SETS",
    "Dataset",
    "Scaling",
    "blobs",
    "breast_cancer",
    "circles",
    "digits",
    "iris",
    "moons",
    "read_csv",
    "spirals",
    "wine",
    "xor",
]

if TYPE_CHECKING:
    Pair = tuple[Array, Sequence[Target]]  # so that a type checker lets it unpack
else:
    Pair = object


@dataclass(frozen=True)
class Dataset(Pair):
    """A table of inputs and the target of each row; unpacks as `X, y`.

    X: float64 of shape (N, I), or rows as lists, which become that. y: N labels (texts
        or whole numbers) or N numbers.
    features: the names of the I columns; x1, x2 and so on where they are left out.
    target: the name of what is to be told.
    labels: the classes in order, () where the target is a number; None to find out.

    >>> Dataset([[0, 1], [1, 1]], ["no", "yes"])
    Dataset of 2 rows: class (2 classes) from 2 columns
    """

    X: Array
    y: Sequence[Target]
    features: tuple[str, ...] = ()
    target: str = "class"
    labels: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        if not hasattr(self.X, "tolist"):
            object.__setattr__(self, "X", table(self.X))
        if not self.features:
            names = tuple(f"x{i + 1}" for i in range(self.X.shape[1]))
            object.__setattr__(self, "features", names)

    def __iter__(self) -> Iterator[Any]:
        yield self.X
        yield self.y

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> tuple[Label, ...]:
        """The labels in order; empty where the target is a number to come close to."""
        if self.labels is not None:
            return self.labels
        labels = plain(self.y)
        return tuple(sorted(set(labels))) if looks_like_classes(labels) else ()

    def rows(self, indices: Sequence[int]) -> Dataset:
        """The table of these rows alone."""
        y = targets_of(self.y, indices)
        X = self.X[list(indices)]
        return Dataset(X, y, self.features, self.target, self.labels)

    def split(
        self, test: float = 0.25, seed: int = 0, name: str = "test"
    ) -> tuple[Dataset, Dataset]:
        """Rows to train on and rows to test on, each class shared out evenly.

        name: what an error calls the part.
        """
        grouped = None if self.labels is None else bool(self.labels)
        inside, outside = split_rows(self.y, test, seed, name, grouped)
        return self.rows(inside), self.rows(outside)

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "a number"
        return (
            f"Dataset of {len(self)} rows: {self.target} ({what}) from "
            f"{len(self.features)} columns"
        )

    def _repr_html_(self) -> str:
        inputs = self.X[: display.ROWS].tolist()
        shown = [[*row, y] for row, y in zip(inputs, self.y, strict=False)]
        return escape(repr(self)) + display.table([*self.features, self.target], shown)


def targets_of(y: Sequence[Target], rows: Sequence[int]) -> Sequence[Target]:
    """The targets of these rows; an array of numbers stays one."""
    import numpy as np

    places = np.asarray(rows, dtype=int)
    if isinstance(y, array):
        return array("d", np.asarray(y)[places].tobytes())
    return y[places] if isinstance(y, np.ndarray) else [y[i] for i in places.tolist()]


def looks_like_classes(labels: Sequence[Target]) -> TypeGuard[Sequence[Label]]:
    """Texts, or at most `FEW` different whole numbers, are classes."""
    if all(isinstance(label, str) for label in labels):
        return True
    return all(isinstance(x, int) for x in labels) and len(set(labels)) <= FEW


def split_rows(
    labels: Sequence[Target],
    fraction: float,
    seed: int,
    name: str = "fraction",
    grouped: bool | None = None,
) -> tuple[list[int], list[int]]:
    """The indices of the rows to keep, and of about `fraction` of them, set aside.

    name: what the user calls the fraction. grouped: whether to share out each class
    evenly; None where the labels look like it. Raises ValueError where either part
    would be empty.
    """
    kept, aside = set_aside(labels, fraction, seed, name, grouped)
    return kept.tolist(), aside.tolist()


def set_aside(
    labels: Sequence[Target],
    fraction: float,
    seed: int,
    name: str,
    grouped: bool | None = None,
) -> tuple[Integers, Integers]:
    """The same as arrays."""
    if not 0 < fraction < 1:
        raise ValueError(
            f"{name} is a part of the rows between 0 and 1, such as 0.2; got "
            f"{fraction!r}"
        )
    import numpy as np

    order = _shuffled(len(labels), random.Random(f"split {seed}"))
    codes, wanted = _codes(labels, grouped), round(len(labels) * fraction)
    first = order[:-1][:wanted] if codes is None else _dealt(order, codes, wanted)
    aside = np.sort(first)
    kept = np.delete(np.arange(len(labels)), aside)
    if not len(kept) or not len(aside):
        raise ValueError(
            f"{len(labels)} rows are too few to set a part of {fraction} aside ({name})"
        )
    return kept, aside


MANY = 100_000
"""Rows that Python would take a second to shuffle; NumPy shuffles more of them."""


def _shuffled(count: int, rng: random.Random) -> Integers:
    import numpy as np

    if count > MANY:
        return np.random.default_rng(rng.getrandbits(64)).permutation(count)
    rows = list(range(count))
    rng.shuffle(rows)
    return np.array(rows, dtype=int)


def _codes(labels: Sequence[Target], grouped: bool | None) -> Integers | None:
    """A number for each row's class; None where labels are numbers."""
    import numpy as np

    if grouped is None:
        labels = plain(labels)
        grouped = looks_like_classes(labels)
    if not grouped:
        return None
    known: dict[Any, int] = {}
    return np.array([known.setdefault(x, len(known)) for x in labels], dtype=int)


def _dealt(order: Integers, codes: Integers, wanted: int) -> Integers:
    """So many rows, of each class its share; those that come first in the order.

    The i-th row of the n of a class stands at (i + 1/2) / n, and the rows that stand
    lowest are taken: of each class its share to within a row (Sainte-Lague's way of
    sharing out seats), and as many in all as are wanted. One row of each is left.
    """
    import numpy as np

    classes = codes[order]
    counts = np.bincount(classes)
    together = np.argsort(classes, kind="stable")
    begins = np.cumsum(counts) - counts
    among = np.empty(len(order), dtype=int)
    among[together] = np.arange(len(order)) - begins[classes[together]]
    free = np.flatnonzero(among < counts[classes] - 1)
    stands = (among[free] + 0.5) / counts[classes[free]]
    taken = free[np.argsort(stands, kind="stable")[:wanted]]
    found: Integers = order[taken]
    return found


def table(X: Rows | Dataset) -> Array:
    """Inputs as a float64 array (N, I), the same where they are one already.

    Raises ValueError that names the place.
    """
    rows = rows_of(X)
    if not rows.size:
        raise ValueError(f"X has to be a table of N rows, got the shape {rows.shape}")
    import numpy as np

    if not np.isfinite(rows).all():
        row, column = (int(i) + 1 for i in np.argwhere(~np.isfinite(rows))[0])
        raise ValueError(f"X is missing or infinite in row {row}, column {column}")
    return rows


def rows_of(X: Rows | Dataset) -> Array:
    """The same, of no row or more, also of such as are not finite.

    What a masked array hides is nan. Raises ValueError for what is no table of numbers.
    """
    require("numpy")
    import numpy as np

    given: Any = X.X if isinstance(X, Dataset) else X
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), np.nan)
    try:
        rows = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        reason = _strange(given) or _ragged(given) or str(error)
        raise ValueError(
            f"X has to be rows of numbers, all as long: {reason}"
        ) from None
    if rows.ndim != 2:
        raise ValueError(
            f"X has to be a table of N rows and I columns, got the shape {rows.shape}; "
            "for a single input write [[x] for x in X]"
        )
    return rows


def as_column(y: Sequence[Any]) -> Rows:
    """Targets as a table of one column; `table` tells whether they are numbers."""
    if isinstance(y, array):
        import numpy as np

        return np.asarray(y)[:, None]
    if set(map(type, y)) <= {float, int}:  # told at a glance, also of a million
        import numpy as np

        return np.array(y, dtype=np.float64)[:, None]
    return [[target] for target in y]


def _strange(X: Rows) -> str:
    """Where a table holds something else than a number, if that is what it does."""
    rows = X.to_numpy() if hasattr(X, "to_numpy") else X
    for i, row in enumerate(rows if isinstance(rows, Iterable) else (), 1):
        for j, item in enumerate(row if isinstance(row, Iterable) else (), 1):
            if not is_number(item):
                return f"row {i}, column {j} holds {item!r}"
    return ""


def _ragged(X: Rows) -> str:
    """Which row has another length than the first, or that these are no rows."""
    if not isinstance(X, Sequence):
        name = article(type(X).__name__)
        return f"write list(X) of {name}" * isinstance(X, Iterable)
    lengths = [len(row) if isinstance(row, Sequence) else 1 for row in X]
    for number, length in enumerate(lengths, 1):
        if length != lengths[0]:
            return f"row 1 has {lengths[0]}, row {number} has {length}"
    return ""


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / deviation, column by column: every input on a like scale.

    Made with `Scaling.fit` from the rows that are trained on, and from no others:
    what is known of the test rows must not leak into the training.

    >>> scaling = Scaling.fit([[1.0, 5.0], [3.0, 5.0]])
    >>> scaling([[3.0, 5.0]]).tolist()
    [[1.0, 0.0]]
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        X: Rows,
        names: Sequence[str] = (),
        free: Sequence[bool] | None = None,
    ) -> Scaling:
        """The scaling after which each column of X has mean 0 and deviation 1.

        names: what an error calls the columns; their numbers where there are none.
        free: which of the columns to scale; the others stay as they are. None for all.

        A column that is the same in every row is only shifted. Raises ValueError for
        one whose range is larger than the largest number.
        """
        return cls.of(table(X), names, free)

    @classmethod
    def of(
        cls,
        rows: Array,
        names: Sequence[str] = (),
        free: Sequence[bool] | None = None,
    ) -> Scaling:
        """The same of a table that `table` gave: it is not looked through again."""
        import numpy as np

        lows, highs = rows.min(axis=0), rows.max(axis=0)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            means = rows.mean(axis=0)
            deviations = _deviations(rows, means)
            overflows = ~np.isfinite(highs - lows)
        for index in np.flatnonzero(overflows).tolist():
            name = repr(names[index]) if names else index + 1
            raise ValueError(
                f"column {name} goes from {lows[index]:.3g} to {highs[index]:.3g}; its "
                "range overflows: divide it by a large number first"
            )
        _, powers = np.frexp(np.maximum(-lows, highs))
        for index in np.flatnonzero(np.abs(powers) > 400).tolist():  # squares overflow
            column = np.ldexp(rows[:, index], -powers[index])
            means[index] = np.ldexp(column.mean(), powers[index])
            deviations[index] = np.ldexp(column.std(), powers[index])
        # Of numbers that are all the same, rounding may leave a deviation above 0.
        same = lows == highs
        means[same], deviations[same | (deviations == 0)] = rows[0, same], 1.0
        if free is not None:
            kept = ~np.array(free, dtype=bool)
            means[kept], deviations[kept] = 0.0, 1.0
        return cls(tuple(means.tolist()), tuple(deviations.tolist()))

    def __call__(self, X: Rows) -> Array:
        """The scaled table."""
        return self.scaled(table(X))

    def scaled(self, rows: Array, into: Array | None = None) -> Array:
        """The same of a table that `table` gave: it is not looked through again.

        into: an array of that shape for the result, such as `rows`; None for a new one.
        """
        import numpy as np

        if rows.shape[1] != len(self.mean):
            raise ValueError(
                f"this scaling is for {len(self.mean)} columns, got {rows.shape[1]}"
            )
        scaled: Array = np.subtract(rows, self.mean, out=into)
        scaled /= np.array(self.deviation)  # in place: it may be a large table
        return scaled

    def undo(self, rows: Array) -> Array:
        """The table that `rows` is the scaled one of.

        >>> Scaling((2.0,), (0.5,)).undo(Scaling((2.0,), (0.5,))([[7.0]])).tolist()
        [[7.0]]
        """
        import numpy as np

        whole: Array = rows * np.array(self.deviation) + np.array(self.mean)
        return whole


ROWS = 2**14
"""Rows that are looked at in one go, where a copy of all would be large."""


def _deviations(rows: Array, means: Array) -> Array:
    """`rows.std(axis=0)`, to the bit, without a copy of them all."""
    import numpy as np

    if rows.shape[1] == 1:  # NumPy adds up pairs of a single column, else row by row
        alone: Array = rows.std(axis=0)
        return alone
    sums = np.zeros((1, rows.shape[1]))
    for begin in range(0, len(rows), ROWS):
        away = rows[begin : begin + ROWS] - means
        away *= away
        sums = np.concatenate([sums, away]).sum(axis=0, keepdims=True)
    found: Array = np.sqrt(sums[0] / len(rows))
    return found


# ---- toy sets in the plane -----------------------------------------------------------

PLANE = ("x1", "x2")


def moons(rows: int = 400, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles, one reaching into the other.

    rows: how many. noise: the standard deviation of what is added to every point.
    """
    require("sklearn")
    from sklearn.datasets import make_moons

    X, y = make_moons(_count(rows, 2, noise), noise=noise, random_state=_seed(seed))
    return Dataset(X, y.tolist(), PLANE)


def circles(rows: int = 400, noise: float = 0.08, seed: int = 0) -> Dataset:
    """A small circle inside a large one."""
    require("sklearn")
    from sklearn.datasets import make_circles

    X, y = make_circles(
        _count(rows, 2, noise), noise=noise, factor=0.5, random_state=_seed(seed)
    )
    return Dataset(X, y.tolist(), PLANE)


def blobs(
    rows: int = 400, noise: float = 1.0, seed: int = 0, classes: int = 3
) -> Dataset:
    """Round clouds of points, one per class."""
    require("sklearn")
    from sklearn.datasets import make_blobs

    X, y = make_blobs(
        _count(rows, classes, noise),
        centers=classes,
        cluster_std=noise,
        random_state=_seed(seed),
    )
    return Dataset(X, y.tolist(), PLANE)


def spirals(
    rows: int = 400, noise: float = 0.1, seed: int = 0, classes: int = 2
) -> Dataset:
    """Arms that wind around one another, each once around the middle."""
    arms = range(_count(rows, classes, noise))
    rng = random.Random(f"spirals {seed}")

    def point(row: int) -> list[float]:
        along = math.sqrt(rng.random())  # even spread along the arm
        angle = 2 * math.pi * (along + row % classes / classes)
        x, y = 3 * along * math.cos(angle), 3 * along * math.sin(angle)
        return [x + rng.gauss(0, noise), y + rng.gauss(0, noise)]

    return _plane([point(row) for row in arms], [row % classes for row in arms])


def xor(rows: int = 400, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Four clouds at the corners of a square; opposite corners are of one class."""
    corners = [(row // 2 % 2, row % 2) for row in range(_count(rows, 4, noise))]
    rng = random.Random(f"xor {seed}")
    X = [
        [2.0 * a - 1 + rng.gauss(0, noise), 2.0 * b - 1 + rng.gauss(0, noise)]
        for a, b in corners
    ]
    return _plane(X, [a ^ b for a, b in corners])


def _plane(X: list[list[float]], y: list[int]) -> Dataset:
    require("numpy")
    import numpy as np

    return Dataset(np.array(X), y, PLANE)


MOST = 10_000_000
"""Rows of a set that is drawn: more hardly fit into the memory of a small machine."""


def _count(rows: int, least: int, noise: float) -> int:
    if rows < least:
        raise ValueError(f"rows is at least {least}, one per class; got {rows}")
    if rows > MOST:
        raise ValueError(f"rows is at most {MOST:_}; got {rows}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a number from 0; got {noise!r}")
    return rows


def _seed(seed: int) -> int:
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is a whole number from 0 to {2**32 - 1}; got {seed!r}")
    return int(seed)


# ---- real sets -----------------------------------------------------------------------


def iris() -> Dataset:
    """150 flowers of three kinds, by the sizes of their petals and sepals."""
    return _bundled("iris", "species")


def wine() -> Dataset:
    """178 wines of three growers, by 13 chemical measurements."""
    return _bundled("wine", "grower")


def breast_cancer() -> Dataset:
    """569 tumors, malignant or benign, by 30 measurements of their cells."""
    return _bundled("breast_cancer", "diagnosis")


def digits() -> Dataset:
    """1797 handwritten digits of 8 x 8 pixels, each from 0 to 16."""
    return _bundled("digits", "digit")


def _bundled(name: str, target: str) -> Dataset:
    require("sklearn")
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    names = [str(label) for label in bunch.target_names.tolist()]
    y = [names[i] for i in bunch.target.tolist()]
    features = tuple(str(feature) for feature in bunch.feature_names)
    return Dataset(bunch.data, y, features, target)


SETS: Mapping[str, Callable[..., Dataset]] = {
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
    "spirals": spirals,
    "xor": xor,
    "iris": iris,
    "wine": wine,
    "breast-cancer": breast_cancer,
    "digits": digits,
}
"""The sets by name."""

GENERATED = ("moons", "circles", "blobs", "spirals", "xor")
"""Those that are drawn at random, and take `rows`, `noise` and `seed`."""


# ---- files of numbers ----------------------------------------------------------------


def read_csv(
    path: Path,
    target: str,
    delimiter: str | None = None,
    names: Sequence[str] | None = None,
) -> Dataset:
    """A table of numbers from a file, whose first line names the columns.

    target: the column to tell from all the others, which have to be numbers, none of
    them missing; `nn.table.read` takes texts, dates and gaps as well.
    delimiter: what separates the columns: a character, or "tab"; None to look for it.
    names: what they are called, where the first line is a row; ["none"] to number them.

    The target's values are numbers where all of them are, otherwise texts. Raises
    ValueError that names line and column for a missing value or a text among numbers,
    and for a file that is empty, has one class only or another delimiter.
    """
    require("numpy")
    import numpy as np

    sheet = read(path, delimiter=delimiter, names=names)
    sheet.check_has([target])
    features = tuple(name for name in sheet.names if name != target)
    if not features:
        raise ValueError(f"{sheet.name} has no column but the target {target!r}")
    X = np.column_stack([_numbers(sheet, name) for name in features])
    y = _labels(sheet, target)
    if len(set(y)) == 1:
        raise ValueError(
            f"{sheet.name}: every row has the {target} {y[0]!r}; there is nothing to "
            "learn from one class alone"
        )
    return Dataset(X, y, features, target)


def _labels(sheet: Sheet, name: str) -> list[Target]:
    """One column, as numbers where all of it is, otherwise as texts."""
    texts = sheet.column(name)
    _check_present(sheet, name)
    found = numbers(texts)
    if found.null_count() or is_code(texts):
        return [*texts.to_list()]
    return plain(found.to_list())


def _numbers(sheet: Sheet, name: str) -> Array:
    texts = sheet.column(name)
    _check_present(sheet, name)
    found = numbers(texts)
    if found.null_count():
        row = int(found.is_null().arg_max() or 0)
        raise ValueError(
            f"{sheet.place(row, name)}: {cut(texts[row])!r} is not a number; "
            "nn.table.read takes texts as well"
        )
    return found.to_numpy()


def _check_present(sheet: Sheet, name: str) -> None:
    gaps = is_missing(sheet.column(name), MISSING)
    if gaps.any():
        raise ValueError(
            f"{sheet.place(int(gaps.arg_max() or 0), name)}: the value is missing; "
            "fill it in, or leave out the row or the column; nn.table.read takes gaps "
            "as well"
        )
