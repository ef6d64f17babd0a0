"""``context``: the evidence for a question, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator

from conexus.engine import wire
from conexus.mcp.shapes import LONGEST_PATH, LONGEST_QUERY, Ask, Completeness, Reply, Shape, globs, joined
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class ContextAsk(Ask):
    """Arguments of ``context``."""

    question: str = Field(max_length=LONGEST_QUERY)
    """The task or question, in plain words."""
    budget: int = Field(4_000, ge=100, le=100_000)
    """Tokens that the evidence may have."""
    task: Literal["", "code", "debug", "architecture", "security", "docs"] = ""
    """What it is for; empty lets the question decide."""
    profile: Literal["strict", "default", "relaxed"] = "default"
    """How strict the checks on the evidence are."""
    active_file: str = Field("", max_length=LONGEST_PATH)
    """The file being worked on."""
    line: int = Field(0, ge=0)
    """The line in it, 1-based."""
    paths: list[str] = Field([], max_length=100)
    """Only paths that match one of these globs."""
    exclude_paths: list[str] = Field([], max_length=100)
    """No paths that match one of these."""
    languages: list[str] = Field([], max_length=50)
    """Only these languages."""

    @field_validator("question")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("say what you want to know or do")
        return value


class Evidence(Shape):
    """Whole lines of a file, checked against its text when the reply was made."""

    path: str
    root: str
    start_line: int
    end_line: int
    digest: str
    """Of the lines' bytes."""
    symbol: str
    kind: str
    language: str
    role: str
    """here, answer, callee, caller, test, document or setting."""
    whole: bool
    """Whether it is all of its definition."""
    score: float
    reasons: list[str]
    version: int | None

    @classmethod
    def of(cls, part: wire.WireEvidence) -> Self:
        """Return the engine's evidence; its lines are in the reply's text."""
        lines = {"start_line": part.span.start_line, "end_line": part.span.end_line}
        return cls.taken(part, path=part.relative, score=round(part.score, 4), **lines)


class Statement(Shape):
    """Something found out about a definition, with the lines that prove it."""

    about: str
    kind: str
    statement: str
    path: str
    root: str
    start_line: int
    end_line: int
    commit: str

    @classmethod
    def of(cls, found: wire.WireStatement) -> Self:
        """Return the engine's statement."""
        lines = {"start_line": found.span.start_line, "end_line": found.span.end_line}
        return cls.taken(found, statement=found.text, path=found.relative, **lines)


class Step(Shape):
    """What one agent of the workflow did."""

    name: str
    outcome: str
    """done, late, failed or skipped."""
    found: int
    milliseconds: float
    note: str


class Gate(Shape):
    """One check on the reply."""

    name: str
    outcome: str
    """passed, warned or failed."""
    detail: str


class ContextReply(Reply):
    """Result of ``context``."""

    items: ClassVar[str] = "statements"

    pack: str
    """The evidence to read: most valuable first, whole definitions, paths and line numbers."""
    tokens: int
    """An upper bound of the tokens of pack."""
    budget: int
    task: str
    intent: str
    confidence: float
    """0 to 1: how likely it is that the answer is in here."""
    evidence: list[Evidence]
    statements: list[Statement]
    steps: list[Step]
    gates: list[Gate]
    branch: str
    revision: int
    completeness: Completeness
    notes: list[str]
    milliseconds: float

    def text(self) -> str:
        """Return the pack, and what is wrong with it."""
        wrong = [
            f"gate {gate.name} {gate.outcome}: {gate.detail}"
            for gate in self.gates
            if gate.outcome != "passed"
        ]
        broken = [
            f"step {step.name} {step.outcome}: {step.note}"
            for step in self.steps
            if step.outcome in ("failed", "late")
        ]
        return joined(
            self.pack or "Nothing found.", self.completeness.text(), "\n".join([*wrong, *broken]), *self.notes
        )


async def run(workspace: Workspace, ask: ContextAsk) -> ContextReply:
    """Answer from the index as it is, unsaved text included."""
    roots = workspace.root(ask.root)
    path = ask.active_file
    if path:
        path = (await workspace.ask("read", wire.ReadText(path, roots=roots, limit=1))).path
    asked = wire.Context(
        text=ask.question,
        budget=ask.budget,
        task=ask.task,
        profile=ask.profile,
        path=path,
        line=ask.line,
        roots=roots,
        paths=globs(ask.paths),
        exclude_paths=globs(ask.exclude_paths),
        languages=globs(ask.languages),
    )
    return _reply(await workspace.ask_patiently("context", asked, lambda found: not found.evidence))


def _reply(found: wire.ContextReply) -> ContextReply:
    return ContextReply.taken(
        found,
        pack=found.text,
        evidence=[Evidence.of(part) for part in found.evidence],
        statements=[Statement.of(statement) for statement in found.statements],
        steps=[Step.taken(step) for step in found.steps],
        gates=[Gate.taken(gate) for gate in found.gates],
        completeness=Completeness.taken(found.completeness),
        truncated=False,
    )


TOOL = Tool(
    name="context",
    title="Gather evidence",
    description=(
        "Everything needed for a task or question in one call, packed into a token budget: the code that answers,"
        " its callers and callees, tests, documentation, settings and history, each with path and lines, checked"
        " against the text as it is now. Use it first for a task that touches more than one place."
    ),
    ask=ContextAsk,
    reply=ContextReply,
    run=run,
)
