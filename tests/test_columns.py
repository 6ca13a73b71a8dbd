"""What columns of a table mean, and how they become numbers ."""

import json
import random
import re
from datetime import datetime, timedelta

import numpy as np
import pytest

import nn
from nn import recipe
from nn.checkpoint import load_checkpoint
from nn.columns import Told, names_in
from nn.encoding import Encoding
from nn.recipe import learn
from nn.table import meanings, read

N = 60
Y = ["a" if i % 3 else "b" for i in range(N)]


def column(values, name="x", told=None, **others):
    """What a column of these values is taken for."""
    source = {name: values, **others, "y": Y[: len(values)]}
    (found,) = (c for c in read(source, "y", told).columns if c.name == name)
    return found


def goal(values, told=None):
    """What a target of these values is taken for."""
    x = [i / 7 for i in range(len(values))]
    return read({"x": x, "y": values}, "y", told).goal


# ---- columns -------------------------------------------------------------------------

RNG = random.Random(0)
NUMBERS = [round(RNG.uniform(-9, 9), 3) for _ in range(N)]
KINDS = {
    "numbers": (NUMBERS, "number"),
    "whole numbers": ([i % 7 for i in range(N)], "number"),
    "prices": ([f"${abs(x):,.2f}" for x in NUMBERS], "number"),
    "percent": ([f"{x} %" for x in NUMBERS], "number"),
    "thousands": ([f"{1000 + 7 * i % 900:,}" for i in range(N)], "number"),
    "decimal commas": ([str(x).replace(".", ",") for x in NUMBERS], "number"),
    "numbers with gaps": ([x if x > 0 else None for x in NUMBERS], "number"),
    "minus behind": ([f"{abs(x)}{'-' * (x < 0)}" for x in NUMBERS], "number"),
    "lengths": ([f"{x} cm" for x in NUMBERS], "number"),
    "speeds": ([f"{abs(x):.1f}km/h".replace(".", ",") for x in NUMBERS], "number"),
    "years": ([f"{i % 7} year{'s' * (i % 7 != 1)}" for i in range(N)], "number"),
    "units among numbers": ([f"{i} {'kg' if i % 2 else 'g'}" for i in range(N)],
        "identifier"),
    "codes and letters": ([f"0{i % 9}A" for i in range(N)], "category"),
    "a word for a third": (["*" if i % 3 == 0 else i / 7 for i in range(N)], "number"),
    "few numbers and a word": ([i % 5 if i % 3 else "many" for i in range(N)],
        "category"),
    "months": ([f"{['Jan', 'Feb', 'May'][i % 3]} {2000 + i // 12}" for i in range(N)],
        "date"),
    "one text among numbers": (["unknown", *NUMBERS[1:]], "number"),
    "truth": ([x > 0 for x in NUMBERS], "category"),
    "texts": ([f"text {i % 5}" for i in range(N)], "category"),
    "none among texts": (["none", "mild", "severe"] * 20, "category"),
    "postal codes": ([f"0{i % 9 + 1000}" for i in range(N)], "category"),
    "dates": ([f"2021-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(N)], "date"),
    "times": ([f"{i % 24}:{i % 60:02}" for i in range(N)], "date"),
    "names": ([f"person {i}" for i in range(N)], "identifier"),
    "always the same": (["x"] * N, "constant"),
    "always one number": ([0.1] * N, "constant"),
    "nothing": ([None] * N, "empty"),
    "only marks": (["?", "NA"] * (N // 2), "empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_a_column_is_taken_for(name):
    values, kind = KINDS[name]
    found = column(values)
    assert found.kind == kind
    assert found.useful is (kind in ("number", "category", "date"))
    assert found.why
    assert column(values, told=Told(ignore=("x",))).kind == "ignored"
    if kind != "empty":
        assert column(values, told=Told(categories=("x",))).kind == "category"


@pytest.mark.parametrize(
    "name", ["", "rownames", "id", "Unnamed: 0", "index", "caseId"]
)
@pytest.mark.parametrize("begin", [0, 1])
def test_row_numbers_are_left_out_by_their_names(name, begin):
    header = f"{name},x,y\n"
    rows = [
        f"{i},{x},{y}" for i, (x, y) in enumerate(zip(NUMBERS, Y, strict=True), begin)
    ]
    table = read((header + "\n".join(rows)).encode(), "y")
    assert [c.kind for c in table.columns] == ["row number", "number"]
    RNG.shuffle(rows)
    table = read((header + "\n".join(rows)).encode(), "y")
    assert [c.kind for c in table.columns] == ["row number", "number"]
    assert "in another order" in table.columns[0].why
    rows = rows[: N // 2]  # a part of them
    table = read((header + "\n".join(rows)).encode(), "y")
    assert [c.kind for c in table.columns] == ["identifier", "number"]


@pytest.mark.parametrize("name", ["id", "nr", "obs", "x"])
def test_row_numbers_that_count_down(name):
    found = column([*range(N, 0, -1)], name, z=NUMBERS)
    assert found.kind == ("number" if name == "x" else "row number")
    assert f"counts {N} to 1" in found.why


def test_row_numbers_are_kept_where_somebody_says_so_or_nothing_else_is_there():
    values = list(range(N))
    assert column(values, "id", x=NUMBERS).kind == "row number"
    assert column(values, "id", Told(numbers=("id",)), x=NUMBERS).kind == "number"
    assert column(values, "id").kind == "number"
    found = column(values, "hours")
    assert (found.kind, "a row number has to be ignored" in found.why) == (
        "number",
        True,
    )


def test_what_numbers_has_to_be_told_names_the_line():
    with pytest.raises(ValueError, match=r"row 3, column 'x': 'red' is not a number"):
        column([1, 2, "red"] * 20, told=Told(numbers=("x",)))
    assert column([1, 2, "red"] * 20, told=Told((), ("x",))).labels == ("1", "2", "red")


@pytest.mark.parametrize("missing", [("-999",), ("-999", "red")])
def test_what_is_missing_can_be_told(missing):
    found = column([-999, *NUMBERS[1:]], told=Told(missing=missing))
    assert found.missing == 1
    assert column(["NA", "none"] * 30, told=Told(missing=("",))).labels == (
        "NA",
        "none",
    )


COMMAS = [f"{i + 1},{100 + 7 * i}" for i in range(N)]  # 1,100: which of the two is it?
POINTS = [f"{i}.5" for i in range(N)]


@pytest.mark.parametrize(
    ("delimiter", "others", "told", "first"),
    [
        (",", {}, "", 1100.0),
        (";", {}, "", 1.1),
        ("\t", {}, "", 1100.0),
        (",", {"z": [f"{i},5" for i in range(N)]}, "", 1.1),
        (";", {"z": [f"{i},5" for i in range(N)]}, "", 1.1),
        (";", {"z": POINTS}, "", 1100.0),
        (";", {"z": [f"1,00{i % 10}.5" for i in range(N)]}, "", 1100.0),
        (",", {"z": [*POINTS[:-1], "1,5"]}, "", 1100.0),
        (";", {"z": [i % 7 for i in range(N)], "w": ["a", "b", "c"] * 20}, "", 1.1),
        (";", {}, ".", 1100.0),
        (",", {}, ",", 1.1),
        (",", {"z": POINTS}, ",", 1.1),
    ],
)
def test_decimals_of_a_file_are_those_of_the_columns_that_tell(
    delimiter, others, told, first
):
    columns = {**others, "a": COMMAS, "y": Y}
    lines = [columns, *zip(*columns.values(), strict=True)]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    table = read(text.encode(), "y", Told(decimal=told or None), delimiter=delimiter)
    (found,) = [each for each in table.columns if each.name == "a"]
    assert (found.kind, found.values[0]) == ("number", first)
    assert found.spelling == ("," if first < 2 else ".")
    if others.get("z") is POINTS and not told:
        assert table.columns[0].values.tolist() == [float(x) for x in POINTS]
    source = {"a": COMMAS, "z": [x + 0.5 for x in range(N)], "y": Y}
    memory = read(source, "y", Told(decimal=told or None)).columns[0]
    assert memory.values[0] == (1.1 if told == "," else 1100.0)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"task": "best"}, "unknown task 'best'; choose one of auto, classes, number"),
        ({"decimal": ";"}, "decimal is . or , and not ';'"),
        ({"ignore": ("z",)}, "no column 'z'; it has: x, y"),
    ],
)
def test_what_cannot_be_told(told, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        column(NUMBERS, told=Told(**told))


def test_names_in_a_text():
    assert names_in("a, b", ["a", "b"]) == ("a", "b")
    assert names_in("a, b", ["a, b"]) == ("a, b",)
    assert names_in("", ["a"]) == names_in([], ["a"]) == ()


# ---- the target ----------------------------------------------------------------------

STACK_LOSS = [
    42,
    37,
    37,
    28,
    18,
    18,
    19,
    20,
    15,
    14,
    14,
    13,
    11,
    12,
    8,
    7,
    8,
    8,
    9,
    15,
    15,
]
GOALS = {
    "texts": (["cat", "dog"] * 30, ("cat", "dog")),
    "truth": ([True, False] * 30, ("False", "True")),
    "two numbers": ([1, 2] * 30, (1, 2)),
    "two far numbers": ([1999, 2008] * 30, (1999, 2008)),
    "three numbers": ([4, 6, 8] * 20, (4, 6, 8)),
    "26 letters": (list(range(26)) * 20, tuple(range(26))),
    "written as decimals": (["1.0", "0.0"] * 30, (0, 1)),
    "codes": (["007", "010"] * 30, ("007", "010")),
    "none": (["none", "mild", "severe"] * 20, ("mild", "none", "severe")),
    "continents": (["NA", "EU", "AS"] * 20, ("AS", "EU", "NA")),
    "stack loss": (STACK_LOSS, ()),
    "few far numbers": ([0, 50, 100, 250] * 20, ()),
    "many whole numbers": (list(range(60)), ()),
    "numbers": (NUMBERS, ()),
    "prices": ([f"${x + 10:.2f}" for x in NUMBERS], ()),
    "decimal commas": ([f"{20 + i % 9},5" for i in range(N)], ()),
    "whole prices": ([f"${20 + i % 5}.00" for i in range(N)], ()),
    "whole percents": ([f"{i % 3} %" for i in range(N)], ()),
    "thousands": ([f"{20 + i % 9},000" for i in range(N)], ()),
    "weights": ([f"{20 + i % 4} kg" for i in range(N)], ()),
}  # fmt: skip


@pytest.mark.parametrize("name", GOALS)
def test_what_a_target_is_taken_for(name):
    values, classes = GOALS[name]
    found = goal(values)
    assert found.classes == classes
    assert found.why
    as_classes = goal(values, Told(task="classes")).classes
    assert len(as_classes) == len(set(values))
    if name not in ("texts", "truth", "none", "continents"):
        assert goal(values, Told(task="number")).classes == ()


@pytest.mark.parametrize("word", ["unknown", "20 kg", "n. a.", "see note 3"])
@pytest.mark.parametrize("row", [0, 57, 199])
def test_a_text_among_numbers_names_its_line(word, row):
    values = [20 + i % 5 for i in range(200)]
    values[row] = word
    told = rf"row {row + 1}, column 'y': '{word}' is not a number, while 199 of 200"
    with pytest.raises(ValueError, match=told):
        goal(values)
    found = read({"x": NUMBERS[:1] * 200 + [], "z": values[::-1], "y": values}, "y",
                 Told(missing=(word,)))  # fmt: skip
    assert len(found) == 199
    assert "1 row without a value of 'y' left out" in found.notes[0]
    assert word in goal(values, Told(task="classes")).classes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"person {i}" for i in range(N)], "60 different texts in 60 rows, too many"),
        ([None] * N, "no row has a value of 'y'"),
        (["x"] * N, "every row has the y x; there is nothing to learn from one class"),
    ],
)
def test_what_is_no_target(values, words):
    with pytest.raises(ValueError, match=words):
        goal(values)


def test_rows_without_a_target_are_left_out_and_told():
    values = ["a", None, "b", "?"] * 15
    table = read({"x": list(range(60)), "y": values}, "y")
    assert len(table) == 30
    assert table.columns[0].values.tolist() == list(range(0, 60, 2))
    assert "30 rows without a value of 'y' left out: '' in row 2" in table.notes[0]


# ---- encoding ------------------------------------------------------------------------

SOURCE = {
    "size": [x if i % 5 else None for i, x in enumerate(NUMBERS)],
    "kind": [("red", "blue", "green", None)[i % 4] for i in range(N - 2)]
    + ["odd", "rare"],
    "when": [f"2021-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(N)],
    "id": list(range(N)),
    "y": Y,
}


def encoded(source):
    table = read(source, "y")
    encoding = table.encoding()
    return table, encoding, encoding.dataset(table)


def test_each_column_becomes_numbers():
    _, encoding, data = encoded(SOURCE)
    assert encoding.columns == ("size", "kind", "when")
    assert encoding.features[:7] == (
        "size", "size is missing", "kind = blue", "kind = green", "kind = red",
        "kind: rare", "kind is missing",
    )  # fmt: skip
    gaps = np.array([x is None for x in SOURCE["size"]])
    present = [x for x in SOURCE["size"] if x is not None]
    assert data.X[gaps, 0].tolist() == [np.median(present)] * gaps.sum()
    assert data.X[~gaps, 0].tolist() == present
    assert data.X[:, 1].tolist() == gaps.tolist()
    kinds = ["blue", "green", "red", "rare", None]
    seen = ["rare" if k in ("odd", "rare") else k for k in SOURCE["kind"]]
    assert data.X[:, 2:7].tolist() == [[k == kind for kind in kinds] for k in seen]
    assert [name.partition(": ")[2] for name in encoding.features[8:]] == [
        "day of week (sin)", "day of week (cos)"
    ]  # fmt: skip
    np.testing.assert_allclose(np.hypot(data.X[:, 8], data.X[:, 9]), 1)


def test_all_is_learned_from_the_rows_trained_on():
    table = read(SOURCE, "y")
    inside, outside = table.split(0.5)
    encoding = inside.encoding()
    training = encoding.dataset(inside)
    scaling = encoding.scaling(training)
    scaled = scaling(training.X)
    assert scaled[:, 0].mean() == pytest.approx(0, abs=1e-12)
    assert set(np.unique(scaled[:, 1:6])) <= {0.0, 1.0}
    assert len(encoding.dataset(outside)) == len(outside)
    assert read(SOURCE, "y").split(0.5)[0].encoding() == encoding
    changed = {**SOURCE, "size": list(SOURCE["size"])}
    _, rows = nn.data.split_rows(Y, 0.5, 0, "test", True)
    for row in rows:
        changed["size"][row] = 1e6
    assert read(changed, "y").split(0.5)[0].encoding() == encoding


def test_the_rows_of_a_part_are_taken_where_they_are_used():
    whole = read(SOURCE, "y")
    inside, outside = whole.split(0.5)
    held, rest = inside.split(0.25)
    for part in (inside, outside, held, rest):
        assert part.whole is whole.whole  # as columns it would be another copy
        for one, all_rows in zip(part.columns, whole.columns, strict=True):
            np.testing.assert_array_equal(one.values, all_rows.values[part.places])
        assert list(part.y) == [whole.y[row] for row in part.places]


@pytest.mark.parametrize("seed", range(8))
def test_a_table_in_another_order_is_read_the_same(seed):
    rng = random.Random(seed)
    _, encoding, data = encoded(SOURCE)
    names = [*SOURCE, "other"]
    rng.shuffle(names)
    other = {n: SOURCE.get(n, ["?"] * N) for n in names}
    found = encoding.read(other)
    assert found.X.tolist() == data.X.tolist()
    assert not found.notes
    rows = [[SOURCE[n][i] for n in encoding.columns] for i in range(N)]
    assert encoding.read(rows).X.tolist() == data.X.tolist()
    with pytest.raises(ValueError, match="no column 'size'"):
        encoding.read({"kind": ["red"]})
    with pytest.raises(
        ValueError, match="a row has 1 values; the columns are size, kin"
    ):
        encoding.read([[1.0]])
    for nothing in ([], np.empty((0, 3))):
        with pytest.raises(ValueError, match="there are no rows; pass a list with at"):
            encoding.read(nothing)


@pytest.mark.parametrize("rows", [1, 7, 59, 60])
def test_a_table_that_is_read_in_parts_gives_the_same_bits(rows, monkeypatch):
    source = {**SOURCE, "kind": [*SOURCE["kind"][:-1], "new"]}
    _, encoding, _ = encoded(SOURCE)
    found = encoding.read(source)
    monkeypatch.setattr("nn.encoding.ROWS", rows)
    parts = [part.copy() for part in found.parts()]
    assert len(parts) == -(-N // rows)
    assert np.concatenate(parts).tobytes() == found.X.tobytes()
    monkeypatch.setattr("nn.encoding.TILE", (7, 2))
    assert np.concatenate([*found.parts()]).tobytes() == found.X.tobytes()
    trained = learn(read(SOURCE, "y"), epochs=1, progress=False)
    told = trained.predict(source)
    monkeypatch.setattr("nn.encoding.ROWS", 2**16)
    assert trained.predict(source) == told


@pytest.mark.parametrize(
    ("column", "trained", "new"),
    [
        ("a", ["1,5", "2,5", "10"], ["1.5", "2.5", "10"]),
        ("a", ["1.5", "2.5", "10"], ["1,5", "2,5", "10"]),
        ("a", ["$1,000", "$2,000", "$9"], [1000, 2000, 9]),
        ("a", ["1 cm", "2 cm", "9 cm"], ["1cm", "2cm", "9cm"]),
        ("a", ["1 cm", "2 cm", "9 cm"], [1, 2, 9]),
        ("b", ["2021-01-02", "2021-03-20"], ["1/2/2021", "3/20/2021"]),
        ("c", ["1.0", "2.0", "x"], ["1", "2", "x"]),
    ],
)  # fmt: skip
def test_another_table_may_be_written_in_another_way(column, trained, new):
    source = {"x": NUMBERS[:30], column: (trained * 15)[:30], "y": Y[:30]}
    _, encoding, data = encoded(source)
    assert encoding.columns == ("x", column)
    assert (
        encoding.read({**source, column: (new * 15)[:30]}).X.tolist() == data.X.tolist()
    )


def test_days_as_whole_numbers_and_durations_come_back_from_a_file(tmp_path):
    days = [f"{2019 + i % 4}{i % 12 + 1:02}{i % 27 + 1:02}" for i in range(N)]
    lasts = [f"{i % 4}h {i % 60}m" for i in range(N)]
    source = {"x": NUMBERS, "day": days, "took": lasts, "y": Y}
    trained = learn(read(source, "y"), epochs=1, progress=False)
    kinds = {field.name: field for field in trained.context.encoding.fields}
    assert (kinds["day"].kind, kinds["day"].form) == ("date", "%Y%m%d")
    assert (kinds["took"].kind, kinds["took"].unit) == ("number", "seconds")
    trained.save(tmp_path / "m.json")
    told = trained.predict(source)
    other = {**source, "took": [3600 * (i % 4) + 60 * (i % 60) for i in range(N)]}
    for again in (recipe.load(tmp_path / "m.json"), trained):
        assert again.predict(source) == again.predict(other) == told
    assert column(["20210231", "19991301"] * 30).kind == "number"
    assert column(list(range(20_000_101, 20_000_161))).kind == "number"
    found = goal(lasts)
    assert (found.classes, found.why) == ((), "60 different numbers, in seconds")


def test_a_unit_is_told_kept_and_asked_for(tmp_path):
    source = {"x": NUMBERS, "a": [f"{abs(x)} kg" for x in NUMBERS], "y": Y}
    trained = learn(read(source, "y"), epochs=1, progress=False)
    assert trained.context.encoding.fields[1].unit == "kg"
    assert column(source["a"]).why.endswith(", in kg")
    assert goal(source["a"]).why == "60 different numbers, in kg"
    trained.save(tmp_path / "m.json")
    again = load_checkpoint(tmp_path / "m.json").context
    assert again.encoding == trained.context.encoding
    old = json.loads((tmp_path / "m.json").read_text())
    for part in old["context"]["encoding"]["fields"]:
        del part["unit"]  # as an older version wrote it
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert not load_checkpoint(tmp_path / "old.json").context.encoding.fields[1].unit
    with pytest.raises(
        ValueError, match="row 1, column 'a': '3 g' is not a number of kg"
    ):
        again.encoding.read({"x": [1.0], "a": ["3 g"]})


def test_a_word_for_nothing_is_one_in_another_table_too():
    source = {"x": [x if i % 3 else "*" for i, x in enumerate(NUMBERS)], "y": Y}
    _, encoding, data = encoded(source)
    assert data.X[::3, 1].tolist() == [1.0] * 20
    assert encoding.read(source).X.tolist() == data.X.tolist()
    with pytest.raises(ValueError, match=r"'\*' is not a number, while 40 of 60"):
        goal(source["x"])


@pytest.mark.parametrize("odd", [0, 9, 10])
def test_a_table_that_was_learned_from_can_be_read_again(odd):
    texts = [chr(97 + i) * 2 for i in range(odd)]
    source = {"x": [*map(str, range(100 - odd)), *texts], "y": ["u", "v"] * 50}
    table = read(source, "y")
    assert (table.columns[0].kind, table.columns[0].missing) == ("number", odd)
    encoding = table.encoding()
    assert encoding.read(source).X.tolist() == encoding.dataset(table).X.tolist()
    with pytest.raises(ValueError, match="row 90, column 'x': 'zz' is not a number"):
        encoding.read({"x": [*map(str, range(89)), "zz", *["aa", "bb"] * 5]})


def test_what_is_new_is_told():
    _, encoding, _ = encoded(SOURCE)
    new = {
        "size": [1, None, 2],
        "kind": ["pink", "odd", None],
        "when": [None, "2021-01-01", ""],
    }
    found = encoding.read(new)
    assert found.X[:, 2:7].tolist() == [
        [0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]
    assert found.notes == (
        "'kind': new, as if rare: 'pink'",
        "'when': 2 missing, and none was in the training",
    )
    with pytest.raises(ValueError, match="row 2, column 'size': 'red' is not a number"):
        encoding.read({**new, "size": [1, "red", 2]})
    with pytest.raises(ValueError, match="row 1, column 'when': 'x' is not a date"):
        encoding.read({**new, "when": ["x", "y", "z"]})


def test_a_value_that_never_changed_in_training_does_no_harm():
    scaling = nn.data.Scaling.fit([[0.1, 14.62, 1 / 3, i] for i in range(150)])
    assert scaling.deviation[:3] == (1.0, 1.0, 1.0)
    moved = scaling([[0.11, 14.63, 0.34, 0.0]])[0]
    assert np.abs(moved[:3]).max() < 0.02
    source = {"a": [0.1] * N, "b": NUMBERS, "y": Y}
    assert read(source, "y").encoding().columns == ("b",)


def test_huge_numbers_name_their_column():
    source = {"small": NUMBERS, "big": [1.7e307 * x for x in NUMBERS], "y": Y}
    _, encoding, data = encoded(source)
    with pytest.raises(
        ValueError, match=r"^column 'big' goes from .* overflows: divide it"
    ):
        encoding.scaling(data)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match=r"no column to learn from .*'x' is constant"):
        read({"x": [1] * N, "y": Y}, "y").encoding()
    with pytest.raises(ValueError, match="has no column but the target 'y'"):
        read({"y": Y}, "y").encoding()


def test_every_column_is_told_with_what_becomes_of_it():
    table, encoding, _ = encoded(SOURCE)
    lines = {line.name: line for line in meanings(table, encoding)}
    assert list(lines) == ["y", "size", "kind", "when", "id"]
    assert lines["y"].kind == "target: 2 classes"
    other = read({**SOURCE, "y": NUMBERS}, "y")
    assert meanings(other, encoding)[0].why.endswith("if not: --task classes")
    assert (lines["size"].missing, lines["size"].becomes) == ("12", "2 inputs")
    assert (lines["id"].kind, lines["id"].becomes) == ("row number", "left out")


# ---- in a model file -----------------------------------------------------------------


def test_a_model_file_keeps_it_as_plain_data(tmp_path):
    path = tmp_path / "m.json"
    trained = learn(read(SOURCE, "y"), hidden=[4], epochs=3, checkpoint=path)
    content = json.loads(path.read_text())["context"]["encoding"]
    assert [field["kind"] for field in content["fields"]] == [
        "number",
        "category",
        "date",
    ]
    assert content["fields"][1]["values"] == ["blue", "green", "red"]
    again = recipe.load(path)
    assert again.context == trained.context
    assert again.predict(SOURCE) == trained.predict(SOURCE)
    test = trained.parts["test"]
    assert len(trained.predict(test.X)) == len(test)
    assert isinstance(again.context.encoding, Encoding)


DAMAGES = [
    ("kind", "other"), ("kind", 1), ("missing", "yes"), ("values", [1]), ("rare", None),
    ("median", "x"), ("median", None), ("decimal", ";"), ("form", "%x"),
    ("cycles", ["moon"]), ("name", None), ("values", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), DAMAGES)
def test_a_damaged_encoding_is_refused(name, value, tmp_path):
    path = tmp_path / "m.json"
    learn(read(SOURCE, "y"), hidden=[], epochs=1, checkpoint=path)
    content = json.loads(path.read_text())
    fields = content["context"]["encoding"]["fields"]
    field = next(f for f in fields if name in f)
    field[name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is not a chainrule model"):
        load_checkpoint(path)


def test_what_is_nearly_a_column_of_numbers_says_so():
    values = ["<5" if i % 7 == 0 else f"{i}.25" for i in range(N)]
    found = column(values, z=NUMBERS)
    assert found.kind == "identifier"
    assert re.search(r"\d+ are numbers, but not '<5'", found.why)
    assert "are numbers" not in column([f"a{i}" for i in range(N)], z=NUMBERS).why


@pytest.mark.parametrize("marks", [("$", "€"), ("USD ", "EUR "), ("£", "¥")])
def test_numbers_with_several_marks_say_so(marks):
    values = [f"{marks[i % 2]}{i * i}" for i in range(N)]
    assert f"written as {values[0]} and as {values[1]}" in column(values).why
    alike = [f"{marks[0]}{i * i}" for i in range(N)]
    assert " and as " not in column(alike).why


def test_labels_that_differ_in_capitals_alone_are_told():
    values = ["Yes", "yes", "no", "NO"] * (N // 4)
    assert "NO and no differ in capitals alone" in column(values, z=NUMBERS).why
    data = {"x": [*range(len(values))], "y": values}
    assert "differ in capitals" in read(data, "y").goal.why


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%H:%M:%S"])
def test_a_target_of_dates_is_asked_about(form):
    begin = datetime(2020, 1, 1)
    days = [(begin + timedelta(days=i % 5, minutes=i % 5)) for i in range(N)]
    data = {"x": [*range(N)], "y": [day.strftime(form) for day in days]}
    with pytest.raises(ValueError, match=f"dates or times, written as {form}"):
        read(data, "y")
    assert len(read(data, "y", Told(task="classes")).classes) == 5
