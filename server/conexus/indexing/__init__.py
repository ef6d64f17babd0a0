"""Keeps an index in step with a folder."""
