"""Whether a changed schema can still read what the checked-in one could write, and the other way round.

Within a major version schemas only grow: old events must stay readable (no member becomes required, none changes its
type), and old readers must find what they need (no required member disappears).
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = Mapping[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """What would break, one line each, empty when nothing does."""
    return list(_object_changes(old, new, old, new, ""))


def _object_changes(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old_members = cast("dict[str, Schema]", old.get("properties", {}))
    new_members = cast("dict[str, Schema]", new.get("properties", {}))
    old_required, new_required = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(old_required - set(new_members)):
        yield f"{path}{name}: a required member disappeared"
    for name in sorted(new_required - old_required):
        yield f"{path}{name}: became required; events written before do not have it"
    for name in sorted(old_members.keys() & new_members.keys()):
        yield from _type_changes(old_members[name], new_members[name], old_root, new_root, f"{path}{name}")


def _type_changes(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    lost = _types(old, old_root) - _types(new, new_root)
    if lost:
        yield f"{path}: no longer takes {', '.join(sorted(lost))}"
    missing = set(old.get("enum", [])) - set(new.get("enum", old.get("enum", [])))
    if missing:
        yield f"{path}: no longer takes {', '.join(map(str, sorted(missing)))}"
    if "items" in old and "items" in new:
        yield from _type_changes(old["items"], new["items"], old_root, new_root, f"{path}[]")
    if "properties" in old and "properties" in new:
        yield from _object_changes(old, new, old_root, new_root, f"{path}.")


def _types(schema: Schema, root: Schema) -> set[str]:
    alternatives = cast("list[Schema]", schema.get("anyOf", [schema]))
    found: set[str] = set()
    for alternative in alternatives:
        resolved = _resolved(alternative, root)
        found.add(str(resolved.get("format") or resolved.get("type", "any")))
    return found


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    return cast("Schema", root["$defs"][reference.rsplit("/", 1)[-1]])
