"""The institutions and their credentials, as every service knows them: followed from the institution topic.

While the log is away at the start, they may come from a copy (``directory_copy``). What the topic says replaces the
copy as a whole once the topic was read to its end: until then nothing of it counts, for its beginning is older than the
copy.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, from_headers
from radbridge.contracts.events.institution import InstitutionUpdated, SealedCredentials
from radbridge.contracts.institution_settings import InstitutionSettings, known_settings
from radbridge.runtime.bus.protocol import BusError, EventLog, Record
from radbridge.runtime.security.keyring import Keyring, SealError

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_PURPOSE = "credentials"


@dataclass(frozen=True, kw_only=True)
class Institution:
    """A registered hospital. Its secrets are opened when first asked for."""

    id: str
    code: str
    name: str
    dialect: str
    ae_title: str
    called_ae_title: str
    hosts: tuple[str, ...]
    """Hosts that its addresses may name (``AddressGuard``)."""
    enabled: bool
    clock_skew: timedelta
    service_phone: str
    settings: InstitutionSettings
    access_key: str
    app_id: str
    version: int
    """Version of the event that this state comes from."""
    updated_at: datetime
    _credentials: SealedCredentials = field(repr=False)
    _keyring: Keyring = field(repr=False)

    @cached_property
    def sm4_key(self) -> bytes:
        """16 bytes. Raises ``SealError``, as the other secrets do."""
        return bytes.fromhex(self._open("sm4_key", self._credentials.sm4_key))

    @cached_property
    def secret_key(self) -> str:
        """Goes with ``access_key``."""
        return self._open("secret_key", self._credentials.secret_key)

    @cached_property
    def secure_code(self) -> str:
        """Goes with ``app_id``."""
        return self._open("secure_code", self._credentials.secure_code)

    def _open(self, member: str, sealed: str) -> str:
        return self._keyring.open(sealed, place=member).decode()


def seal_credentials(
    keyring: Keyring,
    institution_id: str,
    *,
    sm4_key: bytes,
    access_key: str,
    secret_key: str,
    app_id: str,
    secure_code: str,
) -> SealedCredentials:
    """An institution's credentials as its event carries them. Its keys must be on the keyring
    (``Keyring.new_keys`` of a new institution)."""

    def seal(member: str, clear: str) -> str:
        return keyring.seal(institution_id, _PURPOSE, clear.encode(), place=member)

    return SealedCredentials(
        sm4_key=seal("sm4_key", sm4_key.hex()),
        access_key=access_key,
        secret_key=seal("secret_key", secret_key),
        app_id=app_id,
        secure_code=seal("secure_code", secure_code),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """An institution and the record that says so."""

    body: InstitutionUpdated
    version: int
    record: Record

    def is_newer_than(self, other: "_Entry | None") -> bool:
        return other is None or other.version < self.version


class DirectoryBehind(Exception):
    """The institutions are known from a copy only; the text says so."""


class Directory:
    """All institutions, looked up in memory. ``run`` follows the topic for ever; reads need no lock and no await.

    Lookups find disabled institutions too: whoever asks decides what that means.
    """

    def __init__(self, log: EventLog, keyring: Keyring) -> None:
        self._log = log
        self._keyring = keyring
        self._institutions: dict[str, Institution] = {}
        self._records: dict[str, Record] = {}
        self._codes: dict[str, Institution] = {}
        self._ae_titles: dict[str, Institution] = {}
        self._access_keys: dict[str, Institution] = {}
        self._app_ids: dict[str, Institution] = {}
        self._version = 0
        self._caught_up = False
        self._changed = asyncio.Condition()

    def by_id(self, institution_id: str) -> Institution | None:
        """The institution of an id."""
        return self._institutions.get(institution_id)

    def by_code(self, code: str) -> Institution | None:
        """The institution of a code (``hospitalCode``)."""
        return self._codes.get(code)

    def by_ae_title(self, ae_title: str) -> Institution | None:
        """The institution whose PACS calls itself so; surrounding blanks do not count (PS3.5, AE)."""
        return self._ae_titles.get(ae_title.strip(" "))

    def by_access_key(self, access_key: str) -> Institution | None:
        """The institution of an access key."""
        return self._access_keys.get(access_key)

    def by_app_id(self, app_id: str) -> Institution | None:
        """The institution of an application id."""
        return self._app_ids.get(app_id)

    def all(self) -> list[Institution]:
        """All institutions, by code."""
        return sorted(self._institutions.values(), key=lambda institution: institution.code)

    @property
    def version(self) -> int:
        """How much of the topic is applied: one more than the offset of the last message; the same number means the
        same state in every process."""
        return self._version

    async def check(self) -> None:
        """Return if the topic was read.

        :raises DirectoryBehind: what is known comes from a copy.
        """
        if not self._caught_up:
            raise DirectoryBehind("known from the copy in the database; the event log was not read yet")

    async def caught_up(self) -> None:
        """Return once the end of the topic was reached."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._caught_up)

    async def wait_for_institution(self, institution_id: str, event_version: int) -> int:
        """Return once this version of an institution's event is applied here; answers the directory's version, which
        other processes must reach to know it too."""

        def known() -> bool:
            institution = self._institutions.get(institution_id)
            return institution is not None and institution.version >= event_version

        async with self._changed:
            await self._changed.wait_for(known)
            return self._version

    async def wait_for_change(self, version: int) -> int:
        """Return once the version is another than ``version``; answers it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._version != version)
            return self._version

    def records(self) -> list[Record]:
        """The newest record of each institution, by institution, also of those whose keys cannot be read here: what a
        copy has to hold."""
        return [self._records[institution_id] for institution_id in sorted(self._records)]

    async def restore(self, records: Iterable[Record]) -> None:
        """Know what a copy held, until the topic was read; ignored once it was. The version becomes what it was when
        the copy was made."""
        async with self._changed:
            if self._caught_up:
                return
            for record in records:
                entry = _read(record)
                if entry is not None and self._is_news(entry):
                    self._apply(entry)
                self._version = max(self._version, record.offset + 1)
            self._index()
            self._changed.notify_all()

    async def run(self) -> None:
        """Follow the institution topic for ever; waits while the log is away."""
        while True:
            try:
                await self._follow()
            except BusError as error:
                _log.warning("the institution directory waits for the event log", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        newest: dict[str, _Entry] = {}
        version = 0
        async for record in self._log.follow(InstitutionUpdated.TOPIC):
            async with self._changed:
                if self._caught_up:
                    if record is not None:
                        self._take(record)
                elif record is None:
                    self._begin_with(newest.values(), version)
                else:
                    version = max(version, record.offset + 1)
                    entry = _read(record)
                    if entry is not None and entry.is_newer_than(newest.get(entry.body.institution_id)):
                        newest[entry.body.institution_id] = entry
                self._changed.notify_all()

    def _begin_with(self, entries: Iterable[_Entry], version: int) -> None:
        """The topic's end was reached for the first time: what it holds is the directory, whatever a copy said."""
        self._institutions.clear()
        self._records.clear()
        for entry in entries:
            self._apply(entry)
        self._index()
        self._version = version
        self._caught_up = True

    def _take(self, record: Record) -> None:
        entry = _read(record)
        if entry is not None and self._is_news(entry):
            self._apply(entry)
            self._index()
        self._version = max(self._version, record.offset + 1)

    def _is_news(self, entry: _Entry) -> bool:
        known = self._institutions.get(entry.body.institution_id)
        return known is None or known.version < entry.version

    def _apply(self, entry: _Entry) -> None:
        self._records[entry.body.institution_id] = entry.record
        try:
            self._keyring.add_institution(entry.body)
        except SealError as error:
            _report_unreadable(entry.record, error)
            return
        self._institutions[entry.body.institution_id] = self._institution(entry.body, entry.version)

    def _institution(self, body: InstitutionUpdated, version: int) -> Institution:
        return Institution(
            id=body.institution_id,
            code=body.code,
            name=body.name,
            dialect=body.dialect,
            ae_title=body.ae_title.strip(" "),
            called_ae_title=body.called_ae_title,
            hosts=tuple(body.hosts),
            enabled=body.enabled,
            clock_skew=timedelta(seconds=body.clock_skew_seconds),
            service_phone=body.service_phone,
            settings=_settings(body),
            access_key=body.credentials.access_key,
            app_id=body.credentials.app_id,
            version=version,
            updated_at=body.updated_at,
            _credentials=body.credentials,
            _keyring=self._keyring,
        )

    def _index(self) -> None:
        """Rebuilt whole: an institution may have changed any of its codes, and there are hundreds, not millions."""
        every = self._institutions.values()
        self._codes = {one.code: one for one in every}
        self._ae_titles = {one.ae_title: one for one in every if one.ae_title}
        self._access_keys = {one.access_key: one for one in every if one.access_key}
        self._app_ids = {one.app_id: one for one in every if one.app_id}


def _read(record: Record) -> _Entry | None:
    """``None`` where it is nothing that this directory knows: one unreadable institution must not take the others
    away."""
    try:
        event = from_headers(record.headers, record.value)
        if event.type != InstitutionUpdated.event_type():
            return None
        return _Entry(InstitutionUpdated.model_validate_json(event.data), event.version, record)
    except (EnvelopeError, ValidationError) as error:
        _report_unreadable(record, error)
        return None


def _settings(body: InstitutionUpdated) -> InstitutionSettings:
    """An institution of another release may have settings that this one does not know: it is served without them."""
    settings, ignored = known_settings(body.settings)
    if ignored:
        _log.warning(
            "settings of an institution are ignored", extra={"institution_id": body.institution_id, "settings": ignored}
        )
    return settings


def _report_unreadable(record: Record, error: Exception) -> None:
    _log.error(
        "an institution cannot be read from the directory",
        extra={"institution_id": record.key, "offset": record.offset, "reason": type(error).__name__},
    )
