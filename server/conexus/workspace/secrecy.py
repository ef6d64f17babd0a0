"""Secrets: files that are never read, and key-shaped strings that are blanked in those that are."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Files and directories that exist to hold secrets. Judgement calls: `.envrc` and Terraform state hold what
# `.env` holds; Kubernetes keeps secrets in base64, which redaction cannot know, hence `secrets.yaml`.
_SECRET_NAME = re.compile(
    r"\.env(?:\..*)?|\.envrc"
    r"|id_(?:rsa|dsa|ecdsa|ed25519).*"
    r"|[._]netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|\.my\.cnf|\.dockercfg|\.vault-token"
    r"|\.s3cfg|\.boto"
    r"|secrets\.(?:ya?ml|json|toml)|credentials\.json"
    r"|\.ssh|\.aws|\.gnupg|\.kube|\.password-store",
    re.DOTALL,
)
_SECRET_SUFFIXES = (
    ".pem", ".key", ".pfx", ".p12", ".jks", ".keystore", ".kdbx", ".ppk", ".tfstate", ".tfstate.backup",
)  # fmt: skip
_SAMPLE_SUFFIXES = (".example", ".sample", ".template")

# A run of letters and digits this long, with a digit in it, is in every key; and in hardly any code.
_RUN = b"a" * 20
# What stands before a run in the window searched for secrets: a name, and the value up to the run.
_BEFORE = 200
_VALUE_END = re.compile(rb"[\s\"'`][ \t]*")
_ALNUM = bytes(97 if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))
_STARS = bytes(byte if byte in b"\r\n" else 42 for byte in range(256))
_DIGIT = re.compile(rb"[0-9]")

# Keys that carry their maker's prefix: the prefix is enough to be sure.
_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9])(?:"
    rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS access key ids
    rb"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255}"
    rb"|glpat-[A-Za-z0-9_-]{20,}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{16,}|xapp-[A-Za-z0-9-]{20,}"  # Slack
    rb"|ya29\.[A-Za-z0-9_-]{20,}"  # Google's access tokens
    rb"|[srp]k_live_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,}"  # Stripe
    rb"|sk-[A-Za-z0-9_-]*[A-Za-z0-9]{20,}[A-Za-z0-9_-]*"  # model providers
    rb"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    rb"|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,}|hf_[A-Za-z0-9]{30,}"
    rb"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"  # JSON web tokens
    rb")"
)
# Google's API keys may hold `-` and `_` often enough to have no long run. A literal at its start makes an
# expression as fast as a search for a string.
_GOOGLE = re.compile(rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")
_HOOK = re.compile(rb"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}")
_ACCOUNT_KEY = re.compile(rb"(?<=AccountKey=)[A-Za-z0-9+/=]{40,}")
# The lines between the marks; a block that never ends is taken as far as it looks like one.
_KEY_BLOCK = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"((?:(?!-----)[\x00-\xff]){0,20000}?)(?=-----END)"
    rb"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----([A-Za-z0-9+/=\s\\\"',]{0,20000})"
)
# A name that says what its value is, and the value: in quotes, or bare to the end of its line.
_SECRET_WORD = (
    rb"(?:password|passwd|passphrase|secret|token|credentials?"
    rb"|(?:api|access|auth|account|private|secret|encryption|signing|client)[_-]?key)"
)
# Between the name and the value: a closing quote or bracket, perhaps a type, and a sign.
_ASSIGN = rb"[\"'\]]{0,2}\s{0,8}(?::\s{0,4}[A-Za-z]{1,12}\s{0,4})?(?::=|=>|:|={1,3})\s{0,8}[bru]?"
_QUOTED = re.compile(rb"(?i:" + _SECRET_WORD + rb")" + _ASSIGN + rb"([\"'`])([^\s\"'`]{8,512})\1")
_BARE = re.compile(rb"(?i:" + _SECRET_WORD + rb")[ \t]{0,8}[:=][ \t]{0,8}([A-Za-z0-9+/=~-]{16,512})[ \t]*")
# The words whose values are often short: an assignment to one is looked at for the word's sake.
_SHORT_WORDS = (b"passw", b"secret")
_NAMES = re.compile(rb"pass|secret|token|credential|key")
_ASSIGNED = re.compile(rb"[a-z]{5,10}(?:[_-]?key)?" + _ASSIGN + rb"[\"'`]")
# Values that stand for a secret kept elsewhere.
_PLACEHOLDER = re.compile(rb"[$%{}<>()\[\]]|://|\*{3}|(?i:x{4}|example|placeholder|change|your|dummy|test)")
_IDENTIFIER = re.compile(rb"[A-Za-z]+[0-9]{0,3}(?:[._/:-]+[A-Za-z]+[0-9]{0,3})+")
_LETTER, _DIGIT_OR_SIGN = re.compile(rb"[A-Za-z]"), re.compile(rb"[0-9!#^&+~]")
_MIN_ENTROPY_QUOTED = 2.75
_MIN_ENTROPY_BARE = 3.0
_MIN_DIGITS_BARE = 3


def is_secret(name: str) -> bool:
    """Return whether a file or directory called `name` is on the deny list no setting lifts."""
    lower = name.lower()
    if lower.endswith(_SECRET_SUFFIXES):
        return True
    if lower[0] not in "._iscISC":
        return False
    return bool(_SECRET_NAME.fullmatch(lower)) and not (
        lower.startswith(".env.") and lower.endswith(_SAMPLE_SUFFIXES)
    )


def redact(text: bytes) -> tuple[bytes, int]:
    """Return `text` with each secret's bytes replaced by as many `*`, and how many secrets that were.

    Spans, lines and line endings stay as they were. The same text always gives the same result, and a
    result has nothing left to redact. `text` is UTF-8.
    """
    spans: list[tuple[int, int]] = []
    windows = _windows(text)
    for start, end in windows:
        for pattern in (_TOKEN, _HOOK, _ACCOUNT_KEY):
            spans += [found.span() for found in pattern.finditer(text, start, end)]
        if _NAMES.search(text[start:end].lower()):
            spans += _assigned(text, start, end)
    if windows and b"PRIVATE KEY" in text:
        spans += [found.span(found.lastindex or 0) for found in _KEY_BLOCK.finditer(text)]
    spans += [found.span() for found in _GOOGLE.finditer(text)]
    return _blanked(text, spans) if spans else (text, 0)


def _windows(text: bytes) -> list[tuple[int, int]]:
    """Return the parts of `text` that may hold a secret, apart: all else is never looked at again.

    A part begins early enough for the name of an assigned value and ends where no value goes on.
    """
    windows: list[tuple[int, int]] = []
    for at, end in sorted([*_long_runs(text), *_words(text)]):
        if windows and end <= windows[-1][1]:
            continue
        found = _VALUE_END.search(text, end)
        after = found.end() if found else len(text)
        if windows and at - _BEFORE <= windows[-1][1]:
            windows[-1] = (windows[-1][0], after)
        else:
            windows.append((max(0, at - _BEFORE), after))
    return windows


def _long_runs(text: bytes) -> Iterator[tuple[int, int]]:
    # Mapping every letter and digit to one letter turns the question into a search for a fixed string,
    # which is ten times as fast as a regular expression with a repeat.
    plain = text.translate(_ALNUM)
    end = 0
    while (at := plain.find(_RUN, end)) >= 0:
        end = plain.find(b" ", at)
        end = len(text) if end < 0 else end
        if _DIGIT.search(text, at, end):
            yield at, end


def _words(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where an assignment with a short value may begin, and where that value would begin."""
    # The other words' values hold a long run.
    lower = text.lower()
    for word in _SHORT_WORDS:
        at = lower.find(word)
        while at >= 0:
            if found := _ASSIGNED.match(lower, at):
                yield at, found.end()
            at = lower.find(word, at + 1)


def _assigned(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the secrets between `start` and `end` that are known by the name they are assigned to."""
    for found in _QUOTED.finditer(text, start, end):
        if _looks_random(found[2]):
            yield found.span(2)
    for found in _BARE.finditer(text, start, end):
        if _is_bare_secret(found):
            yield found.span(1)


def _looks_random(value: bytes) -> bool:
    """Return whether a quoted value can be a secret: letters and digits mixed, and not a name or a hint."""
    if _PLACEHOLDER.search(value) or _IDENTIFIER.fullmatch(value):
        return False
    mixed = _LETTER.search(value) and _DIGIT_OR_SIGN.search(value)
    return bool(mixed) and _entropy(value) >= _MIN_ENTROPY_QUOTED


def _is_bare_secret(found: re.Match[bytes]) -> bool:
    # Without quotes it may be an expression, which goes on, or a name, which seldom holds three digits.
    value = found[1]
    ends = found.string[found.end() : found.end() + 1] in {b"", b"\r", b"\n"}
    digits = sum(48 <= byte <= 57 for byte in value)
    return (
        ends and digits >= _MIN_DIGITS_BARE and _looks_random(value) and _entropy(value) >= _MIN_ENTROPY_BARE
    )


def _entropy(value: bytes) -> float:
    """Return Shannon's entropy of the bytes of `value`, in bits a byte."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())


def _blanked(text: bytes, spans: list[tuple[int, int]]) -> tuple[bytes, int]:
    blanked = bytearray(text)
    count = reached = 0
    for start, end in sorted(spans):
        # A token may lie in a key block or an assignment; it counts once.
        count += start >= reached and end > start
        blanked[start:end] = text[start:end].translate(_STARS)
        reached = max(reached, end)
    return bytes(blanked), count
