"""From graphs and functions to instructions: recording, kinks, refusals."""

import copy
import functools
import gc
import itertools
import math
import operator
import os
import pickle
import random
import re
import statistics
import threading

import numpy as np
import pytest
from exported import BACKENDS, WAYS, compiled
from random_graphs import eager, grow

import autograd
from autograd import (
    Value,
    compile,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    maximum,
    no_grad,
    operation,
    relu,
    sin,
    topological_order,
    vjp,
    where,
)
from autograd.compiler import CompileError
from autograd.compiler.instructions import COMPARISONS
from autograd.modes import MODE, ieee
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.value import bare, record

X = [[2.0], [-3.0]]

# Where rows of the table choose between cases: both sides of each, and the point.
EDGES = (-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, math.inf, -math.inf, math.nan)


def same(found, wanted):
    """Equal to 1e-12 relative, nan and inf in the same places."""
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-300, equal_nan=True)


def test_a_graph_and_the_function_that_records_it_give_the_same_program():
    w, x, y = Value(0.5), Value(2.0), Value(3.0)
    from_graph = compile(w * x + y.sin(), [x, y], [w])
    from_function = compile(lambda x, y: w * x + y.sin(), 2, [w])
    assert str(from_graph) == str(from_function)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.arity])
def test_every_operation_at_its_edges(name, backend):
    row = TABLE[name]
    xs = [Value(1.0) for _ in range(row.arity)]
    with ieee():
        output = row(*xs)
    grid = np.array(np.meshgrid(*[EDGES] * row.arity)).reshape(row.arity, -1).T
    batch = [*grid.tolist(), *[list(sample) for sample in row.samples]]
    wanted = eager(output, xs, [], batch)
    program = compile(output, xs, backend=backend)
    values, slopes = program.input_grad(batch)
    same(values, [value for value, _, _ in wanted])
    same(slopes, [by_x for _, by_x, _ in wanted])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "reduce", [autograd.sum, autograd.mean, autograd.prod, autograd.logsumexp]
)
@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_reductions(reduce, count, backend):
    xs = [Value(1.0) for _ in range(count)]
    output = reduce(xs)
    batch = np.random.default_rng(0).uniform(-1, 1, (3, count))
    batch[1, 0] = 0.0
    wanted = eager(output, xs, [], batch.tolist())
    values, slopes = compile(output, xs, backend=backend).input_grad(batch)
    same(values, [value for value, _, _ in wanted])
    same(slopes, [by_x for _, by_x, _ in wanted])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_branch_is_chosen_for_every_row(backend):
    x, y = Value(1.0), Value(2.0)
    output = where(relu(x - y), x * x, y**3) + maximum(x, 0.0) + x**0 + abs(x)
    batch = [[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [0.0, -1.0], [-4.0, -5.0]]
    values, slopes = compile(output, [x, y], backend=backend).input_grad(batch)
    wanted = eager(output, [x, y], [], batch)
    same(values, [value for value, _, _ in wanted])
    same(slopes, [by_x for _, by_x, _ in wanted])


# ---- operations of a user's own, and rows that somebody adds -------------------------


@operation(partials=(lambda x, out: 2 * out,))
def steep(x):
    """With a derivative that isn't that of the forward function."""
    return x * x if x > 0 else -x


@operation
def found(x, y):
    return x * autograd.tanh(y) if x > 0 else y


@operation
def norm(*xs):
    return autograd.sqrt(autograd.sum([x * x for x in xs]))


@operation(partials=(lambda x, out: 1 / (1 + x * x),))
def by_numbers(x):
    return math.atan(x)


@operation(partials=(lambda x, out: 1 / (2 * out),))
def by_newton(x):
    root = abs(x)
    while abs(root * root - abs(x)) > 1e-14 * abs(x):
        root = (root + abs(x) / root) / 2
    return root


@operation(partials=(lambda x, out: math.cos(x),))
def numbers_alone(x):
    return math.sin(x)


@operation(partials=(lambda x, out: 0.5,), name="steep")
def namesake(x):
    return x / 2


@operation(partials=(lambda x, out: 2.0,), name="relu")
def relus_namesake(x):
    return 2 * x


OWN = [
    (lambda x, y: steep(x) * namesake(steep(y)), "llvm"),
    (lambda x, y: relus_namesake(x) * relu(y), "llvm"),
    (lambda x, y: found(x, y) + norm(x, y, x), "llvm"),
    (lambda x, y: by_numbers(x) * y, "numpy"),
    (lambda x, y: by_newton(x) * y, "numpy"),
]
OWN_BATCH = [[1.0, 2.0], [-0.5, 3.0], [4.0, -0.25], [math.nan, 1.0]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("function", "best"), OWN)
def test_operations_of_ones_own(function, best, backend):
    x, y = Value(1.0), Value(2.0)
    output = function(x, y)
    wanted = eager(output, [x, y], [], OWN_BATCH)
    program = compile(output, [x, y], backend=backend)
    values, slopes = program.input_grad(OWN_BATCH)
    same(values, [value for value, _, _ in wanted])
    same(slopes, [by_x for _, by_x, _ in wanted])
    assert program.backend == (best if backend == "llvm" else "numpy")


@pytest.mark.parametrize("name", sorted(TABLE.keys() - {"mod", "floordiv"}))
def test_every_operation_has_machine_code(name):
    """Also where the engine is compiled and its functions take nothing but floats."""
    leaves = [Value(number) for number in TABLE[name].samples[0]]
    program = compile(record(TABLE[name], leaves), leaves, backend="llvm")
    assert "runs on numpy" not in program.explain()


def test_explain_says_why_a_program_runs_on_numpy():
    program = compile(by_numbers, 1, backend="llvm")
    why = "runs on numpy, not llvm: the forward function of 'by_numbers' can't be"
    assert program.explain().count(why) == 2
    assert "runs on numpy" not in compile(steep, 1, backend="llvm").explain()


def test_a_derivative_that_cannot_be_recorded_says_so():
    program = compile(numbers_alone, 1)
    assert program([[0.5]]).tolist() == [math.sin(0.5)]
    with pytest.raises(CompileError, match="derivative of 'numbers_alone' can't be"):
        program.input_grad([[0.5]])


def test_own_operations_are_pickled_but_not_saved(tmp_path):
    program = compile(lambda x: steep(x) + namesake(x), 1)
    with pytest.raises(TypeError, match=r"'steep'.*pickle"):
        program.save(tmp_path / "p")
    assert not list(tmp_path.iterdir())
    named = compile(steep, 1)
    again = pickle.loads(pickle.dumps(named))
    for one, two in zip(again.input_grad(X), named.input_grad(X), strict=True):
        assert one.tolist() == two.tolist()


def test_own_operations_leave_as_what_they_do():
    names = {}
    exec(compile(lambda x: steep(x) + 1, 1).to_numpy_source("f"), names)
    assert names["f"](np.array(X)).tolist() == [5.0, 4.0]
    with pytest.raises(CompileError, match="'by_numbers' can't be recorded"):
        compile(by_numbers, 1).to_numpy_source()


@pytest.mark.parametrize(
    ("forward", "best"),
    [(lambda x: x / (1 + abs(x)), "llvm"), (lambda x: math.atan(x), "numpy")],
)
def test_a_row_added_to_the_table_compiles(forward, best, monkeypatch):
    row = Operation(
        "added",
        forward,
        partials=(lambda x, out: out * out + x,),
        batch="{0} / (1 + np.abs({0}))" if best == "llvm" else "np.arctan({0})",
    )
    monkeypatch.setitem(TABLE, "added", row)
    programs = [compile(lambda x: row(x) * 2, 1, backend=b) for b in BACKENDS]
    assert [program.backend for program in programs] == ["numpy", best]
    for one, two in zip(*[p.input_grad(X) for p in programs], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-15)
    assert ("not llvm" in programs[1].explain()) == (best == "numpy")


# ---- what is refused -----------------------------------------------------------------


# ---- derivatives inside --------------------------------------------------------------


def derivatives(f):
    """Gradient and hessian of f(list) in one list."""

    def both(*xs):
        slopes, second = grad(f)(list(xs)), hessian(f)(list(xs))
        return [*slopes, *[slope for row in second for slope in row]]

    return both


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.arity])
def test_second_derivatives_of_every_operation(name):
    row = TABLE[name]

    def f(xs):
        return row(*xs) * xs[0]

    rng = random.Random(0)
    batch = [list(sample) for sample in row.samples]
    batch += [[rng.uniform(*span) for span in row.box] for _ in range(8)]
    found = compile(derivatives(f), row.arity, backend="numpy")(batch)
    wanted = np.array([derivatives(f)(*row) for row in batch])
    defined = np.isfinite(wanted).all(axis=1)  # not so: the slope of 2 ** y, made -2
    assert defined.sum() >= 8
    np.testing.assert_allclose(found[defined], wanted[defined], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_derivatives_of_random_graphs(backend):
    for seed in range(60 if backend == "numpy" else 6):

        def f(xs, seed=seed):
            return grow(random.Random(seed), xs, 5)

        batch = np.random.default_rng(seed).uniform(-2, 2, (9, 2))
        found = compile(derivatives(f), 2, backend=backend)(batch)
        with ieee():
            # Outside a domain, where f is nan, a derivative means nothing.
            there = [not math.isnan(f([Value(x) for x in row]).data) for row in batch]
            wanted = [derivatives(f)(*row) for row in batch[there].tolist()]
        found, wanted = found[there], np.reshape(wanted, (-1, 6))
        # Some are differences of nearly equal numbers: those few have fewer digits.
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
        close = np.isclose(found, wanted, rtol=1e-10, atol=1e-12, equal_nan=True)
        assert close.sum() >= 0.8 * close.size


def test_every_transform_inside_a_function():
    def f(x):
        def inner(v):
            return relu(v[0]) * v[1] ** 3 + maximum(v[0], v[1])

        v, d = [x, x * 2 - 1], [1.0, x]
        (slope,) = gradients(abs(x) * x, [x], create_graph=True)
        return [
            *jacobian(lambda v: [inner(v), v[1]])(v)[0],
            jvp(inner, v, d)[1],
            *vjp(inner, v)[1](1.0),
            *hvp(inner, v, d),
            grad(grad(grad(lambda a: a**2.5)))(x),
            slope,
        ]

    batch = [[0.7], [2.0], [1.5]]
    wanted = [[value.data for value in f(Value(x))] for (x,) in batch]
    np.testing.assert_allclose(compile(f, 1)(batch), wanted, rtol=1e-12)


def test_a_derivative_by_a_parameter_inside():
    w = Value(-0.5)
    program = compile(lambda x: grad(lambda v: relu(v) ** 3)(w * x), 1, [w])
    numbers = [2.0]
    same(program([[1.0], [-1.0]], numbers), [12.0, 0.0])
    same(program.value_and_grad([[1.0], [-1.0]], numbers)[1], [6.0])


def test_a_branch_in_a_function_that_is_differentiated_is_still_an_error():
    with pytest.raises(CompileError, match=r"line \d+: if x > 0:"):
        compile(grad(branching), inputs=1)


def test_threads_compile_beside_others_that_read_the_parameters():
    w = Value(0.5)
    wrong = []

    def compiling():
        for _ in range(60):
            try:
                compile(lambda x: x if x * w > 0 else w, 1, [w])
                wrong.append("a branch was frozen")
            except CompileError:
                continue

    threads = [threading.Thread(target=compiling) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert (w.data, float(w.detach().data), w > 0.25) == (0.5, 0.5, True)
    assert not wrong
    assert MODE.guard is None


def test_other_threads_keep_to_their_own_branches():
    x = Value(2.0)
    seen = []

    def f(y):
        def elsewhere():
            seen.extend(gradients(relu(x) * x, [x], create_graph=True))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return grad(relu)(y)

    assert compile(f, 1)([[1.0], [-1.0]]).tolist() == [1.0, 0.0]
    assert "where" not in {node.op for node in topological_order(seen[0])}


# ---- questions to a stand-in ---------------------------------------------------------

QUESTIONS = [getattr(operator, name) for name in ["lt", "le", "gt", "ge", "eq", "ne"]]
ROWS_ASKED = [-1.0, -0.0, 0.0, 0.5, 1.0, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_comparison_of_stand_ins_is_a_condition(ask, way):
    pairs = [[x, y] for x in ROWS_ASKED for y in ROWS_ASKED]
    w = Value(0.5)
    for f, wanted in (
        (lambda x, y: where(ask(x, 0.5), x, -y), lambda x, y: ask(x, 0.5)),
        (lambda x, y: where(ask(0, x), x, -y), lambda x, y: ask(0, x)),
        (lambda x, y: where(ask(x, y), x, -y), lambda x, y: ask(x, y)),
        (lambda x, y: where(ask(x, w), x, -y), lambda x, y: ask(x, 0.5)),
    ):
        found = compiled(way, f, 2)(pairs)
        same(found, [x if wanted(x, y) else -y for x, y in pairs])


@pytest.mark.parametrize("way", WAYS)
def test_a_condition_is_one_or_zero(way):
    program = compiled(way, lambda x: 3.0 * (x > 0) + (x == 0), 1)
    assert program([[2.0], [0.0], [-1.0]]).tolist() == [3.0, 1.0, 0.0]


JOINED = [
    lambda x, y: (x > 0) & (y > 0),
    lambda x, y: (x > 0) | (y == 1),
    lambda x, y: (x < 0) | (y < 0) & (x != y),
    lambda x, y: ((x >= 0) & (x < 1)) | (y != y),
    lambda x, y: (x > y) & True | False,
    lambda x, y: False | (True & (x >= y)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ask", JOINED)
def test_conditions_are_joined(ask, way):
    pairs = [[x, y] for x in ROWS_ASKED for y in ROWS_ASKED]
    program = compiled(way, lambda x, y: where(ask(x, y), x, -y), 2)
    same(program(pairs), [x if ask(x, y) else -y for x, y in pairs])
    opposite = compiled(way, lambda x, y: where(~(ask(x, y)), x, -y), 2)
    same(opposite(pairs), [-y if ask(x, y) else x for x, y in pairs])
    x, y = Value(0.5), Value(2.0)
    assert bool(ask(x, y)) == bool(ask(0.5, 2.0))


def test_only_conditions_are_joined():
    x = Value(2.0, "x")
    for wrong in (
        lambda: x > 0 & x < 1,
        lambda: x & x,
        lambda: ~x,
        lambda: 1.0 | x,
        lambda: compile(lambda x: where(x & (x > 0), 1.0, 0.0), 1),
    ):
        with pytest.raises(TypeError, match=r"\(x > 0\) & \(x < 1\).*x"):
            wrong()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_condition_is_an_output_like_others(ask, way):
    w = Value(0.5)
    X = [[-1.0], [0.5], [3.0]]
    program = compiled(way, lambda x: [ask(x, 0.5), x, ask(w, x)], 1, [w])
    wanted = [[float(ask(x, 0.5)), x, float(ask(0.5, x))] for ((x),) in X]
    assert program(X).tolist() == wanted


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_condition_is_a_slope_that_is_summed_over_the_rows(ask, backend):
    w, b = Value(0.5), Value(2.0)
    X = [[-1.0], [0.5], [0.5], [3.0]]
    yes = [float(ask(x, 0.5)) for ((x),) in X]

    def loss(x):
        return w * ask(x, 0.5) + b * ask(x, 0.5) * ask(x, w) + ask(w, 0.25) * w

    value, slopes = compile(loss, 1, [w, b], backend=backend).value_and_grad(X)
    always = float(ask(0.5, 0.25))
    share = sum(yes) / 4
    assert slopes.tolist() == [share + always, share]
    assert value == pytest.approx(2.5 * share + 0.5 * always)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_condition_inside_derivatives(backend):
    def f(x):
        return where(x == 0, 1.0, sin(x) / where(x == 0, 1.0, x))

    X = [[0.0], [0.5], [-2.0]]
    for _ in range(3):
        same(
            compile(f, 1, backend=backend)(X),
            [float(np.asarray(bare(f(x)))) for ((x),) in X],
        )
        f = grad(f)


@pytest.mark.parametrize(
    ("how", "function"),
    [
        ("what sets .data", lambda x: setattr(x, "data", 2.0) or x),
        ("deciding", lambda x: 0.0 if x == 0 else x),
        ("deciding", lambda x: x if x != 0 else 1.0),
        ("deciding", lambda x: x if x in [0.0, 1.0] else 2.0),
        ("deciding", lambda x: x if 0 < x < 1 else 2.0),
        ("deciding", lambda x: x if not x else 2.0),
        ("deciding", lambda x: min(x, 1.0)),
        ("deciding", lambda x: x if x == x * 2 else 2.0),
        ("formatting", lambda x: x * len(f"{x:.3f}")),
        ("reading .grad", lambda x: x * x.grad),
        ("reading .partials", lambda x: x * (x * x).partials[0]),
        ("reading .data", lambda x: x * x.data),
    ],
)
def test_what_python_would_decide_by_is_refused(how, function):
    line = function.__code__.co_firstlineno
    words = rf"(?s)^test_compile.py, line {line}: .*{re.escape(how)} asks for a number"
    with pytest.raises(CompileError, match=words):
        compile(function, inputs=1)


def test_a_stand_in_says_what_it_is():
    seen = []
    compile(lambda x, y: seen.append(f"{x} {x * y!r}") or x, 2)
    assert {*seen} == {"<stand-in for x1> <stand-in for mul(...)>"}
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"


def branching(x):
    if x > 0:
        return x
    return -x


@pytest.mark.parametrize(
    "function",
    [
        branching,
        lambda x: max(x, 0.0),
        lambda x: x * (1 if x else 2),
        lambda x: x * x.data,
        lambda x: sorted([x, 2 * x])[0],
        lambda x: -x if x >= 0 else x,
        lambda x: no_grad()(lambda: x * x)(),
        lambda x: copy.deepcopy(x) * 2,
    ],
)
def test_deciding_by_an_input_is_an_error_that_shows_the_way(function):
    with pytest.raises(CompileError, match=r"(?s)test_compile.py, line.*where\(x > 0"):
        compile(function, inputs=1)


def test_the_error_names_the_line_of_the_user():
    with pytest.raises(CompileError, match=r"line \d+: if x > 0:"):
        compile(branching, inputs=1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: float(x) * 2,
        lambda x: int(x) * 2,
        lambda x: bool(x) * x,
        lambda x: math.tanh(x) + x,
        lambda x: round(x) + x,
        lambda x: [1.0, 2.0][x] * x,
        lambda x: x * len(range(x)),
        lambda x: np.where(x > 0, x, 0),
        lambda x: x * statistics.median([x, 2 * x]),
        lambda x: x * x.detach(),
        lambda x: x * gradients(x * x, [x])[0],
        lambda x: (x * x).backward() or x.grad * x,
    ],
)
def test_no_number_is_taken_from_an_input(function):
    line = function.__code__.co_firstlineno
    with pytest.raises(
        CompileError, match=rf"(?s)^test_compile.py, line {line}: .*(where|take)"
    ):
        compile(function, inputs=1)


def test_the_way_out_is_shown():
    with pytest.raises(CompileError, match=r"v\.tanh\(\) for math\.tanh"):
        compile(lambda x: math.tanh(x) + x, inputs=1)


def test_other_type_errors_are_what_they_were():
    with pytest.raises(TypeError, match="positional argument") as caught:
        compile(lambda x: x, inputs=2)
    assert not isinstance(caught.value, CompileError)


def test_deciding_by_a_parameter_is_an_error_too():
    w = Value(1.0)
    with pytest.raises(CompileError):
        compile(lambda x: x * w if w > 0 else x, inputs=1, parameters=[w])


def test_an_array_of_outputs():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    program = compile(lambda *x: matrix @ np.array(x), 2)
    assert program([[1.0, 1.0], [0.0, 2.0]]).tolist() == [[3.0, 7.0], [4.0, 8.0]]


def test_a_function_is_recorded_also_inside_no_grad():
    with no_grad():
        program = compile(lambda x: 2 * x, 1)
    assert program([[3.0]]).tolist() == [6.0]


def test_deciding_by_anything_else_is_fine():
    switch = Value(1.0)
    program = compile(lambda x: 2 * x if switch > 0 else x, inputs=1)
    assert program([[3.0]]).tolist() == [6.0]


def test_the_guard_is_gone_after_an_error():
    with pytest.raises(CompileError):
        compile(branching, inputs=1)
    assert branching(Value(-2.0)).data == 2.0


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda x, y: compile(x * y, [2 * x]),
            ValueError,
            "inputs.0., mul.*not a leaf",
        ),
        (lambda x, y: compile(x * y, [x], [x * 1]), ValueError, "parameters.0."),
        (lambda x, y: compile(x * y, [x, x]), ValueError, "given twice"),
        (lambda x, y: compile(x * y, [x], [x]), ValueError, "given twice"),
        (lambda x, y: compile(x * y, [3.0]), TypeError, "leaf Values of the graph"),
        (lambda x, y: compile(x * y, 2), TypeError, "goes with a function"),
        (lambda x, y: compile(lambda a: a, [x]), TypeError, "inputs=2"),
        (lambda x, y: compile([], [x]), ValueError, "no outputs"),
        (lambda x, y: compile([x, 2.0], [x]), TypeError, "an output is 2.0"),
        (lambda x, y: compile(x, [x], backend="gpu"), ValueError, "unknown backend"),
        (lambda x, y: compile(x, [x], threads=0), ValueError, "threads"),
        (lambda x, y: compile(x, [x], threads=1.5), ValueError, "whole number"),
        (lambda x, y: compile(x, x), TypeError, "inputs is Value.*pass a list"),
        (lambda x, y: compile(x, [x], y), TypeError, "parameters is Value.*a list"),
        (lambda x, y: compile(3.0, [x]), TypeError, "outputs is 3.0 of type float"),
        (lambda x, y: compile(lambda: x, -1), ValueError, "0 arguments or more"),
    ],
)
def test_bad_arguments(make, kind, words):
    with pytest.raises(kind, match=words):
        make(Value(2.0, label="x"), Value(3.0, label="y"))


# ---- what is answered, as documented -------------------------------------------------


def some(x, y, scale=2.0, *, shift=1.0):
    return x * y * scale + shift


def test_a_function_says_how_many_inputs_it_takes():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    assert compile(some)(rows).tolist() == [5.0, 25.0]
    assert compile(some, inputs=3)([[1.0, 2.0, 3.0]]).tolist() == [7.0]
    assert compile(grad(some, (0, 1)))(rows).tolist() == [[4.0, 2.0], [8.0, 6.0]]
    assert compile(functools.partial(some, 3.0))([[2.0]]).tolist() == [13.0]
    w = Value(3.0)
    assert compile(lambda: w * w, parameters=[w])() == 9.0
    for function in (max, lambda *xs: xs[0]):
        with pytest.raises(
            TypeError, match=r"say how many, as in compile\(f, inputs=2\)"
        ):
            compile(function)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_parameter_that_is_not_in_the_graph_has_the_slope_0(backend):
    x, w, other = Value(2.0), Value(3.0), Value(4.0)
    program = compile(w * x, [x], [w, other], backend=backend)
    assert program.value_and_grad([[1.0], [3.0]])[1].tolist() == [2.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_output_that_depends_on_no_input_is_the_same_for_every_row(backend):
    x, w = Value(2.0), Value(3.0)
    program = compile([w * w, x + 1, w], [x], [w], backend=backend)
    assert program([[1.0], [3.0]]).tolist() == [[9.0, 2.0, 3.0], [9.0, 4.0, 3.0]]
    single = compile(w * w, [x], [w], backend=backend)
    assert single.value_and_grad([[1.0], [3.0]])[1].tolist() == [6.0]
    assert single.input_grad([[1.0]])[1].tolist() == [[0.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_leaves_keep_their_numbers(backend):
    x, k = Value(2.0), Value(5.0)
    program = compile(k * x, [x], backend=backend)
    k.data = 7.0
    assert program([[2.0]]).tolist() == [10.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_output_may_be_a_leaf(backend):
    x, w = Value(2.0), Value(3.0)
    assert compile(x, [x], backend=backend)([[5.0], [6.0]]).tolist() == [5.0, 6.0]
    value, slopes = compile(w, [x], [w], backend=backend).value_and_grad([[5.0]])
    assert (value, slopes.tolist()) == (3.0, [1.0])


def test_comparisons_are_no_operations_of_the_table():
    assert not set(COMPARISONS) & set(TABLE)


# ---- what people write ---------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_of_parameters_alone_needs_no_rows(backend):
    w, b = Value(2.0), Value(3.0)
    for program in (
        compile(lambda: w * b, parameters=[w, b], backend=backend),
        compile(w * b, parameters=[w, b], backend=backend),
    ):
        assert program().tolist() == program([[]]).tolist() == [6.0]
        value, slopes = program.value_and_grad()
        assert (value, slopes.tolist()) == (6.0, [3.0, 2.0])
        assert program(parameters=[1.0, 5.0]).tolist() == [5.0]
        with pytest.raises(ValueError, match="leave X out"):
            program.value_and_grad([])
    with pytest.raises(TypeError, match=r"has inputs: pass X of shape \(N, 1\)"):
        compile(lambda x: x, np.int64(1))()


@pytest.mark.parametrize("backend", BACKENDS)
def test_nested_results_keep_their_shape(backend, tmp_path):
    def curved(a, b):
        return hessian(lambda v: v[0] ** 2 * v[1] + v[1] ** 3)([a, b])

    rows = [[3.0, 0.5], [1.0, -2.0]]
    program = compile(curved, inputs=2, backend=backend)
    wanted = [[[2 * b, 2 * a], [2 * a, 6 * b]] for a, b in rows]
    assert program(rows).tolist() == wanted
    assert compile(lambda a, b: np.array(curved(a, b)), 2)(rows).tolist() == wanted
    program.save(tmp_path / "program")
    assert autograd.Program.load(tmp_path / "program")(rows).tolist() == wanted
    space = {}
    exec(program.to_numpy_source(), space)
    assert space["program"](rows).tolist() == wanted
    x = Value(1.0)
    assert compile([[x, 2 * x], (x * x, x)], [x])([[3.0]]).tolist() == [
        [[3, 6], [9, 3]]
    ]
    with pytest.raises(ValueError, match=r"as many in every row.*\(1,\), \(2,\)"):
        compile(lambda x: [[x, x], [x]], 1)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda q: q[0] * q[1], 2),
        (lambda q: q[0] * q[1], 1),
        (lambda q: autograd.sum(q), 1),
        (lambda q: len(q), 1),
        (lambda x: x, 0),
        (lambda x, y: x, 1),
    ],
)
def test_where_a_list_was_expected_the_star_is_named(function, inputs):
    with pytest.raises(TypeError, match=r"lambda \*xs: f\(xs\)"):
        compile(function, inputs)
    assert compile(lambda *q: q[0] * q[1], inputs=2)([[2.0, 3.0]]).tolist() == [6.0]


@pytest.mark.parametrize("choice", [max, min, lambda *xs: sorted(xs)[0]])
def test_pythons_max_and_min_are_refused_with_what_to_write(choice):
    with pytest.raises(CompileError, match=r"maximum\(x, y\) and minimum\(x, y\)"):
        compile(lambda x: choice(x, 0.0), 1)


def _largest_read():
    xs = [Value(1.2345678901234), Value(0.5)]
    largest = max(x.data for x in xs)
    return autograd.sum([autograd.exp(x - largest) for x in xs]), xs


def _largest_of_results_read():
    xs = [Value(0.25), Value(0.5)]
    ys = [autograd.sin(x) for x in xs]
    return autograd.sum([y - max(y.data for y in ys) for y in ys]), xs


def _answered():
    x = Value(2.0)
    return where(x > 0, x, -x), [x]


@pytest.mark.parametrize(
    "recorded", [_largest_read, _largest_of_results_read, _answered]
)
def test_a_graph_that_froze_an_answer_says_so(recorded):
    output, inputs = recorded()
    with pytest.warns(RuntimeWarning, match="the program keeps") as told:
        compile(output, inputs)
    assert told[0].filename == __file__


def test_constants_that_are_nobodys_number_are_no_cause_for_warning():
    x, w = Value(1.2345678901234), Value(0.5)
    seen = maximum(x, 2.3456789012345) + w * 0.123456789012 + where(1.0, x, w)
    compile(seen + x.detach() * 0.0 * 7, [w])


# ---- randomness ----------------------------------------------------------------------

GENERATOR = random.Random(0)


def _noise():
    return GENERATOR.random()


class Dropping:
    """Drops so seldom that recordings are nearly always equal."""

    def __init__(self, generator):
        self.inner = {"generators": [generator]}

    def __call__(self, x):
        kept = self.inner["generators"][0].random() > 1e-9
        return x * float(kept)


def _kept(generator):
    return lambda x: x * float(generator.random() > 1e-9)


@pytest.mark.parametrize(
    "draws",
    [
        lambda x: x * (random.random() > 1e-9),
        lambda x: x * (np.random.rand() > 1e-9),
        lambda x: x * sum(_noise() > 1e-9 for _ in range(3)),
        Dropping(random.Random(0)),
        Dropping(np.random.default_rng(0)),
        Dropping(np.random.RandomState(0)),
        Dropping(random.SystemRandom()),
        Dropping(random.Random(0)).__call__,
        _kept(random.Random(0)),
        _kept(random),
    ],
)
def test_what_draws_at_random_is_refused_however_seldom_it_shows(draws):
    with pytest.raises(CompileError, match="draws random numbers, from"):
        compile(draws, 1)


class Congruential:
    """A generator of a user's own."""

    state = 1

    def draw(self):
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return self.state / 2**31


OWN, COUNT = Congruential(), itertools.count()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (lambda x: x + os.urandom(8)[0] + os.urandom(8)[1] / 7, "the number "),
        (lambda x: x * OWN.draw(), "the number "),
        (lambda x: x * next(COUNT), "the number "),
        (lambda x: x.sin() if next(COUNT) % 2 else x.cos(), "the operation cos"),
        (lambda x: grad(lambda v: v**2 * OWN.draw())(x), "the number "),
    ],
)
def test_what_changes_from_call_to_call_is_found_by_recording_twice(changes, what):
    with pytest.raises(CompileError, match=f"each time it is called, such as .*{what}"):
        compile(changes, 1)


def test_another_order_of_the_same_is_no_change():
    """As of a set of nodes, whose addresses differ."""
    w = [Value(float(i)) for i in range(20)]
    order = itertools.cycle([w, w[::-1]])
    program = compile(lambda x: autograd.sum(x * v for v in next(order)), 1, w)
    assert program([[2.0]]).tolist() == [380.0]


def test_what_holds_a_generator_or_makes_one_is_fine():
    made = []

    def function(x):
        if not made:  # weights, drawn when it is first called
            made.append(random.gauss(0, 1))
        return x * made[0] * random.Random(1).random() + 0 * id(GENERATOR)

    x = random.Random(1).random()
    assert compile(function, 1)([[1.0]]).tolist() == [made[0] * x]


def test_a_number_outside_a_domain_is_told_with_its_line():
    with pytest.raises(ValueError, match=r"test_compile.py, line \d+.*\s.*asin\(2.0\)"):
        compile(lambda x: x * autograd.asin(2.0), 1)


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_afterwards_as_it_was(collecting):
    w = Value(2.0, "w")
    (gc.enable if collecting else gc.disable)()
    try:
        compile(w * w, parameters=[w]).value_and_grad()
        with pytest.raises(ValueError, match="is not a leaf"):
            compile(w * w, parameters=[w * 1.0])
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_derivative_that_is_a_product_of_numbers(backend):
    p, q = Value(3.0), Value(1.0)
    loss = compile(lambda x: -(0.3 * (2.0 * p + x * q)), 1, [p, q], backend=backend)
    mean, slopes = loss.value_and_grad([[1.0], [2.0]])
    assert mean == pytest.approx(-2.25)
    assert slopes == pytest.approx([-0.6, -0.45])
