"""Recording and differentiating, ours beside the peers, on one core in one run.

    python benchmarks/run.py eager [--rounds 5] [--quick] [--only chain] [--out DIR]
                                   [--before PYTHON]

Each engine lives in a process of its own on the same core; rounds go round the engines
in turn, so that a machine that drifts drifts for all. Figures are medians of rounds.
Ours runs twice: compiled, and plain from a copy of the same sources; and once more as
it was, where --before names the Python of an environment that has an earlier version,
beside which no row may take more than 1.05 times as long. A process says
first what it measures, and an engine that is not what its column says, or not
installed, is left out and said so. Every workload is first compared, on a small size,
with our own engine: value and derivatives have to be the same.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import report
from workers import BEFORE, LeftOut, Worker, line_of, places
from workloads import difference
from workloads.eager import OPERATIONS, TERMS

HERE = Path(__file__).resolve().parent
OURS, PLAIN, TORCH = "chainrule compiled", "chainrule plain", "torch scalars"
ENGINES = [OURS, BEFORE, PLAIN, "micrograd", TORCH, "mygrad", "plain Value"]

# workload, its size, the unit of the figure, and who runs it
ALL = ENGINES
SCALARS = [OURS, BEFORE, PLAIN, "micrograd", "plain Value"]
METHODS = [*SCALARS, TORCH]  # those with a method relu
EXACT = [OURS, BEFORE, PLAIN, "plain Value"]
OWN = [OURS, BEFORE, PLAIN]
WORKLOADS = [
    ("chain", 10_000, "ns/node", ALL),
    ("wide", 10_000, "ns/node", ALL),
    ("random_graph", 10_000, "ns/op", METHODS),
    ("network", 16, "ms", SCALARS),
    ("moons", 100, "ms", [*OWN, "micrograd"]),
    ("transformer", 1, "ms", EXACT),
    ("memory", 1_000_000, "bytes/node", SCALARS),
    ("small_call", 1_000, "ns", [*OWN, TORCH]),
]
RUNS = {  # statement: who has it
    "x.relu()": METHODS,
    "x.exp()": [*EXACT, TORCH],
    "x.tanh()": [*OWN, TORCH],
    "x ** y": [*OWN, TORCH, "mygrad"],
    "sin(x)": [*OWN, TORCH, "mygrad"],
    "maximum(x, y)": [*OWN, TORCH, "mygrad"],
    "dot(xs, ys)": OWN,
}
CALLS = 10_000  # of one operation; fewer where it has many terms
SCALING = [10**k for k in range(3, 8)]
NODES = [10**k for k in range(3, 7)]
WAYS = [  # workload, what it compares, its sizes
    ("gradients", ("y.backward()", "gradients(y, xs)"), NODES),
    ("gradients_of_all", ("y.backward() and n grads", "gradients(y, n xs)"), NODES),
    ("recompute", ("recording", "recompute()"), [1]),
    ("sensitivities", ("two jvps", "jacobian"), [500]),
]
PLAIN_UP_TO = 100_000  # nodes of the plain engine, where a graph grows
CHECKED = 10  # the size at which workloads are compared

NANOSECONDS = [  # statement, at most
    ("x ** 2", 80),
    ("sin(x)", 120),
    ("maximum(x, y)", 120),
    ("dot(xs, ys)", 20),
]
RATIOS = {
    "gradients": 1.5,
    "gradients_of_all": 1.5,
    "recompute": 0.4,
    "sensitivities": 3,
}
SMALL_CALL = 4_000
SLOWER = 1.05  # times what it took before


def main(argv):
    """Measure, print, and write the results."""
    options = arguments(argv)
    with places() as here:
        workers = start(here, options.before)
        wanted = [row for row in rows() if options.only in row[0]]
        check(workers, wanted)
        results = {
            "engines": {name: worker.identity for name, worker in workers.items()},
            "workloads": run_workloads(workers, here, wanted, options.rounds),
            "ways": run_ways(workers, options),
            "scaling": run_scaling(workers, options),
            "import": run_imports(workers, here, options.rounds),
        }
        for worker in workers.values():
            worker.close()
    show(results)
    report.write(results, plotted(results), options.out, "eager")


def arguments(argv):
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="run.py eager")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="smaller scaling runs")
    parser.add_argument("--only", default="", help="workloads whose names hold this")
    parser.add_argument("--before", help="the Python of an earlier installation")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    return parser.parse_args(argv)


def start(here, before):
    """The engines that are here, each with what it is; a line for each that is not."""
    pythons = dict.fromkeys(ENGINES, sys.executable) | {BEFORE: before}
    workers = {}
    for name, python in pythons.items():
        if python is None:
            continue
        try:
            workers[name] = Worker("eager", name, here, python)
            print(f"{name}: {line_of(workers[name].identity)}")
        except LeftOut as reason:
            print(f"{name}: left out, {reason}")
    return workers


def rows():
    """Every workload with its size, its unit, and who runs it."""
    return WORKLOADS + [
        (statement, calls(statement), "ns", RUNS.get(statement, ALL))
        for statement in OPERATIONS
    ]


def calls(statement):
    """How often an operation is measured."""
    return CALLS // terms(statement)


def terms(statement):
    """How many terms it has; the figure of a reduction is for one of them."""
    return TERMS if "xs" in statement else 1


def check(workers, wanted):
    """Every engine comes to the numbers of our own, or the run ends with an error."""
    sizes = [(name, min(n, CHECKED), engines) for name, n, _, engines in wanted]
    sizes += [(name, CHECKED, OWN) for name, _, _ in WAYS]
    for name, n, engines in sizes:
        here = [engine for engine in engines if engine in workers]
        answers = {engine: workers[engine].ask("answer", name, n) for engine in here}
        compare(name, answers)


def compare(name, answers):
    """The first of these is ours."""
    reference = next(iter(answers.values()), None)
    for engine, numbers in answers.items():
        if wrong := difference(numbers, reference):
            raise SystemExit(f"{name}: {engine} computed {wrong}")


def run_workloads(workers, here, wanted, rounds):
    """Medians per workload and engine, in the workload's unit."""
    table = {}
    for name, n, unit, engines in wanted:
        taken = {engine: [] for engine in engines if engine in workers}
        for _ in range(rounds):
            for engine, figures in taken.items():
                figures.append(sum(ask(workers[engine], here, name, n)))
        scale = {"ms": 1e3, "bytes/node": 1}.get(unit, 1e9 / n / terms(name))
        table[name] = {
            "unit": unit,
            "n": n,
            "median": {e: statistics.median(f) * scale for e, f in taken.items()},
        }
    return table


def ask(worker, here, workload, n):
    """The worker's figures; memory is asked of a process that held nothing before."""
    if workload != "memory":
        return worker.ask("measure", workload, n)
    fresh = Worker("eager", worker.engine, here, worker.python)
    figures = fresh.ask("measure", workload, n)
    fresh.close()
    return figures


def run_ways(workers, options):
    """Milliseconds of both ways to the same numbers, at every size."""
    return {
        name: {
            "ways": ways,
            "median": {
                engine: {
                    n: medians(workers[engine], name, n, options.rounds, 1e3)
                    for n in few(sizes, options.quick)
                    if engine != PLAIN or n <= PLAIN_UP_TO
                }
                for engine in OWN
                if engine in workers
            },
        }
        for name, ways, sizes in WAYS
        if options.only in name
    }


def few(sizes, quick):
    """The sizes, without the largest of several where it has to be quick."""
    return sizes[:-1] if quick and len(sizes) > 1 else sizes


def medians(worker, name, n, rounds, scale):
    """Of each phase of a workload."""
    runs = [worker.ask("measure", name, n) for _ in range(rounds)]
    return [statistics.median(phase) * scale for phase in zip(*runs, strict=True)]


def run_scaling(workers, options):
    """Nanoseconds per node of the chain at growing length."""
    table = {engine: {} for engine in OWN if engine in workers}
    if options.only not in "chain":
        return table
    for n in few(SCALING, options.quick):
        for engine, figures in table.items():  # one after the other, at every length
            if engine != PLAIN or n <= 10 * PLAIN_UP_TO:
                # Once uncounted: there a virtual machine gets its memory.
                workers[engine].ask("measure", "chain", n)
                figures[n] = medians(
                    workers[engine], "chain", n, options.rounds, 1e9 / n
                )
    return table


def run_imports(workers, here, rounds):
    """Milliseconds that importing the compiled engine, or else the plain one, adds."""
    name = OURS if OURS in workers else PLAIN
    told = workers[name].identity["packages"]["chainrule"]["file"]
    environment = here.environment(name)

    def run(code):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            cwd=here.empty,
            env=environment,
            capture_output=True,
            text=True,
        )
        return (time.perf_counter() - begin) * 1e3, done.stdout.strip()

    _, found = run("import autograd; print(autograd.__file__)")
    if found != told:
        raise SystemExit(f"import autograd: {found} would be timed, not {told}")
    pairs = [[run(code)[0] for code in ("pass", "import autograd")]
             for _ in range(2 * rounds)]  # fmt: skip
    bare, ours = (statistics.median(taken) for taken in zip(*pairs, strict=True))
    return {"autograd": ours - bare, "engine": name}


def show(results):
    """The tables of medians, each peer with its ratio to ours."""
    console = report.console(120)
    rows = results["workloads"]
    console.print(table_of(rows, [name for name in rows if name not in OPERATIONS]))
    console.print(
        table_of(
            rows,
            [name for name in rows if name in OPERATIONS],
            "one operation recorded and freed, of a reduction one term: ",
        )
    )
    console.print(table_of_ways(results["ways"]))
    console.print(table_of_scaling(results["scaling"]))
    timed = results["import"]
    print(f"import autograd: {timed['autograd']:.1f} ms ({timed['engine']})")
    for line in report.lines(targets(results)):
        print(line)


def table_of(rows, names, what=""):
    """A line for each workload, a column for each engine."""
    title = f"{what}median; in parentheses: times the compiled engine"
    engines = measured([rows[name] for name in names])
    table = report.table(title, "workload", "unit", *engines)
    for name in names:
        row = rows[name]
        base = row["median"].get(OURS)
        cells = [cell(row["median"].get(engine), base) for engine in engines]
        size = "" if name in OPERATIONS else f" {row['n']:,}"
        table.add_row(name + size, row["unit"], *cells)
    return table


def measured(rows):
    """The engines that have figures in these rows."""
    return [name for name in ENGINES if any(name in row["median"] for row in rows)]


def cell(value, base):
    """A figure, and how many times ours it is."""
    if value is None:
        return ""
    ratio = f" ({value / base:.1f})" if base else ""
    return f"{value:,.1f}{ratio}"


def table_of_ways(ways):
    """A line for each size, with the ratio of the two ways."""
    engines = measured(ways.values())
    table = report.table("two ways to the same numbers, milliseconds", "ways", *engines)
    for row in ways.values():
        first, second = row["ways"]
        for n in dict.fromkeys(n for f in row["median"].values() for n in f):
            figures = [row["median"].get(engine, {}).get(n) for engine in engines]
            cells = [f and f"{f[1]:,.3f} / {f[0]:,.3f} = {f[1] / f[0]:.2f}"
                     for f in figures]  # fmt: skip
            size = f" {n:,}" if n > 1 else ""
            table.add_row(f"{second} / {first}{size}", *cells)
    return table


def table_of_scaling(scaling):
    """A line for each length, with the three phases."""
    title = "chain, nanoseconds per node: record + backward + free"
    table = report.table(title, "nodes", *scaling)
    for n in SCALING:
        phases = [sizes.get(n) for sizes in scaling.values()]
        if any(phases):
            table.add_row(
                f"{n:,}",
                *[
                    f"{sum(p):.0f} = {' + '.join(f'{x:.0f}' for x in p)}" if p else ""
                    for p in phases
                ],
            )
    return table


def targets(results):
    """The figures that the compiled engine has to reach."""
    rows = results["workloads"]
    limits = [*NANOSECONDS, ("small_call", SMALL_CALL)]
    found = [
        report.Target(name, limit, rows[name]["median"][OURS], "ns")
        for name, limit in limits
        if OURS in rows.get(name, {}).get("median", {})
    ]
    for name, row in results["ways"].items():
        first, second = row["ways"]
        for n, figures in row["median"].get(OURS, {}).items():
            ratio = figures[1] / figures[0]
            measure = f"{second}, against {first}" + (f", {n:,}" if n > 1 else "")
            found.append(report.Target(measure, RATIOS[name], ratio, "times"))
    return found + beside_before(results)


def beside_before(results):
    """Every row beside what it took in the earlier installation, if any."""
    taken = {name: row["median"] for name, row in results["workloads"].items()}
    for name, row in results["ways"].items():
        figures = row["median"]
        for n in figures.get(BEFORE, {}):
            for way, phase in zip(row["ways"], (0, 1), strict=True):
                taken[f"{way}, {name} {n:,}"] = {
                    engine: figures[engine][n][phase] for engine in (OURS, BEFORE)
                }
    for n, phases in results["scaling"].get(BEFORE, {}).items():
        chains = {OURS: sum(results["scaling"][OURS][n]), BEFORE: sum(phases)}
        taken[f"chain of {n:,} nodes"] = chains
    return [
        report.Target(
            f"{name}, against before", SLOWER, row[OURS] / row[BEFORE], "times"
        )
        for name, row in taken.items()
        if {OURS, BEFORE} <= set(row)
    ]


def plotted(results):
    """A bar plot of ratios."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    names = [name for name, *_ in WORKLOADS if name in results["workloads"]]
    names = [name for name in names if name != "memory"]
    medians = [results["workloads"][name]["median"] for name in names]
    for i, engine in enumerate(filter(results["engines"].get, ENGINES)):
        ratios = [
            m[engine] / m[OURS] if {engine, OURS} <= set(m) else 0 for m in medians
        ]
        axes.bar([x + 0.13 * i for x in range(len(names))], ratios, 0.13, label=engine)
    axes.set_yscale("log")
    axes.set_ylabel("time, times the compiled engine")
    axes.set_xticks([x + 0.32 for x in range(len(names))], names)
    axes.legend()
    return figure
