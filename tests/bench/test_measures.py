"""What the library makes of ranks is the published metric, and intervals and tests say what chance does."""

from __future__ import annotations

import math

import pytrec_eval
from bench.quality.measures import LIMIT, estimate, ndcg, paired, ranks_of, score, write_runs
from bench.quality.truth import Target
from hypothesis import given, settings
from hypothesis import strategies as st

PATHS = [f"src/{letter}.py" for letter in "abcdefgh"]
hits = st.lists(st.tuples(st.sampled_from(PATHS), st.integers(1, 50)), max_size=60)
wanted = st.lists(st.sampled_from(PATHS), min_size=1, max_size=12, unique=True)


def published(targets, places):
    """Return nDCG@10 as the set of repositories defines it, by its own formula."""
    gained = 0.0
    for target in targets:
        rank = next((at for at, place in enumerate(places[:LIMIT], 1) if target.is_hit_by(*place)), 0)
        gained += 1 / math.log2(rank + 1) if rank else 0
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(LIMIT, len(targets)) + 1))


@settings(max_examples=200, deadline=None)
@given(wanted, hits)
def test_the_library_agrees_with_the_published_formula(paths, found):
    targets = [Target(path) for path in paths]
    places = [[path, line, line + 9] for path, line in found]
    assert math.isclose(ndcg(targets, places), published(targets, places), abs_tol=1e-9)


@settings(max_examples=100, deadline=None)
@given(wanted, hits)
def test_mrr_and_recall_are_those_of_the_ranks(paths, found):
    places = [[path, line, line + 9] for path, line in found]
    ranks = ranks_of([Target(path) for path in paths], places)
    values = score({"q": ranks})
    best = min((rank for rank in ranks if rank), default=0)
    assert math.isclose(values["MRR"]["q"], 1 / best if best else 0)
    for depth in (10, 50):
        share = sum(0 < rank <= depth for rank in ranks) / len(ranks)
        assert math.isclose(values[f"Recall@{depth}"]["q"], share)


def test_a_target_of_lines_is_found_by_a_hit_that_overlaps_them():
    target = Target("a.py", 10, 20)
    assert ranks_of([target], [["a.py", 1, 9], ["b.py", 10, 20], ["x/a.py", 20, 30]]) == (3,)
    assert ranks_of([target], [["a.py", 1, 9], ["a.py", 21, 30]]) == (0,)


def test_a_hit_on_two_targets_stands_for_both_one_after_the_other():
    both = [Target("a.py", 1, 5), Target("a.py", 6, 9)]
    places = [["a.py", 1, 9], ["b.py", 1, 9]]
    assert ranks_of(both, places) == (1, 1)
    assert ndcg(both, places) == 1.0


def test_run_files_score_as_the_ranks_do(tmp_path):
    answers = {"conexus": {"q1": (2, 0), "q2": (1,)}, "our lexical": {"q1": (1, 2), "q2": (0,)}}
    write_runs(tmp_path, "set", answers)
    with (tmp_path / "set.qrels").open() as file:
        judged = pytrec_eval.parse_qrel(file)
    for system, ranks in answers.items():
        with (tmp_path / f"set.{system.replace(' ', '-')}.run").open() as file:
            run = pytrec_eval.parse_run(file)
        values = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut_10"}).evaluate(run)
        assert {key: value["ndcg_cut_10"] for key, value in values.items()} == score(ranks)["nDCG@10"]


def test_an_interval_holds_its_mean_and_narrows_with_more_questions():
    few, many = estimate([0.0, 1.0] * 10), estimate([0.0, 1.0] * 1000)
    assert few.low < few.mean == many.mean == 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_a_paired_test_tells_a_difference_from_chance():
    before = [0.1 * (n % 10) for n in range(60)]
    assert paired(before, before).p == 1.0
    better = paired(before, [value + 0.05 for value in before])
    assert better.p < 0.001
    assert better.wins == 60
    assert better.losses == 0
    swapped = paired(before, [before[n ^ 1] for n in range(60)])
    assert swapped.p > 0.2
