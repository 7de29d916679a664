"""Which metrics and labels a PromQL expression uses. Reads as much of the language as rules and dashboards need."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "inf", "nan"}
)
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
TARGET_LABELS = frozenset({"job", "instance"})
"""What Prometheus adds to every series."""


@dataclass(frozen=True)
class Query:
    """Metric name to the labels it is selected by, and the labels that results are grouped by."""

    selected: dict[str, frozenset[str]]
    grouped: frozenset[str]


def read_query(expression: str) -> Query:
    """The metrics and labels of an expression; Grafana's variables may stand in it."""
    text = re.sub(r"\[[^\]]*\]", "", _STRING.sub('""', expression))
    grouped = frozenset(name for found in _GROUPING.findall(text) for name in _NAME.findall(found))
    text = _GROUPING.sub("", text)
    selected: dict[str, frozenset[str]] = {}
    for found in re.finditer(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\}|\()?", text):
        name, rest = found.group(1), found.group(2) or ""
        if rest == "(" or name in _WORDS or _is_inside(text, found.start()):
            continue
        labels = frozenset(_NAME.findall(rest.replace('""', "")))
        selected[name] = selected.get(name, frozenset()) | labels
    return Query(selected, grouped)


def unknown_names(expression: str, meters: dict[str, frozenset[str]]) -> set[str]:
    """Metrics and labels of an expression that do not exist."""
    query = read_query(expression)
    unknown = {name for name in query.selected if name not in meters}
    labels = TARGET_LABELS.union(*(meters.get(name, frozenset()) for name in query.selected))
    unknown |= query.grouped - labels
    for name, used in query.selected.items():
        unknown |= {f"{name}{{{label}}}" for label in used - meters.get(name, frozenset()) - TARGET_LABELS}
    return unknown


def _is_inside(text: str, position: int) -> bool:
    """Inside the braces of a selector, or the unit of a number such as ``15m``."""
    return text.rfind("{", 0, position) > text.rfind("}", 0, position) or text[position - 1 : position].isdigit()
