"""What the engines are given to do; one module for each benchmark that has workers.

Each has a class `Session`, whose methods a worker calls when it is asked.
"""

import math
from collections.abc import Sequence


def difference(found: Sequence[float], expected: Sequence[float]) -> str:
    """Where two results differ, beyond eight digits; empty where they do not."""
    if len(found) != len(expected):
        return f"{len(found)} numbers instead of {len(expected)}"
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        if not math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-12):
            return f"{a!r} instead of {b!r}, as number {i + 1} of {len(found)}"
    return ""
