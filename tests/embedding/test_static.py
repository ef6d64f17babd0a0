"""The static model: right vectors, honest errors, nothing heavy imported."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import weakref
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.embedding import static
from conexus.embedding.embedder import (
    EmbeddingCancelledError,
    ModelUnavailableError,
    is_static,
    load,
)
from conexus.embedding.static import StaticEmbedder
from conexus.embedding.terms import stem
from conexus.embedding.vocabulary import (
    EMBEDDED_MODEL,
    Vocabulary,
    document_frequencies,
    embedded_vocabulary,
)
from conexus.embedding.words import Passage, passage, words

if TYPE_CHECKING:
    from collections.abc import Callable

EMBEDDER = StaticEmbedder()
# A change here changes every user's vectors: indexes are rebuilt. See docs/model-card.md.
EMBEDDED_IDENTITY = "static@20f5966ddbae1d05"

CODE = [
    passage("net/retry.py", "retry", "def retry(request, attempts=3):\n    sleep(backoff ** attempt)"),
    passage(
        "math/matrix.py",
        "multiply",
        "def multiply(a, b):\n    return [[dot(row, col) for col in b] for row in a]",
    ),
    passage("io/csv.py", "read_csv", "def read_csv(path, delimiter=','):\n    with open(path) as file: ..."),
    passage(
        "auth/login.py",
        "check_password",
        "def check_password(user, password):\n    return hash(password) == user.hash",
    ),
]
QUESTIONS = [
    "try a request again after it failed",
    "product of two matrices",
    "parse a comma separated file",
    "verify a user's password",
]


def expected_vector(words: list[str]) -> np.ndarray:
    """Compute the formula word by word in double precision, from the files."""
    vocabulary = (EMBEDDED_MODEL / "vocab.txt").read_text().split("\n")
    table = np.load(EMBEDDED_MODEL / "table.npy", mmap_mode="r")
    scale = np.load(EMBEDDED_MODEL / "scale.npy")
    total = np.zeros(table.shape[1])
    for word, count in Counter(words).items():
        if word in vocabulary:
            row = vocabulary.index(word)
            total += (1 + math.log(count)) * float(scale[row]) * table[row].astype(float)
    length = np.linalg.norm(total)
    return total / length if length else total


@pytest.mark.parametrize("index", range(len(CODE)))
def test_vectors_follow_the_formula(index: int) -> None:
    np.testing.assert_allclose(
        EMBEDDER.embed(CODE)[index], expected_vector(words(CODE[index].encoded.decode())), atol=1e-6
    )


def test_a_question_is_embedded_like_a_passage_of_the_same_words() -> None:
    made = Passage("", "open the file")
    np.testing.assert_array_equal(EMBEDDER.embed_query("open the file"), EMBEDDER.embed([made])[0])


def test_questions_find_their_code() -> None:
    found = [int(np.argmax(EMBEDDER.embed(CODE) @ EMBEDDER.embed_query(question))) for question in QUESTIONS]
    assert found == [0, 1, 2, 3]


def test_a_text_without_known_words_is_near_nothing() -> None:
    vectors = EMBEDDER.embed([Passage("", ""), Passage("", "qqzzxxyy"), CODE[0]])
    assert not vectors[:2].any()
    assert np.linalg.norm(vectors[2]) == pytest.approx(1, abs=1e-6)
    assert not EMBEDDER.embed_query("").any()


def test_likeness_is_the_largest_cosine_of_a_word_with_those_of_a_text() -> None:
    vectors = EMBEDDER.word_vectors()
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = EMBEDDER.vocabulary.rows
    asked = ["delete", "qqzzxxyy", "file"]
    texts = ["remove the file", "", "qqzzxxyy", "open a window"]
    found = EMBEDDER.likeness(asked, EMBEDDER.vocabulary.bags([Passage("", text) for text in texts]))
    assert found.shape == (4, 3)
    for place, text in enumerate(texts):
        for column, word in enumerate(asked):
            said = [rows[one] for one in words(text) if one in rows]
            known = word in rows and said
            nearest = (directions[said] @ directions[rows[word]]).max() if known else 0.0
            assert found[place, column] == pytest.approx(max(0.0, nearest), abs=1e-5)
    assert found[0, 2] == pytest.approx(1, abs=1e-5)
    assert 0 < found[3, 2] < found[0, 0] < 1


def test_nothing_to_embed() -> None:
    assert EMBEDDER.embed([]).shape == (0, 256)


known = st.sampled_from(["open", "opens", "opening", "file", "files", "http", "a", "unknownword", "grosse"])


@given(st.lists(st.lists(known, max_size=12), max_size=8))
def test_a_vector_does_not_depend_on_its_batch(texts: list[list[str]]) -> None:
    passages = [Passage("", " ".join(text)) for text in texts]
    together = EMBEDDER.embed(passages)
    for made, vector in zip(passages, together, strict=True):
        np.testing.assert_array_equal(EMBEDDER.embed([made])[0], vector)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6) or not vector.any()


@given(st.lists(st.lists(known, max_size=12), max_size=8))
def test_document_frequencies_count_the_passages_of_a_term(texts: list[list[str]]) -> None:
    frequencies = document_frequencies([Passage("", " ".join(text)) for text in texts])
    vocabulary = embedded_vocabulary()
    assert frequencies.dtype == np.int32
    assert len(frequencies) == len(vocabulary.terms)
    known_terms = [{stem(word) for word in text if word in vocabulary.rows} for text in texts]
    for term, number in ((stem(word), vocabulary.terms[stem(word)]) for word in ("open", "http", "a")):
        assert frequencies[number] == sum(term in found for found in known_terms)
    assert frequencies.sum() == sum(len(found) for found in known_terms)


def test_terms_are_made_when_one_is_looked_up() -> None:
    vocabulary = Vocabulary(["retry", "retries"])
    terms = vocabulary.terms
    assert terms
    assert not Vocabulary([]).terms
    assert "numbered" not in vars(vocabulary)
    assert dict(terms) == {"retry": 0}


def test_bags_serve_vectors_and_frequencies() -> None:
    bags = EMBEDDER.vocabulary.bags(CODE)
    assert len(bags) == len(CODE)
    np.testing.assert_array_equal(EMBEDDER.embed_bags(bags), EMBEDDER.embed(CODE))
    np.testing.assert_array_equal(EMBEDDER.vocabulary.document_frequencies(bags), document_frequencies(CODE))


def test_cancel_and_progress() -> None:
    many = CODE * 400
    seen: list[int] = []
    EMBEDDER.embed(many, progress=seen.append)
    assert seen[-1] == len(many)
    assert seen == sorted(set(seen))
    stopped: list[int] = []
    with pytest.raises(EmbeddingCancelledError, match="of 1600 passages"):
        EMBEDDER.embed(many, cancel=lambda: bool(stopped), progress=stopped.append)
    assert len(stopped) == 1


def test_identity_is_of_the_content() -> None:
    assert EMBEDDER.identity == EMBEDDED_IDENTITY
    assert StaticEmbedder().identity == EMBEDDED_IDENTITY


def test_only_what_is_needed_is_imported() -> None:
    code = (
        "import sys\n"
        "from conexus.embedding.embedder import load\n"
        "from conexus.embedding.words import passage\n"
        "load('static').embed([passage('a.py', 'f', 'open file')])\n"
        "print(sorted({'torch', 'scipy', 'sentence_transformers', 'pyarrow', 'lancedb', 'tree_sitter'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def other_model(directory: Path) -> Path:
    vocabulary = Vocabulary(["open", "file", "größe"])
    static.save(directory, vocabulary, np.array([[1, 0, 0.5], [0, 2, 0], [0, 0, 0]], np.float32))
    return directory


def test_a_saved_model_is_loaded_by_its_directory(tmp_path: Path) -> None:
    embedder = load(str(other_model(tmp_path / "mine")))
    assert is_static(embedder)
    assert embedder.dimensions == 3
    assert embedder.identity.startswith("mine@")
    np.testing.assert_allclose(embedder.embed_query("file File"), [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(
        embedder.embed_query("open"), np.array([1, 0, 0.5]) / math.sqrt(1.25), atol=5e-3
    )


def test_training_again_in_place_changes_the_identity(tmp_path: Path) -> None:
    before = load(str(other_model(tmp_path))).identity
    static.save(tmp_path, Vocabulary(["open", "file", "größe"]), np.eye(3, dtype=np.float32))
    assert load(str(tmp_path)).identity != before


def test_quantising_the_embedded_table_again_loses_nothing(tmp_path: Path) -> None:
    static.save(tmp_path, EMBEDDER.vocabulary, EMBEDDER.word_vectors())
    again = StaticEmbedder(tmp_path)
    assert np.einsum("ij,ij->i", EMBEDDER.embed(CODE), again.embed(CODE)) == pytest.approx(1, abs=1e-4)


def test_saving_the_wrong_number_of_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 vectors for 1 words"):
        static.save(tmp_path, Vocabulary(["a"]), np.zeros((2, 3), np.float32))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def drop_a_word(path: Path) -> None:
    path.write_text("open\nfile\n", encoding="utf-8")


def repeat_a_word(path: Path) -> None:
    path.write_text("open\nfile\nfile\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("table.npy", truncate),
        ("scale.npy", truncate),
        ("table.npy", drop_a_word),
        ("vocab.txt", drop_a_word),
        ("vocab.txt", repeat_a_word),
    ],
)
def test_a_damaged_model_says_what_to_do(tmp_path: Path, file: str, damage: Callable[[Path], None]) -> None:
    damage(other_model(tmp_path) / file)
    with pytest.raises(ModelUnavailableError, match=r"not available: .* To repair it: ") as error:
        load(str(tmp_path))
    assert str(tmp_path) in str(error.value)


def test_closing_lets_the_file_go(tmp_path: Path) -> None:
    embedder = StaticEmbedder(other_model(tmp_path))
    mapped = weakref.ref(embedder._table.base)
    assert mapped() is not None
    embedder.close()
    assert mapped() is None


def test_the_notice_counts_the_sources_of_the_model() -> None:
    lines = (EMBEDDED_MODEL / "sources.tsv").read_text(encoding="utf-8").splitlines()
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    counts = [int(count) for count in re.findall(r"^ +(\d+)  \S", notice, re.MULTILINE)]
    assert sum(counts) == len(lines)
    assert f"mined from {len(lines)} packages" in notice


def test_the_card_describes_the_model_that_is_shipped() -> None:
    card = (Path(__file__).parents[2] / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert f"{len(EMBEDDER.vocabulary):,} words" in card
    assert f"{EMBEDDER.dimensions} numbers" in card
