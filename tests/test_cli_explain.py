"""The commands flow, explain and step, as a user types them."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nn import MLP
from nn.checkpoint import Context, save
from nn.data import Scaling
from nn.targets import Labels
from viz import cli, explain, flow, stepper
from viz.digits import short
from viz.layers import loss_of, record_pass, worked_example

GOLDEN = Path(__file__).parent / "golden"


def run(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def shown(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code != 0
    return str(result.exception) if result.exception else result.output


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.json"
    save(worked_example()[0], path)
    return str(path)


# ---- flow ----------------------------------------------------------------------------


def test_flow_shows_the_worked_example():
    assert shown("flow") == (GOLDEN / "flow.text").read_text()
    assert shown("flow", "--boxes") == (GOLDEN / "flow.boxes").read_text()
    assert shown("flow", "--ascii") == (GOLDEN / "flow.ascii").read_text()


def test_flow_of_a_saved_model(model):
    assert shown("flow", model, "1", "2", "--target", "1") == shown("flow")
    other = shown("flow", model, "-1.5", "2", "--target", "0", "--lr", "0.5")
    assert other == flow(worked_example()[0], [-1.5, 2.0], 0, 0.5) + "\n"
    assert "Loss: mse" in shown("flow", model, "1", "2", "--target=1", "--loss=mse")


def test_flow_of_several_outputs(tmp_path):
    path = tmp_path / "wide.json"
    network = MLP(2, [3, 2], seed=0)
    save(network, path)
    text = shown("flow", str(path), "1", "-2", "--target", "0.5,-1", "--width", "100")
    assert text == flow(network, [1, -2], [0.5, -1], width=100) + "\n"


def test_flow_of_an_expression():
    text = shown("flow", "x*y", "x=2", "y=-3")
    assert "out = x·y = 2·(-3) = -6" in text


def test_flow_into_a_file(tmp_path):
    path = tmp_path / "flow.txt"
    assert shown("flow", "-o", str(path)) == f"{path}\n"
    assert path.read_text() == (GOLDEN / "flow.text").read_text()


# ---- explain -------------------------------------------------------------------------


def test_explain_an_expression():
    text = shown("explain", "tanh(w*x + b)", "w=0.5", "x=2", "b=0.1", "--wrt", "w,b")
    assert "∂out/∂v2 = 1 - out^2\n" in text
    assert text.splitlines()[-2].startswith("  ∂out/∂w = ")
    assert text.splitlines()[-1].startswith("  ∂out/∂b = ")


def test_explain_a_saved_model(model):
    text = shown("explain", model, "1", "2", "--target", "1", "--wrt", "W1[1,1]")
    assert text == (GOLDEN / "explain.text").read_text()


def test_explain_by_inputs_of_a_model(model):
    text = shown("explain", model, "1", "2", "--target", "1", "--wrt", "x2,b2[1]")
    assert "∂L/∂x2 =" in text
    assert "∂L/∂b2[1] = -0.306869" in text


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_explain_as_formulas(tmp_path, form):
    path = tmp_path / {"markdown": "out.md", "latex": "out.tex"}[form]
    shown("explain", "x**2", "x=3", "-o", str(path))
    assert r"\frac{\partial \mathit{out}}{\partial x}" in path.read_text()


# ---- step ----------------------------------------------------------------------------


def test_step_writes_a_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown("step", "x*y", "x=2", "y=3") == "backward.html\n"
    page = (tmp_path / "backward.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")


def test_step_of_a_saved_model(model, tmp_path):
    path = tmp_path / "page.html"
    shown("step", model, "1", "2", "--target", "1", "-o", str(path))
    assert "-0.306869" in path.read_text(encoding="utf-8")


def test_step_to_the_terminal():
    assert shown("step", "x*y", "x=2", "y=3", "-o", "-").startswith("<!DOCTYPE html>")


# ---- what a training wrote -----------------------------------------------------------


@pytest.fixture
def trained(tmp_path):
    """A model with scaled inputs and two named classes."""
    path = tmp_path / "trained.json"
    scaling, labels = Scaling((1.0, 2.0), (2.0, 4.0)), Labels(("cat", "dog"))
    network = MLP(2, [3, 1], seed=0)
    save(network, path, context=Context(scaling=scaling, labels=labels))
    return network, str(path)


def test_the_inputs_and_the_target_are_those_of_the_training(trained):
    network, path = trained
    result = run("flow", path, "3", "-2", "--target", "dog")
    loss = "binary_cross_entropy_with_logits"
    assert result.stdout == flow(network, [1.0, -1.0], 1, loss=loss) + "\n"
    assert result.stderr == "the inputs are scaled as they were in training\n"
    assert "x1      = 1\n" in run("explain", path, "3", "-2", "--target", "cat").stdout
    wrong = refused("flow", path, "3", "-2", "--target", "cow")
    assert "--target is one of cat, dog; got 'cow'" in wrong


# ---- what goes wrong is one line -----------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", "x*", "x=1"], "the expression ends where"),
        (["explain", "x*y", "x=1"], "y"),
        (["explain", "x", "x=1", "--wrt", "q"], "--wrt: there is no 'q'; there are: x"),
        (["explain", "__import__('os')"], ""),
        (["flow", "nowhere.json", "1", "--target", "1"], "nowhere.json"),
        (["step", "x", "x=1", "-o", "/no/such/folder/a.html"], "no folder"),
        (["flow", "--width", "20"], "--width needs 40 columns"),
        (["flow", "-o", "/no/such/folder/a.txt"], "no folder"),
        (["explain", "log(x)", "x=-1"], "log(x = -1.0) is not defined"),
    ],
)
def test_errors_say_what_to_do(arguments, words):
    assert words in refused(*arguments)


def test_a_model_needs_inputs_and_a_target(model):
    assert "--target 1" in refused("flow", model)
    assert "--target 1" in refused("explain", model, "1", "2")
    assert "did you mean --target?" in refused("flow", model, "1", "--traget", "1")
    assert "takes 2 inputs, got 1" in refused("flow", model, "1", "--target", "1")


def test_the_installed_command_prints_one_line_for_an_error(tmp_path):
    done = command("explain", "x*", "x=1")
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"chainrule: ")
    assert b"Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_ascii():
    done = command("flow", PYTHONIOENCODING="latin-1")
    assert done.stdout.decode("latin-1") == (GOLDEN / "flow.ascii").read_text()


def command(*arguments, **environment):
    code = "from viz.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        env=os.environ | environment,
        timeout=60,
    )


def test_the_library_gives_the_same(model):
    network, x, y = worked_example()
    assert explain(loss_of(network, network_inputs(x), y)).output == "L"
    assert stepper(loss_of(network, network_inputs(x), y)).html


def network_inputs(x):
    from autograd import Value

    return [Value(number, f"x{i}") for i, number in enumerate(x, 1)]


@pytest.mark.parametrize("verb", ["flow", "predict", "step"])
def test_a_file_that_is_not_there_is_named(verb, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["chainrule", verb, "none.json", "rows.csv"])
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().err
    assert told.startswith("chainrule: ")
    assert "none.json" in told
    assert "Errno" not in told


@pytest.mark.parametrize("arguments", [[], ["1", "2"], ["1", "2", "--target", "1"]])
def test_the_network_of_a_saved_model(model, tmp_path, arguments):
    file = tmp_path / "n.svg"
    assert shown("network", model, *arguments, "-o", str(file)) == f"{file}\n"
    svg = file.read_text(encoding="utf-8")
    for told in ("target 1</text>", ">loss</text>", ">δ</text>"):
        assert (told in svg) is ("--target" in arguments)


def test_a_target_without_a_row_is_refused(model):
    assert "a target needs the row of inputs" in refused(
        "network", model, "--target", "1"
    )


def texts(*arguments):
    """The texts in the picture that a line prints."""
    picture = run("network", *arguments, "-o", "-").stdout
    return [html.unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]


def test_the_network_shows_the_numbers_of_the_pass(model):
    told = record_pass(*worked_example())
    drawn = texts(model, "1", "2", "--target", "1")
    for stage in told.stages:
        for z, a in zip(stage.zs, stage.outs, strict=True):
            wanted = {short(x, 3) for x in (z.data, a.data, told.adjoints[z])}
            assert wanted <= {*drawn}
    assert short(told.loss.data, 3) in drawn
    more = texts(model, "1", "2", "--target", "1", "--digits", "6")
    assert short(told.loss.data, 6) in more
    assert texts(model, "1", "2", "--target", "1", "--show", "gradient") != drawn


def test_the_network_of_a_training_scales_its_row_and_names_its_class(trained):
    network, path = trained
    drawn = texts(path, "3", "-2", "--target", "dog")
    z, *_ = record_pass(network, [1.0, -1.0], 1, None).stages[0].zs
    assert short(z.data, 3) in drawn
    assert "dog" in " ".join(drawn)
    assert len(texts(path, "--most", "3")) == len(texts(path))
