"""The benchmarks: that each measures what its column says, and the same as the others.

How fast anything is, is not tested here.
"""

import ast
import functools
import inspect
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("numpy")
pytest.importorskip("rich")

import eager
import engines
import epochs
import names
import nist
import nn
import programs
import report
import tables as public
import workers
from engines.interface import Engine
from workloads import difference, microgpt
from workloads import eager as scalars
from workloads import programs as tables

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
FILES = sorted(
    file.stem
    for file in (BENCHMARKS / "engines").glob("*.py")
    if file.stem not in ("__init__", "interface")
)


# ---- which engine it is --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["compiled", "plain"])
def test_an_engine_of_the_other_kind_is_refused(kind, monkeypatch):
    import autograd

    monkeypatch.setattr(autograd, "__compiled__", kind == "plain")
    with pytest.raises(engines.Refused, match=f"the {kind} engine was asked for, but"):
        engines.load(f"chainrule {kind}").checked(None)


def test_an_engine_from_another_folder_is_refused(tmp_path):
    with pytest.raises(
        engines.Refused, match=f"was imported from .*not from {tmp_path}"
    ):
        engines.load("chainrule-eager").checked(str(tmp_path))


def test_a_plain_engine_with_a_compiled_module_is_refused(monkeypatch):
    import autograd

    monkeypatch.setattr(autograd, "__compiled__", False)
    monkeypatch.setattr(autograd.value, "__file__", "/elsewhere/value.so")
    with pytest.raises(engines.Refused, match="of the plain engine is "):
        engines.load("chainrule-eager").checked(None)


def answers(arguments, folder, **environment):
    """What a worker says first, and how it ends when it is asked nothing."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "worker.py"), *arguments],
        cwd=folder,
        env=inherited | environment,
        input="",
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout), done


def test_a_worker_stops_with_a_line_where_it_would_time_something_else(tmp_path):
    with workers.places() as here:
        shutil.copytree(here.plain, tmp_path / "false")
    package = tmp_path / "false" / "autograd" / "__init__.py"
    package.write_text(package.read_text("utf-8") + "\n__compiled__ = True\n", "utf-8")
    path = str(tmp_path / "false")
    first, done = answers(["eager", "chainrule plain", path], tmp_path, PYTHONPATH=path)
    assert list(first) == ["refused"]
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("chainrule plain: the plain engine was asked for, but ")


def test_a_peer_that_is_only_a_file_on_the_path_is_refused(tmp_path):
    for name in ("casadi", "numpy"):
        (tmp_path / f"{name}.py").write_text("", "utf-8")
    first, done = answers(["programs", "casadi"], tmp_path, PYTHONPATH=str(tmp_path))
    assert list(first) == ["refused"]
    assert str(tmp_path) in done.stderr


def test_a_worker_says_what_is_not_installed(tmp_path):
    (tmp_path / "micrograd.py").write_text("", "utf-8")  # no package: without .engine
    first, done = answers(["eager", "micrograd"], tmp_path, PYTHONPATH=str(tmp_path))
    assert list(first) == ["missing"]
    assert done.returncode == 1


def test_plain_is_plain_away_from_the_checkout(tmp_path):
    away = tmp_path / "away"
    shutil.copytree(BENCHMARKS, away, ignore=shutil.ignore_patterns("results"))
    code = """
import sys, workers
with workers.places() as here:
    worker = workers.Worker("eager", "chainrule plain", here)
    found = worker.identity["packages"]["chainrule"]["file"]
    assert worker.identity["kind"] == "plain", worker.identity
    assert found == str(here.plain.resolve() / "autograd" / "__init__.py"), found
    assert worker.ask("answer", "chain", 4)[0] > 1
    worker.close()
"""
    run = [sys.executable, "-c", code]
    path = os.pathsep.join(
        [str(away), str(Path(import_module("nn").__file__).parents[1])]
    )
    environment = dict(os.environ, PYTHONPATH=path, PYTHONSAFEPATH="1")
    subprocess.run(run, cwd=tmp_path, env=environment, check=True)


def test_a_worker_that_dies_is_told_with_its_error():
    with workers.places() as here:
        worker = workers.Worker("eager", "plain Value", here)
        with pytest.raises(
            workers.LeftOut, match="ended with status 1: KeyError: 'no'"
        ):
            worker.ask("measure", "no", 1)
        assert worker.ended
        worker.close()


def test_an_engine_that_dies_of_a_workload_goes_on_with_the_next(capsys):
    asked = ["call for one row", "none such", "call made ready"]
    with workers.places() as here:
        options = programs.arguments([])
        _, answers = programs.answered("numpy", asked, here, options)
    first, none, last = answers.values()
    assert none is None
    assert first
    assert first == last
    assert "numpy: left out of none such" in capsys.readouterr().out


# ---- the files -----------------------------------------------------------------------


def test_every_column_has_its_file():
    declared = {
        name: file
        for file in FILES
        for name in import_module(f"engines.{file}").ENGINES
    }
    assert declared == engines.FILES
    assert {*eager.ENGINES, *programs.ENGINES, programs.REFERENCE} == set(declared)


@pytest.mark.parametrize("name", engines.FILES)
def test_every_engine_has_the_interface(name):
    made = import_module(f"engines.{engines.FILES[name]}").ENGINES[name]
    engine = made()
    assert isinstance(engine, Engine)
    methods = [n for n, f in vars(Engine).items() if inspect.isfunction(f)]
    for method in methods:
        ours = inspect.signature(getattr(Engine, method)).parameters
        assert list(inspect.signature(getattr(made, method)).parameters) == list(ours)
    public = {n for n in dir(made) if not n.startswith("_")} - set(dir(Engine))
    assert public <= {"kind", "backend", "compiled"}, "not in the interface"


def test_functions_are_short():
    for file in BENCHMARKS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{file}: {node.name}"


# ---- the same numbers ----------------------------------------------------------------


@pytest.fixture(scope="module")
def worker():
    """What gives an engine's worker; it is started once, and skips where it is not."""
    with workers.places() as here:
        started = {}

        def of(benchmark, engine):
            if (benchmark, engine) not in started:
                try:
                    made = workers.Worker(benchmark, engine, here)
                except workers.LeftOut as reason:
                    pytest.skip(f"{engine}: {reason}")
                started[benchmark, engine] = made
            return started[benchmark, engine]

        yield of
        for each in started.values():
            each.close()


OURS = scalars.Session(engines.load("chainrule-eager"))


@pytest.mark.parametrize(
    ("workload", "engine"),
    [
        (name, engine)
        for name, _, _, who in eager.rows()
        for engine in who
        if not engine.startswith("chainrule")
    ],
)
def test_scalars_agree_on_every_workload(workload, engine, worker):
    n = 4 if workload == "network" else 6
    n = 1 if workload == "transformer" else n
    expected = OURS.answer(workload, n)
    assert expected
    assert not difference(worker("eager", engine).ask("answer", workload, n), expected)


@pytest.mark.parametrize("name", scalars.WORKLOADS)
def test_every_scalar_workload_is_measured(name):
    phases = OURS.measure(name, 2)
    assert phases
    assert all(seconds >= 0 for seconds in phases)


def test_every_scalar_workload_is_in_the_tables():
    shown = {name for name, *_ in [*eager.rows(), *eager.WAYS]}
    assert shown == set(scalars.WORKLOADS)
    assert set(eager.RUNS) <= set(scalars.OPERATIONS)


SMALL = {
    workload.tiny(): name
    for name, workload in tables.WORKLOADS.items()
    if "N=10" not in name or "Black" in name
}.values()
"""Without the rows that are another one's with another count of rows, or of tokens."""


@functools.cache
def expected(name):
    """What our engine that goes node by node comes to."""
    return tables.Session(OURS.engine).answer(name)


@pytest.mark.parametrize(
    "engine", [e for e in programs.ENGINES if e != "torch-compile"]
)
def test_programs_agree_on_every_workload(engine, worker):
    theirs = worker("programs", engine)
    if not theirs.identity["comparable"]:
        pytest.skip("it has a loss of its own")
    for name in SMALL:
        answer = theirs.ask("answer", name)
        if answer is not None:
            assert not difference(answer, expected(name)), name


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([1.0, 2.0], ""),
        ([1.0, 2.0 + 1e-7], "2.0000001 instead of 2.0, as number 2 of 2"),
        ([1.0], "1 numbers instead of 2"),
        ([1.0, float("nan")], "nan instead of 2.0, as number 2 of 2"),
    ],
)
def test_what_differs_is_told(found, told):
    assert difference(found, [1.0, 2.0]) == told


def test_an_engine_that_computes_something_else_ends_the_run():
    with pytest.raises(
        SystemExit, match=r"chain: mygrad computed 2\.0 instead of 1\.0"
    ):
        eager.compare("chain", {"chainrule compiled": [1.0], "mygrad": [2.0]})
    with pytest.raises(SystemExit, match=r"moons: jax computed 2\.0 instead of 1\.0"):
        programs.check("jax", {"moons": [2.0], "none": None}, {"moons": [1.0]})


def test_two_ways_that_differ_are_not_measured_as_one():
    ways = scalars.Alternatives(lambda: [1.0], lambda: [2.0])
    with pytest.raises(AssertionError, match=r"2\.0 instead of 1\.0"):
        ways.answer()


def test_targets_are_read_from_the_run():
    ways = {
        "recompute": {
            "ways": ("recording", "recompute()"),
            "median": {eager.OURS: {1: [10.0, 3.0]}},
        }
    }
    rows = {"sin(x)": {"median": {eager.OURS: 130.0}}}
    results = {"workloads": rows, "ways": ways, "scaling": {}}
    told = [
        "| sin(x) | 120 ns | 130.00 ns | no |",
        "| recompute(), against recording | 0.4 times | 0.30 times | yes |",
    ]
    assert list(report.lines(eager.targets(results)))[2:] == told
    rows["sin(x)"]["median"][eager.BEFORE] = 125.0
    ways["recompute"]["median"][eager.BEFORE] = {1: [8.0, 3.0]}
    results["scaling"] = {eager.OURS: {10: [1.0, 2.0]}, eager.BEFORE: {10: [2.0, 2.0]}}
    assert list(report.lines(eager.targets(results)))[4:] == [
        "| sin(x), against before | 1.05 times | 1.04 times | yes |",
        "| recording, recompute 1, against before | 1.05 times | 1.25 times | no |",
        "| recompute(), recompute 1, against before | 1.05 times | 1.00 times | yes |",
        "| chain of 10 nodes, against before | 1.05 times | 0.75 times | yes |",
    ]


def test_a_gpt_learns_by_hand_what_it_learns_in_scalars(worker):
    losses = worker("microgpt", "numpy").ask("setup")["losses"]
    ours = microgpt.Session(OURS.engine).setup()["losses"]
    assert not difference(losses, ours)
    assert len(set(losses)) == 3


# ---- tables --------------------------------------------------------------------------


def test_the_list_of_tables_names_each_once_with_its_target():
    names = [name for name, target in public.drawn() if target]
    assert len(names) == len(set(names)) == 300
    assert all(name.endswith(".csv") for name in names)


def test_what_becomes_of_a_table_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "1.5,a\n2.5,b\n" * 10)
    assert public.tried(path, "y", 1) == "trained"
    assert public.tried(path, "z", 1).startswith("told: ")


# ---- NIST's regressions --------------------------------------------------------------


@pytest.mark.parametrize("name", nist.MODELS)
def test_a_model_has_the_certified_residuals(name):
    """At the certified parameters: so both the data and the model are NIST's."""
    problem = nist.Problem(name)
    errors = problem.residuals(problem.certified)
    squares = sum(error * error for error in errors)
    if name == "Lanczos1":  # 1.4e-25, of 11 digits of the parameters
        assert squares < 1e-20
    else:
        assert squares == pytest.approx(problem.squares, rel=1e-6)


def test_fits_have_the_certified_digits(tmp_path, capsys):
    pytest.importorskip("scipy")
    with pytest.raises(SystemExit) as ended:
        nist.main(["--only", "Misra1", "--out", str(tmp_path)])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert "| `jacobian` | 8 of 8 | 8 of 8 |" in shown
    assert "| compiled | 8 of 8 | 8 of 8 |" in shown
    results = json.loads((tmp_path / "nist.json").read_text())
    assert set(results) == {"Misra1a", "Misra1b", "Misra1c", "Misra1d"}


@pytest.mark.slow
def test_the_table_of_the_readme_is_what_comes_out(tmp_path, capsys):
    pytest.importorskip("scipy")
    with pytest.raises(SystemExit):
        nist.main(["--out", str(tmp_path)])
    readme = (BENCHMARKS.parent / "README.md").read_text(encoding="utf-8")
    rows = [line for line in capsys.readouterr().out.splitlines() if " of 54" in line]
    assert len(rows) == 4
    for row in rows:
        _, _, parameters, deviations, *_ = row.split("|")
        assert f"|{parameters}|{deviations}|" in readme


def test_names_are_as_long_as_names_are():
    made = names.names(1000)
    assert made == names.names(1000)
    lengths = [len(name) for name in made]
    assert 6.0 < sum(lengths) / 1000 < 6.3
    assert 2 <= min(lengths) <= max(lengths) <= 15
    assert all(name.isalpha() for name in made)


def test_a_limit_stands_beside_what_names_took():
    found = {names.WITH: [2.0, 4.0, 2.5], names.PASS: [3.0]}
    one, two = report.lines(names.targets(found)), len(found)
    assert [line.rpartition(" yes ")[1] for line in one][2 : 2 + two] == [" yes ", ""]


def test_epochs_by_hand_are_those_of_fit():
    data = nn.data.moons(rows=20, seed=0)
    losses = [epochs.by_hand(data, count) for count in (1, 2, 9)]
    assert epochs.fitted(data, 9)["loss"][:2] == pytest.approx(losses[:2], rel=1e-12)
    assert epochs.fitted(data, 9)["loss"][-1] == pytest.approx(losses[-1], rel=1e-12)
