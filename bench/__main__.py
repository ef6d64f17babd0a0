"""Run one benchmark: ``python -m bench NAME [--save] [options]``."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    "corpora",
    "quality",
    "context",
    "index",
    "query",
    "second",
    "latency",
    "scale",
    "budgets",
    "mcp",
    "neovim",
    "package",
    "seed",
    "rivals",
    "plots",
)


def describe() -> str:
    """Return one line a benchmark, the first of its module's docstring."""
    lines = (f"  {name:<9}{_module(name).__doc__.splitlines()[0]}" for name in BENCHMARKS)
    return "\n".join(["usage: python -m bench NAME [--save] [--help]", "", *lines])


def _module(name: str):
    return importlib.import_module(f"bench.{name}")


def main() -> int:
    """Run the benchmark named on the command line; return its exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in BENCHMARKS:
        print(describe())
        return 0 if name in {"", "-h", "--help"} else 2
    _module(name).main(sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
