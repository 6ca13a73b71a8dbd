"""The kinds of parts that a file can hold by their sizes alone: one row for each.

`nn.checkpoint` reads the table both ways. A row counts parameters before anything is
built, so that no file can ask for more than it holds; a test builds each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nn.attention import GPT, Block, Embedding, LayerNorm, RMSNorm, SelfAttention
from nn.convolution import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Convolution,
    Flatten,
    MaxPool2d,
    Reshape,
)
from nn.dropout import Dropout
from nn.module import Module
from nn.recurrent import GRU, LSTM, RNN, Recurrent

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """How a file tells what makes a part.

    make: the class. read: from one of it to the arguments that make another, each a
    number, a text, a truth value or a list of sizes. count: how many parameters those
    arguments give, each of two that are shared counted.
    """

    make: type[Module]
    read: Callable[[Any], Arguments]
    count: Callable[..., int]


def _nothing(part: Module) -> Arguments:
    return {}


def _zero(**arguments: Any) -> int:
    return 0


def _attention(width: int, **others: Any) -> int:
    return 4 * width * width + 4 * width


def _block(width: int, **others: Any) -> int:
    return _attention(width) + 4 * width + 2 * 4 * width * width + 5 * width


def _gpt(tokens: int, width: int, layers: int, context: int, **others: Any) -> int:
    ends = (tokens + context) * width + 2 * width + (width + 1) * tokens
    return ends + layers * _block(width)


def _gpt_arguments(model: GPT) -> Arguments:
    block = model.blocks[0]
    return {
        "tokens": model.token.tokens,
        "width": model.token.width,
        "heads": block.self_attn.heads,
        "layers": len(model.blocks),
        "context": model.context,
        "dropout": block.dropout.p,
        "tied": model.head.neurons[0].w[0] is model.token.weight[0][0],
    }


def _block_arguments(block: Block) -> Arguments:
    return {
        "width": block.norm1.width,
        "heads": block.self_attn.heads,
        "activation": block.linear1.activation,
        "causal": block.self_attn.causal,
        "dropout": block.dropout.p,
    }


def _attention_arguments(attention: SelfAttention) -> Arguments:
    return {
        "width": attention.width,
        "heads": attention.heads,
        "causal": attention.causal,
        "dropout": attention.dropout.p,
    }


def _norm(norm: RMSNorm | LayerNorm) -> Arguments:
    return {"width": norm.width, "eps": norm.eps}


def _recurrent(part: Recurrent) -> Arguments:
    return {"inputs": part.inputs, "hidden": part.hidden}


def _gates(gates: int) -> Callable[..., int]:
    return lambda inputs, hidden: gates * hidden * (inputs + hidden + 2)


def _convolution(part: Convolution) -> Arguments:
    names = ("channels", "filters", "kernel", "stride", "padding")
    return {name: getattr(part, name) for name in names}


def _filters(directions: int) -> Callable[..., int]:
    def count(channels: int, filters: int, kernel: int, **others: Any) -> int:
        return int(filters * (channels * kernel**directions + 1))

    return count


_ROWS = (
    Kind(
        Embedding,
        lambda part: {"tokens": part.tokens, "width": part.width},
        lambda tokens, width: tokens * width,
    ),
    Kind(RMSNorm, _norm, lambda width, eps: width),
    Kind(LayerNorm, _norm, lambda width, eps: 2 * width),
    Kind(SelfAttention, _attention_arguments, _attention),
    Kind(Block, _block_arguments, _block),
    Kind(GPT, _gpt_arguments, _gpt),
    Kind(RNN, _recurrent, _gates(1)),
    Kind(GRU, _recurrent, _gates(3)),
    Kind(LSTM, _recurrent, _gates(4)),
    Kind(Conv1d, _convolution, _filters(1)),
    Kind(Conv2d, _convolution, _filters(2)),
    Kind(MaxPool2d, lambda part: {"size": part.size}, _zero),
    Kind(AvgPool2d, lambda part: {"size": part.size}, _zero),
    Kind(Reshape, lambda part: {"sizes": part.sizes}, _zero),
    Kind(Flatten, _nothing, _zero),
    Kind(Dropout, lambda part: {"p": part.p}, _zero),
)
KINDS: Mapping[str, Kind] = {kind.make.__name__: kind for kind in _ROWS}
"""The kinds by their names."""


def kind_of(part: Module) -> Kind | None:
    """The row of a part; None for a class of someone's own, subclasses included."""
    kind = KINDS.get(type(part).__name__)
    return kind if kind is not None and kind.make is type(part) else None


def built(kind: Kind, arguments: Arguments) -> Module:
    """A part with these arguments, and first weights that are then overwritten."""
    if kind.make is Reshape:
        return Reshape(*arguments["sizes"])
    return kind.make(**arguments)
