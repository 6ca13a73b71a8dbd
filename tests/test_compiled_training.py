"""The compiled engine trains as the eager one does."""

import math
import random
from functools import partial

import numpy as np
import pytest

import autograd
import nn
from autograd import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    where,
)
from autograd.compiler import CompileError
from autograd.compiler.llvm import descent
from autograd.value import as_value
from nn import MLP, Layer, Module, Sequential, fit
from nn import engine as engines
from nn.compiled import Compiled
from nn.engine import Eager, Task, loss_of
from nn.losses import LOSSES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
SIGNS = (X[:, 0] * X[:, 1] > 0).astype(int)
KINDS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
NUMBERS = np.sin(X[:, 0]) + X[:, 1]


def both(make, X, y, **settings):
    """The model and the history of either engine."""
    found = []
    for engine in ("eager", "compiled"):
        model = make()
        history = fit(model, X, y, seed=1, engine=engine, progress=False, **settings)
        found.append((model, history))
    return found


def close(found, tolerance=1e-9):
    (one, eager), (two, compiled) = found
    assert (eager.engine, compiled.engine) == ("eager", "compiled")
    assert list(eager.columns) == list(compiled.columns)
    for name in eager.columns:
        np.testing.assert_allclose(
            compiled[name], eager[name], rtol=tolerance, atol=tolerance, err_msg=name
        )
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    for left, right in pairs:
        assert right.data == pytest.approx(left.data, rel=tolerance, abs=tolerance)


CASES = [
    ("relu", 1, SIGNS, {"loss": "hinge"}),
    ("tanh", 1, SIGNS, {"loss": "binary_cross_entropy_with_logits"}),
    ("gelu", 3, KINDS, {"loss": "cross_entropy", "batch_size": 16}),
    ("sigmoid", 1, NUMBERS, {"loss": "mse", "optimizer": "sgd", "batch_size": 7}),
    ("silu", 1, NUMBERS, {"loss": "mae", "optimizer": "rmsprop"}),
    ("leaky_relu", 1, NUMBERS, {"loss": "huber", "optimizer": "adamw", "clip": 1.0}),
]


@pytest.mark.parametrize(("activation", "outputs", "y", "settings"), CASES)
def test_the_same_training(activation, outputs, y, settings):
    close(
        both(
            lambda: MLP(2, [5, outputs], activation, seed=0), X, y, epochs=8, **settings
        )
    )


def test_a_hundred_epochs():
    close(both(lambda: MLP(2, [4, 1], "tanh", seed=0), X[:20], SIGNS[:20], epochs=100))


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "outputs", "y", "settings"), CASES)
def test_a_hundred_epochs_of_everything(activation, outputs, y, settings):
    def make():
        return MLP(2, [5, outputs], activation, seed=0)

    close(both(make, X, y, epochs=100, **settings))


def test_validation_and_early_stopping():
    found = both(
        lambda: MLP(2, [4, 1], "tanh", seed=0), X, SIGNS, epochs=30, validation=0.25,
        patience=2, optimizer=nn.SGD(lr=2.0),
    )  # fmt: skip
    close(found)
    assert found[0][1].stopped == found[1][1].stopped
    assert found[0][1].best_epoch == found[1][1].best_epoch


def test_callbacks_see_the_same_and_may_end_it():
    def trained(engine):
        seen = []

        def watch(training):
            seen.append((training.epoch, training.numbers.copy()))
            return training.epoch == 4

        history = fit(
            MLP(2, [4, 1], "tanh", seed=0), X, SIGNS, batch_size=16, epochs=9, seed=3,
            engine=engine, schedule="cosine", callbacks=[watch], progress=False,
        )  # fmt: skip
        return seen, history

    (one, eager), (two, compiled) = trained("eager"), trained("compiled")
    assert [epoch for epoch, _ in one] == [epoch for epoch, _ in two] == [1, 2, 3, 4]
    for (_, left), (_, right) in zip(one, two, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-11, atol=1e-14)
    assert compiled["lr"] == eager["lr"]


def test_several_numbers_per_row():
    y = np.stack([NUMBERS, -NUMBERS], axis=1)
    close(both(lambda: MLP(2, [4, 2], seed=0), X, y, epochs=5, loss="mse"))


def test_probabilities_at_the_end_of_the_network():
    def model():
        return MLP(2, [4, 1], "tanh", "sigmoid", seed=0)

    close(both(model, X, SIGNS, epochs=5, loss="binary_cross_entropy"))


def test_frozen_parameters_stay():
    def model():
        made = MLP(2, [4, 1], seed=0)
        made.freeze("layers.0")
        return made

    close(both(model, X, SIGNS, epochs=5))


def test_the_same_seed_gives_the_same_bits():
    states = []
    for _ in range(2):
        model = MLP(2, [4, 1], seed=0)
        fit(model, X, SIGNS, epochs=5, batch_size=16, seed=3, engine="compiled")
        states.append(model.state_dict())
    assert states[0] == states[1]


def test_a_loss_that_goes_bad_is_named():
    model = MLP(2, [4, 1], seed=0)
    with pytest.raises(nn.DivergenceError, match="first bad node"):
        fit(model, X, NUMBERS, "mse", nn.SGD(lr=1e6), epochs=200, engine="compiled")


def test_auto_compiles():
    assert fit(MLP(2, [3, 1]), X, SIGNS, epochs=1).engine == "compiled"


# ---- where it is eager, and says why -------------------------------------------------


class Branching(Module):
    def __init__(self):
        self.layer = Layer(2, 1, None, seed=0)

    def __call__(self, x):
        z = self.layer(x)
        return z if z > 0 else 0.1 * z


class Choosing(Branching):
    def __call__(self, x):
        z = self.layer(x)
        return where(nn.module.ACTIVATIONS["relu"](z), z, 0.1 * z)


class Moody(Branching):
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return self.layer(x) * self.calls


class Dropping(Branching):
    """Drops a value in 20, so that five rows are often computed without a drop."""

    def __init__(self, seed=0):
        super().__init__()
        self.random = random.Random(seed)

    def __call__(self, x):
        return self.layer([v if self.random.random() > 0.05 else 0.0 for v in x])


def worst(predictions, targets):
    errors = [(p - t) * (p - t) for p, t in zip(predictions, targets, strict=True)]
    total = errors[0]
    for error in errors[1:]:
        total = total * 0.5 + error
    return total


def test_what_has_no_machine_code_runs_in_numpy_and_says_so():
    model = Sequential(MLP(2, [3, 1], seed=0), lambda z: z % 7.0)
    history = fit(model, X, SIGNS, "mse", nn.SGD(lr=0.01), epochs=1)
    assert history.engine.startswith("compiled, but in NumPy: ")


@pytest.mark.parametrize(
    ("model", "loss", "why"),
    [
        (Branching, "mse", "return z if z > 0 else"),
        (Dropping, "mse", "draws random numbers, from a Random"),
        *[
            (partial(Dropping, seed), "mse", "draws random numbers")
            for seed in range(1, 8)
        ],
        (Moody, "mse", "computes something else each time it is called"),
        (Choosing, worst, "not the mean of the losses"),
    ],
)
def test_what_cannot_be_compiled_is_trained_eagerly(model, loss, why):
    history = fit(model(), X, NUMBERS, loss, epochs=1, seed=0)
    assert history.engine.startswith("eager, because it can't be compiled: ")
    assert why in history.engine
    with pytest.raises(CompileError):
        fit(model(), X, NUMBERS, loss, epochs=1, seed=0, engine="compiled")


def test_where_compiles():
    close(both(Choosing, X, NUMBERS, epochs=5, loss="mse"))


def test_a_loss_of_ones_own():
    def quartic(predictions, targets):
        errors = [(p - t) ** 4 for p, t in zip(predictions, targets, strict=True)]
        return nn.losses.mean(errors)

    close(
        both(lambda: MLP(2, [3, 1], "tanh", seed=0), X, NUMBERS, epochs=5, loss=quartic)
    )


# ---- derivatives of the network in the loss ------------------------------------------


def by_grad(u, x):
    return grad(lambda t: u([t]))(x[0])


def by_gradients(u, x):
    return autograd.gradients(u(x), x, create_graph=True)[0]


DERIVATIVES = {
    "grad": by_grad,
    "grad of the row": lambda u, x: grad(u)(x)[0],
    "value_and_grad": lambda u, x: value_and_grad(u)([as_value(x[0])])[1][0],
    "jacobian": lambda u, x: jacobian(lambda t: [u([t])])(x[0])[0],
    "jvp": lambda u, x: jvp(u, x, [1.0])[1],
    "vjp": lambda u, x: vjp(u, x)[1](1.0)[0],
    "linearize": lambda u, x: linearize(u, x)[1]([1.0]),
    "gradients": by_gradients,
    "second, grad": lambda u, x: grad(grad(lambda t: u([t])))(x[0]),
    "second, hessian": lambda u, x: hessian(u)(x)[0][0],
    "second, hvp": lambda u, x: hvp(u, x, [1.0])[0],
    "second, gradients": lambda u, x: by_gradients(lambda r: by_gradients(u, r), x),
}


class Equation(Module):
    """What an equation leaves over at a point: u' + u, or u'' + u."""

    def __init__(self, derivative):
        self.inner = MLP(1, [3, 1], "tanh", seed=0)
        self.derivative = DERIVATIVES[derivative]

    def __call__(self, x):
        return self.derivative(self.inner, x) + self.inner(x)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_a_derivative_in_the_loss_has_the_gradient_of_differences(derivative):
    model, points = Equation(derivative), X[:4, :1]
    task = Task(
        model, nn.losses.mse, model.parameters(), points, np.cos(points[:, 0]), 1
    )
    numbers = np.array([p.data for p in task.parameters])
    rows, step = range(4), 2e-3
    eager, compiled = Eager(task), Compiled(task)
    for k, parameter in enumerate(task.parameters):
        unit = np.eye(len(numbers))[k] * step
        at = [
            eager.step(numbers + j * unit, rows).loss
            - eager.step(numbers - j * unit, rows).loss
            for j in (1, 2, 3)
        ]
        wanted = (45 * at[0] - 9 * at[1] + at[2]) / (60 * step)
        for engine in (eager, compiled):
            found = engine.step(numbers, rows).gradient[k]
            assert found == pytest.approx(wanted, rel=1e-8, abs=1e-9), parameter.label
    close(both(lambda: Equation(derivative), points, np.cos(points[:, 0]), epochs=3))


def test_an_equation_is_solved_by_a_network():
    """u' = -u with u(0) = 1, by u = 1 + x n(x): exp(-x) to 1e-4."""

    class Solution(Module):
        def __init__(self):
            self.n = MLP(1, [6, 1], "tanh", seed=0)

        def u(self, x):
            return 1 + x * self.n([x])

        def __call__(self, row):
            return grad(self.u)(row[0]) + self.u(row[0])

    points, epochs = np.linspace(0, 1, 16)[:, None], 20_000
    model = Solution()
    history = fit(
        model, points, 0 * points[:, 0], "mse", nn.Adam(lr=0.05), epochs=epochs,
        schedule=nn.schedules.cosine(epochs), progress=False,
    )  # fmt: skip
    assert history.engine == "compiled"
    error = [model.u(x).data - math.exp(-x) for (x,) in points.tolist()]
    assert max(map(abs, error)) < 1e-4


def test_two_engines_that_disagree_say_on_what():
    model = Equation("grad")
    parameters = model.parameters()
    compiled = Compiled(
        Task(model, nn.losses.mse, parameters, X[:3, :1], NUMBERS[:3], 1)
    )
    step = compiled.step

    def off(numbers, rows):
        found = step(numbers, rows)
        return found._replace(gradient=found.gradient + 1.0)

    compiled.step = off
    with pytest.raises(
        CompileError, match=r"disagree on the gradient by .*W.* = .*, though"
    ):
        compiled._try()
    compiled.step = lambda numbers, rows: step(numbers, rows)._replace(loss=-1.0)
    with pytest.raises(CompileError, match=r"disagree on the loss: -1 and"):
        compiled._try()


def test_sequential():
    def model():
        return Sequential(Layer(2, 4, None, seed=0), "tanh", Layer(4, 1, None, seed=1))

    close(both(model, X, SIGNS, epochs=5))


def test_the_numpy_backend_trains_alike():
    found = []
    for backend in ("numpy", "llvm"):
        model = MLP(2, [4, 1], "tanh", seed=0)
        fit(model, X, SIGNS, epochs=20, seed=0,
            engine=lambda task, b=backend: Compiled(task, b))  # fmt: skip
        found.append(np.array([p.data for p in model.parameters()]))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


# ---- many epochs in one call ---------------------------------------------------------


@pytest.fixture
def calls(monkeypatch):
    """How many epochs each call ran that ran more than one."""
    found, run = [], Compiled.epochs

    def epochs(self, numbers, pace, factors):
        done = run(self, numbers, pace, factors)
        found.append(len(done.losses))
        return done

    monkeypatch.setattr(Compiled, "epochs", epochs)
    return found


def at_once(monkeypatch, epochs):
    """Let one call of machine code run so many, or as many as take a moment."""
    if epochs:
        limit = "batches_in_a_call"
        monkeypatch.setattr(descent.Descent, limit, lambda self, size: epochs)


def trained(y, epochs, optimizer="adam", outputs=1, callbacks=(), **settings):
    model = MLP(2, [4, outputs], activation="tanh", seed=0)
    settings = {"batch_size": 60, "schedule": "cosine", "seed": 1, **settings}
    history = fit(
        model, X, y, epochs=epochs, optimizer=optimizer, engine="compiled",
        progress=False, callbacks=callbacks, **settings,
    )  # fmt: skip
    return history, [p.data for p in model.parameters()]


def looks_on(training):
    """A callback, for which each epoch is a call of its own."""


@pytest.mark.parametrize("each", [0, 3])
@pytest.mark.parametrize(
    ("y", "outputs", "settings"),
    [
        (SIGNS, 1, {"loss": "hinge", "optimizer": nn.SGD(lr=0.1, momentum=0.9)}),
        (KINDS, 3, {"metrics": {"rows": lambda rows, wanted: len(rows)}}),
        (NUMBERS, 1, {"optimizer": "adamw", "clip": 0.1}),
        (np.c_[NUMBERS, NUMBERS**2], 2, {"loss": "mae"}),
    ],
)
def test_epochs_in_one_call_are_those_one_by_one(
    monkeypatch, calls, y, outputs, settings, each
):
    at_once(monkeypatch, each)
    one, numbers = trained(y, 20, outputs=outputs, callbacks=[looks_on], **settings)
    assert calls == []
    many, same = trained(y, 20, outputs=outputs, **settings)
    assert calls == ([3] * 6 + [2] if each else [20])
    assert many.columns == one.columns
    assert same == numbers


@pytest.mark.parametrize("each", [0, 3])
def test_an_epoch_that_diverges_is_found_among_many(monkeypatch, each):
    at_once(monkeypatch, each)
    optimizers = [nn.SGD(lr=rate) for rate in (30.0, 1e80, 3e307)]
    for optimizer in optimizers:
        told = []
        for callbacks in ([looks_on], []):
            with pytest.raises(nn.DivergenceError) as error:
                trained(NUMBERS, 400, optimizer, callbacks=callbacks, loss="mse")
            told.append((str(error.value), error.value.history.columns))
        assert repr(told[0]) == repr(told[1])


def test_ctrl_c_among_many_epochs_leaves_those_that_are_done(monkeypatch, calls):
    at_once(monkeypatch, 3)
    schedule = nn.schedules.cosine(9)

    def impatient(epoch):
        if epoch == 7 and len(calls) == 2:
            raise KeyboardInterrupt
        return schedule(epoch)

    broken, numbers = trained(NUMBERS, 9, schedule=impatient)
    assert broken.stopped == "interrupted"
    whole, same = trained(NUMBERS, 6, schedule=schedule)
    assert broken.columns == whole.columns
    assert numbers == same


@pytest.mark.parametrize("portion", [1, 3, 100])
@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        *((name, 3) for name in LOSSES),
        *((name, 1) for name in LOSSES if name != "cross_entropy"),
    ],
)
def test_the_loss_of_many_rows_is_that_of_their_graphs(
    name, outputs, portion, monkeypatch
):
    rng = np.random.default_rng(0)
    found = rng.uniform(0.1, 0.9, size=(7, outputs))
    targets = rng.integers(0, 2, (7, outputs) if outputs > 1 else 7).astype(float)
    if name == "hinge":
        targets = 2 * targets - 1
    if name == "cross_entropy":
        targets = rng.integers(0, outputs, 7)
    rows = loss_of(LOSSES[name], found, targets)
    monkeypatch.setattr(engines, "MANY_LOSSES", 0)
    monkeypatch.setattr(engines, "PORTION", portion)
    assert loss_of(LOSSES[name], found, targets) == pytest.approx(rows, rel=1e-14)


def test_several_tables_are_told_by_one_program(monkeypatch):
    made = []
    program = engines._program
    monkeypatch.setattr(engines, "_program", lambda *a: made.append(a) or program(*a))
    model = nn.MLP(2, [3, 1], seed=0)
    tell, tables = engines.answering(model), [np.ones((600, 2)), np.zeros((700, 2))]
    assert [len(tell(X)) for X in [*tables, tables[0][:5]]] == [600, 700, 5]
    assert len(made) == 1


WEIGHTS = ["balanced", "root", {1: 3}, {0: 0.5, 1: 2.0}]


@pytest.mark.parametrize("asked", WEIGHTS)
@pytest.mark.parametrize("name", ["hinge", "binary_cross_entropy_with_logits", "auto"])
def test_rows_of_a_class_count_in_either_engine_as_often_as_they_are_told(name, asked):
    y = KINDS if name == "auto" else SIGNS
    found = []
    for made in ("eager", "compiled"):
        model = MLP(2, [3, 1 if name != "auto" else 3], "tanh", seed=0)
        optimizer = nn.Adam(lr=0.05)
        settings = {"epochs": 3, "batch_size": 7, "seed": 1, "progress": False}
        history = fit(
            model, X, y, name, optimizer, engine=made, validation=(X[:9], y[:9]),
            class_weights=asked, **settings,
        )  # fmt: skip
        assert history.engine == made
        found.append([*history["loss"], *history["validation_loss"]])
        numbers = [parameter.data for parameter in model.parameters()]
        found[-1] += numbers
    assert found[1] == pytest.approx(found[0], rel=1e-9)
    weights, counts = history.class_weights, np.bincount(y)
    by_row = [weights[label] for label in y.tolist()]
    assert np.mean(by_row) == pytest.approx(1.0, rel=1e-12)
    if asked == "balanced":
        assert [weights[k] * counts[k] for k in weights] == pytest.approx(
            [60 / len(counts)] * len(counts)
        )


def test_a_row_that_counts_twice_is_as_two_rows():
    few, twice = [0, 1, 2, 3], [0, 1, 2, 3, 3]
    y = np.array([0, 0, 0, 1])
    models = []
    for rows, weights in ((few, {1: 2}), (twice, None)):
        model = MLP(2, [1], seed=0)
        fit(
            model, X[rows], y[rows], "binary_cross_entropy_with_logits",
            nn.SGD(lr=0.1), epochs=4, batch_size=None, seed=0, progress=False,
            class_weights=weights,
        )  # fmt: skip
        models.append([parameter.data for parameter in model.parameters()])
    assert models[0] == pytest.approx(models[1], rel=1e-12)


@pytest.mark.parametrize(
    ("asked", "y", "words"),
    [
        ("balance", SIGNS, "balanced or root, or a weight by class, .*got 'balance'"),
        ({2: 1.0}, SIGNS, "the label 2 is not among the classes 0, 1"),
        ({1: 0}, SIGNS, "the weight of 1 is a number above 0; got 0"),
        ({1: True}, SIGNS, "the weight of 1 is a number above 0; got True"),
        ({1: math.inf}, SIGNS, "the weight of 1 is a number above 0; got inf"),
        ({1: "a"}, SIGNS, "the weight of 1 is a number above 0; got 'a'"),
        ("balanced", NUMBERS, "for classes, and the target is a number"),
    ],
)
def test_weights_that_can_not_be(asked, y, words):
    with pytest.raises(ValueError, match=words):
        fit(MLP(2, [1], seed=0), X, y, epochs=1, class_weights=asked, progress=False)
