"""What a part of a network takes, and what is said of anything else.

>>> from nn.module import Layer
>>> rows_of([[1.0, 2.0]], 3, Layer(3, 1, seed=0))
Traceback (most recent call last):
ValueError: this Layer of [ReLUNeuron(3)] (4 parameters) takes a list of rows of 3 \
numbers; got a list of 1 x 2 numbers
"""

from __future__ import annotations

from typing import Any

from autograd.numeric import is_number, number
from autograd.value import Value
from autograd.wording import counted, cut
from nn.module import Module


def plain(x: Any) -> Any:
    """The lists of an array, also of arrays in a list; anything else as it is."""
    if hasattr(x, "tolist"):
        return x.tolist()
    if isinstance(x, (list, tuple)) and any(hasattr(item, "tolist") for item in x):
        return [plain(item) for item in x]
    return x


def sizes_of(x: Any) -> tuple[int, ...]:
    """How long lists inside each other are, by the first of each.

    >>> sizes_of([[1, 2, 3], [4, 5, 6]]), sizes_of(1.0)
    ((2, 3), ())
    """
    found = []
    while isinstance(x, (list, tuple, range)):
        found.append(len(x))
        if not x:
            break
        x = x[0]
    return tuple(found)


def rows_of(x: Any, width: int, module: Module) -> list[list[Any]]:
    """A sequence: a list of at least one row, each of so many numbers."""
    rows = plain(x)
    sizes = sizes_of(rows)
    if len(sizes) == 2 and all(
        isinstance(row, (list, tuple)) and len(row) == width for row in rows
    ):
        check_number(rows[0][0])
        return [list(row) for row in rows]
    wanted = f"a list of rows of {width} numbers"
    raise _refused(module, wanted, rows, 2, fits=sizes == (width,))


def channels_of(x: Any, count: int | None, depth: int, module: Module) -> list[Any]:
    """A list of channels, alike in size; so many of them, where that is given.

    depth: of the lists: 2 for signals, 3 for images.
    """
    found = plain(x)
    sizes = sizes_of(found)
    if len(sizes) == depth and all(sizes) and count in (None, len(found)):
        if all(_is_shaped(channel, sizes[1:]) for channel in found):
            check_number(found[0][0][0] if depth == 3 else found[0][0])
            return list(found)
        raise ValueError(f"this {module!r} takes channels with rows of one length")
    inner = "numbers" if depth == 2 else "rows of numbers"
    channels = "channels" if count is None else counted(count, "channel")
    wanted = f"a list of {channels}, each a list of {inner}"
    raise _refused(module, wanted, found, depth, fits=count in (None, 1))


def _is_shaped(x: Any, sizes: tuple[int, ...]) -> bool:
    """Whether lists have these lengths."""
    if not isinstance(x, (list, tuple)) or len(x) != sizes[0]:
        return False
    return all(_is_shaped(item, sizes[1:]) for item in x) if sizes[1:] else True


def tokens_of(x: Any, count: int, module: Module) -> list[Any]:
    """A list of tokens, which may be Values, below a count."""
    tokens = plain(x)
    if isinstance(tokens, (list, tuple, range)) and len(sizes_of(tokens)) < 2:
        return list(tokens)
    raise _refused(module, f"a list of tokens, whole numbers below {count}", tokens, 1)


def check_number(x: object) -> None:
    """Raise TypeError for what is neither a number nor a Value."""
    if not isinstance(x, Value) and not is_number(x):
        number(x)


def _refused(
    module: Module, wanted: str, x: Any, depth: int, fits: bool = False
) -> ValueError:
    """What was wanted, and what was given. fits: whether [x] would do."""
    sizes = sizes_of(x)
    advice = ""
    if not all(sizes):
        sizes = ()
    if len(sizes) == depth + 1:
        advice = "; of several it makes a list: [model(x) for x in batch]"
    elif len(sizes) == depth - 1 and sizes and fits:
        advice = "; one alone is written in brackets, [x]"
    elif isinstance(x, str) and depth == 1:
        advice = "; Text.of(items).vocabulary.encode(text) of nn.tokens makes tokens"
    return ValueError(f"this {module!r} takes {wanted}; got {_got(x)}{advice}")


def _got(x: Any) -> str:
    sizes = sizes_of(x)
    if not sizes:
        return cut(repr(x))
    if not all(sizes):
        return "an empty list"
    lengths = {len(row) for row in x if isinstance(row, (list, tuple))}
    if len(lengths) > 1:
        return f"rows of {' and '.join(map(str, sorted(lengths)[:3]))} numbers"
    return f"a list of {' x '.join(map(str, sizes))} numbers"
