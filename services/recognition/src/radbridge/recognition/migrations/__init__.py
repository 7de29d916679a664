"""Alembic migrations of ``recognition``."""
