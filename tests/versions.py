"""Run the tests on the lowest versions that pyproject.toml allows, or on the newest.

    python tests/versions.py lowest                       # the whole suite, every extra
    python tests/versions.py newest tests/test_value.py   # words for pytest
    python tests/versions.py constraints                  # the lowest, for `pip -c`

Each run makes an environment of the Python that runs this, in a temporary folder, and
installs a copy of the sources there with the engine compiled.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_SOURCES = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")


def pinned(requirement: str) -> str | None:
    """A requirement at its lowest version; None for an extra of our own.

    >>> pinned("numpy>=1.26"), pinned("mypy>=2.4,<2.5"), pinned("chainrule[train]")
    ('numpy==1.26', 'mypy==2.4', None)
    """
    found = re.match(r"([\w.-]+)(?:\[.*\])?\s*[>=]=\s*([\w.]+)", requirement)
    if found is None and not requirement.startswith("chainrule["):
        raise ValueError(f"pyproject.toml has no lowest version for {requirement!r}")
    return f"{found[1]}=={found[2]}" if found else None


def lowest(project: dict) -> list[str]:
    """Each library that the project or one of its extras needs, at its lowest.

    The extra `dev` is left out: the tools in it have one version each.
    """
    extras = project["optional-dependencies"].items()
    every = sum((v for k, v in extras if k != "dev"), project["dependencies"])
    return sorted({pin for each in every if (pin := pinned(each))})


def main(which: str, *words: str) -> int:
    """Make the environment, install into it, and run pytest; its exit code."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build, pins = settings["build-system"]["requires"], lowest(settings["project"])
    if which == "constraints":
        print(*pins, sep="\n")
        return 0
    if which == "lowest":
        build = [pinned(each) for each in build]
    with tempfile.TemporaryDirectory() as folder:
        programs = install(Path(folder), build, pins if which == "lowest" else [])
        environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"
        }
        run = subprocess.run([programs / "pytest", *words], cwd=ROOT, env=environment)
    return run.returncode


def install(folder: Path, build: list[str], constraints: list[str]) -> Path:
    """An environment with chainrule and all its extras; where its programs are."""
    venv.create(folder / "environment", with_pip=True)
    programs = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCES)
    (folder / "constraints.txt").write_text("\n".join(constraints))
    python = programs / "python"
    pip = [python, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    subprocess.run([*pip, *build, "wheel"], check=True)
    ours = ["--no-build-isolation", f"{folder / 'source'}[all]"]
    subprocess.run(
        [*pip, "-c", folder / "constraints.txt", *ours],
        check=True,
        env=os.environ | {"CHAINRULE_COMPILE": "1"},
    )
    subprocess.run([python, "-m", "pip", "list"], check=True)
    return programs


if __name__ == "__main__":
    if sys.argv[1:2] not in (["lowest"], ["newest"], ["constraints"]):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
