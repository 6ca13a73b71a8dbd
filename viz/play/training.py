"""The network that the playground trains: its set-up, its epochs, its pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from nn import MLP, fit
from nn.data import GENERATED, SETS, Dataset
from nn.losses import LOSSES
from nn.module import ACTIVATIONS
from nn.optim import OPTIMIZERS
from nn.recipe import Settings, default_loss, make_model
from nn.training import DivergenceError, Training
from viz.network import network
from viz.play.chart import Line, Panel, chart
from viz.plots import plot_decision_boundary
from viz.render import Graph
from viz.style import NEGATIVE, POSITIVE

ROWS: Final = 120
MOST_NEURONS: Final = 32
MOST_LAYERS: Final = 5
MOST_EPOCHS: Final = 5000
TICK: Final = 0.25  # seconds
PACES: Final = {"1": 1, "5": 5, "25": 25, "as many as fit": MOST_EPOCHS}
LOSS: Final = "cross_entropy"


CHOICES: Final[Mapping[str, list[str]]] = {
    "data": list(GENERATED),
    "activation": [*ACTIVATIONS, "linear"],
    "optimizer": list(OPTIMIZERS),
}
"""What a set-up chooses from."""


@dataclass(frozen=True)
class Setup:
    """What is trained on what, and how.

    data: the name of a set in the plane. layers: how many neurons each hidden layer
    has. lr: the learning rate. seed: of the data and of the first weights.
    """

    data: str = "moons"
    layers: tuple[int, ...] = (8, 8)
    activation: str = "tanh"
    optimizer: str = "adam"
    lr: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            _check(getattr(self, name), choices, name)
        if not 0 < self.lr <= 100:
            raise ValueError(f"lr is a number above 0 and up to 100; got {self.lr!r}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"the seed is a whole number from 0; got {self.seed!r}")
        layers(" ".join(map(str, self.layers)))

    def but(self, **changes: Any) -> Setup:
        """The same with changes; layers may be a text. ValueError for what can't be."""
        if isinstance(changes.get("layers"), str):
            changes["layers"] = layers(changes["layers"])
        return replace(self, **changes)


def _check(choice: object, choices: list[str], name: str) -> None:
    if choice not in choices:
        known = ", ".join(choices)
        raise ValueError(f"{choice!s:.40} is no choice for {name}; choose {known}")


def layers(text: str) -> tuple[int, ...]:
    """The hidden layers that a person typed, such as `8 8` or `8, 8`.

    Raises ValueError for more than 5 layers or a layer of more than 32 neurons; no
    layer at all is fine, and leaves a straight boundary.

    >>> layers("8, 4")
    (8, 4)
    """
    parts = text.replace(",", " ").split()
    if not all(p.isdecimal() and 1 <= int(p[:9]) <= MOST_NEURONS for p in parts):
        raise ValueError(
            f"layers are whole numbers from 1 to {MOST_NEURONS} with spaces between, "
            "such as 8 8"
        )
    if len(parts) > MOST_LAYERS:
        raise ValueError(f"at most {MOST_LAYERS} layers; got {len(parts)}")
    return tuple(map(int, parts))


@dataclass
class Session:
    """One training: it advances epoch by epoch, and draws itself at any time.

    error: what ended it early, or "".
    """

    setup: Setup
    error: str = ""
    _training: Training | None = field(default=None, repr=False)

    @cached_property
    def data(self) -> Dataset:
        """The rows to learn from."""
        return SETS[self.setup.data](rows=ROWS, seed=self.setup.seed)

    @cached_property
    def model(self) -> MLP:
        """The network; one output for two classes, otherwise one for each."""
        setup = self.setup
        settings = Settings(
            hidden=setup.layers, activation=setup.activation, seed=setup.seed
        )
        return make_model(self.data, settings)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self._training.epoch if self._training else 0

    @property
    def columns(self) -> Mapping[str, list[float]]:
        """The loss and the accuracy of every epoch, each measured before its step."""
        return self._training.history.columns if self._training else {}

    @property
    def loss_name(self) -> str:
        """The loss that suits the outputs."""
        return default_loss(self.data)

    def advance(self, epochs: int = 1, seconds: float = float("inf")) -> None:
        """Train for so many epochs, or at least for one and about so many seconds."""
        end = time.perf_counter() + seconds
        for _ in range(min(epochs, MOST_EPOCHS - self.epoch)):
            self._one_epoch()
            if self.error or time.perf_counter() >= end:
                return

    def _one_epoch(self) -> None:
        try:
            if self._training is None:
                self._training = self._started()
            else:
                self._training.epochs += 1
                self._training.run(progress=False)
        except DivergenceError as error:
            self.error = str(error)

    def _started(self) -> Training:
        """The training after its first epoch, as `fit` hands it to callbacks."""
        found: list[Training] = []
        fit(
            self.model,
            self.data.X,
            self.data.y,
            loss=self.loss_name,
            optimizer=OPTIMIZERS[self.setup.optimizer](lr=self.setup.lr),
            epochs=1,
            seed=self.setup.seed,
            progress=False,
            callbacks=[found.append],
        )
        return found[0]

    # ---- what it looks like ----

    def summary(self) -> str:
        """One line: epoch, loss, accuracy."""
        if not self.epoch:
            return "epoch 0: the first weights, as they were drawn"
        loss, accuracy = self.columns["loss"][-1], self.columns["accuracy"][-1]
        return f"epoch {self.epoch}   loss {loss:.4g}   accuracy {accuracy:.3f}"

    def boundary(self) -> str:
        """The decision boundary and the data, as SVG."""
        figure = plot_decision_boundary(
            self.model, self.data.X, self.data.y, resolution=40
        )
        return figure.as_bytes("svg").decode()

    def curve(self) -> str:
        """Loss and accuracy over the epochs, as SVG."""
        return chart(
            self._panel("loss", POSITIVE), self._panel("accuracy", NEGATIVE, "epoch")
        )

    def _panel(self, name: str, color: str, below: str = "") -> Panel:
        points = [(float(i), y) for i, y in enumerate(self.columns.get(name, []), 1)]
        return Panel(name, [Line(points, color)], points[-1:], below, whole=True)

    def network(self, row: int = 0) -> Graph:
        """The network with what one row of the data does in it, forward and back."""
        x, y = self.data.X[row].tolist(), self.data.y[row]
        loss = LOSSES[self.loss_name]
        if self.loss_name == LOSS:
            return network(self.model, x, y, loss=lambda outs, t: loss([outs], [t]))
        return network(self.model, x, y, loss=loss)


@dataclass
class Lab:
    """The second tab: a session, and whether it is running.

    pace: how many epochs there are from one picture to the next, a key of `PACES`.
    goal: the epoch to stop at, which a link asks for, as fast as may be. row: the one
    whose numbers the network shows.
    """

    session: Session
    playing: bool = False
    pace: str = "5"
    goal: int | None = None
    row: int = 0
    error: str = ""
    _ready: float = 0.0

    def change(self, **changes: Any) -> None:
        """Start anew with other settings; ones that can't be leave an error.

        None, which an emptied box gives, changes nothing.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            self.session = Session(self.session.setup.but(**given))
            self.error, self.goal = "", None
        except ValueError as error:
            self.error = str(error)

    def play(self) -> None:
        """Run, or pause."""
        self.playing, self.goal = not self.playing, None

    def step(self) -> None:
        """Pause, and train for one epoch."""
        self.playing, self.goal = False, None
        self.session.advance()

    def tick(self) -> bool:
        """Train for as long as a tick of the page's clock lasts, if it is time.

        Returns whether anything happened. A tick that waited in a queue while the one
        before it was still at work is dropped, so that Pause is never far behind.
        """
        if not self.playing or time.perf_counter() < self._ready:
            return False
        goal = MOST_EPOCHS if self.goal is None else self.goal
        pace = MOST_EPOCHS if self.goal is not None else PACES[self.pace]
        left = max(goal - self.session.epoch, 0)
        self.session.advance(min(pace, left), seconds=TICK)
        if self.session.error or self.session.epoch >= goal:
            self.playing, self.goal = False, None
        return True

    def rest(self) -> None:
        """Note that a tick's pictures are drawn."""
        self._ready = time.perf_counter() + 0.05
