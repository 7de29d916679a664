"""Stand-ins for the vendors' gateways: local servers for the demo and the tests that check what the real ones check.

They recompute signatures from the raw request with no code of the sender's, so that one mistake cannot hide in both,
and refuse with the vendors' codes. They keep accepted messages in memory and send nothing to anybody.
"""
