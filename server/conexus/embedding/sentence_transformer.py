"""A static model as a sentence-transformers model: to compare, to fine-tune, to swap.

Needs the extra `transformers`. docs/models.md shows a fine-tuning run from start to end.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from conexus.embedding import static
from conexus.embedding.vocabulary import EMBEDDED_MODEL
from conexus.embedding.words import Passage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.embedding.vocabulary import Vocabulary


def as_sentence_transformer(directory: Path = EMBEDDED_MODEL) -> SentenceTransformer:
    """Return the static model in `directory` as a trainable model with the same vectors (to 1e-5).

    It is built in code, because sentence-transformers refuses to load modules it does not know from
    disk. Raises ModelUnavailableError.
    """
    embedder = static.StaticEmbedder(directory)
    return SentenceTransformer(
        modules=[WordBag(embedder.vocabulary, torch.from_numpy(embedder.word_vectors()))]
    )


def export(model: SentenceTransformer, directory: Path) -> None:
    """Write a model made by `as_sentence_transformer` where `model.name` can point to. Raises OSError."""
    bag = model[0]
    if not isinstance(bag, WordBag):
        raise TypeError(
            f"only a model made by as_sentence_transformer can be exported, not {type(bag).__name__}"
        )
    bag.save(directory)


# torch comes without types the checker may see where the extra is not installed.
class WordBag(torch.nn.Module):  # type: ignore[misc]
    """The sum over unique known words of (1 + ln count) · vector, L2-normalised; see `StaticEmbedder`."""

    save_in_root = True
    max_seq_length = math.inf

    def __init__(self, vocabulary: Vocabulary, vectors: torch.Tensor) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = torch.nn.EmbeddingBag.from_pretrained(vectors, freeze=False, mode="sum")

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, **_: object
    ) -> dict[str, torch.Tensor]:
        """Return the words of the texts as the features `forward` takes."""
        bags = self.vocabulary.bags([Passage("", f"{prompt or ''}{text}") for text in inputs])
        return {
            "input_ids": torch.from_numpy(bags.rows.astype(np.int64)),
            "offsets": torch.from_numpy(bags.starts[:-1]),
            "weights": torch.from_numpy(1 + np.log(bags.counts.astype(np.float32))),
        }

    def forward(self, features: dict[str, Any], **_: object) -> dict[str, Any]:
        """Add `sentence_embedding`, float32[n, dimensions], to the features."""
        summed = self.embedding(
            features["input_ids"], features["offsets"], per_sample_weights=features["weights"]
        )
        features["sentence_embedding"] = torch.nn.functional.normalize(summed, dim=1)
        return features

    def get_embedding_dimension(self) -> int:
        """Return the length of a vector."""
        return int(self.embedding.embedding_dim)

    def save(self, output_path: Path | str, *_: object, **__: object) -> None:
        """Write the static model's files into `output_path`."""
        static.save(Path(output_path), self.vocabulary, self.embedding.weight.detach().cpu().numpy())
