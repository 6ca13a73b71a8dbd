"""The flow of a training step as text: its numbers, its widths, its models."""

from __future__ import annotations

import functools
import math
import random
import re
import sys
from pathlib import Path

import pytest

from autograd import Value
from autograd.expression import width
from nn import MLP, Layer, Neuron, SelfAttention, Sequential, hinge, huber, mae, mse
from nn.losses import LOSSES, cross_entropy
from nn.module import ACTIVATIONS
from viz import flow
from viz.digits import short
from viz.layers import worked_example

sys.path.insert(0, str(Path(__file__).parent))
from reading import equations, evaluate, is_numeric, missing, unboxed


def two_moons(nouts=(4, 1), seed=0, **options):
    return MLP(2, list(nouts), seed=seed, **options)


# ---- the worked example, whole -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("flow.text", {}),
        ("flow.boxes", {"style": "boxes"}),
        ("flow.wide", {"style": "boxes", "width": 120, "digits": 6}),
        ("flow.ascii", {"ascii": True}),
        ("flow.ascii_boxes", {"style": "boxes", "ascii": True}),
    ],
)
def test_the_worked_example_is_printed_as_agreed(name, options, golden):
    model, x, y = worked_example()
    made = flow(model, x, y, **options)
    golden(name, made + "\n")


# ---- the numbers, read back ----------------------------------------------------------


def network(seed):
    """A random network, a row, a target and a loss that suit one another."""
    rng = random.Random(seed)
    sizes = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
    loss = rng.choice(sorted(LOSSES))
    ends = {"binary_cross_entropy": "sigmoid"}
    model = MLP(
        rng.randint(1, 5),
        [*sizes, rng.randint(2, 4)],
        activation=rng.choice([*sorted(ACTIVATIONS), "linear"]),
        output_activation=ends.get(loss, rng.choice([None, "tanh", "softplus"])),
        seed=seed,
    )
    for layer in model.layers:
        for neuron in layer.neurons:
            neuron.b.data = rng.uniform(-1, 1)
    nin, nout = model.layers[0].nin, model.layers[-1].nout
    x = [rng.uniform(-2, 2) for _ in range(nin)]
    targets = {
        "cross_entropy": rng.randrange(nout),
        "hinge": [rng.choice([-1, 1]) for _ in range(nout)],
        "mse": [rng.uniform(-1, 1) for _ in range(nout)],
    }
    return model, x, targets.get(loss, [rng.random() for _ in range(nout)]), loss


def rows(text, *titles):
    """The equations below titles that start with these words, by their left sides."""
    kept, part = False, []
    for line in text.splitlines():
        if not line.startswith(" "):
            kept = line.startswith(titles)
        elif kept:
            part.append(line)
    return dict(equations("\n".join(part)))


def numbers(text):
    return [float(x) for x in text.strip("[]").split(", ")]


def read_back(seed):
    """Compare every number of both styles with those of a pass of our own."""
    model, x, y, loss = network(seed)
    total = LOSSES[loss](model(x), y)
    total.backward()
    text = flow(model, x, y, 0.5, loss, width=100_000, digits=17)
    compare(text, model, total, 17)
    boxes = flow(model, x, y, 0.5, loss, style="boxes", width=900, digits=9)
    compare(unboxed(boxes), model, total, 9)
    check_sums(text)


def compare(text, model, total, digits):
    def printed(values):
        return [float(short(value, digits)) for value in values]

    told, updated = rows(text, "Backward"), rows(text, "Update")
    given = rows(text, "Layer")
    for k, layer in enumerate(model.layers, 1):
        many = layer.nout > 1
        biases = [neuron.b for neuron in layer.neurons]
        slopes = printed(b.grad for b in biases)
        assert numbers(told[f"∂L/∂b{k}"][-1]) == slopes
        assert numbers(given[f"b{k}"][-1]) == printed(b.data for b in biases)
        for i, neuron in enumerate(layer.neurons, 1):
            name = f"W{k}[{i},·]" if many else f"W{k}"
            delta = f"δ{k}[{i}]" if many else f"δ{k}"
            assert float(told[delta][-1]) == slopes[i - 1]
            slope = told[f"∂L/∂{name}"][-1]
            assert numbers(slope) == printed(w.grad for w in neuron.w)
            assert numbers(given[name][-1]) == printed(w.data for w in neuron.w)
            after = printed(w.data - 0.5 * w.grad for w in neuron.w)
            assert numbers(updated[name][-1]) == after
    assert printed([total.data]) == [float(rows(text, "Loss")["L"][-1])]


def check_sums(text):
    """Every written-out sum and product gives the number beside it."""
    checked = 0
    for left, rights in equations(text):
        last = rights[-1].split(",")[0]
        if "[" in rights[-1] or not is_numeric(last):
            continue
        value = float(last)
        for right in rights[:-1]:
            if is_numeric(right) and not re.match(r"L =|L$", left):
                size = max(abs(float(n)) for n in re.findall(r"\d+\.?\d*", right))
                got = evaluate(right)
                assert abs(got - value) <= 1e-12 * max(abs(value), size), (left, right)
                checked += 1
    assert checked > 5


@pytest.mark.parametrize("seed", range(30))
def test_every_number_is_backwards(seed):
    read_back(seed)


@pytest.mark.slow
def test_every_number_of_a_thousand_networks_is_backwards():
    for seed in range(1000):
        read_back(seed)


SHAPES = ([1], [3], [2, 1], [3, 2], [2, 3, 4], [1, 1, 1, 2])
KINDS = [*ACTIVATIONS, "linear", lambda z: (z * z).tanh() + z]


@pytest.mark.parametrize("kind", KINDS, ids=[*ACTIVATIONS, "linear", "own"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_right_side_is_computed_there_or_before(loss, kind):
    """Each line is read back: what it says has to follow from what was printed."""
    rng = random.Random(f"{loss} {kind if isinstance(kind, str) else 'own'}")
    for shape in SHAPES:
        count = shape[-1]
        last = rng.choice([None, "tanh", "softplus"])
        if loss == "binary_cross_entropy":
            last = "sigmoid"
        elif loss == "cross_entropy":
            shape, count = [*shape[:-1], count + 1], count + 1
        model = MLP(2, shape, kind, last, seed=len(shape))
        for neuron in (n for layer in model.layers for n in layer.neurons):
            neuron.b.data = rng.uniform(-1, 1)
        targets = [rng.choice((0, 1, rng.random())) for _ in range(count)]
        if loss == "hinge":
            targets = [rng.choice((-1, 1)) for _ in targets]
        elif loss == "cross_entropy":
            shares = [rng.random() + 0.1 for _ in targets]
            shares = [x / sum(shares) for x in shares]
            targets = rng.choice((shares, rng.randrange(count)))
        text = flow(model, [0.5, -1.3], targets, 0.5, loss, width=100_000, digits=17)
        assert not missing(text), text


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, t: (p - t) ** 4,
        lambda p, t: 3 * mse(p, t) + 0.5 * mae(p, t) + 0.1 * p,
        lambda p, t: (p - t).gelu() * (-p).exp() + 0.1 * (p * p).sin(),
        functools.partial(huber, delta=0.125),
        lambda p, t: huber(p, t, delta=0.01),
    ],
    ids=["power", "mixed", "long", "partial", "inside"],
)
def test_a_loss_of_ones_own_is_read_back(loss):
    text = flow(two_moons(), [1, 2], 0.25, loss=loss, width=100_000, digits=17)
    assert not missing(text), text
    assert "∂L/∂ŷ = " in text


def smooth(p, t):
    return 0.9 * cross_entropy(p, t) + 0.1 * cross_entropy(p, [1 / 3] * 3)


MIXED = {
    "smoothed": (smooth, 1, "0.9·(p[1] - 0) + (p[1] - 0.333333) / 10"),
    "penalty": (
        lambda p, t: cross_entropy(p, t) + 0.01 * sum(v * v for v in p) - p[0].tanh(),
        1,
        "p[1] - y[1] - (1 - tanh(ŷ[1])^2) + 0.02·ŷ[1]",
    ),
    "product": (
        lambda p, t: mse(p, t) - 0.3 * p[0] * p[1] + 2.0,
        [1.0, 0.0, 0.5],
        "2·(ŷ[1] - y[1]) / 3 - 0.3·ŷ[2]",
    ),
    "minus": (
        lambda p, t: -mae(p, t) - 4 * p[0],
        [1.0, 0.0, 0.5],
        "-0.333333·sign(ŷ[1] - y[1]) - 4",
    ),
}
"""Losses of three outputs with a target, and the slope by the first as it is told."""


@pytest.mark.parametrize("name", MIXED)
def test_what_is_added_to_a_loss_is_added_to_its_slope(name):
    loss, target, slope = MIXED[name]
    model = MLP(2, [2, 3], "tanh", seed=1)
    assert slope in rows(flow(model, [0.5, -1], target, loss=loss), "Loss")["∂L/∂ŷ[1]"]
    text = flow(model, [0.5, -1], target, loss=loss, width=100_000, digits=17)
    assert not missing(text), text


def decayed(model, *values):
    """A loss with a penalty on some weights of a network."""
    some = values or model.parameters()
    return lambda p, t: mse(p, t) + 0.01 * sum(v * v for v in some)


def test_a_penalty_on_weights_is_told_with_their_gradients():
    model = MLP(2, [2, 2], "tanh", seed=1)
    every = decayed(model)
    some = decayed(model, model.layers[0].neurons[0].w[1])
    bent = decayed(model, *(abs(n.b) + 1.0 for n in model.layers[1].neurons))
    for loss in (every, some, bent, lambda p, t: every(p, t) ** 0.5):
        text = flow(model, [0.5, -1], [1, 0], loss=loss, width=100_000, digits=17)
        assert not missing(text), text
    told = rows(flow(model, [0.5, -1], [1, 0], loss=every, width=200), "Backward")
    assert told["∂L/∂W2[1,·]"][0] == "δ2[1]·a1 + 0.02·W2[1,·]"
    assert told["∂L/∂b1"][0] == "δ1 + 0.02·b1"


def test_a_target_that_a_loss_changes_is_told_by_its_number():
    model = MLP(2, [2], "tanh", seed=1)
    loss = lambda p, t: hinge(p, [2 * y - 1 for y in t]) - 0.1 * p[0]  # noqa: E731
    text = flow(model, [0.5, -1], [1, 0], loss=loss, width=100_000, digits=17)
    assert not missing(text), text
    assert "maximum(0, 1 - (-1·ŷ[2]))" in text


def test_terms_that_the_loss_names_are_all_told():
    model = MLP(2, [2, 5], "tanh", seed=1)
    loss = lambda p, t: 2 * mse(p, t) + 0.5 * mae(p, t)  # noqa: E731
    text = flow(model, [0.5, -1], [1] * 5, loss=loss, width=100_000, digits=17)
    assert not missing(text), text


def test_steps_of_two_losses_of_the_same_outputs_are_told_once():
    text = flow(MLP(2, [2, 3], "tanh", seed=1), [0.5, -1], 1, loss=smooth)
    assert text.partition("Update")[0].count("p[2] = exp(ŷ[2]) / S") == 1


def test_of_two_classes_the_remark_has_no_sum_of_one():
    text = flow(MLP(2, [2, 2], seed=1), [0.5, -1], 1, loss="cross_entropy")
    assert "computed as softplus(ŷ[1] - ŷ[2]), which" in text


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("z", [-1.0, 0.0, 1.0])
def test_a_slope_is_computed_or_has_its_reason(name, z):
    model = MLP(1, [1, 1], name, seed=0)
    text = flow(model, [z], 1.0, 0.1, "mse", width=100_000, digits=17)
    assert not missing(text), text


@pytest.mark.parametrize("z", [-1000.0, -100.5, -40.0, 40.0, 1000.0])
@pytest.mark.parametrize("target", [0, 0.3, 1])
def test_saturated_losses_are_read_back(z, target):
    logit = MLP(1, [1], seed=0)
    logit.layers[0].neurons[0].b.data = z
    sigmoid = MLP(1, [1], output_activation="sigmoid", seed=0)
    sigmoid.layers[0].neurons[0].b.data = z
    rows = MLP(1, [3], seed=0)
    rows.layers[0].neurons[0].b.data = z
    for model, y, loss in (
        (logit, target, "binary_cross_entropy_with_logits"),
        (sigmoid, target, "binary_cross_entropy"),
        (rows, round(target), "cross_entropy"),
    ):
        text = flow(model, [1.0], y, 0.1, loss, width=100_000, digits=17)
        assert not missing(text), text


def test_the_second_pass_has_the_loss_after_a_step():
    model, x, y = worked_example()
    last = flow(model, x, y, digits=17).splitlines()[-1]
    found = float(re.search(r"L = ([\d.]+), down", last)[1])
    assert found == pytest.approx(0.34701006464586587, rel=1e-15)


def test_a_prompt_shows_the_chart_itself():
    text = flow(*worked_example())
    assert repr(text) == str(text)
    assert isinstance(text, str)


# ---- the model is left alone ---------------------------------------------------------


def test_parameters_and_gradients_are_untouched():
    model = two_moons()
    mse(model([1.0, 2.0]), 0.5).backward()
    before = [(p.data, p.grad) for p in model.parameters()]
    flow(model, [1.0, 2.0], 0.5)
    flow(model, [1.0, 2.0], 0.5, style="boxes")
    assert [(p.data, p.grad) for p in model.parameters()] == before


def test_frozen_parameters_stay_in_the_second_pass():
    model = two_moons()
    model.freeze("layers.0")
    told = rows(flow(model, [1.0, 2.0], 0.5, digits=17, width=200), "Update")
    row, frozen = told["W1[1,·]"][-1].rsplit(", ", 1)
    assert frozen == "frozen"
    assert numbers(row) == [w.data for w in model.layers[0].neurons[0].w]
    assert len(told["W2"]) == 2  # the sum, and what it comes to


# ---- which models --------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ACTIVATIONS, "linear"])
def test_each_activation(name):
    model = MLP(2, [3, 1], activation=name, seed=1)
    text = flow(model, [0.5, -1.0], 1.0)
    assert f", {name}\n" in text


def test_neuron_layer_and_sequential():
    assert "Layer: 2 → 1, tanh" in flow(Neuron(2, "tanh", seed=0), [1, 2], 0)
    assert "Layer: 2 → 3, relu" in flow(Layer(2, 3, seed=0), [1, 2], [0, 0, 0])
    steps = Sequential(Layer(2, 3, None), "tanh", Layer(3, 1, None), "sigmoid")
    text = flow(steps, [1, 2], 1)
    assert "Layer 1: 2 → 3, tanh" in text
    assert "binary cross entropy" in text


def test_an_activation_of_ones_own():
    model = MLP(2, [2, 1], activation=lambda z: (z * z).tanh() + z, seed=0)
    text = flow(model, [1.0, 2.0], 1.0, width=200, digits=17)
    check_sums(text)
    assert "activation" in text


def test_a_loss_of_ones_own():
    text = flow(two_moons(), [1, 2], 1, loss=lambda p, t: (p - t) ** 4)
    assert "L = (ŷ - 1)^4" in text


def test_the_default_loss():
    assert "Loss: mse" in flow(two_moons(), [1, 2], 1)
    sigmoid = two_moons(output_activation="sigmoid")
    assert "Loss: binary cross entropy" in flow(sigmoid, [1, 2], 1)


def test_the_collapse_is_told_for_each_output():
    model = two_moons((2, 2), output_activation="sigmoid")
    text = flow(model, [1, 2], [1, 0])
    assert "δ2[1] = 0.5·(ŷ[1] - y[1]) = 0.5·(" in text
    assert "- 0) =" in text


def test_the_collapse_is_told_for_logits():
    text = flow(two_moons(), [1, 2], 0, loss="binary_cross_entropy_with_logits")
    assert "p = sigmoid(ŷ) = " in text
    assert "∂L/∂ŷ = p - y = " in text
    model = two_moons((2, 3))
    for target in (1, [0, 0.5, 0.5]):
        text = flow(model, [1, 2], target, loss="cross_entropy", width=120)
        assert "S = exp(ŷ[1]) + exp(ŷ[2]) + exp(ŷ[3]) = exp(" in text
        assert "p[2] = exp(ŷ[2]) / S = exp(" in text
        assert "∂L/∂ŷ[2] = p[2] - y[2] = " in text
    assert "exp" not in flow(model, [1, 2], [0, 1, 2], loss="mse")


def test_inputs_may_be_values_or_an_array():
    numpy = pytest.importorskip("numpy")
    model = two_moons()
    plain = flow(model, [1.0, 2.0], 0.5)
    assert flow(model, [Value(1.0), Value(2.0)], 0.5) == plain
    assert flow(model, numpy.array([1.0, 2.0]), numpy.array([0.5])) == plain


# ---- width ---------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["text", "boxes"])
@pytest.mark.parametrize("columns", [70, 80, 120, 200])
@pytest.mark.parametrize("sizes", [(2, 1), (30, 20, 3), (1, 1, 1, 1), (100, 10)])
@pytest.mark.parametrize("ascii", [True, False])
def test_no_line_is_wider_than_asked(style, columns, sizes, ascii):
    model = MLP(20, list(sizes), "silu", seed=0)
    x = [math.sin(i) * 1e-5 ** (i % 2) for i in range(20)]
    y = [0.5] * sizes[-1]
    text = flow(model, x, y, style=style, width=columns, ascii=ascii)
    assert max(map(width, text.splitlines())) <= columns
    assert text.isascii() == ascii


@pytest.mark.parametrize(("style", "columns"), [("text", 60), ("boxes", 70)])
def test_a_head_of_attention_fits_and_has_its_softmax_as_it_is_taught(style, columns):
    head, rows = SelfAttention(2, heads=1, seed=0), [[1.0, 0.5], [-0.5, 2.0]]
    text = flow(head, rows, rows, style=style, width=columns)
    assert max(map(width, text.splitlines())) <= columns
    assert "logsumexp" not in text
    assert "s5[1] = exp(s4[1]) / exp(s4[1])" in text


def test_a_narrow_flow():
    text = flow(two_moons(), [1.0, 2.0], 0.5, width=40)
    assert max(map(width, text.splitlines())) <= 40


@pytest.mark.parametrize("name", ["gelu", "silu", "softplus"])
@pytest.mark.parametrize("columns", [40, 56, 70])
def test_no_number_is_broken(name, columns):
    """Joined again, the lines hold the numbers that a wide flow has."""

    def found(width):
        text = flow(MLP(2, [3, 1], name, seed=1), [0.5, -1.0], 0.5, width=width)
        part = text[text.index("Backward") : text.index("Update")]
        return re.findall(r"(?<![\w.])\d+\.\d+", part)

    assert found(columns) == found(200)


def test_wide_layers_say_what_they_leave_out():
    text = flow(MLP(2, [50, 1], seed=0), [1.0, 2.0], 0.5)
    assert text.count("⋮ 42 more neurons likewise") >= 4 or "43 more" in text


@pytest.mark.parametrize("style", ["text", "boxes"])
def test_boxes_are_closed(style):
    model, x, y = worked_example()
    text = flow(model, x, y, style="boxes")
    for corner, other in ("╭╮", "╰╯"):
        assert text.count(corner) == text.count(other)
    assert text.count("╭") == text.count("╰")


# ---- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style": "round"}, "unknown style 'round'; choose text or boxes"),
        ({"width": 20}, "width needs 40 columns"),
        ({"style": "boxes", "width": 60}, "width needs 70 columns"),
        ({"loss": "nonsense"}, "unknown loss 'nonsense'; choose one of mse"),
    ],
)
def test_bad_options(options, words):
    model, x, y = worked_example()
    with pytest.raises(ValueError, match=re.escape(words)):
        flow(model, x, y, **options)


def test_bad_models_and_rows():
    with pytest.raises(TypeError, match=r"such as nn\.MLP"):
        flow(Value(1.0), [1], 1)
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        flow(two_moons(), [1, 2, 3], 1)
    with pytest.raises(ValueError, match="needs its target"):
        flow(two_moons(), [1, 2], [1, 2])


def test_a_head_of_attention_is_told_step_by_step():
    """q and k multiplied, scaled, softmax, the weighted sum: each with its numbers."""
    told = flow(SelfAttention(2, seed=0), [[1.0, 0.5], [-0.5, 2.0]], [[1, 0], [0, 1]])
    steps = ["queries", "keys", "values", "scores", "softmax_rows", "weighted_values"]
    ways = [told.index(f"{step}: ") for step in steps]
    back = [told.index(f"Backward through {step}") for step in steps]
    assert ways == sorted(ways)
    assert back == sorted(back, reverse=True)
    assert "s4[2] = (s1[3]·s2[1] + s1[4]·s2[2])·0.707107" in told
    assert "s6[3] = s5[2]·s3[1] + s5[3]·s3[3]" in told
    assert "Dropout" not in told
