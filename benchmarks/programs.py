"""Compiled programs beside the peers, on one core in one run.

    python benchmarks/run.py programs [--quick] [--rounds 3] [--only moons] [--out DIR]
        [--python jax=/path/to/python ...]

A step is the loss, its gradient and the update of the parameters (for the option
prices: the price and its five derivatives; for the training: ten epochs of shuffled
batches of 16, with Adam), in double precision. Each engine lives in a process of its
own on the same core, and rounds go round the engines in turn; a figure is the median
over rounds, of CPU time, which other processes disturb less. The first call, with
everything that is recorded and compiled for it, is timed apart (but for the drawing of
a network's weights). An engine that is not
installed, or not what its column says, is left out and said so; `--python` runs one
with another interpreter. Before anything is timed, every engine does each workload with
a few rows, in a process of its own, and has to come to the numbers of our engine that
goes node by node; what the engines report after setting up has to agree as well, or the
run ends with an error. At the end stand the figures that ours has to reach, each with
what this run reached.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import report
from worker import one_core
from workers import ONE_THREAD, LeftOut, Worker, line_of, places
from workloads import difference
from workloads.programs import WORKLOADS

HERE = Path(__file__).resolve().parent
OURS, REFERENCE = "chainrule-llvm", "chainrule-eager"
ENGINES = [
    OURS,
    "chainrule-numpy",
    "numpy",
    "c",
    "jax",
    "torch",
    "torch-compile",
    "scikit-learn",
    "casadi",
    "micrograd",
]

MOONS, LARGER = "moons 2-16-16-1 {} N=100", "2-64-64-1 relu N=100"
SIMULATION = "simulation of 200 steps"
DOCUMENT, LAYERS = "transformer, a document of {}, by {}", "784-{} relu N=64"
GRAPH, OPTIONS = "graph of 10,000, one row", "Black-Scholes N=1,000,000"
TIMES = [  # workload, against whom, how many times faster ours is at least
    (MOONS.format("relu"), "numpy", 4),
    (MOONS.format("relu"), "jax", 4),
    (MOONS.format("relu"), "torch", 25),
    (MOONS.format("relu"), "micrograd", 50_000),
    (MOONS.format("tanh"), "numpy", 4),
    (MOONS.format("sigmoid"), "numpy", 4),
    (LARGER, "torch", 2.5),
    (LARGER, "numpy", 1),
    (OPTIONS, "numpy", 3),
    *[
        (LAYERS.format(wide), "numpy", 0.9)
        for wide in ("50-10", "50-10 by sums", "128-10")
    ],
    *[(DOCUMENT.format(8, by), "numpy", 4) for by in ("dots", "sums")],
    *[(DOCUMENT.format(16, by), "numpy", 3) for by in ("dots", "sums")],
    *[(DOCUMENT.format(tokens, "dots"), "c", 0.4) for tokens in (8, 16)],
]
SECONDS = [  # workload, how many steps after setting up, seconds at most
    (MOONS.format("relu"), 1, 0.6),
    (LARGER, 1, 3),
    (GRAPH, 10_000, 4),
    (SIMULATION, 1, 0.6),
    (LAYERS.format("50-10"), 1, 0.6),
    (LAYERS.format("128-10"), 1, 0.6),
    *[(DOCUMENT.format(16, by), 1, 1) for by in ("dots", "sums")],
]


def main(argv):
    """Measure, print, and write the results."""
    options = arguments(argv)
    one_core()
    names = [name for name in WORKLOADS if options.only in name]
    with places() as here:
        found = identities(names, here, options)
        results = {"engines": found, "peak_gflops": peak(), "workloads": {}}
        for name in names:
            results["workloads"][name] = measure(name, found, here, options)
            show_row(name, results["workloads"][name])
    show(results)
    report.write(results, plotted(results), options.out, "programs")


def arguments(argv):
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="run.py programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement")
    parser.add_argument("--only", default="", help="workloads whose names hold this")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--python", action="append", default=[], metavar="ENGINE=PATH")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds, options.seconds = 1, 0.05
    options.python = dict(entry.split("=", 1) for entry in options.python)
    options.engines = options.engines.split(",")
    return options


def start(engine, here, options):
    """A worker, by the interpreter that its peer is installed for."""
    python = options.python.get(engine.split("-")[0], sys.executable)
    return Worker("programs", engine, here, python)


def identities(names, here, options):
    """The engines that are here and right, each with what it is."""
    _, reference = answered(REFERENCE, names, here, options)
    found = {}
    for engine in options.engines:
        try:
            found[engine], answers = answered(engine, names, here, options)
        except LeftOut as reason:
            print(f"{engine}: left out, {reason}")
            continue
        if found[engine]["comparable"]:
            check(engine, answers, reference)
    return found


def answered(engine, names, here, options):
    """What an engine is, and the numbers that it comes to on a few rows."""
    worker = start(engine, here, options)
    print(f"{engine}: {line_of(worker.identity)}", flush=True)
    answers = {}
    for name in names:
        worker = start(engine, here, options) if worker.ended else worker
        answers[name] = asked(worker, "answer", name)
    worker.close()
    return worker.identity, answers


def asked(worker, method, name):
    """What a worker answers; None, and a line, where it died of the question."""
    try:
        return worker.ask(method, name)
    except LeftOut as reason:
        print(f"{worker.engine}: left out of {name}, {reason}")
        return None


def peak():
    """GFLOP/s of a large matrix product by NumPy's BLAS on this core."""
    os.environ.update(ONE_THREAD)
    import numpy as np

    a = np.random.default_rng(0).normal(size=(768, 768))
    taken = []
    for _ in range(40):
        begin = time.perf_counter()
        a @ a
        taken.append(time.perf_counter() - begin)
    return 2 * 768**3 / min(taken) / 1e9


def measure(name, found, here, options):
    """Set up every engine, then time them in turn."""
    workers, row = {}, {}
    for engine in found:
        worker = start(engine, here, options)
        made = asked(worker, "setup", name)
        if made is None:
            worker.close()
            continue
        workers[engine] = worker
        row[engine] = {
            "setup_s": made["seconds"],
            "peak_mb": made["peak_mb"],
            "value": made["value"],
            "steps": [],
        }
    for _ in range(options.rounds):
        for engine, worker in workers.items():
            row[engine]["steps"].append(worker.ask("run", options.seconds))
    for engine, worker in workers.items():
        row[engine]["us"] = statistics.median(row[engine]["steps"]) * 1e6
        worker.close()
    values = {e: {name: [row[e]["value"]]} for e in row if found[e]["comparable"]}
    for engine, value in values.items():
        check(engine, value, next(iter(values.values())))
    add_rates(WORKLOADS[name].flops(), row)
    return row


def check(engine, answers, reference):
    """The numbers have to be those of the reference, or the run ends."""
    for name, numbers in answers.items():
        if wrong := numbers and difference(numbers, reference[name]):
            raise SystemExit(f"{name}: {engine} computed {wrong}")


def add_rates(flops, row):
    """GFLOP/s, where the operations of a step are counted."""
    for figures in row.values() if flops else ():
        figures["gflops"] = flops / figures["us"] / 1e3


def show_row(name, row):
    """One line while the benchmark is running."""
    parts = [f"{engine} {figures['us']:,.1f}" for engine, figures in row.items()]
    print(f"{name}, microseconds: {', '.join(parts)}", flush=True)


def show(results):
    """The tables: steps with ratios to ours, and what setting up took."""
    console, rows = report.console(160), results["workloads"]
    engines = [e for e in ENGINES if any(e in row for row in rows.values())]
    title = "microseconds per step; in parentheses: times ours"
    steps = report.table(title, "workload", *engines)
    title = "CPU seconds until the first result: record, compile, run"
    first = report.table(title, "workload", *engines)
    memory = report.table("megabytes at most until then", "workload", *engines)
    for name, row in rows.items():
        base = row.get(OURS, {}).get("us")
        steps.add_row(name, *[step_cell(row.get(e), base) for e in engines])
        first.add_row(
            name, *[f"{row[e]['setup_s']:.3f}" if e in row else "" for e in engines]
        )
        memory.add_row(name, *[memory_cell(row.get(e)) for e in engines])
    console.print(steps)
    console.print(first)
    console.print(memory)
    show_rates(console, results)
    for line in report.lines(targets(rows)):
        print(line)


def targets(rows):
    """Each of the figures to reach and what this run reached."""
    found = []
    for name, peer, least in TIMES:
        if OURS in rows.get(name, {}) and peer in rows[name]:
            ratio = rows[name][peer]["us"] / rows[name][OURS]["us"]
            measure = f"{name}, against {peer}"
            found.append(report.Target(measure, least, ratio, "times", at_most=False))
    for name, steps, most in SECONDS:
        if OURS in rows.get(name, {}):
            figures = rows[name][OURS]
            taken = figures["setup_s"] + (steps - 1) * figures["us"] / 1e6
            what = "recorded and compiled, first step"
            what = f"{steps:,} steps, all included" if steps > 1 else what
            found.append(report.Target(f"{name}, {what}", most, taken, "s"))
    return found


def memory_cell(figures):
    """The memory that setting up took, where the system says it."""
    known = figures and figures["peak_mb"]
    return f"{known:,.0f}" if known else ""


def step_cell(figures, base):
    """A time, and how many times ours it is."""
    if figures is None:
        return ""
    return f"{figures['us']:,.1f}" + (f" ({figures['us'] / base:,.1f})" if base else "")


def show_rates(console, results):
    """What single numbers the tables do not say."""
    top = results["peak_gflops"]
    console.print(f"one core, matrix product by BLAS: {top:.1f} GFLOP/s")
    for name, row in results["workloads"].items():
        if OURS in row and "gflops" in row[OURS]:
            rate = row[OURS]["gflops"]
            console.print(
                f"{name}: {rate:.1f} GFLOP/s, {100 * rate / top:.0f}% of that"
            )
    for name, row in results["workloads"].items():
        if name.startswith("graph"):
            for engine, figures in row.items():
                total = figures["setup_s"] + 10_000 * figures["us"] / 1e6
                console.print(
                    f"{name}, 10,000 runs, all included: {engine} {total:,.2f} s"
                )


def plotted(results):
    """A bar plot of ratios."""
    from matplotlib.figure import Figure

    names = list(results["workloads"])
    figure = Figure(figsize=(10, 1.2 + 0.62 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for i, engine in enumerate(ENGINES):
        bars = {}
        for y, row in enumerate(results["workloads"].values()):
            if engine in row and OURS in row:
                bars[y + 0.09 * i - 0.36] = row[engine]["us"] / row[OURS]["us"]
        if bars:
            axes.barh(list(bars), list(bars.values()), 0.09, label=engine)
    axes.set_xscale("log")
    axes.set_xlabel("time per step, times chainrule-llvm (log scale)")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.legend(fontsize=8)
    return figure
