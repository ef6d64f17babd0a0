"""Which saved runs a chart shows."""

from __future__ import annotations

from typing import Any

from bench.plots import CHARTS, edits, latency, memory, recall, throughput


def run(bench: str, figures: dict[str, Any], command: str = "python -m bench x --save") -> dict[str, Any]:
    facts = {"date": "2026-01-02 03:04", "commit": "abc1234", "load": "1.0", "machine": "2 cores, some CPU"}
    return {"bench": bench, "command": command, "figures": figures, **facts}


def test_without_runs_there_are_no_charts() -> None:
    assert [make([]) for make in CHARTS] == [None] * len(CHARTS)


def test_the_last_full_run_counts() -> None:
    points = "latency by meaning: chunks, p50 ms, p95 ms"
    runs = [
        run("seed", {points: [[10, 1.0, 2.0]]}),
        run("seed", {points: [[2_000, 3.0, 4.0], [10, 1.5, 2.5]]}),
        run("seed", {points: [[1, 9.0, 9.0]]}, "python -m bench seed --small --save"),
    ]
    chart = latency(runs)
    assert chart is not None
    assert chart.series == {
        "by meaning, p50": [(10, 1.5), (2_000, 3.0)],
        "by meaning, p95": [(10, 2.5), (2_000, 4.0)],
    }


def test_questions_to_all_agents_are_shown_by_size() -> None:
    key = "hybrid query, p95 ms"
    seed = run("seed", {"latency by words: chunks, p50 ms, p95 ms": [[10, 1.0, 2.0]]})
    small = run("scale", {key: 12.0}, "python -m bench scale --small --save")
    chart = latency([small, run("scale", {key: 24.0}), seed])
    assert chart is not None
    assert chart.series["all agents, over stdio, p95"] == [(77_402, 12.0), (1_045_093, 24.0)]


def test_runs_of_both_sizes_share_an_axis() -> None:
    key = "edit to searchable, p95 ms"
    chart = edits([run("latency", {key: 38.0}), run("query", {}), run("scale", {key: 45.0})])
    assert chart is not None
    assert chart.series == {"10 K files": [(0, 38.0)], "a million chunks": [(1, 45.0)]}
    assert len(chart.ticks) == 2


def test_other_tools_are_shown_where_a_run_has_them() -> None:
    old = run("index", {"cold files-10k, s": 20.0})
    rates = {"cat": 90_000.0, "conexus index": 600.0}
    chart = throughput([old, run("index", {"cold files-10k, s": 16.7, "cold files-10k, files/s": rates})])
    assert chart is not None
    assert chart.series == {"conexus index": [(0, 500.0), (1, 600.0)], "cat": [(1, 90_000.0)]}
    assert chart.log_y


def test_memory_and_recall() -> None:
    chart = memory([run("query", {"resident memory, 10 K files, MB": 350.0})])
    assert chart is not None
    assert chart.series == {"10 K files": [(0, 350.0)]}
    engines = recall([run("rivals", {"By meaning": {"Conexus": [3.0, 0.99]}})])
    assert engines is not None
    assert engines.series == {"Conexus": [(3.0, 0.99)]}
