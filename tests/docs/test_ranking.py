"""docs/ranking.md names every agent, reason and ablation that there is, and no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from bench.quality.ablate import ABLATIONS

from conexus.search import rank
from conexus.search.query import Intent
from conexus.search.retrieve import Agent

TEXT = (Path(__file__).parents[2] / "docs" / "ranking.md").read_text()


def first_cells(heading: str) -> list[str]:
    """Return the first cells of the rows of the first table below a heading."""
    part = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", part, re.MULTILINE)
    return [cell for cell in rows[1:] if not set(cell) <= set("-: |")]


def test_every_intent_and_agent_is_explained():
    assert [cell.strip("`") for cell in first_cells("Plan")] == [str(intent) for intent in Intent]
    assert sorted(cell.strip("`") for cell in first_cells("Agents")) == sorted(map(str, Agent))


def test_every_reason_that_is_explained_is_given():
    code = inspect.getsource(rank)
    told = [part for cell in first_cells("Priors") for part in re.findall("`(.+?)`", cell)]
    assert len(told) > 9
    for reason in told:
        assert reason.strip("… ") in code, reason


def test_every_ablation_has_its_figures():
    assert first_cells("What each part adds") == [ablation.name for ablation in ABLATIONS]
