"""numpy's scalars, arrays and functions together with Values."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import autograd
from autograd import Value, grad, gradients, hessian, jacobian

KINDS = [np.float64, np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_]
KINDS += [np.longdouble, np.int8, np.uint64, Fraction, bool, int]
OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "mod": operator.mod,
    "floordiv": operator.floordiv,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATORS)
def test_scalars_on_either_side(kind, name):
    f = OPERATORS[name]
    v, scalar = Value(0.75), kind(1)
    for node, wanted in ((f(v, scalar), f(0.75, 1.0)), (f(scalar, v), f(1.0, 0.75))):
        assert type(node) is Value
        assert (node.op, node.data) == (name, wanted)
        assert type(node.data) is float
        node.backward()


NUMPY = tuple(map(int, np.__version__.split(".")[:2]))


@pytest.mark.parametrize("kind", KINDS)
def test_scalars_compare_and_convert(kind):
    v = Value(0.75)
    assert v < kind(1)
    assert not kind(1) < v
    assert kind(1) >= v > kind(0)
    assert Value(1.0) == kind(1) != v
    if NUMPY >= (2, 2):  # before, NumPy asked nobody else
        assert [x.data for x in divmod(kind(1), v)] == [1.0, 0.25]
    assert [x.data for x in divmod(v, kind(1))] == [0.0, 0.75]
    assert autograd.atan2(kind(1), v).data == math.atan2(1.0, 0.75)
    assert jacobian(lambda x: [x * x, v.data / x])(kind(1)) == [2.0, -0.75]
    assert Value(kind(1)).data == 1.0
    assert type(autograd.tanh(kind(1))) is float
    assert type(grad(lambda x: x * x)(kind(1))) is float


def test_arrays_of_numbers():
    v, array = Value(2.0), np.array([1.0, 3.0])
    for made in (array * v, v * array):
        assert made.dtype == object
        assert [x.data for x in made] == [2.0, 6.0]
    assert [x.data for x in array - v] == [-1.0, 1.0]
    assert [x.data for x in v - array] == [1.0, -1.0]
    assert [x.data for x in v**array] == [2.0, 8.0]
    assert [x.data for x in array**v] == [1.0, 9.0]
    assert (v * np.array(4.0)).data == 8.0
    total = (array * v).sum()
    assert gradients(total, [v]) == [4.0]


def test_arrays_of_values():
    x = np.array([Value(1.0), Value(2.0)])
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert [y.data for y in weights @ x] == [5.0, 11.0]
    assert (x @ np.array([3.0, 4.0])).data == 11.0
    assert np.dot(x, x).data == 5.0
    assert x.sum().data == 3.0
    assert x.mean().data == 1.5
    assert np.einsum("i,i", x, x).data == 5.0
    loss = ((weights @ x) ** 2).sum()
    assert gradients(loss, list(x)) == [2 * (5 + 33), 2 * (10 + 44)]
    assert autograd.dot(np.array([3.0, 4.0]), x).data == 11.0
    assert autograd.sum(x).data == 3.0


FUNCTIONS = {
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "abs": "abs",
    "negative": "neg",
    "square": "mul",
    "reciprocal": "div",
}


@pytest.mark.parametrize(("function", "op"), FUNCTIONS.items())
def test_functions_of_one_argument(function, op):
    f = getattr(np, function)
    v = Value(0.25)
    node = f(v)
    assert type(node) is Value
    assert node.op == op
    assert node.data == pytest.approx(f(0.25), rel=1e-15)
    assert f(np.array([v]))[0].op == op


@pytest.mark.parametrize(
    ("function", "op"),
    [
        ("add", "add"),
        ("subtract", "sub"),
        ("multiply", "mul"),
        ("divide", "div"),
        ("power", "pow"),
        ("arctan2", "atan2"),
        ("hypot", "hypot"),
    ],
)
def test_functions_of_two_arguments(function, op):
    f = getattr(np, function)
    node = f(Value(0.25), Value(2.0))
    assert (type(node), node.op) == (Value, op)
    assert node.data == pytest.approx(f(0.25, 2.0), rel=1e-15)
    assert f(np.array([Value(0.25)]), 2.0)[0].op == op


def test_maximum_of_numpys_arrays_picks_one():
    a, b = Value(1.0), Value(2.0)
    assert np.maximum(np.array([a]), np.array([b]))[0] is b
    assert np.minimum(np.array([a]), np.array([b]))[0] is a


@pytest.mark.parametrize(
    ("thing", "advice"),
    [
        (Decimal("0.5"), r"Decimal: convert it with float\(\)"),
        (np.datetime64("2020"), "datetime64: a time has a unit"),
        (np.complex128(1j), "complex128: pass its .real and .imag"),
        (np.array([1.0]), "ndarray: make one Value per number"),
        (np.str_("1"), "str_: convert text with float"),
        (Value(1.0), r"Value: use it as it is, or .data or .detach\(\)"),
    ],
)
def test_what_to_pass_in_place_of_what_is_no_number(thing, advice):
    with pytest.raises(TypeError, match=advice):
        Value(thing)


@pytest.mark.parametrize(
    "use",
    [
        lambda a: np.sqrt(a),
        lambda a: np.linalg.norm(a),
        lambda a: np.std(a),
        lambda a: a**0.5,
        lambda a: np.arcsin(1 - a),
        lambda a: np.arccosh(a + 1),
        lambda a: np.cbrt(a),
        lambda a: np.sqrt(a[0]),
        lambda a: grad(lambda x: np.sqrt(np.sum(x * x)))(np.zeros(2)),
    ],
)
def test_numpy_does_not_warn_of_an_infinite_slope(use):
    use(np.array([Value(0.0), Value(0.0)]))  # warnings are errors


@pytest.mark.parametrize("change", [operator.iadd, operator.imul, operator.ipow])
def test_an_array_of_floats_can_not_hold_what_an_operator_puts_there(change):
    with pytest.raises(TypeError, match=r"array of float64 .* a = a \* x"):
        change(np.ones(2), Value(2.0))
    array = np.ones(2).astype(object)
    assert change(array, Value(2.0)) is array


def test_a_graph_is_never_cut_silently():
    with pytest.raises(TypeError, match="cut the graph"):
        np.array([Value(1.0)], dtype=float)
    with pytest.raises(TypeError, match="cut the graph"):
        int(Value(1.5))
    with pytest.raises(TypeError, match="make one Value per number"):
        Value(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match=r"such as np\.tanh\(array\)"):
        autograd.tanh(np.array([Value(1.0)]))


def test_transforms_of_functions_of_arrays():
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.array([1.0, -2.0])
    slope = grad(lambda x: ((weights @ x) ** 2).sum())(x)
    assert slope.dtype == float
    assert slope == pytest.approx(2 * weights.T @ weights @ x)
    assert jacobian(lambda x: weights @ x)(x) == pytest.approx(weights)
    h = hessian(lambda x: ((weights @ x) ** 2).sum())(x)
    assert h == pytest.approx(2 * weights.T @ weights)
    assert grad(lambda w: np.tanh(w).sum())(weights).shape == (2, 2)
    assert grad(lambda x: x[0] * x[1])(np.array([3, 2])).tolist() == [2.0, 3.0]


def test_a_derivative_of_an_array_inside_another():
    f = grad(lambda x: (grad(lambda y: (y**3).sum())(x) ** 2).sum())
    assert f(np.array([1.0, 2.0])) == pytest.approx([36.0, 288.0])


def test_nan_and_infinity():
    assert math.isnan((Value(1.0) * np.float64("nan")).data)
    assert (Value(1.0) * np.float32("inf")).data == math.inf


def test_statistics_and_numpys_names_of_further_functions():
    numbers = [1.5, 2.5, 7.0]
    a = np.array([Value(x) for x in numbers])
    for f in (np.std, np.var, lambda x: np.vdot(x, x)):
        assert f(a).data == pytest.approx(float(f(np.array(numbers))), rel=1e-14)
    names = ["log2", "log10", "exp2", "cbrt", "arcsinh", "arccosh", "floor", "ceil"]
    names += ["deg2rad", "radians", "rad2deg", "degrees", "fabs", "square", "conj"]
    for name in names:
        found = [x.data for x in getattr(np, name)(a)]
        assert found == pytest.approx(getattr(np, name)(numbers).tolist(), rel=1e-15)
    assert grad(np.std)(np.array(numbers)) == pytest.approx(
        [(x - 11 / 3) / 3 / np.std(numbers) for x in numbers], rel=1e-13
    )


def test_remainders_have_slopes_and_rounding_says_why_it_has_none():
    assert grad(lambda x: x % 3.0)(7.5) == 1.0
    assert grad(lambda y: 7.5 % y)(2.0) == -3.0
    assert (7.5 // Value(2.0)).data == 3.0
    assert grad(lambda x: x // 2.0)(7.5) == 0.0
    with pytest.raises(TypeError, match=r"slope 0.*round\(x.data, 2\)"):
        round(Value(7.5, label="x"), 1)
    for function in (np.rint, np.round, np.trunc):
        with pytest.raises(TypeError, match="slope 0"):
            function(np.array([Value(7.5)]))


UFUNCS = sorted(
    {f.__name__ for f in vars(np).values() if isinstance(f, np.ufunc)}
    - {"matmul", "matvec", "vecdot", "vecmat", "isnat", "clip"}
)
OPERANDS = {
    1: [(0.25,), (2.0,)],
    2: [(0.25, 2.0), (2.0, 0.75), (1.0, 0.5)],
}


def outcome(f, *args):
    """What it gives, in numbers, or the text of its error."""
    try:
        found = f(*args)
    except (TypeError, ValueError) as error:
        return str(error)
    parts = found if isinstance(found, tuple) else (found,)
    return [float(x.data) if isinstance(x, Value) else float(x) for x in parts]


@pytest.mark.parametrize("name", UFUNCS)
def test_every_function_of_a_value_works_or_says_what_to_write(name):
    """Also where the other argument is a number of Python's or numpy's, or an array."""
    f = getattr(np, name)
    for numbers in OPERANDS.get(f.nin, ()):
        values = [Value(x) for x in numbers]
        cases = [values]
        if f.nin == 2:
            (a, b), (x, y) = numbers, values
            cases += [(a, y), (x, b), (np.float64(a), y), (x, np.float64(b))]
        for case in cases:
            found = outcome(f, *case)
            if isinstance(found, str):
                assert not re.search("ufunc|object has no|callable", found), found
            else:
                assert found == pytest.approx(outcome(f, *numbers), rel=1e-15)
        if f.nin == 2 and not isinstance(found, str):
            for x in f(np.array([a, a]), values[1]) if f.nout == 1 else ():
                assert outcome(lambda x=x: x) == outcome(f, *numbers)


def test_functions_of_two_have_slopes_on_both_sides():
    x, y = Value(0.75), Value(2.0)
    for f in (np.arctan2, np.hypot, np.logaddexp, np.float_power):
        for g, at in ((lambda t, f=f: f(t, 2.0), 0.75), (lambda t, f=f: f(0.75, t), 2)):
            slope = (g(at + 1e-6) - g(at - 1e-6)) / 2e-6
            assert grad(g)(at) == pytest.approx(slope, rel=1e-8)
    assert np.isnan(x) == np.signbit(y) == False  # noqa: E712
    assert [v.op for v in np.hypot([1.0, 2.0], x)] == ["hypot", "hypot"]


@pytest.mark.parametrize("name", ["maximum", "minimum", "sign"])
def test_what_numpy_would_decide_by_comparing_is_the_row_of_that_name(name):
    theirs, ours = getattr(np, name), getattr(autograd, name)
    args = [1.0] * (ours.arity - 1)
    for x in (-2.0, 1.0, 3.0, math.nan):  # 1.0 is a tie
        one, other = [grad(lambda x, f=f: f(x, *args))(x) for f in (theirs, ours)]
        assert one == pytest.approx(other, nan_ok=True)
        assert theirs(Value(x), *args).op == name
    program = autograd.compile(lambda x: theirs(x, *args), inputs=1)
    assert program([[-2.0], [3.0]]).tolist() == [ours(-2.0, *args), ours(3.0, *args)]


# ---- functions of numpy's that refuse arrays of Values -------------------------------

MATRIX = np.array([[2.0, 1.0], [0.5, 3.0]])
REFUSED = {
    "np.linalg.inv": (lambda x: np.linalg.inv(x)[0, 0], "elimin|linear system"),
    "np.linalg.eigvals": (lambda x: np.linalg.eigvals(x)[0], "v.data"),
    "np.linalg.qr": (lambda x: np.linalg.qr(x)[0][0, 0], "v.data"),
    "np.cov": (lambda x: np.cov(x)[0, 1], r"d @ d.T"),
    "np.interp": (lambda x: np.interp(x[0], [1, 2], [3, 4]).sum(), r"ys\[i\]"),
    "np.percentile": (lambda x: np.percentile(x, 50), "np.sort"),
    "np.isnan": (lambda x: np.isnan(x).any(), "v.data"),
    "np.heaviside": (lambda x: np.heaviside(x, 0.5).sum(), "where"),
    "np.fft.fft": (lambda x: np.fft.fft(x[0])[0], "v.data"),
    "np.random.normal": (
        lambda x: np.random.default_rng(0).normal(x).sum(),
        "mean \\+ deviation",
    ),
    "np.log": (lambda x: np.log(np.array([x[0, 0], 2.0])).sum(), "all of it Values"),
}


def as_table(f):
    return lambda a, b, c, d: f(np.array([[a, b], [c, d]]))


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_told_what_to_write(name):
    f, instead = REFUSED[name]
    calls = [
        lambda: grad(f)(MATRIX),
        lambda: jacobian(f)(MATRIX),
        lambda: grad(lambda t: f(t * MATRIX))(0.5),
        lambda: autograd.compile(as_table(f), inputs=4),
    ]
    sorts = name == "np.percentile"  # which is a question that `compile` refuses before
    for call in calls[: -1 if sorts else None]:
        with pytest.raises((TypeError, AttributeError)) as raised:
            call()
        told = "\n".join([str(raised.value), *getattr(raised.value, "__notes__", [])])
        assert f"{name} " in told
        assert re.search(instead, told)


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (
            lambda x: np.linalg.inv(np.ones((2, 3)))[0, 0] * x[0, 0],
            np.linalg.LinAlgError,
        ),
        (lambda x: x @ np.ones(3), ValueError),
        (lambda x: x.reshape(3), ValueError),
        (lambda x: x.nothing, AttributeError),
        (lambda x: float("x"), ValueError),
    ],
)
def test_other_errors_are_left_as_they_are(f, error):
    for call in (
        lambda: grad(f)(MATRIX),
        lambda: autograd.compile(as_table(f), inputs=4),
    ):
        with pytest.raises(error) as raised:
            call()
        assert not getattr(raised.value, "__notes__", [])


def test_what_is_advised_in_place_of_a_function_is_the_same():
    x = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.5]])
    nodes = np.array([[Value(number) for number in row] for row in x])
    d = nodes - nodes.mean(axis=1, keepdims=True)
    c = d @ d.T / (d.shape[1] - 1)
    shares = c / np.sqrt(np.outer(c.diagonal(), c.diagonal()))
    numbers = np.vectorize(lambda v: v.data)
    assert numbers(c) == pytest.approx(np.cov(x))
    assert numbers(shares) == pytest.approx(np.corrcoef(x))
    xs, ys, at = [0.0, 1.0, 3.0], [2.0, 5.0, 1.0], Value(1.5)
    i = next(i for i in (1, 2) if xs[i - 1] <= at < xs[i])
    y = ys[i - 1] + (at - xs[i - 1]) * (ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1])
    assert y.data == np.interp(1.5, xs, ys)
