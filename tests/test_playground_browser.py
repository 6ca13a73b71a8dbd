"""The playground in a real browser, by either engine: the server and a file offline.

Tests share a page, on which each follows a link to where it begins.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree

import pytest
from pages import AXE, ENGINES, Exported, Page, Server, needs_assets, needs_axe

from viz.play.points import SHAPES

pytest.importorskip("uvicorn")
sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=30_000)  # the machine may be busy

pytestmark = pytest.mark.browser

PANELS = {
    "expression": "tab=expression",
    "training": "tab=training",
    "words": "tab=words&width=4&heads=1&context=4",
}
"""Every panel, and a link to it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("play"))
    yield server
    server.close()


@pytest.fixture(
    scope="module",
    params=["server", pytest.param("file", marks=needs_assets)],
)
def engine(request, tmp_path_factory):
    if request.param == "server":
        yield request.getfixturevalue("server")
    else:
        yield ENGINES[request.param](tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def shared(browser, engine):
    page = Page(browser, engine)
    yield page
    page.context.close()


@pytest.fixture
def opened(shared, engine):
    """Opens a state; in the end nothing was complained of, there or in the terminal."""

    def opening(query="", **look):
        shared.open(query, **look)
        return shared

    yield opening
    problems, shared.problems = shared.problems, []
    assert problems == []
    assert engine.printed() == ""


@pytest.fixture
def alone(browser, server):
    """Opens pages of their own, at the server."""
    pages = []

    def opening(query=""):
        pages.append(Page(browser, server, query))
        return pages[-1]

    yield opening
    for page in pages:
        page.context.close()
        assert page.problems == []
    assert server.printed() == ""


# ---- an expression -------------------------------------------------------------------


def test_typing_and_sliding_give_the_true_gradient(opened):
    page = opened()
    page.type("w*x**2 + sin(b)")
    page.slope("b", math.cos(0.1))  # b keeps the number it had
    page.row("w").locator("[type=number]").fill("3")
    slider = page.row("x").locator("[type=range]")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=15)
    page.page.mouse.up()
    page.noted("w%3A3")
    x = page.numbers()["x"]
    assert 2 < x < 4
    page.slope("w", x**2)
    page.slope("x", 6 * x)
    assert float(page.row("x").locator("[type=number]").input_value()) == x
    node = page.page.locator("#graph .node", has_text="x").first
    assert f"{x:.4g}" in node.text_content()


def test_a_number_box_steps_from_its_own_number(opened):
    page = opened("expression=w*x&values=w:1.25,x:3")
    box = page.row("w").locator("[type=number]")
    for key, number in (("ArrowUp", 1.35), ("ArrowUp", 1.45), ("ArrowDown", 1.35)):
        box.press(key)
        page.slope("x", number)
    box.fill("-12.125")
    page.slope("x", -12.125)
    slider = page.row("w").locator("[type=range]")
    assert slider.get_attribute("aria-valuetext") == "-12.125"
    assert slider.get_attribute("max") == "20"
    box.fill("")  # nothing is given yet
    page.slope("x", -12.125)


def test_stepping_through_the_backward_pass(opened):
    page = opened("expression=w*x%2Bb&values=w:2,x:3,b:1")
    gradients = page.page.locator("#graph .gradient")
    page.at("first").click()
    page.see("step-title", "Step 0 of 7: The leaves are given")
    assert set(gradients.all_text_contents()) == {"gradient –"}
    for step in range(1, 8):
        page.at("forward").click()
        page.see("step-title", f"Step {step} of 7")
        assert page.page.locator("#graph .node.active").count() == 1
    page.see("step-lines", "1⋅3")
    assert "gradient –" not in gradients.all_text_contents()
    page.noted("step=7")
    page.at("everything").click()
    page.see("step-title", "all 7 steps")
    page.at("play").click()
    page.see("step-title", "Step 1 of 7")
    page.at("play").click()


LATE = """() => {
  const real = fetch;
  let asked = 0;
  window.fetch = async (...given) => {
    const answer = await real(...given);
    if (++asked % 2) await new Promise((done) => setTimeout(done, 400));
    return answer;
  };
}"""


def test_an_answer_that_comes_late_changes_nothing(alone):
    """Every other answer is held back, so that later ones overtake it."""
    page = alone("expression=w*x%2Bb&values=w:2,x:3,b:1")
    page.page.evaluate(LATE)
    for _ in range(2):
        page.at("first").click()
        for _ in range(7):
            page.at("forward").click()
        page.see("step-title", "Step 7 of 7")
        page.page.wait_for_timeout(600)
        page.see("step-lines", "1⋅3")
        page.at("back").click()
        page.at("forward").click()
        page.at("back").click()  # an odd number, so that the parts change
        page.page.wait_for_timeout(600)
        page.see("step-lines", "1⋅2")


def test_a_picture_that_comes_late_is_not_shown(alone):
    page = alone("tab=training")
    page.page.evaluate(LATE)
    page.at("t-own").locator("summary").click()
    for row in (2, 3, 4, 5):
        page.at("t-row").fill(str(row))
        page.at("t-row").press("Enter")
    picture = page.page.locator("#t-network svg").first
    sync_api.expect(picture).to_have_attribute("aria-label", "The network with row 5")
    for row in (6, 7):
        page.at("t-row").fill(str(row))
        page.at("t-row").press("Enter")
        page.at("t-clear").click()
        page.see("t-summary", "Points of two classes are needed")
        page.page.wait_for_timeout(600)
        sync_api.expect(picture).to_have_count(0)
        page.at("t-data").select_option("moons")
        page.see("t-summary", "epoch")


def test_a_chosen_node_lights_its_path_its_lines_and_its_sliders(opened):
    page = opened("expression=w*x%2Bb*c&values=w:2,x:3,b:1")
    page.page.locator("#graph .node", has_text="v1 =").click()
    page.see("node-title", "v1 = w·x")
    lit = page.page.locator("#names .name.lit b")
    sync_api.expect(lit).to_have_text(["w", "x"])
    sync_api.expect(page.page.locator("#graph .edge.lit")).to_have_count(1)
    sync_api.expect(page.page.locator("#derivation mtr.about")).not_to_have_count(0)
    page.page.locator("#derivation [data-slope='6-2']").first.hover()
    sync_api.expect(page.page.locator("#graph .edge.pointed")).to_have_count(1)
    page.at("close").click()
    sync_api.expect(page.at("node")).to_be_hidden()
    sync_api.expect(lit).to_have_count(0)


def test_numbers_are_dragged_in_the_graph_and_on_the_plot(opened):
    page = opened("expression=w*x&values=w:2,x:3")
    box = page.page.locator("#graph .node.leaf", has_text="x").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 40, y, steps=8)
    page.page.mouse.up()
    page.noted("x%3A3.")
    assert 3 < page.numbers()["x"] < 4.5
    sync_api.expect(page.at("node")).to_be_hidden()  # dragged, not chosen
    page.at("by").select_option("w")
    plot = page.at("plot").bounding_box()
    page.page.mouse.move(plot["x"] + plot["width"] * 0.5, plot["y"] + 60)
    page.page.mouse.down()
    page.page.mouse.move(plot["x"] + plot["width"] * 0.25, plot["y"] + 60, steps=4)
    page.page.mouse.up()
    page.page.wait_for_function("() => !location.search.includes('w%3A2%2C')")
    assert -4.5 < page.numbers()["w"] < -1


def test_descent_goes_downhill_and_leaves_the_unticked_alone(opened):
    page = opened("expression=(x-1)**2%2By**2&values=x:3,y:2")
    page.row("y").locator("[type=checkbox]").click()
    page.at("descend").click()
    page.noted("x%3A2.6")
    assert page.numbers() == {"x": pytest.approx(2.6), "y": 2.0}
    page.at("rate").select_option("0.3")
    page.at("run").click()
    page.page.wait_for_function(
        "() => Number(document.querySelector('#out').textContent) < 4.01"
    )
    page.at("run").click()
    assert page.out() >= 4
    page.noted("still=y")


def test_the_picture_is_fitted_zoomed_and_dragged(opened):
    page = opened("expression=" + "%2B".join(f"tanh(w*x%2B{i})" for i in range(19)))
    svg = page.page.locator("#graph svg")
    page.page.wait_for_timeout(300)  # until it has its place
    frame = page.at("graph").bounding_box()
    out = page.page.locator("#graph .node", has_text="out =").bounding_box()
    assert frame["x"] <= out["x"] <= frame["x"] + frame["width"]
    page.at("fit").click()
    whole = svg.get_attribute("viewBox")
    for end in ("last", "first"):
        node = getattr(page.page.locator("#graph .node"), end).bounding_box()
        assert frame["x"] <= node["x"] <= frame["x"] + frame["width"]
    page.at("closer").click()
    page.at("closer").click()
    sync_api.expect(page.at("fit")).to_have_attribute("aria-pressed", "false")
    closer = svg.get_attribute("viewBox")
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + 12
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x - 60, y, steps=4)
    page.page.mouse.up()
    assert svg.get_attribute("viewBox") not in (closer, whole)
    page.page.keyboard.down("Control")
    page.page.mouse.wheel(0, -200)
    page.page.keyboard.up("Control")
    page.at("fit").click()
    assert svg.get_attribute("viewBox") == whole
    page.at("closer").click()
    page.at("wider").click()
    assert svg.get_attribute("viewBox") == whole


TERMS = "%2B".join(f"tanh(w*x%2B{i})" for i in range(31))


def test_a_large_graph_is_unfolded_by_clicks_and_by_keys(opened):
    page = opened(f"expression={TERMS}")
    boxes, folded = "#graph .node[role]", "#graph .node.folded"
    first = page.page.locator(boxes).count()
    assert first < 40
    page.page.locator(folded).last.click()
    page.see("spoken", "is unfolded")
    opened_once = page.page.locator(boxes).count()
    assert opened_once > first
    page.noted("folded=")
    box = page.page.locator(folded).last
    name = box.get_attribute("aria-label").partition(" =")[0]
    assert "2 folded in it" in box.get_attribute("aria-label")
    assert box.get_attribute("aria-expanded") == "false"
    box.focus()
    for key, expanded in (("Enter", "true"), ("-", "false"), ("+", "true")):
        page.page.keyboard.press(key)
        here = page.page.locator(f"{boxes}[aria-label^='{name} =']")
        sync_api.expect(here).to_have_attribute("aria-expanded", expanded)
        sync_api.expect(here).to_be_focused()
    page.page.keyboard.press("Enter")
    page.see("node-title", f"{name} = tanh")
    page.at("turn").click()
    page.see("turn", "Unfold")
    page.at("folding").click()
    sync_api.expect(page.page.locator(folded)).to_have_count(0)
    assert page.page.locator(boxes).count() > 90
    page.see("step-title", "steps")
    page.noted("folded=none")
    page.at("folding").click()
    sync_api.expect(page.page.locator(boxes)).to_have_count(first)
    page.row("w").locator("[type=range]").press("ArrowRight")
    sync_api.expect(
        page.page.locator("#graph .node", has_text="1.01")
    ).not_to_have_count(0)


HOSTILE = [
    ("w*(x", "this ( is never closed"),
    ("w*<b>x</b>", "'<' is not part of an expression"),
    ("<script>alert(1)</script>", "is not part of an expression"),
    ("<img src=x onerror=alert(1)>", "is not part of an expression"),
    ("__import__('os')", "is not part of an expression"),
    ("+".join(f"n{i}" for i in range(41)), "room for 40 sliders"),
]


def test_an_error_stands_beside_the_box_and_the_page_lives_on(opened):
    page = opened("expression=w*x&values=w:2,x:3")
    for text, said in HOSTILE:
        page.type(text)
        page.see("wrong", said)
        assert page.page.locator("#wrong *").count() == 0  # text, never markup
        sync_api.expect(page.page.locator("#graph.stale svg")).to_have_count(1)
    page.type("log(w - x)")
    page.see("wrong", "is not defined")
    page.see("graph", "nan")
    page.row("w").locator("[type=number]").fill("7")
    page.slope("w", 0.25)
    sync_api.expect(page.at("wrong")).to_be_hidden()
    page.type("__a__ * _b_ + λ")
    page.slope("λ", 1.0)
    names = page.page.locator("#names b").all_text_contents()
    assert names == ["__a__", "_b_", "λ"]


@pytest.mark.parametrize(
    "query",
    [
        "expression=1%2B&values=a:nan,b:1e999,%3Cimg%3E:3&reach=-5&step=99999",
        "tab=nowhere&expression=w*x&by=zzz&step=-1&reach=1e9&values=",
        "expression=" + "x%2B" * 1500 + "1",
        "values=__proto__:5,w1:2&still=constructor",
    ],
)
def test_hostile_addresses_open(opened, query):
    page = opened(query)
    sync_api.expect(page.page.locator("#graph svg")).to_have_count(1)
    sync_api.expect(page.at("failure")).to_be_hidden()


@pytest.mark.parametrize(
    "query",
    [
        "expression=w*x%2Bb&values=w%3A2.5%2Cx%3A-3%2Cb%3A7&by=x&reach=10&step=4&still=w",
        "tab=training&data=circles&layers=5%204&activation=relu&optimizer=sgd&seed=3",
    ],
)
def test_a_shared_link_restores_the_state(opened, query):
    page = opened(query)
    for key, text in parse_qs(query).items():
        page.page.wait_for_function(
            "([key, text]) => new URLSearchParams(location.search).get(key) === text",
            arg=[key, text[0]],
        )
    if "expression" in query:
        page.slope("x", 2.5)
        page.see("step-title", "Step 4 of 7")
        assert not page.row("w").locator("[type=checkbox]").is_checked()
    assert "token" not in page.page.url


def test_two_pages_do_not_meet(alone):
    one, other = alone("expression=a*2"), alone("expression=z*3")
    for _ in range(3):
        one.row("a").locator("[type=range]").press("ArrowRight")
        other.row("z").locator("[type=range]").press("ArrowLeft")
    sync_api.expect(one.at("out")).to_have_text("2.06")
    sync_api.expect(other.at("out")).to_have_text("2.91")


def test_every_format_is_saved_and_opens(opened, tmp_path):
    page = opened("expression=w*x&values=w:2,x:3&step=2")
    saved = {}
    for button in page.page.locator("#files button").all():
        with page.page.expect_download() as download:
            button.click()
        saved[button.text_content()] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[button.text_content()])
    assert [*saved] == ["SVG", "HTML", "LaTeX", "Python", "Steps"]
    assert ElementTree.parse(saved["SVG"]).getroot().tag.endswith("svg")
    for kind, place in (("HTML", "figure svg"), ("Steps", "#picture svg .name")):
        other = page.context.new_page()
        other.goto(saved[kind].as_uri())
        assert other.locator(place).first.bounding_box()["width"] > 5
        other.close()
    page.problems.clear()  # files from the disk have no port of the server
    assert "\\begin{document}" in saved["LaTeX"].read_text()
    done = subprocess.run(
        [sys.executable, saved["Python"]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.startswith("6.0\n"), done.stderr


# ---- every control -------------------------------------------------------------------

CONTROLS = """panel => {
  const wanted = "a[href], button, input, select, textarea, summary, canvas.plane";
  const counts = {};
  return [...document.querySelectorAll(`#${panel} :is(${wanted})`)].map((element) => {
    const place = `${element.parentElement.closest("[id]").id} ${element.localName}`;
    counts[place] = (counts[place] ?? -1) + 1;
    const name = element.id || `${place} ${counts[place]}`;
    element.dataset.control = name;
    return counts[place] < 8 ? [name, element.localName, element.type ?? ""] : null;
  }).filter(Boolean);
}"""
"""All that can be operated, as the page itself has it; of a kind in one place eight.

What is in the graph has tests of its own.
"""

MORE = {
    "expression": [PANELS["expression"], "expression=" + TERMS],
    "training": [PANELS["training"], "tab=training&data=xor"],
    "words": [PANELS["words"]],
}
"""States in which all controls of a panel can be reached, with what opens there."""


@pytest.mark.parametrize("panel", MORE)
def test_every_control_works_with_every_entry(opened, panel, tmp_path):
    """After each the page has no message of a fault, and the terminal no line.

    What can't be used yet, such as Close where nothing is chosen, is tried again after
    the others, and none is left over.
    """
    (tmp_path / "table.csv").write_text(TABLE)
    done, left = set(), {"all"}
    for query in MORE[panel]:
        page = opened(query)
        for summary in page.page.locator(f"#{panel} summary").all():
            summary.click()
        if panel == "expression":
            page.page.locator("#graph .node[aria-expanded=true]").first.press("Enter")
            page.at("close").wait_for()
        before = None
        while left and left != before:
            before = left
            controls = page.page.evaluate(CONTROLS, panel)
            controls.sort(key=lambda control: control[0] not in ("turn", "close"))
            for name, kind, type in controls:  # first what others could take away
                control = page.page.locator(f"#{panel} [data-control='{name}']")
                if name in done or not page.page.evaluate(USABLE, name):
                    continue
                for what, act in acts(control, kind, type, tmp_path / "table.csv"):
                    if page.page.evaluate(USABLE, name):  # Close is not, once clicked
                        try:
                            act()
                        except sync_api.TimeoutError:  # a shorter list came meanwhile
                            assert not page.page.evaluate(USABLE, name), (name, what)
                        fine(page, f"{name} {what}")
                done.add(name)
            left = {name for name, _, _ in page.page.evaluate(CONTROLS, panel)} - done
    assert left == set()


USABLE = """name => {
  const control = document.querySelector(`[data-control="${name}"]`);
  return control !== null && control.checkVisibility() && !control.disabled;
}"""


def acts(control, kind, type, table):
    """What one does with a control: each entry of a list, on and off, up and down."""
    if kind == "select":
        entries = control.locator("option").evaluate_all("all => all.map(o => o.value)")
        for entry in reversed(entries):  # the quickest comes last
            yield entry, lambda entry=entry: control.select_option(entry)
    elif type in ("range", "number"):
        for key in ("ArrowUp", "ArrowDown"):
            yield key, lambda key=key: control.press(key)
    elif type == "file":
        yield type, lambda: control.set_input_files(table)
    elif type == "text" or kind == "textarea":
        yield type, lambda: control.fill(control.input_value() or TABLE)
    else:
        for _ in range(1 if kind == "a" else 2):
            yield "click", control.click


TABLE = "a,b,kind\n1,2,one\n2,1,other\n1,3,one\n3,1,other\n"


def fine(page, what):
    page.page.evaluate("new Promise(done => setTimeout(done, 20))")
    assert page.at("failure").is_hidden(), (what, page.at("failure").text_content())
    assert page.engine.printed() == "", what


# ---- for everybody -------------------------------------------------------------------

TABBABLE = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter(e => !e.disabled && e.tabIndex >= 0 && e.checkVisibility())"""
NAMED = (
    "e => [e.localName, e.id, e.getAttribute('aria-label'), e.textContent.slice(0, 9)]"
)


@pytest.mark.parametrize("panel", PANELS)
def test_the_tab_key_reaches_everything_in_order_and_changes_nothing(opened, panel):
    page = opened(PANELS[panel])
    page.page.wait_for_load_state("networkidle")
    page.page.wait_for_timeout(500)  # what came last is shown, and noted in the address
    state = "[location.href, document.querySelector('main').innerText]"
    before = page.page.evaluate(state)
    expected = page.page.evaluate(f"() => ({TABBABLE})().map({NAMED})")
    reached = []
    for _ in expected:
        page.page.keyboard.press("Tab")
        reached.append(page.page.evaluate(f"({NAMED})(document.activeElement)"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.page.evaluate(outline) != "none" or "n0" in reached[-1][1]
    assert reached == expected
    assert page.page.evaluate(state) == before


def test_the_keyboard_alone_goes_through_the_graph(opened):
    page = opened("expression=w*x%2Bb&values=w:2,x:3,b:1")
    page.page.locator("#graph [tabindex='0']").focus()
    active = "document.activeElement.getAttribute('aria-label')"
    seen = [page.page.evaluate(active)]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "Home", "End"):
        page.page.keyboard.press(key)
        seen.append(page.page.evaluate(active))
    assert [label.split(",")[0] for label in seen] == [
        *("w", "v1 = w·x", "out = v1 + b", "v1 = w·x", "b", "w", "out = v1 + b"),
    ]
    assert seen[0] == "w, value 2, gradient 3"
    page.page.keyboard.press("Enter")
    page.see("node-title", "out = v1 + b")
    page.page.keyboard.press("Escape")
    sync_api.expect(page.at("node")).to_be_hidden()


def test_every_target_is_large_enough(opened):
    for panel in PANELS:
        page = opened(PANELS[panel])
        if panel == "training":
            page.page.wait_for_function(
                "() => document.querySelector('#t-network').offsetHeight > 99"
            )
        small = page.page.evaluate(
            f"""() => ({TABBABLE})().filter(e => !e.closest("svg, li")).map(e => {{
              const box = (e.type === "checkbox" ? e : e.closest("label") ?? e)
                .getBoundingClientRect();
              return [e.id || e.textContent, box.width, box.height];
            }}).filter(([, wide, tall]) => wide < 24 || tall < 24)"""
        )
        assert small == []


def test_numbers_are_told_once_they_rest(opened):
    page = opened("expression=w*x&values=w:2,x:3")
    page.see("spoken", "out = 6")
    page.page.evaluate(
        """() => { window.said = 0;
          new MutationObserver(() => { window.said += 1; })
            .observe(document.querySelector("#spoken"), { childList: true }); }"""
    )
    for _ in range(8):
        page.row("w").locator("[type=range]").press("ArrowRight")
    page.see("spoken", "out = 6.24")
    assert page.page.evaluate("window.said") == 1


@pytest.mark.parametrize("panel", PANELS)
def test_the_page_is_never_wider_than_the_window(opened, panel):
    page = opened(PANELS[panel])
    if panel == "expression":
        page.at("example").select_option("the worked example")
        page.see("out", "0.366536755761586")
    for width in (390, 640, 700, 768, 1000, 1920):
        page.look(width, 844, "dark" if width in (390, 768) else "light")
        page.page.wait_for_timeout(100)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 390 and panel == "expression":  # a slider, and the graph is there
            page.row("u1").locator("[type=range]").scroll_into_view_if_needed()
            top = page.at("graph").bounding_box()["y"]
            assert 0 <= top < 844 / 2


STATES = {
    "expression": [
        "expression=w*x%2Bb",
        "expression=w*x%2Bb&step=3",
        "expression=w%2Bx&still=w&reach=100&by=x",
        "expression=log(x%20-%209",
        "expression=log(x%20-%209)",
        "expression=2*3",
        "expression=" + "%2B".join(f"tanh(w*x%2B{n})" for n in range(40)),
    ],
    "training": [
        "tab=training&test=0",
        "tab=training&layers=99",
        "tab=training&epochs=3&activation=relu&features=xx%20yy",
        "tab=training&epochs=40&data=blobs&layers=8%208%208%208%208&activation=sigmoid",
        "tab=training&data=own&table=nothing",
    ],
    "words": [
        PANELS["words"],
        PANELS["words"] + "&list=own&items=" + "%0A".join(["anna"] * 5),
        PANELS["words"] + "&width=5",
        PANELS["words"] + "&look=alpha&steps=40",
    ],
}
"""Of each panel the states that a link leads to: as it begins, and with messages."""


@pytest.mark.slow
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("panel", STATES)
def test_axe_finds_nothing_in_any_state(opened, panel, scheme):
    """In every state, with all that opens closed and open, also with a fault told."""
    for query in STATES[panel]:
        page = opened(query, scheme=scheme)
        page.page.wait_for_timeout(300)
        page.page.evaluate(AXE.read_text())
        for opening in (False, True):
            page.page.evaluate(OPENED, opening)
            page.page.wait_for_timeout(200)
            found = page.page.evaluate(
                "what => axe.run({ resultTypes: ['violations'], ...what })",
                {} if scheme == "light" else {"runOnly": COLORS},
            )["violations"]
            told = [(one["id"], [n["html"] for n in one["nodes"]]) for one in found]
            assert told == [], (query, opening, json.dumps(told, indent=1))
        page.page.evaluate("document.getElementById('failure').hidden = true")


COLORS = ["color-contrast", "link-in-text-block"]
"""The rules that colors can break: of the others dark pages know no more."""

OPENED = """opening => {
  const panel = document.querySelector("main > section:not([hidden])");
  for (const details of panel.querySelectorAll("details")) details.open = opening;
  if (!opening) return;
  const node = panel.querySelector("#graph .node:last-of-type");
  node?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  const failure = document.getElementById("failure");
  failure.textContent = "a fault of ours";
  failure.hidden = false;
}"""


PRESSED = """() => [...document.querySelectorAll("button:not(.plain), select")]
  .filter((control) => control.checkVisibility())
  .filter((control) => getComputedStyle(control).appearance !== "none")
  .map((control) => control.id)"""


def test_on_paper_there_is_what_was_found_and_no_control(opened):
    for panel, query in PANELS.items():
        page = opened(query)
        page.page.emulate_media(media="print")
        assert page.page.evaluate(PRESSED) == []
        assert page.page.locator(f"#{panel} .result").is_visible()
    assert page.page.locator("#w-items button").first.is_visible()
    assert page.page.locator("#w-width").is_visible()  # what was chosen, as plain text


# ---- what comes to a page that nobody meant ------------------------------------------

DROPPED = """([name, size, bytes]) => {
  const all = size ? new Uint8Array(size) : new Uint8Array(bytes);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([all], name));
  const place = document.querySelector("main > section:not([hidden]) p");
  const how = { dataTransfer, bubbles: true, cancelable: true };
  place.dispatchEvent(new DragEvent("dragover", how));
  return !place.dispatchEvent(new DragEvent("drop", how));
}"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
LATIN = "größe;höhe;art\n1;2;schön\n2;1;übel\n1;3;schön\n3;1;übel\n"
FILES = [
    ("training", "mine.csv", LATIN.encode("latin-1"), "4 rows, classes schön, übel"),
    ("training", "mine.csv", LATIN.encode("utf-16"), "4 rows, classes schön, übel"),
    ("training", "mine.csv", LATIN.encode("utf-8-sig"), "größe = 1, höhe = 2"),
    ("training", "cat.png", PNG, "cat.png is no text"),
    ("training", "huge.csv", 100_000_000, "huge.csv has 100 MB"),
    ("training", "none.csv", b"", "line of names"),
    ("words", "names.txt", "ana\nnäna\nina\nnan".encode("cp1252"), "4 items of 4"),
    ("words", "cat.png", PNG, "cat.png is no text"),
    ("expression", "cat.png", PNG, "An expression is typed"),
]


def test_a_file_that_is_dropped_is_read_or_told_of(alone):
    """It never takes the page away, as browsers do with a file that they show."""
    page = alone()
    for panel, query in PANELS.items():
        page.open(query)
        for _, name, data, said in (each for each in FILES if each[0] == panel):
            huge = data if isinstance(data, int) else 0
            given = [name, huge, [] if huge else [*data]]
            assert page.page.evaluate(DROPPED, given), "the browser would open it"
            shown = page.page.locator(f"#{panel}")
            page.until(lambda: said in shown.inner_text())  # noqa: B023


AND_AT_ONCE = """([summary, seed, ...file]) => {
  document.getElementById(summary).replaceChildren();
  document.getElementById(seed).dispatchEvent(new Event("change"));
  return (%s)(file);
}"""


@pytest.mark.parametrize(("panel", "to"), [("training", "t"), ("words", "w")])
def test_what_is_told_of_a_file_outlasts_what_is_being_built(panel, to, alone):
    page = alone(PANELS[panel])
    file = [f"{to}-summary", f"{to}-seed", "cat.png", 0, [*PNG]]
    assert page.page.evaluate(AND_AT_ONCE % DROPPED, file)
    ready = re.compile("^(epoch|step) 0")
    page.until(lambda: ready.match(page.at(f"{to}-summary").inner_text()))
    page.see(f"{to}-wrong", "cat.png is no text")


ODD_TEXTS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<b>bold</b> &lt;i&gt; &amp;",
    "javascript:alert(1)//'\"`${1+1}{{7*7}}",
    "\u202eright to left\u2069",
    "𝕏" * 60,
    "long" * 300,
]
"""What could be taken for something else than a text, or push the page apart."""
MARKUP = """() => [...document.querySelectorAll(
  "main :is(img, script, iframe, object, i), main b:not(#out, #names b)")]
  .map((element) => element.outerHTML)"""


def test_odd_texts_are_never_markup_and_never_push_the_page_apart(alone):
    seen = []
    names, kinds = ODD_TEXTS[:2] + ODD_TEXTS[-1:], ODD_TEXTS[2:]
    rows = [[n % 5, n % 3, kinds[n % len(kinds)]] for n in range(20)]
    text = "\n".join("\t".join(map(str, row)) for row in [names, *rows])
    page = alone(PANELS["training"])
    page.look(390)
    page.page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.at("t-own").locator("summary").click()
    page.at("t-text").fill(text)
    page.at("t-load").click()
    page.see("t-told", "20 rows")
    page.see("t-row-is", ODD_TEXTS[0])
    unbroken(page)
    page.at("t-text").fill("\t".join(ODD_TEXTS))
    page.at("t-load").click()
    page.until(page.failure)
    unbroken(page)
    page.open(PANELS["words"], width=390)
    page.at("w-own").locator("summary").click()
    page.at("w-text").fill("\n".join(each[:64] for each in ODD_TEXTS))
    page.at("w-load").click()
    page.until(lambda: "7 items" in page.text("told", "w"))
    page.at("w-look").fill(ODD_TEXTS[0])
    page.see("w-seen", "Head 1")
    unbroken(page)
    page.open("expression=" + "long" * 300, width=390)
    page.slope("long" * 300, 1)
    unbroken(page)
    assert seen == []


def unbroken(page):
    assert page.page.evaluate(MARKUP) == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390


JUMPING = """() => {
  const real = performance.now.bind(performance);
  let calls = 0;
  performance.now = () => real() + (++calls % 7 === 0 ? 3.6e6 : 0);
}"""


def test_a_clock_that_jumps_stops_no_training(alone):
    """As after a laptop has slept; and back again, which clocks do too."""
    page = alone("tab=training")
    page.page.evaluate(JUMPING)
    page.at("t-pace").select_option("0")
    page.at("t-play").click()
    page.until(lambda: page.count() > 200)
    page.at("t-play").click()
    page.page.wait_for_selector("#t-network svg")


@pytest.mark.slow
@pytest.mark.parametrize(
    "end", ["self.close()", "void (told = () => { throw Error('full'); })"]
)
def test_a_worker_that_is_lost_is_told_of_and_replaced(opened, engine, end):
    if not isinstance(engine, Exported):
        pytest.skip("a server has no worker")
    page = opened("expression=w*x&values=w:2,x:3")
    page.page.workers[0].evaluate(end)
    slider = page.row("w").locator("[type=range]")
    slider.press("ArrowRight")
    page.see("failure", "Python in this page has ended")
    slider.press("ArrowRight")
    page.slope("x", 2.02)
    sync_api.expect(page.at("failure")).to_be_hidden()
    page.problems.clear()


# ---- a server that is not there, or not for everyone ---------------------------------


def test_a_server_that_ended_says_so_and_the_page_goes_on(browser, tmp_path):
    server = Server(tmp_path)
    page = Page(browser, server, "expression=w*x&values=w:2,x:3")
    slider = page.row("w").locator("[type=range]")
    training = Page(browser, server, "tab=training")
    training.at("t-play").click()
    training.until(lambda: training.count() > 20)
    server.end()
    training.see("failure", "chainrule play has ended. Start it again")
    done = training.count()
    training.until(lambda: training.count() > done)  # that needs no server
    training.context.close()
    slider.press("ArrowRight")
    page.see("failure", "chainrule play has ended. Start it again")
    server.start(server.port)
    slider.press("ArrowRight")
    page.see(
        "failure", "Open the address that it printed in the terminal, with cookies"
    )
    other = page.context.new_page()
    other.goto(server.opening)  # the address that it printed
    slider.press("ArrowRight")
    sync_api.expect(page.at("out")).to_have_text("6.09")
    sync_api.expect(page.at("failure")).to_be_hidden()
    page.context.close()
    server.close()
    assert server.printed() == ""


def test_a_fault_is_told_on_the_page(opened):
    page = opened()
    page.page.evaluate("setTimeout(() => { throw new Error('a fault of ours'); })")
    page.see("failure", "a fault of ours")
    page.page.evaluate("() => { Promise.reject(new Error('another fault')); }")
    page.see("failure", "another fault")
    page.row("w1").locator("[type=range]").press("ArrowRight")
    sync_api.expect(page.at("failure")).to_be_hidden()
    page.problems.clear()


def test_no_other_site_can_frame_it_or_call_it(server, alone):
    page = alone()  # the browser has the key now
    other = page.context.new_page()
    other.route(
        "http://elsewhere.test/",
        lambda route: route.fulfill(
            body=f"<iframe src='{server.address}'></iframe>", content_type="text/html"
        ),
    )
    other.goto("http://elsewhere.test/")
    other.wait_for_timeout(300)
    inside = other.frames[1].evaluate("document.body?.innerText ?? ''")
    assert "chainrule" not in inside
    for how in ("cors", "no-cors"):
        got = other.evaluate(
            """async ([address, mode]) => {
              try {
                const asked = await fetch(address + "call/expression.examples",
                  { method: "POST", body: "{}", mode, credentials: "include" });
                return await asked.text();
              } catch { return ""; }
            }""",
            [server.address, how],
        )
        assert got == ""
    other.close()


# ---- a training ----------------------------------------------------------------------


def test_moons_are_learned_while_one_watches(opened):
    page = opened("tab=training")
    page.at("t-play").click()
    page.page.wait_for_function(
        """() => [...document.querySelector("#t-summary").textContent
          .matchAll(/(\\d+) % right/g)].every(([, share]) => share >= 95)""",
        timeout=60_000,
    )
    page.at("t-play").click()
    page.page.wait_for_timeout(200)
    paused = page.at("t-summary").text_content()
    page.page.wait_for_timeout(300)
    assert page.at("t-summary").text_content() == paused
    page.at("t-step").click()
    done = int(re.search(r"epoch (\d+)", paused)[1])
    page.see("t-summary", f"epoch {done + 1} ")
    page.at("t-again").click()
    page.see("t-summary", "epoch 0 ")


# ---- a GPT ---------------------------------------------------------------------------


def test_a_small_gpt_learns_a_list_and_writes(opened):
    names = urlencode({"items": "\n".join(["anna", "nina", "mina", "<b>a</b>"] * 3)})
    query = f"{PANELS['words']}&list=own&{names}&seed=1&rate=0.03"
    told = set()
    for _ in range(2):
        page = opened(f"{query}&steps=150")
        page.until(lambda p=page: p.count("step", "w-summary") == 150)
        told.add((page.at("w-summary").text_content(), page.at("w-items").inner_text()))
    ((summary, written),) = told  # the same link, the same letters
    assert float(re.search(r"loss ([\d.]+)", summary)[1]) < 1.5
    assert "is in the list" in written
    assert page.page.locator("#w-items b").count() == 0
    page.page.locator("#w-items button").first.click()
    sync_api.expect(page.page.locator("#w-seen caption")).to_have_text("Head 1")
    word = page.at("w-look").input_value()
    letters = page.page.locator("#w-seen tbody th").all_text_contents()
    assert letters == ["start", *word][:4]
    for row in page.page.locator("#w-seen tbody tr").all():
        shares = [int(share) for share in row.locator("td").all_text_contents()]
        assert sum(shares) == pytest.approx(100, abs=2)
    page.at("w-look").fill("<b>?")
    page.see("w-unread", "? is not among the characters of this list")
    assert page.page.locator("#w-seen").is_hidden()
    page.at("w-again").click()
    page.until(lambda: page.count("step", "w-summary") == 0)
    page.at("w-step").click()
    page.until(lambda: page.count("step", "w-summary") == 1)
    page.at("w-play").click()
    page.until(lambda: page.count("step", "w-summary") > 20)
    page.at("w-play").click()
    sync_api.expect(page.at("w-play")).to_have_text("Play")
    page.see("spoken", "It writes: ")
    page.at("w-own").locator("summary").click()
    page.at("w-text").fill("one")
    page.at("w-load").click()
    page.see("w-wrong", "this one has 1")


@pytest.fixture
def panel(opened, request):
    return opened(f"tab=training{getattr(request, 'param', '')}")


@pytest.mark.slow
def test_every_entry_of_every_list(panel):
    page = panel.page
    for name in ("data", "activation", "optimizer", "test"):
        for entry in reversed(
            panel.entries(f"t-{name}")[:-1]
            if name == "data"
            else panel.entries(f"t-{name}")
        ):
            if page.input_value(f"#t-{name}") == entry:
                continue
            panel.anew(lambda n=name, e=entry: page.select_option(f"#t-{n}", e))
            assert panel.failure() == ""
            assert (f"{name}={entry}" in page.url) or page.wait_for_timeout(400) is None
    assert set(panel.entries("t-data")) == {*SHAPES, "own"}
    for name in ("penalty", "batch", "pace"):
        for entry in reversed(panel.entries(f"t-{name}")):
            page.select_option(f"#t-{name}", entry)
            before = panel.count()
            page.click("#t-play")
            panel.until(lambda e=before: panel.count() > e)
            page.click("#t-play")
            assert panel.text("play") == "Play"
    page.wait_for_selector("#t-network svg")


@pytest.mark.slow
def test_every_box_and_button(panel):
    page = panel.page
    for box in page.locator("#t-features input").all():
        if not box.is_checked():
            panel.anew(box.click)
    assert (
        "features=x+y+xx+yy+xy+sinx+siny" in page.url
        or page.wait_for_timeout(300) is None
    )
    for name, text in (
        ("rows", "40"),
        ("noise", "0.3"),
        ("seed", "7"),
        ("layers", "3, 2"),
    ):
        panel.anew(
            lambda n=name, t=text: (page.fill(f"#t-{n}", t), page.keyboard.press("Tab"))
        )
    assert page.locator("#t-bars tbody tr").count() == 3
    panel.anew(lambda: page.click("#t-again"))
    page.focus("#t-rate")
    page.keyboard.press("ArrowRight")
    assert panel.text("rate-is") == "0.1"
    page.fill("#t-row", "5")
    page.keyboard.press("Tab")
    chosen = panel.text("row-is")
    page.click("#t-plane", position={"x": 150, "y": 150})
    page.locator("#t-plane").click(position={"x": 10, "y": 10})
    page.check("#t-full")
    page.fill("#t-row", "7")
    page.keyboard.press("Tab")
    panel.until(lambda: panel.text("row-is") != chosen)
    for kind in ("svg", "html", "latex", "python"):
        with page.expect_download() as download:
            page.click(f"#t-{kind}")
        assert "training" in download.value.suggested_filename or kind == "svg"


@pytest.mark.slow
def test_a_click_on_a_point_shows_its_pass(panel):
    page = panel.page
    before = panel.text("row-is")
    box = page.locator("#t-plane").bounding_box()
    for step in range(20):
        place = {"x": box["width"] * (0.25 + step / 40), "y": box["height"] * 0.5}
        page.click("#t-plane", position=place)
        page.wait_for_timeout(100)
        if panel.text("row-is") != before:
            break
    assert panel.text("row-is") != before
    titles = page.eval_on_selector_all(
        "#t-network title", "all => all.map((t) => t.textContent)"
    )
    assert any("δ" in title for title in titles)


@pytest.mark.slow
def test_presets_are_links_that_do_what_they_say(panel):
    page = panel.page
    links = page.locator("#t-presets a")
    for n in range(links.count()):
        href = links.nth(n).get_attribute("href")
        panel.anew(links.nth(n).click)
        for key, text in re.findall(r"[?&](\w+)=([^&]*)", href):
            if key in ("data", "activation", "optimizer", "penalty"):
                assert page.input_value(f"#t-{key}") == text
    page.get_by_role("link", name="Dead neurons").click()
    panel.ready()
    page.click("#t-play")
    panel.until(lambda: re.search(r"\d of 8", page.text_content("#t-bars")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("layers", "99", "1 to 32"),
        ("layers", "eight", "such as 8 8"),
        ("layers", "1 1 1 1 1 1", "up to 5"),
        ("rows", "3", "from 4"),
        ("noise", "3", "noise"),
    ],
)
def test_what_cant_be_is_said_and_leaves_what_was_there(panel, name, text, words):
    panel.page.fill(f"#t-{name}", text)
    panel.page.keyboard.press("Tab")
    panel.until(lambda: words in panel.failure())
    panel.page.fill(f"#t-{name}", {"rows": "50", "noise": "0.2"}.get(name, "4"))
    panel.page.keyboard.press("Tab")
    panel.until(lambda: not panel.failure())
    panel.until(lambda: panel.text("summary").startswith("epoch 0"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "panel", ["&optimizer=sgd&rate=100&layers=8+8&activation=relu"], indirect=True
)
def test_a_training_that_blows_up_says_so(panel):
    panel.page.click("#t-play")
    panel.until(lambda: "learning rate" in panel.failure() or panel.count() > 3000)
    if panel.failure():
        assert panel.text("play") == "Play"


def test_ones_own_data(panel, tmp_path):
    page = panel.page
    page.click("#t-own summary")
    path = tmp_path / "mine.csv"
    path.write_text(
        "weight;height;kind\n"
        + "".join(
            f"{50 + n},5;{150 + n % 7};{'a' if n % 20 > 9 else 'b'}\n"
            for n in range(40)
        )
    )
    page.set_input_files("#t-file", path)
    panel.until(lambda: "40 rows, classes a, b" in panel.text("told"))
    first = "weight = 50.5, height = 150, class b"
    panel.until(lambda: first in panel.text("row-is"))
    page.select_option("#t-across", "height")
    page.select_option("#t-up", "weight")
    page.click("#t-load")
    panel.until(lambda: "height = 150, weight = 50.5" in panel.text("row-is"))
    page.fill("#t-text", "nonsense")
    page.click("#t-load")
    panel.until(lambda: "line of names" in panel.failure())
    page.click("#t-clear")
    panel.until(lambda: "two classes" in panel.text("summary"))
    for label, across in (("0", 60), ("0", 80), ("1", 200), ("1", 220), ("2", 120)):
        page.select_option("#t-brush", label)
        page.click("#t-plane", position={"x": across, "y": across})
        page.wait_for_timeout(150)
    panel.until(lambda: panel.text("summary").startswith("epoch 0"))
    page.click("#t-step")
    panel.until(lambda: panel.count() == 1)
    page.wait_for_function("() => location.search.includes('epochs=1')")
    points, told = page.evaluate("location.search"), panel.text("summary")
    panel.open(points.removeprefix("?"))
    panel.until(lambda: panel.count() == 1)
    panel.until(lambda: panel.text("summary") == told)
    page.wait_for_function("points => location.search === points", arg=points)
    assert points.count("%0A") == 5


OWN_TABLE = "weight;height;kind\n1;2;<b>a</b>\n2;1;b\n1.5;3;<b>a</b>\n3;1;b"
LINKED = "&" + urlencode({"data": "own", "table": OWN_TABLE})


@pytest.mark.parametrize("panel", [LINKED], indirect=True)
def test_a_link_brings_a_table(panel):
    first = "weight = 1, height = 2, class <b>a</b>"
    panel.until(lambda: first in panel.text("row-is"))
    assert panel.page.input_value("#t-data") == "own"
    panel.page.wait_for_function(
        "text => new URLSearchParams(location.search).get('table') === text",
        arg=OWN_TABLE,
    )


ODD_TABLES = [
    "<img src=x onerror=alert(1)>",
    "a;b;c\n1;2\n",
    "a;a;a\n1;2;3\n1;2;4",
    "__proto__;constructor;x\n1;2;y",
    "a;b;c\n" + "1e999;nan;x\n" * 400,
    "\x00;;\n\n\n",
    ";" * 5999,
]


def test_a_link_with_an_odd_table_says_what_is_wrong(opened):
    for table in ODD_TABLES:
        page = opened("tab=training&" + urlencode({"data": "own", "table": table}))
        page.until(page.failure)
        page.until(lambda p=page: p.count() == 0)
        assert page.page.input_value("#t-data") == "moons"
        assert page.page.locator("#t-wrong *").count() == 0


def test_answers_out_of_order_and_clicks_in_between_leave_one_state(alone):
    """Two tables at once, another choice meanwhile, Play and Pause in one frame."""
    panel = alone("tab=training")
    page = panel.page
    page.click("#t-own summary")
    held = []
    page.route("**/call/training.table", lambda route: held.append(route))
    for name in ("early", "late"):
        page.fill("#t-text", OWN_TABLE.replace("weight", name))
        page.click("#t-load")
    panel.until(lambda: len(held) == 2)
    held[1].continue_()
    panel.until(lambda: "late = 1" in panel.text("row-is"))
    held[0].continue_()
    page.wait_for_timeout(300)
    assert "late = 1" in panel.text("row-is")
    page.click("#t-load")
    panel.until(lambda: len(held) == 3)
    page.select_option("#t-data", "xor")
    held[2].continue_()
    page.wait_for_timeout(300)
    assert page.input_value("#t-data") == "xor"
    page.select_option("#t-pace", "1")
    page.evaluate(
        """() => { window.frames_ = 0;
          const count = () => { window.frames_ += 1; requestAnimationFrame(count); };
          for (let n = 0; n < 9; n++) document.querySelector("#t-play").click();
          requestAnimationFrame(count); }"""
    )
    panel.until(lambda: panel.count() > 20)
    epochs, frames = page.evaluate(
        """[Number(document.querySelector("#t-summary").textContent.match(/\\d+/)[0]),
          window.frames_]"""
    )
    assert epochs <= frames + 2  # one clock, not nine


@pytest.mark.parametrize("panel", ["&epochs=3000&layers=8+8"], indirect=True)
def test_a_panel_that_is_not_seen_does_not_train(panel):
    panel.until(lambda: panel.count() > 0)
    panel.page.click("nav a[data-panel=expression]")
    before = panel.text("summary")
    panel.page.wait_for_timeout(400)
    assert panel.text("summary") == before
    panel.page.click("nav a[data-panel=training]")
    panel.until(lambda: panel.count() == 3000)


def test_a_link_trains_as_far_and_to_the_same_loss(opened):
    told = set()
    for _ in range(2):
        page = opened("tab=training&data=circles&epochs=60&seed=3")
        page.until(lambda p=page: p.count() == 60)
        told.add(page.text("summary"))
    assert len(told) == 1


HOSTILE_LINK = (
    "&data=%3Cb%3E&rows=1e9&noise=nan&layers=9-9&activation=x&rate=q&pace=zz"
    "&epochs=-5&seed=x"
)


@pytest.mark.parametrize("panel", [HOSTILE_LINK], indirect=True)
def test_a_hostile_address_opens(panel):
    assert panel.failure()
    panel.page.get_by_role("link", name="Two moons").click()
    panel.until(lambda: panel.text("summary").startswith("epoch 0"))
    assert panel.failure() == ""
