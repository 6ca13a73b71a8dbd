"""Which engine the tests run: what is installed, however pytest is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import pathlib, subprocess, sys, autograd
def test_which():
    child = [sys.executable, "-c", "import autograd; print(autograd.KIND)"]
    tested = f"{autograd.KIND}, {subprocess.check_output(child, text=True)}"
    pathlib.Path(__file__).with_name("tested").write_text(tested)
"""
OURS = ("alone.py", "__init__.py")


def package(folder, kind, files=OURS):
    """A stand-in for one of the two packages named autograd."""
    home = folder / "autograd"
    home.mkdir(parents=True)
    for name in files:
        (home / name).write_text(f"KIND = {kind!r}\n__compiled__ = {kind!r} != 'here'")
    return folder


@pytest.fixture
def checkout(tmp_path):
    """A folder with sources and with this one's conftest."""
    folder = package(tmp_path / "checkout", "here")
    (folder / "tests").mkdir()
    shutil.copy(Path(__file__).with_name("conftest.py"), folder / "tests")
    (folder / "tests" / "test_which.py").write_text(TEST)
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib'\n"
    )
    return folder


def pytest_in(folder, *path, options=("-m", "pytest"), start="."):
    """The output of pytest, with folders as if they were installed."""
    return subprocess.run(
        [sys.executable, *options, "-p", "no:cacheprovider"],
        cwd=folder / start,
        env={
            **{k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # faster
            "PYTHONPATH": os.pathsep.join(map(str, path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def engines_in(checkout):
    """What a test there imported, and what a process that it started did."""
    return (checkout / "tests" / "tested").read_text().strip()


SCRIPT = ("-P", "-m", "pytest")  # as the command pytest does, without the folder


@pytest.mark.parametrize("options", [("-m", "pytest"), SCRIPT])
@pytest.mark.parametrize("start", [".", "tests"])
def test_what_is_installed_is_tested_and_told(checkout, tmp_path, options, start):
    site = package(tmp_path / "site", "installed")
    told = pytest_in(checkout, site, options=options, start=start).stdout
    assert f"engine: compiled, from {site / 'autograd'}\n" in told
    assert engines_in(checkout) == "installed, installed"


def test_pythonpath_asks_for_the_sources(checkout, tmp_path):
    site = package(tmp_path / "site", "installed")
    told = pytest_in(checkout, checkout, site).stdout
    assert f"engine: plain, from {checkout / 'autograd'}\n" in told
    assert engines_in(checkout) == "here, here"


def test_workers_of_xdist_test_the_same(checkout, tmp_path):
    pytest.importorskip("xdist")
    site = package(tmp_path / "site", "installed")
    pytest_in(checkout, site, options=("-m", "pytest", "-p", "xdist", "-n", "1"))
    assert engines_in(checkout) == "installed, installed"


@pytest.mark.parametrize("files", [(), ("__init__.py", "tracer.py")])
def test_where_chainrule_is_not_installed_the_sources_are_tested(
    checkout, tmp_path, monkeypatch, files
):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    code = compile((checkout / "tests/conftest.py").read_text(), "conftest", "exec")
    names = {"__file__": str(checkout / "tests" / "conftest.py")}
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(code, names)
    path = [str(checkout), str(package(tmp_path / "site", "other", files))]
    assert names["without_checkout"](path) == path


def test_an_import_that_fails_is_one_line(checkout, tmp_path):
    site = package(tmp_path / "site", "installed")
    (site / "autograd" / "__init__.py").write_text("raise ImportError('not alone')")
    done = pytest_in(checkout, site)
    assert "ERROR: not alone; install chainrule first: " in done.stderr
    assert "Traceback" not in done.stderr
