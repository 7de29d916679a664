"""Whether this service's own facts were restored from its events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "restored",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("restored_at", sa.BigInteger, nullable=False),
        comment="Topics of this service's own events from which facts were restored when the database was new.",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("restored")
