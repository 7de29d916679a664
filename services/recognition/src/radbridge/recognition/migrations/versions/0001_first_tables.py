"""Projections of exams, reports, people and images; item mappings and marks."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "exam",
        sa.Column("exam_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("exam_number", sa.Text, nullable=False),
        sa.Column("hospital_code", sa.Text, nullable=False),
        sa.Column("hospital_name", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("document_index", sa.Text),
        sa.Column("item_code", sa.Text, nullable=False),
        sa.Column("item_name", sa.Text, nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("body_part", sa.Text, nullable=False),
        sa.Column("visit_kind", sa.Text, nullable=False),
        sa.Column("study_uids", sa.Text, nullable=False),
        sa.Column("accession_numbers", sa.Text, nullable=False),
        sa.Column("moment", sa.BigInteger, nullable=False),
        sa.Column("performed_at", sa.BigInteger),
        sa.Column("exam_sealed", sa.Text, nullable=False),
        sa.Column("voided", sa.BigInteger, nullable=False),
        comment="The newest state of an exam. study_uids are joined by blanks, accession_numbers by line feeds.",
    )
    op.create_table(
        "report",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("report_number", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("received_version", sa.BigInteger, nullable=False),
        sa.Column("content_sealed", sa.Text),
        comment="A report's newest verdict; its content sealed with the report id as associated data.",
    )
    op.create_table(
        "report_exam",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("exam_id", sa.Text, primary_key=True),
        comment="Which exams a report speaks of.",
    )
    op.create_table(
        "record_person",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("document_index", sa.Text),
        comment="The person of a patient record.",
    )
    op.create_table(
        "images",
        sa.Column("study_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("study_uid", sa.Text, nullable=False),
        sa.Column("accession_number", sa.Text, nullable=False),
        sa.Column("instances", sa.BigInteger, nullable=False),
        comment="A stored study.",
    )
    op.create_table(
        "item_mapping",
        sa.Column("institution_id", sa.Text, primary_key=True),
        sa.Column("item_code", sa.Text, primary_key=True),
        sa.Column("catalogue", sa.Text, primary_key=True),
        sa.Column("catalogue_code", sa.Text, nullable=False),
        sa.Column("item_name", sa.Text, nullable=False),
        comment="An item code of a hospital in a recognition catalogue.",
    )
    op.create_table(
        "mark",
        sa.Column("mark_id", sa.Text, primary_key=True),
        sa.Column("asking_institution_id", sa.Text, nullable=False),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("exam_id", sa.Text, nullable=False),
        sa.Column("recognised", sa.BigInteger, nullable=False),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("marked_at", sa.BigInteger, nullable=False),
        comment="What a doctor of one hospital decided about a report of another.",
    )
    op.create_index("exam_record", "exam", ["record_id"])
    op.create_index("exam_document", "exam", ["document_index"])
    op.create_index("report_number", "report", ["institution_id", "report_number"])
    op.create_index("report_exam_exam", "report_exam", ["exam_id"])
    op.create_index("record_person_person", "record_person", ["person_id"])
    op.create_index("record_person_document", "record_person", ["document_index"])
    op.create_index("images_study", "images", ["institution_id", "study_uid"])
    op.create_index("images_accession", "images", ["institution_id", "accession_number"])
    op.create_index("mark_report", "mark", ["report_id"])


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("mark")
    op.drop_table("item_mapping")
    op.drop_table("images")
    op.drop_table("record_person")
    op.drop_table("report_exam")
    op.drop_table("report")
    op.drop_table("exam")
    drop_runtime_tables(op)
