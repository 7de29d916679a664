"""What an association request is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from radbridge.dicom_edge.domain.sop_classes import STORAGE_COMMITMENT_PUSH_MODEL, Service, is_uid, service_of
from radbridge.dicom_edge.domain.transfer_syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    choose_transfer_syntax,
)
from radbridge.dicom_edge.scp.association_pdu import (
    APPLICATION_CONTEXT_NAME,
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_NOT_RECOGNIZED,
    CALLING_AE_NOT_RECOGNIZED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    AssociateRequest,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    Rejection,
)


class Peer(Protocol):
    """What is known of a registered institution."""

    @property
    def id(self) -> str:
        """The institution's id."""
        ...

    @property
    def called_ae_title(self) -> str:
        """The AE title it must call."""
        ...

    @property
    def enabled(self) -> bool:
        """Whether it may send."""
        ...


FindPeer = Callable[[str], Peer | None]
"""Finds the institution behind a calling AE title."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An association that may begin."""

    peer: Peer
    answers: tuple[ContextAnswer, ...]
    roles: dict[str, tuple[int, int]]


def negotiate(request: AssociateRequest, find_peer: FindPeer) -> Acceptance | Rejection:
    """Who may come in, and with which presentation contexts (PS3.8 section 7.1)."""
    if not request.speaks_our_version:
        return PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context_name != APPLICATION_CONTEXT_NAME:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    peer = find_peer(request.calling_ae_title) if request.calling_ae_title else None
    if peer is None or not peer.enabled:
        return CALLING_AE_NOT_RECOGNIZED
    if request.called_ae_title != peer.called_ae_title:
        return CALLED_AE_NOT_RECOGNIZED
    answers = tuple(_answer(context) for context in request.contexts)
    accepted = {answer.abstract_syntax for answer in answers if answer.result == ContextResult.ACCEPTANCE}
    roles = {uid: (scu and 1, 0) for uid, (scu, _) in request.role_selections.items() if uid in accepted}
    return Acceptance(peer, answers, roles)


def _answer(context: ProposedContext) -> ContextAnswer:
    def refused(result: ContextResult) -> ContextAnswer:
        return ContextAnswer(context.context_id, result, context.abstract_syntax, context.transfer_syntaxes[0])

    service = service_of(context.abstract_syntax)
    if service is None:
        return refused(ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    proposed = [uid for uid in context.transfer_syntaxes if is_uid(uid)]
    if context.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL or service is Service.VERIFICATION:
        proposed = [uid for uid in proposed if uid in (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)]
    if not proposed:
        return refused(ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED)
    return ContextAnswer(
        context.context_id, ContextResult.ACCEPTANCE, context.abstract_syntax, choose_transfer_syntax(proposed)
    )
