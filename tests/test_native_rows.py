"""What is recorded and replayed in C is, to the last bit, what the row in Python gives.

In the plain engine, where Python asks the row itself, the same tests hold that to it.
"""

import itertools
import math
import random
import sys

import pytest

import autograd
from autograd import Value, native_rows, ops
from autograd.ops import TABLE
from autograd.value import constant, forward, local_partials, recorded_partials

FIXED = {name: row for name, row in TABLE.items() if row.arity}
MANY = {name: row for name, row in TABLE.items() if not row.arity and name != "given"}
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-300, 5e-324, -1e16, 700.0, -800.0]
NUMBERS += [1.7e308, -1.7e308, math.inf, -math.inf, math.nan]


def points(row, count=60):
    """Numbers from everywhere, and from the row's own box."""
    rng = random.Random(row.name)
    yield from row.samples
    if row.arity < 3:
        yield from itertools.product(NUMBERS, repeat=row.arity)
    for _ in range(count):
        yield tuple(rng.choice(NUMBERS) for _ in range(row.arity))
        yield tuple(rng.uniform(*span) for span in row.box)


def bits(numbers):
    """To the last bit, and the sign of 0; every nan is one."""
    return [float(x).hex() for x in numbers]


def told(compute, *args):
    """What it gives, or the error."""
    try:
        return compute(*args)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        return type(error), str(error)


def by_the_row(row, parents):
    """Result and local derivatives as the functions of the row give them."""
    numbers = [x.data if isinstance(x, Value) else float(x) for x in parents]
    nodes = [x if isinstance(x, Value) else constant(x) for x in parents]
    data = forward(row, numbers, nodes)
    return bits([data, *local_partials(row, numbers, data)])


def recorded(node):
    return bits([node.data, *recorded_partials(node)])


def by_recording(function, args):
    return recorded(function(*args))


@pytest.mark.parametrize("name", FIXED)
def test_a_row_is_recorded_as_it_says(name):
    row = FIXED[name]
    for numbers in points(row):
        nodes = [Value(x) for x in numbers]
        assert told(by_recording, row, nodes) == told(by_the_row, row, nodes), numbers
        if row.arity > 1:
            mixed = [*numbers[:-1], nodes[-1]]
            found = told(by_recording, row, mixed)
            assert found == told(by_the_row, row, mixed), numbers


@pytest.mark.parametrize("name", FIXED)
def test_a_row_of_numbers_gives_what_it_says(name):
    row = FIXED[name]
    for numbers in points(row, 20):
        try:
            expected = row.forward(*numbers)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            with pytest.raises(type(error)):
                row(*numbers)
        else:
            assert bits([row(*numbers)]) == bits([expected])
            assert type(row(*numbers)) is float


@pytest.mark.parametrize("name", MANY)
def test_a_reduction_is_recorded_as_its_row_says(name):
    row, rng = MANY[name], random.Random(name)
    reduce = {
        "dot": lambda xs: autograd.dot(xs[::2], xs[1::2]),
        "take": lambda xs: autograd.take(xs[1:], xs[0]),
    }.get(name, getattr(autograd, name))
    for count in (2, 4, 10, 100):
        for _ in range(20):
            span = NUMBERS if count < 10 else [rng.uniform(-2, 2) for _ in range(9)]
            xs = [rng.choice(span) for _ in range(count)]
            terms = [rng.choice([x, Value(x)]) for x in xs]
            terms[0] = Value(xs[0])
            order = [*terms[::2], *terms[1::2]] if name == "dot" else terms
            found = told(by_recording, reduce, [terms])
            assert found == told(by_the_row, row, order), xs


@pytest.mark.parametrize("name", TABLE)
def test_a_row_is_replayed_as_it_is_recorded(name):
    row = TABLE[name]
    if name == "given":
        return
    samples = [x for x in row.samples if len(x) == len(row.samples[0])]
    for before, after in itertools.product(samples, repeat=2):
        leaves = [Value(x) for x in before]
        inner = row(*leaves)
        node = inner + 1.0
        for leaf, x in zip(leaves, after, strict=True):
            leaf.data = x
        node.recompute()
        fresh = row(*leaves)
        assert recorded(inner) == recorded(fresh)
        assert node.data == fresh.data + 1.0


def test_what_can_not_be_replayed_leaves_everything_as_it_was():
    x, y = Value(2.0), Value(3.0)
    first = autograd.dot([x, y], [y, 1.0])
    second = autograd.where(x, first, y) ** 2
    last = autograd.log(second - 80.0) * autograd.hypot(x, y)
    nodes = [n for n in autograd.topological_order(last) if n.op]
    before = [recorded(node) for node in nodes]
    x.data = 0.5
    with pytest.raises(ValueError, match="log"):
        last.recompute()
    assert [recorded(node) for node in nodes] == before
    x.data = 5.0
    last.recompute()
    assert last.data == math.log((5 * 3 + 3) ** 2 - 80.0) * math.hypot(5, 3)


def test_operands_that_are_no_plain_numbers_are_told_as_ever():
    x = Value(2.0)
    assert (x**True).parents[1].op == ""
    assert autograd.where(True, x, 3.0).parents[0].operation is ops.ANSWER
    assert autograd.maximum(x, 3).data == 3.0
    assert (2**x).data == 4.0
    with pytest.raises(OverflowError, match="too large for a float"):
        autograd.maximum(x, 10**400)
    for wrong in ("2", None, [x], 1j):
        with pytest.raises(TypeError):
            autograd.maximum(x, wrong)
        with pytest.raises(TypeError):
            x**wrong
    with pytest.raises(TypeError):
        pow(x, 2, 3)


def test_recording_keeps_and_loses_no_reference():
    x, y = Value(0.5), Value(0.25)
    kept = [ops.sin, ops.pow_, ops.dot, ops.where, ops.CONSTANT, x, y]

    def work():
        for _ in range(1000):
            autograd.sin(x)
            autograd.where(x, 2.0, y)
            autograd.where(True, autograd.atan2(x, y), x % y)
            out = autograd.dot([x, y, 1.0], [y, 3.0, x**2]) + autograd.hypot(x, y)
            out.recompute()
            out.backward()

    work()
    before = [sys.getrefcount(each) for each in kept]
    work()
    assert [sys.getrefcount(each) for each in kept] == before


# ---- how they are written ------------------------------------------------------------


def test_every_row_but_two_of_many_numbers_is_in_c():
    if autograd.__compiled__:
        without = [name for name, row in TABLE.items() if row.kernel <= 0]
        assert {*without} == {"norm", "take"}  # rarely recorded by themselves
    else:
        text, reasons = native_rows.in_c()
        assert {*reasons} == {*MANY}
        assert all(f'{{"{name}", ' in text for name in FIXED)


def test_what_c_has_no_words_for_stays_with_python():
    with native_rows.math_in_c(), pytest.raises(native_rows.UnwritableError):
        native_rows.expression(lambda x: ops.math.gamma(x), ["x"])


def test_a_row_asks_its_questions_in_c():
    def slope(x, y, out):
        if not y and not (x < 0 or x > 0):
            return 0.0
        return y * (x if x >= y else out) - ops.sin(-x)

    with native_rows.math_in_c():
        text = native_rows.expression(slope, ["x", "y", "out"])
    for function in (ops._sigmoid, lambda x: 1 / math.gamma(x)):
        with pytest.raises(native_rows.UnwritableError):
            native_rows.expression(function, ["x"])
    assert text.count("?") == 6
    assert "row_sin((-x))" in text
    assert native_rows.as_c(-math.inf) == "(-INFINITY)"
    assert float.fromhex(native_rows.as_c(0.1).strip("()")) == 0.1
