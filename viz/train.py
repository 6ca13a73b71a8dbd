"""What `chainrule train` and `chainrule predict` draw, write and print."""

from __future__ import annotations

import csv
import math
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, TextIO

from autograd import Value
from autograd.wording import counted
from nn import MLP, DivergenceError, Module, Sequential
from nn.cells import numbers
from nn.checkpoint import Context, load_checkpoint
from nn.choices import usual
from nn.columns import texts_in
from nn.data import SETS, Scaling
from nn.diagnose import TOO_LARGE
from nn.encoding import Encoding
from nn.engine import predict_parts
from nn.language import TrainedText, learn_text, load_text, text_of
from nn.losses import LOSSES
from nn.metrics import ClassReport, Importance, NumberReport
from nn.recipe import Settings, Trained, learn, repeated
from nn.table import Meaning
from nn.targets import encode, plain
from nn.tokens import Text, parts_of
from viz.network import network
from viz.plots import (
    plot_attention,
    plot_calibration,
    plot_confusion,
    plot_decision_boundary,
    plot_embedding,
    plot_history,
    plot_importance,
    plot_predictions,
    plot_rates,
    plot_token_losses,
)
from viz.render import Graph, visible
from viz.usage import columns, fitted

if TYPE_CHECKING:
    from nn.hints import Array


def train(data: str, settings: Settings, out: Path) -> None:
    """Train on a table, write pictures and the model, and print how good it is."""
    saved = out / "model.json"
    with _folder(out):
        before = _context_in(saved)
        try:
            with _notes():
                trained = learn(data, settings, checkpoint=saved, told=tell)
        except DivergenceError as error:
            _keep(error, out)
            raise
        if before and before != _what(trained.context):
            _say(f"{saved} was of other data, {before}; replaced", sys.stderr)
        mattering = trained.importance()
        pictures = draw_pictures(trained, mattering)
        for name in PICTURES:
            if name in pictures:
                pictures[name].save(out / name)
            else:  # of an earlier training, on other data
                (out / name).unlink(missing_ok=True)
    _report(trained, mattering)
    _tell_spread(repeated(data, settings, trained), trained)
    findings = trained.diagnose().findings
    for finding in findings:
        _say(str(finding))
    names = ", ".join([*pictures, saved.name])
    _say(f"written to {out}: {names}")
    if trained.history.stopped == "interrupted":
        _say(f"interrupted; the same command with --resume {saved} goes on")
    _say(last_line(trained.scores["test"]))
    for finding in findings:
        if finding.cause == TOO_LARGE:  # it stayed finite, but that is all
            raise ArithmeticError(f"the training failed: {finding}")


@contextmanager
def _notes() -> Iterator[None]:
    """Warnings of the library as a line on stderr, without a place in its source."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: _say(str(message), sys.stderr)
        yield


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print lines, broken between words where a terminal is narrower."""
    print(fitted(text, columns(stream)), file=stream)


def _context_in(path: Path) -> str:
    """What a model that is there tells from what; nothing where there is none."""
    try:
        return _what(load_checkpoint(path).context)
    except (OSError, ValueError):
        return ""


def _what(context: Context) -> str:
    return f"{context.target} from {', '.join(context.features[:5])}"


def _keep(error: DivergenceError, out: Path) -> None:
    """Of a training that diverged: its curves, and the last good model."""
    history = error.history
    if history:
        plot_history(history).save(out / "history.svg")
        kept = f"model.json is of epoch {len(history)}, history.svg shows the way there"
        _say(f"in {out}: {kept}", sys.stderr)


# ---- a text --------------------------------------------------------------------------


def is_text(data: str, settings: Settings) -> bool:
    """Whether this is a text to learn to write, not a table with a target."""
    return data == "words" or (
        settings.target is None and data.lower().endswith((".txt", ".text", ".md"))
    )


def train_text(
    data: str, settings: Settings, network: Mapping[str, Any], out: Path
) -> None:
    """Train on a text, write the model and the curves, and print what it writes.

    network: the arguments of `nn.learn_text` that make the network.
    """
    saved, decay = out / "model.json", settings.weight_decay or 0.0
    names = "test epochs batch_size schedule patience clip seed engine resume progress"
    options = {name: getattr(settings, name) for name in names.split()}
    for other in fields(settings):
        used = (*options, "optimizer", "lr", "weight_decay", "validation")
        if other.name not in used and getattr(settings, other.name) != other.default:
            raise ValueError(f"{other.name} is for a table, and {data} is a text")
    text = text_of(data, network["unit"])
    with _folder(out):
        trained = learn_text(
            text,
            **network,
            optimizer=usual(settings.optimizer, settings.lr, decay),
            validation=settings.validation or None,
            checkpoint=saved,
            **options,
        )
        if len(trained.history):
            plot_history(trained.history).save(out / "history.svg")
        texts = trained.generate(5, seed=0)
        plot_attention(trained, texts[0]).save(out / "attention.svg")
        plot_token_losses(trained, texts[0]).save(out / "losses.svg")
        plot_embedding(trained).save(out / "embedding.svg")
    if text.taken_for:
        _say(f"{data}: {text.taken_for}{_cut_items(text, network['context'])}")
    _report_text(trained, texts)
    pictures = "history.svg, attention.svg, losses.svg, embedding.svg"
    _say(f"written to {out}: {pictures}, {saved.name}")
    if trained.history.stopped == "interrupted":
        _say(f"interrupted; the same command with --resume {saved} goes on")
    _say(text_line(trained))


def _cut_items(text: Text, context: int) -> str:
    """What becomes of items that are too long for the context."""
    lengths = [1 + len(parts_of(x, text.vocabulary.unit)) for x in text.items]
    longer = sum(length > context for length in lengths)
    if len(lengths) == 1 or not longer:
        return ""
    return f"; {longer} longer than the context, in parts (--context {max(lengths)})"


def _report_text(trained: TrainedText, texts: list[str]) -> None:
    model, history, parts = trained.model, trained.history, trained.parts
    tokens = len(trained.vocabulary)
    _say(f"{model!r}, {tokens} tokens, {parts['training']} sequences to learn from")
    epochs = counted(len(history), "epoch")
    _say(f"{epochs} in {history.seconds:.1f} s, engine: {history.engine}")
    _say(f"it writes: {', '.join(visible(text, 60) for text in texts)}")
    bigram = trained.scores["bigram"]["perplexity"]
    _say(f"pairs of tokens, counted, have the perplexity {bigram:.4g}")


def text_line(trained: TrainedText) -> str:
    """`test loss 2.31 per token, perplexity 10.1`."""
    test = trained.scores["test"]
    return (
        f"test loss {test['loss']:.4g} per token, perplexity {test['perplexity']:.4g}"
    )


def generate_texts(
    model: Path, count: int, temperature: float, seed: int, prompt: str
) -> None:
    """Print texts that a language model writes, one on a line."""
    for text in load_text(model).generate(count, temperature, seed, prompt):
        print(visible(text, 10_000))


# ---- where it is written -------------------------------------------------------------


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder to write into, which goes again where nothing came to be written.

    Raises ValueError where another training is writing into it.
    """
    fresh = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out: there can be no folder {str(path)!r} ({error.strerror}); write "
            "for instance --out trained"
        ) from None
    try:
        with _alone_in(path):
            yield
    except BaseException:
        if fresh:
            with suppress(OSError):  # it holds a checkpoint
                path.rmdir()
        raise


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A lock in a folder, which nobody else can have meanwhile; none on Windows.

    It goes with the process that holds it, also after kill -9; its file is taken away
    at the end. Where the file system knows no locks there is none.
    """
    if sys.platform == "win32":
        yield
        return
    path = folder / ".training"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with ExitStack() as stack:
        stack.callback(os.close, handle)
        _lock(handle, folder)
        stack.callback(path.unlink, missing_ok=True)
        yield


def _lock(handle: int, folder: Path) -> None:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"another training is writing into {folder}; give this one a folder of its "
            f"own, such as --out {folder}-2"
        ) from None
    except OSError:  # the file system has no locks
        return


# ---- what was understood -------------------------------------------------------------

LINES = 40
"""Columns of a table that are listed; of a wider one the first, and how many more."""


def tell(found: Sequence[Meaning], notes: Sequence[str]) -> None:
    """Print what each column of a file was taken for, and what becomes of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table("column", "taken for", "because", "becomes", "missing")
    for line in found[:LINES]:
        cells = (line.name, line.kind, line.why, line.becomes, line.missing)
        shown.add_row(*[Text(visible(cell, 60)) for cell in cells])
    console = Console()
    console.print("What I understood of your table:")
    console.print(shown)
    if more := found[LINES:]:
        kinds = Counter(line.kind for line in more)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        _say(f"and {len(more)} more columns: {counts}")
    for note in notes:
        _say(f"note: {visible(note, 200)}")
    _say(
        "Otherwise: --numbers, --categories, --ignore COLUMNS, --task classes|number, "
        "--missing TEXTS, --delimiter, --decimal\n"
    )


# ---- how good it is ------------------------------------------------------------------


def last_line(scores: dict[str, float]) -> str:
    """`test accuracy 0.990`, or `test error 12.5` in the target's own unit."""
    name = "accuracy" if "accuracy" in scores else "error"
    return f"test {name} {_digits(name, scores[name])}"


def _tell_spread(found: Sequence[float], trained: Trained) -> None:
    """The mean and the spread over several seeds."""
    if len(found) > 1:
        name = "accuracy" if "accuracy" in trained.scores["test"] else "error"
        low, middle, high, off = (
            _digits(name, x)
            for x in (min(found), fmean(found), max(found), stdev(found))
        )
        _say(f"over {len(found)} seeds: {name} {middle} ± {off}, from {low} to {high}")


SHOWN_CLASSES, SHOWN_COLUMNS = 30, 8


def _report(trained: Trained, mattering: Sequence[Importance]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    facts = Table(show_header=False)
    for name, fact in _facts(trained).items():
        facts.add_row(Text(name), Text(fact))
    results = _numbered("", "rows", *trained.scores["test"])
    for name, scores in trained.scores.items():
        rows = str(len(trained.parts[name]))
        results.add_row(name, rows, *[_digits(*score) for score in scores.items()])
    console = Console()
    console.print(facts)
    console.print(results)
    console.print(_compared(trained.report()))
    console.print(_columns(mattering))


def _numbered(*heads: str) -> Any:
    """A table of which every column but the first has numbers."""
    from rich.table import Table

    table = Table(*heads)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _compared(report: ClassReport | NumberReport) -> Any:
    """The test beside guessing: class by class, or what is left of a number."""
    from rich.table import Table
    from rich.text import Text

    if isinstance(report, NumberReport):
        table = Table(show_header=False)
        always = f"{report.baseline:.4g} for always the mean"
        table.add_row("error", f"{report.error:.4g}, against {always}")
        table.add_row("R²", f"{report.r2:.3f}")
        off = f"{report.bias:+.4g} on average, give or take {report.spread:.4g}"
        table.add_row("residuals", off)
        return table
    table = _numbered("class", "rows", "precision", "recall")
    for each in report.classes[:SHOWN_CLASSES]:
        shares = f"{each.precision:.3f}", f"{each.recall:.3f}"
        table.add_row(Text(visible(str(each.label), 40)), str(each.rows), *shares)
    always = f"{report.baseline:.3f} for always the most frequent class"
    table.caption = f"accuracy {report.accuracy:.3f}, against {always}"
    return table


def _columns(found: Sequence[Importance]) -> Any:
    """Which columns matter."""
    from rich.text import Text

    table = _numbered("column", "loss if shuffled", "slope")
    for each in found[:SHOWN_COLUMNS]:
        name = Text(visible(each.column, 40))
        table.add_row(name, f"{each.shuffled:+.3g}", f"{each.slope:.3g}")
    if len(found) > SHOWN_COLUMNS:
        table.caption = f"and {len(found) - SHOWN_COLUMNS} that matter less"
    return table


def _facts(trained: Trained) -> dict[str, str]:
    model, history, context = trained.model, trained.history, trained.context
    columns = len(context.columns)
    sizes = [len(context.features), *[layer.nout for layer in model.layers]]
    stopped = history.stopped.replace("early", "stopped early")
    best = {"best epoch": f"{history.best_epoch}, whose weights are kept"}
    return {
        "target": f"{context.target}, from {counted(columns, 'column')}",
        "network": f"{'-'.join(map(str, sizes))}, {len(model.parameters())} parameters",
        "loss": history.loss_name.replace("_", " "),
        "epochs": f"{len(history)} ({stopped}), {history.seconds:.1f} s",
        **(best if history.best_epoch else {}),
        "engine": history.engine,
    }


def _digits(name: str, x: float) -> str:
    return f"{x:.3f}" if name == "accuracy" else f"{x:.4g}"


# ---- pictures ------------------------------------------------------------------------

PICTURES = (
    "history.svg", "boundary.svg", "confusion.svg", "calibration.svg",
    "predictions.svg", "importance.svg", "rates.svg", "graph.svg",
)  # fmt: skip


def draw_pictures(trained: Trained, mattering: Sequence[Importance]) -> dict[str, Any]:
    """Every picture that suits the data, by the name of its file.

    mattering: how much each column does.
    """
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
        pictures["confusion.svg"] = plot_confusion(test.y, trained.told())
        pictures["calibration.svg"] = plot_calibration(trained.calibration())
    else:
        right: list[Any] = list(test.y)
        shown = plot_predictions(right, trained.told(), context.target)
        pictures["predictions.svg"] = shown
    pictures["importance.svg"] = plot_importance(mattering)
    if trained.rates:
        pictures["rates.svg"] = plot_rates(trained.rates)
    pictures["graph.svg"] = row_graph(trained)
    return pictures


def _in_own_unit(model: MLP, scaling: Scaling | None) -> Module:
    """The model with an output in the target's unit."""
    if scaling is None:
        return model
    (mean,), (deviation,) = scaling.mean, scaling.deviation
    return Sequential(model, lambda z: z * deviation + mean)


def row_graph(trained: Trained) -> Graph:
    """The network with the loss of one row that it was trained on; the caption says
    which."""
    model, context = trained.model, trained.context
    part = trained.parts["training"]
    names = context.features
    row = context.inputs(part.X[:1])[0].tolist()
    x = [Value(number, label=name) for number, name in zip(row, names, strict=True)]
    loss = LOSSES[trained.history.loss_name]
    wanted = part.y[0]
    if context.labels is None:
        (y,) = context.targets([wanted])
    else:
        count = model.layers[-1].nout
        y = encode([wanted], context.labels, loss, count)[0].tolist()
    told = f"row 1 of training: {context.target} {wanted}"
    caption = "; ".join(filter(None, (told, context.note)))
    name = str(wanted) if context.labels else ""
    return network(model, x, y, loss=loss, caption=caption, target=name)


# ---- using a model -------------------------------------------------------------------


def predict_file(
    model: Path, data: Path, delimiter: str | None, names: str | None = None
) -> None:
    """Print a prediction for every row of a file, and on stderr what is new in it."""
    checkpoint = load_checkpoint(model)
    context = checkpoint.context
    if context.vocabulary is not None:
        raise ValueError(
            f"{model} is a model of a text: chainrule generate {model} writes with it"
        )
    if not context.features:
        raise ValueError(
            f"{model} does not say which columns its inputs are; only models that "
            "`chainrule train` wrote can be used on a file"
        )
    encoding = context.encoding or Encoding.of_numbers(context.features)
    if data.name in SETS and not data.exists():
        raise ValueError(f"{data} is a set to train on, and predict takes a file")
    found = encoding.read(data, delimiter, texts_in(names))
    for note in found.notes:
        _say(f"note: {visible(note, 200)}", sys.stderr)
    context = replace(context, encoding=encoding)
    outputs = predict_parts(checkpoint.model, context.parts(found))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(prediction_table(context, outputs))
    if context.target in found.sheet.names:
        _compare(context, outputs, found.sheet.column(context.target), encoding)


def prediction_table(context: Context, outputs: Array) -> list[list[Any]]:
    """The lines to print: the prediction, and the probability of each class."""
    labels, found = context.labels, context.predictions(outputs)
    name = context.target or "prediction"
    if labels is None:
        return [[name], *[[repr(x)] for x in found]]
    shares = labels.probabilities(outputs).tolist()
    head = [name, *[f"P({label})" for label in labels.classes]]
    return [head] + [
        [label, *[f"{share:.4f}" for share in row]]
        for label, row in zip(found, shares, strict=True)
    ]


def _compare(context: Context, outputs: Array, truth: Any, encoding: Encoding) -> None:
    """Say on stderr how good the predictions are, where the file tells the target.

    truth: the texts of the target, a polars Series.
    """
    found, texts = context.predictions(outputs), truth.to_list()
    if context.labels is None:
        told = numbers(truth, encoding.decimal).to_list()
        off = [abs(a - b) for a, b in zip(found, told, strict=True) if b is not None]
        result, count = f"error {fmean(off):.4g}" if off else "", len(off)
    else:
        known = set(map(str, context.labels.classes))
        right = [
            label_in(text) == label_in(str(one))
            for text, one in zip(texts, found, strict=True)
            if text in known or text.lower() not in encoding.missing
        ]
        result, count = f"accuracy {fmean(right):.3f}" if right else "", len(right)
    if result:
        _say(f"{result} on {count} of {len(texts)} rows", sys.stderr)


def label_in(text: str) -> str:
    """A class's text; 1.0 is the class 1."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(plain([number])[0]) if math.isfinite(number) else text
