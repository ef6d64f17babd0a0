"""Folders of real code to measure on, made from pinned registry packages; prints what each holds.

Text files only, of at most 1 MB, so that "source bytes" mean one thing for every tool. Translations, source
maps and minified bundles are left out. Each folder is a git repository of its own (no commits): ignore rules
of whatever surrounds the cache do not reach it. No file is synthetic and no package appears twice, but in the
folder of a million chunks: there the copies of a file have other words in place of its own (see `_Disguise`).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import keyword
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CACHE = Path(os.environ.get("CONEXUS_BENCH_CACHE") or Path(__file__).parent / ".cache").resolve()
_MAX_BYTES = 1_000_000
_LEFT_OUT = re.compile(r"\.(po|map|svg|min\.js|min\.css)$|/translations/|\.dist-info/")


@frozen
class Package:
    """A pinned release; `only` names the suffix kept, if not all text."""

    registry: str
    name: str
    version: str
    only: str = ""


REACT_NATIVE = Package("npm", "react-native", "0.76.5")
WAGTAIL = Package("pypi", "wagtail", "6.3")
DJANGO = Package("pypi", "django", "5.1.4")
SYMPY = Package("pypi", "sympy", "1.13.3")
HOME_ASSISTANT = Package("pypi", "homeassistant", "2024.6.4", ".py")
BABYLON = Package("npm", "@babylonjs/core", "7.40.0", ".js")

APPLICATION = (REACT_NATIVE, WAGTAIL)


@frozen
class Corpus:
    """A folder and what it holds. `digest` tells whether two runs measured the same bytes."""

    name: str
    root: Path
    files: int
    size: int
    digest: str

    @property
    def megabytes(self) -> float:
        """Return the source size in MB (10^6)."""
        return self.size / 1e6


def application() -> Corpus:
    """Return an application repository: React Native and Wagtail, 15 languages, mean below 6 KB a file."""
    return _corpus("application", lambda: _packages(APPLICATION))


def standard_library() -> Corpus:
    """Return the running interpreter's standard library with its tests, without site-packages."""
    return _corpus(f"stdlib-{sys.version.split()[0]}", _standard_library)


def quarter_of_the_library() -> Corpus:
    """Return every fourth file of the standard library."""
    name = f"stdlib-quarter-{sys.version.split()[0]}"
    return _corpus(name, lambda: itertools.islice(_standard_library(), 0, None, 4))


def ten_thousand() -> Corpus:
    """Return 10,000 files: the two corpora above, Django, SymPy, and Home Assistant up to the count."""
    return _corpus("files-10k", lambda: _first(10_000, _large()))


def twenty_thousand() -> Corpus:
    """Return those 10,000 files and those that follow: the rest of Home Assistant, then Babylon.js."""
    return _corpus("files-20k", lambda: _first(20_000, _large()))


def million_chunks() -> Corpus:
    """Return some 130,000 files that make a million chunks: the 10,000 above, and twelve disguised copies."""
    return _corpus("chunks-1m", lambda: _multiplied(ten_thousand(), copies=12))


def five_hundred() -> Corpus:
    """Return the 500 first files of Wagtail."""
    return _corpus("files-500", lambda: _first(500, _packages([WAGTAIL])))


def source_files(root: Path) -> list[Path]:
    """Return all files of a corpus, in order."""
    return sorted(path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a short digest of the contents of `paths`."""
    content = hashlib.blake2b(digest_size=6)
    for path in sorted(paths):
        content.update(path.read_bytes())
    return content.hexdigest()


def checkout(git_directory: Path, revision: str, root: Path) -> Path:
    """Write the text files of a revision to `root` once, and return it.

    Reads with `ls-tree` and `cat-file`, as partial snapshots lack their largest files and `git archive`
    gives up on the first of them.
    """
    if not root.exists():
        _fill(root, _blobs(git_directory, revision))
    return root


def _multiplied(corpus: Corpus, copies: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of `corpus`, and of each copy in a directory of its own; each copy has other words."""
    files = [(path.relative_to(corpus.root).as_posix(), path) for path in source_files(corpus.root)]
    yield from ((f"copy00/{name}", path.read_bytes()) for name, path in files)
    counts: Counter[bytes] = Counter()
    for _, path in files:
        counts.update(map(bytes.lower, _WORD.findall(path.read_bytes())))
    for number in range(1, copies + 1):
        disguise = _Disguise(counts, seed=number)
        for name, path in files:
            stem, dot, suffix = name.rpartition(".")
            disguised = disguise.of(stem.encode()).decode() + dot + suffix
            yield f"copy{number:02}/{disguised}", disguise.of(path.read_bytes())


_WORD = re.compile(rb"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
_KEPT_WORDS = frozenset(
    word.encode()
    for word in [
        *(word.lower() for word in keyword.kwlist), "self", "cls", "function", "const", "let", "var", "new", "this",
        "export", "default", "extends", "implements", "interface", "public", "private", "protected", "static",
        "void", "int", "char", "bool", "boolean", "string", "struct", "enum", "switch", "case", "throw", "catch",
        "super", "typeof", "instanceof", "package", "include", "define", "ifdef", "ifndef", "endif", "namespace",
        "template", "true", "false", "null", "undefined", "func", "fun", "val", "override", "final", "abstract",
        "require", "module", "end", "then", "done", "echo", "print", "init", "name", "main",
    ]
)  # fmt: skip
_ALIKE = 64


class _Disguise:
    """A text with every word replaced by another one that is about as frequent, always the same for a word.

    Keywords stay, and so do the sizes of files nearly, the shape of trees, how words repeat and how many there
    are of each frequency; but no passage has the digest, the names or the vector of the one it was made from.
    """

    def __init__(self, counts: Counter[bytes], seed: int) -> None:
        words = [word for word, _ in counts.most_common() if word not in _KEPT_WORDS]
        shuffled = []
        chance = random.Random(seed)
        for start in range(0, len(words), _ALIKE):
            alike = words[start : start + _ALIKE]
            chance.shuffle(alike)
            shuffled += alike
        self._words = dict(zip(words, shuffled, strict=True))

    def of(self, text: bytes) -> bytes:
        """Return `text` in disguise."""
        return _WORD.sub(self._replaced, text)

    def _replaced(self, match: re.Match[bytes]) -> bytes:
        word = match[0]
        other = self._words.get(word.lower(), word)
        if word.islower():
            return other.lower()
        return other.upper() if word.isupper() else other.capitalize()


def _large() -> Iterator[tuple[str, bytes]]:
    yield from _standard_library()
    yield from _packages((*APPLICATION, DJANGO, SYMPY, HOME_ASSISTANT, BABYLON))


def _corpus(name: str, files: Callable[[], Iterable[tuple[str, bytes]]]) -> Corpus:
    root = CACHE / "corpora" / name
    if not root.exists():
        _fill(root, files())
    paths = source_files(root)
    listing = hashlib.blake2b(digest_size=4)
    for path in paths:
        listing.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
    return Corpus(name, root, len(paths), sum(path.stat().st_size for path in paths), listing.hexdigest())


def _fill(root: Path, files: Iterable[tuple[str, bytes]]) -> None:
    unfinished = root.with_name(root.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", unfinished], check=True)
    for name, data in files:
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    unfinished.rename(root)


def _first(count: int, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    return (file for _, file in zip(range(count), files, strict=False))


def _standard_library() -> Iterator[tuple[str, bytes]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not {"site-packages", "__pycache__"} & set(parts):
            yield from _wanted("stdlib/" + "/".join(parts), path.read_bytes())


def _packages(packages: Iterable[Package]) -> Iterator[tuple[str, bytes]]:
    for package in packages:
        for name, data in _unpacked(_downloaded(package)):
            if name.endswith(package.only):
                yield from _wanted(f"{package.name.removeprefix('@')}/{name}", data)


def _wanted(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if data and len(data) <= _MAX_BYTES and b"\0" not in data[:8192] and not _LEFT_OUT.search(name):
        yield name, data


def _downloaded(package: Package) -> Path:
    folder = CACHE / "packages" / f"{package.name.replace('/', '-')}-{package.version}"
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        subprocess.run(_client(package), cwd=unfinished, check=True, capture_output=True)
        unfinished.rename(folder)
    return next(path for path in folder.iterdir() if path.suffix in {".whl", ".tgz"})


def _client(package: Package) -> list[str]:
    if package.registry == "npm":
        return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    wanted = f"{package.name}=={package.version}"
    return [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:",
            "--python-version", "3.12", wanted]  # fmt: skip


def _unpacked(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = sorted(name for name in wheel.namelist() if not name.endswith("/"))
            yield from ((name, wheel.read(name)) for name in names)
        return
    with tarfile.open(archive) as tarball:
        # Read in stored order: seeking back in a compressed stream starts over.
        files = {
            m.name.removeprefix("package/"): tarball.extractfile(m).read() for m in tarball if m.isfile()
        }
    yield from sorted(files.items())


def _blobs(git_directory: Path, revision: str) -> Iterator[tuple[str, bytes]]:
    git = ["git", "-C", git_directory]
    listing = subprocess.run([*git, "ls-tree", "-r", "-l", "-z", revision], check=True, capture_output=True)
    with subprocess.Popen([*git, "cat-file", "--batch"], stdin=-1, stdout=-1) as reader:
        for line in filter(None, listing.stdout.split(b"\0")):
            meta, name = line.split(b"\t", 1)
            mode, _, blob, size = meta.split()
            if mode.startswith(b"100") and size.isdigit() and int(size) <= _MAX_BYTES:
                yield from _wanted_blob(os.fsdecode(name), _read_blob(reader, blob))
        reader.stdin.close()


def _read_blob(reader: subprocess.Popen[bytes], blob: bytes) -> bytes:
    reader.stdin.write(blob + b"\n")
    reader.stdin.flush()
    header = reader.stdout.readline().split()
    return reader.stdout.read(int(header[2]) + 1)[:-1] if header[1] == b"blob" else b""


def _wanted_blob(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    # A repository is taken as it is (translations, bundles): what to skip is the engine's to decide.
    if data and b"\0" not in data[:8192]:
        yield name, data


def main(arguments: list[str]) -> None:
    """Make every corpus and print what it holds."""
    parser = argparse.ArgumentParser(prog="python -m bench corpora", description=__doc__)
    parser.add_argument("--million", action="store_true", help="also the folder of a million chunks, 1.3 GB")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("corpora")
    makers = [five_hundred, application, standard_library, ten_thousand, twenty_thousand]
    made = [make() for make in (*makers, *([million_chunks] if options.million else []))]
    rows = [(c.name, c.files, c.megabytes, c.size / c.files / 1e3, c.digest) for c in made]
    report.table("Corpora", ("", "files", "MB", "mean KB", "digest"), rows)
    report.finish(save=options.save)
