"""Modules: parameters found and named, networks that compute what torch computes."""

import collections
import copy
import math
import pickle
import random

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from nn import MLP, Dropout, Layer, Module, Neuron, Sequential, binary_cross_entropy
from nn.module import ACTIVATIONS

# ---- the worked example of the documentation -----------------------------------------

WEIGHTS = {
    "layers.0.weight": [[0.1, 0.2], [0.3, 0.4]],
    "layers.0.bias": [0.01, 0.02],
    "layers.1.weight": [[0.5, 0.6]],
    "layers.1.bias": [0.05],
}


def test_worked_example():
    model = MLP(2, [2, 1], activation="sigmoid", output_activation="sigmoid")
    model.load_state_dict(WEIGHTS)
    out = model([1, 2])
    loss = binary_cross_entropy(out, 1)
    loss.backward()
    assert out.data == pytest.approx(0.6931306594690766, abs=1e-15)
    assert loss.data == pytest.approx(0.36653675576158634, abs=1e-15)
    grads = [p.grad for p in model.parameters()]
    hidden = [-0.03596866847854328, -0.07193733695708657]
    hidden += [-0.0341526670251058, -0.0683053340502116]
    biases = [-0.035968668478543284, -0.0341526670251058]
    last = [-0.19173395077957814, -0.2313760201844461, -0.3068693405309234]
    assert grads == pytest.approx(hidden + biases + last, abs=1e-15)


# ---- forward passes ------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ACTIVATIONS, None])
def test_an_mlp_is_matrices_and_activations(name):
    model = MLP(3, [5, 4, 2], activation=name, seed=1)
    state = {k: np.array(v) for k, v in model.state_dict().items()}
    x = np.array([0.5, -1.25, 2.0])
    row = ACTIVATIONS.get(name)
    z = x
    for i in range(3):
        z = state[f"layers.{i}.weight"] @ z + state[f"layers.{i}.bias"]
        if row is not None and i < 2:
            z = np.array([row(float(item)) for item in z])
    for inputs in (x, x.tolist(), [Value(item) for item in x], tuple(x.astype(object))):
        assert [out.data for out in model(inputs)] == pytest.approx(z.tolist(), 1e-13)


def test_one_output_is_a_bare_value():
    assert isinstance(MLP(2, [3, 1])([1, 2]), Value)
    assert isinstance(Layer(2, 1)([1, 2]), Value)
    assert isinstance(Neuron(2)([1, 2]), Value)
    assert isinstance(Layer(2, 2)([1, 2]), list)


def test_one_input_needs_no_brackets():
    model = MLP(1, [2, 1], seed=0)
    assert model(0.5).data == model([0.5]).data == model(Value(0.5)).data


@pytest.mark.parametrize("kind", [list, tuple, np.array])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_table_in_place_of_a_row_is_told(kind, rows):
    table = kind([kind([0.0, 1.0])] * rows)
    with pytest.raises(TypeError, match=r"write \[model\(row\) for row in X\]"):
        MLP(2, [3, 1], seed=0)(table)


def test_a_hidden_layer_of_one_neuron():
    model = MLP(2, [1, 2], activation=None, seed=0)
    (w1, w2), (v1, v2) = (
        model.state_dict()["layers.0.weight"][0],
        [row[0] for row in model.state_dict()["layers.1.weight"]],
    )
    h = w1 * 3 + w2 * 4
    assert [out.data for out in model([3, 4])] == pytest.approx([v1 * h, v2 * h], 1e-15)


def test_inputs_are_shared_between_neurons():
    nodes = autograd.topological_order(autograd.sum(Layer(3, 5, None)([1, 2, 3])))
    assert sum(node.constant for node in nodes) == 3


def test_gradients_reach_inputs():
    x = [Value(0.5), Value(-1.0)]
    model = MLP(2, [4, 1], activation="tanh", seed=0)
    autograd.gradcheck(lambda a, b: model([a, b]), [0.5, -1.0])
    model(x).backward()
    assert all(item.grad != 0 for item in x)


def test_any_function_can_be_an_activation():
    model = MLP(1, [2, 1], activation=lambda z: z * z, seed=0)
    (a,), (b,) = model.state_dict()["layers.0.weight"]
    c, d = model.state_dict()["layers.1.weight"][0]
    assert model(3).data == pytest.approx(c * (3 * a) ** 2 + d * (3 * b) ** 2, 1e-14)


# ---- micrograd's habits --------------------------------------------------------------


def test_micrograd_spellings():
    assert Neuron(3, nonlin=False).activation is None
    assert Neuron(3, False).activation is None
    assert Neuron(3, True).nonlin
    assert Layer(3, 2, nonlin=False)([1, 2, 3])[0].op == "add"
    model = MLP(3, [4, 4, 1])
    assert len(model.layers) == 3
    assert len(model.layers[0].neurons) == 4
    assert len(model.parameters()) == 41
    assert isinstance(model.layers[0].neurons[0].w[0], Value)
    assert isinstance(model.layers[0].neurons[0].b, Value)
    assert [n.nonlin for layer in model.layers for n in layer.neurons] == [True] * 8 + [
        False
    ]


def test_a_module_is_told_in_a_line():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(2, "leaky_relu")) == "LeakyReLUNeuron(2)"
    assert repr(Layer(2, 1, "tanh")) == "Layer of [TanhNeuron(2)]"
    assert repr(MLP(2, [16, 1])) == (
        "MLP of [Layer of [16 x ReLUNeuron(2)], Layer of [LinearNeuron(16)]] "
        "(65 parameters)"
    )
    model = Sequential(Layer(2, 3, None), "tanh", Layer(3, 1, None))
    model.freeze("0")
    assert repr(model) == (
        "Sequential of [Layer of [3 x LinearNeuron(2)], tanh, "
        "Layer of [LinearNeuron(3)]] (13 parameters, 9 frozen)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Flatten()", "Reshape(1, 8, 8)", "MaxPool2d(2)", "AvgPool2d(3)",
        "Embedding(5, 2)", "RMSNorm(3)", "LayerNorm(3)", "RNN(2, 3)", "GRU(2, 3)",
        "LSTM(2, 3)", "Conv1d(2, 3, 4)", "Conv2d(2, 3, 4)", "Dropout(0.5)",
    ],
)  # fmt: skip
def test_a_module_is_told_as_it_is_made(text):
    assert repr(eval(text, vars(nn))) == text


def test_parameters_are_labeled_by_their_places():
    assert [p.label for p in Neuron(2).parameters()] == ["w1", "w2", "b"]
    assert [p.label for p in Layer(2, 2).parameters()] == [
        "W[1,1]", "W[1,2]", "W[2,1]", "W[2,2]", "b[1]", "b[2]",
    ]  # fmt: skip
    assert [p.label for p in MLP(1, [1, 2]).parameters()] == [
        "W1[1,1]", "b1[1]", "W2[1,1]", "W2[2,1]", "b2[1]", "b2[2]",
    ]  # fmt: skip
    model = Sequential(Layer(1, 1), "tanh", Layer(1, 1))
    assert model.parameters()[-1].label == "b2[1]"


# ---- first weights -------------------------------------------------------------------


def weights(model):
    return [w.data for layer in model.layers for n in layer.neurons for w in n.w]


def test_the_same_seed_gives_the_same_bits():
    assert MLP(2, [16, 1], seed=7).state_dict() == MLP(2, [16, 1], seed=7).state_dict()
    assert MLP(2, [16, 1], seed=7).state_dict() != MLP(2, [16, 1], seed=8).state_dict()
    rng, bound = random.Random(0), math.sqrt(6 / 4)
    expected = [bound * (2 * rng.random() - 1) for _ in range(4)]
    assert weights(MLP(2, [2], seed=0)) == pytest.approx(expected, rel=1e-15)


def test_without_a_seed_pythons_own_decides():
    random.seed(5)
    first = MLP(2, [3, 1]).state_dict()
    second = MLP(2, [3, 1]).state_dict()
    random.seed(5)
    assert MLP(2, [3, 1]).state_dict() == first != second


@pytest.mark.parametrize(
    ("activation", "init", "bound"),
    [
        ("relu", "auto", math.sqrt(6 / 50)),
        ("tanh", "auto", math.sqrt(6 / 80)),
        (None, "auto", math.sqrt(6 / 80)),
        ("tanh", "kaiming", math.sqrt(6 / 50)),
        ("relu", "xavier", math.sqrt(6 / 80)),
        ("relu", "uniform", 1.0),
    ],
)
def test_initializers_are_uniform_within_their_bound(activation, init, bound):
    layer = Layer(50, 30, activation, seed=3, init=init)
    found = [w.data for neuron in layer.neurons for w in neuron.w]
    assert max(map(abs, found)) <= bound
    assert max(map(abs, found)) > 0.99 * bound
    deviation = math.sqrt(sum(w * w for w in found) / len(found))
    assert deviation == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert all(neuron.b.data == 0 for neuron in layer.neurons)


# The bound of numbers that are drawn alike below it, or the deviation of normal ones.
DRAWN = {
    "embedding": (lambda: nn.Embedding(70, 30, seed=0), {"weight": "1.0"}),
    "near": (lambda: nn.Embedding(70, 30, seed=0, deviation=0.3), {"weight": "0.3"}),
    "attention": (
        lambda: nn.SelfAttention(30, 2, seed=0),
        {"in_proj_weight": math.sqrt(6 / 120), "out_proj.weight": math.sqrt(6 / 60)},
    ),
    "gpt": (
        lambda: nn.GPT(70, 30, 1, 1, context=70, seed=0),
        {
            "token.weight": "0.1",
            "position.weight": "0.1",
            "blocks.0.linear1.weight": math.sqrt(6 / 30),
            "blocks.0.linear2.weight": math.sqrt(6 / 150),
            "head.weight": math.sqrt(6 / 100),
        },
    ),
    "conv1d": (lambda: nn.Conv1d(8, 50, 5, seed=0), {"weight": math.sqrt(6 / 40)}),
    "conv2d": (lambda: nn.Conv2d(4, 50, 3, seed=0), {"weight": math.sqrt(6 / 36)}),
    "rnn": (
        lambda: nn.RNN(60, 40, seed=0),
        {"weight_ih_l0": 40**-0.5, "weight_hh_l0": 40**-0.5},
    ),
    "lstm": (
        lambda: nn.LSTM(30, 20, seed=0),
        {"weight_ih_l0": 20**-0.5, "weight_hh_l0": 20**-0.5},
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_first_weights_are_spread_as_they_are_told_and_biases_are_0(name):
    make, spreads = DRAWN[name]
    state = {key: np.ravel(numbers) for key, numbers in make().state_dict().items()}
    for key, spread in spreads.items():
        numbers, bound = state[key], spread
        deviation = float(spread) if isinstance(spread, str) else spread / math.sqrt(3)
        assert numbers.std() == pytest.approx(deviation, rel=0.08), key
        assert abs(numbers.mean()) < 4 * deviation / math.sqrt(len(numbers)), key
        if isinstance(spread, str):
            assert 3 * deviation < abs(numbers).max() < 5 * deviation, key
        else:
            assert 0.98 * bound < abs(numbers).max() <= bound, key
    assert {0.0} == {x for key in state if "bias" in key for x in state[key]} | {0.0}


def test_an_initializer_of_ones_own():
    layer = Layer(2, 1, init=lambda rng, nin, nout: nin + nout / 10)
    assert layer.state_dict() == {"weight": [[2.1, 2.1]], "bias": [0.0]}


def test_an_sgd_of_deep_layers_keeps_the_size_of_activations():
    for activation in ("relu", "tanh"):
        model = MLP(30, [30] * 8, activation=activation, seed=0)
        out = model([random.Random(i).gauss(0, 1) for i in range(30)])
        size = math.sqrt(sum(o.data**2 for o in out) / 30)
        assert 0.02 < size < 10


# ---- state ---------------------------------------------------------------------------


def test_state_dict_has_torchs_names_and_shapes():
    state = MLP(3, [4, 2]).state_dict()
    assert {name: np.shape(numbers) for name, numbers in state.items()} == {
        "layers.0.weight": (4, 3),
        "layers.0.bias": (4,),
        "layers.1.weight": (2, 4),
        "layers.1.bias": (2,),
    }
    model = Sequential(Layer(3, 4, None), "relu", Layer(4, 2, None))
    assert list(model.state_dict()) == [
        "0.weight", "0.bias", "2.weight", "2.bias",
    ]  # fmt: skip


def test_state_goes_from_one_model_to_another():
    one, other = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    other.load_state_dict({k: np.array(v) for k, v in one.state_dict().items()})
    assert other.state_dict() == one.state_dict()
    assert other([0.5, 1]).data == one([0.5, 1]).data


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"layers.0.bias": None}, ValueError, r"layers.0.bias: .* list of 2, got None"),
        (
            {"layers.0.bias": [1.0]},
            ValueError,
            "bias: expected a list of 2, got 1",
        ),
        (
            {"layers.0.weight": [[1.0, 2.0], [1.0]]},
            ValueError,
            r"weight\[1\]: expected",
        ),
        ({"layers.0.weight": [[1.0, 2.0], [1.0, "x"]]}, TypeError, r"\[1\]\[1\]"),
        ({"layers.2.bias": [1.0]}, ValueError, "unknown: layers.2.bias"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, kind, words):
    model = MLP(2, [2, 1], seed=0)
    before = model.state_dict()
    with pytest.raises(kind, match=words):
        model.load_state_dict({**WEIGHTS, **change})
    assert model.state_dict() == before


def test_a_state_with_missing_names():
    with pytest.raises(ValueError, match=r"missing: layers.0.bias, layers.1.bias"):
        MLP(2, [2, 1]).load_state_dict(
            {k: v for k, v in WEIGHTS.items() if "weight" in k}
        )


def test_zero_grad():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    model.freeze("layers.0")
    model([1.0, 2.0]).backward()
    every = [p for layer in model.layers for n in layer.neurons for p in [*n.w, n.b]]
    assert any(p.grad for p in every)
    model.zero_grad()
    assert not any(p.grad for p in every)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_are_independent_and_exact(duplicate):
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    model.freeze("layers.0.bias")
    twin = duplicate(model)
    assert twin.state_dict() == model.state_dict()
    assert repr(twin) == repr(model)
    assert [p.label for p in twin.parameters()] == [p.label for p in model.parameters()]
    twin.parameters()[0].data += 1
    assert twin.state_dict() != model.state_dict()


# ---- freezing ------------------------------------------------------------------------


def test_freeze_and_unfreeze():
    model = MLP(2, [3, 1])
    model.freeze("layers.0")
    assert [name for name, _ in model.named_parameters()] == [
        "layers.1.weight[0][0]", "layers.1.weight[0][1]", "layers.1.weight[0][2]",
        "layers.1.bias[0]",
    ]  # fmt: skip
    assert len(model.layers[0].parameters()) == 0
    assert list(model.state_dict()) == list(WEIGHTS)
    model.unfreeze("layers.0.bias")
    assert len(model.parameters()) == 7
    model.freeze()
    assert model.parameters() == []
    model.unfreeze()
    assert len(model.parameters()) == 13


def test_freezing_an_unknown_name():
    with pytest.raises(ValueError, match=r"are named 'layers.7'; there are"):
        MLP(2, [3, 1]).freeze("layers.7")
    with pytest.raises(ValueError, match=r"no parameters are named 'layers.0.w'"):
        MLP(2, [3, 1]).freeze("layers.0.w")


# ---- modules of one's own ------------------------------------------------------------


class Everything(Module):
    def __init__(self):
        self.scale = Value(2.0, label="s")
        self.grid = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
        self.parts = {"first": Layer(1, 1), "second": [Value(5.0)]}
        self.mixed = [Value(6.0), Layer(1, 1), 7.0, "text"]
        self.array = np.array([Value(8.0), Value(9.0)])
        self.pair = (Value(10.0), Value(11.0))
        self.name, self.count, self.nothing, self.empty = "x", 3, None, []
        self.cache = self.scale * 2
        self.whole = {"up": self}


def test_parameters_are_found_in_order_of_assignment():
    model = Everything()
    state = model.state_dict()
    assert list(state) == [
        "scale", "grid", "parts.first.weight", "parts.first.bias", "parts.second",
        "mixed.0", "mixed.1.weight", "mixed.1.bias", "array", "pair",
    ]  # fmt: skip
    assert state["grid"] == [[1.0, 2.0], [3.0, 4.0]]
    assert state["array"] == [8.0, 9.0]
    assert dict(model.named_parameters())["grid[1][0]"].data == 3.0
    assert len(model.parameters()) == 15
    assert repr(model) == "Everything (15 parameters)"
    model.load_state_dict({**state, "pair": [0.5, 0.25]})
    assert [p.data for p in model.pair] == [0.5, 0.25]
    model.freeze("grid", "mixed")
    assert len(model.parameters()) == 15 - 4 - 3
    assert set(model.state_dict()) == set(state)


def test_a_parameter_used_twice_is_counted_once():
    class Tied(Module):
        def __init__(self):
            self.a = Layer(2, 2)
            self.b = self.a

    assert len(Tied().parameters()) == 6
    assert len(Tied().state_dict()) == 4
    assert repr(Tied()) == "Tied (6 parameters)"


HELD = {
    "list": list,
    "tuple": tuple,
    "dict": lambda parts: dict(enumerate(parts)),
    "dict of a dict": lambda parts: {"a": {"b": parts}},
    "array": lambda parts: np.array(parts, dtype=object),
    "table": lambda parts: np.array([parts], dtype=object),
}
NOT_SEARCHED = {
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
    "dict_values": lambda parts: dict(enumerate(parts)).values(),
}


class Held(Module):
    def __init__(self, parts):
        self.bag = parts


@pytest.mark.parametrize("kind", HELD)
def test_modules_are_reached_in_whatever_holds_them(kind):
    parts = [Layer(2, 3), Dropout(0.5)]
    model = Held(HELD[kind](parts))
    assert model.parameters() == parts[0].parameters()
    model.eval()
    assert [part.training for part in parts] == [False, False]


@pytest.mark.parametrize("kind", NOT_SEARCHED)
def test_parameters_in_what_is_not_searched_are_told(kind):
    for parts in ([Value(1.0), Value(2.0)], [Layer(2, 3), Dropout(0.5)]):
        with pytest.raises(TypeError, match=rf"Held.bag keeps parameters in a {kind},"):
            Held(NOT_SEARCHED[kind](parts)).parameters()
    assert Held(NOT_SEARCHED[kind]([1.0, "a"])).parameters() == []


def test_a_module_without_a_call():
    with pytest.raises(NotImplementedError, match="__call__"):
        Everything()([1.0])


def test_a_module_can_be_an_activation_with_a_parameter():
    class Slope(Module):
        def __init__(self):
            self.slope = Value(0.25)

        def __call__(self, z):
            return autograd.where(z.data > 0, z, z * self.slope)

    layer = Layer(1, 1, Slope())
    layer.load_state_dict({"weight": [[-1.0]], "bias": [0.0], "activation.slope": 0.5})
    assert layer([2.0]).data == -1.0


# ---- Sequential ----------------------------------------------------------------------


def test_sequential_is_an_mlp_written_out():
    mlp = MLP(2, [3, 2], activation="tanh", seed=0)
    steps = [Layer(2, 3, None), "tanh", Layer(3, 2, None), autograd.softmax]
    model = Sequential(*steps)
    names = ["0.weight", "0.bias", "2.weight", "2.bias"]
    model.load_state_dict(dict(zip(names, mlp.state_dict().values(), strict=True)))
    expected = autograd.softmax(mlp([0.5, 2.0]))
    assert [p.data for p in model([0.5, 2.0])] == [p.data for p in expected]


def test_sequential_ends():
    assert Sequential()([1, 2]) == [1, 2]
    assert Sequential("linear", "relu")([-1.0, 2.0]) == [0.0, 2.0]
    assert isinstance(Sequential(Layer(2, 1), "sigmoid")([1, 2]), Value)
    with pytest.raises(TypeError, match=r"takes modules, functions .* got 3"):
        Sequential(Layer(2, 1), 3)


# ---- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: MLP(2, [3, 1])([1]), ValueError, "this MLP takes 2 inputs, got 1"),
        (
            lambda: MLP(2, [1])(np.ones((2, 2))),
            TypeError,
            r"\[model\(row\) for row in X\]",
        ),
        (lambda: MLP(2, [1])(None), TypeError, "a row of 2 numbers.* got None"),
        (
            lambda: MLP(2, [1])("ab"),
            TypeError,
            "2 numbers, a list; got 'ab'",
        ),
        (
            lambda: Layer(1, 1)({"a": 1}),
            TypeError,
            "Layer takes a row of 1 number,",
        ),
        (lambda: MLP(2, [1])(["a", 1]), TypeError, "expected one real number, got 'a'"),
        (lambda: MLP(2, []), ValueError, "nouts is empty"),
        (lambda: MLP(2, 3), TypeError, r"such as \[16, 16, 1\]; got 3"),
        (lambda: MLP(2, "16"), TypeError, "list of layer sizes"),
        (lambda: MLP(2, [2.5]), ValueError, "got 2.5"),
        (lambda: MLP(2, [0]), ValueError, "whole number from 1; got 0"),
        (lambda: MLP(0, [1]), ValueError, "nin is a whole number from 1; got 0"),
        (lambda: MLP(2, [True]), ValueError, "got True"),
        (
            lambda: MLP(2, [2, 1], "reluu"),
            ValueError,
            "activation 'reluu'; choose",
        ),
        (lambda: MLP(2, [2], output_activation="softmax"), ValueError, "cross_entropy"),
        (lambda: Layer(2, 2, init="zeros"), ValueError, "unknown initializer 'zeros'"),
    ],
)
def test_what_no_module_can_be_made_of_is_told(make, kind, words):
    with pytest.raises(kind, match=words):
        make()
