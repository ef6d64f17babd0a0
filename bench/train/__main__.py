"""Run one step of the recipe: ``python -m bench.train STEP [--work FOLDER] [options]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from bench.corpora import CACHE

STEPS = ("fetch", "mine", "prepare", "learn", "quantise", "evaluate", "check")


def describe() -> str:
    """Return one line a step, the first of its module's docstring."""
    docs = ((step, Path(__file__).with_name(f"{step}.py").read_text().split('"""')[1]) for step in STEPS)
    lines = (f"  {step:<9}{doc.splitlines()[0]}" for step, doc in docs)
    return "\n".join(["usage: python -m bench.train STEP [--help]", "", *lines])


def main(arguments: list[str]) -> int:
    """Run the step named first; return its exit code."""
    step = arguments[0] if arguments else ""
    if step not in STEPS:
        print(describe())
        return 0 if step in {"", "-h", "--help"} else 2
    # Only the step that runs is imported: `learn` needs torch, the others do not.
    module = importlib.import_module(f"bench.train.{step}")
    parser = argparse.ArgumentParser(prog=f"python -m bench.train {step}", description=module.__doc__)
    parser.add_argument(
        "--work", type=Path, default=CACHE / "train", help="folder of everything between steps"
    )
    if hasattr(module, "add_options"):
        module.add_options(parser)
    return int(module.run(parser.parse_args(arguments[1:])) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
