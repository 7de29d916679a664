"""Which kept OCSP answers say that a certificate is revoked; these are never forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Answers from before are marked when they are next asked for anew."""
    op.add_column("ocsp_answer", sa.Column("revoked", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("ocsp_answer", "revoked")
