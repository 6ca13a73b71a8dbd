"""Compiled programs beside the peers, on one core in one run.

    python benchmarks/run.py programs [--rounds 3] [--only moons] [--out DIR]
        [--python jax=/path/to/python ...]

A step is the loss, its gradient and the update of the parameters (for the option
prices: the price and its five derivatives; for the training: ten epochs of shuffled
batches of 16, with Adam), in double precision. Each engine lives in a process of its
own on the same core, and rounds go round the engines in turn; a figure is the median
over rounds. The first call, with everything that is built and compiled
for it, is timed apart. An engine that is not installed is left out and said so;
`--python` runs one with another interpreter. The losses and gradients that the engines
report after setting up have to agree, or the run ends with an error. At the end
stand the figures that ours has to reach, each with what this run reached.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "chainrule-llvm"
ENGINES = [
    OURS,
    "chainrule-numpy",
    "numpy",
    "jax",
    "torch",
    "torch-compile",
    "scikit-learn",
    "casadi",
    "micrograd",
]
MISSING = []  # engines already said not to be installed
OTHER_LOSS = {"scikit-learn", "micrograd"}  # another loss, other first weights


def network(name, sizes, activation, n, loss="hinge"):
    """A training step on n rows."""
    return {
        "name": f"{name} {activation} N={n:,}",
        "kind": "network",
        "sizes": sizes,
        "activation": activation,
        "n": n,
        "loss": loss,
    }


WORKLOADS = [
    *[
        network("moons 2-16-16-1", [2, 16, 16, 1], activation, n)
        for activation in ("relu", "tanh", "sigmoid")
        for n in (1, 100, 10_000)
    ],
    network("2-64-64-1", [2, 64, 64, 1], "relu", 100),
    network("digits 64-32-10", [64, 32, 10], "relu", 100, "cross-entropy"),
    {**network("training 2-16-16-1", [2, 16, 16, 1], "tanh", 400), "kind": "training"},
    {"name": "graph of 10,000, one row", "kind": "graph", "size": 10_000, "n": 1},
    {"name": "Black-Scholes N=1,000,000", "kind": "options", "n": 1_000_000},
]


MOONS, LARGER = "moons 2-16-16-1 {} N=100", "2-64-64-1 relu N=100"
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
]
SECONDS = [  # workload, how many steps after setting up, seconds at most
    (MOONS.format("relu"), 1, 0.6),
    (LARGER, 1, 3),
    (GRAPH, 10_000, 4),
]


class Worker:
    """An engine in its own process, asked over a pipe."""

    def __init__(self, engine, python):
        environment = dict(os.environ, PYTHONHASHSEED="0", OMP_NUM_THREADS="1")
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        self.process = subprocess.Popen(
            [python, str(HERE / "programs_worker.py"), engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.ready = bool(self.process.stdout.readline())

    def ask(self, command, argument):
        """The worker's answer; None where it has none, or ended."""
        try:
            self.process.stdin.write(json.dumps([command, argument]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else None

    def close(self):
        """End the process that this one started."""
        self.process.stdin.close()
        self.process.wait()


def main(argv):
    """Measure, print, and write the results."""
    options = arguments(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    results = {"peak_gflops": peak(), "workloads": {}}
    for workload in WORKLOADS:
        if options.only in workload["name"]:
            results["workloads"][workload["name"]] = measure(workload, options)
            show_row(workload["name"], results["workloads"][workload["name"]])
    show(results)
    write(results, options.out)


def arguments(argv):
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="run.py programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement")
    parser.add_argument("--only", default="", help="workloads whose names hold this")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--python", action="append", default=[], metavar="ENGINE=PATH")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    options.python = dict(entry.split("=", 1) for entry in options.python)
    return options


def peak():
    """GFLOP/s of a large matrix product by NumPy's BLAS on this core."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    a = np.random.default_rng(0).normal(size=(768, 768))
    taken = []
    for _ in range(40):
        begin = time.perf_counter()
        a @ a
        taken.append(time.perf_counter() - begin)
    return 2 * 768**3 / min(taken) / 1e9


def measure(workload, options):
    """Set up every engine, then time them in turn."""
    workers, row = {}, {}
    for engine in options.engines.split(","):
        python = options.python.get(engine.split("-")[0], sys.executable)
        worker = Worker(engine, python)
        made = worker.ask("setup", workload) if worker.ready else None
        if made is None:
            worker.close()
            if not worker.ready and engine not in MISSING:
                MISSING.append(engine)
                print(f"{engine} is not installed for {python} and is left out")
            continue
        workers[engine] = worker
        row[engine] = {"setup_s": made["seconds"], "value": made["value"], "steps": []}
    for _ in range(options.rounds):
        for engine, worker in workers.items():
            row[engine]["steps"].append(worker.ask("run", options.seconds))
    for engine, worker in workers.items():
        row[engine]["us"] = statistics.median(row[engine]["steps"]) * 1e6
        worker.close()
    check(row)
    add_rates(workload, row)
    return row


def check(row):
    """All engines have to have computed the same thing."""
    values = {e: r["value"] for e, r in row.items() if e not in OTHER_LOSS}
    reference = next(iter(values.values()))
    for engine, value in values.items():
        if not math.isclose(value, reference, rel_tol=1e-8):
            raise SystemExit(f"{engine} computed {value!r}, others {reference!r}")


def add_rates(workload, row):
    """GFLOP/s of a network: 2 per weight and row forward, twice that backward."""
    if workload["kind"] != "network":
        return
    pairs = zip(workload["sizes"][:-1], workload["sizes"][1:], strict=True)
    products = [a * b for a, b in pairs]
    flops = (6 * sum(products) - 2 * products[0]) * workload["n"]
    for figures in row.values():
        figures["gflops"] = flops / figures["us"] / 1e3


def show_row(name, row):
    """One line while the benchmark is running."""
    parts = [f"{engine} {figures['us']:,.1f}" for engine, figures in row.items()]
    print(f"{name}, microseconds: {', '.join(parts)}", flush=True)


def show(results):
    """The tables: steps with ratios to ours, and what setting up took."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160)
    engines = [e for e in ENGINES if any(e in r for r in results["workloads"].values())]
    steps = Table(title="microseconds per step; in parentheses: times ours")
    first = Table(title="seconds until the first result: record, compile, run")
    for table in (steps, first):
        for column in ("workload", *engines):
            table.add_column(
                column, justify="left" if column == "workload" else "right"
            )
    for name, row in results["workloads"].items():
        base = row.get(OURS, {}).get("us")
        steps.add_row(name, *[step_cell(row.get(e), base) for e in engines])
        first.add_row(
            name, *[f"{row[e]['setup_s']:.3f}" if e in row else "" for e in engines]
        )
    console.print(steps)
    console.print(first)
    show_rates(console, results)
    for line in targets(results):
        print(line)


def targets(results):
    """Each of the figures to reach and what this run reached, as a Markdown table."""
    rows = results["workloads"]
    yield "| measure | to reach | reached | |"
    yield "| --- | --- | --- | --- |"
    for name, peer, least in TIMES:
        if OURS in rows.get(name, {}) and peer in rows[name]:
            ratio = rows[name][peer]["us"] / rows[name][OURS]["us"]
            yield target(f"{name}, against {peer}", f"{least:,} times", ratio, least)
    for name, steps, most in SECONDS:
        if OURS in rows.get(name, {}):
            figures = rows[name][OURS]
            taken = figures["setup_s"] + (steps - 1) * figures["us"] / 1e6
            what = "recorded and compiled, first step"
            what = f"{steps:,} steps, all included" if steps > 1 else what
            yield target(f"{name}, {what}", f"{most} s", taken, most, at_most=True)


def target(measure, wanted, reached, limit, at_most=False):
    """One line of that table."""
    good = reached <= limit if at_most else reached >= limit
    shown = f"{reached:.2f} s" if at_most else f"{reached:,.1f} times"
    return f"| {measure} | {wanted} | {shown} | {'yes' if good else 'no'} |"


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


def write(results, folder):
    """The same figures as JSON and as a bar plot of ratios."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "programs.json").write_text(json.dumps(results, indent=1) + "\n")
    names = list(results["workloads"])
    figure = Figure(figsize=(10, 1.2 + 0.62 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for i, engine in enumerate(ENGINES):
        places, ratios = [], []
        for y, name in enumerate(names):
            row = results["workloads"][name]
            if engine in row and OURS in row:
                places.append(y + 0.09 * i - 0.36)
                ratios.append(row[engine]["us"] / row[OURS]["us"])
        if places:
            axes.barh(places, ratios, 0.09, label=engine)
    axes.set_xscale("log")
    axes.set_xlabel("time per step, times chainrule-llvm (log scale)")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.legend(fontsize=8)
    figure.savefig(folder / "programs.svg", metadata={"Date": None})
    print(f"written: {folder / 'programs.json'}, {folder / 'programs.svg'}")
