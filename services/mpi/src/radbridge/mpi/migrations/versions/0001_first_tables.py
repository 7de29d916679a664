"""People and the patient records that belong to them."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    op.create_table(
        "person",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("merged_into", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        comment="One person. merged_into names the survivor of a merge; such a person has no records any more.",
    )
    op.create_table(
        "patient_record",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("document_index", sa.Text),
        sa.Column("demographics_index", sa.Text),
        sa.Column("phone_index", sa.Text),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        comment="One patient number of a hospital and the person it belongs to; the patient stands sealed.",
    )
    op.create_index("patient_record_person", "patient_record", ["person_id"])
    op.create_index("patient_record_document", "patient_record", ["document_index"])
    op.create_index("patient_record_demographics", "patient_record", ["demographics_index"])


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("patient_record")
    op.drop_table("person")
    drop_runtime_tables(op)
