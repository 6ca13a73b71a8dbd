"""Networks: modules that hold Values, from one neuron to a whole perceptron.

>>> model = MLP(2, [3, 1], activation="tanh", seed=0)
>>> model
MLP of [Layer of [3 x TanhNeuron(2)], Layer of [LinearNeuron(3)]] (13 parameters)
>>> y = model([0.5, -1.0])
>>> y.backward()
>>> len([p for p in model.parameters() if p.grad != 0])
13
"""

from __future__ import annotations

import math
import operator
import random
from collections import deque
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
    ValuesView,
)
from dataclasses import dataclass
from html import escape
from itertools import chain, groupby
from typing import Any, Self, TypeGuard, TypeVar, cast

from autograd.family import missing, none_of
from autograd.numeric import is_number, number
from autograd.operation import Operation
from autograd.ops import TABLE
from autograd.reductions import dot
from autograd.value import Value, as_value
from autograd.wording import counted, cut
from nn import display
from nn.arguments import unknown, with_names_of_class
from nn.calls import applied, observed
from nn.hints import Activation, Numbers, Output, Row, Stage, Tensor

T = TypeVar("T")
Initializer = Callable[[random.Random, int, int], float]


# ---- what every network is -----------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A named group of parameters, and the module and attribute that hold it."""

    name: str
    tensor: Tensor
    owner: Module
    key: str

    @property
    def frozen(self) -> bool:
        """Whether training leaves it alone."""
        return self.key in self.owner._frozen

    @property
    def values(self) -> list[Value]:
        """Its parameters, one after the other."""
        return _flat(self.tensor)


class Module:
    """A part of a network: anything that holds parameters.

    Write a subclass, keep Values (and other modules) in its attributes, and define
    `__call__`. Parameters are the leaf Values found in attributes, in the order in
    which they were assigned, also inside lists, tuples, dicts, object arrays and other
    modules.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).data, line.state_dict()
    (7.0, {'slope': 2.0, 'offset': 1.0})
    """

    _frozen: frozenset[str] = frozenset()
    training: bool = True
    """Whether `Dropout` leaves numbers out; see `train` and `eval`."""

    def __init_subclass__(cls, **options: object) -> None:
        """Let pictures and texts watch the calls of every class of modules."""
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_names_of_class(cls.__init__)  # type: ignore[method-assign]
        if "__call__" in vars(cls):
            cls.__call__ = observed(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        """Apply the module to one row; defined by each kind of module."""
        raise NotImplementedError(
            f"{type(self).__name__} is a Module that can't be called yet; give it "
            "a method __call__(self, x)"
            + ", the name of forward(self, x) here"
            * ("forward" in dir(type(self)))
        )

    def __getattr__(self, name: str) -> Any:
        raise missing("Module", name, self, shown=type(self).__name__)

    def members(self) -> Iterator[tuple[str, object]]:
        """The named parts to look for parameters in; by default every attribute."""
        yield from vars(self).items()

    def stages(self) -> Iterator[tuple[str, Stage]]:
        """The parts that a call goes through, named as in `state_dict()`.

        By default the modules found among `members()`, in their order; `Sequential`
        yields its functions, too. Files, numbering and pictures follow it.

        >>> [name for name, _ in MLP(2, [3, 1]).stages()]
        ['layers.0', 'layers.1']
        """
        for key, member in self.members():
            yield from _parts(member, key)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once, a part after what it is part of.

        >>> [type(module).__name__ for module in MLP(2, [3, 1]).modules()]
        ['MLP', 'Layer', 'Layer']
        """
        found: dict[Module, None] = {}
        waiting: list[Module] = [self]
        while waiting:
            module = waiting.pop()
            if module not in found:
                found[module] = None
                parts = [part for _, part in module.stages()]
                waiting += [p for p in reversed(parts) if isinstance(p, Module)]
        yield from found

    def train(self, mode: bool = True) -> Self:
        """Switch everything inside to training, as a new model is; returns the model.

        `fit` trains in either mode, and leaves a model switched to its use.
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch everything inside to use: `Dropout` leaves nothing out any more."""
        return self.train(False)

    def entries(self) -> Iterator[Entry]:
        """Each named group of parameters, frozen or not, as in `state_dict()`."""
        yield from _entries(self, "", ())

    def parameters(self) -> list[Value]:
        """The Values that training changes, each once; frozen ones are left out."""
        trained = [entry.values for entry in self.entries() if not entry.frozen]
        return list(dict.fromkeys(chain.from_iterable(trained)))

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """The same with names, such as `layers.0.weight[1][0]`."""
        for entry in self.entries():
            if not entry.frozen:
                yield from named(entry.tensor, entry.name)

    def zero_grad(self, **options: object) -> None:
        """Set the gradient of every parameter, frozen or not, to 0."""
        none_of("zero_grad", options)
        for entry in self.entries():
            for value in entry.values:
                value.grad = 0.0

    def freeze(self, *names: str) -> None:
        """Keep parameters from training: all, or those whose names start so.

        >>> model = MLP(2, [3, 1])
        >>> model.freeze("layers.0")
        >>> len(model.parameters())
        4
        """
        for entry in self._named_entries(names):
            entry.owner._frozen = entry.owner._frozen | {entry.key}

    def unfreeze(self, *names: str) -> None:
        """Let frozen parameters train again: all, or those whose names start so."""
        for entry in self._named_entries(names):
            entry.owner._frozen = entry.owner._frozen - {entry.key}

    def state_dict(self) -> dict[str, Numbers]:
        """Every parameter's number: name to (nested) lists, named as torch names them.

        >>> MLP(1, [1], seed=0).state_dict().keys()
        dict_keys(['layers.0.weight', 'layers.0.bias'])
        """
        return {entry.name: _numbers(entry.tensor) for entry in self.entries()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Set every parameter; also from numpy arrays or a torch network's state.

        Raises ValueError where names are missing or unknown, a shape differs, or two
        names of one parameter have different numbers, and TypeError where something is
        not a number; then nothing is changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                "load_state_dict takes what state_dict() gave, numbers by their names; "
                f"got {cut(repr(state))}: a file is read by nn.load(path)"
            )
        entries = list(self.entries())
        _check_names({entry.name for entry in entries}, set(state))
        found: dict[Value, tuple[str, float]] = {}
        for entry in entries:
            for name, value, data in _pairs(
                entry.tensor, state[entry.name], entry.name
            ):
                first, known = found.setdefault(value, (name, data))
                if known != data and (known == known or data == data):
                    raise ValueError(
                        f"{first} and {name} are the same parameter here, and this "
                        f"state has {known!r} for the one and {data!r} for the other"
                    )
        for value, (_, data) in found.items():
            value.data = data

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self._count()})"

    def _repr_html_(self) -> str:
        state = self.state_dict()
        found: Any = [numbers for numbers in state.values() if _depth(numbers) == 2]
        rows = [[name, _shape(numbers)] for name, numbers in state.items()]
        table = display.table(["parameters", "shape"], rows)
        return escape(repr(self)) + table + display.layers(found)

    def _count(self) -> str:
        """`337 parameters`, each counted once, and how many of them are frozen."""
        every = {value for entry in self.entries() for value in entry.values}
        frozen = len(every) - len(self.parameters())
        count = f"{len(every)} parameter" + ("" if len(every) == 1 else "s")
        return count + (f", {frozen} frozen" if frozen else "")

    def _named_entries(self, names: tuple[str, ...]) -> list[Entry]:
        """The entries at or below each of the names; all of them for no name."""
        entries = list(self.entries())
        for name in names:
            if not any(_below(entry.name, name) for entry in entries):
                known = ", ".join(entry.name for entry in entries)
                raise ValueError(
                    f"no parameters are named {name!r}; there are: {known}"
                )
        return [
            e for e in entries if not names or any(_below(e.name, n) for n in names)
        ]


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


NOT_SEARCHED = (Set, ValuesView, deque)
"""Collections in which no parameter has a name that stays; others are rarely met."""


def _entries(
    module: Module, prefix: str, inside: tuple[Module, ...]
) -> Iterator[Entry]:
    if any(module is outer for outer in inside):
        return  # a part that refers back to its whole
    for key, member in module.members():
        yield from _found(member, module, key, prefix, (*inside, module))


def _found(
    member: Any, owner: Module, key: str, prefix: str, inside: tuple[Module, ...]
) -> Iterator[Entry]:
    """The entries in one attribute, or in one item of a list or dict."""
    if isinstance(member, Module):
        yield from _entries(member, f"{prefix}{key}.", inside)
        return
    member = _unpacked(member)
    if _is_tensor(member):
        yield Entry(prefix + key, member, owner, key)
    elif isinstance(member, (list, tuple, dict)):
        for name, item in _items(member):
            yield from _found(item, owner, f"{key}.{name}", prefix, inside)
    elif isinstance(member, NOT_SEARCHED) and _holds_parameters(member):
        raise TypeError(
            f"{type(owner).__name__}.{key} keeps parameters in a "
            f"{type(member).__name__}, where they are not found; keep them in a list "
            "or a dict"
        )


def _parts(member: object, name: str) -> Iterator[tuple[str, Module]]:
    """The modules in one attribute, also inside lists, dicts and object arrays."""
    if isinstance(member, Module):
        yield name, member
    elif isinstance(member, (list, tuple, dict)):
        for key, item in _items(member):
            if type(item) is not Value:  # of which there may be very many
                yield from _parts(item, f"{name}.{key}")
    elif (items := _unpacked(member)) is not member:
        yield from _parts(items, name)


def _unpacked(member: Any) -> Any:
    """An array of objects as (nested) lists; anything else as it is."""
    if not hasattr(type(member), "dtype"):  # a Module would write an error for its own
        return member
    return member.tolist() if getattr(member.dtype, "kind", "") == "O" else member


def _items(
    members: list[Any] | tuple[Any, ...] | dict[Any, Any],
) -> Iterable[tuple[Any, Any]]:
    """Each item with its index or its key."""
    return members.items() if isinstance(members, dict) else enumerate(members)


def _is_tensor(member: object) -> TypeGuard[Tensor]:
    """Whether this is a parameter, or lists of nothing but parameters."""
    if isinstance(member, Value):
        return not member.op and not member.constant
    if isinstance(member, (list, tuple)):
        if {*map(type, member)} == {Value}:  # as in a row of a matrix
            return not any(x.op or x.constant for x in member)
        return bool(member) and all(map(_is_tensor, member))
    return False


def _holds_parameters(members: Iterable[object]) -> bool:
    return any(isinstance(item, (Value, Module)) for item in members)


def named(tensor: Tensor, name: str = "") -> Iterator[tuple[str, Value]]:
    """Each Value with its index written after the name."""
    if isinstance(tensor, Value):
        yield name, tensor
        return
    for index, item in enumerate(tensor):
        yield from named(item, f"{name}[{index}]")


def _flat(tensor: Tensor) -> list[Value]:
    if isinstance(tensor, Value):
        return [tensor]
    if {*map(type, tensor)} == {Value}:
        return list(cast(Sequence[Value], tensor))
    return [value for item in tensor for value in _flat(item)]


def _numbers(tensor: Tensor) -> Numbers:
    if isinstance(tensor, Value):
        return tensor.data
    return [_numbers(item) for item in tensor]


def _check_names(known: set[str], given: set[str]) -> None:
    missing, unknown = sorted(known - given), sorted(given - known)
    if missing or unknown:
        raise ValueError(
            "this state belongs to another network: "
            + "; ".join(
                f"{what}: {', '.join(names)}"
                for what, names in (("missing", missing), ("unknown", unknown))
                if names
            )
        )


def _pairs(
    tensor: Tensor, data: object, name: str
) -> Iterator[tuple[str, Value, float]]:
    """Each Value with its name and the number that is to become its data."""
    data = data.tolist() if hasattr(data, "tolist") else data
    if isinstance(tensor, Value):
        if not is_number(data):
            raise TypeError(f"{name}: expected a number, got {_short(data)}")
        yield name, tensor, number(data)
        return
    if not isinstance(data, (list, tuple)) or len(data) != len(tensor):
        got = f"{len(data)}" if isinstance(data, (list, tuple)) else _short(data)
        raise ValueError(f"{name}: expected a list of {len(tensor)}, got {got}")
    for index, (item, part) in enumerate(zip(tensor, data, strict=True)):
        yield from _pairs(item, part, f"{name}[{index}]")


def _short(x: object) -> str:
    return cut(repr(x))


def _shape(numbers: Any) -> str:
    """`3 x 2` for three lists of two numbers."""
    sizes = []
    while isinstance(numbers, list):
        sizes.append(str(len(numbers)))
        numbers = numbers[0] if numbers else 0.0
    return " x ".join(sizes) or "a number"


def _depth(numbers: Any) -> int:
    return 1 + _depth(numbers[0]) if isinstance(numbers, list) and numbers else 0


# ---- activations and first weights ---------------------------------------------------

ACTIVATIONS: Mapping[str, Operation] = {
    name: TABLE[name]
    for name in (
        "relu",
        "leaky_relu",
        "elu",
        "softplus",
        "silu",
        "gelu",
        "tanh",
        "sigmoid",
        "sin",
    )
}
"""The activations that have a name; any function of one Value does as well."""


def activation(choice: str | bool | Activation | None) -> Activation | None:
    """The function for an activation's name; None, "linear" and False mean none.

    >>> activation("tanh"), activation("linear")
    (<operation tanh(x)>, None)
    """
    if choice is None or choice is False or choice == "linear":
        return None
    if choice is True:
        return ACTIVATIONS["relu"]  # micrograd: nonlin=True
    if isinstance(choice, str) and choice in ACTIVATIONS:
        return ACTIVATIONS[choice]
    if callable(choice):
        return choice
    if str(choice).lower() == "softmax":
        raise ValueError(
            f"unknown activation {choice!r}: the loss cross_entropy contains it, so "
            "leave the last layer without one"
        )
    known = [*ACTIVATIONS, "linear"]
    raise ValueError(unknown("activation", choice, known, "a function of one Value"))


def uniform(rng: random.Random, nin: int, nout: int) -> float:
    """A weight between -1 and 1, as in micrograd."""
    return rng.uniform(-1.0, 1.0)


def xavier(rng: random.Random, nin: int, nout: int) -> float:
    """A weight within sqrt(6 / (nin + nout)): for tanh and sigmoid.

    Glorot and Bengio (2010): the variances of activations and of gradients stay the
    same from layer to layer.
    """
    bound = math.sqrt(6.0 / (nin + nout))
    return rng.uniform(-bound, bound)


def kaiming(rng: random.Random, nin: int, nout: int) -> float:
    """A weight within sqrt(6 / nin): for relu and its relatives.

    He et al. (2015): twice the variance, since relu drops half of its inputs.
    """
    bound = math.sqrt(6.0 / nin)
    return rng.uniform(-bound, bound)


INITIALIZERS: Mapping[str, Initializer] = {
    "uniform": uniform,
    "xavier": xavier,
    "kaiming": kaiming,
}
RECTIFIERS = ("relu", "leaky_relu", "elu", "softplus", "silu", "gelu")


def initializer(choice: str | Initializer, chosen: Activation | None) -> Initializer:
    """The rule for first weights; "auto" is the one that suits the activation."""
    if choice == "auto":
        name = getattr(chosen, "__name__", "")
        return kaiming if name in RECTIFIERS else xavier
    if isinstance(choice, str) and choice in INITIALIZERS:
        return INITIALIZERS[choice]
    if callable(choice):
        return choice
    raise ValueError(
        f"unknown initializer {choice!r}; choose auto, {', '.join(INITIALIZERS)}, or "
        "pass a function of (random generator, nin, nout)"
    )


def generator(seed: int | random.Random | None) -> random.Random:
    """A source of randomness; without a seed it follows Python's `random.seed()`."""
    if isinstance(seed, random.Random):
        return seed
    return random.Random(random.getrandbits(64) if seed is None else seed)


# ---- neurons and layers --------------------------------------------------------------


class Neuron(Module):
    """activation(w1*x1 + ... + wn*xn + b), with weights `w` and bias `b`.

    nin: how many inputs.
    activation: a name (see `ACTIVATIONS`), a function of one Value, or None.
    nonlin: False for no activation, as micrograd spells it.
    seed: for the first weights; the same seed gives the same bits.
    init: "auto" (by the activation), "uniform", "xavier", "kaiming", or a function.

    >>> n = Neuron(2, activation="tanh", seed=0)
    >>> [p.label for p in n.parameters()]
    ['w1', 'w2', 'b']
    """

    def __init__(
        self,
        nin: int,
        activation: str | bool | Activation | None = "relu",
        *,
        nonlin: bool = True,
        seed: int | random.Random | None = None,
        init: str | Initializer = "auto",
        nout: int = 1,
    ) -> None:
        nin = positive(nin, "nin")
        self.activation = _activation(activation if nonlin else None)
        first = initializer(init, self.activation)
        rng = generator(seed)
        self.w = [Value(first(rng, nin, nout), f"w{i + 1}") for i in range(nin)]
        self.b = Value(0.0, "b")

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation."""
        return self.activation is not None

    def __call__(self, x: Row) -> Value:
        """The output for one row of inputs: numbers, a numpy row, or Values."""
        return self._fire(row(x, len(self.w), self))

    def _fire(self, x: list[Value]) -> Value:
        z = dot(self.w, x) + self.b
        return z if self.activation is None else self.activation(z)

    def __repr__(self) -> str:
        return f"{_title(self.activation)}Neuron({len(self.w)})"


_activation = activation  # the constructors have an argument of that name


def _title(chosen: Activation | None) -> str:
    """`ReLU`, `Tanh`, `LeakyReLU`: the operation's symbol in capitals, without _."""
    if chosen is None:
        return "Linear"
    name = getattr(chosen, "__name__", type(chosen).__name__)
    words = (word[:1].upper() + word[1:] for word in name.split("_"))
    return "".join(words).replace("Relu", "ReLU")


class Layer(Module):
    """Neurons that see the same inputs.

    nin, nout: how many inputs and neurons. The other arguments: see `Neuron`.

    A call returns a list of `nout` Values, or the bare Value where `nout` is 1.
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str | bool | Activation | None = "relu",
        *,
        nonlin: bool = True,
        seed: int | random.Random | None = None,
        init: str | Initializer = "auto",
    ) -> None:
        nout = positive(nout, "nout")
        rng = generator(seed)
        chosen = _activation(activation if nonlin else None)
        self.neurons = [
            Neuron(nin, chosen, seed=rng, init=init, nout=nout) for _ in range(nout)
        ]
        self.name_parameters()

    @property
    def nin(self) -> int:
        """How many inputs."""
        return len(self.neurons[0].w)

    @property
    def nout(self) -> int:
        """How many neurons."""
        return len(self.neurons)

    @property
    def activation(self) -> Activation | None:
        """The neurons' activation, or None."""
        return self.neurons[0].activation

    def members(self) -> Iterator[tuple[str, object]]:
        """`weight`, of shape (nout, nin), and `bias`, as in torch's Linear."""
        yield "weight", [neuron.w for neuron in self.neurons]
        yield "bias", [neuron.b for neuron in self.neurons]
        yield "activation", self.activation

    def name_parameters(self, number: int | None = None) -> None:
        """Label weights `W[row,column]` and biases `b[row]`, after W the number."""
        layer = "" if number is None else str(number)
        columns = [f"{j}]" for j in range(1, self.nin + 1)]
        for i, neuron in enumerate(self.neurons, 1):
            neuron.b.label, row = f"b{layer}[{i}]", f"W{layer}[{i},"
            for w, column in zip(neuron.w, columns, strict=True):
                w.label = row + column

    def __call__(self, x: Row) -> Output:
        """The outputs for one row of inputs: numbers, a numpy row, or Values."""
        return bare(self._fire(row(x, self.nin, self)))

    def _fire(self, x: list[Value]) -> list[Value]:
        return [neuron._fire(x) for neuron in self.neurons]

    def __repr__(self) -> str:
        runs = [
            (name, len(list(run))) for name, run in groupby(map(repr, self.neurons))
        ]
        names = [name if n == 1 else f"{n} x {name}" for name, n in runs]
        return f"Layer of [{', '.join(names)}]"


class MLP(Module):
    """A multi-layer perceptron: layers, each fully connected to the one before.

    nin: how many inputs.
    nouts: how many neurons in each layer, the last being the outputs.
    activation: of all layers but the last.
    output_activation: of the last; None leaves logits, which the losses named
        `..._with_logits`, `hinge` and `cross_entropy` expect.
    seed, init: see `Neuron`.

    Parameters are labeled `W1[1,2]` (layer 1, neuron 1, input 2) and `b1[1]`.

    >>> model = MLP(3, [4, 4, 1], seed=1)
    >>> [p.label for p in model.parameters()][:4]
    ['W1[1,1]', 'W1[1,2]', 'W1[1,3]', 'W1[2,1]']
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str | bool | Activation | None = "relu",
        output_activation: str | Activation | None = None,
        seed: int | random.Random | None = None,
        *,
        init: str | Initializer = "auto",
    ) -> None:
        sizes = [positive(nin, "nin"), *_sizes(nouts)]
        hidden, rng = _activation(activation), generator(seed)
        last = len(sizes) - 2
        self.layers = [
            Layer(
                sizes[i],
                sizes[i + 1],
                output_activation if i == last else hidden,
                seed=rng,
                init=init,
            )
            for i in range(last + 1)
        ]
        number_layers(self)

    def __call__(self, x: Row) -> Output:
        """The outputs for one row: a list of Values, or the bare Value of one."""
        out: Any = row(x, self.layers[0].nin, self)
        for name, layer in self.stages():
            out = applied(name, layer, out)
        return cast(Output, out)

    def __repr__(self) -> str:
        return f"MLP of {self.layers!r} ({self._count()})"


class Sequential(Module):
    """Modules and functions, each applied to what the one before returned.

    An activation's name, or an operation of autograd, applies to each output in turn;
    any other function gets the whole list. State names are `0.weight`, `0.bias`,
    `2.weight` and so on, as in torch's Sequential.

    >>> model = Sequential(Layer(2, 3, None), "tanh", Layer(3, 1, None))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *steps: str | Stage) -> None:
        self.steps = [_step(step) for step in steps]
        number_layers(self)

    def members(self) -> Iterator[tuple[str, object]]:
        """The steps, named by their positions."""
        for index, step in enumerate(self.steps):
            yield str(index), step

    def stages(self) -> Iterator[tuple[str, Stage]]:
        """The steps as functions of a whole row, named by their positions."""
        for index, step in enumerate(self.steps):
            yield str(index), Each(step) if isinstance(step, Operation) else step

    def __call__(self, x: Row) -> Output:
        """What the last step returns for one row of inputs."""
        out: Any = x
        for name, step in self.stages():
            out = applied(name, step, out)
        return cast(Output, out)

    def __repr__(self) -> str:
        steps = ", ".join(
            repr(step) if isinstance(step, Module) else title(step)
            for step in self.steps
        )
        return f"Sequential of [{steps}] ({self._count()})"


def _step(step: str | Stage) -> Stage:
    if isinstance(step, str):
        return activation(step) or identity
    if not callable(step):
        raise TypeError(
            f"Sequential takes modules, functions and activations' names; got {step!r}"
        )
    return step


def identity(x: T) -> T:
    """X itself: what the activation "linear" does."""
    return x


def title(part: object) -> str:
    """What a part of a network is called: a module by its class, a function by name."""
    named = type(part) if isinstance(part, Module) else part
    return str(getattr(named, "__name__", None) or repr(part))


@dataclass(frozen=True)
class Each:
    """An operation, applied to each number of a row."""

    operation: Operation

    @property
    def __name__(self) -> str:
        return self.operation.name

    def __call__(self, x: Any) -> Any:
        """The operation of one number, or of each in (nested) lists."""
        if isinstance(x, Value) or is_number(x):
            return self.operation(x)
        return [self(item) for item in x]


def number_layers(module: Module) -> None:
    """Label the parameters of every layer inside: `W1[1,2]`, `b1[1]`, `W2[1,1]` ...

    Layers of the same weights have one number.
    """
    numbers: dict[Value, int] = {}
    for part in module.modules():
        if isinstance(part, Layer):
            weight = part.neurons[0].w[0]
            part.name_parameters(numbers.setdefault(weight, len(numbers) + 1))


# ---- rows in, outputs out ------------------------------------------------------------


def row(x: Any, nin: int, module: Module) -> list[Value]:
    """One row of inputs as Values; numbers become constants, shared by all neurons."""
    if isinstance(x, Value) or is_number(x):
        x = [x]  # one input needs no brackets
    if isinstance(x, (str, bytes, Mapping)) or not isinstance(x, Iterable):
        raise TypeError(
            f"this {type(module).__name__} takes a row of {counted(nin, 'number')}, a "
            f"list; got {cut(repr(x))} of type {type(x).__name__}"
        )
    items = x.tolist() if hasattr(x, "tolist") else list(x)
    if len(items) != nin or isinstance(items[0], (list, tuple)):
        raise _not_a_row(items, nin, module)
    return [as_value(item) for item in items]


def _not_a_row(items: list[Any], nin: int, module: Module) -> Exception:
    if items and isinstance(items[0], Iterable) and not isinstance(items[0], str):
        return TypeError(
            "a network takes one row at a time; for a table write "
            "[model(row) for row in X]"
        )
    return ValueError(
        f"this {type(module).__name__} takes {nin} inputs, got {len(items)}"
    )


def bare(values: list[Value]) -> Output:
    """The only Value of a list of one, otherwise the list."""
    return cast(Output, values[0] if len(values) == 1 else values)


def positive(count: Any, name: str) -> int:
    """A size as an int. Raises ValueError unless it is a whole number from 1."""
    try:
        size = operator.index(count)
    except TypeError:
        size = 0
    if size < 1 or isinstance(count, bool):
        raise ValueError(f"{name} is a whole number from 1; got {count!r}")
    return size


def _sizes(nouts: object) -> list[int]:
    if isinstance(nouts, str) or not isinstance(nouts, Iterable):
        raise TypeError(
            f"nouts is a list of layer sizes, such as [16, 16, 1]; got {nouts!r}"
        )
    sizes = [positive(nout, "a layer's size") for nout in nouts]
    if not sizes:
        raise ValueError("nouts is empty; the last number in it is the outputs'")
    return sizes
