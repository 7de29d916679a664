"""By which interface an exam or a report came: one push of both is one push.

What came before has the interface that it was shown with until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("exam", sa.Column("interface", sa.Text, nullable=False, server_default="exam-sync"))
    op.add_column("report", sa.Column("interface", sa.Text, nullable=False, server_default="report/sync"))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("report", "interface")
    op.drop_column("exam", "interface")
