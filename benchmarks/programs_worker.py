"""One engine in one process: sets up a workload, then steps through it when asked.

    python benchmarks/programs_worker.py chainrule-llvm|chainrule-numpy|numpy|torch|
        torch-compile|jax|scikit-learn|casadi|micrograd

Reads lines of JSON: ["setup", workload] answers with the seconds that building and
compiling took; ["run", seconds] answers with the seconds of one step, the best of
several repeats. A workload that an engine does not have answers null.
"""

import itertools
import json
import random
import sys
import time
import warnings

sys.setrecursionlimit(10**8)
RATE, DECAY = 1e-4, 1e-4
BATCH, EPOCHS = 16, 10  # of a training
SHOWN = 1000  # rows of option prices whose derivatives are added up and compared


def data(workload):
    """Inputs and targets, the same for all engines."""
    import numpy as np

    rng = np.random.default_rng(0)
    n = workload["n"]
    if workload["kind"] == "options":
        low, high = [80, 80, 0.2, 0.0, 0.1], [120, 120, 2.0, 0.1, 0.5]
        return rng.uniform(low, high, (n, 5)), None
    if workload["kind"] == "graph":
        return rng.uniform(-1, 1, (n, 10)), None
    X = rng.normal(size=(n, workload["sizes"][0]))
    if workload["loss"] == "hinge":
        return X, np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
    return X, rng.integers(0, workload["sizes"][-1], n)


def weights(workload):
    """A matrix and a vector per layer."""
    import numpy as np

    rng = np.random.default_rng(1)
    pairs = zip(workload["sizes"][:-1], workload["sizes"][1:], strict=True)
    return [
        (rng.uniform(-1, 1, (out, into)) / into**0.5, np.zeros(out))
        for into, out in pairs
    ]


def batches(n, epoch):
    """The rows of each batch of an epoch, in the order that `fit` draws with seed 0."""
    import numpy as np

    counter = np.random.Philox(key=(0, epoch))
    rows = np.random.RandomState(counter).permutation(n)
    return [rows[start : start + BATCH] for start in range(0, n, BATCH)]


def epochs(one):
    """A step that goes through some epochs, and gives the mean loss of the last."""
    counter = itertools.count()

    def step():
        for epoch in itertools.islice(counter, EPOCHS):
            value = one(epoch)
        return float(value)

    return step


# ---- ours ----------------------------------------------------------------------------


def chainrule(workload, backend):
    from autograd import compile

    maker = {"network": chainrule_network, "options": chainrule_options}
    if workload["kind"] == "graph":
        return chainrule_graph(workload, backend)
    if workload["kind"] == "training":
        return chainrule_training(workload, backend)
    return maker[workload["kind"]](workload, backend, compile)


def chainrule_model(workload):
    from nn import MLP

    model = MLP(workload["sizes"][0], workload["sizes"][1:], workload["activation"])
    for layer, (W, b) in zip(model.layers, weights(workload), strict=True):
        for neuron, row, offset in zip(layer.neurons, W, b, strict=True):
            neuron.b.data = offset
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number
    return model


def chainrule_training(workload, backend):
    from nn import fit
    from nn.compiled import Compiled

    X, y = data(workload)
    started = []
    fit(
        chainrule_model(workload), X, y > 0, "binary_cross_entropy_with_logits",
        epochs=1, batch_size=BATCH, seed=0, callbacks=[started.append],
        engine=lambda task: Compiled(task, backend), progress=False,
    )  # fmt: skip
    (training,) = started
    training.callbacks = []
    left = EPOCHS - 1

    def step():
        nonlocal left
        training.epochs += left
        left = EPOCHS
        training.run(progress=False)
        return training.history["loss"][-1]

    return step


def chainrule_network(workload, backend, compile):
    import numpy as np

    from autograd import relu, sum
    from nn import cross_entropy

    X, y = data(workload)
    model = chainrule_model(workload)
    parameters = model.parameters()
    width = X.shape[1]

    def hinge(*row):
        margin = relu(1 - row[width] * model(row[:width]))
        return margin + DECAY * sum([p * p for p in parameters])

    def classes(*row):
        return cross_entropy([model(row[:width])], [list(row[width:])])

    hinged = workload["loss"] == "hinge"
    targets = y[:, None] if hinged else np.eye(workload["sizes"][-1])[y]
    table = np.ascontiguousarray(np.hstack([X, targets]))
    loss = hinge if hinged else classes
    program = compile(loss, table.shape[1], parameters, backend=backend)
    numbers = program.numbers()

    def step():
        nonlocal numbers
        value, slopes = program.value_and_grad(table, numbers)
        numbers = numbers - RATE * slopes
        return value

    return step


def chainrule_options(workload, backend, compile):
    from autograd import erfc, exp, log, sqrt

    def normal(x):
        return 0.5 * erfc(-x * 0.5**0.5)

    def price(S, K, T, r, v):
        root = v * sqrt(T)
        d = (log(S / K) + (r + v * v / 2) * T) / root
        return S * normal(d) - K * exp(-r * T) * normal(d - root)

    X, _ = data(workload)
    program = compile(price, 5, backend=backend)
    return lambda: float(program.input_grad(X)[1][:SHOWN].sum())


def operations(xs, ws, size, relu):
    """A random graph of `size` operations that every engine can record."""
    rng = random.Random(0)
    pool = [*xs, *ws]
    count = 0
    while count < size - 50:
        a, b = rng.choice(pool[-200:]), rng.choice(pool[-200:])
        kind = rng.randrange(4)
        made = (a + b) * 0.5 if kind == 0 else a * b if kind == 1 else relu(a - b)
        pool.append(relu(a) if kind == 2 else made)
        count += {0: 2, 1: 1, 2: 1, 3: 2}[kind]
    total = pool[-1]
    for made in pool[-50:-1]:
        total = total + made
    return total


def chainrule_graph(workload, backend):
    from autograd import Value, compile, relu

    X, _ = data(workload)
    xs, ws = [Value(x) for x in X[0]], [Value(0.1 * i) for i in range(1, 11)]
    output = operations(xs, ws, workload["size"], relu)
    program = compile(output, xs, ws, backend=backend)
    numbers = program.numbers()
    return lambda: program.value_and_grad(X, numbers)[0]


# ---- the peers -----------------------------------------------------------------------


def by_hand(workload):
    """NumPy in matrix form, gradients written out."""
    import numpy as np

    if workload["kind"] == "options":
        return options_by_hand(workload)
    if workload["kind"] == "graph":
        return None
    if workload["kind"] == "training":
        return training_by_hand(workload)
    X, y = data(workload)
    layers = weights(workload)
    forward = {
        "relu": lambda z: np.maximum(z, 0.0),
        "tanh": np.tanh,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    }[workload["activation"]]
    slope = {
        "relu": lambda a: a > 0,
        "tanh": lambda a: 1 - a * a,
        "sigmoid": lambda a: a * (1 - a),
    }[workload["activation"]]

    def outer_slope(z):
        if workload["loss"] == "hinge":
            margin = 1 - y * z[:, 0]
            return margin.clip(0).mean(), (-y * (margin > 0) / len(y))[:, None]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        value = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        return value, p / len(y)

    decay = 2 * DECAY if workload["loss"] == "hinge" else 0.0

    def step():
        activations = [X]
        for i, (W, b) in enumerate(layers):
            z = activations[-1] @ W.T + b
            activations.append(z if i == len(layers) - 1 else forward(z))
        value, delta = outer_slope(activations[-1])
        for i in reversed(range(len(layers))):
            W, b = layers[i]
            a = activations[i]
            dW, db = delta.T @ a, delta.sum(axis=0)
            if i:
                delta = (delta @ W) * slope(a)
            if decay:
                dW = dW + decay * W
                db = db + decay * b
            layers[i] = (W - RATE * dW, b - RATE * db)
        if decay:
            for W, b in layers:
                value += DECAY * ((W * W).sum() + (b * b).sum())
        return float(value)

    return step


def training_by_hand(workload):
    """Gradients written out, and Adam over all parameters in one array."""
    import numpy as np

    X, y = data(workload)
    X, y = X, (y > 0) * 1.0
    layers = weights(workload)
    w = np.concatenate([a.ravel() for pair in layers for a in pair])
    m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    shapes = [a.shape for pair in layers for a in pair]
    ends = np.cumsum([a.size for pair in layers for a in pair])[:-1]

    def parts(flat):
        arrays = np.split(flat, ends)
        return [a.reshape(shape) for a, shape in zip(arrays, shapes, strict=True)]

    def gradient(x, target):
        A, a, B, b, C, c = parts(w)
        h = np.tanh(x @ A.T + a)
        k = np.tanh(h @ B.T + b)
        z = (k @ C.T + c)[:, 0]
        value = (np.maximum(z, 0) - z * target + np.log1p(np.exp(-abs(z)))).mean()
        last = ((1 / (1 + np.exp(-z)) - target) / len(x))[:, None]
        middle = (last @ C) * (1 - k * k)
        first = (middle @ B) * (1 - h * h)
        slopes = [first.T @ x, first.sum(0), middle.T @ h, middle.sum(0), last.T @ k]
        return value, np.concatenate([s.ravel() for s in [*slopes, last.sum(0)]])

    def one(epoch):
        nonlocal w, m, v, t
        total = 0.0
        for rows in batches(len(X), epoch):
            value, g = gradient(X[rows], y[rows])
            t += 1
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g * g
            unbiased = np.sqrt(v / (1 - 0.999**t))
            w = w - 0.001 / (1 - 0.9**t) * m / (unbiased + 1e-8)
            total += value * len(rows)
        return total / len(X)

    return epochs(one)


def options_by_hand(workload):
    import numpy as np
    from scipy.special import ndtr

    X, _ = data(workload)

    def step():
        S, K, T, r, v = X.T
        root_t = np.sqrt(T)
        root = v * root_t
        d = (np.log(S / K) + (r + v * v / 2) * T) / root
        e = d - root
        discount = np.exp(-r * T)
        n, m = ndtr(d), ndtr(e)
        density = np.exp(-d * d / 2) / np.sqrt(2 * np.pi)
        price = S * n - K * discount * m
        theta = S * density * v / (2 * root_t) + r * K * discount * m
        greeks = (n, -discount * m, theta, K * T * discount * m, S * density * root_t)
        return float(price[0] * 0 + np.stack(greeks, axis=1)[:SHOWN].sum())

    return step


def with_torch(workload, compiled=False):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    X, y = data(workload)
    X = torch.tensor(X)
    if workload["kind"] == "options":
        return None if compiled else torch_options(torch, X)
    if workload["kind"] == "graph":
        return None if compiled else torch_graph(torch, X, workload)
    if workload["kind"] == "training":
        return None if compiled else torch_training(torch, X, y, workload)
    y = torch.tensor(y)
    parameters = [
        torch.tensor(array, requires_grad=True)
        for pair in weights(workload)
        for array in pair
    ]
    function = getattr(torch, workload["activation"])

    def loss(*ps):
        z = X
        for i in range(0, len(ps), 2):
            z = torch.nn.functional.linear(z, ps[i], ps[i + 1])
            z = z if i + 2 == len(ps) else function(z)
        if workload["loss"] != "hinge":
            return torch.nn.functional.cross_entropy(z, y)
        data_loss = torch.relu(1 - y * z[:, 0]).mean()
        return data_loss + DECAY * sum([(p * p).sum() for p in ps])

    if compiled:
        loss = torch.compile(loss)

    def step():
        value = loss(*parameters)
        slopes = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, slopes, strict=True):
                p -= RATE * g
        return value.item()

    return step


def torch_training(torch, X, y, workload):
    """Modules, the fused Adam, and a loop as its tutorials have it."""
    y = torch.tensor((y > 0) * 1.0)
    sizes, steps = workload["sizes"], []
    for into, out in itertools.pairwise(sizes):
        steps += [torch.nn.Linear(into, out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*steps[:-1])
    with torch.no_grad():
        arrays = [array for pair in weights(workload) for array in pair]
        for p, array in zip(model.parameters(), arrays, strict=True):
            p.copy_(torch.tensor(array))
    loss_of = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def one(epoch):
        total = 0.0
        for rows in map(torch.from_numpy, batches(len(X), epoch)):
            loss = loss_of(model(X[rows])[:, 0], y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        return total / len(X)

    return epochs(one)


def torch_options(torch, X):
    X.requires_grad_()

    def step():
        S, K, T, r, v = X.unbind(1)
        root = v * T.sqrt()
        d = ((S / K).log() + (r + v * v / 2) * T) / root
        normal = torch.special.ndtr
        price = S * normal(d) - K * (-r * T).exp() * normal(d - root)
        return float(torch.autograd.grad(price.sum(), X)[0][:SHOWN].sum())

    return step


def torch_graph(torch, X, workload):
    def step():
        xs = [torch.tensor(float(x)) for x in X[0]]
        ws = [torch.tensor(0.1 * i, requires_grad=True) for i in range(1, 11)]
        output = operations(xs, ws, workload["size"], torch.relu)
        output.backward()
        return output.item()

    return step


def with_jax(workload):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, y = data(workload)
    if workload["kind"] == "graph":
        return None  # tracing and compiling 10 000 operations takes minutes
    if workload["kind"] == "options":
        return jax_options(jax, jnp, X)
    if workload["kind"] == "training":
        return jax_training(jax, jnp, X, y, workload)
    function = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[
        workload["activation"]
    ]
    X, y = jnp.asarray(X), jnp.asarray(y)

    def loss(layers):
        z = X
        for i, (W, b) in enumerate(layers):
            z = z @ W.T + b
            z = z if i == len(layers) - 1 else function(z)
        if workload["loss"] != "hinge":
            total = jax.scipy.special.logsumexp(z, axis=1)
            return (total - z[jnp.arange(len(y)), y]).mean()
        leaves = jax.tree_util.tree_leaves(layers)
        squares = sum([(p * p).sum() for p in leaves])
        return jax.nn.relu(1 - y * z[:, 0]).mean() + DECAY * squares

    @jax.jit
    def update(layers):
        value, slopes = jax.value_and_grad(loss)(layers)
        return value, jax.tree_util.tree_map(lambda p, g: p - RATE * g, layers, slopes)

    layers = [(jnp.asarray(W), jnp.asarray(b)) for W, b in weights(workload)]

    def step():
        nonlocal layers
        value, layers = update(layers)
        return float(value)

    return step


def jax_training(jax, jnp, X, y, workload):
    """A whole epoch in one jit, a scan over its batches."""
    X, y = jnp.asarray(X), jnp.asarray((y > 0) * 1.0)

    def loss(layers, x, target):
        (A, a), (B, b), (C, c) = layers
        z = (jnp.tanh(jnp.tanh(x @ A.T + a) @ B.T + b) @ C.T + c)[:, 0]
        softplus = jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-abs(z)))
        return (softplus - z * target).mean()

    def batch(state, rows):
        layers, m, v, t = state
        value, g = jax.value_and_grad(loss)(layers, X[rows], y[rows])
        t, each = t + 1, jax.tree_util.tree_map
        m = each(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)

        def moved(w, m, v):
            unbiased = jnp.sqrt(v / (1 - 0.999**t))
            return w - 0.001 / (1 - 0.9**t) * m / (unbiased + 1e-8)

        return (each(moved, layers, m, v), m, v, t), value

    @jax.jit
    def epoch_of(state, rows):
        state, values = jax.lax.scan(batch, state, rows)
        return state, values.mean()

    layers = [(jnp.asarray(W), jnp.asarray(b)) for W, b in weights(workload)]
    zeros = jax.tree_util.tree_map(jnp.zeros_like, layers)
    state = layers, zeros, zeros, 0.0

    def one(epoch):
        nonlocal state
        state, value = epoch_of(state, jnp.asarray(batches(len(X), epoch)))
        return value

    return epochs(one)


def jax_options(jax, jnp, X):
    from jax.scipy.stats import norm

    def price(x):
        S, K, T, r, v = x
        root = v * jnp.sqrt(T)
        d = (jnp.log(S / K) + (r + v * v / 2) * T) / root
        return S * norm.cdf(d) - K * jnp.exp(-r * T) * norm.cdf(d - root)

    greeks = jax.jit(jax.vmap(jax.value_and_grad(price)))
    X = jnp.asarray(X)
    return lambda: float(greeks(X)[1][:SHOWN].sum())


def with_sklearn(workload):
    """MLPClassifier's own step, with the logistic loss in place of the hinge."""
    if workload["kind"] not in ("network", "training"):
        return None
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = data(workload)
    names = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}
    descent = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": RATE}
    training = workload["kind"] == "training"
    model = MLPClassifier(
        tuple(workload["sizes"][1:-1]),
        activation=names[workload["activation"]],
        alpha=0.0 if training else DECAY,
        batch_size=BATCH if training else len(X),
        **({} if training else descent),
    )
    classes = np.unique(y) if workload["n"] > 1 else np.array([-1.0, 1.0])
    model.partial_fit(X, y, classes=classes)

    def step():
        for _ in range(EPOCHS if training else 1):
            model.partial_fit(X, y)
        return model.loss_

    return step


def with_casadi(workload):
    """The scalar graph as a casadi Function, mapped over the rows."""
    import casadi
    import numpy as np

    other = workload["kind"] == "network" and workload["sizes"] != [2, 16, 16, 1]
    if other or workload["kind"] == "training":
        return None
    X, y = data(workload)
    if workload["kind"] == "graph":
        x, w = casadi.SX.sym("x", 10), casadi.SX.sym("w", 10)
        xs, ws = casadi.vertsplit(x), casadi.vertsplit(w)
        out = operations(xs, ws, workload["size"], lambda a: casadi.fmax(a, 0))
        f = casadi.Function("f", [x, w], [out, casadi.gradient(out, w)])
        numbers = 0.1 * np.arange(1, 11)
        return lambda: float(f(X[0], numbers)[0])
    if workload["kind"] == "options":
        return casadi_options(casadi, X)
    flat = np.concatenate([a.ravel() for pair in weights(workload) for a in pair])
    x, w, t = casadi.SX.sym("x", 2), casadi.SX.sym("w", len(flat)), casadi.SX.sym("t")
    names = {"relu": lambda z: casadi.fmax(z, 0), "tanh": casadi.tanh,
             "sigmoid": lambda z: 1 / (1 + casadi.exp(-z))}  # fmt: skip
    z, at, sizes = x, 0, workload["sizes"]
    for i, (into, out) in enumerate(itertools.pairwise(sizes)):
        W = casadi.reshape(w[at : at + into * out], into, out).T
        z = W @ z + w[at + into * out : at + into * out + out]
        z = z if i == len(sizes) - 2 else names[workload["activation"]](z)
        at += (into + 1) * out
    value = casadi.fmax(1 - t * z, 0) + DECAY * casadi.sumsqr(w)
    f = casadi.Function("f", [x, w, t], [value, casadi.gradient(value, w)])
    mapped = f.map(len(X))
    state = {"w": flat}

    def step():
        value, slopes = mapped(X.T, state["w"][:, None].repeat(len(X), 1), y[None, :])
        state["w"] = state["w"] - RATE * np.asarray(slopes).mean(axis=1)
        return float(np.asarray(value).mean())

    return step


def casadi_options(casadi, X):
    import numpy as np

    x = casadi.SX.sym("x", 5)
    S, K, T, r, v = casadi.vertsplit(x)
    root = v * casadi.sqrt(T)
    d = (casadi.log(S / K) + (r + v * v / 2) * T) / root

    def normal(z):
        return 0.5 * (1 + casadi.erf(z * 0.5**0.5))

    price = S * normal(d) - K * casadi.exp(-r * T) * normal(d - root)
    f = casadi.Function("f", [x], [price, casadi.gradient(price, x)]).map(len(X))
    return lambda: float(np.asarray(f(X.T)[1])[:, :SHOWN].sum())


def with_micrograd(workload):
    from micrograd.engine import Value
    from micrograd.nn import MLP

    X, y = data(workload)
    if workload["kind"] == "graph":
        ws = [Value(0.1 * i) for i in range(1, 11)]

        def graph_step():
            output = operations(
                list(map(Value, X[0])), ws, workload["size"], Value.relu
            )
            output.backward()
            return output.data

        return graph_step
    if workload["kind"] != "network" or workload["activation"] != "relu":
        return None
    if workload["n"] > 100 or workload["sizes"] != [2, 16, 16, 1]:
        return None
    model = MLP(2, [16, 16, 1])

    def step():
        scores = [model([Value(v) for v in row]) for row in X]
        losses = [(1 + -t * s).relu() for t, s in zip(y, scores, strict=True)]
        total = sum(losses) * (1.0 / len(losses))
        total = total + DECAY * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return total.data

    return step


ENGINES = {
    "chainrule-llvm": lambda w: chainrule(w, "llvm"),
    "chainrule-numpy": lambda w: chainrule(w, "numpy"),
    "numpy": by_hand,
    "torch": with_torch,
    "torch-compile": lambda w: with_torch(w, compiled=True),
    "jax": with_jax,
    "scikit-learn": with_sklearn,
    "casadi": with_casadi,
    "micrograd": with_micrograd,
}
MODULES = {
    "chainrule-llvm": ["autograd", "nn", "llvmlite.binding", "numpy"],
    "chainrule-numpy": ["autograd", "nn", "numpy"],
    "numpy": ["numpy"],
    "torch": ["torch"],
    "torch-compile": ["torch"],
    "jax": ["jax"],
    "scikit-learn": ["sklearn.neural_network"],
    "casadi": ["casadi"],
    "micrograd": ["micrograd.nn"],
}


def best(step, seconds):
    """Seconds of one step: the best of repeats, each long enough to be timed."""
    begin = time.perf_counter()
    step()
    once = time.perf_counter() - begin
    inner = max(1, int(0.02 / max(once, 1e-7)))
    taken = [once]
    while sum(taken) * inner < seconds and len(taken) < 50:
        begin = time.perf_counter()
        for _ in range(inner):
            step()
        taken.append((time.perf_counter() - begin) / inner)
    return min(taken)


def main():
    """Answer until the pipe closes."""
    engine = sys.argv[1]
    for module in MODULES[engine]:
        __import__(module)
    print(json.dumps("ready"), flush=True)
    step = None
    for line in sys.stdin:
        command, argument = json.loads(line)
        answer = None
        if command == "setup":
            begin = time.perf_counter()
            step = ENGINES[engine](argument)
            if step is not None:
                value = step()
                answer = {"seconds": time.perf_counter() - begin, "value": value}
        elif step is not None:
            answer = best(step, argument)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
