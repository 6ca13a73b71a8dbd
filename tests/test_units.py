"""Training in scaled units: the model that comes out takes the table as it is."""

import numpy as np
import pytest

from nn import MLP, SGD, Layer, Module, Sequential, Watch, data, fit, mse, predict
from nn.engine import Eager, Task
from nn.module import Neuron
from nn.units import Units

RNG = np.random.default_rng(0)
X = RNG.normal([3.0, -200.0, 1e6], [0.1, 50.0, 1e3], (40, 3))
Y = 1e4 + 30 * X[:, 0] + X[:, 1]

MODELS = {
    "mlp": lambda: MLP(3, [4, 1], "tanh", seed=0),
    "one layer": lambda: MLP(3, [1], seed=0),
    "a layer": lambda: Layer(3, 1, None, seed=0),
    "two outputs": lambda: MLP(3, [4, 2], seed=0),
    "sequential": lambda: Sequential(Layer(3, 2, "tanh"), Layer(2, 1, None)),
    "ends in a sigmoid": lambda: MLP(3, [4, 1], "tanh", "sigmoid", seed=0),
}


def task_of(model, targets=None):
    wide = np.size(predict(model, X[:1])) > 1
    y = np.stack([Y, -3 * Y], axis=1) if wide else Y
    targets = y if targets is None else targets
    outputs = targets.shape[1] if targets.ndim == 2 else 1
    return Task(model, mse, model.parameters(), X, targets, outputs)


def numbers_of(model):
    return np.array([value.data for value in model.parameters()])


@pytest.mark.parametrize("name", MODELS)
def test_the_way_there_and_back(name):
    """Outputs are the same in both units, and so is the loss, but for its factor."""
    model = MODELS[name]()
    task = task_of(model)
    units = Units(task, scaled=True)
    assert not units.own
    inner, numbers = units.task(task), numbers_of(model)
    assert np.abs(inner.X.mean(axis=0)).max() < 1e-9
    there = units.engine_numbers(numbers)
    np.testing.assert_allclose(units.model_numbers(there), numbers, 1e-6, 1e-9)
    loss, outputs = Eager(inner).measure(there, inner)
    own, expected = Eager(task).measure(numbers, task)
    np.testing.assert_allclose(units.outputs(outputs), expected, 1e-6)
    assert loss * units.factor == pytest.approx(own, rel=1e-6)


def shared():
    layer = Layer(3, 3, "tanh", seed=0)
    return Sequential(layer, layer, Layer(3, 1, "tanh", seed=1))


class Own(Module):
    def __init__(self):
        self.layer = Layer(3, 1, None, seed=0)

    def __call__(self, x):
        return self.layer([x[0] * x[0], x[1], x[2]])


def frozen():
    model = MLP(3, [2, 1], "tanh", "tanh", seed=0)
    model.freeze("layers.0.weight")
    return model


@pytest.mark.parametrize("make", [shared, Own, frozen, lambda: Neuron(3, seed=0)])
def test_where_there_is_no_way_back_the_units_are_the_tables(make):
    task = task_of(make())
    units = Units(task, scaled=True)
    assert units.own
    assert units.task(task).X is task.X


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_what_is_measured_is_told_in_the_tables_units(engine):
    model, seen = MLP(3, [4, 1], seed=0), []

    def outside(training):
        outputs = predict(training.model, training.task.X)
        seen.append(np.abs(outputs - Y).mean())

    history = fit(
        model, X, Y, "mse", "adam", 100, seed=0, engine=engine, validation=(X, Y),
        callbacks=[Watch(), outside],
        metrics={"same": lambda outputs, targets: float(np.array_equal(targets, Y))},
    )  # fmt: skip
    np.testing.assert_allclose(history["validation_error"], seen, 1e-6)
    assert history["validation_same"] == [1.0] * 100
    error = np.mean((predict(model, X) - Y) ** 2)
    assert history["validation_loss"][-1] == pytest.approx(error, rel=1e-6)
    assert seen[-1] < np.abs(Y - Y.mean()).mean() / 4


@pytest.mark.parametrize("patience", [None, 3])
def test_resumed_is_unbroken(tmp_path, patience):
    def run(epochs, path, resume=None):
        model = MLP(3, [4, 1], seed=0)
        fit(
            model, X, Y, "mse", "rmsprop", epochs, seed=0, schedule="constant",
            patience=patience, checkpoint=path, resume=resume,
        )  # fmt: skip
        return model.state_dict()

    whole = run(9, tmp_path / "whole.json")
    run(4, tmp_path / "part.json")
    assert run(9, tmp_path / "part.json", tmp_path / "part.json") == whole
    one, other = (tmp_path / f"{name}.json" for name in ("whole", "part"))
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(ValueError, match="needs the same units as before"):
        fit(
            MLP(3, [4, 1], seed=0), X, Y, "mse", SGD(lr=0.1), 9, resume=one,
        )  # fmt: skip


def test_no_epoch_changes_nothing():
    model = MLP(3, [4, 1], seed=0)
    before = model.state_dict()
    fit(model, X, Y, epochs=0)
    assert model.state_dict() == before


def test_a_trained_network_goes_on_where_it_was():
    model = MLP(3, [4, 1], seed=0)
    first = fit(model, X, Y, epochs=60, seed=0)
    again = fit(model, X, Y, epochs=3, seed=1)
    assert again["loss"][0] < 3 * first["loss"][-1]


def test_a_network_that_knows_nothing_starts_from_what_was_drawn():
    """Wine's columns saturate each sigmoid, where the loss may happen to be smaller."""
    train, _ = data.wine().split()
    for seed in range(4):
        model = MLP(13, [8, 3], "sigmoid", seed=seed)
        assert fit(model, *train, seed=seed)["accuracy"][-1] > 0.98


@pytest.mark.parametrize(
    ("name", "outputs", "least"),
    [("iris", 3, 0.93), ("moons", 1, 0.95), ("wine", 3, 0.95), ("digits", 10, 0.9)],
)
def test_a_model_and_data_are_enough(name, outputs, least):
    """Ten seeds of the network and of the split."""
    found = []
    for seed in range(10 if outputs < 10 else 1):
        train, test = data.SETS[name]().split(seed=seed)
        model = MLP(train.X.shape[1], [8, outputs], seed=seed)
        history = fit(model, *train, seed=seed)
        rows = predict(model, test.X).reshape(len(test), -1)
        right = zip(history.labels.name(rows), test.y, strict=True)
        found.append(np.mean([one == other for one, other in right]))
    assert np.mean(found) >= least
