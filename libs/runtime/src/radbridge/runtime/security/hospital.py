"""Hospitals at the native APIs: who sends a request, by HTTP Basic (RFC 7617) with the access key as user and the
secret key as password, and of which hospital a request may speak."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable

from fastapi import Request

from radbridge.runtime.directory import Directory, Institution
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.keyring import SealError
from radbridge.runtime.security.principal import Principal, require


def hospital_or(directory: Directory, *roles: str) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: a registered hospital, or else a principal that ``require(*roles)`` lets in."""
    somebody_else = require(*roles)

    async def principal_of(request: Request) -> Principal:
        return hospital_of(request, directory) or await somebody_else(request)

    return principal_of


def hospital_of(request: Request, directory: Directory) -> Principal | None:
    """The registered and enabled hospital whose credentials a request bears; None where it bears none of a hospital.

    :raises Problem: 401, they are wrong.
    """
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    principal = _proven(directory, encoded.strip())
    if principal is None:
        raise Problem(401, detail="The access key or the secret key is wrong.")
    return principal


def institution_of(directory: Directory, code: str) -> Institution:
    """The institution that a request names by its code.

    :raises Problem: 404, none is registered under it.
    """
    institution = directory.by_code(code)
    if institution is None:
        raise no_such_institution(code)
    return institution


def no_such_institution(code: str) -> Problem:
    """The answer to a request that names a hospital nobody registered."""
    return Problem(404, "No such institution", f"hospital {code} is not registered")


def require_own(principal: Principal, institution_id: str) -> None:
    """Let a hospital speak of itself only; everybody else is judged by role.

    :raises Problem: 403, the data is another hospital's, or no hospital's.
    """
    if principal.kind == "hospital" and principal.institution_id != institution_id:
        raise Problem(403, "Not your hospital", "A hospital sees and changes only what is its own.")


def _proven(directory: Directory, encoded: str) -> Principal | None:
    try:
        access_key, _, secret_key = base64.b64decode(encoded, validate=True).decode().partition(":")
        institution = directory.by_access_key(access_key)
        if institution is None or not institution.enabled:
            return None
        if not hmac.compare_digest(institution.secret_key.encode(), secret_key.encode()):
            return None
    except (binascii.Error, UnicodeDecodeError, SealError):
        return None
    return Principal(
        kind="hospital",
        subject=institution.code,
        roles=frozenset({"hospital"}),
        institution_id=institution.id,
    )
