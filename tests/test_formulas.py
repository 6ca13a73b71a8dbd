"""What the losses are in mathematics: each row against its loss, by differences too."""

from __future__ import annotations

import math
import random

import pytest

import nn
from autograd import Value
from autograd.graph import adjoints
from nn.formulas import FORMULAS, losses_in, value_of
from nn.losses import LOSSES

BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def sample(name, rng):
    """Predictions, targets and options that suit a loss, ordinary and extreme ones."""
    count = rng.randint(1, 4) + (name == "cross_entropy")
    size = rng.choice((1.0, 10.0, 1000.0))
    ps = [Value(rng.gauss(0, size)) for _ in range(count)]
    if name == "binary_cross_entropy":
        edges = (rng.random(), 0.0, 1.0, 1e-50, 1e-10, 1 - 1e-9)
        ps = [Value(rng.choice(edges)) for _ in ps]
    targets = [rng.choice((0, 1, -1, rng.gauss(0, 1))) for _ in ps]
    if name in BINARY:
        targets = [rng.choice((0, 1, rng.random())) for _ in ps]
    elif name == "hinge":
        targets = [rng.choice((-1, 1)) for _ in ps]
    elif name == "cross_entropy":
        shares = [rng.random() for _ in ps]
        targets = [share / sum(shares) for share in shares]
        targets = rng.choice((targets, rng.randrange(count)))
    options = {"delta": rng.choice((0.5, 1.0, 3.0))} if name == "huber" else {}
    return ps, targets, options


def summed(element):
    """A loss by the formulas of its row, and the slope by each prediction."""
    row, terms, slopes = bool(element.formula.row), [], []
    for case, known in zip(element.chosen, element.known, strict=True):
        data = case.after(known)
        if data["y"] or not row:
            terms.append(value_of(case.loss, data) * (-1 if row else 1))
        slopes.append(value_of(case.slope, data))
    return math.fsum(terms), slopes


@pytest.mark.parametrize("as_values", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_each_row_is_its_loss_and_its_slope(name, as_values):
    rng = random.Random(name)
    for _ in range(40):
        ps, targets, options = sample(name, rng)
        if as_values and isinstance(targets, list):
            targets = [Value(t) for t in targets]
        loss = LOSSES[name](ps, targets, **options)
        slopes, found = adjoints(loss), losses_in(loss)
        assert {element.name for element in found} == {name}
        assert sorted(p.data for e in found for p in e.predictions) == sorted(
            p.data for p in ps
        )
        for element in found:
            total, own = summed(element)
            assert math.isclose(
                total, element.node.data, rel_tol=1e-12, abs_tol=1e-14
            ), element
            for p, slope in zip(element.predictions, own, strict=True):
                got = slope * slopes[element.node]
                assert math.isclose(got, slopes[p], rel_tol=1e-9, abs_tol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_each_slope_is_that_of_differences(name):
    rng, step = random.Random(f"differences {name}"), 1e-6
    for _ in range(20):
        x = rng.uniform(0.1, 0.9) * (1 if name == "binary_cross_entropy" else 3)
        ps = [Value(x)] if name != "cross_entropy" else [Value(x), Value(0.3)]
        y = {"hinge": rng.choice((-1, 1)), "cross_entropy": rng.randrange(2)}.get(
            name, rng.choice((0, 1, 0.37))
        )
        (element,) = losses_in(LOSSES[name](ps, y))
        place = next(k for k, p in enumerate(element.predictions) if p is ps[0])
        _, slopes = summed(element)

        def at(shift, ps=ps, y=y):
            return LOSSES[name]([ps[0].data + shift, *[p.data for p in ps[1:]]], y)

        if name == "hinge" and abs(1 - y * x) < 2 * step:
            continue
        slope = (at(step) - at(-step)) / (2 * step)
        assert slopes[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_every_loss_has_a_row():
    assert set(FORMULAS) == set(LOSSES)


def test_losses_are_found_behind_sums_and_means():
    x, y = Value(0.4), Value(0.9)
    total = 3 * nn.mse(x, 1) + nn.huber(y, [5]) / 2 - 0.1 * x * y
    assert [e.name for e in losses_in(total)] == ["mse", "huber"]
    rows = [[Value(0.1 * i + k) for k in range(3)] for i in range(4)]
    found = losses_in(nn.cross_entropy(rows, [0, 1, 2, 1]))
    assert [{*e.predictions} for e in found] == [{*row} for row in rows]
    every = [e.targets[e.predictions.index(row[t])] for e, row, t in zip(
        found, rows, (0, 1, 2, 1), strict=True
    )]  # fmt: skip
    assert every == [1.0] * 4


def test_what_only_looks_like_a_loss_is_none():
    x, w = Value(0.4), Value(0.7)
    for formula in (
        x * x,
        (x - 1) * (x - 2),
        -(x.log()),
        (1 - 2 * x).relu(),
        (x * w).tanh(),
        (x - 1) * (w - 1),
    ):
        assert not losses_in(formula)
    for formula in (x.softplus(), (x - 1).abs()):
        assert not any(element.certain for element in losses_in(formula))
