"""docs/performance.md names the budgets that CI prints, as the benchmark has them."""

from __future__ import annotations

import re
from pathlib import Path

from bench.budgets import BUDGETS

TEXT = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()


def test_the_budgets_are_those_of_the_benchmark():
    table = TEXT.partition("| In small folders | Budget |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    assert rows == [(one.law, one.bound) for one in BUDGETS]
