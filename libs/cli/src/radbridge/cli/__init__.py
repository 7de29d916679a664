"""The ``radbridge`` command."""
