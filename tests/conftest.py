"""The tests run against what is installed, compiled where it was, and say which it is.

`python -m pytest` puts the current folder first on the path, as every `python -m` does:
in the checkout it would test the plain sources there, whatever is installed.
"""

import os
import re
import shutil
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def is_checkout(entry):
    return Path(entry).resolve() == ROOT


def without_checkout(path):
    """The path for imports without the checkout, where chainrule is found elsewhere.

    An editable install leads back to the checkout, and PYTHONPATH asks for it.
    """
    asked = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = [entry for entry in path if not is_checkout(entry)]
    found = PathFinder.find_spec("autograd", rest)
    if any(map(is_checkout, filter(None, asked))) or not found or not found.origin:
        return path
    ours = Path(found.origin).with_name("alone.py").exists()
    return rest if ours else path  # not another project's autograd


sys.path[:] = without_checkout(sys.path)


def pytest_configure():
    try:
        import autograd
    except ImportError as error:
        raise pytest.UsageError(
            f'{error}; install chainrule first: python -m pip install -e ".[test]"'
        ) from None
    if not is_checkout(Path(autograd.__file__).parents[1]):
        os.environ["PYTHONSAFEPATH"] = "1"  # the same for what the tests start


def pytest_addoption(parser):
    what = "write the texts and pictures in tests/golden anew, to be seen by git diff"
    parser.addoption("--write-golden", action="store_true", help=what)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadgroup`, a worker to each engine that a test's id begins with.

    The workers say their groups by changing a test's id, which pytest no longer allows.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByEngine(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            engine = re.search(r"\[(server|file)\b", nodeid)
            return engine[1] if engine else nodeid

    return ByEngine(config, log)


@pytest.fixture
def golden(request):
    """Compare a text with a whole file in tests/golden, or write that file anew."""

    def compare(name, text):
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("write_golden"):
            path.write_text(text, encoding="utf-8", newline="\n")
        advice = f"{name} is as it should be? pytest --write-golden -k agreed"
        assert text == path.read_text(encoding="utf-8"), advice

    return compare


@pytest.fixture
def printed(capsys):
    """What was printed since; of tables the cells alone, for rules vary by terminal."""

    def read():
        lines = capsys.readouterr().out.replace("┃", "│").splitlines()
        kept = [x.rstrip() for x in lines if not x or re.search(r"[│\w]", x)]
        return "\n".join(kept) + "\n"

    return read


def pytest_report_header():
    import autograd

    kind = "compiled" if autograd.__compiled__ else "plain"
    return f"engine: {kind}, from {Path(autograd.__file__).parent}"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = chromium(running)
        yield opened
        opened.close()


def chromium(running):
    """The machine's Chromium, else the one that Playwright installed."""
    own = shutil.which("chromium") or shutil.which("google-chrome")
    if own is None and not Path(running.chromium.executable_path).exists():
        pytest.skip("no Chromium here: python -m playwright install chromium")
    arguments = ["--no-sandbox", "--disable-gpu"]
    return running.chromium.launch(executable_path=own, args=arguments)
