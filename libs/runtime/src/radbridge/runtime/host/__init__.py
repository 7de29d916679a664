"""Runs services: one alone (``single``), or all of them in one process (``embedded``)."""
