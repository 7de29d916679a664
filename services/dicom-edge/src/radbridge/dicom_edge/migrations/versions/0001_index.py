"""The index of objects, and storage commitments not yet reported.

Only what cannot name a person stands here in clear: UIDs, dates, accession numbers, counts and sizes. Everything else
of a study or series that a query answers is one sealed JSON data set.
"""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "study",
        sa.Column("study_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("study_uid", sa.Text, nullable=False),
        sa.Column("accession_number", sa.Text, nullable=False),
        sa.Column("study_date", sa.Text, nullable=False),
        sa.Column("patient_id_index", sa.Text, comment="Blind index of PatientID within the institution."),
        sa.Column("sealed", sa.Text, nullable=False, comment="DICOM JSON of its elements; place: the study id."),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("institution_id", "study_uid"),
        comment="A study of one institution; two institutions may hold the same one.",
    )
    op.create_index("study_accession", "study", ["institution_id", "accession_number"])
    op.create_index("study_by_uid", "study", ["study_uid"])
    op.create_index("study_newest", "study", ["study_date", "study_id"])
    op.create_index("study_patient", "study", ["patient_id_index"])
    op.create_table(
        "series",
        sa.Column("study_id", sa.Text, primary_key=True),
        sa.Column("series_uid", sa.Text, primary_key=True),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("series_number", sa.BigInteger),
        sa.Column("sealed", sa.Text, nullable=False, comment="As of the study; place: study id and series UID."),
        comment="A series of a study.",
    )
    op.create_table(
        "instance",
        sa.Column("institution_id", sa.Text, primary_key=True),
        sa.Column("sop_instance_uid", sa.Text, primary_key=True),
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("series_uid", sa.Text, nullable=False),
        sa.Column("sop_class_uid", sa.Text, nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text, nullable=False),
        sa.Column("instance_number", sa.BigInteger),
        sa.Column("number_of_frames", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.BigInteger, nullable=False),
        sa.Column("samples_per_pixel", sa.BigInteger, nullable=False),
        sa.Column("bits_allocated", sa.BigInteger, nullable=False),
        sa.Column("photometric_interpretation", sa.Text, nullable=False),
        sa.Column("pixel_tag", sa.BigInteger, nullable=False, comment="0: the object has no pixel data."),
        sa.Column("pixel_offset", sa.BigInteger, nullable=False, comment="Of the value, from the data set's start."),
        sa.Column("pixel_length", sa.BigInteger, nullable=False),
        sa.Column("encapsulated", sa.BigInteger, nullable=False),
        sa.Column("head_bytes", sa.BigInteger, nullable=False, comment="Of the Part 10 header before the data set."),
        sa.Column("size", sa.BigInteger, nullable=False, comment="Of the whole file."),
        sa.Column("data_set_sha256", sa.Text, nullable=False),
        sa.Column("object_name", sa.Text, nullable=False, comment="Of the file on the volume, and in the blob's name."),
        sa.Column("volume_id", sa.Text, comment="The volume that holds it; null: it is in the object store."),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("received_by", sa.Text, nullable=False, comment="dimse or stow."),
        sa.Column("announced", sa.BigInteger, nullable=False, comment="1: an images.stored event counts it."),
        sa.Column("quarantined_at", sa.BigInteger, comment="Set: kept, but no longer served."),
        sa.Column("quarantine_reason", sa.Text, nullable=False),
        comment="One object as received.",
    )
    op.create_index("instance_series", "instance", ["study_id", "series_uid"])
    op.create_index("instance_by_uid", "instance", ["sop_instance_uid"])
    _create_partial_index("instance_unannounced", ["study_id"], "announced = 0")
    _create_partial_index("instance_on_volume", ["volume_id", "received_at"], "volume_id IS NOT NULL")
    _create_partial_index("instance_quarantined", ["quarantined_at"], "quarantined_at IS NOT NULL")
    op.create_table(
        "commitment",
        sa.Column("institution_id", sa.Text, primary_key=True),
        sa.Column("transaction_uid", sa.Text, primary_key=True),
        sa.Column("calling_ae_title", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False, comment="JSON list of [SOP Class UID, SOP Instance UID]."),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger, nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        comment="A storage commitment request whose report was not delivered yet.",
    )
    op.create_index("commitment_due", "commitment", ["next_attempt_at"])


def downgrade() -> None:
    """Drop everything."""
    for name in ("commitment", "instance", "series", "study"):
        op.drop_table(name)
    drop_runtime_tables(op)


def _create_partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "instance", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
