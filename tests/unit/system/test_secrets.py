"""Secrets from files and the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adyton.domain.errors import Invalid
from adyton.system import hidden, logs
from adyton.system.secrets import SystemSecrets


@pytest.fixture(autouse=True)
def nothing_hidden_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "_values", set())
    monkeypatch.setattr(hidden, "_spellings", ())


def put(directory: Path, name: str, value: bytes | str, mode: int = 0o600) -> Path:
    file = directory / name
    file.write_bytes(value.encode() if isinstance(value, str) else value)
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("content", "value"),
    [("hush", "hush"), ("hush\n", "hush"), ("hush\r\n", "hush"), ("hush\n\n", "hush\n"), (" a b ", " a b "), ("päss", "päss")],
)
async def test_a_secret_is_what_its_file_holds_without_the_last_line_break(tmp_path: Path, content: str, value: str) -> None:
    put(tmp_path, "KEY", content)
    assert await SystemSecrets(tmp_path, {}).values(["KEY"]) == {"KEY": value}


async def test_it_is_read_each_time_so_that_it_can_be_changed(tmp_path: Path) -> None:
    secrets = SystemSecrets(tmp_path, {})
    put(tmp_path, "KEY", "first")
    assert await secrets.values(["KEY"]) == {"KEY": "first"}
    put(tmp_path, "KEY", "second")
    assert await secrets.values(["KEY"]) == {"KEY": "second"}


async def test_the_environment_is_asked_after_the_files(tmp_path: Path) -> None:
    environ = {"ADYTON_SECRET_KEY": "from the environment", "ADYTON_SECRET_A_B": "capitals", "ADYTON_SECRET_small": "as it is"}
    secrets = SystemSecrets(tmp_path, environ)
    names = ["KEY", "a-b", "small"]
    assert list((await secrets.values(names)).values()) == ["from the environment", "capitals", "as it is"]
    put(tmp_path, "KEY", "from the file")
    assert await secrets.values(["KEY"]) == {"KEY": "from the file"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
async def test_a_file_that_others_may_use_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    file = put(tmp_path, "KEY", "hush", mode)
    with pytest.raises(Invalid, match=rf"mode {mode:04o}, so that others may use it: chmod 600 {file}") as caught:
        await SystemSecrets(tmp_path, {"ADYTON_SECRET_KEY": "hush"}).values(["KEY"])
    assert "hush" not in str(caught.value)


async def test_a_file_that_only_the_owner_reads_will_do(tmp_path: Path) -> None:
    put(tmp_path, "KEY", "hush", 0o400)
    assert await SystemSecrets(tmp_path, {}).values(["KEY"]) == {"KEY": "hush"}


async def test_one_that_is_missing_is_told_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        await SystemSecrets(tmp_path / "none", {}).values(["my-key", "B"])
    first, second = caught.value.faults
    assert str(tmp_path / "none" / "my-key") in first.detail
    assert "ADYTON_SECRET_MY_KEY" in first.detail
    assert "secret 'B'" in second.detail


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", ".hidden", "", "a/b", "a\0b", ".."])
async def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "secrets"
    inside.mkdir()
    put(tmp_path, "outside", "hush")
    with pytest.raises(Invalid, match="a name has at most 100 letters"):
        await SystemSecrets(inside, {}).values([name])


async def test_what_is_no_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    put(tmp_path, "empty", "")
    put(tmp_path, "short", "abc\n")
    put(tmp_path, "large", "x" * 70_000)
    put(tmp_path, "binary", b"\xff\xfe\xfd\xfc")
    faults = {
        "directory": "is not a file", "pipe": "is not a file", "empty": "fewer than 4 characters",
        "short": "fewer than 4 characters", "large": "more than 65536 bytes", "binary": "is not UTF-8 text",
    }  # fmt: skip
    for name, fault in faults.items():
        with pytest.raises(Invalid, match=fault):
            await SystemSecrets(tmp_path, {}).values([name])


async def test_what_was_read_is_in_no_log_line_in_any_field_or_spelling(tmp_path: Path) -> None:
    put(tmp_path, "KEY", "hush/hush&1")
    await SystemSecrets(tmp_path, {}).values(["KEY"])
    put(tmp_path, "KEY", "anew")
    await SystemSecrets(tmp_path, {}).values(["KEY"])
    line = {"event": "hush/hush&1", "answer": {"body": ["anew", "hush%2Fhush%261"]}, "fault": ValueError("hush/hush&1")}
    shown = str(logs.redact(None, "info", line))
    assert "hush" not in shown
    assert "anew" not in shown
    assert shown.count("***") == 4


async def test_a_secret_of_several_lines_is_in_no_line_of_the_log(tmp_path: Path) -> None:
    put(tmp_path, "PEM", "-----BEGIN KEY-----\nMIIEvQIBADAN\n  BgkqhkiG9w0B\n{\n-----END KEY-----\n")
    await SystemSecrets(tmp_path, {}).values(["PEM"])
    lines = ["-----BEGIN KEY-----", "MIIEvQIBADAN", "  BgkqhkiG9w0B", "{"]
    assert [hidden.without(line) for line in lines] == ["-----BEGIN KEY-----", "***", "  ***", "{"]
