"""`chainrule train` and `chainrule predict`, as a person types them."""

import contextlib
import csv
import io
import json
import os
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints
from unittest import mock

import numpy as np
import pytest

import nn
from nn.checkpoint import load_checkpoint
from nn.data import SETS
from nn.losses import LOSSES
from nn.module import ACTIVATIONS
from nn.optim import OPTIMIZERS
from nn.recipe import Settings
from nn.schedules import SCHEDULES
from viz.cli import main
from viz.figure import Plot
from viz.train import predict_file, train

COMMAND = [sys.executable, "-c", "from viz.cli import main; main()"]


def chainrule(*arguments, folder, fails=False):
    """Run the command in a folder; the lines it prints, or the error it ends with."""
    out, err = io.StringIO(), io.StringIO()
    typed = ["chainrule", *map(str, arguments)]
    status = None
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, {"COLUMNS": "100", "CHAINRULE_DEBUG": "0"}),
        mock.patch.object(sys, "argv", typed),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    if isinstance(status, str):  # as the interpreter does it
        err.write(status)
    assert bool(status) is fails, err.getvalue()
    return err.getvalue().strip() if fails else out.getvalue().splitlines()


def as_a_process(*arguments, folder, **environment):
    """The same in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def drawn():
    """For a test that looks at what is plotted."""


@pytest.fixture(autouse=True)
def empty_plots(request, monkeypatch):
    """For all others plots are empty: to draw them is half of what a training takes."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(Plot, "as_bytes", lambda self, format: b"<svg/>")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The first command of the README, run once; its folder and its lines."""
    folder = tmp_path_factory.mktemp("moons")
    run = ("train", "moons", "--seed", 0)
    return folder / "trained", as_a_process(*run, folder=folder, PYTHONHASHSEED="1")


def test_two_moons(trained):
    out, lines = trained
    name, number = lines[-1].rsplit(" ", 1)
    assert name == "test accuracy"
    assert float(number) >= 0.97
    assert re.fullmatch(r"[01]\.\d{3}", number)
    names = [
        "history.svg", "boundary.svg", "confusion.svg", "calibration.svg",
        "importance.svg", "graph.svg", "model.json",
    ]  # fmt: skip
    assert lines[-2] == f"written to trained: {', '.join(names)}"
    assert sorted(p.name for p in out.iterdir()) == sorted(names)
    for name in names[:-1]:
        ElementTree.parse(out / name)
    assert any("2-16-16-1, 337 parameters" in line for line in lines)


def test_the_test_accuracy_is_that_of_the_model_on_rows_it_never_saw(trained):
    out, lines = trained
    checkpoint = load_checkpoint(out / "model.json")
    _, test = nn.data.moons().split(0.25, 0)
    outputs = nn.predict(checkpoint.model, checkpoint.context.scaling(test.X))
    accuracy = np.mean((outputs > 0) == np.array(test.y))
    assert lines[-1] == f"test accuracy {accuracy:.3f}"


def test_the_same_bytes_whatever_the_hash_seed(trained, tmp_path):
    as_a_process("train", "moons", folder=tmp_path, PYTHONHASHSEED="2")
    for path in trained[0].iterdir():
        other = tmp_path / "trained" / path.name
        assert path.read_bytes() == other.read_bytes(), path.name


SHORT = ("--epochs", 4, "--hidden", "6", "--rows", 60)


def test_longer_in_two_parts_is_the_same(drawn, tmp_path):
    run = (
        "train", "moons", "--seed", 3, "--hidden", "6", "--rows", 60,
        "--schedule", "constant",
    )  # fmt: skip
    chainrule(*run, "--epochs", 4, "--out", "a", folder=tmp_path)
    chainrule(*run, "--epochs", 2, "--out", "b", folder=tmp_path)
    resume = ("--resume", "b/model.json", "--out", "b")
    chainrule(*run, "--epochs", 4, *resume, folder=tmp_path)
    for name in ("model.json", "history.svg", "boundary.svg", "graph.svg"):
        one, other = ((tmp_path / x / name).read_bytes() for x in "ab")
        assert one == other, name


CTRL_C = """
import os, signal, sys, threading, time
import nn.history
from viz.cli import main
from viz.figure import Plot
from viz.train import predict_file, train

epoch, add = int(sys.argv.pop(1)), nn.history.History.add
def adding(self, row):
    add(self, row)
    if len(self) == epoch:  # from outside the main thread, somewhat later
        threading.Timer(0.001, os.kill, (os.getpid(), signal.SIGINT)).start()
    if len(self) > epoch + 50:  # it is late: the machine is busy
        time.sleep(0.01)
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
nn.history.History.add = adding
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("engine", "epochs"),
    [("eager", 100), ("compiled", 600)],
)
def test_interrupted_by_ctrl_c_and_resumed_is_unbroken(engine, epochs, tmp_path):
    run = [
        "train", "moons", "--seed", "3", "--hidden", "6", "--rows", "60", "--epochs",
        str(epochs), "--engine", engine, "--validation", "0.2", "--schedule", "cosine",
    ]  # fmt: skip
    chainrule(*run, "--out", "through", folder=tmp_path)
    path = tmp_path / "broken" / "model.json"
    done, resume = [], []
    for epoch in (2, epochs // 3):
        command = [sys.executable, "-c", CTRL_C, str(epoch), *run, *resume]
        text = subprocess.check_output(
            [*command, "--out", "broken"], cwd=tmp_path, text=True
        )
        resume = ["--resume", "broken/model.json"]
        assert f"the same command with {' '.join(resume)} goes on" in text
        done.append(load_checkpoint(path).training["epoch"])
    assert 1 <= done[0] < done[1] < epochs  # the epoch it broke off is undone
    chainrule(*run, *resume, "--out", "broken", folder=tmp_path)
    for name in ("model.json", "history.svg", "boundary.svg"):
        assert (tmp_path / "through" / name).read_bytes() == (
            tmp_path / "broken" / name
        ).read_bytes(), name


def test_resume_on_other_rows_is_refused(tmp_path):
    chainrule("train", "moons", *SHORT, folder=tmp_path)
    again = ("train", "moons", *SHORT, "--resume", "trained/model.json", "--seed", 1)
    error = chainrule(*again, folder=tmp_path, fails=True)
    assert "trained/model.json was trained on other rows; resume needs" in error


def test_pictures_of_an_earlier_training_do_not_stay(tmp_path):
    chainrule("train", "moons", *SHORT, folder=tmp_path)
    assert (tmp_path / "trained" / "boundary.svg").exists()
    chainrule("train", "iris", *SHORT[:4], folder=tmp_path)
    assert not (tmp_path / "trained" / "boundary.svg").exists()


def iris_csv(folder, delimiter=","):
    data = nn.data.iris()
    path = Path(folder) / "iris.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["species", *data.features])
        for label, row in zip(data.y, data.X.tolist(), strict=True):
            writer.writerow([label, *row])
    return path


def test_a_csv_file_from_training_to_predictions(tmp_path):
    iris_csv(tmp_path)
    lines = chainrule(
        "train", "iris.csv", "--target", "species", "--hidden", "8", "--epochs", 40,
        "--validation", 0.2, "--patience", 10, "--schedule", "cosine", "--clip", 5,
        "--activation", "tanh", "--optimizer", "adamw", "--out", "m", folder=tmp_path,
    )  # fmt: skip
    assert float(lines[-1].removeprefix("test accuracy ")) > 0.8  # of 38 flowers
    assert not (tmp_path / "m" / "boundary.svg").exists()
    shown = chainrule("predict", "m/model.json", "iris.csv", folder=tmp_path)
    rows = list(csv.DictReader(io.StringIO("\n".join(shown))))
    assert len(rows) == 150
    species = nn.data.iris().classes
    assert list(rows[0]) == ["species", *[f"P({name})" for name in species]]
    truth = nn.data.iris().y
    right = [row["species"] == y for row, y in zip(rows, truth, strict=True)]
    assert np.mean(right) > 0.9
    for row in rows:
        shares = [float(row[f"P({name})"]) for name in species]
        assert sum(shares) == pytest.approx(1, abs=2e-4)
        assert species[int(np.argmax(shares))] == row["species"]


def test_numbers_to_predict(tmp_path):
    lines = ["a,b,y"] + [f"{x},{x * x},{3 * x + 0.5}" for x in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    out = chainrule(
        "train",
        "t.csv",
        "--target",
        "y",
        "--epochs",
        100,
        "--lr",
        0.05,
        folder=tmp_path,
    )
    assert float(out[-1].removeprefix("test error ")) < 4
    shown = chainrule("predict", "trained/model.json", "t.csv", folder=tmp_path)
    assert shown[0] == "y"
    model = load_checkpoint(tmp_path / "trained" / "model.json")
    inputs = model.context.scaling([[x, x * x] for x in range(40)])
    (mean,), (unit,) = vars(model.context.target_scaling).values()
    expected = nn.predict(model.model, inputs) * unit + mean
    assert list(map(float, shown[1:])) == expected.tolist()


def test_two_texts_as_classes(tmp_path):
    lines = ["a,y"] + [f"{x},{'high' if x > 20 else 'low'}" for x in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    chainrule("train", "t.csv", "--target", "y", "--epochs", 60, folder=tmp_path)
    shown = chainrule("predict", "trained/model.json", "t.csv", folder=tmp_path)
    assert shown[0] == "y,P(high),P(low)"
    assert shown[1].startswith("low,0.0")
    assert shown[-1].startswith("high,")


@pytest.mark.parametrize("loss", ["hinge", "binary_cross_entropy", "cross_entropy"])
def test_every_loss_for_two_classes(loss, tmp_path):
    lines = chainrule("train", "xor", "--loss", loss, *SHORT, folder=tmp_path)
    assert lines[-1].startswith("test accuracy ")
    assert json.loads((tmp_path / "trained" / "model.json").read_text())["version"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["moon"], "'moon' is neither a file nor one of the sets moons, circles"),
        (["t.csv"], "which column .*--target COLUMN.*; it has: a, y"),
        (["t.csv", "--target", "z"], "no column 'z'; it has: a, y"),
        (["t.csv", "--target", "y", "--numbers", "a"], "line 3, .*'red' is not a num"),
        (["text.csv", "--target", "y", "--loss", "mse"], "'red' is not a number"),
        (["one.csv", "--target", "y"], "every row has the y 1; .* one class alone"),
        (["rows.csv", "--target", "y"], "2 rows are too few to set a part of 0.25"),
        (["bytes.csv", "--target", "y"], "bytes.csv is not a table in a text file"),
        (["t.csv", "--target", "y", "--delimiter", ";"], "separated by ','"),
        (["t.csv", "--target", "y", "--delimiter", "ab"], "one character; got 'ab'"),
        (["t.csv", "--target", "y", "--names", "y"], "has 2 columns; names .* gives 1"),
        (["empty.csv", "--target", "y"], "empty.csv is empty"),
        (["semi.csv", "--target", "y", "--delimiter", ","], "separated by ';'"),
        (["t.csv", "--target", "y", "--task", "best"], "unknown --task 'best'; choose"),
        (["t.csv", "--target", "y", "--decimal", "x"], "decimal is . or , and not 'x'"),
        (["text.csv", "--target", "y", "--ignore", "a"], "no column to learn from"),
        (["t.csv", "--target", "y", "--ignore", "b"], "no column 'b'; it has: a, y"),
        (["xor", "--hidden", "16;16"], "hidden takes layer sizes such as 16,16"),
        (["xor", "--hidden", "0"], "hidden takes layer sizes such as 16,16; got '0'"),
        (["xor", "--activation", "rely"], "unknown --activation 'rely'; choose one of"),
        (
            ["xor", "--optimizer", "best"],
            "unknown --optimizer 'best'; choose",
        ),
        (["xor", "--loss", "best"], "unknown --loss 'best'; choose one of auto"),
        (["xor", "--schedule", "best"], "unknown --schedule 'best'"),
        (["xor", "--lr", "-1"], "lr is a number above 0; got -1"),
        (["xor", "--lr", "nan"], "lr is a number above 0; got nan"),
        (["xor", "--clip", "-1"], "clip is a number above 0; got -1"),
        (["xor", "--batch-size", "0"], "--batch-size is a whole number from 1; got 0"),
        (["xor", "--epochs", "-1"], "epochs is a whole number from 0; got -1"),
        (["xor", "--patience", "0"], "patience is a whole number from 1; got 0"),
        (["xor", "--validation", "-1"], "between 0 and 1, such as 0.2; got -1"),
        (["xor", "--rows", "3"], "--rows is at least 4, one per class; got 3"),
        (["xor", "--engine", "warp"], "unknown --engine 'warp'; choose auto"),
        (["xor", "--test", "2"], "between 0 and 1, such as 0.2; got 2"),
        (["xor", "--out", "t.csv"], "t.csv"),
        (["xor", "--resume", "none.json"], "none.json"),
        (["xor", "--resume", "t.csv"], "t.csv is not a chainrule model"),
        (
            ["xor", "--epochs", "ten"],
            "--epochs is a whole number.*; got 'ten'",
        ),
    ],
)
def test_bad_input_is_one_line(arguments, words, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,0\nred,1\n")
    (tmp_path / "semi.csv").write_text("a;y\n1;0\n2;1\n")
    (tmp_path / "text.csv").write_text("a,y\n" + "1,red\n2,blue\n" * 4)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "one.csv").write_text("a,y\n1,1\n2,1\n")
    (tmp_path / "rows.csv").write_text("a,y\n1,1.5\n2,2.5\n")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    error = chainrule("train", *arguments, folder=tmp_path, fails=True)
    assert re.search(words, error)
    assert not (tmp_path / "trained").exists()
    assert error.startswith("chainrule: ")
    assert "\n" not in error


def test_a_loss_that_explodes(tmp_path):
    error = chainrule(
        "train", "xor", *SHORT, "--optimizer", "sgd", "--lr", "1e300",
        folder=tmp_path, fails=True,
    )  # fmt: skip
    assert re.search(r"epoch 1, batch \d.*the first bad node is .*smaller lr", error)


@pytest.mark.parametrize("lr", [100, 1000])
def test_a_rate_far_too_large_is_told_and_what_there_is_is_kept(lr, tmp_path):
    error = chainrule("train", "moons", "--lr", lr, folder=tmp_path, fails=True)
    assert error.splitlines()[-1].startswith("chainrule: ")
    assert re.search(r"became .* in epoch \d+, batch \d+; the first bad node", error)
    done = load_checkpoint(tmp_path / "trained" / "model.json").training["epoch"]
    assert f"in epoch {done + 1}, batch" in error
    assert f"model.json is of epoch {done}" in error or not done
    assert (tmp_path / "trained" / "history.svg").exists() == bool(done)


@pytest.mark.parametrize(
    ("lr", "optimizer"), [(100, "adam"), (1000, "adam"), (30, "adamw")]
)
def test_a_rate_far_too_large_that_stays_finite_fails_with_all_that_it_has(
    lr, optimizer, tmp_path
):
    error = chainrule(
        "train", "moons", "--lr", lr, "--optimizer", optimizer,
        folder=tmp_path, fails=True,
    )  # fmt: skip
    words = " ".join(error.split())
    told = r"the training failed: the learning rate is too large: the loss was up to "
    assert re.match(rf"chainrule: {told}\S+ in epoch \d+, where guessing has", words)
    assert (tmp_path / "trained" / "history.svg").exists()


@pytest.mark.skipif(os.name == "nt", reason="folders have no locks there")
def test_two_trainings_into_one_folder_are_told(tmp_path):
    held = (
        "import fcntl, os, sys; from viz.train import _folder; from pathlib import Path"
        "\nwith _folder(Path('trained')):\n    print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held], cwd=tmp_path, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        held = other.stdout.readline()
        error = chainrule("train", "moons", *SHORT, folder=tmp_path, fails=True)
        other.communicate("\n")
    assert held == "held\n"
    assert "another training is writing into trained; give this one" in error
    assert "--out trained-2" in error
    chainrule("train", "moons", *SHORT, folder=tmp_path)


def test_a_model_of_other_data_is_told(tmp_path, capsys):
    told = []
    for data in ("moons", "moons", "iris"):
        with contextlib.chdir(tmp_path):
            train(data, Settings(epochs=1), tmp_path / "trained")
        told.append(capsys.readouterr().err)
    assert not any("other data" in text for text in told[:2])
    assert "model.json was of other data, class from x1, x2; replaced" in told[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column 'x1'; it has: a, b"),
        ("x1,x2\n1,\n", "line 2, column 'x2': the value is missing"),
        ("x1,x2\n1,red\n", "line 2, column 'x2': 'red' is not a number"),
        ("x1,x2\n", "no rows below its first line"),
        ("", "t.csv is empty"),
    ],
)
def test_predicting_from_a_bad_file(trained, text, words, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    model = trained[0] / "model.json"
    error = chainrule("predict", model, "t.csv", folder=tmp_path, fails=True)
    assert re.search(words, error)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (["0", "1", "1.0"], r"accuracy \d\.\d{3} on 3 of 3 rows"),
        (["0", "", "7"], r"accuracy (0\.000|0\.500) on 2 of 3 rows"),
        (["", "?", "NA"], "^$"),
    ],
)
def test_predictions_are_compared_with_the_targets_that_are_told(
    trained, targets, words, tmp_path, capsys
):
    rows = zip((1.5, -0.5, 0.3), (-0.3, 0.5, 0.1), targets, strict=True)
    lines = [f"{a};{b};{y}\n" for a, b, y in rows]
    (tmp_path / "t.csv").write_text("x2;x1;class\n" + "".join(lines))
    predict_file(trained[0] / "model.json", tmp_path / "t.csv", ";")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4
    assert re.search(words, err.strip())


def test_a_file_without_names_is_trained_on_and_predicted(tmp_path):
    (tmp_path / "t.csv").write_text(
        "".join(f"{x},{x * x},{x % 2}\n" for x in range(12))
    )
    run = ("train", "t.csv", "--epochs", 1, "--names")
    asked = chainrule(*run, "none", folder=tmp_path, fails=True)
    assert "it has: column 1, column 2, column 3" in asked
    chainrule(*run, "a, b,y", "--target", "y", "--out", "t", folder=tmp_path)
    told = ("predict", "t/model.json", "t.csv")
    assert "say names (--names a,b,c" in chainrule(*told, folder=tmp_path, fails=True)
    found = chainrule(*told, "--names", "a,b,y", folder=tmp_path)
    assert len(found) == 13


def test_a_tab_can_be_typed(tmp_path):
    lines = ["a\tb\ty"] + [f"{x}\t{x * x}\t{x % 2}" for x in range(12)]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    run = ("train", "t.tsv", "--target", "y", "--epochs", 1)
    chainrule(*run, "--delimiter", "tab", folder=tmp_path)
    chainrule(*run, "--delimiter", "\\t", folder=tmp_path)


@pytest.mark.parametrize("inputs", [["0.5"], ["0.5", "1", "2"]])
@pytest.mark.parametrize("verb", ["network", "flow"])
def test_inputs_of_another_count_are_told(trained, verb, inputs, tmp_path):
    path = trained[0] / "model.json"
    error = chainrule(verb, path, *inputs, "--target", 1, folder=tmp_path, fails=True)
    assert error.endswith(f"model.json takes 2 inputs, x1, x2; got {len(inputs)}")


@pytest.mark.parametrize("change", ["truncated", "nan", "deep", "pickle", "binary"])
def test_predicting_with_a_damaged_model(trained, change, tmp_path):
    text = (trained[0] / "model.json").read_text()
    data = {
        "truncated": text[: len(text) // 2].encode(),
        "nan": re.sub(r'("layers.0.bias": \[)[^,]+', r"\1NaN", text).encode(),
        "deep": b"[" * 200_000,
        "pickle": pickle.dumps({"format": "chainrule model"}),
        "binary": bytes(range(256)),
    }[change]
    (tmp_path / "m.json").write_bytes(data)
    (tmp_path / "t.csv").write_text("x1,x2\n1,2\n")
    error = chainrule("predict", "m.json", "t.csv", folder=tmp_path, fails=True)
    assert error.startswith("chainrule: m.json is not a chainrule model: ")
    assert "\n" not in error


def test_predicting_with_a_model_that_knows_no_columns(tmp_path):
    nn.save(nn.MLP(2, [1]), tmp_path / "m.json")
    (tmp_path / "t.csv").write_text("x1,x2\n1,2\n")
    error = chainrule("predict", "m.json", "t.csv", folder=tmp_path, fails=True)
    assert "does not say which columns its inputs are" in error


def test_the_readmes_section_on_training(tmp_path):
    """Every line of it runs, in its order and in one folder, and fits one screen."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    section = re.search(r"(?ms)^## Training\n(.*?)^## ", readme)[1]
    assert len(section.splitlines()) <= 40
    blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", section)
    assert [language for language, _ in blocks] == ["sh", "python"]
    (command,) = blocks[0][1].splitlines()
    last = chainrule(*command.split()[1:], folder=tmp_path)[-1]
    assert float(last.removeprefix("test accuracy ")) > 0.9
    iris_csv(tmp_path)
    predict = ("predict", "flowers/model.json", "iris.csv")
    assert f"chainrule {' '.join(predict[:2])} FILE" in section
    shown = chainrule(*predict, folder=tmp_path)
    assert shown[-1].split(",")[0] in nn.data.iris().classes
    out = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(out):
        exec(blocks[1][1], {})
    assert "History of 60 epochs (finished)" in out.getvalue()
    for name in ("history.svg", "boundary.svg", "moons.json"):
        assert (tmp_path / name).exists()


def test_the_command_has_an_option_for_every_setting(tmp_path):
    """Its help, its default and what its values are called come from `nn.recipe`."""
    shown = chainrule("train", "--help", folder=tmp_path)
    text = " ".join(" ".join(shown).replace("│", " ").split())
    hints = get_type_hints(Settings, include_extras=True)
    for field in fields(Settings):
        _, told = get_args(hints[field.name])
        assert f"--{field.name.replace('_', '-')}" in text
        assert told.help in text
        assert told.group in text
        assert (told.metavar or "") in text
        default = told.default or field.default
        if isinstance(default, str | int | float) and not isinstance(default, bool):
            assert re.search(rf"default: \(?{re.escape(str(default))}", text), default


def test_repeated_with_other_seeds(tmp_path):
    run = ("train", "moons", "--rows", 60, "--epochs", 3, "--seed", 4)
    lines = chainrule(*run, "--repeat", 2, folder=tmp_path)
    single = [
        float(chainrule(*run[:-1], seed, folder=tmp_path)[-1].split()[-1])
        for seed in (4, 5)
    ]
    (told,) = (line for line in lines if line.startswith("over 2 seeds: accuracy"))
    mean, spread, *ends = (float(n) for n in re.findall(r"0\.\d+", told))
    # Each of them was rounded when it was told.
    assert mean == pytest.approx(np.mean(single), abs=0.0011)
    assert spread == pytest.approx(np.std(single, ddof=1), abs=0.0011)
    assert ends == [min(single), max(single)]
    assert lines[-1] == f"test accuracy {single[0]:.3f}"


def test_a_training_that_learns_nothing_says_why(tmp_path):
    run = ("train", "moons", "--optimizer", "sgd", "--lr", "1e-9", "--epochs", 10)
    lines = chainrule(*run, folder=tmp_path)
    assert any("the learning rate is too small:" in line for line in lines)
    lines = chainrule("train", "moons", "--epochs", 60, "--find-lr", folder=tmp_path)
    assert not any("learning rate" in line for line in lines)
    assert (tmp_path / "trained" / "rates.svg").exists()


def test_help_is_for_beginners(tmp_path):
    lines = chainrule("train", "--help", folder=tmp_path)
    text = " ".join(" ".join(lines).replace("│", " ").split())
    for option in (
        "target", "hidden", "activation", "loss", "optimizer", "lr", "schedule",
        "epochs", "batch-size", "validation", "seed", "out", "resume",
    ):  # fmt: skip
        assert f"--{option}" in text
    for names in (SETS, ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES):
        for name in names:
            assert re.search(rf"\b{name}\b", text), name
    assert "To try it: chainrule train moons" in text
    assert "predict" in "\n".join(chainrule("--help", folder=tmp_path))


# ---- a text --------------------------------------------------------------------------


def test_a_text_is_learned_and_written(tmp_path):
    names = ["anna", "nina", "mia", "mina", "ana", "ina", "mani", "nia"]
    (tmp_path / "names.txt").write_text("\n".join(names * 2))
    network = [
        "--context",
        "4",
        "--width",
        "4",
        "--heads",
        "1",
        "--layers",
        "1",
        "--engine",
        "eager",
    ]
    run = "train", "names.txt", "--epochs", 2, *network
    told = chainrule(*run, folder=tmp_path)
    cut = "8 longer than the context, in parts (--context 5)"
    assert told[0] == f"names.txt: 16 items, one on each line; {cut}"
    number = r"\d+\.?\d*"
    for line, wanted in zip(told[1:], [
        r"GPT of .* \(\d+ parameters\), 5 tokens, \d+ sequences to learn from",
        rf"2 epochs in {number} s, engine: eager",
        r"it writes: '?[aimn]*'?(, '?[aimn]*'?){4}",
        rf"pairs of tokens, counted, have the perplexity {number}",
        r"written to trained: history.svg, (\w+.svg, ){3}model.json",
        rf"test loss {number} per token, perplexity {number}",
    ], strict=True):  # fmt: skip
        assert re.fullmatch(wanted, line), line
    assert (tmp_path / "trained" / "history.svg").exists()
    settings = ["-n", "3", "--temperature", "0.8", "--seed", "1", "--prompt", "ma"]
    write = "generate", "trained/model.json", *settings
    texts = chainrule(*write, folder=tmp_path)
    assert [text[:2] for text in texts] == ["ma"] * 3
    assert chainrule(*write, folder=tmp_path) == texts
