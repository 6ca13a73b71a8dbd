"""Digits at the edges: large numbers, ties, poles, and slopes that vanish near 0."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autograd import acos, asin, compile, exp, grad, hypot, logsumexp, softmax


@pytest.mark.parametrize("size", [0.0, 1e3, 1e6, 1e10, 1e15, 1e16, 1e50, 1e300, -1e16])
def test_softmax_sums_to_1_at_any_size(size):
    assert softmax([size, size]) == [0.5, 0.5]
    assert sum(softmax([size, size, size])) == pytest.approx(1.0, abs=1e-15)
    assert grad(lambda x: logsumexp([x, x]))(size) == 1.0
    assert grad(grad(lambda x: logsumexp([x, x])))(size) == pytest.approx(0, abs=1e-15)
    program = compile(lambda x: logsumexp([x, x]), inputs=1)
    assert program.input_grad([[size]])[1].tolist() == [[1.0]]
    assert compile(lambda x: softmax([x, x])[0], inputs=1)([[size]]).tolist() == [0.5]


def test_softmax_has_its_digits_far_from_0():
    weights = [1.0, math.exp(-1), math.exp(-2)]
    shares = [weight / math.fsum(weights) for weight in weights]
    for size in (0.0, 1e10, -1e12):
        found = softmax([size, size - 1, size - 2])
        assert found == pytest.approx(shares, rel=1e-15)
        slopes = grad(logsumexp)([size, size - 1, size - 2])
        assert slopes == pytest.approx(shares, rel=1e-15)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_second_derivatives_of_arcs_at_their_ends(sign):
    assert grad(grad(asin))(sign) == sign * math.inf
    assert grad(grad(acos))(sign) == -sign * math.inf


@pytest.mark.parametrize("x", [1e-300, -1e-20, 1e-9, 0.3, 0.499, -0.501, 0.999999])
def test_second_derivatives_of_arcs(x):
    exact = x / math.sqrt((1 - x) * (1 + x)) ** 3
    assert grad(grad(asin))(x) == pytest.approx(exact, rel=1e-14)
    assert grad(grad(acos))(x) == pytest.approx(-exact, rel=1e-14)


POINTS = [
    (2.0, 3.0),
    (-2.0, 3.0),
    (0.0, 1.0),
    (0.0, 0.5),
    (0.0, 2.0),
    (0.0, 0.0),
    (3.0, 0.0),
]


@pytest.mark.parametrize(("x", "y"), POINTS)
def test_mixed_derivatives_of_a_power_do_not_depend_on_the_order(x, y):
    def power(x, y):
        return x**y

    one = grad(grad(power, 0), 1)(x, y)
    other = grad(grad(power, 1), 0)(x, y)
    assert one == pytest.approx(other, rel=1e-14, nan_ok=True)
    assert math.isnan(one) == (x < 0 or (x, y) == (0.0, 0.5))


def test_a_formula_that_was_not_chosen_spoils_nothing():
    def fourth(f):
        return grad(grad(grad(grad(f))))

    for backend in ("auto", "numpy"):
        slope = compile(grad(grad(hypot, 1), 1), inputs=2, backend=backend)
        assert slope([[3.0, 0.0]]).tolist() == [1 / 3]
        assert slope([[-3.0, 0.0]]).tolist() == [1 / 3]
        once = compile(grad(hypot, 1), inputs=2, backend=backend)
        assert once.input_grad(np.array([[3.0, 0.0]]))[1].tolist() == [[0.0, 1 / 3]]
        bell = compile(fourth(lambda x: exp(-(x**2))), inputs=1, backend=backend)
        assert bell([[0.0]]).tolist() == [12.0]
        power = compile(fourth(lambda x: x * x * x**2), inputs=1, backend=backend)
        assert power([[0.0]]).tolist() == [24.0]
        smooth = compile(grad(grad(lambda x: hypot(x, 0.5))), inputs=1, backend=backend)
        assert smooth([[0.0]]).tolist() == [2.0]
