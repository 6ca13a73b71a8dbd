"""Code written for micrograd runs with only its import lines changed."""

import random

import numpy as np

from autograd import Value
from nn import MLP, Layer, Neuron

# The expression of micrograd's own README, its result from micrograd 0.1.0.
README = """
a = Value(-4.0)
b = Value(2.0)
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + (b + a).relu()
d += 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
g.backward()
"""


def test_the_expression_of_its_readme():
    names = {"Value": Value}
    exec(README, names)
    assert f"{names['g'].data:.4f}" == "24.7041"
    assert f"{names['a'].grad:.4f}" == "138.8338"
    assert f"{names['b'].grad:.4f}" == "645.5773"


def trace(root):
    """The walk of micrograd's drawing notebook, as people have copied it."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_its_drawing_code_walks_our_graph():
    x = Value(1.0)
    y = (x * 2 + 1).relu()
    nodes, edges = trace(y)
    assert sorted(node._op for node in nodes) == ["", "", "", "*", "+", "ReLU"]
    assert len(edges) == 5


def test_its_demo_step_runs_and_lowers_the_loss():
    random.seed(1337)
    model = MLP(2, [16, 16, 1], seed=1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, -1)

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [
            (1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)
        ]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        return data_loss + reg_loss

    first = loss().data
    for k in range(10):
        total_loss = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * 0.2 * p.grad
    assert loss().data < 0.8 * first


def test_names_of_its_network():
    model = MLP(3, [4, 1])
    layer, neuron = model.layers[0], model.layers[0].neurons[0]
    assert isinstance(layer, Layer)
    assert isinstance(neuron, Neuron)
    assert len(neuron.w) == 3
    assert isinstance(neuron.b, Value)
    assert len(model.parameters()) == 3 * 4 + 4 + 4 + 1
    assert isinstance(model([1.0, 2.0, 3.0]), Value)
    linear = Neuron(2, nonlin=False)
    assert linear([1.0, 1.0]).op == "add"
    assert Neuron(2)([1.0, 1.0]).op == "relu"
