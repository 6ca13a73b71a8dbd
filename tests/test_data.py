"""Tables: the sets, fair splits, scaling without leaks, and CSV files as they come."""

import math
from collections import Counter
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import nn
from nn import data
from nn.data import GENERATED, SETS, Dataset, Scaling, read_csv, split_rows

# ---- the sets ------------------------------------------------------------------------

SHAPES = {
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast-cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_its_rows_columns_and_classes(name):
    table = SETS[name]()
    rows, columns, classes = SHAPES.get(name, (400, 2, 3 if name == "blobs" else 2))
    assert table.X.shape == (rows, columns)
    assert table.X.dtype == np.float64
    assert len(table) == len(table.y) == rows
    assert len(table.features) == columns
    assert len(table.classes) == classes
    X, y = table
    assert X is table.X
    assert y is table.y
    assert f"{rows} rows" in repr(table)


@pytest.mark.parametrize("name", GENERATED)
def test_drawn_sets_follow_their_arguments(name):
    draw = SETS[name]
    assert draw(rows=40).X.tolist() == draw(rows=40).X.tolist()
    assert draw(rows=40).X.tolist() != draw(rows=40, seed=1).X.tolist()
    numpys = draw(rows=40, seed=np.int64(1))
    assert numpys.X.tolist() == draw(rows=40, seed=1).X.tolist()
    assert len(draw(rows=41)) == 41
    assert max(Counter(draw(rows=40).y).values()) <= 20
    with pytest.raises(ValueError, match="at least"):
        draw(rows=1)


def test_xor_and_spirals_without_noise():
    X, y = data.xor(rows=8, noise=0.0)
    assert {(*row, label) for row, label in zip(X.tolist(), y, strict=True)} == {
        (-1, -1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, 0),
    }  # fmt: skip
    X, y = data.spirals(rows=30, noise=0.0, classes=3)
    for (a, b), label in zip(X.tolist(), y, strict=True):
        along = math.hypot(a, b) / 3
        turn = (math.atan2(b, a) / (2 * math.pi) - label / 3 - along) % 1
        assert min(turn, 1 - turn) == pytest.approx(0, abs=1e-12)


def test_real_sets_have_names():
    iris = data.iris()
    assert iris.classes == ("setosa", "versicolor", "virginica")
    assert iris.features[0] == "sepal length (cm)"
    assert data.breast_cancer().classes == ("benign", "malignant")
    assert data.digits().classes[:2] == ("0", "1")


# ---- splits --------------------------------------------------------------------------


def test_a_split_is_fair_disjoint_and_repeatable():
    labels = ["a"] * 80 + ["b"] * 20
    inside, outside = split_rows(labels, 0.25, 0)
    assert sorted(inside + outside) == list(range(100))
    assert Counter(labels[i] for i in outside) == {"a": 20, "b": 5}
    assert split_rows(labels, 0.25, 0) == (inside, outside)
    assert split_rows(labels, 0.25, 1) != (inside, outside)


@pytest.mark.parametrize("seed", range(12))
def test_each_class_gives_its_share_and_the_whole_part_is_set_aside(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, rng.integers(2, 9)).tolist()
    labels = [f"c{i}" for i, size in enumerate(sizes) for _ in range(size)]
    order = rng.permutation(len(labels)).tolist()
    labels = [labels[i] for i in order]
    fraction = float(rng.uniform(0.1, 0.6))
    inside, outside = split_rows(labels, fraction, seed, grouped=True)
    assert sorted(inside + outside) == list(range(len(labels)))
    assert len(outside) == round(len(labels) * fraction)
    kept, aside = (Counter(labels[i] for i in rows) for rows in (inside, outside))
    for i, size in enumerate(sizes):
        assert kept[f"c{i}"], "a class that is not there can't be learned"
        if size > 3:
            assert abs(aside[f"c{i}"] - size * fraction) < 1.5


def test_numbers_are_split_without_classes():
    labels = [i / 7 for i in range(50)]
    inside, outside = split_rows(labels, 0.3, 0)
    assert (len(inside), len(outside)) == (35, 15)
    train, test = data.Dataset(np.ones((50, 1)), labels, ("x",)).split(0.3)
    assert train.y == [labels[i] for i in inside]
    assert test.y == [labels[i] for i in outside]
    assert train.classes == ()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 2, math.nan])
def test_a_part_is_between_0_and_1(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_rows([0, 1], fraction, 0)


def test_too_few_rows_to_split():
    with pytest.raises(ValueError, match="2 rows are too few"):
        split_rows([0, 1], 0.1, 0)


@pytest.mark.parametrize("each", [1, 2, 3])
@pytest.mark.parametrize("classes", [4, 100])
def test_many_small_classes_give_a_test_part(each, classes):
    labels = [f"class {i % classes}" for i in range(each * classes)]
    if each == 1:
        with pytest.raises(ValueError, match="rows are too few"):
            split_rows(labels, 0.1, 0)
        return
    inside, outside = split_rows(labels, 0.1, 0)
    assert sorted(inside + outside) == list(range(len(labels)))
    assert len(outside) == round(len(labels) * 0.1)
    assert {labels[i] for i in inside} == set(labels)


def test_a_long_table_is_split_as_fairly(monkeypatch):
    monkeypatch.setattr(data, "MANY", 50)
    labels = ["a"] * 400 + ["b"] * 100
    inside, outside = split_rows(labels, 0.25, 0)
    assert sorted(inside + outside) == list(range(500))
    assert Counter(labels[i] for i in outside) == {"a": 100, "b": 25}
    assert split_rows(labels, 0.25, 0) == (inside, outside)
    assert split_rows(labels, 0.25, 1) != (inside, outside)


# ---- scaling -------------------------------------------------------------------------


def test_scaling_knows_the_training_rows_alone():
    X = np.random.default_rng(0).normal([5, -3], [2, 0.1], size=(50, 2))
    scaling = Scaling.fit(X[:40])
    scaled = scaling(X)
    np.testing.assert_allclose(scaled[:40].mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(scaled[:40].std(axis=0), 1, rtol=1e-13)
    assert abs(scaled[40:].mean()) > 1e-6
    from sklearn.preprocessing import StandardScaler

    theirs = StandardScaler().fit(X[:40]).transform(X)
    np.testing.assert_allclose(scaled, theirs, rtol=1e-12)


def test_scaling_a_column_that_never_changes():
    assert Scaling.fit([[2.0], [2.0]])([[2.0], [5.0]]).tolist() == [[0.0], [3.0]]
    with pytest.raises(ValueError, match="for 1 columns, got 2"):
        Scaling.fit([[2.0]])([[1.0, 2.0]])


# ---- CSV files -----------------------------------------------------------------------


@pytest.fixture
def csv_file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


def test_a_csv_file(csv_file):
    path = csv_file('width,"the, kind",height\n1,cat,2.5\n-3e2,"do\ng",4\n\n5,cat,6\n')
    table = read_csv(path, "the, kind")
    assert table.X.tolist() == [[1, 2.5], [-300, 4], [5, 6]]
    assert table.y == ["cat", "do\ng", "cat"]
    assert table.features == ("width", "height")
    assert table.target == "the, kind"


def test_csv_targets_are_numbers_or_texts(csv_file):
    assert read_csv(csv_file("a,y\n1,0\n2,1\n"), "y").y == [0, 1]
    assert read_csv(csv_file("a,y\n1,0\n2,1.0\n"), "y").y == [0, 1]
    assert read_csv(csv_file("a,y\n1,0.5\n2,1\n"), "y").y == [0.5, 1.0]
    assert read_csv(csv_file("a,y\n1,0.5\n2,x\n"), "y").y == ["0.5", "x"]


def test_csv_variants(csv_file):
    assert read_csv(csv_file("\ufeffa,y\r\n1,0\r\n2,1\r\n"), "y").features == ("a",)
    assert read_csv(csv_file("a;y\n1;0\n2;1"), "y", delimiter=";").X.tolist() == [
        [1],
        [2],
    ]
    assert read_csv(csv_file(" a , y \n 1 , 0 \n2,1\n"), "y").X.tolist() == [[1], [2]]
    assert read_csv(csv_file("größe,y\n1,ä\n2,ö\n"), "y").features == ("größe",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "t.csv is empty"),
        ("\n\n", "t.csv is empty"),
        ("a,b,y\n", "no rows below its first line"),
        ("a,b,y\n1,,0\n", "line 2, column 'b': the value is missing; fill it in"),
        ("a,b,y\n1,2,0\n1,NA,1\n", "line 3, column 'b': the value is missing"),
        ("a,b,y\n1,nan,0\n", "line 2, column 'b': the value is missing"),
        ("a,b,y\n1,2,\n", "line 2, column 'y': the value is missing"),
        ("a,b,y\n1,red,0\n", "line 2, column 'b': 'red' is not a number"),
        ("a,b,y\n1,inf,0\n", "'inf' is not a number"),
        ("a,b,y\n1,1_000,0\n", "'1_000' is not a number"),
        ('a,b,y\n1,"2,5",0\n', "'2,5' is not a number; nn.table.read takes texts"),
        ("a,b,y\n1,2,0\n3,4,0\n", "every row has the y 0; .* one class alone"),
        ("a;b;y\n1;2;0\n", "every row has the y 0"),
        ("a,b,y\n1,2\n", "line 2: 2 columns where the first line names 3"),
        ("1,2,3\n4,5,6\n", "starts with numbers; its first line has to name"),
        ("a,b,z\n1,2,0\n", "no column 'y'; it has: a, b, z"),
        ("y\n0\n1\n", "no column but the target 'y'"),
        ('a,y\n"1,0\n', "not a CSV file: line 2: a quote is opened and not closed"),
        (b"a,y\n\x00,0\n", "t.csv"),
    ],
)
def test_bad_csv_files(csv_file, text, words):
    with pytest.raises(ValueError, match=words):
        read_csv(csv_file(text), "y")


def test_a_missing_csv_file_and_a_long_delimiter(tmp_path, csv_file):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "none.csv", "y")
    with pytest.raises(ValueError, match="one character; got ';;'"):
        read_csv(csv_file("a,y\n1,2\n"), "y", delimiter=";;")
    for delimiter in (";", "tab"):
        with pytest.raises(ValueError, match="seem to be separated by ','"):
            read_csv(csv_file("a,y\n1,2\n"), "y", delimiter=delimiter)


def test_a_column_whose_range_overflows_is_named():
    with pytest.raises(ValueError, match=r"^column 2 goes from .* overflows: divide"):
        Scaling.fit([[1.0, x] for x in (1e308, -1e308)])


@pytest.mark.parametrize("size", [1e-310, 1e-300, 1e-160, 1e-20, 1e20, 1e160, 1e308])
def test_a_scaling_of_numbers_of_any_size(size):
    """Also where their squares overflow, or are 0."""
    column = [size * x for x in (0.25, -0.5, 0.125, 0.5)]
    scaling = Scaling.fit([[1.0, x] for x in column])
    exact = [Fraction(x) for x in column]
    mean = sum(exact) / 4
    deviation = mpmath.sqrt(sum((x - mean) ** 2 for x in exact) / 4)
    tolerance = {"rel": 1e-12, "abs": 1e-322}  # the smallest numbers have few digits
    assert scaling.mean == (1.0, pytest.approx(float(mean), **tolerance))
    assert scaling.deviation == (1.0, pytest.approx(float(deviation), **tolerance))
    assert scaling.undo(scaling([[1.0, column[1]]]))[0, 1] == pytest.approx(column[1])
    assert Scaling.fit([[size]] * 3) == Scaling((size,), (1.0,))


# ---- a set in one piece --------------------------------------------------------------


def trained(*given, **options):
    model = nn.MLP(2, [3, 1], seed=0)
    history = nn.fit(model, *given, epochs=2, batch_size=8, seed=0, **options)
    return model.state_dict(), history.columns


def test_a_set_trains_and_predicts_as_its_table_and_targets_do():
    table, other = data.moons(40).split(0.5)
    whole = trained(table, validation=other)
    assert whole == trained(*table, validation=tuple(other))
    assert whole == trained(table.X.tolist(), table.y, validation=(other.X, other.y))
    model = nn.MLP(2, [3, 1], seed=0)
    assert nn.predict(model, other).tolist() == nn.predict(model, other.X).tolist()
    assert Scaling.fit(table) == Scaling.fit(table.X)


def test_targets_are_given_once():
    table = data.xor(8)
    with pytest.raises(TypeError, match=r"its own targets: fit\(model, dataset\)"):
        trained(table, table.y)
    with pytest.raises(TypeError, match=r"y is missing: fit\(model, X, y\), or"):
        trained(table.X)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_deviations_by_parts_are_those_of_numpy_to_the_bit(columns, monkeypatch):
    rows = np.random.default_rng(columns).normal(3.0, 100.0, (1000, columns))
    wanted = rows.std(axis=0).tobytes()
    for size in (1, 64, 999, 2000):
        monkeypatch.setattr("nn.data.ROWS", size)
        assert np.array(Scaling.fit(rows).deviation).tobytes() == wanted


def test_a_set_is_made_of_lists_too():
    table = Dataset([[0, 1], [1, 0], [1, 1], [0, 0]], ["a", "b", "a", "b"])
    assert (table.X.tolist()[0], table.features) == ([0.0, 1.0], ("x1", "x2"))
    inside, outside = table.split(0.5, seed=0)
    assert (len(inside), len(outside), outside.features) == (2, 2, ("x1", "x2"))
    with pytest.raises(ValueError, match="rows of numbers, all as long"):
        Dataset([[0, 1], [2]], [0, 1])


def test_two_sets_are_not_one():
    parts = data.xor(40).split()
    with pytest.raises(TypeError, match=r"two sets: train, test = data.split\(\)"):
        trained(parts)
    with pytest.raises(TypeError, match="to measure on: validation=dataset"):
        trained(*parts)
