"""What a user's program is told of types: by a type checker, an editor, an error.

Each line with a `# is` is held to the type that mypy and pyright reveal there, and both
must find fault with those that end in `# wrong`, and with no others.
"""

import ast
import contextlib
import copy
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nn
import viz

PROGRAM = """
import numpy as np

import nn
import autograd as ag
from autograd import Value, tanh
from nn.hints import Operand

X = [[0.0, 1.0], [1.0, 0.0]]
table = np.array(X)
model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
v = Value(1.0)
train_on = nn.data.xor(8)

reveal_type(model)  # is MLP
reveal_type(model(X[0]))  # is Output
reveal_type(nn.Neuron(2)(table[0]))  # is Value
reveal_type(nn.Layer(2, 3, tanh)([v, 1.0])[0])  # is Value
reveal_type(nn.Sequential(nn.Layer(2, 3), "tanh", sum)(X[0]).data)  # is float
reveal_type(model.parameters())  # is list[Value]
loss = nn.mse(model(X[0]), 1.0)
loss.backward()
nn.mse([model(row) for row in X], [0, 1]).backward()
print(*[out.data for out in nn.Layer(2, 3)(X[0])])

reveal_type(ag.tanh(v))  # is Value
reveal_type(ag.tanh(0.5))  # is float
reveal_type(ag.abs(-1))  # is float
reveal_type(ag.maximum(v, 0))  # is Value
reveal_type(ag.maximum(0.0, v))  # is Value
reveal_type(ag.where(True, v, -v))  # is Value
reveal_type(ag.where(True, 1.0, 2.0))  # is float
reveal_type(ag.leaky_relu(v, slope=0.3))  # is Value
reveal_type(ag.log(v / 2).relu())  # is Value
reveal_type(ag.sum([v, v]))  # is Value
reveal_type(ag.sum([v * v, 1.0]))  # is Value
reveal_type(ag.sum([1, 2.0]))  # is float
reveal_type(ag.mean(x**2 for x in [v, v]))  # is Value
reveal_type(ag.prod((v, 2)))  # is Value
reveal_type(ag.dot([v, v], [1.0, 2.0]))  # is Value
reveal_type(ag.dot([1, 2], [1.0, 2.0]))  # is float
reveal_type(ag.logsumexp([v, 0.0]))  # is Value
reveal_type(ag.softmax([v, v])[0].data)  # is float
reveal_type(ag.softmax([1.0, 2.0]))  # is list[float]
ag.tanh("text")  # wrong
ag.sum(1.0)  # wrong
ag.sum(["a"])  # wrong

reveal_type(ag.grad(lambda x: x * x)(2.0))  # is float
reveal_type(ag.grad(lambda x: x[0])([1, 2]))  # is list[float]
reveal_type(ag.grad(lambda x: x * x)(v))  # is Value
reveal_type(ag.grad(lambda x: x["a"])({"a": 1.0}))  # is dict[str, float]
reveal_type(ag.grad(lambda x, y: x * y)(x=2.0, y=3.0))  # is Any
reveal_type(ag.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0))  # is Any
reveal_type(ag.value_and_grad(lambda x: x[0])([1.0]))  # is tuple[float, list[float]]
reveal_type(ag.parse("x*y", x=v, y=2))  # is Value

reveal_type(nn.mse(v, 1.0))  # is Value
reveal_type(nn.mse([v, v], [0, 1]))  # is Value
mixed: list[Value | float] = [v, 0.5]
reveal_type(nn.mae([v, v], mixed))  # is Value
reveal_type(nn.huber([v], np.array([1.0]), delta=2.0))  # is Value
reveal_type(nn.mse([1, 2], [1, 4]))  # is float
reveal_type(nn.hinge(np.array([0.5]), [1]))  # is float
reveal_type(nn.cross_entropy([[v, v]], [1]))  # is Value
reveal_type(nn.cross_entropy([[0.5, 1.0]], [[0.0, 1.0]]))  # is float
tokens, rows = [0, 1], [[0.5, 1.0], [1.0, 2.0]]
reveal_type(nn.GPT(5, 4, 2, 1, 8)(tokens)[0][0])  # is Value
reveal_type(nn.Embedding(5, 2)(1)[0])  # is Value
reveal_type(nn.Embedding(5, 2)(tokens)[0][0])  # is Value
reveal_type(nn.RMSNorm(2)([v, v])[0])  # is Value
reveal_type(nn.LayerNorm(2)(rows)[0][0])  # is Value
reveal_type(nn.SelfAttention(2)([[v, v]])[0][0])  # is Value
reveal_type(nn.Block(2)([[v, v]])[0][0])  # is Value
reveal_type(nn.RNN(2, 3)(rows)[-1][0])  # is Value
reveal_type(nn.GRU(2, 3)(rows)[-1][0])  # is Value
reveal_type(nn.LSTM(2, 3)(rows)[-1][0])  # is Value
reveal_type(nn.PerPosition(nn.Layer(2, 3))(rows)[0][0])  # is Value
reveal_type(nn.Dropout(0.5)(v))  # is Value
reveal_type(nn.Dropout(0.5)([1.0, 2.0]))  # is list[float]
reveal_type(nn.Conv1d(1, 1, 2)([[0.5, 1.0]])[0][0])  # is Value
reveal_type(nn.Conv2d(1, 1, 1)([[[0.5, 1.0]]])[0][0][0])  # is Value
reveal_type(nn.MaxPool2d(1)([[[v]]])[0][0][0])  # is Value
reveal_type(nn.AvgPool2d(1)([[[1.0]]])[0][0][0])  # is float
reveal_type(nn.Flatten()([[[v]]])[0])  # is Value
reveal_type(nn.Flatten()([1.0, 2.0]))  # is list[float]
reveal_type(nn.find_lr(model, train_on).suggestion)  # is float


@ag.operation(partials=(lambda x, out: 3 * x**2,))
def cube(x: float) -> float:
    return x * x * x


@ag.no_grad
def measured(x: float) -> float:
    return x


reveal_type(cube(v))  # is Value
reveal_type(cube(2.0))  # is float
reveal_type(ag.operation(measured)(v))  # is Value
reveal_type(measured(1.0))  # is float
program = ag.compile(cube)
reveal_type(program([[1.0]])[0])  # is Any
reveal_type(program.value_and_grad([[1.0]])[0])  # is float
nn.mse("text", 1.0)  # wrong
nn.mse([v], ["cat"])  # wrong

reveal_type(nn.fit(model, X, [0, 1], progress=False))  # is History
reveal_type(nn.predict(model, table)[0])  # is Any
nn.fit(model, table, np.array([0, 1]), "hinge", nn.SGD(lr=0.1))
nn.fit(model, X, ["cat", "dog"], nn.hinge, validation=(table, ["cat", "dog"]))
nn.fit(nn.MLP(2, [2]), X, [[0.0, 1.0], [1.0, 0.0]], loss=nn.huber)
nn.fit(model, *nn.data.xor(8), metrics={"first": lambda found, wanted: found[0]})
train, test = nn.data.xor(16).split()
reveal_type(train.features)  # is tuple[str, ...]
nn.fit(model, train, epochs=1, validation=test).accuracy[-1]
reveal_type(nn.fit(model, *train, epochs=1, validation=0.25).loss)  # is list[float]
inputs, targets = test
reveal_type(nn.predict(model, test).shape)  # is tuple[Any, ...]
nn.fit(model, X, [0, 1], loss=3)  # wrong
nn.fit(model, [0.0, 1.0], [0, 1])  # wrong
nn.fit(model, X, 1.0)  # wrong


def within(predictions: list[Value], targets: list[float]) -> Value:
    return nn.huber(predictions, targets, delta=0.5)


nn.fit(model, X, [0.0, 1.0], within)


class Line(nn.Module):
    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0), Value(1.0)

    def __call__(self, x: list[float]) -> Value:
        return self.slope * x[0] + self.offset


class Averaged(nn.Optimizer):
    keeps = ("mean",)

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, mean: Operand
    ) -> tuple[Operand, Operand]:
        mean = mean + (g - mean) / t
        reveal_type(w - lr * mean)  # is Operand
        return w - 2 * lr * mean**2, mean


reveal_type(Line()([1.0]))  # is Value
nn.fit(Line(), X, [0.0, 1.0], within, Averaged(lr=0.1))
array: Operand = table
number: Operand = 0.5
node: Operand = v
text: Operand = "text"  # wrong
"""
LINES = dict(enumerate(PROGRAM.splitlines(), 1))


README = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
SNIPPETS = re.findall(r"(?ms)^```python\n(.*?)^```$", README)


def mypy(names):
    api = pytest.importorskip("mypy.api", reason="mypy comes with the extra [dev]")
    Path("mypy.ini").write_text("[mypy]\nstrict = true\n")
    out, err, _ = api.run(["--python-executable", sys.executable, *names])
    assert not err
    found = re.findall(r"^(\w+\.py):(\d+): (error|note): (.*)$", out, re.MULTILINE)
    assert found, out
    return [(file, int(line), kind, message) for file, line, kind, message in found]


def pyright(names):
    pytest.importorskip("pyright", reason="pyright comes with the extra [dev]")
    command = [sys.executable, "-m", "pyright", "--outputjson"]
    quiet = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [*command, "--pythonpath", sys.executable, *names],
        stdout=subprocess.PIPE,
        env=quiet,
        timeout=600,
    )
    return [
        (
            Path(one["file"]).name,
            one["range"]["start"]["line"] + 1,
            one["severity"],
            one["message"],
        )
        for one in json.loads(done.stdout)["generalDiagnostics"]
    ]


@pytest.fixture(scope="module", params=[mypy, pyright], ids=["mypy", "pyright"])
def judged(request, tmp_path_factory):
    """What a type checker says of the program and of the README.

    As (file, line, kind, words); it reads what is installed.
    """
    folder = tmp_path_factory.mktemp("typed")
    programs = {f"readme{i}.py": text for i, text in enumerate(SNIPPETS)}
    for name, text in {**programs, "program.py": PROGRAM}.items():
        (folder / name).write_text(text, encoding="utf-8")
    with contextlib.chdir(folder):
        return request.param(["program.py", *programs])


def test_a_type_checker_finds_nothing_wrong_in_the_readme(judged):
    assert len(SNIPPETS) == 2
    faults = [(f, n, m) for f, n, kind, m in judged if kind == "error"]
    assert not [fault for fault in faults if fault[0] != "program.py"]


def test_a_type_checker_knows_what_comes_back(judged):
    revealed = {
        line: re.sub(r"[\w.]+\.(\w)", r"\1", found[1])
        for file, line, _, message in judged
        if (found := re.match(r'(?:Revealed type|Type of ".*") is "(.*)"', message))
    }
    assert revealed == {
        n: text.split("# is ")[1] for n, text in LINES.items() if "# is " in text
    }


def test_a_type_checker_finds_what_is_wrong_and_nothing_else(judged):
    faults = {
        line: message
        for file, line, kind, message in judged
        if file == "program.py" and kind == "error"
    }
    wrong = {line for line, text in LINES.items() if text.endswith("# wrong")}
    assert faults.keys() == wrong, {n: faults.get(n) for n in faults.keys() ^ wrong}


def test_what_a_type_checker_takes_runs():
    lines = [t for t in LINES.values() if "reveal_type" not in t and "# wrong" not in t]
    exec(compile("\n".join(lines), "program.py", "exec"), {"__name__": "program"})


# ---- without a type checker ----------------------------------------------------------

MODEL = nn.MLP(2, [1], seed=0)
FIRST = {
    "save(model, path)": lambda x: nn.save(x, "x.json"),
    "export_safetensors(model, path)": lambda x: nn.export_safetensors(x, "x"),
    "fit(model, X, y)": lambda x: nn.fit(x, [[0, 1]], [1]),
    "predict(model, X)": lambda x: nn.predict(x, [[0, 1]]),
    "diagnose(model, X, y)": lambda x: nn.diagnose(x, [[0, 1]], [1]),
    "plot_embedding(embedding)": viz.plot_embedding,
    "plot_history(history)": viz.plot_history,
    "plot_layers(watch)": viz.plot_layers,
    "plot_decision_boundary(model, X, y)": lambda x: viz.plot_decision_boundary(
        x, [[0, 1]], [1]
    ),
    "animate_decision_boundary(model, snapshots, X, y, path)": lambda x: (
        viz.animate_decision_boundary(x, nn.Snapshots(), [[0, 1]], [1], "a.gif")
    ),
}


@pytest.mark.parametrize("call", FIRST)
@pytest.mark.parametrize("thing", ["model.json", [1, 2], None, {"a": 1}], ids=repr)
def test_what_is_handed_over_in_the_wrong_order_is_told(call, thing):
    words = rf"{re.escape(call)} takes an? \w+ first, got .* of type"
    with pytest.raises(TypeError, match=words):
        FIRST[call](thing)


PLOT_CLASSES = "the true ones and those that were predicted, as lists"
OTHER_WORDS = [
    (lambda: nn.Adam(betas=0.9), TypeError, r"two numbers, \(0.9, 0.999\); got 0.9"),
    (lambda: nn.Adam(betas=(0.9,)), TypeError, "betas are two numbers"),
    (lambda: nn.diagnose(MODEL, [[0, 1]]), TypeError, r"y is missing: diagnose\("),
    (lambda: nn.Snapshots("2"), ValueError, "from 1; got '2'"),
    (lambda: nn.PerPosition("tanh"), TypeError, "a module for each row; got 'tanh'"),
    (lambda: nn.Sequences(1, [[0]]), TypeError, "lists of tokens.*; got 1"),
    (lambda: nn.Sequences([[0]], None), TypeError, "lists of tokens.*; got None"),
    (lambda: viz.plot_confusion(MODEL, [0]), TypeError, PLOT_CLASSES),
    (lambda: viz.plot_confusion("ab", "ab"), TypeError, PLOT_CLASSES),
    (lambda: viz.plot_confusion([0], 0), TypeError, PLOT_CLASSES),
    (lambda: viz.plot_token_losses(MODEL, "ab"), TypeError, "an MLP takes a list of"),
]


@pytest.mark.parametrize(("call", "kind", "words"), OTHER_WORDS)
def test_what_is_no_such_thing_is_told(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_load_takes_a_path():
    with pytest.raises(TypeError, match=r"the path of a file that save wrote; got 3"):
        nn.load(3)


def test_a_column_of_a_history_is_an_attribute():
    history = nn.History({"loss": [1.0, 0.5], "validation_accuracy": [0.5, 0.75]})
    assert history.validation_accuracy == history["validation_accuracy"]
    assert {"loss", "validation_accuracy", "stopped"} <= set(dir(history))
    words = "no attribute 'acc'; its columns are: loss, validation_accuracy"
    with pytest.raises(AttributeError, match=words):
        _ = history.acc
    assert not hasattr(nn.History(), "accuracy")
    assert pickle.loads(pickle.dumps(history)) == copy.deepcopy(history) == history
    assert repr(nn.History(stopped="interrupted")) == (
        "History of 0 epochs (interrupted)"
    )


ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("autograd", "nn", "viz")
    for path in sorted((ROOT / package).rglob("*.py"))
]


def bound(tree):
    """The names that a module's own statements bind, and those that it imports."""
    mine, imported = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= {(one.asname or one.name).split(".")[0] for one in node.names}
    left = [tree]
    for node in left:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            mine.add(node.name)
        elif isinstance(node, ast.Module | ast.If | ast.Try):
            left += node.body + getattr(node, "orelse", [])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names = (one for one in ast.walk(node) if isinstance(one, ast.Name))
            mine |= {one.id for one in names if isinstance(one.ctx, ast.Store)}
    return mine, imported - mine


@pytest.mark.parametrize("name", MODULES)
def test_dir_shows_what_is_ours_to_use_and_nothing_else(name):
    module = pytest.importorskip(name)
    listed = {one for one in dir(module) if one[:2] != "__"}
    path = ROOT.joinpath(*name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    mine, imported = bound(ast.parse(source.read_text("utf-8")))
    if hasattr(module, "__all__"):
        assert listed == set(module.__all__)
    else:
        assert not listed & imported
        assert listed == {one for one in mine if one[0] != "_" and one in vars(module)}
    assert not {one for one in listed if one[0] == "_" or not hasattr(module, one)}
    assert {"__doc__", "__name__"} <= set(dir(module))
