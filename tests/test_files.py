"""Files are written whole or not at all, by one writer at a time."""

import ast
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nn
import viz
from autograd import Value, compile
from autograd.files import write_whole
from viz import cli

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX files alone")
ROOT = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="root alone"
)
NOBODY = 65534


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def someone_else():
    """Be a user without rights, for whom a write-protected file is that."""
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder():
    """A folder that every user may reach and change, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    step, tmp_path, monkeypatch
):
    path = tmp_path / "a.svg"
    write_whole(path, b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(OSError, match=r"^can't write '.*a\.svg': No space left"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.svg"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing/a.svg", "there is no folder '.*missing'"),
        ("link", "there is no folder '.*missing'"),
        ("file/a.svg", "'.*file' is a file, and no folder"),
        ("folder", "it is a folder; add the name of a file"),
        ("folder/", "it is a folder; add the name of a file"),
        ("new/", "there is no folder '.*new'"),
        ("file/", "'.*file' is a file, and no folder"),
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
    ],
)
@POSIX
def test_an_unwritable_path_is_named(tmp_path, place, reason):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("missing/a.svg")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(OSError, match=f"^can't write '.*{place}': {reason}$"):
        write_whole(f"{tmp_path}/{place}", b"new")
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "file").read_text() == "old"


def test_an_empty_path_is_refused():
    with pytest.raises(OSError, match=r"^can't write '': the name is empty$"):
        write_whole("", b"new")


# ---- what is no regular file is written into -----------------------------------------


@POSIX
def test_a_pipe_stays_a_pipe_and_gets_the_bytes(tmp_path):
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    (tmp_path / "link.svg").symlink_to("pipe.svg")
    for path in (pipe, tmp_path / "link.svg"):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        write_whole(path, b"new")
        assert os.read(reader, 10) == b"new"
        os.close(reader)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link.svg", "pipe.svg"]


def device(path, major, minor):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:  # many containers allow no devices
        pytest.skip(f"no device can be made here: {error}")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's numbers of devices")
def test_a_device_stays_a_device(tmp_path):
    null = tmp_path / "null.svg"
    device(null, 1, 3)
    write_whole(null, b"new")
    assert stat.S_ISCHR(null.stat().st_mode)
    assert os.listdir(tmp_path) == ["null.svg"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's numbers of devices")
def test_a_device_that_is_full_is_told(tmp_path):
    full = tmp_path / "full.svg"
    device(full, 1, 7)
    with pytest.raises(OSError, match=r"^can't write '.*': No space left on device$"):
        write_whole(full, b"new")
    assert stat.S_ISCHR(full.stat().st_mode)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's numbers of devices")
@pytest.mark.parametrize(
    ("kind", "major", "minor"),
    [
        (stat.S_IFCHR, 1, 5),  # zeros
        (stat.S_IFCHR, 5, 2),  # terminals, of which a container may have none
        (stat.S_IFCHR, 240, 1),  # kept free for experiments: there is none
        (stat.S_IFBLK, 240, 1),
    ],
)
def test_a_device_of_any_kind_stays_what_it_was(kind, major, minor, tmp_path):
    path = tmp_path / "a.svg"
    try:
        os.mknod(path, kind | 0o666, os.makedev(major, minor))
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    before, said = path.stat(), ""
    try:
        write_whole(path, b"new")
    except OSError as error:
        said = str(error)
    assert not said or re.match(f"^can't write '{path}': No such (device|file)", said)
    after = path.stat()
    assert (after.st_mode, after.st_rdev) == (before.st_mode, before.st_rdev)
    assert os.listdir(tmp_path) == ["a.svg"]


@POSIX
def test_a_terminal_gets_the_bytes(tmp_path):
    near, far = os.openpty()
    (tmp_path / "link.svg").symlink_to(os.ttyname(far))
    write_whole(tmp_path / "link.svg", b"new")
    assert os.read(near, 10) == b"new"
    os.close(near)
    os.close(far)


@POSIX
def test_a_reader_that_leaves_early_is_told(tmp_path):
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)

    def read_a_little():
        with pipe.open("rb", buffering=0) as file:
            file.read(1)

    reader = threading.Thread(target=read_a_little, daemon=True)
    reader.start()
    with pytest.raises(OSError, match=r"^can't write '.*pipe\.svg': Broken pipe$"):
        write_whole(pipe, bytes(10**6))  # more than a pipe holds
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_path_may_be_of_bytes(tmp_path):
    write_whole(os.fsencode(tmp_path / "a.svg"), b"new")
    assert (tmp_path / "a.svg").read_bytes() == b"new"
    with pytest.raises(OSError, match=r"^can't write '.*missing.*no folder"):
        write_whole(os.fsencode(tmp_path / "missing" / "a.svg"), b"new")


@POSIX
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.svg")
        with pytest.raises(OSError, match=r"^can't write 'a\.svg': "):
            write_whole("a.svg", b"new")
        assert stat.S_ISSOCK(os.stat("a.svg").st_mode)


@POSIX
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "link"])
def test_an_open_file_goes_on_where_it_was(tmp_path, name):
    program = (
        "from autograd.files import write_whole\n"
        f"print('before'); write_whole({name!r}, b'whole\\n'); print('after')"
    )
    (tmp_path / "link").symlink_to("/dev/stdout")
    with (tmp_path / "out").open("w") as out:
        out.write("first\n")
        out.flush()
        subprocess.run(
            [sys.executable, "-c", program], stdout=out, cwd=tmp_path, check=True
        )
    assert (tmp_path / "out").read_text() == "first\nbefore\nwhole\nafter\n"
    assert sorted(os.listdir(tmp_path)) == ["link", "out"]


# ---- every writer of the packages is this one ----------------------------------------


def product():
    x = Value(3.0, label="x")
    return x * x


def history():
    model = nn.MLP(1, [1], seed=0)
    return nn.fit(model, [[0.0], [1.0]], [0.0, 1.0], epochs=2, progress=False)


def animation(path):
    X, y, model = [[0.0, 0.0], [1.0, 1.0]], [0, 1], nn.MLP(2, [1], seed=0)
    kept = nn.Snapshots()
    nn.fit(model, X, y, epochs=1, callbacks=[kept], progress=False)
    viz.animate_decision_boundary(model, kept, X, y, path, resolution=4)


def command(verb, path):
    done = CliRunner().invoke(cli.app, [verb, "x*x", "x=3", "-o", str(path)])
    assert done.exit_code == 0, done.output


WRITERS = {
    "graph.svg": lambda path: viz.draw(product()).save(path),
    "graph.dot": lambda path: viz.draw(product()).save(path),
    "render.svg": lambda path: viz.draw(product()).render(os.path.splitext(path)[0]),
    "stepper.html": lambda path: viz.stepper(product()).save(path),
    "plot.svg": lambda path: viz.plot_history(history()).save(path),
    "animation.gif": animation,
    "model.json": lambda path: nn.save(nn.MLP(1, [1], seed=0), path),
    "model.safetensors": lambda path: nn.export_safetensors(
        nn.MLP(1, [1], seed=0), path
    ),
    "program.json": lambda path: compile(lambda x: x * x, inputs=1).save(path),
    "explain.md": lambda path: command("explain", path),
    "draw.svg": lambda path: command("draw", path),
    "step.html": lambda path: command("step", path),
}


@POSIX
@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_keeps_a_file_private_and_a_pipe_a_pipe(name, tmp_path):
    path, pipe = tmp_path / name, tmp_path / f"pipe-{name}"
    path.write_bytes(b"old")
    path.chmod(0o600)
    WRITERS[name](path)
    assert (path.read_bytes() != b"old", mode_of(path)) == (True, 0o600)
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    WRITERS[name](pipe)
    reader.join(timeout=60)
    assert got == [path.read_bytes()]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def writes(call):
    """Whether a call in a source file writes a file by itself."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        given = [*call.args[1:2], *[k.value for k in call.keywords if k.arg == "mode"]]
        return any(set(mode.value) & set("wax+") for mode in given)
    return name in {"write_text", "write_bytes"} or (
        name in {"replace", "rename"} and ast.unparse(call.func.value) == "os"
    )


@pytest.mark.parametrize("package", [Path(p.__file__).parent for p in (nn, viz)])
def test_no_module_writes_in_another_way(package):
    found = [
        f"{path.name}: {ast.unparse(node)}"
        for path in [
            *package.rglob("*.py"),
            *(package.parent / "autograd").rglob("*.py"),
        ]
        for node in ast.walk(ast.parse(path.read_text()))
        if path.name != "files.py" and isinstance(node, ast.Call) and writes(node)
    ]
    # In a temporary folder of its own, which only this process knows.
    own = {
        "render.py": "conf.write_text(FONTS_ONLY",
        "export.py": ("given.write_bytes(sources)", "script.write_text("),
    }
    left = [
        line
        for line in found
        for name, _, call in [line.partition(": ")]
        if not call.startswith(own.get(name, "\0"))
    ]
    assert left == []


# ---- what a file that is replaced hands on -------------------------------------------


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666, 0o1644, 0o2770])
def test_the_permissions_stay(tmp_path, mode):
    path = tmp_path / "a.svg"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_whole(path, b"new")
    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_usual_permissions(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a.svg", b"new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a.svg") == 0o666 & ~mask


@POSIX
def test_a_private_files_new_content_is_never_open_to_others(tmp_path, monkeypatch):
    path = tmp_path / "a.svg"
    path.write_bytes(b"old")
    path.chmod(0o600)
    modes = []
    monkeypatch.setattr(os, "fsync", lambda at: modes.append(os.fstat(at).st_mode))
    write_whole(path, b"new")
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600]


@ROOT
def test_owner_and_group_stay_where_root_writes(tmp_path):
    path = tmp_path / "a.svg"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o4640)
    write_whole(path, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode_of(path)) == (1234, 4321, 0o4640)


@ROOT
def test_another_users_file_gives_no_rights_of_its_group_to_ones_own(open_folder):
    path = open_folder / "a.svg"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o662)  # its group may read it, all others may only write
    groups = os.getgroups()
    os.setgroups([])
    try:
        with someone_else():
            write_whole(path, b"new")
    finally:
        os.setgroups(groups)
    assert path.read_bytes() == b"new"
    assert (path.stat().st_uid, mode_of(path)) == (NOBODY, 0o622)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's attributes alone")
def test_attributes_and_access_lists_stay(tmp_path):
    path = tmp_path / "a.svg"
    path.write_bytes(b"old")
    path.chmod(0o600)
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), (2, 4, 1234), (4, 0, nobody), (16, 4, nobody)]
    entries.append((32, 0, nobody))  # owner, user 1234, group, mask, others
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)
    given = {"user.note": b"kept", "system.posix_acl_access": access}
    try:
        for name, value in given.items():
            os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"this drive keeps none: {error}")
    write_whole(path, b"new")
    assert {name: os.getxattr(path, name) for name in given} == given
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o640)


@POSIX
def test_a_symbolic_link_goes_on_pointing(tmp_path):
    (tmp_path / "folder").mkdir()
    link, goal = tmp_path / "a.svg", tmp_path / "folder" / "b.svg"
    link.symlink_to("folder/b.svg")
    for content in (b"made", b"replaced"):
        write_whole(link, content)
        assert (link.is_symlink(), goal.read_bytes()) == (True, content)
    assert os.listdir(tmp_path / "folder") == ["b.svg"]


@POSIX
def test_another_hard_link_keeps_the_old_bytes(tmp_path):
    path, other = tmp_path / "a.svg", tmp_path / "b.svg"
    path.write_bytes(b"old")
    os.link(path, other)
    write_whole(path, b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")


# ---- what is write-protected stays ---------------------------------------------------


@ROOT
def test_a_write_protected_file_is_refused(open_folder):
    path = open_folder / "a.svg"
    path.write_bytes(b"old")
    path.chmod(0o444)
    os.chown(path, NOBODY, NOBODY)
    with (
        someone_else(),
        pytest.raises(OSError, match=r"^can't write '.*': it is write-protected$"),
    ):
        write_whole(path, b"new")
    assert (path.read_bytes(), os.listdir(open_folder)) == (b"old", ["a.svg"])


@ROOT
@pytest.mark.parametrize("name", ["a.svg", "new.svg"])
def test_a_write_protected_folder_is_told(open_folder, name):
    path = open_folder / "a.svg"
    path.write_bytes(b"old")
    path.chmod(0o666)
    open_folder.chmod(0o755)
    reason = "Permission denied: it is made anew, and its folder is write-protected"
    with (
        someone_else(),
        pytest.raises(OSError, match=rf"^can't write '.*': {reason}$"),
    ):
        write_whole(open_folder / name, b"new")
    assert (path.read_bytes(), os.listdir(open_folder)) == (b"old", ["a.svg"])


# ---- the hidden file on the way ------------------------------------------------------


def test_what_a_killed_process_left_is_taken_over(tmp_path):
    (tmp_path / ".a.svg.part").write_bytes(b"half")
    write_whole(tmp_path / "a.svg", b"new")
    assert os.listdir(tmp_path) == ["a.svg"]


@POSIX
def test_the_hidden_name_is_never_followed_elsewhere(tmp_path):
    (tmp_path / "victim").write_bytes(b"old")
    (tmp_path / ".a.svg.part").symlink_to("victim")
    write_whole(tmp_path / "a.svg", b"new")
    assert (tmp_path / "victim").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["a.svg", "victim"]


@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}", "\N{PARTY POPPER}"])
def test_the_longest_names_can_be_written(tmp_path, letter):
    name = letter * (255 // len(letter.encode()))
    write_whole(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == [name]


# ---- many at a time ------------------------------------------------------------------


def write_from_threads(path, count=8, times=20):
    contents = [bytes([48 + i]) * (1000 * (i + 1)) for i in range(count)]

    def write(content):
        for _ in range(times):
            write_whole(path, content)
            assert path.read_bytes() in contents

    threads = [threading.Thread(target=write, args=(c,)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents


def test_many_writers_of_one_file(tmp_path):
    write_from_threads(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]


@POSIX
def test_many_writers_on_a_drive_without_locks(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    write_from_threads(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]
