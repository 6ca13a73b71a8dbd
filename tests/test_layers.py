"""Layers of one's own, in every view and file: see tests/own_layers.py."""

import math
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autograd
from autograd import Value, operation
from autograd.wording import width
from nn import MLP, SGD, Layer, Module, Sequential, fit, load, mse, save
from nn import binary_cross_entropy_with_logits as logits_loss
from nn.calls import watching
from nn.watch import Watch
from viz import draw, flow, network
from viz.layers import record_pass

sys.path.insert(0, str(Path(__file__).parent))
from own_layers import OWN, Doubled, Residual, Scale, hidden, last
from reading import equations, evaluate, is_numeric

X = [1.0, 2.0]


def as_list(output):
    return list(output) if isinstance(output, (list, tuple)) else [output]


def target(model):
    outputs = as_list(model(X))
    return [1.0] * len(outputs) if len(outputs) > 1 else 1.0


# ---- what a call went through --------------------------------------------------------


def test_whoever_watches_is_told_every_call():
    model = OWN["residual"]()
    with watching() as top:
        output = model(X)
    (call,) = top.inner
    assert (call.part, call.output) == (model, output)
    assert [inner.name for inner in call.inner] == ["0", "1", "2"]
    (inner,) = call.inner[1].inner
    assert inner.part is model.steps[1].inner


def test_watching_ends_also_with_an_error():
    model = Sequential(hidden(), Residual(Layer(3, 3)))
    with pytest.raises(ValueError, match="takes 3 inputs"), watching():
        model(X)
    with watching() as top:
        hidden()(X)
    assert len(top.inner) == 1


def test_stages_are_parts_by_name():
    names = {name: [stage for stage, _ in OWN[name]().stages()] for name in OWN}
    assert names["residual"] == ["0", "1", "2"]
    assert names["residual of a network"] == ["inner"]
    assert names["pick"] == ["layer"]
    assert names["alone"] == []
    assert [type(m).__name__ for m in OWN["holder"]().modules()] == [
        *("Sequential", "Holder", "MLP", "Layer", "Layer", "Layer")
    ]


def test_layers_are_numbered_wherever_they_are():
    model = OWN["residuals"]()
    labels = [p.label for p in model.parameters() if p.label.startswith("b")]
    assert labels == ["b1[1]", "b1[2]", "b2[1]", "b2[2]", "b3[1]", "b3[2]", "b4[1]"]
    shared = [p.label for p in OWN["shared"]().parameters()]
    assert shared[-1] == "b2[1]"


def test_a_layer_of_ones_own_in_an_mlp_is_called():
    model = MLP(2, [2, 1], seed=0)
    model.layers[0] = Doubled(2, 2, "tanh", seed=0)
    weights = model.layers[1]
    assert model(X).data == weights(Doubled(2, 2, "tanh", seed=0)(X)).data


# ---- flow ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
def test_every_gradient_of_the_flow_is_backwards(name):
    model = OWN[name]()
    y = target(model)
    loss = mse(model(X), y)
    loss.backward()
    text = flow(model, X, y, width=100_000, digits=17)
    told = {}
    for left, rights in equations(text[text.index("Backward") :]):
        if left.startswith("∂L/∂"):
            told.setdefault(left.removeprefix("∂L/∂"), rights[-1])
    found = [
        float(x)
        for x in re.findall(
            r"-?[\d.]+(?:e-?\d+)?",
            " ".join(
                right for left, right in told.items() if not re.match(r"[sŷa]", left)
            ),
        )
    ]
    wanted = [p.grad for p in model.parameters()]
    assert sorted(found) == pytest.approx(sorted(wanted))


@pytest.mark.parametrize("name", OWN)
def test_every_sum_of_the_flow_is_true(name):
    model = OWN[name]()
    text = flow(model, X, target(model), 0.5, width=100_000, digits=17)
    checked = 0
    for _, rights in equations(text):
        values = [evaluate(right) for right in rights if is_numeric(right)]
        for value in values[1:]:
            assert value == pytest.approx(values[0], rel=1e-9, abs=1e-12)
            checked += 1
    assert checked


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("style", ["text", "boxes"])
@pytest.mark.parametrize("ascii", [True, False])
def test_the_flow_fits(name, style, ascii):
    model = OWN[name]()
    text = flow(model, X, target(model), style=style, ascii=ascii, width=78)
    assert max(map(width, text.splitlines())) <= 78
    assert text.isascii() == ascii


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("residual", ["Residual: a1, a2 → s", "s[1] = a1[1] + a2[1] = "]),
        ("residuals", ["Residual: s1, a3 → s2", "s2[2] = s1[2] + a3[2] = "]),
        ("residual first", ["Residual: x, a1 → s", "s[1] = x[1] + a1[1] = 1 + "]),
        ("scale", ["Scale: a1 → s, 2 parameters", "s[2] = g[2]·a1[2] = 1.25·"]),
        ("square", ["Square: a1 → s", "s[1] = a1[1]^2 = "]),
        ("features", ["Features: x → s", "s = x[1]·x[2] = 1·2 = 2"]),
        ("subclass", ["Layer 1: 2 → 2, tanh", "a1[1] = 2·tanh(z1[1]) = "]),
        ("numbers", ["Whole: s, 1 parameter", "s[2] = w·2 = "]),
        ("pick", ["Pick: a → ŷ", "ŷ = a[2] = "]),
        ("shared", ["Layer 2: 2 → 2, tanh, the weights of layer 1"]),
        ("shared", ["∂L/∂W1[1,·] = δ1[1]·x + δ2[1]·a1 = [", "∂L/∂b1 = δ1 + δ2 = ["]),
        ("alone", ["Scale: x → ŷ, 2 parameters", "ŷ[2] = g[2]·x[2] = 1.25·2 = 2.5"]),
    ],
)
def test_what_is_no_layer_is_told_by_its_name(name, lines):
    model = OWN[name]()
    text = flow(model, X, target(model))
    for line in lines:
        assert line in text


def test_a_function_between_layers():
    model = Sequential(hidden(None), lambda r: [r[0] * r[1], r[0] - r[1]], last())
    text = flow(model, X, 1.0)
    assert "function: a1 → s" in text
    assert "s[2] = a1[1] - a1[2] = " in text
    assert "δ1[1] = ∂L/∂a1[1] = " in text


def test_a_frozen_part_does_not_move():
    model = OWN["scale"]()
    model.freeze("1")
    update = flow(model, X, 1.0).split("Update")[1]
    assert "g[1] = 1, frozen" in update
    assert "W2 = [" in update


def test_names_of_ones_own_are_text():
    def call(self, x):
        return [a + self.p for a in x]

    def init(self):
        self.p = Value(1.0, label="<b>\n")

    odd = type("<i>\n", (Module,), {"__init__": init, "__call__": call})
    for style in ("text", "boxes"):
        text = flow(Sequential(odd(), last()), X, 1.0, style=style)
        assert "function: x → s" in text
        assert max(map(width, text.splitlines())) <= 80
    ElementTree.fromstring(network(Sequential(odd(), last()), X, 1.0).svg)


# ---- network -------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
def test_a_network_has_a_column_for_each_stage(name):
    model = OWN[name]()
    y = target(model)
    told = record_pass(model, X, y)
    picture = network(model, X, y, digits=17, most=100, detail="neuron")
    titles = picture.titles
    for k, stage in enumerate(told.stages, 1):
        for i, (z, out) in enumerate(zip(stage.zs, stage.outs, strict=True)):
            shown = titles[f"c{k}i{i}"]
            assert f"a = {out.data!r}" in shown
            assert f"δ = {told.adjoints.get(z, 0.0)!r}" in shown
    ElementTree.fromstring(picture.svg)


def arrows(picture):
    """Which circles lead to which, also around others."""
    found = set()
    for key in picture.titles:
        if match := re.fullmatch(r"(c\d+i\d+)-(c\d+i\d+)", key):
            found.add(match.groups())
    return found


def test_arrows_lead_from_all_that_a_value_is_made_of():
    picture = network(OWN["residual"](), X, 1.0)
    assert {a for a, b in arrows(picture) if b == "c3i0"} == {"c1i0", "c2i0", "c4i0"}
    scale = network(OWN["scale"](), X, 1.0)
    assert {a for a, b in arrows(scale) if b == "c2i1"} == {"c1i1", "c3i0"}
    assert "g[2] = 1.25" in scale.titles["h2"]


def test_without_a_row_the_first_layer_says_how_many_inputs():
    assert "c0i1" in network(OWN["residual first"]()).titles
    with pytest.raises(TypeError, match="pass a row x"):
        network(Scale(2))


# ---- training, watching --------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n in OWN if n not in ("residual of a network", "alone")]
)
def test_watch_measures_each_part(name):
    model, watch = OWN[name](), Watch()
    fit(model, [X, [0.5, -1.0]], [0.3, 0.7], epochs=2, callbacks=[watch])
    assert all(len(column) == 2 for column in watch.activations.values())
    if name == "residual":
        assert list(watch.activations) == ["0", "1.inner", "1", "2"]
    if name == "holder":
        assert list(watch.activations) == ["0.mlp.layers.0", "0.mlp.layers.1", "1"]


def test_a_sigmoid_of_ones_own_means_a_probability():
    class Sigmoid(Module):
        def __call__(self, x):
            return x.sigmoid()

    model = Sequential(hidden(), last(), Sigmoid())
    history = fit(model, [X, [0.5, -1.0]], ["no", "yes"], epochs=1)
    assert history.loss_name == "binary_cross_entropy"
    assert history.labels.threshold == 0.5


# ---- files ---------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("name", OWN)
def test_saved_and_loaded(name, frozen, tmp_path):
    model, path = OWN[name](), tmp_path / "m.json"
    for i, parameter in enumerate(model.parameters()):
        parameter.data = math.sin(i)
    first = next(iter(model.state_dict()))
    if frozen:
        model.freeze(first)
    save(model, path)
    twin = OWN[name]()
    twin.freeze()
    assert load(path, into=twin) is twin
    assert twin.state_dict() == model.state_dict()
    assert [p.label for p in twin.parameters()] == [p.label for p in model.parameters()]
    assert [v.data for v in as_list(twin(X))] == [v.data for v in as_list(model(X))]
    save(twin, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_class_of_ones_own_inside_needs_a_model(tmp_path):
    save(OWN["residual"](), tmp_path / "m.json")
    with pytest.raises(
        ValueError, match=r"a class 'Residual' .*load\(path, into=model"
    ):
        load(tmp_path / "m.json")


def test_what_is_inside_a_class_of_ones_own_is_compared(tmp_path):
    save(OWN["residual"](), tmp_path / "m.json")
    other = Sequential(hidden(), Residual(hidden("relu")), last())
    before = other.state_dict()
    with pytest.raises(ValueError, match="built in another way"):
        load(tmp_path / "m.json", into=other)
    assert other.state_dict() == before


def test_a_function_inside_a_class_of_ones_own_needs_no_name(tmp_path):
    def make():
        return Sequential(Residual(hidden(lambda z: z * z)), last())

    save(make(), tmp_path / "m.json")
    assert load(tmp_path / "m.json", into=make())(X).data == make()(X).data


def test_a_training_of_ones_own_layers_goes_on(tmp_path):
    table, y, path = [X, [0.5, -1.0], [0.1, 0.2]], [0.3, 0.7, 0.1], tmp_path / "m.json"
    whole = OWN["residual"]()
    steady = {"optimizer": SGD(lr=0.1), "seed": 1}
    unbroken = fit(whole, table, y, epochs=4, **steady)
    fit(OWN["residual"](), table, y, epochs=2, checkpoint=path, **steady)
    resumed = OWN["residual"]()
    history = fit(resumed, table, y, epochs=4, resume=path, **steady)
    assert history["loss"] == unbroken["loss"]
    assert resumed.state_dict() == whole.state_dict()


# ---- shared weights ------------------------------------------------------------------


def tied():
    """One neuron's weights, one single weight, and a bias, each in two places."""
    model = Sequential(hidden(), hidden(seed=1), last())
    one, two = model.steps[0].neurons, model.steps[1].neurons
    two[0].w = one[1].w
    two[1].w[0] = one[0].w[1]
    two[1].b = one[0].b
    return model


SHARED = {
    "a layer": OWN["shared"],
    "a layer in an mlp": lambda: _same_layer(MLP(2, [2, 2, 1], seed=0)),
    "parts of neurons": tied,
    "a whole network": lambda: (lambda m: Sequential(m, m))(MLP(2, [2, 2], seed=0)),
}


def _same_layer(model):
    model.layers[1] = model.layers[0]
    return model


@pytest.mark.parametrize("make", SHARED.values(), ids=SHARED)
def test_shared_weights_are_shared_after_loading(make, tmp_path):
    model, path = make(), tmp_path / "m.json"
    save(model, path)
    twin = load(path)
    assert len(twin.parameters()) == len(model.parameters())
    save(twin, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    for one in (model, twin):
        y = target(one)
        fit(one, [X], [y], epochs=3, loss="mse", seed=0)
    assert twin.state_dict() == model.state_dict()


def test_a_model_that_shares_otherwise_is_refused(tmp_path):
    save(OWN["shared"](), tmp_path / "m.json")
    apart = Sequential(hidden(), hidden(), last())
    with pytest.raises(ValueError, match=r"1\.weight and 0\.weight are the same"):
        load(tmp_path / "m.json", into=apart)
    save(Sequential(hidden(), hidden(seed=5), last()), tmp_path / "m.json")
    together = OWN["shared"]()
    before = together.state_dict()
    with pytest.raises(ValueError, match="are the same parameter here"):
        load(tmp_path / "m.json", into=together)
    assert together.state_dict() == before


@pytest.mark.parametrize(
    "shared",
    [
        [],
        {"1.weight": "9.weight"},
        {"1.weight": "0.bias"},
        {"1.weight": 3},
        {"nobody": "0.weight"},
    ],
)
def test_a_file_that_shares_what_it_has_not(shared, tmp_path):
    import json

    path = tmp_path / "m.json"
    save(OWN["shared"](), path)
    content = json.loads(path.read_text())
    content["shared"] = shared
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is not a chainrule model"):
        load(path)


# ---- folded --------------------------------------------------------------------------


def folded(model, detail):
    """The titles of the boxes, and the rows of each."""
    total = mse(model(X), target(model))
    total.backward()
    picture = draw(total, detail=detail)
    return {key: all_text(picture, key) for key in picture.titles if "-" not in key}


def all_text(picture, key):
    for group in ElementTree.fromstring(picture.svg).iter(
        "{http://www.w3.org/2000/svg}g"
    ):
        if group.get("id") == key:
            return [t.text for t in group.iter("{http://www.w3.org/2000/svg}text")]
    raise AssertionError(f"no {key}")


def test_a_layer_inside_a_residual_folds_like_any_other():
    boxes = folded(OWN["residuals"](), "layer")
    keys = {"L1N0", "L2N0", "L3N0", "L4N0", "after2", "after3", "input", "loss"}
    assert set(boxes) == keys
    assert boxes["after2"][0] == "after layer 2"
    assert boxes["L3N0"][boxes["L3N0"].index("parameters") + 1] == "6"


def test_parameters_of_ones_own_fold_after_the_layer_before():
    boxes = folded(OWN["scale"](), "neuron")
    assert boxes["after1"][:3] == ["after layer 1", "parameters", "2"]
    assert "‖gradient‖" in boxes["after1"]


@operation
def bent(x):
    return x / (1 + x * x)


@pytest.mark.parametrize("activation", [autograd.atan, autograd.exp, bent, "elu"])
def test_any_activation_is_part_of_its_neuron(activation):
    model = MLP(2, [3, 2], activation=activation, output_activation=activation, seed=0)
    for detail, keys in (("layer", 4), ("neuron", 7)):
        boxes = folded(model, detail)
        assert len(boxes) == keys
        assert not any(key.startswith("after") for key in boxes)


@pytest.mark.parametrize("y", [0, 1, [0, 1, 1], [0, 0, 0]])
def test_a_loss_is_no_activation(y):
    rows = [X, [0.5, -1.0], [2.0, 0.0]] if isinstance(y, list) else [X]
    model = MLP(2, [3, 1], "tanh", seed=0)
    total = logits_loss([model(row) for row in rows], y)
    picture = draw(total, detail="layer")
    assert "neg" not in all_text(picture, "L2N0")
