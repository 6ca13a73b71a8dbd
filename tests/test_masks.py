"""A branch not taken contributes nothing: whatever is above it, in every transform.

relu, maximum, where and their like hand 0 to what they did not choose, even where the
adjoint is infinite or nan; they do not multiply by 0. And inside the rules of the
table, the formula that was not chosen can't spoil the one that was.
"""

from __future__ import annotations

import importlib.util
import itertools
import math

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    acos,
    asin,
    clip,
    compile,
    cosh,
    elu,
    exp,
    expm1,
    floor,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    leaky_relu,
    log,
    log1p,
    logsumexp,
    maximum,
    minimum,
    operation,
    relu,
    sigmoid,
    sinh,
    softplus,
    sqrt,
    take,
    where,
)
from autograd.modes import ieee
from autograd.ops import TABLE
from autograd.value import constant

LLVM = importlib.util.find_spec("llvmlite") is not None
BACKENDS = ["numpy", *["llvm"] * LLVM]
SLOW = (pytest.mark.slow, pytest.mark.skipif(not LLVM, reason="no llvmlite"))

# Each is constant around -1, by the branch it takes, below something infinite there.
CONSTANT = {
    "maximum": lambda x: sqrt(maximum(x, 0.0)),
    "minimum": lambda x: sqrt(-minimum(-x, 0.0)),
    "relu": lambda x: sqrt(relu(x)),
    "power": lambda x: relu(x) ** 0.5,
    "logarithm": lambda x: log(relu(x)),
    "quotient": lambda x: 1.0 / relu(x),
    "exponent": lambda x: Value(-1.0) ** relu(x),
    "arc": lambda x: acos(minimum(maximum(x - 2.0, -1.0), 1.0)),
    "where": lambda x: sqrt(where(0.0, x, 0.0)),
    "where not": lambda x: sqrt(where(1.0, 0.0, x)),
    "condition": lambda x: sqrt(where(relu(x), 1.0, 0.0)),
    "leaky": lambda x: sqrt(leaky_relu(x, 0.0)),
    "leaky's slope": lambda x: sqrt(leaky_relu(Value(2.0), x) - 2.0),
    "elu's alpha": lambda x: sqrt(elu(Value(2.0), x) - 2.0),
    "clip": lambda x: asin(clip(x - 2.0, -1.0, 1.0)),
    "low": lambda x: sqrt(clip(Value(0.0), x, 1.0)),
    "high": lambda x: sqrt(clip(Value(0.0), -1.0, x * x)),
    "x**0": lambda x: sqrt(x**0 - 1.0),
    "sign": lambda x: sqrt(autograd.sign(x) + 1.0),
    "floor": lambda x: sqrt(autograd.floor(x) + 1.0),
    "ceil": lambda x: sqrt(autograd.ceil(x) + 1.0),
    "whole": lambda x: sqrt(x // 2.0 + 1.0),
    "take": lambda x: sqrt(take([x, 0.0], 1)),
    "nested": lambda x: log(sqrt(relu(maximum(x, -0.5)))),
}


def every_way(f, at):
    """The first and the second derivative, in every way there is to ask for them."""
    with ieee():
        x = Value(at)
        y = f(x)
        y.backward()
        (node,) = gradients(y, [x], create_graph=True)
        yield "backward", x.grad
        yield "gradients", gradients(y, [x])[0]
        yield "create_graph", node.data
        yield "grad", grad(f)(at)
        yield "jvp", jvp(f, at, 1.0)[1]
        yield "jvp of Values", jvp(f, Value(at), 1.0)[1].data
        yield "grad of grad", grad(grad(f))(at)
        yield "third", grad(grad(grad(f)))(at)
        yield "hvp", hvp(f, at, 1.0)
        yield "jvp of grad", jvp(grad(f), at, 1.0)[1]
        yield "grad of jvp", grad(lambda x: jvp(f, x, 1.0)[1])(at)


def compiled(f, at, backend):
    X = np.array([[at], [at]])
    yield "input_grad", compile(f, inputs=1, backend=backend).input_grad(X)[1][0, 0]
    w = Value(at)
    program = compile([f(w)], inputs=[], parameters=[w], backend=backend)
    yield "value_and_grad", program.value_and_grad(X[:, :0])[1][0]
    for name, g in {
        "grad": grad(f),
        "grad of grad": grad(grad(f)),
        "jvp": lambda x: jvp(f, x, 1.0)[1],
        "hvp": lambda x: hvp(f, x, 1.0),
    }.items():
        yield name, compile(g, inputs=1, backend=backend)(X)[0]
    yield "hvp of the program", program.hvp(X[:, :0], [1.0])[0]


@pytest.mark.parametrize("name", CONSTANT)
def test_a_branch_not_taken_gets_0_whatever_is_above(name):
    for way, slope in every_way(CONSTANT[name], -1.0):
        assert slope == 0.0, way


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CONSTANT)
def test_a_branch_not_taken_gets_0_in_a_program(name, backend):
    with ieee():
        for way, slope in compiled(CONSTANT[name], -1.0, backend):
            assert slope == 0.0, way


@pytest.mark.parametrize("name", CONSTANT)
def test_a_branch_not_taken_gets_0_in_exports(name):
    with ieee():
        program = compile(grad(CONSTANT[name]), inputs=1)
    namespace = {}
    exec(program.to_numpy_source(), namespace)
    assert namespace["program"](np.array([[-1.0]])).tolist() == [0.0]


@pytest.mark.parametrize("name", [name for name in CONSTANT if name != "leaky"])
def test_jax_masks_as_well(name):
    """All but leaky_relu's slope of 0, which there is an argument like others."""
    jax = pytest.importorskip("jax")
    with ieee():
        program = compile(CONSTANT[name], inputs=1).to_jax()
    slope = jax.grad(lambda x: program(x.reshape(1, 1))[0])
    assert float(slope(jax.numpy.array(-1.0))) == 0.0


# At x = 0 and y = 2 what has an infinite slope is not chosen; slopes by x and by y.
PASSED_BY = {
    "where": (lambda x, y: where(x > 0, sqrt(x), y), (0.0, 1.0)),
    "where not": (lambda x, y: where(x <= 0, x, sqrt(x)) + y, (1.0, 1.0)),
    "relu": (lambda x, y: relu(sqrt(x) - y), (0.0, 0.0)),
    "leaky": (lambda x, y: leaky_relu(sqrt(x) - y, 0.0), (0.0, 0.0)),
    "clip": (lambda x, y: clip(sqrt(x), 1, 2) + y, (0.0, 1.0)),
    "maximum": (lambda x, y: maximum(sqrt(x), y), (0.0, 1.0)),
    "minimum": (lambda x, y: minimum(autograd.log(x) * -1, y), (0.0, 1.0)),
    "take": (lambda x, y: take([y, autograd.cbrt(x)], 0), (0.0, 1.0)),
}


@pytest.mark.parametrize("name", PASSED_BY)
def test_going_forward_an_infinite_tangent_that_is_not_chosen_is_left_out(name):
    """As in torch's forward mode. Going back, 0 times the slope is nan, as there."""
    f, (by_x, by_y) = PASSED_BY[name]

    def along(*point):
        return jvp(lambda v: f(*v), list(point), [1.0, 0.5])[1]

    with ieee():
        wanted = by_x + 0.5 * by_y
        assert along(0.0, 2.0) == along(Value(0.0), Value(2.0)).data == wanted
        assert compile(along, 2, backend="numpy")([[0.0, 2.0]]) == [wanted]
        found = jacobian(lambda v: [f(*v)] * 9)([0.0, 2.0])
        assert found == [[by_x, by_y]] * 9
        assert math.isnan(grad(f)(0.0, 2.0)) or name == "where not"


def test_every_row_that_selects_is_tried():
    used = set()
    with ieee():
        for f in CONSTANT.values():
            used |= {n.op for n in autograd.topological_order(f(Value(-1.0)))}
    assert used >= {name for name, row in TABLE.items() if row.selects}


# ---- of parameters, whose product with a matrix of ones and zeros is faster ----------


def taken(i, table):
    """Of the second parameter a pole, of the others nothing, where i is 1."""
    return sqrt(take(table, i))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("third", [2.0, -math.inf, math.nan])
def test_of_parameters_only_the_one_that_is_taken_has_a_say(third, backend):
    table = [Value(-1.0), Value(0.0), Value(third)]
    program = compile(lambda i: taken(i, table), 1, table, backend=backend)
    X, slopes = [[1.0], [1.0]], [0.0, math.inf, 0.0]
    assert program(X).tolist() == [0.0, 0.0]
    assert program.value_and_grad(X)[0] == 0.0
    assert program.value_and_grad(X)[1].tolist() == slopes
    assert program.jacobian(X).tolist() == [slopes] * 2
    assert program.input_grad(X)[1].tolist() == [[0.0], [0.0]]
    call = program.prepared("gradient", X, [-1.0, 4.0, 2.0])
    call()
    assert call.means.tolist() == [0.0, 0.25, 0.0, 2.0]
    call.parameters[:] = [-1.0, 0.0, third]
    call()
    assert call.means.tolist() == [*slopes, 0.0]


def test_nor_have_the_others_in_exports():
    table = [Value(-1.0), Value(0.0), Value(math.inf)]
    program = compile(lambda i: taken(i, table), 1, table, backend="numpy")
    namespace = {}
    exec(program.to_numpy_source(gradient=True), namespace)
    value, slopes = namespace["program"](np.array([[1.0]]))
    assert (value, slopes.tolist()) == (0.0, [0.0, math.inf, 0.0])


def test_a_zero_that_was_computed_is_a_number():
    x = Value(0.0)
    sqrt(x**2).backward()
    assert math.isnan(x.grad)  # 2 * x is 0 here, and 0 * inf is nan, as in torch
    assert math.isnan(grad(lambda x: sqrt(abs(x)))(0.0))


def test_the_mixed_derivative_of_a_slope_that_is_0():
    def f(v):
        return leaky_relu(v[0], v[1])

    assert hessian(f)([-2.0, 0.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert hessian(lambda v: v[0] ** v[1])([2.0, 0.0])[0][1] == pytest.approx(0.5)


# ---- what was not chosen has no further slopes ---------------------------------------

# At x = 0 and y = 1.96 all of them choose a formula beside one with infinite slopes.
BESIDE = {
    "power": lambda x, y: where(x > 0, x**y, y),
    "its own condition": lambda x, y: where(x**y > 0, x**y, y),
    "a number as condition": lambda x, y: where(x**y, x**y, y),
    "the other place": lambda x, y: where(x <= 0, y, x**y),
    "1.5": lambda x, y: where(x > 0, (x * y) ** 1.5, y),
    "sqrt": lambda x, y: where(x > 0, sqrt(x) * y, y),
    "cbrt": lambda x, y: where(x > 0, autograd.cbrt(x) * y, y),
    "log": lambda x, y: where(x > 0, log(x) * y, y),
    "quotient": lambda x, y: where(x > 0, y / x, y),
    "hypot": lambda x, y: where(x > 0, autograd.hypot(x, x * y), y),
    "acosh": lambda x, y: where(x > 0, autograd.acosh(1 + x * y), y),
    "asin": lambda x, y: where(x > 0, asin(1 - x * y), y),
    "nested": lambda x, y: where(x > 0, where(x > 1, x, x**y), relu(x**1.5 - y)),
    "maximum": lambda x, y: maximum(x**y, y),
    "relu": lambda x, y: relu(x**y - y),
    "clip": lambda x, y: clip(x**y, 1, 2) * y,
    "take": lambda x, y: take([y, x**y], autograd.sign(x)),
}

# At x = 0 the condition itself, or what a tie compares, has an infinite slope.
ASKED = {
    "less": lambda x, y: where(sqrt(x) < 0, y, x * y),
    "at most": lambda x, y: where(log(x) <= 0, x * y, y),
    "equal": lambda x, y: where(autograd.cbrt(x) == 0, x * y, y),
    "a tie": lambda x, y: minimum(sqrt(x), x) * y,
    "a bound": lambda x, y: clip(autograd.cbrt(x), -1, 1) * y,
}


# What was chosen has infinite slopes, which what was not does not come to.
ABOVE = {
    "sqrt": lambda x, y: sqrt(where(y <= 0, y, x)),
    "reciprocal": lambda x, y: where(y, x, y * y) ** -1,
    "power": lambda x, y: where(autograd.atan2(x, y), x, y) ** where(y > 0, 2, x),
    "maximum": lambda x, y: sqrt(maximum(x * x, minimum(x, where(x > 0, y, y)))),
    "absolute": lambda x, y: sqrt(where(y, where(y <= 0, y, x) + abs(y), x)),
    "relu": lambda x, y: autograd.cbrt(relu(x) - relu(y)),
    "log": lambda x, y: log(where(x, clip(x * y, 0, 2), y)),
}
NASTY = [(0.0, 0.0), (0.0, 1.5), (1.0, 0.0), (1.0, 1.0), (-1.0, 2.0), (2.0, -1.0)]


@pytest.mark.parametrize("backend", ["numpy", pytest.param("llvm", marks=SLOW)])
@pytest.mark.parametrize("name", ABOVE)
def test_what_was_not_chosen_meets_no_slope_of_what_was(name, backend):
    level = [ABOVE[name]]
    for _ in range(2):
        level = [grad(f, variable) for f in level for variable in (0, 1)]
    with ieee():
        program = compile(lambda x, y: [f(x, y) for f in level], 2, backend=backend)
        wanted = [[f(*point) for f in level] for point in NASTY]
        np.testing.assert_allclose(program(NASTY), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", pytest.param("llvm", marks=SLOW)])
@pytest.mark.parametrize("name", ASKED)
def test_a_comparison_has_no_slope(name, backend):
    levels, everything = [ASKED[name]], []
    for _ in range(2):
        levels = [grad(f, variable) for f in levels for variable in (0, 1)]
        everything += levels
    with ieee():
        program = compile(
            lambda x, y: [f(x, y) for f in everything], 2, backend=backend
        )
        wanted = [f(0.0, 1.96) for f in everything]
        np.testing.assert_allclose(program([[0.0, 1.96]])[0], wanted)


@pytest.mark.parametrize("backend", ["numpy", pytest.param("llvm", marks=SLOW)])
@pytest.mark.parametrize("order", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", BESIDE)
def test_what_was_not_chosen_has_no_further_slopes(name, order, backend):
    level = [BESIDE[name]]
    for _ in range(order):
        level = [grad(f, variable) for f in level for variable in (0, 1)]
    with ieee():
        program = compile(lambda x, y: [f(x, y) for f in level], 2, backend=backend)
        assert {f(0.0, 1.96) for f in level} == {0.0}
        assert not program([[0.0, 1.96]]).any()


@pytest.mark.parametrize("name", BESIDE)
def test_nor_in_the_hessian_of_a_programs_parameters(name):
    x, y = Value(0.0), Value(1.96)
    with ieee():
        program = compile(lambda: BESIDE[name](x, y), 0, [x, y], backend="numpy")
        assert not program.hessian().any()


# ---- what errors advise --------------------------------------------------------------

# Each advice of the table, followed to the letter.
FOLLOWED = {
    "div": [lambda x: 3.0 / where(x, x, 1.0)],
    "pow": [lambda x: abs(x) ** 0.5, lambda x: maximum(x, 1e-12) ** -1.5],
    "exp": [
        lambda x: exp(800 * x - maximum(800 * x, 0.0)),
        lambda x: logsumexp([800 * x, 0.0]),
        lambda x: autograd.softmax([800 * x, 0.0])[0],
        lambda x: sigmoid(800 * x),
        lambda x: softplus(800 * x),
    ],
    "expm1": [lambda x: expm1(minimum(800 * x, 709.78))],
    "log": [lambda x: log(maximum(x, 1e-12)), lambda x: log1p(maximum(x, 0.0))],
    "log2": [lambda x: autograd.log2(maximum(x, 1e-12))],
    "log10": [lambda x: autograd.log10(maximum(x, 1e-12))],
    "exp2": [lambda x: autograd.exp2(minimum(1000 * x, 1023.0))],
    "acosh": [lambda x: autograd.acosh(maximum(3 * x, 1))],
    "atanh": [lambda x: autograd.atanh(clip(3 * x, -1 + 1e-12, 1 - 1e-12))],
    "mod": [lambda x: 3.1 % where(x, x, 1.0)],
    "floordiv": [lambda x: 3.1 // where(x, x, 1.0)],
    "log1p": [lambda x: log1p(maximum(3 * x, -1 + 1e-12))],
    "sqrt": [lambda x: sqrt(maximum(x, 0.0)), lambda x: sqrt(abs(x))],
    "asin": [lambda x: asin(clip(3 * x, -1, 1))],
    "acos": [lambda x: acos(clip(3 * x, -1, 1))],
    "take": [lambda x: take([x, x * x, 3 * x], clip(floor(3 * x + 0.1), 0, 2))],
    "sinh": [lambda x: sinh(clip(800 * x, -700.0, 700.0))],
    "cosh": [lambda x: cosh(clip(800 * x, -700.0, 700.0))],
}
ANGLES = {"sin", "cos", "tan"}  # whose advice is where to look


OF_NUMBERS = {
    "maximum": (2.0, lambda c, x: maximum(sqrt(c), x)),
    "where": (4.0, lambda c, x: where(x > 2, sqrt(c) * x, x * x)),
    "deep": (1.0, lambda c, x: maximum(exp(sqrt(c)) * x, x)),
    "slope": (4.0, lambda c, x: grad(lambda y: maximum(sqrt(c) * y * y, y))(x)),
}
"""What a branch alone uses that is computed from a bare number, and that number."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_what_is_computed_from_numbers_has_a_slope_in_a_program(name, backend):
    number, function = OF_NUMBERS[name]

    def slopes(x):
        c = constant(number)
        return gradients(function(c, x), [c, x], create_graph=True)

    batch = [1.0, 3.0, -1.0]
    with ieee():
        wanted = [[slope.data for slope in slopes(Value(x))] for x in batch]
    found = compile(slopes, 1, backend=backend)([[x] for x in batch])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_every_advice_is_followed():
    assert {name for name, row in TABLE.items() if row.advice} == {*FOLLOWED, *ANGLES}


@pytest.mark.parametrize("name", FOLLOWED)
def test_following_the_advice_gives_a_right_and_finite_answer(name):
    for f, sign, size in itertools.product(FOLLOWED[name], (-1, 1), (0.2, 1.0, 1.5)):
        at = sign * size
        step = 1e-6
        difference = (f(Value(at + step)).data - f(Value(at - step)).data) / (2 * step)
        scale = max(abs(difference), abs(f(Value(at)).data) * 1e-4, 1.0)
        with ieee():
            for way, slope in itertools.islice(every_way(f, at), 6):
                assert abs(slope - difference) <= 1e-3 * scale, (at, way)
            for way, slope in itertools.islice(compiled(f, at, "numpy"), 3):
                assert abs(slope - difference) <= 1e-3 * scale, (at, way)


# ---- an operation of a user's own ----------------------------------------------------


@operation(partials=(lambda x, out: 1.0 if x > 0 else 0.0,), selects=True)
def gate(x):
    return where(relu(x), x, 0.0) if isinstance(x, Value) else max(x, 0.0)


@operation(partials=(lambda x, out: 1.0 if x > 0 else 0.0,))
def product(x):
    return max(x, 0.0)


def test_an_operation_of_a_users_own_says_that_it_selects():
    assert grad(lambda x: sqrt(gate(x)))(-1.0) == 0.0
    assert jvp(lambda x: sqrt(gate(x)), -1.0, 1.0) == (0.0, 0.0)
    assert math.isnan(grad(lambda x: sqrt(product(x)))(-1.0))


# ---- clip, and more than two ---------------------------------------------------------


def test_clip_has_the_slope_1_from_one_limit_to_the_other():
    assert clip(Value(0.5), 0, 1).data == 0.5
    slope = grad(lambda x: clip(x, 0, 1))
    assert [slope(x) for x in (-1.0, 0.0, 1.0, 2.0)] == [0.0, 1.0, 1.0, 0.0]
    assert Value(3.0).clip(high=2.0).data == clip(3.0, high=2.0) == 2.0
    assert clip(-3.0, low=-2.0) == Value(-3.0).clip(-2.0).data == -2.0
    assert math.isnan(clip(math.nan, 0, 1))
    with pytest.raises(TypeError, match="can't write into another"):
        Value(1.0).clip(0, 1, out=np.zeros(1))


def test_numpys_clip():
    xs = np.array([Value(-1.0), Value(0.5), Value(2.0)])
    np.sum(np.clip(xs, 0.0, 1.0) ** 2).backward()
    assert [x.grad for x in xs] == [0.0, 1.0, 0.0]
    assert np.clip(Value(3.0), 0, 1).op == "clip"
    assert compile(lambda x: np.clip(x, 0, 1), inputs=1)([[2.0]]).tolist() == [1.0]


def test_the_largest_of_several():
    xs = [Value(1.0), Value(5.0), Value(-2.0), Value(3.0)]
    maximum(*xs).backward()
    assert [x.grad for x in xs] == [0.0, 1.0, 0.0, 0.0]
    assert minimum(*xs).data == -2.0
    assert maximum(1.0, 7.0, 3.0) == 7.0
    assert maximum(*map(float, range(5000))) == 4999.0
    with pytest.raises(TypeError, match="maximum takes 2 arguments"):
        maximum(1.0)


# ---- every row, compiled against eager -----------------------------------------------

EDGES = (0.0, 1.0, -1.0, 0.5, 2.0)
FREE = {"dot": 4}  # arguments of a row that takes any number of them; of others 3


def all_derivatives(row, count, most=3):
    """Every derivative of a row up to an order, as one list."""

    def found(*xs):
        level, everything = [lambda v: row(*v)], []
        for _ in range(most):
            level = [
                (lambda v, f=f, i=i: grad(f)(v)[i]) for f in level for i in range(count)
            ]
            everything += [f(list(xs)) for f in level]
        return everything

    return found


@pytest.mark.parametrize("backend", ["numpy", pytest.param("llvm", marks=SLOW)])
@pytest.mark.parametrize("name", [name for name in TABLE if name != "given"])
def test_a_program_has_eagers_derivatives_at_the_edges(name, backend):
    """To the third order, at samples, 0, 1 and -1, and ties; nan and inf included."""
    row = TABLE[name]
    count = row.arity or FREE.get(name, 3)
    points = list(itertools.product(EDGES[: 6 - count], repeat=count))
    points += [point for point in row.samples if len(point) == count]
    points = [point for point in points if max(map(abs, point)) < 1e3]
    f = all_derivatives(row, count)
    with ieee():
        wanted = np.array([f(*point) for point in points], float)
        found = compile(f, inputs=count, backend=backend)(points)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.tame])
def test_a_tame_row_has_no_infinite_derivative(name):
    """As its column says, without which a branch that uses it stands behind gates."""
    row = TABLE[name]
    count = row.arity or 2
    sizes = (0.0, 1.0, -1e3) if count > 2 else (0.0, 1.0, -1.0, 30.0, -1e3)
    points = itertools.product(sizes, repeat=count)
    f = all_derivatives(row, count, most=4 - min(count, 2))
    with ieee():
        for point in points:
            if name != "take" or point[0] in (0.0, 1.0):
                assert all(map(math.isfinite, f(*point))), point
