"""A training step as a diagram of boxes: forward down the left side, backward up."""

from __future__ import annotations

from dataclasses import dataclass

from autograd.wording import width as columns
from viz.notation import pad

GUTTER = 2
ARROW_INSET = 6


@dataclass(frozen=True, slots=True)
class Part:
    """A step of the flow: a title and printed lines."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a flow, by the pass they belong to."""

    input: Part
    forward: tuple[Part, ...]
    loss: Part
    backward: tuple[Part, ...]
    update: Part
    second: Part


@dataclass(frozen=True, slots=True)
class Frame:
    """The characters that boxes and arrows are drawn with."""

    corners: tuple[str, str, str, str]
    across: str
    down: str
    exit_below: str
    exit_above: str
    arrow_down: str
    arrow_up: str


UNICODE_FRAME = Frame(("╭", "╮", "╰", "╯"), "─", "│", "┬", "┴", "▼", "▲")
ASCII_FRAME = Frame(("+", "+", "+", "+"), "-", "|", "+", "+", "v", "^")


def diagram(parts: Parts, width: int, ascii: bool) -> str:
    """The forward pass down the left side, the backward pass up the right side."""
    frame = ASCII_FRAME if ascii else UNICODE_FRAME
    half = (width - GUTTER) // 2
    whole = 2 * half + GUTTER
    out = half - ARROW_INSET
    lines = _box(parts.input, half, frame, below=out)
    for k, (there, back) in enumerate(zip(parts.forward, parts.backward, strict=True)):
        lines += _arrows(half, frame, up=k > 0)
        lines += _side_by_side(there, back, half, frame, first=k == 0)
    lines += _arrows(half, frame, up=True)
    lines += _box(parts.loss, whole, frame, above=out + half + GUTTER)
    lines += ["", *_box(parts.update, whole, frame, below=out)]
    lines += [" " * out + frame.down, " " * out + frame.arrow_down]
    lines += _box(parts.second, whole, frame)
    return "\n".join(line.rstrip() for line in lines)


def _side_by_side(
    there: Part, back: Part, half: int, frame: Frame, first: bool
) -> list[str]:
    """The two boxes of one layer, of the same height."""
    height = max(len(there.lines), len(back.lines))
    out = half - ARROW_INSET
    left = _box(there, half, frame, height=height, below=out)
    right = _box(back, half, frame, height=height, above=None if first else out)
    return [a + " " * GUTTER + b for a, b in zip(left, right, strict=True)]


def _arrows(half: int, frame: Frame, up: bool) -> list[str]:
    """Two lines between boxes: an arrow down on the left, and one up on the right."""
    out = half - ARROW_INSET
    down = (frame.down, frame.arrow_down)
    rise = (frame.arrow_up, frame.down) if up else (" ", " ")
    gap = " " * (half + GUTTER - 1)
    return [" " * out + a + gap + b for a, b in zip(down, rise, strict=True)]


def _box(
    part: Part,
    width: int,
    frame: Frame,
    *,
    height: int = 0,
    above: int | None = None,
    below: int | None = None,
) -> list[str]:
    """A part in a frame; `above` and `below` are columns where an arrow leaves it."""
    inner = width - 4
    lines = [*part.lines, *[""] * (height - len(part.lines))]
    title = f"{frame.across} {_cut(part.title, inner - ARROW_INSET - 2)} "
    rest = frame.across * (width - 2 - columns(title))
    top = f"{frame.corners[0]}{title}{rest}{frame.corners[1]}"
    bottom = f"{frame.corners[2]}{frame.across * (width - 2)}{frame.corners[3]}"
    return [
        _marked(top, above, frame.exit_above, width),
        *(f"{frame.down} {pad(line, inner)} {frame.down}" for line in lines),
        _marked(bottom, below, frame.exit_below, width),
    ]


def _cut(text: str, room: int) -> str:
    return text if columns(text) <= room else text[: room - 3] + "..."


def _marked(border: str, column: int | None, mark: str, width: int) -> str:
    """A border with a mark where an arrow leaves it, counted from its right end."""
    if column is None:
        return border
    from_end = column % width - width
    return border[:from_end] + mark + border[from_end + 1 :]
