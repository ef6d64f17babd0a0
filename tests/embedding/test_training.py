"""The recipe of the embedded model: what it learns from, and what it must not."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from attrs import asdict, evolve
from bench.train import check, documentation, prepare
from bench.train.fetch import pinned
from bench.train.licences import in_excluded_folder, is_excluded, is_permissive
from bench.train.mine import Pair, pairs_of
from bench.train.overlap import is_copy, lines_below
from bench.train.quantise import mixed

from conexus.embedding import static
from conexus.embedding.vocabulary import EMBEDDED_MODEL, Vocabulary

CODE = """
def read_rows(path, separator=","):
    \"\"\"Read the rows of a table from a file.

    Empty lines are skipped.
    \"\"\"
    rows = []
    with open(path) as lines:
        # Lines that hold nothing but white space are no rows.
        for line in lines:
            if line.strip():
                rows.append(line.split(separator))
    if not rows:
        raise ValueError("the file holds no rows of the table %s" % path)
    return rows
"""


def mined(path: str, text: str) -> dict[str, Pair]:
    return {pair.kind: pair for pair in pairs_of(path, text.encode(), "pypi:example")}


def test_a_function_answers_its_documentation_and_no_longer_holds_it() -> None:
    pair = mined("table.py", CODE)["function"]
    assert pair.question == "Read the rows of a table from a file."
    assert pair.rest == "Empty lines are skipped."
    assert pair.name == "read_rows"
    assert "Read the rows" not in pair.code
    assert "rows.append(" in pair.code


def test_a_comment_asks_for_the_block_below_it_and_a_message_for_its_function() -> None:
    pairs = mined("table.py", CODE)
    assert pairs["comment"].question == "Lines that hold nothing but white space are no rows."
    assert pairs["comment"].code.strip().startswith("for line in lines:")
    assert pairs["error"].question == "the file holds no rows of the table"
    assert "holds no rows" not in pairs["error"].code


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.go", "package a\n\n// Reads the rows of a table.\nfunc Read() int {\n\tx := start()\n\ty := next(x)\n\treturn y + close(x)\n}\n"),
        ("a.kt", "/**\n * Reads the rows of a table.\n */\nfun read(): Int {\n    val x = start()\n    val y = next(x)\n    return y + close(x)\n}\n"),
        ("a.lua", "--- Reads the rows of a table.\nfunction read()\n  local x = start()\n  local y = next_row(x)\n  return y + close(x)\nend\n"),
        ("a.hs", "-- | Reads the rows of a table.\nreadRows :: Path -> IO [Row]\nreadRows path = do\n  content <- load path\n  pure (splitRows content)\n"),
        ("a.ex", 'defmodule A do\n  @doc """\n  Reads the rows of a table.\n  """\n  def read(path) do\n    path\n    |> load_content()\n    |> split_rows()\n  end\nend\n'),
        ("a.sh", "# Reads the rows of a table.\nread_rows() {\n  local content\n  content=$(cat \"$1\")\n  printf '%s' \"$content\" | split_rows\n}\n"),
    ],
)  # fmt: skip
def test_every_language_documents_in_its_own_way(path: str, text: str) -> None:
    pair = mined(path, text)["function"]
    assert pair.question == "Reads the rows of a table."
    assert "Reads the rows" not in pair.code


def test_a_manual_asks_for_the_code_it_introduces() -> None:
    text = "# Tables\n\n## How to read a table\n\nCall it:\n\n```python\nrows = read_rows(path)\nprint(len(rows), rows[0])\n```\n"
    assert mined("README.md", text)["prose"].question == "How to read a table"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/**\n * Opens the given file. Then more.\n * @param path where\n */", "Opens the given file."),
        ("/// Opens the file at the path\n/// given.\n///\n/// Second paragraph.", "Opens the file at the path given."),
        ("-- | Opens the file\n--   for reading.", "Opens the file for reading."),
    ],
)  # fmt: skip
def test_the_first_sentence_of_documentation_is_the_question(text: str, sentence: str) -> None:
    assert documentation.split(text)[0] == sentence


def test_licences_that_ask_for_more_than_a_notice_are_refused() -> None:
    assert is_permissive("MIT")
    assert is_permissive("Apache-2.0 or GPL-2.0")
    assert not is_permissive("GPL-3.0-or-later")
    assert not is_permissive("MPL-2.0")
    assert not is_permissive("")


@pytest.mark.parametrize(
    "licence",
    ["MIT/GPL", "GPL-2+ or MIT", "(BSD-3-Clause OR GPL-2.0)", "Apache-2.0 OR GPL-2.0-or-later", "BSD-3-Clause or LGPL-2.1+"],
)  # fmt: skip
def test_a_package_offered_under_either_licence_is_taken_under_the_permissive_one(licence: str) -> None:
    assert is_permissive(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "Mostly MIT, some GPL/BSD, see LICENSE-pwntools.txt ; OSI Approved :: MIT License",
        "MIT or BSD for most, other files GPL",
        "MIT/BSD except parts under the LGPL",
        "MIT AND GPL-3.0-or-later",
        "BSD-3-Clause (GPL-2 or any later version for the tools)",
        "MIT https://example.org/GPL",
    ],
)
def test_a_package_partly_under_copyleft_is_refused(licence: str) -> None:
    assert not is_permissive(licence)


def test_benchmark_repositories_are_refused_by_name_and_folder() -> None:
    assert is_excluded("Flask")
    assert is_excluded("pydantic_core")
    assert not is_excluded("flask-login")
    assert in_excluded_folder("lib/fastapi/routing.py")
    assert not in_excluded_folder("lib/requests/queue.py")


def test_nothing_learned_from_is_a_benchmark_or_under_another_licence() -> None:
    learned = [source for source in pinned() if source.used == "learned"]
    assert len(learned) > 100
    assert not [source.name for source in learned if is_excluded(source.name)]
    assert not [source.name for source in learned if not is_permissive(source.licence)]
    assert all(len(item.rpartition("=")[2]) == 64 for source in learned for item in source.files.split())


def test_the_model_names_what_it_learned_from_as_its_registries_do() -> None:
    learned = [source for source in pinned() if source.used == "learned" and source.pairs != "0"]
    listed = (EMBEDDED_MODEL / "sources.tsv").read_text("utf-8").splitlines()
    assert sorted(listed) == sorted(f"{one.registry}\t{one.name}\t{one.licence}" for one in learned)


def test_a_copy_of_a_benchmark_file_is_found_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "table.py").write_text(CODE)
    lines = lines_below(tmp_path / "theirs")
    renamed = CODE.replace("def read_rows(", "def rows_of(")
    assert is_copy(renamed, lines)
    assert not is_copy(CODE.replace("rows", "cells").replace("lines", "parts"), lines)


def test_a_copy_among_what_was_learned_is_reported(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "table.py").write_text(CODE)
    (tmp_path / "pairs").mkdir()
    pair = mined("copied.py", CODE)["function"]
    (tmp_path / "pairs" / "one.jsonl").write_text(json.dumps(asdict(pair)) + "\n")
    (tmp_path / "learned.txt").write_text("")
    assert check.copies(tmp_path, tmp_path / "theirs") == []
    (tmp_path / "learned.txt").write_text(prepare.key_of(pair))
    assert check.copies(tmp_path, tmp_path / "theirs") == ["pypi:example copied.py read_rows"]


def test_what_could_not_be_checked_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = Namespace(work=tmp_path, repositories=tmp_path / "theirs")
    assert check.run(options) == 1
    assert capsys.readouterr().out == (
        f"only names were checked, not code: no pairs in {tmp_path} (mine, prepare), no checkouts in {tmp_path / 'theirs'}\n"
    )
    for folder in ("pairs", "theirs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "learned.txt").write_text("")
    assert check.run(options) == 0


def test_another_version_of_what_measures_does_not_teach(tmp_path: Path) -> None:
    measured = mined("table.py", CODE)["function"]
    renamed = evolve(
        measured, question="Load all rows of a file.", code=measured.code.replace("path", "file")
    )
    other = evolve(
        measured, question="Close the door.", code="def close(door):\n    door.close()\n    return 1\n"
    )
    texts = [
        json.dumps(asdict(evolve(pair, package=package)))
        for pair, package in ((measured, "pypi:pandas"), (renamed, "pypi:forked"), (other, "pypi:rich"))
    ]
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "all.jsonl").write_text("".join(f"{text}\n" for text in texts))
    prepare.prepare(tmp_path, tmp_path / "no-repositories", 100)
    assert (tmp_path / "learned.txt").read_text().split() == [prepare.key_of(other)]


def test_the_same_packages_are_held_out_for_ever() -> None:
    held = [
        name
        for name in ("toolz", "rich", "numpy", "pandas", "celery", "arrow")
        if prepare.is_held_out(f"pypi:{name}")
    ]
    assert held == HELD


HELD = ["pandas"]


def test_vectors_go_part_of_the_way_back_and_new_words_stay(tmp_path: Path) -> None:
    static.save(tmp_path, Vocabulary(["gone", "open"]), np.array([[9, 9], [1, 0]], np.float32))
    learned = np.array([[0, 1], [0, 4]], np.float32)
    former = static.StaticEmbedder(tmp_path)
    found = mixed(Vocabulary(["open", "new"]), learned, former, share=0.25)
    np.testing.assert_allclose(found, [[0.25, 0.75], [0, 4]], atol=1e-3)
    assert learned[0].tolist() == [0, 1]


def test_what_full_text_sees_is_the_share_of_rare_words(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench.train.learn import Bags, Overlap, Pairs

    vocabulary = ["open", "opens", "file", "the"]
    ten, none = np.arange(0, 11), np.zeros(11, np.int64)
    empty = {key: np.zeros(0, np.int32) for key in ("name", "place", "rest")}
    starts = {f"{key}_starts": none for key in empty}
    np.savez(
        tmp_path / "train.npz",
        question=np.zeros(10, np.int32),
        question_starts=ten,
        code=np.zeros(10, np.int32),
        code_starts=ten,
        package=np.zeros(10, np.int32),
        language=np.zeros(10, np.int32),
        language_names=np.array(["python"]),
        counts=np.array([0, 0, 0, 10]),
        **empty,
        **starts,
    )

    def bags(*texts: list[int]) -> Bags:
        rows = torch.tensor([row for text in texts for row in text])
        begins = torch.tensor(np.cumsum([0, *map(len, texts[:-1])]))
        return Bags(rows, begins, torch.ones(len(rows)))

    overlap = Overlap(Pairs(tmp_path / "train.npz", vocabulary))
    shares = overlap.shares(bags([0, 2, 3], [2]), bags([1, 3], [0, 2]))
    np.testing.assert_allclose(shares.numpy(), [[0.5, 1], [0, 1]], atol=1e-6)
