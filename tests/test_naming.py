"""What errors call nodes without a label: the numbers and formulas of a picture."""

import pytest

from autograd import Value, dot, exp, maximum, sum, topological_order
from autograd.naming import MOST, called
from viz.fold import LARGEST


def names(*ends):
    return [*called(ends, lambda leaf: f"{leaf.data:g}").values()]


x, y, z = Value(2.0, "x"), Value(3.0, "y"), Value(5.0, "z")


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda: x + y, "x + y"),
        (lambda: x - y, "x - y"),
        (lambda: x * 2.5, "x·2.5"),
        (lambda: x / y, "x / y"),
        (lambda: x**y, "x^y"),
        (lambda: -x, "-x"),
        (lambda: exp(x), "exp(x)"),
        (lambda: x + -2.0, "x + (-2)"),
        (lambda: -2.0 + x, "-2 + x"),
        (lambda: x * -2.0, "x·(-2)"),
        (lambda: Value(-2.0) ** x, "(-2)^x"),
        (lambda: maximum(x, y), "maximum(x, y)"),
        (lambda: sum([x, y, z]), "sum(x, y, z)"),
        (lambda: sum([x, y, z, x]), "sum(x, y, z, x)"),
        (lambda: sum([x, y, z, x, y]), "sum(…)"),
        (lambda: dot([x], [y]), "dot(…)"),
    ],
)
def test_an_operation_is_written_as_tables_write_it(make, formula):
    assert names(make()) == [f"v1 = {formula}"]


def test_nodes_are_numbered_as_pictures_number_them():
    left = x * y
    labeled = left + 1.0
    labeled.label = "total"
    end = exp(labeled - left)
    assert names(end) == ["v1 = x·y", "v2 = total - v1", "v3 = exp(v2)"]
    order = [n for n in topological_order(end) if n.op and not n.label]
    assert [*called([end], str)] == order
    assert names(left, exp(left)) == ["v1 = x·y", "v2 = exp(v1)"]
    assert names(exp(y), exp(x)) == ["v1 = exp(y)", "v2 = exp(x)"]
    assert names() == names(x) == []


def test_a_label_is_nobody_elses_number():
    v1, v3 = Value(1.0, "v1"), Value(1.0, "v3")
    assert names(exp(exp(v1 + v3))) == ["v2 = v1 + v3", "v4 = exp(v2)", "v5 = exp(v4)"]


def test_a_large_graph_is_not_numbered():
    assert MOST == LARGEST, "no picture numbers it either"
    node, count = Value(1.0), 1
    while count < MOST:
        node, count = -node, count + 1
    assert len(topological_order(node)) == MOST
    assert len(names(node)) == MOST - 1
    assert names(-node) == []
