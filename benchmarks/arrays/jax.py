"""The models in JAX: the losses."""

import jax
import jax.numpy as jnp

from workloads.models import LEFT
from workloads.transformer import HEADS

TINY = 1e-5


def norm(x):
    """Rows of the root mean square 1."""
    return x * ((x * x).mean(axis=-1, keepdims=True) + TINY) ** -0.5


def transformer(w, table):
    """Every document at once."""
    tokens = table.astype(int)
    n, places = tokens.shape[0], tokens.shape[1] - 1
    weights = jnp.full((n, places), 1 / (n * places))
    return documents(w, tokens[:, :-1], tokens[:, 1:], weights)


def documents(w, tokens, after, weights):
    """Documents, padded where the weights are 0."""
    n, places = tokens.shape

    def split(x):
        return x.reshape(n, places, HEADS, -1).transpose(0, 2, 1, 3)

    x = norm(w["tokens"][tokens] + w["positions"][:places])
    normed = norm(x)
    q, k, v = (split(normed @ w[name].T) for name in ("query", "key", "value"))
    scores = q @ k.transpose(0, 1, 3, 2) * q.shape[-1] ** -0.5
    seen = jnp.tril(jnp.ones((places, places), bool))
    shares = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    mixed = (shares @ v).transpose(0, 2, 1, 3).reshape(n, places, -1)
    x = x + mixed @ w["out"].T
    x = x + jax.nn.relu(norm(x) @ w["up"].T) @ w["down"].T
    return (weights * surprise(x @ w["head"].T, after)).sum()


def surprise(z, wanted):
    """The cross-entropy of each."""
    at = jnp.take_along_axis(z, wanted[..., None], -1)[..., 0]
    return jax.nn.logsumexp(z, axis=-1) - at


def classified(w, hidden, table):
    """The mean loss by a last layer."""
    z = hidden @ w["head"].T + w["last"]
    return surprise(z, table[:, -1].astype(int)).mean()


def convolution(w, table):
    """By its own convolution."""
    n = len(table)
    images = table[:, None, :-1].reshape(n, 1, 8, 8)
    z = jax.lax.conv(images, w["filters"][:, None], (1, 1), "VALID")
    assert z.shape[-1] == LEFT
    hidden = jax.nn.relu(z + w["offsets"][:, None, None])
    return classified(w, hidden.reshape(n, -1), table)


def recurrent(w, table):
    """A scan over the steps."""

    def one(state, x):
        inner = jnp.outer(x, w["enter"]) + state @ w["state"].T + w["offsets"]
        return jnp.tanh(inner), None

    start = jnp.zeros((len(table), len(w["enter"])))
    state, _ = jax.lax.scan(one, start, table[:, :-1].T)
    return classified(w, state, table)
