"""Vendors' callbacks as receipts: Aliyun ``SmsReport``, Tencent's status report, WeChat's result events.

Aliyun's and Tencent's callbacks carry no signature: whoever mounts them keeps the address unguessable. WeChat signs
its own with the callback token. Phone numbers and openids in the callbacks are dropped here: our delivery id or the
vendor's id is enough to find the delivery.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from radbridge.notify.domain.local_time import SHANGHAI


class MalformedReceiptError(ValueError):
    """The callback is not what the vendor documents. Names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a vendor says became of an accepted message.

    ``delivery_id`` is ours where the vendor sends it back (Aliyun); else the delivery is found by ``provider_id``.
    """

    provider_id: str
    delivery_id: UUID | None
    delivered: bool
    code: str
    reported_at: datetime


def parse_aliyun_sms_report(body: bytes) -> tuple[Receipt, ...]:
    """The receipts of one ``SmsReport`` callback (a JSON array; answer it with ``{"code": 0, "msg": ...}``).

    Raises MalformedReceiptError.
    """
    return tuple(
        Receipt(
            provider_id=_text(report, "biz_id"),
            delivery_id=_uuid_or_none(report.get("out_id")),
            delivered=report.get("success") is True,
            code=_text(report, "err_code"),
            reported_at=_local_time(report, "report_time"),
        )
        for report in _json_reports(body)
    )


def parse_tencent_sms_report(body: bytes) -> tuple[Receipt, ...]:
    """The receipts of one status callback (a JSON array; answer it with ``{"result": 0, "errmsg": "OK"}``).

    Raises MalformedReceiptError.
    """
    return tuple(
        Receipt(
            provider_id=_text(report, "sid"),
            delivery_id=None,
            delivered=report.get("report_status") == "SUCCESS",
            code=_text(report, "errmsg"),
            reported_at=_local_time(report, "user_receive_time"),
        )
        for report in _json_reports(body)
    )


def wechat_signature(token: str, timestamp: str, nonce: str) -> str:
    """sha1 over the sorted callback token, timestamp and nonce, as WeChat sends in ``signature``."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce))).encode(), usedforsecurity=False).hexdigest()


def wechat_signature_holds(token: str, timestamp: str, nonce: str, signature: str) -> bool:
    """Whether the callback comes from someone who knows the callback token."""
    return hmac.compare_digest(wechat_signature(token, timestamp, nonce).encode(), signature.encode())


def parse_wechat_event(body: bytes) -> tuple[Receipt, ...]:
    """The receipts in a plain-mode WeChat event, none where the event is about something else.

    Answer it with ``success``. Reads TEMPLATESENDJOBFINISH (official account) and subscribe_msg_sent_event
    (mini-program). Raises MalformedReceiptError, for XML with entities or a DTD too.
    """
    try:
        event = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise MalformedReceiptError("not well-formed XML") from error
    match event.findtext("Event"):
        case "TEMPLATESENDJOBFINISH":
            status = _element_text(event, "Status")
            return (_wechat_receipt(event, _element_text(event, "MsgID"), status == "success", status),)
        case "subscribe_msg_sent_event":
            return tuple(
                _wechat_receipt(
                    event,
                    _element_text(item, "MsgID"),
                    _element_text(item, "ErrorCode") == "0",
                    _element_text(item, "ErrorStatus"),
                )
                for item in event.iterfind("SubscribeMsgSentEvent/List")
            )
        case _:
            return ()


def _wechat_receipt(event: Element, message_id: str, delivered: bool, code: str) -> Receipt:
    try:
        reported_at = datetime.fromtimestamp(int(_element_text(event, "CreateTime")), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedReceiptError("CreateTime is not a unix time") from error
    return Receipt(message_id, None, delivered, code, reported_at)


def _element_text(element: Element, name: str) -> str:
    text = (element.findtext(name) or "").strip()
    if not text:
        raise MalformedReceiptError(f"{name} is missing")
    return text


def _json_reports(body: bytes) -> list[dict[str, object]]:
    try:
        reports = cast("object", json.loads(body))
    except (ValueError, RecursionError) as error:
        raise MalformedReceiptError("not JSON") from error
    if not isinstance(reports, list):
        raise MalformedReceiptError("not a JSON array")
    checked: list[dict[str, object]] = []
    for report in cast("list[object]", reports):
        if not isinstance(report, dict):
            raise MalformedReceiptError("not an array of objects")
        checked.append(cast("dict[str, object]", report))
    return checked


def _text(report: dict[str, object], field: str) -> str:
    value = report.get(field)
    if not isinstance(value, str) or not value:
        raise MalformedReceiptError(f"{field} is missing")
    return value


def _uuid_or_none(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _local_time(report: dict[str, object], field: str) -> datetime:
    text = _text(report, field)
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError as error:
        raise MalformedReceiptError(f"{field} is not yyyy-MM-dd HH:mm:ss") from error
    return local.astimezone(UTC)
