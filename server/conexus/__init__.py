"""Conexus: find code by meaning, always current, on the developer's own machine."""

__version__ = "0.1.0"
