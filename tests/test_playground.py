"""The playground apart from its page: the desk, formulas, plots, files, the server."""

import asyncio
import json
import math
import random
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import sympy
from effort import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import expression
from autograd.graph import graph
from autograd.modes import ieee
from autograd.ops import TABLE
from autograd.value import Value
from viz.digits import short
from viz.explain import Derivation
from viz.graph import READABLE
from viz.play import desk, files, folding
from viz.play import server as play_server
from viz.play.calls import CALLS, answer, told
from viz.play.chart import Line, Panel, chart, ticks
from viz.play.expression import EXAMPLES, curve, record
from viz.play.mathml import mathml

SVG = "{http://www.w3.org/2000/svg}"
WORKED = EXAMPLES["the worked example"]


def symbolic(text):
    """The text as sympy reads it: an independent derivative."""
    names = {name: sympy.Symbol(name, real=True) for name in expression.names(text)}
    local = {**names, "sigmoid": lambda z: 1 / (1 + sympy.exp(-z))}
    return sympy.sympify(text, locals=local), names


def asked(name, **arguments):
    """A call's answer, as it comes out of JSON."""
    status, data = answer(name, json.dumps(arguments).encode())
    assert status == 200, data
    return json.loads(json.dumps(data, allow_nan=False))


def by_name(found):
    return {node["name"]: node for node in found["nodes"] if node["kind"] != "constant"}


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


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_graph_has_every_number_and_the_picture_every_place(example):
    text, numbers = EXAMPLES[example]
    shown = record(text, numbers)
    found = asked("expression.graph", text=text, numbers=numbers)
    assert found["out"] == repr(shown.output.data)
    for name in found["names"]:
        leaf = shown.leaves[name["name"]]
        assert (name["number"], name["slope"]) == (leaf.data, leaf.grad)
        assert name["gradient"] == short(leaf.grad, 6)
        assert shown.nodes[name["node"]].value is leaf
    for node, index in zip(found["nodes"], shown.nodes, strict=True):
        if node["kind"] != "constant":
            value = index.value
            assert node["value"] == short(value.data, 4)
            assert node["gradient"] == short(value.grad, 4)
            assert (node["bar"] > 0, node["bar"] < 0) == (
                value.grad > 0,
                value.grad < 0,
            )
    ids = {e.get("id") for e in ElementTree.fromstring(found["picture"]).iter()}
    assert {edge["id"] for edge in found["edges"]} <= ids
    kinds = enumerate(found["nodes"])
    assert {f"n{i}" for i, node in kinds if node["kind"] != "constant"} <= ids
    assert found["steps"][0]["title"] == "The leaves are given"


def test_a_picture_is_sent_once_and_does_not_depend_on_the_numbers():
    text, numbers = WORKED
    first = desk.graph(text, numbers)
    assert "picture" not in desk.graph(text, numbers, drawn=True)
    assert first["picture"] == desk.graph(text, {})["picture"]


def test_a_new_name_starts_at_one():
    found = desk.graph("w*x + b", {"w": 5.0, "x": 3.0})
    assert found["out"] == "16.0"
    assert [name["name"] for name in found["names"]] == ["w", "x", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("w*(x", "this ( is never closed; write the ) too\n  w*(x\n    ^"),
        ("__import__('os')", "is not part of an expression"),
        ("open(w)", "there is no function 'open'"),
        ("", "the expression is empty"),
        ("+".join(f"n{i}" for i in range(41)), "there is room for 40 sliders"),
    ],
)
def test_a_text_that_can_not_be_read_is_told(text, said):
    for name in ("graph", "words", "derivation"):
        body = json.dumps({"text": text, "numbers": {}}).encode()
        status, data = answer(f"expression.{name}", body)
        assert status == 400
        assert said in data["error"]


@pytest.mark.parametrize(
    ("text", "said", "value", "cure"),
    [
        ("log(w - 9)", "it needs x > 0", "nan", 9.5),
        ("exp(9999*w)", "overflows", "inf", 0.01),
        ("1/(w - 2)", "a divisor other than 0", "inf", 3.0),
        ("w**0.5", "a positive base", "nan", 4.0),
    ],
)
def test_outside_the_domain_the_picture_shows_where(text, said, value, cure):
    numbers = {"w": -2.0 if "**" in text else 2.0}
    found = asked("expression.graph", text=text, numbers=numbers)
    assert said in found["error"]
    assert by_name(found)["out"]["value"] == value
    (name,) = found["names"]
    assert (name["name"], name["slope"], name["gradient"]) == ("w", None, "–")
    assert {node["gradient"] for node in by_name(found).values()} == {"–"}
    assert {edge["flow"] for edge in found["edges"]} == {0}
    given = {"text": text, "numbers": numbers}
    found = asked("expression.words", **given, step=1, node=0)
    assert found == {"step": [], "node": []}
    found = asked("expression.derivation", **given, by="w")
    assert found == {"lines": [], "notes": []}
    plotted = asked(
        "expression.plot", text=text, numbers=numbers, by="w", low=-5, high=5
    )
    assert "tangent" not in plotted["svg"]
    cured = asked("expression.graph", text=text, numbers={"w": cure})
    assert cured["error"] == ""
    assert cured["names"][0]["slope"] is not None


TEXTS = st.text(max_size=20) | st.text("xyw123.+-*/^()· ,elogsinmax", max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    TEXTS,
    st.dictionaries(st.sampled_from("xyw"), st.floats(-1e308, 1e308)),
    st.sampled_from([name for name in CALLS if name.startswith("expression.")]),
    st.sampled_from(list(desk.KINDS)),
    st.integers(-2, 40),
)
def test_any_text_and_any_numbers_have_an_answer_that_json_holds(
    text, numbers, name, kind, number
):
    arguments = {"text": text, "numbers": numbers, "by": "x", "step": number}
    arguments |= {"node": number, "low": -5.0, "high": 5.0, "kind": kind}
    taken = CALLS[name].__code__.co_varnames[: CALLS[name].__code__.co_argcount]
    body = json.dumps({key: arguments[key] for key in taken if key in arguments})
    status, data = answer(name, body.encode())
    assert status in (200, 400), data
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize(
    "text", ["x" + "*x" * 70, "exp(a)*exp(b)/" * 20 + "c"], ids=["power", "hubs"]
)
def test_names_used_everywhere_are_drawn(text):
    # Graphviz, asked for more, needs minutes for these; the test would never end.
    found = desk.graph(text, {"x": 1.01})
    assert len(re.findall(r'id="n\d+"', found["picture"])) == len(by_name(found))


def test_a_move_costs_what_its_nodes_do():
    def cost(terms):
        text = " + ".join(f"tanh(w{i}*x{i} + b)" for i in range(terms))
        move = lambda: desk.graph(text, {"w1": 0.3}, drawn=True)  # noqa: E731
        move()
        return calls(move) / terms

    assert cost(18) < 1.1 * cost(9)


# ---- folding -------------------------------------------------------------------------

LARGE = {
    "terms": " + ".join(f"tanh(w*x + {i})" for i in range(60)),
    "chain": "x" + "+x" * 600,
    "neurons": "+".join(f"tanh(w{i}*x + v*y + b)*u" for i in range(30)) + "^2",
    "hubs": "exp(a)*exp(b)/" * 40 + "c",
}


def boxes_of(found):
    return {
        index: node
        for index, node in enumerate(found["nodes"])
        if node["kind"] not in ("hidden", "constant")
    }


@pytest.mark.parametrize("name", LARGE)
def test_a_large_graph_is_folded_and_every_box_opens(name):
    """Box by box, until there is nothing to open: each shows what was hidden in it."""
    found = desk.graph(LARGE[name], {})
    assert len(found["nodes"]) > READABLE
    assert found["folded"]
    assert len(boxes_of(found)) <= 3 * folding.MOST_BOXES
    assert len(found["steps"]) < 6 * folding.MOST_BOXES
    for _ in range(4):
        if not found["folded"]:
            break
        box = found["folded"][0]
        opened = desk.graph(LARGE[name], {}, False, found["folded"], box)
        new = boxes_of(opened).keys() - boxes_of(found).keys()
        assert 0 < len(new) <= found["nodes"][box]["inside"]
        assert {found["nodes"][index]["box"] for index in new} == {box}
        closed = desk.graph(LARGE[name], {}, False, opened["folded"], box)
        assert closed["folded"] == found["folded"]
        assert closed["picture"] == found["picture"]
        found = opened


def test_more_boxes_than_a_picture_holds_are_refused():
    text = LARGE["chain"]
    with pytest.raises(ValueError, match="at most 500 boxes"):
        desk.graph(text, {}, folded=[])
    assert desk.graph(text, {}, folded=[-1, 10**9, 0, 560])["folded"] == [560]


def tangle(rng):
    """Sums, products and tanh of one another, some used often, some once."""
    pool = [Value(rng.uniform(-2, 2), label=name) for name in "abc"]
    for _ in range(25):
        x, y = rng.choice(pool), rng.choice(pool[-4:])
        pool.append(rng.choice([x + y, x * y, y.tanh(), y * 0.5]))
    return pool[-1] + pool[-2] * pool[-3]


@pytest.mark.parametrize("seed", range(40))
def test_a_folded_box_has_the_derivative_over_all_paths_in_it(seed):
    """What flows back over the boxes is what flows back over the whole graph."""
    rng = random.Random(seed)
    nodes = graph(tangle(rng))
    every = sorted(folding.Folding(nodes, []).inside)
    chosen = {*rng.sample(every, len(every) // 2)}
    made = folding.Folding(nodes, chosen)
    told = Derivation(nodes, [n.value for n in nodes if not n.value.constant])
    plan = folding.FoldedPlan(told, 6, 0, made)
    assert made.folded <= chosen
    bare = {n.index for n in nodes if n.value.constant}
    assert {*made.boxes} - {*made.shown} <= bare
    for node in nodes:  # an arrow leaves a box from its own node alone
        for parent in node.parents:
            assert made.boxes[parent] in (made.boxes[node.index], parent)
    back = dict.fromkeys(made.shown, 0.0) | {told.end: 1.0}
    for head in reversed(made.shown):
        for arrow in plan.arrows(head):
            back[arrow.tail] += back[head] * arrow.partial
    for index, gradient in back.items():
        assert gradient == pytest.approx(told.adjoints[index], rel=1e-9, abs=1e-12)


# ---- formulas ------------------------------------------------------------------------


def operations():
    """Every operation as LaTeX, its operands letters and something long."""
    for operation in TABLE.values():
        slots = range(operation.latex.count("{0}") and 6)
        yield operation.latex.format(*"abcdef"[: len(slots)])
        yield operation.latex.format(*[rf"\frac{{x_{{{i}}}}}{{2}}" for i in slots])


@pytest.mark.parametrize(
    "latex", [*filter(None, operations()), r"\hat{y}", r"\text{<b>}\{\_\%", "x^{2}_{1}"]
)
def test_every_formula_of_the_table_is_mathml(latex):
    """Well formed, nothing of LaTeX left in it, and each fraction and root with two."""
    root = ElementTree.fromstring(f"<math>{mathml(latex)}</math>")
    words = "".join(root.itertext())
    assert "\\" not in words.replace(
        "\\", "", words.count("\\") if "backslash" in latex else 0
    )
    arguments = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "mover": 2}
    for element in root.iter():
        assert len(element) == arguments.get(element.tag, len(element))
    letters = {c for c in latex if c in "abcdef" and rf"\{c}" not in latex}
    assert {c for c in "abc" if f" {c}" in f" {latex}"} <= set(words) | letters


def test_a_formula_says_which_nodes_it_is_about():
    numbers = {"w": 2, "x": 3}
    told = asked("expression.derivation", text="w*x + b", numbers=numbers, by="w")
    lines = "".join(section["lines"] for section in told["lines"])
    for mark in ('data-node="0"', 'data-slope="4-2"', 'data-slope="2-0"'):
        assert mark in lines  # w; ∂out/∂v1; ∂v1/∂w
    assert "<mi>w</mi>" in lines


def test_a_step_and_a_node_have_their_arithmetic():
    given = {"text": "w*x + b", "numbers": {"w": 2, "x": 3, "b": 1}}
    steps = asked("expression.graph", text="w*x + b", numbers={})["steps"]
    assert [step["title"] for step in steps[1:4]] == [
        "Forward: the value of v1",
        "Forward: the value of out",
        "Backward: the gradient of out",
    ]
    forward = asked("expression.words", **given, step=1)["step"]
    assert _texts(forward) == ["v1 = w⋅x=2⋅3=6"]
    backward = asked("expression.words", **given, step=len(steps) - 1)["step"]
    assert _texts(backward)[-1:] == ["= 3"]
    assert asked("expression.words", **given, step=len(steps))["step"] == []
    about = asked("expression.words", **given, node=0)["node"]
    titles = ["".join(p.get("words", "…") for p in part["title"]) for part in about]
    assert titles[0] == "Forward"
    assert titles[-1].startswith("One path from … to …")


def _texts(sections):
    rows = []
    for section in sections:
        for row in ElementTree.fromstring(section["lines"]).iter():
            if row.tag.endswith("mtr"):
                text = " ".join(
                    filter(None, ("".join(cell.itertext()) for cell in row))
                )
                rows.append(text.replace("  ", " "))
    return rows


@pytest.mark.parametrize("name", ["λ", "名", "__a__", "lambda", "x" * 60])
def test_any_name_is_text_in_a_formula(name):
    told = asked("expression.derivation", text=f"{name}*2", numbers={}, by=name)
    for section in told["lines"]:
        ElementTree.fromstring(section["lines"])


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


def plotted(text, x):
    return desk.plot_svg(record(text, {"x": x}), "x", -5.0, 5.0)


def test_a_curve_has_gaps_where_the_function_has_no_value():
    along = curve(record("log(x)", {"x": 1.0}), "x", -1.0, 1.0, count=5)
    assert [math.isfinite(y) for y in along.ys] == [False] * 3 + [True] * 2
    assert [math.isfinite(y) for y in along.slopes] == [False] * 3 + [True] * 2
    paths = ElementTree.fromstring(plotted("log(x)", 1.0)).iter(f"{SVG}path")
    assert all(
        "nan" not in path.get("d") and "inf" not in path.get("d") for path in paths
    )


SWITCHED_OFF = r"localStorage|sessionStorage|indexedDB|document\.cookie|\bDate\b"


def test_the_page_needs_no_storage_and_no_wall_clock():
    """Both can be switched off, or jump; its state is in its address."""
    for name, file in play_server.page_files().items():
        assert not re.search(SWITCHED_OFF, file.read_text("utf-8")), name


def test_no_two_parts_of_the_page_have_one_name():
    found = re.findall(
        r' id="([^"]+)"', play_server.page_files()["index.html"].read_text("utf-8")
    )
    assert len(found) == len({*found})


def test_a_plot_without_a_curve_says_so():
    with ieee():
        assert "out has no value from −5 to 5" in plotted("log(x - 9)", 1.0).replace(
            "-", "−"
        )
    assert "no value" not in plotted("log(x)", 1.0)


def test_the_tangent_touches_the_curve_with_its_slope():
    curve_path, tangent, _ = ElementTree.fromstring(plotted("x**2", 1.5)).iter(
        f"{SVG}path"
    )
    dot = next(ElementTree.fromstring(plotted("x**2", 1.5)).iter(f"{SVG}circle"))
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


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-1e300, 1e300), st.floats(1e-9, 1e300), st.integers(3, 9), st.booleans()
)
def test_ticks_are_round_even_and_inside(low, size, most, whole):
    high = low + max(size, abs(low) * 1e-6)
    found = ticks(low, high, most, whole)
    assert len(found) <= most + 1
    room = 1e-6 * (high - low)
    assert all(low - room <= x <= high + room for x in found)
    steps = [after - before for before, after in pairwise(found)]
    assert all(step == pytest.approx(steps[0], rel=1e-6) for step in steps)
    if high - low < 1e9 and whole:
        assert all(x == round(x) for x in found)


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


def kept(kind, text, numbers, by):
    given = {"text": text, "numbers": numbers, "by": by, "low": -5.0, "high": 5.0}
    return asked("expression.file", kind=kind, **given)["text"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_python_of_an_expression_gives_its_numbers(example, tmp_path):
    text, numbers = EXAMPLES[example]
    shown = record(text, numbers)
    done = subprocess.run(
        [sys.executable, "-c", kept("Python", text, numbers, next(iter(numbers)))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == repr(shown.output.data)
    assert lines[1 : 1 + len(numbers)] == [
        f"{name} {leaf.grad!r}" for name, leaf in shown.leaves.items()
    ]
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_the_python_of_an_expression_takes_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    numbers = {"lambda": 2.0, "self": 3.0, "名": 0.5}
    code = kept("Python", "lambda * self + 名", numbers, "self")
    exec(compile(code, "expression.py", "exec"), {})
    assert capsys.readouterr().out.startswith("6.5\n")


@pytest.mark.parametrize(("text", "by"), [("w*x", "w"), ("2*3", ""), ("log(-w)", "w")])
def test_every_file_is_well_formed(text, by):
    ElementTree.fromstring(kept("SVG", text, {}, by))
    page = Reader(kept("HTML", text, {}, by))
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    sources = [attributes.get("src", "data:") for _, attributes in page.tags]
    assert all(source.startswith("data:") for source in sources)
    if text == "log(-w)":  # there is no derivation, and no pass to walk through
        body = {"text": text, "numbers": {}, "by": by, "low": -5.0, "high": 5.0}
        for kind in ("LaTeX", "Steps"):
            made = json.dumps({"kind": kind, **body}).encode()
            status, data = answer("expression.file", made)
            assert status == 400
            assert "needs x > 0" in data["error"]
        return
    latex = kept("LaTeX", text, {}, by)
    opened = re.findall(r"\\begin\{(\w+)\}", latex)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", latex))
    bare = re.sub(r"\\[{}]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert "<title>Backpropagation, step by step" in kept("Steps", text, {}, by)


def test_the_page_of_an_expression_holds_its_numbers():
    text = Reader(kept("HTML", "w*x", {"w": 2.0, "x": 3.0}, "w")).text
    assert "out = 6.0" in text
    assert "w = 2.0, grad 3.0" in text
    assert "∂out/∂w" in text


def test_nothing_typed_becomes_markup():
    bad = "<img src=x onerror=alert(1)>"
    tags = Reader(files.page(bad, [bad], [])).tags
    assert "img" not in [tag for tag, _ in tags]


# ---- the server ----------------------------------------------------------------------

PORT = 2718
OWN = {"host": f"127.0.0.1:{PORT}", "cookie": f"chainrule-{PORT}=key"}


def request(path, method="GET", headers=OWN, body=b""):
    """What the server answers: status, headers and body, without a network."""
    pytest.importorskip("starlette")
    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 5),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(play_server.application("key", PORT)(scope, receive, send))
    start, *bodies = sent
    got = {k.decode(): v.decode() for k, v in start["headers"]}
    return start["status"], got, b"".join(m.get("body", b"") for m in bodies)


def test_the_page_and_all_that_it_names_are_served():
    waiting, seen = ["index.html"], set()
    while waiting:
        name = waiting.pop()
        status, headers, body = request(f"/{name}")
        assert status == 200, name
        assert headers["content-type"].startswith("text/")
        seen.add(name)
        named = re.findall(
            r'(?:src|href|from)\s*=?\s*"(?:\./)?([\w.-]+)"', body.decode()
        )
        waiting += [other for other in named if "." in other and other not in seen]
    assert {"main.js", "engine.js", "expression.js", "picture.js", "page.css"} <= seen
    assert seen == set(play_server.page_files())  # and nothing lies there for nobody


def test_nothing_else_is_served():
    for path in (
        "/../server.py",
        "/%2e%2e/server.py",
        "/server.py",
        "/page/",
        "/@file/x",
        "//etc/passwd",
        "/..%2fserver.py",
        "/....//server.py",
        "/index.html/../../server.py",
        "/main.js%00.css",
        "/\\..\\server.py",
        "/__init__.py",
    ):
        assert request(path)[0] == 404, path
    assert request("/call/expression.graph")[0] in (404, 405)
    assert request("/", method="POST")[0] == 405
    *_, body = request("/call/os.system", "POST", body=b"{}")
    assert json.loads(body)["status"] == 400


def test_no_script_runs_but_the_pages_own():
    _, headers, body = request("/")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    page = Reader(body.decode())
    assert all(
        "src" in given
        and not any(key.startswith("on") or key == "style" for key in given)
        for tag, given in page.tags
        if tag == "script"
    )
    assert not [tag for tag, given in page.tags if "style" in given or tag == "style"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"host": f"localhost:{PORT}"}, 200),
        ({"origin": f"http://127.0.0.1:{PORT}"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"cookie": ""}, 403),
        ({"cookie": f"chainrule-{PORT}=kez"}, 403),
        ({"cookie": "chainrule-1=key"}, 403),
        ({"cookie": f"chainrule-{PORT}=né"}, 403),
        ({"host": f"elsewhere.example:{PORT}"}, 403),
        ({"host": "127.0.0.1:9999"}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"host": ""}, 403),
        ({"host": f"127.0.0.1.elsewhere.example:{PORT}"}, 403),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": f"https://127.0.0.1:{PORT}"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "Same-Origin"}, 403),
        ({"sec-fetch-site": "cross-site, same-origin"}, 403),
        *[
            ({"host": host}, 403)
            for host in (
                f"[::1]:{PORT}",
                f"[::ffff:127.0.0.1]:{PORT}",
                f"127.0.0.1:{PORT}@elsewhere.example",
                f"elsewhere.example@127.0.0.1:{PORT}",
                f"127.0.0.1:0{PORT}",
                f"127.1:{PORT}",
                f"2130706433:{PORT}",
                f"0.0.0.0:{PORT}",
                f"localhost.:{PORT}",
                f"LOCALHOST.elsewhere.example:{PORT}",
                f"127.0.0.1:{PORT},elsewhere.example",
                f"127.0.0.1:{PORT}/",
            )
        ],
        *[
            ({"origin": origin}, 403)
            for origin in (
                "file://",
                "NULL",
                f"http://localhost:{PORT}",  # not the host that was asked
                f"http://127.0.0.1:{PORT}.elsewhere.example",
                f"http://127.0.0.1:{PORT} http://elsewhere.example",
                f"http://user@127.0.0.1:{PORT}",
                f"HTTP://127.0.0.1:{PORT}/",
            )
        ],
        *[
            (
                {
                    "sec-fetch-site": "cross-site",
                    "sec-fetch-mode": "navigate",
                    "sec-fetch-dest": kind,
                },
                403,
            )
            for kind in ("frame", "embed", "object", "worker", "image", "empty")
        ],
        (
            {
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
                "sec-fetch-dest": "iframe",
            },
            403,
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/main.js", "/call/expression.examples"])
def test_who_may_ask(change, status, path):
    method = "POST" if path.startswith("/call") else "GET"
    headers = {key: text for key, text in {**OWN, **change}.items() if text}
    answered, given, _ = request(path, method, headers, b"{}")
    assert answered == status
    assert given["x-frame-options"] == "DENY"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "X"])
@pytest.mark.parametrize("path", ["/", "/?token=key", "/call/expression.examples"])
def test_no_other_method_gets_in_or_does_anything(method, path):
    status, headers, body = request(path, method, {"host": OWN["host"]})
    assert (status, "set-cookie" in headers) == (403, False)
    status, _, body = request(path, method)
    assert status in ((200, 404) if method == "HEAD" else (405,))
    assert b"tanh" not in body


def test_a_socket_is_refused():
    pytest.importorskip("starlette")
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    headers = [(k.encode(), v.encode()) for k, v in OWN.items()]
    scope = {"type": "websocket", "path": "/", "headers": headers, "query_string": b""}
    asyncio.run(play_server.application("key", PORT)(scope, receive, send))
    assert sent == ["websocket.close"]


def test_a_body_that_is_too_large_is_refused_and_a_stranger_s_is_not_read():
    large = b'"' + b"x" * play_server.MOST_BYTES + b'"'
    *_, body = request("/call/expression.graph", "POST", body=large)
    assert "more than the 8 MB" in json.loads(body)["data"]["error"]
    stranger = {"host": OWN["host"]}
    assert request("/call/expression.graph", "POST", stranger, large)[0] == 403


def test_a_link_on_another_site_opens_the_page_for_who_has_the_key():
    led = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    led["sec-fetch-dest"] = "document"
    assert request("/?expression=w*x", headers=OWN | led)[0] == 200
    assert request("/?expression=w*x", headers={"host": OWN["host"]} | led)[0] == 403


def test_the_opened_address_gives_the_key_and_keeps_the_rest():
    host = {"host": OWN["host"]}
    status, headers, _ = request("/?token=key&expression=w*x%2Bb", headers=host)
    assert status == 303
    assert headers["location"] == "/?expression=w%2Ax%2Bb"
    cookie = headers["set-cookie"].lower()
    assert cookie.startswith(f"chainrule-{PORT}=key;")
    assert {"httponly", "samesite=lax"} <= set(cookie.split("; "))
    for wrong in ("/?token=", "/?token=kez", "/", "/?token=kez&token=", "/main.js"):
        status, headers, body = request(wrong, headers=host)
        assert status == 403
        assert "set-cookie" not in headers
        assert b"chainrule play" in body


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("expression.graph", b"{", 400, "Expecting"),
        ("expression.graph", b"[1]", 500, "TypeError"),
        ("expression.graph", b'{"text": 1, "numbers": {}}', 500, "Error"),
        ("expression.graph", b'{"wrong": 1}', 500, "unexpected keyword"),
        ("nothing", b"{}", 400, "there is no call 'nothing'"),
    ],
)
def test_what_goes_wrong_is_told_on_the_page(name, body, status, said, capsys):
    answered, data = answer(name, body)
    assert answered == status
    assert said in data["error"]
    assert ("Traceback" in capsys.readouterr().err) == (status == 500)


ODD = ["NaN", "Infinity", "1e999", "-1e999", "-1", "0", "10.5", "1e22", "1e308"]
"""Numbers that a control, or an address, may come to."""


NUMBERS = [
    ("training.points", {"shape": "xor", "rows": 40, "noise": 0.1, "seed": 0}),
    ("training.programs", {"setup": {"seed": 0, "layers": []}}),
    ("expression.graph", {"text": "exp(x)/x", "numbers": {"x": 1.0}}),
    (
        "expression.plot",
        {"text": "exp(x)", "numbers": {"x": 1}, "by": "x", "low": -1, "high": 1},
    ),
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("call", "given"), NUMBERS, ids=[name for name, _ in NUMBERS])
def test_any_number_has_an_answer(odd, call, given, capsys):
    body = json.dumps(given)
    for number in re.finditer(r"(?<=: )-?[\d.]+", body):
        odder = body[: number.start()] + odd + body[number.end() :]
        found = json.loads(told(call, odder))
        assert found["status"] in (200, 400), (odder, found["data"])
    assert capsys.readouterr().err == ""


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_is_one_line(taken):
    pytest.importorskip("uvicorn")
    with pytest.raises(OSError, match=rf"^port {taken} is in use; choose another"):
        play_server.serve(taken)


def test_without_a_port_the_next_free_one_is_taken(taken, monkeypatch, capsys):
    monkeypatch.setattr(play_server, "FIRST", taken)
    with play_server._listening(None) as listener:
        host, port = listener.getsockname()
    assert host == "127.0.0.1"
    assert taken < port < taken + 100
    assert f"Port {taken} is in use; taking {port}" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_server_is_one_line_with_the_command(missing, monkeypatch):
    pytest.importorskip("uvicorn")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError) as told:
        play_server.serve()
    assert str(told.value) == (
        f"the playground needs {missing}; install it with: "
        'python -m pip install "chainrule[play]"'
    )


def test_each_start_has_a_key_of_its_own(monkeypatch, capsys):
    uvicorn = pytest.importorskip("uvicorn")
    opened = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr(play_server.webbrowser, "open", opened.append)
    play_server.serve()
    play_server.serve()
    play_server.serve(browser=False)
    printed = re.findall(
        r"http://127\.0\.0\.1:\d+/\?token=(\S+)", capsys.readouterr().out
    )
    assert len(set(printed)) == 3
    assert all(len(key) >= 32 for key in printed)
    assert [address.split("token=")[1] for address in opened] == printed[:2]
