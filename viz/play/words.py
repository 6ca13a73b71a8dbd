"""A small GPT for the page: a list of items as rows of tokens, and its programs.

The page trains it as it trains a network, on the programs that are recorded here, and
draws new items from what it gives. They are recorded one by one, since each takes a
while, of which the page can tell. Each function takes and gives plain data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autograd import Value, compile
from nn.attention import GPT
from nn.optim import OPTIMIZERS
from nn.sequences import TokenLoss
from nn.tokens import Text, words
from viz.play.lab import check_choice, rule

CHOICES: Final[Mapping[str, list[Any]]] = {
    "width": [4, 8, 16],
    "heads": [1, 2, 4],
    "context": [4, 6, 8, 10],
    "optimizer": [*OPTIMIZERS],
}
"""What a set-up chooses from: what a page records in seconds."""

FEWEST_ITEMS: Final = 4
MOST_ITEMS: Final = 3000
MOST_SYMBOLS: Final = 60
LONGEST: Final = 64  # characters of an item


@dataclass(frozen=True)
class Setup:
    """A GPT of one block, and what moves it.

    tokens: how many there are, with that for the end. See `nn.GPT` for the others.
    """

    tokens: int = 27
    width: int = 8
    heads: int = 2
    context: int = 8
    optimizer: str = "adam"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, offered in CHOICES.items():
            check_choice(getattr(self, name), offered, name)
        if not 2 <= self.tokens <= MOST_SYMBOLS + 1:
            raise ValueError(f"there are 2 to {MOST_SYMBOLS + 1} tokens")

    def model(self) -> GPT:
        """The network with its first weights."""
        return GPT(self.tokens, self.width, self.heads, 1, self.context, seed=self.seed)


def items(text: str | None = None, context: int = 8) -> dict[str, Any]:
    """A list as rows that a GPT learns from: tokens, what to tell, and weights.

    text: an item a line; None for the set of words that `nn.tokens.words` has. context:
        the tokens of a row; a longer item takes several.

    Raises ValueError for what is no list of short items.

    >>> items("anna\\nnina\\nina\\nann")["symbols"]
    ['a', 'i', 'n']
    """
    check_choice(context, CHOICES["context"], "context")
    given = words() if text is None else Text.of(_listed(text))
    found = given.sequences(context)
    return {
        "symbols": [*given.vocabulary.symbols],
        "items": [*given.items],
        "rows": [*found.lines(context)],
    }


def _listed(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < FEWEST_ITEMS:
        raise ValueError(
            f"a list has an item on each line, {FEWEST_ITEMS} at least; this one has "
            f"{len(lines)}"
        )
    if len(lines) > MOST_ITEMS:
        raise ValueError(f"this list has {len(lines)} items; at most {MOST_ITEMS} fit")
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            raise ValueError(
                f"item {number} has {len(line)} characters; at most {LONGEST} fit"
            )
    if (count := len(set("".join(lines)))) > MOST_SYMBOLS:
        raise ValueError(
            f"this list has {count} different characters; at most {MOST_SYMBOLS} fit"
        )
    return lines


def model(setup: Mapping[str, Any]) -> dict[str, Any]:
    """The first weights of a GPT, what moves them, and what it is called.

    rule: an optimizer's update, as that of a network, which keeps so many numbers of
        each weight.
    """
    made = Setup(**setup)
    network = made.model()
    update, keeps = rule(made.optimizer)
    return {
        "weights": [w.data for w in network.parameters()],
        "rule": update,
        "keeps": keeps,
        "told": repr(network),
    }


def program(setup: Mapping[str, Any], name: str) -> str:
    """One of `PROGRAMS` for a GPT, as a JavaScript module.

    Raises ValueError for another name.
    """
    check_choice(name, [*PROGRAMS], "a program")
    made = Setup(**setup)
    network = made.model()
    function, inputs, wanted = PROGRAMS[name](network)
    weights = network.parameters()
    recorded = compile(function, inputs, weights, backend="numpy")
    return recorded.to_javascript(wanted)


Recipe = tuple[Callable[..., Any], int, tuple[str, ...]]
"""What is recorded, how many inputs it has, and what the page calls of it."""


def _loss(network: GPT) -> Recipe:
    """Of a row as `items` gives it."""
    length = network.context
    reader = TokenLoss(network, length)
    return lambda *row: reader([*row]), 3 * length, ("program", "valueAndGrad")


def _logits(network: GPT) -> Recipe:
    """For each token of a row a number for every token that may follow."""
    return (
        lambda *tokens: [z for row in network([*tokens]) for z in row],
        network.context,
        ("program",),
    )


def _attention(network: GPT) -> Recipe:
    """For each head, for each token, how much it looks at each up to itself."""

    def weights(*tokens: Value) -> list[Any]:
        (heads,) = network.attention([*tokens])
        return [weight for rows in heads for row in rows for weight in row]

    return weights, network.context, ("program",)


PROGRAMS: Final[Mapping[str, Callable[[GPT], Recipe]]] = {
    "loss": _loss,
    "logits": _logits,
    "attention": _attention,
}
"""What the page trains with, writes with, and shows when it is asked."""


def choices() -> Mapping[str, Sequence[Any]]:
    """What the page's controls offer."""
    return CHOICES


CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "words.choices": choices,
    "words.items": items,
    "words.model": model,
    "words.program": program,
}
"""The calls of the panel."""
