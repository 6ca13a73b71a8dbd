"""What `chainrule train` and `chainrule predict` do."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from autograd import Value
from nn import MLP, History, Module, Sequential, fit, mse, predict
from nn.checkpoint import Context, load_checkpoint, with_labels
from nn.data import (
    GENERATED,
    MISSING,
    SETS,
    Dataset,
    Scaling,
    column_names,
    number_in,
    read_csv,
    read_features,
)
from nn.engine import loss_of
from nn.losses import LOSSES
from nn.module import Neuron
from nn.optim import OPTIMIZERS, SGD, Optimizer
from nn.targets import BINARY, Labels, as_predictions, encode, plain
from nn.training import Metric, accuracy, mean_error
from viz.graph import draw
from viz.plots import plot_confusion, plot_decision_boundary, plot_history
from viz.render import Graph

if TYPE_CHECKING:
    from nn.optim import Array


NUMBER_LOSSES = ("mse", "mae", "huber")


@dataclass(frozen=True)
class Settings:
    """What a user typed after `chainrule train`; see the command's help."""

    data: str
    target: str | None
    delimiter: str
    hidden: str
    activation: str
    loss: str
    optimizer: str
    lr: float | None
    weight_decay: float | None
    schedule: str
    epochs: int
    batch_size: int
    validation: float
    patience: int | None
    clip: float | None
    test: float
    rows: int
    noise: float | None
    seed: int
    out: Path
    resume: Path | None
    engine: str
    progress: bool


@dataclass(frozen=True)
class Trained:
    """What came out: the model, what its numbers mean, and the rows it saw or did not.

    parts: the rows by what they are for: "training", "validation", "test".
    scores: the loss and the accuracy, or the error, for each part.
    """

    model: MLP
    history: History
    context: Context
    parts: dict[str, Dataset]
    scores: dict[str, dict[str, float]]


def train(settings: Settings) -> None:
    """Train on a table, write pictures and the model, and print how good it is."""
    saved = settings.out / "model.json"
    with _folder(settings.out):
        trained = learn(settings, checkpoint=saved)
    pictures = draw_pictures(trained)
    for name in PICTURES:
        if name in pictures:
            pictures[name].save(settings.out / name)
        else:  # of an earlier training, on other data
            (settings.out / name).unlink(missing_ok=True)
    _report(trained)
    print(f"written to {settings.out}: {', '.join([*pictures, saved.name])}")
    if trained.history.stopped == "interrupted":
        print(f"interrupted; the same command with --resume {saved} goes on")
    print(last_line(trained.scores["test"]))


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder to write into, which goes again where nothing came to be written."""
    fresh = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if fresh:
            with suppress(OSError):  # it holds a checkpoint
                path.rmdir()
        raise


def learn(settings: Settings, checkpoint: Path | None = None) -> Trained:
    """Train as the settings say; nothing is printed, or written but the checkpoint."""
    data = load_data(settings)
    parts = divide(data, settings)
    inside = parts["training"]
    numbers = predicts_numbers(data, settings)
    context = Context(
        data.features,
        data.target,
        scaling=Scaling.fit(inside.X),
        target_scaling=Scaling.fit([[y] for y in inside.y]) if numbers else None,
    )
    if settings.resume:
        _check_same_rows(settings.resume, context)
    model = make_model(data, settings)
    tables = {
        name: (context.inputs(p.X), context.targets(p.y)) for name, p in parts.items()
    }
    history = fit(
        model,
        *tables["training"],
        loss=settings.loss if settings.loss != "auto" else default_loss(data),
        optimizer=make_optimizer(settings),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        validation=tables.get("validation"),
        seed=settings.seed,
        engine=settings.engine,
        progress=settings.progress,
        schedule=settings.schedule,
        clip=settings.clip,
        patience=settings.patience,
        metrics={"error": error_in(context)} if numbers else None,
        checkpoint=checkpoint,
        resume=settings.resume,
        context=context,
    )
    context = with_labels(context, history.labels)
    scores = {
        name: measure(history, context, predict(model, X), y)
        for name, (X, y) in tables.items()
    }
    return Trained(model, history, context, parts, scores)


# ---- what to train -------------------------------------------------------------------


def load_data(settings: Settings) -> Dataset:
    """The named set, or the CSV file. Raises ValueError that lists the sets."""
    if settings.data in SETS:
        return SETS[settings.data](**_drawn(settings))
    path = Path(settings.data)
    if not path.exists():
        known = ", ".join(SETS)
        raise ValueError(
            f"{settings.data!r} is neither a file nor one of the sets {known}"
        )
    delimiter = delimiter_of(settings.delimiter)
    if settings.target is None:
        raise ValueError(
            f"which column of {path} is to be predicted? Add --target COLUMN; it has: "
            + ", ".join(column_names(path, delimiter)[:20])
        )
    return read_csv(path, settings.target, delimiter)


def _drawn(settings: Settings) -> dict[str, Any]:
    """The arguments of a set that is drawn at random; the others take none."""
    if settings.data not in GENERATED:
        return {}
    noise = {} if settings.noise is None else {"noise": settings.noise}
    return {"rows": settings.rows, "seed": settings.seed, **noise}


def divide(data: Dataset, settings: Settings) -> dict[str, Dataset]:
    """The rows by what they are for; no row is in two parts."""
    inside, outside = data.split(settings.test, settings.seed)
    if not settings.validation:
        return {"training": inside, "test": outside}
    inside, aside = inside.split(settings.validation, settings.seed)
    return {"training": inside, "validation": aside, "test": outside}


def predicts_numbers(data: Dataset, settings: Settings) -> bool:
    """Whether the target is a number to come close to, not a class."""
    asked = settings.loss in NUMBER_LOSSES
    return not data.classes or (asked and not isinstance(data.y[0], str))


def _check_same_rows(path: Path, context: Context) -> None:
    """The means of the columns tell whether a checkpoint saw the same rows."""
    before = load_checkpoint(path).context
    if with_labels(before, None) != context:
        raise ValueError(
            f"{path} was trained on other rows; --resume needs the same data, target, "
            "--test, --validation and --seed as before"
        )


def make_model(data: Dataset, settings: Settings) -> MLP:
    """A perceptron with an output per class, or one for two classes or a number."""
    hidden = _layers(settings.hidden)
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


def default_loss(data: Dataset) -> str:
    """Cross-entropy for classes, the squared error for numbers."""
    if not data.classes:
        return "mse"
    return "cross_entropy" if len(data.classes) > 2 else BINARY[2]


def _layers(text: str) -> list[int]:
    """The sizes in `16,16`; an empty text means no hidden layer."""
    try:
        return [int(size) for size in text.split(",")] if text.strip() else []
    except ValueError:
        raise ValueError(
            f"--hidden takes layer sizes such as 16,16; got {text!r}"
        ) from None


RATES = {"sgd": 0.1}
DECAYS = {"adamw": 0.2}
"""Where none is given. Decays of 0.1 to 0.5 did best for tables of few rows, wine and
iris, over 60 splits of them; with 1 the spirals are no longer learned."""


def make_optimizer(settings: Settings) -> Optimizer:
    """The named optimizer, with its usual learning rate where none is given."""
    name, lr, decay = settings.optimizer, settings.lr, settings.weight_decay
    if name not in OPTIMIZERS:
        raise ValueError(
            f"unknown optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}"
        )
    lr = RATES.get(name, 0.01) if lr is None else lr
    decay = DECAYS.get(name, 0.0) if decay is None else decay
    if name == "sgd":
        return SGD(lr=lr, momentum=0.9, weight_decay=decay)
    return OPTIMIZERS[name](lr=lr, weight_decay=decay)


# ---- how good it is ------------------------------------------------------------------


def measure(
    history: History, context: Context, outputs: Array, y: list[Any]
) -> dict[str, float]:
    """The loss, and the accuracy for classes or the error (mean distance) for numbers.

    outputs, y: the model's outputs and the targets as it learns them.
    """
    rows = outputs.reshape(len(outputs), -1)
    loss, labels = LOSSES[history.loss_name], history.labels
    targets = encode(y, labels, loss, rows.shape[1]).tolist()
    found = {"loss": loss_of(loss, rows, targets)}
    if labels is None:
        return {**found, "error": error_in(context)(as_predictions(rows), targets)}
    return {**found, "accuracy": accuracy(labels)(as_predictions(rows), targets)}


def last_line(scores: dict[str, float]) -> str:
    """`test accuracy 0.990`, or `test error 12.5` in the target's own unit."""
    name = "accuracy" if "accuracy" in scores else "error"
    return f"test {name} {_digits(name, scores[name])}"


def error_in(context: Context) -> Metric:
    """The mean distance in the target's own unit."""
    unit = context.target_scaling.deviation[0] if context.target_scaling else 1.0
    return lambda outputs, targets: unit * mean_error(outputs, targets)


def _report(trained: Trained) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    facts = Table(show_header=False)
    for name, fact in _facts(trained).items():
        facts.add_row(Text(name), Text(fact))
    results = Table("", "rows", *trained.scores["test"])
    for column in results.columns[1:]:
        column.justify = "right"
    for name, scores in trained.scores.items():
        rows = str(len(trained.parts[name]))
        results.add_row(name, rows, *[_digits(*score) for score in scores.items()])
    console = Console()
    console.print(facts)
    console.print(results)


def _facts(trained: Trained) -> dict[str, str]:
    model, history, context = trained.model, trained.history, trained.context
    columns = len(context.features)
    sizes = [columns, *[layer.nout for layer in model.layers]]
    stopped = history.stopped.replace("early", "stopped early")
    best = {"best epoch": f"{history.best_epoch}, whose weights are kept"}
    return {
        "target": f"{context.target}, from {columns} column{'s' * (columns > 1)}",
        "network": f"{'-'.join(map(str, sizes))}, {len(model.parameters())} parameters",
        "loss": history.loss_name.replace("_", " "),
        "epochs": f"{len(history)} ({stopped}), {history.seconds:.1f} s",
        **(best if history.best_epoch else {}),
        "engine": history.engine,
    }


def _digits(name: str, x: float) -> str:
    return f"{x:.3f}" if name == "accuracy" else f"{x:.4g}"


# ---- pictures ------------------------------------------------------------------------

PICTURES = ("history.svg", "boundary.svg", "confusion.svg", "graph.svg")


def draw_pictures(trained: Trained) -> dict[str, Any]:
    """Every picture that suits the data, by the name of its file."""
    model, history, context = trained.model, trained.history, trained.context
    test = trained.parts["test"]
    pictures: dict[str, Any] = {}
    if len(history):
        pictures["history.svg"] = plot_history(history)
    if len(context.features) == 2:
        pictures["boundary.svg"] = plot_decision_boundary(
            _in_own_unit(model, context.target_scaling),
            test.X,
            test.y,
            labels=history.labels,
            scaling=context.scaling,
            features=context.features,
        )
    if history.labels:
        found = context.predictions(predict(model, context.inputs(test.X)))
        pictures["confusion.svg"] = plot_confusion(test.y, found)
    rows = context.inputs(trained.parts["training"].X)
    pictures["graph.svg"] = neuron_graph(model, rows, context.features)
    return pictures


def _in_own_unit(model: MLP, scaling: Scaling | None) -> Module:
    """The model with an output in the target's unit."""
    if scaling is None:
        return model
    (mean,), (deviation,) = scaling.mean, scaling.deviation
    return Sequential(model, lambda z: z * deviation + mean)


SHOWN = 4


def neuron_graph(model: MLP, X: Array, features: tuple[str, ...]) -> Graph:
    """The loss of one neuron for one row, with every gradient.

    The neuron is the first of the first layer that the first row makes react; what it
    is asked for is to react no more, a target of 0. Of many inputs four are shown, the
    rest being part of the bias.
    """
    row = X[0].tolist()
    neurons = model.layers[0].neurons
    chosen = next((n for n in neurons if n(row).data != 0), neurons[0])
    shown = min(SHOWN, len(row))
    neuron = Neuron(shown, chosen.activation, seed=0)
    for copy, weight in zip(neuron.w, chosen.w, strict=False):
        copy.data, copy.label = weight.data, weight.label
    rest = zip(chosen.w[shown:], row[shown:], strict=True)
    neuron.b.data = chosen.b.data + math.fsum(w.data * x for w, x in rest)
    neuron.b.label = chosen.b.label + (" + other inputs" if len(row) > shown else "")
    x = [Value(row[i], label=features[i]) for i in range(shown)]
    loss = mse(neuron(x), 0.0)
    loss.label = "loss"
    loss.backward()
    return draw(loss, detail="op", expand=True)


# ---- using a model -------------------------------------------------------------------


def predict_file(model: Path, data: Path, delimiter: str) -> None:
    """Print a prediction for every row of a CSV file, as CSV."""
    checkpoint = load_checkpoint(model)
    context = checkpoint.context
    if not context.features:
        raise ValueError(
            f"{model} does not say which columns its inputs are; only models that "
            "`chainrule train` wrote can be used on a file"
        )
    X, columns = read_features(data, context.features, delimiter_of(delimiter))
    outputs = predict(checkpoint.model, context.inputs(X)).reshape(len(X), -1)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for line in prediction_table(context, outputs):
        writer.writerow(line)
    if context.target in columns:
        _compare(context, outputs, columns[context.target])


def prediction_table(context: Context, outputs: Array) -> list[list[Any]]:
    """The lines to print: the prediction, and the probability of each class."""
    labels, found = context.labels, context.predictions(outputs)
    name = context.target or "prediction"
    if labels is None:
        return [[name], *[[repr(x)] for x in found]]
    shares = probabilities(outputs, labels).tolist()
    head = [name, *[f"P({label})" for label in labels.classes]]
    return [head] + [
        [label, *[f"{share:.4f}" for share in row]]
        for label, row in zip(found, shares, strict=True)
    ]


def probabilities(outputs: Array, labels: Labels) -> Array:
    """How likely each class is, of shape (N, classes)."""
    import numpy as np

    if outputs.shape[1] == 1:
        p = (
            outputs
            if labels.threshold
            else 1 / (1 + np.exp(-np.clip(outputs, -700, 700)))
        )
        return np.concatenate([1 - p, p], axis=1)
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _compare(context: Context, outputs: Array, truth: list[str]) -> None:
    """Say on stderr how good the predictions are, where the file tells the target."""
    found = context.predictions(outputs)
    told = [row for row, text in enumerate(truth) if text.lower() not in MISSING]
    if context.labels is None:
        numbers = [number_in(text) for text in truth]
        told = [row for row in told if numbers[row] is not None]
        off = [abs(found[row] - (numbers[row] or 0.0)) for row in told]
        result = f"error {fmean(off):.4g}" if off else ""
    else:
        right = [label_in(truth[row]) == label_in(str(found[row])) for row in told]
        result = f"accuracy {fmean(right):.3f}" if right else ""
    if result:
        print(f"{result} on {len(told)} of {len(truth)} rows", file=sys.stderr)


def label_in(text: str) -> str:
    """A class's text; 1.0 is the class 1."""
    number = number_in(text)
    return text if number is None else str(plain([number])[0])


DELIMITERS = {"tab": "\t", "\\t": "\t"}


def delimiter_of(text: str) -> str:
    """The character that a user means, who can hardly type a tab."""
    return DELIMITERS.get(text, text)
