"""A service's own database: one small protocol over SQLite and PostgreSQL for the hot paths."""
