"""A GPT of microgpt's size in scalars, beside the peers, on one core in one run.

    python benchmarks/run.py microgpt [--rounds 3] [--seconds 2] [--out DIR]
        [--engines chainrule-llvm,numpy] [--python jax=/path/to/python ...]

One layer, 16 dimensions, 4 heads, 4 192 weights; a step is a word of 3 to 12 letters,
forward and back, and Adam, in double precision. `plain Value` and `chainrule-eager` run
the program as it is, in scalars; `chainrule-llvm` the same compiled, its words padded;
NumPy by hand and torch have each word at its length, and JAX is padded as well. The
losses of the first steps have to agree. Starting takes all from importing the engine to
the end of the first step. All of it is CPU time, which other processes disturb less.
"""

import argparse
import statistics
import sys
from pathlib import Path

import report
from worker import one_core
from workers import LeftOut, Worker, line_of, places
from workloads import difference

HERE = Path(__file__).resolve().parent
OURS = "chainrule-llvm"
ENGINES = [OURS, "chainrule-eager", "plain Value", "numpy", "torch", "jax"]
STEPS = 1000


def main(argv):
    """Measure, print, and write the results."""
    options = arguments(argv)
    one_core()
    with places() as here:
        results = measured(here, options)
    show(results)
    report.write(results, plotted(results), options.out, "microgpt")


def arguments(argv):
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="run.py microgpt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="per measurement")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--python", action="append", default=[], metavar="ENGINE=PATH")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    options.python = dict(entry.split("=", 1) for entry in options.python)
    options.engines = options.engines.split(",")
    return options


def measured(here, options):
    """Set up every engine, then let them train in turn."""
    workers, results = {}, {}
    for engine in options.engines:
        python = options.python.get(engine.split("-")[0], sys.executable)
        try:
            worker = Worker("microgpt", engine, here, python)
            results[engine] = worker.ask("setup")
        except LeftOut as reason:
            print(f"{engine}: left out, {reason}")
            continue
        print(f"{engine}: {line_of(worker.identity)}", flush=True)
        workers[engine] = worker
        check(engine, results)
    for _ in range(options.rounds):
        for engine, worker in workers.items():
            taken = worker.ask("run", options.seconds)
            results[engine].setdefault("steps", []).append(taken)
    for engine, worker in workers.items():
        results[engine]["s"] = statistics.median(results[engine].pop("steps"))
        worker.close()
    return results


def check(engine, results):
    """The losses have to be those of the first engine, or the run ends."""
    first = next(iter(results.values()))["losses"]
    if wrong := difference(results[engine]["losses"], first):
        raise SystemExit(f"{engine} computed {wrong}")


def show(results):
    """A line for each engine."""
    title = f"one word per step; {STEPS:,} steps with all that starting takes"
    columns = ("starting, s", "steps per second", f"{STEPS:,} steps, s", "MB at most")
    table = report.table(title, "engine", *columns)
    for engine, found in results.items():
        whole = found["seconds"] + (STEPS - 1) * found["s"]
        memory = f"{found['peak_mb']:,.0f}" if found["peak_mb"] else ""
        start, rate = f"{found['seconds']:.2f}", f"{1 / found['s']:,.0f}"
        table.add_row(engine, start, rate, f"{whole:,.2f}", memory)
    report.console(120).print(table)
    for line in report.lines(targets(results)):
        print(line)


def targets(results):
    """The figures to reach, and what this run reached."""
    found = results.get(OURS)
    if found is None:
        return []
    whole = found["seconds"] + (STEPS - 1) * found["s"]
    return [report.Target(f"{STEPS:,} steps, compile included", 3, whole, "s")]


def plotted(results):
    """A bar for each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(list(results), [1 / found["s"] for found in results.values()])
    axes.set_xscale("log")
    axes.set_xlabel("steps per second (log scale)")
    axes.invert_yaxis()
    return figure
