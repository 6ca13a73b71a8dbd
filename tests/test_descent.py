"""An epoch in one call of machine code is the same as batch after batch in Python."""

import math

import numpy as np
import pytest

import nn
from autograd import Value, compile
from autograd.compiler import CompileError
from autograd.compiler.llvm import backend as llvm_backend
from autograd.compiler.llvm import descent as llvm_descent
from nn import MLP, SGD, Adam, AdamW, Optimizer, RMSProp, fit
from nn.compiled import Compiled
from nn.engine import Engine, Pace, Task

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 2))
Y = (X[:, 0] * X[:, 1] > 0) * 1.0

OPTIMIZERS = [
    SGD(lr=0.1),
    SGD(lr=0.1, momentum=0.9, weight_decay=0.01),
    SGD(lr=0.1, momentum=0.9, nesterov=True),
    Adam(lr=0.01),
    Adam(lr=0.01, betas=(0.5, 0.9), weight_decay=0.1),
    AdamW(lr=0.01),
    RMSProp(lr=0.01),
    RMSProp(lr=0.01, momentum=0.5),
]


def engine_of(model, loss=nn.mse, X=X, Y=Y):
    return Compiled(Task(model, loss, model.parameters(), X, Y, 1), "llvm")


ENGINE = engine_of(MLP(2, [4, 1], "tanh", seed=0))


def finite(numbers):
    """The same with nan for infinity: what is not finite may be either."""
    return np.where(np.isfinite(numbers), numbers, math.nan)


def same(engine, make, rows, size, *, epochs=2, tolerance=1e-12, **settings):
    """Epochs by machine code and by the loop in Python, compared and returned."""
    runs = []
    for epoch in (engine.epoch, lambda *a: Engine.epoch(engine, *a)):
        optimizer = make()
        optimizer.bind(engine.task.parameters)
        numbers = engine.program.numbers()
        for _ in range(epochs):
            done = epoch(numbers, rows, Pace(size, optimizer, **settings))
            numbers = done.numbers
        runs.append((done, optimizer))
    (one, fast), (two, slow) = runs
    for name, mine, theirs in zip(one._fields, one, two, strict=True):
        np.testing.assert_allclose(
            finite(mine), finite(theirs), tolerance, tolerance, err_msg=name
        )
    assert fast.steps == slow.steps
    assert list(fast.memory) == list(slow.memory)
    for name, mine in fast.memory.items():
        np.testing.assert_allclose(mine, slow.memory[name], tolerance, tolerance)
    return one


@pytest.mark.parametrize("clip", [math.inf, 0.05])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer(optimizer, clip):
    def make():
        return type(optimizer)(**optimizer.settings())

    same(ENGINE, make, np.arange(37)[::-1], 8, clip=clip, factor=0.5)
    assert ENGINE.name == "compiled"
    assert ENGINE._descent is not None


@pytest.mark.parametrize("size", [1, 7, 8, 9, 36, 37, 100])
def test_every_size_of_batch(size):
    done = same(ENGINE, lambda: Adam(lr=0.01), range(37), size)
    assert len(done.losses) == len(done.norms) == math.ceil(37 / size)
    assert done.outputs.shape == (37, 1)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 11])
def test_every_number_of_parameters(width):
    engine = engine_of(MLP(2, [width], None, seed=0), lambda p, t: p[0][0] ** 2
                       if width > 1 else p[0] ** 2, X[:1], np.zeros(1))  # fmt: skip
    same(engine, lambda: RMSProp(lr=0.01), range(1), 1)


@pytest.mark.parametrize("lanes", [2, 4])
def test_narrower_vectors(lanes, monkeypatch):
    name, features, _ = llvm_backend.processor()
    for module in (llvm_backend, llvm_descent):
        monkeypatch.setattr(module, "processor", lambda: (name, features, lanes))
    engine = engine_of(MLP(2, [4, 1], "tanh", seed=0))
    same(engine, lambda: Adam(lr=0.01), range(37), 8, clip=0.05)


def test_batches_of_a_row_run_what_is_for_few_rows(monkeypatch):
    monkeypatch.setattr(llvm_backend, "LONG", 0)
    model = MLP(2, [16, 8, 1], "tanh", seed=0)
    task = Task(model, nn.mse, model.parameters(), X, Y, 1, size=1)
    engine = Compiled(task, "llvm")
    same(engine, lambda: Adam(lr=0.01), range(9), 1)
    assert "few" in vars(engine._kernel)
    assert "many" not in vars(engine._kernel)  # which takes long to compile
    same(engine, lambda: Adam(lr=0.01), range(37), 8)
    assert "many" in vars(engine._kernel)


def test_some_of_the_rows():
    done = same(ENGINE, lambda: SGD(lr=0.1), [5, 0, 5, 36], 2)
    assert done.outputs.shape == (4, 1)


def test_long_epochs_are_several_calls_with_the_same_bits(monkeypatch):
    def run():
        optimizer = Adam(ENGINE.task.parameters, lr=0.1)
        pace = Pace(5, optimizer)
        rows = np.random.default_rng(0).permutation(37)
        return ENGINE.epoch(ENGINE.program.numbers(), rows, pace)

    whole = run()
    calls = []
    call = llvm_descent.Descent._call
    monkeypatch.setattr(llvm_descent, "MOST_WORK", 1.0)
    monkeypatch.setattr(
        llvm_descent.Descent, "_call", lambda *a: calls.append(0) or call(*a)
    )
    for one, other in zip(whole, run(), strict=True):
        assert one.tobytes() == other.tobytes()
    assert len(calls) == 8


# ---- the length of the gradient ------------------------------------------------------


def descent_with(gradient):
    """A descent whose gradient is the table's row, and which remembers it."""
    ps = [Value(0.0) for _ in range(gradient.shape[1])]
    program = compile(
        lambda *x: sum(a * p for a, p in zip(x, ps, strict=True)), len(ps), ps,
        backend="llvm",
    )  # fmt: skip
    settings = [Value(1.0, "lr"), Value(1.0, "t")]
    return program.descent(compile(lambda w, g, kept: [0.0 * w, g], 3, settings))


@pytest.mark.parametrize("clip", [math.inf, 0.5])
@pytest.mark.parametrize(
    "numbers",
    [
        [3.0, -4.0],
        [0.0, 0.0, 0.0],
        [1e200, -2e200, 3.0],
        [1e-200, 2e-200],
        [5e-324, 0.0],
        [2.0**1023, 1.0],
        [1.7e308, 1.7e308],  # its length is beyond the floats
        [math.inf, 1.0],
        [math.nan, 1.0, math.inf],
        [*range(1, 20)],
    ],
    ids=str,
)
def test_the_length_of_a_gradient(numbers, clip):
    row = np.array([numbers], dtype=float)
    descent = descent_with(row)
    start = [np.zeros(len(numbers)), np.zeros(len(numbers))]
    (_, kept), _, _, norms = descent.run(row, range(1), 1, start, [1.0], 0, clip)
    wanted = math.hypot(*numbers)
    assert math.isfinite(norms[0]) == math.isfinite(wanted)
    if math.isfinite(wanted):
        assert norms[0] == pytest.approx(wanted, rel=1e-15)
        shorter = min(1.0, clip / (wanted + 1e-6))
        np.testing.assert_allclose(kept, np.array(numbers) * shorter, 1e-15)


# ---- what goes wrong -----------------------------------------------------------------


def test_a_bad_batch_ends_the_epoch_with_the_numbers_before_it():
    Z = X.copy()
    Z[20] = 1e200  # in the third batch of 8
    engine = engine_of(MLP(2, [4, 1], "relu", seed=0), X=Z)
    done = same(engine, lambda: SGD(lr=0.01), range(37), 8, epochs=1)
    assert len(done.losses) == 3
    assert not math.isfinite(done.losses[-1])
    assert np.isfinite(done.numbers).all()
    assert len(done.outputs) == 24


def test_a_bad_first_batch():
    Z = X.copy()
    Z[0] = 1e200
    engine = engine_of(MLP(2, [4, 1], "relu", seed=0), X=Z)
    done = same(engine, lambda: SGD(lr=0.01), range(37), 8, epochs=1)
    assert done.numbers.tolist() == engine.program.numbers().tolist()


# ---- rules of one's own --------------------------------------------------------------


class Lion(Optimizer):
    """The sign of a mean, smoothed: it is tanh(1e3 * c)."""

    keeps = ("mean",)

    def rule(self, w, g, lr, t, mean):
        step = np.tanh(1e3 * (0.9 * mean + 0.1 * g))
        return w - lr * step, 0.99 * mean + 0.01 * g


class Decaying(Optimizer):
    def rule(self, w, g, lr, t):
        return w - lr / np.sqrt(t) * g


class Normalized(Optimizer):
    def rule(self, w, g, lr, t):
        return w - lr * g / np.abs(g).max()


class Centered(Optimizer):
    def rule(self, w, g, lr, t):
        return w - lr * (g - np.mean(g))


class Branching(Optimizer):
    def rule(self, w, g, lr, t):
        return w - lr * g if t > 3 else w


class Counting(Optimizer):
    calls = 0

    def rule(self, w, g, lr, t):
        self.calls = self.calls + 1
        return w - lr * g / t


class Updating(SGD):
    def update(self, data, gradient, factor=1.0):
        return super().update(data, np.clip(gradient, -0.01, 0.01), factor)


class Unscheduled(Optimizer):
    def rule(self, w, g, lr, t):
        return w - self.lr * g


def trained(engine, optimizer, **settings):
    model = MLP(2, [4, 1], "tanh", seed=0)
    history = fit(model, X, Y, "mse", optimizer, epochs=4, batch_size=8, seed=1,
                  engine=engine, progress=False, **settings)  # fmt: skip
    return history, np.array([p.data for p in model.parameters()])


@pytest.mark.parametrize("kind", [Lion, Decaying])
def test_a_rule_of_ones_own_is_compiled(kind):
    (eager, one), (compiled, two) = [
        trained(engine, kind(lr=0.05)) for engine in ("eager", "compiled")
    ]
    np.testing.assert_allclose(one, two, 1e-9, 1e-12)
    np.testing.assert_allclose(eager.loss, compiled.loss, 1e-9)
    assert compiled.engine == "compiled"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Normalized, "Normalized, which runs in NumPy: "),
        (Centered, "does not do the same for every parameter"),
        (Branching, "if t > 3 else w"),
        (Unscheduled, "no attribute 'lr'"),
        (Counting, "changes its attribute 'calls'"),
        (Updating, "a method `update` of its own"),
    ],
)
def test_what_cannot_be_compiled_of_a_rule_runs_in_numpy(kind, why):
    (_, one), (compiled, two) = [
        trained(engine, kind(lr=0.05), schedule="cosine")
        for engine in ("eager", "compiled")
    ]
    np.testing.assert_allclose(one, two, 1e-9, 1e-12)
    assert compiled.engine.startswith("compiled, but for ")
    assert why in compiled.engine


def test_settings_changed_between_epochs():
    def trained_with(engine):
        optimizer = SGD(lr=0.1, momentum=0.5)

        def change(training):
            optimizer.lr *= 0.5
            if training.epoch == 2:
                optimizer.momentum = 0.0

        return trained(engine, optimizer, callbacks=[change])[1]

    np.testing.assert_allclose(trained_with("eager"), trained_with("compiled"), 1e-9)


def test_a_learning_rate_changed_between_epochs_compiles_nothing(monkeypatch):
    made = []
    descent = llvm_descent.Descent.__init__
    monkeypatch.setattr(
        llvm_descent.Descent, "__init__", lambda *a: made.append(0) or descent(*a)
    )
    optimizer = Adam(lr=0.1)

    def change(training):
        optimizer.lr *= 0.5

    trained("compiled", optimizer, callbacks=[change])
    assert len(made) == 1


def test_a_program_on_numpy_has_no_descent():
    w = Value(1.0)
    program = compile(lambda x: w * x, 1, [w], backend="numpy")
    rule = compile(lambda w, g: w - g, 2, [Value(1.0), Value(1.0)])
    with pytest.raises(CompileError, match="runs on numpy"):
        program.descent(rule)
