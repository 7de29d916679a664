"""The runtime's own tables, which every service's database has beside the service's.

Only migrations import this module: it needs SQLAlchemy, the hot paths do not.
"""

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

if TYPE_CHECKING:
    from alembic.operations import Operations

_BIGINT = BigInteger()

metadata = MetaData()

aggregate_version = Table(
    "aggregate_version",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("version", _BIGINT, nullable=False),
    comment="Events published so far of each aggregate; the row's lock orders them.",
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    # AUTOINCREMENT: a number that came back could be deleted by a relay that had lost its lease
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", _BIGINT, nullable=False),
    Column("happened_at", _BIGINT, nullable=False),
    Column("traceparent", Text),
    Column("data", LargeBinary, nullable=False),
    comment="Events not yet in the log. The event id follows from source, subject, version and type.",
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("group_name", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("handled_at", _BIGINT, nullable=False),
    PrimaryKeyConstraint("group_name", "event_id"),
    Index("inbox_handled_at", "handled_at"),
    comment="Events handled once each, kept for a time.",
    sqlite_with_rowid=False,
)

inbox_version = Table(
    "inbox_version",
    metadata,
    Column("group_name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("version", _BIGINT, nullable=False),
    PrimaryKeyConstraint("group_name", "source", "subject"),
    comment="Newest version handled of each aggregate.",
    sqlite_with_rowid=False,
)

_FIRST_TABLES = [aggregate_version, outbox, inbox, inbox_version]

institution_copy = Table(
    "institution_copy",
    metadata,
    Column("institution_id", Text, primary_key=True),
    Column("version", _BIGINT, nullable=False),
    Column("log_offset", _BIGINT, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="The newest institution.updated of each institution as the log holds it, for a start without the log.",
    sqlite_with_rowid=False,
)

stored_blob = Table(
    "stored_blob",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", _BIGINT, nullable=False),
    Column("changed_at", _BIGINT, nullable=False),
    Index("stored_blob_swept", "changed_at", sqlite_where=text("state > 0"), postgresql_where=text("state > 0")),
    comment="Objects that rows or events name (state 0), or that are being swept (1) or were lately (2).",
    sqlite_with_rowid=False,
)


def create_runtime_tables(op: "Operations") -> None:
    """Create the tables of events that leave and arrive; called by the first migration of each service with Alembic's
    ``op``."""
    metadata.create_all(op.get_bind(), tables=_FIRST_TABLES, checkfirst=False)


def drop_runtime_tables(op: "Operations") -> None:
    """The way back of :func:`create_runtime_tables`."""
    metadata.drop_all(op.get_bind(), tables=_FIRST_TABLES, checkfirst=False)


def create_institution_copy(op: "Operations") -> None:
    """Create the copy of the institution directory; called by a later migration of each service."""
    institution_copy.create(op.get_bind(), checkfirst=False)


def drop_institution_copy(op: "Operations") -> None:
    """The way back of :func:`create_institution_copy`."""
    institution_copy.drop(op.get_bind(), checkfirst=False)


def create_stored_blob(op: "Operations") -> None:
    """Create the ledger of objects; called by a migration of each service that stores objects before it names them."""
    stored_blob.create(op.get_bind(), checkfirst=False)


def drop_stored_blob(op: "Operations") -> None:
    """The way back of :func:`create_stored_blob`."""
    stored_blob.drop(op.get_bind(), checkfirst=False)
