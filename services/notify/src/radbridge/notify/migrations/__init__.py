"""Alembic migrations of ``notify``."""
