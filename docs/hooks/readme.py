"""The README's picture: what the README's own code draws.

`python docs/hooks/readme.py` writes docs/images/readme.svg anew; a test holds it to the
README.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))

import cells

ROOT: Final = Path(__file__).parents[2]
PICTURE: Final = ROOT / "docs" / "images" / "readme.svg"


def picture() -> str:
    """What the first block of the README saves as graph.svg."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    code = next(c.body for c in cells.cells(page) if c.language == "python")
    with cells.own_folder(), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
        return Path("graph.svg").read_text(encoding="utf-8")


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
