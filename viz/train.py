"""What `chainrule train` and `chainrule predict` do."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd import Value
from nn import MLP, History, fit, mse, predict
from nn.checkpoint import Context, load_checkpoint
from nn.data import GENERATED, SETS, Dataset, Scaling, read_csv, read_features
from nn.module import Neuron
from nn.optim import OPTIMIZERS, SGD, Optimizer
from nn.targets import BINARY, Labels
from nn.training import accuracy, as_predictions, mean_error
from viz.graph import draw
from viz.plots import plot_confusion, plot_decision_boundary, plot_history
from viz.render import Graph

if TYPE_CHECKING:
    from nn.optim import Array


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
    weight_decay: float
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


def train(settings: Settings) -> None:
    """Train on a table, write pictures and the model, and print how good it is."""
    data = load_data(settings)
    inside, outside = data.split(settings.test, settings.seed)
    scaling = Scaling.fit(inside.X)
    model = make_model(data, settings)
    context = Context(data.features, data.target, scaling)
    settings.out.mkdir(parents=True, exist_ok=True)
    saved = settings.out / "model.json"
    history = fit(
        model,
        scaling(inside.X),
        inside.y,
        loss=settings.loss if settings.loss != "auto" else default_loss(data),
        optimizer=make_optimizer(settings),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        validation=settings.validation or None,
        seed=settings.seed,
        engine=settings.engine,
        progress=settings.progress,
        schedule=settings.schedule,
        clip=settings.clip,
        patience=settings.patience,
        checkpoint=saved,
        resume=settings.resume,
        context=context,
    )
    outputs = predict(model, scaling(outside.X)).reshape(len(outside), -1)
    score = measure(history.labels, outputs, outside.y)
    pictures = draw_pictures(model, history, inside, outside, scaling, outputs)
    for name, picture in pictures.items():
        picture.save(settings.out / name)
    _report(model, history, data, (len(inside), len(outside)), score)
    print(f"written to {settings.out}: {', '.join([*pictures, saved.name])}")
    if history.stopped == "interrupted":
        print(f"interrupted; the same command with --resume {saved} goes on")
    print(f"test {score[0]} {score[1]:.3f}")


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
    if settings.target is None:
        raise ValueError(
            f"which column of {path} is to be told from the others? Add --target COLUMN"
        )
    return read_csv(path, settings.target, settings.delimiter)


def _drawn(settings: Settings) -> dict[str, Any]:
    """The arguments of a set that is drawn at random; the others take none."""
    if settings.data not in GENERATED:
        return {}
    noise = {} if settings.noise is None else {"noise": settings.noise}
    return {"rows": settings.rows, "seed": settings.seed, **noise}


def make_model(data: Dataset, settings: Settings) -> MLP:
    """A perceptron with an output per class, or one for two classes or a number."""
    hidden = _layers(settings.hidden)
    outputs = len(data.classes) if len(data.classes) > 2 else 1
    if settings.loss in ("mse", "mae", "huber"):
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


RATES = {"sgd": 0.1, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.01}


def make_optimizer(settings: Settings) -> Optimizer:
    """The named optimizer, with its usual learning rate where none is given."""
    name = settings.optimizer
    if name not in OPTIMIZERS:
        raise ValueError(
            f"unknown optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}"
        )
    lr = RATES[name] if settings.lr is None else settings.lr
    if name == "sgd":
        return SGD(lr=lr, momentum=0.9, weight_decay=settings.weight_decay)
    return OPTIMIZERS[name](lr=lr, weight_decay=settings.weight_decay)


# ---- how good it is ------------------------------------------------------------------


def measure(labels: Labels | None, outputs: Array, y: list[Any]) -> tuple[str, float]:
    """`accuracy` and its number for classes, `error` (mean distance) for numbers."""
    if labels is None:
        return "error", mean_error(as_predictions(outputs), y)
    targets = labels.index(y).tolist()
    return "accuracy", accuracy(labels)(as_predictions(outputs), targets)


def _report(
    model: MLP,
    history: History,
    data: Dataset,
    rows: tuple[int, int],
    score: tuple[str, float],
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    sizes = [layer.nout for layer in model.layers]
    layers = "-".join(map(str, [len(data.features), *sizes]))
    lines = {
        "to tell": f"{data.target} from {len(data.features)} columns",
        "rows": f"{rows[0]} to train on, {rows[1]} to test on",
        "network": f"{layers}, {len(model.parameters())} parameters",
        "made small": history.loss_name.replace("_", " "),
        "epochs": f"{len(history)} ({history.stopped}), {history.seconds:.1f} s",
        "engine": history.engine,
        **{name.replace("_", " "): _number(x) for name, x in history.last().items()},
        f"test {score[0]}": _number(score[1]),
    }
    for name, line in lines.items():
        table.add_row(Text(name), Text(line))
    Console().print(table)


def _number(x: float) -> str:
    return f"{x:.4g}"


# ---- pictures ------------------------------------------------------------------------


def draw_pictures(
    model: MLP,
    history: History,
    inside: Dataset,
    outside: Dataset,
    scaling: Scaling,
    outputs: Array,
) -> dict[str, Any]:
    """Every picture that suits the data, by the name of its file."""
    pictures: dict[str, Any] = {}
    if len(history):
        pictures["history.svg"] = plot_history(history)
    if len(inside.features) == 2:
        pictures["boundary.svg"] = plot_decision_boundary(
            model,
            outside.X,
            outside.y,
            labels=history.labels,
            scaling=scaling,
            features=inside.features,
        )
    if history.labels:
        found = history.labels.name(outputs)
        pictures["confusion.svg"] = plot_confusion(outside.y, found)
    pictures["graph.svg"] = neuron_graph(model, scaling(inside.X), inside.features)
    return pictures


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
    X, columns = read_features(data, context.features, delimiter)
    inputs = context.scaling(X) if context.scaling else X
    outputs = predict(checkpoint.model, inputs).reshape(len(X), -1)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for line in prediction_table(context, outputs):
        writer.writerow(line)
    _compare(context, outputs, columns)


def prediction_table(context: Context, outputs: Array) -> list[list[Any]]:
    """The lines to print: the prediction, and the probability of each class."""
    labels = context.labels
    name = context.target or "prediction"
    if labels is None:
        return [[name], *[[repr(x)] for x in outputs[:, 0].tolist()]]
    shares = probabilities(outputs, labels).tolist()
    head = [name, *[f"P({label})" for label in labels.classes]]
    return [head] + [
        [label, *[f"{share:.4f}" for share in row]]
        for label, row in zip(labels.name(outputs), shares, strict=True)
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


def _compare(
    context: Context, outputs: Array, columns: Mapping[str, list[str]]
) -> None:
    """Say on stderr how good the predictions are, where the file holds the target."""
    if context.target not in columns:
        return
    truth = columns[context.target]
    if context.labels is None:
        y: list[Any] = [float(text) for text in truth]
    else:
        by_text = {str(label): label for label in context.labels.classes}
        y = [by_text.get(text, text) for text in truth]
    name, number = measure(context.labels, outputs, y)
    print(f"{name} {number:.3f} on {len(y)} rows", file=sys.stderr)
