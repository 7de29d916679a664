"""The hash chain by itself: whatever is done to it is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from radbridge.signing.domain.evidence_chain import GENESIS, canonical, check_chain, line, link
from radbridge.signing.domain.sm3 import sm3


def chain(length: int) -> list[str]:
    lines, previous = [], GENESIS
    for position in range(1, length + 1):
        text = canonical({"position": position, "report": f"R{position}", "reason": "签名\u2028错误", "checks": []})
        own = link(previous, text)
        lines.append(line(position, previous, own, text).decode())
        previous = own
    return lines


def test_a_chain_holds() -> None:
    lines = chain(5)
    report = check_chain(lines)
    assert (report.holds, report.entries, report.first, report.last) == (True, 5, 1, 5)
    assert report.head == json.loads(lines[-1])["hash"]
    empty = check_chain([])
    assert (empty.holds, empty.entries, empty.head) == (True, 0, GENESIS)


def test_the_hash_is_the_documented_one() -> None:
    first = json.loads(chain(1)[0])
    written = json.dumps(first["entry"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert first["hash"] == sm3(b"0" * 64 + written.encode()).hex()


def edit(lines: list[str], index: int, change: Callable[[dict[str, object]], object]) -> list[str]:
    parsed = json.loads(lines[index])
    change(parsed)
    return [*lines[:index], json.dumps(parsed), *lines[index + 1 :]]


def rewritten_first(lines: list[str]) -> list[str]:
    """The first entry changed and given its new hash, as a clumsy forger would."""
    parsed = json.loads(lines[0])
    parsed["entry"]["report"] = "FORGED"
    parsed["hash"] = link(GENESIS, canonical(parsed["entry"]))
    return [json.dumps(parsed), *lines[1:]]


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: edit(lines, 2, lambda one: one["entry"].update(report="R9")),
        lambda lines: edit(lines, 2, lambda one: one["entry"].update(more=1)),
        lambda lines: edit(lines, 2, lambda one: one.update(hash="0" * 64)),
        lambda lines: edit(lines, 2, lambda one: one.update(previous="0" * 64)),
        lambda lines: edit(lines, 0, lambda one: one.update(previous="1" * 64)),
        lambda lines: edit(lines, 4, lambda one: one.update(position=6)),
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:2], lines[3], lines[2], lines[4]],
        lambda lines: [lines[0], *lines],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines, "not JSON"],
        lambda lines: [*lines, "[]"],
        rewritten_first,
    ],
)
def test_damage_is_noticed(damage: Callable[[list[str]], list[str]]) -> None:
    report = check_chain(damage(chain(5)))
    assert not report.holds
    assert report.fault


def test_a_cut_off_end_is_noticed_by_a_hash_seen_earlier() -> None:
    lines = chain(5)
    seen = json.loads(lines[-1])["hash"]
    assert check_chain(lines, known_hash=seen.upper()).holds
    assert check_chain(lines[:3]).holds
    assert not check_chain(lines[:3], known_hash=seen).holds


def test_a_later_part_is_checked_from_where_it_begins() -> None:
    report = check_chain(chain(5)[2:])
    assert (report.holds, report.entries, report.first) == (True, 3, 3)


def test_formatting_does_not_matter_and_blank_lines_are_passed_over() -> None:
    lines = [json.dumps(json.loads(one), ensure_ascii=True, indent=None, separators=(", ", ": ")) for one in chain(2)]
    assert check_chain([lines[0], "", lines[1], "\n"]).holds
