"""HTTP edge of ``ingest-api``."""
