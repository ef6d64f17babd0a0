"""Lists of words: the same BM25 as computed plainly and as LanceDB computes it, whatever way they came to be."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from tests.store.conftest import Desk, found, many, open_index
from tests.store.test_overlay import code_chunks

from conexus.store import index as index_module
from conexus.store import postings
from conexus.store.overlay import K1, B
from conexus.store.postings import Postings
from conexus.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conexus.store.index import Index


TEXTS = code_chunks(600)
# What a test of long lists would take seconds for: blocks and pieces are as small as lists are here.
SMALL = {"BLOCK": 256, "ROWS_AT_ONCE": 128, "_PIECE": 40, "_SAMPLE": 16}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(postings, name, value)


def batches(texts: Sequence[str], first: int = 0) -> list[pa.RecordBatch]:
    """Return rows of files of five chunks each, a hundred rows at a time."""
    numbers = np.arange(first, first + len(texts), dtype=np.int32)
    columns = [pa.array(numbers // 5), pa.array(numbers % 5), pa.array(texts, pa.string())]
    return pa.table(columns, names=["file_id", "ord", "tokens"]).to_batches(max_chunksize=100)


def written(directory: Path, texts: Sequence[str], parts: int = 1) -> Postings:
    """Return lists of `texts`, written in so many steps."""
    size = -(-len(texts) // parts)
    for first in range(0, len(texts), size):
        more = batches(texts[first : first + size], first)
        postings.write(directory, f"{first}.arrow", postings.newest(directory), more)
        postings.forget(directory, but=f"{first}.arrow")
    return postings.newest(directory)


@cache
def _counted(text: str) -> Counter[str]:
    return Counter(word for word in text.split() if len(word.encode()) <= 40)


def plainly(texts: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """Return the BM25 of each text, by its definition."""
    counts = [_counted(text) for text in texts]
    lengths = np.array([sum(count.values()) for count in counts])
    norms = K1 * (1 - B + B * lengths / lengths.mean())
    scores = np.zeros(len(texts))
    for word in set(words):
        have = np.array([count[word] for count in counts])
        spread = np.count_nonzero(have)
        idf = np.log1p((len(texts) - spread + 0.5) / (spread + 0.5))
        scores += idf * have * (K1 + 1) / (have + norms)
    return scores


def questions(texts: Sequence[str], count: int) -> list[list[str]]:
    chosen = random.Random(3)
    return [chosen.sample(sorted(set(chosen.choice(texts).split())), 4) for _ in range(count)]


def as_plainly(lists: Postings, texts: Sequence[str], words: Sequence[str], limit: int) -> None:
    expected = plainly(texts, words)
    ranked = lists.matching(words, limit)
    assert ranked.scores == pytest.approx(np.sort(expected[expected > 0])[::-1][:limit], rel=1e-4)
    assert ranked.scores == pytest.approx(expected[5 * ranked.file_ids + ranked.ords], rel=1e-4)
    assert len({*zip(ranked.file_ids.tolist(), ranked.ords.tolist(), strict=True)}) == len(ranked.scores)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("parts", [1, 7])
def test_scores_are_those_of_the_definition(
    tmp_path: Path, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []
    real = Postings._look_up
    monkeypatch.setattr(Postings, "_look_up", lambda *a: (looked_up.append(1), real(*a)))
    # Counts from one to 240, and words of all documents.
    texts = [f"{text} {'often ' * (at % 31) * (at % 9)}every" for at, text in enumerate(TEXTS)]
    lists = written(tmp_path, texts, parts)
    asked = [["often"], ["every"], ["no such word"], [], ["often", "often", "every"]]
    for words in [*asked, *questions(texts, 40)]:
        for limit in (1, 10, 5_000):
            as_plainly(lists, texts, words, limit)
    assert looked_up  # some lists were only looked into


@pytest.mark.usefixtures("_small")
def test_a_mask_admits_files_wherever_they_are_in_the_ranking(tmp_path: Path) -> None:
    lists = written(tmp_path, TEXTS)
    chosen = np.random.default_rng(1)
    for words in questions(TEXTS, 20):
        mask = chosen.random(100) < 0.1  # of 120 files; others are not admitted
        ranked = lists.matching(words, 10, mask)
        expected = plainly(TEXTS, words)
        admitted = np.zeros(len(TEXTS), np.bool_)
        admitted[: 5 * len(mask)] = np.repeat(mask, 5)
        expected[~admitted] = 0
        assert ranked.scores == pytest.approx(np.sort(expected[expected > 0])[::-1][:10], rel=1e-4)
        assert mask[ranked.file_ids].all()
        as_plainly(lists, TEXTS, words, 10)  # and the next question begins from nothing


def test_words_that_are_too_long_and_rows_without_words_are_left_out(tmp_path: Path) -> None:
    lists = written(tmp_path, ["", "a" * 41, f"{'a' * 40} b", " b  b "])
    assert lists.documents.lengths.tolist() == [0, 0, 2, 2]
    assert lists.matching(["a" * 41, ""], 5).scores.tolist() == []
    assert lists.matching(["a" * 40], 5).ords.tolist() == [2]
    assert lists.matching(["b"], 5).ords.tolist() == [3, 2]
    (tmp_path / "none").mkdir()
    none = written(tmp_path / "none", [""])
    assert none.matching(["b"], 5).scores.tolist() == []


def test_more_words_than_two_bytes_count(tmp_path: Path) -> None:
    lists = written(
        tmp_path, [" ".join(f"w{at}" for at in range(first, first + 700)) for first in range(0, 70_000, 700)]
    )
    for number in (0, 699, 700, 65_535, 65_536, 69_999):
        ranked = lists.matching([f"w{number}"], 5)
        assert [5 * ranked.file_ids[0] + ranked.ords[0], len(ranked.ords)] == [number // 700, 1]


def files_of(texts: Sequence[str], first: int = 0) -> dict[str, list[str]]:
    return {f"f{first + at}.py": list(texts[at : at + 5]) for at in range(0, len(texts), 5)}


def scores(snapshot: Snapshot, words: Sequence[str], limit: int = 200) -> dict[tuple[str, int], float]:
    return {(row.path, row.ord): row.score for row in snapshot.matching(words, limit)}


def as_an_older_version_left_it(directory: Path, index: Index) -> None:
    """Have LanceDB hold the words, as it did before there were lists of them."""
    import lancedb
    from lancedb.index import FTS

    async def build() -> None:
        table = await (await lancedb.connect_async(str(directory))).open_table("chunks")
        config = FTS(
            base_tokenizer="whitespace", stem=False, remove_stop_words=False, lower_case=False,
            ascii_folding=False, with_position=False,
        )  # fmt: skip
        await table.create_index("tokens", config=config)

    asyncio.run(build())
    postings.forget(directory)
    index._tables.refresh()
    index._publish_settled(index._manifest.committed)


def test_lancedb_says_the_same_and_gives_way_when_rows_are_arranged(desk: Desk) -> None:
    desk.write(files_of(TEXTS))
    desk.index.optimize()
    asked = questions(TEXTS, 20)
    mine = [scores(desk.index.snapshot(), words, 3_000) for words in asked]
    as_an_older_version_left_it(desk.index.directory, desk.index)
    desk.index.close()
    index = open_index(desk.index.directory)
    assert not index.notes
    assert index.snapshot().view.words is None
    theirs = [scores(index.snapshot(), words, 3_000) for words in asked]
    assert [set(one) for one in mine] == [set(one) for one in theirs]
    for before, after in zip(mine, theirs, strict=True):
        assert list(before.values()) == pytest.approx([after[key] for key in before], rel=1e-3)
    Desk(index).write({"late.py": ["unheard"]})
    index.optimize()
    assert index.snapshot().view.words is not None
    assert not index._tables.has_words_structure
    assert found(index, "unheard") == [("late.py", 0)]
    index.close()


def test_lists_of_many_arrangements_answer_like_those_of_one(tmp_path: Path) -> None:
    desk, fresh = Desk(open_index(tmp_path / "one")), Desk(open_index(tmp_path / "two"))
    for first in range(0, 500, 100):
        desk.write(files_of(TEXTS[first : first + 100], first))
        desk.index.optimize()
    desk.write({"f0.py": ["changed twice"], "f5.py": None})
    desk.index.optimize()
    fresh.write({**files_of(TEXTS[10:500], 10), "f0.py": ["changed twice"]})
    fresh.index.optimize()
    assert len([*(desk.index.directory / "words").iterdir()]) == 1
    for words in [["changed"], ["twice", "def"], *questions(TEXTS[:500], 20)]:
        here, there = (scores(one.index.snapshot(), words, 1_000) for one in (desk, fresh))
        assert here.keys() == there.keys()
        # Ten chunks that are gone still count in the weight of a word.
        assert list(here.values()) == pytest.approx([there[key] for key in here], rel=0.1)
    for one in (desk, fresh):
        one.index.close()


def test_lists_are_made_anew_when_a_quarter_is_gone(desk: Desk) -> None:
    desk.write(many(40))
    desk.index.optimize()
    desk.write(dict.fromkeys(list(many(40))[:9]))
    desk.index.optimize()
    assert len(desk.index.snapshot().view.words.documents.ords) == 160
    desk.write(dict.fromkeys(list(many(40))[9:12]))
    desk.index.optimize()
    assert len(desk.index.snapshot().view.words.documents.ords) == 112
    assert len(found(desk.index, "shared", 200)) == 112
    name = desk.index.snapshot().view.words
    desk.index.optimize()  # there is nothing to write
    assert desk.index.snapshot().view.words is name


def test_what_is_hidden_makes_room_for_what_is_not(desk: Desk) -> None:
    desk.write(many(60))
    desk.index.optimize()
    for number in range(58):
        desk.open_buffer(f"f/{number}.py", ["other"])
    assert found(desk.index, "shared", 8) == [(f"f/{at}.py", part) for at in (58, 59) for part in range(4)]
    snapshot = desk.index.snapshot()
    allowed = np.zeros(len(snapshot.live), np.bool_)
    allowed[snapshot.file_id("f/59.py")] = True
    rows = snapshot.matching(["shared"], 3, allowed)
    assert [row.path for row in rows] == ["f/59.py"] * 3
    assert snapshot.matching(["shared"], 3, ~snapshot.live) == []


def test_rows_of_a_bulk_load_are_found_before_their_places_are_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "OVERLAY_ROWS", 10)
    desk.write(many(5))
    desk.index.index_words()
    desk.write(many(6, "g"))  # as many as to be left on disk
    snapshot = desk.index.snapshot()
    monkeypatch.setattr(Snapshot, "_places_now", lambda _: None)
    rows = snapshot.matching(["shared"], 50)
    assert sorted((row.path, row.ord) for row in rows) == [
        (f"f/{at}.py", part) for at in range(5) for part in range(4)
    ]
    assert {row.span.start_line for row in rows} == {1, 2, 3, 4}
    assert snapshot.matching(["absent"], 50) == []


def test_another_reader_takes_over_lists_that_a_writer_made(desk: Desk) -> None:
    desk.write(many(3))
    desk.index.optimize()
    reader = open_index(desk.index.directory, writable=False)
    assert len(found(reader, "shared")) == 12
    before = reader.snapshot()
    desk.write(many(4, "g"))
    desk.index.optimize()
    assert len(found(reader, "shared")) == 28
    assert len(before.matching(["shared"], 50)) == 12
    reader.close()


@pytest.mark.parametrize("harm", ["gone", "cut", "zeroed", "exchanged"])
def test_lists_that_are_damaged_are_made_anew(desk: Desk, harm: str) -> None:
    desk.write(many(6))
    desk.index.optimize()
    desk.index.close()
    (path,) = (desk.index.directory / "words").iterdir()
    whole = path.read_bytes()
    path.unlink()
    if harm == "exchanged":
        postings.write(desk.index.directory, path.name, None, batches(TEXTS[:9]))
    elif harm != "gone":
        path.write_bytes(whole[:-100] if harm == "cut" else bytes(len(whole)))
    index = open_index(desk.index.directory)
    assert "rebuilding search structures" in index.notes[0]
    assert len(found(index, "shared")) == 24
    assert index.pending_chunks == 24
    index.optimize()
    assert index.snapshot().view.words is not None
    assert len(found(index, "shared")) == 24
    index.close()
    again = open_index(desk.index.directory)
    assert not again.notes
    again.close()


def test_lists_that_are_not_whole_are_not_opened(tmp_path: Path) -> None:
    written(tmp_path, TEXTS[:50])
    path = tmp_path / "words" / "0.arrow"
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    assert postings.find(tmp_path, "0.arrow") is not None
    short = pa.table(
        {
            name: pa.LargeListArray.from_arrays(
                pa.array([0, len(column.chunk(0).values) - 1]), column.chunk(0).values
            )
            if name == "low"
            else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )
    for damaged in (short, table.drop_columns(["halves"])):
        with path.open("wb") as file, pa.ipc.new_file(file, damaged.schema) as writer:
            writer.write_table(damaged)
        assert postings.find(tmp_path, "0.arrow") is None
    path.write_bytes(b"")
    assert postings.newest(tmp_path) is None
    shutil.rmtree(tmp_path / "words")
    assert postings.newest(tmp_path) is None


def test_a_question_that_fails_leaves_the_next_one_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = written(tmp_path, TEXTS[:100])
    words = questions(TEXTS[:100], 1)[0]

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(postings, "_largest", fail)
        with pytest.raises(MemoryError):
            lists.matching(words, 5)
    as_plainly(lists, TEXTS[:100], words, 5)
