"""Tables to learn from: toy sets, real sets that come with scikit-learn, CSV files.

>>> X, y = xor(rows=8, seed=0)
>>> X.shape, y
((8, 2), [0, 1, 1, 0, 0, 1, 1, 0])
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from autograd.files import Path
from autograd.numeric import is_number
from nn.extras import require
from nn.hints import Array, Label, Rows, Target
from nn.targets import plain

if TYPE_CHECKING:
    Pair = tuple[Array, Sequence[Target]]  # so that a type checker lets it unpack
else:
    Pair = object


@dataclass(frozen=True)
class Dataset(Pair):
    """A table of inputs and the target of each row; unpacks as `X, y`.

    X: float64 of shape (N, I). y: N labels (texts or whole numbers) or N numbers.
    features: the names of the I columns. target: the name of what is to be told.
    """

    X: Array
    y: Sequence[Target]
    features: tuple[str, ...]
    target: str = "class"

    def __iter__(self) -> Iterator[Any]:
        yield self.X
        yield self.y

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> tuple[Label, ...]:
        """The labels in order; empty where the target is a number to come close to."""
        labels = plain(self.y)
        return tuple(sorted(set(labels))) if looks_like_classes(labels) else ()

    def rows(self, indices: Sequence[int]) -> Dataset:
        """The table of these rows alone."""
        y = [self.y[i] for i in indices]
        return Dataset(self.X[list(indices)], y, self.features, self.target)

    def split(self, test: float = 0.25, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Rows to train on and rows to test on, each class shared out evenly."""
        inside, outside = split_rows(self.y, test, seed, "test")
        return self.rows(inside), self.rows(outside)

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "a number"
        return (
            f"Dataset of {len(self)} rows: {self.target} ({what}) from "
            f"{len(self.features)} columns"
        )


def looks_like_classes(labels: Sequence[Target]) -> TypeGuard[Sequence[Label]]:
    """Texts, or at most 20 different whole numbers, are classes."""
    if all(isinstance(label, str) for label in labels):
        return True
    return all(isinstance(x, int) for x in labels) and len(set(labels)) <= 20


def split_rows(
    labels: Sequence[Target], fraction: float, seed: int, name: str = "fraction"
) -> tuple[list[int], list[int]]:
    """The indices of the rows to keep, and of about `fraction` of them, set aside.

    name: what the user calls the fraction. Classes are shared out evenly. Raises
    ValueError where either part would be empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            f"{name} is a part of the rows between 0 and 1, such as 0.2; got "
            f"{fraction!r}"
        )
    rng = random.Random(f"split {seed}")
    aside: list[int] = []
    for rows in _groups(plain(labels)):
        rng.shuffle(rows)
        aside += rows[: round(len(rows) * fraction)]
    chosen = set(aside)
    kept = [row for row in range(len(labels)) if row not in chosen]
    if not kept or not aside:
        raise ValueError(
            f"{len(labels)} rows are too few to set a part of {fraction} aside ({name})"
        )
    return kept, sorted(aside)


def _groups(labels: Sequence[Target]) -> list[list[int]]:
    """The rows of each class; all rows together where the labels are numbers."""
    if not looks_like_classes(labels):
        return [list(range(len(labels)))]
    groups: dict[Label, list[int]] = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    return [groups[label] for label in sorted(groups)]


def table(X: Rows | Dataset) -> Array:
    """Inputs as a float64 array (N, I). Raises ValueError that names the place."""
    require("numpy")
    import numpy as np

    X = X.X if isinstance(X, Dataset) else X
    try:
        rows = np.array(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        reason = _strange(X) or str(error)
        raise ValueError(
            f"X has to be rows of numbers, all as long: {reason}"
        ) from None
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"X has to be a table of N rows and I columns, got the shape {rows.shape}; "
            "for a single input write [[x] for x in X]"
        )
    if not np.isfinite(rows).all():
        row, column = (int(i) + 1 for i in np.argwhere(~np.isfinite(rows))[0])
        raise ValueError(f"X is missing or infinite in row {row}, column {column}")
    return rows


def as_column(y: Sequence[Any]) -> Rows:
    """Targets as a table of one column; `table` tells whether they are numbers."""
    return [[target] for target in y]


def _strange(X: Rows) -> str:
    """Where a table holds something else than a number, if that is what it does."""
    rows = X.to_numpy() if hasattr(X, "to_numpy") else X
    for i, row in enumerate(rows if isinstance(rows, Iterable) else (), 1):
        for j, item in enumerate(row if isinstance(row, Iterable) else (), 1):
            if not is_number(item):
                return f"row {i}, column {j} holds {item!r}"
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
    def fit(cls, X: Rows) -> Scaling:
        """The scaling after which each column of X has mean 0 and deviation 1.

        A column that is the same in every row is only shifted. Raises ValueError for
        one whose numbers are so large that its mean or deviation overflows.
        """
        rows = table(X)
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):
            means, deviations = rows.mean(axis=0), rows.std(axis=0)
        for index in np.flatnonzero(~np.isfinite(means + deviations)).tolist():
            low, high = rows[:, index].min(), rows[:, index].max()
            raise ValueError(
                f"column {index + 1} goes from {low:.3g} to {high:.3g}; its mean or "
                "deviation overflows: divide it by a large number first"
            )
        deviation = [d if d > 0 else 1.0 for d in deviations.tolist()]
        return cls(tuple(means.tolist()), tuple(deviation))

    def __call__(self, X: Rows) -> Array:
        """The scaled table."""
        rows = table(X)
        import numpy as np

        if rows.shape[1] != len(self.mean):
            raise ValueError(
                f"this scaling is for {len(self.mean)} columns, got {rows.shape[1]}"
            )
        scaled: Array = (rows - np.array(self.mean)) / np.array(self.deviation)
        return scaled

    def undo(self, rows: Array) -> Array:
        """The table that `rows` is the scaled one of.

        >>> Scaling((2.0,), (0.5,)).undo(Scaling((2.0,), (0.5,))([[7.0]])).tolist()
        [[7.0]]
        """
        import numpy as np

        whole: Array = rows * np.array(self.deviation) + np.array(self.mean)
        return whole


# ---- toy sets in the plane -----------------------------------------------------------

PLANE = ("x1", "x2")


def moons(rows: int = 400, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles, one reaching into the other.

    rows: how many. noise: the standard deviation of what is added to every point.
    """
    require("sklearn")
    from sklearn.datasets import make_moons

    X, y = make_moons(_count(rows, 2), noise=noise, random_state=seed)
    return Dataset(X, y.tolist(), PLANE)


def circles(rows: int = 400, noise: float = 0.08, seed: int = 0) -> Dataset:
    """A small circle inside a large one."""
    require("sklearn")
    from sklearn.datasets import make_circles

    X, y = make_circles(_count(rows, 2), noise=noise, factor=0.5, random_state=seed)
    return Dataset(X, y.tolist(), PLANE)


def blobs(
    rows: int = 400, noise: float = 1.0, seed: int = 0, classes: int = 3
) -> Dataset:
    """Round clouds of points, one per class."""
    require("sklearn")
    from sklearn.datasets import make_blobs

    X, y = make_blobs(
        _count(rows, classes), centers=classes, cluster_std=noise, random_state=seed
    )
    return Dataset(X, y.tolist(), PLANE)


def spirals(
    rows: int = 400, noise: float = 0.1, seed: int = 0, classes: int = 2
) -> Dataset:
    """Arms that wind around one another, each once around the middle."""
    arms = range(_count(rows, classes))
    rng = random.Random(f"spirals {seed}")

    def point(row: int) -> list[float]:
        along = math.sqrt(rng.random())  # even spread along the arm
        angle = 2 * math.pi * (along + row % classes / classes)
        x, y = 3 * along * math.cos(angle), 3 * along * math.sin(angle)
        return [x + rng.gauss(0, noise), y + rng.gauss(0, noise)]

    return _plane([point(row) for row in arms], [row % classes for row in arms])


def xor(rows: int = 400, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Four clouds at the corners of a square; opposite corners are of one class."""
    corners = [(row // 2 % 2, row % 2) for row in range(_count(rows, 4))]
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


def _count(rows: int, least: int) -> int:
    if rows < least:
        raise ValueError(f"this needs at least {least} rows, one per class; got {rows}")
    return rows


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


# ---- CSV files -----------------------------------------------------------------------

MISSING = ("", "?", "na", "n/a", "nan", "null", "none")

DELIMITERS = {"tab": "\t", "\\t": "\t"}
"""What a person can hardly type at a command line."""


def read_csv(path: Path, target: str, delimiter: str = ",") -> Dataset:
    """A table from a CSV file, whose first line names the columns.

    target: the column to tell from all the others, which have to be numbers.
    delimiter: what separates the columns: a character, or "tab".

    The target's values are numbers where all of them are, otherwise texts. Raises
    ValueError that names line and column for a missing value or a text among numbers,
    and for a file that is empty, has one class only or another delimiter.
    """
    cells = _Cells(path, delimiter)
    cells.check_has([target])
    features = tuple(name for name in cells.names if name != target)
    if not features:
        raise ValueError(f"{path} has no column but the target {target!r}")
    X, y = cells.numbers(features), cells.labels(target)
    if len(set(y)) == 1:
        raise ValueError(
            f"{path}: every row has the {target} {y[0]!r}; there is nothing to learn "
            "from one class alone"
        )
    return Dataset(X, y, features, target)


def column_names(path: Path, delimiter: str = ",") -> list[str]:
    """What the first line of a CSV file names. Raises ValueError as `read_csv` does."""
    return _Cells(path, delimiter).names


def read_features(
    path: Path, features: Sequence[str], delimiter: str = ","
) -> tuple[Array, Mapping[str, list[str]]]:
    """The named number columns of a CSV file, and all of its columns as texts."""
    cells = _Cells(path, delimiter)
    cells.check_has(features)
    return cells.numbers(features), {name: cells.column(name) for name in cells.names}


class _Cells:
    """The texts in a CSV file, with what is needed to say where one is."""

    def __init__(self, path: Path, delimiter: str) -> None:
        delimiter = DELIMITERS.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise ValueError(f"a delimiter is one character; got {delimiter!r}")
        self.path = path
        lines = _lines(path, delimiter)
        if not lines:
            raise ValueError(f"{path} is empty")
        self.names = [name.strip() for name in lines[0][1]]
        self.lines = lines[1:]
        self._check_header(delimiter)
        for number, cells in self.lines:
            if len(cells) != len(self.names):
                raise ValueError(
                    f"{path}, line {number}: {len(cells)} columns where the first line "
                    f"names {len(self.names)}"
                )

    def _check_header(self, delimiter: str) -> None:
        names = self.names
        if len(names) == 1:
            for other in ";\t|,":
                if other != delimiter and other in names[0]:
                    raise ValueError(
                        f"{self.path} has a single column with the delimiter "
                        f"{delimiter!r}; its columns seem to be separated by {other!r}"
                    )
        if all(number_in(name) is not None for name in names):
            raise ValueError(
                f"{self.path} starts with numbers; its first line has to name the "
                "columns"
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.path} has two columns named {twice[0]!r}")
        if not self.lines:
            raise ValueError(f"{self.path} has no rows below its first line")

    def check_has(self, names: Sequence[str]) -> None:
        """Raise ValueError, with all columns listed, unless these are among them."""
        for name in names:
            if name not in self.names:
                known = ", ".join(self.names[:20])
                raise ValueError(f"{self.path} has no column {name!r}; it has: {known}")

    def column(self, name: str) -> list[str]:
        """One column's texts."""
        index = self.names.index(name)
        return [cells[index].strip() for _, cells in self.lines]

    def labels(self, name: str) -> list[Target]:
        """One column, as numbers where all of it is, otherwise as texts."""
        texts = self.column(name)
        for row, text in enumerate(texts):
            if text.lower() in MISSING:
                raise ValueError(f"{self._place(row, name)}: the value is missing")
        numbers = [x for x in map(number_in, texts) if x is not None]
        return plain(numbers) if len(numbers) == len(texts) else [*texts]

    def numbers(self, names: Sequence[str]) -> Array:
        """Columns as floats, of shape (rows, columns)."""
        require("numpy")
        import numpy as np

        columns = [
            [
                self._number(text, row, name)
                for row, text in enumerate(self.column(name))
            ]
            for name in names
        ]
        return np.array(columns).T.copy()

    def _number(self, text: str, row: int, name: str) -> float:
        if text.lower() in MISSING:
            raise ValueError(
                f"{self._place(row, name)}: the value is missing; fill it in, or leave "
                "out the row or the column"
            )
        number = number_in(text)
        if number is None:
            raise ValueError(
                f"{self._place(row, name)}: {text[:60]!r} is not a number (with a "
                "point, no commas); columns other than the target have to be numbers"
            )
        return number

    def _place(self, row: int, name: str) -> str:
        return f"{self.path}, line {self.lines[row][0]}, column {name!r}"


def _lines(path: Path, delimiter: str) -> list[tuple[int, list[str]]]:
    """The file's rows with their line numbers, without empty lines."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            return [(reader.line_num, cells) for cells in reader if cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file in UTF-8: {error}") from None


def number_in(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
