"""The house itself: which way imports point, names, and where each module is tested."""

import ast
import importlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mutate import drawn, mutants
from where import ELSEWHERE, ROOT, WHOLE, sources, where_tested

TESTS = Path(__file__).parent
HOUSE = TESTS.parent
FLOORS = ("autograd", "nn", "viz")
"""From the ground up: a package may import those before it."""

MODULES = {
    name: ast.parse(path.read_text("utf-8"))
    for floor in FLOORS
    for name, path in sources(floor).items()
}


def running(tree):
    """The parts of a tree that run; what is for type checkers alone does not."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from running(node)


def imports(tree, own):
    """Every module of ours that a tree imports, whenever it does so."""
    for node in running(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{own} imports by a relative path"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name if name in MODULES else node.module for name in inside]
        else:
            continue
        yield from (name for name in found if name in MODULES and name != own)


IMPORTS = {name: set(imports(tree, name)) for name, tree in MODULES.items()}


def test_imports_point_one_way():
    up = {
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in others
        if FLOORS.index(other.split(".")[0]) > FLOORS.index(name.split(".")[0])
    }
    assert not up


def test_no_imports_go_in_a_circle():
    left = {name: set(others) for name, others in IMPORTS.items()}
    while ready := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in ready}
    assert not left


def test_no_module_is_called_like_one_of_pythons_own():
    names = {name.split(".")[-1] for name in MODULES}
    assert not names & set(sys.stdlib_module_names)


BEHIND = {"autograd.ieee", "autograd.operation", "nn.diagnose", "viz.explain",
          "viz.network", "viz.stepper"}  # fmt: skip
"""Modules with the name of the one function that they are about (CONTRIBUTING.md).

`import viz.network as n` is then the function.
"""


def test_a_name_in_a_package_is_its_module_but_for_these_functions():
    hidden = set()
    for name in set(MODULES) - set(FLOORS):
        package, _, own = name.rpartition(".")
        if callable(getattr(importlib.import_module(package), own, None)):
            hidden.add(name)
            assert importlib.import_module(name).__name__ == name
    assert hidden == BEHIND


def functions(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("name", MODULES)
def test_functions_are_short(name):
    for function in functions(MODULES[name]):
        text = ast.get_docstring(function, clean=False) or ""
        lines = function.end_lineno - function.lineno + 1 - len(text.splitlines())
        assert lines <= 60, f"{name}.{function.name} has {lines} lines"


FILLED = {"nn.history.History", "nn.training.Training", "nn.calls.Call",
          "viz.fold.Part", "viz.fold.Flow", "viz.fold.Group",
          "viz.layers.Part"}  # fmt: skip
"""Dataclasses that are filled step by step; nobody changes the others."""


def is_frozen(decorator):
    keywords = getattr(decorator, "keywords", [])
    return any(ast.unparse(keyword) == "frozen=True" for keyword in keywords)


def test_records_cannot_be_changed():
    changeable = {
        f"{name}.{node.name}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if ast.unparse(decorator).startswith("dataclass") and not is_frozen(decorator)
    }
    assert changeable == FILLED


def test_the_rooms_of_pictures_stay_few():
    assert len(list((HOUSE / "viz").glob("*.py"))) <= 20


# ---- the map of the tests ------------------------------------------------------------


def test_every_module_is_tested_where_the_map_says():
    assert set(ELSEWHERE) <= set(MODULES), "no such module"
    missing = {
        f"{name}: there is no {path}"
        for name in MODULES
        for path in where_tested(name)
        if not (HOUSE / path).exists()
    }
    assert not missing


def test_the_map_says_each_thing_once():
    own = Counter(name.split(".")[-1] for name in set(MODULES) - set(ELSEWHERE))
    assert not {name for name, count in own.items() if count > 1}, "whose tests?"
    for name, tests in ELSEWHERE.items():
        assert tests != name.split(".")[-1], f"{name} is told by its name"


def test_every_test_module_is_on_the_map():
    mapped = {path for name in MODULES for path in where_tested(name)}
    whole = {f"tests/test_{name}.py" for name in WHOLE}
    assert mapped | whole == {f"tests/{p.name}" for p in TESTS.glob("test_*.py")}
    assert not mapped & whole


def test_what_is_mutated_is_another_program_and_the_seed_says_which():
    text = (HOUSE / "nn" / "schedules.py").read_text("utf-8")
    every = mutants(text)
    assert {"comparison", "arithmetic", "number", "return None"} <= {
        mutant.kind for mutant in every
    }
    whole = ast.dump(ast.parse(text))
    assert all(ast.dump(ast.parse(mutant.text)) != whole for mutant in every[::7])
    assert len({mutant.text for mutant in every}) > 30
    one, other = drawn(every, 8, 0), drawn(every, 8, 1)
    assert one == drawn(every, 8, 0) != other
    assert len({mutant.lines.start for mutant in one}) == 8


IDLE = """
import numpy as np, pytest
def test_asserts(): assert np
def test_loops_over_nothing():
    for x in []: assert x
def test_raises():
    with pytest.raises(KeyError): {}[1]
def test_compares_arrays(): np.testing.assert_array_equal([1], [1])
def test_returns(): return
"""


def test_tests_that_ask_nothing_are_listed(tmp_path):
    (tmp_path / "test_idle.py").write_text(IDLE)
    options = ["-p", "idle", "-o", "enable_assertion_pass_hook=true"]
    environment = {"PYTHONPATH": str(ROOT / "tests"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, "test_idle.py"],
        cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert "2 of 5 tests asked nothing" in done.stdout
    listed = re.findall("test_idle.py::(.*)", done.stdout)
    assert listed == ["test_loops_over_nothing", "test_returns"]
