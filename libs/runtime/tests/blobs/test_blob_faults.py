"""Disks that are full, processes that die, servers that go away."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from radbridge.runtime.blobs.file import FileBlobs
from radbridge.runtime.blobs.open import open_blobs
from radbridge.runtime.blobs.protocol import BlobError, BlobUnavailable
from tests.servers.s3 import S3Server

pytestmark = pytest.mark.faults


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_full_disk_is_unavailable_and_keeps_nothing_of_the_object(tiny_disk: Path) -> None:
    blobs = FileBlobs(tiny_disk / "store")
    await blobs.put("small", b"kept")
    with pytest.raises(BlobUnavailable, match="No space"):
        await blobs.put("large", os.urandom(2_000_000))
    with pytest.raises(BlobUnavailable, match="No space"):
        await blobs.put("small", os.urandom(2_000_000))
    assert files_of(tiny_disk) == ["store/objects/small"]
    assert await blobs.get("small") == b"kept"
    await blobs.put("large", bytes(500_000))
    filler = tiny_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(1_000_000))
    with pytest.raises(BlobUnavailable, match="full"):
        await blobs.ping()
    filler.unlink()
    await blobs.ping()
    await blobs.close()


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import asyncio, pathlib, resource, sys
        from radbridge.runtime.blobs.file import FileBlobs
        from radbridge.runtime.blobs.protocol import BlobUnavailable

        async def main():
            blobs = FileBlobs(pathlib.Path(sys.argv[1]))
            await blobs.put("kept", b"old")
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
            for name in ("kept", "new"):
                try:
                    await blobs.put(name, bytes(200_000))
                except BlobUnavailable:
                    continue
                sys.exit("written beyond the limit")
            await blobs.close()

        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True)
    assert files_of(tmp_path) == ["objects/kept"]
    assert (tmp_path / "objects" / "kept").read_bytes() == b"old"


async def test_what_was_being_written_by_a_killed_process_goes_after_a_day(tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for name, age in (("old", 25 * 3600), ("new", 3600)):
        (incoming / name).write_bytes(b"half")
        moment = (incoming / name).stat().st_mtime - age
        os.utime(incoming / name, (moment, moment))
    blobs = FileBlobs(tmp_path)
    assert [info async for info in blobs.list()] == []
    await blobs.ping()
    assert files_of(tmp_path) == ["incoming/new"]
    await blobs.close()


async def test_an_object_may_not_be_another_ones_folder(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.put("a/b", b"x")
    for name in ("a", "a/b/c"):
        with pytest.raises(BlobError) as caught:
            await blobs.put(name, b"y")
        assert not isinstance(caught.value, BlobUnavailable)
        assert not await blobs.exists(name)
    assert files_of(tmp_path) == ["objects/a/b"]
    await blobs.close()


@pytest.mark.real
async def test_a_server_away_is_unavailable_and_back_is_used(own_s3: S3Server) -> None:
    blobs = open_blobs(own_s3.create_bucket())
    await blobs.put("a", b"x")
    own_s3.kill()
    for call in (blobs.put("b", b"y"), blobs.get("a"), blobs.exists("a"), blobs.ping(), anext(blobs.stream("a"))):
        with pytest.raises(BlobUnavailable):
            await call
    await asyncio.to_thread(own_s3.start)
    assert await blobs.get("a") == b"x"
    assert not await blobs.exists("b")
    await blobs.close()


@pytest.mark.real
async def test_a_wrong_secret_is_unavailable_and_not_repeated(s3_url: str) -> None:
    parts = urlsplit(s3_url)
    wrong = urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":wrong-secret@")))
    blobs = open_blobs(wrong)
    with pytest.raises(BlobUnavailable) as caught:
        await blobs.put("a", b"x")
    assert "wrong-secret" not in str(caught.value)
    await blobs.close()
