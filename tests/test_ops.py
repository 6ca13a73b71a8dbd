"""The operation table, each row against mpmath; generated from the rows themselves."""

from __future__ import annotations

import contextlib
import copy
import inspect
import itertools
import math
import pickle
import random
import re
import runpy
from pathlib import Path

import pytest
from mpmath import mp, mpf
from reference import DIGITS, REFERENCE, derivatives, ulps

import autograd
import viz
from autograd import Value, compile, grad, hessian, operation
from autograd.compiler.recording import CompileError
from autograd.graph import gradients, graph
from autograd.modes import ieee
from autograd.operation import ATOM, POWER, PRODUCT, SUM, Operation
from autograd.ops import TABLE
from autograd.value import record

ROWS = list(TABLE.values())
BOXED = [row for row in ROWS if row.box]
FLOAT_MAX = 1.7976931348623157e308
RELATIVE = {1: 1e-12, 2: 1e-10, 3: 1e-8}

# Points of a row's samples at which derivatives jump; differences mean nothing there.
KINKS = {("relu", (0.0,)), ("abs", (0.0,)), ("minimum", (1.0, 1.0))} | {
    ("maximum", (1.0, 1.0))
}

# Where terms of size 1 cancel to a derivative that is exactly 0, a rounding stays.
VANISHING = {("atan2", (1.0, 1.0), (1, 1)), ("gelu", (-2.0,), (3,))} | {
    ("pow", (1.0, 7.5), (1, 2))
}

# Values are within 2 units in the last place, but for these: the C library's own erfc
# is off by up to 2.5, and gelu passes that on with one more multiplication.
ULPS = {"logistic_density": 3.0, "cbrt": 3.0, "erfc": 3.0, "gelu": 3.5}


def by_name(row: Operation) -> str:
    return row.name


def orders(row: Operation, point: tuple[float, ...], most: int):
    """How often to differentiate by each argument.

    `where` jumps in its condition, and a negative base has no slope in its exponent.
    """
    every = itertools.product(range(most + 1), repeat=len(point))
    chosen = [order for order in every if sum(order) <= most]
    if row.name == "where":
        return [order for order in chosen if order[0] == 0]
    if row.name == "pow" and point[0] < 0:
        return [order for order in chosen if order[1] == 0]
    return chosen


def by_the_engine(row: Operation, point: tuple[float, ...], most: int):
    """All derivatives up to an order, by gradients of gradients."""
    leaves = [Value(x) for x in point]
    level = {(0,) * len(point): record(row, leaves)}
    found = {order: node.data for order, node in level.items()}
    for _ in range(most):
        following = {}
        for order, node in level.items():
            for i, slope in enumerate(gradients(node, leaves, create_graph=True)):
                raised = tuple(k + (j == i) for j, k in enumerate(order))
                following.setdefault(raised, slope)
        level = following
        found |= {order: node.data for order, node in level.items()}
    return found


def check(row: Operation, point: tuple[float, ...], most: int = 3) -> None:
    wanted = orders(row, point, most)
    exact = derivatives(row.name, point, wanted)
    ours = by_the_engine(row, point, most)
    for order in wanted:
        where = f"{row.name}{point}, derivative {order}"
        if not any(order):
            assert ulps(ours[order], exact[order]) <= ULPS.get(row.name, 2.0), where
            continue
        if abs(exact[order]) > FLOAT_MAX:
            assert ours[order] == math.copysign(math.inf, exact[order]), where
            continue
        error = abs(mpf(ours[order]) - exact[order])
        # A derivative that is exactly 0 comes out of the differences as up to 1e-40.
        floor = "1e-15" if (row.name, point, order) in VANISHING else "1e-60"
        allowed = RELATIVE[sum(order)] * abs(exact[order]) + mpf(floor)
        assert error <= allowed, where


# ---- generated from the rows ---------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_at_its_samples(row):
    assert row.samples
    for point in row.samples:
        smooth = (row.name, point) not in KINKS
        check(row, point, most=3 if smooth and len(point) <= 3 else 0)


@pytest.mark.parametrize("points", [100, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("row", BOXED, ids=by_name)
def test_at_random_points(row, points):
    rng = random.Random(row.name)
    for _ in range(points):
        point = tuple(rng.uniform(*span) for span in row.box)
        if row.name == "where":
            point = (float(point[0] > 0.5), *point[1:])
        check(row, point)


@pytest.mark.parametrize("row", BOXED, ids=by_name)
def test_values_at_every_size(row):
    """From 1e-300 to 1e300, far outside the box, wherever the row is defined."""
    rng = random.Random(row.name)
    largest = 2 if row.name in ("erfc", "gelu") else 300  # mpmath's erfc stops there
    defined = 0
    for _ in range(100):
        size = rng.choice([2, 20, 300])
        exponents = [min(rng.uniform(-size, size), largest) for _ in row.names]
        point = tuple(rng.choice([-1, 1]) * 10**exponent for exponent in exponents)
        with contextlib.suppress(*row.raises):
            value = row(*point)
            defined += 1
            with mp.workdps(700 if row.name == "mod" else DIGITS):  # 1e300 % 1e-300
                exact = REFERENCE[row.name](*map(mpf, point))
            off = ulps(value, exact) if math.isfinite(value) else 0.0
            assert off <= ULPS.get(row.name, 2.0), (point, value)
            assert math.isfinite(value) or abs(exact) > FLOAT_MAX, point
    assert defined > 20


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "norm", "dot", "logsumexp"])
def test_any_number_of_arguments_at_random_points(name):
    rng = random.Random(name)
    for _ in range(25):
        count = 2 * rng.randint(1, 2) if name == "dot" else rng.randint(1, 4)
        check(TABLE[name], tuple(rng.uniform(0.1, 3) for _ in range(count)))


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_numbers_give_numbers(row):
    for point in row.samples:
        assert type(row.forward(*point)) is float
        data = row.forward(*point)
        if row.all_partials is not None:
            partials = row.all_partials(list(point), data)
        else:
            partials = [partial(*point, data) for partial in row.partials]
        assert len(partials) == len(point)
        for partial in partials:
            assert isinstance(partial, float)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_the_recorded_node_is_the_row(row):
    for point in row.samples:
        node = record(row, [Value(x) for x in point])
        (*_, last) = graph(node)
        assert node.data == row.forward(*point)
        if row.all_partials is not None:
            partials = row.all_partials(list(point), node.data)
        else:
            partials = [partial(*point, node.data) for partial in row.partials]
        assert repr(list(last.partials)) == repr(list(partials))  # nan is nan here


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_row_is_complete(row):
    assert row.name in REFERENCE
    assert row.__doc__
    assert row.latex
    assert row.latex.format(*[f"x_{i}" for i in range(max(row.arity, 1))])
    assert len(row.box) in (0, row.arity)
    assert len(row.names) == row.arity
    assert bool(row.raises) == (row.domain != "every number")
    for point in row.samples:
        assert len(point) == row.arity or row.all_partials is not None


def test_the_page_of_the_derivative_table_is_up_to_date():
    docs = Path(__file__).parent.parent / "docs"
    namespace = runpy.run_path(str(docs / "hooks" / "derivatives.py"))
    written = (docs / "derivatives.md").read_text(encoding="utf-8")
    assert written == namespace["page"](), "run: python docs/hooks/derivatives.py"
    assert r"softplus}\left(x\right)$<br>log(1 + e" in written  # not its name alone
    for row in ROWS:
        assert f"| `{row.name}` |" in written
    for formula in written.split("$")[1::2]:
        assert formula == formula.strip()  # a space beside the $ and it is no formula


# ---- the arithmetic operators, spelled out again in value.py -------------------------

OPERATORS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": lambda x, y: x // y,
    "mod": lambda x, y: x % y,
    "pow": lambda x, y: x**y,
    "neg": lambda x: -x,
    "abs": abs,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_is_its_row(name):
    row = TABLE[name]
    rng = random.Random(name)
    points = [*row.samples] + [
        tuple(rng.uniform(*span) for span in row.box) for _ in range(100)
    ]
    for point in points:
        by_row = record(row, [Value(x) for x in point])
        leaves = [Value(x) for x in point]
        by_operator = OPERATORS[name](*leaves)
        assert (by_operator.op, by_operator.data) == (name, by_row.data)
        assert repr(by_operator.partials) == repr(by_row.partials)
        assert by_operator.parents == tuple(leaves)


# ---- functions and methods -----------------------------------------------------------

INNER = ("neg", "logistic_density")
UNARY = [row.name for row in ROWS if row.arity == 1 and row.name not in INNER]


@pytest.mark.parametrize("name", UNARY)
def test_function_and_method_agree(name):
    (number,) = TABLE[name].samples[-1]
    x = Value(number)
    by_function, by_method = getattr(autograd, name)(x), getattr(x, name)()
    assert by_function.op == by_method.op == name
    assert by_function.data == by_method.data == getattr(autograd, name)(number)
    assert by_function.partials == by_method.partials


def test_a_second_argument_has_its_default():
    x = Value(-2.0)
    assert autograd.leaky_relu(x).data == x.leaky_relu().data == -0.02
    assert autograd.leaky_relu(x, 0.5).data == x.leaky_relu(0.5).data == -1.0
    assert autograd.elu(x).data == x.elu().data == math.expm1(-2.0)
    assert autograd.elu(x, 2.0).data == 2 * math.expm1(-2.0)


@pytest.mark.parametrize("name", ["sin", "atan2", "where", "leaky_relu"])
def test_the_wrong_number_of_arguments(name):
    row = TABLE[name]
    with pytest.raises(TypeError, match=f"{name} takes {row.arity} argument"):
        row(*[Value(1.0)] * (row.arity + 1))
    with pytest.raises(TypeError, match=f"{name} takes {row.arity} argument"):
        row()


def test_arguments_by_name():
    x = Value(-2.0)
    assert autograd.leaky_relu(x, slope=0.5).data == -1.0
    assert autograd.elu(alpha=2.0, x=x).data == 2 * math.expm1(-2.0)
    assert autograd.where(x > 0, y=3.0, x=2.0) == 3.0
    assert autograd.atan2(x=1.0, y=-1.0) == math.atan2(-1.0, 1.0)
    assert swish(x, beta=0.5).data == -2.0 * autograd.sigmoid(-1.0)
    with pytest.raises(
        TypeError, match=r"elu takes 2 arguments \(x, alpha\); there is"
    ):
        autograd.elu(x, beta=2.0)
    with pytest.raises(TypeError, match="there is no place for x="):
        autograd.elu(x, x=2.0)
    with pytest.raises(TypeError, match="got 0"):
        autograd.elu(alpha=2.0)
    with pytest.raises(TypeError, match="by position; there is no place for x="):
        norm(1.0, x=2.0)


def test_help_shows_arguments_domain_and_kinks():
    assert str(inspect.signature(autograd.elu)) == "(x, alpha=1.0)"
    assert str(inspect.signature(autograd.log)) == "(x)"
    assert str(inspect.signature(swish)) == "(x, beta=1.0)"
    assert str(inspect.signature(norm)) == "(*args)"
    assert "Domain: x > 0; outside: ValueError.\n\n>>> " in autograd.log.__doc__
    assert "Derivative: infinite at 0." in autograd.sqrt.__doc__


def test_a_row_is_immutable_like_a_function():
    assert copy.copy(autograd.tanh) is autograd.tanh
    assert copy.deepcopy([autograd.tanh])[0] is autograd.tanh
    assert pickle.loads(pickle.dumps(autograd.tanh)) is autograd.tanh
    assert repr(autograd.elu) == "<operation elu(x, alpha=1.0)>"


# ---- kinks, poles and large numbers, as torch has them -------------------------------

# Made by torch 2.13 in float64: the operation's value, then torch.autograd.grad of it.
# Where torch's answer is another, the comment says why ours is kept.
TORCH = [
    ("relu", (0.0,), 0.0, (0.0,)),
    ("abs", (0.0,), 0.0, (0.0,)),
    ("sqrt", (0.0,), 0.0, (math.inf,)),
    ("log", (0.0,), -math.inf, (math.inf,)),
    ("log1p", (-1.0,), -math.inf, (math.inf,)),
    ("asin", (1.0,), 1.5707963267948966, (math.inf,)),
    ("asin", (-1.0,), -1.5707963267948966, (math.inf,)),
    ("acos", (1.0,), 0.0, (-math.inf,)),
    ("acos", (-1.0,), 3.141592653589793, (-math.inf,)),
    ("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("pow", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("pow", (0.0, 0.5), 0.0, (math.inf, 0.0)),
    ("pow", (-2.0, 3.0), -8.0, (12.0, math.nan)),
    ("pow", (-2.0, 0.0), 1.0, (0.0, math.nan)),
    ("pow", (2.0, 0.0), 1.0, (0.0, 0.6931471805599453)),
    ("pow", (0.0, -1.0), math.inf, (-math.inf, -math.inf)),
    ("leaky_relu", (0.0, 0.01), 0.0, (0.01, 0.0)),
    ("elu", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("hypot", (0.0, 0.0), 0.0, (math.nan, math.nan)),
    ("atan2", (0.0, 0.0), 0.0, (0.0, -0.0)),
    ("relu", (math.nan,), math.nan, (1.0,)),
    ("maximum", (math.nan, 1.0), math.nan, (1.0, 1.0)),
    ("minimum", (1.0, math.nan), math.nan, (1.0, 1.0)),
    ("clip", (0.0, 0.0, 1.0), 0.0, (1.0, 0.0, 0.0)),
    ("clip", (1.0, 0.0, 1.0), 1.0, (1.0, 0.0, 0.0)),
    ("clip", (0.7, 1.0, 0.5), 0.5, (0.0, 0.0, 1.0)),
    ("clip", (0.0, 1.0, 1.0), 1.0, (0.0, 0.0, 0.0)),
    ("div", (1.0, 0.0), math.inf, (math.inf, -math.inf)),
    ("div", (0.0, 0.0), math.nan, (math.inf, math.nan)),
    ("where", (0.0, 2.0, 3.0), 3.0, (0.0, 0.0, 1.0)),
    ("sigmoid", (1000.0,), 1.0, (0.0,)),
    ("sigmoid", (-1000.0,), 0.0, (0.0,)),
    ("softplus", (1000.0,), 1000.0, (1.0,)),
    ("softplus", (-1000.0,), 0.0, (0.0,)),
    ("tanh", (1000.0,), 1.0, (0.0,)),
    ("silu", (-1000.0,), 0.0, (0.0,)),
    ("gelu", (-1000.0,), 0.0, (0.0,)),
    ("prod", (0.0, 0.0, 2.0), 0.0, (0.0, 0.0, 0.0)),
    ("prod", (0.0, 3.0, 2.0), 0.0, (6.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("name", "point", "value", "slopes"), TORCH)
def test_kinks_and_poles(name, point, value, slopes):
    with ieee():
        node = record(TABLE[name], [Value(x) for x in point])
    assert node.data == pytest.approx(value, rel=1e-15, nan_ok=True)
    assert node.partials == pytest.approx(slopes, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize(("name", "point", "value", "slopes"), TORCH)
def test_kinks_and_poles_in_a_graph_of_derivatives(name, point, value, slopes):
    leaves = [Value(x) for x in point]
    with ieee():
        node = record(TABLE[name], leaves)
    again = [d.data for d in gradients(node, leaves, create_graph=True)]
    assert again == pytest.approx(list(slopes), rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("x", [1000.0, -1000.0, 1e6, -1e6, 1e300, -1e300])
@pytest.mark.parametrize(
    "name",
    ["sigmoid", "tanh", "softplus", "silu", "gelu", "relu", "elu", "erf", "atan"],
)
def test_large_numbers_give_finite_derivatives(name, x):
    f = TABLE[name]
    for derivative in (f, grad(f), grad(grad(f)), grad(grad(grad(f)))):
        assert math.isfinite(derivative(x))


@pytest.mark.parametrize("shift", [1000.0, -1000.0, 0.0])
def test_softmax_and_logsumexp_are_stable(shift):
    xs = [shift, shift + 1, shift - 2]
    f = autograd.logsumexp
    shares = [math.exp(x) / sum(map(math.exp, (0, 1, -2))) for x in (0, 1, -2)]
    assert f(xs) == pytest.approx(
        shift + math.log(1 + math.e + math.exp(-2)), rel=1e-15
    )
    assert grad(f)(xs) == pytest.approx(shares, rel=1e-12)
    assert autograd.softmax(xs) == pytest.approx(shares, rel=1e-12)
    matrix = hessian(f)(xs)
    for i, j in itertools.product(range(3), repeat=2):
        wanted = shares[i] * ((i == j) - shares[j])
        assert matrix[i][j] == pytest.approx(wanted, rel=1e-11)


def test_tiny_arguments_keep_their_digits():
    assert grad(autograd.log1p)(1e-20) == 1.0
    assert autograd.expm1(Value(1e-20)).data == 1e-20
    assert autograd.log1p(Value(1e-20)).data == 1e-20
    assert autograd.sigmoid(-700.0) == pytest.approx(math.exp(-700), rel=1e-15)


# ---- outside a domain ----------------------------------------------------------------

OUTSIDE = [
    ("log", (-1.0,), ValueError),
    ("log", (0.0,), ValueError),
    ("log1p", (-1.0,), ValueError),
    ("sqrt", (-1.0,), ValueError),
    ("asin", (1.5,), ValueError),
    ("acos", (-1.5,), ValueError),
    ("sin", (math.inf,), ValueError),
    ("div", (1.0, 0.0), ZeroDivisionError),
    ("pow", (0.0, -1.0), ZeroDivisionError),
    ("pow", (-8.0, 1 / 3), ValueError),
    ("pow", (1e200, 2.0), OverflowError),
    ("exp", (1000.0,), OverflowError),
    ("expm1", (1000.0,), OverflowError),
    ("sinh", (-1000.0,), OverflowError),
    ("cosh", (1000.0,), OverflowError),
]


@pytest.mark.parametrize(("name", "point", "kind"), OUTSIDE)
def test_outside_the_domain(name, point, kind):
    row = TABLE[name]
    leaves = [Value(x, label=f"in{i}") for i, x in enumerate(point)]
    with pytest.raises(kind) as caught:
        record(row, leaves)
    message = str(caught.value)
    assert message.startswith(f"{name}(in0 = {point[0]!r}")
    if kind is OverflowError and row.raises != (kind,):
        assert message.endswith(
            "beyond the largest float, 1.8e308. Keep the operands smaller."
        )
    else:
        assert row.domain in message
        assert row.advice in message
    assert row.advice
    assert kind in row.raises


@pytest.mark.parametrize("row", [r for r in ROWS if r.arity], ids=by_name)
def test_a_row_tells_every_error(row):
    """Numbers of every kind raise what the row says, or nothing."""
    numbers = (
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -8.0,
        1e-320,
        1e300,
        -1e300,
        math.inf,
        -math.inf,
    )
    for point in itertools.product((*numbers, math.nan), repeat=row.arity):
        with contextlib.suppress(*row.raises):
            row(*point)


# ---- operations of one's own ---------------------------------------------------------


@operation(partials=(lambda x, out: 3 * x**2,))
def cube(x):
    """x to the third."""
    return x * x * x


@operation
def swish(x, beta=1.0):
    return x * autograd.sigmoid(beta * x)


@operation
def norm(*xs):
    return autograd.sqrt(autograd.sum([x * x for x in xs]))


@operation(partials=lambda xs, out: [2 * x for x in xs], symbol="ss")
def squares(*xs):
    return math.fsum(x * x for x in xs)


def test_an_own_operation_is_first_class():
    x = Value(2.0, label="x")
    y = cube(x)
    y.backward()
    assert (y.op, y.data, x.grad, cube(2.0)) == ("cube", 8.0, 12.0, 8.0)
    assert (cube.__name__, cube.__doc__) == ("cube", "x to the third.")
    assert [grad(cube)(2.0), grad(grad(cube))(2.0), grad(grad(grad(cube)))(2.0)] == [
        12.0,
        12.0,
        6.0,
    ]
    (_, node) = graph(y)
    assert (node.parents, node.partials) == ((0,), (12.0,))
    x.data = 3.0
    y.recompute()
    assert y.data == 27.0
    assert cube.latex.format("x") == r"\operatorname{cube}\left(x\right)"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lambda x: 2.0 * x, ["x"]),
        (lambda x, w: x * w, ["x", "w"]),
        (lambda x, y, z: x + y + z, ["x", "y", "z"]),
        (lambda *xs: math.fsum(xs), ["x, y, z"]),
    ],
)
def test_the_latex_of_an_operation_is_its_name_with_all_its_arguments(
    function, arguments
):
    row = operation(function, name="my_op")
    wanted = rf"\operatorname{{my\_op}}\left({', '.join(arguments)}\right)"
    assert row.latex.format(*arguments) == wanted


def test_without_partials_the_engine_differentiates_the_forward_function():
    for point in [(0.7, 1.0), (-2.0, 0.5)]:
        assert grad(swish, (0, 1))(*point) == pytest.approx(
            grad(lambda x, beta: x * autograd.sigmoid(beta * x), (0, 1))(*point)
        )
    assert swish(2.0) == autograd.silu(2.0)
    assert grad(grad(swish))(0.3) == pytest.approx(grad(grad(autograd.silu))(0.3))
    assert grad(lambda v: norm(*v))([3.0, 4.0]) == pytest.approx([0.6, 0.8])
    assert hessian(lambda v: norm(*v))([3.0, 4.0]) == [
        pytest.approx([0.128, -0.096]),
        pytest.approx([-0.096, 0.072]),
    ]


def test_any_number_of_arguments_with_given_partials():
    v = [Value(1.0), Value(2.0), Value(3.0)]
    y = squares(*v)
    assert (y.data, y.partials, y.operation.symbol) == (14.0, (2.0, 4.0, 6.0), "ss")
    assert squares(Value(5.0)).partials == (10.0,)
    assert hessian(lambda v: squares(*v))([1.0, 2.0]) == [[2.0, 0.0], [0.0, 2.0]]


def test_the_one_partial_of_one_argument_may_be_given_bare():
    bare = operation(partials=lambda x, out: 3 * x * x)(lambda x: x * x * x)
    listed = operation(partials=(lambda x, out: 3 * x * x,))(lambda x: x * x * x)
    for own in (bare, listed):
        assert [grad(own)(2.0), grad(grad(own))(2.0)] == [12.0, 12.0]


def test_an_own_operation_is_copied_and_pickled_like_a_function():
    assert copy.deepcopy([cube])[0] is cube
    local = operation(lambda x: x)
    assert copy.deepcopy(local) is local
    with pytest.raises(TypeError, match="top level of a module"):
        pickle.dumps(local)


def test_an_own_operation_with_the_name_of_a_row_stays_its_own():
    tanh = operation(partials=(lambda x, out: 5.0,), name="tanh")(lambda x: 7.0)
    y = tanh(Value(1.0))
    assert (y.op, y.data, y.partials) == ("tanh", 7.0, (5.0,))
    assert y.operation is not autograd.tanh


DECLARATIONS = [
    (
        lambda: operation(partials=(lambda x: x,))(lambda x: x),
        r"function of \(x, out\)",
    ),
    (lambda: operation(partials=())(lambda x: x), "needs as many partials; got 0"),
    (lambda: operation(partials=(3,))(lambda x: x), "should be a function"),
    (lambda: operation(3), "above a function"),
    (lambda: operation(lambda: 1), "at least one argument"),
    (lambda: operation(lambda self, x: x), "leave self out, and write @staticmethod"),
    (lambda: operation(lambda *, x: 1), "by position"),
    (lambda: operation(partials=(1,))(lambda *xs: 1), "one function of the list"),
    (lambda: operation(int), "int does not tell what its arguments are"),
]


@pytest.mark.parametrize(("declare", "message"), DECLARATIONS)
def test_a_declaration_that_does_not_fit(declare, message):
    with pytest.raises(TypeError, match=message):
        declare()


def test_errors_of_an_own_forward_function():
    log2 = operation(partials=(lambda x, out: 1 / x,), name="log2")(math.log2)
    with pytest.raises(ValueError, match=r"log2\(h = -1.0\).*domain"):
        log2(Value(-1.0, label="h"))
    nothing = operation(partials=(lambda x, out: 1.0,), name="nothing")(lambda x: None)
    with pytest.raises(TypeError, match="nothing should return a number"):
        nothing(Value(1.0))
    with pytest.raises(TypeError, match=r"cube takes 1 argument \(x\), got 2"):
        cube(1.0, 2.0)
    cut = operation(lambda x: math.tanh(x))
    with pytest.raises(TypeError, match="cut the graph"):
        cut(Value(1.0))


def opaque_slope(x, out):
    return math.cos(x)


OPAQUE = operation(partials=(opaque_slope,), name="opaque")(math.sin)


def test_an_own_operation_in_a_program():
    program = autograd.compile(lambda x: cube(x) + swish(x, beta=2.0), 1)
    values, slopes = program.input_grad([[0.5], [-1.5]])
    for x, value, (slope,) in zip((0.5, -1.5), values, slopes, strict=True):
        wanted, by_x = autograd.value_and_grad(lambda x: cube(x) + swish(x, 2.0))(x)
        assert (value, slope) == pytest.approx((wanted, by_x), rel=1e-14)


def test_what_an_own_operation_lacks_for_a_program_or_a_second_derivative():
    assert grad(OPAQUE)(1.0) == math.cos(1.0)
    with pytest.raises(CompileError, match=r"partial derivative of 'opaque'.*Write it"):
        autograd.compile(lambda x: OPAQUE(x), 1).input_grad([[0.5]])
    with pytest.raises(TypeError, match="cut the graph"):
        grad(grad(OPAQUE))(1.0)


@pytest.mark.parametrize(
    ("rule", "shown"),
    [("a", "'a' of type str"), (None, "None of type NoneType"), ([1.0], "list")],
)
def test_a_partial_that_gives_no_number(rule, shown):
    odd = operation(partials=(lambda x, out: rule,), name="odd")(lambda x: x)
    with pytest.raises(TypeError, match=f"partial 1 of odd should give.*{shown}"):
        odd(Value(1.0))
    many = operation(partials=lambda xs, out: [1.0, rule], name="odd")(lambda *xs: 1.0)
    with pytest.raises(TypeError, match=f"partial 2 of odd should give.*{shown}"):
        many(Value(1.0), 2.0)


def test_partials_of_another_number():
    few = operation(partials=lambda xs, out: [1.0], name="few")(lambda *xs: xs[0])
    with pytest.raises(TypeError, match=r"few should be 2 numbers.*; got 1"):
        few(Value(1.0), Value(2.0))


def test_an_own_operation_in_pictures_and_explanations():
    from viz import draw, explain, stepper

    x = Value(2.0, label="x")
    y = swish(cube(x) * 0.1, 0.5) + norm(x, 1.0)
    y.backward()
    picture = draw(y).svg
    assert all(name in picture for name in ("cube", "swish", "norm"))
    text = str(explain(y, x))
    assert "3·x^2" in text
    assert "alias" not in text
    assert stepper(y) is not None


@pytest.mark.parametrize("selects", [False, True])
def test_a_zero_is_a_number_unless_the_operation_selects(selects):
    @operation(partials=(lambda x, out: 0.0,), selects=selects)
    def flat(x):
        return 0.0

    @operation(partials=(lambda x, out: 0.0,))
    def plain(x):
        return 0.0

    steep = grad(lambda x: autograd.sqrt(flat(x)))(1.0)  # an infinite slope above
    assert steep == 0.0 if selects else math.isnan(steep)
    assert math.isnan(grad(lambda x: autograd.sqrt(plain(x)))(1.0))


# ---- how an operation of one's own looks, and where it is defined --------------------


@operation(
    partials=(lambda x, out: 0.5 / out,),
    name="root",
    symbol="√",
    domain="a number from 0",
    advice="Keep x above 0, as root(abs(x)) does.",
    limit=lambda x: -7.0,
)
def own_root(x):
    return math.sqrt(x)


def test_outside_of_its_domain_it_says_what_it_needs_and_what_to_write():
    words = "is not defined; it needs a number from 0. Keep x above 0, as root(abs(x))"
    with pytest.raises(ValueError, match=re.escape(f"root(x = -1.0) {words}")):
        own_root(Value(-1.0, label="x"))
    with pytest.raises(ValueError, match=re.escape(f"root(-1.0) {words}")):
        own_root(-1.0)


def test_where_errors_are_numbers_it_has_its_limit():
    with ieee():
        assert own_root(-1.0) == own_root(Value(-1.0)).data == -7.0
        program = compile(lambda x: own_root(x), 1, backend="numpy")
    assert program([[-1.0], [4.0]]).tolist() == [-7.0, 2.0]


def test_its_symbol_stands_in_a_picture():
    assert ">√<" in viz.draw(own_root(Value(4.0))).svg


@operation(
    partials=(lambda x, out: 2.0,), latex="{0}^{{*}}", binds=POWER, needs=(ATOM,)
)
def star(x):
    return 2.0 * x


@operation(
    partials=(lambda x, y, out: 1.0, lambda x, y, out: 1.0),
    latex=r"{0} \oplus {1}",
    binds=SUM,
    needs=(SUM, PRODUCT),
)
def oplus(x, y):
    return x + y


@pytest.mark.parametrize(
    ("rule", "latex"),
    [
        (lambda x: star(x), "x^{*}"),
        (lambda x: star(x + 1.0), r"\left(x + 1\right)^{*}"),
        (lambda x: star(star(x)), r"\left(x^{*}\right)^{*}"),
        (lambda x: oplus(x, 2.0) * x, r"\left(x \oplus 2\right) \cdot x"),
        (lambda x: oplus(x + 1.0, x * 2.0), r"\left(x + 1 \oplus x \cdot 2\right)"),
        (lambda x: oplus(1.0, x + 1.0), r"\left(1 \oplus \left(x + 1\right)\right)"),
    ],
)
def test_in_formulas_it_has_the_parentheses_that_it_needs(rule, latex):
    @operation(partials=(lambda x, out: rule(x),))
    def own(x):
        return 1.0 * x

    x = Value(4.0, label="x")
    out = own(x) * 3.0
    out.backward()
    above = r"\frac{\partial \mathit{out}}{\partial v_{1}}"
    assert rf"&= {above} \cdot {latex} \\" in viz.explain(out).latex()
