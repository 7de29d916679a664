"""The hash chain of evidence, the trust that verdicts rested on, and reports whose verdict is held back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them, and let each verdict name its entry of the chain."""
    op.create_table(
        "evidence",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        comment="One entry per decision, only ever appended. entry is canonical JSON; hash covers it and previous.",
    )
    op.create_index("evidence_report", "evidence", ["report_id", "position"])
    op.create_table(
        "trust_manifest",
        sa.Column("sm3", sa.Text, primary_key=True),
        sa.Column("manifest", sa.Text, nullable=False),
        comment="Which files of trust_archive were trusted or known when verdicts were made. JSON: kind to SM3s.",
    )
    op.create_table(
        "trust_archive",
        sa.Column("sm3", sa.Text, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        comment="Certificates and revocation lists that a verdict rested on, as they were then. Never changed.",
    )
    op.create_table(
        "held_report",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("report_number", sa.Text, nullable=False),
        sa.Column("received_version", sa.BigInteger, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("judged", sa.Text, nullable=False),
        sa.Column("trust_version", sa.BigInteger, nullable=False),
        sa.Column("held_at", sa.BigInteger, nullable=False),
        comment="Verdicts that wait for the CA or an operator. received: the event; judged: the engine's finding.",
    )
    op.add_column("verdict", sa.Column("evidence_position", sa.BigInteger))
    op.add_column("verdict", sa.Column("evidence_hash", sa.Text))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("verdict", "evidence_hash")
    op.drop_column("verdict", "evidence_position")
    for table in ("held_report", "trust_archive", "trust_manifest", "evidence"):
        op.drop_table(table)
