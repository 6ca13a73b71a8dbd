"""Plots of training: curves, decision boundaries, confusion, layers, and a GIF.

Each function returns a matplotlib figure; `figure.save(path)` writes it as SVG, PNG or
PDF, the same bytes for the same numbers. Colors are told apart by color-blind readers,
and nothing is told by color alone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd.wording import article, cut, expect
from nn.data import Dataset, looks_like_classes, table
from nn.engine import answers, as_list, predict
from nn.extras import require
from nn.hints import Target
from nn.history import History
from nn.module import Module
from nn.targets import Labels, plain, threshold_of
from nn.watch import QUANTILES, Snapshots, Watch

if TYPE_CHECKING:
    from nn.attention import GPT, Embedding
    from nn.hints import Array
    from nn.language import Speaker
    from nn.metrics import Bin, Importance
    from nn.rates import RateTest
    from viz.figure import Plot


# ---- curves --------------------------------------------------------------------------


def plot_history(history: History) -> Plot:
    """The loss and the other measurements over the epochs, with the validation's."""
    expect(history, History, "plot_history(history)")
    from viz.figure import panels

    if not len(history):
        raise ValueError("this history has no epochs yet; there is nothing to plot")
    hidden = ("lr", "gradient_norm")
    names = [
        name
        for name in history.columns
        if not name.startswith("validation_") and name not in hidden
    ]
    with panels(len(names)) as (figure, axes):
        for axis, name in zip(axes, names, strict=True):
            _curve(axis, history, name)
    return figure


def _curve(axis: Any, history: History, name: str) -> None:
    """One measurement: a solid line for training, a dashed one for validation."""
    from viz.figure import BLUE, GRAY, RED

    epochs = range(1, len(history) + 1)
    dot = "o" if len(history) == 1 else None
    axis.plot(epochs, history[name], color=BLUE, marker=dot, label="training")
    if f"validation_{name}" in history.columns:
        other = history[f"validation_{name}"]
        axis.plot(epochs, other, "--", color=RED, marker=dot, label="validation")
    if history.best_epoch:
        best = f"best epoch ({history.best_epoch})"
        axis.axvline(history.best_epoch, color=GRAY, linestyle=":", label=best)
    axis.set(xlabel="epoch", title=name, xlim=(min(1, len(history)), None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    if name == "accuracy":
        axis.set_ylim(None, 1.005)
    elif min(history[name]) >= 0:
        axis.set_ylim(0, None)
    if len(axis.lines) > 1:
        axis.legend()


# ---- the plane -----------------------------------------------------------------------


def plot_decision_boundary(
    model: Module,
    X: Any,
    y: Any = None,
    *,
    labels: Labels | None = None,
    scaling: Callable[[Any], Any] | None = None,
    features: Sequence[str] | None = None,
    resolution: int = 120,
) -> Plot:
    """What a model of two inputs says everywhere in the plane, and the data.

    X, y: N rows of two numbers and their targets, or a `Dataset` of both.
    labels: how outputs become classes; found from y where it is left out.
    scaling: what is done to the inputs before the model sees them.
    features: the names of the two inputs; x1 and x2, or those of the `Dataset`.
    resolution: how many points along each side the model is asked at.

    Two classes appear as shades of the output, with the boundary as a line; more
    classes as one color each; a number as contours. Every class has a marker of its
    own. Raises ValueError for a model of more or fewer than two inputs.
    """
    expect(model, Module, "plot_decision_boundary(model, X, y)")
    from viz.figure import panels

    if isinstance(X, Dataset):
        features = features or X.features
        y = X.y if y is None else y
    elif y is None:
        raise TypeError("y is missing: plot_decision_boundary(model, X, y)")
    features = features or ("x1", "x2")
    plane = _Plane(model, X, y, labels, scaling, resolution)
    with panels(1, (5.2, 4.4)) as (figure, (axis,)):
        plane.draw(axis)
        title = "decision boundary" if plane.labels else "output"
        axis.set(xlabel=features[0], ylabel=features[1], title=title)
    return figure


class _Plane:
    """A rectangle around the data, and a grid in it to ask a model at."""

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        labels: Labels | None,
        scaling: Callable[[Any], Any] | None,
        resolution: int,
    ) -> None:
        import numpy as np

        self.model, self.X, self.y = model, table(X), plain(y)
        if self.X.shape[1] != 2:
            raise ValueError(
                "a decision boundary is drawn over two inputs; this table has "
                f"{self.X.shape[1]} columns"
            )
        self.labels = labels or _labels_of(model, self.X, self.y)
        margin = 0.08 * np.maximum(np.ptp(self.X, axis=0), 1e-9)
        low, high = self.X.min(axis=0) - margin, self.X.max(axis=0) + margin
        self.sides = [
            np.linspace(a, b, resolution) for a, b in zip(low, high, strict=True)
        ]
        grid = np.stack([side.ravel() for side in np.meshgrid(*self.sides)], axis=1)
        self.grid = scaling(grid) if scaling else grid

    def draw(self, axis: Any) -> None:
        """The background and the data."""
        outputs = predict(self.model, self.grid)
        outputs = outputs.reshape(len(self.grid), -1)
        if self.labels is None:
            self._numbers(axis, outputs[:, 0])
        elif outputs.shape[1] == 1:
            self._two_classes(axis, outputs[:, 0], self.labels)
        else:
            self._classes(axis, outputs, self.labels)
        axis.set(xlim=self.sides[0][[0, -1]], ylim=self.sides[1][[0, -1]])
        axis.grid(False)

    def _on_grid(self, numbers: Array) -> Array:
        return numbers.reshape(len(self.sides[1]), len(self.sides[0]))

    def _two_classes(self, axis: Any, outputs: Array, labels: Labels) -> None:
        """Shades from one class's color to the other's, and a line where they meet."""
        import numpy as np
        from matplotlib.colors import LinearSegmentedColormap

        from viz.figure import BLUE, ORANGE, lighter

        shades = [lighter(BLUE, 0.55), (1.0, 1.0, 1.0), lighter(ORANGE, 0.55)]
        colors = LinearSegmentedColormap.from_list("two classes", shades)
        sure = outputs
        if labels.threshold == 0:
            sure = 1 / (1 + np.exp(-np.clip(outputs, -50, 50)))
        levels = np.linspace(0, 1, 11)
        axis.contourf(*self.sides, self._on_grid(sure), levels, cmap=colors)
        self._line(axis, outputs - labels.threshold)
        self._points(axis, labels.classes)

    def _line(self, axis: Any, ahead: Array) -> None:
        """A line where numbers on the grid change their sign, if they do."""
        if ahead.min() < 0 < ahead.max():
            field = self._on_grid(ahead)
            axis.contour(*self.sides, field, [0], colors="black", linewidths=1.3)

    def _classes(self, axis: Any, outputs: Array, labels: Labels) -> None:
        """Each class's region in its color."""
        import numpy as np

        from viz.figure import PALETTE, lighter

        for i in range(len(labels.classes)):
            # Above 0 where this class's output is the largest.
            ahead = outputs[:, i] - np.delete(outputs, i, axis=1).max(axis=1)
            field = self._on_grid(ahead)
            color = lighter(PALETTE[i % len(PALETTE)], 0.35)
            if ahead.max() > 0:
                axis.contourf(*self.sides, field, [0, ahead.max() + 1], colors=[color])
            self._line(axis, ahead)
        self._points(axis, labels.classes)

    def _numbers(self, axis: Any, outputs: Array) -> None:
        """Contours of the output, and the data in the same colors."""
        import numpy as np
        from matplotlib.ticker import MaxNLocator

        told = np.asarray(self.y, dtype=float)
        low = float(min(outputs.min(), told.min()))
        high = float(max(outputs.max(), told.max()))
        levels = MaxNLocator(12).tick_values(low, high)
        ends = {"vmin": levels[0], "vmax": levels[-1], "cmap": "cividis"}
        shades = axis.contourf(*self.sides, self._on_grid(outputs), levels, **ends)
        axis.scatter(*self.X.T, s=44, color="black", linewidth=0)  # rings on any shade
        axis.scatter(*self.X.T, s=26, c=self.y, edgecolor="white", **ends)
        axis.figure.colorbar(shades, ax=axis, format="{x:.3g}")

    def _points(self, axis: Any, classes: tuple[Target, ...]) -> None:
        """The data, with a color and a marker for each class."""
        from viz.figure import MARKERS, PALETTE

        for i, label in enumerate(classes):
            chosen = [row for row, own in enumerate(self.y) if own == label]
            axis.scatter(
                *self.X[chosen].T,
                s=26,
                color=PALETTE[i % len(PALETTE)],
                marker=MARKERS[i % len(MARKERS)],
                edgecolor="black",
                linewidth=0.6,
                label=str(label),
            )
        axis.legend(title="class", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _labels_of(model: Module, X: Array, y: list[Any]) -> Labels | None:
    """The classes in y, or None where it holds numbers."""
    if not looks_like_classes(y):
        return None
    outputs = as_list(answers(model, [X[0].tolist()])[0])
    return Labels(tuple(sorted(set(y))), threshold_of(outputs))


# ---- right and wrong -----------------------------------------------------------------


def plot_confusion(truth: Iterable[Target], found: Iterable[Target]) -> Plot:
    """How many rows of each class (down) were predicted as each class (across).

    >>> plot_confusion(["cat", "cat", "dog"], ["cat", "dog", "dog"]).save(
    ...     "confusion.svg")  # doctest: +SKIP
    """
    from viz.figure import panels

    require("numpy")
    import numpy as np

    for labels in (truth, found):
        if isinstance(labels, (str, Module)) or not isinstance(labels, Iterable):
            raise TypeError(
                "plot_confusion takes the classes of all rows, the true ones and those "
                f"that were predicted, as lists; got {cut(repr(labels))}"
            )
    truth, found = list(truth), list(found)
    if len(truth) != len(found):
        raise ValueError(
            f"every row has a true class and a predicted one; got {len(truth)} and "
            f"{len(found)}"
        )
    for label in (*truth, *found):
        if isinstance(label, (list, tuple)):
            raise TypeError(
                f"one class for each row, a text or a number; got {label!r}"
            )
    classes = sorted({*truth, *found}, key=lambda label: (str(type(label)), label))
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for right, given in zip(truth, found, strict=True):
        counts[classes.index(right), classes.index(given)] += 1
    side = 2.2 + 0.5 * len(classes)
    with panels(1, (side + 0.6, side)) as (figure, (axis,)):
        _squares(axis, counts)
        names = [_short(label) for label in classes]
        turn = 90 if max(map(len, names)) > 4 else 0
        axis.set_xticks(range(len(classes)), names, rotation=turn)
        axis.set_yticks(range(len(classes)), names)
        axis.set(xlabel="predicted", ylabel="true", title="confusion matrix")
        axis.grid(False)
    return figure


def _squares(axis: Any, counts: Any) -> None:
    """A square per pair of classes: the darker, the more of the row's are in it."""
    import numpy as np

    from viz.figure import BLUE, lighter

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow([[lighter(BLUE, 0.6 * share**0.5) for share in row] for row in shares])
    for (row, column), count in np.ndenumerate(counts):
        axis.text(column, row, str(count), ha="center", va="center")


def _short(label: Target) -> str:
    return cut(str(label), 20)


def plot_predictions(
    truth: Sequence[float], found: Sequence[float], target: str = "target"
) -> Plot:
    """Numbers as they were predicted over those that are true, and how far off.

    On the dashed line a prediction is right. To the right the same distances over the
    predictions, where a shape that is left over shows what was not learned.
    """
    import numpy as np

    from viz.figure import BLUE, GRAY, panels

    right, told = np.asarray(truth, dtype=float), np.asarray(found, dtype=float)
    ends = [min(right.min(), told.min()), max(right.max(), told.max())]
    with panels(2, (4.6, 4.0)) as (figure, (left, other)):
        left.plot(ends, ends, "--", color=GRAY, linewidth=1.2)
        left.scatter(right, told, s=20, color=BLUE, alpha=0.6, linewidth=0)
        left.set(xlabel=f"true {target}", ylabel="predicted", title="predictions")
        other.axhline(0, linestyle="--", color=GRAY, linewidth=1.2)
        other.scatter(told, told - right, s=20, color=BLUE, alpha=0.6, linewidth=0)
        other.set(xlabel="predicted", ylabel="predicted - true", title="residuals")
    return figure


def plot_calibration(bins: Sequence[Bin]) -> Plot:
    """Whether what is told with 80 % is right in 80 of 100 cases.

    bins: see `nn.metrics.calibration`. Points below the dashed line are too sure of
    themselves; a point is the larger, the more rows are in it.
    """
    from viz.figure import BLUE, GRAY, panels

    most = max(each.rows for each in bins)
    with panels(1, (4.4, 4.0)) as (figure, (axis,)):
        axis.plot([0, 1], [0, 1], "--", color=GRAY, linewidth=1.2)
        told, right = [each.told for each in bins], [each.right for each in bins]
        axis.plot(told, right, color=BLUE)
        sizes = [20 + 120 * each.rows / most for each in bins]
        axis.scatter(told, right, s=sizes, color=BLUE, zorder=3)
        low = min(0.5, *told, *right) - 0.03
        axis.set(xlim=(low, 1.03), ylim=(low, 1.03))
        axis.set(xlabel="probability told", ylabel="share that is right")
        axis.set_title("calibration")
    return figure


def plot_importance(found: Sequence[Importance], most: int = 20) -> Plot:
    """Which columns matter: what shuffling each does to the loss, and the slopes.

    found: see `nn.metrics.importance`. Of many the first `most` are shown.
    """
    from viz.figure import BLUE, ORANGE, panels

    shown = list(found)[:most][::-1]
    places, names = range(len(shown)), [_short(each.column) for each in shown]
    size = (4.2, 1.2 + 0.3 * len(shown))
    with panels(2, size) as (figure, (left, right)):
        left.barh(places, [each.shuffled for each in shown], color=BLUE)
        left.set(title="shuffled: the loss grows by")
        left.set_yticks(places, names)
        right.barh(places, [each.slope for each in shown], color=ORANGE)
        right.set(title="mean |slope| x deviation")
        right.set_yticks(places, [""] * len(shown))
        for axis in (left, right):
            axis.grid(axis="y", visible=False)
    return figure


def plot_rates(found: RateTest) -> Plot:
    """The loss over a range of learning rates, and the one that is suggested."""
    from viz.figure import BLUE, ORANGE, panels

    with panels() as (figure, (axis,)):
        axis.plot(found.rates, found.losses, color=BLUE)
        label = f"suggested: {found.suggestion:.2g}"
        axis.axvline(found.suggestion, color=ORANGE, linestyle="--", label=label)
        axis.set(xscale="log", xlabel="learning rate", title="loss, step by step")
        axis.legend()
    return figure


# ---- inside --------------------------------------------------------------------------


def plot_layers(watch: Watch) -> Plot:
    """Sizes of gradients and activations, layer by layer, over training.

    Each line is a median; the band holds the middle half. Layers go from dark, the
    first, to light. Gradients that are smaller the nearer a layer is to the inputs
    vanish, larger ones explode; their scale is logarithmic, and what is 0 lies below.
    """
    expect(watch, Watch, "plot_layers(watch)")
    from viz.figure import panels

    if not watch.activations:
        raise ValueError("nothing was watched; pass the Watch to fit(callbacks=[...])")
    weights = {k: v for k, v in watch.gradients.items() if not k.endswith("bias")}
    with panels(2, (6.2, 4.0)) as (figure, (left, right)):
        _bands(left, weights or watch.gradients)
        left.set(xlabel="epoch", title="size of gradients", yscale="log")
        left.set_ylim(_smallest(left.lines), None)
        left.yaxis.set_major_formatter("{x:g}")
        _bands(right, watch.activations)
        right.set(xlabel="epoch", title="activations")
    return figure


def _smallest(lines: Iterable[Any]) -> float | None:
    """A third of the smallest median above 0, where a logarithmic axis begins."""
    medians = [float(y) for line in lines for y in line.get_ydata() if y > 0]
    return min(medians) / 3 if medians else None


def _bands(axis: Any, series: dict[str, list[list[float]]]) -> None:
    import matplotlib
    import numpy as np

    from viz.figure import MARKERS

    middle = QUANTILES.index(0.5)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.75, len(series)))
    for i, (name, rows) in enumerate(series.items()):
        numbers = np.array(rows)
        epochs = np.arange(1, len(rows) + 1)
        low, high = numbers[:, middle - 1], numbers[:, middle + 1]
        color = shades[i]
        axis.fill_between(epochs, low, high, color=color, alpha=0.15, linewidth=0)
        axis.plot(
            epochs,
            numbers[:, middle],
            color=color,
            marker=MARKERS[i % len(MARKERS)],
            markevery=max(1, len(rows) // 8),
            label=_short(name),
        )
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(title="median, middle half", loc="upper left", bbox_to_anchor=(1, 1))


# ---- sequences -----------------------------------------------------------------------

START = "·"  # how the token before and after a text is shown
NUMBERED = 12  # positions up to which each weight is written as a number
ACROSS = 16  # tokens in a line


def plot_attention(
    model: GPT | Speaker, tokens: Sequence[int] | str, names: Sequence[str] = ()
) -> Plot:
    """How much each position (down) looks at each other (across): a square per head.

    model: a GPT; or what `learn_text` made, which takes a text, as far as its context
        reaches.
    tokens: what it reads. names: what each token is called, from token 0 on.

    The weights of a row add up to 1. Heads stand side by side, four and more two in
    a row, as paper and slides have room; the heads of the next block below them.

    >>> from nn.attention import GPT
    >>> model = GPT(3, width=4, heads=2, layers=1, context=4, seed=0)
    >>> plot_attention(model, [0, 2, 1], names=".ab").save(
    ...     "attention.svg")  # doctest: +SKIP
    """
    from autograd.modes import no_grad
    from nn.attention import GPT
    from viz.figure import panels

    cut_off = isinstance(tokens, str)
    network, tokens, shown = _reading(model, tokens, names)
    expect(network, GPT, "plot_attention(model, tokens)")
    if cut_off:
        tokens, shown = tokens[: network.context], shown[: network.context]
    with no_grad():
        blocks = network.attention(tokens)
    heads, side = len(blocks[0]), 1.0 + 0.3 * min(len(tokens), NUMBERED)
    across = heads if heads <= 3 else 2
    down = len(blocks) * -(-heads // across)
    with panels(across, (side, side), down) as (figure, axes):
        places = iter(axes)
        for block, of_block in enumerate(blocks, 1):
            for head, weights in enumerate(of_block, 1):
                axis = next(places)
                _weights(axis, weights, shown)
                axis.set_title(f"block {block}, head {head}")
            for _ in range(-heads % across):
                next(places).set_axis_off()
    return figure


def _reading(
    model: Any, tokens: Sequence[int] | str, names: Sequence[str]
) -> tuple[Any, list[int], list[str]]:
    """The network, the tokens that it reads, and how each of these is shown."""
    vocabulary = getattr(model, "vocabulary", None)
    if isinstance(tokens, str):
        if vocabulary is None:
            raise TypeError(
                f"{article(type(model).__name__)} takes a list of tokens, got "
                f"{tokens!r}; a text takes what learn_text() or load_text() gave, "
                "which knows them"
            )
        tokens = [0, *vocabulary.encode(tokens)]
    if vocabulary is not None and not names:
        names = [START, *vocabulary.symbols]
    numbers = [int(token) for token in tokens]
    shown = [names[i] if i < len(names) else str(i) for i in numbers]
    return getattr(model, "model", model), numbers, [cut(name, 12) for name in shown]


def _weights(axis: Any, rows: Sequence[Sequence[Any]], names: list[str]) -> None:
    """A square per pair of positions, the darker the larger its weight; its number."""
    import numpy as np

    from autograd.value import number_of
    from viz.figure import BLUE, lighter

    count = len(rows)
    shares = np.full((count, count), np.nan)
    for place, row in enumerate(rows):
        shares[place, : len(row)] = [number_of(weight) for weight in row]
    axis.imshow(
        [[lighter(BLUE, 0.0 if s != s else 0.7 * s) for s in row] for row in shares]
    )
    for (row, column), share in np.ndenumerate(shares):
        if share == share and count <= NUMBERED:
            text = f"{share:.2f}".removeprefix("0")
            axis.text(column, row, text, ha="center", va="center", fontsize=7)
    turn = 90 if max(map(len, names)) > 2 else 0
    axis.set_xticks(range(count), names, rotation=turn)
    axis.set_yticks(range(count), names)
    axis.set(xlabel="looks at", ylabel="position")
    axis.grid(False)


def plot_token_losses(
    model: Module | Speaker, tokens: Sequence[int] | str, names: Sequence[str] = ()
) -> Plot:
    """How hard each token of a sequence was to tell from those before it.

    model: one that gives logits for each position; or what `learn_text` made, which
        takes a text. tokens, names: see `plot_attention`.

    The darker, the harder; below each token its loss, -log of the probability that it
    was given. A token that is as likely as any other has the loss log(tokens). Long
    sequences go on in another line.

    >>> from nn.attention import GPT
    >>> model = GPT(3, width=4, heads=2, layers=1, context=4, seed=0)
    >>> plot_token_losses(model, [0, 2, 1, 0], names=".ab").save(
    ...     "losses.svg")  # doctest: +SKIP
    """
    from autograd.modes import no_grad
    from autograd.value import number_of
    from nn.losses import cross_entropy
    from viz.figure import panels

    ends = isinstance(tokens, str)
    network, tokens, shown = _reading(model, tokens, names)
    if ends:
        most = getattr(network, "context", len(tokens)) + 1
        tokens, shown = [*tokens, 0][:most], [*shown, START][:most]
    if len(tokens) < 2:
        raise ValueError(f"the first token is given; there is none to tell in {tokens}")
    with no_grad():
        logits = network(tokens[:-1])
        pairs = zip(logits, tokens[1:], strict=True)
        losses = [number_of(cross_entropy([row], [token])) for row, token in pairs]
    across, down = min(len(losses), ACROSS), -(-len(losses) // ACROSS)
    size = max(3.2, 0.65 * across), 0.55 + 0.65 * down  # inches, 3.2 for the title
    with panels(1, size) as (figure, (axis,)):
        _tokens(axis, shown[1:], losses)
        mean, alike = sum(losses) / len(losses), math.log(len(logits[0]))
        title = f"loss per token, {mean:.3f} on average"
        axis.set_title(f"{title}\n(all equally likely: {alike:.3f})")
    return figure


def _tokens(axis: Any, shown: list[str], losses: list[float]) -> None:
    """A square per token, in lines, the darker the larger its loss."""
    from viz.figure import ORANGE, lighter

    across, largest = min(len(losses), ACROSS), max([*losses, 1e-9])
    shades = [lighter(ORANGE, 0.9 * loss / largest) for loss in losses]
    shades += [(1.0, 1.0, 1.0)] * (-len(shades) % across)
    axis.imshow([shades[i : i + across] for i in range(0, len(shades), across)])
    for place, (name, loss) in enumerate(zip(shown, losses, strict=True)):
        down, left = divmod(place, across)
        size = 12 if len(name) < 4 else 7
        axis.text(left, down - 0.1, name, ha="center", va="center", fontsize=size)
        text = f"{loss:.2f}"
        axis.text(left, down + 0.32, text, ha="center", va="center", fontsize=7)
    axis.set_axis_off()
    axis.set_anchor("W")


def plot_embedding(embedding: Embedding | Speaker, names: Sequence[str] = ()) -> Plot:
    """What each token became: its row of numbers, as a point.

    embedding: one of these, or what `learn_text` made. names: see `plot_attention`.

    Rows of more than two numbers are shown from the side from which they are spread
    most, their first two principal components.

    >>> from nn.attention import Embedding
    >>> plot_embedding(Embedding(3, 2, seed=0), names=".ab").save(
    ...     "embedding.svg")  # doctest: +SKIP
    """
    from viz.figure import BLUE, panels

    require("numpy")
    import numpy as np

    from nn.attention import Embedding

    network = getattr(embedding, "model", embedding)
    table: Any = getattr(network, "token", network)
    expect(table, Embedding, "plot_embedding(embedding)")
    rows = np.array([[p.data for p in row] for row in table.weight])
    if rows.shape[1] < 2:
        raise ValueError(f"a point needs two numbers; {table!r} has one for each token")
    _, _, shown = _reading(embedding, range(len(rows)), names)
    labels = ["first number", "second number"]
    if rows.shape[1] > 2:
        rows, shares = _two_sides(rows)
        labels = [f"{share:.0%} of the spread" for share in shares]
    with panels(1, (4.6, 4.2)) as (figure, (axis,)):
        axis.scatter(rows[:, 0], rows[:, 1], s=6, color=BLUE)
        axis.set(xlabel=labels[0], ylabel=labels[1], title="what tokens became")
        axis.margins(0.08)
        figure.draw_without_rendering()  # where points stand is known from here on
        _names_beside(axis, rows, shown)
    return figure


NEAR = [(turn, away) for away in (8, 13, 18, 24) for turn in range(8)]
"""Where a name may stand around its point: in eighths of a turn, how many points."""


def _names_beside(axis: Any, rows: Any, names: list[str]) -> None:
    """A name beside each point, where no other name or point is, if there is room."""
    pixels = axis.figure.dpi / 72
    places = [(x / pixels, y / pixels) for x, y in axis.transData.transform(rows)]
    taken = [(x, y, 2.5, 2.5) for x, y in places]
    for name, point, (x, y) in zip(names, rows, places, strict=True):
        half = 3.2 * len(name)
        spots = [_around(turn, away, half) for turn, away in NEAR]
        across, up = min(
            spots, key=lambda s: _covered((x + s[0], y + s[1], half, 5), taken)
        )
        taken.append((x + across, y + up, half, 5))
        axis.annotate(
            name, point, (across, up), textcoords="offset points", fontsize=10,
            ha="center", va="center_baseline",
        )  # fmt: skip


def _around(turn: int, away: float, half: float) -> tuple[float, float]:
    """The middle of a name at an eighth of a turn, further away where it is long."""
    angle = math.pi / 4 * (turn + 1)
    return (away + half - 3) * math.cos(angle), away * math.sin(angle)


def _covered(
    box: tuple[float, float, float, float],
    taken: Iterable[tuple[float, float, float, float]],
) -> float:
    """How much of a box, given by its middle and half sides, others cover."""
    x, y, wide, tall = box
    return sum(
        max(0.0, wide + w - abs(x - a)) * max(0.0, tall + h - abs(y - b))
        for a, b, w, h in taken
    )


def _two_sides(rows: Any) -> tuple[Any, Any]:
    """The first two principal components, and their shares of the spread."""
    import numpy as np

    centered = rows - rows.mean(axis=0)
    _, sizes, sides = np.linalg.svd(centered, full_matrices=False)
    sides *= np.where(sides.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    shares = sizes**2 / max(np.sum(sizes**2), 1e-300)
    return centered @ sides[:2].T, shares[:2]


# ---- moving --------------------------------------------------------------------------


def animate_decision_boundary(
    model: Module,
    snapshots: Snapshots,
    X: Any,
    y: Any,
    path: str | PathLike[str],
    *,
    scaling: Callable[[Any], Any] | None = None,
    features: Sequence[str] = ("x1", "x2"),
    resolution: int = 60,
    seconds_per_frame: float = 0.15,
) -> None:
    """Write a GIF of the decision boundary over training; the model is left as it was.

    path: ends in .gif.
    snapshots: what a `Snapshots` callback kept. The last frame stays for two seconds.
    The other arguments: see `plot_decision_boundary`.
    """
    expect(model, Module, "animate_decision_boundary(model, snapshots, X, y, path)")
    if Path(path).suffix.lower() != ".gif":
        raise ValueError(f"this writes a GIF: end the name in .gif; got {str(path)!r}")
    require("numpy")
    require("PIL")
    from PIL import Image

    from autograd.files import write_whole

    if not isinstance(snapshots, Snapshots) or not snapshots.states:
        raise ValueError("there are no snapshots; pass them to fit(callbacks=[...])")
    plane = _Plane(model, X, y, None, scaling, resolution)
    now = model.state_dict()
    try:
        frames = [
            _frame(plane, features, epoch, state)
            for epoch, state in zip(snapshots.epochs, snapshots.states, strict=True)
        ]
    finally:
        model.load_state_dict(now)
    plain_colors = Image.Dither.NONE  # dots would shimmer from frame to frame
    images = [Image.fromarray(f).quantize(256, dither=plain_colors) for f in frames]
    buffer = io.BytesIO()
    pause = int(seconds_per_frame * 1000)
    images[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=[pause] * (len(images) - 1) + [2000],
        loop=0,
    )
    write_whole(path, buffer.getvalue())


def _frame(
    plane: _Plane, features: Sequence[str], epoch: int, state: dict[str, Any]
) -> Any:
    """One picture of the plane, as an array of pixels."""
    import numpy as np

    from viz.figure import panels

    plane.model.load_state_dict(state)
    with panels(1, (4.8, 4.0)) as (figure, (axis,)):
        plane.draw(axis)
        axis.set(xlabel=features[0], ylabel=features[1], title=f"epoch {epoch}")
        return np.asarray(figure.pixels())
