"""How fast the playground answers: by its server, and as a file in the browser itself.

    python benchmarks/run.py page [--rounds 3] [--assets node_modules]

It needs playwright, a Chromium, and the npm packages that `chainrule play --export`
names; the browser has no network. Each figure is what the page itself sees, by its own
clock, the median over rounds:

first picture, Python answers: from opening the exported page. slider to picture: from
moving x in an expression of 54 nodes to the picture that has the new numbers, the
median of 25 moves. pictures of a training: a second, while a 2-8-8-1 network learns
moons, 120 rows, 20 epochs for each. packed: the page by gzip, in all and without what
runs Python.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import report

EXPRESSION = " + ".join(
    ["x*w", "exp(b)", *(f"tanh(w*x + {n}*b)" for n in range(2, 10))]
)
NODES = 54
MOVES = 25

LIMITS = {
    "first picture": (1000, "ms"),
    "Python answers": (6000, "ms"),
    "slider to picture, exported": (120, "ms"),
    "slider to picture, server": (85, "ms"),
    "pictures of a training": (30, "a second"),
    "page, packed": (8_000_000, "bytes"),
    "page before Python, packed": (400_000, "bytes"),
}

NOTED = """
const noted = window.noted = {};
const look = () => {
  const starting = document.getElementById("starting");
  if (document.querySelector("#graph svg .node")) noted.picture ??= performance.now();
  if (starting?.hidden) noted.python ??= performance.now();
  if (!noted.python) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""

MOVED = """async (moves) => {
  const row = [...document.querySelectorAll("#names .name")]
    .find((one) => one.querySelector("b").textContent === "x");
  const slider = row.querySelector("[type=range]");
  const graph = document.getElementById("graph");
  const shown = () => graph.querySelector("svg").textContent;
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const times = [];
  for (let move = 1; move <= moves; move++) {
    const before = shown();
    const start = performance.now();
    slider.value = low + (high - low) * (0.3 + 0.4 * move / moves);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (shown() === before) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 150));
  }
  return times;
}"""

TRAINED = """async (seconds) => {
  const told = document.getElementById("t-summary");
  const epoch = () => Number(told.textContent.match(/epoch (\\d+)/)[1]);
  const seen = [epoch()];
  new MutationObserver(() => { if (epoch() !== seen.at(-1)) seen.push(epoch()); })
    .observe(told, { childList: true, characterData: true, subtree: true });
  const start = performance.now();
  document.getElementById("t-play").click();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const passed = (performance.now() - start) / 1000;
  document.getElementById("t-play").click();
  return { pictures: (seen.length - 1) / passed,
           epochs: (seen.at(-1) - seen[0]) / (seen.length - 1) };
}"""


def main(argv: list[str]) -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="run.py page")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--assets", type=Path, default=Path("node_modules"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(argv)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for measure, number in measured(Path(folder), options):
            found.setdefault(measure, []).append(number)
    targets = [
        report.Target(name, limit, statistics.median(found[name]), unit,
                      at_most=unit != "a second")
        for name, (limit, unit) in LIMITS.items()
    ]  # fmt: skip
    print("\n".join(report.lines(targets)))
    report.write(found, plotted(found), options.out, "page")


def measured(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Each figure of each round, by its name."""
    from playwright.sync_api import sync_playwright

    from viz.play.export import export

    page = export(folder / "page.html", options.assets)
    yield "page, packed", len(gzip.compress(page.read_bytes(), 9))
    small = export(folder / "parts", options.assets) / "index.html"
    yield "page before Python, packed", len(gzip.compress(small.read_bytes(), 9))
    with sync_playwright() as running, serving() as server:
        browser = running.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(options.rounds):
            yield from by_itself(browser, page.as_uri())
            with opened(browser, f"{server}&expression={quoted()}") as one:
                yield "slider to picture, server", slid(one)


def by_itself(browser: Any, address: str) -> Iterator[tuple[str, float]]:
    """The exported page's figures, in one opening of it."""
    with opened(browser, address, offline=True) as page:
        page.wait_for_function("() => window.noted.python", timeout=120_000)
        noted = page.evaluate("() => window.noted")
        yield "first picture", noted["picture"]
        yield "Python answers", noted["python"]
    with opened(browser, f"{address}?expression={quoted()}", offline=True) as page:
        page.wait_for_function("() => window.noted.python", timeout=120_000)
        yield "slider to picture, exported", slid(page)
    training = f"{address}?tab=training&data=moons&rows=120&layers=8%208&pace=20"
    with opened(browser, training, offline=True) as page:
        page.wait_for_function("() => window.noted.python", timeout=120_000)
        seen = page.evaluate(TRAINED, 5)
        if seen["epochs"] < 20:
            raise ValueError(f"only {seen['epochs']:.1f} epochs between two pictures")
        yield "pictures of a training", seen["pictures"]


def quoted() -> str:
    """The expression as it stands in an address, once it has as many nodes as told."""
    from urllib.parse import quote

    from autograd import parse, topological_order

    nodes = len(topological_order(parse(EXPRESSION, x=2, w=0.5, b=0.1)))
    if nodes != NODES:
        raise ValueError(f"the expression has {nodes} nodes, not {NODES}")
    return quote(EXPRESSION)


@contextmanager
def opened(browser: Any, address: str, *, offline: bool = False) -> Iterator[Any]:
    """A page of its own, which notes when it had its first picture."""
    context = browser.new_context(offline=offline)
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.add_init_script(NOTED)
    page.goto(address)
    page.wait_for_selector("main > section:not([hidden])")
    try:
        yield page
    finally:
        context.close()


def slid(page: Any) -> float:
    """Milliseconds from a move of the slider to its picture."""
    page.wait_for_selector("#graph svg .node", timeout=60_000)
    page.wait_for_timeout(1000)
    return statistics.median(page.evaluate(MOVED, MOVES))


@contextmanager
def serving() -> Iterator[str]:
    """`chainrule play` in a process of its own, and the address that it opens."""
    command = "import sys; from viz.cli import main; sys.argv[0] = 'chainrule'; main()"
    arguments = [sys.executable, "-P", "-c", command, "play", "--no-browser"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
                break
        try:
            yield found[0]
        finally:
            process.terminate()


def plotted(found: dict[str, list[float]]) -> Any:
    """Each figure as a part of its limit."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    for place, (name, (limit, _)) in enumerate(LIMITS.items()):
        parts = [number / limit for number in found[name]]
        axes.plot(parts, [place] * len(parts), "o", color="#0072b2")
    axes.axvline(1, color="black")
    axes.set_yticks(range(len(LIMITS)), list(LIMITS))
    axes.set(xlabel="parts of the limit")
    axes.invert_yaxis()
    return figure
