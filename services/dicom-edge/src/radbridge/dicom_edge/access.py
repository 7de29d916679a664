"""Who may read what by DICOMweb, and the audit event that each read leaves."""

from collections.abc import Iterable
from datetime import timedelta

from fastapi import Request

from radbridge.dicom_edge.queries import EVERYTHING, Scope
from radbridge.runtime.audit import Audit, ReadTrail
from radbridge.runtime.clock import Clock
from radbridge.runtime.directory import Directory
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import hospital_of
from radbridge.runtime.security.principal import Authenticator, Principal


class ReadAccess:
    """Finds the reader of a request and keeps to what the reader may see.

    * the admin token and persons with the role ``admin`` read everything;
    * a signed link reads the studies it names, of its institution where it names one;
    * an institution (HTTP Basic: access key and secret key) reads and stores its own;
    * nobody else reads anything.
    """

    def __init__(
        self, authenticator: Authenticator, directory: Directory, audit: Audit, *, clock: Clock, once_per: timedelta
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._trail = ReadTrail(audit, clock=clock, once_per=once_per)

    def principal(self, request: Request) -> Principal:
        """Who asks.

        :raises Problem: 401, nobody proves to be anybody.
        """
        principal = self._authenticator.from_request(request) or hospital_of(request, self._directory)
        if principal is None:
            raise Problem(401, detail="A token or a signed link is needed.", headers={"www-authenticate": "Bearer"})
        return principal

    def scope(self, principal: Principal) -> Scope:
        """What the reader may see.

        :raises Problem: 403, nothing.
        """
        if principal.grant is not None:
            return Scope(principal.grant.institution_id, frozenset(principal.grant.study_uids))
        if principal.may("admin"):
            return EVERYTHING
        if principal.institution_id is not None:
            return Scope(principal.institution_id)
        raise Problem(403, detail="This identity reads no images.")

    async def study_scope(self, principal: Principal, study_uid: str, action: str) -> Scope:
        """What the reader may see, where one study is asked for.

        :raises Problem: 403, not this study; that is recorded too.
        """
        scope = self.scope(principal)
        if not scope.covers(study_uid):
            await self.record(principal, action, [(scope.institution_id, study_uid)], allowed=False)
            raise Problem(403, detail="This link does not open that study.")
        return scope

    async def record(
        self,
        principal: Principal,
        action: str,
        studies: Iterable[tuple[str | None, str | None]],
        *,
        allowed: bool = True,
    ) -> None:
        """Leave an audit event for each study, as (institution id, study UID), unless the same reader left one just
        before."""
        for institution_id, study_uid in set(studies):
            await self._trail.record(
                actor=principal.actor,
                action=action,
                institution_id=institution_id,
                study_uid=study_uid,
                allowed=allowed,
            )
