"""The playground in a real browser; skipped where there is none, or no Playwright."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

pytest.importorskip("uvicorn")
sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=20_000)  # the machine may be busy

pytestmark = pytest.mark.browser

AXE = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
"""What finds faults that keep people out; `npm pack axe-core` brings it."""

COMMAND = """
import sys

def watch(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else "127.0.0.1"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", "localhost", None):
        print("asked for", event, host, file=sys.stderr)

sys.addaudithook(watch)
from viz.cli import main
sys.argv[0] = "chainrule"
main()
"""


class Server:
    """`chainrule play`, in a folder whose modules must not get in its way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("nn.py", "numbers.py"):
            (folder / name).write_text("raise ImportError('the wrong one')\n")
        self.errors = (folder / "errors").open("a")
        self.start()

    def start(self, port: int | None = None) -> None:
        arguments = ["-P", "-c", COMMAND, "play", "--no-browser"]
        arguments += [] if port is None else ["--port", str(port)]
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
                self.opening = found[0]
                break
        self.address = self.opening.partition("?")[0]
        self.port = urlsplit(self.address).port

    def printed(self) -> str:
        return (self.folder / "errors").read_text()

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()

    def close(self) -> None:
        self.end()
        self.errors.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("play"))
    yield server
    server.close()


NUMBERS_NOTED = """() => {
  const values = new URLSearchParams(location.search).get("values") ?? "";
  const noted = values.split(",").map((pair) => Number(pair.split(":").pop()));
  const boxes = [...document.querySelectorAll("#names .name [type=number]")];
  return boxes.map((box) => Number(box.value)).join() === noted.join();
}"""


class Page:
    """A page of the playground, and all that went wrong on it."""

    def __init__(self, browser, server, query="", **options) -> None:
        wide = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        self.context = browser.new_context(**(wide | options))
        self.server = server
        self.problems = []
        self.goto(query)

    def goto(self, query: str) -> None:
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.asked(request.url))
        self.page.goto(self.server.opening + (f"&{query}" if query else ""))
        panel = "training" if "tab=training" in query else "expression"
        self.page.wait_for_selector(f"#{panel}:not([hidden])")
        if panel == "training":
            self.see("t-summary", "epoch")

    def asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.port != self.server.port:
            self.problems.append(url)

    def at(self, name: str):
        return self.page.locator(f"#{name}")

    def see(self, name: str, text) -> None:
        sync_api.expect(self.at(name)).to_contain_text(text)

    def row(self, name: str):
        rows = self.page.locator("#names .name")
        return rows.filter(has=self.page.locator(f"b:text-is('{name}')"))

    def slope(self, name: str, expected: float) -> None:
        """Wait until the page says that the gradient by this name is this number."""
        words = re.compile(re.escape(f"∂out/∂{name} = ") + _about(expected))
        sync_api.expect(self.row(name).locator(".slope")).to_have_text(words)

    def out(self) -> float:
        return float(self.at("out").text_content())

    def type(self, text: str) -> None:
        self.at("text").fill(text)

    def state(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.page.url).query)
        return {key: texts[0] for key, texts in query.items()}

    def numbers(self) -> dict[str, float]:
        """The numbers in the address, once they are those in the boxes."""
        self.page.wait_for_function(NUMBERS_NOTED)
        pairs = [pair.rpartition(":") for pair in self.state()["values"].split(",")]
        return {name: float(number) for name, _, number in pairs}

    def noted(self, text: str) -> None:
        """Wait until the address has the state."""
        self.page.wait_for_function("text => location.search.includes(text)", arg=text)


def _about(number: float) -> str:
    """A pattern for a number with six digits, as the page prints it."""
    return re.escape(f"{number:.6g}".partition("e")[0][:7])


@pytest.fixture
def opened(browser, server):
    """Opens pages; in the end nothing was complained of, there or in the terminal."""
    pages = []

    def opening(query="", **options):
        pages.append(Page(browser, server, query, **options))
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


def test_an_answer_that_comes_late_changes_nothing(opened):
    """Every other answer is held back, so that later ones overtake it."""
    page = opened("expression=w*x%2Bb&values=w:2,x:3,b:1")
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


def test_a_picture_that_comes_late_is_not_shown(opened):
    page = opened("tab=training")
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
    whole = svg.get_attribute("viewBox")
    frame = page.at("graph").bounding_box()
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


def test_two_pages_do_not_meet(opened):
    one, other = opened("expression=a*2"), opened("expression=z*3")
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

CONTROLS = """section => [...document.querySelectorAll(
  `${section} :is(button, input, select, textarea, summary)`)]
  .map((element, at) => {
    element.dataset.at = at;
    return [at, element.localName, element.type ?? "", element.id];
  })"""


@pytest.mark.parametrize("panel", ["expression", "training"])
def test_every_control_works_with_every_entry(opened, panel):
    """After each the page has no message of a fault, and the terminal no line."""
    page = opened(f"tab={panel}")
    if panel == "training":
        page.page.locator("#t-own summary").click()
    for at, kind, type, name in page.page.evaluate(CONTROLS, f"#{panel}"):
        control = page.page.locator(f"[data-at='{at}']")
        if not control.count() or not control.is_visible() or control.is_disabled():
            continue  # such as Close, where nothing is chosen
        if kind == "select":
            entries = control.locator("option").evaluate_all(
                "all => all.filter(o => !o.disabled).map(o => o.value)"
            )
            for entry in entries:
                control.select_option(entry)
                fine(page, f"{name} {entry}")
        elif type in ("range", "number"):
            for key in ("ArrowUp", "ArrowDown"):
                control.press(key)
                fine(page, f"{name} {key}")
        elif type == "file":
            continue  # test_lab.py reads files
        elif type == "text" or kind == "textarea":
            control.fill(control.input_value() or TABLE)
            fine(page, name)
        else:
            for _ in range(2):  # off and on again
                control.click()
                fine(page, name)


TABLE = "a,b,kind\n1,2,one\n2,1,other\n1,3,one\n3,1,other\n"


def fine(page, what):
    page.page.evaluate("new Promise(done => setTimeout(done, 20))")
    assert page.at("failure").is_hidden(), (what, page.at("failure").text_content())
    assert page.server.printed() == "", what


# ---- for everybody -------------------------------------------------------------------

TABBABLE = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter(e => !e.disabled && e.tabIndex >= 0 && e.checkVisibility())"""
NAMED = (
    "e => [e.localName, e.id, e.getAttribute('aria-label'), e.textContent.slice(0, 9)]"
)


@pytest.mark.parametrize("panel", ["expression", "training"])
def test_the_tab_key_reaches_everything_in_order_and_changes_nothing(opened, panel):
    page = opened(f"tab={panel}")
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
    for panel in ("expression", "training"):
        page = opened(f"tab={panel}")
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


@pytest.mark.parametrize("width", [390, 640, 768, 1920])
@pytest.mark.parametrize("panel", ["expression", "training"])
def test_the_page_is_never_wider_than_the_window(opened, panel, width):
    scheme = "dark" if width in (390, 768) else "light"
    size = {"width": width, "height": 844}
    page = opened(f"tab={panel}", viewport=size, color_scheme=scheme)
    if panel == "expression":
        page.at("example").select_option("the worked example")
        page.see("out", "0.366536755761586")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 390 and panel == "expression":  # a slider, and the graph still there
        page.row("u1").locator("[type=range]").scroll_into_view_if_needed()
        top = page.at("graph").bounding_box()["y"]
        assert 0 <= top < 844 / 2


@pytest.mark.slow
@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: npm pack axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(opened, scheme):
    page = opened("expression=w*x%2Bb", color_scheme=scheme)

    def check(state):
        page.page.evaluate(AXE.read_text())
        found = page.page.evaluate("axe.run()")["violations"]
        told = [(one["id"], [n["html"][:200] for n in one["nodes"]]) for one in found]
        assert told == [], (state, json.dumps(told, indent=1))

    check("the whole")
    page.at("forward").click()
    page.page.locator("#graph .node", has_text="v1 =").click()
    page.see("node-title", "v1")
    check("a step, and a node chosen")
    page.at("example").select_option("the worked example")
    page.see("out", "0.36653")
    check("many names")
    page.type("log(x - 9")
    page.see("wrong", "closed")
    check("an error")
    page.page.locator("nav a", has_text="Training").click()
    page.see("t-summary", "epoch")
    page.page.locator("#t-own summary").click()
    check("a training")


def test_on_paper_there_is_no_control(opened):
    page = opened("expression=w*x")
    page.page.emulate_media(media="print")
    shown = page.page.evaluate(f"() => ({TABBABLE})().map({NAMED})")
    assert not [one for one in shown if one[0] in ("button", "select")]


# ---- a server that is not there, or not for everyone ---------------------------------


def test_a_server_that_ended_says_so_and_the_page_goes_on(browser, tmp_path):
    server = Server(tmp_path)
    page = Page(browser, server, "expression=w*x&values=w:2,x:3")
    slider = page.row("w").locator("[type=range]")
    server.end()
    slider.press("ArrowRight")
    page.see("failure", "chainrule play has ended. Start it again")
    server.start(server.port)
    slider.press("ArrowRight")
    page.see("failure", "Open the address that it printed")
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


def test_no_other_site_can_frame_it_or_call_it(browser, server, opened):
    page = opened()  # the browser has the key now
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
