"""What a second opinion takes: first and refined hits in an editor, with a model and without, and how many it judged.

Each question is asked once, so that nothing of it was judged before, and once more: what there was no time for is
judged afterwards and remembered.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from typing import TYPE_CHECKING

from attrs import field, frozen

from bench import corpora
from bench.editor import Editor
from bench.index import scratch
from bench.latency import engine_pid, until_idle
from bench.measure import distribution, percentile
from bench.query import queries_from
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOADING_SECONDS = 150
_REST = 0.3
"""Between two questions: who types nothing for so long wants to see what was found."""


@frozen
class Asked:
    """One round of questions, in milliseconds from the request."""

    first: list[float] = field(factory=list)
    """Until the first hits are there."""
    refined: list[float] = field(factory=list)
    """Until the last ones are there, where a second opinion was heard."""
    after: list[float] = field(factory=list)
    """From the first ones until then."""
    judged: list[int] = field(factory=list)
    """How many of the shown hits have an opinion."""

    def ask(self, editor: Editor, text: str) -> None:
        """Ask once."""
        token = f"second-{time.monotonic_ns()}"
        begun = time.perf_counter()
        params = {"query": text, "partialResultToken": token}
        whole, result = editor.timed("conexus/search", params)
        self.first.append(1e3 * (editor.progress[token] - begun) if token in editor.progress else whole)
        hits = editor.partial.get(token, {}).get("hits") or result["hits"]
        judged = sum(any("second opinion" in reason for reason in hit["reasons"]) for hit in hits)
        if judged:
            self.refined.append(whole)
            self.after.append(whole - self.first[-1])
            self.judged.append(judged)


def rounds(data: Path, root: Path, questions: Sequence[str], model: str) -> list[Asked]:
    """Ask all questions twice through a server of its own, with a second opinion of `model` if one is named."""
    editor = Editor(data, CONEXUS_SEARCH_SECOND_MODEL=model)
    editor.initialize(root)
    editor.wait_until_complete()
    until_idle(editor)
    _load(editor, expected=bool(model))
    found = [Asked(), Asked()]
    for asked in found:
        for text in questions:
            time.sleep(_REST)
            asked.ask(editor, text)
    engine = engine_pid(editor)
    editor.close()
    os.kill(engine, signal.SIGTERM)
    return found


def _load(editor: Editor, *, expected: bool) -> None:
    """Ask until the model has a say: the first question only begins to load it."""
    until = time.monotonic() + _LOADING_SECONDS
    while expected:
        reply = editor.request("conexus/search", {"query": "where are requests retried", "refine": True})
        if reply["refined"]:
            return
        if time.monotonic() > until:
            raise SystemExit(f"no second opinion after {_LOADING_SECONDS} s: {' '.join(reply['notes'])}")
        time.sleep(0.2)


def main(arguments: list[str]) -> None:
    """Measure without a model, then with one."""
    parser = argparse.ArgumentParser(prog="python -m bench second", description=__doc__)
    parser.add_argument("model", help="transformer, by name or path: an .onnx file in int8 is the quickest")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("second")
    corpus = corpora.ten_thousand()
    prose = [text for text in queries_from(corpus.root, None) if text.count(" ") > 3][: options.questions]
    with scratch() as data:
        (without, _), (cold, again) = (
            rounds(data, corpus.root, prose, model) for model in ("", options.model)
        )
    rows = [
        distribution("first hits, without a model", without.first),
        distribution("first hits, with one", cold.first),
        distribution("refined hits, asked for the first time", cold.refined),
        distribution("refined hits, asked again", again.refined),
    ]
    report.table(f"Questions in prose over stdio, {corpus.name}; ms", ("", "n", "p50", "p95", "worst"), rows)
    shown = [distribution("the first time", cold.judged), distribution("again", again.judged)]
    report.table("Of the hits shown, judged", ("", "n", "p50", "p95", "most"), shown)
    for name, asked in (("", cold), (", asked again", again)):
        report.bar(f"refined after the first hits{name}, p95 ms", percentile(asked.after, 0.95), most=300.0)
    report.finish(save=options.save)
