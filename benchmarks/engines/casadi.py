"""CasADi: the scalar graph as a Function, mapped over the rows."""

import itertools

from engines.interface import Engine
from workloads.programs import DECAY, RATE, SHOWN, operations


class Casadi(Engine):
    """Symbolic scalars, evaluated by its virtual machine."""

    modules = ("casadi", "numpy")

    def network(self, workload):
        """The smaller networks alone; the others take it minutes."""
        if workload.sizes != (2, 16, 16, 1):
            return None
        import casadi
        import numpy as np

        X, y = workload.data()
        flat = np.concatenate([a.ravel() for pair in workload.weights() for a in pair])
        x, w, t = (
            casadi.SX.sym(name, n)
            for name, n in zip("xwt", (2, len(flat), 1), strict=True)
        )
        z = scores(casadi, workload, x, w)
        value = casadi.fmax(1 - t * z, 0) + DECAY * casadi.sumsqr(w)
        f = casadi.Function("f", [x, w, t], [value, casadi.gradient(value, w)])
        mapped = f.map(len(X))

        def step():
            nonlocal flat
            value, slopes = mapped(X.T, flat[:, None].repeat(len(X), 1), y[None, :])
            flat = flat - RATE * np.asarray(slopes).mean(axis=1)
            return float(np.asarray(value).mean())

        return step

    def graph(self, workload):
        """One Function of inputs and weights."""
        import casadi

        X, _ = workload.data()
        x, w = casadi.SX.sym("x", 10), casadi.SX.sym("w", 10)
        xs, ws = casadi.vertsplit(x), casadi.vertsplit(w)
        out = operations(xs, ws, workload.size, lambda a: casadi.fmax(a, 0))
        f = casadi.Function("f", [x, w], [out, casadi.gradient(out, w)])
        numbers = workload.numbers()

        def step():
            value, slopes = f(X[0], numbers)
            return float(value), slopes.full()

        return step

    def options(self, workload):
        """The price of one row and its gradient, mapped."""
        import casadi
        import numpy as np

        X, _ = workload.data()
        x = casadi.SX.sym("x", 5)
        S, K, T, r, v = casadi.vertsplit(x)
        root = v * casadi.sqrt(T)
        d = (casadi.log(S / K) + (r + v * v / 2) * T) / root

        def normal(z):
            return 0.5 * (1 + casadi.erf(z * 0.5**0.5))

        price = S * normal(d) - K * casadi.exp(-r * T) * normal(d - root)
        f = casadi.Function("f", [x], [price, casadi.gradient(price, x)]).map(len(X))
        return lambda: float(np.asarray(f(X.T)[1])[:, :SHOWN].sum())


def scores(casadi, workload, x, w):
    """The network's output for symbols of its inputs and of all its weights."""
    activation = {
        "relu": lambda z: casadi.fmax(z, 0),
        "tanh": casadi.tanh,
        "sigmoid": lambda z: 1 / (1 + casadi.exp(-z)),
    }[workload.activation]
    z, at, sizes = x, 0, workload.sizes
    for i, (into, out) in enumerate(itertools.pairwise(sizes)):
        W = casadi.reshape(w[at : at + into * out], into, out).T
        z = W @ z + w[at + into * out : at + into * out + out]
        z = z if i == len(sizes) - 2 else activation(z)
        at += (into + 1) * out
    return z


ENGINES = {"casadi": Casadi}
