"""One pass through a network, read off its recorded graph, layer by layer.

What `flow` writes and `network` draws: each layer's inputs, weights, z and activation,
and the derivative of the loss by every node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograd.graph import Node, graph, topological_order
from autograd.numeric import is_number
from autograd.value import Value, number_of, recording
from nn.losses import (
    LOSSES,
    Loss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    mse,
)
from nn.module import MLP, Layer, Module, Neuron
from viz.collapse import Collapse
from viz.explain import adjoints, collapses


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer in one pass: what came in, the weights, z and activation.

    Each neuron has a row: `weights[i]`, `biases[i]`, `zs[i]`, `outs[i]`.
    """

    name: str
    inputs: tuple[Value, ...]
    weights: tuple[tuple[Value, ...], ...]
    biases: tuple[Value, ...]
    zs: tuple[Value, ...]
    outs: tuple[Value, ...]
    activation: str


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass through a model and its loss, with every adjoint."""

    stages: tuple[Stage, ...]
    target: Any
    loss: Value
    loss_name: str
    adjoints: Mapping[Value, float]
    collapses: Mapping[Value, Collapse]

    @property
    def targets(self) -> list[float]:
        """The target's numbers; none where it is something else, as nested lists."""
        target = self.target
        plain = target.tolist() if hasattr(target, "tolist") else target
        numbers = plain if isinstance(plain, (list, tuple)) else [plain]
        if not all(isinstance(item, Value) or is_number(item) for item in numbers):
            return []
        return [number_of(item) for item in numbers]


def record_pass(model: Module, x: Any, y: Any, loss: Loss | str | None = None) -> Pass:
    """Run a model on one row, and read layers, deltas and loss off the graph."""
    layers = _layers(model)
    with recording():
        outs = model(x)
        outputs = tuple(outs) if isinstance(outs, (list, tuple)) else (outs,)
        chosen = _loss(loss, outputs)
        total = chosen(outs, y)
    nodes = graph(total)
    order = [node.value for node in nodes]
    stages = tuple(_stages(layers, outputs, order))
    return Pass(
        stages,
        y,
        total,
        str(getattr(chosen, "__name__", "loss")),
        dict(zip(order, adjoints(nodes), strict=True)),
        _collapses(nodes, stages[-1], chosen),
    )


def loss_of(
    model: Module, x: Sequence[Value], y: Any, loss: Loss | str | None = None
) -> Value:
    """The recorded loss of a model for one row, labeled L, its outputs labeled ŷ.

    >>> loss_of(Neuron(1, activation=None), [Value(3.0)], 0.0).label
    'L'
    """
    outs = model(x)
    outputs = list(outs) if isinstance(outs, (list, tuple)) else [outs]
    for name, out in zip(numbered("ŷ", len(outputs)), outputs, strict=True):
        out.label = name
    total: Value = _loss(loss, outputs)(outs, y)
    total.label = total.label or "L"
    return total


def worked_example() -> tuple[Module, list[float], float]:
    """The network of the documentation's worked example, its input and its target."""
    model = MLP(2, [2, 1], "sigmoid", "sigmoid", seed=0)
    model.load_state_dict(
        {
            "layers.0.weight": [[0.1, 0.2], [0.3, 0.4]],
            "layers.0.bias": [0.01, 0.02],
            "layers.1.weight": [[0.5, 0.6]],
            "layers.1.bias": [0.05],
        }
    )
    return model, [1.0, 2.0], 1.0


def _collapses(nodes: list[Node], last: Stage, loss: Loss) -> dict[Value, Collapse]:
    """The shortcut at the outputs' z, where a sigmoid or softmax meets cross-entropy.

    The neurons are named in it as by `inner_names`.
    """
    present = {node.value for node in nodes}
    names = inner_names("z", last.zs) | inner_names("a", last.outs)
    logits = [z for z in last.zs if z in present]
    return collapses(nodes, logits, names, loss is binary_cross_entropy_with_logits)


def inner_names(letter: str, values: Sequence[Value]) -> dict[str, Value]:
    """Names to be replaced where they are printed."""
    return {f"{letter} of neuron {i}": value for i, value in enumerate(values)}


def _layers(model: Any) -> list[list[Neuron]]:
    """The neurons of a model, layer by layer."""
    if isinstance(model, Neuron):
        return [[model]]
    if isinstance(model, Layer):
        return [model.neurons]
    parts = getattr(model, "layers", None) or getattr(model, "steps", [])
    found = [part.neurons for part in parts if isinstance(part, Layer)]
    if not found:
        raise TypeError(
            f"flow shows networks of layers, such as nn.MLP; got {model!r:.60}: for "
            "any other expression use explain(output, wrt)"
        )
    return found


def _loss(loss: Loss | str | None, outputs: Sequence[Value]) -> Loss:
    if callable(loss):
        return loss
    if loss is None:
        return binary_cross_entropy if outputs[0].op == "sigmoid" else mse
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose one of {', '.join(LOSSES)}")
    return LOSSES[loss]


def _activation(neuron: Neuron) -> str:
    if neuron.activation is None:
        return ""
    name = str(getattr(neuron.activation, "__name__", ""))
    return name if name.isidentifier() else "activation"


def _stages(
    layers: list[list[Neuron]], outputs: tuple[Value, ...], order: list[Value]
) -> Iterator[Stage]:
    """Each layer's nodes: z is what adds a neuron's bias to its dot product.

    order: the nodes of the loss; outputs that it does not use are added.
    """
    present = set(order)
    unused = [output for output in outputs if output not in present]
    order = order + [n for output in unused for n in topological_order(output)]
    by_bias = {n.parents[1]: n for n in order if n.op == "add"}
    zs = [[_z(by_bias, neuron) for neuron in layer] for layer in layers]
    inputs = [_inputs(layer[0]) for layer in zs]
    after = [*inputs[1:], outputs]
    for k, layer in enumerate(layers):
        if len(after[k]) != len(layer):
            raise ValueError(
                f"flow shows layers that feed one another directly; layer {k + 1} has "
                f"{len(layer)} neurons, and {len(after[k])} numbers came out of it"
            )
        yield Stage(
            str(k + 1) if len(layers) > 1 else "",
            inputs[k],
            tuple(tuple(neuron.w) for neuron in layer),
            tuple(neuron.b for neuron in layer),
            tuple(zs[k]),
            after[k],
            _activation(layer[0]) or _between(zs[k][0], after[k][0]),
        )


def _z(by_bias: Mapping[Value, Value], neuron: Neuron) -> Value:
    z = by_bias.get(neuron.b)
    if z is None or z.parents[0].op != "dot":
        raise ValueError("a neuron of this model took no part in its output")
    return z


def _inputs(z: Value) -> tuple[Value, ...]:
    parents = z.parents[0].parents
    return parents[len(parents) // 2 :]


def _between(z: Value, out: Value) -> str:
    """The operation from z to the output where it is no part of the neuron."""
    return out.op if out is not z and out.parents == (z,) else ""


def numbered(letter: str, count: int) -> list[str]:
    """`z` alone, or `z[1]`, `z[2]` and so on."""
    return [letter] if count == 1 else [f"{letter}[{i + 1}]" for i in range(count)]
