"""Tables and JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.cli import cells, tables
from adyton.cli.output import Screen, table, write_json


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
    drawn = table("T", ("ID", "Created At", "Text"), [row], screen=Screen(width))
    assert max(map(len, drawn.splitlines())) <= width
    assert drawn.count("0123456789abcdef" * 2) == (1 if width > 40 else 0)


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


# --- terminals -------------------------------------------------------------------------------------------------------

RUN = ("9f0e1d2c3b4a59687786950a1b2c3d4e", "pending_confirmations", "2019-06-27T14:05:00Z", "", '{"a":1,"b":[1,2,3]}', "")
RUNS = ("ID", "Status", "Created", "Completed", "Result", "Error")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@given(rows=st.lists(st.tuples(*[st.text(max_size=60)] * 4), max_size=4))
def test_whatever_a_table_holds_it_fits(width: int, rows: list[tuple[str, ...]]) -> None:
    drawn = table("T", ("ID", "Created At", "Text", "n"), rows, screen=Screen(width))
    assert max(map(cells.width, drawn.splitlines())) <= width


def test_where_an_id_would_have_to_break_each_row_is_a_block() -> None:
    assert table("Runs", RUNS, [RUN], screen=Screen(60)) == lines(
        "╔ Runs",
        "╬═══════════╬══════════════════════════════════╬",
        "║ ID        ║ 9f0e1d2c3b4a59687786950a1b2c3d4e ║",
        "║ STATUS    ║ pending_confirmations            ║",
        "║ CREATED   ║ 2019-06-27T14:05:00Z             ║",
        "║ COMPLETED ║                                  ║",
        '║ RESULT    ║ {"a":1,"b":[1,2,3]}              ║',
        "║ ERROR     ║                                  ║",
        "╬═══════════╬══════════════════════════════════╬",
    )


def test_what_may_break_breaks_before_an_id_does() -> None:
    drawn = table("Runs", RUNS, [RUN], screen=Screen(100))
    assert RUN[0] in drawn
    assert "║ pending_      ║ 2019-06-27  ║" in drawn
    assert "║ confirmations ║ T14:05:00Z  ║" in drawn


def test_a_table_of_two_columns_stays_one_however_narrow() -> None:
    drawn = table("Request", ("What", "Value"), [("ID", "0x" + "ab" * 32)], screen=Screen(30))
    assert drawn.splitlines()[4].startswith("║ ID ")
    assert max(map(len, drawn.splitlines())) <= 30


def test_an_empty_table_fits_as_well() -> None:
    drawn = table(
        "Transactions", ("ID", "Hash", "Nonce", "From", "To", "GasPrice", "SentAt", "Confirmed"), [], screen=Screen(60)
    )
    assert drawn.splitlines()[0] == "╔ Transactions"


def test_wide_signs_keep_the_columns_straight() -> None:
    drawn = table("T", ("Name", "n"), [("価格", "1"), ("🇩🇪 👨‍👩‍👧", "2"), ("e\u0301", "3")]).splitlines()
    assert {cells.width(line) for line in drawn[1:]} == {cells.width(drawn[1])}


def test_a_cell_of_a_megabyte_is_drawn_at_once() -> None:
    drawn = table("T", ("ID", "Result"), [("1", "ab " * 300_000)], screen=Screen(80))
    assert max(map(len, drawn.splitlines())) <= 80


def test_words_about_how_something_is_have_colours() -> None:
    rows = [("1", "errored"), ("2", "completed"), ("3", "pending_bridge"), ("4", "cancelled")]
    drawn = table("Runs", ("ID", "Status"), rows, screen=Screen(80, colour=True))
    assert "║ \x1b[31merrored       \x1b[0m ║" in drawn
    assert "║ \x1b[32mcompleted     \x1b[0m ║" in drawn
    assert "║ \x1b[33mpending_bridge\x1b[0m ║" in drawn
    assert "║ cancelled      ║" in drawn
    assert "\x1b" not in table("Runs", ("ID", "Error"), rows, screen=Screen(80, colour=True))
    assert "\x1b" not in table("Runs", ("ID", "Status"), rows, screen=Screen(80))


def test_a_block_has_colours_too() -> None:
    assert "\x1b[33mpending_confirmations" in table("Runs", RUNS, [RUN], screen=Screen(60, colour=True))


def test_json_is_escaped_where_it_could_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write_json('{"a":"\x9b31m\u202e\U000e0041","b":"é🚀"}'.encode())
    said = capsys.readouterr().out
    assert said.splitlines()[1:3] == ['  "a": "\\u009b31m\\u202e\\udb40\\udc41",', '  "b": "é🚀"']
