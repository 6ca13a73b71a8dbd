"""Callbacks that look inside: what they keep is what the model computes."""

import numpy as np
import pytest

import nn
from autograd import Value
from nn import MLP, SGD, Layer, Module, Sequential, Snapshots, Watch, fit

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(100, 2)).tolist(), RNG.normal(size=100).tolist()
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def model():
    return MLP(2, [3, 1], activation="tanh", seed=0)


def quantiles(numbers):
    return pytest.approx(np.quantile(numbers, QUANTILES), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("options", "rows"), [({}, 64), ({"rows": 7}, 7)])
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_sizes_are_those_of_the_first_rows_after_each_epoch(options, rows, engine):
    watch, after = Watch(**options), []
    made = model()
    fit(
        made, X, Y, "mse", SGD(lr=0.1), epochs=2, engine=engine, batch_size=25,
        callbacks=[watch, lambda training: after.append(made.state_dict())],
    )  # fmt: skip
    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert list(watch.gradients) == names
    assert list(watch.activations) == ["layers.0", "layers.1"]
    for epoch, state in enumerate(after):
        w0, b0, w1, b1 = (np.array(state[name]) for name in names)
        x, y = np.array(X[:rows]), np.array(Y[:rows])
        hidden = np.tanh(x @ w0.T + b0)
        out = hidden @ w1.T + b1
        assert watch.activations["layers.0"][epoch] == quantiles(hidden)
        assert watch.activations["layers.1"][epoch] == quantiles(out)
        slope = 2 * (out - y[:, None]) / rows
        inner = slope @ w1 * (1 - hidden**2)
        slopes = (inner.T @ x, inner.sum(0), slope.T @ hidden, slope.sum(0))
        for name, wanted in zip(names, slopes, strict=True):
            assert watch.gradients[name][epoch] == quantiles(abs(wanted))


def test_fewer_rows_than_are_watched_are_all():
    watch = Watch()
    made = model()
    fit(made, X[:5], Y[:5], "mse", epochs=1, callbacks=[watch])
    assert watch.activations["layers.1"][0] == quantiles(nn.predict(made, X[:5]))


def test_who_watches_changes_nothing():
    seen, unseen = model(), model()
    for made, callbacks in ((seen, [Watch(), Snapshots()]), (unseen, [])):
        fit(made, X, Y, "mse", epochs=3, seed=1, batch_size=9, callbacks=callbacks)
    assert seen.state_dict() == unseen.state_dict()


def test_what_is_frozen_has_no_gradients():
    made, watch = model(), Watch()
    made.layers[0].freeze()
    fit(made, X[:9], Y[:9], "mse", epochs=2, callbacks=[watch])
    assert list(watch.gradients) == ["layers.1.weight", "layers.1.bias"]
    assert list(watch.activations) == ["layers.0", "layers.1"]


class Alone(Module):
    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x):
        return self.w * x[0]


class Within(Module):
    """Calls what is no stage of it by a name, and returns what it made of it."""

    def __init__(self):
        self.inner, self.outer = Layer(2, 3, "tanh", seed=0), Alone()

    def __call__(self, x):
        return self.outer(self.inner(x)) * 2.0


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Layer(2, 1, None, seed=0), ["layer"]),
        (Alone, ["output"]),
        (Within, ["inner", "outer", "output"]),
        (lambda: Sequential(Layer(2, 3, seed=0), Alone()), ["0", "1"]),
        (lambda: Sequential(Layer(2, 2, seed=0), Within()),
         ["0", "1.inner", "1.outer", "1"]),
    ],
)  # fmt: skip
def test_each_part_that_a_row_goes_through_has_its_name(make, names):
    made, watch = make(), Watch()
    fit(made, X[:9], Y[:9], "mse", epochs=1, callbacks=[watch])
    assert list(watch.activations) == names
    last = watch.activations[names[-1]][0]
    assert last == quantiles(nn.predict(made, X[:9]))


@pytest.mark.parametrize(
    ("every", "kept"),
    [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5])],
)
def test_weights_are_kept_every_few_epochs_and_at_the_end(every, kept):
    made, snapshots, states = model(), Snapshots(every), {}
    snapshots.keep(0, made)
    states[0] = made.state_dict()

    def keep(training):
        states[training.epoch] = made.state_dict()

    fit(made, X[:9], Y[:9], "mse", epochs=5, callbacks=[snapshots, keep])
    assert snapshots.epochs == [0, *kept]
    assert snapshots.states == [states[epoch] for epoch in snapshots.epochs]
    assert states[5] == made.state_dict() != states[4]


def test_how_often_weights_are_kept():
    assert Snapshots().every == 1
    for every in (0, -2):
        with pytest.raises(ValueError, match=f"number of epochs from 1; got {every}"):
            Snapshots(every)
