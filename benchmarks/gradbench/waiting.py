"""GradBench's tool for JAX, made to wait for its results.

    python benchmarks/gradbench/waiting.py EXPORT

JAX answers before it has computed, and the tool takes the time of that.
"""

import sys
from pathlib import Path

import jax

PACKAGES = Path(sys.argv.pop()) / "python" / "gradbench"
sys.path[:0] = [str(PACKAGES), str(PACKAGES / "gradbench" / "tools" / "jax")]

from gradbench import wrap  # noqa: E402 (found in the folder of the argument)

multiple_runs = wrap.multiple_runs


def waited(**options):
    """The decorator of what is timed, for functions that wait."""
    decorate = multiple_runs(**options)
    return lambda f: decorate(lambda given: jax.block_until_ready(f(given)))


if __name__ == "__main__":
    wrap.multiple_runs = waited
    from run import main

    main()
