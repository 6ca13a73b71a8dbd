"""What one engine answers to many small questions, as JSON; run by test_engines.py.

The answers of the compiled engine and of the plain one have to be the same: results,
attributes, signatures, docstrings, errors. Run as a program with PYTHONPATH saying
which engine, it prints a list of pairs, question and answer.
"""

import copy
import functools
import inspect
import itertools
import json
import operator
import pickle
from decimal import Decimal
from fractions import Fraction

import autograd
from autograd import Value

ODD = {
    "None": None,
    "text": "2",
    "bytes": b"2",
    "complex": 1j,
    "list": [1.0],
    "dict": {},
    "object": object,
    "nan": float("nan"),
    "True": True,
    "int": 3,
    "big int": 10**400,
    "Fraction": Fraction(1, 3),
    "Decimal": Decimal("0.5"),
    "Value": Value(0.5, "v"),
    "own": autograd.operation(lambda x: x * x, name="own")(Value(0.5)),
}


NAMES = [name for name in dir(Value) if not name.startswith("_")]
NAMES += ["_prev", "_op", "unknown"]  # micrograd's; other _names are the engine's own


def leaf():
    return Value(0.25, label="x")


def node():
    return leaf() * Value(0.5, "y")


def told(question):
    """The answer as text; for an error its kind and its words."""
    try:
        answer = question()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(answer, Value):
        parents = [p.data for p in answer.parents]
        return f"{answer!r} {answer.label!r} {answer.op!r} {parents} {answer.partials}"
    return repr(answer)


def attributes():
    """Reading, setting and deleting every attribute of a leaf and of a node."""
    for make, name in itertools.product((leaf, node), NAMES):
        what = f"{make.__name__}().{name}"
        yield f"callable {what}", lambda m=make, n=name: callable(getattr(m(), n, None))
        if not name.startswith("__") and callable(getattr(Value, name, None)):
            continue  # plain, a node may have another method of that name for its own
        for kind, odd in ODD.items():
            yield f"{what} = {kind}", lambda m=make, n=name, o=odd: changed(m, n, o)
        if not name.startswith("__"):
            yield f"del {what}", lambda m=make, n=name: delattr(m(), n)


def changed(make, name, odd):
    value = make()
    setattr(value, name, odd)
    return value


def methods():
    """Every method with arguments of every kind, too many and too few."""
    for name in NAMES:
        if callable(getattr(Value, name, None)):
            for count in range(4):
                yield (
                    f"node().{name}(*{count})",
                    lambda n=name, c=count: getattr(node(), n)(*[1.0] * c),
                )
            for kind, odd in ODD.items():
                yield (
                    f"node().{name}({kind})",
                    lambda n=name, o=odd: getattr(node(), n)(o),
                )


def functions():
    """Every public function with arguments of every kind, by position and by name."""
    for name in autograd.__all__:
        function = getattr(autograd, name)
        for count in range(5):
            yield f"{name}(*{count})", lambda f=function, c=count: shown(f(*[0.5] * c))
        for kind, odd in ODD.items():
            yield f"{name}({kind})", lambda f=function, o=odd: shown(f(o))
            yield f"{name}(0.5, {kind})", lambda f=function, o=odd: shown(f(0.5, o))
        yield f"{name}(spam=1)", lambda f=function: shown(f(spam=1))
        yield f"{name}.__doc__", lambda f=function: inspect.getdoc(f)
        yield f"{name} takes", lambda f=function: parameters(f)


def shown(answer):
    """An answer without addresses in it."""
    plain = isinstance(answer, Value | float | int | list | tuple | str | type(None))
    return answer if plain else type(answer).__name__


def parameters(function):
    """Names and defaults; a compiled function has no annotations."""
    found = inspect.signature(function).parameters.values()
    return [(p.name, str(p.default)) for p in found]


OPERATORS = ["add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge", "eq", "ne"]
OPERATORS += ["mod", "floordiv", "matmul", "and_"]


def operators():
    """Each operator with operands of every kind, either way round."""
    for name, (kind, odd) in itertools.product(OPERATORS, ODD.items()):
        apply = getattr(operator, name)
        yield f"{name}(x, {kind})", lambda a=apply, o=odd: a(leaf(), o)
        yield f"{name}({kind}, x)", lambda a=apply, o=odd: a(o, leaf())
    for name in ("neg", "pos", "abs", "invert", "index", "truth", "not_"):
        yield f"{name}(x)", lambda n=name: getattr(operator, n)(leaf())
    for function in (
        float,
        int,
        complex,
        round,
        bool,
        str,
        repr,
        list,
        len,
        iter,
        next,
    ):
        yield f"{function.__name__}(x)", lambda f=function: f(node())


def subclass(of):
    class Mine(of):
        pass

    return Mine


def things():
    """What else one can do with a Value."""
    for make in (leaf, node):
        name = make.__name__
        yield f"dir {name}", lambda m=make: [n for n in dir(m()) if n[0] != "_"]
        yield f"pickle {name}", lambda m=make: pickle.loads(pickle.dumps(m()))
        yield f"copy {name}", lambda m=make: copy.copy(m())
        yield f"deepcopy {name}", lambda m=make: copy.deepcopy([m()])[0]
        yield f"type {name}", lambda m=make: type(m())
        yield f"format {name}", lambda m=make: f"{m():.3f} {m():10}"
        yield f"weakref {name}", lambda m=make: __import__("weakref").ref(m())
    yield "own operation", lambda: type(ODD["own"])
    yield "own operation is a Value", lambda: isinstance(ODD["own"], Value)
    yield "its sum", lambda: type(ODD["own"] + 1)
    yield "subclass", lambda: subclass(Value)
    yield "subclass of an operation", lambda: subclass(type(autograd.tanh))
    yield "type()", lambda: type("Mine", (Value,), {})
    yield "Value()", lambda: Value()
    yield "Value(1, 2)", lambda: Value(1, 2)
    yield "Value(data, label)", lambda: Value(label="a", data=1)
    yield "Value(1, name=2)", lambda: Value(1, name="a")
    yield "bases", lambda: Value.__mro__
    yield "names", lambda: (Value.__name__, Value.__qualname__, Value.__module__)
    yield "doc", lambda: inspect.getdoc(Value)
    for name in NAMES:
        member = getattr(Value, name, None)
        if member is not None:
            yield f"Value.{name}.__doc__", lambda m=member: inspect.getdoc(m)
        if callable(member):
            yield f"Value.{name} takes", lambda m=member: parameters(m)
            yield f"Value.{name}.__name__", lambda m=member: m.__name__
    yield "partial", lambda: functools.partial(Value, label="p")(2.0)
    for row in (autograd.tanh, autograd.atan2):
        yield f"{row.name} repr", lambda r=row: repr(r)
        yield f"{row.name} pickle", lambda r=row: pickle.loads(pickle.dumps(r)) is r
        yield f"{row.name} set", lambda r=row: setattr(r, "unknown", 1)


def main():
    groups = (attributes, methods, functions, operators, things)
    print(json.dumps([(q, told(ask)) for group in groups for q, ask in group()]))


if __name__ == "__main__":
    main()
