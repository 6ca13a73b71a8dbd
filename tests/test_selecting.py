"""Random programs that select below something infinite, nan and inf included.

Their first derivatives are held to a tape of a few lines that masks, written here from
torch's rules, and where torch is installed to torch itself.
"""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from exported import BACKENDS

import autograd
from autograd import Value, gradients
from autograd.modes import ieee

NUMBERS = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, math.inf, -math.inf, math.nan)
POWERS = (0, 0.5, 1, 2, 3, -1)

# The result, then what each argument gets from the adjoint g.
RULES = {
    "relu": (lambda x: np.where(x < 0, 0, x), lambda g, x, out: [_if(~(x <= 0), g)]),
    "maximum": (
        lambda x, y: y if y > x or y != y else x,
        lambda g, x, y, out: [
            _if(~(x < y), g / 2 if x == y else g),
            _if(~(y < x), g / 2 if x == y else g),
        ],
    ),
    "minimum": (
        lambda x, y: y if y < x or y != y else x,
        lambda g, x, y, out: [
            _if(~(x > y), g / 2 if x == y else g),
            _if(~(y > x), g / 2 if x == y else g),
        ],
    ),
    "clip": (
        lambda x: np.clip(x, -1, 1),
        lambda g, x, out: [_if((x >= -1) & (x <= 1), g)],
    ),
    "where": (
        lambda x, y, z: y if x > 0 else z,
        lambda g, x, y, z, out: [0.0, _if(x > 0, g), _if(~(x > 0), g)],
    ),
    "add": (lambda x, y: x + y, lambda g, x, y, out: [g, g]),
    "mul": (lambda x, y: x * y, lambda g, x, y, out: [g * y, g * x]),
    "div": (lambda x, y: x / y, lambda g, x, y, out: [g / y, -g * (out / y)]),
    "sqrt": (np.sqrt, lambda g, x, out: [g / (2 * out)]),
    "log": (np.log, lambda g, x, out: [g / x]),
    "acos": (np.arccos, lambda g, x, out: [-g / np.sqrt((1 - x) * (1 + x))]),
} | {
    f"pow {k}": (
        lambda x, k=k: x**k,
        lambda g, x, out, k=k: [0.0 if k == 0 else g * (k * x ** (k - 1))],
    )
    for k in POWERS
}


def _if(condition, x):
    return x if condition else np.float64(0.0)


ARITY = {
    op: rule.__code__.co_argcount - 2 - op.startswith("pow")
    for op, (_, rule) in RULES.items()
}
MORE = {"power": 2, "atan2": 2, "asin": 1, "abs": 1, "exp": 1, "leaky_relu": 1}
"""What torch has rules for, and the tape has none."""


def random_program(rng, arity=ARITY):
    """Numbers, and steps: an operation and the places of its arguments."""
    leaves = [rng.choice(NUMBERS) for _ in range(3)]
    steps = []
    for at in range(3, 3 + rng.randint(2, 6)):
        op = rng.choice(list(arity))
        others = [rng.randrange(at) for _ in range(arity[op] - 1)]
        steps.append((op, [*others, at - 1]))
    return leaves, steps


def by_the_tape(leaves, steps):
    values = [np.float64(x) for x in leaves]
    with np.errstate(all="ignore"):
        for op, args in steps:
            values.append(np.float64(RULES[op][0](*[values[a] for a in args])))
        adjoints = [np.float64(0.0)] * len(values)
        adjoints[-1] = np.float64(1.0)
        for at in range(len(values) - 1, 2, -1):
            op, args = steps[at - 3]
            given = [values[a] for a in args]
            shares = RULES[op][1](adjoints[at], *given, values[at])
            for arg, share in zip(args, shares, strict=True):
                adjoints[arg] = adjoints[arg] + share
    return [float(x) for x in adjoints[:3]]


def run(functions, leaves, steps):
    values = list(leaves)
    for op, args in steps:
        name, _, k = op.partition(" ")
        given = [values[a] for a in args]
        given += [float(k)] if k else []
        values.append(functions[name](*given))
    return values[-1]


OURS = {
    name: getattr(autograd, name) for name in (*RULES, *MORE) if hasattr(autograd, name)
} | {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": lambda x, k: x**k,
    "power": lambda x, y: x**y,
    "clip": lambda x: autograd.clip(x, -1, 1),
    "where": lambda x, y, z: autograd.where(x > 0, y, z),
}


def by_the_engine(leaves, steps):
    xs = [Value(x) for x in leaves]
    with ieee():
        return gradients(run(OURS, xs, steps), xs)


def by_torch(torch, leaves, steps):
    theirs = OURS | {
        # From 2.14 on, torch's own has the slope 0 at -1 and 1; before, it had 1.
        "clip": lambda x: torch.where(abs(x) == 1, x, torch.clamp(x, -1, 1)),
        "where": lambda x, y, z: torch.where(x > 0, y, z),
        # By a tensor; by a number, torch takes 0.5 for sqrt, which is nan at -inf.
        "pow": lambda x, k: x ** torch.tensor(k, dtype=torch.float64),
        **{n: getattr(torch, n) for n in ("relu", "maximum", "minimum")},
        **{n: getattr(torch, n) for n in ("sqrt", "log", "acos", "asin", "exp")},
        **{n: getattr(torch, n) for n in ("abs", "atan2")},
        "leaky_relu": torch.nn.functional.leaky_relu,
    }
    xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in leaves]
    found = torch.autograd.grad(run(theirs, xs, steps), xs, allow_unused=True)
    return [0.0 if x is None else x.item() for x in found]


def check(seed, reference, arity=ARITY):
    leaves, steps = random_program(random.Random(seed), arity)
    wanted = reference(leaves, steps)
    found = by_the_engine(leaves, steps)
    assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True), (seed, leaves, steps)


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_of_two_zeros_the_first_is_chosen(x):
    """As in torch: below 1 / x the sign decides between inf and -inf."""
    for choose in (autograd.maximum, autograd.minimum):
        assert math.copysign(1.0, choose(x, -x)) == math.copysign(1.0, x)
        assert math.copysign(1.0, choose(Value(x), -x).data) == math.copysign(1.0, x)
        for backend in BACKENDS:
            program = autograd.compile(choose, 2, backend=backend)
            assert (
                np.signbit(program([[x, -x]] * 9)).tolist()
                == [math.copysign(1, x) < 0] * 9
            )


def test_selecting_programs_against_a_tape():
    for seed in range(3000):
        check(seed, by_the_tape)


def with_exact_roots(monkeypatch):
    """torch, whose sqrt(2.0) is else 1.414213562373095 where its MKL has a faster one.

    Which of two is larger, and on which side of a bound, then is another question.
    """
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    torch = pytest.importorskip("torch")
    if torch.tensor(2.0, dtype=torch.float64).sqrt().item() != math.sqrt(2.0):
        pytest.skip("torch was used before, and keeps its roots")
    return torch


@pytest.mark.slow
def test_selecting_programs_against_torch(monkeypatch):
    torch = with_exact_roots(monkeypatch)
    for seed in range(50_000):
        check(seed, lambda *program: by_torch(torch, *program))


@pytest.mark.slow
def test_programs_with_poles_and_powers_against_torch(monkeypatch):
    torch = with_exact_roots(monkeypatch)
    for seed in range(20_000):
        check(seed, lambda *program: by_torch(torch, *program), ARITY | MORE)
