"""From a table to a trained network in one call: what `chainrule train` does.

>>> trained = learn("xor", rows=80, hidden=[8], epochs=40, seed=0)
>>> trained.scores["test"]["accuracy"]
0.95
>>> trained.predict([[1.0, 1.0], [-1.0, 1.0]])
[0, 1]

Every choice that has to be made between a table and a network is made here: which loss
suits the target, how many outputs the network has, what is scaled and by which rows,
and how strongly the optimizer pulls. `Settings` says otherwise; with `nn.fit` each step
can be done by hand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from inspect import signature
from statistics import fmean
from typing import Annotated, Any, TypeVar, get_type_hints

from autograd.files import Path, absent
from autograd.wording import quoted
from nn import metrics
from nn.arguments import meant, unknown
from nn.checkpoint import Context, load_checkpoint, save, with_labels
from nn.choices import OPTIMIZER, SCHEDULE, decay_for, usual
from nn.columns import Told, names_in, texts_in
from nn.data import (
    GENERATED,
    SETS,
    Dataset,
    Scaling,
    as_column,
)
from nn.diagnose import Diagnosis, diagnose
from nn.encoding import Encoding
from nn.engine import answering, loss_of, predict, predict_parts
from nn.extras import require
from nn.hints import Array, Targets
from nn.history import History, summary
from nn.losses import LOSSES
from nn.metrics import Bin, ClassReport, Importance, NumberReport, accuracy, mean_error
from nn.module import ACTIVATIONS, MLP, Module
from nn.optim import OPTIMIZERS, Optimizer
from nn.rates import RateTest, find_lr
from nn.reading import read as read_sheet
from nn.schedules import SCHEDULES
from nn.table import Meaning, Table, meanings
from nn.table import read as read_table
from nn.targets import BINARY, POWERS, choose_loss, encode, squeezed
from nn.training import check, fit

NUMBER_LOSSES = ("mse", "mae", "huber")


# ---- what can be set -----------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What a setting is for, in words: all that a command line or a form needs.

    help: a sentence or two. group: the heading that it stands under.
    metavar: what a value is called, where its type says too little.
    default: what holds where nothing is given, where the default is None.
    only: of which data it can be said at all, where not of all.
    """

    help: str
    group: str = ""
    metavar: str | None = None
    default: str | None = None
    only: str = ""


FILE, DRAWN = "a table in a file", f"points that are drawn ({', '.join(GENERATED)})"
TABLE, NETWORK, TRAINING = "The table", "The network", "The training"


def _one_of(names: Sequence[str]) -> str:
    """`sgd, adam or rmsprop`."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


@dataclass(frozen=True)
class Settings:
    """How to train, each setting with its default; what it means is its `Setting`.

    `chainrule train` has an option for each of these fields, and `learn` an argument.

    >>> Settings(epochs=20, optimizer="sgd").schedule
    'cosine'
    """

    target: Annotated[
        str | None,
        Setting(
            "Of a file: the column to predict from all the others.",
            TABLE,
            metavar="COLUMN",
            only=FILE,
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        Setting(
            "What separates a file's columns: , or ; or tab.",
            TABLE,
            default="looked for",
            only=FILE,
        ),
    ] = None
    names: Annotated[
        str | Sequence[str] | None,
        Setting(
            "What a file's columns are called, where its first line is a row: a,b,c; "
            "or none, to number them.",
            TABLE,
            metavar="COLUMNS",
            default="in the first line",
            only=FILE,
        ),
    ] = None
    task: Annotated[
        str,
        Setting(
            "What the target is: classes or number; auto looks at its values.",
            TABLE,
            only=FILE,
        ),
    ] = "auto"
    numbers: Annotated[
        str | Sequence[str],
        Setting(
            "Columns to take as numbers: a,b.", TABLE, metavar="COLUMNS", only=FILE
        ),
    ] = ""
    categories: Annotated[
        str | Sequence[str],
        Setting(
            "Columns to take as categories: a,b.", TABLE, metavar="COLUMNS", only=FILE
        ),
    ] = ""
    ignore: Annotated[
        str | Sequence[str],
        Setting("Columns to leave out: a,b.", TABLE, metavar="COLUMNS", only=FILE),
    ] = ""
    missing: Annotated[
        str | Sequence[str] | None,
        Setting(
            "What stands in a file for a missing value, besides nothing: ?,-999.",
            TABLE,
            metavar="TEXTS",
            default="NA, nan, null, none, ?, - and the like",
            only=FILE,
        ),
    ] = None
    decimal: Annotated[
        str | None,
        Setting(
            "What stands before decimals: a point or a comma.",
            TABLE,
            default="looked for",
            only=FILE,
        ),
    ] = None
    test: Annotated[
        float,
        Setting("The part of the rows kept aside for the test at the end.", TABLE),
    ] = 0.25
    validation: Annotated[
        float,
        Setting(
            "The part of the other rows to watch during training, such as 0.2: where "
            "their loss rises again, the network learns by heart.",
            TABLE,
        ),
    ] = 0.0
    rows: Annotated[
        int,
        Setting(
            f"How many points to draw, for {', '.join(GENERATED)}.", TABLE, only=DRAWN
        ),
    ] = 400
    noise: Annotated[
        float | None,
        Setting(
            "How far those points are scattered; more is harder.", TABLE, only=DRAWN
        ),
    ] = None
    hidden: Annotated[
        str | Sequence[int],
        Setting(
            "Neurons in each layer between inputs and outputs. More can learn finer "
            "shapes, and more by heart.",
            NETWORK,
            metavar="SIZES",
        ),
    ] = "16,16"
    activation: Annotated[
        str,
        Setting(
            "What each of these neurons does with its sum: "
            f"{_one_of([*ACTIVATIONS, 'linear'])}.",
            NETWORK,
        ),
    ] = "relu"
    epochs: Annotated[
        int | None,
        Setting(
            "How often all rows are seen.",
            TRAINING,
            default="200; 100 from 1000 rows, 30 from 10000",
        ),
    ] = None
    lr: Annotated[
        float | None,
        Setting(
            "Learning rate, the size of a step. If the loss jumps about, try a tenth; "
            "if it crawls, try three times as much.",
            TRAINING,
            default="0.01; for sgd 0.1",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        Setting("Rows for each step.", TRAINING, default="16; 64 from 10000 rows"),
    ] = None
    loss: Annotated[
        str,
        Setting(
            "What is made small; auto suits the target, with cross-entropy for classes "
            f"and mse for numbers. Or: {', '.join(LOSSES)}.",
            TRAINING,
        ),
    ] = "auto"
    class_weights: Annotated[
        str,
        Setting(
            "How much a row counts: balanced for as much in all for each class, root "
            "for the root of that, none for as much as any other; auto takes root "
            "where a class is rare.",
            TRAINING,
        ),
    ] = "auto"
    optimizer: Annotated[
        str,
        Setting(
            f"How the weights follow the gradient: {_one_of([*OPTIMIZERS])}.", TRAINING
        ),
    ] = OPTIMIZER
    find_lr: Annotated[
        bool,
        Setting(
            "Find the learning rate first, by a few steps with rates that grow.",
            TRAINING,
        ),
    ] = False
    weight_decay: Annotated[
        float | None,
        Setting(
            "How strongly weights are pulled to 0, against learning by heart.",
            TRAINING,
            default="for adamw by columns and rows, else 0",
        ),
    ] = None
    schedule: Annotated[
        str,
        Setting(
            "How the learning rate changes from epoch to epoch: "
            f"{_one_of([*SCHEDULES])}.",
            TRAINING,
        ),
    ] = SCHEDULE
    patience: Annotated[
        int | None,
        Setting(
            "Stop after so many epochs without a better loss (the validation's, where "
            "there is one), and go back to the best weights.",
            TRAINING,
            metavar="EPOCHS",
        ),
    ] = None
    clip: Annotated[
        float | None,
        Setting(
            "Shorten longer gradients to this length, such as 1, against a loss that "
            "explodes.",
            TRAINING,
        ),
    ] = None
    seed: Annotated[
        int,
        Setting(
            "For everything that is left to chance; the same number gives the same "
            "files, byte for byte.",
            TRAINING,
        ),
    ] = 0
    repeat: Annotated[
        int,
        Setting(
            "Train so many times, each with another seed, split and first weights, and "
            "tell the mean and the spread; the first one is kept.",
            TRAINING,
        ),
    ] = 1
    engine: Annotated[
        str,
        Setting(
            "What computes: auto for the fastest there is, compiled, or eager.",
            TRAINING,
        ),
    ] = "auto"
    resume: Annotated[
        Path | None,
        Setting(
            "Go on from the model.json of a training that was interrupted, or that, "
            "with the schedule constant, was to have fewer epochs.",
            TRAINING,
            metavar="FILE",
        ),
    ] = None
    progress: Annotated[bool, Setting("Show a bar while it trains.")] = True


# ---- what comes out ------------------------------------------------------------------


@dataclass(frozen=True)
class Predictor:
    """A model and what its numbers mean: rows of a table in, answers out.

    Rows are as the table has them, unscaled, with the columns `context.columns`.
    """

    model: Module
    context: Context

    def predict(
        self,
        X: Any,
        *,
        delimiter: str | None = None,
        names: str | Sequence[str] | None = None,
    ) -> list[Any]:
        """The class of each row, or the number in the target's own unit.

        X: N rows, lists or an array, with a value for each of `context.columns`; or a
            file's path; where it was trained on a file also a DataFrame, or a mapping
            of names to columns, in any order and among others.
        delimiter, names: of a file, as for `nn.table.read`.
        """
        return self.context.predictions(self._outputs(X, delimiter, names))

    def probabilities(
        self,
        X: Any,
        *,
        delimiter: str | None = None,
        names: str | Sequence[str] | None = None,
    ) -> Array:
        """How likely each of `context.labels.classes` is, of shape (N, classes).

        The arguments are those of `predict`.

        Raises ValueError where the target is a number, which has no classes.
        """
        if self.context.labels is None:
            raise ValueError(
                f"{self.context.target or 'the target'} is a number, so there are no "
                "classes to be likely; use predict(X)"
            )
        outputs = self._outputs(X, delimiter, names)
        return self.context.labels.probabilities(outputs)

    def _outputs(
        self, X: Any, delimiter: str | None, names: str | Sequence[str] | None
    ) -> Array:
        context = self.context
        if isinstance(X, (str, os.PathLike)):
            encoding = context.encoding or Encoding.of_numbers(context.features)
            X = encoding.read(X, delimiter, texts_in(names))
            context = replace(context, encoding=encoding)
        elif delimiter or names:
            said = "delimiter" if delimiter else "names"
            raise ValueError(f"{said} is for a file, and X is none: leave it out")
        return predict_parts(self.model, context.parts(X))

    def save(self, path: Path) -> None:
        """Write both into a file, for `load` and for `chainrule predict`."""
        save(self.model, path, context=self.context)


def _floats(y: Sequence[Any]) -> list[float]:
    return [float(number) for number in y]


def load(path: Path) -> Predictor:
    """Read a model with what its numbers mean, as `chainrule train` writes it.

    >>> from tempfile import TemporaryDirectory
    >>> trained = learn("iris", hidden=[], epochs=5)
    >>> with TemporaryDirectory() as folder:
    ...     trained.save(f"{folder}/iris.json")
    ...     again = load(f"{folder}/iris.json")
    >>> again.predict([[5.1, 3.5, 1.4, 0.2]])
    ['setosa']
    """
    saved = load_checkpoint(path)
    return Predictor(saved.model, saved.context)


@dataclass(frozen=True)
class Trained(Predictor):
    """What `learn` made: a predictor, how it came to be, and how good it is.

    parts: the rows by what they are for: "training", "validation", "test".
    rates: the range test, where the learning rate was found by one.
    scores: of each part the loss, and the accuracy or the error (the mean distance, in
        the target's own unit).
    """

    model: MLP
    history: History
    parts: dict[str, Dataset]
    scores: dict[str, dict[str, float]]
    rates: RateTest | None = None

    def report(self, part: str = "test") -> ClassReport | NumberReport:
        """How good it is on a part of the rows, and what guessing alone would give.

        part: "training", "validation" or "test".

        >>> learn("iris", epochs=20, seed=0).report().baseline.__round__(2)
        0.32
        """
        told, rows = self.parts["training"].y, self.parts[part]
        found = self.told(part)
        if self.context.labels:
            return metrics.classes(rows.y, found, metrics.most_frequent(told))
        return metrics.numbers(_floats(rows.y), _floats(found), fmean(_floats(told)))

    def diagnose(self) -> Diagnosis:
        """Why it does not learn, or learns what it should not; see `nn.diagnose`."""
        context = self.context
        X, y = _learned(self.parts["training"], context)
        names = context.features
        return diagnose(self.model, X, y, history=self.history, features=names)

    def told(self, part: str = "test") -> list[Any]:
        """What it tells of a part of the rows, in the target's own unit."""
        inputs = self.context.scaled(self.parts[part].X)
        return self.context.predictions(predict(self.model, inputs))

    def calibration(self, part: str = "test") -> tuple[Bin, ...]:
        """Whether what is told with 80 % is right in 80 of 100 rows; classes alone."""
        labels, rows = self.context.labels, self.parts[part]
        if labels is None:
            raise ValueError("the target is a number, which is told without a share")
        outputs = predict(self.model, self.context.scaled(rows.X))
        shares = labels.probabilities(outputs)
        return metrics.calibration(shares, labels.classes, rows.y)

    def importance(self, part: str = "test") -> tuple[Importance, ...]:
        """Which of the table's columns matter, the one that does most first."""
        context, history = self.context, self.history
        X, y = _learned(self.parts[part], context)

        def loss(outputs: Array) -> float:
            return measure(history, context, outputs, y)["loss"]

        return metrics.importance(self.model, X, loss, context.places())

    def __repr__(self) -> str:
        scores = [f"{name} {summary(found)}" for name, found in self.scores.items()]
        return f"Trained in {len(self.history)} epochs: {'; '.join(scores)}"


# ---- the recipe ----------------------------------------------------------------------

Tell = Callable[[Sequence[Meaning], Sequence[str]], object]
"""What is told before a training: the meaning of each column, and notes."""


def learn(
    data: Path | Dataset | Table,
    settings: Settings | None = None,
    *,
    checkpoint: Path | None = None,
    told: Tell | None = None,
    **changes: Any,
) -> Trained:
    """Train a network on a table, and measure it on rows that it never saw.

    data: the name of a set (see `nn.data.SETS`), a file whose first line names the
        columns (see `nn.table.read`), a `Table`, or a `Dataset`.
    settings: how; the default `Settings()` where there are none.
    checkpoint: a file to write at the end, at Ctrl-C, and every second meanwhile;
        `resume` goes on from it, and `load` reads the model in it.
    told: called before the training with what was understood of each column of a file,
        and with notes.
    changes: single settings by name, such as `epochs=20`.

    Inputs, and a target that is a number, are scaled by the rows trained on. Nothing is
    printed but a bar where a terminal is watching, and nothing written but the
    checkpoint. Raises what `nn.fit` raises, ValueError for a table that can't be
    learned from, and TypeError for a setting that does not exist.

    >>> trained = learn("iris", epochs=30, validation=0.2, seed=0)
    >>> list(trained.parts), trained.history.loss_name
    (['training', 'validation', 'test'], 'cross_entropy')
    >>> trained.probabilities([[5.1, 3.5, 1.4, 0.2]]).round(1).tolist()
    [[1.0, 0.0, 0.0]]
    """
    require("numpy")
    settings = _changed(settings or Settings(), changes)
    _check(settings)
    table, parts, encoding = _in_numbers(load_data(data, settings), settings, told)
    context = _context(table, parts["training"], settings, encoding)
    if settings.resume:
        _check_same_rows(settings.resume, context)
    model = make_model(table, settings)
    asked, aside = settings.loss, parts.get("validation")
    options: dict[str, Any] = {
        "loss": asked if asked != "auto" else default_loss(table),
        "optimizer": make_optimizer(settings, parts["training"]),
        "class_weights": _class_weights(parts["training"], settings),
        "validation": _learned(aside, context) if aside else None,
        "checkpoint": checkpoint,
        "context": context,
    }
    inside = parts["training"]
    # A part is scaled where it is used, and not kept so: it may be a large table.
    tried = _learned(inside, context) if settings.find_lr else None
    rates = _found_rate(model, tried, options) if tried else None
    options = _shared_with_fit(settings) | options
    history = fit(model, *_learned(inside, context), **options)
    context = with_labels(context, history.labels)
    tell = answering(model)
    scores = {name: _scores(tell, history, context, parts[name]) for name in parts}
    return Trained(model, context, history, parts, scores, rates)


def repeated(
    data: Path | Dataset | Table, settings: Settings, first: Trained
) -> tuple[float, ...]:
    """The test's accuracy or error for each of `settings.repeat` seeds.

    first: the training with the settings' own seed. Each of the others has the next
    seed, which decides the split as well as the first weights.
    """
    _check(settings)
    seeds = range(settings.seed + 1, settings.seed + settings.repeat)
    others = [learn(data, replace(settings, seed=seed, resume=None)) for seed in seeds]
    scores = [trained.scores["test"] for trained in (first, *others)]
    return tuple(found.get("accuracy", found.get("error", 0.0)) for found in scores)


def _check(settings: Settings) -> None:
    """Raise what is wrong whatever the table is, before a word is told of it."""
    _sizes(settings.hidden)
    MLP(1, [1, 1], settings.activation)
    usual(settings.optimizer, settings.lr, settings.weight_decay or 0.0)
    choose_loss(settings.loss, [], 1, 0.0)
    _check_weights(settings.class_weights)
    if settings.repeat < 1:
        raise ValueError(f"repeat is a whole number from 1; got {settings.repeat}")
    if settings.resume:
        load_checkpoint(settings.resume)
    size = "auto" if settings.batch_size is None else settings.batch_size
    check({**vars(settings), "batch_size": size})


def _learned(part: Dataset, context: Context) -> tuple[Array, Targets]:
    """Inputs and targets of some rows, as the model learns them."""
    return context.scaled(part.X), context.targets(part.y)


def _scores(
    tell: Callable[[Array], Array], history: History, context: Context, part: Dataset
) -> dict[str, float]:
    """How good a model is on some rows; tell: its outputs for them."""
    X, y = _learned(part, context)
    return measure(history, context, tell(X), y)


def _found_rate(
    model: MLP, rows: tuple[Array, Targets], options: Mapping[str, Any]
) -> RateTest:
    """The range test for these rows; the optimizer gets the rate it suggests."""
    optimizer = options["optimizer"]
    found = find_lr(model, *rows, options["loss"], optimizer)
    optimizer.lr = found.suggestion
    return found


def _changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    known = [field.name for field in fields(Settings)]
    for name in changes:
        if name not in known:
            raise TypeError(
                f"there is no setting {name!r}; there are: {', '.join(known)}"
            )
    return replace(settings, **changes)


def _shared_with_fit(settings: Settings) -> dict[str, Any]:
    """The settings that `fit` has an argument for, by its name."""
    known = signature(fit).parameters
    found = {name: value for name, value in vars(settings).items() if name in known}
    if settings.batch_size is None:  # which `fit` takes for all at once
        del found["batch_size"]
    return found


def _in_numbers(
    read: Table | Dataset, settings: Settings, told: Tell | None
) -> tuple[Dataset, dict[str, Dataset], Encoding | None]:
    """What tells the classes, and each part as numbers, in a way that the part to train
    on alone decides.
    """
    if isinstance(read, Dataset):
        return read, divide(read, settings), None
    tables = divide(read, settings)
    encoding = tables["training"].encoding()
    if told is not None:
        notes = _rare_class(tables["training"], settings)
        told(meanings(read, encoding), (*read.notes, *notes))
    parts = {name: encoding.dataset(tables.pop(name)) for name in list(tables)}
    return parts["training"], parts, encoding


def _context(
    table: Dataset, inside: Dataset, settings: Settings, encoding: Encoding | None
) -> Context:
    """What the numbers mean; the scaling is that of the rows trained on."""
    numbers = predicts_numbers(table, settings)
    return Context(
        table.features,
        table.target,
        scaling=encoding.scaling(inside) if encoding else Scaling.fit(inside.X),
        target_scaling=Scaling.fit(as_column(inside.y)) if numbers else None,
        encoding=encoding,
    )


def _check_same_rows(path: Path, context: Context) -> None:
    """The means of the columns tell whether a checkpoint saw the same rows."""
    before = load_checkpoint(path).context
    if with_labels(before, None) != context:
        raise ValueError(
            f"{path} was trained on other rows; resume needs the same data, target, "
            "test, validation and seed as before"
        )


# ---- the table -----------------------------------------------------------------------


def load_data(data: Path | Dataset | Table, settings: Settings) -> Dataset | Table:
    """The named set, or the table in a file. Raises ValueError that lists the sets."""
    if isinstance(data, Dataset | Table):
        return data
    if not isinstance(data, str | os.PathLike):
        raise TypeError(
            f"data is a set's name, a file, a Table or a Dataset; got {data!r}"
        )
    if data in SETS:
        _check_used(settings, str(data), FILE, *() if data in GENERATED else (DRAWN,))
        return SETS[str(data)](**_drawn(str(data), settings))
    path = os.fspath(data)
    if path != "-" and not os.path.exists(path):
        raise ValueError(_no_file(path))
    _check_used(settings, path, DRAWN)
    names = texts_in(settings.names)
    sheet = read_sheet(path, delimiter=settings.delimiter, names=names)
    if settings.target is None:
        raise ValueError(
            f"which column of {path} is to be predicted? Say it with target "
            f"(--target COLUMN); it has: {', '.join(sheet.names[:20])}"
        )
    return read_table(sheet, settings.target, _told(settings, sheet.names))


def _check_used(settings: Settings, data: str, *others: str) -> None:
    """Refuse a setting that would be ignored, since it can't be said of these data."""
    hints = get_type_hints(Settings, include_extras=True)
    for setting in fields(Settings):
        told: Setting = hints[setting.name].__metadata__[0]
        if told.only in others and getattr(settings, setting.name) != setting.default:
            raise ValueError(f"{setting.name} is for {told.only}, and {data} is none")


def _no_file(path: str) -> str:
    if "://" in path:
        return f"{path!r} is an address; download the file, and give its path"
    near = meant(path, SETS)
    if not near and "did you mean" in (other := absent(path)):
        return other
    return f"{path!r} is neither a file nor one of the sets {', '.join(SETS)}{near}"


def _told(settings: Settings, columns: Sequence[str]) -> Told:
    """What the settings say of a file with these columns."""
    task = settings.task
    if task == "auto" and settings.loss in NUMBER_LOSSES:
        task = "number"
    if task == "auto" and settings.loss in ("cross_entropy", *BINARY):
        task = "classes"
    return Told(
        names_in(settings.numbers, columns),
        names_in(settings.categories, columns),
        names_in(settings.ignore, columns),
        task,
        texts_in(settings.missing),
        settings.decimal,
    )


def _drawn(name: str, settings: Settings) -> dict[str, Any]:
    """The arguments of a set that is drawn at random; the others take none."""
    if name not in GENERATED:
        return {}
    noise = {} if settings.noise is None else {"noise": settings.noise}
    return {"rows": settings.rows, "seed": settings.seed, **noise}


Rowed = TypeVar("Rowed", Dataset, Table)


def divide(data: Rowed, settings: Settings) -> dict[str, Rowed]:
    """The rows by what they are for; no row is in two parts."""
    inside, outside = data.split(settings.test, settings.seed)
    if not settings.validation:
        return {"training": inside, "test": outside}
    inside, aside = inside.split(settings.validation, settings.seed, "validation")
    return {"training": inside, "validation": aside, "test": outside}


# ---- the network and how it is trained -----------------------------------------------


def predicts_numbers(data: Dataset, settings: Settings) -> bool:
    """Whether the target is a number to come close to, not a class."""
    asked = settings.loss in NUMBER_LOSSES
    return not data.classes or (asked and not isinstance(data.y[0], str))


def default_loss(data: Dataset) -> str:
    """Cross-entropy for classes, the squared error for numbers."""
    if not data.classes:
        return "mse"
    return "cross_entropy" if len(data.classes) > 2 else BINARY[2]


def make_model(data: Dataset, settings: Settings) -> MLP:
    """A perceptron with an output per class, or one for two classes or a number."""
    hidden = _sizes(settings.hidden)
    outputs = len(data.classes) if len(data.classes) > 2 else 1
    if settings.loss in NUMBER_LOSSES:
        outputs = 1
    if settings.loss == "cross_entropy":
        outputs = max(2, len(data.classes))
    last = "sigmoid" if settings.loss == "binary_cross_entropy" else None
    return MLP(
        len(data.features),
        [*hidden, outputs],
        settings.activation,
        last,
        seed=settings.seed,
    )


RARE = 0.1
"""A class is rare that has less than this part of what would be its equal share."""


def _class_weights(inside: Dataset, settings: Settings) -> str | None:
    """What `fit` is to do; inside: the rows to train on."""
    asked = settings.class_weights
    if asked == "auto":
        rare = not predicts_numbers(inside, settings) and _rarest(inside) is not None
        return "root" if rare else None
    return None if asked == "none" else asked


def _check_weights(asked: Any) -> None:
    offered = ("auto", "none", *POWERS)
    if isinstance(asked, str) and asked not in offered:
        raise ValueError(unknown("class_weights", asked, offered))


def _rarest(data: Dataset | Table) -> tuple[tuple[Any, int], tuple[Any, int]] | None:
    """The rarest class and the most frequent, with their rows; None if none is rare."""
    counts = Counter(data.y).most_common()
    few = counts[-1][1] < RARE * len(data.y) / len(counts)
    return (counts[-1], counts[0]) if few else None


def _rare_class(inside: Table, settings: Settings) -> Iterator[str]:
    """What is to be told of classes that count more than others."""
    if not inside.classes or settings.class_weights != "auto":
        return
    if settings.loss not in NUMBER_LOSSES and (found := _rarest(inside)):
        (rare, few), (usual, many) = found
        yield (
            f"{quoted(str(rare))} is rare, {few} of {len(inside)} rows to train on: "
            f"each counts {(many / few) ** 0.5:.2g} times as much as one of "
            f"{quoted(str(usual))} (--class-weights none: as much)"
        )


def _sizes(hidden: str | Sequence[int]) -> Sequence[int]:
    """The sizes in `16,16`; an empty text means no hidden layer."""
    if not isinstance(hidden, str):
        return hidden
    sizes = [size.strip() for size in hidden.split(",")] if hidden.strip() else []
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise ValueError(f"hidden takes layer sizes such as 16,16; got {hidden!r}")
    return [int(size) for size in sizes]


def make_optimizer(settings: Settings, inside: Dataset) -> Optimizer:
    """The named optimizer, with what suits the table where a setting is not given.

    inside: the rows to train on, in numbers.
    """
    name, decay = settings.optimizer, settings.weight_decay
    if decay is None:
        decay = decay_for(name, len(inside), len(inside.features))
    return usual(name, settings.lr, decay)


# ---- how good it is ------------------------------------------------------------------


def measure(
    history: History, context: Context, outputs: Array, y: Targets
) -> dict[str, float]:
    """The loss, and the accuracy for classes or the error (mean distance) for numbers.

    outputs, y: the model's outputs and the targets as it learns them.
    """
    rows = outputs.reshape(len(outputs), -1)
    loss, labels = LOSSES[history.loss_name], history.labels
    targets = encode(y, labels, loss, rows.shape[1])
    found = {"loss": loss_of(loss, rows, targets)}
    if labels is None:
        return {**found, "error": context.unit * mean_error(squeezed(rows), targets)}
    return {**found, "accuracy": accuracy(labels)(rows, targets)}
