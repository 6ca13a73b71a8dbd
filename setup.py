"""Compile the engine with mypyc where a C compiler exists; plain Python where not.

CHAINRULE_COMPILE=0 asks for plain Python, CHAINRULE_COMPILE=1 makes a failed
compilation an error. An editable install is always plain, so that no stale compiled
module can hide an edit.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HOT = ["numeric", "ops", "value", "graph", "reductions"]
WANTED = os.environ.get("CHAINRULE_COMPILE", "auto")
PLAIN = "chainrule: {}; the engine is installed as plain Python: slower, same results"


def say(reason: str) -> None:
    """Tell once, at build time, why the engine is not compiled."""
    print(PLAIN.format(reason), file=sys.stderr, flush=True)


def extensions() -> list[Extension]:
    """The hot modules, translated to C; nothing where that is not wanted or fails."""
    if WANTED == "0" or not {"bdist_wheel", "build", "build_ext"} & set(sys.argv):
        return []
    try:
        from mypyc.build import mypycify

        # The types of the other modules are no concern of the build: what they import
        # is not installed here.
        options = ["--config-file=", "--follow-imports=silent", "--strict"]
        hot = [f"autograd/{name}.py" for name in HOT]
        made = mypycify([*options, *hot], opt_level="3")
    except BaseException as error:  # mypyc ends the program where it fails
        if WANTED == "1":
            raise
        say(f"mypyc could not translate it ({error})")
        return []
    for source in {Path(source) for extension in made for source in extension.sources}:
        if "Value_dealloc" in (text := source.read_text()):
            source.write_text(with_docstrings(with_deletion(with_node_memory(text))))
    return made


def with_node_memory(code: str) -> str:
    """Let nodes be allocated and freed by autograd/memory.h.

    What mypyc writes would free a long chain as C calls inside one another, because the
    interpreter protects only objects that the cyclic collector tracks.
    """
    memory = Path("autograd/memory.h").read_text()
    members = ".tp_alloc = node_alloc, .tp_dealloc = node_dealloc,"
    for place, addition in (
        (r'(#include "__native_internal_\w+\.h"\n)', memory),
        (r"()\.tp_dealloc = \(destructor\)value___Value_dealloc,", members),
    ):
        code, found = re.subn(place, lambda m, more=addition: m[1] + more, code)
        if found != 1:
            raise RuntimeError(f"the C that mypyc wrote has another shape: {place}")
    return code


def with_deletion(code: str) -> str:
    """Make `del node.data` the error it is in Python: mypyc's setters would crash."""
    start = r"(char retval = 2;\s*)"
    call = r"(?=retval = CPyDef_\w+?___(\w+?)_____mypyc_setter__(\w+)\()"
    message = r"property '\3' of '\2' object has no deleter"
    error = f'PyErr_SetString(PyExc_AttributeError, "{message}")'
    check = rf"\1if (!value) {{ {error}; return -1; }} "
    return re.sub(start + call, check, code)


def with_docstrings(code: str) -> str:
    """Give the compiled functions, methods, properties and classes their docstrings.

    mypyc writes the signatures alone; `help()` should be the same compiled and plain.
    """
    texts = {name: as_c(text) for path in HOT for name, text in docstrings(path)}

    def function(match: re.Match[str]) -> str:
        return match[1] + texts.get(match["name"], "") + '")'

    def attribute(match: re.Match[str]) -> str:
        text = texts.get(f"{match['of']}___{match['name']}")
        return match[0] if text is None else f'{match[1]}PyDoc_STR("{text}"), NULL}}'

    rest = r'(?:[^"\\]|\\.)*--\\n\\n'
    method = r"\(PyCFunction\)CPyPy_(?P<name>\w+),[\sA-Z_|]*, PyDoc_STR"
    class_ = r"\.tp_doc = PyDoc_STR"
    getter = r"\(getter\)(?P<of>\w+?)_get_(?P<name>\w+),\s*(?:\(setter\)\w+|NULL),\s*"
    code = re.sub(rf'({method}\("{rest})"\)', function, code)
    code = re.sub(rf'({class_}\("(?P<name>\w+)\({rest})"\)', function, code)
    return re.sub(rf"({getter})NULL, NULL\}}", attribute, code)


def docstrings(module: str) -> Iterator[tuple[str, str]]:
    """Each docstring of a source file under the name that mypyc's C gives its owner."""
    tree = ast.parse(Path(f"autograd/{module}.py").read_text())
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        name = (
            node.name if isinstance(node, ast.ClassDef) else f"{module}___{node.name}"
        )
        yield name, ast.get_docstring(node) or ""
        for member in node.body:
            if isinstance(node, ast.ClassDef) and isinstance(member, ast.FunctionDef):
                text = ast.get_docstring(member)
                if text:
                    yield f"{module}___{node.name}___{member.name}", text


def as_c(text: str) -> str:
    """Text as the inside of a C string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return escaped.replace("?", "\\?").encode("ascii", "backslashreplace").decode()


class OptionalBuild(build_ext):
    """Build all extensions or none: half of them would not import."""

    def run(self) -> None:
        """Compile; where that fails, take back what was built and go on without."""
        if self.inplace:
            self.extensions = []  # beside its source, it would hide the next edit
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
