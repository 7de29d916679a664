"""HTTP edge of ``signing``."""
