"""Alembic migrations of ``portal``."""
