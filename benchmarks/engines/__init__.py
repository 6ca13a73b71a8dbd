"""The engines that are compared: a file each, behind one small interface.

A file declares `ENGINES`, what makes the engine of each column. `FILES` says where a
column's engine is declared, so that no file is read, nor a peer imported, before that.
"""

import time
from importlib import import_module

from engines.interface import Engine, Refused

__all__ = ["FILES", "Engine", "Refused", "load"]

FILES = {
    "chainrule compiled": "chainrule",
    "chainrule plain": "chainrule",
    "chainrule before": "chainrule",
    "chainrule-eager": "chainrule",
    "chainrule-llvm": "chainrule",
    "chainrule-numpy": "chainrule",
    "plain Value": "plain_value",
    "micrograd": "micrograd",
    "mygrad": "mygrad",
    "numpy": "by_hand",
    "c": "plain_c",
    "torch scalars": "torch",
    "torch": "torch",
    "torch-compile": "torch",
    "jax": "jax",
    "scikit-learn": "sklearn",
    "casadi": "casadi",
}
"""The file of every column."""


def load(name: str) -> Engine:
    """The engine of a column; a ModuleNotFoundError where the peer is not installed."""
    engine: Engine = import_module(f"engines.{FILES[name]}").ENGINES[name]()
    begin = time.process_time()
    engine.start()
    engine.import_s = time.process_time() - begin
    return engine
