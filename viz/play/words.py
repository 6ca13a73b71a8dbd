"""A small GPT for the page: a list of items as rows of tokens, and its programs.

The page trains it as it trains a network, on the programs that are recorded here, and
draws new items from what it gives. Each function takes and gives plain data.
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


def programs(setup: Mapping[str, Any]) -> dict[str, Any]:
    """What trains a GPT and what draws from it, as JavaScript modules.

    loss: of a row as `items` gives it. logits: of the tokens of a row, for each of them
    a number for every token that may follow. rule: as that of a network.
    """
    made = Setup(**setup)
    model, length = made.model(), made.context
    weights = model.parameters()
    reader = TokenLoss(model, length)

    def logits(*tokens: Value) -> list[Any]:
        return [z for row in model([*tokens]) for z in row]

    loss = compile(lambda *row: reader([*row]), 3 * length, weights, backend="numpy")
    ahead = compile(logits, length, weights, backend="numpy")
    update, keeps = rule(made.optimizer)
    return {
        "programs": {
            "loss": loss.to_javascript(("program", "valueAndGrad")),
            "logits": ahead.to_javascript(("program",)),
            "rule": update,
        },
        "keeps": keeps,
        "weights": [w.data for w in weights],
        "told": repr(model),
    }


def choices() -> Mapping[str, Sequence[Any]]:
    """What the page's controls offer."""
    return CHOICES


CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "words.choices": choices,
    "words.items": items,
    "words.programs": programs,
}
"""The calls of the panel."""
