"""JAX: one jit for a step, in double precision, on the CPU."""

import itertools

from engines.interface import Engine, Refused
from workloads.microgpt import adam as adam_of_one
from workloads.models import SPEED
from workloads.programs import DECAY, RATE, SHOWN, batches, epochs, moved


class Jax(Engine):
    """No graph of single operations: tracing and compiling 10 000 takes it minutes."""

    modules = ("jax",)

    def start(self):
        """Double precision."""
        super().start()
        import jax

        jax.config.update("jax_enable_x64", True)

    def checked(self, folder):
        """JAX runs where it likes unless it is told."""
        import jax

        if (backend := jax.default_backend()) != "cpu":
            raise Refused(f"jax runs on {backend}, the others on the cpu")
        return super().checked(folder)

    def network(self, workload):
        """Loss, gradient and update in one jit."""
        import jax
        import jax.numpy as jnp

        loss = loss_of(workload)

        @jax.jit
        def update(layers):
            value, slopes = jax.value_and_grad(loss)(layers)
            moved = jax.tree_util.tree_map(lambda p, g: p - RATE * g, layers, slopes)
            return value, moved

        layers = [(jnp.asarray(W), jnp.asarray(b)) for W, b in workload.weights()]

        def step():
            nonlocal layers
            value, layers = update(layers)
            return float(value)

        return step

    def training(self, workload):
        """A whole epoch in one jit, a scan over its batches."""
        import jax
        import jax.numpy as jnp

        X, y = map(jnp.asarray, workload.data())

        def batch(state, rows):
            value, slopes = jax.value_and_grad(logistic)(state[0], X[rows], y[rows])
            return adam(state, slopes), value

        @jax.jit
        def epoch_of(state, rows):
            state, values = jax.lax.scan(batch, state, rows)
            return state, values.mean()

        layers = [(jnp.asarray(W), jnp.asarray(b)) for W, b in workload.weights()]
        zeros = jax.tree_util.tree_map(jnp.zeros_like, layers)
        state = layers, zeros, zeros, 0.0

        def one(epoch):
            nonlocal state
            state, value = epoch_of(state, jnp.asarray(batches(len(X), epoch)))
            return value

        return epochs(one)

    def simulation(self, workload):
        """A scan over the steps."""
        import jax
        import jax.numpy as jnp

        def total(rates):
            def one(state, _):
                x, y, more = moved(state, rates)
                return (x, y), more

            start = jnp.float64(10.0), jnp.float64(5.0)
            return jax.lax.scan(one, start, None, length=workload.steps)[1].sum()

        made = jax.jit(jax.value_and_grad(total))
        rates = jnp.asarray(workload.numbers())
        return lambda: jax.block_until_ready(made(rates))

    def model(self, workload):
        """Loss, gradient and update in one jit."""
        import jax
        import jax.numpy as jnp

        from arrays import jax as arrays

        loss = getattr(arrays, workload.kind)
        table = jnp.asarray(workload.data())

        @jax.jit
        def update(w):
            value, slopes = jax.value_and_grad(loss)(w, table)
            return value, {name: w[name] - SPEED * slopes[name] for name in w}

        w = {name: jnp.asarray(array) for name, array in workload.arrays().items()}

        def step():
            nonlocal w
            value, w = update(w)
            return float(value)

        return step

    def call(self, workload):
        """One jit."""
        import jax
        import jax.numpy as jnp

        (row,), numbers = jnp.asarray(workload.data()[0]), jnp.array(workload.numbers())
        made = jax.jit(jax.value_and_grad(lambda w: jnp.tanh(w[:2] @ row + w[2])))
        return lambda: jax.block_until_ready(made(numbers))

    def gpt(self, workload):
        """One jit for a padded word and Adam."""
        import jax
        import jax.numpy as jnp

        from arrays.jax import documents

        def loss(w, row):
            tokens, after, weights = row.reshape(3, 1, -1)
            return documents(w, tokens.astype(int), after.astype(int), weights)

        @jax.jit
        def update(state, row, t):
            w = {name: both[0] for name, both in state.items()}
            value, slopes = jax.value_and_grad(loss)(w, row)
            return value, {n: adam_of_one(w[n], slopes[n], *state[n][1:], t) for n in w}

        arrays = workload.arrays().items()
        state = {
            n: (jnp.asarray(a), jnp.zeros(a.shape), jnp.zeros(a.shape))
            for n, a in arrays
        }
        rows, counter = list(map(jnp.asarray, workload.padded())), itertools.count()

        def step():
            nonlocal state
            n = next(counter)
            value, state = update(state, rows[n % len(rows)], n + 1.0)
            return float(value)

        return step

    def options(self, workload):
        """The derivatives of one row, mapped over all."""
        import jax
        import jax.numpy as jnp
        from jax.scipy.stats import norm

        def price(x):
            S, K, T, r, v = x
            root = v * jnp.sqrt(T)
            d = (jnp.log(S / K) + (r + v * v / 2) * T) / root
            return S * norm.cdf(d) - K * jnp.exp(-r * T) * norm.cdf(d - root)

        greeks = jax.jit(jax.vmap(jax.value_and_grad(price)))
        X = jnp.asarray(workload.data()[0])
        return lambda: float(greeks(X)[1][:SHOWN].sum())


def loss_of(workload):
    """The loss of the whole table as a function of the layers."""
    import jax
    import jax.numpy as jnp

    X, y = map(jnp.asarray, workload.data())
    kinds = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
    activation = kinds[workload.activation]

    def scores(layers):
        z = X
        for i, (W, b) in enumerate(layers):
            z = z @ W.T + b
            z = z if i == len(layers) - 1 else activation(z)
        return z

    def hinge(layers):
        squares = sum([(p * p).sum() for p in jax.tree_util.tree_leaves(layers)])
        return jax.nn.relu(1 - y * scores(layers)[:, 0]).mean() + DECAY * squares

    def classes(layers):
        z = scores(layers)
        total = jax.scipy.special.logsumexp(z, axis=1)
        return (total - z[jnp.arange(len(y)), y]).mean()

    return hinge if workload.loss == "hinge" else classes


def logistic(layers, x, target):
    """The loss of a batch through two layers of tanh."""
    import jax.numpy as jnp

    (A, a), (B, b), (C, c) = layers
    z = (jnp.tanh(jnp.tanh(x @ A.T + a) @ B.T + b) @ C.T + c)[:, 0]
    softplus = jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-abs(z)))
    return (softplus - z * target).mean()


def adam(state, slopes):
    """One step of Adam: the layers, both running means, and the count of steps."""
    import jax
    import jax.numpy as jnp

    layers, m, v, t = state
    t, each = t + 1, jax.tree_util.tree_map
    m = each(lambda m, g: 0.9 * m + 0.1 * g, m, slopes)
    v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, slopes)

    def moved(w, m, v):
        unbiased = jnp.sqrt(v / (1 - 0.999**t))
        return w - 0.001 / (1 - 0.9**t) * m / (unbiased + 1e-8)

    return each(moved, layers, m, v), m, v, t


ENGINES = {"jax": Jax}
