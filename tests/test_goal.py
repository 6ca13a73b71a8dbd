"""The target of a table: where classes end and numbers begin, at the limits."""

import pytest

from nn.columns import Told
from nn.table import read


def goal(values, told=None):
    table = read({"x": [i * i for i in range(len(values))], "y": values}, "y", told)
    return table.goal


def cycled(different, rows):
    different = list(different)
    return [different[i % len(different)] for i in range(rows)]


@pytest.mark.parametrize(
    ("different", "rows", "are"),
    [
        # Two always are.
        ([0, 1], 2, True),
        ([-5, 900], 3, True),
        # Up to 10 near one another with 5 rows each.
        (range(3, 13), 50, True),
        (range(3, 13), 49, False),
        (range(3, 14), 110, False),
        ([3, 6, 11], 15, True),
        ([3, 6, 12], 15, False),
        ([-4, 0, 4], 15, True),
        ([-4, 0, 5], 15, False),
        # From 0 or 1 up to 5 with 2 rows each.
        (range(5), 10, True),
        (range(5), 9, False),
        (range(1, 6), 10, True),
        (range(2, 7), 10, False),
        (range(6), 29, False),
        (range(6), 30, True),
        ([0, 1, 2, 4], 8, False),
        # Or up to 100 with 10 rows each.
        (range(100), 1000, True),
        (range(100), 999, False),
        (range(1, 101), 1000, True),
        (range(2, 102), 1000, False),
        (range(101), 1010, False),
        ([*range(99), 100], 1000, False),
    ],
)
def test_few_whole_numbers_near_one_another_are_classes(different, rows, are):
    found = goal(cycled(different, rows))
    assert found.classes == (tuple(sorted(different)) if are else ())
    what = "whole numbers" if are else "numbers"
    assert found.why == f"{len(different)} different {what}"
    assert goal(cycled(different, rows), Told(task="classes")).classes
    assert goal(cycled(different, rows), Told(task="number")).why == "as you say"


@pytest.mark.parametrize("size", [2.0**53 - 1, 2.0**53, 2.0**60])
def test_whole_numbers_that_floats_do_not_count_are_no_classes(size):
    found = goal(cycled([size, 0.0], 20))
    assert found.classes == ((0, int(size)) if size < 2**53 else ())


@pytest.mark.parametrize(
    ("different", "rows", "are"), [(20, 20, True), (21, 42, True), (21, 41, False)]
)
def test_texts_that_are_more_than_half_of_the_rows_are_no_classes(different, rows, are):
    values = cycled([f"item {chr(97 + i)}" for i in range(different)], rows)
    if are:
        found = goal(values)
        assert found.classes == tuple(sorted(set(values)))
        assert found.why == f"{different} different texts"
    else:
        told = f"has {different} different texts in {rows} rows, too many to be classes"
        with pytest.raises(ValueError, match=told):
            goal(values)
    assert len(goal(values, Told(task="classes")).classes) == different


@pytest.mark.parametrize(
    ("numbers", "words", "asked"),
    [
        # Few texts among numbers, up to a tenth, are a question.
        (cycled(range(5), 90), ["low", "high"] * 5, True),
        (cycled(range(5), 89), ["low", "high"] * 5 + ["low"], False),
        # More of them are one where it is one word, among many numbers.
        (list(range(21)), ["?!"] * 20, True),
        (list(range(21)), ["?!"] * 21, False),
        (cycled(range(20), 40), ["?!"] * 20, True),
        (cycled(range(19), 40), ["?!"] * 20, False),
        (list(range(21)), ["<5"] * 20, False),
    ],
)
def test_texts_among_numbers_are_asked_about(numbers, words, asked):
    values = [*map(str, numbers), *words]
    if asked:
        count = f"{len(numbers)} of {len(values)} values are"
        with pytest.raises(ValueError, match=f"is not a number, while {count}"):
            goal(values)
    elif len(set(values)) > max(20, len(values) / 2):
        with pytest.raises(ValueError, match=r"different texts in .* too many"):
            goal(values)
    else:
        assert goal(values).classes == tuple(sorted(set(values)))
    assert len(goal(values, Told(task="classes")).classes) == len(set(values))


@pytest.mark.parametrize("rows", [1, 2, 30])
@pytest.mark.parametrize("value", ["a", 1, 0.5])
def test_one_class_alone_teaches_nothing(value, rows):
    told = f"every row has the y {value}; there is nothing to learn from one class"
    with pytest.raises(ValueError, match=told):
        goal([value] * rows)


def test_what_was_said_of_the_target_counts():
    values = cycled([4, 6, 8], 60)
    assert goal(values, Told(numbers=("y",))).classes == ()
    assert goal(cycled([0.5, 1.5], 20), Told(categories=("y",))).classes == (
        "0.5", "1.5",
    )  # fmt: skip
    prices = [f"{x} kg" for x in cycled([4, 6, 8], 60)]
    assert goal(prices).why == "3 different numbers, in kg"
    assert goal(prices).classes == ()
