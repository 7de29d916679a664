"""What people want: no messages, or messages again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from radbridge.notify.store import addresses
from radbridge.notify.store.addresses import BlockReason
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.patient import phone_index
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Caller = Annotated[Principal, Depends(require("admin", "service"))]


class Preference(BaseModel):
    """The wish of the person with this phone, for all hospitals and channels."""

    phone: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] = Field(repr=False)
    opted_out: bool


class StoredPreference(BaseModel):
    """The wish as stored; the phone is not repeated."""

    opted_out: bool


def router(resources: Resources) -> APIRouter:
    """Route ``/api/notify/v1/preferences``."""
    api = APIRouter(prefix="/api/notify/v1/preferences", tags=["preferences"])

    @api.put("")
    async def put(preference: Preference, _: Caller) -> StoredPreference:
        """Send nothing to a phone's owner any more, or send again; the latter also after a vendor called the number
        wrong."""
        index = phone_index(resources.vault, preference.phone)
        if index is None:
            raise Problem(422, "Not a phone number", "phone holds no digits")
        if preference.opted_out:
            await resources.database.write(
                lambda tx: addresses.block(tx, index, BlockReason.OPTED_OUT, resources.clock())
            )
        else:
            await resources.database.write(lambda tx: addresses.unblock(tx, index))
        return StoredPreference(opted_out=preference.opted_out)

    return api
