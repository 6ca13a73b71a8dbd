"""micrograd, as published: the engine whose interface the others of its kind have."""

import sys

from engines.interface import Engine
from workloads.programs import DECAY, RATE, operations


class Micrograd(Engine):
    """Value and MLP; its networks have relu between their layers and no other."""

    modules = ("micrograd.engine", "micrograd.nn")

    def start(self):
        """Raise the recursion limit, as its graphs are sorted recursively."""
        super().start()
        from micrograd.engine import Value
        from micrograd.nn import MLP

        sys.setrecursionlimit(10**8)
        self.Value, self.MLP = Value, MLP

    def network(self, workload):
        """One step of the hinge loss; nothing larger than it does in seconds."""
        small = workload.n <= 100 and workload.sizes == (2, 16, 16, 1)
        if workload.activation != "relu" or not small:
            return None
        X, y = workload.data()
        model = self._model(workload)
        parameters = model.parameters()

        def step():
            scores = [model([self.Value(v) for v in row]) for row in X]
            losses = [(1 + -t * s).relu() for t, s in zip(y, scores, strict=True)]
            total = sum(losses) * (1.0 / len(losses))
            total = total + DECAY * sum(p * p for p in parameters)
            model.zero_grad()
            total.backward()
            for p in parameters:
                p.data -= RATE * p.grad
            return total.data

        return step

    def _model(self, workload):
        model = self.MLP(workload.sizes[0], list(workload.sizes[1:]))
        for layer, (W, b) in zip(model.layers, workload.weights(), strict=True):
            for neuron, row, offset in zip(layer.neurons, W, b, strict=True):
                neuron.b.data = float(offset)
                for w, number in zip(neuron.w, row, strict=True):
                    w.data = float(number)
        return model

    def graph(self, workload):
        """Recorded anew at every step, as it has no other way."""
        Value = self.Value
        X, _ = workload.data()
        ws = [Value(w) for w in workload.numbers()]

        def step():
            for w in ws:
                w.grad = 0
            xs = list(map(Value, X[0]))
            output = operations(xs, ws, workload.size, Value.relu)
            output.backward()
            return output.data, [w.grad for w in ws]

        return step


ENGINES = {"micrograd": Micrograd}
