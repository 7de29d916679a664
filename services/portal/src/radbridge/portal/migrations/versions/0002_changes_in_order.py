"""Changed exams are paged by a number counted here: events come later than they happened, and in any order."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Number the changes of exams."""
    op.add_column("exam", sa.Column("change_number", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("exam_change_number", "exam", ["change_number"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE exam_change")
        return
    op.create_table("exam_change", sa.Column("last", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO exam_change (last) VALUES (0)")


def downgrade() -> None:
    """Page by the moment of the event again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE exam_change")
    else:
        op.drop_table("exam_change")
    op.drop_index("exam_change_number", "exam")
    op.drop_column("exam", "change_number")
