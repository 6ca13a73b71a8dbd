"""Pictures as they are described to what draws them, each compared as a whole.

What a picture says is tested where its view is; here is held how it looks: places,
sizes, colors, tooltips. The numbers are sums of powers of 2, so that every machine has
the same. After a change on purpose, `pytest --write-golden` writes the files anew, and
`git diff` shows what became of them.
"""

import json
import re

import pytest
from own_layers import Residual, Scale, Square

from autograd import Value, dot, maximum, relu
from autograd.graph import graph
from nn import MLP, Layer, Neuron, Sequential, huber, mse
from viz import draw, network
from viz.explain import Derivation
from viz.stepper import Plan


def exact(model):
    """The model with weights of quarters."""
    for i, (_, value) in enumerate(model.named_parameters()):
        value.data = (i * 5 % 7 - 3) / 4
    return model


def small():
    return exact(MLP(2, [2, 1], "relu"))


def thin():
    """A single number flows back through each layer, so that its length is exact."""
    model = exact(MLP(1, [1, 1, 1], "relu"))
    model.layers[1].neurons[0].w[0].data = 0.5
    return model


def own():
    inner = Residual(Layer(2, 2, "relu"))
    return exact(Sequential(Layer(2, 2, "relu"), inner, Layer(2, 2, None)))


def after():
    """With parameters of no layer, and a function between the layers."""
    first, last = Layer(2, 2, "relu"), Layer(2, 1, None)
    return exact(Sequential(first, Scale(2), lambda x: [a * a for a in x], last))


def strange():
    """An activation and a loss that are none of ours, and one input."""
    first, last = Layer(1, 2, None), Layer(2, 1, None)
    bend = exact(Sequential(first, lambda z: [abs(a) for a in z], last))
    made = bend([Value(1.0, "x")]) ** 2
    made.backward()
    return made


def loss(model, kind=mse):
    """The loss of one row, with its gradients."""
    out = model([Value(1.0, "x1"), Value(2.0, "x2")])
    made = kind(out, [1.0, 0.5] if isinstance(out, list) else 1.0)
    made.backward()
    return made


def expression():
    """A little of everything, with bare numbers, equal operands and several uses."""
    a, b = Value(2.0, "a"), Value(-0.5, "b")
    c = a * b + 4.0
    d = maximum(c, c * c, 1.0) - relu(b)
    y = dot([a, 0.25], [d, b])
    y.label = "y"
    y.backward()
    return y


def long():
    """More nodes than a picture shows, with leaves that have no name."""
    a, b = Value(1.0, "a"), Value(0.5)
    y = a
    for i in range(60):
        y = maximum(y * 1.0, b) + (a if i % 9 else 0.25)
    y.backward()
    return y


def steps(output):
    nodes = graph(output)
    wanted = [node.value for node in nodes if not node.value.constant]
    return Plan(Derivation(nodes, wanted, None), 6, 12)


PICTURES = {
    "network": lambda: network(
        small(), [1.0, 2.0], 1.0, caption="row 7", target="yes", digits=5
    ),
    "network-wide": lambda: network(
        exact(MLP(5, [6, 2], "relu")),
        [1.0, 2.0, 0.0, -1.0, 0.5],
        [0.0, 1.0],
        most=4,
    ),
    "network-many": lambda: network(
        exact(MLP(1, [6, 6, 1], "relu")), [1.0], 1.0, most=5, digits=2
    ),
    "network-gap": lambda: network(
        exact(Sequential(Square(), Layer(5, 1, None))), [1.0] * 5, 1.0, most=4
    ),
    "network-own": lambda: network(own(), [1.0, 2.0], [0.0, 1.0], show="gradient"),
    "network-weights": lambda: network(exact(MLP(3, [2]))),
    "network-neuron": lambda: network(exact(Neuron(2, "relu")), [1.0, 2.0]),
    "network-folded": lambda: network(thin(), [-1.0], 1.0, detail="part"),
    "network-folded-ahead": lambda: network(small(), [1.0, 2.0], detail="part"),
    "draw": lambda: draw(expression()),
    "draw-down": lambda: draw(
        loss(exact(Neuron(2, "relu"))),
        direction="down",
        constants=True,
        expand=True,
        wrap=4,
        key=False,
    ),
    "draw-neuron": lambda: draw(loss(small()), detail="neuron"),
    "draw-layer": lambda: draw(loss(small()), detail="layer"),
    "draw-own": lambda: draw(loss(own()), detail="layer", digits=3),
    "draw-after": lambda: draw(loss(after()), detail="layer"),
    "draw-strange": lambda: draw(strange(), detail="layer"),
    "draw-sum": lambda: draw(long()),
    "stepper": lambda: steps(expression()),
    "stepper-loss": lambda: steps(loss(exact(MLP(2, [1])), huber)),
}


def described(picture):
    """A picture as text, a cell and a tooltip on each line; what is 0 is left out."""
    if isinstance(picture, Plan):
        data = json.dumps(picture.data(), indent=1, ensure_ascii=False)
        return f"{data}\n{described(picture.picture())}"
    source = re.sub(' [A-Z]+="0"', "", picture.source)
    source = re.sub("(?=<T[RD][ >])", "\n\t\t", source)
    return source + "".join(f"{k}: {v}\n" for k, v in picture.titles.items())


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_described_as_agreed(name, golden):
    golden(f"pictures/{name}.txt", described(PICTURES[name]()))
