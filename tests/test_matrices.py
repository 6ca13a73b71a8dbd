"""The arrays that are found in scalar graphs, stage by stage, and whole programs."""

import builtins
import functools
import itertools
import operator
from collections import Counter

import numpy as np
import pytest
from layered import layered
from random_graphs import eager

from autograd import (
    Value,
    compile,
    dot,
    exp,
    gradients,
    logsumexp,
    maximum,
    relu,
    softmax,
    sqrt,
    sum,
    take,
    tanh,
    where,
)
from autograd.compiler.llvm import backend as llvm_backend
from autograd.compiler.llvm.expansions import expanded
from autograd.compiler.llvm.loops import Loops
from autograd.compiler.matrices import boxed, found, fused, sides
from autograd.compiler.passes import forward_kernel, prune
from autograd.compiler.recording import flattened, from_function, from_graph
from autograd.compiler.steps import Apply, Join, Product, Read, Reduce
from autograd.modes import ieee


def differs(seed, backend, rows):
    """Whether program and graph differ by more than 1e-12 of the largest number."""
    output, xs, ws = layered(seed)
    batch = np.random.default_rng(seed).uniform(-1, 1, (rows, len(xs)))
    program = compile(output, xs, ws, backend=backend)
    wanted = eager(output, xs, ws, batch.tolist())
    values = np.array([value for value, _, _ in wanted])
    by_x = np.array([slopes for _, slopes, _ in wanted]).reshape(rows, len(xs))
    by_w = np.array([slopes for _, _, slopes in wanted]).reshape(rows, len(ws))
    found = [program(batch), program.input_grad(batch)[1]]
    right = [values, by_x]
    if rows:
        mean, slopes = program.value_and_grad(batch)
        found += [np.array([mean]), slopes]
        right += [values.mean(keepdims=True), by_w.mean(axis=0)]
    scale = 1e-12 * max(1.0, *[abs(each).max(initial=0.0) for each in right])
    return any(
        abs(a - b).max(initial=0.0) > scale for a, b in zip(found, right, strict=True)
    )


@pytest.mark.parametrize("kind", ["forward", "gradient", "input"])
def test_chains_and_passes_leave_nothing_behind_that_no_result_needs(kind):
    for seed in range(12):
        program = compile(*layered(seed), backend="numpy")
        code, outputs = program._joined
        kernels = [forward_kernel(code, outputs, program.inputs, 0)]
        kernels.append(program._plan(kind)[0])
        for kernel in kernels:
            made = [m for m in kernel.code.instructions if m.args]
            kept = [m for m in prune(kernel)[0].code.instructions if m.args]
            assert len(kept) == len(made)


def test_numbers_that_are_equal_but_not_the_same_are_all_there():
    x = Value(2.0, "x")
    for backend in ("numpy", "llvm"):
        program = compile([x * 0.0, x * -0.0, x + 0.0], [x], backend=backend)
        signs = np.signbit(program([[2.0], [-3.0]])[:, :2]).tolist()
        assert signs == [[False, True], [True, False]]


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_layered_programs(backend):
    seeds = range(30 if backend == "numpy" else 2)
    assert not [seed for seed in seeds if differs(seed, backend, seed % 4)]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_thousand_layered_programs(backend):
    assert not [seed for seed in range(1000) if differs(seed, backend, seed % 5)]


@pytest.mark.parametrize("rows", [0, 1, 5, 70])
def test_layered_programs_as_loops_over_arrays(rows, monkeypatch):
    for name in ("COMPACT", "WIDE", "SMALL", "LARGE"):
        monkeypatch.setattr(llvm_backend, name, 0)
    assert not [seed for seed in range(3) if differs(seed, "llvm", rows)]


@pytest.mark.slow
def test_a_thousand_layered_programs_as_loops_over_arrays(monkeypatch):
    for name in ("COMPACT", "WIDE", "SMALL", "LARGE"):
        monkeypatch.setattr(llvm_backend, name, 0)
    assert not [seed for seed in range(1000) if differs(seed, "llvm", seed % 5)]


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("width", [1, 3, 4, 9])
def test_rows_of_a_table_are_taken_by_tokens(width, backend):
    rows = [[10.0 * i + j for j in range(width)] for i in range(17)]
    table = [[Value(x, "E") for x in row] for row in rows]
    columns = list(zip(*table, strict=True))
    weights = list(itertools.chain(*table))
    program = compile(
        lambda token: [take(column, token) for column in columns],
        1,
        weights,
        backend=backend,
    )
    tokens = [3, 0, 16, 3, 7]
    wanted = [rows[token] for token in tokens]
    assert program([[token] for token in tokens]).tolist() == wanted


# ---- stage by stage ------------------------------------------------------------------


def array_program(function, inputs, parameters, kind="gradient"):
    program = compile(function, inputs, parameters, backend="numpy")
    return fused(found(program._plan(kind)[0]))


def kinds(program):
    """How many steps there are of each kind, those inside others too."""
    counts = Counter()
    stack = [array.step for _, array in program.made()]
    while stack:
        step = stack.pop()
        counts[type(step)] += 1
        stack += step.args if isinstance(step, Apply) else ()
    return counts


def perceptron(sizes, by):
    """A network's loss, whose sums are written in some way, and its weights."""
    pairs = list(itertools.pairwise([2, *sizes]))
    layers = [
        (
            [
                [Value(0.1 * (i - j), f"W{n}[{i},{j}]") for j in range(a)]
                for i in range(b)
            ],
            [Value(0.1 * i, f"b{n}[{i}]") for i in range(b)],
        )
        for n, (a, b) in enumerate(pairs)
    ]

    def loss(*row):
        for W, b in layers:
            row = [tanh(by(w, row, c)) for w, c in zip(W, b, strict=True)]
        return sum([x * x for x in row])

    weights = [w for W, b in layers for w in [*itertools.chain(*W), *b]]
    return loss, weights


def by_dot(ws, xs, b):
    return dot(ws, xs) + b


def by_builtin(ws, xs, b):
    return builtins.sum([w * x for w, x in zip(ws, xs, strict=True)]) + b


def by_bias_first(ws, xs, b):
    return builtins.sum((x * w for w, x in zip(ws, xs, strict=True)), b)


def by_loop(ws, xs, b):
    total = 0.0
    for w, x in zip(ws, xs, strict=True):
        total += w * x
    return b + total


WAYS = [by_dot, by_builtin, by_bias_first, by_loop]


@pytest.mark.parametrize("by", WAYS)
def test_a_layer_is_found_however_its_sums_are_written(by):
    loss, weights = perceptron([5, 4], by)
    steps = kinds(array_program(loss, 2, weights))
    # Forward one product per layer, and the squares; back one, and one per gradient.
    assert steps[Product] == 3 + 1 + 2
    assert steps[Join] == 1  # the gradient


@pytest.mark.parametrize("by", WAYS)
def test_the_steps_are_as_many_whatever_the_size(by):
    sizes = ([6, 6, 5], [12, 24, 10])
    counts = [len(list(array_program(*args_of(s, by)).made())) for s in sizes]
    assert counts[0] == counts[1] <= 42


@pytest.mark.parametrize("by", WAYS)
def test_the_machine_code_is_as_long_whatever_the_size(by):
    texts = []
    for sizes in ([16, 24, 16], [24, 40, 32]):
        loss, weights = perceptron(sizes, by)
        program = compile(loss(0.3, -0.2), [], weights, backend="numpy")
        kernel = expanded(program._plan("gradient")[0])
        texts.append(Loops(kernel, found(kernel), 4).text().splitlines())
    assert len(texts[0]) == len(texts[1])


def test_a_long_reduction_is_loops():
    weights = [Value(0.01 * n) for n in range(1000)]
    program = compile(logsumexp(weights), [], weights, backend="llvm")
    assert isinstance(program.kernel("gradient").module, Loops)
    _, slopes = program.value_and_grad()
    assert slopes == pytest.approx([w.data for w in softmax(weights)], rel=1e-12)


def args_of(sizes, by):
    loss, weights = perceptron(sizes, by)
    return loss, 2, weights


def test_shared_weights_are_one_product_over_all_positions():
    W = [[Value(0.1 * i - 0.2 * j, f"W[{i},{j}]") for j in range(3)] for i in range(4)]
    weights = list(itertools.chain(*W))

    def loss(*xs):
        rows = [xs[t : t + 3] for t in range(0, 15, 3)]
        return sum([tanh(dot(w, row)) for row in rows for w in W])

    program = array_program(loss, 15, weights)
    products = [each.step for _, each in program.made() if type(each.step) is Product]
    forward, backward = products
    assert not forward.rows
    assert (forward.left.dims, forward.right.dims) == ((1, 4, 3), (1, 5, 3))
    assert backward.rows
    assert (backward.left.dims, backward.right.dims) == ((1, 4, 5), (1, 3, 5))


def test_positions_come_together_again_behind_sums_of_different_lengths():
    W = [[Value(0.1 * i - 0.2 * j, f"W[{i},{j}]") for j in range(2)] for i in range(3)]

    def loss(*xs):
        rows = [xs[t : t + 2] for t in range(0, 12, 2)]
        mixed = [
            [dot([r[0] for r in rows[:t]], [r[j] for r in rows[:t]]) for j in range(2)]
            for t in range(1, 7)
        ]
        return sum([tanh(dot(w, row)) for row in mixed for w in W])

    program = array_program(loss, 12, list(itertools.chain(*W)))
    (leaf,) = [n for n, a in program.made() if getattr(a.step, "name", "") == "W"]
    steps = [array.step for _, array in program.made()]
    weighted = [s for s in steps if type(s) is Product and s.left.array == leaf]
    assert [step.right.dims for step in weighted] == [(1, 6, 2)]


def test_half_of_a_grid_is_a_product_and_less_is_not():
    ps = [Value(0.1 * i, f"p[{i}]") for i in range(32)]

    def triangle(*xs):
        rows = [ps[4 * i : 4 * i + 4] for i in range(8)]
        return [
            dot(rows[i], xs[4 * j : 4 * j + 4]) for i in range(8) for j in range(i + 1)
        ]

    program = array_program(triangle, 32, ps, "forward")
    (product,) = [a for _, a in program.made() if type(a.step) is Product]
    assert product.size == 64
    assert product.scalars.count(-1) == 28

    def diagonal(*xs):
        rows = [ps[4 * i : 4 * i + 4] for i in range(8)]
        return [dot(rows[i], xs[4 * i : 4 * i + 4]) for i in range(8)]

    program = array_program(diagonal, 32, ps, "forward")
    (product,) = [a for _, a in program.made() if type(a.step) is Product]
    assert (product.size, product.step.left.dims) == (8, (8, 1, 4))


@pytest.mark.parametrize(
    ("dims", "strides", "start"),
    [
        ((2, 3), (3, 1), 0),
        ((3, 2), (1, 3), 0),
        ((4, 2), (0, 2), 1),
        ((2, 2, 2), (4, 0, 1), 2),
    ],
)
def test_boxes_are_recognized(dims, strides, start):
    read = Read(0, start, dims, strides)
    assert boxed(0, read.places(), dims) == read
    assert (
        boxed(0, read.places(), sides([read.places()], len(read.places()))).table == ()
    )


def test_a_chain_of_maxima_is_one_reduction():
    program = array_program(lambda *x: maximum(*x) * 2.0, 9, [], "forward")
    assert kinds(program)[Reduce] == 1
    assert kinds(program)[Apply] == 1


def test_additions_keep_their_order_where_there_are_no_products():
    big = compile(lambda a, b, c, d: ((a + b) + c) + d, 4, backend="llvm")
    assert big([[1e16, 1.0, -1e16, 1.0]])[0] == ((1e16 + 1.0) - 1e16) + 1.0


def test_what_is_used_elsewhere_is_no_link_of_a_chain():
    def prefix(*xs):
        sums = list(itertools.accumulate(xs))
        return [tanh(s) for s in sums]

    batch = np.random.default_rng(0).normal(size=(3, 6))
    found = compile(prefix, 6, backend="numpy")(batch)
    np.testing.assert_allclose(found, np.tanh(batch.cumsum(axis=1)), rtol=1e-14)


def recorded(function, count):
    """The operations that a function of so many arguments is recorded as."""
    code, _, _ = from_function(function, count, [])
    return [made.op for made in code.instructions if made.args]


def products(xs):
    return [a * b for a, b in zip(xs[::2], xs[1::2], strict=True)]


def with_square(*xs):
    total = builtins.sum(products(xs))
    return total, total * total


def with_part(*xs):
    parts = list(itertools.accumulate(products(xs)))
    return parts[-1] * parts[2]


def with_term(*xs):
    terms = products(xs)
    return builtins.sum(terms) * terms[1]


def with_late_term(*xs):
    total = builtins.sum(products(xs))
    return total + tanh(xs[0]) * xs[1]


ONCE = {
    "by sum": (lambda *xs: builtins.sum(products(xs)), ["dot"]),
    "by reduce": (lambda *xs: functools.reduce(operator.add, products(xs)), ["dot"]),
    "from a leaf on": (lambda *xs: builtins.sum(products(xs), xs[0]), ["dot", "add"]),
    "before others": (lambda *xs: builtins.sum(products(xs)) + xs[0], ["dot", "add"]),
    "after others": (lambda *xs: xs[0] + builtins.sum(products(xs)), ["dot", "add"]),
    "used twice": (with_square, ["dot", "mul"]),
    "two of them": (
        lambda *xs: products(xs)[0] + products(xs)[1],
        ["mul", "mul", "add"],
    ),
    "a part is used": (with_part, ["mul", *["mul", "add"] * 4, "mul"]),
    "a term is used": (with_term, [*["mul", "add"] * 5, "mul"]),
    "one is later": (with_late_term, [*["mul", "add"] * 5, "tanh", "mul", "add"]),
}


@pytest.mark.parametrize("case", ONCE)
def test_a_sum_of_products_written_at_once_is_recorded_as_a_dot(case):
    function, ops = ONCE[case]
    xs = [Value(x) for x in np.random.default_rng(0).normal(size=10)]
    assert recorded(function, 10) == ops
    for program in (compile(function, 10), compile(function(*xs), xs)):
        found = program([[x.data for x in xs]]).ravel()
        outputs, _ = flattened(function(*xs))
        np.testing.assert_allclose(found, [y.data for y in outputs], rtol=1e-14)


def test_sums_of_products_are_the_same_arrays_as_dots():
    def layers(dot):
        weights = [[Value(0.1 * i - 0.2 * j) for i in range(5)] for j in range(5)]

        def loss(*x):
            for _ in range(3):
                x = [a + tanh(dot(row, x)) for a, row in zip(x, weights, strict=True)]
            return dot(x, x)

        return array_program(loss, 5, [w for row in weights for w in row], "gradient")

    by_sum, by_dots = (
        layers(lambda xs, ys: builtins.sum(map(operator.mul, xs, ys))),
        layers(dot),
    )
    assert kinds(by_sum) == kinds(by_dots)


def test_a_long_formula_is_cut_before_python_refuses_to_read_it():
    def f(x):
        for _ in range(500):
            x = tanh(x * 0.5 + 1.0)
        return x

    program = compile(f, 1, backend="numpy")
    assert program([[0.1]])[0] == pytest.approx(
        compile(f, 1, backend="llvm")([[0.1]])[0]
    )


def test_rows_go_through_in_blocks_and_make_no_difference():
    loss, weights = perceptron([30, 2], by_dot)
    program = compile(loss, 2, weights, backend="numpy")
    batch = np.random.default_rng(0).normal(size=(9000, 2))
    mean, slopes = program.value_and_grad(batch)
    halves = [program.value_and_grad(half) for half in (batch[:4500], batch[4500:])]
    assert mean == pytest.approx(np.mean([value for value, _ in halves]), rel=1e-13)
    np.testing.assert_allclose(
        slopes, np.mean([s for _, s in halves], axis=0), rtol=1e-11
    )


# ---- derivatives by the parameters, row by row and twice -----------------------------


def second_order(output, ws, v):
    """The Hessian by the parameters times a vector, by recording the gradient."""
    with ieee():
        slopes = gradients(output, ws, create_graph=True)
        return gradients(dot(slopes, v), ws)


def by_parameters(make, seed, backend):
    """What a program and the graph have for jacobian and hvp, side by side."""
    output, xs, ws = make(seed)[:3]
    batch = np.random.default_rng(seed).uniform(-1, 1, (3, len(xs)))
    v = np.random.default_rng(1).normal(size=len(ws)).tolist()
    program = compile(output, xs, ws, backend=backend)
    slopes = [by_w for _, _, by_w in eager(output, xs, ws, batch.tolist())]
    along = []
    for row in batch.tolist():
        for x, number in zip(xs, row, strict=True):
            x.data = number
        with ieee():
            output.recompute()
        along.append(second_order(output, ws, v))
    yield program.jacobian(batch), np.array(slopes)
    yield program.hvp(batch, v), np.mean(along, axis=0)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("seed", [0, 1, 2, 5, 7, 8])
def test_jacobian_and_hvp_are_the_graphs(seed, backend):
    for made, wanted in by_parameters(layered, seed, backend):
        assert made.shape == wanted.shape
        scale = max(1.0, abs(wanted).max(initial=0.0))
        np.testing.assert_allclose(made, wanted, rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_jacobian_of_several_outputs_and_of_none(backend):
    w, b = Value(2.0, "w"), Value(1.0, "b")
    program = compile(lambda x: [[w * x, b], [w * w, x]], 1, [w, b], backend=backend)
    assert program.jacobian([[3.0]]).tolist() == [[[[3, 0], [0, 1]], [[4, 0], [0, 0]]]]
    assert program.jacobian(np.empty((0, 1))).shape == (0, 2, 2, 2)
    with pytest.raises(ValueError, match="4 outputs"):
        program.hvp([[3.0]], [1.0, 0.0])


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_sum_over_the_rows_is_their_number_times_the_mean(backend):
    w = Value(2.0, "w")
    program = compile(lambda x: w**3 * x, 1, [w], backend=backend)
    batch = [[1.0], [2.0], [6.0]]
    value, slopes = program.value_and_grad(batch, reduction="sum")
    assert (value, slopes.tolist()) == (72.0, [108.0])
    assert program.hvp(batch, [1.0], reduction="sum").tolist() == [108.0]
    value, slopes = program.value_and_grad(np.empty((0, 1)), reduction="sum")
    assert (value, slopes.tolist()) == (0.0, [0.0])
    with pytest.raises(ValueError, match="choose mean or sum"):
        program.value_and_grad(batch, reduction="median")


def test_a_branch_not_taken_stays_out_of_the_second_derivative():
    w = Value(0.0, "w")
    program = compile(lambda x: where(x > 0, sqrt(x * w * w + 1.0), w), 1, [w])
    assert program.hvp([[-2.0], [1.0]], [1.0]).tolist() == [0.5]
    kinked = compile(lambda x: relu(w * x) * w, 1, [w])
    assert kinked.hvp([[1.0], [-1.0]], [1.0], [0.5]).tolist() == [1.0]


@pytest.mark.parametrize("seed", range(0, 30, 5))
def test_the_source_of_a_gradient_stands_alone(seed):
    output, xs, ws = layered(seed)
    program, names = compile(output, xs, ws), {}
    exec(program.to_numpy_source("step", gradient=True), names)
    batch = np.random.default_rng(seed).uniform(-1, 1, (4, len(xs)))
    value, slopes = names["step"](batch)
    wanted, by_w = program.value_and_grad(batch)
    assert value == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(slopes, by_w, rtol=1e-9, atol=1e-12)


def test_parameters_are_read_at_once_and_are_the_callers_to_change():
    ws = [Value(0.5 * i) for i in range(5)]
    program = compile(lambda x: x * sum(ws), 1, ws)
    ws[3].data = -7.0
    numbers = program.numbers()
    assert numbers.tolist() == [w.data for w in ws]
    numbers += 1.0
    assert ws[0].data == 0.0


# ---- what is shown -------------------------------------------------------------------


def test_formulas_take_time_in_proportion_to_the_program():
    w = Value(0.5, "w")

    def f(x):
        y = w * x
        for _ in range(60):  # 2 ** 60 ways from the output to the input
            y = tanh(y) * y + y
        return y

    text = compile(f, 1, [w]).formulas()
    assert 60 < len(text.splitlines()) < 400


def test_places_are_shown_in_the_order_in_which_they_are_read():
    pairs = compile(lambda *x: [x[0] - x[1], x[1] - x[0]], 2)
    (line,) = [line for line in str(pairs).splitlines() if "y = " in line]
    assert line.split("=")[1].split() == ["x", "-", "x[2,", "1]", "2"]


def test_what_varies_and_what_does_not_stand_apart():
    w = Value(0.5, "w")
    program = compile(lambda x: exp(w) * x, 1, [w])
    assert str(program).splitlines() == [
        "x  1 input",
        "w  1 parameter",
        "once:",
        "  v = exp(w)",
        "for every row:",
        "  L = v · x",
        "the mean over the rows:",
        "  value = L",
        "  ∂L/∂w = x · v",
    ]


def test_loops_that_hardly_ever_run_are_translated_plainly():
    ws = [Value(n / 500, f"w{n}") for n in range(500)]
    odd = [Value(0.1 * n, f"v[{n}]") for n in range(3)]
    output = sum([exp(w) for w in ws]) * sum([tanh(v) for v in odd])
    code, outputs = from_graph([output], [], [*ws, *odd])
    kernel = expanded(forward_kernel(code, outputs, 0, len(ws) + len(odd)))
    text = Loops(kernel, found(kernel), 4).text().splitlines()
    ours = [line for line in text if line.startswith("define internal void @loop")]
    assert Counter("#1" in line for line in ours) == {False: 1, True: len(ours) - 1}
    assert len(ours) > 1
