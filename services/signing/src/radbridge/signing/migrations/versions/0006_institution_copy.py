"""A copy of the institution directory, for a start while the event log is away."""

from alembic import op

from radbridge.runtime.database.tables import create_institution_copy, drop_institution_copy

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table."""
    create_institution_copy(op)


def downgrade() -> None:
    """Drop it again."""
    drop_institution_copy(op)
