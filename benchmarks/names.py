"""How long a GPT takes to learn names, by `nn.fit` and by the command.

    python benchmarks/run.py names [--rounds 3] [--only steps,epoch,command] [--out DIR]

There are 32 000 names, made up: as long as given names are (2 to 15 letters, 6.1 on
average), their letters following one another as in `nn.tokens.words()`. The model has
microgpt's size: width 16, 4 heads, 1 layer, a context of 16.

steps: 1 000 steps of one name each, with Adam; with all that `fit` has to compile and,
in a second training, without. epoch: all names once, in batches of 64, without
compiling. Both in CPU seconds, on one core. command: `chainrule train names.txt` and
`chainrule generate`, from the start of the first to the end of the second, in seconds
of the clock beside those of the processor.
"""

import argparse
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from sysconfig import get_path
from typing import Any

import report
from worker import one_core

HERE = Path(__file__).resolve().parent
COUNT, STEPS, BATCH, CONTEXT = 32_000, 1_000, 64, 16
LENGTHS = {
    2: 4, 3: 21, 4: 94, 5: 220, 6: 282, 7: 216, 8: 105, 9: 38, 10: 12, 11: 4,
    12: 2, 13: 1, 14: 0.5, 15: 0.5,
}  # fmt: skip
"""Of a thousand names, how many are so long."""

WITH = f"{STEPS:,} steps of one name, compile included"
WITHOUT = f"{STEPS:,} steps of one name"
PASS = f"an epoch of {COUNT:,} names, {BATCH} a step"
COMMAND = "train and generate, by the command"
LIMITS = {WITH: 3, WITHOUT: 0.15, PASS: 2, COMMAND: 15}
"""Seconds that each may take."""


def main(argv: list[str]) -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="run.py names")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="steps,epoch,command")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name in options.only.split(","):
            for measure, seconds in apart(MEASURES[name]).items():
                found.setdefault(measure, []).append(seconds)
    for line in report.lines(targets(found)):
        print(line)
    for measure in found.keys() - LIMITS:
        print(f"{measure}: {statistics.median(found[measure]):.2f} s")
    report.write(found, plotted(found), options.out, "names")


def targets(found: dict[str, list[float]]) -> list[report.Target]:
    """The figures to reach, and the median of what this run reached."""
    return [
        report.Target(measure, limit, statistics.median(found[measure]), "s")
        for measure, limit in LIMITS.items()
        if measure in found
    ]


def plotted(found: dict[str, list[float]]) -> Any:
    """A row of dots for each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2 + 0.3 * len(found)), layout="constrained")
    axes = figure.add_subplot()
    for place, (measure, seconds) in enumerate(found.items()):
        axes.plot(seconds, [place] * len(seconds), "o", color="#0072b2")
        axes.plot(LIMITS.get(measure, seconds[0]), place, "|", color="black", ms=18)
    axes.set_yticks(range(len(found)), list(found))
    axes.set(xscale="log", xlabel="seconds (log scale); | the limit")
    axes.invert_yaxis()
    return figure


def apart(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What it finds in a process of its own, where nothing is compiled yet."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


# ---- what is measured ----------------------------------------------------------------


def names(count: int = COUNT) -> list[str]:
    """Made-up names."""
    import nn

    followers: dict[str, list[str]] = {}
    for word in nn.tokens.words().items:
        for letter, after in pairwise(f" {word}"):
            followers.setdefault(letter, []).append(after)
    rng, made = random.Random(0), []
    for length in rng.choices([*LENGTHS], [*LENGTHS.values()], k=count):
        name = " "
        while len(name) <= length:
            name += rng.choice(followers[name[-1]])
        made.append(name[1:])
    return made


def steps() -> dict[str, float]:
    """Steps of one name each, with and without compiling."""
    return dict(zip((WITH, WITHOUT), twice(STEPS, 1), strict=True))


def epoch() -> dict[str, float]:
    """A pass over all names, compiled already."""
    return {PASS: twice(COUNT, BATCH)[1]}


def twice(count: int, batch_size: int) -> list[float]:
    """CPU seconds of one epoch, and of one more whose programs are there."""
    one_core()
    import nn
    from nn.compiled import Compiled

    text = nn.tokens.Text.of(names(count))
    data = text.sequences(CONTEXT)
    model = nn.GPT(len(text.vocabulary), 16, 4, 1, CONTEXT, seed=0)
    engines: list[Compiled] = []

    def engine(task: Any) -> Any:
        engines.extend([] if engines else [Compiled(task)])
        return engines[0]

    taken = []
    for _ in range(2):
        begin = time.process_time()
        nn.fit(
            model, data, optimizer=nn.Adam(lr=0.01), epochs=1, batch_size=batch_size,
            seed=0, engine=engine, progress=False,
        )  # fmt: skip
        taken.append(time.process_time() - begin)
    return taken


def command() -> dict[str, float]:
    """From a file of names to new ones, as one would do it first."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "names.txt").write_text("\n".join(names()) + "\n", "utf-8")
        begin, used = time.perf_counter(), os.times()
        run(folder, "train", "names.txt")
        run(folder, "generate", "trained/model.json", "-n", "20")
        after = os.times()
    spent = sum(after[2:4]) - sum(used[2:4])
    return {COMMAND: time.perf_counter() - begin, "by the command, CPU": spent}


def run(folder: str, *arguments: str) -> None:
    """The command that is installed beside this Python."""
    line = [Path(get_path("scripts"), "chainrule"), *arguments]
    subprocess.run(line, cwd=folder, check=True, stdout=subprocess.DEVNULL)


MEASURES = {"steps": steps, "epoch": epoch, "command": command}
