"""An environment where another project's `autograd` lies among our files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd
import nn
import viz


@pytest.fixture
def mixed(tmp_path):
    """A folder with copies of our packages, compiled where they are."""
    homes = [Path(package.__file__).parent for package in (autograd, nn, viz)]
    for home in homes:
        shutil.copytree(home, tmp_path / home.name)
    for shared in homes[0].parent.glob("*__mypyc*"):
        shutil.copy(shared, tmp_path)
    return tmp_path


def error_of(folder, statement, *options):
    """What importing from the folder says last."""
    done = subprocess.run(
        [sys.executable, *options, "-c", statement],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd="/",
    )
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("package", ["autograd", "nn", "viz"])
def test_files_of_the_other_project_are_told(mixed, package):
    assert error_of(mixed, f"import {package}") == ""
    (mixed / "autograd" / "tracer.py").write_text("")
    error = error_of(mixed, f"import {package}")
    assert error.startswith(f"ImportError: {mixed / 'autograd'} is not chainrule's")
    assert "python -m pip uninstall autograd chainrule" in error


@pytest.mark.parametrize("package", ["nn", "viz"])
def test_the_other_projects_package_instead_of_ours_is_told(mixed, package):
    (mixed / "autograd" / "tracer.py").write_text("")
    (mixed / "autograd" / "__init__.py").write_text("")
    assert "is not chainrule's alone" in error_of(mixed, f"import {package}")


def test_the_command_says_it_in_one_line(mixed):
    script = mixed / "chainrule"
    script.write_text("import sys\nfrom viz.cli import main\nsys.exit(main())\n")
    (mixed / "autograd" / "tracer.py").write_text("")
    for ours in (
        "",
        None,
    ):  # our files among the others, and the others' instead of ours
        if ours is None:
            (mixed / "autograd" / "__init__.py").write_text("")
        done = subprocess.run(
            [sys.executable, script, "--version"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(mixed)},
            cwd="/",
        )
        assert (done.returncode, done.stdout) == (1, "")
        told = f"chainrule: {mixed / 'autograd'} is not chainrule's alone"
        assert done.stderr.startswith(told)
        assert done.stderr.count("\n") == 1


def test_what_the_others_removal_left_is_told(mixed):
    (mixed / "autograd" / "__init__.py").unlink()
    # -S: without what is installed, where Python would find another autograd.
    assert "is not chainrule's alone" in error_of(mixed, "import nn", "-S")


# ---- another interpreter in the same process -----------------------------------------

INTERPRETERS = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    made = [interpreters.create(kind) for kind in ("isolated", "legacy")]
else:
    import _xxsubinterpreters as interpreters
    made = [interpreters.create(isolated=kind) for kind in (True, False)]
HOME = {home!r}
CODE = '''
import sys
sys.path.insert(0, %r)
for package in ("autograd", "autograd.value", "nn", "viz"):
    try:
        __import__(package)
        print("imported", package)
    except ImportError as error:
        print(error)
''' % HOME
def others():
    for interpreter in made:
        interpreters.run_string(interpreter, CODE)
        interpreters.destroy(interpreter)
{order}
print(autograd.grad(lambda x: x * x)(2.0), autograd.parse("x + 1", x=2).data)
"""
ORDERS = {
    "before": "others(); sys.path.insert(0, HOME); import autograd",
    "after": "sys.path.insert(0, HOME); import autograd; others()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_subinterpreter_is_refused_and_does_no_harm(order):
    home = str(Path(autograd.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETERS.format(home=home, order=ORDERS[order])],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.stderr == ""
    *told, numbers = done.stdout.splitlines()
    assert numbers == "4.0 3.0"
    assert len(told) == 2 * 4
    for line in told:
        assert line.startswith("chainrule's autograd runs in the main interpreter of ")
