"""Draws what the saved runs say, as SVG in docs/assets: latency, throughput, edits, memory, recall."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from bench import peers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HISTORY = Path(__file__).with_name("history.jsonl")
ASSETS = Path(__file__).parent.parent / "docs" / "assets"
LARGEST = 30_000
"""Bytes a chart may have."""
_FAR_APART = 10
_HYBRID = "hybrid query, p95 ms"
_CHUNKS = {False: 77_402, True: 1_045_093}
"""Of `bench scale --small` and `bench scale`; see docs/performance.md."""
_MOST_RUNS = 12

Run = dict[str, Any]
"""One line of the history: ``bench``, ``date``, ``commit``, ``command``, ``load`` and ``figures``."""
Series = dict[str, list[tuple[float, float]]]


@frozen
class Chart:
    """One chart; `series` are points by label, x and y."""

    name: str
    title: str
    x: str
    y: str
    series: Series
    source: str
    """Which runs it shows."""
    bar: float | None = None
    bar_label: str = ""
    lines: bool = True
    log_x: bool = False
    log_y: bool = False
    from_zero: bool = True
    ticks: list[str] = field(factory=list)
    """Names of x = 0, 1, …; empty for numbers."""


def latency(runs: Sequence[Run]) -> Chart | None:
    """Return latency against chunks: by one agent as `bench seed` measured it, by all as `bench scale` did."""
    run = _last(runs, "seed")
    if run is None:
        return None
    series: Series = {}
    for what in ("by meaning", "by words"):
        points = sorted(run["figures"].get(f"latency {what}: chunks, p50 ms, p95 ms", []))
        for position, name in ((1, "p50"), (2, "p95")):
            if points:
                series[f"{what}, {name}"] = [(point[0], point[position]) for point in points]
    if points := list(_hybrid(runs)):
        series["all agents, over stdio, p95"] = points
    title = "Search against size"
    return Chart("latency", title, "chunks", "ms", series, _said(run), log_x=True) if series else None


def throughput(runs: Sequence[Run]) -> Chart | None:
    """Return files a second of cold indexing by run, by tool where the run has the others."""
    indexed = [run for run in runs if run["bench"] == "index" and "cold files-10k, s" in run["figures"]]
    indexed = indexed[-_MOST_RUNS:]
    series: Series = {}
    for number, run in enumerate(indexed):
        rates = run["figures"].get("cold files-10k, files/s") or {
            "conexus index": 1e4 / run["figures"]["cold files-10k, s"]
        }
        for tool, rate in rates.items():
            series.setdefault(tool, []).append((number, rate))
    title = "Cold index of 10,000 files, whole process"
    rates = [rate for points in series.values() for _, rate in points]
    # Tools differ by orders of magnitude, runs of one tool by percents.
    far_apart = bool(rates) and max(rates) > _FAR_APART * min(rates)
    return _over_runs("throughput", title, "files/s", series, indexed, log_y=far_apart)


def edits(runs: Sequence[Run]) -> Chart | None:
    """Return how long an edit takes to be searchable, by run and size of the folder."""
    return _tracked(runs, "edits", "Edit to searchable over stdio, p95", "ms", {
        "10 K files": ("latency", "edit to searchable, p95 ms"),
        "a million chunks": ("scale", "edit to searchable, p95 ms"),
    }, bar=50.0)  # fmt: skip


def memory(runs: Sequence[Run]) -> Chart | None:
    """Return resident memory of the engine, by run and size of the folder."""
    return _tracked(runs, "memory", "Resident memory of a warm engine", "MB", {
        "10 K files": ("query", "resident memory, 10 K files, MB"),
        "a million chunks": ("scale", "engine, MB resident"),
    })  # fmt: skip


def recall(runs: Sequence[Run]) -> Chart | None:
    """Return recall against latency of every engine by meaning, as `bench rivals` measured it."""
    run = _last(runs, "rivals")
    if run is None:
        return None
    found = run["figures"].get("By meaning", {})
    series: Series = {label: [(p50, share)] for label, (p50, share) in found.items()}
    title = "Vector search over 10,000 files"
    return Chart(
        "recall", title, "p50, ms", "recall@10", series, _said(run), lines=False, log_x=True, from_zero=False
    )


CHARTS: tuple[Callable[[Sequence[Run]], Chart | None], ...] = (latency, throughput, edits, memory, recall)


def _tracked(
    runs: Sequence[Run],
    name: str,
    title: str,
    y: str,
    wanted: Mapping[str, tuple[str, str]],
    *,
    bar: float | None = None,
) -> Chart | None:
    keys = set(wanted.values())
    shown = [
        run
        for run in runs
        if _is_full(run) and any(b == run["bench"] and k in run["figures"] for b, k in keys)
    ][-_MOST_RUNS:]
    series: Series = {}
    for number, run in enumerate(shown):
        for label, (bench, key) in wanted.items():
            if run["bench"] == bench and key in run["figures"]:
                series.setdefault(label, []).append((number, run["figures"][key]))
    return _over_runs(name, title, y, series, shown, bar=bar)


def _over_runs(
    name: str,
    title: str,
    y: str,
    series: Series,
    runs: Sequence[Run],
    *,
    bar: float | None = None,
    log_y: bool = False,
) -> Chart | None:
    if not series:
        return None
    ticks = [
        f"{run['date'][5:16]}\n{run['commit'].split()[0]}" if run["commit"] else run["date"][5:16]
        for run in runs
    ]
    return Chart(
        name,
        title,
        "",
        y,
        series,
        "saved runs, oldest first",
        bar,
        f"bar: {bar:g}" if bar else "",
        log_y=log_y,
        ticks=ticks,
    )


def _last(runs: Sequence[Run], bench: str) -> Run | None:
    return next((run for run in reversed(runs) if run["bench"] == bench and _is_full(run)), None)


def _hybrid(runs: Sequence[Run]) -> Iterator[tuple[int, float]]:
    for is_full, chunks in _CHUNKS.items():
        found = [run for run in runs if run["bench"] == "scale" and _is_full(run) is is_full]
        if found and _HYBRID in found[-1]["figures"]:
            yield chunks, found[-1]["figures"][_HYBRID]


def _is_full(run: Run) -> bool:
    return "--small" not in run["command"]


def _said(run: Run) -> str:
    return f"{run['date']}, {run['commit'] or 'no commit'}, load {run['load']}, {run['machine'].partition(',')[0]}"


def read(history: Sequence[Path]) -> Iterator[Run]:
    """Yield the runs of these files, in their order."""
    for file in history:
        yield from map(json.loads, file.read_text("utf-8").splitlines())


def draw(charts: Sequence[Chart], folder: Path) -> list[Path]:
    """Write the charts to `folder`; return their files. Raises ValueError if one is larger than `LARGEST`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{chart.name}.svg" for chart in charts]
    jobs = [asdict(chart) | {"path": str(path)} for chart, path in zip(charts, paths, strict=True)]
    script = Path(__file__).with_name("drawing.py")
    subprocess.run([peers.environment() / "python", script], input=json.dumps(jobs), text=True, check=True)
    for path in paths:
        if (size := path.stat().st_size) > LARGEST:
            raise ValueError(f"{path}: {size:,} bytes, more than {LARGEST:,}; show fewer runs or engines")
    return paths


def main(arguments: list[str]) -> None:
    """Draw what can be drawn, and say what cannot."""
    parser = argparse.ArgumentParser(prog="python -m bench plots", description=__doc__)
    parser.add_argument("--history", type=Path, nargs="+", default=[HISTORY], help="other saved runs")
    parser.add_argument("--into", type=Path, default=ASSETS)
    options = parser.parse_args(arguments)
    runs = list(read(options.history))
    made = {make.__name__: make(runs) for make in CHARTS}
    for path in draw([chart for chart in made.values() if chart is not None], options.into):
        print(f"{path}: {path.stat().st_size:,} bytes")
    for name, chart in made.items():
        if chart is None:
            print(f"{name}: no saved run has it yet")
