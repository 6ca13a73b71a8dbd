"""Every transform over every kind of container, alone and in every nesting of two."""

from __future__ import annotations

import itertools
import pickle
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    sin,
    value_and_grad,
    vjp,
)
from autograd.functional import _numbers, _rebuilt
from autograd.modes import ieee
from autograd.ops import TABLE


def close(x, y, rel=1e-12):
    return x == pytest.approx(y, rel=rel, abs=1e-13)


Pair = namedtuple("Pair", "a b")


@dataclass
class Plain:
    a: object
    b: object


@dataclass(frozen=True, slots=True)
class Frozen:
    a: object
    b: object
    name: str = "frozen"


KINDS = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "namedtuple": Pair,
    "dict": lambda a, b: {"a": a, "b": b},
    "OrderedDict": lambda a, b: OrderedDict(a=a, b=b),
    "defaultdict": lambda a, b: defaultdict(list, a=a, b=b),
    "deque": lambda a, b: deque([a, b], maxlen=5),
    "dataclass": Plain,
    "frozen dataclass": Frozen,
    "numpy": lambda a, b: np.array([a, b]),
}
POINT = (0.3, 1.2)


def flat(structure):
    return [x for _, x in _numbers(structure, "x")]


def filled(structure, numbers):
    return _rebuilt(structure, iter(numbers))


def total(f):
    """The sum of all numbers of f, a different share of each."""
    return lambda x: autograd.sum((k + 1) * y for k, y in enumerate(flat(f(x))))


def ones(structure):
    return filled(structure, [float(k + 1) for k, _ in enumerate(flat(structure))])


# From a function with any result to a function with the derivatives.
TRANSFORMS = {
    "grad": lambda f: grad(total(f)),
    "value_and_grad": lambda f: value_and_grad(total(f)),
    "jacobian": lambda f: jacobian(f),
    "hessian": lambda f: hessian(total(f)),
    "jvp": lambda f: lambda x: jvp(f, x, ones(x)),
    "vjp": lambda f: lambda x: vjp(f, x)[1](ones(vjp(f, x)[0])),
    "hvp": lambda f: lambda x: hvp(total(f), x, ones(x)),
    "linearize": lambda f: lambda x: linearize(f, x)[1](ones(x)),
}


def function(x):
    """A structure in the shape of x."""
    a, b = flat(x)
    return filled(x, [exp(a * b) + a**3, sin(a) * b**2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("outer", "inner"), [*itertools.product(TRANSFORMS, [None, *TRANSFORMS])]
)
def test_every_nesting_over_every_kind(kind, outer, inner):
    def numbers(make, transform=outer):
        f = function if inner is None else TRANSFORMS[inner](function)
        return flat(TRANSFORMS[transform](f)(make(*POINT)))

    found = numbers(KINDS[kind])
    assert all(isinstance(x, float) for x in found)
    assert close(found, numbers(KINDS["list"]))
    leaves = [Value(x) for x in POINT]
    f = function if inner is None else TRANSFORMS[inner](function)
    nodes = flat(TRANSFORMS[outer](f)(KINDS[kind](*leaves)))
    assert all(isinstance(x, Value) for x in nodes)
    assert close([x.data for x in nodes], found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inner", [None, *TRANSFORMS])
def test_the_jacobian_of_every_transform_is_that_of_differences(kind, inner):
    f, make = function if inner is None else TRANSFORMS[inner](function), KINDS[kind]
    found = np.array(flat(jacobian(f)(make(*POINT)))).reshape(-1, 2)
    step = 2e-3
    for column in (0, 1):
        unit = np.eye(2)[column] * step
        at = [
            np.array(flat(f(make(*(POINT + j * unit).tolist()))))
            - np.array(flat(f(make(*(POINT - j * unit).tolist()))))
            for j in (1, 2, 3)
        ]
        wanted = (45 * at[0] - 9 * at[1] + at[2]) / (60 * step)
        assert close(found[:, column].tolist(), wanted.tolist(), rel=1e-8)


@pytest.mark.parametrize(("outer", "inner"), [*itertools.product(KINDS, KINDS)])
def test_a_container_in_a_container_keeps_both_kinds(outer, inner):
    if outer == "numpy":
        made = np.empty(2, dtype=object)
        made[:] = [KINDS[inner](1.0, 2.0), 3.0]
    else:
        made = KINDS[outer](KINDS[inner](1.0, 2.0), 3.0)
    found = grad(lambda x: autograd.sum(y**2 for y in flat(x)))(made)
    assert flat(found) == [2.0, 4.0, 6.0]
    assert type(found) is type(made)
    part = (
        found.a if hasattr(found, "a") else found["a" if isinstance(found, dict) else 0]
    )
    assert type(part) is type(KINDS[inner](1.0, 2.0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_kept_with_all_that_belongs_to_it(kind):
    made = KINDS[kind](*POINT)
    found = grad(lambda x: flat(x)[0] * flat(x)[1])(made)
    assert type(found) is type(made)
    assert flat(found) == [1.2, 0.3]
    assert flat(made) == list(POINT)
    for name in ("default_factory", "maxlen", "name", "dtype", "_fields"):
        assert getattr(found, name, None) == getattr(made, name, None)


def test_what_is_no_number_is_passed_on():
    model = {"act": "tanh", "w": 2.0, "none": None, "f": sin, "names": np.array(["a"])}

    def f(m, x):
        assert (m["act"], m["none"], m["f"]) == ("tanh", None, sin)
        return {"y": m["f"](m["w"]) * x, "act": m["act"]}

    found = grad(lambda m, x: f(m, x)["y"])(model, 3.0)
    assert found["w"] == pytest.approx(3 * np.cos(2.0))
    assert {key: found[key] for key in ("act", "none", "f")} == {
        key: model[key] for key in ("act", "none", "f")
    }
    assert found["names"] is model["names"]
    whole = jacobian(f)(model, 3.0)
    assert (whole["act"], whole["y"]["w"], whole["y"]["act"]) == (
        "tanh", found["w"], "tanh",
    )  # fmt: skip


@dataclass
class Settings:
    rate: float
    sizes: list
    name: str = "run"
    made: int = field(init=False, default=7)

    def __post_init__(self):
        if self.rate <= 0:
            raise ValueError("no such rate")


def test_a_dataclass_is_not_made_anew_by_its_rules():
    """A gradient may break what holds for the numbers themselves."""
    found = grad(lambda s: -s.rate * s.sizes[0])(Settings(2.0, [3.0]))
    assert (found.rate, found.sizes, found.name) == (-3.0, [-2.0], "run")


# ---- numpy ---------------------------------------------------------------------------


def test_jacobians_of_arrays_nest():
    x = np.array([0.5, 1.0])
    second = jacobian(jacobian(np.sin))(x)
    assert second.shape == (2, 2, 2)
    wanted = np.zeros((2, 2, 2))
    wanted[[0, 1], [0, 1], [0, 1]] = -np.sin(x)
    np.testing.assert_allclose(second, wanted, rtol=1e-15)
    third = jacobian(jacobian(jacobian(np.sin)))(x)
    assert (third.shape, third.dtype) == ((2, 2, 2, 2), float)
    laplace = grad(lambda x: np.trace(hessian(lambda y: np.sum(y**4))(x)))
    np.testing.assert_allclose(laplace(x), [12.0, 24.0], rtol=1e-15)
    _, slope = jvp(jacobian(np.sin), x, np.array([1.0, 0.0]))
    np.testing.assert_allclose(slope, [[-np.sin(0.5), 0], [0, 0]], rtol=1e-15)
    value, back = vjp(jacobian(np.sin), x)
    np.testing.assert_allclose(back(np.ones_like(value)), -np.sin(x), rtol=1e-15)


def test_arrays_of_values():
    x = np.array([Value(0.5), Value(1.0)])
    found = jacobian(np.sin)(x)
    assert (found.shape, found.dtype) == ((2, 2), object)
    numbers = [[v.data for v in row] for row in found]
    np.testing.assert_allclose(numbers, np.diag(np.cos([0.5, 1.0])), rtol=1e-15)
    found[0, 0].backward()
    assert x[0].grad == pytest.approx(-np.sin(0.5))


RESULTS = {
    "0-d, tensordot": lambda y: np.tensordot(y, y, 1),
    "0-d, einsum": lambda y: np.einsum("i,i->", y, y, optimize=True),
    "0-d, array": lambda y: np.array(np.dot(y, y)),
    "one number": lambda y: np.array([np.dot(y, y)]),
    "one number in two dimensions": lambda y: (
        np.dot(y, y).reshape(1, 1)
        if isinstance(y, float)
        else np.array([[np.dot(y, y)]])
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_without_dimensions_and_of_one_number(name):
    f, x = RESULTS[name], np.array([1.0, 2.0])
    assert grad(f)(x).tolist() == [2.0, 4.0]
    assert value_and_grad(f)(x)[0] == 5.0
    assert hessian(f)(x).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert hvp(f, x, x).tolist() == [2.0, 4.0]
    assert flat(jvp(f, x, x)[1]) == [10.0]
    value, back = vjp(f, x)
    assert back(ones(value)).tolist() == [2.0, 4.0]
    assert np.array(jacobian(f)(x)).ravel().tolist() == [2.0, 4.0]
    assert grad(lambda y: y * y)(np.array(3.0)) == 6.0
    slope = grad(lambda y: y * y)(np.array(Value(3.0)))
    assert slope.data == 6.0


# ---- arguments by name, and pickling -------------------------------------------------


def power(x, w=2.0, *, shift=0.0):
    return w * x**3 + shift * w


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_arguments_by_name(transform):
    by_place = transform(power, 1)(2.0, 5.0)
    assert transform(power, "w")(2.0, 5.0) == by_place
    assert transform(power, "w")(2.0, w=5.0) == by_place
    assert transform(power, "w")(x=2.0, w=5.0) == by_place
    pair = transform(power, (0, 1))(2.0, 5.0)
    assert transform(power, ("x", "w"))(2.0, w=5.0) == pair
    assert transform(power, [0, "w"])(2.0, w=5.0) == pair
    shifted = transform(power, "shift")(2.0, w=5.0, shift=1.0)
    assert flat(shifted)[-1] == (0.0 if transform is hessian else 5.0)


@grad
def slope_of_cube(x):
    return x**3


def with_aux(x):
    return x**3, "aux"


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_transforms_can_be_pickled(transform):
    for made in (
        transform(power, "w"),
        transform(grad(power)),
        transform(with_aux, has_aux=True),
    ):
        again = pickle.loads(pickle.dumps(made))
        assert again(2.0, **({} if made.has_aux else {"w": 5.0})) == made(
            2.0, **({} if made.has_aux else {"w": 5.0})
        )
        assert again.__name__ == made.__name__
    assert pickle.loads(pickle.dumps(slope_of_cube)) is slope_of_cube


class Curve:
    size = 2.0

    @grad
    def slope(self, x):
        raise NotImplementedError

    def height(self, x):
        return self.size * x**2

    bend = grad(height, 1)


def test_a_transform_in_a_class_is_a_method():
    assert Curve().bend(3.0) == 12.0
    assert grad(Curve().height)(3.0) == 12.0
    assert grad(Curve().bend)(3.0) == 4.0


def test_what_a_function_returns_besides_comes_with_every_derivative():
    f = lambda x: (x[0] * x[1], {"sum": x[0] + x[1], "n": 2})  # noqa: E731
    aux = {"sum": 5.0, "n": 2}
    assert grad(f, has_aux=True)([2.0, 3.0]) == ([3.0, 2.0], aux)
    assert value_and_grad(f, has_aux=True)([2.0, 3.0]) == ((6.0, aux), [3.0, 2.0])
    assert jacobian(f, has_aux=True)([2.0, 3.0]) == ([3.0, 2.0], aux)
    assert hessian(f, has_aux=True)([2.0, 3.0]) == ([[0.0, 1.0], [1.0, 0.0]], aux)
    assert jvp(f, [2.0, 3.0], [1.0, 0.0], has_aux=True) == (6.0, 3.0, aux)
    value, back, besides = vjp(f, [2.0, 3.0], has_aux=True)
    assert (value, back(1.0), besides) == (6.0, [3.0, 2.0], aux)
    assert hvp(f, [2.0, 3.0], [1.0, 0.0], has_aux=True) == ([0.0, 1.0], aux)
    slope, besides = grad(f, has_aux=True)([Value(2.0), Value(3.0)])
    assert (slope[0].data, besides["sum"].data, besides["n"]) == (3.0, 5.0, 2)
    two = grad(lambda x, y: (x * y, y), argnums=(0, 1), has_aux=True)
    assert two(2.0, 3.0) == ((3.0, 2.0), 3.0)


POLES = [name for name, row in TABLE.items() if row.arity and name != "take"]


@pytest.mark.parametrize("name", POLES)
def test_a_jacobian_has_the_rows_that_gradients_are_at_poles_too(name):
    row = TABLE[name]

    def outputs(v):
        return [row(*v[:-1]) + v[-1], v[-1], 2.0 * v[-1], v[0] * v[-1], v[0]]

    with ieee():
        for at in itertools.product((0.0, 1.0, -1.0, 3.0), repeat=row.arity):
            x = [*at, 0.5]
            rows = [grad(lambda v, i=i: outputs(v)[i])(x) for i in range(5)]
            np.testing.assert_allclose(jacobian(outputs)(x), rows, rtol=1e-12)
            found = jacobian(outputs)([Value(each) for each in x])
            numbers = [[each.data for each in line] for line in found]
            np.testing.assert_allclose(numbers, rows, rtol=1e-12)
