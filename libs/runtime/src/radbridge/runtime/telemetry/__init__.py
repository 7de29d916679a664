"""Traces, meters and logs, cheap enough to stay on: one span per request or message, counters, and JSON lines."""
