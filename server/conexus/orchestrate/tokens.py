"""How many tokens a text can be at most, for the tokenizers in use, without having one.

Tokenizers split text into runs and words into pieces they know. What is common in code is looked up: the most
that any of four tokenizers (cl100k, o200k, that of Claude, Qwen's) makes of it. For anything else the bound is
what no vocabulary exceeds: two pieces for three lower-case letters, because nearly every pair of them is one
token; one for each digit, capital and sign; one for each byte of what is not ASCII, written out if it is a ligature. Over code it gives a third more
than the truth; `tests/orchestrate/test_tokens.py` and ``python -m bench context`` hold it to be no less.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

_COSTS = Path(__file__).with_name("token_costs.txt")
_RUN = re.compile(
    r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]|[0-9]+|[!-/:-@\[-`{-~]+| +|[\t\f\v]+|[\n\r]+|[^\x00-\x7f]+|.",
    re.DOTALL,
)
# The longest run of blanks that is one token.
_BLANKS = 64


def at_most(text: str) -> int:
    """Return an upper bound of the tokens of `text`."""
    runs = _RUN.findall(text)
    return sum(map(_cost, runs, [*(run[0] for run in runs[1:]), ""]))


@lru_cache(maxsize=1 << 13)
def of_line(line: str) -> int:
    """Return an upper bound of the tokens of a line with its end, which may stand before any other line."""
    return at_most(line)


@lru_cache(maxsize=1 << 16)
def _cost(run: str, following: str) -> int:
    """Return what a run costs before the character `following` (empty at the end)."""
    first, size = run[0], len(run)
    if "a" <= first <= "z" or "A" <= first <= "Z":
        return _word(run, following)
    if first == " ":
        joins = _is_letter(following) or (size == 1 and _is_sign(following))
        return (size > 1) + size // _BLANKS + (not joins)
    if first in "\t\f\v":
        return 1 if size == 1 else 2 + size // 16
    if first in "\n\r":
        is_plain = "\r" not in run.replace("\r\n", "\n")
        return 1 + size // 2 if is_plain else 1 + size
    if first <= "~":
        return _costs().get(run) or size
    # Some write ¼ as 1/4 before they cut; both spellings must be covered.
    return max(_bytes(run), _bytes(unicodedata.normalize("NFKC", run)))


def _bytes(run: str) -> int:
    return len(run.encode("utf-8", "surrogatepass"))


def _word(run: str, following: str) -> int:
    size = len(run)
    cost = _costs().get(run, 0)
    if not cost:
        cost = size if run.isupper() or size == 1 else max(2, -(-2 * size // 3))
    # Where capitals end is seen in other places by other tokenizers: HTTPEndpoint, ILogger.
    if run.isupper() and _is_letter(following) and (size > 1 or following.isupper()):
        cost += min(size, 2)
    return cost


def _is_letter(following: str) -> bool:
    return following.isascii() and following.isalpha()


def _is_sign(following: str) -> bool:
    return "!" <= following <= "~" and not following.isalnum()


@cache
def _costs() -> dict[str, int]:
    """Return the most tokens of common words and runs of signs: a line for each cost, from 1."""
    lines = _COSTS.read_text("utf-8").splitlines()
    return {run: cost for cost, line in enumerate(lines, 1) for run in line.split(" ")}
