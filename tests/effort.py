"""What a call costs, counted: a clock would tell how busy the machine is."""

from __future__ import annotations

import cProfile
import itertools
from collections.abc import Callable

from autograd.modes import Setting
from autograd.value import CLOCK


def calls(f: Callable[[], object]) -> int:
    """How many calls of functions a call makes, those in C included."""
    profile = cProfile.Profile()
    profile.runcall(f)
    return sum(entry.callcount for entry in profile.getstats())


def nodes_recorded(f: Callable[[], object]) -> int:
    """How many nodes a call records, constants not counted."""
    count = itertools.count()
    with Setting("watcher", lambda node: next(count), True):
        f()
    return next(count)


def steps_walked(f: Callable[[], object]) -> int:
    """How many steps over graphs a call walks: the clock of orders counts them."""
    before = CLOCK.tick
    f()
    return CLOCK.tick - before
