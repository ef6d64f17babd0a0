"""The requests of our own, as they look on the wire: docs/protocol.md describes each of them.

Parameters are objects; fields with a default may be left out or null, unknown ones are ignored. Results have
no defaults, so every field is always there. Names are camelCase on the wire.
"""

from __future__ import annotations

import re
from functools import cache, partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, NewType, get_args

from attrs import fields, frozen, has

# cattrs looks the types of fields up when it first structures them.
from lsprotocol.types import Position, Range, TextDocumentIdentifier  # noqa: TC002

from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

Limit = NewType("Limit", int)
"""How many answers, 1 to 1000."""
Token = NewType("Token", object)
"""A progress token: a whole number or a string."""

MOST = 1000
COMMAND_PREFIX = "conexus.server."


class InvalidParamsError(ConexusError):
    """Parameters of the wrong shape; the message names each bad field by its path."""


# Parameters.


@frozen
class EditorContext:
    """What the editor shows and its user does, by URI: what is near ranks a little higher."""

    active: str = ""
    open: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


@frozen
class SearchParams:
    """A question in words, names or code; filters may also stand in the query (``lang:go path:src``)."""

    query: str
    limit: Limit | None = None
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    context: EditorContext | None = None
    refine: bool = False
    partial_result_token: Token | None = None


@frozen
class GrepParams:
    """Places of a text, or of a regular expression, in the files as they are now."""

    text: str
    regex: bool = False
    ignore_case: bool = False
    limit: Limit | None = None
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    timeout_ms: int = 5_000
    partial_result_token: Token | None = None


@frozen
class SimilarParams:
    """Code like `text`, or like the lines of a document that `range` touches."""

    text: str = ""
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    limit: Limit | None = None
    folders: tuple[str, ...] = ()
    partial_result_token: Token | None = None


@frozen
class RelatedParams:
    """What belongs to a document, to the definition at a position of it, or to a ticket."""

    text_document: TextDocumentIdentifier | None = None
    position: Position | None = None
    ticket: str = ""
    limit: Limit | None = None
    folders: tuple[str, ...] = ()
    partial_result_token: Token | None = None


@frozen
class ContextParams:
    """A question whose evidence is wanted, packed into `budget` tokens."""

    query: str
    budget: int = 4_000
    task: str = ""
    profile: str = "default"
    text_document: TextDocumentIdentifier | None = None
    position: Position | None = None
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@frozen
class HistoryParams:
    """Who wrote a document, or the lines of it that `range` touches."""

    text_document: TextDocumentIdentifier
    range: Range | None = None
    limit: Limit | None = None


@frozen
class SymbolsParams:
    """Definitions by name, or those of one document."""

    query: str = ""
    text_document: TextDocumentIdentifier | None = None
    limit: Limit | None = None
    folders: tuple[str, ...] = ()
    semantic: bool = False
    partial_result_token: Token | None = None


@frozen
class FolderParams:
    """One folder, or all of them."""

    folder: str = ""


@frozen
class ReindexParams:
    """Compare every file with the index; `fresh` builds the index anew."""

    folder: str = ""
    fresh: bool = False


@frozen
class WaitParams:
    """Answer when all that was sent before is searchable."""

    folder: str = ""
    revision: int = 0
    complete: bool = False
    timeout_ms: int = 30_000


# Results.


@frozen
class Completeness:
    """How much of the folders an answer covers."""

    complete: bool
    files: int
    pending: int
    percent: int
    phase: str


@frozen
class Hit:
    """One place that answers; positions are in the encoding of the connection."""

    uri: str
    range: Range
    focus: Range
    """The line in `range` to go to: the definition the question names, or the line that says most of it."""
    folder: str
    path: str
    excerpt: str
    symbol: str
    kind: str
    language: str
    score: float
    reasons: tuple[str, ...]
    version: int | None


@frozen
class SearchResult:
    """Hits, best first, and what they are worth."""

    hits: tuple[Hit, ...]
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float
    agents: dict[str, str]
    partial: bool
    confidence: float
    weak: bool
    refined: bool


@frozen
class Match:
    """One place of a text, with its line."""

    uri: str
    range: Range
    folder: str
    path: str
    text: str
    version: int | None


@frozen
class GrepResult:
    """Places by path, and whether these are all."""

    matches: tuple[Match, ...]
    complete: bool
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class ExplainResult:
    """Hits and how they were found."""

    hits: tuple[Hit, ...]
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float
    agents: dict[str, str]
    partial: bool
    confidence: float
    weak: bool
    refined: bool
    plan: dict[str, Any]


@frozen
class Commit:
    """One commit."""

    id: str
    time: int
    author: str
    subject: str
    tickets: tuple[str, ...]


@frozen
class RelatedResult:
    """Hits, best first, and the commits that changed them."""

    hits: tuple[Hit, ...]
    commits: tuple[Commit, ...]
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class BlameLines:
    """Whole lines that one commit wrote last."""

    range: Range
    commit: str


@frozen
class HistoryResult:
    """The past of some lines."""

    branch: str
    commits: tuple[Commit, ...]
    blame: tuple[BlameLines, ...]
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class Evidence:
    """Lines that answer or help to understand, as they stand in the editor."""

    uri: str
    range: Range
    folder: str
    path: str
    excerpt: str
    digest: str
    symbol: str
    kind: str
    language: str
    role: str
    whole: bool
    score: float
    reasons: tuple[str, ...]
    version: int | None


@frozen
class Statement:
    """Something found out about a definition, with whole lines that prove it."""

    about: str
    kind: str
    text: str
    uri: str
    range: Range
    digest: str
    commit: str
    version: int | None


@frozen
class WorkflowStep:
    """What one agent did."""

    name: str
    outcome: str
    found: int
    milliseconds: float
    note: str


@frozen
class Gate:
    """One check on the answer."""

    name: str
    outcome: str
    detail: str


@frozen
class ContextResult:
    """Evidence for a question, most valuable first."""

    text: str
    tokens: int
    budget: int
    task: str
    profile: str
    intent: str
    confidence: float
    evidence: tuple[Evidence, ...]
    statements: tuple[Statement, ...]
    steps: tuple[WorkflowStep, ...]
    gates: tuple[Gate, ...]
    branch: str
    revision: int
    completeness: Completeness
    notes: tuple[str, ...]
    milliseconds: float


@frozen
class Symbol:
    """One definition with its full range."""

    name: str
    kind: str
    container: str
    uri: str
    range: Range
    focus: Range
    """The line in `range` on which the name stands."""
    folder: str
    score: float
    version: int | None


@frozen
class SymbolsResult:
    """Definitions, best first; those of one document in its order."""

    symbols: tuple[Symbol, ...]
    revision: int
    completeness: Completeness


@frozen
class FolderStatus:
    """One folder's index."""

    folder: str
    phase: str
    files: int
    chunks: int
    symbols: int
    pending: int
    percent: int
    revision: int
    languages: dict[str, int]
    language_chunks: dict[str, int]
    skipped: dict[str, int]
    problems: tuple[str, ...]
    model: str
    bytes: dict[str, int]
    buffers: int
    watching: str
    directory: str


@frozen
class StatusResult:
    """The engine and its folders."""

    version: str
    pid: int
    memory: int
    seconds: float
    fronts: int
    folders: tuple[FolderStatus, ...]
    latencies: dict[str, dict[str, float]]
    recent: dict[str, tuple[float, ...]]
    gates: dict[str, dict[str, int]]


@frozen
class Done:
    """The revision a request left or waited for."""

    revision: int
    timed_out: bool


REQUESTS: dict[str, tuple[type, type]] = {
    "conexus/search": (SearchParams, SearchResult),
    "conexus/grep": (GrepParams, GrepResult),
    "conexus/similar": (SimilarParams, SearchResult),
    "conexus/related": (RelatedParams, RelatedResult),
    "conexus/context": (ContextParams, ContextResult),
    "conexus/history": (HistoryParams, HistoryResult),
    "conexus/symbols": (SymbolsParams, SymbolsResult),
    "conexus/explain": (SearchParams, ExplainResult),
    "conexus/status": (FolderParams, StatusResult),
    "conexus/reindex": (ReindexParams, Done),
    "conexus/pause": (FolderParams, Done),
    "conexus/resume": (FolderParams, Done),
    "conexus/waitForRevision": (WaitParams, Done),
}
"""Method → (parameters, result)."""

NOTIFICATIONS: dict[str, type] = {"conexus/statusChanged": FolderStatus}
"""What the server tells by itself."""

COMMANDS: dict[str, str] = {method.replace("conexus/", COMMAND_PREFIX): method for method in REQUESTS}
"""Name for ``workspace/executeCommand`` → method; the one argument is the method's parameters."""


def structure(params: Any, wanted: type) -> Any:
    """Return the parameters of one of our requests; raises InvalidParamsError."""
    # Lua writes an empty object as an empty list.
    params = {} if params is None or params == [] else params
    if not isinstance(params, dict):
        raise InvalidParamsError("params: expected an object")
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return _converter().structure(given, wanted)
    except Exception as error:
        raise InvalidParamsError(reasons(error, "params")) from error


def unstructure(result: Any) -> Any:
    """Return a result as JSON values."""
    return _converter().unstructure(result)


def reasons(error: Exception, root: str) -> str:
    """Return what is wrong with which field, ``path: reason``, of something called `root`."""
    from cattrs import transform_error

    said = (reason.rpartition(" @ ") for reason in transform_error(error, root, _reason))
    return "; ".join(f"{_camel(path.strip('.')) or 'params'}: {reason}" for reason, _, path in said)


def _reason(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error) or type(error).__name__


@cache
def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    converter = Converter()

    def renamed(maker: Callable[..., Any]) -> Callable[[type], Any]:
        return lambda owner: maker(
            owner, converter, **{one.name: override(rename=_camel(one.name)) for one in fields(owner)}
        )

    converter.register_structure_hook_factory(has, renamed(make_dict_structure_fn))
    converter.register_unstructure_hook_factory(has, renamed(make_dict_unstructure_fn))
    # cattrs converts generously ("3" would be a number, a string a list of letters); a client that sends the
    # wrong type should hear of it.
    for exact in (bool, int, str):
        converter.register_structure_hook(exact, exactly)
    converter.register_structure_hook_func(lambda wanted: wanted is Limit, lambda value, _: _limit(value))
    converter.register_structure_hook_func(lambda wanted: wanted is Token, lambda value, _: _token(value))
    converter.register_structure_hook_factory(
        lambda wanted: getattr(wanted, "__origin__", None) is tuple,
        partial(_tuple_hook, converter),
    )
    return converter


def _tuple_hook(converter: Converter, wanted: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    # By way of a list, for which cattrs says which item is wrong.
    items: Any = GenericAlias(list, get_args(wanted)[0])
    return lambda value, _: tuple(converter.structure(exactly(value, list), items))


def exactly(value: Any, wanted: type) -> Any:
    """Return `value` if it is of type `wanted`; raises ValueError. A number like 3.0 is a whole one."""
    if wanted is int and type(value) is float and value.is_integer():
        return int(value)
    # type() and not isinstance(): true is an int in Python.
    if type(value) is not wanted:
        raise ValueError(f"expected {_NAMES[wanted]}, not {_NAMES.get(type(value), 'something else')}")
    return value


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a fraction",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _limit(value: Any) -> Limit:
    if not 1 <= exactly(value, int) <= MOST:
        raise ValueError(f"expected 1 to {MOST}")
    return Limit(int(value))


def _token(value: Any) -> Token:
    return Token(exactly(value, str) if isinstance(value, str) else exactly(value, int))


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
