"""The process a transformer runs in: `python -m conexus.embedding.transformer_worker NAME DEVICE`.

It speaks on what was its stdin and stdout. Each message is one line of JSON, a reply with vectors is
followed by them as raw little-endian float32. First comes {"identity", "dimensions", "batch", "pairs"}, or
{"error", "remedy"} and the end. Then every request {"task": "query" | "document" | "pairs", "texts"} is answered
by {"rows"} and vectors, or {"error"}. A cross-encoder ("pairs" is true) knows that task alone: the first text
is a question, and a row is the score of another text with it. It ends when stdin does, so it never outlives who
started it.

NAME is a directory, a hub name, or an exported model inside its directory (`.onnx`), which runs in ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A batch on a CPU takes about half a second, the longest anyone waits for a cancel; a GPU wants more.
_CPU_BATCH = 16
_GPU_BATCH = 64
_NICENESS = 5  # typing goes before embedding
_MODEL_SUFFIXES = {".safetensors", ".bin", ".pt", ".json", ".txt", ".model", ".jinja", ".py", ".npy", ".npz"}
_OTHER_BACKENDS = {"onnx", "openvino"}


class _UnusableError(Exception):
    """The model cannot be loaded: the reason, and what to do."""


def main() -> None:
    """Load the model named in the arguments and serve requests until stdin ends."""
    name, device = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    replies = _private_stdout()
    try:
        exported = Path(name) if is_exported(name) else None
        directory = _find(name) if exported is None else _directory_of(exported)
        pairs = is_cross_encoder(directory)
        model = _load(directory, device, exported, pairs=pairs)
        warm = ("pairs", ["warm up", "a text"]) if pairs else ("query", ["warm up"])
        dimensions = int(_encode(model, *warm, 1).shape[1])
    except _UnusableError as error:
        reason, remedy = error.args
        _send(replies, {"error": reason, "remedy": remedy})
        return
    batch = _CPU_BATCH if model.device.type == "cpu" else _GPU_BATCH
    named = identity(directory, name, exported)
    _send(replies, {"identity": named, "dimensions": dimensions, "batch": batch, "pairs": pairs})
    for line in sys.stdin.buffer:
        _answer(model, json.loads(line), replies)


def identity(directory: Path, name: str, exported: Path | None = None) -> str:
    """Return the last part of `name` and the hash of what `directory` holds of a model, and of what was exported.

    All of the weights are read: whoever trains again in place gets another identity, whoever copies
    the directory does not. That takes a second for 1 GB, less than loading does.
    """
    content = hashlib.blake2b(digest_size=8)
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        hidden = any(part.startswith(".") or part in _OTHER_BACKENDS for part in parts)
        if hidden or path.suffix not in _MODEL_SUFFIXES or not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "blake2b").digest()
        content.update("/".join(parts).encode("utf-8", "surrogateescape") + b"\0" + digest)
    if exported is not None:
        with exported.open("rb") as file:
            content.update(hashlib.file_digest(file, "blake2b").digest())
    return f"{Path(name).name}@{content.hexdigest()}"


def is_exported(name: str) -> bool:
    """Return whether `name` is that of an exported model and not of a directory or one on the hub."""
    return name.endswith(".onnx")


def is_cross_encoder(directory: Path) -> bool:
    """Return whether the model in `directory` judges pairs of texts instead of making vectors."""
    try:
        about = json.loads((directory / "config.json").read_text("utf-8"))
        classes = about.get("architectures") or []
    except (OSError, ValueError, AttributeError):
        return False
    return any(str(one).endswith("ForSequenceClassification") for one in classes)


def _private_stdout() -> BinaryIO:
    # Libraries print: file descriptor 1 becomes stderr, and only this module knows the pipe.
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return private


def _find(name: str) -> Path:
    """Return the directory of a model given by directory or by hub name, from the local cache only."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    # Names without an owner are short for those of the library's own authors.
    candidates = [name] if "/" in name else [name, f"sentence-transformers/{name}"]
    for candidate in candidates:
        try:
            return Path(snapshot_download(candidate, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError):
            continue
    raise _UnusableError(
        f"there is no such directory and no such model in {constants.HF_HUB_CACHE}, and Conexus downloads nothing",
        f"fetch it once by hand (hf download {candidates[-1]}), or set model.name to a directory that holds it",
    )


def _directory_of(exported: Path) -> Path:
    """Return the directory of the model that `exported` was made from: it stands there, or in a folder there."""
    if importlib.util.find_spec("onnxruntime") is None or importlib.util.find_spec("optimum") is None:
        raise _UnusableError(
            "ONNX Runtime and Optimum are not installed",
            "pip install 'conexus-lsp[onnx]', or name the model's directory",
        )
    for directory in exported.parents[:2]:
        if (directory / "config.json").is_file():
            return directory
    raise _UnusableError(
        f"neither {exported.parent} nor the folder above it holds the config.json of its model",
        "export it into the model's directory, as docs/models.md shows",
    )


def _load(directory: Path, device: str, exported: Path | None, *, pairs: bool) -> Any:
    import sentence_transformers

    kind = sentence_transformers.CrossEncoder if pairs else sentence_transformers.SentenceTransformer
    options: dict[str, Any] = {"device": None if device == "auto" else device}
    if exported is not None:
        file = {"file_name": exported.relative_to(directory).as_posix(), "provider": "CPUExecutionProvider"}
        options = {"device": "cpu", "backend": "onnx", "model_kwargs": file}
    try:
        return kind(str(directory), local_files_only=True, **options)
    except Exception as error:  # whatever a stranger's model raises is the reason
        raise _UnusableError(
            f"sentence-transformers cannot load {directory} on device {device!r}: {type(error).__name__}: {error}",
            "check that the directory is complete and needs no code of its own, and that model.device exists here",
        ) from error


def _answer(model: Any, request: dict[str, Any], replies: BinaryIO) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in request["texts"]]
    try:
        vectors = _encode(model, request["task"], texts, max(1, len(texts)))
    except Exception as error:  # noqa: BLE001 -- the parent decides; this process lives on
        _send(replies, {"error": f"{type(error).__name__}: {error}"})
        return
    _send(replies, {"rows": len(vectors)}, vectors.astype("<f4").tobytes())


def _encode(model: Any, task: str, texts: list[str], batch: int) -> NDArray[np.float32]:
    import torch

    try:
        if task == "pairs":
            return _judge(model, texts[0], texts[1:], batch)
        # These apply the model's own prompts for questions and for documents, where it has some.
        encode = model.encode_query if task == "query" else model.encode_document
        vectors: NDArray[np.float32] = encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )
    except torch.OutOfMemoryError:
        if batch == 1:
            raise
        return _encode(model, task, texts, batch // 2)
    return vectors


def _judge(model: Any, question: str, texts: list[str], batch: int) -> NDArray[np.float32]:
    """Return one score a text, float32[n, 1]; of a model with several classes the last one's."""
    pairs = [(question, text) for text in texts]
    scores: NDArray[np.float32] = model.predict(pairs, batch_size=batch, show_progress_bar=False)
    return scores.reshape(len(texts), -1)[:, -1:]


def _send(replies: BinaryIO, header: dict[str, object], payload: bytes = b"") -> None:
    replies.write(json.dumps(header).encode() + b"\n" + payload)
    replies.flush()


if __name__ == "__main__":
    main()
