"""Downloaded packages as files: which registry, which licence, what is inside."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from attrs import frozen

from bench.train.licences import debian_licence, is_excluded, is_permissive

LARGEST_FILE = 400_000
LANGUAGES = frozenset(
    [
        "python",
        "javascript",
        "typescript",
        "tsx",
        "go",
        "rust",
        "java",
        "c",
        "cpp",
        "ruby",
        "php",
        "csharp",
        "kotlin",
        "swift",
        "scala",
        "lua",
        "haskell",
        "elixir",
        "zig",
        "bash",
        "sql",
        "markdown",
        "rst",
    ]
)
"""The languages the model learns, as `conexus.parsing` names them."""
_SUFFIXES = frozenset(
    [
        ".py",
        ".pyx",
        ".js",
        ".mjs",
        ".cjs",
        ".jsx",
        ".ts",
        ".mts",
        ".tsx",
        ".go",
        ".rs",
        ".java",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".cxx",
        ".hpp",
        ".hh",
        ".rb",
        ".php",
        ".cs",
        ".kt",
        ".kts",
        ".swift",
        ".scala",
        ".lua",
        ".hs",
        ".ex",
        ".exs",
        ".zig",
        ".sh",
        ".bash",
        ".zsh",
        ".sql",
        ".md",
        ".rst",
    ]
)
_SCRIPTS = re.compile(r"(^|/)s?bin/[\w-]+$")
_TEXT_LICENCES = {"rust-src": "MIT or Apache-2.0", "golang-1.19-src": "BSD-3-clause"}
_SKIPPED = re.compile(
    r"(^|/)(_vendor|vendor|vendored|third_party|thirdparty|externals?|node_modules|locale|fixtures|testdata|min"
    r"|tests?|__tests__|debian)/|\.min\.|\.bundle\.|\.d\.ts$|_pb2|\.pb\.go|zz_generated|/gen/|nlohmann|generated"
    r"|_test\.|test_|\.spec\.|\.test\."
    r"|ziglang/lib/(?!std|compiler|build|docs)",  # system headers, some of them copyleft
    re.IGNORECASE,
)

Files = Iterable[tuple[str, bytes]]


@frozen
class Package:
    """A package on disk."""

    registry: str
    """``pypi``, ``npm``, ``deb`` (Debian binary package) or ``src`` (Debian source package)."""
    name: str
    """Without scope and packaging prefixes; its hash decides whether it is held out."""
    published: str
    """As its registry's client wants it."""
    version: str
    licence: str
    archives: tuple[Path, ...]
    read: Callable[[], Iterator[tuple[str, bytes]]]

    @property
    def key(self) -> str:
        """Return what tells it from all others: ``npm:ramda``."""
        return f"{self.registry}:{self.name}"

    @property
    def refused(self) -> str:
        """Return why the model may not learn from it; empty when it may."""
        if is_excluded(self.name):
            return "benchmark"
        return "" if is_permissive(self.licence) else "licence"


def archives(corpus: Path) -> Iterator[tuple[str, Path]]:
    """Yield the registry and the file of every package below `corpus`, in order."""
    for registry, pattern in (("pypi", "*.whl"), ("npm", "*.tgz"), ("deb", "*.deb"), ("src", "*.dsc")):
        for archive in sorted((corpus / registry).glob(pattern)):
            yield registry, archive


def size_of(registry: str, archive: Path) -> int:
    """Return the bytes of a package's archives."""
    parts = archive.parent.glob(f"{archive.stem.split('_')[0]}_*") if registry == "src" else [archive]
    return sum(part.stat().st_size for part in parts)


def opened(registry: str, archive: Path) -> Package:
    """Return the package that `archive` holds; raises OSError, ValueError and the like when it is damaged."""
    return {"pypi": _wheel, "npm": _npm, "deb": _deb, "src": _source}[registry](archive)


def is_wanted(path: str) -> bool:
    """Tell whether the file at `path` is source or prose of the package itself, and no test."""
    known = PurePosixPath(path).suffix in _SUFFIXES or _SCRIPTS.search(path)
    return bool(known) and not _SKIPPED.search(path)


def _wheel(archive: Path) -> Package:
    name, version = archive.name.split("-")[:2]
    with zipfile.ZipFile(archive) as wheel:
        metadata = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        text = wheel.read(metadata[0]).decode("utf8", "ignore") if metadata else ""
    head, _, readme = text.partition("\n\n")
    fields = r"^(?:License-Expression|License|Classifier: License :)+: (.*)$"
    licence = " ; ".join(field[:100] for field in re.findall(fields, head, re.MULTILINE))

    def read() -> Iterator[tuple[str, bytes]]:
        if readme:
            yield "README.md", readme.encode()
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if is_wanted(entry.filename) and entry.file_size < LARGEST_FILE:
                    yield entry.filename, wheel.read(entry)

    published = name.lower().replace("_", "-")
    return Package("pypi", published, published, version, licence, (archive,), read)


def _npm(archive: Path) -> Package:
    with tarfile.open(archive) as tar:
        manifest: dict[str, object] = {}
        for entry in tar:
            if entry.isfile() and re.fullmatch(r"[^/]+/package\.json", entry.name):
                manifest = json.loads(_bytes(tar, entry))
                break
    published = str(manifest.get("name", archive.stem))
    name = published.removeprefix("@").replace("/", "-")
    version = str(manifest.get("version", ""))
    return Package(
        "npm", name, published, version, str(manifest.get("license", "")), (archive,), lambda: _tar(archive)
    )


def _deb(archive: Path) -> Package:
    package, version = archive.name.split("_")[:2]
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=True).stdout
    licence = _TEXT_LICENCES.get(package, "")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            if not licence and entry.isfile() and entry.name.endswith("/copyright"):
                licence = debian_licence(_bytes(tar, entry).decode("utf8", "ignore"))
    name = re.sub(r"^golang-|^librust-|-dev$", "", package)

    def read() -> Iterator[tuple[str, bytes]]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            yield from _entries(tar)

    return Package("deb", name, package, version.replace("%3a", ":"), licence, (archive,), read)


def _source(description: Path) -> Package:
    name, version = description.stem.split("_", 1)
    upstream = re.sub(r"-[^-]*$", "", version)
    folder = description.parent
    packaging = sorted(folder.glob(f"{name}_{version}.debian.tar.*"))
    whole = [*folder.glob(f"{name}_{upstream}.orig*.tar.*"), *folder.glob(f"{name}_{version}.tar.*")]
    archives = tuple(sorted(path for path in whole if path.suffix != ".asc"))
    licence = ""
    for archive in (*packaging, *archives)[:2]:
        licence = licence or debian_licence(_find(archive, "debian/copyright"))

    def read() -> Iterator[tuple[str, bytes]]:
        for archive in archives:
            yield from _tar(archive)

    stated = re.search(r"^Version: (\S+)", description.read_text(errors="ignore"), re.MULTILINE)
    version = stated[1] if stated else version
    return Package("src", name, name, version, licence, (description, *packaging, *archives), read)


def _tar(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        yield from _entries(tar)


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for entry in tar:
        if entry.isfile() and entry.size < LARGEST_FILE and is_wanted(entry.name):
            yield entry.name, _bytes(tar, entry)


def _find(archive: Path, ending: str) -> str:
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isfile() and entry.name.endswith(ending):
                return _bytes(tar, entry).decode("utf8", "ignore")
    return ""


def _bytes(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""
