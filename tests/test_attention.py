"""Embedding, norms, attention, blocks, GPT: torch's numbers, errors, what is seen."""

import math

import pytest
from torch_layers import CASES, X, agrees

from autograd import Value, compile, gradcheck
from nn import GPT, Block, Embedding, LayerNorm, RMSNorm, SelfAttention


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.startswith(("conv", "gru", "rnn", "ls"))],
)
def test_numbers_gradients_and_steps_are_torchs(case):
    assert agrees(case)


def numbers(rows):
    return [[value.data for value in row] for row in rows]


# ---- embedding -----------------------------------------------------------------------


def test_a_token_that_differs_from_row_to_row():
    embedding = Embedding(4, 2, seed=0)
    program = compile(lambda token: embedding(token), 1, embedding.parameters())
    found = program([[2.0], [0.0], [3.0]])
    assert found.tolist() == numbers(embedding([2, 0, 3]))
    (first, *_) = embedding(Value(2.0))
    first.backward()
    grads = [[value.grad for value in row] for row in embedding.weight]
    assert grads == [[0, 0], [0, 0], [1, 0], [0, 0]]


@pytest.mark.parametrize("token", [-1, 4, 1.5, math.nan])
def test_what_is_no_token(token):
    with pytest.raises(ValueError, match="a token is a whole number from 0 to 3 here"):
        Embedding(4, 2)([0, token])


@pytest.mark.parametrize("token", ["ab", b"ab", None, ["a"]])
def test_what_is_no_number_is_no_token(token):
    told = r"a token is a whole number from 0 to 3 here, got .*; nn.tokens makes tokens"
    with pytest.raises(TypeError, match=told):
        Embedding(4, 2)(token)


# ---- norms and attention -------------------------------------------------------------


@pytest.mark.parametrize("norm", [RMSNorm(3), LayerNorm(3)])
def test_a_norm_takes_a_row_or_rows_and_has_the_right_slopes(norm):
    row = [0.5, -1.0, 2.0]
    assert numbers(norm([row, row])) == [[value.data for value in norm(row)]] * 2
    assert gradcheck(lambda *x: norm(list(x))[1] * norm(list(x))[2], row)
    with pytest.raises(
        ValueError, match="takes a list of rows of 3 numbers; got a list of 2 "
    ):
        norm([1.0, 2.0])


def test_each_position_sees_those_before_it():
    rows, attention = X, SelfAttention(6, 2, seed=0)
    weights = attention.weights(rows)
    assert [[len(row) for row in head] for head in weights] == [[1, 2, 3, 4, 5]] * 2
    assert all(
        sum(value.data for value in row) == pytest.approx(1)
        for head in weights
        for row in head
    )
    longer = attention([*rows, [9.0] * 6])
    assert numbers(longer)[:-1] == numbers(attention(rows))


def test_one_head_is_one_head():
    assert repr(SelfAttention(4, 1)) == "SelfAttention(4, 1 head)"
    assert repr(Block(4, 1)) == "Block(4, 1 head)"


def test_the_heads_share_the_width():
    with pytest.raises(
        ValueError,
        match="heads has to divide the width: 4 do not divide 6, but 1, 2, 3, 6 do",
    ):
        SelfAttention(6, 4)


def test_a_block_of_width_one():
    assert len(Block(1, seed=0)([[1.0], [2.0]])[0]) == 1


# ---- the whole -----------------------------------------------------------------------


def small(**options):
    return GPT(5, 4, 2, 2, 6, seed=0, **options)


def test_logits_for_each_position_that_later_ones_do_not_change():
    model = small()
    logits = numbers(model([0, 3, 1]))
    assert (len(logits), len(logits[0])) == (3, 5)
    assert numbers(model([0, 3, 1, 2, 4]))[:3] == logits
    assert small().state_dict() == model.state_dict()


@pytest.mark.parametrize("tokens", [[], [0] * 7])
def test_a_sequence_has_to_fit_into_the_context(tokens):
    with pytest.raises(ValueError, match="1 to 6 tokens, its context"):
        small()(tokens)


def test_tied_weights_are_one():
    model, free = small(tied=True), small()
    assert model.head.neurons[2].w[1] is model.token.weight[2][1]
    assert len(free.parameters()) - len(model.parameters()) == 5 * 4
    state = model.state_dict()
    assert state["head.weight"] == state["token.weight"]


def test_state_goes_both_ways():
    model, other = small(), GPT(5, 4, 2, 2, 6, seed=1)
    other.load_state_dict(model.state_dict())
    assert numbers(other([1, 2])) == numbers(model([1, 2]))
