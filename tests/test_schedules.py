"""Schedules against their formulas, and against torch's."""

import math
from importlib.util import find_spec

import numpy as np
import pytest

from nn.schedules import SCHEDULES, constant, cosine, linear, schedule, step, warm_up


def test_schedules():
    assert [constant()(e) for e in (0, 7)] == [1.0, 1.0]
    np.testing.assert_allclose(
        [step(3)(e) for e in range(7)], [1, 1, 1, 0.1, 0.1, 0.1, 0.01]
    )
    cosines = [(1 + math.cos(math.pi * e / 8)) / 2 for e in range(9)]
    assert [cosine(8)(e) for e in range(9)] == cosines
    assert cosine(8)(100) == 0.0
    ended = [0.25 + 0.75 * factor for factor in cosines]
    assert [cosine(8, end=0.25)(e) for e in range(9)] == ended
    assert [linear(4, end=0.5)(e) for e in range(6)] == [
        1,
        0.875,
        0.75,
        0.625,
        0.5,
        0.5,
    ]
    assert [warm_up(4)(e) for e in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert warm_up(2, then=linear(4))(4) == linear(4)(2)


def half_wave(done):
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


def warmed_up(epoch, epochs):
    """A tenth of the epochs up in equal steps, the others down along a cosine."""
    up = max(1, epochs // 10)
    down = max(1, epochs - epochs // 10)
    return (epoch + 1) / up if epoch < up else half_wave((epoch - up) / down)


NAMED = {
    "constant": lambda epoch, epochs: 1.0,
    "step": lambda epoch, epochs: (
        0.1 ** sum(epoch >= part * epochs / 3 for part in (1, 2))
    ),
    "cosine": lambda epoch, epochs: half_wave(epoch / epochs),
    "linear": lambda epoch, epochs: max(0.0, 1 - epoch / epochs),
    "warm-up": warmed_up,
}
"""By name, the factor for an epoch (from 0) of so many, and after them."""


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10, 20, 31, 100])
def test_a_schedule_by_name_is_its_formula(name, epochs):
    found = [schedule(name, epochs)(epoch) for epoch in range(2 * epochs + 2)]
    expected = [NAMED[name](epoch, epochs) for epoch in range(2 * epochs + 2)]
    np.testing.assert_allclose(found, expected, 1e-13)


def test_warm_up_by_name_is_at_its_top_after_a_tenth():
    rates = [schedule("warm-up", 20)(epoch) for epoch in range(20)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True)


@pytest.mark.parametrize("epochs", range(3, 60))
def test_step_divides_by_10_twice(epochs):
    factors = [schedule("step", epochs)(epoch) for epoch in range(epochs)]
    assert len(set(factors)) == 3
    np.testing.assert_allclose(factors[-1], 0.01, 1e-13)
    counts = [factors.count(factor) for factor in set(factors)]
    assert max(counts) - min(counts) <= 1


def test_what_chooses_a_schedule():
    assert schedule(None, 10)(3) == 1.0
    assert schedule("linear", 0)(0) == 1.0  # no epoch at all
    assert schedule(lambda epoch: epoch / 2, 10)(3) == 1.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedule("slow", 10), "unknown schedule 'slow'; choose one of const"),
        (lambda: schedule(0.5, 10), "unknown schedule 0.5"),
        (lambda: step(0), "every is a number of epochs from 1; got 0"),
        (lambda: cosine(0), "epochs is a number of epochs from 1; got 0"),
        (lambda: linear(0), "epochs is a number of epochs from 1; got 0"),
        (lambda: warm_up(0), "epochs is a number of epochs from 1; got 0"),
    ],
)
def test_what_cannot_be_a_schedule(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 10, 100])
def test_named_schedules_stay_between_0_and_1(name, epochs):
    factors = [schedule(name, epochs)(epoch) for epoch in range(epochs)]
    assert all(0 < factor <= 1 for factor in factors)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_schedules_are_torchs():
    import torch
    from torch.optim import lr_scheduler

    def rates(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler, found = make(optimizer), []
        for _ in range(12):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    pairs = [
        (step(5, 0.3), lambda o: lr_scheduler.StepLR(o, 5, 0.3)),
        (cosine(12), lambda o: lr_scheduler.CosineAnnealingLR(o, 12)),
        (linear(8), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 8)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(
            [ours(e) for e in range(12)], rates(theirs), 1e-12, 1e-15
        )
