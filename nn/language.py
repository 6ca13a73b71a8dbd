"""Language models: from a text to a trained GPT in one call, and new text from it.

>>> trained = learn_text(["anna", "nina", "mina"] * 5, epochs=2, width=4, heads=1)
>>> len(trained.generate(3, seed=0))
3
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import no_grad
from autograd.files import Path
from autograd.value import number_of
from nn.attention import GPT
from nn.checkpoint import Context, load_checkpoint, save
from nn.dropout import in_use
from nn.extras import require
from nn.history import History
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.sequences import Sequences, TokenLoss
from nn.tokens import Text, Vocabulary, read_text, words
from nn.training import fit

ENDLESS = 200
"""Tokens after which an item of a model without a context is ended."""


# ---- generating ----------------------------------------------------------------------


def generate(
    model: Module,
    n: int = 1,
    temperature: float = 1.0,
    seed: int | None = None,
    prompt: Sequence[int] = (),
    *,
    longest: int | None = None,
) -> list[list[int]]:
    """New sequences of tokens, each drawn by what the model gives for those before it.

    model: takes a list of tokens and returns a list of logits for each, as `GPT` does.
    n: how many. temperature: by which the logits are divided; below 1 the likely
        becomes likelier, and 0 takes the likeliest. seed: the same, the same sequences.
    prompt: tokens that each begins with. longest: tokens in a sequence; by default the
        model's context.

    A sequence ends before a 0, which is not part of it.

    >>> model = GPT(4, 4, 1, 1, context=6, seed=0)
    >>> generate(model, 2, seed=0) == generate(model, 2, seed=0)
    True
    """
    if n < 0:
        raise ValueError(f"n is a whole number from 0; got {n}")
    if not math.isfinite(temperature) or temperature < 0:
        raise ValueError(f"temperature is a number from 0; got {temperature!r}")
    room = int(getattr(model, "context", ENDLESS) if longest is None else longest)
    if len(prompt) > room:
        raise ValueError(
            f"the prompt has {len(prompt)} tokens, more than the {room} of a sequence"
        )
    rng = random.Random(random.getrandbits(64) if seed is None else seed)
    known: dict[tuple[int, ...], list[float]] = {}  # many sequences begin alike

    def drawn(tokens: list[int]) -> int:
        begun = tuple(tokens)
        if begun not in known:
            known[begun] = _odds(model(tokens)[-1], temperature)
        return rng.choices(range(len(known[begun])), known[begun])[0]

    with in_use(), no_grad():
        return [_continued([0, *prompt], room, drawn)[1:] for _ in range(n)]


def _continued(
    tokens: list[int], room: int, drawn: Callable[[list[int]], int]
) -> list[int]:
    """The tokens and what is drawn after them, until a 0 or the end of the room."""
    while len(tokens) <= room and (token := drawn(tokens)):
        tokens.append(token)
    return tokens


def _odds(logits: Sequence[Any], temperature: float) -> list[float]:
    """How likely each token is, in any unit."""
    numbers = [number_of(z) for z in logits]
    top = max(numbers)
    if not temperature:
        return [float(i == numbers.index(top)) for i in range(len(numbers))]
    return [math.exp((z - top) / temperature) for z in numbers]


# ---- a model and its vocabulary ------------------------------------------------------


@dataclass(frozen=True)
class Speaker:
    """A model of sequences and what its tokens stand for."""

    model: Module
    vocabulary: Vocabulary

    def generate(
        self,
        n: int = 1,
        temperature: float = 1.0,
        seed: int | None = None,
        prompt: str = "",
    ) -> list[str]:
        """New texts, each beginning with the prompt; see `generate`."""
        start = self.vocabulary.encode(prompt)
        made = generate(self.model, n, temperature, seed, start)
        return [self.vocabulary.decode(tokens) for tokens in made]

    def loss(self, data: Sequences) -> float:
        """The loss per token of sequences."""
        reader = TokenLoss(self.model.eval(), data.longest)  # reads no padding
        table = data.table(data.longest)
        with no_grad():
            losses = [number_of(reader(row)) for row in table.tolist()]
        return math.fsum(losses) / len(losses)

    def save(self, path: Path) -> None:
        """Write both into a file, for `load_text` and for `chainrule generate`."""
        save(self.model, path, context=Context(vocabulary=self.vocabulary))


def load_text(path: Path) -> Speaker:
    """Read a language model as `chainrule train` writes it.

    Raises ValueError for a model that has no vocabulary.
    """
    saved = load_checkpoint(path)
    if saved.context.vocabulary is None:
        raise ValueError(
            f"{path} has no vocabulary: it is not a model of a text; `chainrule "
            "predict` uses a model of a table"
        )
    return Speaker(saved.model, saved.context.vocabulary)


@dataclass(frozen=True, repr=False)
class TrainedText(Speaker):
    """What `learn_text` made: the model, how it came to be, and how good it is.

    parts: how many items each has, "training" and "test". scores: of each the loss per
    token and the perplexity; `bigram` is what counting pairs of tokens gives.
    """

    history: History
    parts: dict[str, int]
    scores: dict[str, dict[str, float]]

    def __repr__(self) -> str:
        test = self.scores["test"]
        return (
            f"TrainedText in {len(self.history)} epochs: test loss {test['loss']:.4g}, "
            f"perplexity {test['perplexity']:.4g}"
        )


# ---- the recipe ----------------------------------------------------------------------

EPOCHS, BATCH, RATE = 10, 32, 0.01


def text_of(data: Path | Sequence[str] | Text, unit: str = "characters") -> Text:
    """The set "words", the text in a file, or the items given."""
    if isinstance(data, Text):
        return data
    if isinstance(data, (list, tuple)):
        return Text.of(data, unit)
    if data != "words":
        return read_text(str(data), unit)
    if unit != "characters":
        raise ValueError(
            f"unit is characters for the set words, whose items are words; got {unit!r}"
        )
    return words()


def learn_text(
    data: Path | Sequence[str] | Text,
    *,
    context: int = 16,
    width: int = 16,
    heads: int = 4,
    layers: int = 1,
    unit: str = "characters",
    test: float = 0.1,
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | Optimizer | None = None,
    seed: int = 0,
    **options: Any,
) -> TrainedText:
    """Train a GPT on a text, and measure it on items that it never saw.

    data: the set "words", a file with one item per line or running text, or items.
    context, width, heads, layers: see `nn.GPT`. unit: of the tokens, "characters" or
        "words". test: the part kept aside. The other arguments are those of `fit`, here
        with Adam and a cosine schedule by default.
    """
    require("numpy")
    text = text_of(data, unit)
    inside, outside = text.sequences(context).split(test, seed)
    model = GPT(len(text.vocabulary), width, heads, layers, context, seed)
    history = fit(
        model,
        inside,
        optimizer=Adam(lr=RATE) if optimizer is None else optimizer,
        epochs=EPOCHS if epochs is None else epochs,
        batch_size=batch_size or BATCH,
        seed=seed,
        context=Context(vocabulary=text.vocabulary),
        **{"schedule": "cosine"} | options,
    )
    speaker = Speaker(model, text.vocabulary)
    parts = {"training": inside, "test": outside}
    scores = {"test": speaker.loss(outside), "bigram": bigram_loss(inside, outside)}
    told = {k: {"loss": x, "perplexity": math.exp(x)} for k, x in scores.items()}
    sizes = {name: len(part) for name, part in parts.items()}
    return TrainedText(model, text.vocabulary, history, sizes, told)


def bigram_loss(inside: Sequences, outside: Sequences) -> float:
    """The loss per token of counting pairs, one more for each pair that there is.

    >>> round(bigram_loss(Sequences([[0, 1]], [[1, 0]]), Sequences([[0]], [[1]])), 3)
    0.405
    """
    kinds = 1 + max(t for part in (inside, outside) for row in part.y for t in row if t)
    counts: dict[tuple[int, int | None], int] = {}
    before: dict[int, int] = {}
    for token, after in _pairs(inside):
        counts[token, after] = counts.get((token, after), 0) + 1
        before[token] = before.get(token, 0) + 1
    losses = [
        math.log((before.get(token, 0) + kinds) / (counts.get((token, after), 0) + 1))
        for token, after in _pairs(outside)
    ]
    return math.fsum(losses) / len(losses)


def _pairs(data: Sequences) -> list[tuple[int, int | None]]:
    return [
        pair
        for row in zip(data.X, data.y, strict=True)
        for pair in zip(*row, strict=True)
    ]
