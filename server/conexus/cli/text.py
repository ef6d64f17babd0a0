"""Making any text safe to print: names and excerpts come from files that anybody may have written."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes

# Control characters could move the cursor, recolour or retitle a terminal; surrogates cannot be encoded.
_UNSAFE_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSAFE_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Bidirectional controls can make code read differently than it runs.
_BIDIRECTIONAL = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def name(path: str) -> str:
    r"""Return a path on one line: a newline becomes ``\n``, a byte that is not UTF-8 ``\xff``."""
    return _BIDIRECTIONAL.sub(_escape, _UNSAFE_IN_NAME.sub(_escape, path))


def lines(excerpt: str) -> list[str]:
    """Return the lines of an excerpt, as editors count them, with control characters escaped."""
    text = excerpt.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    return [_BIDIRECTIONAL.sub(_escape, _UNSAFE_IN_TEXT.sub(_escape, line)) for line in text.split("\n")]


def column(path: str) -> str:
    """Return a path without white space, for formats that separate columns by it (percent-encoded)."""
    data = path.encode("utf-8", "surrogateescape")
    return re.sub(rb"[\x00-\x20%\x7f-\xff]", lambda found: quote_from_bytes(found[0]).encode(), data).decode(
        "ascii"
    )


def count(number: int, noun: str) -> str:
    """Return ``1 file``, ``1,204 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return ascii(character)[1:-1]
