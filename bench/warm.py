"""One engine process with an indexed folder open, as an editor would have it: latency, memory, recall.

Run as ``python -m bench.warm ROOT DATA QUERIES [alone]`` where QUERIES is a JSON list of texts; prints one JSON
object. A process of its own, so that its memory is the engine's alone. With ``alone``, recall is left out: it
takes all vectors into memory.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import resident_bytes
from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest
from conexus.settings import Settings

if TYPE_CHECKING:
    from conexus.engine.folder import Folder

_WARM_UP = 40
_RECALL_QUERIES = 100
_NEAREST = 10


def main() -> None:
    root, data, queries = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    with Engine(Settings(), data) as engine:
        folder = engine.open(root)
        for text in queries[:_WARM_UP]:
            folder.search(SearchRequest(text))
        replies = [_timed(folder, text) for text in queries]
        memory = {"resident": resident_bytes(os.getpid()), "anonymous": _anonymous_bytes()}
        status = folder.status()
        figures = {"files": status.files, "chunks": status.chunks}
        if sys.argv[4:] != ["alone"]:
            recall, exact_ms = _recall(engine, folder, queries[:_RECALL_QUERIES])
            figures |= {"recall": recall, "exact_ms": exact_ms}
    print(json.dumps({**figures, **memory, "replies": replies}))


def _timed(folder: Folder, text: str) -> dict:
    start, used = time.perf_counter(), time.process_time()
    reply = folder.search(SearchRequest(text))
    milliseconds, cpu = (time.perf_counter() - start) * 1e3, (time.process_time() - used) * 1e3
    agents = {str(agent): seconds * 1e3 for agent, seconds in reply.agents.items()}
    intent = str(reply.query.intent)
    return {"ms": milliseconds, "cpu": cpu, "agents": agents, "hits": len(reply.hits), "intent": intent}


def _recall(engine: Engine, folder: Folder, queries: list[str]) -> tuple[float, float]:
    """Return the share of the exact ten nearest that the index finds, and the milliseconds of exact search."""
    import lancedb
    import numpy as np

    status = folder.status()
    table = lancedb.connect(status.directory).open_table("chunks").to_arrow()
    stored = table["vector"].combine_chunks()
    vectors = stored.values.to_numpy(zero_copy_only=False).reshape(len(stored), -1).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    embedder = engine.embedder("static")
    snapshot = folder._indexes.answering().index.snapshot()
    found, start = [], time.perf_counter()
    exact = [vectors @ embedder.embed_query(text) for text in queries]
    milliseconds = (time.perf_counter() - start) * 1e3 / len(queries)
    for text, scores in zip(queries, exact, strict=True):
        least = np.partition(scores, -_NEAREST)[-_NEAREST] - 1e-3
        nearest = snapshot.nearest(embedder.embed_query(text), _NEAREST)
        # By score, not by row: copies of one text are equally right.
        found.append(sum(row.score >= least for row in nearest) / _NEAREST)
    return float(np.mean(found)), milliseconds


def _anonymous_bytes() -> int:
    """Return the resident bytes no file backs; 0 where /proc does not tell."""
    try:
        return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    except (OSError, TypeError):
        return 0


if __name__ == "__main__":
    main()
