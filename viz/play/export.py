"""The playground as files that need no server: a folder, or one page.

Python runs in the browser, as WebAssembly, and so does Graphviz. Both come from npm
when the page is written; the page asks nothing of the network, and works from a disk.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from autograd.files import write_whole
from viz.pages.bundle import bundled, digest, embedded
from viz.play.calls import call
from viz.play.lab import Setup
from viz.play.server import page_files


class Asset(NamedTuple):
    """A file of an npm package: its path, and the SHA-256 of what it has to hold."""

    path: str
    sum: str


PACKAGES: Final = ("pyodide@314.0.7", "@hpcc-js/wasm-graphviz@1.29.2")
ASSETS: Final = {
    "pyodide.mjs": Asset(
        "pyodide/pyodide.mjs",
        "6f1d60f7bf529beb300f0f47983c921d3982363640ba20af0e38efdddbc66109",
    ),
    "pyodide.asm.mjs": Asset(
        "pyodide/pyodide.asm.mjs",
        "f7cdc8ece80678ceb712f8e65ebe6d3a83203a180c399865f49612a051693635",
    ),
    "pyodide.asm.wasm": Asset(
        "pyodide/pyodide.asm.wasm",
        "cc36e3cab04fdfc9a63ff13eb52eae2b911bf46c025cc7b281f394bd3de1d5e6",
    ),
    "python_stdlib.zip": Asset(
        "pyodide/python_stdlib.zip",
        "fa1957e5777068fc4f7437f96d860ae2fbe9c19732ba06c84e004ec16dd7dd7a",
    ),
    "pyodide-lock.json": Asset(
        "pyodide/pyodide-lock.json",
        "5dc2fc119108bc148c7457dc86e7675b5c87e1cafd420b9c34c1eaef7b36c010",
    ),
    "graphviz.js": Asset(
        "@hpcc-js/wasm-graphviz/dist/index.js",
        "550d9cd6ff429f5bd225316fe1faed4f852038c3e1ec609ce113af1f9379ce25",
    ),
}
"""What a page needs of the packages, by the names that the worker knows."""

COMMAND: Final = f"npm install {' '.join(PACKAGES)}"

NODE: Final = shutil.which("node")
"""What compiles the page's Python; without it the page starts, but not as soon."""

POLICY: Final = (
    "default-src 'none'; script-src {scripts} blob: 'wasm-unsafe-eval'; "
    "style-src {styles}; img-src data: blob:; worker-src blob:; base-uri 'none'; "
    "form-action 'none'"
)
"""What the page may do: run what is in it. It can ask nothing of any network."""


def export(target: str | Path, assets: str | Path | None = None) -> Path:
    """Write the playground as a folder, or as one page where the name ends in .html.

    assets: the folder that holds the npm packages; `node_modules` here by default.

    Raises FileNotFoundError with the npm command where a package is missing, ValueError
    where one is not the version that is known, and OSError where nothing can be
    written. Every file is written whole or not at all.
    """
    target = Path(target)
    parts = embedded(collected(Path(assets or "node_modules")))
    if target.suffix.lower() in (".html", ".htm"):
        inside = f'<script id="assets" type="application/json">{parts}</script>\n'
        write_whole(target, page(inside).encode())
        return target
    target.mkdir(parents=True, exist_ok=True)
    write_whole(target / "python.js", f"window.assets = {parts};\n".encode())
    write_whole(target / "index.html", page("").encode())
    return target


# ---- what runs Python ----------------------------------------------------------------


def collected(folder: Path) -> dict[str, Any]:
    """The parts of the engine: the worker's text, and what it unpacks."""
    found = {name: _asset(folder, name) for name in ASSETS}
    lock = json.loads(found.pop("pyodide-lock.json"))
    found["sources.zip"] = sources()
    if NODE:
        found |= compiled(NODE, folder / "pyodide", found["sources.zip"])
    return {
        "worker": _text("worker.js"),
        "lock": {"info": lock["info"], "packages": {}},
        "packed": {name: packed(data) for name, data in found.items()},
    }


def _asset(folder: Path, name: str) -> bytes:
    path, wanted = ASSETS[name]
    try:
        data = (folder / path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{folder / path} is missing, which the page needs to run Python; bring it "
            f"with: {COMMAND}"
        ) from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(
            f"{folder / path} is another version than the one that is known to work; "
            f"bring that with: {COMMAND}"
        )
    return data


def compiled(node: str, pyodide: Path, sources: bytes) -> dict[str, bytes]:
    """Python's library and the sources as bytecode, which node has that Python write.

    Raises RuntimeError with what node says where it can't.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, script = Path(folder) / "given.zip", Path(folder) / "compile.mjs"
        given.write_bytes(sources)
        script.write_text(_text("compile.mjs"), "utf-8")
        command: list[str | Path] = [node, script, pyodide.resolve(), given, folder]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode:
            raise RuntimeError(f"node can't compile the page's Python: {said.stderr}")
        return {
            "python_stdlib.zip": (Path(folder) / "library.zip").read_bytes(),
            "sources.zip": (Path(folder) / "sources.zip").read_bytes(),
        }


def packed(data: bytes) -> str:
    """Compressed, as text; the same for the same bytes."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def sources() -> bytes:
    """A ZIP of the Python that the page runs: this project's, and graphviz's."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(_sources()):
            archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def _sources() -> Iterator[tuple[str, bytes]]:
    for name in ("autograd", "nn", "viz", "graphviz"):
        root = Path(str(import_module(name).__file__)).parent
        for path in root.rglob("*"):
            inside = path.relative_to(root).as_posix()
            page = path.is_file() and path.parent.name == "pages"
            if path.suffix == ".py" or page:
                yield f"{name}/{inside}", path.read_bytes()


# ---- the page ------------------------------------------------------------------------

STYLE: Final = re.compile(r'<link rel="stylesheet" href="([\w-]+\.css)">\n')
SCRIPT: Final = '<script type="module" src="main.js"></script>\n'


def page(assets: str) -> str:
    """The page with its styles and scripts in it, and the first answers.

    assets: more markup for its end.
    """
    known = {name: file.read_text("utf-8") for name, file in page_files().items()}
    known["engine.js"] = _text("engine.js")
    html = known["index.html"]
    style = "\n".join([known[name] for name in STYLE.findall(html)])
    script = bundled(known, "main")
    beside = "" if assets else " 'self' file:"  # where python.js is
    policy = POLICY.format(scripts=digest(script) + beside, styles=digest(style))
    html = STYLE.sub("", html).replace(SCRIPT, f"<style>{style}</style>\n")
    html = html.replace(
        '<meta charset="utf-8">\n',
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
    )
    answers = embedded([*first_answers()])
    end = (
        '<p id="starting" class="quiet" role="status">Starting Python in this page; '
        "what needs it follows in a few seconds.</p>\n"
        f'<script id="answers" type="application/json">{answers}</script>\n'
        f"<script>{script}</script>\n{assets}</body>"
    )
    return html.replace("</body>", end)


def _text(name: str) -> str:
    return (files("viz.play") / "static" / name).read_text("utf-8")


def first_answers() -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """What a page asks first, with the answers: they are there before Python is."""
    for name, given in first_calls():
        yield name, given, call(name, given)


def first_calls() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls of a page as it opens, and of its second panel."""
    example = call("expression.examples", {})[0]
    shown = {key: example[key] for key in ("text", "numbers")}
    name = next(iter(example["numbers"]))
    yield "expression.examples", {}
    yield "expression.graph", {**shown, "drawn": False, "folded": None, "turned": None}
    yield "expression.plot", {**shown, "by": name, "low": -5, "high": 5}
    yield "expression.derivation", {**shown, "by": name}
    data = {"shape": "moons", "rows": 120, "noise": 0.1, "seed": 0}
    setup = asdict(Setup())
    programs = call("training.programs", {"setup": setup})
    points = call("training.points", data)
    row = {"point": points["X"][0], "label": points["y"][0]}
    yield "training.choices", {}
    yield "training.points", data
    yield "training.programs", {"setup": setup}
    yield "training.picture", {"setup": setup, "weights": programs["weights"], **row}
