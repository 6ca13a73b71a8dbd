"""What texts mean: numbers and dates as people write them."""

import random
from datetime import datetime, timedelta

import polars as pl
import pytest

from nn.cells import (
    DAYS,
    FORMATS,
    MONTHS,
    QUARTERS,
    TIMES,
    date_format,
    dates,
    decimal_sign,
    is_code,
    numbers,
    seconds,
    unit_of,
    without,
)


def grouped(digits, between):
    return f"{int(digits):,}".replace(",", between)


def spelled(x, decimal, between, dress):
    """A number as somebody may write it."""
    whole, _, rest = f"{abs(x):.2f}".partition(".")
    text = grouped(whole, between) + decimal + rest
    return dress.format("-" * (x < 0) + text)


DRESSES = (
    "{}", "${}", "{} €", "USD {}", "{}%", "{} %", " {} ", "£ {}", "CHF{}", "~{}",
    "≈ {}", "{}*", "{} †",
)  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize(
    ("decimal", "between"),
    [
        (".", ","),
        (".", " "),
        (".", "'"),
        (".", ""),
        (",", "."),
        (",", "\u202f"),
        (",", ""),
    ],
)
def test_numbers_as_people_write_them(dress, decimal, between):
    rng = random.Random(dress + decimal + between)
    wanted = [round(rng.uniform(-1, 1) * 10 ** rng.randrange(9), 2) for _ in range(60)]
    texts = pl.Series([spelled(x, decimal, between, dress) for x in wanted])
    texts = texts.str.strip_chars()
    assert numbers(texts, decimal).to_list() == wanted
    assert decimal_sign(texts, decimal) == decimal


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(("mark", "power"), [("k", 3), ("K", 3), ("M", 6)])
@pytest.mark.parametrize("dress", ["{}", "${}", "-{}", "({})", "{} €", "+ {}"])
def test_thousands_and_millions(dress, mark, power, decimal):
    texts = [dress.format(f"{x}{mark}") for x in ("12", "3.4", "1.1", "0.5")]
    found = numbers(pl.Series([t.replace(".", decimal) for t in texts]), decimal)
    sign = -1 if "-" in dress or "(" in dress else 1
    wanted = [sign * float(f"{x}e{power}") for x in (12, 3.4, 1.1, 0.5)]
    assert found.to_list() == wanted


@pytest.mark.parametrize("text", ["5 K", "K", "KM", "12KM", "5m", "M5", "1e5K", "5B"])
def test_a_letter_that_is_no_thousands(text):
    assert numbers(pl.Series([text])).to_list() == [None]


def test_plain_numbers_are_exact():
    rng = random.Random(0)
    wanted = [
        rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300) for _ in range(2000)
    ]
    assert numbers(pl.Series([repr(x) for x in wanted])).to_list() == wanted


@pytest.mark.parametrize(
    "text",
    ["", "x", "inf", "-Infinity", "nan", "1e999", "1_000", "0x10", "12 kg", "1.2.3",
     "1,23", "1,2345", "$", "-", "1-2", "2019-01-02", "12:30", "(", "5 5", "1e", "e5"],
)  # fmt: skip
def test_what_is_no_number(text):
    assert numbers(pl.Series([text, "1"])).to_list() == [None, 1.0]


def test_signs_and_losses():
    texts = ["-$5", "$-5", "(5)", "($5.00)", "−5", "+5", "(1,000)"]
    found = numbers(pl.Series(texts)).to_list()
    assert found == [-5, -5, -5, -5, -5, 5, -1000]


@pytest.mark.parametrize(
    ("texts", "usual", "sign"),
    [
        (["1,5", "2"], "", ","), (["1,234", "5"], "", ""), (["1,234", "5"], ",", ","),
        (["1,234.5"], "", "."), (["1.5"], "", ""), (["1.5"], ",", "."),
        (["x, y"], "", ""), (["1.234", "2.500"], ",", ","), (["1.234,5"], "", ","),
        ([], "", ""),
    ],
)  # fmt: skip
def test_the_sign_before_decimals(texts, usual, sign):
    assert decimal_sign(pl.Series(texts, dtype=pl.String), usual) == sign


def test_digits_behind_a_leading_0_are_codes():
    assert is_code(pl.Series(["10", "02134"]))
    assert not is_code(pl.Series(["0", "0.5", "10", "100", "x0"]))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_found_and_read(form):
    rng = random.Random(form)
    begin = datetime(1971, 1, 1)
    moments = [
        begin + timedelta(days=rng.randrange(18_000), seconds=rng.randrange(86_400))
        for _ in range(40)
    ]
    python = form.replace("%.f", ".%f")
    if "%q" in form:  # which Python has not got
        moments = [datetime(m.year, (m.month - 1) // 3 * 3 + 1, 1) for m in moments]
        quarters = [str(m.month // 3 + 1) for m in moments]
        written = [python.replace("%q", quarter) for quarter in quarters]
        texts = [m.strftime(w) for m, w in zip(moments, written, strict=True)]
        read = moments
    else:
        texts = [moment.strftime(python).strip() for moment in moments]
    if form in TIMES:
        read = [datetime.strptime("1970 " + t, "%Y " + python.strip()) for t in texts]
    elif "%q" not in form:
        read = [datetime.strptime(text, python) for text in texts]
    wanted = [(moment - datetime(1970, 1, 1)).total_seconds() for moment in read]
    found = date_format(pl.Series(texts))
    assert found == form
    assert dates(pl.Series(texts), form).to_list() == wanted


def several(d, h, m, s, day, hour, minute, second):
    parts = (f"{d}{day}", f"{h}{hour}", f"{m}{minute}", f"{s}{second}")
    return " ".join(part for part, n in zip(parts, (d, h, m, s), strict=True) if n)


WRITTEN = {
    "1d 2h 3m 4s": lambda *n: several(*n, "d", "h", "m", "s"),
    "2 hours 3 minutes": lambda *n: several(*n, " days", " hours", " minutes", " sec"),
    "2hr 3min": lambda *n: several(*n, " day", "hr", "min", "secs").replace(" ", ""),
    "26:03:04": lambda d, h, m, s: f"{24 * d + h}:{m:02}:{s:02}",
    "63:04": lambda d, h, m, s: f"{60 * (24 * d + h) + m}:{s:02}",
}


@pytest.mark.parametrize("spelling", WRITTEN)
def test_durations_are_seconds(spelling):
    rng = random.Random(spelling)
    limits = (0, 3), (0, 24), (0, 60), (1, 60)
    parts = [[rng.randrange(*limit) for limit in limits] for _ in range(40)]
    texts = pl.Series([WRITTEN[spelling](*each) for each in parts])
    assert unit_of(texts) == "seconds"
    wanted = [((24 * d + h) * 60 + m) * 60 + s for d, h, m, s in parts]
    assert numbers(without(texts, "seconds")).to_list() == wanted


def test_what_is_no_duration():
    assert seconds(pl.Series(["", "h", "4:60", "1x", "-5m", "1:2:3:4"])).count() == 0
    for texts in (["5 m", "70 m"], ["20:15", "07:30"], ["1d"], ["12", "13"]):
        assert unit_of(pl.Series(texts)) != "seconds"


@pytest.mark.parametrize("text", ["2019-03-23T20:21:09Z", "2019-03-23 20:21:09+01:00"])
def test_times_as_computers_write_them(text):
    form = date_format(pl.Series([text]))
    assert form == "%Y-%m-%d %H:%M:%S"
    assert dates(pl.Series([text]), form).to_list() == [1553372469.0]


@pytest.mark.parametrize(
    "texts",
    [[], ["1.5"], ["12"], ["cat"], ["1-2"], ["192.168.0.1"], ["2019-13-45"],
     ["1:2:3:4"], ["555-1234"], ["2019"], ["a 1, b"], ["2019-01-01", "x", "y"]],
)  # fmt: skip
def test_what_is_no_date(texts):
    assert date_format(pl.Series(texts, dtype=pl.String)) == ""


def test_dates_without_zeros():
    for text in ("3/4/2019", "2019/3/4"):
        form = date_format(pl.Series([text]))
        assert dates(pl.Series([text]), form).to_list() == [1551657600.0]
    every = (len(DAYS) + 1) * len(TIMES) + len(MONTHS) + len(QUARTERS) - 1
    assert len(set(FORMATS)) == every
