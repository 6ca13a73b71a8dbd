"""The compiled engine trains as the eager one does."""

import numpy as np
import pytest

import nn
from autograd import value_and_grad, where
from autograd.compiler import CompileError
from autograd.value import as_value
from nn import MLP, Layer, Module, Sequential, fit
from nn.compiled import Compiled

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


def worst(predictions, targets):
    errors = [(p - t) * (p - t) for p, t in zip(predictions, targets, strict=True)]
    total = errors[0]
    for error in errors[1:]:
        total = total * 0.5 + error
    return total


@pytest.mark.parametrize(
    ("model", "loss", "why"),
    [
        (Branching, "mse", "return z if z > 0 else"),
        (Moody, "mse", "does not compute the same for every row"),
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


def test_a_derivative_of_the_network_in_the_loss():
    """A network learns f from f' = cos(x) and f(0) = 0: its slope is an output."""

    class Slope(Module):
        def __init__(self):
            self.inner = MLP(1, [6, 1], "tanh", seed=0)

        def __call__(self, x):
            value, (slope,) = value_and_grad(self.inner)([as_value(x[0])])
            return [value, slope]

    def equation(predictions, targets):
        errors = [slope - target for (_, slope), (target,) in
                  zip(predictions, targets, strict=True)]  # fmt: skip
        return nn.losses.mean([error * error for error in errors])

    points = X[:, :1]
    close(both(Slope, points, np.hstack([0 * points, np.cos(points)]), epochs=5))


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
