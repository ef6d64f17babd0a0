"""The commands: the only place that wires the parts together, and the only one that prints."""

from conexus.cli.app import main

__all__ = ["main"]
