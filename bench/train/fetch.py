"""Packages as `sources.tsv` pins them, through the ordinary package clients; every file is hashed.

Debian packages come from the release the machine runs, with source packages enabled. A version that has left
its registry, or a file with another hash, is reported and left out.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict, frozen

from bench.train.packages import archives, opened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

SOURCES = Path(__file__).with_name("sources.tsv")
_LONGEST_LICENCE = 200
_COLUMNS = ("registry", "name", "version", "licence", "used", "pairs", "files")


@frozen
class Source:
    """One line of `sources.tsv`."""

    registry: str
    name: str
    """As the registry's client wants it."""
    version: str
    licence: str
    used: str
    """``learned``, ``held out``, or why not: ``licence``, ``benchmark``."""
    pairs: str
    files: str
    """``NAME=SHA256`` of each file, separated by spaces."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument(
        "--pin", action="store_true", help="write sources.tsv from what is downloaded and mined"
    )


def run(options: argparse.Namespace) -> int:
    """Fetch what is missing below ``work/corpus`` and verify it all; with --pin, write down what is there."""
    corpus = options.work / "corpus"
    if options.pin:
        pin(corpus, options.work / "pairs")
        return 0
    sources = pinned()
    for source in sources:
        folder = corpus / source.registry
        folder.mkdir(parents=True, exist_ok=True)
        if source.used in {"learned", "held out"} and list(_unverified(source, folder)):
            subprocess.run(_command(source), cwd=folder, check=False)
    wrong = [
        (source.registry, name)
        for source in sources
        if source.used in {"learned", "held out"}
        for name in _unverified(source, corpus / source.registry)
    ]
    for registry, name in wrong:
        print(f"{registry} {name}: missing or not the file that was pinned")
    return 1 if wrong else 0


def pinned() -> list[Source]:
    """Return the lines of `sources.tsv`."""
    with SOURCES.open(newline="") as lines:
        return [Source(**row) for row in csv.DictReader(lines, delimiter="\t")]


def pin(corpus: Path, mined: Path) -> None:
    """Write `sources.tsv` from the packages below `corpus` and their pairs."""
    from bench.train.prepare import is_held_out

    by_key: dict[str, list[Source]] = defaultdict(list)
    for registry, archive in archives(corpus):
        package = opened(registry, archive)
        used = package.refused or ("held out" if is_held_out(package.key) else "learned")
        output = mined / f"{registry}-{archive.stem}.jsonl"
        incomplete = registry == "src" and not package.licence
        if incomplete or (not package.refused and not output.exists()):
            continue
        count = output.read_bytes().count(b"\n") if output.exists() else 0
        files = " ".join(f"{file.name}={_sha256(file)}" for file in package.archives)
        licence = " ".join(package.licence.split())[:_LONGEST_LICENCE]
        by_key[package.key].append(
            Source(registry, package.published, package.version, licence, used, str(count), files)
        )
    with SOURCES.open("w", newline="") as out:
        writer = csv.DictWriter(out, _COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(source) for key in sorted(by_key) for source in by_key[key])


def _command(source: Source) -> Sequence[str]:
    """Return the client's command that downloads `source` into the current folder."""
    name, version = source.name, source.version
    if source.registry == "pypi":
        wheels = ("--no-deps", "--only-binary", ":all:", "--python-version", "3.11")
        return ("pip", "download", "-q", *wheels, f"{name}=={version}")
    if source.registry == "npm":
        return ("npm", "pack", "--silent", f"{name}@{version}")
    if source.registry == "deb":
        return ("apt-get", "download", "-q", f"{name}={version}")
    return ("apt-get", "source", "-q", "--download-only", "--only-source", f"{name}={version}")


def _unverified(source: Source, folder: Path) -> Iterable[str]:
    """Yield the files of `source` that are not in `folder` as pinned."""
    for item in source.files.split():
        name, _, digest = item.rpartition("=")
        file = folder / name
        if not file.is_file() or _sha256(file) != digest:
            yield name


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
