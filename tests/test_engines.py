"""The compiled engine answers as the plain one, except where docs/engine.md says so."""

import gc
import json
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import autograd
from autograd import Value, operation

TESTS = Path(__file__).parent
SOURCES = TESTS.parent
# How C says what Python says in other words.
WORDS = re.compile(
    "argument|object expected; got|has no attribute|not writable|has no setter|"
    "as an integer|unsupported operand"
)


def answers(home):
    """What the engine in a folder says to tests/probes.py."""
    done = subprocess.run(
        [sys.executable, str(TESTS / "probes.py")],
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    places = r" at 0x[0-9a-f]+"  # in memory, of what has no text of its own
    return dict(map(tuple, json.loads(re.sub(places, "", done.stdout))))


def agree(plain, compiled):
    """The same, or errors of one kind in which a C function words it its own way."""
    if plain == compiled:
        return True
    kind, _, words = compiled.partition(": ")
    same_kind = kind.endswith("Error") and plain.startswith(f"{kind}: ")
    return same_kind and bool(WORDS.search(words))


def test_a_node_that_is_there_is_made_anew_by_the_plain_engine_alone():
    x = Value(1.0, label="x")
    y = x * 2.0
    for node in (x, y):
        node.__init__(3.0)
    expected = [1.0, 2.0, "x", "mul"] if autograd.__compiled__ else [3.0, 3.0, "", ""]
    assert [x.data, y.data, x.label, y.op] == expected


@pytest.mark.skipif(not autograd.__compiled__, reason="the engine here is plain")
def test_both_engines_answer_the_same():
    plain = answers(SOURCES)
    compiled = answers(Path(autograd.__file__).parents[1])
    assert plain.keys() == compiled.keys()
    different = {
        question: (plain[question], compiled[question])
        for question in plain
        if not agree(plain[question], compiled[question])
    }
    assert different == {}
    assert len(plain) > 3500


@pytest.mark.parametrize("number", [3, True])
def test_an_operation_on_other_numbers_gives_a_float(number):
    for row in autograd.relu, autograd.leaky_relu, autograd.elu:
        assert type(row(number)) is float
    assert type(autograd.maximum(0.5, number)) is float
    assert type(autograd.minimum(5.5, number)) is float


def test_an_integer_beyond_floats_is_told():
    for row in autograd.relu, autograd.sigmoid, autograd.log, autograd.tanh:
        with pytest.raises(
            OverflowError, match="this integer is too large for a float"
        ):
            row(10**400)


# ---- cycles through an operation of a user's own -------------------------------------

RESULTS = {
    "itself": lambda y: y,
    "number first": lambda y: 1 + y,
    "product": lambda y: y * 3,
    "other operand": lambda y: Value(2.0) - y,
    "quotient": lambda y: 1 / y,
    "function": lambda y: y.tanh(),
    "many": lambda y: autograd.sum([1.0, y, 2.0]),
    "dot": lambda y: autograd.dot([y, 2.0], [1.0, y]),
    "softmax": lambda y: autograd.softmax([y, 1.0]),
    "deep": lambda y: (autograd.logsumexp([y * 2, 1]).exp() - 1) / y,
    "slope": lambda y: autograd.gradients(y * y, [y], create_graph=True),
    "second": lambda y: autograd.gradients(y * y.tanh(), [y], create_graph=True)[0] * y,
}


class Layer:
    """Keeps its output, whose operation refers to the layer."""

    def __init__(self, result):
        @operation(partials=(lambda x, out: self.scale,))
        def scaled(x):
            return self.scale * x

        @operation(partials=lambda xs, out: [self.scale] * len(xs))
        def total(*xs):
            return self.scale * sum(xs)

        self.scale, self.scaled, self.total, self.result = 2.0, scaled, total, result

    def __call__(self, x):
        self.out = self.result(self.scaled(x)), self.result(self.total(x, 1.0, 2.0))


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_layer_that_keeps_its_output_is_freed(result):
    layer = Layer(result)
    layer(Value(0.5))
    gone = weakref.ref(layer)
    del layer
    gc.collect()
    assert gone() is None


def test_a_kept_output_works_when_its_layer_is_dropped():
    layer, x = Layer(lambda y: y * y), Value(0.5)
    layer(x)
    out = layer.out[0]
    del layer
    gc.collect()
    out.backward()
    assert (out.data, x.grad) == (1.0, 4.0)
    x.data = 1.0
    out.recompute()
    assert out.data == 4.0
    assert isinstance(out, Value)


def test_nodes_of_the_tables_operations_are_no_burden_to_the_collector():
    Layer(lambda y: y)  # operations of one's own exist
    node = (Value(2.0) * 3).tanh() + autograd.sum([Value(1.0), 2.0, 3.0])
    assert type(node) is Value
    assert gc.is_tracked(node) == (not autograd.__compiled__)


@pytest.mark.parametrize("kept", [False, True])
def test_a_deep_chain_of_own_operations_is_freed(kept):
    layer = Layer(lambda y: y)
    out = Value(1.0)
    for index in range(100_000):
        if index % 3 == 0:
            out = layer.scaled(out) * 0.5
        elif index % 3 == 1:
            out = layer.total(out, 0.0, 0.0) * 0.5
        else:
            out = layer.scaled(out * 0.5)
    gone = weakref.ref(layer)
    if kept:
        layer.out = out
    del out, layer
    gc.collect()
    assert gone() is None
