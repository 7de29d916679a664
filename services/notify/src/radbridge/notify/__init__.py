"""Tells patients: templates, channels, deliveries and receipts."""
