"""Objects are sealed per institution, named by their content, and open under their own name only."""

import os
from hashlib import sha256

import pytest

from radbridge.contracts.events.base import BlobRef
from radbridge.runtime.blobs.protocol import BlobMissing, BlobStore
from radbridge.runtime.blobs.sealed import FETCHED, SealedBlobs
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault

CLEAR = "患者张三，110101199003070011".encode()


@pytest.fixture
def sealed(blobs: BlobStore) -> SealedBlobs:
    keyring = Keyring(Vault.create())
    for institution in ("hospital-a", "hospital-b"):
        keyring.new_keys(institution)
    return SealedBlobs(blobs, keyring)


@pytest.mark.parametrize("size", [0, 10, 200_000])
async def test_clear_bytes_come_back(sealed: SealedBlobs, size: int) -> None:
    data = os.urandom(size)
    ref = await sealed.put("hospital-a", data, "application/pdf")
    assert ref == BlobRef(name=f"hospital-a/{sha256(data).hexdigest()}", size=size, media_type="application/pdf")
    assert await sealed.get("hospital-a", ref) == data
    assert await sealed.put("hospital-a", data, "application/pdf") == ref


async def test_nothing_clear_is_stored(sealed: SealedBlobs, blobs: BlobStore) -> None:
    ref = await sealed.put("hospital-a", CLEAR)
    assert [info.name async for info in blobs.list()] == [ref.name]
    stored = await blobs.get(ref.name)
    assert "张三".encode() not in stored
    assert b"110101199003070011" not in stored


async def test_what_was_fetched_lies_apart_from_what_was_sent(sealed: SealedBlobs, blobs: BlobStore) -> None:
    """And where no sweeper of the institution's objects looks."""
    sent, fetched = await sealed.put("hospital-a", CLEAR), await sealed.put("hospital-a", CLEAR, below=FETCHED)
    assert [info.name async for info in blobs.list("hospital-a/")] == [sent.name]
    assert await sealed.get("hospital-a", fetched) == CLEAR
    with pytest.raises(ValueError, match="another institution"):
        await sealed.get("hospital-b", fetched)
    await blobs.put(fetched.name, await blobs.get(sent.name))
    with pytest.raises(SealError):
        await sealed.get("hospital-a", fetched)


async def test_an_object_of_another_institution_or_place_does_not_open(sealed: SealedBlobs, blobs: BlobStore) -> None:
    ref = await sealed.put("hospital-a", CLEAR)
    other = await sealed.put("hospital-a", b"other")
    with pytest.raises(ValueError, match="another institution"):
        await sealed.get("hospital-b", ref)
    await blobs.put(other.name, await blobs.get(ref.name))
    with pytest.raises(SealError):
        await sealed.get("hospital-a", other)


async def test_a_changed_object_does_not_open(sealed: SealedBlobs, blobs: BlobStore) -> None:
    ref = await sealed.put("hospital-a", CLEAR)
    stored = bytearray(await blobs.get(ref.name))
    stored[-1] ^= 1
    await blobs.put(ref.name, bytes(stored))
    with pytest.raises(SealError):
        await sealed.get("hospital-a", ref)


async def test_a_missing_object_says_so(sealed: SealedBlobs) -> None:
    with pytest.raises(BlobMissing):
        await sealed.get("hospital-a", BlobRef(name="hospital-a/none", size=1))
