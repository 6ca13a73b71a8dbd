"""What the build asks of the compiled engine before it keeps it.

`python -m autograd.trial` ends well where the engine is compiled and works. It asks
what would be lost or crash if a compiler, or what mypyc writes, were of another kind
than those that the tests run on; the results themselves are the tests' concern.
"""

import math
from collections.abc import Callable

import autograd
from autograd import Value, gradients
from autograd.ops import TABLE
from autograd.value import forward, record


def main() -> None:
    """Raise, or crash, where the engine is not what the tests know."""
    if not autograd.__compiled__:
        raise ImportError("Python imports the sources, not what was compiled")
    differentiates()
    computes()
    refuses()
    frees_deep_graphs()
    if "ordinary arithmetic" not in str(Value.__doc__).lower():
        raise ImportError("the docstrings are missing")


def differentiates() -> None:
    """A gradient, first by `backward()`, then as a graph of its own."""
    x = Value(3.0, label="x")
    y = autograd.tanh(x * x - 9.0) + autograd.dot([x, 2.0], [x, x])
    y.backward()
    (slope,) = gradients(y, [x], create_graph=True)
    if not (y.data == 15.0 and x.grad == slope.data == 14.0):
        raise ArithmeticError(f"{y.data}, {x.grad} and {slope.data}, not 15, 14 and 14")


def computes() -> None:
    """Each operation at its samples: what C records is what the row itself gives."""
    for row in TABLE.values():
        for numbers in row.samples:
            nodes = [Value(x) for x in numbers]
            made, wanted = record(row, nodes).data, forward(row, [*numbers], nodes)
            if not math.isclose(made, wanted, rel_tol=1e-9):
                raise ArithmeticError(f"{row.name}{numbers} is {made}, not {wanted}")


def refuses() -> None:
    """Errors where a property is deleted, or set to what is no number."""
    x = Value(1.0)
    _raises(AttributeError, lambda: delattr(x, "data"))
    _raises(AttributeError, lambda: delattr(x, "grad"))
    _raises(AttributeError, lambda: delattr(x, "label"))
    _raises(AttributeError, lambda: setattr(x * x, "data", 1.0))
    _raises(TypeError, lambda: setattr(x, "data", "text"))
    _raises(TypeError, lambda: setattr(x, "grad", None))
    _raises(ValueError, lambda: autograd.log(x - 2.0))


def _raises(kind: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} where there has to be one")


def frees_deep_graphs() -> None:
    """Chains of 200 000 nodes, recorded and freed; some of the memory is used again."""
    for _ in range(3):
        y = x = Value(1.0)
        for _ in range(200_000):
            y = y + x
        y.backward()
        if x.grad != 200_001.0:
            raise ArithmeticError(f"{x.grad}, not 200001")


if __name__ == "__main__":
    main()
