"""When the address of a revocation list was asked last, and what went wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing is known of the fetches so far."""
    op.add_column("trust_material", sa.Column("tried_at", sa.BigInteger))
    op.add_column("trust_material", sa.Column("fetch_error", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("trust_material", "fetch_error")
    op.drop_column("trust_material", "tried_at")
