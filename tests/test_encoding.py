"""How columns become inputs: what is learned from rows, at the limits."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from nn.columns import Column
from nn.encoding import MOST, CategoryField, DateField, NumberField

GAP = math.nan


def number(*values, kind="number", **more):
    return Column("x", kind, "", np.array(values, dtype=float), **more)


def category(counts, missing=0):
    """A column with so many rows of each label."""
    labels = [f"label {i:02}" for i in range(len(counts))]
    codes = np.repeat(np.arange(len(counts)), counts)
    codes = np.concatenate([codes, np.full(missing, -1)])
    return Column("x", "category", "", codes, tuple(labels))


# ---- numbers -------------------------------------------------------------------------


def test_a_number_has_its_median_for_those_that_are_missing():
    field = NumberField.learned(number(5.0, GAP, 1.0, 2.0, spelling=",", unit="kg"))
    assert (field.median, field.missing) == (2.0, True)
    assert (field.decimal, field.unit) == (",", "kg")
    assert field.inputs == ("x", "x is missing")
    found = [list(each) for each in field.encoded(number(7.0, GAP))]
    assert found == [[7.0, 2.0], [0.0, 1.0]]
    whole = NumberField.learned(number(5.0, 1.0))
    assert (whole.median, whole.missing, whole.inputs) == (3.0, False, ("x",))
    assert [list(each) for each in whole.encoded(number(7.0, GAP))] == [[7.0, 3.0]]


@pytest.mark.parametrize(
    ("values", "learned"),
    [
        ([1.0, 1.0], False), ([GAP, GAP], False), ([], False), ([1.0, GAP], True),
        ([1.0, 2.0], True),
    ],
)  # fmt: skip
def test_what_does_not_change_is_not_learned(values, learned):
    assert (NumberField.learned(number(*values)) is not None) == learned
    dates = number(*values, kind="date", spelling="%Y")
    assert (DateField.learned(dates) is not None) == learned


# ---- categories ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "kept", "rare"),
    [
        ([30, 2, 1], 2, 1),  # at least two rows
        ([395, 2, 2], 3, 0),
        ([596, 2, 2], 1, 2),  # or half a percent
        ([594, 3, 3], 3, 0),
        ([10000, 50, 49], 2, 1),  # but no more than 50
        ([20000, 50, 49], 2, 1),
        ([9850, 49, 48], 2, 1),
    ],
)
def test_a_value_of_few_rows_is_rare(counts, kept, rare):
    field = CategoryField.learned(category(counts))
    assert (len(field.values), len(field.rare)) == (kept, rare)
    assert field.values + field.rare == category(counts).labels
    assert len(field.inputs) == kept + bool(rare)


@pytest.mark.parametrize("labels", [MOST - 1, MOST, MOST + 1, 2 * MOST])
def test_the_most_frequent_have_an_input_of_their_own(labels):
    counts = [5 + (i % 7) for i in range(labels)]
    field = CategoryField.learned(category(counts))
    assert len(field.values) == min(labels, MOST)
    order = sorted(range(labels), key=lambda i: (-counts[i], i))
    names = category(counts).labels
    assert field.values == tuple(names[i] for i in sorted(order[:MOST]))
    assert field.rare == tuple(names[i] for i in sorted(order[MOST:]))


@pytest.mark.parametrize(
    ("counts", "missing", "learned"),
    [
        ([9], 0, False), ([9], 1, True), ([0, 9], 0, False), ([0, 9], 3, True),
        ([1, 1, 1], 0, False), ([1, 1, 2], 0, True), ([], 9, False),
    ],
)  # fmt: skip
def test_a_category_is_learned_where_it_tells_rows_apart(counts, missing, learned):
    field = CategoryField.learned(category(counts, missing))
    assert (field is not None) == learned
    if field:
        assert field.missing == bool(missing)


def test_a_value_that_is_new_counts_as_a_rare_one():
    column = Column("x", "category", "", np.array([0, 1, 2, -1]), ("b", "new", "a"))
    every = CategoryField("x", ("a", "b"), ("c",), missing=True)
    assert every.inputs == ("x = a", "x = b", "x: rare", "x is missing")
    inputs = np.array(every.encoded(column)).T.tolist()
    assert inputs == [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    plain = CategoryField("x", ("a", "b"))
    inputs = np.array(plain.encoded(column)).T.tolist()
    assert inputs == [[0, 1], [0, 0], [1, 0], [0, 0]]


# ---- dates ---------------------------------------------------------------------------

HOUR, DAY = 3600.0, 86400.0
START = datetime(2021, 1, 4, tzinfo=UTC).timestamp()  # a Monday


@pytest.mark.parametrize(
    ("step", "rows", "cycles"),
    [
        (HOUR, 3, ("time of day",)),
        (HOUR, 24 * 7 + 1, ("time of day", "day of week")),
        (DAY, 7, ()),
        (DAY, 8, ("day of week",)),
        (7 * DAY, 53, ()),
        (7 * DAY, 54, ("time of year",)),
        (DAY, 367, ("day of week", "time of year")),
        (HOUR, 9000, ("time of day", "day of week", "time of year")),
    ],
)
def test_a_date_has_the_cycles_that_its_rows_went_through(step, rows, cycles):
    seconds = START + step * np.arange(rows)
    column = number(*seconds, kind="date", spelling="%Y-%m-%d")
    field = DateField.learned(column)
    assert (field.cycles, field.form, field.missing) == (cycles, "%Y-%m-%d", False)
    days, *circles = field.encoded(column)
    np.testing.assert_allclose(days, seconds / DAY)
    assert len(circles) == 2 * len(cycles) == len(field.inputs) - 1
    lengths = {
        "time of day": DAY,
        "day of week": 7 * DAY,
        "time of year": 365.2425 * DAY,
    }
    for i, name in enumerate(cycles):
        sine, cosine = circles[2 * i : 2 * i + 2]
        angle = 2 * np.pi * (seconds % lengths[name]) / lengths[name]
        np.testing.assert_allclose(sine, np.sin(angle), atol=1e-9)
        np.testing.assert_allclose(cosine, np.cos(angle), atol=1e-9)
        assert field.inputs[1 + 2 * i :][:2] == (f"x: {name} (sin)", f"x: {name} (cos)")


def test_a_date_that_is_missing_stands_at_the_median():
    column = number(START, GAP, START + 2 * DAY, START + 5 * DAY, kind="date")
    field = DateField.learned(column)
    assert (field.median, field.missing) == (START + 2 * DAY, True)
    days, *_, gaps = field.encoded(column)
    assert days.tolist() == [START / DAY + n for n in (0, 2, 2, 5)]
    assert gaps.tolist() == [0, 1, 0, 0]
    assert field.inputs[-1] == "x is missing"
