"""Queries of ``signing`` on its own tables (the tables: ``migrations/versions``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from radbridge.runtime.database.protocol import Row, Transaction

PENDING = "pending"
"""The outcome of a report that is not decided."""


class MaterialKind(StrEnum):
    """What a piece of trust material is."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    CRL = "crl"


@dataclass(frozen=True, slots=True)
class Material:
    """A certificate file or a revocation list of a CA. ``data`` is missing while an address was not fetched yet.

    ``raw_signatures``: the CA's setting, that raw r‖s values count for the certificates it issued. ``tried_at``: when
    the address was asked last, with ``fetch_error`` in Chinese where that brought no list.
    """

    material_id: str
    ca_name: str
    kind: MaterialKind
    url: str
    data: bytes | None
    updated_at: int
    raw_signatures: bool = False
    tried_at: int | None = None
    fetch_error: str = ""


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A verdict as rows and the API carry it. ``checks`` and ``evidence`` are JSON."""

    report_id: str
    received_version: int
    institution_id: str
    report_number: str
    outcome: str
    reason: str
    checks: str
    evidence: str
    judged_at: int | None
    evidence_position: int | None = None
    evidence_hash: str | None = None


async def trust_version(tx: Transaction) -> int:
    """Counts the changes of the trust material."""
    row = await tx.fetch_one("SELECT version FROM trust_version WHERE singleton = 1")
    return 0 if row is None else row["version"]


async def all_material(tx: Transaction) -> list[Material]:
    """Everything that is trusted or known."""
    rows = await tx.fetch("SELECT * FROM trust_material ORDER BY ca_name, kind, material_id")
    return [_material(row) for row in rows]


async def replace_ca(tx: Transaction, ca_name: str, materials: Sequence[Material]) -> None:
    """A CA's material from now on."""
    await tx.execute("DELETE FROM trust_material WHERE ca_name = $1", ca_name)
    await tx.execute_many(
        """INSERT INTO trust_material (material_id, ca_name, kind, url, data, updated_at, raw_signatures)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        [
            (m.material_id, m.ca_name, m.kind.value, m.url, m.data, m.updated_at, int(m.raw_signatures))
            for m in materials
        ],
    )
    await _count_change(tx)


async def update_crl(tx: Transaction, material_id: str, data: bytes, now: int) -> None:
    """A revocation list as fetched just now."""
    changed = await tx.execute(
        "UPDATE trust_material SET data = $2, updated_at = $3 WHERE material_id = $1", material_id, data, now
    )
    if changed:
        await _count_change(tx)


async def note_fetch(tx: Transaction, material_id: str, now: int, error: str) -> None:
    """That an address was asked, and what went wrong; verdicts do not depend on it."""
    await tx.execute(
        "UPDATE trust_material SET tried_at = $2, fetch_error = $3 WHERE material_id = $1", material_id, now, error
    )


async def save_verdict(tx: Transaction, verdict: StoredVerdict) -> None:
    """The newest verdict on a report; one on an older push changes nothing."""
    await tx.execute(
        """INSERT INTO verdict (report_id, received_version, institution_id, report_number, outcome, reason, checks,
                                evidence, judged_at, evidence_position, evidence_hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (report_id) DO UPDATE SET received_version = excluded.received_version,
               outcome = excluded.outcome, reason = excluded.reason, checks = excluded.checks,
               evidence = excluded.evidence, judged_at = excluded.judged_at,
               evidence_position = excluded.evidence_position, evidence_hash = excluded.evidence_hash
           WHERE excluded.received_version >= verdict.received_version""",
        verdict.report_id,
        verdict.received_version,
        verdict.institution_id,
        verdict.report_number,
        verdict.outcome,
        verdict.reason,
        verdict.checks,
        verdict.evidence,
        verdict.judged_at,
        verdict.evidence_position,
        verdict.evidence_hash,
    )


async def verdict_of(tx: Transaction, institution_id: str, report_number: str) -> Row | None:
    """The newest verdict on a hospital's report number, or ``None``."""
    return await tx.fetch_one(
        "SELECT * FROM verdict WHERE institution_id = $1 AND report_number = $2", institution_id, report_number
    )


async def outcome_of(tx: Transaction, report_id: str) -> str:
    """The outcome of a report's newest verdict; pending where there is none."""
    row = await tx.fetch_one("SELECT outcome FROM verdict WHERE report_id = $1", report_id)
    return PENDING if row is None else row["outcome"]


async def _count_change(tx: Transaction) -> None:
    await tx.execute(
        """INSERT INTO trust_version (singleton, version) VALUES (1, 1)
           ON CONFLICT (singleton) DO UPDATE SET version = trust_version.version + 1"""
    )


def _material(row: Row) -> Material:
    data = row["data"]
    return Material(
        row["material_id"],
        row["ca_name"],
        MaterialKind(row["kind"]),
        row["url"],
        None if data is None else bytes(data),
        row["updated_at"],
        bool(row["raw_signatures"]),
        row["tried_at"],
        row["fetch_error"],
    )


async def keep_trial_sets(tx: Transaction, ca_name: str, reference: str, now: int) -> None:
    """A CA's test data from now on."""
    await tx.execute(
        """INSERT INTO trial_sets (ca_name, object, handed_in_at) VALUES ($1, $2, $3)
           ON CONFLICT (ca_name) DO UPDATE SET object = excluded.object, handed_in_at = excluded.handed_in_at""",
        ca_name,
        reference,
        now,
    )


async def trials_handed_in(tx: Transaction) -> dict[str, int]:
    """When each CA handed in its newest test data, by its name."""
    return {row["ca_name"]: row["handed_in_at"] for row in await tx.fetch("SELECT * FROM trial_sets")}


async def all_trial_sets(tx: Transaction) -> list[str]:
    """References of every CA's test data."""
    return [row["object"] for row in await tx.fetch("SELECT object FROM trial_sets ORDER BY ca_name")]


async def trial_sets(tx: Transaction, ca_name: str) -> str | None:
    """Reference of a CA's test data."""
    row = await tx.fetch_one("SELECT object FROM trial_sets WHERE ca_name = $1", ca_name)
    return None if row is None else row["object"]
