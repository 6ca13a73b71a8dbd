"""From Graphviz's DOT to SVG, PNG and PDF, with no Graphviz on the machine.

The layout engine comes inside the wheel of pygraphviz and runs in this process. A
picture large enough to take seconds is laid out by a second Python instead, which can
be stopped. The fonts come with this package, so that the same graph gives the same
bytes on every machine.
"""

from __future__ import annotations

import atexit
import html
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import graphviz

from autograd.wording import cut

FONT: Final = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"
KNOWN_FONT: Final = "Verdana"
FORMATS: Final = ("svg", "png", "pdf", "dot")

# The layout of this many statements takes well under a second, and of none so few has
# it been seen to take more than a few.
QUICK: Final = 400
SECONDS: Final = 30.0

# Time grows with the columns that all arrows cross; with so many it is about a second.
TANGLED: Final = 800
QUICKLY: Final = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.2", "splines": "line"}

DOTS_PER_INCH: Final = "192"  # sharp on a slide, twice what a screen is taken to have

LOCK: Final = threading.Lock()  # Graphviz keeps global state
PROLOG: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
COMMENT: Final = re.compile(r"<!--.*?-->\n?", re.DOTALL)
GRAPH_TITLE: Final = re.compile(
    r'(<g id="[^"]*" class="graph"[^>]*>\n)<title>[^<]*</title>\n'
)
TITLE: Final = re.compile(
    r'(<g id="([^"]*)" class="(?:node|edge)">\n)<title>[^<]*</title>\n'
)


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A picture: a `graphviz.Digraph` that draws itself without the program `dot`.

    It shows itself in a notebook. `.svg` is the picture as text, `.source` its
    description in Graphviz's language, `.save(path)` writes a file.
    """

    def __init__(
        self, titles: Mapping[str, str] | None = None, **attributes: Any
    ) -> None:
        if not isinstance(titles, Mapping | None):
            raise TypeError(
                "a Graph is what draw(output) and network(model) return: write "
                f"viz.draw(output); got {cut(repr(titles))}"
            )
        super().__init__(**attributes)
        self.titles = dict(titles or {})

    def add(self, name: str, label: str, title: str = "", **attributes: str) -> None:
        """Add a node with an id in the SVG, and a text shown where the mouse rests."""
        self.node(name, label, id=name, **attributes)
        self.titles[name] = title

    def arrow(
        self, tail: str, head: str, id: str, title: str = "", **attributes: str
    ) -> None:
        """Add an edge with an id in the SVG, and a text shown where the mouse rests."""
        self.edge(tail, head, id=id, **attributes)
        self.titles[id] = title

    @property
    def svg(self) -> str:
        """The picture as SVG: the same text for the same graph, on every machine."""
        return titled(render(self.source, "svg", self.engine).decode(), self.titles)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, whole or not at all, and return its path.

        path: ends in .svg, .png, .pdf or .dot, which says what is written. A reader's
            fonts show an SVG; the fonts that draw a PNG or a PDF come with chainrule
            and know few emoji and no Chinese, Japanese or Korean: a warning says so.

        Raises ValueError for another ending, and OSError where the file can't be
        written.
        """
        from autograd.files import write_whole

        path = Path(path)
        write_whole(path, self.data(format_of(path)))
        return path

    def data(self, format: str = "svg") -> bytes:
        """The picture in a format: "svg", "png", "pdf" or "dot"."""
        if format == "svg":
            return self.svg.encode()
        if format == "dot":
            return str(self.source).encode()
        warn_of_missing(html.unescape(str(self.source)), format)
        return render(self.source, format, self.engine)

    def pipe(
        self, format: str | None = None, encoding: str | None = None, **_: Any
    ) -> Any:
        """The picture in a format, as `graphviz.Digraph.pipe` gives it."""
        data = self.data(format or "svg")
        return data.decode(encoding) if encoding else data

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        format: str | None = None,
        **_: Any,
    ) -> str:
        """Write the picture to the name with the format added, and return that path.

        As `graphviz.Digraph.render` does, which needs the program `dot` for it.
        """
        format = format or "svg"
        name = f"{filename or self.name or 'graph'}.{format}"
        return str(self.save(Path(directory or "", name)))

    def __repr__(self) -> str:
        return f"<picture {self.name or 'graph'}>"

    def _repr_svg_(self) -> str:
        return self.svg


# ---- text in a picture ---------------------------------------------------------------


def visible(text: str, longest: int = 40) -> str:
    """The text, on one line, with a sign in place of each character that has none.

    More than `longest` characters are abbreviated in the middle.

    >>> visible("two\\nlines"), visible("abcdefghij", longest=5)
    ('two↵lines', 'ab…ij')
    """
    if len(text) > longest:
        half = (longest - 1) // 2
        text = f"{text[: longest - 1 - half]}…{text[len(text) - half :]}"
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\n":
        return "↵"
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's pictures of the control characters
    unfit = 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE
    return "\ufffd" if unfit else char


def markup(text: str) -> str:
    """Text as it is written inside a Graphviz HTML label, shown as typed.

    >>> markup("<b> \\\\N")
    '&lt;b&gt; \\\\\\\\N'
    """
    return html.escape(text).replace("\\", "\\\\")  # \\N would be the node's name


def titled(svg: str, titles: Mapping[str, str]) -> str:
    """Graphviz's SVG, with each element's name replaced by a text for the reader."""
    svg = COMMENT.sub("", PROLOG.sub("", svg, count=1))
    svg = svg.replace('baseline-shift="super"', 'dy="-0.35em"')  # alike in browsers
    svg = GRAPH_TITLE.sub(r"\1", svg, count=1)

    def title(match: re.Match[str]) -> str:
        text = titles.get(html.unescape(match[2]), "")
        return match[1] + (f"<title>{html.escape(text)}</title>\n" if text else "")

    return TITLE.sub(title, svg)


# ---- layout --------------------------------------------------------------------------


def is_tangle(arrows: Sequence[tuple[str, str]]) -> bool:
    """Whether arrows, those to what comes first first, are too tangled to be read."""
    columns: dict[str, int] = {}
    for tail, head in reversed(arrows):
        columns[tail] = max(columns.get(tail, 0), columns.setdefault(head, 0) + 1)
    return sum(columns[tail] - columns[head] for tail, head in arrows) > TANGLED


def layout_for(arrows: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What Graphviz has to be told to be done in time: of a tangle, not to be neat."""
    return QUICKLY if is_tangle(arrows) else {}


def render(
    dot: str, format: str = "svg", engine: str = "dot", seconds: float = SECONDS
) -> bytes:
    """The picture that a text in Graphviz's language describes.

    seconds: how long a large picture may take; a small one takes well under a second.

    Raises TimeoutError where it takes longer, ValueError where `dot` is not valid.
    """
    if sys.platform == "emscripten":
        return _layout_in_browser(dot, format, engine)
    if dot.count("\n") <= QUICK:
        return _layout(dot, format, engine)
    return _layout_elsewhere(dot, format, engine, seconds)


def _layout(dot: str, format: str, engine: str) -> bytes:
    with LOCK:
        _load_fonts()
        return _graphviz(dot, format, engine)


def _graphviz(dot: str, format: str, engine: str) -> bytes:
    import pygraphviz

    picture = pygraphviz.AGraph(string=dot)
    if picture.name == CLEAR and dot.count("\n") <= QUICK:
        placed = picture.draw(format="dot", prog=engine).decode()
        laid = pygraphviz.AGraph(string=placed)
        if _cleared(laid):
            picture, laid = laid, picture
            engine = "nop2"  # which leaves all where it is
        laid.close()
    if format == "png":
        picture.graph_attr["dpi"] = DOTS_PER_INCH
    try:
        drawn = bytes(picture.draw(format=format, prog=engine))
    finally:
        picture.close()
    return undated(drawn) if format == "pdf" else drawn


# ---- labels of arrows ----------------------------------------------------------------


CLEAR: Final = "gradients"  # the graphs whose labels are kept clear
LETTER, SLIM = 5.8, 3.1  # points that a character of a label takes, and one of " .-"
HALF: Final = 3.6  # points from the middle of a label's text to its top
NEAR: Final = 3.0  # points from a label to the arrow that it belongs to, about

Box: TypeAlias = tuple[float, float, float, float]  # left, low, right, high


def _cleared(laid: Any) -> bool:
    """Move labels of arrows that lie across another arrow; whether there were any.

    A label goes to the nearest place beside its own arrow that nothing else takes.
    """
    edges = []
    for edge in laid.edges():
        if _said(edge, "pos") and _said(edge, "style") != "invis":
            edges.append(edge)
        else:  # told once more, inside of a row, without its style
            edge.attr["style"] = "invis"
    lines = [_way(_said(edge, "pos")) for edge in edges]
    wide = [float(_said(edge, "penwidth") or 1) / 2 + 1 for edge in edges]
    labels = {i: _text(edge) for i, edge in enumerate(edges) if _said(edge, "lp")}
    taken = [_frame(node) for node in laid.nodes()]
    moved = False
    for i, box in labels.items():
        others = [(lines[j], wide[j]) for j in range(len(edges)) if j != i]
        if not any(_across(line, box, width) for line, width in others):
            continue
        rest = taken + [other for j, other in labels.items() if j != i]
        for place in _places(lines[i], box, wide[i]):
            ways = [*others, (lines[i], wide[i] - 0.3)]
            if any(_across(line, place, width) for line, width in ways):
                continue
            if not any(_meet(place, other) for other in rest):
                x, y = map(float, edges[i].attr["lp"].split(","))
                right, up = place[0] - box[0], place[1] - box[1]
                edges[i].attr["lp"] = f"{x + right:.2f},{y + up:.2f}"
                labels[i], moved = place, True
                break
    return moved


def _said(item: Any, name: str) -> str:
    """An attribute of a node or an arrow, or nothing."""
    try:
        return str(item.attr[name] or "")
    except KeyError:  # of none in the whole graph
        return ""


def _way(pos: str) -> list[complex]:
    """Points 3 or less apart along an arrow: a chain of cubic curves, and its tip."""
    parts = [part.split(",") for part in pos.replace("\\\n", "").split()]
    tips = [part[1:] for part in parts if part[0] == "e"]
    corners = [complex(*map(float, part)) for part in parts if len(part) == 2]
    points = []
    for start in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[start : start + 4]
        steps = 4 + int((abs(b - a) + abs(c - b) + abs(d - c)) / 3)
        for t in (step / steps for step in range(steps + 1)):
            u = 1 - t
            points.append(u**3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t**3 * d)
    for x, y in tips:
        end, tip = points[-1], complex(float(x), float(y))
        points += [end + (tip - end) * k / 4 for k in (1, 2, 3, 4)]
    return points


def _text(edge: Any) -> Box:
    """Where the text of an arrow's label stands."""
    x, y = map(float, edge.attr["lp"].split(","))
    text = html.unescape(re.sub("<[^>]*>", "", edge.attr["label"]))
    half = sum(SLIM if c in " .-" else LETTER for c in text) / 2
    y += 2 * ("HEIGHT" in edge.attr["label"])  # there is room left below it
    return x - half, y - HALF, x + half, y + HALF


def _frame(node: Any) -> Box:
    x, y = map(float, node.attr["pos"].split(","))
    half, up = (36 * float(node.attr[side]) for side in ("width", "height"))
    return x - half, y - up, x + half, y + up


def _across(line: Sequence[complex], box: Box, near: float) -> bool:
    """Whether a line comes so near to a box."""
    left, low, right, high = box
    return any(
        left - near < point.real < right + near
        and low - near < point.imag < high + near
        for point in line
    )


def _meet(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]


def _places(line: Sequence[complex], box: Box, wide: float) -> list[Box]:
    """Boxes of this size on both sides of a line, the nearest to this one first."""
    left, low, right, high = box
    across, up = (right - left) / 2, (high - low) / 2
    middle = complex((left + right) / 2, (low + high) / 2)
    asides = 1j * (up + NEAR + wide), complex(across + NEAR + wide)
    inner = line[len(line) // 8 : -len(line) // 5]
    more = [k * aside for aside in asides for k in (1, -1, 1.4, -1.4, 2, -2)]
    centers = [point + k for point in inner for k in more]
    centers.sort(key=lambda center: abs(center - middle))
    return [
        (c.real - across, c.imag - up, c.real + across, c.imag + up) for c in centers
    ]


DATE: Final = re.compile(rb"\s*/CreationDate \([^)]*\)")


def undated(pdf: bytes) -> bytes:
    """A PDF without the time at which it was written; its index follows the change."""
    found = DATE.search(pdf)
    if found is None:
        return pdf
    start, end = found.span()

    def moved(place: re.Match[bytes]) -> bytes:
        at = int(place[0])
        return b"%0*d" % (len(place[0]), at - (end - start if at > start else 0))

    body, mark, index = (pdf[:start] + pdf[end:]).rpartition(b"\nxref\n")
    return body + mark + re.sub(rb"\d+(?= \d{5} n)|(?<=startxref\n)\d+", moved, index)


def _layout_in_browser(dot: str, format: str, engine: str) -> bytes:
    """By the Graphviz that a page has loaded, where Python itself runs in a browser.

    It can't look into fonts, and knows how wide letters are of some families alone:
    Verdana is as wide as the family that comes with this package.
    """
    from importlib import import_module

    registered = import_module("wasm_graphviz")  # by the page's worker
    known = dot.replace(f'"{FONT}"', f'"{KNOWN_FONT}"')
    drawn = str(registered.layout(known, format, engine))
    return drawn.replace(f'"{KNOWN_FONT}"', f'"{FONT}"').encode()


def _layout_elsewhere(dot: str, format: str, engine: str, seconds: float) -> bytes:
    """The same in a second Python, which can be stopped: this file run as a program."""
    command = [sys.executable, "-P", __file__, format, engine]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command,
            input=dot.encode(),
            capture_output=True,
            env=environment,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"the layout was stopped after {seconds:g} s: this picture is too large "
            "to lay out; draw a part of it with draw(v, depth=4), or fold it with "
            'detail="neuron" or detail="layer"'
        ) from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ValueError(f"Graphviz could not lay out this picture: {''.join(last)}")
    return done.stdout


# ---- fonts ---------------------------------------------------------------------------


FONTS_ONLY: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}</cachedir></fontconfig>
"""


@cache
def _load_fonts() -> None:
    """Have Graphviz read the fonts of this package, once, without a word on stderr.

    These alone, so that a layout is the same on every machine. Fontconfig leaves a
    note in each folder that it reads, so it reads copies in a folder that goes when
    the process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="chainrule-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for font in (Path(__file__).parent / "fonts").glob("*.ttf"):
        shutil.copy(font, folder)
    conf = folder / "fonts.conf"
    conf.write_text(FONTS_ONLY.format(folder=html.escape(str(folder))))
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(conf)
    try:
        with _without_font_warnings():
            _graphviz(f'digraph {{ a [fontname="{FONT}"] }}', "svg", "dot")
    finally:
        del os.environ["FONTCONFIG_FILE"]
        if before is not None:
            os.environ["FONTCONFIG_FILE"] = before


def warn_of_missing(text: str, format: str) -> None:
    """Warn where the fonts that draw have no sign for what is in a text."""
    unknown = sorted({c for c in text if ord(c) > 0x7F and ord(c) not in glyphs()})
    warn_of([c for c in unknown if _is_drawn(c)], format)


def warn_of(lacking: Sequence[str], format: str) -> None:
    """Warn of characters that the fonts of this machine draw as empty boxes."""
    if lacking:
        from autograd.source import users_level  # a layout's own process needs none

        some = "".join(lacking[:8]) + ("…" if len(lacking) > 8 else "")
        warnings.warn(
            f"the fonts that draw a .{format} have no signs for {some}: write an "
            ".svg, which shows with the fonts of its reader",
            stacklevel=users_level(),
        )


def _is_drawn(char: str) -> bool:
    """Whether it has a sign of its own, unlike what joins or turns its neighbors."""
    return unicodedata.category(char) not in ("Cf", "Mn", "Me", "Zs", "Cn")


@cache
def glyphs() -> frozenset[int]:
    """The characters that the fonts of this package have signs for.

    >>> ord("δ") in glyphs(), ord("重") in glyphs()
    (True, False)
    """
    files = sorted((Path(__file__).parent / "fonts").glob("*.ttf"))
    return frozenset(code for file in files for code in _mapped(file.read_bytes()))


def _mapped(font: bytes) -> Iterator[int]:
    """The characters of a TrueType font: the segments of its table `cmap`, in form 4.

    That is where each segment ends, then where each starts; the last is no character's.
    """
    entries = struct.iter_unpack(">4s3I", font[12 : 12 + 16 * font[5]])
    (table,) = (at for tag, _, at, _ in entries if tag == b"cmap")
    (form,) = struct.unpack_from(">I", font, table + 8)
    (size,) = struct.unpack_from(">H", font, table + form + 6)
    ends = table + form + 14
    for place in range(ends, ends + size - 2, 2):
        (last,) = struct.unpack_from(">H", font, place)
        (first,) = struct.unpack_from(">H", font, place + size + 2)
        yield from range(first, last + 1)


@contextmanager
def _without_font_warnings() -> Iterator[None]:
    """Hold back what C code prints to stderr, and pass on all but Fontconfig's lines.

    Fontconfig warns of files on the machine that a newer version wrote, and of folders
    it can't write to, and has no switch against that.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # there is none, as under pythonw
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            lines = held.read().splitlines(keepends=True)
            os.write(2, b"".join(x for x in lines if not x.startswith(b"Fontconfig ")))
            os.close(stderr)


# ---- files ---------------------------------------------------------------------------


def format_of(path: Path, formats: Sequence[str] = FORMATS) -> str:
    """The format, of these, that a path's ending names."""
    format = path.suffix.lower().removeprefix(".").replace("gv", "dot")
    if format not in formats:
        *others, last = (f".{name}" for name in formats)
        known = f"{', '.join(others)} or {last}"
        raise ValueError(
            f"can't tell the format of {str(path)!r}: end the name in {known}"
        )
    return format


if __name__ == "__main__":
    sys.stdout.buffer.write(_layout(sys.stdin.buffer.read().decode(), *sys.argv[1:3]))
