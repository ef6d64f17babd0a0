"""What a rival's recall is measured against must itself be right."""

from __future__ import annotations

import json
from math import log1p
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench.rivals import exact_vectors, exact_words, recall

if TYPE_CHECKING:
    from pathlib import Path


def test_bm25_is_that_of_lucene(tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps(["parse json json", "parse", "read"]))
    (tmp_path / "words.json").write_text(json.dumps([["json", "unknown"], ["parse"]]))
    scores = exact_words(tmp_path)
    idf = log1p((3 - 1 + 0.5) / (1 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / (5 / 3))
    assert scores(0) == pytest.approx([idf * 2 * 2.2 / (2 + norm), 0, 0])
    assert scores(1)[1] > scores(1)[0] > scores(1)[2] == 0


def test_vectors_are_compared_with_all_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.eye(3, dtype=np.float32))
    np.save(tmp_path / "asked.npy", np.array([[0, 1, 0]], np.float32))
    assert exact_vectors(tmp_path)(0).tolist() == [0, 1, 0]


def test_recall_counts_what_is_as_good_as_the_tenth() -> None:
    scores = np.array([1.0] * 9 + [0.5, 0.5, 0.1])
    first, copy = list(range(10)), [*range(9), 10]
    assert recall([first], lambda _: scores, 1e-3) == 1
    assert recall([copy], lambda _: scores, 1e-3) == 1
    assert recall([[*range(9), 11]], lambda _: scores, 1e-3) == pytest.approx(0.9)
    assert recall([[]], lambda _: scores, 1e-3) == 0


def test_recall_of_a_question_that_few_rows_answer() -> None:
    scores = np.array([1.0, 0.5, *[0.0] * 10])
    assert recall([[0, 1]], lambda _: scores, 1e-3) == 1
    assert recall([[0]], lambda _: scores, 1e-3) == 0.5
