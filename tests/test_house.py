"""The house itself: which way imports point, and what modules are called."""

import ast
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
FLOORS = ("autograd", "nn", "viz")
"""From the ground up: a package may import those before it."""

SOURCES = sorted(path for floor in FLOORS for path in (HOUSE / floor).rglob("*.py"))


def named(path):
    """`autograd.compiler.passes` for its file, a package by its own name."""
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {named(path): ast.parse(path.read_text("utf-8")) for path in SOURCES}


def imports(tree, own):
    """Every module of ours that a tree imports, whenever it does so."""
    for node in ast.walk(tree):
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


def functions(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("name", MODULES)
def test_functions_are_short(name):
    for function in functions(MODULES[name]):
        text = ast.get_docstring(function, clean=False) or ""
        lines = function.end_lineno - function.lineno + 1 - len(text.splitlines())
        assert lines <= 60, f"{name}.{function.name} has {lines} lines"


def test_the_rooms_of_pictures_stay_few():
    assert len(list((HOUSE / "viz").glob("*.py"))) <= 20
