"""Programs in C, built by the compiler that is there, against the eager engine."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from layered import layered
from random_graphs import eager, example
from test_javascript import FIXED, points, wrong

from autograd import Value, compile, operation
from autograd.compiler import CompileError
from autograd.modes import ieee

CC = shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None, reason="no C compiler")
STRICT = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]


class Built:
    """Programs as one shared library: outputs, and mean with gradient."""

    def __init__(self, folder, programs):
        self.programs = programs
        source = []
        for n, program in enumerate(programs):
            (folder / f"p{n}.h").write_text(program.to_c(f"p{n}"))
            source.append(f'#include "p{n}.h"\n{exported(n, program)}')
        (folder / "all.c").write_text("\n".join(source))
        run = [CC, *STRICT, "-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.library = ctypes.CDLL(str(folder / "all.so"))

    def outputs(self, n, X):
        X = np.ascontiguousarray(X, dtype=float)
        outputs = np.empty((len(X), len(self.programs[n]._outputs)))
        self.library[f"out{n}"](at(X), ctypes.c_size_t(len(X)), at(outputs))
        return outputs

    def gradient(self, n, X):
        X = np.ascontiguousarray(X, dtype=float)
        slopes = np.empty(len(self.programs[n].parameters))
        function = self.library[f"grad{n}"]
        function.restype = ctypes.c_double
        return function(at(X), ctypes.c_size_t(len(X)), at(slopes)), slopes


def at(array):
    return ctypes.c_void_p(array.ctypes.data)


def exported(n, program):
    """What can be called from outside."""
    text = (
        f"void out{n}(const double *X, size_t n, double *outputs);\n"
        f"void out{n}(const double *X, size_t n, double *outputs) {{\n"
        f"  p{n}(X, n, p{n}_PARAMETERS, outputs);\n}}\n"
    )
    if len(program._outputs) > 1:
        return text
    return text + (
        f"double grad{n}(const double *X, size_t n, double *g);\n"
        f"double grad{n}(const double *X, size_t n, double *g) {{\n"
        f"  return p{n}_gradient(X, n, p{n}_PARAMETERS, g);\n}}\n"
    )


def test_every_row_is_the_eager_engines(tmp_path):
    programs = [compile(lambda *x, f=row: f(*x), row.arity) for row in FIXED]
    built = Built(tmp_path, programs)
    for n, row in enumerate(FIXED):
        xs = [Value(1.0) for _ in range(row.arity)]
        with ieee():
            wanted = eager(row(*xs), xs, [], points(row))
        found = built.outputs(n, points(row))[:, 0]
        bad = wrong(found, [value for value, _, _ in wanted], 2e-14)
        assert not [
            (row.name, points(row)[k], found[k], wanted[k]) for k in np.flatnonzero(bad)
        ]


def test_random_graphs_and_their_gradients(tmp_path):
    cases = [example(seed, rows=3) for seed in range(12)]
    programs = [compile(out, xs, ps) for out, xs, ps, _ in cases]
    built = Built(tmp_path, programs)
    for n, (out, xs, ps, X) in enumerate(cases):
        wanted = eager(out, xs, ps, X)
        assert not wrong(
            built.outputs(n, X)[:, 0], [v for v, _, _ in wanted], 1e-10
        ).any()
        value, slopes = built.gradient(n, X)
        mean = np.mean([v for v, _, _ in wanted])
        assert value == pytest.approx(mean, rel=1e-10, nan_ok=True)
        slope = np.mean([s for _, _, s in wanted], axis=0)
        assert slopes == pytest.approx(slope, rel=1e-8, nan_ok=True)


@pytest.mark.slow
def test_layers_that_are_loops_over_arrays(tmp_path):
    cases = [layered(seed) for seed in range(4)]
    programs = [compile(*case) for case in cases]
    built = Built(tmp_path, programs)
    for n, program in enumerate(programs):
        X = np.random.default_rng(n).uniform(-1, 1, (3, program.inputs))
        value, slopes = program.value_and_grad(X)
        found = built.gradient(n, X)
        assert found[0] == pytest.approx(value, rel=1e-12)
        assert found[1] == pytest.approx(slopes, rel=1e-10, abs=1e-14)


def test_several_outputs_have_no_gradient(tmp_path):
    program = compile(lambda x, y: [x * y, x + y, y], 2)
    assert "_gradient" not in program.to_c()
    built = Built(tmp_path, [program])
    assert built.outputs(0, [[2, 3]]).tolist() == [[6, 5, 3]]


def test_labels_that_mean_something_in_c(tmp_path):
    names = ["int", "_t0", "X", "exp", "*/", "p0", "gradient", "x[1]"]
    leaves = [Value(0.5 + n, name) for n, name in enumerate(names)]
    program = compile(
        lambda x: sum(leaf.exp() * x for leaf in leaves), 1, parameters=leaves
    )
    value, slopes = Built(tmp_path, [program]).gradient(0, [[2.0], [1.0]])
    assert value == pytest.approx(program.value_and_grad([[2.0], [1.0]])[0])
    assert slopes == pytest.approx([1.5 * leaf.exp().data for leaf in leaves])


def test_no_rows_have_no_mean(tmp_path):
    w = Value(2.0)
    built = Built(tmp_path, [compile(lambda x: w * x, 1, parameters=[w])])
    assert np.isnan(built.gradient(0, np.empty((0, 1)))[0])


def test_a_name_that_is_none_is_refused():
    program = compile(lambda x: x * 2, 1)
    for name in ("two words", "int", "1st", "", "exp"):
        with pytest.raises(ValueError, match="identifier of C"):
            program.to_c(name)


def test_an_operation_in_python_has_no_form():
    @operation(partials=(lambda x, out: 1.0,))
    def rounded(x):
        return float(str(x))

    with pytest.raises(CompileError):
        compile(lambda x: rounded(x), 1).to_c()
