"""Event bodies, one module per aggregate. The names on the wire are ``radbridge.<aggregate>.<fact>.v<major>``."""
