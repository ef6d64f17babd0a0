"""What a command needs around its work: settings, log, an open folder, and a way to be stopped."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

import click

from conexus import log, settings
from conexus.cli.progress import ProgressView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from conexus.engine.folder import Folder
    from conexus.indexing.indexer import Report
    from conexus.settings import Loaded

_logger = logging.getLogger(__name__)


def prepare(root: Path, flags: Sequence[str]) -> Loaded:
    """Start the log, load the settings of `root` and show what is wrong with them on stderr."""
    log.configure(debug=bool(click.get_current_context().find_root().params.get("debug")))
    loaded = settings.load(root, flags)
    for problem in loaded.problems:
        _logger.warning("%s", problem)
    return loaded


@contextlib.contextmanager
def opened(root: Path, flags: Sequence[str]) -> Iterator[Folder]:
    """Open the folder `root` with the settings in force; raises ConexusError."""
    loaded = prepare(root, flags)
    # Read by the native library when it is first imported; it reports to stderr otherwise.
    os.environ.setdefault("LANCEDB_LOG", "error")
    from conexus.engine.engine import Engine

    with Engine(loaded.settings, settings.data_directory(loaded.settings)) as engine:
        yield engine.open(root.resolve())


def reconcile(folder: Folder, *, quiet: bool = False) -> Report:
    """Bring the folder's index up to date, with progress on stderr unless `quiet`.

    Ctrl-C or a termination signal ends it early: the report then says ``cancelled``.
    """
    with interruptible() as stopped, ProgressView(quiet=quiet) as view:
        report = folder.reconcile(progress=view.show, cancelled=stopped)
    _logger.info("reconciled: %s", report)
    return report


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether somebody asked to stop; the second request stops at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        for number in signals:
            signal.signal(number, signal.default_int_handler)

    for number in signals:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
