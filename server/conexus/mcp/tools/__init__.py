"""The tools, one file each, in the order clients list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conexus.mcp.tools import (
    context,
    explain_ranking,
    grep,
    history,
    index_control,
    outline,
    read,
    related,
    search,
    similar,
    symbols,
)

if TYPE_CHECKING:
    from conexus.mcp.tool import Tool

TOOLS: dict[str, Tool] = {
    module.TOOL.name: module.TOOL
    for module in (
        search,
        context,
        symbols,
        grep,
        read,
        outline,
        related,
        similar,
        history,
        explain_ranking,
        index_control,
    )
}
"""Name → tool."""
