"""What a model must offer, and how a model name becomes one.

ConexusError
└── EmbeddingError
    ├── ModelUnavailableError   the model cannot be loaded, or its process cannot be kept alive
    └── EmbeddingCancelledError the caller's `cancel` said so
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeGuard

from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from conexus.embedding.static import StaticEmbedder
    from conexus.embedding.words import Passage


class EmbeddingError(ConexusError):
    """Text could not be turned into vectors."""


class ModelUnavailableError(EmbeddingError):
    """A model cannot be loaded or kept running: which, why, and what to do."""

    def __init__(self, name: str, reason: str, remedy: str) -> None:
        super().__init__(f"The model {name!r} is not available: {reason}. To repair it: {remedy}.")
        self.name = name
        self.reason = reason
        self.remedy = remedy


class EmbeddingCancelledError(EmbeddingError):
    """The caller cancelled; nothing of the call's work is kept."""


class Embedder(Protocol):
    """Turns passages and queries into L2-normalised vectors of one space.

    Methods may be called from several threads. All raise ModelUnavailableError when the model cannot
    be loaded or dies for good.
    """

    @property
    def identity(self) -> str:
        """Return name and content hash; two embedders with one identity give the same vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Return the length of a vector."""
        ...

    def embed(
        self,
        passages: Sequence[Passage],
        *,
        cancel: Callable[[], bool] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return one row per passage, float32[n, dimensions].

        Between batches `progress` is told how many passages are done and `cancel` is asked whether to
        stop; then EmbeddingCancelledError is raised.
        """
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, float32[dimensions]."""
        ...

    def close(self) -> None:
        """Free what the embedder holds; it may not be used after."""
        ...


def load(name: str, device: str = "auto") -> Embedder:
    """Return the embedder called `name`.

    That is ``static`` for the embedded model, the directory of another static model (`static.save`),
    or the name, directory or exported file (``.onnx``) of a sentence-transformers model, which `device`
    (``auto``, ``cpu``, ``cuda``, ``mps``) is for. A transformer starts when first used. Raises ModelUnavailableError.
    """
    from conexus.embedding import static

    if name == static.EMBEDDED_NAME:
        return static.StaticEmbedder()
    directory = Path(name).expanduser()
    if static.is_static_model(directory):
        return static.StaticEmbedder(directory)
    from conexus.embedding.transformer import TransformerEmbedder

    return TransformerEmbedder(name, device)


def is_static(embedder: Embedder) -> TypeGuard[StaticEmbedder]:
    """Tell whether `embedder` is cheap enough to run wherever passages are made."""
    from conexus.embedding.static import StaticEmbedder

    return isinstance(embedder, StaticEmbedder)
