"""micrograd's networks, which draw the same weights after the same `random.seed`.

>>> random.seed(1337)
>>> model = MLP(2, [16, 16, 1])
>>> len(model.parameters()), round(model.layers[0].neurons[0].w[0].data, 4)
(337, 0.2355)
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from autograd.value import Value

__all__ = ["MLP", "Layer", "Module", "Neuron"]

Row = Sequence[Value | float]


class Module:
    """Something with parameters, which are Values."""

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0

    def parameters(self) -> list[Value]:
        """All weights and biases, in the order in which they are used."""
        return []


class Neuron(Module):
    """relu(w1*x1 + w2*x2 + ... + b), or the sum alone where `nonlin` is False.

    Weights are drawn by `random.uniform(-1, 1)`, one after the other; b starts at 0.
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: Row) -> Value:
        """The output for one row of inputs."""
        total = sum((w * xi for w, xi in zip(self.w, x, strict=False)), self.b)
        return total.relu() if self.nonlin else total

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons that share their inputs."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def __call__(self, x: Row) -> Value | list[Value]:
        """The neurons' outputs; of one neuron the Value alone."""
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def parameters(self) -> list[Value]:
        """Those of each neuron in turn."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module):
    """Layers one after the other, with relu in all but the last.

    nin: how many inputs. nouts: the number of neurons of each layer.
    """

    def __init__(self, nin: int, nouts: list[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [
            Layer(sizes[i], nout, nonlin=i != len(nouts) - 1)
            for i, nout in enumerate(nouts)
        ]

    def __call__(self, x: Row) -> Value | list[Value]:
        """The last layer's outputs for one row of inputs."""
        outputs: Value | list[Value] = [*x]  # type: ignore[list-item]
        for layer in self.layers:
            outputs = layer([outputs] if isinstance(outputs, Value) else outputs)
        return outputs

    def parameters(self) -> list[Value]:
        """Those of each layer in turn."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"
