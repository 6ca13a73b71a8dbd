"""The book as it is built: strict, whole, found by search, and usable by everybody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import cells  # noqa: E402
import notebooks  # noqa: E402

PACKAGES = Path(os.environ.get("NODE_MODULES", "node_modules"))
"""Where npm put what the playground and the check with axe-core need."""
AXE = Path(os.environ.get("AXE", PACKAGES / "axe-core" / "axe.min.js"))

BUILDS = ("mkdocs", "material", "mkdocstrings", "latex2mathml")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in BUILDS:
        pytest.importorskip(name, reason="the book is built with the extra docs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mkdocs", "build", "--strict", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Loads(HTMLParser):
    """The addresses that a page has a browser fetch by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        for name in ("src", "srcset", "data") if tag != "link" else ("href",):
            self.found.append(given.get(name) or "")


def test_the_book_builds_and_fetches_nothing(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 10
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        outside = [x for x in loads.found if re.match(r"(https?:)?//", x)]
        assert not outside, f"{page.name} fetches {outside}"


def test_the_notebooks_are_there_to_download(site: Path):
    pages = [site / f"{chapter}.html" for chapter in notebooks.CHAPTERS]
    links = [
        link
        for page in pages
        for link in re.findall(r'href="([^"]+\.ipynb)"', page.read_text("utf-8"))
    ]
    assert len(links) >= len(pages)
    assert all((site / link).is_file() for link in links), links


def test_formulas_are_mathml(site: Path):
    page = (site / "backpropagation.html").read_text(encoding="utf-8")
    assert page.count("<math ") >= 20
    assert "arithmatex" not in page
    assert r"\frac" not in re.sub(r"<(pre|code).*?</\1>", "", page, flags=re.DOTALL)


def test_pictures_are_in_the_page(site: Path):
    page = (site / "backpropagation.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert page.count('<figure class="picture"') >= 2
    texts = re.findall(r'<figure class="picture"[^>]* aria-label="([^"]*)"', page)
    assert len(texts) == page.count('<figure class="picture"')
    assert all("0.693" in text for text in texts)  # the prediction
    assert len(ids) == len(set(ids)), "an id is there twice"


# ---- what the search finds -----------------------------------------------------------

ASKED = {
    "zero_grad": "reference/nn backpropagation glossary",
    "topological sort": "glossary build-it-yourself",
    "vanishing gradient": "vanishing glossary",
    "exploding gradient": "vanishing glossary",
    "chain rule": "backpropagation",
    "learning rate": "training glossary",
    "nan": "errors",
    "overfitting": "overfitting",
    "jacobian": "glossary why-backwards",
    "hessian": "second-derivatives glossary",
    "retain_graph": "glossary from-micrograd",
    "detach": "errors glossary",
    "finite differences": "gradient-check glossary",
    "save model": "training glossary",
    "csv": "tables glossary",
    "micrograd": "from-micrograd",
    "torch": "from-micrograd matrices",
    "accumulate": "glossary build-it-yourself",
    "adjoint": "glossary",
    "forward mode": "why-backwards glossary",
    "missing values": "tables glossary",
    "confusion matrix": "training glossary",
    "attention": "glossary gpt sequences",
    "dead relu": "vanishing",
    "recursion": "engine build-it-yourself glossary",
    "ZeroDivisionError": "errors",
    "broadcasting": "matrices glossary",
    "straight-through": "own-operations glossary",
    "early stopping": "training overfitting",
    "log of negative": "errors",
    "reverse mode": "why-backwards glossary",
    "numerical differentiation": "gradient-check glossary",
    "no installation": "playground",
    "screen reader": "playground",
    "keyboard": "playground",
    "initialisation": "vanishing glossary",
    "karpathy": "microgpt from-micrograd",
    "lstm": "sequences glossary",
    "convolution": "sequences glossary",
    "categorical": "tables glossary",
    "learning by heart": "overfitting glossary",
    "precision recall": "training tables glossary",
    "backward twice": "from-micrograd build-it-yourself glossary",
    "gradient is zero": "errors",
    "conjugate gradients": "second-derivatives glossary",
    "implicit differentiation": "second-derivatives own-operations",
    "transpose": "matrices glossary",
    "exam": "teaching",
}
"""What learners look for, and the pages that answer."""


@pytest.fixture(scope="module")
def search(site: Path) -> Any:
    """The search of the book, as its page configures it."""
    lunr = pytest.importorskip("lunr")
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    docs = [
        {
            key: re.sub("<[^>]+>", " ", text)
            for key, text in doc.items()
            if key != "tags"
        }
        for doc in index["docs"]
    ]
    boost = index["config"]["fields"]["title"]["boost"]
    fields = [{"field_name": "title", "boost": boost}, "text"]
    return lunr.lunr(ref="location", fields=fields, documents=docs)


@pytest.mark.parametrize("words", ASKED)
def test_the_search_of_the_book_finds_the_page_that_answers(search: Any, words: str):
    found = [hit["ref"].split("#")[0] for hit in search.search(words)]
    first, second = [*dict.fromkeys(found), "", ""][:2]
    answers = {f"{page}.html" for page in ASKED[words].split()}
    assert answers & {first, second}, f"{words!r} finds {first} and {second}"


def test_the_search_finds_each_error_by_its_text_and_its_kind(search: Any):
    """The beginning of what a reader would paste, as long as the box is."""
    page = cells.run((ROOT / "docs/errors.md").read_text(encoding="utf-8"))
    for cell in (cell for cell in page if "raises" in cell.options):
        kind, _, text = cell.text.partition(": ")
        told = text.splitlines()[kind == "CompileError"]  # the first has the place
        for words in (kind, re.sub(r"\W+", " ", told[:60])):
            found = dict.fromkeys(
                hit["ref"].split("#")[0] for hit in search.search(words)
            )
            assert "errors.html" in [*found][:2], (words, *found)


# ---- in a browser --------------------------------------------------------------------


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a telephone's width, on which nothing goes wrong."""
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The book's address on a server."""
    handler = partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def addresses(site: Path) -> list[str]:
    """All pages of the book but the playground."""
    pages = site.rglob("*.html")
    return sorted(p.as_uri() for p in pages if "play" not in p.relative_to(site).parts)


def test_no_page_is_wider_than_a_telephone(site: Path, page: Any):
    for address in addresses(site):
        page.goto(address, wait_until="domcontentloaded")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{address} is {width} wide"


def test_the_search_works_without_a_server(site: Path, page: Any):
    page.goto((site / "index.html").as_uri())
    page.locator("label[for=__search]").first.click()
    page.get_by_role("textbox", name="Search").press_sequentially("topological sort")
    found = page.locator(".md-search-result__item")
    found.first.wait_for()
    links = [link.get_attribute("href") for link in found.locator("a").all()]
    assert any(re.search(r"glossary\.html.*#topological-sort", x) for x in links)


def rounded(number: str) -> str:
    """The number with a digit less after the point."""
    return f"{float(number):.{len(number.partition('.')[2]) - 1}f}"


def test_answers_that_are_numbers_are_checked(site: Path, page: Any):
    checked = 0
    for address in addresses(site):
        if 'class="answer"' not in Path(address.removeprefix("file://")).read_text():
            continue
        page.goto(address)
        answers = page.locator("details data.answer")
        forms = page.locator("form.check")
        assert forms.count() == answers.count() > 0
        for form, answer in zip(forms.all(), answers.all(), strict=True):
            right = answer.get_attribute("value")
            digits = len(right.partition(".")[2])
            cases = [
                (right, "Right."),
                (f"{float(right) + 3 * 10.0**-digits:.{digits}f}", "Not yet."),
                *([(rounded(right), "more digits")] if digits > 1 else []),
                (f" {right.replace('-', chr(0x2212)).replace('.', ',')}", "Right."),
                (f"{right}/1", "Right."),
                (str(-float(right)), "Not yet."),
                ("", "Write a number"),
                ("what?", "Write a number"),
            ]
            for given, said in cases if checked < 2 else cases[: 2 + (digits > 1)]:
                form.get_by_role("textbox").fill(given)
                form.get_by_role("textbox").press("Enter")
                assert said in form.get_by_role("status").inner_text(), (right, given)
            checked += 1
    assert checked >= 15


def test_without_scripts_the_answer_is_in_its_place(site: Path, browser: Any):
    page = browser.new_page(java_script_enabled=False)
    page.goto((site / "index.html").as_uri())
    assert page.locator("form.check").count() == 0
    answer = page.locator("data.answer").first
    assert not answer.is_visible()
    page.locator("details summary").first.click()
    assert answer.is_visible()
    page.close()


def test_on_paper_there_is_nothing_to_press(site: Path, page: Any):
    page.goto((site / "index.html").as_uri())
    page.emulate_media(media="print")
    pressed = page.locator("form.check, .alive, .md-header, .md-sidebar, iframe")
    assert not any(one.is_visible() for one in pressed.all())
    assert len(page.pdf()) > 10_000


def test_on_paper_nothing_is_cut_off_or_scrolls(site: Path, page: Any):
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # of A4, less its margins
    for name in ("teaching", "index"):
        page.goto((site / f"{name}.html").as_uri())
        hidden = """[...document.querySelectorAll(".md-content *")].filter(
            e => /auto|scroll|hidden/.test(getComputedStyle(e).overflowX) &&
                e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1
        ).map(e => e.outerHTML.slice(0, 80))"""
        assert page.evaluate(hidden) == [], name


def test_a_picture_opens_in_place(site: Path, page: Any):
    """Where the packages are; else no page offers it."""
    page.goto((site / "index.html").as_uri())
    buttons = page.get_by_role("button", name="Change it here")
    if not (site / "play").exists():
        assert buttons.count() == 0
        pytest.skip("no npm packages for the playground here")
    buttons.first.click()
    assert buttons.first.get_attribute("aria-expanded") == "true"
    inside = page.frame_locator("iframe[title=playground]")
    inside.locator("#out", has_text="0.7064193").wait_for(timeout=60_000)
    assert "tanh" in inside.locator("#expression-text, #text").first.input_value()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    buttons.first.click()
    assert page.locator("iframe.frame").count() == 0


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: npm pack axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "some",
    ["404.html index.html", pytest.param("*", marks=pytest.mark.slow)],
    ids=["two pages", "every page"],
)
def test_axe_finds_nothing(
    served: str, site: Path, browser: Any, scheme: str, some: str
):
    page = browser.new_page(color_scheme=scheme, bypass_csp=True)
    for address in addresses(site):
        if some != "*" and Path(address).name not in some.split():
            continue
        page.goto(address.replace(site.as_uri(), served))
        page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        told = [(one["id"], [n["html"][:200] for n in one["nodes"]]) for one in found]
        assert told == [], (address, json.dumps(told, indent=1))
    page.close()
