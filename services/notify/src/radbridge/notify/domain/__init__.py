"""The rules of notifying people: what a message may say, what a code means, a delivery's states, receipts.

Nothing here does I/O; times and ids come in as arguments.
"""
