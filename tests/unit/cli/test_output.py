"""Tables and JSON."""

from __future__ import annotations

import pytest

from adyton.cli import tables
from adyton.cli.output import table, write_json


def lines(*text: str) -> str:
    return "\n".join(text)


def test_a_table_is_drawn_as_v0_6_2_drew_it() -> None:
    row = ("c5f0e0f5c4e34d1b9f9d7ad0f3e4a111", "2019-06-27T14:03:11Z", "web\ncron", "httpget\njsonparse")
    assert table("Jobs", ("ID", "Created At", "Initiators", "Tasks"), [row]) == lines(
        "╔ Jobs",
        "╬══════════════════════════════════╬══════════════════════╬════════════╬═══════════╬",
        "║                ID                ║      CREATED AT      ║ INITIATORS ║   TASKS   ║",
        "╬══════════════════════════════════╬══════════════════════╬════════════╬═══════════╬",
        "║ c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 ║ 2019-06-27T14:03:11Z ║ web        ║ httpget   ║",
        "║                                  ║                      ║ cron       ║ jsonparse ║",
        "╬══════════════════════════════════╬══════════════════════╬════════════╬═══════════╬",
    )


def test_an_empty_table_has_a_title_and_a_header() -> None:
    assert table("Runs", ("A", "B"), []) == lines("╔ Runs", "╬═══╬═══╬", "║ A ║ B ║", "╬═══╬═══╬")


def test_a_column_without_a_title_may_be_empty() -> None:
    assert table("T", ("A", ""), [("x", "")]).splitlines()[2:5:2] == ["║ A ║  ║", "║ x ║  ║"]


def test_numbers_stand_to_the_right() -> None:
    assert table("T", ("name", "n"), [("12", "x"), ("-1.50", "10")]).splitlines()[4::2] == ["║    12 ║ x  ║", "║ -1.50 ║ 10 ║"]


def test_long_cells_break_at_blanks_and_long_words_do_not() -> None:
    drawn = table("T", ("C",), [("one two three four five six seven eight " + "x" * 40,)])
    assert [line.strip("║ ") for line in drawn.splitlines()[4:-1]] == ["one two three four five six", "seven eight", "x" * 40]


@pytest.mark.parametrize("width", [100, 60, 40])
def test_a_table_fits_the_terminal(width: int) -> None:
    row = ("0123456789abcdef" * 2, "2019-06-27T14:03:11Z", "some words in a cell " * 5)
    drawn = table("T", ("ID", "Created At", "Text"), [row], width=width)
    assert max(map(len, drawn.splitlines())) <= width
    assert "".join(drawn.split()).count("0123456789") >= 1


def test_a_table_wider_than_any_terminal_stays_readable() -> None:
    assert max(map(len, table("T", ("A", "B", "C"), [("x" * 50,) * 3], width=10).splitlines())) == 3 * 8 + 10


def test_what_a_stranger_said_cannot_drive_the_terminal() -> None:
    drawn = table("T", ("C",), [("\x1b[2Jred\x07\r\u202eevil\x9b1m\ttab",)])
    assert drawn.splitlines()[4] == "║ �[2Jred���evil�1m�tab ║"


def test_json_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    write_json(b'{"a":115792089237316195423570985008687907853269984665640564039457584007913129639935,"b":0.1000}')
    assert capsys.readouterr().out.splitlines()[1:3] == [
        '  "a": 115792089237316195423570985008687907853269984665640564039457584007913129639935,',
        '  "b": 0.1000',
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("", ""),
        ("2019-06-27T14:03:11Z", "2019-06-27T14:03:11Z"),
        ("2019-06-27T14:03:11.123456Z", "2019-06-27T14:03:11Z"),
        ("2019-06-27T16:03:11.5+02:00", "2019-06-27T14:03:11Z"),
    ],
)
def test_times_are_shown_in_whole_seconds_utc(text: str | None, shown: str) -> None:
    assert tables.when(text) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.000000000000000000"),
        ("1", "0.000000000000000001"),
        ("1000000000000000000", "1.000000000000000000"),
        ("-1500000000000000000", "-1.500000000000000000"),
        (str(2**256 - 1), "115792089237316195423570985008687907853269984665640564039457.584007913129639935"),
        (None, ""),
    ],
)
def test_amounts_have_18_decimals(amount: str | None, shown: str) -> None:
    assert tables.units(amount) == shown
