"""Names of objects, the same for all stores."""

import re

LONGEST_NAME = 900
"""Characters; S3 takes 1024 bytes, and a store may put a prefix before them."""
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}", re.ASCII)


def checked(name: str) -> str:
    """The name itself.

    :raises ValueError: it is not ``/``-separated segments of ``[A-Za-z0-9._-]``, or a segment is ``.`` or ``..``.
    """
    if len(name) > LONGEST_NAME or not all(_SEGMENT.fullmatch(segment) for segment in name.split("/")):
        raise ValueError("not a name of an object: expected segments of A-Z a-z 0-9 . _ - separated by /")
    return name


def checked_prefix(prefix: str) -> str:
    """The prefix itself: the beginning of some name, or nothing.

    :raises ValueError: no name can start like this.
    """
    head, _, tail = prefix.rpartition("/")
    if head:
        checked(head)
    if tail.strip("."):
        checked(tail)
    if prefix.startswith("/"):
        raise ValueError("not the beginning of a name of an object")
    return prefix


def checked_range(offset: int, length: int | None) -> None:
    """:raises ValueError: a part of an object cannot start before it or have a negative length."""
    if offset < 0 or (length is not None and length < 0):
        raise ValueError("offset and length are not negative")
