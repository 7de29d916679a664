"""Whose data a request speaks of."""

from radbridge.runtime.directory import Directory
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.keyring import PLATFORM
from radbridge.runtime.security.principal import Principal

DEFAULT = "default"
"""Instead of a hospital's code: all hospitals."""


def owner_of(directory: Directory, code: str) -> str:
    """The owner of accounts and bindings: an institution's id, or the platform for ``default``.

    :raises Problem: 404 for an unknown code.
    """
    if code == DEFAULT:
        return PLATFORM
    institution = directory.by_code(code)
    if institution is None:
        raise Problem(404, "No such institution", f"hospital {code} is not registered")
    return institution.id


def check_own(principal: Principal, owner: str) -> None:
    """Let a hospital speak of itself only.

    :raises Problem: 403 for another hospital, or for all of them.
    """
    if principal.kind == "hospital" and principal.institution_id != owner:
        raise Problem(403, "Not your hospital", "hospital_code: only your own patients")
