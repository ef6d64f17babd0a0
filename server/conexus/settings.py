"""Every setting: its default, what it may be, and where the value in force came from."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class ScopeSettings:
    """Which files belong to the index."""

    include: tuple[str, ...] = ()
    """Gitignore-style patterns of files to index although an ignore file excludes them."""
    exclude: tuple[str, ...] = ()
    """Gitignore-style patterns of files to leave out."""
    max_file_bytes: int = 1_000_000
    """Larger files are skipped, in bytes."""
    follow_symlinks: bool = False
    """Whether linked directories inside the folder are walked."""
    generated: bool = False
    """Whether generated and minified files are indexed."""
    hidden: bool = True
    """Whether files and directories whose name starts with a dot are indexed (never `.git`)."""


@frozen
class IndexSettings:
    """How the index is built and where it lives."""

    directory: str = ""
    """Where indexes are kept; empty means the user's data directory."""
    workers: int = 0
    """Parse processes; 0 means one per core, at most 8."""
    file_timeout: float = 5.0
    """Seconds a file may take to parse before it is quarantined."""


@frozen
class ModelSettings:
    """Which model embeds."""

    name: str = "static"
    """`static` for the embedded model, else a sentence-transformers name or path."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `mps`, for transformer models."""


@frozen
class SearchSettings:
    """How questions are answered."""

    limit: int = 10
    """Hits returned when the caller does not say."""


@frozen
class Settings:
    """All settings in force for one folder."""

    scope: ScopeSettings = field(factory=ScopeSettings)
    index: IndexSettings = field(factory=IndexSettings)
    model: ModelSettings = field(factory=ModelSettings)
    search: SearchSettings = field(factory=SearchSettings)
