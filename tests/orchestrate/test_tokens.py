"""The bound on tokens is one, for real tokenizers, over code and over the worst texts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic_tokenizer
import pytest
from bpe_openai import get_encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from conexus.orchestrate.tokens import at_most, of_line

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TOKENIZERS: dict[str, Callable[[str], list[int]]] = {
    "cl100k": get_encoding("cl100k_base").encode,
    "o200k": get_encoding("o200k_base").encode,
    "qwen": get_encoding("voyage3_base").encode,
    "claude": anthropic_tokenizer.encode,
}
SAMPLES = sorted(
    path
    for pattern in ("server/**/*.py", "tests/parsing/samples/*/*", "docs/*.md", "editors/**/*.lua")
    for path in ROOT.glob(pattern)
    if path.is_file()
)


def most(text: str) -> int:
    return max(len(encode(text)) for encode in TOKENIZERS.values())


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_no_tokenizer_makes_more_of_code(name: str) -> None:
    over = []
    for path in SAMPLES:
        lines = path.read_text("utf-8", "replace").split("\n")
        for start in range(0, len(lines), 80):
            text = "".join(
                f"{n} {line}".rstrip() + "\n" for n, line in enumerate(lines[start : start + 80], start + 1)
            )
            if at_most(text) < len(TOKENIZERS[name](text)):
                over.append((path, start))
    assert over == []


def test_the_bound_is_near_enough_to_be_of_use() -> None:
    texts = [path.read_text("utf-8") for path in SAMPLES if path.suffix == ".py"]
    assert sum(map(at_most, texts)) < 1.6 * sum(len(TOKENIZERS["o200k"](text)) for text in texts)


@pytest.mark.parametrize(
    "letters",
    [
        "abcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
        "0123456789abcdef",
        "0123456789",
        "!@#$%^&*()_+{}[]|:;<>,.?/~`\\\"'-=",
        "的一是在不了有和人这中大为上个国",
        "😀🎉👩🚀🏳🌈",
        "ꙮ𐍈𝕏᚛éüß\u200d\u2028",
        " \t\n\r",
        "\x00\x01\x07\x1b",
    ],
)
def test_no_tokenizer_makes_more_of_the_worst_texts(letters: str) -> None:
    chance = random.Random(3)
    for length in (1, 2, 7, 40, 400):
        for _ in range(40):
            text = "".join(chance.choice(letters) for _ in range(length))
            assert at_most(text) >= most(text), text


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=40), max_size=6)
)
def test_lines_cost_no_more_together_than_apart(lines: list[str]) -> None:
    shown = [f"{number} {line}".rstrip() + "\n" for number, line in enumerate(lines, 8)]
    assert most("".join(shown)) <= sum(map(of_line, shown))


def test_nothing_costs_nothing_and_lone_surrogates_do_not_hurt() -> None:
    assert at_most("") == 0
    assert at_most("\udcff") >= 1
