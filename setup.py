"""Compile the engine with mypyc where a C compiler exists; plain Python where not.

CHAINRULE_COMPILE=0 asks for plain Python, CHAINRULE_COMPILE=1 makes a failed
compilation an error. An editable install is always plain, so that no stale compiled
module can hide an edit.
"""

import os
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

HOT = ["numeric", "ops", "value", "graph", "reductions"]
WANTED = os.environ.get("CHAINRULE_COMPILE", "auto")
PLAIN = (
    "chainrule: {}, so the engine is installed as plain Python: same results, slower"
)


def say(reason: str) -> None:
    print(PLAIN.format(reason), file=sys.stderr, flush=True)


def extensions() -> list:
    if WANTED == "0" or any("editable" in word for word in sys.argv):
        return []
    try:
        from mypyc.build import mypycify

        made = mypycify([f"autograd/{name}.py" for name in HOT], opt_level="3")
    except BaseException as error:  # mypyc ends the program where it fails
        if WANTED == "1":
            raise
        say(f"mypyc could not translate it ({error})")
        return []
    for extension in made:
        for source in extension.sources:
            without_trashcan(Path(source))
    return made


def without_trashcan(source: Path) -> None:
    """Take the interpreter's trashcan out of the deallocators.

    mypyc puts it also around objects that the cyclic collector does not track, whose
    memory has no room for the link it writes there. Nodes are freed iteratively by
    `Value.__del__` instead.
    """
    include = "#include <CPy.h>"
    text = source.read_text()
    if include in text and "Value_dealloc" in text:
        text = text.replace(
            include,
            f"{include}\n"
            "#undef CPy_TRASHCAN_BEGIN\n#define CPy_TRASHCAN_BEGIN(op, dealloc)\n"
            "#undef CPy_TRASHCAN_END\n#define CPy_TRASHCAN_END(op)",
            1,
        )
        source.write_text(text)


class OptionalBuild(build_ext):
    """Build all extensions or none: half of them would not import."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            if WANTED == "1":
                raise
            say(f"no C compiler could build it ({type(error).__name__})")
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild})
