"""A stand-in for sentence-transformers whose models are of one mind, and slow on demand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = """
import json, pathlib, time
import numpy as np

class Device:
    type = "cpu"

class Model:
    device = Device()

    def __init__(self, path, device=None, local_files_only=False):
        self.path = pathlib.Path(path)
        if (self.path / "broken").exists():
            raise ValueError("these weights are torn")

    def opinion(self, text):
        # Likes what is cold, and takes its time over what is slow.
        if "slow" in text:
            time.sleep(0.4)
        if "odd" in text:
            raise ValueError("odd text")
        with (self.path / "asked").open("a") as file:
            file.write("x")
        return float(text.count("cold"))

class SentenceTransformer(Model):
    def encode_query(self, texts, **options):
        return np.array([[1.0, 0.0]] * len(texts), np.float32)

    def encode_document(self, texts, **options):
        return np.array([[self.opinion(text), 1.0] for text in texts], np.float32)

class CrossEncoder(Model):
    def predict(self, pairs, batch_size, show_progress_bar):
        assert all(question for question, _ in pairs)
        return np.array([self.opinion(text) for _, text in pairs], np.float32)
"""


def write_model(home: Path, kind: str) -> tuple[Path, str]:
    """Write the library and a ``bi-encoder`` or ``cross-encoder``; return its directory and a PYTHONPATH for it."""
    library, directory = home / "library", home / "scripted"
    (library / "sentence_transformers").mkdir(parents=True)
    (library / "sentence_transformers" / "__init__.py").write_text(LIBRARY)
    (library / "torch.py").write_text("class OutOfMemoryError(RuntimeError): pass\n")
    directory.mkdir()
    architecture = "BertModel" if kind == "bi-encoder" else "BertForSequenceClassification"
    (directory / "config.json").write_text(f'{{"architectures": ["{architecture}"]}}')
    return directory, f"{library}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
