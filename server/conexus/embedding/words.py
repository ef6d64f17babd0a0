"""Identifier-aware words: what full-text search and the static model know of a text."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, pairwise
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from conexus.domain import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

WORDS_VERSION = 2
"""Rises when `words` gives other words for some text, or `passage` for some chunk: vectors made before are stale."""


@frozen
class Passage:
    """What is embedded for one chunk: where it stands, and what it says."""

    header: str
    content: str
    symbol: str = ""
    """What it defines. `header` says it too; its words count twice."""

    @property
    def text(self) -> str:
        """Return the header and content as one text, as a transformer reads it."""
        return f"{self.header}\n{self.content}"

    @property
    def digest(self) -> bytes:
        """Return the digest of `encoded`: passages with the same digest have the same vector."""
        return digest_of(self.encoded)

    @property
    def encoded(self) -> bytes:
        """Return what words are counted in, as UTF-8: `text`, and the symbol once more."""
        said = f"{self.header} {self.symbol}\n{self.content}" if self.symbol else self.text
        return said.encode("utf-8", "surrogatepass")


@frozen(eq=False)
class Runs:
    """The runs of n texts: stretches that no word goes beyond, identifiers mostly.

    Code repeats its identifiers, so each of them is here once, and what is known of it is looked up once.
    Those of text i are `distinct[number]` for each number in `numbers[starts[i]:starts[i + 1]]`, in order.
    """

    distinct: list[bytes]
    numbers: NDArray[np.int32]
    """int32[k]."""
    starts: NDArray[np.int32]
    """int32[n + 1]."""


def words(text: str) -> list[str]:
    """Return the lower-cased words of `text` in order: ``HttpClient.send2`` is http, client, send, 2.

    ASCII identifiers split at case and digit borders, by the pattern the embedded model was trained
    with: ``[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+``. Other scripts follow the same rule for their own
    cases; accents on Latin letters fold to ASCII (``Größe`` is grosse); scripts written without spaces
    become overlapping pairs of characters (``获取用户`` is 获取, 取用, 用户).
    """
    runs = with_breaks(text.encode("utf-8", "surrogatepass")).split()
    return list(chain.from_iterable(map(_words_of_run, runs)))


def distinct_words(text: str) -> frozenset[str]:
    """Return the words of `text`, each once; code repeats most of them."""
    runs = frozenset(with_breaks(text.encode("utf-8", "surrogatepass")).split())
    return frozenset(chain.from_iterable(map(_words_of_run, runs)))


def with_breaks(text: bytes) -> bytes:
    """Return `text`, UTF-8, with spaces instead of all that is not an ASCII letter or digit, or part of a longer sequence."""
    return text.translate(_BREAKS)


def split(run: bytes) -> list[str]:
    """Return the words of one run, in order."""
    if not run.isascii():
        return list(_split_unicode(_fold(run.decode("utf-8", "surrogatepass"))))
    text = run.decode("ascii")
    # Letters of one case, or digits, are one word: half of all runs, found in a third of the time.
    if text.isdigit() or (text.isalpha() and (text.islower() or text.isupper())):
        return [text.lower()]
    return [word.lower() for word in _ASCII_WORD.findall(text)]


def passage(path: str, symbol: str, content: str) -> Passage:
    """Return the passage of a chunk: the last three parts of `path` without suffix, `symbol`, `content`.

    The prefix is worth .057 nDCG@10 on function pools, the symbol once more another .01 (docs/model-card.md).
    """
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    parts = f"{folder}{slash}{stem}".split("/")[-3:]
    header = " ".join([*parts, symbol]).rstrip()
    return Passage(header, content, symbol)


_BREAKS = bytes(byte if byte > 127 or chr(byte).isalnum() else ord(" ") for byte in range(256))
_ASCII_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MEMO_RUNS = 1 << 17
_MEMO_RUN_BYTES = 64


class RunMemo(dict[bytes, T]):
    """What `make` makes of each run met lately. At most about 32 MB: it is emptied when full."""

    def __init__(self, make: Callable[[bytes], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, run: bytes) -> T:
        made = self._make(run)
        # A long run is a blob, not an identifier, and does not come back.
        if len(run) <= _MEMO_RUN_BYTES:
            if len(self) >= _MEMO_RUNS:
                self.clear()
            self[run] = made
        return made


_words_of_run = RunMemo(split).__getitem__


# The shape of a text has one ASCII letter a character: A upper case, a lower case, 0 digit, x a letter
# without case or a mark, j a letter of a script written without spaces, and a space for all else.
_SHAPE_WORD = re.compile(r"A+(?!a)|A?a+|0+|x+|j+")


def _split_unicode(text: str) -> Iterator[str]:
    for match in _SHAPE_WORD.finditer(text.translate(_SHAPES)):
        word = text[match.start() : match.end()]
        if match.group().startswith("j") and len(word) > 1:
            yield from map("".join, pairwise(word))
        else:
            yield word.casefold()


class _Shapes(dict[int, str]):
    """Shape letters by code point, as `str.translate` wants them."""

    def __missing__(self, code: int) -> str:
        shape = self[code] = _shape(chr(code))
        return shape


_SHAPES = _Shapes()


def _shape(character: str) -> str:
    if character.isupper():
        return "A"
    if character.islower():
        return "a"
    if character.isdecimal():
        return "0"
    if unicodedata.category(character)[0] not in "LM" and character != _HAN_ZERO:
        return " "
    return "j" if _UNSPACED.match(character) else "x"


_HAN_ZERO = "\u3007"  # a number by its category, a letter by its use
_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31ff"  # kana, Bopomofo and the marks among them
    "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Han
    # Korean has spaces, but its particles stick to the word: pairs find 데이터 in 데이터를.
    "\uac00-\ud7af"
    "]"
)

# Latin letters that Unicode does not decompose.
_LATIN = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "TH", "\u0131": "i",
    }
)  # fmt: skip
_LATIN_ACCENTS = re.compile("(?<=[A-Za-z])[\u0300-\u036f]+")
# Stress marks that no letter composes with, soft hyphens, joiners, byte order marks: nobody types them.
_INVISIBLE = re.compile("[\u00ad\u0300-\u036f\u200c\u200d\u2060\ufeff]+")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).translate(_LATIN)
    plain = _LATIN_ACCENTS.sub("", decomposed)
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", plain))
