"""A missing library is one line: what is missing, and the command that installs it."""

import re
import sys
from importlib.util import find_spec

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


def test_pictures_without_matplotlib(monkeypatch):
    from viz import plot_history

    monkeypatch.setattr(nn.extras, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "viz.figure", raising=False)
    with pytest.raises(ModuleNotFoundError, match="needs matplotlib; install it with"):
        plot_history(nn.History({"loss": [1.0]}))
