"""What to do with each code a vendor answers: one table per channel, and how an entry becomes an outcome.

Codes not in a table stop the channel and alert an operator: a code nobody foresaw must be seen, and resending on it
could send twice. A trailing ``*`` covers a family of codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.outcomes import (
    NextChannel,
    Reason,
    Retry,
    SendOutcome,
    StopAddress,
    StopConfiguration,
    Unknown,
)

LONGEST_DELAY = timedelta(hours=1)


class Action(StrEnum):
    """The columns of the tables. The first two are carried out by the channel at once, and once only."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of an action
    SIGN_AGAIN = "sign_again"
    RETRY_LATER = "retry_later"
    RETRY_NEXT_MINUTE = "retry_next_minute"
    NEXT_CHANNEL = "next_channel"
    STOP_ADDRESS = "stop_address"
    STOP_CONFIGURATION = "stop_configuration"
    ASK_FIRST = "ask_first"


@dataclass(frozen=True, slots=True)
class Rule:
    """An action and, for RETRY_LATER, its first delay, doubled with each attempt where ``grows``."""

    action: Action
    delay: timedelta = timedelta(0)
    grows: bool = True


def _same(action: Action, *codes: str) -> dict[str, Rule]:
    return dict.fromkeys(codes, Rule(action))


def _later(delay: timedelta, *codes: str, grows: bool = True) -> dict[str, Rule]:
    return dict.fromkeys(codes, Rule(Action.RETRY_LATER, delay, grows))


WECHAT: Mapping[str, Rule] = {
    **_same(Action.REFRESH_TOKEN, "40001", "40014", "42001"),
    **_later(timedelta(seconds=2), "-1"),
    **_later(timedelta(minutes=10), "45047"),
    **_same(Action.RETRY_NEXT_MINUTE, "45011"),
    # 45009 is the day's quota: waiting until midnight would be worse for the patient than another channel.
    **_same(Action.NEXT_CHANNEL, "45009", "43101", "43004", "43019"),
    **_same(Action.STOP_ADDRESS, "40003"),
    **_same(
        Action.STOP_CONFIGURATION,
        *("40013", "40125", "40164", "61004", "40037", "41030", "47003", "48001", "48004"),
    ),
}

ALIYUN: Mapping[str, Rule] = {
    **_same(Action.SIGN_AGAIN, "SignatureNonceUsed", "InvalidTimeStamp.Expired"),
    **_same(Action.ASK_FIRST, "InternalError"),
    **_later(timedelta(seconds=2), "Throttling", "Throttling.User", "Throttling.Api"),
    **_later(timedelta(seconds=10), "isp.SYSTEM_ERROR", "ServiceUnavailable"),
    **_same(Action.NEXT_CHANNEL, "isv.BUSINESS_LIMIT_CONTROL", "isv.BLACK_KEY_CONTROL_LIMIT", "isv.DENY_IP_RANGE"),
    **_same(Action.STOP_ADDRESS, "isv.MOBILE_NUMBER_ILLEGAL"),
    **_same(
        Action.STOP_CONFIGURATION,
        *("isv.OUT_OF_SERVICE", "isv.AMOUNT_NOT_ENOUGH", "isv.PRODUCT_UN_SUBSCRIPT", "isp.RAM_PERMISSION_DENY"),
        *("isv.SMS_TEMPLATE_ILLEGAL", "isv.SMS_SIGNATURE_ILLEGAL", "isv.TEMPLATE_MISSING_PARAMETERS"),
        *("isv.INVALID_JSON_PARAM", "isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL"),
        *("SignatureDoesNotMatch", "InvalidAccessKeyId.*"),
    ),
}

TENCENT: Mapping[str, Rule] = {
    **_same(Action.SIGN_AGAIN, "AuthFailure.SignatureExpire"),
    **_same(Action.ASK_FIRST, "InternalError.Timeout", "InternalError.*"),
    **_later(
        timedelta(seconds=5),
        *("InternalError.SendAndRecvFail", "InternalError.RequestTimeException", "RequestLimitExceeded"),
    ),
    **_later(timedelta(seconds=30), "LimitExceeded.PhoneNumberThirtySecondLimit", grows=False),
    **_later(timedelta(hours=1), "LimitExceeded.PhoneNumberOneHourLimit", grows=False),
    **_later(timedelta(minutes=5), "LimitExceeded.DeliveryFrequencyLimit"),
    **_same(
        Action.NEXT_CHANNEL,
        *("LimitExceeded.PhoneNumberDailyLimit", "LimitExceeded.PhoneNumberSameContentDailyLimit"),
        "FailedOperation.PhoneNumberInBlacklist",
    ),
    **_same(
        Action.STOP_ADDRESS,
        *("InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail"),
    ),
    **_same(
        Action.STOP_CONFIGURATION,
        *("FailedOperation.InsufficientBalanceInSmsPackage", "UnauthorizedOperation.*", "AuthFailure.*"),
        *("FailedOperation.SignatureIncorrectOrUnapproved", "FailedOperation.TemplateIncorrectOrUnapproved"),
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.TemplateParameterLengthLimit",
    ),
}

TABLES: Mapping[ChannelName, Mapping[str, Rule]] = {
    ChannelName.ALIYUN_SMS: ALIYUN,
    ChannelName.TENCENT_SMS: TENCENT,
    ChannelName.WECHAT_OFFICIAL: WECHAT,
    ChannelName.WECHAT_MINI: WECHAT,
}
_UNFORESEEN = Rule(Action.STOP_CONFIGURATION)


def rule_for(channel: ChannelName, code: str) -> Rule:
    """The entry for ``code``: exact, else that of its family (``AuthFailure.*``), else stop and alert."""
    table = TABLES[channel]
    family = code.partition(".")[0] + ".*"
    return table.get(code) or table.get(family) or _UNFORESEEN


def outcome_of(channel: ChannelName, reason: Reason, attempt: int, now: datetime) -> SendOutcome:
    """The outcome of a refusal with ``reason.code`` at this attempt (from 1).

    An immediate action that reaches here was already carried out in vain: a token that stays wrong after a refresh, or
    a clock that is off, is for an operator.
    """
    rule = rule_for(channel, reason.code)
    match rule.action:
        case Action.RETRY_LATER:
            delay = min(rule.delay * 2 ** (attempt - 1), LONGEST_DELAY) if rule.grows else rule.delay
            return Retry(now + delay, reason)
        case Action.RETRY_NEXT_MINUTE:
            return Retry(now.replace(second=0, microsecond=0) + timedelta(minutes=1), reason)
        case Action.NEXT_CHANNEL:
            return NextChannel(reason)
        case Action.STOP_ADDRESS:
            return StopAddress(reason)
        case Action.ASK_FIRST:
            return Unknown(reason)
        case Action.STOP_CONFIGURATION | Action.REFRESH_TOKEN | Action.SIGN_AGAIN:
            return StopConfiguration(reason)
