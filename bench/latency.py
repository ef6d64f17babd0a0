"""The language server as an editor feels it: start, first answers, edit to searchable, searches under load.

Everything goes through the shipped ``conexus lsp`` over stdio. "Searchable" is measured from writing the
``didChange`` to the arrival of a reply that holds the new text, asked for again and again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from bench import corpora, peers
from bench.editor import Editor
from bench.measure import distribution, percentile, resident_bytes, run
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.corpora import Corpus

QUESTIONS = (
    "where do we retry failed uploads", "parse json config file", "render template to response",
    "matrix determinant computation", "websocket close handshake", "user permission check", "HttpClient.send",
    "solve linear equation", "cache invalidation on save", "setState", "read file line by line", "token refresh",
)  # fmt: skip
_BETWEEN_KEYS = 0.005
_REST = 3.0  # seconds in which what was announced last reaches everybody
NAMES = ("get", "parse", "render", "view", "matrix", "setState", "HttpRes", "usrPerm", "config", "toString")


def searches(editor: Editor, rounds: int) -> list[float]:
    """Return the milliseconds of `rounds` searches, questions in turn."""
    return [
        editor.timed("conexus/search", {"query": QUESTIONS[i % len(QUESTIONS)]})[0] for i in range(rounds)
    ]


def names(editor: Editor, rounds: int) -> list[float]:
    """Return the milliseconds of `rounds` requests for ``workspace/symbol``."""
    return [editor.timed("workspace/symbol", {"query": NAMES[i % len(NAMES)]})[0] for i in range(rounds)]


class Typist:
    """Types a new function into an open file, and looks until it is found."""

    def __init__(self, editor: Editor, path: Path) -> None:
        self._editor = editor
        self._uri = path.as_uri()
        self._version = 1
        self._random = random.Random(7)
        text = path.read_text("utf-8", "replace")
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": text}
        editor.notify("textDocument/didOpen", {"textDocument": document})
        editor.request("conexus/waitForRevision", {})

    def edit(self) -> float:
        """Return the milliseconds from the edit to the reply that shows it."""
        name = "zq" + "".join(self._random.choices("bcdfghjklmnpqrstvwxz", k=10))
        begun = time.perf_counter()
        self.type(f"def {name}():\n    return 1\n\n\n")
        while True:
            hits = self._editor.search(name)
            if any(name in hit["excerpt"] for hit in hits):
                return 1e3 * (time.perf_counter() - begun)

    def type(self, text: str) -> None:
        """Insert `text` at the beginning of the file."""
        self._replace(0, text)

    def erase(self) -> None:
        """Delete the first line."""
        self._replace(1, "")

    def _replace(self, lines: int, text: str) -> None:
        self._version += 1
        start, end = {"line": 0, "character": 0}, {"line": lines, "character": 0}
        change = {"range": {"start": start, "end": end}, "text": text}
        document = {"uri": self._uri, "version": self._version}
        self._editor.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def close(self) -> None:
        """Let the file on disk count again."""
        self._editor.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})


def first_answers(corpus: Corpus, data: Path, *, asked: bool) -> tuple[Editor, dict[str, float]]:
    """Open a folder never seen before; return the editor and the seconds to each stage.

    `asked` goes on searching after the first hits; else nobody asks anything until the folder is complete.
    """
    editor = Editor(data)
    figures = {"initialize": editor.initialize(corpus.root)}
    opened = time.perf_counter()
    while not editor.search("parse"):
        time.sleep(0.02)
    figures["first hits"] = time.perf_counter() - opened
    during = []
    done = threading.Event()
    threading.Thread(target=lambda: (editor.wait_until_complete(), done.set()), daemon=True).start()
    while not done.is_set():
        if asked:
            during += searches(editor, 1)
        time.sleep(0.05)
    figures["complete"] = time.perf_counter() - opened
    until_idle(editor)
    figures["arranged"] = time.perf_counter() - opened
    if asked:
        figures["search while indexing, p50 ms"] = percentile(during, 0.5)
        figures["search while indexing, p95 ms"] = percentile(during, 0.95)
    return editor, figures


def until_idle(editor: Editor) -> None:
    """Return when the engine has nothing to do any more: a comparison with the files comes after all other work."""
    editor.request("conexus/reindex", {})
    editor.request("conexus/waitForRevision", {"timeoutMs": 300_000})


def engine_pid(editor: Editor) -> int:
    """Return the process id of the engine behind `editor`."""
    return int(editor.request("conexus/status", {})["pid"])


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_files(pid: int) -> int:
    """Return the number of open file descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def idle(pids: list[int], seconds: float) -> float:
    """Return the CPU share in percent that processes use while nothing happens."""
    before = sum(map(cpu_seconds, pids))
    time.sleep(seconds)
    return 100 * (sum(map(cpu_seconds, pids)) - before) / seconds


def keystroke(editor: Editor, root: Path, edits: int = 1_000) -> float:
    """Return the milliseconds of CPU an edit costs the front, in a file of 10,000 lines, some ms after the last."""
    path = root / "conexus_bench_long.py"
    path.write_text(
        "".join(f"def f{number}(a, b):\n    return a + b * {number}\n" for number in range(5_000))
    )
    typist = Typist(editor, path)
    used = cpu_seconds(editor.pid)
    for number in range(edits):
        typist.type(f"# {number}\n")
        time.sleep(_BETWEEN_KEYS)
    editor.request("conexus/waitForRevision", {})
    used = cpu_seconds(editor.pid) - used
    typist.close()
    path.unlink()
    return 1e3 * used / edits


def long_session(
    editor: Editor, typist: Typist, edits: int, folder: Path, data: Path
) -> Iterator[dict[str, Any]]:
    """Type `edits` times with saves between, and tell how memory, handles and disk stand now and then."""
    pid = engine_pid(editor)
    saved = folder / "conexus_bench_saved.py"
    for number in range(edits + 1):
        if number % (edits // 5) == 0:
            editor.request("conexus/waitForRevision", {})
            yield {
                "edits": number, "engine MB": resident_bytes(pid) / 1e6, "front MB": resident_bytes(editor.pid) / 1e6,
                "open files": open_files(pid), "disk MB": sum(p.stat().st_size for p in data.rglob("*") if p.is_file()) / 1e6,
                "versions": len(list(data.rglob("_versions/*"))),
            }  # fmt: skip
        # What is typed goes again, so that the file itself stays as large as it was.
        typist.erase() if number % 2 else typist.type(f"# {number}\n")
        if number % 20 == 0:
            saved.write_text(f"def saved_{number}():\n    return {number}\n" * 5)
            editor.notify(
                "workspace/didChangeWatchedFiles", {"changes": [{"uri": saved.as_uri(), "type": 2}]}
            )
        if number % 200 == 0:
            editor.request("conexus/waitForRevision", {})
    saved.unlink(missing_ok=True)


def copied(corpus: Corpus, folder: Path) -> Corpus:
    """Return `corpus` in a folder that may be written to."""
    root = folder / "project"
    shutil.copytree(corpus.root, root, symlinks=True)
    return evolve(corpus, root=root)


def semble_update(root: Path, folder: Path) -> float:
    """Return the seconds semble's command takes longer after one file was edited than when none was."""
    environment = peers.semble_environment(folder / "semble")
    ask = peers.semble_command(root, QUESTIONS[0])
    run(ask, environment)
    unchanged = run(ask, environment).wall
    edited = a_python_file(root)
    edited.write_text(edited.read_text("utf-8", "replace") + "\n\ndef added():\n    return 1\n")
    return run(ask, environment).wall - unchanged


def a_python_file(root: Path) -> Path:
    """Return a file of ordinary size to type in."""
    return next(p for p in sorted(root.rglob("*.py")) if 8_000 < p.stat().st_size < 16_000)


def _measure(report: Report, options: argparse.Namespace, folder: Path) -> None:
    corpus = copied(corpora.ten_thousand(), folder)
    data = folder / "data"
    editor, figures = first_answers(corpus, folder / "unasked", asked=False)
    pid = engine_pid(editor)
    editor.close()
    os.kill(pid, signal.SIGTERM)
    editor, asked = first_answers(corpus, data, asked=True)
    report.table("A folder never seen before, s", ("", "figure"), figures.items())
    report.table("The same, searched all the while, s", ("", "figure"), asked.items())
    warm, symbols = searches(editor, 300), names(editor, 300)
    typist = Typist(editor, a_python_file(corpus.root))
    edits = [typist.edit() for _ in range(options.edits)]
    rows: list[tuple[str, list[float]]] = [
        ("conexus/search, warm", warm), ("workspace/symbol, warm", symbols), ("edit to searchable", edits),
        ("conexus/search, while the folder is indexed anew", _during_reindex(editor)),
        ("conexus/status, while the folder is indexed anew", _during_reindex(editor, status)),
    ]  # fmt: skip
    report.table(
        "Milliseconds over stdio", ("", "n", "p50", "p95", "max"), [distribution(*row) for row in rows]
    )
    figures["didChange"] = keystroke(editor, corpus.root)
    report.add(
        f"didChange in a file of 10,000 lines: {figures['didChange']:.2f} ms of the front's CPU an edit"
    )
    pids = [editor.pid, engine_pid(editor)]
    until_idle(editor)
    time.sleep(_REST)
    share = idle(pids, options.idle)
    status_now = editor.request("conexus/status", {})
    report.add(
        f"watching: {[folder['watching'] for folder in status_now['folders']]}; idle CPU {share:.2f} %"
    )
    _bars(report, figures, dict(rows), share, resident_bytes(editor.pid) / 1e6)
    if options.session:
        states = list(long_session(editor, typist, options.session, corpus.root, data))
        report.table("A long session", tuple(states[0]), [tuple(state.values()) for state in states])
    typist.close()
    editor.close()
    if not options.no_peers:
        report.add(
            f"semble, one edited file, the same folder: {semble_update(corpus.root, folder):.2f} s more"
        )


def status(editor: Editor) -> float:
    """Return the milliseconds of a request that needs no search."""
    return editor.timed("conexus/status", {})[0]


def _during_reindex(editor: Editor, ask: Callable[[Editor], float] | None = None) -> list[float]:
    ask = ask or (lambda editor: searches(editor, 1)[0])
    editor.request("conexus/reindex", {"fresh": True})
    done = threading.Event()
    threading.Thread(target=lambda: (editor.wait_until_complete(), done.set()), daemon=True).start()
    taken = []
    while not done.is_set():
        taken.append(ask(editor))
        time.sleep(0.03)
    return taken


def _bars(
    report: Report, figures: dict[str, float], rows: dict[str, list[float]], share: float, front: float
) -> None:
    report.bar("initialize answered, s, cold", figures["initialize"], most=0.8)
    report.bar("first hits in a new 10 K-file folder, s", figures["first hits"], most=3)
    report.bar("complete, s", figures["complete"], most=15)
    report.bar("edit to searchable, p95 ms", percentile(rows["edit to searchable"], 0.95), most=50)
    report.bar("conexus/search warm, p95 ms", percentile(rows["conexus/search, warm"], 0.95), most=30)
    reindex = rows["conexus/search, while the folder is indexed anew"]
    report.bar("conexus/search during a reindex, p95 ms", percentile(reindex, 0.95), most=60)
    others = rows["conexus/status, while the folder is indexed anew"]
    report.bar("another request during a reindex, p95 ms", percentile(others, 0.95), most=20)
    report.bar("workspace/symbol, p95 ms", percentile(rows["workspace/symbol, warm"], 0.95), most=30)
    report.bar("didChange in a file of 10 K lines, CPU ms of the front", figures["didChange"], most=1)
    report.bar("front, MB resident", front, most=60)
    report.bar("idle CPU, %", share, most=0.05)


def main(arguments: list[str]) -> None:
    """Measure on the 10 K-file folder."""
    parser = argparse.ArgumentParser(prog="python -m bench latency", description=__doc__)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument(
        "--session", type=int, default=50_000, help="edits of the long session; 0 leaves it out"
    )
    parser.add_argument("--idle", type=float, default=40.0, help="seconds to watch an idle engine")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("latency")
    with tempfile.TemporaryDirectory(dir=corpora.CACHE) as folder:
        _measure(report, options, Path(folder))
    report.finish(save=options.save)
