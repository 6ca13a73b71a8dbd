"""Text in messages: how long it may be, what is not shown, and how wide it is."""

import pytest

from autograd.wording import counted, cut, expect, printable, quoted, width, word


def test_a_long_text_is_cut_to_the_length():
    assert cut("x" * 60) == "x" * 60
    assert cut("x" * 61) == "x" * 57 + "..."
    for most in (4, 7, 40):
        text = "abcdefghij" * 5
        assert cut(text[:most], most) == text[:most]
        assert cut(text[: most + 1], most) == text[: most - 3] + "..."


def test_what_a_terminal_might_act_on_is_not_shown():
    assert printable("a\x1b[2J\n\tß日\u200e") == "a?[2J??ß日?"
    assert word("x" * 40) == "x" * 40
    assert word("\n" + "x" * 40) == "?" + "x" * 36 + "..."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x", "'x'"),
        ("it's", '"it\'s"'),
        ('say "x"', "'say \"x\"'"),
        ("\n", "'?'"),
        ("x" * 41, f"'{'x' * 37}...'"),
    ],
)
def test_a_word_is_quoted_in_marks_that_are_not_in_it(text, shown):
    assert quoted(text) == shown


def test_one_thing_and_several():
    assert [counted(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_the_first_argument_of_a_call_is_asked_for():
    expect(True, int, "f(x)")  # a subclass will do
    with pytest.raises(
        TypeError, match=r"^f\(x\) takes a str first, got 5 of type int"
    ):
        expect(5, str, "f(x)")
    with pytest.raises(TypeError, match=r"got '.{56}\.\.\. of type str$"):
        expect("x" * 90, int, "f(x)")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0), ("abc", 3), ("ŷ = 1", 5), ("日本", 4), ("ｗ", 2), ("ｱ", 1), ("🙂", 2),
        ("y\u0302", 1), ("a\u20dd", 1), ("a\u200db", 2), ("‖∂‖", 3),
    ],
)  # fmt: skip
def test_columns_of_a_terminal(text, columns):
    assert width(text) == columns
