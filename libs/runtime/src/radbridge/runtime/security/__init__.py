"""Keys, sealed values, tokens and who is asking."""
