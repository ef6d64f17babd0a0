"""What agents hand on: pieces of files and statements about them, each with the lines that prove it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.domain import digest_of

if TYPE_CHECKING:
    from conexus.domain import Span
    from conexus.orchestrate.ground import Ground


class Role(StrEnum):
    """Why a piece is evidence."""

    HERE = "here"
    """Where whoever asks stands."""
    ANSWER = "answer"
    CALLEE = "callee"
    CALLER = "caller"
    TEST = "test"
    DOCUMENT = "document"
    SETTING = "setting"


@frozen(eq=False)
class Citation:
    """Whole lines of a file and their bytes when they were read."""

    ground: Ground
    path: str
    span: Span
    """From the first byte of its first line to the last of its last, without the line's end."""
    source: bytes

    @property
    def digest(self) -> bytes:
        """Return what identifies the bytes."""
        return digest_of(self.source)


@frozen(eq=False)
class Piece:
    """Lines that answer, or help to understand an answer."""

    cited: Citation
    symbol: str
    kind: str
    role: Role
    score: float
    """In [0, 1]: how sure it is that this belongs to the answer."""
    reasons: tuple[str, ...]
    whole: bool
    """Whether it is all of its definition."""
    briefer: tuple[Citation, ...] = ()
    """Fewer and fewer lines of it, those that tell most, for where there is no room for all."""


@frozen(eq=False)
class Statement:
    """Something found out about a definition."""

    about: str
    kind: str
    """``signature``, ``calls``, ``raises``, ``reads``, ``writes``, ``tested`` or ``changed``."""
    text: str
    cited: Citation
    commit: str = ""
