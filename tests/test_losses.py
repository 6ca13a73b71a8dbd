"""Losses against their formulas in 50 digits, at the ends of the floats too."""

import math
from importlib.util import find_spec

import mpmath as mp
import numpy as np
import pytest

from autograd import Value, compile, gradcheck, gradients, topological_order
from nn import (
    Adam,
    Layer,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mae,
    mse,
)
from nn.losses import LOSSES

mp.mp.dps = 90


def true_logits(p, t):
    p, t = mp.mpf(p), mp.mpf(t)
    return t * mp.log(1 + mp.exp(-p)) + (1 - t) * mp.log(1 + mp.exp(p))


def true_huber(p, t, delta=1):
    distance = abs(mp.mpf(p) - mp.mpf(t))
    if distance <= delta:
        return distance**2 / 2
    return delta * (distance - mp.mpf(delta) / 2)


TRUE = {
    mse: lambda p, t: (mp.mpf(p) - mp.mpf(t)) ** 2,
    mae: lambda p, t: abs(mp.mpf(p) - mp.mpf(t)),
    huber: true_huber,
    hinge: lambda p, t: max(mp.mpf(0), 1 - t * mp.mpf(p)),
    binary_cross_entropy_with_logits: true_logits,
    binary_cross_entropy: lambda p, t: (
        -t * mp.log(mp.mpf(p)) - (1 - t) * mp.log(1 - mp.mpf(p))
    ),
}
NUMBERS = [-1000.0, -40.25, -1.5, -0.3, 1e-9, 0.3, 0.75, 2.5, 36.7, 1000.0]
SAMPLES = {
    mse: [(p, t) for p in NUMBERS for t in (-2.0, 0.5, 7.0)],
    mae: [(p, t) for p in NUMBERS for t in (-2.0, 0.5, 7.0)],
    huber: [(p, t) for p in NUMBERS for t in (-2.0, 0.5, 7.0)],
    hinge: [(p, t) for p in NUMBERS for t in (-1, 1)],
    binary_cross_entropy_with_logits: [
        (p, t) for p in NUMBERS for t in (0, 1, 0.25, 0.9)
    ],
    binary_cross_entropy: [
        (p, t) for p in (1e-30, 0.01, 0.3, 0.5, 0.999) for t in (0, 1, 0.25)
    ],
}
ROWS = [(loss, p, t) for loss, rows in SAMPLES.items() for p, t in rows]


@pytest.mark.parametrize(("loss", "p", "t"), ROWS)
def test_value_and_slope_of_one_sample(loss, p, t):
    x = Value(p)
    out = loss([x], [t])
    (slope,) = gradients(out, [x])
    true = TRUE[loss]
    # 1 - p rounds, so the loss of a probability near 0 is exact to 1e-16 absolute.
    rough = 2e-16 if loss is binary_cross_entropy else 0.0
    assert out.data == pytest.approx(float(true(p, t)), rel=1e-14, abs=rough or 1e-300)
    step = mp.mpf(abs(p)) * mp.mpf(10) ** -20
    true_slope = (true(p + step, t) - true(p - step, t)) / (2 * step)
    assert slope == pytest.approx(float(true_slope), rel=1e-13, abs=1e-15)


def test_slopes_at_the_kinks_of_losses():
    for p, t, slope in ((1.0, 1, 0.0), (-1.0, -1, 0.0)):
        x = Value(p)
        assert gradients(hinge([x], [t]), [x]) == [slope]
    x = Value(2.0)
    assert gradients(mae([x], [2.0]), [x]) == [0.0]
    assert gradients(huber([x], [1.0]), [x]) == [1.0]
    assert gradients(huber([x], [-5.0], delta=2.0), [x]) == [2.0]


@pytest.mark.parametrize("loss", TRUE)
def test_mean_over_samples(loss):
    rows = SAMPLES[loss][:7]
    out = loss([Value(p) for p, _ in rows], [t for _, t in rows])
    true = mp.fsum(TRUE[loss](p, t) for p, t in rows) / len(rows)
    assert out.data == pytest.approx(float(true), rel=1e-14)


def test_several_outputs_are_averaged_over_outputs_too():
    rows = [[Value(1.0), Value(2.0)], [Value(3.0), Value(5.0)]]
    assert mse(rows, np.array([[1.0, 0.0], [3.0, 4.0]])).data == 1.25
    assert mse(np.array([[1.0, 2.0]]), [[0.0, 0.0]]) == 2.5


def test_numbers_alone_give_a_number():
    for loss in TRUE:
        (p, t) = SAMPLES[loss][-1]
        assert isinstance(loss([p], [t]), float)
    assert isinstance(cross_entropy([[1.0, 2.0]], [0]), float)


def test_a_single_prediction_needs_no_list():
    assert mse(Value(3.0), 1.0).data == 4.0
    assert binary_cross_entropy(Value(0.5), 1).data == math.log(2)
    assert cross_entropy([Value(0.0), Value(0.0)], 1).data == math.log(2)


# ---- torch ---------------------------------------------------------------------------


def torchs(name, p, t):
    import torch
    from torch.nn import functional

    if name == "hinge":  # torch has it for embeddings alone
        return torch.relu(1 - t * p).mean()
    names = {"mse": "mse_loss", "mae": "l1_loss", "huber": "huber_loss"}
    return getattr(functional, names.get(name, name))(p, t)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("name", LOSSES)
def test_the_same_loss_and_the_same_100_steps_as_in_torch(name):
    """A linear model, trained by either; three outputs for classes, else one."""
    import torch

    rng = np.random.default_rng(0)
    X, outputs = rng.normal(size=(12, 4)), 3 if name == "cross_entropy" else 1
    y = {
        "cross_entropy": rng.integers(3, size=12),
        "hinge": rng.choice([-1.0, 1.0], 12),
    }.get(name, rng.integers(2, size=12).astype(float))
    last = "sigmoid" if name == "binary_cross_entropy" else None
    model = Layer(4, outputs, last, seed=0)
    net = torch.nn.Linear(4, outputs).double()
    state = {k: torch.tensor(np.array(v)) for k, v in model.state_dict().items()}
    net.load_state_dict(state)
    mine, other = (
        Adam(model.parameters(), lr=0.05),
        torch.optim.Adam(net.parameters(), lr=0.05),
    )
    for _ in range(100):
        loss = LOSSES[name]([model(row) for row in X], y)
        out = net(torch.tensor(X))
        out = out.sigmoid() if last else out
        theirs = torchs(name, out if outputs > 1 else out[:, 0], torch.tensor(y))
        assert loss.data == pytest.approx(theirs.item(), rel=1e-12, abs=1e-13)
        mine.zero_grad(), other.zero_grad()
        loss.backward(), theirs.backward()
        mine.step(), other.step()
    weights = net.weight.detach().numpy()
    np.testing.assert_allclose(model.state_dict()["weight"], weights, 1e-12, 1e-12)


@pytest.mark.parametrize(
    "loss", [binary_cross_entropy, binary_cross_entropy_with_logits]
)
def test_the_part_of_a_class_that_is_not_there_is_left_out(loss):
    p = Value(0.25)
    parts = {t: topological_order(loss([p], [t])) for t in (0, 1, 0.5)}
    assert max(len(parts[0]), len(parts[1])) < len(parts[0.5]) - 3
    assert len(parts[0.5]) == len(topological_order(loss([p], [0.25])))


# ---- probabilities at the very ends --------------------------------------------------


@pytest.mark.parametrize(
    ("p", "t", "loss"), [(0.0, 1, 100.0), (1.0, 0, 100.0), (0.0, 0, 0.0), (1.0, 1, 0.0)]
)
def test_a_probability_of_exactly_0_or_1_costs_at_most_100_as_in_torch(p, t, loss):
    assert binary_cross_entropy([Value(p)], [t]).data == pytest.approx(loss, rel=1e-14)


def test_a_saturated_sigmoid_trains_without_an_error():
    z = Value(1000.0)
    out = binary_cross_entropy([z.sigmoid()], [0])
    assert gradients(out, [z]) == [0.0]
    assert gradients(binary_cross_entropy_with_logits([z], [0]), [z]) == [1.0]


# ---- many classes --------------------------------------------------------------------


def true_cross_entropy(row, t):
    top = mp.mpf(max(row))
    return mp.log(mp.fsum(mp.exp(z - top) for z in row)) + top - mp.mpf(row[t])


@pytest.mark.parametrize(
    "row",
    [
        [0.0, 0.0, 0.0],
        [1.5, -0.3, 0.25, 7.0],
        [1000.0, -1000.0],
        [-1000.0, 1000.0, 999.0],
        [40.0, 0.0],
        [1000.0, 960.0, 950.0],
        [1e17, 1e17, 1e17, 0.0],
        [-1e17, -1e17, -1e17, -3e17],
    ],
)
def test_cross_entropy(row):
    for t in range(len(row)):
        zs = [Value(z) for z in row]
        out = cross_entropy([zs], [t])
        assert out.data == pytest.approx(float(true_cross_entropy(row, t)), rel=1e-14)
        powers = [mp.exp(mp.mpf(z) - max(row)) for z in row]
        shares = [power / mp.fsum(powers) for power in powers]
        true = [float(share - (k == t)) for k, share in enumerate(shares)]
        assert gradients(out, zs) == pytest.approx(true, rel=1e-13, abs=1e-300)


def test_cross_entropy_of_probabilities():
    row, wanted = [1.5, -0.3, 0.25], [0.2, 0.5, 0.3]
    zs = [Value(z) for z in row]
    out = cross_entropy([zs], [wanted])
    true = mp.fsum(w * true_cross_entropy(row, k) for k, w in enumerate(wanted))
    assert out.data == pytest.approx(float(true), rel=1e-14)
    one_hot = cross_entropy([zs, zs], [[0, 1, 0], [0, 0, 1]])
    assert one_hot.data == pytest.approx(
        cross_entropy([zs, zs], [1, 2]).data, rel=1e-14
    )


@pytest.mark.parametrize("size", [1.0, 1e17])
@pytest.mark.parametrize("target", [0, 1, [0.25, 0.75]])
def test_cross_entropy_of_a_logit_that_is_a_number_of_the_program(target, size):
    """Recorded, a logit is any number, beside one that is known."""
    program = compile(lambda x: cross_entropy([[x, size]], [target]), 1)
    logits = [-size, 0.0, size - 16.0, size, size + 16.0, 2 * size]
    found = program([[z] for z in logits])
    for z, loss in zip(logits, found.tolist(), strict=True):
        shares = target if isinstance(target, list) else [1 - target, target]
        true = [
            share * true_cross_entropy([z, size], k) for k, share in enumerate(shares)
        ]
        assert loss == pytest.approx(float(mp.fsum(true)), rel=1e-13, abs=1e-300)


def test_cross_entropy_of_two_classes_is_the_binary_one():
    a, b = Value(0.3), Value(-1.25)
    two = cross_entropy([[a, b]], [1]).data
    assert two == pytest.approx(binary_cross_entropy_with_logits([b - a], [1]).data)


def test_gradcheck():
    gradcheck(lambda a, b: mse([a, b], [1.0, 2.0]), [0.3, -0.7])
    gradcheck(lambda a, b: cross_entropy([[a, b], [b, a]], [0, 0]), [0.3, -0.7])
    gradcheck(lambda a, b: huber([a, b], [0.0, 0.0]), [0.3, -1.7])


# ---- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mse([], []), "no samples"),
        (lambda: mse([Value(1.0)], [1.0, 2.0]), "1 prediction and 2 targets"),
        (
            lambda: mse([Value(1.0)] * 6, [0, 2]),
            "one per class, the loss is cross_entr",
        ),
        (lambda: mse([Value(1.0)] * 5, [0, 2]), "5 predictions and 2 targets$"),
        (lambda: mse([Value(1.0)] * 3, [2]), "3 predictions and 1 target; of outputs"),
        (lambda: mse([Value(1.0)] * 2, [0, 2, 1, 1]), "2 predictions and 4 targets$"),
        (lambda: mse([Value(1.0)], []), "1 prediction and 0 targets$"),
        (lambda: hinge([Value(1.0)], [0]), "targets of -1 and 1, got 0"),
        (lambda: binary_cross_entropy([Value(1.5)], [1]), "between 0 and 1, got 1.5"),
        (lambda: binary_cross_entropy([Value(0.5)], [2]), "targets between 0 and 1"),
        (lambda: binary_cross_entropy_with_logits([Value(0.5)], [-1]), "got -1"),
        (
            lambda: cross_entropy([[Value(1.0), Value(2.0)]], [2]),
            "from 0 to 1 here, got 2",
        ),
        (lambda: cross_entropy([[Value(1.0), Value(2.0)]], [-1]), "got -1"),
        (lambda: cross_entropy([], []), "no samples"),
        (lambda: cross_entropy([[Value(1.0), Value(2.0)]], [0.5]), "got 0.5"),
        (lambda: cross_entropy([[Value(1.0), Value(2.0)]], ["cat"]), "got 'cat'"),
        (lambda: cross_entropy([[Value(1.0)]], [0]), "at least two; for one logit"),
        (
            lambda: cross_entropy([[Value(1.0), Value(2.0)]], [0, 1]),
            "1 prediction and 2",
        ),
        (lambda: huber([Value(1.0)], [1.0], delta=0), "delta is a distance above 0"),
    ],
)
def test_what_a_loss_cannot_compare_is_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("target", ["cat", None])
@pytest.mark.parametrize("packed", [False, True])
def test_a_target_that_is_no_number_is_told(loss, target, packed):
    logits = [Value(0.5), Value(0.25)] if loss is cross_entropy else Value(0.5)
    pair = ([logits], [target]) if packed else (logits, target)
    with pytest.raises((TypeError, ValueError), match=f"number.*, got {target!r}"):
        loss(*pair)
