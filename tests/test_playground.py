"""The playground apart from its page: state, walk, link, files, server."""

import math
import re
import socket
import subprocess
import sys
import zlib
from base64 import b64decode
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import sympy
from effort import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import expression
from viz.play import export as play_export
from viz.play import link as play_link
from viz.play import pieces as play_page
from viz.play import server as play_server
from viz.play import view as play_view
from viz.play.chart import Line, Panel, chart
from viz.play.expression import EXAMPLES, Desk, curve, record
from viz.play.training import CHOICES, Lab, Session, Setup, layers
from viz.play.walk import Walk, dressed

SVG = "{http://www.w3.org/2000/svg}"


def symbolic(text):
    """The text as sympy reads it: an independent derivative."""
    names = {name: sympy.Symbol(name, real=True) for name in expression.names(text)}
    local = {**names, "sigmoid": lambda z: 1 / (1 + sympy.exp(-z))}
    return sympy.sympify(text, locals=local), names


# ---- an expression -------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_have_the_values_and_gradients_that_sympy_finds(example):
    text, numbers = EXAMPLES[example]
    shown = record(text, numbers)
    formula, names = symbolic(text)
    at = {names[name]: sympy.Float(x, 30) for name, x in numbers.items()}
    assert shown.output.data == pytest.approx(float(formula.evalf(30, at)), rel=1e-12)
    assert set(shown.leaves) == set(numbers)
    for name, leaf in shown.leaves.items():
        slope = float(sympy.diff(formula, names[name]).evalf(30, at))
        assert leaf.grad == pytest.approx(slope, rel=1e-12)


def test_the_worked_example_has_the_numbers_of_the_book():
    shown = record(*EXAMPLES["the worked example"])
    grads = {name: leaf.grad for name, leaf in shown.leaves.items()}
    assert shown.output.data == pytest.approx(0.36653675576158634, rel=1e-14)
    assert grads["c"] == pytest.approx(-0.3068693405309234, rel=1e-13)
    assert grads["u1"] == pytest.approx(-0.19173395077957814, rel=1e-13)
    assert grads["w12"] == pytest.approx(-0.07193733695708657, rel=1e-13)
    assert grads["b2"] == pytest.approx(-0.0341526670251058, rel=1e-13)


def test_the_names_of_the_picture_are_those_of_the_derivation():
    shown = record("tanh(w*x + 2)", {"w": 0.5, "x": 2.0})
    assert list(shown.names) == ["w", "x", "v1", "v2", "out"]
    svg = play_view.graph_svg(Desk("tanh(w*x + 2)", {}))
    assert all(f">{name}</text>" in svg for name in shown.names)


def test_a_desk_follows_what_is_typed_and_moved():
    desk = Desk("w*x", {"w": 2.0, "x": 3.0})
    desk.move("w", 5.0)
    assert (desk.shown.output.data, desk.shown.leaves["x"].grad) == (15.0, 5.0)
    desk.type("w*x + b")
    assert desk.names == ["w", "x", "b"]
    assert desk.shown.output.data == 16.0  # a new name starts at 1
    desk.pick("softmax")
    assert desk.names == ["z1", "z2", "z3"]
    assert not desk.error


@pytest.mark.parametrize("number", [None, math.nan, math.inf])
def test_a_box_without_a_number_changes_nothing(number):
    desk = Desk("w*x", {"w": 2.0, "x": 3.0})
    desk.move("w", number)
    assert desk.shown.output.data == 6.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("w*(x", "this ( is never closed\n  w*(x\n    ^"),
        ("__import__('os')", "is not part of an expression"),
        ("open(w)", "there is no function 'open'"),
        ("", "the expression is empty"),
        ("+".join(f"n{i}" for i in range(41)), "there is room for 40 sliders"),
    ],
)
def test_an_error_is_told_and_the_last_picture_stays(text, said):
    desk = Desk("w*x", {"w": 2.0, "x": 3.0})
    desk.type(text)
    assert said in desk.error
    assert (desk.shown.text, desk.shown.output.data) == ("w*x", 6.0)
    assert desk.stale
    desk.type("w + x")
    assert (desk.error, desk.shown.output.data, desk.stale) == ("", 5.0, False)


@pytest.mark.parametrize(
    ("text", "said", "output", "cure"),
    [
        ("log(w - 9)", "it needs x > 0", math.nan, 9.5),
        ("exp(9999*w)", "overflows", math.inf, 0.01),
        ("1/(w - 2)", "a divisor other than 0", math.inf, 3.0),
        ("w**0.5", "a positive base", math.nan, 4.0),
    ],
)
def test_outside_the_domain_the_picture_shows_where(text, said, output, cure):
    desk = Desk("x", {"w": -2.0 if "**" in text else 2.0})
    desk.type(text)
    assert said in desk.error
    assert desk.names == ["w"]  # there is a slider to go back with
    assert repr(desk.shown.output.data) == repr(output)
    assert not desk.stale
    assert math.isnan(desk.shown.leaves["w"].grad)
    view = _first_tab(desk)
    assert "grad –" in view
    assert "<output>–</output>" in view
    assert "The derivation" not in view
    for tag in ("nan", "inf"):
        assert (f">{tag}</text>" in play_view.graph_svg(desk)) == (
            tag == "nan" or math.isinf(output)
        )
    desk.step = 1
    assert 'about=""' in play_view.news(desk)
    desk.step = None
    desk.move("w", cure)
    assert desk.error == ""
    assert "The derivation" in _first_tab(desk)


def _first_tab(desk):
    controls = dict.fromkeys(desk.names, "")
    view = play_view.expression(desk, controls, controls, "", "", [], "")
    for name, content in _filled(play_view.news(desk)).items():
        assert f'<cr-slot name="{name}"></cr-slot>' in view
        view = view.replace(f'<cr-slot name="{name}"></cr-slot>', content)
    return view


def _filled(markup):
    fills = [dict(found) for tag, found in Reader(markup).tags if tag == "cr-fill"]
    return {fill["name"]: _unpacked(fill["content"]) for fill in fills}


def _unpacked(content):
    return zlib.decompress(b64decode(content)).decode()


def test_a_wrong_first_text_still_gives_a_page():
    desk = Desk("1 +", {})
    assert "ends where" in desk.error
    assert desk.shown.text == EXAMPLES["a neuron"][0]


def test_a_move_out_of_the_domain_and_back():
    desk = Desk("log(x)", {"x": 2.0})
    desk.move("x", -1.0)
    assert "needs x > 0" in desk.error
    assert desk.number("x") == -1.0
    desk.move("x", 4.0)
    assert (desk.error, desk.shown.leaves["x"].grad) == ("", 0.25)


def test_a_slider_always_holds_its_number():
    desk = Desk("x", {"x": -700.0})
    low, high = desk.span("x")
    assert low < -700.0 < high
    desk.move("x", 0.0)
    assert desk.span("x") == (-5.0, 5.0)


def test_outside_the_domain_the_plot_tells_of_no_slope():
    desk = Desk("log(x)", {"x": -2.0})
    assert "nan" not in play_view.plot_svg(desk)
    assert "tangent" not in play_view.plot_svg(desk)
    desk.move("x", 2.0)
    assert "the slope: 0.5 there" in play_view.plot_svg(desk)


def test_a_text_without_names_has_a_page_too():
    view = _first_tab(Desk("2*3", {}))
    assert "No free names" in view
    assert "<output>6.0</output>" in view


# ---- the plot ------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "name"), [("x**3 - x*y", "x"), ("tanh(x*y)", "y")])
def test_a_curve_is_the_function_and_its_slope(text, name):
    shown = record(text, {"x": 0.7, "y": -1.3})
    formula, names = symbolic(text)
    others = {names[n]: v for n, v in shown.values.items() if n != name}
    along = curve(shown, name, -2.0, 2.0, count=21)
    value = sympy.lambdify(names[name], formula.subs(others), "math")
    slope = sympy.lambdify(names[name], formula.subs(others).diff(names[name]), "math")
    assert along.ys == pytest.approx([value(x) for x in along.xs], rel=1e-12, abs=1e-12)
    assert along.slopes == pytest.approx(
        [slope(x) for x in along.xs], rel=1e-12, abs=1e-12
    )


def test_a_curve_has_gaps_where_the_function_has_no_value():
    along = curve(record("log(x)", {"x": 1.0}), "x", -1.0, 1.0, count=5)
    assert [math.isfinite(y) for y in along.ys] == [False] * 3 + [True] * 2
    assert [math.isfinite(y) for y in along.slopes] == [False] * 3 + [True] * 2
    desk = Desk("log(x)", {"x": 1.0})
    paths = ElementTree.fromstring(play_view.plot_svg(desk)).iter(f"{SVG}path")
    assert all(
        "nan" not in path.get("d") and "inf" not in path.get("d") for path in paths
    )


def test_the_tangent_touches_the_curve_with_its_slope():
    desk = Desk("x**2", {"x": 1.5})
    curve_path, tangent, _ = ElementTree.fromstring(play_view.plot_svg(desk)).iter(
        f"{SVG}path"
    )
    dot = next(ElementTree.fromstring(play_view.plot_svg(desk)).iter(f"{SVG}circle"))
    x, y = float(dot.get("cx")), float(dot.get("cy"))
    (x0, y0), (x1, y1) = _places(tangent)
    assert y0 + (x - x0) / (x1 - x0) * (y1 - y0) == pytest.approx(y, abs=0.3)
    along = _places(curve_path)
    after = min(along, key=lambda p: abs(p[0] - x - 4))
    before = min(along, key=lambda p: abs(p[0] - x + 4))
    slope = (after[1] - before[1]) / (after[0] - before[0])
    assert slope == pytest.approx((y1 - y0) / (x1 - x0), rel=0.05)


def _places(path):
    numbers = [float(x) for x in re.findall(r"[-\d.]+", path.get("d"))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize(
    "points", [[], [(1.0, 2.0)], [(0.0, math.nan)], [(0.0, 1e300), (1.0, -1e308)]]
)
def test_a_chart_of_hardly_anything_is_still_a_picture(points):
    svg = chart(Panel("<b> & title", [Line(points)], points, "x"))
    root = ElementTree.fromstring(svg)
    assert "<b> & title" in [text.text for text in root.iter(f"{SVG}text")]
    assert "nan" not in svg


# ---- the walk ------------------------------------------------------------------------


def test_a_walk_goes_forward_and_then_backward_with_the_arithmetic():
    walk = Walk(record("w*x + b", {"w": 2.0, "x": 3.0, "b": 1.0}).nodes)
    told = [(stop.title, stop.lines) for stop in map(walk.stop, range(len(walk)))]
    assert len(told) == 8  # the start, 2 operations, 5 gradients
    assert told[1] == (
        "Step 1 of 7: Forward: the value of v1",
        ("v1 = w·x", "   = 2·3", "   = 6"),
    )
    assert told[3][0] == "Step 3 of 7: Backward: the gradient of out"
    title, lines = told[7]
    assert title == "Step 7 of 7: Backward: the gradient of w"
    assert lines[:4] == (
        "∂out/∂w = ∂out/∂v1·∂v1/∂w",
        "        = ∂out/∂v1·x",
        "        = 1·3",
        "        = 3",
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_rule_of_every_step_meets_something_in_the_picture(example):
    desk = Desk("1", {})
    desk.pick(example)
    walk = desk.shown.walk
    assert len(walk) == len(walk.steps)
    ids = {
        e.get("id") for e in ElementTree.fromstring(play_view.graph_svg(desk)).iter()
    }
    for step in range(len(walk)):
        assert set(re.findall(r"#(o\d+-\w+|[no]\d+)", walk.stop(step).css)) <= ids


@pytest.mark.parametrize("text", ["3", "x", "2 + 3", "x + x", "-x*0", "sum(x, 2, x)"])
def test_the_steps_are_counted_beforehand(text):
    walk = Walk(record(text, {}).nodes)
    assert len(walk) == len(walk.steps)
    assert walk.stop(len(walk) - 1).title.startswith(f"Step {len(walk) - 1} of")


def test_a_step_is_about_the_node_that_it_marks():
    walk = Walk(record("w*x", {"w": 2.0, "x": 3.0}).nodes)
    abouts = [walk.about(step) for step in range(len(walk))]
    assert abouts == ["", "n2", "n2", "n1", "n0"]
    assert walk.about(None) == ""
    for step, about in enumerate(abouts[1:], 1):
        assert f"#{about} path:first-of-type{{fill:#" in walk.stop(step).css


def test_the_last_step_hides_nothing_and_the_first_hides_every_gradient():
    walk = Walk(record("w*x", {"w": 2.0, "x": 3.0}).nodes)
    assert "hidden" not in walk.stop(len(walk) - 1).css
    hidden = re.findall(
        r"#n(\d) text:last-of-type\{visibility:hidden\}", walk.stop(0).css
    )
    assert hidden == ["0", "1", "2"]


def test_a_dressed_picture_is_still_svg():
    desk = Desk("w*x", {}, step=2)
    root = ElementTree.fromstring(play_view.graph_svg(desk))
    assert root.find(f"{SVG}style").text.startswith("#n")
    assert dressed("<svg/>", "") == "<svg/>"


def test_the_buttons_of_the_walk():
    desk = Desk("w*x", {})
    assert [step for *_, step in play_view.moves(desk)] == [0, 4, 0, None]
    desk.step = 2
    assert [step for *_, step in play_view.moves(desk)] == [0, 1, 3, None]
    desk.type("w + x")
    assert desk.step is None


# ---- the link ------------------------------------------------------------------------

NAME = st.from_regex(r"[a-zA-Zα-ω_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in expression.FUNCTIONS and name not in expression.CONSTANTS
)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(NAME, st.floats(-1e6, 1e6), min_size=1, max_size=6),
    st.integers(0, 5),
)
def test_a_link_brings_the_expression_back(numbers, step):
    desk = Desk(" + ".join(numbers), dict(numbers), step=step, reach=10.0)
    desk.chosen = list(desk.names)[-1]
    back = play_link.read(
        play_link.write(play_link.TABS[0], desk, Lab(Session(Setup())))
    )
    assert back.tab == play_link.TABS[0]
    assert back.desk.shown.values == desk.shown.values
    assert (back.desk.text, back.desk.wrt) == (desk.text, desk.wrt)
    assert (back.desk.step, back.desk.reach) == (step, 10.0)


def test_a_link_brings_a_training_back():
    setup = Setup("spirals", (6, 5), "relu", "sgd", 0.25, 7)
    lab = Lab(Session(setup), row=3)
    lab.session.advance(4)
    back = play_link.read(play_link.write(play_link.TABS[1], Desk("x", {}), lab)).lab
    assert (back.session.setup, back.row, back.goal) == (setup, 3, 4)
    while back.playing:
        back.tick()
    assert back.session.model.state_dict() == lab.session.model.state_dict()


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["nan", "-1", "1e999", "9" * 30, "training"]
)
KEYS = ["tab", "expression", "values", "by", "reach", "step", "data", "layers", "lr"]
KEYS += ["activation", "optimizer", "seed", "epochs", "row"]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), TEXTS | st.lists(TEXTS, max_size=2)))
def test_any_query_opens(query):
    opened = play_link.read(query)
    assert opened.desk.shown.output.data == opened.desk.shown.output.data
    assert play_link.write(opened.tab, opened.desk, opened.lab) is not None


def test_a_link_that_no_browser_would_take_is_not_written():
    desk = Desk("x" + " + 1" * 2000, {})
    assert play_link.write(play_link.TABS[0], desk, Lab(Session(Setup()))) == {}


# ---- training ------------------------------------------------------------------------


@pytest.mark.parametrize("data", CHOICES["data"])
def test_every_set_is_learned_and_drawn(data):
    session = Session(Setup(data, lr=0.05))
    before = session.boundary()
    session.advance(120)
    assert session.columns["accuracy"][-1] >= 0.9
    assert session.boundary() != before
    for svg in (session.boundary(), session.curve(), session.network(1).svg):
        assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_moons_reach_95_percent():
    session = Session(Setup())
    session.advance(60)
    assert session.columns["accuracy"][-1] >= 0.95


def test_epochs_one_by_one_are_the_same_as_at_once():
    whole, steps = Session(Setup()), Session(Setup())
    whole.advance(6)
    for _ in range(6):
        steps.advance()
    assert whole.model.state_dict() == steps.model.state_dict()
    assert dict(whole.columns) == dict(steps.columns)
    assert whole.epoch == 6


def test_a_training_that_diverges_ends_with_the_reason_and_is_still_drawn():
    lab = Lab(Session(Setup("moons", (8, 8, 8), "linear", "sgd", lr=1.5)))
    lab.play()
    while lab.playing and lab.session.epoch < 100:
        lab.tick()
    assert "the loss became nan" in lab.session.error
    assert not lab.playing
    losses = lab.session.columns["loss"]
    assert losses
    assert all(map(math.isfinite, losses))
    assert "smaller lr" in play_view.training(lab, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": "8 x"}, "whole numbers from 1 to 32"),
        ({"layers": "8 8 8 8 8 8"}, "at most 5 layers"),
        ({"layers": "99"}, "whole numbers from 1 to 32"),
        ({"lr": -1.0}, "above 0"),
        ({"lr": math.nan}, "above 0"),
        ({"data": "iris"}, "iris is no choice for data"),
        ({"activation": "<b>"}, "is no choice for activation"),
    ],
)
def test_a_setting_that_cannot_be_leaves_the_session(change, said):
    lab = Lab(Session(Setup()))
    before = lab.session
    lab.change(**change)
    assert said in lab.error
    assert lab.session is before
    lab.change(layers="4")
    assert (lab.error, lab.session.setup.layers) == ("", (4,))


def test_an_emptied_box_starts_over_with_the_settings_there_were():
    lab = Lab(Session(Setup()))
    lab.change(lr=None)
    assert (lab.error, lab.session.setup) == ("", Setup())


def test_no_hidden_layer_is_a_network_too():
    assert layers("") == ()
    session = Session(Setup(layers=()))
    session.advance(3)
    assert "epoch 3" in session.summary()


def test_play_pause_and_one_step():
    lab = Lab(Session(Setup()))
    assert not lab.tick()
    lab.play()
    assert lab.tick()
    assert 1 <= lab.session.epoch <= 5
    lab.rest()
    assert not lab.tick()  # it waited in a queue
    lab.play()
    assert not lab.tick()
    done = lab.session.epoch
    lab.step()
    assert lab.session.epoch == done + 1


# ---- files ---------------------------------------------------------------------------


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def _files(desk_or_lab):
    make = (
        play_view.files if isinstance(desk_or_lab, Desk) else play_view.training_files
    )
    return {label: data().decode() for label, _, _, data in make(desk_or_lab)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_python_of_an_expression_gives_its_numbers(example, tmp_path):
    desk = Desk("1", {})
    desk.pick(example)
    done = subprocess.run(
        [sys.executable, "-c", _files(desk)["Python"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == repr(desk.shown.output.data)
    assert lines[1 : 1 + len(desk.names)] == [
        f"{name} {leaf.grad!r}" for name, leaf in desk.shown.leaves.items()
    ]
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_the_python_of_an_expression_takes_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    desk = Desk("lambda * self + 名", {"lambda": 2.0, "self": 3.0, "名": 0.5})
    exec(compile(_files(desk)["Python"], "expression.py", "exec"), {})
    assert capsys.readouterr().out.startswith("6.5\n")


@pytest.mark.parametrize("data", ["moons", "blobs"])
def test_the_python_of_a_training_gives_the_same_network(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lab = Lab(Session(Setup(data, (4,))), row=2)
    lab.session.advance(7)
    there = {}
    exec(compile(_files(lab)["Python"], "training.py", "exec"), there)
    assert there["model"].state_dict() == lab.session.model.state_dict()
    assert there["history"]["loss"] == lab.session.columns["loss"]
    assert (tmp_path / "network.svg").read_text() == lab.session.network(2).svg


@pytest.mark.parametrize("what", [Desk("w*x", {}, step=3), Lab(Session(Setup()))])
def test_svg_html_and_latex_are_well_formed(what):
    files = _files(what)
    ElementTree.fromstring(files["SVG"])
    tags = Reader(files["HTML"]).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe")]
    sources = [attributes.get("src", "data:") for _, attributes in tags]
    assert all(source.startswith("data:") for source in sources)
    opened = re.findall(r"\\begin\{(\w+)\}", files["LaTeX"])
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", files["LaTeX"]))
    bare = re.sub(r"\\[{}]", "", files["LaTeX"])
    assert bare.count("{") == bare.count("}")


def test_the_page_of_an_expression_holds_its_numbers_and_its_step():
    desk = Desk("w*x", {"w": 2.0, "x": 3.0}, step=4)
    text = Reader(_files(desk)["HTML"]).text
    assert "out = 6.0" in text
    assert "w = 2.0, grad 3.0" in text
    assert "Step 4 of 4" in text


def test_the_matrices_of_a_training_are_its_weights():
    session = Session(Setup(layers=(2,)))
    latex = play_export.training_latex(session)
    weights = [
        w.data for layer in session.model.layers for n in layer.neurons for w in n.w
    ]
    assert all(f"{w:.4g}" in latex for w in weights)


# ---- markup --------------------------------------------------------------------------


def test_nothing_typed_becomes_markup():
    bad = "<img src=x onerror=alert(1)>"
    desk = Desk("w*x", {})
    desk.type(bad)
    page = _first_tab(desk)
    assert "<img" not in page
    assert "&lt;img" in page or "&#x27;&lt;&#x27;" in page
    for made in (play_page.notice(bad), play_page.text([bad], "", bad)):
        assert [tag for tag, _ in Reader(made).tags if tag == "img"] == []
    assert "img" not in [
        tag for tag, _ in Reader(play_export.page(bad, [bad], [])).tags
    ]


# ---- how long it takes ---------------------------------------------------------------


def test_a_move_costs_what_the_picture_of_its_graph_does():
    def cost(terms):
        desk = Desk(" + ".join(f"tanh(w{i}*x{i} + b)" for i in range(terms)), {})
        desk.step = 5

        def move():
            desk.move("w1", 0.3)
            play_view.graph_svg(desk)

        move()
        return calls(move) / len(desk.shown.nodes)

    assert cost(18) < 1.1 * cost(9)


@pytest.mark.parametrize(
    "text", ["x" + "*x" * 70, "exp(a)*exp(b)/" * 20 + "c"], ids=["power", "hubs"]
)
def test_names_used_everywhere_are_drawn(text):
    # Graphviz, asked for more, needs minutes for these; the test would never end.
    desk = Desk(text, {"x": 1.01})
    svg = play_view.graph_svg(desk)
    assert len(re.findall(r'id="n\d+"', svg)) == len(desk.shown.nodes)


# ---- the server ----------------------------------------------------------------------


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_is_one_line(taken, monkeypatch):
    monkeypatch.setattr(play_server, "_guard", lambda: None)
    with pytest.raises(OSError, match=rf"^port {taken} is in use; choose another"):
        play_server.serve(taken)


def test_without_a_port_the_next_free_one_is_taken(taken, monkeypatch, capsys):
    monkeypatch.setattr(play_server, "FIRST", taken)
    assert taken < play_server._free_port() < taken + 100
    assert f"Port {taken} is in use; taking" in capsys.readouterr().out


def test_a_missing_marimo_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    with pytest.raises(ModuleNotFoundError) as told:
        play_server.serve()
    assert str(told.value).endswith('python -m pip install "chainrule[play]"')


def test_the_server_is_asked_to_serve_this_machine_alone(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(play_server, "_guard", lambda: None)
    monkeypatch.setattr(sys, "argv", ["chainrule"])
    monkeypatch.setattr(
        play_server.runpy, "run_module", lambda *_, **__: asked.append(list(sys.argv))
    )
    play_server.serve(browser=False)
    (argv,) = asked
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    assert "--headless" in argv
    assert "http://127.0.0.1:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("127.0.0.1:2718", None, True),
        ("127.0.0.1:2718", "http://127.0.0.1:2718", True),
        ("localhost:8000", "http://localhost:8000", True),  # through a tunnel
        ("127.0.0.1:2718", "http://127.0.0.1:9999", False),
        ("127.0.0.1:2718", "http://elsewhere.example", False),
        ("127.0.0.1:2718", "null", False),
        ("elsewhere.example:2718", None, False),
        ("elsewhere.example:2718", "http://elsewhere.example:2718", False),
        ("127.0.0.1.elsewhere.example", None, False),
        ("", None, False),
    ],
)
def test_who_may_ask(host, origin, own):
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert play_server.is_own(headers) is own
