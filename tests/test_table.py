"""An expression as tables: what is in them does not depend on what was there before."""

import json
import math

import pytest

from autograd import Value, exp, parse
from viz.table import evaluate, print_table


def test_gradients_that_were_there_are_not_added_to():
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    out = x * x * y
    fresh = evaluate(out, {"x": x, "y": y}).as_json()
    out.backward()
    out.backward(5.0)
    assert evaluate(out, {"x": x, "y": y}).as_json() == fresh
    assert [node["gradient"] for node in fresh["nodes"] if node["label"]] == [12.0, 9.0]


@pytest.mark.parametrize("second", [False, True])
def test_derivatives_by_every_name_and_pair(second):
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    found = evaluate(x * x * y, {"x": x, "y": y}, second)
    assert found.value == 18.0
    assert found.first == {"x": 12.0, "y": 9.0}
    wanted = {"x": {"x": 4.0, "y": 6.0}, "y": {"x": 6.0, "y": 0.0}}
    assert found.second == (wanted if second else {})
    data = found.as_json()
    assert data["derivatives"] == found.first
    assert data.get("second", {}) == found.second
    assert ("second" in data) is second


def test_as_data_what_json_lacks_is_text():
    x = Value(math.inf, label="x")
    data = evaluate(x * 0.0 + x, {"x": x}).as_json()
    json.dumps(data, allow_nan=False)
    assert (data["value"], data["nodes"][0]["value"]) == ("nan", "inf")


def cells(table):
    return list(zip(*[column._cells for column in table.columns], strict=True))


def test_a_row_for_each_node():
    x = Value(0.5, label="x")
    nodes, first = evaluate(exp(x) * 2.0, {"x": x}).tables()
    rows = [[str(cell) for cell in row] for row in cells(nodes)]
    assert [row[1] for row in rows] == ["", "exp(x)", "v1·2"]
    assert rows[0][:1] + rows[0][2:4] == ["x", "0.5", "3.297442541"]
    assert rows[1][3:] == ["2", "by x: 1.648721271"]
    assert rows[2][4] == "by v1: 2"  # the bare number has no row
    assert [[str(cell) for cell in row] for row in cells(first)] == [
        ["x", "3.297442541"]
    ]


@pytest.mark.parametrize(("terms", "shown"), [(8, 8), (9, 7)])
def test_of_more_than_eight_operands_seven_derivatives_are_shown(terms, shown):
    names = [f"x{i}" for i in range(terms)]
    out = parse(f"sum({', '.join(names)})", **dict.fromkeys(names, 1.0))
    (nodes,) = evaluate(out, {}).tables()
    assert str(cells(nodes)[-1][1]) == " + ".join(names)
    derivatives = str(cells(nodes)[-1][4]).split("\n")
    assert derivatives == [f"by {n}: 1" for n in names[:shown]] + ["..."] * (terms - 8)


# ---- what is printed -----------------------------------------------------------------


@pytest.mark.parametrize("room", [80, 40])
def test_tables_are_printed_as_agreed(room, golden, printed):
    leaves = {"x": Value(3.0, label="x"), "weight": Value(1 / 3, label="weight")}
    out = parse("x*weight + exp(weight) + 2*x*x*weight", **leaves)
    for table in evaluate(out, leaves, second=True).tables():
        print_table(table, room)
    golden(f"tables.{room}", printed())


def test_a_table_is_one_as_long_as_it_fits(printed, monkeypatch):
    x = Value(3.0, label="x")
    (_, table) = evaluate(x * 2.0, {"x": x}).tables()
    wide, least = "│ x  │          2 │", "by: x\nderivative: 2"
    for room, shown in ((19, wide), (18, least)):
        print_table(table, room)
        assert shown in printed()
        monkeypatch.setenv("COLUMNS", str(room))  # the terminal's
        print_table(table)
        assert shown in printed()


@pytest.mark.parametrize(("columns", "written"), [(60, True), (61, False)])
def test_a_formula_is_written_out_in_60_columns(columns, written):
    names = ["a" * (columns - 55), *[f"x{i:x}" for i in range(11)]]
    values = dict.fromkeys(names, 1.0)
    found = evaluate(parse(f"sum({', '.join(names)})", **values), {})
    wanted = " + ".join(names) if written else "sum(…)"
    assert found.formula(found.nodes[-1]) == wanted
