"""How wide texts are on a terminal, and how they break."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adyton.cli import cells
from adyton.cli.cells import Break

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ANY = st.text(st.characters(codec="utf-8"), max_size=80)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("plain", 5),
        ("Preis", 5),
        ("naïve", 5),
        ("nai\u0308ve", 5),
        ("価格", 4),
        ("한국", 4),
        ("ｆｕｌｌ", 8),
        ("é\u0301\u0302\u0303", 1),
        ("🚀", 2),
        ("❤", 1),
        ("❤\ufe0f", 2),
        ("👍🏽", 2),
        (FAMILY, 2),
        ("🇩🇪", 2),
        ("🇩🇪🇫🇷", 4),
        ("a🚀b", 4),
    ],
)
def test_a_text_takes_the_columns_that_a_terminal_gives_it(text: str, columns: int) -> None:
    assert cells.width(text) == columns


def test_what_joins_into_one_picture_is_not_taken_apart() -> None:
    assert cells.lines(f"{FAMILY}{FAMILY}e\u0301e\u0301", 2, Break.ANYWHERE) == [FAMILY, FAMILY, "e\u0301e\u0301"]


@pytest.mark.parametrize(
    ("text", "size", "where", "broken"),
    [
        ("one two three", 7, Break.BLANKS, ["one two", "three"]),
        ("one  two", 3, Break.BLANKS, ["one", "two"]),
        ("long_word_here x", 6, Break.BLANKS, ["long_word_here", "x"]),
        ("pending_confirmations", 13, Break.SOFT, ["pending_", "confirmations"]),
        ("2019-06-27T14:03:11Z", 12, Break.SOFT, ["2019-06-27", "T14:03:11Z"]),
        ('{"a":1,"b":2}', 7, Break.SOFT, ['{"a":1,', '"b":2}']),
        ("c5f0e0f5c4e3", 5, Break.SOFT, ["c5f0e0f5c4e3"]),
        ("c5f0e0f5c4e3", 5, Break.ANYWHERE, ["c5f0e", "0f5c4", "e3"]),
        ("価格価格", 3, Break.ANYWHERE, ["価", "格", "価", "格"]),
        ("価", 1, Break.ANYWHERE, ["価"]),
        ("a\nb b b", 3, Break.BLANKS, ["a", "b b", "b"]),
        ("", 5, Break.ANYWHERE, [""]),
    ],
)
def test_lines_break_where_they_may(text: str, size: int, where: Break, broken: list[str]) -> None:
    assert cells.lines(text, size, where) == broken


@given(ANY, st.integers(2, 30))
def test_no_line_is_wider_than_it_may_be_and_nothing_is_lost(text: str, size: int) -> None:
    shown = cells.clean(text)
    broken = cells.lines(shown, size, Break.ANYWHERE)
    assert max(map(cells.width, broken)) <= size
    assert "".join("".join(broken).split()) == "".join(shown.split())


@given(ANY, st.integers(0, 40))
@example("\ufe0f", 1)
def test_what_is_filled_has_the_width_that_was_asked_for(text: str, size: int) -> None:
    line = cells.clean(text).replace("\n", " ")
    for form in ({}, {"right": True}, {"centre": True}):
        assert cells.width(cells.filled(line, size, **form)) == max(size, cells.width(line))


@given(ANY)
@example("\x1b]0;title\x07\u202e\u2066\u200b\U000e0041\x9b31m\r")
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    for sign in cells.clean(text):
        assert (
            sign == "\n"
            or (sign.isprintable() and sign not in "\u115f\u1160\u3164")
            or sign in "\u200c\u200d"
            or _harmless(sign)
        )


def _harmless(sign: str) -> bool:
    """Signs that Python does not print because they have no picture: blanks of other widths, private and unassigned ones."""
    import unicodedata

    return unicodedata.category(sign) in {"Zs", "Co", "Cn", "Cf"} and not 0x2028 <= ord(sign) <= 0x202E


@given(ANY)
def test_json_whose_signs_are_escaped_says_the_same(text: str) -> None:
    written = cells.escaped(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert not set(written) & set("\x1b\x9b\u202e\u2028\U000e0041")
