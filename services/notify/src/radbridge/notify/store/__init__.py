"""Queries of ``notify`` on its own tables (the tables: ``migrations/versions``), one module per subject."""
