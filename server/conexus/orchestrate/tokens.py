"""How many tokens a text can be at most, for any of the tokenizers in use, without having one."""

from __future__ import annotations


def at_most(text: str) -> int:
    """Return an upper bound of the tokens of `text`."""
    return (len(text.encode("utf-8", "surrogatepass")) + 1) // 2
