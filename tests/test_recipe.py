"""From a table to a trained network: every choice of the recipe, in Python."""

import contextlib
import io
import re
import sys
from dataclasses import fields
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import get_type_hints
from unittest import mock

import numpy as np
import pytest

import nn
from nn import recipe
from nn.checkpoint import Context
from nn.data import Dataset, Scaling
from nn.losses import LOSSES
from nn.module import ACTIVATIONS
from nn.optim import OPTIMIZERS
from nn.recipe import (
    Settings,
    default_loss,
    divide,
    learn,
    make_model,
    make_optimizer,
    repeated,
)
from nn.schedules import SCHEDULES
from nn.targets import POWERS
from viz.cli import main


def table(classes, rows=40):
    """Rows of three columns; the target one of so many classes, or a number for 0."""
    X = np.random.default_rng(0).normal(size=(rows, 3))
    y = [row % classes for row in range(rows)] if classes else (X[:, 0] * 7).tolist()
    return Dataset(X, y, ("a", "b", "c"), "y")


# ---- the network ---------------------------------------------------------------------

ONE_OUTPUT = ("mse", "mae", "huber")


def outputs_for(classes, loss):
    if loss in ONE_OUTPUT:
        return 1
    if loss == "cross_entropy":
        return classes
    return 1 if classes == 2 else classes


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("loss", ["auto", *LOSSES])
def test_outputs_suit_the_classes_and_the_loss(classes, loss):
    model = make_model(table(classes), Settings(loss=loss, hidden=[4]))
    assert [layer.nout for layer in model.layers] == [4, outputs_for(classes, loss)]
    ends = model([0.5, -0.5, 1.0])
    ends = ends if isinstance(ends, list) else [ends]
    sigmoid = loss == "binary_cross_entropy"
    assert {end.op == "sigmoid" for end in ends} == {sigmoid}


@pytest.mark.parametrize("loss", ["auto", *ONE_OUTPUT])
def test_a_number_has_one_output(loss):
    assert make_model(table(0), Settings(loss=loss)).layers[-1].nout == 1


@pytest.mark.parametrize("loss", ["auto", *LOSSES])
def test_every_loss_for_two_classes_is_learned(loss):
    trained = learn(table(2), loss=loss, hidden=[3], epochs=1)
    wanted = default_loss(table(2)) if loss == "auto" else loss
    assert trained.history.loss_name == wanted
    score = "error" if loss in ONE_OUTPUT else "accuracy"
    assert set(trained.scores["test"]) == {"loss", score}


@pytest.mark.parametrize("loss", ["auto", "cross_entropy", *ONE_OUTPUT])
@pytest.mark.parametrize("classes", [3, 5])
def test_losses_for_several_classes_are_learned(loss, classes):
    trained = learn(table(classes), loss=loss, hidden=[3], epochs=1)
    assert len(trained.history) == 1


@pytest.mark.parametrize(
    ("classes", "name"),
    [(0, "mse"), (2, "binary_cross_entropy_with_logits"), (3, "cross_entropy")],
)
def test_the_loss_where_none_is_asked_for(classes, name):
    assert default_loss(table(classes)) == name
    trained = learn(table(classes), hidden=[], epochs=1)
    assert trained.history.loss_name == name


@pytest.mark.parametrize("hidden", ["16, 8", [16, 8], (16, 8)])
def test_hidden_layers_as_text_or_numbers(hidden):
    model = make_model(table(2), Settings(hidden=hidden))
    assert [layer.nout for layer in model.layers] == [16, 8, 1]
    for none in ("", " ", []):
        assert len(make_model(table(2), Settings(hidden=none)).layers) == 1


@pytest.mark.parametrize(
    ("name", "lr", "decay"),
    [("sgd", 0.1, 0), ("adam", 0.01, 0), ("adamw", 0.01, 0.24), ("rmsprop", 0.01, 0)],
)
def test_optimizers_with_their_usual_settings(name, lr, decay):
    rows = table(4, rows=100)
    usual = make_optimizer(Settings(optimizer=name), rows)
    assert (usual.lr, usual.weight_decay) == (lr, decay)
    asked = make_optimizer(Settings(optimizer=name, lr=0.5, weight_decay=0.0), rows)
    assert (asked.lr, asked.weight_decay) == (0.5, 0.0)
    assert type(asked).__name__.lower() == name


# ---- the rows ------------------------------------------------------------------------


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_no_row_is_in_two_parts(validation):
    data = table(2, rows=100)
    parts = divide(data, Settings(test=0.2, validation=validation))
    sizes = {name: len(part) for name, part in parts.items()}
    aside = {"validation": 20} if validation else {}
    assert sizes == {"training": 80 - sum(aside.values()), **aside, "test": 20}
    rows = [tuple(row) for part in parts.values() for row in part.X.tolist()]
    assert sorted(rows) == sorted(map(tuple, data.X.tolist()))


def test_scaling_knows_the_rows_trained_on_alone():
    trained = learn(table(0), hidden=[], epochs=1, validation=0.3)
    inside = trained.parts["training"]
    scaling, target = trained.context.scaling, trained.context.target_scaling
    np.testing.assert_allclose(scaling.mean, inside.X.mean(axis=0), 1e-12)
    np.testing.assert_allclose(scaling.deviation, inside.X.std(axis=0), 1e-12)
    np.testing.assert_allclose(target.mean, [np.mean(inside.y)], 1e-12)


def seldom(rows=400, every=40, classes="no yes"):
    """A table in which one class is rare, and told by both columns."""
    rng = np.random.default_rng(0)
    rare, usual = classes.split()[::-1]
    y = [rare if row % every == 0 else usual for row in range(rows)]
    shift = [1.5 * (label == rare) for label in y]
    columns = {name: (rng.normal(size=rows) + shift).tolist() for name in "ab"}
    return nn.table.read({**columns, "y": y}, "y")


def test_a_rare_class_counts_more_and_that_is_told():
    settings, notes = {"epochs": 3, "progress": False}, []
    trained = learn(seldom(), told=lambda _, found: notes.extend(found), **settings)
    weights = trained.history.class_weights
    assert weights["yes"] / weights["no"] == pytest.approx(39**0.5, rel=0.1)
    (note,) = notes
    assert note.startswith("'yes' is rare, 8 of 300 rows to train on: each counts 6 ti")
    assert "--class-weights none" in note


def noise(y):
    """A table with this target, of which two columns of noise tell nothing."""
    a, b = np.random.default_rng(0).normal(size=(2, len(y))).tolist()
    return nn.table.read({"a": a, "b": b, "y": y}, "y")


@pytest.mark.parametrize(("few", "weights"), [(9, "root"), (10, None)])
def test_a_class_with_a_tenth_of_its_equal_share_is_not_rare(few, weights):
    inside = Dataset(np.zeros((200, 1)), [0] * (200 - few) + [1] * few, ("a",), "y")
    assert recipe._class_weights(inside, Settings()) == weights


def test_of_several_classes_the_rarest_is_told():
    y = ["usual"] * 200 + ["other"] * 150 + ["rare"] * 5
    notes = []
    learn(noise(y), told=lambda _, found: notes.extend(found), epochs=1)
    assert notes[0].startswith("'rare' is rare, 4 of 266 rows to train on")


def test_a_rare_number_counts_as_any():
    y = [0.5] * 140 + [1.5] * 55 + [2.5] * 5
    trained = learn(noise(y), task="number", epochs=1)
    assert trained.history.loss_name == "mse"
    assert trained.history.class_weights is None


@pytest.mark.parametrize(
    ("table", "asked"),
    [(seldom(every=4), "auto"), (seldom(), "none"), (seldom(every=4), "none")],
)
def test_a_class_that_is_not_rare_counts_as_any(table, asked):
    notes = []
    settings = {"epochs": 1, "progress": False, "class_weights": asked}
    trained = learn(table, told=lambda _, found: notes.extend(found), **settings)
    assert trained.history.class_weights is None
    assert not notes


# ---- the settings --------------------------------------------------------------------


def test_what_is_chosen_where_nothing_is_said():
    unset = ("target", "delimiter", "names", "missing", "decimal", "noise", "epochs",
             "lr", "batch_size", "weight_decay", "patience", "clip",
             "resume")  # fmt: skip
    assert {f.name: f.default for f in fields(Settings)} == {
        **dict.fromkeys(unset),
        **dict.fromkeys(("numbers", "categories", "ignore"), ""),
        **dict.fromkeys(("task", "loss", "engine", "class_weights"), "auto"),
        **{"test": 0.25, "validation": 0.0, "seed": 0, "repeat": 1, "rows": 400},
        **{"hidden": "16,16", "activation": "relu"},
        **{"optimizer": "adamw", "schedule": "cosine"},
        **{"find_lr": False, "progress": True},
    }


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("activation", [*ACTIVATIONS, "linear"]),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("loss", ["auto", *LOSSES]),
        ("class_weights", ["auto", "none", *POWERS]),
        ("task", ["auto", "classes", "number"]),
        ("engine", ["auto", "compiled", "eager"]),
    ],
)
def test_the_help_on_a_choice_by_name_has_every_name(name, choices):
    told = get_type_hints(Settings, include_extras=True)[name].__metadata__[0].help
    assert set(choices) <= {*re.findall(r"[\w-]+", told)}
    if name in ("activation", "optimizer", "schedule"):
        *others, last = choices
        assert told.endswith(f": {', '.join(others)} or {last}.")


class Handed(Exception):
    """What `fit` was given."""


@pytest.mark.parametrize(
    "name", sorted({f.name for f in fields(Settings)} & {*signature(nn.fit).parameters})
)
def test_fit_is_given_every_setting_that_it_knows(name, monkeypatch):
    @wraps(nn.fit)
    def fit(*arguments, **named):
        raise Handed(named)

    monkeypatch.setattr(recipe, "fit", fit)
    values = {
        "loss": "mae", "optimizer": "sgd", "validation": 0.5, "resume": None,
        "engine": "eager", "schedule": "step",
    }  # fmt: skip
    value = values.get(name, 7)
    with pytest.raises(Handed) as handed:
        learn(table(0), **{name: value})
    (named,) = handed.value.args
    assert named.keys() <= signature(nn.fit).parameters.keys()
    if name == "optimizer":
        assert isinstance(named[name], nn.SGD)
    elif name == "validation":
        assert len(named[name][0]) == len(named[name][1]) == 15
    else:
        assert named[name] == value


def test_python_and_the_command_write_the_same_model(tmp_path):
    settings = {
        "rows": 60, "noise": 0.3, "hidden": "5", "activation": "tanh", "epochs": 3,
        "optimizer": "rmsprop", "lr": 0.02, "weight_decay": 0.01, "batch_size": 7,
        "schedule": "cosine", "clip": 2.0, "validation": 0.2, "patience": 2, "seed": 4,
        "test": 0.3, "loss": "hinge", "engine": "eager",
    }  # fmt: skip
    ours = tmp_path / "ours.json"
    learn("circles", Settings(**settings), checkpoint=ours)
    options = [f"--{k.replace('_', '-')}={v}" for k, v in settings.items()]
    typed = ["chainrule", "train", "circles", *options, f"--out={tmp_path / 'theirs'}"]
    with (
        mock.patch.object(sys, "argv", typed),
        contextlib.redirect_stdout(io.StringIO()),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert not ended.value.code
    theirs = tmp_path / "theirs" / "model.json"
    assert theirs.read_bytes() == ours.read_bytes()


def test_settings_can_be_handed_over_and_changed():
    trained = learn(table(2), Settings(epochs=9, hidden=[3]), epochs=2)
    assert len(trained.history) == 2
    assert len(trained.model.layers) == 2


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"epoch": 3}, TypeError, "no setting 'epoch'; there are: target, delimiter"),
        *(
            ({"hidden": wrong}, ValueError, "hidden takes layer sizes such as 16,16")
            for wrong in ("4;4", "4,0", "0", "4,x", "4,,4", "-1,2", "4.5,2")
        ),
        ({"optimizer": "best"}, ValueError, "unknown optimizer 'best'; choose one of"),
        ({"epochs": -1}, ValueError, "epochs is a whole number from 0; got -1"),
    ],
)
def test_settings_that_cannot_be(arguments, kind, words):
    with pytest.raises(kind, match=words):
        learn(table(2), **arguments)


@pytest.mark.parametrize(
    ("loss", "task", "told"),
    [
        ("auto", "auto", "auto"),
        ("mse", "auto", "number"),
        ("cross_entropy", "auto", "classes"),
        ("mse", "classes", "classes"),
        ("cross_entropy", "number", "number"),
    ],
)
def test_a_loss_says_what_is_predicted_unless_that_is_said(loss, task, told):
    assert recipe._told(Settings(loss=loss, task=task), ["a", "y"]).task == told


def test_each_repeated_training_has_the_next_seed():
    data, settings = table(2, rows=60), Settings(epochs=2, hidden=[3], seed=5, repeat=3)
    trained = [learn(data, settings, seed=seed) for seed in (5, 6, 7)]
    expected = [one.scores["test"]["accuracy"] for one in trained]
    assert repeated(data, settings, trained[0]) == tuple(expected)
    assert len(set(expected)) > 1
    with pytest.raises(ValueError, match="repeat is a whole number from 1; got 0"):
        repeated(data, Settings(repeat=0), trained[0])


@pytest.mark.parametrize(("scaling", "unit"), [(None, 1.0), ([[1.0], [7.0]], 3.0)])
def test_an_error_is_in_the_targets_own_unit(scaling, unit):
    context = Context(target_scaling=scaling and Scaling.fit(scaling))
    history = nn.History(loss_name="mse")
    found = recipe.measure(history, context, np.array([1.0, 2.0]), [2.0, 5.0])
    assert found == {"loss": 5.0, "error": unit * 2.0}
    model, X, y = nn.MLP(1, [1], seed=0), [[0.0], [1.0]], [0.5, 1.5]
    settings = {"optimizer": nn.SGD(lr=1e-30), "epochs": 1, "progress": False}
    away = np.abs(nn.predict(model, X) - y).mean()
    row = nn.fit(model, X, y, context=context, validation=(X, y), **settings).last()
    assert row["error"] == pytest.approx(unit * away, rel=1e-12)
    assert row["validation_error"] == pytest.approx(unit * away, rel=1e-12)


# ---- the table -----------------------------------------------------------------------


def test_a_file_by_its_path(tmp_path):
    lines = ["a\tb\ty"] + [f"{x}\t{x * x}\t{x % 2}" for x in range(20)]
    path = tmp_path / "t.tsv"
    path.write_text("\n".join(lines))
    for name in (path, str(path)):
        found = learn(name, target="y", delimiter="tab", hidden=[], epochs=1)
        assert found.context.features == ("a", "b")
    with pytest.raises(ValueError, match=r"which column .* with target.*: a, b, y"):
        learn(path, delimiter="tab")


@pytest.mark.parametrize("name", ["moon", Path("moon"), "nothere.csv"])
def test_neither_a_set_nor_a_file(name):
    with pytest.raises(ValueError, match=f"'{name}' is neither a file nor one of the"):
        learn(name)


@pytest.mark.parametrize(
    ("data", "settings", "told"),
    [
        ("iris", {"rows": 50}, "rows is for points that are drawn .*, and iris is n"),
        ("iris", {"target": "y"}, "target is for a table in a file, and iris is none"),
        ("moons", {"ignore": "y"}, "ignore is for a table in a file, and moons is no"),
        ("t.csv", {"noise": 0.3}, "noise is for points that are drawn .*, and .*t.csv"),
    ],
)
def test_a_setting_that_would_be_ignored_is_told(data, settings, told, tmp_path):
    if data == "t.csv":
        data = tmp_path / data
        data.write_text("a,y\n1,2\n")
    with pytest.raises(ValueError, match=told):
        learn(data, **settings)


def test_the_range_test_is_one_of_the_rows_to_train_on():
    trained = learn(table(2, rows=60), find_lr=True, hidden=[3], epochs=1)
    rows = trained.parts["training"]
    X, y = recipe._learned(rows, trained.context)
    settings = Settings(hidden=[3], epochs=1)
    model = recipe.make_model(rows, settings)
    options = {"optimizer": recipe.make_optimizer(settings, rows)}
    found = nn.find_lr(model, X, y, trained.history.loss_name, options["optimizer"])
    assert trained.rates == found


def test_what_is_no_table_at_all():
    with pytest.raises(
        TypeError, match="a set's name, a file, a Table or a Dataset; got"
    ):
        learn([[1.0, 2.0]])


# ---- what comes out ------------------------------------------------------------------


def test_numbers_are_told_in_their_own_unit():
    x = np.linspace(-50, 50, 80)
    data = Dataset(x[:, None], (3 * x + 1000).tolist(), ("x",), "price")
    trained = learn(data, hidden=[], epochs=200, lr=0.05, weight_decay=0.0)
    found = trained.predict([[10.0], [-20.0]])
    assert found == pytest.approx([1030.0, 940.0], abs=1)
    test = trained.parts["test"]
    off = np.abs(np.array(trained.predict(test.X)) - np.array(test.y)).mean()
    assert trained.scores["test"]["error"] == pytest.approx(off)
    with pytest.raises(ValueError, match=r"price is a number.*use predict\(X\)"):
        trained.probabilities([[10.0]])


@pytest.mark.parametrize("name", ["iris", "xor"])
def test_classes_are_told_by_their_names(name):
    trained = learn(name, hidden=[6], epochs=20)
    test = trained.parts["test"]
    found, shares = trained.predict(test.X), trained.probabilities(test.X)
    classes = trained.context.labels.classes
    assert shares.shape == (len(test), len(classes))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, 1e-12)
    assert found == [classes[i] for i in shares.argmax(axis=1)]
    right = np.mean([a == b for a, b in zip(found, test.y, strict=True)])
    assert trained.scores["test"]["accuracy"] == pytest.approx(right)
    assert f"accuracy {right:.3f}" in repr(trained).rpartition("test")[2]
    bins = trained.calibration()
    assert sum(each.rows for each in bins) == len(test)
    assert sum(each.rows * each.right for each in bins) / len(test) == (
        pytest.approx(right)
    )


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_what_is_kept_answers_the_same(classes, tmp_path):
    steady = {"schedule": "constant"}
    trained = learn(table(classes), epochs=2, checkpoint=tmp_path / "a.json", **steady)
    trained.save(tmp_path / "b.json")
    X = trained.parts["test"].X
    for name in ("a.json", "b.json"):
        again = recipe.load(tmp_path / name)
        assert again.context == trained.context
        assert again.predict(X) == trained.predict(X)
    longer = learn(table(classes), epochs=4, resume=tmp_path / "a.json", **steady)
    through = learn(table(classes), epochs=4, **steady)
    assert longer.model.state_dict() == through.model.state_dict()


def test_going_on_with_other_rows_is_refused(tmp_path):
    path = tmp_path / "a.json"
    learn(table(2), epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match="was trained on other rows; resume needs the"):
        learn(table(2), epochs=2, resume=path, test=0.5)


@pytest.mark.parametrize("names", ["a, b,y", ["a", "b", "y"]])
def test_names_meet_the_delimiter_and_a_checkpoint(tmp_path, names):
    path = tmp_path / "s.csv"
    path.write_text("".join(f"{x};{x * x % 7};{'ab'[x % 2]}\n" for x in range(30)))
    told = {"names": names, "delimiter": ";", "target": "y", "schedule": "constant"}
    whole = learn(path, **told, epochs=4)
    kept = tmp_path / "model.json"
    learn(path, **told, epochs=2, checkpoint=kept)
    resumed = learn(path, **told, epochs=4, resume=kept)
    assert resumed.model.state_dict() == whole.model.state_dict()
    with pytest.raises(ValueError, match="names is for a table in a file"):
        learn("moons", names=names, epochs=1)


def test_a_file_without_names_is_predicted_as_its_rows_are(tmp_path):
    rows = [[i, i * i % 3] for i in range(30)]
    path, new = tmp_path / "t.csv", tmp_path / "new.csv"
    lines = [f"{a};{b};{'uv'[a % 2]}" for a, b in rows]
    path.write_text("\n".join(["a;b;y", *lines]))
    new.write_text("\n".join(f"{b};{a}" for a, b in rows[:4]))
    trained = learn(str(path), target="y", epochs=3, hidden=[3], seed=0)
    wanted = trained.predict(rows[:4])
    for names in ("b,a", ["b", "a"]):
        assert trained.predict(new, names=names, delimiter=";") == wanted
        found = trained.probabilities(str(new), names=names)
        assert found.tolist() == trained.probabilities(rows[:4]).tolist()
    for name, said in {"names": "a,b", "delimiter": ";"}.items():
        with pytest.raises(ValueError, match=f"{name} is for a file, and X is none"):
            trained.predict(rows, **{name: said})


def test_a_set_that_was_learned_predicts_files_as_the_command_does(tmp_path):
    trained = learn("iris", epochs=3, hidden=[], seed=0)
    rows = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]
    path = tmp_path / "new.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    names = ",".join(trained.context.features)
    assert trained.predict(path, names=names) == trained.predict(rows)
