"""Text as tokens: vocabularies, items and running text, what is cut where."""

import bz2
import gzip
import lzma

import pytest

from nn.tokens import Text, Vocabulary, read_text, words


def file(tmp_path, text):
    path = tmp_path / "text.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_there_and_back(unit):
    text = Text.of(["to be or", "not to be"], unit)
    for item in text.items:
        tokens = text.vocabulary.encode(item)
        assert text.vocabulary.decode(tokens) == item
        assert 0 not in tokens
    assert len(text.vocabulary) == 1 + len(text.vocabulary.symbols)


def test_what_is_no_text_has_no_tokens_and_what_is_no_token_no_text():
    known = Vocabulary(("a", "b"))
    with pytest.raises(ValueError, match="'x' is not among the characters that were"):
        known.encode("abx")
    with pytest.raises(TypeError, match="tokens are made of a text; got 5"):
        known.encode(5)
    assert known.decode([0, 2, 1, 0]) == "ba"
    for token in (3, -1, 1.0, "a", None):
        told = rf"a token is a whole number from 0 to 2 here, got {token!r}"
        with pytest.raises(ValueError, match=told):
            known.decode([1, token])


@pytest.mark.parametrize(
    ("items", "error", "words"),
    [
        ("anna", TypeError, "items are a list of texts; got 'anna'"),
        (5, TypeError, "items are a list of texts; got 5"),
        (["anna", 5], TypeError, "an item is a text; got 5"),
        (["", ""], ValueError, "there is no text to learn from"),
        ([], ValueError, "there is no text to learn from"),
    ],
)
def test_what_is_no_list_of_texts(items, error, words):
    with pytest.raises(error, match=words):
        Text.of(items)
    for context in (0, -1, 2.0, True, "8"):
        told = f"context is a whole number from 1; got {context!r}"
        with pytest.raises(ValueError, match=told):
            Text.of(["a"]).sequences(context)


def test_some_of_the_items_keep_the_vocabulary_of_all():
    text = Text.of(iter(["to be", "or not", "that"]), "words")
    part = text.rows([2, 0])
    assert part.items == ("that", "to be")
    assert part.vocabulary == text.vocabulary
    assert repr(part) == "Text of 2 items in 5 words"
    X, y = part.sequences(2)
    assert (X, y) == ([[0, 4], [0, 5], [1]], [[4, 0], [5, 1], [0]])


def test_an_item_begins_and_ends_with_0_and_is_cut_at_the_context():
    X, y = Text.of(["abc"]).sequences(context=4)
    assert (X, y) == ([[0, 1, 2, 3]], [[1, 2, 3, 0]])
    X, y = Text.of(["abc"]).sequences(context=3)
    assert (X, y) == ([[0, 1, 2], [3]], [[1, 2, 3], [0]])


@pytest.mark.parametrize(
    ("text", "count", "why"),
    [
        ("anna\nnina\n", 2, "2 items, one on each line"),
        ("anna\r\nnina", 2, "2 items, one on each line"),
        ("\ufeffanna\nnina\n\n", 2, "2 items, one on each line"),
        ("anna\n" * 15 + "\n" + "nina\n" * 15, 30, "30 items, one on each line"),
        ("one line alone", 1, "running text, as it is one line"),
        ("a verse\nand\n\nanother\n", 1, "running text, as 1 of 4 lines is empty"),
        ("short\n" + "long " * 20, 1, "running text, as a line has 99 characters"),
        ("short\n" + "x" * 65, 1, "running text, as a line has 65 characters"),
        ("short\n" + "x" * 64, 2, "2 items"),
        ("a verse\n" * 18 + "\n" + "end", 19, "19 items"),
        ("a verse\n" * 17 + "\n" + "end", 1, "running text, as 1 of 19 lines is"),
        ("a\n" * 36 + "\n\nend", 1, "running text, as 2 of 39 lines are empty"),
    ],
)
def test_items_or_running_text(text, count, why, tmp_path):
    found = read_text(file(tmp_path, text))
    assert len(found.items) == count
    assert found.taken_for.startswith(why)
    lines = [line for line in text.splitlines() if line.strip("\ufeff \n")]
    assert len(read_text(file(tmp_path, text), layout="lines").items) == len(lines)
    running = read_text(file(tmp_path, text), layout="running")
    assert (len(running.items), running.taken_for) == (1, "running text, as asked")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe\x00", "not a text in UTF-8: the byte at 0 .* save it in UTF-8"),
        (b"%PDF-1.4\nabc", "is a PDF; save what it says as a text in UTF-8"),
        (rb"{\rtf1 abc}", "is a document in RTF"),
        (b"PK\x03\x04abc", "is a document or an archive"),
        (b"\x1f\x8babc", "is a damaged compressed file"),
        ("anä\n".encode("latin-1"), "not a text in UTF-8: the byte at 2"),
        (b"an\0na\nni\0na\n", "is not a text: it holds bytes of 0"),
        (" \n", "is empty"),
    ],
)
def test_what_is_no_text(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_text(file(tmp_path, text))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_text_may_be_packed_and_say_its_encoding(pack, encoding, tmp_path):
    text = "größe\nmüsli\nanna\n"
    plain = read_text(file(tmp_path, text))
    for data in (text.encode(encoding), pack(text.encode(encoding))):
        assert read_text(file(tmp_path, data)) == plain


def test_settings_that_do_not_exist(tmp_path):
    with pytest.raises(ValueError, match="unit is one of characters, words"):
        Text.of(["a"], "letters")
    with pytest.raises(ValueError, match="layout is one of auto, lines, running"):
        read_text(file(tmp_path, "a"), layout="columns")


def test_the_words_that_python_brings_with_it():
    text = words()
    assert len(set(text.items)) == 2795
    assert "".join(text.vocabulary.symbols) == "abcdefghijklmnopqrstuvwxyz"
    assert {3, 10} == {len(min(text.items, key=len)), len(max(text.items, key=len))}
