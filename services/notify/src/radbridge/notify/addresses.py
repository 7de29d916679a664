"""Where a patient can be reached: phones and bound WeChat addresses, and their blind indexes."""

from dataclasses import dataclass, field

from radbridge.contracts.events.base import PatientRef
from radbridge.contracts.model.people import Patient
from radbridge.notify.domain.addresses import UnusableAddressError, mainland_mobile
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.templates import SMS_CHANNELS
from radbridge.notify.store import accounts, addresses
from radbridge.notify.store.addresses import BlockReason
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.keyring import PLATFORM, Keyring
from radbridge.runtime.security.patient import phone_index
from radbridge.runtime.security.vault import Vault

NO_ACCOUNT = "no_account"
NO_ADDRESS = "no_address"


@dataclass(frozen=True, slots=True)
class Hop:
    """One channel to one address, through an owner's account."""

    channel: ChannelName
    owner: str
    recipient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """The channels on which somebody can be reached; where there are none, why, and what the message would have
    gone by."""

    hops: dict[ChannelName, Hop]
    refusal: str = ""
    refused_channel: ChannelName = ChannelName.ALIYUN_SMS


def address_index(vault: Vault, channel: ChannelName, address: str) -> str:
    """Blind index of an address: of phones the same as that of patients' phones."""
    if channel in SMS_CHANNELS:
        return phone_index(vault, address) or vault.blind_index("phone", "")
    return vault.blind_index("openid", f"{channel}|{address}")


async def reach(
    tx: Transaction, keyring: Keyring, institution_id: str, patient: Patient, reference: PatientRef
) -> Reach:
    """How the institution can reach a patient, through its own accounts and the platform's."""
    owners = await accounts.owners(tx, institution_id, PLATFORM)
    sms = next((channel for channel in owners if channel in SMS_CHANNELS), ChannelName.ALIYUN_SMS)
    if not owners:
        return Reach({}, NO_ACCOUNT, sms)
    block = await addresses.block_of(tx, reference.phone_index)
    if block is BlockReason.OPTED_OUT:
        return Reach({}, block.value, sms)
    phone, refusal = _mobile(patient.phone, block)
    hops: dict[ChannelName, Hop] = {}
    for channel, owner in owners.items():
        recipient = (
            phone if channel in SMS_CHANNELS else await _bound(tx, keyring, channel, owner, institution_id, reference)
        )
        if recipient is not None:
            hops[channel] = Hop(channel, owner, recipient)
    return Reach(hops, refusal, sms)


def _mobile(phone: str | None, block: BlockReason | None) -> tuple[str | None, str]:
    """The number that SMS vendors take, or why there is none."""
    if not phone:
        return None, NO_ADDRESS
    if block is not None:
        return None, block.value
    try:
        return mainland_mobile(phone), NO_ADDRESS
    except UnusableAddressError:
        return None, BlockReason.UNUSABLE.value


async def _bound(
    tx: Transaction,
    keyring: Keyring,
    channel: ChannelName,
    account_owner: str,
    institution_id: str,
    reference: PatientRef,
) -> str | None:
    """The openid of a person. Openids belong to the account: an institution's own knows only its own bindings."""
    found = await addresses.binding_of(
        tx,
        channel,
        (institution_id, account_owner),
        phone_index=reference.phone_index,
        document_index=reference.document_index,
    )
    if found is None:
        return None
    return keyring.open(found.address_sealed, place=found.binding_id).decode()
