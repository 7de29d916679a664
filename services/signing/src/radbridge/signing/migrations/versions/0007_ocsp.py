"""OCSP answers kept for next time, and when a held report that rests on one is judged again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "ocsp_answer",
        sa.Column("question", sa.Text, primary_key=True),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("fetched_at", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger, nullable=False),
        comment="The newest verified answer about each certificate. question: SM3 of the certificate and its issuer's.",
    )
    op.create_index("ocsp_answer_valid_until", "ocsp_answer", ["valid_until"])
    op.add_column("held_report", sa.Column("retry_at", sa.BigInteger))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("held_report", "retry_at")
    op.drop_table("ocsp_answer")
