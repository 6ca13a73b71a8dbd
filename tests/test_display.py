"""What a notebook shows of a set, a network, a training and its progress."""

import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

import nn
from nn.data import Dataset
from nn.history import progress_bar

SVG = "{http://www.w3.org/2000/svg}"


def page(thing):
    """What a notebook shows, read as a page."""
    return ElementTree.fromstring(
        f"<div>{thing._repr_html_()}</div>".replace("<br>", "")
    )


def words(thing):
    return [cell.text for cell in page(thing).iter() if cell.tag in ("th", "td")]


def test_a_set_shows_its_first_rows():
    table = nn.data.xor(20, seed=0)
    found = words(table)
    assert found[:3] == ["x1", "x2", "class"]
    assert found[3:6] == [*[f"{x:.4g}" for x in table.X[0]], str(table.y[0])]
    assert len(found) == 3 * 9


def test_what_a_user_named_is_text():
    table = Dataset(nn.data.xor(4).X, ["<i>", "&", "a", "b"], ("<b>", '"'), "</table>")
    assert words(table)[:3] == ["<b>", '"', "</table>"]
    history = nn.History({"loss": [2.0, 1.0], "<script>": [1.0, 0.5]})
    assert [t.text for t in page(history).iter(f"{SVG}text")][1] == "<script>: 0.5"


def test_a_network_shows_its_layers_and_its_neurons():
    model = nn.MLP(3, [20, 2], seed=0)
    assert words(model)[2:] == [
        "layers.0.weight", "20 x 3", "layers.0.bias", "20",
        "layers.1.weight", "2 x 20", "layers.1.bias", "2",
    ]  # fmt: skip
    assert len([*page(model).iter(f"{SVG}circle")]) == 3 + 12 + 2
    assert len([*page(model).iter(f"{SVG}line")]) == 12 * 3 + 2 * 12


@pytest.mark.parametrize(
    "model",
    [
        nn.Neuron(2, seed=0),
        nn.Sequential("tanh"),
        nn.Sequential(nn.Layer(2, 3), lambda x: x[:2], nn.Layer(2, 1)),
    ],
)
def test_what_is_no_chain_of_layers_is_a_table(model):
    assert not [*page(model).iter(f"{SVG}svg")]


def test_a_training_shows_its_curves():
    nan, inf = float("nan"), float("inf")
    history = nn.History(
        {"loss": [1.0, inf, nan, 0.5], "validation_loss": [2.0, 1.0, 0.5, 0.25]}
    )
    lines = [line.get("points") for line in page(history).iter(f"{SVG}polyline")]
    assert [len(line.split()) for line in lines] == [2, 4]
    assert not [*page(nn.History()).iter(f"{SVG}svg")]


def test_a_bar_moves_below_the_cell(monkeypatch):
    shown = []
    updated = []
    handle = SimpleNamespace(
        update=lambda bar: (updated.append(bar), shown.append(repr(bar)))
    )
    here = SimpleNamespace(display=lambda bar, display_id: shown.append(bar) or handle)
    shell = SimpleNamespace(kernel=None)
    python = SimpleNamespace(get_ipython=lambda: shell, display=here)
    monkeypatch.setitem(sys.modules, "IPython", python)
    with progress_bar(5, 2, True) as show:
        show(3, {"loss": 0.5, "accuracy": 0.75}, "<b>\nand so on, to an end")
    told = "epoch 3/5  loss 0.5  accuracy 0.750  <b>?and so on, to an end"
    assert shown[-1] == told
    assert "&lt;b&gt;" in updated[-1]._repr_html_()
    assert 'value="2" max="5"' in shown[0]._repr_html_()
    shown.clear()
    with progress_bar(5, 2, False) as show:
        show(3, {"loss": 0.5}, "")
    assert not shown
