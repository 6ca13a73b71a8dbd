"""Convolutions and pooling: torch's numbers, shapes and errors, images of digits."""

import numpy as np
import pytest
from torch_layers import CASES, agrees

import nn
from nn import AvgPool2d, Conv1d, Conv2d, Flatten, Layer, MaxPool2d, Reshape, Sequential


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("conv")])
def test_numbers_gradients_and_steps_are_torchs(case):
    assert agrees(case)


def test_what_does_not_fit_together():
    with pytest.raises(
        ValueError, match=r"Conv2d\(2, 3, 2\) takes a list of 2 channels"
    ):
        Conv2d(2, 3, 2)([[[1.0]]])
    with pytest.raises(ValueError, match="a kernel of 3 does not fit into 2"):
        Conv1d(1, 1, 3)([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"Reshape\(2, 2\) takes 4 numbers, got 3"):
        Reshape(2, 2)([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="stride is a whole number from 1; got 0"):
        Conv1d(1, 1, 3, stride=0)
    with pytest.raises(ValueError, match=r"padding that is not 0 .* got -1"):
        Conv1d(1, 1, 3, padding=-1)


@pytest.mark.parametrize("made", [Flatten(), Reshape(2, 2), Reshape(4)])
def test_numbers_may_come_in_any_lists(made):
    numbers = [1.0, 2.0, 3.0, 4.0]
    wanted = made(numbers)
    pairs = [(1.0, 2.0), (3.0, 4.0)]
    for given in (tuple(numbers), pairs, np.array(pairs), [[[x]] for x in numbers]):
        assert made(given) == wanted
    for nothing in (None, "1234", {1.0: 2.0}):
        with pytest.raises(TypeError, match="number"):
            made(nothing)


def test_a_kernel_may_be_as_long_as_the_input():
    conv = Conv1d(1, 1, 2, seed=0)
    weights = [w.data for w in conv.parameters()]
    ((out,),) = conv([[1.0, 2.0]])
    assert out.data == pytest.approx(weights[0] + 2 * weights[1])
    assert MaxPool2d(2)([[[1.0, 2.0], [3.0, 4.0]]]) == [[[4.0]]]


def test_pools_leave_what_fills_no_square():
    image = [[[1.0, 5.0, 9.0], [3.0, 7.0, 9.0], [9.0, 9.0, 9.0]]]
    assert MaxPool2d(2)(image) == [[[7.0]]]
    assert AvgPool2d(2)(image) == [[[4.0]]]
    assert MaxPool2d(1)(image) == image


def small_network():
    return Sequential(
        Reshape(1, 8, 8),
        Conv2d(1, 12, 3, padding=1, seed=0),
        "relu",
        MaxPool2d(2),
        Flatten(),
        Layer(192, 10, None, seed=1),
    )


@pytest.mark.slow
def test_a_convolution_reads_the_digits():
    pytest.importorskip("sklearn")
    inside, outside = nn.data.digits().split(0.25, seed=0)
    history = nn.fit(
        small_network(),
        inside.X / 16,
        inside.y,
        optimizer=nn.AdamW(lr=0.01, weight_decay=0.2),
        schedule="cosine",
        epochs=15,
        batch_size=16,
        validation=(outside.X / 16, outside.y),
        seed=0,
        progress=False,
    )
    assert history["validation_accuracy"][-1] >= 0.97
