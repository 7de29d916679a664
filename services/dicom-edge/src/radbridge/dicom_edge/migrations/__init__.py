"""Alembic revisions of the database of ``dicom-edge``."""
