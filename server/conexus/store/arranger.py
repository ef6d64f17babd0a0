"""A process that builds search structures: `python -m conexus.store.arranger DIRECTORY DIMENSIONS`, steps on stdin.

Building takes all cores and hundreds of MB for seconds. Done here, at low priority, it neither slows questions
down nor stays in the engine's memory. It ends when its parent does, whatever happens to that.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from conexus.store.memory import passing_environment

if TYPE_CHECKING:
    from types import TracebackType

NICENESS = 10  # typing and searching go first
STEPS = ("build", "build_words", "prune", "save_tables")
"""Methods of `Tables` that can be done here; all but `prune` with the name that follows them."""
_DONE = "done\n"


class Arranger:
    """The process, from its parent's side; a context manager, and no step runs once it is left."""

    def __init__(self, directory: Path, dimensions: int) -> None:
        self._process = subprocess.Popen(
            # -P: the directory we stand in must not be able to shadow our modules.
            [
                sys.executable,
                "-P",
                "-m",
                "conexus.store.arranger",
                os.fspath(directory.absolute()),
                str(dimensions),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=passing_environment(),
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def __enter__(self) -> Arranger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def do(self, step: str) -> None:
        """Take one of STEPS, with what is to be given to it; raise RuntimeError if it fails, with what the process said of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = ""
        with contextlib.suppress(OSError):
            self._process.stdin.write(f"{step}\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        if said != _DONE:
            raise RuntimeError(said.strip() or f"{step}: the process that builds search structures ended")


def main() -> None:
    """Take steps until stdin ends, which it also does when the parent dies."""
    from conexus.store.tables import Tables, preload

    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICENESS)
    answers = _private_stdout()
    steps = _Steps()
    # It may be started before there is anything to open.
    preload()
    tables: Tables | None = None
    while (step := steps.next().split())[0] in STEPS:
        try:
            if tables is None:
                tables = Tables.open(Path(sys.argv[1]), int(sys.argv[2]), create=False)
            tables.refresh()
            getattr(tables, step[0])(*step[1:])
            answers.write(_DONE)
        except Exception as error:  # noqa: BLE001 -- told to the parent, which raises it
            answers.write(f"{step[0]}: {error}".replace("\n", " ") + "\n")
        answers.flush()


class _Steps:
    """Lines of stdin, read by a thread, so that its end is noticed in the middle of a step."""

    def __init__(self) -> None:
        import queue
        import threading

        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> str:
        """Wait for the next step."""
        return self._lines.get()

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line.strip())
        # The parent is gone, and another one may write the index now.
        os._exit(0)


def _private_stdout() -> IO[str]:
    """Return what was stdout, and point file descriptor 1 at stderr: nothing may print into the answers."""
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


if __name__ == "__main__":
    main()
