"""Documentation comments as the questions they answer: their first sentence, and what comes after it."""

from __future__ import annotations

import re

from conexus.embedding.words import words

_LONGEST = 300
_MARKER = re.compile(r"^\s*(/\*\*+!?|\*+/|/\*|//[/!]*|--+(?: [|^])?|\{-+(?: ?[|^])?|;+|\*|#+[:'|]?)?\s?")
_END = re.compile(r"(\*+/|-\})\s*$")
_TAG = re.compile(r"[@\\](\w+)")
_SUMMARY_TAG = re.compile(r"[@\\](?:brief|description|desc|summary|short|fileoverview)\s+(.*)")
_SECTION = re.compile(
    r"(:param|:return|:rtype|:raises|Args:|Arguments:|Parameters|Returns?:|Raises:|Examples?:|# Arguments|>>>"
    r"|iex>|-{3,}|={3,}|```|\.\. )"
)
_SENTENCE = re.compile(r"(.{15,300}?[.!?])(\s|$)", re.DOTALL)
_UNTEACHABLE = re.compile(
    r"copyright|licen[cs]e|TODO|FIXME|eslint|noqa|nolint|pragma|@ts-|autogenerat|DO NOT EDIT|deprecated"
    r"|\{@inheritdoc\}|SPDX|vim:|-\*-",
    re.IGNORECASE,
)


def plain(comment: str) -> list[str]:
    """Return the lines of a comment or docstring without its markers."""
    return [_END.sub("", _MARKER.sub("", line)).strip() for line in comment.strip().split("\n")]


def split(comment: str) -> tuple[str, str]:
    """Return the first sentence of a comment or docstring, and the rest of it; both may be empty."""
    lines = plain(comment)
    first: list[str] = []
    rest = 0
    for index, line in enumerate(lines):
        rest = index
        tag = _TAG.match(line)
        summary = _SUMMARY_TAG.match(line)
        if first and (not line or tag or _SECTION.match(line)):
            break
        if tag and not summary:
            continue
        text = summary[1] if summary else line
        if _SECTION.match(text):
            break
        first += [text] if text else []
        rest = index + 1
        if sum(map(len, first)) > _LONGEST:
            break
    text = _unmarked(" ".join(first))
    match = _SENTENCE.match(text)
    sentence = match[1] if match else text
    return sentence[:_LONGEST], " ".join([text[len(sentence) :], *lines[rest:]]).strip()


def is_teachable(sentence: str) -> bool:
    """Tell whether `sentence` says something about code, in words."""
    if len(sentence) < 12 or len(words(sentence)) < 3 or _UNTEACHABLE.search(sentence):
        return False
    return sum(char.isalpha() or char == " " for char in sentence) / len(sentence) >= 0.75


def _unmarked(text: str) -> str:
    text = re.sub(r"\{@\w+\s+([^}]*)\}", r"\1", text)
    text = re.sub(r"<[^>]{1,40}>", "", text)
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("`", "")
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()
