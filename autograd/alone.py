"""Refuse to run among the files of another project's `autograd`.

Two projects install a package of this name. pip lets the later one overwrite files of
the earlier, and removing either takes `__init__.py` along; what is left half works.
"""

import os
import sys

FOLDER = os.path.dirname(__file__)

if (
    os.path.exists(os.path.join(FOLDER, "tracer.py"))  # a module of the other's alone
    or sys.modules["autograd"].__file__ is None  # no __init__.py
):
    raise ImportError(
        f"{FOLDER} is not chainrule's alone: another project installs, or installed, a "
        "package named autograd there. Use an environment for chainrule by itself "
        "(python -m venv), or remove both (python -m pip uninstall autograd chainrule) "
        "and install chainrule again"
    )
