"""Files as people have them: packed, encoded, separated and commented in every way."""

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import random
import re
import sys
import zipfile

import numpy as np
import polars as pl
import pytest

from nn import rows as in_rows
from nn.reading import read

NAMES = ("size", "the kind", "größe")
ROWS = [["1.5", "cat", "ä"], ["-2e3", "a b", ""], ["", "", "3"], ["007", "é", "x"]]


def cells(sheet):
    return [list(row) for row in zip(*map(sheet.column, sheet.names), strict=True)]


def written(rows, delimiter=",", newline="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    form = {"delimiter": delimiter, "lineterminator": newline, "quoting": quoting}
    csv.writer(out, **form).writerows([NAMES, *rows])
    return out.getvalue()


def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._t.csv", b"x")
        archive.writestr("t.csv", data)
    return out.getvalue()


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
PACKED = (bytes, gzip.compress, bz2.compress, lzma.compress, zipped)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_same_cells_however_they_are_written(delimiter, newline):
    kinds = itertools.product((csv.QUOTE_MINIMAL, csv.QUOTE_ALL), ENCODINGS, PACKED)
    for quoting, encoding, pack in kinds:
        text = written(ROWS, delimiter, newline, quoting)
        sheet = read(pack(text.encode(encoding)), "t.csv")
        assert sheet.names == NAMES
        assert cells(sheet) == ROWS
        assert [*sheet.lines] == [2, 3, 4, 5]
        assert not sheet.notes


def test_latin_1_is_read_and_told():
    sheet = read(written(ROWS).encode("latin-1"), "t.csv")
    assert (sheet.names, cells(sheet)) == (NAMES, ROWS)
    assert "not in UTF-8 and was read as Latin-1" in sheet.notes[0]


ODD = (
    "a,b",
    'say "a"',
    "two\nlines",
    " x ",
    "#1",
    "",
    "''",
    "1,5",
    "a;b",
    "x\ty",
    "\\",
)


@pytest.mark.parametrize("seed", range(20))
def test_both_readers_give_what_was_written(seed, monkeypatch):
    rng = random.Random(seed)
    pool = ODD if seed % 2 else ODD[:2] + ODD[4:]  # some without line breaks
    rows = [[rng.choice(pool) for _ in NAMES] for _ in range(rng.randrange(1, 40))]
    delimiter = rng.choice(",;\t|")
    data = written(rows, delimiter, rng.choice(("\n", "\r\n"))).encode()
    data = data.replace(b"two\r\nlines", b"two\nlines")
    wanted = [[text.strip() for text in row] for row in rows]
    sheet = read(data, "t.csv", delimiter)
    assert cells(sheet) == wanted
    monkeypatch.setattr(in_rows, "_plain_rows", lambda data, head: 0)
    slow = read(data, "t.csv", delimiter)
    assert cells(slow) == wanted
    assert [*slow.lines] == [*sheet.lines]
    line = 2
    for row, begun in zip(rows, slow.lines, strict=True):
        assert begun == line
        line += 1 + sum(text.count("\n") for text in row)


@pytest.mark.parametrize("delimiter", ",;\t|")
def test_texts_may_stand_in_single_quotes(delimiter):
    rng = random.Random(delimiter)
    texts = [f"a{delimiter} b", "plain", "it's", 'say "a"', "x'", ""]
    rows = [[rng.choice(texts), str(i)] for i in range(40)]
    quoted = [["'" + text.replace("'", "''") + "'", n] for text, n in rows]
    lines = "\n".join(map(delimiter.join, [["a", "b"], *quoted]))
    assert cells(read(lines.encode())) == rows
    for row in (["'a'", "'b c'"], ["a", "'b'"]):  # with no need, too
        rows = [row, *zip(["'x'", "''", "'y'"], ["'1'", "NA", "3"], strict=True)]
        found = read("\n".join(map(delimiter.join, rows)).encode())
        assert cells(found) == [["x", "1"], ["", "NA"], ["y", "3"]]
    names = read(b'"size\n(cm)","b"\n"1","2"\n').names
    assert names == ("size (cm)", "b")  # as they can be typed


def test_blank_lines_and_comments_are_no_rows():
    text = "# made, in a hurry\n#\n\nid,b\n1,2\n\n# half time\n3,#4\n#5,6\n  \n7,8"
    sheet = read(text.encode(), "t.csv")
    assert cells(sheet) == [["1", "2"], ["3", "#4"], ["7", "8"]]
    assert [*sheet.lines] == [5, 8, 11]
    sheet = read(b"#id,b\n1,2\n# end\n#3,4\n", "t.csv")
    assert sheet.names == ("id", "b")
    assert cells(sheet) == [["1", "2"], ["#3", "4"]]
    assert sheet.place(1, "b") == "t.csv, line 4, column 'b'"


def test_names_that_are_missing_or_come_twice():
    sheet = read(b",a,a,b \n0,1,2,3\n1,4,5,6\n")
    assert sheet.names == ("column 1", "a", "a (2)", "b")
    assert sheet.unnamed == {"column 1"}
    assert "two columns are named 'a'; the later is 'a (2)'" in sheet.notes[0]
    sheet = read(b"a,b\nr1,1,2\nr2,3,4\n")  # as R writes the names of rows
    assert sheet.names == ("column 1", "a", "b")
    assert cells(sheet)[1] == ["r2", "3", "4"]
    sheet = read(b"a,b\n1,2,\n3,4,\n")  # a delimiter at the end of each row
    assert sheet.names == ("a", "b")


def test_a_wide_table_and_one_of_many_chunks(monkeypatch):
    head = ",".join(f"column number {i}" for i in range(20_000))
    sheet = read(f"{head}\n{','.join(map(str, range(20_000)))}\n".encode())
    assert len(sheet.names) == 20_000
    assert sheet.column("column number 19999")[0] == "19999"
    monkeypatch.setattr(in_rows, "BLOCK", 64)
    monkeypatch.setattr(in_rows, "LINES", 64)
    monkeypatch.setattr(in_rows, "CELLS", 64)
    rows = [[str(i), f"text {i}", "x"] for i in range(500)]
    sheet = read(written(rows).encode())
    assert cells(sheet) == rows
    assert sheet.numbers(sheet.names[0]).to_list() == [*map(float, range(500))]
    assert sheet.numbers(sheet.names[1]) is None
    quoted = [[*row[:2], "two\nlines"] for row in rows]
    assert cells(read(written(quoted).encode())) == quoted


def test_paths_and_standard_input(tmp_path, monkeypatch):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n", mtime=0))
    assert cells(read(path)) == cells(read(str(path))) == [["1", "2"]]
    assert read(path).name == str(path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    assert read("-").place(0, "a") == "standard input, line 2, column 'a'"


RECORDS = [{"a": 1, "b": "x", "c": 0.1}, {"a": 2, "b": None, "c": -1e-300}]


def parquet(frame):
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "source",
    [
        json.dumps(RECORDS).encode(),
        "\n".join(map(json.dumps, RECORDS)).encode(),
        parquet(pl.DataFrame(RECORDS)),
        pl.DataFrame(RECORDS),
        {"a": [1, 2], "b": ["x", None], "c": np.array([0.1, -1e-300])},
        {"a": np.array([1, 2]), "b": ["x", float("nan")], "c": [0.1, -1e-300]},
    ],
    ids=["json", "json lines", "parquet", "polars", "mapping", "arrays"],
)
def test_tables_that_are_no_texts(source):
    sheet = read(source)
    assert sheet.names == ("a", "b", "c")
    assert cells(sheet)[0] == ["1", "x", "0.1"]
    assert cells(sheet)[1][:2] == ["2", ""]
    assert float(cells(sheet)[1][2]) == -1e-300
    assert sheet.place(1, "a") == "the table, row 2, column 'a'"


WORKBOOK = io.BytesIO()
with zipfile.ZipFile(WORKBOOK, "w") as archive:
    archive.writestr("[Content_Types].xml", "<x/>")
TWO = io.BytesIO()
with zipfile.ZipFile(TWO, "w") as archive:
    archive.writestr("a.csv", "a")
    archive.writestr("b.csv", "b")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "t.csv is empty"),
        (b"\xef\xbb\xbf\n \n", "t.csv is empty"),
        (b"a,y\n\n", "no rows below its first line"),
        (b"1,2\n3,4\n", "starts with numbers; its first line has to name the columns"),
        (b"a,y\n1\n", "line 2: 1 column where the first line names 2"),
        (
            b"a,y\n1,2\n1,2,3\n",
            r"line 3: 3 columns .*names 2; a text that holds ',' has",
        ),
        (b'a,y\n1,2\n"1,2\n', "line 3: a quote is opened and not closed"),
        (b'a,y\n"1"x,2\n', "line 2: ',' expected after '\"'"),
        (b'{"a": [1, 2]}', "the column 'a' holds lists or objects"),
        (b"[1, 2]", "is JSON, but no list of objects"),
        (b'{"a": ', "is JSON, but no list of objects"),
        (b"PAR1xx", "is a damaged parquet file"),
        (b"\x89HDFxx", "is a file of a database or a program; write the table as CSV"),
        (b"\xd0\xcf\x11\xe0xx", "is a workbook of Excel; save the sheet as CSV"),
        (WORKBOOK.getvalue(), "is a workbook or a document; save the sheet as CSV"),
        (TWO.getvalue(), r"holds 2 files .a.csv, b.csv.; unpack it and give the one"),
        (
            gzip.compress(b"a,y\n1,2\n" * 9, mtime=0)[:-9],
            "is a damaged compressed file",
        ),
        (WORKBOOK.getvalue()[:-5], "is a zip file that can't be read"),
        (b"\xff\xfea", "says that it is in UTF-16-LE and is not"),
        (b"<html><body>", "is a web page or XML; save the table in it as CSV"),
        (bytes(range(256)), "not a table in a text file: it holds bytes of 0"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(data, words):
    with pytest.raises(ValueError, match=words) as raised:
        read(data, "t.csv")
    assert "\n" not in str(raised.value)


def test_columns_that_are_not_as_long():
    with pytest.raises(ValueError, match=r"not all as long: {'a': 1, 'b': 2}"):
        read({"a": [1], "b": [1, 2]})
    with pytest.raises(ValueError, match="no rows"):
        read({})


@pytest.mark.parametrize("portion", [1, 7, 2**21])
def test_columns_are_the_same_in_whatever_portions_they_are_read(portion, monkeypatch):
    monkeypatch.setattr(in_rows, "PORTION", portion)
    rows = [[f"{i}.5", f" x{i} ", "", f"{i * i}"] * 5 for i in range(12)]
    text = "\n".join(",".join(row) for row in [[f"n{j}" for j in range(20)], *rows])
    sheet = read(text.encode())
    plain = read(text.replace(" x3 ", '" x3 "').encode())  # as a whole, for the quotes
    order = random.Random(portion).sample(sheet.names, 20)
    for name in [*order, *reversed(order)]:
        assert sheet.column(name).equals(plain.column(name))
    assert (len(sheet), len(sheet.columns), sheet.names) == (12, 20, plain.names)


ODD = [
    "007", "+1.5", " 1.5", "1.5 ", "\t2", "1,5", "inf", "nan", "1e999", "1d5", "0x10",
    "1_000", "", "-", ".5", "5.", "--1", "1e", "1E-400", "9007199254740993", "true",
    "4.9e-324", "1.7976931348623159e308", "12 %", "3h", "x",
]  # fmt: skip


def test_numbers_are_read_to_the_bits_of_their_texts():
    rng = random.Random(0)
    plain = [repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)) for _ in "12345"]
    rows = [plain, *[[x] * 5 for x in ODD]]  # each odd text in columns of its own
    text = "\n".join(map(";".join, zip(*rows, strict=True)))
    sheet = read(f"{';'.join(f'c{i}' for i in range(len(rows)))}\n{text}".encode())
    for name, written_so in zip(sheet.names, ["1", *ODD], strict=True):
        wanted = sheet.column(name).cast(pl.Float64, strict=False)
        found = sheet.numbers(name)
        if found is None:  # and is read as texts
            assert wanted.null_count() or written_so != written_so.strip()
        else:
            assert found.equals(wanted)
    assert sheet.numbers("c0").to_list() == list(map(float, plain))


def test_only_the_columns_that_are_asked_for_are_read(monkeypatch):
    asked = []
    monkeypatch.setattr(in_rows, "PORTION", 1)

    def asked_for(lines, head, places, *, skip=0, numbers=False):
        asked.append((places, numbers))
        return [pl.Series([1.0 if numbers else "1"]) for _ in places]

    monkeypatch.setattr(in_rows, "_read", asked_for)
    sheet = read(b"a,b\n1,2\n")
    sheet.check_has(["a", "b"])
    assert (len(sheet), asked) == (1, [])
    sheet.column("b")
    sheet.numbers("a")
    sheet.numbers("b")  # all numbers were read with the first
    assert asked == [([1], False), ([0, 1], True)]


@pytest.mark.parametrize(
    ("line", "is_units"),
    [
        ("(cm),(kg),(-)", True),
        ("[cm],[kg],", True),
        ("cm,kg,", True),
        ("Größe,Gewicht,Art", True),
        ("1,2,up", False),
        ("unknown,2,up", False),
        ("unknown,?,up", False),
        ("NA,NA,up", False),
        ("(3),(4),up", False),
    ],
)
def test_a_line_of_units_below_the_names_is_no_row(line, is_units):
    rows = [f"{i}.5,{i * i},{'up' if i % 2 else 'down'}" for i in range(9)]
    sheet = read("\n".join(["size,weight,kind", line, *rows]).encode(), "t.csv")
    assert len(sheet) == 9 + (not is_units)
    assert sheet.place(0, "kind") == f"t.csv, line {2 + is_units}, column 'kind'"
    told = (f"the line below the names, {line!r}, is no row",)
    assert sheet.notes == told * is_units


ROWS_OF_KINDS = "".join(f"{i}.5,{'up' if i % 2 else 'down'}\n" for i in range(9))
JOINED = f"size,kind\n{ROWS_OF_KINDS}"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", " "),
        lambda text: text.replace("size,kind", '"size","kind"'),
    ],
)
def test_a_line_that_has_the_names_again_is_no_row(change):
    once, twice = (read(change(JOINED * count).encode(), "t.csv") for count in (1, 2))
    assert not once.notes
    assert twice.notes == ("line 11 has the names again, and is no row",)
    for name in ("size", "kind"):
        assert twice.column(name).to_list() == once.column(name).to_list() * 2
    assert twice.place(9, "kind") == "t.csv, line 12, column 'kind'"
    more = read(change(JOINED + "size,kind\n" + JOINED + "size,kind").encode())
    assert more.notes == ("3 lines have the names again, and are no rows",)
    assert more.column("kind").to_list() == once.column("kind").to_list() * 2


def test_the_names_again_below_a_line_of_units_or_comments():
    for above, line in (("size,kind\n(cm),\n", 12), ("# of 1990\nsize,kind\n", 12)):
        sheet = read((above + ROWS_OF_KINDS + JOINED).encode())
        assert len(sheet) == 18
        assert sheet.notes[-1] == f"line {line} has the names again, and is no row"


def test_what_only_resembles_the_names_is_a_row():
    for line in ("size,kinds", "SIZE,kind", "my size,kind"):
        assert len(read(f"{JOINED}{line}\n".encode())) == 10
    hashes = JOINED.replace("up", "#up").replace("\n3", "\n#3") + JOINED
    assert len(read(hashes.encode())) == 19  # else lines with # would be comments
    assert read(b"a\nb\na\n", names=["x"]).column("x").to_list() == ["a", "b", "a"]


def test_columns_with_blanks_between_them():
    for text in (
        b"size kind\n1 a\n2 b\n",
        b"  size  kind\n     1     a\n    22     b\n",
        b'"size" "kind"\n"1" 1 "a"\n"2" 2 "b"\n',  # as R writes a table
        b"size kind\r\n1,5 a\r\n2,5 b\r\n",
        b'size "kind  of"\n1 "a  a"\n2 b\n',
    ):
        sheet = read(text)
        assert sheet.column(sheet.names[-1])[-1] == "b"
        assert "size" in sheet.names
        assert len(sheet.names) == 2 + (b'"1"' in text)
        spaced = read(text, delimiter="space")
        assert cells(spaced) == cells(sheet)
    assert read(b'size "kind  of"\n1 "a  a"\n').column("kind  of")[0] == "a  a"
    text = b"size kind\n1 a\n2 b c d\n"
    with pytest.raises(ValueError, match=r"separated by blanks.*--delimiter space"):
        read(text).column("kind")
    with pytest.raises(ValueError, match=r"it has: size kind$"):
        read(text).column("color")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("width", [2, 3, 8])
@pytest.mark.parametrize("title", ["Report of 2024", "Report of 2024{}", "sep={mark}"])
def test_a_title_above_the_names_is_told_and_left_out(mark, width, title):
    title = title.format(mark * (width - 1), mark=mark)
    names = [f"c{i}" for i in range(width)]
    rows = [[f"{i}.{j}" for j in range(width)] for i in range(5)]
    lines = [title, "", *map(mark.join, [names, *rows])]
    sheet = read("\n".join(lines).encode())
    assert (sheet.names, cells(sheet)) == (tuple(names), rows)
    assert "is a title, no row" in sheet.notes[0]
    assert sheet.lines[0] == 4


def test_a_first_line_that_is_a_row_is_told():
    rows = [f"{i}.5,{i % 3},kind {i % 2}" for i in range(9)]
    with pytest.raises(ValueError, match=r"starts with a row, '0.5,0,kind 0'"):
        read("\n".join(rows).encode())
    years = "country,2019,2020\nFrance,1,2\nSpain,3,4\n"
    assert read(years.encode()).names == ("country", "2019", "2020")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "Markdown"),
        ("@RELATION x\n@attribute a numeric\n@data\n1\n", "Weka"),
        ("a,b\n1,2\nSource: here\n", "where that is no row, take it out"),
    ],
)
def test_texts_that_are_no_tables_are_named(text, words):
    with pytest.raises(ValueError, match=words):
        cells(read(text.encode()))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("Salary", "Salary (USD)"), ("AGE", "age"), ("slary (USD)", "Salary (USD)")],
)
def test_a_column_that_is_not_there_is_told_with_the_nearest(asked, meant):
    sheet = read({"age": [1], "Salary (USD)": [2], "city": ["x"]}, "t")
    with pytest.raises(ValueError, match=re.escape(f"; did you mean {meant!r}?")):
        sheet.check_has([asked])
    with pytest.raises(ValueError, match=r"has: age, Salary .USD., city$"):
        sheet.check_has(["y"])


@pytest.mark.parametrize("above", ["", "# made in a hurry\n", "#\n#\n"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_table_whose_first_line_is_a_row(above, quote):
    table = f"{above}1,{quote}a{quote}\n2,{quote}b{quote}\n\n3,{quote}b{quote}\n"
    rows = [["1", "a"], ["2", "b"], ["3", "b"]]
    sheet = read(table.encode(), "t.csv", names=["size", "kind"])
    assert (sheet.names, cells(sheet)) == (("size", "kind"), rows)
    first = above.count("\n") + 1
    assert [*sheet.lines] == [first, first + 1, first + 3]
    sheet = read(table.encode(), "t.csv", names=["none"])
    assert (sheet.names, cells(sheet)) == (("column 1", "column 2"), rows)
    assert not sheet.notes
    twice = read(table.encode(), "t.csv", names=["x", "x"])
    assert twice.names == ("x", "x (2)")
    assert twice.notes == ("two columns are named 'x'; the later is 'x (2)' here",)


def test_names_that_do_not_fit_are_told():
    with pytest.raises(
        ValueError, match=r"^t has 2 columns; names \(--names\) gives 1: a$"
    ):
        read(b"1,2\n3,4\n", "t", names=["a"])
    with pytest.raises(ValueError, match=r"line 2: 3 columns where names .* gives 2;"):
        read(b"1,2\n3,4,5\n6,7\n", "t", names=["a", "b"])
    for named in ({"a": [1]}, b'[{"a": 1}]'):
        with pytest.raises(ValueError, match="columns of t have names: leave out"):
            read(named, "t", names=["b"])
    with pytest.raises(ValueError, match=r"columns; .* say names \(--names a,b,c, or"):
        read(b"1,2\n3,4\n", "t")


@pytest.mark.parametrize("begins", ["Total", '"Grand total"', "average:"])
def test_a_last_row_that_sums_up_the_others_is_told(begins):
    table = f"month,sold\nmay,3\njune,4\n{begins},7\n\n"
    (note,) = read(table.encode()).notes
    text = begins.strip('"')
    assert (
        note == f"the last row begins with {text!r}: if it sums up the others, cut it"
    )
    assert not read(table.replace("may", text).encode()).notes
    assert not read(b"kind,sold\ntotalled,3\nold,4\n").notes


# ---- the quick way and the careful one -----------------------------------------------

ODD = ["", "#x", "it's", '"q,1"', '"a\nb"', '""', "é", " 7 ", "- 3", '"say ""x"""']


def odd_table(rng):
    """A table with what a quick look at its lines could take for something else."""
    names = ["first", "second", "third"][: rng.choice((1, 1, 2, 3))]
    odd = rng.sample(ODD, 3) if rng.random() < 0.5 else []
    pool = [*"123", "2.5", "a b", "none", *odd]
    rows = [",".join(rng.choice(pool) for _ in names) for _ in range(rng.randint(1, 9))]
    if rng.random() < 0.3:
        rows.insert(rng.randrange(len(rows) + 1), rng.choice(["", "# a note", ",,,,"]))
    ends = rng.choice((["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]))
    lines = [",".join(names), *rows]
    text = "".join(line + rng.choice(ends) for line in lines)
    return (text.rstrip("\r\n") if rng.random() < 0.3 else text).encode()


def told_of(data):
    """All cells of a table with their places, or what is said of it."""
    try:
        sheet = read(data, delimiter=",")
    except ValueError as error:
        return str(error)
    columns = {name: sheet.column(name).to_list() for name in sheet.names}
    return columns, [sheet.place(row, sheet.names[0]) for row in range(len(sheet))]


@pytest.mark.parametrize("part", range(8))
def test_the_quick_way_reads_what_the_careful_one_does(part, monkeypatch):
    tables = [odd_table(random.Random(f"{part} {seed}")) for seed in range(40)]
    quick = [told_of(data) for data in tables]
    assert sum(isinstance(found, tuple) for found in quick) > 10
    monkeypatch.setattr("nn.rows._plain_rows", lambda data, head: 0)
    for data, found in zip(tables, quick, strict=True):
        assert told_of(data) == found, data
