"""The machine's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from adyton.system.zone import machine_zone

NOWHERE = Path("/nonexistent/localtime")


@pytest.mark.parametrize(
    ("named", "zone"),
    [
        ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
        (":Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("UTC", UTC),
        ("", UTC),
        ("Nowhere/City", UTC),
        ("/nonexistent/zone", UTC),
    ],
)
def test_the_environment_names_the_zone(named: str, zone: object) -> None:
    assert machine_zone({"TZ": named}, NOWHERE) is zone


def test_without_a_name_the_file_says_it(tmp_path: Path) -> None:
    database = next(Path(place) for place in TZPATH if (Path(place) / "Asia" / "Kolkata").exists())
    link = tmp_path / "localtime"
    link.symlink_to(database / "Asia" / "Kolkata")
    assert machine_zone({}, link) is ZoneInfo("Asia/Kolkata")


def test_a_copy_of_the_file_will_do(tmp_path: Path) -> None:
    database = next(Path(place) for place in TZPATH if (Path(place) / "Asia" / "Kolkata").exists())
    copy = tmp_path / "localtime"
    copy.write_bytes((database / "Asia" / "Kolkata").read_bytes())
    zone = machine_zone({}, copy)
    assert isinstance(zone, ZoneInfo)
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=5, minutes=30)


def test_a_file_that_is_no_zone_is_utc(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_text("nonsense")
    assert machine_zone({}, tmp_path / "localtime") is UTC
    assert machine_zone({}, NOWHERE) is UTC
