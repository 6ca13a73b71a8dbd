"""Digits at the edges: large numbers, ties, poles, and slopes that vanish near 0."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mpmath import mp
from reference import REFERENCE, derivatives

import autograd
import nn
from autograd import (
    acos,
    asin,
    atan2,
    compile,
    elu,
    exp,
    grad,
    hessian,
    hypot,
    ieee,
    leaky_relu,
    logsumexp,
    softmax,
    sqrt,
)
from autograd.ops import TABLE


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


def test_the_slopes_of_acosh_at_its_end():
    assert grad(autograd.acosh)(1.0) == math.inf
    assert grad(grad(autograd.acosh))(1.0) == -math.inf
    for x in (1 + 1e-12, 1.5, 2.0, 3.0, 1e200):
        slope = 1 / math.sqrt(x - 1) / math.sqrt(x + 1)
        assert grad(autograd.acosh)(x) == pytest.approx(slope, rel=1e-15)


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


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0])
def test_derivatives_of_a_power_at_0_do_not_depend_on_the_order(y):
    """To the third. Where x ** 0 is left, that of y, or of y * (y - 1), by y is."""
    known = {(1, 1.0): 1, (2, 2.0): 3}  # by x so often, and once by y
    for count, order in itertools.product((2, 3), range(8)):
        places = [order >> bit & 1 for bit in range(count)]
        slope = lambda x, y: x**y  # noqa: E731
        for place in places:
            slope = grad(slope, place)
        by_x, by_y = places.count(0), places.count(1)
        if by_x and by_y:
            wanted = known.get((by_x, y), 0) if by_y == 1 else 0
            defined = by_x <= y or y % 1 == 0
            with ieee():
                found = slope(0.0, y)
            assert found == wanted if defined else not math.isfinite(found), places


@pytest.mark.parametrize("x", [1e-320, -1e-320, 1e-160, 0.0])
def test_a_power_whose_slope_ends_at_0_is_0_where_its_reciprocal_overflows(x):
    for exponent in (0, 1, 2):
        slope = lambda x, n=exponent: x**n  # noqa: E731
        for order in range(4):
            wanted = math.perm(exponent, order) * x ** max(0, exponent - order)
            assert slope(x) == wanted, (exponent, order)
            program = compile(slope, inputs=1, backend="numpy")
            assert program([[x]]).tolist() == [wanted], (exponent, order)
            slope = grad(slope)


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


@pytest.mark.parametrize("backend", ["eager", "numpy", "llvm"])
@pytest.mark.parametrize("size", [1e-307, 1e-200, 1e-155, 1e-150, 1.0, 1e150, 1e300])
def test_second_slopes_of_an_angle_are_right_where_squares_overflow(size, backend):
    """Also the 0 on the diagonals, where two slopes beyond the largest float cancel."""
    corners = [(a, b) for a in (1, -1, 2, 0, 1e-8) for b in (1, -1, -3)]
    points = [(size * a, size * b) for a, b in corners]
    hess = lambda y, x: hessian(lambda v: atan2(*v))([y, x])  # noqa: E731
    if backend == "eager":
        found = [hess(*point) for point in points]
    else:
        found = compile(hess, inputs=2, backend=backend)(points).tolist()
    for point, slopes in zip(points, found, strict=True):
        y, x = map(mp.mpf, point)
        inner, outer = (y - x) * (y + x), 2 * x * y
        exact = [n / (x * x + y * y) ** 2 for n in (-outer, inner, inner, outer)]
        found_here, wanted = [*slopes[0], *slopes[1]], [float(n) for n in exact]
        assert found_here == pytest.approx(wanted, 1e-13, 0)


# ---- what is near 0, and what cancels ------------------------------------------------


def nth(f, order):
    for _ in range(order):
        f = grad(f)
    return f


@pytest.mark.parametrize("backend", ["eager", "numpy", "llvm"])
@pytest.mark.parametrize(
    ("name", "order"),
    [("sigmoid", 2), ("silu", 3), ("softplus", 3), ("logistic_density", 1)],
)
def test_slopes_that_vanish_at_0_keep_their_digits_there(name, order, backend):
    slope = nth(TABLE[name], order)
    xs = [1e-300, -1e-100, 1e-20, -1e-9, 1e-5, -0.01, 0.5, -2.0]
    if backend == "eager":
        found = [slope(x) for x in xs]
    else:
        found = compile(slope, 1, backend=backend)([[x] for x in xs]).tolist()
    for x, digits in zip(xs, found, strict=True):
        with mp.workdps(350):  # 50 digits of a number of 1e-300
            series = mp.taylor(REFERENCE[name], x, order)
            exact = series[order] * mp.factorial(order)
        assert digits == pytest.approx(float(exact), rel=2e-15)


@pytest.mark.parametrize("distance", [1e-160, 1e-17, -1e-12, 0.5, -3.0])
def test_the_slope_of_huber_near_0(distance):
    def loss(p):
        return nn.huber([p], [0.0])

    size = abs(distance)
    exact = 0.5 * size * size if size < 1 else size - 0.5
    assert loss(distance) == pytest.approx(exact, rel=1e-15, abs=1e-323)
    assert grad(loss)(distance) == max(-1.0, min(1.0, distance))
    assert grad(grad(loss))(distance) == float(size < 1)


@pytest.mark.parametrize("size", [0.0, 60.0, 1e3, 1e6, 1e16, -1e16, 1e300])
@pytest.mark.parametrize("target", [0, [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
def test_cross_entropy_of_ties_at_any_size(size, target):
    def loss(*row):
        return nn.cross_entropy([list(row)], [target])

    shares = [1.0, 0.0, 0.0] if target == 0 else target
    slopes = [1 / 3 - share for share in shares]
    row = [size] * 3
    assert loss(*row) == pytest.approx(math.log(3), rel=1e-14)
    found = [grad(loss, k)(*row) for k in range(3)]
    assert found == pytest.approx(slopes, rel=1e-13)
    values, by_input = compile(loss, 3).input_grad([row])
    assert values[0] == pytest.approx(math.log(3), rel=1e-13)
    assert by_input[0].tolist() == pytest.approx(slopes, rel=1e-13)


# ---- zeros that were not chosen, and powers ------------------------------------------

POLE = [(0,), (1,), (0, 0), (0, 0, 0)]
EVERY = [*POLE, (0, 1), (1, 0), (1, 1), (1, 0, 0), (1, 1, 1)]
BELOW = {  # a function with its point, some of them below an infinite slope
    "leaky_relu by number": (lambda x, y: sqrt(leaky_relu(x, 0.0)), (-1.0, 0.5), EVERY),
    "leaky_relu by input": (lambda x, y: sqrt(leaky_relu(x, y)), (-1.0, 0.0), POLE),
    "leaky_relu, steep": (lambda x, y: sqrt(leaky_relu(x, y)), (-1.0, -0.5), EVERY),
    "elu underflows": (lambda x, y: sqrt(elu(x, y) + y), (-1000.0, 1.0), POLE),
    "pow of 0": (lambda x, y: sqrt(x**y - 1.0), (2.0, 0.0), POLE),
    "pow of 1": (lambda x, y: sqrt(x**y - 1.0), (3.0, 1.0), EVERY),
    "pow below 0": (lambda x, y: x**y, (-2.0, 3.0), EVERY),
    "pow below 0, flat": (lambda x, y: x**y, (-2.0, 0.0), EVERY),
}


@pytest.mark.parametrize("name", BELOW)
def test_programs_hand_on_what_the_graph_does_below_a_pole(name):
    f, point, orders = BELOW[name]
    for order in orders:
        slope = f
        for place in order:
            slope = grad(slope, place)
        with ieee():
            wanted = slope(*point)
        for backend in ("numpy", "llvm"):
            found = compile(slope, 2, backend=backend)([point])[0]
            assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True), order


def test_exported_to_jax_second_derivatives_of_powers_are_numbers():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    program = compile(lambda x, y: x**y, 2).to_jax()

    def power(x, y):
        return program(jax.numpy.array([[x, y]]))[0]

    for order in ((0, 0), (0, 1), (1, 0), (1, 1)):
        slope, wanted = power, lambda x, y: x**y
        for place in order:
            slope, wanted = jax.grad(slope, place), grad(wanted, place)
        assert jax.jit(slope)(3.0, 2.5) == pytest.approx(wanted(3.0, 2.5), rel=1e-12)
    flat = compile(lambda x: sqrt(leaky_relu(x, 0.0)), 1).to_jax()
    assert jax.grad(lambda x: flat(jax.numpy.array([[x]]))[0])(-1.0) == 0.0


@pytest.mark.parametrize(("x", "y"), [(-2.0, 3.0), (-0.5, 0.0), (-1.0, 1.5)])
def test_third_derivatives_of_a_power_that_has_no_slope_are_nan_in_any_order(x, y):
    for order in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        slope = lambda x, y: x**y  # noqa: E731
        for place in order:
            slope = grad(slope, place)
        with ieee():
            assert math.isnan(slope(x, y))


# ---- at any size ---------------------------------------------------------------------

SIZES = (1e-300, 0.3, 1e52, 1e103, 1e300)
MORE = (5e-324, 1e-155, 1e-110, 1e-80, 1e-52, 1e-20, 1e-9, 1e-3, 0.97, 1.6, 5.0, 22.0)
MORE += (37.0, 100.0, 700.0, 1e4, 1e8, 1e16, 1e80, 1e110, 1e155, 1e200)
STEPS = {"floor", "ceil", "sign"}
SMOOTH = [name for name, row in TABLE.items() if row.arity == 1 and name in REFERENCE]
EACH = [
    pytest.param(sizes, name, marks=[pytest.mark.slow] * (sizes is MORE))
    for sizes in (SIZES, MORE)
    for name in SMOOTH
    if name not in STEPS
]


@pytest.mark.parametrize(("sizes", "name"), EACH)
def test_derivatives_to_the_third_have_their_digits_at_any_size(sizes, name):
    """Wherever a float holds the answer, from the smallest to the largest arguments."""
    row, orders = TABLE[name], [(1,), (2,), (3,)]
    for x in [sign * size for size in sizes for sign in (1, -1)]:
        try:
            row(x)
        except (ValueError, OverflowError):
            continue
        with ieee():
            found = [nth(row, order)(x) for (order,) in orders]
        exact = derivatives(name, (x,), orders, 1700).values()
        for order, slope, wanted in zip(orders, found, map(float, exact), strict=True):
            assert slope == pytest.approx(wanted, rel=1e-11, abs=1e-318), (x, order)


RATIOS = (1.0, -0.6, 1e-9, 1e60)
PAIRS = [(size, size * ratio) for size in (*SIZES, 1e-155, 1e155) for ratio in RATIOS]
ORDERS = [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)]


@pytest.mark.parametrize(
    "points",
    [PAIRS[::5], pytest.param(PAIRS, marks=pytest.mark.slow)],
    ids=["some", "all"],
)
@pytest.mark.parametrize("name", ["atan2", "hypot"])
def test_derivatives_by_two_numbers_have_their_digits_at_any_size(name, points):
    """To 1e-13 of what one is at this distance from 0, where a float holds that."""
    for point in [(x, y) for x, y in points if abs(y) < 1e308]:
        exact = derivatives(name, point, ORDERS, 1700)
        for order in ORDERS:
            slope = lambda x, y: TABLE[name](x, y)  # noqa: E731
            for place, count in enumerate(order):
                for _ in range(count):
                    slope = grad(slope, place)
            size = mp.hypot(*point) ** -(sum(order) - (name == "hypot"))
            if size < 1e300:
                with ieee():
                    found = slope(*point)
                close = {"rel": 1e-10, "abs": max(float(size) * 1e-13, 1e-318)}
                assert found == pytest.approx(float(exact[order]), **close), order
