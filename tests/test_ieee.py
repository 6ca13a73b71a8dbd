"""Numbers that answer inf and nan where floats raise, for derivatives at a pole."""

import itertools
import math
import operator

import numpy as np
import pytest

from autograd import Value, gradients, operation
from autograd.ieee import Quiet

NUMBERS = [-math.inf, -2.0, -0.0, 0.0, 0.5, 3.0, math.inf, math.nan]
QUESTIONS = ["lt", "le", "gt", "ge", "eq", "ne"]
ARITHMETIC = ["add", "sub", "mul", "truediv", "pow"]
SIDES = [(Quiet, Quiet), (Quiet, float), (float, Quiet)]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(("left", "right"), SIDES)
def test_questions_are_answered_as_by_floats(name, left, right):
    ask = getattr(operator, name)
    for x, y in itertools.product(NUMBERS, repeat=2):
        assert ask(left(x), right(y)) is ask(x, y)


@pytest.mark.parametrize("name", ARITHMETIC)
@pytest.mark.parametrize(("left", "right"), SIDES)
def test_arithmetic_is_that_of_arrays(name, left, right):
    compute = getattr(operator, name)
    for x, y in itertools.product(NUMBERS, repeat=2):
        with np.errstate(all="ignore"):
            wanted = float(compute(np.float64(x), np.float64(y)))
        found = float(compute(left(x), right(y)))
        assert found == wanted or (found != found and wanted != wanted), (x, y)


@pytest.mark.parametrize("x", NUMBERS)
def test_truth_and_sign(x):
    assert bool(Quiet(x)) is bool(x)
    assert repr(float(-Quiet(x))) == repr(-x)
    assert repr(float(Quiet(Quiet(x)))) == repr(x)


def at_a_pole(rule):
    """The slope that a rule gives where it fails with floats: 1 / x at 0."""
    own = operation(partials=(rule,))(lambda x: x)
    x = Value(0.0)
    return gradients(own(x), [x])[0]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_rule_that_decides_by_a_number_does_so_at_its_pole(name):
    ask = getattr(operator, name)
    sign = 1.0 if ask(0.0, 0.0) else -1.0
    found = at_a_pole(lambda x, out: 1 / x if ask(x, 0.0) else -1 / x)
    assert found == sign * math.inf
    assert at_a_pole(lambda x, out: 1 / x if ask(0.0, x) else -1 / x) == found
    assert at_a_pole(lambda x, out: 1 / x if ask(x, out) else -1 / x) == found


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (lambda x, out: 2 + 1 / x, math.inf),
        (lambda x, out: 1 / x + 2, math.inf),
        (lambda x, out: 2 - 1 / x, -math.inf),
        (lambda x, out: 1 / x - 2, math.inf),
        (lambda x, out: -3 * (1 / x), -math.inf),
        (lambda x, out: 2 ** (1 / x), math.inf),
        (lambda x, out: 0.5 ** (1 / x), 0.0),
        (lambda x, out: (1 / x) ** -1, 0.0),
        (lambda x, out: x / x, math.nan),
        (lambda x, out: 1 / x if x else 7 / x * 0, math.nan),
    ],
)
def test_a_rule_at_its_pole_is_computed_to_its_end(rule, wanted):
    assert repr(at_a_pole(rule)) == repr(wanted)
