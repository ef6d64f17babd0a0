"""The agents' server as an agent feels it: start, search, context, grep beside ripgrep, an editor's edit to found.

Everything goes through the shipped ``conexus mcp`` over stdio, on the 10 K-file folder that an editor has open.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import corpora
from bench.agent import Agent
from bench.editor import Editor
from bench.latency import QUESTIONS, a_python_file, copied
from bench.measure import distribution, percentile, resident_bytes
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATTERNS = (r"def test_\w+_cache", r"class \w+Error\(", "setState", r"(?:TODO|FIXME)\(", r"\bdeterminant\b")
TASKS = (
    "how does the cache get invalidated when a model is saved", "where are uploads retried after a failure",
    "add a permission check to the user view", "why does the websocket not close", "how is a template rendered",
)  # fmt: skip
AGENTS = 20


def timings(agent: Agent, tool: str, name: str, texts: Sequence[str], rounds: int) -> list[float]:
    """Return the milliseconds of `rounds` calls of a tool, texts in turn."""
    return [agent.timed(tool, **{name: texts[i % len(texts)]})[0] for i in range(rounds)]


def edits_until_found(agent: Agent, editor: Editor, path: Path, rounds: int) -> Iterator[tuple[float, float]]:
    """Type into an open file; yield the milliseconds until `search` shows the new text, and `read` after that."""
    chosen = random.Random(7)
    text = path.read_text("utf-8", "replace")
    uri = path.as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    editor.notify("textDocument/didOpen", {"textDocument": document})
    editor.request("conexus/waitForRevision", {})
    start = {"line": 0, "character": 0}
    for version in range(2, rounds + 2):
        name = "zq" + "".join(chosen.choices("bcdfghjklmnpqrstvwxz", k=10))
        change = {"range": {"start": start, "end": start}, "text": f"def {name}():\n    return 1\n\n\n"}
        begun = time.perf_counter()
        editor.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]},
        )
        while name not in str(agent.call("search", query=name)["structuredContent"]["hits"]):
            pass
        found = 1e3 * (time.perf_counter() - begun)
        milliseconds, result = agent.timed("read", path=str(path), start_line=1, end_line=2)
        assert name in result["structuredContent"]["content"]
        yield found, milliseconds
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def ripgrep(root: Path, rounds: int) -> list[float]:
    """Return the milliseconds of ripgrep's command on the same patterns; nothing where it is not installed."""
    if not shutil.which("rg"):
        return []
    taken = []
    for number in range(rounds):
        begun = time.perf_counter()
        pattern = PATTERNS[number % len(PATTERNS)]
        subprocess.run(
            ["rg", "--no-messages", "-m", "100", pattern, str(root)], capture_output=True, check=False
        )
        taken.append(1e3 * (time.perf_counter() - begun))
    return taken


def together(command: list[str], environment: dict[str, str]) -> tuple[list[float], int]:
    """Return the milliseconds of the searches of 20 agents at once, each a process, and how many failed."""
    agents = [Agent(command, environment) for _ in range(AGENTS)]
    for agent in agents:
        agent.initialize()
    taken: list[float] = []
    failures = 0

    def work(agent: Agent) -> None:
        nonlocal failures
        try:
            taken.extend(timings(agent, "search", "query", QUESTIONS, 10))
        except Exception:  # noqa: BLE001 -- counted, whatever it is
            failures += 1

    threads = [threading.Thread(target=work, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for agent in agents:
        agent.close()
    return taken, failures


def _measure(report: Report, options: argparse.Namespace, folder: Path) -> None:
    corpus = copied(corpora.ten_thousand(), folder)
    data = folder / "data"
    editor = Editor(data)
    editor.initialize(corpus.root)
    editor.wait_until_complete()
    environment = {"CONEXUS_DATA_DIR": str(data), "CONEXUS_STATE_DIR": str(data / "state")}
    command = [sys.executable, "-m", "conexus", "mcp", "--root", str(corpus.root)]
    agent = Agent(command, environment)
    started = agent.initialize()
    for tool, name, texts in (("search", "query", QUESTIONS), ("context", "question", TASKS)):
        timings(agent, tool, name, texts, len(texts))
    rounds = options.rounds
    search = timings(agent, "search", "query", QUESTIONS, rounds)
    context = timings(agent, "context", "question", TASKS, max(len(TASKS), rounds // 4))
    grep = timings(agent, "grep", "pattern", PATTERNS, max(len(PATTERNS), rounds // 4))
    edits = list(edits_until_found(agent, editor, a_python_file(corpus.root), options.edits))
    front = resident_bytes(agent.pid) / 1e6
    agent.close()
    crowd, failures = together(command, environment)
    editor.close()
    rows = [
        ("search", search), ("context", context), ("grep", grep), ("rg, its command", ripgrep(corpus.root, rounds // 4)),
        ("unsaved edit to found by search", [found for found, _ in edits]), ("then read", [read for _, read in edits]),
        (f"search of {AGENTS} agents at once", crowd),
    ]  # fmt: skip
    report.table(
        "Milliseconds over stdio",
        ("", "n", "p50", "p95", "max"),
        [distribution(name, values) for name, values in rows if values],
    )
    report.bar("initialize answered, s, engine running", started, most=2)
    report.bar("search, p95 ms", percentile(search, 0.95), most=40)
    report.bar("context, p95 ms", percentile(context, 0.95), most=400)
    report.bar("unsaved edit to found, p95 ms", percentile([found for found, _ in edits], 0.95), most=100)
    report.bar(f"errors of {AGENTS} agents at once", failures, most=0)
    report.bar("front, MB resident", front, most=120)


def main(arguments: list[str]) -> None:
    """Measure on the 10 K-file folder."""
    parser = argparse.ArgumentParser(prog="python -m bench mcp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("mcp")
    with tempfile.TemporaryDirectory(dir=corpora.CACHE) as folder:
        _measure(report, options, Path(folder))
    report.finish(save=options.save)
