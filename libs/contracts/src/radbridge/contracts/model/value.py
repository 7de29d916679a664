"""What all canonical classes have in common."""

from typing import TypeVar

import msgspec

V = TypeVar("V", bound="Value")


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """An immutable value, compared by its members. Its JSON leaves out members that say nothing."""


def changed(value: V, **members: object) -> V:
    """The value with other members.

    :raises TypeError: its class has no such member.
    """
    return msgspec.structs.replace(value, **members)
