"""Training on sequences: padding, weights, both engines, what is told."""

import math
import random

import numpy as np
import pytest

import nn
from nn import (
    GPT,
    GRU,
    Embedding,
    Layer,
    PerPosition,
    SelfAttention,
    Sequences,
    Sequential,
    cross_entropy,
)

RNG = random.Random(0)
X = [[0] + [RNG.randrange(1, 5) for _ in range(RNG.randrange(1, 4))] for _ in range(15)]
Y = [[*tokens[1:], 0] for tokens in X]

MODELS = {
    "gpt": lambda: GPT(5, 2, 1, 1, 4, seed=1),
    "gpt with dropout": lambda: GPT(5, 2, 1, 1, 4, seed=1, dropout=0.2),
    "gru": lambda: Sequential(
        Embedding(5, 3, seed=0),
        GRU(3, 4, seed=1),
        PerPosition(Layer(4, 5, None, seed=2)),
    ),
}


def trained(model, data=(X, Y), **options):
    usual = {"epochs": 2, "batch_size": 6, "seed": 3, "validation": 0.2}
    options = usual | {"engine": "eager", "schedule": "constant"} | options
    return nn.fit(model, *data, progress=False, **options)


def per_token(model, X, Y):
    """The loss per token, with nothing padded."""
    losses = [
        cross_entropy([row], [t]).data
        for tokens, wanted in zip(X, Y, strict=True)
        for row, t in zip(model(tokens), wanted, strict=True)
        if t is not None
    ]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_both_engines_train_alike(make):
    first, second = trained(make()), trained(make(), engine="compiled")
    assert second.engine.startswith("compiled")
    for name in first.columns:
        assert first[name] == pytest.approx(second[name], rel=1e-9)


def test_the_loss_is_that_of_every_token_alike():
    model = MODELS["gpt"]()
    before = per_token(model, X, Y)
    history = trained(model, validation=None, batch_size=None, epochs=1)
    assert history.loss == [pytest.approx(before, rel=1e-12)]
    assert history["perplexity"] == [pytest.approx(math.exp(before), rel=1e-12)]
    assert history.loss_name == "loss_per_token"
    inside, outside = Sequences(X, Y).split(0.2, seed=3)
    assert len(outside) == 3
    checked = trained(MODELS["gpt"](), inside, validation=outside, epochs=1)
    untouched = trained(MODELS["gpt"](), epochs=1)
    assert checked["validation_loss"] == untouched["validation_loss"]


def test_none_is_not_told():
    model = MODELS["gru"]()
    wanted = [[None, *tokens[1:]] for tokens in Y]
    history = trained(model, (X, wanted), validation=None, batch_size=None, epochs=1)
    assert history.loss == [pytest.approx(per_token(MODELS["gru"](), X, wanted))]


def test_a_row_is_padded_and_its_weights_count_tokens():
    table = Sequences([[1, 2], [3]], [[2, 4], [None]]).table(3)
    assert table.tolist() == [[1, 2, 0, 2, 4, 0, 1, 1, 0], [3, 0, 0, 0, 0, 0, 0, 0, 0]]
    lone = Sequences([[1], [3]], [[2], [None]]).table(1)
    assert lone.tolist() == [[1, 2, 2], [3, 0, 0]]


def test_resume_and_early_stop(tmp_path):
    whole, rest = MODELS["gpt"](), MODELS["gpt"]()
    trained(whole, epochs=3)
    path = tmp_path / "m.json"
    trained(MODELS["gpt"](), epochs=1, checkpoint=path)
    trained(rest, epochs=3, resume=path)
    assert rest.state_dict() == whole.state_dict()
    history = trained(MODELS["gpt"](), epochs=5, patience=1, optimizer=nn.SGD(lr=30.0))
    assert history.stopped == "early"


def test_what_can_not_be_padded():
    model = Sequential(
        Embedding(5, 4, seed=0),
        SelfAttention(4, causal=False, seed=0),
        PerPosition(Layer(4, 5, None, seed=1)),
    )
    with pytest.raises(ValueError, match="depends on positions after it"):
        trained(model)
    alike = [tokens[:2] for tokens in X], [tokens[:2] for tokens in Y]
    assert len(trained(model, alike, epochs=1)) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (([[0, 1]], [[1]]), "sequence 1 has 2 tokens, and 1 to tell"),
        (([[0], [1]], [[1]]), "2 sequences and 1 of what"),
        (([[0], []], [[1], []]), "sequence 2 has 0 tokens"),
        (([[0], [0.5]], [[1], [1]]), "sequence 2 has 0.5"),
        (([[0], [-1]], [[1], [1]]), "sequence 2 has -1"),
        (([[0], [math.nan]], [[1], [1]]), "sequence 2 has nan"),
        (([[0], [2]], [[None], [math.inf]]), "sequence 2 has inf"),
        (([[0], [None]], [[1], [1]]), "sequence 2 has None"),
        (([[0], [[1]]], [[1], [1]]), r"sequence 2 has \[1\]"),
        (([], []), "at least one"),
    ],
)
def test_what_are_no_sequences(data, message):
    with pytest.raises(ValueError, match=message):
        Sequences(*data)


def test_a_text_that_is_too_short_to_keep_a_part_aside():
    for items in (["anna"], ["anna", "nina"]):
        with pytest.raises(ValueError, match="give a text with more items"):
            nn.learn_text(items, test=0.25)


def test_what_fit_says_of_sequences():
    with pytest.raises(ValueError, match="no token to tell"):
        trained(MODELS["gru"](), ([[0]], [[None]]), validation=None)
    with pytest.raises(ValueError, match="by the cross_entropy"):
        trained(MODELS["gru"](), loss="mse")
    with pytest.raises(ValueError, match="1 to 4 tokens, its context; got 6"):
        trained(MODELS["gpt"](), ([[0] * 6, [0]], [[1] * 6, [1]]))


def test_a_table_of_whole_numbers_is_a_table():
    model = nn.MLP(2, [2], seed=0)
    history = trained(model, ([[0, 1], [1, 0]] * 5, [[0, 1], [1, 0]] * 5))
    assert "error" in history.columns
    assert np.shape(nn.predict(model, [[0, 1]])) == (1, 2)


@pytest.mark.slow
def test_a_gru_echoes_a_token_after_ten_steps():
    rng = random.Random(1)
    tokens = [[rng.randrange(4), *[4] * 10] for _ in range(64)]
    wanted = [[*[None] * 10, row[0]] for row in tokens]
    model = Sequential(
        Embedding(5, 4, seed=0),
        GRU(4, 8, seed=1),
        PerPosition(Layer(8, 4, None, seed=2)),
    )
    history = trained(
        model,
        (tokens, wanted),
        optimizer=nn.Adam(lr=0.03),
        epochs=150,
        batch_size=16,
        engine="auto",
    )
    assert history["validation_loss"][-1] < 0.05
