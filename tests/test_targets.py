"""Labels to numbers and back: which loss suits them, and how outputs are read."""

import math
from enum import StrEnum

import numpy as np
import pytest

import nn
from nn.losses import LOSSES
from nn.targets import Labels, choose_loss, encode, find_labels, plain, threshold_of

LOGITS, SHARES = "binary_cross_entropy_with_logits", "binary_cross_entropy"


@pytest.mark.parametrize(
    ("labels", "outputs", "threshold", "name"),
    [
        ([0, 1], 1, 0.0, LOGITS),
        ([0, 1], 1, 0.5, SHARES),
        ([-1, 1], 1, 0.0, LOGITS),
        ([-1, 1], 1, 0.5, SHARES),
        ([0.0, 1.0], 1, 0.0, LOGITS),
        ([-1.0, 1.0], 1, 0.0, LOGITS),
        ([True, False], 1, 0.0, LOGITS),
        ([0, 1, 0.5], 1, 0.0, "mse"),  # one that is no whole number, and all are none
        ([0, 1, 0.5], 2, 0.0, "mse"),
        ([1, 1], 1, 0.0, LOGITS),
        ([0, 0], 1, 0.0, LOGITS),
        ([-1, -1], 1, 0.0, LOGITS),
        ([2, 2], 1, 0.0, "mse"),
        (["no", "yes"], 1, 0.0, LOGITS),
        (["no", "yes"], 1, 0.5, SHARES),
        (["no", "yes"], 2, 0.0, "cross_entropy"),
        (["a", "b", "c"], 3, 0.0, "cross_entropy"),
        ([0, 1], 2, 0.0, "cross_entropy"),
        ([0, 1, 2], 3, 0.0, "cross_entropy"),
        ([200.0, 201.0], 2, 0.0, "cross_entropy"),
        ([-1, 0, 1], 1, 0.0, "mse"),
        ([0, 1, 2], 1, 0.0, "mse"),
        ([0, 2], 1, 0.0, "mse"),
        ([1, 2, 2, 1], 1, 0.0, LOGITS),
        ([7, 3, 3, 7], 1, 0.5, SHARES),
        ([3, 7, 3], 1, 0.0, "mse"),
        ([2.0, 4.0, 2.0, 4.0], 1, 0.0, LOGITS),
        ([2.5, 4.0, 2.5, 4.0], 1, 0.0, "mse"),
        ([0.5, 1.0], 1, 0.0, "mse"),
        ([0.5, 1.0], 2, 0.0, "mse"),
        ([[0.5, 1.0], [0.0, 2.0]], 2, 0.0, "mse"),
    ],
)
@pytest.mark.parametrize("kind", [list, np.array], ids=["list", "array"])
def test_the_loss_that_suits_the_labels(labels, outputs, threshold, name, kind):
    chosen = choose_loss("auto", kind(labels), outputs, threshold)
    assert chosen is LOSSES[name]


@pytest.mark.parametrize("labels", [[0, 1, 2] * 2, [5.0, 3.0, 4.0, 1.0] * 3])
def test_whole_numbers_for_one_output_are_told_to_be_no_classes(labels):
    model, X = nn.MLP(1, [1], seed=0), [[float(y)] for y in labels]
    count = len(set(labels))
    told = f"{count} different whole .*loss='mse' if they are; .* with {count} outputs"
    with pytest.warns(UserWarning, match=told) as caught:
        nn.fit(model, X, labels, epochs=1, seed=0)
    assert [each.filename for each in caught] == [__file__]
    nn.fit(model, X, labels, loss="mse", epochs=1, seed=0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_by_its_name_whatever_the_labels(name):
    assert choose_loss(name, ["a", "b"], 1, 0.0) is LOSSES[name]


def test_a_loss_of_ones_own_is_taken_as_it_is():
    assert choose_loss(max, [0, 1], 1, 0.0) is max
    with pytest.raises(ValueError, match="unknown loss 'best'; choose one of auto, m"):
        choose_loss("best", [0, 1], 1, 0.0)


@pytest.mark.parametrize("x", [0.0, 1.0, -1.0, 106.0, 200.0, 2.0**31, 2.0**52, 1e15])
def test_whole_floats_are_classes_however_large(x):
    found = plain([x, x + 1])
    assert found == [x, x + 1]
    assert [type(label) for label in found] == [int, int]


@pytest.mark.parametrize(
    "labels",
    [
        [0.5, 1.0],
        [2.0**53, 1.0],  # the next whole number is no float: no class can be told
        [math.inf, 1.0],
        [math.nan, 1.0],
        ["1", 2.0],
        [None, 1.0],
        [[1.0], [2.0]],
    ],
)
def test_what_is_not_whole_stays(labels):
    assert all(a is b for a, b in zip(plain(labels), labels, strict=True))


def test_numpy_numbers_become_pythons_own():
    for labels in (np.array([1, 2]), [np.int64(1), np.int64(2)], np.array([1.0, 2.0])):
        assert [type(label) for label in plain(labels)] == [int, int]
    assert plain(np.array(["a", "b"])) == ["a", "b"]


# ---- outputs as classes --------------------------------------------------------------


@pytest.mark.parametrize("z", [-800.0, -30.0, -1.5, 0.0, 0.25, 30.0, 800.0])
def test_probabilities_of_one_output(z):
    found = Labels((0, 1)).probabilities(np.array([[z]]))
    p = 1 / (1 + math.exp(-z)) if z > -700 else math.exp(z)
    np.testing.assert_allclose(found, [[1 - p, p]], 1e-12, 1e-300)
    assert found.min() >= 0


def test_probabilities_where_the_network_ends_in_a_sigmoid():
    found = Labels(("no", "yes"), threshold=0.5).probabilities(np.array([[0.25]]))
    assert found.tolist() == [[0.75, 0.25]]


@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0])
def test_probabilities_of_several_outputs_are_their_softmax(shift):
    row = [0.5, -1.0, 2.0]
    total = math.fsum(map(math.exp, row))
    found = Labels((0, 1, 2)).probabilities(np.array([row]) + shift)
    np.testing.assert_allclose(found, [[math.exp(z) / total for z in row]], 1e-12)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_class_is_the_likeliest_one(threshold):
    labels = Labels(("a", "b"), threshold)
    outputs = np.linspace(0.01, 0.99, 9)[:, None] if threshold else np.eye(4)[:, :1] - 1
    likely = labels.probabilities(outputs).argmax(axis=1)
    assert labels.decide(outputs).tolist() == likely.tolist()


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize(
    "kind", [int, float, "c{}".format], ids=["int", "float", "text"]
)
def test_labels_there_and_back(outputs, kind):
    y = [kind(i) for i in range(max(outputs, 2))]
    chosen = choose_loss("auto", y, outputs, 0.0)
    labels = find_labels(chosen, y, outputs, 0.0)
    index = encode(y, labels, chosen, outputs)
    assert index.tolist() == list(range(len(y)))
    told = index[:, None] - 0.5 if outputs == 1 else np.eye(outputs)
    assert labels.name(told) == plain(y)


def test_hinge_wants_minus_1_and_1():
    labels = Labels(("no", "yes"))
    assert encode(["no", "yes"], labels, nn.hinge, 1).tolist() == [-1.0, 1.0]


def test_a_label_that_is_not_among_the_classes():
    with pytest.raises(ValueError, match="label 'c' is not among the classes 'a', 'b'"):
        encode(["a", "c"], Labels(("a", "b")), nn.cross_entropy, 2)


def test_where_the_second_class_begins():
    for activation, threshold in (("sigmoid", 0.5), (None, 0.0), ("tanh", 0.0)):
        output = nn.MLP(2, [1], "relu", activation)([1.0, 2.0])
        assert threshold_of([output]) == threshold


# ---- labels to targets ---------------------------------------------------------------


class Mood(StrEnum):
    GLAD = "glad"
    SAD = "sad"


def test_a_kind_of_text_is_text():
    moods = [Mood.SAD, Mood.GLAD, Mood.SAD]
    assert choose_loss("auto", moods, 1, 0.0) is LOSSES[LOGITS]
    assert find_labels(LOSSES[LOGITS], moods, 1, 0.0).classes == ("glad", "sad")
    assert find_labels(lambda p, t: 0.0, moods, 1, 0.0).classes == ("glad", "sad")
    with pytest.raises(ValueError, match="mse needs numbers, but y holds the text"):
        find_labels(LOSSES["mse"], moods, 1, 0.0)


@pytest.mark.parametrize(
    ("y", "outputs", "wanted"),
    [
        ([1.0, 2.5], 1, [1.0, 2.5]),
        ([[1.0], [2.5]], 1, [1.0, 2.5]),  # one column
        ([[1, 2], [3, 4], [5, 6]], 2, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    ],
)
def test_numbers_are_targets_of_the_outputs_shape(y, outputs, wanted):
    for given in (y, np.array(y)):
        found = encode(given, None, LOSSES["mse"], outputs)
        assert (found.dtype, found.tolist()) == (np.float64, wanted)


@pytest.mark.parametrize(
    ("y", "outputs", "words"),
    [
        ([1.0, 2.0], 2, r"shape \(2,\), but the model returns 2 outputs per row"),
        ([[1.0, 2.0]], 1, r"shape \(1, 2\), but the model returns 1 output per row"),
        ([[1.0], [2.0]], 2, r"shape \(2, 1\)"),
        ([[[1.0]]], 1, r"shape \(1, 1, 1\)"),
        (3.0, 1, r"shape \(\)"),
        ([1.0, math.nan], 1, "missing or infinite in row 2"),
        ([[1.0, 2.0], [3.0, 4.0], [5.0, -math.inf]], 2, "infinite in row 3"),
        ([1.0, "red"], 1, "y has to be numbers; got 'red' among them"),
        ([1.0, None, "red"], 1, "got None among them"),
        ([[1.0], [2.0, 3.0]], 1, r"got \[1.0\] among them"),
    ],
)
def test_what_cannot_be_targets(y, outputs, words):
    with pytest.raises(ValueError, match=words):
        encode(y, None, LOSSES["mse"], outputs)


@pytest.mark.parametrize(
    ("loss", "outputs", "wanted"),
    [
        ("cross_entropy", 2, [1, 0, 1]),
        (LOGITS, 1, [1.0, 0.0, 1.0]),
        ("hinge", 1, [1.0, -1.0, 1.0]),
    ],
)
def test_classes_become_what_the_loss_takes(loss, outputs, wanted):
    labels = find_labels(LOSSES[loss], ["b", "a", "b"], outputs, 0.0)
    found = encode(["b", "a", "b"], labels, LOSSES[loss], outputs).tolist()
    assert (found, list(map(type, found))) == (wanted, list(map(type, wanted)))


@pytest.mark.parametrize(
    ("labels", "outputs", "wanted"),
    [
        ([0, 1], 1, (0, 1)),
        ([3, 7], 2, (3, 7)),
        ([0, 2], 3, (0, 1, 2)),  # a class that no row has
        ([3, 7], 3, "2 classes but the model 3 outputs; end it with 2"),
        (["a", "b"], 3, "2 classes but the model 3 outputs; end it with 2"),
        ([0, 1, 2], 2, "3 classes but the model 2 outputs; end it with 3 outputs"),
        ([0, 1, 2], 1, "3 classes but the model 1 output; end it with 3 outputs"),
        ([0, 0], 2, "every row has the class 0"),
        ([Mood.SAD, "glad", np.str_("so")], 3, ("glad", "sad", "so")),
        ([True, 0, 3], 3, (0, 1, 3)),
        ([0, "a"], 2, "mixes texts and numbers"),
        ([True, Mood.SAD], 2, "mixes texts and numbers"),
        ([0.5, 1.0], 2, "needs classes, texts or whole numbers.*got 0.5"),
    ],
)
def test_classes_and_outputs(labels, outputs, wanted):
    loss = LOSSES["cross_entropy"]
    if isinstance(wanted, tuple):
        assert find_labels(loss, labels, outputs, 0.0).classes == wanted
        return
    with pytest.raises(ValueError, match=wanted):
        find_labels(loss, labels, outputs, 0.0)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_shares_of_classes_add_up_row_by_row(rows):
    outputs = np.random.default_rng(0).normal(scale=300, size=(rows, 3))
    outputs[0] = [1000.0, 1000.0, -1000.0]
    shares = Labels(("a", "b", "c")).probabilities(outputs)
    assert shares[0].tolist() == [0.5, 0.5, 0.0]
    for row, found in zip(outputs, shares, strict=True):
        powers = [math.exp(x - max(row)) for x in row]
        np.testing.assert_allclose(found, np.array(powers) / sum(powers), 1e-12)


@pytest.mark.parametrize("outputs", [[-1.0, 2.0, 0.5], [0.0, -3.0, 800.0]])
def test_a_single_output_is_read_as_predict_gives_it(outputs):
    labels, flat = Labels(("no", "yes")), np.array(outputs)
    assert labels.name(flat) == labels.name(flat[:, None])
    np.testing.assert_array_equal(
        labels.probabilities(flat), labels.probabilities(flat[:, None])
    )
