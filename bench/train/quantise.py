"""Vectors → the model's files, int8: the embedded model itself, or a directory `model.name` may point to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conexus.embedding import static
from conexus.embedding.vocabulary import EMBEDDED_MODEL, Vocabulary

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument("--vectors", default="vectors.npy", help="file below the work folder")
    parser.add_argument("--to", type=Path, default=EMBEDDED_MODEL, help="directory of the model")


def run(options: argparse.Namespace) -> None:
    """Write the model in ``options.to``."""
    vocabulary = Vocabulary((options.work / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])
    static.save(options.to, vocabulary, np.load(options.work / options.vectors))
    print(static.StaticEmbedder(options.to).identity)
