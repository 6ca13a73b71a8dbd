"""The GPT of docs/microgpt.md: step by step the losses of a plain scalar engine."""

import re
from pathlib import Path

import pytest

import autograd
from engines.plain_value import Value as PlainValue

PAGE = Path(__file__).parents[1] / "docs" / "microgpt.md"


def program(value):
    """The names of the page's program, run with a class of numbers."""
    (code, *_) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names = {"Value": value}
    code = code.replace("from autograd import Value\n", "").split("names = ")[0]
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def test_the_losses_are_those_of_a_plain_engine_step_by_step():
    texts = ["anna", "nina", "mia"]
    ours = program(autograd.Value)["losses"](texts, 6)
    plain = program(PlainValue)["losses"](texts, 6)
    assert ours == pytest.approx(plain, rel=1e-9)
    assert len(set(ours)) == 6
    assert ours[3] < ours[0]
