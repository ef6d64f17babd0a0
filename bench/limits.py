"""The parts of indexing alone, on one core, over a sample: what no indexer of this design can beat.

Run as ``python -m bench.limits PART ROOT``; prints one JSON object. CPU time, without reading and start-up.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpora import source_files
from conexus.embedding.embedder import load
from conexus.embedding.words import passage, words
from conexus.parsing.chunker import parse
from conexus.parsing.languages import GRAMMARS, language_of, parser_of

if TYPE_CHECKING:
    from collections.abc import Callable

_EACH = 5
_DIMENSIONS = 256

Sample = list[tuple[str, str, bytes]]
"""(path, language, source) of every fifth file."""


def _tree_sitter(sample: Sample) -> Callable[[], None]:
    def work() -> None:
        for _, language, source in sample:
            if language in GRAMMARS:
                parser_of(language).parse(source)

    return work


def _chunks(sample: Sample) -> Callable[[], None]:
    def work() -> None:
        for _, language, source in sample:
            parse(source, language)

    return work


def _words(sample: Sample) -> Callable[[], None]:
    texts = [source.decode(errors="replace") for *_, source in sample]

    def work() -> None:
        for text in texts:
            words(text)

    return work


def _vectors(sample: Sample) -> Callable[[], None]:
    passages = [
        passage(path, chunk.symbol, source[chunk.span.start : chunk.span.end].decode(errors="replace"))
        for path, language, source in sample
        for chunk in parse(source, language).chunks
    ]
    embedder = load("static")

    def work() -> None:
        embedder.embed(passages)

    return work


def _write(sample: Sample) -> Callable[[], None]:
    import lancedb
    import numpy as np
    import pyarrow as pa

    texts = [
        (path, chunk.symbol, source[chunk.span.start : chunk.span.end].decode(errors="replace"))
        for path, language, source in sample
        for chunk in parse(source, language).chunks
    ]
    vectors = np.random.default_rng(0).standard_normal(len(texts) * _DIMENSIONS).astype(np.float16)
    columns = [pa.array(column, pa.string()) for column in zip(*texts, strict=True)]
    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(vectors), _DIMENSIONS))
    rows = pa.table(columns, ["path", "symbol", "content", "vector"])
    folder = tempfile.TemporaryDirectory()
    database = lancedb.connect(folder.name)

    def work() -> None:
        database.create_table("chunks", rows)
        folder.cleanup()

    return work


PARTS = {
    "tree-sitter": _tree_sitter, "chunks": _chunks, "words": _words, "vectors": _vectors, "write": _write,
}  # fmt: skip
"""Part → what prepares it and returns the work to time. `chunks` includes tree-sitter, and `vectors` looking up the
words; `write` is paths, symbols, texts and vectors of all chunks at once, by LanceDB as anybody would."""


def main() -> None:
    part, root = sys.argv[1], Path(sys.argv[2])
    sample = [_read(root, path) for path in source_files(root)[::_EACH]]
    work = PARTS[part](sample)
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    size = sum(len(source) for *_, source in sample)
    print(json.dumps({"files": len(sample), "bytes": size, "seconds": seconds}))


def _read(root: Path, path: Path) -> tuple[str, str, bytes]:
    name, source = path.relative_to(root).as_posix(), path.read_bytes()
    return name, language_of(name, source[:512]), source


if __name__ == "__main__":
    main()
