"""Run the tests on the lowest versions that pyproject.toml allows, or on the newest.

    python tests/versions.py lowest                          # the whole suite
    python tests/versions.py newest -n 2 tests/test_value.py # words for pytest

Each run makes an environment of the Python that runs this, in a temporary folder, and
installs a copy of the sources there with the engine compiled. Lowest are the libraries
that pyproject.toml names; those that they need in turn are the newest that fit.
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
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}


def pinned(requirement: str) -> str:
    """A requirement at its lowest version.

    >>> pinned("mypy>=2.4,<2.5")
    'mypy==2.4'
    """
    name, version = re.match(r"([\w.-]+)>=([\w.]+)", requirement).groups()
    return f"{name}=={version}"


def main(which: str, *words: str) -> int:
    """Make the environment, install into it, and run pytest; its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        programs = install(Path(folder), which)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        tests = [programs / "pytest", *words]
        return subprocess.run(
            tests, cwd=ROOT, env=os.environ | {"PATH": path}
        ).returncode


def install(folder: Path, which: str) -> Path:
    """An environment with chainrule and all its extras; where its programs are."""
    venv.create(folder / "environment", with_pip=True)
    programs = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    # uv, because pip knows the newest versions alone.
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCES)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = settings["build-system"]["requires"]
    if which == "lowest":
        build = list(map(pinned, build))
    (folder / "build.txt").write_text("\n".join(build))
    command = [python, "-m", "uv", "pip", "install", "--python", python]
    command += ["--resolution", RESOLUTIONS[which], f"{folder / 'source'}[all]"]
    command += ["pytest-xdist>=3.5", "--build-constraints", folder / "build.txt"]
    subprocess.run(command, check=True, env=os.environ | {"CHAINRULE_COMPILE": "1"})
    return programs


if __name__ == "__main__":
    if sys.argv[1:2] not in [[which] for which in RESOLUTIONS]:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
