"""How far topic exam was read for the names of large exams' objects."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "exam_log_read",
        sa.Column("partition_number", sa.BigInteger, primary_key=True),
        sa.Column("log_offset", sa.BigInteger, nullable=False),
        comment="The last message of each partition of topic exam whose names are in stored_blob.",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("exam_log_read")
