"""Objects in a bucket of MinIO or any other S3, through the ``minio`` client in threads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from radbridge.runtime.blobs.names import checked, checked_prefix, checked_range
from radbridge.runtime.blobs.protocol import BlobInfo, BlobMissing, BlobUnavailable

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 8
_CONNECT_S = 3.0
_ANSWER_S = 30.0
_RETRIES = Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), allowed_methods=None)
_PART = 16 << 20
"""Bytes of a part: larger objects are uploaded in parts and become visible when all are there."""
_LISTED_AT_ONCE = 1000
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchVersion"})


class S3Blobs:
    """One bucket, which must exist. Requests have timeouts and are repeated when the server is busy or cut off."""

    def __init__(
        self, *, endpoint: str, access_key: str, secret_key: str, bucket: str, region: str, secure: bool
    ) -> None:
        self._bucket = bucket
        self._http = PoolManager(
            maxsize=_THREADS, timeout=Timeout(connect=_CONNECT_S, read=_ANSWER_S), retries=_RETRIES
        )
        self._client = Minio(
            endpoint,
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            secure=secure,
            http_client=self._http,
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    @classmethod
    def from_url(cls, url: str) -> "S3Blobs":
        """``s3://key:secret@host:port/bucket?region=us-east-1&secure=true``; key and secret percent-encoded.

        :raises ValueError: a part is missing; the text does not repeat the URL.
        """
        parts = urlsplit(url)
        bucket = parts.path.strip("/")
        if not (parts.hostname and parts.username and parts.password and bucket) or "/" in bucket:
            raise ValueError("an S3 URL is s3://key:secret@host:port/bucket?region=…&secure=…")
        query = parse_qs(parts.query)
        return cls(
            endpoint=parts.netloc.rpartition("@")[2],
            access_key=unquote(parts.username),
            secret_key=unquote(parts.password),
            bucket=bucket,
            region=query.get("region", ["us-east-1"])[0],
            secure=query.get("secure", ["true"])[0].lower() not in {"false", "0", "no"},
        )

    async def put(self, name: str, data: bytes) -> None:
        await self._in_thread(self._upload, checked(name), BytesIO(data), len(data))

    async def put_file(self, name: str, path: Path) -> None:
        checked(name)
        source = await asyncio.to_thread(path.open, "rb")
        with source:
            size = (await asyncio.to_thread(path.stat)).st_size
            await self._in_thread(self._upload, name, source, size)

    async def get(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        checked_range(offset, length)
        checked(name)
        if length == 0:  # a range cannot say this
            await self._in_thread(self._client.stat_object, self._bucket, name)
            return b""

        def read() -> bytes:
            try:
                response = self._client.get_object(self._bucket, name, offset, length or 0)
            except S3Error as error:
                if error.code == "InvalidRange":  # beyond the end
                    return b""
                raise
            try:
                return response.read()
            finally:
                _put_back(response)

        return await self._in_thread(read)

    async def stream(self, name: str, *, chunk_size: int = 1 << 20) -> AsyncIterator[bytes]:
        response = await self._in_thread(self._client.get_object, self._bucket, checked(name))
        try:
            while chunk := await self._in_thread(response.read, chunk_size):
                yield chunk
        finally:
            _put_back(response)

    async def exists(self, name: str) -> bool:
        try:
            await self._in_thread(self._client.stat_object, self._bucket, checked(name))
        except BlobMissing:
            return False
        return True

    async def delete(self, name: str) -> None:
        await self._in_thread(self._client.remove_object, self._bucket, checked(name))

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        found = self._client.list_objects(self._bucket, checked_prefix(prefix), recursive=True)

        def some() -> tuple[BlobInfo, ...]:
            return tuple(
                BlobInfo(entry.object_name or "", entry.size or 0, entry.last_modified.timestamp())
                for entry in islice(found, _LISTED_AT_ONCE)
                if entry.last_modified is not None
            )

        while batch := await self._in_thread(some):
            for info in batch:
                yield info

    async def ping(self) -> None:
        if not await self._in_thread(self._client.bucket_exists, self._bucket):
            raise BlobUnavailable(f"bucket {self._bucket} does not exist")

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        self._http.clear()

    def _upload(self, name: str, data: BinaryIO, size: int) -> None:
        self._client.put_object(self._bucket, name, data, size, part_size=_PART)

    async def _in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def run() -> R:
            with _errors():
                return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)


def _put_back(response: BaseHTTPResponse) -> None:
    """The connection returns to the pool only when its answer was read to the end."""
    response.close()
    response.release_conn()


@contextmanager
def _errors() -> Generator[None]:
    """The protocol's errors for those of the client."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise BlobMissing("no such object") from error
        raise BlobUnavailable(f"{error.code}: {error.message}") from error
    except (MinioException, HTTPError) as error:
        raise BlobUnavailable(type(error).__name__) from error
