"""One training step of a small character-level transformer, in scalars and lists.

One layer, 16 dimensions, 4 heads, 8 tokens, 27 characters. Written with operators
alone, so that the same code runs on any scalar `Value` with exp, log and relu.
"""

import random

DIMENSIONS, HEADS, TOKENS, CHARACTERS = 16, 4, 8, 27
WORD = [5, 13, 13, 1, 0, 15, 12, 9, 22]  # eight inputs and what follows each


def new_model(Value, seed=0):
    """Weight matrices as lists of rows, the same numbers for every engine."""
    rng = random.Random(seed)

    def matrix(rows, columns):
        return [[Value(rng.gauss(0, 0.1)) for _ in range(columns)] for _ in range(rows)]

    d = DIMENSIONS
    shapes = {
        "tokens": (CHARACTERS, d),
        "positions": (TOKENS, d),
        "query": (d, d),
        "key": (d, d),
        "value": (d, d),
        "out": (d, d),
        "up": (4 * d, d),
        "down": (d, 4 * d),
        "head": (CHARACTERS, d),
    }
    return {name: matrix(*shape) for name, shape in shapes.items()}


def linear(x, weights):
    """Weights times x, a row at a time."""
    return [sum(w * xi for w, xi in zip(row, x, strict=True)) for row in weights]


def softmax(xs):
    """Probabilities, shifted by the largest so that nothing overflows."""
    largest = max(x.data for x in xs)
    powers = [(x - largest).exp() for x in xs]
    total = sum(powers)
    return [power / total for power in powers]


def norm(x):
    """Scale to a root mean square of 1."""
    mean_square = sum(xi * xi for xi in x) * (1 / len(x))
    scale = (mean_square + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def attend(query, keys, values):
    """One head after another: weigh the values by how well the keys fit."""
    size = DIMENSIONS // HEADS
    out = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = [
            sum(q * k for q, k in zip(query[part], key[part], strict=True)) * size**-0.5
            for key in keys
        ]
        weights = softmax(scores)
        for j in range(part.start, part.stop):
            out.append(sum(w * v[j] for w, v in zip(weights, values, strict=True)))
    return out


def loss(model, word=WORD):
    """Mean cross-entropy of the next character at each of the eight positions."""
    keys, values, losses = [], [], []
    for position in range(TOKENS):
        embedded = zip(
            model["tokens"][word[position]], model["positions"][position], strict=True
        )
        x = norm([t + p for t, p in embedded])
        normed = norm(x)
        keys.append(linear(normed, model["key"]))
        values.append(linear(normed, model["value"]))
        mixed = attend(linear(normed, model["query"]), keys, values)
        x = [a + b for a, b in zip(x, linear(mixed, model["out"]), strict=True)]
        hidden = [h.relu() for h in linear(norm(x), model["up"])]
        x = [a + b for a, b in zip(x, linear(hidden, model["down"]), strict=True)]
        probabilities = softmax(linear(x, model["head"]))
        losses.append(-probabilities[word[position + 1]].log())
    return sum(losses) * (1 / len(losses))


def parameters(model):
    """Every number of it that is learned."""
    return [p for rows in model.values() for row in rows for p in row]


def step(model, lr=0.1):
    """Forward, backward, update; returns the loss."""
    learned = parameters(model)
    for p in learned:
        p.grad = 0.0
    out = loss(model)
    out.backward()
    for p in learned:
        p.data -= lr * p.grad
    return out.data
