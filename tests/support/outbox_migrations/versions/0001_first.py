"""The runtime's tables and one of a service."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_runtime_tables(op)
    op.create_table(
        "exam", sa.Column("id", sa.Text, primary_key=True), sa.Column("number", sa.BigInteger, nullable=False)
    )
