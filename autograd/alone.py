"""Refuse to run where the engine would half work.

Two projects install a package named `autograd`. pip lets the later one overwrite files
of the earlier, and removing either takes `__init__.py` along.

A process may hold several Python interpreters. The compiled engine's state is the
process's: it breaks for all of them when the one that loaded it ends. Plain, it would
not, but what works there should not fail where it is compiled.
"""

import os
import sys
from importlib import import_module

FOLDER = os.path.dirname(__file__)


def _shares_its_folder() -> bool:
    """Whether files of the other project lie here, or its removal took some of ours."""
    its_own = os.path.join(FOLDER, "tracer.py")  # a module of the other's alone
    return os.path.exists(its_own) or sys.modules["autograd"].__file__ is None


def _in_subinterpreter() -> bool:
    """Whether this is another interpreter than the one that the process started."""
    new = sys.version_info >= (3, 13)
    try:
        interpreters = import_module("_interpreters" if new else "_xxsubinterpreters")
    except ImportError:  # a Python that has none
        return False
    return bool(interpreters.get_current() != interpreters.get_main())


if _shares_its_folder():
    raise ImportError(
        f"{FOLDER} is not chainrule's alone: another project installs, or installed, a "
        "package named autograd there. Use an environment for chainrule by itself "
        "(python -m venv), or remove both (python -m pip uninstall autograd chainrule) "
        "and install chainrule again"
    )

if _in_subinterpreter():
    raise ImportError(
        "chainrule's autograd runs in the main interpreter of a process, and this is "
        "a subinterpreter: use threads or processes (threading, multiprocessing); "
        "with mod_wsgi set WSGIApplicationGroup %{GLOBAL}"
    )
