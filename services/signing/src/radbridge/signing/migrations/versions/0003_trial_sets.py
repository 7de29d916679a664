"""The test data that a CA handed in, so that a trial can be repeated after its material changed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "trial_sets",
        sa.Column("ca_name", sa.Text, primary_key=True),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("handed_in_at", sa.BigInteger, nullable=False),
        comment="The newest test data of each CA. object: reference of the sealed JSON.",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("trial_sets")
