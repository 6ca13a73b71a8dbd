"""Programs for other engines: a NumPy function as text, and a JAX function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.code import CONSTANT, INPUT, LEAVES, PARAMETER, Kernel
from autograd.compiler.numpy_backend import form, functions

SPECIAL = """\
erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])
"""


def numpy_source(
    kernel: Kernel, single: bool, numbers: Sequence[float], name: str
) -> str:
    """The text of a module with one function of NumPy arrays."""
    if not name.isidentifier():
        raise ValueError(f"a function's name is a Python identifier; got {name!r}")
    lines = _body(kernel)
    text = "\n".join(lines)
    special = "erf(" in text or "erfc(" in text
    head = ["import math\n"] if special else []
    head += ["import numpy as np\n", SPECIAL] if special else ["import numpy as np\n"]
    parameters = ""
    if kernel.parameters:
        head.append(f"PARAMETERS = np.array([{', '.join(map(_number, numbers))}])\n")
        parameters = ", parameters=PARAMETERS"
    shape = "(N,)" if single else f"(N, {len(kernel.outputs)})"
    return "\n".join(
        [
            *head,
            "",
            f"def {name}(X{parameters}):",
            f'    """From an array (N, {kernel.inputs}) to one of shape {shape}."""',
            '    with np.errstate(all="ignore"):',
            *[f"        {line}" for line in lines],
            f"        return {_result(kernel, single)}",
            "",
        ]
    )


def _body(kernel: Kernel) -> list[str]:
    """One assignment for each instruction but the constants."""
    names = _names(kernel)
    lines = []
    for name, (op, args, number) in zip(names, kernel.code.instructions, strict=True):
        if op == INPUT:
            lines.append(f"{name} = X[:, {int(number)}]")
        elif op == PARAMETER:
            lines.append(f"{name} = parameters[{int(number)}]")
        elif op != CONSTANT:
            lines.append(f"{name} = {_expression(op, [names[arg] for arg in args])}")
    return lines


def _names(kernel: Kernel) -> list[str]:
    """x1, x2 for inputs, p1, p2 for parameters, v1, v2 for what is computed."""
    names, count = [], 0
    for op, _, number in kernel.code.instructions:
        if op in LEAVES:
            letter = "x" if op == INPUT else "p"
            constant = op == CONSTANT
            names.append(_number(number) if constant else f"{letter}{int(number) + 1}")
        else:
            count += 1
            names.append(f"v{count}")
    return names


def _expression(op: str, args: list[str]) -> str:
    if op == "sum":
        return " + ".join(args)
    if op == "dot":
        half = len(args) // 2
        pairs = zip(args[:half], args[half:], strict=True)
        return " + ".join([f"{x} * {y}" for x, y in pairs])
    return form(op).format(*args)


def _number(x: float) -> str:
    """A number as Python reads it back, exactly."""
    if math.isfinite(x):
        return repr(float(x))
    return "np.nan" if x != x else "np.inf" if x > 0 else "(-np.inf)"


def _result(kernel: Kernel, single: bool) -> str:
    names = _names(kernel)
    columns = [
        names[i] if kernel.code.varies[i] else f"np.full(len(X), {names[i]})"
        for i in kernel.outputs
    ]
    return columns[0] if single else f"np.stack([{', '.join(columns)}], axis=1)"


def jax_function(
    kernel: Kernel, single: bool, numbers: Sequence[float]
) -> Callable[..., Any]:
    """The program as a function of JAX arrays, run instruction by instruction."""
    try:
        import jax.numpy as jnp
        from jax.scipy.special import erf, erfc
    except ImportError:
        raise ImportError("to_jax needs jax: python -m pip install jax") from None
    code = kernel.code
    known = functions(code, {"np": jnp, "erf": erf, "erfc": erfc})

    def program(X: Any, parameters: Any = numbers) -> Any:
        X, parameters = jnp.asarray(X), jnp.asarray(parameters)
        values: list[Any] = []
        for op, args, number in code.instructions:
            if op == INPUT:
                values.append(X[:, int(number)])
            elif op == PARAMETER:
                values.append(parameters[int(number)])
            elif op == CONSTANT:
                values.append(jnp.asarray(number, dtype=X.dtype))
            else:
                values.append(known[op](*[values[arg] for arg in args]))
        rows = X.shape[:1]
        columns = [jnp.broadcast_to(values[i], rows) for i in kernel.outputs]
        return columns[0] if single else jnp.stack(columns, axis=1)

    return program
