"""One search engine in a process of its own: ``python rival.py NAME FOLDER``; imports nothing of the suite.

FOLDER holds ``vectors.npy`` (float32[rows, d], L2-normalised), ``asked.npy`` (float32[questions, d]), ``texts.json``
(a row's words with spaces between), ``words.json`` (a question's words) and ``job.json``. Prints one JSON line when
the engine is ready, then for each line on stdin one with the milliseconds and row numbers of all questions.
"""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np

LIMIT = 10


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    begun = time.perf_counter()
    points = ENGINES[name](folder)
    print(json.dumps({"build": time.perf_counter() - begun}), flush=True)
    count = len(json.loads((folder / "words.json").read_text()))
    for _ in sys.stdin:
        passes = {label: _pass(ask, count) for label, ask in points.items()}
        print(json.dumps({"points": passes, "resident": _resident()}), flush=True)


def _pass(ask, count):
    taken, rows = [], []
    for number in range(count):
        begun = time.perf_counter()
        found = ask(number)
        taken.append(1e3 * (time.perf_counter() - begun))
        rows.append([int(row) for row in found])
    return {"ms": taken, "rows": rows}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _vectors(folder):
    return np.load(folder / "vectors.npy"), np.load(folder / "asked.npy")


def _flat(folder):
    stored, asked = _vectors(folder)

    def ask(number):
        scores = stored @ asked[number]
        best = np.argpartition(scores, -LIMIT)[-LIMIT:]
        return best[np.argsort(-scores[best])]

    return {"numpy, flat": ask}


def _usearch(folder):
    from usearch.index import Index

    stored, asked = _vectors(folder)
    index = Index(ndim=stored.shape[1], metric="ip")
    index.add(np.arange(len(stored)), stored)

    def asking(expansion):
        def ask(number):
            index.expansion_search = expansion
            return index.search(asked[number], LIMIT).keys

        return ask

    return {f"usearch, {size}": asking(size) for size in (64, 256)}


def _hnswlib(folder):
    import hnswlib

    stored, asked = _vectors(folder)
    index = hnswlib.Index(space="ip", dim=stored.shape[1])
    index.init_index(max_elements=len(stored), M=16, ef_construction=200)
    index.add_items(stored)

    def asking(effort):
        def ask(number):
            index.set_ef(effort)
            return index.knn_query(asked[number], LIMIT, num_threads=1)[0][0]

        return ask

    return {f"chroma-hnswlib, ef {size}": asking(size) for size in (50, 200)}


def _sqlite_vec(folder):
    import sqlite_vec
    from pysqlite3 import dbapi2 as sqlite

    stored, asked = _vectors(folder)
    database = sqlite.connect(str(folder / "vec.db"))
    database.enable_load_extension(True)
    sqlite_vec.load(database)
    database.execute(f"CREATE VIRTUAL TABLE v USING vec0(vector float[{stored.shape[1]}])")
    with database:
        database.executemany(
            "INSERT INTO v (rowid, vector) VALUES (?, ?)",
            ((i, row.tobytes()) for i, row in enumerate(stored)),
        )
    query = f"SELECT rowid FROM v WHERE vector MATCH ? AND k = {LIMIT} ORDER BY distance"
    return {"sqlite-vec": lambda number: [r[0] for r in database.execute(query, (asked[number].tobytes(),))]}


def _lancedb(folder):
    table, asked = _lance_table(folder, "flat")
    return {
        "LanceDB, default": lambda number: [
            hit["row"] for hit in table.search(asked[number]).limit(LIMIT).to_list()
        ]
    }


def _lancedb_ivf_pq(folder):
    from lancedb.index import IvfPq

    table, asked = _lance_table(folder, "ivf_pq")
    table.create_index("vector", config=IvfPq())

    def asking(refine):
        def ask(number):
            search = table.search(asked[number]).limit(LIMIT)
            return [hit["row"] for hit in (search.refine_factor(refine) if refine else search).to_list()]

        return ask

    return {"LanceDB, IVF_PQ": asking(0), "LanceDB, IVF_PQ, refine 10": asking(10)}


def _lance_table(folder, name):
    import lancedb
    import pyarrow as pa

    stored, asked = _vectors(folder)
    column = pa.FixedSizeListArray.from_arrays(pa.array(stored.reshape(-1)), stored.shape[1])
    rows = pa.table({"row": np.arange(len(stored)), "vector": column})
    return lancedb.connect(folder / "lance").create_table(name, rows), asked


def _fts5(folder):
    texts, words = _texts(folder)
    database = sqlite3.connect(folder / "fts5.db")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(body, content='')")
    with database:
        database.executemany("INSERT INTO t (rowid, body) VALUES (?, ?)", enumerate(texts))
        database.execute("INSERT INTO t (t) VALUES ('optimize')")
    query = f"SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT {LIMIT}"
    asked = [" OR ".join(f'"{word}"' for word in question) for question in words]
    return {"SQLite FTS5": lambda number: [row[0] for row in database.execute(query, (asked[number],))]}


def _tantivy(folder):
    import tantivy

    texts, words = _texts(folder)
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="whitespace")
    builder.add_integer_field("row", stored=True)
    schema = builder.build()
    (folder / "tantivy").mkdir()
    index = tantivy.Index(schema, path=str(folder / "tantivy"))
    writer = index.writer()
    for number, text in enumerate(texts):
        writer.add_document(tantivy.Document(body=text, row=number))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(number):
        terms = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", w)) for w in words[number]]
        found = searcher.search(tantivy.Query.boolean_query(terms), LIMIT, count=False)
        return [searcher.doc(address)["row"][0] for _, address in found.hits]

    return {"tantivy": ask}


def _texts(folder):
    return json.loads((folder / "texts.json").read_text()), json.loads((folder / "words.json").read_text())


def _our_vectors(folder):
    snapshot, number_of = _ours(folder)
    asked = np.load(folder / "asked.npy")
    return {"Conexus": lambda number: number_of(snapshot.nearest(asked[number], LIMIT))}


def _our_words(folder):
    snapshot, number_of = _ours(folder)
    words = json.loads((folder / "words.json").read_text())
    return {"Conexus": lambda number: number_of(snapshot.matching(words[number], LIMIT))}


def _ours(folder):
    """Return a snapshot of our index of the same rows, and what turns its answers into their numbers."""
    from conexus.engine.engine import Engine
    from conexus.settings import Settings

    job = json.loads((folder / "job.json").read_text())
    engine = Engine(Settings(), Path(job["data"]))
    snapshot = engine.open(Path(job["root"])).view().opened.index.snapshot()
    keys = np.load(folder / "keys.npy")
    known = {(int(file), int(position)): number for number, (file, position) in enumerate(keys)}
    return snapshot, lambda found: [known[row.file_id, row.ord] for row in found]


ENGINES = {
    "flat": _flat,
    "our vectors": _our_vectors,
    "usearch": _usearch,
    "hnswlib": _hnswlib,
    "sqlite-vec": _sqlite_vec,
    "lancedb": _lancedb,
    "lancedb ivf_pq": _lancedb_ivf_pq,
    "our words": _our_words,
    "fts5": _fts5,
    "tantivy": _tantivy,
}
"""Name → what builds the engine over FOLDER and returns label → (question number → row numbers, best first)."""


if __name__ == "__main__":
    main()
