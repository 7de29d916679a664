"""Both blob stores behind one fixture."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from radbridge.runtime.blobs.open import open_blobs
from radbridge.runtime.blobs.protocol import BlobStore
from tests.support.small_disk import disk_of_one_megabyte


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.real)])
def blobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty store, once per kind."""
    return f"file://{tmp_path}/store" if request.param == "file" else request.getfixturevalue("s3_url")


@pytest.fixture
async def blobs(blobs_url: str) -> AsyncIterator[BlobStore]:
    store = open_blobs(blobs_url)
    yield store
    await store.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    with disk_of_one_megabyte(tmp_path / "disk") as folder:
        yield folder
