"""A program by each way of running it: a backend here, or an export that leaves."""

import numpy as np
import pytest

from autograd import compile

BACKENDS = ["numpy", "llvm"]


def by_numpy_source(program):
    names = {}
    exec(program.to_numpy_source("exported"), names)
    return lambda batch: names["exported"](np.array(batch))


def by_jax(program):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    function = program.to_jax()
    return lambda batch: np.array(function(np.array(batch)))


EXPORTS = {"numpy source": by_numpy_source, "jax": by_jax}
WAYS = [*BACKENDS, *EXPORTS]
"""For ids of tests: `.ci/run plain` asks those with "jax" where JAX is installed."""


def compiled(way, f, inputs, parameters=()):
    """What computes a function's outputs for a batch, this way."""
    if way in BACKENDS:
        return compile(f, inputs, parameters, backend=way)
    return EXPORTS[way](compile(f, inputs, parameters, backend="numpy"))
