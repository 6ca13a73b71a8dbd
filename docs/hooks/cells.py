"""A page's code: found, run, and its results put where the reader sees them.

A page is Markdown. Its fenced blocks mean, in the order of the page and in one
namespace:

    ```python            runs; what it prints and its last expression are shown below
    ```python hide       runs; only its results are shown
    ```python raises     has to raise; the error is shown as a traceback's last line
    ```python torch      runs where torch is installed; elsewhere as it is written
    ```console           each line that starts with `$ chainrule` runs as that command
    ```text              right after one of these: the output, as it has to be

and `{python} expression` inside a paragraph is the expression's value; so is
`{answer} expression`, the number that an exercise asks for, which the page can check.
The book, the tests and the notebooks all come through here, and so they can't disagree.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import linecache
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Final

FENCE: Final = re.compile(
    r"^(?P<ticks>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=ticks)[ ]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
INLINE: Final = re.compile(r"`\{(?P<kind>python|answer)\} (?P<code>[^`\n]+)`")
ANSWER: Final = '<data class="answer" value="{0}">{0}</data>'  # known to book.js
SHOWS: Final = ("svg", "html", "markdown", "latex")  # the forms of a result, best first


@dataclass
class Result:
    """What a cell shows: its kind is text, error, or one of `SHOWS`.

    about: where a call made it, such as `draw(y)`, the function's name and what of.
    """

    kind: str
    text: str
    about: tuple[str, Any] | None = field(default=None, compare=False)


@dataclass
class Cell:
    """A piece of a page: prose, or a block of code with its results.

    info: what follows the block's ```, or an empty text for prose.
    written: the output that the page itself gives, None where it gives none.
    """

    info: str
    body: str
    written: str | None = None
    results: list[Result] = field(default_factory=list)

    @property
    def language(self) -> str:
        """The first word after the ```."""
        return self.info.split()[0] if self.info else ""

    @property
    def options(self) -> list[str]:
        """The words after the language: hide, raises."""
        return self.info.split()[1:]

    @property
    def runs(self) -> bool:
        """Whether this is a block of code that is run."""
        return self.language in ("python", "console")

    @property
    def text(self) -> str:
        """What the block printed, as one text."""
        return "\n".join(r.text for r in self.results if r.kind in ("text", "error"))


# ---- finding -------------------------------------------------------------------------


def cells(page: str) -> list[Cell]:
    """A page in pieces; put together again they are the page."""
    found: list[Cell] = []
    end = 0
    for match in FENCE.finditer(page):
        between = page[end : match.start()]
        info = match["info"].strip()
        if info == "text" and not between.strip() and found and found[-1].runs:
            found[-1].written = match["body"].rstrip("\n")
        else:
            if between:
                found.append(Cell("", between))
            found.append(Cell(info, match["body"]))
        end = match.end()
    if page[end:]:
        found.append(Cell("", page[end:]))
    return found


# ---- running -------------------------------------------------------------------------


def run(page: str, name: str = "page") -> list[Cell]:
    """The page in pieces, its code run in a folder of its own, with the results.

    Raises what a block raises; RuntimeError where one that has to raise does not.
    """
    found = cells(page)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    blocks = 0
    with own_folder():
        for cell in found:
            blocks += cell.runs
            if "torch" in cell.options and not find_spec("torch"):
                cell.results = [Result("text", cell.written or "")]
            elif cell.language == "python":
                cell.results = list(_python(cell, namespace, f"{name}, block {blocks}"))
            elif cell.language == "console":
                cell.results = [Result("text", _console(cell.body))]
            elif not cell.info:
                cell.body = with_values(cell.body, namespace)
    return found


def with_values(prose: str, namespace: dict[str, Any]) -> str:
    """Prose with each `{python} expression` replaced by its value."""

    def value(match: re.Match[str]) -> str:
        found = str(eval(match["code"], namespace))
        return ANSWER.format(found) if match["kind"] == "answer" else found

    return INLINE.sub(value, prose)


@contextlib.contextmanager
def own_folder() -> Iterator[None]:
    """A new folder to be in, gone afterwards with all that was written there."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _python(cell: Cell, namespace: dict[str, Any], name: str) -> Iterator[Result]:
    if cell.body.startswith(">>>"):
        _examples(cell.body, namespace, name)
        return
    if "raises" in cell.options:
        yield Result("error", _error(cell.body, namespace, name))
        return
    printed, shown = _execute(cell.body, namespace, name)
    if printed:
        yield Result("text", printed.rstrip("\n"))
    if shown is not None:
        yield replace(_show(shown), about=_about(cell.body, namespace))


def _execute(code: str, namespace: dict[str, Any], name: str) -> tuple[str, Any]:
    """What the code prints, and the value of its last line if it is an expression."""
    lines = code.splitlines(keepends=True)
    linecache.cache[name] = (len(code), None, lines, name)  # for errors that quote it
    body = ast.parse(code, name).body
    last = body[-1]
    printed, shown = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        if not isinstance(last, ast.Expr):
            exec(compile(ast.Module(body, []), name, "exec"), namespace)
        else:
            exec(compile(ast.Module(body[:-1], []), name, "exec"), namespace)
            shown = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    return printed.getvalue(), shown


def _about(code: str, namespace: dict[str, Any]) -> tuple[str, Any] | None:
    match ast.parse(code).body[-1]:
        case ast.Expr(ast.Call(ast.Name(function), [ast.Name(name), *_], more)):
            blank = any(each.arg == "blank" for each in more)  # an exercise
            return None if blank else (function, namespace[name])
    return None


def _error(code: str, namespace: dict[str, Any], name: str) -> str:
    try:
        _execute(code, namespace, name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise RuntimeError(f"{name} has to raise an error, and raises none:\n{code}")


def _examples(code: str, namespace: dict[str, Any], name: str) -> None:
    """Run a block of `>>>` lines, whose results stand in it already."""
    test = doctest.DocTestParser().get_doctest(code, namespace, name, name, 0)
    report = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.write, clear_globs=False)
    namespace.update(test.globs)
    if runner.failures:
        raise AssertionError(report.getvalue())


def _console(body: str) -> str:
    """The output of the commands of a block; only `chainrule` runs."""
    lines = (line.removeprefix("$ ") for line in body.replace("\\\n", " ").splitlines())
    outputs = (_command(line) for line in lines if line.startswith("chainrule "))
    return "\n".join(output for output in outputs if output)


def _command(line: str) -> str:
    words = shlex.split(line)[1:]
    program = [sys.executable, "-P", "-c", "from viz.cli import main; main()", *words]
    terminal = {"COLUMNS": "88", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    done = subprocess.run(
        program,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **terminal, "PYTHONWARNINGS": "error"},
    )
    if done.returncode:
        raise RuntimeError(f"{line}\n{done.stderr}")
    return done.stdout.rstrip("\n")


# ---- showing -------------------------------------------------------------------------


def _show(value: Any) -> Result:
    """A value in the best form it has, as a notebook would show it."""
    for kind in SHOWS:
        form: Callable[[], str] | None = getattr(value, f"_repr_{kind}_", None)
        if form is not None:
            return Result(kind, form())
    return Result("text", repr(value))
