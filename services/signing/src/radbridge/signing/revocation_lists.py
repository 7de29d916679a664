"""Revocation lists that a CA publishes at an address: fetched when the CA is added, and again and again."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable
from radbridge.runtime.http_client import (
    AddressRefused,
    AnswerTooLarge,
    CircuitOpen,
    OutboundClient,
    OutboundError,
    OutboundTimeout,
)
from radbridge.signing import store
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.store import Material

LIST_BYTES_MAX = 64 * 1024 * 1024
_OK = 200

_logger = logging.getLogger(__name__)


class NotPublished(OutboundError):
    """The address answers with something else than a list."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class RevocationLists:
    """Fetches and stores the lists; a list that cannot be read leaves the old one in place."""

    database: Database
    http: OutboundClient
    clock: Clock
    every: timedelta

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            try:
                await self.refresh()
            except DatabaseUnavailable:
                _logger.warning("revocation lists wait for the database")
            await asyncio.sleep(self.every.total_seconds())

    async def refresh(self, ca_name: str | None = None) -> None:
        """Fetch every list that has an address, of all CAs or of one, all at once. What befalls one list keeps no other
        from being fetched.

        :raises DatabaseUnavailable: what was fetched, or that it was not, could not be stored for each of them.
        """
        materials = await self.database.read(store.all_material)
        wanted = [one for one in materials if one.url and ca_name in (None, one.ca_name)]
        outcomes = await asyncio.gather(*map(self._refresh_one, wanted), return_exceptions=True)
        unavailable: DatabaseUnavailable | None = None
        for material, outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, DatabaseUnavailable):
                unavailable = unavailable or outcome
            elif outcome is not None:
                _logger.error("refreshing a revocation list failed", extra={"ca": material.ca_name}, exc_info=outcome)
        if unavailable is not None:
            raise unavailable

    async def _refresh_one(self, material: Material) -> None:
        try:
            answer = await self.http.request("GET", material.url, answer_bytes_max=LIST_BYTES_MAX)
            if answer.status_code != _OK:
                raise NotPublished(answer.status_code)
            data = answer.content
            await asyncio.to_thread(parse_crl, data)
        except (OutboundError, SigningInputError) as error:
            _logger.warning("a revocation list was not refreshed", extra={"ca": material.ca_name, "reason": str(error)})
            await self._note(material, _told(error))
            return
        if data != material.data:
            now = to_micros(self.clock())
            await self.database.write(lambda tx: store.update_crl(tx, material.material_id, data, now))
        await self._note(material, "")

    async def _note(self, material: Material, error: str) -> None:
        now = to_micros(self.clock())
        await self.database.write(lambda tx: store.note_fetch(tx, material.material_id, now, error))


def _told(error: OutboundError | SigningInputError) -> str:
    """What went wrong, for those who run the platform."""
    if isinstance(error, NotPublished):
        return f"服务器应答HTTP {error.status}"
    if isinstance(error, SigningInputError):
        return f"取回的内容不是可用的吊销列表：{error}"
    if isinstance(error, AddressRefused):
        return "地址无效"
    if isinstance(error, AnswerTooLarge):
        return f"取回的内容超过{LIST_BYTES_MAX // 1024 // 1024} MB"
    if isinstance(error, OutboundTimeout):
        return "连接超时"
    if isinstance(error, CircuitOpen):
        return "该服务器多次无法连接，暂停访问"
    return "无法连接服务器"
