"""Alembic migrations of ``signing``."""
