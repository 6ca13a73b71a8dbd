"""Files are written whole or not at all, by one writer at a time."""

import os
import threading

import pytest

from autograd.files import write_whole


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


@pytest.mark.parametrize("place", ["missing/a.svg", "file/a.svg", "folder"])
def test_an_unwritable_path_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"^can't write '.*(a\.svg|folder)': "):
        write_whole(tmp_path / place, b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


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


@pytest.mark.skipif(os.name != "posix", reason="there are no such locks anyway")
def test_many_writers_on_a_drive_without_locks(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    write_from_threads(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]
