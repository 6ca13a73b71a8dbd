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
each, 8 hidden neurons): the mean test accuracy is 0.836, that of logistic regression is
0.833. With a quarter of the decay or five times it, half or twice the rate, 32 rows for
each step, half the epochs, or a fifth of the rows for validation and a patience of 20,
it is 0.828 to 0.836: nothing is gained by stopping early on so few rows.

And on 32 others drawn from `benchmarks/tables.txt` (80 to 500 rows, 3 splits of each):
0.798, logistic regression 0.803. The mean of the weights over the last half of the
epochs at a constant rate gives 0.0016 more, with a standard error of 0.0019; more decay
(0.5, 1, 2), smaller first weights, noise on the inputs, 60 epochs, or a third of the
rate give from 0.0001 more to 0.021 less. None of them was taken.

And Adam with a decay of c over the rows, which is a normal distribution of each weight,
of variance 1 / c. On 226 tables of R packages (80 to 600 rows, 4 splits of each, with 8
hidden neurons) c = 2 gives 0.0025 ± 0.0013 more, and 0.950 on wine's default split; but
what has no noise it learns less well: 100 spirals 0.81 for 0.89, 100 moons 0.88 for
0.92. With c = 1 these are 0.90 and 0.90, the tables 0.0019 ± 0.0012 more, and wine
0.94. Of numbers (250 tables) both tell less of the variance, by 0.03 and 0.05. Targets
mixed with a tenth of the other classes give 0.0014 ± 0.0010 less. None of these either.
How well the choices do on iris, moons and wine: `python benchmarks/run.py defaults`.
"""

RATE, RATES = 0.01, {"sgd": 0.1}
DECAY, DECAYS = 0.0, {"adamw": 0.2}
"""Learning rate and weight decay of an optimizer. Decays of 0.1 to 0.5 did best for
tables of few rows, over 60 splits of them; with 1 the spirals are no longer learned."""


def epochs_for(rows: int) -> int:
    """How often so many rows are seen.

    >>> [epochs_for(rows) for rows in (150, 5_000, 1_000_000)]
    [200, 100, 30]
    """
    return next(epochs for most, epochs, _ in SIZES if rows <= most)


def batch_for(rows: int) -> int:
    """How many of so many rows there are for each step."""
    return next(size for most, _, size in SIZES if rows <= most)


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


def usual(name: str, lr: float | None = None, decay: float | None = None) -> Optimizer:
    """The optimizer of a name, with its usual settings where none are given.

    >>> usual("adamw")
    AdamW(lr=0.01, weight_decay=0.2, betas=(0.9, 0.999), eps=1e-08)
    """
    if name not in OPTIMIZERS:
        raise ValueError(
            unknown("optimizer", name, OPTIMIZERS, "one such as SGD(lr=0.1)")
        )
    lr = RATES.get(name, RATE) if lr is None else lr
    decay = DECAYS.get(name, DECAY) if decay is None else decay
    if name == "sgd":
        return SGD(lr=lr, momentum=0.9, weight_decay=decay)
    return OPTIMIZERS[name](lr=lr, weight_decay=decay)
