"""Scores, exactly as they are published; one family per file."""
