"""What a type checker says of a user's program: the types of what nn returns.

Each line with a `# is` is held to the type that mypy reveals there, and mypy must find
fault with those that end in `# wrong`, and with no others.
"""

import re
import sys

import pytest

PROGRAM = """
import numpy as np

import nn
from autograd import Value, tanh
from nn.hints import Operand

X = [[0.0, 1.0], [1.0, 0.0]]
table = np.array(X)
model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
v = Value(1.0)

reveal_type(model)  # is MLP
reveal_type(model(X[0]))  # is Any
reveal_type(nn.Neuron(2)(table[0]))  # is Value
reveal_type(nn.Layer(2, 3, tanh)([v, 1.0]))  # is Any
reveal_type(nn.Sequential(nn.Layer(2, 3), "tanh", sum)(X[0]))  # is Any
reveal_type(model.parameters())  # is list[Value]
loss = nn.mse(model(X[0]), 1.0)
loss.backward()
nn.mse([model(row) for row in X], [0, 1]).backward()
print(*[out.data for out in nn.Layer(2, 3)(X[0])])

reveal_type(nn.mse(v, 1.0))  # is Value
reveal_type(nn.mse([v, v], [0, 1]))  # is Value
mixed: list[Value | float] = [v, 0.5]
reveal_type(nn.mae([v, v], mixed))  # is Value
reveal_type(nn.huber([v], np.array([1.0]), delta=2.0))  # is Value
reveal_type(nn.mse([1, 2], [1, 4]))  # is float
reveal_type(nn.hinge(np.array([0.5]), [1]))  # is float
reveal_type(nn.cross_entropy([[v, v]], [1]))  # is Value
reveal_type(nn.cross_entropy([[0.5, 1.0]], [[0.0, 1.0]]))  # is float
nn.mse("text", 1.0)  # wrong
nn.mse([v], ["cat"])  # wrong

reveal_type(nn.fit(model, X, [0, 1], progress=False))  # is History
reveal_type(nn.predict(model, table)[0])  # is Any
nn.fit(model, table, np.array([0, 1]), "hinge", nn.SGD(lr=0.1))
nn.fit(model, X, ["cat", "dog"], nn.hinge, validation=(table, ["cat", "dog"]))
nn.fit(nn.MLP(2, [2]), X, [[0.0, 1.0], [1.0, 0.0]], loss=nn.huber)
nn.fit(model, *nn.data.xor(8), metrics={"first": lambda found, wanted: found[0]})
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


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What mypy says, as (line, kind, message)."""
    api = pytest.importorskip("mypy.api", reason="mypy comes with the extra [dev]")
    folder = tmp_path_factory.mktemp("typed")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\nfollow_imports = silent\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # so that it reads what is installed
        out, err, _ = api.run(["--python-executable", sys.executable, "program.py"])
    assert not err
    found = re.findall(r"^program\.py:(\d+): (error|note): (.*)$", out, re.MULTILINE)
    assert found, out
    return [(int(line), kind, message) for line, kind, message in found]


@pytest.mark.parametrize("line", [n for n, text in LINES.items() if "# is " in text])
def test_a_type_checker_knows_what_comes_back(said, line):
    revealed = [
        re.sub(r"[\w.]+\.(\w)", r"\1", message.split('"')[1])
        for where, _, message in said
        if where == line and "Revealed type" in message
    ]
    assert revealed == [LINES[line].split("# is ")[1]], LINES[line]


def test_a_type_checker_finds_what_is_wrong_and_nothing_else(said):
    faults = {line: message for line, kind, message in said if kind == "error"}
    wrong = {line for line, text in LINES.items() if text.endswith("# wrong")}
    assert faults.keys() == wrong, {n: faults.get(n) for n in faults.keys() ^ wrong}


def test_what_a_type_checker_takes_runs():
    lines = [t for t in LINES.values() if "reveal_type" not in t and "# wrong" not in t]
    exec(compile("\n".join(lines), "program.py", "exec"), {"__name__": "program"})
