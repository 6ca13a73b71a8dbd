"""Errors that say what to write: it is there, and does what was wanted."""

from __future__ import annotations

import ast
import builtins
import inspect
import itertools
import math
import pickle  # noqa: F401  (named in the texts below, as are others)
import re
import warnings
from collections.abc import Iterator
from decimal import Decimal  # noqa: F401
from pathlib import Path
from random import random  # noqa: F401

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd import Value, gradients, no_grad, operation

SOURCES = Path(__file__).parent.parent
PACKAGES = ("autograd", "nn", "viz")


# ---- the texts, from the sources -----------------------------------------------------


def template(node: ast.AST) -> str:
    """A text as it is written; `§` stands for what is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "§"
    return node.value if isinstance(getattr(node, "value", None), str) else ""


def trees(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((SOURCES / package).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def raised(package: str) -> list[str]:
    """The texts that stand in a `raise`."""
    return [
        text
        for _, tree in trees(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for argument in node.exc.args[:1]
        if (text := template(argument))
    ]


KNOWN = {
    *(
        name
        for module in (autograd, nn, viz, builtins, np, math)
        for name in dir(module)
    ),
    *(name for kind in (Value, nn.Module, np.ndarray, str) for name in dir(kind)),
    *("f", "model"),  # what the user's own are called
    "load_file",  # of safetensors, which may not be installed
}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_function_that_an_error_names_is_there(package):
    texts = raised(package)
    assert len(texts) > 30
    calls = r"(?<![\w§])((?:[a-zA-Z_]\w*\.)*[a-zA-Z_]\w*)\("
    names = {name for text in texts for name in re.findall(calls, text)}
    assert {name for name in names if name.split(".")[-1] not in KNOWN} == set()


# ---- the engine's, followed ----------------------------------------------------------

x, y, z = Value(3.0, label="x"), Value(2.0, label="y"), Value(5.0)
spare = Value(1.5)
output = x * y
inputs = [x, y]
numbers = (1.0, 2.0)


def twice(v):
    return v + v


def table(v):
    return v["w"] * 2.0


def stale():
    leaf = Value(2.0)
    node = leaf**3
    leaf.data = 3.0
    return leaf, node


LEAF, NODE = stale()


SQUARE = autograd.compile(lambda v: v * v, 1, backend="numpy")
CONSTANT = autograd.compile(x * y, backend="numpy")


def replayed():
    leaf, node = stale()
    node.recompute()
    return gradients(node, [leaf], create_graph=True)[0]


def entered_twice():
    mode = no_grad()
    with mode, mode:
        pass


def entered_anew():
    with no_grad(), no_grad():
        return x.data


# What goes wrong, a word of the error's, and what to write: what it says, followed.
FOLLOWED = {
    "math.tanh(x)": ("x.tanh()", "v.tanh()"),
    "float(x)": ("x.data", "v.data"),
    "int(x * 2)": ("(x * 2).data", "v.data"),
    "np.array([x], dtype=float)[0]": ("x.data", "v.data"),
    "round(x, 2)": ("round(x.data, 2)", "round(x.data, 2)"),
    "round(x)": ("autograd.floor(x + 0.5)", "autograd.floor(x + 0.5)"),
    "np.round(x, 1)": ("round(x.data, 2)", "round(x.data, 2)"),
    "np.rint(x)": ("autograd.floor(x + 0.5)", "autograd.floor(x + 0.5)"),
    "math.trunc(x)": ("math.trunc(x.data)", "math.trunc(x.data)"),
    "np.trunc(x)": (
        "autograd.sign(x) * autograd.floor(abs(x))",
        "autograd.sign(x) * autograd.floor(abs(x))",
    ),
    "x ^ y": ("x ** y", "**"),
    "x @ y": ("x * y", "x * y"),
    "[x, y] @ x": ("autograd.dot([x, y], [x, y])", "autograd.dot(xs, ys)"),
    "x @ np.eye(2)": ("(np.array([[1.0, 2.0]]) @ [x, y])[0]", "np.array(W) @ xs"),
    "pow(x, y, z)": ("x ** y % z", "x ** y % z"),
    "x.clip(0, 1, out=y)": ("x.clip(0, 1)", "a node of its own"),
    "x.backward(retain_graph=True)": ("spare.backward()", "a graph is kept anyway"),
    "x.backward(create_graph=True)": (
        "gradients(output, [x], create_graph=True)[0]",
        "gradients(y, [x], create_graph=True)",
    ),
    "gradients(output, x)": ("gradients(output, [x])[0]", "write [x]"),
    "gradients(NODE, [LEAF], create_graph=True)": ("replayed()", "recompute()"),
    "setattr(output, 'data', 1.0)": (
        "setattr(spare, 'data', 2.0)",
        "leaf",
    ),
    "setattr(output, '_backward', print)": ("Value(6.0, (x, y), (2.0, 3.0))", "Value("),
    "Value(6.0, (x, y), '*')": ("x * y", "x + y"),
    "Value(6.0, (x, y), (y, x))": ("Value(6.0, (x, y), (y.data, x.data))", ".data"),
    "Value(6.0, (x, y), (1.0,))": ("Value(6.0, (x, y), (2.0, 3.0))", "for each parent"),
    "Value(6.0, requires_grad=True)": ("Value(6.0)", "leave it out"),
    "setattr(x, 'requires_grad', False)": ("x.detach()", "x.detach()"),
    "setattr(spare, 'grad', None)": ("setattr(spare, 'grad', 0.0)", "x.grad = 0.0"),
    "Value(6.0, _children=(x, y))": ("x * y", "x + y"),
    "Value(6.0, 7)": ("Value(6.0, label='name')", "Value(data, label='name')"),
    "Value([1.0, 2.0])": ("[Value(x) for x in numbers][0]", "[Value(x) for x in num"),
    "Value('2.5')": ("Value(float('2.5'))", "float(text)"),
    "Value('1 + 1')": ("parse('1 + 1')", "parse(text)"),
    "Value(1j)": ("Value(1j.imag)", ".real and .imag"),
    "Value(Decimal('0.1'))": ("Value(float(Decimal('0.1')))", "float()"),
    "Value(x)": ("x.detach()", ".detach()"),
    "type('Mine', (Value,), {})": ("Holder(x).value", "an object of your own"),
    "pickle.dumps(output)": ("pickle.loads(pickle.dumps(output.detach()))", "detach()"),
    "pickle.dumps(LOCAL)": ("pickle.loads(pickle.dumps(at_top))(3.0)", "top level"),
    "operation(3)": ("operation(partials=(one,))(same)(x)", "@operation(partials="),
    "operation(partials=(one,))(min)": ("MINE(x)", "def min("),
    "autograd.mean([])": ("autograd.mean([x])", "at least one"),
    "autograd.parse('tanh(x', x=1)": ("autograd.parse('tanh(x)', x=1)", "write the )"),
    "autograd.parse('x)', x=1)": ("autograd.parse('x', x=1)", "leave it out"),
    "autograd.parse('')": ("autograd.parse('tanh(w*x + b)', w=1, x=2, b=3)", "tanh(w*"),
    "grad(lambda v: [v, v])(3.0)": ("jacobian(lambda v: [v, v])(3.0)[0]", "jacobian()"),
    "grad(twice, argnums=1)(3.0)": ("grad(twice, argnums='v')(v=3.0)", "argnums='x'"),
    "grad(power, argnums='k')(3.0)": (
        "grad(power, argnums='k')(3.0, k=2.0)",
        "pass it",
    ),
    "grad(np.sum)(np.ma.array([1.0]))": (
        "grad(np.sum)(np.asarray([1.0]))[0]",
        "asarray",
    ),
    "entered_twice()": ("entered_anew()", "write no_grad() anew"),
    "autograd.compile(output, 2)": (
        "autograd.compile(output, [x])([[3.0]])[0]",
        "list",
    ),
    "autograd.compile(lambda v: {'y': v}, 1)": (
        "autograd.compile(lambda v: [v], 1)([[3.0]])",
        "return a Value, or a list",
    ),
    "autograd.compile([])": ("autograd.compile([x])()[0]", "pass a Value"),
    "autograd.compile([3.0])": ("autograd.compile([x])()[0]", "pass Values"),
    "autograd.compile(output, [output])": (
        "autograd.compile(output, [x])([[3.0]])[0]",
        "Pass those",
    ),
    "autograd.compile(x, parameters=x)": (
        "autograd.compile(x, parameters=[x])()",
        "pass a list of Values",
    ),
    "autograd.compile(x, parameters=[3.0])": (
        "autograd.compile(x, parameters=[x])()",
        "pass the leaf Values",
    ),
    "autograd.compile(lambda v: [1, 2][v], 1)": (
        "autograd.compile(lambda v: autograd.take([1.0, 2.0], v), 1)([[1]])[0]",
        "take(values, x)",
    ),
    "autograd.compile(lambda v: v if v > 0 else -v, 1)": (
        "autograd.compile(lambda v: autograd.where(v > 0, v, -v), 1)([[-1.0]])[0]",
        "where(x > 0, a, b)",
    ),
    "autograd.compile(lambda v: max(v, 2.0), 1)": (
        "autograd.compile(lambda v: autograd.maximum(v, 2.0), 1)([[-1.0]])[0]",
        "maximum(x, y)",
    ),
    "autograd.compile(lambda v: v * v.data, 1)": (
        "autograd.compile(lambda v: v * v, 1)([[-1.0]])[0]",
        "where(x > 0, a, b)",
    ),
    "autograd.compile(lambda v: v * random(), 1)": (
        "autograd.compile(lambda v, drawn: v * drawn, 2)([[1.0, random()]])[0]",
        "pass them as inputs",
    ),
    "autograd.compile(lambda v: v * next(COUNT), 1)": (
        "autograd.compile(lambda v, count: v * count, 2)([[1.0, next(COUNT)]])[0]",
        "pass that as an input",
    ),
    "autograd.compile(lambda v: v[0], 1)": (
        "autograd.compile(lambda *xs: xs[0], 1)([[1.0]])[0]",
        "lambda *xs: f(xs)",
    ),
}


FOLLOWED |= {
    "autograd.compile(grad(bare), 1)": (
        "autograd.compile(grad(right), 1)([[1.0]])",
        "autograd's functions",
    ),
    "np.ones(2).__imul__(x)": ("(np.ones(2) * x)[0]", "a = a * x for a *= x"),
    "SQUARE([[x]])": ("SQUARE([[x.data]])[0]", "in x.data"),
    "SQUARE()": ("SQUARE([[3.0]])[0]", "pass X of shape (N, 1)"),
    "SQUARE([['a']])": ("SQUARE(np.float64([[3.0]]))[0]", "real numbers"),
    "SQUARE([[1.0], [1.0, 2.0]])": ("SQUARE([[1.0], [2.0]])[0]", "lengths"),
    "CONSTANT([])": ("CONSTANT()[0]", "leave X out"),
    "SQUARE.formulas(form='html')": ("len(SQUARE.formulas('latex'))", "latex"),
    "autograd.compile(output, [x], backend='gpu')": (
        "autograd.compile(output, [x], backend='numpy')([[3.0]])[0]",
        "choose auto, llvm or numpy",
    ),
    "SQUARE.value_and_grad([[3.0]], reduction='max')": (
        "SQUARE.value_and_grad([[3.0]], reduction='sum')[0]",
        "choose mean or sum",
    ),
    "operation(partials=(one,))(lambda self: self)": (
        "Static().double(Value(3.0))",
        "write @staticmethod above @operation",
    ),
    "autograd.sum([[1.0], [2.0]])": (
        "autograd.sum([autograd.sum(row) for row in [[1.0], [2.0]]])",
        "[sum(row) for row in rows]",
    ),
    "autograd.mean({'a': 1.0})": ("autograd.mean({'a': 1.0}.values())", "d.values()"),
    "autograd.topological_order([Value(1.0)])": (
        "autograd.topological_order(autograd.sum([Value(1.0)]))[0]",
        "autograd.sum(values)",
    ),
    "SQUARE.prepared('forward', [])": (
        "SQUARE.prepared('forward', [[3.0]])",
        "give one at least",
    ),
}


class Holder:
    def __init__(self, value):
        self.value = value


def one(v, out):
    return 1.0


class Static:
    @staticmethod
    @operation(partials=(lambda v, out: 2.0,))
    def double(v):
        return 2.0 * v


def same(v):
    return v


def power(v, k=2.0):
    return v**k


LOCAL = operation(partials=(one,))(lambda v: v)


@operation(partials=(one,))
def at_top(v):
    return v


@operation(partials=(one,))
def MINE(v):
    return min(v, 4.0)


@operation(partials=(lambda v, out: math.exp(v),))
def bare(v):
    return autograd.exp(v)


@operation(partials=(lambda v, out: autograd.exp(v),))
def right(v):
    return autograd.exp(v)


NAMES = {name: getattr(autograd, name) for name in autograd.__all__}


def meaning(text: str) -> object:
    return eval(text, {**NAMES, **globals(), "COUNT": itertools.count(1)})


@pytest.mark.parametrize("wrong", FOLLOWED)
def test_what_an_error_says_to_write_is_right(wrong):
    right, word = FOLLOWED[wrong]
    with pytest.raises((TypeError, ValueError, AttributeError, RuntimeError)) as error:
        meaning(wrong)
    assert word in str(error.value)
    found = meaning(right)
    if isinstance(found, (Value, float, np.ndarray)):
        assert np.isfinite(found.data if isinstance(found, Value) else found).all()


ADVISES = r"\b(write|pass|use|call|give|take|leave|keep|copy|declare|draw|choose)\b"
ELSEWHERE = (
    r"§: §|another project|subinterpreter|write-protected|^§ should give a number"
    r"|sets gradients to 0.0"
)
"""What is followed in tests of their own, or is not about what to write."""


def test_every_advice_of_the_engine_is_followed():
    texts = [text for text in raised("autograd") if re.search(ADVISES, text, re.I)]
    assert len(texts) > 30
    said = []
    for wrong in FOLLOWED:
        with pytest.raises(Exception) as error:
            meaning(wrong)
        said.append(str(error.value))
    for text in texts:
        pattern = re.escape(text).replace("§", "(?s:.*)")
        follows = any(re.search(pattern, each) for each in said)
        assert follows or re.search(ELSEWHERE, text), text


# ---- arguments of another type -------------------------------------------------------

ODD = (3, "x", None, [1, 2], {"a": 1}, print, nn.MLP(1, [1], seed=0), [x], object)
MISTAKES = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    SystemError,
)


def with_one_odd(function) -> Iterator[list[object]]:
    """Arguments for what can be called, each time one of them of another type."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    count = sum(p.default is p.empty and p.kind in (0, 1) for p in parameters)
    for place, odd in itertools.product(range(count or 1), ODD):
        arguments = [Value(1.0, label="w") for _ in range(count or 1)]
        arguments[place] = odd
        yield arguments


def mistake(function, arguments) -> str:
    """What a call says that only a programmer understands, or that only mypyc says."""
    try:
        with warnings.catch_warnings(action="ignore"):
            function(*arguments)
    except Exception as error:
        if isinstance(error, MISTAKES) or "object expected" in str(error):
            return f"{function.__name__}{(*arguments,)}: {error!r}"
    return ""


@pytest.mark.parametrize("package", PACKAGES)
def test_an_argument_of_another_type_is_told(package, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = {"autograd": autograd, "nn": nn, "viz": viz}[package]
    calls = [
        (getattr(module, name), arguments)
        for name in module.__all__
        for arguments in with_one_odd(getattr(module, name))
    ]
    assert len(calls) > 100
    assert not "\n".join(filter(None, itertools.starmap(mistake, calls)))
