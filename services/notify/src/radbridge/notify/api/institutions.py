"""Whose data a request speaks of."""

from radbridge.runtime.directory import Directory
from radbridge.runtime.security.hospital import institution_of
from radbridge.runtime.security.keyring import PLATFORM

DEFAULT = "default"
"""Instead of a hospital's code: all hospitals."""


def owner_of(directory: Directory, code: str) -> str:
    """The owner of accounts and bindings: an institution's id, or the platform for ``default``.

    :raises Problem: 404 for an unknown code.
    """
    if code == DEFAULT:
        return PLATFORM
    return institution_of(directory, code).id
