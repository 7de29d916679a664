"""A DICOM study as the services speak of it, identifiers and counts, no pixels; and which studies are an exam's."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from radbridge.contracts.model.value import Value


class Study(Value, frozen=True, kw_only=True):
    """One study of one institution. Names are the DICOM keywords' own."""

    study_instance_uid: str
    accession_number: str | None = None
    patient_id: str | None = None
    modalities_in_study: tuple[str, ...] = ()
    study_at: datetime | None = None
    description: str | None = None
    number_of_series: int = 0
    number_of_instances: int = 0


class StudyIndex:
    """Studies that have images, found by what exams say of them.

    Images are linked by study UID, else by accession number, both within the institution that holds them: two hospitals
    may hold the same study, and may give the same accession number to different ones.
    """

    def __init__(self) -> None:
        self._held: set[tuple[str, str]] = set()
        self._of_accession: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, institution_id: str, study_uid: str, accession_number: str = "") -> None:
        """Know a study of an institution; an empty accession number links it to nothing."""
        self._held.add((institution_id, study_uid))
        if accession_number:
            self._of_accession[institution_id, accession_number].append(study_uid)

    def of_exam(self, institution_id: str, study_uids: Iterable[str], accession_numbers: Iterable[str]) -> list[str]:
        """UIDs of the studies of an institution's exam, each once, in the order in which the exam names them."""
        named = [uid for uid in study_uids if (institution_id, uid) in self._held]
        if not named:
            for number in accession_numbers:
                named += self._of_accession.get((institution_id, number), ())
        return list(dict.fromkeys(named))
