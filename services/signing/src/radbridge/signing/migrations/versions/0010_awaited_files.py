"""Reports that gave the address of their file, which brought none yet."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table; what was judged before is not asked for."""
    op.create_table(
        "awaited_file",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("received_version", sa.BigInteger, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        comment="Files that are asked for again at next_try_at, and no more after until. received: the event.",
    )
    op.create_index("awaited_file_due", "awaited_file", ["institution_id", "next_try_at"])


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("awaited_file")
