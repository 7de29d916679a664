"""What both blob stores promise alike."""

import asyncio
import os
from pathlib import Path

import pytest

from radbridge.runtime.blobs.open import open_blobs
from radbridge.runtime.blobs.protocol import BlobInfo, BlobMissing, BlobStore, BlobUnavailable


async def listed(blobs: BlobStore, prefix: str = "") -> dict[str, BlobInfo]:
    return {info.name: info async for info in blobs.list(prefix)}


@pytest.mark.parametrize("size", [0, 1, 70_000])
async def test_bytes_come_back(blobs: BlobStore, size: int) -> None:
    data = os.urandom(size)
    await blobs.put("a/b-c_d.E/f", data)
    assert await blobs.get("a/b-c_d.E/f") == data
    assert await blobs.exists("a/b-c_d.E/f")
    assert [chunk async for chunk in blobs.stream("a/b-c_d.E/f")] == ([data] if data else [])


async def test_putting_again_replaces_the_whole(blobs: BlobStore) -> None:
    await blobs.put("a/b", b"long and old")
    await blobs.put("a/b", b"new")
    assert await blobs.get("a/b") == b"new"
    assert (await listed(blobs))["a/b"].size == 3


async def test_parts_of_an_object(blobs: BlobStore) -> None:
    await blobs.put("a", b"0123456789")
    assert await blobs.get("a", offset=3, length=4) == b"3456"
    assert await blobs.get("a", offset=8) == b"89"
    assert await blobs.get("a", offset=8, length=100) == b"89"
    assert await blobs.get("a", length=2) == b"01"
    assert await blobs.get("a", offset=4, length=0) == b""
    assert await blobs.get("a", offset=10) == b""
    for offset, length in ((-1, None), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            await blobs.get("a", offset=offset, length=length)


async def test_a_large_file_goes_up_whole_and_comes_down_in_chunks(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = os.urandom(1 << 20) * 40 + b"end"  # three parts on S3
    path.write_bytes(data)
    await blobs.put_file("large", path)
    assert path.exists()
    chunks = [chunk async for chunk in blobs.stream("large", chunk_size=5_000_000)]
    assert max(map(len, chunks)) <= 5_000_000
    assert b"".join(chunks) == data
    assert await blobs.get("large", offset=len(data) - 5) == data[-5:]


async def test_a_file_that_is_not_there_is_no_fault_of_the_store(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.put_file("a", tmp_path / "missing")
    assert not await blobs.exists("a")


async def test_what_is_missing_says_so(blobs: BlobStore) -> None:
    assert not await blobs.exists("a/b")
    for length in (None, 0, 5):
        with pytest.raises(BlobMissing):
            await blobs.get("a/b", length=length)
    with pytest.raises(BlobMissing):
        _ = [chunk async for chunk in blobs.stream("a/b")]
    await blobs.delete("a/b")
    await blobs.put("a/b", b"x")
    await blobs.delete("a/b")
    assert not await blobs.exists("a/b")


async def test_a_stream_left_early_harms_nothing(blobs: BlobStore) -> None:
    await blobs.put("a", bytes(5_000_000))
    for _ in range(20):
        stream = blobs.stream("a", chunk_size=1000)
        assert len(await anext(stream)) == 1000
        await stream.aclose()
    assert await blobs.get("a", length=1) == b"\0"


async def test_lists_what_starts_alike(blobs: BlobStore) -> None:
    names = ["a/1", "a/2/x", "a/20", "ab/1", "b", "c/d/e/f"]
    for name in names:
        await blobs.put(name, name.encode())
    found = await listed(blobs)
    assert sorted(found) == names
    assert found["c/d/e/f"].size == 7
    assert found["b"].modified_at > 1_600_000_000
    assert sorted(await listed(blobs, "a")) == ["a/1", "a/2/x", "a/20", "ab/1"]
    assert sorted(await listed(blobs, "a/")) == ["a/1", "a/2/x", "a/20"]
    assert sorted(await listed(blobs, "a/2")) == ["a/2/x", "a/20"]
    assert sorted(await listed(blobs, "a/2/x")) == ["a/2/x"]
    assert await listed(blobs, "nothing/here") == {}


async def test_many_objects_are_all_listed(blobs: BlobStore) -> None:
    names = {f"many/{number:04}" for number in range(1100)}
    for start in range(0, 1100, 50):
        await asyncio.gather(*(blobs.put(f"many/{number:04}", b"x") for number in range(start, start + 50)))
    assert set(await listed(blobs, "many/")) == names


@pytest.mark.parametrize(
    "name",
    ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a b", "a\\b", "é", "a\n", "a\0b", "x" * 201,
     "/".join(["y" * 100] * 10)],
)  # fmt: skip
async def test_other_names_are_refused(blobs: BlobStore, tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for call in (
        blobs.put(name, b"x"),
        blobs.put_file(name, source),
        blobs.get(name),
        blobs.exists(name),
        blobs.delete(name),
        anext(blobs.stream(name)),
    ):
        with pytest.raises(ValueError, match="name"):
            await call
    assert await listed(blobs) == {}


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "é", "a b"])
async def test_other_prefixes_are_refused(blobs: BlobStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="name"):
        await listed(blobs, prefix)


async def test_writers_of_one_name_leave_one_whole_object(blobs: BlobStore) -> None:
    contents = [bytes([number]) * 50_000 for number in range(12)]
    await asyncio.gather(*(blobs.put("same", content) for content in contents))
    assert await blobs.get("same") in contents


async def test_ping_of_a_store_in_order(blobs: BlobStore) -> None:
    await blobs.ping()


@pytest.mark.real
async def test_ping_names_a_missing_bucket(s3_url: str) -> None:
    blobs = open_blobs(s3_url.replace("?", "-missing?"))
    with pytest.raises(BlobUnavailable, match="does not exist"):
        await blobs.ping()
    await blobs.close()


@pytest.mark.parametrize(
    "url",
    ["s3://host/bucket", "s3://key:secret@host", "s3://key:secret@host/a/b", "file://relative", "http://host/x", ""],
)
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        open_blobs(url)
    assert "secret@host" not in str(caught.value).replace("key:secret@host:port", "")
