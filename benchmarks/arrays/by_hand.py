"""The models in NumPy, every gradient written out."""

import numpy as np

from workloads.models import CHANNELS, LEFT, PATCH, SIDE
from workloads.transformer import HEADS

TINY = 1e-5


def norm(x):
    """Rows of the root mean square 1, and what they were multiplied by."""
    scale = ((x * x).mean(axis=-1, keepdims=True) + TINY) ** -0.5
    return x * scale, scale


def norm_back(slope, x, scale):
    """The slope by x of the above."""
    return scale * (slope - x * scale**2 * (slope * x).mean(axis=-1, keepdims=True))


def product(slope, x):
    """The slope by a matrix of rows @ matrix.T, over all rows."""
    return slope.reshape(-1, slope.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def surprise(z, wanted, weights):
    """The weighted sum of the cross-entropies, and its slope by the logits."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    at = wanted[..., None]
    value = -(weights * np.log(np.take_along_axis(p, at, -1)[..., 0])).sum()
    found = np.take_along_axis(p, at, -1) - 1
    np.put_along_axis(p, at, found, -1)
    return value, p * weights[..., None]


def split(x):
    """A row in parts, one for each head: (N, heads, places, size)."""
    n, places, width = x.shape
    return x.reshape(n, places, HEADS, width // HEADS).transpose(0, 2, 1, 3)


def joined(x):
    """The parts in a row again."""
    n, heads, places, size = x.shape
    return x.transpose(0, 2, 1, 3).reshape(n, places, heads * size)


def attended(q, k, v):
    """What each place reads of those up to it, and the weights."""
    scores = q @ k.transpose(0, 1, 3, 2) * q.shape[-1] ** -0.5
    scores[..., np.triu(np.ones(scores.shape[-2:], bool), 1)] = -np.inf
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ v, weights


def attended_back(slope, weights, q, k, v):
    """The slopes by q, k and v."""
    inner = slope @ v.transpose(0, 1, 3, 2)
    inner = weights * (inner - (inner * weights).sum(axis=-1, keepdims=True))
    inner *= q.shape[-1] ** -0.5
    dv = weights.transpose(0, 1, 3, 2) @ slope
    return inner @ k, inner.transpose(0, 1, 3, 2) @ q, dv


def transformer(w, table):
    """Every document at once."""
    tokens = table.astype(int)
    n, places = tokens.shape[0], tokens.shape[1] - 1
    weights = np.full((n, places), 1 / (n * places))
    return documents(w, tokens[:, :-1], tokens[:, 1:], weights)


def documents(w, tokens, after, weights):
    """Documents, padded where the weights are 0."""
    places = tokens.shape[1]
    embedded = w["tokens"][tokens] + w["positions"][:places]
    x, scale = norm(embedded)
    normed, again = norm(x)
    q, k, v = (split(normed @ w[name].T) for name in ("query", "key", "value"))
    mixed, shares = attended(q, k, v)
    mixed = joined(mixed)
    y = x + mixed @ w["out"].T
    read, third = norm(y)
    up = read @ w["up"].T
    hidden = np.maximum(up, 0)
    last = y + hidden @ w["down"].T
    value, slope = surprise(last @ w["head"].T, after, weights)

    slopes = {"head": product(slope, last)}
    dlast = slope @ w["head"]
    slopes["down"] = product(dlast, hidden)
    dup = (dlast @ w["down"]) * (up > 0)
    slopes["up"] = product(dup, read)
    dy = dlast + norm_back(dup @ w["up"], y, third)
    slopes["out"] = product(dy, mixed)
    parts = attended_back(split(dy @ w["out"]), shares, q, k, v)
    dnormed = 0.0
    for name, part in zip(("query", "key", "value"), map(joined, parts), strict=True):
        slopes[name] = product(part, normed)
        dnormed = dnormed + part @ w[name]
    dx = dy + norm_back(dnormed, x, again)
    dembedded = norm_back(dx, embedded, scale)
    slopes["tokens"] = np.zeros_like(w["tokens"])
    np.add.at(slopes["tokens"], tokens, dembedded)
    slopes["positions"] = np.zeros_like(w["positions"])
    slopes["positions"][:places] = dembedded.sum(axis=0)
    return value, slopes


def classified(w, hidden, wanted):
    """The loss by a last layer, its slopes, and the slope by what it reads."""
    rows = np.full(len(hidden), 1 / len(hidden))
    value, slope = surprise(hidden @ w["head"].T + w["last"], wanted, rows)
    slopes = {"head": slope.T @ hidden, "last": slope.sum(axis=0)}
    return value, slopes, slope @ w["head"]


def convolution(w, table):
    """Patches in rows, and one product."""
    n = len(table)
    images = table[:, :-1].reshape(n, SIDE, SIDE)
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), (1, 2))
    patches = windows.reshape(n, LEFT * LEFT, PATCH * PATCH)
    flat = w["filters"].reshape(CHANNELS, -1)
    z = flat @ patches.transpose(0, 2, 1) + w["offsets"][:, None]
    hidden = np.maximum(z, 0).reshape(n, -1)
    value, slopes, slope = classified(w, hidden, table[:, -1].astype(int))
    slope = slope.reshape(z.shape) * (z > 0)
    slopes["filters"] = np.tensordot(slope, patches, ((0, 2), (0, 1)))
    slopes["filters"] = slopes["filters"].reshape(w["filters"].shape)
    slopes["offsets"] = slope.sum(axis=(0, 2))
    return value, slopes


def recurrent(w, table):
    """A product for every step, and one for every step back."""
    sequence = table[:, :-1].T
    states = [np.zeros((len(table), len(w["enter"])))]
    for x in sequence:
        inner = np.outer(x, w["enter"]) + states[-1] @ w["state"].T + w["offsets"]
        states.append(np.tanh(inner))
    value, slopes, slope = classified(w, states[-1], table[:, -1].astype(int))
    names = ("enter", "state", "offsets")
    slopes |= {name: np.zeros_like(w[name]) for name in names}
    for x, before, after in zip(
        sequence[::-1], states[-2::-1], states[::-1], strict=False
    ):
        inner = slope * (1 - after * after)
        slopes["enter"] += x @ inner
        slopes["state"] += inner.T @ before
        slopes["offsets"] += inner.sum(axis=0)
        slope = inner @ w["state"]
    return value, slopes
