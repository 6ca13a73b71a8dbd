"""PyTorch: tensors of one number each, tensors of a whole table, and torch.compile."""

import itertools

from engines.interface import Engine, Refused
from workloads.microgpt import LITTLE, LR, MEAN, SQUARE
from workloads.models import SPEED
from workloads.programs import (
    DECAY,
    RATE,
    SHOWN,
    batches,
    epochs,
    operations,
    simulated,
)


class Torch(Engine):
    """One thread, double precision, on the CPU."""

    modules = ("torch",)

    def start(self):
        """One thread, and double precision wherever none is said."""
        super().start()
        import torch

        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)

    def checked(self, folder):
        """Torch counts its threads itself, and says where a tensor lies."""
        import torch

        if torch.get_num_threads() != 1:
            raise Refused(f"torch has {torch.get_num_threads()} threads")
        if (device := torch.get_default_device().type) != "cpu":
            raise Refused(f"torch puts its tensors on {device}")
        return super().checked(folder)


class Scalars(Torch):
    """A tensor for every number."""

    def start(self):
        """The functions, by the names that operations have here."""
        super().start()
        import torch

        self.Value = lambda x: torch.tensor(float(x), requires_grad=True)
        self.functions = {"sin": torch.sin, "maximum": torch.maximum}
        self.gradients = torch.autograd.grad
        self.grad = lambda f: lambda x: torch.func.grad(f)(torch.tensor(x))


class Tables(Torch):
    """A tensor for the whole table: the way of torch's own tutorials."""

    def network(self, workload):
        """The gradient by `torch.autograd.grad`, and the update."""
        return descent(loss_of(workload), tensors(workload))

    def training(self, workload):
        """Modules, the fused Adam, and a loop as its tutorials have it."""
        import torch

        X, y = map(torch.tensor, workload.data())
        model = modules(workload)
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

    def model(self, workload):
        """The gradient by `torch.autograd.grad`, and the update."""
        return model_descent(workload, lambda loss: loss)

    def call(self, workload):
        """Tensors of three numbers."""
        import torch

        (row,) = torch.tensor(workload.data()[0])
        w = torch.tensor(workload.numbers(), requires_grad=True)

        def step():
            value = torch.tanh(w[:2] @ row + w[2])
            (slopes,) = torch.autograd.grad(value, w)
            return value.item(), slopes

        return step

    def gpt(self, workload):
        """A word at its length, and the fused Adam."""
        import torch

        from arrays.torch import transformer

        arrays = workload.arrays().items()
        w = {name: torch.tensor(a, requires_grad=True) for name, a in arrays}
        kind = {"lr": LR, "betas": (MEAN, SQUARE), "eps": LITTLE, "fused": True}
        optimizer = torch.optim.Adam(w.values(), **kind)
        rows = itertools.cycle([torch.tensor([row]) for row in workload.rows()])

        def step():
            loss = transformer(w, next(rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def options(self, workload):
        """All prices at once; their sum's gradient has each row's derivatives."""
        import torch

        X = torch.tensor(workload.data()[0], requires_grad=True)
        normal = torch.special.ndtr

        def step():
            S, K, T, r, v = X.unbind(1)
            root = v * T.sqrt()
            d = ((S / K).log() + (r + v * v / 2) * T) / root
            price = S * normal(d) - K * (-r * T).exp() * normal(d - root)
            return float(torch.autograd.grad(price.sum(), X)[0][:SHOWN].sum())

        return step

    def graph(self, workload):
        """Recorded anew at every step, a tensor for every number."""
        import torch

        X, _ = workload.data()

        def step():
            xs = [torch.tensor(float(x)) for x in X[0]]
            ws = [torch.tensor(w, requires_grad=True) for w in workload.numbers()]
            output = operations(xs, ws, workload.size, torch.relu)
            output.backward()
            return output.item(), [w.grad for w in ws]

        return step

    def simulation(self, workload):
        """Recorded anew at every step, a tensor for every number."""
        import torch

        def step():
            rates = [
                torch.tensor(x, dtype=torch.float64, requires_grad=True)
                for x in workload.numbers()
            ]
            total = simulated(rates, workload.steps)
            total.backward()
            return total.item(), [rate.grad.item() for rate in rates]

        return step


class Compiled(Torch):
    """The same networks, their loss through torch.compile."""

    def network(self, workload):
        """Compiled at its first call."""
        import torch

        return descent(torch.compile(loss_of(workload)), tensors(workload))

    def model(self, workload):
        """Compiled at its first call."""
        import torch

        return model_descent(workload, torch.compile)


def model_descent(workload, compiled):
    """Steps of a model in the arrays of `arrays/torch.py`."""
    import torch

    from arrays import torch as arrays

    names, numbers = zip(*workload.arrays().items(), strict=True)
    weights = [torch.tensor(array, requires_grad=True) for array in numbers]
    table = torch.tensor(workload.data())

    def loss(*weights):
        w = dict(zip(names, weights, strict=True))
        return getattr(arrays, workload.kind)(w, table)

    return descent(compiled(loss), weights, SPEED)


def descent(loss, parameters, rate=RATE):
    """Steps down a loss."""
    import torch

    def step():
        value = loss(*parameters)
        slopes = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, slopes, strict=True):
                p -= rate * g
        return value.item()

    return step


def tensors(workload):
    """The weights, one tensor for each array."""
    import torch

    arrays = [array for pair in workload.weights() for array in pair]
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def loss_of(workload):
    """The loss of the whole table as a function of the weights."""
    import torch

    X, y = map(torch.tensor, workload.data())
    activation = getattr(torch, workload.activation)

    def scores(*ps):
        z = X
        for i in range(0, len(ps), 2):
            z = torch.nn.functional.linear(z, ps[i], ps[i + 1])
            z = z if i + 2 == len(ps) else activation(z)
        return z

    def hinge(*ps):
        losses = torch.relu(1 - y * scores(*ps)[:, 0])
        return losses.mean() + DECAY * sum([(p * p).sum() for p in ps])

    def classes(*ps):
        return torch.nn.functional.cross_entropy(scores(*ps), y)

    return hinge if workload.loss == "hinge" else classes


def modules(workload):
    """Linear layers with tanh between them, at the weights of all engines."""
    import torch

    steps = []
    for into, out in itertools.pairwise(workload.sizes):
        steps += [torch.nn.Linear(into, out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*steps[:-1])
    with torch.no_grad():
        for p, tensor in zip(model.parameters(), tensors(workload), strict=True):
            p.copy_(tensor)
    return model


ENGINES = {"torch scalars": Scalars, "torch": Tables, "torch-compile": Compiled}
