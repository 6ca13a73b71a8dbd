"""Every `>>>` example in the sources runs and prints what it says.

The examples are read from the sources, so that they are tested also where the module
that is imported was compiled.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import autograd

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd", "nn", "viz")
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def documented(tree):
    """Every docstring of a module with the name of its owner.

    The rows of the operation table carry theirs in the keyword `doc`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", "module"), text
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "doc"
            and isinstance(node.value, ast.Constant)
        ):
            yield f"line {node.value.lineno}", node.value.value


def examples():
    parser = doctest.DocTestParser()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = module.removesuffix(".__init__")
            for name, text in documented(ast.parse(path.read_text())):
                if parser.get_examples(text):
                    yield pytest.param(module, name, text, id=f"{module}:{name}")


EXAMPLES = list(examples())

NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


class CloseNumbers(doctest.OutputChecker):
    """Lets floats differ by what C libraries differ in, the last place or so."""

    def check_output(self, want, got, options):
        if super().check_output(want, got, options):
            return True
        wanted, found = NUMBER.findall(want), NUMBER.findall(got)
        return (
            len(wanted) == len(found)
            and NUMBER.sub("#", want) == NUMBER.sub("#", got)
            and [float(x) for x in found]
            == pytest.approx([float(x) for x in wanted], rel=1e-14, abs=0)
        )


@pytest.mark.parametrize(("module", "name", "text"), EXAMPLES)
def test_example(module, name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {name: getattr(autograd, name) for name in autograd.__all__}
    names |= vars(importlib.import_module(module))
    test = doctest.DocTestParser().get_doctest(text, names, name, module, 0)
    output = []
    runner = doctest.DocTestRunner(CloseNumbers(), optionflags=OPTIONS)
    runner.run(test, out=output.append)
    assert not runner.failures, "".join(output)


def test_there_are_examples():
    assert len(EXAMPLES) > 60


def public():
    """The names that `from autograd import *` gives, with their sources' docstrings."""
    for name in autograd.__all__:
        yield name, getattr(autograd, name)


def test_every_public_name_is_documented():
    for name, thing in public():
        assert thing.__doc__, name


def test_every_public_function_has_an_example():
    without = [name for name, thing in public() if ">>>" not in (thing.__doc__ or "")]
    assert set(without) <= {"Program"}  # which compile() makes, and shows
