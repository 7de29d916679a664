"""OCSP responders that certificates name: asked where neither a current list nor a kept answer tells of revocation."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.http_client import AnswerTooLarge, OutboundClient, OutboundError
from radbridge.signing import ocsp_store
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ocsp import OcspFinding, judge_response
from radbridge.signing.domain.ocsp_desk import Answer, OcspDesk, Question
from radbridge.signing.domain.ocsp_id import request_hashes, write_request
from radbridge.signing.domain.ocsp_response import MAX_OCSP_BYTES, parse_ocsp_response
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.ocsp_store import KeptAnswer

T = TypeVar("T")

_OK = 200
_NONCE_BYTES = 32
_ADDRESSES_ASKED = 2
_TRIES = 2
_ROUNDS = 4
_REMEMBERED = 4096

_log = logging.getLogger(__name__)


class AnsweredByStatus(OutboundError):
    """The address answers, but by an HTTP status instead of a response."""


class Judging(Protocol):
    """Judges by a store, with what OCSP says where it is needed."""

    async def __call__(self, judge: Callable[[TrustStore], Awaitable[T]]) -> tuple[T, Mapping[str, Answer]]:
        """What ``judge`` found, and the answers that it rests on."""
        ...


class OcspResponders:
    """Asks, and keeps what was answered: in the database for all processes, in memory for this one.

    :param enabled: whether anybody is asked at all.
    :param timeout: for one request.
    :param refresh: age from which a kept answer is asked for anew; where that fails it counts until its own end, and
        one that revokes counts on.
    """

    def __init__(
        self,
        database: Database,
        http: OutboundClient,
        clock: Clock,
        *,
        enabled: bool,
        timeout: timedelta,
        refresh: timedelta,
    ) -> None:
        self._database = database
        self._http = http
        self._clock = clock
        self._enabled = enabled
        self._timeout = timeout.total_seconds()
        self._refresh = refresh // timedelta(microseconds=1)
        self._remembered: OrderedDict[str, KeptAnswer] = OrderedDict()

    async def judged(
        self, store: TrustStore, judge: Callable[[TrustStore], Awaitable[T]]
    ) -> tuple[T, Mapping[str, Answer]]:
        """What ``judge`` finds by ``store``, and the answers that it rests on. Judges again whenever answers were
        wanted that were not at hand; nobody is waited for without end.

        :raises DatabaseUnavailable: what is kept cannot be told.
        """
        if not self._enabled:
            return await judge(store), {}
        answers: dict[str, Answer] = {}

        def answer_to(key: str) -> Answer | None:
            return answers[key] if key in answers else self._at_hand(key)

        rounds = 0
        while True:
            desk = OcspDesk(answer_to)
            found = await judge(store.asking(desk))
            if not desk.wanted:
                return found, desk.used
            rounds += 1
            wanted = list(desk.wanted.values())
            if rounds > _ROUNDS:
                answers |= {one.key: RevocationState.OCSP_UNREACHABLE for one in wanted}
                continue
            got = await asyncio.gather(*(self._answer(one, store) for one in wanted))
            answers |= {one.key: answer for one, answer in zip(wanted, got, strict=True)}

    def _at_hand(self, key: str) -> Answer | None:
        kept = self._remembered.get(key)
        return kept.response if kept is not None and self._is_fresh(kept, to_micros(self._clock())) else None

    def _is_fresh(self, kept: KeptAnswer, now: int) -> bool:
        return now <= kept.valid_until and now < kept.fetched_at + self._refresh

    async def _answer(self, question: Question, store: TrustStore) -> Answer:
        now = self._clock()
        kept = await self._database.read(lambda tx: ocsp_store.kept(tx, question.key))
        if kept is not None and self._is_fresh(kept, to_micros(now)):
            self._remember(question.key, kept)
            return kept.response
        answer, finding = await self._ask(question, store)
        if kept is not None and kept.revoked and _is_repeated(finding, kept.response, question):
            finding = OcspFinding(RevocationState.OCSP_STALE)
        if isinstance(answer, bytes) and finding.until is not None:
            revoked = finding.revocation is not None
            fetched = KeptAnswer(answer, to_micros(now), to_micros(finding.until), revoked)
            await self._database.write(lambda tx: ocsp_store.keep(tx, question.key, fetched))
            self._remember(question.key, fetched)
            return answer
        reason = {"state": finding.state.value, "certificate": question.certificate.fingerprint}
        _log.warning("an OCSP responder gave no answer that counts", extra=reason)
        if kept is not None and (kept.revoked or to_micros(now) <= kept.valid_until):
            return kept.response
        return answer

    def _remember(self, key: str, kept: KeptAnswer) -> None:
        self._remembered[key] = kept
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    async def _ask(self, question: Question, store: TrustStore) -> tuple[Answer, OcspFinding]:
        """The first answer that counts, else the last that came, else that none did. An address that cannot be
        reached is asked once; one that answers, however badly, by each algorithm: responders that do not know one of
        them may say so by an HTTP status."""
        last: tuple[Answer, OcspFinding] | None = None
        for url in question.certificate.extensions.ocsp_urls[:_ADDRESSES_ASKED]:
            for hash_oid in request_hashes(question.issuer):
                try:
                    last = await self._exchange(url, hash_oid, question, store)
                except (AnsweredByStatus, AnswerTooLarge):
                    continue
                except OutboundError:
                    break
                if last[1].state is RevocationState.GOOD:
                    return last
        unreachable = RevocationState.OCSP_UNREACHABLE
        return last or (unreachable, OcspFinding(unreachable))

    async def _exchange(
        self, url: str, hash_oid: str, question: Question, store: TrustStore
    ) -> tuple[Answer, OcspFinding]:
        """One request (RFC 6960 appendix A) and what its answer proves.

        :raises AnsweredByStatus: an HTTP status other than 200 came instead.
        :raises OutboundError: there was none.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        certificate, issuer = question.certificate, question.issuer
        answer = await self._http.request(
            "POST",
            url,
            headers={"content-type": "application/ocsp-request", "accept": "application/ocsp-response"},
            content=write_request(certificate, issuer, hash_oid, nonce),
            timeout=self._timeout,
            attempts=_TRIES,
            answer_bytes_max=MAX_OCSP_BYTES,
        )
        if answer.status_code != _OK:
            raise AnsweredByStatus(f"status {answer.status_code}")
        return _judged(answer.content, nonce, question, store, self._clock())


def _is_repeated(finding: OcspFinding, revoking: bytes, question: Question) -> bool:
    """Whether an answer that revokes nothing is from before the one that revokes: without a nonce, whoever recorded it
    can send it again for as long as it is current."""
    basic = parse_ocsp_response(revoking).basic
    if basic is None or finding.answer is None or finding.revocation is not None:
        return False
    about = [one for one in basic.answers if one.cert_id.names(question.certificate, question.issuer)]
    return any(finding.answer.this_update < one.this_update for one in about)


def _judged(
    data: bytes, nonce: bytes, question: Question, store: TrustStore, now: datetime
) -> tuple[Answer, OcspFinding]:
    try:
        response = parse_ocsp_response(data)
    except DerError:
        return data, OcspFinding(RevocationState.OCSP_MALFORMED)
    # a responder may leave the nonce out, but not answer with that of another
    if response.basic is not None and response.basic.nonce not in (None, nonce):
        return RevocationState.OCSP_NONCE, OcspFinding(RevocationState.OCSP_NONCE)
    return data, judge_response(response, question.certificate, question.issuer, store, now)


def judging_by(store: TrustStore, answers: Mapping[str, Answer]) -> Judging:
    """Judging by stored answers alone."""

    async def judged(judge: Callable[[TrustStore], Awaitable[T]]) -> tuple[T, Mapping[str, Answer]]:
        desk = OcspDesk(answers.get)
        return await judge(store.asking(desk)), desk.used

    return judged
