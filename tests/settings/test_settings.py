"""Where settings come from, and what becomes of wrong ones."""

from __future__ import annotations

import os
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus import settings
from conexus.settings import FILE_NAME, Settings, load

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home and an environment without settings."""
    for variable in [name for name in os.environ if name.startswith("CONEXUS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    (directory / ".git").mkdir(parents=True)
    return directory


@pytest.fixture
def user_file(home: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = settings.user_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


def test_defaults_are_the_defaults(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.settings == Settings()
    assert loaded.problems == ()
    assert set(loaded.origins.values()) == {"default"}
    assert set(loaded.origins) == set(settings.rules())


def test_each_place_wins_over_the_one_before(
    folder: Path, user_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [(load(folder).settings.search.limit, load(folder).origins["search.limit"])]
    path = user_file("[search]\nlimit = 1")
    seen.append((load(folder).settings.search.limit, load(folder).origins["search.limit"]))
    (folder / FILE_NAME).write_text("[search]\nlimit = 2", "utf-8")
    seen.append((load(folder).settings.search.limit, load(folder).origins["search.limit"]))
    monkeypatch.setenv("CONEXUS_SEARCH_LIMIT", "3")
    seen.append((load(folder).settings.search.limit, load(folder).origins["search.limit"]))
    loaded = load(folder, ["search.limit=4"])
    seen.append((loaded.settings.search.limit, loaded.origins["search.limit"]))
    assert seen == [
        (10, "default"),
        (1, str(path)),
        (2, str(folder / FILE_NAME)),
        (3, "CONEXUS_SEARCH_LIMIT"),
        (4, "--set search.limit"),
    ]


def test_the_nearest_file_up_to_the_repository_root_counts(folder: Path, tmp_path: Path) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text("[search]\nlimit = 1", "utf-8")
    assert load(inner).settings.search.limit == 10
    (folder / FILE_NAME).write_text("[search]\nlimit = 2", "utf-8")
    assert load(inner).settings.search.limit == 2
    (folder / "a" / FILE_NAME).write_text("[search]\nlimit = 3", "utf-8")
    assert load(inner).settings.search.limit == 3


def test_outside_a_repository_only_the_folder_itself_counts(tmp_path: Path) -> None:
    inner = tmp_path / "loose" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "loose" / FILE_NAME).write_text("[search]\nlimit = 2", "utf-8")
    assert load(inner).settings.search.limit == 10
    assert load(inner.parent).settings.search.limit == 2


@pytest.mark.parametrize(
    ("text", "key", "named"),
    [
        ("[search]\nlimit = 0", "search.limit", ["0", "a whole number from 1 to 1000", "Using 10"]),
        ("[search]\nlimit = true", "search.limit", ["true", "a whole number"]),
        ("[search]\nlimit = '7'", "search.limit", ["'7'", "a whole number"]),
        ("[search]\nlimit = 7.0", "search.limit", ["7.0", "a whole number"]),
        ("[scope]\nhidden = 'no'", "scope.hidden", ["'no'", "true or false", "Using true"]),
        ("[scope]\nexclude = 'x'", "scope.exclude", ["'x'", "a list of strings", "Using []"]),
        ("[scope]\nexclude = ['x', 1]", "scope.exclude", ["['x', 1]", "a list of strings"]),
        ("[index]\nfile_timeout = nan", "index.file_timeout", ["nan", "from 0.1 to 600"]),
        ("[index]\nfile_timeout = inf", "index.file_timeout", ["inf", "from 0.1 to 600"]),
        ("[index]\ndirectory = 'here'", "index.directory", ["'here'", "an absolute path"]),
        ("[model]\nname = ''", "model.name", ["''", "a name or path", "Using 'static'"]),
        ("[model]\ndevice = 'gpu'", "model.device", ["'gpu'", "one of auto, cpu, cuda, mps"]),
        ("[model]\ndevice = {a = 1}", "model.device", ["one of auto, cpu, cuda, mps"]),
    ],
)
def test_a_wrong_value_is_named_and_the_default_stands(
    folder: Path, user_file: Callable[[str], Path], text: str, key: str, named: list[str]
) -> None:
    path = user_file(text)
    loaded = load(folder)
    assert loaded.settings == Settings()
    assert loaded.origins[key] == "default"
    (problem,) = loaded.problems
    assert problem.startswith(f"{path}: {key} = ")
    assert [part for part in named if part not in problem] == []


def test_a_wrong_value_leaves_the_value_of_the_place_before(
    folder: Path, user_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file("[search]\nlimit = 7")
    monkeypatch.setenv("CONEXUS_SEARCH_LIMIT", "many")
    loaded = load(folder)
    assert loaded.settings.search.limit == 7
    assert loaded.problems == (
        "CONEXUS_SEARCH_LIMIT: search.limit = 'many' is not a whole number from 1 to 1000. Using 7.",
    )


def test_one_wrong_value_loses_nothing_else(folder: Path) -> None:
    (folder / FILE_NAME).write_text(
        "[search]\nlimit = 'x'\n[scope]\nexclude = ['a/']\nhidden = false", "utf-8"
    )
    loaded = load(folder)
    assert loaded.settings.scope.exclude == ("a/",)
    assert loaded.settings.scope.hidden is False
    assert len(loaded.problems) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[search]\nlimitt = 1", "'search.limitt' (did you mean search.limit?)"),
        ("[serch]\nlimit = 1", "'serch.limit' (did you mean search.limit?)"),
        ("[zzz]\nqq = 1", "there are: engine.idle_seconds"),
        ("limit = 1", "write it below [search]"),
        ("search = 1", "write [search]"),
        ("zzz = 1", "the sections are scope, index, "),
    ],
)
def test_an_unknown_key_is_named_with_what_may_be_meant(folder: Path, text: str, named: str) -> None:
    (folder / FILE_NAME).write_text(text, "utf-8")
    loaded = load(folder)
    assert loaded.settings == Settings()
    (problem,) = loaded.problems
    assert problem.startswith(str(folder / FILE_NAME))
    assert named in problem


@pytest.mark.parametrize(
    "data",
    [
        b"[search\nlimit = 1",
        b"\xff\xfe",
        b"x = " + b"[" * 100_000,
        b"[search]\nlimit = " + b"9" * 6000,
        b"#" * 1_000_001,
        b"[search]\nlimit = 1\nlimit = 2",
    ],
    ids=["syntax", "encoding", "nesting", "number", "size", "twice"],
)
def test_a_malformed_file_is_ignored_with_a_message(folder: Path, data: bytes) -> None:
    (folder / FILE_NAME).write_bytes(data)
    loaded = load(folder)
    assert loaded.settings == Settings()
    assert len(loaded.problems) == 1
    assert loaded.problems[0].startswith(str(folder / FILE_NAME))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_something_that_is_no_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / FILE_NAME)
    assert "not a regular file" in load(folder).problems[0]


def test_a_dangling_link_is_named(folder: Path) -> None:
    (folder / FILE_NAME).symlink_to(folder / "nowhere")
    assert "not a regular file" in load(folder).problems[0]


def test_a_byte_order_mark_is_no_error(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes(b"\xef\xbb\xbf[search]\nlimit = 4")
    assert load(folder).settings.search.limit == 4


@pytest.mark.parametrize("text", ["[model]\nname = 'evil/weights'", "[index]\ndirectory = '/etc'"])
def test_a_folder_cannot_say_what_is_loaded_or_written_where(
    folder: Path, user_file: Callable[[str], Path], text: str
) -> None:
    (folder / FILE_NAME).write_text(text, "utf-8")
    loaded = load(folder)
    assert loaded.settings == Settings()
    (problem,) = loaded.problems
    assert "cannot be set by a folder" in problem
    assert str(settings.user_file()) in problem
    (folder / FILE_NAME).unlink()
    user_file(text)
    assert load(folder).problems == ()
    assert load(folder).settings != Settings()


def test_variables_are_text_of_every_type(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "SCOPE_EXCLUDE": "*.sql, vendor/ ,",
        "SCOPE_HIDDEN": "False",
        "SCOPE_GENERATED": "1",
        "INDEX_WORKERS": "3",
        "INDEX_FILE_TIMEOUT": "2",
        "MODEL_DEVICE": "cpu",
    }.items():
        monkeypatch.setenv(f"CONEXUS_{name}", text)
    loaded = load(folder)
    assert loaded.problems == ()
    assert loaded.settings.scope.exclude == ("*.sql", "vendor/")
    assert (loaded.settings.scope.hidden, loaded.settings.scope.generated) == (False, True)
    assert (loaded.settings.index.workers, loaded.settings.index.file_timeout) == (3, 2.0)
    assert loaded.settings.model.device == "cpu"


def test_an_unknown_variable_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_SEARCH_LIMITS", "3")
    assert "did you mean CONEXUS_SEARCH_LIMIT?" in load(folder).problems[0]


@pytest.mark.parametrize("flag", ["search.limit", "", "=", "search.limt=3", "x=1"])
def test_a_wrong_flag_is_a_message(folder: Path, flag: str) -> None:
    loaded = load(folder, [flag])
    assert loaded.settings == Settings()
    assert len(loaded.problems) == 1
    assert "--set" in loaded.problems[0]


def test_long_values_are_shortened(folder: Path) -> None:
    assert len(load(folder, ["model.device=" + "x" * 10_000]).problems[0]) < 300


@given(st.dictionaries(st.sampled_from(sorted(settings.rules())), st.text(string.printable)))
def test_no_flag_is_ever_an_error(flags: dict[str, str]) -> None:
    loaded = load(Path("/"), [f"{key}={text}" for key, text in flags.items()])
    for key, rule in settings.rules().items():
        assert rule.holds(settings.value_of(loaded.settings, key))


def test_the_data_directory_follows_setting_then_variable_then_user(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.data_directory(Settings()).is_relative_to(home)
    monkeypatch.setenv("CONEXUS_DATA_DIR", "~/elsewhere")
    assert settings.data_directory(Settings()) == home / "elsewhere"
    chosen = load(folder, [f"index.directory={home / 'chosen'}"]).settings
    assert settings.data_directory(chosen) == home / "chosen"
