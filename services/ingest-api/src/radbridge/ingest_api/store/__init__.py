"""Queries of ``ingest-api`` on its own tables, one module per aggregate (the tables: ``migrations/versions``)."""
