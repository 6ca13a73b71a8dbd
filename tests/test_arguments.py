"""Others' names of arguments: each is told what to write, and that does it."""

import inspect
import re

import pytest

import nn
import viz
from autograd import Value
from nn.arguments import ALSO, EVERY, OTHERS, PLACES, unknown
from nn.choices import usual
from nn.columns import TASKS
from nn.losses import LOSSES
from nn.module import ACTIVATIONS
from nn.optim import OPTIMIZERS
from nn.schedules import SCHEDULES, schedule
from nn.tokens import UNITS
from viz.style import DIRECTIONS

MADE = {
    "Recurrent": (nn.RNN, nn.GRU, nn.LSTM),
    "Convolution": (nn.Conv1d, nn.Conv2d),
    "Pool": (nn.MaxPool2d, nn.AvgPool2d),
    "Optimizer": (nn.SGD, nn.Adam, nn.AdamW, nn.RMSProp),
    "loss": tuple(nn.losses.LOSSES.values()),
    "draw": (viz.draw,),
}
CASES = [
    (made, name, advice)
    for owner, names in OTHERS.items()
    for made in MADE.get(owner) or (getattr(nn, owner),)
    for name, advice in (names | EVERY).items()
    if not (owner == "loss" and made is not nn.huber and name == "beta")
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case[0].__name__}-{case[1]}"
)
def test_a_name_of_others_is_told_what_to_write(case):
    made, name, advice = case
    own = inspect.signature(made).parameters
    assert name not in own
    message = f"{made.__name__} has no argument '{name}': {advice}"
    with pytest.raises(TypeError, match=re.escape(message)):
        made(**{name: 1})
    if meant := re.match(r"it is called (\w+)", advice):
        assert meant[1] in own


def test_each_class_of_torch_has_names_here():
    """What a signature in torch 2 has, for the classes that we have, too."""
    pytest.importorskip("torch")
    import torch

    ours = {
        "Embedding": nn.Embedding, "LayerNorm": nn.LayerNorm, "RMSNorm": nn.RMSNorm,
        "Conv1d": nn.Conv1d, "Conv2d": nn.Conv2d, "MaxPool2d": nn.MaxPool2d,
        "AvgPool2d": nn.AvgPool2d, "Dropout": nn.Dropout,
        "Linear": nn.Layer, "MultiheadAttention": nn.SelfAttention,
        "TransformerEncoderLayer": nn.Block,
    }  # fmt: skip
    for theirs, made in ours.items():
        known = {k for base in made.__mro__ for k in OTHERS.get(base.__name__, {})}
        for name in inspect.signature(getattr(torch.nn, theirs)).parameters:
            taken = inspect.signature(made).parameters
            assert name.startswith("_") or name in known | {*EVERY, *taken}, theirs


OF_TORCH = [
    made
    for owner in PLACES
    for made in MADE.get(owner) or (getattr(nn, owner),)
    if not (owner == "Recurrent" and made is nn.RNN)
]


@pytest.mark.parametrize("made", OF_TORCH, ids=lambda made: made.__name__)
def test_the_first_argument_too_many_is_told_as_torchs_of_that_place(made):
    order = next(PLACES[b.__name__] for b in made.__mro__ if b.__name__ in PLACES)
    own = inspect.signature(made).parameters
    placed = [n for n, p in own.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    place = len(placed)
    with pytest.raises(TypeError) as caught:
        made(*[1] * (place + 1))
    name = order.split()[place]
    expected = f"{made.__name__} takes {', '.join(placed)} without a name"
    assert str(caught.value).startswith(expected)
    advice = f"write {name}=1" if name in own else f"torch's next is {name}: "
    assert advice in str(caught.value)


def test_the_order_is_torchs():
    torch = pytest.importorskip("torch")
    theirs = {
        "Convolution": "Conv2d", "Pool": "MaxPool2d", "SelfAttention":
        "MultiheadAttention", "Block": "TransformerEncoderLayer",
    }  # fmt: skip
    for owner, order in PLACES.items():
        if owner not in ("Recurrent", "RNN"):  # theirs take anything
            found = inspect.signature(getattr(torch.nn, theirs.get(owner, owner)))
            assert list(found.parameters)[: len(order.split())] == order.split()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: nn.GPT(27, 16, 4, 1, 16, 0, 0.1), "; with one: dropout, tied; got 7"),
        (lambda: nn.PerPosition(nn.Layer(2, 2), 3), "takes each without a name; got 2"),
        (lambda: nn.SGD(0.1, 0.9), "an optimizer takes a model's parameters"),
        (lambda: nn.Conv2d(1, 4, 3, 1, 2), "kernel without a name: write stride=1, "),
        (lambda: nn.LSTM(4, 8, 2), "torch's next is num_layers: one after another"),
    ],
)
def test_too_many_arguments_are_told_the_names_of_the_others(made, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        made()


def test_a_class_of_ones_own_takes_what_it_says():
    class Mine(nn.GRU):
        def __init__(self, input_size, **more):
            super().__init__(input_size, 2)

    assert Mine(input_size=3, bias=True).inputs == 3
    assert list(inspect.signature(Mine).parameters) == ["input_size", "more"]
    with pytest.raises(TypeError, match="has no argument 'widht'; did you mean width"):
        nn.Embedding(2, widht=3)


NEAR = {
    "epochs": lambda: nn.fit(nn.MLP(1, [1]), [[0.0], [1.0]], [0, 1], epoch=1),
    "validation": lambda: nn.fit(nn.MLP(1, [1]), [[0.0]], [0.0], vaildation=0.2),
    "activation": lambda: nn.MLP(1, [1], activations="relu"),
    "seed": lambda: nn.learn_text(["ab", "cd"] * 20, seeds=1),
    "direction": lambda: viz.draw(Value(1.0), directon="down"),
}


@pytest.mark.parametrize("name", NEAR)
def test_a_name_that_is_nearly_right_is_told(name):
    with pytest.raises(TypeError, match=rf"has no argument .*; did you mean {name}\?"):
        NEAR[name]()


def test_a_name_far_from_all_is_pythons_matter():
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        nn.fit(nn.MLP(1, [1]), [[0.0], [1.0]], [0, 1], foo=1)


def test_what_a_function_returns_is_not_made_by_its_class():
    y = Value(2.0) * 3.0
    with pytest.raises(TypeError, match=r"write viz\.stepper\(output\); got Value"):
        viz.Stepper(y)
    with pytest.raises(TypeError, match=r"write viz\.draw\(output\); got Value"):
        viz.Graph(y)


NAMED = {
    "loss": (LOSSES, lambda x: nn.fit(nn.MLP(1, [1]), [[0.0], [1.0]], [0, 1], loss=x)),
    "optimizer": (OPTIMIZERS, usual),
    "schedule": (SCHEDULES, lambda x: schedule(x, 3)),
    "activation": (ACTIVATIONS, lambda x: nn.MLP(1, [1], activation=x)),
}


@pytest.mark.parametrize("what", NAMED)
def test_a_choice_in_other_letters_is_told_with_the_one_that_is_meant(what):
    choices, choose = NAMED[what]
    for name in choices:
        for typed in (
            name.upper(),
            name.title(),
            name.upper().replace("_", "-"),
            name[:-1],
        ):
            if typed in choices:
                continue
            with pytest.raises(ValueError, match=f"unknown {what} ") as caught:
                choose(typed)
            assert str(caught.value).endswith(f"; did you mean {name}?"), typed


def test_names_of_others_for_a_choice_are_told_and_are_none_of_ours():
    every = {name for choices, _ in NAMED.values() for name in choices} | {"linear"}
    every |= {*DIRECTIONS, *TASKS, *UNITS, *nn.data.SETS}
    for other, names in ALSO.items():
        assert other not in every
        assert {*names} <= every
        assert unknown("loss", other, every).endswith(f"mean {' or '.join(names)}?")


FROZEN = {
    "rnn": (nn.RNN(2, 2, seed=0), ("bias_ih_l0", "bias_hh_l0")),
    "layer": (nn.Layer(2, 2, None, seed=0), ("bias",)),
    "norm": (nn.LayerNorm(2), ()),
    "attention": (nn.SelfAttention(2, seed=0), ("in_proj_bias", "out_proj.bias")),
}


@pytest.mark.parametrize(("part", "names"), FROZEN.values(), ids=FROZEN)
def test_biases_that_are_frozen_stay_0(part, names):
    part.freeze(*names)
    model = nn.Sequential(nn.Embedding(3, 2, seed=1), nn.PerPosition(part))
    if not isinstance(part, nn.Layer):
        model = nn.Sequential(nn.Embedding(3, 2, seed=1), part)
    model = nn.Sequential(model, nn.PerPosition(nn.Layer(2, 3, None, seed=2)))
    before = part.state_dict()
    nn.fit(model, [[0, 1], [2, 1]], [[1, 2], [1, 0]], epochs=2, engine="eager")
    after = part.state_dict()
    kept = names or tuple(before)
    assert {k: after[k] for k in kept} == {k: before[k] for k in kept}
    biases = [name for name in kept if "bias" in name]
    assert all(not any(after[name]) for name in biases)
