"""Institutions, exams and reports as received, refused pushes."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "institution",
        sa.Column("institution_id", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False, unique=True),
        sa.Column("ae_title", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        comment="One institution; body is the newest institution.updated, secrets sealed inside.",
    )
    op.create_table(
        "exam",
        sa.Column("exam_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("exam_number", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        comment="The newest accepted push of an exam; digest knows a repeat; the canonical exam stands sealed.",
    )
    op.create_table(
        "report",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("report_number", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("exam_ids", sa.Text, nullable=False),
        sa.Column("blobs", sa.Text, nullable=False),
        comment="The newest accepted push of a report; its content lies in the sealed blobs named.",
    )
    op.create_table(
        "refusal",
        sa.Column("refusal_id", sa.Text, primary_key=True),
        sa.Column("hospital_code", sa.Text, nullable=False),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("interface", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        comment="A refused push: what was wrong, personal values masked.",
    )
    op.create_index("exam_received", "exam", ["received_at"])
    op.create_index("report_received", "report", ["received_at"])
    op.create_index("refusal_at", "refusal", ["hospital_code", "at"])


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("refusal")
    op.drop_table("report")
    op.drop_table("exam")
    op.drop_table("institution")
    drop_runtime_tables(op)
