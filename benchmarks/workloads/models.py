"""Models in scalars: transformers, a convolution over images, a network over time.

Each gives a table, arrays of weights, and the loss of one row in scalar code. The peers
have the same in arrays, in `models/`, by the name in `kind`.
"""

import itertools
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workloads.transformer import CHARACTERS, SHAPES, Dots, Sums, loss

SPEED = 0.1  # of descent
SIDE, PATCH, CHANNELS, CLASSES = 8, 3, 4, 10  # of the images
LEFT = SIDE - PATCH + 1  # places of a patch along a side
STEPS, HIDDEN = 16, 16  # of the network over time


class Model:
    """What the three have in common."""

    kind: ClassVar[str]
    n: int

    def prepared(self, engine: Any) -> Any:
        """A step of an engine; None where it has none."""
        return engine.model(self)

    def flops(self) -> None:
        """Not counted."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the weights, by name."""
        raise NotImplementedError

    def arrays(self) -> dict[str, Any]:
        """The weights, the same for every engine."""
        import numpy as np

        rng = np.random.default_rng(1)
        return {n: rng.normal(0, 0.1, shape) for n, shape in self.shapes().items()}


@dataclass(frozen=True)
class Transformer(Model):
    """Documents of so many tokens; by sums or by dots, in scalars."""

    kind: ClassVar[str] = "transformer"
    tokens: int
    n: int = 1
    by: str = "dots"

    @property
    def name(self) -> str:
        """As the tables have it."""
        documents = "a document" if self.n == 1 else f"{self.n} documents"
        return f"transformer, {documents} of {self.tokens}, by {self.by}"

    def tiny(self) -> "Transformer":
        """Two documents of two tokens."""
        return replace(self, tokens=2, n=2)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """4192 weights."""
        return dict(SHAPES)

    def data(self) -> Any:
        """A row for every document: its tokens, and what comes after the last."""
        import numpy as np

        rng = np.random.default_rng(0)
        return rng.integers(0, CHARACTERS, (self.n, self.tokens + 1)).astype(float)

    def loss(self, w: Any, row: Any) -> Any:
        """The mean surprise of a document."""
        return loss(w, row, Dots() if self.by == "dots" else Sums())


@dataclass(frozen=True)
class Convolution(Model):
    """Images of 8 x 8 through four filters of 3 x 3, relu, and a layer."""

    kind: ClassVar[str] = "convolution"
    n: int

    @property
    def name(self) -> str:
        """As the tables have it."""
        return f"convolution 8x8, 3x3x4, 10 N={self.n}"

    def tiny(self) -> "Convolution":
        """Two images."""
        return replace(self, n=2)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The filters and their offsets, then the layer."""
        return {
            "filters": (CHANNELS, PATCH, PATCH),
            "offsets": (CHANNELS,),
            "head": (CLASSES, CHANNELS * LEFT * LEFT),
            "last": (CLASSES,),
        }

    def data(self) -> Any:
        """A row for every image: 64 numbers, and the class."""
        return with_classes(self.n, SIDE * SIDE)

    def loss(self, w: Any, row: Any) -> Any:
        """The cross-entropy of an image."""
        from autograd import dot, relu

        *pixels, wanted = row
        places = [y * SIDE + x for y in range(LEFT) for x in range(LEFT)]
        patches = [
            [pixels[at + y * SIDE + x] for y in range(PATCH) for x in range(PATCH)]
            for at in places
        ]
        flat = [list(itertools.chain(*rows)) for rows in w["filters"]]
        filters = zip(flat, w["offsets"], strict=True)
        hidden = [relu(dot(f, patch) + b) for f, b in filters for patch in patches]
        return classified(w, hidden, wanted)


@dataclass(frozen=True)
class Recurrent(Model):
    """A number at each of 16 steps, 16 hidden ones with tanh, and a layer."""

    kind: ClassVar[str] = "recurrent"
    n: int

    @property
    def name(self) -> str:
        """As the tables have it."""
        return f"RNN of 16 steps, 1-16-10 N={self.n}"

    def tiny(self) -> "Recurrent":
        """Two sequences."""
        return replace(self, n=2)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What reads the number, what reads the state, and the layer."""
        return {
            "enter": (HIDDEN,),
            "state": (HIDDEN, HIDDEN),
            "offsets": (HIDDEN,),
            "head": (CLASSES, HIDDEN),
            "last": (CLASSES,),
        }

    def data(self) -> Any:
        """A row for every sequence: 16 numbers, and the class."""
        return with_classes(self.n, STEPS)

    def loss(self, w: Any, row: Any) -> Any:
        """The cross-entropy of a sequence."""
        from autograd import dot, tanh

        *sequence, wanted = row
        state: list[Any] = [0.0] * HIDDEN
        for x in sequence:
            parts = zip(w["enter"], w["state"], w["offsets"], strict=True)
            state = [tanh(a * x + dot(b, state) + c) for a, b, c in parts]
        return classified(w, state, wanted)


def with_classes(n: int, width: int) -> Any:
    """So many rows of random numbers, and a class at the end of each."""
    import numpy as np

    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, (n, 1))
    return np.hstack([rng.normal(size=(n, width)), classes])


def classified(w: Any, hidden: Any, wanted: Any) -> Any:
    """The cross-entropy of a class by a last layer."""
    from autograd import dot, logsumexp, take

    layer = zip(w["head"], w["last"], strict=True)
    logits = [dot(row, hidden) + b for row, b in layer]
    return logsumexp(logits) - take(logits, wanted)


Trained = Transformer | Convolution | Recurrent

MODELS: list[Trained] = [
    *[
        Transformer(tokens, n, by)
        for n in (1, 64)
        for tokens in (1, 8, 16)
        for by in ("dots", "sums")
    ],
    Convolution(64),
    Recurrent(64),
]
