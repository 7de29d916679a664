"""HTTP edge of ``portal``."""
