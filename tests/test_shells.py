"""What is to be pasted into a shell works in every shell: bash, dash, zsh, cmd.exe."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
BLOCKS = [
    pytest.param(path.name, block, id=f"{path.name}-{n}")
    for path in PAGES
    for n, block in enumerate(
        re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", path.read_text("utf-8"))
    )
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_a_block_holds_nothing_that_some_shell_takes_otherwise(page, block):
    """Zsh takes # for an argument, cmd.exe ' for a letter, and zsh globs and has !."""
    for line in block.splitlines():
        bare = re.sub(r'"[^"]*"', "", line)
        assert "#" not in bare, f"{page}: a comment goes between blocks: {line}"
        assert "'" not in line, f"{page}: quote by double quotes: {line}"
        assert not re.search(r"[*?\[\](){}!^~]", bare), f"{page}: unquoted: {line}"
        assert not re.search(r"[!$`]", line), f"{page}: not literal: {line}"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_every_shell_reads_a_block_in_the_same_way(shell, tmp_path):
    """The words that arrive are those that are written; the commands only print."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    options = {"zsh": ["-f", "-i"], "bash": ["--norc"]}.get(shell, [])
    commands = [
        command.strip()
        for parameters in BLOCKS
        for line in parameters.values[1].splitlines()
        for command in line.split("&&")
        if command.strip() and "\\" not in command
    ]
    names = sorted({command.split()[0] for command in commands} - {"cd", ".", "source"})
    for name in names:
        if "/" not in name and "=" not in name:
            echo = tmp_path / name
            echo.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@" "--end--"\n')
            echo.chmod(0o755)
    told = [c for c in commands if (tmp_path / c.split()[0]).is_file()]
    done = subprocess.run(
        [program, *options],
        input="\n".join([f"PATH={tmp_path}:$PATH", *told, "exit", ""]),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    found = re.findall(
        rf"(?ms)^{re.escape(str(tmp_path))}/(.*?)\n--end--$", done.stdout
    )
    assert [words.split("\n") for words in found] == [shlex.split(c) for c in told]


def test_the_readme_names_no_file_that_the_reader_has_not_got():
    text = PAGES[0].read_text("utf-8")
    written = {"model.json"}
    for block in re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", text):
        written |= set(re.findall(r"(?:-o|--out) (\S+)", block))
        for name in re.findall(r"[\w/]+\.(?:csv|json|txt|py|html|svg)\b", block):
            there = (ROOT / name).exists() or {name, Path(name).name} & written
            assert there, f"{name} is not there"
