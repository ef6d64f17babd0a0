"""Vectors → the model's files, int8: the embedded model itself, or a directory `model.name` may point to.

The mean of several runs from one start is written, half-way back to where they began: both keep what single runs
win by chance from costing elsewhere (Wortsman et al., Model soups, ICML 2022; Robust fine-tuning of zero-shot
models, CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conexus.embedding import static
from conexus.embedding.vocabulary import EMBEDDED_MODEL, Vocabulary

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument("--vectors", nargs="+", default=["vectors.npy"], help="files below the work folder")
    parser.add_argument("--towards", type=Path, help="directory of the static model that training began with")
    parser.add_argument("--share", type=float, default=0.5, help="how far towards it, in [0, 1]")
    parser.add_argument("--to", type=Path, default=EMBEDDED_MODEL, help="directory of the model")


def run(options: argparse.Namespace) -> None:
    """Write the model in ``options.to``."""
    vocabulary = Vocabulary((options.work / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])
    runs = [np.load(options.work / name) for name in options.vectors]
    vectors = np.mean(runs, axis=0, dtype=np.float32)
    if options.towards:
        vectors = mixed(vocabulary, vectors, static.StaticEmbedder(options.towards), options.share)
    static.save(options.to, vocabulary, vectors)
    print(static.StaticEmbedder(options.to).identity)


def mixed(
    vocabulary: Vocabulary, vectors: NDArray[np.float32], towards: static.StaticEmbedder, share: float
) -> NDArray[np.float32]:
    """Return `vectors`, float32[words, dimensions], `share` of the way to those of `towards`.

    A word that `towards` does not know stays as it is.
    """
    known = [word for word in vocabulary.words if word in towards.vocabulary.rows]
    ours = [vocabulary.rows[word] for word in known]
    theirs = [towards.vocabulary.rows[word] for word in known]
    found = vectors.copy()
    found[ours] += share * (towards.word_vectors()[theirs] - found[ours])
    return found
