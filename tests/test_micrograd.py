"""Code written for engines of this family runs with only its import lines changed."""

import copy
import gc
import math
import pickle
import random
import re
import weakref

import numpy as np
import pytest
from sklearn.datasets import make_moons

import autograd
import nn
import viz
from autograd import Value, compile, gradients, micrograd, no_grad, topological_order
from autograd.family import INSTEAD, WITHOUT
from nn import MLP, Layer, Neuron
from viz import draw

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


def test_its_import_lines_run_with_our_name_before_them():
    names = {}
    lines = "from micrograd.engine import Value\nfrom micrograd.nn import {}"
    exec(
        lines.format("MLP, Layer, Module, Neuron").replace("micro", "autograd.micro"),
        names,
    )
    assert names["Value"] is Value
    assert names["MLP"] is micrograd.MLP
    assert issubclass(names["Neuron"], names["Module"])


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


def test_a_leaf_as_forks_make_one():
    for leaf in (Value(2.0, (), "", "w"), Value(2.0, prev=(), _op="", label="w")):
        assert (leaf.data, leaf.label, leaf.parents) == (2.0, "w", ())


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


# ---- its own numbers -----------------------------------------------------------------


def test_its_demo_starts_from_its_numbers():
    """Two moons, 2-16-16-1, the notebook's seeds: what micrograd 0.1.0 prints."""
    np.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    y = y * 2 - 1
    model = micrograd.MLP(2, [16, 16, 1])
    printed = []
    for k in range(3):
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses))
        loss += 1e-4 * sum(p * p for p in model.parameters())
        printed.append(loss.data)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
    recorded = [0.8958441028683222, 1.723590533697202, 0.7429006313851131]
    assert printed == pytest.approx(recorded, rel=1e-12)


def test_its_network_reads_as_its_own():
    model = micrograd.MLP(2, [3, 1])
    assert repr(model) == (
        "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], "
        "Layer of [LinearNeuron(3)]]"
    )
    outputs = micrograd.MLP(2, [3, 2])([1.0, -2.0])
    assert [type(output) for output in outputs] == [Value, Value]
    outputs[0].backward()
    neuron = micrograd.Neuron(2, nonlin=False)
    neuron([1.0, 2.0]).backward()
    assert [p.grad for p in neuron.parameters()] == [1.0, 2.0, 1.0]
    neuron.zero_grad()
    assert [p.grad for p in neuron.parameters()] == [0.0, 0.0, 0.0]


# ---- nodes whose local derivatives are given -----------------------------------------

X = Value(3.0, label="x")


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Value(9.0, (x,), (6.0,)),
        lambda x: Value(9.0, [x], [6]),
        lambda x: Value(9.0, _children=(x,), local_grads=(6.0,)),
        lambda x: Value(9.0, children=(x,), local_grads=(np.float64(6.0),)),
        lambda x: Value(9.0, parents=(x,), partials=(6.0,)),
        lambda x: Value(9.0, _prev=(x,), _local_grads=[6.0]),
        lambda x: Value(9.0, (x, x), (2.0, 4.0)),
        lambda x: Value(9.0, (x, x, Value(1.0)), (2.0, 4.0, 100.0)),
    ],
)
def test_a_node_with_given_derivatives(make):
    x = Value(3.0)
    y = make(x)
    (2 * y + x).backward()
    assert (y.data, y.grad, x.grad) == (9.0, 2.0, 13.0)
    assert y._children == y.parents
    assert y._local_grads == y.partials
    assert gradients(y, [x]) == [6.0]
    assert "9" in draw(y).source
    with no_grad():
        assert make(x).parents == ()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Value(2.0, _children=(), label="a"),
        lambda: Value(2.0, (), ""),
        lambda: Value(2.0, (), ()),
        lambda: Value(2.0, children=(), local_grads=()),
        lambda: Value(2.0, "a"),
    ],
)
def test_a_leaf_made_as_others_make_it(make):
    leaf = make()
    assert (leaf.data, leaf.op, leaf.parents) == (2.0, "", ())


def test_the_engine_of_two_hundred_lines():
    """Its own operations, written as in microgpt: number, children, slopes."""

    def log(x):
        return Value(math.log(x.data), (x,), (1 / x.data,))

    def exp(x):
        return Value(math.exp(x.data), (x,), (math.exp(x.data),))

    x, y = Value(0.5), Value(-1.5)
    total = exp(x) + exp(y)
    (-log(exp(x) / total)).backward()
    share = math.exp(0.5) / (math.exp(0.5) + math.exp(-1.5))
    assert (x.grad, y.grad) == pytest.approx((share - 1, 1 - share), rel=1e-14)


ONCE = "numbers only.*@operation"


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: Value(1.0, (X,), "tanh"), r"such as x\.tanh\(\)"),
        (lambda: Value(1.0, _children=(X,), _op="+"), "a number for each parent"),
        (lambda: Value(1.0, (X, X), (1.0,)), "2 parents and 1 partial:"),
        (lambda: Value(1.0, (X, X), (1.0, X)), "a partial is a Value"),
        (lambda: Value(1.0, (X,)), "doesn.t say the local derivatives"),
        (lambda: Value(1.0, (X,), (X,)), "a partial is a Value"),
        (lambda: Value(1.0, (2.0,), (1.0,)), "expected a Value"),
        (lambda: Value(1.0, (X,), (1.0,)).recompute(), ONCE),
        (lambda: gradients(Value(1.0, (X,), (1.0,)), [X], create_graph=True), ONCE),
        (lambda: compile(Value(1.0, (X,), (1.0,)), [X]), ONCE),
        (lambda: setattr(X * X, "_backward", print), "local derivatives are given"),
        (lambda: X ^ 2, r"x = 3\.0 \^ 2: a power is written \*\*"),
    ],
)
def test_what_can_not_be_had_says_what_to_write(use, words):
    with pytest.raises((TypeError, ValueError, AttributeError), match=words):
        use()


@pytest.mark.parametrize(
    ("where", "name"), [(where, name) for where in INSTEAD for name in INSTEAD[where]]
)
def test_a_name_of_another_engine(where, name):
    asked = {"Value": X, "module 'autograd'": autograd, "module 'nn'": nn}
    asked["Module"] = model = nn.MLP(2, [1], seed=0)
    asked["Optimizer"] = optimizer = nn.SGD(model.parameters())
    asked["module 'viz'"] = viz
    asked["Program"] = program = compile(lambda x: 2 * x)
    advice = INSTEAD[where][name]
    with pytest.raises(AttributeError, match=re.escape(f"{name!r}: {advice}")):
        getattr(asked[where], name)
    for module, attribute in re.findall(r"\b(autograd|nn|viz)\.(\w+)", advice):
        assert hasattr({"autograd": autograd, "nn": nn, "viz": viz}[module], attribute)
    for attribute in re.findall(r"\boptimizer\.(\w+)", advice):
        assert hasattr(optimizer, attribute)
    for attribute in re.findall(r"\bx\.(\w+)", advice):
        assert hasattr(X, attribute)
    for attribute in re.findall(r"\bmodel\.(\w+)", advice):
        assert hasattr(model, attribute)
    for attribute in re.findall(r"\bprogram\.(\w+)", advice):
        assert hasattr(program, attribute)


@pytest.mark.parametrize(
    ("function", "name"),
    [(where, name) for where in WITHOUT for name in WITHOUT[where]],
)
def test_an_option_of_another_engine(function, name):
    model = nn.MLP(2, [1], seed=0)
    calls = {
        "Value": [lambda **options: Value(2.0, **options)],
        "backward": [(X * X).backward],
        "zero_grad": [model.zero_grad, nn.SGD(model.parameters()).zero_grad],
    }
    told = f"{function}() has no argument {name!r}: {WITHOUT[function][name]}"
    for call in calls[function]:
        with pytest.raises(TypeError, match=re.escape(told)):
            call(**{name: True})


@pytest.mark.parametrize("name", [n for n in autograd.__all__ if not hasattr(X, n)])
def test_a_function_that_is_no_method_is_named(name):
    with pytest.raises(AttributeError, match=rf"function, autograd\.{name}$|: write"):
        getattr(X, name)


@pytest.mark.parametrize("name", ["exp", "tanh", "relu", "sqrt", "abs", "clip"])
def test_what_torch_does_in_place(name):
    with pytest.raises(AttributeError, match=rf"write x = x\.{name}\(\)"):
        getattr(X, f"{name}_")


@pytest.mark.parametrize("name", ["_prev", "_op", "_children", "_local_grads"])
def test_what_made_a_node_is_given_at_first(name):
    with pytest.raises(AttributeError, match=r"Value\(data, parents, partials\)"):
        setattr(X * X, name, ())


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (lambda m: m(1.0, 2.0), "write model([1.0, 2.0]); got 2 arguments"),
        (lambda m: m.layers[0](1.0, 2.0, 3.0), "Layer takes a row, which is one arg"),
        (lambda m: nn.Sequential(m)(1.0, 2.0), "Sequential takes a row"),
        (lambda m: viz.draw(m), "write viz.network(model)"),
        (lambda m: autograd.grad(m([X, X]), [X]), "derivatives are gradients(y, [x])"),
        (lambda m: m.zero_grad(now=True), "has no argument 'now'"),
        (lambda m: nn.SGD(m.parameters, lr=0.1), "write model.parameters()"),
        (lambda m: nn.Adam([{"params": m.parameters()}]), "no groups"),
    ],
)
def test_what_torch_takes_and_this_does_not(asked, answer):
    with pytest.raises(TypeError, match=re.escape(answer)):
        asked(nn.MLP(2, [1], seed=0))


def test_a_module_written_with_forward_is_told_its_name_here():
    class Net(nn.Module):
        def forward(self, x):
            return x

    with pytest.raises(NotImplementedError, match="the name of forward"):
        Net()([1.0])


def test_one_step_backward_by_hand():
    x = Value(2.0)
    y = x * 3.0
    z = y + x
    z.grad = 1.0
    for node in reversed(topological_order(z)):
        node._backward()
    assert (y.grad, x.grad, z.item()) == (1.0, 4.0, 8.0)


# ---- attributes of one's own ---------------------------------------------------------


def test_attributes_of_ones_own():
    p, q = Value(2.0), Value(3.0)
    p.m, p.v, q.m = 0.5, [1], "text"
    p.m += 1.0
    assert (p.m, p.v, q.m) == (1.5, [1], "text")
    del p.m
    assert not hasattr(p, "m")
    assert not hasattr(q, "v")
    p.twin = p
    for copied in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert (copied.data, copied.v, hasattr(copied, "m")) == (2.0, [1], False)
    assert copy.deepcopy(p).twin is not p
    with pytest.raises(AttributeError, match="m"):
        del p.m
    with pytest.raises(AttributeError, match="has no attribute 'w'"):
        p.w


def test_attributes_go_with_their_node():
    class Kept:
        pass

    for _ in range(3):
        node = Value(1.0) * 2.0
        node.kept = Kept()
        seen = weakref.ref(node.kept)
        del node
        gc.collect()
        assert seen() is None
        assert not hasattr(Value(5.0) * 2.0, "kept")  # perhaps at the same address


def test_momentum_kept_on_the_parameters():
    """AdamW as the successor of micrograd writes it."""
    p = Value(1.0)
    p.m, p.v = 0.0, 0.0
    for step in range(1, 4):
        loss = (p - 3.0) ** 2
        p.grad = 0.0
        loss.backward()
        p.m = 0.9 * p.m + 0.1 * p.grad
        p.v = 0.95 * p.v + 0.05 * p.grad**2
        m, v = p.m / (1 - 0.9**step), p.v / (1 - 0.95**step)
        p.data -= 0.1 * m / (v**0.5 + 1e-8)
    assert p.data == pytest.approx(1.3, abs=0.01)
