"""Alembic migrations of ``ingest-api``."""
