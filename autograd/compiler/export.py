"""Programs for other engines: a NumPy function as text, and a JAX function."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.arrays import check_table, check_vector
from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    INPUT,
    LEAVES,
    PARAMETER,
    Kernel,
)
from autograd.compiler.numpy_backend import REDUCTIONS, form, function, has_form
from autograd.compiler.passes import optimize, tangent_kernel, write_out
from autograd.ops import TABLE

SPECIAL = """\
erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])
"""


def numpy_source(
    kernel: Kernel, shape: tuple[int, ...], numbers: Sequence[float], name: str
) -> str:
    """The text of a module with one function of NumPy arrays."""
    if not name.isidentifier():
        raise ValueError(f"a function's name is a Python identifier; got {name!r}")
    lines = _body(kernel)
    text = "\n".join(lines)
    special = "erf(" in text or "erfc(" in text
    head = ["import math\n"] if special else []
    head += ["import numpy as np\n", SPECIAL] if special else ["import numpy as np\n"]
    arguments, parameters = ["X"], ""
    if kernel.parameters:
        head.append(f"PARAMETERS = np.array([{', '.join(map(_number, numbers))}])\n")
        arguments, parameters = ["X", "parameters"], ", parameters=PARAMETERS"
    found = f"({', '.join(['N', *map(str, shape)])}{',' * (not shape)})"
    return "\n".join(
        [
            *head,
            "",
            f"def {name}(X{parameters}):",
            f'    """From an array (N, {kernel.inputs}) to one of shape {found}."""',
            *[f"    {given} = np.asarray({given}, dtype=float)" for given in arguments],
            '    with np.errstate(all="ignore"):',
            *[f"        {line}" for line in lines],
            f"        return {_result(kernel, shape)}",
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


def _result(kernel: Kernel, shape: tuple[int, ...]) -> str:
    names = _names(kernel)
    columns = [
        names[i] if kernel.code.varies[i] else f"np.full(len(X), {names[i]})"
        for i in kernel.outputs
    ]
    if not shape:
        return columns[0]
    nested = f".reshape(len(X), {', '.join(map(str, shape))})" if shape[1:] else ""
    return f"np.stack([{', '.join(columns)}], axis=1){nested}"


# ---- JAX -----------------------------------------------------------------------------


def jax_function(
    kernel: Kernel, shape: tuple[int, ...], numbers: Sequence[float]
) -> Callable[..., Any]:
    """The program as a function of JAX arrays, run instruction by instruction."""
    try:
        import jax.numpy as jnp
    except ImportError:
        raise ImportError("to_jax needs jax: python -m pip install jax") from None
    operation = _jax_operations()

    def program(X: Any, parameters: Any = numbers) -> Any:
        X, parameters = _floating(X), _floating(parameters)
        check_table(X, kernel.inputs)
        check_vector(parameters, kernel.parameters)
        inputs = [X[:, column] for column in range(kernel.inputs)]
        outputs = _run(kernel, operation, inputs, jnp.unstack(parameters))
        columns = [jnp.broadcast_to(output, X.shape[:1]) for output in outputs]
        return jnp.stack(columns, axis=1).reshape(X.shape[0], *shape)

    return program


def _floating(given: Any) -> Any:
    """As an array of JAX that holds no whole numbers: 0.5 would be 0 among them."""
    import jax.numpy as jnp

    array = jnp.asarray(given)
    return array.astype(jnp.result_type(array, float))


def _run(
    kernel: Kernel,
    operation: Callable[[str], Callable[..., Any]],
    inputs: Sequence[Any],
    parameters: Any,
) -> list[Any]:
    """The outputs, with the operations as functions."""
    values: list[Any] = []
    for op, args, number in kernel.code.instructions:
        if op == INPUT:
            values.append(inputs[int(number)])
        elif op == PARAMETER:
            values.append(parameters[int(number)])
        elif op == CONSTANT:
            values.append(number)
        else:
            values.append(operation(op)(*[values[arg] for arg in args]))
    return [values[index] for index in kernel.outputs]


def _jax_operations() -> Callable[[str], Callable[..., Any]]:
    """Each operation as a function of JAX arrays, with its row's derivatives.

    JAX would differentiate the form on arrays, where they are others: relu, as a
    maximum, has the slope 1/2 at 0, and sigmoid, by way of abs, 1/2 instead of 1/4.
    """
    import jax.numpy as jnp
    from jax.scipy.special import erf, erfc

    names = {"np": jnp, "erf": erf, "erfc": erfc}

    @functools.cache
    def operation(op: str) -> Callable[..., Any]:
        if op == "dot":
            return _jax_dot
        plain = function(op, names)
        constant = op in COMPARISONS  # everywhere but at a jump, so that its slope is 0
        arithmetic = op in REDUCTIONS or constant or "(" not in form(op)
        return plain if arithmetic else _with_slopes(op, plain, operation)

    return operation


def _jax_dot(*terms: Any) -> Any:
    """A dot as a few operations; one per product takes XLA up to 3 times as long."""
    import jax.numpy as jnp

    half = len(terms) // 2
    x, y = [
        jnp.stack(jnp.broadcast_arrays(*vector), axis=-1)
        for vector in (terms[:half], terms[half:])
    ]
    return (x * y).sum(axis=-1)


def _with_slopes(
    op: str, plain: Callable[..., Any], operation: Callable[[str], Callable[..., Any]]
) -> Callable[..., Any]:
    """The function with the rule: the sum of partial derivative times tangent.

    The tangent of an argument that was not chosen is left out, however large it is.
    """
    import jax
    import jax.numpy as jnp
    from jax.custom_derivatives import SymbolicZero

    kernel = write_out(optimize(tangent_kernel(op, TABLE[op].arity))[0], has_form)

    def rule(args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        there = [not isinstance(tangent, SymbolicZero) for tangent in tangents]
        pairs = zip(tangents, there, strict=True)
        given = [tangent if is_there else 0.0 for tangent, is_there in pairs]
        out, *shares = _run(kernel, operation, [*args, *given], ())
        total = jnp.zeros_like(out)
        for share, is_there in zip(shares, there, strict=True):
            if is_there:  # nan * 0 would be nan
                total = total + share
        return out, total

    made = jax.custom_jvp(plain)
    made.defjvp(rule, symbolic_zeros=True)
    with_rule: Callable[..., Any] = made
    return with_rule
