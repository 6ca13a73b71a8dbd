"""An llvmlite that is there but broken is told as such, whoever asks for a program.

What a model's own code raises while it is recorded is another matter: `fit` goes on
without a program, and says why.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import Value, compile, operation
from autograd.compiler import BackendError, CompileError
from autograd.compiler.llvm import backend
from nn import MLP, SGD, Module, fit
from nn.engine import MANY, predict

X = np.linspace(-1.0, 1.0, 16).reshape(8, 2)
Y = [0, 1, 0, 1, 1, 0, 1, 0]
CALLS = [
    "initialize_native_target",
    "initialize_native_asmprinter",
    "get_host_cpu_features",
    "get_host_cpu_name",
    "Target.from_default_triple",
    "parse_assembly",
    "create_mcjit_compiler",
]
WORDS = rf"llvmlite {metadata.version('llvmlite')} is broken.*pip install.*backend="


def broken(*_, **__):
    raise RuntimeError("LLVM IR parsing error\n<string>:8:22: error: expected type\n")


@pytest.fixture(params=CALLS)
def fault(request, monkeypatch):
    backend.processor.cache_clear()
    monkeypatch.setattr(f"llvmlite.binding.{request.param}", broken)
    yield
    backend.processor.cache_clear()


def run_program():
    x, w = Value(2.0), Value(3.0)
    return compile(w * x, [x], [w])([[1.0]])


USES = {
    "compile": run_program,
    "fit": lambda: fit(MLP(2, [3, 1], seed=0), X, Y, epochs=1, seed=0, progress=False),
    "fit, compiled": lambda: fit(
        MLP(2, [3, 1], seed=0),
        X,
        Y,
        epochs=1,
        seed=0,
        progress=False,
        engine="compiled",
    ),
    "predict": lambda: predict(MLP(2, [3, 1], seed=0), np.zeros((MANY + 1, 2))),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.usefixtures("fault")
def test_a_broken_llvmlite_is_named(use):
    with pytest.raises(BackendError, match=WORDS) as caught:
        USES[use]()
    assert "expected type" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("fault")
def test_what_the_message_proposes_works():
    x, w = Value(2.0), Value(3.0)
    assert compile(w * x, [x], [w], backend="numpy")([[1.0]]).tolist() == [3.0]
    model = MLP(2, [3, 1], seed=0)
    history = fit(model, X, Y, epochs=1, seed=0, progress=False, engine="eager")
    assert history.engine == "eager"


@pytest.mark.parametrize(
    "text",
    [
        "raise OSError('Could not find/load shared object file libllvmlite.so')",
        "",  # a folder without anything in it
    ],
)
def test_an_llvmlite_that_cannot_be_imported_is_named(text, tmp_path):
    (tmp_path / "llvmlite").mkdir()
    (tmp_path / "llvmlite/__init__.py").write_text(text)
    info = tmp_path / "llvmlite-0.44.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: llvmlite\nVersion: 0.44.0\n")
    ours = str(Path(autograd.__file__).parents[1])
    command = [sys.executable, "-c", "from viz.cli import main; main()"]
    done = subprocess.run(
        [*command, "train", "moons", "--epochs", "1", "--out", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), ours])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("chainrule: llvmlite 0.44.0 is broken, or does not suit")
    assert "python -m pip install --upgrade" in last


# ---- what is the model's own ---------------------------------------------------------

RAISED = [ValueError, KeyError, AssertionError, RuntimeError, OSError, TypeError]
RAISED += [ImportError, ZeroDivisionError, NotImplementedError]


class Weighted(Module):
    def __init__(self, function):
        self.weight = Value(0.5)
        self.function = function

    def __call__(self, x):
        return self.function(x[0]) * self.weight + x[1]


def picky(kind):
    """A function that takes numbers alone."""

    def function(x):
        if isinstance(x, float):
            return 2.0 * x
        raise kind("no stand-ins here")

    return function


@pytest.mark.parametrize("kind", RAISED)
def test_what_a_model_raises_on_stand_ins_is_no_reason_to_stop(kind):
    model = Weighted(picky(kind))
    history = fit(model, X, Y, "mse", epochs=2, seed=0, progress=False)
    assert history.engine.startswith("eager, because it can't be compiled: ")
    assert "no stand-ins here" in history.engine
    with pytest.raises(CompileError, match="no stand-ins here"):
        fit(model, X, Y, "mse", epochs=2, seed=0, progress=False, engine="compiled")
    many = np.ones((MANY + 1, 2))
    assert predict(model, many)[0] == model([1.0, 1.0]).data


@pytest.mark.parametrize("kind", RAISED)
def test_what_an_operation_of_ones_own_raises_is_no_reason_to_stop(kind):
    @operation(partials=(lambda x, out: picky(kind)(1.0 * x),))
    def doubled(x):
        return 2.0 * x

    class Inside(Weighted):
        def __call__(self, x):  # so that the weight's slope asks the partial
            return self.function(self.weight) * x[0] + x[1]

    history = fit(Inside(doubled), X, Y, "mse", epochs=2, seed=0, progress=False)
    why = "eager, because it can't be compiled: a partial derivative of 'doubled'"
    assert history.engine.startswith(why)
    assert "no stand-ins here" in history.engine
    same = fit(
        Inside(doubled), X, Y, "mse", epochs=2, seed=0, progress=False, engine="eager"
    )
    assert history.columns == same.columns


@pytest.mark.parametrize("kind", RAISED)
def test_what_a_rule_of_ones_own_raises_is_no_reason_to_stop(kind):
    class Picky(SGD):
        def apply(self, w, g, lr, t, *memory):
            if isinstance(w, Value):
                raise kind("no stand-ins here")
            return (w - lr * g,)

    model = MLP(2, [3, 1], seed=0)
    history = fit(
        model, X, Y, optimizer=Picky(lr=0.1), epochs=2, seed=0, progress=False
    )
    assert "which runs in NumPy: " in history.engine
    assert "no stand-ins here" in history.engine


def test_a_fault_of_ours_is_no_reason_to_go_on_slowly(monkeypatch):
    from autograd.compiler import passes, program

    def wrong(kernel):
        raise KeyError("a fault in a pass")

    monkeypatch.setattr(program, "optimize", wrong)
    assert passes.optimize is not wrong
    with pytest.raises(KeyError, match="a fault in a pass"):
        fit(MLP(2, [3, 1], seed=0), X, Y, epochs=1, seed=0, progress=False)
