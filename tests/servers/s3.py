"""A real S3 server: versitygw over a folder. It checks signatures and keeps versions and object locks as S3 does."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit
from uuid import uuid4

from minio import Minio

from tests.servers.process import (
    LOCALHOST,
    ServerProcess,
    ServerUnavailableError,
    accepts,
    free_port,
    remove,
    remove_folder_at_exit,
)
from tools.stamps import CACHE, TEST_SERVERS
from tools.versions import VERSITYGW

ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret123"
REGION = "us-east-1"


class S3Server:
    """versitygw on a port of its own. Port and data survive `stop`, `kill` and another `start`.

    Raises:
        ServerUnavailableError: versitygw is not installed, or no folder here has extended attributes.
    """

    def __init__(self) -> None:
        binary = TEST_SERVERS / f"versitygw-{VERSITYGW}" / "versitygw"
        if not binary.exists():
            raise ServerUnavailableError(f"versitygw {VERSITYGW} is not installed (make test installs it)")
        self.port = free_port()
        self._folder = _folder_with_attributes()
        remove_folder_at_exit(self._folder)
        for name in ("root", "versions"):
            (self._folder / name).mkdir()
        argv = [str(binary), "--quiet", "--port", f"{LOCALHOST}:{self.port}"]
        argv += ["posix", "--versioning-dir", str(self._folder / "versions"), str(self._folder / "root")]
        env = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        self._process = ServerProcess("versitygw", argv, self._folder, env=env)

    @property
    def url(self) -> str:
        """`s3://key:secret@host:port` without a bucket."""
        return f"s3://{ACCESS_KEY}:{SECRET_KEY}@{LOCALHOST}:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Start, or start again, and return when it listens (0.1 s).

        Raises:
            ServerFailedError: with the server's log.
        """
        self._process.start(lambda: accepts(self.port))

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def close(self) -> None:
        """Stop for good and remove the data."""
        self._process.kill()
        remove(self._folder)

    def create_bucket(self, prefix: str = "t") -> str:
        """Create an empty bucket of a name of its own and answer its URL, the form the settings take."""
        return create_bucket(self.url, prefix)


def create_bucket(server_url: str, prefix: str = "t") -> str:
    """Create a bucket on a server given as `s3://key:secret@host:port`; answers the bucket's URL."""
    parts = urlsplit(server_url)
    endpoint = f"{parts.hostname}:{parts.port}"
    client = Minio(endpoint, access_key=parts.username, secret_key=parts.password, secure=False, region=REGION)
    bucket = f"{prefix}-{uuid4().hex[:12]}"
    client.make_bucket(bucket)
    return f"s3://{parts.netloc}/{bucket}?region={REGION}&secure=false"


def _folder_with_attributes() -> Path:
    """A new folder that keeps extended attributes: below the temporary folder, else below the cache."""
    CACHE.mkdir(exist_ok=True)
    for parent in (None, CACHE):
        folder = Path(mkdtemp(prefix="rb-s3-", dir=parent))
        try:
            os.setxattr(folder, "user.radbridge", b"1")
        except OSError:
            remove(folder)
        else:
            return folder
    raise ServerUnavailableError("no folder with extended attributes for versitygw")
