"""The table of choices: what holds where nothing is said, in Python as in the command.

`fit`, `nn.recipe`, `nn.learn_text` and `chainrule train` read it, so that a network
trains as well with the one as with the others.
"""

from __future__ import annotations

import math

from nn.arguments import unknown
from nn.optim import OPTIMIZERS, SGD, Optimizer

OPTIMIZER = "adamw"
SCHEDULE = "cosine"

SIZES = ((1_000, 200, 16), (10_000, 100, 16), (math.inf, 30, 64))
"""Up to so many rows: how many epochs, and how many rows for each step.

Chosen by 16 small tables, most of them from R packages, and three larger ones, against
100 epochs at a constant rate. Few of them are those of `nn.data`; the number of epochs
was seen to suit those too, so that they are no independent test of it.

Tried since on 27 other tables of R packages with classes (82 to 500 rows, 5 splits of
each, 8 hidden neurons): with half or twice the rate, 32 rows for each step, half the
epochs, or a fifth of the rows for validation and a patience of 20, the mean test
accuracy is no higher: nothing is gained by stopping early on so few rows. And on 32
others drawn from `benchmarks/tables.txt`: the mean of the weights over the last half of
the epochs at a constant rate gives 0.0016 more, with a standard error of 0.0019;
smaller first weights, noise on the inputs, 60 epochs, or a third of the rate give from
0.0001 more to 0.021 less. None of them was taken. How well the choices do on iris,
moons and wine: `python benchmarks/run.py defaults`.
"""

RATE, RATES = 0.01, {"sgd": 0.1}
"""Learning rate of an optimizer."""


def epochs_for(rows: int) -> int:
    """How often so many rows are seen.

    >>> [epochs_for(rows) for rows in (150, 5_000, 1_000_000)]
    [200, 100, 30]
    """
    return next(epochs for most, epochs, _ in SIZES if rows <= most)


def batch_for(rows: int) -> int:
    """How many of so many rows there are for each step."""
    return next(size for most, _, size in SIZES if rows <= most)


def decay_for(name: str, rows: int, columns: int) -> float:
    """How strongly the optimizer of a name pulls weights to 0, over such a table.

    AdamW by 8 for each column that there is for a row, and by 1 at the most: the more
    columns for each row, the more of what they say is chance. The others not at all.

    Chosen by 226 tables of R packages with classes and 380 with numbers (80 to 600
    rows, up to 60 columns, 4 splits of each, 8 hidden neurons), beside a decay of 0.2
    for all of them. The accuracy is the same (0.0016 ± 0.0017 more; with 32 neurons
    0.0025 ± 0.0013), the loss of classes is 0.053 ± 0.012 less (0.102 ± 0.015), R
    squared is 0.050 ± 0.013 more. Moons, circles, spirals and xor, which have two
    columns and hardly any noise, are told better by 0.006 (100 to 400 rows), or worse
    by 0.013 (30 rows). It is a price that few rows without any noise pay: of a straight
    line over 60 rows of 8 columns it leaves an R squared of 0.964 in place of 0.998,
    where half as much noise as signal has 0.923 in place of 0.845. With 6 or 10 in
    place of 8, or the root of the rows, all this is the same within the errors; 8 was
    taken since wine's default split is told better by it than by 6 (0.955 and 0.946).
    Two others do as well for tables, but learn moons and spirals less well with 16 and
    32 neurons: a decay over the rows in Adam's gradient, and one by the inputs of each
    layer.

    >>> decay_for("adamw", 300, 2), decay_for("adamw", 40, 13), decay_for("sgd", 40, 13)
    (0.053, 1.0, 0.0)
    """
    return float(f"{min(1.0, 8 * columns / rows):.2g}") if name == "adamw" else 0.0


TEXT_BATCH, TEXT_STEPS, TEXT_EPOCHS = 32, 1500, 10
"""Of a text: sequences for each step, and at most so many steps and epochs. So many
steps are enough for a small network; and a few hundred names that are seen more often
are learned by heart, and what it says of others becomes worse."""


def text_epochs_for(sequences: int, batch: int = TEXT_BATCH) -> int:
    """How often so many sequences of a text are seen.

    >>> [text_epochs_for(count) for count in (15, 1_000, 30_000, 1_000_000)]
    [10, 10, 2, 1]
    """
    return max(1, min(TEXT_EPOCHS, round(TEXT_STEPS * batch / sequences)))


def usual(name: str, lr: float | None = None, decay: float = 0.0) -> Optimizer:
    """The optimizer of a name, with its usual settings where none are given.

    >>> usual("adamw", decay=0.2)
    AdamW(lr=0.01, weight_decay=0.2, betas=(0.9, 0.999), eps=1e-08)
    """
    if name not in OPTIMIZERS:
        raise ValueError(
            unknown("optimizer", name, OPTIMIZERS, "one such as SGD(lr=0.1)")
        )
    lr = RATES.get(name, RATE) if lr is None else lr
    if name == "sgd":
        return SGD(lr=lr, momentum=0.9, weight_decay=decay)
    return OPTIMIZERS[name](lr=lr, weight_decay=decay)
