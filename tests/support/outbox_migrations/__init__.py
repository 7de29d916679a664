"""Migrations of a database for the tests of the outbox."""
