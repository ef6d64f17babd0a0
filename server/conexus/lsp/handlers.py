"""What is done about each message: convert in, ask the engine, convert out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from conexus.engine import wire
from conexus.lsp import convert, protocol
from conexus.lsp.buffers import Shown
from conexus.lsp.protocol import InvalidParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.lsp.session import Session

_MOST_SYMBOLS = 100
_MOST_PLACES = 200
_MOST_IN_DOCUMENT = 5_000
_PATIENCE_SECONDS = 30.0
_INDEX_WAIT_MS = 2_000
_CATCH_ALL = "**/*"

# The life of a session.


def initialize(session: Session, params: types.InitializeParams) -> None:
    """Take note of the client; pygls answers with what the table of handlers offers."""
    session.connection.use_documents(params.workspace_folders)
    session.begin(params)
    if session.settings.lsp.document_symbols:
        session.connection.fm.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(partial(document_symbol, session))


async def initialized(session: Session, _: types.InitializedParams) -> None:
    """Ask the client to tell of changed files and settings, and open its folders."""
    session.spawn(_register(session))
    await session.open()


async def _register(session: Session) -> None:
    wanted = []
    if session.watches_files:
        watchers = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(_CATCH_ALL)])
        wanted.append(_registration(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, watchers))
    if session.capability("workspace.did_change_configuration.dynamic_registration"):
        section = types.DidChangeConfigurationRegistrationOptions("conexus")
        wanted.append(_registration(types.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
    if not wanted:
        return
    try:
        asked = types.RegistrationParams(wanted)
        await session.connection.ask(types.CLIENT_REGISTER_CAPABILITY, asked, _PATIENCE_SECONDS)
    except (JsonRpcException, TimeoutError):
        # A client that says no is served without.
        await session.watch_instead()
    else:
        await session.look_again()


def _registration(method: str, options: object) -> types.Registration:
    return types.Registration(f"conexus {method}", method, options)


# Documents. None of these waits for anything: their order is the order of the edits.


def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    """Show a document to the engine."""
    uri, language = params.text_document.uri, params.text_document.language_id
    document = session.connection.documents.find(uri)
    if document is not None and (path := convert.path_of(uri)):
        session.buffers.show(path, Shown(uri, language, lambda: (document.version or 0, document.source)))


def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    """Note that a document has other text."""
    if path := convert.path_of(params.text_document.uri):
        session.buffers.change(path)


def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    """Note that the file has other text."""
    session.touch([params.text_document.uri])


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Let the file on disk count again."""
    if path := convert.path_of(params.text_document.uri):
        session.buffers.hide(path)


def did_open_notebook(session: Session, params: types.DidOpenNotebookDocumentParams) -> None:
    """Show a notebook to the engine as the file it would be saved as."""
    uri, documents = params.notebook_document.uri, session.connection.documents
    notebook, path = documents.get_notebook_document(notebook_uri=uri), convert.path_of(uri)
    if notebook is None or path is None:
        return
    encoding = session.connection.encoding

    def now() -> tuple[int, str]:
        return notebook.version, session.notebooks.text(path, notebook, documents, encoding)

    session.buffers.show(path, Shown(uri, "ipynb", now))


def did_change_notebook(session: Session, params: types.DidChangeNotebookDocumentParams) -> None:
    """Note that a notebook has other cells."""
    if path := convert.path_of(params.notebook_document.uri):
        session.buffers.change(path)


def did_save_notebook(session: Session, params: types.DidSaveNotebookDocumentParams) -> None:
    """Note that the file has other text."""
    session.touch([params.notebook_document.uri])


def did_close_notebook(session: Session, params: types.DidCloseNotebookDocumentParams) -> None:
    """Let the file on disk count again."""
    if path := convert.path_of(params.notebook_document.uri):
        session.buffers.hide(path)
        session.notebooks.close(path)


# Files and folders.


def will_rename(_: Session, __: types.RenameFilesParams) -> None:
    """Change nothing in other files: the index follows once it is done."""


def did_rename(session: Session, params: types.RenameFilesParams) -> None:
    """Look at both places again."""
    session.touch(uri for file in params.files for uri in (file.old_uri, file.new_uri))


def did_create_or_delete(session: Session, params: types.CreateFilesParams | types.DeleteFilesParams) -> None:
    """Look at these places again."""
    session.touch(file.uri for file in params.files)


def did_change_watched(session: Session, params: types.DidChangeWatchedFilesParams) -> None:
    """Look at these places again."""
    session.touch(change.uri for change in params.changes)


def did_change_folders(session: Session, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Open and close folders."""
    event = params.event
    session.change_folders((folder.uri for folder in event.added), (folder.uri for folder in event.removed))


async def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    """Go by the new settings."""
    await session.configure(params.settings)


def cancel_progress(session: Session, params: types.WorkDoneProgressCancelParams) -> None:
    """Pause the indexing whose progress the user cancelled."""
    if root := session.progress.root_of(params.token):
        session.spawn(session.ask("pause", wire.Pause(root)))


# Symbols in the protocol's own terms.


async def workspace_symbol(
    session: Session, params: types.WorkspaceSymbolParams
) -> list[types.WorkspaceSymbol]:
    """Return definitions by name, best first, and with a token in two parts: by name, then by meaning."""
    token, sent = params.partial_result_token, set[tuple[str, int]]()
    phases = [False, True] if token is not None and session.fills_up else [session.fills_up]
    found: list[types.WorkspaceSymbol] = []
    for semantic in phases:
        symbols = [one for one in await _named(session, params.query, semantic) if _key(one) not in sent]
        sent.update(map(_key, symbols))
        places = await session.places(symbols)
        found = [convert.workspace_symbol(one, places) for one in symbols]
        if token is not None:
            session.connection.notify(types.PROGRESS, types.ProgressParams(token, found))
    return found if token is None else []


async def _named(session: Session, name: str, semantic: bool) -> Sequence[wire.WireSymbol]:
    """Return definitions; where there is none yet, wait a moment for the index, as pickers ask only once."""
    asked = wire.Symbols(name, _MOST_SYMBOLS, tuple(session.folders), semantic=semantic)
    reply: wire.SymbolReply = await session.ask("symbols", asked)
    if not (reply.symbols or reply.completeness.complete or reply.completeness.phase == "paused"):
        await session.ask("wait", wire.WaitFor(complete=True, timeout_ms=_INDEX_WAIT_MS))
        reply = await session.ask("symbols", asked)
    return reply.symbols


def _key(symbol: wire.WireSymbol) -> tuple[str, int]:
    return symbol.path, symbol.span.start


async def document_symbol(session: Session, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    """Return the outline of a document."""
    path = convert.path_of(params.text_document.uri)
    if path is None:
        return []
    reply = await session.ask("symbols", wire.Symbols("", _MOST_IN_DOCUMENT, path=path))
    return convert.document_symbols(reply.symbols, await session.places(reply.symbols))


# Our own requests.


async def search(session: Session, params: protocol.SearchParams) -> Any:
    """Answer a question; where hits go ahead and a second model has a say, once more when it had it."""
    asked, token = _question(session, params), params.partial_result_token
    twice = token is not None and session.settings.search.second_model
    reply = await session.ask("search", evolve(asked, refine=params.refine and not twice))
    result = convert.search_result(reply, await session.places(reply.hits))
    answer = session.deliver(result, "hits", token)
    if token is None or not twice:
        return answer
    reply = await session.ask("search", evolve(asked, refine=True))
    result = convert.search_result(reply, await session.places(reply.hits))
    return session.replace(result, token) if result.refined else answer


async def grep(session: Session, params: protocol.GrepParams) -> Any:
    """Return where a text is."""
    asked = wire.Grep(
        text=params.text,
        regex=params.regex,
        ignore_case=params.ignore_case,
        roots=session.roots(params.folders),
        paths=params.paths,
        exclude_paths=params.exclude_paths,
        languages=params.languages,
        limit=params.limit or _MOST_PLACES,
        timeout_ms=params.timeout_ms,
    )
    reply = await session.ask("grep", asked)
    result = convert.grep_result(reply, await session.places(reply.places))
    return session.deliver(result, "matches", params.partial_result_token)


async def explain(session: Session, params: protocol.SearchParams) -> Any:
    """Answer a question and say how the answer came about."""
    reply = await session.ask("search", _question(session, params, explain=True))
    result = convert.explain_result(reply, await session.places(reply.hits))
    return session.deliver(result, "hits", params.partial_result_token)


def _question(session: Session, params: protocol.SearchParams, *, explain: bool = False) -> wire.Search:
    return wire.Search(
        text=params.query,
        limit=session.limit(params.limit),
        roots=session.roots(params.folders),
        paths=params.paths,
        exclude_paths=params.exclude_paths,
        languages=params.languages,
        kinds=params.kinds,
        explain=explain,
        context=session.context(params.context),
    )


async def similar(session: Session, params: protocol.SimilarParams) -> Any:
    """Return code like a text or like a range."""
    limit, roots = session.limit(params.limit), session.roots(params.folders)
    if params.text_document is None:
        if not params.text:
            raise InvalidParamsError("params.text: give a text, or textDocument")
        asked = wire.Similar(text=params.text, limit=limit, roots=roots)
    else:
        path = session.path(params.text_document.uri, "textDocument.uri")
        first, last = _lines(params.range)
        asked = wire.Similar(params.text, path, first, last, limit, roots)
    reply = await session.ask("similar", asked)
    result = convert.search_result(reply, await session.places(reply.hits))
    return session.deliver(result, "hits", params.partial_result_token)


def _lines(range_: types.Range | None) -> tuple[int, int]:
    """Return the 1-based lines of a range; one that ends where a line begins does not touch that line."""
    if range_ is None:
        return 0, 0
    last = range_.end.line + (range_.end.character > 0)
    return range_.start.line + 1, max(last, range_.start.line + 1)


async def related(session: Session, params: protocol.RelatedParams) -> Any:
    """Return what belongs to a document, to the definition at a position, or to a ticket."""
    document = params.text_document
    if (document is None) == (not params.ticket):
        raise InvalidParamsError("params.textDocument: give a document, or a ticket")
    path = session.path(document.uri, "textDocument.uri") if document else ""
    line = params.position.line + 1 if params.position else 0
    roots = session.roots(params.folders)
    asked = wire.Related(path, line, session.limit(params.limit), params.ticket, roots)
    reply = await session.ask("related", asked)
    result = convert.related_result(reply, await session.places(reply.hits))
    return session.deliver(result, "hits", params.partial_result_token)


async def context(session: Session, params: protocol.ContextParams) -> Any:
    """Return the evidence for a question."""
    document = params.text_document
    asked = wire.Context(
        text=params.query,
        budget=params.budget,
        task=params.task,
        profile=params.profile,
        path=session.path(document.uri, "textDocument.uri") if document else "",
        line=params.position.line + 1 if params.position else 0,
        roots=session.roots(params.folders),
        paths=params.paths,
        exclude_paths=params.exclude_paths,
        languages=params.languages,
    )
    reply = await session.ask("context", asked)
    places = await session.places((*reply.evidence, *reply.statements))
    return protocol.unstructure(convert.context_result(reply, places))


async def history(session: Session, params: protocol.HistoryParams) -> Any:
    """Return who wrote lines of a document."""
    path = session.path(params.text_document.uri, "textDocument.uri")
    asked = wire.History(path, *_lines(params.range), session.limit(params.limit))
    return protocol.unstructure(convert.history_result(await session.ask("history", asked)))


async def symbols(session: Session, params: protocol.SymbolsParams) -> Any:
    """Return definitions by name, or those of one document."""
    document = params.text_document
    path = session.path(document.uri, "textDocument.uri") if document else ""
    limit, roots = params.limit or _MOST_SYMBOLS, session.roots(params.folders)
    reply = await session.ask("symbols", wire.Symbols(params.query, limit, roots, path, params.semantic))
    result = convert.symbols_result(reply, await session.places(reply.symbols))
    return session.deliver(result, "symbols", params.partial_result_token)


async def status(session: Session, params: protocol.FolderParams) -> Any:
    """Say how far the index is."""
    found = await session.ask("status", wire.StatusOf(session.root(params.folder)))
    return protocol.unstructure(convert.status_result(found))


async def reindex(session: Session, params: protocol.ReindexParams) -> Any:
    """Compare every file with the index again."""
    return await _done(session, "reindex", wire.Reindex(session.root(params.folder), params.fresh))


async def pause(session: Session, params: protocol.FolderParams) -> Any:
    """Stop indexing in the background."""
    return await _done(session, "pause", wire.Pause(session.root(params.folder)))


async def resume(session: Session, params: protocol.FolderParams) -> Any:
    """Go on with indexing in the background."""
    return await _done(session, "resume", wire.Resume(session.root(params.folder)))


async def wait_for_revision(session: Session, params: protocol.WaitParams) -> Any:
    """Answer when all that was sent before is searchable."""
    root = session.root(params.folder)
    return await _done(
        session, "wait", wire.WaitFor(root, params.revision, params.complete, params.timeout_ms)
    )


async def _done(session: Session, method: str, params: Any) -> Any:
    return protocol.unstructure(convert.done(await session.ask(method, params)))
