"""Loops found again in instruction lists: random simulations beside other backends."""

import random

import numpy as np
import pytest
from random_graphs import grow, squeezed

from autograd import (
    Value,
    compile,
    exp,
    grad,
    gradients,
    hvp,
    log,
    maximum,
    sigmoid,
    sin,
    tanh,
    where,
)
from autograd.compiler import program as programs
from autograd.compiler import repeats
from autograd.compiler.llvm.turns import Across, Packed, TurnsKernel

KINDS = ("forward", "gradient", "input", "jacobian", "hvp")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Small programs are looked through as well."""
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(programs, "LONG", 20)
    monkeypatch.setattr(repeats, "SAVED", 10)
    monkeypatch.setattr(repeats, "LESS", 0)
    monkeypatch.setattr(repeats, "WIDE", 1000)


def simulation(seed, inputs, parameters):
    """A random state that goes through equal random steps, and what is kept of it."""
    rng = random.Random(seed)
    turns, lag = rng.randint(5, 9), rng.randint(1, 2)
    width, steps, shape = rng.randint(1, 2), rng.randint(2, 4), rng.random()
    known = [rng.uniform(-1, 1) for _ in range(turns)]

    def step(state, leaves, x):
        own = random.Random(shape)
        return [
            squeezed(grow(own, [*state, *leaves, x * leaves[0]], steps))
            for _ in range(width)
        ]

    def f(*xs):
        leaves = [*xs, *parameters]
        seen = [[squeezed(leaves[n % len(leaves)]) for n in range(width)]] * lag
        total = 0.0
        for turn in range(turns):
            state = step([*seen[-1], *seen[-lag]], leaves, known[turn])
            seen.append(state)
            total = total + state[0] ** 2
        late = sum(
            state[-1] * weight for state, weight in zip(seen, known, strict=False)
        )
        return where(late > 0.1, total * 2 + sin(late), total - late)

    return f


def prepared(program, kind, X, v=()):
    """A prepared call, called."""
    call = program.prepared(kind, X)
    call.parameters[len(program.parameters) :] = v
    call()
    return call


SEEDS = [*range(4), *[pytest.param(n, marks=pytest.mark.slow) for n in range(4, 60)]]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_simulation_is_what_other_backends_compute(seed):
    rng, inputs = np.random.default_rng(seed), seed % 3
    leaves = [Value(x, f"p{n}") for n, x in enumerate(rng.uniform(-1, 1, 3))]
    f = simulation(seed, inputs, leaves)
    X = rng.uniform(-1, 1, (11 if inputs else 1, inputs))
    found = compile(f, inputs=inputs, parameters=leaves, backend="llvm")
    other = compile(f, inputs=inputs, parameters=leaves, backend="numpy")
    assert all(type(found.kernel(kind)) is TurnsKernel for kind in KINDS)
    v = rng.normal(size=3)
    for ask in (
        lambda program: program(X),
        lambda program: program.value_and_grad(X)[0],
        lambda program: program.value_and_grad(X)[1],
        lambda program: program.input_grad(X)[1],
        lambda program: program.jacobian(X),
        lambda program: prepared(program, "jacobian", X).outputs,
        lambda program: prepared(program, "gradient", X).means,
        lambda program: program.hvp(X, v),
        lambda program: prepared(program, "hvp", X, v).means[:6],
        lambda program: program.hessian(X) @ v,
    ):
        np.testing.assert_allclose(ask(found), ask(other), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("width", [1, 3, 7])
def test_equal_formulas_side_by_side_fill_the_lanes(width, monkeypatch):
    monkeypatch.setattr(repeats, "SAVED", 100)
    packed, write = [], Packed.write
    monkeypatch.setattr(Packed, "write", lambda *each: packed.append(1) or write(*each))
    rng = random.Random(width)
    weights, shifts = [
        [Value(rng.uniform(-1, 1), f"{name}[{n}]") for n in range(width)]
        for name in "wb"
    ]

    known = [rng.random() for _ in range(20)]

    def loss():
        state = weights[::-1]
        for number in known:
            z = [a * w + b for a, w, b in zip(state, weights, shifts, strict=True)]
            gates = [sigmoid(x + y) for x, y in zip(z, state, strict=True)]
            cells = [tanh(x - y) for x, y in zip(z, reversed(state), strict=True)]
            three = zip(z, gates, cells, strict=True)
            state = [where(x > 0.1, g * c, g - c * number) for x, g, c in three]
        return sum(x * x for x in state)

    leaves = [*weights, *shifts]
    found, other = [
        compile(loss, parameters=leaves, backend=backend)
        for backend in ("llvm", "numpy")
    ]
    assert found() == pytest.approx(other(), rel=1e-12)
    slopes, expected = [each.value_and_grad()[1] for each in (found, other)]
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-11)
    kernel = found.kernel("gradient")
    assert type(kernel) is TurnsKernel
    assert bool(packed) == (width > 1)


@pytest.mark.parametrize("count", [95, 96, 98])
@pytest.mark.parametrize("seed", range(3))
def test_turns_that_need_no_other_run_side_by_side(seed, count, monkeypatch):
    """Neighbors, backward, far apart and anywhere; totals; chains; what is there twice.

    Called again with other numbers, nothing is left of the call before.
    """
    across, read = [], Across.read
    monkeypatch.setattr(
        Across, "read", lambda *each: across.append(each[1]) or read(*each)
    )
    rng = random.Random(seed)
    anywhere = [rng.randrange(count) for _ in range(count)]
    known = [rng.uniform(-1, 1) for _ in range(count)]

    def f(xs):
        ys = [sin(x * k) for x, k in zip(xs, known, strict=True)]
        zs = [y * xs[n] for y, n in zip(ys[::-1], anywhere, strict=True)]
        largest = maximum(*xs)
        total = xs[seed]
        for z in zs:
            total = total + z * z
        powers = [exp(x - largest) for x in xs]
        ends = sum(2.0 * a * b for a, b in zip(xs[::2], zs[1::2], strict=False))
        return total * largest + log(sum(powers)) - ends

    leaves = [Value(0.0, f"x[{n}]") for n in range(count)]
    made = compile(lambda: f(leaves), parameters=leaves, backend="llvm")
    call = made.prepared("gradient")
    assert type(made.kernel("gradient")) is TurnsKernel
    for _ in range(3):
        x = [rng.uniform(-1, 1) for _ in range(count)]
        x[5] = x[7] = x[8] = 1.5
        call.parameters[:] = x
        call()
        np.testing.assert_allclose(call.means[:-1], grad(f)(x), rtol=1e-10, atol=1e-12)
        assert call.means[-1] == pytest.approx(f(x), rel=1e-12)
    v = [rng.uniform(-1, 1) for _ in range(count)]
    expected = hvp(f, x, v)
    np.testing.assert_allclose(made.hvp(None, v, x), expected, rtol=1e-9, atol=1e-10)
    kinds = {(bool(cells.table), cells.stride) for cells in across}
    assert {(False, 1), (False, -1), (False, 0)} <= kinds
    assert any(table or abs(stride) > 1 for table, stride in kinds)


def test_what_all_steps_share_is_computed_before_them():
    """Where the first step that needs it did, the steps until then would differ."""
    rng = random.Random(0)
    w, v, b = leaves = [Value(x) for x in (0.4, -0.7, 0.2)]
    kinds = [0.0] * 9 + [rng.choice((0.0, 1.0, 2.0)) for _ in range(90)]

    def loss():
        state = b
        for kind in kinds:
            state = tanh(state * w + sigmoid(kind * v + b) * state)
        return state

    made = compile(loss, parameters=leaves)
    assert max(loop.turns for loop in made._loops().loops) >= len(kinds) - 2
    slopes = made.value_and_grad()[1]
    np.testing.assert_allclose(slopes, gradients(loss(), leaves), rtol=1e-12)


def test_a_row_that_is_nan_stays_alone():
    w = Value(0.5, "w")

    def f(x):
        for _ in range(30):
            x = x + w * sin(x)
        return x

    program = compile(f, inputs=1, parameters=[w])
    found = program([[0.1], [np.nan], [0.2]])
    assert type(program.kernel("forward")) is TurnsKernel
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[2] == program([[0.2]])[0]


def orbit(turns):
    """A pendulum after so many steps."""
    length, angle = Value(1.0, "length"), Value(0.3, "angle")
    x, speed = angle, 0.0
    for _ in range(turns):
        speed = speed - 0.01 * 9.81 / length * sin(x)
        x = x + 0.01 * speed
    return (x - 0.1) ** 2, [length, angle]


def test_what_is_compiled_does_not_grow_with_the_number_of_steps():
    sizes = set()
    for turns in (50, 500):
        loss, leaves = orbit(turns)
        program = compile(loss, parameters=leaves)
        loss.backward()
        slopes = program.value_and_grad()[1]
        assert slopes == pytest.approx([leaf.grad for leaf in leaves], rel=1e-12)
        sizes.add(sum(map(len, program.kernel("gradient").module.lines)))
    small, large = sorted(sizes)
    assert large - small < 40  # a number has another digit


def test_wide_steps_are_loops_where_there_are_many_in_a_row(monkeypatch):
    monkeypatch.setattr(repeats, "WIDE", 1)
    kinds = []
    for turns in (20, 90):
        weights = [Value(0.1 * n, f"w[{n}]") for n in range(1, 13)]
        state = [Value(0.1)] * 12
        for _ in range(turns):
            state = [sin(w * x) + x for w, x in zip(weights, state, strict=True)]
        loss = state[0] * state[-1]
        program = compile(loss, parameters=weights)
        loss.backward()
        slopes = program.value_and_grad()[1]
        assert slopes == pytest.approx([w.grad for w in weights], rel=1e-10)
        kinds.append(type(program.kernel("gradient")) is TurnsKernel)
    assert kinds == [False, True]


def test_explain_says_that_steps_were_found():
    loss, leaves = orbit(50)
    text = compile(loss, parameters=leaves).explain()
    assert "as loops: 49 turns of 5 instructions" in text


def test_a_list_without_repetition_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(repeats, "LESS", 4)
    program = compile(lambda *xs: grow(random.Random(0), xs, 60), inputs=2)
    assert type(program.kernel("input")) is not TurnsKernel


@pytest.mark.parametrize("period", [1, 2, 7, 40])
@pytest.mark.parametrize("before", [0, 3])
def test_the_period_is_found(period, before):
    rng = random.Random(period)
    body = [rng.randrange(50) for _ in range(period)]
    keys = [*range(100, 100 + before), *body * 30, 200, 201]
    found = [each for each in repeats.regions(keys) if each.turns > 1]
    assert found == [repeats.Region(before, period, 30)]
