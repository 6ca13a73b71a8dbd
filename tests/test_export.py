"""The playground as files, opened from the disk in a browser without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile

import pytest
from pages import NODE_MODULES, needs_assets

from viz.pages import bundle
from viz.play import export as made
from viz.play.server import page_files

FIRST = {"text": "tanh(w1*x1 + w2*x2 + b)", "out": "0.5370495669980353"}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder of packages that hold next to nothing, known by their sums."""
    folder = tmp_path / "packages"
    lock = json.dumps({"info": {"python": "3.14"}, "packages": {"numpy": {}}})
    known = {}
    for name, (path, _) in made.ASSETS.items():
        data = (
            lock if name.endswith(".json") else f"export default {name!r};"
        ).encode()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        known[name] = made.Asset(path, hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(made, "ASSETS", known)
    monkeypatch.setattr(made, "NODE", None)
    return folder


# ---- what is written -----------------------------------------------------------------


def inline(html, opening):
    return re.findall(rf"<{opening}>(.*?)</(?:script|style)>", html, re.DOTALL)


def test_one_page_holds_everything_and_is_the_same_every_time(packages, tmp_path):
    path = made.export(tmp_path / "page.html", packages)
    html = path.read_text()
    assert made.export(tmp_path / "again.html", packages).read_text() == html
    for text in (*inline(html, "script"), *inline(html, "style")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in html
    assert len(inline(html, "script")) == len(inline(html, "style")) == 1
    assert not re.search(r'(src|href)="(?!\?|data:|#)', html)
    assert "import " not in re.sub("//.*", "", inline(html, "script")[0])
    (parts,) = inline(html, 'script id="assets" type="application/json"')
    parts = json.loads(parts)
    assert set(parts["packed"]) == {*made.ASSETS, "sources.zip"} - {"pyodide-lock.json"}
    assert parts["lock"] == {"info": {"python": "3.14"}, "packages": {}}
    packed = base64.b64decode(parts["packed"]["sources.zip"])
    names = zipfile.ZipFile(io.BytesIO(gzip.decompress(packed))).namelist()
    assert {"autograd/value.py", "viz/play/lab.py", "graphviz/__init__.py"} <= {*names}
    assert "viz/pages/stepper.html" in names
    assert not [name for name in names if name.endswith((".so", ".pyc", ".ttf"))]


def test_a_folder_holds_a_small_page_and_the_rest_beside_it(packages, tmp_path):
    folder = made.export(tmp_path / "site" / "inside", packages)
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "python.js"]
    html = (folder / "index.html").read_bytes()
    assert len(html) < 400_000
    assert (folder / "python.js").read_text().startswith("window.assets = {")


def test_what_is_missing_is_said_with_the_command(packages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = "npm install pyodide@.* @hpcc-js/wasm-graphviz@"
    with pytest.raises(FileNotFoundError, match=command):
        made.export(tmp_path / "page.html")
    path = packages / made.ASSETS["graphviz.js"].path
    path.write_text("another version")
    with pytest.raises(ValueError, match=f"index.js is another version.*{command}"):
        made.export(tmp_path / "page.html", packages)
    assert not (tmp_path / "page.html").exists()


def test_markup_in_an_answer_ends_no_script(packages, tmp_path, monkeypatch):
    odd = [("expression.examples", {}, "</script><script>alert(1)</script>")]
    monkeypatch.setattr(made, "first_answers", lambda: iter(odd))
    html = made.export(tmp_path / "page.html", packages).read_text()
    assert html.count("</script>") == html.count("<script")
    (answers,) = inline(html, 'script id="answers" type="application/json"')
    assert json.loads(answers)[0][2] == odd[0][2]


def test_the_bundle_has_every_module_once_and_before_those_that_import_it():
    known = {name: file.read_text() for name, file in page_files().items()}
    known["engine.js"] = ""
    modules = re.findall(
        r"^const (\w+)_js = ", bundle.bundled(known, "main"), re.MULTILINE
    )
    assert modules[-1] == "main"
    assert len(modules) == len(set(modules))
    scripts = {name for name in known if name.endswith(".js")}
    assert {f"{name}.js" for name in modules} == scripts
    for name in scripts:
        lines = known[name].splitlines()
        imports = [line for line in lines if line.startswith("import ")]
        assert all(map(bundle.IMPORT.fullmatch, imports)), imports
        exports = [line for line in lines if line.startswith("export ")]
        assert all(map(bundle.EXPORT.match, exports)), exports


ALONE = """
import json, sys, types
for name in "numpy matplotlib pygraphviz sklearn llvmlite polars rich".split():
    sys.modules[name] = None
sys.platform = "emscripten"
drawn = types.ModuleType("wasm_graphviz")
drawn.layout = lambda dot, format, engine: f"<svg width='1pt' height='1pt'></svg>"
sys.modules["wasm_graphviz"] = drawn
from viz.play import lab, lab_files, words
from viz.play.calls import told
from viz.play.export import first_calls

asked = [*first_calls()]
setup, weights = asked[-1][1]["setup"], asked[-1][1]["weights"]
for features in ([*lab.FEATURES], ["x"]):
    for activation in lab.CHOICES["activation"]:
        made = {"features": features, "activation": activation, "layers": [2]}
        asked.append(("training.programs", {"setup": made}))
for optimizer in lab.CHOICES["optimizer"]:
    made = {"optimizer": optimizer, "layers": [], "classes": 3}
    asked.append(("training.programs", {"setup": made}))
for kind in lab_files.TYPES:
    data = {"X": [[0.5, 1.0]], "y": [1], "row": 0, "summary": "", "kind": kind}
    asked.append(("training.file", {**data, "setup": setup, "weights": weights}))
asked.append(("training.table", {"text": "a,b,c\\n1,2,x\\n3,4,y"}))
asked.append(("words.items", {"text": "a\\nb\\nab\\nba"}))
gpt = {"tokens": 3, "width": 4, "context": 4}
asked.append(("words.model", {"setup": gpt}))
for name in words.PROGRAMS:
    asked.append(("words.program", {"setup": gpt, "name": name}))
answers = [json.loads(told(name, json.dumps(given))) for name, given in asked]
print([answer for answer in answers if answer["status"] != 200])
"""


def test_every_call_of_a_training_needs_nothing_that_a_browser_lacks():
    said = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr) == ("[]\n", "")


# ---- in a browser --------------------------------------------------------------------


class Opened:
    """A page from the disk, and whatever went wrong on it or was asked of a network."""

    def __init__(self, browser, path):
        self.context = browser.new_context(accept_downloads=True)
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.problems = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.context.on("request", self.asked)
        self.page.goto(path.as_uri())

    def asked(self, request):
        if not request.url.startswith(("file:", "blob:", "data:")):
            self.problems.append(request.url)

    def text(self, selector):
        return self.page.text_content(selector)

    def train(self, epochs):
        """Play until so many epochs are done; the loss and the share that is right."""
        self.page.click("#t-play")
        self.until(lambda: self.epoch() >= epochs)
        self.page.click("#t-play")
        return self.text("#t-summary")

    def epoch(self):
        return int(re.search(r"epoch (\d+)", self.text("#t-summary"))[1])

    def until(self, happened):
        for _ in range(600):
            if happened():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"it did not happen in a minute: {self.problems}")


def right(summary):
    """The shares of rows told right, of those trained on and of the test's."""
    return [int(share) / 100 for share in re.findall(r"\((\d+) % right\)", summary)]


@pytest.mark.browser
def test_without_python_the_first_pictures_are_there_and_it_trains(
    browser, packages, tmp_path
):
    """The parts are no Python at all here: what needs it never comes, and says so."""
    opened = Opened(browser, made.export(tmp_path / "page.html", packages))
    page = opened.page
    page.wait_for_selector("#graph svg .node")
    assert opened.text("#out") == FIRST["out"]
    page.wait_for_selector("#derivation-lines math")
    page.click("nav a[data-panel=training]")
    page.wait_for_selector("#t-plane")
    opened.until(lambda: "epoch 0" in (opened.text("#t-summary") or ""))
    train, test = right(opened.train(300))
    assert train >= 0.95
    assert test >= 0.95
    opened.until(lambda: "could not start" in opened.text("#starting"))
    assert opened.problems == []


@needs_assets
@pytest.mark.browser
@pytest.mark.slow
def test_a_folder_on_a_disk_starts_python_too(browser, tmp_path):
    opened = Opened(browser, made.export(tmp_path, NODE_MODULES) / "index.html")
    opened.page.wait_for_selector("#starting", state="hidden", timeout=120_000)
    opened.page.fill("#text", "x*y + sin(x)")
    opened.until(lambda: opened.text("#out") == "1.8414709848078965")
    assert opened.problems == []
    opened.context.close()
