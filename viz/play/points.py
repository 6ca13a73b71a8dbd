"""Points in the plane for the lab to learn from: drawn at random, or a person's own.

Plain lists, without NumPy, so that they are there in a browser too.
"""

from __future__ import annotations

import csv
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Point = tuple[float, float]
Cloud = Callable[[random.Random, int, float], tuple[Point, int]]

MOST: Final = 2000
"""Rows that the lab takes."""

CLASSES: Final = 8
"""Classes that it tells apart."""


# ---- drawn at random -----------------------------------------------------------------


def _moon(rng: random.Random, row: int, noise: float) -> tuple[Point, int]:
    side, angle = row % 2, math.pi * rng.random()
    x, y = math.cos(angle), math.sin(angle)
    return ((x - 0.5, y - 0.25) if side == 0 else (0.5 - x, 0.25 - y)), side


def _circle(rng: random.Random, row: int, noise: float) -> tuple[Point, int]:
    side, angle = row % 2, 2 * math.pi * rng.random()
    size = (1.5, 0.7)[side]
    return (size * math.cos(angle), size * math.sin(angle)), side


def _spiral(rng: random.Random, row: int, noise: float) -> tuple[Point, int]:
    side, along = row % 2, math.sqrt(rng.random())  # even spread along the arm
    angle = 2 * math.pi * (along + side / 2)
    return (1.8 * along * math.cos(angle), 1.8 * along * math.sin(angle)), side


def _corner(rng: random.Random, row: int, noise: float) -> tuple[Point, int]:
    a, b = row // 2 % 2, row % 2
    return (rng.uniform(0.1, 1.6) * (2 * a - 1), rng.uniform(0.1, 1.6) * (2 * b - 1)), (
        a ^ b
    )


def _blob(rng: random.Random, row: int, noise: float) -> tuple[Point, int]:
    side = row % 3
    angle = 2 * math.pi * side / 3
    x, y = 1.1 * math.cos(angle), 1.1 * math.sin(angle)
    return (x + rng.gauss(0, 0.2), y + rng.gauss(0, 0.2)), side


SHAPES: Final[Mapping[str, Cloud]] = {
    "moons": _moon,
    "circles": _circle,
    "spirals": _spiral,
    "xor": _corner,
    "blobs": _blob,
}
"""What can be drawn at random: from a row's number to a point and its class."""


def points(
    shape: str, rows: int = 120, noise: float = 0.1, seed: int = 0
) -> dict[str, Any]:
    """A data set in the plane: `X`, `y`, the names of the classes and of the columns.

    shape: one of `SHAPES`. noise: the standard deviation of what is added to points.
    Raises ValueError for what can't be.

    >>> points("xor", rows=4, noise=0.0)["y"]
    [0, 1, 1, 0]
    """
    if shape not in SHAPES:
        raise ValueError(f"there are no data {shape!r:.40}; choose {', '.join(SHAPES)}")
    if not 4 <= rows <= MOST or rows != int(rows):
        raise ValueError(f"rows go from 4 to {MOST}, in whole numbers; got {rows}")
    if not 0 <= noise <= 2:
        raise ValueError(f"noise goes from 0 to 2; got {noise}")
    rng = random.Random(f"{shape} {seed}")
    made = [SHAPES[shape](rng, row, noise) for row in range(int(rows))]
    X = [[x + rng.gauss(0, noise), y + rng.gauss(0, noise)] for (x, y), _ in made]
    y = [side for _, side in made]
    return {
        "X": X,
        "y": y,
        "classes": [str(side) for side in sorted(set(y))],
        "names": ["x1", "x2"],
        "told": "",
    }


# ---- a table that someone pasted -----------------------------------------------------


def table(text: str, chosen: Sequence[str] = ()) -> dict[str, Any]:
    """Points from a table as text: two columns of numbers, and one that is to be told.

    chosen: the names of the three columns; by default the first two of numbers, and the
        last one of few values. Lines that lack one of them are left out, and said so.

    Raises ValueError that says what is missing.

    >>> table("a;b;kind\\n1;2;x\\n3,5;4;y")["X"]
    [[1.0, 2.0], [3.5, 4.0]]
    """
    names, rows = _read(text)
    columns = {name: [row[n] for row in rows] for n, name in enumerate(names)}
    across, up, kind = _chosen(columns, chosen)
    known = [
        (x, y, label.strip())
        for a, b, label in zip(columns[across], columns[up], columns[kind], strict=True)
        if (x := _number(a)) is not None
        and (y := _number(b)) is not None
        and label.strip()
    ]
    classes = sorted({label for _, _, label in known}, key=_order)
    if not 2 <= len(classes) <= CLASSES:
        raise ValueError(
            f"{kind!r} has {len(classes)} different values; choose a column with 2 to "
            f"{CLASSES} of them to tell"
        )
    left = len(rows) - len(known)
    return {
        "X": [[x, y] for x, y, _ in known],
        "y": [classes.index(label) for _, _, label in known],
        "classes": classes,
        "names": [across, up],
        "columns": names,
        "chosen": [across, up, kind],
        "told": f"{left} of {len(rows)} lines were left out, for they lack a value"
        if left
        else "",
    }


def _read(text: str) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3:
        raise ValueError("a table has a line of names and at least two lines of data")
    if len(lines) > MOST + 1:
        raise ValueError(f"this table has {len(lines) - 1} lines; at most {MOST} fit")
    delimiter = max(";\t,", key=lines[0].count)
    names, *rows = csv.reader(lines, delimiter=delimiter)
    names = [name.strip() for name in names]
    if all(_number(name) is not None for name in names):
        raise ValueError(
            "the first line holds numbers; put a line with the columns' names above it"
        )
    for name, times in Counter(names).items():
        if times > 1 or not name:
            raise ValueError(f"the column name {name!r} is there {times} times")
    for line, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ValueError(
                f"line {line} has {len(row)} values, the first {len(names)} names"
            )
    return names, rows


def _number(text: str) -> float | None:
    """A finite number, also with a decimal comma; None for anything else."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers by their size, then texts."""
    number = _number(label)
    return number is None, number or 0.0, label


def _chosen(columns: Mapping[str, list[str]], chosen: Sequence[str]) -> list[str]:
    """The columns of the axes and the one to tell."""
    for name in chosen:
        if name not in columns:
            raise ValueError(f"there is no column {name!r:.60}")
    if len(chosen) == 3 and len(set(chosen)) == 3:
        return [*chosen]
    kinds = [name for name, texts in columns.items() if 2 <= len(set(texts)) <= CLASSES]
    if not kinds:
        raise ValueError(
            f"no column has 2 to {CLASSES} different values, as one with classes does"
        )
    kind = kinds[-1]
    axes = [name for name in _of_numbers(columns) if name != kind]
    if len(axes) < 2:
        raise ValueError("a table needs two columns of numbers beside the classes")
    return [*axes[:2], kind]


def _of_numbers(columns: Mapping[str, list[str]]) -> Iterator[str]:
    """Those that hold numbers, all but a few lines."""
    for name, texts in columns.items():
        numbers = [text for text in texts if _number(text) is not None]
        if 2 * len(numbers) > len([text for text in texts if text.strip()]):
            yield name
