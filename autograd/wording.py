"""Text in messages: cut to length, quoted, and measured in columns of a terminal."""

from __future__ import annotations


def cut(text: str, most: int = 60) -> str:
    """The text, or its beginning and "..." where it has more characters than `most`.

    >>> cut("a long label", 8), cut("short", 8)
    ('a lon...', 'short')
    """
    return text if len(text) <= most else text[: most - 3] + "..."


def printable(text: str) -> str:
    """The text with ? for each character that a terminal might act on, or not show.

    >>> printable("a\\x1b[2J")
    'a?[2J'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def word(text: str) -> str:
    """A word that a user typed as a message may repeat it."""
    return printable(cut(text, 40))


def quoted(text: str) -> str:
    """The same in quotation marks that are not in it.

    >>> print(quoted("x"), quoted("it's"))
    'x' "it's"
    """
    mark = '"' if "'" in text else "'"
    return f"{mark}{word(text)}{mark}"


def counted(number: int, thing: str) -> str:
    """So many of a thing.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {thing}{'s'[: number != 1]}"


def expect(thing: object, kind: type, call: str) -> None:
    """Raise TypeError unless the first argument of a call is of this kind.

    call: how it is written, such as `save(model, path)`.

    >>> expect("a.json", dict, "save(model, path)")
    Traceback (most recent call last):
    TypeError: save(model, path) takes a dict first, got 'a.json' of type str
    """
    if not isinstance(thing, kind):
        raise TypeError(
            f"{call} takes {article(kind.__name__)} first, got {cut(repr(thing))} of "
            f"type {type(thing).__name__}"
        )


def article(name: str) -> str:
    """A name with the article before it, as it is said.

    >>> article("Module"), article("Embedding"), article("MLP"), article("int")
    ('a Module', 'an Embedding', 'an MLP', 'an int')
    """
    spelled = name[:2].isupper() and name[:1] in "FHLMNRSX"  # its first letter is said
    return f"{'an' if spelled or name[:1] in 'AEIOaeio' else 'a'} {name}"


def width(text: str) -> int:
    """How many columns of a terminal a line takes.

    >>> width("ŷ = 1"), width("日本")
    (5, 4)
    """
    return sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    import unicodedata  # takes as long to load as the engine

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
