"""The playground opened in a browser, by either engine: a server, or a file offline."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from viz.play import export

NODE_MODULES = Path(os.environ.get("NODE_MODULES", "node_modules"))
"""Where npm put what the exported page needs, and what finds faults in pages."""
AXE = Path(os.environ.get("AXE", NODE_MODULES / "axe-core" / "axe.min.js"))
needs_axe = pytest.mark.skipif(
    not AXE.exists(), reason="no axe-core here: npm pack axe-core"
)
needs_assets = pytest.mark.skipif(
    not all((NODE_MODULES / path).exists() for path, _ in export.ASSETS.values()),
    reason=f"no npm packages here: {export.COMMAND}",
)

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

    def is_own(self, url: str) -> bool:
        return urlsplit(url).port == self.port

    def printed(self) -> str:
        return (self.folder / "errors").read_text()

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()

    def close(self) -> None:
        self.end()
        self.errors.close()


class Exported:
    """The page that `chainrule play --export` writes, opened from the disk."""

    def __init__(self, folder: Path) -> None:
        path = export.export(folder / "page.html", NODE_MODULES)
        self.opening = f"{path.as_uri()}?"

    def is_own(self, url: str) -> bool:
        return url.startswith("file:")

    def printed(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing that runs."""


ENGINES = {"server": Server, "file": Exported}

EMPTIED = """hash => {
  for (const id of ["out", "t-summary", "w-summary", "spoken", "wrong", "t-wrong",
    "w-wrong", "w-unread", "step-lines", "derivation-lines", "node-lines", "plot"])
    document.getElementById(id).replaceChildren();
  for (const details of document.querySelectorAll("details")) details.open = false;
  document.getElementById("derivation").hidden = false;
  scrollTo(0, 0);
  document.body.tabIndex = -1;  // so that the Tab key begins at the top
  document.body.focus();
  document.body.removeAttribute("tabindex");
  location.hash = hash;
}"""
SHOWN = """() => {
  const told = (id) => document.getElementById(id).textContent;
  const panel = document.querySelector("main > section:not([hidden])")?.id;
  const derived = () => document.getElementById("derivation").hidden
    || told("derivation-lines");
  const ready = { expression: () => told("wrong") || (told("out") && derived()),
    training: () => /^(epoch|Points|–)/.test(told("t-summary")) || told("t-wrong"),
    words: () => /^(step|–)/.test(told("w-summary")) || told("w-wrong") };
  return location.hash === "" && panel && ready[panel]();
}"""
NUMBERS_NOTED = """() => {
  const values = new URLSearchParams(location.search).get("values") ?? "";
  const noted = values.split(",").map((pair) => Number(pair.split(":").pop()));
  const boxes = [...document.querySelectorAll("#names .name [type=number]")];
  return boxes.map((box) => Number(box.value)).join() === noted.join();
}"""


class Page:
    """A page of the playground, and all that went wrong on it."""

    def __init__(self, browser, engine, query: str = "") -> None:
        self.engine = engine
        self.problems: list[str] = []
        self.context = browser.new_context(accept_downloads=True)
        self.context.set_offline(isinstance(engine, Exported))
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.look()
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.asked(request.url))
        self.page.goto(engine.opening + (f"&{query}" if query else ""))
        self.page.wait_for_function(SHOWN, timeout=120_000)
        if isinstance(engine, Exported):
            self.page.wait_for_selector("#starting", state="hidden", timeout=120_000)

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """As in a window of that size, with those colors, and nothing that moves."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(
            color_scheme=scheme, media="screen", reduced_motion="reduce"
        )

    def open(self, query: str = "", **look) -> None:
        """Follow a link to a state, as if nothing had been there before."""
        self.look(**look)
        self.page.evaluate(EMPTIED, query or "tab=expression")
        self.page.wait_for_function(SHOWN, timeout=120_000)

    def asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and not self.engine.is_own(url):
            self.problems.append(url)

    # ---- what is there ----

    def at(self, name: str):
        return self.page.locator(f"#{name}")

    def see(self, name: str, text) -> None:
        from playwright.sync_api import expect

        expect(self.at(name)).to_contain_text(text)

    def until(self, happened) -> None:
        for _ in range(600):
            if happened():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"it did not happen: {self.failure()} {self.problems}")

    def state(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.page.url).query)
        return {key: texts[0] for key, texts in query.items()}

    def noted(self, text: str) -> None:
        """Wait until the address has the state."""
        self.page.wait_for_function("text => location.search.includes(text)", arg=text)

    def failure(self) -> str:
        """All that is wrong by the page itself."""
        return "".join(self.page.locator(".wrong, #failure").all_text_contents())

    # ---- an expression ----

    def row(self, name: str):
        rows = self.page.locator("#names .name")
        return rows.filter(has=self.page.locator(f"b:text-is('{name}')"))

    def slope(self, name: str, expected: float) -> None:
        """Wait until the page says that the gradient by this name is this number."""
        from playwright.sync_api import expect

        number = re.escape(f"{expected:.6g}".partition("e")[0][:7])
        words = re.compile(re.escape(f"∂out/∂{name} = ") + number)
        expect(self.row(name).locator(".slope")).to_have_text(words)

    def out(self) -> float:
        return float(self.at("out").text_content())

    def type(self, text: str) -> None:
        self.at("text").fill(text)

    def numbers(self) -> dict[str, float]:
        """The numbers in the address, once they are those in the boxes."""
        self.page.wait_for_function(NUMBERS_NOTED)
        pairs = [pair.rpartition(":") for pair in self.state()["values"].split(",")]
        return {name: float(number) for name, _, number in pairs}

    # ---- a training ----

    def text(self, name: str, panel: str = "t") -> str:
        return self.page.text_content(f"#{panel}-{name}")

    def count(self, word: str = "epoch", name: str = "t-summary") -> int:
        """How many epochs, or steps, are done."""
        found = re.match(rf"{word} (\d+)", self.page.text_content(f"#{name}"))
        return int(found[1]) if found else -1

    def anew(self, change) -> None:
        """Do what starts the training over, having trained for an epoch."""
        self.page.click("#t-step")
        self.until(lambda: self.count() == 1)
        change()
        self.until(lambda: self.count() == 0)

    def entries(self, name: str) -> list[str]:
        return self.page.eval_on_selector(
            f"#{name}", "list => [...list.options].map((each) => each.value)"
        )
