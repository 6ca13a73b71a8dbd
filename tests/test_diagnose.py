"""Ways to fail at learning, each named by its cause, and healthy trainings."""

import re

import numpy as np
import pytest

from nn import MLP, SGD, Adam, AdamW, Layer, Sequential, data, diagnose, fit, predict
from nn.losses import LOSSES

MOONS = data.moons(rows=120, noise=0.15, seed=1)


def line(rows=80, scale=1.0, shift=0.0):
    X = np.random.default_rng(2).normal(size=(rows, 3))
    return X, (shift + scale * (X[:, 0] - 2 * X[:, 1])).tolist()


def trained(model, X, y, loss="auto", **settings):
    history = fit(model, X, y, loss, **{"epochs": 30, "seed": 0, **settings})
    return model, X, y, history


def moons(*sizes, activation="tanh", last=None):
    return MLP(2, [*sizes, 1], activation, last, seed=0)


def dead():
    model = moons(8, 8, activation="relu")
    for neuron in model.layers[1].neurons:
        neuron.b.data = -40.0
    return trained(model, *MOONS, optimizer=Adam(lr=0.01))


def alike():
    model = moons(6)
    for layer in model.layers:
        for neuron in layer.neurons:
            for value in (*neuron.w, neuron.b):
                value.data = 0.0
    return trained(model, *MOONS, optimizer=Adam(lr=0.01))


def saturated():
    model = moons(8)
    for neuron in model.layers[0].neurons:
        neuron.b.data = 30.0
    return trained(model, *MOONS, optimizer=SGD(lr=0.1))


def frozen():
    model = moons(8, 8)
    optimizer = Adam([model.layers[0].neurons[0].b], lr=0.01)
    return trained(model, *MOONS, optimizer=optimizer)


def shuffled():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = rng.integers(0, 2, 200).tolist()
    return trained(MLP(4, [1], seed=0), X, y)


def by_heart():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 20))
    y = (X[:, 0] + 1.5 * rng.normal(size=60) > 0).astype(int).tolist()
    return trained(
        MLP(20, [32, 1], seed=0), X, y, optimizer=Adam(lr=0.02), epochs=80,
        validation=0.3,
    )  # fmt: skip


def leak():
    X, y = MOONS
    X = np.hstack([X, np.array(y)[:, None] * 3.0 + 1])
    return trained(MLP(3, [8, 1], seed=0), X, y)


def leaking_number():
    _, y = line()
    noise = np.random.default_rng(0).normal(size=(80, 2))
    return trained(MLP(3, [8, 1], seed=0), np.hstack([noise, np.c_[y] * 7 + 2]), y)


WAYS = {
    "a rate that grows the loss": (
        "the learning rate is too large",
        lambda: trained(
            moons(8), *MOONS, optimizer=SGD(lr=200.0), batch_size=8, epochs=40
        ),
    ),
    "a rate too large for adam": (
        "the learning rate is too large",
        lambda: trained(moons(16, 16), *MOONS, optimizer=AdamW(lr=30.0)),
    ),
    "a rate that does nothing": (
        "the learning rate is too small",
        lambda: trained(moons(8), *MOONS, optimizer=SGD(lr=1e-6)),
    ),
    "too few epochs": (
        "the training was too short",
        lambda: trained(moons(8), *MOONS, optimizer=Adam(lr=0.003), epochs=6),
    ),
    "dead relus": ("dead neurons", dead),
    "zeros to start with": ("all neurons are alike", alike),
    "saturated": ("saturated neurons", saturated),
    "inputs in thousands": (
        "the inputs' scale",
        lambda: trained(moons(8), 5000 * MOONS.X, MOONS.y, optimizer=SGD(lr=0.01)),
    ),
    "a deep stack of sigmoids": (
        "vanishing gradients",
        lambda: trained(
            moons(*[4] * 8, activation="sigmoid"), *MOONS, optimizer=SGD(lr=0.1)
        ),
    ),
    "targets in thousands": (
        "the target's scale",
        lambda: trained(
            MLP(3, [8, 1], seed=0),
            *line(scale=900.0, shift=5000.0),
            optimizer=Adam(lr=0.01),
        ),
    ),
    "tanh for targets beyond 1": (
        "the last activation",
        lambda: trained(
            MLP(3, [8, 1], "tanh", "tanh", seed=0),
            *line(scale=3.0, shift=4.0),
            optimizer=Adam(lr=0.01),
        ),
    ),
    "relu before cross-entropy": (
        "the last activation",
        lambda: trained(moons(8, last="relu"), *MOONS, optimizer=SGD(lr=0.01)),
    ),
    "frozen": ("most parameters are frozen", frozen),
    "labels at random": ("no better than guessing", shuffled),
    "learned by heart": ("it learns by heart", by_heart),
    "a leak": ("a leak", leak),
    "a leak of a number": ("a leak", leaking_number),
    "decay": (
        "the weights are pulled to 0",
        lambda: trained(
            moons(8), *MOONS, optimizer=AdamW(lr=0.01, weight_decay=60.0), epochs=60
        ),
    ),
    "no hidden layer": (
        "the network is too simple",
        lambda: trained(MLP(2, [1], seed=0), *data.circles(rows=150, seed=0)),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_cause_is_named_first(way):
    cause, make = WAYS[way]
    model, X, y, history = make()
    before = model.state_dict()
    found = diagnose(model, X, y, history=history)
    assert model.state_dict() == before
    assert found, "nothing was found"
    assert found.findings[0].cause == cause, found


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_other_rows_tell_what_is_learned_by_heart(kind):
    rng = np.random.default_rng(1)
    X, noise = rng.normal(size=(60, 20)), rng.normal(size=60)
    y = X[:, 0] + 1.5 * noise
    y = (y > 0).astype(int) if kind == "classes" else y
    inside, outside = (X[:42], y[:42].tolist()), (X[42:], y[42:].tolist())
    model = MLP(20, [32, 1], seed=0)
    fit(model, *inside, optimizer=Adam(lr=0.02), epochs=80, seed=0)
    (found,) = diagnose(model, *inside, validation=outside).findings
    assert found.cause == "it learns by heart"
    losses = []
    for rows, truth in (inside, outside):
        z, t = predict(model, rows).ravel(), np.array(truth)
        each = np.logaddexp(0, z) - t * z if kind == "classes" else (z - t) ** 2
        losses.append(each.mean())
    told = re.search(r"is (\S+) on the training rows and (\S+) on others", str(found))
    assert [*map(float, told.groups())] == pytest.approx(losses, rel=5e-3)
    right = re.search(r"(\d\.\d+) right against (\d\.\d+)", str(found))
    if kind == "classes":
        shares = [
            ((predict(model, X).ravel() > 0) == y).mean() for X, y in (inside, outside)
        ]
        assert [*map(float, right.groups())] == pytest.approx(shares, abs=1e-3)
    else:
        assert right is None
    assert not diagnose(model, *inside, validation=inside).findings


def test_a_dataset_is_taken_as_its_rows_and_targets():
    model, X, y, history = trained(moons(8), *MOONS, optimizer=SGD(lr=1e-6))
    whole = diagnose(model, MOONS, history=history)
    assert str(whole) == str(diagnose(model, X, y, history=history))
    with pytest.raises(TypeError, match="y is missing"):
        diagnose(model, X)


def test_first_weights_that_are_too_large_let_gradients_explode():
    model = moons(*[6] * 8, activation="leaky_relu")
    for layer in model.layers[:-1]:
        for w in (w for neuron in layer.neurons for w in neuron.w):
            w.data *= 6.0
    model, X, y, history = trained(model, *MOONS, optimizer=SGD(lr=1e-12), epochs=5)
    (found,) = [
        each
        for each in diagnose(model, X, y, history=history).findings
        if each.cause == "exploding gradients"
    ]
    first, last = re.search(
        r"is (\S+) in the first layer and (\S+) in", str(found)
    ).groups()
    assert float(first) > 1e3 * float(last) > 0
    assert "smaller first weights" in found.advice


def healthy(kind, seed):
    if kind == "iris":
        X, y = data.iris()
        return trained(MLP(4, [8, 3], seed=seed), X, y, epochs=None)
    if kind == "line":
        return trained(MLP(3, [8, 1], seed=seed), *line(), epochs=None)
    if kind == "noisy":
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 3))
        y = (X[:, 0] + X[:, 1] + 0.7 * rng.normal(size=400) > 0).astype(int).tolist()
        return trained(MLP(3, [8, 1], seed=seed), X, y)
    if kind == "validated":
        X, y = data.moons(rows=300, seed=seed)
        return trained(
            MLP(2, [8, 1], seed=seed), X, y, validation=0.25, patience=30, epochs=150
        )
    if kind == "adam":
        X, y = data.moons(rows=200, seed=seed)
        model = Sequential(Layer(2, 12, "tanh", seed=seed), Layer(12, 1, None, seed=1))
        return trained(model, X, y, optimizer=Adam(lr=0.02), epochs=100)
    if kind == "sgd":
        X, y = data.circles(rows=200, seed=seed)
        optimizer = SGD(lr=0.2, momentum=0.9)
        return trained(moons(8, 8), X, y, optimizer=optimizer, epochs=120)
    X, y = line(scale=500.0, shift=3000.0)
    return trained(MLP(3, [8, 1], seed=seed), X, y, epochs=None)


SEEDS = [0, *[pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)]]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "kind", ["iris", "line", "noisy", "validated", "adam", "sgd", "scaled"]
)
def test_nothing_is_said_of_healthy_trainings(kind, seed):
    model, X, y, history = healthy(kind, seed)
    found = diagnose(model, X, y, history=history)
    assert not found, found
    assert repr(found) == "Diagnosis: nothing wrong was found"


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_can_be_diagnosed(loss):
    X, y = MOONS
    outputs = 2 if loss == "cross_entropy" else 1
    last = "sigmoid" if loss == "binary_cross_entropy" else None
    model = MLP(2, [4, outputs], "tanh", last, seed=0)
    found = diagnose(model, X, y, loss=loss)
    assert len(found.layers) == 2
    assert all(layer.delta > 0 for layer in found.layers)
