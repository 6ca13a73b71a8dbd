"""From the bytes of a file to text in UTF-8: unpacked, and its encoding found.

>>> import gzip
>>> unpacked(gzip.compress(b"a,b\\n"), "t.csv.gz")
b'a,b\\n'
>>> as_utf8("größe\\n1\\n".encode("utf-16"), "t.csv")[0].decode()
'größe\\n1\\n'
"""

from __future__ import annotations

import codecs
from io import BytesIO

from autograd.wording import cut

CHUNK = 2**22
"""Bytes that are looked at in one go."""


def unpacked(data: bytes, name: str) -> bytes:
    """The bytes inside a compressed file. A file may be packed twice, as in .tar.gz."""
    import bz2
    import gzip
    import lzma

    packed = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ\0": lzma}
    try:
        for begins, library in packed.items():
            if data.startswith(begins):
                found: bytes = library.decompress(data)
                return found
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise ValueError(f"{name} is a damaged compressed file: {error}") from None
    return _from_zip(data, name) if data.startswith(b"PK\x03\x04") else data


def _from_zip(data: bytes, name: str) -> bytes:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            inside = [
                entry.filename
                for entry in archive.infolist()
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
            ]
            if any(n in ("[Content_Types].xml", "mimetype") for n in inside):
                raise ValueError(
                    f"{name} is a workbook or a document; save the sheet as CSV, in "
                    "Excel with: File, Save As, CSV UTF-8"
                )
            if len(inside) != 1:
                raise ValueError(
                    f"{name} holds {len(inside)} files ({cut(', '.join(inside))}); "
                    "unpack it and give the one that is the table"
                )
            return archive.read(inside[0])
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{name} is a zip file that can't be read: {error}") from None


MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""What a file may begin with to say its encoding; the longer ones first."""


def as_utf8(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The same text in UTF-8 with line feeds, and what had to be guessed for that."""
    data, notes = _in_utf8(data, name)
    if b"\0" in data:
        raise ValueError(
            f"{name} is not a table in a text file: it holds bytes of 0; save the "
            "table as CSV in UTF-8"
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data, notes


def _in_utf8(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding, name), ()
    for encoding, zeros in (("utf-16-le", data[1:200:2]), ("utf-16-be", data[:200:2])):
        if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros):
            return _decoded(data, encoding, name), ()
    try:
        _check_utf8(data)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        note = "it is not in UTF-8 and was read as Latin-1 (Windows-1252)"
        return text.encode(), (note,)
    return data, ()


def _decoded(data: bytes, encoding: str, name: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        raise ValueError(
            f"{name} says that it is in {encoding.upper()} and is not: {error}; save "
            "it as CSV in UTF-8"
        ) from None


def _check_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError for another encoding; without a copy of it all."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, len(data), CHUNK):
        decoder.decode(data[begin : begin + CHUNK])
    decoder.decode(b"", final=True)
