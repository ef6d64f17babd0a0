"""Ticket ids as people write them in commits and branch names: ``#123``, ``ABC-123``. Pure."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w&/#])(?:#|GH-)(\d{1,7})\b")
_KEY = re.compile(r"(?<![\w-])([A-Z][A-Z0-9]{1,9})-(\d{1,7})(?![\w-]*-\d)\b")
# Written like tickets, and none.
_NO_PROJECTS = frozenset([
    "AES", "ANSI", "API", "ARM", "AVX", "BASE", "BSD", "CP", "CPU", "CVE", "CWE", "DES", "ECMA", "EN",
    "ES", "EUC", "GB", "GPL", "GPT", "GPU", "HMAC", "HTTP", "HTTPS", "IEC", "IEEE", "ISO", "JDK", "JSR",
    "KOI", "LATIN", "LGPL", "MD", "MIT", "MPL", "MS", "PEP", "PHP", "PSR", "RC", "RFC", "RSA", "SHA",
    "SHA1", "SHA2", "SHA3", "SQL", "SSE", "TLS", "UCS", "UTF", "UUID", "WCAG", "X86",
])  # fmt: skip
# What a branch of one piece of work is called before the slash; after it, spelling is looser than elsewhere.
_WORK = re.compile(
    r"(?:^|/)(?:feat|feature|features|fix|fixes|bug|bugfix|hotfix|task|chore|story|issue|issues|ticket|refactor"
    r"|docs|test|gh|pr|pull)[/-](.+)$",
    re.IGNORECASE,
)
_LOOSE_KEY = re.compile(r"^([a-z][a-z0-9]{1,9})-(\d{1,7})(?=$|[-_/])", re.IGNORECASE)
_LEADING = re.compile(r"^(?:(?:gh|issue)[-_])?#?(\d{1,7})(?=$|[-_/])", re.IGNORECASE)
# Without such a word it takes a title: `123-retry`, but not `3-1`.
_TITLED = re.compile(r"^#?(\d{1,7})[-_](?=[A-Za-z])")
# A merge says which branch it brings in.
_MERGED = re.compile(r"^Merge (?:remote-tracking )?(?:branch '([^']+)'|pull request #\d+ from [^/\s]+/(\S+))")


def in_message(message: str) -> tuple[str, ...]:
    """Return the tickets that a commit message names, in order, also by the branch it merges."""
    found = dict.fromkeys(_written(message))
    if merged := _MERGED.match(message):
        found |= dict.fromkeys(in_branch(merged[1] or merged[2]))
    return tuple(found)


def in_branch(name: str) -> tuple[str, ...]:
    """Return the tickets that the name of a branch holds: ``feature/ABC-123-retry``, ``fix/123``, ``123-retry``."""
    found = dict.fromkeys(_written(name.replace("_", " ").replace("/", " ")))
    work = _WORK.search(name)
    rest = work[1] if work else name.rpartition("/")[2]
    if work and (key := _LOOSE_KEY.match(rest)) and key[1].upper() not in _NO_PROJECTS | {"ISSUE", "GH"}:
        found[f"{key[1].upper()}-{key[2]}"] = None
    elif number := (_LEADING if work else _TITLED).match(rest):
        found[f"#{number[1]}"] = None
    return tuple(found)


def as_asked(text: str) -> str:
    """Return the ticket that somebody means by `text`, as it is kept; empty if that is none."""
    text = text.strip()
    if text.isdigit():
        return f"#{text}"
    found = (*_written(text.upper()), *in_branch(text))
    return found[0] if found else ""


def _written(text: str) -> list[str]:
    """Return the tickets written in full, in the order of the text."""
    numbers = [(found.start(), f"#{found[1]}") for found in _NUMBER.finditer(text)]
    keys = [
        (found.start(), f"{found[1]}-{found[2]}")
        for found in _KEY.finditer(text)
        if found[1] not in _NO_PROJECTS and found[1] != "GH"
    ]
    return [ticket for _, ticket in sorted(numbers + keys)]
