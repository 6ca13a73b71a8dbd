"""Transforms: their shapes, their nesting, their numbers and their errors."""

from __future__ import annotations

import itertools
import math
import random
import re
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import sympy
from effort import nodes_recorded, steps_walked
from mpmath import mp, mpf

import autograd
from autograd import (
    Value,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    log,
    logsumexp,
    no_grad,
    sin,
    tanh,
    value_and_grad,
    vjp,
)
from autograd.graph import gradients, tangents, topological_order


def close(x, y, rel=1e-12):
    return x == pytest.approx(y, rel=rel, abs=1e-13)


# ---- shapes --------------------------------------------------------------------------

Point = namedtuple("Point", "x y")

SHAPES = [
    (lambda x: x**3, 2.0, 12.0),
    (lambda x: x**3, 2, 12.0),
    (lambda x: x[0] * x[1], [2.0, 5.0], [5.0, 2.0]),
    (lambda x: x[0] * x[1], (2.0, 5.0), (5.0, 2.0)),
    (lambda m: m[0][1] * m[1][0], [[1.0, 2.0], [3.0, 4.0]], [[0.0, 3.0], [2.0, 0.0]]),
    (lambda x: x[0] * x[1][0] ** 2, [3.0, (2.0,)], [4.0, (12.0,)]),
    (lambda p: p.x * p.y, Point(2.0, 3.0), Point(3.0, 2.0)),
    (lambda d: d["w"] * d["b"][0], {"w": 2.0, "b": [3.0]}, {"w": 3.0, "b": [2.0]}),
    (lambda x: 7.0, [1.0, 2.0], [0.0, 0.0]),
    (lambda x: x[0], [1.0, 2.0], [1.0, 0.0]),
    (lambda x: autograd.sum(x), [], []),
]


@pytest.mark.parametrize(("f", "x", "wanted"), SHAPES)
def test_the_gradient_has_the_shape_of_the_argument(f, x, wanted):
    found = grad(f)(x)
    assert found == wanted
    assert type(found) is type(wanted)
    value, again = value_and_grad(f)(x)
    assert again == wanted
    assert type(value) is float


def test_derivatives_are_by_the_arguments_asked_for():
    def f(x, y, z):
        return x * y**2 + 0 * z

    assert grad(f, argnums=1)(3.0, 2.0, 1.0) == 12.0
    assert grad(f, argnums=-2)(3.0, 2.0, 1.0) == 12.0
    assert grad(f, argnums=np.int64(1))(3.0, 2.0, 1.0) == 12.0
    assert grad(f, argnums=(1, 0))(3.0, 2.0, 1.0) == (12.0, 4.0)
    assert grad(f, argnums=[0])(3.0, 2.0, 1.0) == (4.0,)
    assert jacobian(lambda x, y: [x * y, x + y], (0, 1))(2.0, 3.0) == (
        [3.0, 1.0],
        [2.0, 1.0],
    )
    assert hessian(lambda x, y: x**2 * y, (0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))


def test_other_arguments_are_passed_on_as_they_are():
    def f(x, times, *, shift=0.0):
        assert type(times) is int
        for _ in range(times):
            x = x * x
        return x + shift

    assert grad(f)(2.0, 3) == 8 * 2.0**7
    assert value_and_grad(f)(2.0, 1, shift=5.0) == (9.0, 4.0)


def test_control_flow_is_followed():
    def f(x):
        return x**2 if x > 0 else -x

    assert (grad(f)(3.0), grad(f)(-3.0)) == (6.0, -1.0)

    def power(x):
        total = x
        while total < 100:
            total = total * x
        return total

    assert grad(power)(3.0) == 5 * 3.0**4


def test_a_jacobian_has_the_structure_of_the_outputs():
    def f(v):
        return [v[0] * v[1], [exp(v[2]), 3.0]]

    j = jacobian(f)([2.0, 5.0, 0.0])
    assert j == [[5.0, 2.0, 0.0], [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]]
    assert jacobian(lambda x: x**2)(3.0) == 6.0
    assert jacobian(lambda x: {"a": x, "b": (2 * x,)})(3.0) == {"a": 1.0, "b": (2.0,)}


def test_products_agree_with_the_jacobian():
    def f(v):
        return [sin(v[0] * v[1]), v[1] / v[2], tanh(v[0] + v[2])]

    x, v, w = [0.3, -1.2, 2.0], [1.0, -2.0, 0.5], [0.7, 0.1, -3.0]
    j = jacobian(f)(x)
    value, slope = jvp(f, x, v)
    assert value == f(x)
    assert close(slope, [sum(a * b for a, b in zip(row, v, strict=True)) for row in j])
    value, back = vjp(f, x)
    assert value == f(x)
    columns = list(zip(*j, strict=True))
    assert close(
        back(w), [sum(a * b for a, b in zip(c, w, strict=True)) for c in columns]
    )
    assert back([0.0, 0.0, 0.0]) == [0.0, 0.0, 0.0]

    def g(v):
        return sum((y * y for y in f(v)), 0.0)

    h = hessian(g)(x)
    products = hvp(g, x, v)
    assert close(
        products, [sum(a * b for a, b in zip(row, v, strict=True)) for row in h]
    )
    assert close(products, jvp(grad(g), x, v)[1])


# ---- nesting -------------------------------------------------------------------------


def test_derivatives_of_any_order():
    f, sign = sin, [math.sin, math.cos]
    for order in range(1, 9):
        f = grad(f)
        wanted = sign[order % 2](0.7) * (-1 if order % 4 in (2, 3) else 1)
        assert close(f(0.7), wanted)


def test_floats_in_floats_out_and_values_in_values_out():
    assert type(grad(grad(sin))(0.5)) is float
    x = Value(0.5)
    slope = grad(sin)(x)
    assert isinstance(slope, Value)
    slope.backward()
    assert close(x.grad, -math.sin(0.5))
    assert x.parents == ()


def test_a_value_of_the_surroundings_is_a_constant():
    w = Value(3.0, label="w")
    slope = grad(lambda x: w * x**2)(2.0)
    assert slope.data == 12.0
    assert w.grad == 0.0
    assert gradients(slope, [w]) == [4.0]
    slope = grad(lambda x, w: w * x**2)(2.0, w)
    assert gradients(slope, [w]) == [4.0]


# ---- Values reached by closure -------------------------------------------------------


def flat(x):
    if isinstance(x, (list, tuple)):
        return [number for item in x for number in flat(item)]
    return [x]


# Each gives derivatives of f, a function of two numbers, at x.
TRANSFORMS = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "jacobian": lambda f, x: jacobian(lambda v: [f(v), f(v) * v[0]])(x),
    "jacobian, forward": lambda f, x: jacobian(lambda v: [f(v)] * 5)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "jvp": lambda f, x: jvp(f, x, [0.5, 2.0]),
    "vjp": lambda f, x: (
        vjp(f, x)[0],
        vjp(lambda v: [f(v), v[1] * f(v)], x)[1]([0.5, 2.0]),
    ),
    "hvp": lambda f, x: hvp(f, x, [0.5, 2.0]),
    "linearize": lambda f, x: [linearize(f, x)[1](v) for v in ([1.0, 0.0], [3.0, 2.0])],
    "has_aux": lambda f, x: grad(lambda v: (f(v), [f(v)]), has_aux=True)(x),
}
NESTED = [*itertools.product(TRANSFORMS, [None, *TRANSFORMS])]


def nested(outer, inner, f, x):
    """All numbers of one transform of f, or of one transform of another's numbers."""
    if inner is None:
        return flat(TRANSFORMS[outer](f, x))
    total = lambda v: autograd.sum(flat(TRANSFORMS[inner](f, v)))  # noqa: E731
    return flat(TRANSFORMS[outer](total, x))


def with_weight(w):
    return lambda v: exp(w * v[0]) * v[1] ** 3 + w


def difference(f, x, step=2e-3):
    """f'(x) by central differences, with an error of step**6."""
    at = [f(x + k * step) - f(x - k * step) for k in (1, 2, 3)]
    return (45 * at[0] - 9 * at[1] + at[2]) / (60 * step)


@pytest.mark.parametrize(("outer", "inner"), NESTED)
def test_a_derivative_stays_connected_to_a_value_reached_by_closure(outer, inner):
    def numbers(w):
        return nested(outer, inner, with_weight(w), [0.3, 1.2])

    plain = numbers(0.7)
    assert {type(x) for x in plain} == {float}
    w = Value(0.7)
    for reached in (w, w * 1.0):  # a leaf, and a node
        found = numbers(reached)
        assert close([x.data for x in found], plain)
        total = autograd.dot(range(1, len(found) + 1), found)
        wanted = difference(
            lambda w: sum(k * x for k, x in enumerate(numbers(w), start=1)), 0.7
        )
        assert close(gradients(total, [w]), [wanted], rel=1e-8)


@pytest.mark.parametrize(("outer", "inner"), NESTED)
def test_values_made_inside_a_function_are_none_from_outside(outer, inner):
    def f(v):
        total, factor = Value(0.0), Value(3.0)
        for x in v:
            total = total + factor * x**3
        return total

    assert {type(x) for x in nested(outer, inner, f, [0.3, 1.2])} == {float}


def walks(w):
    """What may pass by a node while a function runs."""
    return {
        "backward": lambda: (w * w).backward(),
        "gradients": lambda: gradients(w * 2.0, [w]),
        "order": lambda: topological_order(w * 1.0),
        "grad": lambda: grad(lambda x: x * w)(1.0),
        "recompute": lambda: (w * 3.0).recompute(),
    }


@pytest.mark.parametrize("walk", walks(Value(1.0)))
@pytest.mark.parametrize("outer", TRANSFORMS)
def test_a_walk_inside_a_function_does_not_cut_a_value_off(outer, walk):
    leaf = Value(0.7)
    for w in (leaf, leaf + 0.0):

        def f(v, w=w):
            walks(w)[walk]()
            return with_weight(w)(v)

        found = nested(outer, None, f, [0.3, 1.2])
        assert all(isinstance(x, Value) for x in found)
        plain = nested(outer, None, with_weight(w), [0.3, 1.2])
        for one, other in zip(found, plain, strict=True):
            assert close(one.data, other.data)
            assert close(gradients(one, [leaf]), gradients(other, [leaf]))


def test_a_function_that_returns_a_value_of_the_surroundings():
    w = Value(3.0)
    for result in (w, w * w, [w]):
        (slope,) = flat(jacobian(lambda x, result=result: result)(2.0))
        assert (type(slope), slope.data) == (Value, 0.0)
    assert value_and_grad(lambda x: w)(2.0)[0] is w
    assert value_and_grad(lambda x: w * 2)([])[0].data == 6.0
    assert value_and_grad(lambda x: 2.0)([]) == (2.0, [])


def test_physics_and_data_in_one_loss():
    w = Value(3.0)
    loss = (grad(lambda x: w * x**3)(2.0) - 30) ** 2 + (2 * w - 5) ** 2
    loss.backward()
    assert w.grad == 148.0


def test_what_comes_besides_is_connected_where_it_has_to_be():
    w = Value(3.0)
    f = lambda x: (x * x, {"inside": x + 1, "outside": [w * x], "text": "a"})  # noqa: E731
    slope, aux = grad(f, has_aux=True)(2.0)
    assert slope == 4.0
    assert gradients(aux["outside"][0], [w]) == [2.0]
    assert aux["text"] == "a"
    assert grad(lambda x: (x * x, x + 1), has_aux=True)(2.0) == (4.0, 3.0)


CONFUSIONS = [
    # Each inner derivative has to see its own argument alone as a variable.
    (lambda x: x * grad(lambda y: x + y)(x), 1.0, 1.0),
    (lambda x: x * grad(lambda y: x * y)(2.0), 3.0, 6.0),
    (lambda x: x * grad(lambda y: x * y * y)(x), 2.0, 24.0),
    (lambda x: jvp(lambda y: x * y, 5.0, 1.0)[1], 2.0, 1.0),
    (lambda x: jvp(lambda y: x * y * y, x, x)[1], 2.0, 24.0),
    (lambda x: vjp(lambda y: x * y, 1.0)[1](x), 3.0, 6.0),
    (lambda x: hvp(lambda y: x * y**3, x, 1.0), 2.0, 24.0),
    (lambda x: grad(lambda y: grad(lambda z: x * y * z)(y))(x), 3.0, 1.0),
    (lambda x: value_and_grad(lambda y: x * y)(x)[0], 3.0, 6.0),
    (lambda x: hessian(lambda y: y**3 * x)(x), 2.0, 24.0),
    (lambda x: grad(lambda y: 5.0)(x) + x, 2.0, 1.0),
]


@pytest.mark.parametrize(("f", "x", "wanted"), CONFUSIONS)
@pytest.mark.parametrize("outer", ["grad", "jvp", "value"])
def test_no_perturbation_confusion(f, x, wanted, outer):
    if outer == "grad":
        assert grad(f)(x) == wanted
    elif outer == "jvp":
        assert jvp(f, x, 1.0)[1] == wanted
    else:
        leaf = Value(x)
        grad(lambda t: 0 * t + f(t))(leaf)  # runs with nodes all the way
        assert gradients(grad(f)(leaf) * 1.0, []) == []
        assert grad(f)(leaf).data == wanted


def test_a_hessian_of_a_function_that_differentiates():
    def f(v):
        slope = grad(lambda u: u[0] ** 3 * u[1])(v)
        return slope[0] * slope[1]  # 3 a**2 b * a**3 = 3 a**5 b

    a, b = 2.0, 3.0
    assert hessian(f)([a, b]) == [[60 * a**3 * b, 15 * a**4], [15 * a**4, 0.0]]


def test_third_derivatives_of_three_variables():
    third = jacobian(hessian(lambda v: v[0] ** 2 * v[1] * v[2]))([2.0, 3.0, 5.0])
    assert third[0][0] == [0.0, 10.0, 6.0]
    assert third[1][2] == [4.0, 0.0, 0.0]


def test_forward_over_reverse_and_reverse_over_forward():
    def f(v):
        return v[0] ** 3 * tanh(v[1])

    x, v = [1.5, 0.4], [0.3, -2.0]
    assert close(jvp(grad(f), x, v)[1], hvp(f, x, v))
    assert close(grad(lambda u: jvp(f, u, v)[1])(x), hvp(f, x, v))


# ---- against sympy and mpmath --------------------------------------------------------


def symmetric(h):
    size = max(abs(x) for row in h for x in row)
    pairs = ((h[i][j], h[j][i]) for i in range(len(h)) for j in range(i))
    return all(abs(a - b) <= 1e-14 * size for a, b in pairs)


def rosenbrock(x):
    return sum(
        (
            100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
            for i in range(len(x) - 1)
        ),
        0 * x[0],
    )


def test_hessian_of_rosenbrock_in_10_dimensions():
    rng = random.Random(0)
    point = [rng.uniform(-2, 2) for _ in range(10)]
    symbols = sympy.symbols("x0:10")
    exact = sympy.hessian(rosenbrock(symbols), symbols)
    at = dict(zip(symbols, map(sympy.Rational, point), strict=True))
    wanted = [[float(exact[i, j].subs(at)) for j in range(10)] for i in range(10)]
    h = hessian(rosenbrock)(point)
    assert symmetric(h)
    for row, exact_row in zip(h, wanted, strict=True):
        assert close(row, exact_row, rel=1e-14)
    slope = [sympy.diff(rosenbrock(symbols), s).subs(at) for s in symbols]
    assert close(grad(rosenbrock)(point), [float(s) for s in slope], rel=1e-13)


def test_hessian_of_logsumexp():
    point = [0.3, -1.7, 2.2, 5.0]
    h = hessian(logsumexp)(point)
    with mp.workdps(50):
        total = mp.fsum([mp.exp(mpf(x)) for x in point])
        shares = [mp.exp(mpf(x)) / total for x in point]
        for i in range(4):
            for j in range(4):
                wanted = shares[i] * ((i == j) - shares[j])
                assert close(h[i][j], float(wanted), rel=1e-14)
    assert symmetric(h)


NET = [((0.5, -1.2), 1.0), ((-0.3, 0.8), 0.0), ((1.5, 0.1), 1.0)]


def net_loss(p, tanh, total):
    """The mean squared error of a 2-8-1 network with 33 parameters."""
    terms = []
    for (x, y), target in NET:
        hidden = [
            tanh(p[3 * i] * x + p[3 * i + 1] * y + p[3 * i + 2]) for i in range(8)
        ]
        out = p[32] + total([p[24 + i] * h for i, h in enumerate(hidden)])
        terms.append((out - target) ** 2)
    return total(terms) / len(NET)


def test_hessian_of_a_networks_loss():
    rng = random.Random(1)
    point = [rng.uniform(-1, 1) for _ in range(33)]
    h = hessian(lambda p: net_loss(p, tanh, autograd.sum))(point)
    assert symmetric(h)
    with mp.workdps(90):
        step = mpf("1e-25")

        def at(*moved):
            steps = [step * moved.count(i) for i in range(33)]
            p = [mpf(x) + h for x, h in zip(point, steps, strict=True)]
            return net_loss(p, mp.tanh, mp.fsum)

        here, beside = at(), [at(i) for i in range(33)]
        for i, j in itertools.combinations_with_replacement(range(33), 2):
            wanted = (at(i, j) - beside[i] - beside[j] + here) / step**2
            assert close(h[i][j], float(wanted), rel=1e-12)


def test_the_worked_examples_converge(capsys):
    """Newton's method, conjugate gradients and Gauss-Newton, as the book has them."""
    page = Path(__file__).parent.parent / "docs" / "second-derivatives.md"
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S):
        exec(block, names)
    assert close(names["x"], math.log(3), rel=1e-12)
    assert close(names["point"], [1.0, 1.0], rel=1e-10)
    assert close(names["fit"], [2.5, 1.3, 0.5], rel=1e-10)
    assert close(names["newton"], [2.5, 1.3, 0.5], rel=1e-10)
    assert names["largest"] < 1e-10
    assert "[2.5, 1.3, 0.5]" in capsys.readouterr().out


def test_newton_and_gauss_newton_where_the_residuals_stay():
    """Data with noise, so that JᵀJ is not the hessian at the answer."""
    rng = random.Random(3)
    times = [0.25 * i for i in range(12)]
    data = [2.5 * math.exp(-1.3 * t) + 0.5 + rng.gauss(0, 0.05) for t in times]

    def residuals(p, exp=exp):
        pairs = zip(times, data, strict=True)
        return [p[0] * exp(-p[1] * t) + p[2] - y for t, y in pairs]

    def loss(p):
        return autograd.dot(residuals(p), residuals(p))

    def solved(matrix, vector):
        return np.linalg.solve(np.array(matrix), np.array(vector))

    newton = gauss = np.array([2.0, 1.0, 0.4])
    for _ in range(25):
        newton = newton - solved(hessian(loss)(newton.tolist()), grad(loss)(newton))
        j = np.array(jacobian(residuals)(gauss.tolist()))
        gauss = gauss - solved(j.T @ j, j.T @ np.array(residuals(gauss.tolist())))
    with mp.workdps(50):

        def slopes(*p):  # of half the loss, written out by hand
            r = residuals(p, mp.exp)
            powers = [mp.exp(-p[1] * t) for t in times]
            return (
                mp.fdot(r, powers),
                mp.fdot(r, [-p[0] * t * e for t, e in zip(times, powers, strict=True)]),
                mp.fsum(r),
            )

        wanted = [float(x) for x in mp.findroot(slopes, (2.5, 1.3, 0.5))]
    assert close(newton.tolist(), wanted, rel=1e-10)
    assert close(gauss.tolist(), wanted, rel=1e-10)
    assert loss(wanted) > 0.005


# ---- cost and depth ------------------------------------------------------------------


INNER = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x)[1],
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "jvp": lambda f, x: jvp(f, x, 1.0)[1],
    "jvp along x": lambda f, x: jvp(f, 0.5, x)[1],
    "vjp": lambda f, x: vjp(f, x)[1](1.0),
    "vjp of x": lambda f, x: vjp(f, 0.5)[1](x),
    "hvp": lambda f, x: hvp(f, x, 1.0),
    "linearize": lambda f, x: linearize(f, x)[1](1.0),
}


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize(
    "potential",
    [
        lambda u, w, x: u * u * u,
        lambda u, w, x: w * sin(u),  # a Value from outside
        lambda u, w, x: u * u * x,  # one with all history
    ],
)
def test_a_loop_of_derivatives_is_linear_in_its_length(inner, potential):
    def loop(steps):
        def run(w):
            x = w
            for _ in range(steps):
                x = x - 0.01 * INNER[inner](lambda u, x=x: potential(u, w, x), x)
            return x

        return steps_walked(lambda: grad(run)(0.3))

    one, two = loop(40), loop(80)
    assert two < 2.1 * one


def simulation(p, steps=100):
    x, out = p[0], []
    for _ in range(steps):
        x = x * 0.99 + p[1] * sin(x)
        out.append(x)
    return out


def test_a_jacobian_goes_the_shorter_way():
    x = [1.0, 0.5]
    nodes = steps_walked(lambda: jvp(simulation, x, [1.0, 0.0]))
    assert steps_walked(lambda: jacobian(simulation)(x)) < 4 * nodes
    columns = [jvp(simulation, x, v)[1] for v in ([1.0, 0.0], [0.0, 1.0])]
    rows = [list(row) for row in zip(*columns, strict=True)]
    assert jacobian(simulation)(x) == rows
    runs = []
    jacobian(lambda v: runs.append(1) or [v[0]] * 9)([1.0, 2.0])
    assert len(runs) == 1
    # Rows that have nothing in common: backward, over what leads to each alone.
    many = [0.1 * k for k in range(50)]
    apart = lambda v: [sin(a * a) for a in v]  # noqa: E731
    assert steps_walked(lambda: jacobian(apart)(many)) < 6 * 50 * 4


def test_a_linearized_function_runs_once():
    runs = []
    value, product = linearize(lambda v: runs.append(1) or simulation(v, 5), [1.0, 0.5])
    assert value == simulation([1.0, 0.5], 5)
    for v in ([1.0, 0.0], [0.0, 1.0], [2.0, -3.0]):
        assert product(v) == jvp(lambda x: simulation(x, 5), [1.0, 0.5], v)[1]
    assert len(runs) == 1
    w = Value(2.0)
    slope = product([w, 1.0])[0]
    assert gradients(slope, [w]) == [0.99 + 0.5 * math.cos(1.0)]


@pytest.mark.parametrize("f", [rosenbrock, logsumexp, lambda v: autograd.prod(v)])
def test_a_hessian_product_costs_a_small_constant_times_a_gradient(f):
    """In nodes, which do not depend on the machine: alike for any number of inputs."""
    ratios = []
    for n in (50, 500):
        x = [0.9 + 0.2 / (i + 1) for i in range(n)]
        v = [1.0] * n
        gradient = nodes_recorded(lambda x=x: grad(f)(x)) + n
        product = nodes_recorded(lambda x=x, v=v: hvp(f, x, v)) + n
        # Each node of the product's graph is gone through once more, backward.
        ratios.append(product / gradient)
    assert max(ratios) < 6  # a hessian would cost 50 and 500 gradients
    assert ratios[1] == pytest.approx(ratios[0], rel=0.05)


def test_a_product_forward_is_one_pass_over_the_graph():
    for n in (100, 300):
        x, v = [0.5] * n, [1.0] * n
        gradient = steps_walked(lambda x=x: grad(rosenbrock)(x))
        assert steps_walked(lambda x=x, v=v: jvp(rosenbrock, x, v)) < 2 * gradient


def chain(x, depth):
    for _ in range(depth):
        x = x * 0.99999 + 1e-6
    return x


def test_a_chain_of_100_000_operations():
    depth = 100_000
    scale = 0.99999**depth
    assert close(grad(chain)(1.0, depth), scale, rel=1e-9)
    quarter = 0.99999 ** (depth // 4)
    product = hvp(lambda x: chain(x, depth // 4) ** 2, 1.0, 1.0)
    assert close(product, 2 * quarter**2, rel=1e-9)


def test_a_long_chain_nested_and_forward():
    depth = 10_000
    scale = 0.99999**depth
    assert close(jvp(lambda x: chain(x, depth), 1.0, 2.0)[1], 2 * scale, rel=1e-9)
    assert close(
        grad(grad(lambda x: chain(x, depth) ** 2))(1.0), 2 * scale**2, rel=1e-9
    )


# ---- no_grad, threads, numpy ---------------------------------------------------------


def test_transforms_work_inside_no_grad():
    with no_grad():
        assert grad(grad(lambda x: x**3))(2.0) == 12.0
        assert hvp(lambda v: v[0] * v[1], [1.0, 2.0], [1.0, 0.0]) == [0.0, 1.0]
        x = Value(2.0)
        slope = grad(lambda x: x**3)(x)
        assert (slope.data, slope.parents) == (12.0, ())


def test_no_grad_inside_a_function_cuts():
    def f(x):
        with no_grad():
            factor = x * x
        return factor * x

    assert grad(f)(3.0) == 9.0


def test_threads_differentiate_beside_one_another():
    found = {}

    def work(k):
        found[k] = [grad(grad(lambda x: x**k))(1.5) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [k * (k - 1) * 1.5 ** (k - 2)] * 50 for k in range(2, 6)}


def test_transforms_leave_the_gradients_of_leaves_alone():
    w = Value(2.0)
    w.grad = 5.0
    grad(lambda x: w * x)(w)
    hessian(lambda x: (w * x) ** 2)(1.0)
    assert w.grad == 5.0


def test_a_derivative_inside_a_compiled_function():
    program = autograd.compile(lambda x: grad(lambda t: t * exp(x * t))(x), inputs=1)
    with mp.workdps(30):
        wanted = [float(mp.exp(mpf(x) ** 2) * (1 + mpf(x) ** 2)) for x in (0.5, -1.5)]
    assert close(program([[0.5], [-1.5]]).tolist(), wanted)


# ---- the pieces below ----------------------------------------------------------------


def test_tangents_of_a_recorded_graph():
    x, y = Value(3.0), Value(4.0)
    a, b = x * y, x + y
    assert tangents([a, b], {x: 1.0, y: 10.0}) == [34.0, 11.0]
    (slope,) = tangents([a], {x: 1.0}, create_graph=True)
    assert gradients(slope, [y]) == [1.0]
    assert tangents([Value(1.0)], {x: 1.0}) == [0.0]


def test_the_inputs_keep_the_names_of_the_parameters():
    seen = []

    def f(x, weights):
        out = x * weights[0] + weights[1]
        seen.extend(node.label for node in topological_order(out) if not node.op)
        return out

    grad(f, (0, 1))(1.0, [2.0, 3.0])
    assert seen == ["x", "weights[0]", "weights[1]"]


# ---- errors --------------------------------------------------------------------------

ERRORS = [
    (lambda: grad(3), TypeError, r"takes a function, as in grad\(f\)\(x\); got 3"),
    (lambda: grad(lambda x: [x, x])(1.0), TypeError, "2 numbers in a list.*jacobian"),
    (lambda: grad(lambda x: [x])(1.0), TypeError, "1 number in a list.*jacobian"),
    (lambda: grad(lambda x: None)(1.0), TypeError, "forget its return"),
    (lambda: grad(lambda x: "a")(1.0), TypeError, r"returned result.*'a' of type str"),
    (
        lambda: grad(lambda x: x)("2"),
        TypeError,
        r"x: expected one real number, got '2'",
    ),
    (lambda: grad(lambda x: x)(None), TypeError, r"x: .*None"),
    (lambda: grad(lambda x: x)([1.0, [1j]]), TypeError, r"x\[1\]\[0\]: .*1j"),
    (lambda: grad(lambda x: x)([1.0, {2.0}]), TypeError, r"x\[1\]: .*set"),
    (lambda: grad(lambda x: x)(1j), TypeError, "x: expected one real number, got 1j"),
    (lambda: grad(lambda x: x, 1)(1.0), ValueError, "positional argument 1.*with 1"),
    (lambda: grad(lambda x: x)(), ValueError, "positional argument 0.*with 0"),
    (lambda: grad(lambda x: x)(x=1.0), ValueError, "given by name do not count"),
    (lambda: grad(lambda x: x, "y")(1.0), ValueError, "'y', but .* called with x;"),
    (lambda: grad(lambda x, y=2.0: x, "y")(1.0), ValueError, "where it has a default"),
    (lambda: grad(lambda x: x, 0.5)(1.0), TypeError, "or names; got 0.5"),
    (lambda: hessian(lambda x: x, 0.5)(1.0), TypeError, "or names; got 0.5"),
    (lambda: grad(lambda x: x, (0, "x"))(1.0), ValueError, "twice"),
    (
        lambda: grad(lambda x: x, has_aux=True)(1.0),
        TypeError,
        "returns a pair.*of type Value",
    ),
    (lambda: grad(lambda x: x, (0, 0))(1.0), ValueError, "twice"),
    (lambda: grad(lambda x: x, ())(1.0), ValueError, "empty"),
    (
        lambda: jvp(lambda v: v[0], [1.0, 2.0], [1.0]),
        ValueError,
        "shape of x.*2 numbers",
    ),
    (lambda: hvp(lambda v: v[0], [1.0], 1.0), ValueError, "shape of x, 1 number; got"),
    (
        lambda: jvp(lambda x: x, 1.0, [1.0]),
        ValueError,
        r"shape of x, one number; got \[1.0\]$",
    ),
    (lambda: grad(lambda x: x, Value(3.0)), TypeError, r"comes after, as in grad\(f\)"),
    (lambda: grad(lambda x: x, None), TypeError, "or names; got None"),
    (lambda: gradients([Value(1.0)], []), TypeError, r"or their sum, autograd\.sum"),
    (lambda: vjp(lambda v: v, [1.0])[1](1.0), ValueError, "shape of the result of f"),
    (
        lambda: grad(lambda v: log(v[1]))([1.0, -2.0]),
        ValueError,
        r"log\(v\[1\] = -2.0\)",
    ),
    (lambda: grad(math.tanh)(1.0), TypeError, "cut the graph"),
    (lambda: gradients(Value(1.0), Value(1.0)), TypeError, "list of Values"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_what_cannot_be_differentiated_is_told(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_an_error_inside_a_function_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError), no_grad():
        grad(lambda x: grad(lambda y: y / (x - x))(x))(1.0)
    assert grad(lambda x: x * x)(3.0) == 6.0
    assert (Value(2.0) * 3).parents


def test_names_and_documentation():
    def area(width, height):
        return width * height

    slope = grad(area, 1)
    assert slope.__name__ == "area"
    assert slope.__doc__ == "The gradient of area(), with the same arguments."


def test_a_direction_goes_by_its_keys():
    """As the argument does, in whatever order they stand."""
    x = {"a": 2.0, "b": [3.0, 5.0]}
    v = {"b": [0.0, 10.0], "a": 1.0}
    f = lambda d: {"p": d["a"] * d["b"][1], "q": d["a"]}  # noqa: E731
    assert jvp(f, x, v) == ({"p": 10.0, "q": 2.0}, {"p": 25.0, "q": 1.0})
    assert vjp(f, x)[1]({"q": 1.0, "p": 0.0}) == {"a": 1.0, "b": [0.0, 0.0]}
    assert hvp(lambda d: f(d)["p"], x, v) == {"a": 10.0, "b": [0.0, 1.0]}
    with pytest.raises(ValueError, match=r"3 numbers; got .*, without v\['b'\]\[1\]"):
        jvp(f, x, {"a": 1.0, "b": [0.0]})


@pytest.mark.parametrize("transform", [jvp, hvp, lambda f, x, v: vjp(f, x)[1](v)])
def test_arguments_of_several_as_jax_takes_them_are_told_how_here(transform):
    with pytest.raises(TypeError) as caught:
        transform(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    assert "lambda v: f(*v)" in "".join(caught.value.__notes__)
