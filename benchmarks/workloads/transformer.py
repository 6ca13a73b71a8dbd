"""A small character-level transformer, in scalars and lists.

One layer, 16 dimensions, 4 heads, at most 16 tokens, 27 characters: the size of
microgpt. By sums it is written with operators alone, so that the same code runs on any
scalar `Value` with exp, log and relu; by dots, with the reductions of this package.
"""

import random

DIMENSIONS, HEADS, CONTEXT, CHARACTERS = 16, 4, 16, 27
SHAPES = {
    "tokens": (CHARACTERS, DIMENSIONS),
    "positions": (CONTEXT, DIMENSIONS),
    "query": (DIMENSIONS, DIMENSIONS),
    "key": (DIMENSIONS, DIMENSIONS),
    "value": (DIMENSIONS, DIMENSIONS),
    "out": (DIMENSIONS, DIMENSIONS),
    "up": (4 * DIMENSIONS, DIMENSIONS),
    "down": (DIMENSIONS, 4 * DIMENSIONS),
    "head": (CHARACTERS, DIMENSIONS),
}
WORD = [5, 13, 13, 1, 0, 15, 12, 9, 22]  # eight inputs and what follows each


class Sums:
    """With operators alone."""

    @staticmethod
    def dot(xs, ys):
        """The sum of the products."""
        return sum(x * y for x, y in zip(xs, ys, strict=True))

    @staticmethod
    def softmax(xs):
        """Probabilities."""
        powers = [x.exp() for x in xs]
        total = sum(powers)
        return [power / total for power in powers]

    def surprise(self, logits, after):
        """The negative logarithm of the probability of what comes after."""
        return -picked(self.softmax(logits), after).log()


class Dots:
    """With a node for every dot product and every softmax."""

    @staticmethod
    def dot(xs, ys):
        """The sum of the products."""
        from autograd import dot

        return dot(xs, ys)

    @staticmethod
    def softmax(xs):
        """Probabilities."""
        from autograd import softmax

        return softmax(xs)

    @staticmethod
    def surprise(logits, after):
        """The negative logarithm of the probability of what comes after."""
        from autograd import logsumexp

        return logsumexp(logits) - picked(logits, after)


def picked(values, place):
    """The value at a place, which is a number or an input of a program."""
    if isinstance(place, int):
        return values[place]
    from autograd import take

    return take(values, place)


def row_of(matrix, token):
    """The row that a token stands for."""
    if isinstance(token, int):
        return matrix[token]
    return [picked(column, token) for column in zip(*matrix, strict=True)]


def new_model(Value, seed=0):
    """Weight matrices as lists of rows, the same numbers for every engine."""
    rng = random.Random(seed)

    def matrix(rows, columns):
        return [[Value(rng.gauss(0, 0.1)) for _ in range(columns)] for _ in range(rows)]

    return {name: matrix(*shape) for name, shape in SHAPES.items()}


def norm(x, ways):
    """Scale to a root mean square of 1."""
    scale = (ways.dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def attend(query, keys, values, ways):
    """One head after another: weigh the values by how well the keys fit."""
    size = DIMENSIONS // HEADS
    out = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = [ways.dot(query[part], key[part]) * size**-0.5 for key in keys]
        weights = ways.softmax(scores)
        for j in range(part.start, part.stop):
            out.append(ways.dot(weights, [v[j] for v in values]))
    return out


def surprises(model, tokens, following, ways):
    """How badly what follows each token is foretold by the tokens up to it."""

    def linear(x, name):
        return [ways.dot(row, x) for row in model[name]]

    keys, values, found = [], [], []
    for place, (token, after) in enumerate(zip(tokens, following, strict=True)):
        embedded = row_of(model["tokens"], token)
        both = zip(embedded, model["positions"][place], strict=True)
        x = norm([t + p for t, p in both], ways)
        normed = norm(x, ways)
        keys.append(linear(normed, "key"))
        values.append(linear(normed, "value"))
        mixed = attend(linear(normed, "query"), keys, values, ways)
        x = [a + b for a, b in zip(x, linear(mixed, "out"), strict=True)]
        hidden = [h.relu() for h in linear(norm(x, ways), "up")]
        x = [a + b for a, b in zip(x, linear(hidden, "down"), strict=True)]
        found.append(ways.surprise(linear(x, "head"), after))
    return found


def loss(model, tokens=WORD, ways=None):
    """The mean of these, for a document."""
    found = surprises(model, tokens[:-1], tokens[1:], ways or Sums())
    return sum(found) * (1 / len(found))


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
