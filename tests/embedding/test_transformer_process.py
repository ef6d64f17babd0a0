"""The process around a transformer: it dies, prints, runs out of memory, changes under our feet.

The process and the pipes are real. Only the library inside is a stand-in, because real weights cannot
be made to fail on demand; tests/embedding/test_transformers.py runs the real library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from conexus.embedding.embedder import EmbeddingCancelledError, EmbeddingError, ModelUnavailableError, load
from conexus.embedding.transformer import TransformerEmbedder
from conexus.embedding.words import Passage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARY = """
import os, pathlib, sys, time
import numpy as np
import torch

print("libraries print")

class Device:
    type = "cpu"

class SentenceTransformer:
    device = Device()

    def __init__(self, path, device=None, local_files_only=False, backend="torch", model_kwargs=None):
        assert local_files_only and os.environ["HF_HUB_OFFLINE"] == "1"
        self.path = pathlib.Path(path)
        if backend == "onnx":
            assert (self.path / model_kwargs["file_name"]).is_file() and device == "cpu"
            print("runs", model_kwargs["file_name"], file=sys.stderr)
        if device == "toaster":
            raise ValueError("no such device: toaster")
        if (self.path / "crash").exists():
            print("out of memory, says the system", file=sys.stderr, flush=True)
            os._exit(1)  # without what runs at an end, as coverage, which may have words of its own

    def encode_query(self, texts, **options):
        return self.encode([f"query: {text}" for text in texts], **options)

    def encode_document(self, texts, **options):
        return self.encode([f"document: {text}" for text in texts], **options)

    def encode(self, texts, batch_size, normalize_embeddings, show_progress_bar):
        assert normalize_embeddings and not show_progress_bar
        print("libraries print")
        for text in texts:
            self.obey(text, batch_size)
        return np.array([[len(text), text.startswith("query"), batch_size] for text in texts], np.float32)

    def obey(self, text, batch_size):
        if "die" in text:
            sys.exit("killed while embedding")
        if "perish" in text:
            os.closerange(3, 64)  # so that nothing can be answered, a while before it ends
            time.sleep(0.5)
            print("late last words", file=sys.stderr, flush=True)
            os._exit(1)
        if "flaky" in text and not (self.path / "died").exists():
            (self.path / "died").touch()
            sys.exit(1)
        if "slow" in text:
            time.sleep(0.05)
        if "large" in text and batch_size > 4:
            raise torch.OutOfMemoryError("GPU is full")
        if "huge" in text:
            raise torch.OutOfMemoryError("GPU is full")
        if "odd" in text:
            raise ValueError("odd text")
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    library = tmp_path / "library"
    (library / "sentence_transformers").mkdir(parents=True)
    (library / "sentence_transformers" / "__init__.py").write_text(LIBRARY)
    (library / "torch.py").write_text("class OutOfMemoryError(RuntimeError): pass\n")
    monkeypatch.syspath_prepend(library)
    monkeypatch.setenv("PYTHONPATH", f"{library}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    directory = tmp_path / "scripted"
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    return directory


@pytest.fixture
def embedder(model: Path) -> Iterator[TransformerEmbedder]:
    made = TransformerEmbedder(str(model))
    yield made
    made.close()


def texts(*contents: str) -> list[Passage]:
    return [Passage("", content) for content in contents]


def test_rows_come_back_in_order_whatever_their_lengths(embedder: TransformerEmbedder) -> None:
    contents = ["x" * (number * 7 % 50) for number in range(50)]
    lengths = embedder.embed(texts(*contents))[:, 0]
    assert lengths.tolist() == [len(f"document: \n{content}") for content in contents]


def test_questions_and_documents_get_their_own_prompts(embedder: TransformerEmbedder) -> None:
    assert embedder.embed_query("ab").tolist() == [len("query: ab"), 1, 1]
    assert embedder.embed(texts("ab"))[0].tolist() == [len("document: \nab"), 0, 1]


def test_bytes_of_a_path_that_are_not_utf8_do_no_harm(embedder: TransformerEmbedder) -> None:
    assert embedder.embed([Passage("caf\udce9", "x")]).shape == (1, 3)


def test_one_death_is_survived(embedder: TransformerEmbedder) -> None:
    assert embedder.embed(texts("a", "flaky")).shape == (2, 3)


def test_two_deaths_in_a_row_are_an_error_with_the_last_words(
    embedder: TransformerEmbedder, model: Path
) -> None:
    with pytest.raises(
        ModelUnavailableError, match=r"(?s)ended twice in a row: .*killed while embedding"
    ) as error:
        embedder.embed(texts("die"))
    assert str(model) in str(error.value)
    assert embedder.embed_query("still there").shape == (3,)


def test_last_words_are_waited_for(embedder: TransformerEmbedder) -> None:
    with pytest.raises(ModelUnavailableError, match="late last words"):
        embedder.embed(texts("perish"))


def test_a_process_that_dies_while_loading(model: Path) -> None:
    (model / "crash").touch()
    with pytest.raises(ModelUnavailableError, match="out of memory, says the system"):
        _ = TransformerEmbedder(str(model)).dimensions


def test_a_model_that_cannot_be_loaded_stays_so_without_trying_again(model: Path) -> None:
    embedder = TransformerEmbedder(str(model), device="toaster")
    with pytest.raises(
        ModelUnavailableError, match=r"no such device: toaster.*model\.device exists"
    ) as first:
        _ = embedder.identity
    with pytest.raises(ModelUnavailableError) as second:
        embedder.embed_query("x")
    assert second.value is first.value
    embedder.close()


def test_a_full_gpu_gets_smaller_batches(embedder: TransformerEmbedder) -> None:
    assert embedder.embed(texts(*["large"] * 16))[:, 2].tolist() == [4] * 16


def test_an_error_of_the_library_is_told_and_survived(embedder: TransformerEmbedder) -> None:
    with pytest.raises(EmbeddingError, match="could not embed 1 texts: ValueError: odd text"):
        embedder.embed(texts("odd"))
    with pytest.raises(EmbeddingError, match="GPU is full"):
        embedder.embed(texts("huge"))
    assert embedder.embed_query("ab").tolist() == [len("query: ab"), 1, 1]


def test_weights_that_change_under_a_running_index_are_refused(
    embedder: TransformerEmbedder, model: Path
) -> None:
    assert embedder.dimensions == 3
    (model / "config.json").write_text('{"trained": "again"}')
    with pytest.raises(ModelUnavailableError, match="files changed while it was in use"):
        embedder.embed(texts("flaky"))


def test_identity_is_of_the_content_of_the_model(model: Path) -> None:
    def identity() -> str:
        embedder = TransformerEmbedder(str(model))
        found = embedder.identity
        embedder.close()
        return found

    first = identity()
    assert first.startswith("scripted@")
    (model / "README.md").write_text("not the model")
    (model / "onnx").mkdir()
    (model / "onnx" / "model.bin").write_bytes(b"another form of the same")
    os.utime(model / "config.json", (1, 1))
    assert identity() == first
    (model / "model.safetensors").write_bytes(b"\0" * 10)
    second = identity()
    (model / "model.safetensors").write_bytes(b"\0" * 9 + b"\1")
    os.utime(model / "model.safetensors", (1, 1))
    assert len({first, second, identity()}) == 3


def test_progress_and_cancel(embedder: TransformerEmbedder) -> None:
    seen: list[int] = []
    embedder.embed(texts(*["x"] * 40), progress=seen.append)
    assert seen == [16, 32, 40]
    seen.clear()
    with pytest.raises(EmbeddingCancelledError, match="after 16 of 40"):
        embedder.embed(texts(*["x"] * 40), cancel=lambda: bool(seen), progress=seen.append)
    assert embedder.embed(texts("x")).shape == (1, 3)


def test_a_question_goes_before_waiting_batches(embedder: TransformerEmbedder) -> None:
    assert embedder.dimensions == 3
    done: list[int] = []
    started = threading.Event()

    def progress(count: int) -> None:
        done.append(count)
        started.set()

    thread = threading.Thread(
        target=embedder.embed, args=(texts(*["slow"] * 16 * 8),), kwargs={"progress": progress}
    )
    thread.start()
    assert started.wait(60)
    asked_at = len(done)
    embedder.embed_query("now")
    answered_at = len(done)
    thread.join(60)
    assert len(done) == 8
    # One batch under way, and one whose progress was not told yet when the question came.
    assert answered_at - asked_at <= 2


def test_close_stops_a_call_in_another_thread(embedder: TransformerEmbedder) -> None:
    started = threading.Event()
    errors: list[Exception] = []

    def work() -> None:
        try:
            embedder.embed(texts(*["slow"] * 16 * 200), progress=lambda _: started.set())
        except EmbeddingError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(60)
    embedder.close()
    thread.join(60)
    assert not thread.is_alive()
    assert "was closed" in str(errors[0])
    with pytest.raises(EmbeddingError, match="was closed"):
        embedder.embed_query("x")


def test_the_process_ends_with_its_owner(model: Path) -> None:
    code = (
        "import os, sys\n"
        "from conexus.embedding.transformer import TransformerEmbedder\n"
        "embedder = TransformerEmbedder(sys.argv[1])\n"
        "embedder.dimensions\n"
        "print(embedder._worker._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, model], capture_output=True, text=True, check=True, timeout=60
    )
    pid = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if _is_zombie(pid):
            return
        threading.Event().wait(0.1)
    pytest.fail(f"process {pid} outlived its owner")


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 -- procfs
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_code_in_the_current_directory_is_not_run(
    embedder: TransformerEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "somebodys_repository"
    trap.mkdir()
    for name in ("json.py", "numpy.py", "hashlib.py"):
        (trap / name).write_text("raise SystemExit('code of the indexed folder was run')\n")
    monkeypatch.chdir(trap)
    assert embedder.dimensions == 3


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailableError, match=r"pip install 'conexus-lsp\[transformers\]'"):
        load("some/model")


@pytest.fixture
def runtime(model: Path) -> None:
    for name in ("onnxruntime", "optimum"):
        (model.parent / "library" / f"{name}.py").touch()


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("place", ["onnx/model_qint8.onnx", "model.onnx"])
def test_an_exported_file_is_run_and_is_a_model_of_its_own(model: Path, place: str) -> None:
    exported = model / place
    exported.parent.mkdir(exist_ok=True)
    identities = set()
    for content in (b"exported", b"exported again"):
        exported.write_bytes(content)
        embedder = load(str(exported), "cuda")
        identities.add(embedder.identity)
        assert embedder.embed_query("ab").tolist() == [9, 1, 1]
        with pytest.raises(ModelUnavailableError, match=f"runs {place}"):
            embedder.embed(texts("die"))
        embedder.close()
    assert len(identities) == 2
    assert all(identity.startswith(f"{exported.name}@") for identity in identities)


@pytest.mark.usefixtures("runtime")
def test_an_exported_file_away_from_its_model_is_refused(model: Path) -> None:
    (model / "a" / "b").mkdir(parents=True)
    exported = model / "a" / "b" / "model.onnx"
    exported.touch()
    with pytest.raises(ModelUnavailableError, match=r"holds the config\.json of its model"):
        _ = load(str(exported)).dimensions


def test_an_exported_file_needs_its_runtime(model: Path) -> None:
    exported = model / "model.onnx"
    exported.touch()
    with pytest.raises(ModelUnavailableError, match=r"pip install 'conexus-lsp\[onnx\]'"):
        _ = load(str(exported)).dimensions


def test_a_missing_exported_file_is_told_at_once(model: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"no such file.*search\.second_model"):
        load(str(model / "model.onnx"))


@pytest.mark.parametrize("name", ["/no/such/model", "./model", "~/no-such-model"])
def test_a_missing_directory_is_told_at_once(model: Path, name: str) -> None:
    with pytest.raises(ModelUnavailableError, match=r"no such directory.*model\.name"):
        load(name)


def test_a_directory_is_loaded_as_a_transformer(model: Path) -> None:
    embedder = load(str(model), "cpu")
    np.testing.assert_array_equal(embedder.embed_query("ab"), [9, 1, 1])
    embedder.close()
