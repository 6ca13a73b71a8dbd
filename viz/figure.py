"""A matplotlib figure that needs no window, and is the same from run to run.

This module imports matplotlib; the others import it inside the functions that plot.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from nn.extras import require

try:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    require(str(error.name))  # matplotlib, or what it needs
    raise

from autograd.files import write_whole
from viz.render import format_of, warn_of

# Colors of Okabe and Ito (2008), told apart by color-blind readers; the gray
# is their black, made lighter.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GRAY = "#CC79A7", "#56B4E9", "#F0E442", "#595959"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GRAY, YELLOW)
MARKERS = "os^DvPX*<>"

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": 150,
    "svg.hashsalt": "chainrule",  # otherwise ids differ from run to run
    "text.parse_math": False,  # a name with a $ is text, never markup
}


FORMATS = ("svg", "png", "pdf")
GLYPH = re.compile(r"Glyph (\d+) .* missing from")  # as matplotlib warns


class Plot(Figure):
    """A figure with its own canvas; shows itself in a notebook."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write .svg, .png or .pdf, whole or not at all; same figure, same bytes."""
        write_whole(path, self.as_bytes(format_of(Path(path), FORMATS)))

    def as_bytes(self, format: str) -> bytes:
        """The picture in a format, without a date in it.

        Text that matplotlib's own fonts can't draw stays text in an SVG, for the fonts
        of its reader; in a PNG or a PDF it is missing, and a warning says so.
        """
        data, lacking = self._drawn(format, {})
        if lacking and format == "svg":
            data, _ = self._drawn(format, {"svg.fonttype": "none"})
        else:
            warn_of(lacking, format)
        return data

    def _drawn(self, format: str, style: dict[Any, Any]) -> tuple[bytes, list[str]]:
        """The picture, and the characters that are in none of matplotlib's fonts."""
        buffer = io.BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            with matplotlib.rc_context({**STYLE, **style}):
                self.savefig(buffer, format=format, metadata=dated.get(format))
        lacking = set()
        for warning in heard:
            if found := GLYPH.match(str(warning.message)):
                lacking.add(chr(int(found[1])))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        return buffer.getvalue(), sorted(lacking)

    def pixels(self) -> Any:
        """The picture as bytes, of shape (height, width, 3)."""
        import numpy as np

        canvas: Any = FigureCanvasAgg(self)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _repr_svg_(self) -> str:
        return self.as_bytes("svg").decode()


@contextmanager
def panels(
    count: int = 1, size: tuple[float, float] = (5.0, 3.6), rows: int = 1
) -> Iterator[tuple[Plot, list[Any]]]:
    """A figure with rows of panels, each of a size in inches, to be drawn in."""
    with matplotlib.rc_context(STYLE):
        figure = Plot(figsize=(size[0] * count, size[1] * rows), layout="constrained")
        yield figure, list(figure.subplots(rows, count, squeeze=False).flat)


def lighter(color: str, share: float) -> tuple[float, float, float]:
    """A color mixed with white; share 0 is white, 1 the color itself."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(color))
    return red, green, blue
