"""Any sentence-transformers model, in a process of its own.

The process takes the seconds torch needs to start and the hundreds of megabytes it needs to live, and
keeps the interpreter that serves people free. It starts with the first request.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
from attrs import frozen

from conexus.embedding.embedder import EmbeddingCancelledError, EmbeddingError, ModelUnavailableError
from conexus.embedding.transformer_worker import is_exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from conexus.embedding.words import Passage

_INSTALL = (
    "pip install 'conexus-lsp[transformers]' (docs/models.md says how to get the small CPU build of torch)"
)
# Nothing is fetched at run time, and nothing tells anyone what runs here.
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_STDERR_TAIL = 2000  # bytes
_LAST_SECONDS = 5
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class TransformerEmbedder:
    """A sentence-transformers model by directory, by exported file, or by hub name if it is in the local cache.

    A model that cannot be loaded stays so until another embedder is made: every attempt costs seconds.
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        """Check what can be checked without torch; raise ModelUnavailableError."""
        if importlib.util.find_spec("sentence_transformers") is None:
            raise ModelUnavailableError(name, "sentence-transformers is not installed", _INSTALL)
        path = Path(name).expanduser()
        is_there = path.is_file() if is_exported(name) else path.is_dir()
        if not is_there and (_is_path(name) or is_exported(name)):
            kind = "file" if is_exported(name) else "directory"
            raise ModelUnavailableError(
                name, f"there is no such {kind}", "correct model.name or search.second_model"
            )
        self._name = str(path.absolute()) if is_there else name
        self._device = device
        self._turns = _Turns()
        self._worker: _Worker | None = None
        self._about: _About | None = None
        self._failure: ModelUnavailableError | None = None
        self._closed = False

    @property
    def identity(self) -> str:
        """Return the model's name and the hash of its files; starts the process."""
        return self._known().identity

    @property
    def dimensions(self) -> int:
        """Return the length of a vector; starts the process."""
        return self._known().dimensions

    def embed(
        self,
        passages: Sequence[Passage],
        *,
        cancel: Callable[[], bool] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return one row per passage, float32[n, dimensions]; see `Embedder.embed`."""
        about = self._known()
        texts = [passage.text for passage in passages]
        vectors = np.empty((len(texts), about.dimensions), np.float32)
        # Texts of one length share a batch, or the short ones would be padded; the longest go first, so
        # that a lack of memory shows at once.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        for start in range(0, len(order), about.batch):
            if cancel is not None and cancel():
                raise EmbeddingCancelledError(
                    f"Embedding was cancelled after {start} of {len(texts)} passages."
                )
            batch = order[start : start + about.batch]
            vectors[batch] = self._ask("document", [texts[index] for index in batch])
            if progress is not None:
                progress(start + len(batch))
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, float32[dimensions]. Waits for at most one batch of passages."""
        vector: NDArray[np.float32] = self._ask("query", [text])[0]
        return vector

    @property
    def judges_pairs(self) -> bool:
        """Return whether it is a cross-encoder, which makes no vectors; starts the process."""
        return self._known().pairs

    def judge(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers `question` as a cross-encoder sees it, float32[n]; more is better."""
        return self._ask("pairs", [question, *texts])[:, 0]

    def close(self) -> None:
        """End the process; a call under way in another thread raises EmbeddingError."""
        self._closed = True
        worker = self._worker
        if worker is not None:
            worker.end()

    def _known(self) -> _About:
        if self._about is None:
            with self._turns.question():
                self._about = self._surviving_one_death(lambda worker: worker.about)
        return self._about

    def _ask(self, task: str, texts: list[str]) -> NDArray[np.float32]:
        turn = self._turns.question() if task == "query" else self._turns.batch()
        with turn:
            return self._surviving_one_death(lambda worker: worker.ask(task, texts))

    def _surviving_one_death(self, use: Callable[[_Worker], _T]) -> _T:
        try:
            return use(self._running())
        except _WorkerDiedError:
            _log.warning("the process of model %s ended; starting another", self._name)
        try:
            return use(self._running())
        except _WorkerDiedError as error:
            raise ModelUnavailableError(
                self._name,
                f"its process ended twice in a row: {error}",
                "free memory, or choose a smaller model or another model.device",
            ) from error

    def _running(self) -> _Worker:
        """Return the live worker, started if need be. Raises the failure of an earlier start again."""
        self._refuse_if_closed()
        if self._failure is not None:
            raise self._failure
        if self._worker is None or not self._worker.alive:
            self._worker = self._started()
        return self._worker

    def _started(self) -> _Worker:
        self._worker = worker = _Worker(self._name, self._device)
        # `close` in another thread may have come too early to see this worker.
        self._refuse_if_closed()
        try:
            worker.greet()
        except _UnusableError as error:
            raise self._failed(worker, *error.args) from error
        if self._about not in {None, worker.about}:
            # Vectors of two models in one space would be noise.
            raise self._failed(worker, "its files changed while it was in use", "start Conexus again")
        return worker

    def _failed(self, worker: _Worker, reason: str, remedy: str) -> ModelUnavailableError:
        worker.end()
        self._failure = ModelUnavailableError(self._name, reason, remedy)
        return self._failure

    def _refuse_if_closed(self) -> None:
        if self._closed:
            if self._worker is not None:
                self._worker.end()
            raise EmbeddingError(f"The model {self._name!r} was closed; open the folder again.")


class _Turns:
    """A lock that lets waiting questions go before batches: a plain one would starve them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._questions = 0

    @contextmanager
    def question(self) -> Iterator[None]:
        with self._changed:
            self._questions += 1
            self._changed.wait_for(lambda: not self._busy)
            self._questions -= 1
            self._busy = True
        yield from self._held()

    @contextmanager
    def batch(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._questions)
            self._busy = True
        yield from self._held()

    def _held(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


@frozen
class _About:
    identity: str
    dimensions: int
    batch: int
    pairs: bool


class _WorkerDiedError(Exception):
    """The process ended; its last words."""


class _UnusableError(Exception):
    """The model cannot be used: the reason, and what to do."""


class _Worker:
    """One process; see `transformer_worker` for what is said."""

    about: _About

    def __init__(self, name: str, device: str) -> None:
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the process
        # A torch.py in the current directory, which may be anybody's repository, must not be run: -P keeps
        # it off the path, and elsewhere is where an empty entry of PYTHONPATH does no harm.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "conexus.embedding.transformer_worker", name, device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            env=os.environ | _OFFLINE,
            cwd=sys.prefix,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def greet(self) -> None:
        """Wait until the model is loaded and keep what it says of itself."""
        hello = self._listen()
        if "error" in hello:
            raise _UnusableError(hello["error"], hello["remedy"])
        self.about = _About(hello["identity"], hello["dimensions"], hello["batch"], hello["pairs"])

    def ask(self, task: str, texts: list[str]) -> NDArray[np.float32]:
        try:
            self._pipe(self._process.stdin).write(json.dumps({"task": task, "texts": texts}).encode() + b"\n")
            self._pipe(self._process.stdin).flush()
            header = self._listen()
            if "error" in header:
                raise EmbeddingError(f"The model could not embed {len(texts)} texts: {header['error']}.")
            return self._vectors(header["rows"])
        except OSError as error:
            raise self._died() from error
        except KeyboardInterrupt:
            # The answer to this request must not be taken for the answer to the next one.
            self.end()
            raise

    def end(self) -> None:
        """End the process, by force if it does not listen."""
        self._process.terminate()
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if not line.endswith(b"\n"):
            raise self._died()
        message: dict[str, Any] = json.loads(line)
        return message

    def _vectors(self, rows: int) -> NDArray[np.float32]:
        size = rows * self.about.dimensions * 4
        payload = self._pipe(self._process.stdout).read(size)
        if len(payload) < size:
            raise self._died()
        return np.frombuffer(payload, "<f4").reshape(rows, self.about.dimensions)

    def _died(self) -> _WorkerDiedError:
        # It is ending by itself, and may not have said yet why: told to end, it would be cut short.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_SECONDS)
        self.end()
        size = self._last_words.seek(0, os.SEEK_END)
        self._last_words.seek(max(0, size - _STDERR_TAIL))
        words = self._last_words.read().decode("utf-8", "replace").strip()
        return _WorkerDiedError(f"exit status {self._process.returncode}; {words or 'it said nothing'}")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


def _is_path(name: str) -> bool:
    return Path(name).is_absolute() or name.startswith(("./", "../", "~"))
