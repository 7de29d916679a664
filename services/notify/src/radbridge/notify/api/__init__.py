"""HTTP edge of ``notify``."""
