"""Tables of ranks: a question a line, a system a column, and how two of their columns compare.

They hold ids and ranks only; most questions are other people's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.quality.measures import MEASURES, paired, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.quality.measures import Ranks

TABLES = Path(__file__).parent / "ranks"
DEFAULT = "conexus"

Table = dict[str, dict[str, "Ranks"]]
"""System → question id → ranks."""


def write(file: Path, table: Mapping[str, Mapping[str, Ranks]]) -> None:
    """Write a table; ``1,4,-`` says that the third of three targets was not found."""
    systems = list(table)
    ids = sorted({key for answers in table.values() for key in answers})
    lines = ["\t".join(["id", *systems])]
    lines += ["\t".join([key, *(_cell(table[system][key]) for system in systems)]) for key in ids]
    file.write_text("\n".join(lines) + "\n")


def read(file: Path) -> Table:
    """Return the table in `file`."""
    header, *lines = file.read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    return {
        system: {
            row[0]: tuple(0 if rank == "-" else int(rank) for rank in row[place].split(",")) for row in rows
        }
        for place, system in enumerate(header.split("\t")[1:], 1)
    }


def column(named: str) -> dict[str, Ranks]:
    """Return the column that ``TABLE[:SYSTEM]`` names: a file, or the name of a table that is kept here."""
    name, _, system = named.partition(":")
    file = Path(name) if Path(name).is_file() else TABLES / f"{name}.tsv"
    if not file.is_file():
        kept = ", ".join(sorted(path.stem for path in TABLES.glob("*.tsv")))
        raise SystemExit(f"{name}: no such file or table; tables kept: {kept}")
    table = read(file)
    if (system or DEFAULT) not in table:
        raise SystemExit(f"{file} has no system {system or DEFAULT!r}; it has {', '.join(table)}")
    return table[system or DEFAULT]


def compare(arguments: list[str]) -> None:
    """Print how two columns of ranks compare on the questions both answered."""
    parser = argparse.ArgumentParser(
        prog="python -m bench quality compare",
        description="How B does compared with A, question by question. Each is TABLE[:SYSTEM]: a file that "
        "--ranks wrote, or a table of bench/quality/ranks; the system is conexus if none is named.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--most", type=int, default=15, help="how many of the most changed questions to list")
    options = parser.parse_args(arguments)
    print("\n".join(comparison(column(options.a), column(options.b), options.most)))


def comparison(before: Mapping[str, Ranks], after: Mapping[str, Ranks], most: int) -> list[str]:
    """Return lines that say how `after` compares with `before`."""
    ids = sorted(before.keys() & after.keys())
    if not ids:
        raise SystemExit("the two answered no question in common")
    old, new = score({key: before[key] for key in ids}), score({key: after[key] for key in ids})
    lines = [f"{len(ids)} questions in common; difference [95 %], p by exchanging at random, wins and losses"]
    for name in MEASURES:
        result = paired([old[name][key] for key in ids], [new[name][key] for key in ids])
        lines.append(f"  {name:<10} {result}  +{result.wins} -{result.losses}")
    gains = {key: new["nDCG@10"][key] - old["nDCG@10"][key] for key in ids}
    changed = sorted((key for key in ids if gains[key]), key=lambda key: (-abs(gains[key]), key))[:most]
    if changed:
        lines.append("most changed: nDCG@10, ranks before and after")
    lines += [f"  {gains[key]:+.2f} {key}: {_cell(before[key])} → {_cell(after[key])}" for key in changed]
    return lines


def _cell(ranks: Ranks) -> str:
    return ",".join(str(rank) if rank else "-" for rank in ranks)
