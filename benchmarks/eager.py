"""Recording and differentiating, ours beside the peers, on one core in one run.

    python benchmarks/run.py eager [--rounds 5] [--quick] [--out DIR]

Each engine lives in a process of its own on the same core; rounds go round the engines
in turn, so that a machine that drifts drifts for all. Figures are medians of rounds.
An engine that is not installed is left out and said so. Ours runs twice: as installed
(compiled, where a C compiler was there) and plain, from the sources beside this file.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS, PLAIN = "chainrule compiled", "chainrule plain"
ENGINES = {
    OURS: "chainrule",
    PLAIN: "chainrule",
    "micrograd": "micrograd",
    "torch scalars": "torch",
    "mygrad": "mygrad",
    "plain Value": "plain-value",
}

# workload, its size, the unit of the figure, and who runs it
ALL = list(ENGINES)
SCALARS = [OURS, PLAIN, "micrograd", "plain Value"]
METHODS = [*SCALARS, "torch scalars"]  # those with a method relu
EXACT = [OURS, PLAIN, "plain Value"]
OWN = [OURS, PLAIN]
WORKLOADS = [
    ("chain", 10_000, "ns/node", ALL),
    ("wide", 10_000, "ns/node", ALL),
    ("random_graph", 10_000, "ns/op", METHODS),
    ("network", 16, "ms", SCALARS),
    ("moons", 100, "ms", [OURS, PLAIN, "micrograd"]),
    ("transformer", 1, "ms", EXACT),
    ("memory", 1_000_000, "bytes/node", SCALARS),
]
SCALING = [10**k for k in range(3, 8)]


class Worker:
    """An engine in its own process, asked over a pipe."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        environment = dict(os.environ, PYTHONHASHSEED="0")
        if name == PLAIN:
            environment["PYTHONPATH"] = str(HERE.parent)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "eager_worker.py"), ENGINES[name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )
        first = self.process.stdout.readline()
        self.ready = bool(first)
        self.compiled = json.loads(first)["compiled"] if first else None

    def ask(self, workload, n):
        """The worker's figures for one workload of size n."""
        self.process.stdin.write(json.dumps([workload, n]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(self.process.stderr.read()[-2000:])
        return json.loads(answer)

    def close(self):
        """End the process that this one started."""
        self.process.stdin.close()
        self.process.wait()


def main(argv):
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="run.py eager")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="smaller scaling run")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        workers = start(folder)
        results = {
            "workloads": run_workloads(workers, options.rounds),
            "scaling": run_scaling(workers, options.rounds, options.quick),
            "import": run_imports(options.rounds, folder),
        }
        for worker in workers.values():
            worker.close()
    show(results)
    write(results, options.out)


def start(folder):
    """The engines that are here; a line for each that is not."""
    workers = {}
    for name in ENGINES:
        worker = Worker(name, folder)
        if not worker.ready:
            print(f"{name}: not installed, left out")
        elif name == OURS and not worker.compiled:
            print(f"{name}: the installed engine is plain, left out")
            worker.close()
        else:
            workers[name] = worker
    return workers


def run_workloads(workers, rounds):
    """Medians per workload and engine, in the workload's unit."""
    table = {}
    for name, n, unit, engines in WORKLOADS:
        taken = {engine: [] for engine in engines if engine in workers}
        for _ in range(rounds):
            for engine, figures in taken.items():
                figures.append(sum(ask(workers[engine], name, n)))
        scale = {"ms": 1e3, "bytes/node": 1}.get(unit, 1e9 / n)
        table[name] = {
            "unit": unit,
            "n": n,
            "median": {e: statistics.median(f) * scale for e, f in taken.items()},
        }
    return table


def ask(worker, workload, n):
    """The worker's figures; memory is asked of a process that held nothing before."""
    if workload != "memory":
        return worker.ask(workload, n)
    fresh = Worker(worker.name, worker.folder)
    figures = fresh.ask(workload, n)
    fresh.close()
    return figures


def run_scaling(workers, rounds, quick):
    """Nanoseconds per node of the chain at growing length."""
    sizes = SCALING[:-1] if quick else SCALING
    engines = [engine for engine in OWN if engine in workers]
    table = {engine: {} for engine in engines}
    for engine in engines:
        for n in sizes if engine == OURS else sizes[:4]:
            # The first round is not counted: there a virtual machine gets its memory.
            _, *runs = [workers[engine].ask("chain", n) for _ in range(rounds + 1)]
            table[engine][n] = [
                statistics.median(phase) / n * 1e9 for phase in zip(*runs, strict=True)
            ]
    return table


def run_imports(rounds, folder):
    """Milliseconds that an import adds to a bare interpreter."""
    modules = {"nothing": "pass", "autograd": "import autograd"}
    taken = {name: [] for name in modules}
    for _ in range(2 * rounds):
        for name, code in modules.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
            taken[name].append((time.perf_counter() - begin) * 1e3)
    bare = statistics.median(taken["nothing"])
    return {"autograd": statistics.median(taken["autograd"]) - bare}


def show(results):
    """The table of medians, each peer with its ratio to ours."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title="median; in parentheses: times the compiled engine")
    for column in ("workload", "unit", *ENGINES):
        table.add_column(column, justify="left" if column == "workload" else "right")
    for name, row in results["workloads"].items():
        base = row["median"].get(OURS)
        cells = [cell(row["median"].get(engine), base) for engine in ENGINES]
        table.add_row(f"{name} {row['n']:,}", row["unit"], *cells)
    console.print(table)
    scaling = Table(title="chain, nanoseconds per node: record + backward + free")
    for column in ("nodes", *results["scaling"]):
        scaling.add_column(column, justify="right")
    for n in SCALING:
        phases = [sizes.get(n) for sizes in results["scaling"].values()]
        scaling.add_row(
            f"{n:,}",
            *[
                f"{sum(p):.0f} = {' + '.join(f'{x:.0f}' for x in p)}" if p else ""
                for p in phases
            ],
        )
    console.print(scaling)
    console.print(f"import autograd: {results['import']['autograd']:.1f} ms")


def cell(value, base):
    """A figure, and how many times ours it is."""
    if value is None:
        return ""
    ratio = f" ({value / base:.1f})" if base else ""
    return f"{value:,.1f}{ratio}"


def write(results, folder):
    """The same figures as JSON and as a bar plot of ratios."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eager.json").write_text(json.dumps(results, indent=1) + "\n")
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    names = [name for name in results["workloads"] if name != "memory"]
    for i, engine in enumerate(ENGINES):
        medians = [results["workloads"][name]["median"] for name in names]
        ratios = [
            m[engine] / m[OURS] if {engine, OURS} <= set(m) else 0 for m in medians
        ]
        axes.bar([x + 0.16 * i for x in range(len(names))], ratios, 0.16, label=engine)
    axes.set_yscale("log")
    axes.set_ylabel("time, times the compiled engine")
    axes.set_xticks([x + 0.32 for x in range(len(names))], names)
    axes.legend()
    figure.savefig(folder / "eager.svg", metadata={"Date": None})
    print(f"written: {folder / 'eager.json'}, {folder / 'eager.svg'}")
