"""The models in torch: the losses, by its own functions."""

import torch
from torch.nn import functional

from workloads.models import SIDE
from workloads.transformer import HEADS

TINY = 1e-5


def norm(x):
    """Rows of the root mean square 1."""
    return functional.rms_norm(x, x.shape[-1:], eps=TINY)


def transformer(w, table):
    """Every document at once."""
    tokens = table.long()
    return documents(w, tokens[:, :-1], tokens[:, 1:])


def documents(w, tokens, after):
    """Documents of one length."""
    n, places = tokens.shape

    def split(x):
        return x.reshape(n, places, HEADS, -1).transpose(1, 2)

    x = norm(functional.embedding(tokens, w["tokens"]) + w["positions"][:places])
    normed = norm(x)
    q, k, v = (split(normed @ w[name].T) for name in ("query", "key", "value"))
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + mixed.transpose(1, 2).reshape(n, places, -1) @ w["out"].T
    x = x + torch.relu(norm(x) @ w["up"].T) @ w["down"].T
    logits = x @ w["head"].T
    return functional.cross_entropy(logits.flatten(0, 1), after.flatten())


def classified(w, hidden, table):
    """The mean loss by a last layer."""
    z = functional.linear(hidden, w["head"], w["last"])
    return functional.cross_entropy(z, table[:, -1].long())


def convolution(w, table):
    """By its own convolution."""
    images = table[:, :-1].reshape(-1, 1, SIDE, SIDE)
    z = functional.conv2d(images, w["filters"][:, None], w["offsets"])
    return classified(w, torch.relu(z).flatten(1), table)


def recurrent(w, table):
    """By its own network: all steps in one call."""
    none = torch.zeros_like(w["offsets"])
    parts = [w["enter"][:, None], w["state"], w["offsets"], none]
    start = torch.zeros(1, len(table), len(w["enter"]))
    sequence = table[:, :-1].T[:, :, None]
    _, state = torch.rnn_tanh(sequence, start, parts, True, 1, 0.0, True, False, False)
    return classified(w, state[0], table)
