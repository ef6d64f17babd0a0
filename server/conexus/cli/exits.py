"""What each exit code means. ``docs/cli.md`` lists the same."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    """Done; a search found something."""
    NOTHING = 1
    """The answer is no: nothing found, nothing indexed yet, or a check of `doctor` failed."""
    USAGE = 2
    """The command line is wrong."""
    FAILED = 3
    """It could not be done; the message says why and what to do."""
    PARTLY = 4
    """Some lines of a batch could not be answered; all others were."""
    BUG = 70
    """An error nobody foresaw; the log has its traceback."""
    INTERRUPTED = 130
    """Ctrl-C; what was indexed until then is kept and searchable."""
    CLOSED_PIPE = 141
    """Whoever read the output stopped reading."""
