"""From DOT to files: quiet, whole, the same everywhere, stopped in time."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import warnings
import xml.etree.ElementTree as ElementTree
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace

import pytest

import viz
from viz import Graph, render
from viz.render import glyphs, is_tangle, layout_for, markup, visible

SVG = "{http://www.w3.org/2000/svg}"

TYPED = [
    "<script>alert(1)</script>",
    "a{b|c}",
    "'single' \"double\"",
    r"\N \G \L \E \T \H \l \r \n \\ \N",
    "trailing backslash \\",
    "&lt;b&gt; &amp; &#65; &nbsp;",
    "$x_1$ %d 100% #{}",
    "<b>bold</b><BR/>",
    "]]> --> <!-- <![CDATA[",
    "δ∂ŷ ‖x‖ é ß 権重",
    "مرحبا שלום",
    "😀🎉👩‍🚀",
    "\u202eright to left override",
    "W1[2,3]",
    "-",
]


def texts(svg: str) -> list[str]:
    """Every text of a picture, in the order of the file."""
    return [
        element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")
    ]


def picture(text: str) -> Graph:
    graph = Graph()
    graph.add("a", f"<<B>{markup(visible(text))}</B>>", title=visible(text))
    return graph


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("δ∂ŷ ‖x‖ é ß Ж −·×÷√ θ₁ x\u0302", ""),
        ("مرحبا שלום\u200f", ""),
        ("重み", "み重"),
        ("무게", "게무"),
        ("วัน", "นว"),
        ("🙂 and 👩\u200d🚀", "👩🙂🚀"),
        ("重" * 3 + "abcdefghijklmn" + "一二三四五六七八九十", "一七三九二五八六…"),
    ],
)
def test_what_no_font_of_ours_draws_is_warned_of(text, lacking):
    drawn = picture(text)
    assert drawn.svg
    for form in ("png", "pdf"):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            assert drawn.data(form)
        words = f"draw a .{form} have no signs for {lacking}: write an .svg"
        assert [words in str(w.message) for w in heard] == [True] * bool(lacking)
        assert {w.filename for w in heard} <= {__file__}  # and not one of ours


def test_the_signs_of_our_fonts_are_known():
    ft2font = pytest.importorskip("matplotlib.ft2font")
    fonts = Path(viz.__file__).parent.glob("fonts/*.ttf")
    assert glyphs() == {c for f in fonts for c in ft2font.FT2Font(str(f)).get_charmap()}


@pytest.mark.parametrize("text", TYPED)
def test_text_is_shown_as_typed(text):
    svg = picture(text).svg
    assert texts(svg) == [text]
    (title,) = ElementTree.fromstring(svg).iter(f"{SVG}title")
    assert title.text == text


@pytest.mark.parametrize(
    "code", [*range(32), 127, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF]
)
def test_characters_that_xml_forbids_are_shown_by_a_sign(code):
    (shown,) = texts(picture(f"a{chr(code)}b").svg)
    assert shown[0] + shown[-1] == "ab"
    assert len(shown) == 3
    assert shown[1].isprintable()


def test_every_character_of_the_basic_plane_gives_valid_xml():
    for start in range(0, 0x11000, 0x400):
        text = "".join(map(chr, range(start, start + 0x400)))
        graph = Graph()
        graph.add("a", f"<{markup(visible(text, longest=2000))}>", title=visible(text))
        ElementTree.fromstring(graph.svg)


def test_long_text_is_abbreviated_in_the_middle():
    shown = visible("a" * 5000 + "b" * 5000)
    assert shown == "a" * 20 + "…" + "b" * 19
    assert visible("x" * 40) == "x" * 40


def test_formats_by_the_ending(tmp_path):
    graph = picture("a")
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph"}
    for ending, start in starts.items():
        path = graph.save(tmp_path / f"picture{ending.upper()}")
        assert path.read_bytes().startswith(start)
    assert graph.save(str(tmp_path / "a.gv")).read_bytes().startswith(b"digraph")
    with pytest.raises(
        ValueError, match=r"end the name in \.svg, \.png, \.pdf or \.dot"
    ):
        graph.save(tmp_path / "picture.jpg")
    with pytest.raises(ValueError, match="can't tell the format of"):
        graph.save(tmp_path / "picture")


def test_a_png_is_sharp_on_a_slide():
    graph = picture("a")
    across = float(re.search(r'width="(\d+)pt"', graph.svg)[1]) / 72
    wide = int.from_bytes(graph.data("png")[16:20])  # pixels, where the format has them
    assert wide == pytest.approx(192 * across, abs=4)


def test_a_notebook_shows_the_picture():
    graph = picture("a")
    assert graph._repr_mimebundle_() == {"image/svg+xml": graph.svg}
    assert graph._repr_svg_() == graph.svg
    assert graph._repr_mimebundle_(include=["image/png"])["image/png"][1:4] == b"PNG"
    assert graph.pipe("svg", encoding="utf-8") == graph.svg


def test_code_written_for_graphviz_needs_no_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path = picture("a").render("drawing", tmp_path, format="png")
    assert path == str(tmp_path / "drawing.png")
    assert Path(path).read_bytes().startswith(b"\x89PNG")
    assert repr(picture("a")) == "<picture graph>"


def test_not_a_byte_that_changes_from_run_to_run():
    svg = picture("a").svg
    assert svg == picture("a").svg
    for trace in ("<!--", "<?xml", "DOCTYPE", "graphviz", "/tmp", os.getcwd()):
        assert trace not in svg


def test_a_pdf_has_no_date_and_an_index_that_is_right():
    pdf = picture("a").data("pdf")
    assert b"CreationDate" not in pdf
    index = int(re.search(rb"startxref\n(\d+)", pdf)[1])
    assert pdf[index:].startswith(b"xref\n")
    places = re.findall(rb"^(\d{10}) \d{5} n", pdf[index:], re.MULTILINE)
    assert len(places) > 5
    for number, place in enumerate(places, 1):
        assert pdf[int(place) :].startswith(b"%d 0 obj" % number)


def test_in_a_browser_the_page_lays_out(monkeypatch):
    asked = []

    def layout(*words):
        asked.append(words)
        return words[0]

    known, own = f'a "{render.KNOWN_FONT}"', f'a "{render.FONT}"'
    monkeypatch.setitem(sys.modules, "wasm_graphviz", SimpleNamespace(layout=layout))
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert render.render(own, "svg", "neato") == own.encode()
    assert asked == [(known, "svg", "neato")]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, with its stdout and stderr."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


DRAWING = """
    from autograd import Value
    from viz import draw
    x, y = Value(2.0, label="x"), Value(-0.5, label="ŷ")
    z = (x * y + x).tanh() * x
    z.backward()
    picture = draw(z, {"z": z})
    print(picture.svg, len(picture.data("png")), len(picture.data("pdf")))
"""


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"FONTCONFIG_FILE": "/nonexistent/fonts.conf"},
        {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "PATH": ""},
    ],
)
def test_nothing_is_printed_and_no_program_called(environment):
    done = run(DRAWING, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(DRAWING).stdout


def test_the_environment_is_as_before():
    code = """
        import os
        before = dict(os.environ)
        from viz import Graph
        Graph().svg
        print(before == dict(os.environ))
    """
    assert run(code).stdout == "True\n"
    assert run(code, FONTCONFIG_FILE="mine").stdout == "True\n"


def test_what_else_is_on_stderr_stays():
    code = """
        import os, pygraphviz
        from viz import render
        def noisy(*_):
            os.write(2, b"Fontconfig warning: nobody needs this\\n")
            os.write(2, b"a real error\\n")
        render._graphviz = noisy
        render._load_fonts()
        os.write(2, b"after\\n")
    """
    assert run(code).stderr == "a real error\nafter\n"


def test_fonts_that_someone_cleared_away_are_no_error_at_the_end(tmp_path):
    code = """
        import shutil, tempfile
        from pathlib import Path
        from viz import render
        render._load_fonts()
        (folder,) = Path(tempfile.gettempdir()).glob("chainrule-fonts-*")
        shutil.rmtree(folder)
    """
    done = run(code, TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_no_folder_but_the_systems_own_is_written_to(tmp_path):
    done = run(f"import os; os.chdir({str(tmp_path)!r})\n" + textwrap.dedent(DRAWING))
    assert done.returncode == 0
    assert os.listdir(tmp_path) == []


def test_threads_draw_the_same():
    expected = picture("a").svg
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(picture("a").svg))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def large(count: int) -> str:
    lines = [
        f"n{i} -> n{(i * 7919 + 1) % count}; n{i} -> n{i // 2};" for i in range(count)
    ]
    return "digraph {\n" + "\n".join(lines) + "\n}"


def test_a_large_picture_is_laid_out_elsewhere_and_the_same():
    dot = "digraph {\n" + "\n".join(f"n{i} -> n{i // 2}" for i in range(500)) + "\n}"
    assert dot.count("\n") > render.QUICK
    assert render.render(dot) == render._layout(dot, "svg", "dot")


def test_a_layout_that_takes_too_long_is_stopped():
    with pytest.raises(TimeoutError, match=r"stopped after 0.5 s.*draw\(v, depth=4\)"):
        render.render(large(3000), seconds=0.5)


def test_dot_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="could not lay out"):
        render.render("digraph {" + "\n" * (render.QUICK + 1))


@pytest.mark.parametrize(
    "char",
    [*map(chr, range(32)), *"\x7f\x9f\xa0\ud7ff\ud800\udfff\ue000\ufffd\ufffe\uffffa"],
)
def test_the_sign_of_a_control_character_is_unicodes_own(char):
    code = ord(char)
    none = (0x7F, 0x9F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)
    wanted = chr(0x2400 + code) if code < 32 else "\ufffd" if code in none else char
    assert visible(char) == ("↵" if char == "\n" else wanted)


def test_of_graphvizs_complaints_the_last_is_told(monkeypatch):
    said = SimpleNamespace(returncode=1, stderr=b"a\nb\nlast \xff\n", stdout=b"")
    monkeypatch.setattr(render.subprocess, "run", lambda *args, **options: said)
    with pytest.raises(ValueError, match=r"could not lay out this picture: last .$"):
        render.render("\n" * (render.QUICK + 1))


def test_a_tangle_is_laid_out_quickly():
    chain = [(f"n{i}", f"n{i + 1}") for i in range(500)]
    assert not is_tangle(chain)
    assert layout_for(chain) == {}
    most = [(f"n{i}", f"n{i + 1}") for i in range(render.TANGLED)]
    assert not is_tangle(most)
    assert is_tangle([*most, (f"n{len(most)}", "last")])
    skipping = [(f"n{i // 9}", f"n{i + 1}") for i in range(100)]
    tangle = sorted([*chain[:100], *skipping], key=lambda arrow: int(arrow[1][1:]))
    assert is_tangle(tangle)
    assert "splines" in layout_for(tangle)


# ---- where labels of arrows may stand ------------------------------------------------


def halfway(corners: list[complex], t: float) -> complex:
    """A point of a curve, by de Casteljau: the mean of means of its corners."""
    while len(corners) > 1:
        corners = [(1 - t) * a + t * b for a, b in pairwise(corners)]
    return corners[0]


@pytest.mark.parametrize(
    ("curves", "tip"),
    [
        ([[0, 10 + 40j, 60 + 40j, 90]], 100 + 2j),
        ([[5 + 5j, 5 + 5j, 8 + 5j, 8 + 5j]], None),
        ([[0, 20j, 30 + 20j, 30], [30, 30 - 20j, 60 - 9j, 70]], 79),
    ],
)
def test_points_along_an_arrow_are_those_of_its_curves(curves, tip):
    corners = [curves[0][0], *[corner for curve in curves for corner in curve[1:]]]
    written = [f"{complex(c).real:g},{complex(c).imag:g}" for c in corners]
    ends = [] if tip is None else [f"e,{complex(tip).real:g},{complex(tip).imag:g}"]
    points = render._way(" ".join([*ends, *written]).replace(" ", " \\\n", 1))
    assert max(abs(b - a) for a, b in pairwise(points)) <= 3
    if tip is not None:
        *points, a, b, c, last = points
        assert last == tip
        assert [b - a, c - b, last - c] == pytest.approx([a - points[-1]] * 3)
    found = iter(points)
    for curve in curves:
        count = points.index(curve[-1]) + 1 if curve is curves[0] else len(points)
        count -= 0 if curve is curves[0] else points.index(curve[0]) + 1
        for step in range(count):
            assert next(found) == pytest.approx(halfway(curve, step / (count - 1)))
    assert not [*found]


BOXES = [
    (x, y, x + width, y + height)
    for x, y, width, height in product((0, 2, 3), (0, 1), (2, 4), (1, 3))
]


def test_boxes_meet_where_they_have_an_area_in_common():
    for one, other in product(BOXES, repeat=2):
        across = min(one[2], other[2]) - max(one[0], other[0])
        up = min(one[3], other[3]) - max(one[1], other[1])
        assert render._meet(one, other) == (min(across, up) > 0)


def test_a_line_is_across_a_box_that_one_of_its_points_is_near():
    box = (2.0, 1.0, 4.0, 3.0)
    for x, y, near in product(range(7), range(6), (0, 0.5, 1, 2)):
        outside = max(box[0] - x, x - box[2]), max(box[1] - y, y - box[3])
        inside = max(outside) < near
        assert render._across([complex(x, y)], box, near) == inside
        assert render._across([100j, complex(x, y)], box, near) == inside


def test_places_for_a_label_are_beside_its_arrow_the_nearest_first():
    line = [complex(x, 0) for x in range(0, 100, 2)]
    box = (40.0, -3.0, 60.0, 3.0)
    places = render._places(line, box, 1.5)
    centers = [complex(a + c, b + d) / 2 for a, b, c, d in places]
    assert {(c - a, d - b) for a, b, c, d in places} == {(20.0, 6.0)}
    assert [abs(c - 50) for c in centers] == sorted(abs(c - 50) for c in centers)
    above, below = ([c for c in centers if sign * c.imag > 0] for sign in (1, -1))
    assert len(above) == len(below) > 0
    clear = 3 + render.NEAR + 1.5
    assert min(abs(c.imag) for c in (*above, *below)) == clear
    assert {c.real for c in above} == {x.real for x in line[6:-10]}
