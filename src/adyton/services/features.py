"""What an operator must switch on before it can be used."""

from __future__ import annotations

from adyton.domain.errors import Invalid
from adyton.services.parts import Parts


class SwitchedOff(Invalid):
    """The node's settings do not allow this: v0.6.2's words, then the cure."""

    usual = "ADY-0005"


def need_external_initiators(parts: Parts) -> None:
    """Raises SwitchedOff unless external initiators may be made and deleted."""
    if not (parts.config.feature_external_initiators or parts.config.chainlink_dev):
        raise SwitchedOff(
            "External Initiators are currently under development and not yet usable outside of development mode",
            "set FEATURE_EXTERNAL_INITIATORS=true and start the node again",
            code="ADY-0500",
        )


def need_service_agreements(parts: Parts) -> None:
    """Raises SwitchedOff unless service agreements may be made."""
    if not (parts.config.feature_service_agreements or parts.config.chainlink_dev):
        raise SwitchedOff(
            "Service Agreements are currently under development and not yet usable outside of development mode",
            "set FEATURE_SERVICE_AGREEMENTS=true and start the node again",
            code="ADY-0510",
        )
