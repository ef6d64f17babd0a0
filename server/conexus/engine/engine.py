"""The engine: folders, the models and threads they share. Every door (CLI, LSP, MCP) stands on this."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from conexus.domain import ConexusError
from conexus.embedding.embedder import is_static, load
from conexus.embedding.transformer import TransformerEmbedder
from conexus.engine.folder import Folder
from conexus.engine.shelf import Shelf
from conexus.engine.tallies import Tallies
from conexus.search.second import SecondOpinion
from conexus.store.memory import collect_seldom
from conexus.store.vectors import VectorCache

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from conexus.embedding.embedder import Embedder
    from conexus.settings import Settings

# One per agent of a question, and some to spare: an agent that hangs must not keep the others from the next.
_SEARCH_THREADS = 8


class NotAFolderError(ConexusError):
    """What should be indexed is not a readable directory."""


class Engine:
    """Opens folders and searches them. Safe to use from several threads."""

    def __init__(self, settings: Settings, data_directory: Path) -> None:
        collect_seldom()
        self._settings = settings
        self._shelf = Shelf(data_directory)
        self._pool = ThreadPoolExecutor(_SEARCH_THREADS, thread_name_prefix="conexus-search")
        self._folders: dict[Path, Folder] = {}
        self._embedders: dict[str, Embedder] = {}
        self._caches: dict[str, VectorCache] = {}
        self._seconds: dict[str, SecondOpinion] = {}
        self._lock = Lock()
        self.gates = Tallies()
        """What the gates met, of all folders."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, root: Path, settings: Settings | None = None) -> Folder:
        """Return the folder at `root`; the same object for the same directory.

        `settings` override the engine's for this folder. Raises NotAFolderError.
        """
        if not root.is_dir():
            raise NotAFolderError(f"{root}: not a directory; give the folder to index")
        resolved = root.resolve()
        with self._lock:
            folder = self._folders.get(resolved)
            if folder is None:
                folder = Folder(
                    resolved,
                    settings or self._settings,
                    self._shelf,
                    self.embedder,
                    vectors=self._vectors,
                    pool=self._pool,
                    tallies=self.gates,
                    second=self._second,
                )
                self._folders[resolved] = folder
        return folder

    def release(self, folder: Folder) -> None:
        """Let go of a folder that nobody needs now; the caller closes it, and `open` makes a new one."""
        with self._lock:
            self._folders = {root: held for root, held in self._folders.items() if held is not folder}

    def embedder(self, model: str) -> Embedder:
        """Return the model called `model`, loaded once. Raises ConexusError if it cannot be."""
        with self._lock:
            if model not in self._embedders:
                self._embedders[model] = load(model, self._settings.model.device)
            return self._embedders[model]

    def _vectors(self, embedder: Embedder) -> VectorCache | None:
        """Return where vectors of a slow model are kept for all folders; the static model needs none."""
        if is_static(embedder):
            return None  # computing a vector costs less than looking it up
        return self._cache(embedder.identity, embedder.dimensions)

    def _cache(self, identity: str, dimensions: int) -> VectorCache:
        with self._lock:
            if identity not in self._caches:
                self._caches[identity] = VectorCache(self._shelf.vectors, identity, dimensions)
            return self._caches[identity]

    def _second(self, model: str) -> SecondOpinion:
        """Return who gives second opinions with `model`. Raises ModelUnavailableError."""
        with self._lock:
            if model not in self._seconds:
                judge = TransformerEmbedder(model, self._settings.model.device)
                self._seconds[model] = SecondOpinion(judge, self._cache)
            return self._seconds[model]

    def close(self) -> None:
        """Close all folders and models; the engine may not be used after. Idempotent."""
        with self._lock:
            folders, self._folders = list(self._folders.values()), {}
            embedders, self._embedders = list(self._embedders.values()), {}
            caches, self._caches = list(self._caches.values()), {}
            seconds, self._seconds = list(self._seconds.values()), {}
        for folder in folders:
            folder.close()
        for second in seconds:
            second.close()
        for embedder in embedders:
            embedder.close()
        for cache in caches:
            cache.close()
        self._pool.shutdown()
