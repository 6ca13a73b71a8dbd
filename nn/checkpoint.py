"""Files: a model as JSON that a person can read, exact to the last bit.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], seed=0)
    >>> save(model, "model.json")  # doctest: +SKIP
    >>> load("model.json")  # doctest: +SKIP
    MLP of [Layer of [3 x ReLUNeuron(2)], Layer of [LinearNeuron(3)]] (13 parameters)

A file says what it is, in which version, how the network is built, and what its
parameters are; numbers are written so that reading gives the same bits. Reading never
runs code: names are looked up in fixed tables, and every type and size is checked
before anything is built.
"""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from autograd.files import Path, reading, write_whole
from autograd.value import Value
from autograd.wording import cut, expect
from nn.attention import GPT
from nn.cells import COMPACT, FORMATS
from nn.data import Scaling, as_column, table
from nn.encoding import (
    CYCLES,
    CategoryField,
    DateField,
    Encoding,
    Field,
    NumberField,
    Reading,
)
from nn.extras import require
from nn.hints import (
    Activation,
    Array,
    Numbers,
    Stage,
    Target,
    Targets,
    TrainingState,
)
from nn.kinds import KINDS, built, kind_of
from nn.module import (
    ACTIVATIONS,
    MLP,
    Layer,
    Module,
    Neuron,
    Sequential,
    identity,
    named,
    number_layers,
)
from nn.recurrent import PerPosition
from nn.targets import Labels, as_predictions
from nn.tokens import UNITS, Vocabulary

FORMAT = "chainrule model"
VERSION = 1
LARGEST_FILE = 256 * 2**20
LARGEST_NETWORK = 1_000_000
"""More bytes, or more parameters, than this are refused before they fill the memory."""


@dataclass(frozen=True)
class Context:
    """What a model's inputs and outputs mean.

    features: the names of the input columns, in order. target: what is told.
    scaling: what is done to the inputs first. labels: how outputs become classes.
    target_scaling: what was done to targets that are numbers, one per row; outputs are
        on that scale.
    encoding: how a table's columns become the inputs; None where they are the inputs.
    vocabulary: what tokens stand for, for a model of a text.
    """

    features: tuple[str, ...] = ()
    target: str = ""
    scaling: Scaling | None = None
    labels: Labels | None = None
    target_scaling: Scaling | None = None
    encoding: Encoding | None = None
    vocabulary: Vocabulary | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the table's columns that the inputs are made of."""
        return self.encoding.columns if self.encoding else self.features

    @property
    def unit(self) -> float:
        """How much of the target's own unit 1 in the outputs is."""
        return self.target_scaling.deviation[0] if self.target_scaling else 1.0

    @property
    def note(self) -> str:
        """What the numbers of a row are, where they are no longer the table's."""
        kinds = {"inputs": self.scaling, "target": self.target_scaling}
        found = " and ".join(kind for kind, scaling in kinds.items() if scaling)
        return f"{found} scaled as in training" if found else ""

    def inputs(self, X: Any) -> Array:
        """A table as the model takes it.

        X: N rows of I numbers; where there is an encoding also a table as it reads
            them, of texts and numbers. An array with a column for each of `features`
            is taken as encoded.
        """
        if self.encoding is None or _is_array(X, len(self.features)):
            return self.scaling(X) if self.scaling else table(X)
        read = table(self.encoding.read(X).X)
        return self.scaling.scaled(read, into=read) if self.scaling else read

    def parts(self, X: Any) -> Iterator[Array]:
        """The same, of a table that is read some rows at a time; or of a `Reading`."""
        if self.encoding is None or _is_array(X, len(self.features)):
            yield self.inputs(X)
            return
        found = X if isinstance(X, Reading) else self.encoding.read(X)
        for part in found.parts():
            yield self.scaling.scaled(part, into=part) if self.scaling else part

    def scaled(self, X: Array) -> Array:
        """Rows that are encoded, as the model takes them."""
        return self.scaling(X) if self.scaling else X

    def places(self) -> list[tuple[str, Sequence[int]]]:
        """Each of the table's columns, and which inputs it became."""
        if self.encoding is None:
            return [(name, [place]) for place, name in enumerate(self.features)]
        found: list[tuple[str, Sequence[int]]] = []
        start = 0
        for field in self.encoding.fields:
            stop = start + len(field.inputs)
            found.append((field.name, range(start, stop)))
            start = stop
        return found

    def targets(self, y: Sequence[Target]) -> Targets:
        """Targets as the model learns them: an array where they are scaled."""
        if self.target_scaling is None:
            return y
        scaled: Array = self.target_scaling(as_column(y))[:, 0]
        return scaled

    def predictions(self, outputs: Array) -> list[Any]:
        """The classes, or the numbers in the target's own unit, that outputs mean.

        outputs: of shape (N,) or (N, K).
        """
        rows = outputs.reshape(len(outputs), -1)
        if self.labels is not None:
            return self.labels.name(rows)
        if self.target_scaling is not None:
            rows = self.target_scaling.undo(rows)
        return as_predictions(rows)


def _is_array(X: object, columns: int) -> bool:
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    return kind == "f" and getattr(X, "shape", ())[1:] == (columns,)


@dataclass(frozen=True)
class Checkpoint:
    """All that a file holds: the model, its context, and a training to go on with."""

    model: Module
    context: Context
    training: TrainingState | None = None


def save(
    model: Module,
    path: Path,
    *,
    context: Context | None = None,
    training: TrainingState | None = None,
) -> None:
    """Write a model; the file appears whole or not at all.

    context: what inputs and outputs mean, so that others can use the model.
    training: the state from which a training can go on; `fit(checkpoint=...)` fills it.

    A module of a class of your own is saved as its parameters and the modules in it;
    see `load`. Parameters that two places share are one again after loading.
    Raises ValueError where a parameter is inf or nan, which JSON can't hold, and for
    more parameters than `load` accepts (see `LARGEST_NETWORK`).
    """
    expect(model, Module, "save(model, path)")
    parameters = _finite(model.state_dict())
    content: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": _architecture(model),
        "parameters": parameters,
        "frozen": [entry.name for entry in model.entries() if entry.frozen],
    }
    if shared := _shared(model):
        content["shared"] = shared
    if context is not None:
        content["context"] = _plain_context(context)
    if training is not None:
        content["training"] = _plain_training(training)
    data = (_pretty(content) + "\n").encode()
    count = sum(len(_leaves(numbers)) for numbers in parameters.values())
    if count > LARGEST_NETWORK or len(data) > LARGEST_FILE:
        raise ValueError(
            f"{count} parameters in {len(data)} bytes are more than `load` accepts; "
            "export_safetensors writes the weights of larger models"
        )
    write_whole(path, data)


def load(path: Path, into: Module | None = None) -> Module:
    """Read a model that `save` wrote.

    into: a model to put the parameters into, which a module of a class of your own
        needs, also one inside a `Sequential`: a file can't say how to make it.

    Raises ValueError, with the reason, for a file that is damaged or something else,
    and for a model to load into that is built in another way; it is then unchanged.

    >>> from nn import MLP
    >>> from tempfile import TemporaryDirectory
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.json")
    ...     again = load(f"{folder}/model.json")
    >>> again.state_dict() == model.state_dict()
    True
    """
    return load_checkpoint(path, into).model


HOW_MADE = "chainrule train moons writes trained/model.json, nn.save(model, path) any"


def load_checkpoint(
    path: Path, into: Module | None = None, how_made: str = HOW_MADE
) -> Checkpoint:
    """Read all that a file holds. Raises ValueError as `load` does.

    how_made: what to say where there is no file.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"load takes the path of a file that save wrote; got {path!r}")
    if not isinstance(into, Module | None):
        raise TypeError(f"load(path, into=model) takes a Module; got {cut(repr(into))}")
    try:
        return _checkpoint(_parse(_written_in(path, how_made)), into)
    except RecursionError:
        raise ValueError(
            f"{path} is not a chainrule model: nested too deeply"
        ) from None
    except OtherModelError as error:
        raise OtherModelError(f"{path} holds a model that is {error}") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{path} is not a chainrule model: {error}") from None


class OtherModelError(ValueError):
    """The model to load a file into is another one than the file's."""


def _written_in(path: Path, how_made: str) -> str:
    with reading(path, how_made):
        size = os.path.getsize(path)
        if size > LARGEST_FILE:
            raise ValueError(f"it has {size} bytes, more than a model's {LARGEST_FILE}")
        with open(path, "rb") as file:
            return _read_as_text(file.read())


_WEIGHTS = "its numbers go into a model whose names they have: model.load_state_dict("
NOT_TEXT = {
    b"\x1f\x8b": "it is packed, by gzip: unpack it before",
    b"BZh": "it is packed, by bzip2: unpack it before",
    b"\xfd7zXZ": "it is packed, by xz: unpack it before",
    b"PK": f"it is a zip archive; if torch.save wrote it, {_WEIGHTS}torch.load(path))",
    b"\x80": f"it is a pickle; if torch.save wrote it, {_WEIGHTS}torch.load(path))",
    b"\x89HDF": "it is an HDF5 file, as Keras writes them; a model is read as JSON",
    b"\xff\xfe": "it is in UTF-16: save it as UTF-8",
    b"\xfe\xff": "it is in UTF-16: save it as UTF-8",
}
"""What is said of a file that is no text, by what it begins with."""


def _read_as_text(data: bytes) -> str:
    """The text of a file; an editor may have put a mark of its encoding before it."""
    for begins, words in NOT_TEXT.items():
        if data.startswith(begins):
            raise ValueError(words)
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        raise ValueError(
            "it is in the safetensors format, weights alone; "
            f"{_WEIGHTS}safetensors.numpy.load_file(path))"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"its byte {error.start + 1} is no text in UTF-8") from None


def export_safetensors(model: Module, path: Path) -> None:
    """Write the weights alone, as float64 tensors, in the safetensors format.

    torch reads them with `safetensors.torch.load_file(path)`. Raises ValueError for
    nested lists that are not rectangular.
    """
    expect(model, Module, "export_safetensors(model, path)")
    require("numpy")
    require("safetensors")
    import numpy as np
    from safetensors.numpy import save as as_bytes

    tensors = {k: np.array(v, dtype=np.float64) for k, v in model.state_dict().items()}
    write_whole(path, as_bytes(tensors))


# ---- writing -------------------------------------------------------------------------


def _architecture(model: Module, own: bool = False) -> dict[str, object]:
    """How a network is built, in names and sizes.

    own: whether it is part of a class of someone's own, which is made by their code, so
        that its functions need no names.
    """
    kind = type(model).__name__
    if type(model) is MLP:
        return {"kind": kind, "layers": [_architecture(x, own) for x in model.layers]}
    if type(model) is Layer:
        name = _activation_name(model.activation, own)
        return {"kind": kind, "nin": model.nin, "nout": model.nout, "activation": name}
    if type(model) is Neuron:
        name = _activation_name(model.activation, own)
        return {"kind": kind, "nin": len(model.w), "activation": name}
    if type(model) is Sequential:
        return {"kind": kind, "steps": [_step(step, own) for step in model.steps]}
    if type(model) is PerPosition:
        return {"kind": kind, "each": _architecture(model.each, own)}
    if known := kind_of(model):
        return {"kind": kind, **_plain_arguments(known.read(model), own)}
    parts = {name: _step(part, own=True) for name, part in model.stages()}
    return {"kind": "custom", "class": kind} | ({"parts": parts} if parts else {})


def _plain_arguments(arguments: dict[str, Any], own: bool) -> dict[str, Any]:
    """What makes a part, its activation by name."""
    return {
        name: _activation_name(value, own) if name == "activation" else value
        for name, value in arguments.items()
    }


def _step(step: Stage, own: bool) -> dict[str, object] | str:
    if isinstance(step, Module):
        return _architecture(step, own)
    return _activation_name(step, own)


def _activation_name(function: Stage | None, own: bool) -> str:
    if function is None or function is identity:
        return "linear"
    name = getattr(function, "__name__", "")
    if ACTIVATIONS.get(name) is function:
        return str(name)
    if own:
        return "custom"
    raise ValueError(
        f"a file can't hold the function {name or function!r}; save a model whose "
        f"activations have names ({', '.join(ACTIVATIONS)}), or put the layers "
        "into a Module class of your own and load with load(path, into=model)"
    )


def _shared(model: Module) -> dict[str, str]:
    """Each name whose parameters have another name before, and that one.

    Names of groups, as in `state_dict()`, where all of a group is shared so; else of
    single parameters.
    """
    first: dict[Value, str] = {}
    groups: dict[tuple[Value, ...], str] = {}
    found: dict[str, str] = {}
    for entry in model.entries():
        pairs = list(named(entry.tensor, entry.name))
        whole = groups.setdefault(tuple(value for _, value in pairs), entry.name)
        if whole != entry.name:
            found[entry.name] = whole
            continue
        for name, value in pairs:
            if (known := first.setdefault(value, name)) != name:
                found[name] = known
    return found


def _finite(parameters: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    for name, numbers in parameters.items():
        for number in _leaves(numbers):
            if not math.isfinite(number):
                raise ValueError(
                    f"{name} holds {number!r}, which no JSON file can; the model is of "
                    "no use as it is, so nothing was written"
                )
    return parameters


def _leaves(numbers: object) -> list[Any]:
    """The numbers of nested lists, one after another."""
    if not isinstance(numbers, list):
        return [numbers]
    return [leaf for item in numbers for leaf in _leaves(item)]


def _plain_context(context: Context) -> dict[str, object]:
    return {
        "features": list(context.features),
        "target": context.target,
        "scaling": context.scaling and asdict(context.scaling),
        "labels": context.labels and asdict(context.labels),
        "target_scaling": context.target_scaling and asdict(context.target_scaling),
        **({"encoding": context.encoding.plain()} if context.encoding else {}),
        **({"vocabulary": asdict(context.vocabulary)} if context.vocabulary else {}),
    }


def _plain_training(training: TrainingState) -> dict[str, object]:
    """JSON has no nan and no inf: they become the texts that `float` reads."""
    found: dict[str, object] = _readable(dict(training))
    return found


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_readable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(float(value))
    return value


def _pretty(value: object, indent: str = "") -> str:
    """JSON with a line per name and per row of numbers."""
    deeper = indent + "  "
    flat = json.dumps(value, allow_nan=False)
    if len(flat) <= 80 and flat.count("{") == 1 and "[" not in flat:
        return flat
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(k)}: {_pretty(v, deeper)}" for k, v in value.items()]
        return "{\n" + ",\n".join(deeper + line for line in lines) + f"\n{indent}}}"
    if isinstance(value, (list, tuple)) and any(
        isinstance(item, (list, tuple, dict)) for item in value
    ):
        lines = [_pretty(item, deeper) for item in value]
        return "[\n" + ",\n".join(deeper + line for line in lines) + f"\n{indent}]"
    return flat


# ---- reading -------------------------------------------------------------------------


def _parse(text: str) -> dict[str, object]:
    try:
        content = json.loads(
            text, object_pairs_hook=_no_doubles, parse_constant=_no_nan
        )
    except json.JSONDecodeError as error:
        raise ValueError(
            f"line {error.lineno}, column {error.colno} is not JSON, as nn.save and "
            "chainrule train write it"
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'it does not say "format": "{FORMAT}"')
    version = _whole(content, "version")
    if version != VERSION:
        raise ValueError(
            f"it has the version {version}; this chainrule reads version {VERSION}"
        )
    return content


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name comes twice")
    return content


def _no_nan(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _checkpoint(content: dict[str, object], into: Module | None) -> Checkpoint:
    architecture = _object(content, "architecture")
    parameters = _object(content, "parameters")
    frozen = _texts(content, "frozen")
    for name, numbers in parameters.items():
        _check_numbers(numbers, name)
    if not set(frozen) <= set(parameters):
        raise ValueError("it freezes parameters that it does not hold")
    shared = _object(content, "shared") if "shared" in content else {}
    context = _context(content.get("context"))
    training = content.get("training")
    training = None if training is None else _training(_object(content, "training"))
    model = _build(architecture, into, parameters)
    if not _fits(context, model):
        raise ValueError("its context does not fit its network")
    _share(model, shared, into is None)
    model.load_state_dict(parameters)
    model.unfreeze()
    if frozen:
        model.freeze(*frozen)
    return Checkpoint(model.eval(), context, training)


def _build(
    architecture: dict[str, object], into: Module | None, parameters: dict[str, object]
) -> Module:
    """The network itself, with first weights that are then overwritten."""
    if into is not None:
        if found := _difference(_architecture(into, own=True), architecture):
            raise OtherModelError(
                f"built in another way than the one to load it into: {found}"
            )
        return into
    count = _count(architecture)
    if count > LARGEST_NETWORK or count != sum(
        len(_leaves(v)) for v in parameters.values()
    ):
        raise ValueError(
            f"its architecture has {count} parameters, which is not what it holds"
        )
    return _network(architecture)


def _difference(mine: object, saved: object, place: str = "model") -> str:
    """Where two architectures first differ, in words, as far as the file tells; or "".

    A class of someone's own may have got another name, and files of old do not tell
    what is in it; that its parameters have the same names and shapes is checked anyway.
    """
    if isinstance(mine, dict) and isinstance(saved, dict):
        kinds = mine.get("kind"), saved.get("kind")
        if kinds == ("custom", "custom"):
            parts = mine.get("parts"), saved.get("parts", mine.get("parts"))
            return _difference(*parts, place)
        if kinds[0] != kinds[1] or mine.keys() != saved.keys():
            return _apart(place, *kinds)
        inside = (_difference(mine[n], saved[n], f"{place}.{n}") for n in mine)
        return next(filter(None, inside), "")
    if isinstance(mine, list) and isinstance(saved, list):
        if len(mine) != len(saved):
            return _apart(f"len({place})", len(mine), len(saved))
        both = enumerate(zip(mine, saved, strict=True))
        inside = (_difference(*pair, f"{place}[{i}]") for i, pair in both)
        return next(filter(None, inside), "")
    return "" if mine == saved else _apart(place, mine, saved)


def _apart(place: str, mine: object, saved: object) -> str:
    return f"{place} is {_shown(saved)} in the file and {_shown(mine)} here"


def _share(model: Module, shared: Mapping[str, object], new: bool) -> None:
    """Make parameters one that the file says are one.

    new: whether the model is one just built; one of the user's has to share them
        already, or ValueError is raised.
    """
    known = _by_name(model)
    one: dict[Value, Value] = {}
    for later, first in shared.items():
        here, there = known.get(later, []), known.get(str(first), [])
        if not here or len(here) != len(there):
            raise ValueError(f"it shares {_shown(later)} with {_shown(first)}")
        if not new and here != there:
            raise ValueError(
                f"{later} and {first} are the same parameters in the file, and not in "
                "the model to load it into"
            )
        one.update(zip(here, there, strict=True))
    if one and new:
        _replace(model, one)


def _by_name(model: Module) -> dict[str, list[Value]]:
    """The Values of each group of parameters, and of each single one, by name."""
    known: dict[str, list[Value]] = {}
    for entry in model.entries():
        pairs = list(named(entry.tensor, entry.name))
        known |= {name: [value] for name, value in pairs}
        known[entry.name] = [value for _, value in pairs]
    return known


def _replace(model: Module, one: Mapping[Value, Value]) -> None:
    """Put other parameters in place of a new network's."""
    for module in model.modules():
        parts = [module, *(module.neurons if isinstance(module, Layer) else [])]
        for part in parts:
            for name, member in list(vars(part).items()):
                setattr(part, name, _replaced(member, one))
    number_layers(model)


def _replaced(member: Any, one: Mapping[Value, Value]) -> Any:
    """A member of a module, with other parameters in (nested) lists."""
    if isinstance(member, Value):
        return one.get(member, member)
    return [_replaced(x, one) for x in member] if isinstance(member, list) else member


def _count(part: object) -> int:
    """How many parameters an architecture has, before anything is built."""
    part = part if isinstance(part, dict) else {}
    kind = part.get("kind")
    if kind == "Neuron":
        return _size(part, "nin") + 1
    if kind == "Layer":
        return (_size(part, "nin") + 1) * _size(part, "nout")
    if kind == "MLP":
        return sum(_count(layer) for layer in _list(part, "layers"))
    if kind == "Sequential":
        steps = _list(part, "steps")
        return sum(_count(step) for step in steps if not isinstance(step, str))
    if kind == "PerPosition":
        return _count(part.get("each"))
    if kind in KINDS and isinstance(kind, str):
        return KINDS[kind].count(**_arguments(part))
    if kind == "custom":
        raise ValueError(
            f"it holds the parameters of a class {_text(part, 'class')!r} of someone's "
            "own; make such a model and load with load(path, into=model)"
        )
    raise ValueError(f"unknown kind of module {_shown(kind)}")


def _arguments(part: dict[str, object]) -> dict[str, Any]:
    """What makes a part of a kind in the table, each argument checked for its type."""
    kind = _text(part, "kind")
    wanted = set(inspect.signature(KINDS[kind].make).parameters) - FIRST_WEIGHTS
    if part.keys() - {"kind"} != wanted:
        raise ValueError(f"its {kind} takes {', '.join(sorted(wanted)) or 'nothing'}")
    return {name: _argument(part, name) for name in sorted(wanted)}


FIRST_WEIGHTS = {"seed", "deviation"}
"""The arguments that a file does not hold, since it holds the weights."""


def _argument(part: dict[str, object], name: str) -> Any:
    value = part[name]
    if name in ("causal", "tied"):
        if not isinstance(value, bool):
            raise ValueError(f"its {name} is not true or false but {_shown(value)}")
        return value
    if name in ("eps", "dropout", "p"):
        (number,) = _floats({name: [value]}, name)
        return number
    if name == "activation":
        return _activation(part)
    if name == "sizes":
        return [_size({name: size}, name) for size in _list(part, name)]
    return 0 if name == "padding" and value == 0 else _size(part, name)


def _network(part: dict[str, object]) -> Module:
    kind = part["kind"]
    if kind in KINDS:
        return built(KINDS[str(kind)], _arguments(part))
    if kind == "PerPosition":
        return PerPosition(_network(_object(part, "each")))
    if kind == "Neuron":
        return Neuron(_size(part, "nin"), _activation(part), seed=0)
    if kind == "Layer":
        return Layer(_size(part, "nin"), _size(part, "nout"), _activation(part), seed=0)
    if kind == "Sequential":
        steps = _list(part, "steps")
        return Sequential(*[s if isinstance(s, str) else _network(s) for s in steps])
    return _mlp(_list(part, "layers"))


def _mlp(layers: list[dict[str, object]]) -> MLP:
    sizes = [_size(layer, "nin") for layer in layers if layer.get("kind") == "Layer"]
    nouts = [_size(layer, "nout") for layer in layers if layer.get("kind") == "Layer"]
    if not layers or len(sizes) != len(layers) or sizes[1:] != nouts[:-1]:
        raise ValueError("the layers of its MLP do not fit together")
    model = MLP(sizes[0], nouts, seed=0)
    for layer, part in zip(model.layers, layers, strict=True):
        for neuron in layer.neurons:
            neuron.activation = _activation_of(part)
    return model


def _activation_of(part: dict[str, object]) -> Activation | None:
    name = _activation(part)
    return None if name == "linear" else ACTIVATIONS[name]


def _activation(part: dict[str, object]) -> str:
    name = _text(part, "activation")
    if name != "linear" and name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {_shown(name)}")
    return name


def _context(content: object) -> Context:
    if content is None:
        return Context()
    if not isinstance(content, dict):
        raise ValueError("its context is not an object")
    return Context(
        features=tuple(_texts(content, "features")),
        target=_text(content, "target"),
        scaling=_scaling(content, "scaling"),
        labels=_labels(content),
        target_scaling=_scaling(content, "target_scaling"),
        encoding=_encoding(content),
        vocabulary=_vocabulary(content),
    )


def _vocabulary(content: dict[str, object]) -> Vocabulary | None:
    if content.get("vocabulary") is None:
        return None
    content = _object(content, "vocabulary")
    symbols, unit = _texts(content, "symbols"), _text(content, "unit")
    if unit not in UNITS or len(set(symbols)) != len(symbols) or not all(symbols):
        raise ValueError("its vocabulary is not one of different characters or words")
    return Vocabulary(tuple(symbols), unit)


def _encoding(content: dict[str, object]) -> Encoding | None:
    if content.get("encoding") is None:
        return None
    content = _object(content, "encoding")
    fields = []
    for part in _list(content, "fields"):
        field = _object({"field": part}, "field")
        fields.append(_field(field))
    return Encoding(
        tuple(fields), tuple(_texts(content, "missing")), _sign(content, "decimal")
    )


def _field(part: dict[str, object]) -> Field:
    """How one column is encoded, each value checked for its type."""
    kind, name, missing = _text(part, "kind"), _text(part, "name"), part.get("missing")
    if not isinstance(missing, bool):
        raise ValueError(f"its missing is not true or false but {_shown(missing)}")
    if kind == "category":
        values, rare = _texts(part, "values"), _texts(part, "rare")
        return CategoryField(name, tuple(values), tuple(rare), missing)
    (median,) = _floats({"median": [part.get("median")]}, "median")
    if kind == "number":
        unit = _text({"unit": "", **part}, "unit")  # of a newer file
        return NumberField(name, median, missing, _sign(part, "decimal"), unit)
    cycles = _texts(part, "cycles")
    if kind != "date" or not set(cycles) <= set(CYCLES):
        raise ValueError(f"it has a column of the kind {_shown(kind)}")
    return DateField(name, median, missing, _form(part), tuple(cycles))


def _sign(content: dict[str, object], name: str) -> str:
    sign = _text(content, name)
    if sign not in (".", ","):
        raise ValueError(f"its {name} is neither . nor , but {_shown(sign)}")
    return sign


def _form(content: dict[str, object]) -> str:
    form = _text(content, "form")
    if form not in (*FORMATS, COMPACT):
        raise ValueError(f"it has dates of the form {_shown(form)}")
    return form


def _fits(context: Context, model: Module) -> bool:
    """Whether there are as many columns and classes, or tokens, as in the network."""
    if isinstance(model, GPT) and context.vocabulary is not None:
        return len(context.vocabulary) == model.token.tokens
    if not isinstance(model, MLP):
        return True
    inputs, outputs = model.layers[0].nin, model.layers[-1].nout
    scaling, labels, target = context.scaling, context.labels, context.target_scaling
    return (
        len(context.features) in (0, inputs)
        and (context.encoding is None or context.encoding.features == context.features)
        and (scaling is None or len(scaling.mean) == inputs)
        and (labels is None or len(labels.classes) == max(outputs, 2))
        and (target is None or len(target.mean) == outputs)
    )


def _scaling(content: dict[str, object], name: str) -> Scaling | None:
    if content.get(name) is None:
        return None
    content = _object(content, name)
    mean, deviation = _floats(content, "mean"), _floats(content, "deviation")
    if len(mean) != len(deviation) or not all(d > 0 for d in deviation):
        raise ValueError("its scaling needs a mean and a deviation > 0 per column")
    return Scaling(tuple(mean), tuple(deviation))


def _labels(content: dict[str, object]) -> Labels | None:
    if content.get("labels") is None:
        return None
    content = _object(content, "labels")
    classes = _list(content, "classes")
    if len(classes) < 2 or any(type(label) not in (str, int) for label in classes):
        raise ValueError("its classes are not at least two texts or whole numbers")
    (threshold,) = _floats({"threshold": [content.get("threshold")]}, "threshold")
    return Labels(tuple(classes), threshold)


def _training(content: Mapping[str, object]) -> TrainingState:
    """The state of a training, each part checked for its type."""
    optimizer = _object(content, "optimizer")
    memory = _object(optimizer, "memory")
    history = _object(content, "history")
    numbers = content.get("numbers")
    known = "arguments" in content
    arguments = _object(content, "arguments") if known else {}
    return {
        "seed": _whole(content, "seed"),
        "epoch": _whole(content, "epoch"),
        "numbers": None if numbers is None else _floats(content, "numbers"),
        "optimizer": {
            "steps": _whole(optimizer, "steps"),
            "memory": {name: _column(memory, name) for name in memory},
        },
        "history": {name: _column(history, name) for name in history},
        "best": _best(content.get("best")),
        "arguments": {name: _text(arguments, name) for name in arguments},
    }


NOT_FINITE = {None: math.nan, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}
"""What stands in a file for numbers that JSON has not; null in older files."""


def _column(columns: Mapping[str, object], name: str) -> list[float]:
    column = []
    for x in _list(columns, name):
        if x is None or isinstance(x, str):
            x = NOT_FINITE.get(x, x)
        if type(x) not in (float, int):
            raise ValueError(f"its {_shown(name)} holds {_shown(x)}, not a number")
        column.append(float(x))
    return column


def _best(best: object) -> tuple[float, int, list[float]] | None:
    if best is None:
        return None
    if not isinstance(best, list) or len(best) != 3:
        raise ValueError("its best epoch is not a loss, an epoch and numbers")
    score, epoch, numbers = best
    (score,) = _floats({"score": [score]}, "score")
    return (
        score,
        _whole({"epoch": epoch}, "epoch"),
        _floats({"numbers": numbers}, "numbers"),
    )


# ---- one value of a file, its type checked -------------------------------------------


def _object(content: Mapping[str, object], name: str) -> dict[str, object]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"its {name} is not an object but {_shown(value)}")
    return value


def _list(content: Mapping[str, object], name: str) -> list[Any]:
    """A list; its items are checked by whoever asks for them."""
    value = content.get(name)
    if not isinstance(value, list):
        raise ValueError(f"its {name} is not a list but {_shown(value)}")
    return value


def _text(content: Mapping[str, object], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its {name} is not a text but {_shown(value)}")
    return value


def _texts(content: Mapping[str, object], name: str) -> list[str]:
    values = _list(content, name)
    return [_text({name: value}, name) for value in values]


def _whole(content: Mapping[str, object], name: str) -> int:
    value = content.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"its {name} is not a whole number but {_shown(value)}")
    return value


def _size(content: Mapping[str, object], name: str) -> int:
    size = _whole(content, name)
    if not 1 <= size <= LARGEST_NETWORK:
        raise ValueError(f"its {name} is {size}")
    return size


def _floats(content: Mapping[str, object], name: str) -> list[float]:
    values = _list(content, name)
    for value in values:
        _check_numbers(value, name)
        if isinstance(value, list):
            raise ValueError(f"its {name} is not a plain list of numbers")
    return [float(value) for value in values]


def _check_numbers(numbers: object, name: str) -> None:
    """Raise ValueError unless these are (nested lists of) finite numbers."""
    for number in _leaves(numbers):
        if type(number) not in (float, int) or not math.isfinite(number):
            raise ValueError(f"{_shown(name)} holds {_shown(number)}, not a number")


def _shown(value: object) -> str:
    return cut(repr(value))


def with_labels(context: Context | None, labels: Labels | None) -> Context:
    """The context, with what training found out about the classes."""
    return replace(context or Context(), labels=labels)
