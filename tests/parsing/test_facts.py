"""What stands in a definition, in one sample of each language."""

from __future__ import annotations

from pathlib import Path

import pytest

from conexus.domain import Span, Symbol
from conexus.parsing.chunker import parse
from conexus.parsing.facts import Structure, structure

SAMPLES = Path(__file__).parent / "samples"

PYTHON = b'''\
import os


class Client(Base):
    @retried(3)
    def send(self, request: Request, *, wait: float = 1.0) -> Reply:
        """Send it."""
        if self.closed:
            raise ClosedError(f"{self.name} is closed")
        self.sent, self.last = self.sent + 1, request
        self.pool.items[0].size = 3
        return retry(lambda: self.pool.take(request), os.environ["RETRIES"])
'''
TYPESCRIPT = b"""\
export class Queue<T> {
  push(item: T): number {
    if (!item) throw new RangeError('nothing')
    this.items.push(item)
    this.size += 1
    return track<number>(this.limit, process.env.QUEUE_SIZE)
  }
}
"""
JAVA = b"""\
class Cache {
  V get(K key) throws IOException {
    if (key == null) { throw new IllegalStateException("no key"); }
    this.hits = this.hits + 1;
    return new Loader(key).load(System.getenv("CACHE"));
  }
}
"""
GO = b"""\
func (s *Server) Close(ctx context.Context) error {
	if s.done {
		panic(ErrClosed)
	}
	s.count = 1
	return s.pool.Drain(os.Getenv("DRAIN"))
}
"""
RUST = b"""\
impl Pool {
    fn take(&self, n: usize) -> Result<Item> {
        if n == 0 { panic!("none") }
        self.items.get(n).map(Item::new)
    }
}
"""
RUBY = b"""\
class Cart
  def add(item)
    raise ArgumentError, "no item" unless item
    @items = @items.push(item)
    notify(ENV["SHOP"])
  end
end
"""
PHP = b"""\
<?php
class Cart {
  public function add(Item $item): void {
    if (!$item) { throw new LogicException('no item'); }
    $this->items = array_merge($this->items, [$item]);
    $this->log->write(getenv('SHOP'));
  }
}
"""


def taken_apart(source: bytes, language: str, name: str) -> Structure:
    symbol = next(one for one in parse(source, language).symbols if one.name == name)
    found = structure(source, language, symbol)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("source", "language", "name", "signature", "facts"),
    [
        (
            PYTHON,
            "python",
            "send",
            "def send(self, request: Request, *, wait: float = 1.0) -> Reply",
            {
                ("reads", "self.closed", 8),
                ("raises", "ClosedError", 9),
                ("writes", "self.sent", 10),
                ("writes", "self.last", 10),
                ("calls", "retry", 12),
                ("calls", "self.pool.take", 12),
                ("reads", "RETRIES", 12),
            },
        ),
        (
            TYPESCRIPT,
            "typescript",
            "push",
            "push(item: T): number",
            {
                ("raises", "RangeError", 3),
                ("calls", "this.items.push", 4),
                ("writes", "this.size", 5),
                ("calls", "track", 6),
                ("reads", "this.limit", 6),
                ("reads", "QUEUE_SIZE", 6),
            },
        ),
        (
            JAVA,
            "java",
            "get",
            "V get(K key) throws IOException",
            {
                ("raises", "IllegalStateException", 3),
                ("writes", "this.hits", 4),
                ("calls", "Loader", 5),
                ("calls", "load", 5),
                ("reads", "CACHE", 5),
            },
        ),
        (
            GO,
            "go",
            "Close",
            "func (s *Server) Close(ctx context.Context) error",
            {
                ("raises", "ErrClosed", 3),
                ("writes", "s.count", 5),
                ("calls", "s.pool.Drain", 6),
                ("reads", "DRAIN", 6),
            },
        ),
        (RUST, "rust", "take", "fn take(&self, n: usize) -> Result<Item>", {("raises", "panic", 3)}),
        (
            RUBY,
            "ruby",
            "add",
            "def add(item)",
            {
                ("raises", "ArgumentError", 3),
                ("writes", "@items", 4),
                ("calls", "notify", 5),
                ("reads", "SHOP", 5),
            },
        ),
        (
            PHP,
            "php",
            "add",
            "public function add(Item $item): void",
            {
                ("raises", "LogicException", 4),
                ("writes", "$this->items", 5),
                ("calls", "array_merge", 5),
                ("calls", "write", 6),
                ("reads", "SHOP", 6),
            },
        ),
    ],
    ids=["python", "typescript", "java", "go", "rust", "ruby", "php"],
)
def test_facts_of_a_definition(
    source: bytes, language: str, name: str, signature: str, facts: set[tuple[str, str, int]]
) -> None:
    found = taken_apart(source, language, name)
    assert found.signature == signature
    assert facts <= {(one.kind, one.name, one.line) for one in found.facts}
    assert ("calls", "raise") not in {(one.kind, one.name) for one in found.facts}


def test_what_is_raised_is_not_called_too() -> None:
    found = taken_apart(PYTHON, "python", "send")
    assert ("calls", "ClosedError") not in {(one.kind, one.name) for one in found.facts}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*")), ids=lambda path: path.parent.name)
def test_every_language_is_taken_apart_or_left_alone(path: Path) -> None:
    source, language = path.read_bytes(), path.parent.name
    for symbol in parse(source, language).symbols:
        found = structure(source, language, symbol)
        if found is None:
            continue
        span = symbol.span
        assert found.signature
        assert all(span.start_line <= fact.line <= span.end_line for fact in found.facts)
        assert all("\n" not in fact.name and fact.last for fact in found.facts)


def test_of_a_large_file_only_the_definition_is_parsed() -> None:
    filler = b"x = 1\n" * 15_000
    source = filler + PYTHON
    found = taken_apart(source, "python", "send")
    assert ("raises", "ClosedError", 9 + 15_000) in {(one.kind, one.name, one.line) for one in found.facts}
    assert found.signature.startswith("def send(self")


def test_a_language_without_a_grammar_has_no_facts() -> None:
    assert structure(b"x", "cobol", Symbol("x", "function", "", 1, Span(0, 1, 1, 1))) is None
