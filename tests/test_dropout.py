"""Dropout: what is left out when, the same in both engines, and never in use."""

import numpy as np
import pytest

import nn
from autograd import Value, compile
from autograd.compiler import CompileError
from nn import Dropout, Layer, Sequential
from nn.dropout import noise_of

X, Y = nn.data.xor(rows=40)


def model(p=0.4):
    return Sequential(
        Layer(2, 6, "tanh", seed=0), Dropout(p, seed=1), Layer(6, 1, None, seed=2)
    )


def trained(engine, part=None, **options):
    part = part or model()
    options = {
        "epochs": 4,
        "batch_size": 9,
        "seed": 5,
        "validation": 0.2,
        "schedule": "constant",
    } | options
    return part, nn.fit(part, X, Y, engine=engine, progress=False, **options)


def test_numbers_are_left_out_in_training_and_their_mean_stays():
    layer = Dropout(0.25, seed=0)
    found = layer([1.0] * 4000)
    assert set(found) == {0.0, 1 / 0.75}
    assert sum(found) / 4000 == pytest.approx(1, abs=0.03)
    assert layer([[1.0], [Value(1.0)]])[0][0] in (0.0, 1 / 0.75)
    again = Dropout(0.25, seed=0)
    assert again([1.0] * 4000) == found
    assert layer.eval()([1.0]) == [1.0]
    assert Dropout(0.0)([1.0]) == [1.0]


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan"), "half"])
def test_the_part_left_out(p):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        Dropout(p)


def test_both_engines_leave_the_same_out():
    one, first = trained("eager")
    other, second = trained("compiled")
    for name in first.columns:
        assert first[name] == pytest.approx(second[name], rel=1e-9)
    assert np.allclose(nn.predict(one, X), nn.predict(other, X))


def test_each_epoch_draws_anew_and_about_the_right_part():
    noise = noise_of(model(), np.zeros((500, 2)))
    assert noise.parts == (0.4,) * 6
    first, second = noise.drawn(1, 0), noise.drawn(1, 1)
    assert (first == noise.drawn(1, 0)).all()
    assert (first != second).any()
    assert (noise.drawn(2, 0) != first).any()
    assert (first[:, 2:] == 0).mean() == pytest.approx(0.4, abs=0.03)
    assert set(np.unique(first[:, 2:])) == {0.0, 1 / 0.6}
    assert (noise.none(np.zeros((3, 2)))[:, 2:] == 1).all()


def test_it_changes_the_training_and_not_the_validation():
    _, plain = trained("eager", model(0.0))
    part, history = trained("eager")
    assert plain.loss != history.loss
    assert nn.predict(part, X).tolist() == nn.predict(part.train(), X).tolist()
    assert part.training
    assert not part.eval().training


def test_resuming_draws_what_an_unbroken_training_draws(tmp_path):
    whole, _ = trained("eager")
    trained("eager", epochs=2, checkpoint=tmp_path / "m.json")
    rest = model()
    trained("eager", rest, resume=tmp_path / "m.json")
    assert rest.state_dict() == whole.state_dict()
    assert not nn.load(tmp_path / "m.json").training


def test_a_draw_is_not_kept_in_a_program():
    part = model()
    with pytest.raises(CompileError, match=r"after model\.eval\(\)"):
        compile(lambda x, y: part([x, y]), 2, part.parameters())
    part.eval()
    program = compile(lambda x, y: part([x, y]), 2, part.parameters())
    assert program([[0.5, 1.0]])[0] == pytest.approx(part([0.5, 1.0]).data)
