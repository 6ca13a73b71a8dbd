"""The lab: its data, its programs against the engine, its pictures and files."""

import json
import math
import random
import re
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pytest

from autograd import Value, softmax
from nn import MLP, fit
from nn.language import generate
from nn.losses import LOSSES
from nn.sequences import TokenLoss
from nn.tokens import words as nn_words
from viz.play import lab, lab_files, words
from viz.play.calls import call
from viz.play.points import MOST, SHAPES, points, table

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node")


# ---- points --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_points_follow_from_their_seed_and_can_be_told_apart(shape):
    made = points(shape, rows=120, noise=0.05, seed=3)
    assert made == points(shape, rows=120, noise=0.05, seed=3)
    assert made != points(shape, rows=120, noise=0.05, seed=4)
    X, y = np.array(made["X"]), np.array(made["y"])
    assert X.shape == (120, 2)
    assert abs(X).max() < 2.5
    counts = np.bincount(y)
    assert len(counts) == len(made["classes"])
    assert counts.min() >= 120 // len(counts)
    far = np.linalg.norm(X[:, None] - X[None], axis=2) + np.eye(120) * 9
    assert (y[far.argmin(axis=1)] == y).mean() > 0.9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": "stars"}, "choose moons"),
        ({"rows": 3}, "from 4"),
        ({"rows": MOST + 1}, f"to {MOST}"),
        ({"noise": -1}, "noise"),
        ({"noise": math.nan}, "noise"),
    ],
)
def test_points_that_cant_be(changes, message):
    with pytest.raises(ValueError, match=message):
        points(**{"shape": "moons", **changes})


TABLE = "name,a,b,kind\nx,1,2,cat\ny,3,4.5,dog\nz,-1e3,0,cat\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_as_people_paste_it(delimiter, end):
    text = TABLE.replace("\n", end).replace(",", delimiter)
    if delimiter != ",":
        text = text.replace("4.5", "4,5")
    found = table(text)
    assert found["X"] == [[1, 2], [3, 4.5], [-1000, 0]]
    assert (found["y"], found["classes"]) == ([0, 1, 0], ["cat", "dog"])
    assert found["chosen"] == ["a", "b", "kind"]
    assert table(text, ["b", "a", "name"])["X"][1] == [4.5, 3]


def test_lines_with_gaps_are_left_out_and_classes_are_in_order():
    found = table('a,b,c\n1,2,10\n3,,9\n5,6,9\n7,8,"9"\n,1,\nnan,1,9\n')
    assert (found["X"], found["y"]) == ([[1, 2], [5, 6], [7, 8]], [1, 0, 0])
    assert found["classes"] == ["9", "10"]
    assert found["told"] == "3 of 6 lines were left out, for they lack a value"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line of names"),
        ("a,b,c\n1,2,x", "at least two"),
        ("1,2,3\n4,5,6\n7,8,9", "line with the columns' names"),
        ("a,a,c\n1,2,x\n1,2,y", "'a' is there 2 times"),
        ("a,b,c\n1,2,x\n1,2", "line 3 has 2 values"),
        ("a,b,c\n1,2,x\n1,2,x", "2 to 8"),
        ("a,c\n1,x\n3,y", "two columns of numbers"),
        ("a,b\n" + "1,2\n" * (MOST + 1), "at most"),
    ],
)
def test_tables_that_cant_be(text, message):
    with pytest.raises(ValueError, match=message):
        table(text)


# ---- programs ------------------------------------------------------------------------

SETUPS = [
    {},
    {"layers": [], "features": [*lab.FEATURES], "activation": "relu"},
    {"layers": [3, 2], "classes": 3, "optimizer": "sgd", "activation": "sigmoid"},
    {"layers": [4], "optimizer": "adamw", "activation": "gelu", "seed": 5},
    {"layers": [2, 2, 2], "optimizer": "rmsprop", "activation": "linear"},
]

TRAIN = """
import { readFileSync } from "node:fs";
import { Trainer } from "./trainer.js";
const asked = JSON.parse(readFileSync("asked.json"));
const answers = [];
for (const [n, { made, X, y }] of asked.entries()) {
  const modules = {};
  for (const key of Object.keys(made.programs))
    modules[key] = await import(`./${n}-${key}.mjs`);
  const rows = X.map((_, row) => row);
  const parts = { train: rows, test: rows.slice(0, 3) };
  const trainer = new Trainer(made, modules, X, y, parts, 0);
  const layers = trainer.layers();
  const losses = [];
  for (let epoch = 0; epoch < 5; epoch++) {
    losses.push(trainer.measured("train").loss);
    trainer.advance({ rate: 0.05, penalty: 0, batch: 0 });
  }
  const whole = [...trainer.weights];
  trainer.advance({ rate: 0.05, penalty: 0.1, batch: 4 });
  answers.push({ layers, losses, whole, last: [...trainer.weights],
    chances: [...trainer.chances(Float64Array.from(X.flat()))],
    test: trainer.measured("test") });
}
console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the page's own trainer makes of each set-up, run by node."""
    from viz.play.server import page_files

    folder = tmp_path_factory.mktemp("lab")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "trainer.js").write_bytes(page_files()["trainer.js"].read_bytes())
    asked = []
    for n, setup in enumerate(SETUPS):
        made = lab.programs(setup)
        for key, text in made["programs"].items():
            (folder / f"{n}-{key}.mjs").write_text(text)
        data = points("blobs" if setup.get("classes") == 3 else "moons", rows=12)
        asked.append({"made": made, "X": data["X"], "y": data["y"]})
    (folder / "asked.json").write_text(json.dumps(asked))
    (folder / "run.js").write_text(TRAIN)
    said = subprocess.run(
        [NODE, "run.js"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    return list(zip(SETUPS, asked, json.loads(said.stdout), strict=True))


@needs_node
@pytest.mark.parametrize("n", range(len(SETUPS)))
def test_the_page_trains_as_fit_does(n, trained):
    setup, asked, answer = trained[n]
    made = lab.Setup.of(setup)
    model = made.model()
    X = [made.seen(*point) for point in asked["X"]]
    loss = "binary_cross_entropy_with_logits" if made.outputs == 1 else "cross_entropy"
    optimizer = lab.OPTIMIZERS[made.optimizer](lr=0.05)
    history = fit(
        model,
        X,
        asked["y"],
        loss=loss,
        optimizer=optimizer,
        epochs=5,
        batch_size=len(X),
        progress=False,
    )
    np.testing.assert_allclose(answer["losses"], history.columns["loss"], rtol=1e-11)
    weights = [parameter.data for parameter in model.parameters()]
    np.testing.assert_allclose(answer["whole"], weights, rtol=1e-9, atol=1e-12)
    assert answer["last"] != answer["whole"]
    chances = np.reshape(answer["chances"], (12, made.classes))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-12)
    assert answer["test"]["accuracy"] in (0, 1 / 3, 2 / 3, 1)


@needs_node
@pytest.mark.parametrize("n", range(len(SETUPS)))
def test_the_bars_are_the_engines_deltas(n, trained):
    setup, asked, answer = trained[n]
    made = lab.Setup.of(setup)
    model = made.model()
    sizes = [*made.layers, made.outputs]
    deltas, activations = np.zeros(sum(sizes)), np.zeros(sum(sizes))
    for point, label in zip(asked["X"], asked["y"], strict=True):
        shifts = [Value(0.0) for _ in range(sum(sizes))]
        found = lab.forward(model, made.seen(*point), shifts)
        made.loss(found[-made.outputs :], made.targets(label)).backward()
        deltas += [abs(shift.grad) / 12 for shift in shifts]
        activations += [abs(a.data) / 12 for a in found]
    ends = np.cumsum(sizes)[:-1]
    for layer, delta, a in zip(
        answer["layers"],
        np.split(deltas, ends),
        np.split(activations, ends),
        strict=True,
    ):
        assert layer["delta"] == pytest.approx(delta.mean(), rel=1e-11)
        assert layer["activation"] == pytest.approx(a.mean(), rel=1e-11)
        assert layer["silent"] == (a == 0).sum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": []}, "choose one"),
        ({"features": ["z"]}, "features"),
        ({"layers": [0]}, "1 to 32"),
        ({"layers": [33]}, "1 to 32"),
        ({"layers": [1] * 6}, "up to 5"),
        ({"activation": "step"}, "activation"),
        ({"optimizer": "lbfgs"}, "optimizer"),
        ({"classes": 1}, "2 to 8"),
    ],
)
def test_set_ups_that_cant_be(changes, message):
    with pytest.raises(ValueError, match=message):
        call("training.programs", {"setup": changes})


# ---- trainings that teach ------------------------------------------------------------

LESSON = """
import { readFileSync } from "node:fs";
import { Trainer, split } from "./trainer.js";
const { made, X, y, state } = JSON.parse(readFileSync("asked.json"));
const modules = {};
for (const key of Object.keys(made.programs))
  modules[key] = await import(`./${key}.mjs`);
const parts = split(y, Number(state.test), Number(state.seed));
const trainer = new Trainer(made, modules, X, y, parts, Number(state.seed));
const settings = Object.fromEntries(
  ["rate", "penalty", "batch"].map((key) => [key, Number(state[key])]));
const told = [];
for (let epoch = 0; epoch <= 400; epoch++) {
  told.push({ train: trainer.measured("train"), test: trainer.measured("test") });
  if (!trainer.advance(settings)) break;
}
console.log(JSON.stringify({ told, layers: trainer.layers() }));
"""


def first_state():
    """What the page begins with, as it says itself."""
    from viz.play.server import page_files

    text = page_files()["training.js"].read_text("utf-8")
    first = text.partition("const FIRST = {")[2].partition("}")[0]
    return dict(re.findall(r'(\w+): "([^"]*)"', first))


def lesson(name, folder, **changes):
    """Train as the page does by a preset's link: losses by epoch, bars in the end."""
    state = {**first_state(), **lab.preset(name).changes, **changes}
    rows, noise = int(state["rows"]), float(state["noise"])
    data = points(state["data"], rows=rows, noise=noise, seed=int(state["seed"]))
    setup = {
        "features": state["features"].split(),
        "layers": [int(size) for size in state["layers"].split()],
        "activation": state["activation"],
        "optimizer": state["optimizer"],
        "seed": int(state["seed"]),
        "classes": len(data["classes"]),
    }
    made = lab.programs(setup)
    asked = {"made": made, "X": data["X"], "y": data["y"], "state": state}
    return by_node(folder, LESSON, asked, made["programs"])


def losses(told, part):
    return np.array([each[part]["loss"] for each in told])


def is_told_apart(told, layers):
    assert told[-1]["train"]["accuracy"] == told[-1]["test"]["accuracy"] == 1


def is_vanishing(told, layers):
    assert layers[0]["delta"] < layers[-2]["delta"] / 300
    assert told[-1]["train"]["loss"] > 0.69  # nothing is learned


def is_dead(told, layers):
    assert sum(layer["silent"] for layer in layers) > 16  # of 24
    assert layers[0]["delta"] == 0


def never_settles(told, layers):
    found = losses(told, "train")
    assert (np.diff(found[-100:]) > 0).mean() > 0.3
    assert found[1:].min() > found[0]


def turns_up_again(told, layers):
    test = losses(told, "test")
    assert test.argmin() < 100
    assert test[-1] > 3 * test.min()
    assert losses(told, "train")[-1] < 0.01


def stays_down(told, layers):
    test = losses(told, "test")
    assert test[-1] < 1.1 * test.min()


LESSONS = {
    "Two moons": is_told_apart,
    "The right features": is_told_apart,
    "Vanishing gradients": is_vanishing,
    "Dead neurons": is_dead,
    "Too large a rate": never_settles,
    "Overfitting": turns_up_again,
    "A penalty helps": stays_down,
    "Spirals": is_told_apart,
}
"""By each preset what has to be measured for its words to be true."""


@needs_node
@pytest.mark.parametrize(
    "name",
    [
        *("Vanishing gradients", "Dead neurons", "Too large a rate", "Overfitting"),
        *[
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                "Two moons",
                "The right features",
                "A penalty helps",
                "Spirals",
            )
        ],
    ],
)
def test_a_preset_teaches_what_it_says(name, tmp_path):
    answer = lesson(name, tmp_path)
    LESSONS[name](answer["told"], answer["layers"])


def test_every_preset_is_measured():
    assert [each.name for each in lab.PRESETS] == [*LESSONS]


@needs_node
@pytest.mark.slow
def test_circles_need_the_right_features(tmp_path):
    answer = lesson("The right features", tmp_path, features="x y")
    assert answer["told"][-1]["train"]["accuracy"] < 0.75


# ---- pictures and files --------------------------------------------------------------


def test_the_picture_is_of_the_row_with_these_weights():
    setup = {"layers": [2], "features": ["x", "xy"]}
    weights = [0.1 * n for n in range(9)]
    svg = call(
        "training.picture",
        {"setup": setup, "weights": weights, "point": [0.5, 3.0], "label": 1},
    )
    model = MLP(2, [2, 1], "tanh")
    for parameter, number in zip(model.parameters(), weights, strict=True):
        parameter.data = number
    out = model([0.5, 1.5])
    loss = LOSSES["binary_cross_entropy_with_logits"](out, 1)
    assert "x₁·x₂" in svg
    assert f"{out.data:.3g}" in svg
    assert f"{loss.data:.3g}" in svg


@pytest.mark.parametrize(
    "n", [0, 2, *[pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 4)]]
)
def test_files(n, tmp_path, monkeypatch):
    setup = SETUPS[n]
    data = points("blobs" if setup.get("classes") == 3 else "moons", rows=12)
    weights = lab.programs(setup)["weights"]
    rng = random.Random(n)
    weights = [w + rng.gauss(0, 0.1) for w in weights]
    given = {"setup": setup, "weights": weights, "X": data["X"], "y": data["y"]}
    made = {
        kind: call("training.file", {**given, "kind": kind, "row": 1, "summary": "5 %"})
        for kind in lab_files.TYPES
    }
    assert made["svg"]["text"].startswith("<svg")
    assert "<svg" in made["html"]["text"]
    assert "5 \\%" in made["latex"]["text"]
    assert made["latex"]["text"].count("W_") == len(setup.get("layers", [8, 8])) + 1
    path = tmp_path / made["python"]["name"]
    path.write_text(made["python"]["text"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["training.py"])
    space = runpy.run_path(str(path))
    assert (tmp_path / "network.svg").exists()
    assert space["history"].columns["loss"][-1] < space["history"].columns["loss"][0]


# ---- a GPT ---------------------------------------------------------------------------

LIST = ["anna", "nina", "mina", "inna", "annina", "mia"]
SMALL = {"width": 4, "heads": 2, "context": 4, "optimizer": "sgd", "seed": 3}
WRITE = """
import { readFileSync } from "node:fs";
import { Writer } from "./trainer.js";
const { made, list, context } = JSON.parse(readFileSync("asked.json"));
const modules = {};
for (const key of ["loss", "logits", "rule", "attention"])
  modules[key] = await import(`./${key}.mjs`);
const writer = new Writer(made, modules, list, context, 0);
writer.step({ rate: 0.5, batch: 0 });
const test = writer.measured("test");
const looks = writer.attention(modules.attention, "anina", 2);
console.log(JSON.stringify({ parts: writer.parts, weights: [...writer.weights], test,
  looks, likeliest: writer.words(3, 0, 0), drawn: writer.words(200, 1, 5),
  again: writer.words(200, 1, 5), epoch: writer.epoch }));
"""


def by_node(folder, script, asked, programs):
    """What a script prints, beside the page's trainer and some programs."""
    from viz.play.server import page_files

    for key, text in programs.items():
        (folder / f"{key}.mjs").write_text(text)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "trainer.js").write_bytes(page_files()["trainer.js"].read_bytes())
    (folder / "asked.json").write_text(json.dumps(asked))
    (folder / "run.js").write_text(script)
    said = subprocess.run(
        [NODE, "run.js"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


@needs_node
def test_the_page_trains_a_gpt_and_writes_as_nn_does(tmp_path):
    found = words.items("\n".join(LIST), context=4)
    setup = {"tokens": len(found["symbols"]) + 1, **SMALL}
    made = words.model(setup)
    recorded = {name: words.program(setup, name) for name in words.PROGRAMS}
    asked = {"made": made, "list": found, "context": 4}
    programs = {**recorded, "rule": made["rule"]}
    answer = by_node(tmp_path, WRITE, asked, programs)
    train, test = answer["parts"]["train"], answer["parts"]["test"]
    assert sorted(train + test) == [*range(len(found["rows"]))]

    model = words.Setup(**setup).model()
    reader = TokenLoss(model, 4)
    losses = [reader(found["rows"][row]) for row in train]
    (sum(losses, Value(0.0)) / len(train)).backward()
    for parameter in model.parameters():
        parameter.data -= 0.5 * parameter.grad
    weights = [parameter.data for parameter in model.parameters()]
    np.testing.assert_allclose(answer["weights"], weights, rtol=1e-9, atol=1e-12)
    rows = [found["rows"][row] for row in test]
    told = sum(reader(row).data for row in rows) / sum(sum(row[8:]) for row in rows)
    assert answer["test"] == pytest.approx(told, rel=1e-9)

    likeliest = generate(model, 1, temperature=0.0)[0]
    symbols = ["", *found["symbols"]]
    assert answer["likeliest"] == ["".join(symbols[t] for t in likeliest)] * 3
    assert answer["drawn"] == answer["again"]

    (heads,) = model.attention([0, *(symbols.index(letter) for letter in "ani")])
    for told_of, meant in zip(answer["looks"], heads, strict=True):
        for row, true in zip(told_of, meant, strict=True):
            np.testing.assert_allclose(row, [w.data for w in true], rtol=1e-9)
    odds = softmax(model([0])[0])
    for token in (1, 2):
        share = sum(word[:1] == symbols[token] for word in answer["drawn"]) / 200
        assert share == pytest.approx(odds[token].data, abs=0.12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this one has 0"),
        ("a\nb\n \nc", "this one has 3"),
        ("a\n" * 3001, "at most 3000"),
        ("a\nb\nc\n" + "x" * 65, "item 4 has 65 characters"),
        ("\n".join(map(chr, range(200, 300))), "different characters"),
    ],
)
def test_lists_that_cant_be(text, message):
    with pytest.raises(ValueError, match=message):
        words.items(text)


@pytest.mark.parametrize(
    "changes", [{"width": 5}, {"heads": 3}, {"context": 99}, {"tokens": 1}]
)
def test_a_gpt_that_cant_be(changes):
    with pytest.raises(ValueError, match=r"choice for|tokens"):
        words.model(changes)


def test_the_bundled_list_is_the_set_of_words():
    found = words.items()
    assert found["items"] == [*nn_words().items]
    assert {len(row) for row in found["rows"]} == {24}
