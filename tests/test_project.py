"""The project around the packages: what is said in two files is the same in both.

The form of workflow files is checked by `.ci/run lint`, what is packed by `.ci/run`.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import autograd

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


PROJECT: dict[str, Any] = tomllib.loads(_text("pyproject.toml"))
VERSION = autograd.__version__


def _tracked() -> list[str]:
    """The files of the repository, where this is one."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in listed.stdout.decode().split("\0") if name]


# ---- the version ---------------------------------------------------------------------


def test_the_version_of_what_is_installed_is_that_of_the_engine():
    said = PROJECT["tool"]["setuptools"]["dynamic"]["version"]
    assert said == {"attr": "autograd.__version__"}
    assert metadata.version("chainrule") == VERSION


def test_the_citation_says_the_version():
    assert f"\nversion: {VERSION}\n" in _text("CITATION.cff")


def test_the_changelog_begins_with_the_version_and_goes_back_in_time():
    heading = r"(?m)^## (\d+)\.(\d+)\.(\d+), (in preparation|\d{4}-\d\d-\d\d)$"
    found = re.findall(heading, _text("CHANGELOG.md"))
    versions = [tuple(map(int, numbers)) for *numbers, _ in found]
    assert ".".join(map(str, versions[0])) == VERSION
    assert versions == sorted(set(versions), reverse=True)
    assert all(date != "in preparation" for *_, date in found[1:])


def test_a_released_version_has_its_date_in_the_citation():
    heading = re.search(r"(?m)^## [\d.]+, (.*)$", _text("CHANGELOG.md"))
    assert heading
    said = re.search(r"(?m)^date-released: (.*)$", _text("CITATION.cff"))
    assert (said[1] if said else "in preparation") == heading[1]


# ---- which Pythons -------------------------------------------------------------------


def test_the_pythons_that_are_promised_are_tested_and_built():
    prefix = "Programming Language :: Python :: 3."
    classifiers = PROJECT["project"]["classifiers"]
    promised = [c.removeprefix(prefix) for c in classifiers if c.startswith(prefix)]
    assert PROJECT["project"]["requires-python"] == f">=3.{promised[0]}"
    tested = re.search(r"python: \[(.*)\]", _text(".github/workflows/tests.yml"))
    assert tested
    assert re.findall(r"3\.(\d+)", tested[1]) == promised
    built = PROJECT["tool"]["cibuildwheel"]["build"].split()
    assert built == [f"cp3{minor}-*" for minor in promised]
    # Style and types are those of the lowest.
    assert PROJECT["tool"]["mypy"]["python_version"] == f"3.{promised[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{promised[0]}"


# ---- tools ---------------------------------------------------------------------------


def test_each_tool_that_checks_a_change_has_one_version():
    _, *tools = PROJECT["project"]["optional-dependencies"]["dev"]
    for tool in tools:
        assert re.fullmatch(r"[\w-]+(\[\w+\])?==[\d.]+", tool), tool


def test_nothing_installs_a_tool_beside_its_pinned_version():
    _, *tools = PROJECT["project"]["optional-dependencies"]["dev"]
    names = "|".join(re.split(r"\[|==", tool)[0] for tool in tools)
    # The weekly workflow tries the newest mypy, which is its purpose.
    steps = [path for path in WORKFLOWS if path.name != "weekly.yml"]
    for path in (ROOT / ".ci" / "run", ROOT / "CONTRIBUTING.md", *steps):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "pip install" in line:
                loose = re.sub(r'"\$\(pinned [\w-]+\)"', "", line)
                assert not re.search(rf" ({names})(?![\w=-])", loose), line


def test_the_engine_may_be_compiled_by_the_mypy_that_checks_it():
    dev = PROJECT["project"]["optional-dependencies"]["dev"]
    (checks,) = (tool for tool in dev if tool.startswith("mypy=="))
    builds = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
    (allowed,) = (one.specifier for one in builds if one.name == "mypy")
    assert allowed.contains(checks.removeprefix("mypy=="))


# ---- workflows -----------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_what_cannot_change_unseen(path: Path):
    text = path.read_text(encoding="utf-8")
    for action in re.findall(r"uses: (\S.*)", text):
        pinned = re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action)
        own = re.match(r"\./(\S+)", action)
        assert pinned or (own and (ROOT / own[1]).is_file()), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_nothing_but_what_a_job_asks_for(path: Path):
    text = path.read_text(encoding="utf-8")
    assert "\npermissions: {}\n" in text
    jobs = re.split(r"(?m)^  (?=\w+:\n)", text.partition("\njobs:\n")[2])[1:]
    assert jobs
    for job in jobs:
        assert "\n    permissions:\n" in job, f"{path.name}: {job.splitlines()[0]}"
        assert "\n    timeout-minutes:" in job or "\n    uses: ./" in job


def test_the_steps_that_others_name_are_there():
    script = _text(".ci/run")
    steps = set(re.findall(r"(?m)^(\w+)\(\) \{$", script))
    pages = [*WORKFLOWS, ROOT / "CONTRIBUTING.md", *(ROOT / ".github").glob("*.md")]
    texts = [script, *(page.read_text(encoding="utf-8") for page in pages)]
    lines = [re.findall(r"(?m)\.ci/run((?: [a-z]+)+)(?=`|$|   )", t) for t in texts]
    named = {word for line in itertools.chain(*lines) for word in line.split()}
    assert {"lint", "book", "plain", "readme"} <= named <= steps
    all_steps = re.search(r"(?m)^ALL=\((.*)\)$", script)
    assert all_steps
    assert set(all_steps[1].split()) <= steps


# ---- files ---------------------------------------------------------------------------


def test_every_file_is_packed_in_the_source_distribution():
    """Each is named by MANIFEST.in, or packed by itself."""
    rules = [line.split() for line in _text("MANIFEST.in").splitlines()]
    folders = {name for rule in rules if rule[:1] == ["graft"] for name in rule[1:]}
    files = {name for rule in rules if rule[:1] == ["include"] for name in rule[1:]}
    assert all((ROOT / name).exists() for name in folders | files)
    itself = {"pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in"}
    packages = {"autograd", "nn", "viz"}
    for name in _tracked():
        first = name.partition("/")[0]
        assert first in folders | packages or name in files | itself, name


def test_every_package_and_its_data_is_installed():
    """What lies in a package's folder is code of it, or named as its data."""
    said = PROJECT["tool"]["setuptools"]
    packages = {Path(*package.split(".")): package for package in said["packages"]}
    data = said["package-data"]
    for name in _tracked():
        path = Path(name)
        if path.parts[0] not in ("autograd", "nn", "viz"):
            continue
        folder = next(parent for parent in path.parents if parent in packages)
        patterns = [*data["*"], *data.get(packages[folder], ())]
        within = path.relative_to(folder)
        code = path.suffix == ".py" and path.parent == folder
        held = code or any(fnmatchcase(str(within), pattern) for pattern in patterns)
        assert held, f"{name} is not installed (pyproject.toml, [tool.setuptools])"


def test_files_that_are_compared_have_the_same_bytes_everywhere():
    """No line ends of one system; and what is no text is told to git as such."""
    rules = [line.split() for line in _text(".gitattributes").splitlines()]
    assert ["*", "text=auto", "eol=lf"] in rules
    binary = {rule[0].removeprefix("*") for rule in rules if rule[-1:] == ["binary"]}
    for name in _tracked():
        content = (ROOT / name).read_bytes()
        if Path(name).suffix not in binary:
            assert b"\0" not in content, f"{name}: binary? (.gitattributes)"
            assert b"\r" not in content, name
