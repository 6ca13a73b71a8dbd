"""The range test: it leaves the model alone, and its rate trains."""

import pytest

from nn import MLP, SGD, Adam, data, fit
from nn.rates import HIGHEST, find_lr
from viz.plots import plot_rates

X, Y = data.moons(rows=120, seed=0)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_the_rate_that_is_suggested_trains_better_than_others(kind):
    model = MLP(2, [8, 1], seed=0)
    before = model.state_dict()
    found = find_lr(model, X, Y, optimizer=kind())
    assert model.state_dict() == before
    assert find_lr(model, X, Y, optimizer=kind()) == found

    def loss(lr):
        twin = MLP(2, [8, 1], seed=0)
        return fit(twin, X, Y, optimizer=kind(lr=lr), epochs=10, seed=0).loss[-1]

    assert loss(found.suggestion) < loss(found.suggestion / 100)


def test_the_test_ends_where_the_loss_grows():
    found = find_lr(MLP(2, [8, 1], seed=0), 30 * X, Y, "mse", "sgd")
    assert found.rates[-1] < HIGHEST
    assert max(found.losses) <= 4 * found.losses[0]
    assert plot_rates(found).as_bytes("svg").startswith(b"<?xml")


def test_a_set_is_its_table_and_its_targets():
    model = MLP(2, [8, 1], seed=0)
    assert find_lr(model, data.moons(rows=120, seed=0)) == find_lr(model, X, Y)
    with pytest.raises(TypeError, match="y is missing"):
        find_lr(model, X)
