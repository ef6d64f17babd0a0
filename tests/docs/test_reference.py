"""The documents say what the code says, and the reverse."""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from conexus import settings
from conexus.cli import exits
from conexus.cli.app import conexus as group
from conexus.cli.exits import Exit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows of a Markdown text, without headings and rules."""
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("\\|", "|") for cell in row] for row in found]
    return [row for row in cells if not set("".join(row)) <= set("-: ")]


def docstrings(module: object) -> dict[tuple[str, str], str]:
    """Return the string below each assignment in the classes of a module."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    found = {}
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for statement, after in zip(owner.body, owner.body[1:], strict=False):
            target = (
                statement.targets[0]
                if isinstance(statement, ast.Assign)
                else getattr(statement, "target", None)
            )
            if isinstance(target, ast.Name) and isinstance(after, ast.Expr):
                found[owner.name, target.id] = str(ast.literal_eval(after.value))
    return found


def test_settings_table_is_the_settings() -> None:
    said = docstrings(settings)
    expected = {}
    for key, rule in settings.rules().items():
        section, _, name = key.partition(".")
        allowed = f"{rule.allowed}; *user only*" if rule.user_only else rule.allowed
        description = said[f"{section.capitalize()}Settings", name]
        expected[f"`{key}`"] = [f"`{json.dumps(rule.default)}`", allowed, description]
    table = {row[0]: row[1:] for row in rows((DOCS / "settings.md").read_text("utf-8")) if "." in row[0]}
    assert table == expected


def test_variables_of_the_program_are_documented() -> None:
    table = {
        row[0] for row in rows((DOCS / "settings.md").read_text("utf-8")) if row[0].startswith("`CONEXUS_")
    }
    assert table == {f"`{name}`" for name in settings.OTHER_VARIABLES}


def test_the_example_in_the_settings_page_is_valid(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", (DOCS / "settings.md").read_text("utf-8"), re.DOTALL)
    assert example
    assert tomllib.loads(example[1])
    (tmp_path / settings.FILE_NAME).write_text(example[1], "utf-8")
    assert settings.load(tmp_path).problems == ()


def documented_commands() -> dict[str, str]:
    parts = re.split(r"^## ", (DOCS / "cli.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0]: part for part in parts}


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    named = {
        title.removeprefix("conexus ") for title in documented_commands() if title.startswith("conexus ")
    }
    assert named == set(group.commands)


@pytest.mark.parametrize("name", sorted(group.commands))
def test_every_option_is_documented_and_every_documented_one_exists(name: str) -> None:
    table = {row[0].strip("`").split()[0] for row in rows(documented_commands()[f"conexus {name}"])} - {
        "Option"
    }
    options = [parameter for parameter in group.commands[name].params if isinstance(parameter, click.Option)]
    assert table == {option.opts[0] for option in options}


@pytest.mark.parametrize("name", sorted(group.commands))
def test_every_command_has_examples(name: str) -> None:
    assert f"conexus {name}" in (group.commands[name].epilog or "")


def test_exit_codes_are_documented() -> None:
    said = docstrings(exits)
    table = [row for row in rows(documented_commands()["Exit codes"]) if row[0].isdigit()]
    assert table == [[str(code.value), f"`{code.name}`", said["Exit", code.name]] for code in Exit]


def test_figures_in_the_readme_come_from_the_results() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    results = ROOT / "bench" / "RESULTS.md"
    measured = results.read_text("utf-8") if results.exists() else ""
    figures = re.findall(r"[\d.,]*\d(?= ?(?:files/s|MB|ms|s\b|%|seconds))", readme)
    assert [figure for figure in figures if figure not in measured] == []


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in DOCS.glob("*.md"))]
)
def test_links_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)]
    missing = [target for target in targets if target and not ((ROOT / page).parent / target).exists()]
    assert missing == []
