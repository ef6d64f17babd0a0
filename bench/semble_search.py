"""Answers queries with semble's library; run by the peers' interpreter, never imported by the suite.

Reads ``{root, limit, queries: [{id, query}], modes: [...]}`` on stdin, writes ``{mode: {id: [[path, first
line, last line], ...]}}``. Semble's own weights cannot be fetched without a network, so the modes are the
parts that need none, and semble's ranker over *our* vectors:

- ``bm25``           its BM25 alone
- ``bm25+ranker``    its BM25 with its boosts and penalties (its hybrid with the dense weight at 0)
- ``hybrid``         its BM25, its fusion and ranker, dense scores from Conexus' model over path and content
"""

import json
import sys
from pathlib import Path

import numpy as np
from semble.index.create import create_index_from_path
from semble.index.dense import SelectableBasicBackend
from semble.search import _search_bm25, search
from vicinity.backends.basic import BasicArgs

from conexus.embedding.embedder import load
from conexus.embedding.words import passage


class Model:
    """Conexus' model behind the two members semble asks of one."""

    def __init__(self) -> None:
        self._embedder = load("static")
        self.dim = self._embedder.dimensions

    def encode(self, texts, **_options):
        return np.stack([self._embedder.embed_query(text) for text in texts])

    def of_chunks(self, chunks):
        return self._embedder.embed([passage(chunk.file_path, "", chunk.content) for chunk in chunks])


class _Nothing(Model):
    """Stands in while the index is built: the vectors are made afterwards, with paths."""

    def encode(self, texts, **_options):
        return np.zeros((len(texts), self.dim), np.float32)


def main() -> None:
    job = json.load(sys.stdin)
    model, limit = Model(), job["limit"]
    bm25, _, chunks, _ = create_index_from_path(Path(job["root"]), _Nothing(), display_root=Path(job["root"]))
    dense = SelectableBasicBackend(model.of_chunks(chunks), BasicArgs())
    systems = {
        "bm25": lambda query: _search_bm25(query, bm25, chunks, limit, None),
        "bm25+ranker": lambda query: search(query, model, dense, bm25, chunks, limit, alpha=0.0),
        "hybrid": lambda query: search(query, model, dense, bm25, chunks, limit),
    }
    answers = {
        mode: {query["id"]: _places(systems[mode](query["query"])) for query in job["queries"]}
        for mode in job["modes"]
    }
    json.dump(answers, sys.stdout)


def _places(results):
    return [[hit.chunk.file_path, hit.chunk.start_line, hit.chunk.end_line] for hit in results]


if __name__ == "__main__":
    main()
