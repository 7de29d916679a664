"""Which stored objects rows and events name, so that the others can be swept."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_stored_blob, drop_stored_blob

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the ledger, and how far the log was read for it."""
    create_stored_blob(op)
    op.create_table(
        "report_log_read",
        sa.Column("partition_number", sa.BigInteger, primary_key=True),
        sa.Column("log_offset", sa.BigInteger, nullable=False),
        comment="The last message of each partition of topic report whose names are in stored_blob.",
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("report_log_read")
    drop_stored_blob(op)
