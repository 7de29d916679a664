"""HTTP edge of ``recognition``."""
