"""What every public name says where libraries are missing; see test_extras.py.

    python tests/without.py sklearn PIL    each name on a line, and what it says

A name is "fine", or else what it raised.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import warnings
from importlib.machinery import PathFinder

HIDDEN = set(sys.argv[1:])


class Without(PathFinder):
    """Finds what is installed, but for the hidden."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in HIDDEN:
            return PathFinder.find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Without

import autograd as ag  # noqa: E402
import nn  # noqa: E402
import viz  # noqa: E402

os.chdir(tempfile.mkdtemp())
X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [1, 1, 0, 0]
NET = nn.MLP(2, [2, 1], seed=0)
V = ag.Value(0.5, label="v")
with open("t.csv", "w") as file:
    file.write("a,b,y\n1,2,0\n2,1,1\n1,1,1\n2,2,0\n")
with open("names.txt", "w") as file:
    file.write("anna\nbob\nhannah\notto\n" * 5)
HISTORY = nn.History({"loss": [1.0, 0.5]})
square = lambda x: x * x  # noqa: E731
joined = lambda xs: xs[0] * xs[1]  # noqa: E731


def detect():
    with ag.detect_anomaly():
        return V * 2


def watched():
    watch = nn.Watch()
    nn.fit(NET, X, Y, epochs=1, callbacks=[watch], progress=False)
    return watch


def snapshots():
    kept = nn.Snapshots()
    kept.states, kept.epochs = [NET.state_dict()], [0]
    return kept


def saved(**more):
    nn.save(NET, "saved.json")
    return nn.load("saved.json")


def optimizer(kind):
    return lambda: kind(NET.parameters(), lr=0.1).step()


SHOWN = lambda: ag.compile(square, inputs=1)  # noqa: E731
AUTOGRAD = {
    "AnomalyError": detect,
    "GradcheckError": lambda: ag.gradcheck(square, 2.0),
    "ParseError": lambda: ag.parse("x*y", x=1, y=2),
    "Program": SHOWN,
    "Value": lambda: V.tanh().backward(),
    "compile": lambda: SHOWN()([[2.0]]),
    "detect_anomaly": detect,
    "dot": lambda: ag.dot([V], [V]),
    "grad": lambda: ag.grad(square)(2.0),
    "value_and_grad": lambda: ag.value_and_grad(square)(2.0),
    "jacobian": lambda: ag.jacobian(lambda x: [x, x])(2.0),
    "hessian": lambda: ag.hessian(square)(2.0),
    "hvp": lambda: ag.hvp(joined, [1.0, 2.0], [1.0, 0.0]),
    "jvp": lambda: ag.jvp(square, 2.0, 1.0),
    "vjp": lambda: ag.vjp(square, 2.0)[1](1.0),
    "linearize": lambda: ag.linearize(square, 2.0),
    "gradcheck": lambda: ag.gradcheck(square, 2.0),
    "gradients": lambda: ag.gradients(V * V, [V]),
    "ieee": ag.ieee,
    "no_grad": ag.no_grad,
    "operation": lambda: ag.operation(partials=(lambda x, out: 2 * x,))(square)(V),
    "parse": lambda: ag.parse("x", x=1),
    "topological_order": lambda: ag.topological_order(V),
    "sum": lambda: ag.sum([V]),
    "mean": lambda: ag.mean([V]),
    "norm": lambda: ag.norm([V, V]),
    "take": lambda: ag.take([V, V], 0),
    "prod": lambda: ag.prod([V]),
    "logsumexp": lambda: ag.logsumexp([V]),
    "softmax": lambda: ag.softmax([V, V]),
    "where": lambda: ag.where(True, V, V),
}
for name in set(ag.__all__) - AUTOGRAD.keys():
    row = getattr(ag, name)
    AUTOGRAD[name] = lambda row=row: row(*[ag.Value(x) for x in row.samples[0]])
part = lambda make, x: lambda: make()(x)  # noqa: E731
SEQUENCE = [[0.1, 0.2], [0.3, 0.4]]
NN = {
    "GPT": part(lambda: nn.GPT(5, 4, 2, 1, 8, seed=0), [0, 1]),
    "Block": part(lambda: nn.Block(4, 2, seed=0), [[0.1] * 4]),
    "GRU": part(lambda: nn.GRU(2, 2, seed=0), SEQUENCE),
    "LSTM": part(lambda: nn.LSTM(2, 2, seed=0), SEQUENCE),
    "RNN": part(lambda: nn.RNN(2, 2, seed=0), SEQUENCE),
    "MLP": part(lambda: NET, X[0]),
    "Layer": part(lambda: nn.Layer(2, 1), X[0]),
    "Neuron": part(lambda: nn.Neuron(2), X[0]),
    "Module": lambda: repr(NET),
    "Sequential": part(lambda: nn.Sequential(nn.Layer(2, 1)), X[0]),
    "SGD": optimizer(nn.SGD),
    "Adam": optimizer(nn.Adam),
    "AdamW": optimizer(nn.AdamW),
    "RMSProp": optimizer(nn.RMSProp),
    "Optimizer": optimizer(nn.SGD),
    "AvgPool2d": lambda: nn.AvgPool2d(2),
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "Conv1d": lambda: nn.Conv1d(1, 1, 2, seed=0)([[1.0, 2.0, 3.0]]),
    "Conv2d": lambda: nn.Conv2d(1, 1, 2, seed=0)([[[1.0, 2.0], [3.0, 4.0]]]),
    "Diagnosis": lambda: nn.diagnose(NET, X, Y),
    "diagnose": lambda: nn.diagnose(NET, X, Y),
    "DivergenceError": lambda: nn.DivergenceError("x", 1, 1, ""),
    "Dropout": part(lambda: nn.Dropout(0.5, seed=0), [V]),
    "Embedding": part(lambda: nn.Embedding(3, 2, seed=0), 1),
    "Flatten": part(nn.Flatten, [[1.0]]),
    "History": lambda: HISTORY._repr_html_(),
    "LayerNorm": part(lambda: nn.LayerNorm(2), [V, V]),
    "RMSNorm": part(lambda: nn.RMSNorm(2), [V, V]),
    "PerPosition": lambda: nn.PerPosition(nn.Layer(2, 1)),
    "Reshape": lambda: nn.Reshape(1, 2),
    "SelfAttention": part(lambda: nn.SelfAttention(2, 1, seed=0), SEQUENCE),
    "Sequences": lambda: nn.Sequences,
    "Snapshots": snapshots,
    "Watch": watched,
    **{
        name: lambda f=name: getattr(nn, f)([V], [1.0])
        for name in (
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "hinge",
            "huber",
            "mae",
            "mse",
        )
    },
    "cross_entropy": lambda: nn.cross_entropy([[V, V]], [1]),
    "data": lambda: [
        nn.data.xor(8),
        nn.data.spirals(8),
        nn.data.moons(8),
        nn.data.circles(8),
        nn.data.blobs(8),
        nn.data.iris(),
        nn.data.read_csv("t.csv", "y"),
        nn.data.Scaling.fit(X)(X),
    ],
    "export_safetensors": lambda: nn.export_safetensors(NET, "m.safetensors"),
    "find_lr": lambda: nn.find_lr(NET, X, Y),
    "fit": lambda: nn.fit(NET, X, Y, epochs=1, progress=False),
    "generate": lambda: nn.generate(nn.GPT(5, 4, 2, 1, 8, seed=0), 1, seed=0),
    "learn_text": lambda: nn.learn_text("names.txt", epochs=1),
    "load_text": lambda: nn.load_text("m.json"),
    "load": saved,
    "save": saved,
    "predict": lambda: nn.predict(NET, X),
    "recipe": lambda: nn.recipe.learn(
        "t.csv", nn.recipe.Settings(target="y", epochs=1, progress=False)
    ),
    "schedules": lambda: nn.schedules.cosine(5)(2),
    "table": lambda: nn.table,
    "tokens": lambda: nn.tokens.read_text("names.txt"),
}
PICTURE = lambda: viz.draw(V * V)  # noqa: E731
GPT = lambda: nn.GPT(5, 4, 2, 1, 8, seed=0)  # noqa: E731
VIZ = {
    "Explanation": lambda: viz.explain(V * V).text(),
    "Graph": lambda: PICTURE().svg,
    "Stepper": lambda: viz.stepper(V * V).html,
    "stepper": lambda: viz.stepper(V * V),
    "draw": lambda: [PICTURE().data(form) for form in ("svg", "png", "pdf")],
    "explain": lambda: viz.explain(V * V).latex(),
    "flow": lambda: viz.flow(NET, X[0], 1),
    "network": lambda: viz.network(NET, X[0], 1).svg,
    "plot_confusion": lambda: viz.plot_confusion(["a", "b"], ["b", "b"]),
    "plot_attention": lambda: viz.plot_attention(GPT(), [0, 1]),
    "plot_embedding": lambda: viz.plot_embedding(nn.Embedding(3, 2, seed=0)),
    "plot_token_losses": lambda: viz.plot_token_losses(GPT(), [0, 1]),
    "plot_history": lambda: viz.plot_history(HISTORY),
    "plot_layers": lambda: viz.plot_layers(watched()),
    "plot_decision_boundary": lambda: viz.plot_decision_boundary(NET, X, Y),
    "animate_decision_boundary": lambda: viz.animate_decision_boundary(
        NET, snapshots(), X, Y, "a.gif"
    ),
}
VERBS = {
    "eval": "x*y x=1 y=2",
    "explain": "x*y x=1 y=2",
    "draw": "x*y x=1 y=2",
    "step": "x*y x=1 y=2",
    "flow": "",
    "network": "m.json 0 1 --target 1",
    "train": "moons --rows 20 --epochs 1 --out trained",
    "predict": "m.json t.csv",
    "generate": "m.json",
    "play": "--no-browser --port 1",
}


def told(call):
    """What a call raises, in a line."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("error")
            call()
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return "fine"


def typed(line):
    """What a command line complains of."""
    sys.argv = ["chainrule", *line.split()]
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard):
        ended = told(lambda: __import__("viz.cli").cli.main())
    return heard.getvalue().strip().replace("\n", " ") or ended


nn.save(NET, "m.json")
for module, calls in ((ag, AUTOGRAD), (nn, NN), (viz, VIZ)):
    assert calls.keys() == set(module.__all__), calls.keys() ^ set(module.__all__)
    for name, call in sorted(calls.items()):
        print(f"{module.__name__}.{name}", told(call), sep="\t")
if not HIDDEN & {"typer", "starlette", "uvicorn"}:
    del VERBS["play"]  # which would serve
for verb, arguments in VERBS.items():
    print(f"chainrule {verb}", typed(f"{verb} {arguments}"), sep="\t")
