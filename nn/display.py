"""How things show themselves in a notebook: tables, curves and networks as HTML.

All of it is text that is made here, so that nothing has to be imported or installed.
`viz` draws the same in full: `plot_history(history)`, `network(model)`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

ROWS = 8
BLUE, ORANGE, GRAY = "#0072B2", "#E69F00", "#595959"
WIDE, HIGH = 260, 120
"""The size of a picture."""


def table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table; what is in the cells is text, never markup.

    >>> table(["a"], [["<b>"]])
    '<table><tr><th>a</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    lines = [_cells("th", heads), *(_cells("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _cells(tag: str, row: Iterable[object]) -> str:
    cells = (f"{x:.4g}" if isinstance(x, float) else str(x) for x in row)
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


# ---- curves --------------------------------------------------------------------------


def curves(columns: Mapping[str, Sequence[float]]) -> str:
    """A picture for each measurement, the validation's dashed beside the training's."""
    names = [
        name
        for name in columns
        if not name.startswith("validation_") and name not in ("lr", "gradient_norm")
    ]
    return "".join(_curve(name, columns) for name in names if len(columns[name]) > 1)


def _curve(name: str, columns: Mapping[str, Sequence[float]]) -> str:
    series = [columns[name], columns.get(f"validation_{name}", ())]
    finite = [y for part in series for y in part if abs(y) < float("inf")]
    low, high = min(0.0, *finite), max(finite, default=1.0) or 1.0
    drawn = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dash}" points="{_points(part, low, high)}"/>'
        for part, color, dash in zip(series, (BLUE, ORANGE), ("", "5 3"), strict=True)
        if part
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH + 24}" '
        f'font-family="sans-serif" font-size="11" fill="{GRAY}">'
        f'<text x="4" y="12">{escape(name)}: {series[0][-1]:.4g}</text>'
        f'<g transform="translate(0 18)">{drawn}</g></svg>'
    )


def _points(part: Sequence[float], low: float, high: float) -> str:
    across, up = (WIDE - 8) / max(len(part) - 1, 1), HIGH / (high - low)
    return " ".join(
        f"{4 + i * across:.1f},{(high - y) * up:.1f}"
        for i, y in enumerate(part)
        if abs(y) < float("inf")
    )


# ---- networks ------------------------------------------------------------------------

MOST = 12


def layers(weights: Sequence[Sequence[Sequence[float]]]) -> str:
    """Neurons in columns, joined by lines: blue for positive weights, orange else.

    weights: by layer, neuron and input. Of a wide layer the first 12 neurons appear;
    nothing, where a layer does not take what the one before gives.
    """
    sizes = [len(weights[0][0]), *map(len, weights)] if weights else []
    if any(len(w[0]) != n for w, n in zip(weights, sizes, strict=False)) or not sizes:
        return ""
    high = 18 * min(max(sizes), MOST)
    places = [[(24 + 90 * k, y) for y in _column(n, high)] for k, n in enumerate(sizes)]
    lines = "".join(
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" '
        f'stroke="{BLUE if w > 0 else ORANGE}"/>'
        for k, layer in enumerate(weights)
        for (x2, y2), row in zip(places[k + 1], layer, strict=False)
        for (x1, y1), w in zip(places[k], row, strict=False)
    )
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="5" fill="white" stroke="{GRAY}"/>'
        for column in places
        for x, y in column
    )
    wide = 48 + 90 * len(weights)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'stroke-width="0.8">{lines}{dots}</svg>'
    )


def _column(count: int, high: int) -> list[float]:
    shown = min(count, MOST)
    return [high / 2 + 18 * (i - (shown - 1) / 2) for i in range(shown)]


# ---- progress ------------------------------------------------------------------------


class Bar:
    """How far a training is, in words and as a bar."""

    def __init__(self, done: int, epochs: int, words: str) -> None:
        self.done, self.epochs, self.words = done, epochs, words

    def __repr__(self) -> str:
        return f"epoch {self.done}/{self.epochs}  {self.words}".rstrip()

    def _repr_html_(self) -> str:
        bar = f'<progress value="{self.done}" max="{self.epochs}"></progress>'
        return f"{bar} {escape(repr(self))}"


def in_notebook() -> bool:
    """Whether a notebook shows what this process displays."""
    python: Any = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None else None
    return hasattr(shell, "kernel")


@contextmanager
def bar_in_notebook(epochs: int, done: int) -> Iterator[Callable[[int, str], None]]:
    """A function that moves a bar below the cell, ten times a second at most."""
    from IPython import display

    show: Any = display.display
    handle = show(Bar(done, epochs, ""), display_id=True)
    latest = [Bar(done, epochs, "")]
    moved = time.monotonic()

    def move(epoch: int, words: str) -> None:
        nonlocal moved
        latest.append(Bar(epoch, epochs, words))
        del latest[0]
        if time.monotonic() - moved > 0.1:
            handle.update(latest[0])
            moved = time.monotonic()

    try:
        yield move
    finally:
        handle.update(latest[0])
