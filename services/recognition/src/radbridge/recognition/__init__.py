"""Reminds doctors of exams that need not be repeated, and records what they decided."""
