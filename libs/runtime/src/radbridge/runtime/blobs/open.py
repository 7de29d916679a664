"""The blob store that a URL names."""

from pathlib import Path

from radbridge.runtime.blobs.protocol import BlobStore


def open_blobs(url: str) -> BlobStore:
    """A blob store that connects when first used.

    :param url: ``file:///FOLDER`` or ``s3://key:secret@host:port/bucket?region=…&secure=true|false``.
    :raises ValueError: another kind of URL, or a part is missing.
    """
    scheme, _, rest = url.partition("://")
    # imported when used: the S3 client costs half a second
    if scheme == "file" and rest.startswith("/"):
        from radbridge.runtime.blobs.file import FileBlobs

        return FileBlobs(Path(rest))
    if scheme == "s3":
        from radbridge.runtime.blobs.s3 import S3Blobs

        return S3Blobs.from_url(url)
    raise ValueError("a blob store's URL is file:///FOLDER or s3://key:secret@host:port/bucket")
