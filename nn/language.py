"""Language models: from a text to a trained GPT in one call, and new text from it.

>>> trained = learn_text(["anna", "nina", "mina"] * 5, epochs=2, width=4, heads=1)
>>> len(trained.generate(3, seed=0))
3
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd import no_grad
from autograd.files import Path
from autograd.numeric import is_number
from autograd.value import Value, number_of
from autograd.wording import cut, expect
from nn.arguments import check_named
from nn.attention import GPT
from nn.checkpoint import Context, load_checkpoint, save
from nn.choices import RATE, SCHEDULE, TEXT_BATCH, text_epochs_for
from nn.dropout import in_use
from nn.engine import outputs_of, recorded
from nn.extras import require
from nn.history import History
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.sequences import Sequences, TokenLoss, token_task
from nn.shapes import plain
from nn.tokens import Text, Vocabulary, read_text, words
from nn.training import Training, fit

if TYPE_CHECKING:
    from autograd.compiler import Program

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
    expect(model, Module, "generate(model, n)")
    check_sizes(n, temperature)
    prompt = plain(prompt)
    if not isinstance(prompt, (list, tuple, range)):
        raise TypeError(
            f"a prompt is a list of tokens here, got {cut(repr(prompt))}; one of text "
            "is for load_text(path).generate(n, prompt='ma')"
        )
    if longest is not None:
        check_whole(longest, "longest")
    most = getattr(model, "context", math.inf)
    usual = ENDLESS if most == math.inf else most
    room = usual if longest is None else longest
    if room > most:
        raise ValueError(f"longest is at most the model's context, {most}; got {room}")
    if len(prompt) > room:
        raise ValueError(
            f"the prompt has {len(prompt)} tokens, more than the {room} of a sequence"
        )
    first = random.Random(random.getrandbits(64) if seed is None else seed)
    drawers = [random.Random(first.getrandbits(64)) for _ in range(n)]
    rows, reader = [[0, *prompt] for _ in range(n)], Reader(model, int(room))
    waiting = list(range(n))
    with in_use(), no_grad():
        while waiting and len(rows[waiting[0]]) <= room:
            logits = reader.logits({tuple(rows[i]) for i in waiting})
            odds = {begun: _odds(zs, temperature) for begun, zs in logits.items()}
            drawn = {i: _drawn(odds[tuple(rows[i])], drawers[i]) for i in waiting}
            waiting = [i for i, token in drawn.items() if token]
            for i in waiting:
                rows[i].append(drawn[i])
    return [row[1:] for row in rows]


def _drawn(odds: list[float], drawer: random.Random) -> int:
    return drawer.choices(range(len(odds)), odds)[0]


class Reader:
    """Tells what may come next, of many sequences that are equally long.

    A program reads them all at once, and a few are read one by one, since compiling
    takes as long as reading a few hundred. The program begins anew at each token:
    of 1000 names of 12 letters that takes some tenths of a second, which keeping
    what is known of earlier ones could not make much less.
    """

    def __init__(self, model: Module, room: int) -> None:
        self.model, self.room = model, room
        self._bounded = hasattr(model, "context")
        self._program: Program | None = None

    def logits(self, begun: set[tuple[int, ...]]) -> dict[tuple[int, ...], list[float]]:
        """For each of these the logits of what comes after its last token."""
        rows = sorted(begun)
        if self._program is None and self._bounded and len(rows) > MANY:
            self._compile(rows[0])
        if self._program is None:
            return {row: _numbers(self.model(list(row))[-1]) for row in rows}
        found = self._program(self._padded(rows))
        last = found.reshape(len(rows), self.room, -1)[:, len(rows[0]) - 1]
        return dict(zip(rows, last.tolist(), strict=True))

    def _compile(self, row: tuple[int, ...]) -> None:
        """A program, where there can be one that says the same as the model."""
        from autograd.compiler import CompileError

        self._bounded = False  # tried once

        def outputs(*tokens: Value) -> list[Value]:
            return [z for logits in self.model(list(tokens)) for z in logits]

        try:
            program = recorded(outputs, self.room, self.model.parameters())
        except CompileError:
            return
        read = program(self._padded([row])).reshape(self.room, -1)[len(row) - 1]
        pairs = zip(read.tolist(), _numbers(self.model(list(row))[-1]), strict=True)
        if all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in pairs):
            self._program = program

    def _padded(self, rows: list[tuple[int, ...]]) -> list[list[int]]:
        return [[*row, *[0] * (self.room - len(row))] for row in rows]


MANY = 60
"""Sequences from which on a program reads them sooner, compiling included."""


def check_whole(count: object, name: str) -> None:
    """Raise ValueError for what is no whole number from 0."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"{name} is a whole number from 0; got {count!r}")


def check_sizes(n: int, temperature: float) -> None:
    """Raise ValueError where what is asked for can't be drawn."""
    check_whole(n, "n")
    if not is_number(temperature) or not math.isfinite(temperature) or temperature < 0:
        raise ValueError(f"temperature is a number from 0; got {temperature!r}")


def _numbers(logits: Sequence[Any]) -> list[float]:
    return [number_of(z) for z in logits]


def _odds(numbers: list[float], temperature: float) -> list[float]:
    """How likely each token is, by its logit, in any unit."""
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
        with no_grad():
            losses = outputs_of(reader, data.table(data.longest), MANY)
        return math.fsum(losses.ravel().tolist()) / len(losses)

    def save(self, path: Path) -> None:
        """Write both into a file, for `load_text` and for `chainrule generate`."""
        save(self.model, path, context=Context(vocabulary=self.vocabulary))


HOW_MADE = "chainrule train names.txt, a text, writes trained/model.json"


def load_text(path: Path) -> Speaker:
    """Read a language model as `chainrule train` writes it.

    Raises ValueError for a model that has no vocabulary.
    """
    saved = load_checkpoint(path, how_made=HOW_MADE)
    if saved.context.vocabulary is None:
        raise ValueError(
            f"{path} has no vocabulary: it is not a model of a text; `chainrule "
            "predict` uses a model of a table"
        )
    return Speaker(saved.model, saved.context.vocabulary)


@dataclass(frozen=True)
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


def _is_text(data: str) -> bool:
    """Whether a text is hardly the name of a file, but what to learn from, or nothing.

    >>> [_is_text(x) for x in ("", "to be or not", "my names.txt", "names")]
    [True, True, False, False]
    """
    words = data.split()
    unnamed = len(words) > 1 and not os.path.splitext(data)[1].strip(".")
    return not words or "\n" in data or (unnamed and not os.path.exists(data))


def text_of(data: Path | Sequence[str] | Text, unit: str = "characters") -> Text:
    """The set "words", the text in a file, or the items given."""
    if isinstance(data, Text):
        return data
    if not isinstance(data, (str, os.PathLike)):
        return Text.of(data, unit)
    if isinstance(data, str) and _is_text(data):
        raise ValueError(
            "learn_text takes the name of a file, or a list of texts such as "
            f"text.splitlines(); got {cut(repr(data))}"
        )
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
    callbacks: Iterable[Callable[[Training], object]] = (),
    **options: Any,
) -> TrainedText:
    """Train a GPT on a text, and measure it on items that it never saw.

    After each epoch it writes one, which the bar shows; `history.told` has them all.

    data: the set "words", a file with one item per line or running text, or items.
    context, width, heads, layers: see `nn.GPT`. unit: of the tokens, "characters" or
        "words". test: the part kept aside. epochs: by default 10, of a long text fewer.
        The other arguments are those of `fit`, with Adam and a cosine schedule by
        default.
    """
    check_named(learn_text, ("GPT",), options, "learn_text")
    check_named(fit, (), options, "learn_text")
    require("numpy")
    text = text_of(data, unit)
    inside, outside = text.sequences(context).split(test, seed)
    model = GPT(len(text.vocabulary), width, heads, layers, context, seed)
    speaker = Speaker(model, text.vocabulary)
    size = TEXT_BATCH if batch_size is None else batch_size
    sample = _Sample(speaker, seed)
    history = fit(
        model,
        inside,
        optimizer=Adam(lr=RATE) if optimizer is None else optimizer,
        epochs=text_epochs_for(len(inside), size) if epochs is None else epochs,
        batch_size=size,
        seed=seed,
        context=Context(vocabulary=text.vocabulary),
        callbacks=[sample, *callbacks],
        **{"schedule": SCHEDULE} | options,
    )
    parts = {"training": inside, "test": outside}
    scores = {"test": sample.loss(outside), "bigram": bigram_loss(inside, outside)}
    told = {k: {"loss": x, "perplexity": math.exp(x)} for k, x in scores.items()}
    sizes = {name: len(part) for name, part in parts.items()}
    return TrainedText(model, text.vocabulary, history, sizes, told)


class _Sample:
    """A callback that writes a text, and keeps the training, which can measure fast."""

    def __init__(self, speaker: Speaker, seed: int) -> None:
        self.speaker, self.seed = speaker, seed
        self.training: Training | None = None

    def __call__(self, training: Training) -> str:
        self.training = training
        (text,) = self.speaker.generate(1, seed=self.seed)
        return text

    def loss(self, data: Sequences) -> float:
        """The loss per token of sequences."""
        if self.training is None:  # it was complete already
            return self.speaker.loss(data)
        before = self.training.task
        task = token_task(before.model, before.parameters, data)
        return self.training.loss_over(task)


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
