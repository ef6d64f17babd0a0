"""Rows as workers make them: what full-text search counts of a chunk is what its words say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conexus.domain import Chunk, Parsed, Span
from conexus.embedding.terms import stems, terms_of_names
from conexus.embedding.vocabulary import embedded_vocabulary
from conexus.embedding.words import passage, words
from conexus.store.schema import RowsBuilder, decode, runs_of

PATHS = st.sampled_from(["src/http_client.py", "größe.c", "_/___.py", "caf\udce9/x.py"])
CONTENTS = st.text(max_size=60) | st.sampled_from(
    ["def retry(HttpClient2): retry()", " ", "获取用户 get_user", "a\udce9b", "x" * 70, "\ufeff\u00ad"]
)
CHUNKS = st.lists(st.tuples(PATHS, st.sampled_from(["", "Client.send", "__"]), CONTENTS), max_size=6)


@given(CHUNKS)
def test_terms_are_the_stems_of_what_is_said_and_of_names(chunks: list[tuple[str, str, str]]) -> None:
    builder = RowsBuilder(1)
    for number, (path, symbol, _) in enumerate(chunks):
        parsed = Parsed("python", (Chunk(Span(0, 1, 1, 1), symbol, "function"),), ())
        builder.add(number, parsed, [terms_of_names(path, symbol)], [bytes(16)])
    passages = [passage(*chunk) for chunk in chunks]
    runs = runs_of([made.encoded for made in passages])
    said, known = embedded_vocabulary().read(runs)
    builder.say(runs, said)
    rows, _ = builder.encode(np.zeros((len(chunks), 1), np.float32))
    expected = [
        " ".join(
            [
                *stems(words(made.encoded.decode("utf-8", "surrogatepass"))),
                *terms_of_names(path, symbol).split(),
            ]
        )
        for made, (path, symbol, _) in zip(passages, chunks, strict=True)
    ]
    assert decode(rows)["tokens"].to_pylist() == expected
    # Cut and numbered by Arrow or in Python, the known words are the same.
    bags, plain = embedded_vocabulary().counted(runs, known), embedded_vocabulary().bags(passages)
    for name in ("rows", "counts", "starts"):
        np.testing.assert_array_equal(getattr(bags, name), getattr(plain, name))
