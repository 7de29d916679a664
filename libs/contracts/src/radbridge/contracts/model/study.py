"""A DICOM study as the services speak of it: identifiers and counts, no pixels."""

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
