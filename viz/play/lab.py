"""The lab: a network, as programs in JavaScript and as a picture of what a row does.

The page trains: it runs the programs that are recorded here, on the numbers that it
holds. Each function takes a set-up as plain data and gives plain data.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from autograd import Value, compile, dot, sigmoid, sin, softmax, sum
from nn.losses import binary_cross_entropy_with_logits, cross_entropy
from nn.module import ACTIVATIONS, MLP
from nn.optim import OPTIMIZERS
from viz.network import network
from viz.play.points import CLASSES, SHAPES, points, table

MOST_NEURONS: Final = 32
MOST_LAYERS: Final = 5

FEATURES: Final[Mapping[str, tuple[str, Callable[[Any, Any], Any]]]] = {
    "x": ("x₁", lambda x, y: x),
    "y": ("x₂", lambda x, y: y),
    "xx": ("x₁²", lambda x, y: x * x),
    "yy": ("x₂²", lambda x, y: y * y),
    "xy": ("x₁·x₂", lambda x, y: x * y),
    "sinx": ("sin x₁", lambda x, y: sin(x)),
    "siny": ("sin x₂", lambda x, y: sin(y)),
}
"""What a network may see of a point: by its key in the address, a name and a rule."""

CHOICES: Final[Mapping[str, list[str]]] = {
    "data": list(SHAPES),
    "features": list(FEATURES),
    "activation": [*ACTIVATIONS, "linear"],
    "optimizer": list(OPTIMIZERS),
}
"""What a set-up chooses from."""


@dataclass(frozen=True)
class Preset:
    """A training that teaches something: its name, what to look at, what it changes.

    changes: of what the page begins with, by keys of its address.
    """

    name: str
    why: str
    changes: Mapping[str, str]

    def _repr_html_(self) -> str:
        name, why = html.escape(self.name), html.escape(self.why)
        return f"<p><strong>{name}</strong>: {why}.</p>"


_NOISY: Final = {"data": "moons", "rows": "60", "noise": "0.5", "test": "0.5"}
_WIDE: Final = {"layers": "32 32", "rate": "0.03"}

PRESETS: Final = (
    Preset("Two moons", "the plainest start", {}),
    Preset(
        "The right features",
        "no hidden layer tells circles apart, unless the network sees squares",
        {"data": "circles", "layers": "", "features": "xx yy"},
    ),
    Preset(
        "Vanishing gradients",
        "five layers of sigmoids: look at |δ| of the first one",
        {
            "data": "circles",
            "layers": "8 8 8 8 8",
            "activation": "sigmoid",
            "optimizer": "sgd",
            "rate": "1",
        },
    ),
    Preset(
        "Dead neurons",
        "a rate too large for relu leaves neurons that are 0 for every row",
        {
            "data": "circles",
            "layers": "8 8 8",
            "activation": "relu",
            "optimizer": "sgd",
            "rate": "3",
        },
    ),
    Preset(
        "Too large a rate",
        "the loss jumps about and never settles",
        {
            "data": "moons",
            "layers": "8 8",
            "optimizer": "sgd",
            "rate": "30",
            "batch": "10",
        },
    ),
    Preset(
        "Overfitting",
        "few noisy rows, many weights: the test loss turns up again",
        {**_NOISY, **_WIDE},
    ),
    Preset(
        "A penalty helps",
        "the same, with a penalty on large weights",
        {**_NOISY, **_WIDE, "penalty": "0.01"},
    ),
    Preset(
        "Spirals",
        "two arms around each other need width and time",
        {
            "data": "spirals",
            "rows": "300",
            "noise": "0.05",
            "layers": "16 16",
            "rate": "0.03",
        },
    ),
)
"""Trainings that teach, each a link. Tests measure what they say."""


def preset(name: str) -> Preset:
    """The one of that name; KeyError for another.

    >>> preset("Two moons").why
    'the plainest start'
    """
    return {each.name: each for each in PRESETS}[name]


@dataclass(frozen=True)
class Setup:
    """A network, and what moves it.

    features: keys of `FEATURES`. layers: how many neurons each hidden layer has.
    classes: how many there are to tell. seed: of the first weights.
    """

    features: tuple[str, ...] = ("x", "y")
    layers: tuple[int, ...] = (8, 8)
    activation: str = "tanh"
    optimizer: str = "adam"
    classes: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for feature in self.features:
            check_choice(feature, CHOICES["features"], "features")
        for name in ("activation", "optimizer"):
            check_choice(getattr(self, name), CHOICES[name], name)
        fits = all(1 <= size <= MOST_NEURONS for size in self.layers)
        if not fits or len(self.layers) > MOST_LAYERS:
            raise ValueError(
                f"a network here has up to {MOST_LAYERS} hidden layers of 1 to "
                f"{MOST_NEURONS} neurons; got {' '.join(map(str, self.layers))}"
            )
        if not self.features:
            raise ValueError("a network sees nothing without features; choose one")
        if not 2 <= self.classes <= CLASSES:
            raise ValueError(f"there are 2 to {CLASSES} classes; got {self.classes}")

    @classmethod
    def of(cls, setup: Mapping[str, Any]) -> Setup:
        """From the page's data, of which it takes what it knows."""
        given = {key: setup[key] for key in cls.__dataclass_fields__ if key in setup}
        for key in ("features", "layers"):
            given[key] = tuple(given.get(key, getattr(cls, key)))
        return cls(**given)

    @property
    def outputs(self) -> int:
        """One for two classes, otherwise one for each."""
        return 1 if self.classes == 2 else self.classes

    def model(self, numbers: Sequence[float] = ()) -> MLP:
        """The network, with its first weights or with these numbers."""
        sizes = [*self.layers, self.outputs]
        model = MLP(len(self.features), sizes, self.activation, seed=self.seed)
        if numbers:
            for parameter, number in zip(model.parameters(), numbers, strict=True):
                parameter.data = float(number)
        return model

    def seen(self, x: Any, y: Any) -> list[Any]:
        """The features of a point."""
        return [FEATURES[key][1](x, y) for key in self.features]

    @property
    def loss_name(self) -> str:
        """The loss's name, as in `nn`."""
        one = self.outputs == 1
        return "binary_cross_entropy_with_logits" if one else "cross_entropy"

    def loss(self, outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
        """Of one row: cross-entropy, from one logit or from one for each class."""
        if self.outputs == 1:
            return binary_cross_entropy_with_logits([*outputs], [*targets])
        return cross_entropy([[*outputs]], [[*targets]])

    def targets(self, label: int) -> list[float]:
        """What the outputs of a row of that class should be."""
        if self.outputs == 1:
            return [float(label)]
        return [float(label == n) for n in range(self.classes)]


def check_choice(choice: Any, offered: Sequence[Any], name: str) -> None:
    """Raise ValueError where a choice is none of those that are offered."""
    if choice not in offered:
        known = ", ".join(map(str, offered))
        raise ValueError(f"{choice!r:.40} is no choice for {name}; choose {known}")


# ---- programs ------------------------------------------------------------------------


def forward(model: MLP, row: Sequence[Any], shifts: Sequence[Any] = ()) -> list[Any]:
    """The activations of all neurons, layer by layer; the last are the outputs.

    shifts: added to the sums, one for each neuron: the derivatives by them are the δ's.
    """
    found: list[Any] = []
    left = iter(shifts)
    for layer in model.layers:
        sums = [
            dot(neuron.w, row) + neuron.b + next(left, 0.0) for neuron in layer.neurons
        ]
        f = layer.activation
        row = sums if f is None else [f(z) for z in sums]
        found += row
    return found


def programs(setup: Mapping[str, Any]) -> dict[str, Any]:
    """What trains a network, as JavaScript modules, and what the page needs beside.

    loss: of (x, y, targets), its last parameter the rate of the penalty on squared
        weights. chances: of (x, y), the probability of each class. rule: of (w, g,
        memory), its parameters the learning rate and the number of the step. inside:
        of (x, y), all activations. deltas: of (x, y, targets, shifts), the loss, whose
        derivatives by the shifts are the δ's.
    """
    made = Setup.of(setup)
    model = made.model()
    weights, count, outputs = model.parameters(), _neurons(made), made.outputs
    rate = Value(0.0, "rate")
    squares = sum([w * w for layer in model.layers for n in layer.neurons for w in n.w])

    def loss(x: Value, y: Value, *targets: Value) -> Any:
        return made.loss(_outputs(made, model, x, y), targets) + rate * squares

    def shifted(x: Value, y: Value, *rest: Value) -> Any:
        found = forward(model, made.seen(x, y), rest[outputs:])
        return made.loss(found[-outputs:], rest[:outputs])

    def inside(x: Value, y: Value) -> list[Value]:
        return forward(model, made.seen(x, y))

    texts = {
        "loss": _text(loss, 2 + outputs, [*weights, rate], "program", "valueAndGrad"),
        "chances": _text(lambda x, y: _chances(made, model, x, y), 2, weights),
        "inside": _text(inside, 2, weights),
        "deltas": _text(shifted, 2 + outputs + count, weights, "inputGrad"),
    }
    update, keeps = rule(made.optimizer)
    return {
        "programs": {**texts, "rule": update},
        "keeps": keeps,
        "weights": [w.data for w in weights],
        "sizes": [layer.nout for layer in model.layers],
        "told": repr(model),
    }


def _text(
    function: Callable[..., Any],
    inputs: int,
    parameters: Sequence[Value],
    *functions: str,
) -> str:
    program = compile(function, inputs, parameters, backend="numpy")
    return program.to_javascript(functions or ("program",))


def _outputs(made: Setup, model: MLP, x: Value, y: Value) -> list[Value]:
    return forward(model, made.seen(x, y))[-made.outputs :]


def _chances(made: Setup, model: MLP, x: Value, y: Value) -> list[Value]:
    found = _outputs(made, model, x, y)
    if made.outputs > 1:
        return softmax(found)
    return [1 - sigmoid(found[0]), sigmoid(found[0])]


def _neurons(made: Setup) -> int:
    return made.outputs + len([n for size in made.layers for n in range(size)])


def rule(name: str) -> tuple[str, int]:
    """An optimizer's update of one parameter, and how many numbers it keeps of each."""
    optimizer = OPTIMIZERS[name]()
    bare = optimizer.bare()
    lr, t = Value(0.01, "lr"), Value(1.0, "t")
    keeps = len(optimizer.keeps)

    def update(w: Value, g: Value, *memory: Value) -> list[Value]:
        return list(bare.apply(w, g, lr, t, *memory))

    return _text(update, 2 + keeps, [lr, t]), keeps


# ---- pictures ------------------------------------------------------------------------


def picture(
    setup: Mapping[str, Any],
    weights: Sequence[float],
    point: Sequence[float],
    label: int,
) -> str:
    """The network with what one point does in it, forward and back, as SVG."""
    made = Setup.of(setup)
    model = made.model(weights)
    names = [FEATURES[key][0] for key in made.features]
    row = [
        Value(number, name)
        for number, name in zip(made.seen(*point), names, strict=True)
    ]
    return network(model, row, float(label), loss=made.loss_name).svg


def choices() -> dict[str, Any]:
    """What the page's controls offer."""
    names = {key: name for key, (name, _) in FEATURES.items()}
    presets = [asdict(each) for each in PRESETS]
    return {**CHOICES, "names": names, "presets": presets}


CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "training.choices": choices,
    "training.points": points,
    "training.table": table,
    "training.programs": programs,
    "training.picture": picture,
}
"""The calls of the panel."""
