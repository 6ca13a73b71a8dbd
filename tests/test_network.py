"""network(): every number in the picture is the recorded graph's."""

import html
import math
import random
import re
import xml.etree.ElementTree as ElementTree
from functools import partial
from importlib.resources import files
from itertools import pairwise, product
from math import hypot

import numpy as np
import pytest
from own_layers import Residual

from autograd import Value, parse, sigmoid, topological_order
from nn import (
    GPT,
    GRU,
    LSTM,
    MLP,
    RNN,
    Block,
    Conv1d,
    Conv2d,
    Flatten,
    Layer,
    LayerNorm,
    Module,
    Neuron,
    PerPosition,
    Reshape,
    RMSNorm,
    Sequential,
)
from nn.losses import LOSSES, binary_cross_entropy, cross_entropy
from viz import draw, network
from viz.digits import short
from viz.layers import flows_back, parts_of, record_pass, worked_example
from viz.network import FORMS, LANE

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture, kind="node"):
    """The texts of each node of a picture by its id, read from the SVG."""
    return {
        group.get("id"): [text.text or "" for text in group.iter(f"{SVG}text")]
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g")
        if group.get("class") == kind
    }


def all_text(picture):
    return "".join(
        text.text or ""
        for text in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")
    )


def titles(picture):
    return {
        group.get("id"): (group.find(f".//{SVG}title").text or "")
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g")
        if group.get("class") in ("node", "edge")
        and group.find(f".//{SVG}title") is not None
    }


def paired(found):
    """Names and numbers of a neuron's texts: z, 0.51, a, 0.625 and so on."""
    return dict(zip(found[::2], found[1::2], strict=True))


# The numbers of the documentation's worked example, as its page states them.
Z = {"c1i0": 0.51, "c1i1": 1.12, "c2i0": 0.8147964671035836}
A = {"c1i0": 0.6248064744684293, "c1i1": 0.7539887164489482, "c2i0": 0.6931306594690766}
DELTA = {
    "c1i0": -0.035968668478543284,
    "c1i1": -0.0341526670251058,
    "c2i0": -0.3068693405309234,
}
LOSS = 0.36653675576158634
DW = {
    "c0i0-c1i0": -0.03596866847854328,
    "c0i1-c1i0": -0.07193733695708657,
    "c0i0-c1i1": -0.0341526670251058,
    "c0i1-c1i1": -0.0683053340502116,
    "c1i0-c2i0": -0.19173395077957814,
    "c1i1-c2i0": -0.2313760201844461,
}
W = {
    "c0i0-c1i0": 0.1,
    "c0i1-c1i0": 0.2,
    "c0i0-c1i1": 0.3,
    "c0i1-c1i1": 0.4,
    "c1i0-c2i0": 0.5,
    "c1i1-c2i0": 0.6,
}


def test_the_worked_example():
    model, x, y = worked_example()
    nodes = texts(network(model, x, y, digits=15))
    for key, z in Z.items():
        shown = paired(nodes[key])
        for name, true in (("z", z), ("a", A[key]), ("δ", DELTA[key])):
            assert float(shown[name]) == pytest.approx(true, rel=2e-15)
    assert float(paired(nodes["loss"])["loss"]) == pytest.approx(LOSS, rel=2e-15)
    assert paired(nodes["loss"])["target"] == "1"
    assert (nodes["c0i0"], nodes["c0i1"]) == (["x1", "1"], ["x2", "2"])
    assert nodes["c1i1-b"] == ["b 0.02"]
    for key, w in W.items():
        assert nodes[f"{key}-number"] == [short(w, 15)]
    for i, w in enumerate((0.5, 0.6)):
        (back,) = nodes[f"c2i0-c1i{i}-number"]
        assert float(back) == pytest.approx(w * DELTA["c2i0"], rel=2e-15)


def points(picture, key):
    """Where an arrow starts and where its line ends, in points."""
    (path,) = (
        group.find(f".//{SVG}path").get("d")
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g")
        if group.get("id") == key
    )
    pairs = [
        tuple(map(float, p.split(","))) for p in re.findall(r"[-\d.]+,[-\d.]+", path)
    ]
    return pairs[0], pairs[-1]


@pytest.mark.parametrize("outputs", [1, 2, 10])
def test_outputs_reach_the_loss_side_by_side(outputs):
    picture = network(MLP(2, [outputs], seed=0), [1.0, 2.0], [0.5] * outputs)
    shown = [key for key in texts(picture) if re.fullmatch(r"c1i\d+", key)]
    for key in shown:
        for start, end in (
            points(picture, f"{key}-loss"),
            points(picture, f"loss-{key}"),
        ):
            assert start[1] == pytest.approx(end[1], abs=0.1)
    assert len(shown) == min(outputs, 7)


@pytest.mark.parametrize("sizes", [[3, 1], [1, 4, 2], [3, 4]])
def test_an_arrow_back_runs_beside_the_one_forward(sizes):
    model = MLP(2, sizes, "tanh", seed=0)
    picture = network(model, [1.0, 2.0], [0.5] * sizes[-1])
    compared = 0
    for column, (below, above) in enumerate(pairwise(sizes), 1):
        for i, j in product(range(below), range(above)):
            there, back = (
                f"c{column}i{i}-c{column + 1}i{j}",
                f"c{column + 1}i{j}-c{column}i{i}",
            )
            (ax, ay), (bx, by) = points(picture, there)
            for x, y in points(picture, back):
                below_it = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / hypot(
                    bx - ax, by - ay
                )
                assert below_it == pytest.approx(72 * LANE, abs=0.1)
                compared += 1
    assert compared == 2 * sum(a * b for a, b in pairwise(sizes))


def test_a_legend_tells_what_the_arrows_mean():
    model, x, y = worked_example()

    def legend(*args, **options):
        svg = ElementTree.fromstring(network(model, *args, **options).svg)
        (graph,) = svg
        return " ".join(text.text or "" for text in graph.findall(f"{SVG}text"))

    assert "forward: weight" in legend(x, y)
    assert "back: weight × δ" in legend(x, y)
    assert "forward: ∂loss/∂weight" in legend(x, y, show="gradient")
    assert "back" not in legend(x)


@pytest.mark.parametrize("detail", ["neuron", "part"])
def test_what_signs_mean_can_be_left_out(detail):
    model, x, y = worked_example()
    whole = network(model, x, y, caption="row 7", detail=detail).svg
    bare = network(model, x, y, caption="row 7", detail=detail, key=False).svg
    for sign in ("the wider", "forward: weight" if detail == "neuron" else "‖x‖:"):
        assert sign in whole
        assert sign not in bare
    assert ">row 7<" in bare
    assert "the wider" not in network(model, detail=detail, key=False).svg


def test_gradients_on_the_arrows():
    model, x, y = worked_example()
    picture = network(model, x, y, show="gradient", digits=15)
    nodes, told = texts(picture), titles(picture)
    for key, gradient in DW.items():
        (text,) = nodes[f"{key}-number"]
        assert float(text) == pytest.approx(gradient, rel=2e-15)
        assert float(told[key].split("= ")[1]) == pytest.approx(gradient, rel=1e-15)
    (bias,) = nodes["c2i0-b"]
    assert float(bias.removeprefix("∂b ")) == pytest.approx(DELTA["c2i0"], rel=2e-15)


@pytest.mark.parametrize("picture", ["block", "layers", "formula", "target"])
def test_no_text_comes_near_the_side_of_its_box(picture):
    """Measured as it is drawn, not as Graphviz estimates it."""
    ft2font = pytest.importorskip("matplotlib.ft2font")
    fonts = {
        bold: ft2font.FT2Font(str(files("viz.fonts") / f"DejaVuSans{bold}.ttf"))
        for bold in ("", "-Bold")
    }
    rows = [[0.1 * i + 0.3 * j for i in range(4)] for j in range(3)]
    logits = MLP(9, [12, 3], seed=0)([0.5] * 9)
    made = {
        "block": lambda: network(Block(4, 2, seed=0), rows),
        "layers": lambda: draw(cross_entropy([logits], [1]), detail="layer"),
        "formula": lambda: draw(parse("log(abs(w)*x_long)", w=-1e-7, x_long=2.5)),
        "target": lambda: network(MLP(1, [1]), [1.0], 1.0, target="of a longer name"),
    }
    for group in ElementTree.fromstring(made[picture]().svg).iter(f"{SVG}g"):
        frame = group.find(f"{SVG}path")
        if group.get("class") != "node" or frame is None:
            continue
        sides = [float(x) for x in re.findall(r"(-?[\d.]+),", frame.get("d"))]
        for text in group.iter(f"{SVG}text"):
            font = fonts["-Bold" if text.get("font-weight") else ""]
            font.set_size(float(text.get("font-size")), 72)
            font.set_text(text.text, flags=ft2font.LoadFlags.NO_HINTING)
            start, wide = float(text.get("x")), font.get_width_height()[0] / 64
            start -= wide / 2 * (text.get("text-anchor") == "middle")
            assert min(sides) + 3 < start, text.text
            assert start + wide < max(sides) - 3, text.text


def test_the_fonts_that_come_along_have_every_character():
    """A PNG or PDF is drawn with them, and an SVG is measured with them."""
    ft2font = pytest.importorskip("matplotlib.ft2font")
    known = [
        set(ft2font.FT2Font(str(font)).get_charmap())
        for font in files("viz.fonts").iterdir()
        if font.name.endswith(".ttf")
    ]
    assert len(known) == 2
    model, x, y = worked_example()
    loss = binary_cross_entropy(model(x), y)
    pictures = [
        network(*worked_example()),
        network(MLP(9, [9, 1], seed=0), [1.0] * 9, 1.0, show="gradient"),
        *(draw(loss, detail=detail) for detail in ("op", "neuron", "layer")),
        draw(loss, depth=2),
        draw(sum(Value(1.0) for _ in range(200))),
    ]
    shown = {c for picture in pictures for c in all_text(picture)}
    assert {"δ", "‖", "⋮", "⋯", "∂", "→", "⇠", "■"} <= shown
    assert all(ord(c) in font for c in shown for font in known)


def test_what_flows_back_adds_up_to_delta():
    """δ of a hidden neuron is the sum of what flows back to it, times f'(z)."""
    model = MLP(3, [4, 3, 2], "tanh", "sigmoid", seed=2)
    picture = network(model, [0.5, -1.0, 2.0], [1.0, 0.0], digits=17)
    told, nodes = titles(picture), texts(picture)
    for column, count in ((1, 4), (2, 3)):
        above = {1: 3, 2: 2}[column]
        for i in range(count):
            shown = paired(nodes[f"c{column}i{i}"])
            back = sum(
                float(
                    told[f"c{column + 1}i{j}-c{column}i{i}"].split("= ")[1].split()[0]
                )
                for j in range(above)
            )
            a, delta = float(shown["a"]), float(shown["δ"])
            assert delta == pytest.approx(back * (1 - a * a), rel=1e-12)


def z_of(out, layer):
    return out.parents[0] if layer.activation else out


def check(model, x, y, loss, show):
    """Compare every number with backward()'s on a graph of its own."""
    picture = network(model, x, y, loss=loss, show=show, digits=6)
    nodes, told = texts(picture), titles(picture)
    values, columns = x, []
    for layer in model.layers:
        values = [neuron(values) for neuron in layer.neurons]
        columns.append([(z_of(a, layer), a) for a in values])
    outputs = values[0] if len(values) == 1 else values
    total = LOSSES[loss](outputs, y)
    total.backward()
    assert paired(nodes["loss"])["loss"] == short(total.data, 6)
    for column, pairs in enumerate(columns, 1):
        layer = model.layers[column - 1]
        for i, (z, a) in enumerate(pairs):
            shown = paired(nodes[f"c{column}i{i}"])
            expected = {"z": z.data, "a": a.data, "δ": z.grad}
            assert shown == {name: short(v, 6) for name, v in expected.items()}
            bias = layer.neurons[i].b
            number = short(bias.data if show == "weight" else bias.grad, 6)
            assert nodes[f"c{column}i{i}-b"][0].split() == [B[show], number]
            for j, w in enumerate(layer.neurons[i].w):
                key, back = (
                    f"c{column - 1}i{j}-c{column}i{i}",
                    f"c{column}i{i}-c{column - 1}i{j}",
                )
                number = w.data if show == "weight" else w.grad
                assert float(told[key].split("= ")[1]) == number
                assert nodes.get(f"{key}-number", [short(number, 6)]) == [
                    short(number, 6)
                ]
                flow = w.data * z.grad
                if back in told:
                    assert float(told[back].split("= ")[1].split()[0]) == flow
                if f"{back}-number" in nodes:
                    assert nodes[f"{back}-number"] == [short(flow, 6)]
    return nodes.keys()


B = {"weight": "b", "gradient": "∂b"}


def sampled(count):
    rng = random.Random(11)
    seen = set()
    for index in range(count):
        sizes = [rng.randint(1, 4) for _ in range(rng.randint(1, 3))]
        activation = rng.choice(["tanh", "relu", "sigmoid", "softplus"])
        last = rng.choice(["sigmoid", "tanh", None])
        nin = rng.randint(1, 4)
        model = MLP(nin, sizes, activation, last, seed=rng.randrange(1000))
        x = [rng.uniform(-2, 2) for _ in range(nin)]
        y = [float(rng.randint(0, 1)) for _ in range(sizes[-1])]
        loss = "binary_cross_entropy" if last == "sigmoid" else "mse"
        show = ("weight", "gradient")[index % 2]
        seen |= check(model, x, y[0] if len(y) == 1 else y, loss, show)
    assert {"c0i0-c1i0-number", "c2i0-c1i0-number"} <= seen


def test_random_networks():
    sampled(40)


@pytest.mark.slow
def test_a_thousand_random_networks():
    sampled(1000)


def test_without_target_or_row_there_is_less_to_show():
    model = MLP(2, [3, 1], "tanh", seed=0)
    nodes = texts(network(model, [1.0, -1.0]))
    assert set(paired(nodes["c1i0"])) == {"z", "a"}
    assert "loss" not in nodes
    nodes = texts(network(model))
    assert nodes["c1i0"] == []
    assert nodes["c0i1"][0] == "x2"
    assert nodes["c0i0-c1i0-number"] == [short(model.layers[0].neurons[0].w[0].data, 3)]
    assert "z" not in "".join(map("".join, nodes.values()))


def test_looking_leaves_the_gradients_alone():
    model, x, y = worked_example()
    network(model, x, y)
    assert [p.grad for p in model.parameters()] == [0.0] * 9


def test_wide_layers_fold_in_the_middle():
    model = MLP(40, [100, 3], "relu", seed=0)
    nodes = texts(network(model, [0.1] * 40, [1, 0, 0]))
    assert {f"c1i{i}" for i in (0, 1, 2, 3, 4, 5, 99)} <= set(nodes)
    assert "c1i6" not in nodes
    assert nodes["c1gap"] == nodes["c0gap"] == ["⋮"]
    assert nodes["h1"] == ["layer 1", "100 neurons, relu"]
    told = titles(network(model, [0.1] * 40, [1, 0, 0]))
    assert told["d1-back"] == "each δ flows back along its weights"
    told = titles(network(model, [0.1] * 40, [1, 0, 0], most=5))
    assert (told["c1gap"], told["c0gap"]) == ("96 more", "36 more")


def test_without_a_row_there_are_as_many_inputs_as_the_first_layer_takes():
    first = Neuron(3, seed=0), Layer(3, 1, seed=0), MLP(3, [2, 1], seed=0)
    for model in (*first, Sequential(first[1], Layer(1, 2, seed=0))):
        inputs = {key for key in circles(network(model)) if key.startswith("c0")}
        assert inputs == {"c0i0", "c0i1", "c0i2"}


def test_single_layers_neurons_and_sequences():
    assert "c1i0" in texts(network(Neuron(3, seed=0), [1, 2, 3], 1.0))
    assert "c1i1" in texts(network(Layer(3, 2, seed=0), [1, 2, 3], [1.0, 0.0]))
    steps = Sequential(Layer(2, 3, None, seed=0), "tanh", Layer(3, 1, None, seed=1))
    nodes = texts(network(steps, [1.0, 2.0], 1.0))
    assert nodes["h1"] == ["layer 1", "tanh"]
    assert nodes["h2"] == ["layer 2", "linear"]
    rows = network(RNN(1, 2, seed=0), [[1.0], [2.0]])  # no target, rows of outputs
    assert "c1i3" in texts(rows)


def test_the_default_loss_follows_the_output():
    model, x, y = worked_example()
    assert texts(network(model, x, y))["h3"] == ["loss", "binary cross entropy"]
    assert texts(network(model, x, y, loss="mse"))["h3"][1] == "mse"
    chosen = network(model, x, y, loss=binary_cross_entropy)
    assert texts(chosen)["h3"][1] == "binary cross entropy"
    assert texts(network(MLP(2, [1], seed=0), x, y))["h2"][1] == "mse"


def test_nothing_overlaps():
    """Circles, and the numbers on arrows, each have their own place."""
    for sizes in ([3, 1], [2, 2, 1], [4, 4, 2], [5, 3]):
        model = MLP(2, sizes, "tanh", seed=0)
        target = [0.0] * sizes[-1] if sizes[-1] > 1 else 0.0
        picture = network(model, [1.0, 2.0], target)
        boxes = []
        for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g"):
            key = group.get("id") or ""
            if group.get("class") != "node" or key.startswith("h"):
                continue
            ellipse, patch = (
                group.find(f".//{SVG}ellipse"),
                group.find(f".//{SVG}polygon"),
            )
            if ellipse is not None:
                x, y, r = (float(ellipse.get(name)) for name in ("cx", "cy", "rx"))
                boxes.append((x - r, y - r, x + r, y + r))
            elif key.endswith("-number"):
                points = [p.split(",") for p in patch.get("points").split()]
                xs, ys = ([float(p[k]) for p in points] for k in (0, 1))
                boxes.append((min(xs), min(ys) + 2, max(xs), max(ys) - 2))
        for k, (a, b, c, d) in enumerate(boxes):
            for e, f, g, h in boxes[:k]:
                assert c <= e or g <= a or d <= f or h <= b


@pytest.mark.parametrize(
    "label", ["<b>&", "\"'", "\\N", "$%", "{a|b}", "שלום", "😀", "\n"]
)
def test_any_label_is_text(label):
    x = [Value(1.0, label=label), Value(2.0)]
    said = texts(network(MLP(2, [2, 1], seed=0), x, 1.0))
    # Beside the circles where one of the names is long.
    one, other = (said.get(f"c0i{k}-name", []) + said[f"c0i{k}"] for k in (0, 1))
    assert one == [label.replace("\n", "↵"), "1"]
    assert other == ["x2", "2"]
    assert ("c0i0-name" in said) == ("c0i1-name" in said) == (len(label) > 4)


@pytest.mark.parametrize("number", [-0.00594, 1.23e-5, -0.59, 2.0])
def test_an_inputs_name_and_number_are_inside_where_there_is_room(number):
    said = texts(network(MLP(2, [2, 1], seed=0), [1.0, number], 1.0))
    long = len(str(number)) > 6
    assert ("c0i0-name" in said) == ("c0i1-name" in said) == long
    assert said["c0i1"] == [*["x2"][long:], short(number, 3)]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {"show": "bias"}, "show is weight or gradient; got 'bias'"),
        ((), {"digits": 18}, "digits is a whole number from 1 to 17; got 18"),
        ((), {"most": 2}, "most is a whole number from 3; got 2"),
        ((), {"show": "gradient"}, "gradients follow from a loss"),
        ((None, 1.0), {}, "a target y needs the row x"),
        (([1.0, 2.0],), {"target": 3}, r"there is no y: write network\(model, x, 3\)"),
        (([1.0, 2.0], 1.0), {"loss": "unknown"}, "unknown loss 'unknown'"),
        (([1.0],), {}, "takes 2 inputs, got 1"),
    ],
)
def test_what_network_cannot_draw_is_told(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        network(MLP(2, [1], seed=0), *arguments, **options)


def test_what_is_no_network():
    with pytest.raises(TypeError, match=r"networks of layers, such as nn\.MLP"):
        network(len)


def test_a_target_in_a_list_is_shown_as_the_number_is():
    model = MLP(2, [3, 1], seed=0)
    assert network(model, [1.0, 2.0], [1.0]).svg == network(model, [1.0, 2.0], 1.0).svg


def test_a_target_that_is_no_number_is_left_out():
    model = MLP(2, [3, 1], seed=0)
    picture = network(model, [1.0, 2.0], "cat", loss=lambda out, y: out * len(y))
    assert "target" not in all_text(picture)


# ---- sizes and places ----------------------------------------------------------------


def circles(picture):
    """The thickness of each circle's line."""
    found = {}
    for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g"):
        for ellipse in group.iter(f"{SVG}ellipse"):
            if group.get("class") == "node":
                found[group.get("id")] = float(ellipse.get("stroke-width"))
    return found


def test_a_circle_is_the_thicker_the_larger_its_delta_is():
    model = MLP(2, [4, 3, 1], "tanh", seed=0)
    thick = circles(network(model, [1.0, -2.0], 0.5))
    found = texts(network(model, [1.0, -2.0], 0.5))
    deltas = {
        key: abs(float(paired(found[key])["δ"])) for key in thick if key[:2] != "c0"
    }
    assert sorted(deltas, key=deltas.get) == sorted(deltas, key=thick.get)
    assert len(set(thick.values())) > 5
    assert len(set(circles(network(model, [1.0, -2.0])).values())) == 1


def test_both_ends_of_many_inputs_are_drawn():
    drawn = circles(network(MLP(30, [1], seed=0), [0.5] * 30, most=6))
    shown = {int(key[3:]) for key in drawn if key.startswith("c0i")}
    assert {0, 29} < shown
    assert len(shown) == 5  # and a gap


class Crossed(Residual):
    """Its arrows around the inner layers go up and down."""

    def __call__(self, x):
        return [a + b for a, b in zip(reversed(x), self.inner(x), strict=True)]


@pytest.mark.parametrize("around", [Residual, Crossed])
@pytest.mark.parametrize("hidden", [[6], [6, 3], [4, 8, 5]])
def test_an_arrow_around_layers_stays_near_the_straight_line(hidden, around):
    sizes = [4, *hidden, 4]
    inner = [Layer(a, b, "tanh", seed=a) for a, b in pairwise(sizes)]
    first = Layer(2, 4, "tanh", seed=0)
    model = Sequential(first, around(Sequential(*inner)), Layer(4, 1, seed=3))
    source = network(model, [1.0, -2.0], [0.5]).source
    places = dict(
        re.findall(
            r'(?m)^\s*"?(c\d+i\d+(?:-c\d+i\d+-\d+)?)"? \[.*?pos="([-\d.,]+)!"', source
        )
    )
    spots = {key: complex(*map(float, p.split(","))) for key, p in places.items()}
    spacing = abs(spots["c0i0"] - spots["c0i1"])
    passed = [key for key in spots if key.count("-") == 2]
    assert len(passed) == 4 * len(inner)
    for key in passed:
        tail, head, column = key.split("-")
        start, end = spots[tail], spots[head]
        share = (spots[key].real - start.real) / (end.real - start.real)
        straight = start + share * (end - start)
        assert abs(spots[key] - straight) < 0.7 * spacing
        assert spots[key].real == spots[f"c{column}i0"].real


# ---- folded --------------------------------------------------------------------------


def rows(count, width):
    return [[math.sin(3 * t + i * i) for i in range(width)] for t in range(count)]


class Twice(Module):
    def __init__(self):
        self.first, self.norm = Layer(3, 3, "tanh", seed=0), RMSNorm(3)

    def __call__(self, x):
        twice = [a + a for a in x]
        return [a + b for a, b in zip(twice, self.norm(self.first(x)), strict=True)]


FOLDED = {
    "block": (Block(4, heads=2, seed=0), rows(3, 4), rows(3, 4), None),
    "one head": (Block(2, seed=1), rows(2, 2), rows(2, 2), None),
    "gpt": (GPT(5, 4, 2, 1, 4, seed=0), [0, 3, 1], [3, 1, 0], "cross_entropy"),
    "tied": (GPT(5, 4, 1, 3, 4, seed=0, tied=True), [0, 3], [3, 0], "cross_entropy"),
    "gru": (Sequential(GRU(2, 3, seed=0), PerPosition(Layer(3, 2, None, seed=1))),
            rows(3, 2), rows(3, 2), None),
    "deep": (MLP(2, [3] * 12 + [1], "tanh", seed=0), [1.0, -1.0], 0.5, None),
    "own": (Twice(), [0.3, -0.2, 1.0], [0.0, 1.0, 0.0], None),
    "image": (Sequential(Reshape(1, 3, 3), Conv2d(1, 2, 2, seed=0), "relu", Flatten(),
                         Layer(8, 2, None, seed=1)), rows(1, 9)[0], [0.0, 1.0], None),
}  # fmt: skip


@pytest.mark.parametrize(("model", "x", "y", "loss"), FOLDED.values(), ids=FOLDED)
def test_a_folded_pass_has_every_node_in_one_part(model, x, y, loss):
    told = record_pass(model, x, y, loss)
    parts = parts_of(told)
    assert len(parts) <= 16
    inside = [node for part in parts for node in part.nodes if node.op]
    computed = [node for node in topological_order(told.loss) if node.op]
    assert len(set(inside)) == len(inside)
    assert set(inside) == set(computed)
    for place, part in enumerate(parts):
        assert all(parts.index(source) < place for source in part.sources)
    picture = network(model, x, y, loss=loss, detail="part")
    arrows = sum(len(part.sources) for part in parts)
    assert len(re.findall(r'class="edge"', picture.svg)) == arrows
    boxes = texts(picture)
    assert len(boxes) == len(parts)
    assert boxes[f"p{len(parts) - 1}"][-1] == short(told.loss.data, 3)
    forward = network(model, x, detail="part")
    assert len(texts(forward)) == len(parts) - 1
    assert "‖∂" not in forward.svg


def test_each_part_is_told_by_its_formula_as_agreed(golden):
    told = []
    for name, (model, x, y, loss) in FOLDED.items():
        picture = network(model, x, y, loss=loss, detail="part")
        boxes = [[t for t in box if "‖" not in t] for box in texts(picture).values()]
        boxes = [" ".join(" ".join(box).split()) for box in boxes]
        told += [f"{name}:", *boxes]
        several = any(re.search(r"\d of \d", box) for box in boxes)
        assert ("a matrix for each call" in picture.svg) is several
    golden("folded.text", "\n".join(told) + "\n")


@pytest.mark.parametrize(
    ("model", "x", "form"),
    [
        (RNN(2, 3, seed=0), rows(2, 2), "tanh(x W + b + h' U + c), h' the row before"),
        (GRU(2, 3, seed=0), rows(2, 2), "(1 - z) ⊙ n + z ⊙ h', n = tanh("),
        (LSTM(2, 3, seed=0), rows(2, 2), "o ⊙ tanh(s), s = f ⊙ s' + i ⊙ g, g = tanh("),
        (Conv1d(1, 2, 3, seed=0), rows(1, 4), "W · part + b, for each part of x"),
        (LayerNorm(3), rows(1, 3)[0], "g ⊙ n + b, n = (x - mean) / deviation"),
    ],
)  # fmt: skip
def test_what_is_no_layer_of_neurons_says_its_matrix_form_in_every_detail(
    model, x, form
):
    for detail, name in (("neuron", "ŷ"), ("part", "h1")):
        svg = network(model, x, detail=detail).svg
        said = html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)))
        said = re.sub(r"[\sT]", "", said)  # a raised T of its own
        assert re.sub(r"\s", "", f"{name} = {form}") in said


def test_a_part_may_take_a_number_or_nothing():
    class Bend(Module):
        def __call__(self, x=None):
            return sigmoid(1.0 if x is None else x) * 2.0

    class Bends(Module):
        def __init__(self):
            self.bend = Bend()

        def __call__(self, x):
            return [self.bend(x[0]), self.bend(x[1]), self.bend() + x[0]]

    boxes = texts(network(Bends(), [0.5, 0.25], detail="part")).values()
    assert [box[1:3] for box in boxes] == [
        ["input, 2 numbers", "‖x‖ 0.559"],
        [" = Bend(x)", "Bend, 2 × 1"],
        [" = Bends(x)", "in Bends, 1 number"],
    ]


@pytest.mark.parametrize("more", [0, 1])
def test_of_the_numbers_of_a_part_some_are_told(more):
    layer = Layer(1, 48 + more, seed=0)
    told = network(layer, [1.0], [0.0] * (48 + more), detail="part").titles["p1"]
    assert told.count(", ") == 47
    assert told.endswith(" …") is bool(more)


def test_what_is_too_wide_for_a_slide_is_folded():
    model, x, y, _ = FOLDED["one head"]
    assert network(model, x, y).source == network(model, x, y, detail="part").source
    assert "softmax(s)" in network(model, x, y).svg
    assert "softmax(s)" not in network(model, x, y, detail="neuron").svg
    with pytest.raises(ValueError, match="detail is neuron or part, or None; got 'op'"):
        network(model, x, y, detail="op")


def test_scores_are_divided_by_the_root_of_a_heads_width():
    model = Block(6, heads=2, seed=0)
    assert " / √3" in [
        text for box in texts(network(model, rows(2, 6))).values() for text in box
    ]


def test_a_sum_is_told_where_it_is_one_of_two_parts():
    svg = network(*FOLDED["own"][:3], detail="part").svg
    assert "Twice(x, h2)" in svg
    assert "x + h2" not in svg


def normed(back, n, deviation, mean=True):
    """What comes back through a norm."""
    middle = back.mean(axis=1, keepdims=True) if mean else 0.0
    return (back - middle - n * (n * back).mean(axis=1, keepdims=True)) / deviation


def of_norm(x, g, d, mean=True):
    away = x - x.mean(axis=1, keepdims=True) if mean else x
    deviation = np.sqrt((away**2).mean(axis=1, keepdims=True) + 1e-5)
    return normed(g * d, away / deviation, deviation, mean)


# For each line back: what flows to {0}, or {1}, of these, y the result, d its slopes
# and w the weights.
BACK = {
    "∂{0} = ∂{y} Q": lambda d, w: d @ w[:4],
    "∂{0} = ∂{y} K": lambda d, w: d @ w[4:8],
    "∂{0} = ∂{y} V": lambda d, w: d @ w[8:],
    "∂{0} = ∂{y} {1} / √{size}": lambda d, q, k: d @ k / 2,
    "∂{1} = ∂{y}ᵀ {0} / √{size}": lambda d, q, k: d.T @ q / 2,
    "∂{0} = {y} ⊙ (∂{y} - sum of each row of {y} ⊙ ∂{y})": lambda d, s, y: (
        y * (d - (y * d).sum(axis=1, keepdims=True))
    ),
    "∂{1} = ∂{y} {0}ᵀ": lambda d, v, p: np.tril(d @ v.T),
    "∂{0} = {1}ᵀ ∂{y}": lambda d, v, p: p.T @ d,
    "∂{0} = (u - mean(u) - n mean(n ⊙ u)) / deviation, u = g ⊙ ∂{y}": of_norm,
    "∂{0} = (u - n mean(n ⊙ u)) / root, u = g ⊙ ∂{y}": partial(of_norm, mean=False),
}


def test_derivatives_come_back_as_the_forms_say():
    class Both(Module):
        def __init__(self):
            self.block, self.root = Block(4, seed=3), RMSNorm(4)
            for i, weight in enumerate([*self.root.weight, *self.block.norm1.weight]):
                weight.data = 0.5 + i / 4

        def __call__(self, x):
            return self.root(self.block(x))

    model = Both()
    told = record_pass(model, rows(3, 4), rows(3, 4)[::-1])
    parts = parts_of(told)
    flows = flows_back(told, parts)
    asked = set()
    for part in parts:
        named = part.call.part
        form = FORMS.get(type(named)) or FORMS.get(getattr(named, "__func__", named))
        if form is None or part.own:
            continue
        made = [square(s.outs, lambda v: v.data) for s in part.sources]
        slopes = square(part.outs, lambda v: told.adjoints[v])
        for line in form.back:
            if named in (model.block.norm1, model.block.norm2, model.root):
                given = made[0], np.array([g.data for g in named.weight]), slopes
            elif "} =" in line and line[-1] in "QKV":
                weights = model.block.self_attn.in_proj_weight
                given = slopes, np.array([[w.data for w in row] for row in weights])
            elif line.startswith("∂{0} = {y} ⊙"):
                given = slopes, made[0], square(part.outs, lambda v: v.data)
            else:
                given = slopes, *made
            flow = np.linalg.norm(BACK[line](*given))
            assert flow == pytest.approx(flows[part.sources[int(line[2])], part])
            asked.add(line)
    assert asked == set(BACK) == {line for form in FORMS.values() for line in form.back}


def square(values, number):
    """The numbers of 3 rows, of a triangle with zeros ahead."""
    numbers = np.array([number(v) for v in values])
    if len(numbers) % 3 == 0 and len(numbers) != 6:
        return numbers.reshape(3, -1)
    found = np.zeros((3, 3))
    found[np.tril_indices(3)] = numbers
    return found
