"""Recurrent networks: torch's numbers, lengths and errors, what they can learn."""

import pytest
from torch_layers import CASES, agrees

import nn
from nn import GRU, LSTM, RNN, Embedding, Layer, PerPosition, Sequential


@pytest.mark.parametrize("case", [c for c in CASES if c in ("rnn", "gru", "lstm")])
def test_numbers_gradients_and_steps_are_torchs(case):
    assert agrees(case)


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_a_row_for_each_step_that_later_ones_do_not_change(kind):
    model = kind(2, 3, seed=0)
    rows = [[0.5, -1.0], [2.0, 0.0], [1.0, 1.0]]
    hidden = [[value.data for value in row] for row in model(rows)]
    assert [len(row) for row in hidden] == [3, 3, 3]
    assert [[v.data for v in row] for row in model(rows[:2])] == hidden[:2]
    assert model([]) == []
    assert kind(2, 3, seed=0).state_dict() == model.state_dict()


def test_what_is_no_sequence_of_rows():
    with pytest.raises(ValueError, match=r"rows of 2 numbers; got a list of 2 numbers"):
        RNN(2, 3)([0.5, 1.0])
    with pytest.raises(ValueError, match=r"rows of 2 numbers; got a list of 1 x 1"):
        RNN(2, 3)([[0.5]])
    with pytest.raises(ValueError, match="hidden is a whole number from 1; got 0"):
        GRU(2, 0)


def test_a_part_for_each_position_gives_lists():
    part = PerPosition(Layer(2, 1, None, seed=0))
    assert [len(row) for row in part([[1.0, 2.0], [3.0, 4.0]])] == [1, 1]
    assert list(part.state_dict()) == ["each.weight", "each.bias"]


@pytest.mark.slow
def test_a_gru_learns_the_parity_of_8_bits():
    bits = [[(n >> k) & 1 for k in range(8)] for n in range(256)]
    parity = [[sum(row[: i + 1]) % 2 for i in range(8)] for row in bits]
    model = Sequential(
        Embedding(2, 2, seed=0),
        GRU(2, 8, seed=1),
        PerPosition(Layer(8, 2, None, seed=2)),
        GRU(2, 8, seed=1),
        PerPosition(Layer(8, 2, None, seed=2)),
    )
    nn.fit(
        model,
        bits,
        parity,
        optimizer=nn.Adam(lr=0.03),
        epochs=40,
        batch_size=16,
        seed=0,
        progress=False,
    )
    last = [model(row)[-1] for row in bits]
    assert [int(one.data > zero.data) for zero, one in last] == [p[-1] for p in parity]
