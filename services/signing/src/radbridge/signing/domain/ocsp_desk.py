"""The OCSP answers at hand for one judgement: which were used, and which are wanted and not at hand.

Judging itself asks nobody. Whoever can ask judges, gets what was wanted, and judges again; the answers that were used
are evidence, by which the same judgement is made years later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ocsp import Authority, OcspFinding, judge_response
from radbridge.signing.domain.ocsp_response import OcspResponse, parse_ocsp_response
from radbridge.signing.domain.revocation import WEAKNESS, RevocationState

Answer = bytes | RevocationState
"""A response as sent, or why there is none that could be kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """A certificate that its issuer's responders, by their addresses in it, should be asked about."""

    certificate: Certificate
    issuer: Certificate

    @property
    def key(self) -> str:
        """Names it in caches and evidence: SM3 of the certificate and of its issuer's."""
        return f"{self.certificate.fingerprint}:{self.issuer.fingerprint}"


class OcspDesk:
    """`answers` knows the answer to a question by its key; `handed_in` are responses that came without a question, of
    which some may be `unreadable`."""

    def __init__(
        self,
        answers: Callable[[str], Answer | None],
        handed_in: Sequence[OcspResponse] = (),
        *,
        unreadable: bool = False,
    ) -> None:
        self._answers = answers
        self._handed_in = handed_in
        self._unreadable = unreadable
        self.used: dict[str, Answer] = {}
        self.wanted: dict[str, Question] = {}

    def look_up(
        self, certificate: Certificate, issuer: Certificate, authority: Authority, now: datetime
    ) -> OcspFinding | None:
        """What is known of `certificate` at `now`; None where nothing is, which is noted if there is whom to ask."""
        if self._handed_in or self._unreadable:
            return self._among_handed_in(certificate, issuer, authority, now)
        if not certificate.extensions.ocsp_urls:
            return None
        question = Question(certificate, issuer)
        answer = self._answers(question.key)
        if answer is None:
            self.wanted[question.key] = question
            return None
        self.used[question.key] = answer
        if isinstance(answer, RevocationState):
            return OcspFinding(answer)
        try:
            return judge_response(parse_ocsp_response(answer), certificate, issuer, authority, now)
        except DerError:
            return OcspFinding(RevocationState.OCSP_MALFORMED)

    def _among_handed_in(
        self, certificate: Certificate, issuer: Certificate, authority: Authority, now: datetime
    ) -> OcspFinding | None:
        """The best of the responses that speak of this issuer's certificates, or refuse to speak at all."""
        named = bool(certificate.extensions.ocsp_urls)
        findings = [
            judge_response(response, certificate, issuer, authority, now)
            for response in self._handed_in
            if _names(response, certificate, issuer, whole_issuer=named)
        ]
        if self._unreadable and named:
            findings.append(OcspFinding(RevocationState.OCSP_MALFORMED))
        return min(findings, key=lambda one: (one.revocation is None, WEAKNESS.index(one.state)), default=None)


def _names(response: OcspResponse, certificate: Certificate, issuer: Certificate, *, whole_issuer: bool) -> bool:
    if response.basic is None:
        return whole_issuer
    ids = [answer.cert_id for answer in response.basic.answers]
    if whole_issuer:
        return any(one.names_issuer(certificate, issuer) for one in ids)
    return any(one.names(certificate, issuer) for one in ids)
