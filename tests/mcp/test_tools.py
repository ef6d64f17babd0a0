"""Every tool, resource and prompt, end to end, over both ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from conexus.mcp.tools import TOOLS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mcp.agents import Agent

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_tools_are_described(agent: Agent) -> None:
    tools = (await agent.client.list_tools()).tools
    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.annotations
        assert tool.annotations.read_only_hint is (tool.name != "index_control")
        assert tool.annotations.open_world_hint is False
        assert tool.description
        assert tool.title
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.output_schema
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        # Flat and without null: not every client understands more.
        assert "$defs" not in tool.input_schema
        assert "anyOf" not in json.dumps(tool.input_schema)
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], f"{tool.name}.{name}"


async def test_agents_are_told_which_tool_is_for_what(agent: Agent) -> None:
    assert agent.client.instructions
    for name in TOOLS:
        assert f"`{name}`" in agent.client.instructions
    for kind in ("invalid", "pattern", "outside", "missing", "withheld", "ambiguous", "timeout", "busy"):
        assert f"`{kind}`" in agent.client.instructions


async def test_search(agent: Agent, project: Path) -> None:
    found = await agent.call("search", query="light a lamp when the switch is pressed")
    best = found["hits"][0]
    assert (best["path"], best["root"], best["version"]) == ("lamps.py", str(project), None)
    lines = (project / "lamps.py").read_text("utf-8").splitlines(keepends=True)
    assert best["excerpt"] == "".join(lines[best["start_line"] - 1 : best["end_line"]])
    assert found["completeness"] == {
        "complete": True,
        "files": found["completeness"]["files"],
        "pending": 0,
        "percent": 100,
        "phase": "ready",
    }
    assert "lamps.py:" in (await agent.raw("search", query="lamp")).content[0].text  # type: ignore[union-attr]
    assert {hit["path"] for hit in (await agent.call("search", query="lamp", paths=["tests/"]))["hits"]} == {
        "tests/test_lamps.py"
    }
    other = await agent.call("search", query="lamp", languages=["markdown"], exclude_paths=["nothing/*"])
    assert {hit["language"] for hit in other["hits"]} == {"markdown"}
    assert not any("hidden.py" in hit["path"] for hit in (await agent.call("search", query="hidden"))["hits"])


async def test_search_goes_on_with_its_cursor(agent: Agent) -> None:
    everything = [hit["path"] for hit in (await agent.call("search", query="lamp switch", limit=100))["hits"]]
    paged: list[str] = []
    cursor = ""
    for _ in range(100):
        page = await agent.call("search", query="lamp switch", limit=2, cursor=cursor)
        paged += [hit["path"] for hit in page["hits"]]
        if not (cursor := page["next_cursor"]):
            break
    assert sorted(paged) == sorted(everything)
    assert (await agent.failure("search", query="lamp", cursor="nonsense")).startswith("invalid: the cursor")
    forged = "WzEwMDAwLDFd"
    assert "1000 hits deep" in await agent.failure("search", query="lamp", cursor=forged)


async def test_what_is_worked_on_comes_first(agent: Agent) -> None:
    def score(found: dict[str, Any], path: str) -> tuple[float, list[str]]:
        hit = next(hit for hit in found["hits"] if hit["path"] == path)
        return hit["score"], hit["reasons"]

    plain = await agent.call("search", query="switch")
    near = await agent.call("search", query="switch", active_file="tests/test_lamps.py")
    before, reasons = score(plain, "tests/test_lamps.py")
    after, more = score(near, "tests/test_lamps.py")
    assert after > before
    assert [*reasons, "near what is worked on"] == more
    # A file that is not there says nothing about what is near.
    assert await agent.call("search", query="switch", active_file="no/such.py")
    branch = await agent.call("search", query="switch", branch="feature/LAMP-7-dimmer")
    assert any("near what is worked on" in hit["reasons"] for hit in branch["hits"])


async def test_symbols(agent: Agent) -> None:
    found = (await agent.call("symbols", name="turnOn"))["symbols"]
    assert (found[0]["name"], found[0]["container"], found[0]["path"]) == ("turn_on", "Lamp", "lamps.py")
    assert found[0]["line"] == 9
    assert (await agent.call("symbols", name="zzzqqq"))["symbols"] == []
    assert (await agent.call("symbols", name="light a lamp", by_meaning=True))["symbols"]


async def test_grep(agent: Agent) -> None:
    found = await agent.call("grep", pattern=r"def turn_\w+\(")
    assert [(m["path"], m["line"], m["column"]) for m in found["matches"]] == [("lamps.py", 9, 5)]
    assert found["exhaustive"]
    assert (await agent.call("grep", pattern="turn_on(Switch())", literal=True))["matches"][0]["path"] == (
        "tests/test_lamps.py"
    )
    assert len((await agent.call("grep", pattern="LAMP", ignore_case=True, limit=2))["matches"]) == 2
    assert (await agent.call("grep", pattern="LAMP"))["matches"] == []


async def test_read(agent: Agent, project: Path) -> None:
    whole = await agent.call("read", path="lamps.py")
    assert whole["content"] == (project / "lamps.py").read_text("utf-8")
    assert (whole["start_line"], whole["end_line"], whole["lines"]) == (1, 15, 15)
    part = await agent.call("read", path=str(project / "lamps.py"), start_line=6, end_line=7)
    assert part["content"] == "class Lamp:\n    '''One lamp.'''\n"
    assert part["digest"] == whole["digest"]
    assert (await agent.call("read", path="deep/../lamps.py", end_line=1))["content"] == "'''Lamps.'''\n"
    assert "lines 1 to 15" in await agent.failure("read", path="lamps.py", start_line=99)
    assert (await agent.failure("read", path="deep")).startswith("invalid: deep is a directory")


async def test_outline(agent: Agent) -> None:
    one = (await agent.call("outline", path="lamps.py"))["files"]
    assert [(s["name"], s["kind"], s["container"]) for s in one[0]["symbols"]] == [
        ("Lamp", "class", ""),
        ("turn_on", "method", "Lamp"),
        ("brightest", "function", ""),
    ]
    flat = (await agent.call("outline", path="lamps.py", depth=1))["files"]
    assert [s["name"] for s in flat[0]["symbols"]] == ["Lamp", "brightest"]
    paths = [".gitignore", "README.md", "deep/er/notes.txt", "lamps.py", "switches.py", "tests/test_lamps.py"]
    assert [file["path"] for file in (await agent.call("outline"))["files"]] == paths
    assert [file["path"] for file in (await agent.call("outline", path="deep"))["files"]] == [paths[2]]
    paged, cursor = [], ""
    for _ in paths:
        page = await agent.call("outline", limit=2, cursor=cursor)
        paged += [file["path"] for file in page["files"]]
        assert page["total"] == len(paths)
        if not (cursor := page["next_cursor"]):
            break
    assert paged == paths


async def test_similar(agent: Agent) -> None:
    found = await agent.call("similar", text="class Switch:\n    def pressed(self): return True")
    assert found["hits"][0]["path"] == "switches.py"
    by_place = await agent.call("similar", path="lamps.py", start_line=6, end_line=11)
    assert "lamps.py" not in {hit["path"] for hit in by_place["hits"][:1]}
    assert (await agent.failure("similar")).startswith("invalid: give either text")


async def test_related(agent: Agent) -> None:
    of_file = (await agent.call("related", path="lamps.py"))["hits"]
    kinds = {hit["path"]: hit["reasons"][0] for hit in of_file}
    assert kinds["tests/test_lamps.py"] == "test"
    assert kinds["README.md"] == "documentation"
    of_symbol = (await agent.call("related", symbol="Switch"))["hits"]
    assert {"lamps.py", "tests/test_lamps.py"} <= {hit["path"] for hit in of_symbol}
    of_ticket = await agent.call("related", ticket="LAMP-7")
    assert "lamps.py" in {hit["path"] for hit in of_ticket["hits"]}
    assert "LAMP-7" in of_ticket["commits"][0]["tickets"]
    assert (await agent.failure("related")).startswith("invalid: give one of")
    assert (await agent.failure("related", path="lamps.py", ticket="X-1")).startswith("invalid: give one of")
    assert (await agent.failure("related", symbol="NoSuchThingAnywhere")).startswith(
        "missing: nothing is called"
    )


async def test_context(agent: Agent) -> None:
    found = await agent.call(
        "context", question="how does a lamp light when its switch is pressed", budget=1000
    )
    assert "def turn_on" in found["pack"]
    assert found["tokens"] <= found["budget"] == 1000
    assert "lamps.py" in {part["path"] for part in found["evidence"]}
    assert {gate["name"] for gate in found["gates"]}
    assert {step["outcome"] for step in found["steps"]} <= {"done", "skipped", "late"}
    active = await agent.call(
        "context", question="what lights here", active_file="lamps.py", line=9, task="debug"
    )
    assert active["task"] == "debug"
    assert (await agent.failure("context", question=" ")).startswith("invalid: question:")


async def test_history(agent: Agent) -> None:
    found = await agent.call("history", path="lamps.py", start_line=6, end_line=9)
    assert found["branch"] == "feature/LAMP-7"
    assert [commit["author"] for commit in found["commits"]] == ["Ada"]
    assert found["commits"][0]["tickets"] == ["LAMP-7"]
    assert [part["commit"] for part in found["blame"]] == [found["commits"][0]["id"]]


async def test_explain_ranking(agent: Agent) -> None:
    found = await agent.call("explain_ranking", query="where is turn_on lang:python")
    assert found["hits"][0]["path"] == "lamps.py"
    assert {"semantic", "lexical", "symbol"} <= set(found["plan"]["agents"])
    assert found["plan"]["filters"]["languages"] == ["python"]
    asked = await agent.raw("explain_ranking", query='turn_on "lamp" lang:python -path:docs')
    text = asked.content[0].text  # type: ignore[union-attr]
    assert text.split("\n")[1:3] == ['Must have: "lamp"', "Only where: exclude_paths docs, languages python"]


async def test_index_control(agent: Agent, project: Path) -> None:
    folder = (await agent.call("index_control"))["folders"][0]
    assert (folder["root"], folder["phase"], folder["files"]) == (str(project), "ready", 6)
    assert (await agent.call("index_control", action="pause"))["folders"][0]["phase"] == "paused"
    assert (await agent.call("index_control", action="resume"))["folders"][0]["phase"] != "paused"
    await agent.call("index_control", action="reindex")
    await agent.settled()


async def test_roots_are_named(agent: Agent, project: Path) -> None:
    assert (await agent.call("search", query="lamp", root="project"))["hits"]
    assert (await agent.call("search", query="lamp", root=f"{project}/"))["hits"]
    assert (await agent.failure("search", query="lamp", root="/")).startswith("invalid: root '/'")


async def test_secrets_are_blanked(agent: Agent) -> None:
    read = await agent.call("read", path="switches.py")
    assert "ghp_" not in read["content"]
    assert "*" * 20 in read["content"]
    assert read["redactions"] == 1
    assert (await agent.call("grep", pattern="ghp_[0-9a-zA-Z]+"))["matches"] == []


async def test_prompts(agent: Agent) -> None:
    prompts = (await agent.client.list_prompts()).prompts
    assert [prompt.name for prompt in prompts] == ["explore", "find-the-bug", "write-a-test-like"]
    for prompt in prompts:
        assert prompt.arguments
        assert prompt.arguments[0].required is True
        arguments = {argument.name: "lamp" for argument in prompt.arguments}
        filled = await agent.client.get_prompt(prompt.name, arguments)
        said = [message.content.text for message in filled.messages]  # type: ignore[union-attr]
        assert "lamp" in said[0]
        assert "lamps.py" in said[1]
        assert "{" not in said[0]


async def test_completion(agent: Agent) -> None:
    from mcp_types import PromptReference, ResourceTemplateReference

    template = ResourceTemplateReference(uri="conexus://file/{+path}{?start,end,root}")
    found = await agent.client.complete(template, {"name": "path", "value": "la"})
    assert found.completion.values == ["lamps.py", "tests/test_lamps.py"]
    prompt = PromptReference(name="explore")
    assert (
        "turn_on"
        in (await agent.client.complete(prompt, {"name": "topic", "value": "turn"})).completion.values
    )
    assert (await agent.client.complete(prompt, {"name": "topic", "value": ""})).completion.values == []
    bug = PromptReference(name="find-the-bug")
    assert (await agent.client.complete(bug, {"name": "file", "value": "swi"})).completion.values == [
        "switches.py"
    ]


async def test_resources(agent: Agent, project: Path) -> None:
    listed = (await agent.client.list_resources()).resources
    assert [resource.uri for resource in listed[:3]] == [
        "conexus://status",
        "conexus://file/.gitignore",
        "conexus://file/README.md",
    ]
    templates = (await agent.client.list_resource_templates()).resource_templates
    assert templates[0].uri_template.startswith("conexus://file/")
    text = (project / "lamps.py").read_text("utf-8")
    whole = (await agent.client.read_resource("conexus://file/lamps.py")).contents[0]
    assert whole.text == text  # type: ignore[union-attr]
    part = (await agent.client.read_resource("conexus://file/lamps.py?start=6&end=6&root=project")).contents[
        0
    ]
    assert part.text == "class Lamp:\n"  # type: ignore[union-attr]
    assert part.meta
    assert (part.meta["conexus/startLine"], part.meta["conexus/lines"]) == (6, 15)
    status = (await agent.client.read_resource("conexus://status")).contents[0]
    assert json.loads(status.text)["folders"][0]["phase"] == "ready"  # type: ignore[union-attr]
