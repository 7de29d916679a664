"""Trust material and verdicts."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "trust_material",
        sa.Column("material_id", sa.Text, primary_key=True),
        sa.Column("ca_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        comment="Anchors, further certificates and revocation lists of a CA. A list with an address is fetched anew.",
    )
    op.create_table(
        "trust_version",
        sa.Column("singleton", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        comment="Counted with each change of trust_material, so that every process notices it.",
    )
    op.create_table(
        "verdict",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("received_version", sa.BigInteger, nullable=False),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("report_number", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("checks", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("judged_at", sa.BigInteger),
        comment="The newest verdict on each report: pending, accepted or rejected. checks and evidence are JSON.",
    )
    op.create_index("verdict_number", "verdict", ["institution_id", "report_number"])


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("verdict")
    op.drop_table("trust_version")
    op.drop_table("trust_material")
    drop_runtime_tables(op)
