"""Pairs of a question and the code that answers it, mined from the downloaded packages."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from attrs import asdict, evolve, frozen

from bench.train import documentation
from bench.train.licences import in_excluded_folder
from bench.train.packages import LANGUAGES, Package, archives, opened, size_of
from conexus.embedding.words import words
from conexus.parsing.languages import GRAMMARS, language_of, parser_of
from conexus.parsing.outline import Definition, outline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MOST_PAIRS = 12_000
_MOST_A_FILE = 100
_MOST_BYTES = 120_000_000
_LONGEST_CODE = 4_000
_FUNCTIONS = {"function", "method", "test", "macro", "constructor"}
_TYPES = {"class", "interface", "struct", "enum", "trait", "impl", "extension", "type", "module", "object"}


@frozen
class Pair:
    """What somebody may ask, and the code that answers."""

    kind: str
    """``function``, ``type``, ``module``, ``comment``, ``error`` or ``prose``."""
    language: str
    package: str
    path: str
    container: str
    name: str
    question: str
    rest: str
    """What the documentation says after `question`."""
    code: str
    """Without its documentation."""


def pairs_of(path: str, source: bytes, package: str) -> Iterator[Pair]:
    """Yield the pairs of one file, in order of kind."""
    language = language_of(path, source[:2000])
    blank = Pair("", language, package, path, "", "", "", "", "")
    text = source.decode("utf8", "ignore")
    if language not in LANGUAGES:
        return
    if language in {"markdown", "rst"}:
        yield from _of_prose(text, blank)
        return
    if language in GRAMMARS:
        tree = parser_of(language).parse(source)
        _, definitions = outline(tree.root_node, source, language)
        for definition in definitions:
            yield from _of_definition(definition, source, blank)
        yield from _of_module(definitions, source, blank)
    yield from _of_comments(text, blank)


# ---- definitions

_LINE_COMMENT = re.compile(r"\s*(//|#(?!\[|!\[|include|define|if|endif|pragma)|--|%|;|\*|/\*|\{-|\*/|-\})")
_LEADING_ATTRIBUTE = re.compile(r"\s*(@\w|#\[|\[[A-Z]\w*)")
_DOCSTRING = re.compile(
    r"\A((?:[^\n\"']*\n)*?[^\n]*:[ \t]*(?:#[^\n]*)?\n\s*)[rRuUbB]{0,2}(\"\"\"|''')(.*?)\2", re.DOTALL
)
_DOC_ATTRIBUTE = re.compile(r'@(?:doc|moduledoc)\s+(?:~S)?"""\n(.*?)"""\n?', re.DOTALL)


def documented(text: str, language: str) -> tuple[str, str]:
    """Return a definition's documentation, and the rest of its text."""
    if language == "python":
        match = _DOCSTRING.match(text)
        return (match[3], match[1] + text[match.end() :].lstrip("\n")) if match else ("", text)
    if language == "elixir":
        match = _DOC_ATTRIBUTE.search(text)
        if match:
            return match[1], text[: match.start()] + text[match.end() :]
    comment, code = _leading_comment(text)
    return comment, code


def _leading_comment(text: str) -> tuple[str, str]:
    """Return the comment lines before the first line of code, and the text without them."""
    lines = text.split("\n")
    comment: list[str] = []
    kept: list[str] = []
    closing = ""
    for index, line in enumerate(lines):
        stripped = line.strip()
        if closing:
            comment.append(line)
            closing = "" if closing in line else closing
        elif stripped.startswith(("/*", "{-")):
            end = "*/" if stripped.startswith("/*") else "-}"
            closing = "" if end in stripped else end
            comment.append(line)
        elif _LEADING_ATTRIBUTE.match(line) or not stripped:
            kept.append(line)
        elif _LINE_COMMENT.match(line) and not stripped.startswith("*"):
            comment.append(line)
        else:
            return "\n".join(comment), "\n".join([*kept, *lines[index:]])
    return "\n".join(comment), "\n".join(kept)


def _of_definition(definition: Definition, source: bytes, blank: Pair) -> Iterator[Pair]:
    is_type = definition.kind in _TYPES
    if not is_type and definition.kind not in _FUNCTIONS:
        return
    text = source[definition.start : definition.end].decode("utf8", "ignore")
    comment, code = documented(text, blank.language)
    pair = evolve(
        blank,
        kind="type" if is_type else "function",
        container=definition.container[-60:],
        name=definition.name,
    )
    if not is_type:
        yield from _of_message(code, pair)
    if not comment:
        return
    question, rest = documentation.split(comment)
    if not documentation.is_teachable(question):
        return
    if is_type:
        code = _skeleton(code)
        enough = code.count("\n") >= 2
    else:
        enough = code.count("\n") >= 2 and len(code) >= 60
    if enough:
        yield evolve(pair, question=question, rest=rest[:1500], code=code[:_LONGEST_CODE])


def _skeleton(code: str) -> str:
    """Return the lines of a type that say what it consists of: those not deeper than its members."""
    lines = [line for line in code.split("\n") if re.search(r"\w", line) and not _LINE_COMMENT.match(line)]
    if not lines:
        return ""
    base = _indent(lines[0]) + 4
    return "\n".join(line.strip()[:140] for line in lines if _indent(line) <= base)[:_LONGEST_CODE]


def _indent(line: str) -> int:
    wide = line.expandtabs(4)
    return len(wide) - len(wide.lstrip())


def _of_module(definitions: list[Definition], source: bytes, blank: Pair) -> Iterator[Pair]:
    """Yield what a file says about itself, against what it defines."""
    head = source[:4000].decode("utf8", "ignore")
    if blank.language == "python":
        match = re.match(r"\s*(?:#[^\n]*\n|\s*\n)*[rRuU]?(\"\"\"|''')(.*?)\1", head, re.DOTALL)
        comment = match[2] if match else ""
    else:
        comment = _file_comment(head)
    question, rest = documentation.split(comment)
    if not documentation.is_teachable(question):
        return
    firsts = []
    for definition in definitions[:80]:
        if definition.container.count(".") > 1:
            continue
        text = documented(source[definition.start : definition.end].decode("utf8", "ignore"), blank.language)[
            1
        ]
        firsts.append(next((line.strip()[:140] for line in text.split("\n") if line.strip()), ""))
    if len(firsts) >= 3:
        name = PurePosixPath(blank.path).stem
        yield evolve(
            blank, kind="module", name=name, question=question, rest=rest[:1500], code="\n".join(firsts[:60])
        )


def _file_comment(head: str) -> str:
    """Return the first comment of a file that is not about its licence."""
    head = re.sub(r"\A#![^\n]*\n", "", head)
    for match in re.finditer(
        r"/\*.*?\*/|(?:^[ \t]*(?://|#(?= |\n)|--|;)[^\n]*\n)+", head, re.DOTALL | re.MULTILINE
    ):
        if not re.search(r"copyright|licen[cs]e|SPDX", match[0], re.IGNORECASE):
            return match[0]
    return ""


# ---- comments inside functions, messages of errors, prose around code

_COMMENT_LINE = re.compile(r"^(\s+)(?://+|#|--)\s+(?=[A-Za-z\u0080-\uffff])(.{16,})")
_LONGEST_BLOCK = 14


def _of_comments(text: str, blank: Pair) -> Iterator[Pair]:
    """Yield comments inside code, against the block they stand above."""
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        match = _COMMENT_LINE.match(lines[index])
        if not match:
            index += 1
            continue
        marker = lines[index].strip()[:2].strip()
        end = index
        while end < len(lines) and lines[end].strip().startswith(marker):
            end += 1
        comment = " ".join(lines[at].strip().lstrip("/#- ") for at in range(index, end))
        stop = end
        while (
            stop < min(len(lines), end + _LONGEST_BLOCK)
            and lines[stop].strip()
            and not lines[stop].strip().startswith(marker)
            and _indent(lines[stop]) >= _indent(lines[index])
        ):
            stop += 1
        question = documentation.split(comment)[0]
        if stop - end >= 2 and documentation.is_teachable(question):
            yield evolve(
                blank, kind="comment", question=question, code="\n".join(lines[end:stop])[:_LONGEST_CODE]
            )
        index = max(stop, index + 1)


_MESSAGE = re.compile(
    r"(?:raise|throw|[Ee]rror|[Ee]xception|panic!?|fatal|abort|warn(?:ing)?|die|fail|bail!|log\w*)\b[^\"'\n]{0,60}"
    r"[(\s\[]f?[\"']([^\"'\n]{18,160})[\"']"
)
_PLACEHOLDER = re.compile(r"%[-#0-9.]*[a-zA-Z]|\$?\{[^}]*\}|\\\(.*?\)|\\[nrt\"']")


def _of_message(code: str, pair: Pair) -> Iterator[Pair]:
    """Yield the first message of an error in a function, against the function without it."""
    match = _MESSAGE.search(code)
    if not match:
        return
    message = re.sub(r"\s+", " ", _PLACEHOLDER.sub(" ", match[1])).strip()
    rest = code[: match.start(1)] + code[match.end(1) :]
    if len(words(message)) >= 4 and documentation.is_teachable(message) and rest.count("\n") >= 2:
        yield evolve(pair, kind="error", question=message, code=rest[:_LONGEST_CODE])


_FENCE = re.compile(r"^```+\s*(\w*)[^\n]*\n(.*?)^```+\s*$", re.DOTALL | re.MULTILINE)
_RST_CODE = re.compile(
    r"(?:^\.\. (?:code-block|code|sourcecode|highlight)::[^\n]*\n(?:[ \t]+:[^\n]*\n)*|::[ \t]*\n)\s*\n((?:[ \t]+[^\n]*\n|[ \t]*\n)+)",
    re.MULTILINE,
)
_HEADING = re.compile(r"^#+\s+(.*)$|^(\S[^\n]*)\n[=\-~^\"'*+]{3,}\s*$", re.MULTILINE)


def _of_prose(text: str, blank: Pair) -> Iterator[Pair]:
    """Yield headings and sentences, against the code they introduce."""
    pattern = _RST_CODE if blank.path.endswith(".rst") else _FENCE
    last = 0
    for match in pattern.finditer(text):
        code = match[match.lastindex or 0]
        before = text[last : match.start()]
        last = match.end()
        question = _introduction(before)
        if question and code.strip().count("\n") >= 1 and len(code.strip()) >= 40:
            yield evolve(blank, kind="prose", question=question, code=code[:_LONGEST_CODE])


def _introduction(before: str) -> str:
    """Return the heading or sentence that code below `before` illustrates."""
    paragraphs = [p for p in re.split(r"\n\s*\n", before.strip()) if p.strip()]
    headings = [first or second for first, second in _HEADING.findall(before)]
    heading = documentation.split(re.sub(r"[#*]", "", headings[-1]))[0] if headings else ""
    if len(words(heading)) >= 4 and documentation.is_teachable(heading):
        return heading
    if not paragraphs:
        return ""
    paragraph = " ".join(documentation.plain(paragraphs[-1]))
    sentences = re.split(r"(?<=[.!?])\s+", re.sub(r"[`*]|\[([^\]]+)\]\([^)]*\)", r"\1", paragraph))
    sentence = sentences[-1].rstrip(": ")
    return sentence[:300] if documentation.is_teachable(sentence) else ""


# ---- packages


def mine(package: Package, output: Path) -> Counter[str]:
    """Write the pairs of `package`, one JSON object a line; return how many of each kind."""
    counts: Counter[str] = Counter()
    seen: set[bytes] = set()
    size = 0
    partial = output.with_suffix(".partial")
    with partial.open("w") as out:
        for path, source in package.read():
            size += len(source)
            if counts.total() >= _MOST_PAIRS or size > _MOST_BYTES:
                break
            if in_excluded_folder(path) or not _is_written(source):
                continue
            for pair in _taught(path, source, package.key):
                key = _key(pair)
                if key not in seen:
                    seen.add(key)
                    counts[pair.kind] += 1
                    out.write(json.dumps(asdict(pair)) + "\n")
    partial.rename(output)
    return counts


def _taught(path: str, source: bytes, package: str) -> list[Pair]:
    """Return at most so many pairs of a file that it does not outweigh the rest."""
    found: list[Pair] = []
    counts: Counter[str] = Counter()
    try:
        for pair in pairs_of(path, source, package):
            counts[pair.kind] += 1
            if counts[pair.kind] <= _MOST_A_FILE:
                found.append(pair)
    except RecursionError:
        pass  # what was found before the depths of an odd file is kept
    return found


def _is_written(source: bytes) -> bool:
    """Tell text that people wrote from generated and minified text."""
    lines = source[:20_000].split(b"\n")
    return len(lines) > 2 and max(map(len, lines)) <= 1500 and b"DO NOT EDIT" not in source[:2000]


def _key(pair: Pair) -> bytes:
    return hashlib.blake2b(f"{pair.kind} {pair.question.lower()}".encode(), digest_size=8).digest()


def read(folder: Path) -> Iterator[Pair]:
    """Yield all pairs that were mined into `folder`."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open() as lines:
            for line in lines:
                yield Pair(**json.loads(line))


def run(options: argparse.Namespace) -> None:
    """Mine every package below ``work/corpus`` that may be used and has not been mined yet."""
    work: Path = options.work
    target = work / "pairs"
    target.mkdir(exist_ok=True)
    started = time.monotonic()
    jobs = [job for job in archives(work / "corpus") if not _output(target, *job).exists()]
    jobs.sort(key=lambda job: size_of(*job))
    with ProcessPoolExecutor(2) as pool:
        for key, outcome in pool.map(_mine_archive, [target] * len(jobs), *zip(*jobs, strict=True)):
            print(f"{time.monotonic() - started:.0f}s {key} {outcome}", flush=True)


def _output(target: Path, registry: str, archive: Path) -> Path:
    return target / f"{registry}-{archive.stem}.jsonl"


def _mine_archive(target: Path, registry: str, archive: Path) -> tuple[str, str]:
    package = opened(registry, archive)
    outcome = package.refused or str(dict(mine(package, _output(target, registry, archive))))
    return package.key, outcome
