"""The order, the description and the gradients of a recorded graph."""

from __future__ import annotations

import itertools
import random
import sys

import pytest

from autograd import (
    Value,
    __compiled__,
    exp,
    gradients,
    maximum,
    operation,
    relu,
    sqrt,
    tanh,
    topological_order,
    where,
)
from autograd import sum as total
from autograd.graph import graph, reached, tangents
from autograd.value import as_value


def diamond(x, depth):
    for _ in range(depth):
        x = x + x
    return x


def test_parents_come_first_and_the_output_last():
    rng = random.Random(0)
    pool = [Value(1.0, label=str(i)) for i in range(5)]
    for _ in range(300):
        pool.append(rng.choice(pool) + rng.choice(pool))
    output = pool[-1] + pool[-2]
    order = topological_order(output)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is output
    assert all(place[p] < place[node] for node in order for p in node.parents)


def depth_first(node, found):
    """As textbooks have it: a node comes after its parents, the first parent first."""
    if node not in found:
        for parent in node.parents:
            depth_first(parent, found)
        found[node] = None
    return found


def by_hand(order, output):
    """The chain rule over an order, with an entry for each node."""
    adjoints = dict.fromkeys(order, 0.0) | {output: 1.0}
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials, strict=True):
            adjoints[parent] += adjoints[node] * partial
    return list(adjoints.values())


def test_the_order_is_depth_first_and_the_chain_rule_goes_back_over_it():
    rng = random.Random(1)
    for size in range(1, 60):
        pool = [Value(rng.uniform(-1, 1)) for _ in range(4)]
        for _ in range(size):
            some = rng.choices(pool, k=rng.randrange(1, 6))  # some of them twice
            pool.append(rng.choice([total, tanh_of_first, product])(some))
        order = topological_order(pool[-1])
        assert order == list(depth_first(pool[-1], {}))
        slopes = gradients(pool[-1], order)
        assert slopes == by_hand(order, pool[-1])
        pool[-1].backward()
        assert [node.grad for node in order] == slopes


def tanh_of_first(some):
    return tanh(some[0])


def product(some):
    return some[0] * some[-1]


def test_the_order_reads_from_left_to_right():
    a, b, c, d = (Value(1.0, label=name) for name in "abcd")
    order = topological_order((a + b) * (c + d))
    assert [node.label or node.op for node in order] == [
        *["a", "b", "add", "c", "d", "add", "mul"]
    ]
    assert topological_order(a) == [a]


def test_the_description():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    nodes = graph(a * b + a)
    assert [(n.index, n.value.op, n.parents, n.partials) for n in nodes] == [
        (0, "", (), ()),
        (1, "", (), ()),
        (2, "mul", (0, 1), (3.0, 2.0)),
        (3, "add", (2, 0), (1.0, 1.0)),
    ]


def test_a_deep_diamond_is_exact():
    x = Value(1.0)
    y = diamond(x, 1000)
    assert gradients(y, [x]) == [2.0**1000]
    (slope,) = gradients(y, [x], create_graph=True)
    assert slope.data == 2.0**1000
    assert len(topological_order(y)) == 1001


def test_a_long_chain_does_not_recurse():
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y * 1.0 + 0.0
    assert len(graph(y)) == 80_001
    assert gradients(y, [x]) == [1.0]
    (slope,) = gradients(y, [x], create_graph=True)
    assert slope.data == 1.0


@pytest.mark.parametrize("wrong", [1.0, "x", None])
def test_what_is_no_value_has_no_graph(wrong):
    x = Value(2.0)
    for call in (
        lambda: topological_order(wrong),
        lambda: graph(wrong),
        lambda: gradients(wrong, [x]),
        lambda: gradients(x * x, [x, wrong]),
    ):
        with pytest.raises(TypeError, match=r"Value.*got"):
            call()


def test_gradients_of_inner_nodes_and_strangers():
    x, stranger = Value(3.0), Value(4.0)
    inner = x * x
    y = inner * 2.0 + x
    assert gradients(y, [x, inner, y, stranger]) == [13.0, 2.0, 1.0, 0.0]
    again = gradients(y, [x, inner, y, stranger], create_graph=True)
    assert [slope.data for slope in again] == [13.0, 2.0, 1.0, 0.0]
    assert gradients(x, [x]) == [1.0]
    assert gradients(y, []) == []


def test_no_gradient_of_a_node_is_touched():
    x = Value(3.0)
    y = tanh(x) * x
    y.backward()
    before = [node.grad for node in topological_order(y)]
    gradients(y, [x])
    gradients(y, [x], create_graph=True)
    assert [node.grad for node in topological_order(y)] == before


def test_no_gradient_is_touched_by_what_is_computed_forward():
    x = Value(3.0)
    inner = x * x
    y = tanh(inner) * x
    y.backward()
    before = [node.grad for node in topological_order(y)]
    assert tangents([y, inner], {inner: 1.0}) == [*gradients(y, [inner]), 1.0]
    tangents([y], {x: 1.0, Value(2.0) * 1.0: 1.0})
    assert [node.grad for node in topological_order(y)] == before
    stranger = x * 2.0
    stranger.backward()
    tangents([y], {stranger: 5.0})
    assert stranger.grad == 1.0


def test_shared_inputs_given_twice():
    x = Value(3.0)
    assert gradients(x * x, [x, x]) == [6.0, 6.0]


def test_higher_derivatives_by_hand():
    x = Value(0.5)
    (first,) = gradients(exp(2 * x), [x], create_graph=True)
    (second,) = gradients(first, [x], create_graph=True)
    (third,) = gradients(second, [x])
    assert (first.data, second.data, third) == pytest.approx(
        [k * exp(1.0) for k in (2, 4, 8)], rel=1e-15
    )


def test_a_changed_leaf_is_an_error_for_derivatives_as_a_graph():
    x = Value(2.0, label="x")
    y = x * x
    x.data = 5.0
    assert gradients(y, [x]) == [4.0]  # the pass that was recorded
    with pytest.raises(RuntimeError, match=r"mul\(\.\.\.\) = 4\.0.*recompute"):
        gradients(y, [x], create_graph=True)
    y.recompute()
    assert gradients(y, [x], create_graph=True)[0].data == 10.0


def test_a_pole_on_the_way_gives_inf():
    x = Value(0.0)
    assert gradients(sqrt(x), [x]) == [float("inf")]
    assert gradients(sqrt(x), [x], create_graph=True)[0].data == float("inf")
    assert gradients(relu(x), [x], create_graph=True)[0].data == 0.0


POLES = [
    (lambda x: where(x, sqrt(x), 0.0), 0.0),  # 0 * inf, as in torch
    (lambda x: relu(-sqrt(x)), 0.0),
    (lambda x: where(0.0, x, 1.0) * sqrt(x), 0.0),
    (lambda x: sqrt(relu(x)), 0.0),
    (lambda x: sqrt(x) * 0.0, 0.0),
    (lambda x: maximum(sqrt(x), 1.0), 0.0),
    (lambda x: sqrt(x) + x**2, 0.0),
]


@pytest.mark.parametrize(("f", "at"), POLES)
def test_poles_are_the_same_in_floats_and_as_a_graph(f, at):
    x = Value(at)
    y = f(x)
    (slope,) = gradients(y, [x])
    (node,) = gradients(y, [x], create_graph=True)
    y.backward()
    assert repr([node.data, x.grad]) == repr([slope, slope])
    forward = [
        as_value(tangents([y], {x: 1.0}, create_graph)[0]).data
        for create_graph in (False, True)
    ]
    masked = 0.0 if y.operation.selects else slope  # before anything is infinite
    assert forward == pytest.approx([masked] * 2, nan_ok=True)


def test_the_order_of_several_outputs():
    x = Value(2.0, label="x")
    a, b = x * x, x + 1
    order, _ = reached([a, b])
    assert set(order) == {*topological_order(a), *topological_order(b)}
    assert len(order) == 4
    assert reached([a]) == ([x, a], False)
    assert reached([a, a]) == ([x, a], False)


def interrupted(compute, line):
    """Compute until Ctrl-C at a line of the walk, counted from 1; whether it came."""
    left, done = line, False

    def trace(frame, event, _):
        nonlocal left, done
        if frame.f_code.co_name not in ("in_order", "derivatives", "_sweep"):
            return trace
        left -= event == "line" and not done
        if left == 0 and not done:
            done = True
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        compute()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.skipif(__compiled__, reason="Ctrl-C waits for the end of compiled walks")
def test_a_walk_after_one_that_was_interrupted_is_like_the_first():
    x, w = Value(0.5), Value(2.0)
    inner = x * w + x
    out = maximum(inner * inner, x) * inner + total([x, inner, w])
    wanted = gradients(out, [x, w, inner])
    for line in itertools.count(1, 3):
        if not interrupted(lambda: gradients(inner * w, [x, inner]), line):
            break
        assert gradients(out, [x, w, inner]) == wanted, line
        interrupted(lambda: gradients(out, [x]), line)
        assert gradients(out, [x, w, inner]) == wanted, line
    assert line > 30


def test_gradients_of_what_leads_back_to_an_operation_of_ones_own():
    @operation(partials=(lambda x, out: 2.0,))
    def twice(x):
        return 2.0 * x

    x, y = Value(3.0), Value(5.0)
    output = (twice(x) * x + y) * twice(y)
    output.backward()
    assert gradients(output, [x, y]) == [x.grad, y.grad] == [120.0, 56.0]
