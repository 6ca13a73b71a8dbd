"""The stepper in a real browser: Chromium, driven by Playwright, with no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograd import Value, operation
from autograd.graph import graph
from viz import stepper
from viz.digits import short
from viz.layers import loss_of, worked_example

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

ODD = "</script><img src=x onerror=alert(1)>\u2028$data"


class Page:
    """A page with a stepper, and what went wrong on it."""

    def __init__(self, browser, folder: Path, output: Value, **options) -> None:
        self.output = output
        path = stepper(output).save(folder / "backward.html")
        self.context = browser.new_context(**{"reduced_motion": "reduce"} | options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.url = path.as_uri()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def position(self) -> int:
        return int(self.page.locator("#position").inner_text().split()[1])

    def last(self) -> int:
        return int(self.page.locator("#position").inner_text().split()[-1])

    def texts(self, kind: str) -> list[str]:
        return self.page.locator(f".node .{kind}").all_text_contents()

    def snapshot(self) -> str:
        """All that the page shows, to compare two moments."""
        return self.page.evaluate(
            "document.querySelector('main').innerHTML"
            " + document.querySelector('#position').textContent"
        )


@pytest.fixture
def open_page(browser, tmp_path):
    pages = []

    def opened(output, **options):
        pages.append(Page(browser, tmp_path, output, **options))
        return pages[-1]

    yield opened
    for page in pages:
        assert page.problems == []
        assert page.requests == [page.url]
        page.context.close()


def worked_loss():
    model, x, y = worked_example()
    return loss_of(model, [Value(v, f"x{i}") for i, v in enumerate(x, 1)], y)


def expression():
    a, b, c = (Value(x, label=n) for x, n in ((2.0, "a"), (-3.0, "b"), (10.0, "c")))
    out = (a * b + c).tanh()
    out.label = "out"
    return out


@pytest.mark.parametrize("make", [worked_loss, expression])
def test_stepping_to_the_end_shows_every_true_gradient(open_page, make):
    output = make()
    page = open_page(output)
    nodes = [n.value for n in graph(output) if not n.value.constant]
    assert set(page.texts("gradient")) == {"gradient –"}
    for _ in range(page.last()):
        page.press("ArrowRight")
    output.backward()
    shown = page.page.evaluate(
        "[...document.querySelectorAll('.node[role]')].map("
        "g => [Number(g.id.slice(1)), g.querySelector('.gradient').textContent,"
        " g.querySelector('.value').textContent]).sort((a, b) => a[0] - b[0])"
    )
    assert [row[1] for row in shown] == [f"gradient {short(n.grad, 6)}" for n in nodes]
    assert [row[2] for row in shown] == [f"value {short(n.data, 6)}" for n in nodes]


def test_gradients_appear_one_by_one(open_page):
    page = open_page(expression())
    known = []
    for _ in range(page.last() + 1):
        known.append(sum(text != "gradient –" for text in page.texts("gradient")))
        page.press("ArrowRight")
    assert known == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]


def test_scrubbing_back_restores_each_state(open_page):
    page = open_page(worked_loss())
    seen = [page.snapshot()]
    for _ in range(page.last()):
        page.press("ArrowRight")
        seen.append(page.snapshot())
    assert len(set(seen)) == len(seen)
    for step in reversed(range(len(seen))):
        page.page.locator("#scrub").fill(str(step))
        assert page.snapshot() == seen[step]
    page.press("End", "Home")
    assert page.snapshot() == seen[0]


def test_the_keyboard_alone(open_page):
    page = open_page(expression())
    page.press("ArrowRight", "ArrowRight")
    assert page.position() == 2
    page.press("ArrowLeft")
    assert page.position() == 1
    page.press("End")
    assert page.position() == page.last()
    page.press("ArrowRight")
    assert page.position() == page.last()
    page.press("Home", "ArrowLeft")
    assert page.position() == 0


def test_space_plays_and_pauses(open_page):
    page = open_page(expression())
    page.press("Space")
    assert page.page.locator("#play").inner_text() == "Pause"
    position = page.page.locator("#position")
    sync_api.expect(position).not_to_have_text(f"Step 0 of {page.last()}")
    page.press("Space")
    held = page.position()
    assert 0 < held < page.last()
    page.page.wait_for_timeout(1600)  # longer than a step takes at this speed
    assert page.position() == held
    page.press("+", "+", "+", "Space")
    sync_api.expect(page.page.locator("#last")).to_be_disabled(timeout=20_000)
    assert page.page.locator("#play").inner_text() == "Play"


def test_play_at_the_end_starts_again(open_page):
    page = open_page(expression())
    page.press("End")
    page.page.locator("#play").click()
    assert page.position() == 0
    page.page.locator("#play").click()


def test_a_slider_under_the_focus_moves_one_step_per_key(open_page):
    page = open_page(expression())
    page.page.locator("#scrub").focus()
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.position() == 3
    page.press("Space")
    assert page.page.locator("#play").inner_text() == "Pause"
    page.press("Space")


def test_a_button_under_the_focus_is_pressed_once(open_page):
    page = open_page(expression())
    page.page.locator("#forward").focus()
    page.press("Space", "Enter")
    assert page.position() == 2


def test_the_active_node_and_edges_are_lit(open_page):
    page = open_page(expression())
    page.press("ArrowRight")
    lit = page.page.locator(".active")
    assert sorted(lit.evaluate_all("all => all.map(g => g.id)")) == [
        "e2_0",
        "e2_1",
        "n2",
    ]
    page.press("End")
    lit = page.page.locator(".active")
    assert sorted(lit.evaluate_all("all => all.map(g => g.id)")) == ["e2_0", "n0"]


def test_the_arithmetic_of_each_step_is_written_out(open_page):
    page = open_page(expression())
    page.press("ArrowRight")
    assert page.page.locator("#step-title").inner_text() == "Forward: the value of v1"
    assert page.page.locator("#step-lines").inner_text().split("\n") == [
        "v1 = a·b",
        "   = 2·(-3)",
        "   = -6",
    ]
    page.press("End")
    last = page.page.locator("#step-lines").inner_text().split("\n")
    assert last[1:4] == [
        "∂out/∂a = ∂out/∂v1·∂v1/∂a",
        "        = ∂out/∂v1·b",
        "        = 0.00134095·(-3)",
    ]


def test_a_node_is_chosen_by_click_and_by_enter(open_page):
    page = open_page(expression())
    panel = page.page.locator("#node")
    assert panel.is_hidden()
    page.page.locator("#n0").click()
    assert "not computed yet" in panel.inner_text()
    page.press("End")
    assert "through v1: 0.00134095·(-3) = -0.00402285" in panel.inner_text()
    page.press("Escape")
    assert panel.is_hidden()
    page.page.locator("#n1").focus()
    page.press("Enter")
    assert page.page.locator("#node-title").inner_text() == "b"


def test_tab_reaches_every_control_and_node(open_page):
    page = open_page(expression())
    reached = set()
    for _ in range(20):
        page.press("Tab")
        reached.add(page.page.evaluate("document.activeElement.id"))
        focus = "getComputedStyle(document.activeElement).outlineStyle"
        if page.page.evaluate("document.activeElement.tagName") == "BUTTON":
            assert page.page.evaluate(focus) != "none"
    assert {"play", "forward", "fit", "scrub", "speed"} <= reached
    assert {f"n{i}" for i in range(6)} <= reached


def test_nodes_tell_their_state_to_a_screen_reader(open_page):
    page = open_page(expression())
    node = page.page.locator("#n0")
    assert node.get_attribute("aria-label") == ("a, value 2, gradient not computed yet")
    page.press("End")
    assert node.get_attribute("aria-label") == "a, value 2, gradient -0.00402285"


def test_odd_labels_are_shown_as_text(open_page):
    x = Value(2.0, label=ODD)
    page = open_page(x * 3)
    assert page.page.locator("img").count() == 0
    name = page.page.locator("#n0 .name").text_content()
    assert name == "“</script><img src=x onerror=alert(1)>…”"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_the_window(open_page, scheme, width):
    page = open_page(
        worked_loss(),
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
    )
    for _ in range(page.last()):
        page.press("ArrowRight")
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_active_node_is_scrolled_into_view(open_page):
    page = open_page(worked_loss(), viewport={"width": 390, "height": 800})
    for _ in range(page.last()):
        page.press("ArrowRight")
        box = page.page.locator(".node.active").bounding_box()
        frame = page.page.locator("#picture").bounding_box()
        middle = box["x"] + box["width"] / 2
        assert frame["x"] <= middle <= frame["x"] + frame["width"]


def test_a_graph_too_wide_to_be_read_is_followed_step_by_step(open_page):
    v = Value(0.5)
    for _ in range(60):
        v = v.tanh() * 0.9
    page = open_page(v, viewport={"width": 1280, "height": 800})
    frame = page.page.locator("#picture").bounding_box()
    for step in ("ArrowRight", "ArrowRight", "End"):
        page.press(step)
        box = page.page.locator(".node.active").last.bounding_box()
        assert box["height"] > 30  # pixels: five lines that can be read
        assert frame["x"] <= box["x"] + box["width"] / 2 <= frame["x"] + frame["width"]
    page.press("f")
    assert page.page.locator("#n0").bounding_box()["height"] < 30


def test_a_notebooks_frame_plays_too(browser, tmp_path):
    """Sandboxed: without an origin, a store or a way out of its frame."""
    output = expression()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><p>1</p>{stepper(output)._repr_html_()}")
    page = browser.new_page()
    problems = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    assert len(frame.locator(".node .name").all_text_contents()) == 6
    frame.locator("#forward").click()
    assert frame.locator("#position").inner_text().startswith("Step 1 ")
    page.keyboard.press("End")
    output.backward()
    grads = [f"gradient {short(n.value.grad, 6)}" for n in graph(output)]
    assert sorted(frame.locator(".node .gradient").all_text_contents()) == sorted(grads)
    assert problems == []
    page.close()


def test_texts_stay_inside_their_boxes(open_page):
    page = open_page(worked_loss())
    page.press("End")
    outside = page.page.evaluate(
        "[...document.querySelectorAll('.node[role]')].filter(g => {"
        " const box = g.querySelector('path, polygon').getBBox();"
        " return [...g.querySelectorAll('text')].some(t => { const b = t.getBBox();"
        "  return b.x < box.x || b.x + b.width > box.x + box.width"
        "   || b.y < box.y || b.y + b.height > box.y + box.height; }); })"
        ".map(g => g.id)"
    )
    assert outside == []


def shown(page, kind):
    """The texts of the nodes in the order of the graph."""
    nodes = page.page.locator(".node[role]").count()
    return [page.page.locator(f"#n{n} .{kind}").text_content() for n in range(nodes)]


def test_other_inputs_give_the_numbers_that_python_gives(open_page):
    page = open_page(expression())
    page.page.locator("#inputs summary").click()
    page.page.get_by_label("a", exact=True).fill("-0.5")
    page.page.get_by_label("c", exact=True).fill("0.25")
    hash = page.page.evaluate("location.hash")
    assert hash == "#step=0&set=a:-0.5&set=c:0.25"
    page.page.locator("#last").click()
    a, b, c = (Value(x, label=n) for x, n in ((-0.5, "a"), (-3.0, "b"), (0.25, "c")))
    out = (a * b + c).tanh()
    out.backward()
    nodes = [node.value for node in graph(out)]
    assert shown(page, "value") == [f"value {short(n.data, 6)}" for n in nodes]
    assert shown(page, "gradient") == [f"gradient {short(n.grad, 6)}" for n in nodes]
    page.page.locator("#n0").click()
    lines = page.page.locator("#node-lines").inner_text().splitlines()
    assert lines[-1].strip() == f"= {short(a.grad, 6)}"
    page.page.locator("#reset").click()
    assert page.page.evaluate("location.hash") == f"#step={page.last()}"
    assert shown(page, "value")[0] == "value 2"


def test_a_link_and_a_drag_change_inputs(open_page):
    page = open_page(expression())
    link = "#step=3&set=b:7&set=nobody:1&set=a:&set=c:<b>"
    page.page.evaluate("hash => { location.hash = hash; }", link)
    page.page.wait_for_function("() => document.querySelector('#inputs').open")
    assert shown(page, "value")[:4] == ["value 2", "value 7", "value 14", "value 10"]
    box = page.page.locator("#n1").bounding_box()
    page.page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 49, box["y"] + 9, steps=4)
    page.page.mouse.up()
    assert float(shown(page, "value")[1].split()[1]) > 7
    page.page.get_by_label("b", exact=True).press("ArrowDown")
    assert page.position() == 3  # the arrow is the box's
    assert page.page.locator("#node").is_hidden()


def test_a_graph_that_cant_be_computed_anew_says_why(open_page):
    @operation(partials=(lambda x, out: 2.0,))
    def odd(x):
        return float(f"{x}") * 2.0

    page = open_page(odd(Value(1.0, "x")))
    page.page.locator("#inputs summary").click()
    assert "odd" in page.page.locator("#told").inner_text()
    assert page.page.locator("#reset").is_hidden()
