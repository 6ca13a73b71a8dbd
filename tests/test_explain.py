"""The chain rule written out: its numbers, its forms, and odd graphs."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from dataclasses import FrozenInstanceError, replace
from functools import reduce
from operator import mul
from pathlib import Path

import pytest

from autograd import (
    Value,
    detect_anomaly,
    dot,
    exp,
    log,
    logsumexp,
    mean,
    no_grad,
    parse,
    prod,
    sigmoid,
    softmax,
    tanh,
)
from autograd import sum as total
from autograd.custom import operation
from autograd.graph import gradients, graph
from autograd.modes import ieee
from autograd.ops import TABLE
from autograd.value import chosen, record
from nn import (
    MLP,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mae,
    mse,
)
from viz import explain, flow
from viz.digits import short
from viz.layers import loss_of, worked_example
from viz.notation import (
    LATEX,
    TEXT,
    Number,
    Rules,
    Symbol,
    plus,
    show,
    symbol_latex,
    times,
    with_numbers,
)
from viz.stepper import stepper

sys.path.insert(0, str(Path(__file__).parent))
from random_graphs import grow
from reading import (
    equations,
    evaluate,
    is_numeric,
    latex_equations,
    latex_number,
)


def worked_loss():
    model, x, y = worked_example()
    loss = loss_of(model, [Value(v, f"x{i}") for i, v in enumerate(x, 1)], y)
    return model, loss


def random_output(seed, steps=12):
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-2, 2), name) for name in "abcde"]
    with ieee():
        return grow(rng, leaves, steps)


def close(got, expected, scale=0.0, tolerance=1e-9):
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(got) and math.isnan(expected)
    if math.isinf(expected):
        return got == expected
    return abs(got - expected) <= tolerance * max(abs(expected), scale, 1e-300)


# ---- the worked example, whole -------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "ascii"])
def test_the_worked_example_is_printed_as_agreed(form, golden):
    model, loss = worked_loss()
    told = explain(loss, model.layers[0].neurons[0].w[0])
    made = {
        "text": told.text(),
        "markdown": told.markdown(),
        "latex": told.latex(),
        "ascii": told.text(ascii=True),
    }[form]
    golden(f"explain.{form}", made + "\n")


def test_ascii_is_ascii():
    _, loss = worked_loss()
    assert explain(loss).text(ascii=True).isascii()


# ---- the symbolic local derivatives --------------------------------------------------


@pytest.mark.parametrize("row", [r for r in TABLE.values() if r.arity], ids=repr)
def test_a_printed_local_derivative_evaluates_to_the_recorded_one(row):
    for sample in row.samples:
        with ieee():
            node = record(row, [Value(x) for x in sample])
        names = ["x", "y", "z"][: row.arity]
        rules = Rules(node, "out", [Symbol(name) for name in names])
        numbers = dict(zip(names, sample, strict=True)) | {"out": node.data}
        for position, partial in enumerate(node.partials):
            text = show(rules[position], TEXT, 17)
            for name, number in numbers.items():
                text = re.sub(rf"\b{name}\b", f"({number!r})", text)
            try:
                value = evaluate(text)
            except (ZeroDivisionError, OverflowError):
                continue
            assert close(value, partial, tolerance=1e-7), (row, sample, text)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda u: u.tanh(), "1 - out^2"),
        (lambda u: u.sigmoid(), "out·(1 - out)"),
        (lambda u: u.exp(), "out"),
        (lambda u: u.log(), "1 / u"),
        (lambda u: u.sin(), "cos(u)"),
        (lambda u: u.cos(), "-sin(u)"),
        (lambda u: u**3, "3·u^2"),
        (lambda u: u**2, "2·u"),
        (lambda u: u.sqrt(), "0.5 / out"),
        (lambda u: u.silu(), "sigmoid(u) + u·sigmoid(u)·(1 - sigmoid(u))"),
        (lambda u: 1 / u, "-out / u"),
        (lambda u: 2**u, "out·0.693147"),
        (lambda u: parse("e^u", u=u), "out"),
        (lambda u: u.relu(), "1"),
    ],
)
def test_local_derivatives_read_as_in_a_textbook(make, text):
    u = Value(0.5, label="u")
    (share,) = explain(make(u), u).steps[-1].shares
    assert show(share.rule, TEXT) == text


def test_parentheses():
    a, b, c = (Value(x, label=n) for x, n in ((-2.0, "a"), (3.0, "b"), (4.0, "c")))
    cases = [
        ((a + b) * c, "v1·c", "1·4"),
        (a - (b - c), "a - v1", "-2 - (-1)"),
        (a / (b / c), "a / v1", "-2 / 0.75"),
        (-(0 - a), "-v1", "-2"),
        (a * a, "a·a", "-2·(-2)"),
        ((a * 1) ** 2, "v1^2", "(-2)^2"),
    ]
    for output, formula, numbers in cases:
        record = explain(output).forward[-1]
        assert show(record.formula, TEXT) == formula
        assert numbers in show(record.numbers, TEXT) or output.op == "mul"


def test_a_product_inside_a_sum_begins_with_no_sign():
    a, b, c, d = (
        Value(x, label=n) for n, x in zip("abcd", (-1, 2, -3, 4), strict=True)
    )
    record = explain(dot([a, c], [b, d])).forward[-1]
    assert show(record.numbers, TEXT) == "-1·2 + (-3)·4"
    nested = plus(Symbol("a"), times(times(Number(-2.0), Symbol("b")), Symbol("c")))
    assert show(nested, TEXT) == "a + (-2)·b·c"
    assert show(nested, LATEX) == r"a + \left(-2\right) \cdot b \cdot c"


def test_latex_has_parentheses_where_the_table_says():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    for output, latex in [
        (tanh(a), r"\tanh\left(a\right)"),
        (a / b, r"\frac{a}{b}"),
        (a**b, "{a}^{b}"),
        (a**-2.0, "{a}^{-2}"),
        (-a, "-a"),
    ]:
        assert show(explain(output).forward[-1].formula, LATEX) == latex


# ---- the numbers ---------------------------------------------------------------------


def read_back(output):
    """Compare every number in text, LaTeX and page with backward()'s."""
    output.zero_grad()
    output.backward()
    nodes = [n.value for n in graph(output) if not n.value.constant]
    told = explain(output, nodes)
    assert [s.adjoint for s in told.steps] == [n.grad for n in reversed(nodes)] or any(
        math.isnan(n.grad) for n in nodes
    )
    check_text(told, nodes)
    check_latex(told, nodes)
    check_page(output, nodes)


def in_order(nodes):
    """What the equations end in: values, then adjoints backwards, then gradients."""
    grads = [n.grad for n in nodes]
    return [n.data for n in nodes] + grads[::-1] + grads


def check_text(told, nodes):
    text = replace(told, paths=()).text()
    read = [rights[-1] for _, rights in equations(text)]
    assert read == [short(x, 6) for x in in_order(nodes)]


def check_latex(told, nodes):
    expected = [float(short(x, 6)) for x in in_order(nodes)]
    bare = replace(told, paths=())
    for form in (bare.latex(), bare.markdown()):
        read = [latex_number(rights[-1]) for _, rights in latex_equations(form)]
        assert list(map(repr, read)) == list(map(repr, expected))


def check_page(output, nodes):
    found = page_data(stepper(output).html)["nodes"]
    shown = [n for n in found if n["kind"] != "constant"]
    assert [n["value"] for n in shown] == [short(n.data, 6) for n in nodes]
    assert [n["gradient"] for n in shown] == [short(n.grad, 6) for n in nodes]
    for node in shown:
        assert node["backwardLines"][-1].endswith(f"= {node['gradient']}")
        assert node["forwardLines"][-1].endswith(f"= {node['value']}")
    told = sorted(line.split(" = ")[-1] for n in shown for line in n["contributions"])
    flows = [
        short(flow, 6)
        for n in graph(output)
        for place, (parent, partial) in enumerate(
            zip(n.parents, n.partials, strict=True)
        )
        for flow in [chosen(n.value, place, n.value.grad * partial)]
        if found[parent]["kind"] != "constant"
    ]
    assert told == sorted(flows)


def page_data(html):
    text = re.search(r'type="application/json">(.*?)</script>', html, re.DOTALL)[1]
    return json.loads(text)


@pytest.mark.parametrize("seed", range(40))
def test_every_form_prints_the_gradients_of_backward(seed):
    read_back(random_output(seed))


@pytest.mark.slow
def test_every_form_of_a_thousand_graphs_prints_the_gradients_of_backward():
    for seed in range(1000):
        read_back(random_output(seed, steps=4 + seed % 12))


@pytest.mark.parametrize("seed", range(60))
def test_the_arithmetic_that_is_written_out_gives_the_number_beside_it(seed):
    output = random_output(seed)
    told = explain(output)
    checked = 0
    for left, rights in equations(told.text(digits=17)):
        value = float(rights[-1])
        for right in rights[:-1]:
            if not is_numeric(right) or not math.isfinite(value):
                continue
            try:
                number = evaluate(right)
            except (ZeroDivisionError, OverflowError, TypeError):
                continue
            if not isinstance(number, complex) and math.isfinite(number):
                printed = re.findall(r"\d+\.?\d*(?:e-?\d+)?", right)
                size = max(abs(float(x)) for x in printed)
                assert close(number, value, size * 1e-4, 1e-8), (left, right)
                checked += 1
    assert checked > 20


@pytest.mark.parametrize("seed", range(100))
def test_paths_and_shares_add_up(seed):
    output = random_output(seed, steps=6)
    told = explain(output)
    for step in told.steps:
        if step.shares and math.isfinite(step.adjoint):
            parts = [share.product for share in step.shares]
            size = max(map(abs, parts))
            assert close(math.fsum(parts), step.adjoint, size)
            for share in step.shares:
                product = share.adjoint * share.partial
                assert share.product == (0.0 if math.isnan(product) else product)
    for paths in told.paths:
        if paths.listed and math.isfinite(paths.total):
            products = [path.product for path in paths.listed]
            assert len(products) == paths.count
            size = max(map(abs, products))
            assert close(math.fsum(products), paths.total, size)


def test_numbers_keep_their_digits():
    x = Value(1 / 3, label="x")
    told = explain(x * x, x)
    assert "0.33333333333333331" in told.text(digits=17)
    assert "0.6667" in told.text(digits=4)


# ---- what the collapse says ----------------------------------------------------------


@pytest.mark.parametrize("target", [0, 1, 0.3])
def test_sigmoid_with_cross_entropy_collapses(target):
    z = Value(0.4, label="z")
    p = z.sigmoid()
    p.label = "p"
    loss = binary_cross_entropy(p, target)
    (collapse,) = explain(loss, z).collapses
    (expected,) = gradients(loss, [z])
    assert collapse.prediction == Symbol("p")
    assert close(collapse.target, target, 1e-12)
    assert close(collapse.scale * (collapse.predicted - collapse.target), expected)
    assert "= p - target\n" in explain(loss, z).text()


def test_each_sample_of_a_mean_collapses_with_its_share():
    zs = [Value(x, label=f"z{i}") for i, x in enumerate((0.4, -1.0, 2.0))]
    loss = binary_cross_entropy([z.sigmoid() for z in zs], [1, 0, 1])
    told = explain(loss, zs)
    assert len(told.collapses) == 3
    for collapse in told.collapses:
        assert close(collapse.scale, 1 / 3)


LOGITS = {"z1": 0.4, "z2": -1.0, "z3": 2.0}
CROSS_ENTROPIES = {
    "one logit": lambda z: binary_cross_entropy_with_logits(z[0], 1),
    "between": lambda z: binary_cross_entropy_with_logits(z[1], 0.3),
    "a mean": lambda z: binary_cross_entropy_with_logits(z, [1, 0, 1]),
    "softplus": lambda z: (-z[0]).softplus(),
    "a class": lambda z: cross_entropy(z, 1),
    "of two": lambda z: cross_entropy(z[:2], 0),
    "shares": lambda z: cross_entropy(z, [0.2, 0.0, 0.8]),
    "softmax": lambda z: -log(softmax(z)[1]),
    "weighted": lambda z: -3 * softmax(z)[2].log() - softmax(z[:2])[0].log() * 0,
    "logsumexp": lambda z: logsumexp(z) - z[1],
}


@pytest.mark.parametrize("name", CROSS_ENTROPIES)
def test_logits_collapse(name):
    zs = [Value(x, label=label) for label, x in LOGITS.items()]
    loss = CROSS_ENTROPIES[name](zs)
    told = explain(loss, zs)
    assert told.collapses
    for collapse in told.collapses:
        z = zs[[*LOGITS].index(collapse.logit)]
        names = set(re.findall(r"z\d", show(collapse.prediction, TEXT)))
        among = (
            [z] if names == {collapse.logit} else [v for v in zs if v.label in names]
        )
        expected = softmax(among)[among.index(z)].data
        if len(among) == 1:
            expected = z.sigmoid().data
        assert close(evaluate_at(collapse.prediction), expected)
        assert close(collapse.predicted, expected)
        (slope,) = gradients(loss, [z])
        assert close(collapse.scale * (expected - collapse.target), slope)
        z.data += 1.5  # the target and the scale hold for every z
        loss.recompute()
        (again,) = [c for c in explain(loss, zs).collapses if c.logit == z.label]
        assert close(again.target, collapse.target, 1.0)
        assert close(again.scale, collapse.scale)
        z.data -= 1.5
        loss.recompute()
    assert "collapses to" in told.text()


def evaluate_at(expression):
    return evaluate(show(with_numbers(expression, LOGITS), TEXT, 17))


def test_the_lines_of_a_softmax():
    zs = [Value(x, label=label) for label, x in LOGITS.items()]
    text = explain(cross_entropy(zs, 1), zs[1]).text()
    assert "A softmax with cross-entropy: the product collapses to\n" in text
    assert "S   = exp(z1) + exp(z2) + exp(z3)" in text
    assert "= p2 - 1\n" in text
    assert "= 0.0397761 - 1\n" in text
    text = explain(-log(softmax(zs)[1]), zs[1]).text()
    assert "= exp(z2) / (exp(z1) + exp(z2) + exp(z3)) - target\n" in text


def test_samples_of_a_batch_have_probabilities_of_their_own():
    rows = [[Value(x, label=f"{row}{i}") for i, x in enumerate((0.5, -1.0, 2.0), 1)]
            for row in "zu"]  # fmt: skip
    rows[1][0].data = 0.1
    told = explain(cross_entropy(rows, [1, 0])).text()
    left = re.findall(r"^  (S\S*|p\S*) +=", told, re.M)
    assert left == ["S", "p1", "p2", "p3", "S#2", "p1#2", "p2#2", "p3#2"]
    assert "∂out/∂u1 = (p1#2 - 1) / 2" in told
    assert "∂out/∂z2 = (p2 - 1) / 2" in told


def test_probabilities_have_the_numbers_of_their_logits_where_these_differ():
    z = [Value(i / 4, label=f"z{i}") for i in range(1, 7)]
    told = explain(cross_entropy([z[:3], z[3:]], [1, 0])).text()
    left = re.findall(r"^  (S\S*|p\S*) +=", told, re.M)
    assert left == ["S", "p1", "p2", "p3", "S#2", "p4", "p5", "p6"]


@pytest.mark.parametrize("factor", [-1.0, -0.5, 2.0])
def test_what_a_slope_is_told_with_is_told_before(factor):
    """Of a loss that is subtracted, too."""
    z = [Value(x, label=f"z{i}") for i, x in enumerate((0.5, -1.0, 2.0), 1)]
    for loss in (cross_entropy(z, 1), binary_cross_entropy_with_logits(z, [1, 0, 1])):
        told = explain(loss * factor + 0.1 * z[0] * z[1]).text()
        used = {*re.findall(r"p\d", told.partition("Backward")[2])}
        assert used == {"p1", "p2", "p3"}
        assert used == {*re.findall(r"^  (p\d) +=", told, re.M)}


def test_a_probability_is_not_called_as_a_node_is():
    z, p, s = (Value(x, label=name) for name, x in {"z": 1, "p": 2, "S": 3}.items())
    told = explain(binary_cross_entropy_with_logits([z], [1]) * 2 + p * s).text()
    assert "  p#2 = sigmoid(z)" in told
    told = explain(cross_entropy([z, p, s], 2)).text()
    assert re.search(r"  S#2 +=  ?exp\(S\) \+ exp\(p\) \+ exp\(z\)", told)


def test_what_has_no_slope_at_a_point_is_no_product():
    x, y = Value(-0.5, label="x"), Value(2.0, label="y")
    assert "\n  ∂out/∂y = nan\n" in explain(x**y).text()


def test_nothing_else_collapses():
    z, other = Value(0.4, label="z"), Value(-0.3, label="other")
    for loss in (
        (z.sigmoid() - 1) ** 2,
        log(z.sigmoid()),
        -log(z.tanh() + 2),
        -log(z.sigmoid()) + z.sigmoid(),
        -log(z.sigmoid()) * z,
        log(z.sigmoid()) ** 2,
        exp(-log(z.sigmoid())),
        z.softplus(),  # a softplus, as far as one can see
        (z.softplus() * 2 + 1) ** 2,
        mean([z.softplus(), other.softplus()]),
        (-z).softplus() + z,
        -((-z).softplus()),
        logsumexp([z, other]),
        softmax([z, other])[0],
        log(softmax([z, other])[0]),
        -total([p * p.log() for p in softmax([z, other])]),
        cross_entropy([z, other], 0) ** 2,
        cross_entropy([z, z], 0),
    ):
        assert not explain(loss, z).collapses


# ---- graphs of every shape -----------------------------------------------------------


def test_the_same_operand_twice():
    a = Value(3.0, label="a")
    text = explain(a * a, a).text()
    assert "∂out/∂a = a + a\n" in text
    b = (a * a).tanh()
    assert "∂v1/∂a[1] + ∂out/∂v1·∂v1/∂a[2]" in explain(b, a).text()


def test_reductions_are_written_out():
    xs = [Value(float(i), label=f"x{i}") for i in (1, 2, 3)]
    shown = [
        (total(xs), "x1 + x2 + x3"),
        (mean(xs), "(x1 + x2 + x3) / 3"),
        (prod(xs), "x1·x2·x3"),
        (dot(xs[:2], xs[1:]), "x1·x2 + x2·x3"),
        (logsumexp(xs), "logsumexp(x1, x2, x3)"),
    ]
    for output, text in shown:
        assert show(explain(output).forward[-1].formula, TEXT) == text


def test_long_sums_are_abbreviated_and_say_so():
    xs = [Value(1.0, label=f"x{i}") for i in range(100)]
    text = explain(total(xs), xs[0]).text()
    assert "… 89 more …" in text


def test_more_than_a_few_paths_are_counted():
    x = Value(0.5, label="x")
    y = x
    for _ in range(8):
        y = y + y
    assert "256 paths from x to out: too many" in explain(y, x).text()
    for _ in range(100):
        y = y + y
    assert "More than a million paths from x to out" in explain(y, x).text()


def test_a_long_chain_is_cut_with_a_sentence():
    x = Value(1.0, label="x")
    y = x
    for _ in range(20_000):
        y = y * 1.0
    told = explain(y, x)
    assert told.gradients == (("x", 1.0),)
    assert len(told.steps) == 200
    assert told.notes[0].startswith("The backward pass has 20001 steps; the first 200")


def test_a_node_the_output_does_not_depend_on():
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    told = explain(x * 2, y)
    assert told.gradients[0][1] == 0.0
    assert told.notes == ("out does not depend on y, so that derivative is 0.",)


def test_marks_in_a_note_are_themselves_in_markdown():
    x, y = Value(1.0, label="x"), Value(2.0, label='it\'s "so" & <b>_*#`')
    told = explain(x * 2, y).markdown()
    assert 'depend on it\'s "so" &amp; &lt;b&gt;\\_\\*\\#\\`, so' in told


def test_many_parameters_at_once_are_prompt_and_say_what_is_left_out():
    model = MLP(2, [40, 40, 1], "tanh", seed=0)
    told = explain(loss_of(model, [Value(0.5), Value(-1.0)], 0.3), model.parameters())
    assert len(told.gradients) == len(model.parameters()) == 1801
    assert not told.paths
    assert [note.split(" ")[0] for note in told.notes] == ["The", "The"]
    wide = explain(total([Value(float(i)) for i in range(1000)]))
    assert wide.notes[1].startswith("Of the 1001 values that take part, the last 400")


def test_the_output_itself_and_a_lone_leaf():
    x = Value(2.0, label="x")
    y = x * 3
    assert explain(y, y).gradients == (("out", 1.0),)
    assert explain(x, x).gradients == (("x", 1.0),)


def test_by_default_every_leaf_that_is_no_bare_number():
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    assert [name for name, _ in explain(x * y + 1).gradients] == ["x", "y"]


def test_names_come_from_a_mapping():
    x = Value(2.0)
    y = x * x
    assert "∂y/∂x = x + x" in explain(y, x, {"x": x, "y": y}).text()


def test_equal_names_are_told_apart():
    x, other = Value(2.0, label="x"), Value(3.0, label="x")
    assert "v1 = x·x#2" in explain(tanh(x * other)).text().replace("  ", " ")


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x#2", r"{x}^{\#2}"),
        ("W1[1,2]#10", r"{W^{(1)}_{1,2}}^{\#10}"),
        ("x#y", r"\text{x}\#\text{y}"),
        ("#2", r"\#\text{2}"),
        ("x#", r"\text{x}\#"),
        ("a#1#2", r"{{a}^{\#1}}^{\#2}"),
    ],
)
def test_the_sign_between_a_name_and_its_number(name, latex):
    assert symbol_latex(name) == latex


@pytest.mark.parametrize("steps", [199, 200, 201])
def test_only_what_is_left_out_is_said_to_be(steps):
    x = Value(0.5, label="x")
    out = x
    for _ in range(steps):
        out = out * 1.0
    notes = " ".join(explain(out, x).notes)
    assert (f"has {steps + 1} steps" in notes) is (steps + 1 > 200)


@pytest.mark.parametrize("over", [0, 1])
def test_only_what_is_left_out_of_the_values_is_said_to_be(over):
    leaves = [Value(1.0) for _ in range(399 + over)]
    told = explain(total(leaves), leaves[0])
    assert len(told.forward) == 400
    assert any("the last 400 are written" in note for note in told.notes) is bool(over)


@pytest.mark.parametrize("over", [0, 1])
def test_paths_are_listed_where_they_and_their_starts_are_few_and_short(over):
    leaves = [Value(1.0) for _ in range(12 + over)]
    told = explain(total(leaves))
    assert len(told.paths) == (0 if over else 12)
    assert any("listed for up to 12 nodes" in note for note in told.notes) is bool(over)
    x = leaves[0]
    (many,) = explain(total([x] * (12 + over)), x).paths
    assert (many.count, len(many.listed)) == (12 + over, 0 if over else 12)
    long = x
    for _ in range(40 + over):
        long = long * 1.0
    (chain,) = explain(long, x).paths
    assert (chain.count, len(chain.listed)) == (1, 1 - over)


def test_paths_are_counted_up_to_a_million():
    x = Value(1.0, label="x")
    out = x
    for _ in range(6):
        out = total([out] * 10)
    assert explain(out, x).paths[0].count == 1_000_000
    assert explain(out + x, x).paths[0].count is None


def test_paths_are_listed_from_the_last_use_of_each_node_to_the_first():
    x = Value(2.0, label="x")
    a, b, c = x * 2, x * 3, x * 4
    (found,) = explain(a * c + b + x, x).paths
    assert [path.names for path in found.listed] == [
        ("x", "out"),
        ("x", "v4", "v5", "out"),
        ("x", "v2", "v3", "v5", "out"),
        ("x", "v1", "v3", "v5", "out"),
    ]


def test_what_bare_numbers_give_is_told_however_it_is_computed():
    lines = explain(parse("x^((1 + 2)/4)", x=2.0)).text().splitlines()
    shown = [" ".join(line.split()) for line in lines[2:5]]
    assert shown[0] == "v1 = 1 + 2 = 1 + 2 = 3"
    assert shown[1] == "v2 = v1 / 4 = 3 / 4 = 0.75"
    assert shown[2].startswith("out = x^v2 = 2^0.75")


@pytest.mark.parametrize("loss", [mse, mae])
def test_an_everyday_formula_is_a_loss_of_a_network_or_of_what_is_called_so(loss):
    def told(prediction):
        return [found.loss for found in explain(loss(prediction, 1.0)).losses]

    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert told(a * b) == []
    assert told(MLP(2, [2, 1], seed=0)([a, b])) == [loss.__name__]
    predicted = a * b
    predicted.label = "ŷ"
    assert told(predicted) == [loss.__name__]


@pytest.mark.parametrize(
    ("loss", "slope"),
    [(mse, "2·(ŷ - 1)"), (mae, "sign(ŷ - 1)"), (huber, "ŷ - 1"), (hinge, "-1")],
)
def test_what_adds_to_a_slope_is_told_with_that_of_the_loss(loss, slope):
    prediction = MLP(2, [2, 1], "tanh", seed=0)([Value(1.0), Value(2.0)])
    prediction.label = "ŷ"
    for added, more in ((0.0, ""), (prediction**2 * 0.25, " + 0.5·ŷ")):
        told = explain(loss(prediction, 1.0) + added)
        assert len(told.losses) == len(told.slopes) == 1
        words = ", and of what is added" * bool(more)
        line = f"{words}\n  ∂out/∂ŷ = {slope}{more}\n"
        assert f"By the formula of {loss.__name__}{line}" in told.text()
        page = stepper(loss(prediction, 1.0) + added).html
        assert json.dumps(f"{slope}{more}")[1:-1] in page


def test_the_product_along_a_path_is_the_backward_passs_to_the_last_bit():
    rng = random.Random(0)
    for _ in range(20):
        x = Value(rng.random(), label="x")
        out = x
        for _ in range(5):
            out = out * rng.random()
        (way,) = explain(out, x).paths
        (path,) = way.listed
        out.backward()
        assert path.product == x.grad


def test_names_of_nodes_and_labels_never_mix():
    x = Value(2.0, label="v1")
    y = Value(3.0, label="out")
    told = explain((x * y).tanh())
    names = [record.name for record in told.forward]
    assert len(set(names)) == len(names)


def test_poles_and_kinks():
    x = Value(0.0, label="x")
    assert explain(x.sqrt(), x).gradients == (("x", math.inf),)
    assert r"\infty" in explain(x.sqrt(), x).latex()
    assert explain(x.relu(), x).gradients == (("x", 0.0),)


def test_a_leaf_changed_after_recording_is_refused():
    x = Value(2.0, label="x")
    y = x * x
    x.data = 3.0
    with pytest.raises(RuntimeError, match="recompute"):
        explain(y, x)
    y.recompute()
    assert explain(y, x).gradients == (("x", 6.0),)


def test_gradients_and_values_are_left_alone():
    x = Value(2.0, label="x")
    y = x * x
    y.backward(seed=5.0)
    explain(y, x).text()
    assert (x.grad, y.grad) == (20.0, 5.0)


def test_modes_of_recording_make_no_difference():
    x = Value(0.0, label="x")
    y = x.sqrt()
    outside = explain(y, x).text(), flow(*worked_example())
    with no_grad():
        assert (explain(y, x).text(), flow(*worked_example())) == outside
    with detect_anomaly():
        assert explain(y, x).text() == outside[0]


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match="pass the Value"):
        explain(Value(1.0), ["x"])
    with pytest.raises(ValueError, match="wrt is empty"):
        explain(Value(1.0), [])


def test_the_steps_are_data():
    x = Value(2.0, label="x")
    told = explain(x * x, x)
    with pytest.raises(FrozenInstanceError):
        told.output = "y"
    assert told == explain(x * x, x)


def test_a_prompt_shows_the_derivation():
    told = explain(Value(2.0, label="x") * 3)
    assert repr(told) == str(told) == told.text()


def test_notebooks_show_it():
    x = Value(2.0, label="x")
    told = explain(exp(x), x)
    assert told._repr_latex_().startswith("$$\\begin{aligned}")
    assert told._repr_markdown_().startswith("**Forward**")


# ---- operations of a user's own ------------------------------------------------------


def test_an_operation_of_ones_own():
    @operation(partials=(lambda x, out: 3 * x**2,))
    def cube(x):
        return x * x * x

    x = Value(2.0, label="x")
    told = explain(cube(x), x)
    assert "out = cube(x) = cube(2) = 8" in told.text()
    assert "∂out/∂x = 3·x^2\n          = 3·2^2\n          = 12\n" in told.text()


def test_a_rule_that_works_on_floats_alone():
    @operation(partials=(lambda x, out: math.cos(x),))
    def sine(x):
        return math.sin(x)

    x = Value(2.0, label="x")
    told = explain(sine(x) * 2, x)
    assert "= ∂out/∂v1·∂v1/∂x\n" in told.text()
    assert told.gradients == (("x", 2 * math.cos(2.0)),)


def test_a_name_of_the_table_is_no_row_of_the_table():
    @operation(name="mul", partials=(lambda x, y, out: 7.0, lambda x, y, out: 8.0))
    def strange(x, y):
        return 7 * x + 8 * y

    x = Value(2.0, label="x")
    assert "out = mul(x, 1) = mul(2, 1) = 22" in explain(strange(x, 1.0)).text()


# ---- labels are text -----------------------------------------------------------------

ODD = [
    "<script>alert(1)</script>",
    "$x$",
    "50%",
    "a\\b",
    "a_b^c~d",
    "{a}",
    "#1 & co",
    "`code` *bold* [link](x)",
    'say "hi"',
    "two\nlines",
    "שלום",
    "\u202eevil",
    "🐍🎉",
    "a|b",
    "x" * 10_000,
    "\x00\x1b[31m",
    "\ud800",
    "</text>",
    "]]>",
]


@pytest.mark.parametrize("label", ODD)
def test_odd_labels_come_out_as_text(label):
    x = Value(2.0, label=label)
    told = explain((x * 3).tanh(), x)
    text, latex, markdown = told.text(), told.latex(), told.markdown()
    for form in (text, latex, markdown):
        assert "\x1b" not in form
        assert "\u202e" not in form
        form.encode()
    assert len(text) < 3000
    assert told.text(ascii=True).isascii()
    balanced(latex)
    assert "<script" not in markdown
    assert "`" not in markdown
    assert not re.search(r"(?<!\\)[%#]", latex)
    assert not re.search(r"(?<!\\)\$", latex)


@pytest.mark.parametrize("label", ODD)
def test_odd_labels_outside_the_graph_come_out_as_text(label):
    told = explain(Value(2.0, label="x") * 3, Value(1.0, label=label))
    assert told.text(ascii=True).isascii()
    assert "<script" not in told.markdown()
    assert "\x1b" not in told.text()
    balanced(told.latex())


def balanced(latex):
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert latex.count(r"\left") == latex.count(r"\right")


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (lambda x, out: sigmoid(-x), "(1 - sigmoid(x))"),
        (lambda x, out: x - (-x), "(x + x)"),
        (lambda x, out: -(0.0 - (-x)), "(-(0 + x))"),
        (lambda x, out: x * x, "x^2"),
        (lambda x, out: reduce(mul, [x] * 30), "x^2" + 28 * "·x"),
        (lambda x, out: reduce(mul, [x] * 60), ""),  # too long to be read
    ],
)
def test_a_partial_of_ones_own_is_written_as_one_writes_it(rule, shown):
    @operation(partials=(rule,), name="own")
    def own(x):
        return 2.0 * x

    x = Value(0.5, label="x")
    out = own(x) * 3.0
    out.backward()
    lines = [line.strip() for line in str(explain(out)).splitlines()]
    found = lines[lines.index("∂out/∂x = ∂out/∂v1·∂v1/∂x") + 1]
    wanted = shown and f"= ∂out/∂v1·{shown}"
    assert found == (wanted or f"= 3·{short(x.grad / 3, 6)}")
