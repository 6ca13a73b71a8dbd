"""A scalar reverse-mode autograd engine: write arithmetic, get exact gradients."""

from autograd.check import AnomalyError, GradcheckError, detect_anomaly, gradcheck
from autograd.compiler import Program, compile
from autograd.custom import operation
from autograd.expression import ParseError, parse
from autograd.functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd.graph import gradients, topological_order
from autograd.ops import abs_ as abs
from autograd.ops import (
    acos,
    asin,
    atan,
    atan2,
    cos,
    cosh,
    elu,
    erf,
    erfc,
    exp,
    expm1,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    silu,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)
from autograd.reductions import dot, logsumexp, mean, prod, softmax, sum
from autograd.value import Value, no_grad
from autograd.value import __file__ as _engine_file

__compiled__ = not _engine_file.endswith(".py")
"""Whether the engine runs as machine code (compiled by mypyc) or as plain Python."""

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "GradcheckError",
    "ParseError",
    "Program",
    "Value",
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "compile",
    "cos",
    "cosh",
    "detect_anomaly",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "gelu",
    "grad",
    "gradcheck",
    "gradients",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "jvp",
    "leaky_relu",
    "log",
    "log1p",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "no_grad",
    "operation",
    "parse",
    "prod",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "sum",
    "tan",
    "tanh",
    "topological_order",
    "value_and_grad",
    "vjp",
    "where",
]
