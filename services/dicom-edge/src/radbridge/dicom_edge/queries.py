"""Queries on the index that read: studies, series and instances within what a reader may see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from radbridge.dicom_edge.store import Instance, instance_of
from radbridge.runtime.database.protocol import Database, Row, Value
from radbridge.runtime.database.statements import placeholders


@dataclass(frozen=True, slots=True)
class Scope:
    """What a reader may see; ``None`` is no limit."""

    institution_id: str | None = None
    study_uids: frozenset[str] | None = None

    def covers(self, study_uid: str) -> bool:
        """Whether a study may be seen at all."""
        return self.study_uids is None or study_uid in self.study_uids


EVERYTHING = Scope()


@dataclass(slots=True)
class Where:
    """A WHERE clause that grows."""

    clauses: list[str] = field(default_factory=list[str])
    values: list[Value] = field(default_factory=list[Value])

    def equals(self, column: str, value: Value) -> None:
        """``column = value``."""
        self.clauses.append(f"{column} = {self._marks(value)}")

    def any_of(self, column: str, values: Iterable[str]) -> None:
        """``column`` is one of the values; nothing, if there are none."""
        marks = self._marks(*values)
        self.clauses.append(f"{column} IN ({marks})" if marks else "1 = 0")

    def between(self, column: str, low: str, high: str) -> None:
        """Text bounds, either of them possibly empty; the upper one is a prefix."""
        if low:
            self.clauses.append(f"{column} >= {self._marks(low)}")
        if high:
            self.clauses.append(f"{column} <= {self._marks(high + chr(0x7E))}")

    def series_modality(self, modalities: Iterable[str]) -> None:
        """The study has a series of one of the modalities."""
        marks = self._marks(*modalities)
        of_study = "SELECT 1 FROM series m WHERE m.study_id = study.study_id"
        self.clauses.append(f"EXISTS ({of_study} AND m.modality IN ({marks}))")

    def scope(self, scope: Scope) -> None:
        """Stay within what the reader may see."""
        if scope.institution_id is not None:
            self.equals("study.institution_id", scope.institution_id)
        if scope.study_uids is not None:
            self.any_of("study.study_uid", sorted(scope.study_uids))

    def page(self, limit: int, offset: int) -> str:
        """``LIMIT … OFFSET …``."""
        return f"LIMIT {self._marks(limit)} OFFSET {self._marks(offset)}"

    def __str__(self) -> str:
        return " AND ".join(self.clauses) or "1 = 1"

    def _marks(self, *values: Value) -> str:
        marks = placeholders(len(values), after=len(self.values))
        self.values.extend(values)
        return marks


_SERVED = "instance.quarantined_at IS NULL"


async def find_studies(database: Database, where: Where, *, limit: int, offset: int) -> list[Row]:
    """Studies with ``series_count`` and ``instance_count``, newest first."""
    clause, page = str(where), where.page(limit, offset)
    return await database.fetch(
        f"""SELECT study.*,
                   (SELECT COUNT(*) FROM instance WHERE instance.study_id = study.study_id AND {_SERVED})
                       AS instance_count,
                   (SELECT COUNT(DISTINCT series_uid) FROM instance WHERE instance.study_id = study.study_id
                       AND {_SERVED}) AS series_count
            FROM study
            WHERE {clause} AND EXISTS (SELECT 1 FROM instance WHERE instance.study_id = study.study_id AND {_SERVED})
            ORDER BY study.study_date DESC, study.study_id DESC {page}""",  # noqa: S608 (placeholders)
        *where.values,
    )


async def find_series(database: Database, where: Where, *, limit: int, offset: int) -> list[Row]:
    """Series with their study and ``instance_count``, in the order of their numbers."""
    clause, page = str(where), where.page(limit, offset)
    return await database.fetch(
        f"""SELECT series.*, study.institution_id, study.study_uid, study.sealed AS study_sealed,
                   (SELECT COUNT(*) FROM instance WHERE instance.study_id = series.study_id
                       AND instance.series_uid = series.series_uid AND {_SERVED}) AS instance_count
            FROM series JOIN study ON study.study_id = series.study_id
            WHERE {clause} AND EXISTS (SELECT 1 FROM instance WHERE instance.study_id = series.study_id
                                       AND instance.series_uid = series.series_uid AND {_SERVED})
            ORDER BY study.study_date DESC, study.study_id, series.series_number, series.series_uid
            {page}""",  # noqa: S608 (placeholders)
        *where.values,
    )


async def find_instances(database: Database, where: Where, *, limit: int, offset: int) -> list[Row]:
    """Objects with their series and study, in the order of their numbers."""
    clause, page = str(where), where.page(limit, offset)
    return await database.fetch(
        f"""SELECT instance.*, study.study_uid, study.sealed AS study_sealed, series.sealed AS series_sealed,
                   series.modality
            FROM instance JOIN study ON study.study_id = instance.study_id
            JOIN series ON series.study_id = instance.study_id AND series.series_uid = instance.series_uid
            WHERE {clause} AND {_SERVED}
            ORDER BY study.study_date DESC, study.study_id, series.series_number, series.series_uid,
                     instance.instance_number, instance.sop_instance_uid
            {page}""",  # noqa: S608 (placeholders)
        *where.values,
    )


async def modalities_of(database: Database, study_ids: Sequence[str]) -> dict[str, list[str]]:
    """Modalities of each study, sorted."""
    where = Where()
    where.any_of("study_id", study_ids)
    rows = await database.fetch(
        f"SELECT DISTINCT study_id, modality FROM series WHERE {where}",  # noqa: S608 (placeholders)
        *where.values,
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["modality"]:
            found.setdefault(row["study_id"], []).append(row["modality"])
    return {study_id: sorted(modalities) for study_id, modalities in found.items()}


async def instances_to_serve(
    database: Database,
    scope: Scope,
    study_uid: str,
    *,
    series_uid: str | None = None,
    sop_instance_uid: str | None = None,
) -> list[Instance]:
    """Objects of a study, series or one object, in the order of their numbers. Where two institutions hold the same
    object, the copy that came first stands for both."""
    where = Where()
    where.scope(scope)
    where.equals("study.study_uid", study_uid)
    if series_uid is not None:
        where.equals("instance.series_uid", series_uid)
    if sop_instance_uid is not None:
        where.equals("instance.sop_instance_uid", sop_instance_uid)
    rows = await database.fetch(
        f"""SELECT instance.* FROM instance JOIN study ON study.study_id = instance.study_id
            JOIN series ON series.study_id = instance.study_id AND series.series_uid = instance.series_uid
            WHERE {where} AND {_SERVED}
            ORDER BY series.series_number, series.series_uid, instance.instance_number, instance.received_at,
                     instance.sop_instance_uid""",  # noqa: S608 (placeholders)
        *where.values,
    )
    first: dict[str, Row] = {}
    for row in rows:
        known = first.get(row["sop_instance_uid"])
        if known is None or row["received_at"] < known["received_at"]:
            first[row["sop_instance_uid"]] = row
    return [instance_of(row) for row in first.values()]
