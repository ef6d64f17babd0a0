"""What a tool is: a name, two shapes and a function; and what becomes of a call, whatever is in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import mcp_types as types
from attrs import frozen
from pydantic import ValidationError

from conexus.domain import ConexusError
from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from conexus.mcp.limits import Slots
    from conexus.mcp.shapes import Ask, Reply
    from conexus.mcp.workspace import Workspace

_log = logging.getLogger(__name__)

ERROR_META = "conexus/error"
"""Key in `_meta` of a failed call: ``{"kind": ..., "retry": ...}``."""
_WORTH_RETRYING = frozenset({"unreachable", "timeout", "busy", "cancelled"})
_MOST_SHOWN = 80


@frozen
class Tool:
    """One tool. `ask` and `reply` give it its schemas."""

    name: str
    title: str
    description: str
    ask: type[Ask]
    reply: type[Reply]
    run: Callable[[Workspace, Any], Awaitable[Reply]]
    read_only: bool = True

    def definition(self) -> types.Tool:
        """Return it as clients list it."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=schema_of(self.ask, "validation"),
            output_schema=schema_of(self.reply, "serialization"),
            annotations=types.ToolAnnotations(
                title=self.title,
                read_only_hint=self.read_only,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )

    async def call(
        self, workspace: Workspace, slots: Slots, arguments: Mapping[str, Any]
    ) -> types.CallToolResult:
        """Return the result of a call; every failure is a result too, with its kind, so that an agent can act."""
        try:
            ask = self.ask.model_validate(dict(arguments))
        except ValidationError as error:
            return failed("invalid", _wrong(self, error))
        try:
            async with slots.take():
                reply = await self.run(workspace, ask)
            return _result(reply, workspace.settings.mcp.reply_bytes)
        except EngineError as error:
            return failed(error.kind, str(error))
        except ConexusError as error:
            return failed("failed", str(error))
        except Exception as error:  # noqa: BLE001 -- one call's failure is not the server's
            _log.exception("%s failed", self.name)
            return failed("failed", f"{self.name} failed: {type(error).__name__}; the log has more")


def failed(kind: str, message: str) -> types.CallToolResult:
    """Return a failed call; `kind` is that of an `EngineError`."""
    retry = kind in _WORTH_RETRYING
    advice = " (worth trying again)" if retry else ""
    return types.CallToolResult(
        content=[types.TextContent(text=f"{kind}: {message}{advice}")],
        is_error=True,
        _meta={ERROR_META: {"kind": kind, "retry": retry}},
    )


def schema_of(shape: type[Ask] | type[Reply], mode: Any) -> dict[str, Any]:
    """Return the JSON schema of a shape, without the titles that repeat the names of fields."""
    schema = _bare(shape.model_json_schema(mode=mode))
    assert isinstance(schema, dict)
    return schema


def _bare(value: Any, *, names: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            key: _bare(item, names=key in ("properties", "$defs") and not names)
            for key, item in value.items()
            if names or key != "title"
        }
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _result(reply: Reply, limit: int) -> types.CallToolResult:
    result, size = _rendered(reply)
    if size <= limit or not reply.items:
        return result
    # Sizes grow with the number of items, so the most that fit are found by halving.
    low, high = 0, len(getattr(reply, reply.items))
    while low < high:
        middle = (low + high + 1) // 2
        if _rendered(reply.cut(middle))[1] <= limit:
            low = middle
        else:
            high = middle - 1
    if not low:
        reason = (
            f"the first answer alone is larger than {limit} bytes; ask for less, or raise mcp.reply_bytes"
        )
        return failed("too_large", reason)
    return _rendered(reply.cut(low))[0]


def _rendered(reply: Reply) -> tuple[types.CallToolResult, int]:
    text = reply.text()
    if reply.truncated:
        text += "\n\nCUT to the size limit: ask for less, or go on with the cursor."
    structured = reply.model_dump(mode="json")
    size = len(text.encode("utf-8", "replace")) + len(reply.model_dump_json().encode())
    # A path may have bytes that are no text; JSON has no way to say them.
    content = types.TextContent(text=text.encode("utf-8", "replace").decode())
    return types.CallToolResult(content=[content], structured_content=structured), size


def _wrong(tool: Tool, error: ValidationError) -> str:
    reasons = []
    for problem in error.errors(include_url=False)[:5]:
        name = ".".join(map(str, problem["loc"])) or "arguments"
        sent = repr(problem["input"])
        sent = sent if len(sent) <= _MOST_SHOWN else f"{sent[:_MOST_SHOWN]}…"
        if problem["type"] == "extra_forbidden":
            reasons.append(f"there is no {name}; {tool.name} takes {', '.join(tool.ask.model_fields)}")
        elif problem["type"] == "missing":
            reasons.append(f"{name} is needed")
        else:
            reasons.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}, not {sent}")
    return "; ".join(reasons)
