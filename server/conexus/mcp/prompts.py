"""The prompts: ways to begin that an agent's user can pick, with what the index has on the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mcp_types as types
from attrs import frozen

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.shapes import LONGEST_QUERY, Hits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conexus.mcp.workspace import Workspace

_EVIDENCE = 5


@frozen
class Prompt:
    """One prompt: its arguments (name → what it is; the first is needed) and its text with their places."""

    name: str
    title: str
    description: str
    arguments: dict[str, str]
    text: str

    def definition(self) -> types.Prompt:
        """Return it as clients list it."""
        first = next(iter(self.arguments))
        arguments = [
            types.PromptArgument(name=name, description=what, required=name == first)
            for name, what in self.arguments.items()
        ]
        return types.Prompt(
            name=self.name, title=self.title, description=self.description, arguments=arguments
        )


EXPLORE = Prompt(
    "explore",
    "Explore the code",
    "Understand how something works in this code base.",
    {"topic": "What you want to understand."},
    "Explain how this works in this code base: {topic}\n\n"
    "Call `context` with the topic as the question. Follow what it leaves open with `symbols`, `related` and `read`;"
    " use `outline` for the shape of a folder. Explain from the outside in: what it is for, the path through the code,"
    " where to change what. Give path:line for every claim, and say what you did not find.",
)
FIND_THE_BUG = Prompt(
    "find-the-bug",
    "Find the bug",
    "Go from a symptom to the lines that cause it.",
    {
        "symptom": "What happens, and what should: a message, a wrong value, a stack trace.",
        "file": "Where you suspect it.",
    },
    "Find the cause of this: {symptom}\n{file}\n\n"
    "Call `context` with the symptom as the question and task `debug`. `search` for exact words of messages; follow"
    " callers and callees with `related` and `symbols`; look at `history` of the suspect lines. Before you name a"
    " cause, `read` the lines as they are now and say step by step how they lead to the symptom. Then name the"
    " smallest change that mends it and the test that would have caught it.",
)
WRITE_A_TEST_LIKE = Prompt(
    "write-a-test-like",
    "Write a test like",
    "Write a test in the manner of those that are there.",
    {
        "target": "What to test: a function, a class, a behaviour.",
        "example": "A test to take after, if you know one.",
    },
    "Write a test of: {target}\n{example}\n\n"
    "Find the target with `symbols` or `search` and `read` it. Find its tests and those of its neighbours with"
    " `related`, and tests like them with `similar`. Take over their file layout, names, fixtures and way of"
    " asserting. Test what it promises, at its limits too, and make sure that the test can fail.",
)
PROMPTS: dict[str, Prompt] = {prompt.name: prompt for prompt in (EXPLORE, FIND_THE_BUG, WRITE_A_TEST_LIKE)}
"""Name → prompt."""
_ASIDE = {"file": "I suspect this file: {}", "example": "Take after this one: {}"}


async def filled(workspace: Workspace, name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
    """Return a prompt with its arguments and the first places the index finds. Raises EngineError."""
    prompt = PROMPTS.get(name)
    if prompt is None:
        raise EngineError(f"there is no prompt {name[:100]}; there are {', '.join(PROMPTS)}", kind="invalid")
    values = {argument: (arguments.get(argument) or "").strip() for argument in prompt.arguments}
    first = next(iter(values))
    if not values[first] or len(values[first]) > LONGEST_QUERY:
        raise EngineError(f"{name} needs {first}, of at most {LONGEST_QUERY} characters", kind="invalid")
    shown = {
        argument: _ASIDE[argument].format(value) if argument in _ASIDE and value else value
        for argument, value in values.items()
    }
    messages = [_message(prompt.text.format(**shown))]
    reply = await workspace.ask("search", wire.Search(values[first], limit=_EVIDENCE, roots=workspace.roots))
    if reply.hits:
        messages.append(_message(f"To begin with, the index finds this:\n\n{Hits.of(reply).text()}"))
    return types.GetPromptResult(description=prompt.description, messages=messages)


def _message(text: str) -> types.PromptMessage:
    content = types.TextContent(text=text.encode("utf-8", "replace").decode())
    return types.PromptMessage(role="user", content=content)
