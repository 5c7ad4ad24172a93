"""External initiators as the API shows them."""

from __future__ import annotations

import msgspec

from adyton.domain.external_initiators import ExternalInitiator, shown_url
from adyton.domain.times import rfc3339
from adyton.storage.notifications import Undelivered
from adyton.web.jsonapi import Resource


class AnonymousInitiator(msgspec.Struct, frozen=True):
    """A new external initiator without a name, in the form of v0.6.2."""

    AccessKey: str
    Secret: str


class NamedInitiator(msgspec.Struct, frozen=True, rename="camel"):
    """A new external initiator with a name, in the form of v0.6.6. What it sends to the node is ``incoming``."""

    name: str
    url: str
    incoming_access_key: str
    incoming_secret: str
    outgoing_token: str
    outgoing_secret: str


class InitiatorAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """An external initiator in a list, in the form of v0.10.12, and how much it has not been told."""

    name: str
    url: str | None
    access_key: str
    outgoing_token: str
    created_at: str
    updated_at: str
    undelivered: int
    undelivered_because: str | None


def credentials_resource(made: ExternalInitiator, secret: str) -> Resource:
    """A new one with its secret: in the form of v0.6.2 if it has no name, else in that of v0.6.6."""
    if made.name is None:
        return Resource("external_initiators", made.access_key, AnonymousInitiator(made.access_key, secret))
    attributes = NamedInitiator(
        name=made.name,
        url=made.url or "",
        incoming_access_key=made.access_key,
        incoming_secret=secret,
        outgoing_token=made.outgoing_token or "",
        outgoing_secret=made.outgoing_secret or "",
    )
    return Resource("external initiators", made.name, attributes)


def initiator_resource(known: ExternalInitiator, undelivered: Undelivered, *, secrets: bool) -> Resource:
    """One in a list, in the form of v0.10.12, and what it has not been told yet; ``secrets``: to someone who may see them."""
    created = rfc3339(known.created_at)
    attributes = InitiatorAttributes(
        name=known.name or "",
        url=known.url if secrets or known.url is None else shown_url(known.url),
        access_key=known.access_key,
        outgoing_token=(known.outgoing_token or "") if secrets else "",
        created_at=created,
        updated_at=created,
        undelivered=undelivered.news,
        undelivered_because=undelivered.error,
    )
    return Resource("externalInitiators", known.called, attributes)
