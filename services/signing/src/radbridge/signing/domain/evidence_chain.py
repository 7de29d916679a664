"""The hash chain over the evidence of verdicts: whoever changes, drops or inserts an entry breaks every later hash.

One line of an export is ``{"position": n, "previous": hex, "hash": hex, "entry": {…}}``; positions count from 1 without
gaps, ``previous`` is the hash of the line before (64 zeros for the first), and

    hash = SM3(ASCII of previous ‖ canonical JSON of entry)

where canonical JSON is RFC 8785 (entries hold texts, whole numbers, lists and objects with ASCII names). What a chain
cannot show by itself is that its end was cut off: for that an auditor keeps a hash seen earlier, and asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import orjson

from radbridge.signing.domain.sm3 import sm3

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check found: `fault` is empty where the chain holds; `first` and `last` are positions, 0 without any."""

    entries: int
    first: int
    last: int
    head: str
    fault: str = ""

    @property
    def holds(self) -> bool:
        return not self.fault

    def to_dict(self) -> dict[str, object]:
        return {
            "holds": self.holds,
            "entries": self.entries,
            "first": self.first,
            "last": self.last,
            "head": self.head,
            "fault": self.fault,
        }


def canonical(entry: Mapping[str, object]) -> bytes:
    """The octets of an entry that are hashed."""
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


def link(previous: str, canonical_entry: bytes) -> str:
    """The hash of an entry that follows the one with the hash `previous`."""
    return sm3(previous.encode("ascii") + canonical_entry).hex()


def line(position: int, previous: str, own: str, canonical_entry: bytes) -> bytes:
    """The export's line of an entry, with its line end."""
    head = orjson.dumps({"position": position, "previous": previous, "hash": own})
    return head[:-1] + b',"entry":' + canonical_entry + b"}\n"


def check_chain(lines: Iterable[str | bytes], *, known_hash: str = "") -> ChainReport:
    """Walk a chain's lines in order. An export that begins later than at position 1 is checked from there on.

    `known_hash` is one that an earlier look at the chain showed: it must still be in it.
    """
    walk = _Walk(known_hash.strip().lower())
    for text in lines:
        if text.strip() and (fault := walk.step(text)):
            return walk.report(fault)
    if walk.wanted:
        return walk.report("the known hash is not in the chain: entries were cut off or rewritten")
    return walk.report("")


class _Walk:
    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self._entries = self._first = self._last = 0
        self._head = GENESIS

    def step(self, text: str | bytes) -> str:
        """Take one line; answers the fault, or an empty text."""
        where = f"after position {self._last}" if self._last else "at the beginning"
        try:
            parsed: object = orjson.loads(text)
        except orjson.JSONDecodeError:
            return f"{where}: not a JSON line"
        fields = cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}
        position, previous, own, entry = (fields.get(name) for name in ("position", "previous", "hash", "entry"))
        if (
            not isinstance(position, int)
            or not isinstance(previous, str)
            or not isinstance(own, str)
            or not isinstance(entry, dict)
            or not previous.isascii()
        ):
            return f"{where}: not an entry of a chain"
        body = cast("dict[str, object]", entry)
        if fault := self._fault(position, previous, own, body):
            return f"position {position}: {fault}"
        self._entries += 1
        self._first = self._first or position
        self._last, self._head = position, own
        if own == self.wanted:
            self.wanted = ""
        return ""

    def _fault(self, position: int, previous: str, own: str, entry: dict[str, object]) -> str:
        if self._last and position != self._last + 1:
            return f"follows position {self._last}: entries are missing or out of order"
        if (self._last or position == 1) and previous != self._head:
            return "does not follow the entry before"
        if position < 1 or entry.get("position") != position:
            return "the entry was made for another position"
        if link(previous, canonical(entry)) != own:
            return "the entry was changed: its hash is another"
        return ""

    def report(self, fault: str) -> ChainReport:
        return ChainReport(self._entries, self._first, self._last, self._head if self._last else GENESIS, fault)
