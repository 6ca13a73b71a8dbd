"""Operations over any number of Values and numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import autograd
from autograd import Value, dot, gradients, hessian, logsumexp, mean, prod, softmax
from autograd import sum as total

VALUES = [0.5, -1.25, 3.0]


@pytest.mark.parametrize(
    ("f", "wanted", "slopes"),
    [
        (total, 2.25, [1.0, 1.0, 1.0]),
        (mean, 0.75, [1 / 3, 1 / 3, 1 / 3]),
        (prod, -1.875, [-3.75, 1.5, -0.625]),
    ],
)
def test_values_and_slopes(f, wanted, slopes):
    xs = [Value(x) for x in VALUES]
    y = f(xs)
    assert y.data == wanted
    assert gradients(y, xs) == slopes
    assert y.parents == tuple(xs)
    assert f(VALUES) == wanted
    assert type(f(VALUES)) is float
    assert f(iter(xs)).data == wanted
    assert f([xs[0], *VALUES[1:]]).data == wanted


def test_one_node_for_many_terms():
    xs = [Value(float(i)) for i in range(1000)]
    assert len(autograd.topological_order(total(xs))) == 1001
    assert total(xs).data == 499_500.0


def test_nothing():
    assert (total([]), prod([]), dot([], [])) == (0.0, 1.0, 0.0)
    for f in (mean, logsumexp, softmax):
        with pytest.raises(ValueError, match="of no numbers is not defined"):
            f([])


def test_dot():
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), 4.0]
    y = dot(xs, ys)
    assert (y.data, y.op) == (11.0, "dot")
    assert gradients(y, [*xs, ys[0]]) == [3.0, 4.0, 1.0]
    assert dot([1, 2], [3, 4]) == 11.0
    x = Value(3.0)
    assert gradients(dot([x], [x]), [x]) == [6.0]
    with pytest.raises(ValueError, match="same length, got 1 and 2"):
        dot([x], [1.0, 2.0])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_a_product_with_zeros(zeros):
    xs = (
        [Value(0.0)] * 0 + [Value(0.0) for _ in range(zeros)] + [Value(2.0), Value(5.0)]
    )
    slopes = gradients(prod(xs), xs)
    others = [math.prod(y.data for y in xs if y is not x) for x in xs]
    assert slopes == others


def test_second_derivatives():
    assert hessian(prod)([2.0, 3.0, 5.0]) == [
        [0.0, 5.0, 3.0],
        [5.0, 0.0, 2.0],
        [3.0, 2.0, 0.0],
    ]
    assert hessian(mean)([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hessian(lambda v: dot(v, v))([1.0, 2.0]) == [[2.0, 0.0], [0.0, 2.0]]


def test_logsumexp_at_the_ends():
    assert logsumexp([-math.inf, 1.0]) == 1.0
    assert logsumexp([math.inf, 1.0]) == math.inf
    assert math.isnan(logsumexp([math.nan, 1.0]))
    assert logsumexp([Value(-1000.0)]).data == -1000.0
    x = Value(3.0)
    assert gradients(logsumexp([x]), [x]) == [1.0]


def test_softmax():
    xs = [Value(1000.0), Value(0.0), Value(1001.0)]
    shares = softmax(xs)
    assert sum(p.data for p in shares) == pytest.approx(1.0, rel=1e-15)
    assert shares[1].data == 0.0
    p = shares[0].data
    assert gradients(shares[0], xs) == pytest.approx([p * (1 - p), 0.0, -p * (1 - p)])
    assert softmax([0.0, 0.0]) == [0.5, 0.5]


@pytest.mark.parametrize("f", [total, mean, prod, logsumexp, softmax])
def test_what_is_no_number(f):
    with pytest.raises(TypeError, match="got 'a' of type str"):
        f([Value(1.0), "a"])
    with pytest.raises(TypeError, match="got None"):
        f([1.0, None])
    with pytest.raises(TypeError):
        f(3.0)


@pytest.mark.parametrize("f", [total, mean, prod, logsumexp])
def test_numbers_of_every_kind(f):
    numbers = [1, 2.0, True, np.float32(0.5), np.int64(3), Fraction(1, 2)]
    wanted = f([float(x) for x in numbers])
    assert f(numbers) == wanted
    assert f([Value(1.0), *numbers[1:]]).data == wanted
