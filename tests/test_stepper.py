"""The page that plays a graph: its data, its picture, its safety."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import re
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from autograd import Value, log, sigmoid, where
from autograd.graph import graph
from autograd.modes import ieee
from nn import MLP
from viz import stepper, style
from viz.digits import short
from viz.layers import loss_of, worked_example

sys.path.insert(0, str(Path(__file__).parent))
from random_graphs import grow

MODULE = sys.modules["viz.stepper"]
Stepper = MODULE.Stepper


def page_data(page):
    text = re.search(r'type="application/json">(.*?)</script>', page.html, re.DOTALL)[1]
    return json.loads(text)


def worked_page():
    model, x, y = worked_example()
    loss = loss_of(model, [Value(v, f"x{i}") for i, v in enumerate(x, 1)], y)
    return stepper(loss), loss


def expression():
    a, b, c = (Value(x, label=n) for x, n in ((2.0, "a"), (-3.0, "b"), (10.0, "c")))
    return (a * b + c).tanh()


def test_the_worked_example_has_every_true_number():
    page, loss = worked_page()
    loss.backward()
    values = [n.value for n in graph(loss)]
    for shown, value in zip(page_data(page)["nodes"], values, strict=True):
        if not value.constant:
            assert shown["value"] == short(value.data, 6)
            assert shown["gradient"] == short(value.grad, 6)
            assert shown["backwardLines"][-1].endswith(f"= {shown['gradient']}")


def test_steps_go_forward_then_backward_over_every_node():
    output = expression()
    data = page_data(stepper(output))
    made = [n.index for n in graph(output) if n.parents]
    every = [n.index for n in graph(output)]
    assert [s["phase"] for s in data["steps"]] == [
        "start",
        *["forward"] * len(made),
        *["backward"] * len(every),
    ]
    assert [s["node"] for s in data["steps"]] == [None, *made, *reversed(every)]


def test_each_node_knows_when_its_numbers_are_there():
    data = page_data(stepper(expression()))
    for index, node in enumerate(data["nodes"]):
        assert data["steps"][node["backward"]] | {"words": 0, "title": 0} == {
            "phase": "backward",
            "node": index,
            "words": 0,
            "title": 0,
        }
        if node["forward"]:
            assert data["steps"][node["forward"]]["node"] == index


def test_every_contribution_is_there():
    x = Value(3.0, label="x")
    node = page_data(stepper((x * x + x).tanh()))["nodes"][0]
    assert [line.partition(":")[0] for line in node["contributions"]] == [
        "through v2",
        "through v1",
        "through v1",
    ]


def test_every_node_and_edge_of_the_data_is_in_the_picture():
    page = stepper(expression() * 2.0)
    data = page_data(page)
    ids = set(re.findall(r'<g id="([^"]+)" class="(?:node|edge)"', page.html))
    kinds = [node["kind"] for node in data["nodes"]]
    nodes = {f"n{i}" for i, kind in enumerate(kinds) if kind != "constant"}
    assert kinds.count("constant") == 1  # the formula has it
    assert ids == nodes | {edge["id"] for edge in data["edges"]}


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_nodes_take_less_than_300_kilobytes(seed):
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-2, 2), f"label{i}") for i in range(5)]
    output, steps = leaves[0], 0
    while len(graph(output)) < 100:
        steps += 1
        with ieee():
            output = grow(random.Random(seed), leaves, steps)
    assert len(stepper(output).html.encode()) < 300_000 * len(graph(output)) / 100


def test_too_large_a_graph_is_refused_with_a_way_out():
    x = Value(1.0)
    y = x
    for _ in range(600):
        y = y + x
    with pytest.raises(ValueError, match="at most 500 nodes, and this graph has 601"):
        stepper(y)


def test_as_many_nodes_as_are_held_are_shown(monkeypatch):
    output = expression()
    monkeypatch.setattr(MODULE, "MOST_NODES", len(graph(output)))
    assert stepper(output).html


def test_a_page_says_which_decisions_it_keeps():
    x = Value(2.0, "x")
    told = [page_data(stepper(y))["told"] for y in (x * x, where(True, x * x, x))]
    assert told == ["", MODULE.KEPT]


def test_the_same_graph_gives_the_same_bytes():
    assert stepper(expression()).html == stepper(expression()).html


def test_nothing_comes_from_elsewhere():
    page, _ = worked_page()
    urls = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', page.html)
    assert [url for url in urls if not url.startswith(("data:", "#"))] == []


def contrast(one, other):
    """The ratio that the W3C's guidelines define; 4.5 is what text needs."""

    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            ((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in channels
        ]
        return sum(x * y for x, y in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_in_light_and_dark():
    css = (files("viz.pages") / "looks.css").read_text(encoding="utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(themes) == 2
    for theme in themes:
        hues = [name for name in theme if name.startswith("hue-")]
        for text in ("ink", "quiet", "positive", "negative", "bad", *hues):
            for ground in ("paper", "panel", "leaf", "lit"):
                assert contrast(theme[text], theme[ground]) >= 4.5
    for color in (style.POSITIVE, style.NEGATIVE, style.QUIET, style.INK):
        assert contrast(color, style.PAPER) >= 4.5


def test_only_the_pages_own_script_may_run():
    page, _ = worked_page()
    scripts = re.findall(r"<script>(.*?)</script>", page.html, re.DOTALL)
    (script,) = scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page.html)[1]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "label",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "<img src=x onerror=alert(1)>",
        "a\u2028b\u2029c",
        "\ud800",
        "$policy $data ${x}",
        "שלום",
        "🐍",
        "\\N {a|b} \"q\" 'r'",
        "x" * 10_000,
    ],
)
def test_odd_labels_stay_data(label):
    page = stepper(Value(2.0, label=label) * 3)
    assert page.html.isascii() or "×" in page.html
    assert page.html.count("<script") == 2
    assert page.html.count("</script>") == 2
    assert "\u2028" not in page.html
    assert "<img" not in page.html
    page.html.encode()
    assert page_data(page)["nodes"][0]["name"]


def test_saving_writes_the_page(tmp_path):
    page = stepper(expression())
    path = page.save(tmp_path / "backward.html")
    assert path.read_text(encoding="utf-8") == page.html
    assert [p.name for p in tmp_path.iterdir()] == ["backward.html"]


def test_saving_nowhere_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="there is no folder"):
        stepper(expression()).save(tmp_path / "no" / "backward.html")


def test_saving_as_something_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"end the name in \.html; got '.*a\.svg'"):
        stepper(expression()).save(tmp_path / "a.svg")
    assert stepper(expression()).save(str(tmp_path / "A.HTML")).exists()


def test_the_network_that_training_makes_by_default_has_a_page():
    model = MLP(2, [16, 16, 1], "relu", seed=0)
    page = stepper(loss_of(model, [Value(0.5), Value(-0.2)], 1.0))
    assert len(page_data(page)["nodes"]) == 440


def test_a_notebook_shows_it_in_a_frame_of_its_own():
    page = stepper(expression())
    shown = page._repr_html_()
    assert shown.startswith("<iframe ")
    assert 'sandbox="allow-scripts"' in shown
    assert html.unescape(re.search('srcdoc="([^"]*)"', shown)[1]) == page.html


def test_gradients_are_left_alone():
    output = expression()
    output.backward(seed=2.0)
    before = [n.value.grad for n in graph(output)]
    stepper(output)
    assert [n.value.grad for n in graph(output)] == before


def test_a_lone_leaf_and_a_lone_number():
    assert page_data(stepper(Value(2.0, label="x")))["nodes"][0]["gradient"] == "1"
    assert len(page_data(stepper(Value(2.0) * 3.0))["nodes"]) == 3


def test_a_prompt_says_what_to_do_with_it():
    assert "save('backward.html')" in repr(stepper(expression()))


# ---- everything on the page, for graphs of every kind --------------------------------


def several():
    """Graphs with both signs, many uses, many operands, and long names."""
    yield worked_page()[1]
    for seed in range(4):
        leaves = [Value(0.3 - k, f"leaf {k} of graph {seed}") for k in range(3)]
        with ieee():
            yield grow(random.Random(seed), leaves, 8)
    yield -log(sigmoid(Value(0.5, "x")))


@pytest.fixture(scope="module", params=range(6))
def played(request):
    """A graph, its nodes after backward(), its page, and the data on it."""
    output = list(several())[request.param]
    output.backward()
    page = stepper(output)
    return graph(output), page, page_data(page)


def sign(x):
    return (x > 0) - (x < 0)


def test_bars_and_arrows_have_the_sign_of_the_gradient(played):
    nodes, _, data = played
    for node, shown in zip(nodes, data["nodes"], strict=True):
        if not node.value.constant:
            assert shown["kind"] == ("inner" if node.parents else "leaf")
            assert sign(shown["bar"]) == sign(node.value.grad)
            assert abs(shown["bar"]) <= 1
    for edge in data["edges"]:
        head, place = nodes[edge["head"]], int(edge["id"].partition("_")[2])
        assert edge["tail"] == head.parents[place]
        back = head.value.grad * head.partials[place]
        assert edge["flow"] == sign(back)
        assert edge["partial"] == short(head.partials[place], 4)


def test_a_backward_step_says_from_how_many_uses_it_comes(played):
    nodes, _, data = played
    uses = Counter(parent for node in nodes for parent in node.parents)
    for step in data["steps"]:
        if step["phase"] == "backward":
            count = uses[step["node"]]
            words = {0: "by itself is 1", 1: "the node that uses it"}
            assert words.get(count, f"sum over its {count} uses") in step["words"]


def test_a_collapse_is_told_where_no_formula_of_the_loss_is(played):
    for shown in played[2]["nodes"]:
        lines = " ".join(shown.get("backwardLines", []))
        assert not ("collapses to" in lines and "By the formula of" in lines)
    x = Value(0.5, "x")
    lines = page_data(stepper(-log(sigmoid(x))))["nodes"][0]["backwardLines"]
    assert any("collapses to" in line for line in lines)


def boxes_and_arrows(page):
    """Left, right and middle of each node's box; where each arrow starts and ends."""
    boxes, arrows = {}, {}
    groups = re.findall(r'<g id="([ne]\d[^"]*)".*?</g>', page.html, re.DOTALL)
    for name in groups:
        group = page.html.partition(f'<g id="{name}"')[2].partition("</g>")[0]
        path = re.search(r' d="([^"]+)"', group)[1]
        points = [
            complex(*map(float, p.split(",")))
            for p in re.findall(r"-?[\d.]+,-?[\d.]+", path)
        ]
        if name.startswith("n"):
            across = [point.real for point in points]
            down = [point.imag for point in points]
            boxes[name] = min(across), max(across), min(down), max(down)
        else:
            arrows[name] = points[0], points[-1]
    return boxes, arrows


def test_a_box_has_room_for_its_longest_line(played):
    _, page, data = played
    boxes, _ = boxes_and_arrows(page)
    for name, (left, right, *_) in boxes.items():
        shown = data["nodes"][int(name[1:])]
        lines = [
            shown["title"],
            f"value {shown['value']}",
            f"gradient {shown['gradient']}",
        ]
        assert right - left > 7.2 * max(map(len, lines))  # points a character of 12


def test_a_box_has_room_for_any_number_that_its_inputs_may_give():
    short, long = (
        boxes_and_arrows(stepper(Value(number, "x") * Value(2.0, "y")))
        for number in (1.0, -1.23456e-10)
    )
    assert short == long


def test_an_arrow_goes_from_the_operand_to_an_entry_of_its_own(played):
    _, page, data = played
    boxes, arrows = boxes_and_arrows(page)

    def outside(point, box):
        left, right, top, bottom = box
        across = max(left - point.real, 0, point.real - right)
        return abs(complex(across, max(top - point.imag, 0, point.imag - bottom)))

    for edge in data["edges"]:
        start, end = arrows[edge["id"]]
        assert outside(start, boxes[f"n{edge['tail']}"]) < 4
        assert outside(end, boxes[f"n{edge['head']}"]) < 10  # the point of the arrow
    ends = Counter((edge["head"], arrows[edge["id"]][1]) for edge in data["edges"])
    assert max(ends.values()) == 1


def test_the_page_has_every_function_of_its_scripts():
    page = stepper(Value(2.0))
    for name in ("picture.js", "stepper.js"):
        text = (files("viz.pages") / name).read_text(encoding="utf-8")
        for function in re.findall(r"(?m)^(?:export )?function \w+\(", text):
            assert function.removeprefix("export ") in page.html


def test_the_data_is_ascii_and_numbers_have_the_digits_asked_for():
    page = stepper(Value(1 / 3, "größe 🐍") * 3, digits=2)
    text = re.search(r'type="application/json">(.*?)</script>', page.html, re.DOTALL)[1]
    assert text.isascii()
    data = json.loads(text)
    assert data["nodes"][0]["value"] == "0.33"
    (edge,) = page_data(stepper(Value(1 / 3, "x") * Value(1 / 7)))["edges"][:1]
    assert edge["partial"] == "0.1429"


def test_a_prompt_says_how_large_the_page_is():
    page = stepper(expression())
    (size,) = re.findall(r"(\d+) kB", repr(page))
    assert abs(int(size) - len(page.html.encode()) / 1000) <= 1
    assert "of 2000 kB" in repr(Stepper("x" * 2_000_000))
