"""How good a network is: each number against scikit-learn or counted by hand."""

import numpy as np
import pytest

from autograd import Value
from nn import MLP, Layer, Module, Sequential, data, recipe
from nn.metrics import (
    accuracy,
    calibration,
    calibration_error,
    classes,
    hits,
    importance,
    mean_error,
    mean_slopes,
    most_frequent,
)
from nn.metrics import numbers as numbers_report
from nn.targets import Labels

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("labels", [["a", "b"], [0, 1, 2], ["x", "yy", "z", "w"]])
def test_classes_are_counted(labels):
    truth = [labels[i] for i in RNG.integers(0, len(labels), 60)]
    found = [labels[i] for i in RNG.integers(0, len(labels) - 1, 60)]
    report = classes(truth, found, labels[0])
    pairs = list(zip(truth, found, strict=True))
    assert report.accuracy == sum(a == b for a, b in pairs) / 60
    assert report.baseline == truth.count(labels[0]) / 60
    for row, (each, label) in enumerate(
        zip(report.classes, sorted(labels), strict=True)
    ):
        assert (each.label, each.rows) == (label, truth.count(label))
        right = pairs.count((label, label))
        assert each.recall == right / truth.count(label)
        told = found.count(label)
        assert each.precision == pytest.approx(
            right / told if told else float("nan"), nan_ok=True
        )
        assert sum(report.confusion[row]) == each.rows
        assert report.confusion[row][row] == right


def test_a_class_that_is_never_told_or_never_there_has_no_share():
    report = classes(["a", "a", "b"], ["a", "c", "a"], "b")
    assert [each.label for each in report.classes] == ["a", "b", "c"]
    a, b, c = report.classes
    assert (a.rows, a.precision, a.recall) == (2, 0.5, 0.5)
    assert (b.rows, np.isnan(b.precision), b.recall) == (1, True, 0.0)
    assert (c.rows, c.precision, np.isnan(c.recall)) == (0, 0.0, True)
    assert report.confusion == ((1, 0, 1), (1, 0, 0), (0, 0, 0))
    assert report.baseline == 1 / 3


def test_the_most_frequent_class_is_the_first_of_several():
    assert most_frequent(["b", "a", "a", "b", "c"]) == "b"
    assert most_frequent([2, 0, 0]) == 0


def test_rows_are_right_where_their_class_is_found():
    labels = Labels((0, 1, 2))
    outputs, targets = np.eye(3)[[2, 0, 1, 1]], [2, 0, 1, 0]
    assert hits(labels, outputs, targets).tolist() == [True, True, True, False]
    assert accuracy(labels)(outputs, targets) == 0.75
    assert mean_error([1.0, -2.0], [2.0, 2.0]) == 2.5


def test_numbers_are_compared_with_the_mean():
    truth, found = [1.0, 2.0, 3.0, 6.0], [1.5, 2.0, 2.0, 6.5]
    report = numbers_report(truth, found, mean=2.0)
    assert report.error == 0.5
    assert report.baseline == 1.5
    assert report.r2 == pytest.approx(1 - 1.5 / 14)
    assert report.bias == 0.0
    assert report.spread == pytest.approx((1.5 / 4) ** 0.5)


def test_calibration_bins():
    shares = np.array([[0.95, 0.05], [0.97, 0.03], [0.45, 0.55], [1.0, 0.0]])
    bins = calibration(shares, ("a", "b"), ["a", "b", "b", "a"])
    assert [each.rows for each in bins] == [1, 3]
    assert [each.right for each in bins] == [1.0, 2 / 3]
    assert bins[0].told == 0.55
    assert bins[1].told == pytest.approx((0.95 + 0.97 + 1) / 3)
    off = (abs(0.55 - 1) + 3 * abs(2.92 / 3 - 2 / 3)) / 4
    assert calibration_error(bins) == pytest.approx(off)


class Branching(Module):
    """It can't be compiled, so that its slopes come from graphs."""

    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return self.w * x[0] if float(getattr(x[0], "data", x[0])) > 0 else -x[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: MLP(3, [4, 1], "tanh", seed=0),
        lambda: MLP(3, [4, 2], "tanh", seed=0),
        lambda: Sequential(Layer(3, 2, "sigmoid", seed=1), Layer(2, 3, None, seed=2)),
        Branching,
    ],
)
def test_slopes_are_those_of_differences(make):
    model, X = make(), RNG.normal(size=(210, 3))
    used = X[:200] if make is Branching else X  # a program reads all of them
    h = 1e-6

    def outputs(x):
        found = model([Value(number) for number in x])
        found = found if isinstance(found, list) else [found]
        return np.array([value.data for value in found])

    steps = h * np.eye(3)
    expected = [
        np.mean([np.abs((outputs(x + e) - outputs(x - e)) / (2 * h)) for x in used])
        for e in steps
    ]
    np.testing.assert_allclose(mean_slopes(model, X), expected, 1e-6, 1e-9)


def test_a_column_in_several_inputs_is_shuffled_as_one():
    """Two inputs that are one column, of which the target is their difference."""
    a = RNG.normal(size=200)
    X = np.stack([a, a, RNG.normal(size=200)], axis=1)

    class Difference(Module):
        def __call__(self, x):
            return 5.0 * x[0] - 5.0 * x[1] + x[2]

    def loss(outputs):
        return float(((outputs - X[:, 2]) ** 2).mean())

    together = importance(Difference(), X, loss, [("pair", [0, 1]), ("c", [2])])
    assert [each.column for each in together] == ["c", "pair"]
    assert together[1].shuffled == pytest.approx(0, abs=1e-12)
    apart = importance(Difference(), X, loss)
    assert apart[0].shuffled > 10
    assert importance(Difference(), X, loss) == apart


def test_what_matters_is_measured_as_it_is_told():
    """outputs 3 a and 4 b: how far they move, and what is lost without the order."""
    X = RNG.normal(size=(4000, 3)) * (1.0, 0.5, 2.0)

    class Two(Module):
        def __call__(self, x):
            return [3.0 * x[0], 4.0 * x[1]]

    wanted = X[:, :2] * (3.0, 4.0)

    def loss(outputs):
        return float(((outputs - wanted) ** 2).mean())

    one, other, none = importance(Two(), X, loss)
    assert [each.column for each in (one, other, none)] == ["x1", "x2", "x3"]
    deviation = X.std(axis=0)
    assert one.slope == pytest.approx(3.0 * deviation[0] / 2, rel=1e-12)
    assert other.slope == pytest.approx(4.0 * deviation[1] / 2, rel=1e-12)
    assert (none.slope, none.shuffled) == (0.0, 0.0)
    # Two that are drawn apart differ by twice the variance, of one output of the two.
    assert one.shuffled == pytest.approx(9.0 * deviation[0] ** 2, rel=0.05)
    assert other.shuffled == pytest.approx(16.0 * deviation[1] ** 2, rel=0.05)
    (both,) = importance(Two(), X, loss, [("both", [0, 1])])
    assert both.slope == pytest.approx(np.hypot(one.slope, other.slope))
    off = loss(wanted + 1.0)
    shifted = importance(Two(), X, lambda outputs: loss(outputs + 1.0))
    assert off == 1.0
    assert shifted[0].shuffled == pytest.approx(one.shuffled, rel=0.05)


def test_a_trained_network_says_what_matters():
    X = RNG.normal(size=(300, 4))
    y = (X[:, 2] > 0).astype(int).tolist()
    table = data.Dataset(X, y, ("a", "b", "sign", "d"), "y")
    trained = recipe.learn(table, epochs=20, seed=0)
    assert trained.importance()[0].column == "sign"
    assert max(trained.importance(), key=lambda each: each.slope).column == "sign"
    report = trained.report()
    assert report.accuracy == trained.scores["test"]["accuracy"]
    assert report.baseline < 0.6 < report.accuracy
    assert sum(each.rows for each in trained.calibration()) == len(
        trained.parts["test"]
    )


def test_each_part_of_the_rows_can_be_asked_about():
    X = RNG.normal(size=(200, 3))
    y = np.where(X[:, 0] + 0.5 * RNG.normal(size=200) > 0, "up", "down").tolist()
    table = data.Dataset(X, y, ("a", "b", "c"), "y")
    trained = recipe.learn(table, epochs=20, seed=0, validation=0.2)
    assert trained.parts.keys() == {"training", "validation", "test"}
    for name, part in trained.parts.items():
        report, told = trained.report(name), trained.told(name)
        assert report.accuracy == trained.scores[name]["accuracy"]
        assert report.accuracy == np.mean(np.array(told) == np.array(part.y))
        assert sum(each.rows for each in trained.calibration(name)) == len(part)
        slopes = {each.column: each.slope for each in trained.importance(name)}
        found = mean_slopes(trained.model, trained.context.scaled(part.X))
        spread = trained.context.scaled(part.X).std(axis=0)
        assert [slopes[column] for column in "abc"] == pytest.approx(found * spread)
    for ask in (trained.report, trained.told, trained.calibration, trained.importance):
        assert repr(ask()) == repr(ask("test")) != repr(ask("training"))


def test_a_number_has_no_calibration():
    X = RNG.normal(size=(40, 2))
    table = data.Dataset(X, (3 * X[:, 0] + 0.5).tolist(), ("a", "b"), "y")
    trained = recipe.learn(table, epochs=5, seed=0)
    report = trained.report()
    assert report.error == pytest.approx(trained.scores["test"]["error"])
    with pytest.raises(ValueError, match="told without a share"):
        trained.calibration()


@pytest.mark.parametrize("size", [5e-320, 1e-300, 1e-170, 1.0, 1e170, 1e308])
def test_the_report_of_numbers_of_any_size(size):
    truth, found = [0.25, 0.5, 1.0, -0.5, 0.0], [0.5, 0.25, 0.75, -0.5, 0.0]
    plain = numbers_report(truth, found, mean=0.5)
    report = numbers_report(
        [size * x for x in truth], [size * x for x in found], size / 2
    )
    assert report.r2 == pytest.approx(plain.r2, rel=1e-3 if size < 1e-310 else 1e-12)
    for name in ("error", "baseline", "bias", "spread"):
        expected = size * getattr(plain, name)
        assert getattr(report, name) == pytest.approx(expected, rel=1e-12, abs=1e-322)
