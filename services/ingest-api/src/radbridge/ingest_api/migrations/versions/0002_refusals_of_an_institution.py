"""Refusals are found and bounded by institution: the code that a sender gives may be anything."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Index them by institution."""
    op.drop_index("refusal_at", "refusal")
    op.create_index("refusal_institution", "refusal", ["institution_id", "at"])


def downgrade() -> None:
    """Index them by the given code again."""
    op.drop_index("refusal_institution", "refusal")
    op.create_index("refusal_at", "refusal", ["hospital_code", "at"])
