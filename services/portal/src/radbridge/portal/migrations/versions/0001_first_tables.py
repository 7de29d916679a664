"""Facts, what they are found by, the lists projected from them, and patients' links."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "fact",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        comment="One event as it came; personal data in the body is sealed as it was on the bus.",
    )
    op.create_table(
        "fact_key",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        comment="What a fact is found by, for example study:<institution>:<uid>.",
    )
    op.create_table(
        "exam",
        sa.Column("exam_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("exam_number", sa.Text, nullable=False),
        sa.Column("item_name", sa.Text, nullable=False),
        sa.Column("voided", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        comment="The newest exam.registered of each exam. changed_at is the moment of the newest event of its journey.",
    )
    op.create_table(
        "exam_key",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("exam_id", sa.Text, primary_key=True),
        comment="Every key under which something of an exam may have been published.",
    )
    op.create_table(
        "link",
        sa.Column("code_digest", sa.Text, primary_key=True),
        sa.Column("notification_id", sa.Text, nullable=False),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("patient_sealed", sa.Text, nullable=False),
        sa.Column("hospital_phone", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("failed_tries", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.BigInteger),
        comment="A patient's link, found by the digest of its code. Tries and openings are facts of the portal's own.",
    )
    op.create_index("fact_subject", "fact", ["subject"])
    op.create_index("fact_key_event", "fact_key", ["event_id"])
    op.create_index("exam_changed", "exam", ["changed_at"])
    op.create_index("exam_number", "exam", ["exam_number"])
    op.create_index("exam_key_exam", "exam_key", ["exam_id"])


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("link")
    op.drop_table("exam_key")
    op.drop_table("exam")
    op.drop_table("fact_key")
    op.drop_table("fact")
    drop_runtime_tables(op)
