"""How values are written: short for the eye, exact on hover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from adyton.web.ui import formats
from adyton.web.ui.formats import NONE, Exact

BERLIN, TOKYO, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
HOSTILE = '<b onmouseover="x">'


def words(made: Markup) -> str:
    """What is seen."""
    return made.striptags()


# --- amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "shown", "title"),
    [
        (0, "ETH", "0 ETH", "0 wei"),
        ("1000000000000000000", "LINK", "1 LINK", "1,000,000,000,000,000,000 juels"),
        (1, "ETH", "< 0.000001 ETH", "1 wei"),
        (-1, "ETH", "> -0.000001 ETH", "-1 wei"),
        ("-2500000000000000000", "ETH", "-2.5 ETH", "-2,500,000,000,000,000,000 wei"),
        (1_999_999_999_999_999_999, "ETH", "1.999999 ETH", "1,999,999,999,999,999,999 wei"),
        (20_000_000_000, "gwei", "20 gwei", "20,000,000,000 wei"),
        (1, "gwei", "< 0.000001 gwei", "1 wei"),
        (10**27, "LINK", "1,000,000,000 LINK", f"{10**27:,} juels"),
        (Exact("1e21"), "LINK", "1,000 LINK", f"{10**21:,} juels"),
    ],
)
def test_an_amount_is_cut_and_never_rounded_up_and_exact_on_hover(value: str | int, unit: str, shown: str, title: str) -> None:
    made = formats.amount(value, unit)
    assert words(made) == shown
    assert f'title="{title}"' in made


@given(st.integers(-(2**256), 2**256))
def test_any_amount_of_256_bits_can_be_shown_and_is_exact_on_hover(value: int) -> None:
    made = formats.amount(str(value), "ETH")
    assert f'value="{value}"' in made
    assert f'title="{value:,} wei"' in made


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_amount_is_a_dash(nothing: str | None) -> None:
    assert formats.amount(nothing, "ETH") == NONE


# --- times -----------------------------------------------------------------------------------------------------------


def test_a_time_is_shown_in_the_visitors_zone_and_in_utc_on_hover() -> None:
    made = formats.when("2026-07-01T22:30:00.5Z", BERLIN)
    assert words(made) == "2026-07-02 00:30:00"
    assert 'title="2026-07-01 22:30:00.500000 UTC"' in made
    assert 'datetime="2026-07-01T22:30:00.5Z"' in made
    assert words(formats.when("2026-01-01T00:00:00Z", BERLIN, style="clock")) == "01:00:00"
    assert words(formats.when("2025-12-31T20:00:00Z", TOKYO, style="date")) == "2026-01-01"


def test_a_time_keeps_its_nanoseconds() -> None:
    assert 'title="2026-07-01 22:30:00.123456789 UTC"' in formats.when("2026-07-01T22:30:00.123456789Z", UTC)
    assert 'title="2026-07-01 22:30:00.000000001 UTC"' in formats.ago("2026-07-01T22:30:00.000000001Z", datetime.now(UTC))


@pytest.mark.parametrize(("text", "zone"), [("0001-01-01T00:00:00Z", NEW_YORK), ("9999-12-31T23:59:59Z", TOKYO)])
def test_the_first_and_the_last_time_there_is_can_be_shown(text: str, zone: ZoneInfo) -> None:
    assert text[11:19] in words(formats.when(text, zone))
    assert formats.ago(text, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "just now"),
        (0.4, "just now"),
        (-0.4, "just now"),
        (1, "1.0 s ago"),
        (-90, "in 1 min 30 s"),
        (100_000, "1 d 3 h ago"),
    ],
)
def test_how_long_ago_is_told_in_words(seconds: float, shown: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    then = now - timedelta(seconds=seconds)
    assert words(formats.ago(f"{then:%Y-%m-%dT%H:%M:%S}.{then.microsecond:06d}Z", now)) == shown


def test_no_time_is_a_dash() -> None:
    assert formats.when(None, UTC) == NONE
    assert formats.ago("", datetime.now(UTC)) == NONE
    assert formats.between(None, "2026-01-01T00:00:00Z") == "–"


@pytest.mark.parametrize(
    "name", ["", "nonsense", "../../etc/passwd", "/etc/passwd", "America", "\0", "x" * 5000, "Europe/Berlin\n", "é", "<b>"]
)
def test_a_zone_that_is_none_is_utc(name: str) -> None:
    assert getattr(formats.zone_of(name), "key", None) == "UTC"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1.0 s"),
        (1.25, "1.2 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (274_000, "3 d 4 h"),
        (-2, "-2.0 s"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float | None, shown: str) -> None:
    assert formats.span(seconds) == shown


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_what_is_not_all_is_never_a_hundred_percent() -> None:
    assert formats.percent(999_999, 1_000_000) == "99.9 %"
    assert formats.percent(10, 10) == "100 %"
    assert formats.percent(1, 3) == "33.3 %"
    assert formats.percent(0, 3) == "0 %"
    assert formats.percent(0, 0) == formats.percent(None, 3) == "–"


def test_numbers_and_bytes() -> None:
    assert formats.number(1_234_567) == "1,234,567"
    assert formats.number(None) == formats.bytes_(None) == "–"
    assert [formats.bytes_(each) for each in (0, 1023, 1536, 2**20, 2**50)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "1.0 MiB",
        "1048576.0 GiB",
    ]


@pytest.mark.parametrize("text", ["0.12345678901234567890123", "1e400", "-0.0", "1.50", "123456789012345678901234567890"])
def test_json_keeps_the_digits_of_its_numbers(text: str) -> None:
    value = msgspec.json.Decoder(float_hook=Exact).decode(f'{{"a":[{text}]}}'.encode())
    assert formats.pretty(value) == f'{{\n  "a": [\n    {text}\n  ]\n}}'
    assert isinstance(value["a"][0], int | float)


def test_json_for_people_keeps_other_scripts() -> None:
    assert formats.pretty({"a": "日本", "b": {}, "c": [], "d": None}) == (
        '{\n  "a": "日本",\n  "b": {},\n  "c": [],\n  "d": null\n}'
    )


# --- texts -----------------------------------------------------------------------------------------------------------


def test_a_hash_is_shown_short_and_whole_on_hover() -> None:
    made = formats.short("0x" + "ab" * 32)
    assert words(made) == "0xababab…ababab"
    assert f'title="0x{"ab" * 32}"' in made
    assert words(formats.short("short")) == "short"
    assert formats.short(None) == NONE


def test_texts_from_outside_stay_texts() -> None:
    for made in (
        formats.short(HOSTILE * 3),
        formats.short(HOSTILE),
        formats.marked(f"`{HOSTILE}` {HOSTILE}"),
        formats.marked(f"`{HOSTILE}"),
    ):
        assert "<b" not in made
        assert 'onmouseover="' not in made


def test_code_is_marked_where_it_is_closed() -> None:
    assert formats.marked("a `b` c") == "a <code>b</code> c"
    assert formats.marked("a `b c") == "a `b c"
