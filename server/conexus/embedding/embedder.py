"""What a model must offer, and how a model name becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from conexus.embedding.words import Passage


class Embedder(Protocol):
    """Turns passages and queries into L2-normalised vectors of one space."""

    @property
    def identity(self) -> str:
        """Return name and content hash; two embedders with one identity give the same vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Return the length of a vector."""
        ...

    def embed(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """Return one row per passage, float32[n, dimensions]."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, float32[dimensions]."""
        ...

    def close(self) -> None:
        """Free what the embedder holds; it may not be used after."""
        ...
