"""`chainrule train` beside scikit-learn's MLPClassifier, in test accuracy.

    python benchmarks/run.py accuracy [--seeds 10] [--only wine] [--out DIR]

Ours is the command as it is typed, `chainrule train NAME --seed S`, and the last line
that it prints. Theirs is trained on the same rows, scaled alike, with the same layers,
activation and epochs: once with everything else at its own defaults, once with our
learning rate and batch size. Every seed is another split of the rows, other first
weights and another order; a table of 150 rows leaves 36 for the test, where one row is
0.03, so that the means over the seeds are compared. Exit status 1 where a mean is more
than 0.01 below theirs, or digits below 0.95.
"""

import argparse
import json
import statistics
import sys
import tempfile
import warnings
from pathlib import Path

SETS = ["moons", "circles", "spirals", "xor", "iris", "wine", "breast-cancer"]
ALLOWED = 0.01
DIGITS = 0.95
LAYERS = {"digits": (32,)}  # all others as the command has it by default: 16,16
EPOCHS = 100
THEIRS = {
    "defaults": {},
    "same settings": {
        "learning_rate_init": 0.01,
        "batch_size": 16,
        "n_iter_no_change": EPOCHS,
    },
}


def main(argv):
    """Train, print the table, write the figures."""
    parser = argparse.ArgumentParser(prog="run.py accuracy")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="", help="sets whose names hold this")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(argv)
    results = {}
    for name in [*SETS, "digits"]:
        if options.only in name:
            seeds = range(1 if name == "digits" else options.seeds)
            results[name] = [compared(name, seed) for seed in seeds]
            print(
                f"{name}: {results[name][0]['chainrule']:.3f} with seed 0", flush=True
            )
    show(results)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "accuracy.json").write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(1 if any(falls_short(name, rows) for name, rows in results.items()) else 0)


def compared(name, seed):
    """The test accuracies of one set with one seed."""
    layers = LAYERS.get(name, (16, 16))
    return {"chainrule": ours(name, seed, layers)} | {
        kind: theirs(name, seed, layers, settings) for kind, settings in THEIRS.items()
    }


def ours(name, seed, layers):
    """What the command's last line says."""
    from typer.testing import CliRunner

    from viz.cli import app

    hidden = ["--hidden", ",".join(map(str, layers))] if name in LAYERS else []
    with tempfile.TemporaryDirectory() as folder:
        typed = ["train", name, "--seed", str(seed), "--out", folder, *hidden]
        result = CliRunner().invoke(app, typed, catch_exceptions=False)
    return float(result.output.splitlines()[-1].removeprefix("test accuracy "))


def theirs(name, seed, layers, settings):
    """What MLPClassifier reaches on the same rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    from nn import data

    drawn = {"seed": seed} if name in data.GENERATED else {}
    inside, outside = data.SETS[name](**drawn).split(0.25, seed)
    scaling = data.Scaling.fit(inside.X)
    classifier = MLPClassifier(
        layers, activation="relu", max_iter=EPOCHS, random_state=seed, **settings
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are over
        classifier.fit(scaling(inside.X), inside.y)
    return classifier.score(scaling(outside.X), outside.y)


def falls_short(name, rows):
    """Whether our mean is too far below one of theirs."""
    mean = {kind: statistics.fmean(row[kind] for row in rows) for kind in rows[0]}
    least = max(mean[kind] for kind in THEIRS) - ALLOWED
    return mean["chainrule"] < (DIGITS if name == "digits" else least)


def show(results):
    """The table: means over the seeds, and the first seed in parentheses."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="test accuracy: mean over the seeds (seed 0)")
    for column in ("set", "seeds", "ours", *(f"theirs, {k}" for k in THEIRS), ""):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, rows in results.items():
        cells = [
            f"{statistics.fmean(row[kind] for row in rows):.4f} ({rows[0][kind]:.3f})"
            for kind in rows[0]
        ]
        verdict = "short" if falls_short(name, rows) else "ok"
        table.add_row(name, str(len(rows)), *cells, verdict)
    Console(width=None if sys.stdout.isatty() else 100).print(table)
