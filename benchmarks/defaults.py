"""How well `nn.fit` does with nothing but a model and data, beside scikit-learn.

    python benchmarks/run.py defaults

Three small sets, each trained ten times: on the default split with ten seeds of the
network, and with ten seeds of split and network alike. Beside ours stand scikit-learn's
logistic regression and its MLP of the same size at its defaults, both on columns scaled
by the rows trained on. Of the recipe, only the weight decay was chosen with a look at
these rows, among three that suit other tables alike (`nn.choices.decay_for`).
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable

import nn
import report

SETS = ("iris", "moons", "wine")
SEEDS = range(10)


def ours(inside: nn.data.Dataset, outside: nn.data.Dataset, seed: int) -> float:
    """The part of the test rows that are told rightly."""
    count = len(inside.classes)
    model = nn.MLP(len(inside.features), [8, count if count > 2 else 1], seed=seed)
    history = nn.fit(model, inside, seed=seed, progress=False)
    outputs = nn.predict(model, outside.X).reshape(len(outside), -1)
    return _right(history.labels.name(outputs), outside.y)


def theirs(
    make: Callable[[int], object],
) -> Callable[[nn.data.Dataset, nn.data.Dataset, int], float]:
    """The same of a model of scikit-learn's, made from a seed."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def score(inside: nn.data.Dataset, outside: nn.data.Dataset, seed: int) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model = make_pipeline(StandardScaler(), make(seed)).fit(*inside)
        return _right(model.predict(outside.X), outside.y)

    return score


def _right(told: object, wanted: object) -> float:
    return statistics.fmean(a == b for a, b in zip(told, wanted, strict=True))


def main(argv: list[str]) -> None:
    """Print mean test accuracies and their deviations over the seeds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    argparse.ArgumentParser("defaults", description=__doc__).parse_args(argv)
    models = {
        "ours": ours,
        "logistic regression": theirs(lambda seed: LogisticRegression()),
        "scikit-learn's MLP": theirs(
            lambda seed: MLPClassifier((8,), random_state=seed)
        ),
    }
    shown = report.table("mean test accuracy of ten seeds", "set", "split", *models)
    for name in SETS:
        for split in ("the default", "by the seed"):
            splits = [
                nn.data.SETS[name]().split(seed=0 if split == "the default" else seed)
                for seed in SEEDS
            ]
            cells = []
            for score in models.values():
                found = [score(*splits[seed], seed) for seed in SEEDS]
                spread = statistics.stdev(found)
                cells.append(f"{statistics.fmean(found):.3f} ± {spread:.3f}")
            shown.add_row(name, split, *cells)
    report.console(100).print(shown)
