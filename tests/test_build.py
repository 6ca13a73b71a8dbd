"""What the build makes: compiled and whole, or plain and told why; nothing in between.

The slow tests install a copy of the sources in which a line was put before setup.py, so
that a compiler fails, or that mypyc writes other C than it does today.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import autograd
from autograd import Value

ROOT = Path(__file__).parents[1]
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
HOT = ast.literal_eval(re.search(r"^HOT = (.*)", SETUP, re.M)[1])


# ---- what is installed ---------------------------------------------------------------


def documented(module):
    """Each function, class, method and property of a module, with its docstring."""
    names = [("", node) for node in ast.parse(source(module)).body]
    names += [(f"{node.name}.", inner) for _, node in names for inner in inside(node)]
    for owner, node in names:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield f"{owner}{node.name}", ast.get_docstring(node)


def inside(node):
    return node.body if isinstance(node, ast.ClassDef) else []


def source(module):
    folder = Path(autograd.__file__).parent
    return (folder / f"{module}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", HOT)
def test_docstrings_are_those_of_the_sources(module):
    found = importlib.import_module(f"autograd.{module}")
    seen = 0
    for name, text in documented(module):
        thing = found
        for part in name.split("."):
            thing = inspect.getattr_static(thing, part)
        special = name.endswith("__")  # `+` may have Python's own words
        if text and not special and isinstance(thing.__doc__, str):
            seen += 1
            assert inspect.cleandoc(thing.__doc__).endswith(text), name
    assert seen


def settable():
    """Each property with a setter, of each class of the engine, by the sources."""
    for module in HOT:
        for node in ast.parse(source(module)).body:
            for member in inside(node):
                for mark in getattr(member, "decorator_list", []):
                    if isinstance(mark, ast.Attribute) and mark.attr == "setter":
                        yield node.name, member.name


NEVER = ("requires_grad",)  # reading it is an error too, as test_advice.py holds


@pytest.mark.parametrize(
    ("owner", "name"), [each for each in settable() if each[1] not in NEVER]
)
def test_deleting_a_property_is_an_error(owner, name):
    assert owner == "Value", "make one of these, too"
    for node in (Value(2.0, "x"), Value(2.0) * Value(3.0)):
        before = repr(getattr(node, name))
        with pytest.raises(AttributeError, match=rf"property '{name}' of 'Value' obj"):
            delattr(node, name)
        assert repr(getattr(node, name)) == before
    with pytest.raises((TypeError, AttributeError)):
        setattr(Value(1.0), name, object())


def test_the_trial_passes_where_the_engine_is_compiled():
    done = python("-m", "autograd.trial")
    if autograd.__compiled__:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert "Python imports the sources" in done.stderr


@pytest.mark.parametrize(
    ("compiled", "why", "line"),
    [
        (True, None, "engine: compiled"),
        (False, "it rained (gcc: [bold]no)", "engine: plain Python, because it rained"),
    ],
)
def test_the_command_says_what_the_engine_is(compiled, why, line, monkeypatch):
    cli, testing = pytest.importorskip("viz.cli"), pytest.importorskip("typer.testing")
    monkeypatch.setattr(autograd, "__compiled__", compiled)
    monkeypatch.setattr(autograd, "__why_plain__", why)
    for words in (["--version"], ["--version", "draw"]):
        done = testing.CliRunner().invoke(cli.app, words)
        first, second, third = done.output.splitlines()
        assert done.exit_code == 0
        assert first == f"chainrule {autograd.__version__}"
        assert second.startswith(line)
        assert second.endswith(why or "compiled")
        assert third.startswith(f"Python {'.'.join(map(str, sys.version_info[:3]))}")


def test_a_reload_changes_nothing():
    code = """
    import importlib, autograd
    before = autograd.Value.relu.__doc__, autograd.dot.__doc__
    importlib.reload(autograd)
    assert before == (autograd.Value.relu.__doc__, autograd.dot.__doc__)
    try: del autograd.Value(1.0).data
    except AttributeError: print("fine")
    """
    assert python("-c", inspect.cleandoc(code)).stdout == "fine\n"


def python(*words, **more):
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(autograd.__file__).parents[1])},
        **more,
    )


# ---- the parts of setup.py -----------------------------------------------------------


@pytest.fixture
def setup(monkeypatch):
    """The names in setup.py, which sets nothing up meanwhile."""
    setuptools = pytest.importorskip("setuptools")
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.setattr(sys, "argv", ["setup.py", "sdist"])
    monkeypatch.delenv("CHAINRULE_COMPILE", raising=False)
    monkeypatch.chdir(ROOT)
    names = {"__name__": "setup"}
    exec(
        compile((ROOT / "setup.py").read_text(encoding="utf-8"), "setup.py", "exec"),
        names,
    )
    return names


GCC = """\
building 'autograd.native' extension
In file included from autograd/native.c:7:
build/a.h:3:10: fatal error: Python.h: No such file or directory
compilation terminated.
"""
RAISED = [
    (RuntimeError("another shape"), "", "another shape"),
    (
        SystemExit(1),
        "x.py:3: error: Name 'y' is not defined",
        "x.py:3: error: Name 'y'",
    ),
    (
        RuntimeError("command 'gcc' failed"),
        GCC,
        "build/a.h:3:10: fatal error: Python.h",
    ),
    (ModuleNotFoundError("No module named 'mypyc'"), "", "No module named 'mypyc'"),
    (AssertionError(), "", "AssertionError"),
]


@pytest.mark.parametrize(("error", "printed", "reason"), RAISED)
def test_what_fails_is_the_reason(setup, error, printed, reason, capfd):
    with setup["or_plain"]("it failed"):
        os.write(2, printed.encode())
        raise error
    assert setup["why_plain"][0].startswith(f"it failed ({reason}")
    said = capfd.readouterr()
    assert said.err.startswith("chainrule: it failed (")
    assert printed.strip() in said.out  # nothing that a compiler says is lost


@pytest.mark.parametrize(("error", "printed", "reason"), RAISED)
def test_where_compiling_is_a_must_it_is_an_error(setup, error, printed, reason):
    def build():
        with setup["or_plain"]("it failed"):
            os.write(2, printed.encode())
            raise error

    setup["WANTED"] = "1"
    with pytest.raises(SystemExit, match=re.escape(f"chainrule: it failed ({reason}")):
        build()


def test_what_is_printed_is_shown_byte_for_byte(setup, capfdbinary):
    said = b"caf\xe9\xff\x9d \xe2\x80\x98x\xe2\x80\x99\n"  # in no one encoding
    with setup["or_plain"]("it failed"):
        os.write(1, said)
    assert capfdbinary.readouterr().out == said
    assert not setup["why_plain"]


def test_ctrl_c_ends_the_build(setup):
    with pytest.raises(KeyboardInterrupt), setup["or_plain"]("it failed"):
        raise KeyboardInterrupt
    assert not setup["why_plain"]


@pytest.mark.parametrize(
    "version", ["0.991", "1.19.1", "1.20.0", "2.3.1", "2.5.0", "2.5.0rc1", "3.0", None]
)
def test_another_mypy_than_those_tested_is_refused(setup, version, monkeypatch):
    pytest.importorskip("packaging")

    def found(name):
        if version is None:
            raise setup["metadata"].PackageNotFoundError
        return version

    monkeypatch.setattr(setup["metadata"], "version", found)
    with pytest.raises(RuntimeError, match=rf"needs mypy.*, .*{version or 'no mypy'}"):
        setup["check_mypy"]()


def test_the_mypy_of_the_build_requirement_is_taken(setup, monkeypatch):
    pytest.importorskip("packaging")
    for version in ("2.4.0", "2.4.1"):
        monkeypatch.setattr(setup["metadata"], "version", lambda _, v=version: v)
        setup["check_mypy"]()


@pytest.mark.parametrize("text", ["", 'a "b" \\ \n\t?', "≤ ∂L/∂w · σ", "\x00\x7f", "7"])
def test_text_in_c_is_read_back_as_it_was(setup, text):
    # C's octal escapes, of three digits each, mean the same in a Python bytes literal.
    literal = setup["as_c"](text)
    assert ast.literal_eval(f"b{literal}").decode() == text
    assert literal.isascii()
    assert "??" not in literal  # a trigraph


@pytest.mark.parametrize("reason", ['it\'s "so"', "a \\ b", "ä ≤", "WHY_PLAIN = 3"])
def test_the_reason_is_written_where_it_is_installed(setup, reason, tmp_path):
    file = tmp_path / "autograd/installed.py"
    file.parent.mkdir()
    shutil.copy(ROOT / "autograd/installed.py", file)
    setup["why_plain"].append(reason)
    for _ in range(2):
        setup["write_reason"](tmp_path)
        names = {}
        exec(file.read_text(encoding="utf-8"), names)
        assert names["WHY_PLAIN"] == reason


def test_everything_that_is_needed_has_a_lowest_version():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build, project = settings["build-system"], settings["project"]
    extras = project["optional-dependencies"].values()
    for requirement in sum(extras, build["requires"] + project["dependencies"]):
        assert re.search(r"[>=]=\d|^chainrule\[", requirement), requirement
    for requirement in build["requires"]:  # the next one may write other C
        assert re.search(r">=[\d.]+,<[\d.]+$", requirement), requirement


# ---- installing ----------------------------------------------------------------------

QUICK = """
import mypyc.build, re
from pathlib import Path

def altered(*words, _original=mypyc.build.mypycify, **options):
    made = _original(*words, **{{**options, "opt_level": "0"}})
    found = 0
    for file in [*Path("build").glob("*.[ch]")]:
        text, count = re.subn({pattern!r}, {by!r}, file.read_text())
        file.write_text(text)
        found += count
    assert found, "the simulated change changes nothing"
    return made

mypyc.build.mypycify = altered
"""
C_CHANGES = {
    "nothing": ("^", "", None),
    "the name of a node's struct": ("ValueObject", "ValueStruct", "ValueObject"),
    "setters under another name": (r"value___Value_set_", "value___Value_put_", None),
    "setters written otherwise": ("char retval = 2;", "char retval = (2);", None),
    "a deallocation under another name": ("Value_dealloc", "Value_free", None),
    "setters that use their closure": (
        r"(\(setter\)value___Value_set_data,\s*NULL, )NULL",
        r'\1""',
        "can't guard the setter of data",
    ),
    "nodes of another size": (
        r"(tp_basicsize = sizeof\(autograd___value___ValueObject\))",
        r"\1 + 8",
        "is not the compiled Value",
    ),
    "C that no compiler takes": ("^", "#error new\n", "#error new"),
    "C that compilers warn of": (
        "^",
        "#ifndef WARNED\n#define WARNED\n"
        "static int warned(int a) { if (a = 1) return 1; return 0; }\n#endif\n",
        None,
    ),
    "an engine that crashes": (
        r"double retval = CPyDef_value___Value___data\(\(PyObject \*\) self\);",
        "abort(); double retval = 0.0;",
        "exit code -6",
    ),
    "an engine that computes otherwise": (
        r"cpy_r_\w+ = cpy_r_\w+ \* cpy_r_\w+;",
        "abort();",
        "exit code -6",
    ),
}
FAILURES = {
    "no mypyc": ("import sys; sys.modules['mypyc'] = None", "mypyc could not"),
    "mypyc ends": (
        "import sys, mypyc.build; mypyc.build.mypycify = lambda *_, **__: sys.exit(1)",
        "mypyc could not translate it (1)",
    ),
    "another mypy": (
        "import importlib.metadata as m; m.version = lambda _: '2.5.0'",
        "this is mypy 2.5.0",
    ),
    "no compiler": ("import os; os.environ['CC'] = '/nowhere/cc'", "/nowhere/cc"),
    "not wanted": ("import os; os.environ['CHAINRULE_COMPILE'] = '0'", "COMPILE=0"),
}


@pytest.fixture
def install(tmp_path):
    """`pip install` of the sources with a line before setup.py; what it says then."""

    def installed(line, **environment):
        ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, tmp_path / "source", ignore=ignored)
        file = tmp_path / "source/setup.py"
        file.write_text(line + "\n" + file.read_text())
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        done = subprocess.run(
            [sys.executable, *words, tmp_path / "site", tmp_path / "source"],
            env={**os.environ, "CHAINRULE_COMPILE": "auto", **environment},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return done.stderr, None
        code = "import autograd; print(autograd.__compiled__, autograd.__why_plain__)"
        code += "; assert autograd.grad(lambda x: x * x)(3.0) == 6.0"
        shown = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path / "site",
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        compiled, _, reason = shown.strip().partition(" ")
        return reason, compiled == "True"

    return installed


@pytest.mark.slow
@pytest.mark.parametrize("change", C_CHANGES)
def test_other_c_gives_the_whole_engine_or_a_plain_one_that_says_why(change, install):
    pattern, by, reason = C_CHANGES[change]
    said, compiled = install(QUICK.format(pattern=pattern, by=by))
    assert compiled is (reason is None), said
    assert (reason or "None") in said


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_gives_a_plain_engine_that_says_why(failure, install):
    line, reason = FAILURES[failure]
    said, compiled = install(line)
    assert compiled is False
    assert reason in said


@pytest.mark.slow
def test_where_compiling_is_a_must_the_installation_fails_and_says_why(install):
    said, compiled = install(FAILURES["no compiler"][0], CHAINRULE_COMPILE="1")
    assert compiled is None
    assert "/nowhere/cc" in said
