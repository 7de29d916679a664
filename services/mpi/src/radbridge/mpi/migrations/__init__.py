"""Alembic migrations of ``mpi``."""
