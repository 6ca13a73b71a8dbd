"""What CONTRIBUTING promises: its tour is true, and its three changes work as shown.

Each diff is applied to a copy of the sources, and the code after it runs there.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import cells  # noqa: E402

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"(?m)^(?=## )", PAGE)
CHANGES = {s.splitlines()[0]: s for s in SECTIONS if "```diff" in s}
TOUR = next(s for s in SECTIONS if s.startswith("## Follow one multiplication"))


def test_there_are_three_changes():
    assert list(CHANGES) == [
        "## Add an operation",
        "## Add a layer",
        "## Add a view",
    ]


EXAMPLES = """
import doctest, importlib, sys
module, name = sys.argv[1:]
found = getattr(importlib.import_module(module), name)
text = found.__doc__
test = doctest.DocTestParser().get_doctest(text, vars(sys.modules[module]), name, "", 0)
result = doctest.DocTestRunner().run(test)
assert result.attempted and not result.failed
"""


@pytest.mark.parametrize("heading", CHANGES)
def test_a_change_does_what_it_promises(heading: str, tmp_path: Path):
    added = _changed(heading, tmp_path)
    (shown,) = [c for c in cells.cells(CHANGES[heading]) if c.language == "python"]
    assert shown.written is not None
    printed = _python(tmp_path, "-c", shown.body)
    assert printed.rstrip("\n") == shown.written
    assert added
    for module, name in added:
        _python(tmp_path, "-c", EXAMPLES, module, name)


def test_an_added_operation_is_tested_by_the_table(tmp_path: Path):
    _changed("## Add an operation", tmp_path)
    report = _python(
        tmp_path,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_ops.py"),
        *("-k", "softsign"),
    )
    assert re.search(r"[1-9]\d* passed", report), report


def test_an_added_operation_is_in_the_derivative_table(tmp_path: Path):
    _changed("## Add an operation", tmp_path)
    assert "`python docs/hooks/derivatives.py`" in CHANGES["## Add an operation"]
    _python(tmp_path, "docs/hooks/derivatives.py")
    page = (tmp_path / "docs" / "derivatives.md").read_text(encoding="utf-8")
    assert r"| `softsign` | $\operatorname{softsign}\left(x\right)$<br>x / (1" in page


def test_an_added_operation_compiles(tmp_path: Path):
    _changed("## Add an operation", tmp_path)
    code = "import autograd, numpy as np\n"
    code += "program = autograd.compile(autograd.softsign, 1, backend='llvm')\n"
    code += "assert program.backend == 'llvm', program.explain()\n"
    code += "X = np.array([[1.0], [-3.0]])\n"
    code += "values, slopes = program.input_grad(X)\n"
    code += "assert values.tolist() == [0.5, -0.75], values\n"
    code += "assert slopes.tolist() == [[0.25], [0.0625]], slopes\n"
    _python(tmp_path, "-c", code)


def test_an_added_view_is_a_verb(tmp_path: Path):
    _changed("## Add a view", tmp_path)
    command = "from viz.cli import main; main()"
    printed = _python(tmp_path, "-c", command, "arrows", "w*x + b", "w=2", "x=3", "b=1")
    assert "w = 2.0 -> mul(...) = 6.0: 1 x 3 = 3" in printed


@pytest.mark.parametrize("heading", CHANGES)
def test_a_change_is_only_a_few_lines(heading: str):
    diffs = [c.body for c in cells.cells(CHANGES[heading]) if c.language == "diff"]
    lines = [line for diff in diffs for line in diff.splitlines()]
    added = [s for s in lines if s.startswith("+") and not s.startswith("+++")]
    assert len(added) <= 50


def test_the_tour_runs_and_shows_what_came_out():
    for cell in cells.run(TOUR, "CONTRIBUTING.md"):
        if cell.runs:
            assert cell.text == cell.written, cell.body


def test_what_the_tour_names_is_there():
    found = re.findall(r"`(\w+)`\s+in\s+`([\w/]+\.py)`", TOUR)
    assert len(found) >= 8
    for name, path in found:
        tree = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        defined = {node.name for node in tree if hasattr(node, "name")}
        assert name in defined, f"{path} defines no {name}"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md"])
def test_the_files_that_a_page_names_are_there(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:autograd|nn|viz|tests|docs)/[\w/.]+\.\w+)`", text):
        assert (ROOT / path).is_file(), f"{page} names {path}"


# ---- a copy of the sources -----------------------------------------------------------


def _changed(heading: str, folder: Path) -> list[tuple[str, str]]:
    """Apply the section's diffs to a copy of the sources.

    Returns what they add that has a docstring: module and name.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", ".*")
    for part in ("autograd", "nn", "viz", "tests", "docs"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    diffs = [c.body for c in cells.cells(CHANGES[heading]) if c.language == "diff"]
    patch = "".join(diffs)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    applied = subprocess.run(
        ["git", "apply", "--whitespace=error", "-"],
        input=patch,
        text=True,
        encoding="utf-8",
        capture_output=True,
        cwd=folder,
    )
    assert applied.returncode == 0, f"{heading} is out of date:\n{applied.stderr}"
    return list(_added(patch))


def _added(patch: str) -> Iterator[tuple[str, str]]:
    module = ""
    for line in patch.splitlines():
        if line.startswith("+++ b/"):
            module = line[6:].removesuffix(".py").replace("/", ".")
        match = re.match(r"\+(?:class |def )?(\w+)(?:: Final|\()", line)
        if match and not module.startswith(("tests", "viz.cli")):
            yield module, match[1]


def _python(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
