"""What other engines call things, for the one who looks for it here.

Code and habits come from micrograd, torch, JAX and numpy. Where a name of theirs is not
there, the error says what to write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps

from autograd.hints import Any, Final

_NO_FUNCTION: Final = (
    "local derivatives are numbers, and as functions are given to @operation"
)
_NO_DEVICE: Final = "numbers are Python's floats and on no device: leave it out"
_WEIGHTS: Final = (
    "weights are Values in neuron.w and neuron.b, and numbers in model.state_dict()"
)
_NO_FLAG: Final = (
    "every Value has a gradient; a number without history is x.detach(), and what "
    "training leaves alone model.freeze()"
)

INSTEAD: Final[Mapping[str, Mapping[str, str]]] = {
    "Value": {
        "value": "the number is x.data",
        "val": "the number is x.data",
        "numpy": "the number is x.data",
        "tolist": "the number is x.data",
        "derivative": "the gradient is x.grad",
        "gradient": "the gradient is x.grad",
        "adjoint": "the gradient is x.grad",
        "requires_grad": _NO_FLAG,
        "requires_grad_": _NO_FLAG,
        "retain_grad": "every node keeps its gradient: leave it out",
        "is_leaf": "a leaf has no parents: not x.parents",
        "grad_fn": "the operation's name is x.op",
        "children": "the operands are x.parents",
        "prev": "the operands are x.parents",
        "name": "the name is x.label",
        "zero_grad_": "write x.zero_grad(), or x.grad = 0.0 for a leaf",
        "register_hook": "every node keeps its gradient: read x.grad after backward()",
        "clamp": "write autograd.clip(x, low, high)",
        "ln": "the natural logarithm is x.log()",
        "pow": "a power is written x ** y",
        "square": "a square is written x ** 2",
        "log_softmax": "write x - autograd.logsumexp([x, y, ...])",
        "logsigmoid": "write -(-x).softplus()",
        "hardtanh": "write autograd.clip(x, -1, 1)",
        "masked_fill": "write autograd.where(condition, y, x)",
        "isnan": "ask the number, as in math.isnan(x.data)",
        "isinf": "ask the number, as in math.isinf(x.data)",
        "isfinite": "ask the number, as in math.isfinite(x.data)",
        "conj": "a Value is a real number: use x itself",
        "realize": "a number is computed at once: leave it out",
        "assign": "write x.data = 2.0",
        "copy_": "write x.data = 2.0",
        "fill_": "write x.data = 2.0",
        "std": "write (autograd.mean([(x - m) ** 2 for x in xs])) ** 0.5",
        "var": "write autograd.mean([(x - m) ** 2 for x in xs])",
        "argmax": "write max(range(len(xs)), key=lambda i: xs[i].data)",
        "squeeze": "a Value is one number: use x itself",
        "unsqueeze": "a Value is one number; a list of it is [x]",
        "max": "write autograd.maximum(x, y)",
        "min": "write autograd.minimum(x, y)",
        "sum": "write autograd.sum([x, y, ...])",
        "mean": "write autograd.mean([x, y, ...])",
        "shape": "a Value is one number; an array of them is np.array([x, y])",
        "size": "a Value is one number; an array of them is np.array([x, y])",
        "dim": "a Value is one number; an array of them is np.array([x, y])",
        "dot": "write autograd.dot([x, y, ...], [...])",
        "clone": "a Value never changes: use x itself, or x.detach() for a leaf",
        "copy": "a Value never changes: use x itself, or x.detach() for a leaf",
        "cpu": _NO_DEVICE,
        "cuda": _NO_DEVICE,
        "to": _NO_DEVICE,
        "float": "the number is x.data",
        "double": "the number is x.data",
        "zero_": "write x.data = 0.0, or x.grad = 0.0",
        "detach_": "a Value never changes: write x = x.detach()",
        "add_": "a Value never changes: write x = x + y",
        "sub_": "a Value never changes: write x = x - y",
        "mul_": "a Value never changes: write x = x * y",
        "add": "a sum is written x + y",
        "sub": "a difference is written x - y",
        "mul": "a product is written x * y",
        "div": "a quotient is written x / y",
        "neg": "it is written -x",
        "eq": "it is written x == y",
        "gt": "it is written x > y",
        "lt": "it is written x < y",
        "rsqrt": "it is written 1 / x.sqrt()",
        "reciprocal": "it is written 1 / x",
        "softmax": "write autograd.softmax([x, y, ...])",
        "logsumexp": "write autograd.logsumexp([x, y, ...])",
        "view": "a Value is one number; an array of them is np.array([x, y])",
        "reshape": "a Value is one number; an array of them is np.array([x, y])",
        "numel": "a Value is one number; of a model, len(model.parameters())",
        "T": "a Value is one number; an array of them is np.array([x, y])",
        "_grad": "the gradient is x.grad",
        "grads": "the gradient is x.grad",
        "ndim": "a Value is one number; an array of them is np.array([x, y])",
        "dtype": "every number is a float of 64 bits",
        "device": _NO_DEVICE,
        "real": "a Value is a real number: use x itself",
        "imag": "a Value is a real number: its imaginary part is 0",
        "is_integer": "ask the number, as in x.data.is_integer()",
        "matmul": "a product of lists is autograd.dot([x, y, ...], [...])",
        "mm": "a product of lists is autograd.dot([x, y, ...], [...])",
        "sgn": "it is written x.sign()",
        "trunc": "write autograd.sign(x) * autograd.floor(abs(x))",
        "fmod": "write x % y, which has the sign of y",
        "negative": "it is written -x",
        "true_divide": "a quotient is written x / y",
        "swish": "it is called x.silu() here",
        "expit": "it is called x.sigmoid() here",
        "relu6": "write autograd.clip(x, 0, 6)",
        "forward": "a number follows as it is computed; after x.data = 2.0 write "
        "y.recompute()",
        "update": "write x.data -= 0.1 * x.grad",
        "step": "write x.data -= 0.1 * x.grad, or use an optimizer such as nn.SGD",
        "no_grad": "write with autograd.no_grad(): around it",
        "set_data": "write x.data = 2.0",
    },
    "Program": {
        "grad": "write program.value_and_grad(X), or program.input_grad(X)",
        "gradient": "write program.value_and_grad(X), or program.input_grad(X)",
        "gradients": "write program.value_and_grad(X), or program.input_grad(X)",
        "backward": "write program.value_and_grad(X)",
        "forward": "a program is called: program(X)",
        "run": "a program is called: program(X)",
        "predict": "a program is called: program(X)",
        "parameter_grad": "write program.jacobian(X), a row for every row of X",
        "jvp": "write autograd.compile(lambda x, v: autograd.jvp(f, x, v)[1])",
        "to_onnx": "it is exported by program.to_numpy_source(), program.to_c() or "
        "program.to_jax()",
        "to_python": "write program.to_numpy_source()",
        "code": "it is shown by print(program), each step by program.instructions()",
    },
    "module 'autograd'": {
        "ln": "the natural logarithm is autograd.log",
        "max": "write autograd.maximum",
        "min": "write autograd.minimum",
        "clamp": "write autograd.clip(x, low, high)",
        "pow": "a power is written x ** y",
        "power": "a power is written x ** y",
        "square": "a square is written x ** 2",
        "arcsin": "write autograd.asin",
        "arccos": "write autograd.acos",
        "arctan": "write autograd.atan",
        "arctan2": "write autograd.atan2",
        "tensor": "one number is autograd.Value(x)",
        "Tensor": "one number is autograd.Value(x)",
        "Variable": "one number is autograd.Value(x)",
        "Var": "one number is autograd.Value(x)",
        "array": "numbers with gradients are a list of Values",
        "backward": "write y.backward()",
        "elementwise_grad": "write jacobian(f), or grad of the sum",
        "jacfwd": "write autograd.jacobian",
        "jacrev": "write autograd.jacobian",
        "jit": "write autograd.compile",
        "vmap": "a program of autograd.compile runs over rows",
        "custom_vjp": "write autograd.operation",
        "Function": "write autograd.operation",
        "primitive": "write autograd.operation",
        "stop_gradient": "write x.detach()",
        "nn": "networks are in a package of their own: import nn",
        "numpy": "numpy's functions take arrays of Values: import numpy as np",
        "optim": "optimizers are in a package of their own, such as nn.SGD",
        "set_grad_enabled": "write with autograd.no_grad(): around it",
        "inference_mode": "write with autograd.no_grad(): around it",
        "enable_grad": "leave it out: autograd.grad differentiates in no_grad() too",
        "manual_seed": "what is random takes a seed: nn.MLP(2, [1], seed=0)",
        "randn": "write autograd.Value(random.gauss())",
        "zeros": "numbers with gradients are a list of Values",
        "ones": "numbers with gradients are a list of Values",
        "grad_and_aux": "write autograd.value_and_grad(f, has_aux=True)",
        "value_and_jacobian": "write f(x) and autograd.jacobian(f)(x)",
        "make_jvp": "write autograd.jvp(f, x, v)",
        "make_vjp": "write autograd.vjp(f, x)",
        "make_hvp": "write autograd.hvp(f, x, v)",
        "hessian_vector_product": "write autograd.hvp(f, x, v)",
        "custom_jvp": "write autograd.operation",
        "defvjp": "write autograd.operation",
        "func": "what torch has there is in autograd itself: autograd.jvp",
        "is_grad_enabled": "write with autograd.no_grad(): around what is not recorded",
        "Parameter": "a parameter is a Value in an attribute of an nn.Module",
        "Node": "a node is an autograd.Value",
        "topo": "write autograd.topological_order(y)",
        "round": "write autograd.floor(x + 0.5), whose slope is 0",
        "relu6": "write autograd.clip(x, 0, 6)",
        "absolute": "write abs(x)",
        "argmax": "write max(range(len(xs)), key=lambda i: xs[i].data)",
        "cross_entropy": "write nn.cross_entropy(logits, target)",
        "e": "write math.e",
        "hard_tanh": "write autograd.clip(x, -1, 1)",
        "hardtanh": "write autograd.clip(x, -1, 1)",
        "log_softmax": "write x - autograd.logsumexp(xs) for each x of xs",
        "pi": "write math.pi",
        "swish": "write autograd.silu",
        "var": "one number is autograd.Value(x)",
    },
    "module 'nn'": {
        "Linear": "write nn.Layer(inputs, outputs, activation=None)",
        "Dense": "write nn.Layer(inputs, outputs, activation)",
        "ReLU": "an activation is named: nn.Layer(2, 3, 'relu'), or autograd.relu",
        "Tanh": "an activation is named: nn.Layer(2, 3, 'tanh'), or autograd.tanh",
        "Sigmoid": "an activation is named: nn.Layer(2, 3, 'sigmoid')",
        "GELU": "an activation is named: nn.Layer(2, 3, 'gelu'), or autograd.gelu",
        "SiLU": "an activation is named: nn.Layer(2, 3, 'silu'), or autograd.silu",
        "Softmax": "write autograd.softmax; cross_entropy takes what comes before it",
        "MSELoss": "write nn.mse(prediction, target)",
        "L1Loss": "write nn.mae(prediction, target)",
        "SmoothL1Loss": "write nn.huber(prediction, target)",
        "HuberLoss": "write nn.huber(prediction, target)",
        "CrossEntropyLoss": "write nn.cross_entropy(logits, target)",
        "BCELoss": "write nn.binary_cross_entropy(prediction, target)",
        "BCEWithLogitsLoss": "write nn.binary_cross_entropy_with_logits(logit, target)",
        "Parameter": "a parameter is a Value in an attribute of a Module",
        "ModuleList": "a list in an attribute of a Module is found there",
        "functional": "losses are in nn itself, activations in autograd",
        "train": "write nn.fit(model, X, y)",
        "NLLLoss": "write nn.cross_entropy(logits, target)",
        "LogSoftmax": "nn.cross_entropy takes what comes before it",
        "LeakyReLU": "an activation is named: nn.Layer(2, 3, 'leaky_relu')",
        "ELU": "an activation is named: nn.Layer(2, 3, 'elu'), or autograd.elu",
        "Softplus": "an activation is named: nn.Layer(2, 3, 'softplus')",
        "Identity": "write nn.Layer(2, 3, None) for a layer without an activation",
        "BatchNorm1d": "write nn.LayerNorm(width)",
        "Adagrad": "optimizers are nn.SGD, nn.Adam, nn.AdamW and nn.RMSProp",
        "init": "a layer draws its weights itself, by its seed: nn.Layer(2, 3, seed=0)",
        "F": "losses are in nn itself, activations in autograd",
        "relu": "write autograd.relu",
        "tanh": "write autograd.tanh",
        "sigmoid": "write autograd.sigmoid",
        "softmax": "write autograd.softmax",
        "mse_loss": "write nn.mse(prediction, target)",
        "cross_entropy_loss": "write nn.cross_entropy(logits, target)",
        "Adadelta": "optimizers are nn.SGD, nn.Adam, nn.AdamW and nn.RMSProp",
        "StepLR": "write nn.schedules.step",
        "CosineAnnealingLR": "write nn.schedules.cosine",
        "lr_scheduler": "write nn.schedules",
        "clip_grad_norm_": "write nn.fit(model, X, y, clip=1.0)",
        "DataLoader": "write nn.fit(model, X, y, batch_size=32)",
        "ParameterList": "a list in an attribute of a Module is found there",
        "MultiheadAttention": "write nn.SelfAttention(width, heads)",
        "TransformerEncoderLayer": "write nn.Block",
        "utils": "gradients are clipped by nn.fit(model, X, y, clip=1.0)",
        "compile": "nn.fit does that itself; autograd.compile takes a function",
        "value_and_grad": "write autograd.value_and_grad",
        "Model": "write nn.Module",
    },
    "module 'viz'": {
        "draw_dot": "write viz.draw(y)",
        "make_dot": "write viz.draw(y)",
        "trace": "the nodes are autograd.topological_order(y)",
        "plot": "write viz.draw(y), or viz.plot_history(history)",
        "show": "a notebook shows viz.draw(y); elsewhere viz.draw(y).save('y.svg')",
        "save": "write viz.draw(y).save('y.svg')",
        "summary": "write print(model), or viz.network(model) for a picture",
    },
    "Module": {
        "forward": "a model is called: model(x)",
        "cuda": _NO_DEVICE,
        "cpu": _NO_DEVICE,
        "to": _NO_DEVICE,
        "children": "the parts are model.stages(), or model.modules() with theirs",
        "requires_grad_": "what does not move is model.freeze()",
        "double": "numbers are Python's floats: leave it out",
        "compile": "nn.fit does that itself; autograd.compile takes a function",
        "fit": "write nn.fit(model, X, y)",
        "predict": "a model is called, a row at a time: [model(row) for row in X]",
        "summary": "write print(model), or viz.network(model) for a picture",
        "weight": _WEIGHTS,
        "weights": _WEIGHTS,
        "bias": _WEIGHTS,
        "named_modules": "the parts are model.modules(); by name, model.state_dict()",
        "apply": "write for part in model.modules(): ...",
        "num_parameters": "write len(model.parameters())",
        "count_params": "write len(model.parameters())",
        "backward": "write loss.backward()",
    },
    "Optimizer": {
        "param_groups": "the rate is optimizer.lr, and each optimizer has one",
        "state": "what it remembers is optimizer.memory",
        "add_param_group": "give an optimizer all that it moves when it is made",
    },
}
"""By the object that is asked: what to write in place of a name it has not got."""


def understood(
    others: tuple[object, ...], names: dict[str, object]
) -> tuple[object, object, object]:
    """A new node's label, parents and partials, by whichever names they were given."""
    if len(others) > 3:
        raise TypeError("Value takes data, parents and partials, or data and a label")
    padded: list[object] = [*others, *(None, None, "")[len(others) :]]
    parents, partials, label = padded
    label = names.pop("label", label)
    if isinstance(parents, str):
        label, parents = parents, None
    for name in ("parents", "_parents", "children", "_children", "prev", "_prev"):
        parents = names.pop(name, None) or parents
    for name in ("partials", "local_grads", "_local_grads", "op", "_op"):
        partials = names.pop(name, None) or partials
    none_of("Value", names)
    return label, parents, partials


def accepting(node: Any, give_parents: Callable[..., None]) -> None:
    """Let the plain class take the same calls as the compiled one; see native.c."""
    usual: Callable[..., None] = node.__init__

    @wraps(usual)
    def __init__(  # noqa: N807
        self: Any, data: object, label: object = "", *others: object, **names: object
    ) -> None:
        if not others and not names and not isinstance(label, (tuple, list, set)):
            return usual(self, data, label)
        text, parents, partials = understood((label, *others), names)
        usual(self, data, text)
        give_parents(self, parents, partials)

    node.__init__ = __init__


WITHOUT: Final[Mapping[str, Mapping[str, str]]] = {
    "Value": {
        "requires_grad": "every Value has a gradient: leave it out; what is constant "
        "is a plain number, or x.detach()",
        "name": "it is called label here",
        "grad": "a gradient begins as 0.0; to set it write x.grad = 1.0",
        "dtype": "every number is a float of 64 bits: leave it out",
        "device": _NO_DEVICE,
        "_backward": _NO_FUNCTION,
        "backward_fn": _NO_FUNCTION,
        "grad_fn": _NO_FUNCTION,
    },
    "zero_grad": {"set_to_none": "it sets gradients to 0.0: leave it out"},
    "backward": {
        "gradient": "it is called seed here, a number",
        "grad": "it is called seed here, a number",
        "retain_graph": "a graph is kept anyway: leave it out",
        "create_graph": "backward() gives numbers; derivatives that are Values come "
        "from autograd.gradients(y, [x], create_graph=True)",
        "inputs": "the derivatives by some alone are autograd.gradients(y, [x])",
    },
}
"""By the function that is called: what to write in place of an option of others'."""


def none_of(name: str, options: Mapping[str, object]) -> None:
    """TypeError for options, of which a function of this name has none here."""
    for option in options:
        advice = WITHOUT[name].get(option)
        raise TypeError(
            f"{name}() has no argument {option!r}" + (f": {advice}" if advice else "")
        )


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else None


def _of_one_value(name: str) -> str | None:
    """What to write for a function of ours that is no method, or torch's `exp_`."""
    autograd = sys.modules["autograd"]
    if name in autograd.__all__:
        return f"it is a function, autograd.{name}"
    if name.endswith("_") and hasattr(autograd.Value, name[:-1]):
        return f"a Value never changes: write x = x.{name[:-1]}()"
    return None


def missing(
    where: str,
    name: str,
    obj: object,
    known: tuple[str, ...] = (),
    shown: str = "",
) -> Exception:
    """An AttributeError that says what to write instead, where that is known.

    where: in `INSTEAD`. known: names that it has, for one that is nearly written so.
    shown: what the error calls it, where that is not `where`.

    >>> raise missing("Value", "value", None)
    Traceback (most recent call last):
    AttributeError: Value has no attribute 'value': the number is x.data
    """
    advice = INSTEAD[where].get(name)
    if advice is None and where == "Value":
        advice = _of_one_value(name)
    if advice is None and known:
        advice = _nearest(name, known)
    text = f"{shown or where} has no attribute {name!r}" + (
        f": {advice}" if advice else ""
    )
    return AttributeError(text, name=name, obj=obj)
