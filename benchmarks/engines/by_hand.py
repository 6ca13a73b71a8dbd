"""NumPy by hand: matrices, every gradient written out."""

import itertools

from engines.interface import Engine
from workloads.microgpt import adam
from workloads.models import SPEED
from workloads.programs import DECAY, RATE, SHOWN, batches, epochs


class ByHand(Engine):
    """What someone who knows the mathematics writes."""

    modules = ("numpy",)

    def network(self, workload):
        """Forward, then backward layer by layer."""
        X, y = workload.data()
        layers = workload.weights()
        forward, slope = activations()[workload.activation]
        hinged = workload.loss == "hinge"
        outer_slope = hinge if hinged else cross_entropy
        decay = 2 * DECAY if hinged else 0.0

        def step():
            inner = [X]
            for W, b in layers[:-1]:
                inner.append(forward(inner[-1] @ W.T + b))
            W, b = layers[-1]
            value, delta = outer_slope(inner[-1] @ W.T + b, y)
            if decay:
                value += DECAY * sum((W * W).sum() + (b * b).sum() for W, b in layers)
            for i in reversed(range(len(layers))):
                (W, b), a = layers[i], inner[i]
                dW, db = delta.T @ a, delta.sum(axis=0)
                if i:
                    delta = (delta @ W) * slope(a)
                if decay:
                    dW, db = dW + decay * W, db + decay * b
                W -= RATE * dW
                b -= RATE * db
            return float(value)

        return step

    def training(self, workload):
        """Adam over all parameters in one array."""
        import numpy as np

        X, y = workload.data()
        layers = workload.weights()
        w = np.concatenate([a.ravel() for pair in layers for a in pair])
        m, v, t = np.zeros_like(w), np.zeros_like(w), 0
        parts = splitter([a for pair in layers for a in pair])

        def one(epoch):
            nonlocal w, m, v, t
            total = 0.0
            for rows in batches(len(X), epoch):
                value, g = logistic(parts(w), X[rows], y[rows])
                t += 1
                m = 0.9 * m + 0.1 * g
                v = 0.999 * v + 0.001 * g * g
                unbiased = np.sqrt(v / (1 - 0.999**t))
                w = w - 0.001 / (1 - 0.9**t) * m / (unbiased + 1e-8)
                total += value * len(rows)
            return total / len(X)

        return epochs(one)

    def model(self, workload):
        """The arrays of `arrays/by_hand.py`."""
        from arrays import by_hand

        both = getattr(by_hand, workload.kind)
        w, table = workload.arrays(), workload.data()

        def step():
            value, slopes = both(w, table)
            for name, slope in slopes.items():
                w[name] -= SPEED * slope
            return float(value)

        return step

    def call(self, workload):
        """Forward and back."""
        import numpy as np

        (row,), numbers = workload.data()[0], np.array(workload.numbers())

        def step():
            value = np.tanh(numbers[:2] @ row + numbers[2])
            slope = 1 - value * value
            return value, np.append(slope * row, slope)

        return step

    def gpt(self, workload):
        """A word at its length, and Adam for every matrix."""
        import numpy as np

        from arrays.by_hand import transformer

        state = {name: (w, 0.0, 0.0) for name, w in workload.arrays().items()}
        rows = [np.array([row]) for row in workload.rows()]
        counter = itertools.count()

        def step():
            n = next(counter)
            w = {name: both[0] for name, both in state.items()}
            value, slopes = transformer(w, rows[n % len(rows)])
            for name, slope in slopes.items():
                w, m, v = state[name]
                state[name] = adam(w, slope, m, v, n + 1)
            return float(value)

        return step

    def options(self, workload):
        """The five derivatives as finance has them."""
        import numpy as np
        from scipy.special import ndtr

        X, _ = workload.data()

        def step():
            S, K, T, r, v = X.T
            root_t = np.sqrt(T)
            root = v * root_t
            d = (np.log(S / K) + (r + v * v / 2) * T) / root
            discount = np.exp(-r * T)
            n, m = ndtr(d), ndtr(d - root)
            density = np.exp(-d * d / 2) / np.sqrt(2 * np.pi)
            price = S * n - K * discount * m
            theta = S * density * v / (2 * root_t) + r * K * discount * m
            vega, rho = S * density * root_t, K * T * discount * m
            greeks = np.stack([n, -discount * m, theta, rho, vega], axis=1)
            return price, float(greeks[:SHOWN].sum())

        return lambda: step()[1]


def activations():
    """Each with its slope, written by its result."""
    import numpy as np

    return {
        "relu": (lambda z: np.maximum(z, 0.0), lambda a: a > 0),
        "tanh": (np.tanh, lambda a: 1 - a * a),
        "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    }


def hinge(z, y):
    """The mean hinge loss of scores, and its slope by each."""
    margin = 1 - y * z[:, 0]
    return margin.clip(0).mean(), (-y * (margin > 0) / len(y))[:, None]


def cross_entropy(z, y):
    """The mean cross-entropy of logits, and its slope by each."""
    import numpy as np

    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    value = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return value, p / len(y)


def splitter(arrays):
    """What cuts one long array into arrays of these shapes."""
    import numpy as np

    ends = np.cumsum([a.size for a in arrays])[:-1]
    shapes = [a.shape for a in arrays]

    def parts(flat):
        pieces = np.split(flat, ends)
        return [a.reshape(shape) for a, shape in zip(pieces, shapes, strict=True)]

    return parts


def logistic(parts, x, target):
    """The loss of a batch through two layers of tanh, and its gradient, flat."""
    import numpy as np

    A, a, B, b, C, c = parts
    h = np.tanh(x @ A.T + a)
    k = np.tanh(h @ B.T + b)
    z = (k @ C.T + c)[:, 0]
    value = (np.maximum(z, 0) - z * target + np.log1p(np.exp(-abs(z)))).mean()
    last = ((1 / (1 + np.exp(-z)) - target) / len(x))[:, None]
    middle = (last @ C) * (1 - k * k)
    first = (middle @ B) * (1 - h * h)
    slopes = [first.T @ x, first.sum(0), middle.T @ h, middle.sum(0), last.T @ k]
    return value, np.concatenate([s.ravel() for s in [*slopes, last.sum(0)]])


ENGINES = {"numpy": ByHand}
