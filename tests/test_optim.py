"""Optimizers against torch.optim."""

import json
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import Value, sin
from nn import SGD, Adam, AdamW, Optimizer, RMSProp

FIGURES = Path(__file__).parent / "figures" / "torch_optim.json"
START = [0.5, -1.5, 2.0, 0.0, -0.25]
CASES = {
    "sgd": ("SGD", SGD, {"lr": 0.05}),
    "sgd momentum": ("SGD", SGD, {"lr": 0.01, "momentum": 0.9}),
    "sgd nesterov": ("SGD", SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "sgd decay": (
        "SGD",
        SGD,
        {"lr": 0.02, "momentum": 0.5, "nesterov": True, "weight_decay": 0.1},
    ),
    "adam": ("Adam", Adam, {"lr": 0.05}),
    "adam all": (
        "Adam",
        Adam,
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adamw": ("AdamW", AdamW, {"lr": 0.05}),
    "adamw decay": ("AdamW", AdamW, {"lr": 0.05, "weight_decay": 0.3}),
    "rmsprop": ("RMSprop", RMSProp, {"lr": 0.02}),
    # Larger steps make RMSProp unstable: rounding then grows threefold in each one.
    "rmsprop all": (
        "RMSprop",
        RMSProp,
        {"lr": 0.002, "alpha": 0.98, "eps": 1e-4, "momentum": 0.5, "weight_decay": 0.1},
    ),
}


def loss_of(w, sin):
    """Not convex, and different in every direction."""
    terms = [(i + 1) * x * x + sin(3 * x) * 0.7 + 0.3 * x for i, x in enumerate(w)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total + w[0] * w[1] + w[2] * w[4]


def ours(kind, options):
    w = [Value(x) for x in START]
    optimizer = kind(w, **options)
    path = []
    for _ in range(100):
        optimizer.zero_grad()
        loss_of(w, sin).backward()
        optimizer.step()
        path.append([x.data for x in w])
    return path


def torchs(name, options):
    import torch

    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **options)
    path = []
    for _ in range(100):
        optimizer.zero_grad()
        loss_of(w, torch.sin).backward()
        optimizer.step()
        path.append(w.detach().tolist())
    return path


def record():
    """Write torch's figures; run with a Python that has torch."""
    every = {case: torchs(row[0], row[2])[9::10] for case, row in CASES.items()}
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(every, indent=1) + "\n")


@pytest.mark.parametrize("case", CASES)
def test_same_numbers_as_torch_over_100_steps(case):
    _, kind, options = CASES[case]
    recorded = json.loads(FIGURES.read_text())[case]
    np.testing.assert_allclose(ours(kind, options)[9::10], recorded, 1e-12, 1e-13)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("case", CASES)
def test_same_numbers_as_the_torch_installed_here(case):
    name, kind, options = CASES[case]
    np.testing.assert_allclose(ours(kind, options), torchs(name, options), 1e-12, 1e-13)


def test_the_cases_differ_from_one_another():
    ends = [tuple(ours(kind, options)[-1]) for _, kind, options in CASES.values()]
    assert len(set(ends)) == len(CASES)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSProp])
def test_state_goes_on_with_the_same_bits(kind):
    options = {"momentum": 0.9} if kind in (SGD, RMSProp) else {}
    data, gradient = np.array(START), np.linspace(-1, 2, 5)
    through, first = kind(lr=0.1, **options), kind(lr=0.1, **options)
    for optimizer in (through, first):
        optimizer.bind([Value(x) for x in START])
    a = b = data
    for _ in range(6):
        a = through.update(a, gradient * a)
    for _ in range(3):
        b = first.update(b, gradient * b)
    second = kind([Value(x) for x in START], lr=0.1, **options)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for _ in range(3):
        b = second.update(b, gradient * b)
    assert a.tolist() == b.tolist()


def test_state_of_another_network_is_refused():
    small, large = Adam([Value(1.0)]), Adam([Value(1.0), Value(2.0)])
    small.update(np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="mean has 1 numbers, but there are 2"):
        large.load_state_dict(small.state_dict())


def test_state_of_another_optimizer_is_refused():
    adam, other = Adam([Value(1.0)]), RMSProp([Value(1.0)], lr=0.5)
    adam.update(np.ones(1), np.ones(1))
    with pytest.raises(
        ValueError, match=r"mean, square, but RMSProp\(lr=0.5.* square;"
    ):
        other.load_state_dict(adam.state_dict())
    with pytest.raises(ValueError, match="remembers nothing"):
        SGD([Value(1.0)]).load_state_dict(adam.state_dict())


def test_an_optimizer_of_ones_own_is_one_rule():
    class SignDescent(Optimizer):
        def rule(self, w, g, lr, t):
            return w - lr * np.sign(g)

    x = Value(1.0)
    optimizer = SignDescent([x], lr=0.25)
    for _ in range(4):
        optimizer.zero_grad()
        (x * x).backward()
        optimizer.step()
    assert x.data == 0.0


@pytest.mark.parametrize("returned", [1, 3])
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_rule_that_returns_too_little_or_too_much(returned, engine):
    class Forgetful(Optimizer):
        keeps = ("mean",)

        def rule(self, w, g, lr, t, mean):
            return w if returned == 1 else (w, mean, g)

    with pytest.raises(TypeError, match=rf"Forgetful returned {returned} of \(w, mean"):
        nn.fit(nn.MLP(1, [1]), [[0], [1]], [0, 1], optimizer=Forgetful(), engine=engine)


def test_the_learning_rate_can_be_changed_between_steps():
    x = Value(1.0)
    optimizer = SGD([x], lr=0.5)
    (x * 1.0).backward()
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert x.data == 0.25


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD([Value(1.0)], lr=0), "lr is a number above 0; got 0"),
        (lambda: SGD([Value(1.0)], lr=math.nan), "lr"),
        (lambda: SGD([Value(1.0)], momentum=1.0), "momentum .* below 1; got 1.0"),
        (lambda: SGD([Value(1.0)], nesterov=True), "nesterov needs a momentum"),
        (lambda: SGD([Value(1.0)], weight_decay=-1), "weight_decay"),
        (lambda: Adam([Value(1.0)], betas=(0.9, 1.0)), r"betas\[1\]"),
        (lambda: Adam([]), "needs parameters"),
        (lambda: Adam().step(), "no parameters yet; write Adam"),
    ],
)
def test_settings_that_mean_nothing_are_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("bad", [3.0, Value(1.0) * 2])
def test_only_leaf_values_can_be_moved(bad):
    with pytest.raises(TypeError, match="moves leaf Values"):
        SGD([bad])


def test_an_optimizer_tells_its_settings():
    assert repr(SGD(lr=0.1, momentum=0.9)) == (
        "SGD(lr=0.1, weight_decay=0.0, momentum=0.9, nesterov=False)"
    )


if __name__ == "__main__":
    record()
