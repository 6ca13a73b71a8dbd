"""One pass through a network, read off its recorded graph, layer by layer.

What `flow` writes and `network` draws: each layer's inputs, weights, z and activation,
and the derivative of the loss by every node.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import hypot
from typing import Any

from autograd.graph import Node, adjoints, graph, reached
from autograd.modes import recording
from autograd.numeric import is_number
from autograd.value import Value, as_value, number_of
from autograd.wording import counted
from nn.arguments import unknown
from nn.calls import Call, values_in, watching
from nn.engine import as_list
from nn.losses import (
    LOSSES,
    Loss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    mse,
)
from nn.module import MLP, Layer, Module, Neuron, named, title
from viz.explain import collapses
from viz.loss import Collapse
from viz.render import visible


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer in one pass: what came in, the weights, z and activation.

    Each neuron has a row: `weights[i]`, `biases[i]`, `zs[i]`, `outs[i]`.

    What is no layer, a module of one's own or a function between layers, is a stage as
    well, with a title and without weights and activation: `zs` are its outputs,
    `inputs` the values of the stages before that these are made of, and `parameters`
    those that take part, by their names.

    name: its number among the layers, or among the stages with a title; empty for the
        only one.
    direct: whether the next stage is a layer that takes in the outputs, as they are,
        and nothing else uses them.
    """

    name: str
    inputs: tuple[Value, ...]
    weights: tuple[tuple[Value, ...], ...]
    biases: tuple[Value, ...]
    zs: tuple[Value, ...]
    outs: tuple[Value, ...]
    activation: str
    title: str = ""
    parameters: tuple[tuple[str, Value], ...] = ()
    direct: bool = False

    @property
    def size(self) -> str:
        """How many parameters it has, in words; empty for none."""
        count = len(self.parameters)
        return counted(count, "parameter") if count else ""


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass through a model and its loss, with every adjoint.

    users: the nodes that each node is an operand of. trained: the parameters that
    training moves. call: the model's own, with those of its parts.
    """

    inputs: tuple[Value, ...]
    stages: tuple[Stage, ...]
    target: Any
    loss: Value
    loss_name: str
    adjoints: Mapping[Value, float]
    users: Mapping[Value, Sequence[Value]]
    trained: frozenset[Value]
    collapses: Mapping[Value, Collapse]
    call: Call

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
    if not isinstance(model, Module):
        raise TypeError(
            f"this shows networks of layers, such as nn.MLP; got {model!r:.60}: for "
            "any other expression use explain(output, wrt) or draw(output)"
        )
    with recording():
        inputs, top, outs = _run(model, x)
        outputs = tuple(map(as_value, values_in(outs)))
        chosen = _loss(loss, outputs)
        total = chosen(outs, y)
    order, _ = reached([*outputs, total])
    reader = Reader(inputs, _names(model), users_of(order))
    reader.read(top.inner[0], "")
    stages = reader.finished(_title(model), outputs)
    nodes = graph(total)
    return Pass(
        inputs,
        stages,
        y,
        total,
        str(getattr(getattr(chosen, "func", chosen), "__name__", "loss")),
        adjoints(total),
        reader.users,
        frozenset(model.parameters()),
        _collapses(nodes, stages, chosen),
        top.inner[0],
    )


def _run(model: Module, x: Any) -> tuple[tuple[Value, ...], Call, Any]:
    """The inputs as Values, the calls that were made, and what the model returned."""
    try:
        row = _as_values(x)
        with watching() as top:
            return tuple(values_in(row)), top, model(row)
    except TypeError:  # a model may do to numbers what Values refuse, as math.floor
        with watching() as top:
            return tuple(map(as_value, values_in(x))), top, model(x)


def _as_values(x: Any) -> Any:
    """A row whose numbers are Values; whatever else is in it stays what it is."""
    x = x.tolist() if hasattr(x, "tolist") else x
    if isinstance(x, (list, tuple)):
        return [_as_values(item) for item in x]
    return as_value(x) if is_number(x) else x


def _names(model: Module) -> dict[Value, str]:
    """The parameters by their labels; those without one by attribute and position.

    A name that would stand for two is that of the state dict.
    """
    found: dict[Value, str] = {}
    taken: set[str] = set()
    for entry in model.entries():
        for name, value in named(entry.tensor, entry.name):
            places = [
                int(place) + 1 for place in PLACE.findall(name[len(entry.name) :])
            ]
            own = entry.key + (str(places).replace(" ", "") if places else "")
            short = value.label or own
            found.setdefault(value, name if short in taken else short)
            taken.add(found[value])
    return found


PLACE = re.compile(r"\[(\d+)\]")


def _title(part: Any) -> str:
    """What a part is called where it is no layer."""
    name = title(part)
    return name if name.isidentifier() else "function"


def users_of(order: Sequence[Value]) -> dict[Value, list[Value]]:
    """For each node those that it is an operand of, one entry for each time it is."""
    users: dict[Value, list[Value]] = {}
    for node in order:
        for parent in node.parents:
            users.setdefault(parent, []).append(node)
    return users


class Reader:
    """Reads the stages of a pass off the calls that were made.

    known: the values that have names so far: the inputs, and what stages gave.
    """

    def __init__(
        self,
        inputs: Sequence[Value],
        names: Mapping[Value, str],
        users: Mapping[Value, Sequence[Value]],
    ) -> None:
        self.known = dict.fromkeys(inputs)
        self.names = names
        self.users = users
        self.stages: list[Stage] = []

    def read(self, call: Call, outer: str) -> None:
        """The stages of a call: those of the calls that it made, then what it adds.

        outer: the title of what made the call.
        """
        if self.layer(call.part, [call], outer):
            return
        waiting = list(call.inner)
        while waiting:
            waiting = waiting[self._next(call, waiting) :]
        outs = [out for out in values_in(call.output) if isinstance(out, Value)]
        self.own(_title(call.part), outs)

    def _next(self, outer: Call, calls: Sequence[Call]) -> int:
        """Read the next call, or the next neurons that take in the same."""
        count = 0
        while count < len(calls) and isinstance(calls[count].part, Neuron):
            count += 1
        for end in range(count, 0, -1):
            if self.layer(None, calls[:end], _title(outer.part)):
                return end
        self.read(calls[0], _title(outer.part))
        return 1

    def layer(self, part: Any, calls: Sequence[Call], outer: str) -> bool:
        """A layer's stage, or that of neurons called one by one, if that is what it is.

        outer: what is around it, and made its inputs if no stage did.
        """
        neurons = part.neurons if isinstance(part, Layer) else [c.part for c in calls]
        outs = [out for call in calls for out in values_in(call.output)]
        zs = _sums(neurons, outs)
        if not zs:
            return False
        inputs, chosen = _inputs(zs[0]), activation_of(neurons[0])
        if not chosen and outs != zs:
            chosen = _title(part)  # a subclass that does more than a layer
        self.own(outer, [value for value in inputs if value.op])
        self.stages.append(
            Stage(
                "",
                inputs,
                tuple(tuple(neuron.w) for neuron in neurons),
                tuple(neuron.b for neuron in neurons),
                tuple(zs),
                tuple(outs),
                chosen,
            )
        )
        self.known |= dict.fromkeys([*inputs, *zs, *outs])
        return True

    def own(self, name: str, values: Sequence[Value], last: bool = False) -> None:
        """A stage for the values among these that no stage gave yet, if there are any.

        last: make it one of all the values, whether or not they are known.
        """
        new = [v for v in dict.fromkeys(values) if v.op and v not in self.known]
        outs = tuple(values) if last else tuple(new)
        if not outs or self._is_activation(outs):
            return
        inputs, parameters = self._sources(outs)
        self.stages.append(
            Stage("", inputs, (), (), outs, outs, "", name, tuple(parameters))
        )
        self.known |= dict.fromkeys(outs)

    def _is_activation(self, outs: tuple[Value, ...]) -> bool:
        """Whether these are one operation of the last layer's z each, which has none.

        Then they are taken for the layer's outputs.
        """
        before = self.stages[-1] if self.stages else None
        if before is None or before.title or before.outs != before.zs:
            return False
        used = [self.users.get(z) for z in before.zs]
        ops = {out.operation for out in outs}
        if used != [[out] for out in outs] or len(ops) != 1:
            return False
        if any(len(out.parents) > 1 for out in outs):
            return False
        self.stages[-1] = replace(before, outs=outs, activation=outs[0].op)
        self.known |= dict.fromkeys(outs)
        return True

    def _sources(
        self, values: Sequence[Value]
    ) -> tuple[tuple[Value, ...], Iterator[tuple[str, Value]]]:
        """The known values and the parameters that these are made of, or are."""
        found = {value for value in values if value in self.known}
        waiting = [value for value in values if value not in found]
        while waiting:
            for parent in waiting.pop().parents:
                if parent not in found:
                    found.add(parent)
                    waiting += [] if parent in self.known else [parent]
        inputs = tuple(value for value in self.known if value in found)
        parameters = ((n, v) for v, n in self.names.items() if v in found)
        return inputs, parameters

    def finished(self, name: str, outputs: tuple[Value, ...]) -> tuple[Stage, ...]:
        """The stages with their numbers, the last one giving the model's outputs."""
        if not self.stages or self.stages[-1].outs != outputs:
            self.own(name, outputs, last=True)
        found = []
        for k, stage in enumerate(self.stages):
            alike = [s for s in self.stages if bool(s.title) == bool(stage.title)]
            number = str(sum(s in alike for s in self.stages[: k + 1]))
            direct = self._is_direct(*self.stages[k : k + 2])
            name = number if len(alike) > 1 else ""
            found.append(replace(stage, name=name, direct=direct))
        return tuple(found)

    def _is_direct(self, stage: Stage, after: Stage | None = None) -> bool:
        if after is None or after.title or after.inputs != stage.outs:
            return False
        sums = {z.parents[0] for z in after.zs}
        return all(sums.issuperset(self.users.get(out, ())) for out in stage.outs)


def loss_of(
    model: Module, x: Sequence[Value], y: Any, loss: Loss | str | None = None
) -> Value:
    """The recorded loss of a model for one row, labeled L, its outputs labeled ŷ.

    >>> loss_of(Neuron(1, activation=None), [Value(3.0)], 0.0).label
    'L'
    """
    outs = model(x)
    outputs = as_list(outs)
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


def _collapses(
    nodes: list[Node], stages: Sequence[Stage], loss: Loss
) -> dict[Value, Collapse]:
    """The shortcut at the last z, where a sigmoid or softmax meets cross-entropy.

    The neurons are named in it as by `inner_names`.
    """
    present = {node.value for node in nodes}
    zs = next((s.zs for s in reversed(stages) if not s.title), stages[-1].zs)
    names = inner_names("z", zs) | inner_names("a", stages[-1].outs)
    logits = [z for z in zs if z in present]
    return collapses(nodes, logits, names, loss is binary_cross_entropy_with_logits)


def inner_names(letter: str, values: Sequence[Value]) -> dict[str, Value]:
    """Names to be replaced where they are printed."""
    return {f"{letter} of neuron {i}": value for i, value in enumerate(values)}


def _loss(loss: Loss | str | None, outputs: Sequence[Value]) -> Loss:
    if callable(loss):
        return loss
    if loss is None:
        return binary_cross_entropy if outputs[0].op == "sigmoid" else mse
    if loss not in LOSSES:
        raise ValueError(unknown("loss", loss, LOSSES))
    return LOSSES[loss]


def activation_of(neuron: Neuron) -> str:
    """The name of a neuron's activation; empty where it has none."""
    if neuron.activation is None:
        return ""
    name = str(getattr(neuron.activation, "__name__", ""))
    return name if name.isidentifier() else "activation"


def _sums(neurons: Sequence[Any], outs: Sequence[Any]) -> list[Value]:
    """The z of each neuron, all of the same inputs; none where it is another thing."""
    if len(neurons) != len(outs) or not all(isinstance(n, Neuron) for n in neurons):
        return []
    pairs = zip(neurons, outs, strict=True)
    zs = [_sum(neuron, out) for neuron, out in pairs if isinstance(out, Value)]
    found = [z for z in zs if z is not None]
    inputs = {_inputs(z) for z in found}
    return found if len(found) == len(outs) and len(inputs) == 1 else []


def _sum(neuron: Neuron, out: Value) -> Value | None:
    """The nearest node on the way back from an output that adds the neuron's bias."""
    waiting, seen = deque([out]), {out}
    while waiting:
        node = waiting.popleft()
        if node.op == "add" and node.parents[1] is neuron.b:
            weighted = node.parents[0]
            half = weighted.parents[: len(neuron.w)]
            return node if weighted.op == "dot" and half == tuple(neuron.w) else None
        new = [parent for parent in node.parents if parent not in seen]
        seen.update(new)
        waiting += new
    return None


def _inputs(z: Value) -> tuple[Value, ...]:
    parents = z.parents[0].parents
    return parents[len(parents) // 2 :]


def numbered(letter: str, count: int) -> list[str]:
    """`z` alone, or `z[1]`, `z[2]` and so on."""
    return [letter] if count == 1 else [f"{letter}[{i + 1}]" for i in range(count)]


# ---- folded --------------------------------------------------------------------------


MOST_PARTS = 16
"""Boxes that a folded picture has room for."""


@dataclass(slots=True, eq=False)
class Part:
    """What a part of a model gave in all its calls, and what it is made of.

    call: the first of these calls; for what a module itself does between its parts,
        such as a sum, the module's. own: whether it is that. times: how many calls.
    nodes: all that was computed in them. outs: what was given. sources: the parts that
        it is made of, in their order.
    """

    call: Call
    own: bool = False
    times: int = 0
    nodes: list[Value] = field(default_factory=list)
    outs: list[Value] = field(default_factory=list)
    sources: list[Part] = field(default_factory=list)

    def needs(self, other: Part) -> bool:
        """Whether it is made of another part, or of what is made of it."""
        return other in self.sources or any(s.needs(other) for s in self.sources)

    @property
    def is_sum(self) -> bool:
        """Whether it adds up two other parts, number by number."""
        return (
            len(self.sources) == 2
            and all(node.op == "add" for node in self.nodes)
            and all(set(node.parents) <= self._around for node in self.nodes)
            and all(self._halves(node) for node in self.nodes)
        )

    @property
    def _around(self) -> set[Value]:
        return {out for source in self.sources for out in source.outs}

    def _halves(self, node: Value) -> bool:
        """Whether a sum has an operand of each of the two parts."""
        return all(
            any(parent in source.outs for parent in node.parents)
            for source in self.sources
        )

    @property
    def kind(self) -> str:
        """What it is: the name of its class or its function, in words."""
        part = self.call.part
        name = part if isinstance(part, str) else visible(title(part), longest=24)
        return f"in {name}" if self.own else name.replace("_", " ")

    @property
    def size(self) -> str:
        """How many numbers it gave, in rows where there are some."""
        if self.own:
            like = [s.size for s in self.sources if len(s.outs) == len(self.outs)]
            return like[0] if like else counted(len(self.outs), "number")
        given: Any = self.call.output
        rows = given if isinstance(given, (list, tuple)) else [given]
        if not any(isinstance(row, (list, tuple)) for row in rows):
            if self.times > 1:
                return f"{self.times} × {len(rows)}"
            return counted(len(rows), "number")
        widths = {sum(1 for _ in values_in(row)) for row in rows}
        shape = f"{len(rows)} × {max(widths)}" + ", causal" * (len(widths) > 1)
        return shape if self.times == 1 else f"{self.times} of {shape}"


def parts_of(told: Pass, most: int = MOST_PARTS) -> list[Part]:
    """A pass folded into the parts of its model: first the inputs, the loss last.

    Calls of the same part beside one another, such as those for each position or of
    each head, are one part. A part's own parts stand for it as long as there are not
    more than `most`.

    >>> from nn.attention import Block
    >>> told = record_pass(Block(2, seed=0), [[1.0, 0.5], [-0.5, 2.0]], [[0.0] * 2] * 2)
    >>> [title(part.call.part) for part in parts_of(told)][1:4]
    ['LayerNorm', 'queries', 'keys']
    """
    opened: list[Call] = []
    waiting = [told.call]
    while waiting:
        call = waiting.pop(0)
        alike = [c for c in calls_of(told.call) if type(c.part) is type(call.part)]
        if call.inner and _opens(call) and _fits(told, [*opened, *alike], most):
            opened += alike
            waiting += [inner for one in alike for inner in one.inner]
    return _Folding(told, opened).parts


def _fits(told: Pass, opened: list[Call], most: int) -> bool:
    return len(_Folding(told, opened).parts) <= most


def _opens(call: Call) -> bool:
    """Whether it is no layer of neurons, which is one matrix."""
    return isinstance(call.part, Module) and not isinstance(call.part, (Layer, Neuron))


def calls_of(call: Call) -> Iterator[Call]:
    """A call and all calls inside it, outer ones first."""
    yield call
    for inner in call.inner:
        yield from calls_of(inner)


def _same(one: Call, other: Call) -> bool:
    """Whether they are calls of the same part; a method's object is made anew."""
    return one.part is other.part or (one.part == other.part)


class _Folding:
    """Gives every node of a pass to a part.

    opened: the calls whose inner calls are parts.
    """

    def __init__(self, told: Pass, opened: list[Call]) -> None:
        self.opened = {id(call) for call in opened}
        given = Call("input", output=told.call.inputs[0])
        first = Part(given, times=1, outs=list(told.inputs))
        self.parts = [first]
        self.owner = dict.fromkeys(told.inputs, first)
        self._read(told.call)
        last = Part(Call(told.loss_name))
        self._add(last, [told.loss])

    def _read(self, call: Call) -> None:
        """The parts of a call, and what it does itself before and after each."""
        if id(call) not in self.opened:
            self._add(Part(call), list(values_in(call.output)))
            return
        for inner in call.inner:
            self._add(Part(call, own=True), list(values_in(list(inner.inputs))))
            self._read(inner)
        self._add(Part(call, own=True), list(values_in(call.output)))

    def _add(self, part: Part, outs: list[Any]) -> None:
        """A part for the nodes behind these that have none yet, if there are any."""
        given = [out for out in dict.fromkeys(outs) if isinstance(out, Value)]
        new = [v for v in given if v not in self.owner and (v.op or not part.own)]
        nodes, sources = self._behind(new)
        if not nodes:
            return
        for old in self.parts:
            if old.own is part.own and _same(old.call, part.call):
                others = [s for s in sources if s is not old or not part.own]
                if not any(s is old or s.needs(old) for s in others):
                    part, sources = old, others
                    break
        else:
            self.parts.append(part)
        part.times += 1
        part.nodes += nodes
        part.outs += new
        part.sources += [s for s in sources if s not in part.sources]
        self.owner |= dict.fromkeys(nodes, part)

    def _behind(self, new: list[Value]) -> tuple[list[Value], list[Part]]:
        """The nodes that lead to these and have no part yet, and the parts before."""
        nodes, sources = dict.fromkeys(new), dict[Part, None]()
        waiting = list(new)
        while waiting:
            for parent in waiting.pop().parents:
                if parent in self.owner:
                    sources[self.owner[parent]] = None
                elif parent.op and parent not in nodes:
                    nodes[parent] = None
                    waiting.append(parent)
        return list(nodes), sorted(sources, key=self.parts.index)


def flows_back(told: Pass, parts: Sequence[Part]) -> dict[tuple[Part, Part], float]:
    """How much gradient flows back between two parts: the length of it all.

    The keys are what is used, and the part that is made of it.
    """
    givers = {value: part for part in parts for value in part.outs}
    inside = {node: part for part in parts for node in part.nodes}
    back: dict[tuple[Part, Part], dict[Value, float]] = {}
    for node in graph(told.loss):
        head, delta = inside.get(node.value), told.adjoints.get(node.value, 0.0)
        for parent, slope in zip(node.value.parents, node.partials, strict=True):
            tail = givers.get(parent)
            if head and tail and tail is not head:
                flows = back.setdefault((tail, head), {})
                flows[parent] = flows.get(parent, 0.0) + slope * delta
    return {pair: hypot(*flows.values()) for pair, flows in back.items()}
