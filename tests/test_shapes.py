"""What parts of a network say of what they can't take: shapes, texts, nothing."""

import re

import numpy as np
import pytest

import nn
from nn.shapes import sizes_of

ROWS = {
    "rnn": nn.RNN(2, 3, seed=0),
    "gru": nn.GRU(2, 3, seed=0),
    "lstm": nn.LSTM(2, 3, seed=0),
    "attention": nn.SelfAttention(2, seed=0),
    "block": nn.Block(2, seed=0),
    "layernorm": nn.LayerNorm(2),
    "rmsnorm": nn.RMSNorm(2),
}
CHANNELS = {
    "conv1d": (nn.Conv1d(1, 2, 2, seed=0), 2),
    "conv2d": (nn.Conv2d(1, 2, 2, seed=0), 3),
    "max": (nn.MaxPool2d(2), 3),
    "mean": (nn.AvgPool2d(2), 3),
}
GPT = nn.GPT(3, 2, 1, 1, 4, seed=0)
WRONG = [None, 3.0, "ab", [[1.0]], [[1.0, 2.0], [1.0]], [["a", "b"]], [[None, 1.0]], {}]
NO_ROWS = [*WRONG, [1.0, 2.0, 3.0], np.ones((2, 2, 2)), np.ones(3)]


def outs(x):
    """The numbers in (nested) lists, as they are."""
    return [v for item in x for v in outs(item)] if isinstance(x, list) else [x.data]


@pytest.mark.parametrize("wrong", NO_ROWS, ids=repr)
@pytest.mark.parametrize("part", ROWS.values(), ids=ROWS)
def test_what_are_no_rows(part, wrong):
    own = re.escape(repr(part))
    with pytest.raises(
        (TypeError, ValueError),
        match=f"this {own} takes a list of rows|one real number",
    ):
        part(wrong)


@pytest.mark.parametrize("part", ROWS.values(), ids=ROWS)
def test_rows_in_whatever_they_come(part):
    rows = [[1.0, 2.0], [0.5, -1.0]]
    expected = outs(part(rows))
    for same in (np.array(rows), [np.array(row) for row in rows], tuple(rows)):
        assert outs(part(same)) == expected
    with pytest.raises(ValueError, match=r"\[model\(x\) for x in batch\]"):
        part([rows, rows])
    if not isinstance(part, (nn.LayerNorm, nn.RMSNorm)):
        with pytest.raises(ValueError, match=r"in brackets, \[x\]"):
            part(rows[0])


@pytest.mark.parametrize(("part", "depth"), CHANNELS.values(), ids=CHANNELS)
def test_what_are_no_channels(part, depth):
    image = np.ones((1, 4) if depth == 2 else (1, 4, 4))
    assert len(part(image)) == len(part(image.tolist()))
    with pytest.raises(ValueError, match=r"in brackets, \[x\]"):
        part(image[0])
    with pytest.raises(ValueError, match=r"\[model\(x\) for x in batch\]"):
        part([image])
    for wrong in (None, 3.0, "ab", [], [[]], {}):
        with pytest.raises(ValueError, match=r"takes a list of (1 )?channel"):
            part(wrong)
    with pytest.raises(TypeError, match="one real number, got 'a'"):
        part(np.full(image.shape, "a"))
    if depth == 3:
        with pytest.raises(ValueError, match="rows of one length"):
            part([[[1.0, 2.0], [1.0]]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "got None"),
        (2, "got 2"),
        ("ab", "encode"),
        ([[0, 1], [1, 2]], "for x in batch"),
        (np.ones((2, 2), dtype=int), "for x in batch"),
        (["a", "b"], "got 'a'; nn.tokens makes"),
        ([None], "got None"),
        ([3], "from 0 to 2 here, got 3"),
        ([0.5], "got 0.5"),
        ([], "1 to 4 tokens"),
        ([0] * 5, "1 to 4 tokens, its context; got 5"),
    ],
)
def test_what_are_no_tokens(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        GPT(wrong)


@pytest.mark.parametrize("part", [nn.Flatten(), nn.Reshape(2), nn.Dropout(0.5)])
@pytest.mark.parametrize("wrong", [None, "ab", {}], ids=repr)
def test_what_are_no_numbers(part, wrong):
    with pytest.raises(TypeError, match="expected one real number"):
        part(wrong)


def test_a_model_of_sequences_is_no_model_of_a_table():
    with pytest.raises(TypeError, match=r"\[model\(tokens\) for tokens in X\]"):
        nn.predict(GPT, [[0, 1]])
    tokens = np.array([[0, 1], [1, 2]])
    assert "perplexity" in nn.fit(GPT, tokens, tokens, epochs=1, engine="eager").columns
    assert sizes_of(tokens.tolist()) == (2, 2)
