"""The ways to reach people: one module per vendor's wire form, behind one ``Channel`` protocol.

Each is given its HTTP client, account and clock, so that the vendors' hosts and the stand-ins differ by address only.
"""
