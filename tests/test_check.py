"""gradcheck finds wrong derivatives and why; detect_anomaly finds the first NaN."""

from __future__ import annotations

import math
import random
import threading

import pytest

import autograd
from autograd import (
    AnomalyError,
    GradcheckError,
    Value,
    detect_anomaly,
    exp,
    grad,
    gradcheck,
    gradients,
    log,
    no_grad,
    operation,
    relu,
    sqrt,
    topological_order,
)
from autograd.check import REMEMBERED
from autograd.modes import MODE
from autograd.ops import TABLE

# ---- gradcheck -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [r for r in TABLE.values() if r.box], ids=lambda r: r.name
)
def test_every_row_passes(row):
    rng = random.Random(row.name)
    point = [rng.uniform(*span) for span in row.box]
    if row.name == "where":
        pytest.skip("it jumps in its condition")
    report = gradcheck(row, point)
    assert len(report.entries) == len(point)


@pytest.mark.parametrize(
    ("f", "args", "count"),
    [
        (lambda x: x**3, 2.0, 1),
        (lambda x, y: x * y**2, (3.0, 2.0), 2),
        (lambda v: [v[0] * v[1], exp(v[1]), 1.0], ([3.0, 2.0],), 6),
        (lambda m, k: m[0][0] * m[1][0] + k, ([[1.0], [2.0]], 3), 3),
        (lambda x, word: x * len(word), (2.0, "four"), 1),
        (lambda x: 1e10 + x, 1.0, 1),
        (lambda x: 1e10 + 1e-3 * x, 1.0, 1),
        (lambda x: autograd.sin(1000 * x), 1.0, 1),
        (lambda x: exp(autograd.sin(1e6 * x)), 0.3, 1),
        (lambda d: d["a"] * d["b"][0], ({"a": 2.0, "b": [3.0]},), 2),
        (lambda x: x, 1e12, 1),
        (lambda x: x * x, 0.0, 1),
        (log, 1e-9, 1),
        (relu, 1e-3, 1),
        (lambda x: 7.0, 1.0, 1),
    ],
)
def test_right_derivatives_pass(f, args, count):
    report = gradcheck(f, args)
    assert len(report.entries) == count
    assert report.worst.excess <= 1


@pytest.mark.parametrize("part", [-3.0, -1.5, -1.1, -0.9, 0.0, 0.5, 0.9, 1.1, 1.5, 2.5])
@pytest.mark.parametrize(("rtol", "atol"), [(1e-6, 1e-8), (1e-4, 0.0), (0.0, 1e-3)])
def test_an_error_fails_from_one_tolerance_on(part, rtol, atol):
    off = part * (rtol * 4.0 + atol)
    wrong = operation(partials=(lambda x, out: 2 * x + off,))(lambda x: x * x)
    if abs(part) < 1:
        gradcheck(wrong, 2.0, rtol=rtol, atol=atol)
        return
    with pytest.raises(GradcheckError):
        gradcheck(wrong, 2.0, rtol=rtol, atol=atol)


def test_the_differences_are_exact_to_many_digits():
    (entry,) = gradcheck(exp, 1.0).entries
    assert entry.numeric == pytest.approx(math.e, rel=1e-10)


def factor(wrong):
    return operation(partials=(lambda x, out: wrong * 2 * x,))(lambda x: x * x)


def random_draw(x):
    return x * random.random()


@operation(partials=(lambda x, out: 1.0,))
def wrong_where_flat(x):
    return 3.0 + 0.0 * x


def wrongly(partial):
    return operation(partials=(lambda x, out: partial,))(lambda x: 3.0 + 0.0 * x)


FAULTS = [
    (wrongly(math.inf), 2.0, "<lambda>(2.0) is inf; differences of its forward"),
    (wrongly(math.nan), 0.0, "<lambda>(0.0) is nan; differences of its forward"),
    (lambda x: wrongly(-1e-3)(x) * 1e3, 2.0, "<lambda>(2.0) is -0.001; differences"),
    (operation(partials=(lambda x, out: 1 / x,))(abs), 0.0, "forward function say 0.0"),
    (operation(partials=(lambda x, out: 0.5 / out,))(math.sqrt), 0.0, "at the edge of"),
    (lambda x: Value(x.data) * x, 2.0, "factor"),
    (lambda x: exp(Value(x.data)), 2.0, "the graph is cut between x and the result"),
    (lambda x: exp(x.detach()), 2.0, "the graph is cut"),
    (
        relu,
        0.0,
        "kink at x = 0.0: its slope is 0 on the left and 1 on the right",
    ),
    (lambda x: 2 * x if x > 1 else 3 * x - 1, 1.0, "kink at x = 1.0"),
    (
        relu,
        1e-9,
        "kink so close to x = 1e-09 that differences reach over it: its slope "
        "is 0 on the left and 1 on the right",
    ),
    (relu, -1e-9, "kink so close to x = -1e-09 that differences reach over it"),
    (lambda x: abs(x - 1), 1 + 1e-9, "slope is -1 on the left and 1 on the right"),
    (lambda x: sqrt(x * 0.0), 1.0, "pole here"),
    (lambda x: 3.0 + wrong_where_flat(x), 2.0, "wrong_where_flat(2.0) is 1.0; "),
    (lambda x: 3e10 * wrong_where_flat(x), 2.0, "forward function say 0.0"),
    (sqrt, 0.0, "edge of where f is defined"),
    (random_draw, 1.0, "different results for the same arguments"),
    (lambda x: x * math.inf, 0.0, "result itself is nan; detect_anomaly() finds"),
    (lambda x: 1e16 + x, 1.0, "result is so large that its last place hides what x"),
    (lambda x: exp(1e5 * x.detach() * x), 1e-3, "a factor: the engine's number is 0.5"),
    (factor(1 + 1e-5), 3.0, r"partial 1 of the operation <lambda>(3.0) is 6.00006"),
    (factor(1.5), 3.0, r"partial 1 of the operation <lambda>(3.0) is 9.0"),
    (lambda x: exp(factor(-1)(x)), 1.0, "differences of its forward function say 2.0"),
]


@pytest.mark.parametrize(("f", "args", "cause"), FAULTS)
def test_the_likely_cause_is_named(f, args, cause):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, args)
    report = caught.value.report
    assert cause in report.cause
    assert report.cause in str(caught.value)


def test_the_report_names_the_worst_entry_and_both_numbers():
    def f(v, k):
        wrong = Value(v[1].data * 0.5) if isinstance(v[1], Value) else v[1]
        return [v[0] * k, wrong * v[1] * v[0]]

    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, ([2.0, 3.0], 5.0))
    worst = caught.value.report.worst
    assert (worst.output, worst.argument) == ("result[1]", "v[1]")
    assert (worst.analytic, worst.numeric) == (3.0, pytest.approx(6.0))
    lines = str(caught.value).split("\n")
    assert lines[0] == "1 of 6 derivatives is wrong; the worst:"
    assert lines[1].startswith(
        "  d result[1] / d v[1]: the engine says 3.0, differences"
    )
    assert (
        lines[2] == "likely cause: a factor: the engine's number is 0.5 times the other"
    )


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="nothing to check"):
        gradcheck(lambda word: 1.0, ("word",))
    with pytest.raises(ValueError, match=r"v\[1\] is inf; check .* at a finite number"):
        gradcheck(lambda v: v[0] * v[1], ([1.0, math.inf],))
    with pytest.raises(TypeError, match=r"takes a function and its arguments.*got 'x'"):
        gradcheck("x", 1.0)


def test_one_derivative_is_told_in_the_singular():
    assert str(gradcheck(exp, 0.0)).startswith(
        "the derivative agrees:\n  d result / d x:"
    )
    with pytest.raises(GradcheckError, match=r"^the derivative is wrong:\n  d result"):
        gradcheck(factor(2), 1.0)


# ---- detect_anomaly ------------------------------------------------------------------


def caught_from(f):
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        f()
    return caught.value


def test_the_node_that_overflows_is_named_with_its_line():
    def model():
        w, x = Value(1e150, label="w"), Value(1e100, label="x")
        hidden = w * x
        hidden.label = "hidden"
        squared = hidden * hidden  # this line is the one to name
        return squared + 1

    error = caught_from(model)
    assert str(error).split("\n") == [
        "mul(hidden = 1e+250, hidden = 1e+250) gave inf",
        "  at: test_check.py, line "
        f"{model.__code__.co_firstlineno + 4}: "
        "squared = hidden * hidden  # this line is the one to name",
        "  from: w -> hidden -> mul",
    ]
    assert error.node.op == "mul"
    assert isinstance(error, ArithmeticError)


def test_a_bad_operand_among_many_is_shown():
    xs = [Value(float(i), label=f"x{i}") for i in range(20)]
    xs[7].data = math.nan
    first = "x0 = 0.0, x1 = 1.0, x2 = 2.0, x3 = 3.0"
    assert f"sum({first}, ..., x7 = nan, ...) gave nan" in str(
        caught_from(lambda: autograd.sum(xs))
    )
    assert f"sum({first}, ..., x7 = nan) gave nan" in str(
        caught_from(lambda: autograd.sum(xs[:8]))
    )


def test_the_line_is_the_users_wherever_it_stands():
    import functools
    import operator

    from nn import MLP

    def line(f):
        return str(caught_from(f)).split("\n")[1]

    model = MLP(2, [3, 1], seed=0)
    model.layers[0].neurons[1].w[0].data = math.inf
    large = [Value(1e200), Value(1e200)]
    for f in (
        lambda: model([1.0, 2.0]),  # in a model
        lambda: functools.reduce(operator.mul, large),  # in C
        lambda: grad(lambda x: x * x)(1e200),  # in a transform
        lambda: autograd.sum(map(exp, [Value(math.inf)])),  # in an iterator
    ):
        number = f.__code__.co_firstlineno
        assert line(f).startswith(f"  at: test_check.py, line {number}: lambda: ")
    names = {}
    exec(compile("def square(x):\n    return x * x", "<stdin>", "exec"), names)
    error = caught_from(lambda: names["square"](large[0]))
    assert str(error).split("\n")[1] == "  at: <stdin>, line 2"


def test_forward_with_a_bad_leaf():
    error = caught_from(lambda: Value(math.nan, label="x") + 1)
    assert str(error).startswith("add(x = nan, 1.0) gave nan\n")


def test_backward_changes_no_gradient():
    x = Value(0.0, label="x")
    y = Value(3.0, label="y")

    def model():
        root = sqrt(x)
        loss = (root + y) * 2
        loss.label = "loss"
        loss.backward()

    error = caught_from(model)
    lines = str(error).split("\n")
    assert lines[0] == (
        "going backward, sqrt(x = 0.0) gives x = 0.0 a gradient that is not finite: "
        "its own gradient 2.0 times the local derivative inf"
    )
    assert lines[1].endswith(": root = sqrt(x)")
    assert lines[2] == "  back from: loss -> v2: add -> v1: sqrt"
    assert (x.grad, y.grad) == (0.0, 0.0)


def test_backward_of_gradients_and_transforms():
    x = Value(0.0, label="x")
    assert "sqrt(x = 0.0)" in str(caught_from(lambda: gradients(sqrt(x), [x])))
    error = caught_from(lambda: gradients(sqrt(x), [x], create_graph=True))
    assert "going backward, sqrt(x = 0.0)" in str(error)
    assert "going backward" in str(caught_from(lambda: grad(lambda x: x**0.5)(0.0)))


def test_a_seed_that_overflows():
    x = Value(1e-200, label="x")
    error = caught_from(lambda: (x * 1e300).backward(seed=1e10))
    assert "its own gradient 10000000000.0 times the local derivative 1e+300" in str(
        error
    )


def test_what_is_fine_passes():
    with detect_anomaly():
        x = Value(-2.0)
        y = (x**2 + abs(x)) * relu(x)
        y.backward()
        z = x**2.0  # its slope in the exponent is nan, and nobody asks for it
        z.backward()
        assert grad(grad(lambda t: t**3))(2.0) == 12.0
    assert x.grad == -4.0


def test_outside_nothing_is_watched():
    with detect_anomaly():
        pass
    assert MODE.observer is None
    assert (Value(1e200) * 1e200).data == math.inf
    with pytest.raises(KeyError), detect_anomaly(), no_grad():
        raise KeyError
    assert MODE.observer is None
    assert (Value(2.0) * 3).parents


def test_blocks_inside_one_another():
    with detect_anomaly():
        with detect_anomaly():
            pass
        with no_grad():
            assert (Value(2.0) * 3.0).parents == ()
            with pytest.raises(AnomalyError):
                Value(1e200) * 1e200
        with pytest.raises(AnomalyError):
            Value(1e200) * 1e200
    with no_grad(), detect_anomaly():
        assert (Value(2.0) * 3.0).parents == ()
        with pytest.raises(AnomalyError):
            Value(1e200) * 1e200


def test_recompute_is_watched():
    x = Value(1e10, label="x")
    with detect_anomaly():
        y = x * x
        x.data = 1e200
        with pytest.raises(AnomalyError, match="x = 1e\\+200"):
            y.recompute()
    assert y.data == 1e20


def test_other_threads_are_not_watched():
    found = []

    def work():
        found.append((Value(1e200) * 1e200).data)
        with no_grad():
            found.append((Value(2.0) * 3.0).parents)

    with detect_anomaly():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert (Value(2.0) * 3).parents
    assert found == [math.inf, ()]


def test_a_long_loop_runs_in_bounded_memory(monkeypatch):
    assert REMEMBERED == 200_000
    monkeypatch.setattr("autograd.check.REMEMBERED", 100)
    x = Value(1.0)
    with detect_anomaly():
        for _ in range(1000):
            y = x * 2.0
        from autograd.modes import in_effect

        assert len(in_effect("watcher").__self__.places) == 100
    assert y.data == 2.0


def test_a_deep_chain():
    def grow():
        x = Value(2.0, label="x")
        while True:
            x = x * 1.5

    trail = "x -> mul -> mul -> mul -> mul -> mul -> ... -> mul"
    assert trail in str(caught_from(grow))


# ---- no_grad -------------------------------------------------------------------------


def test_nothing_is_recorded_inside_of_no_grad():
    x = Value(3.0, label="x")
    with no_grad():
        y = autograd.sum([x * x, exp(x), x.tanh(), x + 1])
        with no_grad():
            assert (x * 2).parents == ()
        assert (x * 2).parents == ()
    assert y.parents == ()
    assert not y.constant
    assert len(topological_order(x * 2)) == 3


def test_no_grad_as_a_decorator():
    @no_grad()
    def measure(x):
        return x * x

    assert measure(Value(3.0)).parents == ()
    assert (Value(3.0) * 2).parents


def test_a_domain_error_in_two_threads_at_once():
    """The mode that gives inf instead of an error belongs to one thread alone."""
    problems = []

    def derive():
        for _ in range(300):
            gradients(Value(0.0) ** 1.5, [], create_graph=True)

    def record():
        for _ in range(3000):
            try:
                log(Value(-1.0))
                problems.append("no error")
            except ValueError:
                pass

    threads = [threading.Thread(target=f) for f in (derive, record, derive, record)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
