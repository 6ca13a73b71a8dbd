"""Backends against the eager engine, and the vector mathematics against mpmath."""

import random
import warnings
from contextlib import contextmanager
from functools import partial

import mpmath
import numpy as np
import pytest
from random_graphs import eager, example

from autograd import Value, compile, dot, maximum, minimum, relu, sin, sum, tanh
from autograd.compiler.llvm import backend as llvm_backend
from autograd.compiler.llvm import layout as llvm_layout
from autograd.graph import gradients, topological_order
from autograd.modes import MODE, ieee
from autograd.ops import TABLE
from nn import MLP

BACKENDS = ["numpy", "llvm"]
ROWS = [0, 1, 7, 8, 9, 1000]


# ---- random graphs -------------------------------------------------------------------


def answers(output, xs, ws, batch, gradients=gradients):
    """Value, slopes by the inputs and slopes by the parameters, one line per row."""
    found = eager(output, xs, ws, batch, gradients)
    lines = [[v, *by_x, *by_w] for v, by_x, by_w in found]
    return np.reshape(lines, (len(batch), 1 + len(xs) + len(ws)))


@contextmanager
def blurred(rng):
    """Change every result that is recorded in its last digit, up, down or not."""
    inside = False

    def observer(node):
        nonlocal inside
        if inside:
            return node
        inside = True
        try:
            return node * (1 + rng.choice([-1, 0, 1]) * 2.0**-52)
        finally:
            inside = False

    MODE.observer = observer
    try:
        yield
    finally:
        MODE.observer = None


def blurred_gradients(output, leaves, rng):
    """The same for what flows back along every arrow; what is masked stays 0."""
    adjoints = dict.fromkeys(leaves, 0.0) | {output: 1.0}
    for node in reversed(topological_order(output)):
        adjoint = adjoints.get(node, 0.0)
        for parent, slope in zip(node.parents, node.partials, strict=True):
            blur = 1 + rng.choice([-1, 0, 1]) * 2.0**-52
            share = adjoint * slope * blur if adjoint and slope else 0.0
            adjoints[parent] = adjoints.get(parent, 0.0) + share
    return [adjoints[leaf] for leaf in leaves]


def spread(seed, batch, wanted):
    """How far rounding moves each result: the same graph, blurred in several ways."""
    moved = np.zeros_like(wanted)
    for blur in range(6):
        rng = random.Random(blur)
        with blurred(rng):
            output, xs, ws, _ = example(seed, rows=0)
        slopes = partial(blurred_gradients, rng=rng)
        found = answers(output, xs, ws, batch, slopes)
        moved = np.fmax(moved, abs(found - wanted))
    return moved


def agrees(found, wanted, size, moved):
    """Whether the two are equal to 1e-12 of a size; nan and inf in the same places."""
    close = abs(found - wanted) <= 1e-12 * size + 10 * moved
    return (found == wanted) | (np.isnan(found) & np.isnan(wanted)) | close


def differences(seed, backend, rows):
    """Where program and graph differ by more than 1e-12, beyond their conditioning.

    A result that moves by more than that when every number on its way is changed in
    the last digit has no 12 digits to compare; 10 times such a move is allowed. The
    means over the rows are held to the rows' means, to 1e-12 of their mean size.
    """
    output, xs, ws, batch = example(seed, rows)
    program = compile(output, xs, ws, backend=backend)
    wanted = answers(output, xs, ws, batch)
    X = np.reshape(batch, (rows, len(xs)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the mean of no rows is nan
        values, slopes = program.input_grad(X)
        mean, by_w = program.value_and_grad(X)
        lines, columns = 1 + len(xs), [0, *range(1 + len(xs), wanted.shape[1])]
        found, means = np.hstack([values[:, None], slopes]), np.array([mean, *by_w])
        # A multiply-add keeps what rounding takes from a product that cancels exactly.
        moved = np.full_like(wanted, 1e-18 if backend == "llvm" else 1e-301)

        def right():
            size = abs(wanted)
            return (
                agrees(found, wanted[:, :lines], size[:, :lines], moved[:, :lines]),
                agrees(
                    means, *[x[:, columns].mean(axis=0) for x in (wanted, size, moved)]
                ),
            )

        each, overall = right()
        if not (each.all() and overall.all()):
            suspects = ~each.all(axis=1) if overall.all() else np.full(rows, True)
            few = [row for row, suspect in zip(batch, suspects, strict=True) if suspect]
            moved[suspects] += spread(seed, few, wanted[suspects])
            each, overall = right()
        return not (each.all() and overall.all())


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_graphs(backend):
    for seed in range(40 if backend == "llvm" else 100):
        assert not differences(seed, backend, ROWS[seed % 5]), seed


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_random_graphs(backend):
    seeds = range(10_000)
    bad = [s for s in seeds if differences(s, backend, ROWS[s % len(ROWS)])]
    assert not bad


@pytest.mark.parametrize("lanes", [2, 4])
def test_narrower_vectors(lanes, monkeypatch):
    name, features, _ = llvm_backend.processor()
    monkeypatch.setattr(llvm_backend, "processor", lambda: (name, features, lanes))
    assert not [seed for seed in range(4) if differences(seed, "llvm", 2 * seed + 3)]
    test_a_networks_loss_and_gradient_are_alike_on_both_backends([5, 9, 13, 1], rows=9)


def test_inputs_that_nothing_reads_have_room():
    xs, w = [Value(1.0) for _ in range(9)], Value(2.0)
    program = compile(xs[0] * w, xs, [w])
    assert program.kernel("gradient").module.slots >= len(xs)
    batch = np.arange(9.0 * 500).reshape(500, 9)
    assert program.value_and_grad(batch)[1] == pytest.approx(batch[:, 0].mean())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rows", ROWS)
def test_numbers_of_rows(rows, backend):
    output, xs, ws, _ = example(6, rows=1)
    batch = np.random.default_rng(0).uniform(-2, 2, (rows, len(xs)))
    program = compile(output, xs, ws, backend=backend)
    values, slopes = program.input_grad(batch)
    wanted = eager(output, xs, ws, batch.tolist())
    np.testing.assert_allclose(values, [v for v, _, _ in wanted], rtol=1e-12)
    np.testing.assert_allclose(
        slopes, np.reshape([s for _, s, _ in wanted], (rows, len(xs))), rtol=1e-12
    )
    if rows:
        value, gradient = program.value_and_grad(batch)
        by_w = np.mean([s for _, _, s in wanted], axis=0)
        assert value == pytest.approx(np.mean([v for v, _, _ in wanted]), rel=1e-12)
        np.testing.assert_allclose(gradient, by_w, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bad_row_at_the_end_spoils_no_sum_but_its_own(backend):
    w = Value(2.0)
    program = compile(lambda x: w * x.log(), 1, [w], backend=backend)
    batch = np.ones((9, 1))
    assert program.value_and_grad(batch)[1].tolist() == [0.0]
    batch[8] = 0.0
    assert program.value_and_grad(batch)[1].tolist() == [-np.inf]


# ---- networks, whose layers run as loops ---------------------------------------------


def network(sizes, activation):
    model = MLP(2, sizes, activation=activation, seed=0)
    parameters = model.parameters()

    def loss(a, b, t):
        error = model([a, b]) - t
        return error * error + 1e-3 * sum([p * p for p in parameters])

    return loss, parameters


@pytest.mark.parametrize("rows", [1, 9, 300])
@pytest.mark.parametrize("sizes", [[16, 16, 1], [5, 9, 13, 1], [64, 3, 1]])
def test_a_networks_loss_and_gradient_are_alike_on_both_backends(sizes, rows):
    loss, parameters = network(sizes, "tanh")
    batch = np.random.default_rng(0).normal(size=(rows, 3))
    programs = [compile(loss, 3, parameters, backend=backend) for backend in BACKENDS]
    (one, by_numpy), (two, by_llvm) = [p.value_and_grad(batch) for p in programs]
    assert one == pytest.approx(two, rel=1e-13)
    np.testing.assert_allclose(by_llvm, by_numpy, rtol=1e-11, atol=1e-16)
    xs = [Value(x) for x in batch[0]]
    output = loss(*xs)
    output.backward()
    wanted = np.array([p.grad for p in parameters])
    found = programs[1].value_and_grad(batch[:1])[1]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-16)


def test_a_shared_weight_collects_all_its_uses():
    w = [Value(0.1 * i) for i in range(1, 9)]

    def f(*xs):
        rows = [dot(w, xs[i:] + xs[:i]) for i in range(8)]  # a circulant matrix
        return sum([tanh(row) for row in rows])

    batch = np.random.default_rng(0).normal(size=(21, 8))
    one = compile(f, 8, w, backend="numpy").value_and_grad(batch)[1]
    two = compile(f, 8, w, backend="llvm").value_and_grad(batch)[1]
    np.testing.assert_allclose(two, one, rtol=1e-12)


LONG = {
    "a dot": (2, lambda *xs: dot(xs[::2], xs[1::2])),
    "a dot with itself": (1, lambda *xs: dot(xs, xs)),
    "a dot of results": (1, lambda *xs: dot([tanh(x) for x in xs], xs)),
    "a dot with numbers": (1, lambda *xs: dot(xs, [0.5 * i for i in range(len(xs))])),
    "a sum": (1, lambda *xs: sum([x * x for x in xs])),
}


@pytest.mark.parametrize("terms", [-1, 0, 1, llvm_layout.TERMS + 1])
@pytest.mark.parametrize("name", LONG)
def test_sums_of_more_terms_than_go_in_one_piece(name, terms):
    each, f = LONG[name]
    count = each * (llvm_layout.TERMS + terms)
    batch = np.random.default_rng(0).normal(size=(5, count))
    one, two = (compile(f, count, backend=backend) for backend in BACKENDS)
    np.testing.assert_allclose(two(batch), one(batch), rtol=1e-12)
    slopes = one.input_grad(batch)[1]
    np.testing.assert_allclose(two.input_grad(batch)[1], slopes, rtol=1e-12)


# ---- large graphs --------------------------------------------------------------------


def large(size):
    rng = random.Random(0)
    xs = [Value(rng.uniform(-1, 1)) for _ in range(5)]
    ws = [Value(rng.uniform(-1, 1)) for _ in range(5)]
    pool = [*xs, *ws]
    for _ in range(size):
        a, b = rng.choice(pool[-100:]), rng.choice(pool[-100:])
        made = rng.choice(
            [a + b, a * b, a - b, tanh(a), maximum(a, b), sin(a), relu(a)]
        )
        pool.append(made)
    return tanh(sum(pool[-30:])), xs, ws


def factored_sums(program, kind):
    return program.kernel(kind).module.layout.parts


@pytest.fixture
def nearest():
    """The square of the distance to the nearest of four centers, and 20 points."""
    centers = [Value(0.25 * n + 0.1 * (n % 3)) for n in range(8)]

    def square(x, y):
        pairs = zip(centers[::2], centers[1::2], strict=True)
        return minimum(*[(x - a) ** 2 + (y - b) ** 2 for a, b in pairs])

    return square, centers, np.random.default_rng(3).uniform(0, 2, (20, 2))


@pytest.mark.parametrize("kind", ["gradient", "hvp"])
def test_factors_are_taken_out_of_sums_over_rows(kind, nearest):
    square, centers, X = nearest
    found = []
    for backend in ("llvm", "numpy"):
        program = compile(square, 2, centers, backend=backend)
        call = program.prepared(kind, X)
        call.parameters[8:] = np.arange(len(call.parameters) - 8)
        call()
        found.append(call.means[: 8 * (1 + (kind == "hvp"))])
    assert factored_sums(compile(square, 2, centers), kind)
    np.testing.assert_allclose(*found, rtol=1e-13, atol=1e-15)


def test_a_factor_counts_only_where_a_row_chooses_it(nearest):
    square, centers, X = nearest
    centers[0].data = 100.0
    program = compile(square, 2, centers)
    v = [np.inf, np.nan, *[1.0] * 6]
    assert factored_sums(program, "hvp")
    found = program.hvp(X, v)
    assert found[:2].tolist() == [0.0, 0.0]
    assert found[2:].sum() == pytest.approx(4.0)


def test_a_chain_of_factors_is_as_long_as_it_likes():
    x, w = Value(2.0), Value(3.0)
    y = w * x
    for n in range(3000):
        y = y * (2.0 if n % 2 else 0.5)
    program = compile(y, [x], [w])
    assert program.value_and_grad([[1.0], [3.0]])[0] == 6.0
    assert program.value_and_grad([[1.0], [3.0]])[1].tolist() == [2.0]


def test_threads_add_up_what_factors_are_taken_out_of(nearest):
    square, centers, X = nearest
    X = np.tile(X, (500, 1))
    one, many = [compile(square, 2, centers, threads=n) for n in (1, 3)]
    for program in (one, many):
        assert factored_sums(program, "gradient")
    np.testing.assert_allclose(
        one.value_and_grad(X)[1], many.value_and_grad(X)[1], rtol=1e-12
    )


@pytest.mark.parametrize("size", [300, 3000])
def test_large_graphs_are_cut_into_chunks(size):
    output, xs, ws = large(size)
    batch = np.random.default_rng(0).normal(size=(3, 5))
    wanted = eager(output, xs, ws, batch.tolist())
    values, slopes = compile(output, xs, ws, backend="llvm").input_grad(batch)
    np.testing.assert_allclose(values, [v for v, _, _ in wanted], rtol=1e-9)
    np.testing.assert_allclose(slopes, [s for _, s, _ in wanted], rtol=1e-7, atol=1e-9)


def test_memory_stays_in_proportion_to_the_block_not_to_the_batch():
    output, xs, ws = large(300)
    program = compile(output, xs, ws, backend="llvm")
    program.value_and_grad(np.zeros((100_000, 5)))
    (space,) = program.kernel("gradient").many.free
    memory = [x for x in vars(space).values() if isinstance(x, np.ndarray)]
    assert sum(array.nbytes for array in memory) < 1_000_000


# ---- vector mathematics --------------------------------------------------------------

REFERENCES = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "pow": mpmath.power,
}
SPANS = {
    "exp": (-700, 700),
    "expm1": (-60, 700),
    "log": (1e-300, 1e300),
    "log1p": (-1 + 1e-9, 1e300),
    "sin": (-1e5, 1e5),
    "cos": (-1e5, 1e5),
    "tan": (-1e5, 1e5),
    "asin": (-1, 1),
    "acos": (-1, 1),
    "atan": (-1e3, 1e3),
    "atan2": (-10, 10),
    "hypot": (-10, 10),
    "sinh": (-700, 700),
    "cosh": (-700, 700),
    "tanh": (-25, 25),
    "sigmoid": (-700, 40),
    "softplus": (-700, 800),
    "silu": (-600, 700),
    "erf": (-6, 6),
    "erfc": (-6, 26),
    "gelu": (-8, 37),
    "pow": (0.01, 20),
}


def points(name, rng, count=150):
    low, high = SPANS[name]
    arity = TABLE[name].arity
    spread = rng.uniform(low, high, (count, arity))
    if high > 1e200:
        spread = np.exp(rng.uniform(np.log(1e-9), np.log(high), (count, arity)))
    near = rng.uniform(max(low, -2), min(high, 2), (count, arity))
    tiny = 10.0 ** rng.uniform(-15, -1, (count, arity))
    return np.concatenate([spread, near, tiny])


@pytest.mark.parametrize("name", SPANS)
def test_vector_mathematics_against_mpmath(name):
    batch = points(name, np.random.default_rng(0))
    row = TABLE[name]
    found = compile(lambda *x: row(*x), row.arity, backend="llvm")(batch)
    reference = REFERENCES.get(name) or getattr(mpmath, name)
    with mpmath.workprec(140):
        for x, y in zip(batch.tolist(), found.tolist(), strict=True):
            wanted = reference(*map(mpmath.mpf, x))
            tolerance = 1e-14 if name == "gelu" else 1.5e-15
            assert abs(mpmath.mpf(y) - wanted) <= tolerance * abs(wanted), x


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles_get_the_systems_answer(name):
    row = TABLE[name]
    batch = [[1e5 + 1], [-1e6], [1e15], [3.0], [1e22], [-1e300], [0.5]]
    found = compile(lambda x: row(x), 1, backend="llvm")(batch)
    with ieee():
        np.testing.assert_allclose(found, [row(x) for (x,) in batch], rtol=1e-15)
