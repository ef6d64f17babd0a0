"""``explain_ranking``: how a search came to its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from conexus.mcp.shapes import Hits, joined
from conexus.mcp.tool import Tool
from conexus.mcp.tools.search import SearchAsk, question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conexus.mcp.workspace import Workspace

_MOST_CANDIDATES = 20


class ExplainReply(Hits):
    """Result of ``explain_ranking``."""

    plan: dict[str, Any]
    """What was understood of the query (intent, words, filters), and each agent's candidates with their ranks."""

    def text(self) -> str:
        """Return the plan, then the hits."""
        agents = self.plan.get("agents", {})
        lines = [
            f"Intent {self.plan.get('intent', 'unknown')}, words: {' '.join(self.plan.get('words', []))}",
            *([f"Must have: {' '.join(exact)}"] if (exact := self.plan.get("exact")) else []),
            *([f"Only where: {filters}"] if (filters := _said(self.plan.get("filters", {}))) else []),
            *(
                f"{name}: {len(agent['candidates'])} candidates in {agent['milliseconds']:.1f} ms"
                + (f", FAILED: {agent['failure']}" if agent["failure"] else "")
                for name, agent in agents.items()
            ),
        ]
        return joined("\n".join(lines), super().text())


def _said(filters: Mapping[str, Sequence[str]]) -> str:
    """Return the filters that there are, each with its values."""
    return ", ".join(f"{name} {' '.join(values)}" for name, values in filters.items() if values)


async def run(workspace: Workspace, ask: SearchAsk) -> ExplainReply:
    """Answer like ``search``, and say how."""
    asked = evolve(question(workspace, ask, ask.limit), explain=True)
    reply = await workspace.ask("search", asked)
    plan = dict(reply.plan)
    plan["agents"] = {
        name: {**agent, "candidates": agent["candidates"][:_MOST_CANDIDATES]}
        for name, agent in plan.get("agents", {}).items()
    }
    return ExplainReply.of(reply, plan=plan)


TOOL = Tool(
    name="explain_ranking",
    title="Explain a search",
    description=(
        "Run a search and see why each hit is where it is: what was understood of the query, and what each way of"
        " searching found. Use it when a search misses what you expect."
    ),
    ask=SearchAsk,
    reply=ExplainReply,
    run=run,
)
