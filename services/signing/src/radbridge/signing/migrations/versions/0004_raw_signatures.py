"""Which CAs sign with raw values, 64 bytes r and s, instead of DER."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Say it of each piece of a CA's material; of none so far."""
    op.add_column("trust_material", sa.Column("raw_signatures", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("trust_material", "raw_signatures")
