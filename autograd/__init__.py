"""A scalar reverse-mode autograd engine: write arithmetic, get exact gradients."""

import sys
from importlib import import_module

from autograd import alone as alone
from autograd.graph import gradients, topological_order
from autograd.hints import TYPE_CHECKING
from autograd.installed import WHY_PLAIN
from autograd.listing import list_own
from autograd.modes import ieee, no_grad
from autograd.numeric import COMPILED
from autograd.ops import abs_ as abs
from autograd.ops import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    ceil,
    clip,
    cos,
    cosh,
    elu,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    floor,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    maximum,
    minimum,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)
from autograd.reductions import dot, logsumexp, mean, norm, prod, softmax, sum, take
from autograd.value import Value

if TYPE_CHECKING:
    from autograd.check import AnomalyError, GradcheckError, detect_anomaly, gradcheck
    from autograd.compiler import Program, compile
    from autograd.custom import operation
    from autograd.expression import ParseError, parse
    from autograd.functional import (
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        linearize,
        value_and_grad,
        vjp,
    )

# Loaded when first asked for, so that `import autograd` takes a few milliseconds.
_LOADED_LATER = {
    "AnomalyError": "check",
    "GradcheckError": "check",
    "ParseError": "expression",
    "Program": "compiler",
    "compile": "compiler",
    "detect_anomaly": "check",
    "grad": "functional",
    "gradcheck": "check",
    "hessian": "functional",
    "hvp": "functional",
    "jacobian": "functional",
    "jvp": "functional",
    "linearize": "functional",
    "operation": "custom",
    "parse": "expression",
    "value_and_grad": "functional",
    "vjp": "functional",
}

# The decorator of this name, not the module, which is there by now.
globals().pop("operation", None)

if COMPILED:
    from autograd.native import complete

    complete()

__compiled__ = COMPILED
"""Whether the engine runs as machine code (compiled by mypyc) or as plain Python."""

__why_plain__ = None if COMPILED else WHY_PLAIN
"""Why it is plain Python, in words; None where it is compiled."""

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "GradcheckError",
    "ParseError",
    "Program",
    "Value",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clip",
    "compile",
    "cos",
    "cosh",
    "detect_anomaly",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "gelu",
    "grad",
    "gradcheck",
    "gradients",
    "hessian",
    "hvp",
    "hypot",
    "ieee",
    "jacobian",
    "jvp",
    "leaky_relu",
    "linearize",
    "log",
    "log1p",
    "log2",
    "log10",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "no_grad",
    "norm",
    "operation",
    "parse",
    "prod",
    "relu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "sum",
    "take",
    "tan",
    "tanh",
    "topological_order",
    "value_and_grad",
    "vjp",
    "where",
]


def __getattr__(name: str) -> object:
    if name not in _LOADED_LATER:
        from autograd.family import missing

        known = (*__all__, *_LOADED_LATER)
        raise missing("module 'autograd'", name, sys.modules[__name__], known)
    home = import_module(f"autograd.{_LOADED_LATER[name]}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value


list_own(__name__)
