"""Public tables as they are: how many train, and what the others are told.

    git clone https://github.com/mwaskom/seaborn-data
    git clone https://github.com/vincentarelbundock/Rdatasets
    python benchmarks/run.py tables --seaborn seaborn-data --rdatasets Rdatasets

Of the first that is every table with one line of names, and a target that suits it.
`tables.txt` lists 300 of the second, drawn at random among those of
20 rows and more below 3 MB, with the last column as the target; or the one before it
where that is the same in all rows, or a text that most rows have to themselves. The
data are of those who published them; none are kept here.

    python benchmarks/run.py tables --seaborn ... --rdatasets ... --peers

trains ten tables with texts and gaps, five splits of each, beside scikit-learn's MLP at
its defaults, behind a ColumnTransformer with one-hot and median. Large tables are cut
to 2000 rows. A mean is within the spread where it is no worse than theirs by more than
the larger deviation over the splits. Exit status 1 where one is not.

    python benchmarks/run.py tables --million

makes a million rows of 8 columns, and compares reading them, an epoch, and predicting
them all, with what scikit-learn's MLP takes for the epoch, in batches as ours (or of
`--batch`), and with the same units or as many as it has by itself; and how much memory
all of that takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import report
from nn.choices import batch_for
from nn.columns import Column, Told
from nn.recipe import learn
from nn.table import Table, read

SEABORN = {
    "anagrams": "attnr", "anscombe": "y", "attention": "score",
    "car_crashes": "total", "diamonds": "price", "dots": "firing_rate",
    "dowjones": "Price", "exercise": "pulse", "flights": "passengers",
    "fmri": "signal", "geyser": "kind", "glue": "Score",
    "healthexp": "Life_Expectancy", "iris": "species", "mpg": "mpg",
    "penguins": "species", "planets": "method", "seaice": "Extent", "taxis": "fare",
    "tips": "tip", "titanic": "survived",
}  # fmt: skip

LIST = Path(__file__).with_name("tables.txt")
"""A table of Rdatasets and its target in each line, with a tab between."""


def drawn() -> Iterator[tuple[str, str]]:
    """The tables of Rdatasets and their targets."""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        name, target = line.split("\t")
        yield name, target


def tried(path: Path, target: str, epochs: int) -> str:
    """What became of a table: "trained", or the line that is told."""
    try:
        trained = learn(path, target=target, epochs=epochs, progress=False)
    except ValueError as error:
        kind = "told" if "\n" not in str(error) else "told in several lines"
        return f"{kind}: {error}"
    assert len(trained.history) == epochs
    return "trained"


def tables(arguments: argparse.Namespace) -> dict[str, dict[str, str]]:
    """What became of each table, by its collection."""
    found: dict[str, dict[str, str]] = {}
    if arguments.seaborn:
        found["seaborn"] = {
            name: tried(arguments.seaborn / f"{name}.csv", target, arguments.epochs)
            for name, target in SEABORN.items()
        }
    if arguments.rdatasets:
        found["Rdatasets"] = {
            name: tried(arguments.rdatasets / "csv" / name, target, arguments.epochs)
            for name, target in drawn()
        }
    return found


def tell(found: dict[str, dict[str, str]]) -> None:
    """Print how many train, and every line that is told."""
    shown = report.table("tables as they are", "from", "tables", "train", "part")
    for name, results in found.items():
        count = Counter(results.values())["trained"]
        shown.add_row(
            name, str(len(results)), str(count), f"{count / len(results):.1%}"
        )
    report.console(100).print(shown)
    for results in found.values():
        for name, result in results.items():
            if result != "trained":
                print(f"{name}: {result}")


# ---- beside a peer ----------------------------------------------------------------

PEERS = {
    "titanic": ("seaborn/titanic.csv", "survived", "alive"),
    "penguins": ("seaborn/penguins.csv", "species", ""),
    "mpg": ("seaborn/mpg.csv", "mpg", "name"),
    "tips": ("seaborn/tips.csv", "tip", ""),
    "diamonds": ("seaborn/diamonds.csv", "price", ""),
    "exercise": ("seaborn/exercise.csv", "pulse", ""),
    "credit": ("rdatasets/csv/modeldata/credit_data.csv", "Status", ""),
    "Chile": ("rdatasets/csv/carData/Chile.csv", "vote", ""),
    "airquality": ("rdatasets/csv/datasets/airquality.csv", "Ozone", ""),
    "Wage": ("rdatasets/csv/ISLR/Wage.csv", "wage", "logwage"),
}
"""Tables with texts and gaps: the file, the target, and what would tell it."""

ROWS, SEEDS = 2000, range(5)


def beside(folders: dict[str, Path]) -> dict[str, dict[str, list[float]]]:
    """The score of each split of each table, ours and theirs."""
    import numpy as np

    found: dict[str, dict[str, list[float]]] = {}
    for name, (path, target, told) in PEERS.items():
        folder, _, rest = path.partition("/")
        ignore = Told(ignore=tuple(filter(None, [told])))
        whole = read(folders[folder] / rest, target, ignore)
        rows = np.random.default_rng(0).permutation(len(whole))[:ROWS]
        whole = whole.rows(sorted(int(row) for row in rows))
        scores = [(ours(whole, seed), theirs(whole, seed)) for seed in SEEDS]
        both = zip(*scores, strict=True)
        measure = "accuracy" if whole.classes else "error"
        who = [f"{measure}, {one}" for one in ("ours", "theirs")]
        found[name] = dict(zip(who, map(list, both), strict=True))
        print(name, found[name], flush=True)
    return found


def ours(table: Table, seed: int) -> float:
    """The test's accuracy or error of the recipe."""
    score = learn(table, seed=seed, progress=False).scores["test"]
    return score["accuracy" if table.classes else "error"]


def theirs(table: Table, seed: int) -> float:
    """The same of scikit-learn's MLP, for the same rows."""
    import numpy as np
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [i for i, c in enumerate(used(table)) if c.kind == "category"]
    others = [i for i, c in enumerate(used(table)) if c.kind != "category"]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), others),
    )
    model = (
        MLPClassifier(random_state=seed)
        if table.classes
        else TransformedTargetRegressor(
            MLPRegressor(random_state=seed), transformer=StandardScaler()
        )
    )
    inside, outside = table.split(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipe = make_pipeline(columns, model).fit(cells(inside), inside.y)
    told = pipe.predict(cells(outside))
    if table.classes:
        return float(np.mean([a == b for a, b in zip(told, outside.y, strict=True)]))
    return float(np.abs(told - np.array(outside.y)).mean())


def used(table: Table) -> list[Column]:
    """What is learned from."""
    return [column for column in table.columns if column.useful]


def cells(table: Table):
    """Numbers and texts side by side, as a data frame would hand them over."""
    import numpy as np

    columns = []
    for column in used(table):
        texts = np.array([*column.labels, "missing"], dtype=object)
        columns.append(texts[column.values] if column.labels else column.values)
    return np.column_stack([np.asarray(column, dtype=object) for column in columns])


def tell_beside(found: dict[str, dict[str, list[float]]]) -> bool:
    """Print the means and deviations; whether all are within the spread."""
    shown = report.table("mean over 5 splits", "table", "measure", "ours", "theirs", "")
    fine = []
    for name, scores in found.items():
        measure = next(iter(scores)).partition(",")[0]
        mine, peer = (statistics.fmean(x) for x in scores.values())
        spread = [statistics.stdev(x) for x in scores.values()]
        worse = mine - peer if measure == "error" else peer - mine
        fine.append(worse <= max(spread))
        both = zip((mine, peer), spread, strict=True)
        cells = [f"{mean:.4g} ± {deviation:.2g}" for mean, deviation in both]
        verdict = "within" if fine[-1] else "worse"
        shown.add_row(name, measure, *cells, verdict)
    report.console(100).print(shown)
    return all(fine)


# ---- a million rows ------------------------------------------------------------------


ROWS_OF_ALL, INPUTS = 1_000_000, 8


def million(batch: int) -> dict[str, float]:
    """Seconds for each part of the work, and the memory that it took at most.

    The memory is what was needed beyond that of a small table's training, in sizes of
    the table as float64.
    """
    import polars as pl

    with tempfile.TemporaryDirectory() as folder:
        small, path = (Path(folder) / name for name in ("small.csv", "million.csv"))
        write(small, 1000)
        write(path, ROWS_OF_ALL)
        learn(small, target="y", epochs=1, progress=False).predict(small)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        trained = learn(path, target="y", epochs=1, batch_size=batch, progress=False)
        middle = time.perf_counter()
        trained.predict(path)
        end = time.perf_counter()
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        rows = pl.read_csv(path).to_numpy()[: ROWS_OF_ALL * 3 // 4]
    return {
        "read and train": middle - start,
        "of that the epoch": trained.history.seconds,
        "predict": end - middle,
        "scikit-learn, the epoch alone": scikit_learn(rows, (16, 16), batch),
        "the same with its own 100 units": scikit_learn(rows, (100,), batch),
        "memory, in tables as float64": more * 1024 / (ROWS_OF_ALL * (INPUTS + 1) * 8),
    }


def write(path: Path, rows: int) -> None:
    """A table of numbers, and what follows from them but for some noise."""
    import numpy as np

    rng = np.random.default_rng(0)
    slopes = rng.normal(size=INPUTS)
    with path.open("w") as file:
        file.write(",".join([*"abcdefgh"[:INPUTS], "y"]) + "\n")
        for begin in range(0, rows, 10_000):  # so that no memory is left over
            X = rng.normal(size=(min(10_000, rows - begin), INPUTS))
            y = X @ slopes + 0.3 * rng.normal(size=len(X))
            np.savetxt(file, np.column_stack([X, y]), "%.6g", ",")


def scikit_learn(rows, hidden: tuple[int, ...], batch: int) -> float:
    """Seconds that the peer takes for an epoch over scaled rows, the target last."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    rows = (rows - rows.mean(0)) / rows.std(0)
    X, y = rows[:, :-1], rows[:, -1]
    model = MLPRegressor(hidden_layer_sizes=hidden, max_iter=1, batch_size=batch)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return time.perf_counter() - start


def main(argv: list[str]) -> None:
    """Try the tables whose folders are given, or the million rows."""
    parser = argparse.ArgumentParser("tables", description=__doc__.splitlines()[0])
    parser.add_argument("--seaborn", type=Path, metavar="FOLDER")
    parser.add_argument("--rdatasets", type=Path, metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="ten tables, and a peer")
    parser.add_argument("--million", action="store_true")
    usual = batch_for(ROWS_OF_ALL)
    parser.add_argument("--batch", type=int, default=usual, help="rows for each step")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the same as JSON")
    arguments = parser.parse_args(argv)
    if not (arguments.seaborn or arguments.rdatasets or arguments.million):
        sys.exit("give --seaborn FOLDER, --rdatasets FOLDER, or --million")
    if arguments.peers:
        folders = {"seaborn": arguments.seaborn, "rdatasets": arguments.rdatasets}
        sys.exit(not tell_beside(beside(folders)))
    found = tables(arguments)
    if found:
        tell(found)
    figures = million(arguments.batch) if arguments.million else {}
    for name, number in figures.items():
        print(f"{name}: {number:.1f}")
    if arguments.out:
        arguments.out.write_text(json.dumps({**found, "million": figures}, indent=1))
