"""What git's own files say about ignoring: global excludes, `info/exclude`, case; read without git."""

from __future__ import annotations

import os
import re
from pathlib import Path

from attrs import frozen

_READ_AT_MOST = 1_000_000
_INCLUDE_DEPTH = 10
_SECTION = re.compile(r"\s*\[\s*([A-Za-z0-9.-]+)\s*(?:\"((?:[^\"\\]|\\.)*)\")?\s*\]")
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(=)?\s*")
_VALUE_PART = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|([^\"#;\\]+|\\.)|[#;].*|\"", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "b": "\b"}
_TRUE = {"true", "yes", "on", "1"}


@frozen
class Repository:
    """A git work tree, found from a folder in it."""

    top: Path
    common: Path
    """The directory that holds `info/exclude` and `config`, shared by all work trees of a repository."""


def repository_of(folder: Path) -> Repository | None:
    """Return the repository whose work tree holds `folder`, or None."""
    for top in (folder, *folder.parents):
        if found := repository_at(top):
            return found
    return None


def repository_at(top: Path) -> Repository | None:
    """Return the repository whose work tree starts at `top`; submodules and linked work trees count."""
    marker = top / ".git"
    if marker.is_dir():
        return Repository(top, marker)
    if not marker.is_file():
        return None
    target = read_text(marker).strip().removeprefix("gitdir:").strip()
    directory = top / target
    if not target or not directory.is_dir():
        return None
    common = read_text(directory / "commondir").strip()
    return Repository(top, directory / common if common else directory)


def global_excludes(repository: Repository | None) -> str:
    """Return the text of the user's own excludes file, `core.excludesFile`; empty if there is none."""
    named = _setting("core.excludesfile", repository)
    if named:
        return read_text(Path(named).expanduser())
    return read_text(_config_home() / "git" / "ignore")


def ignores_case(repository: Repository | None) -> bool:
    """Return whether git takes `Build` and `build` for one name here, `core.ignoreCase`."""
    return _setting("core.ignorecase", repository).lower() in _TRUE


def read_text(path: Path) -> str:
    """Return the text of an ignore or configuration file; empty if it cannot be read or is a device."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return os.fsdecode(file.read(_READ_AT_MOST))
    except (OSError, ValueError):
        return ""


def _setting(name: str, repository: Repository | None) -> str:
    value = ""
    for file in _config_files(repository):
        value = _lookup(file, name, _INCLUDE_DEPTH) or value
    return value


def _config_files(repository: Repository | None) -> list[Path]:
    """Return git's configuration files, weakest first."""
    environment = os.environ
    files: list[Path] = []
    if environment.get("GIT_CONFIG_NOSYSTEM", "").lower() not in _TRUE:
        files.append(Path(environment.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"))
    if "GIT_CONFIG_GLOBAL" in environment:
        files.append(Path(environment["GIT_CONFIG_GLOBAL"]))
    else:
        files += [_config_home() / "git" / "config", _home() / ".gitconfig"]
    if repository:
        files.append(repository.common / "config")
    return files


def _home() -> Path:
    # A user without a home directory has no configuration in it either.
    return Path(os.environ.get("HOME") or os.environ.get("USERPROFILE") or os.devnull)


def _config_home() -> Path:
    named = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else _home() / ".config"


def _lookup(file: Path, name: str, depth: int) -> str:
    """Return the last value of `name` in `file` and the files it includes (not those on a condition)."""
    value = ""
    for key, found in parse(read_text(file)):
        if key == name:
            value = found
        elif key == "include.path" and depth:
            value = _lookup(file.parent / Path(found).expanduser(), name, depth - 1) or value
    return value


def parse(text: str) -> list[tuple[str, str]]:
    """Return the settings of a git configuration file in order, as (`section.key` in lower case, value)."""
    settings: list[tuple[str, str]] = []
    section = ""
    # A backslash at the end of a line goes on with the next.
    for line in re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n", r"\1", text).splitlines():
        rest = line
        if header := _SECTION.match(line):
            section = ".".join(part for part in (header[1].lower(), header[2]) if part)
            rest = line[header.end() :]
        if key := _KEY.match(rest):
            value = _value(rest[key.end() :]) if key[2] else "true"
            settings.append((f"{section}.{key[1].lower()}", value))
    return settings


def _value(raw: str) -> str:
    """Return a value without its quotes, escapes, comment and the spaces around it."""
    value, kept = "", 0
    for part in _VALUE_PART.finditer(raw):
        if part[1] is not None:
            value += _unescape(part[1])
            kept = len(value)
        elif part[2] is not None:
            value += _unescape(part[2])
            kept = max(kept, len(value.rstrip()))
        else:
            break
    return value[:kept]


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)
