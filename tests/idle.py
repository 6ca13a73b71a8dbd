"""Which tests pass without having asked anything.

    PYTHONPYCACHEPREFIX=build/idle pytest -p idle -o enable_assertion_pass_hook=true

A loop over nothing, a condition that never holds, an early return: such a test can't
fail. Counted are `assert` in test modules, `pytest.raises` and `warns`, and numpy's
assertions. Some of those listed ask in another way, as where a program has to end well:
read them. (The folder, which is another one than usual, is for the tests' bytecode,
which has to be written anew to count.)
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

ASKED: Counter[str] = Counter()
"""By the test that runs, how often something was asked."""
RUNNING = [""]


def counting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose calls count for the test that runs."""

    @functools.wraps(function)
    def counted(*args: Any, **options: Any) -> Any:
        ASKED[RUNNING[0]] += 1
        return function(*args, **options)

    return counted


def pytest_configure() -> None:
    """Count what asks by another name than `assert`."""
    for module, begin in ((np.testing, "assert_"), (pytest, ("raises", "warns"))):
        for name in dir(module):
            if name.startswith(begin) and callable(getattr(module, name)):
                setattr(module, name, counting(getattr(module, name)))


def pytest_runtest_call(item: pytest.Item) -> None:
    """Remember which test runs."""
    RUNNING[0] = item.nodeid


def pytest_assertion_pass(item: pytest.Item) -> None:
    """Count an `assert` that holds."""
    ASKED[item.nodeid] += 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tell with the report, which may go to another process, how often it asked."""
    report = yield
    report.user_properties.append(("asked", ASKED[item.nodeid]))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List those that passed and asked nothing."""
    passed = terminalreporter.stats.get("passed", [])
    idle = [r.nodeid for r in passed if ("asked", 0) in r.user_properties]
    terminalreporter.section(f"{len(idle)} of {len(passed)} tests asked nothing")
    for name in sorted(idle):
        terminalreporter.write_line(name)
