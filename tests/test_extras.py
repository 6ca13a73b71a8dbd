"""A missing library is one line: what is missing, and the command that installs it."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import nn
import nn.extras

XOR = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
MODEL = nn.MLP(2, [2, 1], seed=0)
USES = {
    "fit": ("numpy", lambda path: nn.fit(MODEL, *XOR, epochs=1)),
    "predict": ("numpy", lambda path: nn.predict(MODEL, XOR[0])),
    "a step": ("numpy", lambda path: nn.SGD(MODEL.parameters()).step()),
    "moons": ("scikit-learn", lambda path: nn.data.moons()),
    "iris": ("scikit-learn", lambda path: nn.data.iris()),
    "xor": ("numpy", lambda path: nn.data.xor()),
    "a table": ("numpy", lambda path: nn.data.read_csv(path, "y")),
    "safetensors": ("safetensors", lambda path: nn.export_safetensors(MODEL, path)),
}


@pytest.mark.parametrize("use", USES)
def test_a_missing_library(use, tmp_path, monkeypatch):
    project, run = USES[use]
    missing = {"scikit-learn": "sklearn"}.get(project, project)
    monkeypatch.setattr(
        nn.extras,
        "find_spec",
        lambda name: None if name == missing else find_spec(name),
    )
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n")
    command = 'python -m pip install "chainrule[train]"'
    words = re.escape(f"this needs {project}; install it with: {command}")
    with pytest.raises(ModuleNotFoundError, match=words):
        run(tmp_path / "t.csv")


EXTRAS = "numpy polars sklearn matplotlib rich typer safetensors llvmlite PIL starlette"


def said_without(hidden):
    """What each public name and each verb says, without these libraries."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("without.py"), *hidden],
        capture_output=True,
        text=True,
        timeout=300,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(nn.__file__).parents[1])},
    )
    assert not done.stderr
    told = dict(line.split("\t") for line in done.stdout.splitlines())
    for name, words in told.items():
        if re.search("Module|Import|install", words):
            line = (
                r'need\w* [\w -]+(; install (it|them) with)?: python -m pip install "'
            )
            assert re.search(line, words), f"{name}: {words}"
        else:
            assert not re.search("(Attribute|Name|Type)Error", words), (
                f"{name}: {words}"
            )
    return told


def test_every_public_name_after_a_plain_install():
    told = said_without(EXTRAS.split())
    fine = {name for name, words in told.items() if words == "fine"}
    assert fine >= {"autograd.grad", "nn.mse", "nn.MLP", "viz.draw", "viz.explain"}
    assert not fine & {"nn.fit", "nn.data", "nn.diagnose", "viz.plot_history"}
    assert not [name for name in fine if name.startswith("chainrule")]


@pytest.mark.slow
@pytest.mark.parametrize("library", EXTRAS.split())
def test_every_public_name_without_one_library(library):
    said_without([library])


def test_pictures_without_matplotlib(monkeypatch):
    from viz import plot_history

    monkeypatch.setattr(nn.extras, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "viz.figure", raising=False)
    with pytest.raises(ModuleNotFoundError, match="needs matplotlib; install it with"):
        plot_history(nn.History({"loss": [1.0]}))
