"""What fits a budget, and what of a definition is shown when not all of it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conexus.domain import Span
from conexus.orchestrate.evidence import Citation, Piece, Role, Statement
from conexus.orchestrate.pack import pack
from conexus.orchestrate.tokens import at_most

if TYPE_CHECKING:
    from tests.orchestrate.conftest import Shop

    from conexus.orchestrate.ground import Ground

SHARES = dict.fromkeys(Role, 0.2)


def piece(ground: Ground, path: str, first: int, last: int, role: Role = Role.ANSWER) -> Piece:
    lines = [f"    value_{number} = compute({number})" for number in range(first, last + 1)]
    cited = Citation(
        ground, path, Span(0, 1, first, last), f"# {path}\n".encode() + "\n".join(lines[1:]).encode()
    )
    brief = Citation(ground, path, Span(0, 1, first, first + 1), "\n".join(lines[:2]).encode())
    return Piece(cited, f"f{first}", "function", role, 0.5, (), whole=True, briefer=(brief,))


def test_the_first_answer_is_whole_and_a_large_later_one_is_brief(shop: Shop) -> None:
    ground = shop.ground()
    pieces = [piece(ground, "a.py", 1, 12)] + [piece(ground, f"b{n}.py", 1, 40) for n in range(6)]
    packed = pack(pieces, (), 1_500, SHARES)
    assert packed.pieces[0].whole
    assert any(not one.whole and one.cited.span.end_line == 2 for one in packed.pieces)
    assert packed.tokens <= 1_500


def test_lines_that_are_there_are_not_shown_again(shop: Shop) -> None:
    ground = shop.ground()
    packed = pack([piece(ground, "a.py", 1, 10), piece(ground, "a.py", 8, 14)], (), 4_000, SHARES)
    numbers = [line.split(" ")[0] for line in packed.text.split("\n")[1:-1]]
    assert numbers == [str(number) for number in range(1, 15)]


def test_gaps_are_marked(shop: Shop) -> None:
    ground = shop.ground()
    packed = pack([piece(ground, "a.py", 1, 2), piece(ground, "a.py", 8, 9)], (), 4_000, SHARES)
    assert packed.text.split("\n")[3] == "…"


def test_a_role_has_its_share(shop: Shop) -> None:
    ground = shop.ground()
    answer = piece(ground, "a.py", 1, 4)
    tests = [piece(ground, f"test_{n}.py", 1, 6, Role.TEST) for n in range(9)]
    answers = [piece(ground, f"b{n}.py", 1, 20) for n in range(20)]
    packed = pack([answer, *answers, *tests], (), 2_000, {Role.TEST: 0.2})
    of_tests = [one for one in packed.pieces if one.role is Role.TEST]
    assert of_tests
    assert sum(at_most(one.cited.source.decode()) for one in of_tests) <= 0.2 * 2_000


def test_what_can_be_read_is_not_said(shop: Shop) -> None:
    ground = shop.ground()
    shown = piece(ground, "a.py", 1, 4)
    other = piece(ground, "z.py", 1, 4)
    said = pack(
        [shown],
        [
            Statement("f1", "calls", "calls `compute`", shown.cited),
            Statement("f1", "changed", "has 4 lines of abc", shown.cited, "abc"),
            Statement("f9", "calls", "calls `compute`", other.cited),
        ],
        4_000,
        SHARES,
    )
    assert len(said.statements) == 3
    assert said.text.split("\n")[-3:] == [
        "- f1 has 4 lines of abc (a.py:1)",
        "- f9 calls `compute` (z.py:1)",
        "",
    ]


def test_a_name_that_cannot_be_printed_stays_on_its_line(shop: Shop) -> None:
    packed = pack([piece(shop.ground(), "a\nb.py", 1, 2)], (), 4_000, SHARES)
    assert packed.text.split("\n")[0] == "## 'a\\nb.py'"
