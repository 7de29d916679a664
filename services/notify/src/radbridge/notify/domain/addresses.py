"""Checks of the addresses that messages go to."""

import re

_MAINLAND_MOBILE = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")


class UnusableAddressError(ValueError):
    """The address cannot receive this kind of message. Its text never holds the address."""


def mainland_mobile(phone: str) -> str:
    """The 11 digits of a mainland mobile number written with or without country code, spaces or dashes.

    Raises UnusableAddressError for landlines, foreign and malformed numbers, which no mainland SMS template can reach.
    """
    match = _MAINLAND_MOBILE.fullmatch(re.sub(r"[\s-]", "", phone))
    if match is None:
        raise UnusableAddressError("not a mainland mobile number")
    return match[1]
