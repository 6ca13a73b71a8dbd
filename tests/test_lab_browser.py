"""The panel of a training in a browser: every control, every entry of every list."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest

from viz.play.calls import told
from viz.play.points import SHAPES
from viz.play.server import HEADERS, TYPES, page_files

pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


class Handler(BaseHTTPRequestHandler):
    """The page's files and calls, as the server of `chainrule play` answers them."""

    def do_GET(self):
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        ending = name[name.rfind(".") :]
        self.answered(
            200, TYPES.get(ending, "text/plain"), page_files()[name].read_bytes()
        )

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = told(self.path.rpartition("/")[2], body)
        self.answered(200, "application/json", answer.encode())

    def answered(self, status, type_, data):
        self.send_response(status)
        self.send_header("Content-Type", type_)
        for name, text in HEADERS.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class Panel:
    """The panel, and what went wrong on it."""

    def __init__(self, browser, address, query="", **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.problems = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(f"{address}?tab=training{query}")
        self.ready()

    def text(self, name):
        return self.page.text_content(f"#t-{name}")

    def until(self, happened):
        for _ in range(400):
            if happened():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"it did not happen: {self.failure()} {self.problems}")

    def ready(self):
        """Wait for the first weights, or for what is wrong."""
        self.until(lambda: re.match("epoch|Points|–", self.text("summary") or ""))

    def failure(self):
        return self.text("wrong") + self.page.text_content("#failure")

    def epoch(self):
        return int(re.match(r"epoch (\d+)", self.text("summary"))[1])

    def anew(self, change):
        """Do what starts the training over, having trained for an epoch."""
        self.page.click("#t-step")
        self.until(lambda: self.epoch() == 1)
        change()
        self.until(lambda: self.text("summary").startswith("epoch 0"))

    def entries(self, name):
        return self.page.eval_on_selector(
            f"#t-{name}", "list => [...list.options].map((each) => each.value)"
        )


@pytest.fixture
def panel(browser, address, request):
    opened = Panel(browser, address, getattr(request, "param", ""))
    yield opened
    assert opened.problems == []
    opened.context.close()


@pytest.mark.slow
def test_every_entry_of_every_list(panel):
    page = panel.page
    for name in ("data", "activation", "optimizer", "test"):
        for entry in reversed(
            panel.entries(name)[:-1] if name == "data" else panel.entries(name)
        ):
            if page.input_value(f"#t-{name}") == entry:
                continue
            panel.anew(lambda n=name, e=entry: page.select_option(f"#t-{n}", e))
            assert panel.failure() == ""
            assert (f"{name}={entry}" in page.url) or page.wait_for_timeout(400) is None
    assert set(panel.entries("data")) == {*SHAPES, "own"}
    for name in ("penalty", "batch", "pace"):
        for entry in reversed(panel.entries(name)):
            page.select_option(f"#t-{name}", entry)
            before = panel.epoch()
            page.click("#t-play")
            panel.until(lambda e=before: panel.epoch() > e)
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
    panel.until(lambda: "learning rate" in panel.failure() or panel.epoch() > 3000)
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
    panel.until(lambda: panel.epoch() == 1)
    page.wait_for_function("() => location.search.includes('epochs=1')")
    points, told = page.evaluate("location.search"), panel.text("summary")
    page.goto(page.url.partition("?")[0] + points)
    panel.until(lambda: re.match("epoch 1 ", panel.text("summary") or ""))
    panel.until(lambda: panel.text("summary") == told)
    page.wait_for_function("points => location.search === points", arg=points)
    assert points.count("%0A") == 5


TABLE = "weight;height;kind\n1;2;<b>a</b>\n2;1;b\n1.5;3;<b>a</b>\n3;1;b"
LINKED = "&" + urlencode({"data": "own", "table": TABLE})


@pytest.mark.parametrize("panel", [LINKED], indirect=True)
def test_a_link_brings_a_table(panel):
    first = "weight = 1, height = 2, class <b>a</b>"
    panel.until(lambda: first in panel.text("row-is"))
    assert panel.page.input_value("#t-data") == "own"
    panel.page.wait_for_function(
        "text => new URLSearchParams(location.search).get('table') === text", arg=TABLE
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


@pytest.mark.parametrize("table", ODD_TABLES)
def test_a_link_with_an_odd_table_says_what_is_wrong(browser, address, table):
    query = "&" + urlencode({"data": "own", "table": table})
    panel = Panel(browser, address, query)
    panel.until(lambda: panel.failure())
    panel.until(lambda: panel.text("summary").startswith("epoch 0"))
    assert panel.page.input_value("#t-data") == "moons"
    assert panel.page.locator("#t-wrong *").count() == 0
    assert panel.problems == []
    panel.context.close()


def test_answers_out_of_order_and_clicks_in_between_leave_one_state(panel):
    """Two tables at once, another choice meanwhile, Play and Pause in one frame."""
    page = panel.page
    page.click("#t-own summary")
    held = []
    page.route("**/call/training.table", lambda route: held.append(route))
    for name in ("early", "late"):
        page.fill("#t-text", TABLE.replace("weight", name))
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
    panel.until(lambda: panel.epoch() > 20)
    epochs, frames = page.evaluate(
        """[Number(document.querySelector("#t-summary").textContent.match(/\\d+/)[0]),
          window.frames_]"""
    )
    assert epochs <= frames + 2  # one clock, not nine


@pytest.mark.parametrize("panel", ["&epochs=3000&layers=8+8"], indirect=True)
def test_a_panel_that_is_not_seen_does_not_train(panel):
    panel.page.click("nav a[data-panel=expression]")
    before = panel.text("summary")
    panel.page.wait_for_timeout(400)
    assert panel.text("summary") == before
    panel.page.click("nav a[data-panel=training]")
    panel.until(lambda: panel.epoch() == 3000)


@pytest.mark.parametrize("panel", ["&data=circles&epochs=60&seed=3"], indirect=True)
def test_a_link_trains_as_far_and_to_the_same_loss(panel, browser, address):
    panel.until(lambda: panel.epoch() == 60)
    again = Panel(browser, address, "&data=circles&epochs=60&seed=3")
    again.until(lambda: again.epoch() == 60)
    assert again.text("summary") == panel.text("summary")
    again.context.close()


HOSTILE = (
    "&data=%3Cb%3E&rows=1e9&noise=nan&layers=9-9&activation=x&rate=q&pace=zz"
    "&epochs=-5&seed=x"
)


@pytest.mark.parametrize("panel", [HOSTILE], indirect=True)
def test_a_hostile_address_opens(panel):
    assert panel.failure()
    panel.page.get_by_role("link", name="Two moons").click()
    panel.until(lambda: panel.text("summary").startswith("epoch 0"))
    assert panel.failure() == ""


def test_keys_alone_reach_every_control_in_order_and_change_nothing(panel):
    page = panel.page
    wanted = page.eval_on_selector_all(
        "#training :is(a, button, input, select, textarea, summary, [tabindex])",
        "all => all.filter((e) => e.checkVisibility() && !e.disabled)"
        ".map((e) => e.id || e.textContent || e.value)",
    )
    state = (page.url, panel.text("summary"))
    page.focus("#t-data")
    seen = []
    for _ in wanted:
        named = "(e => e.id || e.textContent || e.value)(document.activeElement)"
        seen.append(page.evaluate(named))
        page.keyboard.press("Tab")
    assert seen == wanted
    assert (page.url, panel.text("summary")) == state


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 640, 1280])
def test_no_width_is_too_small(browser, address, width):
    panel = Panel(browser, address, viewport={"width": width, "height": 800})
    panel.page.click("#t-own summary")
    assert panel.page.evaluate("document.documentElement.scrollWidth") <= width
    small = panel.page.eval_on_selector_all(
        "#training :is(button, input, select, summary, a)",
        "all => all.filter((e) => e.checkVisibility() && e.offsetHeight < 24)"
        ".map((e) => e.outerHTML)",
    )
    assert small == []
    panel.context.close()
