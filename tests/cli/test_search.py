"""``conexus search``: one question at a time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conexus.cli.exits import Exit
from conexus.domain import Span
from conexus.engine.folder import Folder
from conexus.search.gates import Hit
from conexus.store.errors import IndexBusy, IndexUnwritable

if TYPE_CHECKING:
    from .conftest import Run


def test_a_fresh_folder_is_indexed_and_answers(run: Run, project: Path) -> None:
    ran = run("search", "where are secrets masked", "--root", project)
    assert ran.code == Exit.OK
    assert ran.out.splitlines()[:2] == [
        "src/secrets.py:1: redact_secrets",
        "src/secrets.py:1- def redact_secrets(text):",
    ]


def test_a_change_is_found_by_the_next_search_and_gone_with_its_file(run: Run, project: Path) -> None:
    run("search", "anything", "--root", project)
    (project / "new.py").write_text("def frobnicate_widget():\n    return 1\n", "utf-8")
    assert run("search", "frobnicate_widget", "--root", project).out.startswith(
        "new.py:1: frobnicate_widget\n"
    )
    (project / "new.py").unlink()
    assert "new.py" not in run("search", "frobnicate_widget", "--root", project).out


def test_no_index_answers_from_what_is_there(run: Run, project: Path) -> None:
    before = run("search", "secrets", "--root", project, "--no-index")
    assert before.code == Exit.FAILED
    assert "conexus index" in before.err
    run("index", project)
    (project / "new.py").write_text("def frobnicate_widget():\n    return 1\n", "utf-8")
    assert "new.py" not in run("search", "frobnicate_widget", "--root", project, "--no-index").out


def test_nothing_found_has_its_own_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("search", "anything", "--root", tmp_path / "empty")
    assert (ran.code, ran.out) == (Exit.NOTHING, "")
    assert f"no file of {tmp_path / 'empty'} is indexed" in ran.err


def test_a_language_that_nothing_is_written_in_is_named(run: Run, project: Path) -> None:
    for arguments in (["secrets", "--lang", "zig,python"], ["secrets lang:zig"]):
        ran = run("search", *arguments, "--root", project)
        assert ("no indexed file is in zig; most files are in python" in ran.err) is (
            ran.code == Exit.NOTHING
        )
    assert ran.code == Exit.NOTHING
    assert "zig" not in run("search", "/no such thing/", "--root", project).err


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("path:src lang:python", "filters only narrow a search: say what to look for as well"),
        ("kind:function", "filters only narrow a search: say what to look for as well"),
        ("path:src ?!", "there is no word in the question to look for"),
        ('" "', "there is no word in the question to look for"),
        ("redact path:nowhere", "no indexed file passes path:nowhere"),
        ("redact -path:**", "no indexed file passes -path:**"),
        ("/no such thing/ path:src", None),
    ],
)
def test_a_question_that_can_find_nothing_is_told_why(
    run: Run, project: Path, asked: str, said: str | None
) -> None:
    ran = run("search", asked, "--root", project)
    assert (ran.code, ran.out) == (Exit.NOTHING, "")
    notes = [line for line in ran.err.splitlines() if "conexus: " in line]
    assert notes == ([f"conexus: {said}"] if said else [])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["--kind", "banana"], "no kind of definition is called banana; kinds are cell, class, constant, "),
        (["kind:functon"], "no kind of definition is called functon; did you mean function?"),
        (["--lang", "banana"], "no language is called banana; most files are in python (2), "),
        (["lang:pythn,go"], "no language is called pythn; did you mean python or cython?"),
        (["--lang", "tf"], "no language is called tf; did you mean terraform?"),
        (["-lang:pythn"], "no language is called pythn; did you mean "),
    ],
)
def test_a_filter_that_names_nothing_is_said(run: Run, project: Path, filters: list[str], said: str) -> None:
    words = ["code", *filters] if filters[0].startswith("--") else [f"code {filters[0]}"]
    ran = run("search", *words, "--root", project)
    assert said in ran.err
    assert ran.code == (Exit.OK if ran.out else Exit.NOTHING)
    assert bool(ran.out) == filters[0].startswith(("lang:pythn,go", "-lang"))


@pytest.mark.parametrize(
    "filters",
    [
        ["--lang", "go"],
        ["--path", "*.go"],
        ["--path", "src/*.go"],
        ["--exclude", "*.py", "--exclude", "*.md"],
    ],
)
def test_filters(run: Run, project: Path, filters: list[str]) -> None:
    hits = json.loads(run("search", "code", "--root", project, "--json", *filters).out)["hits"]
    assert {hit["path"] for hit in hits} == {"src/parse.go"}


def test_kinds_and_limits(run: Run, project: Path) -> None:
    hits = json.loads(run("search", "send", "--root", project, "--json", "--limit", 1).out)["hits"]
    assert len(hits) == 1
    hits = json.loads(run("search", "redact", "--root", project, "--json", "--kind", "function").out)["hits"]
    assert hits
    assert {hit["kind"] for hit in hits} == {"function"}


def test_the_limit_is_a_setting_too(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_SEARCH_LIMIT", "1")
    assert len(json.loads(run("search", "code", "--root", project, "--json").out)["hits"]) == 1
    assert len(json.loads(run("search", "code", "--root", project, "--json", "--limit", 2).out)["hits"]) == 2


def test_json_has_everything_a_program_needs(run: Run, project: Path) -> None:
    reply = json.loads(run("search", "redact_secrets", "--root", project, "--json").out)
    hit = reply["hits"][0]
    assert reply["query"] == "redact_secrets"
    assert (hit["path"], hit["start_line"], hit["end_line"]) == ("src/secrets.py", 1, 3)
    assert (hit["symbol"], hit["language"]) == ("redact_secrets", "python")
    assert hit["excerpt"].startswith("def redact_secrets(text):")
    assert hit["reasons"]
    assert 0 < hit["score"] <= 1


def test_explain_says_why(run: Run, project: Path) -> None:
    lines = run("search", "redact_secrets", "--root", project, "--explain").out.splitlines()
    assert lines[1] == "src/secrets.py:1: redact_secrets"
    assert lines[2].startswith("  # ")
    assert "#1" in lines[2]


def test_explain_says_how_the_question_was_read(run: Run, project: Path) -> None:
    asked = ["search", 'path:src -lang:go "mask(" redact secrets', "--root", project, "--explain"]
    said = '# prose; words redact secrets mask; exact "mask("; filters path:src -lang:go'
    assert run(*asked).out.splitlines()[0] == said
    plan = json.loads(run(*asked, "--json").out)["plan"]
    assert (plan["intent"], plan["exact"], plan["filters"]["paths"]) == ("prose", ['"mask("'], ["src"])
    assert "plan" not in json.loads(run(*asked[:-1], "--json").out)


def test_lines_limits_what_is_shown(run: Run, project: Path) -> None:
    assert run("search", "secrets", "--root", project, "--lines", 1, "--limit", 1).out.splitlines() == [
        "src/secrets.py:1: redact_secrets",
        "src/secrets.py:1- def redact_secrets(text):",
    ]
    assert len(run("search", "secrets", "--root", project, "--lines", 0, "--limit", 1).out.splitlines()) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["  "],
        [],
        ["x", "--format", "trec"],
        ["--queries", "-", "--json"],
        ["x", "--queries", "-"],
        ["x", "--limit", 0],
    ],
)
def test_what_does_not_go_together(run: Run, arguments: list[object]) -> None:
    assert run("search", *arguments).code == Exit.USAGE


def test_while_another_process_indexes_what_is_there_answers(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", project)

    def busy(*_: object, **__: object) -> None:
        raise IndexBusy(project, 4711)

    monkeypatch.setattr(Folder, "reconcile", busy)
    ran = run("search", "redact_secrets", "--root", project)
    assert ran.code == Exit.OK
    assert "process 4711" in ran.err
    assert ran.out.startswith("src/secrets.py:1:")


def test_an_index_that_cannot_be_written_answers(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Folder, *_: object, **__: object) -> None:
        raise IndexUnwritable(self.root, errno.EACCES)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "reconcile", refuse)
        ran = run("search", "redact_secrets", "--root", project)
        assert ran.code == Exit.FAILED
        assert "permission denied" in ran.err
    run("index", project)
    monkeypatch.setattr(Folder, "reconcile", refuse)
    ran = run("search", "redact_secrets", "--root", project)
    assert ran.code == Exit.OK
    assert "permission denied" in ran.err
    assert ran.out.startswith("src/secrets.py:1:")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_odd_names_are_printed_on_one_line_and_survive_json(run: Run, project: Path) -> None:
    odd = os.fsdecode(b"odd\n\xff\x1b[31m name.py")
    (project / odd).write_text("def frobnicate_widget():\n    return 1\n", "utf-8")
    ran = run("search", "frobnicate_widget", "--root", project, "--limit", 1)
    assert ran.out.splitlines()[0] == r"odd\n\xff\x1b[31m name.py:1: frobnicate_widget"
    reply = json.loads(run("search", "frobnicate_widget", "--root", project, "--json").out)
    assert reply["hits"][0]["path"] == odd


def test_control_characters_of_a_file_do_not_reach_the_terminal(run: Run, project: Path) -> None:
    (project / "evil.py").write_bytes(
        b"def frobnicate_widget():\n    return '\x1b]0;title\x07 \xe2\x80\xae'\n"
    )
    out = run("search", "frobnicate_widget", "--root", project, "--limit", 1).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b]0;title\x07 \u202e" in out


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_on_a_terminal_hits_are_drawn(run: Run, project: Path, explain: list[str]) -> None:
    long = "def long_function():\n" + "".join(f"    step_{i}()\n" for i in range(30))
    (project / "long.py").write_text(long, "utf-8")
    run("index", project)
    out = on_terminal("search", "long_function", "--root", str(project), *explain)
    assert "\x1b[" in out
    assert "1 " in out
    assert "… 1" in out
    assert "more line" in out
    assert ("#1" in out) is bool(explain)


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_nothing_is_said_to_be_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "Nothing found." in on_terminal("search", "x", "--root", str(tmp_path / "empty"))


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_a_long_index_draws_a_bar(project: Path) -> None:
    script = (
        "from conexus.cli import progress, main; progress._QUICK_SECONDS = 0;"
        f"main(['index', {str(project)!r}])"
    )
    assert "files/s" in on_terminal(program=["-c", script])


def on_terminal(*arguments: str, program: list[str] | None = None) -> str:
    """Run `conexus` with a terminal as stdout and stderr, and return what it drew."""
    import pty

    main, other = pty.openpty()
    command = [sys.executable, *(program or ["-m", "conexus"]), *arguments]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=other, stderr=other, env=environment):
        os.close(other)
        drawn = b""
        # Linux reports the closed terminal as an error, others as its end.
        try:
            while data := os.read(main, 65536):
                drawn += data
        except OSError:
            pass
    os.close(main)
    return drawn.decode("utf-8", "replace")


def test_a_hit_without_a_symbol_has_a_clean_heading() -> None:
    from conexus.cli.hits import plain

    hit = Hit("a.txt", Span(0, 3, 4, 4), 4, "abc", "", "text", "text", 1.0, ("lexical #1",))
    assert list(plain([hit], 12)) == ["a.txt:4:", "a.txt:4- abc"]


def test_what_is_near_to_a_file_ranks_higher(run: Run, project: Path) -> None:
    for place in ("shop", "till"):
        (project / place).mkdir()
        (project / place / "sums.py").write_text("def add_up_prices(prices):\n    return sum(prices)\n")
    run("index", project)
    question = ["search", "add up prices", "--root", project, "--json", "--no-index"]
    first = json.loads(run(*question).out)["hits"][0]["path"]
    other = {"shop/sums.py": "till/sums.py", "till/sums.py": "shop/sums.py"}[first]
    near = str(project / Path(other).with_name("other.py"))
    (hit, *_) = json.loads(run(*question, "--near", near).out)["hits"]
    assert hit["path"] == other
    assert "in the active file's package x1.10" in hit["reasons"]
    relative = Path(other).with_name("other.py").as_posix()
    assert json.loads(run(*question, "--near", relative).out)["hits"][0]["path"] == other
