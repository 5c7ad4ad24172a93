"""External initiators as the API shows them."""

from __future__ import annotations

from adyton.domain.external_initiators import ExternalInitiator
from adyton.domain.times import rfc3339
from adyton.storage.notifications import Undelivered
from adyton.web.jsonapi import Resource


def credentials_resource(made: ExternalInitiator, secret: str) -> Resource:
    """A new one with its secret: in the form of v0.6.2 if it has no name, else in that of v0.6.6."""
    if made.name is None:
        return Resource("external_initiators", made.access_key, {"AccessKey": made.access_key, "Secret": secret})
    attributes = {
        "name": made.name,
        "url": made.url or "",
        "incomingAccessKey": made.access_key,
        "incomingSecret": secret,
        "outgoingToken": made.outgoing_token or "",
        "outgoingSecret": made.outgoing_secret or "",
    }
    return Resource("external initiators", made.name, attributes)


def initiator_resource(known: ExternalInitiator, undelivered: Undelivered) -> Resource:
    """One in a list, in the form of v0.10.12, and what it has not been told yet."""
    created = rfc3339(known.created_at)
    attributes = {
        "name": known.name or "",
        "url": known.url,
        "accessKey": known.access_key,
        "outgoingToken": known.outgoing_token or "",
        "createdAt": created,
        "updatedAt": created,
        "undelivered": undelivered.news,
        "undeliveredBecause": undelivered.error,
    }
    return Resource("externalInitiators", known.called, attributes)
