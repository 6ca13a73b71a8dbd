"""Compile the engine with mypyc where that works; where not, plain Python, and why.

CHAINRULE_COMPILE=0 asks for plain Python, CHAINRULE_COMPILE=1 makes a failed
compilation an error. An editable install is always plain, so that no stale compiled
module can hide an edit.

What mypyc writes is compiled as it is; what it lacks is in autograd/native.c. What was
built is tried by autograd/trial.py before it is kept, so that whatever goes wrong on
the way costs speed alone. The reason is then `autograd.__why_plain__`.
"""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HOT = ["numeric", "operation", "ops", "ieee", "modes", "value", "graph", "reductions"]
HEADERS = ["autograd/memory.h", "autograd/recording.h", "autograd/walking.h"]
GROUP = "chainrule"  # what mypyc calls its files; autograd/native.c includes one
WANTED = os.environ.get("CHAINRULE_COMPILE", "auto")
PLAIN = "chainrule: {}; the engine is installed as plain Python: slower, same results"
ELSEWHERE = "it was compiled, but for {} alone, or the compiled files are missing"

why_plain: list[str] = []
"""The reason, once there is one."""


# ---- what goes wrong -----------------------------------------------------------------


@contextmanager
def or_plain(what: str) -> Iterator[None]:
    """Whatever fails inside is the reason to go on without the compiled engine."""
    try:
        with heard() as words:
            yield
    except (Exception, SystemExit) as error:  # mypyc ends the program where it fails
        reason = f"{what} ({first_error(words, error)})"
        if WANTED == "1":
            raise SystemExit(f"chainrule: {reason}") from error
        print(PLAIN.format(reason), file=sys.stderr, flush=True)
        why_plain.append(reason)


@contextmanager
def heard() -> Iterator[list[str]]:
    """The lines that this process and those it starts print meanwhile; shown after."""
    lines: list[str] = []
    with tempfile.TemporaryFile() as file:
        flush()
        kept = [(os.dup(stream), stream) for stream in (1, 2)]
        for _, stream in kept:
            os.dup2(file.fileno(), stream)
        try:
            yield lines
        finally:
            flush()
            for copy, stream in kept:
                os.dup2(copy, stream)
                os.close(copy)
            file.seek(0)
            said = file.read()
            lines += said.decode(errors="replace").splitlines()
            with open(1, "wb", closefd=False) as shown:  # pip keeps it in its log
                shown.write(said)


def flush() -> None:
    """Write what is still in Python's own buffers."""
    sys.stdout.flush()
    sys.stderr.flush()


def first_error(lines: list[str], error: BaseException) -> str:
    """What a compiler said first, or else the exception; in one line."""
    said = [line for line in lines if re.search(r"\berror\b.*:", line)]
    text = said[0] if said else str(error) or type(error).__name__
    return " ".join(text.split())[:300]


# ---- translating ---------------------------------------------------------------------


def extensions() -> list[Extension]:
    """The hot modules, translated to C; nothing where that is not wanted or fails."""
    if not {"bdist_wheel", "build", "build_ext"} & set(sys.argv):
        return []
    if WANTED == "0":
        why_plain.append("it was installed with CHAINRULE_COMPILE=0")
        return []
    made: list[Extension] = []
    with or_plain("mypyc could not translate it"):
        check_mypy()
        made += translated()
    return made


def check_mypy() -> None:
    """Raise where the mypy here is none of those that the engine was tested with."""
    from packaging.requirements import Requirement  # setuptools brings it

    build = tomllib.loads(Path("pyproject.toml").read_text())["build-system"]
    wanted = {each.name: each for each in map(Requirement, build["requires"])}["mypy"]
    try:
        found = metadata.version("mypy")
    except metadata.PackageNotFoundError:
        raise RuntimeError(f"it needs {wanted}, and there is no mypy") from None
    if found not in wanted.specifier:
        raise RuntimeError(f"it needs {wanted}, and this is mypy {found}")


def translated() -> list[Extension]:
    """What mypyc makes of the hot modules, and the C that is written by hand."""
    from mypyc.build import mypycify

    # The types of the other modules are no concern of the build: what they import is
    # not installed here.
    options = ["--config-file=", "--follow-imports=silent", "--strict"]
    hot = [f"autograd/{name}.py" for name in HOT]
    made = mypycify([*options, *hot], opt_level="3", group_name=GROUP)
    for extension in made:  # a compiler that warns of more must not cost the engine
        flags = extension.extra_compile_args
        extension.extra_compile_args = [flag for flag in flags if flag != "-Werror"]
    Path("build/docstrings.h").write_text("".join(map(as_row, docstrings())))
    Path("build/rows.h").write_text(rows_in_c())
    unix = "-O3" in made[0].extra_compile_args
    exact = ["-ffp-contract=off"] if unix else []  # as Python computes: a*b, then + c
    native = Extension(
        "autograd.native",
        ["autograd/native.c"],
        include_dirs=made[0].include_dirs,
        depends=[*HEADERS, "build/docstrings.h", "build/rows.h"],
        extra_compile_args=[*made[0].extra_compile_args, *exact],
    )
    return [*made, native]


def rows_in_c() -> str:
    """The functions of the table's rows, for autograd/recording.h."""
    asked = "from autograd.native_rows import in_c; print(in_c()[0])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", asked],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.resolve())},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def docstrings() -> Iterator[tuple[str, str, str, str]]:
    """Each docstring of the hot modules: its module, class or "", name, and text."""
    for module in HOT:
        for node in ast.parse(Path(f"autograd/{module}.py").read_text()).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            if all(member.name != "__doc__" for member in inner):
                yield f"autograd.{module}", "", node.name, ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                for member in inner:
                    text = ast.get_docstring(member) or ""
                    yield f"autograd.{module}", node.name, member.name, text


def as_row(docstring: tuple[str, str, str, str]) -> str:
    """One line of the table in autograd/native.c; nothing for an empty text."""
    return f"{{{', '.join(map(as_c, docstring))}, 0}},\n" if docstring[-1] else ""


def as_c(text: str) -> str:
    r"""Text as a C string literal, in UTF-8 whatever the compiler takes for granted.

    >>> print(as_c('"a" ≤ b?'))
    "\042a\042 \342\211\244 b\077"
    """
    safe = range(32, 127)
    characters = (
        chr(byte) if byte in safe and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(characters)}"'


# ---- building ------------------------------------------------------------------------


class Sources(build_py):
    """Copy the sources, and write down what became of the engine."""

    def run(self) -> None:
        """Copy; where nothing is left to compile, the reason is known by now."""
        super().run()
        if not self.editable_mode:
            write_reason(Path(self.build_lib))


class Engine(build_ext):
    """Build all extensions or none: half of them would not import."""

    def run(self) -> None:
        """Compile and try; where that fails, take back what was built."""
        if self.inplace:
            self.extensions = []  # beside its source, it would hide the next edit
            return
        with or_plain("no C compiler could build it"):
            super().run()
        if not why_plain:
            self.run_command("build_py")
            with or_plain("what was compiled does not work here"):
                try_engine(Path(self.build_lib))
        if why_plain:
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []
            write_reason(Path(self.build_lib))


def try_engine(folder: Path) -> None:
    """Raise, with the last thing that it said, where the engine fails its trial."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "autograd.trial"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder.resolve())},
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"exit code {done.returncode}: {''.join(said)}")


def write_reason(folder: Path) -> None:
    """Write why the engine is plain where it is, for `autograd.__why_plain__`."""
    file = folder / "autograd/installed.py"
    if not file.exists():  # `build_ext` alone, without the sources
        return
    platform = sysconfig.get_config_var("SOABI") or sys.platform
    reason = why_plain[0] if why_plain else ELSEWHERE.format(platform)
    before, name, _ = file.read_text(encoding="utf-8").partition("WHY_PLAIN = ")
    file.write_text(f"{before}{name}{reason!r}\n", encoding="utf-8")


setup(ext_modules=extensions(), cmdclass={"build_ext": Engine, "build_py": Sources})
