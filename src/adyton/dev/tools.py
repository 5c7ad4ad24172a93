"""Where the local chain and the official contracts lie: ``tools/npm/node_modules`` of the checkout, put there by set-up."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import adyton
from adyton.domain.errors import NotFound

CHECKOUT = Path(adyton.__file__).parents[2]
MODULES = CHECKOUT / "tools" / "npm" / "node_modules"
HOW = "run 'make setup' in a checkout of Adyton"


def anvil() -> str:
    """The path of the local chain's program: the packaged one, else the one on the PATH. Raises NotFound."""
    packaged = MODULES / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    found = str(packaged) if packaged.exists() else shutil.which("anvil")
    if found is None:
        raise NotFound(f"The local chain (anvil) is not installed: {HOW}, or put Foundry's anvil on the PATH.", code="ADY-1263")
    return found


@cache
def artifact(path: str) -> dict[str, Any]:
    """What the official package says of a contract, for example ``v0.6/Oracle``. Raises NotFound."""
    file = MODULES / "@chainlink" / "contracts" / "abi" / f"{path}.json"
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise NotFound(f"The official contracts ({path}) are not installed: {HOW}.", code="ADY-1263") from None
    return content


def bytecode(path: str) -> str:
    """The deployment code of a contract of the official package, ``0x`` hex. Raises NotFound."""
    code: str = artifact(path)["compilerOutput"]["evm"]["bytecode"]["object"]
    return "0x" + code.removeprefix("0x")
