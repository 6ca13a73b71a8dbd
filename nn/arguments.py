"""What torch and others call arguments that are called otherwise here, or not needed.

>>> from nn import GRU
>>> GRU(input_size=2, hidden=3)
Traceback (most recent call last):
TypeError: GRU has no argument 'input_size': it is called inputs here
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import CO_VARARGS, Parameter, signature
from typing import Any, TypeVar, cast

from autograd.wording import cut

Function = TypeVar("Function", bound=Callable[..., Any])

ALSO = {
    "bce": ("binary_cross_entropy", "binary_cross_entropy_with_logits"),
    "bcewithlogits": ("binary_cross_entropy_with_logits",),
    "logloss": ("binary_cross_entropy", "cross_entropy"),
    **dict.fromkeys(("ce", "nll", "categoricalcrossentropy"), ("cross_entropy",)),
    **dict.fromkeys(("l2", "meansquarederror", "squarederror"), ("mse",)),
    **dict.fromkeys(("l1", "meanabsoluteerror", "absoluteerror"), ("mae",)),
    **dict.fromkeys(("smoothl1", "pseudohuber"), ("huber",)),
    "swish": ("silu",),
    "identity": ("linear",),
    "momentum": ("sgd",),
    "cosineannealing": ("cosine",),
    **dict.fromkeys(("lr", "horizontal", "lefttoright", "across"), ("right",)),
    **dict.fromkeys(("tb", "td", "vertical", "topdown", "toptobottom"), ("down",)),
    **dict.fromkeys(("regression", "numeric"), ("number",)),
    **dict.fromkeys(("classification", "class", "categorical"), ("classes",)),
    **dict.fromkeys(("char", "letters", "bytes"), ("characters",)),
    "mnist": ("digits",),
    "cancer": ("breast-cancer",),
}
"""What others call a choice, in small letters without signs."""


def unknown(what: str, given: Any, choices: Iterable[str], otherwise: str = "") -> str:
    """That something given by name is none of the choices, and which was meant.

    otherwise: what can be passed that is no name.

    >>> unknown("loss", "BCE", ["mse", "binary_cross_entropy"])
    "unknown loss 'BCE'; choose one of mse, binary_cross_entropy; \
did you mean binary_cross_entropy?"
    """
    offered = [*choices]
    passed = f", or pass {otherwise}" if otherwise else ""
    chosen = f"choose one of {', '.join(offered)}"
    return f"unknown {what} {given!r}; {chosen}{passed}{meant(given, offered)}"


def meant(given: Any, choices: Iterable[str]) -> str:
    """Which of the choices was meant by a text, as an error ends; or nothing.

    >>> meant("TB", ["right", "down"]), meant("setsa", ["setosa"]), meant(3, ["op"])
    ('; did you mean down?', '; did you mean setosa?', '')
    """
    from difflib import get_close_matches

    offered = [*choices]
    small = str(given).lower()
    bare = re.sub(r"[\W_]", "", small)
    also = ALSO.get(bare) or ALSO.get(bare.removesuffix("loss"), ())
    near = [name for name in also if name in offered]
    lower = {name.lower(): name for name in reversed(offered)}
    close = get_close_matches(small.removesuffix("loss")[:40], lower, n=1)
    near = near or [lower[name] for name in close]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _bias(*names: str) -> str:
    quoted = ", ".join(map(repr, names))
    return f"biases begin as 0, and model.freeze({quoted}) keeps them so"


def _called(name: str) -> str:
    return f"it is called {name} here"


BIASES = "biases begin as 0, and model.freeze(name) keeps them so, of each"
SIZES = "it is called nouts here, with the number of outputs as its last"
EVERY = {
    "device": "everything is computed on this machine: leave it out",
    "dtype": "every number is a float of 64 bits: leave it out",
}
ONE = "a call takes one sequence, a list of rows: [model(x) for x in batch]"
RECURRENT = {
    "input_size": _called("inputs"),
    "hidden_size": _called("hidden"),
    "num_layers": "one after another: Sequential(GRU(2, 8), GRU(8, 8))",
    "nonlinearity": "an RNN takes tanh: leave it out",
    "bias": _bias("bias_ih_l0", "bias_hh_l0"),
    "batch_first": ONE,
    "dropout": "between layers: Sequential(GRU(2, 8), Dropout(0.1), GRU(8, 8))",
    "bidirectional": "call a second one with the sequence reversed, x[::-1]",
    "proj_size": "behind it: Sequential(LSTM(2, 8), PerPosition(Layer(8, 3, None)))",
}
CONVOLUTION = {
    "in_channels": _called("channels"),
    "out_channels": _called("filters"),
    "kernel_size": f"{_called('kernel')}, one number for both directions",
    "dilation": "neighbors alone are seen: leave it out",
    "groups": "every filter sees all channels: leave it out",
    "bias": _bias("bias"),
    "padding_mode": "what is padded is 0: leave it out",
}
POOL = {
    "kernel_size": f"{_called('size')}, one number for both directions",
    "stride": "squares lie side by side: leave it out",
    "padding": "nothing is padded: leave it out",
    "dilation": "neighbors alone are seen: leave it out",
    "return_indices": "the numbers alone are returned: leave it out",
    "ceil_mode": "rows and columns that fill no square are left: leave it out",
    "count_include_pad": "nothing is padded: leave it out",
    "divisor_override": "the mean is taken: leave it out",
}
NORM = {
    "normalized_shape": f"{_called('width')}, the length of a row",
    "elementwise_affine": "weights begin as 1, and norm.freeze() keeps them so",
    "bias": _bias("bias"),
}
OPTIMIZER = {
    "params": "give them first, SGD(model.parameters()), or none: fit does that",
    "learning_rate": _called("lr"),
    "dampening": "it is 0: leave it out",
    "maximize": "what is to grow is a loss with a minus before it",
    "foreach": "it is computed at once anyway: leave it out",
    "fused": "it is computed at once anyway: leave it out",
    "capturable": "leave it out",
    "differentiable": "write the steps with autograd.gradients(create_graph=True)",
    "amsgrad": "leave it out, or write an Optimizer with a rule of your own",
    "decoupled_weight_decay": "that is nn.AdamW(weight_decay=0.01)",
    "centered": "leave it out, or write an Optimizer with a rule of your own",
    "momentum_decay": "leave it out",
    "lr_decay": "fit(..., schedule='cosine') lets it fall",
}
ALIKE = "the mean is taken of all alike; add losses with weights of your own"
LOSS = {
    "input": "predictions come first, without a name",
    "target": "targets come second, without a name",
    "reduction": "the mean is taken; for the sum multiply it by the number of targets",
    "size_average": "the mean is taken: leave it out",
    "reduce": "the mean is taken: leave it out",
    "weight": ALIKE,
    "pos_weight": ALIKE,
    "ignore_index": "leave those out of both lists; in sequences for fit write None",
    "label_smoothing": "give probabilities as targets, a row for each",
    "beta": _called("delta"),
}
SAVED = "its name says how it is saved: viz.draw(y).save('y.svg')"
IN_OPTIMIZER = (
    "it belongs to the optimizer: optimizer=nn.AdamW(lr=0.01, weight_decay=0.1)"
)
FIT = {
    "lr": IN_OPTIMIZER,
    "learning_rate": IN_OPTIMIZER,
    "weight_decay": IN_OPTIMIZER,
    "momentum": "it belongs to the optimizer: optimizer=nn.SGD(lr=0.1, momentum=0.9)",
    "criterion": _called("loss"),
    "loss_fn": _called("loss"),
    "n_epochs": _called("epochs"),
    "num_epochs": _called("epochs"),
    "max_iter": _called("epochs"),
    "batch": _called("batch_size"),
    "class_weight": _called("class_weights"),
    "sample_weight": f"{_called('class_weights')}, a weight by class",
    "validation_data": _called("validation"),
    "validation_split": _called("validation"),
    "early_stopping": f"{_called('patience')}, a number of epochs",
    "scheduler": _called("schedule"),
    "max_norm": _called("clip"),
    "random_state": _called("seed"),
    "verbose": f"{_called('progress')}, True or False",
    "shuffle": "rows are shuffled anew in each epoch: leave it out",
    "dataset": "it comes second, without a name: fit(model, dataset)",
}
MLP = {
    "in_features": _called("nin"),
    "input_size": _called("nin"),
    "hidden_layer_sizes": SIZES,
    "hidden_sizes": SIZES,
    "layers": SIZES,
    "bias": BIASES,
    "nonlin": "write activation='relu', or None for a layer without one",
    "dropout": "between layers: Sequential(Layer(2, 8), Dropout(0.1), Layer(8, 1))",
    "random_state": _called("seed"),
}
OTHERS: Mapping[str, Mapping[str, str]] = {
    "fit": FIT,
    "MLP": MLP,
    "Layer": {
        "in_features": _called("nin"),
        "out_features": _called("nout"),
        "bias": _bias("bias"),
    },
    "Embedding": {
        "num_embeddings": _called("tokens"),
        "embedding_dim": _called("width"),
        "padding_idx": "fit pads by itself, with a weight of 0: leave it out",
        "max_norm": "leave it out",
        "norm_type": "leave it out",
        "scale_grad_by_freq": "leave it out",
        "sparse": "leave it out",
    },
    "LayerNorm": NORM,
    "RMSNorm": NORM,
    "SelfAttention": {
        "embed_dim": _called("width"),
        "num_heads": _called("heads"),
        "bias": _bias("in_proj_bias", "out_proj.bias"),
        "add_bias_kv": "leave it out",
        "add_zero_attn": "leave it out",
        "kdim": "queries, keys and values are all made of x: leave it out",
        "vdim": "queries, keys and values are all made of x: leave it out",
        "batch_first": ONE,
        "is_causal": _called("causal"),
        "attn_mask": "causal=True leaves out what comes later",
    },
    "Block": {
        "d_model": _called("width"),
        "nhead": _called("heads"),
        "dim_feedforward": "it is four times the width: leave it out",
        "layer_norm_eps": "it is 1e-5, as in torch: leave it out",
        "batch_first": ONE,
        "norm_first": "norms always come first: leave it out",
        "bias": BIASES,
        "is_causal": _called("causal"),
    },
    "GPT": {
        "vocab_size": _called("tokens"),
        "n_embd": _called("width"),
        "n_head": _called("heads"),
        "n_layer": _called("layers"),
        "block_size": _called("context"),
        "n_positions": _called("context"),
        "bias": BIASES,
    },
    "Recurrent": RECURRENT,
    "Convolution": CONVOLUTION,
    "Pool": POOL,
    "Dropout": {"inplace": "a new list is made in any case: leave it out"},
    "Optimizer": OPTIMIZER,
    "draw": {
        "rankdir": "it is called direction here: 'right' or 'down'",
        "format": SAVED,
        "filename": SAVED,
        "view": SAVED,
        "dpi": "a picture has no dots until it is saved: viz.draw(y).save('y.png')",
        "params": "names are labels, or names=dict(...): leave it out",
        "show_attrs": "every number is shown: leave it out",
        "show_grad": "gradients are shown once backward() has left them: leave it out",
        "show_grads": "gradients are shown once backward() has left them: leave it out",
        "labels": _called("names"),
    },
    "loss": LOSS,
}
"""By the class, the function or "loss": what to write in place of others' names."""


def with_names_of_class(init: Function) -> Function:
    """An `__init__` that says what to write in place of others' names."""

    @wraps(init)
    def call(self: object, *given: Any, **named: Any) -> None:
        owners = [base.__name__ for base in type(self).__mro__]
        if named:
            check_named(init, owners, named, type(self).__name__)
        if len(given) > most:
            check_placed(init, owners, given)
        init(self, *given, **named)

    code = init.__code__
    most = math.inf if code.co_flags & CO_VARARGS else code.co_argcount - 1
    return cast("Function", call)


PLACES: Mapping[str, str] = {
    "Recurrent": "input_size hidden_size num_layers bias batch_first dropout",
    "RNN": "input_size hidden_size num_layers nonlinearity bias batch_first dropout",
    "Convolution": "in_channels out_channels kernel_size stride padding dilation",
    "Pool": "kernel_size stride padding dilation return_indices",
    "Embedding": "num_embeddings embedding_dim padding_idx max_norm norm_type",
    "LayerNorm": "normalized_shape eps elementwise_affine bias",
    "RMSNorm": "normalized_shape eps elementwise_affine",
    "Dropout": "p inplace",
    "SelfAttention": "embed_dim num_heads dropout bias add_bias_kv add_zero_attn",
    "Block": "d_model nhead dim_feedforward dropout activation layer_norm_eps",
}
"""By the class of ours, the order of the arguments in torch."""


def check_placed(
    init: Callable[..., object], owners: Sequence[str], given: Sequence[object]
) -> None:
    """Raise TypeError for more arguments than stand without a name."""
    own = [p for p in signature(init).parameters.values() if p.name != "self"]
    placed = [p.name for p in own if p.kind is not Parameter.KEYWORD_ONLY]
    named = [p.name for p in own if p.kind is Parameter.KEYWORD_ONLY]
    said = f"{owners[0]} takes {', '.join(placed) or 'nothing'} without a name"
    theirs = next((PLACES[o].split() for o in owners if o in PLACES), [])
    more = list(zip(theirs[len(placed) :], given[len(placed) :], strict=False))
    if more and all(name in named for name, _ in more):
        written = ", ".join(f"{name}={cut(repr(value))}" for name, value in more)
        raise TypeError(f"{said}: write {written}")
    told = {k: v for owner in owners for k, v in OTHERS.get(owner, {}).items()}
    for name, _ in more:
        if name in told:
            raise TypeError(f"{said}; torch's next is {name}: {told[name]}")
    rest = f"; with one: {', '.join(named)}" if named else ""
    raise TypeError(f"{said}{rest}; got {len(given)} without")


def check_named(
    function: Callable[..., object],
    owners: Iterable[str],
    named: Mapping[str, object],
    shown: str,
) -> None:
    """Raise TypeError for a name of others', or a near one, that it does not take.

    owners: where it is looked for in `OTHERS`. shown: what the error calls it.
    """
    told = {k: v for owner in owners for k, v in OTHERS.get(owner, {}).items()}
    known = {**EVERY, **told} if told else {}
    for name in named:
        if _takes(function, name):
            continue
        near = meant(name, [p for p in signature(function).parameters if p != "self"])
        if name in known or near:
            advice = f": {known[name]}" if name in known else near
            raise TypeError(f"{shown} has no argument {name!r}{advice}")


def _takes(function: Callable[..., object], name: str) -> bool:
    found = signature(function).parameters.values()
    return any(p.name == name or p.kind is Parameter.VAR_KEYWORD for p in found)


def with_names(owner: str) -> Callable[[Function], Function]:
    """For a function that says what to write in place of others' names."""

    def telling(function: Function) -> Function:
        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            if named:
                check_named(function, (owner,), named, function.__name__)
            return function(*given, **named)

        return cast("Function", call)

    return telling
