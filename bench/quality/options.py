"""Options that several commands of ``bench quality`` have, and the variables that stand in for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpora import CACHE

if TYPE_CHECKING:
    import argparse


def path_from(variable: str, default: Path | None = None) -> Path | None:
    """Return the path that an environment variable holds, or `default`."""
    value = os.environ.get(variable)
    return Path(value) if value else default


def add_repositories(parser: argparse.ArgumentParser, only: str = "projects, separated by commas") -> None:
    """Add the options that say which repositories are asked about, and where they lie."""
    add = parser.add_argument
    add("--queries", type=Path, default=path_from("CONEXUS_BENCH_QUERIES"), help="repositories_dev.json")
    add("--repositories", type=Path, default=path_from("CONEXUS_BENCH_REPOSITORIES", CACHE / "repositories"),
        help="folder with one checkout a project, by its name")  # fmt: skip
    add("--mirror", type=Path, default=path_from("CONEXUS_BENCH_MIRROR"),
        help="folder of git directories OWNER+NAME/repo, to make missing checkouts from")  # fmt: skip
    add("--only", type=_listed, default=(), help=only)


def _listed(value: str) -> tuple[str, ...]:
    return tuple(filter(None, value.split(",")))
