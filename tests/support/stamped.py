"""Signatures with a timestamp beside them."""

from __future__ import annotations

from datetime import datetime

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.der_write import encode, oid, sequence, set_of
from radbridge.signing.trial_pki import TrialAuthority


def with_timestamp(signed_data: bytes, authority: TrialAuthority, at: datetime, over: bytes | None = None) -> bytes:
    """A SignedData with a timestamp as unsigned attribute, over its signature value or over something else."""
    content_type, wrapper = der.parse(signed_data).children()
    *fields, signers = wrapper.children()[0].children()
    signer = signers.children()[0].children()
    token = authority.timestamp(signer[-1].octets() if over is None else over, at)
    attribute = sequence(oid(oids.ATTRIBUTE_SIGNATURE_TIMESTAMP), set_of(token))
    stamped = sequence(*(one.raw for one in signer), encode(der.context(1), attribute))
    return sequence(content_type.raw, encode(der.context(0), sequence(*(one.raw for one in fields), set_of(stamped))))
