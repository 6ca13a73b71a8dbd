"""Going on with other arguments: what can't be is refused, what differs is told."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from nn import MLP, SGD, Adam, AdamW, DivergenceError, RMSProp, Watch, fit, load, mae
from nn.checkpoint import load_checkpoint
from nn.data import moons
from nn.resuming import sum_of

X, Y = moons(rows=24, seed=0)
USUAL = {
    "loss": "auto",
    "epochs": 6,
    "batch_size": 5,
    "validation": (X[:6], Y[:6]),
    "seed": 3,
    "engine": "eager",
    "clip": 2.0,
    "patience": 4,
    "tolerance": 0.0,
}


def trained(path, resume=None, rows=(X, Y), model=None, **changes):
    model = model or MLP(2, [3, 1], seed=0)
    optimizer = changes.pop("optimizer", None) or Adam(lr=0.05)
    settings = {**USUAL, **changes}
    return fit(
        model, *rows, optimizer=optimizer, checkpoint=path, resume=resume, **settings
    )


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    path = tmp_path_factory.mktemp("begun") / "m.json"
    trained(path, epochs=3)
    return path


REFUSED = {
    "seed": ({"seed": 4}, "same seed as before, 3; got 4"),
    "rows": ({"rows": (X + 1e-9, Y)}, "needs the rows of the training"),
    "order": ({"rows": (X[::-1], Y[::-1])}, "needs the rows of the training"),
    "targets": ({"rows": (X, [1 - y for y in Y])}, "needs the rows"),
    "validation": ({"validation": (X[:7], Y[:7])}, "the validation rows of"),
    "no validation": ({"validation": None}, "the validation rows of"),
    "loss": ({"loss": "hinge"}, "needs the"),
    "weights": ({"class_weights": {1: 2}}, "same class_weights as before, None; got {"),
    "a loss of one's own": ({"loss": mae, "rows": (X, Y)}, "same loss as before"),
    "optimizer": ({"optimizer": AdamW(lr=0.05, weight_decay=0.0)}, "same optimizer as"),
    "metrics": ({"metrics": {"one": lambda o, t: 1.0}}, "same metrics .*none; got one"),
}
TOLD = {
    "lr": ({"optimizer": Adam(lr=0.01)}, "rate of epoch 1 was 0.05 and would now be 0"),
    "schedule": ({"schedule": "cosine"}, "the learning rate of epoch 2 was 0.05"),
    "betas": ({"optimizer": Adam(lr=0.05, betas=(0.8, 0.99))}, r"betas=\(0.9, 0.999\)"),
    "decay": ({"optimizer": Adam(lr=0.05, weight_decay=0.1)}, "weight_decay=0.0"),
    "batch_size": ({"batch_size": 6}, "batch_size was 5 and is 6"),
    "clip": ({"clip": None}, "clip was 2.0 and is None"),
    "patience": ({"patience": 5}, "patience was 4 and is 5"),
    "tolerance": ({"tolerance": 0.1}, "tolerance was 0.0 and is 0.1"),
    "engine": ({"engine": "compiled"}, "engine was eager and is compiled"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_would_be_another_training_is_refused(change, begun, tmp_path):
    arguments, words = REFUSED[change]
    model = MLP(2, [3, 1], seed=0)
    with pytest.raises(ValueError, match=words):
        trained(tmp_path / "m.json", begun, model=model, **arguments)


@pytest.mark.parametrize("change", TOLD)
def test_what_holds_from_here_on_is_told(change, begun, tmp_path):
    arguments, words = TOLD[change]
    told = f"resumed with other arguments: .*{words}"
    with pytest.warns(UserWarning, match=told) as caught:
        trained(tmp_path / "m.json", begun, **arguments)
    assert [each.filename for each in caught] == [__file__]


@pytest.mark.parametrize("change", [{}, {"seed": None}, {"epochs": 9}])
def test_nothing_is_said_where_nothing_changed(change, begun, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = trained(tmp_path / "m.json", begun, **change)
    assert len(history) > 3


def test_other_parameters_are_refused(begun, tmp_path):
    model = MLP(2, [3, 1], seed=0)
    optimizer = Adam(model.layers[1].parameters(), lr=0.05)
    with pytest.raises(ValueError, match=r"same parameters as before, 6 of layers\.0"):
        trained(tmp_path / "m.json", begun, model=model, optimizer=optimizer)


def test_a_file_that_does_not_tell_its_arguments_is_gone_on_with(begun, tmp_path):
    content = json.loads(begun.read_text())
    del content["training"]["arguments"]
    (tmp_path / "old.json").write_text(json.dumps(content))
    trained(tmp_path / "m.json", tmp_path / "old.json", batch_size=6)


# ---- an optimizer that was given parameters ------------------------------------------


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSProp])
@pytest.mark.parametrize("layer", [0, 1])
def test_an_optimizer_moves_what_it_was_given_and_nothing_else(engine, kind, layer):
    model = MLP(2, [3, 1], seed=0)
    before, watch = model.state_dict(), Watch()
    optimizer = kind(model.layers[layer].parameters(), lr=0.1)
    for _ in range(2):
        fit(
            model, X, Y, optimizer=optimizer, epochs=2, seed=0, engine=engine,
            callbacks=[watch],
        )  # fmt: skip
    moved = {k for k, v in model.state_dict().items() if v != before[k]}
    assert moved == {f"layers.{layer}.weight", f"layers.{layer}.bias"}
    assert set(watch.gradients) == moved


def test_what_is_frozen_stays_though_an_optimizer_was_given_it():
    model = MLP(2, [3, 1], seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    model.freeze("layers.0.weight")
    before = model.state_dict()
    fit(model, X, Y, optimizer=optimizer, epochs=1, seed=0)
    moved = {k for k, v in model.state_dict().items() if v != before[k]}
    assert moved == {"layers.0.bias", "layers.1.weight", "layers.1.bias"}


def test_parameters_of_another_model_are_refused():
    other = MLP(2, [3, 1], seed=1)
    with pytest.raises(
        ValueError, match=r"given W1\[1,1\] = .*, which is no parameter"
    ):
        fit(MLP(2, [3, 1], seed=0), X, Y, optimizer=SGD(other.parameters()), epochs=1)


def test_one_that_was_given_none_goes_from_model_to_model():
    optimizer = Adam(lr=0.1)
    for seed in (0, 1):
        model = MLP(2, [3, 1], seed=seed)
        before = model.state_dict()
        fit(model, X, Y, optimizer=optimizer, epochs=1, seed=0)
        assert all(model.state_dict()[name] != before[name] for name in before)


# ---- a training that diverges, with a checkpoint -------------------------------------


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSProp])
@pytest.mark.parametrize("lr", [1e2, 1e30, 1e150, 1e300])
def test_the_error_is_the_divergence_whatever_is_kept(engine, kind, lr, tmp_path):
    """Also where the optimizer remembers an infinity, or a metric is one."""
    model, path = MLP(2, [3, 1], seed=0), tmp_path / "m.json"
    tables = X, (np.array(Y) * 10.0).tolist()
    endless = {"endless": lambda outputs, targets: float("inf")}
    try:
        history = fit(
            model, *tables, loss="mse", optimizer=kind(lr=lr, weight_decay=0.2),
            epochs=40, batch_size=8, seed=0, engine=engine, checkpoint=path,
            metrics=endless,
        )  # fmt: skip
    except DivergenceError as error:
        history, told = error.history, str(error)
        where = f"in epoch {len(history) + 1}, batch {error.batch}; the first bad node"
    else:
        told = where = ""
    assert (history.stopped == "diverged") == bool(told)
    assert where in told
    saved = load_checkpoint(path)
    assert saved.training["epoch"] == len(history)
    assert saved.training["history"] == history.columns
    assert load(path).state_dict() == model.state_dict()
    assert lr < 1e300 or history.stopped == "diverged"


def test_a_checkpoint_that_fails_does_not_hide_the_divergence(tmp_path):
    folder = tmp_path / "gone"
    with pytest.raises(DivergenceError) as caught:
        fit(
            MLP(2, [3, 1], seed=0), X, Y, loss="mse", optimizer=SGD(lr=1e300),
            epochs=5, seed=0, checkpoint=folder / "m.json",
        )  # fmt: skip
    assert "could not be written" in caught.value.__notes__[0]


def test_infinities_are_written_as_text_that_reads_back(tmp_path):
    model, path = MLP(2, [3, 1], seed=0), tmp_path / "m.json"
    numbers = iter([float("inf"), float("-inf"), float("nan")])
    fit(
        model, X, Y, epochs=3, seed=0, checkpoint=path,
        metrics={"odd": lambda outputs, targets: next(numbers)},
    )  # fmt: skip
    assert '"odd": ["inf", "-inf", "nan"]' in path.read_text()
    column = load_checkpoint(path).training["history"]["odd"]
    assert [repr(x) for x in column] == ["inf", "-inf", "nan"]


def test_rows_are_told_apart_by_their_numbers_their_order_and_their_shape():
    def rows(X, y):
        task = SimpleNamespace(X=np.array(X, float), targets=np.array(y, float))
        return sum_of(task)

    tables = [
        ([[1], [2]], [[3], [4]]),
        ([[2], [1]], [[3], [4]]),
        ([[1], [2]], [[4], [3]]),
        ([[1, 2]], [[3, 4]]),
        ([[1, 2]], [3, 4]),
        ([[1, 2, 3]], [4]),
        ([[1], [-0.0]], [[3], [4]]),
        ([[1], [0.0]], [[3], [4]]),
    ]
    assert len({rows(*table) for table in tables}) == len(tables)
    assert rows(*tables[0]) == rows(*tables[0])
    assert sum_of(None) == "none"
