"""What ``notify`` knows of exams and reports, and what it told to whom."""

import sqlalchemy as sa
from alembic import op

from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None

_TABLES = (
    "exam",
    "report",
    "report_exam",
    "notification",
    "delivery",
    "early_receipt",
    "account",
    "binding",
    "address_block",
    "wechat_token",
    "restored",
)


def upgrade() -> None:
    """Create the runtime's tables and the service's own."""
    create_runtime_tables(op)
    _create_projections()
    _create_facts()
    _create_accounts()
    _create_addresses()


def _create_projections() -> None:
    op.create_table(
        "exam",
        sa.Column("exam_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("hospital_name", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("patient_sealed", sa.Text, nullable=False),
        sa.Column("phone_index", sa.Text),
        sa.Column("document_index", sa.Text),
        sa.Column("voided", sa.BigInteger, nullable=False),
        comment="Exams as last registered; the patient stands sealed.",
    )
    op.create_table(
        "report",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("received_version", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sa.Column("voided_version", sa.BigInteger, nullable=False),
        comment="Reports as last signed (received_version 0: never) and as last voided (voided_version 0: never).",
    )
    op.create_table(
        "report_exam",
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("exam_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("report_id", "exam_id"),
        comment="The exams that a report is about, known yet or not.",
    )
    op.create_index("report_exam_exam", "report_exam", ["exam_id"])


def _create_facts() -> None:
    op.create_table(
        "notification",
        sa.Column("notification_id", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("institution_id", sa.Text, nullable=False),
        sa.Column("exam_ids", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("hospital_name", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text),
        sa.Column("phone_index", sa.Text),
        sa.Column("patient_sealed", sa.Text),
        sa.Column("code_sealed", sa.Text),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger, nullable=False),
        comment="What a patient is told. Withdrawn: the report was voided before any message left.",
    )
    op.create_index("notification_report", "notification", ["report_id"])
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.Text, primary_key=True),
        sa.Column("notification_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("account_owner", sa.Text, nullable=False),
        sa.Column("route_sealed", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("asks", sa.BigInteger, nullable=False),
        sa.Column("attempted_at", sa.BigInteger),
        sa.Column("provider_id", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("reason_text", sa.Text),
        sa.Column("leased_by", sa.Text),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        comment="One message on one channel. due_at: when to send, ask, or take a send for interrupted; null: settled.",
    )
    op.create_index("delivery_due", "delivery", ["due_at"])
    op.create_index("delivery_notification", "delivery", ["notification_id"])
    op.create_index("delivery_provider", "delivery", ["provider_id"])
    op.create_table(
        "early_receipt",
        sa.Column("account_owner", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_owner", "channel", "provider_id"),
        comment="Receipts that overtook the vendor's answer to the send; kept for a day.",
    )
    op.create_index("early_receipt_stored", "early_receipt", ["stored_at"])
    op.create_table(
        "restored",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("restored_at", sa.BigInteger, nullable=False),
        comment="Topics of this service's own events from which facts were restored when the database was new.",
    )


def _create_accounts() -> None:
    op.create_table(
        "account",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("callback_digest", sa.Text, nullable=False, unique=True),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "channel"),
        comment="Accounts at the vendors, sealed whole. Owner: an institution, or platform for all without their own.",
    )
    op.create_table(
        "wechat_token",
        sa.Column("appid", sa.Text, primary_key=True),
        sa.Column("token_sealed", sa.Text),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("forced_at", sa.BigInteger),
        sa.Column("holder", sa.Text),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        comment="WeChat's access tokens, one for all replicas; the holder of the lease may fetch.",
    )


def _create_addresses() -> None:
    op.create_table(
        "binding",
        sa.Column("binding_id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("phone_index", sa.Text),
        sa.Column("document_index", sa.Text),
        sa.Column("address_index", sa.Text, nullable=False),
        sa.Column("address_sealed", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        comment="A person's openid, found by phone or identity document.",
    )
    op.create_index("binding_phone", "binding", ["phone_index"])
    op.create_index("binding_document", "binding", ["document_index"])
    op.create_index("binding_address", "binding", ["address_index"])
    op.create_table(
        "address_block",
        sa.Column("address_index", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        comment="Phones that get no messages: their people opted out (opted_out) or a vendor calls them wrong.",
    )


def downgrade() -> None:
    """Drop them again."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    drop_runtime_tables(op)
