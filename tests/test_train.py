"""What `chainrule train` and `chainrule predict` draw and print."""

import csv
import os
import re
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import nn
import viz.train as module
from nn.choices import usual
from nn.data import Dataset
from nn.metrics import ClassReport, ClassScore, Importance, NumberReport
from nn.recipe import Settings
from nn.tokens import Text
from viz.train import (
    _alone_in,
    _cut_items,
    _facts,
    _in_own_unit,
    _report,
    _tell_spread,
    label_in,
    predict_file,
    row_graph,
    train,
    train_text,
)


@pytest.mark.parametrize(
    ("data", "hidden"), [("moons", [5, 4]), ("iris", [5, 4]), ("xor", [])]
)
def test_the_picture_of_training_is_of_a_row_with_its_true_loss(data, hidden, tmp_path):
    settings = Settings(epochs=3, test=0.2, hidden=hidden)
    trained = nn.recipe.learn(data, settings, checkpoint=tmp_path / "model.json")
    picture = row_graph(trained)
    part, context = trained.parts["training"], trained.context
    row = context.inputs(part.X[:1])[0].tolist()
    loss = nn.losses.LOSSES[trained.history.loss_name]
    y = context.labels.index([part.y[0]])[0]
    wanted = loss(trained.model(row), y)
    assert (
        f"{loss.__name__.replace('_', ' ')} = {wanted.data!r}" in picture.titles["loss"]
    )
    said = f"row 1 of training: {context.target} {part.y[0]}"
    assert f">{said}; inputs scaled as in training<" in picture.svg
    assert re.findall(">target</text>.*?>([^<]*)</text>", picture.svg, re.DOTALL) == [
        str(part.y[0])
    ]
    wanted.backward()
    for i, neuron in enumerate(trained.model.layers[-1].neurons):
        name = f"c{len(trained.model.layers)}i{i}"
        assert f"δ = {neuron.b.grad!r}" in picture.titles[name]


@pytest.mark.parametrize(
    ("text", "label"),
    [("1.0", "1"), ("1", "1"), ("01", "1"), ("1.5", "1.5"), ("red", "red"), ("", "")],
)
def test_a_class_as_it_is_written(text, label):
    assert label_in(text) == label


@pytest.mark.parametrize("classes", [["red", "blue"], ["10", "20.0"], [3, 7, 9]])
def test_the_accuracy_told_is_that_of_the_predictions(classes, tmp_path, capsys):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = [classes[int(row[0] > 0)] for row in X]
    y[::5] = [classes[-1]] * 12  # what can't be found
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "y"], *zip(*X.T, y, strict=True)])
    trained = nn.recipe.learn(path, target="y", hidden=[4], epochs=10)
    trained.save(tmp_path / "m.json")
    predict_file(tmp_path / "m.json", path, ",")
    out, err = capsys.readouterr()
    found = [line.split(",")[0] for line in out.splitlines()[1:]]
    read = str if "red" in classes else float
    right = np.mean([read(a) == read(b) for a, b in zip(found, y, strict=True)])
    assert 0 < right < 1
    assert err.strip() == f"accuracy {right:.3f} on 60 of 60 rows"


def numbers_csv(folder, rows=40):
    """A table whose target is a number far from 0, and its path."""
    X = np.random.default_rng(0).normal(size=(rows, 2))
    y = (500 + 30 * X[:, 0] - X[:, 1] ** 2).tolist()
    path = folder / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "y"], *zip(*X.T, y, strict=True)])
    return path, y


def test_the_error_told_is_that_of_the_predictions(tmp_path, capsys):
    path, y = numbers_csv(tmp_path)
    trained = nn.recipe.learn(path, target="y", hidden=[4], epochs=10)
    trained.save(tmp_path / "m.json")
    predict_file(tmp_path / "m.json", path, ",")
    out, err = capsys.readouterr()
    found = [float(line) for line in out.splitlines()[1:]]
    off = np.abs(np.array(found) - y).mean()
    assert err.strip() == f"error {off:.4g} on 40 of 40 rows"
    inner = _in_own_unit(trained.model, trained.context.target_scaling)
    X = trained.context.inputs(trained.parts["test"].X)
    in_unit = nn.predict(inner, X)
    assert in_unit == pytest.approx(trained.context.predictions(nn.predict(
        trained.model, X)))  # fmt: skip
    assert _in_own_unit(trained.model, None) is trained.model


def test_a_model_without_columns_is_refused(tmp_path):
    path, _ = numbers_csv(tmp_path)
    nn.save(nn.MLP(2, [1], seed=0), tmp_path / "m.json")
    with pytest.raises(ValueError, match="does not say which columns its inputs are"):
        predict_file(tmp_path / "m.json", path, ",")


def test_what_is_told_of_a_training(tmp_path):
    path, _ = numbers_csv(tmp_path)
    trained = nn.recipe.learn(path, target="y", hidden=[4, 3], epochs=5)
    facts = _facts(trained)
    assert facts["target"] == "y, from 2 columns"
    assert facts["network"] == "2-4-3-1, 31 parameters"
    assert facts["loss"] == "mse"
    assert facts["epochs"].startswith("5 (finished), ")
    assert facts["engine"] == trained.history.engine
    assert ("best epoch" in facts) is (trained.history.best_epoch is not None)


@pytest.fixture(scope="module")
def learned():
    """A training of ten columns and three classes, with scores of its own."""
    X = np.random.default_rng(0).normal(size=(40, 10))
    data = Dataset(X, [row % 3 for row in range(40)], tuple("abcdefghij"), "y")
    trained = nn.recipe.learn(data, hidden=[3], epochs=2, engine="eager")
    trained.history.seconds = 1.3
    scores = {"loss": 0.123456, "accuracy": 0.98765}, {"loss": 1.0, "accuracy": 0.5}
    return replace(trained, scores=dict(zip(("training", "test"), scores, strict=True)))


@pytest.mark.parametrize(
    ("name", "report", "columns"),
    [
        (
            "classes",
            ClassReport(0.75, 0.5, (ClassScore("no", 6, 0.75, 1.0),) * 31, ()),
            [Importance(f"column {k}", 0.5 / (k + 1), 0.25 - k) for k in range(10)],
        ),
        (
            "number",
            NumberReport(1.5, 3.25, 0.875, -0.25, 0.5),
            [Importance("column", 0.5, 0.25)] * 8,
        ),
    ],
)
def test_a_report_is_printed_as_agreed(
    name, report, columns, learned, golden, printed, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(type(learned), "report", lambda self: report)
    _report(learned, columns)
    golden(f"report.{name}", printed())


def test_the_spread_over_several_seeds(learned, capsys):
    _tell_spread([0.5, 1.0, 0.7], learned)
    told = "over 3 seeds: accuracy 0.733 ± 0.252, from 0.500 to 1.000\n"
    assert capsys.readouterr().out == told
    _tell_spread([0.5], learned)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("stopped", ["finished", "early", "interrupted"])
def test_how_to_go_on_is_told_where_it_was_interrupted(
    stopped, learned, tmp_path, capsys, monkeypatch
):
    history = replace(learned.history, stopped=stopped)
    found = replace(learned, history=history)
    monkeypatch.setattr(module, "learn", lambda *_, **__: found)
    monkeypatch.setattr(module, "draw_pictures", lambda *_: {})
    module.train("moons", Settings(), tmp_path)
    told = capsys.readouterr().out.splitlines()
    saved = tmp_path / "model.json"
    go_on = f"interrupted; the same command with --resume {saved} goes on"
    assert (go_on in told) is (stopped == "interrupted")
    assert told[-1] == "test accuracy 0.500"


# ---- a text --------------------------------------------------------------------------


class Learned(Exception):
    """Where a training would begin."""


def learned_with(folder, **settings):
    """What `nn.learn_text` is given for these settings of a text."""
    network = {"context": 4, "unit": "characters"}
    with (
        mock.patch("viz.train.learn_text", side_effect=Learned) as learn,
        pytest.raises(Learned),
    ):
        train_text("words", Settings(**settings), network, folder)
    return learn.call_args.kwargs


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ({}, {"validation": None, "optimizer": usual("adamw", None, 0.0)}),
        ({"validation": 0.3}, {"validation": 0.3}),
        ({"weight_decay": 0.1}, {"optimizer": usual("adamw", None, 0.1)}),
        ({"optimizer": "sgd", "lr": 0.5}, {"optimizer": usual("sgd", 0.5, 0.0)}),
        *(({name: value}, {name: value}) for name, value in {
            "test": 0.3, "epochs": 7, "batch_size": 3, "schedule": "cosine",
            "patience": 2, "clip": 0.5, "seed": 9, "engine": "eager",
            "resume": "m.json", "progress": False,
        }.items()),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_is_learned_as_its_settings_say(settings, given, tmp_path):
    found = learned_with(tmp_path, **settings)
    assert repr({name: found[name] for name in given}) == repr(given)
    assert found["checkpoint"] == tmp_path / "model.json"
    assert found["context"] == 4


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (["anna", "ina"], ""),
        (["annabel", "ina"], "; 1 longer than the context, in parts (--context 8)"),
        (["annabella is one line"], ""),
    ],
    ids=["none is longer", "one is longer", "running text"],
)
def test_items_that_are_cut_are_told(items, told):
    assert _cut_items(Text.of(items), 5) == told


@pytest.mark.skipif(os.name == "nt", reason="folders have no locks there")
def test_the_lock_of_a_folder_leaves_no_file_open(tmp_path):
    before = os.listdir("/dev/fd")
    for _ in range(3):
        with _alone_in(tmp_path):
            assert len(os.listdir("/dev/fd")) == len(before) + 1
    assert len(os.listdir("/dev/fd")) == len(before)


def test_the_lock_of_a_folder_may_have_been_taken_away(tmp_path):
    with _alone_in(tmp_path):
        (tmp_path / ".training").unlink(missing_ok=True)  # none on Windows
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", ["table", "text"])
def test_lines_are_broken_between_words_in_a_narrow_terminal(
    data, tmp_path, capsys, monkeypatch
):
    """All that is no table; each word and each number is whole."""
    monkeypatch.setattr("viz.train.columns", lambda stream=None: 40)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.chdir(tmp_path)
    out = Path("a-folder/with-a-long-name")
    if data == "table":
        rows = "".join(f"{i},{i * i % 7},{'uv'[i % 2]}\n" for i in range(40))
        Path("table.csv").write_text("first column,second column,class\n" + rows)
        train("table.csv", Settings(target="class", epochs=2), out)
    else:
        Path("names.txt").write_text("anna\notto\nhannah\nbob\n" * 5)
        sizes = {"context": 8, "width": 4, "heads": 1, "layers": 1}
        network = {**sizes, "unit": "characters"}
        train_text("names.txt", Settings(epochs=1), network, out)
    told, _ = capsys.readouterr()
    plain = [line for line in told.splitlines() if not re.match("[┏┃┡│└┌]", line)]
    assert max(map(len, plain)) <= 40
    words = " ".join(plain).split()
    assert "model.json" in words
    assert {"accuracy"} <= {*words} or {"perplexity"} <= {*words}
