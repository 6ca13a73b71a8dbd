"""Pictures that a reader can change: each leads to the playground with its numbers.

The playground is exported once, into `play/` beside the pages, where the npm packages
are that it needs; where they are not, pictures stay as they are. Environment variable
NODE_MODULES says where they lie, if not here.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from autograd import Value, parse, topological_order
from nn import MLP
from viz.notation import TEXT, Symbol, show, written
from viz.play.export import ASSETS
from viz.play.expression import MOST_NAMES
from viz.play.lab import Setup, preset

PACKAGES: Final = Path(os.environ.get("NODE_MODULES", "node_modules"))
EXACT: Final = replace(TEXT, number=lambda x, _: repr(x).removesuffix(".0"))

Query = Mapping[str, str]


def possible() -> bool:
    """Whether the packages are there that the playground needs to run in a page."""
    return all((PACKAGES / asset.path).is_file() for asset in ASSETS.values())


def link(about: tuple[str, Any] | None) -> str:
    """The way from a picture to the playground, as HTML; empty where there is none.

    about: the function that made the picture, and what of.
    """
    function, subject = about or ("", None)
    query = QUERIES[function](subject) if function in QUERIES else None
    if query is None or not possible():
        return ""
    address = html.escape(f"play/index.html?{urlencode(query)}", quote=True)
    return (
        f'<p class="alive"><a href="{address}">Open it in the playground</a>, '
        "and change its numbers.</p>"
    )


def of_expression(value: Any) -> Query | None:
    """The playground's query for a graph; None where a text can't say it.

    >>> y = parse("tanh(w*x)", w=0.5, x=2)
    >>> of_expression(y)
    {'expression': 'tanh(w·x)', 'values': 'w:0.5,x:2.0'}
    """
    if not isinstance(value, Value):  # such as a program
        return None
    leaves = {
        node: re.sub(r"\W+", "_", node.label).strip("_")
        for node in topological_order(value)
        if not node.parents and node.label
    }
    names = {node: Symbol(name) for node, name in leaves.items()}
    formula = written(value, names)
    if formula is None or not 0 < len(set(leaves.values())) == len(leaves) < MOST_NAMES:
        return None
    text = show(formula, EXACT, 17)
    numbers = {name: node.data for node, name in leaves.items()}
    if not _says(text, numbers, value.data):
        return None
    values = ",".join(f"{name}:{number!r}" for name, number in numbers.items())
    return {"expression": text, "values": values}


def _says(text: str, numbers: Mapping[str, float], result: float) -> bool:
    try:
        found = parse(text, **numbers)
    except ValueError:
        return False
    return abs(found.data - result) <= 1e-12 * max(1.0, abs(result))


def of_network(model: Any) -> Query | None:
    """The query for a network of the same layers, to be trained.

    >>> of_network(MLP(2, [3, 1], activation="tanh"))
    {'tab': 'training', 'layers': '3', 'activation': 'tanh'}
    """
    if not isinstance(model, MLP) or len(model.layers[0].neurons[0].w) != 2:
        return None
    hidden = tuple(len(layer.neurons) for layer in model.layers[:-1])
    activation = getattr(model.layers[0].neurons[0].activation, "name", "")
    try:
        Setup(layers=hidden, activation=activation)
    except ValueError:
        return None
    layers = " ".join(map(str, hidden))
    return {"tab": "training", "layers": layers, "activation": activation}


def of_preset(name: str) -> Query:
    """The query for a training that teaches something, by its name.

    >>> of_preset("Two moons")
    {'tab': 'training'}
    """
    return {"tab": "training", **preset(name).changes}


QUERIES: Final[Mapping[str, Callable[[Any], Query | None]]] = {
    "draw": of_expression,
    "network": of_network,
    "preset": of_preset,
    "plot_decision_boundary": of_network,
}
