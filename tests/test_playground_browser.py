"""The playground in a real browser; skipped where there is none, or no Playwright."""

import http.client
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

pytest.importorskip("marimo")
sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=20_000)  # the machine may be busy

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COMMAND = """
import sys

def watch(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else "127.0.0.1"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "open" and str(arguments[0]).endswith("entry_points.txt"):
        with open("readings", "a") as file:
            print(arguments[0], file=file)
        return
    else:
        return
    if host not in ("127.0.0.1", "localhost", None):
        with open("connections", "a") as file:
            print(event, host, file=file)

sys.addaudithook(watch)
from viz.cli import main
sys.argv[0] = "chainrule"
main()
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """`chainrule play`, in a folder whose modules must not get in its way."""
    folder = tmp_path_factory.mktemp("play")
    for name in ("nn.py", "numbers.py"):
        (folder / name).write_text("raise ImportError('the wrong one')\n")
    port = _free_port()
    arguments = ["-P", "-c", COMMAND, "play", "--port", str(port), "--no-browser"]
    path = os.pathsep.join(filter(None, sys.path))
    with (folder / "errors").open("w") as errors:
        server = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stderr=errors,
        )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert server.poll() is None
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/"
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=30) == 0
    assert not (folder / "connections").exists()  # the server called nobody either
    assert "Traceback" not in (folder / "errors").read_text()
    readings = Counter((folder / "readings").read_text().splitlines())
    assert (
        max(readings.values()) < 10
    )  # marimo would read them at each move of a slider


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, address):
    """A page; in the end nothing was complained of, and nothing left the machine."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.extend(_elsewhere(request.url)))
    page.on("websocket", lambda socket: wrong.extend(_elsewhere(socket.url)))
    yield page
    context.close()
    assert wrong == []


def _elsewhere(url):
    parts = urlsplit(url)
    here = parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
    return [] if here else [url]


def opened(page, address, query=""):
    page.goto(address + query)
    page.wait_for_selector(
        ".cr-network svg" if "training" in query else ".cr-graph svg"
    )
    return page


def typed(page, text):
    box = page.locator("marimo-text input").first
    box.fill(text)
    return box


def grad(page, name, expected):
    """Wait until the page says that the gradient by this name is this number."""
    page.wait_for_function(
        """([name, expected]) => {
          const found = document.querySelector(`.cr-grad[data-name="${name}"]`);
          if (!found) return false;
          const error = Number(found.textContent.slice(5)) - expected;
          return Math.abs(error) <= 2e-5 * Math.max(Math.abs(expected), 1e-9);
        }""",
        arg=[name, expected],
    )


def state(page):
    return {key: v[0] for key, v in parse_qs(urlsplit(page.url).query).items()}


def numbers(page):
    pairs = state(page)["values"].split(",")
    return {name: float(x) for name, x in (pair.split(":") for pair in pairs)}


def test_typing_and_sliding_give_the_true_gradient(page, address):
    opened(page, address)
    typed(page, "w*x**2 + sin(b)")
    grad(page, "b", math.cos(0.1))  # b keeps the number it had
    thumb = page.locator(".cr-name", has_text="x").locator("[role=slider]").first
    box = thumb.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(middle[0] + 4 * step, middle[1])
        page.wait_for_timeout(30)
    page.mouse.up()
    page.wait_for_function("!location.search.includes('x%3A1.0')")
    page.wait_for_timeout(800)
    now = numbers(page)
    assert now["x"] > 1.5
    grad(page, "w", now["x"] ** 2)
    grad(page, "x", 2 * now["w"] * now["x"])
    title = page.locator(".cr-graph g#n1 title").text_content()
    assert title == f"x: value {now['x']!r}, gradient {2 * now['w'] * now['x']!r}"
    shown = page.locator(".cr-name", has_text="x").locator("input").input_value()
    assert float(shown) == pytest.approx(now["x"], abs=1e-3)


def test_a_number_typed_moves_the_slider(page, address):
    opened(page, address, "?expression=w*x&values=w:2,x:3")
    box = page.locator(".cr-name").first.locator("input")
    box.fill("-12.125")
    box.press("Enter")
    grad(page, "x", -12.125)
    slider = page.locator(".cr-name").first.locator("[role=slider]")
    sync_api.expect(slider).to_have_attribute("aria-valuenow", "-12.125")


@pytest.mark.parametrize("example", ["softmax", "the worked example"])
def test_examples_are_picked(page, address, example):
    opened(page, address)
    page.locator("select").first.select_option(example)
    if example == "softmax":
        total = sum(map(math.exp, (2.0, 1.0, -1.0)))
        share = math.exp(2.0) / total
        grad(page, "z1", share * (1 - share))
    else:
        grad(page, "w12", -0.07193733695708657)
        output = page.locator("output")
        sync_api.expect(output).to_contain_text("0.366536755761586")
    text = page.locator("marimo-text input").first.input_value()
    assert text.startswith("exp(z1)" if example == "softmax" else "-log(sigmoid(")


def test_stepping_through_the_backward_pass(page, address):
    opened(page, address, "?expression=w*x%2Bb&values=w:2,x:3,b:1")
    title = page.locator(".cr-step [role=heading]")
    hidden = "g => getComputedStyle([...g.querySelectorAll('text')].pop()).visibility"
    gradient = page.locator(".cr-graph g#n0")
    assert gradient.evaluate(hidden) == "visible"
    page.get_by_role("button", name="|◀").click()
    sync_api.expect(title).to_have_text("Step 0 of 7: The leaves are given")
    assert gradient.evaluate(hidden) == "hidden"
    for step in range(1, 8):
        page.get_by_role("button", name="▶", exact=True).click()
        sync_api.expect(title).to_contain_text(f"Step {step} of 7")
    arithmetic = page.locator(".cr-step pre").text_content().split("\n")
    assert [line.split("= ")[1] for line in arithmetic[:4]] == [
        "∂out/∂v1·∂v1/∂w",
        "∂out/∂v1·x",
        "1·3",
        "3",
    ]
    assert gradient.evaluate(hidden) == "visible"
    assert state(page)["step"] == "7"
    page.get_by_role("button", name="Whole").click()
    sync_api.expect(title).to_contain_text("all 7 steps")


def test_the_node_of_a_step_comes_into_view(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    text = "%2B".join(f"tanh(w*x%2B{i})" for i in range(6))
    opened(page, address, f"?expression={text}&step=0")
    last = page.locator(".cr-graph g.node").last
    assert not _inside(last.bounding_box(), page.locator(".cr-graph").bounding_box())
    for step in range(1, 12):
        page.get_by_role("button", name="▶", exact=True).click()
        heading = page.locator(".cr-step [role=heading]")
        sync_api.expect(heading).to_contain_text(f"Step {step} of")
        lit = page.locator(f".cr-graph #{_about(page)}")
        assert _inside(lit.bounding_box(), page.locator(".cr-graph").bounding_box())


def _about(page):
    return page.locator("cr-fill[name=graph]").get_attribute("about")


def _inside(box, frame):
    return all(
        frame[at] <= box[at] and box[at] + box[size] <= frame[at] + frame[size]
        for at, size in (("x", "width"), ("y", "height"))
    )


def test_the_plot_and_the_derivation_follow_the_chosen_name(page, address):
    opened(page, address, "?expression=w*x**2&values=w:2,x:3")
    page.locator(".cr-columns select").last.select_option("x")
    sync_api.expect(page.locator(".cr-derivation")).to_contain_text("∂out/∂x = 12")
    sync_api.expect(page.locator(".cr-plot")).to_contain_text("the slope: 12 there")


def test_an_error_stands_beside_the_box_and_the_page_lives_on(page, address):
    opened(page, address, "?expression=w*x&values=w:2,x:3")
    for text, said in [
        ("w*(x", "this ( is never closed"),
        ("w*<b>x</b>", "'<' is not part of an expression"),
        ("<script>alert(1)</script>", "is not part of an expression"),
    ]:
        typed(page, text)
        error = page.locator("pre.cr-error")
        sync_api.expect(error).to_contain_text(said)
        assert page.locator(".cr-error *").count() == 0  # text, never markup
        assert page.locator(".cr-graph.cr-stale svg").count() == 1
    box = page.locator("marimo-text input").first.bounding_box()
    message = error.bounding_box()
    assert 0 < message["y"] - box["y"] - box["height"] < 90
    typed(page, "log(w - x)")
    sync_api.expect(error).to_contain_text("is not defined")
    sync_api.expect(page.locator(".cr-graph g#n3")).to_contain_text("nan")
    number = page.locator(".cr-name").first.locator("input")
    number.fill("7")
    number.press("Enter")
    grad(page, "w", 0.25)
    typed(page, "w*x + w")
    grad(page, "w", 4.0)
    assert page.locator("pre.cr-error").count() == 0


def test_fifty_nodes_follow_a_slider(page, address):
    text = "%2B".join(f"tanh(w{i}*x{i}%2Bb)" for i in range(9))
    opened(page, address, f"?expression={text}")
    assert page.locator(".cr-graph g[id^=n]").count() >= 50
    took = page.evaluate(
        """async () => {
          const slider = document.querySelector(".cr-name marimo-slider").shadowRoot
            .querySelector("[role=slider]");
          const graph = document.querySelector(".cr-graph cr-slot").shadowRoot;
          const shown = () => graph.querySelector("g#n0").textContent;
          const times = [];
          slider.focus();
          for (let move = 0; move < 12; move++) {
            const before = shown(), start = performance.now();
            const key = {key: "ArrowRight", bubbles: true, composed: true};
            slider.dispatchEvent(new KeyboardEvent("keydown", key));
            while (shown() === before && performance.now() - start < 5000)
              await new Promise(requestAnimationFrame);
            times.push(performance.now() - start);
            await new Promise(done => setTimeout(done, 200));
          }
          return times;
        }"""
    )
    print(f"median {sorted(took)[6]:.0f} ms")
    assert max(took) < 5000  # how long it takes alone is measured without a browser


def test_the_graph_comes_before_all_else(page, address):
    told = []
    listen = lambda frame: told.append(frame)  # noqa: E731
    page.on("websocket", lambda socket: socket.on("framereceived", listen))
    opened(page, address, "?expression=w*x&values=w:2,x:3")
    page.wait_for_timeout(1000)
    told.clear()
    page.locator(".cr-name").first.locator("[role=slider]").press("ArrowRight")
    grad(page, "x", 2.01)
    first = next(i for i, frame in enumerate(told) if "cr-fill" in frame)
    cells = {json.loads(frame)["data"].get("cell_id") for frame in told[:first]}
    assert len(cells - {None}) == 1  # no other cell ran or was about to
    assert "marimo-" not in told[first]  # no control comes with it


def test_other_sites_are_refused(address):
    port = urlsplit(address).port
    for headers, status in [
        ({}, 200),
        ({"Host": f"elsewhere.example:{port}"}, 403),
        ({"Origin": "http://elsewhere.example"}, 403),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/", headers=headers)
        assert connection.getresponse().status == status
        connection.close()


def test_other_sites_get_no_websocket(chromium, address):
    context = chromium.new_context()
    page = context.new_page()
    page.set_content("<p>another site</p>")  # its origin is not the playground's
    script = """address => new Promise(done => {
      const socket = new WebSocket(address.replace("http", "ws") + "ws?session_id=s");
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    })"""
    assert page.evaluate(script, address) == "refused"
    context.close()


def test_names_are_text(page, address):
    opened(page, address)
    typed(page, "__a__ * _b_ + λ")
    grad(page, "λ", 1.0)
    assert page.locator(".cr-name b").all_text_contents() == ["__a__", "_b_", "λ"]


@pytest.mark.slow
def test_moons_are_learned_while_one_watches(page, address):
    opened(page, address)
    page.get_by_role("tab", name="Training").click()
    boundary = page.locator(".cr-boundary img")
    first = boundary.get_attribute("src")
    delta = page.locator(".cr-network svg").inner_html()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "Number(/accuracy ([0-9.]+)/.exec(document.body.innerText)?.[1]) >= 0.95",
        timeout=60_000,
    )
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    page.wait_for_timeout(1000)
    done = int(state(page)["epochs"])
    page.wait_for_timeout(1000)
    assert int(state(page)["epochs"]) == done  # paused
    assert boundary.get_attribute("src") != first
    assert page.locator(".cr-network svg").inner_html() != delta
    page.get_by_role("button", name="One step").click()
    sync_api.expect(page.locator(".cr-summary")).to_contain_text(f"epoch {done + 1} ")
    page.get_by_role("button", name="Start over").click()
    sync_api.expect(page.locator(".cr-summary")).to_contain_text("epoch 0:")


def test_a_wrong_setting_is_told(page, address):
    opened(page, address, "?tab=training")
    box = page.locator("marimo-text input").first
    box.fill("8 potatoes")
    box.press("Enter")
    error = page.locator("pre.cr-error")
    sync_api.expect(error).to_contain_text("whole numbers from 1 to 32")
    box.fill("3")
    box.press("Enter")
    sync_api.expect(error).to_have_count(0)
    page.wait_for_function("location.search.includes('layers=3')")


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        "?expression=w*x%2Bb&values=w:2.5,x:-3,b:7&by=x&step=4&reach=10",
        "?tab=training&data=circles&layers=5-4&activation=relu&optimizer=sgd&lr=0.2"
        "&seed=3&epochs=25&row=6",
    ],
)
def test_a_shared_link_restores_the_state(page, address, query):
    opened(page, address, query)
    if "training" in query:
        sync_api.expect(page.locator(".cr-summary")).to_contain_text("epoch 25 ")
        page.wait_for_function("location.search.includes('epochs=25')")
    else:
        grad(page, "x", 2.5)
        assert page.locator(".cr-step").text_content().startswith("Step 4 of 7")
    page.wait_for_timeout(500)
    said = {k: v[0] for k, v in parse_qs(query[1:]).items()}
    now = state(page)
    if "values" in said:
        assert numbers(page) == {"w": 2.5, "x": -3.0, "b": 7.0}
        said.pop("values"), now.pop("values")
    assert now == said
    other = page.context.browser.new_page()  # the address itself opens the same
    opened(other, page.url, "#training" if "training" in query else "")
    picture = ".cr-graph svg" if "training" not in query else ".cr-curve svg"
    if "training" in query:
        sync_api.expect(other.locator(".cr-summary")).to_contain_text("epoch 25 ")
        other.wait_for_timeout(500)
    there, here = (p.locator(picture).inner_html() for p in (other, page))
    other.close()
    assert there == here


@pytest.mark.parametrize(
    "query", ["?expression=w*x&values=w:2,x:3&step=2", "?tab=training"]
)
def test_every_format_is_saved_and_opens(page, address, query, tmp_path):
    opened(page, address, query)
    saved = {}
    for label in ("SVG", "HTML", "LaTeX", "Python"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).or_(
                page.get_by_role("link", name=label)
            ).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        saved[label] = path
    assert ElementTree.parse(saved["SVG"]).getroot().tag.endswith("svg")
    other = page.context.browser.new_page()
    other.goto(saved["HTML"].as_uri())
    assert other.locator("figure svg").first.bounding_box()["width"] > 200
    other.close()
    assert "\\begin{document}" in saved["LaTeX"].read_text()
    done = subprocess.run(
        [sys.executable, saved["Python"]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6.0\n" if "w*x" in query else "History of 0 epochs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["", "?tab=training"])
def test_a_phone_has_room_for_it(chromium, address, scheme, query):
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme
    )
    page = opened(context.new_page(), address, query)
    wide = page.evaluate("document.querySelector('#App').scrollWidth")
    dark = page.evaluate("document.body.classList.contains('dark')")
    filters = page.evaluate(
        "getComputedStyle(document.querySelector('.cr-picture > *')).filter"
    )
    context.close()
    assert wide <= 390
    assert dark == (scheme == "dark")
    assert (filters != "none") == dark


def test_two_pages_do_not_meet(page, address):
    opened(page, address, "?expression=a*2&values=a:1")
    other = page.context.new_page()
    opened(other, address, "?expression=z*3&values=z:1")
    grad(page, "a", 2.0)
    grad(other, "z", 3.0)
    other.close()


def test_the_source_folder_stays_clean():
    import viz

    assert not (Path(viz.__file__).parent / "__marimo__").exists()
