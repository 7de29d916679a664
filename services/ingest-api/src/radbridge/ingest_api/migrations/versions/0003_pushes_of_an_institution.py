"""The newest pushes of one institution are found without reading everybody's."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Index them by institution and time."""
    op.create_index("exam_institution_received", "exam", ["institution_id", "received_at"])
    op.create_index("report_institution_received", "report", ["institution_id", "received_at"])


def downgrade() -> None:
    """Find them as before."""
    op.drop_index("report_institution_received", "report")
    op.drop_index("exam_institution_received", "exam")
