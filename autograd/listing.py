"""What `dir()` of a module shows, and so what an editor offers after its dot.

That is what the module defines to be used: no name that it imports, and none that
begins with an underscore.
"""

from __future__ import annotations

import sys
from types import ModuleType


class Package(ModuleType):
    """A package whose modules list what is theirs.

    Python sets a module on its package when it has run it; that is the moment.
    """

    def __setattr__(self, name: str, thing: object) -> None:
        super().__setattr__(name, thing)
        full = f"{self.__name__}.{name}"
        if sys.modules.get(full) is thing:
            list_own(full)


def list_own(name: str) -> None:
    """Have a module list what is its own, and where it is a package its modules too."""
    for inner, module in [*sys.modules.items()]:
        if module and f"{inner}.".startswith(f"{name}."):
            vars(module)["__dir__"] = lambda module=module: own(module)
            if hasattr(module, "__path__"):
                module.__class__ = Package


def own(module: ModuleType) -> list[str]:
    """What is the module's own: its `__all__`, or the public names that its text binds.

    With the special ones, such as `__doc__`.

    >>> from autograd import source
    >>> [name for name in own(source) if name[0] != "_"][:4]
    ['HELPERS', 'OURS', 'announce', 'in_library']
    """
    special = {name for name in vars(module) if name[:2] == "__"}
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = {n for n in vars(module).keys() & _bound(module) if n[0] != "_"}
    return sorted(special.union(listed))


def _bound(module: ModuleType) -> set[str]:
    """The names that a module's source binds, compiled or not; all of one in C."""
    from pathlib import Path
    from symtable import symtable

    file = Path(str(module.__file__))
    source = file.with_name(f"{file.name.partition('.')[0]}.py")
    if not source.exists():
        return set(vars(module))
    symbols = symtable(source.read_text("utf-8"), str(source), "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
