"""The secret that clients of the HTTP server show: made once, and kept where only the user can read it."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from conexus.domain import ConexusError
from conexus.log import state_directory

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "mcp-token"
_SHORTEST = 32


class TokenError(ConexusError):
    """The token's file cannot be written or is not ours."""


def token_file() -> Path:
    """Return where the token is kept."""
    return state_directory() / _NAME


def token() -> str:
    """Return the token; a new one if there is none or others could have read it. Raises TokenError."""
    path = token_file()
    try:
        kept = _kept(path)
        return kept or _new(path)
    except OSError as error:
        raise TokenError(
            f"{path}: the token cannot be kept there: {error.strerror}; mend or remove it"
        ) from error


def _kept(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        is_private = os.name == "nt" or (status.st_uid == os.getuid() and not status.st_mode & 0o077)
        said = file.read(1_000).decode("ascii", "replace").strip()
    return said if is_private and len(said) >= _SHORTEST else ""


def _new(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    beside = path.with_name(f"{_NAME}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{made}\n")
    beside.replace(path)
    return made
