"""chainrule: node by node, compiled or plain; and as programs, by either backend."""

import itertools
import sys
from pathlib import Path

from engines.interface import Engine, Refused, inside
from workloads.microgpt import adam, in_scalars
from workloads.models import SPEED
from workloads.programs import BATCH, DECAY, EPOCHS, RATE, SHOWN, operations, simulated


class Chainrule(Engine):
    """Node by node. `kind` is "compiled", "plain", or None where either will do."""

    kind = None

    def start(self):
        """What the names are here."""
        super().start()
        import autograd
        import nn

        self.Value, self.MLP = autograd.Value, nn.MLP
        self.functions = {name: getattr(autograd, name) for name in FUNCTIONS}
        self.gradients, self.grad = autograd.gradients, autograd.grad
        self.jacobian, self.jvp = autograd.jacobian, autograd.jvp

    def checked(self, folder):
        """The kind that was asked for, every module of it out of the one folder."""
        import autograd

        kind = "compiled" if autograd.__compiled__ else "plain"
        found = Path(autograd.__file__).parent
        if self.kind not in (None, kind):
            raise Refused(
                f"the {self.kind} engine was asked for, but {found} is {kind}"
            )
        for name, file in ours():
            if folder is not None and not inside(file, folder):
                raise Refused(f"{name} was imported from {file}, not from {folder}")
            if kind == "plain" and not file.endswith(".py"):
                raise Refused(f"{name} of the plain engine is {file}")
        version = {"version": autograd.__version__, "file": autograd.__file__}
        identity = super().checked(folder)
        identity["packages"] = {"chainrule": version, **identity["packages"]}
        return identity | {"kind": kind}

    def network(self, workload):
        """The mean loss over the rows, and one step down."""
        model = model_of(workload)
        parameters = model.parameters()
        loss, table = loss_of(workload, model), table_of(workload).tolist()

        def step():
            total = sum(loss(*row) for row in table) / len(table)
            total.zero_grad()
            total.backward()
            for p in parameters:
                p.data -= RATE * p.grad
            return total.data

        return step

    def training(self, workload):
        """`fit`, on its engine that goes node by node."""
        return training_of(workload, "eager")

    def graph(self, workload):
        """Recorded anew at every step."""
        from autograd import relu

        X, _ = workload.data()

        def step():
            xs, ws = map(self.Value, X[0]), list(map(self.Value, workload.numbers()))
            output = operations(list(xs), ws, workload.size, relu)
            output.backward()
            return output.data, [w.grad for w in ws]

        return step

    def simulation(self, workload):
        """Recorded anew at every step."""

        def step():
            rates = list(map(self.Value, workload.numbers()))
            total = simulated(rates, workload.steps)
            total.backward()
            return total.data, [rate.grad for rate in rates]

        return step

    def model(self, workload):
        """The mean loss over the rows, and one step down."""
        leaves, parameters = leaves_of(workload)
        table = workload.data().tolist()

        def step():
            total = sum(workload.loss(leaves, row) for row in table) / len(table)
            total.zero_grad()
            total.backward()
            for p in parameters:
                p.data -= SPEED * p.grad
                p.grad = 0.0
            return total.data

        return step

    def call(self, workload):
        """Recorded anew at every call."""
        (x, y), numbers = workload.data()[0][0].tolist(), workload.numbers()
        from autograd import tanh, value_and_grad

        made = value_and_grad(lambda w: tanh(w[0] * x + w[1] * y + w[2]))
        return lambda: made(numbers)

    def gpt(self, workload):
        """In scalars, as with any other Value."""
        return in_scalars(self.Value, workload)

    def options(self, workload):
        """One row after the other."""
        from autograd import grad

        rows = workload.data()[0].tolist()
        derivatives = grad(price, argnums=range(5))
        return lambda: sum(sum(derivatives(*row)) for row in rows[:SHOWN])


class Compiled(Chainrule):
    """The engine as machine code."""

    kind = "compiled"


class Plain(Chainrule):
    """The same sources, run by Python."""

    kind = "plain"


class Program(Chainrule):
    """A recorded graph as a program; a subclass names its backend."""

    backend = ""
    _drawn = None, None

    def draw(self, workload):
        """A model, for the program of this workload."""
        if hasattr(workload, "sizes"):
            self._drawn = workload, model_of(workload)

    def compiled(self, *arguments):
        """The program, on this backend and no other."""
        from autograd import compile

        program = compile(*arguments, backend=self.backend)
        if program.backend != self.backend:
            raise Refused(f"{self.backend} was asked for, but it is {program.backend}")
        return program

    def network(self, workload):
        """The loss of a row as a program over the table."""
        (known, model), self._drawn = self._drawn, (None, None)
        if known != workload:
            model = model_of(workload)
        loss, table = loss_of(workload, model), table_of(workload)
        parameters = model.parameters()
        program = self.compiled(loss, table.shape[1], parameters)
        return descending(program, table, RATE)

    def training(self, workload):
        """`fit`, on its compiled engine."""
        from nn.compiled import Compiled

        return training_of(workload, lambda task: Compiled(task, self.backend))

    def graph(self, workload):
        """Recorded once."""
        from autograd import relu

        X, _ = workload.data()
        xs, ws = list(map(self.Value, X[0])), list(map(self.Value, workload.numbers()))
        output = operations(xs, ws, workload.size, relu)
        program = self.compiled(output, xs, ws)
        numbers = program.numbers()
        return lambda: program.value_and_grad(X, numbers)

    def simulation(self, workload):
        """Recorded once."""
        rates = list(map(self.Value, workload.numbers()))
        program = self.compiled(lambda: simulated(rates, workload.steps), 0, rates)
        numbers = program.numbers()
        return lambda: program.value_and_grad(None, numbers)

    def model(self, workload):
        """The loss of a row as a program over the table."""
        leaves, parameters = leaves_of(workload)
        table = workload.data()

        def loss(*row):
            return workload.loss(leaves, row)

        program = self.compiled(loss, table.shape[1], parameters)
        return descending(program, table, SPEED)

    def call(self, workload):
        """Prepared or not."""
        from autograd import tanh

        a, b, c = leaves = list(map(self.Value, workload.numbers()))
        X, _ = workload.data()
        program = self.compiled(lambda x, y: tanh(a * x + b * y + c), 2, leaves)
        if not workload.ready:
            numbers = program.numbers()
            return lambda: program.value_and_grad(X, numbers)
        call = program.prepared("gradient", X)

        def step():
            call()
            return call.means[-1], call.means[:-1]

        return step

    def gpt(self, workload):
        """The loss of a padded document as a program, and Adam on its array."""
        leaves, parameters = leaves_of(workload)
        rows = workload.padded()

        def loss(*row):
            return workload.padded_loss(leaves, row)

        call = self.compiled(loss, rows.shape[1], parameters).prepared(
            "gradient", rows[:1]
        )
        state = call.parameters.copy(), 0.0, 0.0
        counter = itertools.count()

        def step():
            nonlocal state
            n = next(counter)
            call.X[0] = rows[n % len(rows)]
            call()
            w, m, v = state
            state = adam(w, call.means[:-1], m, v, n + 1)
            call.parameters[:] = state[0]
            return float(call.means[-1])

        return step

    def options(self, workload):
        """The price of a row as a program over the table."""
        X, _ = workload.data()
        program = self.compiled(price, 5)
        return lambda: float(program.input_grad(X)[1][:SHOWN].sum())


class Llvm(Program):
    """Machine code."""

    backend = "llvm"
    modules = ("llvmlite.binding", "numpy")


class Numpy(Program):
    """Calls of NumPy."""

    backend = "numpy"
    modules = ("numpy",)


FUNCTIONS = ("sin", "maximum", "dot")


def ours():
    """Every module of chainrule that is imported, with its file."""
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] in ("autograd", "nn") and module.__file__:
            yield name, module.__file__


def model_of(workload):
    """The network, at the weights of all engines."""
    from nn import MLP

    model = MLP(workload.sizes[0], workload.sizes[1:], workload.activation)
    for layer, (W, b) in zip(model.layers, workload.weights(), strict=True):
        for neuron, row, offset in zip(layer.neurons, W, b, strict=True):
            neuron.b.data = offset
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number
    return model


def leaves_of(workload):
    """A model's weights as Values, by name in nested lists, and all in one."""
    from autograd import Value

    parameters = []

    def leaves(numbers):
        if isinstance(numbers, list):
            return [leaves(each) for each in numbers]
        parameters.append(Value(numbers))
        return parameters[-1]

    arrays = workload.arrays().items()
    return {name: leaves(array.tolist()) for name, array in arrays}, parameters


def table_of(workload):
    """Inputs and targets side by side; a class as a one among zeros."""
    import numpy as np

    X, y = workload.data()
    hinged = workload.loss == "hinge"
    targets = y[:, None] if hinged else np.eye(workload.sizes[-1])[y]
    return np.ascontiguousarray(np.hstack([X, targets]))


def loss_of(workload, model):
    """The loss of one row of that table."""
    from autograd import relu, sum
    from nn import cross_entropy

    width, weights = workload.sizes[0], model.parameters
    if workload.by == "sums":
        model = by_sums(model)

    def hinge(*row):
        margin = relu(1 - row[width] * model(row[:width]))
        return margin + DECAY * sum([p * p for p in weights()])

    def classes(*row):
        return cross_entropy([model(row[:width])], [list(row[width:])])

    return hinge if workload.loss == "hinge" else classes


def by_sums(model):
    """The same network, its layers written out with operators alone."""
    from builtins import sum

    from autograd import relu

    def dot(xs, ys):
        return sum(x * y for x, y in zip(xs, ys, strict=True))

    def layer(neurons, x):
        return [dot(neuron.w, x) + neuron.b for neuron in neurons]

    def scores(x):
        *inner, last = [each.neurons for each in model.layers]
        for rows in inner:
            x = [relu(z) for z in layer(rows, x)]
        return layer(last, x)

    return scores


def descending(program, table, rate):
    """A step of plain gradient descent, again and again, from the program's numbers."""
    call = program.prepared("gradient", table)
    numbers, slopes, value = call.parameters, call.means[:-1], call.means[-1:]

    def step():
        call()
        numbers[:] -= rate * slopes
        return float(value[0])

    return step


def training_of(workload, engine):
    """Epochs of `fit`: the first starts it, and each step goes on."""
    from nn import Adam, fit

    X, y = workload.data()
    started = []
    fit(
        model_of(workload), X, y, "binary_cross_entropy_with_logits", Adam(lr=0.001),
        schedule="constant", epochs=1, batch_size=BATCH, seed=0, engine=engine,
        callbacks=[started.append], progress=False,
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


def price(S, K, T, r, v):
    """Of an option, after Black and Scholes."""
    from autograd import erfc, exp, log, sqrt

    def normal(x):
        return 0.5 * erfc(-x * 0.5**0.5)

    root = v * sqrt(T)
    d = (log(S / K) + (r + v * v / 2) * T) / root
    return S * normal(d) - K * exp(-r * T) * normal(d - root)


ENGINES = {
    "chainrule compiled": Compiled,
    "chainrule before": Compiled,
    "chainrule plain": Plain,
    "chainrule-eager": Chainrule,
    "chainrule-llvm": Llvm,
    "chainrule-numpy": Numpy,
}
