"""What a user may mean who has typed the beginning of an argument: paths for files, names for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mcp_types as types

from conexus.engine import wire
from conexus.mcp.prompts import PROMPTS

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

_MOST = 50
_MOST_FILES = 10_000
_LONGEST = 200


async def completed(workspace: Workspace, params: types.CompleteRequestParams) -> types.Completion:
    """Return values for an argument of a prompt or of the template of files. Raises EngineError."""
    typed = params.argument.value[:_LONGEST]
    if isinstance(params.ref, types.ResourceTemplateReference):
        found = await _paths(workspace, typed) if params.argument.name == "path" else []
    elif params.argument.name in ("file", "example"):
        found = await _paths(workspace, typed)
    else:
        found = await _names(workspace, typed) if params.ref.name in PROMPTS and typed else []
    return types.Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)


async def _paths(workspace: Workspace, typed: str) -> list[str]:
    asked = wire.Outline(roots=workspace.roots, symbols=False, limit=_MOST_FILES)
    files = (await workspace.ask("outline", asked)).files
    paths = [file.relative.encode("utf-8", "replace").decode() for file in files]
    # What begins so comes before what only has it somewhere.
    return sorted(
        (path for path in paths if typed.lower() in path.lower()), key=lambda path: not path.startswith(typed)
    )


async def _names(workspace: Workspace, typed: str) -> list[str]:
    asked = wire.Symbols(typed, limit=_MOST, roots=workspace.roots)
    symbols = (await workspace.ask("symbols", asked)).symbols
    return list(dict.fromkeys(symbol.name for symbol in symbols))
