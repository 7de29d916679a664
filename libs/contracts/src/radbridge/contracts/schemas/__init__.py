"""JSON Schemas of all events and the AsyncAPI document, generated from the event classes and checked in.

``python -m radbridge.contracts.schemas`` writes them anew and refuses a change that would break a reader of the same
major version.
"""
