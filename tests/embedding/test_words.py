"""Words: exact where the model was trained, sensible everywhere else."""
# ruff: noqa: RUF001 -- letters of other scripts are what is tested

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.embedding import words as module
from conexus.embedding.words import Passage, distinct_words, passage, words

TRAINED = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
ROOT = Path(__file__).parents[2]


def reference(text: str) -> list[str]:
    """Do what the recipe of the embedded model did."""
    return [word.lower() for word in TRAINED.findall(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HttpClient.send2", "http client send 2"),
        ("parseHTTPResponse", "parse http response"),
        ("__init__ snake_case SCREAMING_CASE", "init snake case screaming case"),
        ("x1y22", "x 1 y 22"),
        ("", ""),
        (" \t\n\f\x00--", ""),
        ("Größe", "grosse"),
        ("GRÖSSE", "grosse"),
        ("naïveBayes café_latte", "naive bayes cafe latte"),
        ("cafe\u0301", "cafe"),
        ("øre Łódź đến straße", "ore lodz den strasse"),
        ("ПолучитьДанные_изБазы", "получить данные из базы"),
        ("getЦенаНДС2", "get цена ндс 2"),
        ("Ёлка мой", "ёлка мой"),
        ("за\u0301мок", "замок"),
        ("ΟΔΟΣ οδός", "οδοσ οδόσ"),
        ("获取用户 get用户Name2", "获取 取用 用户 get 用户 name 2"),
        ("日", "日"),
        ("二〇二六", "二〇 〇二 二六"),
        ("戻り値", "戻り り値"),
        ("ガ", "ガ"),
        ("데이터를", "데이 이터 터를"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("ﬁle ＡＢＣ １２ x²", "file abc 12 x 2"),
        ("a\u00adb \ufeffc", "ab c"),
        ("don’t “quote”…", "don t quote"),
        ("price €5 — ½", "price 5 1 2"),
        ("\udcff a\udc80b", "a b"),
        ("😀ok", "ok"),
    ],
)
def test_golden(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_what_the_model_was_trained_on(text: str) -> None:
    assert words(text) == reference(text)


def test_real_code_is_what_the_model_was_trained_on() -> None:
    seen = 0
    for path in (ROOT / "server").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        plain = "".join(character for character in text if character.isascii())
        assert words(plain) == reference(plain)
        seen += len(plain)
    assert seen > 20_000


@given(st.text(st.characters(max_codepoint=127)))
def test_both_paths_agree_on_ascii(text: str) -> None:
    assert list(module._split_unicode(module._fold(text))) == reference(text)


@given(st.text())
def test_words_are_free_of_spaces_and_empty_words(text: str) -> None:
    for word in words(text):
        assert word
        assert word.split() == [word]


@given(st.text(), st.text())
def test_a_break_separates(left: str, right: str) -> None:
    assert words(f"{left} {right}") == words(left) + words(right)


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"])))
def test_no_letter_is_lost(text: str) -> None:
    assert bool(words(text)) == bool(text)


@given(st.text(st.characters(categories=["Ll"], max_codepoint=0x24F), min_size=1))
def test_case_does_not_matter_to_a_plain_latin_word(word: str) -> None:
    assert "".join(words(word.upper())) == "".join(words(word))


def test_the_memo_forgets_before_it_grows_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    memo = module.RunMemo(module.split)
    monkeypatch.setattr(module, "_MEMO_RUNS", 10)
    for number in range(100):
        assert memo[b"name%d" % number] == ["name", str(number)]
        assert len(memo) <= 10


def test_long_runs_are_not_kept() -> None:
    memo = module.RunMemo(module.split)
    assert memo[b"a" * 1000] == ["a" * 1000]
    assert not memo


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("a/b/c/d/client.py", "c d client Client.send"),
        ("client.py", "client Client.send"),
        ("v1.2/Makefile", "v1.2 Makefile Client.send"),
        ("a/.gitignore", "a .gitignore Client.send"),
        ("a/app.test.ts", "a app.test Client.send"),
    ],
)
def test_header(path: str, header: str) -> None:
    assert passage(path, "Client.send", "").header == header


def test_passage_words_are_those_of_header_and_content() -> None:
    made = passage("net/http_client.py", "Client.send", "def send(self): ...")
    assert words(made.text) == ["net", "http", "client", "client", "send", "def", "send", "self"]
    assert made.text == "net http_client Client.send\ndef send(self): ..."


def test_what_is_counted_of_a_passage_says_its_symbol_twice() -> None:
    made = passage("net/http_client.py", "Client.send", "def send(self): ...")
    found = words(made.encoded.decode())
    assert found == ["net", "http", "client", "client", "send", "client", "send", "def", "send", "self"]
    assert made.digest != Passage(made.header, made.content).digest
    assert passage("a/b.py", "", "x").encoded == b"a b\nx"


def test_passage_without_symbol() -> None:
    assert passage("a/b.py", "", "x").header == "a b"


@pytest.mark.parametrize(
    "text", ["def send(client, HttpClient): return client.send2", "", "Größe größe 获取用户 获取"]
)
def test_distinct_words_are_the_words(text: str) -> None:
    assert distinct_words(text) == frozenset(words(text))
