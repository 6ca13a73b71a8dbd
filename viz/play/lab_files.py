"""What the lab shows as files: SVG, HTML, LaTeX, and Python that makes it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from viz.notation import number_latex
from viz.play.files import document, page
from viz.play.lab import Setup, picture

TYPES: Final = {
    "svg": ("network.svg", "image/svg+xml"),
    "html": ("training.html", "text/html"),
    "latex": ("training.tex", "application/x-tex"),
    "python": ("training.py", "text/x-python"),
}
"""The files by their kinds: a name, and what they are."""


def file(
    kind: str,
    setup: Mapping[str, Any],
    weights: Sequence[float],
    X: Sequence[Sequence[float]],
    y: Sequence[int],
    row: int,
    summary: str,
) -> dict[str, str]:
    """A training as it stands, as a file: its name, its type and its text.

    kind: one of `TYPES`. X, y: the rows, as the network takes them. row: the one that
    is shown. summary: a line about how far it is.
    """
    if kind not in TYPES:
        raise ValueError(f"there is no file {kind!r:.40}; choose {', '.join(TYPES)}")
    name, type_ = TYPES[kind]
    made = Setup.of(setup)
    if kind == "python":
        text = python(made, weights, X, y, row)
    elif kind == "latex":
        text = latex(made, weights, summary)
    else:
        text = picture(setup, weights, X[row], y[row])
        text = page("A network", [summary], [text]) if kind == "html" else text
    return {"name": name, "type": type_, "text": text}


def python(
    made: Setup,
    weights: Sequence[float],
    X: Sequence[Sequence[float]],
    y: Sequence[int],
    row: int,
) -> str:
    """A program with the rows and the weights, that draws them and trains on."""
    sizes = [*made.layers, made.outputs]
    rows = [made.seen(*point) for point in X]
    return f"""from nn import MLP, fit
from nn.losses import {made.loss_name} as loss
from viz.network import network
from viz.plots import plot_history

X = {_lines(rows)}
y = {[*y]}
weights = {[*weights]}
model = MLP({len(made.features)}, {sizes}, {made.activation!r}, seed={made.seed})
for parameter, number in zip(model.parameters(), weights, strict=True):
    parameter.data = number
print("loss", loss([model(row) for row in X], y).data)
network(model, X[{row}], y[{row}], loss={made.loss_name!r}).save("network.svg")

history = fit(model, X, y, loss=loss, optimizer={made.optimizer!r}, epochs=100, seed=0)
print(history)
plot_history(history).save("history.svg")
"""


def _lines(rows: Sequence[Sequence[float]]) -> str:
    inside = "".join([f"    {[*row]},\n" for row in rows])
    return f"[\n{inside}]"


def latex(made: Setup, weights: Sequence[float], summary: str) -> str:
    """The weights and biases, layer by layer."""
    lines = [rf"\text{{{summary}}}".replace("%", r"\%")]
    for k, layer in enumerate(made.model(weights).layers, 1):
        rows = [[w.data for w in neuron.w] for neuron in layer.neurons]
        biases = [[neuron.b.data] for neuron in layer.neurons]
        lines.append(
            f"W_{{{k}}} = {_matrix(rows)}, \\quad b_{{{k}}} = {_matrix(biases)}"
        )
    return document("\n".join([f"\\[\n{line}\n\\]" for line in lines]))


def _matrix(rows: Sequence[Sequence[float]]) -> str:
    columns = "r" * len(rows[0])
    body = " \\\\\n".join(" & ".join(number_latex(x, 4) for x in row) for row in rows)
    return f"\\left[\\begin{{array}}{{{columns}}}\n{body}\n\\end{{array}}\\right]"


CALLS: Final = {"training.file": file}
"""The calls of the panel's files."""
