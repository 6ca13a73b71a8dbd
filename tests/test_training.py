"""fit: the same arithmetic as by hand and as torch, and every way to end."""

import contextlib
import gc
import io
import itertools
import math
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd import Value
from autograd.modes import in_effect
from nn import MLP, SGD, Adam, DivergenceError, Layer, Module, Sequential, fit
from nn.checkpoint import load_checkpoint
from nn.data import moons
from nn.engine import Eager
from nn.training import Training

XOR = ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])


def small(seed=0, **options):
    return MLP(2, [4, 1], activation="tanh", seed=seed, **options)


# ---- arithmetic ----------------------------------------------------------------------


def test_fit_is_the_loop_written_by_hand():
    X, y = moons(rows=40)
    model, twin = small(), small()
    fit(
        model, X, y, optimizer=SGD(lr=0.1, momentum=0.9), epochs=5, batch_size=8,
        seed=3, engine="eager",
    )  # fmt: skip
    optimizer = SGD(twin.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(5):
        rows = np.random.RandomState(np.random.Philox(key=(3, epoch))).permutation(40)
        for start in range(0, 40, 8):
            batch = rows[start : start + 8]
            loss = nn.binary_cross_entropy_with_logits(
                [twin(X[row]) for row in batch], [y[row] for row in batch]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert model.state_dict() == twin.state_dict()


def test_history_holds_means_over_batches_before_each_step():
    X, y = [[0.0], [1.0], [2.0]], [1.0, 1.0, 4.0]
    model = Sequential(Layer(1, 1, None))
    model.load_state_dict({"0.weight": [[0.5]], "0.bias": [0.0]})
    history = fit(model, X, y, loss="mse", optimizer=SGD(lr=0.1), epochs=2)
    assert history["loss"][0] == pytest.approx((1 + 0.25 + 9) / 3, rel=1e-15)
    assert history["error"][0] == pytest.approx((1 + 0.5 + 3) / 3, rel=1e-15)
    slopes = np.array([2 * (0 - 0.5 - 6) / 3, 2 * (-1 - 0.5 - 3) / 3])
    assert history["gradient_norm"][0] == pytest.approx(np.linalg.norm(slopes))
    assert history["lr"] == [0.1, 0.1]
    w, b = 0.5 - 0.1 * slopes[0], -0.1 * slopes[1]
    errors = [b - 1, w + b - 1, 2 * w + b - 4]
    assert history.loss[1] == pytest.approx(np.mean(np.square(errors)), rel=1e-14)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_same_network_in_torch_trains_to_the_same_weights_and_predictions(outputs):
    import torch

    data = nn.data.blobs(rows=60, classes=3 if outputs == 3 else 2)
    X, y = nn.data.Scaling.fit(data.X)(data.X), data.y
    model = MLP(2, [8, outputs], activation="tanh", seed=0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [torch.nn.Linear(2, 8), torch.nn.Linear(8, outputs)]
            self.layers = torch.nn.ModuleList(sizes)

        def forward(self, x):
            return self.layers[1](torch.tanh(self.layers[0](x)))

    net = Net().double()
    state = model.state_dict().items()
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in state}
    net.load_state_dict(tensors)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    inputs = torch.tensor(X)
    for _ in range(20):
        optimizer.zero_grad()
        out = net(inputs)
        if outputs == 1:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                out[:, 0], torch.tensor(y).double()
            )
        else:
            loss = torch.nn.functional.cross_entropy(out, torch.tensor(y))
        loss.backward()
        optimizer.step()
    fit(model, X, y, optimizer=Adam(lr=0.01), epochs=20)
    theirs = net(inputs).detach().numpy().reshape(len(X), -1)
    ours = nn.predict(model, X).reshape(len(X), -1)
    np.testing.assert_allclose(ours, theirs, 1e-11, 1e-12)
    model.load_state_dict(net.state_dict())
    ours = nn.predict(model, X).reshape(len(X), -1)
    np.testing.assert_allclose(ours, theirs, 1e-13, 1e-13)


def test_clipping_shortens_the_gradient():
    def step(clip):
        model = Sequential(Layer(1, 1, None))
        model.load_state_dict({"0.weight": [[3.0]], "0.bias": [4.0]})
        fit(model, [[1.0]], [0.0], "mse", SGD(lr=1.0), 1, clip=clip)
        (w,), (b,) = model.state_dict()["0.weight"][0], model.state_dict()["0.bias"]
        return math.hypot(w - 3, b - 4)

    assert step(None) == pytest.approx(14 * math.sqrt(2))
    assert step(0.5) == pytest.approx(0.5, rel=1e-6)
    assert step(1000.0) == step(None)


def test_a_schedule_multiplies_the_learning_rate():
    history = fit(
        small(), *XOR, optimizer=SGD(lr=0.5), epochs=4, schedule=lambda e: 1 / (1 + e)
    )
    assert history["lr"] == [0.5, 0.25, 0.5 / 3, 0.125]
    named = fit(small(), *XOR, optimizer=SGD(lr=1.0), epochs=4, schedule="linear")
    assert named["lr"] == [1.0, 0.75, 0.5, 0.25]


def test_frozen_parameters_stay():
    model = small()
    model.freeze("layers.0")
    before = model.state_dict()
    fit(model, *XOR, epochs=3)
    after = model.state_dict()
    assert before["layers.0.weight"] == after["layers.0.weight"]
    assert before["layers.1.weight"] != after["layers.1.weight"]
    model.freeze()
    with pytest.raises(ValueError, match="is everything frozen"):
        fit(model, *XOR, epochs=1)


def test_gradients_are_left_at_0():
    model = small()
    fit(model, *XOR, epochs=2)
    assert all(p.grad == 0 for p in model.parameters())


def test_fit_twice_goes_on():
    model, twin = small(), small()
    optimizer = Adam(lr=0.1)
    for _ in range(2):
        fit(model, *XOR, optimizer=optimizer, epochs=3)
    fit(twin, *XOR, optimizer=Adam(lr=0.1), epochs=6)
    assert model.state_dict() == twin.state_dict()


# ---- what can be trained -------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "hinge", "mse", "binary_cross_entropy"])
def test_xor_is_learned_with_every_loss_for_two_classes(loss):
    last = "sigmoid" if loss == "binary_cross_entropy" else None
    model = small(output_activation=last)
    y = [0.0, 1.0, 1.0, 0.0] if loss == "mse" else XOR[1]
    history = fit(model, XOR[0], y, loss=loss, optimizer=Adam(lr=0.1), epochs=150)
    assert history.loss[-1] < 0.05
    if loss != "mse":
        assert history["accuracy"][-1] == 1.0
        assert history.labels.classes == (0, 1)
        found = nn.predict(model, XOR[0]).reshape(-1, 1)
        assert history.labels.name(found) == XOR[1]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_a_line_is_learned_with_every_loss_for_numbers(loss):
    X = [[x / 10] for x in range(-10, 11)]
    y = [3 * x - 1 for (x,) in X]
    model = Sequential(Layer(1, 1, None, seed=0))
    history = fit(model, X, y, loss, Adam(lr=0.05), 400, schedule="linear")
    assert history["error"][-1] < 0.02
    (slope,), (offset,) = (
        model.state_dict()["0.weight"][0],
        model.state_dict()["0.bias"],
    )
    assert (slope, offset) == pytest.approx([3, -1], abs=0.05)


def test_text_labels_and_more_classes():
    data = nn.data.iris()
    X = nn.data.Scaling.fit(data.X)(data.X)
    model = MLP(4, [6, 3], seed=0)
    history = fit(model, X, data.y, optimizer=Adam(lr=0.05), epochs=15, batch_size=30)
    assert history.loss_name == "cross_entropy"
    assert history.labels.classes == ("setosa", "versicolor", "virginica")
    assert history["accuracy"][-1] > 0.93
    assert set(history.labels.name(nn.predict(model, X))) == set(data.y)


@pytest.mark.skipif(find_spec("llvmlite") is None, reason="would take minutes")
@pytest.mark.parametrize(
    ("name", "wanted"), [("iris", 0.93), ("moons", 0.95), ("wine", 0.95)]
)
def test_with_nothing_but_a_model_and_rows_small_sets_are_learned(name, wanted):
    inside, outside = nn.data.SETS[name]().split()
    outputs = {2: 1}.get(len(inside.classes), len(inside.classes))
    right = []
    for seed in range(10):
        model = MLP(len(inside.features), [8, outputs], seed=seed)
        history = fit(model, inside, seed=seed)
        told = history.labels.name(nn.predict(model, outside.X).reshape(-1, outputs))
        right += [a == b for a, b in zip(told, outside.y, strict=True)]
    assert np.mean(right) >= wanted


@pytest.mark.parametrize(
    ("rows", "columns", "optimizer", "decay"),
    [
        (100, 2, "auto", 0.16),
        (100, 2, "adamw", 0.16),
        (100, 2, "adam", 0.0),
        (10, 3, "auto", 1.0),
        (100, 2, nn.AdamW(lr=0.01, weight_decay=0.7), 0.7),
    ],
    ids=str,
)
def test_weights_are_pulled_by_columns_for_each_row(rows, columns, optimizer, decay):
    X = np.random.default_rng(0).normal(size=(rows, columns))
    seen = []
    fit(
        MLP(columns, [2, 1], seed=0),
        X,
        X[:, 0],
        optimizer=optimizer,
        epochs=1,
        callbacks=[lambda training: seen.append(training.optimizer.weight_decay)],
    )
    assert seen == [decay]


def test_two_texts_with_one_output():
    history = fit(small(), XOR[0], ["no", "yes", "yes", "no"], "auto")
    assert history.loss_name == "binary_cross_entropy_with_logits"
    assert history.labels.classes == ("no", "yes")


def test_several_numbers_per_row():
    X = [[0.0], [0.5], [1.0]]
    y = [[2 * x, -x] for (x,) in X]
    model = Sequential(Layer(1, 2, None, seed=0))
    history = fit(model, X, y, optimizer=Adam(lr=0.05), epochs=200)
    assert history.loss_name == "mse"
    assert history["error"][-1] < 0.05


OUTPUTS = {
    "a list": list,
    "a tuple": tuple,
    "an array": np.array,
    "one by one": iter,
    "computed one by one": lambda outs: map(abs, outs),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_models_outputs_may_be_any_sequence(kind, engine):
    X, y = [[0.0, 1.0], [1.0, 0.5]], [[0.5, 1.0], [0.25, 0.0]]
    layers = Layer(2, 2, "sigmoid", seed=0), Layer(2, 2, "sigmoid", seed=0)
    same, model = (Sequential(layers[0], list), Sequential(layers[1], OUTPUTS[kind]))
    for each in (same, model):
        fit(each, X, y, loss="mse", epochs=2, engine=engine, callbacks=[nn.Watch()])
    assert layers[0].state_dict() == layers[1].state_dict()
    assert nn.predict(model, X).tolist() == nn.predict(same, X).tolist()
    picture, other = (viz.network(each, X[0], y[0]).svg for each in (model, same))
    assert picture == other or kind == "computed one by one"


def test_a_module_and_a_loss_of_ones_own():
    class Bump(Module):
        def __init__(self):
            self.center, self.width = Value(0.4), Value(0.5)

        def __call__(self, x):
            z = (x[0] - self.center) / self.width
            return (-z * z).exp()

    def cubed(predictions, targets):
        terms = [abs(p - t) ** 3 for p, t in zip(predictions, targets, strict=True)]
        return sum(terms[1:], terms[0]) / len(terms)

    X = [[x / 10] for x in range(-20, 21)]
    y = [math.exp(-((x - 0.3) ** 2) / 0.64) for (x,) in X]
    model = Bump()
    history = fit(model, X, y, cubed, Adam(lr=0.02), 200, validation=(X, y))
    assert history.loss_name == "cubed"
    assert history["validation_loss"][-1] < 1e-4
    assert (model.center.data, abs(model.width.data)) == pytest.approx(
        (0.3, 0.8), abs=0.05
    )


# ---- validation, early stopping, callbacks -------------------------------------------


def test_a_validation_split_is_chosen_by_the_seed_and_not_trained_on():
    X, y = moons(rows=40)
    seen = []

    class Watching(Eager):
        def step(self, numbers, rows):
            seen.extend(tuple(self.task.X[row]) for row in rows)
            return super().step(numbers, rows)

    history = fit(
        small(), X, y, "auto", SGD(lr=0.1), 2, validation=0.25, seed=5, engine=Watching
    )
    assert len(set(seen)) == 30
    inside, outside = nn.data.split_rows(y, 0.25, 5)
    assert set(seen) == {tuple(X[row]) for row in inside}
    model = small()
    other = fit(model, X[inside], [y[i] for i in inside], "auto", SGD(lr=0.1), 2,
                validation=(X[outside], [y[i] for i in outside]), seed=5,
                engine="eager")  # fmt: skip
    assert other.columns == history.columns
    logits = nn.predict(model, X[outside])
    wanted = np.array([y[i] for i in outside])
    assert len(history["validation_accuracy"]) == 2
    assert history["validation_accuracy"][-1] == np.mean((logits > 0) == wanted)


def test_early_stopping_restores_the_best_weights():
    X, y = moons(rows=60, noise=0.3)
    states = []

    def keep(training):
        states.append(training.model.state_dict())

    model = MLP(2, [16, 1], seed=0)
    history = fit(
        model, X[:20], y[:20], optimizer=Adam(lr=0.1), epochs=200, patience=5,
        validation=(X[20:], y[20:]), callbacks=[keep],
    )  # fmt: skip
    losses = history["validation_loss"]
    best = losses.index(min(losses))
    assert history.stopped == "early"
    assert history.best_epoch == best + 1
    assert len(history) == best + 1 + 5 < 200
    assert model.state_dict() == states[best]
    assert history.last()["validation_loss"] == min(losses)


def test_without_validation_the_training_loss_is_watched():
    history = fit(small(), *XOR, optimizer=SGD(lr=1e-9), epochs=50, patience=3)
    assert history.best_epoch is not None


def test_metrics_and_callbacks():
    epochs = []

    def largest(outputs, targets):
        return max(outputs)

    def stop(training):
        epochs.append(training.epoch)
        return training.epoch == 3

    history = fit(
        small(), *XOR, epochs=9, metrics={"largest": largest}, callbacks=[stop]
    )
    assert epochs == [1, 2, 3]
    assert len(history["largest"]) == len(history) == 3


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("loss", ["mse", "hinge"])
def test_the_history_is_plain_numbers(engine, loss):
    history = fit(
        small(), *moons(rows=40), loss, epochs=2, batch_size=8, engine=engine,
        validation=0.25, patience=2, progress=False,
    )  # fmt: skip
    found = {type(x) for column in history.columns.values() for x in column}
    assert found == {float}


def test_a_seed_trains_to_the_same_bits_and_another_to_others():
    def run(seed):
        model = small()
        return fit(model, *moons(rows=40), epochs=2, batch_size=8, seed=seed), model

    (a, one), (b, same), (_, other) = run(1), run(1), run(2)
    assert a.columns == b.columns
    assert one.state_dict() == same.state_dict() != other.state_dict()
    assert run(None)[0].seed != run(None)[0].seed


# ---- going wrong ---------------------------------------------------------------------


def test_a_loss_that_explodes_names_epoch_batch_and_node():
    model = MLP(1, [1], seed=0)
    with pytest.raises(DivergenceError) as caught:
        fit(
            model,
            [[1e150], [2.0]],
            [1.0, 2.0],
            "mse",
            SGD(lr=1e10),
            3,
            batch_size=1,
            seed=0,
        )
    text = str(caught.value)
    assert "the loss became inf in epoch 1, batch 2; the first bad node is" in text
    assert "first bad node is W1[1,1] = -inf" in text
    assert "a smaller lr, scaled inputs, clip=1.0" in text
    assert (caught.value.epoch, caught.value.batch) == (1, 2)
    assert model.state_dict() == MLP(1, [1], seed=0).state_dict()


def test_outside_a_domain_the_node_is_named():
    class Log(Module):
        def __init__(self):
            self.w = Value(1.0, label="w")

        def __call__(self, x):
            return (self.w * x[0]).log()

    with pytest.raises(
        DivergenceError, match=r"batch 2; the first bad node is log\(v1 = w·"
    ):
        fit(
            Log(),
            [[1.0], [-1.0]],
            [0.0, 0.0],
            "mse",
            SGD(lr=0.1),
            1,
            batch_size=1,
            seed=3,
        )


def test_an_infinite_slope_is_named():
    class Root(Module):
        def __init__(self):
            self.w = Value(0.0, label="w")

        def __call__(self, x):
            return (self.w * x[0]).sqrt()

    with pytest.raises(
        DivergenceError, match=r"sqrt\(v1 = w·1 = 0.0.* with the slope inf"
    ):
        fit(Root(), [[1.0]], [1.0], "mse", SGD(lr=0.1), 1)


def test_a_weight_of_inf_is_found_where_a_relu_hides_it():
    model = Sequential(Layer(1, 1, "relu"), Layer(1, 1, None))
    before = {
        "0.weight": [[1.0]],
        "0.bias": [0.0],
        "1.weight": [[1.0]],
        "1.bias": [0.0],
    }
    model.load_state_dict(before)
    with pytest.raises(
        DivergenceError, match=r"a parameter became -inf in epoch 1, batch 1.*W1\[1,1\]"
    ):
        fit(model, [[1e10]], [0.0], "mse", SGD(lr=1e300), 5)
    assert model.state_dict() == before


def test_a_validation_loss_that_explodes():
    with pytest.raises(
        DivergenceError, match=r"validation loss became inf.*mul\("
    ) as e:
        fit(small(), *XOR, "mse", batch_size=3, validation=([[1, 1]], [1e200]))
    assert (e.value.epoch, e.value.batch) == (1, 2)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda: fit(small(), [[0, 1]], [0, 1]),
            ValueError,
            "1 rows, but y has 2",
        ),
        (lambda: fit(small(), [[0, math.nan]], [0]), ValueError, "row 1, column 2"),
        (lambda: fit(small(), [0, 1], [0, 1]), ValueError, "table of N rows"),
        (lambda: fit(small(), [], []), ValueError, "table of N rows"),
        (lambda: fit(small(), [[0, 1], [1]], [0, 1]), ValueError, "row 1 has 2, row 2"),
        (
            lambda: fit(small(), [[0, 1], 2], [0, 1]),
            ValueError,
            "row 1 has 2, row 2 has",
        ),
        (
            lambda: fit(small(), iter(XOR[0]), [0]),
            ValueError,
            r"write list\(X\) of a ",
        ),
        (
            lambda: fit(small(), *XOR, validation=(XOR[0],)),
            TypeError,
            r"validation is a part such as 0.2, or .* \(X, y\)",
        ),
        (lambda: fit(small(), *XOR, validation="0.2"), TypeError, "got '0.2'"),
        (
            lambda: fit(small(), [[0, "a"]], [0]),
            ValueError,
            "row 1, column 2 holds 'a'",
        ),
        (lambda: fit(small(), [[0, 1], [None, "b"]], [0, 1]), ValueError, "row 2, col"),
        (lambda: fit(small(), XOR[0], [1, 1, 1, 1]), ValueError, "one class alone"),
        (lambda: fit(small(), [[0, 1, 2]], [0]), ValueError, "takes 2 inputs, got 3"),
        (
            lambda: fit(small(), XOR[0], [1, 1, 1, 1], "hinge"),
            ValueError,
            "one class",
        ),
        (
            lambda: fit(small(), XOR[0], list("abca")),
            ValueError,
            "3 classes but",
        ),
        (
            lambda: fit(small(), XOR[0], list("abca"), "mse"),
            ValueError,
            "the text 'a'",
        ),
        (
            lambda: fit(small(), XOR[0], [0, "a", 1, 1]),
            ValueError,
            "mixes texts",
        ),
        (lambda: fit(small(), XOR[0], [0, 1, math.nan, 1]), ValueError, "y .* row 3"),
        (lambda: fit(small(), XOR[0], [[0, 1]] * 4), ValueError, r"shape \(4, 2\)"),
        (lambda: fit(small(), *XOR, "msee"), ValueError, "unknown loss 'msee'; choose"),
        (lambda: fit(small(), *XOR, optimizer="best"), ValueError, "unknown optimizer"),
        (lambda: fit(small(), *XOR, optimizer=3), TypeError, "a name or an Optimizer"),
        (
            lambda: fit(small(), *XOR, engine="warp"),
            ValueError,
            "unknown engine",
        ),
        (lambda: fit(small(), *XOR, epochs=-1), ValueError, "epochs is a whole number"),
        (lambda: fit(small(), *XOR, epochs=1.5), ValueError, "got 1.5"),
        (lambda: fit(small(), *XOR, batch_size=-1), ValueError, "batch_size"),
        (lambda: fit(small(), *XOR, batch_size=0), ValueError, "batch_size"),
        (lambda: fit(small(), *XOR, clip=0), ValueError, "clip is a number above 0"),
        (lambda: fit(small(), *XOR, clip="1"), ValueError, "clip .* got '1'"),
        (lambda: fit(small(), *XOR, tolerance=-1), ValueError, "tolerance"),
        (lambda: fit(small(), *XOR, validation=1.5), ValueError, "between 0 and 1"),
        (lambda: fit(small(), *XOR, validation=0.01), ValueError, "too few"),
        (lambda: fit(small(), *XOR, patience=0), ValueError, "patience"),
        (lambda: fit(small(), *XOR, lambda p, t: 0.5), TypeError, "has to be a Value"),
    ],
)
def test_what_cannot_be_trained_is_told(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_validation_with_a_class_never_seen():
    with pytest.raises(ValueError, match=r"label 'c' is not among the classes"):
        fit(small(), XOR[0], list("abab"), validation=([[0, 0]], ["c"]))


# ---- interrupted and resumed ---------------------------------------------------------


def test_ctrl_c_returns_the_history_and_the_model_of_the_last_full_epoch():
    X, y = moons(rows=40)

    class Impatient(Eager):
        count = 0

        def step(self, numbers, rows):
            self.count += 1
            if self.count == 18:  # the third batch of the fourth epoch
                raise KeyboardInterrupt
            return super().step(numbers, rows)

    model, twin = small(), small()
    same = {"batch_size": 8, "seed": 1, "schedule": "constant"}
    history = fit(model, X, y, epochs=9, engine=Impatient, **same)
    assert history.stopped == "interrupted"
    assert len(history) == 3
    fit(twin, X, y, epochs=3, engine="eager", **same)
    assert model.state_dict() == twin.state_dict()


def interrupted_at(line, path, engine):
    """A training that Ctrl-C ends at a line, counted from the start of the fit's
    second epoch; None where it has fewer."""
    left, inside = line, False

    def trace(frame, event, _):
        nonlocal left, inside
        if frame.f_code.co_name == "_one_epoch" and event in ("call", "return"):
            inside = event == "call" and frame.f_locals["self"].epoch == 1
        # What is raised in a __del__ Python prints and drops, also a Ctrl-C.
        callers = frame.f_code.co_name, frame.f_back and frame.f_back.f_code.co_name
        if inside and event == "line" and "__del__" not in callers:
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        history = broken_off(3, path, engine)
    finally:
        sys.settrace(before)
    return history if left == 0 else None


def broken_off(epochs, path, engine, resume=None):
    return fit(
        small(), *XOR, optimizer="rmsprop", epochs=epochs, batch_size=3, patience=2,
        seed=0, engine=engine, checkpoint=path, resume=resume,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "apart"),
    [pytest.param("eager", 41, marks=pytest.mark.slow), ("compiled", 29)],
)
def test_ctrl_c_at_any_moment_leaves_what_can_be_resumed(tmp_path, engine, apart):
    through, broken = tmp_path / "through.json", tmp_path / "broken.json"
    broken_off(3, through, engine)
    lengths = []
    for line in itertools.count(1, apart):
        history = interrupted_at(line, broken, engine)
        if history is None:
            break
        assert history.stopped == "interrupted"
        assert not in_effect("ieee")  # errors are errors again
        lengths.append(len(history))
        assert load_checkpoint(broken).training["epoch"] == len(history)
        broken_off(3, broken, engine, broken)
        assert broken.read_bytes() == through.read_bytes(), line
    assert set(lengths) == {1, 2}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("patience", [None, 3])
def test_resumed_is_unbroken(tmp_path, optimizer, patience):
    X, y = moons(rows=40, noise=0.3)

    def run(epochs, path, resume=None):
        model = small()
        history = fit(
            model, X, y, optimizer=optimizer, epochs=epochs, batch_size=7, seed=2,
            validation=0.3, patience=patience, checkpoint=path, resume=resume,
            schedule=lambda epoch: 0.9**epoch,
        )  # fmt: skip
        return history, model

    through, broken = tmp_path / "through.json", tmp_path / "broken.json"
    one, a = run(9, through)
    run(2, broken)
    run(5, broken, broken)
    other, b = run(9, broken, broken)
    assert through.read_bytes() == broken.read_bytes()
    assert a.state_dict() == b.state_dict()
    assert one.columns == other.columns
    assert one.stopped == other.stopped
    assert one.best_epoch == other.best_epoch


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_resumed_training_remembers_the_best_epoch(tmp_path, engine):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 2)), rng.integers(0, 2, 24).tolist()  # pure noise
    through, broken = tmp_path / "through.json", tmp_path / "broken.json"

    def run(epochs, path, resume=None):
        model = small()
        history = fit(
            model, X, y, optimizer=Adam(lr=0.1), epochs=epochs, batch_size=5, seed=2,
            patience=50, engine=engine, checkpoint=path, resume=resume, validation=0.5,
        )  # fmt: skip
        return history, model

    whole, wanted = run(20, through)
    assert 1 < whole.best_epoch < 19  # then it got worse again
    for stop in (whole.best_epoch, whole.best_epoch + 1, 19):
        run(stop, broken)
        history, model = run(20, broken, broken)
        assert history.best_epoch == whole.best_epoch
        assert model.state_dict() == wanted.state_dict()
        assert broken.read_bytes() == through.read_bytes()


@pytest.mark.parametrize("patience", [None, 50])
def test_every_part_of_a_training_is_read_back(tmp_path, patience):
    states = []

    def run(epochs, path, resume=None):
        return fit(
            small(), *XOR, optimizer=SGD(lr=0.5, momentum=0.9), epochs=epochs, seed=3,
            patience=patience, checkpoint=path, resume=resume, progress=False,
            callbacks=[lambda training: states.append(training.state_dict())],
        )  # fmt: skip

    run(4, tmp_path / "one.json")
    read = load_checkpoint(tmp_path / "one.json").training
    assert read == states[-1]
    assert all(read[name] for name in ("epoch", "seed", "optimizer", "history"))
    assert bool(read["best"]) == bool(read["numbers"]) == (patience is not None)
    run(4, tmp_path / "two.json", tmp_path / "one.json")  # nothing is left to do
    two, one = tmp_path / "two.json", tmp_path / "one.json"
    assert two.read_bytes() == one.read_bytes()


def test_a_checkpoint_is_written_once_a_second(tmp_path, monkeypatch):
    now, saved = [0.0], []
    monkeypatch.setattr(
        "nn.training.time", SimpleNamespace(perf_counter=lambda: now[0])
    )
    monkeypatch.setattr(
        Training, "save", lambda training, path: saved.append(training.epoch)
    )

    def later(training):
        now[0] = 0.25 * training.epoch

    fit(small(), *XOR, epochs=12, checkpoint=tmp_path / "m.json", callbacks=[later])
    assert saved == [6, 11, 12]  # more than 1 s after the last, and at the end


def failing(predictions, targets):
    raise ArithmeticError("a loss of one's own that fails")


def interrupting(predictions, targets):
    raise KeyboardInterrupt


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("engine", ["eager", "compiled", "auto"])
@pytest.mark.parametrize("loss", ["mse", failing, interrupting])
def test_the_garbage_collector_is_as_it_was(on, engine, loss):
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with contextlib.suppress(ArithmeticError, KeyboardInterrupt, TypeError):
            fit(small(), *XOR, loss, epochs=2, engine=engine)
        nn.predict(small(), XOR[0])
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_resume_from_a_model_alone(tmp_path):
    nn.save(small(), tmp_path / "model.json")
    with pytest.raises(ValueError, match="a model alone, no training"):
        fit(small(), *XOR, resume=tmp_path / "model.json")


def test_a_real_ctrl_c(tmp_path):
    program = f"""
import nn, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
X, y = nn.data.moons(rows=40)
model = nn.MLP(2, [4, 1], seed=0)
path = {str(tmp_path / "m.json")!r}
def ready(training):
    if training.epoch == 2:
        print("ready", flush=True)
h = nn.fit(model, X, y, epochs=10**6, batch_size=8, seed=0, checkpoint=path,
           callbacks=[ready])
print(h.stopped, len(h) > 1, nn.load(path).state_dict() == model.state_dict())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "interrupted True True\n"


# ---- what is shown -------------------------------------------------------------------


def test_silent_where_no_terminal_is_watching():
    out = io.StringIO()
    with redirect_stdout(out):
        fit(small(), *XOR, epochs=2)
    assert out.getvalue() == ""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_on_a_terminal(progress):
    import pty

    program = f"""
import nn
nn.fit(nn.MLP(2, [2, 1], seed=0), *nn.data.xor(rows=8), epochs=3, progress={progress},
       callbacks=[lambda training: "a [/b] told"])
"""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    assert process.wait(timeout=30) == 0
    assert (b"epoch 3/3" in shown) is progress
    assert (b"loss" in shown and b"accuracy" in shown) is progress
    assert (b"a [/b] told" in shown) is progress
    assert bool(shown) is progress


def test_a_training_of_no_epochs_measures_nothing():
    model, before = small(), small().state_dict()
    assert fit(model, *XOR, epochs=0).columns == {}
    assert model.state_dict() == before


def test_predictions_for_many_rows_are_those_for_few():
    X = np.random.default_rng(0).normal(size=(700, 2))
    for model in (small(), MLP(2, [4, 3], seed=1)):
        few = np.concatenate([nn.predict(model, X[:300]), nn.predict(model, X[300:])])
        np.testing.assert_allclose(nn.predict(model, X), few, 1e-12, 1e-14)


def test_a_model_that_looks_at_its_numbers_is_predicted_row_by_row():
    class Step(Module):
        def __call__(self, x):
            return Value(1.0) if x[0] > 0 else Value(0.0)

    X = np.linspace(-1, 1, 600)[:, None]
    assert nn.predict(Step(), X).tolist() == (X[:, 0] > 0).astype(float).tolist()


def test_what_a_masked_array_hides_is_missing():
    """NumPy's own conversions hand out the number behind the mask."""
    X = np.ma.array(np.ones((3, 2)), mask=[[0, 0], [0, 1], [0, 0]])
    y = np.ma.array([0.5, 1.5, 2.5], mask=[0, 1, 0])
    with pytest.raises(ValueError, match="X is missing or infinite in row 2, column 2"):
        fit(small(), X, [0, 1, 0])
    with pytest.raises(ValueError, match="y is missing or infinite in row 2"):
        fit(small(), X.data, y, loss="mse")
    told = nn.predict(small(), X)
    assert np.isnan(told).tolist() == [False, True, False]
    program = autograd.compile(lambda a, b: a * b, inputs=2)
    assert np.isnan(program(X)).tolist() == [False, True, False]
    whole = np.ma.array([[1, 2], [3, 4]], mask=[[1, 0], [0, 0]])
    assert np.isnan(program(whole)).tolist() == [True, False]
    assert program(np.ma.array([[1, 2], [3, 4]])).tolist() == [2.0, 12.0]


def test_what_is_no_table_is_told_by_predict_as_by_fit():
    for rows, words in (
        ([[1, 2], [3]], "row 1 has 2, row 2 has 1"),
        ([["a", 1]], "row 1, column 1 holds 'a'"),
        ([1.0, 2.0], r"write \[\[x\] for x in X\]"),
        (iter([[1, 2]]), r"write list\(X\)"),
    ):
        with pytest.raises(ValueError, match=words):
            nn.predict(small(), rows)
    assert nn.predict(small(), np.zeros((0, 2))).tolist() == []


class Says(Module):
    """A model that returns what it is made with."""

    def __init__(self, answer):
        self.weight, self.answer = Value(1.0), answer

    def __call__(self, x):
        return self.answer


@pytest.mark.parametrize("answer", ["a", None, ["a"], [None, None]])
def test_a_model_that_returns_no_values_is_told(answer):
    with pytest.raises(TypeError, match="a call of Says returns a Value for a row, or"):
        fit(Says(answer), [[0.0], [1.0]], [0.5, 1.5])


def test_a_model_of_sequences_given_a_table_is_told_what_it_takes():
    model = nn.GPT(4, 4, 1, 1, 6, seed=0)
    with pytest.raises(TypeError, match="from sequences, lists of whole numbers"):
        fit(model, np.array([[0.0, 1.0]]), np.array([[1.0, 2.0]]))


def test_sequences_of_which_one_has_more_to_tell_than_another():
    model = nn.GPT(4, 4, 1, 1, 6, seed=0)
    with pytest.raises(ValueError, match="sequence 1 has 3 tokens, and 2 to tell"):
        fit(model, [[0, 1, 2], [0, 2]], [[1, 2], [2, 3]])
    with pytest.raises(TypeError, match=r"what to tell of them, .*; got"):
        fit(model, [[0, 1], [0]], [[1, 2], [2]], validation=([[0, 1]],))
    rows, both = [[0, 1, 2], [2, 1, 0]], [[1, 2], [0, 1]]
    assert fit(MLP(3, [2], seed=0), rows, both, epochs=1, progress=False).loss[0] > 0


def test_callbacks_are_functions_in_a_list():
    with pytest.raises(TypeError, match=r"write callbacks=\[f\]"):
        fit(small(), *XOR, callbacks=print)
    with pytest.raises(TypeError, match="a function of the Training; got 'log'"):
        fit(small(), *XOR, callbacks=["log"])


def test_weights_that_are_no_values_are_asked_for():
    model = Says([0.5])
    model.weight = np.ones(3)
    with pytest.raises(ValueError, match="or are weights numbers, and no Values"):
        fit(model, [[0.0]], [0.5])
