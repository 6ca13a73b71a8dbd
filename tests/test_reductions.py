"""Operations over any number of Values and numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    compile,
    dot,
    grad,
    gradients,
    hessian,
    jvp,
    log,
    logsumexp,
    mean,
    norm,
    prod,
    softmax,
    sqrt,
    take,
)
from autograd import sum as total
from autograd.modes import ieee

VALUES = [0.5, -1.25, 3.0]


@pytest.mark.parametrize(
    ("f", "wanted", "slopes"),
    [
        (total, 2.25, [1.0, 1.0, 1.0]),
        (mean, 0.75, [1 / 3, 1 / 3, 1 / 3]),
        (prod, -1.875, [-3.75, 1.5, -0.625]),
    ],
)
def test_values_and_slopes(f, wanted, slopes):
    xs = [Value(x) for x in VALUES]
    y = f(xs)
    assert y.data == wanted
    assert gradients(y, xs) == slopes
    assert y.parents == tuple(xs)
    assert f(VALUES) == wanted
    assert type(f(VALUES)) is float
    assert f(iter(xs)).data == wanted
    assert f([xs[0], *VALUES[1:]]).data == wanted


def test_one_node_for_many_terms():
    xs = [Value(float(i)) for i in range(1000)]
    assert len(autograd.topological_order(total(xs))) == 1001
    assert total(xs).data == 499_500.0


def test_no_numbers_have_a_sum_and_a_product_alone():
    assert (total([]), prod([]), dot([], [])) == (0.0, 1.0, 0.0)
    for f in (mean, logsumexp, softmax):
        with pytest.raises(ValueError, match="of no numbers is not defined"):
            f([])


def test_dot_is_one_node_and_each_factor_the_slope_of_the_other():
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), 4.0]
    y = dot(xs, ys)
    assert (y.data, y.op) == (11.0, "dot")
    assert gradients(y, [*xs, ys[0]]) == [3.0, 4.0, 1.0]
    assert dot([1, 2], [3, 4]) == 11.0
    x = Value(3.0)
    assert gradients(dot([x], [x]), [x]) == [6.0]
    with pytest.raises(ValueError, match="same length, got 1 and 2"):
        dot([x], [1.0, 2.0])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_a_product_with_zeros(zeros):
    xs = (
        [Value(0.0)] * 0 + [Value(0.0) for _ in range(zeros)] + [Value(2.0), Value(5.0)]
    )
    slopes = gradients(prod(xs), xs)
    others = [math.prod(y.data for y in xs if y is not x) for x in xs]
    assert slopes == others


def test_second_derivatives():
    assert hessian(prod)([2.0, 3.0, 5.0]) == [
        [0.0, 5.0, 3.0],
        [5.0, 0.0, 2.0],
        [3.0, 2.0, 0.0],
    ]
    assert hessian(mean)([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hessian(lambda v: dot(v, v))([1.0, 2.0]) == [[2.0, 0.0], [0.0, 2.0]]


def test_logsumexp_at_the_ends():
    assert logsumexp([-math.inf, 1.0]) == 1.0
    assert logsumexp([math.inf, 1.0]) == math.inf
    for beside in (1.0, math.inf, -math.inf):
        assert math.isnan(logsumexp([math.nan, beside]))
        assert math.isnan(logsumexp([beside, math.nan]))
    assert logsumexp([math.inf, -math.inf]) == math.inf
    assert logsumexp([Value(-1000.0)]).data == -1000.0
    x = Value(3.0)
    assert gradients(logsumexp([x]), [x]) == [1.0]


def test_shares_add_up_to_1_and_have_their_slopes():
    xs = [Value(1000.0), Value(0.0), Value(1001.0)]
    shares = softmax(xs)
    assert sum(p.data for p in shares) == pytest.approx(1.0, rel=1e-15)
    assert shares[1].data == 0.0
    p = shares[0].data
    assert gradients(shares[0], xs) == pytest.approx([p * (1 - p), 0.0, -p * (1 - p)])
    assert softmax([0.0, 0.0]) == [0.5, 0.5]


@pytest.mark.parametrize("f", [total, mean, prod, norm, logsumexp, softmax])
def test_what_is_no_number(f):
    with pytest.raises(TypeError, match="got 'a' of type str"):
        f([Value(1.0), "a"])
    with pytest.raises(TypeError, match="got None"):
        f([1.0, None])
    with pytest.raises(TypeError):
        f(3.0)


@pytest.mark.parametrize("f", [total, mean, prod, norm, logsumexp])
def test_numbers_of_every_kind(f):
    numbers = [1, 2.0, True, np.float32(0.5), np.int64(3), Fraction(1, 2)]
    wanted = f([float(x) for x in numbers])
    assert f(numbers) == wanted
    assert f([Value(1.0), *numbers[1:]]).data == wanted


# ---- norm ----------------------------------------------------------------------------


def everywhere(f, point):
    """What a function of several numbers gives, by every engine."""
    with ieee():
        yield f(*point)
        for backend in ("numpy", "llvm"):
            yield compile(f, len(point), backend=backend)([point])[0].tolist()
        space = {}
        exec(compile(f, len(point)).to_numpy_source(), space)
        yield space["program"](np.array([point]))[0].tolist()


@pytest.mark.parametrize(
    ("point", "length", "slopes"),
    [
        ([3.0, 4.0], 5.0, [0.6, 0.8]),
        ([0.0, 0.0, 0.0], 0.0, [0.0, 0.0, 0.0]),
        ([-2.0], 2.0, [-1.0]),
        ([0.0], 0.0, [0.0]),
        ([3e200, -4e200], 5e200, [0.6, -0.8]),
        ([3e-200, 4e-200], 5e-200, [0.6, 0.8]),
        ([2.0, -3.0, 6.0], 7.0, [2 / 7, -3 / 7, 6 / 7]),
        ([math.inf, 1.0], math.inf, [math.nan, 0.0]),
    ],
)
def test_norm_is_the_length_and_its_slope_the_direction(point, length, slopes):
    for found in everywhere(lambda *xs: norm(xs), point):
        assert found == pytest.approx(length, rel=1e-15)
    for found in everywhere(lambda *xs: grad(norm)(list(xs)), point):
        assert found == pytest.approx(slopes, rel=1e-15, nan_ok=True)


def test_the_second_derivatives_of_norm():
    """The projection across over the length; at 0, as its slope, 0."""
    x = np.array([1.0, -2.0, 2.0])
    across = (np.eye(3) - np.outer(x, x) / 9) / 3
    assert np.array(hessian(norm)(x.tolist())) == pytest.approx(across)
    for found in everywhere(lambda *xs: hessian(norm)(list(xs)), [0.0, 0.0]):
        assert found == [[0.0, 0.0], [0.0, 0.0]]
    assert norm([]) == 0.0


# ---- take ----------------------------------------------------------------------------


@pytest.mark.parametrize("index", [2, 2.0, np.int64(2), np.float32(2), Value(2.0)])
def test_take_has_the_slope_1_at_its_place_alone(index):
    values = [Value(5.0), 3.0, Value(7.0)]
    y = take(values, index)
    assert (y.op, y.data) == ("take", 7.0)
    y.backward()
    assert [values[0].grad, values[2].grad] == [0.0, 1.0]
    assert take((1.0, 2.0, 9.0), index if isinstance(index, float) else 2) == 9.0


def test_the_index_of_take_may_change():
    values, index = [Value(5.0), Value(3.0)], Value(0.0)
    y = take(values, index) * 2.0
    index.data = 1.0
    y.recompute()
    y.backward()
    assert (y.data, [x.grad for x in values], index.grad) == (6.0, [0.0, 2.0], 0.0)


@pytest.mark.parametrize("index", [3, -1, 0.5, math.nan, math.inf, Value(3.0, "i")])
def test_take_of_no_such_place(index):
    for values in ([1.0, 2.0, 3.0], [Value(1.0), Value(2.0), Value(3.0)]):
        with pytest.raises(
            ValueError, match=r"^take\(.*needs an index that is a whole"
        ):
            take(values, index)
        with ieee():
            found = take(values, index)
            assert math.isnan(found if isinstance(found, float) else found.data)
    with pytest.raises(ValueError, match="take of no numbers"):
        take([], 0)
    with pytest.raises(TypeError, match="of type str"):
        take([1.0], "0")


def test_take_in_derivatives():
    def f(v):
        return take([v[0] ** 2, v[0] * v[1], v[1] ** 3], 1.0)

    assert grad(f)([2.0, 3.0]) == [3.0, 2.0]
    assert hessian(f)([2.0, 3.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert jvp(f, [2.0, 3.0], [1.0, 10.0]) == (6.0, 23.0)
    assert grad(lambda i: take([1.0, 5.0], i))(1.0) == 0.0
    with ieee():  # what was not chosen contributes 0 below anything
        assert grad(lambda x: sqrt(take([x, 0.0], 1)))(1.0) == 0.0
        assert grad(grad(lambda x: sqrt(take([x, 0.0], 1))))(1.0) == 0.0


PLACES = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, math.nan]


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_take_in_a_program(backend):
    def computed(i, a, b):
        return take([a * a, log(b), a * b], i)

    def slopes(i, a, b):
        return grad(computed, (0, 1, 2))(i, a, b)

    X = [[i, 3.0, 2.0] for i in PLACES]
    wanted = [9.0, math.log(2.0), 6.0, *[math.nan] * 4]
    by = [[0.0, 6.0, 0.0], [0.0, 0.0, 0.5], [0.0, 2.0, 3.0], *[[0.0] * 3] * 4]
    program = compile(computed, 3, backend=backend)
    assert program(X).tolist() == pytest.approx(wanted, nan_ok=True)
    assert program.input_grad(X)[1].tolist() == by
    assert compile(slopes, 3, backend=backend)(X).tolist() == by
    # What was not taken may be infinite.
    assert program([[0.0, 3.0, 0.0]]).tolist() == [9.0]
    w = [Value(0.5), Value(-1.0), Value(2.0)]
    for f in (lambda i: take(w, i), lambda i: take([x * 1.5 for x in w], i) / 1.5):
        program = compile(f, 1, w, backend=backend)
        X = [[2.0], [0.0], [2.0], [1.0]]
        assert program(X).tolist() == [2.0, 0.5, 2.0, -1.0]
        value, slope = program.value_and_grad(X)
        assert (value, slope.tolist()) == (0.875, [0.25, 0.25, 0.5])
    space = {}
    exec(program.to_numpy_source(), space)
    assert space["program"](np.array(X), [1.0, 2.0, 3.0]).tolist() == [3, 1, 3, 2]


def test_a_place_that_is_the_same_for_every_row():
    program = compile(lambda x: take([x, x * x], 1), 1)
    assert program([[3.0]]).tolist() == [9.0]


def test_take_is_exported_to_jax():
    jax = pytest.importorskip("jax")
    w = [Value(0.5), Value(-1.0)]
    program = compile(lambda i, x: take([x * w[0], w[1]], i), 2, w).to_jax()
    X = jax.numpy.array([[0.0, 3.0], [1.0, 3.0]])
    assert program(X).tolist() == [1.5, -1.0]
    assert jax.grad(lambda X: program(X).sum())(X).tolist() == [[0, 0.5], [0, 0]]


@pytest.mark.parametrize(
    "name", ["sum", "mean", "prod", "logsumexp", "softmax", "norm"]
)
@pytest.mark.parametrize("alone", [Value(2.0, "x"), 2.0, 2])
def test_one_number_alone_is_told_to_be_a_list(name, alone):
    with pytest.raises(TypeError, match=rf"{name} takes a list .*such as \[x, y\]"):
        getattr(autograd, name)(alone)
    with pytest.raises(TypeError, match="dot takes a list"):
        autograd.dot([2.0], alone)


ROWS = [[Value(1.0), 2.0], [3.0, Value(4.0)]]
CALLS = {
    "sum": autograd.sum,
    "mean": autograd.mean,
    "prod": autograd.prod,
    "logsumexp": autograd.logsumexp,
    "softmax": softmax,
    "norm": autograd.norm,
    "take": lambda rows: take(rows, 0),
    "dot": lambda rows: autograd.dot(rows, rows),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("rows", [ROWS, tuple(ROWS), np.ones((2, 2)), np.array(ROWS)])
def test_of_rows_it_is_told_how_each_is_taken(name, rows):
    more = {"dot": ", x", "take": ", index"}.get(name, "")
    with pytest.raises(TypeError, match=rf"\[{name}\(row{more}\) for row in rows\]"):
        CALLS[name](rows)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_list_is_told(name):
    with pytest.raises(TypeError, match=rf"{name} takes a list .* got None of type"):
        CALLS[name](None)
    with pytest.raises(TypeError, match=rf"a dict: write {name}\(d\.values\(\)\)"):
        CALLS[name]({"a": Value(1.0)})


def test_what_is_a_list_in_another_form_is_taken():
    xs = [Value(1.0), Value(2.0)]
    for same in (
        xs,
        tuple(xs),
        iter(xs),
        np.array(xs),
        {"a": xs[0], "b": xs[1]}.values(),
    ):
        assert autograd.sum(same).data == 3.0
    assert autograd.sum([np.array(1.0), xs[1]]).data == 3.0
    assert autograd.mean(np.ones(3)) == 1.0


def test_a_sum_may_have_a_start_as_pythons():
    """Programs for micrograd say `sum((w * x for ...), b)`, also after import *."""
    w, x, b = Value(0.5), Value(2.0), Value(0.25)
    for y in (autograd.sum((w * x for _ in "ab"), b), autograd.sum([w * x] * 2, b)):
        y.backward()
        assert (y.data, b.grad) == (2.25, 1.0)
        b.grad = 0.0
    assert autograd.sum([1.0, 2.0], start=3) == 6.0
    assert autograd.sum([], Value(2.0)).data == 2.0
    program = compile(lambda x: autograd.sum([x, 2 * x], x * x), 1)
    assert program([[3.0]]).tolist() == [18.0]
    with pytest.raises(TypeError, match="expected one real number, got '1'"):
        autograd.sum([1.0], "1")


KINDS = {
    "list": list,
    "tuple": tuple,
    "generator": lambda xs: (x for x in xs),
    "array": lambda xs: np.array(xs, dtype=object),
    "values of a dict": lambda xs: dict(enumerate(xs)).values(),
}


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_dot_is_of_any_two_sequences(first, second):
    xs, ys = [Value(1.0), 2.0, Value(4.0)], [3.0, Value(5.0), Value(7.0)]
    y = dot(KINDS[first](xs), KINDS[second](ys))
    assert (y.data, len(y.parents)) == (41.0, 6)
    assert dot(KINDS[first]([1.0, 2.0]), KINDS[second]([3.0, 4.0])) == 11.0


@pytest.mark.parametrize("size", [0.0, 1.0, 1e8, 1e16, 1e300])
@pytest.mark.parametrize("sign", [1, -1])
def test_equal_numbers_have_equal_shares_at_any_size(size, sign):
    numbers = [sign * size] * 3
    assert softmax(numbers) == pytest.approx([1 / 3] * 3, rel=1e-15)
    shares = softmax([Value(x) for x in numbers])
    assert [share.data for share in shares] == softmax(numbers)


@pytest.mark.parametrize("reduce", [total, mean, prod, logsumexp, softmax, norm])
def test_an_error_of_what_gives_the_numbers_is_its_own(reduce):
    def numbers():
        yield 1.0
        raise TypeError("an error of mine")

    with pytest.raises(TypeError, match="an error of mine"):
        reduce(numbers())
    with pytest.raises(TypeError, match=r"takes a list of .* got 2.0 alone"):
        reduce(2.0)
