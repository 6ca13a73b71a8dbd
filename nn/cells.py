"""What texts in a column mean: numbers and dates as people write them, and gaps.

>>> import polars as pl
>>> numbers(pl.Series(["1,234.5", "$20.00", "5 %", "(3)", "red"])).to_list()
[1234.5, 20.0, 5.0, -3.0, None]
>>> numbers(pl.Series(["1.234,5", "20,00 €"]), ",").to_list()
[1234.5, 20.0]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MISSING = (
    "", "?", "-", "--", ".", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "null",
    "none",
)  # fmt: skip
"""Texts that mean that there is no value, however they are capitalized."""

PERHAPS = ("none", "na", "n/a", "null", "-", "--", ".")
"""Those that are as likely a value of their own among other texts."""


def is_missing(texts: pl.Series, words: Iterable[str]) -> pl.Series:
    """Whether each text is one of these words, in small letters."""
    return texts.str.to_lowercase().is_in(list(words))


def is_code(texts: pl.Series) -> bool:
    """Whether numbers are written as codes are, with zeros before them: 007, 02134.

    >>> import polars as pl
    >>> is_code(pl.Series(["007", "010"])), is_code(pl.Series(["0.7", "0", "10"]))
    (True, False)
    """
    return bool(texts.str.contains(r"^0[0-9]+$").any())


# ---- numbers -------------------------------------------------------------------------

SIGN = "[-+−]"
CURRENCY = r"(?:[$€£¥₹₽₩₺]|(?i:usd|eur|gbp|chf|jpy|cad|aud|inr|rs\.?|kr\.?))"
DIGITS = r"(?:[0-9][0-9.,'’\s]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?"
DRESSED = (
    rf"^(?P<loss>\()?(?P<sign>{SIGN})?\s*(?:{CURRENCY}|[~≈])?\s*(?P<second>{SIGN})?\s*"
    rf"(?P<digits>{DIGITS}[kKM]?)\s*(?:{CURRENCY}|[%‰*†‡])?(?P<last>[-−])?\)?$"
)
"""A number with what people put around it, such as the mark of a footnote.

12K and 3.4M are thousands and millions.
"""

GROUPS = {".": r",'’\s", ",": r".'’\s"}
"""What may stand between thousands, by what stands before the decimals."""


def _grouped(decimal: str) -> str:
    """The pattern of digits, alone or in groups (of three, in India of two)."""
    between = GROUPS[decimal]
    groups = rf"[0-9]{{1,3}}(?:[{between}][0-9]{{2,3}})*[{between}][0-9]{{3}}"
    return rf"^(?:{groups}|[0-9]*)(?:[{decimal}][0-9]*)?(?:[eE][-+]?[0-9]+)?$"


def numbers(texts: pl.Series, decimal: str = ".") -> pl.Series:
    """The finite number that each text spells, or null.

    decimal: what stands before the decimals, a point or a comma. A currency, a percent
    sign, thousands in groups, a K or M right behind the digits, the mark of a footnote,
    and a minus behind or parentheses for a loss are understood.
    """
    import polars as pl

    found = texts.cast(pl.Float64, strict=False)
    rest = ~found.is_finite().fill_null(False)
    if decimal == ",":
        rest |= texts.str.contains(".", literal=True)
    if rest.any():
        found = _merged(found, rest, _dressed(texts.filter(rest), decimal))
    return found


def _merged(column: pl.Series, where: pl.Series, others: pl.Series) -> pl.Series:
    """A column of numbers with other ones in some of its places."""
    import numpy as np
    import polars as pl

    values = np.array(column.to_numpy(), dtype=np.float64)
    values[where.to_numpy()] = others.to_numpy()
    return pl.Series(values).fill_nan(None)


def _dressed(texts: pl.Series, decimal: str) -> pl.Series:
    """Numbers that are not written as a programmer writes them."""
    import polars as pl

    parts = texts.str.extract_groups(DRESSED).struct.unnest()
    digits = parts["digits"].str.replace(r"([0-9.])[kK]$", "${1}e3")
    digits = digits.str.replace(r"([0-9.])M$", "${1}e6").str.strip_chars()
    good = digits.str.contains(_grouped(decimal)).fill_null(False)
    digits = digits.str.replace_all(f"[{GROUPS[decimal]}]", "")
    digits = digits.str.replace(",", ".", literal=True)
    found = digits.cast(pl.Float64, strict=False)
    signs = parts.select(
        pl.concat_str(["loss", "sign", "second", "last"], ignore_nulls=True)
    ).to_series()
    minus = signs.str.count_matches("[-−(]") % 2 == 1
    found = found * (1 - 2 * minus.cast(pl.Int8))
    return found.set(~(good & found.is_finite().fill_null(False)), None)


def decimal_sign(texts: pl.Series, usual: str = "") -> str:
    """What stands before the decimals in a column, or "" where it could be either.

    usual: what it is in the file, where that is known.

    >>> import polars as pl
    >>> decimal_sign(pl.Series(["1,5", "2"])), decimal_sign(pl.Series(["1,234.5"]))
    (',', '.')
    >>> decimal_sign(pl.Series(["1,234", "2,500"]))
    ''
    """
    if not texts.str.contains("[,.]" if usual == "," else ",").any():
        return usual
    point, comma = (numbers(texts, sign).count() for sign in ".,")
    return usual if point == comma else "." if point > comma else ","


# ---- units ---------------------------------------------------------------------------

MEASURED = (
    rf"^(?P<number>{SIGN}?\s*{CURRENCY}?\s*{DIGITS}?)"
    r"(?P<unit>[\p{L}°µ][\p{L}°µ/·^²³]*[23]?\.?)$"
)
"""A number and its unit: 100 cm, 5kg, 3 years."""


SECONDS = "seconds"
"""The unit of durations that are written in several, such as 1h 20m."""

SPANS = (
    r"^(?:(?P<day>[0-9]+) ?d(?:ays?)?)?\s*(?:(?P<hour>[0-9]+) ?h(?:ou)?(?:rs?)?)?\s*"
    r"(?:(?P<minute>[0-9]+) ?m(?:in(?:ute)?s?)?)?\s*"
    r"(?:(?P<second>[0-9]+) ?s(?:ec(?:ond)?s?)?)?$",
    r"^(?:(?P<hour>[0-9]+):)?(?P<minute>[0-9]+):(?P<second>[0-5][0-9])$",
)
"""Durations: 1d 2h, 1h 20m, 2 hours 5 min, and 4:35 or 26:04:35."""

LASTS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}


def seconds(texts: pl.Series) -> pl.Series:
    """How many seconds each duration lasts, or null.

    >>> import polars as pl
    >>> seconds(pl.Series(["1h 20m", "45 min", "2d", "4:35", "26:00:01"])).to_list()
    [4800, 2700, 172800, 275, 93601]
    """
    import polars as pl

    found = pl.Series([None], dtype=pl.Int64).extend_constant(None, len(texts))[1:]
    for pattern in SPANS:
        parts = texts.str.extract_groups(pattern).struct.unnest().cast(pl.Int64)
        total = parts.select(
            pl.sum_horizontal(pl.col(name) * LASTS[name] for name in parts.columns)
        ).to_series()
        none = parts.select(pl.all_horizontal(pl.all().is_null())).to_series()
        found = found.zip_with(none, total)
    return found


def _are_durations(texts: pl.Series) -> bool:
    """Whether nearly all are, in several units; or on a clock that passes 24 hours."""
    if seconds(texts).count() < ENOUGH * len(texts):
        return False
    clock = texts.str.extract(r"^([0-9]+):").cast(float)
    several = texts.str.contains(r"[a-z]\s*[0-9]").any()
    units = texts.str.extract(r"^[0-9]+ ?([dhms])").drop_nulls()
    return bool(several or units.n_unique() > 1 or (clock > 23).any())


def unit_of(texts: pl.Series) -> str:
    """The unit behind nearly all of these numbers, or "".

    >>> import polars as pl
    >>> unit_of(pl.Series(["100 cm", "95 cm"])), unit_of(pl.Series(["1 kg", "20 g"]))
    ('cm', '')
    >>> unit_of(pl.Series(["1 year", "3 years"]))
    'year'
    """
    first = texts.head(200)
    if not len(first) or numbers(first).count() > (1 - ENOUGH) * len(first):
        return ""
    if _are_durations(first):
        return SECONDS
    units = _parted(first)[1].drop_nulls()
    if len(units) < ENOUGH * len(first):
        return ""
    unit = str(units.mode().sort()[0])
    return unit if without(texts, unit).count() >= ENOUGH * len(texts) else ""


def without(texts: pl.Series, unit: str) -> pl.Series:
    """The numbers before a unit, as texts; null where a text has not got it."""
    if unit == SECONDS:
        return seconds(texts).cast(texts.dtype)
    digits, units = _parted(texts)
    return digits.set((units != unit).fill_null(True), None)


def _parted(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Number and unit of each text; a unit of several letters without its plural s."""
    parts = texts.str.extract_groups(MEASURED).struct.unnest()
    units = parts["unit"].str.replace(r"^(\p{L}{3,})s$", "$1")
    return parts["number"].str.strip_chars(), units


# ---- dates ---------------------------------------------------------------------------

DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y",
    "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%b %d, %Y", "%B %d, %Y",
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%b %y")
TIMES = (
    "", " %H:%M:%S", " %H:%M", " %H:%M:%S%.f", " %I:%M:%S %p", " %I:%M %p",
)  # fmt: skip
QUARTERS = ("%Y-Q%q", "Q%q-%Y")
COMPACT = "%Y%m%d"
DAYS_AND_TIMES = tuple(f"{day}{time}" for day in DAYS for time in TIMES)
FORMATS = (*DAYS_AND_TIMES, *MONTHS, *QUARTERS, *TIMES[1:])
"""How dates and times are written; of two that fit, the earlier is taken."""

LOOKS = (
    r"^[A-Za-z]{0,9}[ ,]*[0-9]{1,4}"
    r"([-./ ][0-9A-Za-z]{1,9}[-./, ]+[0-9]{1,4}|, ?[0-9]{4}|:[0-9]{2})"
    r"|^[0-9]{4}[-/][0-9]{1,2}$|^[0-9]{1,2}/[0-9]{4}$|^[A-Za-z]{3,9}[- ][0-9]{2,4}$"
    r"|^[0-9]{4}[- ]?Q[1-4]$|^Q[1-4][-/ ]?[0-9]{4}$"
)
"""What each date or time matches, so that other texts need not be tried."""

DAY = 86400.0
"""Seconds."""


def date_format(texts: pl.Series) -> str:
    """The format in which nearly all of these texts are dates, or "".

    >>> import polars as pl
    >>> date_format(pl.Series(["2019-03-23 20:21:09", "2019-03-24 01:00:00"]))
    '%Y-%m-%d %H:%M:%S'
    >>> date_format(pl.Series(["3/23/2019"])), date_format(pl.Series(["23/3/2019"]))
    ('%m/%d/%Y', '%d/%m/%Y')
    """
    first = texts.head(200)
    if first.str.contains(LOOKS).sum() < max(1, ENOUGH * len(first)):
        return ""
    for given in FORMATS:
        if dates(first, given).count() >= ENOUGH * len(first) and (
            dates(texts, given).count() >= ENOUGH * len(texts)
        ):
            return given
    return ""


ENOUGH = 0.9
"""The part of a column's values that have to be numbers, or dates, for it to be so."""


def dates(texts: pl.Series, given: str) -> pl.Series:
    """The seconds since 1970 of each date in a format, or null. Time zones are dropped.

    A format of times alone gives seconds since midnight, one of months or quarters
    their first day.
    """
    import polars as pl

    if given in QUARTERS:
        year, quarter = r"([0-9]{4})", "Q([1-4])"
        first = given == QUARTERS[0]
        pattern = f"^{year}[- ]?{quarter}$" if first else f"^{quarter}[-/ ]?{year}$"
        texts = texts.str.replace(pattern, "$1-0$2" if first else "$2-0$1")
        texts = texts.str.replace("-04$", "-10").str.replace("-03$", "-07")
        texts, given = texts.str.replace("-02$", "-04"), "%Y-%m"
    texts = (
        texts.str.replace("T", " ", literal=True) if given.startswith("%Y") else texts
    )
    texts = texts.str.replace(r"(:[0-9.]+) ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})$", "$1")
    if given in TIMES:
        texts, given = "1970-01-01 " + texts.str.strip_chars(), f"%Y-%m-%d{given}"
    if given in MONTHS:
        texts, given = "1 " + texts, f"%d {given}"
    if "%H" in given or "%I" in given:
        found = texts.str.to_datetime(given, strict=False, time_unit="us")
    else:
        found = texts.str.to_date(given, strict=False).cast(pl.Datetime("us"))
    seconds = found.dt.timestamp("us").cast(pl.Float64) / 1e6
    return seconds.set(found.dt.year() < 1000, None)
