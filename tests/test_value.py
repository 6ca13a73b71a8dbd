"""The node: what it holds, how it records, and that its gradients are exact."""

import copy
import gc
import inspect
import itertools
import math
import operator
import os
import pickle
import random
import subprocess
import sys
import threading
import weakref
from collections import ChainMap, UserDict, UserList
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import autograd
from autograd import Value, topological_order
from autograd.ops import TABLE
from nn import MLP

# ---- what data may be ----------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [3, True, 3.0, np.float32(3), np.int8(3), np.float64(3), Fraction(3)]
)
def test_data_is_a_python_float(data):
    assert type(Value(data).data) is float
    assert Value(data).data == float(data)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("3", "float(text)"),
        (None, "forget its return"),
        (math.sin, "that is a function: call it, as in"),
        (lambda: 1.0, "that is a function: call it, as in"),
        (Value(1.0).tanh, "that is a function: call it, as in"),
        (float, "of type type: pass an int or a float"),
        (1j, ".real"),
        (np.complex64(1j), ".real"),
        (np.str_("3"), "float(text)"),
        ([1.0], "[Value(x) for x in numbers]"),
        (np.ones(1), "[Value(x) for x in numbers]"),
        (object(), "pass an int or a float"),
        (np.timedelta64(2, "D"), "x / np.timedelta64(1, 's')"),
        (np.datetime64("2020"), "a time has a unit"),
        (ChainMap({"a": 1.0}), "dict(x)"),
        (UserDict(a=1.0), "dict(x)"),
        (UserList([1.0]), "list(x)"),
        ((x for x in [1.0]), "list(x)"),
        (frozenset([1.0]), "list(x)"),
        ({"a": 1.0}.values(), "list(x)"),
        (SimpleNamespace(a=1.0), "vars(x)"),
        (MLP(2, [1]), "gradients(loss, model.parameters())"),
        (Value(1.0), ".detach()"),
    ],
)
def test_what_is_no_number_is_refused_with_advice(data, advice):
    with pytest.raises(TypeError) as error:
        Value(data)
    assert advice in str(error.value)
    assert type(data).__name__ in str(error.value)


def test_a_huge_integer_is_refused():
    with pytest.raises(OverflowError, match=r"1\.8e308"):
        Value(10**400)


def test_labels_are_text():
    assert Value(1.0, label="x").label == "x"
    with pytest.raises(TypeError, match="a label is text"):
        Value(1.0, 3)
    with pytest.raises(TypeError, match="a label is text"):
        Value(1.0, None)
    value = Value(1.0)
    with pytest.raises(TypeError, match="a label is text"):
        value.label = None
    value.label = "y"
    assert value.label == "y"


def test_only_a_leaf_may_be_set():
    x = Value(1.0, "x")
    x.data = np.float32(2)
    assert type(x.data) is float
    assert x.data == 2.0
    with pytest.raises(TypeError):
        x.data = "3"
    y = x * 2
    with pytest.raises(AttributeError, match="recompute"):
        y.data = 3.0
    assert y.data == 4.0


@pytest.mark.parametrize("args", [(), (1, "a", 2), (1, 2), ("x",)])
def test_a_construction_that_fails_leaves_nothing_half_made(args):
    for _ in range(100):
        with pytest.raises(TypeError):
            Value(*args)


# ---- structure -----------------------------------------------------------------------


def test_parents_are_ordered_and_repeated():
    a, b = Value(2.0), Value(3.0)
    assert (a - b).parents == (a, b)
    assert (b - a).parents == (b, a)
    assert (a + a).parents == (a, a)
    assert a.parents == ()
    assert (-a).parents == (a,)
    assert autograd.sum([a, b, a]).parents == (a, b, a)
    assert autograd.dot([a, b], [b, b]).parents == (a, b, b, b)


def test_op_label_and_constants():
    a = Value(2.0)
    node = 3 * a
    assert (node.op, a.op) == ("mul", "")
    three, other = node.parents
    assert three.constant
    assert three.data == 3.0
    assert other is a
    assert not a.constant


@pytest.mark.parametrize(
    "number", [2, 2.5, np.float64(2.5), np.float32(2.5), np.int64(2)]
)
@pytest.mark.parametrize("op", ["add", "sub", "mul", "truediv", "pow"])
def test_numbers_on_both_sides(op, number):
    function = getattr(operator, op)
    x = Value(1.5)
    assert function(x, number).data == function(1.5, float(number))
    assert function(number, x).data == function(float(number), 1.5)
    assert isinstance(function(number, x), Value)


@pytest.mark.parametrize("other", ["3", None, [1.0], 1j])
@pytest.mark.parametrize("op", ["add", "sub", "mul", "truediv", "pow", "lt"])
def test_arithmetic_with_what_is_no_number(op, other):
    function = getattr(operator, op)
    with pytest.raises(TypeError):
        function(Value(2.0), other)
    with pytest.raises(TypeError):
        function(other, Value(2.0))


def test_in_place_operators_rebind():
    x = Value(2.0)
    y = x
    y += 3
    assert y is not x
    assert (x.data, y.data) == (2.0, 5.0)
    assert y.parents[0] is x


QUESTIONS = ["lt", "le", "gt", "ge", "eq", "ne"]
NUMBERS = [
    *(0, 1, -2, True, 0.5, -0.0, math.inf, math.nan, 10**400, Fraction(1, 2)),
    *(np.float64(0.5), np.float32(0.5), np.int64(1), np.bool_(False), np.array(1.0)),
]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_a_question_is_about_the_number(name, number):
    ask = getattr(operator, name)
    for data in (0.0, 0.5, 1.0, -2.0, math.inf, math.nan):
        x = Value(data)
        with np.errstate(invalid="ignore"):
            pairs = [(x, number, data, number), (number, x, number, data)]
            for left, right, *bare in pairs:
                answer = ask(left, right)
                assert answer == ask(*bare)
                assert type(answer) in (bool, np.bool_)


@pytest.mark.parametrize("other", [None, "1.0", [1.0], 1j, object], ids=repr)
def test_what_is_no_number_is_never_equal(other):
    x = Value(1.0)
    assert [x == other, other == x, x != other, other != x] == [False] * 2 + [True] * 2
    with pytest.raises(TypeError):
        operator.lt(x, other)


def test_two_values_are_equal_where_they_are_one_node():
    a, b, c = Value(1.0), Value(2.0), Value(1.0)
    assert (a == a, a == c, a != c, a != a) == (True, False, True, False)
    assert a < b <= b > c >= a
    assert len({a, c, a}) == 2
    assert {a: "first"}[a] == "first"
    assert [b, c].index(c) == 1
    assert 2.0 in [a, b]
    assert not Value(0.0)
    assert Value(-0.1)
    assert max(a, b) is b


@pytest.mark.parametrize("ask", [lambda x: x > 0, lambda x: x == 2.0])
def test_recompute_says_what_it_cannot_ask_again(ask):
    x = Value(2.0)
    y = autograd.where(ask(x), x, -x)
    x.data = -3.0
    with pytest.warns(RuntimeWarning, match=r"kept the True or False") as told:
        y.recompute()
    assert y.data == -3.0
    assert told[0].filename == __file__


@pytest.mark.parametrize("condition", [lambda x: autograd.relu(x), lambda x: 1.0])
def test_recompute_says_nothing_of_other_conditions(condition):
    x = Value(2.0)
    y = autograd.where(condition(x), x, -x)
    x.data = 3.0
    y.recompute()
    assert y.data == 3.0


def test_a_branch_at_a_number_is_taken():
    f = lambda x: 0.0 if x == 0 else x**2 + 1  # noqa: E731
    assert autograd.value_and_grad(f)(0.0) == (0.0, 0.0)
    assert autograd.value_and_grad(f)(2.0) == (5.0, 4.0)


def test_repr_and_format_read_as_micrograd_and_as_a_number():
    x = Value(2.0, label="x")
    (x * x).backward()
    assert repr(x) == "Value(data=2.0, grad=4.0, label='x')"
    assert f"{x:.3f}" == "2.000"
    assert f"{x}" == repr(x)
    assert repr(x * 2) == "Value(data=4.0, grad=0.0)"
    x.label = "it's\x1b[2J" + "!" * 99
    assert repr(x).endswith(", label=\"it's\\x1b[2J" + "!" * 49 + '...")')


# ---- the hot path is the row ---------------------------------------------------------

OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_give_their_row_bit_for_bit(name):
    row, rng = TABLE[name], random.Random(name)
    points = [tuple(rng.uniform(*span) for span in row.box) for _ in range(500)]
    for point in [*row.samples, *points]:
        node = OPERATORS[name](*[Value(x) for x in point])
        assert node.operation is row
        assert node.data == row.forward(*point)
        expected = [float(p(*point, node.data)) for p in row.partials]
        assert repr(list(node.partials)) == repr(expected)  # nan equals nan here


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "dot", "logsumexp"])
def test_reductions_give_their_row_bit_for_bit(name):
    row = TABLE[name]
    for sample in row.samples:
        values = [Value(x) for x in sample]
        half = len(values) // 2
        args = (values[:half], values[half:]) if name == "dot" else (values,)
        node = getattr(autograd, name)(*args)
        assert node.operation is row
        assert node.data == row.forward(*sample)
        assert list(node.partials) == row.all_partials(sample, node.data)


# ---- backward ------------------------------------------------------------------------


def test_one_node_used_twice():
    a = Value(3.0)
    (a + a).backward()
    assert a.grad == 2.0
    a = Value(3.0)
    (a * a).backward()
    assert a.grad == 6.0
    a = Value(3.0)
    b = a + a
    (b + a).backward()
    assert (a.grad, b.grad) == (3.0, 1.0)


def test_backward_twice_accumulates_leaves_and_replaces_the_rest():
    x = Value(3.0)
    square = x * x
    cube = square * x
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (27.0, 3.0, 1.0)
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (54.0, 3.0, 1.0)
    x.grad = 0.0
    cube.backward()
    assert x.grad == 27.0


def test_accumulation_adds_whole_passes():
    """Per pass and then to the leaf: g + g is exact, a running sum would not be."""
    x = Value(0.1)
    y = x * 0.3 + x * 0.7 + x * 1e-17 + x * 1e3
    y.backward()
    once = x.grad
    for _ in range(3):
        y.backward()
    assert x.grad == once + once + once + once


def test_seed_is_a_factor():
    x = Value(3.0)
    (x * x).backward(seed=0.5)
    assert x.grad == 3.0
    with pytest.raises(TypeError):
        (x * x).backward("1")


def test_backward_of_a_leaf():
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_diamond_of_a_thousand_levels_is_exact():
    x = Value(1.0)
    node = x
    for _ in range(1000):
        node = node + node
    node.backward()
    assert x.grad == 2.0**1000
    assert len(topological_order(node)) == 1001


def test_zero_grad_reaches_everything():
    x = Value(3.0)
    square = x * x
    out = square + autograd.sum([square, x, 2.0])
    out.backward()
    out.zero_grad()
    assert all(node.grad == 0.0 for node in topological_order(out))


def test_a_leaf_changed_after_recording():
    x = Value(3.0, "x")
    y = x * x
    x.data = 10.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)
    x.grad = 0.0
    y.recompute()
    y.backward()
    assert (y.data, x.grad) == (100.0, 20.0)


def test_recompute_replays_every_operation():
    names = [name for name, row in TABLE.items() if row.arity in (1, 2, 3)]
    for name in names:
        row = TABLE[name]
        first, second = row.samples[0], row.samples[-1]
        leaves = [Value(x) for x in first]
        out = row(*leaves)
        for leaf, x in zip(leaves, second, strict=True):
            leaf.data = x
        out.recompute()
        again = row(*[Value(x) for x in second])
        assert (out.data, out.partials) == (again.data, again.partials), name


def test_walks_in_any_turn_over_graphs_that_come_and_go():
    """A walk may use the order of the one before it: never that of another graph."""
    chance, graphs = random.Random(7), []
    for _ in range(600):
        if not graphs or chance.random() < 0.2:
            a, b = Value(chance.random()), Value(2.0)
            part = a * b
            graphs.append((a, b, part, part * a + b))
        if len(graphs) > 3:
            del graphs[chance.randrange(3)]  # and another takes its place in memory
        a, b, part, y = chance.choice(graphs)
        output = chance.choice([part, y, y, y])
        slopes = [2 * a.data * b.data, a.data**2 + 1]
        slopes = [b.data, a.data] if output is part else slopes
        act = chance.randrange(5)
        if act == 0:
            a.data = chance.random()
            y.recompute()
            assert y.data == pytest.approx(a.data**2 * b.data + b.data)
        elif act == 1:
            output.zero_grad()
            output.backward()
            assert [a.grad, b.grad] == pytest.approx(slopes)
        elif act == 2:
            found = autograd.gradients(output, [Value(1.0), a, b, output * 2])
            assert found == pytest.approx([0.0, *slopes, 0.0])
        elif act == 3:
            assert len(topological_order(output)) == (3 if output is part else 5)
        else:
            assert autograd.grad(lambda x, b=b: x * b.data)(1.0) == b.data


def test_recompute_outside_the_domain_changes_nothing():
    x = Value(2.0, "x")
    before = x * 3
    out = before + x.log()
    kept = [(node.data, node.partials) for node in topological_order(out)]
    x.data = -1.0
    with pytest.raises(ValueError, match=r"log\(x = -1\.0\)"):
        out.recompute()
    x.data = 2.0
    assert [(node.data, node.partials) for node in topological_order(out)] == kept


def test_detach_cuts():
    x = Value(2.0, "x")
    d = (x * x).detach()
    assert (d.data, d.parents) == (4.0, ())
    (d * x).backward()
    assert x.grad == 4.0


# ---- outside the domain --------------------------------------------------------------


@pytest.mark.parametrize(
    ("compute", "error", "words"),
    [
        (lambda: Value(-1.0, "loss").log(), ValueError, ["log(loss = -1.0)", "x > 0"]),
        (lambda: Value(1.0, "a") / 0, ZeroDivisionError, ["div(a = 1.0, 0.0)"]),
        (lambda: 1 / Value(0.0, "b"), ZeroDivisionError, ["div(1.0, b = 0.0)"]),
        (lambda: Value(-8) ** (1 / 3), ValueError, ["pow(-8.0", "abs(x)"]),
        (lambda: Value(0.0) ** -1, ZeroDivisionError, ["pow(0.0, -1.0)"]),
        (
            lambda: Value(1000.0, "z").exp(),
            OverflowError,
            ["exp(z = 1000.0)", "709.78"],
        ),
        (lambda: Value(10.0) ** 400, OverflowError, ["pow(10.0, 400.0)"]),
        (lambda: Value(-1.0).sqrt(), ValueError, ["sqrt(-1.0)", "x >= 0"]),
        (lambda: Value(2.0).asin(), ValueError, ["asin(2.0)", "-1 <= x <= 1"]),
        (lambda: (Value(1.0) - 1).log(), ValueError, ["log(v1 = 1 - 1 = 0.0)"]),
    ],
)
def test_domain_errors_name_operation_operand_and_way_out(compute, error, words):
    with pytest.raises(error) as caught:
        compute()
    for word in words:
        assert word in str(caught.value)


def test_what_would_cut_the_graph_is_refused():
    v = Value(0.5, "v")
    for cut in (math.tanh, float, int, lambda v: np.array([v], dtype=float)):
        with pytest.raises(TypeError) as error:
            cut(v)
        told = "int() of the" if cut is int else "float() of the"
        assert str(error.value).startswith(f"{told} Value v = 0.5 would cut the graph")
        assert "v.tanh()" in str(error.value)
        assert "v.data" in str(error.value)


# ---- scale ---------------------------------------------------------------------------


@pytest.fixture
def pythons_own_recursion_limit():
    """Whatever a library that ran before has made of it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("pythons_own_recursion_limit")
def test_very_many_nodes_without_recursion():
    a, b = Value(1.0 + 1e-9), Value(1e-9)
    x = Value(1.0)
    steps = 500_000 if autograd.__compiled__ else 50_000
    for _ in range(steps):
        x = x * a
        x = x + b
    x.backward()
    assert b.grad > steps
    x.recompute()
    assert len(topological_order(x)) == 2 * steps + 3
    x.zero_grad()
    assert (a.grad, b.grad) == (0.0, 0.0)
    del x


def test_freeing_a_wide_and_deep_graph():
    x = Value(1.0)
    for _ in range(20_000):
        x = autograd.sum([x, x * 0.5, x]) * 0.3
    assert x.data > 0
    del x


def test_nodes_held_by_deeply_nested_lists_are_freed():
    for depth in range(1, 200):
        held = Value(1.0) * 2.0
        for _ in range(depth):
            held = [held]
        del held


def test_a_freed_graph_leaves_nothing_behind():
    def count():
        gc.collect()
        return sum(type(o).__name__ == "Value" for o in gc.get_objects())

    before = count()
    x = Value(1.0)
    for _ in range(100):
        x = x.tanh() + autograd.dot([x, x], [x, 2.0])
    x.backward()
    del x
    assert count() == before


# ---- copies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_leaves_copy_exactly_and_recorded_nodes_refuse(duplicate):
    x = Value(0.1, "x")
    (x * 3).backward()
    twin = duplicate(x)
    assert twin is not x
    assert (twin.data, twin.label, twin.grad) == (0.1, "x", x.grad)
    with pytest.raises(TypeError, match=r"detach\(\)"):
        duplicate(x * 3)


def test_a_model_of_leaves_copies_with_its_shared_parts():
    shared = Value(1.0)
    twins = copy.deepcopy([shared, shared, Value(2.0)])
    assert twins[0] is twins[1]
    assert twins[0] is not shared


def test_operations_pickle_as_the_same_row():
    for name, row in TABLE.items():
        assert pickle.loads(pickle.dumps(row)) is row, name


def test_subclasses_and_weak_references_are_refused_compiled_or_not():
    with pytest.raises(TypeError, match="can't be subclassed"):
        type("Mine", (Value,), {})
    with pytest.raises(TypeError):
        weakref.ref(Value(1.0))


@pytest.mark.parametrize("name", ["data", "grad", "label"])
def test_what_a_node_has_is_not_deleted(name):
    x = Value(1.0)
    with pytest.raises(AttributeError, match=f"property '{name}' of 'Value' object"):
        delattr(x, name)
    assert (x.data, x.grad, x.label) == (1.0, 0.0, "")


def test_signatures_and_docstrings_are_there_compiled_or_not():
    assert list(inspect.signature(Value).parameters) == ["data", "label"]
    assert list(inspect.signature(Value.backward).parameters)[:2] == ["self", "seed"]
    for documented in (Value, Value.backward, Value.tanh, autograd.sum, autograd.tanh):
        assert len(inspect.getdoc(documented)) > 20


# ---- memory --------------------------------------------------------------------------


def test_nodes_freed_in_any_order_leave_the_others_alone():
    rng = random.Random(0)
    held = {}
    for step in range(120_000):
        place = rng.randrange(60_000)
        if rng.random() < 0.4:
            held.pop(place, None)
        else:
            held[place] = (x := Value(float(step))), x * x
    for x, square in held.values():
        assert square.parents == (x, x)
        assert square.data == x.data**2
        square.backward()
        assert x.grad == 2 * x.data


# ---- threads -------------------------------------------------------------------------


def test_threads_that_share_leaves_add_up_exactly():
    shared = [Value(float(i + 1)) for i in range(4)]

    def work(passes):
        for _ in range(passes):
            out = autograd.sum([x * x for x in shared]) * shared[0]
            out.backward()

    alone = [Value(float(i + 1)) for i in range(4)]
    (autograd.sum([x * x for x in alone]) * alone[0]).backward()
    threads = [threading.Thread(target=work, args=(200,)) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert [x.grad for x in shared] == [1600 * x.grad for x in alone]


# ---- the same everywhere -------------------------------------------------------------

PROGRAM = """
from autograd import Value, topological_order
xs = [Value(i / 7, f"x{i}") for i in range(5)]
out = sum(((a * b).tanh() + a for a in xs for b in xs), Value(0.0))
out.backward()
print([(n.op, n.label, n.data, n.grad) for n in topological_order(out)])
"""


def test_nothing_depends_on_the_hash_seed():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
            cwd="/",
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_importing_the_engine_loads_only_what_recording_needs():
    code = "import sys, autograd; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code],  # -S: nothing that the environment loads
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(autograd.__file__).parents[1])},
    )
    loaded = set(shown.stdout.split())
    needed = "alone graph hints ieee installed listing modes numeric operation ops"
    needed += " reductions value wording "
    needed += "native" if autograd.__compiled__ else "family"
    own = {name for name in loaded if name.startswith("autograd.")}
    assert own == {f"autograd.{name}" for name in needed.split()}
    packages = {name.partition(".")[0] for name in loaded - own - {"autograd"}}
    shared = {name for name in packages if name.endswith("__mypyc")}
    # Python 3.11 has the last, and doesn't list it.
    known = {*sys.stdlib_module_names, "__main__", "_xxsubinterpreters"}
    assert packages - shared <= known
    assert "typing" not in loaded  # it would take as long as the rest


def test_every_public_name_is_there():
    for name in autograd.__all__:
        assert getattr(autograd, name).__module__.startswith("autograd"), name
    assert set(autograd.__all__) <= set(dir(autograd))
    with pytest.raises(AttributeError, match="'autograd' has no attribute 'reluu'"):
        autograd.reluu


def test_engine_says_whether_it_is_compiled():
    assert autograd.__compiled__ == (not inspect.isfunction(Value.backward))
    assert (autograd.__why_plain__ is None) == autograd.__compiled__


# ---- against central differences ----------------------------------------------------


def test_small_expressions_against_central_differences():
    functions = [
        lambda x, y: (x * y + x / y).tanh() - y**2,
        lambda x, y: (x.exp() + 1).log() * (y.sigmoid() - x.softplus()),
        lambda x, y: autograd.dot([x, y], [y, x]) + autograd.mean([x, y, x * y]),
        lambda x, y: autograd.maximum(x, y) * autograd.minimum(x, 0.3) + abs(x - y),
        lambda x, y: autograd.softmax([x, y, x * y])[1] + autograd.logsumexp([x, -y]),
    ]
    points = itertools.product((0.7, 1.9), (0.4, 2.3))
    for function, (a, b) in itertools.product(functions, points):
        x, y = Value(a), Value(b)
        function(x, y).backward()
        h = 1e-5
        for leaf, shift in ((x, (h, 0)), (y, (0, h))):
            up = function(Value(a + shift[0]), Value(b + shift[1])).data
            down = function(Value(a - shift[0]), Value(b - shift[1])).data
            assert leaf.grad == pytest.approx((up - down) / (2 * h), rel=1e-8, abs=1e-9)


REFUSED = ["and_", "or_", "xor", "lshift", "rshift", "matmul"]
BINARY = [*REFUSED, "add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]


@pytest.mark.parametrize("name", BINARY)
def test_every_operator_takes_an_operand_or_refuses_it_on_either_side(name):
    """Compiled as plain: no operator may look for its other side without end."""
    f, v = getattr(operator, name), Value(0.5)
    for x in (2.0, 2, "text", None, [1]):
        for left, right in ((x, v), (v, x)):
            try:
                found = f(left, right)
            except TypeError:
                assert not isinstance(x, (int, float)) or name in REFUSED
            else:
                assert found.data == f(x if left is x else 0.5, 0.5 if left is x else x)
