"""Between the editor's terms and the engine's: called qualified, ``convert.path_of(uri)``."""

from __future__ import annotations

import ntpath
import os
import posixpath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from attrs import asdict
from lsprotocol.types import DocumentSymbol, Location, Position, Range, SymbolKind, WorkspaceSymbol

from conexus.lsp import positions, protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conexus.engine import wire
    from conexus.lsp.places import Places

WINDOWS = os.name == "nt"

_KINDS = {
    "class": SymbolKind.Class,
    "constant": SymbolKind.Constant,
    "enum": SymbolKind.Enum,
    "field": SymbolKind.Field,
    "function": SymbolKind.Function,
    "impl": SymbolKind.Class,
    "index": SymbolKind.Key,
    "interface": SymbolKind.Interface,
    "key": SymbolKind.Key,
    "macro": SymbolKind.Function,
    "method": SymbolKind.Method,
    "module": SymbolKind.Module,
    "namespace": SymbolKind.Namespace,
    "property": SymbolKind.Property,
    "section": SymbolKind.String,
    "struct": SymbolKind.Struct,
    "table": SymbolKind.Struct,
    "test": SymbolKind.Function,
    "trait": SymbolKind.Interface,
    "type": SymbolKind.Class,
    "variable": SymbolKind.Variable,
    "view": SymbolKind.Struct,
}


# URIs and paths.


def path_of(uri: str, *, windows: bool = WINDOWS) -> str | None:
    """Return the absolute path of a ``file:`` URI, None for any other.

    Bytes that are not UTF-8 are kept by ``surrogateescape``. ``#`` and ``?`` count as part of the path, for
    editors that forget to quote them: a document has neither fragment nor query.
    """
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "file":
        return None
    host = ""
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        rest = slash + rest
    path = unquote_to_bytes(rest).decode("utf-8", "surrogateescape")
    if not path.startswith("/") or "\0" in path:
        return None
    host = "" if host.lower() == "localhost" else host
    if windows:
        return _windows_path(host, path)
    return None if host else posixpath.normpath("/" + path.lstrip("/"))


def _windows_path(host: str, path: str) -> str:
    if host:
        return ntpath.normpath(f"//{host}{path}")
    drive = path[1:3]
    return ntpath.normpath(drive.upper() + path[3:] if drive[1:] == ":" else path)


def uri_of(path: str, *, windows: bool = WINDOWS) -> str:
    """Return the ``file:`` URI of an absolute path, quoted the way VS Code quotes."""
    host = ""
    if windows:
        path = path.replace("\\", "/")
        if path.startswith("//"):
            host, slash, path = path[2:].partition("/")
            path = slash + path
        elif path[1:2] == ":":
            path = f"/{path[0].lower()}{path[1:]}"
    return f"file://{host}{quote_from_bytes(path.encode('utf-8', 'surrogateescape'), safe='/')}"


# Answers.


def search_result(reply: wire.Reply, places: Places) -> protocol.SearchResult:
    """Return a reply for the editor."""
    return protocol.SearchResult(
        **_answer(reply, places),
        agents=reply.agents,
        partial=reply.partial,
        confidence=reply.confidence,
        weak=reply.weak,
        refined=reply.refined,
    )


def _answer(reply: wire.Reply, places: Places) -> dict[str, Any]:
    """Return what every answer with hits has."""
    return {
        "hits": tuple(hit(found, places) for found in reply.hits),
        "revision": reply.revision,
        "completeness": completeness(reply.completeness),
        "notes": reply.notes,
        "milliseconds": reply.milliseconds,
    }


def grep_result(reply: wire.GrepReply, places: Places) -> protocol.GrepResult:
    """Return the places of a text for the editor."""
    return protocol.GrepResult(
        matches=tuple(match(found, places) for found in reply.places),
        complete=reply.complete,
        revision=reply.revision,
        completeness=completeness(reply.completeness),
        notes=reply.notes,
        milliseconds=reply.milliseconds,
    )


def match(found: wire.WirePlace, places: Places) -> protocol.Match:
    """Return one place of a text with the range the editor sees."""
    uri, range_, _ = places.locate(found.path, found.version, found.span, found.line)
    return protocol.Match(
        uri=uri,
        range=range_,
        folder=uri_of(found.root),
        path=positions.clean(found.relative),
        text=positions.clean(found.text),
        version=found.version,
    )


def explain_result(reply: wire.Reply, places: Places) -> protocol.ExplainResult:
    """Return a reply and how it came about."""
    result = search_result(reply, places)
    return protocol.ExplainResult(**asdict(result, recurse=False), plan=reply.plan)


def related_result(reply: wire.RelatedReply, places: Places) -> protocol.RelatedResult:
    """Return what belongs together, and the commits that say so."""
    return protocol.RelatedResult(**_answer(reply, places), commits=tuple(map(commit, reply.commits)))


def commit(found: wire.WireCommit) -> protocol.Commit:
    """Return one commit."""
    return protocol.Commit(**asdict(found))


def history_result(reply: wire.HistoryReply) -> protocol.HistoryResult:
    """Return the past of some lines, blamed by ranges of whole lines."""
    return protocol.HistoryResult(
        branch=reply.branch,
        commits=tuple(map(commit, reply.commits)),
        blame=tuple(protocol.BlameLines(_whole(b.start_line, b.end_line), b.commit) for b in reply.blame),
        notes=reply.notes,
        milliseconds=reply.milliseconds,
    )


def _whole(first: int, last: int) -> Range:
    return Range(Position(first - 1, 0), Position(last, 0))


def context_result(reply: wire.ContextReply, places: Places) -> protocol.ContextResult:
    """Return the evidence for a question."""
    said = asdict(reply, recurse=False)
    said |= {
        "text": positions.clean(reply.text),
        "evidence": tuple(evidence(found, places) for found in reply.evidence),
        "statements": tuple(statement(found, places) for found in reply.statements),
        "steps": tuple(protocol.WorkflowStep(**asdict(step)) for step in reply.steps),
        "gates": tuple(protocol.Gate(**asdict(gate)) for gate in reply.gates),
        "completeness": completeness(reply.completeness),
    }
    return protocol.ContextResult(**said)


def evidence(found: wire.WireEvidence, places: Places) -> protocol.Evidence:
    """Return lines that answer, with the range the editor sees."""
    uri, range_, _ = places.locate(found.path, found.version, found.span, found.span.start_line)
    return protocol.Evidence(
        uri=uri,
        range=range_,
        folder=uri_of(found.root),
        path=positions.clean(found.relative),
        excerpt=positions.clean(found.excerpt),
        digest=found.digest,
        symbol=found.symbol,
        kind=found.kind,
        language=found.language,
        role=found.role,
        whole=found.whole,
        score=found.score,
        reasons=found.reasons,
        version=found.version,
    )


def statement(found: wire.WireStatement, places: Places) -> protocol.Statement:
    """Return what was found out, with the range the editor sees."""
    uri, range_, _ = places.locate(found.path, found.version, found.span, found.span.start_line)
    return protocol.Statement(
        about=found.about,
        kind=found.kind,
        text=positions.clean(found.text),
        uri=uri,
        range=range_,
        digest=found.digest,
        commit=found.commit,
        version=found.version,
    )


def hit(found: wire.WireHit, places: Places) -> protocol.Hit:
    """Return one hit with the range the editor sees."""
    uri, range_, focus = places.locate(found.path, found.version, found.span, found.line)
    return protocol.Hit(
        uri=uri,
        range=range_,
        focus=focus,
        folder=uri_of(found.root),
        path=positions.clean(found.relative),
        excerpt=positions.clean(found.excerpt),
        symbol=found.symbol,
        kind=found.kind,
        language=found.language,
        score=found.score,
        reasons=found.reasons,
        version=found.version,
    )


def symbols_result(reply: wire.SymbolReply, places: Places) -> protocol.SymbolsResult:
    """Return definitions for the editor."""
    return protocol.SymbolsResult(
        symbols=tuple(symbol(found, places) for found in reply.symbols),
        revision=reply.revision,
        completeness=completeness(reply.completeness),
    )


def symbol(found: wire.WireSymbol, places: Places) -> protocol.Symbol:
    """Return one definition with its full range."""
    uri, range_, focus = places.locate(found.path, found.version, found.span, found.line)
    return protocol.Symbol(
        name=found.name,
        kind=found.kind,
        container=found.container,
        uri=uri,
        range=range_,
        focus=focus,
        folder=uri_of(found.root),
        score=found.score,
        version=found.version,
    )


def workspace_symbol(found: wire.WireSymbol, places: Places) -> WorkspaceSymbol:
    """Return one definition as the protocol's own type: editors put the cursor where its range begins."""
    uri, range_, focus = places.locate(found.path, found.version, found.span, found.line)
    return WorkspaceSymbol(
        location=Location(uri, Range(focus.start, max(range_.end, focus.end))),
        name=found.name,
        kind=symbol_kind(found.kind),
        container_name=found.container or positions.clean(os.path.relpath(found.path, found.root)),
    )


def document_symbols(found: Iterable[wire.WireSymbol], places: Places) -> list[DocumentSymbol]:
    """Return the definitions of one document as a tree: a definition lies in the one whose range holds it."""
    top: list[DocumentSymbol] = []
    around: list[DocumentSymbol] = []
    for one in sorted(found, key=lambda item: (item.span.start, -item.span.end)):
        _, range_, focus = places.locate(one.path, one.version, one.span, one.line)
        node = DocumentSymbol(one.name, symbol_kind(one.kind), range_, focus, children=[])
        while around and around[-1].range.end < range_.end:
            around.pop()
        siblings = around[-1].children if around else top
        assert isinstance(siblings, list)
        siblings.append(node)
        around.append(node)
    return top


def symbol_kind(kind: str) -> SymbolKind:
    """Return the protocol's nearest kind."""
    return _KINDS.get(kind, SymbolKind.Variable)


def completeness(found: wire.Completeness) -> protocol.Completeness:
    """Return how much an answer covers."""
    return protocol.Completeness(**asdict(found))


def folder_status(found: wire.FolderStatus) -> protocol.FolderStatus:
    """Return the state of a folder."""
    said = asdict(found, recurse=False)
    return protocol.FolderStatus(folder=uri_of(said.pop("root")), **said)


def status_result(found: wire.EngineStatus) -> protocol.StatusResult:
    """Return the state of the engine."""
    said = asdict(found, recurse=False)
    return protocol.StatusResult(**{**said, "folders": tuple(map(folder_status, found.folders))})


def done(found: wire.Done) -> protocol.Done:
    """Return an acknowledgement."""
    return protocol.Done(found.revision, found.timed_out)
