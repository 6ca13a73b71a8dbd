"""The interface of programs: arrays in and out, reading, keeping, leaving."""

import copy
import gc
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

from autograd import (
    Program,
    Value,
    compile,
    erf,
    hessian,
    operation,
    relu,
    sigmoid,
    sum,
    tanh,
)
from autograd.modes import ieee
from autograd.ops import TABLE
from nn import MLP, Neuron

BACKENDS = ["numpy", "llvm"]


def neuron(backend="auto"):
    w1, w2, b = Value(0.5, "w1"), Value(-1.0, "w2"), Value(0.1, "b")
    return compile(
        lambda x1, x2: tanh(w1 * x1 + w2 * x2 + b), 2, [w1, w2, b], backend=backend
    )


X = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_have_the_shapes_that_are_told(backend):
    program = neuron(backend)
    assert program.backend == backend
    assert program(X).shape == (3,)
    value, slopes = program.value_and_grad(X)
    assert isinstance(value, float)
    assert slopes.shape == (3,)
    values, by_input = program.input_grad(X)
    assert (values.shape, by_input.shape) == ((3,), (3, 2))
    both = compile(lambda x: [x, 2 * x], 1, backend=backend)
    assert both([[1.0], [2.0]]).tolist() == [[1.0, 2.0], [2.0, 4.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_parameters_are_those_given_or_what_the_values_hold(backend):
    w = Value(2.0)
    program = compile(lambda x: w * x, 1, [w], backend=backend)
    assert program([[3.0]]).tolist() == [6.0]
    w.data = 5.0
    assert program([[3.0]]).tolist() == [15.0]
    assert program([[3.0]], [7.0]).tolist() == [21.0]


ASKED = {
    "forward": lambda program, X, p: (program(X, p), None),
    "jacobian": lambda program, X, p: (program.jacobian(X, p), None),
    "gradient": lambda program, X, p: (None, program.value_and_grad(X, p)),
    "input": lambda program, X, p: (program.input_grad(X, p), None),
    "hvp": lambda program, X, p: (
        None,
        program.hvp(X, p[len(p) // 2 :], p[: len(p) // 2]),
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_prepared_call_gives_what_calling_the_program_does(backend, kind, rows):
    call = neuron(backend).prepared(kind, X[:rows])
    gc.collect()  # what it works in belongs to it alone
    outputs, means = call.outputs, call.means
    if kind == "hvp":
        call.parameters[-2:] = [1.0, -4.5]
    for _ in range(3):
        call()
        wanted, sums = ASKED[kind](neuron(backend), call.X, call.parameters)
        if kind == "input":
            wanted = np.column_stack(wanted)
        if wanted is not None:
            assert (outputs == wanted).all()
            assert outputs.shape == wanted.shape
        if kind == "hvp":
            assert sums.any()
            assert (means[: len(sums)] == sums).all()
            w = call.parameters[: len(sums)]
            slopes = neuron(backend).value_and_grad(call.X, w)[1]
            np.testing.assert_allclose(means[len(sums) : -1], slopes, rtol=1e-12)
        elif sums is not None:
            assert means.tolist() == [*sums[1], sums[0]]
        call.X += 0.5
        call.parameters[1] *= -2.0
    assert call.outputs is outputs
    assert call.means is means
    assert X[0, 0] == 1.0, "its rows are its own"


def test_several_outputs_are_prepared_in_their_shape():
    w = Value(2.0)
    program = compile(lambda x: [[w * x, x], [w, w * w]], 1, [w])
    for kind, wanted in (("forward", (3, 2, 2)), ("jacobian", (3, 2, 2, 1))):
        call = program.prepared(kind, [[1.0], [2.0], [3.0]])
        call()
        assert call.outputs.shape == wanted
    assert call.outputs.tolist() == program.jacobian([[1.0], [2.0], [3.0]]).tolist()


def test_what_is_not_prepared_is_told():
    program = neuron()
    with pytest.raises(ValueError, match="there is no kind 'rows'; there are forward,"):
        program.prepared("rows", X)
    with pytest.raises(ValueError, match="X has no rows: give one at least"):
        program.prepared("forward", np.empty((0, 2)))
    with pytest.raises(AttributeError):
        program.prepared("forward", X).x = 1.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_no_rows_there_are_arrays_without_rows(backend):
    program = neuron(backend)
    assert program(np.empty((0, 2))).shape == (0,)
    assert program([]).shape == (0,)
    values, slopes = program.input_grad(np.empty((0, 2)))
    assert (values.shape, slopes.shape) == ((0,), (0, 2))
    value, gradient = program.value_and_grad(np.empty((0, 2)))
    assert np.isnan(value)
    assert np.isnan(gradient).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_stays_in_its_row(backend):
    batch = X.copy()
    batch[1, 0] = np.nan
    assert np.isnan(neuron(backend)(batch)).tolist() == [False, True, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_converted(backend):
    program = neuron(backend)
    wanted = program(X)
    for given in (X.tolist(), X.astype(np.float32), np.asfortranarray(X), X[::1]):
        assert program(given).tolist() == wanted.tolist()
    backwards = X[::-1, ::-1]
    assert program(backwards[::-1, ::-1]).tolist() == wanted.tolist()
    one = compile(lambda x: x + 1, 1, backend=backend)
    assert one([1.0, 2.0]).tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("given", "parameters", "kind", "words"),
    [
        (X[0], None, ValueError, r"takes \(N, 2\).*X\[None, :\]"),
        (X.T, None, ValueError, r"\(2, 3\).*X\.T would fit"),
        (np.zeros((2, 2, 2)), None, ValueError, "shape"),
        ([[1.0, 2.0], [3.0]], None, ValueError, "different lengths"),
        ([["a", "b"]], None, TypeError, "holds texts such as 'a', not real numbers"),
        ([[Value(1.0), 2.0]], None, TypeError, "Values, which have them in x.data"),
        (([x, x] for x in (1.0, 2.0)), None, TypeError, "X holds a generator"),
        (X + 1j, None, TypeError, "complex128"),
        (X, [1.0], ValueError, r"takes \(3,\)"),
        (X, ["a", "b", "c"], TypeError, "parameters"),
    ],
)
def test_wrong_shapes_and_kinds(given, parameters, kind, words):
    with pytest.raises(kind, match=words):
        neuron()(given, parameters)


def test_several_outputs_have_no_gradient():
    with pytest.raises(ValueError, match="2 outputs, and a gradient is of one"):
        compile(lambda x: [x, x], 1).value_and_grad([[1.0]])


# ---- reading -------------------------------------------------------------------------


def test_the_instructions_of_a_neuron():
    n = Neuron(2, activation="sigmoid", seed=0)
    program = compile(lambda *x: n(x), 2, n.parameters())
    assert program.instructions() == (
        [
            "once:",
            "  %2 = parameter 0",
            "  %3 = parameter 1",
            "  %4 = parameter 2",
            "  %8 = 1.0",
            "for every row:",
            "  %0 = input 0",
            "  %1 = input 1",
            "  %5 = dot [%2 %3] [%0 %1]",
            "  %6 = add %5 %4",
            "  %7 = sigmoid %6",
            "  %9 = logistic_density %6",
            "  value += %7",
            "  gradient 0 += %9 * %0",
            "  gradient 1 += %9 * %1",
            "  gradient 2 += %9",
        ]
    )


def test_explain_tells_what_each_pass_did():
    w = Value(2.0)
    program = compile(lambda x: (x * w + 1.0) ** 2 / 4 + x * w * 0 + (x * w), 1, [w])
    text = program.explain()
    for word in ("recorded:", "simplify", "strength reduced", "prune"):
        assert word in text
    assert "differentiate" in text
    assert (
        "; 2 more were equal to others"
        in text[text.index("recorded:") :].splitlines()[0]
    )
    assert text.endswith(("computer", "numpy"))


def test_passes_leave_what_a_reader_expects():
    x = Value(2.0)
    program = compile(x**2 + x**3 * 1.0 + 0.0 + x / 4 + (-(-x)), [x])  # noqa: B002
    text = "\n".join(program.instructions())
    assert "pow" not in text
    assert "div" not in text
    assert "neg" not in text
    assert "0.25" in text


def test_work_on_parameters_alone_is_done_once():
    ws = [Value(float(i)) for i in range(5)]
    program = compile(lambda x: x + 0.1 * sum([w * w for w in ws]), 1, ws)
    each = "\n".join(program.instructions()).split("for every row:")[1]
    assert "mul" not in each
    assert "0.1" not in str(program).split("for every row:")[1].split("\n", 1)[0]
    value, slopes = program.value_and_grad([[1.0], [2.0]])
    assert value == pytest.approx(1.5 + 0.1 * 30, rel=1e-15)
    assert slopes == pytest.approx([0.2 * i for i in range(5)], rel=1e-15)


# ---- keeping -------------------------------------------------------------------------


def test_a_pickled_program_is_the_same(tmp_path):
    program = neuron()
    again = pickle.loads(pickle.dumps(program))
    assert again(X).tolist() == program(X).tolist()
    assert [p.label for p in again.parameters] == ["w1", "w2", "b"]
    assert again.value_and_grad(X)[1].tolist() == program.value_and_grad(X)[1].tolist()


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_value_and_its_program_are_copied_as_one(copied):
    w = Value(2.0)
    other, program = copied((w, compile(lambda x: w * x, 1, [w])))
    other.data = 5.0
    assert program([[3.0]]).tolist() == [15.0]
    assert copy.copy(program).parameters[0] is other


@operation(partials=(lambda x, out: 2.0 * x,))
def squared(x):
    return x * x


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_program_with_an_operation_of_ones_own_is_copied(copied):
    program = compile(lambda x: squared(x) + 1.0, 1)
    assert copied(program)([[3.0]]).tolist() == [10.0]


def test_save_and_load(tmp_path):
    w = Value(np.inf)
    program = compile(lambda x: where_nan(x) * w, 1, [w])
    program.save(tmp_path / "program.json")
    again = Program.load(tmp_path / "program.json", backend="numpy")
    assert again.backend == "numpy"
    np.testing.assert_array_equal(again([[1.0], [-1.0]]), program([[1.0], [-1.0]]))
    assert [path.name for path in tmp_path.iterdir()] == ["program.json"]


def test_a_program_is_written_as_any_file(tmp_path):
    path = tmp_path / "missing" / "program.json"
    with pytest.raises(FileNotFoundError, match=r"can't write .*program.json'.*folder"):
        neuron().save(path)
    (tmp_path / "other").write_text("")
    neuron().save(tmp_path / "p")
    assert (tmp_path / "p").stat().st_mode == (tmp_path / "other").stat().st_mode


def where_nan(x):
    return relu(x) + np.nan * 0.0 + (-0.0)


def test_the_file_is_plain_json_without_nan(tmp_path):
    program = compile(lambda x: x * np.inf, 1)
    program.save(tmp_path / "p")
    text = (tmp_path / "p").read_text()
    json.loads(text, parse_constant=pytest.fail)


DAMAGES = [
    lambda s: s.update(format="other"),
    lambda s: s.update(outputs=[999]),
    lambda s: s.update(outputs=[-1]),
    lambda s: s.update(outputs=[]),
    lambda s: s.update(inputs=-1),
    lambda s: s.update(inputs=1),
    lambda s: s.update(threads=0),
    lambda s: s.update(shape=["1"]),
    lambda s: s.update(parameters=[]),
    lambda s: s.update(parameters=[[1.0, 2], [1.0, ""], [1.0, ""]]),
    lambda s: s.pop("instructions"),
    lambda s: s["instructions"].append(["__import__('os').system", [0]]),
    lambda s: s["instructions"].append(["add", [0]]),
    lambda s: s["instructions"].append(["add", [0, 10_000]]),
    lambda s: s["instructions"].append(["add", [0, 1.5]]),
    lambda s: s["instructions"].append(["constant", "print()"]),
    lambda s: s["instructions"].append(["constant", True]),
    lambda s: s["instructions"].append(["constant", None]),
    lambda s: s.update(parameters=[[True, ""]] * 3),
    lambda s: s.update(inputs=2.5),
    lambda s: s.update(threads=1.5),
    lambda s: s.update(threads=True),
    lambda s: s.update(outputs=[False]),
    lambda s: s["instructions"].append(["input", 7]),
    lambda s: s["instructions"].append(s["instructions"][0]),
    lambda s: s["instructions"].append(["dot", [0, 0, 0]]),
    lambda s: s["instructions"].append(["inside", [0, 0, 0]]),
    lambda s: s["instructions"].append(["alias", [0]]),
    lambda s: s["instructions"].append([["add"], [0, 0]]),
    lambda s: s["instructions"].append(["add", [0, [0]]]),
    lambda s: s["instructions"].append("add"),
    lambda s: s.update(instructions={"add": 1}),
    lambda s: s.update(parameters=[[10**400, ""]] * 3),
    lambda s: s.update(outputs=[0, 1]),
    lambda s: s.update(labels=["x"]),
    lambda s: s.update(labels=["x", 2]),
    lambda s: s.pop("labels"),
    lambda s: s.update(shape=[2]),
    lambda s: s.update(shape=[-1, -1]),
    lambda s: s.update(shape=[True]),
    lambda s: s["instructions"].append(["input", 0.5]),
    lambda s: s["instructions"].append(["input", -1]),
    lambda s: s["instructions"].append(["parameter", 3]),
    lambda s: s["instructions"].append(["constant", []]),
    lambda s: s["instructions"].append(["exp", [0, 0]]),
    lambda s: s["instructions"].append(["exp", [len(s["instructions"])]]),
    lambda s: s["instructions"].append(["exp", [-1]]),
    lambda s: s["instructions"].append(["less", [0]]),
    lambda s: s["instructions"].append(["less", [0, 0, 0]]),
    lambda s: s["instructions"].append(["dot", [0]]),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(damage, tmp_path):
    neuron().save(tmp_path / "p")
    state = json.loads((tmp_path / "p").read_text())
    damage(state)
    (tmp_path / "p").write_text(json.dumps(state))
    with pytest.raises(ValueError, match="saved program"):
        Program.load(tmp_path / "p")


@pytest.mark.parametrize("text", [b"hello", b"", b"\xff\x80", b"[" * 100_000])
def test_text_that_is_no_json_is_refused(text, tmp_path):
    (tmp_path / "p").write_bytes(text)
    with pytest.raises(ValueError, match="not a saved program"):
        Program.load(tmp_path / "p")


# ---- leaving -------------------------------------------------------------------------


def test_numpy_source_stands_alone():
    model = MLP(2, [4, 2], activation="gelu", seed=0)
    program = compile(lambda *x: model(x), 2, model.parameters())
    names = {}
    exec(program.to_numpy_source("model"), names)
    assert "chainrule" not in program.to_numpy_source()
    np.testing.assert_allclose(names["model"](X), program(X), rtol=1e-13)
    other = np.linspace(-1, 1, len(model.parameters()))
    np.testing.assert_allclose(names["model"](X, other), program(X, other), rtol=1e-13)


def test_numpy_source_takes_whole_numbers_and_lists():
    w = Value(2.0)
    program, names = compile(lambda x, y: x**y * w, 2, [w]), {}
    exec(program.to_numpy_source("f"), names)
    for given in ([[2, -1], [-3, 2]], np.array([[2, -1], [-3, 2]])):
        assert names["f"](given, [3]).tolist() == program(given, [3]).tolist()


def test_numpy_source_of_edges():
    x = Value(1.0)
    program = compile([x * np.nan, x + np.inf, relu(x) - np.inf, Value(2.0) * 3], [x])
    names = {}
    exec(program.to_numpy_source("f"), names)
    np.testing.assert_array_equal(names["f"](X[:, :1]), program(X[:, :1]))
    with pytest.raises(ValueError, match="identifier"):
        program.to_numpy_source("f(x): import os #")


@pytest.mark.parametrize("name", TABLE)
def test_numpy_source_imports_what_it_uses(name):
    row = TABLE[name]
    count = row.arity or len(max(row.samples, key=len))
    source = compile(lambda *x: row(*x), count).to_numpy_source()
    imported = set(re.findall(r"^import (\w+)", source, re.MULTILINE))
    used = set(re.findall(r"\b(functools|math)\.", source))
    assert imported == {"numpy", *used}


def test_jax_has_the_numbers_and_gradients_of_the_program():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    program = neuron()
    f = program.to_jax()
    np.testing.assert_allclose(f(X), program(X), rtol=1e-12)
    numbers = program.numbers()
    by_jax = jax.jit(jax.grad(lambda p: f(X, p).mean()))(numbers)
    np.testing.assert_allclose(by_jax, program.value_and_grad(X)[1], rtol=1e-12)
    many = jax.vmap(f, in_axes=(None, 0))(X, np.stack([numbers, 2 * numbers]))
    np.testing.assert_allclose(many[1], program(X, 2 * numbers), rtol=1e-12)


EDGES = [0.0, 1.0, -1.0, 0.5, -0.5, 30.0, -30.0, 1000.0, 1e-9]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if 0 < row.arity < 4])
def test_the_hessian_of_a_program_is_the_graphs_in_every_row(name, backend):
    row = TABLE[name]
    w = [Value(0.5) for _ in range(row.arity)]
    edges = EDGES[: 7 if row.arity < 3 else 4]
    with ieee():
        program = compile(row(*w), [], w, backend=backend)
        for point in itertools.product(edges, repeat=row.arity):
            wanted = np.array(hessian(lambda x: row(*x))(list(point)))
            if np.isfinite(wanted).all():
                found = program.hessian(np.empty((1, 0)), point)
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if 0 < row.arity < 3])
def test_jax_has_the_derivatives_of_the_table_also_at_kinks(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    row = TABLE[name]
    program = compile(lambda *x: row(*x), row.arity, backend="numpy")
    f = program.to_jax()
    rows = np.array(list(itertools.product(EDGES, repeat=row.arity)))
    slopes = jax.vmap(jax.grad(lambda one: f(one[None, :])[0]))(rows)
    np.testing.assert_allclose(slopes, program.input_grad(rows)[1], rtol=1e-9)


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if row.arity == 2])
def test_jax_has_the_derivative_by_one_argument_where_that_by_the_other_is_nan(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    row, w = TABLE[name], Value(1.0)
    f = compile(lambda x: row(x, w), 1, [w], backend="numpy").to_jax()
    rows = np.array(list(itertools.product(EDGES, repeat=2)))
    both = compile(lambda *x: row(*x), 2, backend="numpy").input_grad(rows)[1]
    for place, way in itertools.product((0, 1), (jax.grad, jax.jacfwd)):
        by_one = way(lambda x, y: f(x[None, None], y[None])[0], argnums=place)
        np.testing.assert_allclose(jax.vmap(by_one)(*rows.T), both[:, place], rtol=1e-9)


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if 0 < row.arity < 3])
def test_jax_has_the_second_derivatives_of_the_table(name):
    """JAX differentiates the rules that it is given, branches and gates included.

    Where a second argument of 0 takes the slope by the first away, as in x**0, JAX
    takes away what that slope has for one by the second, too.
    """
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    row = TABLE[name]
    f = compile(lambda *x: row(*x), row.arity, backend="numpy").to_jax()
    rows = np.array(list(itertools.product(EDGES[:7], repeat=row.arity)))
    with ieee():
        wanted = [hessian(lambda x: row(*x))(point) for point in rows.tolist()]
    there = np.isfinite(np.array(wanted)).reshape(len(rows), -1).all(axis=1)
    if name in ("pow", "leaky_relu"):
        there &= rows[:, 1] != 0
    assert there.any()
    found = jax.vmap(jax.hessian(lambda one: f(one[None, :])[0]))(rows[there])
    np.testing.assert_allclose(found, np.array(wanted)[there], rtol=1e-9, atol=1e-15)


def test_jax_refuses_what_a_program_refuses_and_converts_what_it_converts():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    f = neuron().to_jax()
    for given, parameters, words in [
        (X[:, :1], None, r"takes \(N, 2\)"),
        (X[0], None, r"X\[None, :\]"),
        (X, [1.0], r"takes \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            f(given, *([] if parameters is None else [parameters]))
    halves = compile(lambda x: x * 0.5 + 0.25, 1).to_jax()
    assert halves([[1], [3]]).tolist() == [0.75, 1.75]


SHARDED = """
import jax, numpy as np
import jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
from jax.sharding import NamedSharding, PartitionSpec
from autograd import compile
from nn import MLP

model = MLP(2, [16, 16, 1], activation="tanh", seed=0)
weights = model.parameters()
program = compile(lambda a, b, y: (model([a, b]) - y) ** 2, 3, weights)
X = np.random.default_rng(0).normal(size=(64, 3))
mesh = jax.make_mesh((8,), ("rows",))
rows = jax.device_put(X, NamedSharding(mesh, PartitionSpec("rows")))
everywhere = NamedSharding(mesh, PartitionSpec())
p = jax.device_put(program.numbers(), everywhere)

f = program.to_jax()
found = jax.jit(f)(rows, p)
assert len(found.sharding.device_set) == 8, found.sharding
np.testing.assert_allclose(found, program(X, np.array(p)), rtol=1e-12)

step = jax.jit(jax.value_and_grad(lambda p: f(rows, p).mean()))
q, losses = np.array(p), []
for _ in range(20):
    value, slopes = step(p)
    same, own = program.value_and_grad(X, q)
    np.testing.assert_allclose(value, same, rtol=1e-12)
    np.testing.assert_allclose(slopes, own, rtol=1e-12, atol=1e-12)
    assert slopes.sharding.is_fully_replicated, slopes.sharding
    p, q = p - 0.1 * slopes, q - 0.1 * own
    losses.append(float(value))
assert losses == sorted(losses, reverse=True), losses
print("sharded")
"""


def test_jax_trains_over_eight_devices():
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "sharded", done.stderr


def test_without_jax_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "jax.numpy", None)
    with pytest.raises(ImportError, match="pip install jax"):
        neuron().to_jax()


# ---- without llvmlite, and in threads ------------------------------------------------

BARE = """
import sys
sys.modules["llvmlite"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = (
    lambda name, *a: None if name == "llvmlite" else find(name, *a)
)
from autograd import Value, compile
w = Value(2.0)
program = compile(lambda x: w * x, 1, [w])
assert program.backend == "numpy" and program([[3.0]]).tolist() == [6.0]
print(program.explain().splitlines()[-1])
try:
    compile(lambda x: w * x, 1, [w], backend="llvm")
except ImportError as error:
    print(error)
"""


def test_without_llvmlite():
    done = subprocess.run(
        [sys.executable, "-c", BARE], capture_output=True, text=True, check=False
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("  runs on numpy; for machine code install llvmlite:")
    assert first.endswith('python -m pip install "chainrule[fast]"')
    assert second.endswith('python -m pip install "chainrule[fast]"'), done.stderr


def test_import_autograd_loads_the_standard_library_alone():
    heavy = ["numpy", "llvmlite", "json"]
    code = f"import sys, autograd; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_threads_share_the_rows():
    w = Value(0.5)
    one = compile(lambda x: sigmoid(w * x) * erf(x), 1, [w])
    many = compile(lambda x: sigmoid(w * x) * erf(x), 1, [w], threads=3)
    batch = np.random.default_rng(0).normal(size=(10_001, 1))
    assert many(batch).tolist() == one(batch).tolist()
    (a, g), (b, h) = one.value_and_grad(batch), many.value_and_grad(batch)
    assert (b, h[0]) == pytest.approx((a, g[0]), rel=1e-13)
    assert many.value_and_grad(batch)[0] == b


def test_a_program_runs_without_the_interpreters_lock():
    program = compile(lambda x: sum([erf(sigmoid(x * k)) for k in range(30)]), 1)
    batch = np.random.default_rng(0).normal(size=(2_000_000, 1))
    program(batch[:1])
    inside = []

    def call():
        begin = time.perf_counter()
        program.kernel("forward").run(batch, program.numbers())
        inside.extend([begin, time.perf_counter()])

    thread = threading.Thread(target=call)
    seen = []
    thread.start()
    while thread.is_alive():
        seen.append(time.perf_counter())
        time.sleep(0.001)
    begin, end = inside
    times = [begin, *[t for t in seen if begin < t < end], end]
    assert max(np.diff(times)) < 0.5 * (end - begin)


@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_does_not_grow_by_a_copy_of_the_batch_per_instruction(backend):
    # More than 100 instructions; a copy of the batch for each would be over 80 MB.
    program = compile(
        lambda x: sum([tanh(x * k) for k in range(50)]), 1, backend=backend
    )
    program([[1.0]])
    batch = np.zeros((100_000, 1))
    tracemalloc.start()
    try:
        program(batch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < batch.nbytes + 4_000_000


def test_one_program_may_be_called_from_several_threads():
    program = neuron()
    batch = np.random.default_rng(0).normal(size=(5000, 2))
    wanted = program.value_and_grad(batch)
    wrong = []

    def call():
        for _ in range(50):
            value, slopes = program.value_and_grad(batch)
            if value != wanted[0] or slopes.tolist() != wanted[1].tolist():
                wrong.append(value)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_large_program_is_shown_abridged_and_listed_in_full():
    x = Value(0.5)
    y = x
    for _ in range(2000):
        y = y.sin()
    program = compile(y, [x])
    lines = str(program).splitlines()
    assert len(lines) < 200
    assert sum("more, all in program.formulas()" in line for line in lines) == 1
    every = program.formulas().splitlines()
    assert [line for line in every if line in lines] == [
        line for line in lines if "more, all" not in line
    ]
    assert sum("= sin" in line for line in program.instructions()) == 2000
