"""A page of one file: scripts and styles in it, and a policy that allows no other."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

IMPORT: Final = re.compile(
    r'^import (?:(\{[^}]*\})|\* as (\w+)) from "\./([\w-]+)\.js";$', re.MULTILINE
)
EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:function|class|const|let) (\w+))", re.MULTILINE
)


def resource(name: str) -> str:
    """The text of a file of this folder."""
    return (files("viz") / "pages" / name).read_text("utf-8")


def bundled(known: Mapping[str, str], main: str) -> str:
    """The modules as one script: each a function, called after those that it imports.

    known: the texts by the names of their files. main: the module that needs others.

    >>> text = 'import { a } from "./b.js";' + chr(10) + "alert(a);"
    >>> print(bundled({"c.js": text, "b.js": "export const a = 1;"}, "c"))
    "use strict";
    const b_js = (() => {
    const a = 1;
    return { a };
    })();
    const c_js = (() => {
    const { a } = b_js;
    alert(a);
    return {  };
    })();
    """
    done: list[str] = []
    made: list[str] = []

    def add(name: str) -> None:
        if name in done:
            return
        text = known[f"{name}.js"]
        for _, _, other in IMPORT.findall(text):
            add(other)
        done.append(name)
        names = ", ".join(EXPORT.findall(text))
        body = EXPORT.sub("", IMPORT.sub(_imported, text)).rstrip()
        made.append(
            f"const {name}_js = (() => {{\n{body}\nreturn {{ {names} }};\n}})();"
        )

    add(main)
    return "\n".join(['"use strict";', *made])


def _imported(found: re.Match[str]) -> str:
    names, whole, module = found.groups()
    return f"const {whole or names} = {module}_js;"


def digest(text: str) -> str:
    """What a content security policy calls the one text that it allows.

    >>> digest("alert(1)")
    "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{found}'"


def embedded(data: object) -> str:
    r"""JSON that nothing in it can end: ASCII alone, and no < > &.

    >>> print(embedded("</script>"))
    "\u003c/script\u003e"
    """
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
