"""Every setting of the node, in one table: the fields of ``Config``.

A field's name is the environment name in small letters. The table drives the environment, the TOML file, ``adyton config``
and docs/configuration.md. Names and defaults are those of v0.6.2, unless the meaning says why not.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self, get_type_hints

from adyton.config import chains
from adyton.config.chain_settings import ChainSettings
from adyton.config.job_settings import JobSettings
from adyton.config.load import read
from adyton.config.setting import DEFAULT, Setting
from adyton.domain.chain import Address
from adyton.domain.errors import Invalid

LATER = frozenset({"LOG_SQL_MIGRATIONS"})
"""Names of v0.6.2 and their successors that are accepted, with a warning, and have no effect yet."""


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Config(ChainSettings, JobSettings):
    """The settings of one process, read once. Durations are seconds, amounts wei or juels.

    ``sources`` tells for each field where its value came from: ``default``, ``environment``, ``file PATH`` or ``argument``.
    """

    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str], root: Path | None = None) -> Self:
        """Read every setting; ``root`` overrides ROOT. Raises ``Invalid`` with all faults at once."""
        loaded = read(settings(), LATER, environ, root)
        return cls(**loaded.values, sources=loaded.sources, warnings=tuple(loaded.warnings))

    def shown(self, field: str) -> str:
        """A field's value as text, as one would write it, with secrets masked."""
        return next(row for row in settings() if row.field == field).shown(getattr(self, field))

    def __repr__(self) -> str:
        """Every value, secrets masked."""
        return f"Config({', '.join(f'{row.name}={self.shown(row.field)!r}' for row in settings())})"

    def link_address(self, chain_id: int) -> Address | None:
        """The LINK token on a chain: the configured one, else the known one, else None."""
        return self.link_contract_address or chains.LINK.get(chain_id)

    def finality_depth(self, chain_id: int | None) -> int:
        """Blocks after which a chain counts as settled: the configured number, else what is right for the chain."""
        if self.eth_finality_depth is not None:
            return self.eth_finality_depth
        return chains.FINALITY.get(chain_id or 0, chains.FINALITY_ELSEWHERE)

    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key if HTTPS is to be served, else None.

        Raises ``Invalid`` if one of them is missing although the other exists or its place was configured.
        """
        if self.chainlink_tls_port == 0:
            return None
        files = {"tls_cert_path": self.tls_cert_path, "tls_key_path": self.tls_key_path}
        missing = [field for field, path in files.items() if not path.is_file()]
        if not missing:
            return self.tls_cert_path, self.tls_key_path
        if len(missing) == 1 or any(self.sources.get(field, DEFAULT) != DEFAULT for field in files):
            raise Invalid(*(f"{field.upper()} = {files[field]}: there is no such file" for field in missing), code="ADY-0952")
        return None


@cache
def settings() -> tuple[Setting, ...]:
    """The table, in the order of the fields."""
    hints: dict[str, Any] = get_type_hints(Config, include_extras=True)
    rows = {field: getattr(hint, "__metadata__", (None,))[0] for field, hint in hints.items()}
    return tuple(row._replace(field=field) for field, row in rows.items() if isinstance(row, Setting))
