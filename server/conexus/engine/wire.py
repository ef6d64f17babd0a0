"""What fronts and the engine say to each other: frozen types, one method name each, nothing heavy.

A message is JSON made by cattrs. Paths are absolute strings (surrogateescape kept), spans are bytes of the
text's UTF-8 form and 1-based lines, times are milliseconds. Fronts convert to what their protocol wants.
This module and `client` import neither numpy nor LanceDB: a front must start in a blink.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from conexus.domain import ConexusError, Span

WIRE_VERSION = 5
"""Rises with every change here; a front and an engine of different versions do not talk."""


class EngineError(ConexusError):
    """The engine could not be reached, started, or answered with an error.

    `kind` is ``invalid`` (wrong parameters), ``cancelled``, ``unreachable`` (no engine could be had),
    ``timeout``, ``outdated`` (this front is older than the engine that serves), or ``failed``.
    """

    def __init__(self, message: str, kind: str = "failed") -> None:
        super().__init__(message)
        self.kind = kind


@frozen
class Hello:
    """First message of a front."""

    wire: int
    version: str
    """Of the package; a newer front takes over from an older engine."""
    pid: int
    name: str
    """Of the editor or agent behind the front, for status."""


@frozen
class Welcome:
    """The engine's answer to `Hello`."""

    wire: int
    version: str
    pid: int


@frozen
class OpenFolder:
    """Keep the index of `root` in step until this front closes it or goes away."""

    root: str
    settings: dict[str, Any] = field(factory=dict)
    """Section → key → value, over what the files and environment of the folder say."""
    watch: bool = True
    """Whether the engine should watch the file system; a client that reports changes itself says False."""
    changes: bool = False
    """Whether to tell which files changed, by the event `changed`; an editor knows, or is told by its own watcher."""


@frozen
class CloseFolder:
    """This front has no more interest in `root`."""

    root: str


@frozen
class Buffer:
    """An editor's text of a file, saved or not: it hides the disk's until the buffer is closed."""

    path: str
    language: str
    """The editor's language id; empty lets the path decide."""
    version: int
    text: str


@frozen
class BufferClosed:
    """The editor let the file go: what is on disk counts again."""

    path: str


@frozen
class Touched:
    """These files or directories may differ from what the index says; digests decide."""

    paths: tuple[str, ...]
    awaited: bool = True
    """Whether `WaitFor` waits for them; not where nobody knows of a change."""


@frozen
class EditorContext:
    """What an editor shows and its user does: what is near is lifted a little. Absolute paths."""

    active: str = ""
    """The file with the cursor."""
    open: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    """Files changed lately, the last one first."""


@frozen
class Search:
    """A question; `roots` empty asks every open folder."""

    text: str
    limit: int = 10
    roots: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    explain: bool = False
    context: EditorContext | None = None
    refine: bool = False
    """Whether to wait for the second opinion of `search.second_model`, if there is one; see docs/models.md."""


@frozen
class Similar:
    """Code like this text, or like lines of a file."""

    text: str = ""
    path: str = ""
    start_line: int = 0
    """1-based, inclusive; 0 with `path` means the whole file."""
    end_line: int = 0
    limit: int = 10
    roots: tuple[str, ...] = ()


@frozen
class Related:
    """What belongs to a file, to the definition at a line of it, or to a ticket: tests, docs, neighbours, commits."""

    path: str = ""
    line: int = 0
    """1-based; 0 asks for the whole file."""
    limit: int = 20
    ticket: str = ""
    """``#123`` or ``ABC-123``, instead of `path`: the code its commits changed, by what git's log says."""
    roots: tuple[str, ...] = ()
    """With `ticket`: the folders to look in; empty means all that are open."""


@frozen
class History:
    """The commits that made lines of a file what they are, and who wrote each line last."""

    path: str
    start_line: int = 0
    """1-based, inclusive; 0 means the whole file."""
    end_line: int = 0
    limit: int = 20
    """At most this many commits."""


@frozen
class Context:
    """The evidence for a question, packed into as many tokens as there is room for."""

    text: str
    budget: int = 4_000
    """Tokens that the reply's `text` may have; 0 lets task and profile decide, from 2,000 to 16,000."""
    task: str = ""
    """``code``, ``debug``, ``architecture``, ``security`` or ``docs``; empty lets the question decide."""
    profile: str = "default"
    """How strict the gates are: ``strict``, ``default`` or ``relaxed``."""
    path: str = ""
    """Absolute: the file that whoever asks is looking at, if any."""
    line: int = 0
    """1-based, in `path`; 0 if unknown."""
    roots: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@frozen
class Symbols:
    """Definitions by name."""

    text: str
    limit: int = 100
    roots: tuple[str, ...] = ()
    path: str = ""
    """Only those of this file, in order."""
    semantic: bool = False
    """Whether to fill up with definitions found by meaning when few names match."""


@frozen
class ReadText:
    """The text of a file as it is now: what an editor shows of it, else what is on disk."""

    path: str
    """Absolute, or relative to one of `roots`."""
    start_line: int = 0
    """1-based, inclusive; 0 means the first."""
    end_line: int = 0
    """0 means the last."""
    roots: tuple[str, ...] = ()
    """Empty means all that are open."""
    limit: int = 1_000_000
    """Bytes of text at most, in whole lines."""


@frozen
class Outline:
    """What files define: of one file, of all below a directory, or of whole folders."""

    path: str = ""
    """Absolute, or relative to one of `roots`; empty for all of them."""
    roots: tuple[str, ...] = ()
    depth: int = 0
    """How deep definitions lie in others at most; 1 for those at top level, 0 for all."""
    symbols: bool = True
    """Whether definitions are wanted, and not just the files."""
    limit: int = 200
    """Files at most, in order of their paths."""
    after_root: str = ""
    """Go on after this file of this folder."""
    after: str = ""


@frozen
class Grep:
    """Where a text, or a regular expression (RE2's), is in the indexed files as they are now."""

    text: str
    regex: bool = False
    ignore_case: bool = False
    roots: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    limit: int = 200
    timeout_ms: int = 5_000
    strict: bool = False
    """Whether an expression that is none is an error, and not looked for as plain text."""


@frozen
class StatusOf:
    """How far the index of `root` is; empty asks for all folders."""

    root: str = ""


@frozen
class Reindex:
    """Compare every file with the index again; `fresh` builds the index anew, beside the one that answers."""

    root: str = ""
    fresh: bool = False


@frozen
class Pause:
    """Stop background indexing of `root` (empty: all); open buffers stay searchable."""

    root: str = ""


@frozen
class Resume:
    """Go on with background indexing."""

    root: str = ""


@frozen
class WaitFor:
    """Answer when everything this connection sent before is searchable, and files known to differ too."""

    root: str = ""
    revision: int = 0
    """Also wait until the folder's revision is at least this."""
    complete: bool = False
    """Also wait until the first reconcile is finished."""
    timeout_ms: int = 30_000


@frozen
class WireHit:
    """One answer."""

    path: str
    """Absolute."""
    root: str
    relative: str
    span: Span
    line: int
    """The 1-based line in it to look at first."""
    excerpt: str
    symbol: str
    kind: str
    language: str
    score: float
    reasons: tuple[str, ...]
    version: int | None
    """The buffer version the span is right for; None for the file on disk."""


@frozen
class Completeness:
    """How much of the folders the answer covers."""

    complete: bool
    files: int
    pending: int
    """Files known to exist and not yet searchable."""
    percent: int
    """Searchable files in percent of known ones."""
    phase: str
    """`ready`, `scanning`, `indexing`, `paused` or `failed`."""


@frozen
class Reply:
    """Answers, best first."""

    hits: tuple[WireHit, ...]
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float
    plan: dict[str, Any]
    """With `explain`: intent, words, filters, and each agent's candidates with ranks; else empty."""
    agents: dict[str, str] = field(factory=dict, kw_only=True)
    """Agent → ``ok``, ``partial``, ``failed`` or ``timed out``; the worst of all folders."""
    partial: bool = field(default=False, kw_only=True)
    """Whether the time was over before all was looked at; `notes` say where."""
    confidence: float = field(default=1.0, kw_only=True)
    """How sure it is that the hits answer the question, in [0, 1]; that of the surest folder."""
    weak: bool = field(default=False, kw_only=True)
    """Whether that is so little that nothing here may be what was asked for."""
    refined: bool = field(default=False, kw_only=True)
    """Whether a second model had its say about the order."""


@frozen
class WirePlace:
    """One match."""

    path: str
    """Absolute."""
    root: str
    relative: str
    span: Span
    """Of the match itself."""
    line: int
    """1-based."""
    column: int
    """1-based, in characters."""
    text: str
    """The line, or of a very long one the part around the match."""
    version: int | None
    """The buffer version that all this is right for; None for the file on disk."""


@frozen
class GrepReply:
    """Matches, by folder, path and place."""

    places: tuple[WirePlace, ...]
    complete: bool
    """Whether all indexed files were looked through and all their matches taken; `notes` say why not."""
    files: int
    """Files looked through; those that cannot match by their words are not among them."""
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class WireSymbol:
    """One definition."""

    name: str
    kind: str
    container: str
    path: str
    root: str
    line: int
    span: Span
    score: float
    version: int | None


@frozen
class WireCommit:
    """One commit."""

    id: str
    time: int
    """When it was committed, in seconds since 1970."""
    author: str
    subject: str
    tickets: tuple[str, ...]
    """Ticket ids that its message or its branch names: ``#123``, ``ABC-123``."""


@frozen
class RelatedReply(Reply):
    """What belongs together, best first, and the commits that say so."""

    commits: tuple[WireCommit, ...]


@frozen
class BlameLines:
    """Lines that one commit wrote last."""

    start_line: int
    """1-based, inclusive, in the text as it is now, unsaved changes included."""
    end_line: int
    commit: str
    """Its id; empty for lines that are not committed."""


@frozen
class HistoryReply:
    """The past of some lines, newest commit first."""

    branch: str
    """The branch that is checked out; empty when none is, or there is no git."""
    commits: tuple[WireCommit, ...]
    blame: tuple[BlameLines, ...]
    notes: tuple[str, ...]
    """What the reader should know: no repository, a shallow clone, a file that git does not know."""
    milliseconds: float


@frozen
class WireEvidence:
    """Whole lines of a file that answer, or help to understand an answer."""

    path: str
    """Absolute."""
    root: str
    relative: str
    span: Span
    digest: str
    """BLAKE2b of the span's bytes, 16 bytes in hexadecimal: they stood there when the reply was made."""
    excerpt: str
    symbol: str
    kind: str
    language: str
    role: str
    """Why it is there: ``here``, ``answer``, ``callee``, ``caller``, ``test``, ``document`` or ``setting``."""
    whole: bool
    """Whether it is all of its definition; a large one may be shown by the part that answers."""
    score: float
    """In [0, 1]: how sure it is that this belongs to the answer."""
    reasons: tuple[str, ...]
    version: int | None


@frozen
class WireStatement:
    """Something found out about a definition, with the lines that prove it."""

    about: str
    """The qualified name of the definition."""
    kind: str
    """``signature``, ``calls``, ``raises``, ``reads``, ``writes``, ``tested`` or ``changed``."""
    text: str
    path: str
    root: str
    relative: str
    span: Span
    """Of whole lines."""
    digest: str
    """Of their bytes, as in `WireEvidence`."""
    commit: str
    """The commit it is about, with kind ``changed``; else empty."""
    version: int | None


@frozen
class WireStep:
    """What one agent of the workflow did."""

    name: str
    outcome: str
    """``done``, ``late`` (its time was up: what it had found counts), ``failed`` or ``skipped``."""
    found: int
    milliseconds: float
    note: str
    """Why it failed or was skipped."""


@frozen
class WireGate:
    """One check on the reply."""

    name: str
    """``evidence``, ``tokens``, ``duplicates``, ``staleness``, ``time``, ``steps`` or ``confidence``."""
    outcome: str
    """``passed``, ``warned`` or ``failed``."""
    detail: str


@frozen
class ContextReply:
    """Evidence for a question, most valuable first, each piece checked against the text as it is now."""

    text: str
    """All of it to be read, with paths and line numbers; at most `budget` tokens."""
    tokens: int
    """An upper bound of the tokens of `text`."""
    budget: int
    task: str
    profile: str
    intent: str
    confidence: float
    """In [0, 1]: how likely it is that the answer is in here."""
    evidence: tuple[WireEvidence, ...]
    statements: tuple[WireStatement, ...]
    steps: tuple[WireStep, ...]
    gates: tuple[WireGate, ...]
    branch: str
    """The branch that is checked out; empty without git."""
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class SymbolReply:
    """Definitions, best first."""

    symbols: tuple[WireSymbol, ...]
    revision: int
    completeness: Completeness


@frozen
class TextReply:
    """Lines of a file."""

    path: str
    """Absolute."""
    root: str
    relative: str
    version: int | None
    """The buffer version the text is of; None for the file on disk."""
    digest: str
    """Of the whole text, in hexadecimal: equal digests are equal texts."""
    lines: int
    """How many the file has."""
    start_line: int
    end_line: int
    """The last line that is here; fewer than asked for where `more`."""
    text: str
    more: bool
    redactions: int
    """How many secrets are blanked in the file."""


@frozen
class FileOutline:
    """One file and what it defines, in its order."""

    path: str
    root: str
    relative: str
    language: str
    version: int | None
    symbols: tuple[WireSymbol, ...]


@frozen
class OutlineReply:
    """Files in order of their paths."""

    files: tuple[FileOutline, ...]
    total: int
    """How many there are in all."""
    more: bool
    revision: int
    completeness: Completeness


@frozen
class Changed:
    """A file of a folder is not what it was; which may be said again, and later than it can be read."""

    root: str
    path: str
    """Relative; empty when so much changed that anything may have."""


@frozen
class FolderStatus:
    """Everything worth showing about one folder."""

    root: str
    phase: str
    files: int
    chunks: int
    symbols: int
    pending: int
    percent: int
    revision: int
    languages: dict[str, int]
    """Files by language."""
    language_chunks: dict[str, int]
    skipped: dict[str, int]
    problems: tuple[str, ...]
    """Quarantined files and repairs, newest last."""
    model: str
    bytes: dict[str, int]
    """Size on disk by part."""
    buffers: int
    watching: str
    """`watching`, `rescanning` with the reason, or `client`."""
    directory: str


@frozen
class EngineStatus:
    """The engine and its folders."""

    version: str
    pid: int
    memory: int
    """Resident bytes."""
    seconds: float
    """Since it started."""
    fronts: int
    folders: tuple[FolderStatus, ...]
    latencies: dict[str, dict[str, float]]
    """Method → {count, p50, p95} in milliseconds, and `edit` for edit to searchable."""
    recent: dict[str, tuple[float, ...]]
    """The last of each, in milliseconds, oldest first."""
    gates: dict[str, dict[str, int]]
    """Gate of `context` → outcome → how many replies had it."""


@frozen
class Done:
    """An acknowledgement with the revision it left."""

    revision: int
    timed_out: bool = False


Located = WireHit | WireSymbol | WirePlace | WireEvidence | WireStatement
"""What has a path, a span in it, and the version the span is right for."""

REQUESTS: dict[str, tuple[type, type]] = {
    "hello": (Hello, Welcome),
    "open": (OpenFolder, Done),
    "close": (CloseFolder, Done),
    "search": (Search, Reply),
    "similar": (Similar, Reply),
    "related": (Related, RelatedReply),
    "history": (History, HistoryReply),
    "context": (Context, ContextReply),
    "symbols": (Symbols, SymbolReply),
    "grep": (Grep, GrepReply),
    "read": (ReadText, TextReply),
    "outline": (Outline, OutlineReply),
    "status": (StatusOf, EngineStatus),
    "reindex": (Reindex, Done),
    "pause": (Pause, Done),
    "resume": (Resume, Done),
    "wait": (WaitFor, Done),
}
"""Method → (parameters, result). Every request gets exactly one answer and may be cancelled by its id."""

NOTICES: dict[str, type] = {"buffer": Buffer, "bufferClosed": BufferClosed, "touched": Touched}
"""What fronts tell without waiting for an answer; handled in order, before any later request."""

EVENTS: dict[str, type] = {"status": FolderStatus, "changed": Changed}
"""What the engine tells every front of a folder: its state at most a few times a second, and what changed."""
