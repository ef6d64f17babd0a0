"""Logging: a rotating file in the user's state directory, warnings on stderr, nothing on stdout.

Stdout belongs to answers, and to the protocol when an editor listens. What is logged may be pasted into a bug
report, so text shaped like a secret is masked, and no component logs queries or contents of files.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import TextIOWrapper

FILE_NAME = "conexus.log"
_BYTES_PER_FILE = 2_000_000
_OLD_FILES = 3
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_MASK = "[masked]"
_SECRETS = re.compile(
    r"""(?isx)
    (?: (?<=://) [^\s/@:]+ : [^\s/@]+ (?=@)                             # user:password@ in a URL
      | \b (?: bearer | basic ) \s+ [\w.~+/=-]{8,}                      # an Authorization header
      | (?<![a-z]) (?: password | passwd | secret | token | api[_-]?key ) ["']? \s* [=:] \s* ["']? [^\s"',;]+
      | \b (?: gh[pousr]_ | github_pat_ | glpat- | xox[abprs]- | sk- | npm_ | pypi- ) [\w-]{16,}
      | \b (?: AKIA | ASIA ) [0-9A-Z]{16} \b
      | -----BEGIN [^-]* PRIVATE [ ] KEY----- .*? (?: -----END [^-]* ----- | \Z )
    )"""
)


def state_directory() -> Path:
    """Return where logs are kept: ``CONEXUS_STATE_DIR``, else the user's state directory."""
    if chosen := os.environ.get("CONEXUS_STATE_DIR"):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_state_path("conexus", appauthor=False)


def configure(*, debug: bool = False) -> Path | None:
    """Send the log of this process to the state directory's file, and warnings to stderr too.

    Returns the file's path, or None where it cannot be written: then only stderr gets the warnings, and the
    program carries on. Calling it again replaces the handlers of the first call.
    """
    # A full disk must not turn every log call into a traceback on stderr.
    logging.raiseExceptions = False
    logger = logging.getLogger("conexus")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    logger.addHandler(_stderr())
    path = state_directory() / FILE_NAME
    try:
        logger.addHandler(_file(path))
    except OSError as error:
        logger.warning("%s cannot be written, so there is no log: %s", path, error)
        return None
    return path


def masked(text: str) -> str:
    """Return `text` with everything shaped like a secret replaced."""
    return _SECRETS.sub(_MASK, text)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name logging calls
        # A file name with a newline must not be able to forge a line of the log.
        record.message = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], record.message)
        return super().formatMessage(record)


class _WarningFormatter(_Formatter):
    def formatException(self, ei: object) -> str:  # noqa: ARG002, N802 - the name logging calls
        # Tracebacks are for the file: people get the sentence.
        return ""


class _Warnings(logging.Handler):
    # Looks stderr up for each line, because a progress bar replaces it while it is drawn.
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except (OSError, ValueError):
            self.handleError(record)


def _stderr() -> logging.Handler:
    handler = _Warnings(logging.WARNING)
    handler.setFormatter(_WarningFormatter("conexus: %(message)s"))
    return handler


class _PrivateFile(RotatingFileHandler):
    # Each file of the rotation is the user's alone from the moment it exists.
    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        # The handler owns and closes it.
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=opener)


def _file(path: Path) -> logging.Handler:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _PrivateFile(path, "a", _BYTES_PER_FILE, _OLD_FILES, "utf-8", errors="backslashreplace")
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    return handler
