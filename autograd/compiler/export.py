"""Programs for other engines: a NumPy function as text, and a JAX function."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.array_text import ArrayText, form, number_text, taken_once
from autograd.compiler.arrays import check_table, check_vector, numpy
from autograd.compiler.instructions import (
    COMPARISONS,
    CONSTANT,
    GATE,
    INPUT,
    LEAVES,
    PARAMETER,
    Kernel,
)
from autograd.compiler.matrices import found, fused
from autograd.compiler.names import identifiers, notable
from autograd.compiler.numpy_backend import SUMS, has_form
from autograd.compiler.passes import prune, tangent_kernel, write_out
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
    whole = found(kernel)
    known = notable(whole)
    program = fused(whole, known, taken_once)
    text = ArrayText(program, identifiers(program, known, {name}))
    lines = text.lines()
    result, made = _result(kernel, text, shape)
    body = "\n".join([*lines, f"return {result}"])
    special = "erf(" in body or "erfc(" in body
    head = ["import functools"] * ("functools." in body) + ["import math"] * special
    head += [""] * bool(head) + ["import numpy as np\n"] + [SPECIAL] * special
    arguments, parameters = ["X"], ""
    if kernel.parameters:
        head.append(
            f"PARAMETERS = np.array([{', '.join(map(number_text, numbers))}])\n"
        )
        arguments, parameters = ["X", "parameters"], ", parameters=PARAMETERS"
    head += [f"{name} = {_table(*table)}\n" for name, table in text.tables.items()]
    if re.search(r"\brows\b", body):
        lines.insert(0, "rows = len(X)")
    return "\n".join(
        [
            *head,
            "",
            f"def {name}(X{parameters}):",
            f'    """From an array (N, {kernel.inputs}) to {made}."""',
            *[f"    {given} = np.asarray({given}, dtype=float)" for given in arguments],
            '    with np.errstate(all="ignore"):',
            *[f"        {_tidy(line)}" for line in lines],
            f"        {_tidy(f'return {result}')}",
            "",
        ]
    )


def _result(kernel: Kernel, text: ArrayText, shape: tuple[int, ...]) -> tuple[str, str]:
    """What the function returns, and what that is."""
    if kernel.targets:
        found = text.totals()
        made = f"the mean over the rows, and its gradient ({kernel.parameters},)"
        return f"float({found}[-1]), {found}[:-1]", made
    if not shape:
        return text.output(), "one of shape (N,)"
    sizes = ", ".join(map(str, shape))
    nested = f".reshape(len(X), {sizes})" if shape[1:] else ""
    return f"{text.outputs()}{nested}", f"one of shape (N, {sizes})"


def _tidy(line: str) -> str:
    """A line without parentheses that Python doesn't need."""
    return ast.unparse(ast.parse(line))


def _table(numbers: Sequence[float], dims: Sequence[int]) -> str:
    texts = [repr(x) if isinstance(x, int) else number_text(x) for x in numbers]
    text = f"np.array([{', '.join(texts)}])"
    return text if len(dims) == 1 else f"{text}.reshape({', '.join(map(str, dims))})"


def function(op: str, names: dict[str, Any]) -> Callable[..., Any]:
    """An operation that has a form on arrays, as a function of them."""
    arity = 2 if op in COMPARISONS else TABLE[op].arity
    args = [f"x{i}" for i in range(arity)]
    source = f"lambda {', '.join(args)}: {form(op).format(*args)}"
    made: Callable[..., Any] = eval(source, names)  # the table's text, not a user's
    return made


# ---- JAX -----------------------------------------------------------------------------


def jax_function(
    kernel: Kernel, shape: tuple[int, ...], numbers: Sequence[float]
) -> Callable[..., Any]:
    """The program as a function of JAX arrays: the steps of the array program."""
    try:
        import jax.numpy as jnp
    except ImportError:
        raise ImportError("to_jax needs jax: python -m pip install jax") from None
    operation = _jax_operations()
    ops = kernel.code.operations()
    called = {op: f"{op}_" for op in ops if not _is_arithmetic(op)}
    program = fused(found(kernel), inlines=taken_once)
    text = ArrayText(program, [f"v{n}" for n in range(len(program.arrays))], called)
    source = text.function("run")
    names: dict[str, Any] = {name: operation(op) for op, name in called.items()}
    names |= {"np": jnp, "functools": functools}
    for table, (entries, dims) in text.tables.items():
        names[table] = numpy().array(entries).reshape(dims)
    exec(source, names)  # made of the table's texts and numbers, not of a user's
    run = names["run"]

    def program_of(X: Any, parameters: Any = numbers) -> Any:
        X, parameters = _floating(X), _floating(parameters)
        check_table(X, kernel.inputs)
        check_vector(parameters, kernel.parameters)
        outputs, _ = run(X, parameters)
        return outputs.reshape(X.shape[0], *shape)

    return program_of


def _is_arithmetic(op: str) -> bool:
    """Whether JAX differentiates the form of an operation as its row does."""
    return op in LEAVES or op in SUMS or op in COMPARISONS or "(" not in form(op)


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
        if op == GATE.name:
            return _jax_gate
        plain = function(op, names)
        return plain if _is_arithmetic(op) else _with_slopes(op, plain, operation)

    return operation


def _jax_gate(condition: Any, x: Any) -> Any:
    """x, whose derivative is handed on where the condition holds alone."""
    import jax
    import jax.numpy as jnp

    return jnp.where(condition != 0, x, jax.lax.stop_gradient(x))


def _with_slopes(
    op: str, plain: Callable[..., Any], operation: Callable[[str], Callable[..., Any]]
) -> Callable[..., Any]:
    """The function with the rule: the sum of partial derivative times tangent.

    The tangent of an argument that was not chosen is left out, however large it is.
    """
    import jax
    import jax.numpy as jnp
    from jax.custom_derivatives import SymbolicZero

    # Not optimized: the formulas keep their gates, for JAX differentiates the rule.
    kernel = write_out(
        prune(tangent_kernel(op, TABLE[op].arity))[0],
        lambda op: op == GATE.name or has_form(op),
    )

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
