"""Two features at once, for every operation: each half is tested in its own module."""

import itertools
import math
import operator
import random
import re

import numpy as np
import pytest
from exported import BACKENDS, EXPORTS, WAYS, compiled

import autograd
from autograd import Program, Value, compile, grad, operation, where
from autograd.compiler import CompileError
from autograd.modes import ieee
from autograd.ops import TABLE
from nn import MLP

FIXED = [name for name, row in TABLE.items() if row.arity]
MANY = [name for name, row in TABLE.items() if not row.arity]

EDGES = (-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0)
"""Where rows choose between cases: both sides of each, and the point."""


def same(found, wanted):
    """Equal to 1e-11 relative, nan and inf in the same places."""
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-300, equal_nan=True)


def points(row, edges=EDGES):
    """Where an operation is asked: samples, both sides of kinks, and inside its box."""
    rng = random.Random(0)
    yield from row.samples
    yield from itertools.product(edges, repeat=row.arity)
    for _ in range(5):
        yield tuple(rng.uniform(*span) for span in row.box)


def slopes(function):
    """The derivative of a function of several numbers by each, as one function."""

    def of_numbers(*xs):
        return grad(lambda xs: function(*xs))(list(xs))

    return of_numbers


def by_eager(function, batch):
    """What a function gives, row by row, where the program has IEEE arithmetic."""
    with ieee():
        return [[float(x) for x in function(*row)] for row in batch]


# ---- compile x grad ------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FIXED)
def test_a_derivative_is_compiled_for_both_truths_of_every_condition(name, backend):
    row = TABLE[name]
    batch = list(points(row))
    program = compile(slopes(row), row.arity, backend=backend)
    same(program(batch), by_eager(slopes(row), batch))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FIXED)
def test_a_derivative_is_compiled_where_an_input_is_the_condition(name, backend):
    row = TABLE[name]

    def chosen(condition, *xs):
        return where(condition, row(*xs) * xs[0], -xs[0])

    truths = itertools.cycle([1.0, 0.0, -0.0, 0.5, math.nan])
    batch = [(next(truths), *row) for row in points(row, edges=EDGES[::3])]
    program = compile(slopes(chosen), row.arity + 1, backend=backend)
    same(program(batch), by_eager(slopes(chosen), batch))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_condition_decides_row_by_row(backend):
    def f(x, c):
        return where(c, x * x, -x)

    rows = [[3.0, 1.0], [3.0, 0.0]]
    assert compile(grad(f), 2, backend=backend)(rows).tolist() == [6.0, -1.0]


QUESTIONS = ["lt", "le", "gt", "ge", "eq", "ne"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(
    "compute",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: -a,
        lambda a, b: a * b,
        lambda a, b: abs(a - b) + a**2.0,
        lambda a, b: autograd.maximum(a, b) + autograd.exp(a),
        lambda a, b: autograd.sum([a, b, a]) - autograd.mean([a, b]),
        lambda a, b: autograd.dot([a, b], [b, a]),
    ],
)
def test_answers_are_the_numbers_1_and_0(compute, name, way):
    ask = getattr(operator, name)
    w = Value(0.5)
    batch = list(itertools.product(EDGES, repeat=2))
    program = compiled(way, lambda x, y: compute(ask(x, y), ask(y, w)), 2, [w])
    wanted = [
        float(compute(Value(ask(x, y)), Value(ask(y, 0.5))).data) for x, y in batch
    ]
    np.testing.assert_allclose(program(batch), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_comparison_has_the_slope_0_by_both_sides(name):
    ask = getattr(operator, name)

    def f(x, y):
        return ask(x, y) * (x * y) + ask(0.5, y) * x - ask(y, x) * y

    batch = list(itertools.product(EDGES, repeat=2))
    wanted = [
        [ask(x, y) * y + ask(0.5, y), ask(x, y) * x - ask(y, x)] for x, y in batch
    ]
    for backend in BACKENDS:
        same(compile(slopes(f), 2, backend=backend)(batch), wanted)


SIGNS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip


def derived(row):
    """The operation declared anew as a user would, its derivatives left to us."""
    functions = {
        1: lambda x: row(x) * 1.0,
        2: lambda x, y: row(x, y) * 1.0,
        3: lambda x, y, z: row(x, y, z) * 1.0,
    }
    return operation(functions[row.arity], name="own")


@pytest.mark.parametrize("name", FIXED)
def test_an_operation_of_ones_own_whose_partials_are_derived_has_a_compiled_slope(name):
    row, own = TABLE[name], derived(TABLE[name])
    batch = list(points(row, edges=EDGES[::3]))
    program = compile(slopes(own), row.arity, backend="numpy")
    same(program(batch), by_eager(slopes(row), batch))


@pytest.mark.parametrize("name", MANY)
def test_so_has_one_of_any_number_of_arguments(name):
    row = TABLE[name]

    @operation
    def own(*xs):
        return row(*xs)

    batch = [[0.5, -1.0, 2.0, 3.0], [1.0, 0.0, 0.0, -2.0]]
    same(compile(slopes(own), 4)(batch), by_eager(slopes(row), batch))


RULES = {
    **{f"x {sign} 2": lambda x, f=f: f(x, 2.0) for sign, f in SIGNS.items()},
    **{f"2 {sign} x": lambda x, f=f: f(2.0, x) for sign, f in SIGNS.items()},
    "-x": lambda x: -x,
    "+x": lambda x: +x,
    "abs(x)": abs,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", RULES)
def test_a_partial_of_ones_own_may_be_written_with_every_operator(rule, backend):
    """Where it asks a question, what it answers by has a slope as well."""
    slope = RULES[rule]

    @operation(partials=(lambda x, out: slope(x) * x if slope(x) else 3.0 * x,))
    def own(x):
        return 1.0 * x

    points = [0.5, 1.0, 2.0, 3.5]
    for f in (grad(own), grad(grad(own))):
        found = compile(f, 1, backend=backend)([[x] for x in points])
        same(found, [f(x) for x in points])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_second_slope_of_one_whose_partials_are_derived(backend):
    @operation
    def cube(x):
        return x * x * x

    batch = [[2.0], [-1.0]]
    assert compile(grad(cube), 1, backend=backend)(batch).tolist() == [12.0, 3.0]
    twice = compile(grad(grad(cube)), 1, backend=backend)
    assert twice(batch).tolist() == [12.0, -6.0]


# ---- compile x compile ---------------------------------------------------------------


def test_a_program_made_inside_another_keeps_the_outer_functions_guard():
    def outer(x):
        def inner(y):
            return y if x > 0 else -y

        compile(inner, 1)
        return x

    with pytest.raises(CompileError, match=r"if x > 0|x > 0 else"):
        compile(outer, 1)


def test_a_program_made_inside_another_has_a_guard_of_its_own():
    def outer(x):
        compile(lambda y: y if y > 0 else -y, 1)
        return x

    with pytest.raises(CompileError, match="y > 0"):
        compile(outer, 1)


def test_a_program_made_inside_another_is_a_program():
    made = []

    def outer(x):
        made.append(compile(lambda y: y * y + 1.0, 1))
        return x * 2.0

    assert compile(outer, 1)([[3.0]]).tolist() == [6.0]
    assert made[0]([[3.0]]).tolist() == [10.0]


# ---- save x operation ----------------------------------------------------------------

REDUCTIONS = [
    (name, count * (2 if name == "dot" else 1) + (name == "take"))
    for name in MANY
    for count in range(1, 6)
]
"""Each with how many numbers it gets; the terms of a dot are pairs, and the first of
a take is the index."""

ROUND_TRIPS = [*[(name, TABLE[name].arity) for name in FIXED], *REDUCTIONS]


def round_trip(program, path):
    program.save(path)
    again = Program.load(path, backend=program.backend)
    assert str(again) == str(program)
    return again


@pytest.mark.parametrize(("name", "count"), ROUND_TRIPS)
def test_a_program_with_every_operation_is_saved_and_loaded(name, count, tmp_path):
    row, w = TABLE[name], Value(0.75, label="w")
    program = compile(lambda *xs: row(*xs) * w, count, [w], backend="numpy")
    again = round_trip(program, tmp_path / "program.json")
    samples = [sample for sample in row.samples if len(sample) == count]
    batch = samples or [[0.5 + i for i in range(count)]]
    same(again(batch), program(batch))
    both = zip(again.input_grad(batch), program.input_grad(batch), strict=True)
    for one, other in both:
        same(one, other)


@pytest.mark.parametrize(
    "returned",
    [
        lambda x: x * 2.0,
        lambda x: [x * 2.0],
        lambda x: (x * 2.0,),
        lambda x: [x, x * x],
        lambda x: (x, x * x, x),
        lambda x: [3.0, x],
        lambda x: where(x > 0, x, where(x == 0, 1.0, where(x != 2.0, -x, x <= 1.0))),
    ],
)
def test_what_a_function_returns_has_its_shape_after_loading(returned, tmp_path):
    program = compile(returned, 1)
    again = round_trip(program, tmp_path / "program.json")
    batch = [[0.5], [-2.0], [0.0]]
    assert again(batch).tolist() == program(batch).tolist()
    assert again(batch).shape == program(batch).shape


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "softplus"])
def test_a_network_is_saved_and_loaded(activation, tmp_path):
    model = MLP(3, [4, 2], activation=activation, seed=0)
    program = compile(lambda *x: model(x), 3, model.parameters())
    again = round_trip(program, tmp_path / "program.json")
    batch = np.linspace(-2, 2, 15).reshape(5, 3)
    assert again(batch).tolist() == program(batch).tolist()


# ---- export x operation x rows -------------------------------------------------------


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize(("name", "count"), [("where", 3), *REDUCTIONS])
def test_reductions_leave_for_any_number_of_rows(name, count, export):
    row = TABLE[name]
    box = row.box or [(0.1, 2.0)] * count
    rng = random.Random(0)
    program = compile(lambda *xs: row(*xs), count, backend="numpy")
    leaving = EXPORTS[export](program)
    for rows in (1, count, 5):
        batch = [[rng.uniform(*span) for span in box] for _ in range(rows)]
        np.testing.assert_allclose(leaving(batch), program(batch), rtol=1e-9)


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("rows", [1, 3, 4, 5])
def test_a_network_leaves_for_any_number_of_rows(rows, export):
    model = MLP(3, [4, 1], activation="tanh", seed=0)
    program = compile(lambda *x: model(x), 3, model.parameters())
    batch = np.linspace(-1, 1, 3 * rows).reshape(rows, 3)
    found = EXPORTS[export](program)(batch)
    np.testing.assert_allclose(found, program(batch), rtol=1e-12)


def test_exported_names_are_x_p_and_y():
    w = Value(0.5)
    program = compile(lambda x, y: autograd.tanh(x * w) * y + 2.0, 2, [w])
    body = program.to_numpy_source().splitlines()
    assert [line.strip() for line in body if re.match(r" +[xpy]\d* = ", line)] == [
        "x = X.T",
        "p = parameters",
        "y = np.tanh(x[0:1] * p[:, None]) * x[1:2] + 2.0",
    ]
