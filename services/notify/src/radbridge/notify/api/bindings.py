"""Bindings of people to WeChat addresses, for the hospital's own systems and other services."""

from typing import Annotated, Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints, model_validator

from radbridge.contracts.identifiers import NAMESPACE
from radbridge.contracts.model.codes import DocumentType
from radbridge.contracts.model.people import Patient
from radbridge.notify.addresses import address_index
from radbridge.notify.api.institutions import owner_of
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.store import addresses
from radbridge.notify.store.addresses import Binding
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import hospital_or, require_own
from radbridge.runtime.security.patient import document_index, phone_index
from radbridge.runtime.security.principal import Principal
from radbridge.runtime.service import Resources

_PURPOSE = "patient"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class BindingRequest(BaseModel):
    """A person, by phone or by identity document, and the person's openid for the account of this channel."""

    hospital_code: str
    """Code of the hospital whose messages go there; ``default`` for the platform's accounts."""
    channel: Literal[ChannelName.WECHAT_OFFICIAL, ChannelName.WECHAT_MINI]
    phone: Text | None = None
    document_number: Text | None = None
    document_type: DocumentType | None = None
    """Of ``document_number``; a valid resident ID needs none."""
    address: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\x21-\x7e]{1,128}$")] = Field(
        repr=False
    )

    @model_validator(mode="after")
    def _names_a_person(self) -> "BindingRequest":
        if (self.phone is None) == (self.document_number is None):
            raise ValueError("either phone or document_number is needed")
        return self


class BindingView(BaseModel):
    """A stored binding. Whom it binds is not shown."""

    binding_id: UUID
    channel: ChannelName


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/notify/v1/bindings``."""
    api = APIRouter(prefix="/api/notify/v1/bindings", tags=["bindings"])
    caller = hospital_or(resources.directory, "admin", "service")

    @api.post("")
    async def bind(request: BindingRequest, principal: Annotated[Principal, Depends(caller)]) -> BindingView:
        """Store a person's address, or replace it."""
        owner = owner_of(resources.directory, request.hospital_code)
        require_own(principal, owner)
        by_phone = phone_index(resources.vault, request.phone)
        by_document = document_index(
            resources.vault, Patient(document_number=request.document_number, document_type=request.document_type)
        )
        if by_phone is None and by_document is None:
            raise Problem(422, "Nobody is named", "phone or document_number holds no number")
        binding_id = str(uuid5(NAMESPACE, f"binding/{owner}/{request.channel}/{by_phone or by_document}"))
        binding = Binding(
            binding_id=binding_id,
            owner=owner,
            channel=request.channel,
            phone_index=by_phone,
            document_index=by_document,
            address_index=address_index(resources.vault, request.channel, request.address),
            address_sealed=resources.keyring.seal(owner, _PURPOSE, request.address.encode(), place=binding_id),
        )
        await resources.database.write(lambda tx: addresses.save_binding(tx, binding, resources.clock()))
        return BindingView(binding_id=UUID(binding_id), channel=request.channel)

    @api.delete("/{binding_id}", status_code=204)
    async def unbind(binding_id: UUID, principal: Annotated[Principal, Depends(caller)]) -> None:
        """Forget an address."""
        known = await resources.database.read(lambda tx: addresses.binding(tx, str(binding_id)))
        if known is None:
            raise Problem(404, "No such binding", f"binding {binding_id} does not exist")
        require_own(principal, known.owner)
        await resources.database.write(lambda tx: addresses.remove_binding(tx, known.binding_id))

    return api
