"""draw(): the picture's numbers are backward()'s, and large graphs stay readable."""

import builtins
import json
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import reduce
from operator import add, mul

import pytest
from effort import calls
from random_graphs import grow

from autograd import Value, compile, dot, operation, sum
from autograd.graph import graph, topological_order
from autograd.modes import ieee
from nn import (
    GPT,
    MLP,
    RNN,
    Layer,
    Neuron,
    SelfAttention,
    binary_cross_entropy_with_logits,
    hinge,
    mse,
)
from viz import draw
from viz.digits import short, typed
from viz.fold import fold
from viz.notation import variables
from viz.render import render
from viz.style import NEGATIVE, POSITIVE, QUIET

SVG = "{http://www.w3.org/2000/svg}"


def elements(picture, kind):
    """The texts of each node or edge of a picture by its id, read from the SVG."""
    found = {}
    for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g"):
        if group.get("class") == kind:
            texts = [text.text or "" for text in group.iter(f"{SVG}text")]
            found[group.get("id")] = texts
    return found


def number_after(texts, name):
    return float(texts[texts.index(name) + 1])


def printed(x, digits=4):
    """What is left of a number at the printed precision."""
    whole = x == x and abs(x) < 1e6 and x == int(x)
    return x if whole else float(f"{x:.{digits}g}")


def expression():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.3, label="b")
    n = w * x + b
    out = (n.tanh() - 1) ** 2
    out.backward()
    return out, n, (w, x, b)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.234567, "1.234567"),  # eight characters: as it was written
        (1.2345678, "1.235"),
        (-1.23456, "-1.23456"),
        (-1.234567, "-1.235"),
        (12345678.0, "12345678"),
        (123456789.0, "1.235e8"),
    ],
)
def test_a_number_is_as_it_was_typed_up_to_eight_characters(x, text):
    assert typed(x) == text


def check(output, digits=4):
    """Every number in the picture is the node's; returns how many were compared."""
    picture = draw(output, detail="op", digits=digits)
    nodes, edges = elements(picture, "node"), elements(picture, "edge")
    compared = 0
    for node in graph(output):
        value = node.value
        if value.constant:
            compared += number_stands(node.index, output, nodes, digits)
            continue
        texts = nodes[f"n{node.index}"]
        for name, true in (("value", value.data), ("gradient", value.grad)):
            read = number_after(texts, name)
            assert read == printed(true, digits) or (read != read and true != true)
            compared += 1
        for position, (parent, partial) in enumerate(
            zip(node.parents, node.partials, strict=True)
        ):
            if not output_of(parent, output).constant:
                (text,) = edges[f"o{node.index}-{position}"]
                read = float(text.removeprefix("∂ "))
                assert read == printed(partial, digits) or partial != partial
                compared += 1
    return compared


def number_stands(index, output, nodes, digits):
    """A bare number stands in the circles that take it in, or beside them."""
    shown = typed(output_of(index, output).data, digits)
    users = [node.index for node in graph(output) if index in node.parents]
    for user in users:
        (sign,) = nodes[f"o{user}"]
        apart = nodes.get(f"n{index}") == [shown]
        assert apart or shown in sign.replace("(", " ").replace(",", " ")
    return bool(users)


def output_of(index, output):
    return topological_order(output)[index]


# ---- numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-1e-320, "-1e-320"),
        (2.0, "2"),
        (-12345.0, "-12345"),
        (999999.0, "999999"),
        (1e6, "1e6"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333"),
        (-0.00004, "-4e-5"),
        (123456.7, "1.235e5"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_short_and_true(x, text):
    assert short(x) == text
    assert float(text) == pytest.approx(x, rel=1e-3, nan_ok=True)


def test_a_constant_is_shown_as_it_was_written():
    assert [typed(x) for x in (2.0, 1.00001, 0.1, 1 / 3)] == [
        "2",
        "1.00001",
        "0.1",
        "0.3333",
    ]


def test_every_number_of_an_expression():
    out, _, _ = expression()
    assert check(out) == 25
    assert check(out, digits=12) == 25


def sampled(count, digits):
    rng = random.Random(7)
    compared = 0
    for _ in range(count):
        leaves = [Value(rng.uniform(-2, 2), f"x{i}") for i in range(3)]
        with ieee():
            output = grow(rng, leaves, 3)
        output.backward(rng.choice([1.0, -2.5, 1e-9]))
        if len(topological_order(output)) <= 60:
            compared += check(output, digits)
    return compared


def test_every_number_of_random_graphs():
    assert sampled(60, 4) > 2000


@pytest.mark.slow
def test_every_number_of_a_thousand_random_graphs():
    assert sampled(1000, 6) > 30000


# ---- what is shown -------------------------------------------------------------------


def test_the_picture_of_an_expression():
    out, _, (w, _, _) = expression()
    picture = draw(out, {"loss": out})
    nodes = elements(picture, "node")
    assert nodes["n0"] == ["w", "value", "0.5", "gradient", short(w.grad)]
    signs = [nodes[f"o{i}"] for i in (2, 4, 5, 7, 9)]
    assert signs == [["·"], ["+"], ["tanh"], ["− 1"], ["^2"]]
    titles = ["".join(nodes[f"n{i}"][:-4]) for i in (2, 4, 5, 7, 9)]
    assert titles == [
        "v1 = w·x",
        "v2 = v1 + b",
        "v3 = tanh(v2)",
        "v4 = v3 - 1",
        "loss = v4^2",
    ]
    assert "n6" not in nodes  # the constant, which stands in the circle
    apart = draw(out, constants=True)
    assert elements(apart, "node")["n6"] == ["1"]
    assert "n6" not in "".join(elements(apart, "edge"))
    assert "<title>w: value 0.5, gradient " + repr(w.grad) in picture.svg


def test_a_label_wins_over_a_name_and_the_first_name_counts():
    a, b, c = Value(1.0, label="label"), Value(2.0), Value(3.0)
    names = {"a": a, "_": b, "b": b, "again": b, "list": [c, 4], "text": "x", "c": c}
    assert variables(names) == {a: "a", b: "b", c: "list[0]"}
    nodes = elements(draw(sum([a, b, c]), names), "node")
    assert [nodes[f"n{i}"][0] for i in range(3)] == ["label", "b", "list[0]"]


def test_the_same_operand_twice_has_two_arrows():
    x = Value(3.0, label="x")
    y = x - x
    y.backward()
    edges = elements(draw(y), "edge")
    assert (edges["o1-0"], edges["o1-1"]) == (["∂ 1"], ["∂ -1"])


def test_sign_and_size_are_seen_without_color():
    a, b = Value(1.0, label="a"), Value(1.0, label="b")
    y = a * 3 - b
    y.backward()
    svg = draw(y).svg
    boxes = {
        group.get("id"): group
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
        if group.get("class") == "node"
    }

    def bar(key, color):
        (shape,) = [
            p for p in boxes[key].iter(f"{SVG}polygon") if p.get("fill") == color
        ]
        xs = [float(pair.split(",")[0]) for pair in shape.get("points").split()]
        return min(xs), max(xs)

    middle = bar("n0", QUIET)
    assert bar("n0", POSITIVE)[0] >= middle[1] - 0.01  # positive: to the right
    low, high = bar("n3", NEGATIVE)
    assert high <= bar("n3", QUIET)[0] + 0.01  # negative: to the left
    wide = bar("n0", POSITIVE)
    assert (wide[1] - wide[0]) / (high - low) == pytest.approx(3, rel=0.1)


def test_infinite_and_missing_gradients_are_drawn():
    x = Value(0.0, label="x")
    with ieee():
        y = x.sqrt() * x.log()
    y.backward()
    assert "nan" in elements(draw(y), "node")["n0"]


@pytest.mark.parametrize(
    "label", ["<script>", "{|}", '"', "\\N", "\n", "\x00", "a" * 10_000]
)
def test_any_label_is_text(label):
    x = Value(2.0, label=label)
    picture = draw(x * x, {label: x})
    texts = elements(picture, "node")["n0"]
    assert texts[1:] == ["value", "2", "gradient", "–"]
    assert len(texts[0]) <= 40
    assert "<script" not in picture.svg


@pytest.mark.parametrize("label", ["<script>", "{|}", '"', "\\N", "$%", "שלום", "😀"])
def test_any_label_of_a_large_graph_is_text(label):
    _, loss = network_loss(3, hidden=4)
    loss.label = label
    for detail in ("neuron", "layer"):
        assert elements(draw(loss, detail=detail), "node")["loss"][0] == label
    leaves = [Value(1.0, label=label) for _ in range(200)]
    nodes = elements(draw(sum(leaves), {label: leaves[0]}), "node")
    assert nodes["leaves"][1] == label


def test_a_dot_product_is_expanded_on_request():
    neuron = Neuron(3, activation="tanh", seed=1)
    out = neuron([1.0, 2.0, -3.0])
    out.backward()
    plain, expanded = draw(out), draw(out, expand=True)
    assert elements(plain, "node")["o6"] == ["□·1 + □·2 + □·(-3)"]
    nodes = elements(expanded, "node")
    assert nodes["o6"] == ["+"]
    assert [nodes[f"o6p{i}"] for i in (1, 2, 3)] == [["· 1"], ["· 2"], ["· (-3)"]]
    products = {k: v for k, v in nodes.items() if k[0] == "n" and "p" in k}
    read = [number_after(texts, "value") for texts in products.values()]
    true = [w.data * x for w, x in zip(neuron.w, [1.0, 2.0, -3.0], strict=True)]
    assert read == [printed(x) for x in true]
    dot_node = next(n for n in topological_order(out) if n.op == "dot")
    grads = [number_after(texts, "gradient") for texts in products.values()]
    assert grads == [printed(dot_node.grad)] * 3


def test_depth_and_neighborhood():
    x = y = Value(1.0, label="x")
    nodes = [x]
    for _ in range(5000):
        y = y.sin()
        nodes.append(y)
    keys = set(elements(draw(y, depth=2), "node"))
    assert keys == {"n5000", "o5000", "n4999", "o4999", "n4998", "o4998", "o4998_more"}
    near = {
        k for k in elements(draw(y, around=nodes[100], depth=1), "node") if k[0] == "n"
    }
    assert near == {"n99", "n100", "n101"}
    with pytest.raises(ValueError, match="no part of the graph"):
        draw(y, around=Value(1.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detail": "huge"}, "detail is op, neuron, layer or None; got 'huge'"),
        ({"depth": 0}, "depth is a whole number from 1; got 0"),
        ({"digits": 0}, "digits is a whole number from 1 to 17; got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        draw(Value(1.0), **options)


@pytest.mark.parametrize("value", [3.0, None, "x", [Value(1.0)]])
def test_what_is_no_value(value):
    with pytest.raises(TypeError, match=r"draw\(\) takes a Value; got"):
        draw(value)


def test_names_that_are_no_mapping():
    with pytest.raises(TypeError, match=r"names is a mapping.*such as globals\(\)"):
        draw(Value(1.0), "x")


def test_an_operation_of_the_users_own_is_shown_by_its_name():
    def odd(x):
        return x**3

    odd.__name__ = "<b>{|} \\N"
    cube = operation(partials=(lambda x, out: 3 * x**2,))(odd)
    y = cube(Value(2.0, label="x"))
    y.backward()
    picture = draw(y)
    assert elements(picture, "node")["o1"] == ["<b>{|} \\N"]
    assert elements(picture, "edge")["o1-0"] == ["∂ 12"]


# ---- large graphs --------------------------------------------------------------------


def network_loss(rows, hidden=16):
    rng = random.Random(0)
    model = MLP(2, [hidden, hidden, 1], activation="tanh", seed=1)
    X = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(rows)]
    loss = hinge([model(x) for x in X], [1 if x[0] > 0 else -1 for x in X])
    loss.label = "loss"
    loss.backward()
    return model, loss


def norm(values):
    return sum([v.grad**2 for v in values]) ** 0.5


def test_a_network_folds_into_its_layers():
    model, loss = network_loss(20)
    nodes = elements(draw(loss), "node")
    assert set(nodes) == {"input", "loss", "L1N0", "L2N0", "L3N0"}
    for number, layer in enumerate(model.layers, 1):
        texts = nodes[f"L{number}N0"]
        assert texts[0] == f"layer {number}"
        assert number_after(texts, "neurons") == len(layer.neurons)
        assert number_after(texts, "parameters") == len(list(layer.parameters()))
        assert number_after(texts, "dot") == 20 * len(layer.neurons)
        assert number_after(texts, "‖gradient‖") == printed(norm(layer.parameters()))
    assert number_after(nodes["loss"], "value") == printed(loss.data)
    assert number_after(nodes["input"], "constants") == 40


def test_a_network_folds_into_its_neurons():
    model, loss = network_loss(3, hidden=4)
    nodes = elements(draw(loss, detail="neuron"), "node")
    for number, layer in enumerate(model.layers, 1):
        for i, neuron in enumerate(layer.neurons, 1):
            read = number_after(nodes[f"L{number}N{i}"], "‖gradient‖")
            assert read == printed(norm(neuron.parameters()))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_what_joins_two_layers_stands_after_the_later_one(skipped, first):
    model = MLP(3, [3, 3, 3, 1], "tanh", seed=0)
    ways = [[Value(0.1 * k, f"x{k}") for k in (1, 2, 3)]]
    for layer in model.layers[:3]:
        ways.append(layer(ways[-1]))
    pairs = zip(ways[skipped], ways[3], strict=True)
    joined = [a + b if first else b + a for a, b in pairs]
    picture = draw(mse([model.layers[3](joined)], [1.0]), detail="layer")
    tail = f"L{skipped}N0" if skipped else "input"
    arrows = {f"{tail}-after3", "L3N0-after3", "after3-L4N0"}
    assert arrows <= set(elements(picture, "edge"))
    assert elements(picture, "node")["after3"][0] == "after layer 3"


def check_folds(seed):
    """Every number of a random network's folded pictures is backward()'s."""
    rng = random.Random(seed)
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(1, 3))]
    model = MLP(2, sizes, rng.choice(["tanh", "relu", "sigmoid"]), seed=seed)
    rows = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(rng.randint(1, 4))]
    wanted = [[rng.gauss(0, 1) for _ in range(sizes[-1])] for _ in rows]
    loss = mse([model(x) if sizes[-1] > 1 else [model(x)] for x in rows], wanted)
    loss.backward()
    for detail in ("neuron", "layer"):
        nodes = elements(draw(loss, detail=detail), "node")
        assert number_after(nodes["loss"], "value") == printed(loss.data)
        for k, layer in enumerate(model.layers, 1):
            parts = layer.neurons if detail == "neuron" else [layer]
            for i, part in enumerate(parts, 1):
                texts = nodes[f"L{k}N{i if detail == 'neuron' else 0}"]
                assert number_after(texts, "‖gradient‖") == printed(
                    norm(part.parameters())
                )


@pytest.mark.parametrize("seed", range(10))
def test_every_number_of_a_folded_network(seed):
    check_folds(seed)


@pytest.mark.slow
def test_every_number_of_a_thousand_folded_networks():
    for seed in range(1000):
        check_folds(seed)


def folded_ops(loss):
    """What operations each place of the folded picture says it holds."""
    found = {}
    for key, (_, *told) in elements(draw(loss, detail="layer"), "node").items():
        told = [text for text in told if " = " not in text]  # but the formula
        found[key] = dict(zip(told[::2], told[1::2], strict=True))
    return found


def test_no_operation_is_lost_or_counted_twice():
    model, loss = network_loss(5)
    regular = loss + 0.01 * sum([p * p for p in model.parameters()])
    regular.backward()
    counted = {}
    for rows in folded_ops(regular).values():
        for op, count in rows.items():
            if op in ("add", "mul", "sub", "tanh", "relu", "mean", "sum", "dot"):
                counted[op] = counted.get(op, 0) + int(count)
    true = {}
    for node in topological_order(regular):
        if node.op:
            true[node.op] = true.get(node.op, 0) + 1
    assert counted == true
    assert folded_ops(regular)["L1N0"]["parameters"] == "48"


def test_a_loss_is_no_activation_of_the_last_layer():
    model = MLP(2, [3, 1], "softplus", seed=0)
    rows = [[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]]
    loss = binary_cross_entropy_with_logits([model(row) for row in rows], [1, 0, 0])
    folded = folded_ops(loss)
    assert folded["L1N0"]["softplus"] == "9"
    assert "softplus" not in folded["L2N0"]
    assert folded["loss"]["softplus"] == "3"


@pytest.mark.parametrize("bend", [abs, Value.exp, lambda z: z**2])
def test_what_a_last_layer_ends_with_is_known_by_the_loss_of_it(bend):
    out = bend(MLP(2, [3, 1], "relu", seed=0)([1.0, 2.0]))
    known, own = folded_ops(mse(out, 1.0)), folded_ops((out - 1.0) * 3.0)
    assert out.op in known["L2N0"]
    assert out.op not in known["loss"]
    assert out.op in own["loss"]
    assert out.op not in own["L2N0"]


def added(values):
    """The sum as Python's own `sum` records it: with 0 + the first."""
    total = 0
    for value in values:
        total = total + value
    return total


def test_a_sum_over_outputs_is_no_part_of_a_layer():
    layer = Layer(2, 3, None, seed=0)
    rows = folded_ops(added(layer([1.0, 2.0])))
    assert rows["L1N0"]["add"] == "3"  # the biases
    assert rows["loss"]["add"] == "3"  # 0 + the first, and two more
    decayed = folded_ops(added(layer([1.0, 2.0])) + added(layer.neurons[0].w))
    assert (decayed["L1N0"]["add"], decayed["loss"]["add"]) == ("3", "6")


def test_a_sum_inside_a_neuron_is_a_part_of_it():
    layer = Layer(2, 2, "tanh", seed=0)
    outs = [
        (added([w * x for w, x in zip(n.w, (1.0, 2.0), strict=True)]) + n.b).tanh()
        for n in layer.neurons
    ]
    rows = folded_ops(mse(outs, [1.0, 0.0]))
    assert rows["L1N0"]["add"] == "6"  # for each neuron 0 + a, + b, + the bias
    assert "add" not in rows["loss"]


@pytest.mark.parametrize("detail", ["op", "neuron", "layer"])
def test_what_the_signs_mean_is_said_below_unless_it_is_not_wanted(detail):
    _, loss = network_loss(2)
    with_key, without = (draw(loss, detail=detail, key=key) for key in (True, False))
    assert "the wider" in with_key.source
    assert "the wider" not in without.source
    assert with_key.source.count(" -> ") == without.source.count(" -> ")


@pytest.mark.parametrize("detail", ["neuron", "layer"])
def test_gradients_of_another_pass_are_none_of_this_one(detail):
    model, loss = network_loss(2)  # whose backward() left gradients on the leaves
    again = hinge([model([0.3, 0.4])], [1])
    assert "before backward()" in draw(again, detail=detail).source.replace(
        "&#45;", "-"
    )
    assert "before backward()" not in draw(loss, detail=detail).source


def test_a_lone_neuron_folds():
    neuron = Neuron(200, "tanh", seed=0)
    loss = mse(neuron([0.1] * 200), 1.0)
    loss.backward()
    nodes = elements(draw(loss), "node")
    assert set(nodes) == {"input", "L0N1", "loss"}
    assert nodes["L0N1"][0] == "neuron"
    assert not {"neurons", "dot", "tanh"} & {*nodes["L0N1"]}
    assert number_after(nodes["L0N1"], "parameters") == 201
    assert number_after(nodes["L0N1"], "‖gradient‖") == printed(
        norm(neuron.parameters())
    )
    assert folded_ops(loss)["L0N0"]["dot"] == "1"


def tangled(count):
    """A graph of about so many nodes whose arrows lead all over the picture."""
    rng = random.Random(1)
    pool = [Value(rng.uniform(-1, 1), label=f"x{i}") for i in range(5)]
    while len(pool) < count:
        pool.append(sum(rng.choices(pool, k=4)))
        pool.append(pool[-1].tanh())
    output = sum(pool[-9:])
    output.backward()
    return output


def test_a_tangle_is_summed_up_and_drawn_promptly_on_request():
    output = tangled(140)
    assert len(topological_order(output)) <= 150
    assert set(elements(draw(output), "node")) == {"leaves", "operations", "output"}
    picture = draw(output, detail="op")
    svg = render(picture.source, seconds=15)  # the usual layout takes ten times as long
    assert svg.count(b'class="node"') == len(elements(picture, "node")) > 150
    assert check(output) > 400


def test_labels_alone_make_no_network():
    w, b = Value(2.0, label="W1[1,1]"), Value(1.0, label="b1[1]")
    assert "operations" in elements(draw(w.exp() - b, detail="layer"), "node")
    x, b = Value(2.0, label="w"), Value(1.0, label="b")
    assert "operations" in elements(draw(x * 3 + b * 0.1, detail="layer"), "node")


@pytest.mark.parametrize("model", [GPT(5, 4, 2, 1, 4, seed=0), RNN(1, 4, seed=0)])
def test_what_is_no_chain_of_layers_is_not_told_as_one(model):
    rows = model([1, 2, 3] if isinstance(model, GPT) else [[1.0], [0.5], [2.0]])
    output = mse(rows[-1], [1.0] * len(rows[-1]))
    assert "operations" in elements(draw(output, detail="layer"), "node")


def test_what_holds_weights_before_the_first_layer_is_not_called_input():
    rows = SelfAttention(4, 2, seed=0)([[0.5, -1.0, 0.0, 1.0], [1.0, 2.0, 1.0, 0.0]])
    boxes = elements(draw(mse([*rows[0], *rows[1]], [0.0] * 8), detail="layer"), "node")
    assert boxes["input"][0] == "before layer 1"
    assert boxes["L1N0"][1] == "ŷ = W1 s0 + b1"
    x = [Value(0.5, label="x[1]"), Value(2.0, label="x[2]")]
    out = Layer(2, 2, seed=0)([x[0] * x[1], x[1]])
    boxes = elements(draw(mse(out, [0.0] * 2), detail="layer"), "node")
    assert boxes["input"][0] == "input"
    assert boxes["L1N0"][1] == "ŷ = relu(W1 x + b1)"


def test_two_networks_with_the_same_labels_are_not_told_as_one():
    one, other = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=1)
    output = mse(one([1.0, 2.0]) * other([1.0, 2.0]), 1.0)
    assert "operations" in elements(draw(output, detail="layer"), "node")


PYTHONS = builtins.sum
WAYS = {
    "bias last": lambda b, products: reduce(add, products) + b,
    "bias first": lambda b, products: reduce(add, products, b),
    "bias in front": lambda b, products: b + reduce(add, products),
    "one sum, the bias last": lambda b, products: sum([*products, b]),
    "one sum, the bias first": lambda b, products: sum([b, *products]),
    "Python's sum, the bias last": lambda b, products: PYTHONS([*products, b]),
    "Python's sum, the bias first": lambda b, products: PYTHONS([b, *products]),
    "Python's sum, then the bias": lambda b, products: PYTHONS(products) + b,
    "Python's sum from the bias": lambda b, products: PYTHONS(products, b),
    "Python's sum behind the bias": lambda b, products: b + PYTHONS(products),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_network_written_by_hand_folds_too(way):
    layer, x = Layer(3, 2, "relu", seed=0), [*map(Value, (1.0, 2.0, -1.0))]
    nodes = {}
    for by_hand in (False, True):
        outs = layer(x)
        if by_hand:
            products = [list(map(mul, n.w, x)) for n in layer.neurons]
            pairs = zip(layer.neurons, products, strict=True)
            outs = [WAYS[way](n.b, products).relu() for n, products in pairs]
        loss = mse(outs, [1.0, 0.0])
        loss.backward()
        nodes[by_hand] = elements(draw(loss, detail="neuron"), "node")
        loss.zero_grad()
        rows = folded_ops(loss)
        inputs = nodes[by_hand].pop("input")  # with the 0 of Python's sum
        assert inputs[:3] == ["input", "variables", "3"]
    assert {*nodes[True]} == {"L1N1", "L1N2", "loss"}
    assert nodes[True] == nodes[False]
    assert (rows["L1N0"]["mul"], rows["L1N0"]["relu"]) == ("6", "2")


def test_hundred_thousand_nodes_fold():
    _, loss = network_loss(970)
    assert len(topological_order(loss)) > 100_000
    assert "layer 3" in draw(loss).svg


def test_folding_grows_linearly_with_the_graph():
    def cost(rows):
        _, loss = network_loss(rows)
        return calls(lambda: draw(loss))

    few, many = cost(10), cost(100)
    assert many < 10.5 * few


def test_a_long_chain_is_summed_up_without_recursion():
    x = Value(0.5, label="x")
    y = x
    for _ in range(15_000):
        y = y * 0.999 + 0.0001
    y.backward()
    nodes = elements(draw(y, {"y": y}), "node")
    assert nodes["leaves"] == ["1 variable, with gradients", "x", short(x.grad)]
    assert nodes["operations"][0] == "30000 operations"
    assert number_after(nodes["operations"], "depth") == 30_000
    assert nodes["output"] == ["y", "value", short(y.data), "gradient", "1"]
    assert "draw(v, depth=4)" in draw(y).svg
    assert fold(topological_order(y), "layer", 4) is None
    small = draw(sum([x.sin() for _ in range(200)])).svg
    assert "detail=&quot;op&quot;" in small or 'detail="op"' in small


def test_the_largest_gradients_come_first():
    leaves = [Value(float(i), label=f"x{i}") for i in range(200)]
    y = dot(leaves, [(-1) ** i * i for i in range(200)])
    y.backward()
    texts = elements(draw(y), "node")["leaves"]
    assert texts[1:5] == ["x199", "-199", "x198", "198"]


def test_each_operation_of_a_graph_beyond_the_limit():
    y = Value(1.0)
    for _ in range(3000):
        y = y.sin()
    with pytest.raises(ValueError, match=r"at most 2000 nodes.*3001.*depth=4"):
        draw(y, detail="op")


# ---- the same, and quiet -------------------------------------------------------------


PROGRAM = """
from autograd import Value
from nn import MLP, mse
from viz import draw, network
model = MLP(2, [3, 2, 1], seed=1)
loss = mse([model([1.0, 2.0]), model([0.5, -1.0])], [1.0, 0.0])
loss.backward()
print([draw(loss, globals(), detail=d).svg for d in ("op", "neuron", "layer")])
print(draw(loss, depth=3, expand=True, digits=17).svg)
print([network(model, [1.0, -1e-99], 1.0, digits=d).svg for d in (1, 3, 17)])
"""


def test_the_same_bytes_whatever_the_hash_seed():
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        for seed in ("0", "1", "12345")
    ]
    assert runs[0].stdout == runs[1].stdout == runs[2].stdout
    assert [done.stderr for done in runs] == [b"", b"", b""]
    assert json.dumps(runs[0].stdout.decode())


def test_graphs_of_any_shape_are_laid_out():
    rng = random.Random(3)
    for _ in range(40):
        pool = [Value(rng.uniform(-1, 1), f"x{i}") for i in range(3)]
        for _ in range(rng.randint(1, 25)):
            a, b = rng.choice(pool), rng.choice(pool)
            pool.append(
                rng.choice([a * b, a + b, a.tanh(), a - 2, dot([a, b], [b, a])])
            )
        picture = draw(pool[-1], expand=rng.random() < 0.5)
        assert render(picture.source).count(b'class="node"') == len(
            elements(picture, "node")
        )


# ---- the command ---------------------------------------------------------------------


def chainrule(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-c", "from viz.cli import main; main()", "draw", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def test_the_command_draws_an_expression(tmp_path):
    arguments = ("tanh(w*x + b)", "w=0.5", "x=2", "b=0.1")
    done = chainrule(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "graph.svg\n", "")
    texts = [
        e.text for e in ElementTree.parse(tmp_path / "graph.svg").iter(f"{SVG}text")
    ]
    assert {"w", "x", "b", "tanh", "0.8005", "0.3592", "∂ 0.3592"} <= set(texts)
    done = chainrule(*arguments, "-o", "g.pdf", folder=tmp_path)
    assert (tmp_path / "g.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tanh(w"], "chainrule: "),
        (["__import__('os')"], "chainrule: "),
        (["x + y", "x=1"], "chainrule: "),
        (["x", "x=1", "-o", "no/where.svg"], "chainrule: can't write"),
        (["x", "x=1", "-o", "graph.gif"], "chainrule: -o: can't tell the format"),
        (["x", "x=1", "--detail", "all"], "chainrule: --detail is"),
    ],
)
def test_what_the_command_refuses(tmp_path, arguments, message):
    done = chainrule(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


def test_blank_leaves_open_what_is_to_be_found():
    x, y = Value(3.0, label="x"), Value(7.0, label="y")
    out = x * y + y
    out.backward()
    svg = draw(out, blank=True).svg
    written = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert written.count("____") == 4
    assert len([text for text in written if text.startswith("∂ ____")]) == 4
    assert {"3", "7", "21", "28"} <= set(written)  # the gradients are 7, 4, 1 and 1
    assert "flows back" not in svg
    assert "gradient 1" not in svg
    assert draw(out).svg != svg


# ---- programs ------------------------------------------------------------------------


def test_a_program_is_drawn_as_its_arrays():
    model = MLP(2, [3, 1], activation="sigmoid", seed=0)
    program = compile(lambda x, y: model([x, y]) ** 2, 2, model.parameters())
    lines = {line.name: line for line in program.arrays()}
    assert set(lines["z1"].of) == {"W1", "x", "b1"}
    assert (lines["z1"].size, lines["W1"].size) == ("3", "3 × 2")
    assert set(lines["∂L/∂W1"].of) == {"δ1", "x"}
    back = {line.name for line in lines.values() if line.back}
    assert back == {"δ1", "δ2", *[f"∂L/∂{w}" for w in ("W1", "b1", "W2", "b2")]}
    picture = draw(program)
    for name, line in lines.items():
        assert f">{name}<" in picture.svg, name
        assert all(source in lines for source in line.of), line
    arrows = sum(len(line.of) for line in lines.values())
    assert picture.svg.count('class="edge"') == arrows
    assert "derivatives of L" in picture.svg
    assert draw(program).svg == picture.svg


def test_a_program_of_several_outputs_has_no_derivatives():
    program = compile(lambda x, y: [x * y, x + y], 2)
    svg = draw(program, direction="down").svg
    assert "derivatives" not in svg
    with pytest.raises(ValueError, match="direction is"):
        draw(program, direction="up")


def test_a_label_of_a_program_never_becomes_markup():
    w = Value(2.0, "<b>&amp;")
    svg = draw(compile(lambda x: (w * x) ** 2, 1, parameters=[w])).svg
    assert "&lt;b&gt;&amp;amp;" in svg
